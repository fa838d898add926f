"""Leaky ReLU: y_i = x_i where x_i >= 0, else a x_i, with derivative 1 at 0.

The report leaves the derivative at 0 open.
"""

from sympy import And, Eq, Ne, Piecewise

from derivs.exercise import (
    Constant,
    Exercise,
    Hand,
    Input,
    Node,
    Target,
    bar,
    d,
    indices,
    leaky_relu,
    scalars,
    sizes,
    tensors,
)

n = sizes("n")
i, j = indices("i j")
x, y = tensors("x y")
a, L = scalars("a L")

REPORT = "University of Amsterdam Deep Learning 2019, assignment 1, question 1.1 (ten Kaate)"


def reference(x, a):
    import jax
    return jax.nn.leaky_relu(x, a)


EXERCISE = Exercise(
    title="Leaky ReLU",
    source=REPORT,
    inputs=[Input(x[n]), Constant(a)],
    forward=[Node(y[i], leaky_relu(x[i], a))],
    loss=L, of=y,
    kinks={"leaky_relu": 1},
    targets=[Target(d(L, x[j]), Piecewise((bar(y)[j], x[j] >= 0), (a * bar(y)[j], True)))],
    hand=[
        Hand(d(y[i], x[j]), Piecewise((1, And(Eq(j, i), x[j] > 0)), (a, And(Eq(j, i), x[j] < 0)), (0, Ne(j, i))),
             REPORT + ", 1.1a (iii)"),
        Hand(d(L, x[j]), Piecewise((bar(y)[j], x[j] > 0), (a * bar(y)[j], x[j] < 0)), REPORT + ", 1.1b (ii)"),
    ],
    reference=reference)
