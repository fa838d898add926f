"""Exact scalars: rationals stay rational, balls certify, residues decide, dual numbers differentiate."""

from __future__ import annotations

import pytest
from flint import arb, ctx, fmpq, fmpz
from hypothesis import given
from hypothesis import strategies as st

from derivs import kernels as k
from derivs.errors import OutOfDomain
from derivs.kernels import ONE, ZERO, Dual, Imprecise, Real

HALF = fmpq(1, 2)
rationals = st.builds(fmpq, st.integers(-20, 20), st.integers(1, 12))
positive = st.builds(fmpq, st.integers(1, 60), st.integers(1, 12))


@pytest.fixture(autouse=True)
def _precision():
    with ctx.workprec(k.FIRST_BITS):
        yield


@pytest.mark.parametrize("field", k.FIELDS.values())
def test_the_primes_are_what_the_module_says(field):
    assert fmpz(field.p).is_prime() and fmpz(field.q).is_prime()
    assert field.p == 2 * field.q + 1 and field.p % 8 == 7
    for small in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31):
        assert pow(small, (field.p - 1) // 2, field.p) == 1
        assert pow(small, (field.q - 1) // 2, field.q) == 1
    assert field.g != 1 and field.g ** field.q == 1
    assert field.q > 2 ** 60                      # a wrong "equal" by chance d/q, for degrees d up to 2^20 below 2^-40


@pytest.mark.parametrize("value, exact", [
    (k.root(fmpq(9, 4), HALF), fmpq(3, 2)),
    (k.root(fmpq(8, 27), fmpq(-2, 3)), fmpq(9, 4)),
    (k.root(ZERO, fmpq(3, 2)), ZERO),
    (k.whole(fmpq(-2, 3), -3), fmpq(-27, 8)),
    (k.whole(ZERO, 0), ONE),
    (k.exp(ZERO), ONE),
    (k.log(ONE), ZERO),
    (k.erf(ZERO), ZERO),
])
def test_a_rational_stays_rational(value, exact):
    assert type(value) is fmpq and value == exact


@given(rationals, rationals)
def test_exp_of_a_sum_is_the_product_in_the_residues(a, b):
    together, apart = k.exp(a + b), k.exp(a) * k.exp(b)
    assert k.identical(together, apart)
    assert not k.differ(together, apart)


@given(positive, positive)
def test_roots_are_consistent_where_both_have_one(a, b):
    left, right = k.real(k.root(a, HALF)), k.real(k.root(b, HALF))
    both = k.real(k.root(a * b, HALF))
    if left.mod_p is not None and right.mod_p is not None:
        assert left.mod_p * right.mod_p == both.mod_p
        assert left.mod_p ** 2 == k.real(a).mod_p


@pytest.mark.parametrize("n", [4, 9, 16, 25, 49, 121])
def test_the_root_of_a_square_is_the_positive_one_in_the_residues(n):
    through_the_residues = k.root(Real(arb(n), k.real(fmpq(n)).mod_p, None), HALF)
    assert k.identical(through_the_residues, k.root(fmpq(n), HALF))


@given(rationals)
def test_the_root_of_an_exponential_is_the_exponential_of_the_half(a):
    assert k.identical(k.root(k.exp(a), HALF), k.exp(a * HALF))


@given(rationals)
def test_any_power_of_e_is_the_exponential(a):
    assert k.identical(k.power(k.exp(fmpq(1)), a), k.exp(a))


def test_every_odd_root_is_the_one_root_there_is():
    assert k.identical(k.whole(k.root(fmpq(37), fmpq(1, 3)), 3) * k.exp(ONE), fmpq(37) * k.exp(ONE))


def test_a_residue_of_zero_and_a_ball_around_zero_make_a_zero():
    e = k.exp(ONE)
    assert k.sign((e + 1 * ONE) * (e - ONE) - (e * e - ONE)) == 0


def test_a_tiny_difference_is_no_zero():
    e = k.exp(ONE)
    with pytest.raises(Imprecise):
        k.sign(e + fmpq(1, 10**60) - e)
    with ctx.workprec(512):
        e = k.exp(ONE)
        assert k.sign(e + fmpq(1, 10**60) - e) == 1


def test_a_wide_ball_is_not_believed_to_be_zero_even_with_residue_zero():
    zero = k.real(ZERO)
    with pytest.raises(Imprecise):
        k.sign(Real(arb(0, 1), zero.mod_p, zero.mod_q))


@pytest.mark.parametrize("unknown", [k.log(fmpq(2)), k.erf(ONE), k.pi(), k.exp(k.exp(ONE))])
def test_what_has_no_residue_says_so(unknown):
    assert unknown.mod_p is None
    with pytest.raises(Imprecise):
        k.sign(unknown - (unknown + ONE - ONE))


def test_another_precision_has_other_primes():
    def at(bits):
        with ctx.workprec(bits):
            return k.real(HALF)
    assert len({at(bits).mod_p.modulus() for bits in k.FIELDS}) == len(k.FIELDS)
    assert not k.identical(k.exp(ONE), Real(k.exp(ONE).ball, at(256).mod_p, None))      # not comparable, no crash


@pytest.mark.parametrize("nothing", [
    lambda: k.reciprocal(ZERO),
    lambda: k.whole(ZERO, -2),
    lambda: k.root(ZERO, -HALF),
    lambda: k.root(fmpq(-1), HALF),
    lambda: k.root(fmpq(-8), fmpq(1, 3)),
    lambda: k.log(ZERO),
    lambda: k.log(fmpq(-1)),
    lambda: k.power(fmpq(-1), fmpq(2)),
    lambda: k.reciprocal(k.exp(ONE) - k.exp(ONE)),
    lambda: k.root(Dual(1, ZERO, ONE), HALF),
])
def test_undefined(nothing):
    with pytest.raises(OutOfDomain):
        nothing()


def test_an_exponent_may_be_large_without_filling_the_memory():
    huge = k.whole(fmpq(3, 2), 10**9)
    assert isinstance(huge, Real) and k.sign(huge) == 1


X = Dual(1, fmpq(3), ONE)


@pytest.mark.parametrize("value, tangent", [
    (X * X * X, fmpq(27)),
    (k.reciprocal(X), fmpq(-1, 9)),
    (k.whole(X, -2), fmpq(-2, 27)),
    (k.root(X + ONE, HALF), fmpq(1, 4)),
    (k.root(X + fmpq(5), fmpq(-2, 3)), fmpq(-1, 48)),
    (k.log(X), fmpq(1, 3)),
    (k.exp(X - fmpq(3)), ONE),
    (fmpq(2) - X, fmpq(-1)),
    (k.root(Dual(1, ZERO, ONE), fmpq(3, 2)), ZERO),
])
def test_tangent(value, tangent):
    assert value.tangent == tangent


def test_the_tangent_of_erf_at_zero_is_two_over_root_pi():
    slope = k.erf(Dual(1, ZERO, ONE)).tangent
    assert (slope * slope * k.pi()).ball.contains(4)


def test_nested_tangents_are_told_apart():
    """d/dx (x * d/dy (x + y)) = 1 at any point: the inner derivative does not see the outer tangent."""
    x = Dual(1, fmpq(5), ONE)
    inner = x + Dual(2, fmpq(7), ONE)
    assert k.tangent_at(1, x * k.tangent_at(2, inner)) == 1


@pytest.mark.parametrize("value, text", [
    (fmpq(-3, 7), "-3/7"),
    (ZERO, "0"),
    (fmpq(1, 10**15), "1.00000e-15"),
])
def test_text(value, text):
    assert k.text(value) == text


def test_two_texts_are_long_enough_to_be_told_apart():
    left, right = k.texts(k.exp(ONE), k.exp(ONE) + fmpq(1, 10**9))
    assert left != right and left.startswith("2.718281828") and right.startswith("2.71828182")
    assert k.text(k.exp(ONE) - k.exp(ONE)) == "0"


def test_to_float():
    assert k.to_float(fmpq(-3, 4)) == -0.75
    assert k.to_float(k.exp(ONE)) == pytest.approx(2.718281828459045, rel=1e-15)
