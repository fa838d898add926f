"""Wrong formulas are refuted at a point a person can follow; right ones agree at every point."""

from __future__ import annotations

from time import perf_counter

import pytest
from words import *

from derivs.errors import IllFormed
from derivs.evaluate import Evaluator, evaluate
from derivs.expr import ZERO, Compare, Indicator
from derivs.kernels import differ
from derivs.refute import Agreed, compare, nonzero_somewhere
from derivs.verdict import Refuted

A, B, X = E("a"), E("b"), E("x", "i")
PLAIN = problem("plain", declare(T("a"), T("b"), T("x", "m"), T("y", "m"), T("w", "m", "n"), T("u", "n", "m"),
                                 T("p", props="positive")), outputs=())


def batchnorm(*more):
    return problem(
        "batchnorm", declare(T("x", "m"), T("eps", props="positive"), T("mu", role="node"), T("v", role="node"),
                             T("xhat", "m", role="node"), T("y", "m", role="node"), T("gamma")),
        Definition("mu", (), divide(S("k", "m", E("x", "k")), N("m"))),
        Definition("v", (), divide(S("k", "m", power(subtract(E("x", "k"), E("mu")), 2)), N("m"))),
        Definition("xhat", ("i",), mul(subtract(X, E("mu")), power(add(E("v"), *more), Fraction(-1, 2)))),
        Definition("y", ("i",), mul(E("gamma"), E("xhat", "i"))))


EPSILON, BARE = batchnorm(E("eps")), batchnorm()
G, XHAT = E("y_bar", "k"), E("xhat", "k")
ROOT = power(add(E("v"), E("eps")), Fraction(1, 2))
THREE_TERMS = mul(divide(E("gamma"), mul(N("m"), ROOT)),
                  add(mul(N("m"), E("y_bar", "i")), negate(S("k", "m", G)),
                      negate(mul(E("xhat", "i"), S("k", "m", mul(G, XHAT))))))
TWO_TERMS = mul(divide(E("gamma"), mul(N("m"), ROOT)), add(mul(N("m"), E("y_bar", "i")), negate(S("k", "m", G))))


def sums(*pairs):
    return [S(index, "m", body) for index, body in pairs]


XK, YK = E("x", "k"), E("y", "k")

RIGHT = [
    ("sqrt(a a) = |a|", PLAIN, sqrt(mul(A, A)), apply("abs", A)),
    ("max + min", PLAIN, add(apply("max", A, B), apply("min", A, B)), add(A, B)),
    ("log of a product", PLAIN, log(mul(exp(A), exp(B))), add(A, B)),
    ("tanh", PLAIN, apply("tanh", A), subtract(mul(N(2), sigmoid(mul(N(2), A))), N(1))),
    ("square of a sum", PLAIN, power(S("k", "m", XK), 2), mul(S("k", "m", XK), S("j", "m", E("x", "j")))),
    ("sum of ones", PLAIN, mul(X, S("k", "m", N(1))), mul(X, N("m"))),
    ("sift", PLAIN, S("k", "m", mul(d("i", "k"), XK)), X),
    ("all but the last", PLAIN, S("k", 1, V("m") - 1, XK), subtract(S("k", "m", XK), E("x", "m"))),
    ("batchnorm", EPSILON, D("E", X), THREE_TERMS),
    ("centred", EPSILON, mul(S("k", "m", XHAT), X), ZERO),
]


@pytest.mark.parametrize("name, exercise, left, right", RIGHT)
def test_right(name, exercise, left, right):
    for seed in range(3):
        found = compare(exercise, Claim(left, right), points=40, seed=seed)
        assert isinstance(found, Agreed) and found.points >= 40, found


@pytest.mark.parametrize("name, exercise, left, right", [row for row in RIGHT if row[0] != "centred"])
def test_right_is_refused_when_one_side_is_doubled(name, exercise, left, right):
    """The control that exposed empty acceptances elsewhere."""
    assert isinstance(compare(exercise, Claim(left, mul(N(2), right))), Refuted)


@pytest.mark.parametrize("name, exercise, left, right", [
    ("sqrt(a a) = a", PLAIN, sqrt(mul(A, A)), A),
    ("merged sums", PLAIN, mul(S("k", "m", XK), S("k", "m", YK)), S("k", "m", mul(XK, YK))),
    ("an index both bound and free", PLAIN, mul(X, S("i", "m", X)), S("i", "m", mul(X, X))),
    ("the empty end", PLAIN, S("k", 1, V("m") - 1, XK), S("k", "m", XK)),
    ("(m-1)(m-2)", PLAIN, mul(X, add(power(N("m"), 2), N(2))), mul(N(3), N("m"), X)),
    ("(m-1)(m-2)(m-3)(m-4)", PLAIN, ZERO,
     mul(X, *(subtract(N("m"), N(k)) for k in (1, 2, 3, 4)))),
    ("(m-2)(m-n)", PLAIN, ZERO, mul(E("w", "i", "j"), subtract(N("m"), N(2)), subtract(N("m"), N("n")))),
    ("a wrong diagonal", PLAIN, mul(X, E("x", "j"), d("i", "j")), ZERO),
    ("a wrong end", PLAIN, mul(X, d("i", "m")), ZERO),
    ("relu is not linear", PLAIN, apply("relu", A), A),
    ("relu is not zero", PLAIN, apply("relu", A), ZERO),
    ("no path through the variance", EPSILON, D("E", X), TWO_TERMS),
    ("epsilon outside the root", EPSILON, E("xhat", "i"), divide(subtract(X, E("mu")), add(sqrt(E("v")), E("eps")))),
    ("zero at m = 2, not at 3", BARE, D("E", X), ZERO),
    ("a small coefficient", PLAIN, exp(A), mul(add(N(1), N(Fraction(1, 10**50))), exp(A))),
    ("a small coefficient of what has no residue", PLAIN, log(add(N(2), E("p"))),
     mul(add(N(1), N(Fraction(1, 10**50))), log(add(N(2), E("p"))))),
    ("a difference in a tail", PLAIN, sigmoid(A), subtract(sigmoid(A), exp(negate(mul(N(200), mul(A, A)))))),
    ("one side undefined", PLAIN, divide(A, A), N(1)),
    ("only where equal", PLAIN, Indicator(Compare("=", A, B)), ZERO),
])
def test_wrong(name, exercise, left, right):
    for seed in range(3):
        for claim in (Claim(left, right), Claim(right, left)):
            assert isinstance(compare(exercise, claim, points=60, seed=seed), Refuted)


@pytest.mark.parametrize("exercise, left, right", [
    (PLAIN, sqrt(mul(A, A)), A),
    (PLAIN, mul(S("k", "m", XK), S("k", "m", YK)), S("k", "m", mul(XK, YK))),
    (EPSILON, D("E", X), TWO_TERMS),
    (BARE, D("E", X), ZERO),
])
def test_the_point_is_a_proof(exercise, left, right):
    """Evaluated afresh, the sides differ there."""
    found = compare(exercise, Claim(left, right))
    assert isinstance(found, Refuted) and found.left != found.right
    assert differ(evaluate(exercise, left, found.at), evaluate(exercise, right, found.at))


def test_the_counterexample_is_the_smallest():
    found = compare(PLAIN, Claim(sqrt(mul(A, A)), A))
    assert isinstance(found, Refuted)
    assert (found.at.entries, found.left, found.right) == ({("a", ()): -1}, "1", "-1")

    found = compare(PLAIN, Claim(mul(S("k", "m", XK), S("k", "m", YK)), S("k", "m", mul(XK, YK))))
    assert isinstance(found, Refuted) and found.at.integers["m"] == 2
    assert sorted(map(abs, found.at.entries.values())) == [0, 0, 1, 1]

    found = compare(BARE, Claim(D("E", X), ZERO))
    assert isinstance(found, Refuted) and found.at.integers["m"] == 3

    found = compare(PLAIN, Claim(X, ZERO))
    assert isinstance(found, Refuted) and str(found.at) == "m = 1, n = 1, i = 1, x = (1)"


def test_a_point_without_a_tie_is_preferred():
    """relu(a) and 2 a [a > 0] + [a = 0] differ on the kink and beside it."""
    positive = Indicator(Compare("<", ZERO, A))
    found = compare(PLAIN, Claim(apply("relu", A), add(mul(N(2), A, positive), Indicator(Compare("=", A, ZERO)))))
    assert isinstance(found, Refuted) and found.at.entries["a", ()] == 1


SLOPE = problem("relu", declare(T("x"), T("y", role="node")), Definition("y", (), apply("relu", E("x"))))


def test_a_difference_on_the_kink_only():
    """relu'(0) = 0 by convention, and [x >= 0] says 1."""
    claim = Claim(D("y", E("x")), Indicator(Compare("<=", ZERO, E("x"))))
    found = compare(SLOPE, claim)
    assert isinstance(found, Refuted)
    assert (str(found.at), found.left, found.right) == ("x = 0", "0", "1")
    smooth = compare(SLOPE, claim, off_kinks=True)
    assert isinstance(smooth, Agreed) and smooth.skipped > 0 and smooth.points > 0


def test_undefined_is_said():
    found = compare(PLAIN, Claim(divide(A, A), N(1)))
    assert isinstance(found, Refuted) and (found.left, found.right) == ("undefined", "1")
    assert found.at.entries["a", ()] == 0


def test_where_both_are_undefined_nothing_is_said():
    nowhere = compare(PLAIN, Claim(log(negate(E("p"))), log(negate(power(E("p"), 2)))))
    assert isinstance(nowhere, Agreed) and nowhere.points == 0 and nowhere.skipped > 0
    half = compare(PLAIN, Claim(log(A), sqrt(power(log(A), 2))))                # different where 0 < a < 1
    assert isinstance(half, Refuted) and "undefined" not in (half.left, half.right)


def test_undefined_at_one_zero_beside_others_that_are_not():
    found = compare(PLAIN, Claim(divide(A, B), divide(mul(A, A), mul(A, B))), points=60)
    assert isinstance(found, Refuted) and (found.left, found.right) == ("0", "undefined")


def test_a_matrix_and_its_transpose_are_told_apart():
    """u = w^T has the shape (n, m): no sizes make x_i w_ij and x_i u_ij the same by luck."""
    claim = Claim(S("j", "n", mul(E("w", "i", "j"), N(1))), S("j", "n", E("u", "j", "i")))
    assert isinstance(compare(PLAIN, claim), Refuted)


def test_reading_out_of_range_is_ill_formed_not_unequal():
    with pytest.raises(IllFormed, match="out of range"):
        compare(PLAIN, Claim(X, add(X, negate(E("x", V("i") + 1)), E("x", V("i") + 1))), points=40)


@pytest.mark.parametrize("given, refuted", [((), True), ((Given("=", S("k", "m", XK), N(1)),), False)])
def test_what_is_given_is_used(given, refuted):
    claim = Claim(mul(A, S("k", "m", XK)), A, given)
    assert isinstance(compare(PLAIN, claim, points=40), Refuted) == refuted


@pytest.mark.parametrize("op, refuted", [("=", False), ("!=", True)])
def test_a_condition_on_the_indices_is_used(op, refuted):
    claim = Claim(X, E("x", "j"), (Given(op, V("i"), V("j")),))
    found = compare(PLAIN, claim, points=40)
    assert isinstance(found, Refuted) == refuted
    if isinstance(found, Refuted):
        assert found.at.integers["m"] == 2                                      # the smallest with i != j


def test_a_small_counterexample_still_satisfies_what_is_given():
    claim = Claim(S("k", "m", power(XK, 2)), N(1), (Given("=", S("k", "m", XK), N(1)),))
    found = compare(PLAIN, claim, points=40)
    assert isinstance(found, Refuted)
    assert sum(v for (name, _), v in found.at.entries.items() if name == "x") == 1


@pytest.mark.parametrize("props", ["positive", "binary", "onehot", "simplex", "in(0,1)"])
def test_a_small_counterexample_obeys_what_the_tensors_declare(props):
    exercise = problem("props", declare(T("t", "m", props=props)), outputs=())
    found = compare(exercise, Claim(E("t", "i"), N(7)))
    assert isinstance(found, Refuted)
    t = list(found.at.entries.values())
    assert {"positive": min(t) > 0, "binary": set(t) <= {0, 1}, "onehot": sum(t) == 1 and set(t) <= {0, 1},
            "simplex": sum(t) == 1 and min(t) >= 0, "in(0,1)": min(t) > 0 and max(t) < 1}[props]


@pytest.mark.parametrize("expr, somewhere", [
    (A, True), (subtract(A, A), False), (subtract(apply("max", A, B), apply("max", B, A)), False),
    (subtract(A, B), True), (subtract(mul(exp(A), exp(B)), exp(add(A, B))), False),
    (subtract(log(exp(A)), A), False),             # no residue, and never certified
    (mul(subtract(N("m"), N(1)), X), True), (subtract(sqrt(mul(A, A)), A), True),
    (divide(N(1), subtract(A, A)), False),         # nowhere defined
])
def test_nonzero_somewhere(expr, somewhere):
    assert nonzero_somewhere(PLAIN, expr) == somewhere


@pytest.mark.parametrize("expr", [
    S("i", 10**4, "j", 10**4, A), S("i", 10**9, A), exp(exp(exp(exp(mul(A, A))))), power(add(A, N(7)), 10**15),
    power(N(10), N(10**12)), power(N(2), Fraction(1, 10**15)), S("k", 60, power(add(exp(A), N("k")), 3)),
])
def test_what_costs_too_much_ends_soon(expr):
    start = perf_counter()
    compare(PLAIN, Claim(expr, add(expr, mul(N(2), ZERO))), points=60)
    assert perf_counter() - start < 20              # a few tenths of a second; without bounds, for ever


def test_the_same_seed_finds_the_same():
    claim = Claim(D("E", X), TWO_TERMS)
    assert compare(EPSILON, claim, seed=5) == compare(EPSILON, claim, seed=5)


def test_an_evaluator_that_served_before_changes_nothing():
    shared = Evaluator(EPSILON)
    for right in (THREE_TERMS, TWO_TERMS, THREE_TERMS):
        claim = Claim(D("E", X), right)
        assert compare(EPSILON, claim, evaluator=shared) == compare(EPSILON, claim)


def test_speed():
    """About 1.5 ms for the wrong formula and 10 ms for the right one; the bounds are wide, since machines are busy."""
    def best(claim, **options):
        times = []
        for _ in range(5):
            start = perf_counter()
            compare(EPSILON, claim, points=6, **options)
            times.append(perf_counter() - start)
        return min(times)
    assert best(Claim(D("E", X), TWO_TERMS), shrink=False) < 0.02
    assert best(Claim(D("E", X), THREE_TERMS)) < 0.1
