"""Where the entries of each tensor of an exercise come from: the point, a definition, or the derivative of the loss."""

from __future__ import annotations

from dataclasses import dataclass

from derivs.errors import IllFormed, nearest
from derivs.expr import Derivative, Expectation, Expr, tensors_in, walk
from derivs.problem import Definition, Problem, Tensor, bar


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Where the entries of one tensor come from; the point gives what nothing else does."""

    name: str
    tensor: Tensor
    upstream: frozenset[str]                        # the tensors on which it depends, and itself
    definition: Definition | None
    gradient_by: str | None                         # x, where this is bar(x) and nobody gives it
    is_abstract_loss: bool                          # the letter E, of which only the cotangents are given
    is_forward: bool                                # nothing upstream holds a derivative or a mean
    home: Sources                                   # where the names in its definition are known

    @property
    def is_given(self) -> bool:
        """Whether a point must give the entries."""
        return self.definition is None and self.gradient_by is None and not self.is_abstract_loss


class Sources:
    """The sources of an exercise, worked out as they are asked for.

    base: those of an exercise that this one only adds nodes to, which are the same objects here.
    """

    def __init__(self, problem: Problem, base: Sources | None = None) -> None:
        self.problem, self.base = problem, base
        new = () if base is None else problem.tensors.keys() - base.problem.tensors.keys()
        self._new_names = frozenset(new) | {bar(name) for name in new}
        self._abstract = problem.definition(problem.loss) is None
        self._definitions = {d.tensor: d for d in problem.definitions}
        self._known: dict[str, Source] = {}
        self._forward: dict[str, bool] = {}

    def of(self, name: str) -> Source:
        """Where a tensor's entries come from. Raises IllFormed for a name that is not declared."""
        source = self._known.get(name)
        if source is None:
            is_old = self.base is not None and name not in self._new_names
            source = self._known[name] = self.base.of(name) if self.base and is_old else self._new(name)
        return source

    def given(self, *exprs: Expr) -> tuple[Tensor, ...]:
        """The tensors that a point must give for the expressions to have a value, in order of their names."""
        exprs = (*exprs, *self.problem.kinks.values())
        names = {name for expr in exprs for read in tensors_in(expr) for name in self.of(read).upstream}
        return tuple(source.tensor for source in map(self.of, sorted(names)) if source.is_given)

    def _new(self, name: str) -> Source:
        of = self._cotangent_of(name)
        tensor = self.problem.tensors.get(name)
        if tensor is None and of is not None:
            like = self.problem.tensors[of]
            tensor = Tensor(name, like.shape, "cotangent", zero_outside=like.zero_outside)
        if tensor is None and name == self.problem.loss:
            tensor = Tensor(name, (), "loss")
        if tensor is None:
            raise IllFormed(f"{name} is not declared", mend=nearest(name, self.problem.tensors))
        given = self._abstract and of in self.problem.outputs
        upstream, new = {name}, [name]
        while new:
            new = [d for d in self._reads(new.pop()) if d not in upstream] + new
            upstream.update(new)
        return Source(name, tensor, frozenset(upstream), self._definitions.get(name), None if given else of,
                      self._abstract and name == self.problem.loss, all(map(self._is_forward, upstream)), self)

    def _cotangent_of(self, name: str) -> str | None:
        """x for bar(x), unless that is the name of something else."""
        of = name.removesuffix(bar(""))
        known = self.problem.tensors.get(name)
        is_other = name in self._definitions or (known is not None and known.role != "cotangent")
        return of if of != name and not is_other and of in self.problem.tensors else None

    def _reads(self, name: str) -> frozenset[str]:
        """The tensors that stand in the definition of a tensor."""
        if name in self._definitions:
            return tensors_in(self._definitions[name].value)
        if name == self.problem.loss:
            return frozenset(self.problem.outputs) | {bar(y) for y in self.problem.outputs}
        of = self._cotangent_of(name)
        if of is None or (self._abstract and of in self.problem.outputs):
            return frozenset()
        return frozenset({of, self.problem.loss})

    def _is_forward(self, name: str) -> bool:
        """Whether its own definition is made of entries alone: of no derivative, no mean, and no gradient."""
        if name in self._definitions:
            if name not in self._forward:
                self._forward[name] = not any(isinstance(node, Derivative | Expectation)
                                              for node in walk(self._definitions[name].value))
            return self._forward[name]
        of = self._cotangent_of(name)
        return of is None or (self._abstract and of in self.problem.outputs)
