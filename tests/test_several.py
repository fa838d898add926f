"""Many exercises by child processes: the same solutions, in the same order, as one after the other."""

from __future__ import annotations

import os
import re
import signal

import pytest

from derivs import several
from derivs.derivation import Solution
from derivs.errors import DerivsError
from derivs.library import load
from derivs.problem import Problem

NAMES = ("relu", "sigmoid", "linear", "batchnorm", "dropout")


def solved(problems: list[Problem], processors: int, monkeypatch: pytest.MonkeyPatch) -> list[Solution | DerivsError]:
    monkeypatch.setattr(several, "_processors", lambda: processors)
    return list(several.solutions(problems, examples=0, seed=0, with_hands=True))


def told(solution: Solution | DerivsError) -> str:
    return re.sub(r"milliseconds=[0-9.e-]+", "", repr((solution.answers, solution.adjoints, solution.hands)
                                                      if isinstance(solution, Solution) else str(solution)))


def test_they_are_those_that_one_process_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = [load(name) for name in NAMES]
    forked = solved(problems, 2, monkeypatch)
    assert [one.problem for one in forked if isinstance(one, Solution)] == problems
    assert list(map(told, forked)) == list(map(told, solved(problems, 1, monkeypatch)))


def test_an_exercise_that_cannot_be_solved_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = [load(name) for name in NAMES]
    real = several.solve

    def solve(problem: Problem, **how: object) -> Solution:
        if problem.name == "linear":
            raise DerivsError("it means nothing", mend="mend it")
        return real(problem, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(several, "solve", solve)
    found = solved(problems, 2, monkeypatch)
    assert [str(one) for one in found if isinstance(one, DerivsError)] == ["linear: it means nothing\n    mend it"]
    assert [one.problem.name for one in found if isinstance(one, Solution)] == [n for n in NAMES if n != "linear"]


def test_a_process_that_is_killed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(several, "solve", lambda problem, **how: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(DerivsError, match="ended from outside"):
        solved([load(name) for name in NAMES], 2, monkeypatch)
