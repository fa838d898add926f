"""What must hold of every input: it is answered, in time, and what is accepted is true as far as others can see."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from reprlib import Repr
from time import perf_counter, process_time
from typing import Any, Final, get_args

from derivs.checker import Checker
from derivs.clock import within
from derivs.declare import declarations, declare
from derivs.errors import DerivsError, OutOfBudget, Unreadable
from derivs.expr import ZERO, add
from derivs.judgement import Checked
from derivs.problem import Claim
from derivs.reading.claims import Reading
from derivs.reading.document import Kind, formulas
from derivs.reading.macros import expand, macros_in
from derivs.reading.rows import rows
from derivs.reading.syntax import Group, Node, Numeral, Product, Relation, Row
from derivs.reading.tokens import clean, lex
from derivs.refute import compare
from derivs.verdict import Proved, Refuted

from . import trees
from .declarations import declaration
from .exercises import OWN, PLAIN, Exercise, exercise, exercises
from .hostile import HOSTILE
from .lines import mutated, noise

SECONDS: Final = 5.0                    # the time for one line
SLOW: Final = 2.0                       # seconds of a line that are worth a look
GENERATORS: Final = ("mutated", "noise", "trees", "declarations")
SHARES: Final = ("mutated",) * 11 + ("noise",) * 4 + ("trees",) * 4 + ("declarations",)
KINDS: Final[Sequence[Kind]] = get_args(Kind)
SHORT: Final = Repr()                    # of declarations of many megabytes
SHORT.maxdict, SHORT.maxstring, SHORT.maxlevel = 40, 300, 4
AFRESH: Final = 400                     # inputs, until the work on an exercise is begun afresh


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that was not treated as it should be."""

    what: str
    generator: str
    number: int
    exercise: str
    text: str


@dataclass(slots=True)
class Outcome:
    """What came of one input."""

    generator: str
    text: str = ""
    judgements: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0


class Fuzzer:
    """The exercises, and input after input for them: the same for the same seed and number, whatever came before."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.exercises = exercises()
        self.lines = [line for one in self.exercises.values() for line in one.right]
        self.right = [one for one, _ in OWN.values()]
        self.used = 0
        self.outcome = Outcome("")
        self.number = 0
        self.name = ""

    def input(self, number: int, generator: str = "") -> Outcome:
        """One input, made and checked."""
        rng = Random(f"{self.seed}/{number}")
        chosen = SHARES[rng.randrange(len(SHARES))]
        chosen = generator or chosen
        self.number, self.outcome, self.name = number, Outcome(chosen), ""
        self.used += 1
        if self.used % AFRESH == 0:
            for one in self.exercises.values():
                one.afresh()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = process_time()
        try:
            getattr(self, chosen)(rng)
        except Exception as error:       # what escapes is the finding
            self.find(f"{type(error).__name__} escaped: {error}")
        self.outcome.seconds = process_time() - start
        if self.outcome.seconds > 4 * SLOW:          # every line of it, and what accepted ones are asked after that
            self.find(f"slow: {self.outcome.seconds:.1f} s")
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
        if more > 100_000:
            self.find(f"memory: {more // 1000} MB more")
        return self.outcome

    def find(self, what: str) -> None:
        outcome = self.outcome
        outcome.findings.append(Finding(what[:400], outcome.generator, self.number, self.name, outcome.text))

    # ---- generators

    def mutated(self, rng: Random) -> None:
        self.name = rng.choice(list(self.exercises))
        one = self.exercises[self.name]
        rest = one.right if rng.random() < 0.8 else self.lines
        chain = rng.sample(one.right, min(len(one.right), rng.choice((1, 1, 1, 2, 3))))
        text = [line if rng.random() < 0.2 else mutated(rng, line, rest) for line in chain]
        self.text(one, rng.choice((r" \\ ", r"\\" + "\n", "\n\n")).join(text), rng)

    def noise(self, rng: Random) -> None:
        self.name = rng.choice(list(self.exercises))
        text = noise(rng)
        self.read(text)
        self.text(self.exercises[self.name], text, rng, rng.choice(KINDS))

    def trees(self, rng: Random) -> None:
        letters = rng.choice(((), ("i",), ("i",), ("i", "j")))
        smooth = rng.random() < 0.4
        left = trees.formula(rng, rng.choice((1, 2, 2, 3, 3, 4)), letters, sharp=not smooth)
        right = trees.rewritten(rng, left)
        declared = self.exercises["plain"]
        written = ""
        if smooth:
            by, index = rng.choice((("x", "p"), ("u", "p"), ("a", "")))
            right = trees.tidied(trees.derivative(left, by, index))
            whole = trees.latex(left, rng)
            under = f"{by}_{index}" if index else by
            written = rf"\frac{{\partial}}{{\partial {under}}} \left( {whole} \right)"
            if not letters and rng.random() < 0.7:
                declared = self.exercise_of(whole)
                written = rf"\frac{{\partial L}}{{\partial {under}}}"
            left, letters = right, (*letters, index) if index else letters
        while rng.random() < 0.5:
            right = trees.changed(rng, right, letters) if letters or rng.random() < 0.5 else right
        written = written or trees.latex(left, rng)
        self.outcome.text = text = f"{written} = {trees.latex(right, rng)}"
        differs = trees.differ(left, right, letters, rng)
        for checked in self.checked(declared, text):
            if checked.is_right and checked.claims and differs:
                self.find("WRONG ACCEPTANCE: our own evaluation finds a difference")
            if checked.judgement == "wrong" and not (
                    differs or "undefined" in checked.message or trees.differ(left, right, letters, rng, 20)):
                self.find(f"wrong refusal? our own evaluation finds no difference: {checked.message}")
            if checked.judgement == "unread":
                self.outcome.judgements[-1] = "unread (a tree)"
            self.accepted(declared, checked, rng)

    def exercise_of(self, whole: str) -> Exercise:
        """The exercise whose loss is that formula."""
        return exercise({**PLAIN, "forward": {"L": whole}, "gradient": {"loss": "L", "by": ["a"]}}, ())

    def declarations(self, rng: Random) -> None:
        data = declaration(rng, self.right, self.lines)
        self.outcome.text = SHORT.repr(data)
        self.declared(data)
        if rng.random() < 0.3:
            usual = ("[symbols]", "x = 'vector[n]'", "[forward]", "y = 'x^2'", "[[exercise]]", "a = " + "[" * 500)
            text = "\n".join(f"{noise(rng)[:50]} = {noise(rng)[:50]}" if rng.random() < 0.3 else rng.choice(usual)
                             for _ in range(rng.randint(1, 8)))
            with suppress(DerivsError):
                declarations(text, "fuzz")

    # ---- entry points

    def declared(self, data: Mapping[str, Any]) -> None:
        """A declaration; what can be declared is used."""
        try:
            with within(SECONDS):
                found = declare(data)
        except OutOfBudget:
            self.outcome.judgements.append("declaration out of time")
            return
        except DerivsError as error:
            str(error)
            self.outcome.judgements.append("declaration refused")
            return
        self.outcome.judgements.append("declaration accepted")
        for target in found.problem.targets:
            str(target)

    def read(self, text: str) -> None:
        """The layers below, which never raise but Unreadable."""
        clean(expand(lex(text), macros_in(text)))
        for row in rows(text):
            assert (row.node is None) != (row.error is None)

    def text(self, one: Exercise, text: str, rng: Random, kind: Kind = "fragment") -> None:
        """Lines as they come out of a text."""
        self.outcome.text = text
        for checked in self.checked(one, text, kind):
            self.accepted(one, checked, rng)

    def checked(self, one: Exercise, text: str, kind: Kind = "fragment") -> Iterator[Checked]:
        """Every line of a text with the judgement on it."""
        try:
            document = formulas(text, kind)
        except Unreadable:
            self.outcome.judgements.append("text refused")
            return
        self.checker = checker = one.checker(SECONDS)
        for line in document.lines:
            node = line.node if line.node is not None else line.error
            assert node is not None
            start = process_time()
            try:
                with within(SECONDS):
                    found = checker.line(line.text, node, line.given, span=line.span)
            except OutOfBudget as error:
                one.afresh()
                checker.graph, checker.evaluator = one.graph, one.evaluator
                self.outcome.judgements.append("out of time")
                if process_time() - start > SECONDS / 2:      # else it is another program that took the time
                    self.find(f"out of time after {process_time() - start:.1f} s: {error.what}")
                continue
            if process_time() - start > SLOW:
                self.find(f"a slow line: {process_time() - start:.1f} s")
            self.outcome.judgements.append(found.judgement)
            if "bug in derivs" in found.message + found.mend:
                self.find(f"a bug: {found.message}")
            if not (0 <= found.span[0] <= found.span[1]):
                self.find(f"a span {found.span}")
            self.node, self.given = line.node, line.given
            yield found

    # ---- what is accepted

    def accepted(self, one: Exercise, checked: Checked, rng: Random) -> None:
        """An accepted line is not accepted with one side doubled, and holds at points of another seed."""
        if not checked.is_right or not checked.claims or self.node is None:
            return
        checker, given = self.checker, self.given
        chain = replace(checker.chain)
        for relation, rest in relations(self.node):
            side = relation.sides[-1]
            before = relation.sides[-2] if len(relation.sides) > 1 else None
            left = before if before is not None else chain.subject
            if side is None or left is None:
                continue
            reading = self.examined(checker, left, side, (*given, *rest), rng)
            double = replace(relation, sides=(*relation.sides[:-1], doubled(side)))
            checker.chain = replace(chain)
            also_right = checker.line("", with_relation(self.node, relation, double), given).is_right
            if also_right and (reading is None or not self.is_zero(reading)):
                self.find("WRONG ACCEPTANCE: right with one side doubled, and that is not zero")
            checker.chain = replace(chain)

    def is_zero(self, reading: Reading) -> bool:
        """Whether both sides of what is right are zero, as far as a few points show."""
        both = Claim(add(reading.claim.left, reading.claim.right), ZERO, reading.claim.given)
        found = compare(reading.problem, both, points=24, seed=104, shrink=False)
        return not isinstance(found, Refuted) or "undefined" in (found.left, found.right)

    def examined(self, checker: Checker, left: Node, side: Node, given: Sequence[Node], rng: Random) -> Reading | None:
        """The claim at points of another seed; how it was read."""
        try:
            judged = checker.claim(left, side, given, perf_counter() + SECONDS)
        except DerivsError:
            return None                  # a definition, or a reading of the whole line
        reading = judged.reading
        if reading is None or not isinstance(judged.verdict, Proved):
            return None
        try:
            found = compare(reading.problem, reading.claim, points=8, seed=rng.choice((101, 102, 103)),
                            off_kinks=any("except" in c for c in judged.verdict.conditions), shrink=False,
                            evaluator=checker.evaluator.extended(reading.problem)
                            if reading.problem is not checker.problem else checker.evaluator)
        except DerivsError as error:
            self.outcome.judgements.append(f"not examined: {type(error).__name__}")
            return reading
        if isinstance(found, Refuted):
            what = "ACCEPTED OUTSIDE ITS DOMAIN" if "undefined" in (found.left, found.right) else "WRONG ACCEPTANCE"
            self.find(f"{what}: refuted at {found.at}: {found.left} and {found.right}")
        elif not found.points:
            self.outcome.judgements.append("accepted, and no point to see it at")
        return reading


def relations(node: Node) -> Iterator[tuple[Relation, tuple[Node, ...]]]:
    """The first equation of a line, with the conditions beside it."""
    parts = node.parts if isinstance(node, Row) else (node,)
    for part in parts:
        if isinstance(part, Relation) and all(sign in ("=", "==", ":=", "equiv") for sign in part.signs):
            rest = tuple(other for other in parts if isinstance(other, Relation) and other is not part)
            yield part, rest
            return


def with_relation(node: Node, old: Relation, new: Relation) -> Node:
    """The line with another equation."""
    if isinstance(node, Row):
        return replace(node, parts=tuple(new if part is old else part for part in node.parts))
    return new


def doubled(side: Node) -> Node:
    """2 (side)."""
    return Product((Numeral("2", side.span), Group("(", (side,), side.span)), side.span)


def hostile(fuzzer: Fuzzer, name: str) -> Outcome:
    """An input that has a name."""
    fuzzer.outcome, fuzzer.name, fuzzer.number = Outcome("hostile"), "plain", -1
    start = process_time()
    fuzzer.text(fuzzer.exercises["plain"], HOSTILE[name], Random(0))
    fuzzer.outcome.seconds = process_time() - start
    return fuzzer.outcome
