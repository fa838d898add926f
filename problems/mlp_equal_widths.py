"""Two layers of a multilayer perceptron whose layers are all D wide: z1 = W1 x + b1, a1 = lrelu(z1), z2 = W2 a1 + b2.

With equal widths it makes sense to take the weights of the wrong layer, as the report does.
"""

from sympy import Piecewise, Sum

from derivs.exercise import (
    Constant,
    Exercise,
    Hand,
    Input,
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

D = sizes("D")
i, j = indices("i j")
W1, W2, b1, b2, x, z1, a1, z2 = tensors("W1 W2 b1 b2 x z1 a1 z2")
a, L = scalars("a L")

REPORT = "University of Amsterdam Deep Learning 2019, assignment 1, question 1.1 (ten Kaate)"


def reference(x, a, W1, b1, W2, b2, z1=0.0, a1=0.0):
    import jax
    import jax.numpy as jnp
    return jnp.dot(W2, jax.nn.leaky_relu(jnp.dot(W1, x) + b1 + z1, a) + a1) + b2


EXERCISE = Exercise(
    title="Two layers of equal width",
    source=REPORT,
    inputs=[
        Input(x[D], latex="x^{(0)}"), Constant(a),
        Parameter(W1[D, D], latex="W^{(1)}"), Parameter(b1[D], latex="b^{(1)}"),
        Parameter(W2[D, D], latex="W^{(2)}"), Parameter(b2[D], latex="b^{(2)}"),
    ],
    forward=[
        Node(z1[i], Sum(W1[i, j] * x[j], (j, 1, D)) + b1[i], latex="z^{(1)}"),
        Node(a1[i], leaky_relu(z1[i], a), latex="a^{(1)}"),
        Node(z2[i], Sum(W2[i, j] * a1[j], (j, 1, D)) + b2[i], latex="z^{(2)}"),
    ],
    loss=L, of=z2,
    targets=[
        Target(d(L, a1[j]), Sum(bar(z2)[i] * W2[i, j], (i, 1, D))),
        Target(d(L, z1[j]), Piecewise((bar(a1)[j], z1[j] >= 0), (a * bar(a1)[j], True))),
        Target(d(L, x[j]), Sum(bar(z1)[i] * W1[i, j], (i, 1, D))),
    ],
    hand=[
        Hand(d(L, a1[j]), Sum(bar(z2)[i] * W1[i, j], (i, 1, D)), REPORT + ", 1.1b (iii), l = 1",
             wrong="the next layer's weights are W^(l+1): z2 is made by W2"),
    ],
    reference=reference)
