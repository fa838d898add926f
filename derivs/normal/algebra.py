"""Functions of forms: powers, exp, log and indicators, each in one canonical way.

Functions of a form that holds a 0/1 atom I are lifted: f(u) = I f(u at I=1) + (1-I) f(u at I=0). Max, min, abs, cases
and deltas inside exp and roots need nothing else. In a lifted cell that cannot occur, 1/0 and log 0 count as 0: the
factor in front of the cell is 0 there (`cases(x != 0: 1/x, else 0)` must not fail because of its dead cell).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import gcd, lcm

from derivs.affine import Affine
from derivs.errors import OutOfBudget, OutOfDomain
from derivs.normal.atoms import INDICATORS, UNIT, Atom, Form, Frozen, Kind, Monomial, Rational, monomial_of, order
from derivs.normal.context import Context
from derivs.normal.division import reduced
from derivs.normal.ring import ONE, ZERO, accumulate, add, atom, constant, mul, natural_power, product_of, scaled
from derivs.normal.signs import sign_of, sign_of_atom, to_affine

MOST_DIGITS = 4_000           # of one coefficient, in bits
MOST_FACTOR = 10_000          # trial division for roots and logarithms of numbers


# ---- lifting over cases

def lift(form: Form, function: Callable[[Form], Form]) -> Form:
    """function(form), case by case over the 0/1 atoms at the top of the form."""
    found = next((a for a in sorted(_indicators(form), key=lambda a: (a.kind, a.id))), None)
    if found is None:
        return function(form)
    cells: list[tuple[dict[Atom, int], Form]]
    if found.kind in (Kind.POSITIVE, Kind.TIE):
        above, tie = Atom(Kind.POSITIVE, *found.args), Atom(Kind.TIE, *found.args)
        cells = [({above: 1, tie: 0}, {((above, 1),): 1}),
                 ({above: 0, tie: 1}, {((tie, 1),): 1}),
                 ({above: 0, tie: 0}, {UNIT: 1, ((above, 1),): -1, ((tie, 1),): -1})]
    else:
        cells = [({found: 1}, {((found, 1),): 1}), ({found: 0}, {UNIT: 1, ((found, 1),): -1})]
    total: Form = {}
    for values, indicator in cells:
        cell = assign(form, values)
        accumulate(total, mul(indicator, lift(cell, lambda u: _dead_or(function, u))))
    return total


def _dead_or(function: Callable[[Form], Form], form: Form) -> Form:
    try:
        return function(form)
    except OutOfDomain:
        return ZERO


def _indicators(form: Form) -> set[Atom]:
    return {a for monomial in form for a, _ in monomial if a.kind in INDICATORS}


def assign(form: Form, values: dict[Atom, int]) -> Form:
    """The form where the 0/1 atoms have these values."""
    total: Form = {}
    for monomial, c in form.items():
        if all(values.get(a, 1) for a, _ in monomial):
            accumulate(total, {tuple((a, e) for a, e in monomial if a not in values): c})
    return total


# ---- powers

def power(context: Context, form: Form, exponent: Rational) -> Form:
    """form ** exponent over the reals.

    Raises OutOfDomain for 0 to a negative power and for a root of a negative number.
    """
    exponent = int(exponent) if Fraction(exponent).denominator == 1 else Fraction(exponent)
    if isinstance(exponent, int) and exponent >= 0:
        return natural_power(form, exponent)
    return lift(form, lambda u: _power(context, reduced(u), exponent))


def _power(context: Context, form: Form, exponent: Rational) -> Form:
    if not form:
        if exponent > 0:
            return ZERO
        raise OutOfDomain("division by zero")
    context.budget.spend()
    content, powers, rest = split(context, form, keep_sign=isinstance(exponent, Fraction))
    if rest == ONE and isinstance(exponent, int):
        return product_of_powers(context, content, powers, exponent)
    if isinstance(exponent, int):
        return mul(product_of_powers(context, content, powers, exponent),
                   {((Atom(Kind.BASE, Frozen(rest)), exponent),): 1})
    # A root: only factors that are known not to be negative may leave it; an even power leaves as an absolute value.
    outside: Form = ONE
    inside = rest
    for a, e in powers.items():
        sign, _ = sign_of_atom(context, a)
        if sign > 0 or Fraction(e).denominator > 1:
            outside = mul(outside, product_of({a: e * exponent}))
        elif e % 2 == 0:
            magnitude = absolute(context, {((a, 1),): 1})
            if magnitude == {((a, 1),): 1}:
                outside = mul(outside, product_of({a: e * exponent}))
            elif Fraction(e * exponent).denominator == 1:
                outside = mul(outside, lift(magnitude, lambda u, k=int(e * exponent): power(context, u, k)))  # type: ignore[misc]
            else:
                outside = mul(outside, lift(magnitude, lambda u, k=e * exponent: _root(context, u, k)))  # type: ignore[misc]
        else:
            inside = mul(inside, {((a, e),): 1})
    return mul(mul(root_of_number(content, exponent), outside), _root(context, inside, exponent))


def _root(context: Context, form: Form, exponent: Rational) -> Form:
    """A fractional power of what cannot be taken apart."""
    if form == ONE:
        return ONE
    if not form:
        if exponent > 0:
            return ZERO
        raise OutOfDomain("division by zero")
    if sign_of(context, form) == (-1, True):
        raise OutOfDomain("the root of a negative number")
    if len(form) == 1:
        (monomial, c), = form.items()
        if c == 1 and len(monomial) == 1 and monomial[0][1] == 1 and sign_of_atom(context, monomial[0][0])[0] > 0:
            return {((monomial[0][0], exponent),): 1}
    return product_of({Atom(Kind.BASE, Frozen(form)): exponent})


def split(context: Context, form: Form, *, keep_sign: bool = False) -> tuple[Fraction, dict[Atom, Rational], Form]:
    """form = content * product of powers * rest; rest has integer coefficients without a common factor, and its first
    monomial is positive. With keep_sign (a root is to be taken) content > 0, and the sign stays in the rest."""
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
    if not keep_sign and rest[first_monomial(rest)] < 0:
        content, rest = -content, scaled(rest, -1)
    return content, powers, {m: _whole(c) for m, c in rest.items()}


def _whole(c: Rational) -> Rational:
    return c.numerator if isinstance(c, Fraction) and c.denominator == 1 else c


def first_monomial(form: Form) -> Monomial:
    """The monomial that decides orientation: the least that is not constant (x - 1 and x + 1 get the same sign)."""
    return min((m for m in form if m), key=order, default=UNIT)


def product_of_powers(context: Context, content: Fraction, powers: dict[Atom, Rational], exponent: int) -> Form:
    """(content * product of powers) ** exponent, for a whole exponent."""
    if exponent < 0 and any(a.kind in INDICATORS for a in powers):
        raise AssertionError("an indicator under a fraction bar is lifted first")
    if max(content.numerator.bit_length(), content.denominator.bit_length()) * abs(exponent) > MOST_DIGITS:
        raise OutOfBudget("a number with too many digits")
    return scaled(product_of({a: e * exponent for a, e in powers.items()}), _whole(content ** exponent))


def root_of_number(value: Fraction, exponent: Rational) -> Form:
    """value ** exponent for value > 0: primes with exponents in (0, 1)."""
    result: Form = ONE
    for prime, e in factors(value).items():
        result = mul(result, product_of({Atom(Kind.RADICAL, prime): e * exponent}))
    return result


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


def absolute(context: Context, form: Form) -> Form:
    """|form| = form (2[form > 0] - 1)."""
    sign, _ = sign_of(context, form)
    if sign:
        return scaled(form, sign)
    return mul(form, add(scaled(positive(context, form), 2), constant(-1)))


# ---- exp, log and other functions

def exponential(context: Context, form: Form) -> Form:
    """e^form as one exponential a term: e^(a+b) = e^a e^b, so exponentials split over sums by themselves."""
    return lift(form, lambda u: _exponential(context, reduced(u)))


def _exponential(context: Context, form: Form) -> Form:
    result: Form = ONE
    powers: dict[Atom, Rational] = {}
    for monomial, c in form.items():
        if len(monomial) == 1 and monomial[0][1] == 1 and monomial[0][0].kind is Kind.APPLY \
                and monomial[0][0].args[0] == "log":
            result = mul(result, power(context, monomial[0][0].args[1][0].terms, c))
        else:
            powers[Atom(Kind.EXP, monomial)] = _whole(c)
    return mul(result, {monomial_of(powers.items()): 1})


def logarithm(context: Context, form: Form) -> Form:
    """log form: of a product of positive factors, the sum of the logarithms."""
    return lift(form, lambda u: _logarithm(context, reduced(u)))


def _logarithm(context: Context, form: Form) -> Form:
    if not form or sign_of(context, form) == (-1, True):
        raise OutOfDomain("the logarithm of what is not positive")
    content, powers, rest = split(context, form, keep_sign=True)
    total: Form = {}
    for prime, times in factors(content).items():
        accumulate(total, _plain("log", constant(prime)), times)
    for a, e in powers.items():
        if a.kind is Kind.EXP:
            accumulate(total, {a.args[0]: 1}, e)
        elif a.kind is Kind.RADICAL:
            accumulate(total, _plain("log", constant(a.args[0])), e)
        elif sign_of_atom(context, a)[0] > 0 or Fraction(e).denominator > 1:
            inner = a.args[0].terms if a.kind is Kind.BASE else {((a, 1),): 1}
            accumulate(total, _plain("log", inner), e)
        else:
            rest = mul(rest, {((a, e),): 1})
    if rest != ONE:
        accumulate(total, _plain("log", rest))
    return total


def _plain(function: str, *arguments: Form) -> Form:
    return atom(Kind.APPLY, function, tuple(Frozen(form) for form in arguments))


def apply(context: Context, function: str, arguments: tuple[Form, ...]) -> Form:
    """A primitive function of `derivs.rules.functions`."""
    match function:
        case "exp":
            return exponential(context, arguments[0])
        case "log":
            return logarithm(context, arguments[0])
        case "erf":
            return lift(arguments[0], lambda u: _odd(function, reduced(u)))
        case _ if not arguments:
            return _plain(function)
        case _:
            return lift(arguments[0], lambda u: _plain(function, u, *arguments[1:]))


def _odd(function: str, form: Form) -> Form:
    """f(-u) = -f(u), f(0) = 0."""
    if not form:
        return ZERO
    if form[first_monomial(form)] < 0:
        return scaled(_plain(function, scaled(form, -1)), -1)
    return _plain(function, form)


# ---- indicators

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
    content, powers, rest = split(context, form)
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
    monic = {m: _whole(v) for m, v in monic.items()}
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
    _, powers, rest = split(context, form)
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
    return atom(Kind.TIE, Frozen({m: _whole(v / Fraction(c)) for m, v in form.items()}))
