"""The value of a tree at a point: exact facts first, derivatives against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from words import *

from derivs import kernels
from derivs.errors import IllFormed, OutOfBudget, OutOfDomain, Unsupported
from derivs.evaluate import Evaluator, evaluate
from derivs.expr import ZERO, And, Cases, Compare, CompareIndex, Expectation, Indicator, Largest, Mul, Not, Or
from derivs.kernels import Undecided
from derivs.verdict import Point


def point(*, integers=(), **arrays):
    """Sizes and indices from a dict; every entry of nested tuples, scalars as they are."""
    entries = {}

    def put(name, at, value):
        if isinstance(value, tuple):
            for position, part in enumerate(value, start=1):
                put(name, (*at, position), part)
        else:
            entries[name, at] = Fraction(value)
    for name, value in arrays.items():
        put(name, (), value)
    return Point(dict(integers), entries)


PLAIN = problem("plain", declare(T("x", "m"), T("a"), T("b"), T("w", "m", "n"), T("pad", "m", zero=True)), outputs=())
AT = point(integers={"m": 3, "n": 2, "i": 2, "j": 3}, x=(5, -2, Fraction(1, 3)), a=Fraction(-3, 2), b=4,
           w=((1, 2), (3, 4), (5, 6)), pad=(7, 8, 9))
A, B = E("a"), E("b")


def value(expr, at=AT, exercise=PLAIN):
    """A fraction where the value is rational, else a ball."""
    found = evaluate(exercise, expr, at)
    exact = kernels.exact(found)
    return found if exact is None else exact


@pytest.mark.parametrize("expr, expected", [
    (add(A, B), Fraction(5, 2)),
    (divide(A, B), Fraction(-3, 8)),
    (sqrt(B), 2),
    (power(B, Fraction(-3, 2)), Fraction(1, 8)),
    (sqrt(mul(A, A)), Fraction(3, 2)),                                          # |a|, not a
    (power(N(-1), N("i")), 1),
    (power(N(-1), N("j")), -1),
    (power(B, N("m")), 64),
    (power(B, A), Fraction(1, 8)),
    (power(ZERO, ZERO), 1),
    (S("k", "m", E("x", "k")), Fraction(10, 3)),
    (S("k", V("m") + 1, "m", E("x", "k")), 0),                                  # the empty sum
    (S("k", 1, V("m") - 1, E("x", "k")), 3),                                    # sum_{j=1}^{m-1}
    (S("i", "m", "j", "n", E("w", "i", "j")), 21),
    (add(S("i", "m", N("i")), N("i")), 8),                                      # an index both bound and free
    (S("j", "m", mul(d("i", "j"), E("x", "j"))), -2),
    (E("w", V("j") - 1, "n"), 4),
    (E("pad", V("i") + 2), 0),
    (E("pad", 0), 0),
    (Indicator(Compare("<", A, B)), 1),
    (Indicator(And((Compare("<", A, B), CompareIndex("=", V("i"), V("j"))))), 0),
    (Indicator(Or((Compare("=", A, B), CompareIndex("<=", V("i"), V("j"))))), 1),
    (Indicator(Not(Compare("!=", A, A))), 1),
    (Cases(((A, Compare("<", B, A)), (B, Compare("<=", A, B))), None), 4),
    (Largest("k", V(1), V("m"), E("x", "k")), 5),
    (apply("relu", A), 0), (apply("relu", B), 4), (apply("abs", A), Fraction(3, 2)), (apply("sign", A), -1),
    (apply("leaky_relu", A, N(Fraction(1, 3))), Fraction(-1, 2)),
    (apply("max", A, B), 4), (apply("min", A, B), Fraction(-3, 2)),
    (sigmoid(ZERO), Fraction(1, 2)), (apply("tanh", ZERO), 0), (apply("cosh", ZERO), 1), (apply("sinh", ZERO), 0),
])
def test_exact_value(expr, expected):
    assert value(expr) == expected


@pytest.mark.parametrize("left, right", [
    (apply("tanh", A), divide(apply("sinh", A), apply("cosh", A))),
    (sigmoid(A), divide(add(N(1), apply("tanh", divide(A, N(2)))), N(2))),
    (mul(exp(A), exp(B)), exp(add(A, B))),
    (power(exp(A), B), exp(mul(A, B))),
    (mul(sqrt(N(2)), sqrt(N(3))), sqrt(N(6))),
    (power(N(2), Fraction(2, 3)), power(N(4), Fraction(1, 3))),
])
def test_identity_is_decided_by_residues(left, right):
    evaluator = Evaluator(PLAIN)
    place = evaluator.at(AT)
    assert kernels.identical(*(place.value(evaluator.compile(side)) for side in (left, right)))


@pytest.mark.parametrize("expr", [
    divide(A, subtract(B, N(4))),
    apply("log", A), apply("log", subtract(B, N(4))),
    sqrt(A), power(A, Fraction(1, 3)), power(subtract(B, N(4)), Fraction(-1, 2)), power(A, B),
    Cases(((A, Compare("<", B, A)),), None),
    Largest("k", V(2), V(1), A),
    divide(A, subtract(mul(exp(A), exp(B)), exp(add(A, B)))),                   # a zero only the residues see
    Mul((subtract(A, A), power(subtract(B, B), -1))),         # 0/0
])
def test_undefined(expr):
    with pytest.raises(OutOfDomain):
        value(expr)


@pytest.mark.parametrize("expr, message", [
    (E("x", 4), r"x\[4\] is out of range: subscript is 4, it runs over 1..3"),
    (E("x", 0), r"x\[0\] is out of range"),
    (E("w", "i", "j"), r"w\[2,3\] is out of range: subscript 2 is 3, it runs over 1..2"),
    (S("k", V("m") + 1, E("x", "k")), r"x\[4\]"),
    (D(E("pad", 1), E("x", 9)), r"x\[9\]"),
])
def test_a_subscript_out_of_range_is_ill_formed(expr, message):
    with pytest.raises(IllFormed, match=message):
        value(expr)


@pytest.mark.parametrize("expr, message", [
    (E("xx", "i"), "did you mean 'x'"),
    (E("x"), "x has 1 subscripts, here it has 0"),
    (apply("sigmiod", A), "did you mean 'sigmoid'"),
    (apply("exp", A, B), "takes 1 argument"),
])
def test_what_has_no_meaning_anywhere_does_not_compile(expr, message):
    with pytest.raises(IllFormed, match=message):
        Evaluator(PLAIN).compile(expr)


@pytest.mark.parametrize("expr", [E("x", "k"), N("k")])
def test_a_missing_value_is_named(expr):
    with pytest.raises(IllFormed, match="no value for k"):
        value(expr)


BAD = [E("x", 9), power(subtract(A, A), -1)]


@pytest.mark.parametrize("bad", BAD)
def test_what_a_condition_rules_out_is_not_evaluated(bad):
    no = Indicator(Compare("<", B, A))
    assert value(mul(bad, no)) == 0
    assert value(mul(bad, d("i", "j"))) == 0
    assert value(mul(bad, mul(A, d("i", "j")))) == 0
    assert value(mul(bad, subtract(N(1), d("i", "i")))) == 0
    assert value(Cases(((bad, Compare("<", B, A)),), A)) == Fraction(-3, 2)
    with pytest.raises((IllFormed, OutOfDomain)):
        value(mul(bad, Indicator(Compare("<", A, B))))
    with pytest.raises((IllFormed, OutOfDomain)):
        value(mul(bad, subtract(A, A)))             # a zero that is no condition hides nothing


def test_every_tie_is_noticed_and_nothing_else():
    def tied(expr):
        evaluator = Evaluator(PLAIN)
        place = evaluator.at(AT)
        place.value(evaluator.compile(expr))
        return place.tied
    assert tied(apply("relu", subtract(A, A)))
    assert tied(apply("max", B, sqrt(N(16))))
    assert tied(Indicator(Compare("<", mul(exp(A), exp(B)), exp(add(A, B)))))
    assert tied(Largest("k", V(1), V(2), Cases(((B, CompareIndex("=", V("k"), V(1))),), N(4))))
    assert not tied(apply("relu", A))
    assert not tied(Largest("k", V(1), V(3), Cases(((N(9), CompareIndex("=", V("k"), V(3))),), N(4))))    # 4, 4, 9


def test_a_tie_that_no_exact_argument_decides_is_undecided():
    with pytest.raises(Undecided):
        value(apply("relu", subtract(add(log(N(2)), log(N(3))), log(N(6)))))


@pytest.mark.parametrize("n", [37, 41, 43, 47, 53, 59])
def test_a_root_without_a_residue_in_one_field_is_compared_in_another(n):
    assert value(apply("relu", subtract(mul(sqrt(N(n)), sqrt(N(2))), sqrt(N(2 * n))))) == 0


def test_a_close_comparison_is_decided_by_more_bits():
    near = add(exp(N(1)), N(Fraction(1, 10**70)))
    assert value(Indicator(Compare("<", exp(N(1)), near))) == 1


def test_work_is_bounded():
    with pytest.raises(OutOfBudget):
        value(S("i", 10**3, "j", 10**3, N("i")))
    with pytest.raises(OutOfBudget):
        value(S("i", 1, 10**12, N("i")))


# ------------------------------------------------------------------------------------------------------- derivatives

i, j = "i", "j"
SIGMOID = problem("sigmoid", declare(T("x"), T("y", role="node")), Definition("y", (), sigmoid(E("x"))))
SOFTMAX = problem(
    "softmax", declare(T("x", "n"), T("beta"), T("y", "n", role="node")),
    Definition("y", ("i",), divide(exp(negate(mul(E("beta"), E("x", i)))),
                                   S("k", "n", exp(negate(mul(E("beta"), E("x", "k"))))))))
BATCHNORM = problem(
    "batchnorm", declare(T("x", "m"), T("eps", props="nonnegative"), T("mu", role="node"), T("v", role="node"),
                         T("xhat", "m", role="node"), T("y", "m", role="node"), T("gamma")),
    Definition("mu", (), divide(S("k", "m", E("x", "k")), N("m"))),
    Definition("v", (), divide(S("k", "m", power(subtract(E("x", "k"), E("mu")), 2)), N("m"))),
    Definition("xhat", ("i",), mul(subtract(E("x", i), E("mu")), power(add(E("v"), E("eps")), Fraction(-1, 2)))),
    Definition("y", ("i",), mul(E("gamma"), E("xhat", i))))


def test_sigmoid():
    """y = 1/2 at 0, so y (1 - y) = 1/4; elsewhere both sides are one number."""
    assert value(D("y", E("x")), point(x=0), SIGMOID) == Fraction(1, 4)
    assert value(E("x_bar"), point(x=0, y_bar=-6), SIGMOID) == Fraction(-3, 2)
    at = point(x=Fraction(2, 3))
    y = E("y")
    assert kernels.identical(value(D("y", E("x")), at, SIGMOID), value(mul(y, subtract(N(1), y)), at, SIGMOID))


@pytest.mark.parametrize("i, j, expected", [(1, 1, Fraction(-3, 4)), (1, 2, Fraction(3, 4))])
def test_softmax_jacobian(i, j, expected):
    """-beta y_i (delta_ij - y_j) with y = (1/2, 1/2) and beta = 3."""
    at = point(integers={"n": 2, "i": i, "j": j}, x=(1, 1), beta=3)
    assert kernels.identical(evaluate(SOFTMAX, D(E("y", "i"), E("x", "j")), at), kernels.rational(expected))
    at = point(integers={"n": 2, "i": i, "j": j}, x=(0, 0), beta=3)
    assert value(D(E("y", "i"), E("x", "j")), at, SOFTMAX) == expected


@pytest.mark.parametrize("x, eps, g, i, expected", [
    # y_1 = d / sqrt(d^2 + 3) with d = (x_1 - x_2)/2 = -1: half of 3 / (d^2 + 3)^(3/2) = 3/8
    ((0, 2), 3, (1, 0), 1, Fraction(3, 16)), ((0, 2), 3, (1, 0), 2, Fraction(-3, 16)),
    # mu = 1, v = 2, root 2, dv/dx_1 = -2/3: dy_1/dx_1 = (2/3)/2 - 1/2 * 1/8 * 2/3
    ((0, 0, 3), 2, (1, 0, 0), 1, Fraction(7, 24)),
    # dv/dx_3 = 4/3: dy_1/dx_3 = (-1/3)/2 + 1/2 * 1/8 * 4/3
    ((0, 0, 3), 2, (1, 0, 0), 3, Fraction(-1, 12)),
    # without epsilon a batch of 2 always gives (-1, 1): the gradient is zero
    ((0, 2), 0, (1, 0), 1, 0), ((5, -3), 0, (2, 7), 2, 0),
])
def test_batchnorm(x, eps, g, i, expected):
    at = point(integers={"m": len(x), "i": i}, x=x, eps=eps, gamma=1, y_bar=g)
    assert value(D("E", E("x", "i")), at, BATCHNORM) == expected
    assert value(E("x_bar", "i"), at, BATCHNORM) == expected


def test_batchnorm_of_one_entry_without_epsilon_has_no_value():
    with pytest.raises(OutOfDomain):
        value(D("E", E("x", 1)), point(integers={"m": 1}, x=(3,), eps=0, gamma=1, y_bar=(1,)), BATCHNORM)


SPREAD = problem(
    "spread", declare(T("x", "m"), T("mu", role="node"), T("v", role="node"), T("z", role="node")),
    Definition("mu", (), divide(S("k", "m", E("x", "k")), N("m"))),
    Definition("v", (), subtract(divide(S("k", "m", power(E("x", "k"), 2)), N("m")), power(E("mu"), 2))),
    Definition("z", (), add(mul(N(10), E("v")), E("mu"))), outputs=("z",))
XS = point(integers={"m": 2}, x=(1, 5), z_bar=3)                 # mu = 3, v = 13 - 9 = 4


@pytest.mark.parametrize("derivative, expected", [
    (D("v", E("x", 1)), -2),                       # 2 x_1/m - 2 mu/m = 1 - 3
    (D("v", E("x", 1), "local"), 1),               # mu held fixed: 2 x_1/m
    (D("v", E("mu")), -6),                         # a node keeps its value and is independent: -2 mu
    (D("v", E("mu"), "local"), -6),
    (D("z", E("mu")), -59),                        # through v: 10 * -6 + 1
    (D("z", E("mu"), "local"), 1),
    (D("z", E("x", 1), "local"), 0),               # z does not read x itself
    (D("z", E("x", 1)), Fraction(-39, 2)),         # 10 * -2 + 1/2
    (D("E", E("x", 1)), Fraction(-117, 2)),
    (D("E", E("mu")), -177),
    (D("E", E("z")), 3),
    (D("E", E("z"), "local"), 3),
    (D("E", E("v"), "local"), 0),
    (E("v_bar"), 30),
    (E("z_bar"), 3),
    (D("E", E("E")), 1),
    (D("mu", E("v")), 0),                          # upwards nothing depends
    (D(E("x", 1), E("x", 1), "local"), 1), (D(E("x", 1), E("x", 2)), 0),
    (S("k", "m", D("v", E("x", "k"))), 0),         # a shift does not change the spread
])
def test_total_and_local(derivative, expected):
    assert value(derivative, XS, SPREAD) == expected


def test_the_derivative_by_an_entry_that_is_also_summed_over():
    """d/dx_j of sum_j x_j^2 = 2 x_j: the bound j is another one."""
    total = problem("squares", declare(T("x", "m"), T("q", role="node")),
                    Definition("q", (), S("j", "m", power(E("x", "j"), 2))), outputs=("q",))
    assert value(D("q", E("x", "j")), point(integers={"m": 3, "j": 2}, x=(1, 10, 100)), total) == 20


CUBE = problem("cube", declare(T("x"), T("E", role="node"), T("g", role="node")),
               Definition("E", (), power(E("x"), 3)), Definition("g", (), D("E", E("x"))), outputs=())


def test_a_scalar_node_is_its_own_loss_and_derivatives_nest():
    at = point(x=2)
    assert value(E("x_bar"), at, CUBE) == 12
    assert value(E("E_bar"), at, CUBE) == 1
    assert value(D("g", E("x")), at, CUBE) == 12                                # (x^3)'' = 6 x
    assert value(D(E("x_bar"), E("x")), at, CUBE) == 12


def test_nested_derivatives_are_told_apart():
    """d/dx (d/dz (x z)) = 1: the inner derivative is x, and does not see the tangent that x carries."""
    nested = problem("nested", declare(T("x"), T("z"), T("q", role="node"), T("g", role="node")),
                     Definition("q", (), mul(E("x"), E("z"))), Definition("g", (), D("q", E("z"))), outputs=())
    assert value(D("g", E("x")), point(x=5, z=7), nested) == 1
    assert value(D("g", E("z")), point(x=5, z=7), nested) == 0


def test_what_an_abstract_loss_does_not_say_is_refused():
    with pytest.raises(Unsupported, match="no value"):
        value(E("E"), XS, SPREAD)
    with pytest.raises(Unsupported, match="second derivative"):
        value(D(E("v_bar"), E("x", 1)), XS, SPREAD)


# ------------------------------------------------------------------------------------------------------------- kinks


def elementwise(name, *more):
    return problem(name, declare(T("x"), T("a"), T("y", role="node")),
                   Definition("y", (), apply(name, E("x"), *more)))


@pytest.mark.parametrize("name, more, by, x, expected", [
    ("relu", (), "x", 0, 0), ("relu", (), "x", 2, 1), ("relu", (), "x", -2, 0),
    ("abs", (), "x", 0, 1), ("abs", (), "x", -2, -1),
    ("sign", (), "x", 0, 0), ("sign", (), "x", 3, 0),
    ("leaky_relu", (E("a"),), "x", 0, 1), ("leaky_relu", (E("a"),), "x", -2, Fraction(1, 4)),
    ("leaky_relu", (E("a"),), "a", 0, 0), ("leaky_relu", (E("a"),), "a", -2, -2),
    ("max", (E("a"),), "x", Fraction(1, 4), Fraction(1, 2)), ("max", (E("a"),), "a", Fraction(1, 4), Fraction(1, 2)),
    ("max", (E("a"),), "x", 1, 1), ("max", (N(0),), "x", 0, Fraction(1, 2)),
    ("min", (E("a"),), "x", 1, 0), ("min", (E("a"),), "a", Fraction(1, 4), Fraction(1, 2)),
])
def test_kink(name, more, by, x, expected):
    """The conventions of JAX 0.10.2, which the table of functions holds; here a = 1/4."""
    assert value(D("y", E(by)), point(x=x, a=Fraction(1, 4)), elementwise(name, *more)) == expected


def test_an_exercise_may_declare_its_own_convention():
    own = replace(elementwise("relu"), kinks={"relu": E("a")})
    assert value(D("y", E("x")), point(x=0, a=Fraction(1, 3)), own) == Fraction(1, 3)
    assert value(D("y", E("x")), point(x=2, a=Fraction(1, 3)), own) == 1


def test_a_kink_inside_a_kink():
    """y = |relu(x)| + max(x, x): at 0 it is 1 * 0 + (1/2 + 1/2)."""
    x = E("x")
    nested = problem("nested", declare(T("x"), T("y", role="node")),
                     Definition("y", (), add(apply("abs", apply("relu", x)), apply("max", x, x))))
    assert value(D("y", x), point(x=0), nested) == 1


def test_a_kink_that_no_ball_sees():
    """relu(sqrt(x) sqrt(3) - sqrt(3 x)) is 0 everywhere; on the kink the convention gives 0, not the slope."""
    x = E("x")
    hidden = problem("hidden", declare(T("x"), T("y", role="node")),
                     Definition("y", (), apply("relu", subtract(mul(sqrt(x), sqrt(N(3))), sqrt(mul(N(3), x))))))
    assert value(D("y", x), point(x=2), hidden) == 0


@pytest.mark.parametrize("x, gradient", [((1, 3, 3), (0, 1, 0)), ((2, 2, 1), (1, 0, 0)), ((0, 1, 2), (0, 0, 1))])
def test_the_first_winner_of_a_window_takes_all(x, gradient):
    window = problem("window", declare(T("x", "m"), T("y", role="node")),
                     Definition("y", (), Largest("k", V(1), V("m"), E("x", "k"))))
    at = point(integers={"m": 3}, x=x)
    assert tuple(value(D("y", E("x", k)), at, window) for k in (1, 2, 3)) == gradient


@pytest.mark.parametrize("power_of", [Fraction(1, 2), Fraction(-1, 2)])
def test_a_root_has_no_derivative_at_zero(power_of):
    square = mul(E("x"), E("x"))
    rooted = problem("rooted", declare(T("x"), T("y", role="node")), Definition("y", (), power(square, power_of)))
    with pytest.raises(OutOfDomain):
        value(D("y", E("x")), point(x=0), rooted)


# ------------------------------------------------------------------------------------------- padding and expectation


def test_padding_reads_zero_and_its_derivative_is_zero():
    """y_i = x_{i-1} + x_{i+1} with zeros outside."""
    padded = problem("padded", declare(T("x", "m", zero=True), T("y", "m", role="node")),
                     Definition("y", ("i",), add(E("x", V("i") - 1), E("x", V("i") + 1))))
    at = point(integers={"m": 3, "i": 1}, x=(1, 10, 100), y_bar=(1, 2, 4))
    assert [value(E("y", k), at, padded) for k in (1, 2, 3)] == [10, 101, 10]
    assert [value(D("E", E("x", k)), at, padded) for k in (1, 2, 3)] == [2, 5, 2]
    assert value(D(E("y", 1), E("x", 0)), at, padded) == 0


def test_average_pooling_without_a_kernel_keeps_its_range():
    """y_i = (x_{2i-1} + x_{2i}) / 2: x_5 of 5 is in no window."""
    pooled = problem("pool", declare(T("x", 2 * V("n") + 1), T("y", "n", role="node")),
                     Definition("y", ("i",), divide(S("k", 2, E("x", 2 * V("i") - 2 + V("k"))), N(2))))
    at = point(integers={"n": 2}, x=(1, 2, 3, 4, 5), y_bar=(10, 20))
    assert [value(D("E", E("x", k)), at, pooled) for k in range(1, 6)] == [5, 5, 10, 10, 0]


DROPOUT = problem("dropout", declare(T("x", "m"), T("p"), T("r", "m", props="binary"), T("y", role="node")),
                  Definition("y", (), Expectation("r", E("p"), power(S("k", "m", mul(E("r", "k"), E("x", "k"))), 2))))
MASKED = point(integers={"m": 2}, x=(1, 2), p=Fraction(1, 3), y_bar=1)


def test_expectation():
    """E (sum r x)^2 = p (1-p) sum x^2 + p^2 (sum x)^2 = 2/9 * 5 + 1/9 * 9."""
    assert value(E("y"), MASKED, DROPOUT) == Fraction(19, 9)
    assert value(D("y", E("x", 1)), MASKED, DROPOUT) == Fraction(10, 9)         # 2 p (1-p) x_1 + 2 p^2 sum x
    assert value(D("y", E("p")), MASKED, DROPOUT) == Fraction(23, 3)            # (1-2p) sum x^2 + 2 p (sum x)^2


def test_expectation_follows_the_nodes_that_read_the_mask():
    tensors = declare(T("x", "m"), T("p"), T("r", "m"), T("h", "m", role="node"), T("y", role="node"))
    through = problem("through", tensors, Definition("h", ("i",), mul(E("r", "i"), E("x", "i"))),
                      Definition("y", (), Expectation("r", E("p"), power(S("k", "m", E("h", "k")), 2))))
    assert value(E("y"), MASKED, through) == Fraction(19, 9)
    assert value(D("y", E("x", 1)), MASKED, through) == Fraction(10, 9)


def test_expectation_of_a_sure_mask_does_not_read_the_impossible():
    sure = point(integers={"m": 2}, x=(1, 2), p=1)
    inverse = Expectation("r", E("p"), divide(N(6), S("k", "m", mul(E("r", "k"), E("x", "k")))))
    assert value(inverse, sure, DROPOUT) == 2
    with pytest.raises(OutOfDomain):
        value(inverse, MASKED, DROPOUT)


def test_an_expectation_over_many_entries_is_refused():
    with pytest.raises(OutOfBudget):
        value(E("y"), point(integers={"m": 30}, x=(1,) * 30, p=Fraction(1, 3)), DROPOUT)


# --------------------------------------------------------------------------------------------------------------- laws


def test_dual_numbers_agree_with_difference_quotients_of_a_polynomial_layer():
    """y_i = (sum_j w_ij x_j)^3: f(x + h) = f + 3 f' h + ..., exactly, for rational h."""
    cubic = problem("cubic", declare(T("w", "m", "n"), T("x", "n"), T("y", "m", role="node")),
                    Definition("y", ("i",), power(S("k", "n", mul(E("w", "i", "k"), E("x", "k"))), 3)))
    w, x = ((1, -2), (3, Fraction(1, 2))), (Fraction(2, 3), 5)
    for row, column in product((1, 2), (1, 2)):
        def f(h, row=row, column=column):
            moved = tuple(v + h * (k == column) for k, v in enumerate(x, start=1))
            return value(E("y", row), point(integers={"m": 2, "n": 2}, w=w, x=moved), cubic)
        slope = (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / 12        # exact for degree 4
        assert value(D(E("y", row), E("x", column)), point(integers={"m": 2, "n": 2}, w=w, x=x), cubic) == slope


def test_a_place_remembers_and_stays_right_for_other_indices():
    evaluator = Evaluator(BATCHNORM)
    formula = evaluator.compile(D("E", E("x", "i")))
    place = evaluator.at(point(integers={"m": 3}, x=(0, 0, 3), eps=2, gamma=1, y_bar=(1, 0, 0)))
    expected = [Fraction(7, 24), Fraction(-5, 24), Fraction(-1, 12)]            # they add up to zero
    assert [kernels.exact(place.value(formula, {"i": k})) for k in (1, 2, 3)] == expected
    assert [kernels.exact(place.value(formula, {"i": k})) for k in (3, 2, 1)] == expected[::-1]
    assert {tensor.name for tensor in evaluator.given(D("E", E("x", "i")))} == {"x", "eps", "gamma", "y_bar"}
