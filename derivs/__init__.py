"""Derives, proves and checks the gradients of backprop exercises: `derivs.load`, `derivs.solve`, `derivs.check`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from derivs.derivation import Solution
    from derivs.marks import Report
    from derivs.problem import Problem
    from derivs.reading.document import Kind

__all__ = ["check", "load", "solve"]


def load(name: str | Path) -> Problem:
    """An exercise by name, or by the path of a file; a Python file is run. In a notebook it shows itself."""
    from derivs import library, notebook  # imported here, as below: `import derivs` alone is to cost nothing
    return notebook.asked(library.load(str(name)))


def solve(problem: str | Path | Mapping[str, Any] | Problem, examples: int = 0, seed: int = 0) -> Solution:
    """Its answers, derived and proved step by step. In a notebook it shows itself, and so does every part of it.

    problem: as for `check`. examples: at how many random inputs JAX's autodiff is asked too.
    """
    from derivs.declare import declare
    from derivs.notebook import answered
    from derivs.solver import solve as solved
    if isinstance(problem, Mapping):
        problem = declare(problem).problem
    elif isinstance(problem, str | Path):
        problem = load(problem)
    return answered(solved(problem, examples=examples, seed=seed))


def check(problem: str | Mapping[str, Any] | Problem, text: str, kind: Kind = "fragment") -> Report:
    """Every line of a hand derivation in LaTeX with its judgement; print it, or look at `.lines` and `.first_wrong`.

    problem: the name of an exercise, a .py or .toml file, a declaration as a mapping, or a Problem. kind: `tex`, `md`
    or `ipynb` for a whole document; a fragment is a formula, or some text with formulas between dollars.
    """
    from derivs.marks import check as judged
    return judged(problem, text, kind)
