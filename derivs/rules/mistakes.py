r"""The mistakes that people make in derivations, as rows: how each looks, what is said of it, what exposes it.

By frequency among the wrong lines of real answer sheets and web pages: sums dropped, merged or over the wrong axis come
first, then wrong names and factors, then signs and exponents. `derivs.edits.table` has the changes that undo them.

looks: what is right, and what is written. at: the smallest point where the two differ, n = 2 for vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Mistake:
    r"""right and wrong over vectors x, a, b, g, u^{(1)}, u^{(2)} over 1..n, W, n by n, and numbers c, d, p > 0,
    \epsilon > 0; i and j are free."""

    name: str
    sentence: str
    right: str
    wrong: str
    at: str


ROWS: Final = (
    Mistake("sign", "a sign is wrong", r"c - d", r"c + d", "c = 0, d = 1"),
    Mistake("sign in the exponent", "the exponent has the wrong sign", r"e^{-c}", r"e^{c}", "c = 1"),
    Mistake("factor", "a number is wrong", r"2 c", r"c", "c = 1"),
    Mistake("size factor", "a factor that is a size is missing or too many", r"\frac{1}{n} \sum_i x_i", r"\sum_i x_i",
            "n = 2, x = (0, 1)"),
    Mistake("m-1 for m", "a size is off by one", r"\frac{c}{n}", r"\frac{c}{n+1}", "n = 1, c = 1"),
    Mistake("square", "a square is missing or too many", r"c^2", r"c", "c = 2"),
    Mistake("exponent", "an exponent is wrong", r"p^3", r"p^2", "p = 2"),
    Mistake("root", "a root is missing or too many", r"\sqrt{p}", r"p", "p = 4"),
    Mistake("index", "an index is wrong", r"x_i", r"x_j", "n = 2, i = 1, j = 2, x = (0, 1)"),
    Mistake("shift", "an index or a bound is off by one", r"\sum_{i=1}^{n} x_i", r"\sum_{i=2}^{n} x_i",
            "n = 1, x = (1)"),
    Mistake("transposed", "a matrix is transposed", r"W_{ij}", r"W_{ji}", "n = 2, i = 1, j = 2, W = ((0, 0), (1, 0))"),
    Mistake("order", "two operands stand in the wrong order", r"a_i b_j", r"b_i a_j",
            "n = 2, i = 1, j = 2, a = (1, 0), b = (0, 1)"),
    Mistake("strict", "a comparison is of the wrong kind", r"a_i \sum_j x_j \mathbf{1}[j \le i]",
            r"a_i \sum_j x_j \mathbf{1}[j < i]", "n = 1, i = 1, a = (1), x = (1)"),
    Mistake("threshold", "a comparison is with the wrong number", r"\mathbf{1}[c > 0]", r"\mathbf{1}[c > 1]", "c = 1"),
    Mistake("epsilon", "the small constant is missing or stands in the wrong place", r"\sqrt{p + \epsilon}",
            r"\sqrt{p} + \epsilon", r"p = 1, \epsilon = 1"),
    Mistake("lost exp", "an exponential is missing or too many", r"e^{c}", r"c", "c = 0"),
    Mistake("lost log", "a logarithm is missing or too many", r"\log p", r"p", "p = 1"),
    Mistake("merged sums", "a product of two sums is no sum of products", r"\sum_i a_i \sum_i b_i", r"\sum_i a_i b_i",
            "n = 2, a = (1, 0), b = (0, 1)"),
    Mistake("split sum", "a sum of products is no product of sums", r"\sum_i a_i b_i", r"\sum_i a_i \sum_i b_i",
            "n = 2, a = (1, 0), b = (0, 1)"),
    Mistake("dropped sum", "a sum is missing", r"\sum_j x_j", r"x_i", "n = 2, i = 1, x = (0, 1)"),
    Mistake("extra sum", "a sum is too many", r"x_i", r"\sum_j x_j", "n = 2, i = 1, x = (0, 1)"),
    Mistake("wrong axis", "a sum runs over the wrong index", r"\sum_j W_{ij}", r"\sum_j W_{ji}",
            "n = 2, i = 1, W = ((0, 1), (0, 0))"),
    Mistake("kernel not flipped", "the kernel runs in the wrong direction", r"\sum_j x_j a_{n-j+1}", r"\sum_j x_j a_j",
            "n = 2, x = (0, 1), a = (0, 1)"),
    Mistake("layer index", "a quantity of the wrong layer stands here", r"u^{(1)}_i", r"u^{(2)}_i",
            "n = 1, i = 1, u^{(1)} = (0), u^{(2)} = (1)"),
    Mistake("wrong name", "another quantity belongs here", r"a_i", r"b_i", "n = 1, i = 1, a = (0), b = (1)"),
    Mistake("inverse", "a factor stands on the wrong side of the bar", r"\frac{1}{p}", r"p", "p = 2"),
    Mistake("missing factor", "a factor is missing", r"c d", r"c", "c = 1, d = 0"),
    Mistake("extra factor", "a factor is too many", r"c", r"c d", "c = 1, d = 0"),
    Mistake("missing term", "a term is missing", r"c + d", r"c", "c = 0, d = 1"),
    Mistake("extra term", "a term is too many", r"c", r"c + d", "c = 0, d = 1"),
    Mistake("missing delta", "a delta is missing", r"\delta_{ij} a_i b_j", r"a_i b_j",
            "n = 2, i = 1, j = 2, a = (1, 0), b = (0, 1)"),
    Mistake("diagonal only", "only the terms with equal indices are counted", r"\sum_i g_i x_i (\delta_{ij} - x_j)",
            r"g_j x_j (1 - x_j)", "n = 2, j = 1, g = (0, 1), x = (1, 1)"),
    Mistake("wrong derivative", "this is the derivative of another function", r"c (1 - c)", r"1 - c^2", "c = 0"),
    Mistake("wrong factor", "a factor is another one", r"\frac{c d^2}{p} \sum_j x_j a_j",
            r"\frac{c (1 + d)}{p} \sum_j x_j a_j", "n = 1, c = 1, d = 0, p = 1, x = (1), a = (1)"),
    Mistake("wrong term", "a term is another one", r"\sum_j x_j a_j + \frac{c}{p} + d^2",
            r"\sum_j x_j a_j + \frac{c}{p} + \frac{1 + d}{c}", "n = 1, c = 1, d = 0, p = 1, x = (0), a = (0)"),
    Mistake("rare inputs", "this is right for positive values only", r"c", r"|c|", "c = -1"),
)
BY_NAME: Final = MappingProxyType({row.name: row for row in ROWS})
