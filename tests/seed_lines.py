"""`python tests/seed_lines.py`: every line of the seed derivations judged, and the confusion table against its truth.

The lines, their truth and the declarations of their exercises are in tests/seeds: five real answer sheets, OCR noise
removed, mistakes kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from derivs.checker import Checker
from derivs.declare import declare
from derivs.errors import Unreadable
from derivs.judgement import Checked
from derivs.reading.parse import parse

SEEDS = Path(__file__).parent / "seeds"
EXPECTED = {                                       # truth of a line: what may be said of it
    "correct": ("right",),
    "notation-slip": ("right, mend the notation",),
    "wrong": ("wrong", "follows from a wrong line"),
    "ambiguous": ("ambiguous",)}


class Line(NamedTuple):
    """A line with what is known of it and what was said."""

    row: dict[str, Any]
    said: Checked

    @property
    def is_as_expected(self) -> bool:
        return self.said.judgement in EXPECTED[self.row["truth"]]


def rows() -> list[dict[str, Any]]:
    text = (SEEDS / "seed_lines.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@cache
def declarations() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SEEDS / "seed_declarations.json").read_text(encoding="utf-8"))
    return found


def questions() -> dict[str, list[dict[str, Any]]]:
    """The lines of each question, in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows():
        found.setdefault(f"{row['seed']}-{row['question']}", []).append(row)
    return found


def checker(question: str) -> Checker:
    declared = declare(declarations()[question], question)
    return Checker(declared.problem, declared.vocabulary)


def judged(question: str, lines: list[dict[str, Any]]) -> Iterator[Line]:
    """The lines of a question, one after the other."""
    check = checker(question)
    for row in lines:
        try:
            node = parse(row["latex"])
        except Unreadable as error:
            yield Line(row, check.line(row["latex"], error))
            continue
        yield Line(row, check.line(row["latex"], node))


def main() -> None:
    """The table, then every line that was misjudged."""
    lines = [line for question, group in questions().items() for line in judged(question, group)]
    table = Counter((line.row["truth"], line.said.judgement) for line in lines)
    columns = list(dict.fromkeys(judgement for _, judgement in sorted(table)))
    print("truth".ljust(16), *(column.rjust(max(8, len(column))) for column in columns), sep="  ")
    for truth in EXPECTED:
        print(truth.ljust(16), *(str(table[truth, column] or "").rjust(max(8, len(column))) for column in columns),
              sep="  ")
    wrong = [line for line in lines if not line.is_as_expected]
    print(f"{len(lines)} lines, {len(wrong)} misjudged")
    for line in wrong:
        print(f"  {line.row['id']}: {line.row['truth']}, said to be {line.said.judgement}: {line.row['latex']}\n"
              f"      {line.said.message}")


if __name__ == "__main__":
    main()
