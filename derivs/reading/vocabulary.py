"""What the names and signs of an exercise mean, as its author declares them: tensors, functions, operators, aliases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from derivs.affine import Affine
from derivs.errors import nearest
from derivs.expr import Expr
from derivs.reading.spelling import Spelled, bare, key, letters, spelled
from derivs.reading.spelling import items as items_of
from derivs.reading.syntax import Group, Node, Numeral, Scripts
from derivs.reading.value import Turn

OPEN = frozenset({":", "*", "cdot", "bullet", "ast"})          # U_{:,w}: the axis stays open
STACKED = 3                                         # subscripts of subscripts that may be indices of their own
TURNED = frozenset({"T", "top", "Tr", "intercal", "mathsf{T}"})
SHAPES = {one: other for letter in ("epsilon", "phi", "theta", "rho", "sigma", "kappa", "pi")
          for one, other in ((letter, f"var{letter}"), (f"var{letter}", letter))}
Origin = Literal["declared", "alias", "introduced"]            # "introduced" by the derivation itself
Slot = tuple[Literal["below", "above"], int]        # where an index stands, and the axis it is of
Meaning = Literal["matrix product", "hadamard", "outer", "frobenius", "elementwise division", "transpose",
                  "convolution full", "correlation valid", "convolution valid", "correlation full", "kronecker",
                  "inner"]


@dataclass(frozen=True, slots=True)
class Named:
    """What a name stands for: a body, its parameters running over 1..sizes.

    letters: what the exercise calls the indices, "" where it does not say. label: it is an index in 1..label, kept as a
    one-hot tensor with one axis more, that of the last parameter.
    """

    body: Expr
    parameters: tuple[str, ...] = ()
    sizes: tuple[Affine, ...] = ()
    letters: tuple[str, ...] = ()
    turn: Turn = ""
    label: Affine | None = None


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a name is written: its base, what always stands below and above it, and where its indices go.

    slots: None where the indices simply follow below. said: as the author wrote it.
    """

    base: str
    below: tuple[str, ...]
    above: tuple[str, ...]
    named: Named
    said: str
    slots: tuple[Slot, ...] | None = None
    origin: Origin = "declared"


@dataclass(frozen=True, slots=True)
class Formula:
    """A function by its formula: the letters of its arguments and the right side."""

    arguments: tuple[str, ...]
    body: Node


@dataclass(frozen=True, slots=True)
class Match:
    """A name found in the text: what it means, its subscripts (None where open), and what is left above it.

    opened: the axes at which a colon stands.
    """

    spelling: Spelling
    subscripts: tuple[Node | None, ...]
    rest: tuple[Node, ...]
    opened: tuple[int, ...] = ()


@dataclass(slots=True)
class Vocabulary:
    """Everything that a reader knows of an exercise's letters. It grows with the names that a derivation introduces."""

    spellings: dict[str, list[Spelling]] = field(default_factory=dict)
    functions: dict[str, str | Formula] = field(default_factory=dict)
    operators: dict[str, Meaning] = field(default_factory=dict)
    phrases: dict[str, Node] = field(default_factory=dict)
    sets: dict[str, tuple[Affine, Affine]] = field(default_factory=dict)
    indices: dict[str, tuple[Affine, Affine]] = field(default_factory=dict)
    sizes: dict[str, Affine] = field(default_factory=dict)
    labels: dict[str, Affine] = field(default_factory=dict)        # the letters among them that are given indices
    losses: dict[str, str] = field(default_factory=dict)           # key as written: tensor
    index_base: int = 1
    layout: Literal["shape", "numerator", "denominator"] = "shape"
    einstein: bool = False
    given: tuple[Node, ...] = ()
    target: Node | None = None
    asked: tuple[Node, ...] = ()                                   # what the exercise differentiates by
    styled: frozenset[str] = frozenset()                           # bases that typeface tells apart

    def add(self, spelling: Spelling) -> None:
        """A further way to write something; the one with the most fixed parts is tried first."""
        known = self.spellings.setdefault(spelling.base, [])
        known.append(spelling)
        known.sort(key=lambda s: -(len(s.below) + len(s.above)))

    def has_base(self, base: str) -> bool:
        """Whether any name is written with this letter."""
        return self._shape(base) in self.spellings or base in self.styled

    def _shape(self, base: str) -> str:
        """The letter in its other shape, ε for ϵ, where only that one is declared."""
        return base if base in self.spellings else SHAPES.get(base, base)

    def told_apart(self, name: Spelled) -> Spelled:
        """The name as declared: its typeface in its base, where another declared name differs in nothing else."""
        if name.base not in self.spellings and self._shape(name.base) in self.spellings:
            name = replace(name, base=self._shape(name.base))
        if not name.style or name.base not in self.styled:
            return name
        return replace(name, base=f"{name.style}({name.base})", style="")

    def copy(self) -> Vocabulary:
        """A vocabulary that may grow without the other one growing."""
        return replace(self, spellings={base: list(known) for base, known in self.spellings.items()},
                       functions=dict(self.functions), operators=dict(self.operators), phrases=dict(self.phrases),
                       sets=dict(self.sets), indices=dict(self.indices), sizes=dict(self.sizes),
                       losses=dict(self.losses))

    def matches(self, name: Spelled, deep: int = STACKED) -> Iterator[Match]:
        """What the name may mean, the most specific first. deep: how many subscripts of subscripts are looked into."""
        name = self.told_apart(name)
        if name.primes:
            name = replace(name, base=name.base + "'" * name.primes, primes=0)
        deeper = replace(name, below=tuple(part for item in name.below for part in self._unstacked(item, deep)))
        known = self.spellings.get(name.base, ())
        found = [one for spelling in known if (one := match(spelling, name)) is not None]
        if deeper.below != name.below:                 # y_{t_k}: before the row t_k of y, its entry at t and k
            below = [one for spelling in known if (one := match(spelling, deeper)) is not None]
            is_full = [None not in one.subscripts for one in below]
            found = [*(one for one, full in zip(below, is_full, strict=True) if full), *found,
                     *(one for one, full in zip(below, is_full, strict=True) if not full)]
        yield from found

    def _unstacked(self, item: Node, deep: int) -> tuple[Node, ...]:
        """t, k of the subscript t_k, if that is no name of its own: a subscript of a subscript comes after it."""
        inner = bare(item)
        if not deep or not isinstance(inner, Scripts) or inner.below is None or inner.above is not None:
            return (item,)
        if inner.primes or isinstance(bare(inner.below), Numeral) or key(inner) in (*self.indices, *self.sizes):
            return (item,)
        name = spelled(inner)
        if name is not None and next(self.matches(name, deep - 1), None) is not None:
            return (item,)
        return (*self._unstacked(inner.base, deep - 1), *(part for below in items_of(inner.below)
                                                          for part in self._unstacked(below, deep - 1)))

    def suggestion(self, name: Spelled) -> str:
        """`did you mean ...?` for a name that nobody declared."""
        return nearest(key(name.node), {s.said for known in self.spellings.values() for s in known})


def match(spelling: Spelling, name: Spelled) -> Match | None:
    """The name as this spelling, with as many subscripts as it has; None if it cannot be."""
    below = _after(spelling.below, name.below)
    above = _after(spelling.above, name.above)
    if below is None or above is None:
        return None
    rank = len(spelling.named.sizes)
    subscripts: list[Node | None] = [None] * rank
    if spelling.slots is None:
        here = _fill(below, rank)
        if here is None:
            return None
        subscripts[:len(here)] = here
        return Match(spelling, tuple(subscripts), above, tuple(k for k, item in enumerate(here) if item is None))
    slotted = {axis for _, axis in spelling.slots}
    under = [axis for place, axis in spelling.slots if place == "below"]
    under += [axis for axis in range(rank) if axis not in slotted]             # h_{t,i}, where only t was named
    over = [axis for place, axis in spelling.slots if place == "above"]
    is_power = bool(above) and (isinstance(bare(above[0]), Numeral) or key(above[0]) in TURNED)
    indices, rest = ((), above) if is_power else _divided(above, len(over))
    for axes, items in ((under, below), (over, indices)):
        here = _fill(items, len(axes))
        if here is None:
            return None
        for axis, item in zip(axes, here, strict=False):
            subscripts[axis] = item
    return Match(spelling, tuple(subscripts), rest)


def _divided(items: tuple[Node, ...], rank: int) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """The first `rank` items above a name, and what follows them: a power, a transpose."""
    if len(items) == 1 and rank > 1:
        return items, ()
    return items[:rank], items[rank:]


def _after(fixed: tuple[str, ...], items: tuple[Node, ...]) -> tuple[Node, ...] | None:
    """What follows the fixed part; None if it is not there. `(l)T` is `(l)`, then `T`."""
    if not fixed:
        return items
    for count in range(1, len(items) + 1):
        written = ",".join(key(item) for item in items[:count])
        if written == ",".join(fixed):
            return items[count:]
    if items:
        first = letters(items[0])
        for count in range(1, len(first)):
            if "".join(key(part) for part in first[:count]) == ",".join(fixed):
                return (*first[count:], *items[1:])
    return None


def _fill(items: tuple[Node, ...], rank: int) -> tuple[Node | None, ...] | None:
    """The items as at most `rank` subscripts, `ij` being two where there is room; None if there are too many."""
    if not rank:
        return None if items else ()
    if len(items) < rank:
        split = tuple(part for item in items for part in letters(item))
        only = bare(items[0]) if len(items) == 1 else None
        if isinstance(only, Numeral) and len(only.text) == rank:
            split = digits(only)                                                # A_{12}
        if len(split) <= rank and (len(split) == rank or len(items) <= 1):
            items = split
    if len(items) > rank:
        return None
    return tuple(None if key(item) in OPEN else _unwrapped(item) for item in items)


def digits(node: Numeral) -> tuple[Node, ...]:
    """The digits of a number, one by one."""
    start = node.span[0]
    return tuple(Numeral(digit, (start + k, start + k + 1)) for k, digit in enumerate(node.text))


def _unwrapped(item: Node) -> Node:
    """The i of `x^{(i)}`."""
    item = bare(item)
    return item.items[0] if isinstance(item, Group) and item.kind in "([" and len(item.items) == 1 else item
