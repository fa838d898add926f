"""Average pooling, windows of K side by side: y_i = 1/K sum_k x_{K(i-1)+k}."""

from sympy import And, Sum

from derivs.exercise import Exercise, Indicator, Input, Node, Target, bar, d, indices, scalars, sizes, tensors

n, K = sizes("n K")
i, j, k = indices("i j k")
x, y = tensors("x y")
E = scalars("E")


def reference(x, K):
    from jax import lax
    return lax.reduce_window(x, 0.0, lax.add, (K,), (K,), "VALID") / K


EXERCISE = Exercise(
    title="Average pooling",
    source="Goodfellow et al. (2016), Deep Learning, sec. 9.3",
    inputs=[Input(x[K * n])],
    forward=[Node(y[i], Sum(x[K * (i - 1) + k], (k, 1, K)) / K, shape=[n])],
    loss=E, of=y,
    targets=[
        Target(d(E, x[j]), Sum(Indicator(And(K * (i - 1) + 1 <= j, j <= K * i)) * bar(y)[i], (i, 1, n)) / K),
    ],
    reference=reference)
