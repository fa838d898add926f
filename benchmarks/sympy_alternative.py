"""The same question put to plain SymPy: differentiate an `Indexed` / `Sum` expression, simplify, compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derivs.affine import symbol
from derivs.border import to_sympy
from derivs.derive import Graph
from derivs.expr import Derivative, Entry, Expr, Sum, add, mul, reindex, replace_entries
from derivs.problem import Claim, bar


def _inlined(graph: Graph, expr: Expr, keep: frozenset[str] = frozenset()) -> Expr:
    """The expression with every node replaced by its definition: SymPy has no graph."""
    def value(entry: Entry) -> Expr:
        definition = graph.problem.definition(entry.tensor)
        if definition is None or entry.tensor in keep:
            return entry
        body: Expr = reindex(definition.value, dict(zip(definition.indices, entry.at, strict=True)))
        return _inlined(graph, body, keep)
    result: Expr = replace_entries(expr, value)
    return result


def question(graph: Graph, claim: Claim) -> tuple[Any, Any, Any] | None:
    """(function, variable, answer) in SymPy; None for a claim that is no total derivative by an input."""
    left = claim.left
    problem = graph.problem
    if not isinstance(left, Derivative) or left.kind != "total" or problem.definition(left.by.tensor):
        return None
    if any(bar(d.tensor) in str(claim.right) for d in problem.definitions if d.tensor not in problem.outputs):
        return None                                   # it speaks of the adjoint of an inner node
    if left.of.tensor == problem.loss and not problem.definition(problem.loss):
        terms = []
        for output in problem.outputs:
            letters = tuple(f"o{k}" for k in range(len(problem.tensors[output].shape)))
            at = tuple(map(symbol, letters))
            term: Expr = mul(Entry(bar(output), at), Entry(output, at))
            for name, size in zip(letters, problem.tensors[output].shape, strict=True):
                term = Sum(name, symbol(name) - symbol(name) + 1, size, term)
            terms.append(term)
        whole: Expr = add(*terms)
    else:
        whole = left.of
    tensors = problem.tensors
    return (to_sympy(_inlined(graph, whole), tensors), to_sympy(left.by, tensors),
            to_sympy(_inlined(graph, graph.resolve(claim.right)), tensors))


def derive(graph: Graph, claim: Claim) -> Callable[[], Any] | None:
    """Differentiation by SymPy, deltas summed."""
    asked = question(graph, claim)
    if asked is None:
        return None
    function, variable, _ = asked
    return lambda: len(str(function.diff(variable).doit()))


def prove(graph: Graph, claim: Claim) -> Callable[[], Any] | None:
    """Whether SymPy simplifies its derivative minus the answer to 0."""
    import sympy
    asked = question(graph, claim)
    if asked is None:
        return None
    function, variable, answer = asked
    return lambda: bool(sympy.simplify((function.diff(variable) - answer).doit()) == 0)
