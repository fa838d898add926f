"""Batch normalisation without epsilon: y_i = (x_i - mu) / sqrt(sigma^2), mu and sigma^2 being mean and variance.

The variance is the biased one (1/m), as in Ioffe & Szegedy (2015). A batch of one sample has no variance.
"""

from sympy import Rational, Sum, sqrt

from derivs.exercise import Exercise, Hand, Input, Node, Target, bar, d, indices, local, scalars, sizes, tensors

m = sizes("m")
i, j = indices("i j")
x, y = tensors("x y")
mu, E = scalars("mu E")
sigma2 = scalars("sigma2", positive=True)

KIT = "Deep Learning Teaching Kit, lab 2, sample solution 1, question 1.2 (i)"
HALF = Rational(1, 2)
g = bar(y)

MERGED = -Sum(g[j] / sqrt(sigma2), (j, 1, m)) + Sum(g[j] * (x[j] - mu)**2 * sigma2**(-3 * HALF), (j, 1, m)) / m


def reference(x, mu=0.0, sigma2=0.0):
    import jax.numpy as jnp
    return (x - (jnp.mean(x) + mu)) / jnp.sqrt(jnp.var(x) + sigma2)


EXERCISE = Exercise(
    title="Batch normalisation",
    source=KIT,
    inputs=[Input(x[m])],
    facts=[m >= 2],
    forward=[
        Node(mu, Sum(x[i], (i, 1, m)) / m),
        Node(sigma2, Sum((x[i] - mu)**2, (i, 1, m)) / m, latex=r"\sigma^2"),
        Node(y[i], (x[i] - mu) / sqrt(sigma2)),
    ],
    loss=E, of=y,
    targets=[
        Target(d(E, sigma2), -HALF * sigma2**(-3 * HALF) * Sum(g[i] * (x[i] - mu), (i, 1, m))),
        Target(d(E, mu), -Sum(g[i], (i, 1, m)) / sqrt(sigma2)),
        Target(d(E, x[i]), (m * g[i] - Sum(g[j], (j, 1, m)) - y[i] * Sum(g[j] * y[j], (j, 1, m))) / (m * sqrt(sigma2))),
    ],
    hand=[
        Hand(local(y[i], x[i]), 1 / sqrt(sigma2), KIT + ", line 2"),
        Hand(local(mu, x[i]), 1 / m, KIT + ", line 3"),
        Hand(local(sigma2, x[i]), 2 / m * (x[i] - mu), KIT + ", line 4"),
        Hand(d(E, sigma2), Sum(g[i] * -HALF * (x[i] - mu) * sigma2**(-3 * HALF), (i, 1, m)), KIT + ", line 6"),
        Hand(d(E, mu), Sum(g[i] * (-1 / sqrt(sigma2)), (i, 1, m)) + bar(sigma2) * (-2 / m) * Sum(x[i] - mu, (i, 1, m)),
             KIT + ", line 8"),
        Hand(d(E, mu), MERGED, KIT + ", line 9",
             wrong="one sum where the line above has a product of two; the second of these is zero"),
        Hand(d(E, x[i]), g[i] / sqrt(sigma2) + MERGED / m
             + Sum(g[j] * -HALF * (x[j] - mu) * sigma2**(-3 * HALF), (j, 1, m)) * (2 / m * (x[i] - mu)),
             KIT + ", last line", wrong="it carries on the merged sums of the derivative by mu"),
    ],
    reference=reference)
