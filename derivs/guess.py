"""What an unknown is, guessed from its values at a few exact points: a number, times sizes, times something known.

Most of what people lose is of that kind: a sign, a 2, a 1/m, a factor or term that stands in the truth as it is.
Nothing rests on a guess; it is proved later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, product
from math import isclose, isfinite, prod
from random import Random
from typing import Final

from derivs.affine import symbol
from derivs.errors import DerivsError
from derivs.evaluate import Evaluator
from derivs.expr import ONE, ZERO, Expr, Integer, divide, mul, names_in, number, power, tensors_in, walk
from derivs.kernels import to_float
from derivs.points import Sizes, generic, samples_at, small_sizes, telling_sizes
from derivs.problem import Claim, Tensor
from derivs.scope import ranges
from derivs.worlds import Place

STEPS: Final = 20_000                  # that one value may cost
CLOSE: Final = 1e-9
LARGEST: Final = 400                   # numerator and denominator of a number that is guessed
POWERS: Final = (1, -1, 2, -2)
ALIKE: Final = 3                       # points of the same sizes
OTHERS: Final = 4                      # sizes at which a guess is looked at, beside the first
TRIES: Final = 6                       # inputs of some sizes, of which one shows that the line is wrong
MOST_KNOWN: Final = 40

Values = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """The exercise at exact inputs, with values of the free indices."""

    place: Place
    integers: Mapping[str, int]

    def value(self, evaluator: Evaluator, expr: Expr) -> float:
        return to_float(self.place.value(evaluator.compile(expr), self.integers))


@dataclass(slots=True)
class Looks:
    """A few points at which the sides of a claim differ, the first ones of the same sizes, and values known there."""

    evaluator: Evaluator
    spots: list[Spot]
    known: list[tuple[Expr, Values]] = field(default_factory=list)

    def values(self, left: Expr, rest: Expr, under: Expr) -> Values | None:
        """(left - rest)/under at each point; None where one of them has no value."""
        try:
            found = tuple((spot.value(self.evaluator, left) - spot.value(self.evaluator, rest))
                          / spot.value(self.evaluator, under) for spot in self.spots)
        except (DerivsError, OverflowError, ZeroDivisionError):
            return None
        return found if len(found) > 1 and all(map(isfinite, found)) else None

    def guesses(self, values: Values) -> Iterator[Expr]:
        """Expressions with these values: numbers and sizes times one thing that is known, or over it."""
        if not any(values):
            yield ZERO
            return
        for expr, own in self.known:
            for way in (1, -1) if expr != ONE else (1,):
                scaled = [value / one ** way for value, one in zip(values, own, strict=True)]
                if isclose(scaled[0], scaled[1], rel_tol=CLOSE, abs_tol=CLOSE):
                    front = self._fitted(scaled)
                    if front is not None:
                        yield mul(front, expr) if way == 1 else divide(front, expr)

    def has(self, expr: Expr, values: Values) -> bool:
        """Whether the expression has these values."""
        with suppress(DerivsError, OverflowError):
            return all(isclose(spot.value(self.evaluator, expr), value, rel_tol=CLOSE, abs_tol=CLOSE)
                       for spot, value in zip(self.spots, values, strict=True))
        return False

    def _fitted(self, values: Sequence[float]) -> Expr | None:
        """A number times powers of at most two sizes that has these values."""
        letters = self.evaluator.problem.sizes
        for names in ((), *((name,) for name in letters), *combinations(letters, 2)):
            for exponents in product(POWERS, repeat=len(names)):
                scales = [prod(float(spot.place.point.integers[name]) ** e
                               for name, e in zip(names, exponents, strict=True)) for spot in self.spots]
                c = values[0] / scales[0]
                if all(isclose(value, c * scale, rel_tol=CLOSE, abs_tol=CLOSE)
                       for value, scale in zip(values, scales, strict=True)):
                    known = _number(c)
                    return known and mul(known, *(power(Integer(symbol(name)), e)
                                                  for name, e in zip(names, exponents, strict=True)))
        return None


def looks(evaluator: Evaluator, claim: Claim, *trees: Expr) -> Looks:
    """The points for a claim; known are the parts of the trees that speak of its free indices alone."""
    problem, rng = evaluator.problem, Random(0)
    given = evaluator.given(claim.left, claim.right)
    first = next(iter(telling_sizes(problem, given, rng)), {})
    sizes = [first] * ALIKE + list(_others(small_sizes(problem, given), first, rng))
    spots = [spot for one in sizes if (spot := _spot(evaluator, claim, given, one, rng)) is not None]
    found = Looks(evaluator, spots, [(ONE, (1.0,) * len(spots))])
    allowed = names_in(claim.left) | names_in(claim.right) | set(problem.sizes)
    for part in dict.fromkeys(node for tree in trees for node in walk(tree)):
        if isinstance(part, Expr) and tensors_in(part) and names_in(part) <= allowed and len(found.known) < MOST_KNOWN:
            own = found.values(part, ZERO, ONE)
            if own is not None and 0 not in own:
                found.known.append((part, own))
    return found


def _spot(evaluator: Evaluator, claim: Claim, given: Sequence[Tensor], sizes: Sizes, rng: Random) -> Spot | None:
    """A point of these sizes at which the sides differ."""
    bounds = ranges(evaluator.problem, (claim.left, claim.right))
    for _ in range(TRIES):
        for sample in samples_at(evaluator.problem, claim, bounds, given, sizes, generic, rng):
            place = evaluator.at(sample.point, budget=STEPS)
            for integers in sample.places:
                spot = Spot(place, integers)
                with suppress(DerivsError, OverflowError):
                    if spot.value(evaluator, claim.left) != spot.value(evaluator, claim.right):
                        return spot
    return None


def _others(boxes: Sequence[Sizes], first: Sizes, rng: Random) -> Iterator[Sizes]:
    """Some of the other small sizes, those of at least 2 if there are any."""
    large = [box for box in boxes if box != first and min(box.values(), default=1) > 1]
    rest = large or [box for box in boxes if box != first]
    yield from rng.sample(rest, min(OTHERS, len(rest)))


def _number(value: float) -> Expr | None:
    """A short rational, or the root of one, as books write it: 1/√2."""
    for exponent in (Fraction(1), Fraction(1, 2)):
        near = Fraction(abs(value) ** float(1 / exponent)).limit_denominator(LARGEST)
        if near.numerator <= LARGEST and isclose(float(near) ** float(exponent), abs(value), rel_tol=CLOSE,
                                                 abs_tol=CLOSE):
            over, under = (power(number(part), number(exponent)) for part in (near.numerator, near.denominator))
            return mul(number(-1 if value < 0 else 1), divide(over, under))
    return None
