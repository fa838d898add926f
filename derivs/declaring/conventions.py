"""The conventions of an exercise, and the exercise as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from derivs.affine import ONE, symbol
from derivs.declaring.gradient import Gradient
from derivs.declaring.text import applied, listed, parsed, with_caret
from derivs.derive import Graph
from derivs.errors import IllFormed, OutOfRange, nearest
from derivs.expr import Derivative, Entry, names_in
from derivs.expr import walk as parts_of
from derivs.points import size_strata
from derivs.problem import Claim, Problem, Target, bar
from derivs.reading.choices import Choices
from derivs.reading.conditions import indicator
from derivs.reading.meaning import read
from derivs.reading.parse import parse
from derivs.reading.spelling import key
from derivs.reading.state import State
from derivs.reading.syntax import Node, Relation
from derivs.reading.vocabulary import Formula
from derivs.rules.functions import FUNCTIONS
from derivs.wellformed import mistakes


class Conventions(Gradient):
    """Adds [conventions]."""

    def conventions(self) -> None:
        said = self.data.get("conventions", {})
        self.vocabulary.layout = said.get("layout", "shape")
        self.vocabulary.einstein = said.get("einstein", False)
        if said.get("zero_outside"):
            self.tensors = {name: replace(tensor, zero_outside=True) for name, tensor in self.tensors.items()}
            self.problem = replace(self.problem, tensors=self.tensors)
        if "at_kink" in said:
            value = said["at_kink"]
            value = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
            self.attempt("[conventions] at_kink", self.at_kink, value)
        for where, table in (("[conventions] given", said), ("given", self.data)):
            for text in self.attempt(where, listed, table.get("given", [])) or ():
                self.attempt(where, self.condition, text)
        if isinstance(target := self.data.get("gradient", {}).get("target"), str):
            self.vocabulary.target = self.attempt("[gradient] target", self.readable, target)
        elif target is not None:
            self.attempt("[gradient] target", self.text_of, target)

    def condition(self, text: str) -> None:
        """A side condition, which must be one."""
        node = parsed(text)
        if with_caret(lambda: indicator(self.asked_state(), node, frozenset()), text).rank:
            raise IllFormed(f"the side condition {text} is about numbers", mend=r"write it for an entry: t_i = 1")
        self.vocabulary.given = (*self.vocabulary.given, node)

    def readable(self, text: str) -> Node:
        """A formula that means something once the whole exercise is known."""
        node = parsed(text)
        with_caret(lambda: read(self.asked_state(), node, frozenset()), text)
        return node

    def asked_state(self) -> State:
        """A state of the whole exercise, its loss included."""
        return State(self.problem, self.vocabulary, Choices(), read)

    def at_kink(self, said: Any) -> None:
        """`excluded`, a value for every kink, or `f'(0) = a`."""
        text = self.text_of(said)
        if text == "excluded":
            return
        node = parsed(text)
        functions = ["relu"]
        if applied(node)[1] is not None:
            raise IllFormed(f"{text!r} does not say what a derivative is at its kink", mend="write f'(0) = 0")
        if isinstance(node, Relation):
            left, right = applied(node.sides[0]) if node.sides[0] is not None else ("", None), node.sides[-1]
            name = left[0].removesuffix("'")
            kind = self.vocabulary.functions.get(name, name)
            if left[1] is None or len(node.signs) != 1 or node.signs[0] != "=" or right is None or (
                    not left[0].endswith("'") or key(left[1].items[0]) != "0"):
                raise IllFormed(f"{text!r} does not say what a derivative is at its kink", mend="write f'(0) = 0")
            if not isinstance(kind, str) or kind not in FUNCTIONS or FUNCTIONS[kind].kink is None:
                raise IllFormed(f"{name} is no function with a kink", mend="write f'(0) = 0 for a declared relu f")
            functions, node = [kind], right
        value = with_caret(lambda: read(self.state(), node, frozenset()), text)
        if value.rank or names_in(value.body):
            raise IllFormed("the value at a kink is a number", mend="write a number, or declare the letter as a scalar")
        self.problem = replace(self.problem, kinks=dict.fromkeys(functions, value.body))

    def finish(self) -> None:
        self.letters()
        self.problem = replace(self.problem, indices=dict(self.vocabulary.indices))
        self.errors += map(self.in_our_words, mistakes(self.problem))
        self.errors += self.stray_sizes()
        self.errors += self.two_ranges()
        if not self.errors and not size_strata(self.problem, self.problem.inputs):
            self.errors.append(IllFormed("no small sizes satisfy what is said of them", where="[sizes]",
                                         mend="let the constraints and the shapes agree"))
        for name, said in self.vocabulary.functions.items():
            if isinstance(said, Formula) and not self.errors:
                self.attempt(self.place_of(name), self.formula, name, said)
        if not self.errors:
            names = self.attempt("[gradient] by", listed, self.data.get("gradient", {}).get("by", [])) or ()
            wanted = [self.attempt("[gradient] by", self.tensor_named, name) for name in names]
            self.vocabulary.asked = tuple(map(parse, names)) if not self.errors else ()
            if not self.errors:
                self.problem = replace(self.problem, targets=tuple(_targets(self.problem, wanted)))

    def in_our_words(self, error: IllFormed) -> IllFormed:
        """A mistake in the exercise, said of the file."""
        if error.where in ("of", "loss"):
            error.where = f"[gradient] {error.where}"
        for definition in self.definitions:
            if re.match(re.escape(f"definition of {definition.tensor}") + r"(\[|$)", error.where):
                error.where = f"[forward] {self.said_of(definition.tensor)}"
        if isinstance(error, OutOfRange):
            error.mend = ("keep the subscript within its axis, by [sizes] such as H = \">= h\", or write "
                          "zero_outside = true")
        return error

    def stray_sizes(self) -> Iterator[IllFormed]:
        """Sizes that are compared with something, and are the length of nothing."""
        used = {name for tensor in self.tensors.values() for form_ in tensor.shape for name in form_.names}
        used |= {name for d in self.definitions for name in names_in(d.value)}
        used |= {letter for name, form_ in self.vocabulary.sizes.items() if form_ is not symbol(name)
                 for letter in (name, *form_.names)}
        for letter, entry in self.compared.items():
            if letter not in used:
                yield IllFormed(f"the size {letter} stands in no shape and in no formula", where=f"[sizes] {entry}",
                                mend=nearest(letter, used & self.vocabulary.sizes.keys()))

    def two_ranges(self) -> Iterator[IllFormed]:
        """Letters with a range in [indices] that have another one in [forward]."""
        for definition in self.definitions:
            shape = self.tensors[definition.tensor].shape
            for name, size in zip(definition.indices, shape, strict=True):
                low, high = self.vocabulary.indices.get(name, (ONE, size))
                if (low, high) != (ONE, size):
                    shift = 1 - self.index_base
                    yield IllFormed(f"{name} runs over {low - shift}..{high - shift}, and over {ONE - shift}.."
                                    f"{size - shift} in the formula of {self.said_of(definition.tensor)}",
                                    where=f"[indices] {name}", mend="use two letters, one for each range")

    def letters(self) -> None:
        """What the forward pass calls the indices of the symbols: the letters that first stand there alone."""
        for definition in self.problem.definitions:
            for node in parts_of(definition.value):
                if isinstance(node, Entry):
                    self.name_axes(node, definition.indices)

    def name_axes(self, entry: Entry, indices: Sequence[str]) -> None:
        for known in self.vocabulary.spellings.values():
            for k, one in enumerate(known):
                body = one.named.body
                if isinstance(body, Entry) and body.tensor == entry.tensor and not any(one.named.letters):
                    letters = tuple(form_.bare if form_.bare in indices else "" for form_ in entry.at)
                    if all(letters):
                        known[k] = replace(one, named=replace(one.named, letters=letters))  # type: ignore[arg-type]


def _targets(problem: Problem, by: Sequence[str]) -> Iterator[Target]:
    """What is asked for, with what reverse mode finds as the answer."""
    graph = Graph(problem)
    for tensor in by:
        if bar(tensor) in problem.tensors and tensor not in graph.upstream() and tensor != problem.loss:
            left = Derivative(Entry(problem.loss), graph.adjoint(tensor).of)
            yield Target(Claim(left, graph.unsimplified(left)), stated=False)
