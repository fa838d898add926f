"""The nouns of a sheet before it has a format: sections of headings, prose, equations, steps and marks.

Text is plain text and mathematics is boxes; escaping and spelling is the business of the renderers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from derivs.box import Box
from derivs.layered import Diagram
from derivs.lines import Line
from derivs.report import Words

Text = tuple[str | Box, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a part of an exercise."""

    text: Text


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    text: Text


@dataclass(frozen=True, slots=True)
class Display:
    """Lines of equations, aligned."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Stride:
    """One step of a derivation: the rule in words, what it gives, and how that is established."""

    rule: Text
    lines: tuple[Line, ...]
    verdict: Words | None = None


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of one derivation, which a page may fold away."""

    title: Text
    strides: tuple[Stride, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What the exercise asked for, and the rule that gave it. also: the same in other words (matrices, cases)."""

    rule: Text
    lines: tuple[Line, ...]
    also: tuple[Stride, ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    """How something was established."""

    words: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A piece of program text."""

    text: str


@dataclass(frozen=True, slots=True)
class Space:
    """Room to write an answer by hand, in lines of text."""

    lines: int


@dataclass(frozen=True, slots=True)
class Picture:
    """The graph of an exercise."""

    diagram: Diagram


@dataclass(frozen=True, slots=True)
class Remarked:
    """A line that somebody wrote, with what is said of it beside it.

    word: the judgement; number: of the line in the text; marks: as text, or empty. lines: the line as mathematics;
    where it could not be read, `written` is its text: before, in and behind the place that could not. latex: to copy.
    mended: what should stand there. notes: for the margin; a right line has few.
    """

    kind: Literal["good", "mend", "wrong", "follows", "open"]
    word: str
    number: int
    lines: tuple[Line, ...] = ()
    written: tuple[str, str, str] = ("", "", "")
    latex: str = ""
    notes: tuple[Text, ...] = ()
    mended: tuple[Line, ...] = ()
    marks: str = ""


REMARKED = {"good": "✓", "mend": "!", "wrong": "✗", "follows": "↳", "open": "?"}      # kind: its sign

Block = Heading | Prose | Display | Stride | Steps | Result | Marks | Code | Space | Picture | Remarked


@dataclass(frozen=True, slots=True)
class Section:
    """An exercise. name: letters, digits and _ only, for links."""

    name: str
    title: str
    source: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A sheet. date: YYYY-MM-DD, empty for a sheet that is the same whenever it is made.

    provenance: the last words on the page: what made it, and how its results were established.
    """

    title: str
    sections: tuple[Section, ...]
    date: str = ""
    course: str = ""
    author: str = ""
    provenance: tuple[str, ...] = ()
