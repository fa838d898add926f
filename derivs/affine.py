"""Integer forms such as `i - u + 1`, `H - h + 1` or `s*(i-1) + k`: subscripts, sizes and bounds of sums.

A form is a polynomial with integer coefficients in sizes and indices, in practice affine in the indices. Forms are
interned: two equal forms are one object, so they compare and hash by identity and can be keys of every table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from math import gcd
from typing import Final, final

Monomial = tuple[str, ...]                 # sorted names; () is the constant


@final
class Affine:
    """`terms` maps monomials to non-zero integers, sorted; `names` are the sizes and indices in it."""

    __slots__ = ("key", "names", "terms")
    _table: Final[dict[tuple[tuple[Monomial, int], ...], Affine]] = {}

    terms: tuple[tuple[Monomial, int], ...]
    names: frozenset[str]
    key: tuple[tuple[Monomial, int], ...]

    def __new__(cls, terms: tuple[tuple[Monomial, int], ...]) -> Affine:
        found = cls._table.get(terms)
        if found is None:
            found = object.__new__(cls)
            found.terms = found.key = terms
            found.names = frozenset(name for monomial, _ in terms for name in monomial)
            cls._table[terms] = found
        return found

    def __reduce__(self) -> tuple[type[Affine], tuple[tuple[tuple[Monomial, int], ...]]]:
        return Affine, (self.terms,)

    def __add__(self, other: Affine | int) -> Affine:
        return self._plus(other, 1)

    def _plus(self, other: Affine | int, sign: int) -> Affine:
        other = affine(other)
        if not other.terms:
            return self
        total = dict(self.terms)
        for monomial, c in other.terms:
            total[monomial] = total.get(monomial, 0) + sign * c
        return _collect(total)

    __radd__ = __add__

    def __neg__(self) -> Affine:
        return Affine(tuple((monomial, -c) for monomial, c in self.terms))

    def __sub__(self, other: Affine | int) -> Affine:
        return self._plus(other, -1)

    def __rsub__(self, other: Affine | int) -> Affine:
        return affine(other) + (-self)

    def __mul__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(tuple((m, c * other) for m, c in self.terms)) if other else ZERO
        total: dict[Monomial, int] = {}
        for m1, c1 in self.terms:
            for m2, c2 in other.terms:
                m = tuple(sorted(m1 + m2))
                total[m] = total.get(m, 0) + c1 * c2
        return _collect(total)

    __rmul__ = __mul__

    @property
    def constant(self) -> int:
        """The term without a name."""
        return self.terms[0][1] if self.terms and not self.terms[0][0] else 0

    @property
    def is_constant(self) -> bool:
        return not self.names

    @property
    def bare(self) -> str | None:
        """The name, if the form is one name and nothing else."""
        if len(self.terms) == 1 and self.terms[0][1] == 1 and len(self.terms[0][0]) == 1:
            return self.terms[0][0][0]
        return None

    def coefficient(self, name: str) -> int:
        """The coefficient c of `name` where the form is c*name + (a form without name); 0 where it is not so."""
        found = 0
        for monomial, c in self.terms:
            if name in monomial:
                if len(monomial) > 1:
                    return 0
                found = c
        return found

    def substitute(self, values: Mapping[str, Affine]) -> Affine:
        """Every name replaced at once."""
        if self.names.isdisjoint(values):
            return self
        if self.bare is not None:
            return values[self.bare]
        total: dict[Monomial, int] = {}
        for monomial, c in self.terms:
            if any(name in values for name in monomial):
                product = reduce(Affine.__mul__, (values.get(n) or symbol(n) for n in monomial), affine(c))
                for m, d in product.terms:
                    total[m] = total.get(m, 0) + d
            else:
                total[monomial] = total.get(monomial, 0) + c
        return _collect(total)

    def at(self, sizes: Mapping[str, int]) -> int:
        """The integer it is where every name has a value."""
        total = 0
        for monomial, c in self.terms:
            for name in monomial:
                c *= sizes[name]
            total += c
        return total

    def primitive(self) -> tuple[int, Affine]:
        """(g, self/g), g the greatest common divisor of all coefficients; (0, 0) for zero."""
        g = reduce(gcd, (c for _, c in self.terms), 0)
        return (g, Affine(tuple((m, c // g) for m, c in self.terms))) if g > 1 else (g, self)

    def solve(self, name: str) -> Affine | None:
        """The value of `name` at which the form is zero, if `name` stands in it once, with coefficient 1 or -1."""
        c = self.coefficient(name)
        return symbol(name) - self * c if c in (1, -1) else None

    def __str__(self) -> str:
        """Positive terms first, the constant last, as people write: `i - u + 1`."""
        named = sorted((t for t in self.terms if t[0]), key=lambda t: (t[1] < 0, t[0]))
        parts = [(c, "*".join(m) if abs(c) == 1 else f"{abs(c)}*" + "*".join(m)) for m, c in named]
        if self.constant or not parts:
            parts.append((self.constant, str(abs(self.constant))))
        text = "".join((" - " if c < 0 else " + ") + t for c, t in parts)
        return ("-" if parts[0][0] < 0 else "") + text[3:]

    __repr__ = __str__


def _collect(total: Mapping[Monomial, int]) -> Affine:
    return Affine(tuple(sorted((m, c) for m, c in total.items() if c)))


def affine(value: Affine | int) -> Affine:
    """A form from a form or an integer."""
    if isinstance(value, Affine):
        return value
    return Affine((((), value),)) if value else ZERO


def symbol(name: str) -> Affine:
    """The form that is one size or index."""
    return Affine((((name,), 1),))


def total(forms: Iterable[Affine]) -> Affine:
    """Their sum."""
    return sum(forms, ZERO)


ZERO: Final = Affine(())
ONE: Final = affine(1)
