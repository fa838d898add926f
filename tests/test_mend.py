r"""What is said of the wrong lines of real answer sheets, beside why a person called them wrong."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from seed_lines import declarations, questions

from derivs import library
from derivs.declare import declare
from derivs.edits.places import sites, words_of
from derivs.edits.table import TABLE
from derivs.judgement import Checked
from derivs.papers import one_by_one
from derivs.reading.parse import parse
from derivs.reading.remember import Memory
from derivs.reading.respell import NEW, made, replaced, spell
from derivs.reading.syntax import Relation, walk

pytestmark = pytest.mark.usefixtures("patient")

ROWS = [json.loads(line) for line in (Path(__file__).parent / "seeds" / "seed_lines.jsonl").read_text().splitlines()]
WHY = {row["id"]: row["why"] for row in ROWS}
# The line, the mistake that is named, and what stands in the text to be written there; the reason in WHY agrees.
SAID = {
    "000-1.2i-09": ("merged sums", r"\right) \sum_{i=1}^{m}"),
    "000-1.2i-10": ("merged sums", r"\right) \sum_{i=1}^{m}"),
    "000-1.2ii-02": ("merged sums", r"\right) \sum_{i=1}^{m}"),
    "001-1.5-12": ("index", "W_{f,c,i,j}"),
    "002-1.3-02": ("lost exp", r"e^{-\beta(X_{in})_k}"),
    "003-1.1-05": ("sign in the exponent", "e^{x_i}"),
    "004-1.1a-03": ("square", r"\right)^{2}"),
    "004-1.1a-08": ("index", "x_{j}^{(N)}"),
    "004-1.1b-04": ("layer index", "W_{ij}^{(l + 1)}"),
    "004-1.1b-05": ("layer index", "W^{(l + 1)}"),
}
FOLLOWS = "002-1.3-03"                             # carries on the lost exponential of the line above


@cache
def said(question: str) -> dict[str, Checked]:
    """Every line of a question, by its name."""
    lines = questions()[question]
    found = one_by_one(declare(declarations()[question], question), [row["latex"] for row in lines])
    return {row["id"]: checked for row, checked in zip(lines, found, strict=True)}


def question_of(name: str) -> str:
    return next(question for question, lines in questions().items() if name in {row["id"] for row in lines})


def test_the_table_has_every_wrong_line() -> None:
    assert {*SAID, FOLLOWS} == {row["id"] for row in ROWS if row["truth"] == "wrong"}


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_agrees_with_why_the_line_is_wrong(name: str) -> None:
    mistake, piece = SAID[name]
    checked = said(question_of(name))[name]
    assert checked.judgement == "wrong" and checked.diagnosis is not None, WHY[name]
    assert checked.diagnosis.mistake == mistake and piece in checked.mend, WHY[name]
    assert checked.counterexample is not None
    (edit,) = checked.diagnosis.edits
    assert checked.text[slice(*edit.span)] == edit.old and checked.span == edit.span


@pytest.mark.parametrize("name", SAID)
def test_the_mended_line_is_right(name: str) -> None:
    question = question_of(name)
    diagnosis = said(question)[name].diagnosis
    assert diagnosis is not None
    row = next(row for row in questions()[question] if row["id"] == name)
    left = row["full"].split("=")[0]
    (again,) = one_by_one(declare(declarations()[question], question), [f"{left} = {diagnosis.mended}"])
    assert again.is_right


def test_a_line_that_follows_from_a_wrong_one_is_not_mended_again() -> None:
    checked = said(question_of(FOLLOWS))[FOLLOWS]
    assert checked.judgement == "follows from a wrong line" and checked.diagnosis is None


def test_right_lines_are_left_alone() -> None:
    assert all(checked.diagnosis is None for question in questions() for checked in said(question).values()
               if checked.is_right)


def test_nothing_is_invented_for_a_line_that_has_little_to_do_with_the_truth() -> None:
    exercise = declare(declarations()["003-1.1"], "003-1.1")
    (checked,) = one_by_one(exercise, [r"\frac{\partial E}{\partial x_i} = x_i^3 - 7"])
    assert checked.judgement == "wrong" and checked.counterexample is not None
    assert checked.diagnosis is None or "7" not in checked.diagnosis.mended


def by(below: str, above: str = "L") -> str:
    return rf"\frac{{\partial {above}}}{{\partial {below}}}"


HAT = r"\hat{x}_{si}"
OF_THE_LIBRARY = [                     # lines that people write about exercises of the library, what is said
    ("conv_valid", by("W_{fcuv}"), rf"\sum_n \sum_p \sum_q {by('Y_{nfpq}')} X_{{n,c,p+u,q+v}}",
     "an index or a bound is off by one: write X_{n,c,p+u-1,q+v-1} for X_{n,c,p+u,q+v}"),
    ("conv_valid", by("b_f"), rf"\sum_p \sum_q {by('Y_{nfpq}')}",
     rf"a sum is missing: write \sum_{{n}} {by('Y_{nfpq}')} for {by('Y_{nfpq}')}"),
    ("linear_batch", by("x"), f"W {by('y')}",
     f"two operands stand in the wrong order: write {by('y')} W for W {by('y')}"),
    ("linear_batch", by("x", "E"), f"W {by('y', 'E')}",                        # in another letter for the loss
     f"two operands stand in the wrong order: write {by('y', 'E')} W for W {by('y', 'E')}"),
    ("softmax_temperature", by("x_j", "y_i"), r"-\beta y_i (1 - y_j)",
     r"a delta is missing: write \delta_{ij} for 1"),
    ("softmax_temperature", by("x_j", "E"), rf"-\beta y_j {by('y_j', 'E')}",
     "the term -Σ_i ∂E/∂y_i · y_i is missing here"),
    ("softmax_cross_entropy", by(r"\tilde{x}_j"), "t_j - s_j",                # mended it is right where Σ t = 1
     "a sign is wrong: write -t_j + s_j for t_j - s_j"),
    ("batchnorm_affine", by("x_{si}"), rf"\frac{{1}}{{\sigma_i}} {by(HAT)}",
     "the paths through μ and σ are missing here: 1/B · ∂L/∂μ_i + (x_si - μ_i)/(σ_i B) · ∂L/∂σ_i"),
]


@pytest.mark.parametrize(("exercise", "left", "right", "sentence"), OF_THE_LIBRARY)
def test_what_people_write_about_exercises_of_the_library(exercise: str, left: str, right: str, sentence: str) -> None:
    (declared,) = library.exercises(exercise)
    (checked,) = one_by_one(declared, [f"{left} = {right}"])
    assert (checked.judgement, checked.mend) == ("wrong", sentence)
    assert checked.diagnosis is not None
    (again,) = one_by_one(declared, [f"{left} = {checked.diagnosis.mended}"])
    assert again.is_right


# ---- changes are written as they are meant

@pytest.mark.parametrize("row", [row for row in ROWS if row["truth"] == "wrong"], ids=lambda row: row["id"])
def test_what_a_change_leaves_alone_stands_as_it_stood(row: dict[str, str]) -> None:
    declared = declare(declarations()[f"{row['seed']}-{row['question']}"], "it")
    source = row["full"]
    relation = parse(source)
    assert isinstance(relation, Relation)
    subject, side = relation.sides[0], relation.sides[-1]
    assert subject is not None and side is not None
    words = words_of(declared.vocabulary, subject, side)
    for site in sites(side):
        assert site.node.span != NEW
        for entry in TABLE:
            for new in entry.changes(site, words):
                written = spell(new, source)
                kept = [source[slice(*part.span)] for part in walk(new) if part.span != NEW]
                assert all(piece in written for piece in kept if piece), (entry.mistake, written)


def test_a_tree_in_which_nothing_is_replaced_is_the_same_object() -> None:
    node = parse(r"\frac{a + b}{c}")
    assert replaced(node, {id(made("x")): made("y")}) is node
    assert made("x_i").span == NEW and Memory().parts == {}
