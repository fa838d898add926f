"""A disagreement, as a Python example that anyone can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from derivs.arrays import Axis
from derivs.bounded import Array, Bounded
from derivs.errors import DerivsError
from derivs.evaluate import evaluate
from derivs.expr import Derivative, Entry, Expr, subtract
from derivs.kernels import text
from derivs.oracle.autodiff import Quantity, is_node, keywords
from derivs.problem import Claim, Problem, bar
from derivs.verdict import Point


def report(problem: Problem, claim: Claim, quantity: Quantity, sizes: Mapping[str, int], points: Mapping[str, Array],
           axes: Sequence[Axis], formula: Bounded, autodiff: Bounded, off: Array) -> str:
    """The first entry that is off: its inputs, a call of the reference that shows it, and what either side says.

    points: the arrays, axis 0 counting the inputs, as it does for formula, autodiff and off.
    """
    first = tuple(int(k) for k in np.argwhere(off > 1)[0])
    inputs = {name: array[first[0]] for name, array in points.items()}
    indices = {axis.name: axis.low + k for axis, k in zip(axes, first[1:], strict=True)}
    said, computed = autodiff.value[first].item(), formula.value[first].item()
    bound = formula.error[first].item() + autodiff.error[first].item()
    lines = [
        f"# exercise {problem.name}, whose forward pass is `reference`",
        "import jax, numpy as np",
        'jax.config.update("jax_enable_x64", True)',
        *(f"{name} = {value}" for name, value in sizes.items() if name in keywords(problem)),
        *(f"{name} = np.array({array.tolist()!r})" for name, array in inputs.items()),
        f"print({_call(problem, quantity, sizes)})",
        f"# {_place(claim.left, {**sizes, **indices})}: autodiff says {said!r}, the formula {computed!r};",
        f"# rounding explains a difference of {bound:.2g}",
    ]
    return "\n".join(lines + _exactly(problem, claim, Point({**sizes, **indices}, _entries(inputs))))


def _call(problem: Problem, quantity: Quantity, sizes: Mapping[str, int]) -> str:
    """The reference, or its derivative, in JAX; that of a node is by the keyword that is added to it."""
    names = [tensor.name for tensor in problem.inputs] + [name for name in sizes if name in keywords(problem)]
    varied = {name: name for name in names} | ({quantity.by: "v"} if quantity.by else {})
    result = f"reference({', '.join(f'{name}={value}' for name, value in varied.items())})"
    if not quantity.by:
        return result
    at = quantity.by
    if at not in names:
        at = f"np.zeros({tuple(n.at(sizes) for n in problem.tensors[at].shape)})"
    if quantity.of != problem.loss or is_node(problem):
        return f"jax.jacrev(lambda v: {result})({at})"
    if len(problem.outputs) == 1:
        return f"jax.grad(lambda v: ({bar(problem.outputs[0])} * {result}).sum())({at})"
    cotangents = ", ".join(f"{y!r}: {bar(y)}" for y in problem.outputs)
    return f"jax.vjp(lambda v: {result}, {at})[1]({{{cotangents}}})[0]"


def _place(left: Expr, integers: Mapping[str, int]) -> str:
    """∂E/∂x[1, 2]: the entry in question, counted from 1."""
    match left:
        case Derivative(of, by):
            return f"∂{_place(of, integers)}/∂{_place(by, integers)}"
        case Entry(name, at):
            return name + (f"[{', '.join(str(form.at(integers)) for form in at)}]" if at else "")
        case _:
            return str(left)


def _entries(inputs: Mapping[str, Array]) -> dict[tuple[str, tuple[int, ...]], Fraction]:
    return {(name, tuple(k + 1 for k in at)): Fraction(float(value))
            for name, array in inputs.items() for at, value in np.ndenumerate(array)}


def _exactly(problem: Problem, claim: Claim, point: Point) -> list[str]:
    """Both sides in exact arithmetic, where they have such values."""
    try:
        left, right, apart = (text(evaluate(problem, expr, point))
                              for expr in (claim.left, claim.right, subtract(claim.right, claim.left)))
    except DerivsError:
        return []
    return [f"# in exact arithmetic: the left side is {left}, the formula {right}, its excess {apart}"]
