"""Derives, proves and checks the gradients of backprop exercises. `derivs.check` judges a derivation line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from derivs.marks import Report
    from derivs.problem import Problem
    from derivs.reading.document import Kind

__all__ = ["check"]


def check(problem: str | Mapping[str, Any] | Problem, text: str, kind: Kind = "fragment") -> Report:
    """Every line of a hand derivation in LaTeX with its judgement; print it, or look at `.lines` and `.first_wrong`.

    problem: the name of an exercise, a .py or .toml file, a declaration as a mapping, or a Problem. kind: `tex`, `md`
    or `ipynb` for a whole document; a fragment is a formula, or some text with formulas between dollars.
    """
    from derivs.marks import check as judged  # imported here: `import derivs` alone is to cost nothing
    return judged(problem, text, kind)
