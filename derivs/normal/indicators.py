"""Indicators: deltas and guards of integer forms, signs and ties of real ones, each oriented in one way only."""

from __future__ import annotations

from fractions import Fraction
from math import gcd

from derivs.affine import Affine
from derivs.normal.atoms import Atom, Form, Frozen, Kind
from derivs.normal.content import first_monomial, split, whole
from derivs.normal.context import Context
from derivs.normal.division import reduced
from derivs.normal.lifting import lift
from derivs.normal.ring import ONE, ZERO, accumulate, add, atom, constant, mul, scaled
from derivs.normal.signs import sign_of, sign_of_atom, sign_of_term, to_affine


def delta(form: Affine) -> Form:
    """[form = 0] for an integer form."""
    _, primitive = form.primitive()
    if form.is_constant:
        return ZERO if form.constant else ONE
    g = gcd(*(c for monomial, c in form.terms if monomial))
    if form.constant % g:
        return ZERO                                         # [2k - 1 = 0]
    if primitive.terms[-1][1] < 0:
        primitive = -primitive
    return atom(Kind.DELTA, primitive)


def guard(form: Affine) -> Form:
    """[form >= 0] for an integer form, tightened: [2k - 3 >= 0] = [k - 2 >= 0]."""
    if form.is_constant:
        return ONE if form.constant >= 0 else ZERO
    g = gcd(*(c for monomial, c in form.terms if monomial))
    if g > 1:
        form = Affine(tuple((m, c // g) for m, c in form.terms if c // g))
    return atom(Kind.GUARD, form)


def positive(context: Context, form: Form) -> Form:
    """[form > 0]."""
    return lift(form, lambda u: _positive(context, reduced(u)))


def _positive(context: Context, form: Form) -> Form:
    sign, strict = sign_of(context, form)
    if not form or sign < 0:
        return ZERO
    if sign > 0 and strict:
        return ONE
    up, factors_, rest = _signed_factors(context, form)
    result = _threshold(context, rest, up)
    for a in factors_:                       # [a u > 0] = [a > 0][u > 0] + [-a > 0][-u > 0]
        u: Form = {((a, 1),): 1}
        above, tie = _threshold(context, u, True), _tie(context, u)
        below = add(add(ONE, above, -1), tie, -1)
        other = add(add(ONE, result, -1), zero_where(context, rest), -1)
        result = add(mul(above, result), mul(below, other))
        rest = mul(rest, u)
    return result


def _signed_factors(context: Context, form: Form) -> tuple[bool, list[Atom], Form]:
    """(orientation, factors of unknown sign that stand in every term, the rest): the sign of form is their product."""
    content, powers, rest = split(form)
    unknown = []
    for a, e in sorted(powers.items(), key=lambda power: power[0].id):
        sign, strict = sign_of_atom(context, a)
        whole = Fraction(e).denominator == 1
        if (sign > 0 and strict) or (not whole and e < 0):
            continue
        if whole and e % 2 and sign < 0 and strict:
            content = -content
            continue
        unknown += [a] if whole and e % 2 else [a, a]
    rest = _logs_of_exponentials(rest)
    return content > 0, unknown, rest


def _logs_of_exponentials(form: Form) -> Form:
    """The sign of e^a - e^b is that of a - b."""
    if len(form) != 2:
        return form
    (m1, c1), (m2, c2) = form.items()
    if c1 != -c2 or abs(c1) != 1 or not all(a.kind is Kind.EXP for m in (m1, m2) for a, _ in m):
        return form
    difference: Form = {}
    for monomial, sign in ((m1, c1), (m2, c2)):
        for a, e in monomial:
            accumulate(difference, {a.args[0]: e}, sign)
    return difference


def _threshold(context: Context, form: Form, up: bool) -> Form:
    """[form > 0] if up, else [-form > 0], by one orientation of form only."""
    if form == ONE:
        return ONE if up else ZERO
    sign, strict = sign_of(context, form)
    if sign and strict:
        return ONE if (sign > 0) == up else ZERO
    integer = linear(form)
    if integer is not None:
        return guard((integer if up else -integer) - 1)
    c = form[first_monomial(form)]
    monic = scaled(form, Fraction(1) / c)
    monic = {m: whole(v) for m, v in monic.items()}
    above = atom(Kind.POSITIVE, Frozen(monic))
    if (c > 0) == up:
        return ZERO if sign and (sign > 0) != up else above
    return add(add(ONE, above, -1), _tie(context, form), -1)


def zero_where(context: Context, form: Form) -> Form:
    """[form = 0]."""
    return lift(form, lambda u: _zero_where(context, reduced(u)))


def _zero_where(context: Context, form: Form) -> Form:
    if not form:
        return ONE
    _, strict = sign_of(context, form)
    if strict:
        return ZERO
    _, powers, rest = split(form)
    if len(rest) > 1 and all(sign_of_term(context, monomial, c)[0] > 0 for monomial, c in rest.items()):
        # A sum of terms that are never negative is zero where every one is.
        result = ONE
        for monomial, c in form.items():
            result = mul(result, _zero_where(context, {monomial: c}))
        return result
    unequal = add(ONE, _tie(context, _logs_of_exponentials(rest)), -1)
    for a, e in powers.items():              # [a b = 0] = 1 - (1-[a = 0])(1-[b = 0])
        _, strict = sign_of_atom(context, a)
        if not strict and e > 0:
            unequal = mul(unequal, add(ONE, _tie(context, {((a, 1),): 1}), -1))
    return add(ONE, unequal, -1)


def linear(form: Form) -> Affine | None:
    """The form as an integer form, if it is one without products of names; comparing those is a matter of ranges."""
    found = to_affine(form)
    return found if found is not None and all(len(names) < 2 for names, _ in found.terms) else None


def _tie(context: Context, form: Form) -> Form:
    if form == ONE:
        return ZERO
    if not form:
        return ONE
    if sign_of(context, form)[1]:
        return ZERO
    integer = linear(form)
    if integer is not None:
        return delta(integer)
    c = form[first_monomial(form)]
    return atom(Kind.TIE, Frozen({m: whole(v / Fraction(c)) for m, v in form.items()}))


def absolute(context: Context, form: Form) -> Form:
    """|form| = form (2[form > 0] - 1)."""
    sign, _ = sign_of(context, form)
    if sign:
        return scaled(form, sign)
    return mul(form, add(scaled(positive(context, form), 2), constant(-1)))
