"""The exact value of an expression, as written, at a point: the truth that everything else is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from derivs.bank import Bank
from derivs.compile import compiled
from derivs.expr import Expr, Largest, Sum, walk
from derivs.kernels import Value
from derivs.problem import Definition, Problem, Tensor
from derivs.sources import Source, Sources
from derivs.verdict import Point
from derivs.worlds import Formula, Place

BUDGET: Final = 200_000                             # steps: an entry computed, a term of a sum, a mask
MOST_BANKS: Final = 12
MOST_FORMULAS: Final = 1000                         # asked about before what was computed is forgotten


def evaluate(problem: Problem, expr: Expr, point: Point, *, budget: int = BUDGET) -> Value:
    """The value of expr at the point. Raises OutOfDomain, IllFormed, Unsupported, Undecided, OutOfBudget."""
    evaluator = Evaluator(problem)
    return evaluator.at(point, budget=budget).value(evaluator.compile(expr))


@dataclass(slots=True)
class _Work:
    """What was done for an exercise, bounded."""

    definitions: dict[Source, Formula] = field(default_factory=dict)
    banks: dict[tuple[tuple[str, ...], int, int], Bank] = field(default_factory=dict)
    formulas: int = 0


class Evaluator:
    """The definitions of a problem, compiled as they are needed, and what was computed at its points."""

    def __init__(self, problem: Problem, base: Evaluator | None = None) -> None:
        self.problem, self._base = problem, base
        self._sources: Sources = Sources(problem, base._sources if base else None)
        self._work: _Work = base._work if base else _Work()
        self._compiled: dict[Expr, Formula] = {}
        self._parts: dict[int, tuple[Expr, Formula]] = {}
        self._extended: dict[tuple[Definition, ...], Evaluator] = {}
        self.last: object = None                    # what was asked last, for who asks

    def extended(self, problem: Problem) -> Evaluator:
        """The evaluator of another problem, which shares all that is computed where it only adds nodes to this one."""
        if problem is self.problem:
            return self
        if not _only_adds_nodes(self.problem, problem):
            return Evaluator(problem)
        added = problem.definitions[len(self.problem.definitions):]
        found = self._extended.get(added)
        if found is None:
            found = self._extended[added] = Evaluator(problem, self)
        return found

    def compile(self, expr: Expr) -> Formula:
        """The expression, ready to be evaluated at many points. Raises IllFormed for what has no meaning anywhere."""
        formula = self._compiled.get(expr)
        if formula is None:
            self._work.formulas += 1
            if self._work.formulas > MOST_FORMULAS:
                self._forget()
            formula = self._compiled[expr] = compiled(self._sources, expr, parts=self._parts)
        return formula

    def keep(self, expr: Expr) -> None:
        """The sums of an expression are compiled by themselves, since others will be asked of which they are parts."""
        for part in reversed(list(walk(expr))):
            if isinstance(part, Sum | Largest) and id(part) not in self._parts:
                self._parts[id(part)] = part, compiled(self._sources, part, parts=self._parts)

    def given(self, *exprs: Expr) -> tuple[Tensor, ...]:
        """The tensors that a point must give for the expressions to have a value, in order of their names."""
        return self._sources.given(*exprs)

    def at(self, point: Point, *, budget: int = BUDGET) -> Place:
        """The problem at that point."""
        return Place(self._sources, self._definition, point, budget)

    def bank(self, given: Sequence[Tensor], seed: int, *, budget: int = BUDGET) -> Bank:
        """Points that give these tensors, with what was computed there by whoever asked before."""
        key = (tuple(tensor.name for tensor in given), seed, budget)
        bank = self._work.banks.get(key)
        if bank is None:
            bank = Bank(self.problem, given, seed,
                        lambda point: Place(self._sources, self._definition, point, budget, lasting=True))
            if len(self._work.banks) >= MOST_BANKS:
                del self._work.banks[next(iter(self._work.banks))]
            self._work.banks[key] = bank
        return bank

    def _definition(self, source: Source) -> Formula:
        """The definition of a node, compiled when it is first needed."""
        formula = self._work.definitions.get(source)
        if formula is None:
            assert source.definition is not None
            formula = compiled(source.home, source.definition.value, source.definition.indices)
            self._work.definitions[source] = formula
        return formula

    def _forget(self) -> None:
        if self._base is not None:
            self._base._forget()
        self._work.formulas = 0
        self._work.definitions.clear()
        self._work.banks.clear()
        self._compiled.clear()
        self._parts.clear()
        self._extended.clear()
        self.last = None


def _only_adds_nodes(old: Problem, new: Problem) -> bool:
    """Whether every question about the old problem has the same answer in the new one, at points of the same sizes."""
    before = len(old.definitions)
    return (new.definitions[:before] == old.definitions and (new.loss, new.outputs) == (old.loss, old.outputs)
            and all(new.tensors.get(name) == tensor for name, tensor in old.tensors.items())
            and {d.tensor for d in new.definitions[before:]} == new.tensors.keys() - old.tensors.keys()
            and (new.sizes, new.constraints) == (old.sizes, old.constraints)
            and (new.kinks, new.indices) == (old.kinks, old.indices))
