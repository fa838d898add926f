"""Binary numbers and short sums: what is proved with them put in or written out, beside what is not so."""

from __future__ import annotations

import pytest

from derivs.declare import declare
from derivs.papers import one_by_one

PAIR = declare({
    "symbols": {"x": "vector[2] input", "w": "vector[n] parameter"},
    "forward": {"s_i": r"\sigma(x_i)", "y": r"\sum_{i=1}^2 s_i^2"},
    "gradient": {"of": "y", "loss": "E", "by": ["x"]}})
BINARY = declare({
    "symbols": {"z": "scalar input", "y": "scalar target binary"},
    "forward": {"p": r"\sigma(z)", "L": r"-y \log p - (1 - y) \log(1 - p)"},
    "gradient": {"loss": "L", "by": ["z"]}})


@pytest.mark.parametrize("exercise, line, judgement", [
    (PAIR, r"\sum_{i=1}^2 x_i = x_1 + x_2", "right"),
    (PAIR, r"\sum_{i=1}^2 x_i = x_1 + x_1", "wrong"),
    (PAIR, r"y = s_1^2 + s_2^2", "right"),
    (PAIR, r"y = (s_1 + s_2)^2", "wrong"),
    (PAIR, r"\frac{\partial E}{\partial x_1} = 2 \frac{\partial E}{\partial y} s_1^2 (1 - s_1)", "right"),
    (PAIR, r"\frac{\partial E}{\partial x_1} = 2 \frac{\partial E}{\partial y} s_2^2 (1 - s_2)", "wrong"),
    (PAIR, r"\sum_{i=1}^2 \sum_{j=1}^2 x_i x_j = (x_1 + x_2)^2", "right"),
    (PAIR, r"\sum_{i=1}^2 \sum_{j=1}^2 x_i x_j = x_1^2 + x_2^2", "wrong"),
    (PAIR, r"x_i^2 - (x_1 + x_2) x_i + x_1 x_2 = 0", "right"),
    (PAIR, r"x_i^2 - (x_1 + x_2) x_i = 0", "wrong"),
    (PAIR, r"\frac{\partial s_i}{\partial x_i} = \left( \frac{1}{1 + e^{-x_i}} \right)'", "right"),
    (PAIR, r"\frac{\partial s_i}{\partial x_i} = (1 + e^{-x_i})'", "wrong"),
    (BINARY, r"L = \begin{cases} -\log p & \text{if } y = 1 \\ -\log(1 - p) & \text{if } y = 0 \end{cases}", "right"),
    (BINARY, r"L = \begin{cases} -\log p & \text{if } y = 0 \\ -\log(1 - p) & \text{if } y = 1 \end{cases}", "wrong"),
    (BINARY, r"\frac{\partial L}{\partial z} = p - y", "right"),
    (BINARY, r"y^2 = y", "right"),
    (BINARY, r"z^2 = z", "wrong"),
])
def test_small_cases(exercise, line: str, judgement: str) -> None:
    said, = one_by_one(exercise, [line])
    assert said.judgement == judgement, said
DOMAIN = declare({
    "symbols": {"x": "vector[n] input", "A": "matrix[n,n] parameter"},
    "forward": {"L": r"\sum_{i=1}^n x_i^2 + \sum_{i=1}^n A_{ii}"},
    "gradient": {"loss": "L", "by": ["x"]}})


@pytest.mark.parametrize("line, judgement, conditions", [
    (r"\frac{\partial L}{\partial x_i} = 2 x_i", "right", ()),
    (r"\frac{\partial L}{\partial x_i} = \frac{2 x_i^2}{x_i}", "right", ("where x_i is not 0",)),
    (r"\frac{2 x_i^2}{x_i} = \frac{\partial L}{\partial x_i}", "right", ()),
    (r"\frac{\partial L}{\partial x_i} = 2 x_i + \frac{x_i - x_i}{x_i^2 + 1}", "right", ()),
    (r"\frac{\partial L}{\partial x_i} = 2 x_i + \frac{0}{\sqrt{x_i + 7}}", "wrong", ()),
    (r"\frac{\partial L}{\partial x_i} = 2 x_i + \frac{0}{0}", "wrong", ()),
    (r"\frac{\partial L}{\partial x_i} = 2 x_i \frac{\max(x_i, 0) - \max(x_i, 0) + a}{a}", "unread", ()),
    (r"\frac{\partial L}{\partial x_i} = 2 x_i \frac{\max(x_i, 0)}{\max(x_i, 0)}", "wrong", ()),
])
def test_a_right_side_may_divide_by_what_happens_to_be_zero_and_lacks_no_values_otherwise(
        line: str, judgement: str, conditions: tuple[str, ...]) -> None:
    said, = one_by_one(DOMAIN, [line])
    assert (said.judgement, said.conditions) == (judgement, conditions), said
