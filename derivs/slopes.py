"""Slopes in many directions at once: the tangent of a dual number where every entry that is read has its own e."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flint import fmpq

from derivs.kernels import ONE

NONE: Final[Mapping[Any, Any]] = {}


class Slopes:
    """The slope in each direction where it is not zero. What the calculus does with a tangent is linear in it."""

    __slots__ = ("by",)

    def __init__(self, by: Mapping[Any, Any]) -> None:
        self.by = by

    def __add__(self, other: Any) -> Slopes:
        if type(other) is not Slopes:               # the tangent 0 of what has no directions
            return self
        more, less = (self.by, other.by) if len(self.by) >= len(other.by) else (other.by, self.by)
        if not less:
            return self if more is self.by else other
        total = dict(more)
        for direction, slope in less.items():
            known = total.get(direction)
            total[direction] = slope if known is None else known + slope
        return Slopes(total)

    __radd__ = __add__

    def __mul__(self, factor: Any) -> Slopes:
        if factor is ONE:
            return self
        if type(factor) is fmpq and not factor:
            return Slopes(NONE)
        return Slopes({direction: factor if slope is ONE else slope * factor for direction, slope in self.by.items()})

    __rmul__ = __mul__

    def __neg__(self) -> Slopes:
        return Slopes({direction: -slope for direction, slope in self.by.items()})
