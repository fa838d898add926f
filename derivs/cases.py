"""A claim about a binary number holds where it holds for 0 and for 1: two exercises in which it is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derivs.affine import Affine
from derivs.derive import Graph
from derivs.expr import ONE, ZERO, Derivative, Expr, replace_entries, tensors_in, walk
from derivs.problem import Claim, Given, Problem
from derivs.unfold import reach


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
