"""A cold measurement in a forked child: warm memory and code, empty tables."""

from __future__ import annotations

import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable
from typing import Any

from derivs.normal.atoms import forget

_fork = multiprocessing.get_context("fork")


def _child(work: Callable[[], Any], reset: Callable[[], None], pipe: Any) -> None:
    """Works once unmeasured, so that pages are copied and code is warm, then from empty tables."""
    try:
        work()
        reset()
        gc.collect()
        start = time.perf_counter()
        result = work()
    except Exception as error:               # the parent prints it: that an alternative fails is a result
        start, result = time.perf_counter(), f"{type(error).__name__}: {error}"
    pipe.send((1e3 * (time.perf_counter() - start), result))


def cold(work: Callable[[], Any], *, reset: Callable[[], None] = forget,
         seconds: float = 60.0) -> tuple[float | None, Any]:
    """Milliseconds of `work` from empty tables, and what it returned; (None, "too long") after the limit."""
    gc.collect()
    gc.freeze()                       # or the child's collector would first copy all that the parent holds
    mine, theirs = _fork.Pipe()
    child = _fork.Process(target=_child, args=(work, reset, theirs))
    child.start()
    if not mine.poll(2 * seconds):
        child.kill()
        child.join()
        return None, "too long"
    answer: tuple[float, Any] = mine.recv()
    child.join()
    return (None, "too long") if answer[0] > 1e3 * seconds else answer


def median(work: Callable[[], Any], runs: int, *, reset: Callable[[], None] = forget) -> tuple[float | None, Any]:
    """The median of several cold runs, and the last result."""
    times, result = [], None
    for _ in range(runs):
        taken, result = cold(work, reset=reset)
        if taken is None:
            return None, result
        times.append(taken)
    return statistics.median(times), result
