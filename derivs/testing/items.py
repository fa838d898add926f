"""What the plugin collects: properties of a function, targets of an exercise, lines of a derivation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from derivs.errors import DerivsError
from derivs.testing.plugin import EXAMPLES

if TYPE_CHECKING:
    from derivs.derivation import Answer, Judged, Solution
    from derivs.papers import Marked, Paper
    from derivs.reading.document import Kind
    from derivs.testing.suites import Suite

HEAD: Final = 20                       # lines of a derivation in which its exercise is named
NAMED: Final = re.compile(r"^\s*(?:%|<!--)\s*derivs:\s*(.+?)\s*(?:-->)?\s*$")
KINDS: Final[dict[str, Kind]] = {".tex": "tex", ".md": "md", ".markdown": "md"}


class Block(Exception):
    """A failure in our own words; it has no traceback that would help anyone."""


class OurItem(pytest.Item):
    """An item whose failures are blocks."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, Block | DerivsError) else super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


# ---- functions -------------------------------------------------------------------------------------------------------

class SuiteItems(pytest.Collector):
    """The properties of a suite, an item each."""

    suite: Suite

    @classmethod
    def of(cls, parent: Any, name: str, suite: Any) -> SuiteItems:
        found: SuiteItems = cls.from_parent(parent, name=name)
        found.suite = suite
        return found

    def collect(self) -> Iterator[pytest.Item]:
        try:
            names = self.suite.properties
        except DerivsError:                        # is said by an item, so that it does not stop the other tests
            names = ("parameters",)
        for name in names:
            yield PropertyItem.from_parent(self, name=name)


class PropertyItem(OurItem):
    """One property."""

    parent: SuiteItems

    def runtest(self) -> None:
        from derivs.testing.suite import block
        report = self.parent.suite.report(self.config.getoption("--derivs-examples", EXAMPLES))
        tried = next((one for one in report.tried if one.name == self.name), None)
        if tried is None:
            pytest.skip("nothing of it came back, or another finding is about the same")
        if tried.finding is not None:
            head, *lines = block(tried, report.problem)
            raise Block("\n".join([f"{report.problem.name}, {report.name}:{head.removeprefix(' ')}", *lines]))


# ---- exercises -------------------------------------------------------------------------------------------------------

class ExerciseFile(pytest.File):
    """The exercises of a file: each target is proved, each formula that somebody wrote is judged."""

    def collect(self) -> Iterator[pytest.Item]:
        from derivs import library
        from derivs.text import text_claim
        try:
            problems = library.load_all(str(self.path))
        except DerivsError as error:
            raise self.CollectError(str(error)) from error
        for problem in problems:
            of = f"{problem.name}: " if len(problems) > 1 else ""
            solved = _Solved(problem)
            for k, target in enumerate(problem.targets):
                yield TargetItem.made(self, f"{of}{k + 1} {text_claim(replace(target.claim), problem)}", solved, k)
            for k, hand in enumerate(problem.hands):
                yield HandItem.made(self, f"{of}by hand {k + 1} {text_claim(hand.claim, problem)}", solved, k)


class _Solved:
    """An exercise, solved when the first of its items runs."""

    def __init__(self, problem: Any) -> None:
        self.problem = problem

    @cached_property
    def solution(self) -> Solution:
        from derivs.solver import solve
        return solve(self.problem)


class ExerciseItem(OurItem):
    """One formula of an exercise."""

    solved: _Solved
    number: int

    @classmethod
    def made(cls, parent: Any, name: str, solved: _Solved, number: int) -> ExerciseItem:
        found: ExerciseItem = cls.from_parent(parent, name=name)
        found.solved, found.number = solved, number
        return found


class TargetItem(ExerciseItem):
    """What is asked for: the answer is proved, and so is what the exercise states."""

    def runtest(self) -> None:
        from derivs.report import claims_of, holds, verdict_words
        from derivs.text import text_claim
        from derivs.verdict import Proved
        answer: Answer = self.solved.solution.answers[self.number]
        if not holds(answer):
            problem = self.solved.problem
            raise Block("\n".join(line for claim, verdict in claims_of(answer) if not isinstance(verdict, Proved)
                                  for line in (text_claim(claim, problem), f"    {verdict_words(verdict, problem)}")))


class HandItem(ExerciseItem):
    """What somebody wrote: right or wrong, as the exercise says."""

    def runtest(self) -> None:
        from derivs.report import as_claimed, judged_words
        from derivs.text import text_claim
        judged: Judged = self.solved.solution.hands[self.number]
        if not as_claimed(judged):
            problem = self.solved.problem
            raise Block(f"{text_claim(judged.hand.claim, problem)}   [{judged.hand.source}]\n"
                        f"    {judged_words(judged, problem)}")


# ---- derivations -----------------------------------------------------------------------------------------------------

class DerivationFile(pytest.File):
    """A hand derivation: its lines are judged when they are collected, since judging says which formulas are lines."""

    def collect(self) -> Iterator[pytest.Item]:
        from derivs import library
        from derivs.papers import mark
        try:
            text = self.path.read_text(encoding="utf-8-sig")
            paper = mark(library.exercises(self.exercise(text)), text, KINDS.get(self.path.suffix.lower(), "fragment"))
        except (DerivsError, OSError, UnicodeDecodeError) as error:
            raise self.CollectError(str(error)) from error
        seen: dict[str, int] = {}
        for line in paper.lines:
            name = f"line {line.checked.number}"
            seen[name] = seen.get(name, 0) + 1
            yield LineItem.made(self, name + (f".{seen[name]}" if seen[name] > 1 else ""), paper, line)
        for words in paper.missing:
            yield LineItem.made(self, f"begins {words!r}", paper, None)

    def exercise(self, text: str) -> str:
        """The exercise that is named in the first lines: `% derivs: softmax_temperature`, or a file beside this one."""
        for line in text.splitlines()[:HEAD]:
            if found := NAMED.match(line):
                beside = self.path.parent / found[1]
                return str(beside) if beside.suffix in (".py", ".toml") else found[1]
        raise DerivsError(f"no exercise is named in its first {HEAD} lines", where=self.path.name,
                          mend="write % derivs: NAME, or % derivs: FILE.toml, at the top")


class LineItem(OurItem):
    """One line of a derivation; None for an exercise whose first words are not there."""

    paper: Paper
    line: Marked | None

    @classmethod
    def made(cls, parent: Any, name: str, paper: Paper, line: Marked | None) -> LineItem:
        found: LineItem = cls.from_parent(parent, name=name)
        found.paper, found.line = paper, line
        return found

    def runtest(self) -> None:
        from derivs.margin import terminal
        if self.line is None:
            raise Block(terminal(replace(self.paper, lines=())))
        if self.line.checked.judgement not in ("right", "right, mend the notation"):
            raise Block(terminal(replace(self.paper, lines=(self.line,), missing=())))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        number = None if self.line is None else self.line.checked.number - 1
        return self.path, number, self.name
