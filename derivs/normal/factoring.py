"""Forms as products: factoring over the rationals, by FLINT."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from flint import Ordering, fmpq, fmpq_mpoly_ctx

from derivs.normal.atoms import Atom, Form, monomial_of

MOST_TERMS = 60                        # a larger form is one factor: nobody prints it anyway
MOST_POWER = 12


def factored(form: Form) -> list[tuple[Form, int]]:
    """Forms with exponents whose product is the form, which has no negative exponent. A form of one term is one factor.

    x - μ and its square are found in x^2 - 2 x μ + μ^2; a root, such as v^(1/2), counts as a letter.
    """
    atoms = sorted({a for m in form for a, _ in m}, key=lambda a: a.id)
    if len(form) < 2 or len(form) > MOST_TERMS or not atoms:
        return [(form, 1)]
    roots = {a: lcm(*(Fraction(dict(m).get(a, 0)).denominator for m in form)) for a in atoms}
    vectors = {tuple(int(dict(m).get(a, 0) * roots[a]) for a in atoms): c for m, c in form.items()}
    if any(min(v) < 0 or max(v) > MOST_POWER for v in vectors):
        return [(form, 1)]
    ring = fmpq_mpoly_ctx.get([f"x{k}" for k in range(len(atoms))], Ordering.lex)
    polynomial = ring.from_dict({v: fmpq(Fraction(c).numerator, Fraction(c).denominator) for v, c in vectors.items()})
    constant, found = polynomial.factor()
    factors = [(_form(part.to_dict(), atoms, roots), int(exponent)) for part, exponent in found]
    if constant != 1:
        scale = Fraction(int(constant.p), int(constant.q))
        factors.append(({(): scale.numerator if scale.denominator == 1 else scale}, 1))
    return factors


def _form(terms: dict[tuple[int, ...], fmpq], atoms: list[Atom], roots: dict[Atom, int]) -> Form:
    found: Form = {}
    for exponents, c in terms.items():
        powers = ((a, Fraction(int(e), roots[a])) for a, e in zip(atoms, exponents, strict=True))
        value = Fraction(int(c.p), int(c.q))
        found[monomial_of((a, e.numerator if e.denominator == 1 else e) for a, e in powers)] = (
            value.numerator if value.denominator == 1 else value)
    return found
