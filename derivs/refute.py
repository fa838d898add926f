"""An exact point where the two sides of a claim differ, made small enough to be followed by hand.

Both sides are evaluated as they were written. A difference is two rationals that differ or two balls that do not meet;
or one side has no value where the other has one. To agree at all points is no proof, and is not called one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, islice
from random import Random
from typing import Final, Literal

from derivs.affine import Affine
from derivs.errors import DivisionByZero, IllFormed, OutOfBudget, OutOfDomain
from derivs.evaluate import Evaluator
from derivs.expr import ZERO, Expr, tensors_in
from derivs.idle import idle
from derivs.kernels import FIRST_BITS, Imprecise, Undecided, Value, close, differ, exact, identical, sign, texts
from derivs.points import Entries, Sample, Values, generic, samples, samples_at, simple, small_sizes, zeros
from derivs.problem import Claim, Problem, Tensor
from derivs.scope import Range, ranges
from derivs.verdict import Point, Refuted
from derivs.worlds import Formula, Place

UNDEFINED: Final = "undefined"
BEYOND_A_KINK: Final = 8                            # samples looked at for a difference that is not on a kink
TRIED: Final = (zeros, simple, generic, simple, simple, generic)     # inputs, at each smaller sizes
STEPS: Final = 20_000                               # that one value may cost; the sizes are small
COSTLY: Final = 2                                   # values that cost more before the search is given up
LOOKS: Final = 300                                  # evaluations that making a counterexample small may cost
SIMPLEST: Final = tuple(map(Fraction, ("0", "1", "-1", "2", "1/2", "-2", "3", "1/4")))
EXACT: Final = tuple(map(Fraction, ("0", "1", "-1", "2", "3/4", "3")))     # with which roots may come out
EXACTLY: Final = 60                                 # of the looks may be for a point where both sides are rational
MOST_GROUPS: Final = 3                              # of entries of one tensor that are varied for it


@dataclass(frozen=True, slots=True)
class Agreed:
    """No difference at `points` exact points; at `skipped` others there was nothing to compare.

    divided: at how many of these only the right side divides by zero, where that is left open. Skipped is where
    both sides are undefined, where a comparison was not decided, and kinks, where these are left out.
    """

    points: int
    skipped: int
    divided: int = 0


@dataclass(frozen=True, slots=True)
class _Difference:
    """What was found at a point: the values, None where undefined; whether the left side met a tie on its way."""

    left: Value | None
    right: Value | None
    tied: bool

    @property
    def is_of_values(self) -> bool:
        return self.left is not None and self.right is not None

    @property
    def is_exact(self) -> bool:
        """Whether no decimals are needed to write it down."""
        return all(value is None or exact(value) is not None for value in (self.left, self.right))


Places = Sequence[Mapping[str, int]]
_Look = _Difference | Literal["agree", "silent", "costly", "divided"]


@dataclass(frozen=True, slots=True)
class _Search:
    """A claim, compiled, with the tensors that a point must give."""

    problem: Problem
    claim: Claim
    evaluator: Evaluator
    left: Formula
    right: Formula
    given: tuple[Tensor, ...]
    bounds: Mapping[str, Range]


def compare(problem: Problem, claim: Claim, *, points: int = 24, after: int = 0, seed: int = 0,
            off_kinks: bool = False, shrink: bool = True, evaluator: Evaluator | None = None,
            kind: Values | None = None) -> Refuted | Agreed:
    """The smallest difference found at that many samples of sizes and inputs, each at a few values of the indices.

    after: how many samples of this seed were looked at before and are left out. off_kinks: leave out points where a
    comparison was a tie. evaluator: the problem's, where there is one already: its points serve all claims. kind: of
    the inputs, where they are to be of one kind.
    Raises IllFormed, or Unsupported for a condition that cannot be imposed.
    """
    search = _search(problem, claim, evaluator)
    agreed = skipped = costly = divided = 0
    on_kink: tuple[Point, _Difference] | None = None
    last = points
    for count, (place, where) in enumerate(islice(_samples(search, seed, kind), after, None)):
        if count >= last or costly >= COSTLY:
            break
        for point, look in _looks(search, place, where):
            if isinstance(look, _Difference):
                if not look.tied:
                    return _refuted(search, point, look, Random(seed), shrink)
                if not off_kinks and on_kink is None:
                    on_kink, last = (point, look), min(points, count + BEYOND_A_KINK)
            agreed += look == "agree"
            skipped += look != "agree"
            costly += look == "costly"
            divided += look == "divided"
    if on_kink is not None:
        return _refuted(search, *on_kink, Random(seed), shrink)
    return Agreed(agreed, skipped, divided)


def nonzero_somewhere(problem: Problem, expr: Expr, *, points: int = 24, seed: int = 0,
                      evaluator: Evaluator | None = None) -> bool:
    """Whether a certified point was found where expr is not zero. False: none was found."""
    search = _search(problem, Claim(expr, ZERO), evaluator)
    for place, where in islice(_samples(search, seed), points):
        for integers in where:
            place.look()
            try:
                if sign(place.value(search.left, integers)):
                    return True
            except (OutOfDomain, OutOfBudget, Undecided, Imprecise):
                continue
    return False


def _search(problem: Problem, claim: Claim, evaluator: Evaluator | None) -> _Search:
    evaluator = evaluator or Evaluator(problem)
    last = evaluator.last
    if not isinstance(last, _Search) or last.claim is not claim:
        last = _Search(problem, claim, evaluator, evaluator.compile(claim.left), evaluator.compile(claim.right),
                       evaluator.given(claim.left, claim.right), ranges(problem, (claim.left, claim.right)))
        evaluator.last = last                       # a claim is looked at twice, before its proof and after it
    return last


def _samples(search: _Search, seed: int, kind: Values | None = None) -> Iterator[tuple[Place, Places]]:
    """The exercise at one point after the other, with the values of the free indices to be looked at.

    Equations between entries need points of their own; all other claims share those of the evaluator.
    """
    if kind is not None or any(not isinstance(given.left, Affine) for given in search.claim.given):
        for sample in samples(search.problem, search.claim, search.bounds, search.given, Random(seed), kind):
            yield search.evaluator.at(sample.point, budget=STEPS), sample.places
    else:
        for spot in search.evaluator.bank(search.given, seed, budget=STEPS):
            where = spot.places(search.claim, search.bounds)
            if where:
                yield spot.place, where


def _looks(search: _Search, place: Place, where: Places) -> Iterator[tuple[Point, _Look]]:
    """What is seen at a place, at each of these values of the free indices."""
    point = place.point
    for integers in where:
        yield Point({**point.integers, **integers}, point.entries), _look(search, place, integers)


def _look(search: _Search, place: Place, integers: Mapping[str, int]) -> _Look:
    place.look()
    try:
        while True:
            bits = place.bits
            left = _value(place, search.left, integers)
            if left is None and search.claim.where_left:
                return "silent"
            tied = place.tied              # where only the right side meets a tie, the left has a plain value
            try:
                right = place.value(search.right, integers)
            except DivisionByZero:
                if search.claim.where_left:
                    return "divided"
                right = None
            except OutOfDomain:
                right = None
            if left is None or right is None:
                return "silent" if left is right or (right is None and tied) else _Difference(left, right, tied)
            if differ(left, right):
                return _Difference(left, right, tied)
            if identical(left, right) or (bits > FIRST_BITS and close(left, right)):
                return "agree"
            if not place.sharpen():
                return "silent"
    except Undecided:
        return "silent"
    except OutOfBudget:
        return "costly"


def _value(place: Place, formula: Formula, integers: Mapping[str, int]) -> Value | None:
    try:
        return place.value(formula, integers)
    except OutOfDomain:
        return None


# ------------------------------------------------------------------------------------------ a point one can follow


def _refuted(search: _Search, point: Point, found: _Difference, rng: Random, shrink: bool) -> Refuted:
    if shrink:
        point, found = _Shrinker(search, found).smallest(point, rng)
    claim = replace(search.claim, problem=search.problem)
    if found.left is None:
        return Refuted(point, UNDEFINED, _shown(found.right), claim)
    if found.right is None:
        return Refuted(point, _shown(found.left), UNDEFINED, claim)
    return Refuted(point, *texts(found.left, found.right), claim)


def _shown(value: Value | None) -> str:
    return UNDEFINED if value is None else texts(value, value)[0]


class _Shrinker:
    """Makes a point smaller while the sides still differ in the same way: in value or not, at a tie or not."""

    def __init__(self, search: _Search, found: _Difference) -> None:
        self.search, self.found, self.left = search, found, LOOKS
        # An equation of the claim ties the entries of its tensors together: these are left as they were sampled.
        self.fixed = frozenset[str]().union(*(tensors_in(side) for given in search.claim.given
                                              for side in (given.left, given.right) if isinstance(side, Expr)))

    def smallest(self, point: Point, rng: Random) -> tuple[Point, _Difference]:
        """The point with the smallest sizes, then with the simplest entries, that was found."""
        point = self._smaller_sizes(point, rng)
        sizes = {name: point.integers[name] for name in self.search.problem.sizes}
        places = {name: value for name, value in point.integers.items() if name not in sizes}
        entries = dict(point.entries)
        for tensor in self.search.given:
            for group in self._groups(tensor, entries):
                self._simplify(tensor, group, sizes, places, entries)
        self._make_exact(sizes, places, entries)
        unread = idle(self.search.evaluator, self.search.claim, self.search.given, sizes, places) - self.fixed
        return Point(point.integers, entries, unread), self.found

    def _smaller_sizes(self, point: Point, rng: Random) -> Point:
        search = self.search
        largest = sum(point.integers[name] for name in search.problem.sizes)
        for sizes in small_sizes(search.problem, search.given):
            if sum(sizes.values()) > largest or self.left < LOOKS // 2:
                break
            for kind in TRIED:
                for sample in samples_at(search.problem, search.claim, search.bounds, search.given, sizes, kind, rng):
                    for smaller, look in self._looks(sample):
                        if self._as_good(look):
                            return smaller
        return point

    def _groups(self, tensor: Tensor, entries: Entries) -> Sequence[Sequence[tuple[str, tuple[int, ...]]]]:
        """The entries of a tensor: first all at once, then one after the other."""
        keys = [key for key in entries if key[0] == tensor.name]
        if tensor.name in self.fixed or not tensor.properties.isdisjoint({"onehot", "simplex"}):
            return []
        return [keys, *([key] for key in keys)] if len(keys) > 1 else [keys]

    def _simplify(self, tensor: Tensor, keys: Sequence[tuple[str, tuple[int, ...]]], sizes: Mapping[str, int],
                  place: Mapping[str, int], entries: Entries) -> None:
        """The first of the simplest values that these entries may all have."""
        worst = max(map(_rank, (entries[key] for key in keys)), default=0)
        for rank, value in enumerate(SIMPLEST):
            if rank >= worst or self.left <= 0:
                break
            if _allowed(tensor, value):
                changed = {**entries, **dict.fromkeys(keys, value)}
                (_, look), = self._looks(Sample(Point(sizes, changed), (place,)))
                if self._as_good(look):
                    entries.update(changed)
                    break

    def _make_exact(self, sizes: Mapping[str, int], place: Mapping[str, int], entries: Entries) -> None:
        """Other simple values of one or two groups of entries, with which both sides are rational, if there are any."""
        groups = [(tensor, group) for tensor in self.search.given
                  for group in self._groups(tensor, entries)[:MOST_GROUPS]]
        singles = [dict.fromkeys(keys, value) for tensor, keys in groups for value in EXACT if _allowed(tensor, value)]
        pairs = ({**one, **other} for one, other in combinations(singles, 2) if one.keys().isdisjoint(other))
        for change in islice((*singles, *pairs), min(EXACTLY, self.left)):
            if self.found.is_exact:
                return
            changed = {**entries, **change}
            (_, look), = self._looks(Sample(Point(sizes, changed), (place,)))
            if isinstance(look, _Difference) and look.is_exact and self._as_good(look):
                entries.update(changed)

    def _looks(self, sample: Sample) -> list[tuple[Point, _Look]]:
        self.left -= len(sample.places)
        try:
            place = self.search.evaluator.at(sample.point, budget=STEPS)
            return list(_looks(self.search, place, sample.places))
        except IllFormed:                           # sizes for which the formula was not meant
            return [(sample.point, "silent")]

    def _as_good(self, look: _Look) -> bool:
        if (not isinstance(look, _Difference) or look.is_of_values != self.found.is_of_values
                or (look.tied and not self.found.tied)):
            return False
        self.found = look
        return True


def _rank(value: Fraction) -> int:
    """How far from simple a value is."""
    return SIMPLEST.index(value) if value in SIMPLEST else len(SIMPLEST)


def _allowed(tensor: Tensor, value: Fraction) -> bool:
    """Whether an entry may have the value."""
    if "binary" in tensor.properties:
        return value in (0, 1)
    if "in(0,1)" in tensor.properties:
        return 0 < value < 1
    return value > 0 if tensor.is_positive else value >= 0 if tensor.is_nonnegative else True
