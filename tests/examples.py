"""Solutions built by hand, for the tests of what prints them: nothing here is derived."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.derivation import Agreement, Answer, Judged, Solution, Step
from derivs.expr import (
    ONE,
    ZERO,
    Compare,
    Derivative,
    Entry,
    Expr,
    Indicator,
    Integer,
    Mul,
    Sum,
    add,
    divide,
    mul,
    negate,
    number,
    power,
    subtract,
)
from derivs.problem import Claim, Definition, Hand, Problem, Target, Tensor, bar
from derivs.verdict import Point, Proved, Refuted, Tested

i, j, k, m = map(symbol, "ijkm")
n, c, f, u, v, p, q = map(symbol, "ncfuvpq")
N, C, F, H, W, h, w = map(symbol, ("N", "C", "F", "H", "W", "h", "w"))


def entry(tensor: str, *at: Affine) -> Entry:
    return Entry(tensor, at)


def over(index: Affine, size: Affine, body: Expr) -> Sum:
    name = index.bare
    assert name
    return Sum(name, FIRST, size, body)


def by(loss: str, of: Entry) -> Derivative:
    return Derivative(Entry(loss), of)


def _solution(problem: Problem, adjoints: tuple[Step, ...], answers: tuple[Answer, ...],
              hands: tuple[Judged, ...] = ()) -> Solution:
    """The solution, whose exercise asks for what is answered."""
    asked = replace(problem, targets=tuple(a.target for a in answers), hands=tuple(judged.hand for judged in hands))
    return Solution(asked, adjoints, answers, hands)


def batchnorm() -> Solution:
    """Batch normalisation with a right and a wrong hand formula."""
    x, mu, var, sigma, xhat, y, gamma, beta = (
        entry("x", i), entry("mu"), entry("var"), entry("sigma"), entry("xhat", i), entry("y", i), entry("gamma"),
        entry("beta"))
    tensors = (
        Tensor("x", (m,)), Tensor("gamma", (), "parameter"), Tensor("beta", (), "parameter"),
        Tensor("epsilon", (), "constant", frozenset({"positive"})), Tensor("mu", (), "node"),
        Tensor("var", (), "node", frozenset({"positive"}), latex=r"\sigma^2"),
        Tensor("sigma", (), "node", frozenset({"positive"})), Tensor("xhat", (m,), "node", latex=r"\hat{x}"),
        Tensor("y", (m,), "node"), *(Tensor(bar(t), (m,), "cotangent") for t in ("x", "xhat", "y")),
        *(Tensor(bar(t), (), "cotangent") for t in ("mu", "var", "sigma", "gamma", "beta")))
    xj, gj, hj = entry("x", j), entry("y_bar", j), entry("xhat", j)
    size = Integer(m)
    answer = mul(divide(gamma, mul(size, sigma)),
                 add(mul(size, entry("y_bar", i)), negate(over(j, m, gj)),
                     negate(mul(xhat, over(j, m, mul(gj, hj))))))
    chain = add(mul(by("E", xhat), Derivative(xhat, x, "local")),
                mul(by("E", var), Derivative(var, x, "local")), mul(by("E", mu), Derivative(mu, x, "local")))
    worked = add(divide(entry("xhat_bar", i), power(add(var, entry("epsilon")), Fraction(1, 2))),
                 mul(entry("var_bar"), divide(mul(number(2), subtract(x, mu)), size)),
                 divide(entry("mu_bar"), size))
    wrong = divide(mul(gamma, subtract(entry("y_bar", i), xhat)), sigma)
    unfolded = subtract(mul(divide(gamma, sigma), subtract(entry("y_bar", i), divide(over(j, m, gj), size))),
                        mul(gamma, subtract(x, mu), over(j, m, mul(gj, subtract(xj, mu))),
                            power(mul(size, power(var, Fraction(3, 2))), -1)))
    problem = Problem(
        "batchnorm", "Batch normalisation", "Ioffe & Szegedy (2015), sec. 3", {t.name: t for t in tensors},
        (Definition("mu", (), divide(over(j, m, xj), size)),
         Definition("var", (), divide(over(j, m, power(subtract(xj, mu), 2)), size)),
         Definition("sigma", (), power(add(var, entry("epsilon")), Fraction(1, 2))),
         Definition("xhat", ("i",), divide(subtract(x, mu), sigma)),
         Definition("y", ("i",), add(mul(gamma, xhat), beta))),
        "E", ("y",), description="Mean and variance depend on every x: an entry reaches the loss in three ways.")
    dx = by("E", x)
    adjoints = (
        Step(by("E", xhat), mul(by("E", y), Derivative(y, xhat, "local")), "chain rule through y", Proved()),
        Step(by("E", xhat), mul(gamma, entry("y_bar", i)), "each partial worked out", Proved()),
        Step(by("E", var), over(j, m, mul(entry("xhat_bar", j), subtract(xj, mu),
                                          number(Fraction(-1, 2)), power(add(var, entry("epsilon")), Fraction(-3, 2)))),
             "chain rule through xhat", Proved()))
    claim = Claim(dx, answer)
    answers = (Answer(
        Target(claim), (Step(dx, chain, "chain rule through xhat and var and mu", Proved()),
                        Step(dx, worked, "each partial worked out, the other nodes held fixed", Proved()),
                        Step(dx, unfolded, "the adjoints put in", Tested(60, "a step budget ran out")),
                        Step(dx, answer, "simplified", Proved())),
        Proved(("where σ > 0",), 8), Agreement(1000, 0.31), 11.0),)
    point = Point({"m": 2, "i": 1}, {("x", (1,)): Fraction(0), ("x", (2,)): Fraction(2), ("gamma", ()): Fraction(1),
                                     ("y_bar", (1,)): Fraction(1), ("y_bar", (2,)): Fraction(0)})
    hands = (Judged(Hand(Claim(dx, unfolded), "seed 004, 3.2a"), Proved((), 8), 9.0),
             Judged(Hand(Claim(dx, wrong), "seed 000, 1.2 (i)", "the path through the mean is lost"),
                    Refuted(point, "1/4", "[0.5 +/- 1e-20]"), 1.0))
    return _solution(problem, adjoints, answers, hands)


def convolution() -> Solution:
    """A valid convolution over two axes, the longest formulas there are."""
    out = (N, F, H - h + 1, W - w + 1)
    tensors = (
        Tensor("X", (N, C, H, W), zero_outside=True), Tensor("W", (F, C, h, w), "parameter", zero_outside=True),
        Tensor("b", (F,), "parameter"), Tensor("Y", out, "node"), Tensor("Z", out, "node"),
        Tensor("Z_bar", out, "cotangent"), Tensor("Y_bar", out, "cotangent", zero_outside=True))
    y = entry("Y", n, f, i, j)

    def window(body: Expr) -> Expr:
        return over(c, C, over(u, h, over(v, w, body)))

    problem = Problem(
        "conv_valid", "Valid convolution of many channels", "seed 001, sec. 1.5", {t.name: t for t in tensors},
        (Definition("Y", ("n", "f", "i", "j"),
                    add(window(mul(entry("W", f, c, u, v), entry("X", n, c, i + u - 1, j + v - 1))), entry("b", f))),
         Definition("Z", ("n", "f", "i", "j"), mul(y, Indicator(Compare("<", ZERO, y))))),
        "E", ("Z",), facts=(H - h, W - w))
    dx = by("E", entry("X", n, c, i, j))
    full = over(f, F, over(u, h, over(v, w, mul(entry("W", f, c, u, v), entry("Y_bar", n, f, i - u + 1, j - v + 1)))))
    local = Derivative(entry("Y", n, f, p, q), entry("X", n, c, i, j), "local")
    chain = over(f, F, over(p, H - h + 1, over(q, W - w + 1, mul(by("E", entry("Y", n, f, p, q)), local))))
    dw = by("E", entry("W", f, c, u, v))
    filtered = over(n, N, over(i, H - h + 1, over(j, W - w + 1, mul(entry("Y_bar", n, f, i, j),
                                                                   entry("X", n, c, i + u - 1, j + v - 1)))))
    adjoints = (Step(by("E", y), mul(entry("Z_bar", n, f, i, j), Indicator(Compare("<", ZERO, y))),
                     "chain rule through Z", Proved()),)
    return _solution(problem, adjoints, (
        Answer(Target(Claim(dx, full), "a full convolution with the kernel, not flipped"),
               (Step(dx, chain, "chain rule through Y"), Step(dx, full, "simplified")),
               Proved((), 8), Agreement(1000, 0.5), 3.0),
        Answer(Target(Claim(dw, filtered)), (Step(dw, filtered, "simplified"),), Proved(),
               Agreement(0, 0.0, "no reference"))))


def hostile() -> Solution:
    """A title and a source that mean something in every format, and nothing here."""
    evil = (r"""\input{/etc/passwd} $x$ #read("/etc/passwd") </script><script>alert(1)</script>"""
            r""" & % _ ^ ~ {}[] "q" 'a' `b`""")
    problem = Problem("evil/../name", evil, "Žluťoučký kůň, Ω ≤ σ², x̂_i, 日本語, 🙂\x07\n" + evil, {"x": Tensor("x")},
                      (), "x", ("x",), description=evil)
    claim = Claim(Entry("x"), Mul((ONE, Entry("x"))))
    return _solution(problem, (), (Answer(Target(claim, evil), (), Tested(3, evil),
                                         Agreement(3, 7.0, failure=evil + "\n" + evil)),),
                    (Judged(Hand(claim, evil, evil), Proved((evil,))),))
