"""The nouns of a printed formula: a small tree of boxes that LaTeX, Typst and plain text each spell in their own way.

Every bracket that LaTeX and Typst need is a box already (`derivs.layout` puts it there), so a printer is a table of
spellings. Widths are in em of a displayed formula, good enough to choose where a line breaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
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
    """The square root, or that of a degree."""

    body: Box
    degree: Box | None = None


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


Operator = Literal["sum", "prod", "int", "max", "min", "argmax", "argmin"]


@dataclass(frozen=True, slots=True)
class Limits:
    """A sign of an author's with what stands below and above it; what it binds follows it in the row."""

    operator: Operator
    below: Box | None
    above: Box | None


Bracket = Literal["(", "[", "|", "{", "\\{", "\\|", "<", "floor"]          # { is not seen: it only holds together


@dataclass(frozen=True, slots=True)
class Fence:
    """Brackets around a body."""

    kind: Bracket
    body: Box


@dataclass(frozen=True, slots=True)
class Half:
    """One of a pair of brackets that stand on different lines."""

    kind: Bracket
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
class Table:
    """Boxes in rows and columns: cases behind a brace, a matrix in brackets, or one without, for other brackets."""

    kind: Literal["cases", "matrix", "bare"]
    rows: tuple[tuple[Box, ...], ...]


@dataclass(frozen=True, slots=True)
class Guilty:
    """A piece that a reader is to look at: coloured and underlined, however it is printed."""

    body: Box


@dataclass(frozen=True, slots=True)
class Accent:
    """hat, tilde, bar, dot, ddot, vec, check or breve over a body."""

    name: str
    body: Box


Style = Literal["bf", "cal", "rm", "sf", "bb", "frak", "scr", "it", "tt"]


@dataclass(frozen=True, slots=True)
class Styled:
    """A body in another alphabet: bold, calligraphic, roman, sans; of an author's, also the others of LaTeX."""

    style: Style
    body: Box


Box = (Letter | Digits | Word | Mark | Row | Fraction | Slash | Root | Scripts | Big | Limits | Fence | Half | Call
       | Branches | Table | Guilty | Accent | Styled)

PLUS, MINUS, EQUALS, COMMA = Mark("+"), Mark("-"), Mark("="), Mark(",")
BESIDE, THIN, DOT = Mark("beside"), Mark("thin"), Mark("dot")
SIDE = Mark("side")                    # between two factors of an author's, where no sign stands even at a line's start
RELATIONS = {"=", "!=", "<", "<=", ">", ">=", "sim", "in", "to", "by"}
WRITTEN_RELATIONS = {"==", ":=", "notin", "approx", "propto", "equiv", "gets", "=>", "<=>", "therefore", "subset",
                     "mid"}            # that only authors write
ROOM = {"beside": 0.05, "thin": 0.17, "side": 0.05, "dot": 0.72, "quad": 1.0, "wide": 0.28}
SCRIPT = 0.72                          # the size of a subscript


def parts(box: Box) -> tuple[Box, ...]:
    """The direct parts of a box."""
    match box:
        case Row(inside):
            return inside
        case Fraction(over, under) | Slash(over, under):
            return over, under
        case Root(body, degree):
            return (body,) if degree is None else (degree, body)
        case Fence(_, body) | Accent(_, body) | Styled(_, body) | Guilty(body):
            return (body,)
        case Scripts(base, below, above):
            return tuple(part for part in (base, below, above) if part is not None)
        case Limits(_, below, above):
            return tuple(part for part in (below, above) if part is not None)
        case Big(_, index, low, high, _):
            return index, low, high
        case Call(function, arguments):
            return function, arguments
        case Branches(rows):
            return tuple(part for row in rows for part in row if part is not None)
        case Table(_, cells):
            return tuple(part for row in cells for part in row)
        case _:
            return ()


def is_primes(box: Box) -> bool:
    """Whether it is ', '' and so on."""
    return box == Letter("prime") or (isinstance(box, Row) and all(part == Letter("prime") for part in box.parts))


def is_tall(box: Box) -> bool:
    """Whether brackets around it must grow."""
    match box:
        case Fraction() | Big() | Limits("sum" | "prod" | "int") | Branches() | Table():
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
            return 1.34 if name in RELATIONS | WRITTEN_RELATIONS else ROOM.get(name, 0.45)
        case Row(inside):
            return sum(map(inner, inside))
        case Fraction(over, under):
            size = SCRIPT if within_fraction else 1
            return 0.24 + size * max(width(over, within_fraction=True), width(under, within_fraction=True))
        case Slash(over, under):
            return inner(over) + inner(under) + 0.5
        case Root(body):
            return inner(body) + 0.85
        case Limits(operator, below, above):
            least = 1.28 if operator in ("sum", "prod", "int") else 0.5 * len(operator)
            return max(least, *(SCRIPT * inner(part) for part in (below, above) if part is not None), 0) + 0.17
        case Scripts(base, below, above):
            return inner(base) + SCRIPT * max((inner(part) for part in (below, above) if part is not None), default=0)
        case Big(operator, index, low, high):
            if operator == "max":
                return max(1.9, SCRIPT * (inner(index) + inner(low) + inner(high) + 2)) + 0.17
            return max(1.45, SCRIPT * (inner(index) + inner(low) + 0.8), SCRIPT * inner(high)) + 0.17
        case Fence("{", body):
            return inner(body)
        case Fence(_, body):
            return inner(body) + (1.4 if is_tall(body) else 0.8)
        case Half(_, _, tall):
            return 0.7 if tall else 0.4
        case Branches(rows):
            return 3.5 + max(inner(value) for value, _ in rows) + max(
                2.0 if condition is None else inner(condition) for _, condition in rows)
        case Table(_, cells):
            return 1.5 + sum(max(map(inner, column)) + 1 for column in zip_longest(*cells, fillvalue=Row(())))
        case Call() | Accent() | Styled() | Guilty():
            return sum(map(inner, parts(box)))
