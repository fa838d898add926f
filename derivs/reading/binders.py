r"""Sums and maxima over index letters: their bounds, their conditions, and the ranges that nobody wrote down."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, affine, symbol
from derivs.errors import Mismatch
from derivs.expr import (
    Entry,
    Expr,
    Largest,
    Mul,
    Tree,
    children,
    mul,
    names_in,
    negate,
)
from derivs.expr import Sum as SumOver
from derivs.reading.conditions import indicator, words
from derivs.reading.forms import form, own_name
from derivs.reading.spelling import bare, items, key, letters
from derivs.reading.state import Bound, State, unread
from derivs.reading.syntax import (
    Big,
    Name,
    Node,
    Product,
    Relation,
    Row,
    Scripts,
    Sign,
    Text,
)
from derivs.reading.value import Value, total

BOUND: Final = "a bound is a number, the length of an axis, or a sum of such"


def big(s: State, node: Big, bound: Bound) -> Value:
    """A sum or a maximum over the letters below the sign."""
    if node.kind in ("prod", "int", "argmax", "argmin"):
        said = {"prod": "a product over an index", "int": "an integral"}.get(node.kind, node.kind)
        raise unread(f"{said} is not read yet", node)
    if node.below is None:
        return _over_everything(s, node, bound)
    binders = _binders(s, node, bound)
    names = [name for name, _, _ in binders.ranges]
    inside = bound | frozenset(names)
    value = s.read(node.body, inside)
    for name in names:
        if name in s.letters or name in bound:
            s.captured.setdefault(name, node.below.span)
    body = value.body
    conditions = [indicator(s, condition, inside) for condition in binders.conditions]
    if any(c.rank for c in conditions):
        raise unread("a condition on a whole vector stands below the sign", node)
    for condition in conditions:
        body = mul(condition.body, body)
    if conditions and node.kind != "sum":
        raise unread("a maximum with a condition is not read yet", node)
    for letter, low, high in reversed(binders.ranges):
        name = own_name(s, letter)
        if low is None or high is None:
            low, high = _range(s, name, body, node)
        match node.kind:
            case "sum":
                body = SumOver(name, low, high, body)
            case "max":
                body = Largest(name, low, high, body)
            case _:
                body = negate(Largest(name, low, high, negate(body)))
    return Value(body, value.axes, value.turn)


class _Binders:
    """The letters below a sign with their ranges, and the conditions there."""

    def __init__(self) -> None:
        self.ranges: list[tuple[str, Affine | None, Affine | None]] = []
        self.conditions: list[Node] = []


def _binders(s: State, node: Big, bound: Bound) -> _Binders:
    found = _Binders()
    assert node.below is not None
    parts = items(node.below)
    for part in parts:
        if isinstance(part, Text) and words(part.text) in ("", ",", "and"):
            continue
        if not isinstance(part, Relation):
            for letter in (part,) if isinstance(part, Name | Scripts) else letters(part):
                _bind(s, found, letter, None, None)
            continue
        _relation(s, found, part, bound)
    if not found.ranges:
        raise unread("no index letter stands below the sign", node)
    if node.above is not None and key(node.above) not in ("",):
        lows = {low for _, low, _ in found.ranges if low is not None}
        if len(lows) > 1 or (len(found.ranges) > 1 and not lows):
            raise unread("it is not clear which letter the upper bound is of", node.above, "write one sign for each")
        upper = form(s, node.above, bound)
        if upper is None:
            raise unread("this is no bound", node.above, BOUND)
        shift = 1 - s.vocabulary.index_base
        low = next(iter(lows), affine(1))
        found.ranges = [(name, low, upper + shift) for name, _, _ in found.ranges]
    return found


def _bind(s: State, found: _Binders, letter: Node, low: Affine | None, high: Affine | None) -> None:
    name = key(letter)
    if not isinstance(bare(letter), Name | Scripts):
        raise unread("an index letter is expected below the sign", letter)
    found.ranges.append((name, low, high))


def _relation(s: State, found: _Binders, part: Relation, bound: Bound) -> None:
    """i = 1, i = 1..n, 1 <= i <= n, i in S, i != j."""
    shift = 1 - s.vocabulary.index_base
    left, sign = part.sides[0], part.signs[0]
    right = part.sides[1]
    if left is None or right is None:
        raise unread("one side is missing below the sign", part)
    inner = bare(left)
    colon = next((k for k, one in enumerate(inner.parts) if isinstance(one, Sign) and one.text == ":"), None) if (
        isinstance(inner, Product)) else None
    if colon and isinstance(inner, Product):                       # j : j \neq i
        for letter in inner.parts[:colon]:
            _bind(s, found, letter, None, None)
        rest = inner.parts[colon + 1:]
        span = (rest[0].span[0], rest[-1].span[1]) if rest else part.span
        found.conditions.append(replace(part, sides=(Product(rest, span), *part.sides[1:])))
        return
    if sign in ("=", "==") and len(part.signs) == 1:
        low = form(s, right, bound)
        if low is None:
            raise unread("this is no bound", right, BOUND)
        known = [name for name, _, _ in found.ranges]
        for name in items(left) if isinstance(bare(left), Row) else (left,):
            if key(name) in known:
                found.conditions.append(part)
            else:
                _bind(s, found, name, low + shift, None)
        return
    if sign == "in" and len(part.signs) == 1:
        known_set = s.vocabulary.sets.get(key(right))
        if known_set is None and key(right) in s.vocabulary.sizes:
            known_set = (FIRST, s.vocabulary.sizes[key(right)])
        if known_set is None:
            raise unread(f"the set {key(right)} is not declared", right, "declare it: [sets] 'S' = \"1..n\"")
        for name in items(left) if isinstance(bare(left), Row) else (left,):
            _bind(s, found, name, *known_set)
        return
    if len(part.signs) == 2 and set(part.signs) <= {"<", "<="}:
        low, high = form(s, left, bound), form(s, part.sides[2], bound) if part.sides[2] else None
        if low is None or high is None:
            raise unread("these are no bounds", part)
        _bind(s, found, right, low + shift + (part.signs[0] == "<"), high + shift - (part.signs[1] == "<"))
        return
    bound_here = {name for name, _, _ in found.ranges}
    if isinstance(bare(left), Name | Scripts) and key(left) not in bound_here and key(left) not in bound:
        _bind(s, found, left, None, None)
    taken = {*bound, *bound_here, *s.read_left, *s.vocabulary.sizes}
    if s.side == "right" and isinstance(bare(right), Name) and key(right) not in taken and form(s, right, bound):
        _bind(s, found, right, None, None)         # k \neq l over all pairs: l stands nowhere on the left
    found.conditions.append(part)


def _over_everything(s: State, node: Big, bound: Bound) -> Value:
    if node.kind != "sum":
        raise unread("no index letter stands below the sign", node)
    value = s.read(node.body, bound)
    if value.rank == 1:
        return total(value)
    letters_ = sorted(names_in(value.body) & s.letters.keys() - bound)
    if value.rank == 0 and len(letters_) == 1:
        name = letters_[0]
        s.slip(f"the sum is read over {name}", rf"write \sum_{name}", node)
        del s.letters[name]
        return Value(SumOver(name, *_range(s, name, value.body, node), value.body))
    raise unread("the sum does not say over what", node, r"write \sum_i")


def _range(s: State, name: str, body: Expr, node: Node) -> tuple[Affine, Affine]:
    """What a letter runs over: the axis that it stands on alone, or what keeps its subscripts in their range."""
    declared = s.vocabulary.indices.get(name)
    alone: dict[tuple[Affine, Affine], None] = {}
    shifted: dict[tuple[Affine, Affine], None] = {}
    for form_, size in _axes(s, body, name):
        if form_.bare == name:
            alone[FIRST, size] = None
        elif abs(form_.coefficient(name)) == 1:
            rest = form_ - symbol(name) * form_.coefficient(name)
            shifted[(FIRST - rest, size - rest) if form_.coefficient(name) == 1 else (rest - size, rest - 1)] = None
    if declared is not None and (not alone or declared in alone):
        return declared
    ranges = list(alone or shifted)
    if len(ranges) == 1:
        return ranges[0]
    if not ranges:
        raise unread(f"the range of {name} is not known: it stands on no axis", node, rf"write \sum_{{{name}=1}}^{{n}}")
    if not alone and isinstance(body, Mul):
        return ranges[0]
    lengths = " and over ".join(f"{low}..{high}" for low, high in ranges)
    raise Mismatch(f"{name} runs over {lengths}")


def _axes(s: State, node: Tree, name: str) -> list[tuple[Affine, Affine]]:
    """The subscripts that hold the letter, free, with the lengths of their axes."""
    if isinstance(node, SumOver | Largest) and node.index == name:
        return []
    found = []
    if isinstance(node, Entry):
        tensor = s.tensors.get(node.tensor) or s.problem.tensors.get(node.tensor)
        if tensor is not None:
            found += [pair for pair in zip(node.at, tensor.shape, strict=False) if name in pair[0].names]
    for part in children(node):
        found += _axes(s, part, name)
    return found
