"""A cold measurement: the work is done in a forked child, so that no table of ours is warm."""

from __future__ import annotations

import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable
from typing import Any

_fork = multiprocessing.get_context("fork")


def _child(work: Callable[[], Any], pipe: Any) -> None:
    start = time.perf_counter()
    try:
        result = work()
    except Exception as error:               # the parent prints it: that an alternative fails is a result
        result = f"{type(error).__name__}: {error}"
    pipe.send((1e3 * (time.perf_counter() - start), result))


def cold(work: Callable[[], Any], *, seconds: float = 60.0) -> tuple[float | None, Any]:
    """Milliseconds of `work` in a fresh child, and what it returned (picklable); (None, "too long") after the limit."""
    gc.collect()
    gc.freeze()                       # or the child's collector would first copy all that the parent holds
    mine, theirs = _fork.Pipe()
    child = _fork.Process(target=_child, args=(work, theirs))
    child.start()
    if not mine.poll(seconds):
        child.kill()
        child.join()
        return None, "too long"
    answer: tuple[float, Any] = mine.recv()
    child.join()
    return answer


def median(work: Callable[[], Any], runs: int) -> tuple[float | None, Any]:
    """The median of several cold runs, and the last result."""
    times, result = [], None
    for _ in range(runs):
        taken, result = cold(work)
        if taken is None:
            return None, result
        times.append(taken)
    return statistics.median(times), result
