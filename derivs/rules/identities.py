"""Identities that people use in derivations, and the tempting false ones beside them, as rows.

The normal form does not look anything up here: it has to decide every row by itself, and a test makes it. The false
rows are what people write by mistake; each has the smallest point that breaks it. They are what a diagnosis looks for.

Vocabulary: a, b, x vectors over 1..n; Y a matrix n by n; c, d, u real scalars; p, q positive; i, j free in 1..n.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.expr import (
    ONE,
    ZERO,
    Compare,
    Delta,
    Entry,
    Expr,
    Indicator,
    Integer,
    Sum,
    add,
    divide,
    mul,
    negate,
    number,
    power,
    subtract,
)
from derivs.problem import Tensor
from derivs.rules.functions import apply, exp

SIZE = symbol("n")
VOCABULARY: dict[str, Tensor] = {t.name: t for t in (
    *(Tensor(name, (SIZE,)) for name in "abx"), Tensor("Y", (SIZE, SIZE)), *(Tensor(name) for name in "cdu"),
    *(Tensor(name, (), properties=frozenset({"positive"})) for name in "pq"))}


@dataclass(frozen=True, slots=True)
class Identity:
    """left = right at every point of the vocabulary where both sides are defined and `condition` holds."""

    name: str
    left: Expr
    right: Expr
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Fallacy:
    """left is not right; at the smallest point that shows it they are `true` and `false`, None if not rational.

    point: sizes and free indices, and entries; what is not named is 0.
    """

    name: str
    left: Expr
    right: Expr
    point: Mapping[str, int | Fraction | tuple[int, ...] | tuple[tuple[int, ...], ...]]
    true: Fraction | None
    false: Fraction | None


def _v(name: str, *at: str | Affine) -> Expr:
    return Entry(name, tuple(symbol(k) if isinstance(k, str) else k for k in at))


def _sum(index: str, body: Expr, low: Affine = FIRST, high: Affine = SIZE) -> Expr:
    return Sum(index, low, high, body)


_I, _J = symbol("i"), symbol("j")
_a, _b, _c, _d, _u, _p, _q = (_v("a", "k"), _v("b", "k"), _v("c"), _v("d"), _v("u"), _v("p"), _v("q"))
_n = Integer(SIZE)
_ij = Delta(_I, _J)
_sigmoid = apply("sigmoid", _u)
_root = Fraction(1, 2)


def _log(u: Expr) -> Expr:
    return apply("log", u)


def _softmax(i: str) -> Expr:
    return divide(exp(_v("x", i)), _sum("k", exp(_v("x", "k"))))


IDENTITIES: dict[str, Identity] = {row.name: row for row in (
    Identity("sift", _sum("k", mul(Delta(symbol("k"), _I), _a)), _v("a", "i"), "i lies in the range of k"),
    Identity("split", _sum("k", add(_a, _b)), add(_sum("k", _a), _sum("k", _b))),
    Identity("pull out", _sum("k", mul(_c, _a)), mul(_c, _sum("k", _a)), "k is not free in c"),
    Identity("rename", _sum("k", _a), _sum("l", _v("a", "l")), "l is not free in a_k"),
    Identity("exchange", _sum("k", _sum("l", _v("Y", "k", "l"))), _sum("l", _sum("k", _v("Y", "k", "l"))),
             "neither range depends on the other index"),
    Identity("count", _sum("k", ONE), _n),
    Identity("split off the first", _sum("k", _a), add(_v("a", FIRST), _sum("k", _a, FIRST + 1))),
    Identity("split off the last", _sum("k", _a), add(_sum("k", _a, FIRST, SIZE - 1), _v("a", SIZE))),
    Identity("shift", _sum("k", _a), _sum("k", _v("a", symbol("k") - 1), FIRST + 1, SIZE + 1)),
    Identity("reverse", _sum("k", mul(_a, _b)), _sum("k", mul(_v("a", SIZE - symbol("k") + 1),
                                                             _v("b", SIZE - symbol("k") + 1)))),
    Identity("product of sums", mul(_sum("k", _a), _sum("k", _b)), _sum("k", _sum("l", mul(_a, _v("b", "l"))))),
    Identity("delta squared", power(_ij, 2), _ij),
    Identity("delta renames", mul(_ij, _v("a", "i")), mul(_ij, _v("a", "j"))),
    Identity("exp of a sum", exp(add(_c, _d)), mul(exp(_c), exp(_d))),
    Identity("exp of a negative", exp(negate(_c)), divide(ONE, exp(_c))),
    Identity("log of a product", _log(mul(_p, _q)), add(_log(_p), _log(_q)), "p, q > 0"),
    Identity("log of a power", _log(power(_p, 3)), mul(number(3), _log(_p)), "p > 0"),
    Identity("exp of log", exp(_log(_p)), _p, "p > 0"),
    Identity("log of exp", _log(exp(_c)), _c),
    Identity("power of a power", power(power(_p, 3), _root), power(_p, Fraction(3, 2)), "p > 0"),
    Identity("root of a product", power(mul(_p, _q), _root), mul(power(_p, _root), power(_q, _root)), "p, q >= 0"),
    Identity("root of a square", power(power(_c, 2), _root), apply("abs", _c)),
    Identity("root squared", power(power(_p, _root), 2), _p, "p >= 0"),
    Identity("max and min", add(apply("max", _c, _d), apply("min", _c, _d)), add(_c, _d)),
    Identity("relu of both signs", subtract(apply("relu", _u), apply("relu", negate(_u))), _u),
    Identity("abs by relu", apply("abs", _u), add(apply("relu", _u), apply("relu", negate(_u)))),
    Identity("sign times abs", mul(apply("sign", _u), apply("abs", _u)), _u),
    Identity("sigmoid mirrored", apply("sigmoid", negate(_u)), subtract(ONE, _sigmoid)),
    Identity("sigmoid's slope", mul(_sigmoid, subtract(ONE, _sigmoid)),
             divide(exp(negate(_u)), power(add(ONE, exp(negate(_u))), 2))),
    Identity("tanh by sigmoid", apply("tanh", _u),
             subtract(mul(number(2), apply("sigmoid", mul(number(2), _u))), ONE)),
    Identity("hyperbolic", subtract(power(apply("cosh", _u), 2), power(apply("sinh", _u), 2)), ONE),
    Identity("softplus mirrored", subtract(apply("softplus", _u), apply("softplus", negate(_u))), _u),
    Identity("softmax sums to one", _sum("i'", _softmax("i'")), ONE),
    Identity("softmax ignores a shift", divide(exp(add(_v("x", "i"), _c)), _sum("k", exp(add(_v("x", "k"), _c)))),
             _softmax("i")),
    Identity("deviations sum to zero", _sum("k", subtract(_a, divide(_sum("l", _v("a", "l")), _n))), ZERO),
    Identity("variance", divide(_sum("k", power(subtract(_a, divide(_sum("l", _v("a", "l")), _n)), 2)), _n),
             subtract(divide(_sum("k", power(_a, 2)), _n), power(divide(_sum("k", _a), _n), 2))),
)}

_HALF = Fraction(1, 2)

FALLACIES: dict[str, Fallacy] = {row.name: row for row in (
    Fallacy("merged sums", mul(_sum("k", _a), _sum("k", _b)), _sum("k", mul(_a, _b)),
            {"n": 2, "a": (1, 0), "b": (0, 1)}, Fraction(1), Fraction(0)),
    Fallacy("square of a sum", power(_sum("k", _a), 2), _sum("k", power(_a, 2)),
            {"n": 2, "a": (1, 1)}, Fraction(4), Fraction(2)),
    Fallacy("lost sum", _sum("k", _a), _v("a", "i"), {"n": 2, "i": 1, "a": (0, 1)}, Fraction(1), Fraction(0)),
    Fallacy("sum of a constant", _sum("k", _c), _c, {"n": 2, "c": 1}, Fraction(2), Fraction(1)),
    Fallacy("diagonal only", _sum("k", _sum("l", _v("Y", "k", "l"))), _sum("k", _v("Y", "k", "k")),
            {"n": 2, "Y": ((0, 1), (0, 0))}, Fraction(1), Fraction(0)),
    Fallacy("one short", _sum("k", _a), _sum("k", _a, FIRST, SIZE - 1), {"n": 1, "a": (1,)}, Fraction(1), Fraction(0)),
    Fallacy("one degree of freedom", divide(_sum("k", _a), _n), divide(_sum("k", _a), Integer(SIZE - 1)),
            {"n": 3, "a": (6, 0, 0)}, Fraction(2), Fraction(3)),
    Fallacy("delta for one", _ij, ONE, {"n": 2, "i": 1, "j": 2}, Fraction(0), Fraction(1)),
    Fallacy("root of a square", power(power(_c, 2), _root), _c, {"n": 1, "c": -1}, Fraction(1), Fraction(-1)),
    Fallacy("root of a sum", power(add(_p, _q), _root), add(power(_p, _root), power(_q, _root)),
            {"n": 1, "p": Fraction(9, 16), "q": 1}, Fraction(5, 4), Fraction(7, 4)),
    Fallacy("reciprocal of a sum", divide(ONE, add(_p, _q)), add(divide(ONE, _p), divide(ONE, _q)),
            {"n": 1, "p": 1, "q": 1}, _HALF, Fraction(2)),
    Fallacy("lost square", divide(_c, power(_p, 2)), divide(_c, _p), {"n": 1, "c": 1, "p": 2}, Fraction(1, 4), _HALF),
    Fallacy("exp of a product", exp(mul(_c, _d)), mul(exp(_c), exp(_d)), {"n": 1, "c": -1, "d": 1}, None, None),
    Fallacy("log of a sum", _log(add(_p, _q)), add(_log(_p), _log(_q)), {"n": 1, "p": 1, "q": 1}, None, None),
    Fallacy("lost minus", exp(negate(_u)), exp(_u), {"n": 1, "u": 1}, None, None),
    Fallacy("tanh's slope for sigmoid's", mul(_sigmoid, subtract(ONE, _sigmoid)), subtract(ONE, power(_sigmoid, 2)),
            {"n": 1, "u": 0}, Fraction(1, 4), Fraction(3, 4)),
    Fallacy("weak for strict", apply("relu", _u), mul(_u, Indicator(Compare("<", ZERO, add(_u, ONE)))),
            {"n": 1, "u": -_HALF}, Fraction(0), -_HALF),
    Fallacy("transposed", mul(_v("Y", "i", "j"), _c), mul(_v("Y", "j", "i"), _c),
            {"n": 2, "i": 1, "j": 2, "c": 1, "Y": ((0, 1), (0, 0))}, Fraction(1), Fraction(0)),
    Fallacy("max for sum", apply("max", _c, _d), add(_c, _d), {"n": 1, "c": 1, "d": 1}, Fraction(1), Fraction(2)),
    Fallacy("mean of squares", divide(_sum("k", power(_a, 2)), _n), power(divide(_sum("k", _a), _n), 2),
            {"n": 2, "a": (1, -1)}, Fraction(1), Fraction(0)),
)}
