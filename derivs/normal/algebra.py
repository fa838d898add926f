"""Powers, exp, log and other functions of forms, each in one canonical way."""

from __future__ import annotations

from fractions import Fraction

from derivs.errors import OutOfBudget, OutOfDomain
from derivs.normal.atoms import INDICATORS, Atom, Form, Frozen, Kind, Rational, monomial_of
from derivs.normal.content import factors, first_monomial, split, whole
from derivs.normal.context import Context
from derivs.normal.division import reduced
from derivs.normal.indicators import absolute
from derivs.normal.lifting import lift
from derivs.normal.ring import (
    MOST_DIGITS,
    ONE,
    ZERO,
    accumulate,
    atom,
    constant,
    digits,
    mul,
    natural_power,
    product_of,
    scaled,
)
from derivs.normal.signs import sign_of, sign_of_atom


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
    content, powers, rest = split(form, keep_sign=isinstance(exponent, Fraction))
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


def product_of_powers(context: Context, content: Fraction, powers: dict[Atom, Rational], exponent: int) -> Form:
    """(content * product of powers) ** exponent, for a whole exponent."""
    if exponent < 0 and any(a.kind in INDICATORS for a in powers):
        raise AssertionError("an indicator under a fraction bar is lifted first")
    if digits(content) * abs(exponent) > MOST_DIGITS:
        raise OutOfBudget("a number with too many digits")
    return scaled(product_of({a: e * exponent for a, e in powers.items()}), whole(content ** exponent))


def root_of_number(value: Fraction, exponent: Rational) -> Form:
    """value ** exponent for value > 0: primes with exponents in (0, 1)."""
    result: Form = ONE
    for prime, e in factors(value).items():
        result = mul(result, product_of({Atom(Kind.RADICAL, prime): e * exponent}))
    return result


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
            powers[Atom(Kind.EXP, monomial)] = whole(c)
    return mul(result, {monomial_of(powers.items()): 1})


def logarithm(context: Context, form: Form) -> Form:
    """log form: of a product of positive factors, the sum of the logarithms."""
    return lift(form, lambda u: _logarithm(context, reduced(u)))


def _logarithm(context: Context, form: Form) -> Form:
    if not form or sign_of(context, form) == (-1, True):
        raise OutOfDomain("the logarithm of what is not positive")
    content, powers, rest = split(form, keep_sign=True)
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
        case "erf" | "sin":
            return lift(arguments[0], lambda u: _odd(function, reduced(u)))
        case "cos":
            return lift(arguments[0], lambda u: _cosine(reduced(u)))
        case _ if not arguments:
            return _plain(function)
        case _:
            return lift(arguments[0], lambda u: _plain(function, reduced(u), *arguments[1:]))


def _odd(function: str, form: Form) -> Form:
    """f(-u) = -f(u), f(0) = 0."""
    if not form:
        return ZERO
    if form[first_monomial(form)] < 0:
        return scaled(_plain(function, scaled(form, -1)), -1)
    return _plain(function, form)


def _cosine(form: Form) -> Form:
    """cos(-u) = cos(u), cos(0) = 1."""
    if not form:
        return ONE
    return _plain("cos", scaled(form, -1) if form[first_monomial(form)] < 0 else form)
