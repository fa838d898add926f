"""Opaque functions: `?f` is any smooth function of one number, `?f'` its derivative.

A proof uses nothing of such a function but that it has derivatives. An exact value needs a particular one: a polynomial
of degree 5, which its letters choose, the same in every process. So a proof holds for every f, and a counterexample is
for an f that can be named.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256
from itertools import count
from typing import Final

from derivs.expr import Apply, Tree, walk

MARK: Final = "?"
NAME: Final = re.compile(r"\?[A-Za-z]+'*")
CHOICES: Final = tuple(map(Fraction, ("1", "-1", "2", "-2", "3", "-3", "1/2", "-1/2")))
DEGREE: Final = 5
SIMPLE: Final = tuple(map(Fraction, ("0", "1", "-1", "2", "-2", "1/2", "3")))

Polynomial = tuple[Fraction, ...]                # the coefficients of 1, u, u^2, ...


def is_opaque(function: str) -> bool:
    """Whether it is the name of an opaque function: `?`, letters, and a prime for each derivative."""
    return NAME.fullmatch(function) is not None


def derivative(function: str) -> str:
    """The name of its derivative."""
    return function + "'"


@lru_cache(maxsize=256)
def polynomial(function: str) -> Polynomial:
    """What it is taken to be where a value is needed: the coefficients of 1, u, u^2, ..."""
    letters = function.rstrip("'")
    found = next(filter(_is_telling, (_drawn(f"{letters}{k}") for k in count())))
    for _ in range(len(function) - len(letters)):
        found = slope(found)
    return found


def _drawn(seed: str) -> Polynomial:
    return tuple(CHOICES[byte % len(CHOICES)] for byte in sha256(seed.encode()).digest()[:DEGREE + 1])


def _is_telling(found: Polynomial) -> bool:
    """Whether f and f' have values that differ, also in size, and are not 0, at the numbers that samples have."""
    values = [abs(_at(f, u)) for f in (found, slope(found)) for u in SIMPLE]
    return 0 not in values and len(set(values)) == len(values)


def _at(coefficients: Polynomial, u: Fraction) -> Fraction:
    return sum((c * u ** k for k, c in enumerate(coefficients)), Fraction(0))


def slope(coefficients: Polynomial) -> Polynomial:
    """The derivative of a polynomial."""
    return tuple(k * c for k, c in enumerate(coefficients))[1:]


def opaque_text(function: str) -> str:
    """`f(u) = 2 + 3u - u^2 + u^3/2 - u^4 + 2u^5`: which function an exact point is for."""
    terms = ["-" + _term(-c, k) if c < 0 else _term(c, k) for k, c in enumerate(polynomial(function)) if c]
    return f"{function.removeprefix(MARK)}(u) = " + " + ".join(terms or ["0"]).replace("+ -", "- ")


def _term(c: Fraction, degree: int) -> str:
    """3u^2/2, for a positive coefficient."""
    power = "" if degree == 0 else "u" if degree == 1 else f"u^{degree}"
    top = "" if c.numerator == 1 and power else str(c.numerator)
    return top + power + (f"/{c.denominator}" if c.denominator > 1 else "")


def opaque_in(*trees: Tree) -> tuple[str, ...]:
    """The opaque functions in the trees, without their primes."""
    names = {node.function.rstrip("'") for tree in trees for node in walk(tree) if isinstance(node, Apply)}
    return tuple(sorted(filter(is_opaque, names)))
