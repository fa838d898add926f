"""Light rewriting of a tree towards what a person writes: deltas picked out of sums, constants in front.

Each rule is an identity; the normal form proves every tidied line equal to the one it came from.

    sift      sum_j [j = i] a_j      =  a_i                    times the range of j, unless a carries it
    split     sum_j (a_j + b_j)      =  sum_j a_j + sum_j b_j  where a delta in j waits in a term
    pull out  sum_j c a_j            =  c sum_j a_j            when j is not free in c
    collect   a/2 + a/2              =  a
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from derivs.affine import Affine, symbol
from derivs.expr import (
    ONE,
    ZERO,
    Add,
    And,
    Cases,
    CompareIndex,
    Condition,
    Delta,
    Entry,
    Expr,
    Indicator,
    Integer,
    Largest,
    Mul,
    Not,
    Number,
    Or,
    Pow,
    Sum,
    add,
    mul,
    names_in,
    power,
    rebuild,
    reindex,
    walk,
)
from derivs.normal.context import Context


@dataclass(frozen=True, slots=True)
class Binder:
    """sum over index = low .. high."""

    index: str
    low: Affine
    high: Affine

    def facts(self) -> tuple[Affine, Affine]:
        """The forms that are >= 0 in the body."""
        k = symbol(self.index)
        return k - self.low, self.high - k


def tidy(context: Context, expr: Expr, outer: frozenset[str] = frozenset()) -> Expr:
    """The expression with every rule applied, inner parts first. The context knows the ranges of the free indices.

    outer: the indices of the sums around it. A sum whose delta could pick one of those waits for them, because which
    index goes is chosen among all: in sum_p g_p sum_u w_u [p + u - 1 = i] it is p, where g is zero outside its range.
    """
    match expr:
        case Sum(index, low, high, body):
            binder = Binder(index, low, high)
            body = tidy(context.assume(binder.facts()), body, outer | {index})
            if _waits(body, outer):
                return ZERO if body == ZERO else Sum(index, low, high, body)
            return _summed(context, (binder,), body)
        case Add(terms):
            return _collected(add(*(tidy(context, term, outer) for term in terms)))
        case Mul(factors):
            return _product([tidy(context, factor, outer) for factor in factors])
        case Pow(base, exponent):
            return power(tidy(context, base), tidy(context, exponent))
        case Delta(left, right):
            return _delta(context, left, right)
        case Indicator(CompareIndex("<=", left, right)) if context.implies(right - left):
            return ONE
        case Indicator(CompareIndex("<=", left, right)) if context.contradicts(right - left):
            return ZERO
        case Cases(branches, otherwise):
            if otherwise is not None and all(value == otherwise for value, _ in branches):
                return tidy(context, otherwise)
            return Cases(tuple((tidy(context, value), condition) for value, condition in branches),
                         None if otherwise is None else tidy(context, otherwise))
        case Largest() | And() | Or() | Not() | CompareIndex():
            return expr
        case _:
            return rebuild(expr, lambda part: tidy(context, part))  # type: ignore[no-any-return]


def _delta(context: Context, left: Affine, right: Affine) -> Expr:
    gap = left - right
    if not gap.terms:
        return ONE
    if gap.is_constant or context.contradicts(gap) or context.contradicts(-gap):
        return ZERO
    return Delta(left, right)


def _collected(expr: Expr) -> Expr:
    """Equal terms as one, with the sum of their numbers in front."""
    if not isinstance(expr, Add):
        return expr
    terms: dict[Expr, Fraction] = {}
    for term in expr.terms:
        factors = term.factors if isinstance(term, Mul) else (term,)
        number = factors[0].value if isinstance(factors[0], Number) else Fraction(1)
        rest = mul(*(factors[1:] if isinstance(factors[0], Number) else factors))
        terms[rest] = terms.get(rest, Fraction(0)) + number
    return add(*(mul(Number(c), rest) for rest, c in terms.items() if c))


def _product(factors: list[Expr]) -> Expr:
    """Equal factors as one power, numbers in front."""
    flat = mul(*factors)
    if not isinstance(flat, Mul):
        return flat
    powers: dict[Expr, Expr] = {}
    for factor in flat.factors:
        base, exponent = (factor.base, factor.exponent) if isinstance(factor, Pow) else (factor, ONE)
        if isinstance(factor, Indicator | Delta):
            powers[factor] = ONE
        else:
            powers[base] = add(powers[base], exponent) if base in powers else exponent
    return mul(*(power(base, exponent) for base, exponent in powers.items()))


# ---- sums

def _summed(context: Context, binders: tuple[Binder, ...], body: Expr) -> Expr:
    """The sum of body over the binders, outermost first."""
    if body == ZERO:
        return ZERO
    if not binders:
        return body
    indices = {b.index for b in binders}
    if isinstance(body, Add) and any(_waits(term, indices) for term in body.terms):
        return add(*(_summed(context, binders, term) for term in body.terms))
    factors: list[Expr] = list(body.factors) if isinstance(body, Mul) else [body]
    for k, factor in enumerate(factors):
        others = factors[:k] + factors[k + 1:]
        match factor:
            case Add(terms) if any(_waits(term, indices) for term in terms):
                return add(*(_summed(context, binders, _product([*others, term])) for term in terms))
            case Sum(index, low, high, inner) if (_waits(inner, indices)
                                                  and index not in names_in(mul(*others)) | indices):
                return _summed(context, (*binders, Binder(index, low, high)), _product([*others, inner]))
            case _:
                pass
    sifted = _sift(context, binders, factors)
    return sifted if sifted is not None else _pulled_out(context, binders, factors)


def _waits(expr: Expr, indices: set[str] | frozenset[str]) -> bool:
    """Whether a delta that could pick one of the indices stands in it."""
    deltas = (node.left - node.right for node in walk(expr) if isinstance(node, Delta)) if indices else ()
    return any(gap.coefficient(k) in (1, -1) for gap in deltas for k in indices)


def _sift(context: Context, binders: tuple[Binder, ...], factors: list[Expr]) -> Expr | None:
    """One sum less, by a delta; of several ways the one that leaves the fewest ranges to be said, inner sums first."""
    best: tuple[int, tuple[Binder, ...], Expr] | None = None
    for number, factor in enumerate(factors):
        if not isinstance(factor, Delta):
            continue
        for place, binder in reversed(list(enumerate(binders))):
            value = (factor.left - factor.right).solve(binder.index)
            left = binders[:place] + binders[place + 1:]
            if value is None or any(binder.index in b.low.names | b.high.names for b in left):
                continue
            inside = context.assume(fact for b in left for fact in b.facts())
            body = reindex(mul(*factors[:number], *factors[number + 1:]), {binder.index: value})
            ends = [CompareIndex("<=", a, b) for a, b in ((binder.low, value), (value, binder.high))
                    if not inside.implies(b - a) and not carried(inside, body, b - a)]
            if best is None or len(ends) < best[0]:
                parts: tuple[Condition, ...] = tuple(ends)
                said = () if not parts else (Indicator(parts[0] if len(parts) == 1 else And(parts)),)
                best = len(ends), left, mul(body, *said)
    if best is None:
        return None
    inside = context.assume(fact for b in best[1] for fact in b.facts())
    return _summed(context, best[1], tidy(inside, best[2]))


def carried(context: Context, body: Expr, form: Affine) -> bool:
    """Whether a factor that is zero outside its range already says form >= 0."""
    for factor in body.factors if isinstance(body, Mul) else (body,):
        if isinstance(factor, Entry) and context.tensors[factor.tensor].zero_outside:
            facts = [end for axis, subscript in enumerate(factor.at)
                     for end in context.home(factor.tensor, axis, subscript)]
            if context.assume(facts).implies(form):
                return True
    return False


def _pulled_out(context: Context, binders: tuple[Binder, ...], factors: list[Expr]) -> Expr:
    *outer, last = binders
    here = context.assume(fact for b in outer for fact in b.facts())
    outside = [f for f in factors if last.index not in names_in(f)]
    inside = [f for f in factors if last.index in names_in(f)]
    length = last.high - last.low + 1
    if inside:
        body = _product([*outside, Sum(last.index, last.low, last.high, mul(*inside))])
    elif here.implies(length):
        body = _product([*outside, Integer(length)])
    else:
        body = _product([*outside, Sum(last.index, last.low, last.high, ONE)])
    return _summed(context, tuple(outer), body)
