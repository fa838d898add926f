"""A linear layer whose weights stand in columns, for one sample: Y = W^T X + b, so Y_j = sum_i W_ij X_i + b_j."""

from sympy import Sum

from derivs.exercise import Exercise, Hand, Input, Node, Parameter, Target, bar, d, indices, scalars, sizes, tensors

M, N = sizes("M N")
i, j = indices("i j")
W, X, Y, b = tensors("W X Y b")
L = scalars("L")

HOMEWORK = "EECS 598 Deep Learning (Michigan, 2019), homework 1, question 1.1 (Cen)"


def reference(X, W, b):
    import jax.numpy as jnp
    return jnp.matmul(X, W) + b


EXERCISE = Exercise(
    title="Linear layer, weights in columns",
    source=HOMEWORK,
    inputs=[Input(X[N]), Parameter(W[N, M]), Parameter(b[M])],
    forward=[Node(Y[j], Sum(W[i, j] * X[i], (i, 1, N)) + b[j])],
    loss=L, of=Y,
    targets=[
        Target(d(L, W[i, j]), X[i] * bar(Y)[j]),
        Target(d(L, b[j]), bar(Y)[j]),
        Target(d(L, X[i]), Sum(W[i, j] * bar(Y)[j], (j, 1, M))),
    ],
    hand=[
        Hand(d(L, W[i, j]), X[i] * bar(Y)[j], HOMEWORK + ", line 1"),
        Hand(d(L, b[j]), bar(Y)[j], HOMEWORK + ", line 2"),
        Hand(d(L, X[i]), Sum(W[i, j] * bar(Y)[j], (j, 1, M)), HOMEWORK + ", line 3"),
    ],
    reference=reference)
