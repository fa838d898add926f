"""How both sides of a refuted claim come to their values at the point: by hand, one step after the other.

Sums are written out, the values of named nodes are listed, numbers are put in, and the value comes out, which is always
that of the exact evaluation. A gradient is not worked out: its value is that of differentiating the forward pass, the
nodes of which are listed instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any, Final, Literal

from derivs.affine import Affine, affine
from derivs.derive import Graph
from derivs.errors import DerivsError
from derivs.evaluate import Evaluator
from derivs.expr import Derivative, Entry, Expr, Tree, reindex, tensors_in
from derivs.kernels import Value
from derivs.kernels import text as number_text
from derivs.latex import latex, latex_claim
from derivs.problem import Claim, Problem, Tensor, bar
from derivs.spread import Leaf, leaves, spread, with_values
from derivs.text import text, text_claim
from derivs.unfold import reach
from derivs.verdict import Point, Refuted
from derivs.worlds import Place

How = Literal["as written", "written out", "where", "numbers put in", "by differentiating the forward pass"]

MOST_LEAVES: Final = 24                # entries in a formula that numbers are put into
MOST_NODES: Final = 16                 # values of nodes that are listed
AUXILIARY: Final = "uvwqrszabcdgh"     # letters for what has no name


@dataclass(frozen=True, slots=True)
class Step:
    """One row of an evaluation, in text and in LaTeX."""

    how: How
    text: str
    latex: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One side: its steps, and the value at the end of them."""

    side: Literal["left", "right"]
    steps: tuple[Step, ...]
    value: str

    def lines(self) -> Iterator[str]:
        """The rows as plain text."""
        head = f"the {self.side} side: "
        for step in self.steps:
            said = f"{head or ' ' * 4}{'' if head else '= '}{step.text}"
            if step.how in ("where", "by differentiating the forward pass"):
                said = f"{head or ' ' * 4}{step.how} {step.text}"
            yield said
            head = ""
        yield f"{head or ' ' * 4}= {self.value}"


@dataclass(frozen=True, slots=True)
class Explained:
    """A refuted claim at its point: how each side is evaluated there."""

    at: Point
    left: Evaluation
    right: Evaluation

    def lines(self) -> tuple[str, ...]:
        """For a terminal."""
        return (*self.left.lines(), *self.right.lines())

    def fields(self) -> dict[str, Any]:
        """For `--json`."""
        return {one.side: {"steps": [{"how": step.how, "text": step.text, "latex": step.latex} for step in one.steps],
                           "value": one.value} for one in (self.left, self.right)}


def explained(refuted: Refuted) -> Explained | None:
    """How the sides of a claim get the values that refute it; None where nothing is known of the claim."""
    claim = refuted.claim
    if claim is None or claim.problem is None:
        return None
    evaluator = Evaluator(claim.problem)
    integers = {name: affine(value) for name, value in refuted.at.integers.items()}
    scene = _Scene(_lettered(claim.problem), evaluator, evaluator.at(refuted.at), integers)
    return Explained(refuted.at, Evaluation("left", tuple(scene.steps(claim.left)), refuted.left),
                     Evaluation("right", tuple(scene.steps(claim.right)), refuted.right))


@dataclass(slots=True)
class _Scene:
    """An exercise at a point."""

    problem: Problem
    evaluator: Evaluator
    place: Place
    integers: Mapping[str, Affine]

    def steps(self, expr: Expr) -> Iterator[Step]:
        """From the formula to the last row before its value."""
        yield self.said("as written", expr)
        yield from self.auxiliary(expr)
        if isinstance(expr, Entry) and (node := self.problem.definition(expr.tensor)) is not None:
            expr = reindex(node.value, dict(zip(node.indices, expr.at, strict=True)))
            yield self.said("as written", expr)
        here: Expr = reindex(expr, self.integers)
        if isinstance(here, Derivative | Entry):
            if self.is_computed(here):
                yield from self.by_differentiating(here)
            return
        out = spread(here)
        found = list(dict.fromkeys(leaves(out)))
        values = {leaf: self.value(leaf) for leaf in found}
        if len(found) > MOST_LEAVES:
            yield from self.values(found)
            return
        if out != expr:
            yield self.said("written out", out)
        yield from self.values(leaf for leaf in found if self.is_computed(leaf))
        if None not in values.values():
            yield self.with_numbers(out, values)

    def said(self, how: How, expr: Tree) -> Step:
        return Step(how, text(expr, self.problem), latex(expr, self.problem))

    def auxiliary(self, expr: Expr) -> Iterator[Step]:
        """What the letters stand for that are not the author's."""
        for definition in self.problem.definitions:
            if definition.tensor.startswith("_") and any(
                    definition.tensor in tensors_in(leaf) for leaf in leaves(expr)):
                claim = Claim(definition.entry, definition.value)
                yield Step("where", text_claim(claim, self.problem), latex_claim(claim, self.problem))

    def value(self, expr: Expr) -> Value | None:
        """What the formula is worth here; None where it has no value."""
        with suppress(DerivsError):
            return self.place.value(self.evaluator.compile(expr))
        return None

    def is_computed(self, leaf: Leaf) -> bool:
        """Whether it is not simply given at the point."""
        is_of_loss = isinstance(leaf, Derivative) and leaf.of == Entry(self.problem.loss)
        entry = leaf.by if isinstance(leaf, Derivative) else leaf
        key = (bar(entry.tensor) if is_of_loss else entry.tensor, tuple(form.constant for form in entry.at))
        return (isinstance(leaf, Derivative) and not is_of_loss) or key not in self.place.point.entries

    # ---- values that are listed

    def values(self, found: Iterable[Leaf]) -> Iterator[Step]:
        """Entries with their values, in one row."""
        known = ((leaf, value) for leaf in found if (value := self.value(leaf)) is not None)
        pairs = [(leaf, number_text(value)) for leaf, value in islice(known, MOST_NODES)]
        if pairs:
            yield Step("where", ", ".join(f"{text(leaf, self.problem)} = {value}" for leaf, value in pairs),
                       r",\ ".join(f"{latex(leaf, self.problem)} = {value}" for leaf, value in pairs))

    def by_differentiating(self, leaf: Leaf) -> Iterator[Step]:
        """The nodes of the forward pass that a derivative goes through, and then its value."""
        by = leaf.by.tensor if isinstance(leaf, Derivative) else leaf.tensor.removesuffix(bar(""))
        yield from self.values(self.nodes_above(by))
        yield self.said("by differentiating the forward pass", leaf)

    def nodes_above(self, by: str) -> Iterator[Entry]:
        """The entries of the nodes that depend on a tensor, in the order of the forward pass."""
        graph = Graph(self.problem)
        for definition in self.problem.definitions:
            if by in reach(graph, frozenset({definition.tensor})) and not definition.tensor.startswith("_"):
                shape = [form.substitute(self.integers) for form in self.problem.tensors[definition.tensor].shape]
                for at in product(*(range(1, form.constant + 1) for form in shape)):
                    yield Entry(definition.tensor, tuple(map(affine, at)))

    def with_numbers(self, out: Tree, values: Mapping[Leaf, Value | None]) -> Step:
        """The formula with a number for every entry."""
        tensors = dict(self.problem.tensors)

        def sign(leaf: Leaf, in_product: bool) -> Entry:
            value = values[leaf]
            assert value is not None
            said = _in_a_formula(number_text(value), in_product)
            tensors[said] = Tensor(said, (), "constant", latex=said)
            return Entry(said)

        put_in = with_values(out, sign)
        shown = replace(self.problem, tensors=tensors, index_base=1)
        return Step("numbers put in", text(put_in, shown).replace("( - ", "(-"), latex(put_in, shown))


def _in_a_formula(said: str, in_product: bool) -> str:
    """In brackets where it has a sign, or a bar in a product."""
    return f"({said})" if said.startswith("-") or ("/" in said and in_product) else said


def _lettered(problem: Problem) -> Problem:
    """The exercise with letters for its auxiliary nodes, which are formulas that the author derives."""
    letters = (c for c in AUXILIARY if c not in problem.tensors and c not in problem.sizes)
    names = [name for name in problem.tensors if name.startswith("_")]
    return replace(problem, tensors={**problem.tensors, **{
        name: replace(problem.tensors[name], latex=letter) for name, letter in zip(names, letters, strict=False)}})
