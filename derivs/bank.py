"""Exact points of an exercise, the same for every claim about it, each with all that has been computed there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, islice
from random import Random
from typing import Any, Final

from derivs.points import BLEND, Sizes, Values, inputs, places, sequence
from derivs.problem import Claim, Problem, Tensor
from derivs.scope import Range
from derivs.verdict import Point
from derivs.worlds import Place

KEPT: Final = 100                                   # points; the ones after them are worked out anew for each claim
LAST: Final = 2000


class Spot:
    """One of the points. Its inputs are not made before somebody looks."""

    def __init__(self, bank: Bank, number: int, sizes: Sizes, kind: Values) -> None:
        self.bank, self.sizes, self.kind = bank, sizes, kind
        self.seed = 2 * (bank.seed * LAST + number)
        self.is_kept = number < KEPT
        self._place: Place | None = None
        self._places: dict[Any, tuple[Mapping[str, int], ...]] = {}

    @property
    def place(self) -> Place:
        """The exercise at this point."""
        if self._place is not None:
            return self._place
        entries = inputs(self.bank.given, self.sizes, self.kind, Random(self.seed), blend=BLEND)
        place = self.bank.at(Point(self.sizes, entries))
        if self.is_kept:
            self._place = place
        return place

    def places(self, claim: Claim, bounds: Mapping[str, Range]) -> tuple[Mapping[str, int], ...]:
        """Values of the free indices, the same for all claims whose indices run over the same."""
        key = (tuple(bounds.items()), claim.given)
        found = self._places.get(key)
        if found is None:
            found = places(claim, bounds, self.sizes, Random(self.seed + 1))
            if self.is_kept:
                self._places[key] = found
        return found


class Bank:
    """The points of `derivs.points`, for claims that need these tensors and tie none of their entries together."""

    def __init__(self, problem: Problem, given: Sequence[Tensor], seed: int, at: Callable[[Point], Place]) -> None:
        self.given, self.seed, self.at = given, seed, at
        self._more = islice(sequence(problem, given, Random(seed)), LAST)
        self._spots: list[Spot] = []

    def __iter__(self) -> Iterator[Spot]:
        for k in count():
            if k == len(self._spots):
                found = next(self._more, None)
                if found is None:
                    return
                self._spots.append(Spot(self, k, *found))
            yield self._spots[k]
