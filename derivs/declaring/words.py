"""What the signs, the function letters and the sets of an exercise stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, get_args

from derivs.affine import ONE, symbol
from derivs.declaring.symbols import Symbols
from derivs.declaring.text import applied, as_one_name, parsed, sign_key
from derivs.errors import DerivsError, IllFormed, Unsupported, nearest
from derivs.expr import Entry, names_in
from derivs.problem import Tensor
from derivs.reading.choices import Choices
from derivs.reading.lengths import span
from derivs.reading.meaning import read
from derivs.reading.products import formula_value
from derivs.reading.spelling import bare, key, spelled
from derivs.reading.state import State
from derivs.reading.syntax import Name, walk
from derivs.reading.value import Axis, Value, fresh
from derivs.reading.vocabulary import Formula, Meaning
from derivs.rules.functions import FUNCTIONS

NAMED: Final = ("softmax", "heaviside", "mean", "var", "sum of each row", "sum", "diag", "trace")
DIGITS: Final = dict(zip("0123456789", "abcdefghij", strict=True))    # a name of letters only, for an unknown function
HADAMARD_LATER: Final = "hadamard, at the rank of the product"


class Words(Symbols):
    """Adds [operators], [functions], [sets], [indices]."""

    def words(self) -> None:
        for name, said in self.entries("operators"):
            self.attempt(f"[operators] {name}", self.operator, name, said)
        for name, said in self.entries("functions"):
            self.attempt(f"[functions] {name}", self.function, name, said)
        for table in ("sets", "indices"):
            for name, said in self.entries(table):
                self.attempt(f"[{table}] {name}", self.span, table, name, said)
        if not self.errors:
            self.formulas()

    def operator(self, name: str, said: Any) -> None:
        meaning = self.text_of(said)
        meaning = "hadamard" if meaning == HADAMARD_LATER else meaning
        if meaning not in get_args(Meaning):
            raise IllFormed(f"{meaning!r} is not a meaning of a sign",
                            mend=nearest(meaning, (*get_args(Meaning), HADAMARD_LATER)))
        if meaning == "kronecker":
            raise Unsupported("the Kronecker product is not read yet", mend="write its entries")
        sign = sign_key(name)
        if (meaning == "transpose") != (sign[0] in "^'"):
            raise IllFormed(f'"{name}" cannot stand for {meaning}',
                            mend="""a transpose stands above: '^{Tr}' or "'"; every other meaning belongs to a sign """
                                 "between factors")
        self.vocabulary.operators[sign] = meaning  # type: ignore[assignment]

    def function(self, name: str, said: Any) -> None:
        text = self.text_of(said)
        node = parsed(name)
        head, group = applied(node)
        if group is not None:
            arguments = tuple(key(item) for item in group.items)
            if not all(isinstance(bare(item), Name) for item in group.items) or len(set(arguments)) < len(arguments):
                raise IllFormed(f"the arguments of {name} are not different letters", mend="write 's(x)' = '...'")
            self.free_name(head, name)
            self.vocabulary.functions[head] = Formula(arguments, parsed(text))
            return
        if spelled(as_one_name(node)) is None:
            raise IllFormed(f"{name} is not a name", mend="write 'f' = \"sigmoid\", or 's(x)' = '...' for a formula")
        self.free_name(head, name)
        if text == "any":
            self.vocabulary.functions[head] = "?" + re.sub(r"[^A-Za-z]", lambda c: DIGITS.get(c[0], ""), head)
        elif text in FUNCTIONS or text in NAMED or text == "any scalar":
            self.vocabulary.functions[head] = text
        else:
            known = (*FUNCTIONS, *NAMED, "any", "any scalar")
            raise IllFormed(f"{text!r} is not a function", mend=nearest(text, known))

    def formulas(self) -> None:
        """Functions by formula: none is made of itself, and each is a number made of its arguments and symbols."""
        by_formula = {name: said for name, said in self.vocabulary.functions.items() if isinstance(said, Formula)}
        calls = {name: {key(part) for part in walk(said.body)} & by_formula.keys() for name, said in by_formula.items()}
        for name in by_formula:
            if name in _reached(name, calls):
                self.errors.append(IllFormed(f"{name} is made of itself", where=self.place_of(name),
                                             mend="a function is made of those that do not need it"))
        for name, said in by_formula.items():
            if not self.errors and self.is_readable(said):
                self.attempt(self.place_of(name), self.formula, name, said)

    def is_readable(self, said: Formula) -> bool:
        """Whether every name in a formula is known by now; nodes are known after [forward]."""
        try:
            self.formula_of(said)
        except DerivsError:
            return False
        return True

    def formula(self, name: str, said: Formula) -> None:
        value = self.formula_of(said)
        stray = names_in(value.body) - set(self.sized) - {axis.index for axis in value.axes}
        if stray:
            raise IllFormed(f"{min(stray)} is no argument of {name} and is not declared",
                            mend=f"declare {min(stray)}, or let it be an argument")

    def formula_of(self, said: Formula) -> Value:
        """The formula of numbers; if it is not read so, of vectors or matrices."""
        first: DerivsError | None = None
        size = next(iter(self.vocabulary.sizes.values()), ONE)
        names = [f"_{name}" for name in said.arguments]
        for rank in range(3):
            around = replace(self.made, tensors={**self.tensors, **{n: Tensor(n, (size,) * rank) for n in names}})
            axes = [tuple(Axis(fresh(), size) for _ in range(rank)) for _ in names]
            values = [Value(Entry(name, tuple(symbol(axis.index) for axis in own)), own)
                      for name, own in zip(names, axes, strict=True)]
            try:
                return formula_value(State(around, self.vocabulary, Choices(), read), said, values)
            except DerivsError as error:
                first = first or error
        assert first is not None
        raise first

    def place_of(self, function: str) -> str:
        """Where a function stands in the file."""
        return next(f"[functions] {name}" for name, _ in self.entries("functions")
                    if applied(parsed(name))[0] == function)

    def span(self, table: str, name: str, said: Any) -> None:
        low, high = span(self.text_of(said), self.vocabulary.sizes)
        for letter in sorted(low.names | high.names):
            if letter not in self.vocabulary.sizes:
                raise IllFormed(f"the size {letter} is not known", mend=nearest(letter, self.vocabulary.sizes))
        if (high - low).is_constant and (high - low).constant < 0:
            raise IllFormed(f"{said!r} ends before it begins", mend='write "1..n"')
        own = key(self.name(name).node)
        self.free_name(own, name)
        shift = 1 - self.index_base if table == "indices" else 0
        getattr(self.vocabulary, table)[own] = (low + shift, high + shift)


def _reached(name: str, calls: Mapping[str, Iterable[str]]) -> set[str]:
    """What a function calls, at any depth."""
    found: set[str] = set()
    waiting = list(calls[name])
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += calls[one]
    return found
