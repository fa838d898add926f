r"""Derivatives as they are written: ∂L/∂W_{ij}, a Jacobian ∂y/∂x, an operator ∂/∂x before what it acts on, \nabla_x L.

A partial of a node by a node is taken with the other named nodes held fixed, or through all of them: people write both,
and which one is meant is a choice of readings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from derivs.affine import Affine
from derivs.expr import Derivative, Entry, Expr, Mul, Sum, mul, tensors_in
from derivs.reading.choices import Option
from derivs.reading.introduce import written
from derivs.reading.spelling import bare, key, spelled
from derivs.reading.state import Bound, State, unread
from derivs.reading.syntax import Fraction, Name, Node, Product, Scripts, Span, Styled, Word
from derivs.reading.value import Tag, Turn, Value
from derivs.wellformed import reach

LOCAL = Option("partials with the other named nodes held fixed", slip=False)
TOTAL = Option("partials through all nodes between", slip=False)
MIXED = Option("the left side through all nodes between, the partials on the right with the others held fixed",
               slip=False)
LOSSES = frozenset({"E", "L", "J", "ell", "loss"})


@dataclass(frozen=True, slots=True)
class Quotient:
    """A fraction of two differentials. of: None where it is an operator."""

    of: Node | None
    by: Node
    span: Span


def quotient(s: State, node: Fraction) -> Quotient | None:
    """The fraction as a derivative, if its bar stands between two d or ∂."""
    above, below = _differential(s, node.over), _differential(s, node.under)
    if above is None and below is not None and below[0] == "partial" and below[1] is not None:
        s.slip("∂ is missing above the fraction bar", r"write \partial above the bar", node.over)
        return Quotient(node.over, below[1], node.span)
    if above is None:
        return None
    if below is None:
        if above[0] == "partial" and above[1] is not None:
            mend = rf"write \frac{{\partial {written(above[1])}}}{{\partial {written(node.under)}}}"
            s.slip("∂ is missing below the fraction bar", mend, node.under)
            return Quotient(above[1], node.under, node.span)
        return None
    if "delta" in (above[0], below[0]):
        if above[0] != below[0]:
            return None
        s.slip("δ is written for ∂", r"write \partial", node)
    if below[1] is None:
        raise unread("nothing stands after ∂ below the fraction bar", node.under)
    return Quotient(above[1], below[1], node.span)


def differentiated(s: State, node: Node, bound: Bound) -> Value:
    """What stands above the bar. A loss of which nothing is known is the loss by any of the usual letters."""
    name, loss, known = spelled(node), s.problem.loss, s.vocabulary
    if (name is not None and key(node) in LOSSES and loss and s.problem.definition(loss) is None
            and key(node) not in known.losses and not known.has_base(name.base)):
        own = next(iter(known.losses), loss)
        s.slip(f"the loss of this exercise is {own}", f"write {own}", node)
        return Value(Entry(loss))
    return s.read(node, bound)


def _differential(s: State, node: Node) -> tuple[Literal["partial", "d", "delta"], Node | None] | None:
    """What stands after ∂ or d; None if neither stands first."""
    inner = bare(node)
    parts = inner.parts if isinstance(inner, Product) else (inner,)
    first = parts[0] if parts else inner
    if isinstance(first, Scripts) and _is_sign(s, first.base) and first.above is not None and first.below is None:
        raise unread("second derivatives are not read yet", first)
    sign = _is_sign(s, first)
    if sign is None:
        return None
    rest = parts[1:]
    if sign == "d" and not rest and not isinstance(first, Styled) and s.vocabulary.has_base("d"):
        return None
    if not rest:
        return sign, None
    if any(_is_sign(s, part) for part in rest if sign == "partial"):
        raise unread("second derivatives are not read yet", inner)
    return sign, rest[0] if len(rest) == 1 else Product(rest, (rest[0].span[0], rest[-1].span[1]))


def _is_sign(s: State, node: Node) -> Literal["partial", "d", "delta"] | None:
    match node:
        case Name("partial"):
            return "partial"
        case Name("delta") if not s.vocabulary.has_base("delta"):
            return "delta"                          # some write δ for ∂
        case Name("d") | Word("d") | Styled(_, Name("d")):
            return "d"
        case _:
            return None


def derivative(s: State, of: Value, by: Node, bound: Bound) -> Value:
    """∂of/∂by: its axes are those left open above and below the bar. Raises Unreadable."""
    below = s.read(by, bound)
    picks, entry = picked(s, below.body)
    if picks:                                       # by s_y, y a label: the sum over k of [k = y] times that by s_k
        return _under_picks(picks, _derivative(s, of, replace(below, body=entry), by))
    return _derivative(s, of, below, by)


def picked(s: State, body: Expr) -> tuple[tuple[Sum, ...], Expr]:
    """The sums over a one-hot label around an entry, and the entry: s_y is the sum over k of [k = y] s_k."""
    picks: list[Sum] = []
    while isinstance(body, Sum) and isinstance(body.body, Mul) and len(body.body.factors) == 2:
        chosen, inner = body.body.factors
        if not (isinstance(chosen, Entry) and chosen.at and chosen.at[-1].bare == body.index
                and "onehot" in s.problem.tensors[chosen.tensor].properties):
            break
        picks.append(body)
        body = inner
    return tuple(picks), body


def _under_picks(picks: tuple[Sum, ...], value: Value) -> Value:
    body = value.body
    for pick in reversed(picks):
        assert isinstance(pick.body, Mul)
        body = Sum(pick.index, pick.low, pick.high, mul(pick.body.factors[0], body))
    return replace(value, body=body)


def _derivative(s: State, of: Value, below: Value, by: Node) -> Value:
    if not isinstance(below.body, Entry) or below.body.tensor.startswith("_e"):
        raise unread(f"nothing is differentiated by {key(by)}: it is no node of the exercise", by,
                     "name it in [forward], or write the derivative by an entry")
    picks, entry = picked(s, of.body)
    if picks and isinstance(entry, Entry):
        return _under_picks(picks, _derivative(s, replace(of, body=entry), below, by))
    above = of if isinstance(of.body, Entry) else replace(s.node(of.body), axes=of.axes, turn=of.turn)
    assert isinstance(above.body, Entry)
    kind = _kind(s, above.body.tensor, below.body.tensor)
    body = Derivative(above.body, below.body, kind)
    tagged_of = [replace(a, tag=_tag("of", above)) for a in above.axes]
    tagged_by = [replace(a, tag=_tag("by", below)) for a in below.axes]
    axes = (*tagged_by, *tagged_of) if s.vocabulary.layout == "denominator" else (*tagged_of, *tagged_by)
    return Value(body, axes, _turn(s, above, below) if len(axes) == 1 else "")


def _tag(half: Literal["of", "by"], value: Value) -> Tag:
    assert isinstance(value.body, Entry)
    opened = {axis.index for axis in value.axes}
    fixed: tuple[Affine | None, ...] = tuple(None if form.bare in opened else form for form in value.body.at)
    return Tag(half, value.body.tensor, fixed)


def _turn(s: State, above: Value, below: Value) -> Turn:
    """Which way the vector of derivatives stands, by the layout."""
    if above.rank == 1:
        return {"numerator": "column", "denominator": "row"}.get(s.vocabulary.layout, above.turn)  # type: ignore[return-value]
    if s.vocabulary.layout == "numerator":
        return "column" if below.turn == "row" else "row"
    if s.vocabulary.layout == "denominator":
        return "row" if below.turn == "row" else "column"
    return below.turn


def _kind(s: State, of: str, by: str) -> Literal["total", "local"]:
    """Local and total, where they differ, are two readings."""
    problem = s.extended
    if of == problem.loss and problem.definition(of) is None:
        return "total"
    definition = problem.definition(of)
    if definition is None or of == by:
        return "total"
    direct = by in tensors_in(definition.value)
    between = any(by in reach(problem, name) for name in tensors_in(definition.value) if name != by)
    if not (direct and between):
        return "total"
    taken = s.choose("partials", LOCAL, TOTAL, MIXED)
    return ("local", "total", "total" if s.side == "left" else "local")[taken]
