"""Stochastic gradient descent with momentum: the layers have the gradients, nothing is differentiated here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from classifiers.data import Array, Digits, Part
from classifiers.layers import Flat, Layer, verified
from classifiers.losses import Loss

MOMENTUM = 0.9
BATCH = 32


class Network:
    """Layers one after the other, and a loss. Raises DerivsError where the gradients of one are not verified."""

    def __init__(self, layers: Sequence[Layer | Flat], loss: Loss, *, as_images: bool = False) -> None:
        self.layers, self.loss, self.as_images = tuple(layers), loss, as_images
        for exercise in self.exercises():
            verified(exercise)

    def exercises(self) -> tuple[str, ...]:
        """Those that the layers are, in their order."""
        return tuple(layer.exercise for layer in (*self.layers, self.loss) if layer.exercise)

    def parameters(self) -> Iterator[tuple[Layer | Flat, str, Array]]:
        """Every array that is learnt, with its layer and its name there."""
        for layer in (*self.layers, self.loss):
            for name, array in layer.parameters.items():
                yield layer, name, array

    def forward(self, x: Array, t: Array) -> float:
        """The loss of a batch."""
        for layer in self.layers:
            x = layer.forward(x)
        return float(self.loss.forward(x, t=t))

    def backward(self) -> Array:
        """The gradient by the batch itself; those by the parameters stay with their layers."""
        dx = self.loss.backward()
        for layer in reversed(self.layers):
            dx = layer.backward(dx)
        return dx

    def accuracy(self, part: Part) -> float:
        """The share of images that are told rightly."""
        x = part.inputs(self.as_images)
        for layer in self.layers:
            x = layer.predict(x)
        return float(self.loss.right(x, self.loss.labels(part)).mean())


@dataclass
class Curve:
    """What was seen after every epoch: the mean loss of its batches, and accuracies."""

    loss: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)


def train(network: Network, digits: Digits, rate: float, epochs: int, rng: np.random.Generator) -> Curve:
    """v ← momentum v - rate ∂L/∂θ, θ ← θ + v, batch by batch in an order that is shuffled every epoch."""
    x, t = digits.train.inputs(network.as_images), network.loss.labels(digits.train)
    velocities = [np.zeros_like(array) for _, _, array in network.parameters()]
    curve = Curve()
    for _ in range(epochs):
        losses = []
        for batch in np.array_split(rng.permutation(len(x)), max(1, len(x) // BATCH)):
            losses.append(network.forward(x[batch], t[batch]))
            network.backward()
            for (layer, name, array), v in zip(network.parameters(), velocities, strict=True):
                v *= MOMENTUM
                v -= rate * layer.gradients[name]
                array += v
        curve.loss.append(float(np.mean(losses)))
        curve.validation.append(network.accuracy(digits.validation))
        curve.test.append(network.accuracy(digits.test))
    return curve
