"""Factors, terms and deltas that are missing or too many, and operands the wrong way round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from derivs.edits.pieces import without
from derivs.edits.places import Site, Words, is_quotient
from derivs.reading.respell import NEW, bracketed, factor, fraction, made, number, product, replaced, scripted
from derivs.reading.spelling import bare, items, key, letters
from derivs.reading.syntax import (
    Fraction,
    Group,
    Name,
    Node,
    Numeral,
    Product,
    Relation,
    Row,
    Scripts,
    Sign,
    Sum,
    Word,
    walk,
)
from derivs.reading.vocabulary import TURNED

STARS = ("full", "filt", "valid")
FURTHEST = 5                           # of the number in a subscript, where an index has a factor
SHOWN = 4                              # factors of the line that are tried in each place


def extra_factor(site: Site, words: Words) -> Iterator[Node]:
    node = bare(site.node)
    if isinstance(node, Product) and site.is_value:
        for k, part in enumerate(node.parts):
            if not isinstance(part, Sign | Word):
                yield from without(node, k)
    elif isinstance(node, Fraction) and not is_quotient(node):
        yield node.over
        yield fraction(number(1), node.under)
        under = bare(node.under)
        if isinstance(under, Product):
            for k in range(len(under.parts)):
                for rest in without(under, k):
                    yield replace(node, under=rest, span=NEW)


def missing_factor(site: Site, words: Words) -> Iterator[Node]:
    """A factor that stands elsewhere in the line, above or below the bar."""
    if not site.is_term or site.place in ("exponent", "radicand") or isinstance(site.node, Relation):
        return
    for other in (*words.factors, *words.upstream):
        if isinstance(bare(other), Group) or key(other) != key(site.node):
            yield product(factor(site.node), factor(other))
            if not is_quotient(other):
                yield fraction(site.node, other)


def extra_term(site: Site, words: Words) -> Iterator[Node]:
    node = bare(site.node)
    if isinstance(node, Sum) and len(node.terms) > 1 and site.place not in ("subscript", "superscript", "quotient"):
        for k in range(len(node.terms)):
            rest = (*node.terms[:k], *node.terms[k + 1:])
            yield rest[0][1] if len(rest) == 1 and rest[0][0] > 0 else replace(node, terms=rest, span=NEW)


def missing_one(site: Site, words: Words) -> Iterator[Node]:
    """1 - y for y, and x - x_0 for x, where the terms stand elsewhere in the line."""
    if site.place not in ("factor", "inside", "under", "radicand", "base"):
        return
    inner = bare(site.node)
    if isinstance(inner, Group) and len(inner.items) == 1:
        inner = bare(inner.items[0])
    own = inner.terms if isinstance(inner, Sum) else ((1, inner),)
    for term in (number(1), *words.factors[:SHOWN if site.place in ("factor", "inside") else 2 * SHOWN]):
        if isinstance(bare(term), Name | Scripts | Numeral) and key(term) != key(site.node):
            for minus in (1, -1):
                terms = ((minus, term), *own) if isinstance(term, Numeral) else (*own, (minus, term))
                whole = Sum(terms if terms[0][0] > 0 else (*terms[1:], terms[0]), NEW)
                yield bracketed(whole) if site.place in ("factor", "base") else whole
            if isinstance(term, Numeral) and len(own) == 1:
                yield bracketed(Sum(((1, term), (-own[0][0], own[0][1])), NEW))


def delta(site: Site, words: Words) -> Iterator[Node]:
    """A delta that is missing."""
    node = bare(site.node)
    pairs = list(combinations(dict.fromkeys((*words.letters, *site.bound)), 2))[:3]
    for a, b in pairs:
        one = made(f"\\delta_{{{a}{b}}}")
        if isinstance(node, Numeral) and node.text == "1" and site.is_value:
            yield one
        elif site.is_term and site.place != "exponent" and not isinstance(node, Relation):
            yield product(one, factor(site.node))
        elif site.place == "factor" and isinstance(node, Name | Scripts):
            yield product(one, site.node)


def transposed(site: Site, words: Words) -> Iterator[Node]:
    r"""W for W^\top, and W_{ji} for W_{ij}."""
    node = bare(site.node)
    if isinstance(node, Scripts) and node.above is not None and key(node.above) in TURNED:
        yield node.base if node.below is None else replace(node, above=None, span=NEW)
        return
    if isinstance(node, Scripts) and node.below is not None and site.is_value:
        inside = bare(node.below)
        if isinstance(inside, Product) and len(inside.parts) > 1:
            for k in range(len(inside.parts) - 1):
                parts = list(inside.parts)
                parts[k], parts[k + 1] = parts[k + 1], parts[k]
                yield replace(node, below=replace(inside, parts=tuple(parts), span=NEW), span=NEW)
    if site.place in ("factor", "whole", "term", "over", "body") and isinstance(
            node, Name | Scripts | Group | Fraction):
        base = bracketed(site.node) if isinstance(node, Fraction) else site.node
        if not (isinstance(node, Scripts) and node.above is not None):
            yield scripted(base, above=made(r"\top"))


def order(site: Site, words: Words) -> Iterator[Node]:
    """b a^T for a b^T, and B A for A B."""
    node = bare(site.node)
    if not isinstance(node, Product):
        return
    for k, (a, b) in enumerate(zip(node.parts, node.parts[1:], strict=False)):
        if isinstance(a, Sign | Numeral | Word) or isinstance(b, Sign | Numeral | Word):
            continue
        head, tail = node.parts[:k], node.parts[k + 2:]
        yield replace(node, parts=(*head, b, a, *tail), span=NEW)
        x, y = _turned(a), _turned(b)
        yield replace(node, parts=(*head, y, x, *tail), span=NEW)
        yield replace(node, parts=(*head, b, x, *tail), span=NEW)
        yield replace(node, parts=(*head, y, a, *tail), span=NEW)


def exchanged(site: Site, words: Words) -> Iterator[Node]:
    """y_p x_{i+p} for y_{i+p} x_p: two subscripts of two neighbours exchanged."""
    node = bare(site.node)
    if not isinstance(node, Product):
        return
    names = [[letter for part in walk(factor_) if isinstance(part, Scripts)
              for item in items(part.below) for letter in letters(item)] for factor_ in node.parts]
    for one, two in combinations([some for some in names if some], 2):
        for a in one:
            for b in two:
                if key(a) != key(b):
                    changed = replaced(node, {id(a): b, id(b): a})
                    yield _listed(changed)


def _listed(node: Node) -> Node:
    """With commas between subscripts of which one is a sum."""
    changes: dict[int, Node] = {
        id(part): replace(part, below=Row(part.below.parts, NEW), span=NEW) for part in walk(node)
        if isinstance(part, Scripts) and isinstance(part.below, Product) and part.span == NEW
        and any(isinstance(bare(inner), Sum) for inner in part.below.parts)}
    return replaced(node, changes)


def _turned(node: Node) -> Node:
    """The transpose, that of a transpose being the thing itself."""
    inner = bare(node)
    if isinstance(inner, Scripts) and inner.above is not None and key(inner.above) in TURNED:
        return inner.base if inner.below is None else replace(inner, above=None, span=NEW)
    return scripted(bracketed(node) if isinstance(inner, Fraction) else node, above=made(r"\top"))


def kernel(site: Site, words: Words) -> Iterator[Node]:
    r"""*_{full} for *_{filt}, and x_{i + u - 1} for x_{i - u + 1}."""
    node = bare(site.node)
    if isinstance(node, Product):
        for k, part in enumerate(node.parts):
            if isinstance(part, Sign) and part.text in ("*", "ast", "star"):
                for below in STARS:
                    if below != part.below:
                        yield replace(node, parts=(*node.parts[:k], replace(part, below=below, span=NEW),
                                                   *node.parts[k + 1:]), span=NEW)
    if site.place == "subscript" and isinstance(node, Name) and node.text in site.bound:
        for size in words.sizes:
            yield Sum(((1, size), (-1, node), (1, number(1))), NEW)
    if site.place == "subscript" and isinstance(node, Sum) and len(node.terms) > 1:
        for k, (_, letter) in enumerate(node.terms):
            if not isinstance(bare(letter), Numeral):
                yield from _reflected(node, k)


def _reflected(node: Sum, k: int) -> Iterator[Node]:
    """The subscript with one of its letters run through backwards, and the numbers that this may need."""
    terms = [(-sign if j == k else sign, term) for j, (sign, term) in enumerate(node.terms)]
    rest = [pair for pair in terms if not isinstance(bare(pair[1]), Numeral)]
    now = sum(sign * int(key(term)) for sign, term in terms if isinstance(bare(term), Numeral))
    if rest[0][0] < 0:
        rest.sort(key=lambda pair: -pair[0])
    steps = range(1, FURTHEST + 1) if any(isinstance(bare(term), Product) for _, term in rest) else ()
    more = (constant for step in steps for constant in (now - step, now + step))
    for constant in dict.fromkeys((-now, now, now - 2, now + 2, *more)):
        last = [(1 if constant > 0 else -1, number(abs(constant)))] if constant else []
        yield Sum((*rest, *last), NEW)
