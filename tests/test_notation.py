"""The same exercise in another notation: what is printed reads back, and is proved to be what it was."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from randomly import PROBLEM, expressions
from words import *

from derivs import library
from derivs.checker import Checker
from derivs.errors import IllFormed
from derivs.expr import CompareIndex
from derivs.latex import latex, latex_claim, spell
from derivs.layout import name_layout, range_layout
from derivs.names import by_letters, read
from derivs.notation import Notation, renotated
from derivs.problem import Claim, Definition, Given, Hand, Problem, Target, Tensor
from derivs.reading.choices import Choices
from derivs.reading.claims import value
from derivs.reading.parse import parse
from derivs.reading.printed import vocabulary_of
from derivs.reading.rows import rows
from derivs.refute import compare
from derivs.solver import solve
from derivs.translation import agree, same_sizes
from derivs.verdict import Proved, Refuted
from derivs.wellformed import mistakes

NAMES = library.names()
SPARE = (r"\hat{u}", r"\mathbf{g}", r"\theta", "Q", "o")              # no exercise prints these


def claims(problem: Problem) -> list[Claim]:
    return [Claim(d.entry, d.value) for d in problem.definitions] + [target.claim for target in problem.targets]


def indices(problem: Problem) -> list[str]:
    return list(dict.fromkeys(index for d in problem.definitions for index in d.indices))


def renamed(problem: Problem) -> dict[str, str]:
    """New names for two tensors, a size and an index, as far as the exercise has them."""
    tensors = [t for t in problem.tensors.values() if t.role not in ("cotangent", "loss") and t.name != problem.loss]
    names = {spell(name_layout(t)): new for t, new in zip((tensors[0], tensors[-1]), SPARE, strict=False)}
    return names | dict(zip(problem.sizes[:1], [r"G"], strict=False)) | dict(
        zip(indices(problem)[:1], [r"\alpha"], strict=False))


NOTATIONS = {
    "as it is": lambda p: Notation(),
    "another loss": lambda p: Notation(loss=r"\mathcal{J}"),
    "from zero": lambda p: Notation(index_base=0),
    "rows": lambda p: Notation(layout="row"),
    "other names": lambda p: Notation(names=renamed(p)),
    "everything": lambda p: Notation(r"\mathcal{J}", 0, "column", renamed(p)),
}


@cache
def in_notation(exercise: str, notation: str) -> Problem:
    problem = library.load(exercise)
    return renotated(problem, NOTATIONS[notation](problem))


def judgement(checker: Checker, formula: str) -> str:
    row, = rows(formula)
    return checker.line(formula, row.node or row.error, continues=False).judgement  # type: ignore[arg-type]


def printed(problem: Problem) -> list[str]:
    """All that is printed of an exercise."""
    ranges = [spell(box) for d in problem.definitions for size in problem.tensors[d.tensor].shape
              for box in range_layout(V(1), size, problem)]
    hands = [hand.claim for hand in problem.hands]
    return [latex_claim(claim, problem) for claim in (*claims(problem), *hands)] + ranges


# ---- every exercise --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("exercise", NAMES)
def test_what_another_notation_prints_is_proved_of_the_exercise_as_it_was(exercise: str, notation: str) -> None:
    problem, other = library.load(exercise), in_notation(exercise, notation)
    assert not mistakes(other)
    found = agree(problem, other)
    assert len(found) == len(claims(problem))
    for claim, verdict in found:
        assert isinstance(verdict, Proved), (latex_claim(claim, other), verdict)


@pytest.mark.parametrize("notation", ["from zero", "everything"])
@pytest.mark.parametrize("exercise", NAMES)
def test_it_is_right_for_a_reader_of_the_new_notation_and_wrong_with_one_side_doubled(exercise: str, notation: str
                                                                                        ) -> None:
    problem = in_notation(exercise, notation)
    checker = Checker(problem, vocabulary_of(problem))
    hands = [hand.claim for hand in problem.hands if not hand.wrong]
    for claim in (*claims(problem), *hands):
        doubled = replace(claim, right=mul(N(2), claim.right))
        assert judgement(checker, latex_claim(claim, problem)) == "right", latex_claim(claim, problem)
        assert judgement(checker, latex_claim(doubled, problem)) == "wrong", latex_claim(doubled, problem)


@pytest.mark.parametrize("exercise", NAMES)
def test_another_exercise_in_the_same_letters_does_not_agree(exercise: str) -> None:
    problem, other = library.load(exercise), in_notation(exercise, "everything")
    doubled = replace(other, targets=tuple(
        Target(replace(t.claim, right=mul(N(2), t.claim.right))) for t in other.targets))
    verdicts = [verdict for _, verdict in agree(problem, doubled)]
    assert all(isinstance(verdict, Refuted) for verdict in verdicts[len(problem.definitions):])


@pytest.mark.parametrize(("exercise", "printed_base", "read_base"), [("conv_stride_letter", 1, 0), ("avg_pool", 0, 1)])
def test_to_count_otherwise_than_the_exercise_says_is_seen(exercise: str, printed_base: int, read_base: int,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the zero: what is printed from 1 and read from 0 is not what it was."""
    problem = replace(library.load(exercise), index_base=printed_base)
    other = replace(problem, index_base=read_base)
    monkeypatch.setattr("derivs.translation.vocabulary_of", lambda _: vocabulary_of(other))
    assert not any(isinstance(verdict, Proved) for _, verdict in agree(problem, problem))


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("exercise", NAMES)
def test_there_and_back(exercise: str, notation: str) -> None:
    problem = library.load(exercise)
    there = NOTATIONS[notation](problem)
    other = renotated(problem, there)
    loss = spell(name_layout(problem.tensors[problem.loss]))
    names = {new: old for old, new in there.names.items()}
    back = renotated(other, Notation(loss, problem.index_base, names=names))
    assert printed(back) == printed(problem)
    assert (back.definitions, back.targets, back.hands, back.facts) == (
        problem.definitions, problem.targets, problem.hands, problem.facts)
    assert printed(other) != printed(problem) or notation in ("as it is", "rows") or (
        notation == "from zero" and not indices(problem))


@pytest.mark.parametrize("exercise", ["batchnorm", "conv_valid", "linear_batch", "lp_pool", "softmax_temperature"])
def test_it_is_solved_as_before_and_every_printed_step_is_right(exercise: str) -> None:
    problem = in_notation(exercise, "everything")
    solution = solve(problem)
    checker = Checker(problem, vocabulary_of(problem))
    steps = [Claim(step.left, step.right) for step in solution.adjoints]
    for answer in solution.answers:
        assert isinstance(answer.verdict, Proved)
        steps += [Claim(step.left, step.right, answer.target.claim.given) for step in answer.steps]
    for step in steps:
        assert judgement(checker, latex_claim(step, problem)) == "right"


@pytest.mark.parametrize(("exercise", "names"), [
    ("conv_stride_letter", {"s": "h", "h": "s", "x": "n", "n": "N"}),            # its reference is given s by name
    ("batchnorm_affine", {"B": "D", "D": "B"}), ("avg_pool", {"K": "k", "k": "p", "x": "X"})])
def test_autodiff_of_the_reference_agrees_as_before(exercise: str, names: dict[str, str]) -> None:
    other = renotated(library.load(exercise), Notation("Q", 0, "row", names))
    agreements = [answer.agreement for answer in solve(other, examples=20).answers]
    assert all(one and one.examples and not one.failure for one in agreements)


# ---- what it looks like ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("exercise", "notation", "formula"), [
    ("batchnorm", Notation(loss="L", names={"m": "N", "i": "n", "j": "k"}),
     r"\frac{\partial L}{\partial \mu} = -\frac{1}{\sigma} \sum_{n=1}^{N} \frac{\partial L}{\partial y_n}"),
    ("batchnorm", Notation(index_base=0, names={r"\sigma^2": "v"}),
     r"v = \frac{1}{m} \sum_{i=0}^{m - 1} (x_i - \mu)^2"),
    ("conv_valid", Notation(index_base=0),
     r"Y_{nfpq} = b_f + \sum_{c=0}^{C - 1} \, \sum_{u=0}^{h - 1} \, \sum_{v=0}^{w - 1} W_{fcuv} X_{n,c,p+u,q+v}"),
    ("conv_stride_letter", Notation(index_base=0), r"y_i = \sum_{k=0}^{h - 1} w_k x_{i s+k}"),
    ("max_pool", Notation(index_base=0), r"Y_{pq} = \max_{0 \le a \le 1} \, \max_{0 \le b \le 1} X_{a+2 p,b+2 q}"),
    ("avg_pool", Notation(index_base=0, loss=r"\mathcal{L}"),
     r"\frac{\partial \mathcal{L}}{\partial x_j} = \frac{1}{K} \sum_{i=0}^{n - 1} \frac{\partial \mathcal{L}}"
     r"{\partial y_i} \, \mathbf{1}[j \le K + K i - 1\text{ and }K i \le j]"),
    ("conv_strided_dilated", Notation(index_base=0),
     r"\frac{\partial E}{\partial x_j} = \sum_{i=0}^{n - 1} \, \sum_{k=0}^{h - 1} \frac{\partial E}{\partial y_i} w_k "
     r"\delta_{j,2 i+3 k-1}"),
    ("batchnorm_affine", Notation(names={r"\hat{x}": "z", r"\gamma": "g", "r": "s", "s": "r"}),
     r"y_{ri} = \beta_i + g_i z_{ri}"),
])
def test_prints(exercise: str, notation: Notation, formula: str) -> None:
    assert formula in printed(renotated(library.load(exercise), notation))


x, y, n = E("x", "i"), E("y", "i"), "n"
VALUES = Problem(
    "values", "An index that is a number", "", {
        "x": Tensor("x", (V("n"),)), "y": Tensor("y", (V("n"),), "node"), "E": Tensor("E", (), "loss"),
        "y_bar": Tensor("y_bar", (V("n"),), "cotangent")},
    (Definition("y", ("i",), mul(N("i"), S("k", "i", mul(N("k"), E("x", "k"))))),), "E", ("y",),
    hands=(Hand(Claim(E("y", 1), E("x", 1)), "the first one"),))


def test_an_index_that_is_a_number_is_one_more() -> None:
    zero = renotated(VALUES, Notation(index_base=0))
    assert printed(zero)[:2] == [r"y_i = (i + 1) \sum_{k=0}^{i} (k + 1) x_k", r"y_0 = x_0"]
    assert [type(verdict) for _, verdict in agree(VALUES, zero)] == [Proved]


def test_conditions_on_indices_and_on_sizes() -> None:
    zero = replace(VALUES, index_base=0)
    assert latex(CompareIndex("<=", V("i") + 1, V("n")), zero) == r"i + 1 \le n - 1"
    assert latex(CompareIndex("=", V("n"), V(2)), zero) == "n = 2"
    assert latex_claim(Claim(x, y, (Given("=", V("i"), V(1)),)), zero) == r"x_i = y_i \quad (i = 0)"


FROM_ZERO = replace(PROBLEM, index_base=0)
WORDS = vocabulary_of(FROM_ZERO)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions(depth=3))
def test_an_expression_that_is_printed_from_zero_reads_back_to_itself(expr: Expr) -> None:
    formula = latex(expr, FROM_ZERO)
    _, found = value(FROM_ZERO, WORDS, Choices(), parse(formula))
    assert not found.rank
    if found.body != expr:                                              # another tree: of the same value?
        seen = add(E("x", "i"), E("x", "j"))                            # so that i and j have their ranges
        assert not isinstance(compare(PROBLEM, Claim(add(seen, expr), add(seen, found.body)), points=5), Refuted)


def test_a_sum_over_a_whole_axis_is_still_one() -> None:
    from derivs.text import text
    assert text(S("k", "n", E("x", "k")), replace(VALUES, index_base=0)) == "Σ_k x_k"
    assert text(S("k", 2, "n", E("x", "k")), replace(VALUES, index_base=0)) == "Σ_{k=1..n - 1} x_k"


SHADOWED = replace(library.load("batchnorm"), hands=(), targets=(Target(Claim(
    D("mu", E("x", "i")), divide(divide(S("i", "m", E("x", "i")), E("mu")), power(N("m"), 2)))),))


def test_a_letter_that_is_bound_and_free_is_no_difference_of_notation() -> None:
    assert all(isinstance(verdict, Proved) for _, verdict in agree(SHADOWED, renotated(SHADOWED, Notation("L", 0))))


def test_rows_and_columns_decide_which_product_is_one() -> None:
    linear = library.load("linear")
    formulas = {"row": "y = x W^T + b", "column": "y = W x + b"}
    for layout, formula in formulas.items():
        problem = renotated(linear, Notation(layout=layout))
        checker = Checker(problem, vocabulary_of(problem))
        assert judgement(checker, formula) == "right"
        for other in formulas.values():
            assert (judgement(checker, other) == "right") == (other == formula), (layout, other)


# ---- mistakes --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("notation", "said"), [
    (Notation(names={r"\hat{x}": "x"}), r"\hat{x} would be printed x, which is a tensor"),
    (Notation(names={"B": "D"}), "B would be printed D, which is a size"),
    (Notation(names={"B": "r"}), "B would be printed r, which is an index"),
    (Notation(names={"r": "s"}), "r would be printed s, which is an index"),
    (Notation(names={"x": "u", "y": "u"}), "x would be printed u, which is the new name of y"),
    (Notation(loss="y"), "L would be printed y, which is a tensor"),
    (Notation(names={"y": "L"}), "y would be printed L, which is the loss"),
    (Notation(names={"y": r"\mathbf{x}"}), r"y would be printed \mathbf{x}, which differs in typeface only from a"),
    (Notation(names={"y": "x_1"}), "y would be printed x_1, which reads like an entry beside a tensor"),
    (Notation(names={r"\mu": r"\sigma^2"}), r"\mu would be printed \sigma^2, which reads like a power beside a tensor"),
    (Notation(names={"y": "e"}), "e is the base of the exponential"),
    (Notation(names={"y": r"\pi"}), r"\pi is the number"),
    (Notation(names={"y": "ab"}), "ab is no name of one thing"),
    (Notation(names={"y": "2"}), "2 is no name of one thing"),
    (Notation(names={"y": r"\log"}), r"\log is no name of one thing"),
    (Notation(names={"y": r"\input{x}"}), r"has \input, which no printer knows"),
    (Notation(names={"y": "u" * 201}), "more than 200 characters"),
    (Notation(names={"r": r"\hat{r}"}), r"\hat{r} is no name of an index"),
    (Notation(names={"B": "n'"}), "n' is no name of a size"),
    (Notation(names={"B": "I"}), "I would be taken for something else"),
    (Notation(names={"B": r"\mathrm{mean}"}), r"\mathrm{mean} is no name of a size"),
    (Notation(names={"B": r"x_{\mathrm{in}}"}), r"x_{\mathrm{in}} would be taken for something else"),
    (Notation(names={"q": "u"}), "nothing in the exercise is called q"),
    (Notation(names={r"\hat{y}": "u"}), r"did you mean '\hat{x}'?"),
    (Notation(loss="J", names={"L": "K"}), "two names are given to the loss L, J and K"),
    (Notation(index_base=2), "indices run from 0 or from 1"),
    (Notation(layout="diagonal"), "a vector is a column or a row"),
    (Notation(names={"r": "y", "y": "u"}), "y is what the exercise calls a tensor"),
])
def test_is_refused(notation: Notation, said: str) -> None:
    with pytest.raises(IllFormed) as refused:
        renotated(library.load("batchnorm_affine"), notation)
    assert said in str(refused.value)
    assert refused.value.mend


@pytest.mark.parametrize(("exercise", "names", "said"), [
    ("linear_columns", {"i": "t", "j": "r"}, r"Y_r = b_r + \sum_{t=1}^{N} W_{tr} X_t cannot be read: tr is a function"),
    ("softmax_cross_entropy", {r"\tilde{x}": r"\delta"}, r"s_i (\delta_{ij} - s_j) cannot be read")])
def test_names_with_which_a_formula_says_something_else_are_refused(exercise: str, names: dict[str, str], said: str
                                                                    ) -> None:
    with pytest.raises(IllFormed) as refused:
        renotated(library.load(exercise), Notation(names=names))
    assert said in str(refused.value)


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(IllFormed) as refused:
        renotated(library.load("batchnorm_affine"), Notation("y", 3, "", {"B": "r", "q": "u"}))
    assert str(refused.value).startswith("notation: 4 mistakes")


@pytest.mark.parametrize("names", [{"B": "D", "D": "B"}, {"r": "s", "s": "i", "i": "r"}, {"x": "y", "y": "x"},
                                   {"B": r"n_{\mathrm{in}}"}, {r"\hat{x}": r"x_{\mathrm{out}}"}, {"xhat": "z"},
                                   {"x": r"x^{(0)}"}, {"r": "x'"}])
def test_is_taken(names: dict[str, str]) -> None:
    problem = library.load("batchnorm_affine")
    other = renotated(problem, Notation(names=names))
    assert all(isinstance(verdict, Proved) for _, verdict in agree(problem, other))


def test_sizes_are_matched_by_what_they_are_the_length_of() -> None:
    problem = library.load("conv_full")
    assert same_sizes(problem, renotated(problem, Notation(names={"H": "h", "h": "a"}))) == {"H": "h", "h": "a"}
    with pytest.raises(IllFormed):
        same_sizes(problem, library.load("batchnorm"))


def test_no_spare_name_is_in_use() -> None:
    taken = {name_layout(t) for name in NAMES for t in library.load(name).tensors.values()}
    assert not taken & {read(name) for name in SPARE} and by_letters("alpha") not in taken
