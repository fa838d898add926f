"""A time limit for a piece of work that is not ours to stop from inside."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import perf_counter
from types import FrameType

from derivs.errors import OutOfBudget

AGAIN = 0.2                            # seconds: the alarm repeats until it is heard


class _Alarm(BaseException):
    """Not an Exception, so that nobody on the way takes it for one of theirs."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises OutOfBudget where the work takes longer. Only a program's main thread can be stopped; others go on."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _Alarm

    start = perf_counter()
    others, their_handler = signal.getitimer(signal.ITIMER_REAL), signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3), AGAIN)
        yield
    except _Alarm:
        raise OutOfBudget(f"it takes longer than {seconds:.3g} seconds") from None
    finally:
        with suppress(_Alarm):
            signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, their_handler)
        if others[0]:
            signal.setitimer(signal.ITIMER_REAL, max(others[0] - (perf_counter() - start), 1e-3), others[1])
