"""What every entry of an exercise is worth at a point; a derivative is a world in which one entry is a dual number.

Nodes are computed from their forward definitions, and derivatives by dual numbers on these, so no rule for a derivative
is trusted here but the convention on a kink.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from flint import ctx, fmpq

from derivs import kernels
from derivs.errors import IllFormed, OutOfBudget, Unsupported
from derivs.kernels import FIRST_BITS, LAST_BITS, ONE, ZERO, Dual, Imprecise, Undecided, Value, rational
from derivs.problem import bar
from derivs.sources import Source, Sources
from derivs.verdict import Point

At = tuple[int, ...]
Frame = list[Any]                                   # indices, sizes, arguments of functions: one slot each
Code = Callable[[Frame, "World"], Any]
Kind = Literal["total", "local"]


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """A compiled expression. A frame holds its parameters, then the other free names, then room for its binders."""

    code: Code
    names: tuple[str, ...]
    room: int


class Place:
    """The problem at a point: what has been computed there is kept."""

    def __init__(self, sources: Sources, formula_of: Callable[[Source], Formula], point: Point, budget: int) -> None:
        self.sources, self.formula_of, self.point, self.budget = sources, formula_of, point, budget
        self.bits = FIRST_BITS
        self.steps = 0
        self.ties = 0                               # comparisons of equal numbers, so far
        self._shapes: dict[str, At] = {}
        self._tails: dict[str, Frame] = {}
        self._world = World(self)

    @property
    def tied(self) -> bool:
        """Whether any comparison here was an exact tie, so far."""
        return self.ties > 0

    def value(self, formula: Formula, integers: Mapping[str, int] | None = None) -> Value:
        """The value of a formula, its free indices from `integers` or from the point.

        Exact where everything it needed was rational, otherwise a ball of the precision that its comparisons needed.
        Raises OutOfDomain, IllFormed, Unsupported, Undecided, OutOfBudget.
        """
        known = self.point.integers if integers is None else {**self.point.integers, **integers}
        frame = self._frame(formula, known)
        self.steps = 0
        precision = ctx.prec
        try:
            while True:
                ctx.prec = self.bits
                try:
                    value: Value = formula.code(frame, self._world)
                    return value
                except Imprecise:
                    if not self.sharpen():
                        raise Undecided(f"a comparison is not decided with {self.bits} bits") from None
        except RecursionError:
            raise OutOfBudget("the expression is nested too deeply") from None
        finally:
            ctx.prec = precision

    def sharpen(self) -> bool:
        """Twice the precision, from now on; False at the end of it."""
        if self.bits >= LAST_BITS:
            return False
        self.bits *= 2
        self._world = World(self)
        return True

    def spend(self, steps: int) -> None:
        """Count steps. Raises OutOfBudget."""
        if steps > 0:
            self.steps += steps
            if self.steps > self.budget:
                raise OutOfBudget(f"more than {self.budget} steps at one point")

    def shape(self, source: Source) -> At:
        """The sizes of a tensor."""
        found = self._shapes.get(source.name)
        if found is None:
            try:
                found = tuple(form.at(self.point.integers) for form in source.tensor.shape)
            except KeyError as missing:
                raise IllFormed(f"the point gives no value for {missing.args[0]}") from None
            self._shapes[source.name] = found
        return found

    def spots(self, source: Source) -> list[At]:
        """Where a tensor has entries, in reading order."""
        return list(product(*(range(1, size + 1) for size in self.shape(source))))

    def frame_of(self, formula: Formula, source: Source, at: At) -> Frame:
        """A frame for the definition of a node, its indices at `at`."""
        tail = self._tails.get(source.name)
        if tail is None:
            tail = self._tails[source.name] = self._frame(formula, self.point.integers)
        return [*at, *tail]

    def has(self, source: Source, at: At) -> bool:
        """Whether there is such an entry; False where it is 0 by declaration, IllFormed where it means nothing."""
        for k, (subscript, size) in enumerate(zip(at, self.shape(source), strict=True)):
            if not 1 <= subscript <= size:
                if source.tensor.zero_outside:
                    return False
                where = f"{source.name}[{','.join(map(str, at))}]"
                ordinal = "" if len(at) == 1 else f" {k + 1}"
                raise IllFormed(f"{where} is out of range: subscript{ordinal} is {subscript}, it runs over 1..{size}",
                                mend=f"keep it in 1..{source.tensor.shape[k]}, or declare {source.name} zero outside")
        return True

    def given(self, source: Source, at: At) -> fmpq:
        """An entry of an input."""
        value = self.point.entries.get((source.name, at))
        if value is None:
            raise IllFormed(f"the point gives no value for {source.name}[{','.join(map(str, at))}]")
        return rational(value)

    def _frame(self, formula: Formula, known: Mapping[str, int]) -> Frame:
        try:
            return [*(known[name] for name in formula.names), *(None for _ in range(formula.room))]
        except KeyError as missing:
            raise IllFormed(f"the point gives no value for {missing.args[0]}") from None


class World:
    """What every entry is worth: as at the place, but for some entries that are set, and for all that follows.

    local: only the entries that are set differ, and nothing follows.
    """

    __slots__ = ("changed", "inner", "level", "local", "memo", "parent", "place", "under_local", "values")

    def __init__(self, place: Place, parent: World | None = None, source: Source | None = None,
                 values: Mapping[At, Any] | None = None, *, level: int = 0, local: bool = False) -> None:
        self.place, self.parent, self.level, self.local = place, parent, level, local
        self.values = {} if source is None or values is None else {(source.name, at): v for at, v in values.items()}
        self.changed = frozenset({source.name}) if source else frozenset()
        self.under_local: bool = parent is not None and (parent.local or parent.under_local)
        self.memo: dict[Any, Any] = {}
        self.inner: dict[Any, World] = {}

    def read(self, source: Source, at: At) -> Any:
        """The value of an entry."""
        key = (source.name, at)
        value = self.memo.get(key)
        if value is None:
            value = self._compute(source, at) if self.place.has(source, at) else ZERO
            self.memo[key] = value = kernels.shortened(value)
        return value

    def own(self, source: Source, at: At) -> Any:
        """The value of an entry by its own definition in this world, even where it is local."""
        value = self.values.get((source.name, at))
        if value is None:
            value = self._by_definition(source, at)
        return value

    def with_mask(self, source: Source, mask: Mapping[At, fmpq]) -> World:
        """The world in which a tensor has these entries."""
        return World(self.place, self, source, mask, level=self.level)

    def derivative(self, of: Source, of_at: At, by: Source, by_at: At, kind: Kind) -> Any:
        """d of / d by, by a dual number in place of `by`, whatever defines it."""
        key = (of.name, of_at, by.name, by_at, kind)
        value = self.memo.get(key)
        if value is None:
            known = self.place.has(of, of_at) and self.place.has(by, by_at)
            self.memo[key] = value = self._differentiate(of, of_at, by, by_at, kind) if known else ZERO
        return value

    def _compute(self, source: Source, at: At) -> Any:
        value = self.values.get((source.name, at))
        if value is not None:
            return value
        if self.parent is not None and (self.local or source.upstream.isdisjoint(self.changed)):
            return self.parent.read(source, at)
        if self.under_local:
            raise Unsupported("an expectation or a derivative inside a local derivative, through a node",
                              mend="write the total derivative, or write the node out")
        return self._by_definition(source, at)

    def _by_definition(self, source: Source, at: At) -> Any:
        place = self.place
        if source.definition is not None:
            place.spend(1)
            formula = place.formula_of(source)
            return formula.code(place.frame_of(formula, source, at), self)
        if source.gradient_by is not None:
            loss, by = place.sources.of(place.sources.problem.loss), place.sources.of(source.gradient_by)
            return self.derivative(loss, (), by, at, "total")
        if source.is_abstract_loss:
            raise Unsupported(f"{source.name} is known only by its derivatives: it has no value")
        return place.given(source, at)

    def _differentiate(self, of: Source, of_at: At, by: Source, by_at: At, kind: Kind) -> Any:
        if by.tensor.role == "cotangent" or (of.tensor.role == "cotangent" and of.is_given):
            raise Unsupported("the derivative of a gradient that is given, or by a gradient")
        if by.is_abstract_loss:
            return ONE if of.is_abstract_loss else ZERO
        key = (by.name, by_at, kind)
        inner = self.inner.get(key)
        if inner is None:
            level = self.level + 1
            seed = Dual(level, self.read(by, by_at), ONE)
            inner = World(self.place, self, by, {by_at: seed}, level=level, local=kind == "local")
            self.inner[key] = inner
        if of.is_abstract_loss:
            return self._of_loss(inner)
        result = inner.own(of, of_at) if kind == "local" else inner.read(of, of_at)
        return kernels.tangent_at(inner.level, result)

    def _of_loss(self, inner: World) -> Any:
        """sum over the entries of the outputs of bar(y)[i] * dy_i."""
        if self.level:
            raise Unsupported("a second derivative of a loss of which only the cotangents are given")
        sources = self.place.sources
        total: Any = ZERO
        for name in sources.problem.outputs:
            output, cotangent = sources.of(name), sources.of(bar(name))
            for at in self.place.spots(output):
                tangent = kernels.tangent_at(inner.level, inner.read(output, at))
                if type(tangent) is not fmpq or tangent:
                    total = total + self.read(cotangent, at) * tangent
        return total
