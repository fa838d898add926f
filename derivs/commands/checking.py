"""`derivs check`: texts judged line by line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from derivs import library
from derivs.commands import console, given
from derivs.credit import awarded
from derivs.errors import DerivsError
from derivs.marks import Report
from derivs.papers import Paper, mark, work_on
from derivs.reading.document import Kind
from derivs.rubric import Rubric
from derivs.rubric import rubric as read_rubric

KINDS: dict[str, Kind] = {".tex": "tex", ".md": "md", ".markdown": "md", ".txt": "md", ".ipynb": "ipynb"}


@dataclass(frozen=True, slots=True)
class Sheets:
    """The sheets of remarks that are asked for. reveal: with the true derivations; settings: the file that says how."""

    paths: Sequence[Path]
    reveal: bool = False
    settings: str | None = None


def run(problem: str, files: Sequence[str], wanted: Sheets, rubric: str | None, *, explain: bool, seed: int,
        as_json: bool) -> int:
    """Judges the files, prints what came out and writes the sheets; a file that is not read leaves the others alone.

    The exit status.
    """
    formats = _formats(wanted.paths)
    exercises = library.exercises(problem)
    weights = None if rubric is None else _rubric(rubric, [one.problem.name for one in exercises])
    settings = given.settings(wanted.settings, {}) if wanted.paths else None
    work = [work_on(one) for one in exercises]
    papers: dict[str, Paper] = {}
    errors: list[DerivsError] = []
    for name in files:
        kind = KINDS.get(Path(name).suffix.lower(), "fragment")
        try:
            papers[name] = mark(exercises, given.read(name), kind, seed=seed, work=work)
        except DerivsError as error:
            errors.append(error.at("standard input" if name == "-" else name))
    awards = {} if weights is None else {name: awarded(one, weights) for name, one in papers.items()}
    report = Report(papers, awards, explain)
    if settings is not None and papers:
        from derivs.commands.feedback import write
        write(dict(zip(wanted.paths, formats, strict=True)), report,
              [one.problem for one in exercises] if wanted.reveal else [], settings, seed)
    if as_json:
        console.print_json(report.fields())
    elif papers:
        click.echo(report.text(color=sys.stdout.isatty(), ascii_only=not console.shows("✓…"), width=console.width()))
    given.raise_all(errors)
    return report.status


def _formats(paths: Sequence[Path]) -> list[str]:
    """Of the sheets, by the ends of their names."""
    found = [path.suffix.lower().removeprefix(".") for path in paths]
    for one, path in zip(found, paths, strict=True):
        if one not in given.FORMATS:
            raise click.BadParameter(f"{str(path)!r} ends in none of .{', .'.join(given.FORMATS)}",
                                     param_hint="--feedback")
    return found


def _rubric(file: str, questions: Sequence[str]) -> Rubric:
    """The rubric of a file."""
    where = "standard input" if file == "-" else file
    try:
        return read_rubric(given.read(file), questions)
    except DerivsError as error:
        raise error.at(where) from error
