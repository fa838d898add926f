"""An exercise as a layer: its exported forward and backward pass, verified before they are used."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np

from classifiers.data import Array
from derivs import testing
from derivs.errors import DerivsError
from derivs.export import Module, export
from derivs.library import load
from derivs.problem import Problem
from derivs.testing import Report
from derivs.verdict import Proved

HERE = Path(__file__).parent
EXAMPLES = 100                         # random inputs at which an exported pass is tried


@dataclass(frozen=True)
class Exported:
    """An exercise, the module that `derivs export` makes of it, and that module imported."""

    problem: Problem
    module: Module
    code: ModuleType


@cache
def exported(exercise: str) -> Exported:
    """One of the package's exercises, or a declaration beside this file, as NumPy."""
    declared = HERE / f"{exercise}.toml"
    problem = load(str(declared) if declared.exists() else exercise)
    module = export(problem, "numpy")
    with TemporaryDirectory() as folder:                     # as `derivs export EXERCISE --to numpy -o FILE` does
        path = Path(folder) / f"{module.name}.py"
        path.write_text(module.text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(module.name, path)
        assert spec is not None and spec.loader is not None
        code = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(code)
    return Exported(problem, module, code)


@cache
def verified(exercise: str) -> Report:
    """What the property suite says of the exported passes.

    Raises DerivsError where a gradient is not proved or a property does not hold.
    """
    found = exported(exercise)
    for gradient in found.module.gradients:
        if not isinstance(gradient.verdict, Proved):
            raise DerivsError(f"{gradient.formula} is not proved", where=exercise, mend="do not train with it")
    name = found.module.name
    report = testing.check(found.problem, forward=getattr(found.code, f"{name}_forward"),
                           backward=getattr(found.code, f"{name}_backward"), examples=EXAMPLES)
    if not report.ok:
        raise DerivsError(str(report), where=exercise, mend="do not train with it")
    return report


class Layer:
    """y = f(x; parameters) by an exported forward pass, and the gradients by the backward pass exported with it."""

    def __init__(self, exercise: str, x: str = "x", **given: Any) -> None:
        """x: how the exercise calls what comes from the layer before. given: its other inputs, by their names."""
        found = exported(exercise)
        self.exercise, self.x, self.given = exercise, x, given
        self._forward = getattr(found.code, f"{found.module.name}_forward")
        self._backward = getattr(found.code, f"{found.module.name}_backward")
        self.learnt = [gradient.name.removeprefix("d") for gradient in found.module.gradients]     # dW is by W
        self.gradients: dict[str, Array] = {}

    @property
    def parameters(self) -> dict[str, Array]:
        """What training changes."""
        return {name: self.given[name] for name in self.learnt if name != self.x}

    def forward(self, x: Array, **more: Array) -> Array:
        """What comes out, while training."""
        y, self.cache = self._forward(**{self.x: x}, **self.given, **more)
        return y

    def backward(self, *dy: Array) -> Array:
        """The gradient by x; those by the parameters are kept in `gradients`."""
        found = self._backward(*dy, self.cache)
        self.gradients = dict(zip(self.learnt, found if isinstance(found, tuple) else (found,), strict=True))
        return self.gradients.pop(self.x)

    def predict(self, x: Array) -> Array:
        """What comes out, after training."""
        return self.forward(x)


class Entrywise(Layer):
    """A layer that the exercise has for matrices, on arrays of any shape, since it takes each entry by itself."""

    def forward(self, x: Array, **more: Array) -> Array:
        return super().forward(x.reshape(len(x), -1), **more).reshape(x.shape)

    def backward(self, *dy: Array) -> Array:
        return super().backward(*(one.reshape(len(one), -1) for one in dy)).reshape(dy[0].shape)


class Flat:
    """Images as vectors: no arithmetic, so nothing to export."""

    exercise = ""
    parameters: Mapping[str, Array] = {}
    gradients: Mapping[str, Array] = {}

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy: Array) -> Array:
        return dy.reshape(self.shape)

    predict = forward


class Dropout(Layer):
    """Keeps an entry with probability p while training, and every entry afterwards."""

    def __init__(self, p: float, rng: np.random.Generator) -> None:
        super().__init__("dropout_batch", p=p)
        self.p, self.rng = p, rng

    def forward(self, x: Array, **more: Array) -> Array:
        return super().forward(x, m=(self.rng.random(x.shape) < self.p).astype(x.dtype))

    def predict(self, x: Array) -> Array:
        return x


class BatchNorm(Layer):
    """Normalises a channel by its batch while training, and afterwards by what running averages know of all batches."""

    EPSILON, KEPT = 1e-5, 0.9                                # KEPT: of an average when a batch is added to it

    def __init__(self, channels: int) -> None:
        super().__init__("batchnorm_images", gamma=np.ones(channels), beta=np.zeros(channels), epsilon=self.EPSILON)
        self.mean, self.variance = np.zeros((channels, 1, 1)), np.ones((channels, 1, 1))

    def forward(self, x: Array, **more: Array) -> Array:
        for average, here in ((self.mean, x.mean(axis=(0, 2, 3))), (self.variance, x.var(axis=(0, 2, 3)))):
            average += (1 - self.KEPT) * (here[:, None, None] - average)
        return super().forward(x)

    def predict(self, x: Array) -> Array:
        gamma, beta = (self.given[name][:, None, None] for name in ("gamma", "beta"))
        return gamma * (x - self.mean) / np.sqrt(self.variance + self.EPSILON) + beta
