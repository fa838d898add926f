"""A sheet as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from derivs.diagram import listing
from derivs.lines import Line
from derivs.report import Words
from derivs.sheet.blocks import (
    REMARKED,
    Block,
    Code,
    Display,
    Document,
    Heading,
    Marks,
    Picture,
    Prose,
    Remarked,
    Result,
    Space,
    Steps,
    Stride,
    Text,
)
from derivs.text import spell

WIDTH = 100
SIGNS = {"good": "✓", "wrong": "✗", "bad": "✗", "open": "?"}
BOLD, RED, GREEN, YELLOW = "1", "31", "32", "33"
COLORS = {"good": GREEN, "wrong": RED, "bad": RED, "open": YELLOW}


def terminal(document: Document, *, color: bool = False) -> str:
    """The text; with colours where it goes to a terminal."""
    lines: list[str] = []
    for section in document.sections:
        lines += [_painted(section.title, BOLD, color), *_wrapped(section.source)]
        for block in section.blocks:
            lines += _block(block, color)
        lines.append("")
    for paragraph in document.provenance:
        lines += _wrapped(paragraph)
    return "\n".join(_plain(line, color) for line in lines) + "\n"


def _plain(line: str, color: bool) -> str:
    """Without control characters, but for our own colours: text from outside does not steer the terminal."""
    return "".join(c for c in line if c.isprintable() or (color and c == "\x1b"))


def _painted(text: str, code: str, color: bool) -> str:
    text = text.replace("\x1b", "")
    return f"\x1b[{code}m{text}\x1b[0m" if color else text


def _text(text: Text) -> str:
    return "".join(part if isinstance(part, str) else spell(part) for part in text).replace("\x1b", "")


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text.replace("\x1b", ""), WIDTH, initial_indent=indent, subsequent_indent=indent)


def _block(block: Block, color: bool) -> list[str]:
    match block:
        case Heading(text):
            return ["", _painted(_text(text), BOLD, color)]
        case Prose(text):
            return _wrapped(_text(text))
        case Display(lines):
            return _lines(lines)
        case Stride(rule, lines, verdict):
            told = [verdict] if verdict and (verdict.kind != "good" or verdict.detail) else []
            return [*_wrapped(_text(rule), "  "), *_lines(lines), *_marks(told, color)]
        case Steps(_, strides):
            return [line for stride in strides for line in _block(stride, color)]
        case Result(rule, lines, also):
            others = [line for one in also for line in _block(one, color)]
            return [*_wrapped(_text(rule), "  "), *_lines(lines), *others]
        case Space(height):
            return [""] * height
        case Marks(words):
            return _marks(words, color)
        case Picture(diagram):
            return [f"    {line}" for line in listing(diagram)]
        case Code(text):
            return [f"    {line}" for line in text.replace("\x1b", "").splitlines()]
        case Remarked():
            return _remarked(block, color)


def _remarked(block: Remarked, color: bool) -> list[str]:
    """The sign and the word, the line, and the notes below it."""
    sign = _painted(REMARKED[block.kind], {"good": GREEN, "wrong": RED}.get(block.kind, YELLOW), color)
    head = ", ".join(filter(None, (block.word, block.marks)))
    shown = _lines(block.lines) or [f"    {line}" for line in "".join(block.written).splitlines()]
    return [f"{block.number:>5}  {sign} {head}", *shown,
            *(line for note in block.notes for line in _wrapped(_text(note), "         ")),
            *(line for line in _lines(block.mended))]


def _lines(lines: Iterable[Line]) -> list[str]:
    """Aligned at the relation within a chain."""
    rows = []
    for line in lines:
        left = "" if line.left is None else spell(line.left)
        if line.under is not None:
            left = " " * len(spell(line.under))
        relation = " " if line.relation is None else spell(line.relation)
        rows.append(f"    {left} {relation} {spell(line.right)}".rstrip())
    return rows


def _marks(words: Iterable[Words], color: bool) -> list[str]:
    lines = []
    for word in words:
        first, *rest = _wrapped(str(word), "      ") or [""]
        lines += ["    " + _painted(SIGNS[word.kind], COLORS[word.kind], color) + first[5:], *rest]
    return lines
