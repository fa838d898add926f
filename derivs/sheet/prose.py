"""What an exercise says of itself as running text: its letters as mathematics, and no formula twice.

Descriptions are plain text, because they are docstrings: "y_i = x_i m_i, for a mask m". The forward pass prints the
definitions, so a clause that only defines a node is left out; a letter of the exercise is set as it prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from derivs.affine import symbol
from derivs.box import Box
from derivs.expr import Entry
from derivs.layout import form_layout, layout, name_layout
from derivs.problem import Problem
from derivs.sheet.blocks import Text

LETTER = re.compile(r"(?<![\w\\])([A-Za-z][A-Za-z0-9]*)(?:_([A-Za-z0-9]+))?(?![\w{(])")
CLAUSES = re.compile(r"(?<=[:;])\s+|(?<=\.)\s+(?=[A-Z])")
WORDS = frozenset({"a", "A", "I"})                     # a letter that is a word in a sentence


def prose(paragraph: str, problem: Problem) -> Text:
    """The paragraph without the clauses that define nodes; empty where nothing is left."""
    nodes = "|".join(re.escape(d.tensor) for d in problem.definitions)
    defines = re.compile(rf"(?<!\w)(?:{nodes})(?:_\w+)? = ") if nodes else re.compile("(?!)")
    kept: list[str] = []
    for clause in CLAUSES.split(" ".join(paragraph.split())):
        if not defines.search(clause):
            kept.append(clause)
        elif kept:
            kept[-1] = re.sub(r"[:;]$", ".", kept[-1])
    text = re.sub(r"[:;]$", ".", " ".join(kept))
    return () if text.rstrip(".") == problem.title else tuple(_set(text, problem))


def _set(text: str, problem: Problem) -> Iterator[str | Box]:
    """Text and letters of the exercise, in turn."""
    end = 0
    for found in LETTER.finditer(text):
        box = _letter(found[1], found[2] or "", problem)
        if box is not None:
            if text[end:found.start()]:
                yield text[end:found.start()]
            yield box
            end = found.end()
    if text[end:]:
        yield text[end:]


def _letter(name: str, subscripts: str, problem: Problem) -> Box | None:
    """The box of a tensor, an entry of one, or a size; None for a word."""
    tensor = problem.tensors.get(name)
    if tensor is not None and tensor.role != "cotangent" and len(subscripts) == len(tensor.shape) > 0:
        return layout(Entry(name, tuple(map(symbol, subscripts))), problem)
    if subscripts or name in WORDS:
        return None
    if tensor is not None and tensor.role != "cotangent":
        return name_layout(tensor)
    return form_layout(symbol(name)) if name in problem.sizes else None
