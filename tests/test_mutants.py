"""Mistakes made on purpose in every exercise: the wrong lines are refuted and named, the right ones accepted.

Here a fixed sample; `python tests/mutants.py` judges them all.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from mistakes_made import MISTAKES, WHY_EQUAL
from mutants import EQUIVALENT, Mutant, Said, judged, judged_alone, mutants, subject, subjects

pytestmark = pytest.mark.usefixtures("patient")

JUDGED, DIAGNOSED = 20, 90             # every so many-th mutant
NAMED = 0.9                            # of the wrong lines, at least


@cache
def everything() -> tuple[Mutant, ...]:
    return tuple(mutants())


def told(said: list[Said]) -> str:
    return "\n".join(f"{one.mutant.exercise}: {one.mutant.mistake}, {one.mutant.truth}, said to be "
                     f"{one.checked.judgement} {one.name}\n    {one.mutant.line}" for one in said)


def test_there_are_enough_mutants_and_none_is_there_twice() -> None:
    assert len(everything()) >= 1500
    assert len({(one.exercise, one.line) for one in everything()}) == len(everything())
    assert {one.exercise for one in everything()} == set(subjects())


def test_no_mistake_dominates() -> None:
    counted = Counter(one.mistake for one in everything() if one.mistake != EQUIVALENT)
    assert max(counted.values()) <= len(everything()) / 10


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_made_somewhere(name: str) -> None:
    assert any(one.mistake == name and one.is_wrong for one in everything())


def test_there_are_enough_rewrites_that_keep_the_value() -> None:
    assert sum(one.mistake == EQUIVALENT for one in everything()) >= 150
    assert not any(one.mistake == EQUIVALENT and one.is_wrong for one in everything())


def test_a_mistake_that_changes_nothing_is_one_that_we_know_the_reason_of() -> None:
    harmless = {one.mistake for one in everything() if one.mistake != EQUIVALENT and not one.is_wrong}
    assert harmless <= WHY_EQUAL.keys()


@pytest.mark.parametrize("name", ["batchnorm", "linear", "attention"])
def test_the_right_claims_are_read_as_they_are_printed(name: str) -> None:
    """The control: a mutant's line differs from a line that is read and right."""
    from derivs.latex import latex_claim
    from derivs.papers import one_by_one
    of = subject(name)
    lines = [latex_claim(source.claim, of.problem) for source in of.sources]
    assert {said.judgement for said in one_by_one(of.declared, lines)} == {"right"}


# A line about max and min holds but where they tie, as the verdict says; only their sum is smooth there.
TIED = {"minmax_dag": "except where s_2 - s_1 = 0"}
# Equal lines that are left undecided: the window of a maximum, counted from its other end. No acceptance, no refusal.
OPEN = {"max_pool", "max_pool_overlapping"}


def test_wrong_lines_are_refuted_and_right_ones_accepted() -> None:
    said = map(judged_alone, everything()[::JUDGED])
    misjudged = [one for one in said if not one.is_judged_as_it_is]
    unexplained = [one for one in misjudged
                   if one.checked.conditions != (TIED.get(one.mutant.exercise, ""),)
                   and not (one.mutant.exercise in OPEN and one.checked.judgement == "undecided")]
    assert not unexplained, told(unexplained)


def test_wrong_lines_are_named() -> None:
    """By the diagnosis: the mistake's own name, or one that says the same."""
    said = [judged(one) for one in everything()[::DIAGNOSED] if one.is_wrong]
    misnamed = [one for one in said if not one.is_named]
    assert len(misnamed) <= (1 - NAMED) * len(said), told(misnamed)
