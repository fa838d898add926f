"""What is known while one line is read: the exercise, its vocabulary, the choices, and what the line adds to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from derivs.errors import Unreadable
from derivs.expr import Expr, names_in
from derivs.problem import Definition, Problem, Tensor
from derivs.reading.choices import Choices, Option
from derivs.reading.syntax import Node, Span
from derivs.reading.value import Value
from derivs.reading.vocabulary import Vocabulary
from derivs.scope import ranges

Bound = frozenset[str]                 # the index letters that are bound around a place


@dataclass(slots=True)
class State:
    """One reading of one line.

    meaning: `derivs.reading.meaning.read`. side: of the equality that is being read. letters: the index letters that
    were read free, with the place of the first one; captured: those that are also bound. slips: what the author should
    have written otherwise, whatever the reading. auxiliary, tensors: nodes for expressions that the line
    differentiates. meanings: what a sign was taken for. spelled: the ways in which each tensor is written. convolves:
    whether whole tensors are convolved. read_left: the letters that stand free on the left side.
    """

    problem: Problem
    vocabulary: Vocabulary
    choices: Choices
    meaning: Meaning
    side: Literal["left", "right"] = "left"
    letters: dict[str, Span] = field(default_factory=dict)
    captured: dict[str, Span] = field(default_factory=dict)
    slips: dict[str, Option] = field(default_factory=dict)
    auxiliary: list[Definition] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    meanings: dict[str, set[str]] = field(default_factory=dict)
    spelled: dict[str, dict[str, Span]] = field(default_factory=dict)
    convolves: bool = False
    read_left: frozenset[str] = frozenset()

    def read(self, node: Node, bound: Bound) -> Value:
        """The meaning of a part."""
        return self.meaning(self, node, bound)

    def choose(self, name: str, *options: Option) -> int:
        """See `Choices`."""
        return self.choices.choose(name, options)

    def slip(self, note: str, mend: str = "", node: Node | None = None) -> None:
        """Something that was understood and should be written otherwise, at a place."""
        self.slips.setdefault(note, Option(note, mend, span=node.span if node else None))

    @property
    def extended(self) -> Problem:
        """The exercise with the auxiliary nodes of this line."""
        if not self.auxiliary:
            return self.problem
        return replace(self.problem, tensors={**self.problem.tensors, **self.tensors},
                       definitions=(*self.problem.definitions, *self.auxiliary))

    def node(self, body: Expr) -> Value:
        """An auxiliary node for an expression that is differentiated: its entry, indexed by the names free in it."""
        known = next((d for d in self.auxiliary if d.value == body), None)
        if known is None:
            names = tuple(sorted(names_in(body) - set(self.problem.sizes)))
            found = ranges(self.extended, (body,))
            known = Definition(f"_e{len(self.auxiliary) + 1}", names, body)
            self.tensors[known.tensor] = Tensor(known.tensor, tuple(found[name][1] for name in names), "node")
            self.auxiliary.append(known)
        return Value(known.entry)


Meaning = Callable[[State, Node, Bound], Value]


def unread(what: str, node: Node, mend: str = "") -> Unreadable:
    """An error at a node."""
    return Unreadable(what, node.span, mend=mend)
