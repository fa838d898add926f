"""The nouns of a checked derivation: what may be said of a line, and a line with what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from derivs.reading.syntax import Span
from derivs.shown import Shown
from derivs.verdict import Refuted, Verdict

Judgement = Literal["right", "right, mend the notation", "wrong", "follows from a wrong line", "ambiguous",
                    "undecided", "unread"]


@dataclass(frozen=True, slots=True)
class Edit:
    """Write `new` for `old`, which stands at `span` of the author's text; old is empty where something is put in."""

    span: Span
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Diagnosis(Shown):
    """What is wrong with a line: with these edits it is proved, so that what is said is no guess.

    mistake: the name of a row of `derivs.rules.mistakes`. sentence: for the author. mended: the right side with the
    edits, as LaTeX; empty where only what is missing is known, and no edit in the author's own notation says it.
    """

    mistake: str
    sentence: str
    edits: tuple[Edit, ...] = ()
    mended: str = ""

    @property
    def span(self) -> Span | None:
        """Where the first edit is; brackets that are put in are around it. None where there are none."""
        if not self.edits:
            return None
        first, last = self.edits[0], self.edits[-1]
        return first.span if first.old or last.old else (first.span[0], last.span[1])


@dataclass(frozen=True, slots=True)
class Checked(Shown):
    """What is said of one line.

    against_truth: of the claim that decided the judgement. against_previous: the same right side against the one above
    it. message, mend: for the author; span: of the smallest guilty piece of the text. readings: where they disagree.
    remarks: what is true and worth a word. conditions: under which it is right. diagnosis: of a wrong line, where one
    is proved; its sentence is the mend.
    """

    text: str
    span: Span
    judgement: Judgement
    against_truth: Verdict | None = None
    against_previous: Verdict | None = None
    reading: str = ""
    message: str = ""
    mend: str = ""
    readings: tuple[tuple[str, Verdict], ...] = ()
    remarks: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    milliseconds: float = 0.0
    claims: int = 0
    number: int = 0
    diagnosis: Diagnosis | None = None

    def __repr__(self) -> str:
        return f"Checked({self.number}, {self.text[:60]!r}, {self.judgement!r})"

    @property
    def is_right(self) -> bool:
        return self.judgement.startswith("right")

    @property
    def counterexample(self) -> Refuted | None:
        """The exact point where a wrong line fails, with the values of both sides there; None for all other lines."""
        return self.against_truth if isinstance(self.against_truth, Refuted) else None


WORST_FIRST: Final[Sequence[Judgement]] = ("wrong", "follows from a wrong line", "ambiguous", "unread", "undecided",
                                           "right, mend the notation", "right")


def worst(found: Sequence[Checked]) -> Checked:
    """A line is as good as its worst claim, a display as its worst line; remarks are kept, times and claims added."""
    chosen = min(found, key=lambda one: WORST_FIRST.index(one.judgement))
    remarks = tuple(dict.fromkeys(remark for one in found for remark in one.remarks))
    return replace(chosen, remarks=remarks, claims=sum(one.claims for one in found),
                   milliseconds=sum(one.milliseconds for one in found))
