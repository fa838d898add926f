"""JAX's values, gradients and Jacobians of an exercise's reference, each with a bound on its rounding."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from derivs.bounded import Array, Bounded
from derivs.errors import DerivsError, IllFormed, Unsupported
from derivs.expr import Derivative, Entry, Expectation, Expr
from derivs.oracle.rounding import with_rounding
from derivs.problem import Problem, bar

jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]

# XLA may fuse, reorder or rewrite an operation as two; a sum's order is in the bound already.
REWRITES = 2


@dataclass(frozen=True, slots=True)
class Quantity:
    """What autodiff is asked for: d of / d by, or the value of `of` where `by` is empty."""

    of: str
    by: str = ""

    def __str__(self) -> str:
        return f"∂{self.of}/∂{self.by}" if self.by else self.of


def quantity(problem: Problem, left: Expr) -> Quantity:
    """What the left side of a claim asks of autodiff; Unsupported, with the reason, if autodiff has no word for it."""
    if problem.reference is None:
        raise Unsupported("the exercise has no reference")
    match left:
        case Expectation():
            raise Unsupported("autodiff knows no expectations")
        case Derivative(kind="local"):
            raise Unsupported("autodiff has no local derivative: it goes through every node")
        case Derivative(Entry(of), Entry(by)):
            found = Quantity(of, by)
        case Entry(of):
            found = Quantity(of)
        case _:
            raise Unsupported("autodiff gives values and derivatives, and the left side is neither")
    if found.of not in (problem.loss, *problem.outputs):
        raise Unsupported(f"the reference does not return {found.of}")
    if found.of == problem.loss and not is_node(problem) and not found.by:
        raise Unsupported(f"{found.of} has no value: only its gradient by {', '.join(problem.outputs)} is given")
    if found.by and found.by not in {t.name for t in problem.inputs} | keywords(problem):
        raise Unsupported(f"the reference has no handle on {found.by}",
                          mend=f"give it a keyword {found.by}=0.0 that is added to the node {found.by}")
    return found


def is_node(problem: Problem) -> bool:
    """Whether the loss is a node with a definition, not only a letter for whatever comes after the outputs."""
    return problem.definition(problem.loss) is not None


def keywords(problem: Problem) -> frozenset[str]:
    """The keywords of the reference: those of nodes are added to them, those of sizes are integers."""
    assert problem.reference is not None
    return frozenset(inspect.signature(problem.reference).parameters)


def compiled(problem: Problem, wanted: Sequence[Quantity], sizes: Mapping[str, int]
             ) -> Callable[[Mapping[str, Array]], dict[Quantity, Bounded]]:
    """A function from arrays by name, axis 0 counting the points, to the quantities wanted, for these sizes."""
    handles = keywords(problem)
    static = {name: value for name, value in sizes.items() if name in handles}
    nodes = {q.by: jnp.zeros([n.at(sizes) for n in problem.tensors[q.by].shape])
             for q in wanted if q.by and problem.definition(q.by) is not None}
    inputs = [tensor.name for tensor in problem.inputs]
    cotangents = {bar(y): y for y in problem.outputs}

    def forward(variables: Mapping[str, Any], points: Mapping[str, Any]) -> dict[str, Any]:
        assert problem.reference is not None
        result = problem.reference(**{name: points[name] for name in inputs} | dict(variables) | static)
        return result if isinstance(result, dict) else {(problem.outputs or (problem.loss,))[0]: result}

    def loss(variables: Mapping[str, Any], points: Mapping[str, Any]) -> Any:
        results = forward(variables, points)
        if is_node(problem):
            return jnp.sum(results[problem.loss])
        return sum(jnp.sum(points[y_bar] * results[y]) for y_bar, y in cotangents.items())

    def everything(points: Mapping[str, Any]) -> tuple[Any, ...]:
        variables = {q.by: nodes.get(q.by, points.get(q.by)) for q in wanted if q.by}
        gradients = {q.by for q in wanted if q.of == problem.loss and q.by}
        gradient = jax.grad(loss)({name: variables[name] for name in sorted(gradients)}, points) if gradients else {}
        values = forward({}, points)
        return tuple(gradient[q.by] if q.of == problem.loss and q.by
                     else jax.jacrev(lambda v, q=q: forward({q.by: v}, points)[q.of])(variables[q.by]) if q.by
                     else jnp.asarray(values[q.of])
                     for q in wanted)

    # Compiling takes longer than running, so it is not asked to optimise.
    both = jax.jit(jax.vmap(with_rounding(everything)), compiler_options={"xla_backend_optimization_level": 0})
    shapes = [tuple(n.at(sizes) for name in (q.of, q.by) if name for n in problem.tensors[name].shape) for q in wanted]

    def run(points: Mapping[str, Array]) -> dict[Quantity, Bounded]:
        try:
            values, errors = both({name: points[name] for name in (*inputs, *cotangents) if name in points})
        except DerivsError:
            raise
        except Exception as error:                                   # the author's code: whatever it may raise
            raise IllFormed(f"the reference cannot be run: {type(error).__name__}: {error}", where=problem.name,
                            mend=f"it is called as reference({', '.join(f'{name}=...' for name in inputs)})") from error
        for q, value, shape in zip(wanted, values, shapes, strict=True):
            if value.shape[1:] != shape:
                raise IllFormed(f"by the reference {q} has shape {value.shape[1:]}, by the exercise {shape}",
                                where=problem.name, mend=f"sizes here: {dict(sizes)}")
        return {q: Bounded(np.asarray(value), REWRITES * np.asarray(error))
                for q, value, error in zip(wanted, values, errors, strict=True)}
    return run
