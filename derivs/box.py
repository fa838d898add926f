"""The nouns of a printed formula: a small tree of boxes that LaTeX, Typst and plain text each spell in their own way.

Every bracket that LaTeX and Typst need is a box already (`derivs.layout` puts it there), so a printer is a table of
spellings. Widths are in em of a displayed formula, good enough to choose where a line breaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter of the Latin or Greek alphabet, or a letter-like sign, by its name in LaTeX: x, beta, partial."""

    name: str


@dataclass(frozen=True, slots=True)
class Digits:
    """A natural number."""

    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """Several upright letters: an operator (log), a name (var), or prose between formulas (" if ")."""

    text: str
    kind: Literal["operator", "name", "prose"] = "operator"


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign between boxes, by its name in the tables of spellings: + - = <= , and the product: beside, thin or dot."""

    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """Boxes side by side."""

    parts: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Fraction:
    """over / under with a bar."""

    over: Box
    under: Box


@dataclass(frozen=True, slots=True)
class Slash:
    """over / under on one line: p/2 in an exponent. Both are too small to need brackets."""

    over: Box
    under: Box


@dataclass(frozen=True, slots=True)
class Root:
    """The square root."""

    body: Box


@dataclass(frozen=True, slots=True)
class Scripts:
    """A base with something below, above, or both."""

    base: Box
    below: Box | None = None
    above: Box | None = None


@dataclass(frozen=True, slots=True)
class Big:
    """A sum or maximum sign with its range; what it binds follows it in the row.

    whole: the range is all that the index can run over, so that plain text may leave it out.
    """

    operator: Literal["sum", "max"]
    index: Box
    low: Box
    high: Box
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Fence:
    """Brackets around a body."""

    kind: Literal["(", "[", "|"]
    body: Box


@dataclass(frozen=True, slots=True)
class Half:
    """One of a pair of brackets that stand on different lines."""

    kind: Literal["(", "[", "|"]
    opens: bool
    tall: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A function before its arguments, which are a Fence."""

    function: Box
    arguments: Box


@dataclass(frozen=True, slots=True)
class Branches:
    """Values with their conditions behind one brace; None is otherwise."""

    rows: tuple[tuple[Box, Box | None], ...]


@dataclass(frozen=True, slots=True)
class Accent:
    """hat, tilde, bar, dot or vec over a body."""

    name: str
    body: Box


@dataclass(frozen=True, slots=True)
class Styled:
    """A body in another alphabet: bold, calligraphic, roman, sans."""

    style: Literal["bf", "cal", "rm", "sf"]
    body: Box


Box = (Letter | Digits | Word | Mark | Row | Fraction | Slash | Root | Scripts | Big | Fence | Half | Call | Branches
       | Accent | Styled)

PLUS, MINUS, EQUALS, COMMA = Mark("+"), Mark("-"), Mark("="), Mark(",")
BESIDE, THIN, DOT = Mark("beside"), Mark("thin"), Mark("dot")
RELATIONS = {"=", "!=", "<", "<=", ">", ">=", "sim", "in", "to", "by"}
ROOM = {"beside": 0.05, "thin": 0.17, "dot": 0.72, "quad": 1.0}
SCRIPT = 0.72                          # the size of a subscript


def parts(box: Box) -> tuple[Box, ...]:
    """The direct parts of a box."""
    match box:
        case Row(inside):
            return inside
        case Fraction(over, under) | Slash(over, under):
            return over, under
        case Root(body) | Fence(_, body) | Accent(_, body) | Styled(_, body):
            return (body,)
        case Scripts(base, below, above):
            return tuple(part for part in (base, below, above) if part is not None)
        case Big(_, index, low, high, _):
            return index, low, high
        case Call(function, arguments):
            return function, arguments
        case Branches(rows):
            return tuple(part for row in rows for part in row if part is not None)
        case _:
            return ()


def is_primes(box: Box) -> bool:
    """Whether it is ', '' and so on."""
    return box == Letter("prime") or (isinstance(box, Row) and all(part == Letter("prime") for part in box.parts))


def is_tall(box: Box) -> bool:
    """Whether brackets around it must grow."""
    match box:
        case Fraction() | Big() | Branches():
            return True
        case Half(_, _, tall):
            return tall
        case Scripts(base, _, above):
            return is_tall(base) or (above is not None and is_tall(above))
        case _:
            return any(map(is_tall, parts(box)))


def width(box: Box, *, within_fraction: bool = False) -> float:
    """About how many em a displayed formula takes from left to right."""
    def inner(part: Box) -> float:
        return width(part, within_fraction=within_fraction)

    match box:
        case Letter():
            return 0.58
        case Digits(text):
            return 0.5 * len(text)
        case Word(text, kind):
            return 0.48 * len(text) + (0.17 if kind == "operator" else 0)
        case Mark(name):
            if name in ("+", "-"):
                return 1.22
            return 1.34 if name in RELATIONS else ROOM.get(name, 0.45)
        case Row(inside):
            return sum(map(inner, inside))
        case Fraction(over, under):
            size = SCRIPT if within_fraction else 1
            return 0.24 + size * max(width(over, within_fraction=True), width(under, within_fraction=True))
        case Slash(over, under):
            return inner(over) + inner(under) + 0.5
        case Root(body):
            return inner(body) + 0.85
        case Scripts(base, below, above):
            return inner(base) + SCRIPT * max((inner(part) for part in (below, above) if part is not None), default=0)
        case Big(operator, index, low, high):
            if operator == "max":
                return max(1.9, SCRIPT * (inner(index) + inner(low) + inner(high) + 2)) + 0.17
            return max(1.45, SCRIPT * (inner(index) + inner(low) + 0.8), SCRIPT * inner(high)) + 0.17
        case Fence(_, body):
            return inner(body) + (1.4 if is_tall(body) else 0.8)
        case Half(_, _, tall):
            return 0.7 if tall else 0.4
        case Branches(rows):
            return 3.5 + max(inner(value) for value, _ in rows) + max(
                2.0 if condition is None else inner(condition) for _, condition in rows)
        case Call() | Accent() | Styled():
            return sum(map(inner, parts(box)))
