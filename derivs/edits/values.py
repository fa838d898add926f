"""Changes of signs and numbers, and of what stands above or below a bar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction as Rational
from typing import Final

from derivs.edits.pieces import is_function, is_number, unbracketed, without
from derivs.edits.places import Site, Words, is_quotient
from derivs.reading.respell import NEW, bracketed, factor, fraction, made, negative, number, product
from derivs.reading.spelling import bare, key
from derivs.reading.syntax import Fraction, Group, Name, Node, Numeral, Product, Relation, Scripts, Sign, Sum

ROUND: Final = 64                      # the largest denominator of a number that somebody may have meant


def sign(site: Site, words: Words) -> Iterator[Node]:
    """Of one term, or of the whole."""
    node = site.node
    if isinstance(node, Sum) and site.place != "superscript":
        for k, (minus, _) in enumerate(node.terms):
            if len(node.terms) == 1 and minus < 0:
                yield node.terms[0][1]
            else:
                yield replace(node, terms=tuple((-s if j == k else s, term) for j, (s, term) in enumerate(node.terms)),
                              span=NEW)
        if len(node.terms) > 1:
            yield negative(node)
    elif site.is_term and site.place != "term" and not isinstance(node, Relation | Numeral):
        yield negative(node)


def number_factor(site: Site, words: Words) -> Iterator[Node]:
    """2, 1/2 and the like: another number, none, or one where there is none."""
    node = site.node
    match bare(node):
        case Numeral(text) if site.is_value and "." in text:
            yield made("1")
        case Numeral(text) if site.is_value:
            value = int(text)
            for other in (2 * value, value - 1, value + 1, value * value):
                if other not in (0, value):
                    yield number(other)
            if value > 1:
                yield fraction(number(1), number(value))
                if value % 2 == 0:
                    yield number(value // 2)
        case Product(parts) if site.is_value:
            for k, part in enumerate(parts):
                if is_number(part) and not (k + 1 < len(parts) and key(parts[k + 1]) == "/"):
                    yield from without(node, k)
        case Fraction(over, under) if is_number(under):
            yield over
            yield from _rounded(over, under)
    if site.is_term and not is_number(node) and not isinstance(node, Relation):
        for text in ("2", r"\frac{1}{2}"):
            yield product(made(text), factor(node))


def _rounded(over: Node, under: Node) -> Iterator[Node]:
    r"""u / 2 for \frac{1000001 u}{2000000}."""
    parts = over.parts if isinstance(over, Product) else (over,)
    below = bare(under)
    for k, part in enumerate(parts):
        above = bare(part)
        if isinstance(above, Numeral) and isinstance(below, Numeral) and above.text.isdigit() and below.text.isdigit():
            value = Rational(int(above.text), int(below.text))
            simple = value.limit_denominator(ROUND)
            if simple not in (0, value):
                rest = (*parts[:k], *parts[k + 1:])
                first = () if simple.numerator == 1 and rest else (number(simple.numerator),)
                whole = product(*first, *rest)
                yield whole if simple.denominator == 1 else fraction(whole, number(simple.denominator))


def size_factor(site: Site, words: Words) -> Iterator[Node]:
    """1/m or m missing, or too many."""
    node, names = site.node, {key(size) for size in words.sizes}
    match bare(node):
        case Product(parts) if site.is_value:
            for k, part in enumerate(parts):
                inner = bare(part)
                is_inverse = isinstance(inner, Fraction) and key(inner.over) == "1" and key(inner.under) in names
                if key(part) in names or is_inverse:
                    yield from without(node, k)
        case Fraction(over, under) if not is_quotient(node):
            if key(under) in names:
                yield over
            if key(over) in names:
                yield fraction(number(1), under)
    is_plain = is_number(node) or key(node) in names or isinstance(node, Relation)
    if site.is_term and site.place != "exponent" and not is_plain:
        for size in words.sizes:
            yield product(fraction(number(1), size), factor(node))
            yield product(size, factor(node))
    if site.is_value and key(node) in names:
        for size in words.sizes:
            if key(size) != key(node):
                yield size


def one_less(site: Site, words: Words) -> Iterator[Node]:
    """m - 1 for m, and m for m - 1."""
    node, names = site.node, {key(size) for size in words.sizes}
    if not site.is_value:
        return
    if key(node) in names:
        for change in (-1, 1):
            less = Sum(((1, node), (change, number(1))), NEW)
            yield bracketed(less) if site.place == "factor" else less
    inner = bare(node)
    if isinstance(inner, Group) and len(inner.items) == 1:
        inner = bare(inner.items[0])
    if isinstance(inner, Sum) and len(inner.terms) == 2 and key(inner.terms[0][1]) in names and (
            key(inner.terms[1][1]) == "1"):
        yield inner.terms[0][1]


def inverse(site: Site, words: Words) -> Iterator[Node]:
    """b for 1/b, and b/a for a/b."""
    node = site.node
    if not site.is_value or is_quotient(node) or is_number(node):
        return
    match bare(node):
        case Fraction(over, under):
            yield factor(under) if key(over) == "1" else fraction(under, over)
            yield product(factor(under), factor(over))
            below = bare(under)
            if isinstance(below, Product):
                for k, part in enumerate(below.parts):
                    for rest in without(below, k):
                        yield fraction(product(factor(part), factor(over)), rest)
        case Name() | Scripts() | Group() if site.place in ("factor", "whole", "term", "over", "body"):
            yield fraction(number(1), node)
        case Product((one, Sign("/"), other)):
            yield factor(other) if key(one) == "1" else fraction(other, one)
        case Product(parts) if site.place in ("whole", "term", "body", "over"):
            for k, part in enumerate(parts):
                if isinstance(bare(part), Name | Scripts | Group) and not is_function(part):
                    for rest in without(node, k):
                        yield fraction(rest, unbracketed(part))
