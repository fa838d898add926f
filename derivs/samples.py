"""Random inputs of an exercise: sizes that its constraints allow, and arrays that its properties allow.

Hypothesis draws bytes, and every byte is one entry: an index into a table of numbers that starts with the simplest. So
a thousand inputs are drawn in the time of a few, and Hypothesis still shrinks a failure entry by entry towards 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator
from numpy.typing import NDArray

from derivs.bounded import Array
from derivs.errors import Unsupported
from derivs.expr import Entry, Number, Sum
from derivs.problem import Claim, Problem, Tensor

Bytes = NDArray[np.uint8]

SHAPES = 8                 # of one exercise: JAX compiles once for each
ENTRIES = 300              # of all the arrays of one input together
CANDIDATES = 4000          # assignments of sizes that are looked at
BATCH = 32                 # inputs of one shape that are evaluated together
DRAWN = 4096               # bytes of one batch; Hypothesis stops at 8192

# How the entries of one array look, and how many of 256 arrays look so. The first is the simplest: zeros of both signs
# and small numbers, hence many ties.
PROFILES = {"simple": 60, "ordinary": 96, "equal": 24, "outlier": 24, "close": 20, "large": 16, "tiny": 16}
PROFILE_OF_BYTE = np.repeat(np.arange(len(PROFILES)), list(PROFILES.values()))
ORDINARY, EQUAL, OUTLIER, LARGE, TINY = map(list(PROFILES).index, ("ordinary", "equal", "outlier", "large", "tiny"))
WILD = 176                 # inputs with a smaller first byte have no outliers and nothing large: few of them overflow
TWINS = range(144, 176)    # ... and with such a first byte all entries of all arrays are equal, but for cotangents


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes, and the arrays that they make.

    An input is a byte that says how wild it is; then for each array a byte for how it looks, and one for each entry.
    """

    sizes: Mapping[str, int]
    arrays: tuple[tuple[Tensor, tuple[int, ...]], ...]

    @property
    def bytes(self) -> int:
        return 1 + sum(1 + int(np.prod(dims)) for _, dims in self.arrays)

    @property
    def batch(self) -> int:
        """How many inputs of this shape are evaluated together."""
        return max(1, min(BATCH, DRAWN // self.bytes))


def shapes(problem: Problem, drawn: Sequence[Tensor], rng: Generator) -> list[Shape]:
    """A few small shapes, smallest first: all sizes at their least, as many different sizes as can be, and others."""
    feasible = [shape for sizes in _candidates(problem.sizes, rng)
                if all(form.at(sizes) >= 0 for form in problem.constraints)
                and (shape := _shape(sizes, drawn)).bytes <= ENTRIES]
    if not feasible:
        raise Unsupported("no small sizes satisfy the constraints of the exercise")
    feasible.sort(key=lambda shape: (sum(shape.sizes.values()), tuple(shape.sizes.values())))
    distinct = max(feasible, key=lambda shape: (len(set(shape.sizes.values()) - {1}), -shape.bytes))
    others = [feasible[k] for k in rng.permutation(len(feasible))]
    chosen = {tuple(shape.sizes.items()): shape for shape in (feasible[0], distinct, feasible[-1], *others)}
    return sorted(list(chosen.values())[:SHAPES], key=feasible.index)


def closed(claims: Iterable[Claim]) -> dict[str, int]:
    """The tensors that some claim takes to sum to 1 along an axis: sum_k t[.., k, ..] = 1."""
    found = {}
    for condition in (g for claim in claims for g in claim.given):
        match condition.left, condition.right:
            case (Sum(k, _, _, Entry(t, at)), Number(one)) | (Number(one), Sum(k, _, _, Entry(t, at))) if one == 1:
                found[t] = next(axis for axis, form in enumerate(at) if form.bare == k)
    return found


def _candidates(letters: Sequence[str], rng: Generator) -> list[dict[str, int]]:
    """Sizes from 1 on: every combination where there are few letters, a sample where there are many."""
    most = next((n for n in (6, 5, 4) if n ** len(letters) <= CANDIDATES), 3)
    if most ** len(letters) <= CANDIDATES:
        return [dict(zip(letters, values, strict=True)) for values in product(range(1, most + 1), repeat=len(letters))]
    sample = np.vstack([np.ones((1, len(letters)), dtype=int), rng.integers(1, most + 1, (CANDIDATES, len(letters)))])
    return [dict(zip(letters, map(int, values), strict=True)) for values in sample]


def _shape(sizes: Mapping[str, int], drawn: Sequence[Tensor]) -> Shape:
    return Shape(sizes, tuple((t, tuple(n.at(sizes) for n in t.shape)) for t in drawn))


@st.composite
def batches(draw: Any, choices: Sequence[Shape]) -> tuple[Shape, list[bytes]]:
    """A shape with one input or more. Every input may be the last, so that a failure shrinks to a single one."""
    shape = choices[draw(st.integers(0, len(choices) - 1))]
    one = st.binary(min_size=shape.bytes, max_size=shape.bytes)
    inputs = [draw(one)]
    while len(inputs) < shape.batch and draw(st.integers(0, 255)):
        inputs.append(draw(one))
    return shape, inputs


def table(rng: Generator) -> Array:
    """For each profile the number that each byte stands for."""
    k = np.arange(256)
    small = np.array([0.0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, -0.0, 1.5, -1.5, 0.25, -0.25, 4, -4])
    ordinary = np.concatenate([small, rng.normal(0, 1.5, 240)])
    sign = np.where(k % 2, -1.0, 1.0)
    rows = {
        "simple": small[k % 16],
        "ordinary": ordinary,
        "equal": ordinary,
        "outlier": ordinary,
        "close": 1.5 + (k // 4) * 2.0 ** -40,
        "large": sign * 10.0 ** np.where(k < 240, rng.uniform(1, 3.2, 256), rng.uniform(4, 120, 256)),
        "tiny": sign * 10.0 ** -np.where(k < 240, rng.uniform(2, 12, 256), rng.uniform(20, 170, 256)),
    }
    return np.stack([rows[name] for name in PROFILES])


def arrays(shape: Shape, inputs: Sequence[bytes], numbers: Array, sums: Mapping[str, int], *, always: bool = False
           ) -> dict[str, Array]:
    """The arrays that the bytes stand for, axis 0 counting the inputs.

    sums: tensors half of whose samples must sum to 1 along an axis, since a claim is about such; all, where always.
    """
    drawn = np.frombuffer(b"".join(inputs), dtype=np.uint8).reshape(len(inputs), -1)
    wild, twins = drawn[:, :1] >= WILD, np.isin(drawn[:, :1], TWINS)
    found, start = {}, 1
    for tensor, dims in shape.arrays:
        stop = start + 1 + int(np.prod(dims))
        head, body = drawn[:, start:start + 1], drawn[:, start + 1:stop]
        if tensor.role != "cotangent":
            head, body = np.where(twins, drawn[:, 1:2], head), np.where(twins, drawn[:, 2:3], body)
        looks = PROFILE_OF_BYTE[head]
        looks = np.where(wild | (looks != LARGE) & (looks != OUTLIER), looks, ORDINARY)
        every = (len(inputs), *(1,) * len(dims))
        array = _array(tensor, looks.reshape(every), body.reshape(-1, *dims), numbers)
        if tensor.name in sums:
            chosen = always | (head.reshape(every) % 2 == 0)
            array = np.where(chosen, _closing(array, sums[tensor.name] + 1), array)
        found[tensor.name] = array
        start = stop
    return found


def _array(tensor: Tensor, looks: NDArray[np.int64], body: Bytes, numbers: Array) -> Array:
    """The entries of a tensor, with its properties."""
    if "binary" in tensor.properties:
        return (body & 1).astype(np.float64)
    if "onehot" in tensor.properties:
        return np.asarray(np.eye(body.shape[-1])[body.argmax(-1)])
    if "simplex" in tensor.properties:
        return _summing_to_one(body % 16 / 16, body.ndim - 1)
    first = body.reshape(len(body), -1)[:, 0].reshape(looks.shape)
    body = np.where(looks == EQUAL, first, body)
    if "in(0,1)" in tensor.properties:
        return _unit_interval(body, looks)
    value = numbers[looks, body]
    top = body == body.max(axis=tuple(range(1, body.ndim)), keepdims=True) if body.ndim > 1 else np.ones(1, dtype=bool)
    value = np.where((looks == OUTLIER) & top, 1024 * value, value)
    if tensor.is_nonnegative:
        value = np.abs(value)
    if tensor.is_positive:
        value = np.where(value == 0, 1.0, value)
    return value


def _closing(value: Array, axis: int) -> Array:
    """Rounded to multiples of 2^-10, with a last one that makes the sum exactly 1."""
    return _summing_to_one(np.rint(np.clip(value, -8, 8) * 1024) / 1024, axis)


def _summing_to_one(value: Array, axis: int) -> Array:
    """The same with a last entry that makes the sum exactly 1: all are multiples of 2^-10. Not negative if none was."""
    value = np.moveaxis(value, axis, -1).copy()
    if (value >= 0).all():
        value = np.rint(value / np.maximum(value.sum(-1, keepdims=True), 1.0) * 512) / 1024
    value[..., -1] = 1 - value[..., :-1].sum(-1)
    return np.moveaxis(value, -1, axis)


def _unit_interval(body: Bytes, looks: NDArray[np.int64]) -> Array:
    """Between 0 and 1: 1/2 first, and sometimes very near an end."""
    middle = ((body.astype(np.int64) + 127) % 255 + 1) / 256
    return np.where(looks == TINY, 2.0 ** -30 * middle, np.where(looks == LARGE, 1 - 2.0 ** -30 * middle, middle))
