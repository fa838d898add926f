"""The functions a formula may apply, one row each: what they mean, their derivative, and their value at a kink.

`meaning` says a function in the words that the normal form and exact evaluation know: arithmetic, exp, log, erf, sin,
cos, powers, indicators, and opaque functions. A row without a meaning is one of these words itself. `partials` are the
derivatives by each argument where the function is smooth, zero on the kink; `kink` is the expression whose zeros are
the kinks, and the partials that hold there by convention. Conventions are JAX's, measured with 0.10.2; a test holds
them, and an exercise may declare others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from derivs.errors import IllFormed, nearest
from derivs.expr import (
    ONE,
    ZERO,
    Apply,
    Cases,
    Compare,
    Expr,
    Indicator,
    Largest,
    Number,
    Tree,
    add,
    divide,
    mul,
    negate,
    number,
    power,
    subtract,
    walk,
)
from derivs.rules.opaque import MARK, derivative, is_opaque

HALF = Number(Fraction(1, 2))


@dataclass(frozen=True, slots=True)
class Function:
    """One row: see the module."""

    name: str
    arity: int
    latex: str
    partials: Callable[..., tuple[Expr, ...]]
    meaning: Callable[..., Expr] | None = None
    kink: Callable[..., tuple[Expr, tuple[Expr, ...]]] | None = None


def apply(name: str, *arguments: Expr) -> Expr:
    """A function of the table, applied."""
    return Apply(name, arguments)


def positive(u: Expr) -> Expr:
    """1[u > 0]."""
    return Indicator(Compare("<", ZERO, u))


def negative(u: Expr) -> Expr:
    """1[u < 0]."""
    return Indicator(Compare("<", u, ZERO))


def exp(u: Expr) -> Expr:
    """e^u."""
    return apply("exp", u)


def _sigmoid(u: Expr) -> Expr:
    return divide(ONE, add(ONE, exp(negate(u))))


def _where_less(a: Expr, b: Expr, value: Expr, otherwise: Expr) -> Expr:
    return Cases(((value, Compare("<", a, b)),), otherwise)


FUNCTIONS: dict[str, Function] = {row.name: row for row in (
    Function("exp", 1, r"\exp", lambda u: (exp(u),)),
    Function("log", 1, r"\log", lambda u: (power(u, -1),)),
    Function("erf", 1, r"\operatorname{erf}",
             lambda u: (mul(number(2), power(apply("pi"), Fraction(-1, 2)), exp(negate(power(u, 2)))),)),
    Function("sin", 1, r"\sin", lambda u: (apply("cos", u),)),
    Function("cos", 1, r"\cos", lambda u: (negate(apply("sin", u)),)),
    Function("pi", 0, r"\pi", lambda: ()),
    Function("sigmoid", 1, r"\sigma",
             lambda u: (mul(apply("sigmoid", u), subtract(ONE, apply("sigmoid", u))),), _sigmoid),
    Function("tanh", 1, r"\tanh",
             lambda u: (subtract(ONE, power(apply("tanh", u), 2)),),
             lambda u: subtract(ONE, divide(number(2), add(ONE, exp(mul(number(2), u)))))),
    Function("softplus", 1, r"\operatorname{softplus}",
             lambda u: (apply("sigmoid", u),),
             lambda u: apply("log", add(ONE, exp(u)))),
    Function("sinh", 1, r"\sinh", lambda u: (apply("cosh", u),),
             lambda u: mul(HALF, subtract(exp(u), exp(negate(u))))),
    Function("cosh", 1, r"\cosh", lambda u: (apply("sinh", u),),
             lambda u: mul(HALF, add(exp(u), exp(negate(u))))),
    Function("relu", 1, r"\operatorname{relu}",
             lambda u: (positive(u),),
             lambda u: _where_less(ZERO, u, u, ZERO),
             lambda u: (u, (ZERO,))),
    Function("leaky_relu", 2, r"\operatorname{lrelu}",
             lambda u, a: (add(positive(u), mul(a, negative(u))), mul(u, negative(u))),
             lambda u, a: _where_less(u, ZERO, mul(a, u), u),
             lambda u, a: (u, (ONE, ZERO))),
    Function("abs", 1, r"\operatorname{abs}",
             lambda u: (subtract(positive(u), negative(u)),),
             lambda u: _where_less(u, ZERO, negate(u), u),
             lambda u: (u, (ONE,))),
    Function("sign", 1, r"\operatorname{sign}",
             lambda u: (ZERO,),
             lambda u: subtract(positive(u), negative(u)),
             lambda u: (u, (ZERO,))),
    Function("max", 2, r"\max",
             lambda a, b: (Indicator(Compare("<", b, a)), Indicator(Compare("<", a, b))),
             lambda a, b: _where_less(a, b, b, a),
             lambda a, b: (subtract(a, b), (HALF, HALF))),
    Function("min", 2, r"\min",
             lambda a, b: (Indicator(Compare("<", a, b)), Indicator(Compare("<", b, a))),
             lambda a, b: _where_less(a, b, a, b),
             lambda a, b: (subtract(a, b), (HALF, HALF))),
)}


def compares(tree: Tree) -> bool:
    """Whether something is compared in it, so that it may have a kink: a comparison, a largest value, a kinked row."""
    return any(isinstance(node, Compare | Largest)
               or (isinstance(node, Apply) and not is_opaque(node.function) and row(node.function).kink is not None)
               for node in walk(tree))


def row(name: str) -> Function:
    """The row of a function, of an opaque one too. Raises IllFormed for a name that nobody knows."""
    found = FUNCTIONS.get(name)
    if found is not None:
        return found
    if is_opaque(name):
        return _opaque(name)
    raise IllFormed(f"{name} is not a known function", mend=nearest(name, FUNCTIONS))


@lru_cache(maxsize=256)
def _opaque(name: str) -> Function:
    """Any smooth function of one number: all that is known is the name of its derivative."""
    letters = name.rstrip("'").removeprefix(MARK)
    latex = letters if len(letters) == 1 else "\\" + letters
    return Function(name, 1, latex + name[len(letters) + 1:], lambda u: (apply(derivative(name), u),))
