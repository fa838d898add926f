"""Cross-entropy of a softmax: s_i = exp(x_i) / sum_k exp(x_k), L = -sum_i t_i log s_i.

For labels t that sum to 1 the gradient by the logits x is s - t.
"""

from sympy import Eq, KroneckerDelta, Sum, exp, log

from derivs.exercise import Exercise, Hand, Input, Label, Node, Target, bar, d, indices, scalars, sizes, tensors

K = sizes("K")
i, j, k = indices("i j k")
x, s, t = tensors("x s t")
L = scalars("L")

REPORT = "University of Amsterdam Deep Learning 2019, assignment 1, question 1.1 (ten Kaate)"
DELTA = KroneckerDelta(i, j)
Z = Sum(exp(x[k]), (k, 1, K))


def reference(x, t, s=0.0):
    import jax
    import jax.numpy as jnp
    s = jax.nn.softmax(x) + s
    return {"s": s, "L": -jnp.vdot(t, jnp.log(s))}


EXERCISE = Exercise(
    title="Cross-entropy of a softmax",
    source=REPORT,
    inputs=[Input(x[K], latex=r"\tilde{x}"), Label(t[K])],
    forward=[
        Node(s[i], exp(x[i]) / Z),
        Node(L, -Sum(t[i] * log(s[i]), (i, 1, K))),
    ],
    loss=L, of=[L, s],
    targets=[
        Target(d(s[i], x[j]), s[i] * (DELTA - s[j])),
        Target(d(L, s[i]), -t[i] / s[i]),
        Target(d(L, x[j]), s[j] * Sum(t[k], (k, 1, K)) - t[j]),
        Target(d(L, x[j]), s[j] - t[j], given=[Eq(Sum(t[k], (k, 1, K)), 1)]),
    ],
    hand=[
        Hand(d(s[i], x[j]), (DELTA * exp(x[i]) * Z - exp(x[i]) * exp(x[j])) / Z, REPORT + ", 1.1a (ii), line 2",
             wrong="the quotient rule divides by the square of the denominator"),
        Hand(d(s[i], x[j]), (DELTA * exp(x[i]) * Z - exp(x[i]) * exp(x[j])) / Z**2, REPORT + ", 1.1a (ii), line 3"),
        Hand(d(s[i], x[j]), exp(x[i]) / Z * (DELTA * Z - exp(x[j])) / Z, REPORT + ", 1.1a (ii), line 4"),
        Hand(d(s[i], x[j]), exp(x[i]) / Z * (DELTA - exp(x[j]) / Z), REPORT + ", 1.1a (ii), line 5"),
        Hand(d(s[i], x[j]), s[i] * (DELTA - s[i]), REPORT + ", 1.1a (ii), last line",
             wrong="the last factor speaks of i: it is s_j, as 1.1b (i) has it"),
        Hand(d(L, x[j]), Sum(bar(s)[i] * s[i] * (DELTA - s[j]), (i, 1, K)), REPORT + ", 1.1b (i)"),
    ],
    reference=reference)
