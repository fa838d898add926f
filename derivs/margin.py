"""The marks on a text as people read them: the author's own line, a caret under the guilty piece, and what is said."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from derivs.explain import explained
from derivs.expr import Entry
from derivs.judgement import Checked, Judgement
from derivs.papers import Marked, Paper
from derivs.problem import Problem
from derivs.reading.document import place
from derivs.reading.syntax import Span
from derivs.text import text
from derivs.verdict import Point, Refuted, Unread, Verdict, name

SIGNS: Final[dict[Judgement, str]] = {
    "right": "✓", "right, mend the notation": "!", "wrong": "✗", "follows from a wrong line": "↳",
    "ambiguous": "?", "undecided": "?", "unread": "?"}
PLAIN: Final = {"✓": "ok", "✗": "x", "↳": ">", "…": "...", "⟦": "[", "⟧": "]"}
COLORS: Final[dict[Judgement, str]] = {
    "right": "32", "right, mend the notation": "33", "wrong": "31", "follows from a wrong line": "33",
    "ambiguous": "35", "undecided": "35", "unread": "35"}
COUNTED: Final[dict[Judgement, str]] = {
    "right": "right", "right, mend the notation": "to mend", "wrong": "wrong", "follows from a wrong line": "follows",
    "ambiguous": "ambiguous", "undecided": "undecided", "unread": "unread"}
SHORT: Final = 48                      # characters of a right line that are shown beside the word
ROWS: Final = 8                        # of the terminal, for a long line without a caret
INDENT: Final = " " * 9


def summary(lines: Sequence[Checked]) -> str:
    """`12 right, 1 to mend, 2 wrong, 1 follows, 3 unread`."""
    counts = [(sum(line.judgement == kind for line in lines), word) for kind, word in COUNTED.items()]
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    return said or "no formula in it is about the exercise"


def terminal(paper: Paper, title: str = "", *, color: bool = False, ascii_only: bool = False, width: int = 100,
             explain: bool = False) -> str:
    """The lines of a text in reading order, each with what is said of it.

    explain: whether the counterexample of a wrong line is worked out step by step.
    """
    out = [_bold(_clean(title), color)] if title else []
    several = len(paper.exercises) > 1
    before = None
    for line in paper.lines:
        problem = paper.exercises[line.exercise].problem
        if several and line.exercise != before:
            out += [*([""] if out else []), _bold(_clean(problem.title or problem.name), color)]
            before = line.exercise
        out += _line(paper, line, problem, color, width)
        if explain and line.checked.counterexample is not None:
            out += _worked_out(line.checked.counterexample, width)
    for words in paper.missing:
        out.append(f"the words {_clean(words)!r}, where an exercise begins, do not stand in it")
    said = "\n".join(out)
    return _in_ascii(said) if ascii_only else said


def in_words(checked: Checked, problem: Problem) -> str:
    """The message, its point in the exercise's own signs: `∂E/∂y = (0, 1)`, not `y_bar = (0, 1)`."""
    match checked.against_truth:
        case Refuted(at, left, right):
            raw = f"at {at} the left side is {left}, the right side {right}"
            where = f"at {point_text(at, problem)} " if at.integers or at.entries else ""
            return checked.message.replace(raw, f"{where}the left side is {left}, the right side {right}")
        case _:
            return checked.message


def point_text(point: Point, problem: Problem) -> str:
    """m = 2, x = (0, 2), ∂E/∂y = (1, 0)."""
    def said(tensor: str) -> str:
        return text(Entry(tensor), problem)

    return str(Point(point.integers, {(said(tensor), at): value for (tensor, at), value in point.shown.items()}))


# ---- one line --------------------------------------------------------------------------------------------------------

def _line(paper: Paper, line: Marked, problem: Problem, color: bool, width: int) -> Iterator[str]:
    checked = line.checked
    head = f"{checked.number:>5}  {_painted(SIGNS[checked.judgement], checked.judgement, color)} "
    if checked.judgement == "right":
        conditions = " " + ", ".join(checked.conditions) if checked.conditions else ""
        yield f"{head}right{_clean(conditions)}   {_excerpt(paper.text, line.span)}".rstrip()
    else:
        message = in_words(checked, problem)
        conditions = "".join(f" ({condition})" for condition in checked.conditions)
        said = _clean(checked.judgement + (f": {message}" if message else "") + conditions)
        first, *others = wrap(said, width - len(INDENT), break_long_words=False, break_on_hyphens=False)
        yield head + first.replace(checked.judgement, _painted(checked.judgement, checked.judgement, color), 1)
        yield from (INDENT + other for other in others)
        yield from _with_caret(paper.text, line.span, checked.span, color, width)
        for mend in filter(None, checked.mend.split("\n")):
            yield from (INDENT + row for row in wrap(_clean(mend), width - len(INDENT), break_long_words=False,
                                                     break_on_hyphens=False))
        for reading, verdict in checked.readings:
            yield f"{INDENT}read {_clean(reading)}: {_clean(verdict_text(verdict, problem))}"
    for remark in checked.remarks:
        yield INDENT + "note: " + _clean(remark)


def _worked_out(refuted: Refuted, width: int) -> Iterator[str]:
    """How both sides come to their values at the point."""
    steps = explained(refuted)
    for said in steps.lines() if steps is not None else ():
        inner = " " * (len(said) - len(said.lstrip()) + 4)
        yield from wrap(_clean(said), width, initial_indent=INDENT, subsequent_indent=INDENT + inner,
                        break_long_words=False, break_on_hyphens=False, drop_whitespace=True)


def verdict_text(verdict: Verdict, problem: Problem) -> str:
    """The verdict on one of several readings."""
    match verdict:
        case Refuted(at, left, right):
            return f"wrong, at {point_text(at, problem)} the left side is {left}, the right side {right}"
        case _:
            said = {"proved": "right", "tested": "undecided"}.get(name(verdict), name(verdict))
            return f"{said}, {verdict.why}" if isinstance(verdict, Unread) else said


def _excerpt(whole: str, span: Span) -> str:
    """The line in short, on one line."""
    return _cut(_clean(whole[span[0]:min(span[1], span[0] + 20 * SHORT)]), SHORT)


def _cut(said: str, length: int) -> str:
    """On one line, and no longer than that."""
    said = " ".join(said.split())
    return said if len(said) <= length else said[:length - 1].rstrip() + "…"


def _with_caret(whole: str, line: Span, guilty: Span, color: bool, width: int) -> Iterator[str]:
    """The author's line, cut around the guilty piece where it is long, with carets below."""
    room = width - len(INDENT) - 2
    if guilty == line:                                   # a caret under everything says nothing
        short = _clean(whole[line[0]:min(line[1], line[0] + ROWS * room)])
        yield from (INDENT + row for row in wrap(short, room + 2, break_on_hyphens=False))
        return
    start, end = guilty
    first = max(line[0], whole.rfind("\n", 0, start) + 1)
    last = whole.find("\n", start)
    last = min(line[1], len(whole) if last < 0 else last)
    first += len(whole[first:last]) - len(whole[first:last].lstrip()) if first < start else 0
    first = min(first, start)
    end = min(end, last)
    if last - first > room:                              # the middle of what is guilty goes in the middle
        length = min(end - start, room)
        low = max(first, min(start - (room - length) // 2, last - room))
        high = min(last, low + room)
    else:
        low, high = first, last
    _, shown, column, cells = place(whole[low:high], (start - low, max(min(end, high), start + 1) - low))
    before, after = ("… " if low > first else ""), (" …" if high < last else "")
    yield INDENT + before + shown.rstrip() + after
    yield INDENT + " " * (column + len(before)) + _coloured("^" * max(cells, 1), "31", color)


# ---- signs and colours -----------------------------------------------------------------------------------------------

def _painted(word: str, judgement: Judgement, color: bool) -> str:
    return _coloured(word, COLORS[judgement], color)


def _coloured(word: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{word}\x1b[0m" if color else word


def _bold(word: str, color: bool) -> str:
    return _coloured(word, "1", color)


def _clean(said: str) -> str:
    """Without characters that steer a terminal."""
    return "".join(" " if c in "\t\n\r" else c if unicodedata.category(c) not in ("Cc", "Cf", "Cs") else "\ufffd"
                   for c in said)


def _in_ascii(said: str) -> str:
    """Signs that an ASCII terminal can show; what the author wrote with others is escaped."""
    for sign, plain in PLAIN.items():
        said = said.replace(sign, plain)
    return said.encode("ascii", "backslashreplace").decode("ascii")
