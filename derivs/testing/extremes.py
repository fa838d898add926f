"""Inputs so large or small that a formula as a book writes it overflows, where the mathematics does not.

There the truth is the exact value, in ball arithmetic: e^10000 is a number like any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from derivs.bounded import Array
from derivs.problem import Tensor
from derivs.samples import Shape
from derivs.testing.exact import as_float, exact_value
from derivs.testing.properties import Failure
from derivs.testing.trial import Subject, Trial

NAME: Final = "finite"
SENTENCE: Final = "it is finite at extreme inputs, where the mathematics is"
MOST_ENTRIES: Final = 24               # of all arrays of one input, since exact arithmetic takes its time
SHAPES: Final = 3
LARGEST: Final = float(np.finfo(np.float64).max) / 4

# How an array of inputs looks, from the simplest: entry k of the array as a function of k.
PATTERNS: Final[tuple[Callable[[int], float], ...]] = (
    lambda k: 1e4,
    lambda k: -1e4,
    lambda k: 1e4 if k == 0 else 0.0,
    lambda k: -1e4 if k == 0 else 0.0,
    lambda k: 1e4 * (-1) ** k,
    lambda k: 1e8 + k,
    lambda k: 1e-9 * (k + 1),
)


def finite(subject: Subject, shapes: Sequence[Shape]) -> tuple[Failure | None, int]:
    """The first failure, and at how many inputs was looked."""
    looked = 0
    for trial in trials(subject, shapes):
        if not all(np.isfinite(value).all() for value in trial.values(0).values()):
            continue                                   # a saved node that is no number there
        looked += 1
        answer = trial.answer(0)
        for name, value in answer.values.items():
            if name not in (*subject.outputs, *subject.gradients) or value.shape != trial.shape(name):
                continue
            for at in np.argwhere(~np.isfinite(value)):
                place = tuple(int(i) for i in at)
                want = _finite_truth(trial, name, place)
                if want is not None:
                    return Failure(NAME, trial, 0, name, place, float(value[place]), want, math.inf), looked
    return None, looked


def _finite_truth(trial: Trial, name: str, at: tuple[int, ...]) -> float | None:
    """The exact value there, None where there is none, or where no float is as large."""
    arrays = {tensor: array[0] for tensor, array in trial.points.items()}
    value = exact_value(trial.subject.truth, trial.sizes, arrays, name, at)
    found = None if value is None else as_float(value)
    return found if found is not None and abs(found) < LARGEST else None


def trials(subject: Subject, shapes: Sequence[Shape]) -> Iterator[Trial]:
    """Extreme inputs of the smallest shapes. Parameters, labels and cotangents are ordinary."""
    small = [shape for shape in shapes if shape.bytes <= MOST_ENTRIES] or shapes[:1]
    several = [shape for shape in small if max(shape.sizes.values(), default=2) > 1]
    for shape in (*small[:1], *several[:SHAPES - 1]):
        for pattern in PATTERNS:
            yield Trial(subject, shape.sizes, dict(_arrays(subject, shape, pattern)))


def _arrays(subject: Subject, shape: Shape, pattern: Callable[[int], float]) -> Iterator[tuple[str, Array]]:
    sums: Mapping[str, int] = subject.truth.sums
    for tensor, dims in shape.arrays:
        count = math.prod(dims)
        extreme = tensor.role == "input" and not tensor.properties
        flat = [pattern(k) if extreme else _ordinary(tensor, k) for k in range(count)]
        array = np.array(flat, dtype=np.float64).reshape(dims)
        if tensor.name in sums or not tensor.properties.isdisjoint({"onehot", "simplex"}):
            axis = sums.get(tensor.name, len(dims) - 1)
            array = np.zeros(dims)
            array[(slice(None),) * axis + (0,)] = 1.0
        yield tensor.name, array[None]


def _ordinary(tensor: Tensor, k: int) -> float:
    if "binary" in tensor.properties:
        return float(k % 2 == 0)
    if "in(0,1)" in tensor.properties:
        return 0.5
    return 1.0
