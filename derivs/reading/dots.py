r"""`x_1 y_1 + x_2 y_2 + \dots + x_n y_n`: the sum that dots stand for, where the terms around them leave no doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from derivs.errors import Unreadable
from derivs.reading.spelling import key
from derivs.reading.syntax import Big, Name, Node, Numeral, Relation, Text, walk

LETTERS = "klqruvw"


def is_dots(node: Node) -> bool:
    """Whether dots stand for terms here."""
    return isinstance(node, Text) and node.text.strip() in ("...", "…")


def ellipsis(terms: Sequence[tuple[int, Node]], node: Node) -> Node:
    """The sum with its dots filled in. Raises Unreadable where the terms do not show a pattern."""
    place = next(k for k, (_, term) in enumerate(terms) if is_dots(term))
    before, after = terms[:place], terms[place + 1:]
    if not before or len(after) != 1 or any(sign != 1 for sign, _ in terms):
        raise _refused(terms[place][1])
    used = {part.text for _, term in terms for part in walk(term) if isinstance(part, Name)}
    letter = next(c for c in LETTERS if c not in used)
    first, last = before[0][1], after[0][1]
    ends: set[tuple[str, str]] = set()
    body = _between(first, last, letter, ends)
    if body is None or len(ends) != 1:
        raise _refused(terms[place][1])
    (low, high), = ends
    for k, (_, term) in enumerate(before[1:], 1):
        steps: set[tuple[str, str]] = set()
        again = _between(first, term, letter, steps)
        if again is None or key(again) != key(body) or steps != {(low, str(int(low) + k))}:
            raise _refused(terms[place][1])
    span = node.span
    upper = next(part for part in walk(last) if key(part) == high)
    below = Relation((Name(letter, span), Numeral(low, span)), ("=",), (span,), span)
    return Big("sum", below, upper, body, span)


def _refused(node: Node) -> Unreadable:
    return Unreadable("the dots leave out what a formula must say", node.span, mend=r"write the sum with \sum")


def _between(a: Any, b: Any, letter: str, ends: set[tuple[str, str]]) -> Any:
    """What two terms have in common, a letter where one has a number and the other something else; None if nothing."""
    if isinstance(a, Numeral) and a.text.isdigit() and key(a) != key(b):
        ends.add((a.text, key(b)))
        return Name(letter, a.span)
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        parts = tuple(_between(x, y, letter, ends) for x, y in zip(a, b, strict=True))
        return None if any(p is None and x is not None for p, x in zip(parts, a, strict=True)) else parts
    if type(a) is not type(b):
        return None
    if not hasattr(a, "__dataclass_fields__"):
        return a if a == b else None
    changed: dict[str, Any] = {}
    for field in fields(a):
        if field.name in ("span", "spans"):
            continue
        x, y = getattr(a, field.name), getattr(b, field.name)
        common = _between(x, y, letter, ends)
        if common is None and (x is not None or y is not None):
            return None
        changed[field.name] = common
    return replace(a, **changed)
