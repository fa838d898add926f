"""A linear layer: y_i = sum_j W_ij x_j + b_i."""

from sympy import Eq, Piecewise, Sum

from derivs.exercise import Exercise, Hand, Input, Node, Parameter, Target, bar, d, indices, scalars, sizes, tensors

M, N = sizes("M N")
i, j, k = indices("i j k")
W, b, x, y = tensors("W b x y")
L = scalars("L")

REPORT = "University of Amsterdam Deep Learning 2019, assignment 1, question 1.1 (ten Kaate)"


def reference(W, b, x):
    import jax.numpy as jnp
    return jnp.dot(W, x) + b


EXERCISE = Exercise(
    title="Linear layer",
    source=REPORT,
    inputs=[Parameter(W[M, N]), Parameter(b[M]), Input(x[N])],
    forward=[Node(y[i], Sum(W[i, j] * x[j], (j, 1, N)) + b[i])],
    loss=L, of=y,
    targets=[
        Target(d(L, W[i, j]), bar(y)[i] * x[j]),
        Target(d(L, b[i]), bar(y)[i]),
        Target(d(L, x[j]), Sum(bar(y)[i] * W[i, j], (i, 1, M))),
    ],
    hand=[
        Hand(d(y[i], x[j]), W[i, j], REPORT + ", 1.1a (iv)"),
        Hand(d(y[i], W[j, k]), Piecewise((x[k], Eq(j, i)), (0, True)), REPORT + ", 1.1a (v)"),
        Hand(d(y[i], b[j]), Piecewise((1, Eq(j, i)), (0, True)), REPORT + ", 1.1a (vi)"),
        Hand(d(L, W[j, k]), bar(y)[j] * x[k], REPORT + ", 1.1b (iv)"),
        Hand(d(L, b[j]), bar(y)[j], REPORT + ", 1.1b (v)"),
    ],
    reference=reference)
