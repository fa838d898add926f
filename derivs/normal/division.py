"""Exact division: (e^a + 1) x / (e^a + 1) becomes x before it is put inside a root, a logarithm or a comparison."""

from __future__ import annotations

from fractions import Fraction

from derivs.normal.ring import accumulate, mul, natural_power
from derivs.normal.atoms import Atom, Form, Kind, Monomial, Rational, monomial_of

MOST_STEPS = 200


def reduced(form: Form) -> Form:
    """An equal form in which numerators divisible by a base of their denominator are divided by it."""
    for base in sorted({a for m in form for a, e in m if a.kind is Kind.BASE and e < 0}, key=lambda a: -a.id):
        groups: dict[Rational, Form] = {}
        for m, c in form.items():
            groups.setdefault(Fraction(dict(m).get(base, 0)) % 1, {})[m] = c
        total: Form = {}
        for group in groups.values():
            accumulate(total, _without(group, base))
        form = total
    return form


def _without(form: Form, base: Atom) -> Form:
    """The form with as few powers of the base under the bar as exact division allows."""
    least = min(dict(m).get(base, 0) for m in form)
    if least >= 0:
        return form
    numerator: Form = {}
    for m, c in form.items():
        e = dict(m).get(base, 0)
        rest = tuple(p for p in m if p[0] is not base)
        accumulate(numerator, mul({rest: c}, natural_power(base.args[0].terms, int(e - least))))
    if not numerator:
        return numerator
    divided = False
    while least < 0 and (quotient := divide(numerator, base.args[0].terms)) is not None:
        numerator, least, divided = quotient, least + 1, True
    return mul(numerator, {((base, least),): 1} if least else {(): 1}) if divided else form


def divide(numerator: Form, divisor: Form) -> Form | None:
    """The quotient where the division leaves no rest, else None. Forms are Laurent polynomials in their atoms."""
    atoms = sorted({a for form in (numerator, divisor) for m in form for a, _ in m}, key=lambda a: a.id)

    def key(m: Monomial) -> tuple[Rational, ...]:
        powers = dict(m)
        return tuple(powers.get(a, 0) for a in atoms)

    lead = max(divisor, key=key)
    quotient: Form = {}
    left = numerator
    for _ in range(MOST_STEPS):
        if not left:
            return quotient
        top = max(left, key=key)
        powers: dict[Atom, Rational] = dict(top)
        for a, e in lead:
            powers[a] = powers.get(a, 0) - e
        term = monomial_of(powers.items())
        c = Fraction(left[top]) / Fraction(divisor[lead])
        accumulate(quotient, {term: c})
        subtracted = dict(left)
        accumulate(subtracted, mul({term: 1}, divisor), -c)
        if len(subtracted) > len(numerator) + len(divisor) * 4:
            return None
        left = subtracted
    return None


