"""Inputs that a claim does not depend on: whatever they are, both sides keep their values. Nobody needs to see them.

They are told by trying: other entries at a few exact points. Nothing rests on it but what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from derivs.errors import DerivsError
from derivs.evaluate import Evaluator
from derivs.kernels import Value, close, identical
from derivs.points import Entries, Sizes, generic, inputs
from derivs.problem import Claim, Tensor
from derivs.rules.functions import compares
from derivs.verdict import Point
from derivs.worlds import Formula

POINTS: Final = 2
BY_STEPS: Final = 16                   # points where something is compared: a step is flat almost everywhere
STEPS: Final = 20_000


def idle(evaluator: Evaluator, claim: Claim, given: Sequence[Tensor], sizes: Sizes, places: Mapping[str, int]
         ) -> frozenset[str]:
    """The tensors whose entries change neither side, at these sizes and values of the free indices."""
    rng, found = Random(0), {tensor.name for tensor in given}
    sides = [evaluator.compile(side) for side in (claim.left, claim.right)]
    trees = (claim.left, claim.right, *(d.value for d in evaluator.problem.definitions))
    for _ in range(BY_STEPS if any(map(compares, trees)) else POINTS):
        base = inputs(given, sizes, generic, rng)
        before = _values(evaluator, sides, sizes, places, base)
        for tensor in given:
            if before is None or tensor.name not in found:
                continue
            changed = inputs([tensor], sizes, generic, rng)
            after = _values(evaluator, sides, sizes, places, {**base, **changed})
            if after is None or not all(map(_same, before, after)):
                found.discard(tensor.name)
        if before is None:
            return frozenset()
    return frozenset(found)


def _values(evaluator: Evaluator, sides: Sequence[Formula], sizes: Sizes, places: Mapping[str, int], entries: Entries
            ) -> list[Value] | None:
    """Both sides; None where one of them has no value."""
    place = evaluator.at(Point({**sizes, **places}, entries), budget=STEPS)
    try:
        return [place.value(side) for side in sides]
    except DerivsError:
        return None


def _same(one: Value, other: Value) -> bool:
    return identical(one, other) or close(one, other)
