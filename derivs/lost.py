"""What people lose where it cannot be solved for: whole paths of the chain rule, and what stands inside a sum.

Of a total derivative some paths may be missing, so every few of them are a guess. Inside a sum the unknown is one of
many that give the same total; guessed are an entry of anything at the indices at hand, and what stands under the sum
of a path. Nothing rests on a guess; it is proved later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Final

from derivs.affine import ONE as FIRST
from derivs.affine import symbol
from derivs.derive import Graph
from derivs.errors import DerivsError
from derivs.expr import Derivative, Entry, Expr, Mul, Sum, add, mul, reindex, walk
from derivs.problem import bar
from derivs.scope import ranges
from derivs.unknown import Binder, Opened, summand

MOST_PATHS: Final = 5                  # of a derivative of which every few are looked at


def paths(graph: Graph, left: Expr) -> Mapping[str, Expr]:
    """What comes to ∂L/∂x through each node that reads x, in the letters of the line; nothing for other sides."""
    match left:
        case Derivative(Entry(of), Entry(by, at), "total") if of == graph.problem.loss and by not in graph.upstream():
            try:
                found = graph.adjoint(by)
            except DerivsError:
                return {}
            letters = dict(zip(found.definition.indices, at, strict=True))
            return {node: reindex(value, letters) for node, value in found.paths.items()}
    return {}


def speaks_of_nodes(graph: Graph, right: Expr) -> bool:
    """Whether cotangents that are not given stand in it, as they do where the chain rule is written out."""
    nodes = {d.tensor for d in graph.problem.definitions}.difference(graph.upstream())
    cotangents = {bar(node) for node in nodes}
    return any(node.by.tensor in nodes if isinstance(node, Derivative) else
               isinstance(node, Entry) and node.tensor in cotangents for node in walk(right))


def some_of(found: Mapping[str, Expr]) -> Iterator[tuple[tuple[str, ...], Expr]]:
    """Every few of the paths, not all, the fewest first, with their sum."""
    if len(found) <= MOST_PATHS:
        for n in range(1, len(found)):
            for nodes in combinations(found, n):
                yield nodes, add(*(found[node] for node in nodes))


def cofactors(graph: Graph, left: Expr, truth: Expr, around: Opened) -> Iterator[Expr]:
    """What may be lost beside the coefficient: the other factors of the truth under such a sum, or an entry."""
    body = summand(truth, around.binders)
    if body is not None:
        own, there = _parts(around.coefficient), _parts(body)
        if all(factor in there for factor in own):
            yield mul(*(factor for factor in there if factor not in own))
    yield from _entries(graph, left, around.binders)


def _parts(expr: Expr) -> tuple[Expr, ...]:
    return expr.factors if isinstance(expr, Mul) else (expr,)


def _entries(graph: Graph, left: Expr, binders: Sequence[Binder]) -> Iterator[Expr]:
    """Everything at indices that are free or bound here, one of those bound here among them: cotangents first."""
    problem = graph.problem
    bound = {index: (low, high) for index, low, high in binders}
    at_hand = {**ranges(problem, (left,)), **bound}
    nodes = {d.tensor for d in problem.definitions}
    own = left.by.tensor if isinstance(left, Derivative) else ""
    cotangents = [name for name in problem.tensors if name in nodes and name not in (own, problem.loss)]
    values = [name for name, tensor in problem.tensors.items() if tensor.role != "cotangent"]
    for name, is_cotangent in (*((name, True) for name in cotangents), *((name, False) for name in values)):
        axes = [[letter for letter, (low, high) in at_hand.items() if low == FIRST and high == size]
                for size in problem.tensors[name].shape]
        for letters in product(*axes):
            if len({*letters}) == len(letters) and not bound.keys().isdisjoint(letters):
                yield Entry(bar(name) if is_cotangent else name, tuple(map(symbol, letters)))


def bodies(found: Mapping[str, Expr], binders: Sequence[Binder]) -> Iterator[Expr]:
    """What stands under the sum of a path, where it is such a sum as the unknown stands under."""
    for value in found.values():
        body = summand(value, tuple(binders))
        if body is not None:
            yield body


def summed(body: Expr, binders: Sequence[Binder]) -> Expr:
    """Σ_binders of it."""
    for index, low, high in reversed(binders):
        body = Sum(index, low, high, body)
    return body
