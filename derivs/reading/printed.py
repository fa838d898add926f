"""An exercise as derivs.latex prints it, for a reader: the letters of its tensors, sizes and functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from derivs.affine import symbol
from derivs.box import Box
from derivs.errors import Unreadable
from derivs.expr import Apply, Entry, Expr, power
from derivs.expr import walk as parts_of
from derivs.latex import spell
from derivs.layout import name_layout
from derivs.names import by_letters
from derivs.problem import Problem, Tensor
from derivs.reading.chains import chains_of
from derivs.reading.choices import Choices
from derivs.reading.claims import Reading, claim
from derivs.reading.introduce import Pattern, pattern
from derivs.reading.parse import parse
from derivs.reading.rows import rows
from derivs.reading.spelling import Spelled, key, spelled
from derivs.reading.syntax import Node, Word
from derivs.reading.vocabulary import Named, Spelling, Vocabulary
from derivs.rules.opaque import MARK


def vocabulary_of(problem: Problem) -> Vocabulary:
    """What a reader of a derivation knows who has seen the exercise in print."""
    words = Vocabulary(indices=dict(problem.indices), index_base=problem.index_base)
    for size in problem.sizes:
        words.sizes[_key(by_letters(size))] = symbol(size)
    for name in sorted({node.function for expr in _formulas(problem) for node in parts_of(expr)
                        if isinstance(node, Apply) and node.function.startswith(MARK)}):
        words.functions[_key(by_letters(name.removeprefix(MARK)))] = name
    letters = dict(_letters(problem))
    for tensor in problem.tensors.values():
        if tensor.role != "cotangent" or tensor.latex is not None:
            _add(words, problem, tensor, letters.get(tensor.name, ()))
    if problem.loss in problem.tensors:
        words.losses[_key(name_layout(problem.tensors[problem.loss]))] = problem.loss
    return words


def read_as_printed(formula: str, problem: Problem, words: Vocabulary, choices: Choices) -> Reading:
    """The claim that a printed equation makes. Raises DerivsError where it cannot be read."""
    row, = rows(formula)
    if row.node is None:
        raise row.error or Unreadable("nothing stands in it", row.span)
    (relation, *_), conditions = chains_of(row.node)
    left, right = relation.sides[0], relation.sides[-1]
    if left is None or right is None:
        raise Unreadable("it is no equation", row.span)
    return claim(problem, words, choices, left, right, conditions)


def _add(words: Vocabulary, problem: Problem, tensor: Tensor, letters: Sequence[str]) -> None:
    printed = spell(name_layout(tensor))
    name = _name(parse(printed))
    parameters = tuple(f"@{k}" for k in range(len(tensor.shape)))
    body: Expr = Entry(tensor.name, tuple(map(symbol, parameters)))
    named = Named(body, parameters, tensor.shape, tuple(letters), problem.layout if len(parameters) == 1 else "")
    found = pattern(name, ())
    words.add(Spelling(found.base, found.below, found.above, named, printed))
    _root_of_square(words, found, named, printed)


def _root_of_square(words: Vocabulary, found: Pattern, named: Named, printed: str) -> None:
    r"""Where \sigma^2 is a node, \sigma is its root."""
    if found.above == ("2",) and not any(not s.above and s.below == found.below
                                         for s in words.spellings.get(found.base, ())):
        root = Named(power(named.body, Fraction(1, 2)), named.parameters, named.sizes, named.letters, named.turn)
        words.add(Spelling(found.base, found.below, (), root, printed))


def _key(box: Box) -> str:
    return key(parse(spell(box)))


def _name(node: Node) -> Spelled:
    r"""A printed name: of one letter with scripts, or of several, `d\mu`, as one word."""
    found = spelled(node)
    if found is None:
        found = spelled(Word(key(node), node.span))
    assert found is not None
    return found


def _formulas(problem: Problem) -> Iterator[Expr]:
    yield from (definition.value for definition in problem.definitions)
    for target in problem.targets:
        yield target.claim.right


def _letters(problem: Problem) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What the exercise calls the indices of its tensors: on the left of a definition, or where they first stand."""
    for definition in reversed(problem.definitions):
        for node in parts_of(definition.value):
            if isinstance(node, Entry) and node.at and all(form.bare in definition.indices for form in node.at):
                yield node.tensor, tuple(form.bare or "" for form in node.at)
    for definition in problem.definitions:
        yield definition.tensor, definition.indices
