"""Sums that may be empty around a division: where they are empty, what is divided by does not matter.

sum_{k=2}^m 1/(m-1) is 0 at m = 1, not undefined. The normal form takes 1/(m-1) out of the sum, so what it proves holds
where the sum has terms; the sizes at which it has none are proved apart.
"""

from __future__ import annotations

from collections.abc import Iterator

from derivs.affine import Affine, symbol
from derivs.derive import Graph
from derivs.expr import Apply, Cases, Expr, Largest, Number, Pow, Sum, Tree, children, tensors_in, walk
from derivs.normal.context import Context
from derivs.unfold import reach


def shields(graph: Graph, context: Context, *formulas: Expr) -> frozenset[Affine | None]:
    """For each such sum in the formulas and in the definitions, the form that is negative where it is empty.

    None stands for a sum whose bounds hold a bound index: its emptiness cannot be said from outside.
    """
    found: set[Affine | None] = set()
    for formula in formulas:
        found.update(_shields(graph, context, formula, frozenset()))
    known = of_sizes(graph, context)
    if known not in graph.shields:                 # once for an exercise, not once for a claim
        graph.shields[known] = frozenset(
            length for d in graph.problem.definitions for length in _shields(
                graph, graph.inside(d.tensor, d.indices).assume(known), d.value, frozenset(d.indices)))
    return frozenset(found) | graph.shields[known]


def of_sizes(graph: Graph, context: Context) -> tuple[Affine, ...]:
    """What the context knows of sizes alone, which holds in definitions too."""
    sizes = frozenset(graph.problem.sizes)
    return tuple(sorted((fact for fact in context.facts if fact.names <= sizes), key=lambda fact: fact.key))


def _shields(graph: Graph, context: Context, node: Tree, bound: frozenset[str]) -> Iterator[Affine | None]:
    if isinstance(node, Sum):
        length = node.high - node.low
        if context.implies(-length - 1):
            return                                  # it is empty: nothing in it is looked at
        if not context.implies(length) and _may_fail(graph, node.body):
            yield None if length.names & bound else length
        k = symbol(node.index)
        context, bound = context.assume((k - node.low, node.high - k)), bound | {node.index}
    for part in children(node):
        yield from _shields(graph, context, part, bound)


def _may_fail(graph: Graph, body: Expr) -> bool:
    """Whether something in it, or in a definition below it, may have no value."""
    definitions = (graph.definition(name) for name in reach(graph, tensors_in(body)))
    trees = (body, *(d.value for d in definitions if d is not None))
    return any(_fails(node) for tree in trees for node in walk(tree))


def _fails(node: Tree) -> bool:
    match node:
        case Pow(_, Number(exponent)):
            return exponent < 0 or exponent.denominator > 1
        case Apply("log", _) | Pow() | Largest() | Cases(_, None):
            return True
        case _:
            return False
