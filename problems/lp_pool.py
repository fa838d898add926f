"""Lp pooling of positive entries, windows of K side by side: y_i = (sum_k x_{K(i-1)+k}^p)^(1/p)."""

from sympy import And, Sum

from derivs.exercise import Constant, Exercise, Indicator, Input, Node, Target, bar, d, indices, scalars, sizes, tensors

n, K = sizes("n K")
i, j, k = indices("i j k")
x, y = tensors("x y", positive=True)
p = scalars("p", positive=True)
E = scalars("E")


def reference(x, p, K):
    from jax import lax
    return lax.reduce_window(x**p, 0.0, lax.add, (K,), (K,), "VALID")**(1 / p)


EXERCISE = Exercise(
    title="Lp pooling",
    source="NYU Deep Learning 2016, assignment 1, section 2.3.2 (Zhao & Chen)",
    inputs=[Input(x[K * n]), Constant(p)],
    forward=[Node(y[i], Sum(x[K * (i - 1) + k]**p, (k, 1, K))**(1 / p), shape=[n])],
    loss=E, of=y,
    targets=[
        Target(d(E, x[j]), Sum(Indicator(And(K * (i - 1) + 1 <= j, j <= K * i)) * bar(y)[i] * (x[j] / y[i])**(p - 1),
                               (i, 1, n))),
    ],
    reference=reference)
