"""A counterexample is as small as can be, and its steps end in the values of the exact evaluation."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from derivs import kernels, library
from derivs.declare import declare
from derivs.evaluate import Evaluator
from derivs.explain import explained
from derivs.judgement import Checked
from derivs.margin import point_text
from derivs.marks import Report
from derivs.papers import mark, one_by_one
from derivs.verdict import Refuted

pytestmark = pytest.mark.usefixtures("patient")

TESTS = Path(__file__).parent
TEXTS = [(path.with_suffix(".toml"), path) for path in sorted((TESTS / "seeds").glob("*.md"))]
TEXTS += [(path.with_name(path.name.replace(".wrong.tex", ".toml")), path)
          for path in sorted((TESTS / "textbook").glob("*.wrong.tex"))]


@cache
def report(declared: Path, text: Path) -> Report:
    kind = "md" if text.suffix == ".md" else "tex"
    paper = mark(library.exercises(str(declared)), text.read_text(encoding="utf-8"), kind)
    return Report({text.name: paper}, explain=True)


def wrong(declared: Path, text: Path) -> Iterator[tuple[Checked, Refuted]]:
    """The wrong lines whose sizes fit."""
    for line in report(declared, text).lines:
        if line.counterexample is not None and line.counterexample.at.integers:
            yield line, line.counterexample


@pytest.mark.parametrize(("declared", "text"), TEXTS, ids=[text.name for _, text in TEXTS])
def test_every_wrong_line_is_explained_down_to_its_exact_values(declared: Path, text: Path) -> None:
    for _, refuted in wrong(declared, text):
        steps, claim = explained(refuted), refuted.claim
        assert steps is not None and claim is not None and claim.problem is not None
        place = (evaluator := Evaluator(claim.problem)).at(refuted.at)
        values = [place.value(evaluator.compile(side)) for side in (claim.left, claim.right)]
        assert (steps.left.value, steps.right.value) == kernels.texts(*values)
        assert [one.steps[0].how for one in (steps.left, steps.right)] == ["as written"] * 2


@pytest.mark.parametrize(("declared", "text"), TEXTS, ids=[text.name for _, text in TEXTS])
def test_what_is_not_shown_changes_nothing(declared: Path, text: Path) -> None:
    """Neither side has other values when the inputs that are left out are others."""
    for _, refuted in wrong(declared, text):
        claim, at = refuted.claim, refuted.at
        assert claim is not None and claim.problem is not None
        evaluator = Evaluator(claim.problem)
        hidden = {key: 1 - value for key, value in at.entries.items() if key[0] in at.idle
                  and not claim.problem.tensors[key[0]].properties}
        other = evaluator.at(type(at)(at.integers, {**at.entries, **hidden}))
        assert (refuted.left, refuted.right) == kernels.texts(
            *(other.value(evaluator.compile(side)) for side in (claim.left, claim.right)))


EXERCISES = {
    "sums": r"""
        [symbols]
        'x' = "vector[m] input"
        'y' = "vector[m] input"
        'w' = "vector[m] input"
        'a' = "scalar input"
        [forward]
        's' = '\sum_i x_i \sum_j y_j'
        'q' = 'a s + \sum_i w_i'
        [gradient]
        loss = "q"
        by = ["x", "a", "w"]""",
    "norm": r"""
        [symbols]
        'x' = "vector[m] input"
        '\epsilon' = "scalar constant positive"
        [forward]
        '\mu' = '\frac{1}{m} \sum_i x_i'
        'v' = '\frac{1}{m} \sum_i (x_i - \mu)^2'
        'y_i' = '\frac{x_i - \mu}{\sqrt{v + \epsilon}}'
        [gradient]
        of = "y"
        by = ["x"]""",
}

SMALLEST = [
    ("sums", r"s = \sum_i x_i y_i", "m = 2, x = (0, 1), y = (1, 0)", ("1", "0")),
    ("sums", r"s = 2 \sum_i x_i \sum_j y_j", "m = 1, x = (1), y = (1)", ("1", "2")),
    ("sums", r"\frac{\partial q}{\partial x_i} = \sum_j y_j", "m = 1, i = 1, a = 0, y = (1)", ("0", "1")),
    ("sums", r"\frac{\partial q}{\partial w_i} = 0", "m = 1, i = 1", ("1", "0")),
    ("norm", r"v = \sum_i (x_i - \mu)^2", "m = 2, x = (0, 1)", ("1/4", "1/2")),
    ("norm", r"y_i = \frac{x_i - \mu}{\sqrt{v} + \epsilon}", "m = 2, i = 2, ε = 2, x = (0, 1)", ("1/3", "1/5")),
]


@cache
def judged(name: str, line: str) -> Refuted:
    checked, = one_by_one(declare(tomllib.loads(EXERCISES[name]), name), [line])
    assert checked.counterexample is not None
    return checked.counterexample


@pytest.mark.parametrize(("name", "line", "point", "values"), SMALLEST)
def test_the_smallest_point_with_exact_values_is_shown(
        name: str, line: str, point: str, values: tuple[str, str]) -> None:
    found = judged(name, line)
    assert found.claim is not None and found.claim.problem is not None
    assert (point_text(found.at, found.claim.problem), (found.left, found.right)) == (point, values)


STEPS = [
    ("sums", r"s = \sum_i x_i y_i", [
        "the left side: s",
        "    = Σ_i x_i Σ_j y_j",
        "    = x_1 (y_1 + y_2) + x_2 (y_1 + y_2)",
        "    = 0 (1 + 0) + 1 (1 + 0)",
        "    = 1",
        "the right side: Σ_i x_i y_i",
        "    = x_1 y_1 + x_2 y_2",
        "    = 0 · 1 + 1 · 0",
        "    = 0"]),
    ("sums", r"\frac{\partial q}{\partial x_i} = \sum_j y_j", [
        "the left side: ∂q/∂x_i",
        "    where s = 0, q = 0",
        "    by differentiating the forward pass ∂q/∂x_1",
        "    = 0",
        "the right side: Σ_j y_j",
        "    = y_1",
        "    = 1",
        "    = 1"]),
    ("norm", r"v = \sum_i (x_i - \mu)^2", [
        "the left side: v",
        "    = 1/m · Σ_i (x_i - μ)²",
        "    = 1/2 · ((x_1 - μ)² + (x_2 - μ)²)",
        "    where μ = 1/2",
        "    = 1/2 · ((0 - 1/2)² + (1 - 1/2)²)",
        "    = 1/4",
        "the right side: Σ_i (x_i - μ)²",
        "    = (x_1 - μ)² + (x_2 - μ)²",
        "    where μ = 1/2",
        "    = (0 - 1/2)² + (1 - 1/2)²",
        "    = 1/2"]),
]


@pytest.mark.parametrize(("name", "line", "steps"), STEPS)
def test_the_steps_are_those_of_a_person(name: str, line: str, steps: list[str]) -> None:
    found = explained(judged(name, line))
    assert found is not None
    assert list(found.lines()) == steps


def test_as_json_and_in_the_terminal() -> None:
    declared, text = TESTS / "textbook" / "vae_kl.toml", TESTS / "textbook" / "vae_kl.wrong.tex"
    whole = report(declared, text)
    fields = [line for file in whole.fields()["files"] for line in file["lines"] if line["explained"]]
    assert [one["explained"]["right"]["value"] for one in fields] == ["1", "1"]
    assert fields[0]["explained"]["right"]["steps"][-1] == {
        "how": "numbers put in", "text": "(2 · 0 + 2 · 1)/2", "latex": r"\frac{2 \cdot 0 + 2 \cdot 1}{2}"}
    assert "the right side: 1/2 · Σ_j 2 μ_j" in whole.text()
    assert "the right side" not in Report(whole.papers).text().replace("the right side 1", "")


def test_the_screen_in_the_documentation_is_what_is_printed() -> None:
    """`...` stands for lines left out."""
    page = (TESTS.parent / "docs" / "checking.md").read_text(encoding="utf-8")
    block = page.split("$ derivs check --explain ")[1].split("```")[0].splitlines()
    printed = report(TESTS / "textbook" / "vae_kl.toml", TESTS / "textbook" / "vae_kl.wrong.tex").text().splitlines()
    shown = [line for line in block[1:] if line != "..."]
    start = printed.index(shown[0])
    assert printed[start:start + len(shown)] == shown
