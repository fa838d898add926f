"""Lifting over cases: a function of a form that holds a 0/1 atom I is I f(u at I=1) + (1-I) f(u at I=0).

Max, min, abs, cases and deltas inside exp and roots need nothing else. In a lifted cell that cannot occur, 1/0 and
log 0 count as 0: the factor in front of the cell is 0 there (`cases(x != 0: 1/x, else 0)` must not fail because of its
dead cell).
"""

from __future__ import annotations

from collections.abc import Callable

from derivs.errors import OutOfBudget, OutOfDomain
from derivs.normal.atoms import INDICATORS, UNIT, Atom, Form, Kind
from derivs.normal.ring import ZERO, accumulate, mul

MOST_CASES = 10_000           # terms of one form, in all its cells together


def lift(form: Form, function: Callable[[Form], Form]) -> Form:
    """function(form), case by case over the 0/1 atoms at the top of the form. Raises OutOfBudget for too many cases."""
    return _lift(form, function, [MOST_CASES])


def _lift(form: Form, function: Callable[[Form], Form], left: list[int]) -> Form:
    left[0] -= 1 + len(form)
    if left[0] < 0:
        raise OutOfBudget("there are too many cases")
    found = next((a for a in sorted(_indicators(form), key=lambda a: (a.kind, a.id))), None)
    if found is None:
        return function(form)
    cells: list[tuple[dict[Atom, int], Form]]
    if found.kind in (Kind.POSITIVE, Kind.TIE):
        above, tie = Atom(Kind.POSITIVE, *found.args), Atom(Kind.TIE, *found.args)
        cells = [({above: 1, tie: 0}, {((above, 1),): 1}),
                 ({above: 0, tie: 1}, {((tie, 1),): 1}),
                 ({above: 0, tie: 0}, {UNIT: 1, ((above, 1),): -1, ((tie, 1),): -1})]
    else:
        cells = [({found: 1}, {((found, 1),): 1}), ({found: 0}, {UNIT: 1, ((found, 1),): -1})]
    total: Form = {}
    for values, indicator in cells:
        cell = assign(form, values)
        accumulate(total, mul(indicator, _lift(cell, lambda u: _dead_or(function, u), left)))
    return total


def _dead_or(function: Callable[[Form], Form], form: Form) -> Form:
    try:
        return function(form)
    except OutOfDomain:
        return ZERO


def _indicators(form: Form) -> set[Atom]:
    return {a for monomial in form for a, _ in monomial if a.kind in INDICATORS}


def assign(form: Form, values: dict[Atom, int]) -> Form:
    """The form where the 0/1 atoms have these values."""
    total: Form = {}
    for monomial, c in form.items():
        if all(values.get(a, 1) for a, _ in monomial):
            accumulate(total, {tuple((a, e) for a, e in monomial if a not in values): c})
    return total
