"""Attacks on the soundness of the calculus: those that once broke it, by name, and the best of those that did not.

The truths are derived by hand: each false formula differs from its left side at a point named beside it or in its row.
"""

from __future__ import annotations

import pytest
from words import *

from derivs.derive import Graph
from derivs.expr import Cases, Compare, CompareIndex, Expectation, Indicator, Largest, names_in
from derivs.normal.context import Context
from derivs.normal.readback import readback
from derivs.normal.translate import Translator
from derivs.normal.zero import is_zero
from derivs.prove import Equal, NotShown, prove

TENSORS = declare(T("x", "m"), T("Y", "m", "m"), T("w", "m", zero=True), T("v", "n", zero=True),
                  T("p", "m", props="positive"), T("a"), T("b"), T("c"))
SIZES = [V("m") - 1, V("n") - 1]
RANGES = [*SIZES, V("i") - 1, V("m") - V("i"), V("j") - 1, V("m") - V("j"), V("l") - 1, V("n") - V("l")]
a, b, c = E("a"), E("b"), E("c")
m, n, i, j, k, h = map(V, ("m", "n", "i", "j", "k", "h"))


def equal(left: Expr, right: Expr) -> bool:
    context = Context(TENSORS, RANGES)
    return is_zero(context, Translator(Context(TENSORS, SIZES)).form(context, subtract(left, right)))


def x(at) -> Expr: return E("x", at)
def w(at) -> Expr: return E("w", at)
def where(op: str, left: Expr, right: Expr) -> Expr: return Indicator(Compare(op, left, right))
def at(op: str, left, right) -> Expr: return Indicator(CompareIndex(op, V(left), V(right)))
def inverse(u: Expr) -> Expr: return Cases(((divide(N(1), u), Compare("!=", u, N(0))),), N(0))
def over(u: Expr) -> Expr: return mul(Cases(((divide(N(1), u), Compare("<", N(0), u)),), N(0)), u)
def largest(body: Expr) -> Expr: return Largest("h", V(1), m, body)


# ---- what broke it

def test_a_refreshed_sum_does_not_take_the_names_of_its_term() -> None:
    """sum_k relu(sum_{h>=k} x_h): inside the relu, h was opened under the name that h has outside.

    At x = (1, 1, -1) the sign of the last tail is not that of the whole.
    """
    tail, total = S("h", k, m, x("h")), S("h", "m", x("h"))
    assert equal(S("k", "m", apply("relu", tail)), S("k", "m", mul(where("<", N(0), tail), tail)))
    assert not equal(S("k", "m", apply("relu", tail)), S("k", "m", mul(where("<", N(0), total), tail)))
    head = S("h", k, x("h"))
    assert not equal(S("k", "m", apply("relu", head)), S("k", "m", mul(where("<", N(0), total), head)))


def test_a_new_index_holds_no_name_that_is_bound_further_in() -> None:
    """sum_k max_h v_{k+h-1}: k + h - 1 is not a new index for k."""
    both = S("k", "m", largest(E("v", k + h - 1)))
    context = Context(TENSORS, SIZES)
    back = readback(context, Translator(context).form(context, both))
    assert not any(name.startswith("#") for name in names_in(back))
    assert equal(both, S("k", 2, m + 1, largest(E("v", k + h - 2))))
    assert not equal(both, S("k", "m", largest(E("v", k + h))))


def test_a_dead_case_is_not_zero_times_its_denominator() -> None:
    """cases(u != 0: 1/u, else 0) u is [u != 0], not 1: at u = 0 it is 0."""
    for u in (a, add(a, b)):
        assert equal(mul(inverse(u), u), where("!=", u, N(0)))
        assert not equal(mul(inverse(u), u), N(1))
        assert equal(mul(inverse(u), power(u, 2)), u)
    picked = S("k", "m", mul(d("k", "i"), inverse(x("k"))))
    assert equal(mul(picked, x("i")), where("!=", x("i"), N(0)))
    assert not equal(mul(picked, x("i")), N(1))


@pytest.mark.parametrize(("u", "extra"), [
    (add(a, b), where("=", add(a, b), N(0))),                              # a = b = 0: 1 and 0
    (subtract(power(a, 2), power(b, 2)), where("=", a, b)),                # a = b
    (subtract(x("i"), x("j")), d("i", "j")),                               # i = j
])
def test_multiplying_up_keeps_what_stands_where_the_base_is_zero(u: Expr, extra: Expr) -> None:
    """cases(u > 0: u/u, else 0) + [u = 0] is not [u > 0]."""
    assert equal(over(u), where("<", N(0), u))
    assert not equal(add(over(u), extra), where("<", N(0), u))


def test_a_tie_keeps_the_range_of_what_it_replaces() -> None:
    """sum_k [x_k = a] x_k = a sum_k [x_k = a], and not a sum_{k>=2} [x_k = a]: m = 1, x = a = 1."""
    left = S("k", "m", mul(where("=", x("k"), a), x("k")))
    assert equal(left, mul(a, S("k", "m", where("=", x("k"), a))))
    assert not equal(left, mul(a, S("k", 2, "m", where("=", x("k"), a))))
    # An entry that stands outside for every size: [w_0 = a] w_0, where w_0 is 0.
    assert equal(mul(where("=", w(V(0)), a), w(V(0))), mul(where("=", w(V(0)), a), a))


def mask(zero: bool) -> Graph:
    """h_i = r_i x_i for a random mask r."""
    tensors = declare(T("x", "m"), T("r", "m", zero=zero), T("q"), T("h", "m", role="node"))
    return Graph(problem("mask", tensors, Definition("h", ("i",), mul(E("r", "i"), x("i"))), outputs=("h",),
        facts=(m - 1,)))


def test_a_mean_looks_into_the_nodes_that_it_is_over() -> None:
    """The mean of h_i = r_i x_i over r is q x_i, not h_i."""
    mean = Expectation("r", E("q"), E("h", "i"))
    assert prove(mask(False), Claim(mean, mul(E("q"), x("i")))) == Equal()
    assert isinstance(prove(mask(False), Claim(mean, E("h", "i"))), NotShown)
    assert isinstance(prove(mask(False), Claim(E("h", "i"), mean)), NotShown)
    assert isinstance(prove(mask(False), Claim(Expectation("r", E("q"), mul(E("r", "i"), E("h", "i"))),
                                               mul(E("q"), E("h", "i")))), NotShown)


def test_an_entry_outside_its_shape_is_zero_in_the_mean_too() -> None:
    """The mean of r_{i+1} is q [i < m]."""
    mean = mul(x("i"), Expectation("r", E("q"), E("r", i + 1)))
    assert prove(mask(True), Claim(mean, mul(x("i"), E("q"), at("<=", i + 1, m)))) == Equal()
    assert isinstance(prove(mask(True), Claim(mean, mul(x("i"), E("q")))), NotShown)


# ---- what held: (left, right, the nearest false neighbour of right)

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
HELD = {
    "Faulhaber at high = low - 2": (
        S("k", 3, "m", N(1)), add(N(m - 2), d(m, 1)), N(m - 2)),
    "Faulhaber at high = low - 1": (S("k", 2, "m", N(1)), N(m - 1), subtract(N(m), d(m, 1))),
    "triangular count": (S("k", "m", S("h", V(1), k - 1, N(1))), divide(mul(N(m), N(m - 1)), N(2)),
                         divide(mul(N(m - 1), N(m - 2)), N(2))),
    "triangular count from the third": (
        S("k", 3, "m", S("h", V(1), k - 2, N(1))), divide(mul(N(m - 1), N(m - 2)), N(2)),
            divide(mul(N(m), N(m - 1)), N(2))),
    "weighted range from i": (S("k", i, m, N(m - k)), divide(mul(N(m - i), N(m - i + 1)), N(2)),
                              divide(mul(N(m - i), N(m - i - 1)), N(2))),
    "range from i to j may be empty": (S("k", i, j, N(1)), mul(at("<=", i, j), N(j - i + 1)), N(j - i + 1)),
    "two deltas on one index": (S("k", "m", mul(d("k", "i"), d("k", "j"), x("k"))), mul(d("i", "j"), x("j")), x("j")),
    "deltas of two ranges": (S("k", "m", mul(d("k", "l"), N(k))), mul(at("<=", "l", m), N("l")), N("l")),
    "stride that a delta fills": (S("k", "m", "h", "m", at("=", k + k, h)), S("k", "m", at("<=", k + k, m)),
        divide(N(m), N(2))),
    "a shift drops an entry": (S("k", "m", w(k + 1)), S("k", 2, "m", w(k)), S("k", "m", w(k))),
    "a shift in an exponential": (
        S("k", "m", exp(w(k + 1))), S("k", 2, m + 1, exp(w(k))), S("k", 2, "m", exp(w(k)))),
    "a shift in a denominator": (
        S("k", "m", divide(N(1), add(N(1), power(w(k + 1), 2)))),
            S("k", 2, m + 1, divide(N(1), add(N(1), power(w(k), 2)))),
        S("k", 2, "m", divide(N(1), add(N(1), power(w(k), 2))))),
    "a shift under a root": (S("k", "m", sqrt(power(w(k + 1), 2))), S("k", 2, "m", apply("abs", w(k))),
                             S("k", "m", apply("abs", w(k)))),
    "two shapes, the smaller rules": (S("k", "m", mul(E("v", k), w(k))), S("k", "n", mul(E("v", k), w(k))),
        S("k", "n", E("v", k))),
    "a range of another shape": (S("k", "m", E("v", k)), S("k", "n", mul(at("<=", k, m), E("v", k))),
        S("k", "n", E("v", k))),
    "root of a cubed square": (power(power(a, 2), Fraction(3, 2)), power(apply("abs", a), 3), power(a, 3)),
    "root of an inverse square": (sqrt(power(a, -2)), power(apply("abs", a), -1), power(a, -1)),
    "root of a sixth power": (sqrt(power(a, 6)), power(apply("abs", a), 3), power(a, 3)),
    "cube root of a square": (power(power(a, 2), THIRD), power(apply("abs", a), 2 * THIRD), apply("abs", a)),
    "a square leaves a root as |a|": (sqrt(mul(power(a, 2), b)), mul(apply("abs", a), sqrt(b)), mul(a, sqrt(b))),
    "an inverse root": (power(add(power(a, -2), power(a, -4)), -HALF),
        mul(power(a, 2), power(add(power(a, 2), N(1)), -HALF)),
                        mul(a, power(add(power(a, 2), N(1)), -HALF))),
    "exponential of half a logarithm": (exp(mul(N(HALF), log(power(a, 2)))), apply("abs", a), a),
    "logarithm of a product of negatives": (log(mul(negate(a), negate(b))), log(mul(a, b)), add(log(a), log(b))),
    "sign of a product": (apply("sign", mul(a, b)), mul(apply("sign", a), apply("sign", b)), apply("sign", a)),
    "a quotient's sign": (apply("sign", divide(a, b)), mul(apply("sign", a), apply("sign", b)), apply("sign", a)),
    "a square may be zero": (where("<", N(0), power(a, 2)), where("!=", a, N(0)), N(1)),
    "a root may be zero": (where("<=", N(0), sqrt(a)), N(1), where("<", N(0), sqrt(a))),
    "max under a factor of unknown sign": (
        mul(power(c, 2), apply("max", a, b)), apply("max", mul(power(c, 2), a), mul(power(c, 2), b)),
        apply("max", mul(c, a), mul(c, b))),
    "indices as numbers": (where("<", N(i), N(j)), at("<=", i + 1, j), at("<=", i, j)),
    "half an index": (where("<", divide(N(i), N(2)), N(1)), at("<=", i, 1), N(1)),
    "rows normalised over a range that ends at the row": (
        S("k", "m", divide(S("h", k, exp(E("Y", k, h))), S("h", k, exp(E("Y", k, h))))), N(m),
        S("k", "m", divide(S("h", k, exp(E("Y", k, h))), S("h", "m", exp(E("Y", k, h)))))),
    "an inner sum that the range empties": (
        S("k", j, m, divide(x(k), add(x(k), S("h", k, j - 1, x(h))))), N(m - j + 1), N(m - j)),
    "a window backwards": (
        S("k", "m", exp(S("h", "m", E("v", k + h - 1)))), S("k", "m", exp(S("h", "m", E("v", k + m - h)))),
        S("k", "m", exp(S("h", "m", E("v", k + m - h + 1))))),
    "log-sum-exp with its maximum": (
        add(largest(x(h)), log(S("k", "m", exp(subtract(x(k), largest(x(h))))))), log(S("k", "m", exp(x(k)))),
        log(S("k", 2, "m", exp(x(k))))),
    "a maximum of products of windows": (
        S("k", "m", mul(x(k), largest(w(k - h + 1)))), S("k", "m", mul(largest(w(k - h + 1)), x(k))),
        S("k", "m", mul(x(k), largest(w(k - h))))),
}


# Refused, never wrong; with a false neighbour.
UNDECIDED = {
    "two deltas with coefficient 2": (
        S("k", "m", mul(at("=", k + k, i), at("=", k + k, j))), mul(d("i", "j"), S("k", "m", at("=", k + k, i))),
            d("i", "j")),
    "a range that even subscripts leave": (S("k", "m", w(k + k)), S("k", 0, "m", w(k + k)), S("k", 2, "m", w(k + k))),
    "a stride shifted": (S("k", "m", w(k + k)), S("k", 2, m + 1, w(k + k - 2)), S("k", "m", w(k + k - 1))),
    "cube root of a cube": (power(power(a, 3), THIRD), apply("abs", a), negate(a)),
    "logarithm of a square": (log(power(a, 2)), mul(N(2), log(apply("abs", a))), mul(N(2), log(a), log(a))),
    "a shift to the end in an exponential": (
        S("k", "m", exp(w(k + 1))), add(S("k", 2, "m", exp(w(k))), N(1)), add(S("k", 2, "m", exp(w(k))), N(2))),
}


@pytest.mark.parametrize("name", UNDECIDED)
def test_not_decided_yet(name: str) -> None:
    left, right, wrong = UNDECIDED[name]
    assert not equal(left, wrong)
    if equal(left, right):
        pytest.fail(f"{name} is decided now: move it to HELD")


@pytest.mark.parametrize("name", HELD)
def test_an_attack_that_held(name: str) -> None:
    left, right, wrong = HELD[name]
    assert equal(left, right)
    assert not equal(left, wrong)


# ---- empty sums shield a division: at m = 1 the sum over 2..m is 0, whatever it divides by

def claimed(value: Expr, right: Expr) -> Equal | NotShown:
    """Whether y = right is proved, where y is defined as the value."""
    tensors = declare(T("x", "m"), T("p", "m", props="positive"), T("y", role="node"))
    return prove(Graph(problem("shield", tensors, Definition("y", (), value))), Claim(E("y"), right))


REST = S("k", 2, "m", E("p", "k"))
SHIELDED = {                                     # value, a false right side (differs at m = 1), a true one
    "a count": (S("k", 2, "m", divide(N(1), subtract(N("m"), N(1)))), N(1),
                mul(divide(N(1), subtract(N("m"), N(1))), S("k", 2, "m", N(1)))),
    "a share": (S("k", 2, "m", divide(E("p", "k"), REST)), N(1), divide(REST, REST)),
    "a softmax over 2..m": (S("k", 2, "m", divide(exp(x("k")), S("h", 2, "m", exp(x("h"))))), N(1),
                            Indicator(CompareIndex("<=", V(2), V("m")))),
    "a mean without the first": (S("k", 2, "m", divide(x("k"), subtract(N("m"), N(1)))),
                                 add(divide(S("k", 2, "m", x("k")), subtract(N("m"), N(1))), subtract(
                                     N(1), Indicator(CompareIndex("<=", V(2), V("m"))))),
                                 divide(S("k", 2, "m", x("k")), subtract(N("m"), N(1)))),
}


@pytest.mark.parametrize("name", SHIELDED)
def test_an_empty_sum_shields_a_division(name: str) -> None:
    value, wrong, _ = SHIELDED[name]
    assert isinstance(claimed(value, wrong), NotShown)


@pytest.mark.parametrize("name", ["a count", "a mean without the first"])
def test_and_what_holds_there_too_is_still_proved(name: str) -> None:
    value, _, right = SHIELDED[name]
    assert claimed(value, right) == Equal()


def test_an_empty_sum_whose_bounds_are_bound_is_not_decided() -> None:
    tail = S("i", "m", S("k", V("i") + 1, "m", divide(N(1), subtract(N("m"), N("i")))))
    assert isinstance(claimed(tail, subtract(N("m"), N(1))), NotShown)
