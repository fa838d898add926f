"""Changes of exponents and roots, and of the small constants in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction as Rational

from derivs.edits.pieces import as_exponent, exponent_of, is_number, terms_of, unbracketed, unsquared
from derivs.edits.places import Site, Words, is_quotient
from derivs.reading.respell import NEW, bracketed, negative, number, scripted
from derivs.reading.spelling import bare, key
from derivs.reading.syntax import Big, Fraction, Group, Name, Node, Numeral, Relation, Root, Scripts, Sum, Word


def exponent(site: Site, words: Words) -> Iterator[Node]:
    """Another exponent."""
    node = bare(site.node)
    if isinstance(node, Scripts) and node.above is not None and key(node.base) != "e":
        value = exponent_of(node.above)
        if value is None:
            if isinstance(bare(node.above), Sum | Name) and site.is_value:
                for change in (-1, 1):
                    yield replace(node, above=Sum((*terms_of(node.above), (change, number(1))), NEW), span=NEW)
                yield replace(node, above=negative(node.above), span=NEW)
                terms = terms_of(node.above)
                for k in range(len(terms)):
                    flipped = tuple((-s if j == k else s, term) for j, (s, term) in enumerate(terms))
                    yield replace(node, above=Sum(flipped, NEW), span=NEW)
                    if len(terms) > 1:
                        yield replace(node, above=Sum((*terms[:k], *terms[k + 1:]), NEW), span=NEW)
            return
        half = Rational(1, 2)
        for other in (value + 1, value - 1, -value, value + half, value - half, 2 * value, value / 2):
            if other not in (0, value):
                above = None if other == 1 else as_exponent(other)
                yield replace(node, above=above, span=NEW)


def square(site: Site, words: Words) -> Iterator[Node]:
    """A square that is missing, or one too many."""
    node = bare(site.node)
    if not site.is_value and site.place != "under":
        return
    if isinstance(node, Scripts) and node.above is not None and exponent_of(node.above) == 2:
        yield unsquared(node)
    elif not is_number(node) and not isinstance(node, Relation | Word) and site.place != "base" and (
            site.place != "exponent"):
        if isinstance(node, Scripts) and node.above is not None:
            return
        yield scripted(site.node, above=number(2))


def root(site: Site, words: Words) -> Iterator[Node]:
    """A root that is missing, or one too many."""
    node = bare(site.node)
    if isinstance(node, Root):
        yield node.body
    elif (site.place in ("under", "factor", "whole", "over", "term") and not is_quotient(node)
          and isinstance(node, Name | Scripts | Group | Sum | Big | Fraction)) or (
              site.place == "under" and isinstance(node, Numeral)):
        yield Root(unbracketed(site.node), None, NEW)


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
                power := exponent_of(node.above)) is not None and power != 2:
            inside = _plus(replace(node, above=number(2), span=NEW), small)
            yield Scripts(bracketed(inside), None, as_exponent(power / 2), 0, NEW)
        if site.place in ("factor", "under") and isinstance(node, Name | Scripts) and (
                not isinstance(node, Scripts) or node.above is None):
            yield Root(_plus(scripted(site.node, above=number(2)), small), None, NEW)
        if site.place in ("factor", "term") and isinstance(node, Name | Scripts):
            yield bracketed(_plus(site.node, small)) if site.place == "factor" else _plus(site.node, small)


def _plus(node: Node, small: Node) -> Node:
    inner = bare(node)
    terms = inner.terms if isinstance(inner, Sum) else ((1, node),)
    return Sum((*terms, (1, small)), NEW)
