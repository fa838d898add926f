"""A graph of modules: y = max(s1, s2) + min(s1, s2), where s1 = sigmoid(x1) and s2 = sigmoid(x2).

Of two numbers one is the larger and the other the smaller, so y = s1 + s2, ties included.
"""

from sympy import Max, Min, exp

from derivs.exercise import Exercise, Hand, Input, Node, Target, bar, d, scalars, sigmoid

x1, x2, s1, s2, y, E = scalars("x1 x2 s1 s2 y E")

KIT = "Deep Learning Teaching Kit, lab 2, sample solution 1, question 1.1"
REPORT = "NYU Deep Learning 2016, assignment 2, section 1.1 (Sung & Yao)"


def reference(x1, x2):
    import jax
    import jax.numpy as jnp
    s1, s2 = jax.nn.sigmoid(x1), jax.nn.sigmoid(x2)
    return jnp.maximum(s1, s2) + jnp.minimum(s1, s2)


EXERCISE = Exercise(
    title="A graph of modules: maximum and minimum of sigmoids",
    source=KIT,
    inputs=[Input(x1, latex="x_1"), Input(x2, latex="x_2")],
    forward=[
        Node(s1, sigmoid(x1), latex="s_1"),
        Node(s2, sigmoid(x2), latex="s_2"),
        Node(y, Max(s1, s2) + Min(s1, s2)),
    ],
    loss=E, of=y,
    targets=[
        Target(y, s1 + s2),
        Target(d(E, x1), bar(y) * s1 * (1 - s1)),
        Target(d(E, x2), bar(y) * s2 * (1 - s2)),
    ],
    hand=[
        Hand(d(E, x1), bar(y) * sigmoid(x1) * (1 - sigmoid(x1)), KIT),
        Hand(d(E, x2), bar(y) * sigmoid(x2) * (1 - sigmoid(x2)), KIT),
        Hand(y, 1 / (1 + exp(-x1)) + 1 / (1 + exp(-x2)), REPORT + ", eq. 1.2"),
        Hand(d(E, x1), bar(y) * exp(-x1) / (1 + exp(x1))**2, REPORT + ", eq. 1.3, i = 1",
             wrong="the exponent in the denominator lost its sign: it is (1 + exp(-x1))^2"),
        Hand(d(E, x2), bar(y) * exp(-x2) / (1 + exp(x2))**2, REPORT + ", eq. 1.3, i = 2",
             wrong="the exponent in the denominator lost its sign: it is (1 + exp(-x2))^2"),
    ],
    reference=reference)
