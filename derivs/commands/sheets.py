"""`derivs sheet`: from exercises to the files of a sheet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import click

from derivs.commands import console, given, solving, verdicts
from derivs.derivation import Solution
from derivs.errors import DerivsError
from derivs.files import make_folder, write_atomically
from derivs.notation import Notation, renotated
from derivs.problem import Problem
from derivs.report import listing
from derivs.several import tidied_between
from derivs.sheet import pdf
from derivs.sheet.blocks import Document
from derivs.sheet.document import LIMIT, QUESTIONS, ROOM, TITLE, Detail, document, questions
from derivs.sheet.html import html
from derivs.sheet.provenance import provenance
from derivs.sheet.settings import Settings
from derivs.sheet.tex import FRAGMENT_LIMIT, tex
from derivs.sheet.tex import fragment as part
from derivs.translation import agree
from derivs.verdict import Verdict

Kind = Detail | Literal["blank", "key"]

VERSIONS = {"derivs": "", "SymPy": "sympy", "JAX": "jax", "python-flint": "flint"}    # name on a sheet: its module


def write(names: Sequence[str], folder: Path, wanted: Sequence[str], kind: Kind, settings: Settings, *, examples: int,
          seed: int, engine: str, fragment: bool, as_json: bool) -> int:
    """Writes the sheet of these exercises in all formats, or nothing, and prints what it wrote: the exit status."""
    originals = given.problems(names)
    problems = in_notation(originals, settings)
    make_folder(folder)                # before the long work, not after it
    stem = {"blank": "questions", "key": "key"}.get(kind, "answers")
    made = {}
    with tidied_between():
        solutions = [] if kind == "blank" else solving.solved(problems, examples, seed, with_hands=kind == "all")
        compose = composer(problems, solutions, kind, settings, read_back(originals, problems, seed))
        for one in wanted:
            is_part = fragment and one == "tex"
            path = folder / f"{stem}{'-fragment' if is_part else ''}.{one}"
            made[path] = rendered("fragment" if is_part else one, compose, engine)
    for path, content in made.items():
        write_atomically(path, content)
    files = list(map(str, made))
    if as_json and kind == "blank":
        console.print_json({**listing(problems), "command": "sheet", "files": files})
    elif as_json:
        verdicts.print_report("sheet", solutions, examples, seed, files=files)
    else:
        click.echo("\n".join(files))
        verdicts.print_failures(solutions)
    return solving.status(solutions)


def formats(text: str) -> list[str]:
    """The formats of `--format`, each once, in their order."""
    kinds = list(dict.fromkeys(kind.strip().lower() for kind in text.split(",") if kind.strip()))
    for kind in kinds:
        if kind not in given.FORMATS:
            raise click.BadParameter(f"{kind!r} is not one of {', '.join(given.FORMATS)}", param_hint="--format")
    if not kinds:
        raise click.BadParameter(f"give at least one of {', '.join(given.FORMATS)}", param_hint="--format")
    return kinds


def in_notation(problems: list[Problem], settings: Settings) -> list[Problem]:
    """The exercises in the notation that is asked for; every one that it does not fit is reported."""
    if settings.notation is None:
        return problems
    names = settings.notation.names
    owners = {old: [problem for problem in problems if _has(problem, old)] for old in names}
    changed, errors = [], []
    for problem in problems:           # a name that only others of the course have is nothing to this one
        fitting = {old: new for old, new in names.items() if not owners[old] or problem in owners[old]}
        try:
            changed.append(renotated(problem, replace(settings.notation, names=fitting)))
        except DerivsError as error:
            errors.append(DerivsError(str(error), where=problem.name))
    given.raise_all(errors)
    return changed


def _has(problem: Problem, name: str) -> bool:
    """Whether an exercise has a name: whether it could be called what it is called."""
    try:
        renotated(problem, Notation(names={name: name}))
    except DerivsError:
        return False
    return True


def read_back(originals: list[Problem], problems: list[Problem], seed: int) -> list[Verdict]:
    """The verdicts on what a new notation prints, read by the project's own reader as a line about the original."""
    if all(one is other for one, other in zip(originals, problems, strict=True)):
        return []
    return [verdict for pair in zip(originals, problems, strict=True) for _, verdict in agree(*pair, seed)]


def composer(problems: list[Problem], solutions: list[Solution], kind: Kind, settings: Settings,
             read: list[Verdict]) -> Callable[[float | None], Document]:
    """From the longest line, in em, to the sheet; made once for all formats."""
    head: dict[str, Any] = {
        "title": settings.title or (QUESTIONS if kind == "blank" else TITLE),
        "course": settings.course, "author": settings.author, "date": settings.date,
        "provenance": provenance(solutions, versions(solutions), settings.date, read)}
    if kind == "blank":
        room = settings.room or ROOM
        return cache(lambda limit: questions(problems, limit=limit or LIMIT, room=room, **head))
    return cache(lambda limit: document(solutions, detail=kind, limit=limit or LIMIT, **head))


def versions(solutions: Sequence[Solution]) -> dict[str, str]:
    """The versions of what had a part in the results: SymPy where it read an exercise, JAX where it was asked."""
    asked = any(answer.agreement is not None for solution in solutions for answer in solution.answers)
    found = {}
    for name, module in VERSIONS.items():
        if not module or (solutions and module in sys.modules and (name != "JAX" or asked)):
            with suppress(PackageNotFoundError):
                found[name] = version(name.lower())
    return found or {"derivs": ""}


def rendered(kind: str, compose: Callable[[float | None], Document], engine: str = "typst") -> bytes:
    """The bytes of a file."""
    if kind == "fragment":
        return part(compose(FRAGMENT_LIMIT)).encode()
    page = compose(None)
    if kind == "tex":
        return tex(page).encode()
    if kind == "html":
        return html(page).encode()
    make = pdf.pdf if engine == "typst" else pdf.pdf_by_pdflatex
    return make(page, timestamp=given.source_date() or 0)
