"""From texts with their marks to a sheet of feedback: which words and formulas stand at a line, and in which order.

A line is printed from what was understood of it. What could not be read stands there as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, Literal

from derivs.box import EQUALS, Box
from derivs.credit import OPEN, Awarded, total
from derivs.derivation import Solution
from derivs.errors import DerivsError
from derivs.expr import Entry
from derivs.judgement import Checked, Judgement
from derivs.latex import spell
from derivs.layout import layout
from derivs.lines import Line, broken, chain
from derivs.margin import summary, verdict_text
from derivs.names import by_letters
from derivs.papers import Marked, Paper
from derivs.problem import Problem
from derivs.reading.parse import parse
from derivs.reading.rendered import is_clear, printable, rendered, rendered_lines
from derivs.reading.syntax import Span
from derivs.report import Words
from derivs.sheet.blocks import Block, Display, Document, Heading, Marks, Prose, Remarked, Section, Text
from derivs.sheet.document import document, flat
from derivs.verdict import Point, Refuted

TITLE: Final = "Feedback"
LIMIT: Final = 26.0                    # em: the longest line of a formula, beside the margin
MARGIN: Final = 12.0                   # em: the longest piece of a formula in the margin
MOST_ROWS: Final = 20                  # of a formula beside the margin; the others stand below
AROUND: Final = 400                    # characters of a line that could not be read, before and behind the place
LEAST_OF_A_LINE: Final = 0.9           # a mark under nearly all of a line says nothing
KINDS: Final[Mapping[Judgement, Literal["good", "mend", "wrong", "follows", "open"]]] = {
    "right": "good", "right, mend the notation": "mend", "wrong": "wrong", "follows from a wrong line": "follows",
    "ambiguous": "open", "undecided": "open", "unread": "open"}
BARE_WORD: Final = re.compile(r"(?<![\\A-Za-z{])[a-z]{2,}|\.\.\.")
LEGEND: Final = (
    "A tick: the line is proved, for every size and every input at which both sides are defined. A cross: at the point "
    "that is named the two sides differ, in exact arithmetic, or their sizes do not fit. An arrow: the line carries on "
    "a mistake of a line above. An exclamation mark: right, in a notation that has to be guessed. A question mark: not "
    "decided. Formulas are printed from what was understood of them.")


@dataclass(frozen=True, slots=True)
class Head:
    """The words at the head and the end of a sheet; empty where there are none."""

    title: str = ""
    course: str = ""
    author: str = ""
    date: str = ""
    made: tuple[str, ...] = ()


def feedback(papers: Mapping[str, Paper], awards: Mapping[str, Awarded] | None = None, head: Head | None = None,
             revealed: Sequence[Solution] = (), limit: float = LIMIT) -> Document:
    """The sheet of the texts, by name. revealed: the exercises whose derivations stand at its end."""
    head = head or Head()
    several = len(papers) > 1
    sections = [_summary(papers, awards or {})]
    for number, (name, paper) in enumerate(papers.items(), 1):
        credit = (awards or {}).get(name)
        sections += _sections(paper, printable(name) if several else "", number, credit, limit)
    title = head.title or (TITLE if several else f"{TITLE} on {printable(next(iter(papers), ''))}")
    return Document(title, (*sections, *_answers(revealed)), head.date, head.course, head.author,
                    (LEGEND, *head.made))


def _answers(revealed: Sequence[Solution]) -> Iterator[Section]:
    for section in document(revealed).sections:
        yield replace(section, name=f"answer_{section.name}", title=f"The derivation: {section.title}")


# ---- at the head -----------------------------------------------------------------------------------------------------

def _summary(papers: Mapping[str, Paper], awards: Mapping[str, Awarded]) -> Section:
    """Each text, how many of its lines are what, its marks, and what is left for the marker."""
    blocks: list[Block] = []
    for name, paper in papers.items():
        said = summary([line.checked for line in paper.lines])
        blocks += [Heading((printable(name),)), Prose((said + ".",))]
        if name in awards:
            blocks += _marks(paper, awards[name])
        blocks += _missing(paper)
        if waiting := [line for line in paper.lines if line.checked.judgement in OPEN]:
            listed = ", ".join(f"{line.checked.number} ({line.checked.judgement})" for line in waiting)
            blocks.append(Prose((f"For the marker to decide: line{'s' * (len(waiting) > 1)} {listed}.",)))
    if awards and len(papers) > 1:
        blocks.append(Prose((f"Marks of all texts together: {total(list(awards.values()))}.",)))
    return Section("summary", "Summary", "", tuple(blocks))


def _marks(paper: Paper, award: Awarded) -> Iterator[Block]:
    yield Prose((f"Marks: {award.total}.",))
    if len(paper.exercises) > 1:
        yield Marks(tuple(Words("good" if credit.got == credit.of else "open", one.problem.title or one.problem.name,
                                str(credit))
                          for one, credit in zip(paper.exercises, award.questions, strict=True) if credit.of))


def _missing(paper: Paper) -> Iterator[Block]:
    if paper.missing:
        yield Marks(tuple(Words("open", "Not found", f"the words “{printable(words)}”, where an exercise begins")
                          for words in paper.missing))


# ---- the lines -------------------------------------------------------------------------------------------------------

def _sections(paper: Paper, name: str, number: int, award: Awarded | None, limit: float) -> Iterator[Section]:
    """One for each exercise that the text works on."""
    marks = [str(credit) for credit in award.lines] if award is not None else [""] * len(paper.lines)
    for exercise, pairs in groupby(zip(paper.lines, marks, strict=True), lambda pair: pair[0].exercise):
        lines = list(pairs)
        problem = paper.exercises[exercise].problem
        said = summary([line.checked for line, _ in lines])
        said += f"; marks: {award.questions[exercise]}" if award is not None else ""
        title = problem.title or problem.name
        yield Section(f"text_{number}_{exercise + 1}", f"{name}: {title}" if name else title, said,
                      tuple(_under_headings(paper.text, lines, problem, limit)))


def _under_headings(text: str, lines: Sequence[tuple[Marked, str]], problem: Problem, limit: float) -> Iterator[Block]:
    """The author's own headings, and the lines below them."""
    heading = ""
    for line, marks in lines:
        if line.heading and line.heading != heading:
            heading = line.heading
            yield Heading((printable(heading),))
        block = remarked(text, line, problem, marks, limit)
        yield replace(block, lines=block.lines[:MOST_ROWS])
        if block.lines[MOST_ROWS:]:                    # which may go over a page
            yield Display(block.lines[MOST_ROWS:])


def remarked(text: str, line: Marked, problem: Problem, marks: str = "", limit: float = LIMIT) -> Remarked:
    """A line with what is said of it."""
    checked = line.checked
    block = Remarked(KINDS[checked.judgement], checked.judgement, checked.number, marks=marks,
                     notes=tuple(_notes(line, problem)), mended=tuple(_mended(checked, limit)))
    if line.node is None or not is_clear(line.node):
        return replace(block, written=_written(text, line.span, checked.span))
    guilty = [] if checked.judgement == "right" else _guilty(checked, line.span)
    return replace(block, lines=rendered_lines(line.node, limit, guilty), latex=spell(rendered(line.node)))


def _guilty(checked: Checked, line: Span) -> list[Span]:
    """What is to be looked at: what the mend changes, or the smallest guilty piece."""
    found = checked.diagnosis
    if found is not None and found.span is not None:
        return [edit.span for edit in found.edits] if any(edit.old for edit in found.edits) else [found.span]
    start, end = checked.span
    return [checked.span] if end - start < LEAST_OF_A_LINE * (line[1] - line[0]) else []


def _written(text: str, line: Span, guilty: Span) -> tuple[str, str, str]:
    """The text of a line in three pieces, cut where it is very long."""
    start, end = guilty if line[0] <= guilty[0] < guilty[1] <= line[1] and guilty != line else (line[1], line[1])
    low, high = max(line[0], start - AROUND), min(line[1], max(end, start) + AROUND)
    before = ("… " if low > line[0] else "") + _on_lines(text[low:start])
    behind = _on_lines(text[end:high]) + (" …" if high < line[1] else "")
    return before, _on_lines(text[start:min(end, start + AROUND)]), behind


def _on_lines(text: str) -> str:
    return "\n".join(printable(row.replace("\t", "    ")) for row in re.split(r"\r?\n", text))


# ---- the margin ------------------------------------------------------------------------------------------------------

def _notes(line: Marked, problem: Problem) -> Iterator[Text]:
    """The message, the mend, the point where it fails; remarks and conditions stand at right lines, too."""
    checked = line.checked
    if checked.judgement != "right":
        if message := _message(checked):
            yield (printable(message),)
        for said in filter(None, checked.mend.split("\n")):
            yield _mend(said, checked)
        if checked.counterexample is not None:
            yield from counterexample(checked.counterexample, problem)
        if line.given and checked.judgement != "unread":
            boxes = [part for node in line.given for part in (", ", rendered(node))][1:]
            yield ("read for ", *boxes)
    for reading, verdict in checked.readings:
        yield (printable(f"read {reading}: {verdict_text(verdict, problem)}"),)
    if checked.conditions:
        yield (printable(", ".join(checked.conditions)),)
    for remark in checked.remarks:
        yield (printable(f"note: {remark}"),)


def _message(checked: Checked) -> str:
    """Without the point, which has a line of its own."""
    message = checked.message
    if (point := checked.counterexample) is not None:
        message = message.replace(f"at {point.at} the left side is {point.left}, the right side {point.right}", "")
    return message.strip(" ;,")


def _mend(said: str, checked: Checked) -> Text:
    """`write x_i for x_j`, the formulas as mathematics."""
    verb, _, formula = said.partition(" ")
    if checked.diagnosis is not None:
        pieces = [piece.strip() for edit in checked.diagnosis.edits for piece in (edit.new, edit.old)]
        return _with_formulas(said, list(filter(None, pieces)))
    if verb == "write" and not BARE_WORD.search(formula) and re.search(r"[\\^_]", formula):
        return _with_formulas(said, [formula])
    return (printable(said),)


def _with_formulas(said: str, formulas: Sequence[str]) -> Text:
    """The words, and those of the formulas that stand between them."""
    known = {formula: found for formula in formulas if (found := _in_line(formula))}
    if not known:
        return (printable(said),)
    longest_first = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    pieces = re.split(rf"(?<![\w\\])({longest_first})(?!\w)", said)
    return tuple(part for piece in pieces if piece for part in known.get(piece) or (printable(piece),))


def _in_line(formula: str) -> Text:
    """A formula in a line of text, in pieces that fit the margin; nothing where it is none."""
    try:
        rows = broken(flat(rendered(parse(formula))), MARGIN)
    except DerivsError:
        return ()
    return tuple(part for row in rows for part in (" ", row))[1:]


def counterexample(point: Refuted, problem: Problem) -> Iterator[Text]:
    """m = 2, x = (0, 1): left side -2, right side -1."""
    where: list[str | Box] = []
    for name, value in point.at.integers.items():
        where += [", ", by_letters(name), f" = {value}"]
    for tensor in dict.fromkeys(tensor for tensor, _ in point.at.entries):
        own = {key: value for key, value in point.at.entries.items() if key[0] == tensor}
        said = str(Point({}, {("", at): value for (_, at), value in own.items()}))
        where += [", ", flat(layout(Entry(tensor), problem)), said]
    if where:
        yield ("at ", *where[1:])
    yield (f"the left side is {_value(point.left)}, the right side {_value(point.right)}",)


def _value(ball: str) -> str:
    """A number that is not exact is enclosed in a ball, [0.5 +/- 1e-20]."""
    found = re.fullmatch(r"\[(\S+) \+/- \S+\]", ball)
    return f"about {found[1]}" if found else ball


def _mended(checked: Checked, limit: float) -> tuple[Line, ...]:
    """The right side as it should read, where that is known."""
    if checked.diagnosis is None or not checked.diagnosis.mended:
        return ()
    try:
        return chain((None, rendered(parse(checked.diagnosis.mended))), (EQUALS,), limit)
    except DerivsError:
        return ()
