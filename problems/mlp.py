"""A multilayer perceptron: linear, leaky ReLU, linear, leaky ReLU, linear, softmax, cross-entropy.

z1 = W1 x + b1, a1 = lrelu(z1), z2 = W2 a1 + b2, a2 = lrelu(z2), z3 = W3 a2 + b3, p = softmax(z3),
L = -sum_i t_i log p_i.
"""

from sympy import Eq, Piecewise, Sum, exp, log

from derivs.exercise import (
    Constant,
    Exercise,
    Hand,
    Input,
    Label,
    Node,
    Parameter,
    Target,
    bar,
    d,
    indices,
    leaky_relu,
    scalars,
    sizes,
    tensors,
)

D, H, M, K = sizes("D H M K")                # entries of the input, of the hidden layers, classes
i, j, k = indices("i j k")
W1, W2, W3, b1, b2, b3 = tensors("W1 W2 W3 b1 b2 b3")
x, z1, a1, z2, a2, z3, p, t = tensors("x z1 a1 z2 a2 z3 p t")
a, L = scalars("a L")

REPORT = "University of Amsterdam Deep Learning 2019, assignment 1, question 1.1 (ten Kaate)"
LABELS = Sum(t[k], (k, 1, K))


def through_leaky_relu(upstream, z):
    return Piecewise((upstream, z >= 0), (a * upstream, True))


def reference(x, t, a, W1, b1, W2, b2, W3, b3, z1=0.0, a1=0.0, z2=0.0, a2=0.0, z3=0.0):
    import jax
    import jax.numpy as jnp
    hidden = jax.nn.leaky_relu(jnp.dot(W1, x) + b1 + z1, a) + a1
    hidden = jax.nn.leaky_relu(jnp.dot(W2, hidden) + b2 + z2, a) + a2
    return -jnp.vdot(t, jax.nn.log_softmax(jnp.dot(W3, hidden) + b3 + z3))


EXERCISE = Exercise(
    title="Multilayer perceptron",
    source=REPORT,
    inputs=[
        Input(x[D], latex="x^{(0)}"), Label(t[K]), Constant(a),
        Parameter(W1[H, D], latex="W^{(1)}"), Parameter(b1[H], latex="b^{(1)}"),
        Parameter(W2[M, H], latex="W^{(2)}"), Parameter(b2[M], latex="b^{(2)}"),
        Parameter(W3[K, M], latex="W^{(3)}"), Parameter(b3[K], latex="b^{(3)}"),
    ],
    forward=[
        Node(z1[i], Sum(W1[i, j] * x[j], (j, 1, D)) + b1[i], latex="z^{(1)}"),
        Node(a1[i], leaky_relu(z1[i], a), latex="a^{(1)}"),
        Node(z2[i], Sum(W2[i, j] * a1[j], (j, 1, H)) + b2[i], latex="z^{(2)}"),
        Node(a2[i], leaky_relu(z2[i], a), latex="a^{(2)}"),
        Node(z3[i], Sum(W3[i, j] * a2[j], (j, 1, M)) + b3[i], latex="z^{(3)}"),
        Node(p[i], exp(z3[i]) / Sum(exp(z3[k]), (k, 1, K))),
        Node(L, -Sum(t[i] * log(p[i]), (i, 1, K))),
    ],
    loss=L,
    targets=[
        Target(d(L, z3[i]), p[i] * LABELS - t[i]),
        Target(d(L, z3[i]), p[i] - t[i], given=[Eq(LABELS, 1)]),
        Target(d(L, W3[i, j]), bar(z3)[i] * a2[j]),
        Target(d(L, b3[i]), bar(z3)[i]),
        Target(d(L, a2[j]), Sum(bar(z3)[i] * W3[i, j], (i, 1, K))),
        Target(d(L, z2[i]), through_leaky_relu(bar(a2)[i], z2[i])),
        Target(d(L, W2[i, j]), bar(z2)[i] * a1[j]),
        Target(d(L, b2[i]), bar(z2)[i]),
        Target(d(L, a1[j]), Sum(bar(z2)[i] * W2[i, j], (i, 1, M))),
        Target(d(L, z1[i]), through_leaky_relu(bar(a1)[i], z1[i])),
        Target(d(L, W1[i, j]), bar(z1)[i] * x[j]),
        Target(d(L, b1[i]), bar(z1)[i]),
        Target(d(L, x[j]), Sum(bar(z1)[i] * W1[i, j], (i, 1, H))),
    ],
    hand=[
        Hand(d(L, z1[j]), Piecewise((bar(a1)[j], z1[j] > 0), (a * bar(a1)[j], z1[j] < 0)),
             REPORT + ", 1.1b (ii), l = 1"),
        Hand(d(L, a1[j]), Sum(bar(z2)[i] * d(z2[i], a1[j]), (i, 1, M)), REPORT + ", 1.1b (iii), l = 1, first half"),
        Hand(d(L, W2[j, k]), bar(z2)[j] * a1[k], REPORT + ", 1.1b (iv), l = 2"),
        Hand(d(L, b2[j]), bar(z2)[j], REPORT + ", 1.1b (v), l = 2"),
    ],
    reference=reference)
