"""A formula on one line of Unicode."""

from __future__ import annotations

import pytest
from test_latex import P, a, b, c, g, half, m, n, p, positive, sigma, sum_g, sum_x, total, var, x
from words import *

from derivs.expr import And, Cases, CompareIndex, Condition, Expectation, Indicator, Largest, Pow, Sum
from derivs.text import text, text_claim


@pytest.mark.parametrize(("formula", "printed"), [
    (subtract(a, b), "a - b"),
    (negate(add(a, b)), "-(a + b)"),
    (var, "σ²"),
    (power(var, 2), "σ⁴"),
    (power(var, Fraction(-3, 2)), "1/σ³"),
    (power(x(), 2), "x_i²"),
    (Pow(power(a, 2), half), "√(a²)"),
    (power(sigma, Fraction(1, 2)), "√σ"),
    (g(), "∂E/∂y_i"),
    (E("xhat", "i"), "x̂_i"),
    (E("X", "n", "c", V("i") - V("u") + 1), "X_{n,c,i-u+1}"),
    (E("x", V("j") - 1), "x_{j-1}"),
    (sum_x, "Σ_j x_j"),
    (Sum("j", V(2), V("m"), x("j")), "Σ_{j=2..m} x_j"),
    (Sum("j", FIRST, V("n"), x("j")), "Σ_{j=1..n} x_j"),
    (divide(sum_x, m), "1/m · Σ_j x_j"),
    (mul(sum_x, sum_g), "(Σ_j x_j) Σ_j ∂E/∂y_j"),
    (total(add(x("j"), a)), "Σ_j (x_j + a)"),
    (divide(add(a, b), c), "(a + b)/c"),
    (divide(a, mul(b, c)), "a/(b c)"),
    (mul(divide(a, b), g()), "a/b · ∂E/∂y_i"),
    (divide(a, divide(b, c)), "a/(b/c)"),
    (Pow(divide(a, b), p), "(a/b)^p"),
    (Pow(a, divide(p, N(2))), "a^(p/2)"),
    (power(a, -1), "1/a"),
    (exp(negate(x())), "e^(-x_i)"),
    (d("i", "j"), "δ_ij"),
    (Indicator(positive), "1[x_i > 0]"),
    (Cases(((a, positive),), b), "{a if x_i > 0; b otherwise}"),
    (Largest("k", FIRST, V("m"), x("k")), "max_k x_k"),
    (Expectation("w", p, mul(E("w", "i"), x())), "E_{w~Bernoulli(p)}[w_i x_i]"),
    (And((CompareIndex("!=", V("i"), V("j")), positive)), "i ≠ j and x_i > 0"),
    (Pow(a, n), "a^n"),
])
def test_spelling(formula: Expr | Condition, printed: str) -> None:
    assert text(formula, P) == printed


def test_claim_with_its_condition() -> None:
    assert text_claim(Claim(a, b, (Given("!=", V("i"), V("j")),)), P) == "a = b   (i ≠ j)"
