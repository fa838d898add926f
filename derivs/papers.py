r"""A whole text against the exercises that it works on: which of its formulas are lines of a derivation, and which not.

What does not concern the exercise is left in peace:

- a formula in the running text, unless it equates something of the exercise, or defines a new name by such things;
- a display in which no name of the exercise stands, and a row without an equation (the row after it may go on with it);
- what stands before an exercise begins and after it ends.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from time import perf_counter
from typing import Final

from derivs.checker import MENDING, SECONDS, Chain, Checker
from derivs.clock import within
from derivs.declare import Declared
from derivs.derive import Graph
from derivs.errors import DerivsError, OutOfBudget, Unreadable
from derivs.evaluate import Evaluator
from derivs.judgement import Checked, Judgement, worst
from derivs.reading.document import Document, Kind, Line, formulas
from derivs.reading.parse import parse
from derivs.reading.spelling import bare, key, spelled
from derivs.reading.syntax import (
    Accent,
    Fraction,
    Group,
    Name,
    Node,
    Numeral,
    Product,
    Relation,
    Row,
    Scripts,
    Span,
    Sum,
    Word,
    walk,
)
from derivs.reading.vocabulary import Vocabulary
from derivs.reading.words import EQUALITIES, signs
from derivs.verdict import Tested, Unread

SECONDS_IN_ALL: Final = 60.0           # for one text; what is left then is undecided
MENDING_IN_ALL: Final = 60.0           # seconds more, to find what would mend the wrong lines of one text
LONGEST_LINE: Final = 100_000          # characters of a line that stands alone
BUG: Final = "this is a bug in derivs"
CLAIMS: Final = EQUALITIES | {"approx", "propto", "sim="}


@dataclass(frozen=True, slots=True)
class Marked:
    """A line of a text with what is said of it. exercise: its number; span: of the whole line, counted in the text.

    node: the line as it was read, None where it could not be; given: the conditions that the text around it names.
    """

    exercise: int
    heading: str
    span: Span
    checked: Checked
    node: Node | None = None
    given: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """A text with its marks, in reading order. missing: the `begins` of exercises that it does not hold."""

    text: str
    lines: tuple[Marked, ...]
    exercises: tuple[Declared, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def first_wrong(self) -> Checked | None:
        """The first line that is wrong; None if there is none."""
        return next((line.checked for line in self.lines if line.checked.judgement == "wrong"), None)

    @property
    def counts(self) -> Mapping[Judgement, int]:
        """How many lines there are of each judgement."""
        return Counter(line.checked.judgement for line in self.lines)


def mark(exercises: Sequence[Declared], text: str, kind: Kind, *, seed: int = 0, seconds: float = SECONDS_IN_ALL,
         work: Sequence[Work] = (), mends: bool = True) -> Paper:
    """The lines of a text, judged; mends: with what would mend the wrong ones. Raises Unreadable for the whole text."""
    document = formulas(text, kind)
    where = list(_where(exercises, document.text))
    marks = [_Marker(k, one, seed, work[k] if work else work_on(one), mends) for k, one in enumerate(exercises)]
    clock = _Clock(perf_counter() + seconds)
    found: list[Marked] = []
    for number, group in groupby(document.lines, lambda line: _exercise_at(where, line.span[0])):
        if number is not None:
            found += marks[number].marks(list(group), clock)
    return Paper(document.text, tuple(found), tuple(exercises),
                 tuple(one.begins for one, place in zip(exercises, where, strict=True) if place is None))


@dataclass(slots=True)
class Work:
    """What derivations of the same exercise share: its graph, and its definitions compiled."""

    graph: Graph
    evaluator: Evaluator


def work_on(exercise: Declared) -> Work:
    """Nothing done yet."""
    return Work(Graph(exercise.problem), Evaluator(exercise.problem))


def one_by_one(exercise: Declared, lines: Sequence[str], *, seed: int = 0, seconds: float = SECONDS_IN_ALL,
               work: Work | None = None, mends: bool = True) -> Iterator[Checked]:
    """Lines that are all of one derivation: for each the judgement on it, the worst one where it has several rows.

    Spans count in the line.
    """
    marker = _Marker(0, exercise, seed, work or work_on(exercise), mends)
    clock = _Clock(perf_counter() + seconds)
    for number, written in enumerate(lines, 1):
        try:
            if len(written) > LONGEST_LINE:
                raise Unreadable(f"a line of {len(written)} characters, more than {LONGEST_LINE}", (0, len(written)),
                                 mend="break it into several lines")
            document = formulas(written, "fragment")
        except Unreadable as error:
            document = Document((Line(1, written, (0, len(written)), 1, False, None, error, (), ""),), {}, written)
        rows = [marker.judged(line, clock) for line in document.lines]
        if not rows:
            rows = [Checked(written, (0, len(written)), "unread", Unread("there is no formula in it"),
                            message="there is no formula in it")]
        yield replace(worst(rows), number=number, text=written)


# ---- where an exercise is in force -----------------------------------------------------------------------------------

def _where(exercises: Sequence[Declared], text: str) -> Iterator[tuple[int, int] | None]:
    """From where to where each exercise is in force; None where its first words do not stand in the text."""
    starts: list[int | None] = []
    at = 0
    for one in exercises:
        start = _find(one.begins, text, at) if one.begins else at
        starts.append(start)
        at = at if start is None else max(start, at) + bool(one.begins)
    for k, (one, start) in enumerate(zip(exercises, starts, strict=True)):
        if start is None:
            yield None
            continue
        end = next((later for later in starts[k + 1:] if later is not None), len(text))
        ends = _find(one.ends, text, start) if one.ends else None
        yield start, end if ends is None else min(end, ends)


def _find(words: str, text: str, start: int) -> int | None:
    """Where words stand, however they are spaced."""
    found = re.compile(r"\s+".join(map(re.escape, words.split()))).search(text, start)
    return found.start() if found else None


def _exercise_at(where: Sequence[tuple[int, int] | None], at: int) -> int | None:
    return next((k for k, place in enumerate(where) if place is not None and place[0] <= at < place[1]), None)


# ---- one exercise ----------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class _Clock:
    """When a text must be done, and how many seconds may still be spent on what would mend its lines."""

    deadline: float
    mending: float = MENDING_IN_ALL

    @property
    def left(self) -> float:
        return self.deadline - perf_counter()


@dataclass(slots=True)
class _Marker:
    """Goes through the lines of one exercise."""

    number: int
    exercise: Declared
    seed: int
    work: Work
    mends: bool = True
    checker: Checker = field(init=False)
    heading: str = ""

    def __post_init__(self) -> None:
        self.checker = Checker(self.exercise.problem, self.exercise.vocabulary, self.seed)
        self.checker.graph, self.checker.evaluator = self.work.graph, self.work.evaluator

    def marks(self, lines: Sequence[Line], clock: _Clock) -> Iterator[Marked]:
        """The lines that are part of a derivation, judged."""
        displays = [list(rows) for _, rows in groupby(lines, lambda line: line.display)]
        done: dict[int, Checked] = {}
        for k, rows in enumerate(displays):
            if k in done:
                continue
            if rows[0].heading != self.heading:
                self.heading = rows[0].heading
                self.checker.chain = Chain(self.checker.vocabulary.target)
            before = replace(self.checker.chain), self.checker.vocabulary.copy()
            found = self.display(rows, clock)
            behind = [j for j in _definitions_behind(displays, k)
                      if is_claim_in_prose(self.checker.vocabulary, displays[j][0])] if any(
                one.judgement == "unread" for _, one in found) else []
            if behind:                             # $$...$$ where $s = \sigma(x)$
                self.checker.chain, self.checker.vocabulary = before
                for j in behind:
                    done[j] = self.checker_line(displays[j][0], clock)
                found = self.display(rows, clock)
            yield from (self.marked(line, one) for line, one in found)
            for j in behind:
                yield self.marked(displays[j][0], done[j])

    def marked(self, line: Line, checked: Checked) -> Marked:
        return Marked(self.number, line.heading, line.span, checked, line.node, line.given)

    def display(self, rows: Sequence[Line], clock: _Clock) -> list[tuple[Line, Checked]]:
        """The rows of a display, or a formula in the running text."""
        words = self.checker.vocabulary
        if rows[0].inline:
            return [(line, self.checker_line(line, clock)) for line in rows if is_claim_in_prose(words, line)]
        if not any(mentions(words, line.node if line.node is not None else line.text) for line in rows):
            return []
        found = []
        for line in rows:
            if line.node is None or CLAIMS & {*signs(line.node)}:
                found.append((line, self.judged(line, clock)))
            elif isinstance(bare(line.node), Relation | Row):
                continue
            elif mentions(words, line.node):
                self.checker.chain = Chain(line.node)
        return found

    def checker_line(self, line: Line, clock: _Clock) -> Checked:
        """A formula in the running text; the chain of the displays goes on behind it."""
        chain, starts = self.checker.chain, line.node is None or _first_side(line.node) is not None
        checked = self.judged(line, clock)
        if starts:
            self.checker.chain = chain
        return checked

    def judged(self, line: Line, clock: _Clock) -> Checked:
        """The judgement on a line, within its time."""
        if clock.left <= 0:
            return self.out_of_time(line, "the time for this text is used up")
        limit = min(SECONDS, clock.left)
        self.checker.seconds = limit
        node = line.node if line.node is not None else line.error
        assert node is not None
        start = perf_counter()
        try:
            with within(limit):
                found = self.checker.line(line.text, node, line.given, span=line.span)
        except OutOfBudget as error:
            self.start_again()
            found = self.out_of_time(line, error.what)
        except DerivsError as error:
            found = Checked(line.text, line.span, "unread", Unread(error.what), message=error.what, mend=error.mend)
        except RecursionError:
            found = Checked(line.text, line.span, "unread", Unread("nested too deeply"), message="nested too deeply",
                            mend="give a part of it a name")
        except Exception as error:                 # the other lines of a class are not to suffer from a mistake of ours
            what = f"{BUG}: {type(error).__name__}: {error}"
            found = Checked(line.text, line.span, "undecided", Tested(0, what), message=what,
                            mend="please report it with the exercise and the line")
        if line.node is None:
            self.left_side_of(line)
        if found.judgement == "wrong" and self.mends:
            found = self.mended(found, clock)
        return replace(found, number=line.number, span=_inside(found.span, line.span),
                       milliseconds=found.milliseconds or 1000 * (perf_counter() - start))

    def mended(self, wrong: Checked, clock: _Clock) -> Checked:
        """A wrong line with what would mend it; the time for that is not taken from the lines behind it."""
        start = perf_counter()
        try:
            self.checker.mending = min(MENDING, clock.mending)
            with within(self.checker.mending):
                return self.checker.mended(wrong)
        except OutOfBudget:
            self.start_again()
        except Exception as error:                 # that a line is wrong stands, whatever happens here
            what = f"what would mend it was not found, and {BUG}: {type(error).__name__}: {error}"
            return replace(wrong, remarks=(*wrong.remarks, what))
        finally:
            taken = perf_counter() - start
            clock.deadline += taken
            clock.mending = max(clock.mending - taken, 0.05)
        return wrong

    def start_again(self) -> None:
        """Work that was stopped in the middle is not gone on with."""
        self.work.graph, self.work.evaluator = Graph(self.checker.problem), Evaluator(self.checker.problem)
        self.checker.graph, self.checker.evaluator = self.work.graph, self.work.evaluator

    def out_of_time(self, line: Line, what: str) -> Checked:
        return Checked(line.text, line.span, "undecided", Tested(0, what), number=line.number,
                       message=f"undecided within the budget: {what}")

    def left_side_of(self, line: Line) -> None:
        """What is garbled behind a left side that can be read may be gone on with; a garbled left side may not."""
        left = _before_equals(line.text)
        if left:
            try:
                self.checker.chain = Chain(parse(left))
            except Unreadable:
                self.checker.chain = Chain()


def _before_equals(text: str) -> str:
    """What stands before the first = outside of all brackets, if anything stands after it."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "{([") - (character in "})]")
        if character == "=" and depth <= 0:
            return text[:at].strip(" \t\n&:") if text[at + 1:].strip(" \t\n&\\") else ""
    return ""


def _inside(span: tuple[int, int], whole: tuple[int, int]) -> tuple[int, int]:
    """The span, if it is a part of the line; else the line. A declaration's own formulas have spans of their own.

    It is empty where something is to be put in.
    """
    return span if whole[0] <= span[0] <= span[1] <= whole[1] and span != (0, 0) else whole


def _definitions_behind(displays: Sequence[Sequence[Line]], k: int) -> Iterator[int]:
    """The formulas in the running text right behind a display that say what a name stands for."""
    for j in range(k + 1, len(displays)):
        line = displays[j][0]
        if not line.inline or len(displays[j]) > 1:
            return
        first = None if line.node is None else _first_side(line.node)
        if first is not None and spelled(first) is not None:
            yield j


# ---- what concerns an exercise ---------------------------------------------------------------------------------------

def mentions(words: Vocabulary, formula: Node | str) -> bool:
    """Whether a name of the exercise stands in a formula, or in the text of one that cannot be read."""
    if isinstance(formula, str):
        letters = re.findall(r"\\[A-Za-z]+|[A-Za-z]", formula)
        return any(words.has_base(letter.removeprefix("\\")) for letter in letters)
    for node in walk(formula):
        if isinstance(node, Name | Word | Accent | Scripts):
            name = spelled(node)
            if name is not None and words.has_base(name.base):
                return True
    return bool(words.phrases) and any(key(node) in words.phrases for node in walk(formula))


def is_claim_in_prose(words: Vocabulary, line: Line) -> bool:
    """Whether a formula in the running text says something about the exercise."""
    if line.node is None:
        return mentions(words, line.text)
    relation = next((part for part in _parts(line.node) if isinstance(part, Relation)), None)
    if relation is None or relation.sides[0] is None:
        return relation is not None and mentions(words, relation)
    left, right = relation.sides[0], [side for side in relation.sides[1:] if side is not None]
    if any(_is_no_number(side) for side in right):
        return False
    name = spelled(left)
    if name is None or key(left) in words.phrases:
        return _begins_known(words, left)
    if next(words.matches(name), None) is not None:
        return not all(isinstance(bare(side), Numeral) for side in right)      # "with $\beta = 1$" proves nothing
    return key(left) not in words.sizes and any(mentions(words, side) for side in right)


def _parts(node: Node) -> tuple[Node, ...]:
    return node.parts if isinstance(node, Row) else (node,)


def _first_side(node: Node) -> Node | None:
    relation = next((part for part in _parts(node) if isinstance(part, Relation)), None)
    return None if relation is None else relation.sides[0]


def _is_no_number(node: Node) -> bool:
    r"""A set such as \{x_1, \dots, x_m\}, or a list."""
    inner = bare(node)
    return isinstance(inner, Row) or (isinstance(inner, Group) and (inner.kind == "\\{" or len(inner.items) > 1))


def _begins_known(words: Vocabulary, node: Node) -> bool:
    """Whether the first thing in a left side is of the exercise."""
    node = bare(node)
    if key(node) in words.phrases:
        return True
    match node:
        case Fraction():
            return mentions(words, node)
        case Product(parts):
            return key(parts[0]) in words.functions or _begins_known(words, parts[0])
        case Sum(terms):
            return _begins_known(words, terms[0][1])
        case Group(_, (first, *_)):
            return _begins_known(words, first)
        case _:
            name = spelled(node)
            return name is not None and (words.has_base(name.base) or key(node) in words.functions)
