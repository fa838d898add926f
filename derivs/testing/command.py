"""`derivs test`: the property suite of exercises, for functions in files, each in a process with limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, Final

from derivs import library
from derivs.errors import DerivsError
from derivs.problem import Problem
from derivs.report import VERSION
from derivs.testing.child import Child
from derivs.testing.limits import Limits
from derivs.testing.sandbox import Wish, unusable
from derivs.testing.sources import Source, source
from derivs.testing.suite import Report, check

LINES: Final = 5                       # of what a function printed that are shown
SIGN: Final = re.compile(r"^  ([✓✗!?]) ", re.M)
COLORS: Final = {"✓": "32", "✗": "31", "!": "33", "?": "35"}
PLAIN: Final = {"✓": "ok", "✗": "x"}
PAIR: Final = re.compile(r"""['"](.+?)['"]: ['"]?([^'",]+)""")

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A function, and the exercise whose backward pass it is to be."""

    problem: str
    source: Source

    @property
    def name(self) -> str:
        return self.source.name


@dataclass(frozen=True, slots=True)
class Options:
    """How all of them are tried. names: what a parameter stands for; returns: whose gradients come back, in order."""

    examples: int = 100
    seed: int = 0
    names: Mapping[str, str] = field(default_factory=dict)
    returns: tuple[str, ...] = ()
    framework: str = ""
    limits: Limits = field(default_factory=Limits)
    sandbox: Wish = "auto"


@dataclass(frozen=True, slots=True)
class Tested:
    """What was found of one function. error: why it could not be tried at all. printed: the end of its output."""

    asked: Asked
    report: Report | None = None
    error: DerivsError | None = None
    remarks: tuple[str, ...] = ()
    printed: str = ""
    milliseconds: float = 0.0

    def fields(self) -> dict[str, Any]:
        """One of `functions` in `--json`."""
        error = self.error and {"what": self.error.what, "where": self.error.where, "mend": self.error.mend}
        own = {"problem": self.asked.problem, "function": self.asked.name} if self.report is None else (
            self.report.fields() | {"function": self.asked.name})
        return {"ok": False, **own, "error": error, "remarks": list(self.remarks), "printed": self.printed,
                "milliseconds": round(self.milliseconds, 3)}

    def text(self, *, programs: bool = True) -> str:
        """A block for a terminal."""
        if self.report is None:
            return f"{self.asked.problem}: {self.asked.name}\n  ? not tried\n" + _indented(str(self.error))
        named = replace(self.report, name=self.asked.name, notes=(*self.report.notes, *self.remarks))
        lines = [named.text(programs=programs)]
        if self.printed and not self.report.ok:
            lines += ["  · it printed", *(f"      {line}" for line in self.printed.strip().splitlines()[-LINES:])]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `derivs test` says of all of them."""

    tested: tuple[Tested, ...]
    options: Options

    @property
    def status(self) -> int:
        """0: every property of every function holds. 1: one does not. 2: else, one could not be tried."""
        if any(one.report is not None and not one.report.ok for one in self.tested):
            return 1
        return 2 if any(one.error is not None for one in self.tested) else 0

    def fields(self) -> dict[str, Any]:
        """`derivs test --json`; the fields are in docs/running.md."""
        return {"version": VERSION, "command": "test", "status": self.status, "examples": self.options.examples,
                "seed": self.options.seed, "sandbox": "" if unboxed(self.options.sandbox) else "bubblewrap",
                "limits": self.options.limits.to_json(), "functions": [one.fields() for one in self.tested]}

    def text(self, *, color: bool = False, ascii_only: bool = False) -> str:
        """For a terminal."""
        blocks = [one.text() for one in self.tested]
        holding = sum(one.report is not None and one.report.ok for one in self.tested)
        summary = [f"{holding} of {len(self.tested)} functions hold"] if len(self.tested) > 1 else []
        found = SIGN.sub(lambda sign: _sign(sign[1], color, ascii_only), "\n\n".join([*blocks, *summary]))
        return found.encode("ascii", "replace").decode() if ascii_only else found


def asked(words: Sequence[str], forward: str = "") -> list[Asked]:
    """`[PROBLEM] [PROBLEM=]MODULE:FUNCTION...` taken apart, all mistakes at once.

    forward: the forward pass that belongs to each of them, by its name in the same module; or, where no function is
    given, MODULE:FUNCTION of one that is tried alone.
    """
    problem = words[0] if words and "=" not in words[0] and not _names_function(words[0]) else ""
    words = words[1:] if problem else words
    found: list[Asked] = []
    errors: list[DerivsError] = []
    alone = not words and ":" in forward
    for one in [forward] if alone else words:
        own, _, function = one.rpartition("=")
        try:
            if not own and not problem:
                raise DerivsError("no exercise is named", where=one, mend=f"derivs test PROBLEM {one}")
            found.append(Asked(own or problem, source(function, "" if alone else forward, alone)))
        except DerivsError as error:
            errors.append(error)
    if errors:
        raise errors[0] if len(errors) == 1 else DerivsError("\nderivs: ".join(map(str, errors)))
    if not found:
        raise DerivsError("no function is named", mend=f"derivs test {problem or 'PROBLEM'} MODULE:FUNCTION, as in "
                                                       "derivs test softmax_temperature softmax.py:backward")
    return found


def pairs(words: Sequence[str]) -> dict[str, str]:
    """`p=tensor`, several of them, or with commas between them."""
    found: dict[str, str] = {}
    for word in filter(None, (part.strip() for group in words for part in group.split(","))):
        name, sign, tensor = word.partition("=")
        if not sign or not name or not tensor:
            raise DerivsError(f"--names: {word!r} says of no parameter what it stands for",
                              mend="write PARAMETER=TENSOR, as in --names dout=y_bar")
        found[name.strip()] = tensor.strip()
    return found


def run(wanted: Sequence[Asked], options: Options, progress: Progress) -> Outcome:
    """All of them, one behind the other."""
    problems: dict[str, Problem] = {}
    for one in wanted:                 # before the long work, not after half of it
        if one.problem not in problems:
            problems[one.problem] = library.load(one.problem)
    return Outcome(tuple(_tested(one, problems[one.problem], options, progress) for one in wanted), options)


def unboxed(wish: Wish) -> str:
    """Why functions run outside a sandbox, "" if they do not."""
    return "switched off" if wish == "off" else unusable()


def announcement(wish: Wish) -> str:
    """What is said before code that is not ours runs outside a sandbox."""
    reason = unboxed(wish)
    return reason and (f"not a sandbox ({reason}): limits of time, memory and output only; "
                       "the code can read what you can read")


def _names_function(word: str) -> bool:
    module, colon, function = word.rpartition(":")
    return bool(colon and module and function.replace(".", "").isidentifier())


def _tested(one: Asked, problem: Problem, options: Options, progress: Progress) -> Tested:
    began = perf_counter()
    frameworks = (options.framework,) if options.framework in ("jax", "torch") else ()
    progress(one.name, 0)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        step = min(count, options.examples - done)
        done += step
        progress(one.name, step)

    child = Child(one.source, options.limits, sandbox=options.sandbox, frameworks=frameworks)
    try:
        with child:
            report = check(problem, descriptions=child.describe(), runner=child.runner, examples=options.examples,
                           names=options.names or None, returns=options.returns or None, seed=options.seed,
                           framework=options.framework, progress=advance)
            printed = child.output
    except DerivsError as error:
        progress(one.name, options.examples - done)
        said = DerivsError(error.what, where=error.where, mend=_typed(error.mend))
        return Tested(one, None, said, child.remarks, "", 1000 * (perf_counter() - began))
    progress(one.name, options.examples - done)
    if child.gave_up:                  # what was not asked is not said to hold
        note = f"it was not started once more after {len(child.deaths)} such ends: of the rest nothing is known"
        report = replace(report, tried=tuple(tried for tried in report.tried if tried.finding is not None),
                         notes=(*report.notes, note))
    printed = printed or next((death.output for death in child.deaths if death.output), "")
    return Tested(one, report, None, child.remarks, printed, 1000 * (perf_counter() - began))


def _typed(mend: str) -> str:
    """What is written in Python, `names={'g': 'y_bar'}`, as it is typed here, `--names g=y_bar`."""
    def names(found: re.Match[str]) -> str:
        return "--names " + ",".join(f"{name}={tensor}" for name, tensor in PAIR.findall(found[1]))

    mend = re.sub(r"names=\{(.*?)\}", names, mend)
    mend = re.sub(r"returns=\((.*?)\)", lambda found: "--returns " + ",".join(re.findall(r"[^'\", ]+", found[1])), mend)
    return mend.replace("forward=...", "--forward NAME")


def _sign(sign: str, color: bool, ascii_only: bool) -> str:
    """The sign at the beginning of a line."""
    plain = PLAIN.get(sign, sign) if ascii_only else sign
    return f"  \x1b[{COLORS[sign]}m{plain}\x1b[0m " if color else f"  {plain} "


def _indented(text: str) -> str:
    return "\n".join(f"      {line}" for line in text.splitlines())
