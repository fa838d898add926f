"""The child process, `python -m derivs.testing.worker`: reads requests, calls somebody's functions, answers.

Started by `derivs.testing.child`. The first process only watches (see keeper.py); a second one, which has given up its
rights (see rights.py), runs the code. Its standard output is a pipe that no answer goes through.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from derivs.testing.keeper import keep
from derivs.testing.limits import BROKEN, Limits, died, hold
from derivs.testing.rights import end_with_parent, give_up

if TYPE_CHECKING:
    from derivs.testing.engine import Engine
    from derivs.testing.wire import Message, Value

Reply = tuple[dict[str, Any], Mapping[str, "Value"]]

LONGEST: Final = 2000                  # characters of a message
LISTED: Final = 1000                   # names in an answer
NO_MEMORY: Final = "MemoryError", "RESOURCE_EXHAUSTED", "can't allocate memory"    # as NumPy, JAX and PyTorch say it
WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# What Python tells before it does it (docs.python.org/3/library/audit_events.html), in the words of our refusal.
FILES: Final[Mapping[str, str]] = {
    "os.remove": "delete", "os.rename": "rename", "os.rmdir": "delete", "os.mkdir": "make", "os.truncate": "cut off",
    "os.link": "link", "os.symlink": "link", "os.chmod": "change", "os.chown": "change", "os.utime": "change",
    "os.setxattr": "change", "shutil.rmtree": "delete"}
OTHERS: Final[Mapping[str, tuple[str, int]]] = {           # and which of its arguments says with whom
    "os.kill": ("send a signal to process", 0), "os.killpg": ("send a signal to group", 0),
    "socket.connect": ("connect to", 1), "socket.bind": ("listen at", 1)}


def main(arguments: list[str]) -> NoReturn:
    """REQUESTS ANSWERS LIFELINE STATUS, four open descriptors; FOLDER, its own; LIMITS and READABLE, as JSON."""
    requests, answers, lifeline, status = map(int, arguments[:4])
    folder, limits, readable = arguments[4], Limits.from_json(json.loads(arguments[5])), json.loads(arguments[6])
    with suppress(OSError):            # where memory runs out, it is this one that the system ends
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")

    def play() -> NoReturn:
        keeper = os.getppid()
        try:
            give_up(folder, readable)
            end_with_parent(keeper)    # after that: becoming another user forgets it
            _Player(requests, answers, folder, limits).play()
        except BaseException:          # ours, or what the code did to the libraries that we use
            traceback.print_exc()
        finally:
            os._exit(BROKEN)

    for handle in (requests, answers, lifeline, status):
        os.set_inheritable(handle, False)
    keep(limits, folder, lifeline, status, play)


class _Player:
    """One request after the other. What is used after somebody's code has run is taken hold of before."""

    def __init__(self, requests: int, answers: int, folder: str, limits: Limits) -> None:
        from derivs.testing import engine, sources, wire
        self.engine, self.sources, self.wire = engine, sources, wire
        self.requests, self.answers, self.folder, self.limits = requests, answers, folder, limits
        self.inbox = wire.Inbox(limits.result)
        self.functions: Mapping[str, object] = {}
        self.engines: list[Engine] = []

    def play(self) -> None:
        """Until nobody asks any more. Exit handlers of the code do not run, and its threads end."""
        while (request := self._request()) is not None:
            work: Mapping[str, Callable[[Message], Reply]] = {
                "start": self._start, "load": self._load, "plan": self._plan, "call": self._call}
            fields, arrays = work[request.fields["do"]](request)
            self._flush()
            self._send({**fields, "token": request.fields["token"]}, arrays)
        os._exit(0)

    def _request(self) -> Message | None:
        while chunk := os.read(self.requests, self.inbox.wanted):
            message = self.inbox.feed(chunk)
            if message is not None:
                return message
        return None

    def _send(self, fields: Mapping[str, Any], arrays: Mapping[str, Value]) -> None:
        rest = memoryview(self.wire.packed(fields, arrays))
        while rest:
            rest = rest[os.write(self.answers, rest):]

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(BaseException):          # the code may have put anything there
                stream.flush()

    # ---- requests ----------------------------------------------------------------------------------------------------

    def _start(self, request: Message) -> Reply:
        """The frameworks, which take their time and memory for themselves; from then on the limits hold."""
        found = set(request.fields["frameworks"]) | self.sources.frameworks(self._source(request))
        for name in sorted(found):
            with suppress(ImportError):            # the code may do without; else it is told when it is loaded
                __import__(name)
        hold(self.limits, bool(found))
        return {"frameworks": sorted(found)}, {}

    def _load(self, request: Message) -> Reply:
        from derivs.errors import DerivsError
        sys.addaudithook(self._refuse)
        try:
            loaded = self.sources.loaded(self._source(request))
            self.functions = loaded.functions
            told = {role: self.engine.describe(function).to_json() for role, function in loaded.functions.items()}
            return {"descriptions": told, "remarks": [remark[:LONGEST] for remark in loaded.remarks[:LISTED]]}, {}
        except DerivsError as error:
            return {"error": [error.what[:LONGEST], error.where[:LONGEST], error.mend[:LONGEST]]}, {}
        except BaseException as error:             # a metaclass or a signature of the code's own
            return {"error": [self.sources.said(error), self._source(request).name, ""]}, {}

    def _plan(self, request: Message) -> Reply:
        self.engines.append(self.engine.Engine(self.functions, self.engine.Plan.from_json(request.fields["plan"])))
        return {}, {}

    def _call(self, request: Message) -> Reply:
        try:
            answer = self.engines[request.fields["plan"]](request.arrays)
        except BaseException as error:             # Ctrl-C of its own; inputs that it broke
            return {"error": self.sources.said(error)}, {}
        if sum(value.nbytes for value in answer.values.values()) > self.limits.result:
            return {"error": died("result", self.limits).sentence}, {}
        words = answer.error[:LONGEST]
        if any(sign in words for sign in NO_MEMORY):
            words += f"; it may take {self.limits.memory} MB"
        return {"error": words, "mutated": list(answer.mutated),
                "shapes": {name: list(shape) for name, shape in answer.shapes.items()},
                "dtypes": dict(answer.dtypes)}, answer.values

    def _source(self, request: Message) -> Any:
        return self.sources.Source.from_json(request.fields["source"])

    # ---- what is refused ---------------------------------------------------------------------------------------------

    def _refuse(self, event: str, arguments: tuple[Any, ...]) -> None:
        """A plain word before the kernel says no; code that means harm goes around it."""
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and isinstance(flags, int) and flags & WRITES and self._is_outside(path):
                raise PermissionError(f"it may not write to {os.fsdecode(path)!r}")
        elif event in FILES:
            path = arguments[0]
            if not isinstance(path, int) and self._is_outside(path):
                raise PermissionError(f"it may not {FILES[event]} {os.fsdecode(path)!r}")
        elif event in OTHERS:
            whom = arguments[OTHERS[event][1]]
            if whom not in (os.getpid(), os.getpgrp()):
                raise PermissionError(f"it may not {OTHERS[event][0]} {whom}")

    def _is_outside(self, path: str | bytes | os.PathLike[str]) -> bool:
        full, own = os.path.realpath(os.fsdecode(path)), os.path.realpath(self.folder)
        return full != os.devnull and os.path.commonpath((full, own)) != own


if __name__ == "__main__":
    main(sys.argv[1:])
