"""`derivs test`: what it prints, how it ends, and that its page is true."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from derivs.cli import main
from derivs.errors import DerivsError
from derivs.testing import sandbox
from derivs.testing.command import Asked, Options, Outcome, Tested, _typed, announcement, asked, pairs
from derivs.testing.limits import DEATHS, REACHED, Limits, died
from derivs.testing.sources import source

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")

HOMEWORK = '''
import numpy as np

def right(dy, x):
    return dy * (x > 0)

def doubled(dy, x):
    print("doubled", x.shape)
    return 2 * dy * (x > 0)

def stops_at_three(dy, x):
    if x.size >= 3:
        import os
        os._exit(7)
    return dy * (x > 0)

def forward(x):
    return np.maximum(x, 0)

def of_what(this, that):
    return this * (that > 0)
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "hw.py").write_text(HOMEWORK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["test", *words, "--sandbox", "off"])


# ---- what is asked ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, found", [
    (["relu", "hw.py:right"], [("relu", "hw.py:right")]),
    (["relu", "hw.py:right", "hw.py:doubled"], [("relu", "hw.py:right"), ("relu", "hw.py:doubled")]),
    (["relu=hw.py:right", "sigmoid=hw.py:doubled"], [("relu", "hw.py:right"), ("sigmoid", "hw.py:doubled")]),
    (["relu", "hw.py:right", "sigmoid=hw.py:doubled"], [("relu", "hw.py:right"), ("sigmoid", "hw.py:doubled")]),
    (["my/own.toml", "hw.py:right"], [("my/own.toml", "hw.py:right")]),
])
def test_what_is_asked(words: list[str], found: list[tuple[str, str]], here: Path) -> None:
    assert [(one.problem, one.name) for one in asked(words)] == found


def test_a_forward_pass_is_asked_with_others_or_alone(here: Path) -> None:
    (beside,) = asked(["relu", "hw.py:right"], "forward")
    assert beside.source.functions == {"forward": "forward", "backward": "right"}
    (alone,) = asked(["relu"], "hw.py:forward")
    assert alone.source.functions == {"forward": "forward"}


@pytest.mark.parametrize("words, said", [
    (["relu"], r"no function is named\n    derivs test relu MODULE:FUNCTION"),
    (["hw.py:right"], r"hw.py:right: no exercise is named\n    derivs test PROBLEM hw.py:right"),
    (["relu", "hw.py"], "'hw.py' names no function"),
    (["relu", "h.py:right", "w.py:right"], r"(?s)h.py: there is no such file.*derivs: w.py: there is no such file"),
])
def test_what_cannot_be_asked(words: list[str], said: str, here: Path) -> None:
    with pytest.raises(DerivsError, match=said):
        asked(words)


def test_names() -> None:
    assert pairs(["dout=y_bar", " g = gamma , b=beta,"]) == {"dout": "y_bar", "g": "gamma", "b": "beta"}
    for wrong in ("dout", "=y_bar", "dout="):
        with pytest.raises(DerivsError, match="says of no parameter what it stands for"):
            pairs([wrong])


# ---- how it ends -----------------------------------------------------------------------------------------------------

def test_a_right_function_holds(here: Path) -> None:
    result = run("relu", "hw.py:right", "--examples", "20")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("relu: hw.py:right, ") and "✗" not in result.stdout
    assert "not a sandbox (switched off)" in result.stderr and "not a sandbox" not in result.stdout


def test_a_wrong_one_does_not_and_what_it_printed_is_shown(here: Path) -> None:
    result = run("relu", "hw.py:doubled", "--examples", "20")
    assert result.exit_code == 1
    assert "✗ gradient by X fails" in result.stdout
    assert "X = ((1)), ∂L/∂Y = ((1))" in result.stdout
    assert "· it printed\n      doubled (" in result.stdout


def test_where_a_function_died_too_often_nothing_else_is_claimed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("derivs.testing.limits.Limits", partial(Limits, patience=0.5))
    result = run("relu", "hw.py:stops_at_three", "--examples", "50")
    assert result.exit_code == 1
    assert "it ended the program with exit status 7" in result.stdout
    assert "· it was not started once more after" in result.stdout
    assert "✓" not in result.stdout


def test_several_functions(here: Path) -> None:
    result = run("relu", "hw.py:right", "hw.py:doubled", "hw.py:nothing", "--examples", "10")
    assert result.exit_code == 1
    assert result.stdout.endswith("1 of 3 functions hold\n")
    assert "relu: hw.py:nothing\n  ? not tried\n      hw.py: there is no function 'nothing' in it" in result.stdout


@pytest.mark.parametrize("words, said", [
    (["relu", "hw.py:nothing"], "there is no function 'nothing' in it"),
    (["relu", "hw.py:of_what"], "what the parameter this of of_what stands for is not known"),
])
def test_what_cannot_be_tried_ends_with_2(words: list[str], said: str, here: Path) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.output


def test_an_unknown_exercise_is_said_before_the_work(here: Path) -> None:
    result = run("relu=hw.py:right", "rellu=hw.py:right")
    assert result.exit_code == 2 and result.stdout == ""
    assert "there is no exercise 'rellu'" in result.stderr


@pytest.mark.parametrize("in_python, typed", [
    ("say it: names={'g': 'y_bar'}; the exercise has x", "say it: --names g=y_bar; the exercise has x"),
    ("names={\"...\": \"y_bar\"}", "--names ...=y_bar"),
    ("say what it is: names={'g': ...}", "say what it is: --names g=..."),
    ("say it: returns=('x', 'W')", "say it: --returns x,W"),
    ("say it: returns=('x',)", "say it: --returns x"),
    ("give the forward pass too: forward=...", "give the forward pass too: --forward NAME"),
    ("differentiable are x, W", "differentiable are x, W"),
])
def test_mends_are_said_as_they_are_typed(in_python: str, typed: str) -> None:
    assert _typed(in_python) == typed


def test_names_say_what_parameters_stand_for(here: Path) -> None:
    result = run("relu", "hw.py:of_what", "--names", "this=Y_bar,that=X", "--examples", "10")
    assert result.exit_code == 0, result.output


def test_a_forward_pass_alone(here: Path) -> None:
    result = run("relu", "--forward", "hw.py:forward", "--examples", "10")
    assert result.exit_code == 0, result.output
    assert "value of Y" in result.stdout


def test_json(here: Path) -> None:
    result = run("relu", "hw.py:right", "hw.py:doubled", "hw.py:nothing", "--examples", "10", "--json")
    made = json.loads(result.stdout)
    assert (made["version"], made["command"], made["status"], made["sandbox"]) == (1, "test", 1, "")
    right, doubled, nothing = made["functions"]
    assert right["ok"] and not doubled["ok"] and not nothing["ok"]
    assert nothing["error"]["where"] == "hw.py" and right["error"] is None
    findings = {one["name"]: one["finding"] for one in doubled["properties"]}
    assert findings["shapes"] is None and findings["gradient by X"]["got"] == 2 * findings["gradient by X"]["want"]


def test_signs_have_colors_where_somebody_watches() -> None:
    plain = Outcome((), Options())
    assert plain.text(color=True) == ""
    said = Tested(Asked("relu", source(f"{ROOT}/tests/hostile/deadly.py:abort")), error=DerivsError("no π"))
    found = Outcome((said,), Options())
    assert "\n  ? not tried\n      no π" in found.text()
    assert "\n  \x1b[35m?\x1b[0m not tried\n" in found.text(color=True)
    assert "no ?" in found.text(ascii_only=True)


# ---- the sandbox -----------------------------------------------------------------------------------------------------

def test_a_sandbox_that_is_required_and_missing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "unusable", lambda: "bubblewrap is not installed")
    result = CliRunner().invoke(main, ["test", "relu", "hw.py:right", "--sandbox", "require"])
    assert result.exit_code == 2
    assert "--sandbox require: bubblewrap is not installed" in result.output


def test_what_is_no_sandbox_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for reason in ("", "bubblewrap is not installed"):
        monkeypatch.setattr("derivs.testing.command.unusable", lambda reason=reason: reason)
        assert announcement("off").startswith("not a sandbox (switched off)")
        assert announcement("auto").startswith(f"not a sandbox ({reason})" if reason else "")
        assert bool(announcement("auto")) == bool(reason)


# ---- the page --------------------------------------------------------------------------------------------------------

def test_the_first_screen_is_what_the_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    screen = re.findall(r"^```\n(\$ .*?)^```", PAGE, re.S | re.M)[0]
    command, *expected = screen.splitlines()
    printed = CliRunner().invoke(main, command.split()[2:]).output.splitlines()
    at = 0
    for line in expected:
        if line != "...":
            assert line in printed[at:], line
            at = printed.index(line, at) + 1


@pytest.mark.parametrize("cause", REACHED)
def test_the_page_has_the_limits(cause: str) -> None:
    if cause != "start":               # ours, and not the author's
        assert died(cause, Limits()).sentence in PAGE


@pytest.mark.parametrize("name", [one.name for one in fields(Limits)])
def test_the_page_has_the_fields(name: str) -> None:
    assert f"`{name}`" in PAGE.split("## `--json`")[1]


@pytest.mark.parametrize("cause", DEATHS)
def test_every_death_has_a_sentence(cause: str) -> None:
    assert re.fullmatch(r"[^{}]+", died(cause, Limits(), number=11, words="words").sentence)


def test_a_signal_nobody_knows_has_a_sentence_too() -> None:
    assert died("signal", Limits(), number=99).sentence == "it was ended by signal 99"
