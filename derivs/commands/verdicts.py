"""The verdicts on solved exercises, printed: a table, what does not hold, or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from derivs.commands import console
from derivs.derivation import Solution
from derivs.report import (
    agreement_words,
    agrees,
    as_claimed,
    claims_of,
    holds,
    judged_words,
    report,
    verdict_words,
)
from derivs.text import text, text_claim
from derivs.verdict import Proved, name


def print_report(command: str, solutions: Sequence[Solution], examples: int, seed: int, **more: Any) -> None:
    """The JSON of a command; docs/json.md has its fields."""
    console.print_json(report(command, solutions, examples=examples, seed=seed, **more))


def print_verdicts(solutions: Sequence[Solution]) -> None:
    """The table of `derivs verify`, and below it what does not hold."""
    rows = []
    for solution in solutions:
        problem = solution.problem
        for answer in solution.answers:
            agreement = answer.agreement
            compared = "" if agreement is None else f"{agreement.examples}" if agreement.examples else agreement.note
            worst = f"{agreement.worst:.2g}" if agreement is not None and agreement.examples else ""
            rows.append((problem.name, text(answer.target.claim.left, problem), name(answer.verdict),
                         f"{answer.milliseconds:.1f}", compared, worst, "holds" if holds(answer) else "DOES NOT HOLD"))
        for judged in solution.hands:
            claimed = "wrong" if judged.hand.wrong else "right"
            rows.append((problem.name, f"{claimed} by hand: {judged.hand.source}", name(judged.verdict),
                         f"{judged.milliseconds:.1f}", "", "",
                         "as claimed" if as_claimed(judged) else "NOT AS CLAIMED"))
    console.print_table(("exercise", "formula", "verdict", "ms", "inputs", "worst", ""), rows)
    print_failures(solutions)
    answers = [answer for solution in solutions for answer in solution.answers]
    hands = [judged for solution in solutions for judged in solution.hands]
    click.echo(f"\n{sum(map(holds, answers))} of {len(answers)} answers hold, "
               f"{sum(map(as_claimed, hands))} of {len(hands)} hand formulas are as claimed "
               "(inputs: random inputs that autodiff was asked at; worst: in units of the rounding bound)")


def print_failures(solutions: Sequence[Solution]) -> None:
    """What does not hold, and where."""
    for solution in solutions:
        problem = solution.problem
        for answer in solution.answers:
            if holds(answer):
                continue
            for said, verdict in claims_of(answer):
                if not isinstance(verdict, Proved) or said is answer.target.claim:
                    click.echo(f"\n{problem.name}: {text_claim(said, problem)}")
                if not isinstance(verdict, Proved):
                    click.echo(f"    {verdict_words(verdict, problem)}")
            if answer.agreement is not None and not agrees(answer.agreement):
                click.echo(f"    {agreement_words(answer.agreement)}")
                for line in answer.agreement.failure.splitlines():
                    click.echo(f"        {line}")
        for judged in solution.hands:
            if not as_claimed(judged):
                claim = text_claim(judged.hand.claim, problem)
                click.echo(f"\n{problem.name}: {claim}   [{judged.hand.source}]")
                click.echo(f"    {judged_words(judged, problem)}")
