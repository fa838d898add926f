"""The logistic function: y = 1 / (1 + exp(-x))."""

from sympy import exp

from derivs.exercise import Exercise, Hand, Input, Node, Target, bar, d, scalars

x, y, E = scalars("x y E")

SHEET = "NYU Deep Learning 2016, assignment 1, question 1.1 (Zhao & Chen)"


def reference(x):
    import jax
    return jax.nn.sigmoid(x)


EXERCISE = Exercise(
    title="Sigmoid",
    source=SHEET,
    inputs=[Input(x)],
    forward=[Node(y, 1 / (1 + exp(-x)))],
    loss=E, of=y,
    targets=[Target(d(E, x), bar(y) * y * (1 - y))],
    hand=[
        Hand(d(y, x), exp(-x) / (1 + exp(-x))**2, SHEET + ", eq. 1.1, line 4"),
        Hand(d(E, x), bar(y) * exp(-x) / (1 + exp(-x))**2, SHEET + ", eq. 1.1, last line"),
    ],
    reference=reference)
