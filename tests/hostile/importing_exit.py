"""A module that does harm while it is loaded."""

import os

os._exit(3)


def backward(dy, x):
    return dy * (x > 0)
