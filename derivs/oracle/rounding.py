"""A JAX function with a bound on its rounding error, computed beside it in the same pass.

The function is traced to a jaxpr, and each of its operations is done on pairs (value, error) by running error analysis
(Higham, 2nd ed., sec. 3.3), as in derivs.bounded. So the bound is that of the very arithmetic that autodiff chose, and
no constant has to be guessed. It holds for the branches that were taken: a comparison has no error here, and whether
one was too close to call is decided on the side of the formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from derivs.bounded import TINY, ULPS, UNIT
from derivs.errors import Unsupported

Pair = tuple[Any, Any]                                 # a JAX value and the bound on its error


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of JAX with its parameters, ready to be applied."""

    primitive: Any
    params: Mapping[str, Any]

    def __call__(self, *values: Any) -> Any:
        return self.primitive.bind(*values, **self.params)


Rule = Callable[..., Pair]                             # (operation, *pairs) -> pair


def with_rounding(function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """function(*arguments) -> (its result, the bounds on its rounding, in the same structure)."""
    def both(*arguments: Any) -> tuple[Any, Any]:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        leaves = [(leaf, jnp.zeros_like(leaf)) for leaf in jax.tree.leaves(arguments)]
        constants = [_constant(constant) for constant in closed.consts]
        pairs = _run(closed.jaxpr, constants, leaves)
        structure = jax.tree.structure(shape)
        return (jax.tree.unflatten(structure, [value for value, _ in pairs]),
                jax.tree.unflatten(structure, [_settled(*pair) for pair in pairs]))
    return both


def _settled(value: Any, error: Any) -> Any:
    """The bound, infinite where nothing is known.

    An overflow has an infinite rounding, and what comes of inf - inf is not a number: both are seen at the end.
    """
    return jnp.where(jnp.isfinite(value) & ~jnp.isnan(error), error, jnp.inf)


def _constant(value: Any) -> Pair:
    """A literal of the program; it stands for a real number, of which 0.01 is only the nearest float."""
    value = jnp.asarray(value)
    if not _is_real(value):
        return value, jnp.zeros(value.shape)
    return value, jnp.where(jnp.isfinite(value) & (value != jnp.round(value)), UNIT * jnp.abs(value), 0.0)


def _is_real(value: Any) -> bool:
    return bool(jnp.issubdtype(value.dtype, jnp.floating))


def _run(jaxpr: Jaxpr, constants: Sequence[Pair], arguments: Sequence[Pair]) -> list[Pair]:
    known: dict[Any, Pair] = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *arguments), strict=True))

    def read(atom: Any) -> Pair:
        return _constant(atom.val) if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        for variable, pair in zip(equation.outvars, _step(equation, [read(a) for a in equation.invars]), strict=True):
            known[variable] = pair
    return [read(atom) for atom in jaxpr.outvars]


def _step(equation: Any, pairs: list[Pair]) -> list[Pair]:
    """One operation. A call is followed inside; results that are not real numbers have no error."""
    name, apply = equation.primitive.name, Operation(equation.primitive, equation.params)
    if name in CALLS:
        inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
        closed = inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())
        return _run(closed.jaxpr, [_constant(c) for c in closed.consts], pairs)
    if not any(_is_real(variable.aval) for variable in equation.outvars):
        results = apply(*(value for value, _ in pairs))
        return [(result, jnp.zeros(result.shape))
                for result in (results if equation.primitive.multiple_results else [results])]
    if name == "split":                                  # the one operation here that has several real results
        return list(zip(apply(pairs[0][0]), apply(pairs[0][1]), strict=True))
    if name not in RULES:
        raise Unsupported(f"the rounding of JAX's {name} is not known",
                          mend="write the reference with other primitives")
    return [RULES[name](apply, *pairs)]


def _round(value: Any, ulps: float = 1) -> Any:
    """The rounding of one operation: u |value|, and underflow."""
    return ulps * UNIT * jnp.abs(value) + TINY


def _moved(apply: Operation, a: Pair, *others: Pair) -> Pair:
    """Entries put elsewhere, or their signs changed: the errors go with them. Other operands say only where."""
    rest = [value for value, _ in others]
    return apply(a[0], *rest), jnp.abs(apply(a[1], *rest))


def _exact(apply: Operation, *pairs: Pair) -> Pair:
    """A step function on the branch that was taken, or a constant."""
    value = apply(*(value for value, _ in pairs))
    return value, jnp.zeros(value.shape)


def _joined(apply: Operation, *pairs: Pair) -> Pair:
    """Entries of several operands put together; integer operands say where."""
    return (apply(*(value for value, _ in pairs)),
            apply(*(error if _is_real(value) else value for value, error in pairs)))


def _linear(apply: Operation, a: Pair, *others: Pair) -> Pair:
    """Sums of entries of the first operand, in any order: at most n u of the sum of magnitudes (Higham, eq. 4.6)."""
    rest = [value for value, _ in others]
    return apply(a[0], *rest), apply(a[1] + a[0].size * UNIT * jnp.abs(a[0]), *rest) + TINY


def _scatter_add(apply: Operation, a: Pair, at: Pair, b: Pair) -> Pair:
    """Entries of a, to some of which entries of b are added."""
    rounding = (b[0].size + 1) * UNIT
    error = apply(a[1] + rounding * jnp.abs(a[0]), at[0], b[1] + rounding * jnp.abs(b[0]))
    return apply(a[0], at[0], b[0]), error + TINY


def _bilinear(apply: Operation, a: Pair, b: Pair) -> Pair:
    """Sums of at most n products, in any order: dot products and convolutions."""
    n = min(a[0].size, b[0].size) + 1
    size_a, size_b = jnp.abs(a[0]), jnp.abs(b[0])
    error = apply(size_a + a[1], b[1]) + apply(a[1], size_b) + n * UNIT * apply(size_a, size_b)
    return apply(a[0], b[0]), error + n * TINY


def _add(apply: Operation, a: Pair, b: Pair) -> Pair:
    """a + b or a - b; to add 0 rounds nothing."""
    value = apply(a[0], b[0])
    return value, a[1] + b[1] + jnp.where((a[0] == 0) | (b[0] == 0), 0.0, _round(value))


def _multiply(apply: Operation, a: Pair, b: Pair) -> Pair:
    """a b."""
    value = apply(a[0], b[0])
    return value, (jnp.abs(a[0]) + a[1]) * b[1] + a[1] * jnp.abs(b[0]) + _round(value)


def _divide(apply: Operation, a: Pair, b: Pair) -> Pair:
    """a / b."""
    value = apply(a[0], b[0])
    floor = jnp.abs(b[0]) - b[1]
    return value, jnp.where(floor > 0, (a[1] + jnp.abs(value) * b[1]) / floor, jnp.inf) + _round(value)


def _worst(apply: Operation, *pairs: Pair) -> Pair:
    """The largest or smallest of some entries errs by no more than the worst of them all."""
    value = apply(*(value for value, _ in pairs))
    worst = jnp.max(jnp.stack([jnp.max(error) for _, error in pairs]))
    return value, jnp.broadcast_to(worst, value.shape)


def _either(apply: Operation, a: Pair, b: Pair) -> Pair:
    """The larger or smaller of two, entry by entry."""
    return apply(a[0], b[0]), jnp.maximum(a[1], b[1])


def _smooth(steepest: Callable[[Any, Any, Any], Any], ulps: Callable[[Any], Any] = lambda u: ULPS) -> Rule:
    """A smooth function: steepest(u, r, value) bounds its slope within r of u, ulps(u) XLA's own error."""
    def rule(apply: Operation, u: Pair) -> Pair:
        value = apply(u[0])
        return value, jnp.where(u[1] == 0, 0.0, steepest(*u, value) * u[1]) + _round(value, ulps(u[0]))
    return rule


def _by_exp(u: Any) -> Any:
    """XLA computes e^u / 2 as e^(u - log 2), 2^u as e^(u log 2): the argument is rounded. Measured: 498 u at 633."""
    return ULPS + jnp.abs(u)


def _positive(u: Any) -> Any:
    """u where it is positive, else 0: the reciprocal of a distance that may be none is infinite."""
    return jnp.maximum(u, 0.0)


def _fixed_power(exponent: float) -> Rule:
    """x^n has the slope n x^(n-1): it grows with |x| for n >= 1, and falls below."""
    def steepest(u: Any, r: Any, _: Any) -> Any:
        return abs(exponent) * (jnp.abs(u) + r if exponent >= 1 else _positive(jnp.abs(u) - r)) ** (exponent - 1)
    return _smooth(steepest)


def _integer_power(apply: Operation, u: Pair) -> Pair:
    """x^n for an integer n."""
    n = apply.params["y"]
    value, error = _fixed_power(float(n))(apply, u)
    return value, error + _round(value, abs(n))                      # one multiplication after the other


def _power(apply: Operation, base: Pair, exponent: Pair) -> Pair:
    """b^p = e^(p log b), so its relative error is that of p log b."""
    (b, b_error), (p, p_error) = base, exponent
    value = apply(b, p)
    log_error = jnp.where(b_error == 0, 0.0, b_error / _positive(b - b_error))
    shift = jnp.abs(p) * log_error + jnp.where(p_error == 0, 0.0, p_error * (jnp.abs(jnp.log(jnp.abs(b))) + log_error))
    return value, jnp.abs(value) * jnp.expm1(shift) + _round(value, ULPS)


CALLS = {"jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "checkpoint"}

# What each operation of JAX does to errors, a row each.
RULES: dict[str, Rule] = {
    **dict.fromkeys(("broadcast_in_dim", "reshape", "squeeze", "transpose", "slice", "dynamic_slice", "rev", "gather",
                     "neg", "abs", "copy", "copy_p", "convert_element_type", "stop_gradient", "expand_dims",
                     "select_and_gather_add", "reduce_precision"), _moved),
    **dict.fromkeys(("concatenate", "pad", "select_n", "scatter", "dynamic_update_slice"), _joined),
    **dict.fromkeys(("reduce_sum", "cumsum", "reduce_window_sum", "select_and_scatter_add"), _linear),
    **dict.fromkeys(("dot_general", "conv_general_dilated"), _bilinear),
    **dict.fromkeys(("add", "sub", "add_any"), _add),
    **dict.fromkeys(("reduce_max", "reduce_min", "reduce_window_max", "reduce_window_min", "clamp"), _worst),
    **dict.fromkeys(("max", "min"), _either),
    **dict.fromkeys(("sign", "floor", "ceil", "round", "iota"), _exact),
    "scatter-add": _scatter_add,
    "mul": _multiply,
    "div": _divide,
    "pow": _power,
    "integer_pow": _integer_power,
    "square": _fixed_power(2),
    "sqrt": _fixed_power(0.5),
    "rsqrt": _fixed_power(-0.5),
    "exp": _smooth(lambda u, r, value: value * jnp.exp(r)),
    "exp2": _smooth(lambda u, r, value: value * jnp.exp2(r), _by_exp),
    "expm1": _smooth(lambda u, r, value: jnp.exp(u + r)),
    "log": _smooth(lambda u, r, value: 1 / _positive(u - r)),
    "log1p": _smooth(lambda u, r, value: 1 / _positive(1 + u - r), lambda u: 64 * ULPS),    # measured: 241 u at -0.414
    "logistic": _smooth(lambda u, r, value: jnp.minimum(0.25, value * jnp.exp(r))),
    "tanh": _smooth(lambda u, r, value: jnp.cosh(_positive(jnp.abs(u) - r)) ** -2),
    "erf": _smooth(lambda u, r, value: 1.2 * jnp.exp(-_positive(jnp.abs(u) - r) ** 2)),
    "erfc": _smooth(lambda u, r, value: 1.2 * jnp.exp(-_positive(jnp.abs(u) - r) ** 2),
                    lambda u: 8 * ULPS),                                                      # measured: 31 u
    "sinh": _smooth(lambda u, r, value: jnp.cosh(jnp.abs(u) + r), _by_exp),
    "cosh": _smooth(lambda u, r, value: jnp.cosh(jnp.abs(u) + r), _by_exp),
    "sin": _smooth(lambda u, r, value: 1.0),
    "cos": _smooth(lambda u, r, value: 1.0),
}
