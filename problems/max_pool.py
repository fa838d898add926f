"""Max pooling, windows of 2 by 2, side by side: Y_pq = max_ab X_{2(p-1)+a, 2(q-1)+b}.

Of equal entries the first of the window wins, row by row: it gets the whole gradient, as in JAX and PyTorch.
"""

from sympy import And, Eq, Sum

from derivs.exercise import Exercise, Indicator, Input, MaxOver, Node, Target, bar, d, indices, scalars, sizes, tensors

R, S = sizes("R S")
i, j, p, q, a, b = indices("i j p q a b")
X, Y = tensors("X Y")
E = scalars("E")
SIZE, STRIDE = 2, 2
u, v = i - STRIDE * (p - 1), j - STRIDE * (q - 1)          # where X_ij stands in the window of Y_pq, if it does


def window(a, b):
    return X[STRIDE * (p - 1) + a, STRIDE * (q - 1) + b]


INSIDE = Indicator(And(u >= 1, u <= SIZE)) * Indicator(And(v >= 1, v <= SIZE))
ABOVE = Eq(Sum(Indicator(a < u) * Indicator(Eq(window(a, b), Y[p, q])), (a, 1, SIZE), (b, 1, SIZE)), 0)
BEFORE = Eq(Sum(Indicator(b < v) * Indicator(Eq(window(u, b), Y[p, q])), (b, 1, SIZE)), 0)
FIRST = Indicator(ABOVE) * Indicator(BEFORE)          # no entry of a row above, and none before it in its row, wins


def reference(X):
    import jax.numpy as jnp
    from jax import lax
    return lax.reduce_window(X, -jnp.inf, lax.max, (SIZE, SIZE), (STRIDE, STRIDE), "VALID")


EXERCISE = Exercise(
    title="Max pooling",
    source="NYU Deep Learning 2016, assignment 1, section 2.3.2 (Zhao & Chen)",
    inputs=[Input(X[2 * R, 2 * S])],
    forward=[Node(Y[p, q], MaxOver(window(a, b), (a, 1, SIZE), (b, 1, SIZE)), shape=[R, S])],
    loss=E, of=Y,
    targets=[
        Target(d(E, X[i, j]),
               Sum(bar(Y)[p, q] * INSIDE * Indicator(Eq(X[i, j], Y[p, q])) * FIRST, (p, 1, R), (q, 1, S))),
    ],
    reference=reference)
