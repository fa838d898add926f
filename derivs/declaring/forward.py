"""The forward pass: each node with its indices, its shape and its value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from derivs.affine import Affine, symbol
from derivs.declaring.aliases import Aliases
from derivs.declaring.text import applied, parsed, pointed, printable_name
from derivs.errors import DerivsError, IllFormed, Unreadable, Unsupported
from derivs.expr import Entry, Expr, names_in, power, reindex
from derivs.expr import walk as parts_of
from derivs.problem import Definition, Tensor
from derivs.reading.claims import einstein
from derivs.reading.introduce import Pattern, identity, pattern, printed, spelling
from derivs.reading.spelling import Spelled, key, letters, spelled
from derivs.reading.syntax import Node, walk
from derivs.reading.value import Value, with_letters
from derivs.reading.vocabulary import Named, Spelling
from derivs.scope import ranges
from derivs.wellformed import inferred_shape


class Forward(Aliases):
    """Adds [forward]."""

    def forward(self) -> None:
        for name, said in self.entries("forward"):
            self.attempt(f"[forward] {name}", self.define, name, said)
            if self.errors:
                return                             # what follows speaks of this node
            self.settle_aliases()

    def define(self, name: str, said: Any) -> None:
        left, node = self.name(name), parsed(self.text_of(said))
        if self.is_any_scalar(left, node, name):
            return
        try:
            value = self.read(node, said)
        except DerivsError:
            self.in_order(left, node, name, said)
            raise
        known = next(iter(self.vocabulary.matches(left)), None)
        declared = known is not None and isinstance(known.spelling.named.body, Entry) and (
            self.tensors[known.spelling.named.body.tensor].role == "node")
        free = names_in(value.body) - set(self.sized) - {axis.index for axis in value.axes}
        if self.data.get("conventions", {}).get("einstein") is True:
            kept = frozenset(key(part) for item in (*left.below, *left.above) for part in letters(item))
            bounds = {name: two for name, two in ranges(self.made, (value.body,)).items() if name in free}
            value = replace(value, body=einstein(value.body, kept, bounds))
            free &= names_in(value.body)
        if free - {key(part) for part in walk(left.node)} or not all(
                self.is_defined(part) for part in parts_of(value.body) if isinstance(part, Entry)):
            self.in_order(left, node, name, said)
        if declared:
            assert known is not None
            self.define_declared(known.spelling, known.subscripts, value, name)
            return
        found = pattern(left, free)
        if stray := sorted(free - set(found.letters)):
            self.undeclared(stray[0], value.body, said)
            raise IllFormed(f"{stray[0]} is free on the right and does not stand on the left",
                            mend=f"sum over {stray[0]}, or write it on the left")
        if len(set(found.letters)) < len(found.letters):
            raise IllFormed("an index letter stands twice on the left", mend="use a letter for each axis")
        tensor = identity(found)
        if tensor in self.vocabulary.sizes:
            raise IllFormed(f"{name} is a size already", mend="give one of them another name")
        if tensor in self.tensors:
            raise IllFormed(f"{name} is defined twice", mend="give one of them another name")
        order = next((p for p in self.patterns if sorted(p) == sorted(found.letters)), found.letters)
        fitted, indices = _with_letters(value, order, set(self.sized) | self.tensors.keys())
        definition = Definition(tensor, indices, fitted)
        empty = replace(self.made, tensors={**self.tensors, tensor: Tensor(tensor, (), "node")})
        of_letters = inferred_shape(empty, definition, order) if order else ()
        shape = (*of_letters, *(axis.size for axis in value.axes if axis.size is not None))
        if len(shape) != len(indices):
            raise IllFormed("the length of an axis is not known", mend=f"declare {name} in [symbols] as defined")
        self.add_node(found, definition, shape, name, printable_name(left, found), value.turn)

    def in_order(self, left: Spelled, node: Node, name: str, said: str) -> None:
        """Raises IllFormed for a node that is made of itself or of one below, Unsupported for a recurrence."""
        below = list(self.data["forward"])
        later = {self.name(other).base: other for other in below[below.index(name):]}
        for part in walk(node):
            found = spelled(part)
            if found is None or (found := self.vocabulary.told_apart(found)).base not in later:
                continue
            own = later[found.base]
            match = next(self.vocabulary.matches(found), None)
            if match is not None and self.is_defined(match.spelling.named.body):
                continue
            at = said[part.span[0]:part.span[1]]
            error: DerivsError
            if own != name:
                text = self.data["forward"][own]
                back = isinstance(text, str) and any(
                    one.base == left.base for one in map(spelled, walk(parsed(text))) if one is not None)
                what = (f"the graph has a cycle: {name} is made of {own}, and {own} of {name}" if back
                        else f"{own} is used before its definition")
                mend = "a node is made of the nodes above it only" if back else f"write {own} above {name}"
            elif key(part) == key(left.node) or not (found.below or found.above):
                what, mend = f"the graph has a cycle: {name} is made of itself", "a node is made of the nodes above it"
            else:
                error = Unreadable(f"{name} is made of {at}: recurrences over an index are not read yet", part.span,
                                   mend=f"""declare what comes in as a symbol of its own: '{at}' = "vector[n]\"""")
                raise Unsupported(error.what, mend=pointed(said, error))
            error = Unreadable(what, part.span, mend=mend)
            raise IllFormed(error.what, mend=pointed(said, error))

    def is_defined(self, body: Expr) -> bool:
        """Whether it is an entry of what is given, or of a node that has its formula by now."""
        return not isinstance(body, Entry) or body.tensor not in self.tensors or (
            self.tensors[body.tensor].role != "node") or any(d.tensor == body.tensor for d in self.definitions)

    def is_any_scalar(self, left: Spelled, node: Node, name: str) -> bool:
        """Whether a line says L = f(y, z), f any scalar function: then L is the loss, of y and z."""
        head, group = applied(node)
        if group is None or self.data.get("functions", {}).get(head) != "any scalar":
            return False
        if left.below or left.above or self.scalar is not None:
            raise Unsupported("an unknown function of tensors is read as the loss only",
                              mend="let it stand alone in the last line: 'L' = 'f(y)'")
        self.scalar = name, tuple(printed(found, pattern(found, ())) for found in map(spelled, group.items) if found)
        if len(self.scalar[1]) < len(group.items):
            raise Unsupported("an unknown function is read of nodes, not of formulas", mend="name its arguments")
        self.vocabulary.phrases[key(node)] = left.node
        return True

    def add_node(self, found: Pattern, definition: Definition, shape: tuple[Affine, ...], name: str, latex: str | None,
                 turn: str) -> None:
        tensor, indices = definition.tensor, definition.indices
        self.tensors[tensor] = Tensor(tensor, shape, "node", latex=latex)
        self.definitions.append(definition)
        parameters = tuple(f"@{k}" for k in range(len(shape)))
        order = found.letters and next((p for p in self.patterns if sorted(p) == sorted(found.letters)), found.letters)
        named = Named(Entry(tensor, tuple(map(symbol, parameters))), parameters, shape, indices, turn)  # type: ignore[arg-type]
        self.vocabulary.add(spelling(found, named, indices, name) if order
                            else Spelling(found.base, found.below, found.above, named, name))
        self.root_of_square(found, named, name)

    def root_of_square(self, found: Pattern, named: Named, name: str) -> None:
        r"""Where \sigma^2 is a node, \sigma is its root."""
        if found.above == ("2",) and not any(s.above == () and s.below == found.below
                                             for s in self.vocabulary.spellings.get(found.base, ())):
            root = replace(named, body=power(named.body, Fraction(1, 2)))
            bare_pattern = replace(found, above=())
            self.vocabulary.add(spelling(bare_pattern, root, found.letters, name) if found.letters
                                else Spelling(found.base, found.below, (), root, name))

    def define_declared(self, known: Spelling, subscripts: Sequence[Node | None], value: Value, name: str) -> None:
        """A node whose shape stands in [symbols]."""
        assert isinstance(known.named.body, Entry)
        tensor = known.named.body.tensor
        shape = self.tensors[tensor].shape
        if any(d.tensor == tensor for d in self.definitions):
            raise IllFormed(f"{name} is defined twice", mend="give one of them another name")
        letters = [key(item) for item in subscripts if item is not None]
        if len(value.axes) + len(letters) != len(shape):
            axes = "1 axis" if len(shape) == 1 else f"{len(shape)} axes"
            raise IllFormed(f"{name} has {axes}; with the letters on the left, the right side is {value}",
                            mend="write a letter on the left for each axis that is not left open on the right")
        opened = [k for k, item in enumerate(subscripts) if item is None]
        for axis, k in zip(value.axes, opened, strict=True):
            if axis.size is not None and axis.size is not shape[k]:
                raise IllFormed(f"an axis of length {shape[k]} is defined by one of length {axis.size}",
                                mend="let the shape in [symbols] be that of the formula")
        fitted, named = _with_letters(value, tuple(letters), set(self.sized) | self.tensors.keys())
        order = iter(named[:len(letters)]), iter(named[len(letters):])
        indices = tuple(next(order[item is None]) for item in subscripts)
        if stray := sorted(names_in(fitted) - set(self.sized) - set(indices)):
            raise IllFormed(f"{stray[0]} is free on the right and does not stand on the left",
                            mend=f"sum over {stray[0]}, or write it on the left")
        self.definitions.append(Definition(tensor, indices, fitted))
        if len(known.named.letters) < len(indices):
            known_list = self.vocabulary.spellings[known.base]
            known_list[known_list.index(known)] = replace(known, named=replace(known.named, letters=indices))


def _with_letters(value: Value, letters: Sequence[str], taken: set[str]) -> tuple[Expr, tuple[str, ...]]:
    """The body with the left side's letters, and letters of our own for the axes that have none."""
    names: list[str] = list(letters)
    values: dict[str, Affine] = {}
    for axis in value.axes:
        wished = (axis.letter, *"ijklpqrstuv")
        name = next(c for c in wished if c and c not in names and c not in taken)
        names.append(name)
        values[axis.index] = symbol(name)
    body = reindex(value.body, values)
    return with_letters(body, frozenset(taken) | set(names)), tuple(names)
