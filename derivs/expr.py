"""The nouns of a formula: an immutable tree in index notation with symbolic sizes.

This is what authors write and what is printed, evaluated and judged. The normal form (`derivs.normal`) decides equality
and never replaces it: a proof is cross-examined on these trees, as they were written.

Sums are written from 1, bounds included. Sizes, indices and bounds are integer forms (`derivs.affine`); a scalar is a
tensor of rank 0. Only this module says what kinds of expression there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import Any, Literal

from derivs.affine import Affine, symbol


@dataclass(frozen=True, slots=True)
class Number:
    """A rational constant."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Integer:
    """A size, an index or a form in them, used as a number: the `m` of `1/m`."""

    form: Affine


@dataclass(frozen=True, slots=True)
class Entry:
    """`x_{i,j}`: an entry of a tensor; a scalar where there are no subscripts."""

    tensor: str
    at: tuple[Affine, ...] = ()


@dataclass(frozen=True, slots=True)
class Add:
    """The sum of its terms."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Mul:
    """The product of its factors."""

    factors: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Pow:
    """base ** exponent. A rational exponent follows the reals; any other exponent needs a positive base."""

    base: Expr
    exponent: Expr


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of `derivs.rules.functions` applied to its arguments."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """sum over index = low .. high of body; zero where high < low."""

    index: str
    low: Affine
    high: Affine
    body: Expr


@dataclass(frozen=True, slots=True)
class Largest:
    """max over index = low .. high of body; undefined where high < low."""

    index: str
    low: Affine
    high: Affine
    body: Expr


@dataclass(frozen=True, slots=True)
class Delta:
    """Kronecker's delta: 1 where two integer forms are equal, else 0."""

    left: Affine
    right: Affine


@dataclass(frozen=True, slots=True)
class Indicator:
    """1 where the condition holds, else 0."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Cases:
    """The value of the first branch whose condition holds, else `otherwise` (undefined where that is None)."""

    branches: tuple[tuple[Expr, Condition], ...]
    otherwise: Expr | None


@dataclass(frozen=True, slots=True)
class Expectation:
    """The mean of body over a tensor of independent 0/1 entries, each 1 with probability `mean`."""

    tensor: str
    mean: Expr
    body: Expr


@dataclass(frozen=True, slots=True)
class Derivative:
    """The partial derivative of one entry by another.

    total: through every definition on the way. local: the other named nodes are held fixed, as people mean by
    ∂y_i/∂x_i beside ∂σ²/∂x_i.
    """

    of: Entry
    by: Entry
    kind: Literal["total", "local"] = "total"


@dataclass(frozen=True, slots=True)
class Compare:
    """left op right, for real expressions."""

    op: Literal["<", "<=", "=", "!="]
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class CompareIndex:
    """left op right, for integer forms."""

    op: Literal["<=", "=", "!="]
    left: Affine
    right: Affine


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Some part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Binder = Sum | Largest
Expr = (Number | Integer | Entry | Add | Mul | Pow | Apply | Sum | Largest | Delta | Indicator | Cases | Expectation
        | Derivative)
Condition = Compare | CompareIndex | And | Or | Not
Tree = Expr | Condition

LONGEST = 1 << 12                      # bits of a power that is worked out: 10^(10^9) stays as it is written
ZERO = Number(Fraction(0))
ONE = Number(Fraction(1))


def number(value: int | Fraction) -> Number:
    """A constant."""
    return Number(Fraction(value))


def forms(expr: Tree) -> tuple[Affine, ...]:
    """The integer forms that stand in the node itself, in reading order."""
    match expr:
        case Integer(form):
            return (form,)
        case Entry(_, at):
            return at
        case Sum(_, low, high, _) | Largest(_, low, high, _):
            return (low, high)
        case Delta(left, right) | CompareIndex(_, left, right):
            return (left, right)
        case _:
            return ()


def children(expr: Tree) -> tuple[Tree, ...]:
    """The direct parts, in reading order."""
    match expr:
        case Entry() | Number() | Integer():            # most of a tree, and the matching goes from top to bottom
            return ()
        case Add(parts) | Mul(parts) | Apply(_, parts) | And(parts) | Or(parts):
            return parts
        case Pow(base, exponent):
            return (base, exponent)
        case Sum(_, _, _, body) | Largest(_, _, _, body):
            return (body,)
        case Indicator(part) | Not(part):
            return (part,)
        case Compare(_, left, right) | Derivative(left, right, _):
            return (left, right)
        case Expectation(_, mean, body):
            return (mean, body)
        case Cases(branches, otherwise):
            flat = tuple(part for branch in branches for part in branch)
            return flat if otherwise is None else (*flat, otherwise)
        case _:
            return ()


def rebuild(node: Tree, part: Callable[[Any], Any], form: Callable[[Affine], Affine] = lambda f: f) -> Any:
    """The same kind of node, every direct part and integer form mapped; the same object if nothing changed."""
    new: Tree
    match node:
        case Number():
            return node
        case Integer(value):
            new = Integer(form(value))
        case Entry(tensor, at):
            new = Entry(tensor, tuple(map(form, at)))
        case Add(parts):
            new = Add(tuple(map(part, parts)))
        case Mul(parts):
            new = Mul(tuple(map(part, parts)))
        case Apply(function, parts):
            new = Apply(function, tuple(map(part, parts)))
        case Pow(base, exponent):
            new = Pow(part(base), part(exponent))
        case Sum(index, low, high, body):
            new = Sum(index, form(low), form(high), part(body))
        case Largest(index, low, high, body):
            new = Largest(index, form(low), form(high), part(body))
        case Delta(left, right):
            new = Delta(form(left), form(right))
        case Indicator(condition):
            new = Indicator(part(condition))
        case Cases(branches, otherwise):
            new = Cases(tuple((part(value), part(condition)) for value, condition in branches),
                        None if otherwise is None else part(otherwise))
        case Expectation(tensor, mean, body):
            new = Expectation(tensor, part(mean), part(body))
        case Derivative(of, by, kind):
            new = Derivative(part(of), part(by), kind)
        case Compare(op, a, b):
            new = Compare(op, part(a), part(b))
        case CompareIndex(relation, low, high):
            new = CompareIndex(relation, form(low), form(high))
        case And(conditions):
            new = And(tuple(map(part, conditions)))
        case Or(conditions):
            new = Or(tuple(map(part, conditions)))
        case Not(condition):
            new = Not(part(condition))
    same = all(a is b for a, b in zip((*children(new), *forms(new)), (*children(node), *forms(node)), strict=True))
    return node if same else new


def walk(node: Tree) -> Iterator[Tree]:
    """The node and all its parts, in reading order, without recursion (input may be deep)."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(children(top)))


def names_in(node: Tree) -> frozenset[str]:
    """The sizes and indices that are free in it."""
    return frozenset(_names(node))


def _names(node: Tree) -> set[str]:
    found: set[str] = set()
    for part in children(node):
        found |= _names(part)
    if isinstance(node, Sum | Largest):
        found.discard(node.index)
    for form in forms(node):
        found |= form.names
    return found


def tensors_in(node: Tree) -> frozenset[str]:
    """The tensors that are read in it."""
    return frozenset(n.tensor for n in walk(node) if isinstance(n, Entry))


def fresh(name: str, taken: frozenset[str] | set[str]) -> str:
    """`name`, or the first of name', name'', ... that is not taken."""
    return next(candidate for k in count() if (candidate := name + "'" * k) not in taken)


def reindex(node: Any, values: Mapping[str, Affine]) -> Any:
    """Free indices and sizes replaced at once; a bound index that would capture one is renamed."""
    if not values:
        return node
    if isinstance(node, Sum | Largest):
        inner = {name: form for name, form in values.items() if name != node.index}
        low, high = node.low.substitute(values), node.high.substitute(values)
        incoming = frozenset[str]().union(*(form.names for form in inner.values()))
        index = node.index
        if index in incoming and not names_in(node.body).isdisjoint(inner):
            index = fresh(index, incoming | names_in(node.body))
            inner = {**inner, node.index: symbol(index)}
        return type(node)(index, low, high, reindex(node.body, inner))
    return rebuild(node, lambda part: reindex(part, values), lambda form: form.substitute(values))


def replace_entries(node: Any, value: Callable[[Entry], Expr]) -> Any:
    """Every entry replaced by `value(entry)`, whose free names must be those of the entry's subscripts or sizes."""
    if isinstance(node, Entry):
        return value(node)
    return rebuild(node, lambda part: replace_entries(part, value))


def add(*terms: Expr) -> Expr:
    """Their sum, flat, without zeros, constants collected."""
    constant = Fraction(0)
    rest: list[Expr] = []
    for term in terms:
        for part in term.terms if isinstance(term, Add) else (term,):
            if isinstance(part, Number):
                constant += part.value
            else:
                rest.append(part)
    if constant or not rest:
        rest.append(Number(constant))
    return rest[0] if len(rest) == 1 else Add(tuple(rest))


def mul(*factors: Expr) -> Expr:
    """Their product, flat, the constant first; 0 absorbs, but for what stands beside it on purpose (`times`)."""
    constant = Fraction(1)
    rest: list[Expr] = []
    for factor in factors:
        for part in factor.factors if isinstance(factor, Mul) else (factor,):
            if isinstance(part, Number):
                constant *= part.value
            else:
                rest.append(part)
    if not constant:
        kept = [part for one in factors if isinstance(one, Mul) and one.factors[0] == ZERO for part in one.factors[1:]]
        return Mul((ZERO, *kept)) if kept else ZERO
    if constant != 1 or not rest:
        rest.insert(0, Number(constant))
    return rest[0] if len(rest) == 1 else Mul(tuple(rest))


def times(left: Expr, right: Expr) -> Expr:
    """left * right as somebody wrote it: 0 * log(-1) has no value, and is not 0."""
    found = mul(left, right)
    if found != ZERO:
        return found
    parts = [part for side in (left, right) for part in (side.factors if isinstance(side, Mul) else (side,))]
    kept = [part for part in parts if not all(map(_has_value, walk(part)))]
    return Mul((ZERO, *kept)) if kept else ZERO


def _has_value(node: Tree) -> bool:
    """Whether there is a value wherever the parts have one."""
    match node:
        case Pow(Integer(form), Number()):
            return form.bare is not None            # a size, which is at least 1
        case Pow(_, Number(exponent)):
            return exponent.denominator == 1 and exponent >= 0
        case Pow() | Cases(_, None) | Apply("log"):
            return False
        case _:
            return True


def power(base: Expr, exponent: Expr | int | Fraction) -> Expr:
    """base ** exponent, with x^1 = x and x^0 = 1."""
    exponent = number(exponent) if isinstance(exponent, int | Fraction) else exponent
    if exponent == ONE:
        return base
    if exponent == ZERO or base == ONE:
        return ONE
    if isinstance(base, Number) and isinstance(exponent, Number) and exponent.value.denominator == 1 and base.value:
        n, bits = exponent.value.numerator, max(map(int.bit_length, base.value.as_integer_ratio()))
        if abs(n) * bits <= LONGEST:
            return Number(base.value ** n)
    return Pow(base, exponent)


def negate(expr: Expr) -> Expr:
    """-expr."""
    return mul(number(-1), expr)


def subtract(left: Expr, right: Expr) -> Expr:
    """left - right."""
    return add(left, negate(right))


def divide(left: Expr, right: Expr) -> Expr:
    """left / right, as somebody wrote it: 0 / 0 has no value."""
    return times(left, power(right, -1))
