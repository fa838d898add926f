"""A slip that nothing shows: the coefficient of a term that is zero by a definition, as Σ_i (x_i - μ) is.

Two lines are both right, and yet one does not follow from the other where that node is another number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from time import perf_counter

from derivs.derive import Graph
from derivs.errors import DerivsError
from derivs.evaluate import Evaluator
from derivs.expr import ZERO, Add, Entry, Expr, tensors_in
from derivs.judge import judge
from derivs.problem import Claim, Problem
from derivs.text import text
from derivs.verdict import Proved, Refuted


def may_mask(problem: Problem, right: Expr) -> bool:
    """Whether a right side has terms, and a node in it that is one number."""
    return isinstance(right, Add) and not _scalars(problem).isdisjoint(tensors_in(right))


def masked(graph: Graph, evaluator: Evaluator, step: Claim, deadline: float, seed: int) -> Iterator[str]:
    """A sentence on the first term that hides a slip. step: that the line above is this one; both are right.

    deadline: of time.perf_counter.
    """
    problem = graph.problem
    for term in step.right.terms if isinstance(step.right, Add) else ():
        freed = _node_behind_zero(graph, evaluator, term, seed)
        if freed is None or perf_counter() > deadline:
            continue
        without = replace(problem, definitions=tuple(d for d in problem.definitions if d.tensor != freed),
                          tensors={**problem.tensors, freed: replace(problem.tensors[freed], role="constant")})
        with suppress(DerivsError):
            if isinstance(judge(Graph(without), step, seed=seed), Refuted):
                yield (f"the term {text(term, problem)} is zero by the definition of {text(Entry(freed), problem)}; "
                       "its coefficient is not that of the line above, and nothing here shows it")
                return


def _node_behind_zero(graph: Graph, evaluator: Evaluator, term: Expr, seed: int) -> str | None:
    """The scalar node whose definition makes a term zero, if one does."""
    nodes = [d.tensor for d in graph.problem.definitions if not d.indices and d.tensor in tensors_in(term)]
    if nodes and not any(name.startswith("_e") for name in tensors_in(term)):       # a node of the line's own
        with suppress(DerivsError):
            if isinstance(judge(graph, Claim(term, ZERO), seed=seed, evaluator=evaluator), Proved):
                return nodes[0]
    return None


def _scalars(problem: Problem) -> set[str]:
    return {d.tensor for d in problem.definitions if not d.indices}
