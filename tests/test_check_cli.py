"""`derivs check` and `derivs declare`: what they print, word for word, and how they end."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from derivs.cli import main
from derivs.requests import LARGEST, Known, respond, serve

SOFTMAX = r"""
name   = "softmax"
title  = "Softmax at inverse temperature"
source = "a test"

[symbols]
'x'     = "vector[K] input"
'\beta' = "scalar parameter positive"

[forward]
'y_i' = '\frac{e^{-\beta x_i}}{\sum_{k=1}^{K} e^{-\beta x_k}}'

[gradient]
of   = "y"
loss = "E"
by   = ["x", '\beta']
"""
SHEET = r"""Softmax
$$\begin{aligned}
\frac{\partial y_i}{\partial x_j} &= -\beta y_i (\delta_{ij} - y_j) \\
\frac{\partial E}{\partial x_j}
&= -\beta y_j (\frac{\partial E}{\partial y_j} + \sum_i \frac{\partial E}{\partial y_i} y_i) \\
&= -\beta (y_j \frac{\partial E}{\partial y_j} + y_j \sum_i \frac{\partial E}{\partial y_i} y_i) \\
&= -\beta y_j (\frac{\partial E}{\partial y_j} - \sum_i \frac{\partial E}{y_i} y_i) \\
&= -\beta y_j (\frac{\partial E}{\partial y_j} - \sum_i \frac{\partial E}{\partial z_i} y_i)
\end{aligned}$$
"""
PRINTED = r"""    3  ✓ right   \frac{\partial y_i}{\partial x_j} &= -\beta y_i…
    4  ✗ wrong: at K = 1, j = 1, β = 1, ∂E/∂y = (1) the left side is 0, the right side -2
         … -\beta y_j (\frac{\partial E}{\partial y_j} + \sum_i \frac{\partial E}{\partial y_i} y_i)
                                                       ^
         a sign is wrong: write - for +
    6  ↳ follows from a wrong line: it carries on the mistake of the line above; at K = 1, j = 1, β
         = 1, ∂E/∂y = (1) the left side is 0, the right side -2
         = -\beta (y_j \frac{\partial E}{\partial y_j} + y_j \sum_i \frac{\partial E}{\partial y_i}
         y_i)
    7  ! right, mend the notation: ∂ is missing below the fraction bar
         = -\beta y_j (\frac{\partial E}{\partial y_j} - \sum_i \frac{\partial E}{y_i} y_i)
                                                                                  ^^^
         write \frac{\partial E}{\partial y_i}
    8  ? unread: z_i is not declared
         … -\beta y_j (\frac{\partial E}{\partial y_j} - \sum_i \frac{\partial E}{\partial z_i} y_i)
                                                                                           ^^^
         did you mean 'y_i'?

1 right, 1 to mend, 1 wrong, 1 follows, 1 unread
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("softmax.toml").write_text(SOFTMAX, encoding="utf-8")
    Path("sheet.md").write_text(SHEET, encoding="utf-8")


def run(*arguments: str, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=given)


# ---- check -----------------------------------------------------------------------------------------------------------

def test_what_is_printed() -> None:
    result = run("check", "softmax.toml", "sheet.md")
    assert (result.stdout, result.stderr, result.exit_code) == (PRINTED, "", 1)


@pytest.mark.parametrize(("formula", "status", "last"), [
    (r"\frac{\partial y_i}{\partial x_j} = -\beta y_i (\delta_{ij} - y_j)", 0, "1 right"),
    (r"\frac{\partial y_i}{\partial x_j} = -\beta y_i (\delta_{ij} - y_i)", 1, "1 wrong"),
    (r"\frac{\partial y_i}{\partial x_j} = -\beta q", 2, "1 unread"),
    ("no formula", 2, ""),
    (r"We have $\frac{\partial y_i}{\partial x_j} = -\beta y_i (\delta_{ij} - y_j)$.", 0, "1 right"),
    ("Nothing of $n = 10$ concerns it.", 2, "no formula in it is about the exercise"),
])
def test_standard_input_and_the_exit_status(formula: str, status: int, last: str) -> None:
    for arguments in (("check", "softmax.toml"), ("check", "softmax.toml", "-")):
        result = run(*arguments, given=formula)
        assert result.exit_code == status and result.stdout.splitlines()[-1].endswith(last)


def test_json() -> None:
    made = json.loads(run("check", "softmax.toml", "sheet.md", "--json").stdout)
    assert (made["version"], made["command"], made["status"]) == (1, "check", 1)
    file, = made["files"]
    assert file["file"] == "sheet.md" and file["summary"]["right"] == 1
    right, wrong, follows, mend, unread = file["lines"]
    assert (right["number"], right["exercise"], right["against_truth"]["verdict"]) == (3, "softmax", "proved")
    assert (wrong["against_truth"]["lhs"], wrong["against_truth"]["rhs"]) == ("0", "-2")
    assert follows["against_previous"]["verdict"] == "proved"
    assert mend["mend"] == r"write \frac{\partial E}{\partial y_i}"
    assert SHEET[slice(*unread["span"])] == "z_i" and unread["message"] == "z_i is not declared"


def test_several_files_and_one_that_cannot_be_read() -> None:
    Path("bad.ipynb").write_text("{}", encoding="utf-8")
    Path("good.md").write_text("$y_i = y_i$", encoding="utf-8")
    result = run("check", "softmax.toml", "bad.ipynb", "good.md", "nowhere.md")
    assert result.exit_code == 2
    assert "1 right" in result.stdout
    assert result.stderr == ("derivs: bad.ipynb: this is no Jupyter notebook\n"
                             "    open and save it with Jupyter, or export it as Markdown\n"
                             "derivs: nowhere.md: cannot be read: no such file or directory\n")


def test_a_notebook() -> None:
    cells = [{"cell_type": "code", "source": ["y_i = 3"]}, {"cell_type": "markdown", "source": ["$y_i ", "= y_i$"]}]
    Path("a.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert run("check", "softmax.toml", "a.ipynb").stdout.endswith("\n1 right\n")


@pytest.mark.parametrize(("arguments", "message"), [
    (["check"], "Missing argument 'PROBLEM'"),
    (["check", "sofmax.toml"], "derivs: sofmax.toml: there is no such file\n    did you mean"),
    (["check", "softmax.toml", "sheet.md", "--jsonl"], "--jsonl reads requests from standard input and takes no FILE"),
    (["declare"], "Missing argument 'FILE'"),
])
def test_bad_usage_ends_with_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2 and message in result.stderr


def test_no_control_character_of_a_text_reaches_the_terminal() -> None:
    result = run("check", "softmax.toml", given="y_i = \x1b[31mq\u202e + \x07")
    assert not {"\x1b", "\u202e", "\x07"} & set(result.stdout)


def test_signs_fall_back_where_the_terminal_knows_only_ascii() -> None:
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-m", "derivs.cli", "check", "softmax.toml", "sheet.md"],
                          capture_output=True, env=environment, check=False)
    assert done.returncode == 1 and b"    3  ok right" in done.stdout and b"    4  x wrong: at" in done.stdout


def test_a_long_line_is_cut_around_the_caret() -> None:
    many = " + ".join(["y_i"] * 60)
    Path("long.md").write_text(f"$$y_i = {many} + z_i {many}$$", encoding="utf-8")
    _, shown, carets, *_ = run("check", "softmax.toml", "long.md").stdout.splitlines()
    assert len(shown) <= 102 and shown.strip().startswith("… ") and shown.endswith(" …")
    assert shown[carets.index("^"):carets.rindex("^") + 1] == "z_i"


def test_a_caret_shows_where_something_is_missing(patient: None) -> None:
    given = r"\frac{\partial E}{\partial x_j} = -\beta y_j \frac{\partial E}{\partial y_j}"
    shown, carets, mend, *_ = run("check", "softmax_temperature", given=given).stdout.splitlines()[-5:]
    assert shown[carets.index("^"):carets.rindex("^") + 1] == r"\frac{\partial E}{\partial y_j}"
    assert mend.strip() == "the term -Σ_i ∂E/∂y_i · y_i is missing here"           # in brackets with it
    given = r"\frac{\partial E}{\partial x_j} = \sum_i \frac{\partial E}{\partial y_i} y_i (\delta_{ij} - y_j)"
    shown, carets, mend, *_ = run("check", "softmax_temperature", given=given).stdout.splitlines()[-5:]
    assert shown[carets.index("^"):].startswith(r"\sum_i") and carets.count("^") == 1
    assert mend.strip() == "a factor -β is missing here"


@pytest.mark.parametrize(("exercise", "line", "last"), [
    ("relu", r"\frac{\partial L}{\partial X_{ij}} = \frac{\partial L}{\partial Y_{ij}} [X_{ij} > 0]", "1 right"),
    ("relu", r"\frac{\partial E}{\partial X_{ij}} = \frac{\partial E}{\partial Y_{ij}} [X_{ij} > 0]", "1 to mend"),
    ("relu", r"\partial\mathcal J/\partial X_{ij} = [X_{ij} > 0] \partial\mathcal J/\partial Y_{ij}", "1 to mend"),
    ("relu", r"\frac{\partial E}{\partial X_{ij}} = \frac{\partial E}{\partial Y_{ij}} [X_{ij} < 0]", "1 wrong"),
    ("relu", r"\frac{\partial q}{\partial X_{ij}} = \frac{\partial q}{\partial Y_{ij}} [X_{ij} > 0]", "1 unread"),
    ("hinge_loss", r"\frac{\partial E}{\partial b} = \frac{\partial E}{\partial s_i}", "1 unread"),       # L is a node
])
def test_a_loss_of_which_nothing_is_known_may_have_another_letter(exercise: str, line: str, last: str) -> None:
    assert run("check", exercise, given=line).stdout.splitlines()[-1] == last


BY_LOGITS = r"\frac{\partial L}{\partial \tilde{x}_j}"


@pytest.mark.parametrize(("line", "judged"), [
    (rf"{BY_LOGITS} = s_j - t_j", "✓ right where Σ_k t_k = 1"),            # as the exercise itself states it
    (rf"{BY_LOGITS} = t_j - s_j", "✗ wrong: at K = 2, "),
    (rf"{BY_LOGITS} = s_j \sum_k t_k - t_j", "✓ right   "),                # for any t
    (rf"{BY_LOGITS} = s_j - 1", "✗ wrong: "),
    (r"\frac{\partial L}{\partial s_j} = -\frac{t_j}{s_j}", "✓ right   "),
    (r"\frac{\partial L}{\partial s_j} = -\frac{1}{s_j}", "✗ wrong: "),
])
def test_a_condition_that_the_exercise_states_is_named_where_a_line_needs_it(line: str, judged: str) -> None:
    assert run("check", "softmax_cross_entropy", given=line).stdout.splitlines()[0].startswith(f"    1  {judged}")


def test_a_condition_on_indices_is_granted_to_no_line() -> None:
    """Softmax's answers for i = j and i != j are stated each under its condition."""
    given = r"\frac{\partial y_i}{\partial x_j} = \beta y_i y_j"
    assert "✗ wrong" in run("check", "softmax_temperature", given=given).stdout


# ---- declare ---------------------------------------------------------------------------------------------------------

def test_how_a_declaration_is_understood() -> None:
    result = run("declare", "softmax.toml")
    assert result.exit_code == 0
    assert result.stdout == """\
softmax: Softmax at inverse temperature
    a test
symbols
    x   vector[K]   input
    β   scalar      parameter, positive
sizes, each at least 1
    K
forward
    y_i = e^(-β x_i)/(Σ_k e^(-β x_k))   vector[K]
differentiated
    E, any smooth function of y
asked for
    ∂E/∂x_i = β e^(-β x_i)/(Σ_k e^(-β x_k))² · Σ_j ∂E/∂y_j · e^(-β x_j) - β e^(-β x_i)/(Σ_k e^(-β x_k)) · ∂E/∂y_i
    ∂E/∂β = Σ_i ∂E/∂y_i · ((e^(-β x_i) Σ_k x_k e^(-β x_k))/(Σ_k e^(-β x_k))² - x_i e^(-β x_i)/(Σ_k e^(-β x_k)))
"""


def test_a_declaration_as_json() -> None:
    made = json.loads(run("declare", "softmax.toml", "--json").stdout)
    exercise, = made["exercises"]
    assert [s["shape"] for s in exercise["symbols"]] == ["vector[K]", "scalar"]
    assert [target["latex"] for target in exercise["asked"]] == [
        r"\frac{\partial E}{\partial x_i}", r"\frac{\partial E}{\partial \beta}"]


def test_conventions_are_said_where_they_are_not_the_usual_ones() -> None:
    other = SOFTMAX.replace("[forward]", "[conventions]\nindex_base = 0\neinstein = true\n[forward]")
    Path("other.toml").write_text(other.replace("k=1}^{K}", "k=0}^{K-1}"), encoding="utf-8")
    assert run("declare", "other.toml").stdout.endswith("conventions\n    index_base = 0\n    einstein = true\n")


def test_mistakes_in_a_declaration() -> None:
    Path("bad.toml").write_text(SOFTMAX.replace('"scalar parameter', '"scaler parameter'), encoding="utf-8")
    result = run("declare", "bad.toml")
    assert result.exit_code == 2
    assert r"[symbols] \beta: 'scaler parameter positive' does not begin with a shape" in result.stderr


def test_a_declared_exercise_is_shown_and_verified() -> None:
    result = run("verify", "softmax.toml", "--examples", "0")
    assert result.exit_code == 0 and "2 of 2 answers hold" in result.stdout
    assert run("show", "softmax.toml", "--examples", "0").exit_code == 0


# ---- requests --------------------------------------------------------------------------------------------------------

DECLARED = {"symbols": {"x": "scalar"}, "forward": {"y": "x^2"}, "gradient": {"of": "y", "loss": "E", "by": ["x"]}}


def request(number: Any, *lines: str, problem: Any = DECLARED) -> str:
    return json.dumps({"id": number, "problem": problem, "lines": lines})


def answers(*requests: str | bytes) -> list[dict[str, Any]]:
    given = io.BytesIO(b"".join((r if isinstance(r, bytes) else r.encode()) + b"\n" for r in requests))
    made = io.BytesIO()
    serve(given, made)
    return [json.loads(line) for line in made.getvalue().splitlines()]


def test_requests_are_answered_in_order_and_line_by_line() -> None:
    found = answers(request(1, r"\frac{\partial y}{\partial x} = 2x", "= x + x", "= 3x"), request("b"),
                    request(None, "y = x^2", r"y = x^2 \\ = x"))
    assert [(one["id"], [line["judgement"] for line in one["lines"]]) for one in found] == [
        (1, ["right", "right", "wrong"]), ("b", []), (None, ["right", "wrong"])]


@pytest.mark.parametrize(("bad", "message"), [
    ("garbage", "this is not JSON: Expecting value: line 1 column 1 (char 0)"), ("[1]", "a request is a JSON object"),
    ("[" * 100_000, "nested too deeply"), ('{"id": NaN}', "this is not JSON: NaN is no number"),
    (b"\xff\xfe", "this is not JSON"),
    ("9" * 5000, "this is not JSON"), (b"x" * (LARGEST + 10), "a request of more than 1 MB"),
    ('{"id": 7, "problem": "batchnorm"}', "lines is not a list of texts"), ('{"lines": []}', "no problem is named"),
    ('{"problem": "../../etc/passwd", "lines": []}', "there is no exercise '../../etc/passwd'"),
    ('{"problem": "mine.py", "lines": []}', "there is no exercise 'mine.py'"),
    ('{"problem": 3, "lines": []}', "the problem is neither a name nor a declaration"),
    ('{"problem": {"forward": 3}, "lines": []}', "[forward] is not a table"),
    ('{"problem": {"forward": {"y": 3}}, "lines": []}', "3 is not a text"),
])
def test_a_bad_request_is_answered_and_the_next_goes_on(bad: str | bytes, message: str) -> None:
    first, second = answers(bad, request(2, "y = x^2"))
    assert message in first["error"]["what"]
    assert second["lines"][0]["judgement"] == "right"


def test_a_request_keeps_its_id_when_it_is_bad() -> None:
    found, = answers('{"id": {"a": [1, 2.5]}, "problem": "batchnorm", "lines": [3]}')
    assert found["id"] == {"a": [1, 2.5]} and found["error"]["what"] == "lines is not a list of texts"


def test_half_a_character_comes_back_as_it_went_in() -> None:
    found, = answers('{"id": "\\ud800", "problem": ' + json.dumps(DECLARED) + ', "lines": ["y = \\ud800"]}')
    assert found["id"] == "\ud800" and found["lines"][0]["judgement"] == "unread"


def test_an_answer_is_there_before_the_next_request() -> None:
    child = subprocess.Popen([sys.executable, "-m", "derivs.cli", "check", "--jsonl"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent)
    assert child.stdin is not None and child.stdout is not None
    with child:
        for number in range(2):
            child.stdin.write(request(number, "y = x^2").encode() + b"\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["id"] == number
        child.stdin.close()
    assert child.returncode == 0


def test_requests_for_a_problem_of_the_command_line() -> None:
    requests = '{"id": 1, "lines": ["y_i = y_i"]}\n{"id": 2, "lines": ["y_i = 2"]}\n'
    result = run("check", "softmax.toml", "--jsonl", given=requests)
    assert [json.loads(line)["lines"][0]["judgement"] for line in result.stdout.splitlines()] == ["right", "wrong"]
    assert result.exit_code == 1


def test_a_text_in_a_request() -> None:
    found, = answers(json.dumps({"problem": DECLARED, "text": "Let\n$$y = x^2$$ with $n = 3$", "kind": "md"}))
    assert [(line["number"], line["judgement"]) for line in found["lines"]] == [(2, "right")]


def test_the_work_on_an_exercise_is_shared_and_bounded() -> None:
    known = Known()
    for number in range(3):
        respond(request(number, "y = x^2").encode(), known)
    assert len(known.kept) == 1
    for number in range(80):
        respond(request(number, problem={**DECLARED, "name": f"n{number}"}).encode(), known)
    assert len(known.kept) == 64


def test_what_one_request_introduces_the_next_does_not_know() -> None:
    first, second = answers(request(1, "s = x^2", "y = s"), request(2, "y = s"))
    assert [line["judgement"] for line in first["lines"]] == ["right", "right"]
    assert second["lines"][0]["judgement"] == "unread"


def test_requests_import_neither_sympy_nor_jax() -> None:
    code = ("import io, sys; from derivs.requests import serve; "
            f"serve(io.BytesIO({request(1, 'y = x^2').encode()!r}), io.BytesIO()); "
            "print({'sympy', 'jax', 'numpy', 'rich'} & set(sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parent.parent)
    assert done.stdout.strip() == "set()"
