"""Every row of the table of mistakes: the point that exposes it does, and the mistake, made, is named and mended."""

from __future__ import annotations

import re
from functools import cache

import pytest

from derivs.declare import Declared, declare
from derivs.edits.table import TABLE
from derivs.errors import DerivsError
from derivs.evaluate import Evaluator
from derivs.expr import Expr
from derivs.judgement import Checked
from derivs.kernels import differ
from derivs.papers import one_by_one
from derivs.reading.choices import Choices
from derivs.reading.claims import claim
from derivs.reading.parse import parse
from derivs.reading.syntax import Relation
from derivs.rules.mistakes import BY_NAME, ROWS, Mistake
from derivs.verdict import Point

pytestmark = pytest.mark.usefixtures("patient")

SYMBOLS = {**{name: "vector[n] input" for name in ("x", "a", "b", "g", "u^{(1)}", "u^{(2)}")},
           "W": "matrix[n, n] parameter", "c": "scalar input", "d": "scalar input", "p": "scalar input positive",
           r"\epsilon": "scalar constant positive"}
# What else a row may honestly be called: where two rows undo a mistake, the shorter change is said.
ALSO = {"m-1 for m": {"extra term"}, "shift": {"extra term"}, "order": {"index"}, "wrong axis": {"transposed"},
        "kernel not flipped": {"index"}, "missing factor": {"wrong name"}, "split sum": {"extra sum"},
        "diagonal only": {"dropped sum"}, "missing term": {"wrong name"}}


@cache
def exercise(right: str) -> Declared:
    """The row's right formula as a definition, so that its wrong one is a wrong line about it."""
    free = "".join(letter for letter in "ij" if letter in unsummed(right))
    left = f"y_{{{free}}}" if free else "y"
    return declare({"symbols": SYMBOLS, "forward": {left: right}, "gradient": {"of": "y", "loss": "E", "by": ["c"]}})


def unsummed(right: str) -> str:
    """Without commands, and without the letters that its sums bind."""
    bound = re.findall(r"\\sum_\{?(\w)", right)
    return "".join(c for c in re.sub(r"\\[a-z]+", "", right) if c not in bound)


def left_of(row: Mistake) -> str:
    (definition,) = exercise(row.right).problem.definitions
    letters = "".join(definition.indices)
    return f"y_{{{letters}}}" if letters else "y"


def checked(row: Mistake) -> Checked:
    (said,) = one_by_one(exercise(row.right), [f"{left_of(row)} = {row.wrong}"])
    return said


def sides(row: Mistake) -> tuple[Expr, Expr]:
    node = parse(f"{left_of(row)} = {row.wrong}")
    assert isinstance(node, Relation) and node.sides[0] is not None and node.sides[1] is not None
    declared = exercise(row.right)
    reading = claim(declared.problem, declared.vocabulary, Choices(), node.sides[0], node.sides[1])
    return reading.claim.left, reading.claim.right


def point(row: Mistake) -> Point:
    """`n = 2, i = 1, x = (0, 1)` as integers and entries, 0 where nothing is said."""
    declared = exercise(row.right)
    said = dict(re.findall(r"([^=,]+?) = (\([^=]*\)|[^,]+)(?:, |$)", row.at))
    integers = {name: int(said[name]) for name in ("n", "i", "j") if name in said}
    size = integers.setdefault("n", 1)
    entries = {}
    for name, tensor in declared.problem.tensors.items():
        if tensor.role == "node":
            continue
        written = next((key for key in said if key.replace("{", "").replace("}", "").replace("\\", "") ==
                        name.replace("{", "").replace("}", "")), None)
        values = [int(text) for text in re.findall(r"-?\d+", said[written])] if written else []
        count = size ** len(tensor.shape)
        values += [1 if tensor.is_positive else 0] * (count - len(values))
        for k, value in enumerate(values[:count]):
            at = () if not tensor.shape else (k + 1,) if len(tensor.shape) == 1 else (k // size + 1, k % size + 1)
            entries[name, at] = value
    return Point(integers, entries)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_its_point_exposes_it(row: Mistake) -> None:
    left, right = sides(row)
    evaluator = Evaluator(exercise(row.right).problem)
    place = evaluator.at(point(row))
    try:
        values = [place.value(evaluator.compile(side), point(row).integers) for side in (left, right)]
    except DerivsError as error:
        pytest.fail(f"no value at {point(row)}: {error}")
    assert differ(*values), (row.at, values)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_is_named_and_what_mends_it_is_right(row: Mistake) -> None:
    said = checked(row)
    assert said.judgement == "wrong" and said.counterexample is not None
    assert said.diagnosis is not None, said.message
    assert said.diagnosis.mistake in {row.name, *ALSO.get(row.name, ())}, said.mend
    (mended,) = one_by_one(exercise(row.right), [f"{left_of(row)} = {said.diagnosis.mended}"])
    assert mended.is_right


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_right_formula_is_accepted(row: Mistake) -> None:
    (said,) = one_by_one(exercise(row.right), [f"{left_of(row)} = {row.right}"])
    assert said.judgement == "right"


def test_every_change_has_a_row_to_say_it() -> None:
    assert {row.mistake for row in TABLE} <= set(BY_NAME)
