"""How lines are marked: what a teacher sets in a TOML file, with its defaults; docs/feedback.md documents every key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from derivs.errors import DerivsError, nearest

LARGEST: Final = 100_000               # bytes of a rubric
MOST: Final = 1000                     # marks
PLACES: Final = 4                      # digits behind the point
MOST_QUESTIONS: Final = 1000


@dataclass(frozen=True, slots=True)
class Weights:
    """What the lines of a question are worth: `line` each, or shares of `marks` together.

    notation: the share of a line that a slip of notation costs. follow: the share that a line keeps which only carries
    on the mistake of a line above.
    """

    line: Fraction = Fraction(1)
    marks: Fraction | None = None
    notation: Fraction = Fraction(0)
    follow: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Rubric:
    """The weights of every question; `default` for those that are not named."""

    default: Weights = Weights()
    questions: Mapping[str, Weights] = field(default_factory=dict)

    def weights(self, question: str) -> Weights:
        return self.questions.get(question, self.default)


Check = Callable[[Any], str]           # what is wrong with a value, or nothing


def _between(low: int, high: int) -> Check:
    def check(value: Any) -> str:
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite()
        if not (is_number and low <= value <= high):
            return f"{_shown(value)} is not a number from {low} to {high}"
        exponent = Decimal(value).as_tuple().exponent
        is_fine = isinstance(exponent, int) and exponent < -PLACES
        return f"{_shown(value)} has more than {PLACES} digits behind the point" if is_fine else ""
    return check


SHARES: Final[Mapping[str, Check]] = {"notation": _between(0, 1), "follow": _between(0, 1)}
MARKS: Final[Mapping[str, Check]] = {"line": _between(0, MOST), **SHARES}
QUESTION: Final[Mapping[str, Check]] = {"marks": _between(0, MOST), **MARKS}


def rubric(text: str, questions: Sequence[str], where: str = "") -> Rubric:
    """The rubric of a TOML text, for questions of these names. Raises DerivsError with all its mistakes."""
    if len(text) > LARGEST:
        raise DerivsError(f"larger than {LARGEST // 1000} kB", where=where, mend="a rubric is a few lines")
    try:
        read = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise DerivsError(f"this is not TOML: {error}", where=where, mend="a rubric begins: [marks]") from error
    mistakes = list(_mistakes(read, questions))
    if mistakes:
        count = "this" if len(mistakes) == 1 else f"{len(mistakes)} things"
        raise DerivsError(f"{count} in the rubric cannot be used", where=where, mend="\n    ".join(mistakes))
    marks = read.get("marks", {})
    return Rubric(_weights(marks), {name: _weights({**marks, **own}) for name, own in read.get("question", {}).items()})


def _weights(values: Mapping[str, Any]) -> Weights:
    return Weights(**{key: Fraction(value) for key, value in values.items()})


def _mistakes(read: Mapping[str, Any], questions: Sequence[str]) -> Iterator[str]:
    for key in read.keys() - {"marks", "question"}:
        yield f"{_shown(key)}: no such table; {nearest(key, ('marks', 'question'))}"
    yield from _in_table("[marks]", read.get("marks", {}), MARKS)
    named = read.get("question", {})
    if not isinstance(named, dict):
        yield "question: this is to be a table: [question.NAME]"
        return
    for name, values in list(named.items())[:MOST_QUESTIONS]:
        if name not in questions:
            hint = "; put a name with a dot in it in quotes" if any("." in one for one in questions) else ""
            yield f"[question.{_shown(name)}]: no such question; {nearest(name, questions)}{hint}"
            continue
        yield from _in_table(f"[question.{_shown(name)}]", values, QUESTION)
        if isinstance(values, dict) and {"marks", "line"} <= values.keys():
            yield f"[question.{_shown(name)}] give marks, for all its lines together, or line, for each; not both"


def _in_table(where: str, values: Any, known: Mapping[str, Check]) -> Iterator[str]:
    if not isinstance(values, dict):
        yield f"{where}: this is to be a table"
        return
    for key, value in values.items():
        if key not in known:
            yield f"{where} {_shown(key)}: no such key; {nearest(key, known)}"
        elif wrong := known[key](value):
            yield f"{where} {key}: {wrong}"


def _shown(value: Any) -> str:
    """A value as it was written, in part: it may be long, and from outside."""
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
