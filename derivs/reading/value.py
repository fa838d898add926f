"""What an expression without all its indices stands for: a body with the axes that are left open, and their algebra.

`W x` is a matrix and a vector; as a value it is `sum_k W_{ik} x_k` with the axis i. A vector is a row, a column, or
not said to be either. Sizes must fit: nothing is equal by luck.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.errors import Mismatch, UnknownLength
from derivs.expr import Delta, Expr, Largest, Sum, mul, names_in, rebuild, reindex, times, walk

LETTERS = "kjlipqrstuvw"               # for sums that nobody wrote
Turn = Literal["", "row", "column"]


@dataclass(frozen=True, slots=True)
class Tag:
    """One half of a quotient: that the axis belongs to the entity above (`of`) or below (`by`) its bar.

    fixed: the subscripts that were written, None for those that are open.
    """

    half: Literal["of", "by"]
    tensor: str
    fixed: tuple[Affine | None, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """`index` runs over 1..size in the body. size None: that of whatever it meets (the vector of ones)."""

    index: str
    size: Affine | None
    tag: Tag | None = None
    letter: str = ""                   # what the exercise calls it


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar where there are no axes. turn: of a vector."""

    body: Expr
    axes: tuple[Axis, ...] = ()
    turn: Turn = ""

    @property
    def rank(self) -> int:
        return len(self.axes)

    def __str__(self) -> str:
        sizes = " × ".join("?" if axis.size is None else str(axis.size) for axis in self.axes)
        match self.rank:
            case 0:
                return "a number"
            case 1:
                return f"a {self.turn or 'vector'} of {sizes}"
            case 2:
                return f"a matrix {sizes}"
            case _:
                return f"a tensor {sizes}"


_names = count(1)


def fresh() -> str:
    """An index that nobody has written."""
    return f"_{next(_names)}"


def with_letters(body: Expr, taken: frozenset[str]) -> Expr:
    """The body with letters that people use for the sums that nobody wrote, as in W x."""
    if not any(isinstance(part, Sum | Largest) and part.index.startswith("_") for part in walk(body)):
        return body
    if isinstance(body, Sum | Largest) and body.index.startswith("_"):
        around = taken | names_in(body) | {name for part in walk(body) if isinstance(part, Sum | Largest)
                                           for name in (part.index,)}
        letter = next(c for c in (*LETTERS, *(f"{c}'" for c in LETTERS)) if c not in around)
        inner = reindex(body.body, {body.index: symbol(letter)})
        return type(body)(letter, body.low, body.high, with_letters(inner, taken))
    return rebuild(body, lambda part: with_letters(part, taken))  # type: ignore[no-any-return]


def renewed(value: Value) -> Value:
    """The same value with axes of its own, so that it can stand beside itself."""
    new = {axis.index: fresh() for axis in value.axes}
    body = reindex(value.body, {old: symbol(name) for old, name in new.items()})
    return replace(value, body=body, axes=tuple(replace(axis, index=new[axis.index]) for axis in value.axes))


def fitting(a: Axis, b: Axis, what: str) -> Affine | None:
    """The length that two axes share. Raises Mismatch."""
    if a.size is None or b.size is None or a.size is b.size:
        return a.size if b.size is None else b.size
    raise Mismatch(f"{what}: an axis of length {a.size} meets one of length {b.size}")


def mapped(value: Value, function: Callable[[Expr], Expr]) -> Value:
    """A function of every entry."""
    return replace(value, body=function(value.body))


def elementwise(a: Value, b: Value, combine: Callable[[Expr, Expr], Expr], what: str) -> Value:
    """Entry by entry; a number meets every entry. Raises Mismatch."""
    if a.rank == 0 or b.rank == 0:
        return replace(a if a.rank else b, body=combine(a.body, b.body))
    if a.rank != b.rank:
        raise Mismatch(f"{what}: {a} and {b}")
    if a.turn and b.turn and a.turn != b.turn:
        raise Mismatch(f"{what}: {a} and {b}")
    axes = tuple(replace(x, size=fitting(x, y, what), letter=x.letter or y.letter)
                 for x, y in zip(a.axes, b.axes, strict=True))
    other = _moved(b, [axis.index for axis in axes])
    return Value(combine(a.body, other), axes, a.turn or b.turn)


def _moved(value: Value, names: Sequence[str]) -> Expr:
    """The body with its axes renamed."""
    return reindex(value.body,  # type: ignore[no-any-return]
                   {axis.index: symbol(name) for axis, name in zip(value.axes, names, strict=True)})


def contract(a: Value, b: Value, pairs: Sequence[tuple[int, int]], what: str, turn: Turn = "") -> Value:
    """Their product, summed over pairs of axes; the axes that are left, those of a first."""
    shared = {j: replace(a.axes[i], size=fitting(a.axes[i], b.axes[j], what)) for i, j in pairs}
    other = reindex(b.body, {b.axes[j].index: symbol(axis.index) for j, axis in shared.items()})
    body: Expr = times(a.body, other)
    for axis in reversed(list(shared.values())):
        if axis.size is None:
            raise UnknownLength(f"{what}: the length of an axis is not known")
        body = Sum(axis.index, FIRST, axis.size, body)
    taken = {i for i, _ in pairs}
    axes = (*(x for i, x in enumerate(a.axes) if i not in taken), *(x for j, x in enumerate(b.axes) if j not in shared))
    return Value(body, axes, turn if len(axes) == 1 else "")


def matrix_product(a: Value, b: Value, rows: bool) -> Value:
    """A B, A x, x A, x^T y, x y^T. rows: a vector that is not said to be either is a row. Raises Mismatch."""
    what = "the product"
    match a.rank, b.rank:
        case (0, _) | (_, 0):
            return elementwise(a, b, times, what)
        case 2, 2:
            return contract(a, b, [(1, 0)], what)
        case 2, 1 if b.turn != "row":
            return contract(a, b, [(1, 0)], what, b.turn)
        case 1, 2 if a.turn != "column":
            return contract(a, b, [(0, 0)], what, a.turn)
        case 1, 1:
            first, second = _turns(a.turn, b.turn, rows)
            if (first, second) == ("row", "column"):
                return contract(a, b, [(0, 0)], what)
            if (first, second) == ("column", "row"):
                return contract(a, b, [], what)
    raise Mismatch(f"{what} of {a} and {b}")


def _turns(a: Turn, b: Turn, rows: bool) -> tuple[Turn, Turn]:
    """What two vectors are, where at least one of them says it."""
    if a and b:
        return a, b
    if (a == "row" and not rows) or (b == "column" and rows):
        return "row", "column"
    if (b == "row" and not rows) or (a == "column" and rows):
        return "column", "row"
    return ("row", "row") if rows else ("column", "column")


def inner(a: Value, b: Value, what: str = "the inner product") -> Value:
    """The sum of the products of corresponding entries: x.y, A:B."""
    if a.rank != b.rank:
        raise Mismatch(f"{what} of {a} and {b}")
    return contract(a, b, [(k, k) for k in range(a.rank)], what)


def outer(a: Value, b: Value) -> Value:
    """x y^T, and its like for any rank."""
    return contract(a, b, [], "the outer product")


def transposed(value: Value, rows: bool) -> Value:
    """The axes exchanged; a vector turned, a number left as it is. Raises Mismatch."""
    match value.rank:
        case 0:
            return value
        case 1:
            turned: Turn = "column" if value.turn == "row" or (not value.turn and rows) else "row"
            return replace(value, turn=turned)
        case 2:
            return replace(value, axes=value.axes[::-1])
    raise Mismatch(f"the transpose of {value}")


def total(value: Value, axes: Sequence[int] | None = None) -> Value:
    """The sum of all entries, or along some axes."""
    chosen = range(value.rank) if axes is None else axes
    body = value.body
    for k in chosen:
        axis = value.axes[k]
        if axis.size is None:
            raise UnknownLength("a sum over an axis whose length is not known")
        body = Sum(axis.index, FIRST, axis.size, body)
    return Value(body, tuple(axis for k, axis in enumerate(value.axes) if k not in set(chosen)))


def diagonal(value: Value) -> Value:
    """diag(x), the matrix with x on its diagonal; diag(A), the vector of its diagonal."""
    if value.rank == 1:
        axis = value.axes[0]
        other = Axis(fresh(), axis.size, letter=axis.letter)
        return Value(mul(Delta(symbol(axis.index), symbol(other.index)), value.body), (axis, other))
    if value.rank == 2:
        first, second = value.axes
        size = fitting(first, second, "the diagonal")
        return Value(reindex(value.body, {second.index: symbol(first.index)}), (replace(first, size=size),))
    raise Mismatch(f"the diagonal of {value}")


def at(value: Value, subscripts: Sequence[Affine | None]) -> Value:
    """Entries of a value: a subscript for every axis, None leaves it open. Raises Mismatch."""
    if len(subscripts) != value.rank:
        raise Mismatch(f"{len(subscripts)} subscripts after {value}")
    chosen = {axis.index: form for axis, form in zip(value.axes, subscripts, strict=True) if form is not None}
    axes = tuple(axis for axis in value.axes if axis.index not in chosen)
    return Value(reindex(value.body, chosen), axes, value.turn if len(axes) == 1 and value.rank == 1 else "")
