"""Every model trained from several seeds, and what its curves say together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import mean

import numpy as np

from classifiers.data import Digits, digits
from classifiers.models import MODELS, Model
from classifiers.training import Curve, train

SEEDS = (0, 1, 2)
RATES = (0.01, 0.02, 0.05, 0.1)        # the rate of a model is the one of these that is best on the validation images,
RATE_SEED = 100                        # from a seed that the table does not use


@dataclass(frozen=True)
class Runs:
    """A model, the exercises that its layers are, and its curve from every seed."""

    model: Model
    layers: tuple[str, ...]
    curves: tuple[Curve, ...]

    @property
    def accuracies(self) -> list[float]:
        """Per cent of the test images, after the last epoch."""
        return [100 * curve.test[-1] for curve in self.curves]

    def said(self) -> str:
        """Mean and range."""
        low, high = min(self.accuracies), max(self.accuracies)
        return f"{mean(self.accuracies):.1f} ({low:.1f} to {high:.1f})"


def run(model: Model, seed: int, data: Digits | None = None) -> tuple[tuple[str, ...], Curve]:
    """One training from a seed, which draws the weights, the order of the images and the masks of dropout."""
    rng = np.random.default_rng(seed)
    network = model.build(rng)
    return network.exercises(), train(network, data or digits(), model.rate, model.epochs, rng)


def runs() -> Iterator[Runs]:
    """The models in the order of the table."""
    for model in MODELS:
        found = [run(model, seed) for seed in SEEDS]
        yield Runs(model, found[0][0], tuple(curve for _, curve in found))


def by_rate(model: Model) -> dict[float, float]:
    """Per cent of the validation images for each rate: what the rates in the table of models were chosen by."""
    return {rate: 100 * run(replace(model, rate=rate), RATE_SEED)[1].validation[-1] for rate in RATES}
