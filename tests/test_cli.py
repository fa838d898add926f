"""The commands: what they print, what they write, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import examples
import pytest
from click.testing import CliRunner, Result

from derivs.cli import main
from derivs.derivation import Solution
from derivs.errors import DerivsError, IllFormed, nearest
from derivs.problem import Problem

SOLUTIONS = {"batchnorm": examples.batchnorm(), "conv_valid": examples.convolution()}
HOSTILE = examples.hostile()


def _load(name: str) -> Problem:
    if name in SOLUTIONS:
        return SOLUTIONS[name].problem
    if name.endswith("evil.py"):
        return HOSTILE.problem
    if name.endswith(".py"):
        raise IllFormed("z is not declared", where=name, mend="did you mean 'x'?")
    raise DerivsError(f"there is no exercise {name!r}", mend=nearest(name, SOLUTIONS))


def _solve(problem: Problem, *, examples: int, seed: int, with_hands: bool = True) -> Solution:
    return SOLUTIONS.get(problem.name, HOSTILE)


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A library and a solver of two exercises, and a folder of our own."""
    import derivs
    library = ModuleType("derivs.library")
    library.__dict__.update(names=lambda: list(SOLUTIONS), load=_load)
    monkeypatch.setitem(sys.modules, library.__name__, library)
    monkeypatch.setattr(derivs, "library", library, raising=False)
    monkeypatch.setattr("derivs.several.solve", _solve)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


# ---- list, show, verify ----------------------------------------------------------------------------------------------

def test_list() -> None:
    result = run("list")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "name        exercise                            asks for                source",
        "batchnorm   Batch normalisation                 ∂E/∂x_i                 Ioffe & Szegedy (2015), sec. 3",
        "conv_valid  Valid convolution of many channels  ∂E/∂X_ncij, ∂E/∂W_fcuv  seed 001, sec. 1.5"]


def test_list_json() -> None:
    made = json.loads(run("list", "--json").stdout)
    assert made["version"] == 1 and [e["name"] for e in made["exercises"]] == ["batchnorm", "conv_valid"]


def test_show() -> None:
    result = run("show", "batchnorm")
    assert result.exit_code == 0
    assert "∂E/∂x_i = ∂E/∂x̂_i · ∂x̂_i/∂x_i + ∂E/∂σ² · ∂σ²/∂x_i + ∂E/∂μ · ∂μ/∂x_i" in result.stdout
    assert "\x1b" not in result.stdout


def test_show_in_more_or_less_detail() -> None:
    answer, steps, everything = (run("show", "batchnorm", "--detail", detail).stdout
                                 for detail in ("answer", "steps", "all"))
    assert "chain rule" not in answer and "chain rule" in steps and "people wrote" not in steps
    assert "people wrote" in everything and "Answer: ∂E/∂x_i" in answer


def test_verify_prints_a_table_and_holds() -> None:
    result = run("verify")
    assert result.exit_code == 0
    assert "3 of 3 answers hold, 2 of 2 hand formulas are as claimed" in result.stdout
    assert "wrong by hand: seed 000, 1.2 (i)" in result.stdout
    assert result.stderr == ""                                         # no bar where nobody watches


def test_verify_what_does_not_hold_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    solution = SOLUTIONS["batchnorm"]
    right, wrong = solution.hands
    monkeypatch.setitem(SOLUTIONS, "batchnorm", replace(
        solution, hands=(replace(right, verdict=wrong.verdict), wrong)))
    result = run("verify", "batchnorm")
    assert result.exit_code == 1
    assert "NOT AS CLAIMED" in result.stdout
    assert "Refuted, although the exercise calls it right: at m = 2, i = 1, x = (0, 2)" in result.stdout


def test_verify_json() -> None:
    made = json.loads(run("verify", "--json", "--examples", "7", "--seed", "3", "batchnorm").stdout)
    assert [made[key] for key in ("version", "command", "holds", "examples", "seed")] == [1, "verify", True, 7, 3]
    target = made["exercises"][0]["targets"][0]
    assert target["verdict"] == "proved" and target["conditions"] == ["where σ > 0"]
    assert target["autodiff"] == {"examples": 1000, "worst": 0.31, "note": "", "failure": "", "agrees": True}
    assert made["exercises"][0]["hands"][1]["lhs"] == "1/4"


# ---- sheet -----------------------------------------------------------------------------------------------------------

def test_sheet_writes_three_files() -> None:
    result = run("sheet")
    assert result.exit_code == 0
    assert sorted(os.listdir("answers")) == ["answers.html", "answers.pdf", "answers.tex"]
    assert result.stdout.split() == [str(Path("answers", f"answers.{kind}")) for kind in ("tex", "html", "pdf")]


def test_sheet_is_the_same_every_time() -> None:
    run("sheet", "-o", "one")
    run("sheet", "-o", "two")
    for kind in ("tex", "html", "pdf"):
        assert Path("one", f"answers.{kind}").read_bytes() == Path("two", f"answers.{kind}").read_bytes()


def test_sheet_of_one_exercise_in_one_format() -> None:
    result = run("sheet", "conv_valid", "--format", "tex", "-o", "a/b", "--json")
    assert os.listdir("a/b") == ["answers.tex"]
    assert json.loads(result.stdout)["files"] == [str(Path("a/b/answers.tex"))]


def test_sheet_of_a_folder_takes_its_files_in_order() -> None:
    Path("mine").mkdir()
    for name in ("evil.py", "_private.py", "notes.txt"):
        Path("mine", name).touch()
    result = run("sheet", "mine", "--format", "tex")
    assert result.exit_code == 1                                       # its answer is refuted by autodiff
    assert "Autodiff disagrees" in result.stdout


def test_a_blank_sheet_solves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["derivs.solver"], "solve", None)
    result = run("sheet", "--blank", "--json")
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert made["files"] == [str(Path("answers", f"questions.{kind}")) for kind in ("tex", "html", "pdf")]
    assert made["command"] == "sheet" and [one["name"] for one in made["exercises"]] == ["batchnorm", "conv_valid"]
    page = Path("answers/questions.tex").read_text()
    assert "Find " in page and r"\derivsspace{10}" in page and "Proved" not in page


def test_a_key_has_the_results_alone() -> None:
    assert run("sheet", "--key", "--format", "tex").exit_code == 0
    page = Path("answers/key.tex").read_text().split(r"\begin{document}")[1]
    assert page.count(r"\derivsresult") == 3 and r"\derivsrule" not in page and "Forward pass" not in page


def test_exercises_stand_in_the_order_given() -> None:
    run("sheet", "conv_valid", "batchnorm", "--format", "tex")
    page = Path("answers/answers.tex").read_text()
    assert r"\derivsexercise{1}{Valid convolution" in page and r"\derivsexercise{2}{Batch normalisation}" in page


def test_a_fragment_is_written_alone_and_beside_what_is_asked_for() -> None:
    assert run("sheet", "--fragment").stdout.split() == [str(Path("answers/answers-fragment.tex"))]
    assert r"\documentclass" not in Path("answers/answers-fragment.tex").read_text()
    result = run("sheet", "--fragment", "--key", "--format", "tex,pdf")
    assert result.stdout.split() == [str(Path("answers", name)) for name in ("key-fragment.tex", "key.pdf")]


def test_settings_stand_on_the_sheet_and_flags_win() -> None:
    Path("course.toml").write_text('title = "One"\ncourse = "C"\nauthor = "A"\ndate = 2026-01-02\n')
    assert run("sheet", "--settings", "course.toml", "--title", "Two", "--format", "tex").exit_code == 0
    page = Path("answers/answers.tex").read_text()
    assert r" Two\par" in page and "One" not in page and "A, 2026-01-02" in page and "on 2026-01-02." in page


def test_the_last_words_say_who_made_it_and_how() -> None:
    run("sheet", "--format", "tex")
    page = Path("answers/answers.tex").read_text()
    last = page.split(r"\derivsprovenance")[-1]
    assert "Made by derivs" in last and "all 3 results are proved" in last and "JAX" in last


@pytest.mark.parametrize("option", [[], ["--key"], ["--detail", "all"]])
def test_a_sheet_takes_the_room_of_one_exercise(monkeypatch: pytest.MonkeyPatch, option: list[str]) -> None:
    from derivs.normal import atoms
    sizes: list[int] = []

    def solve(problem: Problem, *, examples: int, seed: int, with_hands: bool = True) -> Solution:
        sizes.append(len(atoms.Atom._table))
        atoms.Atom(atoms.Kind.SYMBOL, f"n{len(sizes)}")
        return _solve(problem, examples=examples, seed=seed)

    monkeypatch.setattr("derivs.several.solve", solve)
    monkeypatch.setattr("derivs.several._processors", lambda: 1)
    assert run("sheet", *["batchnorm", "conv_valid"] * 5, "--format", "tex", *option).exit_code == 0
    assert sizes[1:] == [0] * 9


def test_sheet_with_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795219200")
    run("sheet", "--format", "tex")
    assert "2026-11-21" in Path("answers/answers.tex").read_text()


# ---- bad input -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("arguments", "message"), [
    (["show", "batchnrom"], "derivs: there is no exercise 'batchnrom'\n    did you mean 'batchnorm'?\n"),
    (["verify", "batchnrom", "own.py"], "derivs: there is no exercise 'batchnrom'\n    did you mean 'batchnorm'?\n"
                                        "derivs: own.py: z is not declared\n    did you mean 'x'?\n"),
    (["sheet", "-o", "taken"], "derivs: taken: cannot write: file exists\n"
                               "    choose a folder with -o; this path is a file\n"),
    (["sheet", "--date", "today"], "derivs: this setting cannot be used\n"
                                   "    date: 'today' is not a day; write it as YYYY-MM-DD\n"),
    (["sheet", "--settings", "no.toml"], "derivs: no.toml: cannot be read: no such file or directory\n"),
    (["sheet", "empty"], "derivs: empty: there is no exercise in this folder\n"
                         "    an exercise is a file *.py or *.toml\n"),
])
def test_bad_input_ends_with_2_and_a_clear_message(arguments: Sequence[str], message: str) -> None:
    Path("taken").touch()
    Path("empty").mkdir()
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (2, message)
    assert sorted(os.listdir()) == ["empty", "taken"]


@pytest.mark.parametrize(("arguments", "message"), [
    (["sheet", "--format", "doc"], "Invalid value for --format: 'doc' is not one of tex, html, pdf"),
    (["verify", "--examples", "-1"], "Invalid value for '--examples': -1 is not in the range x>=0"),
    (["sheet", "--key", "--blank"], "give one of --blank, --key and --detail"),
    (["sheet", "--key", "--detail", "steps"], "give one of --blank, --key and --detail"),
    (["sheet", "--detail", "most"], "'most' is not one of 'answer', 'steps', 'all'"),
    (["solve"], "No such command 'solve'"),
    (["show"], "Missing argument 'NAME'"),
])
def test_bad_usage_ends_with_2(arguments: Sequence[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2 and message in result.stderr


def test_a_bad_source_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    result = run("sheet")
    assert (result.exit_code, result.stderr) == (2, "derivs: SOURCE_DATE_EPOCH is 'today'\n"
                                                    "    let it be seconds since 1970, or unset it\n")


@pytest.mark.parametrize("stage", ["solve", "pdf", "replace"])
def test_ctrl_c_leaves_nothing_half_written(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    if stage == "solve":
        monkeypatch.setattr("derivs.several.solve", stopped)
    elif stage == "pdf":
        monkeypatch.setattr("derivs.sheet.pdf.pdf", stopped)
    else:
        monkeypatch.setattr(os, "replace", stopped)
    result = run("sheet")
    assert result.exit_code == 130
    assert result.stderr == "\nderivs: stopped; nothing half-written is left behind\n"
    assert os.listdir("answers") == []


def test_no_escape_sequence_of_a_file_reaches_the_terminal() -> None:
    assert "\x07" not in run("show", "evil.py", "--examples", "0").stdout


# ---- help ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("command", ["list", "show", "verify", "sheet", "check", "declare"])
def test_every_command_has_help(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0 and "--json" in result.stdout


def test_help_imports_nothing_slow() -> None:
    code = ("import sys; from derivs.cli import main; main(['--help'], standalone_mode=False); "
            "slow = {'sympy', 'numpy', 'jax', 'typst', 'rich', 'flint'} & set(sys.modules); assert not slow, slow")
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=Path(__file__).parents[1])
