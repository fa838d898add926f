"""Index form to matrix form: a table of both, each proved entry by entry, each beside its nearest slip.

A slip is one change of the nouns: a transpose dropped, factors exchanged, ⊙ for a product. Its entry form is refuted,
or there is none because the sizes do not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from randomly import PROBLEM, reverse
from words import *

from derivs import library
from derivs.checker import Checker
from derivs.declare import load_declarations
from derivs.derive import Graph
from derivs.errors import Mismatch
from derivs.expr import And, Compare, CompareIndex, Indicator, Mul, names_in, rebuild
from derivs.judge import judge
from derivs.latex import latex_lines, spell
from derivs.layout import given_layout
from derivs.matrices import (
    FILT,
    FULL,
    Applied,
    Convolved,
    Diagonal,
    Divided,
    Filled,
    Hadamard,
    Identity,
    Indicated,
    Matrix,
    Over,
    Plus,
    Product,
    Quotient,
    Scalar,
    Scaled,
    Transposed,
    Whole,
    entry_claim,
    entry_form,
    shape,
    transpose,
)
from derivs.matrix_forms import matrix_form
from derivs.matrix_layout import equation_layout, equation_lines, matrix_layout, operator_lines
from derivs.reading.choices import Choices
from derivs.reading.claims import value
from derivs.reading.parse import parse
from derivs.reading.printed import vocabulary_of
from derivs.reading.rows import rows
from derivs.reading.value import at
from derivs.refute import compare
from derivs.text import spell as plain
from derivs.text import text
from derivs.typst import spell as typst
from derivs.verdict import Proved, Refuted, Verdict

TEXTBOOK = Path(__file__).parent / "textbook"
Slip = Callable[[Matrix], Matrix]


def load(name: str) -> Problem:
    if name in library.names():
        return library.load(name)
    declared, = load_declarations(TEXTBOOK / f"{name}.toml")
    return declared.problem


# ---- slips -----------------------------------------------------------------------------------------------------------

def changed(matrix: Matrix, kind: type | tuple[type, ...], change: Callable[..., Matrix]) -> Matrix:
    """The first part of a kind changed, in reading order."""
    seen = False

    def at(part: Matrix) -> Matrix:
        nonlocal seen
        if seen:
            return part
        if isinstance(part, kind):
            seen = True
            return change(part)
        values = {f.name: getattr(part, f.name) for f in fields(part)}
        return replace(part, **{name: tuple(map(below, value)) if isinstance(value, tuple) else below(value)
                                for name, value in values.items()})

    def below(value: object) -> object:
        return at(value) if isinstance(value, Matrix) else value  # type: ignore[arg-type]

    result = at(matrix)
    assert seen and result != matrix
    return result


def no_transpose(matrix: Matrix) -> Matrix:
    return changed(matrix, Transposed, lambda part: part.body)


def turned(matrix: Matrix) -> Matrix:
    return changed(matrix, Whole, Transposed)


def other_order(matrix: Matrix) -> Matrix:
    return changed(matrix, (Product, Divided, Convolved), lambda part: Product(part.factors[::-1])
                   if isinstance(part, Product) else Divided(part.under, part.over) if isinstance(part, Divided)
                   else replace(part, left=part.right, right=part.left))


def by_entries(matrix: Matrix) -> Matrix:
    return changed(matrix, Product, lambda part: Hadamard(part.factors))


def side_by_side(matrix: Matrix) -> Matrix:
    return changed(matrix, Hadamard, lambda part: Product(part.factors))


def no_diagonal(matrix: Matrix) -> Matrix:
    return changed(matrix, Diagonal, lambda part: part.vector)


def no_ones(matrix: Matrix) -> Matrix:
    return changed(matrix, Product, lambda part: Product(tuple(f for f in part.factors if not isinstance(f, Filled))))


def other_sign(matrix: Matrix) -> Matrix:
    return changed(matrix, Plus, lambda part: Plus((*part.terms[:-1], Scaled(Scalar(N(-1)), part.terms[-1]))))


def no_number(matrix: Matrix) -> Matrix:
    return changed(matrix, Scaled, lambda part: part.body)


def other_operator(matrix: Matrix) -> Matrix:
    return changed(matrix, Convolved, lambda part: replace(part, operator=FILT if part.operator is FULL else FULL))


def no_sum(matrix: Matrix) -> Matrix:
    return changed(matrix, Over, lambda part: part.body)


FIT, REFUTED = "does not fit", "refuted"

# exercise, number of the target, the matrix form, a slip, what becomes of it
TABLE = [
    ("linear", 0, r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial y} x^{\top}", other_order, FIT),
    ("linear", 1, r"\frac{\partial L}{\partial b} = \frac{\partial L}{\partial y}", turned, FIT),
    ("linear", 2, r"\frac{\partial L}{\partial x} = W^{\top} \frac{\partial L}{\partial y}", no_transpose, FIT),
    ("linear_columns", 0, r"\frac{\partial L}{\partial W} = X \left( \frac{\partial L}{\partial Y} \right)^{\top}",
     no_transpose, FIT),
    ("linear_columns", 1, r"\frac{\partial L}{\partial b} = \frac{\partial L}{\partial Y}", turned, FIT),
    ("linear_columns", 2, r"\frac{\partial L}{\partial X} = W \frac{\partial L}{\partial Y}", turned, FIT),
    ("linear_batch", 0, r"\frac{\partial L}{\partial W} = \left( \frac{\partial L}{\partial y} \right)^{\top} x",
     no_transpose, FIT),
    ("linear_batch", 1,
     r"\frac{\partial L}{\partial b} = \left( \frac{\partial L}{\partial y} \right)^{\top} \mathbf{1}", no_ones, FIT),
    ("linear_batch", 2, r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial y} W", other_order, FIT),
    ("mlp_equal_widths", 0,
     r"\frac{\partial L}{\partial a^{(1)}} = (W^{(2)})^{\top} \frac{\partial L}{\partial z^{(2)}}",
     no_transpose, REFUTED),
    ("mlp_equal_widths", 1, r"\frac{\partial L}{\partial z^{(1)}} = \frac{\partial L}{\partial a^{(1)}} \odot "
     r"(\mathbf{1}[z^{(1)} \ge 0] + a \mathbf{1}[z^{(1)} < 0])", side_by_side, FIT),
    ("mlp_equal_widths", 2,
     r"\frac{\partial L}{\partial x^{(0)}} = (W^{(1)})^{\top} \frac{\partial L}{\partial z^{(1)}}", by_entries, FIT),
    ("relu", 0, r"\frac{\partial L}{\partial X} = \frac{\partial L}{\partial Y} \odot \mathbf{1}[X > 0]",
     side_by_side, FIT),
    ("leaky_relu", 0,
     r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial y} \odot (\mathbf{1}[x \ge 0] + a \mathbf{1}[x < 0])",
     no_number, REFUTED),
    ("dropout", 0, r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial h} \odot m", side_by_side, FIT),
    ("cross_entropy", 0, r"\frac{\partial L}{\partial x} = -t \oslash x", other_order, REFUTED),
    ("elastic_net", 0, r"\frac{\partial R}{\partial w} = \lambda (C \operatorname{sign}(w) + (1 - C) w)",
     other_sign, REFUTED),
    ("hinge_loss", 0, r"\frac{\partial L}{\partial s} = -\frac{1}{N} t \odot \mathbf{1}[s \odot t < 1]",
     no_number, REFUTED),
    ("hinge_loss", 1, r"\frac{\partial L}{\partial w} = x^{\top} \frac{\partial L}{\partial s}", no_transpose, FIT),
    ("hinge_loss", 2, r"\frac{\partial L}{\partial b} = \mathbf{1}^{\top} \frac{\partial L}{\partial s}",
     no_ones, FIT),
    ("hinge_loss", 3, r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial s} w^{\top}", other_order, FIT),
    ("logistic_loss", 0, r"\frac{\partial L}{\partial s} = -\frac{1}{N} t \odot \sigma(-s \odot t)",
     no_number, REFUTED),
    ("softmax_cross_entropy", 0,
     r"\frac{\partial s}{\partial \tilde{x}} = \operatorname{diag}(s) - s s^{\top}", other_order, FIT),
    ("softmax_cross_entropy", 1, r"\frac{\partial L}{\partial s} = -t \oslash s", other_order, REFUTED),
    ("softmax_cross_entropy", 2, r"\frac{\partial L}{\partial \tilde{x}} = (\mathbf{1}^{\top} t) s - t",
     no_number, REFUTED),
    ("softmax_cross_entropy", 3, r"\frac{\partial L}{\partial \tilde{x}} = s - t", no_number, REFUTED),
    ("softmax_temperature", 0,
     r"\frac{\partial y}{\partial x} = -\beta (\operatorname{diag}(y) - y y^{\top})", no_diagonal, FIT),
    ("softmax_temperature", 3, r"\frac{\partial E}{\partial x} = \beta y \odot \left( \left( y^{\top} "
     r"\frac{\partial E}{\partial y} \right) \mathbf{1} - \frac{\partial E}{\partial y} \right)", no_number, REFUTED),
    ("softmax_temperature", 4, r"\frac{\partial E}{\partial \beta} = (x^{\top} y) y^{\top} "
     r"\frac{\partial E}{\partial y} - x^{\top} \left( \frac{\partial E}{\partial y} \odot y \right)",
     other_sign, REFUTED),
    ("batchnorm", 0, r"\frac{\partial E}{\partial \sigma^2} = -\frac{1}{2 \sigma^3} "
     r"(x - \mu \mathbf{1})^{\top} \frac{\partial E}{\partial y}", other_order, FIT),
    ("batchnorm", 1, r"\frac{\partial E}{\partial \mu} = -\frac{1}{\sigma} \mathbf{1}^{\top} "
     r"\frac{\partial E}{\partial y}", no_ones, FIT),
    ("batchnorm", 2, r"\frac{\partial E}{\partial x} = \frac{1}{m \sigma} \left( m "
     r"\frac{\partial E}{\partial y} - \left( y^{\top} \frac{\partial E}{\partial y} \right) y"
     r" - \left( \mathbf{1}^{\top} \frac{\partial E}{\partial y} \right) \mathbf{1} \right)", no_number, REFUTED),
    ("batchnorm_affine", 0,
     r"\frac{\partial L}{\partial \hat{x}} = \frac{\partial L}{\partial y} \operatorname{diag}(\gamma)",
     no_diagonal, FIT),
    ("batchnorm_affine", 4, r"\frac{\partial L}{\partial \gamma} = \left( \frac{\partial L}{\partial y} "
     r"\odot \hat{x} \right)^{\top} \mathbf{1}", no_transpose, FIT),
    ("batchnorm_affine", 5,
     r"\frac{\partial L}{\partial \beta} = \left( \frac{\partial L}{\partial y} \right)^{\top} \mathbf{1}",
     no_transpose, FIT),
    ("batchnorm_epsilons", 1, r"\frac{\partial E}{\partial \varepsilon_1} = \mathbf{1}^{\top} "
     r"\frac{\partial E}{\partial y}", by_entries, FIT),
    ("conv_valid", 0, r"\frac{\partial L}{\partial X_{n,c}} = \sum_{f=1}^{F} W_{f,c} *_{\mathrm{full}} "
     r"\frac{\partial L}{\partial Y_{n,f}}", other_operator, FIT),
    ("conv_valid", 1, r"\frac{\partial L}{\partial W_{f,c}} = \sum_{n=1}^{N} X_{n,c} *_{\mathrm{filt}} "
     r"\frac{\partial L}{\partial Y_{n,f}}", other_order, FIT),
    ("conv_full", 0, r"\frac{\partial L}{\partial X} = \frac{\partial L}{\partial Y} *_{\mathrm{filt}} W",
     other_operator, FIT),
    ("conv_full", 1, r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial Y} *_{\mathrm{filt}} X",
     other_order, FIT),
    ("avg_pool_overlapping", 0, r"\frac{\partial E}{\partial x} = \frac{1}{K} \mathbf{1}_K *_{\mathrm{full}} "
     r"\frac{\partial E}{\partial y}", no_number, REFUTED),
    ("attention", 0, r"\frac{\partial L}{\partial Q} = \frac{1}{\sqrt{d}} \, \frac{\partial L}{\partial S} K",
     other_order, FIT),
    ("attention", 1, r"\frac{\partial L}{\partial K} = \frac{1}{\sqrt{d}} \left( \frac{\partial L}{\partial S} "
     r"\right)^{\top} Q", no_transpose, FIT),
    ("attention", 2, r"\frac{\partial L}{\partial V} = P^{\top} \frac{\partial L}{\partial O}", no_transpose, FIT),
    ("bilinear_form", 0, r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial f} A y + "
     r"\frac{\partial L}{\partial g} (B + B^{\top}) x", no_transpose, REFUTED),
    ("bilinear_form", 1, r"\frac{\partial L}{\partial y} = \frac{\partial L}{\partial f} A^{\top} x",
     no_transpose, FIT),
    ("bilinear_form", 2, r"\frac{\partial L}{\partial A} = \frac{\partial L}{\partial f} x y^{\top}",
     other_order, FIT),
    ("bilinear_form", 3, r"\frac{\partial L}{\partial B} = \frac{\partial L}{\partial g} x x^{\top}",
     no_transpose, FIT),
    ("ridge_regression", 0, r"\frac{\partial J}{\partial w} = 2 X^{\top} (X w - y) + 2 \lambda w", no_transpose, FIT),
    ("logistic_regression", 0, r"\frac{\partial E}{\partial w} = \Phi^{\top} \frac{\partial E}{\partial a}",
     no_transpose, FIT),
    ("rnn_output", 0, r"\frac{\partial L}{\partial V} = \left( \frac{\partial L}{\partial o} \right)^{\top} h",
     other_order, FIT),
    ("rnn_output", 2, r"\frac{\partial L}{\partial h} = \frac{\partial L}{\partial o} V", other_order, FIT),
    ("lstm_cell", 1, r"\frac{\partial E}{\partial h_{t-1}} = U_i^{\top} \frac{\partial E}{\partial \hat{i}_t} + "
     r"U_f^{\top} \frac{\partial E}{\partial \hat{f}_t} + U_o^{\top} \frac{\partial E}{\partial \hat{o}_t} + "
     r"U_g^{\top} \frac{\partial E}{\partial \hat{g}_t}", no_transpose, REFUTED),
    ("lstm_cell", 7, r"\frac{\partial E}{\partial U_i} = \frac{\partial E}{\partial \hat{i}_t} h_{t-1}^{\top}",
     lambda found: transpose(found), REFUTED),
    ("strided_conv", 2, r"\frac{\partial L}{\partial b} = \frac{\partial L}{\partial y} \mathbf{1}", turned, FIT),
    ("two_layer_mlp", 2, r"\frac{\partial J}{\partial W^{(2)}} = \frac{\partial J}{\partial z^{(2)}} (a^{(1)})^{\top}",
     other_order, FIT),
    ("vae_kl", 1, r"\frac{\partial D_{\mathrm{KL}}}{\partial s} = \frac{1}{2} \, \frac{\partial D_{\mathrm{KL}}}"
     r"{\partial \sigma} \odot \exp\left( \frac{1}{2} s \right)", no_number, REFUTED),
    ("word2vec", 0, r"\frac{\partial J}{\partial v_c} = U \frac{\partial J}{\partial z}", turned, FIT),
    ("word2vec", 1, r"\frac{\partial J}{\partial U} = v_c \left( \frac{\partial J}{\partial z} \right)^{\top}",
     other_order, FIT),
]
IDS = [f"{name} {number}" for name, number, *_ in TABLE]


def proved_matrix_form(graph: Graph, claim: Claim) -> tuple[Equation, Verdict] | None:
    """The matrix form with the verdict on what it says of its entries."""
    found = matrix_form(graph.problem, claim)
    return None if found is None else (found, judge(graph, entry_claim(graph.problem, found)))


@pytest.mark.parametrize("name, number, formula, slip, becomes", TABLE, ids=IDS)
def test_the_matrix_form_of_an_answer_is_proved_and_its_nearest_slip_is_not(
        name: str, number: int, formula: str, slip: Slip, becomes: str) -> None:
    problem = load(name)
    graph, claim = Graph(problem), problem.targets[number].claim
    found, verdict = proved_matrix_form(graph, claim)
    assert spell(equation_layout(problem, found)) == formula
    assert isinstance(verdict, Proved)
    assert entry_claim(problem, found).left == claim.left
    wrong = replace(found, right=slip(found.right))
    try:
        entries = entry_claim(problem, wrong)
    except Mismatch:
        assert becomes == FIT
    else:
        assert becomes == REFUTED and isinstance(judge(graph, entries), Refuted)


@pytest.mark.parametrize("name, number, formula", [row[:3] for row in TABLE], ids=IDS)
def test_the_printed_matrix_form_is_read_back_and_right(name: str, number: int, formula: str) -> None:
    problem = load(name)
    words = vocabulary_of(problem)
    words.operators.update({"*_full": "convolution full", "*_filt": "correlation valid"})
    given = ", ".join(spell(given_layout(one, problem)) for one in problem.targets[number].claim.given)
    row, = rows(formula + (rf" \quad ({given})" if given else ""))
    assert Checker(problem, words).line(formula, row.node).judgement == "right"


@pytest.mark.parametrize("name, number", [row[:2] for row in TABLE], ids=IDS)
def test_the_matrix_form_with_vectors_as_rows_is_read_back_and_right(name: str, number: int) -> None:
    problem = load(name)
    formula = spell(equation_layout(problem, matrix_form(problem, problem.targets[number].claim), rows=True))
    test_the_printed_matrix_form_is_read_back_and_right(name, number, formula)


def test_every_matrix_form_of_an_answer_is_proved() -> None:
    """Of the package's exercises: the declared answers, and the right formulas that people gave."""
    for name in library.names():
        problem = library.load(name)
        graph = Graph(problem)
        for claim in (*(t.claim for t in problem.targets), *(h.claim for h in problem.hands if not h.wrong)):
            found = proved_matrix_form(graph, claim)
            assert found is None or isinstance(found[1], Proved), (name, found)


@pytest.mark.parametrize("name, number, formula", [row[:3] for row in TABLE], ids=IDS)
def test_the_order_of_factors_and_terms_does_not_matter(name: str, number: int, formula: str) -> None:
    problem = load(name)
    claim = problem.targets[number].claim

    def reversed_everywhere(expr: Expr) -> Expr:
        return reverse(rebuild(expr, reversed_everywhere))

    found, verdict = proved_matrix_form(Graph(problem), replace(claim, right=reversed_everywhere(claim.right)))
    assert isinstance(verdict, Proved)
    if not any(sign in formula for sign in ("+", " - ", r"\odot")):             # there the order is the author's
        assert spell(equation_layout(problem, found)) == formula


# ---- where there is none ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, number", [
    ("avg_pool", 0), ("lp_pool", 0), ("max_pool", 0), ("max_pool_overlapping", 0),         # windows side by side
    ("conv_dilated", 0), ("conv_dilated", 1), ("conv_strided", 0), ("conv_strided", 1), ("conv_stride_letter", 0),
    ("conv_stride_letter", 1), ("conv_strided_dilated", 0), ("conv_strided_dilated", 1), ("strided_conv", 0),
    ("strided_conv", 1),
    ("conv_valid", 2), ("group_norm", 0), ("group_norm", 1),                               # four axes
    ("batchnorm_affine", 3),                                                               # diag of a product
    ("softmax_temperature", 1), ("softmax_temperature", 2), ("multiclass_hinge", 0),       # of some entries only
    ("sigmoid", 0), ("minmax_dag", 1), ("focal_loss", 0),                                  # numbers
])
def test_nothing_is_forced(name: str, number: int) -> None:
    problem = load(name)
    assert matrix_form(problem, problem.targets[number].claim) is None


# ---- square matrices, where every slip fits --------------------------------------------------------------------------

SQUARE = problem("square", declare(
    T("x", "m"), T("y", "m"), T("A", "m", "m"), T("B", "m", "m"), T("C", "m", "m"), T("a"),
    T("v", "m", props="positive"), T("X", "N", "m", "m"), T("Y", "N", "m", "m"), T("h", "m", "m")), outputs=())
x, y, A, B, v = E("x", "i"), E("y", "i"), E("A", "i", "j"), E("B", "i", "j"), E("v", "i")
POSITIVE = Indicator(Compare("<", N(0), A))

INDEX_FORMS = [
    (x, S("j", "m", mul(A, E("y", "j"))), "x = A y", "x = y A^⊤", turned),
    (x, S("j", "m", mul(E("y", "j"), E("A", "j", "i"))), "x = A^⊤ y", "x = y A", no_transpose),
    (A, mul(x, E("y", "j")), "A = x y^⊤", "A = x^⊤ y", lambda m: transpose(m)),
    (A, S("k", "m", mul(E("A", "i", "k"), E("B", "k", "j"))), "A = A B", "A = A B", other_order),
    (A, S("k", "m", mul(E("A", "k", "i"), E("B", "k", "j"))), "A = A^⊤ B", "A = A^⊤ B", no_transpose),
    (A, S("k", "m", mul(E("B", "j", "k"), E("A", "i", "k"))), "A = A B^⊤", "A = A B^⊤", no_transpose),
    (A, S("k", "m", mul(E("y", "k"), E("A", "i", "k"), E("B", "k", "j"))), "A = A diag(y) B", "A = A diag(y) B",
     other_order),
    (A, mul(A, B), "A = A ⊙ B", "A = A ⊙ B", side_by_side),
    (A, mul(A, E("B", "j", "i")), "A = A ⊙ B^⊤", "A = A ⊙ B^⊤", no_transpose),
    (A, mul(x, A, E("y", "j")), "A = diag(x) A diag(y)", "A = diag(x) A diag(y)", other_order),
    (A, add(A, E("B", "j", "i")), "A = A + B^⊤", "A = A + B^⊤", no_transpose),
    (A, mul(E("a"), add(d("i", "j"), negate(mul(x, E("x", "j"))))), "A = a (I - x x^⊤)", "A = a (I - x^⊤ x)",
     no_number),
    (A, subtract(A, divide(x, N("m"))), "A = A - 1/m · x 1^⊤", "A = A - 1/m · x^⊤ 1", turned),
    (A, apply("tanh", add(S("k", "m", mul(E("A", "i", "k"), E("B", "k", "j"))), E("x", "j"))),
     "A = tanh(A B + 1 x^⊤)", "A = tanh(A B + 1^⊤ x)", other_order),
    (A, mul(A, subtract(B, S("k", "m", mul(E("A", "i", "k"), E("B", "i", "k"))))),             # softmax, row by row
     "A = A ⊙ (B - (A ⊙ B) 1 1^⊤)", "A = A ⊙ (B - (A ⊙ B) 1^⊤ 1)", turned),
    (x, S("j", "m", mul(A, B)), "x = (A ⊙ B) 1", "x = 1 (A ⊙ B)^⊤", side_by_side),
    (x, mul(x, subtract(N(1), x), S("j", "m", mul(E("A", "j", "i"), E("y", "j")))),
     "x = x ⊙ (A^⊤ y) ⊙ (1 - x)", "x = x ⊙ (y A) ⊙ (1 - x)", no_transpose),
    (x, S("k", "m", mul(E("A", "k", "i"), subtract(S("j", "m", mul(E("A", "k", "j"), E("x", "j"))), E("y", "k")))),
     "x = A^⊤ (A x - y)", "x = (x A^⊤ - y) A", no_transpose),
    (x, S("j", "m", "k", "m", mul(A, E("B", "j", "k"), E("x", "k"))), "x = A B x", "x = x B^⊤ A^⊤", turned),
    (x, divide(mul(x, y), mul(v, v)), "x = (x ⊙ y) ⊘ (v ⊙ v)", "x = (x ⊙ y) ⊘ (v ⊙ v)", other_order),
    (x, power(x, 2), "x = x ⊙ x", "x = x ⊙ x", lambda m: m.factors[0]),
    (x, mul(exp(x), Indicator(Compare("<", y, N(1)))), "x = exp(x) ⊙ 1[y < 1]", "x = exp(x) ⊙ 1[y < 1]",
     lambda m: m.factors[0]),
    (E("a"), S("i", "m", "j", "m", mul(x, A, E("y", "j"))), "a = x^⊤ A y", "a = x A y^⊤", other_order),
    (E("a"), S("i", "m", "j", "m", mul(A, B)), "a = 1^⊤ (A ⊙ B) 1", "a = 1 (A ⊙ B) 1^⊤", side_by_side),
    (A, S("n", "N", "k", "m", mul(E("X", "n", "k", "i"), E("Y", "n", "k", "j"))),
     "A = Σ_n X_n^⊤ Y_n", "A = Σ_n X_n^⊤ Y_n", no_transpose),
    (E("X", "n", "i", "j"), S("k", "m", mul(E("Y", "n", "i", "k"), E("A", "k", "j"))),
     "X_n = Y_n A", "X_n = Y_n A", other_order),
    (E("h", "t", "i"), S("k", "m", mul(E("A", "k", "i"), E("h", V("t") + 1, "k"))),
     "h_t = A^⊤ h_{t+1}", "h_t = h_{t+1} A", no_transpose),
]


@pytest.mark.parametrize("left, right, columns, in_rows, slip", INDEX_FORMS, ids=[row[2] for row in INDEX_FORMS])
def test_an_index_form_and_its_matrix_form(left: Entry, right: Expr, columns: str, in_rows: str, slip: Slip) -> None:
    """With vectors as columns and as rows; the slip is refuted, or does not fit."""
    found = matrix_form(SQUARE, Claim(left, right))
    assert plain(equation_layout(SQUARE, found)) == columns
    assert plain(equation_layout(SQUARE, found, rows=True)) == in_rows
    claim = entry_claim(SQUARE, found)
    seen = add(left, right)                                       # so that every index has its range
    safe = replace(SQUARE, tensors={**SQUARE.tensors, "h": replace(SQUARE.tensors["h"], zero_outside=True)})
    graph = Graph(safe)
    assert isinstance(judge(graph, Claim(seen, add(left, claim.right))), Proved)
    try:
        wrong = entry_claim(SQUARE, replace(found, right=slip(found.right)))
    except Mismatch:
        return
    assert isinstance(judge(graph, Claim(seen, add(left, wrong.right))), Refuted)


def test_brackets_in_brackets_take_no_time() -> None:
    """Of none of them there is a form: the last entry is read backwards."""
    def bracket(k: str, depth: int) -> Expr:
        terms = [E("x", k), mul(E("a"), E("y", k)), S("j", "m", mul(E("A", k, "j"), E("y", "j")))]
        inner = [mul(E("x", k), bracket(k, depth - 1), bracket(k, depth - 1))] if depth else []
        return add(*terms, *inner, E("y", V("m") - V(k) + 1))

    began = perf_counter()
    assert matrix_form(SQUARE, Claim(x, mul(bracket("i", 3), bracket("i", 3), bracket("i", 3)))) is None
    assert perf_counter() - began < 5                             # an unbounded search took minutes


@pytest.mark.parametrize("left, right", [
    (x, S("j", 2, "m", mul(A, E("y", "j")))),                     # not the whole axis
    (x, S("j", V("m") - 1, mul(A, E("y", "j")))),
    (x, E("A", "i", "i")), (x, E("y", V("m") - V("i") + 1)),
    (A, S("k", "m", mul(E("A", "i", "k"), E("B", "j", "k"), E("C", "k", "i"), E("C", "k", "k")))),
    (E("A", "i", 1), x), (E("x", "i"), E("A", "i", 1))])
def test_what_is_no_matrix_form(left: Entry, right: Expr) -> None:
    assert matrix_form(SQUARE, Claim(left, right)) is None


# ---- entry by entry --------------------------------------------------------------------------------------------------

a_, x_, y_, A_, B_ = Scalar(E("a")), Whole("x"), Whole("y"), Whole("A"), Whole("B")
ENTRIES = [
    (A_, "A_ij"), (Transposed(A_), "A_ji"), (x_, "x_i"), (Whole("X", (V("n"),)), "X_nij"),
    (Product((A_, B_)), "Σ_k A_ik B_kj"), (Product((A_, x_)), "Σ_k A_ik x_k"),
    (Product((x_, Transposed(y_))), "x_i y_j"),
    (Product((Transposed(x_), y_)), "Σ_k x_k y_k"), (Hadamard((A_, B_)), "A_ij B_ij"), (Divided(x_, y_), "x_i/y_i"),
    (Plus((A_, Transposed(B_))), "A_ij + B_ji"), (Scaled(a_, x_), "a x_i"), (Diagonal(x_), "δ_ij x_i"),
    (Identity(V("m")), "δ_ij"), (Filled(a_, V("m"), V("m")), "a"), (Applied("tanh", (A_,)), "tanh(A_ij)"),
    (Indicated("<", x_, Scalar(N(1))), "1[x_i < 1]"), (Quotient(Whole("E"), A_), "∂E/∂A_ij"),
    (Quotient(y_, x_), "∂y_i/∂x_j"), (Over("n", V("N"), Whole("X", (V("n"),))), "Σ_n X_nij"),
    (Convolved(FILT, x_, Whole("w")), "Σ_u x_{i+u-1} w_u"), (Convolved(FULL, x_, Whole("w")), "Σ_u x_u w_{i-u+1}"),
    (Product((A_, Product((B_, x_)))), "Σ_k A_ik Σ_k′ B_{k,k′} x_{k′}"),
]
NOUNS = problem("nouns", {**SQUARE.tensors, **declare(T("w", "h", zero=True))}, outputs=())


@pytest.mark.parametrize("matrix, entry", ENTRIES, ids=[row[1] for row in ENTRIES])
def test_the_entry_of_a_noun(matrix: Matrix, entry: str) -> None:
    at = [None if size is None else V(name) for size, name in zip(shape(NOUNS, matrix), "ij", strict=True)]
    assert text(entry_form(NOUNS, matrix, *at), NOUNS) == entry


def test_what_an_operator_reads_outside_a_tensor_is_zero() -> None:
    place = V("i") - V("u") + 1
    inside = Indicator(And((CompareIndex("<=", FIRST, place), CompareIndex("<=", place, V("m")))))
    assert entry_form(NOUNS, Convolved(FULL, Whole("w"), x_), V("i")) == S(
        "u", "h", mul(inside, E("w", "u"), E("x", place)))


def test_a_sum_in_an_entry_captures_nothing() -> None:
    sizes = replace(SQUARE, facts=(V("k") - 1,))
    assert text(entry_form(sizes, Product((A_, B_)), V("i"), V("j")), sizes) == "Σ_k′ A_{i,k′} B_{k′,j}"
    over = Over("n", V("N"), Product((Whole("X", (V("n"),)), x_)))
    assert text(entry_form(SQUARE, over, V("n")), SQUARE).startswith("Σ_n′")


@pytest.mark.parametrize("matrix", [
    Product((x_, y_)), Product((Transposed(A_), Whole("w"))), Hadamard((A_, x_)), Plus((x_, Transposed(y_))),
    Divided(x_, A_), Diagonal(A_), Scaled(x_, A_), Convolved(FILT, A_, x_), Product((Whole("w"), y_))])
def test_what_does_not_fit_has_no_entry(matrix: Matrix) -> None:
    with pytest.raises(Mismatch):
        entry_form(NOUNS, matrix, V("i"), V("j"))


# ---- index forms of convolutions -------------------------------------------------------------------------------------

CONV = problem("conv", declare(
    T("x", "H", zero=True), T("w", "h", zero=True), T("y", V("H") - V("h") + 1, zero=True), T("f", V("H") + V("h") - 1),
    T("X", "R", "S", zero=True), T("K", "h", "k", zero=True), T("Z", "C", "H"), T("W", "F", "C", "h", zero=True),
    T("Y", V("R") - V("h") + 1, V("S") - V("k") + 1, zero=True), T("V", "F", V("H") - V("h") + 1, zero=True), T("a")),
    outputs=(), facts=(V("H") - V("h"), V("R") - V("h"), V("S") - V("k")))
i, j, p, u, v_ = map(V, ("i", "j", "p", "u", "v"))
P = V("H") - V("h") + 1


@pytest.mark.parametrize("left, right, form", [
    (E("y", "i"), S("u", "h", mul(E("x", i + u - 1), E("w", "u"))), "y = x *_{filt} w"),
    (E("y", "i"), mul(E("a"), S("u", "h", mul(E("w", "u"), E("x", i + u - 1)))), "y = a x *_{filt} w"),
    (E("x", "i"), S("u", "h", mul(E("w", "u"), E("y", i - u + 1))), "x = w *_{full} y"),
    (E("x", "i"), S("p", P, mul(E("y", "p"), E("w", i - p + 1))), "x = y *_{full} w"),         # over the other one
    (E("w", "u"), S("p", P, mul(E("y", "p"), E("x", p + u - 1))), "w = x *_{filt} y"),
    (E("f", "i"), S("u", "h", mul(E("x", i - u + 1), E("w", "u"))), "f = w *_{full} x"),
    (E("Y", "i", "j"), S("u", "h", "v", "k", mul(E("X", i + u - 1, j + v_ - 1), E("K", "u", "v"))), "Y = X *_{filt} K"),
    (E("X", "i", "j"), S("u", "h", "v", "k", mul(E("Y", i - u + 1, j - v_ + 1), E("K", "u", "v"))), "X = K *_{full} Y"),
    (E("V", "f", "i"), S("c", "C", "u", "h", mul(E("Z", "c", i + u - 1), E("W", "f", "c", "u"))),
     "V_f = Σ_c Z_c *_{filt} W_{f,c}"),
    (E("Z", "c", "i"), S("f", "F", "u", "h", mul(E("V", "f", i - u + 1), E("W", "f", "c", "u"))),
     "Z_c = Σ_f W_{f,c} *_{full} V_f"),
    (E("W", "f", "c", "u"), S("p", P, mul(E("V", "f", "p"), E("Z", "c", u + p - 1))), "W_{f,c} = Z_c *_{filt} V_f"),
    (E("y", "i"), divide(S("u", "h", E("x", i + u - 1)), N("h")), "y = 1/h · x *_{filt} 1_h"),
    (E("y", "i"), S("u", "h", mul(E("x", i - u + 1), E("w", "u"))), None),                      # too long for y
    (E("y", "i"), S("u", V("h") - 1, mul(E("x", i + u - 1), E("w", "u"))), None),               # not the whole kernel
    (E("y", "i"), S("u", "h", mul(E("x", i + u), E("w", "u"))), None),                          # one further
    (E("y", "i"), S("u", "h", mul(E("x", i * 2 + u - 2), E("w", "u"))), None),                  # a stride
    (E("Y", "i", "j"), S("u", "h", "v", "k", mul(E("X", i + u - 1, j + v_ - 1), E("K", "v", "u"))), None),
])
def test_an_index_form_of_a_convolution(left: Entry, right: Expr, form: str | None) -> None:
    found = matrix_form(CONV, Claim(left, right))
    assert (None if found is None else plain(equation_layout(CONV, found))) == form
    if found is not None:
        entries = entry_claim(CONV, found)
        assert isinstance(judge(Graph(CONV), Claim(add(left, right), add(left, entries.right))), Proved)


# ---- operators -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, number, lines", [
    ("conv_valid", 0, ["(A *_{full} B)_ij = Σ_{u=1..h} Σ_{v=1..w} A_uv B_{i-u+1,j-v+1} (B zero outside)"]),
    ("conv_valid", 1, ["(A *_{filt} B)_ij = Σ_{u=1..R - h + 1} Σ_{v=1..S - w + 1} A_{i+u-1,j+v-1} B_uv"]),
    ("conv_full", 0, ["(A *_{filt} B)_i = Σ_{u=1..h} A_{i+u-1} B_u"]),
    ("avg_pool_overlapping", 0, ["(A *_{full} B)_i = Σ_{u=1..K} A_u B_{i-u+1} (B zero outside)"]),
    ("linear", 0, [])])
def test_every_operator_is_defined_in_a_line_of_its_own(name: str, number: int, lines: list[str]) -> None:
    problem = load(name)
    found = matrix_form(problem, problem.targets[number].claim)
    assert [f"{plain(line.left)} = {plain(line.right)}" for line in operator_lines(problem, found)] == lines


def test_an_operator_is_defined_where_indices_begin_at_0() -> None:
    problem = replace(load("conv_valid"), index_base=0)
    found = matrix_form(problem, problem.targets[0].claim)
    line, = operator_lines(problem, found)
    assert plain(line.right) == "Σ_{u=0..h - 1} Σ_{v=0..w - 1} A_uv B_{i-u,j-v} (B zero outside)"
    assert spell(equation_layout(problem, found)).startswith(
        r"\frac{\partial L}{\partial X_{n,c}} = \sum_{f=0}^{F - 1} W_{f,c} *")


def test_an_equation_in_lines_has_its_operators_below() -> None:
    problem = load("conv_full")
    found = matrix_form(problem, problem.targets[0].claim)
    assert latex_lines(equation_lines(problem, found, 40)) == (
        r"\frac{\partial L}{\partial X} &= \frac{\partial L}{\partial Y} *_{\mathrm{filt}} W \\" "\n"
        r"(A *_{\mathrm{filt}} B)_i &= \sum_{u=1}^{h} A_{i+u-1} B_u")


def test_typst_knows_every_sign() -> None:
    problem = load("conv_valid")
    found = matrix_form(problem, problem.targets[0].claim)
    assert typst(equation_layout(problem, found)).endswith(
        'sum_(f = 1)^(F) W_(f comma c) *_(upright("full")) frac(partial L, partial Y_(n comma f))')
    problem = load("relu")
    found = matrix_form(problem, problem.targets[0].claim)
    assert "⊙" in typst(equation_layout(problem, found))


# ---- all products of a few tensors -----------------------------------------------------------------------------------

INDICES = ("i", "j", "k", "l")
LEAVES = st.one_of(
    st.sampled_from(INDICES).map(lambda p: E("x", p)), st.sampled_from(INDICES).map(lambda p: E("z", p)),
    st.tuples(st.sampled_from(INDICES), st.sampled_from(INDICES)).map(lambda p: E("Y", *p)),
    st.tuples(st.sampled_from(INDICES), st.sampled_from(INDICES)).map(lambda p: d(*p)),
    st.sampled_from(INDICES).map(lambda p: apply("tanh", E("x", p))),
    st.sampled_from(INDICES).map(lambda p: subtract(N(1), E("z", p))), st.just(E("a")), st.just(N("m")))


@st.composite
def products(draw) -> tuple[Entry, Expr]:  # type: ignore[no-untyped-def]
    """A tensor's entry and a sum of index products over what is not free in it."""
    left = draw(st.sampled_from((E("a"), E("x", "i"), E("Y", "i", "j"), E("Y", "j", "i"))))
    free = {form.bare for form in left.at}
    terms = []
    for factors in draw(st.lists(st.lists(LEAVES, min_size=1, max_size=4), min_size=1, max_size=2)):
        body: Expr = Mul(tuple(factors))
        for index in sorted((set(INDICES) & names_in(body)) - free):
            body = S(index, "m", body)
        terms.append(body)
    return left, add(*terms)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(products())
def test_a_form_that_is_found_and_what_is_read_of_its_print_are_equal_at_exact_points(
        product: tuple[Entry, Expr]) -> None:
    left, right = product
    found = matrix_form(PROBLEM, Claim(left, right))
    if found is not None:
        entries = entry_claim(PROBLEM, found)
        assert entries.left == left
        printed = spell(matrix_layout(PROBLEM, found.right))
        _, read = value(PROBLEM, vocabulary_of(PROBLEM), Choices(), parse(printed))
        again = at(read, [V(name) for name in (found.row, found.column) if name is not None]).body
        for other in (entries.right, again):
            claim = Claim(add(left, right), add(left, other))
            assert not isinstance(compare(PROBLEM, claim, points=6), Refuted), printed
