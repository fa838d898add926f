"""Batch normalisation with two epsilons: y_i = (x_i - mu) / sqrt(sigma^2 + epsilon_2) + epsilon_1."""

from sympy import Rational, Sum, sqrt

from derivs.exercise import Exercise, Hand, Input, Node, Parameter, Target, bar, d, indices, scalars, sizes, tensors

m = sizes("m")
i, j = indices("i j")
x, y = tensors("x y")
mu, epsilon1, E = scalars("mu epsilon1 E")
epsilon2 = scalars("epsilon2", positive=True)
sigma2 = scalars("sigma2", nonnegative=True)

KIT = "Deep Learning Teaching Kit, lab 2, sample solution 1, question 1.2 (ii)"
HALF = Rational(1, 2)
g, v = bar(y), sigma2 + epsilon2


def reference(x, epsilon1, epsilon2):
    import jax
    import jax.numpy as jnp
    return jax.nn.standardize(x, mean=jnp.mean(x), variance=jnp.var(x), epsilon=epsilon2) + epsilon1


EXERCISE = Exercise(
    title="Batch normalisation with two epsilons",
    source=KIT,
    inputs=[Input(x[m]), Parameter(epsilon1, latex=r"\epsilon_1"), Parameter(epsilon2, latex=r"\epsilon_2")],
    forward=[
        Node(mu, Sum(x[i], (i, 1, m)) / m),
        Node(sigma2, Sum((x[i] - mu)**2, (i, 1, m)) / m, latex=r"\sigma^2"),
        Node(y[i], (x[i] - mu) / sqrt(v) + epsilon1),
    ],
    loss=E, of=y,
    targets=[
        Target(d(E, x[i]), (m * g[i] - Sum(g[j], (j, 1, m))
                            - (x[i] - mu) / v * Sum(g[j] * (x[j] - mu), (j, 1, m))) / (m * sqrt(v))),
        Target(d(E, epsilon1), Sum(g[i], (i, 1, m))),
        Target(d(E, epsilon2), -HALF * v**(-3 * HALF) * Sum(g[i] * (x[i] - mu), (i, 1, m))),
    ],
    hand=[
        Hand(d(E, x[i]), g[i] / sqrt(v)
             + (Sum(g[j] * (-1 / sqrt(v)), (j, 1, m)) + Sum(g[j] * (x[j] - mu)**2 * v**(-3 * HALF), (j, 1, m)) / m) / m
             + Sum(g[j] * -HALF * (x[j] - mu) * v**(-3 * HALF), (j, 1, m)) * (2 / m * (x[i] - mu)),
             KIT + ", line 1, its brackets mended", wrong="it carries on the merged sums of (i)"),
        Hand(d(E, epsilon1), Sum(g[i], (i, 1, m)), KIT + ", line 3"),
        Hand(d(E, epsilon2), Sum(g[i] * -HALF * (x[i] - mu) * v**(-3 * HALF), (i, 1, m)), KIT + ", line 5"),
    ],
    reference=reference)
