"""Every line of the seed derivations is judged as its truth is; five real sheets are checked as they are."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from time import perf_counter

import pytest
import seed_lines

from derivs.checker import Checker
from derivs.decide import decide
from derivs.declare import load_declarations
from derivs.errors import DerivsError
from derivs.expr import ZERO, mul, number
from derivs.papers import Paper, mark
from derivs.reading.claims import claim
from derivs.reading.parse import parse
from derivs.verdict import Proved

pytestmark = pytest.mark.usefixtures("patient")

QUESTIONS = seed_lines.questions()
MASKED = {"001-1.4-07"}                            # -2/n for -1/n before a sum that is zero
DOCUMENTS = {                                      # right, to mend, wrong or following, ambiguous, unread: read by hand
    "000": (25, 1, 3, 0, 0),
    "001": (30, 2, 1, 1, 0),
    "002": (4, 8, 2, 0, 0),
    "003": (4, 0, 1, 0, 0),
    "004": (15, 6, 3, 1, 1)}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_line_is_judged_as_its_truth_is(question: str) -> None:
    for line in seed_lines.judged(question, QUESTIONS[question]):
        assert line.is_as_expected, (line.row["id"], line.row["truth"], line.said.judgement, line.said.message)
        assert bool(line.said.remarks) == (line.row["id"] in MASKED), line.row["id"]


def subjects(lines: list[dict]) -> list[tuple[str, str]]:
    """(left, right) of every claim in the accepted lines, a leading = going on with the line above."""
    found, left = [], ""
    for row in lines:
        relation = parse(row["full"])
        text = row["full"]
        sides = [text[side.span[0]:side.span[1]] for side in relation.sides if side is not None]
        left = sides[0]
        if row["expect"] == "accept":
            found += [(left, side) for side in sides[1:]]
    return found


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_accepted_line_is_refused_when_its_right_side_is_doubled(question: str) -> None:
    """The control that exposed empty acceptances in other checkers."""
    check_ = seed_lines.checker(question)
    doubled = 0
    for left, right in subjects(QUESTIONS[question]):
        def reading(choices, left=left, right=right):
            found = claim(check_.problem, check_.vocabulary, choices, parse(left), parse(right))
            return replace(found, claim=replace(found.claim, right=mul(number(2), found.claim.right)))
        try:
            verdict = decide(reading, check_.verdict, perf_counter() + 20).verdict
        except DerivsError:
            continue                                # it was only read as a definition
        if is_zero(check_, left, right):
            continue
        assert not isinstance(verdict, Proved), (left, right)
        doubled += 1
    assert doubled or not subjects(QUESTIONS[question])


def is_zero(check_: Checker, left: str, right: str) -> bool:
    """Whether both sides are 0, so that doubling changes nothing."""
    def reading(choices):
        found = claim(check_.problem, check_.vocabulary, choices, parse(left), parse(right))
        return replace(found, claim=replace(found.claim, right=ZERO))
    return isinstance(decide(reading, check_.verdict, perf_counter() + 20).verdict, Proved)


@cache
def paper(name: str) -> Paper:
    """A seed document with its marks."""
    text = (seed_lines.SEEDS / f"{name}.md").read_text(encoding="utf-8")
    return mark(load_declarations(seed_lines.SEEDS / f"{name}.toml"), text, "md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_whole_document_is_checked_as_it_is(name: str) -> None:
    """The derivation lines are found and judged, everything else is left in peace."""
    counts = [0, 0, 0, 0, 0]
    for line in (one.checked for one in paper(name).lines):
        place = {"right": 0, "right, mend the notation": 1, "wrong": 2, "follows from a wrong line": 2,
                 "ambiguous": 3, "unread": 4}[line.judgement]
        counts[place] += 1
    assert tuple(counts) == DOCUMENTS[name]


def test_garbled_lines_are_unread_with_a_place() -> None:
    line, = (one.checked for one in paper("004").lines if one.checked.judgement == "unread")
    assert line.message == "} closes nothing"
    assert paper("004").text[slice(*line.span)] == "}"
