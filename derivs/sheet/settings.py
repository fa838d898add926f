"""What a lecturer sets once for a course: title, course, date, author, room to write, and letters; from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from derivs.errors import DerivsError, nearest

if TYPE_CHECKING:
    from derivs.notation import Notation

LARGEST: Final = 100_000               # bytes of a settings file
LONGEST: Final = 300                   # characters of a text
MOST_ROOM: Final = 60                  # lines: about a page


@dataclass(frozen=True, slots=True)
class Settings:
    """The words at the head of a sheet. date: YYYY-MM-DD. room: lines to write an answer on. Empty: not set."""

    title: str = ""
    course: str = ""
    date: str = ""
    author: str = ""
    room: int = 0
    notation: Notation | None = None


Check = Callable[[Any], str]           # what is wrong with a value, or nothing


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return f"{_shown(value)} is not a text; write it in quotes"
    if len(value) > LONGEST:
        return f"longer than {LONGEST} characters"
    return "" if all(char.isprintable() for char in value) else "there is a control character in it"


def _date(value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return ""
    try:
        return "" if date.fromisoformat(value).isoformat() == value else "write it as YYYY-MM-DD"
    except (TypeError, ValueError):
        return f"{_shown(value)} is not a day; write it as YYYY-MM-DD"


def _between(low: int, high: int) -> Check:
    def check(value: Any) -> str:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return "" if is_whole and low <= value <= high else f"{_shown(value)} is not a number from {low} to {high}"
    return check


def _one_of(*words: str) -> Check:
    def check(value: Any) -> str:
        return "" if value in words else f"{_shown(value)} is not one of {', '.join(words)}"
    return check


def _names(value: Any) -> str:
    if not isinstance(value, dict):
        return "this is to be a table: [notation.names]"
    for name, latex in value.items():
        if wrong := _text(latex):
            return f"{_shown(name)}: {wrong}"
    return ""


HEAD: Final[Mapping[str, Check]] = {"title": _text, "course": _text, "date": _date, "author": _text,
                                    "room": _between(1, MOST_ROOM)}
NOTATION: Final[Mapping[str, Check]] = {"loss": _text, "index_base": _between(0, 1), "layout": _one_of("column", "row"),
                                        "names": _names}


def settings(text: str, where: str = "") -> Settings:
    """The settings of a TOML text. Raises DerivsError with all its mistakes."""
    if len(text) > LARGEST:
        raise DerivsError(f"larger than {LARGEST // 1000} kB", where=where, mend="a settings file is a few lines")
    try:
        read = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DerivsError(f"this is not TOML: {error}", where=where,
                          mend='a line reads: title = "Exercises 3"') from error
    notation = read.pop("notation", {})
    mistakes = list(_mistakes(read, HEAD, frozenset({"notation"})))
    if isinstance(notation, dict):
        mistakes += [f"[notation] {mistake}" for mistake in _mistakes(notation, NOTATION)]
    else:
        mistakes.append("notation: this is to be a table: [notation]")
    _refuse(mistakes, where)
    if "date" in read:
        read["date"] = str(read["date"])
    return Settings(**read, notation=_notation(notation, where) if notation else None)


def overridden(base: Settings, notation: Mapping[str, Any], **flags: Any) -> Settings:
    """The settings with those of the command line, which win; None is what nobody gave there."""
    given = {name: value for name, value in flags.items() if value is not None}
    letters = {name: value for name, value in notation.items() if value is not None}
    mistakes = list(_mistakes(given, HEAD)) + list(_mistakes(letters, NOTATION))
    _refuse(mistakes, "")
    found = replace(base, **given)
    if not letters:
        return found
    kept = {field.name: getattr(base.notation, field.name) for field in fields(base.notation)} if base.notation else {}
    return replace(found, notation=_notation({**kept, **letters}, ""))


def _notation(values: Mapping[str, Any], where: str) -> Notation:
    from derivs.notation import Notation
    try:
        return Notation(**values)
    except DerivsError as error:
        raise error.at(where) from None


def _mistakes(values: Mapping[str, Any], known: Mapping[str, Check],
              besides: frozenset[str] = frozenset()) -> Iterator[str]:
    for key, value in values.items():
        if key not in known:
            yield f"{_shown(key)}: no such setting; {nearest(key, known.keys() | besides)}"
        elif wrong := known[key](value):
            yield f"{key}: {wrong}"


def _refuse(mistakes: list[str], where: str) -> None:
    if mistakes:
        count = "this setting" if len(mistakes) == 1 else f"{len(mistakes)} settings"
        raise DerivsError(f"{count} cannot be used", where=where, mend="\n    ".join(mistakes))


def _shown(value: Any) -> str:
    """A value as it was written, in part: it may be long, and from outside."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
