"""The same question put to tensorgrad, for the exercises that can be said in its words: derive, and prove the answer.

Each row gives the loss and the textbook answer by hand; tensorgrad derives, subtracts and simplifies to Zero or not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def installed() -> bool:
    """Whether tensorgrad can be imported."""
    try:
        import tensorgrad  # noqa: F401
    except ImportError:
        return False
    return True


def _softmax_vjp(tg: Any, functions: Any, n: Any, m: Any) -> tuple[Any, Any, Any]:
    x, g = tg.Variable("x", n), tg.Variable("g", n)
    y = functions.softmax(x, ["n"])
    return y @ g, x, y * g - y * (y @ g)


def _sigmoid(tg: Any, functions: Any, n: Any, m: Any) -> tuple[Any, Any, Any]:
    x, g = tg.Variable("x", n), tg.Variable("g", n)
    s = functions.sigmoid(x)
    return s @ g, x, g * s * (tg.Ones(n) - s)


def _linear(tg: Any, functions: Any, n: Any, m: Any) -> tuple[Any, Any, Any]:
    weights, x, g = tg.Variable("W", m, n), tg.Variable("x", n), tg.Variable("g", m)
    return (weights @ x) @ g, weights, g @ x


def _softmax_cross_entropy(tg: Any, functions: Any, n: Any, m: Any) -> tuple[Any, Any, Any]:
    x, t = tg.Variable("x", n), tg.Variable("t", n)
    p = functions.softmax(x, ["n"])
    return -(functions.log(p) @ t), x, p * functions.sum(t) - t


def _batchnorm(tg: Any, functions: Any, n: Any, m: Any) -> tuple[Any, Any, Any]:
    x, g = tg.Variable("x", n), tg.Variable("g", n)
    centred = x - functions.mean(x, ["n"], keepdims=True)
    size = functions.sum(tg.Ones(n))
    variance = functions.mean(centred * centred, ["n"])
    y = centred / functions.sqrt(variance)
    inner = g - functions.mean(g, ["n"], keepdims=True) - y * (g @ y) / size
    return y @ g, x, inner / functions.sqrt(variance)


ROWS: dict[str, tuple[int, Callable[..., tuple[Any, Any, Any]]]] = {      # exercise: which target, its words
    "sigmoid": (0, _sigmoid),
    "softmax_temperature": (3, _softmax_vjp),
    "linear": (0, _linear),
    "softmax_cross_entropy": (1, _softmax_cross_entropy),
    "batchnorm": (2, _batchnorm),
}


def _asked(name: str) -> tuple[Any, Any, dict[str, str], Any]:
    import sympy
    import tensorgrad as tg
    from tensorgrad import functions
    n, m = sympy.symbols("n m")
    loss, by, answer = ROWS[name][1](tg, functions, n, m)
    fresh = {edge: edge + "_" for edge in by.edges}
    return loss, by, fresh, answer.rename(**fresh) if answer is not None else None


def derive(name: str) -> Callable[[], Any]:
    """Its derivative, simplified."""
    import tensorgrad as tg
    loss, by, fresh, _ = _asked(name)
    return lambda: len(str(tg.Derivative(loss, by, fresh).full_simplify()))


def prove(name: str) -> Callable[[], Any]:
    """Whether its derivative and the answer simplify to one tensor, or their difference to Zero."""
    import tensorgrad as tg
    loss, by, fresh, answer = _asked(name)

    def work() -> bool:
        derived = tg.Derivative(loss, by, fresh).full_simplify()
        return bool(derived == answer.full_simplify()) or isinstance((derived - answer).full_simplify(), tg.Zero)
    return work
