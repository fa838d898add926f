"""Where something stands in a written formula, and which letters and names it may be exchanged for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, permutations
from typing import Final, Literal

from derivs.errors import DerivsError
from derivs.reading.respell import made, replaced
from derivs.reading.spelling import bare, items, key, letters
from derivs.reading.syntax import (
    Accent,
    Big,
    Cases,
    Fraction,
    Group,
    Name,
    Node,
    Numeral,
    Product,
    Relation,
    Root,
    Row,
    Scripts,
    Sign,
    Styled,
    Sum,
    Word,
    walk,
)
from derivs.reading.vocabulary import Spelling, Vocabulary

Place = Literal["whole", "term", "factor", "over", "under", "exponent", "inside", "radicand", "body", "value", "base",
                "subscript", "superscript", "bound", "side", "quotient", "differential"]
TERMS: Final = frozenset({"whole", "term", "over", "inside", "radicand", "body", "value", "exponent"})
VALUES: Final = TERMS | {"factor", "under", "base"}
ALPHABET: Final = "jkilpqrstuvw"
MOST_UPSTREAM: Final = 24              # gradients that may be missing as factors


@dataclass(frozen=True, slots=True)
class Site:
    """A part of the formula: where it stands in what it is part of, and the letters that sums around it bind.

    after: the function that it is the argument of. owner: the name whose script it is.
    """

    node: Node
    place: Place
    bound: tuple[str, ...] = ()
    after: str = ""
    owner: Scripts | None = None

    @property
    def is_value(self) -> bool:
        return self.place in VALUES

    @property
    def is_term(self) -> bool:
        return self.place in TERMS


@dataclass(frozen=True, slots=True)
class Words:
    """What may stand in the line besides what stands there: its letters, sizes, small constants, factors and names."""

    letters: tuple[str, ...]
    sizes: tuple[Node, ...]
    epsilons: tuple[Node, ...]
    factors: tuple[Node, ...]
    upstream: tuple[Node, ...]
    vocabulary: Vocabulary

    def fresh(self) -> str:
        """A letter that the line does not use."""
        return next(c for c in ALPHABET if c not in self.letters and c not in self.vocabulary.sizes)


def sites(node: Node, place: Place = "whole", bound: tuple[str, ...] = (), after: str = "",
          owner: Scripts | None = None) -> Iterator[Site]:
    """The node and its parts, each with its place. Of a quotient of differentials the letters alone may change."""
    yield Site(node, place, bound, after, owner)
    if place in ("quotient", "differential") and isinstance(node, Product):
        for part in node.parts:
            yield from sites(part, place, bound)
        return
    match node:
        case Sum(terms):
            for _, term in terms:
                yield from sites(term, "term", bound)
        case Product(parts):
            before = ""
            for part in parts:
                if not isinstance(part, Sign):
                    yield from sites(part, "factor", bound, before)
                before = key(part) if isinstance(part, Word | Name) else ""
        case Fraction(over, under) if is_quotient(node):
            yield from sites(over, "quotient", bound)
            yield from sites(under, "differential", bound)
        case Fraction(over, under):
            yield from sites(over, "over", bound)
            yield from sites(under, "under", bound)
        case Scripts(base, below, above):
            if isinstance(bare(base), Group):
                yield from sites(base, "base", bound)
            for item in items(below):
                for letter in letters(item):
                    yield Site(letter, "subscript", bound, owner=node)
            if above is not None and place not in ("quotient", "differential"):
                inner: Place = "exponent" if key(base) == "e" else "superscript"
                yield from sites(bare(above), inner, bound, owner=node)
        case Group(_, parts):
            for part in parts:
                yield from sites(part, "exponent" if after == "exp" else "inside", bound)
        case Root(body):
            yield from sites(body, "radicand", bound)
        case Big(body=body):
            yield from sites(body, "body", (*bound, *binders(node)))
        case Cases(rows):
            for value, said in rows:
                yield from sites(value, "value", bound)
                if said is not None:
                    yield from sites(said, "bound", bound)
        case Relation(sides):
            for side in sides:
                if side is not None:
                    yield from sites(side, "side", bound)
        case Row(parts):
            for part in parts:
                yield from sites(part, place, bound)


def is_quotient(node: Node) -> bool:
    r"""Whether it is \frac{\partial L}{\partial x_i}."""
    return isinstance(node, Fraction) and _begins_partial(node.over) and _begins_partial(node.under)


def _begins_partial(node: Node) -> bool:
    first = bare(node)
    while isinstance(first, Product | Scripts):
        first = bare(first.parts[0] if isinstance(first, Product) else first.base)
    return isinstance(first, Name) and first.text in ("partial", "nabla", "d")


def binders(node: Big) -> tuple[str, ...]:
    """The letters below a sum sign."""
    found = []
    for item in items(node.below):
        part = item.sides[0] if isinstance(item, Relation) else item
        if part is not None:
            found += [key(letter) for letter in letters(part)]
    return tuple(found)


def subscripts(node: Node) -> Iterator[Name]:
    """The letters in the subscripts of a formula, wherever they stand."""
    for part in walk(node):
        if isinstance(part, Scripts) and part.below is not None:
            for below in walk(part.below):
                if isinstance(below, Name):
                    yield below


def renamed(node: Node, names: dict[str, str]) -> Node:
    """The formula with letters in its subscripts exchanged; sums in it that bind one of them stay as they are."""
    inner = {id(part) for big in walk(node) if isinstance(big, Big) and not names.keys().isdisjoint(binders(big))
             for part in walk(big)}
    changes = {id(part): made(names[part.text]) for part in subscripts(node)
               if part.text in names and id(part) not in inner}
    return replaced(node, changes)


def free_letters(node: Node, words: Words) -> tuple[str, ...]:
    """The index letters of a formula that no sum in it binds."""
    bound = {name for big in walk(node) if isinstance(big, Big) for name in binders(big)}
    return tuple(dict.fromkeys(part.text for part in subscripts(node)
                               if part.text in words.letters and part.text not in bound))


def words_of(vocabulary: Vocabulary, subject: Node, side: Node) -> Words:
    """What is at hand for a line: what stands in it first."""
    sizes = {name: made(name) for name in vocabulary.sizes if name.replace("_", "").isalnum() and len(name) < 6}
    written = [key(part) for part in walk(side) if isinstance(part, Name | Scripts)]
    mentioned = sorted(sizes, key=lambda name: (name not in written, name))
    found = dict.fromkeys(part.text for formula in (subject, side) for part in subscripts(formula)
                          if len(part.text) == 1 and part.text not in vocabulary.sizes and not part.text.isupper())
    found |= dict.fromkeys(name for part in walk(side) if isinstance(part, Big) for name in binders(part)
                           if len(name) == 1)
    labels = {key(part) for known in vocabulary.spellings.values() for one in known for part in _labels(one)}
    index = tuple(name for name in found if name not in labels or name in vocabulary.indices)
    epsilons = tuple(made(one.said) for base in ("epsilon", "varepsilon")
                     for one in vocabulary.spellings.get(base, ()) if not one.named.sizes)
    return Words(index, tuple(sizes[name] for name in mentioned[:4]), epsilons[:3], _factors(side),
                 tuple(islice(_upstream(vocabulary, index[:4]), MOST_UPSTREAM)), vocabulary)


def _upstream(vocabulary: Vocabulary, letters: tuple[str, ...]) -> Iterator[Node]:
    r"""\frac{\partial L}{\partial y_i} for each node and input of the exercise, at the letters of the line."""
    losses = list(vocabulary.losses)[:1]
    for known in vocabulary.spellings.values():
        for one in known[:1]:
            rank = len(one.named.sizes)
            if one.origin != "declared" or rank > 2 or not losses:
                continue
            for chosen in permutations(letters, rank):
                below = f"_{{{''.join(chosen)}}}" if chosen else ""
                said = f"({one.said})" if "_" in one.said and below else one.said
                with suppress(DerivsError):
                    yield made(f"\\frac{{\\partial {losses[0]}}}{{\\partial {said}{below}}}")


def _labels(spelling: Spelling) -> Iterator[Node]:
    for fixed in (*spelling.below, *spelling.above):
        if len(fixed) == 1:
            yield Name(fixed, (0, 0))


def _factors(side: Node) -> tuple[Node, ...]:
    """The different things that the line multiplies, which may be missing somewhere else in it."""
    found: dict[str, Node] = {}
    for site in sites(side):
        if site.place in ("factor", "over", "under", "whole", "term", "body") and isinstance(
                bare(site.node), Name | Scripts | Group | Fraction | Accent | Styled):
            node = site.node
            if isinstance(node, Fraction) and not is_quotient(node):
                continue
            if not isinstance(bare(node), Numeral | Word):
                found.setdefault(key(node) if not isinstance(node, Fraction) else key(node.over) + "/" +
                                 key(node.under), node)
    return tuple(found.values())[:10]
