"""Indices, sums and names: one for another, missing, too many, over the wrong axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, permutations

from derivs.edits.places import Site, Words, binders, free_letters, is_quotient, renamed, subscripts
from derivs.reading.respell import NEW, bracketed, factor, made, number, product, replaced
from derivs.reading.spelling import bare, items, key, letters, spelled
from derivs.reading.syntax import Big, Fraction, Group, Name, Node, Numeral, Product, Relation, Scripts, Sign, Sum, Word

MOST_SPLIT = 6                         # factors of a sum that is taken apart in every way
MOST_NAMES = 8                         # names that are tried in the place of one


def index(site: Site, words: Words) -> Iterator[Node]:
    """One index for another in one name."""
    node = site.node
    if site.place == "subscript":
        names = tuple(dict.fromkeys((*words.letters, *site.bound)))
        if isinstance(node, Name) and node.text in names:
            yield from (made(other) for other in names if other != node.text)
    elif isinstance(node, Scripts) and (site.is_value or site.place in ("quotient", "differential", "bound")):
        yield from _bare_letters(node)
        inside = free_letters(node, words)
        for a, b in combinations(inside, 2):
            yield renamed(node, {a: b, b: a})


def indices(site: Site, words: Words) -> Iterator[Node]:
    """One index for another everywhere in a part, or two exchanged."""
    node = site.node
    if isinstance(node, Scripts) or not (site.is_value or site.place in ("quotient", "differential", "bound")):
        return
    inside = free_letters(node, words)
    if isinstance(node, Fraction) and not is_quotient(node) and len(inside) < 2:
        return
    for a, b in combinations(inside, 2):
        yield renamed(node, {a: b, b: a})
    for a, b in permutations(dict.fromkeys((*words.letters, *site.bound)), 2):
        if a in inside:
            yield renamed(node, {a: b})


def _bare_letters(node: Scripts) -> Iterator[Node]:
    """W_{ij} for W_{i+u-1, j+v-1}: the first letter of each sum among the subscripts, or the second."""
    forms = [part for item in items(node.below) for part in letters(item) if _holds_letters(part)]
    for which in (0, 1):
        changes = {id(part): bare(part).terms[which][1] for part in forms}  # type: ignore[union-attr]
        if changes and all(isinstance(letter, Name) for letter in changes.values()):
            yield replace(node, below=replaced(node.below, changes), span=NEW)  # type: ignore[arg-type]


def _holds_letters(node: Node) -> bool:
    """i + u - 1, but not i + 1."""
    inner = bare(node)
    return isinstance(inner, Sum) and sum(isinstance(bare(term), Name) for _, term in inner.terms) > 1


def shift(site: Site, words: Words) -> Iterator[Node]:
    """An index that is one too large or too small, or all sums among the subscripts of a name."""
    node = bare(site.node)
    if site.place == "subscript" and isinstance(node, Name | Sum):
        yield from (_shifted(node, change) for change in (1, -1))
    if isinstance(node, Scripts) and site.is_value:
        forms = [part for item in items(node.below) for part in letters(item) if _holds_letters(part)]
        for change in (1, -1) if len(forms) > 1 else ():
            below = replaced(node.below, {id(part): _shifted(bare(part), change) for part in forms})  # type: ignore[arg-type]
            yield replace(node, below=below, span=NEW)
    if isinstance(node, Big) and node.above is not None:
        for change in (-1, 1):
            yield replace(node, above=Sum((*_terms(node.above), (change, number(1))), NEW), span=NEW)
        yield replace(node, above=None, below=made(",".join(binders(node))), span=NEW)


def _shifted(node: Node, change: int) -> Node:
    """i + u for i + u - 1."""
    terms = _terms(node)
    last = bare(terms[-1][1])
    if len(terms) == 1 or not (isinstance(last, Numeral) and last.text.isdigit()):
        return Sum((*terms, (change, number(1))), NEW)
    value, kept = terms[-1][0] * int(last.text) + change, terms[:-1]
    if value:
        return Sum((*kept, (1 if value > 0 else -1, number(abs(value)))), NEW)
    return kept[0][1] if len(kept) == 1 else Sum(kept, NEW)


def _terms(node: Node) -> tuple[tuple[int, Node], ...]:
    node = bare(node)
    return node.terms if isinstance(node, Sum) else ((1, node),)


def summed(letter: str, node: Node) -> Big:
    return Big("sum", made(letter), None, node, NEW)


def dropped_sum(site: Site, words: Words) -> Iterator[Node]:
    """A sum that is missing, over a letter that is there, or over one of its own in place of one that is there."""
    node = site.node
    if not (site.is_term or site.place == "under") or isinstance(node, Relation | Big) or site.place == "exponent":
        return
    inside = free_letters(node, words)
    for letter in inside:
        if letter not in site.bound:
            yield summed(letter, factor(node) if isinstance(node, Sum) else node)
    own = words.fresh()
    for letter in inside:
        yield summed(own, factor(renamed(node, {letter: own})))
    if isinstance(bare(node), Product):
        inner = bare(node)
        assert isinstance(inner, Product)
        for k in range(1, len(inner.parts)):
            head, tail = inner.parts[:k], inner.parts[k:]
            if isinstance(tail[0], Sign) or isinstance(head[-1], Sign | Word):
                continue
            rest = tail[0] if len(tail) == 1 else Product(tail, NEW)
            for letter in free_letters(rest, words):
                if letter not in site.bound:
                    yield Product((*head, summed(letter, rest)), NEW)
                yield Product((*head, summed(own, renamed(rest, {letter: own}))), NEW)


def extra_sum(site: Site, words: Words) -> Iterator[Node]:
    """A sum that is too many: over a letter that is free, or over one that should be."""
    node = bare(site.node)
    if isinstance(node, Big) and node.kind == "sum":
        yield factor(node.body)
        for a in binders(node):
            for b in words.letters:
                if a != b:
                    yield factor(renamed(node.body, {a: b}))


def wrong_axis(site: Site, words: Words) -> Iterator[Node]:
    """A sum over another letter of its body."""
    node = bare(site.node)
    if isinstance(node, Big) and len(binders(node)) == 1:
        own, = binders(node)
        for letter in words.letters:
            if letter != own:
                yield replace(node, below=made(letter), above=None, span=NEW)
                for binder in (letter, own):
                    yield replace(node, below=made(binder), above=None, span=NEW,
                                  body=renamed(node.body, {letter: own, own: letter}))


def merged_sums(site: Site, words: Words) -> Iterator[Node]:
    r"""\sum_i a_i \sum_i b_i, where it is written \sum_i a_i b_i; a factor that belongs before the sum."""
    node = bare(site.node)
    if not isinstance(node, Big) or node.kind != "sum" or len(binders(node)) != 1:
        return
    body = bare(node.body)
    if isinstance(body, Scripts) and body.above is not None and isinstance(body.base, Group):
        yield replace(body, base=bracketed(replace(node, body=body.base, span=NEW)), span=NEW)
    if isinstance(body, Fraction) and not is_quotient(body):
        yield replace(body, under=replace(node, body=body.under, span=NEW), span=NEW)
        yield replace(body, over=replace(node, body=body.over, span=NEW),
                      under=replace(node, body=body.under, span=NEW), span=NEW)
    parts = [part for part in _apart(node.body) if not isinstance(part, Sign)]
    if not 1 < len(parts) <= MOST_SPLIT:
        return
    for count in range(1, len(parts)):
        for taken in combinations(range(len(parts)), count):
            one = product(*(parts[k] for k in taken))
            two = product(*(part for k, part in enumerate(parts) if k not in taken))
            if taken[0] == 0 or count == 1:
                sums = [replace(node, body=part, span=NEW) for part in (one, two)]
                yield Product((bracketed(sums[0]), sums[1]), NEW)
                yield Product((factor(one), sums[1]), NEW)


def _apart(node: Node) -> list[Node]:
    """The factors of a product, a square as two."""
    found: list[Node] = []
    for part in node.parts if isinstance(node, Product) else (node,):
        inner = bare(part)
        if isinstance(inner, Scripts) and inner.above is not None and key(inner.above) == "2":
            base = inner.base if inner.below is None else replace(inner, above=None, span=NEW)
            found += [base, base]
        else:
            found.append(part)
    return found


def split_sum(site: Site, words: Words) -> Iterator[Node]:
    r"""\sum_i a_i b_i, where it is written \sum_i a_i \sum_i b_i; a factor that belongs behind the sum sign."""
    node = bare(site.node)
    if isinstance(node, Scripts) and node.above is not None and node.below is None:
        inner = bare(node.base)
        big = bare(inner.items[0]) if isinstance(inner, Group) and len(inner.items) == 1 else inner
        if isinstance(big, Big) and big.kind == "sum":
            base = big.body if isinstance(big.body, Name | Group) else bracketed(big.body)
            if isinstance(big.body, Scripts) and big.body.above is None:
                yield replace(big, body=replace(big.body, above=node.above, span=NEW), span=NEW)
            else:
                yield replace(big, body=Scripts(base, None, node.above, 0, NEW), span=NEW)
    if not isinstance(node, Product):
        return
    for k, part in enumerate(node.parts):
        big = bare(part)
        while isinstance(big, Group) and len(big.items) == 1:
            big = bare(big.items[0])
        if not isinstance(big, Big) or big.kind != "sum":
            continue
        for j, other in enumerate(node.parts):
            if j == k or isinstance(other, Sign | Word):
                continue
            second = bare(other)
            while isinstance(second, Group) and len(second.items) == 1 and isinstance(bare(second.items[0]), Big):
                second = bare(second.items[0])
            joined = second.body if isinstance(second, Big) and binders(second) == binders(big) else other
            body = product(factor(big.body), factor(joined))
            rest = tuple(p for i, p in enumerate(node.parts) if i not in (j, k) and not isinstance(p, Sign))
            yield product(*rest, replace(big, body=body, span=NEW))
        body = big.body
        for a in binders(big):                                  # the sum binds a letter of its own
            for b in words.letters:
                if a != b:
                    yield replace(node, parts=(*node.parts[:k], replace(big, below=made(b), above=None,
                                                                        body=renamed(body, {a: b}), span=NEW),
                                               *node.parts[k + 1:]), span=NEW)


def diagonal(site: Site, words: Words) -> Iterator[Node]:
    r"""y_i (\delta_{ij} - y_j), where it is written y_i (1 - y_i), and the sum over i of it with what stands before."""
    node = bare(site.node)
    if not isinstance(node, Product):
        return
    own = words.fresh()
    if site.place in ("whole", "term"):
        yield from _apart_in_places(node, own, words)
    for k, part in enumerate(node.parts):
        group = bare(part)
        inner = bare(group.items[0]) if isinstance(group, Group) and len(group.items) == 1 else None
        if not isinstance(inner, Sum) or len(inner.terms) != 2 or key(inner.terms[0][1]) != "1":
            continue
        for a in free_letters(inner, words):
            for b in (*(c for c in words.letters if c != a), own):
                one = made(f"\\delta_{{{a}{b}}}")
                second = renamed(inner.terms[1][1], {a: b})
                changed = bracketed(Sum(((1, one), (inner.terms[1][0], second)), NEW))
                whole = replace(node, parts=(*node.parts[:k], changed, *node.parts[k + 1:]), span=NEW)
                yield whole
                others = renamed(Product((*node.parts[:k], *node.parts[k + 1:]), NEW), {a: b})
                yield summed(b, product(others, bracketed(Sum(((1, one), (inner.terms[1][0], inner.terms[1][1])),
                                                              NEW))))


def _apart_in_places(node: Product, own: str, words: Words) -> Iterator[Node]:
    r"""\sum_k g_k \partial y_k / \partial x_j for g_j \partial y_j / \partial x_j: another letter in some places."""
    for letter in free_letters(node, words):
        here = [part for part in subscripts(node) if part.text == letter]
        if 1 < len(here) <= MOST_SPLIT:
            for count in range(1, len(here)):
                for chosen in combinations(here, count):
                    yield summed(own, replaced(node, {id(part): made(own) for part in chosen}))


def name(site: Site, words: Words) -> Iterator[Node]:
    """Another name with the same indices."""
    yield from _named(site, words, other_base=True)


def layer(site: Site, words: Words) -> Iterator[Node]:
    """The same name, of another layer."""
    yield from _named(site, words, other_base=False)


def _named(site: Site, words: Words, *, other_base: bool) -> Iterator[Node]:
    if not (site.is_value or site.place in ("side", "differential") or (site.place == "quotient" and not other_base)):
        return
    written = spelled(site.node)
    match = next(words.vocabulary.matches(written), None) if written is not None else None
    if match is None or match.rest:
        return
    rank, own = len(match.spelling.named.sizes), match.spelling
    tried = 0
    for base, known in words.vocabulary.spellings.items():
        for other in known:
            if (base != own.base) is not other_base or other.said == own.said or len(other.named.sizes) != rank:
                continue
            if not _alike(other.named.sizes, own.named.sizes):
                continue
            tried += 1
            if tried > MOST_NAMES:
                return
            subs = [sub for sub in match.subscripts if sub is not None]
            try:
                named = made(other.said)
            except Exception:
                continue
            yield _subscripted(named, subs)


def _alike(one: tuple[object, ...], two: tuple[object, ...]) -> bool:
    return Counter(map(str, one)) == Counter(map(str, two)) or len(one) == len(two)


def _subscripted(named: Node, subs: list[Node]) -> Node:
    if not subs:
        return named
    below: Node = subs[0] if len(subs) == 1 else Product(tuple(subs), NEW)
    inner = bare(named)
    if isinstance(inner, Scripts) and inner.below is None:
        return replace(inner, below=below, span=NEW)
    if isinstance(inner, Scripts):
        return Scripts(bracketed(inner), below, None, 0, NEW)
    return Scripts(inner, below, None, 0, NEW)
