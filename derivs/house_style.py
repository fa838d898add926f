"""The house style: the letters of bound indices, the order of factors and terms, where signs and roots go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.cost import cost
from derivs.expr import (
    ONE,
    ZERO,
    Add,
    Apply,
    Cases,
    Delta,
    Entry,
    Expr,
    Indicator,
    Integer,
    Largest,
    Mul,
    Number,
    Pow,
    Sum,
    mul,
    names_in,
    number,
    power,
    rebuild,
    reindex,
    walk,
)
from derivs.normal.content import MOST_FACTOR
from derivs.problem import Problem

ALPHABET = "ijklpqrstuvabcdefghmnowxyz"
PI = Apply("pi", ())


@dataclass(frozen=True, slots=True, eq=False)
class Writer:
    """What a writer knows: the exercise, the letters that it uses for each range, and what letters cost."""

    problem: Problem
    letters: Mapping[Affine, tuple[str, ...]]
    weights: Mapping[str, float]

    def cost(self, expr: Expr) -> float:
        return cost(expr, self.weights)


def writer(problem: Problem, weights: Mapping[str, float]) -> Writer:
    """The letters of a range are those of the definitions over it, then of the sums over it, in order."""
    letters: dict[Affine, dict[str, None]] = {}
    for definition in problem.definitions:
        for index, size in zip(definition.indices, problem.tensors[definition.tensor].shape, strict=True):
            letters.setdefault(size, {})[index] = None
    trees = (*(d.value for d in problem.definitions), *(t.claim.right for t in problem.targets))
    for node in (n for tree in trees for n in walk(tree) if isinstance(n, Sum) and n.low == FIRST):
        letters.setdefault(node.high, {})[node.index] = None
    return Writer(problem, {size: tuple(found) for size, found in letters.items()}, weights)


def letter_for(to: Writer, size: Affine, taken: frozenset[str]) -> str:
    """A letter that the exercise uses for that range, else the next of the alphabet."""
    own = to.letters.get(size, ())
    after = ALPHABET[ALPHABET.find(own[0][:1]) + 1:] if own else ALPHABET
    foreign = {c for size_, cs in to.letters.items() if size_ != size for c in cs}
    free: list[str] = [c for c in (*own, *(c for c in (*after, *ALPHABET) if c not in foreign), *ALPHABET,
                        *(c + "'" for c in ALPHABET)) if c not in taken]
    return free[0]


def apart(to: Writer, node: Any, taken: frozenset[str]) -> Any:
    """The tree with other letters for bound indices that are taken, or bound further out."""
    if isinstance(node, Sum | Largest):
        index, body = node.index, node.body
        if index in taken:
            index = letter_for(to, node.high, taken | names_in(body))
            body = reindex(body, {node.index: symbol(index)})
        return type(node)(index, node.low, node.high, apart(to, body, taken | {index}))
    return rebuild(node, lambda part: apart(to, part, taken))


def leveled(to: Writer, node: Any) -> Any:
    """The tree without brackets that only add: 1 - t - (1 - p) is p - t, and 2 - (1 + s) is 1 - s."""
    inside = rebuild(node, lambda part: leveled(to, part))
    if not isinstance(inside, Add) or not any(map(_only_adds, inside.terms)):
        return inside
    counts: dict[Expr, Fraction] = {}
    for term in inside.terms:
        c, core = signed(term)
        for part in core.terms if isinstance(core, Add) and _only_adds(term) else (core,):
            d, rest = signed(part)
            counts[rest] = counts.get(rest, Fraction(0)) + c * d
    terms = [mul(number(c), core) for core, c in counts.items() if c]
    terms.sort(key=lambda term: (not is_unit(term), is_negative(term)))
    flat = ZERO if not terms else terms[0] if len(terms) == 1 else Add(tuple(terms))
    return min(inside, flat, key=to.cost)


def _only_adds(term: Expr) -> bool:
    """Whether it is a bracket with + or - in front."""
    c, core = signed(term)
    return isinstance(core, Add) and abs(c) == 1


def signed(term: Expr) -> tuple[Fraction, Expr]:
    """(c, u) for the term c u."""
    match term:
        case Number(value):
            return value, ONE
        case Mul((Number(value), *rest)):
            return value, mul(*rest)
    return Fraction(1), term


def orientation(trees: Sequence[Expr]) -> int:
    """-1 if all signs are to be turned: 1 - s and δ_ij - y_j are written so; else what comes first is positive."""
    units = [tree for tree in trees if is_unit(tree)]
    if units and len(trees) == 2:
        return -1 if is_negative(units[0]) else 1
    negative = sum(map(is_negative, trees))
    return -1 if 2 * negative > len(trees) or (2 * negative == len(trees) and is_negative(trees[0])) else 1


def is_unit(tree: Expr) -> bool:
    """Whether it is 1, -1 or a delta."""
    core = mul(*tree.factors[1:]) if isinstance(tree, Mul) and isinstance(tree.factors[0], Number) else tree
    return isinstance(core, Delta) or (isinstance(core, Number) and abs(core.value) == 1)


def is_negative(tree: Expr) -> bool:
    head = tree.factors[0] if isinstance(tree, Mul) else tree
    return isinstance(head, Number) and head.value < 0


def turned_round(tree: Expr, *, alone: bool) -> Expr | None:
    """-(a - b) is b - a, also under a sum; but -y (1 - s) and -(δ - y) stay."""
    match tree:
        case Add(terms) if any(map(is_negative, terms)):
            if any(map(is_unit, terms)) and not alone:
                return None
            if len(terms) == 2 and len({_rank_of_letter(term) for term in terms} - {None}) == 2:
                return None                           # x_i - μ
            turned = [mul(number(-1), term) for term in terms]
            return Add(tuple(sorted(turned, key=is_negative)))
        case Pow(base, Number(exponent)) if exponent.denominator == 1 and exponent % 2:
            inner = turned_round(base, alone=True)
            return None if inner is None else Pow(inner, tree.exponent)
        case Sum(index, low, high, body):
            inner = turned_round(body, alone=alone)
            return None if inner is None else Sum(index, low, high, inner)
        case Mul(factors):
            for k, factor in enumerate(factors):
                inner = turned_round(factor, alone=False)
                if inner is not None:
                    return Mul((*factors[:k], inner, *factors[k + 1:]))
    return None


def _rank_of_letter(term: Expr) -> int | None:
    """The number of subscripts of a letter with or without a minus sign."""
    core = term.factors[-1] if isinstance(term, Mul) and len(term.factors) == 2 and is_negative(term) else term
    return len(core.at) if isinstance(core, Entry) else None


def ordered(to: Writer, factors: Iterable[Expr]) -> Expr:
    """Numbers, sizes, scalars, gradients, entries, functions, brackets, indicators, sums."""
    flat = _one_root(mul(*factors))
    if not isinstance(flat, Mul):
        return flat
    held = {negative for f in flat.factors if isinstance(f, Add) and f.terms[0] == ONE
            for negative in map(opposite, f.terms[1:])}                 # s of 1 - s stands beside it
    ranks = {f: (7, 1) if f in held and isinstance(f, Entry) else rank_of(to, f) for f in flat.factors}
    return Mul(tuple(sorted(flat.factors, key=lambda f: ranks[f])))


def opposite(tree: Expr) -> Expr:
    return mul(number(-1), tree)


def _one_root(tree: Expr) -> Expr:
    """1/√(2π) for √2/(2√π): square roots of numbers and of π as one."""
    if not isinstance(tree, Mul):
        return tree
    half = Fraction(1, 2)
    roots = [f for f in tree.factors if isinstance(f, Pow) and isinstance(f.exponent, Number)
             and abs(f.exponent.value) == half and (isinstance(f.base, Number) or f.base == PI)]
    if not roots:
        return tree
    rest = [f for f in tree.factors if f not in roots]
    outside = Fraction(1)
    if rest and isinstance(rest[0], Number):
        outside, rest = rest[0].value, rest[1:]
    square = outside * outside
    turns = 0
    for root in roots:
        sign = 1 if root.exponent.value > 0 else -1  # type: ignore[union-attr]
        if isinstance(root.base, Number):
            square *= root.base.value ** sign
        else:
            turns += sign
    over, under = _square_free(square.numerator), _square_free(square.denominator)
    front = Fraction(over[0], under[0]) * (1 if outside > 0 else -1)
    top, bottom = [number(over[1])] + [PI] * (turns > 0), [number(under[1])] + [PI] * (turns < 0)
    under_root = power(mul(*bottom), -1)
    root_tree = power(mul(*bottom), -half) if mul(*top) == ONE else power(mul(*top, under_root), half)
    return mul(number(front), root_tree, *rest)


def _square_free(value: int) -> tuple[int, int]:
    """(s, r) with value = s^2 r, r without a square as far as trial division sees."""
    s, r, p = 1, value, 2
    while p * p <= r and p < MOST_FACTOR:
        while r % (p * p) == 0:
            s, r = s * p, r // (p * p)
        p += 1
    return s, r


def rank_of(to: Writer, factor: Expr) -> tuple[int, int]:
    match factor:
        case Number():
            return 0, 0
        case Pow(base, _):
            return rank_of(to, base)
        case Integer(form):
            return 1, min((to.problem.sizes.index(n) for n in form.names if n in to.problem.sizes), default=0)
        case Entry(name, at):
            tensor = to.problem.tensors[name]
            place = list(to.problem.tensors).index(name) - len(to.problem.tensors) * (tensor.role == "parameter")
            if tensor.role == "cotangent":
                return 3, place
            return (2 if not at and tensor.role != "node" else 4), place
        case Apply():
            return 5, 0
        case Delta():
            return 6, 0
        case Add(terms):
            return 7, 2 * (terms[0] == ONE)
        case Indicator():
            return 8, 0
        case Cases():
            return 9, 0
        case _:
            return 10, 0
