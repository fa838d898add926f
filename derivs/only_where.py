"""Where a wrong line holds all the same: for which sizes, for which indices, for which sign of which quantity.

What is said is proved for the part where it holds, and refuted where it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations
from time import perf_counter
from typing import Final

from derivs.affine import Affine, affine, symbol
from derivs.derive import Graph
from derivs.errors import DerivsError
from derivs.evaluate import Evaluator
from derivs.expr import ZERO, Apply, Compare, Expr, Indicator, mul, names_in, reindex, subtract, walk
from derivs.judge import judge
from derivs.judgement import Diagnosis
from derivs.problem import Claim, Given, Problem
from derivs.refute import compare, nonzero_somewhere
from derivs.scope import ranges
from derivs.text import text
from derivs.verdict import Proved, Refuted

SEARCH: Final = 40                     # exact points at which a difference is looked for
MOST_QUANTITIES: Final = 4


@dataclass(frozen=True, slots=True)
class Part:
    """A part of all cases: the exercise with facts about its sizes, or the claim under a condition; how it is said."""

    said: str
    problem: Problem
    claim: Claim
    condition: Expr | None = None


def only_where(graph: Graph, evaluator: Evaluator, claim: Claim, truth: Expr, deadline: float, *, seed: int = 0
               ) -> Diagnosis | None:
    """Where a refuted claim holds: `this holds where m = 1, but not where m > 1`. None where no such part is found.

    truth: the left side written out, whose comparisons tell what the claim may hang on.
    """
    for inside, outside in _parts(graph.problem, claim, truth):
        if perf_counter() > deadline:
            return None
        with suppress(DerivsError, RecursionError):
            if _is_proved(graph, evaluator, inside, seed) and _is_refuted(evaluator, outside, seed):
                return Diagnosis("only where", f"this holds where {inside.said}, but not where {outside.said}")
    return None


def _parts(problem: Problem, claim: Claim, truth: Expr) -> Iterator[tuple[Part, Part]]:
    """Pairs of parts, in the first of which the claim may hold, and in the second not."""
    yield from _indices(problem, claim)
    yield from _sizes(problem, claim)
    yield from _signs(problem, claim, truth)


def _indices(problem: Problem, claim: Claim) -> Iterator[tuple[Part, Part]]:
    """i = j and i ≠ j."""
    bounds = ranges(problem, (claim.left, claim.right))
    for a, b in combinations(sorted(bounds), 2):
        if bounds[a] == bounds[b] and not claim.given:
            same, apart = (Part(f"{a} {sign} {b}", problem, replace(claim, given=(condition,)))
                           for sign, condition in (("=", Given("=", symbol(a), symbol(b))),
                                                   ("≠", Given("!=", symbol(a), symbol(b)))))
            yield same, apart
            yield apart, same


def _sizes(problem: Problem, claim: Claim) -> Iterator[tuple[Part, Part]]:
    """m = 1 and m > 1; m = n and m ≠ n."""
    used = {name for low, high in ranges(problem, (claim.left, claim.right)).values() for name in high.names}
    used |= {name for tree in (claim.left, claim.right) for node in walk(tree) for name in names_in(node)}
    letters = [name for name in problem.sizes if name in used]
    for name in letters:
        m = symbol(name)
        yield (_where(f"{name} = 1", problem, claim, {name: affine(1)}),
               Part(f"{name} > 1", _with(problem, m - 2), claim))
    for a, b in combinations(letters, 2):
        m, n = symbol(a), symbol(b)
        yield (_where(f"{a} = {b}", problem, claim, {b: m}),
               Part(f"{a} > {b}", _with(problem, m - n - 1), claim))


def _where(said: str, problem: Problem, claim: Claim, sizes: Mapping[str, Affine]) -> Part:
    """The exercise with these sizes put in."""
    there = replace(
        problem,
        tensors={name: replace(tensor, shape=tuple(form.substitute(sizes) for form in tensor.shape))
                 for name, tensor in problem.tensors.items()},
        definitions=tuple(replace(d, value=reindex(d.value, sizes)) for d in problem.definitions),
        targets=(), hands=(), facts=tuple(form.substitute(sizes) for form in problem.facts),
        kinks={name: reindex(value, sizes) for name, value in problem.kinks.items()},
        indices={name: (low.substitute(sizes), high.substitute(sizes))
                 for name, (low, high) in problem.indices.items()})
    return Part(said, there, replace(claim, left=reindex(claim.left, sizes), right=reindex(claim.right, sizes)))


def _with(problem: Problem, *facts: Affine) -> Problem:
    return replace(problem, facts=(*problem.facts, *facts))


def _signs(problem: Problem, claim: Claim, truth: Expr) -> Iterator[tuple[Part, Part]]:
    """u > 0, u < 0 and u = 0, for what is compared with zero in the truth or in the line."""
    allowed = names_in(claim.left) | names_in(claim.right) | set(problem.sizes)
    found = [u for u in dict.fromkeys(_compared(truth, claim)) if names_in(u) <= allowed]
    for u in found[:MOST_QUANTITIES]:
        said = text(u, problem)
        parts = [_under(f"{said} {sign} 0", problem, claim, condition)
                 for sign, condition in ((">", Compare("<", ZERO, u)), ("<", Compare("<", u, ZERO)),
                                         ("=", Compare("=", u, ZERO)))]
        for k, inside in enumerate(parts[:2]):
            yield inside, parts[1 - k]
        yield parts[0], parts[2]


def _under(said: str, problem: Problem, claim: Claim, condition: Compare) -> Part:
    """The claim where a condition holds: both sides are cut off elsewhere."""
    holds = Indicator(condition)
    return Part(said, problem, replace(claim, left=mul(holds, claim.left), right=mul(holds, claim.right)), holds)


def _compared(truth: Expr, claim: Claim) -> Iterator[Expr]:
    for tree in (truth, claim.right):
        for node in walk(tree):
            match node:
                case Compare(_, left, right):
                    yield left if right == ZERO else right if left == ZERO else subtract(left, right)
                case Apply("relu" | "abs" | "sign", (argument,)):
                    yield argument
                case Apply("max" | "min", (left, right)):
                    yield subtract(left, right)


def _is_proved(graph: Graph, evaluator: Evaluator, part: Part, seed: int) -> bool:
    """Whether the claim is proved in that part, and the part is not empty."""
    is_own = part.problem is graph.problem
    own, values = (graph, evaluator) if is_own else (Graph(part.problem), Evaluator(part.problem))
    if part.condition is not None and not nonzero_somewhere(part.problem, part.condition, seed=seed, evaluator=values):
        return False
    verdict = judge(own, part.claim, seed=seed, evaluator=values, shrink=False)
    return isinstance(verdict, Proved) and verdict.examined > 0


def _is_refuted(evaluator: Evaluator, part: Part, seed: int) -> bool:
    values = evaluator if part.problem is evaluator.problem else Evaluator(part.problem)
    found = compare(part.problem, part.claim, points=SEARCH, seed=seed, shrink=False, evaluator=values)
    return isinstance(found, Refuted)
