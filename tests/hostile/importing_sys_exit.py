"""A module that does harm while it is loaded."""

import sys

sys.exit(3)


def backward(dy, x):
    return dy * (x > 0)
