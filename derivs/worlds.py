"""What every entry of an exercise is worth at a point; a derivative is a world in which one entry is a dual number.

Nodes are computed from their forward definitions, and derivatives by dual numbers on these, so no rule for a derivative
is trusted here but the convention on a kink. At a place that many questions share, each definition is run once with a
dual number for every entry that it reads, and the tangents of one input entry are carried forward along these slopes;
what cannot be done so, or has no value so, is done with one dual number at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from flint import ctx, fmpq

from derivs import kernels
from derivs.errors import IllFormed, OutOfBudget, OutOfDomain, Unsupported
from derivs.kernels import FIRST_BITS, LAST_BITS, ONE, ZERO, Dual, Imprecise, Undecided, Value, rational
from derivs.problem import bar
from derivs.slopes import Slopes
from derivs.sources import Source, Sources
from derivs.verdict import Point

At = tuple[int, ...]
Frame = list[Any]                                   # indices, sizes, arguments of functions: one slot each
Code = Callable[[Frame, "World"], Any]
Kind = Literal["total", "local"]
Spot = tuple[Source, At]


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """A compiled expression. A frame holds its parameters, then the other free names, then room for its binders."""

    code: Code
    names: tuple[str, ...]
    room: int


class Place:
    """The problem at a point: what has been computed there is kept.

    lasting: many questions will be asked there.
    """

    def __init__(self, sources: Sources, formula_of: Callable[[Source], Formula], point: Point, budget: int, *,
                 lasting: bool = False) -> None:
        self.sources, self.formula_of, self.point, self.budget = sources, formula_of, point, budget
        self.lasting = lasting
        self.bits = FIRST_BITS
        self.steps = 0
        self.ties = 0                               # comparisons of equal numbers, since the last look
        self._shapes: dict[Source, At] = {}
        self._tails: dict[Source, Frame] = {}
        self._world = World(self)
        self._worlds = {self.bits: self._world}

    @property
    def tied(self) -> bool:
        """Whether any comparison was an exact tie on the way to the values since the last look."""
        return self.ties > 0

    def look(self) -> None:
        """A new question starts, as if it were the first here."""
        self.ties = 0
        self.bits, self._world = FIRST_BITS, self._worlds[FIRST_BITS]

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
                    value: Value = self._world.value(formula, frame)
                    return value
                except Imprecise:
                    if not self.sharpen():
                        raise Undecided(f"a comparison is not decided with {self.bits} bits") from None
        except RecursionError:
            raise OutOfBudget("the expression is nested too deeply") from None
        finally:
            ctx.prec = precision

    def sharpen(self) -> bool:
        """Twice the precision, until the next look; False at the end of it."""
        if self.bits >= LAST_BITS:
            return False
        self.bits *= 2
        if self.bits not in self._worlds:
            self._worlds[self.bits] = World(self)
        self._world = self._worlds[self.bits]
        return True

    def spend(self, steps: int) -> None:
        """Count steps. Raises OutOfBudget."""
        if steps > 0:
            self.steps += steps
            if self.steps > self.budget:
                raise OutOfBudget(f"more than {self.budget} steps at one point")

    def shape(self, source: Source) -> At:
        """The sizes of a tensor."""
        found = self._shapes.get(source)
        if found is None:
            try:
                found = tuple(form.at(self.point.integers) for form in source.tensor.shape)
            except KeyError as missing:
                raise IllFormed(f"the point gives no value for {missing.args[0]}") from None
            self._shapes[source] = found
        return found

    def spots(self, source: Source) -> list[At]:
        """Where a tensor has entries, in reading order."""
        return list(product(*(range(1, size + 1) for size in self.shape(source))))

    def frame_of(self, formula: Formula, source: Source, at: At) -> Frame:
        """A frame for the definition of a node, its indices at `at`."""
        tail = self._tails.get(source)
        if tail is None:
            tail = self._tails[source] = self._frame(formula, self.point.integers)
        return [*at, *tail]

    def has(self, source: Source, at: At) -> bool:
        """Whether there is such an entry; False where it is 0 by declaration, IllFormed where it means nothing."""
        shape = self._shapes.get(source)
        if shape is None:
            shape = self.shape(source)
        for k, subscript in enumerate(at):
            size = shape[k]
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

    __slots__ = ("at_ties", "carried", "changed", "inner", "known", "level", "local", "memo", "parent", "place",
                 "seeded", "under_local", "values")

    def __init__(self, place: Place, parent: World | None = None, source: Source | None = None,
                 values: Mapping[At, Any] | None = None, *, level: int = 0, local: bool = False) -> None:
        self.place, self.parent, self.level, self.local = place, parent, level, local
        self.values = {} if source is None or values is None else {(source, at): v for at, v in values.items()}
        self.changed = frozenset({source.name}) if source else frozenset()
        self.under_local: bool = parent is not None and (parent.local or parent.under_local)
        self.known: dict[Source, dict[At, Any]] = {}    # entries, without a tie on the way to them
        self.memo: dict[Any, Any] = {}                  # all else, without a tie
        self.at_ties: dict[Any, Any] = {}               # with one: to read these again is to meet the tie again
        self.inner: dict[Any, World] = {}
        self.seeded: Seeded | None = None
        self.carried: dict[Spot, dict[Spot, Any]] = {}  # tangents, by the entry that is varied

    def read(self, source: Source, at: At) -> Any:
        """The value of an entry."""
        row = self.known.get(source)
        if row is None:
            row = self.known[source] = {}
        value = row.get(at)
        if value is not None:
            return value
        # As in _kept; most of what is computed is an entry.
        place = self.place
        if self.at_ties and (source, at) in self.at_ties:
            place.ties += 1
            return self.at_ties[source, at]
        before = place.ties
        value = kernels.shortened(self._compute(source, at) if place.has(source, at) else ZERO)
        if place.ties == before:
            row[at] = value
        else:
            self.at_ties[source, at] = value
        return value

    def value(self, formula: Formula, frame: Frame) -> Any:
        """The value of a formula with that frame."""
        key = (formula, *frame[:len(formula.names)])
        value = self.memo.get(key)
        if value is None:
            value = self._kept(key, self.memo, key, lambda: formula.code(frame, self))
        return value

    def own(self, source: Source, at: At) -> Any:
        """The value of an entry by its own definition in this world, even where it is local."""
        value = self.values.get((source, at))
        if value is None:
            value = self._by_definition(source, at)
        return value

    def with_mask(self, source: Source, mask: Mapping[At, fmpq]) -> World:
        """The world in which a tensor has these entries."""
        return World(self.place, self, source, mask, level=self.level)

    def derivative(self, of: Source, of_at: At, by: Source, by_at: At, kind: Kind) -> Any:
        """d of / d by, by a dual number in place of `by`, whatever defines it."""
        key = (of, of_at, by, by_at, kind)
        value = self.memo.get(key)
        if value is None:
            known = self.place.has(of, of_at) and self.place.has(by, by_at)
            value = self._kept(key, self.memo, key,
                               lambda: self._differentiate(of, of_at, by, by_at, kind) if known else ZERO)
        return value

    def _kept(self, key: Any, table: dict[Any, Any], place: Any, compute: Callable[[], Any]) -> Any:
        """What is computed, put into its place in the table, or among what met a tie on the way."""
        if self.at_ties and key in self.at_ties:
            self.place.ties += 1
            return self.at_ties[key]
        before = self.place.ties
        value = compute()
        if self.place.ties == before:
            table[place] = value
        else:
            self.at_ties[key] = value
        return value

    def _compute(self, source: Source, at: At) -> Any:
        if self.values:
            value = self.values.get((source, at))
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
        known = of.is_forward and not (of.is_abstract_loss and kind == "local")
        if known and self.place.lasting and self.parent is None:
            try:
                return self._along_slopes(of, of_at, by, by_at, kind)
            except OutOfDomain:                     # perhaps in a direction that does not matter
                pass
        key = (by, by_at, kind)
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

    # ---- the same for many questions

    def _along_slopes(self, of: Source, of_at: At, by: Source, by_at: At, kind: Kind) -> Any:
        """The derivative from the slopes of entries by those that they read. OutOfDomain where one has none."""
        self.read(by, by_at)
        vary = (by, by_at)
        if kind == "local":
            return ONE if (of, of_at) == vary else self.slopes(of, of_at).get(vary, ZERO)
        tangents = self.carried.get(vary)
        if tangents is None:
            tangents = self.carried[vary] = {vary: ONE}
        if not of.is_abstract_loss:
            self.read(of, of_at)
            return self._carried((of, of_at), vary, tangents)
        total: Any = ZERO
        for output, weights in self._outputs():
            if output is by:
                total = total + weights[vary]
            elif by.name in output.upstream:
                for spot, weight in weights.items():
                    tangent = self._carried(spot, vary, tangents)
                    if type(tangent) is not fmpq or tangent:
                        total = total + weight * tangent
        return total

    def _outputs(self) -> Sequence[tuple[Source, Mapping[Spot, Any]]]:
        """The outputs, all of which have a value, with their cotangents."""
        found: Sequence[tuple[Source, Mapping[Spot, Any]]] | None = self.memo.get("outputs")
        if found is None:
            found = self._kept("outputs", self.memo, "outputs", self._weighted)
        return found

    def _weighted(self) -> Sequence[tuple[Source, Mapping[Spot, Any]]]:
        found = []
        for name in self.place.sources.problem.outputs:
            output, cotangent = self.place.sources.of(name), self.place.sources.of(bar(name))
            for at in self.place.spots(output):
                self.read(output, at)
            found.append((output, {(output, at): self.read(cotangent, at) for at in self.place.spots(output)}))
        return found

    def _carried(self, spot: Spot, vary: Spot, tangents: dict[Spot, Any]) -> Any:
        """The tangent of an entry: sum over the entries that it reads of slope * tangent."""
        value = tangents.get(spot)
        if value is None:
            source, by = spot[0], vary[0]
            if source is by or by.name not in source.upstream:
                return ZERO
            value = self._kept((spot, vary), tangents, spot, lambda: self._step(spot, vary, tangents))
        return value

    def _step(self, spot: Spot, vary: Spot, tangents: dict[Spot, Any]) -> Any:
        total: Any = ZERO
        slopes = self.slopes(*spot)
        self.place.spend(1 + len(slopes))
        by = vary[0]
        for read, slope in slopes.items():
            source = read[0]
            if source is by:
                if read == vary:
                    total = total + slope
            elif by.name in source.upstream:
                tangent = self._carried(read, vary, tangents)
                if type(tangent) is not fmpq or tangent:
                    total = total + slope * tangent
        return kernels.shortened(total)

    def slopes(self, source: Source, at: At) -> Mapping[Spot, Any]:
        """The partials of an entry by each entry that its definition reads there, where they are not zero."""
        key = (source, at, "slopes")
        found: Mapping[Spot, Any] | None = self.memo.get(key)
        if found is None:
            found = self._kept(key, self.memo, key, lambda: self._slopes(source, at))
        return found

    def _slopes(self, source: Source, at: At) -> Mapping[Spot, Any]:
        if self.seeded is None:
            self.seeded = Seeded(self.place, self, level=self.level + 1)
        tangent = kernels.tangent_at(self.seeded.level, self.seeded.own(source, at))
        if type(tangent) is not Slopes:
            return {}
        return {spot: kernels.shortened(slope) for spot, slope in tangent.by.items()
                if type(slope) is not fmpq or slope}


class Seeded(World):
    """The world in which a definition reads, for each entry, a dual number with an e of its own."""

    __slots__ = ()

    def _compute(self, source: Source, at: At) -> Any:
        assert self.parent is not None
        return Dual(self.level, self.parent.read(source, at), Slopes({(source, at): ONE}))
