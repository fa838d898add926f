"""Opening a sum: its body under fresh names, with the ranges that its tensors imply written out as guards again."""

from __future__ import annotations

from collections.abc import Mapping

from derivs.affine import Affine, symbol
from derivs.normal.atoms import Atom, Form, Frozen, Kind, Monomial, Rational, bound_names, monomial_of
from derivs.normal.context import Context
from derivs.normal.indicators import guard
from derivs.normal.ring import ONE
from derivs.normal.signs import guards_of


def fresh(context: Context, count: int, taken: frozenset[str]) -> tuple[str, ...]:
    """Names ~1, ~2, ... that nobody uses here, and of which nothing is known."""
    taken |= context.names
    found: list[str] = []
    k = 1
    while len(found) < count:
        if f"~{k}" not in taken:
            found.append(f"~{k}")
        k += 1
    return tuple(found)


def open_sum(context: Context, a: Atom, taken: frozenset[str]) -> tuple[frozenset[str], Monomial]:
    """Fresh bound names and the body of a sum, with the ranges that its tensors imply written out as guards again.

    Written out, because a tensor may cancel once the body meets other factors, and its range must survive that.
    """
    old = bound_names(a.kind, a.args)
    new = fresh(context, len(old), taken | a.free)
    key = (a, new)
    if key not in context.memo:
        body = rename(a.args[1], dict(zip(old, new, strict=True)))
        guards = [g for g in guards_of(context, body) if not g.names.isdisjoint(new)]
        for g in guards:
            body = times_guard(body, g)
        context.memo[key] = body
    return frozenset(new), context.memo[key]


def times_guard(body: Monomial, g: Affine) -> Monomial:
    extra = guard(g)
    if extra == ONE:
        return body
    (monomial, _), = extra.items()
    return monomial_of((dict(body) | dict(monomial)).items())


def rename(body: Monomial, names: Mapping[str, str]) -> Monomial:
    """A body with its bound names renamed, atom by atom, which keeps it one monomial.

    Renaming could turn the orientation of a comparison, [x_i > x_j] into 1 - [x_i < x_j] - [x_i = x_j]; not here:
    the atom is built as it stands, and gets its canonical orientation when the sum is closed again.
    """
    values = {old: symbol(new) for old, new in names.items()}
    powers: dict[Atom, Rational] = {}
    for a, e in body:
        new = _renamed(a, values)
        powers[new] = powers.get(new, 0) + e
    return monomial_of(powers.items())


def _renamed(a: Atom, values: Mapping[str, Affine]) -> Atom:
    if a.free.isdisjoint(values):
        return a

    def form(frozen: Frozen) -> Frozen:
        return Frozen({monomial_of((_renamed(b, values), e) for b, e in m): c
                       for m, c in frozen.terms.items()})

    match a.kind:
        case Kind.SYMBOL:
            return Atom(a.kind, values[a.args[0]].bare)
        case Kind.TENSOR:
            return Atom(a.kind, a.args[0], tuple(f.substitute(values) for f in a.args[1]))
        case Kind.DELTA | Kind.GUARD:
            return Atom(a.kind, a.args[0].substitute(values))
        case Kind.EXP:
            return Atom(a.kind, monomial_of((_renamed(b, values), e) for b, e in a.args[0]))
        case Kind.SUM:
            return Atom(a.kind, a.args[0], monomial_of((_renamed(b, values), e) for b, e in a.args[1]))
        case Kind.LARGEST:
            return Atom(a.kind, a.args[0], form(a.args[1]), tuple(g.substitute(values) for g in a.args[2]))
        case Kind.APPLY:
            return Atom(a.kind, a.args[0], tuple(map(form, a.args[1])))
        case _:
            return Atom(a.kind, form(a.args[0]))


def open_largest(context: Context, a: Atom, taken: frozenset[str]) -> tuple[tuple[str, ...], Form, tuple[Affine, ...]]:
    """Fresh names, body and guards of a maximum."""
    old = bound_names(a.kind, a.args)
    new = fresh(context, len(old), taken | a.free)
    names = dict(zip(old, new, strict=True))
    values = {o: symbol(n) for o, n in names.items()}
    body = {rename(monomial, names): c for monomial, c in a.args[1].terms.items()}
    return new, body, tuple(g.substitute(values) for g in a.args[2])
