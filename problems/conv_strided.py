"""Convolution with stride 2 and zero padding 1: y_i = sum_k x_{2(i-1)+k-1} w_k.

Its vjp by x is a transposed convolution: bar(y) spread out by the stride, then filtered.
"""

from sympy import Sum

from derivs.exercise import Exercise, Input, Node, Parameter, Target, bar, d, indices, scalars, sizes, tensors

n, h = sizes("n h")                          # entries of y and of w; h + 2 * 1 more than the stride reaches, less one
i, j, k = indices("i j k")
x, w, y = tensors("x w y")
E = scalars("E")
STRIDE, PADDING = 2, 1


def reference(x, w):
    from jax import lax
    return lax.conv_general_dilated(x[None, None], w[None, None], (STRIDE,), [(PADDING, PADDING)])[0, 0]


EXERCISE = Exercise(
    title="Convolution with stride and padding",
    source="Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, sec. 2.4 and 4.6",
    inputs=[Input(x[STRIDE * (n - 1) + h - 2 * PADDING], zero_outside=True), Parameter(w[h], zero_outside=True)],
    forward=[Node(y[i], Sum(x[STRIDE * (i - 1) + k - PADDING] * w[k], (k, 1, h)), shape=[n])],
    loss=E, of=y,
    targets=[
        Target(d(E, x[j]), Sum(bar(y)[i] * w[j - STRIDE * (i - 1) + PADDING], (i, 1, n))),
        Target(d(E, w[k]), Sum(bar(y)[i] * x[STRIDE * (i - 1) + k - PADDING], (i, 1, n))),
    ],
    reference=reference)
