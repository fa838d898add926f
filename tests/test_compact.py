"""The search for the textbook form: every step proved on random small exercises, and what books print is found.

The expected forms are those of the literature or of the seed sheets, not of our output; they are read by the reader
of derivations, and must read the same as what is found, order and bound letters aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from words import *

from derivs import library
from derivs.alike import alike
from derivs.compact import Book, stages
from derivs.declare import Declared, load_declarations
from derivs.declare import declare as declaration
from derivs.derivation import Solution
from derivs.derive import Graph
from derivs.expr import Largest, Sum, Tree, children, names_in, walk
from derivs.judge import judge
from derivs.latex import latex
from derivs.reading.choices import Choices
from derivs.reading.claims import value
from derivs.reading.parse import parse
from derivs.reading.printed import vocabulary_of
from derivs.solver import solve
from derivs.verdict import Proved, Refuted

TEXTBOOK = Path(__file__).parent / "textbook"
SLOWEST = 20.0                         # seconds for an exercise, on a busy machine
VECTOR, TARGET = "vector[n] input", "vector[n] target"


def exercise(symbols: dict[str, str], forward: dict[str, str], by: list[str], of: str = "", loss: str = "E",
             **more: Any) -> Problem:
    asked: dict[str, Any] = {"by": by, "loss": loss} | ({"of": of} if of else {})
    return declaration({"name": "exercise", "symbols": symbols, "forward": forward, "gradient": asked, **more}).problem


# ---- laws, on random exercises

LAYERS = {
    "linear": {"a_i": r"\sum_{k=1}^{n} W_{ik} x_k"}, "square": {"a_i": "x_i^2"}, "product": {"a_i": "x_i u_i"},
    "centred": {"s": r"\frac{1}{n} \sum_{k=1}^{n} x_k", "a_i": "x_i - s"},
    "scaled": {"s": r"\sqrt{\frac{1}{n} \sum_{k=1}^{n} x_k^2 + \epsilon}", "a_i": r"\frac{x_i}{s}"},
    "softmax": {"a_i": r"\frac{e^{x_i}}{\sum_{k=1}^{n} e^{x_k}}"}, "affine": {"a_i": r"\epsilon x_i + u_i"},
}
ACTIVATIONS = {
    "sigmoid": r"\sigma(a_i)", "tanh": r"\tanh(a_i)", "relu": r"\max(0, a_i)", "softplus": r"\log(1 + e^{a_i})",
    "swish": r"a_i \sigma(a_i)", "gate": r"u_i \tanh(a_i)", "exp": "e^{a_i}", "root": r"\sqrt{1 + a_i^2}",
}
LOSSES = {
    "squares": r"\frac{1}{2} \sum_{i=1}^{n} (h_i - t_i)^2", "mean": r"\frac{1}{n} \sum_{i=1}^{n} (h_i - t_i)^2",
    "logits": r"-\sum_{i=1}^{n} t_i \log \frac{e^{h_i}}{\sum_{k=1}^{n} e^{h_k}}", "linear": r"\sum_{i=1}^{n} t_i h_i",
    "logistic": r"\sum_{i=1}^{n} \log(1 + e^{-t_i h_i})", "upstream": "",
}
exercises = st.tuples(st.sampled_from(sorted(LAYERS)), st.sampled_from(sorted(ACTIVATIONS)),
                      st.sampled_from(sorted(LOSSES)))


@cache
def random_exercise(layer: str, activation: str, loss: str) -> Problem:
    symbols = {"x": VECTOR, "W": "matrix[n,n] parameter", "u": "vector[n] parameter", "t": TARGET,
               r"\epsilon": "scalar constant positive"}
    forward = {**LAYERS[layer], "h_i": ACTIVATIONS[activation]} | ({"L": LOSSES[loss]} if loss != "upstream" else {})
    used = " ".join(forward.values())
    symbols = {name: what for name, what in symbols.items()
               if f"{name}_" in used or (name == r"\epsilon" and name in used)}
    by = [name for name, what in symbols.items() if "input" in what or "parameter" in what]
    return (exercise(symbols, forward, by, of="h") if loss == "upstream" else
            exercise(symbols, forward, by, loss="L"))


def unproved(solution: Solution) -> Iterator[object]:
    """Everything in a solution that is not proved."""
    for step in solution.adjoints:
        if not isinstance(step.verdict, Proved):
            yield step.right, step.verdict
    for answer in solution.answers:
        if not isinstance(answer.verdict, Proved):
            yield answer.target.claim, answer.verdict
        for step in answer.steps:
            if not isinstance(step.verdict, Proved):
                yield step.right, step.verdict
        for claim, verdict in answer.cases:
            if not isinstance(verdict, Proved):
                yield claim, verdict


def clashes(node: Tree, taken: frozenset[str]) -> bool:
    """Whether a bound letter is free or bound further out."""
    if isinstance(node, Sum | Largest):
        return node.index in taken or clashes(node.body, taken | {node.index})
    return any(clashes(part, taken) for part in children(node))


@settings(max_examples=20)
@given(exercises)
def test_every_step_of_a_random_exercise_is_proved(parts: tuple[str, str, str]) -> None:
    start = perf_counter()
    solution = solve(random_exercise(*parts))
    assert perf_counter() - start < SLOWEST
    assert list(unproved(solution)) == []
    for answer in solution.answers:
        assert not clashes(answer.target.claim.right, names_in(answer.target.claim.left))


@settings(max_examples=15)
@given(exercises)
def test_every_stage_is_an_answer_and_twice_it_is_none(parts: tuple[str, str, str]) -> None:
    graph = Graph(random_exercise(*parts))
    book = Book(graph)
    for target in graph.problem.targets:
        found = stages(book, target.claim)
        assert found and found == stages(book, target.claim)
        for stage in found:
            claim = Claim(target.claim.left, stage.tree, target.claim.given)
            assert isinstance(judge(graph, claim), Proved), claim
        twice = Claim(target.claim.left, mul(N(2), found[-1].tree), target.claim.given)
        assert isinstance(judge(graph, twice), Refuted), twice
        costs = [book.to.cost(stage.tree) for stage in found]
        assert costs == sorted(costs, reverse=True)


FILES = [*library.names(), *sorted(path.stem for path in TEXTBOOK.glob("*.toml"))]


@cache
def solved(name: str) -> tuple[Declared, Solution]:
    if name in library.names():
        problem = library.load(name)
        found = Declared(problem, vocabulary_of(problem))
    else:
        found = load_declarations(TEXTBOOK / f"{name}.toml")[0]
    return found, solve(found.problem)


@pytest.mark.parametrize("name", FILES)
def test_every_step_of_an_exercise_is_proved(name: str) -> None:
    _, solution = solved(name)
    assert list(unproved(solution)) == []


def test_what_was_asked_before_does_not_matter() -> None:
    """Rules were once tried in the order in which their atoms were first met in the process."""
    problem = exercise({"x": VECTOR, "A": "matrix[n,n] constant"}, {
        "R": r"\frac{\sum_{i=1}^{n} \sum_{j=1}^{n} x_i A_{ij} x_j}{\sum_{i=1}^{n} x_i^2}"}, ["x"], loss="R")
    solve(exercise({"x": VECTOR, "A": "matrix[n,n] constant"}, {
        "R": r"\sum_{i=1}^{n} \sum_{j=1}^{n} x_i A_{ij} x_j"}, ["x"], loss="R"))
    answer, = solve(problem).answers
    assert Entry("R") in list(walk(answer.target.claim.right))


# ---- what books print

def read(declared: Declared, formula: str) -> Expr:
    _, found = value(declared.problem, declared.vocabulary, Choices(), parse(formula))
    assert not found.rank
    return found.body


G = r"\frac{\partial E}{\partial y_i}"
IN_FILES = [
    ("sigmoid", 0, r"\frac{\partial E}{\partial y} y (1 - y)"),
    ("softmax_temperature", 0, r"-\beta y_i (\delta_{ij} - y_j)"),                              # seed sheet 1.2
    ("softmax_cross_entropy", 0, r"s_i (\delta_{ij} - s_j)"),
    ("batchnorm", 2, rf"\frac{{1}}{{m \sigma}} (m {G} - \sum_{{j=1}}^m \frac{{\partial E}}{{\partial y_j}}"
                     r" - y_i \sum_{j=1}^m \frac{\partial E}{\partial y_j} y_j)"),
    ("relu", 0, r"\frac{\partial L}{\partial Y_{ij}} 1[X_{ij} > 0]"),
    ("vae_kl", 0, r"\mu_j"), ("vae_kl", 1, r"\frac{1}{2} (\sigma_j^2 - 1)"),
]


@pytest.mark.parametrize("name, number, formula", IN_FILES,
                         ids=[f"{row[0]}-{row[1]}" for row in IN_FILES])
def test_an_exercise_has_the_form_of_the_book(name: str, number: int, formula: str) -> None:
    declared, solution = solved(name)
    claim = solution.answers[number].target.claim
    printed = read(declared, latex(claim.right, declared.problem))
    assert alike(printed, read(declared, formula)), latex(claim.right, declared.problem)


WEIGHTS = {"w": "vector[d] parameter", "X": "matrix[n,d] constant", "t": "vector[n] constant"}
NORM = r"\sqrt{\sum_{k=1}^{n} x_k^2}"
BOOKS = {
    "mean square": ({"y": VECTOR, "t": TARGET}, {"L": r"\frac{1}{n} \sum_{i=1}^{n} (y_i - t_i)^2"}, "y", "",
                    r"\frac{2}{n} (y_i - t_i)"),
    "tanh": ({"x": VECTOR}, {"y_i": r"\tanh(x_i)"}, "x", "y", rf"{G} (1 - y_i^2)"),
    "exp": ({"x": VECTOR}, {"y_i": "e^{x_i}"}, "x", "y", rf"{G} y_i"),
    "softmax": ({"x": VECTOR}, {"y_i": r"\frac{e^{x_i}}{\sum_{k=1}^{n} e^{x_k}}"}, "x", "y",
                rf"y_i ({G} - \sum_{{k=1}}^n \frac{{\partial E}}{{\partial y_k}} y_k)"),
    "logistic regression": (WEIGHTS, {"p_i": r"\sigma(\sum_{k=1}^{d} X_{ik} w_k)",
                            "L": r"-\sum_{i=1}^{n} (t_i \log p_i + (1 - t_i) \log(1 - p_i))"}, "w", "",
                            r"\sum_{i=1}^{n} (p_i - t_i) X_{ik}"),
    "binary cross-entropy": ({"z": "scalar input", "t": "scalar target"}, {
        "p": r"\sigma(z)", "L": r"-t \log p - (1 - t) \log(1 - p)"}, "z", "", "p - t"),
    "cross-entropy by label": ({"z": VECTOR, "y": "index[n]"}, {
        "p_i": r"\frac{e^{z_i}}{\sum_{k=1}^{n} e^{z_k}}", "L": r"-\log p_y"}, "z", "", r"p_i - \delta_{iy}"),
    "unit vector": ({"x": VECTOR}, {"r": NORM, "y_i": r"\frac{x_i}{r}"}, "x", "y",
                    r"\frac{1}{r} (\frac{\partial E}{\partial y_k}"
                    r" - y_k \sum_{i=1}^n \frac{\partial E}{\partial y_i} y_i)"),
    "norm": ({"x": VECTOR}, {"r": NORM}, "x", "", r"\frac{x_k}{r}"),
    "root mean square": ({"y": VECTOR, "t": TARGET}, {"L": r"\sqrt{\frac{1}{n} \sum_{i=1}^{n} (y_i - t_i)^2}"}, "y", "",
                         r"\frac{y_i - t_i}{n L}"),
    "leaky relu": ({"x": VECTOR, "a": "scalar constant"}, {
        "y_i": r"\begin{cases} x_i & x_i > 0 \\ a x_i & x_i \le 0 \end{cases}"}, "x", "y",
        rf"{G} \begin{{cases}} 1 & x_i > 0 \\ a & \text{{otherwise}} \end{{cases}}"),
    "leaky relu by tenths": ({"x": VECTOR}, {
        "y_i": r"\begin{cases} x_i & x_i > 0 \\ \frac{x_i}{10} & x_i \le 0 \end{cases}"}, "x", "y",
        rf"{G} \begin{{cases}} 1 & x_i > 0 \\ \frac{{1}}{{10}} & \text{{otherwise}} \end{{cases}}"),
    "hinge": ({"z": VECTOR, "t": TARGET}, {"L": r"\sum_{i=1}^{n} \max(0, 1 - t_i z_i)"}, "z", "",
              r"-t_i 1[t_i z_i < 1]"),
    "triplet": ({"a": VECTOR, "p": VECTOR, "q": VECTOR, "m": "scalar constant positive"}, {
        "u": r"\sum_{k=1}^{n} (a_k - p_k)^2", "v": r"\sum_{k=1}^{n} (a_k - q_k)^2", "L": r"\max(0, u - v + m)"},
                "a", "", r"2 (q_k - p_k) 1[v < u + m]"),
    "normal density": ({"x": VECTOR}, {"y_i": r"\frac{1}{\sqrt{2\pi}} e^{-x_i^2/2}"}, "x", "y", rf"-{G} x_i y_i"),
    "elu": ({"x": VECTOR, "a": "scalar constant positive"}, {
        "y_i": r"\begin{cases} x_i & x_i > 0 \\ a (e^{x_i} - 1) & x_i \le 0 \end{cases}"}, "x", "y",
        rf"{G} \begin{{cases}} 1 & x_i > 0 \\ a e^{{x_i}} & \text{{otherwise}} \end{{cases}}"),
    # Ramachandran et al. (2017), Searching for activation functions, section 3: β f(x) + σ(β x) (1 - β f(x))
    "swish": ({"x": VECTOR, "b": "scalar constant"}, {"y_i": r"x_i \sigma(b x_i)"}, "x", "y",
              rf"{G} (b y_i + \sigma(b x_i) (1 - b y_i))"),
    "a root's power": ({"x": "vector[n] input positive"}, {"y_i": "x_i^{3/2}"}, "x", "y",
                       rf"\frac{{3}}{{2}} {G} \sqrt{{x_i}}"),
    "entropy of a softmax": ({"z": VECTOR}, {"p_i": r"\frac{e^{z_i}}{\sum_{k=1}^{n} e^{z_k}}",
                             "H": r"-\sum_{i=1}^{n} p_i \log p_i"}, "z", "", r"-p_i (H + \log p_i)"),
    "mixture": ({"m": "vector[n] parameter", "s": "vector[n] parameter positive", "x": "scalar constant"}, {
        "q_k": r"\frac{1}{s_k} e^{-\frac{(x - m_k)^2}{2 s_k^2}}", "r_k": r"\frac{q_k}{\sum_{l=1}^{n} q_l}",
        "L": r"-\log \sum_{k=1}^{n} q_k"}, "m", "", r"-\frac{r_k}{s_k^2} (x - m_k)"),
    "elastic net": ({"w": VECTOR, "l": "scalar constant positive", "c": "scalar constant positive"}, {
        "R": r"\sum_{i=1}^{n} (\frac{l}{2} w_i^2 + c e^{w_i})"}, "w", "", r"l w_i + c e^{w_i}"),
}


@pytest.mark.parametrize("name", BOOKS)
def test_the_form_of_the_book_is_found(name: str) -> None:
    symbols, forward, by, of, formula = BOOKS[name]
    last = list(forward)[-1]
    asked = {"by": [by]} | ({"of": of, "loss": "E"} if of else {"loss": last})
    declared = declaration({"name": "book", "symbols": symbols, "forward": forward, "gradient": asked})
    solution = solve(declared.problem)
    assert list(unproved(solution)) == []
    answer, = solution.answers
    printed = latex(answer.target.claim.right, declared.problem)
    assert alike(read(declared, printed), read(declared, formula)), printed


def test_no_gradient_is_written_out_through_two_weight_matrices() -> None:
    """Of a GRU: by the gates, as books do, not a double sum over two matrices."""
    cell = exercise(
        {"x": "vector[d] input", "h": "vector[m] input", "W": "matrix[m,d] parameter", "P": "matrix[m,d] parameter",
         "A": "matrix[m,d] parameter", "B": "matrix[m,m] parameter"},
        {"z_i": r"\sigma(\sum_{k=1}^{d} W_{ik} x_k)", "r_i": r"\sigma(\sum_{k=1}^{d} P_{ik} x_k)",
         "c_i": r"\tanh(\sum_{k=1}^{d} A_{ik} x_k + \sum_{j=1}^{m} B_{ij} r_j h_j)", "y_i": "(1 - z_i) h_i + z_i c_i"},
        ["x"], of="y")
    answer, = solve(cell).answers
    assert {bar("z"), bar("r"), bar("c")} <= {n.tensor for n in walk(answer.target.claim.right) if isinstance(n, Entry)}
