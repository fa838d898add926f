r"""From a claim in index notation to the matrix form that a good book prints: `g_i x_j` is `g x^T`, if there is one.

A product under sums is a graph: its indices are the corners, a matrix is an edge between two of them, a vector hangs on
one. A summed corner goes away by a matrix product, what is left stands between the free indices. What does not come out
so, such as a window of K entries or a stride, has no matrix form here. Nothing rests on how a form was found: it is
proved by its entries (`derivs.matrices.entry_claim`) before anybody prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.errors import Mismatch
from derivs.expr import (
    ONE,
    Add,
    Apply,
    Cases,
    Compare,
    Delta,
    Derivative,
    Entry,
    Expr,
    Indicator,
    Integer,
    Mul,
    Number,
    Pow,
    Sum,
    Tree,
    add,
    fresh,
    mul,
    names_in,
    power,
    reindex,
    walk,
)
from derivs.matrices import (
    OPERATORS,
    Applied,
    Convolved,
    Diagonal,
    Divided,
    Equation,
    Filled,
    Hadamard,
    Identity,
    Indicated,
    Matrix,
    Operator,
    Over,
    Plus,
    Product,
    Quotient,
    Scalar,
    Scaled,
    Transposed,
    Whole,
    shape,
    transpose,
)
from derivs.matrices import walk as parts_of
from derivs.matrix_cost import cost, is_outer, is_unreadable
from derivs.problem import Claim, Problem, bar

MOST_OPENED = 2                        # brackets inside each other that are multiplied out


class NoForm(Exception):
    """There is no matrix form that one would print."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """The open indices, each over 1..size; all other names are fixed. brackets: that may still be multiplied out."""

    problem: Problem
    sizes: Mapping[str, Affine]
    brackets: int = MOST_OPENED

    def open(self, node: Tree) -> frozenset[str]:
        return frozenset(names_in(node) & self.sizes.keys())


@dataclass(frozen=True, slots=True)
class _Left:
    """A left side with the names of its rows and columns. is_line: one row of a matrix, the others being fixed."""

    side: Matrix
    row: str | None
    column: str | None
    is_line: bool


@dataclass(frozen=True, slots=True)
class _Binder:
    """sum over index = 1 .. high."""

    index: str
    high: Affine


@dataclass(slots=True)
class _Corner:
    """The vectors that hang on an index: multiplied, and divided by."""

    over: list[Matrix] = field(default_factory=list)
    under: list[Matrix] = field(default_factory=list)


# ---- claims ----------------------------------------------------------------------------------------------------------

def matrix_form(problem: Problem, claim: Claim) -> Equation | None:
    """The claim as an equation between whole matrices; None where there is none that one would print."""
    if any(isinstance(side, Affine) for given in claim.given for side in (given.left, given.right)):
        return None                                       # of some entries only
    for left in _left_sides(problem, claim.left):
        try:
            rows, columns = shape(problem, left.side)
            axes = ((left.row, rows), (left.column, columns))
            sizes = {name: size for name, size in axes if name is not None and size is not None}
            right = _form(_Scope(problem, sizes), claim.right, left.row, left.column)
            if shape(problem, right) == (rows, columns) and _is_worth_it(left, right):
                return Equation(left.side, right, left.row, left.column, claim.given)
        except (NoForm, Mismatch):
            continue
    return None


def _left_sides(problem: Problem, left: Expr) -> Iterator[_Left]:
    """The left side with its last two axes open, then with the last one."""
    entries = [node for node in walk(left) if isinstance(node, Entry)]
    names = [form.bare for entry in entries for form in entry.at]
    if None in names or len(set(names)) < len(names) or not set(names).isdisjoint(problem.sizes):
        return
    match left:
        case Entry():
            yield from (_left(whole, whole, at) for whole, at in _slices(left))
        case Derivative(Entry(loss, ()), by, kind):
            yield from (_left(Quotient(Whole(loss), whole, kind), whole, at) for whole, at in _slices(by))
        case Derivative(of, Entry(number, ()), kind):
            yield from (_left(Quotient(whole, Whole(number), kind), whole, at) for whole, at in _slices(of))
        case Derivative(Entry(above, (_,)), Entry(below, (_,)), kind):
            yield _Left(Quotient(Whole(above), Whole(below), kind), names[0], names[1], False)


def _slices(entry: Entry) -> Iterator[tuple[Whole, list[str | None]]]:
    for k in sorted({max(0, len(entry.at) - 2), max(0, len(entry.at) - 1)}):
        yield Whole(entry.tensor, entry.at[:k]), [form.bare for form in entry.at[k:]]


def _left(side: Matrix, whole: Whole, at: Sequence[str | None]) -> _Left:
    row, column = (*at, None, None)[:2]
    return _Left(side, row, column, bool(whole.at) and len(at) == 1)


def _is_worth_it(left: _Left, right: Matrix) -> bool:
    """Whether it says something in matrices, unlike a number in indices, and in a way that one would print."""
    parts = list(parts_of(right))
    if any(map(is_unreadable, parts)):
        return False
    if left.row is None:
        return any(isinstance(part, Product) for part in parts)
    return not left.is_line or any(map(_is_of_slices, parts))


def _is_of_slices(part: Matrix) -> bool:
    """An operator between slices, or a slice beside the one that is meant: h_{t-1}."""
    return isinstance(part, Convolved) or (isinstance(part, Whole) and any(form.bare is None for form in part.at))


# ---- expressions -----------------------------------------------------------------------------------------------------

def _form(s: _Scope, expr: Expr, row: str | None, column: str | None) -> Matrix:
    """The matrix whose entry at row and column is expr. Raises NoForm."""
    if row is None and column is not None:
        return transpose(_form(s, expr, column, None))
    wanted, seen = {row, column} - {None}, s.open(expr)
    if not seen <= wanted:
        raise NoForm
    if seen != wanted:
        return _spread(s, expr, row, column, seen)
    match expr:
        case Add(terms):
            return _plus([_form(s, term, row, column) for term in terms])
        case Mul() | Sum():
            return _of_product(s, expr, row, column)
        case _ if row is None:
            return Scalar(expr)
        case Entry(tensor, at):
            return _slice(s, tensor, at, row, column)
        case Derivative(Entry() as of, Entry() as by, kind):
            return _quotient(s, of, by, kind, row, column)
        case Delta(left, right) if {left.bare, right.bare} == wanted and column is not None:
            if s.sizes[row] is not s.sizes[column]:
                raise NoForm
            return Identity(s.sizes[row])
        case Pow(base, Number(exponent)) if exponent in (2, 3):
            return Hadamard((_form(s, base, row, column),) * int(exponent))
        case Pow(base, Number(exponent)) if exponent in (-1, -2):
            under = _form(s, power(base, -exponent), row, column)
            return Divided(_filled(s, Scalar(ONE), row, column), under)
        case Apply(function, arguments):
            return Applied(function, tuple(_argument(s, argument, row, column) for argument in arguments))
        case Indicator(Compare(op, left, right)):
            return Indicated(op, _argument(s, left, row, column), _argument(s, right, row, column))
        case Cases(((value, Compare() as condition),), otherwise) if otherwise is not None:
            return _either(s, value, condition, otherwise, row, column)
        case _:
            raise NoForm


def _argument(s: _Scope, expr: Expr, row: str | None, column: str | None) -> Matrix:
    return _form(s, expr, row, column) if s.open(expr) else _form(s, expr, None, None)


def _spread(s: _Scope, expr: Expr, row: str | None, column: str | None, seen: frozenset[str]) -> Matrix:
    """What lacks an axis, with the vector of ones along it."""
    if not seen:
        return _filled(s, _form(s, expr, None, None), row, column)
    assert row is not None and column is not None
    name, = seen
    ones = _filled(s, Scalar(ONE), column if name == row else row, None)
    numbers, vector = _unscaled(_form(s, expr, name, None))
    return _scaled(numbers, _chain(vector, transpose(ones)) if name == row else _chain(ones, transpose(vector)))


def _filled(s: _Scope, number: Matrix, row: str | None, column: str | None) -> Matrix:
    if isinstance(number, Scaled):
        return Scaled(number.number, _filled(s, number.body, row, column))
    return Filled(number, s.sizes[row] if row else None, s.sizes[column] if column else None)


def _slice(s: _Scope, tensor: str, at: tuple[Affine, ...], row: str | None, column: str | None) -> Matrix:
    """The tensor with its first subscripts fixed, the others being the open indices, each over its whole axis."""
    count = 1 if column is None else 2
    fixed, last = at[:-count], [form.bare for form in at[-count:]]
    sizes = s.problem.tensors[tensor].shape[-count:]
    if any(not form.names.isdisjoint(s.sizes) for form in fixed) or len(set(last)) < count or any(
            name is None or s.sizes.get(name) is not size for name, size in zip(last, sizes, strict=True)):
        raise NoForm
    whole = Whole(tensor, fixed)
    return whole if last[0] == row else Transposed(whole)


def _quotient(s: _Scope, of: Entry, by: Entry, kind: Literal["total", "local"],
              row: str | None, column: str | None) -> Matrix:
    """∂L/∂x, ∂y/∂x of whole tensors."""
    if not s.open(of):
        found = _slice(s, by.tensor, by.at, row, column)
        inner, turned = (found.body, True) if isinstance(found, Transposed) else (found, False)
        assert isinstance(inner, Whole)
        quotient = Quotient(Whole(of.tensor, of.at), inner, kind)
        return Transposed(quotient) if turned else quotient
    if not s.open(by):
        found = _slice(s, of.tensor, of.at, row, column)
        if isinstance(found, Whole):
            return Quotient(found, Whole(by.tensor, by.at), kind)
    elif len(s.open(of)) == len(s.open(by)) == 1 and column is not None:
        above, = s.open(of)
        below, = s.open(by)
        first, second = _slice(s, of.tensor, of.at, above, None), _slice(s, by.tensor, by.at, below, None)
        assert isinstance(first, Whole) and isinstance(second, Whole)
        jacobian = Quotient(first, second, kind)                 
        return jacobian if above == row else Transposed(jacobian)
    raise NoForm


def _either(s: _Scope, value: Expr, condition: Compare, otherwise: Expr,
            row: str | None, column: str | None) -> Matrix:
    """value where the condition holds, else otherwise: 1[..] a + 1[not ..] b, what both have in common outside."""
    first, second = _factors(value), _factors(otherwise)
    common = [factor for factor in first if factor in second]
    for factor in common:
        first.remove(factor)
        second.remove(factor)
    holds, fails = Indicator(condition), Indicator(_opposite(condition))
    inner = add(mul(*first, holds), mul(*second, fails))
    return _form(s, Mul((*common, inner)) if common else inner, row, column)


def _opposite(condition: Compare) -> Compare:
    match condition:
        case Compare("<", left, right):
            return Compare("<=", right, left)
        case Compare("<=", left, right):
            return Compare("<", right, left)
        case Compare("=", left, right):
            return Compare("!=", left, right)
        case Compare(_, left, right):
            return Compare("=", left, right)


# ---- sums of matrices ------------------------------------------------------------------------------------------------

def _plus(terms: Sequence[Matrix]) -> Matrix:
    """Their sum; A x + B x is (A + B) x."""
    flat = [part for term in terms for part in (term.terms if isinstance(term, Plus) else (term,))]
    if len(flat) == 1:
        return flat[0]
    if all(isinstance(term, Product) for term in flat):
        ends = {term.factors[-1] for term in flat if isinstance(term, Product)}
        heads = [term.factors[:-1] for term in flat if isinstance(term, Product)]
        if len(ends) == 1 and all(len(head) == 1 for head in heads):
            return Product((Plus(tuple(head[0] for head in heads)), *ends))
    return Plus(tuple(flat))


# ---- products under sums ---------------------------------------------------------------------------------------------

def _of_product(s: _Scope, expr: Expr, row: str | None, column: str | None) -> Matrix:
    """A product under sums, as it is or with a bracket multiplied out, whichever is simpler."""
    binders, factors = _opened(s, expr)
    ways = () if factors == [expr] else (_contracted, _convolved, _over)           # a sum that does not begin at 1
    found: list[Matrix] = []
    for way in ways:
        try:
            found.append(way(s, binders, factors, row, column))
            break
        except (NoForm, Mismatch):
            continue
    if s.brackets and not (found and all(map(_is_plain, parts_of(found[0])))):
        inside = replace(s, brackets=s.brackets - 1)
        for numbers, opened in _multiplied_out(s, binders, factors):
            with suppress(NoForm, Mismatch):
                before = [_form(s, number, None, None) for number in numbers]
                found.append(_scaled(before, _form(inside, opened, row, column)))
    if found:
        return min(found, key=cost)
    if row is None:
        return Scalar(expr)
    raise NoForm


def _is_plain(part: Matrix) -> bool:
    """Whether nobody would multiply out to be rid of it."""
    return not (isinstance(part, Identity) or (isinstance(part, Product) and is_outer(part.factors))
                or is_unreadable(part))


def _factors(expr: Expr) -> list[Expr]:
    return [part for factor in expr.factors for part in _factors(factor)] if isinstance(expr, Mul) else [expr]


def _opened(s: _Scope, expr: Expr) -> tuple[tuple[_Binder, ...], list[Expr]]:
    """The sums around a product and in it, each with a letter of its own, and all factors."""
    taken = set(s.sizes) | set(s.problem.sizes) | names_in(expr)
    binders: list[_Binder] = []
    factors: list[Expr] = []

    def collect(part: Expr) -> None:
        match part:
            case Mul(inside):
                for factor in inside:
                    collect(factor)
            case Sum(index, low, high, body) if low is FIRST and high.names <= set(s.problem.sizes):
                own = fresh(index, taken)
                taken.add(own)
                binders.append(_Binder(own, high))
                collect(reindex(body, {index: symbol(own)}))
            case Pow(base, Number(exponent)) if exponent in (2, 3) and not isinstance(base, Add | Sum):
                for _ in range(int(exponent)):
                    collect(base)
            case _:
                factors.append(part)

    collect(expr)
    return tuple(binders), factors


def _multiplied_out(s: _Scope, binders: Sequence[_Binder], factors: Sequence[Expr]
                    ) -> Iterator[tuple[list[Expr], Expr]]:
    """The numbers in front and the sum that is left, for every bracket that may be multiplied out."""
    names = s.sizes.keys() | {binder.index for binder in binders}
    brackets = [k for k, factor in enumerate(factors) if isinstance(factor, Add) and names_in(factor) & names]
    numbers = [factor for factor in factors if not names_in(factor) & names]
    for k in brackets:
        bracket = factors[k]
        assert isinstance(bracket, Add)
        rest = [factor for n, factor in enumerate(factors) if n != k and names_in(factor) & names]
        yield numbers, add(*(_summed(binders, mul(*rest, term)) for term in bracket.terms))


def _summed(binders: Sequence[_Binder], body: Expr) -> Expr:
    for binder in reversed(binders):
        body = Sum(binder.index, FIRST, binder.high, body)
    return body


def _scaled(numbers: Sequence[Matrix], body: Matrix) -> Matrix:
    """c A, the numbers in index notation together, before those that are products of vectors."""
    flat = [part for one in (*numbers, body) for scales, rest in (_unscaled(one),) for part in (*scales, rest)]
    *before, body = flat
    plain = mul(*(number.value for number in flat if isinstance(number, Scalar)))
    others = [number for number in before if not isinstance(number, Scalar)]
    if isinstance(body, Scalar):
        if not others:
            return Scalar(plain)
        body = others.pop()
    for other in reversed(others):
        body = Scaled(other, body)
    return body if plain == ONE else Scaled(Scalar(plain), body)


def _contracted(s: _Scope, binders: Sequence[_Binder], factors: Sequence[Expr],
                row: str | None, column: str | None) -> Matrix:
    """The product as a chain of matrices from row to column. Raises NoForm."""
    binders, factors = _sifted(s, binders, factors)
    merged = _on_the_diagonal(s, binders, factors, row, column)
    if merged is not None:
        return merged
    inside = replace(s, sizes={**s.sizes, **{binder.index: binder.high for binder in binders}})
    numbers: list[Matrix] = []
    corners: dict[str, _Corner] = {name: _Corner() for name in inside.sizes}
    edges: dict[frozenset[str], list[tuple[Matrix, str]]] = {}
    for factor in factors:
        names = inside.open(factor)
        if not names:
            numbers.append(_form(inside, factor, None, None))
        elif len(names) == 1:
            name, = names
            numbers += _hang(inside, corners[name], factor, name)
        elif len(names) == 2:
            first, second = _ends(factor, names)
            scale, body = _unscaled(_form(inside, factor, first, second))
            numbers += scale
            edges.setdefault(names, []).append((body, first))
        else:
            raise NoForm
    left = [binder.index for binder in binders]
    while left:
        left.sort(key=lambda name: sum(name in ends for ends in edges))
        index = left.pop(0)
        numbers += _eliminated(inside, index, corners, edges)
    return _scaled(numbers, _assembled(inside, corners, edges, row, column))


def _ends(factor: Expr, names: frozenset[str]) -> tuple[str, str]:
    """The two indices, in the order in which they stand in it."""
    for node in walk(factor):
        if isinstance(node, Entry):
            order = [form.bare for form in node.at if form.bare in names]
            if len(order) == 2:
                return order[0], order[1]
    first, second = sorted(names)
    return first, second


def _hang(s: _Scope, corner: _Corner, factor: Expr, name: str) -> list[Matrix]:
    """A vector where it belongs, above or below; the number that stood before it is left."""
    if isinstance(factor, Pow) and isinstance(factor.exponent, Number) and factor.exponent.value in (-1, -2, -3):
        form = _form(s, factor.base, name, None)
        corner.under += [form] * -int(factor.exponent.value)
        return []
    numbers, form = _unscaled(_form(s, factor, name, None))
    corner.over += _flat(form)
    return numbers


def _flat(matrix: Matrix) -> list[Matrix]:
    return list(matrix.factors) if isinstance(matrix, Hadamard) else [matrix]


def _unscaled(matrix: Matrix) -> tuple[list[Matrix], Matrix]:
    """The numbers in front, and the rest."""
    numbers: list[Matrix] = []
    while isinstance(matrix, Scaled):
        numbers.append(matrix.number)
        matrix = matrix.body
    return numbers, matrix


def _sifted(s: _Scope, binders: Sequence[_Binder], factors: Sequence[Expr]
            ) -> tuple[tuple[_Binder, ...], list[Expr]]:
    """sum_k [k = i] a_k is a_i, where both run over the same range."""
    sizes = {**s.sizes, **{binder.index: binder.high for binder in binders}}
    for k, factor in enumerate(factors):
        if not isinstance(factor, Delta):
            continue
        if factor.left is factor.right:
            return _sifted(s, binders, [*factors[:k], *factors[k + 1:]])
        for bound, other in ((factor.left.bare, factor.right.bare), (factor.right.bare, factor.left.bare)):
            binder = next((one for one in binders if one.index == bound), None)
            if binder is not None and other not in (None, bound) and sizes.get(other) is binder.high:
                values = {binder.index: symbol(other)}
                rest = [reindex(part, values) for n, part in enumerate(factors) if n != k]
                return _sifted(s, tuple(one for one in binders if one is not binder), rest)
    return tuple(binders), list(factors)


def _on_the_diagonal(s: _Scope, binders: Sequence[_Binder], factors: Sequence[Expr],
                     row: str | None, column: str | None) -> Matrix | None:
    """[i = j] a_i is diag(a)."""
    delta = next((f for f in factors if isinstance(f, Delta) and {f.left.bare, f.right.bare} == {row, column}), None)
    if delta is None or row is None or column is None or s.sizes[row] is not s.sizes[column]:
        return None
    others = [factor for factor in factors if factor is not delta]
    rest = reindex(_summed(binders, mul(*others)), {column: symbol(row)})
    if not s.open(rest):
        return _scaled([_form(s, rest, None, None)], Identity(s.sizes[row]))
    numbers, vector = _unscaled(_form(s, rest, row, None))
    return _scaled(numbers, Diagonal(vector))


def _eliminated(s: _Scope, index: str, corners: dict[str, _Corner],
                edges: dict[frozenset[str], list[tuple[Matrix, str]]]) -> list[Matrix]:
    """The sum over an index done: by an inner product, a matrix times a vector, or a product of two matrices."""
    corner = corners.pop(index)
    at = [ends for ends in edges if index in ends]
    if len(at) > 2:
        raise NoForm
    if not at:
        if not corner.over and not corner.under:
            return [Scalar(Integer(s.sizes[index]))]
        number = _inner(s, index, corner)
        return [min(number, transpose(number), key=cost)]
    numbers: list[Matrix] = []
    if len(at) == 1:
        other, = at[0] - {index}
        matrix = _edge(edges.pop(at[0]), other)
        scale, vector = _unscaled(_hadamard(s, corner, index) or _filled(s, Scalar(ONE), index, None))
        corners[other].over.append(_chain(matrix, vector))
        return scale
    (first,), (second,) = (ends - {index} for ends in at)
    a, b = _edge(edges.pop(at[0]), first), _edge(edges.pop(at[1]), index)
    between = _hadamard(s, corner, index)
    middle = [] if between is None else [Diagonal(between)]
    edges.setdefault(frozenset({first, second}), []).append((_chain(a, *middle, b), first))
    return numbers


def _chain(*matrices: Matrix) -> Matrix:
    return Product(tuple(part for one in matrices for part in (one.factors if isinstance(one, Product) else (one,))))


def _edge(matrices: Sequence[tuple[Matrix, str]], row: str) -> Matrix:
    """The matrices between two indices, entry by entry, with the rows asked for."""
    there = [part for matrix, first in matrices for part in _flat(matrix if first == row else transpose(matrix))]
    back = [transpose(part) for part in there]
    return min(_times(there), transpose(_times(back)) if len(back) == 1 else Transposed(_times(back)), key=cost)


def _times(factors: Sequence[Matrix]) -> Matrix:
    """Entry by entry: the gradient first, then letters, then functions and brackets."""
    return factors[0] if len(factors) == 1 else Hadamard(tuple(sorted(factors, key=_place)))


def _place(factor: Matrix) -> int:
    inner = factor.body if isinstance(factor, Transposed) else factor
    if isinstance(inner, Whole | Quotient | Product):
        is_gradient = any(isinstance(part, Quotient) or (isinstance(part, Whole) and part.tensor.endswith(bar("")))
                          for part in parts_of(inner))
        return 0 if is_gradient else 1
    return 2


def _hadamard(s: _Scope, corner: _Corner, name: str) -> Matrix | None:
    """All vectors of an index, entry by entry."""
    over = _times(corner.over) if corner.over else None
    if not corner.under:
        return over
    return Divided(over or _filled(s, Scalar(ONE), name, None), _times(corner.under))


def _inner(s: _Scope, index: str, corner: _Corner) -> Matrix:
    """sum_k u_k v_k = u^T v, the simpler one transposed; sum_k u_k = 1^T u."""
    if len(corner.over) == 2 and not corner.under:
        ways = [_chain(transpose(u), v) for u, v in (corner.over, reversed(corner.over))]
        return min(ways, key=cost)
    if len(corner.over) > 2 and not corner.under:
        first = min(corner.over, key=lambda vector: cost(transpose(vector)))
        rest = list(corner.over)
        rest.remove(first)
        return _chain(transpose(first), _times(rest))
    if len(corner.over) == 2:
        u, v = corner.over
        return _chain(transpose(u), _hadamard(s, _Corner([v], corner.under), index) or v)
    vector = _hadamard(s, corner, index)
    assert vector is not None
    return _chain(transpose(_filled(s, Scalar(ONE), index, None)), vector)


def _assembled(s: _Scope, corners: Mapping[str, _Corner], edges: Mapping[frozenset[str], list[tuple[Matrix, str]]],
               row: str | None, column: str | None) -> Matrix:
    """What stands between row and column when every sum is done."""
    if row is None:
        return Scalar(ONE)
    first = _hadamard(s, corners[row], row)
    if column is None:
        return first or _filled(s, Scalar(ONE), row, None)
    second = _hadamard(s, corners[column], column)
    if matrices := edges.get(frozenset({row, column})):
        matrix = _edge(matrices, row)
        before = [] if first is None else [Diagonal(first)]
        after = [] if second is None else [Diagonal(second)]
        return _chain(*before, matrix, *after) if before or after else matrix
    ones = [_filled(s, Scalar(ONE), name, None) for name in (row, column)]
    return _chain(first or ones[0], transpose(second or ones[1]))


# ---- convolutions, and sums of matrices ------------------------------------------------------------------------------

def _convolved(s: _Scope, binders: Sequence[_Binder], factors: Sequence[Expr],
               row: str | None, column: str | None) -> Matrix:
    """Two entries whose last subscripts meet as in a row of OPERATORS. Raises NoForm."""
    if row is None:
        raise NoForm
    at = [name for name in (row, column) if name is not None]
    bound = {binder.index for binder in binders}
    entries = [factor for factor in factors if names_in(factor) & (bound | set(at))]
    numbers = [_form(s, factor, None, None) for factor in factors if factor not in entries]
    if not 1 <= len(entries) <= 2 or not all(isinstance(entry, Entry) for entry in entries):
        raise NoForm
    for operator in OPERATORS:
        for pair in ((*entries, None)[:2], (*entries, None)[:2][::-1]):
            found = _matched(s, operator, pair, binders, at)        # type: ignore[arg-type]
            if found is not None:
                return _scaled(numbers, found)
    raise NoForm


def _matched(s: _Scope, operator: Operator, pair: tuple[Entry | None, Entry | None], binders: Sequence[_Binder],
             at: Sequence[str]) -> Matrix | None:
    """left * right, summed over what the operator does not; an operand that is not there is a vector of ones."""
    left, right = pair
    highs = {binder.index: binder.high for binder in binders}
    used: list[str] = []
    for axis, name in enumerate(at):
        place = axis - len(at)
        over = left if operator.over == "left" else right
        others = [one for one in (left, right) if one is not None and one is not over]
        candidates = highs.keys() - set(used)
        if over is not None:
            if len(over.at) < len(at) or over.at[place].bare not in candidates:
                return None
            u = over.at[place].bare
            assert u is not None
            if s.problem.tensors[over.tensor].shape[place] is not highs[u]:
                return None
        else:
            shifted = [u for u in sorted(candidates) if others and len(others[0].at) >= len(at)
                       and u in others[0].at[place].names]
            if len(shifted) != 1:
                return None
            u = shifted[0]
        values = {"i": symbol(name), "u": symbol(u)}
        for entry, form in ((left, operator.left), (right, operator.right)):
            if entry is not None and (len(entry.at) < len(at) or entry.at[place] is not form.substitute(values)):
                return None
        used.append(u)
    moving = {*at, *used}
    for entry in (left, right):
        if entry is not None and any(not form.names.isdisjoint(moving) for form in entry.at[:len(entry.at) - len(at)]):
            return None
    sizes = [highs[u] for u in used]

    def operand(entry: Entry | None) -> Matrix:
        if entry is None:
            return Filled(Scalar(ONE), sizes[0], sizes[1] if len(sizes) == 2 else None)
        return Whole(entry.tensor, entry.at[:len(entry.at) - len(at)])

    found: Matrix = Convolved(operator, operand(left), operand(right))
    for binder in reversed([one for one in binders if one.index not in used]):
        found = Over(binder.index, binder.high, found)
    return found


def _over(s: _Scope, binders: Sequence[_Binder], factors: Sequence[Expr],
          row: str | None, column: str | None) -> Matrix:
    """A sum of products of slices: sum_n A_n B_n. Raises NoForm."""
    for k, binder in enumerate(binders):
        leads = [node for factor in factors for node in walk(factor) if isinstance(node, Entry) and len(node.at) > 2
                 and any(binder.index in form.names for form in node.at[:-2])]
        if leads:
            rest = _summed((*binders[:k], *binders[k + 1:]), mul(*factors))
            return Over(binder.index, binder.high, _form(s, rest, row, column))
    raise NoForm
