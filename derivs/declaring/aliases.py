"""Other spellings of what an exercise has: names, gradients, slices."""

from __future__ import annotations

from dataclasses import replace

from derivs.declaring.text import applied, as_one_name, parsed, pointed, said_in_conditions
from derivs.declaring.words import Words
from derivs.errors import DerivsError, IllFormed, Unreadable, nearest
from derivs.expr import Entry, Expr, Integer, Largest, Sum, names_in
from derivs.expr import walk as parts_of
from derivs.reading.introduce import Pattern, identity, pattern, spelling, standing_for
from derivs.reading.spelling import key, spelled
from derivs.reading.syntax import walk
from derivs.scope import ranges


class Aliases(Words):
    """Adds [aliases]."""

    def early_aliases(self) -> None:
        """Other names of symbols, which the forward pass may use."""
        self.vocabulary.index_base = self.index_base
        for name, said in self.entries("aliases"):
            if self.attempt(f"[aliases] {name}", lambda said=said: parsed(self.text_of(said))) is not None:
                self.waiting[name] = said
        if not self.errors:
            self.settle_aliases()

    def late_aliases(self) -> None:
        """Other names of nodes and of gradients."""
        self.settle_aliases()
        for name, said in self.waiting.items():
            self.attempt(f"[aliases] {name}", self.alias, name, said)

    def settle_aliases(self) -> None:
        """Every alias that can be read by now."""
        settled = True
        while settled:
            settled = False
            for name, said in list(self.waiting.items()):
                try:
                    self.alias(name, said)
                except DerivsError:
                    continue
                del self.waiting[name]
                settled = True

    def alias(self, name: str, said: str) -> None:
        left, node = parsed(name), parsed(said)
        found = spelled(as_one_name(left))
        value = self.read(node, said)
        if found is None:
            if applied(left)[1] is None:
                raise IllFormed(f"{name} is not a name", mend=r"a name is a letter with scripts, or f(x): \hat{x}_i")
            self.vocabulary.phrases[key(left)] = node
            return
        found = self.vocabulary.told_apart(found)
        free = names_in(value.body) - set(self.sized) - {axis.index for axis in value.axes}
        taken = pattern(found, free)
        stray = sorted(free - set(taken.letters) - said_in_conditions(found))
        if stray:
            self.undeclared(stray[0], value.body, said)
            raise IllFormed(f"{stray[0]} stands on the right only", mend=f"let {stray[0]} stand in {name} too")
        self.not_taken(taken, name)
        bounds = ranges(self.made, (value.body,)) if taken.letters else {}
        named = standing_for(value, taken.letters, [bounds[letter][1] for letter in taken.letters])
        if isinstance(value.body, Entry) and not value.axes and not taken.letters:
            named = replace(named, turn=value.turn)
        self.vocabulary.add(spelling(taken, named, (*taken.letters, *("" for _ in value.axes)), name,
                                     origin="alias"))

    def not_taken(self, found: Pattern, name: str) -> None:
        """Raises IllFormed where a name, so written, is known already."""
        for known in self.vocabulary.spellings.get(found.base, ()):
            if (known.below, known.above) == (found.below, found.above) and (
                    len(found.letters) <= len(known.named.sizes)):
                same = "" if known.said == name else f", as {known.said}"
                raise IllFormed(f"{name} is declared already{same}", mend="give it another name")
        if identity(found) in self.vocabulary.sizes and not found.letters:
            raise IllFormed(f"{name} is a size already", mend="give it another name")

    def undeclared(self, name: str, body: Expr, said: str) -> None:
        """Raises IllFormed for a letter that is no index: it stands as a number, and nobody declared it."""
        if not any((isinstance(part, Integer) and name in part.form.names)
                   or (isinstance(part, Sum | Largest) and name in part.low.names | part.high.names)
                   for part in parts_of(body)):
            return
        known = {one.said for many in self.vocabulary.spellings.values() for one in many}
        at = next((part.span for part in walk(parsed(said)) if key(part) == name), None)
        error = Unreadable(f"{name} is neither declared nor the length of an axis", at or (0, len(said)),
                           mend=nearest(name, known | self.vocabulary.sizes.keys()))
        raise IllFormed(error.what, mend=pointed(said, error))
