"""The symbols of an exercise: shape, role and properties, and where their indices stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from derivs.affine import Affine, symbol
from derivs.declaring.sizes import Sizes
from derivs.declaring.text import printable_name, split
from derivs.errors import IllFormed, nearest
from derivs.expr import Entry
from derivs.problem import Property, Role, Tensor
from derivs.reading.introduce import Pattern, identity, pattern, spelling
from derivs.reading.lengths import size_key
from derivs.reading.spelling import Spelled, key
from derivs.reading.vocabulary import Named, Spelling

SHAPE: Final = re.compile(r"\s*(scalar|vector|matrix|tensor|row|column|index)\s*(?:\[([^\]]*)\])?")
ROLES: Final[Mapping[str, Role]] = {"input": "input", "parameter": "parameter", "constant": "constant",
                                    "target": "target", "defined": "node"}
RANK: Final = {"scalar": 0, "vector": 1, "row": 1, "column": 1, "matrix": 2}
LENGTHS: Final = {"scalar": "no length", "matrix": "two lengths", "tensor": "a length for each axis"}
CLASHES: Final = (("positive", "in(0,1)"), ("binary", "onehot"))       # no tensor is of both kinds


class Symbols(Sizes):
    """Adds [symbols]."""

    def symbols(self) -> None:
        for name, said in self.entries("symbols"):
            self.attempt(f"[symbols] {name}", self.symbol, name, said)
        for letter in self.vocabulary.sizes:
            if letter in self.tensors:
                self.errors.append(IllFormed(f"{letter} is a size and also a symbol", where=f"[symbols] {letter}",
                                             mend="give one of them another letter"))

    def symbol(self, name: str, said: Any) -> None:
        text = self.text_of(said).strip()
        written = self.name(name)
        found_places = re.fullmatch(r"(.*\S)\s+at\b(.*)", text, re.S)
        head, places = found_places.groups() if found_places else (text, None)
        match = SHAPE.match(head)
        if match is None:
            raise IllFormed(f"{head!r} does not begin with a shape",
                            mend='write "scalar", "vector[n]", "matrix[n,m]", "tensor[a,b,c]", "row[n]", "column[n]"')
        kind, inside = match.group(1), match.group(2)
        if head[match.end():].startswith("["):
            raise IllFormed(f"the bracket in {head!r} is not closed", mend=f'write "{kind}[...]"')
        shape = self.shape(inside) if inside is not None else ()
        if (kind in RANK and len(shape) != RANK[kind]) or (kind != "scalar" and not shape):
            wanted = LENGTHS.get(kind, "one length")
            there = "there is 1" if len(shape) == 1 else f"there are {len(shape)}"
            article = "an" if kind == "index" else "a"
            raise IllFormed(f"{article} {kind} has {wanted}, here {there}", mend=f"in {text!r}")
        role, properties, label = self.words_after(head[match.end():], kind)
        if kind == "index":
            if len(shape) != 1:
                raise IllFormed("an index has one range", mend='write "index[K]"')
            self.label(name, written, shape[0])
            return
        found = self.places(name, written, places, len(shape))
        tensor = identity(found)
        if tensor in self.tensors:
            raise IllFormed(f"{name} is declared twice", mend="give one of them another name")
        full = (*shape, label) if label is not None else shape
        if label is not None:
            properties |= {"onehot"}
        self.tensors[tensor] = Tensor(tensor, full, role, properties, latex=printable_name(written, found))
        order = tuple(map(size_key, split(places))) if places else ()
        self.patterns.append(order)
        parameters = tuple(f"@{k}" for k in range(len(full)))
        named = Named(Entry(tensor, tuple(map(symbol, parameters))), parameters, shape, order,
                      kind if kind in ("row", "column") else "", label)  # type: ignore[arg-type]
        self.vocabulary.add(spelling(found, named, order or [""] * len(shape), name) if order
                            else Spelling(found.base, found.below, found.above, named, name))

    def label(self, name: str, written: Spelled, labels: Affine) -> None:
        """An index that is given, such as a class: a letter in 1..labels, as sizes are letters."""
        own = key(written.node)
        self.free_name(own, name)
        self.vocabulary.sizes[own] = symbol(own) - (1 - self.index_base)
        self.vocabulary.labels[own] = labels
        self.facts += [labels - symbol(own)]

    def places(self, name: str, written: Spelled, places: str | None, rank: int) -> Pattern:
        """The name as a pattern with the index letters behind `at`."""
        letters = [size_key(letter) for letter in split(places)] if places is not None else []
        if places is not None and not all(letters):
            raise IllFormed("no index stands behind at", mend="write 'x_i^s' = \"matrix[B,M] at s,i\"")
        found = pattern(written, letters)
        if sorted(found.letters) != sorted(letters):
            raise IllFormed(f"the indices {(places or '').strip()!r} are not those that stand in {name}",
                            mend="write 'x_i^s' = \"matrix[B,M] at s,i\"")
        if len(set(letters)) < len(letters):
            raise IllFormed(f"an index letter stands twice in {name}", mend="use a letter for each axis")
        if len(letters) > rank:
            axes = "1 axis" if rank == 1 else f"{rank} axes"
            raise IllFormed(f"{len(letters)} indices for {axes}", mend="give the shape a length for each index")
        return found

    def words_after(self, text: str, kind: str) -> tuple[Role, frozenset[Property], Affine | None]:
        """Roles and properties behind a shape."""
        roles: list[str] = []
        properties: set[Property] = set()
        label = None
        for word in re.findall(r"in\(0, ?1\)|index\s*\[[^\]]*\]|[^\s,]+", text):
            plain = word.replace(" ", "")
            if plain.startswith("index["):
                labels = self.shape(plain[6:-1])
                if len(labels) != 1 or label is not None:
                    raise IllFormed("an index has one range", mend='write "vector[n] index[3]"')
                label = labels[0]
            elif plain in ROLES:
                roles.append(plain)
            elif plain in get_args(Property):
                properties.add(plain)
            else:
                known = (*ROLES, *get_args(Property))
                raise IllFormed(f"{word!r} is neither a role nor a property", mend=nearest(word, known))
        if len(set(roles)) > 1:
            raise IllFormed(f"it has two roles, {roles[0]} and {roles[1]}", mend="leave one of them")
        if label is not None and kind not in ("vector", "matrix", "tensor"):
            raise IllFormed("only a vector, matrix or tensor has labels as entries", mend='write "vector[n] index[3]"')
        first, second = (next((word for word in pair if word in properties), None) for pair in CLASHES)
        if first and (second or label is not None):
            raise IllFormed(f"nothing is {first} and {second or 'an index'}", mend="leave one of them")
        if kind in ("scalar", "index") and (lonely := sorted(properties & {"onehot", "simplex"})):
            raise IllFormed(f"a {kind} is not {lonely[0]}: the entries along a last axis are",
                            mend='write "vector[K]"')
        return ROLES[roles[0]] if roles else "input", frozenset(properties), label
