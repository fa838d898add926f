"""ReLU: Y = max(X, 0), entry by entry, with derivative 0 at 0."""

from derivs.exercise import (
    Exercise,
    Hand,
    Indicator,
    Input,
    Node,
    Target,
    bar,
    d,
    indices,
    relu,
    scalars,
    sizes,
    tensors,
)

N, D = sizes("N D")
i, j = indices("i j")
X, Y = tensors("X Y")
L = scalars("L")

HOMEWORK = "EECS 598 Deep Learning (Michigan, 2019), homework 1, question 1.2 (Cen)"


def reference(X):
    import jax
    return jax.nn.relu(X)


EXERCISE = Exercise(
    title="ReLU",
    source=HOMEWORK,
    inputs=[Input(X[N, D])],
    forward=[Node(Y[i, j], relu(X[i, j]))],
    loss=L, of=Y,
    kinks={"relu": 0},
    targets=[Target(d(L, X[i, j]), bar(Y)[i, j] * Indicator(X[i, j] > 0))],
    hand=[Hand(d(L, X[i, j]), bar(Y)[i, j] * Indicator(X[i, j] > 0), HOMEWORK)],
    reference=reference)
