"""Convolution with dilation 2 and zero padding 1: y_i = sum_k x_{i+2(k-1)-1} w_k, y being zero outside."""

from sympy import Sum

from derivs.exercise import Exercise, Input, Node, Parameter, Target, bar, d, indices, scalars, sizes, tensors

n, h = sizes("n h")
i, j, k = indices("i j k")
x, w, y = tensors("x w y")
E = scalars("E")
DILATION, PADDING = 2, 1


def reference(x, w):
    from jax import lax
    return lax.conv_general_dilated(x[None, None], w[None, None], (1,), [(PADDING, PADDING)],
                                    rhs_dilation=(DILATION,))[0, 0]


EXERCISE = Exercise(
    title="Dilated convolution",
    source="Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, sec. 5.1",
    inputs=[Input(x[n + DILATION * (h - 1) - 2 * PADDING], zero_outside=True), Parameter(w[h])],
    forward=[Node(y[i], Sum(x[i + DILATION * (k - 1) - PADDING] * w[k], (k, 1, h)), shape=[n], zero_outside=True)],
    loss=E, of=y,
    targets=[
        Target(d(E, x[j]), Sum(bar(y)[j - DILATION * (k - 1) + PADDING] * w[k], (k, 1, h))),
        Target(d(E, w[k]), Sum(bar(y)[i] * x[i + DILATION * (k - 1) - PADDING], (i, 1, n))),
    ],
    reference=reference)
