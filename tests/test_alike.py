"""Whether two formulas read the same: order and bound letters do not matter, everything else does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from randomly import SHUFFLES, at, edit, expressions, places
from words import *

from derivs.alike import alike

x, z, a, b = E("x", "i"), E("z", "i"), E("a"), E("b")
SAME = [
    (add(a, b), add(b, a)), (mul(a, x, b), mul(b, a, x)), (Add((a, Add((b, x)))), Add((x, a, b))),
    (S("k", "m", E("x", "k")), S("l", "m", E("x", "l"))),
    (S("k", "m", S("l", "m", E("Y", "k", "l"))), S("l", "m", S("k", "m", E("Y", "l", "k")))),
    (power(power(a, 2), -1), power(a, -2)), (divide(a, b), mul(power(b, -1), a)),
]
OTHER = [
    (mul(N(2), a), add(a, a)), (subtract(a, b), subtract(b, a)), (x, z), (x, E("x", "j")),
    (S("k", "m", E("x", "k")), S("k", 2, "m", E("x", "k"))), (S("k", "m", E("x", "k")), S("k", "m", x)),
    (S("k", "m", S("l", "m", E("Y", "k", "l"))), S("k", "m", S("l", "m", E("Y", "l", "k")))),
    (power(a, 2), mul(a, a)), (exp(a), log(a)), (d("i", "j"), d("i", "k")),
]


@pytest.mark.parametrize("one, other", SAME, ids=range(len(SAME)))
def test_reads_the_same(one: Expr, other: Expr) -> None:
    assert alike(one, other) and alike(other, one)


@pytest.mark.parametrize("one, other", OTHER, ids=range(len(OTHER)))
def test_reads_otherwise(one: Expr, other: Expr) -> None:
    assert not alike(one, other) and not alike(other, one)


@settings(max_examples=150)
@given(expressions(), st.lists(st.tuples(st.sampled_from(SHUFFLES[:2]), st.integers(0, 10**6)), max_size=4))
def test_order_and_bound_letters_do_not_matter(expr: Expr, changes) -> None:  # type: ignore[no-untyped-def]
    other = expr
    for change, k in changes:
        found = places(other)
        other = at(other, found[k % len(found)], change)
    assert alike(expr, expr) and alike(expr, other) and alike(other, expr)


@settings(max_examples=150)
@given(expressions(), st.integers(0, 10**6))
def test_a_sign_is_seen(expr: Expr, place: int) -> None:
    """One minus sign more, or a factor 2, anywhere: another formula."""
    found = places(expr)
    where = found[place % len(found)]
    for number in (0, 1):
        other = edit(expr, where, number)
        if other != expr:                                    # -0 is 0
            assert not alike(expr, other)
