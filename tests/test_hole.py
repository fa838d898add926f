"""A factor or term that is missing is found, said shortly and proved; a hopeless line is left to its counterexample."""

from __future__ import annotations

import tomllib
from functools import cache
from time import perf_counter

import pytest

from derivs.declare import Declared, declare
from derivs.derive import Graph
from derivs.evaluate import Evaluator
from derivs.hole import Line, Solver, missing
from derivs.judgement import Diagnosis
from derivs.reading.parse import parse
from derivs.reading.syntax import Relation

EXERCISES = {
    "softmax": r"""
        [symbols]
        'x' = "vector[n] input"
        [forward]
        'y_i' = '\frac{e^{x_i}}{\sum_{k=1}^n e^{x_k}}'
        [gradient]
        of = "y"
        by = ["x"]
        [aliases]
        'g' = '\frac{\partial E}{\partial y}'""",
    "batch normalisation": r"""
        [symbols]
        'x' = "vector[m] input"
        '\epsilon' = "scalar constant positive"
        [forward]
        '\mu' = '\frac{1}{m} \sum_i x_i'
        '\sigma' = '\sqrt{\frac{1}{m} \sum_i (x_i - \mu)^2 + \epsilon}'
        '\hat{x}_i' = '\frac{x_i - \mu}{\sigma}'
        [gradient]
        of = '\hat{x}'
        by = ["x"]
        [aliases]
        'g' = '\frac{\partial E}{\partial \hat{x}}'""",
    "layer norm": r"""
        [symbols]
        'x' = "matrix[b,d] input"
        '\gamma' = "vector[d] parameter"
        [forward]
        '\mu_a' = '\frac{1}{d} \sum_i x_{ai}'
        '\sigma_a' = '\sqrt{\frac{1}{d} \sum_i (x_{ai} - \mu_a)^2}'
        'h_{ai}' = '\frac{x_{ai} - \mu_a}{\sigma_a}'
        'y_{ai}' = '\gamma_i h_{ai}'
        [gradient]
        of = "y"
        by = ["x", '\gamma']
        [aliases]
        'g' = '\frac{\partial E}{\partial y}'""",
    "mean square": r"""
        [symbols]
        'X' = "matrix[m,d] input"
        'w' = "vector[d] parameter"
        't' = "vector[m] target"
        '\lambda' = "scalar constant"
        [forward]
        'L' = '\frac{1}{m} \sum_i (\sum_j X_{ij} w_j - t_i)^2 + \lambda \sum_j w_j^2'
        [gradient]
        loss = "L"
        by = ["w"]""",
    "gates": r"""
        [symbols]
        'x' = "vector[d] input"
        'U' = "matrix[n,d] parameter"
        'W' = "matrix[n,d] parameter"
        [forward]
        'a_i' = '\sum_k U_{ik} x_k'
        'b_i' = '\sum_k W_{ik} x_k'
        'y_i' = 'a_i b_i'
        [gradient]
        of = "y"
        by = ["x"]""",
    "windows": r"""
        [symbols]
        'x' = "vector[H] input"
        'w' = "vector[h] parameter"
        'y' = "vector[K] defined"
        [forward]
        'y_p' = '\sum_{u=1}^{h} w_u x_{p+u-1}'
        [gradient]
        of = "y"
        by = ["x", "w"]
        [sizes]
        H = "= K+h-1"
        [conventions]
        zero_outside = true""",
    "relu": r"""
        [symbols]
        'x' = "vector[n] input"
        [forward]
        'y_i' = '\max(x_i, 0)'
        [gradient]
        of = "y"
        by = ["x"]""",
}

SOFTMAX, NORM, LAYER, SQUARE = "softmax", "batch normalisation", "layer norm", "mean square"
GATES, WINDOWS = "gates", "windows"
BY_X, BY_X_K = r"\frac{\partial E}{\partial x_i}", r"\frac{\partial E}{\partial x_k}"

FOUND = [
    (SOFTMAX, r"\frac{\partial E}{\partial x_j}", r"y_j g_j",
     "missing term", "the term -Σ_i ∂E/∂y_i · y_i is missing here"),                # in brackets with g_j
    (SOFTMAX, r"\frac{\partial E}{\partial x_j}", r"y_j \left( g_j - \sum_i g_i \right)",
     "missing factor", "a factor y_i is missing here"),
    (SOFTMAX, r"\frac{\partial E}{\partial x_j}", r"g_j - \sum_i g_i y_i",
     "missing factor", "a factor y_j is missing here"),
    (SOFTMAX, r"\frac{\partial y_i}{\partial x_j}", r"y_i (\delta_{ij} - y_i)",
     "wrong factor", "this factor should be y_j"),
    (NORM, BY_X, r"\frac{1}{\sigma} \left( g_i - \frac{1}{m} \sum_j g_j \right)",
     "missing term", "the term -x̂_i/m · Σ_j ∂E/∂x̂_j · x̂_j is missing here"),
    (NORM, BY_X, r"\frac{1}{m \sigma} \left( m g_i - \hat{x}_i \sum_j g_j \hat{x}_j \right)",
     "missing term", "the term -Σ_j ∂E/∂x̂_j is missing here"),
    (NORM, BY_X, r"m g_i - \sum_j g_j - \hat{x}_i \sum_j g_j \hat{x}_j",
     "missing factor", "a factor 1/(m σ) is missing here"),
    (NORM, BY_X, r"\frac{1}{m \sigma} \left( g_i - \sum_j g_j - \hat{x}_i \sum_j g_j \hat{x}_j \right)",
     "missing factor", "a factor m is missing here"),
    (LAYER, r"\frac{\partial E}{\partial x_{ai}}",
     r"\frac{1}{d \sigma_a} \left( d g_{ai} - \sum_j g_{aj} \gamma_j - h_{ai} \sum_j g_{aj} \gamma_j h_{aj} \right)",
     "missing factor", "a factor γ_i is missing here"),
    (LAYER, r"\frac{\partial E}{\partial \gamma_i}", r"\sum_a g_{ai}",
     "missing factor", "a factor h_ai is missing here"),
    (SQUARE, r"\frac{\partial L}{\partial w_j}", r"\sum_i X_{ij} (\sum_k X_{ik} w_k - t_i) + 2 \lambda w_j",
     "missing factor", "a factor 2/m is missing here"),
    (SQUARE, r"\frac{\partial L}{\partial w_j}", r"\frac{2}{m} \sum_i X_{ij} (\sum_k X_{ik} w_k - t_i)",
     "missing term", "the term 2 λ w_j is missing here"),
    (SQUARE, r"\frac{\partial L}{\partial w}", r"\frac{2}{m} X^T (X w - t) + \lambda w",
     "missing factor", "a factor 2 is missing here"),
    (NORM, BY_X, r"\frac{g_i}{\sigma}",               # a direct path, where μ and σ depend on x too
     "missing term", "the paths through μ and σ are missing here: 1/m · ∂E/∂μ + (x_i - μ)/(σ m) · ∂E/∂σ"),
    (NORM, BY_X, r"\frac{g_i}{\sigma} + \frac{1}{m} \frac{\partial E}{\partial \mu}",
     "missing term", "the path through σ is missing here: (x_i - μ)/(σ m) · ∂E/∂σ"),
    (GATES, BY_X_K, r"\sum_i \frac{\partial E}{\partial a_i} U_{ik}",
     "missing term", "the path through b is missing here: Σ_i ∂E/∂b_i · W_ik"),
    (GATES, BY_X_K, r"\sum_i \left( \frac{\partial E}{\partial a_i} U_{ik} + W_{ik} \right)",
     "missing factor", "a factor ∂E/∂b_i is missing here"),
    (GATES, BY_X_K, r"\sum_i U_{ik} + \sum_i \frac{\partial E}{\partial b_i} W_{ik}",
     "missing factor", "a factor ∂E/∂a_i is missing here"),
    (WINDOWS, r"\frac{\partial E}{\partial w_u}", r"\sum_{p=1}^{K} x_{p+u-1}",
     "missing factor", "a factor ∂E/∂y_p is missing here"),
    (WINDOWS, r"\frac{\partial E}{\partial x_j}", r"\sum_{u=1}^{h} w_u",
     "missing factor", "a factor ∂E/∂y_{j-u+1} is missing here"),
]

RIGHT = [
    (SOFTMAX, r"\frac{\partial E}{\partial x_j}", r"y_j \left( g_j - \sum_i g_i y_i \right)"),
    (SOFTMAX, r"\frac{\partial y_i}{\partial x_j}", r"y_i (\delta_{ij} - y_j)"),
    (NORM, BY_X, r"\frac{1}{m \sigma} \left( m g_i - \sum_j g_j - \hat{x}_i \sum_j g_j \hat{x}_j \right)"),
    (LAYER, r"\frac{\partial E}{\partial \gamma_i}", r"\sum_a g_{ai} h_{ai}"),
    (SQUARE, r"\frac{\partial L}{\partial w}", r"\frac{2}{m} X^T (X w - t) + 2 \lambda w"),
    (NORM, BY_X, r"\frac{g_i}{\sigma} + \frac{1}{m} \frac{\partial E}{\partial \mu}"
                 r" + \frac{x_i - \mu}{m \sigma} \frac{\partial E}{\partial \sigma}"),
    (GATES, BY_X_K, r"\sum_i \left( \frac{\partial E}{\partial a_i} U_{ik}"
                    r" + \frac{\partial E}{\partial b_i} W_{ik} \right)"),
    (WINDOWS, r"\frac{\partial E}{\partial x_j}", r"\sum_{u=1}^{h} w_u \frac{\partial E}{\partial y_{j-u+1}}"),
]

WHERE = [
    ("relu", r"\frac{\partial y_i}{\partial x_i}", "1", "this holds where x_i > 0, but not where x_i < 0"),
    (SOFTMAX, r"\frac{\partial y_i}{\partial x_j}", r"x_i \delta_{ij} - x_i y_i - y_i y_j + y_i + x_i (y_i - 1)",
     "this holds where i = j, but not where i ≠ j"),
]

HOPELESS = [
    (SOFTMAX, r"\frac{\partial E}{\partial x_j}", r"\sum_i g_i e^{x_i} + x_j^2"),
    (NORM, BY_X, r"x_i \mu + g_i \sum_j x_j^3"),
    (NORM, BY_X, r"0"),
    (SQUARE, r"\frac{\partial L}{\partial w_j}", r"\sin(w_j)"),
]


@cache
def solver(name: str) -> Solver:
    exercise: Declared = declare(tomllib.loads(EXERCISES[name]), name)
    return Solver(exercise.problem, Graph(exercise.problem), Evaluator(exercise.problem), exercise.vocabulary,
                  seconds=10)                          # machines are busy


def line(left: str, right: str) -> Line:
    written = f"{left} = {right}"
    relation = parse(written)
    assert isinstance(relation, Relation)
    subject, side = relation.sides
    assert subject is not None and side is not None
    return Line(subject, side, (), written)


def diagnosis(name: str, left: str, right: str) -> Diagnosis | None:
    return missing(solver(name), line(left, right), perf_counter() + 20)


@pytest.mark.parametrize(("name", "left", "right", "mistake", "sentence"), FOUND)
def test_what_is_missing_is_found(name: str, left: str, right: str, mistake: str, sentence: str) -> None:
    found = diagnosis(name, left, right)
    assert found is not None
    assert (found.mistake, found.sentence) == (mistake, sentence)


@pytest.mark.parametrize(("name", "left", "right"), [row[:3] for row in FOUND])
def test_the_edit_is_in_the_authors_text_and_proved(name: str, left: str, right: str) -> None:
    found, one = diagnosis(name, left, right), line(left, right)
    assert found is not None
    text = one.text
    for change in reversed(found.edits):
        low, high = change.span
        assert text[low:high] == change.old
        text = text[:low] + change.new + text[high:]
    assert text == f"{left} = {found.mended}"
    assert solver(name).proved(solver(name).reading(one, parse(found.mended)))


@pytest.mark.parametrize(("name", "left", "right"), [row[:3] for row in FOUND])
def test_the_whole_line_is_never_what_is_missing(name: str, left: str, right: str) -> None:
    one, found = line(left, right), diagnosis(name, left, right)
    assert found is not None
    assert found.edits[0].span != one.right.span
    assert sum(len(change.old) for change in found.edits) < len(right)


@pytest.mark.parametrize(("name", "left", "right"), RIGHT)
def test_the_nearest_right_line_is_proved(name: str, left: str, right: str) -> None:
    one = line(left, right)
    assert solver(name).proved(solver(name).reading(one, one.right))


@pytest.mark.parametrize(("name", "left", "right", "sentence"), WHERE)
def test_where_a_wrong_line_holds_all_the_same(name: str, left: str, right: str, sentence: str) -> None:
    found = diagnosis(name, left, right)
    assert found is not None
    assert (found.mistake, found.sentence, found.edits) == ("only where", sentence, ())


@pytest.mark.parametrize(("name", "left", "right"), HOPELESS)
def test_a_hopeless_line_is_left_alone(name: str, left: str, right: str) -> None:
    assert diagnosis(name, left, right) is None


def test_a_deadline_that_is_over_ends_at_once() -> None:
    solver(NORM)
    start = perf_counter()
    assert missing(solver(NORM), line(BY_X, r"\sigma g_i + \mu \sum_j g_j \hat{x}_j^2"), start) is None
    assert perf_counter() - start < 5
