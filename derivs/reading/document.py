r"""The formulas of a document, each with the conditions and the heading that the prose above it gives it.

A condition is said by a word such as `for`, `if`, `when`, `case` right before a relation (derivs.reading.words), and
holds as follows.

- Within a sentence, `For $i = j$ we have`: for the formulas of that sentence, and for a display that begins with `=`
  and so goes on with the display above it.
- On a line of its own, `For $i = j$` or `**Case 2:** $i \neq j$`: until the next such line or heading, until a
  paragraph behind its first formula that begins with anything but a connective (`Therefore`, `where`, `Then`), and
  until a display of a new paragraph that itself tells the cases apart (`\delta_{ij}`, `cases`, an indicator).
- Behind a formula, `$$...$$ if $i = j$`, `$$...$$ (i = j)`, `a = b \quad \text{if } i = j`: for that formula.
- `Otherwise` says the opposite of the condition before it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from derivs.errors import Unreadable
from derivs.reading.delimiters import LABEL, Formula, bare, delimited, is_delimited
from derivs.reading.hidden import without_code, without_definitions, without_preamble
from derivs.reading.macros import macros_in
from derivs.reading.rows import Written, rows
from derivs.reading.syntax import Node, Relation, Span
from derivs.reading.words import (
    CONNECTIVES,
    DISPLAY,
    EQUALITIES,
    FILL,
    INLINE,
    OTHERWISE,
    Phrase,
    Token,
    announces,
    conditions_in,
    is_of_indices,
    is_range,
    negated,
    parted,
    phrase,
    plainly,
    signs,
    tokens,
)

Kind = Literal["tex", "md", "ipynb", "fragment"]

MOST_CHARACTERS = 2_000_000
MOST_IN_NOTEBOOK = 40_000_000                          # pictures and other output included
MOST_FORMULAS = 5_000                                  # that are read
MOST_DELIMITED = 20_000                                # also those that are only a letter in the text
LONGEST_SHOWN = 1_000                                  # characters of a line that a message quotes
TELLS_APART = re.compile(                              # \delta_{ij}, cases, \mathbb{1}
    r"\\delta(?:_\{ ?[a-z] ?,? ?[a-z] ?\}|\^[a-z]_[a-z])|\{cases\}|\\math(?:bb|bf|1)\{?[1I]|\\mathbbm")
WALL = "\n\n\f\n\n"                                    # between the cells of a notebook; no formula goes across \f


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a formula: what the author wrote, what it says, and when that is said to hold."""

    number: int                                        # of the line of the file where the row starts, from 1
    text: str
    span: Span                                         # characters of Document.text
    display: int                                       # the rows of one display have the same
    inline: bool
    node: Node | None
    error: Unreadable | None
    given: tuple[Node, ...]
    heading: str


@dataclass(frozen=True, slots=True)
class Document:
    """The lines in reading order. text: what the spans count in; of a notebook, its Markdown cells, joined."""

    lines: tuple[Line, ...]
    macros: Mapping[str, Any]
    text: str


def formulas(text: str, kind: Kind) -> Document:
    """The formulas of a document. Raises Unreadable where the whole cannot be read."""
    most = MOST_IN_NOTEBOOK if kind == "ipynb" else MOST_CHARACTERS
    if len(text) > most:
        raise _too_large(most)
    parts = _cells(text) if kind == "ipynb" else [text]
    text = WALL.join(parts)
    if len(text) > MOST_CHARACTERS:
        raise _too_large(MOST_CHARACTERS)
    is_bare = kind == "fragment" and not is_delimited(text)
    shown = WALL.join(without_code(part, like_tex=kind == "tex" or is_bare) for part in parts)
    macros = macros_in(shown)
    shown = without_definitions(without_preamble(shown) if kind == "tex" else shown)
    every = bare(shown, announces) if is_bare else delimited(shown, like_tex=kind == "tex")
    found = list(islice(every, MOST_DELIMITED + 1))
    if len(found) > MOST_DELIMITED:
        raise Unreadable(f"more than {MOST_DELIMITED} formulas", found[-1].span, mend="split it into several files")
    return Document(tuple(_Reader(text, shown, found, macros).lines()), macros, text)


def _cells(text: str) -> list[str]:
    """The Markdown cells of a notebook."""
    try:
        notebook = json.JSONDecoder().decode(text)
        sheets = notebook.get("worksheets", [notebook])
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        at = error.pos if isinstance(error, json.JSONDecodeError) else 0
        raise Unreadable("this is no Jupyter notebook", (at, min(at + 1, len(text))),
                         mend="open and save it with Jupyter, or export it as Markdown") from error


def _too_large(most: int) -> Unreadable:
    return Unreadable(f"larger than {most // 1_000_000} MB", (0, 1), mend="split it into several files")


def place(text: str, span: Span) -> tuple[int, str, int, int]:
    """Where a span is: the line's number, the line as a terminal shows it, and the column and width of the caret in it.

    Columns are cells of the terminal, counted from 0: a tab goes to the next multiple of 4, a wide character takes two,
    an accent none. A span that goes on below ends with its line, and a very long line is cut around the span.
    """
    start, end = max(0, min(span[0], len(text))), max(0, min(span[1], len(text)))
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    last = len(text) if last < 0 else last
    left, right = max(first, start - LONGEST_SHOWN // 2), min(last, start + LONGEST_SHOWN // 2)
    shown, cells = ["…"] * (left > first), [int(left > first)]
    for character in text[left:right].removesuffix("\r"):
        piece, width = _cell(character, cells[-1])
        shown.append(piece)
        cells.append(cells[-1] + width)
    column = cells[min(start - left, len(cells) - 1)]
    width = cells[max(min(end - left, len(cells) - 1), 0)] - column
    return text.count("\n", 0, first) + 1, "".join(shown) + "…" * (right < last), column, max(width, 1)


def _cell(character: str, column: int) -> tuple[str, int]:
    """A character as shown, and its width; what could steer a terminal is shown as �."""
    if character == "\t":
        width = 4 - column % 4
        return " " * width, width
    if unicodedata.category(character) in ("Cc", "Cf", "Cs"):
        return "\ufffd", 1
    if unicodedata.combining(character) or unicodedata.category(character) == "Me":
        return character, 0
    return character, 2 if unicodedata.east_asian_width(character) in "WF" else 1


@dataclass(frozen=True, slots=True)
class Last:
    """The formula that was read last: its lines, its token, and whether its sentence began with a condition."""

    lines: range
    token: int
    is_display: bool
    is_led: bool


class _Reader:
    """Goes through a document once, with what holds at the moment."""

    def __init__(self, text: str, shown: str, found: list[Formula], macros: Mapping[str, Any]) -> None:
        self.text, self.shown, self.macros = text, shown, macros
        self.formulas = {formula.span[0]: formula for formula in found}
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.words = tokens(_prose(shown, found), text)
        self.found: list[Line] = []
        self.read: dict[int, tuple[Written, ...]] = {}
        self.displays = self.counted = 0
        self.section = self.label = ""
        self.case: tuple[Node, ...] = ()               # said on a line of its own
        self.case_held = False                         # for some line already
        self.said: tuple[Node, ...] = ()               # said in this sentence
        self.said_until = -1                           # the token after the sentence's condition, if it is all of it
        self.before: tuple[Node, ...] = ()             # the last condition, of which `otherwise` is the opposite
        self.last: Last | None = None
        self.in_heading = False
        self.opens_paragraph = self.opens_sentence = True
        self.spoke = False                             # a paragraph of words began since the last display

    def lines(self) -> list[Line]:
        """All the lines. Raises Unreadable if there are too many formulas."""
        k = 0
        while k < len(self.words):
            k = self._step(k)
        return self.found

    def _step(self, k: int) -> int:
        """Takes in the token k and what belongs to it; the number of the next token."""
        token = self.words[k]
        match token.kind:
            case "heading" | "label":
                return self._heading(k)
            case "break":
                self._leave_heading()
                self.opens_paragraph = self.opens_sentence = True
            case "line":
                self._leave_heading()
            case "mark" if token.text == ".":
                self._full_stop(k)
            case "mark" if token.text == "(":
                return self._bracketed(k)
            case "word":
                return self._word(k)
            case "relation" | "spelled":
                return self._alone(k) or self._pass(k)
            case "formula":
                return self._inline(k)
            case "display":
                self._display(k)
        return k + 1

    def _pass(self, k: int) -> int:
        self.opens_paragraph = self.opens_sentence = False
        return k + 1

    def _heading(self, k: int) -> int:
        """A heading ends every condition, unless it is only a condition itself."""
        token = self.words[k]
        self.case = self.said = self.before = ()
        self.last = None
        if token.kind == "label":
            self.label = token.text
            line_end = token.span[1]
            while k < len(self.words) and self.words[k].span[0] < line_end:
                k += 1
            return k
        self.in_heading = self.opens_sentence = True
        self.opens_paragraph = False
        cue = next((j for j in range(k + 1, min(k + 4, len(self.words)))
                    if self.words[j].kind not in ("number", "mark", "command", "item")), None)
        if cue is None or self._phrase(cue) is None:
            self.section, self.label = token.text, ""
        return k + 1

    def _leave_heading(self) -> None:
        if self.in_heading:
            self.in_heading, self.opens_paragraph, self.opens_sentence = False, True, True

    def _full_stop(self, k: int) -> None:
        """The end of a sentence, unless it is that of an abbreviation; `Suppose $i = j$.` holds beyond it."""
        after = self.text[self.words[k].span[1]:self.words[k].span[1] + 40]
        if not re.match(r"\s*\Z|\s*\n\s*\n|\s+[\"'“(]?[^\W\d_a-z]", after):
            return
        self.opens_sentence = True
        following = next((word.text.lower() for word in self.words[k + 1:k + 3] if word.kind == "word"), "")
        if self.said_until != k and following not in CONNECTIVES:
            self.said = ()

    def _word(self, k: int) -> int:
        word = self.words[k].text.lower()
        if word in OTHERWISE and self.before:
            return self._say(k, Phrase(negated(self.before), k + 1))
        found = self._phrase(k)
        self.spoke = self.spoke or self.opens_paragraph
        if found is not None:
            return self._say(k, found)
        if self.opens_paragraph and word not in CONNECTIVES:
            self.said = ()
            self.case = () if self.case_held else self.case
        return self._pass(k)

    def _phrase(self, k: int) -> Phrase | None:
        return phrase(self.words, k, self._condition)

    def _condition(self, token: Token) -> Node | None:
        """A token as a node; None if it cannot be read as one."""
        if token.kind != "formula":
            return plainly(token) or self._only(*token.span)
        formula = self.formulas[token.span[0]]
        inside = self.shown[slice(*formula.inner)]
        if len(inside) > 200 or not re.search(r"[=<>≠≤≥]|\\(?:n?eq?|[gl]eq?|[gl]t)(?![A-Za-z])", inside):
            return None
        return self._only(*formula.inner)

    def _only(self, start: int, end: int) -> Node | None:
        written = self._written(start, end)
        return written[0].node if len(written) == 1 else None

    def _say(self, k: int, found: Phrase) -> int:
        """A condition, behind a formula, on a line of its own, or for what the sentence goes on to say."""
        self.before = found.conditions or self.before
        if self._is_behind(k, found.end):
            self._add(found.conditions)
        elif self.in_heading or self._is_own_line(k, found.end):
            self.case, self.said, self.case_held, self.spoke = found.conditions, (), False, False
        else:
            self.said = found.conditions
            self.said_until = found.end if self.opens_sentence else -1
        self.opens_paragraph = self.opens_sentence = False
        return found.end

    def _is_behind(self, k: int, end: int) -> bool:
        """Whether a condition that begins at token k belongs to the formula before it: `a = b, if i = j`."""
        if self.last is None or self.last.is_led or k - self.last.token > 6 or self.in_heading:
            return False
        between = self.words[self.last.token + 1:k]
        if self.words[k].text[:1].isupper() or any(
                not (token.kind in ("line", "command") or token.text == ",") for token in between):
            return False
        return end >= len(self.words) or self.words[end].text != ":"

    def _is_own_line(self, k: int, end: int) -> bool:
        """Whether nothing stands beside the tokens from k to end, and no sentence goes on below."""
        before = k - 1
        while before >= 0 and self.words[before].kind in ("number", "mark", "command"):
            before -= 1
        starts = before < 0 or self.words[before].kind in ("line", "break", "display", "item", "heading", "label")
        while end < len(self.words) and (self.words[end].kind == "command" or (
                self.words[end].kind == "mark" and self.words[end].text != "(")):
            end += 1
        if end < len(self.words) and self.words[end].kind == "line":
            end += 1
        return starts and (end >= len(self.words) or self.words[end].kind in (
            "break", "display", "heading", "label", "item"))

    def _bracketed(self, k: int) -> int:
        """`(i = j)` behind a formula or on a line of its own."""
        if k + 2 < len(self.words) and self.words[k + 2].text == ")" and self.words[k + 1].kind in (
                "formula", "relation", "spelled"):
            conditions = conditions_in(self._condition(self.words[k + 1]))
            if conditions and (self._is_behind(k, k + 3) or self._is_own_line(k, k + 3)):
                return self._say(k, Phrase(conditions, k + 3))
        return k + 1

    def _alone(self, k: int) -> int | None:
        """`$i = j$:` on a line of its own."""
        if not self._is_own_line(k, k + 1):
            return None
        conditions = conditions_in(self._condition(self.words[k]))
        colon = k + 1 < len(self.words) and self.words[k + 1].text == ":"
        is_said = conditions and (colon or all(map(is_of_indices, conditions)))
        return self._say(k, Phrase(conditions, k + 1)) if is_said else None

    def _add(self, conditions: tuple[Node, ...]) -> None:
        """Gives the lines of the last formula further conditions."""
        for k in self.last.lines if self.last is not None else ():
            line = self.found[k]
            self.found[k] = replace(line, given=self._also(line.given, conditions))

    def _also(self, given: tuple[Node, ...], more: tuple[Node, ...]) -> tuple[Node, ...]:
        """Both; of the same two things only the nearer condition is kept: never `i = j` and `i != j` at once."""
        new = {self._compared(node) for node in more}
        return (*(node for node in given if self._compared(node) not in new), *more)

    def _compared(self, node: Node) -> frozenset[str]:
        sides = node.sides if isinstance(node, Relation) else ()
        return frozenset(self.shown[slice(*side.span)].strip() for side in sides if side is not None)

    def _inline(self, k: int) -> int:
        """A formula in the text is a line if it says that two things are equal."""
        formula = self.formulas[self.words[k].span[0]]
        inside = self.shown[slice(*formula.inner)]
        if said := self._alone(k):
            return said
        self._pass(k)
        if self.in_heading or not re.search(r"=|≡|\\equiv|\\(?:coloneqq|triangleq|doteq)", inside):
            return k + 1
        written = self._written(*formula.inner)
        is_serious = re.search(r"\\d?t?frac|\\partial|∂", inside) is not None
        kept = [one for one in written if (_is_claim(one.node) if one.node is not None else is_serious)]
        if kept:
            self._keep(k, formula, tuple(kept), self._also(self.case, self.said))
        return k + 1

    def _display(self, k: int) -> None:
        formula = self.formulas[self.words[k].span[0]]
        if formula.error is None:
            written = self._written(*formula.inner)
        else:
            self._count(*formula.span)
            written = (Written(None, formula.error, formula.span),)
        inside = self.shown[slice(*formula.inner)]
        if label := LABEL.match(self.text[slice(*formula.inner)]):
            self.label = "".join(re.findall(r"(?<!\\)\b[a-z0-9]{1,4}\b", label["label"])[-1:]).join("()")
        first = written[0].node if written else None
        goes_on = _goes_on(first) and self.last is not None
        if self.spoke and self.case_held and not goes_on and TELLS_APART.search(inside):
            self.case = ()
        given = self._also(self.case, self.said)
        if goes_on and not given and self.last is not None and self.last.is_display and self.last.lines:
            given = self.found[self.last.lines[-1]].given
        self._keep(k, formula, written, given)
        self.said = ()
        self.opens_paragraph = self.opens_sentence = True
        self.spoke = False

    def _keep(self, k: int, formula: Formula, written: tuple[Written, ...], given: tuple[Node, ...]) -> None:
        first = len(self.found)
        self.displays += 0 if formula.goes_on else 1
        heading = " ".join(part for part in (self.section, self.label) if part)
        holds = given
        for one in written:
            node, more = parted(one.node, self.before)
            self.before = more or self.before
            holds = self._also(holds if _goes_on(node) else given, more)
            number = bisect_right(self.starts, one.span[0])
            self.found.append(Line(number, self.text[slice(*one.span)], one.span, self.displays, formula.inline, node,
                                   one.error, holds, heading))
        self.case_held = True
        self.last = Last(range(first, len(self.found)), k, not formula.inline, bool(self.said))

    def _written(self, start: int, end: int) -> tuple[Written, ...]:
        """What stands between two places, read once."""
        if start not in self.read:
            self._count(start, end)
            self.read[start] = rows(self.shown, start, end, self.macros)
        return self.read[start]

    def _count(self, start: int, end: int) -> None:
        self.counted += 1
        if self.counted > MOST_FORMULAS:
            raise Unreadable(f"more than {MOST_FORMULAS} formulas", (start, end), mend="split it into several files")


def _prose(text: str, found: list[Formula]) -> str:
    """The text with a formula as INLINE or DISPLAY and FILLs, and `$i$` as the letter i."""
    pieces, done = [], 0
    for formula in found:
        start, end = formula.span
        letter = text[slice(*formula.inner)].strip()
        mark = INLINE if formula.inline else DISPLAY
        filled = mark.ljust(end - start, FILL)
        if formula.inline and len(letter) == 1 and letter.isalpha():
            filled = letter.rjust(formula.inner[1] - start).ljust(end - start)
        pieces += [text[done:start], filled]
        done = end
    return "".join([*pieces, text[done:]])


def _goes_on(node: Node | None) -> bool:
    """Whether a row begins with its relation sign."""
    return isinstance(node, Relation) and node.sides[0] is None


def _is_claim(node: Node | None) -> bool:
    """Whether an inline formula says more than `i = j` or where i runs."""
    return (node is not None and bool(EQUALITIES & {*signs(node)}) and not is_range(node) and not is_of_indices(node))
