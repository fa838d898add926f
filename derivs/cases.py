"""Exercises made smaller, in which a claim may be easier: a binary number put in, short sums written out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from derivs.affine import Affine
from derivs.derive import Graph
from derivs.expr import (
    ONE,
    ZERO,
    Derivative,
    Expr,
    Sum,
    Tree,
    add,
    rebuild,
    reindex,
    replace_entries,
    tensors_in,
    walk,
)
from derivs.problem import Claim, Given, Problem
from derivs.unfold import reach

FEW: Final = 8                         # terms of a sum that is written out
MOST_NODES: Final = 400                # that it may have then


def cases(graph: Graph, claim: Claim) -> Iterator[tuple[Graph, Claim]]:
    """The claim with its first binary number put in, if it has one; nothing where it has none."""
    name = next(_numbers(graph, claim), None)
    if name is None:
        return
    for value in (ZERO, ONE):
        key = (name, value)
        if key not in graph.cases:
            graph.cases[key] = Graph(_with(graph.problem, name, value))
        yield graph.cases[key], Claim(_put(claim.left, name, value), _put(claim.right, name, value), tuple(
            Given(g.op, _side(g.left, name, value), _side(g.right, name, value)) for g in claim.given))


def written_out(graph: Graph, claim: Claim) -> tuple[Graph, Claim] | None:
    """The claim and the exercise with sums of a few terms, as over 1..2, written out; None if there are none."""
    small = Claim(short_sums(claim.left), short_sums(claim.right), claim.given)
    definitions = tuple(replace(d, value=short_sums(d.value)) for d in graph.problem.definitions)
    if small == replace(claim, where_left=False) and definitions == graph.problem.definitions:
        return None
    key = ("written out", ONE)
    if key not in graph.cases:
        graph.cases[key] = Graph(replace(graph.problem, definitions=definitions, targets=(), hands=()))
    return graph.cases[key], small


def short_sums(node: Expr, room: int = MOST_NODES) -> Expr:
    """Every sum of at most FEW terms written out, as long as the whole does not become long."""
    def short(part: Tree) -> Tree:
        inside = rebuild(part, short)
        if not isinstance(inside, Sum) or not (inside.high - inside.low).is_constant:
            return inside  # type: ignore[no-any-return]
        count = (inside.high - inside.low).constant + 1
        if not 0 < count <= FEW or sum(1 for _ in walk(inside.body)) * count > room:
            return inside
        return add(*(reindex(inside.body, {inside.index: inside.low + k}) for k in range(count)))

    return short(node)  # type: ignore[return-value]


def _numbers(graph: Graph, claim: Claim) -> Iterator[str]:
    """The binary numbers that are given and that nothing is differentiated by."""
    by = {node.by.tensor for side in (claim.left, claim.right) for node in walk(side) if isinstance(node, Derivative)}
    for name in sorted(reach(graph, tensors_in(claim.left) | tensors_in(claim.right))):
        tensor = graph.problem.tensors.get(name)
        if tensor is not None and tensor.role in ("constant", "target") and not tensor.shape and (
                "binary" in tensor.properties and name not in by):
            yield name


def _with(problem: Problem, name: str, value: Expr) -> Problem:
    definitions = tuple(replace(d, value=_put(d.value, name, value)) for d in problem.definitions)
    tensor = replace(problem.tensors[name], properties=frozenset())
    return replace(problem, definitions=definitions, tensors={**problem.tensors, name: tensor}, targets=(), hands=())


def _put(expr: Expr, name: str, value: Expr) -> Expr:
    return replace_entries(expr, lambda e: value if e.tensor == name else e)  # type: ignore[no-any-return]


def _side(side: Affine | Expr, name: str, value: Expr) -> Affine | Expr:
    return side if isinstance(side, Affine) else _put(side, name, value)
