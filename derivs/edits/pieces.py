"""What the changes have in common: numbers, exponents and products taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction as Rational

from derivs.reading.respell import NEW, made, negative, number
from derivs.reading.spelling import bare
from derivs.reading.syntax import Fraction, Group, Node, Numeral, Product, Scripts, Sign, Sum, Word


def is_number(node: Node) -> bool:
    node = bare(node)
    if isinstance(node, Group) and len(node.items) == 1:
        return is_number(node.items[0])
    if isinstance(node, Sum) and len(node.terms) == 1:
        return is_number(node.terms[0][1])
    if isinstance(node, Fraction):
        return is_number(node.over) and is_number(node.under)
    return isinstance(node, Numeral)


def without(node: Node, k: int) -> Iterator[Node]:
    """A product without its k-th part, and the sign before it."""
    inner = bare(node)
    if isinstance(inner, Product):
        parts = [*inner.parts[:k], *inner.parts[k + 1:]]
        if k and k <= len(parts) and isinstance(parts[k - 1], Sign):
            del parts[k - 1]
        elif parts and isinstance(parts[0], Sign):
            del parts[0]
        if parts:
            yield parts[0] if len(parts) == 1 else replace(inner, parts=tuple(parts), span=NEW)


def is_function(node: Node) -> bool:
    return isinstance(bare(node), Word)


def unbracketed(node: Node) -> Node:
    return node.items[0] if isinstance(node, Group) and node.kind == "(" and len(node.items) == 1 else node


def terms_of(node: Node) -> tuple[tuple[int, Node], ...]:
    node = bare(node)
    return node.terms if isinstance(node, Sum) else ((1, node),)


def exponent_of(node: Node) -> Rational | None:
    """The number that an exponent is."""
    match bare(node):
        case Numeral(text) if text.isdigit():
            return Rational(int(text))
        case Fraction(over, under):
            a, b = exponent_of(over), exponent_of(under)
            return a / b if a is not None and b else None
        case Sum(((minus, term),)):
            inner = exponent_of(term)
            return None if inner is None else minus * inner
        case Product((a, Sign("/"), b)):
            first, second = exponent_of(a), exponent_of(b)
            return first / second if first is not None and second else None
        case _:
            return None


def as_exponent(value: Rational) -> Node:
    size = abs(value)
    node = number(size.numerator) if size.denominator == 1 else made(f"{size.numerator}/{size.denominator}")
    return negative(node) if value < 0 else node


def unsquared(node: Scripts) -> Node:
    return node.base if node.below is None else replace(node, above=None, span=NEW)
