"""A batch of inputs with the truth there and what somebody's function answers; each is worked out when it is asked for.

A runner answers one input at a time, as an Engine does; it may as well be a function in another process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from derivs.affine import symbol
from derivs.arrays import Batch
from derivs.bounded import Array, Bounded, Mask
from derivs.expr import Entry, forms, walk
from derivs.problem import Problem, bar
from derivs.testing.engine import CACHE, Answer, Plan, Values
from derivs.testing.exact import as_float, exact_value
from derivs.testing.example import Example
from derivs.testing.expected import Truth
from derivs.testing.kinks import on_kink

Runner = Callable[[Values], Answer]

# In units of the rounding bound of our own forms, at ordinary inputs. A softmax that subtracts its maximum first is
# some 5 bounds away, a variance as mean square minus squared mean up to the condition of the data, 2^13 here.
SLACK: Final = 64.0                    # what another order of operations may cost; beyond that it loses accuracy
LOSS: Final = 1e6                      # beyond that it is wrong
EXTREME: Final = 1e4                   # at inputs out of the ordinary: beyond that it loses accuracy, however much
LARGE: Final = 8.0                     # ordinary entries are not larger, and neither they nor
CLOSE: Final = 2.0 ** -10              # their differences are smaller, unless they are 0


@dataclass
class Subject:
    """Functions under test: how they are called, and who calls them. coarse: the runner in float32.

    wrong: the gradients and results of which that is known already, so that nobody asks how accurate they are.
    compared: at how many inputs a property of values was looked at, to more than the digits that rounding leaves.
    """

    problem: Problem
    truth: Truth
    plan: Plan
    runner: Runner
    coarse: Runner
    wrong: set[str] = field(default_factory=set)
    compared: Counter[str] = field(default_factory=Counter)

    @cached_property
    def gradients(self) -> tuple[str, ...]:
        """The names of the gradients that are to come back, `x_bar`."""
        return tuple(bar(tensor) for tensor in self.plan.returns if tensor)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The results of the forward pass, where there is one."""
        return self.plan.outputs if self.plan.kind in ("forward", "vjp") or self.plan.forward else ()

    @cached_property
    def indices(self) -> frozenset[str]:
        """The integers of the exercise that are no lengths but places: the y of s_y."""
        problem = self.problem
        places = {form.bare for d in problem.definitions for node in walk(d.value) if isinstance(node, Entry)
                  for form in node.at}
        lengths = {name for t in problem.tensors.values() for form in t.shape for name in form.names}
        return frozenset(name for name in problem.sizes if name in places and name not in lengths)

    @property
    def open(self) -> tuple[str, ...]:
        """The results and gradients that are not known to be wrong."""
        return tuple(name for name in (*self.outputs, *self.gradients) if name not in self.wrong)

    @cached_property
    def needs(self) -> frozenset[str]:
        """What the functions are given: inputs, cotangents, saved nodes and sizes."""
        return frozenset({*self.plan.arguments.values(), *self.plan.forward.values(), *self.plan.cotangents} - {CACHE})


@dataclass
class Trial:
    """Points of one shape."""

    subject: Subject
    sizes: Mapping[str, int]
    points: Mapping[str, Array]
    _answers: dict[int, Answer] = field(default_factory=dict)
    _coarse: dict[int, Answer] = field(default_factory=dict)
    _true: dict[tuple[str, bool], Bounded] = field(default_factory=dict)

    @cached_property
    def count(self) -> int:
        return max((len(array) for array in self.points.values()), default=1)

    @cached_property
    def batch(self) -> Batch:
        return self.subject.truth.batch(self.sizes, self.points)

    @cached_property
    def blurred(self) -> Batch:
        return self.subject.truth.batch(self.sizes, self.points, blurred=True)

    def true(self, name: str, *, widest: bool = False) -> Bounded:
        """A node or a cotangent at every point, with a bound for any order of operations.

        widest: with the largest bound of all the forms that are proved, which takes longer.
        """
        if (name, widest) not in self._true:
            truth = self.subject.truth
            found = truth.value(name, self.blurred, widest=widest)
            if not np.isfinite(found.error).all():             # two equal inputs may be compared, which blurring hides
                exact = truth.value(name, self.batch, widest=widest)
                found = Bounded(exact.value, np.where(np.isfinite(found.error), found.error, exact.error))
            self._true[name, widest] = found
        return self._true[name, widest]

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(n.at(self.sizes) for n in self.subject.problem.tensors[name].shape)

    def example(self, k: int) -> Example:
        return Example(dict(self.sizes), {name: array[k] for name, array in self.points.items()})

    def values(self, k: int) -> Values:
        """What the functions are given at a point."""
        found: dict[str, NDArray[Any] | int | float] = {}
        for name in self.subject.needs:
            if name in self.points:
                found[name] = self.points[name][k]
            elif name in self.sizes:           # a class y is counted from 0 in code
                found[name] = self.sizes[name] - (name in self.subject.indices)
            else:
                found[name] = self._saved(name, k)
        return found

    def _saved(self, name: str, k: int) -> Array:
        """A node that the forward pass has saved: where its formula overflows, what it really is, if that is known."""
        value = np.array(self.true(name).value[k])
        if np.isfinite(value).all():
            return value
        arrays = {tensor: array[k] for tensor, array in self.points.items()}
        for place in map(tuple, np.argwhere(~np.isfinite(value))):
            exact = exact_value(self.subject.truth, self.sizes, arrays, name, place)
            known = None if exact is None else as_float(exact)
            value[place] = np.nan if known is None else known
        return value

    def answer(self, k: int) -> Answer:
        """What the function says at a point; asked once."""
        if k not in self._answers:
            self._answers[k] = self.subject.runner(self.values(k))
        return self._answers[k]

    def coarse(self, k: int) -> Answer:
        """What it says in float32."""
        if k not in self._coarse:
            self._coarse[k] = self.subject.coarse(self.values(k))
        return self._coarse[k]

    def said(self, name: str, *, coarse: bool = False) -> tuple[Array, Mask]:
        """The answers as one array beside `true`, and where there are any of the right shape."""
        shape = self.shape(name)
        values, there = np.full((self.count, *shape), np.nan), np.zeros(self.count, dtype=bool)
        for k in range(self.count):
            value = (self.coarse(k) if coarse else self.answer(k)).values.get(name)
            if value is not None and value.shape == shape:
                values[k], there[k] = value, True
        return values, there

    # ---- which points

    @cached_property
    def smooth(self) -> Mask:
        """The points off every kink."""
        return np.asarray(~on_kink(self.subject.problem, self.batch))

    @cached_property
    def on_declared_kink(self) -> Mask:
        """The points where the exercise itself says what the derivative is, and no other kink is near."""
        return np.asarray(on_kink(self.subject.problem, self.batch, declared=True))

    @cached_property
    def ordinary(self) -> Mask:
        """The points without large, tiny or almost equal numbers."""
        found = np.ones(self.count, dtype=bool)
        for array in self.points.values():
            flat = np.sort(array.reshape(len(array), -1), axis=1)
            parts = np.abs(np.concatenate([flat, np.diff(flat, axis=1)], axis=1))
            found &= ((parts == 0) | (parts >= CLOSE) & (parts <= LARGE)).all(axis=1)
        return found

    def usual(self, most: int) -> list[int]:
        """A few ordinary points off every kink."""
        return [int(k) for k in np.flatnonzero(self.ordinary & self.smooth)[:most]]

    def at(self, points: Mapping[str, Array], sizes: Mapping[str, int] | None = None) -> Trial:
        """Other inputs for the same function."""
        return Trial(self.subject, self.sizes if sizes is None else sizes, points)

    def rounded(self, points: Sequence[int]) -> Trial:
        """Some of the points, in numbers that float32 has."""
        return self.at({name: array[points].astype(np.float32).astype(np.float64)
                        for name, array in self.points.items()})


def batch_axis(problem: Problem) -> str:
    """The size of an axis along which every row of the results depends on the same row of the inputs alone, or ""."""
    if problem.definition(problem.loss) is not None:
        return ""
    inputs = [tensor.name for tensor in problem.inputs if tensor.role == "input"]
    return next((size for size in problem.sizes if _is_batch(problem, size) and all(
        any(_axis(problem, name, size) is not None for name in names) for names in (inputs, problem.outputs))), "")


def _axis(problem: Problem, tensor: str, size: str) -> int | None:
    shape = problem.tensors[tensor].shape
    found = [k for k, form in enumerate(shape) if size in form.names]
    return found[0] if len(found) == 1 and shape[found[0]] == symbol(size) else None


def rows_of(problem: Problem, tensor: str, size: str) -> int | None:
    """The axis of a tensor that counts the rows, None where it has none."""
    return _axis(problem, tensor, size)


def _is_batch(problem: Problem, size: str) -> bool:
    """Whether the formulas read that axis at the row that they define, and speak of the size nowhere."""
    others = {t.name for t in problem.tensors.values() if t.role != "cotangent"
              and any(size in form.names for form in t.shape) and _axis(problem, t.name, size) is None}
    if others:
        return False
    for definition in problem.definitions:
        own = _axis(problem, definition.tensor, size)
        row = symbol(definition.indices[own]) if own is not None else None
        for node in walk(definition.value):
            if isinstance(node, Entry):
                axis = _axis(problem, node.tensor, size)
                if axis is not None and (row is None or node.at[axis] != row):
                    return False
            elif any(size in form.names for form in forms(node)):
                return False
    return True


def in_float32(plan: Plan) -> Plan:
    """The same calls with arrays of float32."""
    return replace(plan, dtype="float32")
