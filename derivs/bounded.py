"""Arrays of float64 numbers, each with a bound on its distance from the exact value: |exact - value| <= error.

This is running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., sec. 3.3): every
operation returns the error that its operands bring along and adds its own rounding. So cancellation, a division by a
small difference or an overflow is seen where it happens, and the bound is that of the formula as it is written. An
infinite error says that nothing is known.

An error of 0 is a promise: the value is exact, and so is every other order of the same sums and products. Comparisons
rest on it, for a kink can only be stood on exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

UNIT = 2.0 ** -53           # the unit roundoff u of float64
TINY = 2.0 ** -1022         # the smallest normal number; XLA flushes what is below it to zero (measured, JAX 0.10.2)
ULPS = 8                    # a library function is within this many u; measured: NumPy 1.5, XLA's tanh 3.6, expm1 5
WIDER = 1 + 2.0 ** -48      # the bound is computed in float64 too, by a few operations at a time


class Bounded(NamedTuple):
    """Values, and for each a bound on its error; the two broadcast against each other."""

    value: Array
    error: Array


def exactly(value: Array | float) -> Bounded:
    """Numbers that are exact as they stand."""
    array = np.asarray(value, dtype=np.float64)
    return Bounded(array, np.zeros_like(array))


def _bounded(value: Array, error: Array) -> Bounded:
    """The two, where a value or an error that is not a number means that nothing is known."""
    known = np.isfinite(value) & ~np.isnan(error)
    return Bounded(value, np.where(known, error * WIDER, np.inf))


def _rounded(value: Array, error: Array, exact: Mask | bool, ulps: int = 1) -> Bounded:
    """The same with the rounding of the operation itself: u |value|, and underflow."""
    return _bounded(value, error + np.where(exact, 0.0, ulps * UNIT * np.abs(value) + TINY))


def _on_grid(value: Array, bits: int, limit: float) -> Mask:
    """Whether the values are multiples of 2^-bits and at most `limit`."""
    scaled = value * 2.0 ** bits
    return np.asarray((np.rint(scaled) == scaled) & (np.abs(value) <= limit))


def _short(a: Bounded) -> Mask:
    """Exact and of at most 26 bits: a product of two such has 52 bits and is exact."""
    return np.asarray((a.error == 0) & _on_grid(a.value, 10, 2.0 ** 15))


def _is_exactly(a: Bounded, value: float) -> Mask:
    return np.asarray((a.error == 0) & (np.abs(a.value) == value))


def add(a: Bounded, b: Bounded) -> Bounded:
    """a + b."""
    value = a.value + b.value
    exact = ((a.error == 0) & (b.error == 0)
             & ((value == 0) | _on_grid(a.value, 20, 2.0 ** 30) & _on_grid(b.value, 20, 2.0 ** 30)))
    return _rounded(value, a.error + b.error, exact | _is_exactly(a, 0) | _is_exactly(b, 0))


def multiply(a: Bounded, b: Bounded) -> Bounded:
    """a b."""
    value = a.value * b.value
    error = np.abs(a.value) * b.error + a.error * np.abs(b.value) + a.error * b.error
    exact = _short(a) & _short(b)
    for one, other in ((a, b), (b, a)):
        exact = exact | _is_exactly(one, 0) & (other.error < np.inf) | _is_exactly(one, 1)
    return _rounded(value, error, exact)


def total(a: Bounded, axis: int) -> Bounded:
    """The sum along an axis, in any order: its rounding is at most (n - 1) u sum |a| (Higham, eq. 4.6)."""
    value, size = a.value.sum(axis), np.abs(a.value).sum(axis)
    exact = np.all((a.error == 0) & _on_grid(a.value, 20, 2.0 ** 30), axis) & (size <= 2.0 ** 30)
    n = a.value.shape[axis]
    return _rounded(value, a.error.sum(axis) + np.where(exact, 0.0, n * UNIT * size), exact | (n <= 1))


def largest(a: Bounded, axis: int) -> Bounded:
    """The maximum along an axis: one of those whose ball reaches the highest floor, so it errs no more than they."""
    floor = np.max(a.value - a.error, axis, keepdims=True)
    contenders = np.where(a.value + a.error >= floor, a.error, 0.0)
    return _bounded(np.max(a.value, axis), np.max(np.where(np.isnan(contenders), np.inf, contenders), axis))


def _radius(slope: Array, error: Array) -> Array:
    """What an error of the argument makes of a function that is, within it, no steeper than `slope`."""
    return np.where(error == 0, 0.0, slope * error)


def power(base: Bounded, exponent: float) -> Bounded:
    """base ** exponent, for a fixed exponent; unknown where the ball around the base leaves the domain."""
    value = base.value ** exponent
    near = np.abs(base.value) - base.error
    far = np.abs(base.value) + base.error
    slope = abs(exponent) * (far if exponent >= 1 else np.maximum(near, 0.0)) ** (exponent - 1)
    if not exponent.is_integer():
        slope = np.where(base.value - base.error < 0, np.inf, slope)
    exact = (_is_exactly(base, 0) & (exponent > 0)
             | _short(base) & _on_grid(value, 10, 2.0 ** 15) & _is_root(base.value, exponent, value))
    return _rounded(value, _radius(slope, base.error), exact, ULPS)


def _is_root(base: Array, exponent: float, value: Array) -> Mask:
    """Whether value = base ** exponent without rounding, for the few exponents where it is seen at once."""
    match exponent:
        case -1.0:
            return np.asarray(value * base == 1)
        case 0.5:
            return np.asarray(value * value == base)
        case 2.0:
            return np.ones(base.shape, dtype=bool)
        case _:
            return np.asarray(base == 1)


def power_of(base: Bounded, exponent: Bounded) -> Bounded:
    """base ** exponent = e^(exponent log base), for a positive base."""
    value = np.where(base.value > 0, base.value, np.nan) ** exponent.value
    floor = base.value - base.error
    log_error = np.where(floor > 0, _radius(1 / floor, base.error), np.inf)
    shift = ((np.abs(exponent.value) + exponent.error) * log_error
             + exponent.error * np.abs(np.log(np.abs(base.value))))
    return _rounded(value, value * np.expm1(shift), False, ULPS)


def choose(mask: Mask, known: Mask, a: Bounded, b: Bounded) -> Bounded:
    """a where the mask holds, else b; nothing is known where the mask is not."""
    value = np.where(mask, a.value, b.value)
    return _bounded(value, np.where(known, np.where(mask, a.error, b.error), np.inf))


def _exp(u: Bounded) -> Bounded:
    value = np.exp(u.value)
    return _rounded(value, _radius(value, np.expm1(u.error)), False, ULPS)


def _log(u: Bounded) -> Bounded:
    value = np.log(u.value)
    return _rounded(value, np.where(u.error < u.value, -np.log1p(-u.error / u.value), np.inf),
                    _is_exactly(u, 1), ULPS)


def _erf(u: Bounded) -> Bounded:
    """Its slope 2 / sqrt(pi) e^(-u^2) falls with |u|. NumPy has none, so entry by entry."""
    nearest = np.maximum(np.abs(u.value) - u.error, 0.0)
    value = np.vectorize(math.erf, otypes=[np.float64])(u.value)
    return _rounded(value, _radius(1.2 * np.exp(-nearest ** 2), u.error), u.value == 0, ULPS)


def _wave(function: Callable[[Array], Array]) -> Callable[[Bounded], Bounded]:
    """sin or cos: no steeper than 1, and no further apart than 2."""
    return lambda u: _rounded(function(u.value), np.minimum(u.error, 2.0), False, ULPS)


def _sigmoid_value(u: Array) -> Array:
    """1 / (1 + e^-u), without overflow."""
    decay = np.exp(-np.abs(u))
    return np.where(u >= 0, 1.0, decay) / (1.0 + decay)


def _sigmoid(u: Bounded) -> Bounded:
    """Its slope s (1 - s) is at most 1/4, and its logarithm's slope 1 - s at most 1."""
    value = _sigmoid_value(u.value)
    return _rounded(value, np.fmin(u.error / 4, value * np.expm1(u.error)), False, ULPS)


def _tanh(u: Bounded) -> Bounded:
    """Its slope 1 / cosh^2 falls with |u|."""
    nearest = np.maximum(np.abs(u.value) - u.error, 0.0)
    return _rounded(np.tanh(u.value), _radius(np.cosh(nearest) ** -2.0, u.error), u.value == 0, ULPS)


def _softplus(u: Bounded) -> Bounded:
    """log(1 + e^u), whose slope is the sigmoid."""
    value = np.maximum(u.value, 0.0) + np.log1p(np.exp(-np.abs(u.value)))
    return _rounded(value, _radius(_sigmoid_value(u.value + u.error) * (1 + ULPS * UNIT), u.error), False, ULPS)


def _hyperbolic(function: Callable[[Array], Array]) -> Callable[[Bounded], Bounded]:
    """sinh or cosh; neither is steeper than cosh(|u|)."""
    return lambda u: _rounded(function(u.value), _radius(np.cosh(np.abs(u.value) + u.error), u.error), False, ULPS)


def _relu(u: Bounded) -> Bounded:
    return _bounded(np.maximum(u.value, 0.0), np.where(u.value + u.error <= 0, 0.0, u.error))


def _leaky_relu(u: Bounded, slope: Bounded) -> Bounded:
    """u or slope u. Where the sign of u is in doubt, the two differ by at most |1 - slope| |u|."""
    scaled = multiply(u, slope)
    in_doubt = (np.abs(u.value) <= u.error) & (u.error > 0)
    apart = (1 + np.abs(slope.value) + slope.error) * (np.abs(u.value) + u.error)
    below = u.value < 0
    error = np.where(below, scaled.error, u.error)
    return _bounded(np.where(below, scaled.value, u.value),
                    np.where(in_doubt, np.maximum(u.error, scaled.error) + apart, error))


def _extreme(sign: int) -> Callable[[Bounded, Bounded], Bounded]:
    """max for sign 1, min for sign -1: an error of the loser does not count where it is out of reach."""
    def either(a: Bounded, b: Bounded) -> Bounded:
        lead = sign * (a.value - b.value)
        error = np.where(lead > a.error + b.error, a.error,
                         np.where(-lead > a.error + b.error, b.error, np.maximum(a.error, b.error)))
        return _bounded(np.where(lead >= 0, a.value, b.value) + 0 * lead, error)
    return either


# What NumPy computes better than by the meaning of derivs.rules.functions, a row each.
KERNELS: dict[str, Callable[..., Bounded]] = {
    "exp": _exp,
    "log": _log,
    "erf": _erf,
    "sin": _wave(np.sin),
    "cos": _wave(np.cos),
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "softplus": _softplus,
    "sinh": _hyperbolic(np.sinh),
    "cosh": _hyperbolic(np.cosh),
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "abs": lambda u: Bounded(np.abs(u.value), u.error),
    "max": _extreme(1),
    "min": _extreme(-1),
    "pi": lambda: Bounded(np.asarray(np.pi), np.asarray(np.pi * UNIT)),
}
