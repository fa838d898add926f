"""What a solution says, in words for people and in the fields of `--json`.

The fields are documented in `docs/json.md` and are stable within a `version`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from derivs.derivation import Agreement, Answer, Judged, Solution, Step
from derivs.expr import Entry
from derivs.latex import latex, latex_claim, spell
from derivs.matrix_layout import equation_layout
from derivs.problem import Claim, Problem
from derivs.text import text, text_claim
from derivs.verdict import Point, Proved, Refuted, Tested, Unread, Verdict, name

VERSION = 1

Kind = Literal["good", "wrong", "bad", "open"]


@dataclass(frozen=True, slots=True)
class Words:
    """A judgement for people, in a few words and in full.

    good: established. wrong: a formula that is wrong, as was known. bad: not as claimed. open: undecided.
    """

    kind: Kind
    head: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.head}: {self.detail}" if self.detail else self.head


# ---- does it hold? ---------------------------------------------------------------------------------------------------

def holds(answer: Answer) -> bool:
    """The answer is proved, in every form it is given in, and autodiff has nothing against it.

    Tested is not an acceptance.
    """
    return agrees(answer.agreement) and all(isinstance(verdict, Proved) for _, verdict in claims_of(answer))


def claims_of(answer: Answer) -> Iterator[tuple[Claim, Verdict]]:
    """The textbook form, the exercise's own where it is another, and the cases, each with its verdict."""
    yield answer.target.claim, answer.verdict
    if answer.stated is not None:
        yield answer.stated
    yield from answer.cases


def agrees(agreement: Agreement | None) -> bool:
    """Autodiff found no difference beyond the rounding bound, or was not asked."""
    return agreement is None or (not agreement.failure and agreement.worst <= 1)


def as_claimed(judged: Judged) -> bool:
    """A right formula is proved, a wrong one refuted."""
    return isinstance(judged.verdict, Refuted if judged.hand.wrong else Proved)


def succeeded(solution: Solution) -> bool:
    """Every answer holds and every hand formula is as the exercise says."""
    return all(map(holds, solution.answers)) and all(map(as_claimed, solution.hands))


# ---- words -----------------------------------------------------------------------------------------------------------

def verdict_words(verdict: Verdict, problem: Problem) -> Words:
    """What is established about an equation."""
    match verdict:
        case Proved(conditions, _):
            return Words("good", "Proved for every size", "; ".join(conditions))
        case Tested(points, why):
            return Words("open", "Not proved", f"no difference at {_count(points, 'exact point')}; {why}")
        case Refuted(at, left, right):
            where = point_text(at, problem)
            return Words("bad", "Refuted", f"at {where} the left side is {left}, the right side {right}")
        case Unread(why):
            return Words("open", "Not understood", why)


def agreement_words(agreement: Agreement) -> Words:
    """What autodiff says."""
    if not agreement.examples and not agreement.failure:
        return Words("open", "Not compared with autodiff", agreement.note)
    if agrees(agreement):
        return Words("good", f"Agrees with autodiff on {_count(agreement.examples, 'random input')}",
                     f"largest difference {agreement.worst:.2g} of the rounding bound")
    return Words("bad", "Autodiff disagrees", f"by {agreement.worst:.2g} times the rounding bound")


def judged_words(judged: Judged, problem: Problem) -> Words:
    """What is established about a formula that a person wrote down."""
    verdict, wrong = judged.verdict, judged.hand.wrong
    words = verdict_words(verdict, problem)
    match verdict:
        case Proved() if not wrong:
            return Words("good", "Right: proved for every size", words.detail)
        case Proved():
            return Words("bad", "Proved, although the exercise calls it wrong", _sentences(wrong, words.detail))
        case Refuted() if wrong:
            return Words("wrong", "Wrong, as the exercise says", _sentences(wrong, words.detail))
        case Refuted():
            return Words("bad", "Refuted, although the exercise calls it right", words.detail)
        case _:
            return Words("open", words.head, words.detail)


def point_text(point: Point, problem: Problem) -> str:
    """m = 2, x = (0, 2), ∂E/∂y = (1, 0)."""
    def said(tensor: str) -> str:
        return text(Entry(tensor), problem)

    return str(Point(point.integers, {(said(tensor), at): value for (tensor, at), value in point.shown.items()}))


def _sentences(*parts: str) -> str:
    return "; ".join(part.strip().rstrip(".;") for part in parts if part.strip())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


# ---- fields ----------------------------------------------------------------------------------------------------------

def listing(problems: Sequence[Problem]) -> dict[str, Any]:
    """`derivs list --json`."""
    return {"version": VERSION, "command": "list", "exercises": [
        {"name": problem.name, "title": problem.title, "source": problem.source,
         "targets": [text(target.claim.left, problem) for target in problem.targets]} for problem in problems]}


def report(command: str, solutions: Sequence[Solution], *, examples: int, seed: int, **more: Any) -> dict[str, Any]:
    """`derivs verify --json`, `derivs show --json` and `derivs sheet --json`."""
    return {"version": VERSION, "command": command, "holds": all(map(succeeded, solutions)), "examples": examples,
            "seed": seed, **more, "exercises": list(map(_exercise, solutions))}


def _exercise(solution: Solution) -> dict[str, Any]:
    problem = solution.problem
    return {
        "name": problem.name, "title": problem.title, "source": problem.source, "holds": succeeded(solution),
        "targets": [{
            "formula": text_claim(answer.target.claim, problem), "latex": latex_claim(answer.target.claim, problem),
            "note": answer.target.note, "holds": holds(answer), **verdict_fields(answer.verdict),
            "milliseconds": round(answer.milliseconds, 3), "autodiff": _agreement(answer.agreement),
            "matrix": None if answer.matrix is None else spell(equation_layout(problem, answer.matrix[0])),
            "stated": None if answer.stated is None else _claim(*answer.stated, problem),
            "cases": [_claim(claim, verdict, problem) for claim, verdict in answer.cases],
            "steps": [_step(step, problem) for step in answer.steps],
        } for answer in solution.answers],
        "hands": [{
            "formula": text_claim(judged.hand.claim, problem), "latex": latex_claim(judged.hand.claim, problem),
            "source": judged.hand.source, "claimed": "wrong" if judged.hand.wrong else "right",
            "reason": judged.hand.wrong, "as_claimed": as_claimed(judged), **verdict_fields(judged.verdict),
            "milliseconds": round(judged.milliseconds, 3),
        } for judged in solution.hands],
    }


def _claim(claim: Claim, verdict: Verdict, problem: Problem) -> dict[str, Any]:
    return {"formula": text_claim(claim, problem), "latex": latex_claim(claim, problem), **verdict_fields(verdict)}


def _step(step: Step, problem: Problem) -> dict[str, Any]:
    return {"left": latex(step.left, problem), "right": latex(step.right, problem), "rule": rule_text(step, problem),
            "since": [latex_claim(claim, problem) for claim in step.since],
            "verdict": None if step.verdict is None else name(step.verdict)}


def rule_text(step: Step, problem: Problem) -> str:
    """The words of a rule: chain rule through μ, σ² and y."""
    *firsts, last = [text(expr, problem) for expr in step.about] or [""]
    return step.rule.replace("{}", f"{', '.join(firsts)} and {last}" if firsts else last)


def verdict_fields(verdict: Verdict) -> dict[str, Any]:
    """The same fields whatever the verdict is; those that it does not have are null."""
    fields: dict[str, Any] = dict.fromkeys(("conditions", "examined", "points", "why", "at", "lhs", "rhs"))
    match verdict:
        case Proved(conditions, examined):
            fields |= {"conditions": list(conditions), "examined": examined}
        case Tested(points, why):
            fields |= {"points": points, "why": why}
        case Unread(why):
            fields |= {"why": why}
        case Refuted(at, left, right):
            fields |= {"at": _point(at), "lhs": left, "rhs": right}
    return {"verdict": name(verdict), **fields}


def _point(point: Point) -> dict[str, Any]:
    entries = {tensor + (f"[{','.join(map(str, at))}]" if at else ""): str(value)
               for (tensor, at), value in sorted(point.entries.items())}
    return {"integers": dict(point.integers), "entries": entries}


def _agreement(agreement: Agreement | None) -> dict[str, Any] | None:
    if agreement is None:
        return None
    worst = agreement.worst if isfinite(agreement.worst) else None           # JSON has no infinity
    return {"examples": agreement.examples, "worst": worst, "note": agreement.note,
            "failure": agreement.failure, "agrees": agrees(agreement)}
