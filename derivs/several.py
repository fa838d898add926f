"""Many exercises, solved: each by itself, on all processors, with memory given back between two of them."""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from io import BytesIO
from multiprocessing import get_context
from typing import Final

from derivs.derivation import Solution
from derivs.errors import DerivsError
from derivs.normal.atoms import forget
from derivs.problem import Problem
from derivs.solver import solve

FEW: Final = 3                         # exercises are not worth a second process

Solve = Callable[[Problem], Solution]


def solutions(problems: Sequence[Problem], *, examples: int, seed: int, with_hands: bool
              ) -> Iterator[Solution | DerivsError]:
    """The solution of each exercise, in order, or why there is none. Processes are forked where that is safe."""
    def one(problem: Problem) -> Solution:
        return solve(problem, examples=examples, seed=seed, with_hands=with_hands)

    count = min(_processors(), len(problems))
    with tidied_between() as tidy:
        if count < 2 or len(problems) <= FEW:
            for problem in problems:
                yield _tried(one, problem)
                tidy()
        else:
            yield from _forked(one, problems, count)


def _processors() -> int:
    """How many processes may be forked: one where the system has no fork, or JAX has started its threads here."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" and "jax" not in sys.modules else 1


def _tried(one: Solve, problem: Problem) -> Solution | DerivsError:
    try:
        return one(problem)
    except DerivsError as error:
        return DerivsError(error.what, where=error.where or problem.name, mend=error.mend)


def _forked(one: Solve, problems: Sequence[Problem], count: int) -> Iterator[Solution | DerivsError]:
    """The same by child processes, which inherit the exercises: these may hold functions, which no pipe can carry."""
    global _work
    _work = one, problems
    try:
        with ProcessPoolExecutor(count, mp_context=get_context("fork")) as pool:
            for problem, sent in zip(problems, pool.map(_in_child, range(len(problems))), strict=True):
                yield _Unpickler(sent, problem).load()
    except BrokenProcessPool as error:
        raise DerivsError("a process that solved exercises was ended from outside, for want of memory perhaps",
                          mend="ask for fewer exercises at once") from error
    finally:
        _work = None


_work: tuple[Solve, Sequence[Problem]] | None = None


def _in_child(number: int) -> bytes:
    assert _work is not None
    one, problems = _work
    found = _tried(one, problems[number])
    forget()
    gc.collect()
    sent = BytesIO()
    _Pickler(sent, problems[number]).dump(found)
    return sent.getvalue()


class _Pickler(pickle.Pickler):
    """What a child has found; the exercise and the function in it, which the parent has too, are only named."""

    def __init__(self, file: BytesIO, problem: Problem) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.problem = problem

    def persistent_id(self, value: object) -> str | None:
        if value is self.problem:
            return "problem"
        return "reference" if value is not None and value is self.problem.reference else None


class _Unpickler(pickle.Unpickler):
    """Reads what our own child process wrote, and nothing else."""

    def __init__(self, sent: bytes, problem: Problem) -> None:
        super().__init__(BytesIO(sent))
        self.problem = problem

    def persistent_load(self, name: str) -> object:
        return self.problem if name == "problem" else self.problem.reference


@contextmanager
def tidied_between() -> Iterator[Callable[[], None]]:
    """Memory is given back between two exercises, and not while one is worked on.

    Of the normal forms of one exercise the next has no use. The collector would otherwise walk over all of them again
    and again, which takes a third of the time.
    """
    def tidy() -> None:
        forget()
        gc.collect()

    was_enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield tidy
    finally:
        if was_enabled:
            gc.enable()
