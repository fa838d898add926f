"""Where to look for a difference: sizes and inputs in strata, telling ones first, the same for the same seed.

Sizes cover every order between two lengths that can occur, each minimum, and small values of each letter one after the
other, so that a factor such as (m - 1)(m - 2) is not zero at all of them. Inputs cover both signs, ties, zeros, one
outlier, large and small magnitudes, and obey what the tensors declare and what the claim gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, cycle, islice, product
from math import prod
from random import Random
from typing import Final

from derivs.affine import Affine
from derivs.errors import IllFormed, Unsupported
from derivs.expr import Entry, Integer, Number, Sum
from derivs.problem import Claim, Given, Problem, Tensor
from derivs.scope import Range
from derivs.verdict import Point

At = tuple[int, ...]
Shape = tuple[Affine, ...]
Sizes = dict[str, int]
Entries = dict[tuple[str, At], Fraction]
Values = Callable[[Random, int], list[Fraction]]

MOST_ENTRIES: Final = 150                           # given at one point
MOST_SIZES: Final = 600                             # vectors of sizes that are looked at
BLEND: Final = 0.3                                  # of the tensors stay generic when others are not
PLACES: Final = 2                                   # index values tried with the same inputs
WIDTHS: Final = {0: 1, 1: 8, 2: 6, 3: 5, 4: 4, 5: 3}        # values tried for each letter, by the number of letters


@dataclass(frozen=True, slots=True)
class Sample:
    """Sizes and entries, and some values of the free indices to be looked at with them."""

    point: Point
    places: tuple[Mapping[str, int], ...]


def samples(problem: Problem, claim: Claim, bounds: Mapping[str, Range], given: Sequence[Tensor],
            rng: Random, kind: Values | None = None) -> Iterator[Sample]:
    """Without end, if any sizes satisfy the conditions.

    bounds: the ranges of the free indices. given: the tensors whose entries a point must have. kind: of all inputs.
    """
    for sizes, usual in sequence(problem, given, rng):
        yield from samples_at(problem, claim, bounds, given, sizes, kind or usual, rng, blend=BLEND)


def sequence(problem: Problem, given: Sequence[Tensor], rng: Random) -> Iterator[tuple[Sizes, Values]]:
    """Sizes with a kind of inputs, again and again."""
    return zip(_all_sizes(problem, given, rng), cycle(_KINDS), strict=False)


def samples_at(problem: Problem, claim: Claim, bounds: Mapping[str, Range], given: Sequence[Tensor], sizes: Sizes,
               kind: Values, rng: Random, *, blend: float = 0.0) -> Iterator[Sample]:
    """Inputs of one kind at these sizes; nothing where no values of the free indices satisfy the claim's conditions."""
    where = places(claim, bounds, sizes, rng)
    if where:
        yield from _imposed(problem, claim, Sample(Point(sizes, inputs(given, sizes, kind, rng, blend=blend)), where))


def _all_sizes(problem: Problem, given: Sequence[Tensor], rng: Random) -> Iterator[Sizes]:
    """First a few that tell much, then the strata, again and again."""
    yield from telling_sizes(problem, given, rng)
    strata = size_strata(problem, given)
    if not strata:
        raise Unsupported("no small sizes satisfy what the exercise says of them")
    for _ in range(1000):
        rng.shuffle(strata)
        yield from strata


# --------------------------------------------------------------------------------------------------------------- sizes


def telling_sizes(problem: Problem, given: Sequence[Tensor], rng: Random) -> Iterator[Sizes]:
    """Sizes of 2 and 3, neighbours different: they show what is transposed, and m = 3 what batches of 2 hide."""
    letters = problem.sizes
    for shift in (1, 0, 1):
        wanted = {name: 2 + (k + shift) % 2 for k, name in enumerate(letters)}
        sizes = _repaired(problem.constraints, wanted, rng)
        if sizes is not None and _fits(sizes, (), [tensor.shape for tensor in given]):
            yield sizes


def size_strata(problem: Problem, given: Sequence[Tensor]) -> list[Sizes]:
    """Of all small sizes, smallest first, those that show something new."""
    letters = problem.sizes
    forms = (form for tensor in problem.tensors.values() for form in tensor.shape if form.names and form.bare is None)
    boxes = _strata(letters, problem.constraints, tuple(tensor.shape for tensor in given), tuple(dict.fromkeys(forms)))
    return [dict(zip(letters, box, strict=True)) for box in boxes]


def small_sizes(problem: Problem, given: Sequence[Tensor]) -> list[Sizes]:
    """The sizes that satisfy the constraints, smallest first: some hundreds at most."""
    letters = problem.sizes
    boxes = _boxes(letters, problem.constraints, tuple(tensor.shape for tensor in given))
    return [dict(zip(letters, box, strict=True)) for box in boxes]


@lru_cache(maxsize=256)
def _strata(letters: tuple[str, ...], constraints: tuple[Affine, ...], shapes: tuple[Shape, ...],
            lengths: tuple[Affine, ...]) -> list[At]:
    seen: set[object] = set()
    strata = []
    for box in _boxes(letters, constraints, shapes):
        sizes = dict(zip(letters, box, strict=True))
        values = [*sizes.items(), *((form, form.at(sizes)) for form in lengths)]
        features: set[object] = {"any", *sizes.items()}
        features |= {(a, b, (x > y) - (x < y)) for (a, x), (b, y) in combinations(values, 2)}
        if len(box) <= 3:
            features.add(_order(box))
        if min(box, default=0) >= 2 and max(box) > 2:
            features.add("all at least 2, one larger")
        if not features <= seen:
            seen |= features
            strata.append(box)
    return strata


@lru_cache(maxsize=256)
def _boxes(letters: tuple[str, ...], constraints: tuple[Affine, ...], shapes: tuple[Shape, ...]) -> list[At]:
    width = WIDTHS.get(len(letters), 3)
    least = [_least(constraints, name) for name in letters]
    if width ** len(letters) <= MOST_SIZES:
        boxes = list(product(*(range(low, low + width) for low in least)))
    else:
        rng = Random(0)
        boxes = sorted({tuple(low + min(rng.randrange(width), rng.randrange(width)) for low in least)
                        for _ in range(MOST_SIZES)})
    start = _repaired(constraints, dict.fromkeys(letters, 1), Random(0))
    if start is not None and tuple(start.values()) not in boxes:
        boxes.append(tuple(start.values()))
    return sorted((box for box in boxes if _fits(dict(zip(letters, box, strict=True)), constraints, shapes)), key=sum)


def _fits(sizes: Sizes, constraints: Sequence[Affine], shapes: Sequence[Shape]) -> bool:
    """Whether the sizes satisfy the constraints and give few entries."""
    return (all(form.at(sizes) >= 0 for form in constraints)
            and sum(prod(form.at(sizes) for form in shape) for shape in shapes) <= MOST_ENTRIES)


def _least(constraints: Sequence[Affine], name: str) -> int:
    """The smallest value of a letter that the constraints in it alone allow."""
    forms = [form for form in constraints if form.names == {name}]
    return next((value for value in range(1, 20) if all(form.at({name: value}) >= 0 for form in forms)), 1)


def _repaired(constraints: Sequence[Affine], sizes: Sizes, rng: Random) -> Sizes | None:
    """The sizes, one letter after the other moved until the constraints hold."""
    for _ in range(60):
        broken = next((form for form in constraints if form.at(sizes) < 0), None)
        if broken is None:
            return sizes
        steps = [(name, step) for name in sorted(broken.names) for step in (1, -1)
                 if sizes[name] + step >= 1 and broken.at({**sizes, name: sizes[name] + step}) > broken.at(sizes)]
        if not steps:
            return None
        name, step = rng.choice(steps)
        sizes = {**sizes, name: sizes[name] + step}
    return None


def _order(values: At) -> tuple[int, ...]:
    """The ranks: (5, 2, 2) becomes (1, 0, 0)."""
    ranks = {value: rank for rank, value in enumerate(sorted(set(values)))}
    return tuple(ranks[value] for value in values)


# -------------------------------------------------------------------------------------------------------- free indices


def places(claim: Claim, bounds: Mapping[str, Range], sizes: Sizes, rng: Random) -> tuple[Mapping[str, int], ...]:
    """Values of the free indices under the conditions: different ones first, then equal ones or a corner."""
    every = product(*(range(low.at(sizes), high.at(sizes) + 1) for low, high in bounds.values()))
    allowed = [dict(zip(bounds, values, strict=True)) for values in islice(every, MOST_SIZES)]
    allowed = [place for place in allowed if all(_holds(condition, {**sizes, **place}) for condition in claim.given)]
    rng.shuffle(allowed)
    if len(allowed) <= PLACES:
        return tuple(allowed)
    various = max(allowed, key=lambda place: len(set(place.values())))
    rest = [place for place in allowed if place is not various]
    alike = min(rest, key=lambda place: (len(set(place.values())), rng.random()))
    return (various, alike)


def _holds(condition: Given, integers: Mapping[str, int]) -> bool:
    """Whether a condition on integer forms holds; one on expressions is imposed on the entries instead."""
    if isinstance(condition.left, Affine) and isinstance(condition.right, Affine):
        for name in sorted((condition.left.names | condition.right.names) - integers.keys()):
            raise IllFormed(f"the condition speaks of {name}, which is not in the formula")
        return (condition.left.at(integers) == condition.right.at(integers)) == (condition.op == "=")
    return True


# -------------------------------------------------------------------------------------------------------------- inputs


def inputs(given: Sequence[Tensor], sizes: Sizes, kind: Values, rng: Random, *, blend: float = 0.0) -> Entries:
    """Entries of one kind, but generic ones for the share `blend` of the tensors; all as the tensors declare.

    One tensor at least is of that kind: a claim about a single number must meet zero too.
    """
    entries: Entries = {}
    blended = {tensor.name for tensor in given if rng.random() < blend}
    free = [tensor.name for tensor in given if tensor.shape or not tensor.is_positive]
    if free and blended.issuperset(free):
        blended.remove(rng.choice(free))
    for tensor in given:
        shape = [form.at(sizes) for form in tensor.shape]
        # A positive scalar is an epsilon or a temperature: of order 1, or it would hide what stands beside it.
        scale = not shape and tensor.is_positive
        values = (generic if scale or tensor.name in blended else kind)(rng, prod(shape))
        for at, value in zip(product(*(range(1, size + 1) for size in shape)),
                             obeying(tensor, values, shape, rng), strict=True):
            entries[tensor.name, at] = value
    return entries


def obeying(tensor: Tensor, values: list[Fraction], shape: Sequence[int], rng: Random) -> list[Fraction]:
    """The values, changed to what the tensor declares of its entries; distributions lie along the last axis."""
    properties = tensor.properties
    width = shape[-1] if shape else 1
    rows = [values[k:k + width] for k in range(0, len(values), width)] if width else []
    if "onehot" in properties:
        hot = [rng.randrange(width) for _ in rows]
        return [Fraction(k == h) for h in hot for k in range(width)]
    if "simplex" in properties:
        return [share for row in rows for share in _shares([abs(v) for v in row], Fraction(1))]
    if "binary" in properties:
        return [Fraction(v > 0 if v else rng.randrange(2)) for v in values]
    if "in(0,1)" in properties:
        return [abs(v) / (1 + abs(v)) if v else Fraction(1, 2) for v in values]
    if "positive" in properties:
        return [abs(v) or Fraction(1) for v in values]
    if "nonnegative" in properties:
        return [abs(v) for v in values]
    return values


def _shares(weights: list[Fraction], whole: Fraction) -> list[Fraction]:
    total = sum(weights)
    return [whole * w / total if total else whole / len(weights) for w in weights]


_GENERIC: Final = tuple(Fraction(sign * p, q) for sign in (-1, 1) for p in range(1, 8) for q in range(1, 5))


def generic(rng: Random, n: int) -> list[Fraction]:
    """Small rationals, not zero, of both signs."""
    return rng.choices(_GENERIC, k=n)


def _positive(rng: Random, n: int) -> list[Fraction]:
    return [abs(v) for v in generic(rng, n)]


def _negative(rng: Random, n: int) -> list[Fraction]:
    return [-abs(v) for v in generic(rng, n)]


def simple(rng: Random, n: int) -> list[Fraction]:
    """What a person tries first."""
    return rng.choices((Fraction(0), Fraction(1), Fraction(-1), Fraction(2), Fraction(1, 2)), k=n)


def zeros(_: Random, n: int) -> list[Fraction]:
    """A kink of much."""
    return [Fraction(0)] * n


def _with_a_zero(rng: Random, n: int) -> list[Fraction]:
    values = generic(rng, n)
    if n > 1 or rng.random() < 0.5:                 # some scalars only: zero beside what is not
        values[:1] = zeros(rng, min(n, 1))
        rng.shuffle(values)
    return values


def _equal(rng: Random, n: int) -> list[Fraction]:
    return generic(rng, 1) * n


def _ties(rng: Random, n: int) -> list[Fraction]:
    return rng.choices(generic(rng, 2), k=n)


def _tiny_spread(rng: Random, n: int) -> list[Fraction]:
    centre, = generic(rng, 1)
    return [centre + Fraction(rng.randint(-9, 9), 1000) for _ in range(n)]


def _outlier(rng: Random, n: int) -> list[Fraction]:
    values = generic(rng, n)
    if values:
        values[rng.randrange(n)] = Fraction(rng.choice((-25, 25)))
    return values


def _large(rng: Random, n: int) -> list[Fraction]:
    return [Fraction(rng.choice((-1, 1)) * rng.randint(8, 30)) for _ in range(n)]


def _small(rng: Random, n: int) -> list[Fraction]:
    return [Fraction(rng.choice((-1, 1)) * rng.randint(1, 9), 100) for _ in range(n)]


def near(numbers: Sequence[Fraction]) -> Values:
    """Values on both sides of these numbers, and at them: what is compared with 1000 or with 1/1000 differs there."""
    around = [number * factor for number in numbers for factor in map(Fraction, ("1", "9/10", "11/10", "1/2", "2"))]
    pool = sorted({*around, *(-value for value in around), Fraction(0)})
    return lambda rng, count: [rng.choice(pool) for _ in range(count)]


_KINDS: Final[tuple[Values, ...]] = (
    generic, generic, generic, _positive, _negative, simple, _ties, _with_a_zero, _outlier, zeros, _tiny_spread, _equal,
    _large, _small, _with_a_zero, simple)


# ------------------------------------------------------------------------------------------------ what the claim gives


def _imposed(problem: Problem, claim: Claim, sample: Sample) -> Iterator[Sample]:
    """The sample with the claim's equations solved; each place apart, since an equation may speak of its indices."""
    equations = [given for given in claim.given if not isinstance(given.left, Affine)]
    if not equations:
        yield sample
        return
    for place in sample.places:
        entries = dict(sample.point.entries)
        integers = {**sample.point.integers, **place}
        for equation in equations:
            impose(problem, equation, integers, entries)
        yield Sample(Point(sample.point.integers, entries), (place,))


def impose(problem: Problem, equation: Given, integers: Mapping[str, int], entries: Entries) -> None:
    """Changes the entries so that `x[...] = constant`, or `sum of x over one axis = constant`, holds. Else Unsupported.

    A sum is imposed on every row, as people mean it by `sum_k t_ik = 1`; an entry only where its indices are.
    """
    left, right = equation.left, equation.right
    if isinstance(left, Number | Integer):
        left, right = right, left
    if equation.op != "=" or not isinstance(right, Number | Integer):
        raise _not_solved(equation)
    value = right.value if isinstance(right, Number) else Fraction(right.form.at(integers))
    match left:
        case Entry(name, at) if (key := (name, tuple(form.at(integers) for form in at))) in entries:
            entries[key] = value
        case Sum():
            _impose_sum(problem, equation, left, value, integers, entries)
        case _:
            raise _not_solved(equation)


def _impose_sum(problem: Problem, equation: Given, total: Sum, value: Fraction, integers: Mapping[str, int],
                entries: Entries) -> None:
    body = total.body
    if not isinstance(body, Entry) or problem.definition(body.tensor) is not None:
        raise _not_solved(equation)
    tensor = problem.tensors[body.tensor]
    axes = [axis for axis, form in enumerate(body.at) if total.index in form.names]
    if len(axes) != 1 or body.at[axes[0]].bare != total.index:
        raise _not_solved(equation)
    axis, = axes
    summed = range(total.low.at(integers), total.high.at(integers) + 1)
    rows: dict[At, list[tuple[str, At]]] = {}
    for name, at in entries:
        if name == body.tensor and at[axis] in summed:
            rows.setdefault((*at[:axis], *at[axis + 1:]), []).append((name, at))
    for keys in rows.values():
        if tensor.is_nonnegative:
            if value <= 0:
                raise _not_solved(equation)
            shares = _shares([entries[key] for key in keys], value)
            entries.update(zip(keys, shares, strict=True))
        else:
            entries[keys[-1]] = value - sum(entries[key] for key in keys[:-1])


def _not_solved(equation: Given) -> Unsupported:
    return Unsupported(f"the condition {equation.left} {equation.op} {equation.right} cannot be imposed on samples",
                       mend="give an entry of an input, or its sum over one index, a constant value")
