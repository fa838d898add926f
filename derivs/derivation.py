"""The nouns of an answer: a derivation is a list of steps, each with the rule that made it."""

from __future__ import annotations

from dataclasses import dataclass, field

from derivs.expr import Expr
from derivs.matrices import Equation
from derivs.problem import Claim, Hand, Problem, Target
from derivs.shown import Shown
from derivs.verdict import Verdict, name


@dataclass(frozen=True, slots=True)
class Step(Shown):
    """left = right, by a rule said in words. A step whose left side is that of the step above continues its chain.

    about: what stands for {} in the rule, such as the nodes of a chain rule. since: equations that were put in. The
    verdict is on right being equal to the line above, or to the left side where there is none.
    """

    left: Expr
    right: Expr
    rule: str
    verdict: Verdict | None = None
    about: tuple[Expr, ...] = ()
    since: tuple[Claim, ...] = ()
    problem: Problem | None = field(default=None, compare=False, kw_only=True)          # whose names it is printed in

    def __repr__(self) -> str:
        return f"Step({self.rule!r}, {'no verdict' if self.verdict is None else name(self.verdict)})"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What autodiff said: at how many random inputs, and the largest difference in units of the rounding bound.

    note: why nothing was compared, when examples is 0. failure: the smallest input where they disagree, as Python.
    """

    examples: int
    worst: float
    note: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Shown):
    """One target of an exercise, answered: the steps, the textbook form, its verdict and what autodiff says.

    target: with the textbook form that was found on its right side. stated: what the exercise itself says the answer
    is, judged, where it says it and in other words. cases: the answer where two of its free indices are equal, and
    where they are not. matrix: the same in whole vectors and matrices, where that can be read.
    """

    target: Target
    steps: tuple[Step, ...]
    verdict: Verdict
    agreement: Agreement | None = None
    milliseconds: float = 0.0
    stated: tuple[Claim, Verdict] | None = None
    cases: tuple[tuple[Claim, Verdict], ...] = ()
    matrix: tuple[Equation, Verdict] | None = None
    problem: Problem | None = field(default=None, compare=False, kw_only=True)          # whose names it is printed in

    def __repr__(self) -> str:
        return f"Answer({name(self.verdict)}, {len(self.steps)} steps)"


@dataclass(frozen=True, slots=True)
class Judged(Shown):
    """A formula that a person wrote down, with the verdict on it."""

    hand: Hand
    verdict: Verdict
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Solution(Shown):
    """An exercise, answered: the adjoints of its nodes that the answers share, each target, each hand formula."""

    problem: Problem
    adjoints: tuple[Step, ...]
    answers: tuple[Answer, ...]
    hands: tuple[Judged, ...] = ()

    def __repr__(self) -> str:
        return f"Solution({self.problem.name!r}, {len(self.answers)} answers)"
