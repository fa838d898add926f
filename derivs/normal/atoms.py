"""The nouns of the normal form: atoms, monomials and forms.

A form is a map from monomials to rationals; a monomial is a product of atoms with rational exponents; an atom is an
interned object, so that equality is identity. A connected sum over bound indices is an atom like any other. Sums run
over all integers: ranges are guard factors, and a tensor is zero outside its shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from fractions import Fraction
from typing import Any, Final, final

from derivs.affine import Affine

Rational = int | Fraction


class Kind(IntEnum):
    """What an atom is, with its arguments. The order is that of canonical monomials."""

    SYMBOL = 0       # (name,)               a size or an index as a value
    RADICAL = 1      # (prime,)              a prime under a root: exponents in (0, 1)
    TENSOR = 2       # (name, subscripts)    zero outside the tensor's shape
    EXP = 3          # (monomial,)           e^monomial: the exponent of the atom is the coefficient
    APPLY = 4        # (function, arguments) log, erf, pi, ...
    BASE = 5         # (form,)               a many-term base; its exponent is below 1
    SUM = 6          # (count, monomial)     the sum over the bound names #height.1 ... #height.count
    LARGEST = 7      # (count, form, guards) the maximum over bound names where the guards hold
    DELTA = 8        # (affine,)             1 where it is 0, else 0
    GUARD = 9        # (affine,)             1 where it is >= 0, else 0
    POSITIVE = 10    # (form,)               1 where it is > 0, else 0
    TIE = 11         # (form,)               1 where it is 0, else 0


INDICATORS: Final = frozenset({Kind.DELTA, Kind.GUARD, Kind.POSITIVE, Kind.TIE})


@final
class Atom:
    """An interned atom. `free`: the names free in it; `height`: how deep sums are nested in it."""

    __slots__ = ("args", "free", "height", "id", "kind", "occurrences", "reads")
    _table: Final[dict[tuple[Kind, Any], Atom]] = {}

    kind: Kind
    args: tuple[Any, ...]
    id: int
    free: frozenset[str]
    height: int
    occurrences: tuple[Any, ...] | None
    reads: frozenset[tuple[str, int, Affine]] | None

    def __new__(cls, kind: Kind, *args: Any) -> Atom:
        found = cls._table.get((kind, args))
        if found is None:
            found = object.__new__(cls)
            found.kind, found.args, found.id = kind, args, len(cls._table)
            found.free, found.height = _free(kind, args), _height(kind, args)
            found.occurrences = found.reads = None
            cls._table[kind, args] = found
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return Atom, (self.kind, *self.args)

    def __repr__(self) -> str:
        match self.kind:
            case Kind.SYMBOL | Kind.RADICAL:
                return str(self.args[0])
            case Kind.TENSOR:
                return f"{self.args[0]}[{', '.join(map(str, self.args[1]))}]"
            case Kind.EXP:
                return f"e^({show_monomial(self.args[0])})"
            case Kind.SUM:
                return f"S_{self.height}.{self.args[0]}({show_monomial(self.args[1])})"
            case Kind.DELTA:
                return f"[{self.args[0]} = 0]"
            case Kind.GUARD:
                return f"[{self.args[0]} >= 0]"
            case Kind.POSITIVE:
                return f"[{self.args[0]} > 0]"
            case Kind.TIE:
                return f"[{self.args[0]} = 0]"
            case _:
                return f"{self.kind.name.lower()}({', '.join(map(str, self.args))})"


Monomial = tuple[tuple[Atom, Rational], ...]        # sorted by atom.id, exponents non-zero
Form = dict[Monomial, Rational]                     # coefficients non-zero; never changed once returned

UNIT: Final[Monomial] = ()


@final
class Frozen:
    """An interned form: what an atom holds as an argument."""

    __slots__ = ("free", "height", "id", "terms")
    _table: Final[dict[frozenset[tuple[Monomial, Rational]], Frozen]] = {}

    terms: Form
    free: frozenset[str]
    height: int
    id: int

    def __new__(cls, form: Form) -> Frozen:
        key = frozenset(form.items())
        found = cls._table.get(key)
        if found is None:
            found = object.__new__(cls)
            found.terms, found.id = form, len(cls._table)
            found.free = free_in(form)
            found.height = max((atom.height for monomial in form for atom, _ in monomial), default=0)
            cls._table[key] = found
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return Frozen, (self.terms,)

    def __repr__(self) -> str:
        return show(self.terms)


def forget() -> None:
    """Empties the tables of atoms and forms. Contexts, graphs and forms made before may not be used after it.

    For measuring cold, and for a long-running program between exercises.
    """
    Atom._table.clear()
    Frozen._table.clear()


def _free(kind: Kind, args: tuple[Any, ...]) -> frozenset[str]:
    match kind:
        case Kind.SYMBOL:
            return frozenset(args)
        case Kind.RADICAL:
            return frozenset()
        case Kind.TENSOR:
            return frozenset().union(*(form.names for form in args[1]))
        case Kind.EXP:
            return names_of(args[0])
        case Kind.APPLY:
            return frozenset().union(*(form.free for form in args[1]))
        case Kind.SUM:
            return names_of(args[1]) - set(bound_names(kind, args))
        case Kind.LARGEST:
            inside = args[1].free.union(*(guard.names for guard in args[2]))
            return frozenset(inside - set(bound_names(kind, args)))
        case Kind.DELTA | Kind.GUARD:
            names: frozenset[str] = args[0].names
            return names
        case _:
            free: frozenset[str] = args[0].free
            return free


def _height(kind: Kind, args: tuple[Any, ...]) -> int:
    match kind:
        case Kind.EXP:
            return height_of(args[0])
        case Kind.APPLY:
            return max((form.height for form in args[1]), default=0)
        case Kind.BASE | Kind.POSITIVE | Kind.TIE:
            height: int = args[0].height
            return height
        case Kind.SUM:
            return 1 + height_of(args[1])
        case Kind.LARGEST:
            return int(1 + args[1].height)
        case _:
            return 0


def bound_names(kind: Kind, args: tuple[Any, ...]) -> tuple[str, ...]:
    """The names that a SUM or LARGEST atom binds: #height.k, so that inner and outer names never clash."""
    return labels(_height(kind, args), args[0])


def labels(height: int, count: int) -> tuple[str, ...]:
    """The canonical bound names of a sum of that height."""
    return tuple(f"#{height}.{k}" for k in range(1, count + 1))


def names_of(monomial: Monomial) -> frozenset[str]:
    """The names free in a monomial."""
    return frozenset().union(*(atom.free for atom, _ in monomial))


def height_of(monomial: Monomial) -> int:
    """How deep sums are nested in a monomial."""
    return max((atom.height for atom, _ in monomial), default=0)


def free_in(form: Form) -> frozenset[str]:
    """The names free in a form."""
    return frozenset().union(*(atom.free for monomial in form for atom, _ in monomial))


def order(monomial: Monomial) -> tuple[tuple[int, Rational], ...]:
    """A total order of monomials, for choosing one of several."""
    return tuple((atom.id, exponent) for atom, exponent in monomial)


def monomial_of(powers: Iterable[tuple[Atom, Rational]]) -> Monomial:
    """The monomial of a collection of distinct atoms with exponents."""
    return tuple(sorted(((a, e) for a, e in powers if e), key=lambda power: power[0].id))


def parts(atom: Atom) -> Iterator[Monomial]:
    """The monomials directly inside an atom."""
    match atom.kind:
        case Kind.EXP:
            yield atom.args[0]
        case Kind.SUM:
            yield atom.args[1]
        case Kind.LARGEST:
            yield from atom.args[1].terms
        case Kind.APPLY:
            for form in atom.args[1]:
                yield from form.terms
        case Kind.BASE | Kind.POSITIVE | Kind.TIE:
            yield from atom.args[0].terms


def reads(atom: Atom) -> frozenset[tuple[str, int, Affine]]:
    """(tensor, axis, subscript) of every subscript in the atom, at any depth."""
    if atom.reads is None:
        found: set[tuple[str, int, Affine]] = set()
        if atom.kind is Kind.TENSOR:
            found.update((atom.args[0], axis, form) for axis, form in enumerate(atom.args[1]))
        for monomial in parts(atom):
            for inner, _ in monomial:
                found |= reads(inner)
        atom.reads = frozenset(found)
    return atom.reads


def show_monomial(monomial: Monomial) -> str:
    """For debugging."""
    return " ".join(str(a) if e == 1 else f"{a}^{e}" for a, e in monomial) or "1"


def show(form: Form) -> str:
    """For debugging."""
    return " + ".join(f"{c} {show_monomial(m)}" for m, c in form.items()) or "0"
