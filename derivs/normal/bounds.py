"""The bounds of a sum: guards that go, guards that become ends, and indices of which only the bounds are left.

Each step says what a term of a sum is equal to, or None where it has nothing to say; `sums` goes on from there.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import comb

from derivs.affine import Affine
from derivs.normal.algebra import power
from derivs.normal.atoms import Atom, Form, Kind, Monomial, Rational, reads
from derivs.normal.context import Context
from derivs.normal.indicators import delta, guard
from derivs.normal.ring import ONE, ZERO, accumulate, add, from_affine, mul
from derivs.normal.signs import guards_of

DISTRIBUTIONS = frozenset({"onehot", "simplex"})       # tensors whose last axis sums to 1, one row after the other
MOST_ENDS = 16                # [k >= 17] is not written as [k >= 1] minus sixteen ends


def tidy_guards(context: Context, monomial: Monomial) -> Form | None:
    """Guards that the rest implies go, a contradicted one makes the term 0, [k >= 2] becomes [k >= 1] - [k = 1]."""
    guards = [p for p in monomial if p[0].kind is Kind.GUARD]
    for p in sorted(guards, key=lambda p: (len(p[0].free), p[0].args[0].key), reverse=True):
        rest = tuple(q for q in monomial if q is not p)
        inner = context.assume(guards_of(context, rest))
        form = p[0].args[0]
        if inner.contradicts(form):
            return ZERO
        if inner.implies(form):
            return {rest: 1}
        gap = _nearest_home(context, rest, form)
        if gap:
            full, width = gap
            total: Form = mul({rest: 1}, guard(full))
            for t in range(width):
                total = add(total, mul({rest: 1}, delta(full - t)), -1)
            return total
    return None


def _nearest_home(context: Context, monomial: Monomial, form: Affine) -> tuple[Affine, int] | None:
    """The tightest range parallel to the guard, of an axis that its index stands on; None if the guard is one."""
    homes: set[Affine] = set(context.facts)
    for a, _ in monomial:
        for name, axis, subscript in reads(a):
            if subscript.names.isdisjoint(form.names) or any(n.startswith("#") for n in subscript.names - form.names):
                continue
            homes.update(context.home(name, axis, subscript))
    widths = [((home - form).constant, home.key, home) for home in homes
              if home.names == form.names and (home - form).is_constant]
    looser = [w for w in widths if 0 <= w[0] <= MOST_ENDS]
    if not looser:
        return None
    width, _, home = min(looser, key=lambda w: (w[0], w[1]))
    return (home, width) if width else None


def polynomial(context: Context, names: frozenset[str], monomial: Monomial) -> tuple[str, Form] | None:
    """A name that stands only in guards and powers of itself, and the sum over it, by Faulhaber's formula."""
    for name in sorted(names):
        lows: list[Affine | None] = []
        highs: list[Affine | None] = []
        degree, plain = 0, True
        rest: list[tuple[Atom, Rational]] = []
        for a, e in monomial:
            if name not in a.free:
                rest.append((a, e))
            elif a.kind is Kind.GUARD and a.args[0].coefficient(name) in (1, -1):
                end = a.args[0].solve(name)
                (lows if a.args[0].coefficient(name) > 0 else highs).append(end)
            elif a.kind is Kind.SYMBOL and e > 0 and Fraction(e).denominator == 1:
                degree = int(e)
            else:
                plain = False
        if plain and len(lows) == len(highs) == 1 and lows[0] is not None and highs[0] is not None:
            low, high = lows[0], highs[0]
            value = add(_power_sum(context, degree, high), _power_sum(context, degree, low - 1), -1)
            inner = context.assume(guards_of(context, tuple(rest)))
            exists = ONE if inner.implies(high - low + 1) else guard(high - low)
            return name, mul(mul({tuple(rest): 1}, exists), value)
    return None


def distribution(context: Context, names: frozenset[str], monomial: Monomial) -> tuple[str, Form] | None:
    """A name that stands only on the last axis of one entry of a distribution, and the sum over it: 1 for each row."""
    for a, e in monomial:
        if a.kind is not Kind.TENSOR or e != 1 or not a.args[1]:
            continue
        declared = context.tensors[a.args[0]]
        if declared.role == "node" or declared.properties.isdisjoint(DISTRIBUTIONS):
            continue
        *rows, last = a.args[1]
        for name in sorted(names & last.names):
            others = [b for b, _ in monomial if b is not a and name in b.free]
            if not others and last.coefficient(name) in (1, -1) and not any(name in form.names for form in rows):
                found: Form = {tuple(p for p in monomial if p[0] is not a): 1}
                for axis, form in enumerate(rows):
                    for end in context.home(a.args[0], axis, form):
                        found = mul(found, guard(end))
                return name, found
    return None


def _power_sum(context: Context, degree: int, high: Affine) -> Form:
    """1^d + ... + high^d, as a polynomial in high."""
    n = from_affine(high)
    total: Form = {}
    for k, c in enumerate(_faulhaber(degree)):
        accumulate(total, power(context, n, k), c)
    return total


@cache
def _faulhaber(degree: int) -> tuple[Fraction, ...]:
    """Coefficients by power of n of 1^d + ... + n^d: (d+1) S_d = (n+1)^{d+1} - 1 - sum_{k<d} C(d+1,k) S_k."""
    total = [Fraction(comb(degree + 1, k)) for k in range(degree + 2)]
    total[0] -= 1
    for k in range(degree):
        for j, c in enumerate(_faulhaber(k)):
            total[j] -= comb(degree + 1, k) * c
    return tuple(c / (degree + 1) for c in total)
