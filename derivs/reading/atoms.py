r"""What a name means that is no entry of a tensor: e, pi, Kronecker's delta, ones, a letter; brackets with scripts."""

from __future__ import annotations

from collections.abc import Sequence

from derivs.affine import symbol
from derivs.errors import Unreadable
from derivs.expr import ONE, Apply, Delta, Derivative, Entry, walk
from derivs.reading import functions
from derivs.reading.conditions import indicator
from derivs.reading.forms import form
from derivs.reading.introduce import written
from derivs.reading.naming import indexed, named, number_of, rows, scripted
from derivs.reading.spelling import bare, items, key, letters, spelled
from derivs.reading.state import Bound, State, unread
from derivs.reading.syntax import (
    Accent,
    Group,
    Name,
    Node,
    Relation,
    Row,
    Scripts,
    Styled,
    Word,
)
from derivs.reading.value import Axis, Value, fresh, mapped, transposed


def atom(s: State, node: Node, bound: Bound) -> Value:
    value = named(s, node, bound)
    if value is None:
        value = _special(s, node, bound)
    if value is None and _may_be_number(s, node, bound):
        value = number_of(s, node, bound)
    if value is not None:
        return value
    inside = bare(node)
    if isinstance(inside, Scripts):
        base = bare(inside.base)
        if inside.below is None and not inside.primes and inside.above is not None and (
                count := number_of(s, inside.base, bound)) is not None:
            return scripted(s, count, items(inside.above), node, bound)                  # n^2
        if isinstance(base, Name | Word | Accent) and spelled(node) is not None:
            function = functions.function(s, node)
            if function is not None:
                raise unread(f"{key(inside.base)} is a function; what is it applied to?", node)
            raise _unknown(s, node)
        return _scripts(s, inside, base, bound)
    if functions.function(s, node) is not None:
        raise unread(f"{key(node)} is a function; what is it applied to?", node, "write its argument in brackets")
    if spelled(node) is None:
        return s.read(inside, bound)
    raise _unknown(s, node)


def _may_be_number(s: State, node: Node, bound: Bound) -> bool:
    """A size, a bound index, or a letter that may turn out to be a free index of the line."""
    name = key(node)
    return name in bound or name in s.vocabulary.sizes or name in s.vocabulary.indices or (
        len(name) == 1 and name.islower() and not s.vocabulary.has_base(name) and functions.function(s, node) is None)


def _unknown(s: State, node: Node) -> Unreadable:
    name = spelled(node)
    assert name is not None
    known = s.vocabulary.spellings.get(name.base)
    if known and len(known) == 1 and len(name.below) + len(name.above) > 0:
        rank = len(known[0].named.sizes)
        return unread(f"{known[0].said} has {rank} {'index' if rank == 1 else 'indices'}, this has other ones", node)
    return unread(f"{written(node)} is not declared", node, s.vocabulary.suggestion(name))


def _special(s: State, node: Node, bound: Bound) -> Value | None:
    """e, pi, e^x, Kronecker's delta, the unit matrix, the vector of ones: unless the exercise declares them."""
    inside = bare(node)
    base = inside.base if isinstance(inside, Scripts) else inside
    below = inside.below if isinstance(inside, Scripts) else None
    above = inside.above if isinstance(inside, Scripts) else None
    name = key(base)
    if name in ("e", "exp") and above is not None and below is None and not s.vocabulary.has_base(name):
        if name == "exp":
            s.slip(functions.EXPONENT, "write e^{...} or \\exp(...)", node)
        return mapped(s.read(above, bound), lambda u: Apply("exp", (u,)))
    if name == "e" and inside is base:
        return Value(Apply("exp", (ONE,)))
    if name == "pi" and inside is base:
        return Value(Apply("pi", ()))
    if name == "delta" and isinstance(inside, Scripts):
        return _kronecker(s, inside, bound)
    if _is_one(node) and below is not None:
        return _indicator_below(s, below, above, node, bound)
    if (name == "1" and isinstance(_without_scripts(node), Styled)) or name in ("I", "mathbb{I}", "1"):
        return _unit(s, node, name, above, bound)
    return None


def _without_scripts(node: Node) -> Node:
    return node.base if isinstance(node, Scripts) else node


def _is_one(node: Node) -> bool:
    """1 or I, in whatever typeface, as people write an indicator."""
    inside = bare(node)
    base = inside.base if isinstance(inside, Scripts) else inside
    return key(base) in ("1", "I", "chi")


def _indicator_below(s: State, below: Node, above: Node | None, node: Node, bound: Bound) -> Value:
    """1_{x > 0}; or the vector of n ones, 1_n."""
    inside = bare(below)
    inside = inside.items[0] if isinstance(inside, Group) and len(inside.items) == 1 else inside
    if isinstance(inside, Relation | Row) and not all(isinstance(i, Name) for i in items(inside)):
        return indicator(s, inside, bound)
    size = form(s, below, bound)
    if size is None:
        raise unread("this is neither a condition nor a size", below)
    name = key(bare(node).base) if isinstance(bare(node), Scripts) else ""  # type: ignore[union-attr]
    first, second = Axis(fresh(), size), Axis(fresh(), size)
    value = (Value(Delta(symbol(first.index), symbol(second.index)), (first, second)) if name == "I"
             else Value(ONE, (first,)))
    return value if above is None else scripted(s, value, (above,), node, bound)


def _unit(s: State, node: Node, name: str, above: Node | None, bound: Bound) -> Value | None:
    if name == "I":
        first, second = Axis(fresh(), None), Axis(fresh(), None)
        value = Value(Delta(symbol(first.index), symbol(second.index)), (first, second))
    elif isinstance(_without_scripts(node), Styled):
        value = Value(ONE, (Axis(fresh(), None),))
    else:
        return None
    return value if above is None else scripted(s, value, (above,), node, bound)


def _kronecker(s: State, node: Scripts, bound: Bound) -> Value | None:
    r"""\delta_{ij}, \delta_{i,j}, \delta^i_j, \delta_{i=j}."""
    if node.below is not None and isinstance(bare(node.below), Relation):
        return indicator(s, node.below, bound)
    below, above = items(node.below), items(node.above)
    places = letters(below[0]) if len(below) == 1 else below
    if len(places) == 1 and len(above) == 1:
        places, above = (*places, *above), ()          # \delta^i_j
    elif not below and len(above) == 1:
        places, above = letters(above[0]), ()          # \delta^{ij}
    if len(places) != 2:
        return None
    return scripted(s, _equal_places(s, places, node, bound), above, node, bound)


def _equal_places(s: State, places: Sequence[Node], node: Node, bound: Bound) -> Value:
    """1 where two indices are equal."""
    sides = [form(s, place, bound, subscript=True) for place in places]
    if sides[0] is None or sides[1] is None:
        return indicator(s, Relation(tuple(places), ("=",), (node.span,), node.span), bound)
    return Value(Delta(sides[0], sides[1]))


def _primed(s: State, value: Value, node: Scripts) -> Value:
    """(1/(1 + e^{-x}))': the derivative by the one entry in the brackets. Raises Unreadable where there are others."""
    entries = {part for part in walk(value.body) if isinstance(part, Entry)}
    if node.primes > 1 or node.below or node.above or value.rank or len(entries) != 1:
        raise unread("a prime after brackets does not say by what", node, r"write \partial / \partial x before them")
    by, = entries
    of = s.node(value.body).body
    assert isinstance(of, Entry)
    return Value(Derivative(of, by))


def _scripts(s: State, node: Scripts, base: Node, bound: Bound) -> Value:
    """Brackets with something after them: a power, a transpose, an index, the kind of a norm."""
    above = items(node.above)
    if node.primes and s.vocabulary.operators.get("'") == "transpose":
        return transposed(s.read(base, bound), rows(s))
    if node.primes:
        return _primed(s, s.read(base, bound), node)
    if isinstance(base, Group) and base.kind == "\\|":
        if above and key(above[0]) == "2":                    # smooth at 0 too, where the norm is not
            square = functions.norm_squared(s, s.read(base.items[0], bound), node.below, base)
            return scripted(s, square, above[1:], node, bound)
        return scripted(s, functions.norm(s, s.read(base.items[0], bound), node.below, base), above, node, bound)
    value = s.read(base, bound)
    if node.below is not None:
        value = indexed(s, value, node.below, node, bound)
    return scripted(s, value, above, node, bound)
