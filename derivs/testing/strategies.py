"""Hypothesis strategies for any exercise: inputs of consistent shapes with the values that matter, and cotangents.

The numbers are those of `derivs.samples`: kinks and ties, equal entries, one outlier, close and extreme values, one-hot
and simplex labels, masks. Everything shrinks towards the smallest sizes, zeros and ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import DTypeLike, NDArray

from derivs import library
from derivs.bounded import Array
from derivs.errors import DerivsError, IllFormed, nearest
from derivs.problem import Problem, Tensor, bar
from derivs.samples import Shape, arrays, closed, shapes, table
from derivs.testing.example import Example

SEED: Final = 0
LARGEST: Final = {"float64": 1e300, "float32": 1e38, "float16": 6e4}       # beyond which numbers are drawn no more

ProblemLike = str | Path | Problem


def resolved(problem: ProblemLike) -> Problem:
    """An exercise, or the one of that name or file."""
    return problem if isinstance(problem, Problem) else library.load(str(problem))


def inputs(problem: ProblemLike, *, dtype: DTypeLike = np.float64, sizes: Mapping[str, int] | None = None,
           cotangents: bool = True) -> SearchStrategy[Example]:
    """Inputs of an exercise, with the cotangents of its outputs, `y_bar`, where these are wanted.

    sizes: of the axes, those that are not to be drawn. Raises DerivsError for sizes that the exercise does not allow.
    """
    problem = resolved(problem)
    drawn = (*problem.inputs, *(given_cotangents(problem) if cotangents else ()))
    choices = _shapes(problem, drawn, tuple(sorted((sizes or {}).items())))
    sums = closed(target.claim for target in problem.targets)
    kind = np.dtype(dtype)

    def example(drawn: tuple[Shape, bytes]) -> Example:
        shape, data = drawn
        found = arrays(shape, [data], numbers(), sums, always=True)
        return Example(dict(shape.sizes), {name: as_dtype(array[0], kind) for name, array in found.items()})

    return _drawn(choices).map(example)


def sizes(problem: ProblemLike) -> SearchStrategy[dict[str, int]]:
    """Values for the sizes of an exercise that its constraints allow, the smallest first."""
    problem = resolved(problem)
    return st.sampled_from(_shapes(problem, problem.inputs, ())).map(lambda shape: dict(shape.sizes))


def cotangents(problem: ProblemLike, *, dtype: DTypeLike = np.float64, sizes: Mapping[str, int] | None = None
               ) -> SearchStrategy[Example]:
    """Cotangents of the outputs alone; none for an exercise whose loss is a node, since there it is 1."""
    problem = resolved(problem)
    names = {tensor.name for tensor in given_cotangents(problem)}
    return inputs(problem, dtype=dtype, sizes=sizes).map(lambda example: Example(
        example.sizes, {name: array for name, array in example.arrays.items() if name in names}))


def problems() -> SearchStrategy[Problem]:
    """The exercises that come with the package."""
    return st.sampled_from(library.names()).map(library.load)


def given_cotangents(problem: Problem) -> tuple[Tensor, ...]:
    """The upstream gradients that a backward pass is given."""
    if problem.definition(problem.loss) is not None:
        return ()
    found = []
    for y in problem.outputs:
        tensor = problem.tensors[y]
        found.append(problem.tensors.get(bar(y)) or Tensor(bar(y), tensor.shape, "cotangent"))
    return tuple(found)


@lru_cache(maxsize=1)
def numbers() -> Array:
    """The table of numbers that bytes stand for."""
    return table(np.random.default_rng(SEED))


def as_dtype(array: Array, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The array in another dtype: what is too large for it is cut off, so that inputs are finite."""
    most = LARGEST.get(dtype.name, np.inf)
    return np.asarray(np.clip(array, -most, most), dtype=dtype)


def _shapes(problem: Problem, drawn: tuple[Tensor, ...], fixed: tuple[tuple[str, int], ...]) -> list[Shape]:
    """Small shapes, smallest first; one, where all sizes are fixed."""
    wanted = dict(fixed)
    for name in wanted:
        if name not in problem.sizes:
            raise DerivsError(f"the exercise has no size {name}", where=problem.name, mend=nearest(name, problem.sizes))
    if not wanted:
        return shapes(problem, drawn, np.random.default_rng(SEED))
    if set(wanted) == set(problem.sizes):
        found = [Shape(wanted, tuple((t, tuple(n.at(wanted) for n in t.shape)) for t in drawn))]
    else:
        free = [dict(wanted) | dict(shape.sizes) | wanted
                for shape in shapes(problem, drawn, np.random.default_rng(SEED))]
        found = [Shape(one, tuple((t, tuple(n.at(one) for n in t.shape)) for t in drawn)) for one in free]
    allowed = [shape for shape in found if all(form.at(shape.sizes) >= 0 for form in problem.constraints)]
    if not allowed:
        raise IllFormed(f"these sizes break what the exercise says of them: {wanted}", where=problem.name,
                        mend=", ".join(f"{form} >= 0" for form in problem.facts) or "every size is at least 1")
    return allowed


def _drawn(choices: list[Shape]) -> SearchStrategy[tuple[Shape, bytes]]:
    return st.sampled_from(choices).flatmap(
        lambda shape: st.tuples(st.just(shape), st.binary(min_size=shape.bytes, max_size=shape.bytes)))
