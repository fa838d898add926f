r"""From a display, `\begin{align*} ... \end{align*}`, to the formulas in its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from derivs.errors import Unreadable
from derivs.reading.macros import Macro, expand
from derivs.reading.parse import levels, parse_tokens, trimmed
from derivs.reading.syntax import Node, Span
from derivs.reading.tables import CLOSERS, OPENERS, RELATIONS, SIGNS, STACKED, TERM_SIGNS, TWO_SIGNS, WRAPPERS
from derivs.reading.tokens import Token, clean, lex

LONGEST = 100_000                      # characters of a display
MOST_ROWS = 500
MARK, COLUMN = "mark", "column"         # the first & of a row, and the others
FENCES = frozenset((r"\[", r"\]", r"\(", r"\)", "$"))
ROMAN = frozenset(("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"))


@dataclass(frozen=True, slots=True)
class Written:
    """A row of a display: what is written there, or why it cannot be read; and its place."""

    node: Node | None
    error: Unreadable | None
    span: Span


@dataclass(frozen=True, slots=True)
class _Piece:
    """The tokens of a row. moved: the relation sign that ended the row before. own: an equation of its own."""

    tokens: tuple[Token, ...]
    span: Span
    own: bool = False
    moved: tuple[Token, ...] = ()


def rows(text: str, start: int = 0, end: int | None = None,
         macros: Mapping[str, Macro] | None = None) -> tuple[Written, ...]:
    """The formulas of text[start:end], one for each row that says something; never raises Unreadable."""
    end = len(text) if end is None else end
    if end - start > LONGEST:
        error = Unreadable(f"a display of {end - start} characters, more than {LONGEST}", (start, end),
                           mend="break it into several")
        return (Written(None, error, (start, end)),)
    pieces = _joined(_with_moved_signs(_split(clean(expand(lex(text, start, end), macros or {})), text)))
    if len(pieces) > MOST_ROWS:
        error = Unreadable(f"a display of {len(pieces)} rows, more than {MOST_ROWS}", (start, end),
                           mend="break it into several")
        return (Written(None, error, (start, end)),)
    return tuple(_read(piece) for piece in pieces)


def _read(piece: _Piece) -> Written:
    try:
        return Written(parse_tokens([*piece.moved, *piece.tokens], piece.span), None, piece.span)
    except Unreadable as error:
        return Written(None, error, piece.span)


# ---- splitting -------------------------------------------------------------------------------------------------------

def _split(tokens: Sequence[Token], text: str) -> list[_Piece]:
    """The rows: breaks, `$$` and the borders of `align` and its like end one."""
    tokens = _without_wrappers(tokens)
    found: list[_Piece] = []
    row: list[Token] = []
    marks = 0
    for token, level in zip([*tokens, Token("command", "\\\\", (0, 0))], [*levels(tokens), 0], strict=True):
        if level == 0 and token.text == "\\\\":
            own = marks > 0 and _has_left_side(row)
            row = _without_number(trimmed(_visible(row)), text)
            if row:
                found.append(_Piece(tuple(row), (row[0].span[0], row[-1].span[1]), own))
            row, marks = [], 0
        elif level == 0 and token.text == "&" and token.kind == "char":
            marks += 1
            row.append(Token("mark", MARK if marks == 1 else COLUMN, token.span))
        else:
            row.append(token)
    return found


def _visible(row: Sequence[Token]) -> list[Token]:
    """A row without its alignment marks; one that begins another column between operands is a wide space."""
    out: list[Token] = []
    for i, token in enumerate(row):
        if token.kind != "mark":
            out.append(token)
        elif token.text == COLUMN and 0 < i < len(row) - 1 and not (_is_sign(row[i - 1]) or _is_sign(row[i + 1])):
            out.append(token._replace(kind="quad"))
    start = next((i for i, token in enumerate(out) if token.kind != "quad"), len(out))
    return out[start:]


def _is_sign(token: Token) -> bool:
    return token.kind == "mark" or token.text in RELATIONS or token.text in TERM_SIGNS or token.text in SIGNS


def _without_wrappers(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with a row break for each border of a display; an array only if all stands in it."""
    out: list[Token] = []
    open_: list[bool] = []                              # for each environment that is open: only layout?
    arrays = 0
    for i, token in enumerate(tokens):
        if token.kind == "begin":
            arrays += token.text == "array"
            is_layout = token.text in WRAPPERS or (token.text == "array" and arrays == 1 and _is_all(tokens, i))
            in_layout = (not open_ or open_[-1]) and not (out and out[-1].text == r"\{")
            open_.append(is_layout and in_layout)
        is_border = token.kind in ("begin", "end") and (open_[-1] if open_ else token.text in WRAPPERS)
        if is_border or token.kind == "intertext" or (token.text in FENCES and token.kind != "text"):
            out.append(Token("command", "\\\\", token.span))
        else:
            out.append(token)
        if token.kind == "end" and open_:
            open_.pop()
    return out


def _is_all(tokens: Sequence[Token], begin: int) -> bool:
    """Whether nothing but borders and full stops stands outside the environment that begins there."""
    def is_border(token: Token) -> bool:
        return token.kind in ("begin", "end") or token.text in FENCES or token.text in (".", ",", "\\\\")

    if not all(is_border(token) for token in tokens[:begin]):
        return False
    level = 0
    for i in range(begin, len(tokens)):
        level += (tokens[i].kind == "begin") - (tokens[i].kind == "end")
        if not level:
            return all(is_border(token) for token in tokens[i:]) and any(
                token.text in RELATIONS for token in tokens[begin:i])
    return False


def _without_number(row: list[Token], text: str) -> list[Token]:
    r"""A row without the (iii) before it, which stands apart: `(\text{iii}) \ \frac{...}`."""
    letters = [token for token in row[:8] if token.text not in (r"\mathrm", r"\mathbf", "{", "}", r"\rm")]
    said = ""
    for token in letters[1:]:
        if token.text == ")":
            break
        said += token.text
    if not row or row[0].text != "(" or said.strip() not in ROMAN:
        return row
    close = next((i for i, token in enumerate(row[:8]) if token.text == ")"), None)
    if close is None or close + 1 >= len(row):
        return row
    gap = text[row[close].span[1]:row[close + 1].span[0]]
    return row[close + 1:] if "\\" in gap or row[close + 1].kind == "quad" else row


# ---- rows that belong together ---------------------------------------------------------------------------------------

def _has_left_side(row: Sequence[Token]) -> bool:
    """Whether an alignment mark stands after something and right before a relation sign."""
    for before, token, after in zip(row, row[1:], row[2:], strict=False):
        if token.kind == "mark" and before.text not in RELATIONS and after.text in RELATIONS:
            return True
    return False


def _ending_sign(row: Sequence[Token]) -> int:
    """Of how many tokens the relation sign is that ends the row; 0 for none."""
    if len(row) > 1 and row[-1].tight and (row[-2].text, row[-1].text) in TWO_SIGNS:
        return 2
    if not row or row[-1].text not in RELATIONS:
        return 0
    if len(row) > 2 and (row[-2].text == r"\not" or row[-2].text == "}" or row[-3].text in STACKED):
        for back in range(2, min(len(row), 12) + 1):
            if row[-back].text in STACKED or row[-back].text == r"\not":
                return back
    return 1


def _with_moved_signs(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Where a row ends with =, the sign belongs to the next row."""
    found: list[_Piece] = []
    moved: tuple[Token, ...] = ()
    for place, piece in enumerate(pieces):
        tokens = piece.tokens
        piece = replace(piece, moved=() if tokens[0].text in RELATIONS or _begins_two(tokens) else moved)
        size = _ending_sign(tokens)
        moved = ()
        if size and place + 1 < len(pieces):
            moved = tokens[-size:]
            if size == len(tokens):
                moved = piece.moved or moved
                continue
            piece = replace(piece, tokens=tokens[:-size])
        found.append(piece)
    return found


def _begins_two(tokens: Sequence[Token]) -> bool:
    return len(tokens) > 1 and tokens[1].tight and (tokens[0].text, tokens[1].text) in TWO_SIGNS


def _balance(tokens: Sequence[Token], open_: list[str]) -> list[str] | None:
    """The brackets that are open after the tokens, the innermost last; None where one closes another kind."""
    open_ = list(open_)
    for i, token in enumerate(tokens):
        if token.text in OPENERS and token.kind in ("char", "command"):
            if not (token.text == r"\{" and i + 1 < len(tokens) and tokens[i + 1].kind == "begin"):
                open_.append(token.text)
        elif token.text in CLOSERS and token.kind in ("char", "command"):
            if token.text == r"\}" and i and tokens[i - 1].kind == "end":
                continue
            if not open_ or open_.pop() != CLOSERS[token.text]:
                return None
    return open_


def _joined(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Rows joined where one goes on with another: inside a bracket, or at a sign."""
    found: list[_Piece] = []
    i = 0
    while i < len(pieces):
        piece = pieces[i]
        last = _closed_at(pieces, i)
        for other in pieces[i + 1:last + 1]:
            piece = _together(piece, other)
        if found and not piece.moved and _goes_on(found[-1], piece):
            found[-1] = _together(found[-1], piece)
        else:
            found.append(piece)
        i = last + 1
    return found


def _closed_at(pieces: Sequence[_Piece], first: int) -> int:
    """The row where the brackets of this one are closed: another one, if no row between begins an equation."""
    open_ = _balance(pieces[first].tokens, [])
    at = first
    while open_:
        at += 1
        if at == len(pieces) or at > first + 40 or pieces[at].own or pieces[at].moved \
                or pieces[at].tokens[0].text in RELATIONS:
            return first
        if _relates_inside(pieces[at].tokens):
            return first
        open_ = _balance(pieces[at].tokens, open_)
    return first if open_ is None else at


def _relates_inside(tokens: Sequence[Token]) -> bool:
    """Whether there is an = before the bracket of an earlier row is closed: then that was left open by mistake."""
    depth = 0
    for token, level in zip(tokens, levels(tokens), strict=True):
        if level == 0 and token.kind in ("char", "command"):
            depth += (token.text in OPENERS) - (token.text in CLOSERS)
            if depth < 0:
                return False
            if depth == 0 and token.text == "=":
                return True
    return False


def _goes_on(before: _Piece, piece: _Piece) -> bool:
    """Whether a row is the continuation of the one before."""
    first, last = piece.tokens[0].text, before.tokens[-1].text
    if (first in SIGNS and not _begins_two(piece.tokens)) or last in TERM_SIGNS or last in SIGNS:
        return True
    return first in TERM_SIGNS and not piece.own


def _together(first: _Piece, second: _Piece) -> _Piece:
    return replace(first, tokens=(*first.tokens, *second.tokens), span=(first.span[0], second.span[1]))
