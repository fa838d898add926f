"""How long it takes to refuse a wrong line, and to find out what would mend it."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import perf_counter

from derivs.checker import Checker
from derivs.clock import within
from derivs.declare import declare
from derivs.derive import Graph
from derivs.errors import DerivsError, OutOfBudget
from derivs.evaluate import Evaluator
from derivs.judge import judge
from derivs.judgement import Checked
from derivs.problem import Claim
from derivs.reading.parse import parse
from derivs.refute import compare
from derivs.verdict import Refuted

sys.path.append(str(Path(__file__).parent.parent / "tests"))

EVERY = 5                              # every so many-th mutant


def report() -> Iterator[str]:
    """Medians and largest times over the wrong lines of the seeds, and over mutants."""
    yield ("| wrong lines | number | refusal, median ms | largest | diagnosed | diagnosis, median ms | largest |\n"
           "| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    yield _row("of the seeds", *_seeds())
    yield _row(f"every {EVERY}th mutant", *_mutants())
    yield ("\nA refusal: an exact point where the sides of the claim differ, in an exercise where another claim was "
           "judged before; it is not made small. A diagnosis: what would mend the line, found and proved, or its "
           "search given up; the line is read already.\n")


def _row(name: str, refusals: list[float], diagnoses: list[tuple[float, Checked]]) -> str:
    times = [time for time, _ in diagnoses]
    named = sum(checked.diagnosis is not None for _, checked in diagnoses)
    return (f"| {name} | {len(diagnoses)} | {statistics.median(refusals):.2f} | {max(refusals):.1f} "
            f"| {named} | {statistics.median(times):.0f} | {max(times):.0f} |")


def _seeds() -> tuple[list[float], list[tuple[float, Checked]]]:
    from seed_lines import declarations, questions  # type: ignore[import-not-found]
    refusals, diagnoses = [], []
    for question, rows in questions().items():
        declared = declare(declarations()[question], question)
        checker = Checker(declared.problem, declared.vocabulary)
        for row in rows:
            checked = checker.line(row["latex"], parse(row["latex"]))
            if checked.judgement == "wrong":
                verdict = checked.against_truth
                claim = verdict.claim if isinstance(verdict, Refuted) else None
                if claim is not None and claim.problem is not None:
                    refusals.append(_refusal(Graph(claim.problem), Evaluator(claim.problem), claim))
                diagnoses.append(_diagnosis(checker, checked))
    return refusals, diagnoses


def _mutants() -> tuple[list[float], list[tuple[float, Checked]]]:
    from mutants import mutants, subject  # type: ignore[import-not-found]
    refusals, diagnoses = [], []
    checkers: dict[str, Checker] = {}
    for one in mutants(every=EVERY):
        if one.exercise not in checkers:
            declared = subject(one.exercise).declared
            checkers[one.exercise] = Checker(declared.problem, declared.vocabulary)
        checker = checkers[one.exercise]
        checked = checker.line(one.line, parse(one.line), continues=False)
        if checked.judgement == "wrong":
            claim = Claim(one.claim.left, one.right, one.claim.given)
            with suppress(DerivsError):            # sizes that do not fit, subscripts out of range: refused as such
                refusals.append(_refusal(checker.graph, checker.evaluator, claim))
            diagnoses.append(_diagnosis(checker, checked))
    return refusals, diagnoses


def _refusal(graph: Graph, evaluator: Evaluator, claim: Claim) -> float:
    """Milliseconds, after another claim with the same left side was looked at."""
    compare(graph.problem, Claim(claim.left, claim.left, claim.given), points=5, evaluator=evaluator)
    start = perf_counter()
    judge(graph, claim, evaluator=evaluator, shrink=False)
    return 1e3 * (perf_counter() - start)


def _diagnosis(checker: Checker, checked: Checked) -> tuple[float, Checked]:
    """Milliseconds, within the limit that a line has in a text."""
    start, found = perf_counter(), checked
    try:
        with within(checker.mending):
            found = checker.mended(checked)
    except OutOfBudget:
        checker.graph, checker.evaluator = Graph(checker.problem), Evaluator(checker.problem)
    return 1e3 * (perf_counter() - start), found
