"""What the steps of a declaration share: the exercise in the making, and the mistakes on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from derivs.affine import Affine, symbol
from derivs.declaring.text import name_of, split, with_caret
from derivs.errors import DerivsError, IllFormed
from derivs.problem import Definition, Problem, Tensor
from derivs.reading.choices import Choices
from derivs.reading.lengths import length
from derivs.reading.meaning import read
from derivs.reading.spelling import Spelled
from derivs.reading.state import State
from derivs.reading.syntax import Node
from derivs.reading.value import Value
from derivs.reading.vocabulary import Vocabulary


@dataclass(slots=True)
class Builder:
    """An exercise in the making, and the mistakes on the way."""

    data: Mapping[str, Any]
    errors: list[DerivsError] = field(default_factory=list)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    definitions: list[Definition] = field(default_factory=list)
    patterns: list[tuple[str, ...]] = field(default_factory=list)        # index letters in the order of the axes
    waiting: dict[str, str] = field(default_factory=dict)                # aliases that speak of nodes
    facts: list[Affine] = field(default_factory=list)
    compared: dict[str, str] = field(default_factory=dict)               # sizes in [sizes] by the entry they stand in
    scalar: tuple[str, tuple[str, ...]] | None = None                    # L = f(y), f any scalar: L and the names in it
    problem: Problem = field(default_factory=lambda: Problem("", "", "", {}, (), "", ()))

    def attempt(self, place: str, step: Callable[..., Any], *arguments: Any) -> Any:
        """What the step returns; None, and a mistake more, where it fails."""
        try:
            return step(*arguments)
        except DerivsError as error:
            self.errors.append(error.at(place))
            return None

    def read(self, node: Node, said: str) -> Value:
        """The meaning of a formula. What is not understood is shown with a caret under it."""
        value: Value = with_caret(lambda: read(self.state(), node, frozenset()), said)
        if any(axis.index == "label" for axis in value.axes):
            raise IllFormed("a label is no number",
                            mend=r"it stands in a subscript, or in a comparison: \mathbb{1}[j = c]")
        return value

    def entries(self, table: str) -> Iterator[tuple[str, Any]]:
        """The rows of a table."""
        yield from self.data.get(table, {}).items()

    def text_of(self, value: Any) -> str:
        if not isinstance(value, str):
            raise IllFormed(f"{value!r} is not a text", mend="put it in quotes")
        return value

    def name(self, text: str) -> Spelled:
        """A name, told apart by its typeface where two declared names differ in nothing else."""
        return self.vocabulary.told_apart(name_of(text))

    @property
    def index_base(self) -> int:
        base = self.data.get("conventions", {}).get("index_base", 1)
        return 0 if base == 0 and base is not False else 1

    @property
    def printed_base(self) -> int:
        """Where the indices begin in print. A label among the sizes is printed from 1, as the calculus has it."""
        has_labels = any(form_ is not symbol(name) for name, form_ in self.vocabulary.sizes.items())
        return 1 if has_labels or self.index_base else 0

    @property
    def sized(self) -> tuple[str, ...]:
        return tuple(name for form_ in self.vocabulary.sizes.values() for name in form_.names)

    @property
    def made(self) -> Problem:
        """The exercise as far as it is known."""
        return Problem(str(self.data.get("name", "exercise")), str(self.data.get("title", "")),
                       str(self.data.get("source", "")), dict(self.tensors), tuple(self.definitions), "", (),
                       facts=(*self.facts, *self.sizes_in_no_shape()), index_base=self.printed_base)

    def sizes_in_no_shape(self) -> list[Affine]:
        """A stride stands in no shape; that it is at least 1 makes it a size all the same."""
        return [symbol(name) - 1 for name in dict.fromkeys(self.sized)]

    def state(self) -> State:
        return State(self.made, self.vocabulary, Choices(), read)

    def free_name(self, head: str, name: str) -> None:
        """Raises IllFormed where a letter is that of a symbol or a size."""
        for kind, known in (("symbol", self.tensors), ("size", self.vocabulary.sizes)):
            if head in known:
                raise IllFormed(f"{name} is a {kind} already", mend="give one of them another letter")

    def shape(self, text: str) -> tuple[Affine, ...]:
        found = tuple(length(part, self.vocabulary.sizes) for part in split(text))
        for form_ in found:
            if form_.is_constant and form_.constant < 1:
                raise IllFormed(f"a length of {form_}", mend="a length is at least 1")
            for name in form_.names:
                self.vocabulary.sizes.setdefault(name, symbol(name))
        return found
