"""The last layer: a loss of a batch with its labels, and whether what comes out of the network is right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from classifiers.data import Array, Part
from classifiers.layers import Layer


class Loss(Layer):
    """L = f(x, t; parameters). Its backward pass starts from ∂L/∂L = 1."""

    def labels(self, part: Part) -> Array:
        """The labels as the exercise has them."""
        raise NotImplementedError

    def right(self, x: Array, t: Array) -> NDArray[np.bool_]:
        """Which images are told rightly."""
        raise NotImplementedError


class Softmax(Loss):
    """Cross-entropy of a softmax: a logit for each digit; the largest is the answer."""

    def __init__(self) -> None:
        super().__init__("softmax_loss")

    def labels(self, part: Part) -> Array:
        return part.one_hot()

    def right(self, x: Array, t: Array) -> NDArray[np.bool_]:
        return x.argmax(axis=1) == t.argmax(axis=1)


class Margin(Loss):
    """Logistic or hinge loss of scores w · x + b, for labels 1 and -1; the sign of the score is the answer."""

    def __init__(self, exercise: str, inputs: int) -> None:
        super().__init__(exercise, w=np.zeros(inputs), b=np.zeros(()))

    def labels(self, part: Part) -> Array:
        return part.odd_or_even()

    def right(self, x: Array, t: Array) -> NDArray[np.bool_]:
        w, b = self.given["w"], self.given["b"]
        return t * (x @ w + b) > 0


