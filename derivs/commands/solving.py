"""Exercises solved, with a progress bar where somebody watches."""

from __future__ import annotations

from collections.abc import Sequence

from derivs.commands import console, given
from derivs.derivation import Solution
from derivs.errors import DerivsError
from derivs.problem import Problem
from derivs.report import succeeded
from derivs.several import solutions


def solved(problems: Sequence[Problem], examples: int, seed: int, *, with_hands: bool = True) -> list[Solution]:
    """The solutions, with a progress bar where somebody watches."""
    done: list[Solution] = []
    errors: list[DerivsError] = []
    with console.progress(len(problems)) as advance:
        advance(problems[0].name if problems else "", 0)
        found = solutions(problems, examples=examples, seed=seed, with_hands=with_hands)
        for problem, one in zip(problems, found, strict=True):
            if isinstance(one, DerivsError):
                errors.append(one)
            else:
                done.append(one)
            advance(problem.name, 1)
    given.raise_all(errors)
    return done


def status(solutions: Sequence[Solution]) -> int:
    """The exit status."""
    return 0 if all(map(succeeded, solutions)) else 1
