"""An exercise at an exact point, in balls of 300 bits: nodes by their definitions, derivatives by differences.

It knows nothing of the calculus, and shares no code with the proof or with `derivs.refute`: what a tree means it asks
`slowly`. A central difference with a step of 2^-70 is right to some forty digits, which tells a relative error of 1e-12
from none. Derivatives in a formula are read as entries of tensors of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import product
from math import prod
from random import Random
from typing import NamedTuple

from flint import arb, ctx
from slowly import BITS, Imprecise, Undefined, value

from derivs.affine import Affine
from derivs.expr import (
    Apply,
    Cases,
    Derivative,
    Entry,
    Indicator,
    Largest,
    Tree,
    add,
    mul,
    number,
    rebuild,
    tensors_in,
    walk,
)
from derivs.problem import Definition, Given, Problem, Tensor, bar
from derivs.rules.opaque import is_opaque

STEP = Fraction(1, 2 ** 70)
CLOSE = Fraction(1, 2 ** 85)           # relative: twelve digits below the smallest error that is made on purpose
FLOOR = Fraction(1, 2 ** 110)          # absolute: what a difference costs
MOST = 24                              # entries given at a point

SMOOTH = {"exp", "log", "erf", "sin", "cos", "pi", "sigmoid", "tanh", "softplus"}

Place = tuple[str, tuple[int, ...]]


class Ball(NamedTuple):
    """A value as `slowly` takes the entries of tensors."""

    numerator: arb
    denominator: int = 1


class Shapes(dict[str, Tensor]):
    """The tensors of an exercise, and those whose entries are derivatives, by their names.

    What lies outside a tensor is read as zero, as the checker does.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__({name: Tensor(name, t.shape, zero_outside=True) for name, t in problem.tensors.items()})

    def __missing__(self, name: str) -> Tensor:
        _, of, by = name.split("/")
        self[name] = Tensor(name, self[of].shape + self[by].shape, zero_outside=True)
        return self[name]


def readable(expr: Tree) -> Tree:
    """Derivatives as entries of tensors of their own; a function that nobody knows as one that has no symmetry."""
    if isinstance(expr, Derivative):
        return Entry(f"{expr.kind}/{expr.of.tensor}/{expr.by.tensor}", expr.of.at + expr.by.at)
    if isinstance(expr, Apply) and is_opaque(expr.function):
        u, = map(readable, expr.arguments)
        if expr.function.endswith("'"):
            return add(Apply("cos", (u,)), mul(number(2), u))           # type: ignore[arg-type]
        return add(Apply("sin", (u,)), mul(u, u))                       # type: ignore[arg-type]
    found: Tree = rebuild(expr, readable)
    return found


@dataclass
class World:
    """What every entry is worth. Where `base` is another world, only the tensors that are `moving` are worth something
    else here, by the nudge to one entry and by what follows from it."""

    problem: Problem
    sizes: Mapping[str, int]
    given: Mapping[Place, Fraction]
    base: World | None = None
    moving: frozenset[str] = frozenset()
    nudge: tuple[Place, Fraction] | None = None
    known: dict[Place, arb] = field(default_factory=dict)
    nudged: dict[tuple[str, Place, Fraction], World] = field(default_factory=dict)
    smooth: bool | None = None
    is_generic: bool = False
    tensors: Shapes = field(init=False)
    formulas: dict[str, Tree] = field(init=False)

    def __post_init__(self) -> None:
        if self.base is None:
            self.tensors = Shapes(self.problem)
            self.formulas = {d.tensor: readable(d.value) for d in self.problem.definitions}
        else:
            self.tensors, self.formulas = self.base.tensors, self.base.formulas

    def places(self, tensor: str) -> Iterator[Place]:
        for at in product(*(range(1, size.at(self.sizes) + 1) for size in self.problem.tensors[tensor].shape)):
            yield tensor, at

    def __getitem__(self, place: Place) -> Ball:
        return Ball(self.entry(place))

    def entry(self, place: Place) -> arb:
        if self.base is not None and place[0] not in self.moving:
            return self.base.entry(place)
        if place not in self.known:
            value = self._entry(place)
            if self.nudge is not None and self.nudge[0] == place:
                value += arb(self.nudge[1].numerator) / self.nudge[1].denominator
            self.known[place] = value
        return self.known[place]

    def _entry(self, place: Place) -> arb:
        tensor, at = place
        if place in self.given:
            return arb(self.given[place].numerator) / self.given[place].denominator
        definition = self.problem.definition(tensor)
        if definition is not None:
            return self.value(self.formulas[tensor], dict(zip(definition.indices, at, strict=True)))
        if tensor == bar(self.problem.loss):
            return arb(1)
        if tensor.endswith("_bar"):
            return self.slope("total", self.problem.loss, (), (tensor.removesuffix("_bar"), at))
        kind, of, by = tensor.split("/")            # a derivative in a formula: see `readable`
        rank = len(self.tensors[of].shape)
        return self.slope(kind, of, at[:rank], (by, at[rank:]))

    def value(self, formula: Tree, names: Mapping[str, int]) -> arb:
        """The value of a formula that was made readable; names are the free indices."""
        return value(formula, self.tensors, {**self.sizes, **names}, self)  # type: ignore[arg-type]

    def loss(self) -> arb:
        if self.problem.definition(self.problem.loss):
            return self.entry((self.problem.loss, ()))
        return sum((self.entry((bar(y), at)) * self.entry((y, at))
                    for output in self.problem.outputs for y, at in self.places(output)), arb(0))

    def slope(self, kind: str, of: str, at: tuple[int, ...], by: Place) -> arb:
        """∂of/∂by by a central difference; local: every other node keeps its value."""
        high, low = (self._end(kind, of, at, by, step) for step in (STEP, -STEP))
        return (high - low) / (2 * arb(STEP.numerator)) * STEP.denominator

    def _end(self, kind: str, of: str, at: tuple[int, ...], by: Place, step: Fraction) -> arb:
        key = (of if kind == "local" else "", by, step)
        if key not in self.nudged:
            moving = frozenset({of, by[0]}) if kind == "local" else _behind(self.problem.definitions, by[0])
            self.nudged[key] = World(self.problem, self.sizes, self.given, self, moving, (by, step))
        there = self.nudged[key]
        return there.loss() if of == self.problem.loss else there.entry((of, at))

    def is_smooth(self) -> bool:
        """Whether every output changes at the same rate to both sides, whichever input is moved: no kink is here."""
        if self.smooth is None:
            try:
                self.smooth = self._is_smooth()
            except (Undefined, Imprecise):
                self.smooth = False
        return self.smooth

    def _is_smooth(self) -> bool:
        if not any(isinstance(part, Apply | Largest | Cases | Indicator) and not (
                isinstance(part, Apply) and part.function in SMOOTH)
                for definition in self.problem.definitions for part in walk(definition.value)):
            return True
        outputs = self.problem.outputs if self.problem.definition(self.problem.loss) is None else (self.problem.loss,)
        asked = [place for output in outputs for place in self.places(output)]
        moved = [place for place in self.given if not place[0].endswith("_bar")]
        tight = arb(1) / STEP.denominator ** 2 * 2 ** 50
        return all(_within(self._end("total", of, at, by, STEP) - self.entry((of, at)),
                           self.entry((of, at)) - self._end("total", of, at, by, -STEP), tight)
                   for of, at in asked for by in moved)


@cache
def _behind(definitions: tuple[Definition, ...], tensor: str) -> frozenset[str]:
    """A tensor and all that is computed from it."""
    found = {tensor}
    for definition in definitions:
        if not found.isdisjoint(_reads(definition)):
            found.add(definition.tensor)
    return frozenset(found)


@cache
def _reads(definition: Definition) -> frozenset[str]:
    return tensors_in(definition.value)


def equal(a: arb, b: arb) -> bool:
    """Whether two values are the same up to what differences cost. Raises Imprecise where the balls are too wide."""
    return _within(a, b, (abs(a) + abs(b)) * CLOSE.numerator / CLOSE.denominator + arb(1) / FLOOR.denominator)


def _within(a: arb, b: arb, bound: arb) -> bool:
    ctx.prec = BITS
    if not a.rad() + b.rad() < bound:
        raise Imprecise
    return bool(abs(a - b) < bound)


# ---- points ----------------------------------------------------------------------------------------------------------

def _generic(rng: Random) -> Fraction:
    return Fraction(rng.randint(-300, 300), 97) or Fraction(1, 97)


KINDS = {                              # how the entries of an input look
    "generic": _generic,
    "ties": lambda rng: Fraction(rng.choice((-1, 0, 1, 1, 2))),
    "positive": lambda rng: abs(_generic(rng)),
    "large": lambda rng: 1000 * _generic(rng),
    "negative": lambda rng: -abs(_generic(rng)),
    "small": lambda rng: _generic(rng) / 10 ** 6,
    "equal": lambda rng: Fraction(0),               # all the same: see `_draw`
    "outlier": lambda rng: _generic(rng) * (5000 if rng.random() < 0.3 else 1),
    "far": lambda rng: 1500 + _generic(rng),
    "far below": lambda rng: -1500 + _generic(rng),
    "tiny beside": lambda rng: _generic(rng) / 1000,
}
ROTATION = ("generic", "generic", "ties", "generic", "far", "positive", "far below", "small", "ties", "generic",
            "large", "negative", "far", "far below", "equal", "outlier")


def worlds(problem: Problem, count: int, seed: int = 0) -> Iterator[World]:
    """Points one after the other: small and larger sizes, inputs of every kind, generic ones first."""
    rng = Random(seed)
    for turn in range(count):
        yield _world(problem, turn, rng)


def _world(problem: Problem, turn: int, rng: Random) -> World:
    sizes = _sizes(problem, turn, rng)
    empty = World(problem, sizes, {})
    upstream = [] if problem.definition(problem.loss) else [problem.tensors[bar(y)] for y in problem.outputs]
    kind = ROTATION[turn % len(ROTATION)]
    given: dict[Place, Fraction] = {}
    chosen = rng.choice(problem.inputs)
    for tensor in (*problem.inputs, *upstream):
        look = "generic" if tensor.role == "cotangent" or rng.random() < 0.25 else kind
        if kind.startswith("far") and tensor.role != "cotangent":       # one is far out, and the others make up for it
            look = kind if tensor is chosen else "tiny beside"
        same = _draw(tensor, "generic", rng)
        for place in empty.places(tensor.name):
            given[place] = same if look == "equal" else _draw(tensor, look, rng)
        if tensor.properties & {"onehot", "simplex"}:
            given |= _one_hot(list(empty.places(tensor.name)), rng)
    return World(problem, sizes, given, is_generic=kind in ("generic", "positive", "negative"))


def _one_hot(places: Sequence[Place], rng: Random) -> dict[Place, Fraction]:
    """One 1 along the last axis, the rest 0."""
    rows: dict[tuple[int, ...], list[Place]] = {}
    for tensor, at in places:
        rows.setdefault(at[:-1], []).append((tensor, at))
    chosen = {rng.choice(row) for row in rows.values()}
    return {place: Fraction(place in chosen) for place in places}


def _sizes(problem: Problem, turn: int, rng: Random) -> dict[str, int]:
    """2 and 3 first, neighbours different; then one letter large, all alike, anything small."""
    wish = {name: 2 + (k + turn) % 2 for k, name in enumerate(problem.sizes)}
    most = max(MOST, _entries(problem, dict.fromkeys(problem.sizes, 2)) + 8)
    large, constraints = rng.choice(problem.sizes) if problem.sizes else "", problem.constraints
    for attempt in range(2000):
        if attempt or turn > 3:
            top = (3, 2, 4, 3)[turn % 4]
            wish = {name: rng.randint(1, top) for name in problem.sizes}
            if turn % 4 == 1 and attempt < 200:
                wish[large] = rng.randint(4, 6)
            elif turn % 4 == 3 and attempt < 200:
                wish = dict.fromkeys(problem.sizes, rng.randint(2, 3))
        if all(form.at(wish) >= 0 for form in constraints) and (
                _entries(problem, wish) <= most + attempt // 20):
            return wish
    raise AssertionError(f"no small sizes for {problem.name}")


def _entries(problem: Problem, sizes: Mapping[str, int]) -> int:
    """How many entries a point has: of what is given, and of the outputs."""
    shapes = [t.shape for t in problem.inputs] + [problem.tensors[y].shape for y in problem.outputs]
    return sum(prod(form.at(sizes) for form in shape) for shape in shapes)


def _draw(tensor: Tensor, kind: str, rng: Random) -> Fraction:
    if "binary" in tensor.properties:
        return Fraction(rng.randint(0, 1))
    if "in(0,1)" in tensor.properties:
        return Fraction(rng.randint(1, 96), 97)
    drawn = KINDS[kind](rng)
    if tensor.is_nonnegative:
        return abs(drawn) or Fraction(1, 3)
    return drawn


def imposed(there: World, given: Sequence[Given]) -> World:
    """The same point, with the entries of a tensor summing to 1 where a claim takes that as given."""
    values = dict(there.given)
    for condition in given:
        if not isinstance(condition.left, Affine) and not isinstance(condition.right, Affine):
            for tensor in sorted(tensors_in(condition.left) | tensors_in(condition.right)):
                places = list(there.places(tensor))
                values[places[-1]] = 1 - sum(values[place] for place in places[:-1])
    return there if values == there.given else World(there.problem, there.sizes, values, is_generic=there.is_generic)


def admitted(given: Sequence[Given], integers: Mapping[str, int]) -> bool:
    """Whether the conditions on indices hold."""
    return all((g.left.at(integers) == g.right.at(integers)) == (g.op == "=") for g in given
               if isinstance(g.left, Affine) and isinstance(g.right, Affine))


__all__ = ["Imprecise", "Undefined", "World", "admitted", "equal", "imposed", "readable", "worlds"]
