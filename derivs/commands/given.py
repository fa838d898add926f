"""What a command line names: texts, exercises, settings, a date; or what is wrong with them, all at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from derivs.errors import DerivsError

if TYPE_CHECKING:
    from derivs.problem import Problem
    from derivs.sheet.settings import Settings

FORMATS = ("tex", "html", "pdf")
LARGEST = 40_000_000                   # bytes of a text


def read(name: str) -> str:
    """What stands in a file, or on standard input."""
    try:
        data = sys.stdin.buffer.read(LARGEST + 1) if name == "-" else _bytes(Path(name))
        if len(data) > LARGEST:
            raise DerivsError(f"larger than {LARGEST // 1_000_000} MB", mend="split it into several files")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DerivsError(f"this is not UTF-8: byte {error.start + 1}", mend="save it as UTF-8") from error
    except OSError as error:
        raise DerivsError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=name) from error


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def problems(names: Sequence[str]) -> list[Problem]:
    """The exercises, in the order given; every one that cannot be read is reported."""
    from derivs import library
    known = library.names()
    problems: list[Problem] = []
    errors: list[DerivsError] = []
    for name in _expanded(names, known) if names else known:
        try:
            problems += library.load_all(name) if name.endswith(".toml") else [library.load(name)]
        except DerivsError as error:
            errors.append(error)
    raise_all(errors)
    return problems


def _expanded(names: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    """A folder as the exercise files in it, by name; an exercise goes before a folder of the same name."""
    for name in names:
        if name in known or not Path(name).is_dir():
            yield name
            continue
        files = [str(path) for path in sorted(Path(name).iterdir())
                 if path.suffix in (".py", ".toml") and not path.name.startswith("_")]
        if not files:
            raise DerivsError("there is no exercise in this folder", where=name,
                              mend="an exercise is a file *.py or *.toml")
        yield from files


def raise_all(errors: Sequence[DerivsError]) -> None:
    """All errors at once, in reading order."""
    if errors:
        first, *others = errors
        raise first if not others else DerivsError("\nderivs: ".join(map(str, errors)))


def settings(file: str | None, notation: dict[str, Any], **flags: str | None) -> Settings:
    """The settings of the file, and over them those of the command line; SOURCE_DATE_EPOCH where no date is given."""
    from derivs.sheet.settings import Settings, overridden, settings
    base = Settings()
    if file is not None:
        where = "standard input" if file == "-" else file
        try:
            base = settings(read(file), where)
        except DerivsError as error:
            raise error.at(where) from error
    found = overridden(base, notation, **flags)
    moment = source_date()
    if moment is None or found.date:
        return found
    return replace(found, date=datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d"))


def source_date() -> int | None:
    """https://reproducible-builds.org/specs/source-date-epoch/: the date on a sheet, if there is to be one."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    try:
        moment = int(text)
        datetime.fromtimestamp(moment, UTC)
    except (ValueError, OverflowError, OSError):
        raise DerivsError(f"SOURCE_DATE_EPOCH is {text!r}", mend="let it be seconds since 1970, or unset it") from None
    return moment
