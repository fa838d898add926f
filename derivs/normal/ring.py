"""The ring of forms: sums, products and natural powers."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from derivs.affine import Affine
from derivs.errors import OutOfBudget
from derivs.normal.atoms import INDICATORS, UNIT, Atom, Form, Frozen, Kind, Monomial, Rational, monomial_of

ZERO: Final[Form] = {}
ONE: Final[Form] = {UNIT: 1}

MOST_TERMS = 20_000           # of one form
MOST_POWER = 64               # of a many-term form that is multiplied out
MOST_DIGITS = 4_000           # of one coefficient, in bits


def constant(value: Rational) -> Form:
    """A number."""
    return {UNIT: value} if value else ZERO


def atom(kind: Kind, *args: object, exponent: Rational = 1) -> Form:
    """One atom to a power, as a form."""
    return {((Atom(kind, *args), exponent),): 1}


def add(left: Form, right: Form, scale: Rational = 1) -> Form:
    """left + scale*right."""
    if not right or not scale:
        return left
    total = dict(left)
    accumulate(total, right, scale)
    return total


def accumulate(total: Form, right: Form, scale: Rational = 1) -> None:
    """total += scale*right, in place, for a form under construction."""
    for monomial, c in right.items():
        value = total.get(monomial, 0) + c * scale
        if value:
            total[monomial] = value
        else:
            total.pop(monomial, None)


def scaled(form: Form, scale: Rational) -> Form:
    """scale*form."""
    if scale == 1:
        return form
    return {monomial: c * scale for monomial, c in form.items()} if scale else ZERO


def mul(left: Form, right: Form) -> Form:
    """left*right, powers of many-term bases multiplied out where they become natural."""
    if left == ONE:
        return right
    if right == ONE:
        return left
    total: Form = {}
    if len(left) * len(right) > MOST_TERMS:
        raise OutOfBudget("the product has too many terms", mend="prove it with the inner nodes named")
    for m1, c1 in left.items():
        for m2, c2 in right.items():
            accumulate(total, _product(m1, m2), c1 * c2)
    return total


def _product(m1: Monomial, m2: Monomial) -> Form:
    if not m1:
        return {m2: 1}
    if not m2:
        return {m1: 1}
    powers = dict(m1)
    clean = True
    for a, e in m2:
        if a in powers:
            powers[a] += e
            clean = clean and a.kind < Kind.BASE and a.kind is not Kind.RADICAL
        else:
            powers[a] = e
    clean = clean or not any(a.kind in _SPECIAL for a in powers)
    return {monomial_of(powers.items()): 1} if clean else product_of(powers)


_SPECIAL: Final = INDICATORS | {Kind.RADICAL, Kind.BASE}


def product_of(powers: dict[Atom, Rational]) -> Form:
    """The product of atoms with any exponents: indicators are idempotent, whole powers of bases are multiplied out."""
    plain: dict[Atom, Rational] = {}
    scale: Rational = 1
    expand: list[tuple[Frozen, int]] = []
    for a, e in powers.items():
        if a.kind in INDICATORS:
            plain[a] = 1
        elif a.kind is Kind.RADICAL:
            whole = e.__floor__()
            if abs(whole) * digits(a.args[0]) > MOST_DIGITS:
                raise OutOfBudget("a number with too many digits")
            scale *= Fraction(a.args[0]) ** whole
            plain[a] = e - whole
        elif a.kind is Kind.BASE and e >= 1:
            whole = e.__floor__()
            expand.append((a.args[0], whole))
            plain[a] = e - whole
        else:
            plain[a] = e
    result: Form = {monomial_of(plain.items()): scale}
    for base, whole in expand:
        result = mul(result, natural_power(base.terms, whole))
    return result


def natural_power(form: Form, exponent: int) -> Form:
    """form ** exponent, multiplied out, for exponent >= 0."""
    if len(form) > 1 and exponent > MOST_POWER:
        raise OutOfBudget(f"a power of {exponent} of a sum of {len(form)} terms is too large to multiply out")
    result = ONE
    while exponent:
        if exponent & 1:
            result = mul(result, form)
        exponent >>= 1
        if exponent:
            if 2 * max(map(digits, form.values()), default=0) > MOST_DIGITS:
                raise OutOfBudget("a number with too many digits")
            form = mul(form, form)
    return result


def digits(value: Rational) -> int:
    """The length of a number, in bits."""
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def from_affine(form: Affine) -> Form:
    """A size or an index as a value."""
    total: Form = {}
    for names, c in form.terms:
        powers: dict[Atom, Rational] = {}
        for name in names:
            a = Atom(Kind.SYMBOL, name)
            powers[a] = powers.get(a, 0) + 1
        accumulate(total, {monomial_of(powers.items()): c})
    return total


def tensor(name: str, subscripts: tuple[Affine, ...]) -> Form:
    """An entry."""
    return atom(Kind.TENSOR, name, subscripts)
