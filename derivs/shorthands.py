"""What an exercise has names for: its nodes, and what stands in brackets in their definitions, under names of our own.

A book writes (x_i - μ) and tanh(c_i) again and again, as if they were nodes. A shorthand is such a node: `fold` puts
it for every copy of its definition, whatever the indices are, and `spell` takes it out again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from derivs.affine import ONE, Affine, symbol
from derivs.errors import IllFormed, OutOfBudget, OutOfDomain, Unsupported
from derivs.expr import (
    Add,
    Apply,
    Compare,
    Entry,
    Expr,
    Mul,
    Number,
    Pow,
    Sum,
    Tree,
    add,
    children,
    forms,
    names_in,
    negate,
    power,
    rebuild,
    reindex,
    subtract,
    tensors_in,
    walk,
)
from derivs.normal.context import Context
from derivs.normal.signs import sign_of
from derivs.normal.translate import Translator
from derivs.problem import Definition, Problem, Tensor
from derivs.scope import ranges

MARK = "@"                             # no name of an exercise starts with it
FUNCTIONS = frozenset({"sigmoid", "tanh", "softplus"})       # what the normal form would write in exponentials
MOST = 40                              # shorthands of one exercise


@dataclass(frozen=True, slots=True)
class Shorthands:
    """problem: the exercise with a node for each shorthand, its definitions written with them."""

    problem: Problem
    given: frozenset[str]                  # the tensors of the exercise itself

    def fold(self, expr: Expr) -> Expr:
        """The expression with every copy of a definition as its node, and of a bracket as its shorthand."""
        return _folded(self.problem.definitions, expr)

    def spell(self, expr: Any) -> Any:
        """The expression without shorthands."""
        if isinstance(expr, Entry) and expr.tensor not in self.given:
            definition = self.problem.definition(expr.tensor)
            assert definition is not None
            values = dict(zip(definition.indices, expr.at, strict=True))
            return self.spell(reindex(definition.value, values))
        if isinstance(expr, Compare) and any(isinstance(side, Entry) and side.tensor not in self.given
                                             for side in (expr.left, expr.right)):
            return _balanced(expr.op, self.spell(expr.left), self.spell(expr.right))
        return rebuild(expr, self.spell)


def _balanced(op: Literal["<", "<=", "=", "!="], left: Expr, right: Expr) -> Compare:
    """0 < 1 - t s as t s < 1: what has a minus sign on the other side."""
    gap = subtract(right, left)
    terms = gap.terms if isinstance(gap, Add) else (gap,)
    negative = [term for term in terms if _is_negative(term)]
    return Compare(op, add(*map(negate, negative)), add(*(term for term in terms if term not in negative)))


def _is_negative(term: Expr) -> bool:
    head = term.factors[0] if isinstance(term, Mul) else term
    return isinstance(head, Number) and head.value < 0


def shorthands(problem: Problem) -> Shorthands:
    """The shorthands of an exercise, inner ones first, each before the definition that it was found in."""
    tensors = dict(problem.tensors)
    definitions: list[Definition] = []
    for definition in problem.definitions:
        for bracket in _brackets(definition.value):
            made = _shorthand(problem, bracket, len(tensors) - len(problem.tensors))
            if made is None or len(tensors) - len(problem.tensors) >= MOST:
                continue
            folded = _folded(definitions, made[1].value)
            if isinstance(folded, Entry):
                continue
            with suppress(IllFormed):                        # x_{i+1} - x_i has no value for the last i
                _add(tensors, definitions, problem, made[0], replace(made[1], value=folded))
        _add(tensors, definitions, problem, tensors[definition.tensor],
             replace(definition, value=_folded(definitions, definition.value)))
    whole = replace(problem, tensors=tensors, definitions=tuple(definitions), targets=(), hands=())
    return Shorthands(whole, frozenset(problem.tensors))


def _shorthand(problem: Problem, bracket: Expr, number: int) -> tuple[Tensor, Definition] | None:
    """A tensor over the indices of the bracket; None where one of them does not run over a whole axis."""
    try:
        free = ranges(problem, (bracket,))
    except IllFormed:
        return None
    if any(low != ONE for low, _ in free.values()):
        return None
    name = f"{MARK}{number}"
    return (Tensor(name, tuple(high for _, high in free.values()), "node"), Definition(name, tuple(free), bracket))


def _add(tensors: dict[str, Tensor], definitions: list[Definition], problem: Problem, tensor: Tensor,
         definition: Definition) -> None:
    """A node more, declared positive where its definition is, as σ² + ε under a root."""
    context = Context(tensors, problem.constraints).assume(
        end for name, size in zip(definition.indices, tensor.shape, strict=True)
        for end in (symbol(name) - ONE, size - symbol(name)))
    with suppress(OutOfBudget, OutOfDomain, Unsupported):
        sign, strict = sign_of(context, Translator(context).form(context, definition.value))
        if sign > 0:
            tensor = replace(tensor, properties=tensor.properties | {"positive" if strict else "nonnegative"})
    tensors[tensor.name] = tensor
    definitions.append(definition)


# ---- what is worth a name

def _brackets(value: Expr) -> Iterator[Expr]:
    """Sums under a power or in a product, arguments of functions, and functions; inner ones first."""
    for part in children(value):
        if isinstance(part, Add | Mul | Pow | Apply | Sum):
            yield from _brackets(part)
            if _is_bracket(value, part):
                yield part


def _is_value(node: Tree) -> bool:
    return isinstance(node, Add | Mul | Pow | Apply | Sum)


def _is_bracket(around: Tree, part: Tree) -> bool:
    match part:
        case Apply(function, _):
            return function in FUNCTIONS
        case Add(terms):
            if any(isinstance(n, Apply) and n.function == "exp" for term in terms for n in walk(term)):
                return False                          # 1 + e^x is better left to the normal form
            if not tensors_in(part):
                return False                          # H - h + 1
            sums = any(isinstance(n, Sum) for n in walk(part))
            return isinstance(around, Pow | Apply) or (isinstance(around, Mul) and bool(names_in(part)) and not sums)
        case _:
            return False


# ---- folding

def _folded(definitions: Sequence[Definition], expr: Expr) -> Expr:
    """The last definition that fits counts: it is the one with the most folded into it."""
    if not _is_value(expr):
        return rebuild(expr, lambda part: _folded(definitions, part))  # type: ignore[no-any-return]
    inside: Expr = rebuild(expr, lambda part: _folded(definitions, part))
    for definition in definitions:
        match definition.value, inside:
            case Pow(base, Number(e)), Pow(other, Number(f)) if e.denominator == f.denominator > 1:
                whole = (f / e).denominator == 1                 # v^(-1/2) = 1/σ where σ = v^(1/2)
                entry = _fitting(definition, base, other) if whole else None
                if entry is not None:
                    return power(entry, f / e)
            case value, _ if _is_value(value) and type(value) is type(inside):
                entry = _fitting(definition, value, inside)
                if entry is not None:
                    return entry
    return inside


def _fitting(definition: Definition, pattern: Expr, tree: Expr) -> Entry | None:
    """The entry of the node at which the pattern, made of its definition, is the tree."""
    found: dict[str, Affine] = {}
    fits = _unify(pattern, tree, frozenset(definition.indices), {}, found) and found.keys() == set(definition.indices)
    return Entry(definition.tensor, tuple(found[index] for index in definition.indices)) if fits else None


def _unify(pattern: Tree, tree: Tree, names: frozenset[str], bound: Mapping[str, str],
           found: dict[str, Affine]) -> bool:
    """Whether the tree is the pattern with integer forms for the names, which `found` collects.

    bound: what the pattern's bound indices are called in the tree.
    """
    if type(pattern) is not type(tree):
        return False
    if isinstance(pattern, Sum) and isinstance(tree, Sum):
        bound = {**bound, pattern.index: tree.index}
    here, there = forms(pattern), forms(tree)
    if len(here) != len(there) or not _same_head(pattern, tree):
        return False
    for mine, other in zip(here, there, strict=True):
        name = mine.bare
        if name in names and name not in bound:
            if not other.names.isdisjoint(bound.values()) or found.setdefault(name, other) != other:
                return False
        elif mine.substitute({k: symbol(v) for k, v in bound.items()} | {
                n: found[n] for n in mine.names & names if n in found and n not in bound}) != other:
            return False
    parts, others = children(pattern), children(tree)
    return len(parts) == len(others) and all(
        _unify(a, b, names, bound, found) for a, b in zip(parts, others, strict=True))


def _same_head(pattern: Tree, tree: Tree) -> bool:
    """Whether the nodes themselves say the same, their parts and integer forms aside."""
    match pattern, tree:
        case Entry(a, _), Entry(b, _):
            return a == b
        case Apply(a, _), Apply(b, _):
            return a == b
        case (Sum() | Add() | Mul() | Pow()), _:
            return True
        case _:
            return bool(forms(pattern)) or (not children(pattern) and pattern == tree)
