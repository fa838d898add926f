"""The nouns of written mathematics: what stands on the page, before anything is said of what it means.

A tree of these says only how the signs hang together; `x_{in}` is a base with a subscript whether `in` is two indices
or a word, and `\\sigma(x)` is two factors side by side. Every node knows its place in the author's text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Span = tuple[int, int]                 # characters of the author's text, from and up to


@dataclass(frozen=True, slots=True)
class Name:
    r"""One letter (`x`), or a command that stands for one (`\mu`, `\partial`, `\top`): `text` is `x`, `mu`, `partial`.

    A Unicode letter or sign is its command: μ is `mu`, ∂ is `partial`, ℓ is `ell`.
    """

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Word:
    r"""Several letters that are one name: `\mathrm{softmax}`, `\operatorname{diag}`, `\log`, `\text{loss}`."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Numeral:
    """Digits, with a point or without: `2`, `0.5`."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Text:
    r"""Prose inside a formula, `\text{ if }`, and signs that say nothing of their own: `\dots`, `\forall`, `:`."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Sign:
    r"""A sign between factors: `cdot`, `times`, `*`, `/`, `odot`, `circ`, `otimes`, `oslash`, `bullet`, `:`, `div`.

    below: the subscript of `*_{full}`, as its letters: `full`.
    """

    text: str
    span: Span
    below: str = ""


@dataclass(frozen=True, slots=True)
class Accent:
    r"""`\hat{x}`: kind is `hat`, `tilde`, `bar`, `dot`, `ddot`, `vec`, `check`, `breve`."""

    kind: str
    body: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Styled:
    r"""`\mathbf{x}`: style is `bf`, `cal`, `rm`, `bb`, `sf`, `frak`, `scr`, `it`, `tt`."""

    style: str
    body: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Scripts:
    """A base with what stands below and above it, and its primes."""

    base: Node
    below: Node | None
    above: Node | None
    primes: int
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    r"""Something in brackets. kind: `(`, `[`, `{` (invisible TeX braces), `\{`, `|`, `\|`, `<` (`\langle`), `floor`.

    items: what stands between commas or semicolons; one item if there are none.
    """

    kind: str
    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Fraction:
    r"""`\frac{over}{under}`, in any spelling but the slash."""

    over: Node
    under: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Root:
    r"""`\sqrt[degree]{body}`."""

    body: Node
    degree: Node | None
    span: Span


@dataclass(frozen=True, slots=True)
class Big:
    r"""A sign with a body: kind is `sum`, `prod`, `int`, and `max`, `min`, `argmax`, `argmin` with something below.

    The body is the rest of the term: it ends before the next +, - or relation of the same level, and at a bracket.
    """

    kind: str
    below: Node | None
    above: Node | None
    body: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Product:
    """Factors and the signs between them, as they stand; two factors without a sign are side by side."""

    parts: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms with their signs, +1 or -1 (0 for the sign ± or ∓)."""

    terms: tuple[tuple[int, Node], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Relation:
    r"""a = b <= c: one sign less than there are sides. A side is None where nothing stands there (a leading `=`).

    signs: `=`, `==`, `:=`, `<`, `>`, `<=`, `>=`, `!=`, `in`, `notin`, `approx`, `propto`, `sim`, `equiv`, `to`, `=>`,
    `<=>`, `therefore`, `subset`, `mid`; spans are those of the signs.
    """

    sides: tuple[Node | None, ...]
    signs: tuple[str, ...]
    spans: tuple[Span, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Cases:
    r"""`\begin{cases} value & condition \\ ... \end{cases}`. A condition is a Row of texts and relations, or None."""

    rows: tuple[tuple[Node, Node | None], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Matrix:
    r"""`\begin{bmatrix} a & b \\ c & d \end{bmatrix}`."""

    rows: tuple[tuple[Node, ...], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Row:
    r"""Things beside each other that are no product: `j = i \text{ and } x_j > 0`, and what commas separate."""

    parts: tuple[Node, ...]
    span: Span


Node = (Name | Word | Numeral | Text | Sign | Accent | Styled | Scripts | Group | Fraction | Root | Big | Product | Sum
        | Relation | Cases | Matrix | Row)


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts, in reading order."""
    match node:
        case Accent(_, body) | Styled(_, body):
            return (body,)
        case Scripts(base, below, above):
            return tuple(part for part in (base, below, above) if part is not None)
        case Group(_, items):
            return items
        case Fraction(over, under):
            return (over, under)
        case Root(body, degree):
            return (body,) if degree is None else (degree, body)
        case Big(_, below, above, body):
            return tuple(part for part in (below, above, body) if part is not None)
        case Product(parts) | Row(parts):
            return parts
        case Sum(terms):
            return tuple(term for _, term in terms)
        case Relation(sides):
            return tuple(side for side in sides if side is not None)
        case Cases(rows):
            return tuple(part for row in rows for part in row if part is not None)
        case Matrix(rows):
            return tuple(part for row in rows for part in row)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all its parts, in reading order, without recursion."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(children(top)))
