"""One claim, one verdict: a quick exact look for a difference, then a proof, then the proof cross-examined.

A refutation never rests on normal forms, a proof never on samples; where neither comes about the verdict is "tested",
which is not an acceptance.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from derivs.derive import Graph
from derivs.domains import divisors, may_narrow
from derivs.errors import DerivsError, IllFormed, Unsupported
from derivs.evaluate import Evaluator
from derivs.expr import ZERO, Apply, Compare, Expr, Number, tensors_in, walk
from derivs.points import near
from derivs.problem import Claim, Given, Problem
from derivs.prove import Equal, NotShown, prove
from derivs.refute import Agreed, compare, nonzero_somewhere
from derivs.rules.functions import compares
from derivs.text import text
from derivs.unfold import reach
from derivs.verdict import Proved, Refuted, Tested, Verdict

QUICK, EXAMINE, SEARCH = 5, 12, 60          # exact points: before the proof, after it, and where there is none


class ProofContradicted(DerivsError):
    """A proof that exact evaluation contradicts: a bug in derivs, never the author's mistake."""


def judge(graph: Graph, claim: Claim, *, seed: int = 0, evaluator: Evaluator | None = None, shrink: bool = True,
          examine: int = EXAMINE) -> Verdict:
    """The verdict on left = right. Raises IllFormed for a claim without meaning, ProofContradicted for a bug in us.

    evaluator: the one of graph.problem, which the claims of an exercise share as they share the graph. shrink: whether
    a counterexample is made small; one that nobody will see need not be. examine: at how many exact points a proof is
    looked at again; a step between two claims that are examined themselves needs fewer.
    """
    problem = graph.problem
    evaluator = evaluator or Evaluator(problem)
    early = compare(problem, claim, points=QUICK, seed=seed, off_kinks=True, shrink=shrink,
                    evaluator=evaluator)
    if isinstance(early, Refuted):
        return early
    shown = prove(graph, claim)
    if isinstance(shown, Equal) and all(nonzero_somewhere(problem, kink, seed=seed, evaluator=evaluator)
                                        for kink in shown.kinks):
        return _examined(graph, claim, shown, seed, evaluator, examine)
    late = compare(problem, claim, points=SEARCH, after=QUICK, seed=seed, shrink=shrink, evaluator=evaluator)
    if isinstance(late, Refuted):
        return late
    if late.divided > late.points / 2:
        return _strictly(problem, claim, late, seed, evaluator)
    numbers = _compared_with(claim)
    if numbers:
        beside = compare(problem, claim, points=SEARCH, seed=seed, shrink=shrink, evaluator=evaluator,
                         kind=near(numbers))
        if isinstance(beside, Refuted):
            return beside
    why = shown.why if isinstance(shown, NotShown) else "a comparison in it may hold everywhere"
    return Tested(late.points, why)


def _examined(graph: Graph, claim: Claim, shown: Equal, seed: int, evaluator: Evaluator, examine: int) -> Verdict:
    """The proof, after the two sides as they were written have been compared at exact points."""
    problem = graph.problem
    points = SEARCH if may_narrow(problem, claim) else examine
    looked: Refuted | Agreed = compare(problem, claim, points=points, after=QUICK, seed=seed,
                                       off_kinks=bool(shown.kinks), evaluator=evaluator)
    for kink in shown.kinks:
        on_it = _on(graph, claim, kink, seed, evaluator)
        if on_it is not None:
            return on_it
    conditions = [f"except where {text(kink, problem)} = 0" for kink in shown.kinks]
    if isinstance(looked, Agreed) and looked.divided:
        if looked.divided > looked.points / 2:          # not only here and there: the right side lacks its values
            return _strictly(problem, claim, looked, seed, evaluator)
        conditions += [f"where {text(part, problem)} is not 0" for part in divisors(problem, claim)]
    if isinstance(looked, Refuted):
        if shown.kinks or "undefined" in (looked.left, looked.right):
            return looked                     # equal off kinks, or where both are defined, but not here
        raise ProofContradicted(
            f"the two sides are proved equal, and differ at {looked.at}: {looked.left} and {looked.right}",
            where=problem.name, mend="this is a bug in derivs; please report it with the exercise")
    return Proved((*_assumed(graph, claim), *conditions), looked.points)


def _on(graph: Graph, claim: Claim, kink: Expr, seed: int, evaluator: Evaluator) -> Refuted | Tested | None:
    """A point where a comparison of the right side is a tie, the left side meets none, and the two differ."""
    tie = replace(claim, given=(*claim.given, Given("=", kink, ZERO)))
    try:
        found = compare(graph.problem, tie, points=EXAMINE, seed=seed, off_kinks=True, evaluator=evaluator)
    except (Unsupported, IllFormed):                  # no input can be set so that it is a tie
        if any(map(compares, (claim.left, *(d.value for d in graph.problem.definitions)))):
            return None
        return Tested(0, f"it may fail where {text(kink, graph.problem)} = 0, and the exercise compares nothing")
    return found if isinstance(found, Refuted) else None


def _strictly(problem: Problem, claim: Claim, looked: Agreed, seed: int, evaluator: Evaluator) -> Verdict:
    """A right side that divides by zero at most points: one of them is the counterexample."""
    strict = compare(problem, replace(claim, where_left=False), points=SEARCH, seed=seed, evaluator=evaluator)
    return strict if isinstance(strict, Refuted) else Tested(looked.points, "the right side divides by zero")


def _compared_with(claim: Claim) -> list[Fraction]:
    """The numbers but 0 and 1 that it compares with: usual inputs need not lie on both sides of them."""
    found = {abs(node.value) for side in (claim.left, claim.right) for comparison in walk(side)
             if isinstance(comparison, Compare | Apply) and compares(comparison)
             for node in walk(comparison) if isinstance(node, Number)}
    return sorted(found - {Fraction(0), Fraction(1)})


def _assumed(graph: Graph, claim: Claim) -> tuple[str, ...]:
    """The nodes that must be positive for the formulas to mean anything, as conditions."""
    asked = tensors_in(claim.left) | tensors_in(claim.right)
    return tuple(f"where {text(_name(graph, t), graph.problem)} > 0" for t in sorted(reach(graph, asked))
                 if graph.problem.definition(t) and graph.problem.tensors[t].is_positive)


def _name(graph: Graph, tensor: str) -> Expr:
    definition = graph.problem.definition(tensor)
    assert definition is not None
    return definition.entry
