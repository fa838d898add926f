"""Honest readings of one line: the choices met while reading it, and the order in which they are tried.

A choice is made the same way wherever it comes up in a line, first as most people would mean it. Another reading may
rescue notation, never mathematics: what it takes for granted is said with the verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product


@dataclass(frozen=True, slots=True)
class Option:
    """One way to take something. note: how it was read, said when it is not the first; mend: what to write instead.

    slip: the author should have written it otherwise; where it is False, both ways are good style. span: the place.
    """

    note: str
    mend: str = ""
    slip: bool = True
    span: tuple[int, int] | None = None


@dataclass(slots=True)
class Choices:
    """The options taken in one reading, and those that were met."""

    taken: dict[str, int] = field(default_factory=dict)
    met: dict[str, tuple[Option, ...]] = field(default_factory=dict)

    def choose(self, name: str, options: tuple[Option, ...]) -> int:
        """Which of the options this reading takes."""
        self.met.setdefault(name, options)
        return min(self.taken.get(name, 0), len(options) - 1)

    @property
    def said(self) -> tuple[Option, ...]:
        """The options that this reading takes and that are not the first."""
        return tuple(options[min(self.taken[name], len(options) - 1)] for name, options in self.met.items()
                     if self.taken.get(name, 0))


MOST = 48                              # readings of a line
MOST_CHOICES = 8                       # that are varied in one line


def others(choices: Choices, seen: set[frozenset[tuple[str, int]]]) -> Iterator[dict[str, int]]:
    """Further readings that change something that was met: fewest slips first, then the fewest unusual choices."""
    names = sorted(choices.met)[:MOST_CHOICES]

    def cost(picks: tuple[int, ...]) -> tuple[int, int, int, tuple[int, ...]]:
        options = [choices.met[name][pick] for name, pick in zip(names, picks, strict=True) if pick]
        return sum(option.slip for option in options), len(options), sum(picks), picks

    found = sorted(product(*(range(len(choices.met[name])) for name in names)), key=cost)
    for picks in found[:MOST]:
        taken = {name: pick for name, pick in zip(names, picks, strict=True) if pick}
        mark = frozenset(taken.items())
        if mark not in seen:
            seen.add(mark)
            yield taken
