"""Which of two matrix forms is simpler to read: what nobody writes, such as a matrix of ones, is dear."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from derivs.expr import Number
from derivs.matrices import (
    Applied,
    Convolved,
    Diagonal,
    Divided,
    Filled,
    Hadamard,
    Identity,
    Indicated,
    Matrix,
    Over,
    Plus,
    Product,
    Quotient,
    Scalar,
    Scaled,
    Transposed,
    Whole,
)
from derivs.matrices import walk as parts_of
from derivs.problem import bar

UNREADABLE = 20.0                      # in the measure of `cost`


def cost(matrix: Matrix) -> float:
    """About how much there is to read; what nobody writes, such as a matrix of ones, is dear."""
    match matrix:
        case Scalar(Number(value)) if abs(value) == Fraction(1):
            return 0.1
        case Scalar():
            return 0.5
        case Whole(tensor) | Quotient(_, Whole(tensor)):
            return 1 + 0.1 * tensor.endswith(bar(""))
        case Filled(number, _, None) | Filled(number, None, _):
            return 0.4 + cost(number)
        case Filled(number, _, _):
            return 0.5 + cost(number) + UNREADABLE * is_unreadable(matrix)
        case Identity():
            return 2
        case Product(factors):
            ones = sum(isinstance(factor, Filled) for factor in factors)
            return sum(map(cost, factors)) + 3 * ones * (is_outer(factors))
        case Transposed(body):
            return 0.5 + cost(body) + 0.2 * (isinstance(body, Whole) and body.tensor.endswith(bar("")))
        case Plus(inside) | Hadamard(inside) | Applied(_, inside):
            return sum(map(cost, inside)) + 0.01 * len(inside)
        case Divided(left, right) | Scaled(left, right) | Indicated(_, left, right) | Convolved(_, left, right):
            return cost(left) + cost(right)
        case Diagonal(part) | Over(_, _, part):
            return 0.5 + cost(part) + UNREADABLE * is_unreadable(matrix)


def is_outer(factors: Sequence[Matrix]) -> bool:
    """Whether a vector of ones in it makes copies, as in x 1^T."""
    return any(isinstance(a, Filled) and a.columns is None and k + 1 < len(factors) for k, a in enumerate(factors)) or (
        any(isinstance(a, Filled) and a.rows is None and k > 0 for k, a in enumerate(factors)))


def is_unreadable(part: Matrix) -> bool:
    """A diagonal matrix of what is itself a product, or a matrix of copies of a number."""
    match part:
        case Diagonal(vector):
            return any(isinstance(inner, Product) for inner in parts_of(vector))
        case Filled(number, rows, columns):
            is_matrix = rows is not None and columns is not None
            return is_matrix and not (isinstance(number, Scalar) and isinstance(number.value, Number))
        case _:
            return False
