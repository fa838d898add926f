"""The last words on a sheet, plain: what made it, how its results were established, and what their conditions mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derivs.derivation import Answer, Solution
from derivs.report import agrees
from derivs.verdict import Proved, Verdict


def provenance(solutions: Sequence[Solution], versions: Mapping[str, str], date: str = "",
               read_back: Sequence[Verdict] = ()) -> tuple[str, ...]:
    """Paragraphs. versions: of what had a part in it, by name, this program first. read_back: of another notation."""
    answers = [answer for solution in solutions for answer in solution.answers]
    made, notation = _made(versions, date), _notation(read_back)
    if not answers:
        return tuple(filter(None, (made, notation)))
    return tuple(filter(None, (made, _proofs(answers), _autodiff(answers), _conditions(answers), notation,
                               _steps(answers))))


def _notation(read_back: Sequence[Verdict]) -> str:
    """Whether the sheet's notation says what the exercises' own says."""
    proved = sum(isinstance(verdict, Proved) for verdict in read_back)
    return (f"Notation: of the definitions and targets in this sheet's notation, {proved} of {len(read_back)} were "
            "read back from print and proved to be those of the exercises.") if read_back else ""


def _made(versions: Mapping[str, str], date: str) -> str:
    program, *others = (f"{name} {version}".strip() for name, version in versions.items())
    helped = f", with {_listed(others)}" if others else ""
    return f"Made by {program}{helped}{f', on {date}' if date else ''}."


def _proofs(answers: Sequence[Answer]) -> str:
    proofs = [answer.verdict for answer in answers if isinstance(answer.verdict, Proved)]
    said = (f"Proofs: {_of(len(proofs), len(answers), 'result')} proved, for every size and for every input at which "
            "both sides are defined, by bringing both to one normal form.")
    examined = sum(proof.examined for proof in proofs)
    if examined:
        said += (" Each proof was cross-examined: the two sides as they stand on the page were evaluated in exact "
                 f"arithmetic, at {_count(examined, 'point')} in all.")
    if len(proofs) < len(answers):
        said += " A result that is not proved says so below its box; do not rely on it."
    return said


def _autodiff(answers: Sequence[Answer]) -> str:
    asked = [answer.agreement for answer in answers if answer.agreement is not None]
    compared = [one for one in asked if one.examples or one.failure]
    if not compared:
        return "Autodiff was not asked."
    few, many = min(one.examples for one in compared), max(one.examples for one in compared)
    inputs = _count(many, "random input") if few == many else f"{few} to {many} random inputs"
    said = (f"Autodiff: {_of(len(compared), len(answers), 'result')} compared with JAX at {inputs} "
            f"each{', and all agree' if all(map(agrees, compared)) else ''}. The rounding bound is how far two ways of "
            "computing the same number in floating point may differ at most.")
    disagreeing = sum(not agrees(one) for one in compared)
    return said + (f" With {_count(disagreeing, 'result')} JAX disagrees; the mark says where." if disagreeing else "")


def _conditions(answers: Sequence[Answer]) -> str:
    """What a condition means, for the kinds that occur."""
    found = list(dict.fromkeys(condition for answer in answers if isinstance(answer.verdict, Proved)
                               for condition in answer.verdict.conditions))
    if not found:
        return "Conditions: no result needs one."
    kinds = [meaning for has, meaning in (
        (any(c.startswith("where ") and not c.endswith(" is not 0") for c in found),
         "“where” names what must be so for the formulas to mean anything, such as a positive variance"),
        (any(c.endswith(" is not 0") for c in found),
         "“is not 0” that the result divides by something the forward pass does not"),
        (any(c.startswith("except where ") for c in found),
         "“except where” names the kinks, points at which there is no derivative and any value is a choice")) if has]
    return f"Conditions, where a mark has one: {'; '.join(kinds)}." if kinds else ""


def _steps(answers: Sequence[Answer]) -> str:
    steps = [step.verdict for answer in answers for step in answer.steps if step.verdict is not None]
    return "A tick beside a step says that this step alone is proved, too." if steps else ""


def _listed(items: Sequence[str]) -> str:
    *firsts, last = items
    return f"{', '.join(firsts)} and {last}" if firsts else last


def _of(some: int, total: int, noun: str) -> str:
    """All 3 results are; 2 of 3 results are; the one result is, or is not."""
    if total == 1:
        return f"the one {noun} is{'' if some else ' not'}"
    if some == total:
        return f"all {total} {noun}s are"
    return f"{some} of {_count(total, noun)} {'is' if some == 1 else 'are'}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
