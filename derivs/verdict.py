"""The nouns of a judgement: proved, tested, refuted or unread. A verdict is never a bool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from derivs.problem import Claim
from derivs.shown import Shown


@dataclass(frozen=True, slots=True)
class Point:
    """Exact inputs: a value for every size, every free index and every entry.

    idle: names of inputs that nothing depends on here; they are not shown.
    """

    integers: Mapping[str, int]
    entries: Mapping[tuple[str, tuple[int, ...]], Fraction]
    idle: frozenset[str] = frozenset()

    @property
    def shown(self) -> Mapping[tuple[str, tuple[int, ...]], Fraction]:
        """The entries that something depends on."""
        return {key: value for key, value in self.entries.items() if key[0] not in self.idle}

    def __str__(self) -> str:
        sizes = [f"{name} = {value}" for name, value in self.integers.items()]
        arrays: dict[str, list[tuple[tuple[int, ...], Fraction]]] = {}
        for (name, at), value in self.shown.items():
            arrays.setdefault(name, []).append((at, value))
        return ", ".join(sizes + [f"{name} = {_array(sorted(items))}" for name, items in arrays.items()])

    def __repr__(self) -> str:
        return f"Point({self})"


def _array(items: list[tuple[tuple[int, ...], Fraction]]) -> str:
    """Nested parentheses, row by row: (0, 2), ((1, 0), (0, 1))."""
    if items and not items[0][0]:
        return str(items[0][1])
    rows: dict[int, list[tuple[tuple[int, ...], Fraction]]] = {}
    for at, value in items:
        rows.setdefault(at[0], []).append((at[1:], value))
    return "(" + ", ".join(map(_array, rows.values())) + ")"


@dataclass(frozen=True, slots=True)
class Proved(Shown):
    """Equal for every size and every input where both sides are defined, under the conditions.

    examined: at how many exact points the two sides as written were also compared.
    """

    conditions: tuple[str, ...] = ()
    examined: int = 0


@dataclass(frozen=True, slots=True)
class Tested(Shown):
    """Not proved, and no difference found at `points` exact points. Not an acceptance. why: what the proof lacked."""

    points: int
    why: str


@dataclass(frozen=True, slots=True)
class Refuted(Shown):
    """An exact point where the sides differ: two balls that do not meet, or "undefined" for one of them.

    claim: what differs there, with its problem.
    """

    at: Point
    left: str
    right: str
    claim: Claim | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unread(Shown):
    """The text could not be understood: where, why, and what would be."""

    why: str


Verdict = Proved | Tested | Refuted | Unread


def name(verdict: Verdict) -> str:
    """The word for it, as in reports and `--json`."""
    return type(verdict).__name__.lower()
