"""An exercise in another notation: the letter of its loss, where its indices begin, what is called what.

The names of the tensors are what the code of an exercise knows them by, and only their print changes. Sizes and indices
are bound to nothing outside and get the new letters everywhere, but for the reference, which still hears of the old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from inspect import Signature, signature
from itertools import chain
from keyword import iskeyword
from typing import Any, Final, Literal

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.box import Accent, Box, Digits, Letter, Row, Scripts, Styled, Word
from derivs.errors import DerivsError, IllFormed, nearest
from derivs.expr import (
    Apply,
    Derivative,
    Entry,
    Expr,
    Integer,
    Largest,
    Sum,
    Tree,
    names_in,
    rebuild,
    walk,
)
from derivs.latex import latex, latex_claim, spell
from derivs.layout import name_layout
from derivs.names import LONGEST, by_letters, read
from derivs.problem import Claim, Definition, Given, Problem, Tensor
from derivs.reading.choices import Choices
from derivs.reading.claims import value
from derivs.reading.forms import is_index_letter
from derivs.reading.parse import parse
from derivs.reading.printed import read_as_printed, vocabulary_of
from derivs.reading.spelling import Spelled, bare, key, letters, spelled
from derivs.reading.syntax import Group, Numeral
from derivs.reading.vocabulary import Vocabulary
from derivs.rules.functions import FUNCTIONS
from derivs.rules.opaque import MARK
from derivs.wellformed import gathered

MOST: Final = 200                      # names that a notation changes
TAKEN: Final = {                       # letters that mean something of their own wherever they stand
    "e": "the base of the exponential", "pi": "the number", "partial": "the sign of derivatives",
    "nabla": "the sign of gradients", "infty": "infinity", "top": "the sign of transposes",
    "prime": "the sign of derivatives", "star": "a sign of products", "ast": "a sign of products"}
PRIME: Final = Letter("prime")
ONE_LETTER: Final = r"a name is one letter, or a word as \mathrm{word}; it may have an accent, and scripts"

Kind = Literal["tensor", "loss", "size", "index", "function"]


@dataclass(frozen=True, slots=True)
class Notation:
    r"""How somebody writes: the letter of the loss and the names, in LaTeX; "" is what the exercise has.

    names: what stands in the exercise to what shall stand there, `\hat{x}` to `z`; for sizes and indices too.
    """

    loss: str = ""
    index_base: int = 1
    layout: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something that an exercise has a name for. rank: how many subscripts follow it."""

    kind: Kind
    name: str
    box: Box
    rank: int = 0

    def __str__(self) -> str:
        article = "an" if self.kind == "index" else "the" if self.kind == "loss" else "a"
        return f"{article} {self.kind}"


def renotated(problem: Problem, notation: Notation) -> Problem:
    """The same exercise in that notation. Raises IllFormed with all that is wrong with the notation."""
    errors = list(_conventions(notation))
    symbols = list(_symbols(problem))
    new: dict[int, Box] = {}                                        # by the place of the symbol
    for k, wanted, where in _wanted(problem, notation, symbols, errors):
        try:
            box = _name(wanted, symbols[k].kind)
        except DerivsError as error:
            errors.append(IllFormed(error.what, where=where, mend=error.mend))
            continue
        if new.setdefault(k, box) != box:
            errors.append(IllFormed(f"two names are given to the {symbols[k].kind} {spell(symbols[k].box)}, "
                                    f"{spell(new[k])} and {spell(box)}", where=where, mend="leave one of them out"))
    changed = {k for k, box in new.items() if box != symbols[k].box}
    after = [replace(one, box=new.get(k, one.box)) for k, one in enumerate(symbols)]
    errors += _clashes(symbols, after, changed)
    errors += (error for k in sorted(changed) for error in _reserved(problem, symbols[k], after[k]))
    if errors:
        raise gathered(errors, "notation")
    renamed = {symbols[k].name: _letters(after[k].box) for k in changed if symbols[k].kind in ("size", "index")}
    prints = {symbols[k].name: spell(after[k].box) for k in changed if symbols[k].kind in ("tensor", "loss")}
    found = _written(problem, notation, renamed, prints)
    spoken = replace(found, index_base=1)                           # a name is the same wherever indices begin
    words = vocabulary_of(spoken)
    errors += (error for k in sorted(changed) for error in _misread(
        spoken, words, symbols[k], renamed.get(symbols[k].name, symbols[k].name)))
    errors = errors or list(_unread(problem, found))
    if errors:
        raise gathered(errors, "notation")
    return found


def _written(problem: Problem, notation: Notation, names: Mapping[str, str], prints: Mapping[str, str]) -> Problem:
    """The exercise with these letters for its sizes and indices, and these names of its tensors in print."""
    forms = {old: symbol(new) for old, new in names.items()}

    def claim(one: Claim) -> Claim:
        return replace(one, left=_renamed(one.left, names), right=_renamed(one.right, names),
                       given=tuple(map(given, one.given)))

    def given(one: Given) -> Given:
        return Given(one.op, side(one.left), side(one.right))

    def side(one: Affine | Expr) -> Any:
        return one.substitute(forms) if isinstance(one, Affine) else _renamed(one, names)

    def tensor(one: Tensor) -> Tensor:
        return replace(one, shape=tuple(size.substitute(forms) for size in one.shape),
                       latex=prints.get(one.name, one.latex))

    def definition(one: Definition) -> Definition:
        return Definition(one.tensor, tuple(names.get(name, name) for name in one.indices),
                          _renamed(one.value, names))

    tensors = {name: tensor(one) for name, one in problem.tensors.items()}
    if problem.loss in prints:
        tensors.setdefault(problem.loss, Tensor(problem.loss, role="loss", latex=prints[problem.loss]))
    asked = notation.layout or problem.layout
    return replace(
        problem, tensors=tensors, definitions=tuple(map(definition, problem.definitions)),
        targets=tuple(replace(one, claim=claim(one.claim)) for one in problem.targets),
        hands=tuple(replace(one, claim=claim(one.claim)) for one in problem.hands),
        facts=tuple(fact.substitute(forms) for fact in problem.facts),
        kinks={name: _renamed(value, names) for name, value in problem.kinks.items()},
        indices={names.get(name, name): (low.substitute(forms), high.substitute(forms))
                 for name, (low, high) in problem.indices.items()},
        reference=_of_sizes(problem, names), index_base=notation.index_base,
        layout="row" if asked == "row" else "column" if asked == "column" else "")


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    """Free and bound letters alike: no two become one, so nothing is captured."""
    if not names:
        return node
    forms = {old: symbol(new) for old, new in names.items()}

    def walked(part: Any) -> Any:
        found = rebuild(part, walked, lambda form: form.substitute(forms))
        if isinstance(found, Sum | Largest):
            return replace(found, index=names.get(found.index, found.index))
        return found
    return walked(node)


class _OfSizes:
    """A reference that is given the sizes under their new letters."""

    def __init__(self, reference: Callable[..., Any], olds: Mapping[str, str]) -> None:
        self.reference, self.olds = reference, olds
        self.__name__ = getattr(reference, "__name__", "reference")
        news = {old: new for new, old in olds.items()}
        self.__signature__ = Signature([one.replace(name=news.get(one.name, one.name))
                                        for one in signature(reference).parameters.values()])

    def __call__(self, **arguments: Any) -> Any:
        return self.reference(**{self.olds.get(name, name): value for name, value in arguments.items()})


def _of_sizes(problem: Problem, names: Mapping[str, str]) -> Callable[..., Any] | None:
    olds = {names[size]: size for size in problem.sizes if size in names}
    return _OfSizes(problem.reference, olds) if problem.reference is not None and olds else problem.reference


# ---- what has a name -------------------------------------------------------------------------------------------------

def _symbols(problem: Problem) -> Iterator[Symbol]:
    """Tensors, the loss, sizes, indices and functions: whatever stands in the exercise as a name."""
    for tensor in problem.tensors.values():
        if tensor.name != problem.loss and (tensor.role != "cotangent" or tensor.latex is not None):
            yield Symbol("tensor", tensor.name, name_layout(tensor), len(tensor.shape))
    loss = problem.tensors.get(problem.loss, Tensor(problem.loss))
    yield Symbol("loss", problem.loss, name_layout(loss))
    for size in problem.sizes:
        yield Symbol("size", size, by_letters(size))
    for index in sorted(_indices(problem)):
        yield Symbol("index", index, by_letters(index))
    functions = {node.function for tree in _trees(problem) for node in walk(tree) if isinstance(node, Apply)}
    derived = {"sigmoid"} if "softplus" in functions else set()
    for name in sorted(functions | derived):
        known = FUNCTIONS.get(name)
        yield Symbol("function", name, read(known.latex) if known else by_letters(name.removeprefix(MARK)))


def _indices(problem: Problem) -> set[str]:
    """Every letter that is an index somewhere, free or bound."""
    trees = list(_trees(problem))
    found = {node.index for tree in trees for node in walk(tree) if isinstance(node, Sum | Largest)}
    found |= {name for tree in trees for name in names_in(tree)}
    found |= {name for definition in problem.definitions for name in definition.indices}
    found |= {name for claim in _claims(problem) for given in claim.given for one in (given.left, given.right)
              if isinstance(one, Affine) for name in one.names}
    return (found | problem.indices.keys()) - set(problem.sizes)


def _claims(problem: Problem) -> Iterator[Claim]:
    yield from (target.claim for target in problem.targets)
    yield from (hand.claim for hand in problem.hands)


def _trees(problem: Problem) -> Iterator[Tree]:
    yield from (definition.value for definition in problem.definitions)
    for claim in _claims(problem):
        yield from (claim.left, claim.right)
        yield from (one for given in claim.given for one in (given.left, given.right) if not isinstance(one, Affine))


# ---- what is asked for -----------------------------------------------------------------------------------------------

def _conventions(notation: Notation) -> Iterator[IllFormed]:
    if notation.index_base not in (0, 1):
        yield IllFormed("indices run from 0 or from 1", where="index_base", mend="write index_base = 0 or 1")
    if notation.layout not in ("", "column", "row"):
        yield IllFormed("a vector is a column or a row", where="layout", mend='write layout = "column" or "row"')
    if len(notation.names) > MOST:
        yield IllFormed(f"there are more than {MOST} names", where="names", mend="leave out those that stay")


def _wanted(problem: Problem, notation: Notation, symbols: list[Symbol], errors: list[IllFormed]
            ) -> Iterator[tuple[int, str, str]]:
    """Which symbol gets which name, as it is written, and where that is said."""
    if notation.loss:
        place = next(k for k, one in enumerate(symbols) if one.kind == "loss")
        yield place, notation.loss, "loss"
    for old, new in list(notation.names.items())[:MOST]:
        found = _found(old, symbols)
        if found is None:
            known = [spell(one.box) for one in symbols if one.kind != "function"]
            errors.append(IllFormed(f"nothing in the exercise is called {_short(old)}", where="names",
                                    mend=nearest(_short(old), known)))
        else:
            yield found, new, f"names, {_short(old)}"


def _found(old: str, symbols: list[Symbol]) -> int | None:
    """The symbol that is printed so, or that the exercise knows by that name."""
    try:
        box = _read(old)
    except DerivsError:
        box = Row(())
    printed = (k for k, one in enumerate(symbols) if one.kind != "function" and one.box == box)
    named = (k for k, one in enumerate(symbols) if one.kind != "function" and one.name == old)
    return next(chain(printed, named), None)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[:20] + "..."


def _name(latex: str, kind: Kind) -> Box:
    """A new name, one that the reader of a formula can tell from a product. Raises DerivsError."""
    box = _read(latex)
    if not _is_name(box) or _as_read(box) is None:
        raise IllFormed(f"{latex} is no name of one thing", mend=ONE_LETTER)
    if kind == "index" and not (_letters(box) and is_index_letter(parse(spell(box)))):
        raise IllFormed(f"{latex} is no name of an index", mend=r"an index is one letter, such as k, k' or \alpha")
    if kind == "size" and (isinstance(box, Word) or not _letters(box).isidentifier()):
        raise IllFormed(f"{latex} is no name of a size", mend=r"a size is a letter, n or n_1, or n_{\mathrm{in}}")
    return box


def _read(latex: str) -> Box:
    """A name as `by_letters` makes it, where it can: with its prime in a row."""
    box = read(latex)
    return replace(box, above=Row((box.above,))) if isinstance(box, Scripts) and box.above == PRIME else box


def _is_name(box: Box) -> bool:
    match box:
        case Letter():
            return True
        case Word(text, kind):
            return kind == "name" and len(text) > 1
        case Accent(_, body) | Styled(_, body):
            return _is_name(body)
        case Scripts(base, _, _):
            return not isinstance(base, Scripts) and _is_name(base)
        case _:
            return False


def _letters(box: Box) -> str:
    """The name of which `by_letters` makes the box; "" if there is none."""
    name = _spelled(box)
    return name if name and by_letters(name) == box else ""


def _spelled(box: Box | None) -> str:
    match box:
        case Letter(name) | Word(name, "name") | Digits(name):
            return name
        case Scripts(base, below, above):
            primes = "" if above is None else "'" * (len(above.parts) if isinstance(above, Row) else 1)
            return _spelled(base) + ("" if below is None else "_" + _spelled(below)) + primes
        case _:
            return ""


# ---- what clashes ----------------------------------------------------------------------------------------------------

def _clashes(before: list[Symbol], after: list[Symbol], changed: set[int]) -> Iterator[IllFormed]:
    """Two things under one name, or under names that differ in typeface only, or that run into one another."""
    spellings = [_as_read(one.box) for one in after]
    for k in sorted(changed):
        for j, other in enumerate(after):
            if j == k or (j in changed and j < k):
                continue
            why = _clash(after[k], other, spellings[k], spellings[j]) or _clash(other, after[k], spellings[j],
                                                                                spellings[k])
            if why:
                yield IllFormed(why.format(new=spell(after[k].box), old=spell(before[k].box),
                                           other=_called(before[j], other)),
                                where=_where(before[k]), mend="give one of them another name")


def _where(before: Symbol) -> str:
    return "loss" if before.kind == "loss" else f"names, {spell(before.box)}"


def _called(before: Symbol, after: Symbol) -> str:
    """`the name of a size`, and what it was called before."""
    return str(after) if before.box == after.box else f"the new name of {spell(before.box)}"


def _clash(one: Symbol, other: Symbol, name: Spelled | None, known: Spelled | None) -> str:
    if one.box == other.box:
        return "{old} would be printed {new}, which is {other}"
    if name is None or known is None or _base(name) != _base(known):
        return ""
    below, above = _keys(name.below), _keys(name.above)
    known_below, known_above = _keys(known.below), _keys(known.above)
    if (below, above) == (known_below, known_above):
        return "{old} would be printed {new}, which differs in typeface only from {other}"
    more = name.below[len(known_below):]
    if above == known_above and other.rank and more and below[:len(known_below)] == known_below and (
            all(isinstance(bare(part), Numeral) or is_index_letter(part) for item in more for part in letters(item))):
        return "{old} would be printed {new}, which reads like an entry beside {other}"
    if below == known_below and not known_above and len(above) == 1 and other.kind in ("tensor", "loss", "size") and (
            not isinstance(bare(name.above[0]), Group)):
        return "{old} would be printed {new}, which reads like a power beside {other}"
    return ""


def _as_read(box: Box) -> Spelled | None:
    """The name as the reader of a derivation sees it, typeface left out; None if it sees none."""
    try:
        return spelled(parse(spell(box)))
    except DerivsError:
        return None


def _base(name: Spelled) -> str:
    return name.base + "'" * name.primes


def _keys(items: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(key, items))


def _reserved(problem: Problem, before: Symbol, after: Symbol) -> Iterator[IllFormed]:
    """A letter that means something wherever it stands, or that the code of the exercise has for something else."""
    where = _where(before)
    box = after.box.base if isinstance(after.box, Scripts) else after.box
    while isinstance(box, Styled):
        box = box.body
    if isinstance(box, Letter) and box.name in TAKEN:
        yield IllFormed(f"{spell(after.box)} is {TAKEN[box.name]}", where=where, mend="choose another letter")
    if after.kind not in ("size", "index"):
        return
    name = _letters(after.box)
    if name in problem.tensors:
        yield IllFormed(f"{spell(after.box)} is what the exercise calls a tensor", where=where,
                        mend="choose another letter")
    if after.kind == "size" and iskeyword(name):
        yield IllFormed(f"{spell(after.box)} cannot be the name of a size", where=where, mend="choose another letter")


def _misread(problem: Problem, words: Vocabulary, before: Symbol, name: str) -> Iterator[IllFormed]:
    """A name that a reader takes for something else, such as I for the unit matrix.

    problem: in the new notation. name: what it knows the symbol by.
    """
    match before.kind:
        case "tensor":
            tree: Expr = Entry(name, (FIRST,) * before.rank)
        case "loss":
            by = (*(one.name for one in problem.inputs), *problem.outputs)[0]
            tree = Derivative(Entry(name), Entry(by, (FIRST,) * len(problem.tensors[by].shape)))
        case "index":
            tree = Sum(name, FIRST, FIRST + 1, Integer(symbol(name)))
        case _:
            tree = Integer(symbol(name))
    printed = latex(tree, problem)
    try:
        _, found = value(problem, words, Choices(), parse(printed))
        read_back = found.body
        if isinstance(read_back, Derivative):                       # local or total: that is no matter of names
            read_back = replace(read_back, kind="total")
        if not found.rank and read_back == tree:
            return
        why = "something else"
    except DerivsError as error:
        why = f"something else: {error.what}"
    yield IllFormed(f"{printed} would be taken for {why}", where=_where(before), mend="choose another name")


def _unread(before: Problem, after: Problem) -> Iterator[IllFormed]:
    r"""Formulas that could be read before and cannot be now: W_{tr} is a trace, \delta_{ij} no entry of a vector."""
    words, old_words = vocabulary_of(after), vocabulary_of(before)
    for old, new in zip(_printed(before), _printed(after), strict=True):
        try:
            read_as_printed(new, after, words, Choices())
        except DerivsError as error:
            with suppress(DerivsError):
                read_as_printed(old, before, old_words, Choices())
                yield IllFormed(f"{new} cannot be read: {error.what}", where="names", mend="choose other names")


def _printed(problem: Problem) -> Iterator[str]:
    """The definitions and what is asked for."""
    yield from (latex_claim(Claim(one.entry, one.value), problem) for one in problem.definitions)
    yield from (latex_claim(one.claim, problem) for one in problem.targets)
