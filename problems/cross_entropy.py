"""Cross-entropy: L = -sum_i t_i log x_i, for probabilities x_i."""

from sympy import Sum, log

from derivs.exercise import Exercise, Hand, Input, Label, Node, Target, d, indices, scalars, sizes, tensors

K = sizes("K")
i = indices("i")
x, t = tensors("x", positive=True), tensors("t")
L = scalars("L")

REPORT = "University of Amsterdam Deep Learning 2019, assignment 1, question 1.1a (ten Kaate)"


def reference(x, t):
    import jax.numpy as jnp
    return -jnp.vdot(t, jnp.log(x))


EXERCISE = Exercise(
    title="Cross-entropy",
    source=REPORT,
    inputs=[Input(x[K], "in(0,1)"), Label(t[K])],
    forward=[Node(L, -Sum(t[i] * log(x[i]), (i, 1, K)))],
    loss=L,
    targets=[Target(d(L, x[i]), -t[i] / x[i])],
    hand=[Hand(d(L, x[i]), -t[i] / x[i], REPORT + ", (i)")],
    reference=reference)
