"""A linear layer on a batch: y_si = sum_j W_ij x_sj + b_i, for samples s = 1..B."""

from sympy import Sum

from derivs.exercise import Exercise, Hand, Input, Node, Parameter, Target, bar, d, indices, scalars, sizes, tensors

B, M, N = sizes("B M N")
s, i, j = indices("s i j")
W, b, x, y = tensors("W b x y")
L = scalars("L")

REPORT = "University of Amsterdam Deep Learning 2019, assignment 1, question 1.1c (ten Kaate)"


def reference(W, b, x):
    import jax.numpy as jnp
    return jnp.matmul(x, W.T) + b


EXERCISE = Exercise(
    title="Linear layer on a batch",
    source=REPORT,
    inputs=[Parameter(W[M, N]), Parameter(b[M]), Input(x[B, N])],
    forward=[Node(y[s, i], Sum(W[i, j] * x[s, j], (j, 1, N)) + b[i])],
    loss=L, of=y,
    targets=[
        Target(d(L, W[i, j]), Sum(bar(y)[s, i] * x[s, j], (s, 1, B))),
        Target(d(L, b[i]), Sum(bar(y)[s, i], (s, 1, B))),
        Target(d(L, x[s, j]), Sum(bar(y)[s, i] * W[i, j], (i, 1, M))),
    ],
    hand=[
        Hand(d(L, b[i]), Sum(bar(y)[s, i], (s, 1, B)), REPORT + ", in words"),
        Hand(d(L, W[i, j]), Sum(bar(y)[s, i] * x[s, j], (s, 1, B)), REPORT + ", in words"),
    ],
    reference=reference)
