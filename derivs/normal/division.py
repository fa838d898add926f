"""Exact division: (e^a + 1) x / (e^a + 1) becomes x before it is put inside a root, a logarithm or a comparison."""

from __future__ import annotations

from fractions import Fraction

from derivs.normal.atoms import Atom, Form, Kind, Rational, monomial_of
from derivs.normal.ring import accumulate, mul, natural_power

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
    """The quotient where the division leaves no rest, else None. Forms are Laurent polynomials in their atoms.

    Both are first multiplied by monomials to have lowest exponents 0 in every atom; then the quotient is a polynomial,
    and in a lexicographic order each of its terms is the quotient of the leading terms.
    """
    atoms = sorted({a for form in (numerator, divisor) for m in form for a, _ in m}, key=lambda a: a.id)
    left, shift = _from_zero(numerator, atoms)
    by, other = _from_zero(divisor, atoms)
    lead = max(by)
    quotient: dict[Exponents, Rational] = {}
    for _ in range(MOST_STEPS):
        if not left:
            back = [s - o for s, o in zip(shift, other, strict=True)]
            return {monomial_of((a, e + b) for a, e, b in zip(atoms, m, back, strict=True)): c
                    for m, c in quotient.items()}
        top = max(left)
        term = tuple(t - e for t, e in zip(top, lead, strict=True))
        if any(e < 0 for e in term):
            return None
        c = Fraction(left[top]) / by[lead]
        quotient[term] = c.numerator if c.denominator == 1 else c
        for m, d in by.items():
            at = tuple(t + e for t, e in zip(term, m, strict=True))
            value = left.get(at, 0) - c * d
            if value:
                left[at] = value
            else:
                left.pop(at, None)
    return None


Exponents = tuple[Rational, ...]


def _from_zero(form: Form, atoms: list[Atom]) -> tuple[dict[Exponents, Rational], list[Rational]]:
    """The form by exponent vectors, the lowest exponent of each atom 0, and what was taken off."""
    vectors = {tuple(dict(m).get(a, 0) for a in atoms): c for m, c in form.items()}
    low = [min(column) for column in zip(*vectors, strict=True)]
    return {tuple(e - s for e, s in zip(v, low, strict=True)): c for v, c in vectors.items()}, low
