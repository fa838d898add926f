"""Convolution with stride 2, dilation 3 and zero padding 1: y_i = sum_k x_{2(i-1)+3(k-1)} w_k."""

from sympy import KroneckerDelta, Sum

from derivs.exercise import Exercise, Input, Node, Parameter, Target, bar, d, indices, scalars, sizes, tensors

n, h = sizes("n h")
i, j, k = indices("i j k")
x, w, y = tensors("x w y")
E = scalars("E")
STRIDE, DILATION, PADDING = 2, 3, 1
PLACE = STRIDE * (i - 1) + DILATION * (k - 1) + 1 - PADDING


def reference(x, w):
    from jax import lax
    return lax.conv_general_dilated(x[None, None], w[None, None], (STRIDE,), [(PADDING, PADDING)],
                                    rhs_dilation=(DILATION,))[0, 0]


EXERCISE = Exercise(
    title="Convolution with stride, dilation and padding",
    source="Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, sec. 5.1",
    inputs=[Input(x[STRIDE * (n - 1) + DILATION * (h - 1) + 1 - 2 * PADDING], zero_outside=True), Parameter(w[h])],
    forward=[Node(y[i], Sum(x[PLACE] * w[k], (k, 1, h)), shape=[n])],
    loss=E, of=y,
    targets=[
        Target(d(E, x[j]), Sum(bar(y)[i] * w[k] * KroneckerDelta(PLACE, j), (i, 1, n), (k, 1, h))),
        Target(d(E, w[k]), Sum(bar(y)[i] * x[PLACE], (i, 1, n))),
    ],
    reference=reference)
