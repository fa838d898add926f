"""Where a long equation breaks: before + and -, inside the brackets of a long factor, and between factors if it must.

An equation is a list of lines; a line that continues the one above starts with its sign and stands further right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from derivs.box import (
    BESIDE,
    DOT,
    EQUALS,
    MINUS,
    PLUS,
    SIDE,
    THIN,
    Box,
    Fence,
    Guilty,
    Half,
    Mark,
    Row,
    is_tall,
    width,
)

INDENT = 2.0                           # em: how far a continued line stands from the relation


@dataclass(frozen=True, slots=True)
class Line:
    """left relation right; left is None where it is that of the line above, relation too where the line continues.

    under: a left side that leaves its room and is not printed, so that a chain over several displays stays aligned.
    """

    left: Box | None
    relation: Box | None
    right: Box
    under: Box | None = None


def equation(left: Box | None, right: Box, limit: float, *, under: Box | None = None) -> tuple[Line, ...]:
    """left = right over lines of at most about `limit` em; `under` is the left side that `left = None` stands under."""
    shown = left if left is not None else under
    margin = 1.34 + (width(shown) if shown is not None else 0)
    if margin > limit / 2:                             # a long left side stands on a line of its own
        first, *others = broken(right, limit - 4)
        head = () if left is None else (Line(left, None, Row(())),)
        return *head, Line(None, EQUALS, first), *(Line(None, None, row) for row in others)
    first, *others = broken(right, limit - margin)
    return Line(left, EQUALS, first, under), *(Line(None, None, row) for row in others)


def chain(sides: Sequence[Box | None], relations: Sequence[Box], limit: float,
          behind: Box | None = None) -> tuple[Line, ...]:
    """a = b = c over lines of at most about `limit` em, in one where it fits. behind: what follows, as a condition."""
    left, *others = sides
    whole = [part for pair in zip(relations, others, strict=True) for part in pair if part is not None]
    row = Row(tuple(filter(None, (*whole[1:], behind))))
    if relations and width(row) + (width(left) if left is not None else 0) + 1.34 <= limit:
        return (Line(left, relations[0], row),)
    margin = 1.34 + (width(left) if left is not None else 0)
    lines: list[Line] = []
    if left is not None and (margin > limit / 2 or not relations):
        lines, left, margin = [*_alone(left, limit)], None, INDENT
    for relation, side in zip(relations, others, strict=True):
        first, *more = broken(side if side is not None else Row(()), limit - margin)
        lines += [Line(left, relation, first), *(Line(None, None, one) for one in more)]
        left = None
    if behind is not None:
        below = Row(behind.parts[1:]) if isinstance(behind, Row) and isinstance(behind.parts[0], Mark) else behind
        lines += [Line(None, None, one) for one in broken(below, limit - margin)]
    return tuple(lines)


def _alone(box: Box, limit: float) -> Iterator[Line]:
    """A formula, or a left side, on lines of its own."""
    first, *others = broken(box, limit)
    yield Line(first, None, Row(()))
    yield from (Line(None, None, one) for one in others)


def broken(box: Box, room: float) -> list[Box]:
    """The box on one line if there is room, else on several."""
    if width(box) <= room:
        return [box]
    lines: list[list[Box]] = [[]]
    used = 0.0
    for chunk in _chunks(box, room - INDENT):
        size = width(chunk)
        if lines[-1] and used + size > room:
            lines.append([])
            used = INDENT
        lines[-1].append(chunk)
        used += size
    return [_joined(line, first=k == 0) for k, line in enumerate(lines)]


def _joined(chunks: list[Box], *, first: bool) -> Box:
    """The chunks of a line as one row; a product sign that a line starts with is written."""
    row = [part for chunk in chunks for part in (chunk.parts if isinstance(chunk, Row) else (chunk,))]
    if not first and row[0] in (BESIDE, THIN, DOT):
        row[0] = Mark("times")
    return row[0] if len(row) == 1 else Row(tuple(row))


def _chunks(box: Box, room: float) -> Iterator[Box]:
    """The pieces between which a line may break, in order."""
    if width(box) <= room or not isinstance(box, Row | Fence | Guilty):
        yield box
    elif isinstance(box, Guilty):
        yield from map(_guilty, _chunks(box.body, room))
    elif isinstance(box, Fence) and box.kind == "{":
        yield from _chunks(box.body, room)
    elif isinstance(box, Fence):
        inner = list(_chunks(box.body, room))
        tall = is_tall(box.body)
        inner[0] = _glued(Half(box.kind, True, tall), inner[0])
        inner[-1] = _glued(inner[-1], Half(box.kind, False, tall))
        yield from inner
    elif any(part in (PLUS, MINUS) for part in box.parts):
        sign: list[Box] = []
        for part in box.parts:
            if part in (PLUS, MINUS):
                sign = [part]
            else:
                head, *rest = _chunks(part, room)
                yield _glued(*sign, head)
                yield from rest
                sign = []
    else:
        prefix: list[Box] = []
        for part in box.parts:
            if isinstance(part, Fence | Row | Guilty) and width(part) > room:
                head, *rest = _chunks(part, room)
                yield _glued(*prefix, head)
                yield from rest[:-1]
                prefix = rest[-1:]
            elif part in (BESIDE, THIN, DOT, SIDE) and sum(map(width, prefix)) > room / 2:
                yield _glued(*prefix)
                prefix = [part]
            else:
                prefix.append(part)
        if prefix:
            yield _glued(*prefix)


def _guilty(chunk: Box) -> Box:
    """A piece of what is marked; the sign before it keeps its room."""
    if isinstance(chunk, Row) and isinstance(chunk.parts[0], Mark):
        return Row((chunk.parts[0], Guilty(_glued(*chunk.parts[1:]))))
    return Guilty(chunk)


def _glued(*boxes: Box) -> Box:
    """Boxes side by side in one row."""
    row = tuple(part for box in boxes for part in (box.parts if isinstance(box, Row) else (box,)))
    return row[0] if len(row) == 1 else Row(row)
