"""Whether two formulas read the same: the order of terms and factors and the letters of bound indices aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derivs.affine import Affine, symbol
from derivs.expr import Add, And, Entry, Largest, Mul, Number, Or, Pow, Sum, Tree, children, forms


def alike(one: Tree, other: Tree) -> bool:
    """No more is compared than what stands there: 2 x and x + x are not alike."""
    return bool(_key(one, {}) == _key(other, {}))


def _key(node: Tree, bound: Mapping[str, Affine]) -> Any:
    """A hashable, sortable form of the tree, bound indices numbered by how deep they are bound."""
    match node:
        case Sum(index, low, high, body) | Largest(index, low, high, body):
            inner = {**bound, index: symbol(f"#{len(bound)}")}
            ends = (str(low.substitute(bound)), str(high.substitute(bound)))
            return (type(node).__name__, *ends, _key(body, inner))
        case Add(parts) | Mul(parts) | And(parts) | Or(parts):
            flat = _flat(type(node), parts)
            return (type(node).__name__, *sorted((_key(part, bound) for part in flat), key=repr))
        case Number(value):
            return ("Number", str(value))
        case Entry(tensor, at):
            return ("Entry", tensor, *(str(form.substitute(bound)) for form in at))
        case Pow(Pow(base, Number(inner_exponent)), Number(exponent)) if exponent.denominator == 1:
            return _key(Pow(base, Number(inner_exponent * exponent)), bound)
        case _:
            head = tuple(getattr(node, name) for name in ("function", "op", "kind", "tensor") if hasattr(node, name))
            said = tuple(str(form.substitute(bound)) for form in forms(node))
            return (type(node).__name__, *head, *said, *(_key(part, bound) for part in children(node)))


def _flat(kind: type, parts: tuple[Tree, ...]) -> list[Tree]:
    """The parts, with those of the same kind taken apart."""
    return [inner for part in parts for inner in (_flat(kind, children(part)) if type(part) is kind else [part])]
