"""Batch normalisation of a batch of B samples with D neurons each, with gain gamma and shift beta.

mu_i and sigma_i are mean and standard deviation of neuron i, xhat = (x - mu) / sigma, y = gamma xhat + beta.
"""

from sympy import Sum, sqrt

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
    local,
    scalars,
    sizes,
    tensors,
)

B, D = sizes("B D")
s, r, i = indices("s r i")
x, mu, xhat, y, gamma, beta = tensors("x mu xhat y gamma beta")
sigma = tensors("sigma", positive=True)
epsilon = scalars("epsilon", positive=True)
L = scalars("L")

HOMEWORK = "EECS 598 Deep Learning (Michigan, 2019), homework 1, question 1.4 (Cen)"
REPORT = "University of Amsterdam Deep Learning 2019, assignment 1, question 3.2a (ten Kaate)"
g, h = bar(y), bar(xhat)
VARIANCE = Sum((x[r, i] - mu[i])**2, (r, 1, B)) / B


def total(body):
    return Sum(body, (r, 1, B))


def reference(x, gamma, beta, epsilon, mu=0.0, sigma=0.0, xhat=0.0):
    import jax.numpy as jnp
    mu = jnp.mean(x, axis=0) + mu
    sigma = jnp.sqrt(jnp.var(x, axis=0) + epsilon) + sigma
    return gamma * ((x - mu) / sigma + xhat) + beta


EXERCISE = Exercise(
    title="Batch normalisation with gain and shift",
    source=HOMEWORK,
    inputs=[Input(x[B, D]), Parameter(gamma[D]), Parameter(beta[D]), Constant(epsilon)],
    forward=[
        Node(mu[i], total(x[r, i]) / B),
        Node(sigma[i], sqrt(VARIANCE + epsilon)),
        Node(xhat[s, i], (x[s, i] - mu[i]) / sigma[i], latex=r"\hat{x}"),
        Node(y[s, i], gamma[i] * xhat[s, i] + beta[i]),
    ],
    loss=L, of=y,
    targets=[
        Target(d(L, xhat[s, i]), g[s, i] * gamma[i]),
        Target(d(L, sigma[i]), -total(h[r, i] * xhat[r, i]) / sigma[i]),
        Target(d(L, mu[i]), -total(h[r, i]) / sigma[i]),
        Target(d(L, x[s, i]), gamma[i] / (B * sigma[i])
               * (B * g[s, i] - total(g[r, i]) - xhat[s, i] * total(g[r, i] * xhat[r, i]))),
        Target(d(L, gamma[i]), total(g[r, i] * xhat[r, i])),
        Target(d(L, beta[i]), total(g[r, i])),
    ],
    hand=[
        Hand(local(mu[i], x[s, i]), 1 / B, HOMEWORK + ", line 1"),
        Hand(local(sigma[i], x[s, i]), (x[s, i] - mu[i]) / B / sqrt(VARIANCE + epsilon), HOMEWORK + ", line 2"),
        Hand(local(sigma[i], x[s, i]), (x[s, i] - mu[i]) / (B * sigma[i]), HOMEWORK + ", line 2"),
        Hand(d(L, xhat[s, i]), g[s, i] * gamma[i], HOMEWORK + ", line 3"),
        Hand(d(L, sigma[i]), total(-h[r, i] * (x[r, i] - mu[i]) / sigma[i]**2), HOMEWORK + ", line 4"),
        Hand(d(L, mu[i]), total(h[r, i] * -1 / sigma[i]) + -2 / B * total(x[r, i] - mu[i]) / sqrt(VARIANCE + epsilon)
             * total(-h[r, i] * (x[r, i] - mu[i]) / sigma[i]**2), HOMEWORK + ", line 6"),
        Hand(d(L, mu[i]), total(h[r, i] * -1 / sigma[i]), HOMEWORK + ", line 7"),
        Hand(d(L, x[s, i]), h[s, i] / sigma[i] + total(h[r, i] * -1 / sigma[i]) / B
             + (x[s, i] - mu[i]) / (B * sigma[i]) * total(-h[r, i] * (x[r, i] - mu[i]) / sigma[i]**2),
             HOMEWORK + ", line 9"),
        Hand(d(L, x[s, i]), (B * h[s, i] - total(h[r, i]) - xhat[s, i] * total(h[r, i] * xhat[r, i])) / (B * sigma[i]),
             HOMEWORK + ", line 10"),
        Hand(d(L, x[s, i]), gamma[i] / (B * sigma[i]) * (B * g[s, i] - total(g[r, i]) - (x[s, i] - mu[i]) / sigma[i]
             * total(g[r, i] * (x[r, i] - mu[i]) / sigma[i])), HOMEWORK + ", line 11"),
        Hand(d(L, gamma[i]), total(g[r, i] * xhat[r, i]), REPORT + ", (i)"),
        Hand(d(L, beta[i]), total(g[r, i]), REPORT + ", (ii)"),
        Hand(d(L, x[s, i]), (B * h[s, i] - total(h[r, i]) - xhat[s, i] * total(h[r, i] * xhat[r, i]))
             / (B * sqrt(VARIANCE + epsilon)), REPORT + ", last formula"),
    ],
    reference=reference)
