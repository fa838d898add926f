"""From two written sides to a claim: their axes lined up, their conditions, and what the reading takes for granted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from derivs.affine import Affine, symbol
from derivs.errors import Mismatch, UnknownLength
from derivs.expr import (
    ONE,
    Add,
    Derivative,
    Entry,
    Expr,
    Mul,
    Sum,
    add,
    children,
    mul,
    names_in,
    reindex,
)
from derivs.problem import Claim, Given, Problem
from derivs.reading.choices import Choices, Option
from derivs.reading.conditions import indicator
from derivs.reading.dots import is_dots
from derivs.reading.forms import form
from derivs.reading.meaning import read
from derivs.reading.spelling import bare, key
from derivs.reading.state import Meaning, State, unread
from derivs.reading.syntax import Node, Relation, Span, walk
from derivs.reading.value import Value, elementwise
from derivs.reading.value import with_letters as lettered
from derivs.reading.vocabulary import Vocabulary
from derivs.scope import ranges

STRICT = Option("")
EACH_ENTRY = Option("the equation is meant for every entry", slip=False)
LETTERS = "ijklpqrstuvwabcdefgh"


@dataclass(frozen=True, slots=True)
class Reading:
    """A claim with the exercise it is about (which may have auxiliary nodes), and what was taken for granted.

    said: the options that are not the usual ones. slips: what should be written otherwise in any case.
    two_meanings: a sign that stands for two things. is_padded: entries beyond the end of an axis were read as zero.
    under: 1 where the side conditions hold that are no equations, else 0, as it cuts both sides off.
    """

    problem: Problem
    claim: Claim
    said: tuple[Option, ...] = ()
    slips: tuple[Option, ...] = ()
    two_meanings: str = ""
    is_padded: bool = False
    under: Expr = ONE


def claim(problem: Problem, vocabulary: Vocabulary, choices: Choices, left: Node, right: Node,
          given: Sequence[Node] = (), meaning: Meaning = read) -> Reading:
    """left = right in one reading. Raises Unreadable, Mismatch, IllFormed."""
    s = State(problem, vocabulary, choices, meaning)
    one = s.read(left, frozenset())
    s.side, s.read_left = "right", frozenset(s.letters)
    two = s.read(right, frozenset())
    one, two = lined_up(s, one, two, right.span)
    a, b = one.body, two.body
    if vocabulary.einstein:
        a, b = summed(s, a, b, frozenset(name for name, count in Counter(map(key, walk(left))).items() if count > 1))
    under, conditions = _under(s, a, b, (*vocabulary.given, *given))
    if under != ONE:
        a, b = mul(under, a), mul(under, b)
    a, b = with_letters(s, one, a, b)
    slips = [*s.slips.values(), *_captured(s), *_two_spellings(s)]
    twice = next((sign for sign, meanings in s.meanings.items() if len(meanings) > 1), "")
    return Reading(s.extended, Claim(a, b, conditions, where_left=True), choices.said, tuple(slips), twice, under=under)


def value(problem: Problem, vocabulary: Vocabulary, choices: Choices, node: Node) -> tuple[State, Value]:
    """The value of one side alone."""
    s = State(problem, vocabulary, choices, read)
    return s, s.read(node, frozenset())


# ---- axes ------------------------------------------------------------------------------------------------------------

def lined_up(s: State, left: Value, right: Value, span: Span) -> tuple[Value, Value]:
    """Both sides with the axes of the left one. Raises Mismatch where they have different ones."""
    try:
        if left.rank == right.rank:
            pairs: list[Expr] = []
            frame = elementwise(left, right, lambda a, b: pairs.extend((a, b)) or a, "the two sides")  # type: ignore[func-returns-value]
            return replace(frame, body=pairs[0]), replace(frame, body=pairs[1])
        if left.rank == 0 or right.rank == 0:
            scalar, tensor = (left, right) if left.rank == 0 else (right, left)
            entry = _entry(s, scalar, tensor)
            if entry is not None:
                return (scalar, entry) if left is scalar else (entry, scalar)
            return replace(tensor, body=left.body), replace(tensor, body=right.body)
        raise Mismatch(f"the left side is {left}, the right side {right}")
    except Mismatch as error:
        error.span = error.span or span
        raise


def _entry(s: State, scalar: Value, tensor: Value) -> Value | None:
    """The tensor at the indices that only the scalar has; None where the equation is for every entry."""
    missing = _places(s, scalar.body, names_in(tensor.body))
    sizes = [axis.size for axis in tensor.axes]
    fits = len(missing) >= len(sizes) and [size for _, size in missing[-len(sizes):]] == sizes
    if not s.choose("entries", STRICT, EACH_ENTRY):
        raise Mismatch(f"one side is a number, the other {tensor}")
    if not fits:
        return None
    if not s.convolves:                              # a convolution is of whole tensors, whatever stands on the left
        s.slip("the entry of one side is equated with the whole of the other", "write the index on both sides")
    forms = {axis.index: at for axis, (at, _) in zip(tensor.axes, missing[-len(sizes):], strict=True)}
    return Value(reindex(tensor.body, forms))


def _places(s: State, body: Expr, known: frozenset[str]) -> list[tuple[Affine, Affine]]:
    """The index letters of a formula that are not known elsewhere, with the axes they stand on, in reading order."""
    found: dict[Affine, Affine] = {}

    def look(node: Expr) -> None:
        if isinstance(node, Entry) and node.tensor in s.extended.tensors:
            for at, size in zip(node.at, s.extended.tensors[node.tensor].shape, strict=False):
                if at.bare is not None and at.bare not in known and at.bare not in s.problem.sizes:
                    found.setdefault(at, size)
        parts = (node.by, node.of) if isinstance(node, Derivative) else children(node)
        for part in parts:
            look(part)  # type: ignore[arg-type]

    look(body)
    return list(found.items())


def with_letters(s: State, frame: Value, left: Expr, right: Expr) -> tuple[Expr, Expr]:
    """The axes that nobody named get letters, so that a counterexample can speak of them."""
    taken = set(names_in(left) | names_in(right)) | set(s.problem.sizes) | s.problem.tensors.keys()
    names: dict[str, Affine] = {}
    for axis in frame.axes:
        name = next(c for c in (axis.letter, *LETTERS, *(f"{c}'" for c in LETTERS)) if c and c not in taken)
        taken.add(name)
        names[axis.index] = symbol(name)
        if axis.size is None:
            raise UnknownLength("the length of an axis is not known")
    free = frozenset(taken)
    return lettered(reindex(left, names), free), lettered(reindex(right, names), free)


# ---- what goes without saying ----------------------------------------------------------------------------------------

def _captured(s: State) -> list[Option]:
    """Letters that are free and bound in the line: the sum binds its own."""
    return [Option(f"{name} is free in the line and summed over in it; the sum is read with an index of its own",
                   f"sum over another letter than {name}", span=s.captured[name]) for name in sorted(s.captured)
            if name in s.letters]


def _two_spellings(s: State) -> list[Option]:
    """One tensor under two names in a line."""
    return [Option("one quantity is written in two ways in this line", "use one of them throughout",
                   span=list(ways.values())[1])
            for tensor, ways in s.spelled.items() if tensor and len(ways) > 1]


def summed(s: State, left: Expr, right: Expr, repeated: frozenset[str]) -> tuple[Expr, Expr]:
    """Einstein's convention: a letter that is free on one side only is summed in every term that holds it.

    repeated: the letters that stand twice on the left; of a left side such as ∂L/∂x_k, k names the entry and is no sum,
    whatever the right side holds.
    """
    bounds = ranges(s.extended, (left, right))
    stay = names_in(right) | (names_in(left) - repeated)
    return einstein(left, stay, bounds), einstein(right, names_in(left), bounds)


def einstein(body: Expr, kept: frozenset[str], bounds: Mapping[str, tuple[Affine, Affine]]) -> Expr:
    """The letters with bounds that are not kept are summed, in every term that holds them."""
    return add(*(_summed_term(term, (names_in(term) & bounds.keys()) - kept, bounds) for term in _terms(body)))


def _terms(body: Expr) -> list[Expr]:
    """A product of sums multiplied out, one level at a time."""
    match body:
        case Add(terms):
            return [part for term in terms for part in _terms(term)]
        case Mul(factors):
            found: list[Expr] = [mul()]
            for factor in factors:
                found = [mul(a, b) for a in found for b in (_terms(factor) if isinstance(factor, Add) else [factor])]
                if len(found) > 64:
                    return [body]
            return found
        case _:
            return [body]


def _summed_term(term: Expr, letters: frozenset[str], bounds: Mapping[str, tuple[Affine, Affine]]) -> Expr:
    for name in sorted(letters):
        term = Sum(name, *bounds[name], term)
    return term


def _is_range(node: Node) -> bool:
    """i in {1, ..., n}, i = 1, ..., n: what a letter runs over, which its axis tells."""
    return any(is_dots(part) for part in walk(node)) or (isinstance(node, Relation) and node.signs == ("in",))


def _under(s: State, left: Expr, right: Expr, given: Sequence[Node]) -> tuple[Expr, tuple[Given, ...]]:
    """The side conditions that speak of the claim: those that are no equation as what cuts both sides off."""
    free = (names_in(left) | names_in(right)) - set(s.problem.sizes)
    conditions: list[Given] = []
    under: Expr = ONE
    for node in given:
        relation = bare(node)
        if _is_range(relation):
            continue
        if isinstance(relation, Relation) and len(relation.signs) == 1 and None not in relation.sides:
            a, b = (form(s, side, frozenset()) for side in relation.sides if side is not None)
            sign = {"==": "=", "equiv": "="}.get(relation.signs[0], relation.signs[0])
            if a is not None and b is not None and sign in ("=", "!="):
                shift = 1 - s.vocabulary.index_base
                letters = (a.names | b.names) - set(s.problem.sizes)
                if letters <= free:
                    conditions.append(Given(sign, a + shift, b + shift))  # type: ignore[arg-type]
                continue
            if sign == "=":
                one, two = s.read(relation.sides[0], frozenset()), s.read(relation.sides[1], frozenset())  # type: ignore[arg-type]
                if one.rank or two.rank:
                    raise unread("a side condition is about numbers", node)
                if (names_in(one.body) | names_in(two.body)) - set(s.problem.sizes) <= free:
                    conditions.append(Given("=", one.body, two.body))
                continue
        holds = indicator(s, node, frozenset())
        if holds.rank:
            raise unread("a side condition is about numbers", node)
        if names_in(holds.body) - set(s.problem.sizes) <= free:
            under = mul(under, holds.body)
    return under, tuple(conditions)
