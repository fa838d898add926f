"""Names in Python for the letters of an exercise: W^{(1)} is W1, x with a hat xhat, h_{t-1} h_prev."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

from derivs.problem import Problem

# Names that mean something else in the code, or that Python keeps.
RESERVED = frozenset({"np", "jnp", "jax", "torch", "math", "partial", "erf", "cache", "lambda",
                      *keyword.kwlist, *(n for n in dir(builtins) if n.islower())})
SHORT = {"lambda": "lam"}
SPELLED = (                            # how a piece of a name is written, in this order
    (r"_t-1\b", "_prev"),
    (r"(hat|tilde|bar|dot|vec)\((\w+)\)", r"\2\1"),
    (r"\^\((\d+)\)", r"\1"),
    (r"\^(\w)", r"\1"),
    (r"'", "_prime"),
    (r"[^\w]+", "_"),
)


def identifier(name: str) -> str:
    """The name as Python may write it.

    >>> identifier("W^(1)"), identifier("hat(x)"), identifier("lambda")
    ('W1', 'xhat', 'lam')
    """
    for pattern, said in SPELLED:
        name = re.sub(pattern, said, name)
    name = SHORT.get(name, name.strip("_") or "x")
    return name + "_" if name in RESERVED else name if not name[0].isdigit() else f"_{name}"


def identifiers(problem: Problem) -> dict[str, str]:
    """A name for every tensor and size; the gradient of x is dx. Two letters never share a name."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    tensors = [t.name for t in problem.tensors.values() if t.role != "cotangent"]
    for name in (*tensors, *problem.sizes):
        found[name] = free(identifier(name), taken)
        taken.add(found[name])
    for name in tensors:
        found[f"{name}_bar"] = free(f"d{found[name]}", taken)
        taken.add(found[f"{name}_bar"])
    return found


def free(wish: str, taken: Iterable[str]) -> str:
    """The name, or the first of name_, name__ that nobody has."""
    while wish in taken:
        wish += "_"
    return wish
