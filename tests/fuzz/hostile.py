"""The hostile inputs that have a name."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

LEFT: Final = r"\frac{\partial L}{\partial x_i} = "          # of the exercise `plain`


def nested(before: str, inside: str, after: str, times: int) -> str:
    """before before ... inside ... after after."""
    return before * times + inside + after * times


DOUBLING: Final = r"\newcommand{\ma}{xx}" + "".join(
    rf"\newcommand{{\m{b}}}{{\m{a}\m{a}}}" for a, b in zip("abcdefghijklmnopqrstuvwxy", "bcdefghijklmnopqrstuvwxyz",
                                                         strict=True))
LETTERS: Final = "ijklpqrstvw"
LARGE: Final = "1234567890123456789012345678901234567"
GRAPH: Final = "A_{ij} A_{ik} A_{il} A_{jk} A_{jl} A_{kl} A_{ip} A_{jp}"

HOSTILE: Final[Mapping[str, str]] = {
    "a tower of exponents": LEFT + "9^{9^{9^9}}",
    "a taller tower": LEFT + nested("9^{", "9", "}", 50),
    "a large exponent": LEFT + "x_i^{999999999999}",
    "a large negative exponent": LEFT + "(1 + x_i)^{-999999999999}",
    "a large exponent of a number": LEFT + "2^{9999999999}",
    "a fraction to a large power": LEFT + r"(\frac{3}{2})^{123456789}",
    "a number to a number to a number": LEFT + "((((9^{99})^{99})^{99})^{99})^{99}",
    "a rational exponent with a large denominator": LEFT + r"x_i^{1/999999999999}",
    "a rational exponent of a number": LEFT + r"2^{99999999/99999998}",
    "a factorial": LEFT + "999999999!",
    "a numeral of a megabyte": LEFT + "9" * 1_000_000,
    "a numeral of a thousand digits": LEFT + "9" * 1_000,
    "a decimal of a thousand digits": LEFT + "0." + "3" * 1_000,
    "300 nested fractions": LEFT + nested(r"\frac{1}{1 + ", "x_i", "}", 300),
    "50 nested fractions": LEFT + nested(r"\frac{1}{1 + ", "x_i", "}", 50),
    "20 nested fractions": LEFT + nested(r"\frac{1}{1 + ", "x_i", "}", 20),
    "20 nested fractions of two letters": LEFT + nested(r"\frac{a}{b + ", "x_i", "}", 20),
    "55 nested roots": LEFT + nested(r"\sqrt{1 + ", "x_i", "}", 55),
    "12 nested roots": LEFT + nested(r"\sqrt{1 + ", "x_i", "}", 12),
    "50 nested powers of a sum": LEFT + nested("(", "x_i + a", ")^2", 50),
    "8 nested powers of a sum": LEFT + nested("(", "x_i + a", " + b)^2", 8),
    "55 nested exponentials": LEFT + nested(r"e^{", "x_i", "}", 55),
    "5 nested exponentials": LEFT + nested(r"e^{", "x_i", "}", 5),
    "50 nested absolute values": LEFT + nested(r"\left|1 - ", "x_i", r"\right|", 50),
    "12 nested absolute values": LEFT + nested(r"\left|b - ", "x_i", r"\right|", 12),
    "50 nested maxima": LEFT + nested(r"\max(a, b + ", "x_i", ")", 50),
    "8 nested maxima": LEFT + nested(r"\max(a, b + ", "x_i", ")", 8),
    "40 nested sums": LEFT + "".join(rf"\sum_{{k_{{{k}}}=1}}^n " for k in range(40)) + "x_i",
    "11 nested sums": LEFT + "".join(rf"\sum_{{{c}=1}}^n " for c in LETTERS) + " ".join(f"x_{c}" for c in LETTERS),
    "11 nested sums of a sum": LEFT + "".join(rf"\sum_{{{c}=1}}^n " for c in LETTERS) + "(" + " + ".join(
        f"x_{c}" for c in LETTERS) + ")^3",
    "a sum over many indices of a matrix": LEFT + "".join(rf"\sum_{{{c}=1}}^n " for c in LETTERS) + " ".join(
        f"A_{{{a}{b}}}" for a, b in pairwise(LETTERS)),
    "a clique of a matrix": LEFT + "".join(rf"\sum_{{{c}=1}}^n " for c in LETTERS) + " ".join(
        f"A_{{{a}{b}}}" for a in LETTERS for b in LETTERS),
    "a cycle of a matrix": LEFT + "".join(rf"\sum_{{{c}=1}}^n " for c in LETTERS) + " ".join(
        f"A_{{{a}{b}}}" for a, b in zip(LETTERS, LETTERS[1:] + LETTERS[0], strict=True)),
    "a sum to the power 200": LEFT + "(x_i + 1)^{200}",
    "a sum of four to the power 60": LEFT + "(x_i + a + b + u_i)^{60}",
    "a sum of four to the power 12, twice": r"(x_i + a + b + u_i)^{12} = (a + b + x_i + u_i)^{12}",
    "a sum of four to the power 60, twice": r"(x_i + a + b + u_i)^{60} = (a + b + x_i + u_i)^{60}",
    "a sum to the power -200": LEFT + "(x_i + 1)^{-200}",
    "a sum to a negative power, twice": r"(x_i + a + 1)^{-200} = (1 + a + x_i)^{-200}",
    "a product of many sums": LEFT + "".join(rf"(x_{{{c}}} + {k} a)" for k, c in enumerate("i" * 40)),
    "a product of many sums, twice": "".join(rf"(x_i + {k} a)" for k in range(30)) + " = " + "".join(
        rf"({k} a + x_i)" for k in range(30)),
    "a product of many index sums": LEFT + r"\sum_j x_j " * 40,
    "a product of many index sums, twice": r"\sum_j (x_j + a) " * 12 + " = " + r"\sum_k (a + x_k)" * 12,
    "a power of an index sum": LEFT + r"\left(\sum_j x_j + a\right)^{50}",
    "a power of an index sum, twice": r"\left(\sum_j x_j + a\right)^{30} = \left(a + \sum_k x_k\right)^{30}",
    "many terms": LEFT + " + ".join(["a x_i"] * 1_500),
    "many different terms": LEFT + " + ".join(f"{k} a^{{{k % 40}}} x_i" for k in range(400)),
    "a long chain": " = ".join(["2 a x_i"] * 800),
    "a long row of equations": r" \\ ".join(["a = b"] * 1_000),
    "many derivatives": LEFT + r"\frac{\partial L}{\partial x_i} " * 60,
    "a derivative of a derivative of ...": r"\frac{\partial}{\partial x_i} " * 12 + "L = 0",
    "many ambiguous signs": LEFT + r"\exp^{-x_i} " * 30,
    "many prime marks": LEFT + "x" + "'" * 10_000,
    "many scripts": LEFT + "x" + "_{i" * 300 + "}" * 300,
    "a million braces": "{" * 1_000_000,
    "a million closing braces": "}" * 1_000_000,
    "a million pairs of braces": "{}" * 500_000,
    "half a million nested braces": nested("{", "x", "}", 500_000),
    "9,000 nested braces": nested("{", "x", "}", 9_000),
    "a million brackets": "(" * 1_000_000,
    "9,000 brackets": "(" * 9_000,
    "a million bars": "|" * 1_000_000,
    "4,000 bars": LEFT + "|" * 4_000,
    "a million dollars": "$" * 1_000_000,
    "a million backslashes": "\\" * 1_000_000,
    "a million ampersands": "&" * 1_000_000,
    "a line of a megabyte": LEFT + "x_i + " * 170_000 + "x_i",
    "a line of a megabyte of letters": "x" * 1_000_000,
    "a line of a megabyte of spaces": LEFT + " " * 1_000_000 + "2 a x_i",
    "a megabyte of fractions that never close": r"\frac{" * 170_000,
    "a megabyte of environments": r"\begin{aligned}" * 66_000,
    "a megabyte of rows": r"x_i \\ " * 150_000,
    "a megabyte of text commands": r"\text{" * 160_000,
    "a megabyte of left": r"\left(" * 160_000,
    "a megabyte of accents": "x" + "\u0302" * 1_000_000,
    "a megabyte of primes": "x" + "'" * 1_000_000,
    "a megabyte of equal signs": "=" * 1_000_000,
    "a megabyte of words": "for all i we have " * 60_000,
    "a megabyte of inline formulas": "$x_i$ " * 160_000,
    "a megabyte of comments": "% x\n" * 250_000,
    "macros that grow exponentially": DOUBLING + "$$" + LEFT + r"\mz$$",
    "a macro that uses itself": r"\newcommand{\f}{\f \f} $$" + LEFT + r"\f$$",
    "two macros that use each other": r"\def\f{\g\g}\def\g{\f\f} $$" + LEFT + r"\f$$",
    "a macro that doubles its argument": r"\newcommand{\f}[1]{#1#1} $$" + LEFT + nested(r"\f{", "x_i", "}", 40) + "$$",
    "many definitions": r"\newcommand{\a}{x}" * 50_000,
    "control characters": LEFT + "2 \x00 a \x1b[31m x_i \x7f\x08",
    "right-to-left marks": LEFT + "2 \u202e a \u202d x_i \u200f",
    "look-alike letters": LEFT + "2 \u0430 x_i",
    "look-alike signs": LEFT + "2 a \u2215 x_i \uff0b \u2010",
    "half a character": LEFT + "2 a \ud800 x_i",
    "zero-width letters": LEFT + "2\u200ba\ufeffx\u2060_i",
    "an emoji": LEFT + "2 a \U0001f600 x_i",
    "code": LEFT + "__import__('os').system('true')",
    "a file": LEFT + r"\input{/etc/passwd} \write18{true}",
    "division by zero": LEFT + r"\frac{a}{0}",
    "zero to the power zero": LEFT + "0^0",
    "zero to a negative power": LEFT + "0^{-1}",
    "the logarithm of zero": LEFT + r"\log 0",
    "a huge index": LEFT + "x_{999999999999999999}",
    "a huge shift": LEFT + "x_{i + 999999999}",
    "a sum to a huge bound": LEFT + r"\sum_{j=1}^{999999} x_j",
    "a sum to a huger bound": LEFT + r"\sum_{j=1}^{99999999999999999999} 1",
    "a sum to a power": LEFT + r"\sum_{j=1}^{n^9} x_i",
    "a sum from far": LEFT + r"\sum_{j=-999999}^{999999} a",
    "a product over a huge range": LEFT + r"\prod_{j=1}^{999999} a",
    "a matrix to a power": LEFT + "A^{99999}",
    "many matrices": LEFT + "A" * 400,
    "many transposes": LEFT + "A" + "^T" * 1_000,
    "cases in cases": LEFT + nested(r"\begin{cases} a & \text{if } x_i > 0 \\ ", "b", r"\end{cases}", 30),
    "many cases": LEFT + r"\begin{cases}" + r" \\ ".join(f"a & x_i = {k}" for k in range(300)) + r"\end{cases}",
    "many indicators": LEFT + "".join(rf"1(x_i > {k})" for k in range(30)),
    "many absolute values": LEFT + " + ".join(rf"|x_i - {k} a|" for k in range(30)),
    "many Kronecker deltas": LEFT + r"\sum_{j} " + r"(\delta_{ij} + x_j) " * 20,
}
TWICE: Final = {f"{name}, on both sides": f"{text.removeprefix(LEFT)} + a = a + {text.removeprefix(LEFT)}"
                for name, text in HOSTILE.items() if text.startswith(LEFT) and len(text) < 10_000}
PROVED: Final[Mapping[str, str]] = {                         # these get as far as the proof
    **TWICE,
    "a root to a large power": r"\sqrt{2}^{999999999} a = a \sqrt{2}^{999999999}",
    "half a large power": "2^{999999999/2} a = a 2^{999999999/2}",
    "half a large negative power": "2^{-999999999/2} a = a 2^{-999999999/2}",
    "the logarithm of a large number": rf"\log({LARGE}) a = a \log {LARGE}",
    "powers of powers of a sum": "(((((a + 3)^9)^9)^9)^9)^9 + b = b + (((((a + 3)^9)^9)^9)^9)^9",
    "large coefficients": "(((9999999999999999999 a + 3)^9)^9)^9 b = b (((9999999999999999999 a + 3)^9)^9)^9",
    "a tower of exponentials": r"e^{e^{e^{e^{e^a}}}} b = b e^{e^{e^{e^{e^a}}}}",
    "powers of sums of powers of sums": r"(\sum_i (x_i + a + b)^4)^8 = (\sum_j (a + x_j + b)^4)^8",
    "many sums of products": r"(\sum_j x_j u_j a + b)" * 20 + " = " + r"(b + \sum_k x_k u_k a)" * 20,
    "a graph of a matrix": rf"\sum_i \sum_j \sum_k \sum_l \sum_p {GRAPH} = \sum_p \sum_k \sum_l \sum_j \sum_i {GRAPH}",
    "symmetric sums": r"\sum_i \sum_j \sum_k \sum_l (x_i + x_j + x_k + x_l)^6 = \sum_l \sum_j \sum_k \sum_i"
                      r" (x_i + x_j + x_k + x_l)^6",
}
