"""From what an author wrote, as it was read, to boxes: in the author's own order and notation, nothing passed on raw.

A document is made of these boxes alone, so no TeX, HTML or Typst of an author's reaches it. A piece that is to be
looked at is marked where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final, cast

from derivs import box as boxes
from derivs.box import COMMA, MINUS, PLUS, SIDE, Box, Fence, Guilty, Letter, Mark
from derivs.lines import Line, chain
from derivs.reading.syntax import (
    Accent,
    Big,
    Cases,
    Fraction,
    Group,
    Matrix,
    Name,
    Node,
    Numeral,
    Product,
    Relation,
    Root,
    Row,
    Scripts,
    Sign,
    Span,
    Styled,
    Sum,
    Text,
    Word,
    children,
    walk,
)

SIGNS: Final = {"cdot": "dot", "times": "by"}                    # signs whose box has another name
LETTERS: Final = {"epsilon": "lunate", "varepsilon": "epsilon"}
TEXTS: Final[dict[str, Box]] = {"...": Mark("dots"), "forall": Letter("forall"), "exists": Letter("exists"),
                                "+": PLUS, "-": MINUS, ":": Mark(":")}
TERMS: Final = {1: PLUS, -1: MINUS, 0: Mark("+-")}
WIDE: Final = Mark("wide")
MOST_BRACKETS: Final = 8               # inside each other: where they are more, a formula stands on one line
LAST_LETTER: Final = 0x0530            # letters up to here are in every font


def rendered(node: Node, guilty: Sequence[Span] = ()) -> Box:
    """The box of a formula; what stands wholly in one of the spans is marked."""
    return _Writer(tuple(guilty)).box(node)


def rendered_lines(node: Node, limit: float, guilty: Sequence[Span] = ()) -> tuple[Line, ...]:
    """The formula over lines of at most about `limit` em, aligned at its relations."""
    writer = _Writer(tuple(guilty))
    if _brackets(node) > MOST_BRACKETS:
        limit = inf
    first, *others = node.parts if isinstance(node, Row) else (node,)
    if not isinstance(first, Relation):
        return chain((writer.box(node),), (), limit)
    behind = [] if not others else writer.separated((first, *others))[1:]
    return chain(*writer.chain(first), limit, _row(behind) if behind else None)


def _brackets(node: Node) -> int:
    """How many brackets are inside each other."""
    deepest, stack = 0, [(node, 0)]
    while stack:
        top, depth = stack.pop()
        depth += isinstance(top, Group)
        deepest = max(deepest, depth)
        stack += [(part, depth) for part in children(top)]
    return deepest


def is_clear(node: Node) -> bool:
    """Whether the tree says all that was written: not which of ± and ∓ it was."""
    return not any(isinstance(part, Sum) and any(sign == 0 for sign, _ in part.terms) for part in walk(node))


def printable(text: str) -> str:
    """Text of an author's; a character that steers a printer or a terminal is named by its number."""
    return "".join(c if c.isprintable() else f"[U+{ord(c):04X}]" for c in text)


def _in_fonts(text: str) -> str:
    """Prose inside a formula, in letters that the fonts of formulas have."""
    return "".join(c if c.isprintable() and ord(c) < LAST_LETTER else f"[U+{ord(c):04X}]" for c in text)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Where the marks are, and whether we are in a script."""

    guilty: tuple[Span, ...]
    script: bool = False

    def box(self, node: Node) -> Box:
        """A node with its mark."""
        if not self.guilty:
            return self.plain(node)
        start, end = node.span
        around = [one for one in self.guilty if one[0] < end and start < one[1]]
        if any(one[0] <= start and end <= one[1] for one in around) or (around and not children(node)):
            return Guilty(replace(self, guilty=()).plain(node))
        return replace(self, guilty=tuple(around)).plain(node)

    def small(self, node: Node | None) -> Box | None:
        """What stands below or above something."""
        return None if node is None else replace(self, script=True).box(node)

    def plain(self, node: Node) -> Box:
        match node:
            case Name(text):
                return Letter(LETTERS.get(text, text))
            case Word(text):
                return boxes.Word(text, "name" if self.script and text.isalpha() else "operator")
            case Numeral(text):
                return boxes.Digits(text)
            case Text(text):
                return TEXTS.get(text) or boxes.Word(_in_fonts(text), "prose")
            case Sign(text, _, below):
                mark = Mark(SIGNS.get(text, text))
                return boxes.Scripts(mark, boxes.Word(below, "name")) if below else mark
            case Accent(kind, body):
                return boxes.Accent(kind, self.box(body))
            case Styled(style, body):
                return boxes.Styled(cast("boxes.Style", style), self.box(body))
            case Scripts():
                return self.scripts(node)
            case Group():
                return self.group(node)
            case Fraction(over, under):
                return boxes.Fraction(self.box(over), self.box(under))
            case Root(body, degree):
                return boxes.Root(self.box(body), self.small(degree))
            case Big() | Product():
                return _row(_merged(self.factors(node)))
            case Sum():
                return _row(_merged(self.terms(node)))
            case Relation():
                return self.relation(node)
            case Cases(rows):
                return boxes.Table("cases", tuple(
                    tuple(self.box(part) for part in row if part is not None) for row in rows))
            case Matrix(cells):
                return boxes.Table("matrix", tuple(tuple(map(self.box, row)) for row in cells))
            case Row(parts):
                return _row(self.separated(parts))

    # ---- the parts of a node

    def scripts(self, node: Scripts) -> Box:
        r"""`x_i'^2`: the primes stand before what is above."""
        base = self.held(node.base, (Product, Sum, Relation, Row, Big, Scripts))
        below, above = self.small(node.below), self.small(node.above)
        if not node.primes:
            return boxes.Scripts(base, below, above)
        primes = boxes.Row((Letter("prime"),) * node.primes)
        inner = boxes.Scripts(base, below, primes)
        return inner if above is None else boxes.Scripts(inner, None, above)

    def group(self, node: Group) -> Box:
        kind = cast("boxes.Bracket", node.kind)
        if kind != "{" and len(node.items) == 1 and isinstance(node.items[0], Matrix):
            table = self.plain(node.items[0])
            assert isinstance(table, boxes.Table)
            return Fence(kind, replace(table, kind="bare"))
        row = [part for item in node.items for part in (COMMA, self.box(item))][1:]
        return Fence(kind, _row(row))

    def factors(self, node: Product | Big) -> Iterator[Box]:
        """Side by side; a sum sign stands before the factors of its body."""
        if isinstance(node, Big):
            yield self.limits(node)
            yield from self.last(node.body)
            return
        before: Node | None = None
        for part in node.parts:
            if before is not None and not isinstance(part, Sign) and not _is_close(before):
                yield SIDE
            if part is node.parts[-1] and isinstance(part, Big):
                yield from self.last(part)
            elif isinstance(before, Sign) and _is_negative(part):
                yield self.box(part)
            elif isinstance(before, Numeral) and _starts_with_digit(part):
                yield Fence("{", self.box(part))
            else:
                yield self.held(part, (Product, Sum, Relation, Row, Big))
            before = part

    def limits(self, node: Big) -> Box:
        """The sign with its range, which is marked where all of it is."""
        start = node.span[0]
        end = max([start + 1, *(part.span[1] for part in (node.below, node.above) if part is not None)])
        is_guilty = any(one[0] <= start and end <= one[1] for one in self.guilty)
        pen = replace(self, guilty=()) if is_guilty else self
        sign = boxes.Limits(cast("boxes.Operator", node.kind), pen.small(node.below), pen.small(node.above))
        return Guilty(sign) if is_guilty else sign

    def last(self, node: Node) -> Iterator[Box]:
        """What ends a product: nothing that follows could be taken for a part of it."""
        box = self.box(node)
        yield from box.parts if isinstance(node, Product | Big) and isinstance(box, boxes.Row) else (box,)

    def terms(self, node: Sum) -> Iterator[Box]:
        for k, (sign, term) in enumerate(node.terms):
            if k or sign != 1:
                yield TERMS[sign]
            yield self.box(term) if _is_negative(term) else self.held(term, (Sum, Relation, Row))

    def held(self, node: Node, loose: tuple[type[Node], ...]) -> Box:
        """In braces that are not seen, where it would come apart."""
        box = self.box(node)
        return Fence("{", box) if isinstance(node, loose) else box

    def chain(self, node: Relation) -> tuple[list[Box | None], list[Box]]:
        """The sides of a relation and the signs between them."""
        sides = [None if side is None else self.held(side, (Relation, Row)) for side in node.sides]
        signs: list[Box] = []
        for sign, span in zip(node.signs, node.spans, strict=True):
            is_guilty = any(start <= span[0] and span[1] <= end for start, end in self.guilty)
            signs.append(Guilty(Mark(sign)) if is_guilty else Mark(sign))
        return sides, signs

    def relation(self, node: Relation) -> Box:
        sides, signs = self.chain(node)
        row = [part for pair in zip(sides, (*signs, None), strict=True) for part in pair]
        return _row([part for part in row if part is not None])

    def separated(self, parts: Sequence[Node]) -> list[Box]:
        """Commas between formulas, spaces around prose."""
        row: list[Box] = []
        before: Node | None = None
        for part in parts:
            if before is not None:
                row.append(self.between(before, part))
            row.append(self.box(part))
            before = part
        return row

    def between(self, before: Node, part: Node) -> Mark:
        """A comma; a space beside words, unless they have one."""
        if not (self.is_prose(before) or self.is_prose(part)):
            return COMMA
        has_space = (isinstance(before, Text) and before.text[-1:].isspace()) or (
            isinstance(part, Text) and part.text[:1].isspace())
        return SIDE if has_space else WIDE

    def is_prose(self, node: Node) -> bool:
        """Words; in a script a sign alone is no word, U_{:,w}."""
        return isinstance(node, Text) and node.text not in (("...", "+", "-", ":") if self.script else ("...",))


def _row(parts: Sequence[Box]) -> Box:
    return parts[0] if len(parts) == 1 else boxes.Row(tuple(parts))


def _merged(parts: Iterator[Box]) -> list[Box]:
    """Marked pieces beside each other are one marked piece, the sign between them included."""
    row: list[Box] = []
    for part in parts:
        count = 2 if len(row) > 1 and isinstance(row[-1], Mark) else 1
        if isinstance(part, Guilty) and row and isinstance(row[-count], Guilty):
            pieces = [*row[-count:], part]
            row[-count:] = [Guilty(boxes.Row(tuple(inner for piece in pieces for inner in _inside(piece))))]
        else:
            row.append(part)
    return row


def _inside(box: Box) -> tuple[Box, ...]:
    """What is marked, piece by piece; a sign as it is."""
    if isinstance(box, Guilty):
        box = box.body
    return box.parts if isinstance(box, boxes.Row) else (box,)


def _is_negative(node: Node) -> bool:
    """A factor or term with a minus of its own: `a \\times -b`."""
    return isinstance(node, Sum) and len(node.terms) == 1


def _is_close(node: Node) -> bool:
    """What stands close to the next factor: a sign, ∂ and ∇."""
    return isinstance(node, Sign) or (isinstance(node, Name) and node.text in ("partial", "nabla"))


def _starts_with_digit(node: Node) -> bool:
    return isinstance(node, Numeral) or (isinstance(node, Scripts) and _starts_with_digit(node.base))
