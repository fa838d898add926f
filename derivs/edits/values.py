"""Changes of signs, numbers, exponents and functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction as Rational
from typing import Final

from derivs.edits.places import Site, Words, is_quotient
from derivs.reading.respell import NEW, bracketed, factor, fraction, made, negative, number, product, scripted
from derivs.reading.spelling import bare, key
from derivs.reading.syntax import (
    Fraction,
    Group,
    Name,
    Node,
    Numeral,
    Product,
    Relation,
    Root,
    Scripts,
    Sign,
    Sum,
    Word,
)

ROUND: Final = 64                      # the largest denominator of a number that somebody may have meant
OTHERS: Final = {"sin": "cos", "cos": "sin", "tanh": "sigma", "exp": "log", "log": "exp"}
STRICT: Final = {"<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="), "=": ("!=",), "!=": ("=",)}


# ---- signs

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


# ---- numbers

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
                if _is_number(part) and not (k + 1 < len(parts) and key(parts[k + 1]) == "/"):
                    yield from without(node, k)
        case Fraction(over, under) if _is_number(under):
            yield over
            yield from _rounded(over, under)
    if site.is_term and not _is_number(node) and not isinstance(node, Relation):
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


def _is_number(node: Node) -> bool:
    node = bare(node)
    if isinstance(node, Group) and len(node.items) == 1:
        return _is_number(node.items[0])
    if isinstance(node, Sum) and len(node.terms) == 1:
        return _is_number(node.terms[0][1])
    if isinstance(node, Fraction):
        return _is_number(node.over) and _is_number(node.under)
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
    is_plain = _is_number(node) or key(node) in names or isinstance(node, Relation)
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
    if not site.is_value or is_quotient(node) or _is_number(node):
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
                if isinstance(bare(part), Name | Scripts | Group) and not _is_function(part):
                    for rest in without(node, k):
                        yield fraction(rest, _unbracketed(part))


def _is_function(node: Node) -> bool:
    return isinstance(bare(node), Word)


def _unbracketed(node: Node) -> Node:
    return node.items[0] if isinstance(node, Group) and node.kind == "(" and len(node.items) == 1 else node


# ---- exponents

def exponent(site: Site, words: Words) -> Iterator[Node]:
    """Another exponent."""
    node = bare(site.node)
    if isinstance(node, Scripts) and node.above is not None and key(node.base) != "e":
        value = _value(node.above)
        if value is None:
            if isinstance(bare(node.above), Sum | Name) and site.is_value:
                for change in (-1, 1):
                    yield replace(node, above=Sum((*_terms(node.above), (change, number(1))), NEW), span=NEW)
                yield replace(node, above=negative(node.above), span=NEW)
                terms = _terms(node.above)
                for k in range(len(terms)):
                    flipped = tuple((-s if j == k else s, term) for j, (s, term) in enumerate(terms))
                    yield replace(node, above=Sum(flipped, NEW), span=NEW)
                    if len(terms) > 1:
                        yield replace(node, above=Sum((*terms[:k], *terms[k + 1:]), NEW), span=NEW)
            return
        half = Rational(1, 2)
        for other in (value + 1, value - 1, -value, value + half, value - half, 2 * value, value / 2):
            if other not in (0, value):
                above = None if other == 1 else _written(other)
                yield replace(node, above=above, span=NEW)


def _terms(node: Node) -> tuple[tuple[int, Node], ...]:
    node = bare(node)
    return node.terms if isinstance(node, Sum) else ((1, node),)


def _value(node: Node) -> Rational | None:
    """The number that an exponent is."""
    match bare(node):
        case Numeral(text) if text.isdigit():
            return Rational(int(text))
        case Fraction(over, under):
            a, b = _value(over), _value(under)
            return a / b if a is not None and b else None
        case Sum(((minus, term),)):
            inner = _value(term)
            return None if inner is None else minus * inner
        case Product((a, Sign("/"), b)):
            first, second = _value(a), _value(b)
            return first / second if first is not None and second else None
        case _:
            return None


def _written(value: Rational) -> Node:
    size = abs(value)
    node = number(size.numerator) if size.denominator == 1 else made(f"{size.numerator}/{size.denominator}")
    return negative(node) if value < 0 else node


def square(site: Site, words: Words) -> Iterator[Node]:
    """A square that is missing, or one too many."""
    node = bare(site.node)
    if not site.is_value and site.place != "under":
        return
    if isinstance(node, Scripts) and node.above is not None and _value(node.above) == 2:
        yield _unsquared(node)
    elif not _is_number(node) and not isinstance(node, Relation | Word) and site.place != "base" and (
            site.place != "exponent"):
        if isinstance(node, Scripts) and node.above is not None:
            return
        yield scripted(site.node, above=number(2))


def _unsquared(node: Scripts) -> Node:
    return node.base if node.below is None else replace(node, above=None, span=NEW)


def root(site: Site, words: Words) -> Iterator[Node]:
    """A root that is missing, or one too many."""
    node = bare(site.node)
    if isinstance(node, Root):
        yield node.body
    elif site.place in ("under", "factor", "whole", "over", "term") and isinstance(node, Name | Scripts | Group | Sum):
        yield Root(_unbracketed(site.node), None, NEW)


# ---- functions

def exponential(site: Site, words: Words) -> Iterator[Node]:
    """exp(u) for u, and u for exp(u)."""
    node = bare(site.node)
    match node:
        case Scripts(base, None, above) if above is not None and key(base) == "e":
            yield bracketed(above) if site.place == "factor" and isinstance(bare(above), Sum) else above
            return
        case Product(parts):
            for k, part in enumerate(parts[:-1]):
                if key(part) == "exp":
                    yield from without(node, k)
    if site.place in ("body", "under", "over", "term", "inside", "factor", "whole") and not _is_number(node) and (
            isinstance(node, Name | Scripts | Product | Sum | Fraction)) and not _is_function(node):
        yield Scripts(made("e"), None, _unbracketed(site.node), 0, NEW)


def logarithm(site: Site, words: Words) -> Iterator[Node]:
    r"""\log u for u, and u for \log u."""
    node = bare(site.node)
    if isinstance(node, Product):
        for k, part in enumerate(node.parts[:-1]):
            if key(part) in ("log", "ln"):
                yield from without(node, k)
    if site.is_term and not _is_number(node) and not isinstance(node, Relation):
        inner = site.node if isinstance(node, Group) else bracketed(site.node)
        yield product(made(r"\log"), inner)


def sign_in_exponent(site: Site, words: Words) -> Iterator[Node]:
    """e^{-x} for e^x."""
    node = bare(site.node)
    if isinstance(node, Scripts) and node.above is not None and key(node.base) == "e":
        yield replace(node, above=negative(node.above), span=NEW)
    elif site.place == "exponent" and site.after == "exp":
        yield negative(site.node)
    elif isinstance(node, Product):
        for k, part in enumerate(node.parts[:-1]):
            after = bare(node.parts[k + 1])
            if key(part) == "exp" and isinstance(after, Group) and len(after.items) == 1:
                inner = replace(after, items=(negative(after.items[0]),), span=NEW)
                yield replace(node, parts=(*node.parts[:k + 1], inner, *node.parts[k + 2:]), span=NEW)


def wrong_derivative(site: Site, words: Words) -> Iterator[Node]:
    """y (1 - y) is the derivative of the logistic function, 1 - y^2 that of tanh; y (1 - y) for y."""
    node = bare(site.node)
    inner = node.items[0] if isinstance(node, Group) and len(node.items) == 1 else node
    if isinstance(inner, Sum) and len(inner.terms) == 2 and key(inner.terms[0][1]) == "1" and inner.terms[1][0] < 0:
        second = bare(inner.terms[1][1])
        if isinstance(second, Scripts) and second.above is not None and _value(second.above) == 2:
            y = _unsquared(second)
            yield product(y, bracketed(Sum(((1, number(1)), (-1, y)), NEW)))
    if isinstance(node, Product):
        for k, (first, after) in enumerate(zip(node.parts, node.parts[1:], strict=False)):
            group = bare(after)
            term = group.items[0] if isinstance(group, Group) and len(group.items) == 1 else None
            if isinstance(term, Sum) and len(term.terms) == 2 and key(term.terms[0][1]) == "1" and (
                    key(term.terms[1][1]) == key(first)) and term.terms[1][0] < 0:
                changed = bracketed(Sum(((1, number(1)), (-1, scripted(first, above=number(2)))), NEW))
                yield replace(node, parts=(*node.parts[:k], changed, *node.parts[k + 2:]), span=NEW)
    if isinstance(node, Word) and node.text in OTHERS:
        yield made("\\" + OTHERS[node.text])
    if site.place in ("factor", "whole", "over") and isinstance(node, Name | Scripts) and not _is_function(node):
        yield product(site.node, bracketed(Sum(((1, number(1)), (-1, site.node)), NEW)))
        yield bracketed(Sum(((1, number(1)), (-1, scripted(site.node, above=number(2)))), NEW))
        yield bracketed(Sum(((1, number(1)), (-1, site.node)), NEW))


def absolute(site: Site, words: Words) -> Iterator[Node]:
    """x for |x|."""
    node = bare(site.node)
    if isinstance(node, Group) and node.kind == "|" and len(node.items) == 1:
        yield factor(node.items[0])


# ---- conditions

def strict(site: Site, words: Words) -> Iterator[Node]:
    """> for >=, and the other way round."""
    node = bare(site.node)
    if isinstance(node, Relation) and len(node.signs) == 1:
        for other in STRICT.get(node.signs[0], ()):
            yield replace(node, signs=(other,), span=NEW)


def threshold(site: Site, words: Words) -> Iterator[Node]:
    """0 for what something is compared with."""
    node = bare(site.node)
    if site.place == "side" and (_is_number(node) or key(node) in {key(e) for e in words.epsilons}):
        for text in ("0", "1", "-1"):
            if key(made(text)) != key(node):
                yield made(text)


# ---- epsilons

def epsilon(site: Site, words: Words) -> Iterator[Node]:
    r"""\sqrt{v + ε}, where it was left out, or stands outside of the root."""
    node = bare(site.node)
    for small in words.epsilons:
        if isinstance(node, Sum):
            rest = tuple((s, t) for s, t in node.terms if key(t) != key(small))
            if len(rest) < len(node.terms):
                yield rest[0][1] if len(rest) == 1 and rest[0][0] > 0 else replace(node, terms=rest, span=NEW)
                if len(rest) == 1 and isinstance(bare(rest[0][1]), Root):
                    inner = bare(rest[0][1])
                    assert isinstance(inner, Root)
                    yield replace(inner, body=_plus(inner.body, small), span=NEW)
        if isinstance(node, Root):
            body = bare(node.body)
            if isinstance(body, Sum) and any(key(t) == key(small) for _, t in body.terms):
                rest = tuple((s, t) for s, t in body.terms if key(t) != key(small))
                inner_ = rest[0][1] if len(rest) == 1 else replace(body, terms=rest, span=NEW)
                yield _plus(replace(node, body=inner_, span=NEW), small)
            else:
                yield replace(node, body=_plus(node.body, small), span=NEW)
        elif site.place in ("under", "radicand"):
            yield _plus(site.node, small)
        elif isinstance(node, Scripts) and node.above is not None and site.is_value and node.below is None:
            base = node.base
            inside = base.items[0] if isinstance(base, Group) and len(base.items) == 1 else base
            yield replace(node, base=bracketed(_plus(inside, small)), span=NEW)
        elif site.place == "factor" and isinstance(node, Group) and len(node.items) == 1:
            yield bracketed(_plus(node.items[0], small))
        if isinstance(node, Scripts) and node.above is not None and site.is_value and (
                power := _value(node.above)) is not None and power != 2:
            inside = _plus(replace(node, above=number(2), span=NEW), small)
            yield Scripts(bracketed(inside), None, _written(power / 2), 0, NEW)
        if site.place in ("factor", "under") and isinstance(node, Name | Scripts) and (
                not isinstance(node, Scripts) or node.above is None):
            yield Root(_plus(scripted(site.node, above=number(2)), small), None, NEW)
        if site.place in ("factor", "term") and isinstance(node, Name | Scripts):
            yield bracketed(_plus(site.node, small)) if site.place == "factor" else _plus(site.node, small)


def _plus(node: Node, small: Node) -> Node:
    inner = bare(node)
    terms = inner.terms if isinstance(inner, Sum) else ((1, node),)
    return Sum((*terms, (1, small)), NEW)
