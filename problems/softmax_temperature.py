"""Softmax at inverse temperature: y_i = exp(-beta x_i) / sum_k exp(-beta x_k).

The sign is that of statistical physics; Goodfellow et al. (2016), sec. 6.2.2.3, is beta = -1.
"""

from sympy import Eq, KroneckerDelta, Ne, Sum, exp

from derivs.exercise import Exercise, Hand, Input, Node, Parameter, Target, bar, d, indices, scalars, sizes, tensors

n = sizes("n")
i, j, k = indices("i j k")
x, y = tensors("x y")
beta = scalars("beta", positive=True)
E = scalars("E")

SHEET = "NYU Deep Learning 2016, assignment 1, question 1.2 (Zhao & Chen)"


def e(i):
    return exp(-beta * x[i])


Z = Sum(e(k), (k, 1, n))
LOST = Sum(-beta * x[k], (k, 1, n))          # the normaliser without its exponentials


def reference(x, beta):
    import jax
    return jax.nn.softmax(-beta * x)


EXERCISE = Exercise(
    title="Softmax at inverse temperature",
    source=SHEET,
    inputs=[Input(x[n]), Parameter(beta)],
    forward=[Node(y[i], e(i) / Z)],
    loss=E, of=y,
    targets=[
        Target(d(y[i], x[j]), -beta * y[i] * (KroneckerDelta(i, j) - y[j])),
        Target(d(y[i], x[j]), -beta * y[i] * (1 - y[i]), given=[Eq(i, j)]),
        Target(d(y[i], x[j]), beta * y[i] * y[j], given=[Ne(i, j)]),
        Target(d(E, x[j]), beta * y[j] * (Sum(bar(y)[k] * y[k], (k, 1, n)) - bar(y)[j])),
        Target(d(E, beta), Sum(bar(y)[k] * y[k], (k, 1, n)) * Sum(x[k] * y[k], (k, 1, n))
               - Sum(bar(y)[k] * x[k] * y[k], (k, 1, n))),
    ],
    hand=[
        Hand(d(y[i], x[j]), -beta * e(i) / Z + beta * e(i)**2 / Z**2, SHEET + ", eq. 1.2, line 3", given=[Eq(i, j)]),
        Hand(d(y[i], x[j]), -beta * e(i) / Z * (1 - e(i) / Z), SHEET + ", eq. 1.2", given=[Eq(i, j)]),
        Hand(d(y[i], x[j]), e(i) * -1 / LOST**2 * (-beta * e(j)), SHEET + ", eq. 1.3, lines 2 and 3",
             given=[Ne(i, j)], wrong="the denominator lost its exponentials: it is the square of sum_k exp(-beta x_k)"),
        Hand(d(y[i], x[j]), beta * exp(-beta * (x[i] + x[j])) / Z**2, SHEET + ", eq. 1.3", given=[Ne(i, j)]),
    ],
    reference=reference)
