"""What a sheet prints is read by the project's own reader and judged right: answers, cases and every step."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from derivs import check
from derivs.derivation import Solution
from derivs.latex import latex_claim
from derivs.library import load, names
from derivs.problem import Claim
from derivs.solver import solve


def printed(solution: Solution) -> Iterator[Claim]:
    for answer in solution.answers:
        yield answer.target.claim
        yield from (claim for claim, _ in answer.cases)
        yield from (Claim(step.left, step.right, answer.target.claim.given) for step in answer.steps)
    yield from (Claim(step.left, step.right) for step in solution.adjoints)


@pytest.mark.parametrize("name", names())
def test_every_printed_line_is_read_back_and_right(name: str) -> None:
    problem = load(name)
    for claim in printed(solve(problem)):
        line = latex_claim(claim, problem)
        assert [read.judgement for read in check(problem, line).lines] == ["right"], line


def test_an_index_condition_guards_a_comparison_of_values() -> None:
    """[i < n] [x_{i+1} > x_i]: at i = n the entry x_{n+1} is not read, whichever factor stands first."""
    from derivs.declare import declare
    from derivs.report import succeeded
    total_variation = declare({
        "symbols": {"x": "vector[n] input"}, "sizes": {"n": ">= 2"},
        "forward": {"L": r"\sum_{i=1}^{n-1} |x_{i+1} - x_i|"}, "gradient": {"loss": "L", "by": ["x"]}})
    assert succeeded(solve(total_variation.problem))
