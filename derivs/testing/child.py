"""Somebody's functions in a process of their own: described, planned, called, and started anew after a death."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, Self, get_args

import numpy as np

from derivs.errors import DerivsError
from derivs.testing.engine import Answer, Description, Kind, Plan, Values
from derivs.testing.frameworks import FRAMEWORKS
from derivs.testing.limits import Died, Limits, died
from derivs.testing.process import Process, printable
from derivs.testing.sandbox import Wish
from derivs.testing.sources import Source
from derivs.testing.wire import Message

LONGEST: Final = 2000                  # characters of a text of its own


class Child:
    """The functions of a source, for as long as the context lasts.

    frameworks: what it is known to need beside what its imports say. remarks: what was passed over in loading. asked:
    how many calls were tried. Raises DerivsError for code that cannot be loaded, with its author's own line, or that
    ends its process meanwhile.
    """

    def __init__(self, source: Source, limits: Limits | None = None, *, sandbox: Wish = "auto",
                 frameworks: tuple[str, ...] = ()) -> None:
        self.source, self.limits, self.sandbox, self.frameworks = source, limits or Limits(), sandbox, frameworks
        self.remarks: tuple[str, ...] = ()
        self.deaths: list[Died] = []
        self.asked = 0
        self._descriptions: dict[str, Description] = {}
        self._plans: list[Plan] = []
        self._process: Process | None = None
        self._fatal: dict[bytes, Died] = {}        # the inputs at which it died, and how
        self._spent = self._wasted = 0.0           # seconds of calls, and of those that ended in a death

    def __enter__(self) -> Self:
        try:
            found = self._started()
        except BaseException:          # Ctrl-C too
            self.end()
            raise
        if isinstance(found, Died):
            self.end()
            last = found.output.strip().splitlines()[-1:]
            raise DerivsError(found.sentence, where=self.source.name, mend="\n    ".join(last))
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def describe(self) -> dict[str, Description]:
        """What is known of each function: `forward`, `backward`."""
        return self._descriptions

    def plan(self, plan: Plan) -> int:
        """One more way to call the functions; its number."""
        self._plans.append(plan)
        if self._process is not None and (found := _planned(self._process, plan)) is not None:
            self._bury(found)
        return len(self._plans) - 1

    def call(self, arrays: Values, plan: int = 0) -> Answer | Died:
        """What comes back for these inputs. An input at which it died is not tried again."""
        key = _key(arrays, plan)
        if key in self._fatal:
            return self._fatal[key]
        if self.gave_up:
            return self.deaths[-1]
        began = time.monotonic()
        found = self._asked(arrays, plan)
        self.asked += 1
        self._spent += time.monotonic() - began
        if isinstance(found, Answer) and self._spent > self.limits.total:
            found = died("total", self.limits)
        if isinstance(found, Died):
            self._fatal[key] = found
            self._bury(found)
            self._wasted += time.monotonic() - began
        return found

    def runner(self, plan: Plan) -> Callable[[Values], Answer]:
        """Calls by a plan, a death being an error in words. Once we gave up, what is new gets no answer at all."""
        number = self.plan(plan)

        def answer(arrays: Values) -> Answer:
            if self.gave_up and _key(arrays, number) not in self._fatal:
                return Answer()
            found = self.call(arrays, number)
            return found if isinstance(found, Answer) else Answer(error=found.sentence)

        return answer

    @property
    def gave_up(self) -> bool:
        """Whether it has died too often, or took too long in all."""
        return self._wasted >= self.limits.patience or any(one.cause == "total" for one in self.deaths)

    @property
    def output(self) -> str:
        """The end of what it has printed."""
        return "" if self._process is None else printable(self._process.output)

    def end(self) -> None:
        """Nothing of it is left. A later call starts it anew."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def _asked(self, arrays: Values, plan: int) -> Answer | Died:
        try:
            process = self._process or self._started()
        except DerivsError as error:   # though it could be loaded before
            return died("broken", self.limits, words=f": {error}")
        if isinstance(process, Died):
            return process
        reply = process.ask({"do": "call", "plan": plan}, arrays, self.limits.time, "time")
        return reply if isinstance(reply, Died) else self._answer(reply)

    def _bury(self, found: Died) -> None:
        self.deaths.append(found)
        self.end()

    def _started(self) -> Process | Died:
        """A new process that has loaded the code, and knows the plans there are."""
        self._process = process = Process(self.source, self.limits, self.sandbox)
        named = {"source": self.source.to_json(), "frameworks": list(self.frameworks)}
        begun = process.ask({"do": "start", **named}, {}, self.limits.start, "start")
        if isinstance(begun, Died):
            return begun
        loaded = process.ask({"do": "load", **named}, {}, self.limits.load, "load")
        if isinstance(loaded, Died):
            return loaded
        match loaded.fields:
            case {"error": [what, where, mend]}:
                raise DerivsError(_text(what), where=_text(where), mend=_text(mend))
            case {"descriptions": dict(told), "remarks": list(remarks)} if told.keys() == self.source.functions.keys():
                try:
                    self._descriptions = {role: _description(one) for role, one in told.items()}
                except (TypeError, ValueError, RecursionError):
                    return died("garbage", self.limits, words="a description that is none")
                self.remarks = tuple(map(_text, remarks))
            case _:
                return died("garbage", self.limits, words="a description that is none")
        for plan in self._plans:
            if (found := _planned(process, plan)) is not None:
                return found
        return process

    def _answer(self, reply: Message) -> Answer | Died:
        """An answer, if it is one: who wrote it may be the code itself."""
        try:
            fields = _clean(reply.fields)
            values = {name: value for name, value in reply.arrays.items() if not isinstance(value, int | float)}
            return Answer(values, tuple(map(str, fields.get("mutated", ()))), str(fields.get("error", "")),
                          {name: tuple(map(int, shape)) for name, shape in dict(fields.get("shapes", {})).items()},
                          {name: str(dtype) for name, dtype in dict(fields.get("dtypes", {})).items()})
        except (TypeError, ValueError, RecursionError):
            return died("garbage", self.limits, words="an answer that is none")


def _description(fields: Any) -> Description:
    """What is said of a function, if it has the types that it should have; raises TypeError or ValueError."""
    made = Description.from_json(_clean(fields))
    lists = made.parameters, made.defaults, made.by_name, made.returned
    texts = [made.name, *(one for names in lists for one in names)]
    if not all(isinstance(names, tuple) for names in lists) or not all(isinstance(one, str) for one in texts):
        raise TypeError
    if made.kind not in get_args(Kind) or made.framework not in FRAMEWORKS:
        raise ValueError
    return made


def _planned(process: Process, plan: Plan) -> Died | None:
    found = process.ask({"do": "plan", "plan": plan.to_json()}, {}, process.limits.start, "start")
    return found if isinstance(found, Died) else None


def _key(arrays: Values, plan: int) -> bytes:
    digest = sha256(str(plan).encode())
    for name, value in sorted(arrays.items()):
        array = np.asarray(value)
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode() + array.tobytes())
    return digest.digest()


def _text(value: Any) -> str:
    return printable(str(value)[:LONGEST])


def _clean(value: Any) -> Any:
    """A value out of JSON, all its texts cut and without what would steer a terminal."""
    match value:
        case str():
            return _text(value)
        case list():
            return list(map(_clean, value))
        case dict():
            return {_text(key): _clean(one) for key, one in value.items()}
        case _:
            return value
