"""Lengths and ranges as a declaration gives them: `H-h+1`, `2P`, `d_{l-1}`, `0..k-1`. A run of letters is one size."""

from __future__ import annotations

import re
from typing import Final

from derivs.affine import Affine, affine, symbol
from derivs.errors import IllFormed

TOKEN: Final = re.compile(r"\s*(?:(?P<number>\d{1,6})|(?P<name>\\?[A-Za-z]+(?:_(?:\{[^{}]{1,20}\}|[A-Za-z0-9]))?)"
                          r"|(?P<sign>[-+*()]))")
LONGEST: Final = 200


def size_key(text: str) -> str:
    """The name of a size as keys of names are spelled: `d_{l-1}` is d_l-1."""
    return text.replace("\\", "").replace("{", "").replace("}", "").replace(" ", "")


def length(text: str, known: dict[str, Affine]) -> Affine:
    """A form in sizes. known: sizes that are said to be forms in others. Raises IllFormed."""
    tokens = _tokens(text)
    value, rest = _sum(tokens, 0, known, text)
    if rest != len(tokens):
        raise _refused(text)
    return value


def span(text: str, known: dict[str, Affine]) -> tuple[Affine, Affine]:
    """`1..V` as its two ends."""
    low, dots, high = text.partition("..")
    if not dots:
        raise IllFormed(f"{text!r} is not a range", mend='write "1..n"')
    return length(low, known), length(high, known)


def _tokens(text: str) -> list[str]:
    if len(text) > LONGEST:
        raise IllFormed(f"a length of more than {LONGEST} characters")
    found, at, text = [], 0, text.strip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise _refused(text)
        found.append(match.group().strip())
        at = match.end()
    return found


def _sum(tokens: list[str], at: int, known: dict[str, Affine], text: str, depth: int = 0) -> tuple[Affine, int]:
    if depth > 20:
        raise _refused(text)
    total, sign = affine(0), 1
    if at < len(tokens) and tokens[at] == "-":
        sign, at = -1, at + 1
    while True:
        value, at = _product(tokens, at, known, text, depth)
        total += value * sign
        if at >= len(tokens) or tokens[at] not in "+-":
            return total, at
        sign, at = (1 if tokens[at] == "+" else -1), at + 1


def _product(tokens: list[str], at: int, known: dict[str, Affine], text: str, depth: int) -> tuple[Affine, int]:
    result: Affine | None = None
    while at < len(tokens) and tokens[at] not in ("+", "-", ")"):
        token = tokens[at]
        if token == "*":
            if result is None:
                raise _refused(text)
            at += 1
        if at >= len(tokens):
            raise _refused(text)
        token = tokens[at]
        if token == "(":
            value, at = _sum(tokens, at + 1, known, text, depth + 1)
            if at >= len(tokens) or tokens[at] != ")":
                raise _refused(text)
        elif token.isdigit():
            value = affine(int(token))
        elif token[0] in "\\" or token[0].isalpha():
            name = size_key(token)
            value = known.get(name) or symbol(name)
        else:
            raise _refused(text)
        result = value if result is None else result * value
        at += 1
    if result is None:
        raise _refused(text)
    return result, at


def _refused(text: str) -> IllFormed:
    return IllFormed(f"{text!r} is not a length", mend='write a letter, a number, or a form such as "H-h+1"')
