"""A formula and how a good textbook prints it; and that no two formulas of different value are ever printed alike."""

from __future__ import annotations

import cmath
import math
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from words import *

from derivs.errors import Unsupported
from derivs.expr import ZERO as NOUGHT
from derivs.expr import (
    Add,
    And,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Condition,
    Expectation,
    Indicator,
    Integer,
    Largest,
    Mul,
    Not,
    Or,
    Pow,
    Sum,
)
from derivs.latex import latex, latex_claim, latex_lines
from derivs.layout import layout
from derivs.lines import equation
from derivs.names import read
from derivs.problem import Tensor
from derivs.text import text
from derivs.typst import typst

TENSORS = {t.name: t for t in (
    Tensor("x", (V("m"),)), Tensor("y", (V("m"),), "node"), Tensor("y_bar", (V("m"),), "cotangent"),
    Tensor("E", (), "loss"), Tensor("var", (), "node", latex=r"\sigma^2"),
    Tensor("xhat", (V("m"),), "node", latex=r"\hat{x}"), Tensor("var_bar", (), "cotangent"),
    Tensor("W1", (V("m"), V("n")), latex="W^{(1)}"), Tensor("vb", (), latex=r"\sigma_{\mathcal{B}}^2"))}
P = problem("printed", TENSORS)

a, b, c, p, beta, sigma, mu, var = map(E, ("a", "b", "c", "p", "beta", "sigma", "mu", "var"))
m, n = N("m"), N("n")
two, half = N(2), N(Fraction(1, 2))


def x(i: str = "i") -> Expr:
    return E("x", i)


def g(i: str = "i") -> Expr:
    return E("y_bar", i)


def h(i: str = "i") -> Expr:
    return E("xhat", i)


def total(body: Expr, index: str = "j") -> Expr:
    return S(index, "m", body)


positive = Compare("<", NOUGHT, x())
sum_x, sum_g = total(x("j")), total(g("j"))

TABLE: list[tuple[Expr | Condition, str]] = [
    # numbers, letters, subscripts
    (two, "2"),
    (N(Fraction(-3, 2)), r"-\frac{3}{2}"),
    (beta, r"\beta"),
    (E("epsilon"), r"\varepsilon"),
    (E("x1"), "x_1"),
    (E("x1", "i"), "x_{1,i}"),
    (E("W_out", "i", "j"), r"W_{\mathrm{out},i,j}"),
    (E("W", "i", "j"), "W_{ij}"),
    (E("W", "i", 1), "W_{i,1}"),
    (E("X", "n", "c", V("i") - V("u") + 1, "j"), "X_{n,c,i-u+1,j}"),
    (E("x", V("s") * V("i") + -1), "x_{i s-1}"),
    (h(), r"\hat{x}_i"),
    (E("W1", "i", "j"), "W_{ij}^{(1)}"),
    (E("vb"), r"\sigma_{\mathcal{B}}^2"),
    (E("loss_a"), r"\mathrm{loss}_a"),
    (g(), r"\frac{\partial E}{\partial y_i}"),
    (E("var_bar"), r"\frac{\partial E}{\partial \sigma^2}"),
    (D("E", E("x", "j")), r"\frac{\partial E}{\partial x_j}"),
    (D(E("y", "i"), E("x", "j"), "local"), r"\frac{\partial y_i}{\partial x_j}"),
    (d("i", "j"), r"\delta_{ij}"),
    (d("i", V("j") + 1), r"\delta_{i,j+1}"),
    # signs
    (subtract(a, b), "a - b"),
    (add(negate(a), b), "b - a"),
    (add(negate(a), negate(b)), "-a - b"),
    (subtract(ONE, a), "1 - a"),
    (Add((a, N(-1))), "a - 1"),
    (Add((a, Mul((N(-2), b)))), "a - 2 b"),
    (Add((a, Mul((b, Mul((N(-1), c)))))), "a - b c"),
    (Mul((N(-1), N(-2), a)), "2 a"),
    (negate(add(a, b)), "-(a + b)"),
    (subtract(a, subtract(b, c)), "a - (b - c)"),
    (Add((a, subtract(b, c))), "a + b - c"),
    (negate(add(sum_x, sum_g)),
     r"-\left( \sum_{j=1}^{m} x_j + \sum_{j=1}^{m} \frac{\partial E}{\partial y_j} \right)"),
    (negate(sum_x), r"-\sum_{j=1}^{m} x_j"),
    (total(negate(x("j"))), r"\sum_{j=1}^{m} (-x_j)"),
    (N(1 - V("m")), "1 - m"),
    (Add((a, Integer(V("m") - 1))), "a + m - 1"),
    (subtract(a, Integer(V("m") - 1)), "a - (m - 1)"),
    (Mul((Integer(V("m") - 1), a)), "(m - 1) a"),
    (Mul((Integer(-V("m")), a)), "-m a"),
    # products and sums
    (mul(a, add(b, c)), "a (b + c)"),
    (mul(add(a, b), add(b, c)), "(a + b) (b + c)"),
    (Mul((a, two)), "2 a"),
    (Mul((two, N(3))), "6"),
    (mul(two, Pow(two, x())), r"2 \cdot 2^{x_i}"),
    (mul(sum_x, a), r"a \sum_{j=1}^{m} x_j"),
    (mul(sum_x, sum_g), r"\left( \sum_{j=1}^{m} x_j \right) \sum_{j=1}^{m} \frac{\partial E}{\partial y_j}"),
    (mul(add(sum_x, a), b), r"\left( \sum_{j=1}^{m} x_j + a \right) b"),
    (add(sum_x, a), r"\sum_{j=1}^{m} x_j + a"),
    (total(add(x("j"), a)), r"\sum_{j=1}^{m} (x_j + a)"),
    (total(mul(x("j"), total(g("j")))), r"\sum_{j=1}^{m} x_j \sum_{j=1}^{m} \frac{\partial E}{\partial y_j}"),
    (total(mul(total(g("j")), x("j"))), r"\sum_{j=1}^{m} x_j \sum_{j=1}^{m} \frac{\partial E}{\partial y_j}"),
    (total(total(E("Y", "i", "j"), "i")), r"\sum_{j=1}^{m} \sum_{i=1}^{m} Y_{ij}"),
    (Sum("j", V(2), V("m") - 1, x("j")), r"\sum_{j=2}^{m - 1} x_j"),
    (S("p", V("H") - V("h") + 1, S("q", V("W") - V("w") + 1, E("Y", "p", "q"))),
     r"\sum_{p=1}^{H - h + 1} \, \sum_{q=1}^{W - w + 1} Y_{pq}"),
    # fractions
    (divide(ONE, m), r"\frac{1}{m}"),
    (divide(sum_x, m), r"\frac{1}{m} \sum_{j=1}^{m} x_j"),
    (divide(subtract(x(), mu), sigma), r"\frac{x_i - \mu}{\sigma}"),
    (mul(g(), divide(subtract(x(), mu), sigma)), r"\frac{x_i - \mu}{\sigma} \, \frac{\partial E}{\partial y_i}"),
    (divide(a, mul(b, c)), r"\frac{a}{b c}"),
    (divide(divide(a, b), c), r"\frac{a}{b c}"),
    (divide(a, divide(b, c)), r"\frac{a}{\frac{b}{c}}"),
    (mul(half, x()), r"\frac{x_i}{2}"),
    (Mul((half, power(b, -1), add(a, c))), r"\frac{a + c}{2 b}"),
    (divide(ONE, add(a, b)), r"\frac{1}{a + b}"),
    (divide(negate(a), b), r"-\frac{a}{b}"),
    (divide(a, negate(b)), r"\frac{a}{-b}"),
    (divide(exp(x()), total(exp(x("k")), "k")), r"\frac{e^{x_i}}{\sum_{k=1}^{m} e^{x_k}}"),
    (divide(total(mul(x("j"), exp(x("j")))), total(exp(x("k")), "k")),
     r"\frac{\sum_{j=1}^{m} x_j e^{x_j}}{\sum_{k=1}^{m} e^{x_k}}"),
    (mul(divide(E("gamma"), mul(m, sigma)),
         add(mul(m, g()), negate(sum_g), negate(mul(h(), total(mul(g("j"), h("j"))))))),
     r"\frac{\gamma}{m \sigma} \left( m \frac{\partial E}{\partial y_i}"
     r" - \sum_{j=1}^{m} \frac{\partial E}{\partial y_j}"
     r" - \hat{x}_i \sum_{j=1}^{m} \frac{\partial E}{\partial y_j} \hat{x}_j \right)"),
    # powers
    (power(x(), 2), "x_i^2"),
    (Pow(negate(a), two), "(-a)^2"),
    (Pow(N(-2), two), "(-2)^2"),
    (Pow(half, n), r"\left( \frac{1}{2} \right)^n"),
    (Pow(mul(a, b), two), "(a b)^2"),
    (Pow(add(a, b), two), "(a + b)^2"),
    (Pow(power(a, 2), N(3)), "(a^2)^3"),
    (Pow(power(a, 2), half), r"\sqrt{a^2}"),
    (power(var, Fraction(-3, 2)), r"\frac{1}{\sigma^3}"),
    (power(var, 2), r"\sigma^4"),
    (power(var, Fraction(1, 2)), r"\sigma"),
    (power(g(), 2), r"\left( \frac{\partial E}{\partial y_i} \right)^2"),
    (Pow(sum_x, two), r"\left( \sum_{j=1}^{m} x_j \right)^2"),
    (Pow(divide(a, b), p), r"\left( \frac{a}{b} \right)^p"),
    (Pow(a, divide(p, two)), "a^{p/2}"),
    (Pow(a, divide(add(p, ONE), two)), "a^{(p + 1)/2}"),
    (Pow(a, mul(divide(p, two), add(b, c))), r"a^{\frac{p}{2} (b + c)}"),
    (Pow(E("y"), subtract(ONE, p)), "y^{1-p}"),
    (Pow(a, Pow(b, c)), "a^{b^c}"),
    (Pow(Pow(a, b), c), "(a^b)^c"),
    (Pow(E("x'"), two), "(x')^2"),
    (Pow(d("i", "j"), two), r"\delta_{ij}^2"),
    # functions
    (exp(negate(mul(beta, x()))), r"e^{-\beta x_i}"),
    (exp(subtract(x("i"), x("j"))), "e^{x_i-x_j}"),
    (exp(negate(divide(power(x(), 2), two))), "e^{-x_i^2/2}"),
    (exp(negate(divide(power(x(), 2), mul(two, b)))), r"\exp\left( -\frac{x_i^2}{2 b} \right)"),
    (exp(sum_x), r"\exp\left( \sum_{j=1}^{m} x_j \right)"),
    (Pow(exp(a), two), "(e^a)^2"),
    (divide(ONE, add(ONE, exp(negate(x())))), r"\frac{1}{1 + e^{-x_i}}"),
    (log(add(a, b)), r"\log(a + b)"),
    (power(log(a), 2), r"\log(a)^2"),
    (sigmoid(x()), r"\sigma(x_i)"),
    (apply("relu", x()), r"\operatorname{relu}(x_i)"),
    (apply("abs", subtract(a, b)), "|a - b|"),
    (Pow(apply("abs", a), p), "|a|^p"),
    (apply("max", a, add(b, c)), r"\max(a, b + c)"),
    (mul(two, apply("pi")), r"2 \pi"),
    (Largest("k", FIRST, V("m"), x("k")), r"\max_{1 \le k \le m} x_k"),
    (subtract(x(), Largest("k", FIRST, V("m"), x("k"))), r"x_i - \max_{1 \le k \le m} x_k"),
    (add(Largest("k", FIRST, V("m"), x("k")), a), r"\left( \max_{1 \le k \le m} x_k \right) + a"),
    (mul(Largest("k", FIRST, V("m"), x("k")), sum_x), r"\left( \max_{1 \le k \le m} x_k \right) \sum_{j=1}^{m} x_j"),
    (Expectation("w", p, mul(E("w", "i"), x())), r"\operatorname{E}_{w\sim \operatorname{Bernoulli}(p)}[w_i x_i]"),
    # conditions
    (Indicator(positive), r"\mathbf{1}[x_i > 0]"),
    (mul(g(), Indicator(positive)), r"\frac{\partial E}{\partial y_i} \, \mathbf{1}[x_i > 0]"),
    (mul(Indicator(positive), a), r"\mathbf{1}[x_i > 0] a"),
    (Cases(((a, positive),), mul(b, x())),
     r"\begin{cases} a & \text{if } x_i > 0 \\ b x_i & \text{otherwise} \end{cases}"),
    (mul(Cases(((a, positive),), b), c),
     r"c \begin{cases} a & \text{if } x_i > 0 \\ b & \text{otherwise} \end{cases}"),
    (add(Cases(((a, positive),), b), c),
     r"\left( \begin{cases} a & \text{if } x_i > 0 \\ b & \text{otherwise} \end{cases} \right) + c"),
    (add(total(Cases(((a, positive),), b)), c),
     r"\left( \sum_{j=1}^{m} \begin{cases} a & \text{if } x_i > 0 \\ b & \text{otherwise} \end{cases} \right) + c"),
    (And((CompareIndex("=", V("i"), V("j")), positive)), r"i = j\text{ and }x_i > 0"),
    (Or((positive, And((positive, positive)))), r"x_i > 0\text{ or }(x_i > 0\text{ and }x_i > 0)"),
    (Not(positive), r"x_i \le 0"),
    (Not(CompareIndex("=", V("i"), V("j"))), r"i \ne j"),
    (Not(Or((positive, positive))), r"\text{not }(x_i > 0\text{ or }x_i > 0)"),
]


@pytest.mark.parametrize(("formula", "printed"), TABLE, ids=[printed for _, printed in TABLE])
def test_textbook_form(formula: Expr | Condition, printed: str) -> None:
    assert latex(formula, P) == printed


@pytest.mark.parametrize("formula", [formula for formula, _ in TABLE], ids=[printed for _, printed in TABLE])
def test_structure(formula: Expr | Condition) -> None:
    """Brackets of every kind close, no sign follows a sign, no command that plain pdflatex lacks."""
    printed = latex(formula, P)
    assert _closes(re.sub(r"\\left|\\right", "", printed), "()") and _closes(printed, "{}") and _closes(printed, "[]")
    assert printed.count(r"\left") == printed.count(r"\right")
    assert not re.search(r"[-+] *[-+]", printed)
    assert r"\mathbb" not in printed and r"\mathds" not in printed


def _closes(printed: str, pair: str) -> bool:
    depth = 0
    for char in printed:
        depth += (char == pair[0]) - (char == pair[1])
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_every_row_compiles_with_amsmath_alone(tmp_path: Path) -> None:
    rows = "\n".join(rf"\[ {printed} \]" for _, printed in TABLE)
    (tmp_path / "rows.tex").write_text(
        rf"\documentclass{{article}}\usepackage{{amsmath}}\begin{{document}}{rows}\end{{document}}")
    run = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "rows.tex"], cwd=tmp_path,
                         capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout[-2000:]


# ---- printing never changes meaning ----------------------------------------------------------------------------------

VALUES = {"a": 0.7}
ARRAY = {1: 0.3, 2: 1.7}
LEAVES: list[Expr] = [a, E("x", "j")]


def _grown(left: Expr, right: Expr) -> list[Expr]:
    """Every node over two parts, by the constructors that tidy nothing."""
    return [Add((left, right)), Mul((left, right)), Mul((left, Pow(right, N(-1)))), Add((left, Mul((N(-1), right)))),
            Pow(left, right), Apply("max", (left, right)), Cases(((left, Compare("<", a, right)),), a)]


def _wrapped(part: Expr) -> list[Expr]:
    """Every node over one part."""
    return [Mul((N(-1), part)), Mul((half, part)), Mul((part, two)), Pow(part, N(-1)), Pow(part, two), Pow(part, half),
            Pow(part, N(Fraction(-3, 2))), Apply("exp", (part,)), Apply("log", (part,)),
            Sum("j", FIRST, V(2), part), Largest("j", FIRST, V(2), part)]


def _all_over(parts: list[Expr]) -> list[Expr]:
    return [*parts, *(node for part in parts for node in _wrapped(part)),
            *(node for left in parts for right in parts for node in _grown(left, right))]


def _formulas() -> list[Expr]:
    """All formulas of depth 2 over two letters, and as many again of depths 3 and 4."""
    rng = random.Random(0)
    small = _all_over(LEAVES)
    large = _all_over(small)
    deep = [rng.choice(_wrapped(rng.choice(large)) + _grown(rng.choice(large), rng.choice(small))) for _ in range(2000)]
    return large + deep + [rng.choice(_grown(rng.choice(small), rng.choice(deep))) for _ in range(1000)]


def _value(node: Expr, j: int = 1) -> complex:
    match node:
        case Number(value):
            return float(value)
        case Entry("x", _):
            return ARRAY[j]
        case Entry(name, _):
            return VALUES[name]
        case Add(parts):
            return sum(_value(part, j) for part in parts)
        case Mul(parts):
            return math.prod(_value(part, j) for part in parts)
        case Pow(base, exponent):
            return complex(_value(base, j)) ** _value(exponent, j)
        case Apply("exp", (u,)):
            return cmath.exp(_value(u, j))
        case Apply("log", (u,)):
            return cmath.log(_value(u, j) or 1)
        case Apply(_, (u, v)):
            return max(_value(u, j), _value(v, j), key=abs)
        case Sum(_, _, _, body):
            return _value(body, 1) + _value(body, 2)
        case Largest(_, _, _, body):
            return max(_value(body, 1), _value(body, 2), key=abs)
        case Cases(((value, Compare(_, u, v)), *_), otherwise):
            assert otherwise is not None
            return _value(value, j) if abs(_value(u, j)) < abs(_value(v, j)) else _value(otherwise, j)
    raise AssertionError(node)


@pytest.mark.parametrize("printer", [latex, typst, text])
def test_what_is_printed_alike_has_the_same_value(printer: Callable[..., str]) -> None:
    """A missing bracket shows as two formulas of different value with one spelling."""
    seen: dict[str, tuple[complex, Expr]] = {}
    for formula in _formulas():
        try:
            value = _value(formula)
        except (OverflowError, ZeroDivisionError):
            continue
        if abs(value) < 1e9:
            first, other = seen.setdefault(printer(formula, P), (value, formula))
            assert abs(first - value) <= 1e-6 * (1 + abs(value)), f"{formula}\n{other}"


# ---- claims, long lines, names ---------------------------------------------------------------------------------------

def test_claim_with_its_condition() -> None:
    claim = Claim(D(E("y", "i"), E("x", "j")), mul(beta, E("y", "i")), (Given("!=", V("i"), V("j")),))
    assert latex_claim(claim, P) == r"\frac{\partial y_i}{\partial x_j} = \beta y_i \quad (i \ne j)"


def test_a_long_sum_breaks_before_its_signs() -> None:
    lines = equation(layout(a, P), layout(Add(tuple(mul(E("x", "i"), E(f"a{k}")) for k in range(12))), P), 20)
    assert latex_lines(lines).splitlines()[1].startswith(r"&\quad {} +x")
    assert len(lines) == 3


def test_a_long_bracket_breaks_inside_and_its_halves_match() -> None:
    body = Add(tuple(divide(E("x", "i"), E(f"a{k}")) for k in range(12)))
    printed = latex_lines(equation(layout(a, P), layout(mul(b, body), P), 20))
    assert printed.count(r"\biggl(") == printed.count(r"\biggr)") == 1
    assert r"\left" not in printed


@pytest.mark.parametrize("name", [r"\input{x}", r"\hat", "x_", "{x", "x}", "x^1^2", "", "_1", r"\def\x{}", "a" * 300,
                                  r"\%"])
def test_a_name_that_is_not_one_is_refused(name: str) -> None:
    with pytest.raises(Unsupported):
        read(name)
