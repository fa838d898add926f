"""Hostile text is answered in time and never accepted by mistake; `python -m tests.fuzz` has many more inputs."""

from __future__ import annotations

from collections import Counter
from time import process_time

import pytest
from fuzz.checks import GENERATORS, Fuzzer, Outcome
from fuzz.exercises import PLAIN
from fuzz.hostile import HOSTILE, PROVED
from hypothesis import given, settings
from hypothesis import strategies as st

from derivs.checker import Checker
from derivs.declare import declare
from derivs.derive import Graph
from derivs.errors import DerivsError, Unreadable
from derivs.normal.context import Budget
from derivs.papers import mark, one_by_one, work_on
from derivs.prove import Equal, prove
from derivs.reading.choices import Choices
from derivs.reading.claims import claim
from derivs.reading.rows import rows
from derivs.reading.syntax import Relation

INPUTS = {"mutated": 200, "noise": 200, "trees": 150, "declarations": 120}
SECONDS = 4.0                          # of the processor; nearly all take far less than one
LEFT = r"\frac{\partial L}{\partial x_i}"
RIGHT = r"\frac{\partial L}{\partial x_i} = 2 a x_i"
EXERCISE = declare(PLAIN)
WORK = work_on(EXERCISE)
FUZZER = Fuzzer()
WRONG = r"\frac{\partial L}{\partial x_i} = 2 a x_i + b"


@pytest.fixture(scope="module")
def fuzzer() -> Fuzzer:
    return Fuzzer(seed=7)


@pytest.mark.parametrize("generator", GENERATORS)
def test_every_input_is_answered_and_no_wrong_line_accepted(fuzzer: Fuzzer, generator: str) -> None:
    judgements: Counter[str] = Counter()
    for number in range(INPUTS[generator]):
        outcome = fuzzer.input(number, generator)
        assert outcome.findings == []
        judgements.update(outcome.judgements)
    assert len(judgements) > 1         # or it fuzzes nothing


def test_the_fuzzer_sees_a_wrong_acceptance(fuzzer: Fuzzer, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Checker.line

    def gullible(self: Checker, *arguments: object, **more: object) -> object:
        found = own(self, *arguments, **more)  # type: ignore[arg-type]
        object.__setattr__(found, "judgement", "right")
        object.__setattr__(found, "claims", 1)
        return found

    monkeypatch.setattr(Checker, "line", gullible)
    found = [finding.what for number in range(40) for finding in fuzzer.input(number, "trees").findings]
    assert any(what.startswith("WRONG ACCEPTANCE: our own") for what in found)


# ---- inputs that have a name -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_line_is_answered_in_time_and_the_next_one_is_unaffected(name: str, monkeypatch: pytest.MonkeyPatch
                                                                            ) -> None:
    monkeypatch.setattr("derivs.papers.MENDING", 0.5)          # most take all the time that there is for mends
    start = process_time()
    hostile, right, wrong = one_by_one(EXERCISE, [HOSTILE[name], RIGHT, WRONG], work=WORK)
    assert process_time() - start < SECONDS
    assert hostile.message or hostile.is_right
    assert (right.judgement, wrong.judgement) == ("right", "wrong")


@pytest.mark.parametrize("name", ["a megabyte of words", "a megabyte of comments", "a megabyte of environments",
                                  "a megabyte of accents", "a million dollars", "a million backslashes",
                                  "half a million nested braces"])
def test_a_hostile_document_too(name: str) -> None:
    start = process_time()
    try:
        mark([EXERCISE], HOSTILE[name], "md")
    except Unreadable as error:
        assert error.what
    assert process_time() - start < 2 * SECONDS


@pytest.mark.parametrize("name", PROVED)
def test_so_is_one_that_gets_as_far_as_its_proof(name: str) -> None:
    start = process_time()
    hostile, right = one_by_one(EXERCISE, [PROVED[name], RIGHT], work=WORK)
    assert process_time() - start < SECONDS
    assert hostile.judgement not in ("wrong", "ambiguous")        # both sides are the same
    assert right.judgement == "right"


def test_a_line_that_takes_too_long_is_undecided_and_the_next_one_unaffected(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(self: Budget) -> None:
        monkeypatch.undo()                     # the lines after it have their own time, however busy the machine
        while True:
            pass

    exercise = declare(PLAIN)
    one_by_one(exercise, [RIGHT])              # everything is imported, so that the limit meets the endless loop
    monkeypatch.setattr("derivs.papers.SECONDS", 0.5)
    monkeypatch.setattr(Budget, "refill", endless)
    start = process_time()
    slow, right, wrong = one_by_one(exercise, [RIGHT, RIGHT, WRONG])
    assert slow.judgement == "undecided"
    assert slow.message.startswith("undecided within the budget")
    assert (right.judgement, wrong.judgement) == ("right", "wrong")
    assert process_time() - start < SECONDS


@pytest.mark.parametrize("error, judgement", [(MemoryError(), "undecided"), (RecursionError(), "unread")])
def test_neither_memory_nor_depth_ends_a_run(error: Exception, judgement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exercise = declare(PLAIN)
    checker = Checker(exercise.problem, exercise.vocabulary)

    def fails(*arguments: object) -> None:
        monkeypatch.undo()
        raise error

    monkeypatch.setattr("derivs.checker.claim", fails)
    written, = rows(RIGHT)
    assert written.node is not None
    assert checker.line(RIGHT, written.node).judgement == judgement
    assert checker.line(RIGHT, written.node).judgement == "right"


@pytest.mark.parametrize("change", [
    {"symbols": {f"x_{{{k}}}": "scalar" for k in range(10_000)}},
    {"symbols": {"x": "vector[" + "(" * 10_000 + "n" + ")" * 10_000 + "]"}},
    {"symbols": {"x": "vector[n^999999999]"}}, {"symbols": {"x": "vector[9^9^9^9]"}},
    {"symbols": {"x": "vector[" + "9" * 10_000 + "]"}}, {"symbols": {"x": "tensor[" + "n," * 10_000 + "n]"}},
    {"symbols": {"x": "vector[" + "*".join(["(a+b+c+d+e+f+g+h+p+q)"] * 40) + "]"}},
    {"symbols": {"x": 7}}, {"symbols": [["x"]]}, {"symbols": {"x" * 100_000: "scalar"}},
    {"forward": {"y": "9^{9^{9^9}}", "L": "y"}}, {"forward": {"L": "x_i + " * 40_000 + "x_i"}},
    {"forward": {"L": "{" * 100_000}}, {"forward": {f"y_{{{k}}}": "a" for k in range(10_000)}},
    {"forward": {"L": r"\sum_i (x_i + 1)^{200}"}}, {"forward": {"L": r"\sum_i x_i^{x_i^{x_i}}"}},
    {"aliases": {f"a_{{{k}}}": f"a_{{{k + 1}}}" for k in range(400)}},
    {"sizes": {"n": ">= 10**10"}}, {"sizes": {"n": "= n"}}, {"sizes": {"n": ">= " + "9" * 40}},
    {"indices": {"i": "1.." + "9" * 30}}, {"conventions": {"at_kink": "9^{9^{9^9}}"}}, {"gradient": {"of": [[["x"]]]}},
    {"name": "x" * 1_000_000}, {"given": ["i = 1"] * 10_000},
], ids=lambda change: repr(change)[:50])
def test_a_hostile_declaration_is_declared_or_refused(change: dict[str, object]) -> None:
    start = process_time()
    try:
        exercise = declare({**PLAIN, **change})
        found, = one_by_one(exercise, [RIGHT])
        assert found.judgement
    except DerivsError as error:
        assert error.what
    assert process_time() - start < 2 * SECONDS


# ---- anything --------------------------------------------------------------------------------------------------------

@settings(max_examples=100)
@given(st.text(alphabet=st.one_of(st.sampled_from(r"\{}()[]^_=+-&|,.$%#'\xaij12 "), st.characters()), max_size=80))
def test_any_text_is_answered(text: str) -> None:
    FUZZER.outcome = Outcome("text")
    FUZZER.read(text)
    for answer in one_by_one(EXERCISE, [text, RIGHT], work=WORK):
        assert 0 <= answer.span[0] <= answer.span[1] <= max(len(text), len(RIGHT))
    assert answer.judgement == "right"


# ---- what was found --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("line, judgement", [
    (rf"{LEFT} = 2 a x_i + \frac{{0}}{{0}}", "wrong"), (rf"{LEFT} = 2 a x_i + 0 \cdot \log(-1)", "wrong"),
    (rf"{LEFT} = 2 a x_i - 2 (0 \cdot \frac{{1}}{{a - a}})", "wrong"), (rf"{LEFT} = 2 a x_i + 0 \cdot b", "right"),
    (rf"{LEFT} = 2 a x_i + \frac{{0}}{{n}} + 0 \cdot e^b", "right"),
    (rf"{LEFT} = 7 \quad \text{{if }} x_i > x_i", "undecided"), (rf"{LEFT} = 7 \quad \text{{if }} i > n", "undecided"),
    (rf"{LEFT} = 7 \quad \text{{if }} a \neq a", "undecided"),
    (rf"{LEFT} = 2 a |x_i| \quad \text{{if }} x_i > 0", "right"),
    (rf"{LEFT} = 2 a x_i \quad \text{{if }} i > j", "right"), (r"2^{999999999/2} a = a 2^{999999999/2}", "undecided"),
    (r"\delta_{ij} = \delta_{ji}", "unread"), ("x_i = " + "x_{" * 59 + "1" + "}" * 59, "unread"),
])
def test_what_the_fuzzer_and_its_author_found_stays_mended(line: str, judgement: str) -> None:
    found, = one_by_one(declare(PLAIN), [line])
    assert found.judgement == judgement


def test_cases_that_leave_out_some_indices_are_no_proof() -> None:
    exercise = declare(PLAIN)
    graph = Graph(exercise.problem)
    checker = Checker(exercise.problem, exercise.vocabulary)
    for covered, other in ((True, r"i \neq j"), (False, r"k \neq j")):
        cases = rf"\begin{{cases}} A_{{ik}} u_i & i = j \\ 0 & {other} \end{{cases}}"
        written, = rows(rf"\delta_{{ij}} A_{{ik}} u_j = {cases}")
        assert isinstance(written.node, Relation)
        reading = claim(checker.problem, checker.vocabulary, Choices(), *written.node.sides)  # type: ignore[arg-type]
        assert isinstance(prove(graph, reading.claim), Equal) == covered
