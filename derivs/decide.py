"""One claim, several honest readings: the first that is proved decides; else what is said of the first one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Final

from derivs.errors import DerivsError, IllFormed, Mismatch, OutOfBudget, Unreadable, Unsupported
from derivs.expr import ONE, Entry, Expectation, Expr, subtract, tensors_in
from derivs.problem import Problem
from derivs.reading.choices import Choices, Option, others
from derivs.reading.claims import Reading
from derivs.text import text
from derivs.verdict import Proved, Tested, Unread, Verdict

ENOUGH: Final = 20                     # points at which a reading that is not refuted leaves a line open


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim with its verdict in the reading that decided it."""

    verdict: Verdict
    reading: Reading | None = None
    tried: tuple[tuple[str, Verdict], ...] = ()


def decide(readings: Callable[[Choices], Reading], verdict: Callable[[Reading], tuple[Verdict, Reading]],
           deadline: float) -> Judged:
    """The first reading that is proved; else one that is open; else the first one's verdict, with all that were tried.

    Raises what the first reading raises where none can be read; Mismatch where the sizes fit in none.
    """
    seen: set[frozenset[tuple[str, int]]] = {frozenset()}
    waiting: list[dict[str, int]] = [{}]
    tried: list[tuple[Reading, Verdict]] = []
    misfits: list[tuple[str, Verdict]] = []
    claims: set[tuple[Expr, Expr]] = set()
    first_error: DerivsError | None = None
    while waiting:
        taken = waiting.pop(0)
        choices = Choices(taken)
        try:
            reading = readings(choices)
            if (reading.claim.left, reading.claim.right) not in claims:
                claims.add((reading.claim.left, reading.claim.right))
                found, reading = verdict(reading)
                tried.append((reading, found))
                if isinstance(found, Proved) and not reading.is_padded:
                    return Judged(found, reading, (*misfits, *named(tried)))
        except Unreadable:
            if not taken:
                raise
        except (Mismatch, IllFormed, Unsupported, OutOfBudget) as error:
            first_error = first_error or error
            if not misfits and isinstance(error, Mismatch):
                misfits.append(("as it stands", Unread(f"the sizes do not fit: {error.what}")))
        if perf_counter() > deadline:
            if not tried:
                return Judged(Tested(0, "it takes longer than the time for one line"))
            break
        waiting += others(choices, seen)
    padded = next((pair for pair in tried if isinstance(pair[1], Proved)), None)
    if padded is not None:                          # entries beyond the end of an axis: only where nothing else holds
        return Judged(padded[1], padded[0], (*misfits, *named(tried)))
    is_open = next((pair for pair in tried if isinstance(pair[1], Tested) and pair[1].points >= ENOUGH), None)
    if is_open is not None:                         # a reading may be right: to refuse the line would be a guess
        return Judged(is_open[1], is_open[0], (*misfits, *named(tried)))
    if tried:
        return Judged(tried[0][1], tried[0][0], (*misfits, *named(tried)))
    assert first_error is not None
    raise first_error


def named(tried: Sequence[tuple[Reading, Verdict]]) -> Iterator[tuple[str, Verdict]]:
    """The verdicts, each with what its reading says of itself."""
    return ((spoken(reading), verdict) for reading, verdict in tried)


def spoken(reading: Reading) -> str:
    """What a reading says of itself."""
    return "; ".join(option.note for option in reading.said if option.note) or "as it stands"


def means(problem: Problem, reading: Reading) -> Iterator[Reading]:
    """The claim as one about the mean over a random mask that the right side has replaced by its probability."""
    claimed = reading.claim
    for mask in problem.tensors.values():
        if "binary" in mask.properties and mask.role == "constant" and mask.name not in tensors_in(claimed.right):
            for name in sorted(tensors_in(claimed.right)):
                p = problem.tensors.get(name)
                if p is not None and not p.shape and "in(0,1)" in p.properties:
                    note = f"in the mean, an entry of {text(Entry(mask.name), problem)} being "
                    kept = text(Entry(name), problem)
                    for mean, value_ in ((Entry(name), 1), (subtract(ONE, Entry(name)), 0)):
                        left = Expectation(mask.name, mean, claimed.left)
                        said = (Option(f"{note}{value_} with probability {kept}"),)
                        yield replace(reading, claim=replace(claimed, left=left), said=said)
