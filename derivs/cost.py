"""How long a formula is to a reader: every letter, sign and bracket counts, a sum sign as much as two letters.

The unit is a letter with its subscripts. Of two equal formulas a book prints the one that costs less.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from derivs.affine import ONE as FIRST
from derivs.affine import Affine
from derivs.expr import (
    Add,
    And,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Delta,
    Derivative,
    Entry,
    Expectation,
    Expr,
    Indicator,
    Integer,
    Largest,
    Mul,
    Not,
    Number,
    Or,
    Pow,
    Sum,
    Tree,
    children,
    mul,
)

SHIFT = 0.15                           # a subscript i + 1 in place of i
SIGN = 0.25                            # + or -
BRACKETS = 0.5                         # around a sum that is a factor
BAR = 0.25                             # a fraction
ROOT = 0.75
BINDER = 2.0                           # sum_j with its range


def _shift(form: Affine) -> float:
    """What a subscript costs that is not one letter: i - u a little more than i + u."""
    if form.bare is not None or form.is_constant:
        return 0.0
    return SHIFT + 0.01 * sum(c < 0 for monomial, c in form.terms if monomial)


def _unsigned(term: Expr) -> Expr:
    """The term without the minus sign that it is taken off with."""
    return mul(*term.factors[1:]) if isinstance(term, Mul) and term.factors[0] == Number(Fraction(-1)) else term


def cost(node: Tree, weights: Mapping[str, float] | None = None) -> float:
    """The length of an expression or a condition. weights: what an entry of some tensors counts, if not 1."""
    def inner(part: Tree) -> float:
        return cost(part, weights)

    match node:
        case Number(value):
            return 0.5 * (value.numerator not in (1, -1)) + 0.5 * (value.denominator != 1) + 0.3 * (abs(value) == 1)
        case Integer(form):
            return 0.8 * len(form.terms) + BRACKETS * (len(form.terms) > 1)
        case Entry(tensor, at):
            own = weights.get(tensor, 1.0) if weights else 1.0
            return own * (1 + sum(map(_shift, at)))
        case Add(terms):
            return sum(inner(_unsigned(term)) for term in terms) + SIGN * (len(terms) - 1)
        case Mul(factors):
            return sum(inner(f) + BRACKETS * isinstance(f, Add) for f in factors)
        case Pow(base, Number(value)):
            return inner(base) + BAR * (value < 0) + ROOT * (abs(value) != 1) + BRACKETS * isinstance(base, Add) * (
                value.denominator == 1)
        case Pow(base, exponent):
            return inner(base) + 0.7 * inner(exponent) + BRACKETS * isinstance(base, Add)
        case Apply(function, arguments):
            return (0.5 if function == "exp" else 1.0) + sum(map(inner, arguments))
        case Sum(_, low, high, body) | Largest(_, low, high, body):
            ends = 0.0 if low == FIRST else _shift(low) + _shift(high)
            return BINDER + ends + inner(body) + BRACKETS * isinstance(body, Add)
        case Delta(left, right):
            return 1.0 + _shift(left) + _shift(right)
        case Indicator(condition):
            return 0.5 + inner(condition)
        case Compare(_, left, right):
            return 0.3 + inner(left) + inner(right)
        case CompareIndex(_, left, right):
            return 0.3 + 0.5 * (len(left.terms) + len(right.terms))
        case Cases(branches, otherwise):
            return 2.0 + sum(inner(v) + inner(c) for v, c in branches) + (inner(otherwise) if otherwise else 0.0)
        case And() | Or() | Not() | Expectation() | Derivative():
            return 1.0 + sum(map(inner, children(node)))
