"""Autodiff's word: JAX's conventions as measured, right formulas that agree, wrong ones that do not, nothing else."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flint import arb
from jax import lax
from words import *

import derivs
from derivs.bounded import UNIT
from derivs.derivation import Agreement
from derivs.derive import Graph
from derivs.errors import IllFormed
from derivs.expr import Compare, Expectation, Indicator, Largest
from derivs.oracle import agree
from derivs.oracle.rounding import with_rounding
from derivs.problem import Target
from derivs.rules.functions import FUNCTIONS
from derivs.samples import arrays, shapes, table

jax.config.update("jax_enable_x64", True)

# ---------------------------------------------------------------------------------------- JAX's conventions on a kink


@pytest.mark.parametrize("name, function, at, slopes", [
    ("max", jnp.maximum, (1.0, 1.0), (0.5, 0.5)),
    ("min", jnp.minimum, (1.0, 1.0), (0.5, 0.5)),
    ("relu", jax.nn.relu, (0.0,), (0.0,)),
    ("abs", jnp.abs, (0.0,), (1.0,)),
    ("abs", jnp.abs, (-0.0,), (1.0,)),
    ("sign", jnp.sign, (0.0,), (0.0,)),
    ("leaky_relu", jax.nn.leaky_relu, (0.0, 0.25), (1.0, 0.0)),
])
def test_the_convention_on_a_kink_is_that_of_jax(name: str, function: Callable[..., Any], at: tuple[float, ...],
                                                 slopes: tuple[float, ...]) -> None:
    assert tuple(map(float, jax.grad(function, argnums=tuple(range(len(at))))(*at))) == slopes
    kink = FUNCTIONS[name].kink
    assert kink is not None
    assert kink(*(E(c) for c in "ab"[:len(at)]))[1] == tuple(N(Fraction(slope)) for slope in slopes)


def test_maximum_with_zero_is_not_relu_on_its_kink() -> None:
    assert jax.grad(lambda x: jnp.maximum(x, 0.0))(0.0) == 0.5


def test_the_maximum_of_a_window_goes_to_the_first_winner() -> None:
    def pool(x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (3,), (3,), "VALID").sum()

    assert jax.grad(pool)(jnp.array([1.0, 2.0, 2.0])).tolist() == [0, 1, 0]


def test_the_maximum_of_an_array_is_shared_by_its_winners() -> None:
    assert jax.grad(jnp.max)(jnp.array([1.0, 2.0, 2.0])).tolist() == [0, 0.5, 0.5]


def test_xla_flushes_what_is_below_the_normal_numbers() -> None:
    """Why every rounding has an absolute part of 2^-1022."""
    assert jax.jit(lambda a: a * 1e-115)(jnp.array(1e-200)) == 0


# ----------------------------------------------------------------------------------------- the bound on JAX's rounding


@pytest.mark.parametrize("function, exact, low, high", [
    (jnp.exp, arb.exp, -700, 700), (jnp.log, arb.log, 1e-300, 10), (jnp.log1p, arb.log1p, -0.9, 10),
    (jnp.expm1, arb.expm1, -5, 5), (jnp.tanh, arb.tanh, -5, 5), (jnp.sinh, arb.sinh, -5, 5),
    (lax.erf, arb.erf, -4, 4), (lax.erfc, arb.erfc, -4, 4), (lax.logistic, lambda u: 1 / (1 + (-u).exp()), -30, 30),
    (jnp.cosh, arb.cosh, -700, 700), (lax.exp2, lambda u: arb(2) ** u, -700, 700), (lax.rsqrt, arb.rsqrt, 1e-9, 10),
    (lambda u: lax.integer_pow(u, -7), lambda u: u ** -7, 0.1, 10),
    (jnp.sin, arb.sin, -50, 50), (jnp.cos, arb.cos, -50, 50),
    (lambda u: 1 - jax.nn.sigmoid(u), lambda u: 1 / (1 + u.exp()), -40, 40),           # cancels for large u
    (lambda u: (1 + u) - 1, lambda u: u, -1e-12, 1e-12),
    (lambda u: jnp.exp(u * 0.1) ** 2.5, lambda u: (u * arb(0.1) * arb(2.5)).exp(), -100, 100),
])
def test_the_bound_on_jax_holds(function: Callable[[Any], Any], exact: Callable[[arb], arb], low: float,
                                high: float) -> None:
    u = np.random.default_rng(0).uniform(low, high, 500)
    value, error = jax.jit(with_rounding(function))(u)
    assert np.all(np.isfinite(error))
    for x, y, bound in zip(u, np.asarray(value), np.asarray(error), strict=True):
        assert not abs(exact(arb(float(x))) - arb(float(y))) > arb(float(bound))


def test_overflow_on_the_way_leaves_an_infinite_bound() -> None:
    value, error = with_rounding(lambda u: 1 / jnp.exp(u))(jnp.array([800.0, 0.0]))
    assert value.tolist() == [0, 1] and error[0] == jnp.inf and 0 < error[1] < 8 * 4 * UNIT


# --------------------------------------------------------------------------------------------------------- exercises


def exercise(base: Problem, reference: Callable[..., Any] | None, *claims: Claim) -> Problem:
    return replace(base, reference=reference, targets=tuple(map(Target, claims)))


def asked(problem: Problem, examples: int = 200, seed: int = 0) -> list[Agreement]:
    return agree(problem, Graph(problem).adjoints(), examples=examples, seed=seed)


x, y, g = (lambda i: E("x", i)), (lambda i: E("y", i)), (lambda i: E("y_bar", i))
M = N("m")

SIGMOID = problem("sigmoid", declare(T("x", "n"), T("y", "n", role="node")),
                  Definition("y", ("i",), divide(ONE, add(ONE, exp(negate(x("i")))))))
SOFTMAX = problem("softmax", declare(T("x", "n"), T("beta", props="positive"), T("y", "n", role="node")),
                  Definition("y", ("i",), divide(exp(negate(mul(E("beta"), x("i")))),
                                                 S("k", "n", exp(negate(mul(E("beta"), x("k"))))))))
BATCHNORM = problem("batchnorm",
                    declare(T("x", "m"), T("eps", props="positive"), T("mu", role="node"), T("var", role="node"),
                            T("y", "m", role="node")),
                    Definition("mu", (), divide(S("k", "m", x("k")), M)),
                    Definition("var", (), divide(S("k", "m", power(subtract(x("k"), E("mu")), 2)), M)),
                    Definition("y", ("i",), mul(subtract(x("i"), E("mu")),
                                                power(add(E("var"), E("eps")), Fraction(-1, 2)))))
RELU = problem("relu", declare(T("x", "n"), T("y", "n", role="node")), Definition("y", ("i",), apply("relu", x("i"))))
TWICE = problem("twice", declare(T("x", "n"), T("y", "n", role="node")), Definition("y", ("i",), mul(N(2), x("i"))))
MAX_DAG = problem("maximum", declare(T("a"), T("b"), T("s", role="node"), T("t", role="node"), T("y", role="node")),
                  Definition("s", (), sigmoid(E("a"))), Definition("t", (), sigmoid(E("b"))),
                  Definition("y", (), apply("max", E("s"), E("t"))))
CROSS = problem("cross-entropy", declare(T("x", "n"), T("t", "n"), T("L", role="node"), loss="L"),
                Definition("L", (), subtract(mul(S("k", "n", E("t", "k")), log(S("k", "n", exp(x("k"))))),
                                             S("k", "n", mul(E("t", "k"), x("k"))))), outputs=("L",), loss="L")


def sigmoid_reference(x):  # type: ignore[no-untyped-def]
    return jax.nn.sigmoid(x)


def softmax_reference(x, beta):  # type: ignore[no-untyped-def]
    return {"y": jax.nn.softmax(-beta * x)}


def batchnorm_reference(x, eps, mu=0.0, var=0.0):  # type: ignore[no-untyped-def]
    mean = jnp.mean(x) + mu
    variance = jnp.mean((x - mean) ** 2) + var
    return (x - mean) / jnp.sqrt(variance + eps)


def relu_reference(x):  # type: ignore[no-untyped-def]
    return jax.nn.relu(x)


def twice_reference(x):  # type: ignore[no-untyped-def]
    return x + x


def maximum_reference(a, b):  # type: ignore[no-untyped-def]
    return jnp.maximum(jax.nn.sigmoid(a), jax.nn.sigmoid(b))


def cross_reference(x, t):  # type: ignore[no-untyped-def]
    return -jnp.vdot(t, jax.nn.log_softmax(x))


def sigma(eps: Expr) -> Expr:
    return power(add(E("var"), eps), Fraction(1, 2))


EPS = E("eps")


def batchnorm_gradient(*missing: str, eps: Expr = EPS) -> Expr:
    """(m g_j - sum_k g_k - y_j sum_k g_k y_k) / (m sigma), perhaps without a term."""
    terms = {"own": mul(M, g("j")), "mean": negate(S("k", "m", g("k"))),
             "variance": negate(mul(y("j"), S("k", "m", mul(g("k"), y("k")))))}
    return divide(add(*(term for name, term in terms.items() if name not in missing)), mul(M, sigma(eps)))


JACOBIAN = mul(negate(E("beta")), y("i"), subtract(d("i", "j"), y("j")))
SOFTMAX_GRADIENT = mul(negate(E("beta")), y("j"), subtract(g("j"), S("k", "n", mul(g("k"), y("k")))))
P = divide(exp(x("j")), S("k", "n", exp(x("k"))))
POSITIVE = Indicator(Compare("<", N(0), x("j")))
HALF = Fraction(1, 2)


def tie(value: Fraction | int) -> Expr:
    """∂y/∂s of y = max(s, t), which is `value` where s = t."""
    return add(Indicator(Compare("<", E("t"), E("s"))), mul(N(value), Indicator(Compare("=", E("t"), E("s")))))


def by_a(slope: Expr) -> Expr:
    return mul(E("y_bar"), slope, E("s"), subtract(N(1), E("s")))


RIGHT = {
    "sigmoid": (SIGMOID, sigmoid_reference, [
        Claim(D("E", x("i")), mul(g("i"), y("i"), subtract(ONE, y("i")))),
        Claim(D("E", x("i")), divide(mul(g("i"), exp(negate(x("i")))), power(add(ONE, exp(negate(x("i")))), 2))),
        Claim(D("E", x("i")), E("x_bar", "i")),
        Claim(y("i"), sigmoid(x("i")))]),
    "softmax": (SOFTMAX, softmax_reference, [
        Claim(D(y("i"), x("j")), JACOBIAN),
        Claim(D(y("i"), x("j")), mul(E("beta"), y("i"), y("j")), (Given("!=", V("i"), V("j")),)),
        Claim(D(y("i"), x("j")), mul(E("beta"), y("i"), subtract(y("i"), N(1))), (Given("=", V("i"), V("j")),)),
        Claim(D("E", x("j")), SOFTMAX_GRADIENT), Claim(D("E", E("beta")), E("beta_bar"))]),
    "batchnorm": (BATCHNORM, batchnorm_reference, [
        Claim(D("E", x("j")), batchnorm_gradient()),
        Claim(D("E", E("mu")), negate(divide(S("k", "m", g("k")), sigma(E("eps"))))),
        Claim(D("E", E("var")), E("var_bar")),
        Claim(D("E", x("j")), E("x_bar", "j"))]),
    "relu": (RELU, relu_reference, [Claim(D("E", x("j")), mul(g("j"), POSITIVE))]),
    "a constant": (TWICE, twice_reference, [Claim(D(y("i"), x("j")), mul(N(2), d("i", "j")))]),
    "maximum": (MAX_DAG, maximum_reference, [Claim(D("E", E("a")), by_a(tie(HALF)))]),
    "cross-entropy": (CROSS, cross_reference, [
        Claim(D("L", x("j")), subtract(mul(P, S("k", "n", E("t", "k"))), E("t", "j"))),
        Claim(D("L", x("j")), subtract(P, E("t", "j")), (Given("=", S("k", "n", E("t", "k")), N(1)),)),
        Claim(E("L"), E("L"))]),
}


@pytest.mark.parametrize("base, reference, claims", RIGHT.values(), ids=RIGHT)
def test_right_formulas_agree(base: Problem, reference: Callable[..., Any], claims: list[Claim]) -> None:
    for claim, said in zip(claims, asked(exercise(base, reference, *claims)), strict=True):
        assert not said.failure and not said.note, claim
        assert said.examples >= 200
        assert said.worst < 1


WRONG = {
    "a factor 1 + 1e-9": (SIGMOID, sigmoid_reference, Claim(
        D("E", x("i")), mul(N(1 + Fraction(1, 10**9)), g("i"), y("i"), subtract(ONE, y("i"))))),
    "a constant": (TWICE, twice_reference, Claim(D(y("i"), x("j")), N(2))),
    "the sign": (SIGMOID, sigmoid_reference, Claim(D("E", x("i")), mul(g("i"), y("i"), subtract(y("i"), ONE)))),
    "on the kink": (RELU, relu_reference, Claim(
        D("E", x("j")), mul(g("j"), Indicator(Compare("<=", N(0), x("j")))))),
    "at a tie": (MAX_DAG, maximum_reference, Claim(D("E", E("a")), by_a(tie(1)))),
    "a term that vanishes for m = 1": (BATCHNORM, batchnorm_reference, Claim(
        D("E", x("j")), batchnorm_gradient("variance"))),
    "wrong only for m > 2": (BATCHNORM, batchnorm_reference, Claim(
        D("E", x("j")), add(batchnorm_gradient(),
                            mul(subtract(M, N(1)), subtract(M, N(2)), N(Fraction(1, 10**6)), g("j"))))),
    "epsilon forgotten": (BATCHNORM, batchnorm_reference, Claim(D("E", x("j")), batchnorm_gradient(eps=N(0)))),
    "epsilon outside of the root": (BATCHNORM, batchnorm_reference, Claim(
        D("E", E("mu")), negate(divide(S("k", "m", g("k")), add(sigma(N(0)), E("eps")))))),
    "the Jacobian transposed in one factor": (SOFTMAX, softmax_reference, Claim(
        D(y("i"), x("j")), mul(negate(E("beta")), y("i"), subtract(d("i", "j"), y("i"))))),
    "labels that do not sum to 1": (CROSS, cross_reference, Claim(D("L", x("j")), subtract(P, E("t", "j")))),
    "the value": (SIGMOID, sigmoid_reference, Claim(y("i"), sigmoid(mul(N(2), x("i"))))),
}


@cache
def of_wrong(name: str) -> Agreement:
    (said,) = asked(exercise(*WRONG[name]))
    return said


@pytest.mark.parametrize("name", WRONG)
def test_wrong_formulas_disagree(name: str) -> None:
    said = of_wrong(name)
    assert said.failure and said.worst > 1


@pytest.mark.parametrize("name", WRONG)
def test_a_failure_is_a_program_that_shows_what_autodiff_said(name: str) -> None:
    said, (_, reference, _) = of_wrong(name), WRONG[name]
    printed: list[Any] = []
    exec(said.failure, {"reference": reference, "print": printed.append})
    (value,) = printed
    values = np.ravel(value["y"] if isinstance(value, dict) else value).tolist()
    shown = float(said.failure.split("autodiff says ")[1].split(",")[0])
    assert any(abs(shown - v) <= 1e-12 * abs(v) for v in values)


def test_a_failure_is_shrunk_to_the_simplest_input() -> None:
    said = of_wrong("a factor 1 + 1e-9")
    assert said.failure == """\
# exercise sigmoid, whose forward pass is `reference`
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
x = np.array([0.0])
y_bar = np.array([1.0])
print(jax.grad(lambda v: (y_bar * reference(x=v)).sum())(x))
# ∂E/∂x[1]: autodiff says 0.25, the formula 0.25000000025;
# rounding explains a difference of 1.9e-15
# in exact arithmetic: the left side is 1/4, the formula 0.250000, its excess 1/4000000000"""


def test_the_size_at_which_a_formula_goes_wrong_is_the_least() -> None:
    said = of_wrong("wrong only for m > 2")
    assert len(eval(said.failure.split("x = np.array(")[1].split(")")[0])) == 3


def test_one_wrong_target_does_not_silence_the_others() -> None:
    right, wrong = RIGHT["sigmoid"][2][0], WRONG["the sign"][2]
    first, second, third = asked(exercise(SIGMOID, sigmoid_reference, right, wrong, right))
    assert first.examples >= 200 and third.examples >= 200 and not first.failure and not third.failure
    assert second.failure


def test_the_same_seed_says_the_same() -> None:
    both = exercise(SIGMOID, sigmoid_reference, RIGHT["sigmoid"][2][0], WRONG["the sign"][2])
    assert asked(both) == asked(both)


def test_an_exercise_with_its_own_kinks_is_not_compared_on_them() -> None:
    own = replace(RELU, kinks={"relu": (N(1),)})                          # type: ignore[dict-item]
    claim = Claim(D("E", x("j")), mul(g("j"), Indicator(Compare("<=", N(0), x("j")))))
    (said,) = agree(exercise(own, relu_reference, claim), {}, examples=200)
    assert not said.failure and said.examples >= 200


def test_convolutions_and_windows_are_followed() -> None:
    n, h = symbol("n"), symbol("h")
    tensors = declare(T("x", n + h - 1, zero=True), T("w", "h", zero=True), T("y", "n", role="node", zero=True))
    base = problem("conv", tensors, Definition("y", ("i",), S("k", "h", mul(E("x", V("i") + V("k") - 1), E("w", "k")))))

    def reference(x, w):  # type: ignore[no-untyped-def]
        return lax.conv_general_dilated(x[None, None], w[None, None], (1,), "VALID")[0, 0]

    full = S("i", "n", mul(g("i"), E("w", V("j") - V("i") + 1)))
    flipped = S("i", "n", mul(g("i"), E("w", V("i") - V("j") + 1)))
    right, wrong = asked(exercise(base, reference, Claim(D("E", x("j")), full), Claim(D("E", x("j")), flipped)))
    assert right.examples >= 200 and not right.failure
    assert wrong.failure

    pool = problem("pool", declare(T("x", n + 1), T("y", "n", role="node")),
                   Definition("y", ("i",), Largest("k", V(0), V(1), x(V("i") + V("k")))))
    (said,) = agree(exercise(pool, lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2,), (1,), "VALID"),
                             Claim(y("i"), y("i"))), {}, examples=200)
    assert said.examples >= 200 and not said.failure


@pytest.mark.parametrize("reference, left, note", [
    (None, D("E", x("i")), "the exercise has no reference"),
    (sigmoid_reference, D(y("i"), x("i"), "local"), "autodiff has no local derivative: it goes through every node"),
    (sigmoid_reference, Expectation("x", N(HALF), x("i")), "autodiff knows no expectations"),
    (sigmoid_reference, E("E"), "E has no value: only its gradient by y is given"),
    (sigmoid_reference, D("E", y("i")), "the reference has no handle on y\n"
                                        "    give it a keyword y=0.0 that is added to the node y"),
])
def test_what_autodiff_cannot_speak_to_is_said(reference: Callable[..., Any] | None, left: Expr, note: str) -> None:
    assert agree(exercise(SIGMOID, reference, Claim(left, E("x", "i"))), {}, examples=10) == [Agreement(0, 0.0, note)]


@pytest.mark.parametrize("reference, message", [
    (lambda z: z, "the reference cannot be run: TypeError: .*it is called as reference\\(x=...\\)"),
    (lambda x: x.sum(), "by the reference y has shape \\(\\), by the exercise \\(1,\\)"),
])
def test_a_reference_that_does_not_fit_is_said(reference: Callable[..., Any], message: str) -> None:
    with pytest.raises(IllFormed, match="(?s)" + message):
        agree(exercise(SIGMOID, reference, Claim(y("i"), y("i"))), {}, examples=10)


# ------------------------------------------------------------------------------------------------------------- samples


def test_shapes_hold_the_constraints_start_at_one_and_have_different_sizes() -> None:
    base = problem("sizes", declare(T("x", "H", "C"), T("w", "h")), outputs=(), facts=(V("H") - V("h"),))
    found = [shape.sizes for shape in shapes(base, base.inputs, np.random.default_rng(0))]
    assert found[0] == {"C": 1, "H": 1, "h": 1}
    assert all(sizes["H"] >= sizes["h"] for sizes in found)
    assert any(len(set(sizes.values()) - {1}) == 3 for sizes in found)


@pytest.mark.parametrize("property_, holds", [
    ("positive", lambda a: (a > 0).all()),
    ("nonnegative", lambda a: (a >= 0).all()),
    ("in(0,1)", lambda a: ((a > 0) & (a < 1)).all()),
    ("binary", lambda a: ((a == 0) | (a == 1)).all()),
    ("onehot", lambda a: ((a == 0) | (a == 1)).all() and (a.sum(-1) == 1).all()),
    ("simplex", lambda a: (a >= 0).all() and (a.sum(-1) == 1).all()),
])
def test_samples_have_the_properties_of_their_tensor(property_: str, holds: Callable[[Any], bool]) -> None:
    assert holds(sampled(property_, {}))


def test_a_tensor_that_a_claim_takes_to_sum_to_one_often_does_exactly() -> None:
    sums = sampled("", {"x": 1}).sum(-1)
    assert 0.3 < np.mean(sums == 1) < 0.7


def test_samples_have_zeros_of_both_signs_ties_and_large_and_tiny_numbers() -> None:
    found = sampled("", {})
    zero = found == 0
    assert (zero & np.signbit(found)).any() and (zero & ~np.signbit(found)).any()
    assert (abs(found) > 1e3).any() and ((abs(found) < 1e-6) & ~zero).any()
    assert (found[..., :1] == found[..., 1:]).all(axis=(1, 2)).any()


def test_the_simplest_input_is_zero() -> None:
    (found,) = arrays(*one_array("", 1, seed=None), {}).values()
    assert not found.any()


def one_array(property_: str, inputs: int, seed: int | None) -> Any:
    base = problem("sample", declare(T("x", 3, 4, props=property_)), outputs=())
    (shape,) = shapes(base, base.inputs, np.random.default_rng(0))
    rng = np.random.default_rng(seed)
    drawn = [bytes(shape.bytes) if seed is None else rng.bytes(shape.bytes) for _ in range(inputs)]
    return shape, drawn, table(rng)


def sampled(property_: str, closed: dict[str, int]) -> Any:
    return arrays(*one_array(property_, 2000, seed=1), closed)["x"]


# -------------------------------------------------------------------------------------------------------------- layers


def test_only_the_oracle_imports_jax() -> None:
    modules = sorted(module.name for module in pkgutil.walk_packages(derivs.__path__, "derivs.")
                     if not module.name.startswith(("derivs.oracle", "derivs.problems", "derivs.__main__")))
    program = f"import sys\nfor name in {modules!r}: __import__(name)\nassert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
