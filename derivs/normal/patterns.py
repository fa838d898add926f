"""Rewriting by patterns: an atom at any subscripts, such as e^{-x_p} for every p, gives way to a form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from derivs.affine import Affine, symbol
from derivs.normal.atoms import Atom, Form, reads
from derivs.normal.context import Context
from derivs.normal.sums import rewrite, settle, substitute


@dataclass(frozen=True, slots=True)
class Rule:
    """atom -> value, whatever integer forms stand for the names in it."""

    names: tuple[str, ...]
    atom: Atom
    value: Form


def apply(context: Context, rules: Sequence[Rule], form: Form) -> Form:
    """The form with every rule applied once, at any depth, also under sums. The first rule that fits an atom counts."""
    if not rules:
        return form
    known: dict[Atom, Form | None] = {}

    def replacement(a: Atom) -> Form | None:
        if a not in known:
            known[a] = next((found for rule in rules if (found := _fits(context, rule, a)) is not None), None)
        return known[a]

    return settle(context, rewrite(context, form, {}, replacement))


def _fits(context: Context, rule: Rule, a: Atom) -> Form | None:
    """The value of the rule where its atom becomes `a`; None where it does not."""
    if a is rule.atom:
        return rule.value
    if a.kind is not rule.atom.kind or not rule.names:
        return None
    for values in _values(rule, a):
        if substitute(context, {((rule.atom, 1),): 1}, values) == {((a, 1),): 1}:
            return substitute(context, rule.value, values)
    return None


def _values(rule: Rule, a: Atom) -> Iterator[Mapping[str, Affine]]:
    """What the names of the rule may stand for in `a`: what stands where they stand alone in the pattern."""
    here = reads(a)
    if {read[:2] for read in here} != {read[:2] for read in reads(rule.atom)}:
        return
    options = []
    for name in rule.names:
        places = {(tensor, axis) for tensor, axis, form in reads(rule.atom) if form.bare == name}
        found = {form for tensor, axis, form in here if (tensor, axis) in places}
        found = found or set(map(symbol, a.free))          # a letter that stands in the ranges only
        options.append(sorted(found, key=lambda form: form.key))
    for values in product(*options):
        yield dict(zip(rule.names, values, strict=True))
