"""Suites that pytest collects: an item a property, of a function that stands in a test module.

    test_softmax = derivs.testing.Suite("softmax_temperature", softmax_backward)

    @derivs.testing.backward("softmax_temperature")
    def softmax_backward(dy, x, beta): ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

from derivs.testing.engine import Engine
from derivs.testing.expected import Truth
from derivs.testing.extremes import NAME as EXTREMES
from derivs.testing.properties import properties
from derivs.testing.signature import plan
from derivs.testing.strategies import SEED, ProblemLike, resolved
from derivs.testing.suite import EXAMPLES, Report, check, described
from derivs.testing.trial import Subject

MARK: Final = "__derivs_suite__"       # the attribute of a decorated function that holds its suite

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Suite:
    """Every property of a function, tried when the first of them is asked for. The fields are those of `check`.

    examples: None for as many as pytest is told to try.
    """

    problem: ProblemLike
    backward: object = None
    forward: object = None
    examples: int | None = None
    names: Mapping[str, str] | None = None
    returns: Sequence[str] | None = None
    seed: int = SEED
    framework: str = ""
    _reports: dict[int, Report] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def properties(self) -> tuple[str, ...]:
        """The names of the properties, without trying them. Raises DerivsError as `check` does."""
        problem = resolved(self.problem)
        functions = {name: f for name, f in (("backward", self.backward), ("forward", self.forward)) if f is not None}
        planned = plan(problem, {name: described(f) for name, f in functions.items()}, names=self.names,
                       returns=self.returns, framework=self.framework)
        engine = Engine(functions, planned)
        subject = Subject(problem, Truth(problem), planned, engine, engine)
        return (*(one.name for one in properties(subject)), EXTREMES)

    def report(self, examples: int = EXAMPLES) -> Report:
        """What was found; the same for the same number of examples. `examples` counts where the suite says none."""
        wanted = self.examples if self.examples is not None else examples
        if wanted not in self._reports:
            self._reports[wanted] = check(
                self.problem, backward=self.backward, forward=self.forward, examples=wanted, names=self.names,
                returns=self.returns, seed=self.seed, framework=self.framework)
        return self._reports[wanted]


def backward(problem: ProblemLike, **options: Any) -> Callable[[Function], Function]:
    """Marks a backward pass as one of an exercise: pytest tries it, and it stays the function that it is.

    options: those of `Suite`, such as forward=..., examples=..., names=..., returns=...
    """
    def mark(function: Function) -> Function:
        setattr(function, MARK, Suite(problem, function, **options))
        return function
    return mark
