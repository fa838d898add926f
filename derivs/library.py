"""Where the exercises are: the package's own by name, a user's by path. One file, one exercise, EXERCISE in it."""

from __future__ import annotations

import traceback
from functools import cache
from pathlib import Path
from runpy import run_path
from typing import Any

from derivs.errors import DerivsError, IllFormed, Unsupported, nearest
from derivs.problem import Problem

PACKAGE = Path(__file__).parent
HOMES = (PACKAGE / "problems", PACKAGE.parent / "problems")          # in a wheel; in a checkout


def names() -> tuple[str, ...]:
    """The names of the exercises that come with the package."""
    return tuple(sorted(path.stem for path in _home().glob("*.py") if not path.stem.startswith("_")))


def load(name: str) -> Problem:
    """An exercise by name, or by the path of a file.

    A file is a Python program and is run: load your own. Raises IllFormed for one that means nothing, with all its
    mistakes, and DerivsError for a name that nobody knows.
    """
    path = Path(name)
    if name in names():
        return _read(_home() / f"{name}.py")
    if path.suffix == ".toml":
        raise Unsupported("a declaration in TOML is not read yet", where=name, mend="write the exercise in Python")
    if path.suffix == ".py" or len(path.parts) > 1:
        if not path.is_file():
            raise DerivsError("there is no such file", where=name, mend=nearest(path.stem, names()))
        return _read(path.resolve())
    raise DerivsError(f"there is no exercise {name!r}", mend=nearest(name, names()))


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
