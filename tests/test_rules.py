"""Every row of every table: functions, identities, fallacies."""

from __future__ import annotations

import random
from itertools import product

import pytest
from flint import arb
from slowly import Undefined, value, zero
from words import *

from derivs.differentiate import differentiate
from derivs.normal.context import Context
from derivs.normal.translate import Translator
from derivs.normal.zero import is_zero
from derivs.rules.functions import FUNCTIONS
from derivs.rules.identities import FALLACIES, IDENTITIES, VOCABULARY

FACTS = [V("n") - 1] + [V(k) - 1 for k in "ij"] + [V("n") - V(k) for k in "ij"]


def equal(left: Expr, right: Expr) -> bool:
    context = Context(VOCABULARY, FACTS)
    translator = Translator(Context(VOCABULARY, [V("n") - 1]))
    return is_zero(context, translator.form(context, subtract(left, right)))


def sample(n: int, rng: random.Random):  # type: ignore[no-untyped-def]
    """Sizes, free indices, entries of the whole vocabulary."""
    names = {"n": n, "i": rng.randint(1, n), "j": rng.randint(1, n)}
    entries = {}
    for t in VOCABULARY.values():
        for place in product(range(1, n + 1), repeat=len(t.shape)):
            v = Fraction(rng.randint(-4, 4), rng.randint(1, 3))
            entries[t.name, place] = abs(v) + 1 if t.is_positive else v
    return names, entries


@pytest.mark.parametrize("name", IDENTITIES)
def test_identity_is_proved_for_every_size(name: str) -> None:
    row = IDENTITIES[name]
    assert equal(row.left, row.right)


@pytest.mark.parametrize("name", IDENTITIES)
def test_identity_holds_at_points(name: str) -> None:
    row = IDENTITIES[name]
    rng = random.Random(0)
    for n in (1, 2, 3, 4):
        for _ in range(5):
            names, entries = sample(n, rng)
            assert zero(value(subtract(row.left, row.right), VOCABULARY, names, entries))


@pytest.mark.parametrize("name", [n for n, row in IDENTITIES.items() if row.right != N(0)])
def test_identity_is_refused_when_doubled(name: str) -> None:
    row = IDENTITIES[name]
    assert not equal(mul(N(2), row.left), row.right)


@pytest.mark.parametrize("name", FALLACIES)
def test_fallacy_is_not_proved(name: str) -> None:
    row = FALLACIES[name]
    assert not equal(row.left, row.right)


@pytest.mark.parametrize("name", FALLACIES)
def test_fallacy_breaks_at_its_point(name: str) -> None:
    row = FALLACIES[name]
    names = {k: int(v) for k, v in row.point.items() if k in "nij"}
    entries = {}
    for t in VOCABULARY.values():
        for place in product(range(1, names["n"] + 1), repeat=len(t.shape)):
            v = row.point.get(t.name, 1 if t.is_positive else 0)
            for k in place:
                v = v[k - 1] if isinstance(v, tuple) else v
            entries[t.name, place] = Fraction(v)
    left, right = (value(side, VOCABULARY, dict(names), entries) for side in (row.left, row.right))
    assert not zero(left - right)
    if row.true is not None and row.false is not None:
        assert zero(left - arb(row.true.numerator) / row.true.denominator)
        assert zero(right - arb(row.false.numerator) / row.false.denominator)


U, W = E("u"), E("c")
SMOOTH = [n for n, row in FUNCTIONS.items() if row.arity]


@pytest.mark.parametrize("name", SMOOTH)
def test_function_partials_are_slopes_off_the_kink(name: str) -> None:
    """Against central differences with h = 2^-60 in 300 bits: an error of the order of h^2, far below 1e-30."""
    row = FUNCTIONS[name]
    arguments = (U, W)[:row.arity]
    rng = random.Random(1)
    h = Fraction(1, 2**60)
    for _ in range(20):
        names, entries = sample(1, rng)
        entries["u", ()] = Fraction(rng.randint(1, 9), 7) * rng.choice((1, 1 if name == "log" else -1))
        entries["c", ()] = Fraction(rng.randint(1, 9), 5) + Fraction(1, 11)
        for k, argument in enumerate(arguments):
            up, down = dict(entries), dict(entries)
            up[argument.tensor, ()] += h
            down[argument.tensor, ()] -= h
            call = apply(name, *arguments)
            slope = (value(call, VOCABULARY, names, up) - value(call, VOCABULARY, names, down)) * (2**59)
            known = value(row.partials(*arguments)[k], VOCABULARY, names, entries)
            assert abs(float((slope - known).mid())) < 1e-30


@pytest.mark.parametrize("name", SMOOTH)
def test_function_differentiates_in_the_tree(name: str) -> None:
    """d f(u^2)/du is f' at u^2 times 2u, with the kink's convention in it."""
    row = FUNCTIONS[name]
    arguments = (add(power(U, 2), N(1)), W)[:row.arity]
    whole = differentiate(apply(name, *arguments), U)
    by_hand = mul(row.partials(*arguments)[0], N(2), U)
    names, entries = sample(1, random.Random(2))
    entries["c", ()] = Fraction(-3)
    assert zero(value(subtract(whole, by_hand), VOCABULARY, names, entries))


@pytest.mark.parametrize("name", [n for n in SMOOTH if FUNCTIONS[n].kink])
def test_partials_vanish_on_the_kink_where_the_convention_takes_over(name: str) -> None:
    row = FUNCTIONS[name]
    assert row.kink is not None
    arguments = (U, W)[:row.arity]
    _, entries = sample(1, random.Random(3))
    entries["u", ()] = entries["c", ()] = Fraction(0)
    where, values = row.kink(*arguments)
    assert zero(value(where, VOCABULARY, {"n": 1}, entries))
    assert len(values) == row.arity
    for partial in row.partials(*arguments):
        assert zero(value(partial, VOCABULARY, {"n": 1}, entries))


def test_a_meaning_never_leads_back_to_its_own_function() -> None:
    from derivs.expr import Apply, walk
    for row in FUNCTIONS.values():
        if row.meaning is not None:
            used = {n.function for n in walk(row.meaning(*(U, W)[:row.arity])) if isinstance(n, Apply)}
            assert used <= {n for n, r in FUNCTIONS.items() if r.meaning is None}


def test_outside_the_domain_there_is_no_value() -> None:
    with pytest.raises(Undefined):
        value(log(N(0)), VOCABULARY, {"n": 1}, {})
