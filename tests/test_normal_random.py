"""The calculus against direct evaluation: normal forms, derivatives, claims of equality, on random expressions.

Counts are small by default; `--hypothesis-profile=large` runs ten times as many.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

from flint import arb
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from randomly import FREE, PROBLEM, REWRITES, SHUFFLES, TENSORS, at, edit, expressions, places
from slowly import Undefined, value, zero
from words import *

from derivs.differentiate import differentiate
from derivs.errors import OutOfBudget, OutOfDomain, Unsupported
from derivs.expr import names_in
from derivs.normal.context import Budget, Context
from derivs.normal.readback import readback
from derivs.normal.ring import add as plus
from derivs.normal.translate import Translator
from derivs.normal.zero import is_zero, without_ties

SIZES = (1, 2, 3)
VALUES = [Fraction(n, k) for n in range(-6, 7) for k in (1, 2, 3)]
SIMPLE = [Fraction(n) for n in (-1, 0, 0, 1)]            # many ties


def context() -> Context:
    facts = [V(k) - 1 for k in (*FREE, "m")] + [V("m") - V(k) for k in FREE]
    return Context(TENSORS, facts, Budget(30_000))


ROOT = Context(TENSORS, [V("m") - 1])


Entries = dict[tuple[str, tuple[int, ...]], Fraction]


def points(seed: int, sizes: tuple[int, ...] = SIZES) -> Iterator[tuple[dict[str, int], Entries]]:
    """Sizes, free indices and entries; every other point is full of ties."""
    rng = random.Random(seed)
    for m, palette in product(sizes, (VALUES, SIMPLE)):
        names = {"m": m, "i": rng.randint(1, m), "j": rng.randint(1, m)}
        entries = {}
        for t in PROBLEM.inputs:
            for place in product(*(range(1, s.at(names) + 1) for s in t.shape)):
                v = rng.choice(palette)
                entries[t.name, place] = abs(v) + Fraction(1, 2) if t.is_positive else v
        yield names, entries


def differ(left: Expr, right: Expr, seed: int, sizes: tuple[int, ...] = SIZES) -> bool:
    """Whether some point tells them apart; a point where one of them has no value says nothing."""
    for names, entries in points(seed, sizes):
        try:
            gap = value(left, TENSORS, dict(names), entries) - value(right, TENSORS, dict(names), entries)
            if not zero(gap):
                return True
        except Undefined:
            continue
    return False


@given(expressions(), st.integers(0, 10**6))
def test_a_normal_form_means_what_was_written(expr: Expr, seed: int) -> None:
    try:
        form = Translator(ROOT).form(context(), expr)
        back = readback(context(), form)
    except (OutOfBudget, OutOfDomain, Unsupported):
        assume(False)
    assert not differ(expr, back, seed)


@given(expressions(), st.lists(st.tuples(st.sampled_from(REWRITES), st.integers(0, 10**6)), min_size=1, max_size=3),
       st.integers(0, 10**6))
def test_what_is_rewritten_is_never_taken_for_another_value(expr: Expr, changes, seed: int) -> None:  # type: ignore[no-untyped-def]
    """Equality-preserving rewrites really preserve the value: the ground for the next test."""
    other = expr
    for change, k in changes:
        found = places(other)
        other = at(other, found[k % len(found)], change)
    assert not differ(expr, other, seed)


@given(expressions(), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_random_edit_is_never_proved_equal_unless_it_is(expr: Expr, place: int, number: int, seed: int) -> None:
    found = places(expr)
    other = edit(expr, found[place % len(found)], number)
    try:
        translator = Translator(ROOT)
        here = context()
        shown = is_zero(here, plus(translator.form(here, expr), translator.form(here, other), -1))
    except (OutOfBudget, OutOfDomain, Unsupported):
        assume(False)
    if shown:
        assert not differ(expr, other, seed, (1, 2, 3, 4))


def test_rewrites_are_proved_in_at_least_97_percent() -> None:
    tried, proved = 0, 0

    @settings(derandomize=True)
    @given(expressions(), st.lists(st.tuples(st.sampled_from(REWRITES), st.integers(0, 10**6)), min_size=2, max_size=4))
    def run(expr: Expr, changes) -> None:  # type: ignore[no-untyped-def]
        nonlocal tried, proved
        other = expr
        for change, k in changes:
            found = places(other)
            other = at(other, found[k % len(found)], change)
        here = context()
        try:
            translator = Translator(ROOT)
            difference = plus(translator.form(here, expr), translator.form(here, other), -1)
            shown = is_zero(here, difference)
        except OutOfBudget:
            shown = False
        except (OutOfDomain, Unsupported):
            assume(False)
        tried += 1
        proved += shown

    run()
    assert proved >= 0.97 * tried, f"{proved} of {tried}"


@given(expressions(), st.lists(st.tuples(st.sampled_from(SHUFFLES), st.integers(0, 10**6)), min_size=1, max_size=4))
def test_order_and_names_never_change_a_normal_form(expr: Expr, changes) -> None:  # type: ignore[no-untyped-def]
    """Terms and factors in another order, bound indices renamed, sums exchanged: the same form, not an equal one."""
    other = expr
    for change, k in changes:
        found = places(other)
        other = at(other, found[k % len(found)], change)
    here = context()
    try:
        translator = Translator(ROOT)
        forms = translator.form(here, expr), translator.form(here, other)
    except (OutOfBudget, OutOfDomain, Unsupported):
        assume(False)
    assert forms[0] == forms[1]


def tangent(expr: Expr, by: Entry, names: dict[str, int], entries) -> arb:  # type: ignore[no-untyped-def]
    """The derivative by exact central differences at two steps, extrapolated: an error of the order of h^4."""
    place = tuple(f.at(names) for f in by.at)
    def slope(h: Fraction) -> arb:
        up, down = dict(entries), dict(entries)
        up[by.tensor, place] += h
        down[by.tensor, place] -= h
        rise = value(expr, TENSORS, dict(names), up) - value(expr, TENSORS, dict(names), down)
        return rise / (arb(2 * h.numerator) / h.denominator)
    h = Fraction(1, 2**40)
    return (4 * slope(h / 2) - slope(h)) / 3


@given(expressions(smooth=True), st.sampled_from((E("x", "p"), E("a"), E("Y", "p", "i"), E("w", "p"))),
       st.integers(0, 10**6))
def test_a_derivative_is_the_slope(expr: Expr, by: Entry, seed: int) -> None:
    derivative = differentiate(expr, by)
    assert "p" not in names_in(expr)
    for names, entries in points(seed):
        names = {**names, "p": random.Random(seed).randint(1, names["m"])}
        try:
            known = value(derivative, TENSORS, dict(names), entries)
            slope = tangent(expr, by, names, entries)
        except Undefined:
            continue
        # h = 2^-40: the difference formula is off by about h^4 times a fifth derivative, the balls by 2^-250.
        scale = 1 + abs(float(known.mid()))
        if scale < 1e6:
            assert abs(float((known - slope).mid())) <= 1e-20 * scale


@given(expressions(smooth=True), st.integers(0, 10**6))
def test_tidying_keeps_the_value(expr: Expr, seed: int) -> None:
    from derivs.tidy import tidy
    derivative = differentiate(expr, E("x", "j"))
    assert not differ(derivative, tidy(context(), derivative), seed)


def test_ties_are_taken_out_whole() -> None:
    """max(a, b) written with >= and with > differ on the tie only."""
    from derivs.expr import Cases, Compare
    a, b = E("a"), E("b")
    strict = Cases(((a, Compare("<", b, a)),), N(0))
    loose = Cases(((a, Compare("<=", b, a)),), N(0))
    here = context()
    translator = Translator(ROOT)
    difference = plus(translator.form(here, strict), translator.form(here, loose), -1)
    assert not is_zero(here, difference)
    rest, kinks = without_ties(difference)
    assert is_zero(here, rest)
    assert len(kinks) == 1
