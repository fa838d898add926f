"""The digits that ship with scikit-learn, split once for all runs, as images, as vectors and as two classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

CLASSES = 10
TEST = VALIDATION = 360                # a fifth each of the 1797 images
SPLIT = 0                              # the seed of the split: the same for every model and every run


@dataclass(frozen=True)
class Part:
    """Images (N, 1, 8, 8), about 0 and of size 1, and their digits."""

    images: Array
    digits: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.digits)

    def inputs(self, as_images: bool) -> Array:
        """As a convolution wants them, or a vector each."""
        return self.images if as_images else self.images.reshape(len(self), -1)

    def one_hot(self) -> Array:
        """Row n has a 1 at the digit of image n."""
        return np.eye(CLASSES)[self.digits]

    def odd_or_even(self) -> Array:
        """1 for an odd digit, -1 for an even one: two classes for the classifiers that tell two apart."""
        return np.where(self.digits % 2 == 1, 1.0, -1.0)

    def first(self, count: int) -> Part:
        """A slice of it."""
        return Part(self.images[:count], self.digits[:count])


@dataclass(frozen=True)
class Digits:
    """What a model learns from, what its recipe was chosen by, and what it is judged by."""

    train: Part
    validation: Part
    test: Part


@cache
def digits() -> Digits:
    """The images, in an order of their own; the mean that is taken off is that of the training images."""
    from sklearn.datasets import load_digits  # takes a second, which other importers need not
    found = load_digits()
    order = np.random.default_rng(SPLIT).permutation(len(found.target))
    images, labels = found.images[order, None] / 16, found.target[order]          # a pixel is a number from 0 to 16
    first, second = len(order) - TEST - VALIDATION, len(order) - TEST
    images = images - images[:first].mean()
    return Digits(*(Part(images[part], labels[part])
                    for part in (slice(first), slice(first, second), slice(second, None))))
