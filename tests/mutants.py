r"""`python tests/mutants.py [--every N] [--verdicts] [--mistake NAME] [--exercise NAME]`: mistakes made on purpose.

Every mistake of the table in `mistakes_made` is made in the answers, hand formulas and worked lines of every exercise
to which it applies. Whether a mutant is wrong is decided by `exactly`, which evaluates both formulas and knows nothing
of the calculus. Then the checker reads the line as a student would have written it.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice, product
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Literal, NamedTuple

from exactly import ROTATION, Imprecise, Undefined, World, admitted, equal, imposed, readable, worlds
from flint import arb
from mistakes_made import MISTAKES, equivalent, is_line

from derivs.checker import Checker
from derivs.declare import Declared
from derivs.errors import Mismatch
from derivs.expr import Derivative, Expr, Tree
from derivs.judgement import Checked
from derivs.latex import latex_claim
from derivs.library import exercises as as_declared
from derivs.library import load, names
from derivs.papers import Work, one_by_one, work_on
from derivs.problem import Claim, Given, Problem
from derivs.reading.parse import parse
from derivs.scope import Range, ranges
from derivs.solver import solve

TEXTBOOK = Path(__file__).parent / "textbook"
POINTS = 96                            # exact points of an exercise, at most
ENOUGH = 60                            # values that are the same, where none is different, for "equivalent"
FEW, ALL = 8, 24                       # points at which a mutant is looked at first, and one that seldom shows
PLACES = 3                             # values of the free indices at each
TRIED = 40                             # ways of making a mistake in an exercise that are looked at
EQUIVALENTS = 5                        # rewrites of an exercise that keep the value
EQUIVALENT = "equivalent"

Truth = Literal["wrong", "equivalent"]
Bounds = tuple[tuple[str, Range], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A right claim of an exercise. target: the number of the question that it answers, 0 for a line on the way."""

    target: int
    claim: Claim


@dataclass
class Subject:
    """An exercise: its right claims, and exact points of it."""

    name: str
    declared: Declared
    sources: tuple[Source, ...]
    seen: list[World] = field(default_factory=list)
    coming: Iterator[World] | None = None
    imposed: dict[tuple[int, tuple[Given, ...]], World] = field(default_factory=dict)
    formulas: dict[Claim, Tree] = field(default_factory=dict)
    places: dict[tuple[int, Claim, Bounds], list[dict[str, int]]] = field(default_factory=dict)
    known: dict[tuple[int, Claim, Bounds, int], arb | None] = field(default_factory=dict)

    @property
    def problem(self) -> Problem:
        return self.declared.problem

    def world(self, number: int, given: tuple[Given, ...]) -> World:
        if self.coming is None:
            self.coming = worlds(self.problem, POINTS)
        while len(self.seen) <= number:
            self.seen.append(next(self.coming))
        if (number, given) not in self.imposed:
            self.imposed[number, given] = imposed(self.seen[number], given)
        return self.imposed[number, given]

    def formula(self, claim: Claim) -> Tree:
        if claim not in self.formulas:
            self.formulas[claim] = readable(claim.right)
        return self.formulas[claim]

    def right(self, number: int, claim: Claim, bounds: Bounds) -> Iterator[tuple[dict[str, int], arb]]:
        """The values of a right claim at a point, at some values of the indices; none where it has none."""
        there = self.world(number, claim.given)
        key = number, claim, bounds
        if key not in self.places:
            self.places[key] = _places(bounds, claim, there, number)
        for k, at in enumerate(self.places[key]):
            if (*key, k) not in self.known:
                self.known[*key, k] = None
                with suppress(Undefined, Imprecise):
                    self.known[*key, k] = there.value(self.formula(claim), at)
            if (found := self.known[*key, k]) is not None:
                yield at, found


@dataclass(frozen=True, slots=True)
class Mutant:
    """A line that is wrong by a mistake, or right in other words. line: as it would be written.

    truth: "equivalent" where no difference is seen at first; see `settled`.
    """

    exercise: str
    target: int
    mistake: str
    claim: Claim
    right: Expr
    line: str
    truth: Truth

    @property
    def is_wrong(self) -> bool:
        return self.truth == "wrong"


# ---- right claims ----------------------------------------------------------------------------------------------------

@cache
def subject(name: str) -> Subject:
    """An exercise of the library, or of tests/textbook."""
    problem = load(name if name in names() else str(TEXTBOOK / f"{name}.toml"))
    declared, = as_declared(problem)                # in the letters in which answers are printed
    solution = solve(problem, with_hands=False)
    answers = [Source(k, claim) for k, answer in enumerate(solution.answers, 1)
               for claim in (answer.target.claim, *(case for case, _ in answer.cases))]
    numbers = {source.claim.left: source.target for source in reversed(answers)}
    hands = [Source(numbers.get(hand.claim.left, 0), hand.claim) for hand in problem.hands if not hand.wrong]
    steps = [Source(k, Claim(step.left, step.right, answer.target.claim.given))
             for k, answer in enumerate(solution.answers, 1) for step in answer.steps]
    others = [Source(0, Claim(step.left, step.right)) for step in solution.adjoints]
    others += [Source(0, Claim(one.entry, one.value)) for one in problem.definitions]
    found: dict[Claim, Source] = {}
    for source in (*answers, *hands, *steps, *others):
        found.setdefault(source.claim, source)
    return Subject(name, declared, tuple(found.values()))


def subjects() -> Iterator[str]:
    """All exercises, by name."""
    yield from names()
    yield from sorted(path.stem for path in TEXTBOOK.glob("*.toml"))


# ---- the truth of a mutant -------------------------------------------------------------------------------------------

def truth(of: Subject, claim: Claim, right: Expr, points: int, enough: int) -> Truth | None:
    """Wrong: the two right sides differ at some point where the exercise has no kink. None: too few points to tell.

    On a kink there is no derivative, and any value may be written. enough: values that are the same, for "equivalent".
    """
    alike, in_doubt = 0, False
    bounds, formula, local = _bounds(of.problem, claim, right), readable(right), _local(of.problem, claim)
    is_local = local is not None
    for number in range(points):
        there = of.world(number, claim.given)
        for at, value in of.right(number, claim, bounds):
            try:
                found = there.value(formula, at)
                same = equal(value, found)
                is_local = is_local and local is not None and equal(there.value(local, at), found)
            except Undefined:
                in_doubt |= there.is_generic    # where nothing happens to be zero, but for a label or m - 1
                continue
            except Imprecise:
                continue
            if not same and there.is_smooth():
                if not is_local:
                    return "wrong"
                in_doubt = True
            alike += same
        if alike >= enough and number >= len(ROTATION):
            break
    return "equivalent" if alike >= enough and not in_doubt else None


def _local(problem: Problem, claim: Claim) -> Tree | None:
    """The left side with the other nodes held fixed, where that is another honest reading of it (docs/checking.md)."""
    if isinstance(claim.left, Derivative) and problem.definition(claim.left.of.tensor) and claim.left.kind == "total":
        return readable(replace(claim.left, kind="local"))
    return None


def settled(mutant: Mutant) -> Mutant:
    """The same, with its truth looked at long enough."""
    if mutant.is_wrong:
        return mutant
    found = truth(subject(mutant.exercise), mutant.claim, mutant.right, POINTS, ENOUGH)
    assert found is not None, f"no telling what this is: {mutant.line}"
    return replace(mutant, truth=found)


def _bounds(problem: Problem, claim: Claim, right: Expr) -> Bounds:
    """The free indices with their ranges: those of the right claim, and a letter that a mutant leaves free."""
    try:
        found = ranges(problem, (claim.left, claim.right, right))
    except Mismatch:
        found = ranges(problem, (claim.left, claim.right))
    return tuple(found.items())


def _places(bounds: Bounds, claim: Claim, there: World, seed: int) -> list[dict[str, int]]:
    """Values of the free indices: the most different ones, the most alike, then any."""
    letters = [letter for letter, _ in bounds]
    every = [dict(zip(letters, at, strict=True)) for at in
             product(*(range(low.at(there.sizes), high.at(there.sizes) + 1) for _, (low, high) in bounds))]
    every = [at for at in every if admitted(claim.given, {**there.sizes, **at})]
    Random(seed).shuffle(every)
    various = sorted(every, key=lambda at: len(set(at.values())))
    chosen = [*various[-1:], *various[:1], *every]
    return [at for k, at in enumerate(chosen) if at not in chosen[:k]][:PLACES]


# ---- the mutants -----------------------------------------------------------------------------------------------------

@cache
def mutants_of(name: str) -> tuple[Mutant, ...]:
    """The mutants of an exercise, mistake by mistake."""
    of = subject(name)
    written = {latex_claim(source.claim, of.problem) for source in of.sources}
    found: list[Mutant] = []
    for row in MISTAKES.values():
        made = _in_turn([(source, row.make(of.problem, source.claim)) for source in of.sources])
        found += islice(_told(of, row.name, islice(made, TRIED), written), row.most)
    made = _in_turn([(source, equivalent(of.problem, source.claim)) for source in of.sources])
    found += islice(_told(of, EQUIVALENT, islice(made, TRIED), written), EQUIVALENTS)
    gc.freeze()                        # the checker's time is measured, and the collector is not to look through these
    return tuple(found)


def _in_turn(made: Sequence[tuple[Source, Iterator[Expr]]]) -> Iterator[tuple[Source, Expr]]:
    """One from each right claim after the other."""
    open_ = list(made)
    while open_:
        for one in list(open_):
            right = next(one[1], None)
            if right is None:
                open_.remove(one)
            else:
                yield one[0], right


def _told(of: Subject, mistake: str, made: Iterable[tuple[Source, Expr]], written: set[str]) -> Iterator[Mutant]:
    """Those that are lines, and other ones than those before, with their truth."""
    seldom = mistake != EQUIVALENT and MISTAKES[mistake].shows == "seldom"
    most = EQUIVALENTS if mistake == EQUIVALENT else 0 if seldom else 1
    for source, right in made:
        claim = source.claim
        if not is_line(of.problem, claim, right):
            continue
        line = latex_claim(Claim(claim.left, right, claim.given), of.problem)
        if line in written:
            continue
        found = truth(of, claim, right, ALL if seldom else FEW, 1)
        if found == "equivalent" and mistake != EQUIVALENT and most:
            found = truth(of, claim, right, POINTS, ENOUGH)
        most -= found == "equivalent"
        if found is not None and (found == "wrong" or most >= 0):
            written.add(line)
            yield Mutant(of.name, source.target, mistake, claim, right, line, found)


def mutants(exercise: str = "", mistake: str = "", every: int = 1) -> Iterator[Mutant]:
    """All of them in order, or every so many-th."""
    number = 0
    for name in subjects():
        if exercise in ("", name):
            for one in mutants_of(name):
                if mistake in ("", one.mistake):
                    if number % every == 0:
                        yield one
                    number += 1


# ---- what the checker says of them -----------------------------------------------------------------------------------

class Said(NamedTuple):
    """A mutant with the judgement on its line, and the milliseconds that this and its diagnosis took."""

    mutant: Mutant
    checked: Checked
    milliseconds: float

    @property
    def is_accepted(self) -> bool:
        return self.checked.is_right

    @property
    def is_refuted(self) -> bool:
        return self.checked.judgement == "wrong"

    @property
    def is_judged_as_it_is(self) -> bool:
        return self.is_refuted if self.mutant.is_wrong else self.is_accepted

    @property
    def name(self) -> str:
        """What the diagnosis calls the mistake; empty where there is none."""
        return self.checked.diagnosis.mistake if self.checked.diagnosis else ""

    @property
    def is_named(self) -> bool:
        row = MISTAKES[self.mutant.mistake]
        return self.name in (row.name, *row.also)

    @property
    def is_mended_otherwise(self) -> bool:
        """Whether edits are shown under which the line is proved, by another name."""
        return bool(self.checked.diagnosis and self.checked.diagnosis.edits) and not self.is_named


@cache
def _work(name: str) -> Work:
    return work_on(subject(name).declared)


@cache
def _checker(name: str) -> Checker:
    declared, work = subject(name).declared, _work(name)
    checker = Checker(declared.problem, declared.vocabulary)
    checker.graph, checker.evaluator = work.graph, work.evaluator
    return checker


def judged_alone(mutant: Mutant) -> Said:
    """The judgement on a mutant's line, and no diagnosis."""
    checker, start = _checker(mutant.exercise), perf_counter()
    checked = checker.line(mutant.line, parse(mutant.line))
    return Said(settled(mutant), checked, 1000 * (perf_counter() - start))


def judged(mutant: Mutant) -> Said:
    """What is said of a mutant's line, by a checker that knows the exercise."""
    work, start = _work(mutant.exercise), perf_counter()
    checked, = one_by_one(subject(mutant.exercise).declared, [mutant.line], work=work)
    return Said(settled(mutant), checked, 1000 * (perf_counter() - start))


# ---- the table -------------------------------------------------------------------------------------------------------

COLUMNS = ("mistake", "number", "equal", "accepted", "refuted", "undecided", "named", "mended", "median ms", "max ms")


def table(said: Sequence[Said]) -> Iterator[str]:
    """A row for each mistake, the rewrites that keep the value, and all."""
    yield _row(COLUMNS)
    for name in (*MISTAKES, EQUIVALENT):
        if found := [one for one in said if one.mutant.mistake == name]:
            yield _row(_counted(name, found))
    yield _row(_counted("all", said))


def _row(cells: Sequence[object]) -> str:
    return "  ".join([str(cells[0]).ljust(21), *(str(cell).rjust(9) for cell in cells[1:])])


def _counted(name: str, said: Sequence[Said]) -> tuple[object, ...]:
    accepted, refuted = sum(one.is_accepted for one in said), sum(one.is_refuted for one in said)
    wrong = [one for one in said if one.mutant.is_wrong]
    times = [one.milliseconds for one in said]
    return (name, len(said), len(said) - len(wrong), accepted, refuted, len(said) - accepted - refuted,
            sum(one.is_named for one in wrong), sum(one.is_mended_otherwise for one in wrong),
            f"{median(times):.0f}", f"{max(times):.0f}")


def _told_of(one: Said) -> Iterator[str]:
    mutant, checked = one.mutant, one.checked
    yield (f"  {mutant.exercise}, target {mutant.target}: {mutant.mistake}, {mutant.truth}; said to be "
           f"{checked.judgement}{', ' + one.name if one.name else ''}")
    yield f"      {mutant.line}"
    yield f"      {checked.message}{'; '.join(checked.conditions)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The table, the misjudged lines, and the misnamed ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--verdicts", action="store_true", help="without a diagnosis, which takes most of the time")
    parser.add_argument("--mistake", default="", choices=("", *MISTAKES, EQUIVALENT))
    parser.add_argument("--exercise", default="", choices=("", *subjects()))
    asked = parser.parse_args(arguments)
    said: list[Said] = []
    for mutant in mutants(asked.exercise, asked.mistake, asked.every):
        said.append((judged_alone if asked.verdicts else judged)(mutant))
        print(f"\r{len(said)} lines, {mutant.exercise}".ljust(60), end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if not said:
        print("no such mutant")
        return 1
    print(*table(said), sep="\n")
    misjudged = [one for one in said if not one.is_judged_as_it_is]
    wrong = [one for one in said if one.mutant.is_wrong]
    misnamed = [one for one in wrong if not one.is_named]
    named = f"{len(wrong) - len(misnamed)} of {len(wrong)} wrong ones named"
    print(f"{len(said)} mutants, {len(misjudged)} misjudged, {named}")
    for one in misjudged:
        print(*_told_of(one), sep="\n")
    if len(misnamed) < len(wrong):
        print("named otherwise, or not:")
        for one in misnamed:
            print(*_told_of(one), sep="\n")
    return int(bool(misjudged))


if __name__ == "__main__":
    sys.exit(main())
