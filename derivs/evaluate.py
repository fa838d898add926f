"""The exact value of an expression, as written, at a point: the truth that everything else is measured against."""

from __future__ import annotations

from typing import Final

from derivs.compile import compiled
from derivs.expr import Expr
from derivs.kernels import Value
from derivs.problem import Problem, Tensor
from derivs.sources import Source, Sources
from derivs.verdict import Point
from derivs.worlds import Formula, Place

BUDGET: Final = 200_000                             # steps: an entry computed, a term of a sum, a mask


def evaluate(problem: Problem, expr: Expr, point: Point, *, budget: int = BUDGET) -> Value:
    """The value of expr at the point. Raises OutOfDomain, IllFormed, Unsupported, Undecided, OutOfBudget."""
    evaluator = Evaluator(problem)
    return evaluator.at(point, budget=budget).value(evaluator.compile(expr))


class Evaluator:
    """The definitions of a problem, compiled as they are needed."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._sources = Sources(problem)
        self._formulas: dict[str, Formula] = {}

    def compile(self, expr: Expr) -> Formula:
        """The expression, ready to be evaluated at many points. Raises IllFormed for what has no meaning anywhere."""
        return compiled(self._sources, expr)

    def given(self, *exprs: Expr) -> tuple[Tensor, ...]:
        """The tensors that a point must give for the expressions to have a value, in order of their names."""
        return self._sources.given(*exprs)

    def at(self, point: Point, *, budget: int = BUDGET) -> Place:
        """The problem at that point."""
        return Place(self._sources, self._definition, point, budget)

    def _definition(self, source: Source) -> Formula:
        """The definition of a node, compiled when it is first needed."""
        formula = self._formulas.get(source.name)
        if formula is None:
            assert source.definition is not None
            formula = compiled(self._sources, source.definition.value, source.definition.indices)
            self._formulas[source.name] = formula
        return formula
