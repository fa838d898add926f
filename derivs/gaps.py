r"""Where in a written formula something may be missing: beside a term, after the last term, in place of a factor.

A gap is first filled with an unknown, in the syntax; then with what was found, in the author's own text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from derivs.expr import Add, Expr, Mul, Sum, negate
from derivs.house_style import is_negative
from derivs.judgement import Edit
from derivs.latex import latex
from derivs.problem import Problem
from derivs.reading.syntax import Big, Fraction, Group, Node, Product, Sign, walk
from derivs.reading.syntax import Sum as Terms

Way = Literal["beside", "after", "instead", "with"]
Noun = Literal["factor", "term"]

BEFORE: Final = tuple(rf"\{size}{side}" for size in ("left", "bigg", "Bigg", "big", "Big") for side in ("l", ""))


@dataclass(frozen=True, slots=True)
class Gap:
    """A factor beside a node, a term after it, either of them in its stead, or a term in brackets with a factor."""

    node: Node
    way: Way
    noun: Noun


def gaps(root: Node) -> list[Gap]:
    """Those of a right side, outermost first: what may be missing, then what may stand for something else.

    Nothing stands for the whole.
    """
    found = [*([Gap(root, "beside", "factor")] if isinstance(root, Terms) else []), *_of_terms(root)]
    missing = [gap for gap in found if gap.way in ("beside", "after")]
    return [*missing, *(gap for gap in found if gap.way == "instead" and gap.node is not root),
            *(gap for gap in found if gap.way == "with")]


def _of_terms(node: Node) -> Iterator[Gap]:
    """The gaps of a term, or of a sum of terms."""
    yield Gap(node, "after", "term")
    terms = [term for _, term in node.terms] if isinstance(node, Terms) else [node]
    for term in terms:
        yield Gap(term, "beside", "factor")
        if len(terms) > 1:
            yield Gap(term, "instead", "term")
    for term in terms:
        yield from _within(term)


def _within(term: Node) -> Iterator[Gap]:
    """The gaps further in: of its factors, in its brackets, above its bar, in the body of its sum."""
    match term:
        case Product(parts):
            factors = [part for part in parts if not isinstance(part, Sign)]
            yield from (Gap(part, "instead", "factor") for part in factors if not isinstance(part, Big))
            yield from (Gap(part, "with", "term") for part in factors if not isinstance(part, Big | Group))
            for part in factors:
                yield from _within(part)
        case Group(kind, (Terms() as inside,)) if kind in "([{":
            yield from _of_terms(inside)
        case Group(kind, (inside,)) if kind in "([{":
            yield from _within(inside)
        case Fraction(Terms() as over, _):
            yield from _of_terms(over)
        case Big("sum", _, _, body):
            yield from _of_terms(body)


def filled(node: Node, gap: Gap, hole: Node) -> Node:
    """The formula with `hole` in the gap."""
    if node is gap.node:
        return _with_hole(node, gap.way, hole)
    if not any(part is gap.node for part in walk(node)):
        return node
    return _rebuilt(node, lambda part: filled(part, gap, hole))


def _with_hole(node: Node, way: Way, hole: Node) -> Node:
    match way, node:
        case "instead", _:
            return hole
        case "with", _:
            return Group("(", (Terms(((1, node), (1, hole)), node.span),), node.span)
        case "after", Terms(terms):
            return replace(node, terms=(*terms, (1, hole)))
        case "after", _:
            return Terms(((1, node), (1, hole)), node.span)
        case _, Product(parts):
            return Product((hole, *parts), node.span)
        case _, Terms():
            return Product((hole, Group("(", (node,), node.span)), node.span)
        case _:
            return Product((hole, node), node.span)


def _rebuilt(node: Node, part: Callable[[Node], Node]) -> Node:
    """The node with its parts changed: those in which gaps are."""
    match node:
        case Group(_, items):
            return replace(node, items=tuple(map(part, items)))
        case Fraction(over):
            return replace(node, over=part(over))
        case Big():
            return replace(node, body=part(node.body))
        case Product(parts):
            return replace(node, parts=tuple(map(part, parts)))
        case Terms(terms):
            return replace(node, terms=tuple((sign, part(term)) for sign, term in terms))
        case _:
            return node


# ---- in the author's text --------------------------------------------------------------------------------------------

def edits(problem: Problem, written: str, offset: int, gap: Gap, value: Expr) -> tuple[Edit, ...]:
    """What to write in the gap. written: the author's text, whose first character is number `offset` of the spans."""
    start, end = beginning(written, gap.node.span[0] - offset), gap.node.span[1] - offset
    match gap.way:
        case "after":
            return (_put_in(end + offset, _term(problem, value)),)
        case "with":
            return (_put_in(start + offset, r"\left( "), _put_in(end + offset, rf"{_term(problem, value)} \right)"))
        case "beside" if isinstance(gap.node, Terms):
            return (_put_in(start + offset, rf"{_factor(problem, value)} \left( "), _put_in(end + offset, r" \right)"))
        case "beside":
            return (_put_in(start + offset, _factor(problem, value) + " "),)
        case _:
            return (Edit((start + offset, end + offset), written[start:end], _factor(problem, value)),)


def _put_in(at: int, new: str) -> Edit:
    return Edit((at, at), "", new)


def _term(problem: Problem, value: Expr) -> str:
    """With its sign before it."""
    sign, term = ("-", negate(value)) if is_negative(value) else ("+", value)
    new = latex(term, problem)
    return f" {sign} {_bracketed(new) if sign == '-' and isinstance(term, Add) else new}"


def _factor(problem: Problem, value: Expr) -> str:
    """In brackets where what stands around would read it otherwise: it adds, has a sign, or ends in a sum's body."""
    factors = value.factors if isinstance(value, Mul) else (value,)
    must = isinstance(value, Add) or is_negative(value) or any(isinstance(factor, Sum) for factor in factors)
    return _bracketed(latex(value, problem)) if must else latex(value, problem)


def _bracketed(written: str) -> str:
    return rf"\left( {written} \right)"


def beginning(written: str, start: int) -> int:
    r"""Where a bracket begins: with the \left before it."""
    return next((start - len(word) for word in BEFORE if written[:start].endswith(word)), start)


def edited(written: str, offset: int, whole: Node, changes: Sequence[Edit]) -> str:
    """The text of a formula with edits made in it."""
    at, pieces = beginning(written, whole.span[0] - offset), []
    for change in changes:
        low, high = change.span[0] - offset, change.span[1] - offset
        pieces += [written[at:low], change.new]
        at = high
    return "".join((*pieces, written[at:whole.span[1] - offset]))
