"""The mistakes of `derivs.rules.mistakes` made in a formula, a row each: what the formula would be, had one made them.

A change is yielded with what it concerns, as a formula, for the sentence that is said of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, Final

from derivs.affine import Affine, symbol
from derivs.expr import (
    ONE,
    Add,
    Apply,
    Compare,
    Entry,
    Expr,
    Indicator,
    Integer,
    Mul,
    Number,
    Pow,
    Sum,
    Tree,
    add,
    children,
    mul,
    names_in,
    negate,
    number,
    power,
    rebuild,
    reindex,
)


@dataclass(frozen=True, slots=True)
class Site:
    """A part of a formula. put: the formula with something else there. free: the letters outside, with their lengths.

    bound: those of the sums around it.
    """

    node: Tree
    put: Callable[[Any], Expr]
    free: Mapping[str, Affine]
    bound: Mapping[str, Affine]


Changes = Callable[[Site], Iterator[tuple[Tree, Tree]]]


@dataclass(frozen=True, slots=True)
class Row:
    """mistake: its name in `derivs.rules.mistakes`. changes: what it concerns, and what stands there instead.

    everywhere: whether one who makes it in one place of a formula makes it in the others too.
    """

    mistake: str
    changes: Changes
    everywhere: bool = False


def sites(formula: Expr, free: Mapping[str, Affine]) -> Iterator[Site]:
    """The parts of a formula whose free letters are these, in reading order."""
    def go(node: Tree, put: Callable[[Any], Expr], bound: Mapping[str, Affine]) -> Iterator[Site]:
        yield Site(node, put, free, bound)
        inner = {**bound, node.index: node.high} if isinstance(node, Sum) else bound
        for k, child in enumerate(children(node)):
            yield from go(child, partial(_put, put, node, k), inner)
    return go(formula, lambda new: new, {})


def _put(put: Callable[[Any], Expr], node: Tree, k: int, new: Tree) -> Expr:
    return put(_replaced(node, k, new))


def _replaced(node: Tree, k: int, new: Tree) -> Tree:
    """The node with another k-th part."""
    old = iter(range(len(children(node))))
    return rebuild(node, lambda part: new if next(old) == k else part)  # type: ignore[no-any-return]


def without(parts: Sequence[Expr], k: int) -> tuple[Expr, ...]:
    return (*parts[:k], *parts[k + 1:])


def instead(parts: Sequence[Expr], k: int, new: Expr) -> tuple[Expr, ...]:
    return (*parts[:k], new, *parts[k + 1:])


# ---- the rows --------------------------------------------------------------------------------------------------------

def missing_term(site: Site) -> Iterator[tuple[Tree, Tree]]:
    if isinstance(site.node, Add):
        for k, term in enumerate(site.node.terms):
            if not _is_epsilon(term):
                yield term, add(*without(site.node.terms, k))


def epsilon(site: Site) -> Iterator[tuple[Tree, Tree]]:
    if isinstance(site.node, Add):
        for k, term in enumerate(site.node.terms):
            if _is_epsilon(term):
                yield term, add(*without(site.node.terms, k))
    match site.node:
        case Pow(Add(terms), Number(e)) if any(map(_is_epsilon, terms)) and e.denominator == 2:
            k = next(k for k, term in enumerate(terms) if _is_epsilon(term))
            yield terms[k], power(add(power(add(*without(terms, k)), Fraction(1, 2)), terms[k]), 2 * e)


def _is_epsilon(term: Expr) -> bool:
    return isinstance(term, Entry) and term.tensor.startswith("eps")


def sign(site: Site) -> Iterator[tuple[Tree, Tree]]:
    if isinstance(site.node, Add):
        for k, term in enumerate(site.node.terms):
            yield term, add(*instead(site.node.terms, k, negate(term)))


def factor(site: Site) -> Iterator[tuple[Tree, Tree]]:
    match site.node:
        case Mul((Number(c), *rest)) if abs(c) != 1 and rest:
            yield Number(c), mul(Number(Fraction(1 if c > 0 else -1)), *rest)


def size_factor(site: Site) -> Iterator[tuple[Tree, Tree]]:
    if isinstance(site.node, Mul):
        for k, part in enumerate(site.node.factors):
            if _is_of_sizes(part):
                yield part, mul(*without(site.node.factors, k))


def _is_of_sizes(part: Expr) -> bool:
    return isinstance(part, Integer) or (isinstance(part, Pow) and isinstance(part.base, Integer))


def missing_factor(site: Site) -> Iterator[tuple[Tree, Tree]]:
    if isinstance(site.node, Mul):
        for k, part in enumerate(site.node.factors):
            if not isinstance(part, Number) and not _is_of_sizes(part):
                yield part, mul(*without(site.node.factors, k))


def one_less(site: Site) -> Iterator[tuple[Tree, Tree]]:
    match site.node:
        case Integer(form) if form.bare and form.bare not in {**site.free, **site.bound}:
            yield site.node, Integer(form - 1)
            yield site.node, Integer(form + 1)


def exponent(site: Site) -> Iterator[tuple[Tree, Tree]]:
    match site.node:
        case Pow(base, Number(e)) if not isinstance(base, Integer):
            for other in dict.fromkeys((2 * e, e / 2, e + 1, e - 1)):
                if other not in (0, e):
                    yield site.node, power(base, other)


def inverse(site: Site) -> Iterator[tuple[Tree, Tree]]:
    match site.node:
        case Pow(base, Number(e)) if e < 0:
            yield site.node, power(base, -e)
        case Mul(factors):
            for k, part in enumerate(factors):
                if isinstance(part, Entry) and not part.tensor.endswith("_bar"):
                    yield part, mul(*instead(factors, k, power(part, -1)))


def transposed(site: Site) -> Iterator[tuple[Tree, Tree]]:
    match site.node:
        case Entry(tensor, at):
            for k in range(len(at) - 1):
                if at[k] != at[k + 1]:
                    yield site.node, Entry(tensor, (*at[:k], at[k + 1], at[k], *at[k + 2:]))


def diagonal(site: Site) -> Iterator[tuple[Tree, Tree]]:
    """Of the terms of a sum that only in which the letter is a free one."""
    if isinstance(site.node, Sum):
        for letter, length in {**site.free, **site.bound}.items():
            if length == site.node.high and letter in names_in(site.put(ONE)) | set(site.free):
                yield site.node, reindex(site.node.body, {site.node.index: symbol(letter)})


def sign_in_exponent(site: Site) -> Iterator[tuple[Tree, Tree]]:
    match site.node:
        case Apply("exp" | "sigmoid" as name, (u,)):
            yield site.node, Apply(name, (negate(u),))


def lost_function(name: str) -> Changes:
    def changes(site: Site) -> Iterator[tuple[Tree, Tree]]:
        match site.node:
            case Apply(function, (u,)) if function == name:
                yield site.node, u
    return changes


def strict(site: Site) -> Iterator[tuple[Tree, Tree]]:
    match site.node:
        case Indicator(Compare("<" | "<=" as op, left, right)):
            yield site.node, Indicator(Compare("<=" if op == "<" else "<", left, right))


def not_flipped(site: Site) -> Iterator[tuple[Tree, Tree]]:
    """x[i - u + 1] for x[i + u - 1] and the other way round, or W[h - u + 1] for W[u] beside one of these."""
    letters = {**site.free, **site.bound}
    match site.node:
        case Entry(tensor, at):
            turned = tuple(_turned(form, site.bound, letters) for form in at)
            if turned != at:
                yield site.node, Entry(tensor, turned)
        case Mul(factors):
            entries = [part for part in factors if isinstance(part, Entry)]
            mixed = {name for part in entries for form in part.at if form.bare is None
                     for name in form.names & site.bound.keys()}
            for k, part in enumerate(factors):
                if isinstance(part, Entry) and any(form.bare in mixed for form in part.at):
                    turned = tuple(site.bound[form.bare] - form + 1 if form.bare in mixed else form
                                   for form in part.at)
                    yield part, mul(*instead(factors, k, Entry(part.tensor, turned)))


def _turned(form: Affine, bound: Mapping[str, Affine], letters: Mapping[str, Affine]) -> Affine:
    inside = sorted(form.names & bound.keys())
    if form.bare is not None or len(form.names & letters.keys()) < 2 or not inside:
        return form
    c = form.coefficient(inside[0])
    return form - symbol(inside[0]) * (2 * c) + 2 * c


def wrong_derivative(site: Site) -> Iterator[tuple[Tree, Tree]]:
    """That of tanh, 1 - y^2, for that of the sigmoid, y (1 - y), and the other way round."""
    match site.node:
        case Mul(factors):
            for k, part in enumerate(factors):
                for j, other in enumerate(factors):
                    if other == add(ONE, negate(part)):
                        rest = [one for n, one in enumerate(factors) if n not in (j, k)]
                        yield mul(part, other), mul(*rest, add(ONE, negate(power(part, 2))))
        case Add((Mul((Number() as c, Pow(y, Number() as e))), Number() as one)) if (
                (c, e, one) == (number(-1), number(2), ONE)):
            yield site.node, mul(y, add(ONE, negate(y)))


TABLE: Final = (
    Row("sign", sign),
    Row("factor", factor),
    Row("size factor", size_factor),
    Row("m-1 for m", one_less, everywhere=True),
    Row("epsilon", epsilon),
    Row("strict", strict),
    Row("diagonal only", diagonal),
    Row("missing term", missing_term),
    Row("missing factor", missing_factor),
    Row("transposed", transposed),
    Row("kernel not flipped", not_flipped),
    Row("wrong derivative", wrong_derivative),
    Row("sign in the exponent", sign_in_exponent, everywhere=True),
    Row("exponent", exponent, everywhere=True),
    Row("inverse", inverse),
    Row("lost exp", lost_function("exp"), everywhere=True),
    Row("lost log", lost_function("log"), everywhere=True),
)


def changed(formula: Expr, free: Mapping[str, Affine]) -> Iterator[tuple[str, Tree, Expr]]:
    """Every change of the table: the mistake, what it concerns, and the formula with it."""
    places = list(sites(formula, free))
    for row in TABLE:
        found = [(concerns, site.put(new)) for site in places for concerns, new in row.changes(site)]
        yield from ((row.mistake, concerns, new) for concerns, new in found)
        if row.everywhere and len(found) > 1:
            yield row.mistake, found[0][0], _everywhere(row, formula, free, {})


def _everywhere(row: Row, node: Any, free: Mapping[str, Affine], bound: Mapping[str, Affine]) -> Any:
    """The first change of a row at each part that it applies to, from the inside out."""
    inner = {**bound, node.index: node.high} if isinstance(node, Sum) else bound
    new = rebuild(node, lambda part: _everywhere(row, part, free, inner))
    return next((instead for _, instead in row.changes(Site(new, lambda one: one, free, bound))), new)
