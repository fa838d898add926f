"""Hostile declarations: right ones with entries changed, and tables with anything in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from random import Random
from typing import Any, Final

from .lines import USUAL, mutated, noise

TABLES: Final = ("symbols", "forward", "gradient", "aliases", "operators", "functions", "sets", "indices", "sizes",
                 "conventions", "given", "name", "begins", "unknown")
VALUES: Final = (
    "vector[n] input", "vector[999999999999]", "matrix[n,n,n]", "vector[n^9]", "vector[9^9^9]", "matrix[n,-1]",
    "vector[0]", "tensor[" + ",".join("abcdefghij") + "] parameter", "scalar positive", "index[K]", "row[n]",
    "vector[", "vector[H-h+1]", "vector[" + "(" * 200 + "]", "tensor[" + "n," * 3000 + "n]", ">= 2", ">= n", "= n",
    "= 2*n*n*n*n*n*n", ">= 10**10", "1..n", "n..1", "0..999999999", "hadamard", "sigmoid", "any", "softmax",
    "\\frac{1}{n} \\sum_i x_i", "x_i", "x", "9^{9^{9^9}}", "E", "excluded", "f'(0) = 1/0", "(" * 500,
    "\\frac{1}{" * 300, "x" * 50_000, "", " ", "\x00", "\u202e", 0, -1, 10**40, 1.5, True, None, [], ["x"],
    ["x"] * 3000, {"a": {"b": {"c": "d"}}}, [[["x"]]], "vector[n] at i", "vector[n] at i,j,k", "scalar at", "defined",
    "input input", "(x_i + 1)^{200}", "\\sum_{i=1}^n \\sum_{j=1}^n \\sum_{k=1}^n \\sum_{l=1}^n x_i x_j x_k x_l",
    "x_i^{x_i^{x_i}}", "i \\neq j", "\\sum_i x_i = 1")
NAMES: Final = ("x", "x_i", "y", "n", "\\beta", "y_i", "\\hat{x}_i", "x^{(i)}", "x^{(l<N)}", "A^{ij}", "", " ", "9",
    "\\frac", "{", "x" * 5000,
                "\x00", "\u0430", "\\sum_i x_i", "of", "by", "loss", "upstream", "target", "einstein", "index_base",
                "at_kink", "given", "layout", "zero_outside", "f(x)", "f(x, x)", "s(x)", "^T", "'", "*", "\\otimes",
                "\\odot_{i}", "*_{full}", "(((", "E", "d\\mu", "x_{" * 100, "__class__", "@0", "#1", "_e1")


def declaration(rng: Random, right: Sequence[Mapping[str, Any]], lines: Sequence[str]) -> dict[str, Any]:
    """A declaration that is rarely right."""
    data: dict[str, Any] = deepcopy(dict(rng.choice(right)))
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        _change(rng, data, lines)
    return data


def _value(rng: Random, lines: Sequence[str]) -> Any:
    match rng.randrange(6):
        case 0:
            return noise(rng)
        case 1:
            return mutated(rng, rng.choice(lines), lines)
        case 2:
            return "".join(rng.choice(USUAL) for _ in range(rng.randint(1, 12)))
        case _:
            return rng.choice(VALUES)


def _change(rng: Random, data: dict[str, Any], lines: Sequence[str]) -> None:
    name = rng.choice((*TABLES, *data))
    table = data.get(name)
    match rng.randrange(7):
        case 0:
            data[name] = _value(rng, lines)
        case 1:
            data.pop(name, None)
        case 2 if rng.random() < 0.1:
            data[name] = {f"x_{{{k}}}": _value(rng, lines) for k in range(rng.choice((50, 390, 401, 10_000)))}
        case 3 if isinstance(table, dict) and table:
            table.pop(rng.choice(list(table)))
        case 4 if isinstance(table, dict) and table:
            key = rng.choice(list(table))
            said = table[key]
            if isinstance(said, str) and said:
                table[key] = mutated(rng, said, lines)
            else:
                table[key] = _value(rng, lines)
        case 5 if isinstance(table, dict) and table:
            key = rng.choice(list(table))
            table[mutated(rng, key, lines)] = table.pop(key)
        case _:
            data[name] = {**(table if isinstance(table, dict) else {}), rng.choice(NAMES): _value(rng, lines)}
