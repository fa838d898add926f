"""Exported modules, run: random inputs, and what the formulas say of them with bounds on rounding."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from derivs import library
from derivs.arrays import Batch
from derivs.bounded import Array, Bounded, exactly
from derivs.export import Module, export
from derivs.export.formulas import means
from derivs.export.passes import Passes
from derivs.export.stable import stable
from derivs.problem import Definition, Problem, Tensor, bar
from derivs.samples import Shape, arrays, shapes, table

HERE = Path(__file__).parent
TEXTBOOK = tuple(sorted(str(path.relative_to(HERE.parent)) for path in (HERE / "textbook").glob("*.toml")))
EXERCISES = (*library.names(), *TEXTBOOK)
PLAIN = tuple(name for name in EXERCISES if "two_layer_mlp" not in name)          # there f is anybody's function
INPUTS = 24                            # of one shape
SLACK = 1                              # the bounds of both formulas are added up: the truth has one, the code the other


def named(name: str) -> str:
    return Path(name).stem


@cache
def problem_of(name: str) -> Problem:
    return library.load(str(HERE.parent / name) if name in TEXTBOOK else name)


@cache
def exported(name: str, target: str = "numpy") -> Module:
    return export(problem_of(name), target, passes_of_problem(problem_of(name), target == "numpy"))


@cache
def loaded(name: str, target: str = "numpy") -> ModuleType:
    """The module, run."""
    module = ModuleType(f"{named(name)}_{target}")
    exec(compile(exported(name, target).text, f"<{named(name)} for {target}>", "exec"), module.__dict__)
    return module


def square(u: Any) -> Any:
    return u * u


def twice(u: Any) -> Any:
    return 2 * u


@dataclass
class Inputs:
    """Inputs of one shape: the sizes, and every array with axis 0 counting the inputs."""

    problem: Problem
    sizes: Mapping[str, int]
    arrays: Mapping[str, Array]

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def forward(self, k: int, module: Module, kind: Any = np.asarray) -> list[Any]:
        """The arguments of the forward pass for input k."""
        labels = passes_labels(self.problem)
        integers = [self.sizes[name] - (name in labels) for name in self.problem.sizes if name in module.integers]
        functions = [square, twice][:len(module.functions)]
        return [*(kind(self.arrays[t.name][k]) for t in self.problem.inputs), *functions, *integers]

    def upstream(self, k: int, kind: Any = np.asarray) -> list[Any]:
        """The cotangents of input k; none for a loss."""
        return [] if is_loss(self.problem) else [kind(self.arrays[bar(y)][k]) for y in self.problem.outputs]


def is_loss(problem: Problem) -> bool:
    return problem.definition(problem.loss) is not None


def passes_labels(problem: Problem) -> frozenset[str]:
    """The letters that are the number of a class."""
    return frozenset(problem.sizes) - frozenset[str]().union(
        *(form.names for t in problem.tensors.values() for form in t.shape))


def cotangents(problem: Problem) -> list[Tensor]:
    return [] if is_loss(problem) else [problem.tensors[bar(y)] for y in problem.outputs]


def samples(problem: Problem, inputs: int = INPUTS, seed: int = 0) -> Iterator[Inputs]:
    """Inputs of every shape that `derivs.samples` chooses: the sizes at their least, all different, and others."""
    rng = np.random.default_rng(seed)
    numbers = table(rng)
    for shape in shapes(problem, (*problem.inputs, *cotangents(problem)), rng):
        yield drawn(problem, shape, inputs, numbers, rng)


def drawn(problem: Problem, shape: Shape, inputs: int, numbers: Array, rng: np.random.Generator) -> Inputs:
    bytes_ = [rng.bytes(shape.bytes) for _ in range(inputs)]
    return Inputs(problem, shape.sizes, arrays(shape, bytes_, numbers, {}))


def as_defined(inputs: Inputs) -> Batch:
    """What the definitions, and the gradients as reverse mode gives them, are at the inputs."""
    problem = inputs.problem
    passes = passes_of_problem(problem)
    return _batch(inputs, {**passes.graph.adjoints(), **{d.tensor: d for d in problem.definitions}})


def as_written(inputs: Inputs) -> Batch:
    """The same by the formulas that became code, which may be known better or worse."""
    problem = inputs.problem
    passes = passes_of_problem(problem)
    forward = {d.tensor: d for d in problem.definitions}
    found: dict[str, Definition] = dict(passes.graph.adjoints())
    for tensor, formula in passes.chosen.items():
        found[bar(tensor)] = Definition(bar(tensor), formula.indices, stable(means(formula.tree), forward))
    for name, d in forward.items():
        found[name] = Definition(name, d.indices, stable(d.value, forward))
    return _batch(inputs, found)


_PASSES: dict[tuple[str, bool], Passes] = {}


def passes_of_problem(problem: Problem, by_offsets: bool = False) -> Passes:
    key = problem.name, by_offsets
    if key not in _PASSES:
        _PASSES[key] = Passes(problem, by_offsets)
    return _PASSES[key]


def _batch(inputs: Inputs, definitions: Mapping[str, Definition]) -> Batch:
    given = {name: exactly(array) for name, array in inputs.arrays.items()}
    if is_loss(inputs.problem):
        given[bar(inputs.problem.loss)] = exactly(np.ones(len(inputs)))
    return Batch(inputs.sizes, inputs.problem.tensors, given, definitions)


def told_apart(found: Array, k: int, exact: Bounded, own: Bounded) -> Array:
    """How far an exported value is from the truth, in units of what rounding allows; nan where nothing is known."""
    value, error = (np.broadcast_to(part, exact.value.shape)[k if exact.value.shape[0] > 1 else 0]
                    for part in (exact.value, exact.error))
    own_error = np.broadcast_to(own.error, own.value.shape)[k if own.value.shape[0] > 1 else 0]
    allowed = SLACK * (error + own_error) + np.finfo(float).tiny
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        off = np.abs(np.asarray(found, dtype=float) - value) / allowed
    return np.where(np.isfinite(allowed) & np.isfinite(value), np.where(np.isnan(off), np.inf, off), np.nan)


def run(name: str, inputs: Inputs, k: int, target: str = "numpy", kind=np.asarray):
    """What comes out, by name: the outputs and the gradients."""
    module, code = exported(name, target), loaded(name, target)
    problem = inputs.problem
    out, cache = getattr(code, f"{module.name}_forward")(*inputs.forward(k, module, kind))
    backward = getattr(code, f"{module.name}_backward")
    gradients = backward(cache) if is_loss(problem) else backward(*inputs.upstream(k, kind), cache)
    outputs = (problem.loss,) if is_loss(problem) else problem.outputs
    found = dict(zip(outputs, out if isinstance(out, tuple) else (out,), strict=True))
    return found | dict(zip((bar(g.by) for g in module.gradients),
                            gradients if isinstance(gradients, tuple) else (gradients,), strict=True))


def compared(name: str, target: str, inputs: int, kind=np.asarray, shapes: int = 8) -> tuple[int, int]:
    """How many entries were compared with the truth, and how many there are; an AssertionError where one is off."""
    known = total = 0
    for drawn in list(samples(problem_of(name), inputs))[:shapes]:
        truth, own = as_defined(drawn), as_written(drawn)
        for k in range(len(drawn)):
            for what, value in run(name, drawn, k, target, kind).items():
                exact = truth.tensor(what)
                assert np.shape(value) == exact.value.shape[1:], f"{what} at {dict(drawn.sizes)}"
                off = told_apart(np.asarray(value), k, exact, own.tensor(what))
                assert not (off > 1).any(), f"{what} at {dict(drawn.sizes)}: {np.nanmax(off)} times the bound"
                known, total = known + int((~np.isnan(off)).sum()), total + off.size
    return known, total


def ordinary(name: str, dtype=np.float64, shape: int = -1) -> Inputs:
    """One input with ordinary numbers, the sizes as different as can be."""
    problem = problem_of(name)
    drawn = list(samples(problem, 1))[shape]
    rng = np.random.default_rng(1)
    found = {}
    for tensor, array in drawn.arrays.items():
        declared = problem.tensors[tensor]
        if declared.properties & {"binary", "onehot", "simplex"}:
            found[tensor] = array.astype(dtype)
        elif declared.is_positive:
            found[tensor] = rng.uniform(0.1, 0.9, array.shape).astype(dtype)
        else:
            found[tensor] = rng.normal(0, 1, array.shape).astype(dtype)
    return Inputs(problem, drawn.sizes, found)
