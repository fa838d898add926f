"""What a backward pass must be like, a row each: a name, the sentence that holds, and how a batch is looked at.

A check returns the first failure that it sees among the points of a trial. Numbers are compared with the bounds of
`derivs.testing.expected`; what rounding explains is never a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np

from derivs.bounded import TINY, UNIT, Array, Bounded, Mask
from derivs.testing.engine import Answer
from derivs.testing.expected import FLOAT32
from derivs.testing.strategies import given_cotangents
from derivs.testing.trial import CLOSE, EXTREME, LOSS, SLACK, Subject, Trial, batch_axis, rows_of

CERTAIN: Final = 1e10                  # units of one form's bound, which is no question of form any more
FEW: Final = 2                         # points of a batch at which a function is called more than once


@dataclass(frozen=True, slots=True)
class Failure:
    """A property that does not hold: at which point of which trial, at which entry of what, and what is there instead.

    off: the difference in units of the rounding bound. why: in words, where there are no two numbers to show.
    """

    property: str
    trial: Trial
    point: int
    name: str = ""
    at: tuple[int, ...] = ()
    got: float | None = None
    want: float | None = None
    off: float | None = None
    why: str = ""


Check = Callable[[Trial], Failure | None]


@dataclass(frozen=True, slots=True)
class Property:
    """holds: the sentence that is shown where it does. about: the gradient or result that it is about, if it is one.

    is_weakness: whether a failure makes the function inaccurate, and not wrong. calls_again: whether it is looked for
    by further calls, and so at fewer inputs. on_kinks: whether it is about points where there is no derivative.
    """

    name: str
    holds: str
    check: Check
    about: str = ""
    is_weakness: bool = False
    calls_again: bool = False
    on_kinks: bool = False


def properties(subject: Subject) -> tuple[Property, ...]:
    """Those that make sense for the functions under test, in the order in which they are reported."""
    found = [Property("returns", "it returns a result", returns),
             Property("shapes", "results have the shapes of what they are of", shapes)]
    found += [Property(f"value of {y}", f"the value of {y} is right", partial(value, f"value of {y}", y), y)
              for y in subject.outputs]
    for x in subject.gradients:
        name = f"gradient by {x.removesuffix('_bar')}"
        found.append(Property(name, f"the {name} is the proved one", partial(value, name, x), x))
    if subject.problem.kinks:
        found += [Property(f"kinks of {x.removesuffix('_bar')}", "on a kink it is what the exercise says",
                           partial(kink, f"kinks of {x.removesuffix('_bar')}", x), x, on_kinks=True)
                  for x in subject.gradients]
    found += [Property("dtypes", "float64 gives float64, float32 gives float32", dtypes, calls_again=True),
              Property("inputs", "inputs are not changed", mutated),
              Property("repeatable", "a second call gives the same", repeatable, calls_again=True)]
    if subject.gradients and {t.name for t in given_cotangents(subject.problem)} & subject.needs:
        found.append(Property("linear", "gradients are linear in the cotangent", linear, calls_again=True))
    if size := batch_axis(subject.problem):
        found.append(Property("rows", f"the rows along {size} do not depend on each other", partial(rows, size),
                              calls_again=True))
    found += [Property("accuracy", "nothing is lost beyond rounding", accuracy, is_weakness=True),
              Property("float32", "in float32 nothing is lost beyond its rounding", single, is_weakness=True,
                       calls_again=True)]
    return tuple(found)


# ---- values ----------------------------------------------------------------------------------------------------------

def _off(got: Array, want: Bounded, there: Mask) -> Array:
    """The distance in units of the bound, by entry; 0 where nothing is known, infinite where no number came back."""
    with np.errstate(all="ignore"):
        known = np.isfinite(want.value) & np.isfinite(want.error) & there.reshape(-1, *(1,) * (got.ndim - 1))
        distance = np.abs(got - want.value) / np.maximum(want.error, TINY)
        return np.where(known, np.where(np.isnan(got), np.inf, distance), 0.0)


def _compared(name: str, trial: Trial, where: Mask, *, coarse: bool = False) -> tuple[Array, Bounded, Array]:
    """What came back, the truth, and how far they are apart. Other proved forms are asked where it counts."""
    got, there = trial.said(name, coarse=coarse)
    widen = _in_float32 if coarse else _as_it_is
    want = widen(trial.true(name))
    if SLACK < np.max(_off(got, want, there & where), initial=0.0) < CERTAIN:
        want = widen(trial.true(name, widest=True))
    return got, want, _off(got, want, there & where)


def _as_it_is(want: Bounded) -> Bounded:
    return want


def _in_float32(want: Bounded) -> Bounded:
    """The bound, where every rounding is as much coarser; tiny numbers are 0 there."""
    return Bounded(want.value, FLOAT32 * (want.error + 2 * UNIT * np.abs(want.value)) + 1e-37)


def value(property: str, name: str, trial: Trial) -> Failure | None:
    """Wrong at an ordinary input, off every kink, by more than any loss of accuracy."""
    return _wrong(property, name, trial, trial.smooth & trial.ordinary)


def kink(property: str, name: str, trial: Trial) -> Failure | None:
    """The same on a kink whose derivative the exercise declares."""
    where = trial.on_declared_kink & trial.ordinary
    return _wrong(property, name, trial, where) if where.any() else None


def _wrong(property: str, name: str, trial: Trial, where: Mask) -> Failure | None:
    """The first entry that is wrong at these points; the others count as compared where that would have been seen."""
    got, want, off = _compared(name, trial, where)
    _, there = trial.said(name)
    with np.errstate(all="ignore"):
        seen = LOSS * want.error <= np.maximum(np.abs(want.value), CLOSE)
    trial.subject.compared[property] += int((seen.reshape(len(seen), -1).any(axis=1) & there & where).sum())
    return _first(property, name, trial, got, want, off, LOSS)


def accuracy(trial: Trial) -> Failure | None:
    """A small difference at ordinary inputs that rounding does not explain, or a large one at others."""
    for name in trial.subject.open:
        got, want, off = _compared(name, trial, trial.smooth)
        usual = trial.ordinary.reshape(-1, *(1,) * (got.ndim - 1))
        inaccurate = np.where(np.isinf(off) | np.where(usual, off > LOSS, off < EXTREME), 0.0, off)
        if failure := _first("accuracy", name, trial, got, want, inaccurate, SLACK):
            return failure
    return None


def single(trial: Trial) -> Failure | None:
    """A difference in float32 that its rounding does not explain."""
    points = trial.usual(FEW)
    near = trial.rounded(points)
    for name in trial.subject.open if points else ():
        found = _compared(name, near, near.ordinary & near.smooth, coarse=True)
        if failure := _first("float32", name, near, *found, SLACK):
            return failure
    return None


def _first(property: str, name: str, trial: Trial, got: Array, want: Bounded, off: Array, limit: float
           ) -> Failure | None:
    """The first entry that is off by more than the limit."""
    if not (off > limit).any():
        return None
    point, *at = (int(k) for k in np.argwhere(off > limit)[0])
    where = (point, *at)
    return Failure(property, trial, point, name, tuple(at), float(got[where]), float(want.value[where]),
                   float(off[where]))


# ---- what comes back -------------------------------------------------------------------------------------------------

def _answers(trial: Trial) -> Iterator[tuple[int, Answer]]:
    return ((k, trial.answer(k)) for k in range(trial.count))


def returns(trial: Trial) -> Failure | None:
    for k, answer in _answers(trial):
        if answer.error:
            return Failure("returns", trial, k, why=answer.error)
    return None


def shapes(trial: Trial) -> Failure | None:
    for k, answer in _answers(trial):
        for name, shape in answer.shapes.items():
            if name in trial.subject.problem.tensors and shape != trial.shape(name):
                return Failure("shapes", trial, k, name, why=f"it has the shape {shape}, not {trial.shape(name)}")
    return None


def dtypes(trial: Trial) -> Failure | None:
    for k, answer in _answers(trial):
        for name, dtype in answer.dtypes.items():
            if dtype != "float64":
                return Failure("dtypes", trial, k, name, why=f"it is of dtype {dtype}, not float64")
    for k in trial.usual(1):
        for name, dtype in trial.coarse(k).dtypes.items():
            if dtype != "float32":
                return Failure("dtypes", trial, k, name, why=f"where all inputs are float32, it is of dtype {dtype}")
    return None


def mutated(trial: Trial) -> Failure | None:
    for k, answer in _answers(trial):
        for name in answer.mutated:
            return Failure("inputs", trial, k, name, why="it is another array after the call")
    return None


def repeatable(trial: Trial) -> Failure | None:
    for k in range(min(trial.count, FEW)):
        calls = [trial.answer(k), *(trial.subject.runner(trial.values(k)) for _ in range(FEW))]
        for first, second in pairwise(calls):
            if failure := _another(trial, k, first, second):
                return failure
    return None


def _another(trial: Trial, point: int, first: Answer, second: Answer) -> Failure | None:
    """Where a second answer to the same question differs from the first; one that was not asked says nothing."""
    if not second.values and not second.error:
        return None
    for name, said in first.values.items():
        again = second.values.get(name)
        if again is None or said.shape != again.shape:
            why = second.error or "the second call has another shape"
            return Failure("repeatable", trial, point, name, why=why)
        differs = np.argwhere(~((said == again) | np.isnan(said) & np.isnan(again)))
        if len(differs):
            at = tuple(int(i) for i in differs[0])
            why = f"one call gives {said[at]:g}, the next {again[at]:g}"
            return Failure("repeatable", trial, point, name, at, why=why)
    return None


# ---- several calls ---------------------------------------------------------------------------------------------------

def linear(trial: Trial) -> Failure | None:
    """f(x, g + h) = f(x, g) + f(x, h), for g and h of few digits, so that g + h is exact."""
    names = [tensor.name for tensor in given_cotangents(trial.subject.problem)]
    for k in trial.usual(1):
        ours = {name: _short(trial.points[name][k]) for name in names}
        other = {name: _pattern(trial.points[name][k].shape) for name in names}
        cotangents = {name: np.stack([ours[name], other[name], ours[name] + other[name]]) for name in names}
        near = trial.at({name: cotangents[name] if name in cotangents else np.repeat(array[k:k + 1], 3, axis=0)
                         for name, array in trial.points.items()})
        for name in trial.subject.gradients:
            got, there = near.said(name)
            if there.all() and np.isfinite(got).all():
                bound = near.true(name).error.sum(axis=0)
                if failure := _sum("linear", near, 2, name, got[2], got[0] + got[1], bound, got):
                    return failure
    return None


def rows(size: str, trial: Trial) -> Failure | None:
    """The results for all rows are those for the first row and those for the others, or their sum."""
    problem = trial.subject.problem
    if trial.sizes[size] < 2:
        return None
    for k in trial.usual(1):
        whole = trial.at({name: array[k:k + 1] for name, array in trial.points.items()})
        parts = [trial.at(*_cut(whole, size, take)) for take in (slice(0, 1), slice(1, None))]
        for name in (*trial.subject.outputs, *trial.subject.gradients):
            said = [one.said(name) for one in (whole, *parts)]
            if not all(there.all() and np.isfinite(got).all() for got, there in said):
                continue
            (got, _), (first, _), (second, _) = said
            axis = rows_of(problem, name, size)
            bounds = [one.true(name).error[0] for one in parts]
            together = np.concatenate([first[0], second[0]], axis) if axis is not None else first[0] + second[0]
            bound = np.concatenate(bounds, axis) if axis is not None else bounds[0] + bounds[1]
            if failure := _sum("rows", whole, 0, name, got[0], together, bound + whole.true(name).error[0], got):
                return failure
    return None


def _cut(trial: Trial, size: str, rows: slice) -> tuple[Mapping[str, Array], Mapping[str, int]]:
    """Some of the rows alone."""
    points = {}
    for name, array in trial.points.items():
        axis = rows_of(trial.subject.problem, name, size)
        points[name] = array if axis is None else array[(slice(None),) * (axis + 1) + (rows,)]
    return points, {**trial.sizes, size: len(range(trial.sizes[size])[rows])}


def _sum(property: str, trial: Trial, point: int, name: str, whole: Array, parts: Array, bound: Array, got: Array
         ) -> Failure | None:
    """Whether the whole is the sum of its parts, as far as the rounding of what came back can tell."""
    tolerance = LOSS * (bound + 8 * UNIT * np.abs(got).max(initial=0.0))
    distance = np.abs(whole - parts)
    if not (distance > np.maximum(tolerance, TINY)).any():
        return None
    at = tuple(int(i) for i in np.argwhere(distance > tolerance)[0])
    return Failure(property, trial, point, name, at, float(whole[at]), float(parts[at]))


def _short(array: Array) -> Array:
    """Multiples of 1/4 up to 8."""
    return np.rint(np.clip(array, -8, 8) * 4) / 4


def _pattern(shape: tuple[int, ...]) -> Array:
    """1, -2, 3, 1, -2, 3, ..."""
    return np.resize(np.array([1.0, -2.0, 3.0]), shape)
