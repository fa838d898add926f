"""Requests to judge lines, one JSON object a line, and their answers in the same order; docs/json.md has the fields.

What a request says is data: an exercise by the name that it has in the package, or a declaration; never a path.
"""

from __future__ import annotations

import gc
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from derivs import library
from derivs.clock import within
from derivs.declare import Declared, declare
from derivs.errors import DerivsError, IllFormed, nearest
from derivs.marks import answer, fields
from derivs.papers import Work, mark, one_by_one, work_on

LARGEST: Final = 1_000_000             # bytes of a request
MOST_LINES: Final = 2_000              # in a request
SECONDS: Final = 60.0                  # for a request
SECONDS_TO_DECLARE: Final = 5.0
MOST_KNOWN: Final = 64                 # exercises that are kept
MOST_USES: Final = 1_000               # of one exercise before its work is begun afresh, so that memory stays bounded
KINDS: Final = ("fragment", "tex", "md", "ipynb")
WRONG: Final = ("wrong", "follows from a wrong line", "ambiguous", "undecided")


def serve(requests: BinaryIO, answers: BinaryIO, problem: str | None = None, seed: int = 0) -> int:
    """Answers every request as soon as it is read; the exit status. problem: for requests that name none."""
    known = Known(problem)
    status = 0
    gc.freeze()                        # what is imported stays; trees are many and live for one request
    gc.set_threshold(50_000, 20, 50)
    for line in _lines(requests):
        found = respond(line, known, seed)
        said = json.dumps(found, ensure_ascii=False, allow_nan=False)
        answers.write(said.encode("utf-8", "backslashreplace") + b"\n")
        answers.flush()
        status = max(status, _status(found), key=(0, 2, 1).index)
    return status


def _status(found: Mapping[str, Any]) -> int:
    kinds = {line["judgement"] for line in found.get("lines", ())}
    return 1 if kinds & {*WRONG} else 2 if "error" in found or "unread" in kinds else 0


def _lines(requests: BinaryIO) -> Iterator[bytes | None]:
    """The lines that are not empty; None for one that is too long, of which no more than a piece is kept."""
    while line := requests.readline(LARGEST + 1):
        if len(line) > LARGEST and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = requests.readline(LARGEST)
            yield None
        elif line.strip():
            yield line


# ---- one request -----------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class Known:
    """The exercises asked for lately, with the work done on them. default: where a request names none."""

    default: str | None = None
    kept: OrderedDict[str, tuple[Declared, Work, int]] = field(default_factory=OrderedDict)

    def exercise(self, said: Any) -> tuple[Declared, Work]:
        """Raises DerivsError for one that does not exist or means nothing."""
        name = json.dumps(said)
        if name not in self.kept:
            self.kept[name] = self._loaded(said)
        declared, work, uses = self.kept.pop(name)
        work = work if uses < MOST_USES else work_on(declared)
        self.kept[name] = declared, work, uses + 1 if uses < MOST_USES else 0
        if len(self.kept) > MOST_KNOWN:
            self.kept.popitem(last=False)
        return declared, work

    def _loaded(self, said: Any) -> tuple[Declared, Work, int]:
        if said is None:
            if self.default is None:
                raise IllFormed("no problem is named", mend='"problem": a name, or a declaration')
            declared, *more = library.exercises(self.default)
            if more:
                raise IllFormed(f"there are {len(more) + 1} exercises in it", where=self.default,
                                mend="put each in a file of its own")
        elif isinstance(said, str):
            if said not in library.names():
                raise DerivsError(f"there is no exercise {said[:80]!r}", mend=nearest(said[:80], library.names()))
            declared, = library.exercises(said)
        elif isinstance(said, Mapping):
            with within(SECONDS_TO_DECLARE):
                declared = declare(said, "problem")
        else:
            raise IllFormed("the problem is neither a name nor a declaration")
        return declared, work_on(declared), 0


def respond(line: bytes | None, known: Known, seed: int = 0) -> dict[str, Any]:
    """The answer to a request; one that cannot be answered has `error` in place of `lines`."""
    request_id = None
    try:
        request = _request(line)
        request_id = request.get("id")
        declared, work = known.exercise(request.get("problem"))
        if "text" in request:
            return _of_text(request_id, request, declared, work, seed)
        lines = request.get("lines")
        if not isinstance(lines, list) or not all(isinstance(one, str) for one in lines):
            raise IllFormed("lines is not a list of texts", mend=r'"lines": ["\\frac{...}{...} = ..."]')
        if len(lines) > MOST_LINES:
            raise IllFormed(f"{len(lines)} lines, more than {MOST_LINES}", mend="make several requests of it")
        checked = list(one_by_one(declared, lines, seed=seed, seconds=SECONDS, work=work))
        return answer(request_id, checked, declared.problem)
    except DerivsError as error:
        return {"id": request_id, "error": {"what": error.what, "where": error.where, "mend": error.mend}}
    except RecursionError:
        return {"id": request_id, "error": {"what": "nested too deeply", "where": "", "mend": ""}}


def _of_text(request_id: Any, request: Mapping[str, Any], declared: Declared, work: Work, seed: int) -> dict[str, Any]:
    """A whole text, in which the lines are found."""
    said, kind = request["text"], request.get("kind", "fragment")
    if not isinstance(said, str) or kind not in KINDS:
        raise IllFormed("text is a text, and kind one of " + ", ".join(KINDS))
    paper = mark((declared,), said, kind, seed=seed, seconds=SECONDS, work=(work,))
    return {"id": request_id, "lines": [{"number": one.checked.number, **fields(one.checked, declared.problem)}
                                        for one in paper.lines]}


def _request(line: bytes | None) -> Mapping[str, Any]:
    if line is None:
        raise IllFormed(f"a request of more than {LARGEST // 1_000_000} MB", mend="make several of it")
    try:
        request = json.JSONDecoder(parse_constant=_no_number).decode(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:              # UnicodeDecodeError and JSONDecodeError are ValueErrors
        why = f"this is not JSON: {error}" if isinstance(error, ValueError) else "nested too deeply"
        raise IllFormed(why) from error
    if not isinstance(request, dict):
        raise IllFormed("a request is a JSON object", mend='{"id": 1, "problem": "batchnorm", "lines": ["..."]}')
    return request


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")
