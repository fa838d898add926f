"""Forms taken apart for the page: what stands before a bracket, which denominators, which exponentials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import gcd

from derivs.normal.atoms import Atom, Form, Frozen, Kind, Monomial, Rational, monomial_of
from derivs.normal.ring import mul

Powers = dict[Atom, Rational]


def content_of(form: Form) -> tuple[Fraction, Powers]:
    """What stands before the bracket: the number and the powers that all terms have, and the denominators of most.

    m g/√v - s/√v - u/√v³ is (m g - s - u/v)/√v; of two terms with different denominators none is brought to the other.
    """
    values = [Fraction(c) for c in form.values()]
    c = Fraction(gcd(*(v.numerator for v in values)), gcd(*(v.denominator for v in values)))
    powers: Powers = {}
    for a in {a for m in form for a, _ in m}:
        exponents = Counter(dict(m).get(a, 0) for m in form)
        usual = max(exponents, key=lambda e: (exponents[e], e))
        if min(exponents) > 0 or max(exponents) < 0:
            powers[a] = usual if usual < 0 else min(exponents)
        elif usual < 0 and a.kind in (Kind.SYMBOL, Kind.TENSOR, Kind.BASE):
            powers[a] = usual
    return c, powers


def conjugates(found: Sequence[tuple[Form, int]]) -> list[tuple[Form, int]]:
    """(1 - h)(1 + h) as 1 - h²: two brackets that are as short multiplied out."""
    left = list(found)
    for k, (one, e) in enumerate(left):
        for other, f in left[k + 1:]:
            both = mul(one, other)
            if e == f and len(one) == len(other) == len(both) == 2:
                return conjugates([*(p for p in left if p[0] is not one and p[0] is not other), (both, e)])
    return left


def common_powers(forms: Iterable[Form]) -> Powers:
    """The powers that all terms of all forms have."""
    found: Powers | None = None
    for monomial in (m for form in forms for m in form):
        mine = dict(monomial)
        found = mine if found is None else {a: min(e, mine[a]) for a, e in found.items() if a in mine}
    return found or {}


def divided_by(form: Form, powers: Powers) -> Form:
    return {monomial_of((a, e - powers.get(a, 0)) for a, e in m): c for m, c in form.items()}


def power_of(monomial: Monomial) -> tuple[Frozen | None, Monomial]:
    """(x, p) for the monomial p log x."""
    logs = [a for a, e in monomial if a.kind is Kind.APPLY and a.args[0] == "log" and e == 1]
    if len(logs) != 1:
        return None, monomial
    return logs[0].args[1][0], tuple(p for p in monomial if p[0] is not logs[0])


def without_needless_exponentials(powers: Powers) -> Powers:
    """e^{-x} / (1 + e^{-x}) is written 1 / (1 + e^x)."""
    best, least = powers, _exponentials(powers)
    for a, e in powers.items():
        if a.kind is not Kind.BASE:
            continue
        for m in a.args[0].terms:
            shift = {b: k for b, k in m if b.kind is Kind.EXP}
            if not shift:
                continue
            inner = {monomial_of((b, dict(n).get(b, 0) - shift.get(b, 0)) for b in dict(n).keys() | shift.keys()): c
                     for n, c in a.args[0].terms.items()}
            new = {b: k for b, k in powers.items() if b is not a} | {Atom(Kind.BASE, Frozen(inner)): e}
            for b, k in shift.items():
                new[b] = new.get(b, 0) + k * e
            new = {b: k for b, k in new.items() if k}
            if _exponentials(new) < least:
                best, least = new, _exponentials(new)
    return best


def _exponentials(powers: Powers) -> tuple[int, Rational]:
    """How many there are, and how many of them have a minus sign."""
    inner = [(b, k) for a in powers if a.kind is Kind.BASE for m in a.args[0].terms for b, k in m if b.kind is Kind.EXP]
    outer = [(a, e) for a, e in powers.items() if a.kind is Kind.EXP]
    return len(inner) + len(outer), sum(k < 0 for _, k in (*inner, *outer))
