"""From a form back to a tree, for people and for exact evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from derivs.affine import Affine, symbol
from derivs.errors import Unsupported
from derivs.expr import (
    ZERO,
    And,
    Apply,
    Compare,
    CompareIndex,
    Delta,
    Entry,
    Expr,
    Indicator,
    Integer,
    Largest,
    Sum,
    add,
    mul,
    number,
    power,
)
from derivs.normal.atoms import Atom, Form, Kind, Monomial
from derivs.normal.context import Context
from derivs.normal.opening import open_largest, open_sum, rename
from derivs.normal.signs import guards_of
from derivs.normal.sums import substitute

LETTERS = "klpqrstuvabcdefij"


def readback(context: Context, form: Form, taken: frozenset[str] = frozenset()) -> Expr:
    """An expression whose normal form is `form`. Bound indices get letters that are not taken."""
    taken = taken.union(*(a.free for m in form for a, _ in m))
    terms = [mul(number(Fraction(c)), _monomial(context, m, taken)) for m, c in form.items()]
    return add(*terms) if terms else ZERO


def _monomial(context: Context, monomial: Monomial, taken: frozenset[str]) -> Expr:
    return mul(*(power(_atom(context, a, taken), Fraction(e)) if a.kind is not Kind.EXP
                 else Apply("exp", (mul(number(Fraction(e)), _monomial(context, a.args[0], taken)),))
                 for a, e in monomial))


def _atom(context: Context, a: Atom, taken: frozenset[str]) -> Expr:
    match a.kind:
        case Kind.SYMBOL:
            return Integer(symbol(a.args[0]))
        case Kind.RADICAL:
            return number(a.args[0])
        case Kind.TENSOR:
            return Entry(*a.args)
        case Kind.APPLY:
            return Apply(a.args[0], tuple(readback(context, f.terms, taken) for f in a.args[1]))
        case Kind.BASE:
            return readback(context, a.args[0].terms, taken)
        case Kind.DELTA:
            return delta_of(a.args[0])
        case Kind.GUARD:
            return Indicator(condition_of(a.args[0]))
        case Kind.POSITIVE:
            return Indicator(Compare("<", ZERO, readback(context, a.args[0].terms, taken)))
        case Kind.TIE:
            return Indicator(Compare("=", readback(context, a.args[0].terms, taken), ZERO))
        case Kind.SUM:
            return _sum(context, a, taken)
        case Kind.LARGEST:
            return _largest(context, a, taken)
        case _:
            raise AssertionError(a.kind)


def delta_of(form: Affine) -> Delta:
    """[form = 0]."""
    positive = Affine(tuple(t for t in form.terms if t[1] > 0))
    return Delta(positive, positive - form)


def condition_of(form: Affine) -> CompareIndex:
    """form >= 0."""
    positive = Affine(tuple(t for t in form.terms if t[1] > 0))
    return CompareIndex("<=", positive - form, positive)


def _letters(count: int, taken: frozenset[str]) -> list[str]:
    free = [c for c in (*LETTERS, *(c + "'" for c in LETTERS), *(c + "''" for c in LETTERS)) if c not in taken]
    return free[:count]


def _sum(context: Context, a: Atom, taken: frozenset[str]) -> Expr:
    names, body = open_sum(context, a, frozenset())
    order = sorted(names)
    letters = _letters(len(order), taken)
    guards = {g for g in guards_of(context, body) if not g.names.isdisjoint(names)}
    rest: Monomial = tuple(p for p in body if not (p[0].kind is Kind.GUARD and p[0].args[0] in guards))
    bounds, left = bounds_of(frozenset(order), guards)
    values = dict(zip(order, map(symbol, letters), strict=True))
    renamed = dict(zip(order, letters, strict=True))
    inner = _with_names(context, rest, renamed, taken.union(letters))
    conditions = tuple(condition_of(g.substitute(values)) for g in sorted(left, key=lambda g: g.key)
                       if not any(g in (symbol(n) - lo, hi - symbol(n)) for n, lo, hi in bounds))
    if conditions:
        inner = mul(Indicator(conditions[0] if len(conditions) == 1 else And(conditions)), inner)
    for name, low, high in reversed(bounds):
        inner = Sum(renamed[name], low.substitute(values), high.substitute(values), inner)
    return inner


Bound = tuple[str, Affine, Affine]         # an index, its lowest and its highest value


def bounds_of(names: frozenset[str], guards: Iterable[Affine],
              sizes: frozenset[str] = frozenset()) -> tuple[list[Bound], set[Affine]]:
    """A range for each name that the guards give, outermost first, and the guards that are left.

    The outermost index is one whose bounds do not mention the indices further in. Bounds that speak of sizes alone go
    first. Raises Unsupported where there is none.
    """
    bounds: list[Bound] = []
    bound, left = set(names), set(guards)
    for _ in names:
        name, low, high, used = _bounded(bound, left, sizes)
        bounds.append((name, low, high))
        bound.discard(name)
        left -= used
    return bounds, left


def _bounded(bound: set[str], guards: set[Affine], sizes: frozenset[str]) -> tuple[str, Affine, Affine, set[Affine]]:
    for name in sorted(bound):
        mine = [g for g in sorted(guards, key=lambda g: (len(g.names - sizes), len(g.names), g.key))
                if name in g.names and len(g.names & bound) == 1 and g.coefficient(name) in (1, -1)]
        low = next((g for g in mine if g.coefficient(name) == 1), None)
        high = next((g for g in mine if g.coefficient(name) == -1), None)
        if low is not None and high is not None:
            lo, hi = low.solve(name), high.solve(name)
            assert lo is not None and hi is not None
            return name, lo, hi, {low, high}
    raise Unsupported("a sum whose bounds depend on each other")


def _with_names(context: Context, body: Monomial, names: dict[str, str], taken: frozenset[str]) -> Expr:
    return _monomial(context, rename(body, names), taken)


def _largest(context: Context, a: Atom, taken: frozenset[str]) -> Expr:
    names, form, guards = open_largest(context, a, frozenset())
    letters = _letters(len(names), taken)
    values = dict(zip(names, map(symbol, letters), strict=True))
    inner = readback(context, substitute(context, form, values), taken.union(letters))
    bounds, _ = bounds_of(frozenset(letters), {g.substitute(values) for g in guards})
    for name, low, high in reversed(bounds):
        inner = Largest(name, low, high, inner)
    return inner
