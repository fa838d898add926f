"""The sizes of an exercise: letters, constraints and equations between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from derivs.affine import Affine, symbol
from derivs.declaring.head import Head
from derivs.declaring.text import split
from derivs.errors import IllFormed
from derivs.reading.lengths import length, size_key


class Sizes(Head):
    """Adds [sizes]."""

    def sizes(self) -> None:
        """[sizes]: first what a size is equal to, then what it is compared with."""
        said = {name: self.attempt(f"[sizes] {name}", self.constraints, name, text)
                for name, text in self.entries("sizes")}
        if self.errors:
            return
        equations = {size_key(name): form_ for name, pairs in said.items() for sign, form_ in pairs if sign == "="}
        known = self.vocabulary.sizes
        for name in said:
            own = size_key(name)
            solved = self.attempt(f"[sizes] {name}", _solved, own, equations) if own in equations else symbol(own)
            known[own] = solved or symbol(own)
        for form_ in tuple(known.values()):
            for letter in form_.names:
                known.setdefault(letter, symbol(letter))
        for name, pairs in said.items():
            for sign, form_ in pairs:
                if sign != "=":
                    value = form_.substitute(known)
                    gap = known[size_key(name)] - value if sign[0] == ">" else value - known[size_key(name)]
                    self.facts.append(gap - (len(sign) == 1))
                    self.compared |= {letter: name for letter in (size_key(name), *sorted(form_.names))}
                    for letter in form_.names:
                        known.setdefault(letter, symbol(letter))

    def constraints(self, name: str, said: Any) -> list[tuple[str, Affine]]:
        """`>= h, <= 2h` as signs and forms."""
        found = []
        if not re.fullmatch(r"\\?[A-Za-z]+(_(\{[^{}]*\}|[A-Za-z0-9]))?'*", name):
            raise IllFormed(f"{name} is not the name of a size", mend='write it as in a shape: H = ">= h"')
        for text in split(self.text_of(said)):
            text = text.replace("≥", ">=").replace("≤", "<=")
            sign = next((sign for sign in (">=", "<=", ">", "<", "=") if text.startswith(sign)), None)
            if sign is None:
                raise IllFormed(f"{text!r} is not a constraint", mend='write ">= 2", ">= h" or "= H-h+1"')
            found.append((sign, length(text.removeprefix(sign), {})))
        return found


def _solved(name: str, equations: Mapping[str, Affine], above: tuple[str, ...] = ()) -> Affine:
    """What a size is equal to, in sizes that are equal to nothing. Raises IllFormed for one made of itself."""
    if name in above:
        loop = " of ".join((*above[above.index(name):], name))
        raise IllFormed(f"the size {name} is made of itself: {loop}", mend="let one of them be a letter of its own")
    form_ = equations[name]
    return form_.substitute({part: _solved(part, equations, (*above, name)) for part in form_.names & equations.keys()})
