"""What would mend a wrong line: the single changes of its own text, nearest first, until one of them is proved.

Every change is looked at exactly at a few points, which is quick and discards almost all; what is left is written out
in the author's own notation, read again as any line is, and proved. Nothing else is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import combinations, islice
from math import inf
from time import perf_counter
from typing import Final

from derivs.edits.oddities import oddities
from derivs.edits.places import Site, Words, sites, words_of
from derivs.edits.table import TABLE, Row
from derivs.edits.wording import distance, narrowed, sentence
from derivs.errors import DerivsError, IllFormed, OutOfDomain
from derivs.evaluate import Evaluator
from derivs.expr import Expr
from derivs.judgement import Diagnosis
from derivs.kernels import Imprecise, Undecided, differ
from derivs.problem import Problem
from derivs.reading.choices import Choices, others
from derivs.reading.claims import Reading, claim
from derivs.reading.parse import parse
from derivs.reading.remember import Memory
from derivs.reading.respell import NEW, bracketed, replaced, spell, with_part
from derivs.reading.spelling import bare, items, letters
from derivs.reading.syntax import Node, Product, Scripts, Span, Sum, children, walk
from derivs.reading.syntax import Row as Listed
from derivs.reading.vocabulary import Vocabulary
from derivs.refute import STEPS, Agreed, compare
from derivs.verdict import Point
from derivs.worlds import Place

READINGS: Final = 2                    # of a line that are looked at: what a sign usually means, and the next best
POINTS: Final = 3                      # samples of sizes and inputs at which a change must agree to be worth a proof
SURE: Final = 30                       # ... and before that is tried
PROOFS: Final = 8                      # changes that agree there and are tried to be proved
PAIRED: Final = 1.0                    # weight up to which a mistake is tried together with another one
BOTH: Final = 6.0                      # what a second change weighs
LOOKED_AT: Final = 1600                # changes of a line, so that what is found does not hang on the machine
NEAR: Final = 0.5                      # about four signs: what is no further than that from the nearest will do
FAR: Final = 12                        # signs: what is changed further is no less near

Proof = Callable[[Node], bool]


@dataclass(frozen=True, slots=True)
class Change:
    """Parts of a formula and what stands in their places instead. weight: how far it is from the author's text."""

    row: Row
    old: tuple[Node, ...]
    new: tuple[Node, ...]
    weight: float
    rows: tuple[Row, ...] = ()


@dataclass(slots=True)
class Mender:
    """A wrong line: its left side, its right side, and the text that they stand in, from `start` on.

    at: a point where the two sides differ, which a change must mend before all others. left: changes that may still be
    looked at. deadline: of perf_counter, far behind what these mostly take. reading: the one of the readings in which
    changes are looked at now. odd: how many oddities the line has as it stands.
    """

    problem: Problem
    vocabulary: Vocabulary
    evaluator: Evaluator
    subject: Node
    side: Node
    given: Sequence[Node]
    source: str
    start: int
    deadline: float
    seed: int = 0
    at: Point | None = None
    words: Words = field(init=False)
    tried: set[tuple[Expr, Expr]] = field(default_factory=set)
    readings: list[tuple[dict[str, int], Memory]] = field(default_factory=list)
    reading: tuple[dict[str, int], Memory] = field(init=False)
    odd: int = 0
    parents: dict[int, Node] = field(default_factory=dict)
    shifted: str = ""
    places: dict[int, Place] = field(default_factory=dict)
    left: int = LOOKED_AT
    proofs: int = PROOFS

    def __post_init__(self) -> None:
        self.words = words_of(self.vocabulary, self.subject, self.side)
        choices = Choices()
        with suppress(DerivsError):
            now = claim(self.problem, self.vocabulary, choices, self.subject, self.side, self.given).claim
            self.odd = oddities(now.left, now.right)
        for taken in ({}, *islice(others(choices, {frozenset()}), READINGS - 1)):
            memory = Memory()
            memory.keep((self.subject, self.side, *self.given, *self.words.factors))
            self.readings.append((taken, memory))
        self.reading = self.readings[0]
        self.shifted = " " * self.start + self.source      # so that the places of nodes count in it
        self.parents = {id(part): node for node in walk(self.side) for part in children(node)}

    @property
    def is_over(self) -> bool:
        return self.left <= 0 or perf_counter() > self.deadline

    def by_one(self, proves: Proof) -> Diagnosis | None:
        """The nearest change that `proves`; None if there is none among those that were tried in time."""
        for reading in self.readings:
            self.reading = reading
            if (said := self._by_one(proves)) is not None or self.is_over:
                return said
        return None

    def _by_one(self, proves: Proof) -> Diagnosis | None:
        self._read_once()
        found: list[Change] = []
        for k, row in enumerate(TABLE):
            nearest = min(other.weight for other in TABLE[k:]) + NEAR
            if (said := self._proved(found, nearest, proves)) is not None:
                return said
            if self.is_over:
                break
            for change in self._changes(row):
                if self.is_over:
                    break
                if self._agrees(change):
                    found.append(change)
        return self._proved(found, inf, proves)

    def _read_once(self) -> None:
        """The line as it stands, whose parts are then read and compiled."""
        taken, memory = self.reading
        with suppress(DerivsError, RecursionError):
            now = claim(self.problem, self.vocabulary, Choices(dict(taken)), self.subject, self.side, self.given,
                        memory)
            self.evaluator.extended(now.problem).keep(now.claim.right)

    def _proved(self, found: list[Change], limit: float, proves: Proof) -> Diagnosis | None:
        """The first of the changes up to that weight that is proved; those that were tried are taken out."""
        found.sort(key=lambda change: change.weight)
        while found and found[0].weight <= limit and self.proofs:
            change = found.pop(0)
            if self._agrees(change, SURE):
                self.proofs -= 1
                if (said := self._said(change, proves)) is not None:
                    return said
        return None

    def by_two(self, proves: Proof) -> Diagnosis | None:
        """Two of the most frequent mistakes at once, in places of their own."""
        self.reading = self.readings[0]
        simple = [change for row in TABLE if row.weight <= PAIRED for change in self._changes(row)
                  if len(change.old) == 1]
        for one, two in combinations(simple, 2):
            if self.is_over:
                return None
            if not _overlap(one.old[0].span, two.old[0].span):
                both = Change(max(one.row, two.row, key=lambda row: row.weight), one.old + two.old, one.new + two.new,
                              one.weight + two.weight + BOTH, (one.row, two.row))
                if self._agrees(both) and (said := self._said(both, proves)) is not None:
                    return said
        return None

    # ---- changes

    def _changes(self, row: Row) -> Iterator[Change]:
        """What the row would change, first in one place, then in all places that read the same."""
        same: dict[tuple[str, str], list[list[Change]]] = {}
        for site in sites(self.side):
            if site.node.span == NEW:
                continue
            here = [self._change(row, site, new) for new in row.changes(site, self.words)]
            found = [change for change in here if change is not None]
            yield from found
            if found:
                text = self._text(site.node)
                same.setdefault((site.place if site.place == "subscript" else "", text), []).append(found)
        for several in same.values():
            if len(several) > 1 and len({len(found) for found in several}) == 1:
                for together in zip(*several, strict=True):
                    old = tuple(node for change in together for node in change.old)
                    if len({id(node) for node in old}) == len(old) and not any(
                            _overlap(a.span, b.span) for a, b in combinations(old, 2)):
                        yield Change(row, old, tuple(node for change in together for node in change.new),
                                     max(change.weight for change in together) + 1)

    def _change(self, row: Row, site: Site, new: Node) -> Change | None:
        """The change as one of a part that can be written by itself: a script is written with its name."""
        old = site.node
        if site.owner is not None:
            old, new = site.owner, _with_script(site.owner, site.node, new)
        elif site.place in ("factor", "base", "body", "term") and isinstance(new, Sum):
            new = bracketed(new)
        before = self._text(old)
        after = spell(new, self.shifted)
        if before == after or not after:
            return None
        return Change(row, (old,), (new,), row.weight + row.per_sign * min(distance(before, after), FAR))

    def _text(self, node: Node) -> str:
        return self.source[node.span[0] - self.start:node.span[1] - self.start]

    # ---- judging them

    def _agrees(self, change: Change, points: int = POINTS) -> bool:
        """Whether the line so changed has the right value wherever it was looked at."""
        self.left -= 1
        new = self._with(change)
        taken, memory = self.reading
        try:
            reading = claim(self.problem, self.vocabulary, Choices(dict(taken)), self.subject, new, self.given, memory)
            left, right = reading.claim.left, reading.claim.right
            if (points == POINTS and (left, right) in self.tried) or oddities(left, right) > self.odd:
                return False
            self.tried.add((left, right))
            evaluator = self.evaluator.extended(reading.problem)
            if self._fails(evaluator, reading):
                return False
            found = compare(reading.problem, reading.claim, points=points, seed=self.seed, shrink=False, off_kinks=True,
                            evaluator=evaluator)
        except (DerivsError, RecursionError):
            return False
        return isinstance(found, Agreed) and found.points > 0

    def _fails(self, evaluator: Evaluator, reading: Reading) -> bool:
        """Whether the sides still differ where they did."""
        if self.at is None:
            return False
        place = self.places.get(id(evaluator))
        if place is None:
            place = self.places[id(evaluator)] = evaluator.at(self.at, budget=STEPS)
        place.look()
        try:
            left, right = (place.value(evaluator.compile(side), self.at.integers)
                           for side in (reading.claim.left, reading.claim.right))
        except (OutOfDomain, IllFormed, Undecided, Imprecise):
            return False                               # the point does not give what the changed line needs
        return differ(left, right)

    def _with(self, change: Change) -> Node:
        """The right side, so changed."""
        if len(change.old) > 1:
            return replaced(self.side, {id(old): new for old, new in zip(change.old, change.new, strict=True)})
        (old,), (new,) = change.old, change.new
        while (parent := self.parents.get(id(old))) is not None:
            new, old = with_part(parent, old, new), parent
        return new

    def _said(self, change: Change, proves: Proof) -> Diagnosis | None:
        """The change in words, if the line with it, read as any line is, is proved."""
        low, high = self.side.span
        text = self.source[low - self.start:high - self.start]
        edits = []
        for old, new in sorted(zip(change.old, change.new, strict=True), key=lambda pair: -pair[0].span[0]):
            at, to = old.span[0] - low, old.span[1] - low
            written = spell(new, self.shifted)
            text = text[:at] + written + text[to:]
            edits.append(narrowed(self._text(old), written, old.span))
        try:
            if not proves(parse(text)):
                return None
        except (DerivsError, RecursionError):
            return None
        edits.reverse()
        mistakes = [row.mistake for row in change.rows or (change.row,)]
        return Diagnosis(mistakes[0] if len(set(mistakes)) == 1 else "two mistakes", sentence(mistakes, edits),
                         tuple(edits), text)


def _with_script(owner: Scripts, old: Node, new: Node) -> Scripts:
    """The name with one of its scripts changed; subscripts that are sums stand between commas."""
    if owner.above is not None and any(part is old for part in walk(owner.above)):
        above = replaced(owner.above, {id(old): new})
        return Scripts(owner.base, owner.below, above, owner.primes, NEW)
    parts = tuple(new if letter is old else letter for item in items(owner.below) for letter in letters(item))
    below: Node = parts[0] if len(parts) == 1 else Listed(parts, NEW) if any(
        isinstance(bare(part), Sum) for part in parts) or isinstance(bare(owner.below or new), Listed) else Product(
        parts, NEW)
    return Scripts(owner.base, below, owner.above, owner.primes, NEW)


def _overlap(one: Span, two: Span) -> bool:
    return one[0] < two[1] and two[0] < one[1]
