"""Dropout on the input of a linear layer: h = x * m entry by entry, y = W h, for a mask m of zeros and ones.

Where an entry is kept with probability p, the mean of y over the masks is W(p x): what inference computes.
"""

from sympy import Sum

from derivs.exercise import (
    Constant,
    Exercise,
    Expectation,
    Hand,
    Input,
    Node,
    Parameter,
    Target,
    bar,
    d,
    indices,
    scalars,
    sizes,
    tensors,
)

K, N = sizes("K N")
i, j = indices("i j")
W, h, m, x, y = tensors("W h m x y")
p = scalars("p", positive=True)
L = scalars("L")

HOMEWORK = "EECS 598 Deep Learning (Michigan, 2019), homework 1, questions 1.3 and 7.2 (Cen)"


def reference(x, m, W, p):
    import jax.numpy as jnp
    return jnp.dot(W, jnp.where(m > 0, x, 0.0))


EXERCISE = Exercise(
    title="Dropout",
    source=HOMEWORK,
    inputs=[Input(x[N]), Constant(m[N], "binary"), Parameter(W[K, N]), Constant(p, "in(0,1)")],
    forward=[
        Node(h[i], x[i] * m[i]),
        Node(y[j], Sum(W[j, i] * h[i], (i, 1, N))),
    ],
    loss=L, of=y,
    targets=[
        Target(d(L, x[i]), bar(h)[i] * m[i]),
        Target(Expectation(Sum(W[j, i] * x[i] * m[i], (i, 1, N)), m, p), Sum(W[j, i] * p * x[i], (i, 1, N)),
               note="the mean over the masks"),
    ],
    hand=[
        Hand(d(L, x[i]), bar(h)[i] * m[i], HOMEWORK + ", 1.3"),
        Hand(Expectation(Sum(W[j, i] * x[i] * m[i], (i, 1, N)), m, p), Sum(W[j, i] * x[i] * p, (i, 1, N)),
             HOMEWORK + ", 7.2, p being the probability to keep an entry"),
    ],
    reference=reference)
