"""A module that does harm while it is loaded."""

while True:
    pass


def backward(dy, x):
    return dy * (x > 0)
