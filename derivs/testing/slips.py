"""Which mistake was made: one is named where it explains every answer, within rounding, and the truth does not.

The answers are those at a few ordinary inputs of several shapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from derivs.errors import DerivsError
from derivs.samples import Shape, arrays
from derivs.testing.aim import aimed
from derivs.testing.hypotheses import Evidence, hypotheses, said
from derivs.testing.strategies import numbers
from derivs.testing.trial import Subject, Trial

SHAPES: Final = 3                      # at which answers are looked at
POINTS: Final = 6                      # of each shape
ORDINARY: Final = 100                  # the byte of an array of ordinary numbers, see `derivs.samples`


def mistake(subject: Subject, shapes: Sequence[Shape], name: str, *, on_kinks: bool = False) -> str:
    """The sentence about the mistake in one gradient or result, "" where none is found that explains everything."""
    found = list(islice(_evidence(subject, shapes, name, on_kinks), SHAPES))
    if not found or all(one.fits(one.want.value, one.want.error) for one in found):
        return ""
    for sentence, hypothesis in hypotheses(subject, name, on_kinks):
        try:
            if all(one.fits(*hypothesis(one)) for one in found):
                return sentence
        except DerivsError:
            continue
    return ""


def unsummed(subject: Subject, shapes: Sequence[Shape], name: str) -> str:
    """Of an answer with the wrong shape: which sum of it would be right."""
    for one in islice(_evidence(subject, shapes, name, False), 1):
        right = one.want.value.shape[1:]
        if one.got[0].size == one.want.value[0].size and (
                one.fits(one.want.value.reshape(one.got.shape), one.want.error.reshape(one.got.shape))):
            return f"the numbers are right: give it the shape {right} by .reshape{right}"
        for axes in (axes for n in range(1, one.got.ndim) for axes in combinations(range(1, one.got.ndim), n)):
            total = one.got.sum(axes)
            if total.shape == one.want.value.shape and replace(one, got=total).fits(*one.want):
                lengths = {size for size, value in one.trial.sizes.items()
                           if any(value == one.got.shape[axis] for axis in axes)}
                over = " and ".join(str(axis - 1) for axis in axes)
                return said("dropped sum", f"over axis {over} of what comes back, .sum({_axes(axes)})" + (
                    f", which is that of {next(iter(lengths))}" if len(lengths) == len(axes) == 1 else ""))
    return ""


def _axes(axes: Sequence[int]) -> str:
    return f"axis={axes[0] - 1}" if len(axes) == 1 else f"axis={tuple(axis - 1 for axis in axes)}"


def _evidence(subject: Subject, shapes: Sequence[Shape], name: str, on_kinks: bool) -> Iterator[Evidence]:
    """Ordinary inputs, the largest and most different sizes first; on kinks, small numbers with zeros."""
    rng = np.random.default_rng(len(shapes))
    order = sorted(shapes, key=lambda shape: (-len(set(shape.sizes.values()) - {1}), shape.bytes))
    for shape in order:
        drawn = [bytes(_bytes(shape, rng, 0 if on_kinks else ORDINARY)) for _ in range(POINTS * (1 + 3 * on_kinks))]
        points = aimed(subject.truth, shape.sizes, arrays(shape, drawn, numbers(), subject.truth.sums, always=True),
                       range(len(drawn)) if on_kinks else [-1] * len(drawn))
        whole = Trial(subject, shape.sizes, points)
        mask = whole.on_declared_kink if on_kinks else whole.smooth
        chosen = np.flatnonzero(mask & whole.ordinary)[:POINTS]
        if not len(chosen):
            continue
        trial = whole.at({tensor: array[chosen] for tensor, array in points.items()})
        answers = [trial.answer(k).values.get(name) for k in range(trial.count)]
        if all(value is not None and value.shape == answers[0].shape for value in answers if answers[0] is not None
               ) and answers[0] is not None:
            yield Evidence(trial, name, np.stack([value for value in answers if value is not None]))


def _bytes(shape: Shape, rng: np.random.Generator, look: int) -> NDArray[np.uint8]:
    """An input that is not wild, each of whose arrays looks like that."""
    data = rng.integers(0, 256, shape.bytes, dtype=np.uint8)
    data[0], start = 0, 1
    for _, dims in shape.arrays:
        data[start], start = look, start + 1 + int(np.prod(dims))
    return data
