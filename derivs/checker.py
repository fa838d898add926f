"""A derivation, line by line: what each line claims, against the truth and against the line above.

Every `=` of a chain is a claim. A slip costs a single mark: a line that carries it on follows from the line above, and
a line that recovers is right. A reading may rescue notation, never mathematics; what it took for granted is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Final

from derivs.decide import Judged, decide, means, spoken
from derivs.derive import Graph
from derivs.errors import DerivsError, IllFormed, Mismatch, OutOfBudget, OutOfRange, Unreadable, Unsupported
from derivs.evaluate import Evaluator
from derivs.expr import ONE, Expr, add, names_in
from derivs.hole import Line as WrongLine
from derivs.hole import Solver, missing
from derivs.judge import SEARCH, ProofContradicted, judge
from derivs.judgement import Checked, Diagnosis, Judgement, worst
from derivs.latex import latex_given
from derivs.masked import masked, may_mask
from derivs.mend import Mender
from derivs.problem import Claim, Problem
from derivs.reading.chains import EQUALS, chains_of
from derivs.reading.choices import Choices, Option
from derivs.reading.claims import Reading, claim, value
from derivs.reading.introduce import pattern, spelling, standing_for
from derivs.reading.parse import parse
from derivs.reading.spelling import Spelled, bare, key, letters, spelled
from derivs.reading.syntax import Fraction, Node, Numeral, Product, Relation, Span, walk
from derivs.reading.vocabulary import Vocabulary
from derivs.refute import compare
from derivs.rules.opaque import opaque_in, opaque_text
from derivs.scope import ranges
from derivs.text import text_given
from derivs.verdict import Point, Proved, Refuted, Tested, Unread, Verdict
from derivs.wellformed import claim_mistakes

SECONDS: Final = 5.0                   # for one line; then it is undecided within the budget
MENDING: Final = 2.0                   # seconds more, to find what mends a line that is wrong; few lines take one
LOOKING, SOLVING = 0.6, 0.85           # the parts of them after which no more changes are looked for, or solved for
PAIRS: Final = 200                     # pairs of changes that are looked at


@dataclass(slots=True)
class Chain:
    """A chain of equalities in the making: its subject, and the last right side with whether it was right.

    given: the conditions said in it, which hold until it says others. is_here: the subject stands in the line itself.
    """

    subject: Node | None = None
    last: Node | None = None
    last_is_wrong: bool = False
    given: tuple[Node, ...] = ()
    is_here: bool = False


@dataclass(slots=True)
class Checker:
    """An exercise with what its derivation has said so far; the work on it is shared between lines.

    seconds: for a line; mending: more, for what would mend it. slip: the first wrong claim of the last line: its two
    sides, its conditions, where the line begins, and how often its reading had to rescue notation. looks: what many
    changes of a line are evaluated with, so that they do not crowd out the work on the lines.
    """

    problem: Problem
    vocabulary: Vocabulary
    seed: int = 0
    seconds: float = SECONDS
    mending: float = MENDING
    graph: Graph = field(init=False)
    evaluator: Evaluator = field(init=False)
    looks: Evaluator = field(init=False)
    chain: Chain = field(default_factory=Chain)
    solver: Solver | None = None
    slip: tuple[Node, Node, tuple[Node, ...], int, int] | None = None
    stated: tuple[tuple[tuple[Node, str], ...], ...] | None = None

    def __post_init__(self) -> None:
        self.vocabulary = self.vocabulary.copy()
        self.graph = Graph(self.problem)
        self.evaluator, self.looks = Evaluator(self.problem), Evaluator(self.problem)
        self.chain.subject = self.vocabulary.target

    # ---- a line

    def line(self, written: str, node: Node | Unreadable, given: Sequence[Node] = (), *, continues: bool = True,
             span: Span | None = None) -> Checked:
        """The judgement on one line. continues: a leading `=` may go on with the line above."""
        start = perf_counter()
        self.slip = None
        here = span or (0, len(written))
        if not continues:
            self.chain = Chain(self.vocabulary.target)
        if isinstance(node, Unreadable):
            self.chain.last = None
            found = _unread(written, here, node)
        else:
            found = self._guarded(written, here, node, given, start)
        return replace(found, milliseconds=1000 * (perf_counter() - start))

    def _guarded(self, written: str, here: Span, node: Node, given: Sequence[Node], start: float) -> Checked:
        """The same, where a line means nothing, is nested too deeply or takes more memory than there is, too."""
        try:
            return self._line(written, here, node, given, start)
        except (OutOfBudget, MemoryError) as error:
            why = error.what if isinstance(error, OutOfBudget) else "it takes more memory than there is"
            return Checked(written, here, "undecided", Tested(0, why), message=f"undecided within the budget: {why}")
        except ProofContradicted as error:
            return Checked(written, here, "undecided", Tested(0, error.what), message=error.what, mend=error.mend)
        except DerivsError as error:
            return Checked(written, here, "unread", Unread(error.what), message=error.what, mend=error.mend)
        except RecursionError:
            return Checked(written, here, "unread", Unread("nested too deeply"), message="nested too deeply",
                           mend="give a part of it a name of its own")

    def _line(self, written: str, here: Span, node: Node, given: Sequence[Node], start: float) -> Checked:
        results: list[Checked] = []
        try:
            relations, conditions = chains_of(node)
            if not relations:
                return Checked(written, here, "unread", Unread("there is no equation in it"),
                               message="there is no equation in it", mend="write left = right")
            for relation in relations:
                self.chain.is_here = relation.sides[0] is not None
                if relation.sides[0] is not None:
                    self.chain = Chain(relation.sides[0], is_here=True)
                self.chain.given = tuple(conditions) or self.chain.given
                results += self._relation(written, here, relation, (*given, *self.chain.given), start)
        except Unreadable as error:
            self.chain.last = None
            results.append(_unread(written, here, error))
        if not results:
            return Checked(written, here, "unread", Unread("nothing stands in it"), message="nothing stands in it")
        return worst(results)

    def _relation(self, written: str, here: Span, relation: Relation, given: Sequence[Node], start: float
                  ) -> Iterator[Checked]:
        """Every `=` of one chain."""
        for k, sign in enumerate(relation.signs):
            if sign not in EQUALS:
                raise Unreadable(f"lines with {sign} are not judged", relation.spans[k], mend="write an equation")
        first = relation.sides[0]
        if self.chain.subject is None:
            raise Unreadable("the left side is missing: there is no line above that this one goes on with",
                             relation.spans[0], mend="write what it is equal to")
        double = next((span for sign, span in zip(relation.signs, relation.spans, strict=True) if sign == "=="), None)
        slips = [Option("== is written for =", "write =", span=double)] if double else []
        rest = [side for side in relation.sides[1:]]
        if first is not None and rest and rest[0] is not None and self._defines(first, rest[0], relation.signs[0]):
            yield Checked(written, here, "right", message=f"defines {key(first)}", claims=0)
            self.chain.last = rest[0]
            rest = rest[1:]
        for side in rest:
            if side is None:
                continue
            yield self._side(written, here, side, given, start, slips)
            slips = []

    # ---- a claim

    def _side(self, written: str, here: Span, side: Node, given: Sequence[Node], start: float, slips: Sequence[Option]
              ) -> Checked:
        chain = self.chain
        assert chain.subject is not None
        deadline = start + self.seconds
        try:
            truth, given = self._granted(self.claim(chain.subject, side, given, deadline), side, given, deadline)
        except Unreadable:
            self._read_above(here)
            raise
        except (Mismatch, IllFormed, Unsupported) as error:
            chain.last, chain.last_is_wrong = side, isinstance(error, Mismatch)
            if isinstance(error, Mismatch):
                self._slipped(side, given, here)
                return Checked(written, error.span or here, "wrong", Refuted(Point({}, {}), "defined", "undefined"),
                               message=f"the sizes do not fit: {error.what}", mend=error.mend, claims=1)
            return Checked(written, here, "unread", Unread(error.what), message=error.what, mend=error.mend, claims=1)
        above: Verdict | None = None
        if chain.last is not None:
            above = self._above(chain.last, side, given, deadline, truth)
        wrong_above = chain.last_is_wrong
        judged = _judgement(truth, above, wrong_above, slips)
        result = self._said(written, here, truth, above, judged, slips)
        if judged == "wrong":
            self._slipped(side, given, here, truth.reading)
        if judged.startswith("right") and truth.reading is not None and chain.last is not None and (
                may_mask(self.problem, truth.reading.claim.right)):
            with suppress(DerivsError):
                step = claim(self.problem, self.vocabulary, Choices(), chain.last, side, given).claim
                result = replace(result, remarks=tuple(masked(self.graph, self.evaluator, step, deadline, self.seed)))
        chain.last = side
        chain.last_is_wrong = judged in ("wrong", "follows from a wrong line")
        return result

    def _granted(self, found: Judged, side: Node, given: Sequence[Node], deadline: float
                 ) -> tuple[Judged, Sequence[Node]]:
        """A refuted claim once more where the exercise states an answer of its own under conditions: s - t if Σ t = 1.

        What is proved there is right under these conditions, and says so; what is refuted even there is wrong.
        """
        subject = self.chain.subject
        assert subject is not None
        for conditions in self._conditions() if isinstance(found.verdict, Refuted) else ():
            more = (*given, *(node for node, _ in conditions))
            with suppress(DerivsError):
                again = self.claim(subject, side, more, deadline)
                if isinstance(again.verdict, Proved):
                    where = (*again.verdict.conditions, *(said for _, said in conditions))
                    return replace(again, verdict=replace(again.verdict, conditions=where)), more
                if isinstance(again.verdict, Refuted):
                    found, given = again, more
        return found, given

    def _conditions(self) -> tuple[tuple[tuple[Node, str], ...], ...]:
        """The conditions of answers that speak of whole inputs, as formulas and in words."""
        if self.stated is None:
            every = dict.fromkeys(target.claim.given for target in self.problem.targets if target.stated)
            self.stated = tuple(
                tuple((parse(latex_given(one, self.problem)), f"where {text_given(one, self.problem)}")
                      for one in given)
                for given in every if given and all(
                    isinstance(side, Expr) and names_in(side) <= set(self.problem.sizes)
                    for one in given for side in (one.left, one.right)))
        return self.stated

    def _slipped(self, side: Node, given: Sequence[Node], here: Span, reading: Reading | None = None) -> None:
        """Remembers the first wrong claim of a line."""
        subject = self.chain.subject
        if self.slip is None and subject is not None:
            if reading is None:                    # no claim came about; the left side may be rescued all the same
                with suppress(DerivsError):
                    reading = claim(self.problem, self.vocabulary, Choices(), subject, subject, given)
            self.slip = subject, side, tuple(given), here[0], _rescued(reading)

    def mended(self, wrong: Checked) -> Checked:
        """The line that was found wrong last, with what would mend it, where that is found and proved."""
        if self.slip is None or wrong.judgement != "wrong":
            return wrong
        found = self._diagnosis(wrong, *self.slip)
        if found is None:
            return wrong
        return replace(wrong, diagnosis=found, mend=found.sentence, span=found.span or wrong.span)

    def _diagnosis(self, wrong: Checked, subject: Node, side: Node, given: tuple[Node, ...], start: int, rescued: int
                   ) -> Diagnosis | None:
        """A single change of the line, else what it lacks, else two changes; none that must be rescued more than it."""
        begun = perf_counter()

        def proves(new: Node) -> bool:
            found = decide(self._readings(subject, new, given), self.verdict, begun + self.mending)
            return isinstance(found.verdict, Proved) and _rescued(found.reading) <= rescued

        shown = wrong.counterexample
        at = shown.at if shown is not None and (shown.at.integers or shown.at.entries) else None
        mender = Mender(self.problem, self.vocabulary, self.looks, subject, side, given, wrong.text, start,
                        begun + LOOKING * self.mending, self.seed, at)
        found = mender.by_one(proves)
        if found is None:
            if self.solver is None or self.solver.graph is not self.graph:
                self.solver = Solver(self.problem, self.graph, self.evaluator, self.vocabulary, self.seed)
            self.solver.words = self.vocabulary
            found = missing(self.solver, WrongLine(subject, side, given, wrong.text, start),
                            begun + SOLVING * self.mending)
        if found is None:
            mender.left, mender.deadline = PAIRS, begun + self.mending
            found = mender.by_two(proves)
        return found

    def _read_above(self, here: Span) -> None:
        """Raises Unreadable, with a place in this line, where the left side stands above it and is not understood."""
        chain = self.chain
        if chain.is_here or chain.subject is None:
            return
        try:
            value(self.problem, self.vocabulary, Choices(), chain.subject)
        except Unreadable as error:
            raise Unreadable(f"the left side of this chain is not understood: {error.what}", here,
                             mend=error.mend) from error
        except DerivsError:
            return

    def _above(self, last: Node, side: Node, given: Sequence[Node], deadline: float, truth: Judged) -> Verdict | None:
        """The line against the one above it; what is right and was right above needs no second proof."""
        if isinstance(truth.verdict, Proved) and not self.chain.last_is_wrong:
            return truth.verdict
        try:
            return self.claim(last, side, given, deadline).verdict
        except DerivsError:
            return None

    def claim(self, left: Node, right: Node, given: Sequence[Node], deadline: float) -> Judged:
        """left = right, in the first reading that proves it; else the verdict of the first reading."""
        found = decide(self._readings(left, right, given), self.verdict, deadline)
        if isinstance(found.verdict, Refuted) and found.reading is not None:
            small = self._verdict(found.reading, shrink=True)          # the one that will be shown
            tried = tuple((said, small if verdict is found.verdict else verdict) for said, verdict in found.tried)
            found = self._in_the_mean(Judged(small, found.reading, tried), found.reading)
        return found

    def _in_the_mean(self, found: Judged, reading: Reading) -> Judged:
        """A refuted claim that holds in the mean in one of the readings: these disagree, and each is named."""
        readings = [(one, self._verdict(one, shrink=True)) for one in means(self.problem, reading)]
        proved = next((pair for pair in readings if isinstance(pair[1], Proved)), None)
        if proved is None:
            return found
        named = tuple((spoken(one), verdict) for one, verdict in readings)
        plain = next((pair for pair in found.tried if pair[1] is found.verdict), found.tried[0])
        return Judged(proved[1], replace(proved[0], two_meanings="mean"), (plain, *named))

    def _readings(self, left: Node, right: Node, given: Sequence[Node]) -> Callable[[Choices], Reading]:
        return lambda choices: claim(self.problem, self.vocabulary, choices, left, right, given)

    def verdict(self, reading: Reading) -> tuple[Verdict, Reading]:
        """The verdict on a claim, and the reading with what it took to have one. Raises IllFormed.

        Entries that do not exist are read as zero, with a warning: people let sums run one too far over them.
        """
        for mistake in claim_mistakes(reading.problem, reading.claim):
            if not isinstance(mistake, OutOfRange):
                raise mistake
            padded = {name: replace(tensor, zero_outside=True) for name, tensor in reading.problem.tensors.items()}
            mend = mistake.mend if "runs to" in mistake.what else "keep the subscript within its axis"
            warning = Option(f"{mistake.what}; what lies outside is read as zero", mend)
            reading = replace(reading, problem=replace(reading.problem, tensors=padded), is_padded=True,
                              slips=(*reading.slips, warning))
            break
        return self._verdict(reading), reading

    def _verdict(self, reading: Reading, *, shrink: bool = False) -> Verdict:
        """A proof that no exact point could cross-examine is no proof yet."""
        verdict = self._by_judge(reading, shrink)
        if isinstance(verdict, Proved) and not verdict.examined:
            return Tested(0, "no point was found at which both sides have a value")
        if isinstance(verdict, Proved) and reading.under != ONE and not self._holds_somewhere(reading):
            return Tested(0, "no point was found at which its conditions hold")
        return verdict

    def _holds_somewhere(self, reading: Reading) -> bool:
        """Whether the conditions of a claim ever hold: both sides are zero where they do not, and so equal."""
        both = add(reading.claim.left, reading.claim.right)          # which tell how far the indices run
        never = Claim(add(both, reading.under), both, reading.claim.given)
        return isinstance(compare(reading.problem, never, points=SEARCH, seed=self.seed, shrink=False,
                                  evaluator=self.evaluator.extended(reading.problem)), Refuted)

    def _by_judge(self, reading: Reading, shrink: bool) -> Verdict:
        if reading.problem is self.problem:
            return judge(self.graph, reading.claim, seed=self.seed, evaluator=self.evaluator, shrink=shrink)
        evaluator = self.evaluator.extended(reading.problem)
        graph = self.graph.extended(reading.problem)
        return judge(graph, reading.claim, seed=self.seed, evaluator=evaluator, shrink=shrink)

    # ---- names that the derivation introduces

    def _defines(self, left: Node, right: Node, sign: str) -> bool:
        """Whether the line says what a new name stands for; then the name is known from here on."""
        name = spelled(left)
        if name is None or _is_quotient(left):
            return False
        if next(self.vocabulary.matches(name), None) is not None or key(left) in self.vocabulary.sizes:
            return False
        if name.base in ("e", "pi", "partial", "nabla") or key(left) in self.vocabulary.phrases:
            return False
        if _places(name) == ("delta", 2, 0) and isinstance(bare(right), Numeral):
            return False                               # what Kronecker's delta is there
        self._introduce(name, right)
        return True

    def _introduce(self, name: Spelled, right: Node) -> None:
        for part in walk(right):
            again = spelled(part)
            if again is not None and _places(again) == _places(name) and (
                    next(self.vocabulary.matches(again), None) is None):
                raise Unreadable("a recurrence over an index is not read yet: the name is said by itself", part.span,
                                 mend="write the first steps out, each as an equation of its own")
        state, found = value(self.problem, self.vocabulary, Choices(), right)
        free = names_in(found.body) - set(self.problem.sizes) - {axis.index for axis in found.axes}
        taken = pattern(name, free)
        stray = sorted(free - set(taken.letters))
        if stray:
            raise Unreadable(f"{stray[0]} is free on the right and does not stand on the left", right.span,
                             mend=f"write {stray[0]} on the left, or sum over it")
        bounds = ranges(state.extended, (found.body,)) if taken.letters else {}
        if state.auxiliary:
            raise Unreadable("a new name for the derivative of an expression is not read yet", right.span)
        named = standing_for(found, taken.letters, [bounds[letter][1] for letter in taken.letters])
        self.vocabulary.add(spelling(taken, named, (*taken.letters, *("" for _ in found.axes)), key(name.node),
                                     origin="introduced"))

    # ---- what is said

    def _said(self, written: str, here: Span, truth: Judged, above: Verdict | None, judged: Judgement,
              slips: Sequence[Option]) -> Checked:
        reading = truth.reading
        said = (*slips, *(reading.slips if reading else ()), *(reading.said if reading else ()))
        notes = "; ".join(dict.fromkeys(option.note for option in said if option.note))
        mends = "; ".join(dict.fromkeys(option.mend for option in said if option.mend))
        message, verdict = "", truth.verdict
        readings = truth.tried if judged == "ambiguous" else ()
        match verdict:
            case Refuted(_, left, right):
                message = f"at {verdict.at} the left side is {left}, the right side {right}" + _taken(reading)
            case Tested(points, why):
                message = f"no difference at {points} points, and no proof: {why}"
            case Proved():
                message = notes if judged == "right, mend the notation" else ""
        if judged == "ambiguous":
            message = notes or "its readings disagree"
        if judged == "follows from a wrong line":
            message = "it carries on the mistake of the line above; " + message
        conditions = verdict.conditions if isinstance(verdict, Proved) else ()
        if judged == "right, mend the notation":
            here = next((option.span for option in said if option.span), here)
        return Checked(written, here, judged, verdict, above, notes, message,
                       mends if judged.startswith("right,") else "", readings, (), conditions, claims=1)


def _rescued(reading: Reading | None) -> int:
    """In how many things a reading had to guess what notation means."""
    if reading is None:
        return 0
    return len(reading.slips) + sum(option.slip for option in reading.said) + bool(reading.two_meanings)


def _taken(reading: Reading | None) -> str:
    """Which function an unknown one was taken to be at the point."""
    if reading is None:
        return ""
    trees = (reading.claim.left, reading.claim.right, *(d.value for d in reading.problem.definitions))
    found = sorted({opaque_text(name.rstrip("'")) for name in opaque_in(*trees)})
    return f", where {', '.join(found)}" if found else ""


def _judgement(truth: Judged, above: Verdict | None, wrong_above: bool, slips: Sequence[Option]) -> Judgement:
    match truth.verdict:
        case Proved():
            reading = truth.reading
            if reading is not None and reading.two_meanings:
                return "ambiguous"
            needs_mending = slips or (reading is not None and (
                reading.slips or any(option.slip for option in reading.said)))
            return "right, mend the notation" if needs_mending else "right"
        case Refuted():
            return "follows from a wrong line" if wrong_above and isinstance(above, Proved) else "wrong"
        case Unread():
            return "unread"
        case _:
            return "undecided"


def _unread(written: str, here: Span, error: Unreadable) -> Checked:
    return Checked(written, error.span, "unread", Unread(error.what), message=error.what, mend=error.mend)


def _places(name: Spelled) -> tuple[str, int, int]:
    """The letter of a name, and how many scripts stand below and above it."""
    return name.base, sum(len(letters(item)) for item in name.below), sum(len(letters(item)) for item in name.above)


def _is_quotient(node: Node) -> bool:
    return isinstance(bare(node), Fraction | Product)
