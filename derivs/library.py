"""Where the exercises are: the package's own by name, a user's by path, in Python or declared in TOML."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from derivs.errors import DerivsError, IllFormed, nearest
from derivs.problem import Problem

if TYPE_CHECKING:
    from derivs.declare import Declared

PACKAGE = Path(__file__).parent
HOMES = (PACKAGE / "problems", PACKAGE.parent / "problems")          # in a wheel; in a checkout


def names() -> tuple[str, ...]:
    """The names of the exercises that come with the package."""
    return tuple(sorted(path.stem for path in _home().glob("*.py") if not path.stem.startswith("_")))


def load(name: str) -> Problem:
    """An exercise by name, or by the path of a file.

    A file is a Python program and is run: load your own; or a declaration in TOML, which is data. Raises IllFormed for
    one that means nothing, with all its mistakes, and DerivsError for a name that nobody knows.
    """
    found = load_all(name)
    if len(found) > 1:
        raise DerivsError(f"there are {len(found)} exercises in it", where=name, mend="put each in a file of its own")
    return found[0]


def load_all(name: str) -> tuple[Problem, ...]:
    """The same; a TOML file may hold several."""
    path = Path(name)
    if name in names():
        return (_read(_home() / f"{name}.py"),)
    if path.suffix == ".toml":
        return tuple(one.problem for one in _declared(path))
    if path.suffix == ".py" or len(path.parts) > 1:
        _must_exist(path)
        return (_read(path.resolve()),)
    raise DerivsError(f"there is no exercise {name!r}", mend=nearest(name, names()))


def exercises(problem: str | Mapping[str, Any] | Problem) -> tuple[Declared, ...]:
    """Exercises with the letters in which derivations of them are written.

    By name, by the path of a file, as a declaration, or as a problem, whose letters are those that it is printed in.
    """
    from derivs.declare import Declared, declare
    if isinstance(problem, Mapping):
        return (declare(problem),)
    if isinstance(problem, str) and problem not in names() and Path(problem).suffix == ".toml":
        return _declared(Path(problem))
    from derivs.reading.printed import vocabulary_of
    found = load(problem) if isinstance(problem, str) else problem
    return (Declared(found, vocabulary_of(found)),)


def _declared(path: Path) -> tuple[Declared, ...]:
    """The exercises of a TOML file; one without a name has that of the file."""
    from derivs.declare import load_declarations
    _must_exist(path)
    return tuple(one if one.problem.name != "exercise" else replace(one, problem=replace(one.problem, name=path.stem))
                 for one in load_declarations(path))


def _must_exist(path: Path) -> None:
    if not path.is_file():
        raise DerivsError("there is no such file", where=str(path), mend=nearest(path.stem, names()))


def _home() -> Path:
    return next((home for home in HOMES if home.is_dir()), HOMES[0])


@cache
def _own(path: Path) -> Problem:
    return _build(path)


def _read(path: Path) -> Problem:
    """The package's own files do not change while we run; a user's may."""
    return _own(path) if path.parent == _home() else _build(path)


def _build(path: Path) -> Problem:
    from derivs.exercise import Exercise, build  # imports SymPy, which takes half a second
    found = _run(path)
    exercise = found.get("EXERCISE")
    if not isinstance(exercise, Exercise):
        what = "there is no EXERCISE in it" if exercise is None else "its EXERCISE is not an Exercise"
        raise IllFormed(what, where=_shown(path), mend="write EXERCISE = Exercise(title=..., ...)")
    return build(exercise, name=path.stem, description=(found.get("__doc__") or "").strip(), where=_shown(path))


def _run(path: Path) -> dict[str, Any]:
    """The names that the file defines. What it raises is told with its line."""
    from runpy import run_path
    try:
        return run_path(str(path))
    except SystemExit as error:
        raise IllFormed("it ends the program", where=_shown(path), mend="an exercise only declares") from error
    except SyntaxError as error:
        raise IllFormed(f"this is not Python: {error.msg}", where=f"{_shown(path)}:{error.lineno}",
                        mend=(error.text or "").strip()) from error
    except Exception as error:
        lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f"{_shown(path)}:{lines[-1].lineno}" if lines else _shown(path)
        raise IllFormed(f"{type(error).__name__}: {error}", where=where,
                        mend=(lines[-1].line or "") if lines else "") from error


def _shown(path: Path) -> str:
    """The path as people would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
