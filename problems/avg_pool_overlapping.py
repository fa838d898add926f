"""Average pooling with stride 1: y_i = 1/K sum_k x_{i+k-1}.

There is no kernel tensor whose shape would carry the range of the window: y, taken as zero outside, does.
"""

from sympy import Sum

from derivs.exercise import Exercise, Input, Node, Target, bar, d, indices, scalars, sizes, tensors

H, K = sizes("H K")
i, j, k = indices("i j k")
x, y = tensors("x y")
E = scalars("E")


def reference(x, K):
    from jax import lax
    return lax.reduce_window(x, 0.0, lax.add, (K,), (1,), "VALID") / K


EXERCISE = Exercise(
    title="Overlapping average pooling",
    source="Goodfellow et al. (2016), Deep Learning, sec. 9.3",
    inputs=[Input(x[H])],
    facts=[H >= K],
    forward=[Node(y[i], Sum(x[i + k - 1], (k, 1, K)) / K, shape=[H - K + 1], zero_outside=True)],
    loss=E, of=y,
    targets=[Target(d(E, x[j]), Sum(bar(y)[j - k + 1], (k, 1, K)) / K)],
    reference=reference)
