"""A whole text: which formulas are lines of a derivation, in which exercise, and what goes on from where."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from time import perf_counter

import pytest

import derivs
from derivs.clock import within
from derivs.declare import Declared, declare
from derivs.errors import OutOfBudget
from derivs.judgement import Checked
from derivs.papers import Paper, mark, one_by_one

SOFTMAX = {
    "name": "softmax", "symbols": {"x": "vector[K] input", r"\beta": "scalar parameter positive"},
    "forward": {"y_i": r"\frac{e^{-\beta x_i}}{\sum_{k=1}^{K} e^{-\beta x_k}}"},
    "gradient": {"of": "y", "loss": "E", "by": ["x", r"\beta"]}}
SQUARE = {"name": "square", "symbols": {"x": "scalar"}, "forward": {"y": "x^2"},
          "gradient": {"of": "y", "loss": "E", "by": ["x"]}}
RIGHT = r"\frac{\partial y_i}{\partial x_j} = -\beta y_i (\delta_{ij} - y_j)"


def paper(text: str, *declarations: dict[str, object], kind: str = "md") -> Paper:
    return mark([declare(one) for one in declarations or (SOFTMAX,)], dedent(text), kind)  # type: ignore[arg-type]


def said(found: Paper) -> list[tuple[int, str]]:
    return [(line.checked.number, line.checked.judgement) for line in found.lines]


# ---- what is a line --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text", [
    "$n = 10$ epochs, $C = 0.5$, $p = 2$",                        # no name of the exercise
    r"with $\beta = 1$",                                          # a value for what is given is no claim
    r"the batch $B = \{x_1, \dots, x_K\}$",                       # a set
    "for $i = 1, \\dots, K$, where $i \\neq j$",
    r"$$\frac{\partial L}{\partial z} = W$$",                     # another exercise's
    r"$$\frac{\partial E}{\partial x_i}$$",                       # no equation
    r"$$x \in \mathbb{R}^K$$",
    "no formula at all",
])
def test_what_does_not_concern_the_exercise_is_left_in_peace(text: str) -> None:
    assert said(paper(text)) == []


@pytest.mark.parametrize("text", [
    f"$${RIGHT}$$", f"We find ${RIGHT}$.", f"\\begin{{equation}}{RIGHT}\\end{{equation}}",
    r"where $s_i = y_i$", r"so $y_i = \frac{e^{-\beta x_i}}{\sum_k e^{-\beta x_k}}$",
])
def test_what_concerns_it_is_judged(text: str) -> None:
    assert said(paper(text)) == [(1, "right")]


def test_lines_have_the_numbers_and_places_of_the_file() -> None:
    text = f"One.\n\n$$\\begin{{align}}\n  {RIGHT} \\\\\n  y_i &= 2 x_i\n\\end{{align}}$$\n"
    found = paper(text)
    assert said(found) == [(4, "right"), (5, "wrong")]
    assert [found.text[slice(*line.span)] for line in found.lines] == [RIGHT, "y_i &= 2 x_i"]
    assert found.first_wrong is found.lines[1].checked
    assert found.counts == {"right": 1, "wrong": 1}


def test_a_guilty_piece_is_a_piece_of_its_line() -> None:
    found = paper(f"$${RIGHT}$$\n\n$$\\frac{{\\partial E}}{{\\partial z_i}} = 2$$")
    line = found.lines[1].checked
    assert line.judgement == "unread" and found.text[slice(*line.span)] == "z_i"


# ---- chains ----------------------------------------------------------------------------------------------------------

def test_a_chain_goes_on_over_displays_and_remarks() -> None:
    assert said(paper(r"""
        $$\frac{\partial E}{\partial x_j} = \sum_i \frac{\partial E}{\partial y_i} \frac{\partial y_i}{\partial x_j}$$
        which, with $s_i = \beta y_i$, is
        $$= -s_j (\frac{\partial E}{\partial y_j} - \sum_i \frac{\partial E}{\partial y_i} y_i)$$
        """)) == [(2, "right"), (3, "right"), (4, "right")]


def test_a_left_side_on_a_row_of_its_own() -> None:
    assert said(paper(r"""
        $$\begin{align}
        & \frac{\partial y_i}{\partial x_j} \\
        &= -\beta y_i (\delta_{ij} - y_j)
        \end{align}$$""")) == [(4, "right")]


def test_nothing_goes_on_from_a_line_whose_left_side_is_garbled() -> None:
    found = said(paper(r"""
        $$y_i = y_i$$

        $$\frac{\partial y_i}{\partial x_j}} = 1$$

        $$= y_i$$"""))
    assert found == [(2, "right"), (4, "unread"), (6, "unread")]           # not right, as y_i = y_i = y_i would be


def test_a_garbled_right_side_is_gone_on_from() -> None:
    assert said(paper(r"""
        $$y_i = y_i$$

        $$\frac{\partial y_i}{\partial x_j} = -\beta y_i {(}$$

        $$= -\beta y_i (\delta_{ij} - y_j)$$""")) == [(2, "right"), (4, "unread"), (6, "right")]


def test_a_heading_ends_a_chain() -> None:
    assert [j for _, j in said(paper("# One\n\n$$y_i = y_i$$\n\n# Two\n\n$$= y_i$$"))] == ["right", "unread"]


def test_a_condition_in_the_prose_holds_for_its_display() -> None:
    assert said(paper(r"""
        For $i = j$ we have
        $$\frac{\partial y_i}{\partial x_j} = -\beta y_i (1 - y_i)$$

        For $i \neq j$ we have
        $$\frac{\partial y_i}{\partial x_j} = -\beta y_i (1 - y_i)$$
        """)) == [(3, "right"), (6, "wrong")]


def test_a_name_that_is_explained_behind_its_display() -> None:
    text = r"$$\frac{\partial y_i}{\partial x_j} = -s_i (\delta_{ij} - y_j)$$ where $s_i = \beta y_i$."
    assert said(paper(text)) == [(1, "right"), (1, "right")]
    assert said(paper(text.replace("= \\beta y_i", "= x_i"))) == [(1, "wrong"), (1, "right")]


# ---- several exercises -----------------------------------------------------------------------------------------------

def test_each_exercise_is_in_force_between_its_words() -> None:
    text = f"""\
        $$y = x^2$$
        Question 1
        $$\\frac{{\\partial E}}{{\\partial x}} = 2x \\frac{{\\partial E}}{{\\partial y}}$$
        Question  2: softmax
        $${RIGHT}$$
        The end.
        $${RIGHT}$$
        """
    found = paper(text, {**SQUARE, "begins": "Question 1"}, {**SOFTMAX, "begins": "Question 2", "ends": "The end"},
                  {**SQUARE, "begins": "Question 3"})
    assert [(line.exercise, line.checked.number, line.checked.judgement) for line in found.lines] == [
        (0, 3, "right"), (1, 5, "right")]
    assert found.missing == ("Question 3",)


def test_what_one_exercise_introduces_the_next_does_not_know() -> None:
    found = paper("A $$s = x^2$$ $$y = s$$ B $$y = s$$", {**SQUARE, "begins": "A"}, {**SQUARE, "begins": "B"})
    assert [line.checked.judgement for line in found.lines] == ["right", "right", "unread"]


# ---- budgets ---------------------------------------------------------------------------------------------------------

def test_a_text_that_takes_too_long_is_undecided_from_there_on() -> None:
    found = mark([declare(SOFTMAX)], f"$${RIGHT}$$\n\n$${RIGHT}$$", "md", seconds=0)
    assert [line.checked.judgement for line in found.lines] == ["undecided", "undecided"]
    assert found.lines[0].checked.message == "undecided within the budget: the time for this text is used up"


def test_a_line_that_takes_too_long_is_undecided_and_the_next_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from derivs.checker import Checker
    line = Checker.line

    def slow(self: Checker, written: str, *rest: object, **more: object) -> Checked:
        while "slow" in written:
            pass
        return line(self, written, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Checker, "line", slow)
    monkeypatch.setattr("derivs.papers.SECONDS", 1.0)
    found = list(one_by_one(declare(SOFTMAX), [r"y_i = \text{slow}", RIGHT]))
    assert [one.judgement for one in found] == ["undecided", "right"]


def test_a_bug_of_ours_costs_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from derivs.checker import Checker
    line = Checker.line

    def broken(self: Checker, written: str, *rest: object, **more: object) -> Checked:
        return {}[written] if "broken" in written else line(self, written, *rest, **more)  # type: ignore

    monkeypatch.setattr(Checker, "line", broken)
    first, second = one_by_one(declare(SOFTMAX), [r"y_i = \text{broken}", RIGHT])
    assert first.judgement == "undecided" and first.message.startswith("this is a bug in derivs: KeyError")
    assert second.judgement == "right"


def test_work_that_is_stopped_cannot_hold_the_alarm_back() -> None:
    start = perf_counter()
    with pytest.raises(OutOfBudget), within(0.05):
        while True:
            try:
                sum(range(10_000))
            except Exception:
                continue
    assert perf_counter() - start < 2


# ---- lines one by one ------------------------------------------------------------------------------------------------

def lines(*written: str, of: dict[str, object] = SOFTMAX) -> list[Checked]:
    return list(one_by_one(declare(of), written))


def test_there_is_an_answer_for_every_line() -> None:
    found = lines(RIGHT, "", "= 1", r"y_i = y_i \\ y_i = 2", "prose only")
    assert [one.judgement for one in found] == ["right", "unread", "wrong", "wrong", "unread"]
    assert [one.number for one in found] == [1, 2, 3, 4, 5]
    assert found[3].text == r"y_i = y_i \\ y_i = 2"


# ---- from Python -----------------------------------------------------------------------------------------------------

def test_check_from_python() -> None:
    report = derivs.check(SOFTMAX, RIGHT)
    assert [line.judgement for line in report.lines] == ["right"] and report.first_wrong is None
    assert derivs.check("sigmoid", r"\frac{\partial y}{\partial x} = y").first_wrong is not None
    assert str(report).endswith("1 right")


def test_import_is_quick_and_a_declaration_needs_no_sympy() -> None:
    code = dedent(f"""
        import sys, derivs
        assert not any(name.startswith("derivs.") for name in sys.modules)
        report = derivs.check({SOFTMAX!r}, {RIGHT!r})
        assert report.lines[0].judgement == "right", report.lines
        report.fields()
        print({{"sympy", "jax", "numpy", "rich", "hypothesis"}} & set(sys.modules))
        """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_problem_in_python_is_read_in_the_letters_it_is_printed_in() -> None:
    from derivs import library
    problem = library.load("batchnorm")
    formula = r"\frac{\partial E}{\partial \mu} = -\frac{1}{\sqrt{\sigma^2}} \sum_i \frac{\partial E}{\partial y_i}"
    for said_so in (problem, "batchnorm"):
        line, = derivs.check(said_so, formula).lines
        assert (line.judgement, line.conditions) == ("right", ("where σ² > 0",))


def test_declared_is_what_exercises_gives() -> None:
    from derivs import library
    one, = library.exercises(SOFTMAX)
    assert isinstance(one, Declared) and one.problem.name == "softmax"
