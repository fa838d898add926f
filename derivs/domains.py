"""Where a formula may have no value: what it divides by, takes roots and logarithms of, that is not surely positive."""

from __future__ import annotations

from collections.abc import Iterator

from derivs.expr import Add, Apply, Entry, Expr, Indicator, Integer, Largest, Mul, Number, Pow, Sum, Tree, walk
from derivs.problem import Claim, Problem


def may_narrow(problem: Problem, claim: Claim) -> bool:
    """Whether the right side may lack a value where the left side and the forward pass have one."""
    known = {_shape(part) for tree in (claim.left, *(d.value for d in problem.definitions)) for part in _asked(tree)}
    return any(_shape(part) not in known and not is_positive(problem, part) for part in _asked(claim.right))


def divisors(problem: Problem, claim: Claim) -> tuple[Expr, ...]:
    """What the right side divides by, and neither the left side nor the forward pass does."""
    known = {_shape(part) for tree in (claim.left, *(d.value for d in problem.definitions)) for part in _asked(tree)}
    found = (node.base for node in walk(claim.right) if isinstance(node, Pow) and isinstance(node.exponent, Number)
             and node.exponent.value < 0)
    return tuple(dict.fromkeys(base for base in found if _shape(base) not in known and not is_positive(problem, base)))


def _asked(tree: Tree) -> Iterator[Expr]:
    """The parts of a formula that must be positive, or not zero."""
    for node in walk(tree):
        match node:
            case Pow(base, Number(n)) if n < 0 or n.denominator > 1:
                yield base
            case Pow(base, exponent) if not isinstance(exponent, Number):
                yield base
            case Apply("log", (argument,)):
                yield argument


def _shape(expr: Expr) -> object:
    """Entries of one tensor count as the same: where the forward pass divides by x_j, a line may divide by x_i."""
    return expr.tensor if isinstance(expr, Entry) else expr


def is_positive(problem: Problem, expr: Expr) -> bool:
    """Whether a formula is surely positive wherever it has a value."""
    return _sign(problem, expr) == 2


def _sign(problem: Problem, expr: Expr) -> int:
    """2: surely positive, 1: surely not negative, 0: not known."""
    match expr:
        case Number(value):
            return 2 if value > 0 else 1 if value == 0 else 0
        case Integer(form):
            return 2 * ((form.is_constant and form.constant > 0) or form.bare in problem.sizes)
        case Entry(tensor):
            declared, definition = problem.tensors.get(tensor), problem.definition(tensor)
            if declared is not None and declared.is_positive:
                return 2
            if definition is not None:
                return _sign(problem, definition.value)
            return int(declared is not None and declared.is_nonnegative)
        case Apply("exp" | "sigmoid" | "softplus" | "cosh" | "pi", _):
            return 2
        case Apply("abs" | "relu", _) | Indicator():
            return 1
        case Pow(base, Number(n)) if n.denominator == 1 and n.numerator % 2 == 0:
            return 2 if _sign(problem, base) == 2 else 1
        case Pow(base, _):
            return _sign(problem, base)
        case Add(terms):
            signs = [_sign(problem, term) for term in terms]
            return 0 if 0 in signs else max(signs)
        case Mul(factors):
            return min((_sign(problem, factor) for factor in factors), default=2)
        case Sum(_, low, high, body):
            sign = _sign(problem, body)
            is_surely_some = low.is_constant and low.constant == 1 and high.bare in problem.sizes
            return sign if sign < 2 or is_surely_some else 1
        case Largest(_, _, _, body):
            return _sign(problem, body)
        case _:
            return 0
