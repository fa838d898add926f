"""Inputs of an exercise: its sizes, and its arrays by name. This module imports NumPy only when an array is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from derivs.errors import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Example:
    """Inputs of an exercise: a value for each size, and each array by name. repr() is Python that makes it again."""

    sizes: Mapping[str, int]
    arrays: Mapping[str, NDArray[Any]]

    def __getitem__(self, name: str) -> Any:
        """An array, or a size."""
        if name in self.arrays:
            return self.arrays[name]
        if name in self.sizes:
            return self.sizes[name]
        raise KeyError(f"{name}; {nearest(name, (*self.arrays, *self.sizes))}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Example) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        inner = ", ".join(f"{name!r}: {literal(array)}" for name, array in self.arrays.items())
        return f"Example(sizes={dict(self.sizes)!r}, arrays={{{inner}}})"


def literal(array: NDArray[Any]) -> str:
    """`np.array([0.0, 1.0])`, with its dtype where that is not the usual one."""
    import numpy as np
    array = np.asarray(array)
    dtype = "" if array.dtype == np.float64 else f", dtype=np.{array.dtype.name}"
    return f"np.array({array.tolist()!r}{dtype})"
