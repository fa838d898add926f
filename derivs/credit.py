"""Marks by a rubric: what each line earns, each question and a whole text, in exact numbers.

Only what is decided earns or loses marks. A line that is ambiguous, undecided or unread waits for the marker, and so
does a question of which the text holds no line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from derivs.judgement import Judgement
from derivs.papers import Paper
from derivs.rubric import Rubric, Weights

OPEN: Final[frozenset[Judgement]] = frozenset({"ambiguous", "undecided", "unread"})     # for the marker to decide


@dataclass(frozen=True, slots=True)
class Credit:
    """Marks that are earned and marks that the marker decides on, out of so many."""

    got: Fraction = Fraction(0)
    open: Fraction = Fraction(0)
    of: Fraction = Fraction(0)

    def __add__(self, other: Credit) -> Credit:
        return Credit(self.got + other.got, self.open + other.open, self.of + other.of)

    def __str__(self) -> str:
        """`3.5 of 5`, `3 of 5 and 1 open`, `1 open`."""
        if self.open and self.open == self.of:
            return f"{shown(self.open)} open"
        return f"{shown(self.got)} of {shown(self.of)}" + (f" and {shown(self.open)} open" if self.open else "")

    def fields(self) -> dict[str, Any]:
        """In `--json`."""
        return {"marks": str(self.got), "open": str(self.open), "of": str(self.of)}


NONE: Final = Credit()


@dataclass(frozen=True, slots=True)
class Awarded:
    """The marks of a text: of its lines and of its questions, in their order."""

    lines: tuple[Credit, ...]
    questions: tuple[Credit, ...]

    @property
    def total(self) -> Credit:
        return sum(self.questions, NONE)


def awarded(paper: Paper, rubric: Rubric) -> Awarded:
    """The marks of a text."""
    counts = [sum(line.exercise == k for line in paper.lines) for k in range(len(paper.exercises))]
    weights = [rubric.weights(one.problem.name) for one in paper.exercises]
    lines = tuple(line_credit(line.checked.judgement, weights[line.exercise], counts[line.exercise])
                  for line in paper.lines)
    return Awarded(lines, tuple(
        sum((credit for credit, line in zip(lines, paper.lines, strict=True) if line.exercise == k), NONE)
        if counts[k] else _unanswered(weights[k]) for k in range(len(paper.exercises))))


def line_credit(judgement: Judgement, weights: Weights, count: int) -> Credit:
    """What a line earns that is one of `count` lines of its question."""
    worth = weights.line if weights.marks is None else weights.marks / count
    if judgement in OPEN:
        return Credit(Fraction(0), worth, worth)
    return Credit(worth * kept(weights)[judgement], Fraction(0), worth)


def kept(weights: Weights) -> Mapping[Judgement, Fraction]:
    """The share of its worth that a line keeps."""
    return {"right": Fraction(1), "right, mend the notation": 1 - weights.notation,
            "follows from a wrong line": weights.follow, "wrong": Fraction(0)}


def _unanswered(weights: Weights) -> Credit:
    marks = weights.marks or Fraction(0)
    return Credit(Fraction(0), marks, marks)


def total(awards: Sequence[Awarded]) -> Credit:
    """Of several texts."""
    return sum((one.total for one in awards), NONE)


def shown(marks: Fraction) -> str:
    """To two places: 2, 2.5, 1.67."""
    return f"{float(marks):.2f}".rstrip("0").rstrip(".")
