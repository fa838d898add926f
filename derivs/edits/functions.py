"""Changes of functions and of comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from derivs.edits.pieces import exponent_of, is_function, is_number, unbracketed, unsquared, without
from derivs.edits.places import Site, Words
from derivs.reading.respell import NEW, bracketed, factor, fraction, made, negative, number, product, scripted
from derivs.reading.spelling import bare, key
from derivs.reading.syntax import Fraction, Group, Name, Node, Numeral, Product, Relation, Scripts, Sign, Sum, Word

OTHERS: Final = {"sin": "cos", "cos": "sin", "tanh": "sigma", "exp": "log", "log": "exp"}
STRICT: Final = {"<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="), "=": ("!=",), "!=": ("=",)}


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
        case Sum(terms) if len(terms) > 1:              # 1 + e^{-x} for 1 - x
            for k, (sign, term) in enumerate(terms):
                if sign < 0 and not is_number(term):
                    power = Scripts(made("e"), None, negative(unbracketed(term)), 0, NEW)
                    yield replace(node, terms=(*terms[:k], (1, power), *terms[k + 1:]), span=NEW)
    if site.place in ("body", "under", "over", "term", "inside", "factor", "whole") and not is_number(node) and (
            isinstance(node, Name | Scripts | Product | Sum | Fraction)) and not is_function(node):
        yield Scripts(made("e"), None, unbracketed(site.node), 0, NEW)


def logarithm(site: Site, words: Words) -> Iterator[Node]:
    r"""\log u for u, and u for \log u."""
    node = bare(site.node)
    if isinstance(node, Product):
        for k, part in enumerate(node.parts[:-1]):
            if key(part) in ("log", "ln"):
                yield from without(node, k)
    is_lone = site.place == "factor" and isinstance(node, Name | Scripts | Group)
    if (site.is_term or is_lone) and not is_number(node) and not isinstance(node, Relation):
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
    """y (1 - y) is the derivative of the logistic function, 1 - y^2 that of tanh, y that of exp, 1/u that of log u."""
    node = bare(site.node)
    inner = node.items[0] if isinstance(node, Group) and len(node.items) == 1 else node
    if isinstance(inner, Sum) and len(inner.terms) == 2 and key(inner.terms[0][1]) == "1" and inner.terms[1][0] < 0:
        second = bare(inner.terms[1][1])
        if isinstance(second, Scripts) and second.above is not None and exponent_of(second.above) == 2:
            y = unsquared(second)
            yield product(y, bracketed(Sum(((1, number(1)), (-1, y)), NEW)))
    if isinstance(node, Product):
        for k, (first, after) in enumerate(zip(node.parts, node.parts[1:], strict=False)):
            group = bare(after)
            term = group.items[0] if isinstance(group, Group) and len(group.items) == 1 else None
            if isinstance(term, Sum) and len(term.terms) == 2 and key(term.terms[0][1]) == "1" and (
                    key(term.terms[1][1]) == key(first)) and term.terms[1][0] < 0:
                changed = bracketed(Sum(((1, number(1)), (-1, scripted(first, above=number(2)))), NEW))
                yield replace(node, parts=(*node.parts[:k], changed, *node.parts[k + 2:]), span=NEW)
            if key(first) in ("log", "ln") and not isinstance(bare(after), Sign | Word):
                inverse = fraction(number(1), unbracketed(after))
                rest = (*node.parts[:k], inverse, *node.parts[k + 2:])
                yield inverse if len(rest) == 1 else replace(node, parts=rest, span=NEW)
    if isinstance(node, Word) and node.text in OTHERS:
        yield made("\\" + OTHERS[node.text])
    if site.place in ("factor", "whole", "over") and isinstance(node, Name | Scripts) and not is_function(node):
        yield bracketed(Sum(((1, number(1)), (-1, scripted(site.node, above=number(2)))), NEW))


def absolute(site: Site, words: Words) -> Iterator[Node]:
    """x for |x|."""
    node = bare(site.node)
    if isinstance(node, Group) and node.kind == "|" and len(node.items) == 1:
        yield factor(node.items[0])


def strict(site: Site, words: Words) -> Iterator[Node]:
    """> for >=, and the other way round; of integers, j <= 2 p for j + 1 <= 2 p, and 2 p - 1 <= j for 2 p <= j."""
    node = bare(site.node)
    if not isinstance(node, Relation):
        return
    for k, sign in enumerate(node.signs):
        for other in STRICT.get(sign, ()):
            yield replace(node, signs=(*node.signs[:k], other, *node.signs[k + 1:]), span=NEW)
    if {*node.signs} <= {"<=", ">="}:
        for k, side in enumerate(node.sides):
            for new in () if side is None else _stepped(side):
                yield replace(node, sides=(*node.sides[:k], new, *node.sides[k + 1:]), span=NEW)


def _stepped(node: Node) -> Iterator[Node]:
    """The same with one more, and with one less."""
    terms = node.terms if isinstance(node, Sum) else ((1, node),)
    rest = [pair for pair in terms if not isinstance(bare(pair[1]), Numeral)]
    numbers = [(sign, key(term)) for sign, term in terms if isinstance(bare(term), Numeral)]
    if not rest or not all(text.isdigit() for _, text in numbers):
        return
    now = sum(sign * int(text) for sign, text in numbers)
    for constant in (now + 1, now - 1):
        last = [(1 if constant > 0 else -1, number(abs(constant)))] if constant else []
        yield Sum((*rest, *last), NEW) if last or len(rest) > 1 else rest[0][1]


def threshold(site: Site, words: Words) -> Iterator[Node]:
    """0 for what something is compared with, and x for x + 1/1000."""
    node = bare(site.node)
    if site.place == "side" and isinstance(node, Sum):
        for k, (_, term) in enumerate(node.terms):
            rest = (*node.terms[:k], *node.terms[k + 1:])
            if is_number(term):
                yield rest[0][1] if len(rest) == 1 and rest[0][0] > 0 else replace(node, terms=rest, span=NEW)
    if site.place == "side" and (is_number(node) or key(node) in {key(e) for e in words.epsilons}):
        for text in ("0", "1", "-1"):
            if key(made(text)) != key(node):
                yield made(text)
