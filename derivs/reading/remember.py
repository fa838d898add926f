"""Reading one line again and again with small changes: what has not changed is not read anew.

What a part slips in or captures is forgotten with this; a line that is judged is read without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from derivs.expr import tensors_in
from derivs.reading.meaning import read
from derivs.reading.state import Bound, State
from derivs.reading.syntax import Node, Span, walk
from derivs.reading.value import Value


@dataclass(slots=True)
class Memory:
    """The parts of a line that stay, and what they mean: their value, and the index letters that are free in them."""

    parts: dict[int, Node] = field(default_factory=dict)
    known: dict[tuple[int, Bound, str], tuple[Value, dict[str, Span]]] = field(default_factory=dict)

    def keep(self, formulas: Iterable[Node]) -> None:
        """These formulas, and all their parts, stay."""
        self.parts |= {id(part): part for formula in formulas for part in walk(formula)}

    def __call__(self, s: State, node: Node, bound: Bound) -> Value:
        """See `derivs.reading.meaning.read`."""
        if id(node) not in self.parts:
            return read(s, node, bound)
        key = id(node), bound, s.side
        if key not in self.known:
            letters = s.letters
            s.letters = {}
            try:
                value = read(s, node, bound)
            finally:
                found, s.letters = s.letters, {**s.letters, **letters}
            if s.convolves or (s.auxiliary and not tensors_in(value.body).isdisjoint(d.tensor for d in s.auxiliary)):
                return value                           # which is of this reading only
            self.known[key] = value, found
            return value
        value, found = self.known[key]
        s.letters.update({name: span for name, span in found.items() if name not in s.letters})
        return value
