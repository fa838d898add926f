"""What can go wrong for a user: every message says what, where and how to mend."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class DerivsError(Exception):
    """A message for a person. `what` happened, `where` (file, exercise, formula), `mend`: a thing to do about it."""

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.mend = what, where, mend

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n    {self.mend}" if self.mend else head

    def at(self, where: str) -> DerivsError:
        """The same error, said to have happened at `where`, unless it knows better."""
        if not self.where:
            self.where = where
        return self


class IllFormed(DerivsError):
    """An exercise or a formula that means nothing: an unknown name, a subscript out of range, a wrong rank, a cycle."""


class Mismatch(IllFormed):
    """Lengths that do not fit, in a product, a sum or an equation of tensors. span: where, once it is known."""

    span: tuple[int, int] | None = None


class UnknownLength(IllFormed):
    """A vector of ones, or a unit matrix, where nothing says how long it is."""


class OutOfRange(IllFormed):
    """A subscript that leaves its axis, where nothing says that there is zero outside."""


class Unreadable(DerivsError):
    """A text that cannot be read. `span`: the smallest guilty piece of it, as characters from and up to."""

    def __init__(self, what: str, span: tuple[int, int], *, mend: str = "") -> None:
        super().__init__(what, mend=mend)
        self.span = span


class Unsupported(DerivsError):
    """A thing that means something, but that this version cannot read or do yet. Never a guess."""


class OutOfBudget(DerivsError):
    """A computation reached its bound of steps or time. The answer is "not decided", never wrong."""


class OutOfDomain(DerivsError):
    """An expression has no value at a point: a division by zero, the root or logarithm of a negative number."""


class DivisionByZero(OutOfDomain):
    """A division by what is zero at this point, and may be something else at the points around it."""


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?`, or the list of what is known, for a name nobody declared."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.45)
    if close:
        return f"did you mean '{close[0]}'?"
    return "known names: " + ", ".join(names) if names else ""
