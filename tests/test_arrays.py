"""The bounds of derivs.arrays really bound: they are held against exact arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from flint import arb, fmpq
from hypothesis import given
from hypothesis import strategies as st
from randomly import FREE, PROBLEM, TENSORS, expressions
from words import *

from derivs import bounded
from derivs.arrays import Axis, Batch, evaluate, holds
from derivs.bounded import Array, Bounded, exactly
from derivs.errors import OutOfBudget, OutOfDomain, Unsupported
from derivs.evaluate import Value
from derivs.evaluate import evaluate as exact_value
from derivs.expr import Cases, Compare, CompareIndex, Expectation, Indicator, Largest, Sum
from derivs.kernels import Undecided, real
from derivs.rules.functions import FUNCTIONS
from derivs.verdict import Point

PALETTE = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 0.1, -0.3, 1 / 3, 7.25, -1e-9, 3e5, 1e-170, -40.0, 1 + 2**-40,
                    800.0])


def batch(m: int, arrays: Mapping[str, Array], **definitions: Definition) -> Batch:
    return Batch({"m": m}, TENSORS, {name: exactly(array) for name, array in arrays.items()}, definitions)


def drawn(m: int, points: int, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    found = {}
    for tensor in PROBLEM.inputs:
        array = rng.choice(PALETTE, (points, *(n.at({"m": m}) for n in tensor.shape)))
        found[tensor.name] = np.abs(array) + 0.5 if tensor.is_positive else array
    return found


def scalar(expr: Expr, **values: float) -> tuple[float, float]:
    """Value and bound at one point of the scalars a, b, v."""
    found = evaluate(expr, (), batch(1, {name: np.array([value]) for name, value in values.items()}))
    return found.value.item(), found.error.item()


def distance(exact: Value, value: float) -> arb:
    ball = arb(exact) if isinstance(exact, fmpq) else real(exact).ball
    return abs(ball - arb(value))


@given(expressions(), st.integers(1, 3), st.integers(0, 10**6))
def test_the_exact_value_lies_within_the_bound(expr: Expr, m: int, seed: int) -> None:
    arrays = drawn(m, 2, seed)
    axes = tuple(Axis(i, 1, m) for i in FREE)
    found = evaluate(expr, axes, batch(m, arrays))
    assert found.value.shape == found.error.shape == (2, m, m) or found.value.shape == (1, m, m)
    for k, i, j in np.ndindex(found.value.shape):
        if np.isfinite(found.error[k, i, j]):
            point = Point({"m": m, "i": i + 1, "j": j + 1},
                          {(name, tuple(n + 1 for n in at)): Fraction(float(x))
                           for name, array in arrays.items() for at, x in np.ndenumerate(array[k])})
            try:
                exact = exact_value(PROBLEM, expr, point)
            except (Undecided, OutOfBudget):
                continue
            except OutOfDomain:
                pytest.fail(f"no value at {point}, yet {found.value[k, i, j]} within {found.error[k, i, j]}")
            assert not distance(exact, found.value[k, i, j]) > found.error[k, i, j]


@pytest.mark.parametrize("name", sorted(name for name, row in FUNCTIONS.items() if row.arity == 1))
def test_a_function_of_an_inexact_argument_stays_within_its_bound(name: str) -> None:
    """The argument a/3 - b/3 has a rounding error, which the function passes on."""
    expr = apply(name, subtract(mul(E("a"), N(Fraction(1, 3))), mul(E("b"), N(Fraction(1, 3)))))
    known = 0
    for a in (-2000.5, -60.0, -1.0, -1e-3, 0.0, 1e-200, 0.7, 1.0, 5.0, 60.0, 2000.5):
        for b in (0.0, 0.1, a):
            value, error = scalar(expr, a=a, b=b)
            if np.isfinite(error):
                known += 1
                point = Point({}, {("a", ()): Fraction(a), ("b", ()): Fraction(b)})
                assert not distance(exact_value(PROBLEM, expr, point), value) > error
    assert known >= 8                                       # log has but 8 arguments that are surely positive


@pytest.mark.parametrize("exponent", [-3, -1, 2, 5, Fraction(1, 2), Fraction(-3, 2), Fraction(5, 2)])
@pytest.mark.parametrize("a", [-3.0, -0.1, 0.0, 0.1, 1.0, 4.0, 1e10])
def test_a_power_stays_within_its_bound(exponent: int | Fraction, a: float) -> None:
    expr = power(mul(E("a"), N(Fraction(1, 3))), exponent)
    value, error = scalar(expr, a=a)
    point = Point({}, {("a", ()): Fraction(a)})
    try:
        exact = exact_value(PROBLEM, expr, point)
    except OutOfDomain:
        assert error == np.inf
    else:
        assert error < 1e-13 * abs(value) or value == 0
        assert not distance(exact, value) > error


def test_cancellation_is_seen() -> None:
    """(a + b) - a for a tiny b: the bound is that of a, not that of the result."""
    value, error = scalar(subtract(add(E("a"), E("b")), E("a")), a=0.1, b=1e-12)
    assert 1e-17 < error < 1e-15 and abs(value - 1e-12) <= error


def test_overflow_and_division_by_nothing_are_unknown() -> None:
    assert scalar(exp(E("a")), a=800.0)[1] == np.inf
    assert scalar(divide(N(1), E("a")), a=0.0)[1] == np.inf
    thirds = subtract(mul(E("a"), N(Fraction(1, 3))), mul(E("b"), N(Fraction(1, 3))))
    assert scalar(divide(N(1), thirds), a=1.0, b=1.0)[1] == np.inf
    assert scalar(power(E("a"), Fraction(1, 2)), a=-1.0)[1] == np.inf
    assert scalar(divide(N(1), exp(E("a"))), a=800.0)[1] == np.inf


def test_stable_forms_do_not_overflow() -> None:
    assert scalar(sigmoid(E("a")), a=-2000.0)[0] == 0
    assert scalar(apply("softplus", E("a")), a=2000.0)[0] == 2000
    assert scalar(apply("tanh", E("a")), a=-2000.0)[0] == -1


@pytest.mark.parametrize("left, right, holds_, known", [
    (E("a"), E("b"), True, True),                                                       # 1 <= 2
    (E("a"), E("a"), True, True),                                                       # both sides are exact
    (subtract(E("b"), E("a")), E("a"), True, True),                                     # 2 - 1 = 1 in every arithmetic
    (sigmoid(E("a")), sigmoid(E("a")), True, True),                                     # rounded, but the same
    (sigmoid(E("a")), sigmoid(subtract(E("b"), E("a"))), False, False),                 # not the same operations
    (mul(N(Fraction(1, 3)), E("b")), add(N(Fraction(1, 3)), N(Fraction(1, 3))), False, False),
])
def test_a_comparison_that_is_too_close_is_unknown(left: Expr, right: Expr, holds_: bool, known: bool) -> None:
    here = batch(1, {"a": np.array([1.0]), "b": np.array([2.0])})
    truth = holds(Compare("<=", left, right), (), here)
    assert truth.known.item() is known
    assert truth.holds.item() is holds_ or not known


def test_what_depends_on_an_unknown_comparison_is_unknown() -> None:
    third = mul(E("a"), N(Fraction(1, 3)))
    close = Compare("<", third, add(third, mul(N(0), E("b")), mul(E("b"), N(Fraction(1, 3)), N(Fraction(1, 10**20)))))
    values = {"a": 1.0, "b": 1.0}
    assert scalar(Indicator(close), **values)[1] == np.inf
    assert scalar(Cases(((N(1), close),), N(2)), **values)[1] == np.inf
    assert scalar(Cases(((N(1), Compare("<", E("a"), N(2))), (N(3), close)), N(2)), **values) == (1, 0)


def test_entries_outside_are_zero_where_the_tensor_says_so() -> None:
    here = batch(2, {"w": np.array([[3.0, 5.0]]), "x": np.array([[3.0, 5.0]])})
    i = (Axis("i", 1, 2),)
    inside, outside = evaluate(E("w", V("i") - 1), i, here), evaluate(E("x", V("i") - 1), i, here)
    assert inside.value.tolist() == [[0, 3]] and inside.error.tolist() == [[0, 0]]
    assert outside.error.tolist() == [[np.inf, 0]]


def test_bounds_of_a_sum_may_depend_on_outer_indices() -> None:
    here = batch(4, {"x": np.array([[1.0, 2.0, 4.0, 8.0]])})
    found = evaluate(Sum("k", V(1), V("i"), E("x", "k")), (Axis("i", 1, 4),), here)
    assert found.value.tolist() == [[1, 3, 7, 15]] and not found.error.any()
    found = evaluate(Largest("k", V("i"), V("i") + 1, E("x", "k")), (Axis("i", 1, 3),), here)
    assert found.value.tolist() == [[2, 4, 8]]
    assert evaluate(S("k", 3, 2, E("x", "k")), (), here).value.tolist() == [0]
    assert evaluate(S("k", 2, "m", N(1)), (), here).value.tolist() == [3]


def test_an_inner_index_hides_an_outer_one_of_the_same_name() -> None:
    here = batch(2, {"x": np.array([[1.0, 2.0]])})
    found = evaluate(mul(E("x", "i"), S("i", "m", E("x", "i"))), (Axis("i", 1, 2),), here)
    assert found.value.tolist() == [[3, 6]]


def test_definitions_are_evaluated_at_every_point() -> None:
    here = batch(2, {"x": np.array([[1.0, 2.0], [3.0, 4.0]])}, z=Definition("z", ("i",), power(E("x", "i"), 2)))
    assert evaluate(S("k", "m", E("z", "k")), (), here).value.tolist() == [5, 25]


def test_conditions_on_indices_and_expectations() -> None:
    here = batch(3, {})
    i = (Axis("i", 1, 3),)
    assert evaluate(Indicator(CompareIndex("<=", V("i"), V(2))), i, here).value.tolist() == [[1, 1, 0]]
    assert evaluate(d("i", 2), i, here).value.tolist() == [[0, 1, 0]]
    with pytest.raises(Unsupported):
        evaluate(Expectation("x", N(1), E("x", "i")), i, here)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_the_sum_in_any_order_lies_within_the_bound(values: list[float]) -> None:
    found = bounded.total(exactly(np.array([values])), -1)
    for order in (values, values[::-1], sorted(values), sorted(values, key=abs)):
        assert abs(sum(order) - found.value[0]) <= 2 * found.error[0]


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1e-3), st.floats(0, 1e-3))
def test_a_wider_ball_gives_a_wider_ball(a: float, b: float, ea: float, eb: float) -> None:
    def ball(value: float, error: float) -> Bounded:
        return Bounded(np.array([value]), np.array([error]))

    with np.errstate(all="ignore"):
        for operation in (bounded.add, bounded.multiply, bounded.KERNELS["max"], bounded.KERNELS["leaky_relu"]):
            narrow, wide = operation(ball(a, ea), ball(b, eb)), operation(ball(a, 2 * ea), ball(b, 2 * eb))
            assert narrow.error <= wide.error
