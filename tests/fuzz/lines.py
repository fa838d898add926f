"""Hostile lines: right lines with tokens changed, noise, and structures without an end. The same for the same seed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

PIECES: Final = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+|[A-Za-z]|\s+|.", re.DOTALL)
STRANGE: Final = ("\x00", "\x1b", "\x7f", "\u202e", "\u200f", "\u200b", "\ufeff", "\u0430", "\u03bf", "\u2212",
    "\u2215",
                  "\ud800", "\U0001f600", "\u0302", "\u00b2", "\u2207", "\u03b4", "\uff0b", "\u2028", "\xa0", "\t",
                  "\n", "\u1d6fc", "\u2080", "\u02b9", "\ufffd")
USUAL: Final = (r"\frac", r"\partial", r"\sum", r"\sum_{k=1}^n", r"\left(", r"\right)", "{", "}", "(", ")", "[", "]",
    "^",
                "_", "=", "+", "-", "/", "|", "&", r"\\", ",", ";", "!", "'", "^2", "^{-1}", "_i", "_{ij}", "^T", "1",
                "2", "0", "i", "j", "k", "n", "m", "x", "y", "a", r"\cdot", r"\odot", r"\times", r"\exp", r"\log",
                r"\sqrt", r"\max", r"\delta_{ij}", r"\mathbb{1}", r"\text{if }", r"\begin{cases}", r"\end{cases}",
                r"\quad", r"\neq", ">", "<", r"\hat", r"\mathbf", r"\prime", r"\infty", r"\ldots", r"\begin{aligned}",
                r"\end{aligned}", r"\mathrm{tr}", r"\|", r"\nabla", r"\int", r"\prod", r"\over", r"\not", r"\pm", "$",
                "%", "#", "~", "@", "`", '"', "999", r"\frac{\partial L}{\partial x_i}", "e^", r"\mathrm{diag}",
                r"\begin{pmatrix}", r"\left.", r"\middle|", "≠", "·")


def pieces(text: str) -> list[str]:
    """The tokens of a line, more or less as TeX sees them."""
    return PIECES.findall(text)


def mutated(rng: Random, line: str, others: Sequence[str]) -> str:
    """A line with one change or a few. others: lines to take pieces from."""
    parts = pieces(line) or ["x"]
    gentle = rng.random() < 0.5                     # most of these lines can still be read
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3) if gentle else (1, 1, 1, 2, 2, 3, 6))):
        parts = rng.choice(GENTLE if gentle else CHANGES)(rng, parts, others) or ["x"]
    return "".join(parts)


Change = Callable[[Random, list[str], Sequence[str]], list[str]]


def _place(rng: Random, parts: list[str]) -> int:
    return rng.randrange(len(parts))


def _delete(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    k = _place(rng, parts)
    return parts[:k] + parts[k + rng.choice((1, 1, 1, 2, 4)):]


def _double(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    k = _place(rng, parts)
    end = k + rng.choice((1, 1, 2, 5, 12))
    return parts[:end] + parts[k:end] * rng.choice((1, 1, 2, 30)) + parts[end:]


def _swap(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    j, k = _place(rng, parts), _place(rng, parts)
    parts = list(parts)
    parts[j], parts[k] = parts[k], parts[j]
    return parts


def _replace(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    k = _place(rng, parts)
    return [*parts[:k], rng.choice(USUAL), *parts[k + 1:]]


def _insert(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    k = _place(rng, parts)
    return [*parts[:k], rng.choice(USUAL), *parts[k:]]


def _strange(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    k = _place(rng, parts)
    return [*parts[:k], rng.choice(STRANGE), *parts[k:]]


def _letter(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    """Another index or name."""
    places = [k for k, part in enumerate(parts) if len(part) == 1 and part.isalpha()]
    if not places:
        return parts
    k = rng.choice(places)
    letters = [part for part in parts if len(part) == 1 and part.isalpha()]
    return [*parts[:k], rng.choice([*letters, *"ijkl"]), *parts[k + 1:]]


def _sign(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    places = [k for k, part in enumerate(parts) if part in "+-=" and part]
    if not places:
        return parts
    k = rng.choice(places)
    return [*parts[:k], rng.choice(("+", "-", "-", "= -", r"\cdot")), *parts[k + 1:]]


def _number(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    places = [k for k, part in enumerate(parts) if part.isdigit()]
    if not places:
        return _insert(rng, parts, others)
    k = rng.choice(places)
    other = rng.choice(("0", "1", "2", "3", "-1", "200", "{-1/2}", "99999999", "9" * 41, "0.5"))
    return [*parts[:k], other, *parts[k + 1:]]


def _factor(rng: Random, parts: list[str]) -> tuple[int, int]:
    """A token with its scripts, or a group."""
    k = _place(rng, parts)
    depth, end = 0, k
    while end < len(parts):
        depth += (parts[end] in "{([") - (parts[end] in "})]")
        end += 1
        if depth <= 0 and not (end < len(parts) and parts[end] in ("_", "^", "{", " ")):
            break
    return k, end


def _double_factor(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    k, end = _factor(rng, parts)
    return [*parts[:end], " ", *parts[k:end], *parts[end:]]


def _drop_factor(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    k, end = _factor(rng, parts)
    return [*parts[:k], *parts[end:]]


def _macro(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    j, k = sorted((_place(rng, parts), _place(rng, parts)))
    inside = "".join(parts[j:k + 1])
    body = rng.choice((inside, "#1", inside + "#1", r"\zz", "#1#1"))
    how = rng.choice((rf"\newcommand{{\zz}}[1]{{{body}}}", rf"\def\zz#1{{{body}}}", rf"\newcommand\zz{{{inside}}}"))
    return [how, *parts[:j], r"\zz", "{", *parts[j:k + 1], "}", *parts[k + 1:]]


def _other(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    """A piece of another line."""
    source = pieces(rng.choice(others))
    j, k = sorted((rng.randrange(len(source) + 1), rng.randrange(len(source) + 1)))
    at = _place(rng, parts)
    return [*parts[:at], *source[j:k], *parts[at + rng.choice((0, 0, k - j)):]]


def _bracket(rng: Random, parts: list[str], others: Sequence[str]) -> list[str]:
    j, k = sorted((_place(rng, parts), _place(rng, parts)))
    left, right = rng.choice((("{", "}"), ("(", ")"), (r"\left(", r"\right)"), ("|", "|"), (r"\sqrt{", "}"),
    (r"\frac{1}{", "}"),
                              (r"\exp(", ")"), ("(", ")^{2}"), ("{", "}^T"), (r"\text{", "}"), (r"\mathbf{", "}")))
    return [*parts[:j], left, *parts[j:k + 1], right, *parts[k + 1:]]


CHANGES: Final[Sequence[Change]] = (_delete, _delete, _double, _swap, _replace, _replace, _insert, _insert, _strange,
    _letter,
                                    _letter, _letter, _sign, _sign, _number, _number, _macro, _other, _bracket,
                                    _bracket)


GENTLE: Final[Sequence[Change]] = (_letter, _letter, _letter, _sign, _sign, _number, _double_factor, _drop_factor,
                                   _bracket)


def noise(rng: Random) -> str:
    """No line: pieces of mathematics, characters of any kind, or the same again and again."""
    match rng.randrange(6):
        case 0:
            return "".join(rng.choice(USUAL) for _ in range(rng.randint(1, 60)))
        case 1:
            return "".join(chr(rng.choice((rng.randrange(128), rng.randrange(0x3000), rng.randrange(0x110000))))
                           for _ in range(rng.randint(1, 80)))
        case 2:
            return " ".join(rng.choice((*USUAL, *STRANGE)) for _ in range(rng.randint(1, 200)))
        case 3:
            piece = "".join(rng.choice(USUAL) for _ in range(rng.randint(1, 3)))
            return piece * rng.choice((10, 61, 300, 2_000))
        case 4:
            before, after = rng.choice(((r"\frac{1}{", "}"), ("{", "}"), ("(", ")"), (r"\left(", r"\right)"), ("x^{",
            "}"), ("x_{", "}"),
                                        (r"\sqrt{", "}"), (r"\begin{cases}", r"\end{cases}"), (r"\sum_{k=1}^n (", ")"),
                                        ("|", "|"), (r"\exp(", ")"), (r"\max(1, ", ")"),
                                        (r"\frac{\partial }{\partial x_i} (", ")")))
            depth = rng.choice((3, 10, 30, 59, 300))
            return rng.choice(("x_i = ", "a = ", "", "= ")) + before * depth + rng.choice(("x_i", "1", "a")) + after * (
                depth - rng.choice((0, 0, 0, 1)))
        case _:
            return rng.choice(("$$", "$", r"\[", "", r"\begin{align}")) + "".join(
                rng.choice((*USUAL, *STRANGE, "For all ", "we have ", "if ", "\n", "\n\n", "# ", "% ", "``` ", "$$",
                "$"))
                for _ in range(rng.randint(5, 120)))
