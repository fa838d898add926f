"""Where we look: every order of sizes, both signs, ties and zeros, and nothing that the exercise rules out."""

from __future__ import annotations

from itertools import islice, permutations
from random import Random

import pytest
from words import *

from derivs.errors import IllFormed, Unsupported
from derivs.points import MOST_ENTRIES, generic, impose, inputs, samples, simple, size_strata, small_sizes, zeros
from derivs.scope import ranges


def looked_at(exercise, claim, given, n=60, seed=0):
    bounds = ranges(exercise, (claim.left, claim.right))
    return list(islice(samples(exercise, claim, bounds, given, Random(seed)), n))


def one_axis(*sizes, facts=()):
    return problem("sizes", declare(*(T(f"x{k}", size) for k, size in enumerate(sizes))), outputs=(), facts=facts)


# --------------------------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize("letters", ["m", "mn", "kmn"])
def test_every_strict_order_of_the_sizes_occurs(letters):
    orders = {tuple(sorted(letters, key=sizes.__getitem__)) for sizes in size_strata(one_axis(*letters), ())
              if len(set(sizes.values())) == len(letters)}
    assert orders == set(permutations(letters))


@pytest.mark.parametrize("letters", ["mn", "kmn", "abcd", "abcdef"])
def test_every_pair_of_sizes_is_seen_in_each_order_and_equal(letters):
    strata = size_strata(one_axis(*letters), ())
    for a, b in permutations(letters, 2):
        assert {(sizes[a] > sizes[b]) - (sizes[a] < sizes[b]) for sizes in strata} == {-1, 0, 1}


def test_sizes_that_cannot_be_smaller_are_not():
    strata = size_strata(one_axis("H", "h", facts=(V("H") - V("h"),)), ())
    assert all(sizes["H"] >= sizes["h"] >= 1 for sizes in strata)
    assert any(sizes["H"] == sizes["h"] for sizes in strata) and any(sizes["H"] > sizes["h"] for sizes in strata)


def test_the_length_of_a_valid_convolution_is_seen_on_both_sides_of_its_kernel():
    """H - h + 1 < h, = h and > h."""
    H, h = V("H"), V("h")
    strata = size_strata(one_axis("H", "h", H - h + 1, facts=(H - h,)), ())
    assert {(s["H"] - s["h"] + 1 > s["h"]) - (s["H"] - s["h"] + 1 < s["h"]) for s in strata} == {-1, 0, 1}


@pytest.mark.parametrize("letters", ["m", "mn", "kmn"])
def test_each_size_takes_more_values_than_a_cubic_has_zeros(letters):
    """Or (m-1)(m-2) would pass."""
    for letter in letters:
        assert len({sizes[letter] for sizes in size_strata(one_axis(*letters), ())}) >= 4


def test_the_smallest_sizes_and_one_with_all_at_least_two_are_among_them():
    strata = size_strata(one_axis("m", "n", "k"), ())
    assert {"m": 1, "n": 1, "k": 1} in [dict(s) for s in strata]
    assert any(min(s.values()) >= 2 and max(s.values()) > 2 for s in strata)


def test_a_lower_bound_beyond_the_box_is_reached():
    assert min(s["m"] for s in small_sizes(one_axis("m", facts=(V("m") - 7,)), ())) == 7
    far = one_axis("H", "h", facts=(V("H") - 3 * V("h") - 2, V("h") - 4))
    assert all(s["H"] >= 3 * s["h"] + 2 and s["h"] >= 4 for s in small_sizes(far, ())) and small_sizes(far, ())


def test_sizes_that_nothing_satisfies_are_said_to_be_so():
    nothing = one_axis("m", facts=(V("m") - 5, 3 - V("m")))
    with pytest.raises(Unsupported, match="no small sizes"):
        looked_at(nothing, Claim(N(1), N(1)), ())


def test_the_number_of_entries_is_bounded():
    big = problem("big", declare(T("w", "a", "b", "c", "d")), outputs=())
    given = (big.tensors["w"],)
    for sample in looked_at(big, Claim(N(1), N(1)), given):
        assert len(sample.point.entries) <= MOST_ENTRIES


def test_without_sizes_there_are_points_all_the_same():
    scalar = problem("scalar", declare(T("x")), outputs=())
    assert len(looked_at(scalar, Claim(E("x"), E("x")), (scalar.tensors["x"],), 30)) == 30


# -------------------------------------------------------------------------------------------------------------- inputs

VECTOR = problem("vector", declare(T("x", "m"), T("eps", props="positive")), outputs=())
SAME = Claim(E("x", "i"), E("x", "i"))
GIVEN = (VECTOR.tensors["x"], VECTOR.tensors["eps"])


def rows(n=60):
    for sample in looked_at(VECTOR, SAME, GIVEN, n):
        yield [v for (name, _), v in sample.point.entries.items() if name == "x"]


@pytest.mark.parametrize("stratum, holds", [
    ("both signs", lambda x: min(x) < 0 < max(x)),
    ("positive", lambda x: len(x) > 1 and min(x) > 0),
    ("negative", lambda x: len(x) > 1 and max(x) < 0),
    ("a tie and another", lambda x: 1 < len(set(x)) < len(x)),
    ("zero", lambda x: not any(x)),
    ("all equal", lambda x: len(x) > 1 and len(set(x)) == 1 and x[0] != 0),
    ("tiny spread", lambda x: len(set(x)) > 1 and 0 < max(x) - min(x) < Fraction(1, 40)),
    ("one outlier", lambda x: len(x) > 2 and sum(abs(v) >= 25 for v in x) == 1),
    ("large", lambda x: len(x) > 1 and min(map(abs, x)) >= 8),
    ("small", lambda x: len(x) > 1 and 0 < max(map(abs, x)) < Fraction(1, 10)),
    ("simplest", lambda x: len(x) > 2 and set(x) <= {0, 1, -1, 2, Fraction(1, 2)} and len(set(x)) > 2),
])
def test_inputs_of_every_kind_occur(stratum, holds):
    assert any(map(holds, rows()))


def test_the_first_points_are_generic_with_a_batch_of_three():
    first, second = looked_at(VECTOR, SAME, GIVEN, 2)
    assert [first.point.integers["m"], second.point.integers["m"]] == [3, 2]
    assert all(first.point.entries.values())


def test_epsilon_is_of_order_one_everywhere():
    assert all(Fraction(1, 4) <= sample.point.entries["eps", ()] <= 7 for sample in looked_at(VECTOR, SAME, GIVEN))


def test_the_same_seed_gives_the_same_points_and_another_gives_others():
    assert looked_at(VECTOR, SAME, GIVEN, seed=3) == looked_at(VECTOR, SAME, GIVEN, seed=3)
    assert looked_at(VECTOR, SAME, GIVEN, seed=3) != looked_at(VECTOR, SAME, GIVEN, seed=4)


@pytest.mark.parametrize("props, holds", [
    ("positive", lambda row: min(row) > 0),
    ("nonnegative", lambda row: min(row) >= 0),
    ("in(0,1)", lambda row: min(row) > 0 and max(row) < 1),
    ("binary", lambda row: set(row) <= {0, 1}),
    ("onehot", lambda row: sorted(row) == [0] * (len(row) - 1) + [1]),
    ("simplex", lambda row: min(row) >= 0 and sum(row) == 1),
])
@pytest.mark.parametrize("kind", [generic, simple, zeros])
def test_what_a_tensor_declares_is_obeyed_along_its_last_axis(props, holds, kind):
    tensor = T("t", "n", "k", props=props)
    for seed in range(10):
        entries = inputs((tensor,), {"n": 3, "k": 4}, kind, Random(seed))
        for n in (1, 2, 3):
            assert holds([entries["t", (n, k)] for k in (1, 2, 3, 4)])


# ------------------------------------------------------------------------------------ free indices, and what is given

MATRIX = problem("matrix", declare(T("x", "n"), T("t", "n", "k"), T("p", "n", "k", props="nonnegative")), outputs=())
TWO = Claim(mul(E("x", "i"), E("x", "j")), N(0))


def test_two_indices_of_one_range_are_seen_equal_and_different_with_the_same_inputs():
    for sample in looked_at(MATRIX, TWO, (), 20):
        if sample.point.integers["n"] > 1:
            assert {place["i"] == place["j"] for place in sample.places} == {True, False}


@pytest.mark.parametrize("op, holds", [("=", lambda p: p["i"] == p["j"]), ("!=", lambda p: p["i"] != p["j"])])
def test_a_condition_on_indices_holds_everywhere(op, holds):
    claim = Claim(TWO.left, TWO.right, (Given(op, V("i"), V("j")),))
    sampled = looked_at(MATRIX, claim, (), 20)
    assert len(sampled) == 20 and all(sample.places for sample in sampled)
    assert all(holds(place) for sample in sampled for place in sample.places)


def test_a_condition_on_a_stranger_is_ill_formed():
    with pytest.raises(IllFormed, match="speaks of q"):
        looked_at(MATRIX, Claim(TWO.left, TWO.right, (Given("=", V("q"), V("i")),)), ())


@pytest.mark.parametrize("tensor, total", [("t", N(1)), ("t", N(0)), ("p", N(1)), ("t", N("n"))])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_given_sum_holds_in_every_row(tensor, total, swapped):
    sides = (S("k", "k", E(tensor, "i", "k")), total)
    given = Given("=", *(sides[::-1] if swapped else sides))
    claim = Claim(E(tensor, "i", "j"), E(tensor, "i", "j"), (given,))
    for sample in looked_at(MATRIX, claim, (MATRIX.tensors[tensor],), 30):
        sizes = sample.point.integers
        wanted = sizes["n"] if total == N("n") else total.value
        for row in range(1, sizes["n"] + 1):
            assert sum(sample.point.entries[tensor, (row, k)] for k in range(1, sizes["k"] + 1)) == wanted
        if tensor == "p":
            assert min(sample.point.entries.values()) >= 0


def test_a_given_entry_has_its_value_where_the_indices_are_and_is_free_elsewhere():
    claim = Claim(E("x", "i"), N(2), (Given("=", E("x", "i"), N(2)),))
    others = set()
    for sample in looked_at(MATRIX, claim, (MATRIX.tensors["x"],), 30):
        place, = sample.places
        assert sample.point.entries["x", (place["i"],)] == 2
        others |= {v for (_, (k,)), v in sample.point.entries.items() if k != place["i"]}
    assert len(others) > 5


@pytest.mark.parametrize("equation", [
    Given("=", power(E("x", "i"), 2), N(1)), Given("!=", E("x", "i"), N(0)),
    Given("=", S("k", "k", mul(E("t", "i", "k"), E("t", "i", "k"))), N(1)), Given("=", E("x", "i"), E("x", "j")),
])
def test_what_cannot_be_imposed_is_refused_and_not_ignored(equation):
    with pytest.raises(Unsupported, match="cannot be imposed"):
        impose(MATRIX, equation, {"n": 1, "k": 1, "i": 1, "j": 1}, {("x", (1,)): N(3).value, ("t", (1, 1)): N(3).value})
