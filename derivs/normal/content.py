"""Taking a form apart: rational content, common powers, and the rest; the monomial that decides orientation."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

from derivs.normal.atoms import UNIT, Atom, Form, Monomial, Rational, order
from derivs.normal.ring import ONE, accumulate, product_of, scaled

MOST_FACTOR = 10_000          # trial division for roots and logarithms of numbers


def split(form: Form, *, keep_sign: bool = False) -> tuple[Fraction, dict[Atom, Rational], Form]:
    """form = content * product of powers * rest; rest has integer coefficients without a common factor, and its first
    monomial is positive. With keep_sign (a root is to be taken) content > 0, and the sign stays in the rest.

    The rest is empty where the terms cancel once their common base is out, as those of x/(x + y) + y/(x + y) - 1 do;
    a `reduced` form is never so."""
    numerators = gcd(*(Fraction(c).numerator for c in form.values()))
    denominators = lcm(*(Fraction(c).denominator for c in form.values()))
    content = Fraction(numerators, denominators)
    monomials = list(form)
    if len(form) == 1:
        if form[monomials[0]] < 0:
            content = -content
        powers: dict[Atom, Rational] = dict(monomials[0])
        if keep_sign and content < 0:
            return -content, powers, {UNIT: -1}
        return content, powers, ONE
    powers = dict(monomials[0])
    for monomial in monomials[1:]:
        exponents = dict(monomial)
        # The lowest exponent, also of atoms that stand in some monomials only (exponent 0 elsewhere) if they are
        # exponentials, so that 1 + e^x and 1 + e^-x meet.
        powers = {a: min(powers.get(a, 0), exponents.get(a, 0)) for a in powers.keys() | exponents.keys()}
    powers = {a: e for a, e in powers.items() if e}
    rest: Form = {}
    for monomial, c in form.items():
        left = {a: dict(monomial).get(a, 0) - powers.get(a, 0) for a in powers.keys() | dict(monomial).keys()}
        accumulate(rest, product_of({a: e for a, e in left.items() if e}), c / content)
    if rest and not keep_sign and rest[first_monomial(rest)] < 0:
        content, rest = -content, scaled(rest, -1)
    return content, powers, {m: whole(c) for m, c in rest.items()}


def whole(c: Rational) -> Rational:
    return c.numerator if isinstance(c, Fraction) and c.denominator == 1 else c


def first_monomial(form: Form) -> Monomial:
    """The monomial that decides orientation: the least that is not constant (x - 1 and x + 1 get the same sign)."""
    return min((m for m in form if m), key=order, default=UNIT)


def factors(value: Fraction) -> dict[int, int]:
    """The prime factors with exponents; what trial division up to a bound leaves counts as one factor."""
    found: dict[int, int] = {}
    for number, sign in ((value.numerator, 1), (value.denominator, -1)):
        p = 2
        while p * p <= number and p < MOST_FACTOR:
            while number % p == 0:
                found[p] = found.get(p, 0) + sign
                number //= p
            p += 1 if p == 2 else 2
        if number > 1:
            found[number] = found.get(number, 0) + sign
    return found
