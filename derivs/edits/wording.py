"""A change of a text in words: how much of it is changed, the piece to be shown, and the sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from derivs.judgement import Edit
from derivs.reading.syntax import Span
from derivs.rules.mistakes import BY_NAME

SHORT: Final = 32                      # characters of a piece that is shown whole
EITHER: Final = "is missing or too many"             # the text says which
_TOKEN: Final = re.compile(r"\\[A-Za-z]+|[A-Za-z0-9]|\s+|.")


def distance(one: str, two: str) -> int:
    """How much text is changed: what differs between the longest common beginning and end, in signs."""
    a, b = ([t for t in _TOKEN.findall(text) if not t.isspace() and t not in ("{", "}")] for text in (one, two))
    head = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    a, b = a[head:], b[head:]
    tail = next((k for k, (x, y) in enumerate(zip(a[::-1], b[::-1], strict=False)) if x != y), min(len(a), len(b)))
    return max(len(a), len(b)) - tail


def narrowed(old: str, new: str, span: Span) -> Edit:
    """The edit, of a long piece only as much as differs, with all brackets closed."""
    if len(old) <= SHORT:
        return Edit(span, old, new)
    a, b = _TOKEN.findall(old), _TOKEN.findall(new)
    head = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    tail = next((k for k, (x, y) in enumerate(zip(a[head:][::-1], b[head:][::-1], strict=False)) if x != y),
                min(len(a), len(b)) - head)
    while head or tail:
        one, two = "".join(a[head:len(a) - tail]), "".join(b[head:len(b) - tail])
        before, behind = a[:head], a[len(a) - tail:]
        if one.strip() and _is_balanced(one) and _is_balanced(two) and not _is_cut(before, one, behind):
            start = span[0] + len("".join(a[:head]))
            return Edit((start, start + len(one)), one, two)
        if tail and (tail >= head or not head):
            tail -= 1
        else:
            head -= 1
    return Edit(span, old, new)


OPENING: Final = frozenset({"{", "(", "[", "\\left", "\\begin"})
CLOSING: Final = frozenset({"}", ")", "]", "\\right", "\\end"})


def _is_balanced(text: str) -> bool:
    depth = 0
    for sign in _TOKEN.findall(text):
        depth += (sign in OPENING) - (sign in CLOSING)
        if depth < 0:
            return False
    return depth == 0 and not text.lstrip().startswith(("_", "^")) and not text.rstrip().endswith(("_", "^", "\\frac"))


def _is_cut(before: Sequence[str], piece: str, behind: Sequence[str]) -> bool:
    """Whether a command and its arguments, or a name and its scripts, are torn apart: \\frac{a} is no formula."""
    last = next((sign for sign in reversed(before) if not sign.isspace()), "")
    following = next((sign for sign in behind if not sign.isspace()), "")
    return piece.lstrip().startswith("{") or last in ("_", "^") or following in ("{", "_", "^")


def sentence(mistakes: Sequence[str], edits: Sequence[Edit]) -> str:
    """a sign is wrong: write ... for ..."""
    grows = sum(len(edit.new) - len(edit.old) for edit in edits) > 0
    said = (BY_NAME[mistake].sentence.replace(EITHER, "is missing" if grows else "should not be here")
            for mistake in mistakes)
    return f"{'; '.join(dict.fromkeys(said))}: " + ", and ".join(dict.fromkeys(map(_written, edits)))


def _written(edit: Edit) -> str:
    old, new = " ".join(edit.old.split()), " ".join(edit.new.split())
    if not new:
        return f"take {old} away"
    return f"write {new} for {old}" if old and len(old) <= 2 * SHORT else f"write {new} here"


