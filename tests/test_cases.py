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
    (BINARY, r"L = \begin{cases} -\log p & \text{if } y = 1 \\ -\log(1 - p) & \text{if } y = 0 \end{cases}", "right"),
    (BINARY, r"L = \begin{cases} -\log p & \text{if } y = 0 \\ -\log(1 - p) & \text{if } y = 1 \end{cases}", "wrong"),
    (BINARY, r"\frac{\partial L}{\partial z} = p - y", "right"),
    (BINARY, r"y^2 = y", "right"),
    (BINARY, r"z^2 = z", "wrong"),
])
def test_small_cases(exercise, line: str, judgement: str) -> None:
    said, = one_by_one(exercise, [line])
    assert said.judgement == judgement, said
