"""A module that does harm while it is loaded."""

import numpy as np

np.ones((100_000, 125_000))


def backward(dy, x):
    return dy * (x > 0)
