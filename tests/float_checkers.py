"""The same mutants before checkers that compare floats: how many wrong ones do their tolerances let pass?

Each draws an input from a normal distribution at small sizes, as such tests do, and compares a gradient with central
differences or with the true one. Formulas are evaluated by `plainly`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice, product
from typing import NamedTuple

import numpy as np
from mutants import Mutant, subject
from plainly import Place, World

from derivs.affine import Affine
from derivs.expr import Derivative, Expr, tensors_in
from derivs.problem import Claim, Problem, Tensor, bar
from derivs.scope import ranges

MOST = 12                              # entries of a gradient that are compared
Failed = (ArithmeticError, AssertionError, ValueError, TypeError, KeyError)       # a program would stop here


class Checker(NamedTuple):
    """A row: what it is, the error it lets pass, and against what; step: of the difference, 0 for the true gradient."""

    name: str
    relative: float
    absolute: float
    step: float = 0.0
    draws: int = 1
    single: bool = False               # float32
    directional: bool = False          # only along a random direction


CHECKERS = (
    Checker("`torch.autograd.gradcheck`: eps 1e-6, rtol 1e-3, atol 1e-5; one input", 1e-3, 1e-5, step=1e-6),
    Checker("`jax.test_util.check_grads`, float64: eps 1e-4, tolerance 1e-5, a random direction; one input", 1e-5, 1e-5,
            step=1e-4, directional=True),
    Checker("`allclose` with autodiff, float32, rtol 1e-5, atol 1e-8; one input", 1e-5, 1e-8, single=True),
    Checker("`allclose` with autodiff, float32, rtol 1e-3, atol 1e-4; one input", 1e-3, 1e-4, single=True),
    Checker("`allclose` with autodiff, float64, rtol 1e-5, atol 1e-8; one input", 1e-5, 1e-8),
    Checker("... ten inputs", 1e-5, 1e-8, draws=10))


@dataclass
class Single(World):
    """A point where every entry is rounded to float32, derivatives and nodes included; arithmetic between is not."""

    exact: World = field(kw_only=True)

    def entry(self, tensor: str, at: tuple[int, ...]) -> float:
        return float(np.float32(super().entry(tensor, at)))

    def slope(self, of: str, at: tuple[int, ...], by: Place, local: bool = False) -> float:
        return float(np.float32(self.exact.slope(of, at, by, local)))


@cache
def _drawn(name: str, draw: int) -> World:
    """An input of an exercise, as a test would draw it."""
    problem, rng = subject(name).problem, random.Random(draw)
    for attempt in range(1000):
        sizes = {letter: rng.randint(2 if attempt < 500 else 1, 4) for letter in problem.sizes}
        if all(form.at(sizes) >= 0 for form in problem.constraints):
            break
    given: dict[Place, float] = {}
    there = World(problem, sizes, given)
    upstream = [] if problem.definition(problem.loss) else [problem.tensors[bar(y)] for y in problem.outputs]
    for tensor in (*problem.inputs, *upstream):
        places = list(there.places(tensor.name))
        given |= {place: _entry(tensor, rng) for place in places}
        if tensor.properties & {"onehot", "simplex"}:
            given |= {place: float(place[1][-1] == 1) for place in places}
    return there


def _entry(tensor: Tensor, rng: random.Random) -> float:
    if "binary" in tensor.properties:
        return float(rng.randint(0, 1))
    if "in(0,1)" in tensor.properties:
        return rng.uniform(0.05, 0.95)
    drawn = rng.gauss(0, 1)
    return abs(drawn) if tensor.is_nonnegative else drawn


@cache
def _at(name: str, claim: Claim, draw: int, single: bool) -> World:
    """The same, with labels that sum to 1 where the claim says so."""
    there = _drawn(name, draw)
    values = dict(there.given)
    for condition in claim.given:
        if not isinstance(condition.left, Affine) and not isinstance(condition.right, Affine):
            for tensor in tensors_in(condition.left) | tensors_in(condition.right):
                places = list(there.places(tensor))
                values[places[-1]] = 1 - sum(values[place] for place in places[:-1])
    exact = there if values == there.given else World(there.problem, there.sizes, values)
    if not single:
        return exact
    rounded = {place: float(np.float32(value)) for place, value in exact.given.items()}
    return Single(exact.problem, exact.sizes, rounded, exact=exact)


def _places(problem: Problem, claim: Claim, there: World) -> list[dict[str, int]]:
    bounds = ranges(problem, (claim.left, claim.right))
    every = (dict(zip(bounds, at, strict=True)) for at in
             product(*(range(low.at(there.sizes), high.at(there.sizes) + 1) for low, high in bounds.values())))
    return list(islice((at for at in every if all(
        (g.left.at({**there.sizes, **at}) == g.right.at({**there.sizes, **at})) == (g.op == "=")
        for g in claim.given if isinstance(g.left, Affine) and isinstance(g.right, Affine))), MOST))


@cache
def _expected(name: str, claim: Claim, draw: int, single: bool, step: float) -> tuple[float, ...]:
    """The gradient, by central differences of this step, or as it is."""
    there = _at(name, claim, draw, single)
    return tuple(_by_differences(there, claim.left, at, step) if step else there.value(claim.right, at)
                 for at in _places(there.problem, claim, there))


def _by_differences(there: World, left: Expr, names: dict[str, int], step: float) -> float:
    assert isinstance(left, Derivative)
    of, by = ((entry.tensor, tuple(form.at({**there.sizes, **names}) for form in entry.at))
              for entry in (left.of, left.by))
    ends = [there.nudged((by, nudge)) for nudge in (step, -step)]
    high, low = (end.loss() if of[0] == there.problem.loss else end.entry(*of) for end in ends)
    return (high - low) / (2 * step)


def accepts(checker: Checker, mutant: Mutant, right: Expr) -> bool:
    """Whether a right side passes; one that cannot be evaluated does not."""
    try:
        return all(_passes(checker, mutant, right, draw) for draw in range(checker.draws))
    except Failed:
        return False


def _passes(checker: Checker, mutant: Mutant, right: Expr, draw: int) -> bool:
    there = _at(mutant.exercise, mutant.claim, draw, checker.single)
    expected = _expected(mutant.exercise, mutant.claim, draw, checker.single, checker.step)
    found = (there.value(right, at) for at in _places(there.problem, mutant.claim, there))
    if checker.directional:
        rng = random.Random(draw)
        weights = [rng.gauss(0, 1) for _ in expected]
        found, expected = iter([_dot(weights, found)]), (_dot(weights, expected),)
    return all(bool(np.isclose(ours, theirs, rtol=checker.relative, atol=checker.absolute))
               for ours, theirs in zip(found, expected, strict=True))


def _dot(weights: list[float], values: Iterable[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def is_gradient(mutant: Mutant) -> bool:
    """Whether the line is one that such a checker can be asked about: a derivative through all nodes."""
    return isinstance(mutant.claim.left, Derivative) and mutant.claim.left.kind == "total"


def compared(asked: list[Mutant], say: Callable[[str], None] = lambda _: None) -> Iterator[tuple[Checker, int, int]]:
    """For each checker the number of wrong mutants that it accepts, and of right ones that it refuses."""
    for checker in CHECKERS:
        say(checker.name)
        said = [(mutant.is_wrong, accepts(checker, mutant, mutant.right)) for mutant in asked]
        yield checker, sum(wrong and passed for wrong, passed in said), sum(
            not wrong and not passed for wrong, passed in said)
