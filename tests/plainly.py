"""An exercise at a random point, in plain floats: nodes by their definitions, derivatives by central differences.

It knows nothing of the calculus. It is slow and right to about 1e-8, which tells a right formula from a wrong one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import erf, exp, log, pi, tanh

from derivs.affine import Affine
from derivs.expr import (
    Add,
    And,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Delta,
    Derivative,
    Entry,
    Expectation,
    Indicator,
    Integer,
    Largest,
    Mul,
    Not,
    Number,
    Or,
    Pow,
    Sum,
    Tree,
)
from derivs.problem import Claim, Problem, Tensor, bar
from derivs.scope import ranges

STEP = 1e-5
Place = tuple[str, tuple[int, ...]]

FUNCTIONS = {
    "exp": exp, "log": log, "erf": erf, "tanh": tanh, "abs": abs, "pi": lambda: pi, "max": max, "min": min,
    "sigmoid": lambda u: 1 / (1 + exp(-u)), "softplus": lambda u: log(1 + exp(u)), "relu": lambda u: max(u, 0),
    "leaky_relu": lambda u, a: u if u >= 0 else a * u, "sign": lambda u: (u > 0) - (u < 0),
}


@dataclass
class World:
    """What every entry is worth. held: nodes that keep a value whatever happens; nudge: what is added to an entry."""

    problem: Problem
    sizes: Mapping[str, int]
    given: Mapping[Place, float]
    held: Mapping[Place, float] = field(default_factory=dict)
    nudge: Mapping[Place, float] = field(default_factory=dict)
    known: dict[Place, float] = field(default_factory=dict)

    def shape(self, tensor: str) -> tuple[int, ...]:
        return tuple(size.at(self.sizes) for size in self.problem.tensors[tensor].shape)

    def places(self, tensor: str) -> Iterator[Place]:
        for at in product(*(range(1, size + 1) for size in self.shape(tensor))):
            yield tensor, at

    def nudged(self, *nudges: tuple[Place, float], held: Mapping[Place, float] | None = None) -> World:
        return World(self.problem, self.sizes, self.given, held or self.held, dict(nudges))

    def entry(self, tensor: str, at: tuple[int, ...]) -> float:
        place = tensor, at
        if any(not 1 <= p <= size for p, size in zip(at, self.shape(tensor), strict=True)):
            assert self.problem.tensors[tensor].zero_outside, f"{tensor}{at} is read outside its range"
            return 0.0
        if place not in self.known:
            self.known[place] = self._entry(place) + self.nudge.get(place, 0.0)
        return self.known[place]

    def _entry(self, place: Place) -> float:
        tensor, at = place
        if place in self.given:
            return self.given[place]
        if place in self.held:
            return self.held[place]
        definition = self.problem.definition(tensor)
        if definition:
            return self.value(definition.value, dict(zip(definition.indices, at, strict=True)))
        assert tensor.endswith("_bar"), tensor
        return self.slope(self.problem.loss, (), (tensor.removesuffix("_bar"), at))

    def loss(self) -> float:
        if self.problem.definition(self.problem.loss):
            return self.entry(self.problem.loss, ())
        return sum(self.given[bar(y), at] * self.entry(y, at)
                   for output in self.problem.outputs for y, at in self.places(output))

    def slope(self, of: str, at: tuple[int, ...], by: Place, local: bool = False) -> float:
        """∂of/∂by by a central difference; local: every other node keeps its value."""
        tensor, place = by
        if any(not 1 <= p <= size for p, size in zip(place, self.shape(tensor), strict=True)):
            return 0.0
        held = dict(self.held)
        if local:
            others = (d.tensor for d in self.problem.definitions if d.tensor != of)
            held |= {p: self.entry(*p) for other in others for p in self.places(other)}
        ends = [self.nudged((by, step), held=held) for step in (STEP, -STEP)]
        high, low = (end.loss() if of == self.problem.loss else end.entry(of, at) for end in ends)
        return (high - low) / (2 * STEP)

    def value(self, expr: Tree, names: Mapping[str, int]) -> float:
        def at(forms: tuple[Affine, ...]) -> tuple[int, ...]:
            return tuple(form.at(everything) for form in forms)

        def v(part: Tree) -> float:
            return self.value(part, names)

        def each(index: str, low: Affine, high: Affine, body: Tree) -> list[float]:
            return [self.value(body, {**names, index: k})
                    for k in range(low.at(everything), high.at(everything) + 1)]

        everything = {**self.sizes, **names}
        match expr:
            case Number(number):
                return float(number)
            case Integer(form):
                return float(form.at(everything))
            case Entry(tensor, forms):
                return self.entry(tensor, at(forms))
            case Add(terms):
                return sum(map(v, terms))
            case Mul(factors):
                total = 1.0
                for factor in sorted(factors, key=lambda f: not isinstance(f, Delta | Indicator)):
                    total *= v(factor)
                    if not total:
                        break
                return total
            case Pow(base, exponent):
                result = v(base) ** v(exponent)
                assert isinstance(result, float)
                return result
            case Apply(function, arguments):
                return float(FUNCTIONS[function](*map(v, arguments)))
            case Sum(index, low, high, body):
                return sum(each(index, low, high, body))
            case Largest(index, low, high, body):
                return max(each(index, low, high, body))
            case Delta(left, right):
                return float(left.at(everything) == right.at(everything))
            case Indicator(condition):
                return float(self.holds(condition, names))
            case Cases(branches, otherwise):
                value = next((value for value, condition in branches if self.holds(condition, names)), otherwise)
                assert value is not None
                return v(value)
            case Expectation(tensor, mean, body):
                places, p, total = list(self.places(tensor)), v(mean), 0.0
                for bits in product((0, 1), repeat=len(places)):
                    world = World(self.problem, self.sizes, {**self.given, **dict(zip(places, bits, strict=True))})
                    total += p ** sum(bits) * (1 - p) ** (len(bits) - sum(bits)) * world.value(body, names)
                return total
            case Derivative(of, by, kind):
                return self.slope(of.tensor, at(of.at), (by.tensor, at(by.at)), kind == "local")
        raise NotImplementedError(expr)

    def holds(self, condition: Tree, names: Mapping[str, int]) -> bool:
        everything = {**self.sizes, **names}
        match condition:
            case Compare(op, left, right):
                gap = self.value(right, names) - self.value(left, names)
                # Only a maximum is asked whether it equals an entry, and it is that very float.
                return {"<": gap > 0, "<=": gap >= 0, "=": gap == 0, "!=": gap != 0}[op]
            case CompareIndex(op, low, high):
                distance = high.at(everything) - low.at(everything)
                return {"<=": distance >= 0, "=": distance == 0, "!=": distance != 0}[op]
            case And(parts):
                return all(self.holds(part, names) for part in parts)
            case Or(parts):
                return any(self.holds(part, names) for part in parts)
            case Not(part):
                return not self.holds(part, names)
        raise NotImplementedError(condition)


def world(problem: Problem, seed: int, largest: int = 3) -> World:
    """A random point: sizes that the exercise allows, entries with their declared properties, all different."""
    rng = random.Random(seed)
    while True:
        sizes = {name: rng.randint(1, largest) for name in problem.sizes}
        if all(form.at(sizes) >= 0 for form in problem.constraints):
            break
    given: dict[Place, float] = {}
    empty = World(problem, sizes, given)
    upstream = [] if problem.definition(problem.loss) else [problem.tensors[bar(y)] for y in problem.outputs]
    for tensor in (*problem.inputs, *upstream):
        for place in empty.places(tensor.name):
            given[place] = _draw(tensor, rng)
    return World(problem, sizes, given)


def _draw(tensor: Tensor, rng: random.Random) -> float:
    if "binary" in tensor.properties:
        return float(rng.randint(0, 1))
    if "in(0,1)" in tensor.properties:
        return rng.uniform(0.1, 0.9)
    return rng.uniform(0.3, 1.5) * (1 if tensor.is_nonnegative else rng.choice((1, -1)))


def unit_sums(there: World, tensor: str) -> World:
    """The same point, with the entries of a tensor summing to 1."""
    total = sum(there.given[place] for place in there.places(tensor))
    return World(there.problem, there.sizes,
                 there.given | {place: there.given[place] / total for place in there.places(tensor)})


def gaps(claim: Claim, there: World, seed: int, most: int = 6) -> list[tuple[float, float]]:
    """(difference of the sides, their size) at some of the values of the free indices that the claim is about."""
    problem = there.problem
    ends = {name: (low.at(there.sizes), high.at(there.sizes))
            for name, (low, high) in ranges(problem, (claim.left, claim.right)).items()}
    choices = [dict(zip(ends, at, strict=True)) for at in product(*(range(a, b + 1) for a, b in ends.values()))]
    random.Random(seed).shuffle(choices)
    found = []
    for names in choices:
        if len(found) < most and all(_given(there, given.op, given.left, given.right, names) for given in claim.given):
            left, right = there.value(claim.left, names), there.value(claim.right, names)
            found.append((abs(left - right), abs(left) + abs(right) + 1))
    return found


def _given(there: World, op: str, left: Affine | Tree, right: Affine | Tree, names: Mapping[str, int]) -> bool:
    if isinstance(left, Affine) and isinstance(right, Affine):
        a: float = left.at({**there.sizes, **names})
        b: float = right.at({**there.sizes, **names})
    else:
        assert not isinstance(left, Affine) and not isinstance(right, Affine)
        a, b = there.value(left, names), there.value(right, names)
    return (abs(a - b) < 1e-12) == (op == "=")
