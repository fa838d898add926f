"""All properties of somebody's functions, tried at random inputs in one search; failures are shrunk, each on its own.

    report = derivs.testing.check("softmax_temperature", backward=softmax_backward)
    print(report)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Flaky

from derivs.errors import DerivsError, Unsupported
from derivs.expr import Apply, walk
from derivs.problem import Problem
from derivs.rules.opaque import MARK, is_opaque
from derivs.samples import Shape, arrays, batches, shapes
from derivs.testing.aim import aimed, turns
from derivs.testing.engine import Description, Engine, Plan, describe
from derivs.testing.exact import quantity
from derivs.testing.expected import Truth
from derivs.testing.extremes import NAME, SENTENCE, finite
from derivs.testing.finding import WEAK, Finding, finding, words
from derivs.testing.properties import Failure, Property, properties
from derivs.testing.signature import Signature, plan
from derivs.testing.slips import mistake, unsummed
from derivs.testing.strategies import SEED, ProblemLike, given_cotangents, numbers, resolved
from derivs.testing.trial import Runner, Subject, Trial, in_float32
from derivs.text import text

EXAMPLES: Final = 100
FEW: Final = 6                         # batches that are drawn at least: the first is always the simplest
EAGER, SELDOM = 6, 4                   # batches at which all is looked at, and then every so many
SHRINKING: Final = 400                 # inputs that making a failure small may take,
PATIENCE: Final = 30.0                 # and seconds
NOT_RETURNED: Final = "was not returned, and is not tested"
NOT_COMPARED: Final = "at no input could it be compared, and nothing is said of it"

Start = Callable[[Plan], Runner]
Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Tried:
    """A property, at how many inputs it was looked for, and what was found where it does not hold."""

    name: str
    holds: str
    examples: int
    finding: Finding | None = None

    @property
    def sign(self) -> str:
        return "✓" if self.finding is None else WEAK[self.finding.is_weakness]


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of a function, property by property. str() is what `derivs test` prints."""

    problem: Problem
    name: str
    plan: Plan
    tried: tuple[Tried, ...]
    notes: tuple[str, ...] = ()
    examples: int = 0
    seconds: float = 0.0

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(one.finding for one in self.tried if one.finding is not None)

    @property
    def ok(self) -> bool:
        """Whether every property holds."""
        return not self.findings

    def fields(self) -> dict[str, Any]:
        """As JSON."""
        return {"problem": self.problem.name, "function": self.name, "ok": self.ok, "examples": self.examples,
                "notes": list(self.notes), "plan": self.plan.to_json(), "properties": [
                    {"name": one.name, "holds": one.finding is None, "sentence": one.holds, "examples": one.examples,
                     "finding": None if one.finding is None else one.finding.fields()} for one in self.tried]}

    def text(self, *, programs: bool = True) -> str:
        """A block: what holds in a line, what does not each with its smallest input."""
        head = f"{self.problem.name}: {self.name}, {self.examples} input{'' if self.examples == 1 else 's'}"
        good = ", ".join(one.name for one in self.tried if one.finding is None)
        lines = [head, *([f"  ✓ {good}"] if good else [])]
        for one in self.tried:
            if one.finding is not None:
                lines += block(one, self.problem, programs=programs)
        return "\n".join([*lines, *(f"  · {note}" for note in self.notes)])

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"Report({self.name!r}, {len(self.findings)} findings)"


def block(one: Tried, problem: Problem, *, programs: bool = True) -> list[str]:
    """What is said of one property that does not hold."""
    assert one.finding is not None
    said = "is inaccurate" if one.finding.is_weakness else "fails"
    program = one.finding.program.splitlines() if programs else []
    return [f"  {one.sign} {one.name} {said}", *(f"      {line}" for line in words(one.finding, problem)),
            *(f"        {line}" for line in program)]


def check(problem: ProblemLike, *, backward: object = None, forward: object = None, examples: int = EXAMPLES,
          names: Mapping[str, str] | None = None, returns: Sequence[str] | None = None, seed: int = SEED,
          framework: str = "", runner: Start | None = None, descriptions: Mapping[str, Description] | None = None,
          progress: Progress | None = None) -> Report:
    """Every property of a backward pass, a forward pass, or a pair of them.

    backward: a function of arrays, a `jax.custom_vjp` function, a `torch.autograd.Function`; forward: beside it, or
    alone. names: what a parameter stands for; returns: in which order gradients come back, where names do not tell.
    framework: "numpy", "jax" or "torch", where the function does not tell. runner, descriptions: for functions that
    live elsewhere, what calls them by a Plan, and what is known of them.
    Raises DerivsError for an exercise that cannot be read and for parameters that mean nothing.
    """
    start_time = perf_counter()
    problem = _with_values(resolved(problem))
    functions = {name: f for name, f in (("backward", backward), ("forward", forward)) if f is not None}
    known = dict(descriptions or {name: described(f) for name, f in functions.items()})
    if not known:
        raise DerivsError("there is no function to test", mend="give backward=..., forward=..., or both")
    planned = plan(problem, known, names=names, returns=returns, framework=framework)
    start = runner or (lambda plan: Engine(functions, plan))
    subject = Subject(problem, Truth(problem), planned, start(planned), start(in_float32(planned)))
    return _Search(subject, known, seed, examples, progress).report(start_time)


def _with_values(problem: Problem) -> Problem:
    """The exercise, if it says what all its functions are."""
    for definition in problem.definitions:
        for node in walk(definition.value):
            if isinstance(node, Apply) and is_opaque(node.function):
                raise Unsupported(f"the function {node.function.removeprefix(MARK)} may be any: it has no values to "
                                  "compare with", where=problem.name, mend="declare an exercise with a function in its "
                                  "place, such as tanh")
    return problem


def described(function: object) -> Description:
    """What is known of a function. Raises Signature for what has no parameters to be read."""
    try:
        return describe(function)
    except (TypeError, ValueError) as error:
        raise Signature(f"its parameters cannot be known: {error}", where=str(getattr(function, "__name__", function)),
                        mend="wrap it in a function whose parameters are written out") from error


class _Failed(Exception):
    """Raised inside Hypothesis, which then looks for the simplest input that raises it."""


class _Search:
    """One function before all properties: every batch that is drawn serves all that still hold."""

    def __init__(self, subject: Subject, functions: Mapping[str, Description], seed: int, examples: int,
                 progress: Progress | None) -> None:
        self.subject, self.functions, self.seed, self.wanted = subject, functions, seed, examples
        self.progress = progress or (lambda _: None)
        problem = subject.problem
        self.shapes = shapes(problem, (*problem.inputs, *given_cotangents(problem)), np.random.default_rng(SEED))
        self.properties = properties(subject)
        self.live = list(self.properties)
        self.drawn = self.batches = self.shrunk = 0
        self.looked: Counter[str] = Counter()          # inputs at which a property was looked for
        self.seen: dict[str, Failure] = {}             # the first failure of each property, not made small yet
        self.shrinking = 0.0                           # seconds that making failures small has taken
        self.came_back: set[str] = set()
        self.failed: dict[str, Failure] = {}

    def report(self, start: float) -> Report:
        while self.live and (self.drawn < self.wanted or self.seen):
            found = self.hunt()
            if ("returns" in self.failed and not self.came_back) or (self.drawn >= self.wanted and not found):
                break
        self.failed |= self.seen
        self.failed = {name: failure for name, failure in self.failed.items() if not self.is_covered(name, failure)}
        tried = [self.tried(one) for one in self.properties if self.is_reported(one)]
        extreme = Property(NAME, SENTENCE, lambda trial: None)
        if self.came_back:
            failure, looked = finite(self.subject, self.shapes)
            tried.append(Tried(extreme.name, extreme.holds, looked, self.finding(extreme, failure)))
        name = " and ".join(one.name for one in self.functions.values())
        return Report(self.subject.problem, name, self.subject.plan, tuple(tried), tuple(self.notes()), self.drawn,
                      perf_counter() - start)

    def is_reported(self, one: Property) -> bool:
        """Of what never came back nothing is said, but that; nor of what another finding explains."""
        if one.name in self.failed or one.name == "returns":
            return True
        return bool(self.came_back) and not self.is_settled(one) and self.was_compared(one)

    def was_compared(self, one: Property) -> bool:
        """Whether there is anything behind a tick: a gradient that was compared at no input is not right for that."""
        return self.subject.compared[one.name] > 0 if one.about else self.looked[one.name] > 0

    def is_settled(self, one: Property) -> bool:
        """Whether a finding about the same gradient makes this one needless."""
        shape = self.failed.get("shapes")
        if one.about and shape is not None and one.about == shape.name:
            return True
        return one.on_kinks and any(other.about == one.about and other.name in self.failed and not other.on_kinks
                                    for other in self.properties)

    def is_covered(self, name: str, failure: Failure) -> bool:
        """Whether a finding is of a gradient that is wrong anyway."""
        by = {one.name: one for one in self.properties}
        wrong = {by[other].about for other in self.failed if by[other].about and not by[other].is_weakness}
        return self.is_settled(by[name]) or (by[name].is_weakness and failure.name in wrong)

    def notes(self) -> list[str]:
        if not self.came_back:
            return []
        problem = self.subject.problem
        missing = [one for one in (*self.subject.gradients, *self.subject.outputs) if one not in self.came_back]
        unseen = [one.name for one in self.properties if one.name not in self.failed and one.about in self.came_back
                  and not self.is_settled(one) and not self.was_compared(one)]
        return [*(f"{text(quantity(problem, one, ()), problem)} {NOT_RETURNED}" for one in missing),
                *(f"{name}: {NOT_COMPARED}" for name in unseen)]

    def tried(self, one: Property) -> Tried:
        failure = self.failed.get(one.name)
        looked = self.subject.compared[one.name] if one.about else self.looked[one.name]
        return Tried(one.name, one.holds, looked, self.finding(one, failure))

    def finding(self, one: Property, failure: Failure | None) -> Finding | None:
        return None if failure is None else finding(self.subject, one, failure, self.functions,
                                                    self.slip(one, failure))

    def slip(self, one: Property, failure: Failure) -> str:
        """What was done instead, where numbers tell."""
        if one.about and not one.is_weakness:
            return mistake(self.subject, self.shapes, one.about, on_kinks=one.on_kinks)
        if one.name == "shapes":
            return (unsummed(self.subject, self.shapes, failure.name)
                    or mistake(self.subject, self.shapes, failure.name))
        return ""

    # ---- the search

    def hunt(self) -> bool:
        """As many inputs as are missing, but none after a property has failed and its failure is shrunk.

        Whether one has failed. At the first input that shows a failure all properties are looked at, since the next
        hunt may be the last.
        """
        target: Property | None = None
        best: tuple[Any, Failure] | None = None
        begun = 0.0
        self.seed += 1
        missing = max(self.wanted - self.drawn, 0)
        typical = float(np.mean([shape.batch for shape in self.shapes]))

        @seeded(self.seed)
        @settings(max_examples=max(FEW, round(missing / typical)), database=None, deadline=None, derandomize=False,
                  phases=(Phase.generate, Phase.shrink), verbosity=Verbosity.quiet, report_multiple_bugs=False,
                  suppress_health_check=list(HealthCheck), print_blob=False)
        @given(batches(self.shapes))
        def draw(drawn: tuple[Shape, list[bytes]]) -> None:
            nonlocal target, best, begun
            if target is not None and (self.shrinking + perf_counter() - begun > PATIENCE or self.shrunk > SHRINKING):
                return
            shape, inputs = drawn
            trial = self.trial(shape, inputs)
            self.shrunk += 1
            if target is None:
                self.count(trial)
                failures = self.look(trial)
                target = next(iter(failures), None)
                begun, self.shrunk = perf_counter(), 0
                failure = failures.get(target) if target is not None else None
            else:
                failure = target.check(trial)
            if failure is not None:
                size = (sum(shape.sizes.values()), len(inputs), inputs)
                if best is None or size < best[0]:
                    best = size, failure
                raise _Failed

        with suppress(_Failed, Flaky):
            draw()
        if target is None or best is None:
            return False
        self.shrinking += perf_counter() - begun
        self.failed[target.name] = best[1]
        self.subject.wrong |= {target.about if target.name != "shapes" else best[1].name} - {""}
        self.live = [one for one in self.live if one is not target and not self.is_settled(one)]
        names = {one.name for one in self.live}
        self.seen = {name: failure for name, failure in self.seen.items()
                     if name in names and not self.is_covered(name, failure)}
        return True

    def look(self, trial: Trial) -> dict[Property, Failure]:
        """The properties that fail at a batch of inputs, in order."""
        found = {}
        for one in self.due():
            self.looked[one.name] += trial.count
            failure = one.check(trial)
            if failure is not None:
                found[one] = failure
                self.seen.setdefault(one.name, failure)
        return found

    def due(self) -> list[Property]:
        """The properties to look at this time: at first all, later those that need further calls more seldom."""
        self.batches += 1
        seldom = self.batches > EAGER and self.batches % SELDOM
        return [one for one in self.live if not (seldom and one.calls_again)]

    def trial(self, shape: Shape, inputs: Sequence[bytes]) -> Trial:
        truth = self.subject.truth
        points = arrays(shape, inputs, numbers(), truth.sums, always=True)
        return Trial(self.subject, shape.sizes, aimed(truth, shape.sizes, points, turns(inputs)))

    def count(self, trial: Trial) -> None:
        self.drawn += trial.count
        self.progress(trial.count)
        for k in range(trial.count):
            self.came_back |= trial.answer(k).values.keys()
