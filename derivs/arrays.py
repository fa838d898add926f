"""The value of an expression at a batch of points, on NumPy arrays, with a bound on its rounding error.

Every index is an axis: axis 0 counts the points of the batch, then come the indices in scope, outermost first; a sum
adds an axis at the end and reduces it. Entries are gathered by integer arrays, and definitions are evaluated once.

Where a comparison is too close to call, whatever depends on it has an infinite error. Two sides are called equal only
where both are exact, or where they come from the same entries by the same elementwise operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derivs import bounded
from derivs.affine import Affine
from derivs.bounded import Array, Bounded, Mask, exactly
from derivs.errors import IllFormed, Unsupported, nearest
from derivs.expr import (
    Add,
    And,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Condition,
    Delta,
    Derivative,
    Entry,
    Expectation,
    Expr,
    Indicator,
    Integer,
    Largest,
    Mul,
    Not,
    Number,
    Or,
    Pow,
    Sum,
    names_in,
)
from derivs.problem import Definition, Tensor
from derivs.rules.functions import row

Integers = NDArray[np.int64]
Marks = NDArray[np.uint64]


class Axis(NamedTuple):
    """An index with the integers it runs over."""

    name: str
    low: int
    high: int


class Truth(NamedTuple):
    """Whether a condition holds, and whether that is certain."""

    holds: Mask
    known: Mask


@dataclass(slots=True)
class Batch:
    """Points of one shape: every size, and every given tensor as an array whose axis 0 counts the points.

    definitions: how the other tensors are computed, nodes and adjoints alike. unkinked: functions whose kink is no
    place to look; `on_kink` collects the points where one was evaluated on it.
    """

    sizes: Mapping[str, int]
    tensors: Mapping[str, Tensor]
    given: Mapping[str, Bounded]
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    unkinked: frozenset[str] = frozenset()
    on_kink: Mask = field(default_factory=lambda: np.zeros(1, dtype=bool))
    _values: dict[str, Bounded] = field(default_factory=dict)
    _marks: dict[str, Marks] = field(default_factory=dict)

    def axes(self, definition: Definition) -> tuple[Axis, ...]:
        """The indices of a definition, each over the axis of its tensor."""
        shape = self.tensors[definition.tensor].shape
        return tuple(Axis(i, 1, n.at(self.sizes)) for i, n in zip(definition.indices, shape, strict=True))

    def definition(self, name: str) -> Definition:
        found = self.definitions.get(name)
        if found is None:
            raise IllFormed(f"{name} has neither a value nor a definition",
                            mend=nearest(name, {*self.given, *self.definitions}))
        return found

    def tensor(self, name: str) -> Bounded:
        """All entries of a tensor, given or computed."""
        if name in self.given:
            return self.given[name]
        if name not in self._values:
            definition = self.definition(name)
            self._values[name] = evaluate(definition.value, self.axes(definition), self)
        return self._values[name]

    def marks(self, name: str) -> Marks:
        """Where the entries of a tensor come from: see `_origin`."""
        if name not in self._marks:
            if name in self.given:
                self._marks[name] = _bits(self.given[name].value)
            else:
                definition = self.definition(name)
                axes = self.axes(definition)
                mark = _origin(definition.value, axes, self)
                self._marks[name] = np.broadcast_to(mark, (mark.shape[0], *map(_length, axes)))
        return self._marks[name]


def evaluate(expr: Expr, axes: Sequence[Axis], batch: Batch) -> Bounded:
    """The values of expr, its free indices running over the axes: an array (points, *axes), and the bounds."""
    with np.errstate(all="ignore"):
        value, error = _evaluate(expr, tuple(axes), batch)
    shape = (value.shape[0], *map(_length, axes))
    return Bounded(np.broadcast_to(value, shape), np.broadcast_to(error, shape))


def holds(condition: Condition, axes: Sequence[Axis], batch: Batch) -> Truth:
    """Where a condition holds, in the same shape."""
    with np.errstate(all="ignore"):
        truth = _holds(condition, tuple(axes), batch)
    shape = (max(truth.holds.shape[0], truth.known.shape[0]), *map(_length, axes))
    return Truth(np.broadcast_to(truth.holds, shape), np.broadcast_to(truth.known, shape))


def _length(axis: Axis) -> int:
    return max(axis.high - axis.low + 1, 0)


def _evaluate(expr: Expr, axes: tuple[Axis, ...], batch: Batch) -> Bounded:
    match expr:
        case Number(exact):
            rounded = float(exact)
            return Bounded(_like(axes, rounded), _like(axes, 0.0 if exact == rounded else abs(rounded) * bounded.UNIT))
        case Integer(form):
            return exactly(_integers(form, axes, batch).astype(np.float64))
        case Delta(left, right):
            return exactly((_integers(left - right, axes, batch) == 0).astype(np.float64))
        case Entry(tensor, at):
            return _gather(batch.tensor(tensor), batch.tensors.get(tensor), _subscripts(at, axes, batch))
        case Add(terms):
            return _fold(bounded.add, [_evaluate(term, axes, batch) for term in terms], axes, 0.0)
        case Mul(factors):
            return _fold(bounded.multiply, [_evaluate(factor, axes, batch) for factor in factors], axes, 1.0)
        case Pow(base, Number(exponent)):
            return bounded.power(_evaluate(base, axes, batch), float(exponent))
        case Pow(base, exponent):
            return bounded.power_of(_evaluate(base, axes, batch), _evaluate(exponent, axes, batch))
        case Apply(name, arguments):
            return _apply(name, arguments, axes, batch)
        case Sum(index, low, high, body) | Largest(index, low, high, body):
            inner, inside = _bind(index, low, high, axes, batch)
            whole = _widen(_evaluate(body, inner, batch), _length(inner[-1]))
            nothing = 0.0 if isinstance(expr, Sum) else -np.inf
            whole = Bounded(np.where(inside, whole.value, nothing), np.where(inside, whole.error, 0.0))
            if isinstance(expr, Sum):
                return bounded.total(whole, -1)
            return bounded.largest(whole, -1) if _length(inner[-1]) else exactly(_like(axes, np.nan))
        case Indicator(condition):
            truth = _holds(condition, axes, batch)
            return Bounded(truth.holds.astype(np.float64), np.where(truth.known, 0.0, np.inf))
        case Cases(branches, otherwise):
            result = exactly(_like(axes, np.nan)) if otherwise is None else _evaluate(otherwise, axes, batch)
            for value, condition in reversed(branches):
                result = bounded.choose(*_holds(condition, axes, batch), _evaluate(value, axes, batch), result)
            return result
        case Expectation() | Derivative():
            raise Unsupported(f"{type(expr).__name__} has no direct value on arrays")


def _like(axes: tuple[Axis, ...], value: float) -> Array:
    """A constant with an axis of length 1 for the points and for every index."""
    return np.full((1,) * (1 + len(axes)), value)


def _fold(operation: Callable[[Bounded, Bounded], Bounded], parts: list[Bounded], axes: tuple[Axis, ...], unit: float
          ) -> Bounded:
    return reduce(operation, parts) if parts else exactly(_like(axes, unit))


def _integers(form: Affine, axes: tuple[Axis, ...], batch: Batch) -> Integers:
    """An integer form, wherever the indices are."""
    total = np.zeros((1,) * (1 + len(axes)), dtype=np.int64)
    for monomial, c in form.terms:
        product = np.full_like(total, c)
        for name in monomial:
            product = product * _index(name, axes, batch)
        total = total + product
    return total


def _index(name: str, axes: tuple[Axis, ...], batch: Batch) -> Integers | int:
    """The integers that an index runs over, along its axis; a size is one integer. The innermost binder wins."""
    for position in reversed(range(len(axes))):
        if axes[position].name == name:
            _, low, high = axes[position]
            return np.arange(low, high + 1).reshape((1,) * (1 + position) + (-1,) + (1,) * (len(axes) - position - 1))
    if name not in batch.sizes:
        raise IllFormed(f"the index {name} is free and its range is not known")
    return batch.sizes[name]


def _subscripts(at: tuple[Affine, ...], axes: tuple[Axis, ...], batch: Batch) -> tuple[Integers, ...]:
    """The subscripts of an entry, counted from 0, without the axis of the points."""
    return tuple(_integers(form, axes, batch)[0] - 1 for form in at) or (np.zeros((1,) * len(axes), dtype=np.int64),)


def _gather(whole: Bounded, tensor: Tensor | None, at: tuple[Integers, ...]) -> Bounded:
    """The entries at the subscripts. Outside there are zeros, if the tensor says so; else nothing is known."""
    if whole.value.ndim == 1:
        return Bounded(_scalar(whole.value, at[0].ndim), _scalar(whole.error, at[0].ndim))
    clipped, inside = _clip(at, whole.value.shape[1:])
    at_all: Any = (slice(None), *clipped)
    value, error = whole.value[at_all], whole.error[at_all]
    if inside.all():
        return Bounded(value, error)
    zero = tensor is not None and tensor.zero_outside
    return Bounded(np.where(inside, value, 0.0 if zero else np.nan), np.where(inside, error, 0.0 if zero else np.inf))


def _clip(at: tuple[Integers, ...], shape: tuple[int, ...]) -> tuple[tuple[Integers, ...], Mask]:
    inside = np.ones((), dtype=bool)
    for subscript, n in zip(at, shape, strict=True):
        inside = inside & (subscript >= 0) & (subscript < n)
    return tuple(np.clip(subscript, 0, n - 1) for subscript, n in zip(at, shape, strict=True)), np.asarray(inside)


def _scalar(value: Array, axes: int) -> Array:
    return value.reshape(value.shape + (1,) * axes)


def _bind(index: str, low: Affine, high: Affine, axes: tuple[Axis, ...], batch: Batch
          ) -> tuple[tuple[Axis, ...], Mask]:
    """The axes with that of a binder added, and where on them its bounds hold: they may depend on outer indices."""
    lows, highs = _integers(low, axes, batch), _integers(high, axes, batch)
    inner = (*axes, Axis(index, int(lows.min(initial=1)), int(highs.max(initial=0))))
    here = _index(index, inner, batch)
    return inner, (here >= lows[..., None]) & (here <= highs[..., None])


def _widen(a: Bounded, length: int) -> Bounded:
    """The last axis at its full length, where the body does not depend on the index."""
    shape = (*a.value.shape[:-1], length)
    error = np.broadcast_to(a.error, (*a.error.shape[:-1], length))
    return Bounded(np.broadcast_to(a.value, shape), error)


def _apply(name: str, arguments: tuple[Expr, ...], axes: tuple[Axis, ...], batch: Batch) -> Bounded:
    known = row(name)
    if name in batch.unkinked and known.kink is not None:
        distance = _evaluate(known.kink(*arguments)[0], axes, batch)
        close = ~(np.abs(distance.value) > distance.error)
        batch.on_kink = batch.on_kink | close.any(axis=tuple(range(1, close.ndim)))
    if name in bounded.KERNELS:
        kernel = bounded.KERNELS[name]
        value, error = kernel(*(_evaluate(argument, axes, batch) for argument in arguments))
        return Bounded(value, error) if arguments else Bounded(_like(axes, float(value)), _like(axes, float(error)))
    if known.meaning is None:
        raise Unsupported(f"{name} has no kernel on arrays")
    return _evaluate(known.meaning(*arguments), axes, batch)


def _holds(condition: Condition, axes: tuple[Axis, ...], batch: Batch) -> Truth:
    match condition:
        case Compare(op, left, right):
            return _compare(op, left, right, axes, batch)
        case CompareIndex(relation, low, high):
            apart = _integers(high - low, axes, batch)
            found = {"<=": apart >= 0, "=": apart == 0, "!=": apart != 0}[relation]
            return Truth(found, np.ones_like(found))
        case Not(part):
            truth = _holds(part, axes, batch)
            return Truth(~truth.holds, truth.known)
        case And(parts):                                        # Kleene: one certain "no" settles it
            result = Truth(*np.ones((2, *(1,) * (1 + len(axes))), dtype=bool))
            for part in parts:
                a, b = result, _holds(part, axes, batch)
                result = Truth(a.holds & b.holds, a.known & b.known | a.known & ~a.holds | b.known & ~b.holds)
            return result
        case Or(parts):
            return _holds(Not(And(tuple(map(Not, parts)))), axes, batch)


def _compare(op: str, left: Expr, right: Expr, axes: tuple[Axis, ...], batch: Batch) -> Truth:
    a, b = _evaluate(left, axes, batch), _evaluate(right, axes, batch)
    apart, in_doubt = b.value - a.value, a.error + b.error
    clear = (np.abs(apart) > in_doubt) | ((in_doubt == 0) & (apart == 0))
    if not clear.all():
        same = _origin(left, axes, batch) == _origin(right, axes, batch)
        apart, clear = np.where(same, 0.0, apart), clear | same & np.isfinite(in_doubt)
    found = {"<": apart > 0, "<=": apart >= 0, "=": apart == 0, "!=": apart != 0}[op]
    return Truth(found, np.broadcast_to(clear, found.shape))


def _origin(expr: Expr, axes: tuple[Axis, ...], batch: Batch) -> Marks:
    """Marks such that equal marks mean: the same elementwise operations on the same numbers.

    Then two values are equal, and in autodiff's arithmetic too: sigmoid(x_1) and sigmoid(x_2) where x_1 = x_2. A sum is
    not looked into, since its order is anyone's: it is the same only as itself, at the same place.
    """
    match expr:
        case Number(exact):
            return _mix("number", [_bits(_like(axes, float(exact)))])
        case Integer(form):
            return _bits(_integers(form, axes, batch).astype(np.float64))
        case Entry(name, at):
            marks, subscripts = batch.marks(name), _subscripts(at, axes, batch)
            if marks.ndim == 1:
                return marks.reshape(marks.shape + (1,) * len(axes))
            clipped, inside = _clip(subscripts, marks.shape[1:])
            at_all: Any = (slice(None), *clipped)
            return np.where(inside, marks[at_all], _bits(np.zeros(())))
        case Add(parts) | Mul(parts) | Apply(_, parts):
            head = expr.function if isinstance(expr, Apply) else type(expr).__name__
            return _mix(head, [_origin(part, axes, batch) for part in parts])
        case Pow(base, exponent):
            return _mix("power", [_origin(base, axes, batch), _origin(exponent, axes, batch)])
        case _:
            here = [np.asarray(_index(axis.name, axes, batch)).astype(np.uint64).reshape(
                        (1,) * (1 + position) + (-1,) + (1,) * (len(axes) - position - 1))
                    for position, axis in enumerate(axes) if axis.name in names_in(expr)]
            return _mix(str(hash(expr)), [np.zeros((1,) * (1 + len(axes)), dtype=np.uint64), *here])


def _bits(value: Array) -> Marks:
    """The bits of a float, where -0 is 0."""
    return (value + 0.0).view(np.uint64)


def _mix(head: str, parts: list[Marks]) -> Marks:
    """One mark from several, in order (the multiplier is that of Knuth's MMIX)."""
    mark = np.asarray(hash(head) & (2 ** 64 - 1), dtype=np.uint64)
    for part in parts:
        mark = (mark ^ part) * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        mark = mark ^ (mark >> np.uint64(29))
    return mark
