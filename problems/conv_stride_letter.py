"""Convolution with any stride s, no padding: y_i = sum_k x_{s(i-1)+k} w_k."""

from sympy import Sum

from derivs.exercise import Exercise, Input, Node, Parameter, Target, bar, d, indices, scalars, sizes, tensors

n, h, s = sizes("n h s")
i, j, k = indices("i j k")
x, w, y = tensors("x w y")
E = scalars("E")


def reference(x, w, s):
    from jax import lax
    return lax.conv_general_dilated(x[None, None], w[None, None], (s,), "VALID")[0, 0]


EXERCISE = Exercise(
    title="Convolution with any stride",
    source="Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, sec. 2.3 and 4.5",
    inputs=[Input(x[s * (n - 1) + h]), Parameter(w[h], zero_outside=True)],
    forward=[Node(y[i], Sum(x[s * (i - 1) + k] * w[k], (k, 1, h)), shape=[n])],
    loss=E, of=y,
    targets=[
        Target(d(E, x[j]), Sum(bar(y)[i] * w[j - s * (i - 1)], (i, 1, n))),
        Target(d(E, w[k]), Sum(bar(y)[i] * x[s * (i - 1) + k], (i, 1, n))),
    ],
    reference=reference)
