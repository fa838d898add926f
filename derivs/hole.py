"""Solve for the hole: which factor or term is missing in a line that no single edit mends.

One gap of the author's right side is filled with an unknown H. left = rest + Σ coefficient · H is solved for H, and H
is said in textbook form, the shortest first, if it is clearly shorter than the truth. Nothing here is trusted: the
author's text with H written into it is read again and proved, or nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from time import perf_counter
from typing import Final

from derivs.compact import Book, stages
from derivs.cost import cost
from derivs.derive import Graph
from derivs.errors import DerivsError
from derivs.evaluate import Evaluator
from derivs.expr import (
    ONE,
    ZERO,
    Add,
    Derivative,
    Entry,
    Expr,
    Integer,
    Mul,
    Number,
    Pow,
    Sum,
    add,
    mul,
    negate,
    subtract,
    tensors_in,
    walk,
)
from derivs.gaps import Gap, edited, edits, filled, gaps
from derivs.guess import Looks, looks
from derivs.house_style import is_negative
from derivs.judge import judge
from derivs.judgement import Diagnosis
from derivs.lost import bodies, cofactors, paths, some_of, speaks_of_nodes, summed
from derivs.only_where import only_where
from derivs.problem import Claim, Problem, Tensor
from derivs.reading.choices import Choices
from derivs.reading.claims import Reading, claim
from derivs.reading.parse import parse
from derivs.reading.syntax import Name, Node
from derivs.reading.vocabulary import Named, Spelling, Vocabulary
from derivs.text import text
from derivs.unknown import Opened, opened, solution, summand
from derivs.verdict import Proved

HOLE: Final = "unknown H"              # the name of the tensor that stands for what is missing
SPELLED: Final = "hole"                # how it is spelled in syntax; no author's command has this name
SECONDS: Final = 0.25                  # of solving, and of looking for where the line holds
SURE: Final = 2.5                      # the length of a guess that need not wait for what is solved for
MOST_GAPS: Final = 32                  # of a line that are tried
MOST_PARTS: Final = 3                  # factors or terms that what is said may have, numbers and sizes aside
CLEARLY: Final = 0.75                  # of the length of the truth, which what is said must not exceed
REPLACED: Final = {"instead": 0.8, "with": 0.4}       # what it counts that something is taken away too, or bracketed


@dataclass(frozen=True, slots=True)
class Line:
    """A wrong line: its left side, its right side, the conditions, and the author's text, which begins at `offset`.

    taken: the options of the reading in which it was judged.
    """

    subject: Node
    right: Node
    given: tuple[Node, ...]
    text: str
    offset: int = 0
    taken: tuple[tuple[str, int], ...] = ()

    @property
    def choices(self) -> Choices:
        return Choices(dict(self.taken))


@dataclass(slots=True)
class Solver:
    """An exercise with the work on it that solving for the hole shares between lines. seconds: of solving, for one."""

    problem: Problem
    graph: Graph
    evaluator: Evaluator
    words: Vocabulary
    seed: int = 0
    seconds: float = SECONDS
    book: Book | None = None
    written: dict[Claim, Expr | None] = field(default_factory=dict)

    def reading(self, line: Line, right: Node) -> Reading:
        """The claim that the line's left side is that."""
        return claim(self.problem, self.words, line.choices, line.subject, right, line.given)

    def textbook(self, expr: Expr, like: Claim) -> Expr | None:
        """The expression in textbook form, under the conditions of the claim; None where it has none."""
        asked = Claim(expr, ZERO, like.given)
        if asked not in self.written:
            self.written[asked] = None
            with suppress(DerivsError):
                found = stages(self._book(), asked)
                self.written[asked] = found[-1].tree if found else None
        return self.written[asked]

    def named(self, expr: Expr, like: Claim) -> Expr:
        """The expression with the nodes that stand in it under their names, and otherwise as it is."""
        return self._book().written(expr, like.left)

    def _book(self) -> Book:
        if self.book is None or self.book.graph is not self.graph:
            self.book = Book(self.graph)
        return self.book

    def proves(self, line: Line, right: str, slips: int) -> bool:
        """Whether the line with that right side is read in the same way, with no more slips, and proved."""
        with suppress(DerivsError, RecursionError):
            reading = self.reading(line, parse(right))
            return len(reading.slips) <= slips and self.proved(reading)
        return False

    def proved(self, reading: Reading) -> bool:
        """Whether the claim of a reading is proved, and was looked at at exact points."""
        is_own = reading.problem is self.problem
        graph = self.graph if is_own else self.graph.extended(reading.problem)
        evaluator = self.evaluator if is_own else self.evaluator.extended(reading.problem)
        verdict = judge(graph, reading.claim, seed=self.seed, evaluator=evaluator, shrink=False)
        return isinstance(verdict, Proved) and verdict.examined > 0


@dataclass(frozen=True, slots=True)
class Found:
    """What the unknown must be in a gap, and how long it is to say so. paths: nodes whose paths it is the sum of."""

    gap: Gap
    value: Expr
    paths: tuple[str, ...] = ()

    @property
    def length(self) -> float:
        return cost(_unsigned(self.value)) + REPLACED.get(self.gap.way, 0)

    @property
    def mistake(self) -> str:
        if self.gap.way != "instead":
            return f"missing {self.gap.noun}"
        return f"{'extra' if self.is_idle else 'wrong'} {self.gap.noun}"

    @property
    def is_idle(self) -> bool:
        """Whether it may as well be left out."""
        return self.value == (ONE if self.gap.noun == "factor" else ZERO)


def missing(solver: Solver, line: Line, deadline: float) -> Diagnosis | None:
    """The shortest factor or term that mends the line where it is put in, or put in the stead of another; None if none.

    deadline: of time.perf_counter.
    """
    with suppress(DerivsError, RecursionError):
        reading = solver.reading(line, line.right)
        if reading.problem is not solver.problem or reading.under != ONE:
            return None
        truth = solver.textbook(reading.claim.left, reading.claim)
        if truth is not None:
            return (_in_the_text(solver, line, reading, truth, deadline)
                    or _beside_the_text(solver, reading, truth, deadline)
                    or only_where(solver.graph, solver.evaluator, reading.claim, truth,
                                  min(deadline, perf_counter() + solver.seconds), seed=solver.seed))
    return None


# ---- solving ---------------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Equation:
    """The line with the unknown in a gap: left = rest + Σ coefficient · H."""

    gap: Gap
    claim: Claim
    around: Opened


def _in_the_text(solver: Solver, line: Line, reading: Reading, truth: Expr, deadline: float) -> Diagnosis | None:
    """What is missing, as an edit of the author's text: what people lose and short guesses, then what is solved for."""
    equations = list(_equations(solver, line))
    at = looks(solver.evaluator, reading.claim, truth, reading.claim.right)
    guessed = list(_guessed(at, reading.claim, equations, truth))
    lost = list(_lost(solver, at, reading.claim, equations, truth))
    in_steps = speaks_of_nodes(solver.graph, reading.claim.right)          # else no path stands in the line as such
    likely = [*(one for one in lost if in_steps or not one.paths), *(one for one in guessed if one.length <= SURE)]
    rest = [one for one in guessed if one.length > SURE]
    solved = _solved(solver, equations, truth, min(deadline, perf_counter() + solver.seconds))
    for some in (likely, chain(rest, solved), lost):
        for found in sorted(some, key=lambda one: one.length):
            if perf_counter() > deadline:
                return None
            changes = edits(solver.problem, line.text, line.offset, found.gap, found.value)
            mended = edited(line.text, line.offset, line.right, changes)
            if solver.proves(line, mended, len(reading.slips)):
                return Diagnosis(found.mistake, _sentence(solver.problem, found), changes, mended)
    return None


def _equations(solver: Solver, line: Line) -> Iterator[Equation]:
    """The claim with an unknown in one gap after the other, its right side opened around it."""
    unknown = Entry(HOLE)
    words = solver.words.copy()
    words.add(Spelling(SPELLED, (), (), Named(unknown), SPELLED))
    problem = replace(solver.problem, tensors={**solver.problem.tensors, HOLE: Tensor(HOLE, (), "constant")})
    for gap in gaps(line.right)[:MOST_GAPS]:
        right = filled(line.right, gap, Name(SPELLED, gap.node.span))
        with suppress(DerivsError, RecursionError):
            reading = claim(problem, words, line.choices, line.subject, right, line.given)
            around = opened(reading.claim.right, unknown)
            if reading.problem is problem and around is not None and around.coefficient != ZERO:
                yield Equation(gap, reading.claim, around)


def _guessed(at: Looks, like: Claim, equations: Sequence[Equation], truth: Expr) -> Iterator[Found]:
    """Where the unknown is a number, made of sizes or of a part of the truth, as far as exact points tell."""
    for one in equations:
        if not one.around.binders:
            values = at.values(one.claim.left, one.around.rest, one.around.coefficient)
            for value in () if values is None else at.guesses(values):
                if _may_be_said(Found(one.gap, value), truth, like.left):
                    yield Found(one.gap, value)


def _lost(solver: Solver, at: Looks, like: Claim, equations: Sequence[Equation], truth: Expr) -> Iterator[Found]:
    """Paths of the chain rule, and what stands under a sum, where the unknown may be that at the same points."""
    ways = paths(solver.graph, like.left)
    for one in equations:
        around = one.around
        values = at.values(one.claim.left, around.rest, ONE)
        if values is None:
            continue
        if around.binders:
            guesses = (bodies(ways, around.binders) if one.gap.noun == "term" else
                       cofactors(solver.graph, one.claim.left, truth, around))
            for value in guesses:
                if at.has(summed(mul(around.coefficient, value), around.binders), values):
                    yield Found(one.gap, value)
        elif one.gap.way == "after" and around.coefficient == ONE:
            for nodes, value in some_of(ways):
                if at.has(value, values):
                    yield Found(one.gap, solver.named(value, like), nodes)


def _solved(solver: Solver, equations: Sequence[Equation], truth: Expr, deadline: float) -> Iterator[Found]:
    """What the unknown is in each gap where it is short enough to be said."""
    for one in equations:
        if perf_counter() > deadline:
            return
        value = _value(solver, one.claim, one.around)
        if value is not None and _may_be_said(Found(one.gap, value), truth, one.claim.left):
            yield Found(one.gap, value)


def _value(solver: Solver, like: Claim, around: Opened) -> Expr | None:
    """H in textbook form."""
    value = subtract(like.left, around.rest)
    if around.binders:
        written = solver.textbook(value, like)
        body = None if written is None else summand(written, around.binders)
        if body is None:
            return None
        value = body
    return solver.textbook(solution(value, around.coefficient), like)


# ---- what is short enough --------------------------------------------------------------------------------------------

def _may_be_said(found: Found, truth: Expr, left: Expr) -> bool:
    """Whether it is clearly shorter than the truth and of few parts; a number or a size is always.

    x_j/x_i is no factor that somebody lost: then x_j should stand in the place of x_i. Nor is what says the left side
    by itself: y = x H with H = y/x.
    """
    asked = left.tensor if isinstance(left, Entry) else None
    if any(node == left or (isinstance(node, Entry) and node.tensor == asked) for node in walk(found.value)):
        return False
    if found.gap.way != "instead" and (found.value == ZERO or _is_quotient(found.value)):
        return False
    under = [node.base for node in walk(found.value) if isinstance(node, Pow) and _is_negative(node.exponent)]
    if any(map(_has_cotangent, under)) or (found.gap.way == "with" and any(map(tensors_in, under))):
        return False                                   # what is linear in cotangents is divided by none
    return _is_short(found.value, truth)


def _is_negative(exponent: Expr) -> bool:
    return isinstance(exponent, Number) and exponent.value < 0


def _has_cotangent(expr: Expr) -> bool:
    return any(isinstance(node, Derivative) or (isinstance(node, Entry) and node.tensor.endswith("_bar"))
               for node in walk(expr))


def _is_short(value: Expr, truth: Expr) -> bool:
    if HOLE in tensors_in(value) or _divides_brackets(value):
        return False
    length, whole = cost(_unsigned(value)), cost(truth)
    return _is_of_sizes(value) or (
        length <= CLEARLY * whole and length + 1 <= whole and _parts(value) <= MOST_PARTS)


def _is_quotient(value: Expr) -> bool:
    """Whether something of the exercise stands over something else of it: x_j in the place of x_i."""
    factors = value.factors if isinstance(value, Mul) else (value,)
    under = [isinstance(f, Pow) and isinstance(f.exponent, Number) and f.exponent.value < 0 for f in factors
             if tensors_in(f)]
    return any(under) and not all(under)


def _divides_brackets(value: Expr) -> bool:
    """Whether one sum stands over another: nobody loses such a factor."""
    factors = value.factors if isinstance(value, Mul) else (value,)
    sums = [f.base if isinstance(f, Pow) else f for f in factors]
    return sum(isinstance(one, Add | Sum) for one in sums) > 1 and any(isinstance(f, Pow) for f in factors)


def _is_of_sizes(value: Expr) -> bool:
    return not any(isinstance(node, Entry | Sum) for node in walk(value)) and _parts(value) <= 1


def _parts(value: Expr) -> int:
    """Its terms, or its factors, whichever are more; numbers and sizes do not count among factors."""
    match value:
        case Add(terms):
            return max(len(terms), *map(_parts, terms))
        case Mul(factors):
            counted = [f for f in factors if not isinstance(f.base if isinstance(f, Pow) else f, Number | Integer)]
            return max(1, len(counted), *map(_parts, counted))
        case Sum(_, _, _, body):
            return _parts(body)
        case _:
            return 1


def _unsigned(value: Expr) -> Expr:
    return negate(value) if is_negative(value) else value


# ---- saying it -------------------------------------------------------------------------------------------------------

def _sentence(problem: Problem, found: Found) -> str:
    said, noun = text(found.value, problem), found.gap.noun
    if found.paths:
        nodes = [text(Entry(node), problem) for node in found.paths]
        through = nodes[0] if len(nodes) == 1 else f"{', '.join(nodes[:-1])} and {nodes[-1]}"
        return (f"the path through {through} is missing here: {said}" if len(nodes) == 1 else
                f"the paths through {through} are missing here: {said}")
    if found.gap.way != "instead":
        return f"a factor {said} is missing here" if noun == "factor" else f"the term {said} is missing here"
    return f"this {noun} is one too many" if found.is_idle else f"this {noun} should be {said}"


def _beside_the_text(solver: Solver, reading: Reading, truth: Expr, deadline: float) -> Diagnosis | None:
    """The ratio of the sides or their difference, where the author's own notation has no place for it."""
    left, right = reading.claim.left, reading.claim.right
    if perf_counter() > deadline:
        return None
    ratio = solver.textbook(solution(left, right), reading.claim)
    if ratio is not None and _is_of_sizes(ratio) and _holds(solver, reading, mul(ratio, right)):
        return Diagnosis("ratio", f"the right side times {text(ratio, solver.problem)} is the left side")
    rest = solver.textbook(subtract(left, right), reading.claim)
    if rest is not None and _is_short(rest, truth) and _holds(solver, reading, add(right, rest)):
        return Diagnosis("missing term", f"the term {text(rest, solver.problem)} is missing")
    return None


def _holds(solver: Solver, reading: Reading, right: Expr) -> bool:
    return solver.proved(replace(reading, claim=replace(reading.claim, right=right)))
