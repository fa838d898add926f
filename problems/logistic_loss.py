"""Logistic regression, labels t_i = 1 or -1: L = 1/N sum_i log(1 + exp(-t_i s_i)), scores s_i = w . x_i + b."""

from sympy import Sum, exp, log

from derivs.exercise import (
    Exercise,
    Input,
    Label,
    Node,
    Parameter,
    Target,
    bar,
    d,
    indices,
    scalars,
    sigmoid,
    sizes,
    tensors,
)

N, D = sizes("N D")                          # samples, features
i, j = indices("i j")
w, x, s, t = tensors("w x s t")
b, L = scalars("b L")

HOMEWORK = "EECS 598 Deep Learning (Michigan, 2019), homework 1, question 2"


def reference(w, b, x, t, s=0.0):
    import jax
    import jax.numpy as jnp
    s = jnp.dot(x, w) + b + s
    return jnp.mean(jax.nn.softplus(-t * s))


EXERCISE = Exercise(
    title="Logistic loss",
    source=HOMEWORK,
    inputs=[Parameter(w[D]), Parameter(b), Input(x[N, D]), Label(t[N])],
    forward=[
        Node(s[i], Sum(w[j] * x[i, j], (j, 1, D)) + b),
        Node(L, Sum(log(1 + exp(-t[i] * s[i])), (i, 1, N)) / N),
    ],
    loss=L,
    targets=[
        Target(d(L, s[i]), -t[i] * sigmoid(-t[i] * s[i]) / N),
        Target(d(L, w[j]), Sum(bar(s)[i] * x[i, j], (i, 1, N))),
        Target(d(L, b), Sum(bar(s)[i], (i, 1, N))),
        Target(d(L, x[i, j]), bar(s)[i] * w[j]),
    ],
    reference=reference)
