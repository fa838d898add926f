r"""What the signs between factors do: side by side, `\cdot`, `\odot`, `\otimes`, `:`, `/`, `*_{full}`.

An exercise may declare what a sign stands for. What it leaves open is a choice of readings, as most people mean it
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.errors import Mismatch, UnknownLength, Unreadable
from derivs.expr import And, CompareIndex, Condition, Delta, Indicator, Sum, divide, mul, reindex, times
from derivs.reading.choices import Option
from derivs.reading.naming import rows
from derivs.reading.state import State
from derivs.reading.syntax import Sign
from derivs.reading.value import Axis, Value, contract, elementwise, fresh, inner, matrix_product, outer
from derivs.reading.vocabulary import Meaning

DEFAULTS: Final[dict[str, Meaning]] = {
    "odot": "hadamard", "circ": "hadamard", "bullet": "hadamard", "oslash": "elementwise division",
    "otimes": "outer", ":": "frobenius"}
TIGHT: Final = frozenset({"", "cdot", "times", "/", "div"})       # the others wait for the products beside them
STRICT = Option("")
ELEMENTWISE = Option("what stands side by side is multiplied entry by entry", r"write \odot between them")
INNER = Option("what stands side by side is an inner product", "write x^T y, or a sum")
DOT_ELEMENTWISE = Option("the dot multiplies entry by entry", r"write \odot", slip=False)
STAR_MATRIX = Option("the star is a matrix product", "write nothing between the matrices", slip=False)
DIAGONAL = Option("the sign with the unit matrix makes a diagonal matrix", r"write \operatorname{diag}(x)")
LATER_SLASH = Option("the slash divides by the whole product after it", "write brackets after the slash")


def declared(s: State, sign: Sign | None) -> Meaning | None:
    """What the exercise, or custom, says of a sign."""
    if sign is None:
        return None
    name = sign.text + ("_" + sign.below if sign.below else "")
    return s.vocabulary.operators.get(name) or DEFAULTS.get(name)


def is_tight(s: State, sign: Sign | None) -> bool:
    """Whether a sign binds like factors side by side."""
    if sign is None:
        return True
    meaning = declared(s, sign)
    return sign.text in TIGHT and not sign.below and meaning in (None, "matrix product", "inner")


def combine(s: State, a: Value, sign: Sign | None, b: Value) -> Value:
    """Two values with a sign between them. Raises Mismatch, Unreadable."""
    meaning = declared(s, sign)
    if sign is not None and sign.below and meaning is None:
        raise Unreadable(f"the exercise does not say what {sign.text}_{{{sign.below}}} stands for", sign.span,
                         mend=f"declare it: [operators] '{sign.text}_{{{sign.below}}}' = \"convolution full\"")
    if meaning is None:
        return _undeclared(s, a, sign.text if sign else "", b)
    match meaning:
        case "matrix product":
            return beside(s, a, b)
        case "hadamard":
            return _entry_by_entry(s, a, b)
        case "elementwise division":
            return elementwise(a, b, divide, "the division")
        case "frobenius" | "inner":
            return _inner(a, b)
        case "outer":
            return _outer(s, a, b, sign)
        case "kronecker" | "transpose":
            raise Unreadable(f"the sign stands for {meaning}, which is not read between factors",
                             sign.span if sign else (0, 0))
        case _:
            s.convolves = True
            return _convolution(a, b, meaning)


def _undeclared(s: State, a: Value, sign: str, b: Value) -> Value:
    if a.rank == 0 or b.rank == 0:
        return elementwise(a, b, divide if sign in ("/", "div") else times, "the product")
    match sign:
        case "/" | "div":
            return elementwise(a, b, divide, "the division")
        case "cdot":
            if tagged(s, a, b):
                return beside(s, a, b)
            if s.choose("cdot", STRICT, DOT_ELEMENTWISE):
                return elementwise(a, b, times, "the product")
            if a.rank == b.rank == 1 and a.turn == b.turn:
                return _inner(a, b)
            return beside(s, a, b)
        case "*" | "times":
            if tagged(s, a, b):
                return beside(s, a, b)
            if s.choose("star", STRICT, STAR_MATRIX):
                return beside(s, a, b)
            return elementwise(a, b, times, "the product")
        case _:
            return beside(s, a, b)


def beside(s: State, a: Value, b: Value) -> Value:
    """Factors side by side: a chain of derivatives, a product with a number, a matrix product."""
    pairs = tagged(s, a, b)
    if pairs:
        return contract(a, b, pairs, "the chain rule")
    try:
        return matrix_product(a, b, rows(s))
    except Mismatch:
        options = (STRICT, ELEMENTWISE, INNER) if a.rank == b.rank == 1 else (STRICT, ELEMENTWISE)
        match s.choose("beside", *options):
            case 1 if a.rank == b.rank:
                return elementwise(replace(a, turn=""), replace(b, turn=""), times, "the product")
            case 2:
                return _inner(a, b)
        raise


def _entry_by_entry(s: State, a: Value, b: Value) -> Value:
    if a.rank == b.rank or not a.rank or not b.rank:
        return elementwise(a, b, times, "the product entry by entry")
    return broadcast(a, b)


def broadcast(a: Value, b: Value) -> Value:
    """A vector with every row of a matrix, or a column with every column, where the sizes leave no doubt."""
    small, large = (a, b) if a.rank < b.rank else (b, a)
    if small.rank == 1 and large.rank == 2:
        fits = [k for k in (0, 1) if large.axes[k].size is small.axes[0].size]
        if len(fits) == 1 and small.turn in ("", ("column", "row")[fits[0]]):
            k = fits[0]
            moved = reindex(small.body, {small.axes[0].index: symbol(large.axes[k].index)})
            return Value(mul(large.body, moved), large.axes)
    raise Mismatch(f"the product entry by entry of {a} and {b}")


def _inner(a: Value, b: Value) -> Value:
    if a.rank == 0 or b.rank == 0:
        return elementwise(a, b, times, "the product")
    return inner(replace(a, turn=""), replace(b, turn=""))


def _outer(s: State, a: Value, b: Value, sign: Sign | None) -> Value:
    """The outer product; the unit matrix beside a vector makes no matrix with it, unless a diagonal one is meant."""
    for unit, other in ((a, b), (b, a)):
        if unit.rank == 2 and isinstance(unit.body, Delta) and other.rank == 1 and s.choose("otimes", STRICT, DIAGONAL):
            s.meanings.setdefault(sign.text if sign else "", set()).add("diagonal")
            first, second = unit.axes
            axis = other.axes[0]
            if first.size not in (None, axis.size):
                raise Mismatch(f"the product of {a} and {b}")
            body = reindex(other.body, {axis.index: symbol(first.index)})
            return Value(mul(unit.body, body), (replace(first, size=axis.size), replace(second, size=axis.size)))
    s.meanings.setdefault(sign.text if sign else "", set()).add("outer")
    return outer(a, b)


def tagged(s: State, a: Value, b: Value) -> list[tuple[int, int]]:
    """The axes on which two derivatives of a chain rule meet: open above the one bar and below the other."""
    pairs = []
    for i, x in enumerate(a.axes):
        for j, y in enumerate(b.axes):
            if (x.tag and y.tag and x.tag.half != y.tag.half and x.tag.tensor == y.tag.tensor
                    and x.tag.fixed == y.tag.fixed and _place(a, i) == _place(b, j)):
                pairs.append((i, j))
    if s.vocabulary.layout != "shape" and len(pairs) == 1 and a.rank <= 2 and b.rank <= 2:
        return []                                   # the declared layout says where the vectors stand
    return pairs


def _place(value: Value, k: int) -> int:
    """Which of the axes of its half of the quotient an axis is."""
    return sum(axis.tag == value.axes[k].tag for axis in value.axes[:k])


def _convolution(a: Value, b: Value, meaning: Meaning) -> Value:
    """Full: sum_u a_u b_{i-u+1}, all that overlap. Valid: sum_u a_{i+u-1} b_u. Only a convolution flips."""
    if a.rank != b.rank or not a.rank:
        raise Mismatch(f"the {meaning} of {a} and {b}")
    full, flips = "full" in meaning, "convolution" in meaning
    axes, conditions, places, shifts = list[Axis](), list[Condition](), list[Axis](), dict[str, Affine]()
    for x, y in zip(a.axes, b.axes, strict=True):
        if x.size is None or y.size is None:
            raise UnknownLength(f"the {meaning} of a tensor whose length is not known")
        axis = Axis(fresh(), x.size + y.size - 1 if full else x.size - y.size + 1)
        i, u = symbol(axis.index), symbol(y.index if not full else x.index)
        if full:                                    # u runs over a, the place in b is what it must be
            at = i - u + 1 if flips else u - i + y.size
            shifts[y.index] = at
            conditions += [CompareIndex("<=", FIRST, at), CompareIndex("<=", at, y.size)]
            places.append(x)
        else:                                       # u runs over b, the place in a is never outside
            shifts[x.index] = i + u - 1 if not flips else i - u + y.size
            places.append(y)
        axes.append(axis)
    moved = mul(reindex(a.body, shifts), reindex(b.body, shifts))
    body = mul(Indicator(And(tuple(conditions))), moved) if conditions else moved
    for place in reversed(places):
        assert place.size is not None
        body = Sum(place.index, FIRST, place.size, body)
    return Value(body, tuple(axes))


def folded(s: State, factors: Sequence[tuple[Sign | None, Value]]) -> Value:
    """Factors with the signs before them: what is side by side first, then the looser signs from left to right."""
    runs: list[tuple[Sign | None, list[tuple[Sign | None, Value]]]] = []
    for sign, value in factors:
        if runs and is_tight(s, sign):
            runs[-1][1].append((sign, value))
        else:
            runs.append((sign, [(None, value)]))
    result: Value | None = None
    for sign, run in runs:
        value = _tight(s, run)
        result = value if result is None else combine(s, result, sign, value)
    assert result is not None
    return result


def _tight(s: State, run: Sequence[tuple[Sign | None, Value]]) -> Value:
    """a b / c d is a b d / c first, and may be meant as a b / (c d)."""
    slash = next((k for k, (sign, _) in enumerate(run) if sign is not None and sign.text in ("/", "div")), None)
    if slash is not None and slash + 1 < len(run) and s.choose("slash", STRICT, LATER_SLASH):
        below = _tight(s, [(None, run[slash][1]), *run[slash + 1:]])
        return combine(s, _tight(s, run[:slash]), run[slash][0], below)
    result = run[0][1]
    for sign, value in run[1:]:
        result = combine(s, result, sign, value)
    return result
