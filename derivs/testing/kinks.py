"""At which points of a batch the forward pass stands on a kink or a tie: a derivative there is a convention."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from derivs.arrays import Axis, Batch, evaluate
from derivs.bounded import Bounded, Mask
from derivs.expr import Apply, Compare, Indicator, Largest, Sum, Tree, children
from derivs.problem import Problem
from derivs.rules.functions import row
from derivs.rules.opaque import is_opaque


def on_kink(problem: Problem, batch: Batch, *, declared: bool = False) -> Mask:
    """A mark for each point. declared: whether the exercise's own `kinks` count alone."""
    count = max(given.value.shape[0] for given in batch.given.values())
    found = np.zeros(count, dtype=bool)
    for definition in problem.definitions:
        for close in _close(definition.value, batch.axes(definition), batch, problem, declared):
            found |= close.reshape(close.shape[0], -1).any(axis=1)
    return found


def _close(tree: Tree, axes: tuple[Axis, ...], batch: Batch, problem: Problem, declared: bool) -> Iterator[Mask]:
    """Where a function of the formula is on its kink, as far as the arithmetic can tell."""
    match tree:
        case Apply(name, arguments) if not is_opaque(name) and (kink := row(name).kink):
            if not declared or name in problem.kinks:
                yield _zero(evaluate(kink(*arguments)[0], axes, batch))
        case Indicator(Compare("<" | "<=", left, right)) if not declared:
            yield _equal(evaluate(left, axes, batch), evaluate(right, axes, batch))
        case Largest(_, _, _, body) if not declared:
            yield _tied(evaluate(body, _inside(tree, axes, batch), batch))
    inner = _inside(tree, axes, batch) if isinstance(tree, Sum | Largest) else axes
    for part in children(tree):
        yield from _close(part, inner, batch, problem, declared)


def _inside(tree: Sum | Largest, axes: tuple[Axis, ...], batch: Batch) -> tuple[Axis, ...]:
    """The axes with that of a sum. Where its bounds depend on outer indices, the widest: there may be ties too many."""
    sizes = dict(batch.sizes)
    ends = [{**sizes, **{axis.name: end for axis, end in zip(axes, corner, strict=True)}}
            for corner in (tuple(axis.low for axis in axes), tuple(axis.high for axis in axes))]
    return (*axes, Axis(tree.index, min(tree.low.at(end) for end in ends), max(tree.high.at(end) for end in ends)))


def _zero(value: Bounded) -> Mask:
    return np.asarray(~(np.abs(value.value) > value.error))


def _equal(left: Bounded, right: Bounded) -> Mask:
    return np.asarray(~(np.abs(left.value - right.value) > left.error + right.error))


def _tied(body: Bounded) -> Mask:
    """Whether the largest along the last axis has an equal."""
    if body.value.shape[-1] < 2:
        return np.zeros(body.value.shape[:1], dtype=bool)
    second, largest = np.moveaxis(np.sort(body.value, axis=-1)[..., -2:], -1, 0)
    return np.asarray(~(largest - second > 2 * body.error.max(axis=-1)))
