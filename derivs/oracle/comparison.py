"""Whether JAX's autodiff of an exercise's reference agrees with the answers, at random inputs, within rounding.

Both sides carry a bound on their own rounding: the formula by derivs.arrays, autodiff by derivs.oracle.rounding. They
disagree where the distance is larger than the two bounds together. Where a bound is infinite (overflow, a comparison
too close to call), the entry says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded

from derivs.affine import Affine
from derivs.arrays import Axis, Batch, evaluate, holds
from derivs.bounded import TINY, Array, Bounded, Mask, exactly
from derivs.derivation import Agreement
from derivs.errors import DerivsError, IllFormed, Unsupported
from derivs.expr import (
    ONE,
    Compare,
    CompareIndex,
    Condition,
    Derivative,
    Entry,
    Expr,
    Integer,
    rebuild,
)
from derivs.oracle.autodiff import Quantity, compiled, is_node, quantity
from derivs.oracle.report import report
from derivs.problem import Claim, Definition, Problem, Tensor, bar
from derivs.samples import Shape, arrays, batches, closed, shapes, table
from derivs.scope import ranges

DIGITS = 2.0 ** -20            # an input counts where some entry's bound is that much smaller than the entry
NOUGHT = 2.0 ** -900           # ... or where the bound is mere underflow
FEW = 8                        # batches that Hypothesis draws at a time, at least: its first is always the simplest
DRAWS = 6                      # how many inputs are drawn for each that is asked for, at most, if many say nothing

Run = Callable[[Mapping[str, Array]], dict[Quantity, Bounded]]
Progress = Callable[[int], object]


@dataclass(slots=True)
class Question:
    """A claim that autodiff can speak to, and what it has said so far."""

    claim: Claim
    quantity: Quantity
    conditions: tuple[Condition, ...]
    examples: int = 0
    worst: float = 0.0
    failure: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides of a claim at a batch of inputs; `asked` marks the entries that its conditions admit."""

    axes: tuple[Axis, ...]
    formula: Bounded
    autodiff: Bounded
    asked: Mask

    @property
    def bound(self) -> Array:
        return np.where(self.asked, self.formula.error + self.autodiff.error, np.inf)

    @property
    def off(self) -> Array:
        """The distance in units of the bound; 0 where the entry says nothing."""
        heard = np.isfinite(self.bound) & np.isfinite(self.formula.value) & np.isfinite(self.autodiff.value)
        with np.errstate(all="ignore"):
            distance = np.abs(self.formula.value - self.autodiff.value)
            return np.where(heard, distance / np.maximum(self.bound, TINY), 0.0)

    @property
    def telling(self) -> Mask:
        """The inputs at which some entry was compared to several digits."""
        known = self.bound <= np.maximum(DIGITS * np.abs(self.formula.value), NOUGHT)
        return np.asarray(known.reshape(len(known), -1).any(axis=1))


class Disagreement(Exception):
    """Raised inside Hypothesis, which then looks for the simplest input that raises it."""


def agree(problem: Problem, adjoints: Mapping[str, Definition], *, examples: int = 1000, seed: int = 0,
          progress: Progress | None = None) -> list[Agreement]:
    """What autodiff says to each target of the problem, in order.

    adjoints: definitions of cotangents, by name (`mu_bar`), that the answers mention. progress is told of every input.
    """
    problem = replace(problem, tensors=_declared(problem))
    asked = [_question(problem, target.claim) for target in problem.targets]
    questions = [q for q in asked if isinstance(q, Question)]
    try:
        if questions:
            _Session(problem, adjoints, questions, seed, progress).run(examples)
    except Unsupported as error:
        for question in questions:
            question.note = str(error)
    return [q if isinstance(q, Agreement) else _agreement(q) for q in asked]


def _agreement(q: Question) -> Agreement:
    if not q.examples and not q.failure and not q.note:
        q.note = "at no input could it be compared: rounding, overflow or its conditions left nothing"
    return Agreement(q.examples, q.worst, q.note, q.failure)


def _question(problem: Problem, claim: Claim) -> Question | Agreement:
    try:
        conditions = tuple(_condition(g.op, g.left, g.right) for g in claim.given)
        return Question(replace(claim, right=_by_cotangents(problem, claim.right)), quantity(problem, claim.left),
                        conditions)
    except DerivsError as error:
        return Agreement(0, 0.0, note=str(error))


def _declared(problem: Problem) -> dict[str, Tensor]:
    """The tensors, with the cotangents and the loss that nobody cared to declare."""
    found = dict(problem.tensors)
    for tensor in problem.tensors.values():
        found.setdefault(bar(tensor.name), replace(tensor, name=bar(tensor.name), role="cotangent",
                                                   properties=frozenset()))
    found.setdefault(problem.loss, Tensor(problem.loss, role="loss"))
    return found


def _condition(op: str, left: Affine | Expr, right: Affine | Expr) -> Condition:
    if isinstance(left, Affine) and isinstance(right, Affine):
        return CompareIndex("=" if op == "=" else "!=", left, right)
    a, b = (Integer(side) if isinstance(side, Affine) else side for side in (left, right))
    return Compare("=" if op == "=" else "!=", a, b)


def _by_cotangents(problem: Problem, expr: Expr) -> Expr:
    """Derivatives of the loss in a formula are cotangents."""
    if isinstance(expr, Derivative) and expr.of.tensor == problem.loss and expr.kind == "total":
        return ONE if expr.by == expr.of else Entry(bar(expr.by.tensor), expr.by.at)
    return rebuild(expr, lambda part: _by_cotangents(problem, part))  # type: ignore[no-any-return]


class _Session:
    """One exercise before the oracle: every draw serves all its questions."""

    def __init__(self, problem: Problem, adjoints: Mapping[str, Definition], questions: list[Question], seed: int,
                 progress: Progress | None) -> None:
        self.problem = problem
        self.definitions = {**adjoints, **{d.tensor: d for d in problem.definitions}}
        self.live = questions
        self.seed = seed
        self.progress = progress
        rng = np.random.default_rng(seed)
        cotangents = [] if is_node(problem) else [problem.tensors[bar(y)] for y in problem.outputs]
        self.shapes = shapes(problem, (*problem.inputs, *cotangents), rng)
        self.numbers = table(rng)
        self.closed = closed(q.claim for q in questions)
        self.wanted = tuple(dict.fromkeys(q.quantity for q in questions))
        self.compiled: dict[int, Run] = {}
        self.drawn = 0

    def run(self, examples: int) -> None:
        """Draw until every question has its number of examples, has failed, or says nothing too often."""
        self._ask(self.shapes[0], [bytes(self.shapes[0].bytes)])        # what is wrong with the reference is said here
        while self.drawn < DRAWS * examples and (open_ := [q for q in self.live if q.examples < examples]):
            missing = examples - min(q.examples for q in open_)
            self._hunt(min(missing, DRAWS * examples - self.drawn))
            self.live = [q for q in self.live if not q.failure and not q.note]

    def _hunt(self, inputs: int) -> None:
        """About as many inputs as are asked for, but none after a question has failed and its failure is shrunk."""
        failed: Question | None = None
        typical = float(np.mean([shape.batch for shape in self.shapes]))
        self.seed += 1

        @seeded(self.seed)
        @settings(max_examples=max(FEW, round(inputs / typical)), database=None, deadline=None, derandomize=False,
                  phases=(Phase.generate, Phase.shrink), verbosity=Verbosity.quiet, report_multiple_bugs=False,
                  suppress_health_check=list(HealthCheck), print_blob=False)
        @given(batches(self.shapes))
        def draw(drawn: tuple[Shape, list[bytes]]) -> None:
            nonlocal failed
            shape, inputs = drawn
            batch, said = self._ask(shape, inputs)
            if failed is None:
                self._count(len(inputs))
            for question in [failed] if failed else self.live:
                if self._disagrees(question, batch, said, len(inputs)):
                    failed = question
                    raise Disagreement

        with suppress(Disagreement):
            draw()

    def _disagrees(self, question: Question, batch: Batch, said: Mapping[Quantity, Bounded], inputs: int) -> bool:
        """Whether the two sides differ at one of the inputs; the question keeps count."""
        try:
            found = self._compare(question, batch, said)
        except Unsupported as error:
            question.note = str(error)
            return False
        question.worst = max(question.worst, float(found.off.max(initial=0.0)))
        if (found.off > 1).any():
            points = {name: tensor.value for name, tensor in batch.given.items() if name != bar(self.problem.loss)}
            question.failure = report(self.problem, question.claim, question.quantity, batch.sizes, points, found.axes,
                                      found.formula, found.autodiff, found.off)
            return True
        question.examples += int(found.telling[:inputs].sum())
        return False

    def _count(self, inputs: int) -> None:
        self.drawn += inputs
        if self.progress:
            self.progress(inputs)

    def _ask(self, shape: Shape, inputs: list[bytes]) -> tuple[Batch, dict[Quantity, Bounded]]:
        """The inputs as a batch to evaluate formulas at, and what autodiff says there."""
        # JAX compiles for one length, so the last input is repeated up to it.
        points = arrays(shape, inputs + inputs[-1:] * (shape.batch - len(inputs)), self.numbers, self.closed)
        key = self.shapes.index(shape)
        if key not in self.compiled:
            self.compiled[key] = compiled(self.problem, self.wanted, shape.sizes)
        given = {name: exactly(array) for name, array in points.items()}
        if is_node(self.problem):
            given[bar(self.problem.loss)] = exactly(np.ones(shape.batch))
        batch = Batch(shape.sizes, self.problem.tensors, given, self.definitions, frozenset(self.problem.kinks))
        if batch.unkinked:
            for definition in self.problem.definitions:
                batch.tensor(definition.tensor)
        return batch, self.compiled[key](points)

    def _compare(self, question: Question, batch: Batch, said: Mapping[Quantity, Bounded]) -> Compared:
        """Both sides of the claim, entry by entry of its left side, where its conditions hold for certain."""
        claim = question.claim
        axes = tuple(Axis(name, low.at(batch.sizes), high.at(batch.sizes))
                     for name, (low, high) in ranges(self.problem, (claim.left, claim.right)).items())
        asked = ~batch.on_kink.reshape(-1, *(1,) * len(axes))
        for condition in question.conditions:
            truth = holds(condition, axes, batch)
            asked = asked & truth.holds & truth.known
        autodiff = self._read(claim.left, axes, batch, said[question.quantity])
        shape = autodiff.value.shape
        value, error = evaluate(claim.right, axes, batch)
        formula = Bounded(np.broadcast_to(value, shape), np.broadcast_to(error, shape))
        return Compared(axes, formula, autodiff, np.broadcast_to(asked, shape))

    def _read(self, left: Expr, axes: tuple[Axis, ...], batch: Batch, said: Bounded) -> Bounded:
        """Autodiff's answer where the left side points: a tensor whose axes are those of its two entries."""
        match left:
            case Derivative(of, by):
                at = (*of.at, *by.at)
            case Entry(_, at):
                pass
            case _:
                raise IllFormed("the left side is neither a value nor a derivative")
        return evaluate(Entry("autodiff", at), axes, replace(batch, given={"autodiff": said}))
