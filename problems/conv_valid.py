"""Valid convolution of deep learning (a cross-correlation), with samples, channels, filters and two spatial axes:

Y_nfpq = sum_c sum_u sum_v X_{n, c, p+u-1, q+v-1} W_fcuv + b_f, indices from 1.

Its vjp by X is a full convolution, that by W a valid cross-correlation summed over the samples.
"""

from sympy import Sum

from derivs.exercise import (
    Exercise,
    Hand,
    Input,
    Node,
    Parameter,
    Target,
    bar,
    d,
    indices,
    local,
    scalars,
    sizes,
    tensors,
)

N, C, F, R, S, h, w = sizes("N C F R S h w")             # an image has R rows and S columns, a filter h and w
n, c, f, i, j, p, q, u, v = indices("n c f i j p q u v")
X, W, Y, b = tensors("X W Y b")
L = scalars("L")

HOMEWORK = "EECS 598 Deep Learning (Michigan, 2019), homework 1, question 1.5 (Cen)"
P, Q = R - h + 1, S - w + 1
BY_X = Sum(bar(Y)[n, f, i - u + 1, j - v + 1] * W[f, c, u, v], (f, 1, F), (u, 1, h), (v, 1, w))
BY_W = Sum(bar(Y)[n, f, u, v] * X[n, c, i + u - 1, j + v - 1], (n, 1, N), (u, 1, P), (v, 1, Q))


def reference(X, W, b):
    from jax import lax
    return lax.conv_general_dilated(X, W, (1, 1), "VALID") + b[:, None, None]


EXERCISE = Exercise(
    title="Valid convolution",
    source=HOMEWORK,
    # The document reads beyond an image's and a filter's edge and means zero by it.
    inputs=[Input(X[N, C, R, S]), Parameter(W[F, C, h, w], zero_outside=True), Parameter(b[F])],
    facts=[h <= R, w <= S],
    forward=[
        Node(Y[n, f, p, q],
             Sum(X[n, c, p + u - 1, q + v - 1] * W[f, c, u, v], (c, 1, C), (u, 1, h), (v, 1, w)) + b[f],
             shape=[N, F, P, Q], zero_outside=True),
    ],
    loss=L, of=Y,
    targets=[
        Target(d(L, X[n, c, i, j]), BY_X),
        Target(d(L, W[f, c, i, j]), BY_W),
        Target(d(L, b[f]), Sum(bar(Y)[n, f, p, q], (n, 1, N), (p, 1, P), (q, 1, Q))),
    ],
    hand=[
        Hand(d(L, X[n, c, i, j]), Sum(bar(Y)[n, f, p, q] * d(Y[n, f, p, q], X[n, c, i, j]),
                                      (f, 1, F), (p, 1, P), (q, 1, Q)), HOMEWORK + ", X, line 4"),
        Hand(d(L, X[n, c, i, j]), BY_X, HOMEWORK + ", X, line 7"),
        Hand(d(L, W[f, c, i, j]), Sum(bar(Y)[n, f, u, v] * local(Y[n, f, u, v], W[f, c, i + u - 1, j + v - 1]),
                                      (n, 1, N), (u, 1, P), (v, 1, Q)), HOMEWORK + ", W, line 4",
             wrong="below the fraction bar it is W_fcij; the shifted indices belong to X"),
        Hand(d(L, W[f, c, i, j]), BY_W, HOMEWORK + ", W, line 5"),
    ],
    reference=reference)
