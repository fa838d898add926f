"""What code that is not ours may take: a table of limits, and how we say that one was reached."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much, of what.

    NumPy keeps within `memory` and a little more of address space. JAX and PyTorch reserve address space that they do
    not use, and stacks for their threads: for these only memory that is written to counts.
    """

    time: float = 5.0                  # seconds of a call
    load: float = 20.0                 # seconds in which the file is loaded
    start: float = 60.0                # seconds in which Python, NumPy and the framework are: ours, not the author's
    total: float = 300.0               # seconds of all calls together
    memory: int = 2000                 # MB of all its processes together
    output: int = MEGABYTE             # bytes printed in one call
    result: int = 100 * MEGABYTE       # bytes of arrays returned by one call
    file: int = MEGABYTE               # bytes of a file, in a folder of its own that is deleted afterwards
    files: int = 100                   # files in it
    processes: int = 8                 # that it starts
    patience: float = 10.0             # seconds of calls that ended in a death, after which it is not started once more

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> Limits:
        return Limits(**fields)


@dataclass(frozen=True, slots=True)
class Row:
    """A limit that the system holds for each process. amount: from the limits and whether a large framework is used."""

    name: str                          # in the module `resource`
    amount: Callable[[Limits, bool], int]


BROKEN: Final = 113                    # the exit status of a worker that cannot go on

THREADS: Final = 16                    # of a NumPy program; a framework starts several for each processor
SPARE: Final = 2000                    # MB of a framework's stacks, and of a NumPy program's shared address space

SYSTEM: Final = (
    Row("RLIMIT_CORE", lambda limits, large: 0),
    Row("RLIMIT_FSIZE", lambda limits, large: limits.file),
    Row("RLIMIT_NOFILE", lambda limits, large: 256),
    Row("RLIMIT_CPU", lambda limits, large: int(limits.start + limits.load + limits.total) + 1),
    Row("RLIMIT_DATA", lambda limits, large: (limits.memory + SPARE * large) * MEGABYTE),
    Row("RLIMIT_AS", lambda limits, large: -1 if large else (limits.memory + SPARE) * MEGABYTE),
    Row("RLIMIT_NPROC", lambda limits, large: _tasks() + limits.processes + _threads(large)),
)


def hold(limits: Limits, large: bool) -> None:
    """From here on the system holds this process and its descendants to the limits; none can be raised again."""
    import resource
    for row in SYSTEM:
        kind = getattr(resource, row.name)
        amount, hard = row.amount(limits, large), resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY and (amount < 0 or hard < amount):
            amount = hard
        resource.setrlimit(kind, (amount, amount))


def _threads(large: bool) -> int:
    return 64 + 16 * (os.cpu_count() or 1) if large else THREADS


def _tasks() -> int:
    """The threads that this user has now; RLIMIT_NPROC counts all of them."""
    count = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == os.getuid():
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:                # it has ended meanwhile
            continue
    return count


# What ended it, and what we say. {limit} is the limit that was reached, {number} an exit status or a signal.
DEATHS: Final[Mapping[str, str]] = {
    "time": "it did not come back in {limit:g} s",
    "load": "loading it took more than {limit:g} s",
    "start": "Python and its libraries did not start in {limit:g} s",
    "total": "all its calls together took more than {limit:g} s",
    "memory": "it took more than {limit:g} MB",
    "output": "it printed more than {limit:g} MB in one call",
    "result": "it returned more than {limit:g} MB",
    "processes": "it started more than {limit:g} processes",
    "files": "it made more than {limit:g} files",
    "exit": "it ended the program with exit status {number}",
    "signal": "it was ended by signal {number}{name}",
    "garbage": "it wrote into the pipe that its answers come through: {words}",
    "closed": "it closed the pipe that its answers come through",
    "watch": "it ended the process that watches over it",
    "broken": "it broke the Python that it runs in{words}",
}

# The limit of a death, in the unit of its sentence.
REACHED: Final[Mapping[str, Callable[[Limits], float]]] = {
    "time": lambda limits: limits.time, "load": lambda limits: limits.load, "start": lambda limits: limits.start,
    "total": lambda limits: limits.total, "memory": lambda limits: limits.memory,
    "output": lambda limits: limits.output / MEGABYTE, "result": lambda limits: limits.result / MEGABYTE,
    "processes": lambda limits: limits.processes, "files": lambda limits: limits.files,
}

SIGNALS: Final[Mapping[int, str]] = {
    signal.SIGSEGV: "it touched memory that is not its own", signal.SIGBUS: "it touched memory that is not its own",
    signal.SIGABRT: "abort() was called",
    signal.SIGFPE: "an integer division by zero in machine code",
    signal.SIGILL: "an instruction that this processor does not have", signal.SIGKILL: "kill -9",
    signal.SIGXCPU: "the limit of processor time", signal.SIGXFSZ: "the limit of a file's size",
}


@dataclass(frozen=True, slots=True)
class Died:
    """It did not answer. cause: a row of DEATHS. sentence: what happened. output: the end of what it printed."""

    cause: str
    sentence: str
    output: str = ""

    def __str__(self) -> str:
        return self.sentence


def died(cause: str, limits: Limits, *, number: int = 0, words: str = "", output: str = "") -> Died:
    """The death of a cause, in words."""
    try:
        name = f" ({signal.Signals(number).name}: {SIGNALS[number]})" if number in SIGNALS else (
            f" ({signal.Signals(number).name})")
    except ValueError:
        name = ""
    limit = REACHED[cause](limits) if cause in REACHED else 0
    return Died(cause, DEATHS[cause].format(limit=limit, number=number, name=name, words=words), output)
