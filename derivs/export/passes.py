"""The two passes of an exercise as arrays: every node forward, every gradient that is asked for backward.

Of two forms of a gradient the one is taken with which the whole backward pass costs less.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from derivs.affine import ONE as FIRST
from derivs.affine import Affine
from derivs.derive import Graph
from derivs.errors import Unsupported
from derivs.evaluate import Evaluator
from derivs.export.formulas import SEED, Formula, Formulas, means, seeded
from derivs.export.lower import Lowering, opened
from derivs.export.plan import Node, given, letters_of, walk
from derivs.export.stable import stable
from derivs.export.values import arranged
from derivs.expr import Entry, Largest, tensors_in
from derivs.expr import walk as nodes_of
from derivs.judge import judge
from derivs.problem import Claim, Definition, Problem, bar
from derivs.verdict import Verdict

DIFFERENTIABLE = ("input", "parameter")
CHEAPER = 0.85                         # what a step of reverse mode may cost to stand for the textbook form


@dataclass(slots=True)
class Passes:
    """An exercise on arrays.

    forward: the nodes, in order. gradients: of the inputs that have one; inner: of nodes. chosen: the formulas of those
    that are computed. labels: letters that are the number of a class.
    """

    problem: Problem
    by_offsets: bool = False                           # whether overlapping windows may be added up offset by offset
    graph: Graph = field(init=False)
    formulas: Formulas = field(init=False)
    forward: dict[str, Node] = field(default_factory=dict)
    gradients: dict[str, Node] = field(default_factory=dict)
    inner: dict[str, Node] = field(default_factory=dict)
    chosen: dict[str, Formula] = field(default_factory=dict)
    labels: frozenset[str] = field(init=False)
    evaluator: Evaluator = field(init=False)
    verdicts: dict[Claim, Verdict] = field(default_factory=dict)
    _lowered_before: dict[tuple[Formula, tuple[tuple[str, Node], ...]], Node] = field(default_factory=dict)
    _form_of: dict[tuple[str, Node], Formula] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)       # gradients that are being worked out

    def __post_init__(self) -> None:
        problem = self.problem
        self.graph = Graph(problem)
        self.formulas = Formulas(self.graph)
        self.evaluator = Evaluator(problem)
        in_shapes = frozenset[str]().union(*(form.names for t in problem.tensors.values() for form in t.shape))
        self.labels = frozenset(problem.sizes) - in_shapes
        inputs = {t.name: given(t.name, t.shape) for t in problem.inputs}
        low = Lowering(problem, self.graph.context, inputs, self.labels, self.by_offsets)
        definitions = {d.tensor: d for d in problem.definitions}
        for definition in problem.definitions:
            try:
                low.arrays[definition.tensor] = self.forward[definition.tensor] = low.array(
                    stable(definition.value, definitions), definition.indices,
                    problem.tensors[definition.tensor].shape)
            except Unsupported as error:
                raise error.at(f"{problem.name}, {definition.tensor}") from error
        for y in self.graph.upstream():
            low.arrays[bar(y)] = given(bar(y), problem.tensors[y].shape)
        low.arrays[SEED] = given(SEED, ())
        self._choose(low)

    @property
    def is_loss(self) -> bool:
        """Whether the exercise ends in one number, its loss."""
        return not self.graph.upstream()

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the forward pass returns."""
        return (self.problem.loss,) if self.is_loss else self.graph.upstream()

    @property
    def asked(self) -> tuple[str, ...]:
        """The inputs that have a gradient."""
        return tuple(t.name for t in self.problem.inputs if t.role in DIFFERENTIABLE)

    def verdict(self, claim: Claim) -> Verdict:
        """The verdict on a formula, asked for once."""
        if claim not in self.verdicts:
            self.verdicts[claim] = judge(self.graph, claim, evaluator=self.evaluator)
        return self.verdicts[claim]

    # ---- the choice

    def _choose(self, low: Lowering) -> None:
        """Greedily, one gradient after the other: its other form is taken if the whole is cheaper with it."""
        choice: dict[str, int] = {}
        best, cost = self._with(low, choice)
        for tensor in list(best):
            for k in range(1, len(self._forms(tensor))):
                with suppress(Unsupported):
                    other, less = self._with(low, {**choice, tensor: k})
                    if less < CHEAPER * cost:
                        best, cost, choice = other, less, {**choice, tensor: k}
        self.gradients = {tensor: best[tensor] for tensor in self.asked}
        self.inner = {tensor: node for tensor, node in best.items() if tensor not in self.gradients}
        self.chosen = {tensor: self._form_of[tensor, node] for tensor, node in best.items()
                       if (tensor, node) in self._form_of}
        for definition in self.problem.definitions:                # gradients that have a name, should one come up
            tensor = definition.tensor
            if tensor not in best and tensor not in self.outputs and self._maximum_over(tensor) is None:
                with suppress(Unsupported):
                    self.inner[tensor] = self._gradient(low, tensor, choice, dict(best))

    def _forms(self, tensor: str) -> tuple[Formula, ...]:
        return () if self._maximum_over(tensor) else self.formulas.of(tensor)

    def _with(self, low: Lowering, choice: Mapping[str, int]) -> tuple[dict[str, Node], int]:
        """The gradients under a choice of forms, and what they cost beside the forward pass."""
        found: dict[str, Node] = {}
        for tensor in self.asked:
            self._gradient(low, tensor, choice, found)
        made = set(walk(*self.forward.values()))
        return found, low.cost(*found.values(), *made) - low.cost(*made)

    def _gradient(self, low: Lowering, tensor: str, choice: Mapping[str, int], found: dict[str, Node]) -> Node:
        if tensor in found:
            return found[tensor]
        if tensor in self._open:
            raise Unsupported(f"the short form of the gradient by {tensor} speaks of itself")
        self._open.add(tensor)
        try:
            found[tensor] = self._worked_out(low, tensor, choice, found)
        finally:
            self._open.discard(tensor)
        return found[tensor]

    def _worked_out(self, low: Lowering, tensor: str, choice: Mapping[str, int], found: dict[str, Node]) -> Node:
        through = self._maximum_over(tensor)
        if through is not None:
            here = replace(low, arrays={**low.arrays, **{bar(d.tensor): self._carried(low, d.tensor, choice, found)
                                                         for d in through}})
            return _sum_of([winners_gradient(here, tensor, d) for d in through])
        return self._lowered(low, tensor, choice, found)

    def _lowered(self, low: Lowering, tensor: str, choice: Mapping[str, int], found: dict[str, Node]) -> Node:
        """The first form from the chosen one on that has a vectorised form."""
        why: Unsupported | None = None
        for formula in self._forms(tensor)[choice.get(tensor, 0):]:
            try:
                carried = {bar(other): self._carried(low, other, choice, found)
                           for other in self.formulas.reads(formula)}
                key = (formula, tuple(carried.items()))
                if key in self._lowered_before:
                    return self._lowered_before[key]
                here = replace(low, arrays={**low.arrays, **carried})
                tree = formula.tree
                if self.is_loss:
                    cotangents = frozenset(bar(t) for t in self.problem.tensors if t != self.problem.loss)
                    tree = seeded(tree, cotangents)
                definitions = {d.tensor: d for d in self.problem.definitions}
                shape = self.problem.tensors[tensor].shape
                node = here.array(stable(means(tree), definitions), formula.indices, shape)
                self._lowered_before[key] = node
                self._form_of.setdefault((tensor, node), formula)
                return node
            except Unsupported as error:
                why = why or error
        assert why is not None
        raise why.at(f"{self.problem.name}, the gradient by {tensor}")

    def _carried(self, low: Lowering, tensor: str, choice: Mapping[str, int], found: dict[str, Node]) -> Node:
        """The cotangent of a node: given, that of the loss, or worked out."""
        if bar(tensor) not in low.arrays or tensor not in self.graph.upstream():
            if tensor == self.problem.loss:
                return low.arrays[SEED]
            return self._gradient(low, tensor, choice, found)
        return low.arrays[bar(tensor)]

    # ---- maxima over windows

    def _maximum_over(self, tensor: str) -> tuple[Definition, ...] | None:
        """The nodes that are a maximum over entries of this tensor; None where there are none."""
        readers = [d for d in self.problem.definitions if tensor in tensors_in(d.value)]
        maxima = [d for d in readers if any(isinstance(n, Largest) and tensor in tensors_in(n)
                                            for n in nodes_of(d.value))]
        if not maxima:
            return None
        for definition in readers:
            body = definition.value
            while isinstance(body, Largest):
                body = body.body
            if not isinstance(body, Entry) or definition not in maxima:
                raise Unsupported(f"{tensor} stands under a maximum together with something else",
                                  where=f"{self.problem.name}, {definition.tensor}",
                                  mend="make what the maximum is taken of a node of its own")
        return tuple(maxima)


def winners_gradient(low: Lowering, tensor: str, definition: Definition) -> Node:
    """The gradient by the entries of y = max_k x_{f(k)}: that of y, put where the first maximum stood.

    The first in reading order wins all, as `derivs.differentiate` has it.
    """
    shape = low.problem.tensors[definition.tensor].shape
    scope = {name: (FIRST, n) for name, n in zip(definition.indices, shape, strict=True)}
    body, inner, bound = opened(definition.value, scope, Largest)
    assert isinstance(body, Entry)
    windows = arranged(low.lower(body, inner), (*definition.indices, *bound), inner).node
    winner = Node("winner", (windows,), shape)
    lengths = tuple(inner[k][1] - inner[k][0] + 1 for k in bound)
    places = []
    for form in body.at:
        names, rest = letters_of(form, inner)
        from_zero = rest - 1
        steps = []
        for name, c in names.items():
            from_zero = from_zero + c * inner[name][0]
            kind, place = ("window", bound.index(name)) if name in bound else ("axis", definition.indices.index(name))
            steps.append((kind, place, c))
        places.append((tuple(steps), from_zero))
    apart = all(_stand_apart(steps, lengths) for steps, _ in places)
    return Node("scatter", (low.arrays[bar(definition.tensor)], winner), low.problem.tensors[tensor].shape,
                (lengths, tuple(places), apart))


def _stand_apart(steps: tuple[tuple[str, int, Affine], ...], lengths: tuple[Affine, ...]) -> bool:
    """Whether no two windows share an entry along an axis."""
    windows = [lengths[place] * c for kind, place, c in steps if kind == "window"]
    positions = [c for kind, _, c in steps if kind == "axis"]
    return len(windows) <= 1 and len(positions) <= 1 and (not windows or windows == positions)


def _sum_of(nodes: list[Node]) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    everything = tuple(range(nodes[0].ndim))
    return Node("map", tuple(nodes), nodes[0].shape, ("add", (everything,) * len(nodes)))
