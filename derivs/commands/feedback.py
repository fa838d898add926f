"""`derivs check --feedback`: the sheet of remarks in all its formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from derivs.commands import sheets, solving
from derivs.files import write_atomically
from derivs.marks import Report
from derivs.problem import Problem
from derivs.sheet.feedback import Head, feedback
from derivs.sheet.provenance import provenance
from derivs.sheet.settings import Settings


def write(formats: Mapping[Path, str], report: Report, revealed: list[Problem], settings: Settings, seed: int) -> None:
    """One sheet in all its formats; the exercises whose answers it reveals are solved for it."""
    problems = sheets.in_notation(revealed, settings)
    solutions = solving.solved(problems, 0, seed, with_hands=False) if problems else []
    made = provenance(solutions, sheets.versions(solutions), settings.date, sheets.read_back(revealed, problems, seed))
    head = Head(settings.title, settings.course, settings.author, settings.date, made)
    names = _short_names(list(report.papers))
    page = feedback({names[name]: one for name, one in report.papers.items()},
                    {names[name]: one for name, one in report.awards.items()}, head, solutions)
    for path, kind in formats.items():
        write_atomically(path, sheets.rendered(kind, lambda _: page))


def _short_names(files: Sequence[str]) -> dict[str, str]:
    """Files without their folders, where that leaves them apart."""
    names = {file: "standard input" if file == "-" else Path(file).name for file in files}
    return names if len({*names.values()}) == len(names) else {file: file for file in files}
