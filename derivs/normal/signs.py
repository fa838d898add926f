"""What is known of the sign of a form, from declarations, ranges and the form itself."""

from __future__ import annotations

from fractions import Fraction

from flint import arb

from derivs.affine import Affine
from derivs.normal.atoms import Atom, Form, Kind, Monomial, Rational, labels
from derivs.normal.context import Context


def sign_of(context: Context, form: Form) -> tuple[int, bool]:
    """(s, strict): s*form >= 0 everywhere, and s*form > 0 if strict; (0, False) when the sign is not known."""
    if not form:
        return 0, False
    signs = [sign_of_term(context, monomial, c) for monomial, c in form.items()]
    first = signs[0][0]
    if first and all(s == first for s, _ in signs):
        return first, any(strict for _, strict in signs)
    closed = enclosure(form)
    if closed is not None:
        return (1, True) if closed > 0 else (-1, True) if closed < 0 else (0, False)
    # A form in sizes and indices alone, such as n - 1.
    if all(a.kind is Kind.SYMBOL and e.__floor__() == e > 0 for monomial in form for a, e in monomial):
        value = to_affine(form)
        if value is not None:
            for s, candidate in ((1, value), (-1, -value)):
                if context.implies(candidate):
                    return s, context.implies(candidate - 1)
    return 0, False


def enclosure(form: Form) -> arb | None:
    """A ball around the value of a form without names or entries, such as e + 1 - 2; None where it has some."""
    total = arb(0)
    for monomial, c in form.items():
        term = _ball(c)
        for a, e in monomial:
            inner: arb | None
            match a.kind:
                case Kind.RADICAL:
                    inner = arb(a.args[0])
                case Kind.BASE:
                    inner = enclosure(a.args[0].terms)
                case Kind.EXP:
                    exponent = enclosure({a.args[0]: 1})
                    inner = None if exponent is None else exponent.exp()
                case Kind.APPLY:
                    inner = _primitive(a.args[0], [enclosure(f.terms) for f in a.args[1]])
                case _:
                    return None
            if inner is None:
                return None
            term *= inner ** _ball(e)
        total += term
    return total


def _ball(value: Rational) -> arb:
    value = Fraction(value)
    return arb(value.numerator) / value.denominator


def _primitive(function: str, arguments: list[arb | None]) -> arb | None:
    match function, arguments:
        case "pi", []:
            return arb.pi()
        case "log", [arb() as argument]:
            return argument.log()
        case "erf", [arb() as argument]:
            return argument.erf()
        case "sin", [arb() as argument]:
            return argument.sin()
        case "cos", [arb() as argument]:
            return argument.cos()
        case _:
            return None


def to_affine(form: Form) -> Affine | None:
    """The form as an integer form, if it is one."""
    terms = []
    for monomial, c in form.items():
        if Fraction(c).denominator != 1:
            return None
        names: list[str] = []
        for a, e in monomial:
            if a.kind is not Kind.SYMBOL or e < 0 or Fraction(e).denominator != 1:
                return None
            names += [a.args[0]] * int(e)
        terms.append((tuple(sorted(names)), int(c)))
    return Affine(tuple(sorted(terms)))


def sign_of_term(context: Context, monomial: Monomial, c: Rational = 1) -> tuple[int, bool]:
    """The same for one term."""
    sign, strict = (1 if c > 0 else -1), True
    for a, e in monomial:
        if Fraction(e).denominator == 1 and e % 2 == 0:
            s, positive = sign_of_atom(context, a)
            s, positive = 1, positive or e < 0
        else:
            s, positive = sign_of_atom(context, a)
            if Fraction(e).denominator > 1:           # the root is defined, so its radicand is >= 0
                s, positive = 1, (positive and s > 0) or e < 0
        sign, strict = sign * s, strict and positive
        if not sign:
            return 0, False
    return sign, strict


def sign_of_atom(context: Context, a: Atom) -> tuple[int, bool]:
    """The same for one atom."""
    match a.kind:
        case Kind.SYMBOL:
            name = Affine((((a.args[0],), 1),))
            return (1, context.implies(name - 1)) if context.implies(name) else (0, False)
        case Kind.RADICAL | Kind.EXP:
            return 1, True
        case Kind.TENSOR:
            tensor = context.tensors[a.args[0]]
            inside = all(context.implies(end) for axis, form in enumerate(a.args[1])
                         for end in context.home(tensor.name, axis, form))
            return (1, tensor.is_positive and inside) if tensor.is_nonnegative else (0, False)
        case Kind.BASE:
            return sign_of(context, a.args[0].terms)
        case Kind.SUM:
            sign, strict = sign_of_term(context.assume(guards_of(context, a.args[1])), a.args[1])
            return sign, strict and _surely_not_empty(context, a)
        case Kind.LARGEST:
            return sign_of(context.assume(a.args[2]), a.args[1].terms)
        case Kind.APPLY if a.args[0] == "pi":
            return 1, True
        case Kind.APPLY if a.args[0] == "erf":
            return sign_of(context, a.args[1][0].terms)
        case Kind.GUARD:
            return 1, context.implies(a.args[0])
        case Kind.DELTA | Kind.POSITIVE | Kind.TIE:
            return 1, False
        case _:
            return 0, False


def guards_of(context: Context, monomial: Monomial) -> list[Affine]:
    """What is >= 0 wherever the monomial is not zero: its guards, and that its tensors are read in range."""
    found: list[Affine] = []
    for a, e in monomial:
        if a.kind is Kind.GUARD:
            found.append(a.args[0])
        elif a.kind is Kind.DELTA:
            found += (a.args[0], -a.args[0])
        elif a.kind is Kind.TENSOR and e > 0:
            for axis, form in enumerate(a.args[1]):
                found += context.home(a.args[0], axis, form)
    return found


def _surely_not_empty(context: Context, a: Atom) -> bool:
    """Whether the sum has a term: every bound name at its lower bound satisfies all the guards.

    A positive body is not enough: sum_{k=i+1}^m e^{x_k} is 0 at i = m.
    """
    left = guards_of(context, a.args[1])
    for name in labels(a.height, a.args[0]):
        lows = [form.solve(name) for form in left if form.coefficient(name) == 1]
        if not lows or lows[0] is None:
            return False
        low = lows[0]
        left = [form.substitute({name: low}) for form in left]
    return all(context.implies(form) for form in left)
