"""The classifiers of the homework, each a row: its layers, how it is trained here, and what the homework reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from classifiers.data import CLASSES, Array
from classifiers.layers import BatchNorm, Dropout, Entrywise, Flat, Layer
from classifiers.losses import Margin, Softmax
from classifiers.training import Network

PIXELS = 8 * 8
HIDDEN = 100                           # units of a hidden layer; the homework has 1000, and 100 behind the convolution
FILTERS, SIZE = 16, 3                  # of 3 by 3; the homework's are 7 by 7, on images of 28 by 28
POOLED = FILTERS * ((8 - SIZE + 1) // 2)**2
KEPT = 0.8                             # the homework's "rate of dropout", here the share of entries that is kept


@dataclass(frozen=True)
class Model:
    """A row of the table. reported: per cent of test images, in the homework, on another data set."""

    name: str
    title: str
    build: Callable[[np.random.Generator], Network]
    rate: float
    epochs: int
    reported: float
    question: str


def normal(rng: np.random.Generator, shape: tuple[int, ...], inputs: int) -> Array:
    """Weights whose variance is 2 / inputs (He et al. 2015, eq. 10)."""
    return rng.normal(0, np.sqrt(2 / inputs), shape)


def linear(rng: np.random.Generator, inputs: int, outputs: int) -> Layer:
    return Layer("linear_batch", W=normal(rng, (outputs, inputs), inputs), b=np.zeros(outputs))


def convolution(rng: np.random.Generator) -> Layer:
    return Layer("conv_valid", "X", W=normal(rng, (FILTERS, 1, SIZE, SIZE), SIZE * SIZE), b=np.zeros(FILTERS))


def relu() -> Layer:
    return Entrywise("relu", "X")


def hidden(rng: np.random.Generator, inputs: int = PIXELS) -> list[Layer]:
    return [linear(rng, inputs, HIDDEN), relu()]


def logistic(rng: np.random.Generator) -> Network:
    return Network([], Margin("logistic_loss", PIXELS))


def logistic_2(rng: np.random.Generator) -> Network:
    return Network(hidden(rng), Margin("logistic_loss", HIDDEN))


def hinge(rng: np.random.Generator) -> Network:
    return Network([], Margin("hinge_loss", PIXELS))


def hinge_2(rng: np.random.Generator) -> Network:
    return Network(hidden(rng), Margin("hinge_loss", HIDDEN))


def softmax(rng: np.random.Generator) -> Network:
    return Network([linear(rng, PIXELS, CLASSES)], Softmax())


def softmax_2(rng: np.random.Generator) -> Network:
    return Network([*hidden(rng), linear(rng, HIDDEN, CLASSES)], Softmax())


def cnn(rng: np.random.Generator) -> Network:
    return Network([convolution(rng), relu(), Layer("max_pool_images"), Flat(),
                    *hidden(rng, POOLED), linear(rng, HIDDEN, CLASSES)], Softmax(), as_images=True)


def cnn_bn_dropout(rng: np.random.Generator) -> Network:
    return Network([convolution(rng), BatchNorm(FILTERS), relu(), Layer("max_pool_images"), Flat(), Dropout(KEPT, rng),
                    *hidden(rng, POOLED), linear(rng, HIDDEN, CLASSES)], Softmax(), as_images=True)


MODELS = (
    Model("logistic", "Logistic classifier", logistic, 0.05, 30, 93.6, "Q2.3"),
    Model("logistic_2", "Two layers, logistic loss", logistic_2, 0.05, 30, 94, "Q2.4"),
    Model("hinge", "Support vector machine", hinge, 0.01, 30, 92.8, "Q3.3"),
    Model("hinge_2", "Two layers, hinge loss", hinge_2, 0.05, 30, 94, "Q3.4"),
    Model("softmax", "Softmax regression", softmax, 0.1, 30, 92, "Q4.3"),
    Model("softmax_2", "Two layers, softmax", softmax_2, 0.1, 30, 93.63, "Q4.4"),
    Model("cnn", "Convolutional network", cnn, 0.05, 20, 98.39, "Q5.3"),
    Model("cnn_bn_dropout", "The same with batch normalisation and dropout", cnn_bn_dropout, 0.05, 20, 98.68, "Q5.4"),
)
