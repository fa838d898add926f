"""Where the formulas of a text stand: between delimiters, in the environments of amsmath, or bare."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from derivs.errors import Unreadable
from derivs.reading.hidden import BLANK, without_code
from derivs.reading.syntax import Span

MOST_LINES = 200                                       # of a display between $$ and $$ or \[ and \]
DISPLAYS = ("equation|align|alignat|xalignat|gather|multline|flalign|eqnarray|displaymath|math|dmath|IEEEeqnarray"
            "|split|aligned|alignedat|gathered|multlined")

OPENING = re.compile(rf"\\begin\{{(?P<name>(?:{DISPLAYS})\*?)\}}|\\\\[\[(]|\$\$?|\\.", re.DOTALL)
BODIES = {                                             # from behind the opening up to what closes it, or opens another
    r"\[": re.compile(r"(?:[^\\]++|\\[^\[\]])*", re.DOTALL),
    r"\(": re.compile(r"(?:[^\\]++|\\[^()])*", re.DOTALL),
    r"\\[": re.compile(r"(?:[^\\]++|(?!\\\\[\[\]])\\.)*", re.DOTALL),
    r"\\(": re.compile(r"(?:[^\\]++|(?!\\\\[()])\\.)*", re.DOTALL),
    "$$": re.compile(r"(?:[^\\$]++|\\.|\$(?!\$))*", re.DOTALL),
    "$": re.compile(r"(?:[^\\$]++|\\.)*", re.DOTALL),
}
CLOSINGS = {r"\[": r"\]", r"\(": r"\)", r"\\[": r"\\]", r"\\(": r"\\)", "$$": "$$", "$": "$"}
TEXTS = re.compile(r"\\(?:text|mbox|textrm|textit|textbf|mathrm|operatorname|hbox|intertext)\*?[ ]*\{[^{}]*\}")
SENTENCE = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,}(?:[ ,\n]{1,3}[A-Za-z]{2,}){2}(?![A-Za-z}])")
WORDS_ONLY = re.compile(r"\s++[A-Za-z]{2,}+(?:[ ,;]++[A-Za-z]{2,}+)*\s++")
STARTS_LINE = re.compile(r"(?:\A|\n)[ \t>*-]*\Z")
LABEL = re.compile(                                    # (\text{iii}) \  and \text{(i)} \  at the start of a display
    r"(?:\s|&|\\begin\{[a-z]+\*?\}){0,9}(?P<label>\\(?:text|textbf|mathrm|mathbf)\{\([a-z0-9]{1,4}\)\}"
    r"|\((?:\\(?:text|textbf|mathrm|mathbf)\{[a-z0-9]{1,4}\}|[ivx]{1,4}|[a-h1-9])\)(?=[ ]*(?:\\[ ,;:!]|~|\\q?quad)))")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula with its delimiters. inner: what `rows` reads; goes_on: on the next line of the same fragment."""

    span: Span
    inner: Span
    inline: bool
    error: Unreadable | None = None
    goes_on: bool = False


def is_delimited(text: str) -> bool:
    """Whether a fragment is a piece of a document, and not a bare formula."""
    plain = TEXTS.sub(" ", without_code(text, like_tex=True))
    return any(match[0] in ("$", "$$", r"\[", r"\(") or match["name"] for match in OPENING.finditer(plain))


def delimited(text: str, *, like_tex: bool) -> Iterator[Formula]:
    """The formulas of a document of which only mathematics and prose is left."""
    blanks = [match.start() for match in BLANK.finditer(text)]
    walls = [*(match.start() for match in re.finditer("\f", text)), len(text)]
    missing: set[str] = set()
    at = 0
    while match := OPENING.search(text, at):
        wall = walls[bisect_left(walls, match.start())]
        blank = bisect_left(blanks, match.end())
        until = min(wall, blanks[blank]) if blank < len(blanks) else wall
        found = None
        if match["name"]:
            found = _environment(text, match, wall, missing)
        elif match[0] in ("$", r"\(", r"\\("):
            found = _inline(text, match, until, like_tex=like_tex)
        elif match[0] in BODIES:
            found = _display(text, match, wall, like_tex=like_tex)
        at = match.end()
        if found is not None:
            at = max(at, found.span[1])
            yield found


def _environment(text: str, match: re.Match[str], wall: int, missing: set[str]) -> Formula:
    name = match["name"]
    edges = re.compile(rf"\\(?P<edge>begin|end)\{{{re.escape(name)}\}}")
    close = edges.search(text, match.end(), wall) if name not in missing else None
    if close is None and wall == len(text):
        missing.add(name)
    if close is None or close["edge"] == "begin":
        return _unclosed(match, f"\\end{{{name}}}")
    span = (match.start(), close.end())
    return Formula(span, span, name == "math")


def _display(text: str, match: re.Match[str], wall: int, *, like_tex: bool) -> Formula | None:
    opening, closing = match[0], CLOSINGS[match[0]]
    if opening == r"\\[" and like_tex:                 # a line break with a length
        return None
    body = BODIES[opening].match(text, match.end(), wall)
    end = body.end() if body else match.end()
    inside = text[match.end():end]
    is_closed = text.startswith(closing, end) and inside.count("\n") <= MOST_LINES
    if is_closed and BLANK.search(inside):
        after = text[end + 2:end + 200].split("\n", 1)[0]
        is_closed = not _reads_as_prose(inside) and (opening != "$$" or not after.strip(" \t\r.,;:")
                                                     or after[:1].isspace())
    starts_line = STARTS_LINE.search(text[max(match.start() - 40, 0):match.start()]) is not None
    if not is_closed:
        says_so = starts_line and opening in ("$$", r"\[") and (like_tex or opening == "$$" or not inside[:1].isdigit())
        return _unclosed(match, closing) if says_so else None
    if opening != "$$" and not like_tex and not re.search(r"[\\=_^]", inside):     # \[1\] is an escaped bracket
        return None
    return Formula((match.start(), end + len(closing)), (match.end(), end), False)


def _inline(text: str, match: re.Match[str], until: int, *, like_tex: bool) -> Formula | None:
    """`$x = 1$`, which no blank line divides; `$5 and $6` is money."""
    opening, closing = match[0], CLOSINGS[match[0]]
    if opening == r"\\(" and like_tex:
        return None
    body = BODIES[opening].match(text, match.end(), until)
    end = body.end() if body else match.end()
    inside = text[match.end():end]
    if not text.startswith(closing, end) or not inside.strip() or _reads_as_prose(inside):
        return None
    if not like_tex and opening == "$":
        is_even = inside[0].isspace() == inside[-1].isspace()
        if not is_even or text[end + 1:end + 2].isdigit():
            return None
    if not like_tex and opening != "$" and not re.search(r"[\\=_^]", inside):
        return None
    return Formula((match.start(), end + len(closing)), (match.end(), end), True)


def _reads_as_prose(inside: str) -> bool:
    return bool(WORDS_ONLY.fullmatch(inside) or SENTENCE.search(TEXTS.sub(" ", inside)))


def _unclosed(match: re.Match[str], closing: str) -> Formula:
    error = Unreadable(f"this {match[0]} is never closed", match.span(), mend=f"write {closing} where the formula ends")
    return Formula(match.span(), match.span(), False, error)


def bare(text: str, is_said: Callable[[str], bool]) -> Iterator[Formula]:
    """The rows of a fragment: one a line, unless brackets or a sign at the end or the start join it to the next.

    is_said: whether a line is words, and no formula.
    """
    start, goes_on, depth, offset = None, False, 0, 0
    lines = text.split("\n")
    one_display = re.search(r"\\\\", TEXTS.sub(" ", text)) is not None
    for k, line in enumerate(lines):
        stripped = line.strip()
        if (not stripped and depth <= 0) or (start is None and is_said(stripped)):
            goes_on = False
        elif stripped:
            start = offset + len(line) - len(line.lstrip()) if start is None else start
            depth += len(re.findall(r"(?<!\\)\{|\\left(?![A-Za-z])|\\begin(?![A-Za-z])", line))
            depth -= len(re.findall(r"(?<!\\)\}|\\right(?![A-Za-z])|\\end(?![A-Za-z])", line))
            below = lines[k + 1].strip() if k + 1 < len(lines) else ""
            if not below or not (depth > 0 or one_display or _hangs_on(stripped, below)):
                span = (start, offset + len(line.rstrip()))
                yield Formula(span, span, False, goes_on=goes_on)
                start, goes_on, depth = None, True, 0
        offset += len(line) + 1
    if start is not None:
        yield Formula((start, len(text.rstrip())), (start, len(text.rstrip())), False, goes_on=goes_on)


def _hangs_on(above: str, below: str) -> bool:
    """Whether a sign at the end of a line or at the start of the next says that one formula goes on."""
    return bool(re.search(r"(?:[-+*/=(,&]|\\(?:cdot|times|odot|left|quad))\Z", above)
                or re.match(r"&?\s*(?:[-+*/)]|\\(?:cdot|times|odot|right)(?![A-Za-z]))", below))
