"""Derivations as many people write them: right lines are right, wrong ones refused, what is not read yet is listed.

A row of written/written.jsonl with `expect` is a line that the reader does not judge as its truth yet, with the reason:
the test fails when that changes, so that the row can be mended. Declarations refused so far: written/refused.toml.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

import pytest

from derivs.declare import declare, load_declarations
from derivs.errors import DerivsError
from derivs.judgement import Checked
from derivs.papers import one_by_one

FOLDER: Final = Path(__file__).parent / "written"
EXERCISES: Final = {one.problem.name: one for one in load_declarations(FOLDER / "written.toml")}
ROWS: Final = [json.loads(row) for row in (FOLDER / "written.jsonl").read_text(encoding="utf-8").splitlines()]
SHEETS: Final = {name: list(rows) for name, rows in groupby(ROWS, lambda row: row["exercise"])}
REFUSED: Final = tomllib.loads((FOLDER / "refused.toml").read_text(encoding="utf-8"))["exercise"]
AS_TRUE: Final = {"right": "accepted", "wrong": "refused"}


def outcome(line: Checked) -> str:
    """What a reader of the marks takes from one."""
    if line.is_right:
        return "accepted"
    return "refused" if line.judgement in ("wrong", "follows from a wrong line") else line.judgement


def expected(row: Mapping[str, str]) -> str:
    """The outcome that a row asks for."""
    return row.get("expect", AS_TRUE[row["truth"]])


@pytest.mark.parametrize("name", SHEETS)
def test_every_line_is_judged_as_its_truth_is_or_as_listed(name: str) -> None:
    rows = SHEETS[name]
    judged = one_by_one(EXERCISES[name], [row["line"] for row in rows], mends=False)
    for row, line in zip(rows, judged, strict=True):
        assert outcome(line) == expected(row), (row["line"], row["truth"], line.judgement, line.message, line.reading)


def test_the_data_are_whole() -> None:
    assert set(SHEETS) == set(EXERCISES) and len(SHEETS) >= 40
    for row in ROWS:
        assert row["truth"] in AS_TRUE and row["source"] and ("expect" in row) == ("reason" in row), row
        assert row.get("expect") != AS_TRUE[row["truth"]], row


@pytest.mark.parametrize("one", REFUSED, ids=lambda one: one["name"])
def test_a_declaration_that_is_not_understood_yet_is_refused(one: Mapping[str, object]) -> None:
    with pytest.raises(DerivsError):
        declare({name: value for name, value in one.items() if name != "reason"})
