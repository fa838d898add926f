"""The sizes of an exercise in code: read off the shapes of arrays, or handed in where no shape tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from derivs.affine import ONE as FIRST
from derivs.affine import ZERO as NOTHING
from derivs.affine import Affine
from derivs.export.spell import PRODUCT, Speller
from derivs.normal.context import Context
from derivs.problem import Problem


@dataclass(frozen=True, slots=True)
class Shaped:
    """A name in code with its shape on paper."""

    name: str
    shape: tuple[Affine, ...]


def untold(problem: Problem, context: Context) -> list[str]:
    """The sizes that no shape of an input tells: x of K n entries leaves one open, K rather than the n of an output."""
    forms = [form for tensor in problem.inputs for form in tensor.shape]
    told = {form.bare for form in forms if form.bare}
    asked: list[str] = []

    def follow() -> None:
        """What is told by what is told: n by the shape 2 n + h - 4 and h."""
        again = True
        while again:
            again = False
            for form in forms:
                unknown = form.names - told
                solved = solved_for(form, next(iter(unknown))) if len(unknown) == 1 else None
                if solved is not None and context.implies(solved[1] - 1):
                    told.update(unknown)
                    again = True

    outputs = {form.bare for d in problem.definitions for form in problem.tensors[d.tensor].shape}
    follow()
    for letters in ([name for name in problem.sizes if name not in outputs], problem.sizes):
        for name in letters:
            if name not in told:
                asked.append(name)
                told.add(name)
                follow()
    return [name for name in problem.sizes if name in asked]


@dataclass(slots=True)
class Reader:
    """Lines that read sizes off the shapes of arrays. known: names that need no line."""

    speller: Speller
    context: Context
    arrays: Sequence[Shaped]
    known: set[str]
    found: dict[str, str] = field(default_factory=dict)            # size -> the expression that it is

    def lines(self, wanted: Iterable[str], letters: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """The lines, and the sizes that no shape tells."""
        missing = []
        for name in wanted:
            if not self._read(name, set()):
                missing.append(name)
                self.known.add(name)
        whole = self._whole_shapes()
        done = {name for _, names in whole for name in names}
        lines = [f"{', '.join(letters[n] for n in names)} = {said}" for said, names in whole]
        return lines + [f"{letters[n]} = {said}" for n, said in self.found.items() if n not in done], missing

    def _read(self, name: str, open_: set[str]) -> bool:
        """Whether a size is known or can be read; what it hangs on is read before it."""
        if name in self.known or name in self.found:
            return True
        if name in open_:
            return False
        places = [(f"{array.name}.shape[{axis}]", form)
                  for array in self.arrays for axis, form in enumerate(array.shape)]
        for said, form in places:
            if form.bare == name:
                self.found[name] = said
                return True
        for said, form in places:
            solved = solved_for(form, name)
            if solved is None or not self.context.implies(solved[1] - 1):
                continue
            if all(self._read(other, {*open_, name}) for other in solved[0].names | solved[1].names):
                self.found[name] = self._quotient(said, *solved)
                return True
        return False

    def _quotient(self, length: str, rest: Affine, divisor: Affine) -> str:
        """(length - rest) // divisor."""
        said = self.speller.form(-rest)[0] if rest.terms else ""
        top = length if not said else f"{length} - {said[1:]}" if said.startswith("-") else f"{length} + {said}"
        if divisor is FIRST:
            return top
        bottom, binds = self.speller.form(divisor)
        return f"{f'({top})' if said else top} // {bottom if binds > PRODUCT else f'({bottom})'}"

    def _whole_shapes(self) -> list[tuple[str, list[str]]]:
        """Shapes that are read whole, or their last axes: N, C, R, S = X.shape."""
        left = set(self.found)
        found = []
        for array in self.arrays:
            bare = [form.bare for form in array.shape]
            for start in range(len(bare) - 1):
                tail = [name for name in bare[start:] if name is not None]
                if len(tail) == len(bare) - start and len(set(tail)) == len(tail) and set(tail) <= left:
                    found.append((f"{array.name}.shape" + (f"[{start}:]" if start else ""), tail))
                    left -= set(tail)
                    break
        return found


def solved_for(form: Affine, name: str) -> tuple[Affine, Affine] | None:
    """(rest, c) with form = c * name + rest; None where the name is not in it so."""
    c, rest = NOTHING, NOTHING
    for monomial, k in form.terms:
        if monomial.count(name) > 1:
            return None
        if name in monomial:
            c = c + Affine(((tuple(n for n in monomial if n != name), k),))
        else:
            rest = rest + Affine(((monomial, k),))
    return (rest, c) if c.terms else None
