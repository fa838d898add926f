"""The elastic net: R = lambda (C |w|_1 + (1 - C)/2 |w|_2^2). At w_j = 0 the subgradient 0 of |w_j| is taken."""

from sympy import Abs, Sum, sign

from derivs.exercise import Constant, Exercise, Node, Parameter, Target, d, indices, scalars, sizes, tensors

n = sizes("n")
j = indices("j")
w = tensors("w")
lam, C = scalars("lam C", positive=True)
R = scalars("R")


def reference(w, lam, C):
    import jax.numpy as jnp
    return lam * (C * jnp.vdot(w, jnp.sign(w)) + (1 - C) / 2 * jnp.vdot(w, w))


EXERCISE = Exercise(
    title="Elastic net",
    source="NYU Deep Learning 2016, assignment 1, section 2.3.5 (Zhao & Chen)",
    inputs=[Parameter(w[n]), Constant(lam, latex=r"\lambda"), Constant(C, "in(0,1)")],
    forward=[Node(R, lam * (C * Sum(Abs(w[j]), (j, 1, n)) + (1 - C) / 2 * Sum(w[j]**2, (j, 1, n))))],
    loss=R,
    kinks={"abs": 0},
    targets=[Target(d(R, w[j]), lam * (C * sign(w[j]) + (1 - C) * w[j]))],
    reference=reference)
