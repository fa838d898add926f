"""The truth at inputs: forward values and gradients of the proved derivation, each with a bound on its rounding.

A gradient is evaluated in every form that is proved: reverse mode's chain through the nodes, and the answers that the
exercise states. Somebody else's order of operations rounds differently, so the bound is the largest of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Final

import numpy as np

from derivs.arrays import Axis, Batch, evaluate
from derivs.bounded import UNIT, Array, Bounded, exactly
from derivs.derive import Graph
from derivs.errors import DerivsError
from derivs.evaluate import Evaluator
from derivs.expr import Derivative, Entry, Expr
from derivs.judge import judge
from derivs.problem import Claim, Definition, Problem, bar
from derivs.samples import closed
from derivs.verdict import Proved

FLOAT32: Final = 2.0 ** 29             # how much coarser float32 is than float64: 2^-24 to 2^-53


@dataclass
class Truth:
    """An exercise with its cotangents derived. sums: inputs that sum to 1 along an axis, as some target takes them to.

    float64 arrays carry an axis 0 that counts the points, here and wherever arrays are called points.
    """

    problem: Problem
    graph: Graph = field(init=False)

    def __post_init__(self) -> None:
        self.graph = Graph(self.problem)

    @cached_property
    def sums(self) -> dict[str, int]:
        return closed(target.claim for target in self.problem.targets)

    @cached_property
    def definitions(self) -> dict[str, Definition]:
        """Of all nodes, and of all cotangents that are not given."""
        return {**self.graph.adjoints(), **{d.tensor: d for d in self.problem.definitions}}

    @cached_property
    def evaluator(self) -> Evaluator:
        return Evaluator(self.problem)

    @cached_property
    def stated(self) -> dict[str, list[tuple[tuple[str, ...], Expr]]]:
        """The answers of the exercise that are proved, by the name of the cotangent, with their indices."""
        found: dict[str, list[tuple[tuple[str, ...], Expr]]] = {}
        for target in self.problem.targets:
            match target.claim:
                case Claim(Derivative(Entry(of), Entry(by, at), "total"), right, given) if (
                        of == self.problem.loss and target.stated and all(form.bare for form in at)):
                    if (not given or closed([target.claim])) and self.is_proved(target.claim):
                        letters = tuple(form.bare or "" for form in at)
                        found.setdefault(bar(by), []).append((letters, self.graph.resolve(right)))
        return found

    def is_proved(self, claim: Claim) -> bool:
        try:
            return isinstance(judge(self.graph, claim, evaluator=self.evaluator), Proved)
        except DerivsError:
            return False

    def batch(self, sizes: Mapping[str, int], points: Mapping[str, Array], *, blurred: bool = False,
              edited: Mapping[str, Definition] | None = None, known: Mapping[str, Bounded] | None = None) -> Batch:
        """The points, ready to be evaluated at.

        edited: definitions in the place of the true ones. known: nodes and cotangents that need not be worked out.
        blurred: as if every input had been rounded once. What is exact in our order of operations need not be so in
        another: 3 * (1/3) is, and (1/3) + (1/3) + (1/3) may not be. A 0 stays exact, and so do kinks at 0.
        """
        given: dict[str, Bounded] = {name: Bounded(array, UNIT * np.abs(array)) if blurred else exactly(array)
                                     for name, array in points.items()}
        count = max((len(array) for array in points.values()), default=1)
        if self.problem.definition(self.problem.loss):
            given.setdefault(bar(self.problem.loss), exactly(np.ones(count)))
        return Batch(sizes, self.problem.tensors, {**given, **(known or {})}, {**self.definitions, **(edited or {})})

    def value(self, name: str, batch: Batch, *, widest: bool = False) -> Bounded:
        """A node or a cotangent at every point of a batch: (points, *its axes).

        By the first form that the exercise states, or else by reverse mode. widest: with the largest bound of all.
        """
        count = max(one.value.shape[0] for one in batch.given.values())
        shape = (count, *(n.at(batch.sizes) for n in self.problem.tensors[name].shape))
        forms = iter(self.stated.get(name, ()))
        first = next(forms, None)
        found = batch.tensor(name) if first is None else _evaluated(first, shape, batch)
        if not widest:
            return _broadcast(found, shape)
        others = [_evaluated(form, shape, batch) for form in forms] + ([batch.tensor(name)] if first else [])
        return _broadcast(Bounded(found.value, reduce(np.maximum, (one.error for one in others), found.error)), shape)


def _evaluated(form: tuple[tuple[str, ...], Expr], shape: tuple[int, ...], batch: Batch) -> Bounded:
    letters, expr = form
    return evaluate(expr, [Axis(letter, 1, n) for letter, n in zip(letters, shape[1:], strict=True)], batch)


def _broadcast(found: Bounded, shape: tuple[int, ...]) -> Bounded:
    return Bounded(np.broadcast_to(found.value, shape), np.broadcast_to(found.error, shape))
