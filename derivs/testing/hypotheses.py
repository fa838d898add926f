"""What somebody may have done instead of the right thing: each hypothesis is the truth with one mistake made in it.

The mistake is one of `derivs.rules.mistakes`, made in the proved formula or in a node on the way to it, and evaluated
with its bounds; or it is about the numbers alone: a sign, a factor, an axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import combinations, islice, permutations
from typing import Any, Final

import numpy as np

from derivs.arrays import Axis, evaluate
from derivs.bounded import TINY, UNIT, Array, Bounded
from derivs.derive import Graph
from derivs.expr import ONE, ZERO, Apply, Entry, Expr, Tree, number, rebuild, walk
from derivs.problem import Definition, Problem, bar
from derivs.rules.functions import FUNCTIONS
from derivs.rules.mistakes import BY_NAME
from derivs.testing.edits import changed as changes
from derivs.testing.exact import quantity
from derivs.testing.expected import Truth
from derivs.testing.trial import LOSS, Subject, Trial
from derivs.text import text

TELLING: Final = 0.5                   # of the entries of a hypothesis must be known
MOST: Final = 600                      # changes of formulas for each gradient
FACTORS: Final = tuple(map(Fraction, ("2", "1/2", "3", "1/3", "4", "1/4")))
EPSILONS: Final = (0.0, 1e-5, 1e-8, 1e-6, 1e-3, 1e-12, 1e-7)


@dataclass(frozen=True)
class Evidence:
    """What came back for one gradient at the points of a trial, and the truth. kinks: at points on kinks."""

    trial: Trial
    name: str
    got: Array

    @cached_property
    def want(self) -> Bounded:
        return self.trial.true(self.name, widest=True)

    def fits(self, value: Array, error: Array) -> bool:
        """Whether a hypothesis explains every entry of which it says anything, and says enough."""
        if value.shape != self.got.shape:
            return False
        with np.errstate(all="ignore"):
            known = np.isfinite(value) & np.isfinite(error)
            near = np.abs(self.got - value) <= LOSS * np.maximum(error + UNIT * np.abs(value), TINY)
        return bool(known.mean() >= TELLING and near[known].all())


Hypothesis = Callable[[Evidence], tuple[Array, Array]]           # values and bounds, if that is what was done


def hypotheses(subject: Subject, name: str, on_kinks: bool) -> Iterator[tuple[str, Hypothesis]]:
    """The likelier and plainer first."""
    if on_kinks:
        yield from _kinks(subject, name)
        return
    yield from _scaled(subject, name)
    yield from _shapes(subject, name)
    yield from _upstream(subject, name)
    yield from _epsilons(subject, name)
    yield from _other_functions(subject, name)
    yield from islice(_edited(subject, name), MOST)


def said(mistake: str, what: str = "") -> str:
    """`a term is missing: x̂_si Σ_r ...`."""
    sentence = BY_NAME[mistake].sentence
    return f"{sentence}: {what}" if what else sentence


def _scaled(subject: Subject, name: str) -> Iterator[tuple[str, Hypothesis]]:
    """A sign, a number, a size, or two sizes, as a factor of the whole."""
    yield said("sign", "of the whole"), _by(lambda sizes: -1.0)
    for sign, also in ((1, ""), (-1, ", and its sign is wrong")):
        for c in FACTORS:
            yield said("factor", f"it is {_times(c)} the right one{also}"), _by(partial(_number, sign * c))
        for letters in (*combinations(subject.problem.sizes, 1), *combinations(subject.problem.sizes, 2)):
            product = " ".join(letters)
            yield (said("size factor", f"it is {product} times the right one{also}"),
                   _by(partial(_product, sign, letters)))
            yield (said("size factor", f"it is the right one divided by {product}{also}"),
                   _by(partial(_product, sign, letters, power=-1)))
    for m in subject.problem.sizes:
        yield said("m-1 for m", f"it divides by {m} - 1 where {m} belongs"), _by(partial(_one_less, m))
        yield (said("m-1 for m", f"it divides by {m} where {m} - 1 belongs"),
               _by(partial(_one_less, m, power=-1)))


def _by(factor: Callable[[Mapping[str, int]], float]) -> Hypothesis:
    """The truth times a factor that depends on the sizes."""
    def hypothesis(one: Evidence) -> tuple[Array, Array]:
        c = factor(one.trial.sizes)
        return c * one.want.value, abs(c) * one.want.error
    return hypothesis


def _number(c: Fraction, sizes: Mapping[str, int]) -> float:
    return float(c)


def _product(sign: int, letters: Sequence[str], sizes: Mapping[str, int], power: int = 1) -> float:
    return sign * float(np.prod([sizes[letter] for letter in letters])) ** power


def _one_less(m: str, sizes: Mapping[str, int], power: int = 1) -> float:
    return float((sizes[m] / (sizes[m] - 1)) ** power) if sizes[m] > 1 else np.nan


def _times(c: Fraction) -> str:
    return f"{c} times" if c.denominator == 1 else f"{c} of"


def _shapes(subject: Subject, name: str) -> Iterator[tuple[str, Hypothesis]]:
    """Transposed, or summed over an axis too many."""
    rank = len(subject.problem.tensors[name].shape)
    for order in permutations(range(rank)):
        if order != tuple(range(rank)):
            yield said("transposed", "what comes back"), partial(_transposed, order)
    for axis in range(rank):
        yield said("extra sum", f"over axis {axis}"), partial(_summed, axis)


def _transposed(order: Sequence[int], one: Evidence) -> tuple[Array, Array]:
    axes = (0, *(k + 1 for k in order))
    return np.transpose(one.want.value, axes), np.transpose(one.want.error, axes)


def _summed(axis: int, one: Evidence) -> tuple[Array, Array]:
    return one.want.value.sum(axis + 1), one.want.error.sum(axis + 1)


def _upstream(subject: Subject, name: str) -> Iterator[tuple[str, Hypothesis]]:
    """As if the gradient from above were 1."""
    problem = subject.problem
    if problem.definition(problem.loss) is None and name.endswith("_bar"):
        ones = {bar(y): 1.0 for y in problem.outputs}
        yield (said("missing factor", "the upstream gradient " + " and ".join(
            text(Entry(one), problem) for one in ones)), _with_inputs(subject.truth, name, ones))


def _epsilons(subject: Subject, name: str) -> Iterator[tuple[str, Hypothesis]]:
    """A small constant left out, or another one than was given."""
    for tensor in subject.problem.inputs:
        if tensor.name.startswith("eps") and not tensor.shape:
            letter = text(Entry(tensor.name), subject.problem)
            for value in EPSILONS:
                what = f"{letter} is left out" if not value else f"it takes {letter} = {value:g} of its own"
                yield said("epsilon", what), _with_inputs(subject.truth, name, {tensor.name: value})


def _with_inputs(truth: Truth, name: str, values: Mapping[str, float]) -> Hypothesis:
    """The truth where some inputs are other ones."""
    def hypothesis(one: Evidence) -> tuple[Array, Array]:
        points = {tensor: np.full_like(array, values[tensor]) if tensor in values else array
                  for tensor, array in one.trial.points.items()}
        return truth.value(name, truth.batch(one.trial.sizes, points, blurred=True))
    return hypothesis


def _edited(subject: Subject, name: str) -> Iterator[tuple[str, Hypothesis]]:
    """One change in the answer as a book prints it, in a node or in a gradient on the way."""
    truth, problem = subject.truth, subject.problem
    for letters, form in truth.stated.get(name, ()):
        for wrong, concerns, expr in changes(form, dict(zip(letters, problem.tensors[name].shape, strict=True))):
            yield said(wrong, _about(concerns, problem)), _formula(truth, letters, expr)
    for definition in _on_the_way(truth, name):
        free = dict(zip(definition.indices, problem.tensors[definition.tensor].shape, strict=True))
        for wrong, concerns, expr in changes(definition.value, free):
            where = text(quantity(problem, definition.tensor, ()), problem)
            yield (said(wrong, f"{_about(concerns, problem)}, in {where}"),
                   _definitions(truth, name, {definition.tensor: replace(definition, value=expr)}))


def _about(concerns: Tree, problem: Problem) -> str:
    return text(concerns, problem) if isinstance(concerns, Expr) else "in a condition"


def _on_the_way(truth: Truth, name: str) -> list[Definition]:
    """The definitions that a gradient is made of, its own first."""
    found: dict[str, Definition] = {}
    stack = [name]
    while stack:
        one = stack.pop(0)
        if one not in found and one in truth.definitions:
            found[one] = truth.definitions[one]
            stack += sorted(truth.graph.reads(one))
    return list(found.values())


def _formula(truth: Truth, letters: Sequence[str], expr: Expr) -> Hypothesis:
    def hypothesis(one: Evidence) -> tuple[Array, Array]:
        axes = [Axis(letter, 1, n) for letter, n in zip(letters, one.want.value.shape[1:], strict=True)]
        return evaluate(expr, axes, one.trial.blurred)
    return hypothesis


def _definitions(truth: Truth, name: str, edited: Mapping[str, Definition], *, blurred: bool = True) -> Hypothesis:
    """As if these had been the definitions. What is wrong in a node alone goes into the answer as a book prints it.

    blurred: as if the inputs had been rounded; not so on a kink, from which that would move them.
    """
    nodes = {d.tensor for d in truth.problem.definitions}
    way = _on_the_way(truth, name)
    changed = set(edited)
    while more := {d.tensor for d in way if not changed.isdisjoint(truth.graph.reads(d.tensor))} - changed:
        changed |= more

    def hypothesis(one: Evidence) -> tuple[Array, Array]:
        there = one.trial.blurred if blurred else one.trial.batch
        known = {d.tensor: there.tensor(d.tensor) for d in way if d.tensor not in changed}
        batch = truth.batch(one.trial.sizes, one.trial.points, blurred=blurred, edited=edited, known=known)
        return truth.value(name, batch) if nodes >= edited.keys() else batch.tensor(name)
    return hypothesis


# ---- other exercises -------------------------------------------------------------------------------------------------

def _other_functions(subject: Subject, name: str) -> Iterator[tuple[str, Hypothesis]]:
    """The derivative of another function: 1 - s^2 for s (1 - s)."""
    problem = subject.problem
    used = {node.function for d in problem.definitions for node in _applied(d.value) if _is_unary(node.function)}
    for right in sorted(used):
        for wrong in FUNCTIONS:
            if wrong != right and _is_unary(wrong) and name.endswith("_bar"):
                other = _adjoints(_with_function(problem, right, wrong))
                edited = {tensor: replace(d, value=_renamed(d.value, wrong, right)) for tensor, d in other.items()}
                yield (said("wrong derivative", f"{wrong}, where {right} belongs"),
                       _definitions(subject.truth, name, edited))


def _is_unary(function: str) -> bool:
    return function in FUNCTIONS and FUNCTIONS[function].arity == 1


def _applied(tree: Tree) -> Iterator[Apply]:
    return (node for node in walk(tree) if isinstance(node, Apply))


def _with_function(problem: Problem, old: str, new: str) -> Problem:
    return replace(problem, kinks={}, definitions=tuple(
        replace(d, value=_renamed(d.value, old, new)) for d in problem.definitions))


def _renamed(tree: Any, old: str, new: str) -> Any:
    if isinstance(tree, Apply) and tree.function == old:
        return Apply(new, tuple(_renamed(part, old, new) for part in tree.arguments))
    return rebuild(tree, lambda part: _renamed(part, old, new))


def _adjoints(problem: Problem) -> Mapping[str, Definition]:
    return Graph(problem).adjoints()


def _kinks(subject: Subject, name: str) -> Iterator[tuple[str, Hypothesis]]:
    """Another number where there is no derivative."""
    problem = subject.problem
    for function, right in problem.kinks.items():
        for value in (ZERO, ONE, number(Fraction(1, 2)), number(-1)):
            if value != right:
                other = replace(problem, kinks={**problem.kinks, function: value})
                yield (said("strict", f"on the kink of {function} it takes the derivative {text(value, problem)}, the "
                                      f"exercise says {text(right, problem)}"),
                       _definitions(subject.truth, name, _adjoints(other), blurred=False))
