"""At which points of a batch the forward pass stands on a kink or a tie: a derivative there is a convention."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from derivs.arrays import Axis, Batch, evaluate
from derivs.bounded import Bounded, Mask
from derivs.expr import Apply, Compare, Expr, Indicator, Largest, Sum, Tree, children
from derivs.problem import Problem
from derivs.rules.functions import row
from derivs.rules.opaque import is_opaque


def on_kink(problem: Problem, batch: Batch, *, declared: bool = False) -> Mask:
    """A mark for each point. declared: whether the exercise's own `kinks` count alone."""
    count = max(given.value.shape[0] for given in batch.given.values())
    found = np.zeros(count, dtype=bool)
    for close in _close(problem, batch, declared):
        found |= close.reshape(close.shape[0], -1).any(axis=1)
    return found


def declared_kinks(problem: Problem, batch: Batch) -> Iterator[tuple[Expr, tuple[Axis, ...]]]:
    """The expressions whose zeros are the kinks that the exercise declares, each with its axes."""
    for node, axes in _nodes(problem, batch):
        match node:
            case Apply(name, arguments) if name in problem.kinks and not is_opaque(name) and (kink := row(name).kink):
                yield kink(*arguments)[0], axes


def _close(problem: Problem, batch: Batch, declared: bool) -> Iterator[Mask]:
    """Where a function of a formula is on its kink, as far as the arithmetic can tell."""
    if declared:
        yield from (_zero(evaluate(kink, axes, batch)) for kink, axes in declared_kinks(problem, batch))
        return
    for node, axes in _nodes(problem, batch):
        match node:
            case Apply(name, arguments) if not is_opaque(name) and (kink := row(name).kink):
                yield _zero(evaluate(kink(*arguments)[0], axes, batch))
            case Indicator(Compare("<" | "<=", left, right)):
                yield _equal(evaluate(left, axes, batch), evaluate(right, axes, batch))
            case Largest(_, _, _, body):
                yield _tied(evaluate(body, _inside(node, axes, batch), batch))


def _nodes(problem: Problem, batch: Batch) -> Iterator[tuple[Tree, tuple[Axis, ...]]]:
    """All parts of all formulas, each with the axes of the indices in scope."""
    todo: list[tuple[Tree, tuple[Axis, ...]]] = [(d.value, batch.axes(d)) for d in reversed(problem.definitions)]
    while todo:
        tree, axes = todo.pop()
        yield tree, axes
        inner = _inside(tree, axes, batch) if isinstance(tree, Sum | Largest) else axes
        todo += [(part, inner) for part in reversed(children(tree))]


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
