"""The tables of a declaration, and whether they are tables: what may stand in the file at all."""

from __future__ import annotations

from typing import Final

from derivs.declaring.builder import Builder
from derivs.declaring.text import escaped, name_of
from derivs.errors import DerivsError, IllFormed, nearest
from derivs.reading.spelling import key

MOST: Final = 400                      # entries in one of its tables
TABLES: Final = ("name", "title", "source", "symbols", "forward", "gradient", "aliases", "operators", "functions",
                 "sets", "indices", "sizes", "conventions", "given", "description", "begins", "ends")
IN_QUOTES: Final = r"""LaTeX stands in single quotes: '\beta' = "scalar\""""
CONVENTIONS: Final = ("zero_outside", "index_base", "layout", "einstein", "at_kink", "given")


class Head(Builder):
    """Adds [the tables]."""

    def tables(self) -> None:
        for name, value in self.data.items():
            if name not in TABLES:
                self.errors.append(IllFormed(f"{name!r} is not part of a declaration", mend=nearest(name, TABLES)))
            elif name in ("name", "title", "source", "description", "begins", "ends"):
                if not isinstance(value, str):
                    self.errors.append(IllFormed(f"{name} is not a text", where=name))
            elif name != "given" and not isinstance(value, dict):
                self.errors.append(IllFormed(f"[{name}] is not a table", where=name, mend=f"write [{name}] on a line"))
            elif (odd := escaped(value)) is not None:
                self.errors.append(IllFormed(f"{odd!r} holds a control character", where=f"[{name}]", mend=IN_QUOTES))
            elif isinstance(value, dict | list) and len(value) > MOST:
                self.errors.append(IllFormed(f"[{name}] has more than {MOST} entries", where=name))
        if not self.errors and not self.data.get("forward"):
            self.errors.append(IllFormed("nothing is computed", where="[forward]",
                                         mend="""write the forward pass: 'y_i' = '\\exp(x_i)'"""))

    def agreed(self) -> None:
        """The words of [conventions]."""
        said = self.data.get("conventions", {})
        for name in said:
            if name not in CONVENTIONS:
                self.errors.append(IllFormed(f"{name!r} is not a convention", where="[conventions]",
                                             mend=nearest(name, CONVENTIONS)))
        base, layout = said.get("index_base", 1), said.get("layout", "shape")
        if isinstance(base, bool) or base not in (0, 1):
            self.errors.append(IllFormed("indices run from 0 or from 1", where="[conventions] index_base",
                                         mend="write index_base = 0 or index_base = 1"))
        if layout not in ("shape", "numerator", "denominator"):
            self.errors.append(IllFormed(f"{layout!r} is not a layout", where="[conventions] layout",
                                         mend='write "shape", "numerator" or "denominator"'))
        for name in ("zero_outside", "einstein"):
            if not isinstance(said.get(name, False), bool):
                self.errors.append(IllFormed(f"{said[name]!r} is neither true nor false",
                                             where=f"[conventions] {name}", mend=f"write {name} = true"))

    def typefaces(self) -> None:
        """The letters of which two declared names differ in nothing but their typeface."""
        faces: dict[tuple[str, ...], set[str]] = {}
        loss = self.data.get("gradient", {}).get("loss")
        said = [(name, isinstance(shape, str) and " at " in shape) for name, shape in self.entries("symbols")]
        said += [(name, True) for name, _ in self.entries("forward")]
        said += [(name, False) for name, _ in self.entries("aliases")]
        said += [(loss, False)] if isinstance(loss, str) else []
        for name, has_indices in said:
            try:
                found = name_of(name)
            except DerivsError:                        # reported where the name is declared
                continue
            scripts = [(sign, key(item)) for sign, part in (("_", found.below), ("^", found.above)) for item in part]
            kept = [pair for pair in scripts if len(pair[1].strip("()")) > 1]
            for some in (scripts, kept) if has_indices else (scripts,):
                core = (found.base, *(sign + text for sign, text in some))
                faces.setdefault(core, set()).add(found.style)
        self.vocabulary.styled = frozenset(core[0] for core, styles in faces.items() if len(styles) > 1)
