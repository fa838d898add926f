"""Opaque functions: what is proved holds for every smooth f, what is refuted is refuted for an f that is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from flint import fmpq
from words import *

from derivs.arrays import Batch, evaluate
from derivs.border import to_sympy
from derivs.bounded import exactly
from derivs.derive import Graph
from derivs.differentiate import differentiate
from derivs.errors import IllFormed, Unsupported
from derivs.evaluate import evaluate as exact_value
from derivs.judge import judge
from derivs.kernels import Dual, polynomial, rational
from derivs.latex import latex
from derivs.names import GREEK
from derivs.prove import Equal, NotShown, prove
from derivs.rules.functions import row
from derivs.rules.opaque import opaque_in, opaque_text
from derivs.rules.opaque import polynomial as taken
from derivs.text import text
from derivs.typst import typst
from derivs.verdict import Point, Proved, Refuted

a, b, w, i, j = E("a"), E("b"), E("w"), V("i"), V("j")
x_i, u_i = E("x", "i"), add(mul(E("w"), E("x", "i")), E("b"))


def f(u: Expr, primes: int = 0) -> Expr: return apply("?f" + "'" * primes, u)
def g(u: Expr, primes: int = 0) -> Expr: return apply("?g" + "'" * primes, u)


# y_i = f(w x_i + b), z_i = g(y_i), and a slope s_i = f'(x_i), whose derivative is f''.
LAYER = Graph(problem("layer", declare(
    T("x", "n"), T("w"), T("a"), T("b"), T("y", "n", role="node"), T("z", "n", role="node"), T("s", "n", role="node")),
    Definition("y", ("i",), f(u_i)), Definition("z", ("i",), g(E("y", "i"))), Definition("s", ("i",), f(x_i, 1)),
    outputs=("z", "s")))

CHAIN = {                                        # left, right, wrong neighbours
    "∂y_i/∂x_j": (D(E("y", "i"), E("x", "j")), mul(d("i", "j"), w, f(u_i, 1)),
                  (mul(d("i", "j"), w, f(u_i)), mul(d("i", "j"), f(u_i, 1)), mul(w, f(u_i, 1)),
                   mul(d("i", "j"), w, f(mul(w, x_i), 1)), mul(d("i", "j"), w, g(u_i, 1)),
                   mul(d("i", "j"), w, f(u_i, 2)))),
    "∂z_i/∂b": (D(E("z", "i"), b), mul(g(E("y", "i"), 1), f(u_i, 1)),
                (mul(g(u_i, 1), f(u_i, 1)), mul(g(E("y", "i"), 1), g(u_i, 1)), g(f(u_i), 1))),
    "∂E/∂w": (D("E", w), S("i", "n", mul(E("z_bar", "i"), g(E("y", "i"), 1), f(u_i, 1), x_i)),
              (S("i", "n", mul(E("z_bar", "i"), g(E("y", "i"), 1), f(u_i, 1))),
               S("i", "n", mul(E("y_bar", "i"), g(E("y", "i"), 1), f(u_i, 1), x_i)))),
    "∂s_i/∂x_i, the second derivative": (D(E("s", "i"), x_i), f(x_i, 2), (f(x_i, 1), f(x_i), N(0), f(x_i, 3))),
}
EQUATIONS = {                                    # left, right, wrong: with no derivative in them
    "one number, written in two ways": (f(add(a, b)), f(add(b, a)), f(subtract(a, b))),
    "a quotient, reduced": (f(divide(add(power(a, 2), N(1)), add(power(a, 2), N(1)))), f(N(1)), f(N(0))),
    "under a sum, with another index": (S("i", "n", f(mul(w, x_i))), S("j", "n", f(mul(E("x", "j"), w))),
                                        S("i", "n", f(x_i))),
    "through cases": (f(apply("relu", a)), add(mul(apply("sign", apply("relu", a)), subtract(f(a), f(N(0)))), f(N(0))),
                      mul(apply("sign", apply("relu", a)), f(a))),
    "no homomorphism": (N(0), N(0), subtract(f(add(a, b)), add(f(a), f(b)))),
    "neither odd nor even": (f(a), f(a), f(negate(a))),
    "two functions are two": (g(a), g(a), f(a)),
}


@pytest.mark.parametrize("name", [*CHAIN, *EQUATIONS])
def test_what_holds_for_every_f_is_proved_and_its_neighbours_are_refuted(name: str) -> None:
    left, right, wrong = (CHAIN | EQUATIONS)[name]
    assert isinstance(judge(LAYER, Claim(left, right)), Proved)
    for false in wrong if isinstance(wrong, tuple) else (wrong,):
        assert isinstance(prove(LAYER, Claim(left, false)), NotShown)
        assert isinstance(judge(LAYER, Claim(left, false)), Refuted)


def test_what_holds_only_for_the_polynomial_that_is_taken_is_not_proved() -> None:
    value = add(*(mul(N(c), power(a, k)) for k, c in enumerate(taken("?f"))))
    assert isinstance(prove(LAYER, Claim(f(a), value)), NotShown)
    assert not isinstance(judge(LAYER, Claim(f(a), value)), Proved | Refuted)


def test_local_derivatives_and_sums_over_the_argument() -> None:
    assert prove(LAYER, Claim(D(E("z", "i"), E("y", "i"), "local"), g(E("y", "i"), 1))) == Equal()
    total = f(S("k", "n", E("x", "k")))
    graph = Graph(problem("total", declare(T("x", "n"), T("y", role="node")), Definition("y", (), total)))
    inner = S("k", "n", E("x", "k"))
    assert isinstance(judge(graph, Claim(D("y", E("x", "j")), f(inner, 1))), Proved)
    assert isinstance(judge(graph, Claim(D("y", E("x", "j")), S("k", "n", f(E("x", "k"), 1)))), Refuted)


def test_its_derivatives_are_those_of_a_polynomial_of_degree_5() -> None:
    coefficients = taken("?f")
    assert len(coefficients) == 6 and coefficients[5]
    assert taken("?f''") == tuple(k * (k - 1) * c for k, c in enumerate(coefficients))[2:]
    assert taken("?f" + "'" * 6) == () and opaque_text("?f" + "'" * 6) == "f''''''(u) = 0"
    second = differentiate(differentiate(f(power(a, 2)), a), a)
    point = Point({}, {("a", ()): Fraction(2, 3)})
    by_hand = add(mul(N(2), f(power(a, 2), 1)), mul(N(4), power(a, 2), f(power(a, 2), 2)))
    assert exact_value(LAYER.problem, second, point) == exact_value(LAYER.problem, by_hand, point) != 0


def test_a_dual_number_passes_by_its_derivative() -> None:
    p, x = tuple(map(rational, taken("?f"))), fmpq(3, 2)
    inner = Dual(1, x, fmpq(5))
    twice = polynomial(p, Dual(2, inner, fmpq(7)))
    slope, bend = (polynomial(tuple(map(rational, taken("?f" + "'" * k))), x) for k in (1, 2))
    assert (twice.value.value, twice.value.tangent) == (polynomial(p, x), 5 * slope)
    assert (twice.tangent.value, twice.tangent.tangent) == (7 * slope, 35 * bend)


def test_each_letter_has_its_own_function_in_every_process() -> None:
    names = [*(f"?{c}" for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), *(f"?{g}" for g in GREEK)]
    assert len({taken(name) for name in names}) == len(names)
    assert opaque_text("?f") == "f(u) = 2 - u + 3u^2 + u^3 - u^4/2 - 3u^5"
    code = "from derivs.rules.opaque import opaque_text; print(opaque_text('?f'))"
    other = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent, capture_output=True,
                           text=True, check=True, env={"PYTHONHASHSEED": "7"})
    assert other.stdout.strip() == opaque_text("?f")


def test_which_functions_a_formula_has() -> None:
    assert opaque_in(f(a, 2), g(f(exp(a))), a) == ("?f", "?g")
    assert opaque_in(LAYER.problem.definitions[0].value) == ("?f",)


def test_its_row() -> None:
    assert (row("?f'").arity, row("?f'").latex, row("?phi").latex) == (1, "f'", r"\phi")
    assert row("?f'").partials(a) == (f(a, 2),)
    assert row("?f").meaning is None and row("?f").kink is None
    for name in ("?", "f", "?f1", "?'", "f'", "?f'g"):
        with pytest.raises(IllFormed, match="is not a known function"):
            row(name)


def test_with_two_arguments_it_is_refused() -> None:
    with pytest.raises(IllFormed, match=r"\?f takes 1 argument"):
        judge(LAYER, Claim(apply("?f", a, b), a))


def test_print() -> None:
    second = mul(N(2), apply("?phi''", add(a, b)), power(f(w), 2))
    assert text(second, LAYER.problem) == "2 φ′′(a + b) f(w)²"
    assert latex(second, LAYER.problem) == r"2 \phi''(a + b) f(w)^2"
    assert typst(second, LAYER.problem) == "2 phi'' ( a + b ) f ( w )^(2)"
    assert str(to_sympy(f(a, 1))) == "f'(a)"


def test_arrays_refuse_it_by_name() -> None:
    batch = Batch({}, LAYER.problem.tensors, {"a": exactly(np.zeros(1))})
    with pytest.raises(Unsupported, match=r"\?f' has no kernel on arrays"):
        evaluate(f(a, 1), (), batch)


# ---- sine and cosine: atoms of which no more is known than their parity

WAVES = {
    "sine's slope": (D("y", a), mul(apply("cos", add(a, b)), exp(apply("cos", b))),
                     mul(apply("sin", add(a, b)), exp(apply("cos", b)))),
    "cosine's slope": (D("y", b), mul(exp(apply("cos", b)), subtract(
        apply("cos", add(a, b)), mul(apply("sin", b), apply("sin", add(a, b))))),
                       mul(exp(apply("cos", b)), add(
        apply("cos", add(a, b)), mul(apply("sin", b), apply("sin", add(a, b)))))),
    "sine is odd": (apply("sin", subtract(a, b)), negate(apply("sin", subtract(b, a))), apply("sin", subtract(b, a))),
    "cosine is even": (apply("cos", subtract(a, b)), apply("cos", subtract(b, a)), apply("cos", add(a, b))),
    "at zero": (add(apply("cos", subtract(a, a)), apply("sin", subtract(a, a))), N(1), N(0)),
}


@pytest.mark.parametrize("name", WAVES)
def test_waves(name: str) -> None:
    left, right, wrong = WAVES[name]
    value = mul(apply("sin", add(a, b)), exp(apply("cos", b)))
    graph = Graph(problem("waves", declare(T("a"), T("b"), T("y", role="node")), Definition("y", (), value)))
    assert isinstance(judge(graph, Claim(left, right)), Proved)
    assert isinstance(judge(graph, Claim(left, wrong)), Refuted)


def test_that_the_squares_sum_to_one_is_not_known() -> None:
    graph = Graph(problem("circle", declare(T("a")), outputs=()))
    squares = add(power(apply("sin", a), 2), power(apply("cos", a), 2))
    assert not isinstance(judge(graph, Claim(squares, N(1))), Proved | Refuted)
