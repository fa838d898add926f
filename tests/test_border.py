"""SymPy in, our tree out, and back."""

from __future__ import annotations

import sys
from fractions import Fraction

import pytest
import sympy
from plainly import World
from sympy import And, Eq, Function, Heaviside, KroneckerDelta, Max, Ne, Or, Piecewise, Rational, Sum, exp, log, sqrt
from words import E as entry
from words import N, S, V, add, apply, divide, mul, negate, number, power

from derivs import library
from derivs.border import form_from_sympy, from_sympy, to_sympy
from derivs.errors import IllFormed, Unsupported
from derivs.exercise import (
    Expectation,
    Indicator,
    MaxOver,
    bar,
    d,
    indices,
    leaky_relu,
    local,
    relu,
    scalars,
    sigmoid,
    sizes,
    softplus,
    tensors,
)
from derivs.expr import (
    ONE,
    ZERO,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Delta,
    Derivative,
    Expr,
    Largest,
)
from derivs.expr import And as All
from derivs.expr import Expectation as Mean
from derivs.expr import Indicator as One
from derivs.expr import Or as AnyOf
from derivs.problem import Problem, Tensor

n, m = sizes("n m")
i, j, k = indices("i j k")
x, y, W, M = tensors("x y W M")
a, b, L = scalars("a b L")
beta = scalars("beta", positive=True)
p = scalars("p", positive=True)

TENSORS = {t.name: t for t in (
    Tensor("x", (V("n"),)), Tensor("y", (V("n"),)), Tensor("W", (V("n"), V("m"))), Tensor("a"), Tensor("b"),
    Tensor("M", (V("n"),), "constant", frozenset({"binary"})), Tensor("L", (), "loss"),
    Tensor("beta", (), "parameter", frozenset({"positive"})), Tensor("p", (), "constant", frozenset({"positive"})))}

MEANINGS: dict[str, tuple[object, Expr]] = {
    "a scalar": (a, entry("a")),
    "a size as a number": (n, N("n")),
    "a form as a number": (n - i + 1, N(V("n") - V("i") + 1)),
    "a fraction": (Rational(1, 2), number(Fraction(1, 2))),
    "an entry": (W[i + 1, 2 * j], entry("W", V("i") + 1, V("j") * 2)),
    "a letter for a stride": (x[m * (i - 1) + k], entry("x", V("m") * (V("i") - 1) + V("k"))),
    "what is added comes first": (1 - a, add(ONE, negate(entry("a")))),
    "a product as people order it": (x[i] * a * 2 / n, mul(number(2), power(N("n"), -1), entry("a"), entry("x", "i"))),
    "a cotangent before what it multiplies": (y[i] * bar(y)[i], mul(entry("y_bar", "i"), entry("y", "i"))),
    "a root": (sqrt(a), power(entry("a"), Fraction(1, 2))),
    "a sum": (Sum(x[k], (k, 1, n)), S("k", "n", entry("x", "k"))),
    "a double sum in reading order": (Sum(W[i, j], (i, 1, n), (j, 1, m)), S("i", "n", "j", "m", entry("W", "i", "j"))),
    "a range that depends on an index": (Sum(W[i, j], (j, 1, i), (i, 1, n)),
                                         S("i", "n", S("j", V("i"), entry("W", "i", "j")))),
    "a sum over an index twice": (Sum(Sum(x[k], (k, 1, m)), (k, 1, n)), S("k", "n", S("k", "m", entry("x", "k")))),
    "a maximum over an index": (MaxOver(x[k], (k, 1, n)), Largest("k", V(1), V("n"), entry("x", "k"))),
    "Kronecker's delta": (KroneckerDelta(i, j), Delta(V("i"), V("j"))),
    "cases on indices": (Piecewise((a, Eq(i, j)), (b, True)),
                         Cases(((entry("a"), CompareIndex("=", V("i"), V("j"))),), entry("b"))),
    "cases on numbers": (Piecewise((a, x[i] > 0), (b, x[i] < 0)),
                         Cases(((entry("a"), Compare("<", ZERO, entry("x", "i"))),
                                (entry("b"), Compare("<", entry("x", "i"), ZERO))), None)),
    "an indicator": (Indicator(Eq(x[i], a)), One(Compare("=", entry("x", "i"), entry("a")))),
    "a strict comparison of indices": (Indicator(i < j), One(CompareIndex("<=", V("i") + 1, V("j")))),
    "and": (Indicator(And(i <= j, Ne(a, b))),
            One(All((Compare("!=", entry("a"), entry("b")), CompareIndex("<=", V("i"), V("j")))))),
    "or": (Indicator(Or(i <= j, a < b)),
           One(AnyOf((Compare("<", entry("a"), entry("b")), CompareIndex("<=", V("i"), V("j")))))),
    "Heaviside, a half at 0": (Heaviside(a), add(One(Compare("<", ZERO, entry("a"))),
                                                 mul(number(Fraction(1, 2)), One(Compare("=", entry("a"), ZERO))))),
    "functions": (sigmoid(a) + exp(b), add(apply("exp", entry("b")), apply("sigmoid", entry("a")))),
    "two arguments": (leaky_relu(x[i], a), apply("leaky_relu", entry("x", "i"), entry("a"))),
    "maximum of three": (Max(a, b, x[i]), apply("max", entry("a"), apply("max", entry("b"), entry("x", "i")))),
    "pi and e": (sympy.pi + sympy.E, add(apply("exp", ONE), apply("pi"))),
    "a total derivative": (d(L, x[j]), Derivative(entry("L"), entry("x", "j"))),
    "a local derivative": (local(y[i], a), Derivative(entry("y", "i"), entry("a"), "local")),
    "a mean over masks": (Expectation(M[i] * a, M, p), Mean("M", entry("p"), mul(entry("a"), entry("M", "i")))),
}


def same(left: Expr, right: Expr) -> bool:
    """Equal trees, in whatever order the terms, factors and parts of a condition are."""
    return sorted_by_text(left) == sorted_by_text(right)


def sorted_by_text(node: object) -> object:
    if isinstance(node, tuple):
        return tuple(sorted(map(sorted_by_text, node), key=str))
    fields = getattr(node, "__dataclass_fields__", None)
    if not fields:
        return node
    unordered = {"terms", "factors", "parts"}
    return (type(node).__name__, *(sorted_by_text(getattr(node, f)) if f in unordered else
                                   tuple(map(sorted_by_text, value)) if isinstance(value := getattr(node, f), tuple)
                                   else sorted_by_text(value) for f in fields))


@pytest.mark.parametrize("name", MEANINGS)
def test_meaning(name):
    written, meant = MEANINGS[name]
    assert from_sympy(written) == meant or same(from_sympy(written), meant)


@pytest.mark.parametrize("name", MEANINGS)
def test_there_and_back(name):
    tree = from_sympy(MEANINGS[name][0])
    assert same(from_sympy(to_sympy(tree, TENSORS)), tree)


REWORDED = {"a strict comparison of indices",          # as i + 1 <= j
            "a letter for a stride",                    # multiplied out
            "Heaviside, a half at 0"}                   # as two indicators


@pytest.mark.parametrize("name", [name for name in MEANINGS if name not in REWORDED])
def test_back_is_what_was_written(name):
    written, _ = MEANINGS[name]
    assert to_sympy(from_sympy(written), TENSORS) == written


@pytest.mark.parametrize("exercise", library.names())
def test_exercises_there_and_back(exercise):
    problem = library.load(exercise)
    for claim in (*(t.claim for t in problem.targets), *(h.claim for h in problem.hands)):
        for side in (claim.left, claim.right):
            again = to_sympy(side, problem.tensors)
            assert to_sympy(from_sympy(again), problem.tensors) == again


def value(expr: object) -> float:
    """At n = 3, x = (1, -2, 1/2), a = 2, b = -3."""
    tensors_ = {**TENSORS, "E": Tensor("E", (), "loss")}
    problem = Problem("", "", "", tensors_, (), "E", ())
    given = {("x", (1,)): 1.0, ("x", (2,)): -2.0, ("x", (3,)): 0.5, ("a", ()): 2.0, ("b", ()): -3.0}
    return World(problem, {"n": 3, "m": 2}, given).value(from_sympy(expr), {"i": 2, "j": 3})


@pytest.mark.parametrize("written, worth", [
    (sqrt(a**2), 2), (sqrt(b**2), 3), (a / b, -2 / 3), (a**-2, 0.25), (-(a - b), -5),
    (Sum(k * x[k], (k, 1, n)), -1.5), (Sum(x[k] * KroneckerDelta(i, k), (k, 1, n)), -2), (Sum(1, (k, 2, n)), 2),
    (MaxOver(x[k] * k, (k, 1, n)), 1.5), (Max(a, b, 0), 2), (relu(b), 0), (leaky_relu(b, a), -6),
    (softplus(b) - log(1 + exp(b)), 0), (sympy.sign(b) + sympy.Abs(b), 2), (Heaviside(a - 2), 0.5),
    (Piecewise((a, Eq(i, j)), (b, Ne(i, j))), -3), (Indicator(And(i < j, x[i] < 0)), 1), (sympy.tanh(0 * a), 0),
])
def test_value(written, worth):
    assert value(written) == pytest.approx(worth, abs=1e-12)


@pytest.mark.parametrize("bad, error, what", [
    ("x[1] + 1", Unsupported, "'x[1] + 1' is not a SymPy expression"),
    ("__import__('os').getcwd()", Unsupported, "is not a SymPy expression"),
    (0.5 * a, Unsupported, "0.500000000000000 is a rounded number"),
    (Function("f")(a), Unsupported, "the function f has no meaning here"),
    (sympy.Integral(a, a), Unsupported, "SymPy's Integral cannot be read"),
    (sympy.gamma(a), Unsupported, "SymPy's gamma cannot be read: gamma(a)"),
    (sympy.I * a, Unsupported, "SymPy's ImaginaryUnit cannot be read"),
    (x[sympy.Symbol("q")], IllFormed, "q stands for a size or an index, and is not an integer symbol"),
    (x[i / 2], IllFormed, "1/2 stands for a size or an index, and is not a sum of products of integers"),
    (MaxOver(x[k], (k,)), IllFormed, "the range of k is not given"),
    (d(L, 2 * a), IllFormed, "2*a is not an entry of a tensor"),
    (Indicator(sympy.Symbol("B", boolean=True)), Unsupported, "the condition B (Symbol) cannot be read"),
])
def test_refused(bad, error, what):
    with pytest.raises(error) as caught:
        from_sympy(bad)
    assert what in caught.value.what
    assert caught.value.mend


def test_a_form_with_a_square():
    assert form_from_sympy(n**2 - 1) == V("n") * V("n") - 1


def test_strings_are_never_sympified(monkeypatch):
    """SymPy evaluates the strings it is given; none of ours reaches it."""
    monkeypatch.setattr(sympy.parsing.sympy_parser, "parse_expr", lambda *_, **__: pytest.fail("parsed"))
    for text in ("1 + 1", "x"):
        for make in (from_sympy, lambda t: d(t, x[i]), lambda t: Indicator(t), lambda t: Expectation(a, M, t)):
            with pytest.raises((Unsupported, sympy.SympifyError)):
                make(text)


def test_nouns_need_no_sympy():
    """Neither the tree nor the list of exercises imports SymPy, which takes half a second."""
    import subprocess
    code = "import sys, derivs.library, derivs.problem; derivs.library.names(); sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=library.PACKAGE.parent, check=False).returncode == 0


def test_apply_is_spelled_by_name():
    assert from_sympy(sigmoid(a)) == Apply("sigmoid", (entry("a"),))
    assert divide(ONE, entry("a")) == from_sympy(1 / a)
