"""A formula at given sizes with its sums written out, `x_1 g_1 + x_2 g_2`, and with numbers for its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from derivs.affine import affine
from derivs.expr import (
    ONE,
    ZERO,
    Apply,
    CompareIndex,
    Delta,
    Derivative,
    Entry,
    Expectation,
    Expr,
    Indicator,
    Largest,
    Mul,
    Number,
    Sum,
    Tree,
    add,
    children,
    rebuild,
    reindex,
)

Leaf = Entry | Derivative

MOST_TERMS = 8                         # of one sum


def spread(node: Tree) -> Tree:
    """The formula with its sums written out; those that are too long, or whose ends are not known, stay."""
    inside: Tree = node if isinstance(node, Derivative | Entry | Expectation) else rebuild(node, spread)
    match inside:
        case Sum(index, low, high, body) if _is_short(inside):
            return add(*_entries(index, low.constant, high.constant, body))
        case Largest(index, low, high, body) if _is_short(inside) and low.constant <= high.constant:
            first, *others = _entries(index, low.constant, high.constant, body)
            for other in others:
                first = Apply("max", (first, other))
            return first
        case Delta(left, right) if (left - right).is_constant:
            return ONE if left == right else ZERO
        case Indicator(CompareIndex(op, left, right)) if (left - right).is_constant:
            gap = (left - right).constant
            return ONE if {"<=": gap <= 0, "=": gap == 0, "!=": gap != 0}[op] else ZERO
    return inside


def _is_short(node: Sum | Largest) -> bool:
    return node.low.is_constant and node.high.is_constant and node.high.constant - node.low.constant < MOST_TERMS


def _entries(index: str, low: int, high: int, body: Expr) -> Iterator[Expr]:
    for k in range(low, high + 1):
        term = spread(reindex(body, {index: affine(k)}))
        assert not isinstance(term, CompareIndex)
        yield term  # type: ignore[misc]


def leaves(node: Tree) -> Iterator[Leaf]:
    """The entries and derivatives in a formula, in reading order; what stands inside a derivative is part of it."""
    if isinstance(node, Entry | Derivative):
        yield node
    else:
        for part in children(node):
            yield from leaves(part)


def with_values(node: Tree, value: Callable[[Leaf, bool], Entry], *, in_product: bool = False) -> Tree:
    """The formula with another entry for each of its leaves, which is told whether it is a factor of a product."""
    if isinstance(node, Entry | Derivative):
        return value(node, in_product)
    inside = isinstance(node, Mul) and sum(factor != Number(Fraction(-1)) for factor in node.factors) > 1
    changed: Tree = rebuild(node, lambda part: with_values(part, value, in_product=inside))
    return changed
