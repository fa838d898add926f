"""The Typst of every formula compiles, and its spelling of each kind of box."""

from __future__ import annotations

import pytest
import typst as compiler
from test_latex import TABLE, P, a, b, g, half, m, positive, sum_x, var, x
from words import *

from derivs.expr import Cases, Indicator, Largest, Pow
from derivs.layout import layout
from derivs.lines import equation
from derivs.typst import quoted, typst, typst_claim, typst_lines


@pytest.mark.parametrize(("formula", "printed"), [
    (subtract(a, b), "a - b"),
    (mul(a, add(a, b)), "a ( a + b )"),
    (divide(sum_x, m), "frac(1, m) sum_(j = 1)^(m) x_(j)"),
    (power(var, Fraction(-3, 2)), "frac(1, sigma^(3))"),
    (Pow(power(a, 2), half), "sqrt(a^(2))"),
    (g(), "frac(partial E, partial y_(i))"),
    (E("X", "n", "c", V("i") - V("u") + 1), "X_(n comma c comma i - u + 1)"),
    (exp(negate(x())), "e^(- x_(i))"),
    (apply("relu", x()), 'op("relu") ( x_(i) )'),
    (apply("abs", a), "lr(| a |)"),
    (E("loss_a"), 'upright("loss")_(a)'),
    (E("xhat", "i"), "hat(x)_(i)"),
    (Indicator(positive), "upright(bold(1)) [ x_(i) > 0 ]"),
    (Cases(((a, positive),), b), 'cases(a & "if " x_(i) > 0, b & "otherwise")'),
    (Largest("k", FIRST, V("m"), x("k")), "max_(1 <= k <= m) x_(k)"),
])
def test_spelling(formula: Expr, printed: str) -> None:
    assert typst(formula, P) == printed


def test_every_formula_of_the_table_compiles_without_a_warning() -> None:
    rows = "\n\n".join(f"$ {typst(formula, P)} $" for formula, _ in TABLE)
    made, warnings = compiler.compile_with_warnings(rows.encode(), format="pdf", ignore_system_fonts=True)
    assert made.startswith(b"%PDF") and not warnings


def test_a_long_bracket_breaks_inside_and_compiles() -> None:
    body = add(*(divide(x(), E(f"a{k}")) for k in range(12)))
    printed = typst_lines(equation(layout(a, P), layout(mul(b, body), P), 20))
    assert printed.count("paren.l") == printed.count("paren.r") == 1
    assert compiler.compile(f"$ {printed} $".encode(), format="pdf", ignore_system_fonts=True)


def test_claim_with_its_condition() -> None:
    assert typst_claim(Claim(a, b, (Given("!=", V("i"), V("j")),)), P) == "a = b quad (i != j)"


def test_a_string_cannot_end_early() -> None:
    assert quoted('a"b\\') == '"a\\"b\\\\"'
