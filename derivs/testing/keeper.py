"""A process that watches another one and all that it starts: their memory, their number, their files, and their end.

The program that asked holds the other end of the `lifeline`; when it lets go, or ends itself, everything here ends too.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NoReturn

from derivs.testing.limits import MEGABYTE, Limits
from derivs.testing.rights import adopt_orphans, own_user

BETWEEN = 0.05                         # seconds between two looks
PATIENCE = 5.0                         # seconds until the last of them must have ended
IGNORED = signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT


def keep(limits: Limits, folder: str, lifeline: int, status: int, play: Callable[[], NoReturn]) -> NoReturn:
    """Start `play` in a process of its own, watch it, and tell `status` how it ended: {"cause": ..., "number": ...}."""
    for ignored in IGNORED:
        signal.signal(ignored, signal.SIG_IGN)
    adopt_orphans()
    player = os.fork()
    if player == 0:
        os.setsid()                    # what it sends to its group does not come here
        for ignored in IGNORED:
            signal.signal(ignored, signal.default_int_handler if ignored == signal.SIGINT else signal.SIG_DFL)
        os.close(lifeline)
        os.close(status)
        play()
    cause, number = _watched(limits, folder, lifeline, player)
    _end_all(player)
    delete(folder)                     # here too, since nobody else may be left to do it
    with suppress(OSError):            # nobody may be listening any more
        os.write(status, json.dumps({"cause": cause, "number": number}).encode())
    os._exit(0)


def _watched(limits: Limits, folder: str, lifeline: int, player: int) -> tuple[str, int]:
    """Why it must end, or how it has ended."""
    handle = os.pidfd_open(player)
    while True:
        ready, _, _ = select.select([lifeline, handle], [], [], BETWEEN)
        if handle in ready:
            code = os.waitstatus_to_exitcode(os.waitpid(player, 0)[1])
            return ("exit", code) if code >= 0 else ("signal", -code)
        if lifeline in ready:
            return "let go", 0
        alive = [process for process in _descendants(os.getpid()) if not _reaped(process, player)]
        if len(alive) > 1 + limits.processes:
            return "processes", 0
        if sum(map(_memory, alive)) > limits.memory * MEGABYTE:
            return "memory", 0
        if _files(folder, limits.files) > limits.files:
            return "files", 0


def _descendants(process: int) -> Iterator[int]:
    """Children, and theirs, without those that end while we look."""
    try:
        tasks = os.listdir(f"/proc/{process}/task")
    except OSError:
        return
    for task in tasks:
        try:
            with open(f"/proc/{process}/task/{task}/children", encoding="ascii") as file:
                children = file.read().split()
        except OSError:
            continue
        for child in children:
            yield int(child)
            yield from _descendants(int(child))


def _reaped(process: int, player: int) -> bool:
    """An orphan that has ended is collected here, where nobody else will."""
    if process == player:
        return False
    with suppress(ChildProcessError):
        return os.waitpid(process, os.WNOHANG)[0] != 0
    return False


def _memory(process: int) -> int:
    """The bytes that it has written to, of its own and shared; the code of libraries does not count."""
    total = 0
    try:
        with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(("RssAnon:", "RssShmem:")):
                    total += int(line.split()[1]) * 1024
    except OSError:
        pass
    return total


def _files(folder: str, enough: int) -> int:
    """How many files and folders there are below a folder; counting stops above `enough`."""
    count = 0
    for _, folders, files in os.walk(folder):
        count += len(folders) + len(files)
        if count > enough:
            break
    return count


def _end_all(player: int) -> None:
    """Nothing that came of the player goes on, however it has forked and moved to other groups and sessions."""
    if os.getuid() == 0:
        _end_user(own_user(player))
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        alive = list(_descendants(os.getpid()))
        for process in alive:          # first all stand still, so that none starts another meanwhile
            with suppress(OSError):
                os.kill(process, signal.SIGSTOP)
        for process in alive:
            with suppress(OSError):
                if os.getpgid(process) != os.getpgrp():
                    os.killpg(os.getpgid(process), signal.SIGKILL)
                os.kill(process, signal.SIGKILL)
        if not _collected():
            return


def _end_user(user: int) -> None:
    """As that user, kill -1: the kernel finds all of them, in one step in which none can fork."""
    child = os.fork()
    if child == 0:
        with suppress(OSError):
            os.setresuid(user, user, user)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    with suppress(OSError):
        os.waitpid(child, 0)


def delete(folder: str) -> None:
    """A folder, as far as it can be: parts of it may have been closed, and others may be there again."""
    for path, _, _ in os.walk(folder):
        with suppress(OSError):
            os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def end_marked(mark: str) -> None:
    """End the processes with these words in their environment: what is left where a keeper was ended itself."""
    until = time.monotonic() + PATIENCE
    while (found := list(_marked(mark.encode()))) and time.monotonic() < until:
        for process in found:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.002)


def _marked(mark: bytes) -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                if mark in file.read().split(b"\0"):
                    yield int(name)


def _collected() -> bool:
    """Collect what has ended; whether there is more to come."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    time.sleep(0.002)
    return True
