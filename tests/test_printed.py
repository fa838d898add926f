"""What the tool prints reads back: the answers of every exercise, and every expression."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from randomly import PROBLEM, expressions
from words import *

from derivs import library
from derivs.checker import Checker
from derivs.expr import (
    And,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Derivative,
    Expectation,
    Indicator,
    Largest,
    Not,
    Or,
    Pow,
    Sum,
)
from derivs.latex import latex, latex_claim
from derivs.problem import Problem
from derivs.reading.choices import Choices
from derivs.reading.claims import value
from derivs.reading.parse import parse
from derivs.reading.printed import vocabulary_of
from derivs.reading.rows import rows
from derivs.refute import compare
from derivs.verdict import Refuted


def exp(u: Expr) -> Expr:
    return apply("exp", u)


def log(u: Expr) -> Expr:
    return apply("log", u)


WORDS = vocabulary_of(PROBLEM)
NOUGHT = N(0)


def read(formula: str) -> Expr:
    _, found = value(PROBLEM, WORDS, Choices(), parse(formula))
    assert not found.rank
    return found.body


def judgement(problem: Problem, formula: str, checker: Checker) -> str:
    row, = rows(formula)
    return checker.line(formula, row.node if row.node is not None else row.error).judgement  # type: ignore[arg-type]


# ---- exercises -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", library.names())
def test_the_printed_answers_of_an_exercise_are_right(name: str) -> None:
    problem = library.load(name)
    checker = Checker(problem, vocabulary_of(problem))
    claims = [t.claim for t in problem.targets] + [hand.claim for hand in problem.hands if not hand.wrong]
    for claim in claims:
        formula = latex_claim(claim, problem)
        assert judgement(problem, formula, checker) == "right", formula


@pytest.mark.parametrize("name", ["batchnorm", "softmax_temperature", "max_pool", "mlp"])
def test_a_printed_answer_of_which_one_side_is_doubled_is_wrong(name: str) -> None:
    problem = library.load(name)
    checker = Checker(problem, vocabulary_of(problem))
    for target in problem.targets:
        doubled = Claim(target.claim.left, mul(N(2), target.claim.right), target.claim.given)
        assert judgement(problem, latex_claim(doubled, problem), checker) == "wrong"


def test_a_formula_that_an_exercise_calls_wrong_is_wrong() -> None:
    problem = library.load("batchnorm")
    checker = Checker(problem, vocabulary_of(problem))
    wrong = [hand for hand in problem.hands if hand.wrong]
    assert wrong and all(judgement(problem, latex_claim(hand.claim, problem), checker) == "wrong" for hand in wrong)


def test_the_root_of_a_printed_square() -> None:
    problem = library.load("batchnorm")
    assert judgement(problem, r"\frac{\partial y_i}{\partial \mu} = -1/\sigma",
                     Checker(problem, vocabulary_of(problem))) == "right"


# ---- expressions -----------------------------------------------------------------------------------------------------

@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions(depth=3))
def test_a_printed_expression_reads_back_to_itself(expr: Expr) -> None:
    formula = latex(expr, PROBLEM)
    found = read(formula)
    if found != expr:                                                    # another tree: of the same value?
        seen = add(E("x", "i"), E("x", "j"))                             # so that i and j have their ranges
        assert not isinstance(compare(PROBLEM, Claim(add(seen, expr), add(seen, found)), points=5), Refuted), formula


def is_positive(tensor: str, *at: str) -> Compare:
    return Compare("<", NOUGHT, E(tensor, *at))


x, a, v = E("x", "i"), E("a"), E("v")
SAME = CompareIndex("=", V("i"), V("j"))
TABLE = [
    Largest("k", V(1), V("m"), E("x", "k")), add(Largest("k", V(1), V("m"), E("x", "k")), a),
    Largest("k", V(1), V(2), Largest("l", V(1), V(2), E("Y", "k", "l"))),
    Indicator(And((is_positive("x", "i"), SAME))), Indicator(CompareIndex("!=", V("i"), V("j"))),
    Indicator(CompareIndex("<=", V("i") + 1, V("j"))),
    Indicator(Or((is_positive("x", "i"), And((SAME, Compare("<=", x, E("x", "j"))))))),
    Cases(((x, is_positive("x", "i")), (NOUGHT, Compare("=", NOUGHT, x))), None),
    mul(a, Cases(((x, is_positive("x", "i")),), NOUGHT)), add(Cases(((x, is_positive("x", "i")),), NOUGHT), a),
    S("k", "m", Cases(((E("x", "k"), is_positive("x", "k")),), NOUGHT)),
    apply("leaky_relu", x, a), apply("erf", x), Apply("pi", ()), power(log(x), 2), power(sigmoid(x), 2),
    power(exp(x), 2),
    power(Indicator(is_positive("x", "i")), 2), power(v, x), power(N(2), N("m")), power(S("k", "m", E("x", "k")), 2),
    S("k", "m", power(E("x", "k"), 2)), divide(N(1), power(N("m"), 2)), d(V("i") + 1, "j"),
    power(exp(a), Fraction(1, 2)),
    apply("abs", add(x, apply("abs", a))), apply("abs", apply("abs", x)), mul(apply("abs", x), apply("abs", a)),
    Sum("k", V("i"), V("m"), Sum("l", V("k"), V("m") - 1, E("Y", "k", "l"))),
    exp(negate(divide(power(x, 2), mul(N(2), v)))),
    Derivative(E("E"), x, "total"), E("w", V("i") * 2 - 1), power(add(x, N(1)), Fraction(3, 2)), mul(v, log(v)),
    S("k", "m", mul(N("k"), E("x", "k"))), Pow(N(-1), N("i")), mul(log(v), a),
    power(d("i", "j"), 2), Indicator(Not(And((is_positive("x", "i"), SAME)))), Expectation("x", a, x)]


@pytest.mark.parametrize("expr", TABLE, ids=lambda expr: latex(expr, PROBLEM))
def test_reads_back(expr: Expr) -> None:
    assert read(latex(expr, PROBLEM)) == expr
