"""One worker process: started with an environment of its own, asked over pipes, ended with all that it has started."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import site
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from derivs.errors import DerivsError
from derivs.testing import sandbox
from derivs.testing.keeper import PATIENCE, delete, end_marked
from derivs.testing.limits import BROKEN, DEATHS, Died, Limits, died
from derivs.testing.sources import Source
from derivs.testing.wire import Inbox, Malformed, Message, Value, packed

KEPT: Final = 4000                     # characters of what it prints
MARK: Final = "DERIVS_CHILD"

# All that it sees of the environment: no key, no token, no name of the user. {folder} is its own.
ENVIRONMENT: Final[Mapping[str, str]] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC",
    "HOME": "{folder}", "TMPDIR": "{folder}", "USER": "derivs", "LOGNAME": "derivs",
    "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1",
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg"}
PASSED_ON: Final = ("PYTHONPATH", "LD_LIBRARY_PATH")


class Process:
    """A worker with pipes to it. Not to be shared between threads."""

    def __init__(self, source: Source, limits: Limits, wish: sandbox.Wish) -> None:
        if sys.platform != "linux":
            raise DerivsError("code that is not ours can be held to limits on Linux only",
                              mend="code that you trust can be tried in Python: derivs.testing.check")
        self.limits = limits
        self.output = ""               # the end of what it printed
        self._printed = 0
        self._folder = ""
        words = sandbox.command(wish, [source.folder])
        if words is None:
            self._folder = tempfile.mkdtemp(prefix="derivs-")
        folder = self._folder or sandbox.FOLDER
        self._mark = f"{MARK}={secrets.token_hex(16)}"
        ours, theirs = _pipes()
        self._requests, self._answers, self._lifeline, self._status, self._out = ours
        readable = [source.folder, source.module if source.is_file else "", sys.executable, str(Path(__file__).parent)]
        try:
            self._process = subprocess.Popen(
                [*(words or ()), sys.executable, "-m", "derivs.testing.worker", *map(str, theirs[:4]), folder,
                 json.dumps(limits.to_json()), json.dumps(readable)],
                stdin=subprocess.DEVNULL, stdout=theirs[4], stderr=theirs[4], pass_fds=theirs[:4],
                start_new_session=True, cwd="/" if words else folder, env=_environment(folder, self._mark))
        except BaseException:
            for handle in ours:
                os.close(handle)
            delete(self._folder)
            raise
        finally:
            for handle in theirs:
                os.close(handle)
        self._is_open = True

    def ask(self, fields: Mapping[str, Any], arrays: Mapping[str, Value], seconds: float, late: str) -> Message | Died:
        """Its reply. late: the cause that is said when there is none within so many seconds. Who died is ended."""
        token = secrets.token_hex(16)
        reply = self._reply(packed({**fields, "token": token}, arrays), seconds, late)
        if isinstance(reply, Message) and reply.fields.get("token") != token:
            reply = self._died("garbage", words="no answer to what was asked")
        if isinstance(reply, Died):
            self.end()
        return reply

    def end(self) -> None:
        """It, all that it has started, and its folder are gone."""
        if not self._is_open:
            return
        self._is_open = False
        os.close(self._lifeline)       # at this the keeper ends everything
        was_kept = True
        try:
            was_kept = self._process.wait(2 * PATIENCE) == 0
        except subprocess.TimeoutExpired:
            was_kept = False
        finally:
            if not was_kept:           # it was stopped or ended itself
                self._process.kill()
                self._process.wait()
                end_marked(self._mark)
            for handle in (self._requests, self._answers, self._status, self._out):
                os.close(handle)
            if self._folder:
                delete(self._folder)

    def _reply(self, data: bytes, seconds: float, late: str) -> Message | Died:
        until, inbox, rest = time.monotonic() + seconds, Inbox(self.limits.result), memoryview(data)
        self._printed = 0
        with selectors.DefaultSelector() as ready:
            ready.register(self._requests, selectors.EVENT_WRITE)
            for handle in (self._status, self._answers, self._out):
                ready.register(handle, selectors.EVENT_READ)
            while True:
                handles = {key.fd for key, _ in ready.select(max(until - time.monotonic(), 0))}
                if self._requests in handles:
                    rest = self._sent(rest)
                    if not rest:
                        ready.unregister(self._requests)
                if self._out in handles and not self._drained():
                    ready.unregister(self._out)
                if self._printed > self.limits.output:
                    return self._died("output")
                if self._answers in handles:
                    chunk = os.read(self._answers, inbox.wanted)
                    if not chunk:      # the keeper will say why, if it has ended
                        ready.unregister(self._answers)
                        until, late = time.monotonic() + PATIENCE, "closed"
                    try:
                        message = inbox.feed(chunk)
                    except Malformed as error:
                        return self._died("garbage", words=str(error))
                    if message is not None:
                        return message
                elif self._status in handles:
                    return self._ended()
                if time.monotonic() >= until:
                    return self._died(late)

    def _sent(self, rest: memoryview) -> memoryview:
        try:
            return rest[os.write(self._requests, rest):]
        except BlockingIOError:
            return rest
        except BrokenPipeError:        # nobody reads any more
            return rest[:0]

    def _drained(self) -> bool:
        """Take what it printed; whether there may be more."""
        try:
            chunk = os.read(self._out, 1 << 16)
        except BlockingIOError:
            return True
        self._printed += len(chunk)
        self.output = (self.output + chunk.decode("utf-8", "replace"))[-KEPT:]
        return bool(chunk)

    def _ended(self) -> Died:
        """How it ended, in the words of the keeper, whom the code cannot reach."""
        while self._printed <= self.limits.output and self._has_more():
            self._drained()
        try:
            told = json.loads(os.read(self._status, 1000) or b"{}")
            cause, number = str(told["cause"]), int(told["number"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return self._died("watch")
        if (cause, number) == ("exit", BROKEN):
            last = printable(self.output).strip().splitlines()[-1:]
            return self._died("broken", words="".join(f": {line}" for line in last))
        return self._died(cause if cause in DEATHS else "watch", number)

    def _has_more(self) -> bool:
        with selectors.DefaultSelector() as ready:
            ready.register(self._out, selectors.EVENT_READ)
            return bool(ready.select(0)) and self._drained()

    def _died(self, cause: str, number: int = 0, words: str = "") -> Died:
        return died(cause, self.limits, number=number, words=words, output=printable(self.output))


def printable(text: str) -> str:
    """Somebody else's words, without signs that would steer a terminal."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text[-KEPT:])


def _pipes() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Our ends and its ends of: requests, answers, lifeline, status, output."""
    requests, answers, lifeline, status, output = (os.pipe() for _ in range(5))
    ours = requests[1], answers[0], lifeline[1], status[0], output[0]
    for handle in (ours[0], ours[4]):
        os.set_blocking(handle, False)
    return ours, (requests[0], answers[1], lifeline[0], status[1], output[1])


def _environment(folder: str, mark: str) -> dict[str, str]:
    name, value = mark.split("=")
    passed = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    fixed = {key: text.format(folder=folder) for key, text in ENVIRONMENT.items()}
    return {**passed, **fixed, "PYTHONUSERBASE": site.getuserbase(), name: value}
