"""Full convolution, X being zero outside: Y_i = sum_u X_{i-u+1} W_u, with H + h - 1 entries."""

from sympy import Sum

from derivs.exercise import Exercise, Input, Node, Parameter, Target, bar, d, indices, scalars, sizes, tensors

H, h = sizes("H h")
i, j, u = indices("i j u")
X, W, Y = tensors("X W Y")
L = scalars("L")


def reference(X, W):
    import jax.numpy as jnp
    return jnp.convolve(X, W, mode="full")


EXERCISE = Exercise(
    title="Full convolution",
    source="Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, sec. 2.2.2",
    inputs=[Input(X[H], zero_outside=True), Parameter(W[h])],
    forward=[Node(Y[i], Sum(X[i - u + 1] * W[u], (u, 1, h)), shape=[H + h - 1])],
    loss=L, of=Y,
    targets=[
        Target(d(L, X[j]), Sum(bar(Y)[j + u - 1] * W[u], (u, 1, h))),
        Target(d(L, W[u]), Sum(bar(Y)[j + u - 1] * X[j], (j, 1, H))),
    ],
    reference=reference)
