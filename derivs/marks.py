"""What is said of the lines of a text, in the fields of `--json`; they are documented in docs/json.md and stable.

This module imports neither SymPy nor JAX.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from derivs import library
from derivs.credit import Awarded, total
from derivs.explain import explained
from derivs.judgement import Checked, Diagnosis
from derivs.margin import in_words, summary, terminal
from derivs.papers import Paper, mark
from derivs.problem import Problem
from derivs.reading.document import Kind
from derivs.report import VERSION, verdict_fields
from derivs.shown import Shown
from derivs.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Report(Shown):
    """Texts with their judgements, by name, and what they earn by a rubric. str() is what `derivs check` prints."""

    papers: Mapping[str, Paper]
    awards: Mapping[str, Awarded] = field(default_factory=dict)
    explain: bool = False              # whether counterexamples are worked out step by step

    @property
    def lines(self) -> tuple[Checked, ...]:
        """All lines, in reading order, their messages in the exercise's own signs."""
        return tuple(
            replace(line.checked, message=in_words(line.checked, paper.exercises[line.exercise].problem))
            for paper in self.papers.values() for line in paper.lines)

    @property
    def first_wrong(self) -> Checked | None:
        """The first line that is wrong; None if there is none."""
        return next((line for line in self.lines if line.judgement == "wrong"), None)

    @property
    def status(self) -> int:
        """0: every line is right. 1: one is wrong, ambiguous or undecided. 2: else, one is unread, or there is none."""
        kinds = {line.judgement for line in self.lines}
        if kinds & {"wrong", "follows from a wrong line", "ambiguous", "undecided"}:
            return 1
        return 2 if not kinds or "unread" in kinds else 0

    def fields(self) -> dict[str, Any]:
        """`derivs check --json`."""
        return {"version": VERSION, "command": "check", "status": self.status, "files": [
            {"file": name, "summary": dict(paper.counts), "missing": list(paper.missing), **self.credit_fields(name),
             "lines": [{"number": line.checked.number, "exercise": paper.exercises[line.exercise].problem.name,
                        "heading": line.heading,
                        **fields(line.checked, paper.exercises[line.exercise].problem, explain=self.explain),
                        **({"credit": self.awards[name].lines[k].fields()} if name in self.awards else {})}
                       for k, line in enumerate(paper.lines)]} for name, paper in self.papers.items()]}

    def credit_fields(self, name: str) -> dict[str, Any]:
        """What a text earns, and each of its questions; nothing without a rubric."""
        if name not in self.awards:
            return {}
        award = self.awards[name]
        return {"credit": award.total.fields(), "questions": [
            {"exercise": one.problem.name, **credit.fields()}
            for one, credit in zip(self.papers[name].exercises, award.questions, strict=True)]}

    def text(self, *, color: bool = False, ascii_only: bool = False, width: int = 100) -> str:
        """For a terminal."""
        several = len(self.papers) > 1
        blocks = [terminal(paper, name if several else "", color=color, ascii_only=ascii_only, width=width,
                           explain=self.explain)
                  for name, paper in self.papers.items()]
        marks = (f"marks: {total(list(self.awards.values()))}",) if self.awards else ()
        return "\n\n".join((*filter(None, blocks), "\n".join((summary(self.lines), *marks))))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"Report({summary(self.lines)})"


def answer(request_id: Any, checked: Sequence[Checked], problem: Problem) -> dict[str, Any]:
    """An answer of `derivs check --jsonl`."""
    return {"id": request_id, "lines": [fields(one, problem) for one in checked]}


def fields(checked: Checked, problem: Problem, *, explain: bool = False) -> dict[str, Any]:
    """One line."""
    steps = explained(checked.counterexample) if explain and checked.counterexample is not None else None
    return {
        "text": checked.text, "judgement": checked.judgement,
        "against_truth": _verdict(checked.against_truth), "against_previous": _verdict(checked.against_previous),
        "reading": checked.reading, "message": in_words(checked, problem), "span": list(checked.span),
        "mend": checked.mend, "diagnosis": _diagnosis(checked.diagnosis), "remarks": list(checked.remarks),
        "readings": [{"reading": said, **verdict_fields(verdict)} for said, verdict in checked.readings],
        **({"explained": steps and steps.fields()} if explain else {}), "ms": round(checked.milliseconds, 3)}


def _diagnosis(found: Diagnosis | None) -> dict[str, Any] | None:
    return None if found is None else {
        "mistake": found.mistake, "sentence": found.sentence, "mended": found.mended,
        "edits": [{"span": list(edit.span), "old": edit.old, "new": edit.new} for edit in found.edits]}


def _verdict(verdict: Verdict | None) -> dict[str, Any] | None:
    return None if verdict is None else verdict_fields(verdict)


def check(problem: str | Mapping[str, Any] | Problem, text: str, kind: Kind) -> Report:
    """`derivs.check`."""
    return Report({"": mark(library.exercises(problem), text, kind)})
