"""Inputs put onto a kink that the exercise declares: hardly any that is drawn makes a hidden ReLU exactly 0.

What is to become 0 is taken to be a u + b in one entry u of an input, which then becomes -b / a. A point is moved only
if it is 0 there without rounding, in any order of the operations: on a kink one stands exactly or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from derivs.arrays import evaluate
from derivs.bounded import Array, Bounded
from derivs.expr import Entry
from derivs.testing.expected import Truth
from derivs.testing.kinks import declared_kinks

AIMED: Final = range(96, 144)          # an input with such a first byte is moved; see `derivs.samples`
LARGEST: Final = 4.0                   # inputs that are moved are multiples of 1/2, and not larger

Rows = NDArray[np.int64]


def turns(inputs: Sequence[bytes]) -> list[int]:
    """Which of these inputs are to be moved, as the bytes that they are made of say: -1, or whose turn it is."""
    return [data[0] - AIMED.start if data[0] in AIMED else -1 for data in inputs]


def aimed(truth: Truth, sizes: Mapping[str, int], points: Mapping[str, Array], turns: Sequence[int]
          ) -> Mapping[str, Array]:
    """The points, those moved that can be. turns: for each -1, or a number that says which input is moved."""
    free = [t.name for t in truth.problem.inputs if t.role in ("input", "parameter") and not t.properties]
    turn = np.array(turns)
    if not truth.problem.kinks or not free or (turn < 0).all():
        return points
    found = {name: array.copy() for name, array in points.items()}
    for number, name in enumerate(free):
        rows = np.flatnonzero((turn >= 0) & (turn % len(free) == number))
        if len(rows):
            _move(truth, sizes, found, name, rows)
    return found


def _move(truth: Truth, sizes: Mapping[str, int], points: dict[str, Array], name: str, rows: Rows) -> None:
    """Moves the first entry of an input, at these points, for the first kink that this reaches."""
    free = {t.name for t in truth.problem.inputs if not t.properties}
    rounded = {other: np.rint(2 * np.clip(array[rows], -LARGEST, LARGEST)) / 2 if other in free else array[rows]
               for other, array in points.items()}

    def at(entry: Array | float) -> dict[str, Array]:
        array = rounded[name].copy()
        array.reshape(len(rows), -1)[:, 0] = entry
        return {**rounded, name: array}

    def kinks(entry: Array | float) -> list[Bounded]:
        batch = truth.batch(sizes, at(entry))
        return [_first(evaluate(kink, axes, batch), len(rows)) for kink, axes in declared_kinks(truth.problem, batch)
                if not isinstance(kink, Entry) or kink.tensor not in points]

    left = np.ones(len(rows), dtype=bool)
    with np.errstate(all="ignore"):
        for number, (at_zero, at_one) in enumerate(zip(kinks(0.0), kinks(1.0), strict=True)):
            entry = -at_zero.value / (at_one.value - at_zero.value)
            entry = np.where(np.abs(entry) <= LARGEST, entry, 0.0)
            there = kinks(entry)[number]
            reached = left & (there.value == 0) & (there.error == 0)
            for other, array in at(entry).items():
                points[other][rows[reached]] = array[reached]
            left &= ~reached


def _first(found: Bounded, count: int) -> Bounded:
    """The first entry, at each of the points."""
    return Bounded(*(np.broadcast_to(array.reshape(len(array), -1)[:, 0], count) for array in found))
