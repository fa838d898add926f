"""The exact value of an entry of a result or a gradient, from the forward pass alone: findings are measured by it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from derivs.affine import affine
from derivs.bounded import Array
from derivs.errors import DerivsError
from derivs.expr import Derivative, Entry, Expr
from derivs.kernels import Value, text, to_float
from derivs.problem import Problem
from derivs.testing.expected import Truth
from derivs.verdict import Point

PRECISE = 17                           # digits of a value that is shown beside a float


def quantity(problem: Problem, name: str, at: tuple[int, ...]) -> Expr:
    """y_{1,2}, or ∂E/∂x_{1,2}: what `name` is called in formulas; `at` counts from 0."""
    subscripts = tuple(affine(k + 1) for k in at)
    tensor = name.removesuffix("_bar")
    if name == tensor:
        return Entry(name, subscripts)
    return Derivative(Entry(problem.loss), Entry(tensor, subscripts))


def exact_value(truth: Truth, sizes: Mapping[str, int], arrays: Mapping[str, Array], name: str, at: tuple[int, ...]
                ) -> Value | None:
    """The value, rational or enclosed in a ball; None where there is none, or where it cannot be decided."""
    entries = {(tensor, tuple(k + 1 for k in place)): Fraction(float(array[place]))
               for tensor, array in arrays.items() for place in np.ndindex(array.shape)}
    evaluator = truth.evaluator
    try:
        return evaluator.at(Point(dict(sizes), entries)).value(evaluator.compile(quantity(truth.problem, name, at)))
    except DerivsError:
        return None


def as_float(value: Value) -> float:
    """The nearest float, infinite where it is too large for one."""
    try:
        return to_float(value)
    except OverflowError:
        return math.inf


def shown(value: Value) -> str:
    """A short rational as it is, anything else as certain decimals."""
    return text(value, PRECISE)

