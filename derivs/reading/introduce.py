"""How a name comes to be known: which of its scripts are indices, which belong to it, and what it then stands for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from derivs.affine import Affine, symbol
from derivs.expr import Expr, reindex
from derivs.reading.spelling import Spelled, bare, key, letters
from derivs.reading.syntax import Accent, Group, Name, Node, Numeral, Product, Relation, Row, Scripts, Sum, Word
from derivs.reading.value import Value
from derivs.reading.vocabulary import Named, Origin, Slot, Spelling


@dataclass(frozen=True, slots=True)
class Pattern:
    """A left side taken apart: what is fixed, and where its index letters stand, in reading order."""

    base: str
    below: tuple[str, ...]
    above: tuple[str, ...]
    places: tuple[tuple[str, str], ...]            # (letter, "below" or "above")

    @property
    def letters(self) -> tuple[str, ...]:
        return tuple(letter for letter, _ in self.places)


def pattern(name: Spelled, indices: Collection[str]) -> Pattern:
    """The name with the letters of `indices` as index places; everything else belongs to the name."""
    fixed: dict[str, list[str]] = {"below": [], "above": []}
    places: list[tuple[str, str]] = []
    for where, scripts in (("below", name.below), ("above", name.above)):
        for item in scripts:
            inner = bare(item)
            if isinstance(inner, Group) and len(inner.items) == 1 and key(inner.items[0]) in indices:
                places.append((key(inner.items[0]), where))
            elif key(item) in indices:
                places.append((key(item), where))
            elif all(key(part) in indices for part in letters(item)):
                places += [(key(part), where) for part in letters(item)]
            else:
                fixed[where].append(key(item))
    return Pattern(name.base + "'" * name.primes, tuple(fixed["below"]), tuple(fixed["above"]), tuple(places))


def spelling(found: Pattern, named: Named, order: Sequence[str], said: str, *, origin: Origin = "declared") -> Spelling:
    """The pattern as a spelling; order: the letters in the order of the axes."""
    slots: tuple[Slot, ...] | None = tuple((where, order.index(letter))  # type: ignore[misc]
                                           for letter, where in found.places)
    if not slots or slots == tuple(("below", k) for k in range(len(order))):
        slots = None                               # the indices follow below, in order
    return Spelling(found.base, found.below, found.above, named, said, slots, origin)


def standing_for(value: Value, order: Sequence[str], sizes: Sequence[Affine]) -> Named:
    """What a name stands for that is said to be this value, with these index letters; its axes come after them."""
    axes = [axis for axis in value.axes if axis.size is not None]
    parameters = tuple(f"@{k}" for k in range(len(order) + len(axes)))
    olds = (*order, *(axis.index for axis in axes))
    body: Expr = reindex(value.body, {old: symbol(new) for old, new in zip(olds, parameters, strict=True)})
    return Named(body, parameters, (*sizes, *(axis.size for axis in axes if axis.size)),
                 (*order, *(axis.letter for axis in axes)), value.turn if not order else "")


def written(node: Node) -> str:
    r"""A name as LaTeX, typeface left out: `\sigma_{B}^{2}`."""
    match bare(node):
        case Name(text):
            return text if len(text) == 1 else "\\" + text
        case Word(text):
            return text if len(text) == 1 else rf"\mathrm{{{text}}}"
        case Numeral(text):
            return text
        case Accent(kind, body):
            return rf"\{kind}{{{written(body)}}}"
        case Scripts(base, below, above, primes):
            text = written(base) + "'" * primes
            text += f"_{_braced(written(below))}" if below is not None else ""
            return text + (f"^{_braced(written(above))}" if above is not None else "")
        case Group(_, inside):
            return "(" + ",".join(map(written, inside)) + ")"
        case Row(parts):
            return ",".join(map(written, parts))
        case Product(parts):
            return " ".join(map(written, parts))
        case Sum(terms):
            return "".join(("", "+", "-")[sign] + written(term) for sign, term in terms).removeprefix("+")
        case Relation(sides, signs):
            words = [written(side) if side is not None else "" for side in sides]
            return words[0] + "".join(sign + word for sign, word in zip(signs, words[1:], strict=True))
        case other:
            return key(other)


def _braced(text: str) -> str:
    return text if len(text) == 1 else f"{{{text}}}"


def printed(name: Spelled, found: Pattern) -> str:
    """The LaTeX of a name without its index letters."""
    head: Node = name.node
    while isinstance(head, Scripts | Group):
        head = bare(head.base if isinstance(head, Scripts) else head.items[0])
    below = [written(item) for item in name.below if key(item) in found.below]
    above = [written(item) for item in name.above if key(item) in found.above]
    style = found.base.removesuffix(f"({key(head)})") if found.base.endswith(f"({key(head)})") else ""
    text = (rf"\math{style}{{{written(head)}}}" if style else written(head)) + "'" * name.primes
    text += f"_{{{','.join(below)}}}" if below else ""
    return text + (f"^{{{','.join(above)}}}" if above else "")


def identity(found: Pattern) -> str:
    """The name of its tensor: `sigma_B^2`."""
    text = found.base + ("_" + ",".join(found.below) if found.below else "")
    return text + ("^" + ",".join(found.above) if found.above else "")
