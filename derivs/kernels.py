"""Exact scalars: a rational while it is one, else a ball around the number with its residues in two prime fields.

The ball picks branches and certifies differences; the residues decide ties and identities, which no ball can. They are
a ring homomorphism Z[sqrt, exp, ...] -> F_p, chosen so that everything the calculus does is respected:

    p = 2 q + 1, both prime    exp(v) := g^(v mod q), so exp(a + b) = exp(a) exp(b), and exp(a) = 1 only where q | a
    p = 7 mod 8                each square has one root that is a square: sqrt(a) sqrt(b) = sqrt(a b)
    2, 3, ..., 31 squares      for both primes: the root chosen for 4 is 2, not -2

A value carries both residues, mod p as a number and mod q as an exponent; None where one is not known (log, erf, sin,
the exponential of an exponential, a root of a non-residue). A non-zero number of degree d has residue 0 by chance d/q.
Every precision has primes of its own, so what has no root in one field gets a second chance when the balls are refined.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final, NamedTuple

from flint import arb, ctx, fmpq, fmpz, nmod

from derivs.errors import DerivsError, DivisionByZero, OutOfDomain


class Field(NamedTuple):
    """The primes p = 2 q + 1, and g, which generates the q squares mod p."""

    p: int
    q: int
    g: nmod


def _field(q: int) -> Field:
    p = 2 * q + 1
    return Field(p, q, nmod(1234567891011121314, p) ** 2)      # a square that is no small rational


FIRST_BITS: Final = 128
FIELDS: Final = {FIRST_BITS << k: _field(q) for k, q in enumerate((
    2305886264334413879, 2305857101131177439, 2305955580933685799, 2305926353020058159, 2305919599030841639))}
LAST_BITS: Final = max(FIELDS)
LONGEST: Final = 1 << 12                            # bits of a rational; a longer one goes on as a ball
NARROW: Final = arb(2) ** -32                       # residue 0 is believed only in a ball that is narrower than this

ZERO: Final = fmpq(0)
ONE: Final = fmpq(1)


class Imprecise(Exception):
    """The ball is too wide to decide. The caller evaluates again at a higher precision."""


class Undecided(DerivsError):
    """A comparison that neither the ball at the highest precision nor the residues decide."""


class Real:
    """A real number known by a ball, `mod_p` and `mod_q`: the residues, or None."""

    __slots__ = ("ball", "mod_p", "mod_q")

    def __init__(self, ball: arb, mod_p: nmod | None, mod_q: nmod | None) -> None:
        self.ball, self.mod_p, self.mod_q = ball, mod_p, mod_q

    def __add__(self, other: Any) -> Any:
        if type(other) is fmpq:
            if not other:
                return self
            try:                                    # the same as below, in fewer steps
                p, q = self.mod_p, self.mod_q
                return Real(self.ball + other, None if p is None else p + other, None if q is None else q + other)
            except ZeroDivisionError:               # a prime divides the denominator
                other = _beside(self, other)
        elif type(other) is not Real:
            return NotImplemented
        p, q, other_p, other_q = self.mod_p, self.mod_q, other.mod_p, other.mod_q
        return Real(self.ball + other.ball,
                    None if p is None or other_p is None else p + other_p,
                    None if q is None or other_q is None else q + other_q)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        if type(other) is fmpq:
            if not other:
                return ZERO
            try:
                p, q = self.mod_p, self.mod_q
                return Real(self.ball * other, None if p is None else p * other, None if q is None else q * other)
            except ZeroDivisionError:
                other = _beside(self, other)
        elif type(other) is not Real:
            return NotImplemented
        p, q, other_p, other_q = self.mod_p, self.mod_q, other.mod_p, other.mod_q
        return Real(self.ball * other.ball,
                    None if p is None or other_p is None else p * other_p,
                    None if q is None or other_q is None else q * other_q)

    __rmul__ = __mul__

    def __neg__(self) -> Real:
        p, q = self.mod_p, self.mod_q
        return Real(-self.ball, None if p is None else -p, None if q is None else -q)

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other


class Dual:
    """value + tangent * e with e^2 = 0. `level` tells the e of nested derivatives apart: the inner one is higher.

    A number without a tangent is not wrapped; a tangent that happens to be zero stays, so that a root at zero is seen.
    """

    __slots__ = ("level", "tangent", "value")

    def __init__(self, level: int, value: Any, tangent: Any) -> None:
        self.level, self.value, self.tangent = level, value, tangent

    def __add__(self, other: Any) -> Dual:
        if type(other) is Dual:
            if other.level == self.level:
                return Dual(self.level, self.value + other.value, self.tangent + other.tangent)
            if other.level > self.level:
                return Dual(other.level, self + other.value, other.tangent)
        return Dual(self.level, self.value + other, self.tangent)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Dual:
        if type(other) is Dual:
            if other.level == self.level:
                return Dual(self.level, self.value * other.value,
                            self.tangent * other.value + self.value * other.tangent)
            if other.level > self.level:
                return Dual(other.level, self * other.value, self * other.tangent)
        return Dual(self.level, self.value * other, self.tangent * other)

    __rmul__ = __mul__

    def __neg__(self) -> Dual:
        return Dual(self.level, -self.value, -self.tangent)

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other


Value = fmpq | Real


def rational(value: int | Fraction) -> fmpq:
    """The exact scalar."""
    return fmpq(value.numerator, value.denominator)


def field() -> Field:
    """The primes that belong to the precision of the moment."""
    return FIELDS.get(ctx.prec) or FIELDS[FIRST_BITS]


def real(value: Value) -> Real:
    """The same number, known by its ball and its residues."""
    if isinstance(value, Real):
        return value
    p, q, _ = field()
    return Real(arb(value), _residue(value, p), _residue(value, q))


def _beside(other: Real, value: fmpq) -> Real:
    """A rational as a ball, with the residues that `other` has."""
    p, q = other.mod_p, other.mod_q
    return Real(arb(value), None if p is None else _residue(value, p.modulus()),
                None if q is None else _residue(value, q.modulus()))


def _residue(value: fmpq, prime: int) -> nmod | None:
    try:
        return nmod(value, prime)
    except ZeroDivisionError:                       # the prime divides the denominator
        return None


def shortened(number: Any) -> Any:
    """The same number; a ball where a rational has become too long to be worth its exactness."""
    if type(number) is fmpq:
        return real(number) if number.height_bits() > LONGEST else number
    if type(number) is Dual:
        return Dual(number.level, shortened(number.value), shortened(number.tangent))
    return number


def value_of(number: Any) -> Any:
    """The number without its tangents."""
    while type(number) is Dual:
        number = number.value
    return number


def sign(number: Any) -> int:
    """-1, 0 or 1, certified. Raises Imprecise."""
    number = value_of(number)
    if type(number) is fmpq:
        numerator = number.p
        return (numerator > 0) - (numerator < 0)
    ball = number.ball
    if ball > 0:
        return 1
    if ball < 0:
        return -1
    if ball.is_zero() or (number.mod_p is not None and not int(number.mod_p) and ball.rad() < NARROW):
        return 0
    raise Imprecise


def less(left: Any, right: Any) -> int:
    """The sign of left - right."""
    left, right = value_of(left), value_of(right)
    return 0 if left is right else sign(left - right)


def exp(x: Any) -> Any:
    """e^x."""
    if type(x) is Dual:
        y = exp(x.value)
        return Dual(x.level, y, y * x.tangent)
    if type(x) is fmpq:
        if not x:
            return ONE
        ball, exponent = arb(x), _residue(x, field().q)
    else:
        ball, exponent = x.ball, x.mod_q
    return Real(_finite(ball.exp()), None if exponent is None else field().g ** int(exponent), None)


def log(x: Any) -> Any:
    """The natural logarithm. Raises OutOfDomain."""
    if type(x) is Dual:
        return Dual(x.level, log(x.value), reciprocal(x.value) * x.tangent)
    if sign(x) <= 0:
        raise OutOfDomain("the logarithm of a number that is not positive")
    return ZERO if x == ONE else Real(_finite(real(x).ball.log()), None, None)


def erf(x: Any) -> Any:
    """2 / sqrt(pi) * integral of e^(-t^2) from 0 to x."""
    if type(x) is Dual:
        slope = fmpq(2) * root(pi(), fmpq(-1, 2)) * exp(-(x.value * x.value))
        return Dual(x.level, erf(x.value), slope * x.tangent)
    return ZERO if x == ZERO else Real(_finite(real(x).ball.erf()), None, None)


def sin(x: Any) -> Any:
    """The sine."""
    if type(x) is Dual:
        return Dual(x.level, sin(x.value), cos(x.value) * x.tangent)
    return ZERO if x == ZERO else Real(_finite(real(x).ball.sin()), None, None)


def cos(x: Any) -> Any:
    """The cosine."""
    if type(x) is Dual:
        return Dual(x.level, cos(x.value), -(sin(x.value) * x.tangent))
    return ONE if x == ZERO else Real(_finite(real(x).ball.cos()), None, None)


def polynomial(coefficients: tuple[fmpq, ...], x: Any) -> Any:
    """The polynomial with these coefficients of 1, x, x^2, ..."""
    if type(x) is Dual:
        slope = tuple(c * k for k, c in enumerate(coefficients))[1:]
        return Dual(x.level, polynomial(coefficients, x.value), polynomial(slope, x.value) * x.tangent)
    if type(x) is fmpq and x.height_bits() * len(coefficients) > LONGEST:
        x = real(x)
    total: Any = ZERO
    for c in reversed(coefficients):
        total = total * x + c
    return total


def pi() -> Real:
    """The circle's number."""
    return Real(arb.pi(), None, None)


def reciprocal(x: Any) -> Any:
    """1 / x. Raises OutOfDomain."""
    if type(x) is Dual:
        y = reciprocal(x.value)
        return Dual(x.level, y, -(y * y * x.tangent))
    if type(x) is fmpq:
        if not x:
            raise DivisionByZero("a division by zero")
        return ONE / x
    if not sign(x):
        raise DivisionByZero("a division by zero")
    return Real(_finite(1 / x.ball), _inverse(x.mod_p), _inverse(x.mod_q))


def whole(x: Any, n: int) -> Any:
    """x ** n for an integer n, with x ** 0 = 1. Raises OutOfDomain."""
    if n < 0:
        return reciprocal(whole(x, -n))
    if n == 0:
        return ONE
    if n == 1:
        return x
    if type(x) is Dual:
        return Dual(x.level, whole(x.value, n), fmpq(n) * whole(x.value, n - 1) * x.tangent)
    if type(x) is fmpq:
        if x.height_bits() * n <= LONGEST:
            return x ** n
        x = real(x)
    return Real(_finite(x.ball ** n),
                None if x.mod_p is None else x.mod_p ** n,
                None if x.mod_q is None else x.mod_q ** n)


def root(x: Any, exponent: fmpq) -> Any:
    """x ** exponent for a rational exponent, undefined for x < 0 unless it is an integer. Raises OutOfDomain."""
    if exponent.q == 1:
        return whole(x, int(exponent.p))
    side = sign(x)
    if side < 0:
        raise OutOfDomain("a root of a negative number")
    if type(x) is Dual:
        if side:
            y = root(x.value, exponent)
            return Dual(x.level, y, exponent * y * reciprocal(x.value) * x.tangent)
        if exponent < 1:
            raise OutOfDomain("the derivative of a root at zero")
        return Dual(x.level, ZERO, ZERO * x.tangent)
    if side == 0:
        if exponent < 0:
            raise DivisionByZero("a division by zero")
        return ZERO
    if type(x) is fmpq:
        exact = _exact_root(x, int(exponent.q))
        if exact is not None:
            return whole(exact, int(exponent.p))
        x = real(x)
    return Real(_finite(x.ball ** arb(exponent)), _root_mod(x.mod_p, exponent), _root_mod(x.mod_q, exponent))


def power(x: Any, exponent: Any) -> Any:
    """x ** exponent for any exponent and a positive base. Raises OutOfDomain."""
    if sign(x) <= 0:
        raise OutOfDomain("a power of a base that is not positive, with an exponent that is not a rational constant")
    if type(exponent) is fmpq:
        return root(x, exponent)
    if x is ONE:
        return ONE
    if type(x) is Dual or type(exponent) is Dual:
        return exp(exponent * log(x))
    x, exponent = real(x), real(exponent)
    known = exponent.mod_q is not None and x.mod_p is not None and _is_square(x.mod_p)
    return Real(_finite((exponent.ball * x.ball.log()).exp()),
                x.mod_p ** int(exponent.mod_q) if known else None, None)


def tangent_at(level: int, number: Any) -> Any:
    """The coefficient of the e of that level, the highest that occurs."""
    return number.tangent if type(number) is Dual and number.level == level else ZERO


def without(level: int, number: Any) -> Any:
    """The number where the e of that level, the highest that occurs, is zero."""
    return number.value if type(number) is Dual and number.level == level else number


def top_level(numbers: list[Any]) -> int:
    """The highest level among them, 0 if none has a tangent."""
    return max((number.level for number in numbers if type(number) is Dual), default=0)


def differ(left: Value, right: Value) -> bool:
    """Whether they are certainly two different numbers."""
    if isinstance(left, fmpq) and isinstance(right, fmpq):
        return bool(left != right)
    with ctx.workprec(LAST_BITS):
        return not _ball(left).overlaps(_ball(right))


def identical(left: Value, right: Value) -> bool:
    """Whether they are the same number, with an error chance below 2^-40. Not `not differ`: both may be unknown."""
    if isinstance(left, fmpq) and isinstance(right, fmpq):
        return bool(left == right)
    with ctx.workprec(LAST_BITS):
        try:
            return less(left, right) == 0
        except (Imprecise, ValueError):             # ValueError: they were computed at different precisions
            return False


def close(left: Value, right: Value) -> bool:
    """Whether both are known to 60 bits after the binary point, or of their size, and no difference is seen."""
    with ctx.workprec(LAST_BITS):
        a, b = _ball(left), _ball(right)
        return bool(abs(a - b).upper() < (1 + a.abs_lower()) * arb(2) ** -60)


def exact(value: Value) -> Fraction | None:
    """The rational, where the value is one; None where it is known by its ball."""
    return Fraction(int(value.p), int(value.q)) if isinstance(value, fmpq) else None


def to_float(value: Value) -> float:
    """The nearest float, or almost."""
    return float(value.ball.mid()) if isinstance(value, Real) else int(value.p) / int(value.q)


def texts(left: Value, right: Value) -> tuple[str, str]:
    """Both values as people read them, with enough digits to be told apart."""
    for digits in (6, 12, 24, 48):
        shown = text(left, digits), text(right, digits)
        if shown[0] != shown[1]:
            return shown
    return shown


def text(value: Value, digits: int = 6) -> str:
    """A short rational as it is, anything else as a decimal with certain digits."""
    if isinstance(value, fmpq):
        exact = str(value)
        if len(exact) <= max(12, digits):
            return exact
    elif identical(value, ZERO):
        return "0"
    with ctx.workprec(LAST_BITS):
        return str(_ball(value).str(digits, radius=False))


def _ball(value: Value) -> arb:
    return value.ball if isinstance(value, Real) else arb(value)


def _finite(ball: arb) -> arb:
    if not ball.is_finite():
        raise Imprecise
    return ball


def _inverse(residue: nmod | None) -> nmod | None:
    return None if residue is None or not int(residue) else 1 / residue


def _is_square(residue: nmod) -> bool:
    return int(residue ** ((residue.modulus() - 1) // 2)) == 1


def _root_mod(residue: nmod | None, exponent: fmpq) -> nmod | None:
    """The power of a square that is a square: its group has (p - 1) / 2 elements, an odd number."""
    if residue is None or not _is_square(residue):
        return None
    order = (residue.modulus() - 1) // 2
    try:
        return residue ** (int(exponent.p) * pow(int(exponent.q), -1, order) % order)
    except ValueError:                              # the denominator has a factor in common with the order
        return None


def _exact_root(x: fmpq, degree: int) -> fmpq | None:
    """The positive rational y with y^degree = x > 0, if there is one."""
    top, bottom = _integer_root(x.p, degree), _integer_root(x.q, degree)
    return None if top is None or bottom is None else fmpq(top, bottom)


def _integer_root(n: fmpz, degree: int) -> fmpz | None:
    if degree > n.bit_length():
        return n if n == 1 else None
    found = n.root(degree)
    return found if found ** degree == n else None
