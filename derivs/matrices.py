r"""The nouns of a matrix formula: whole tensors, transposes, products; and what each is, entry by entry.

A number has no axes; a vector stands in a column, its transpose in a row (who writes rows prints them so, see
`derivs.matrix_layout`). `entry_form` is the definition of every noun in index notation, so that a matrix formula is
proved like any other; it does not know how the formula was found (`derivs.matrix_forms`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final, Literal

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.errors import Mismatch
from derivs.expr import (
    And,
    Apply,
    Compare,
    CompareIndex,
    Delta,
    Derivative,
    Entry,
    Expr,
    Indicator,
    Sum,
    add,
    divide,
    fresh,
    mul,
    names_in,
    reindex,
)
from derivs.problem import Claim, Given, Problem


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, in index notation."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Whole:
    """`W`, or `W_{f,c}`: a tensor whose first subscripts are fixed; at most two axes are left open."""

    tensor: str
    at: tuple[Affine, ...] = ()


@dataclass(frozen=True, slots=True)
class Quotient:
    """`∂L/∂W`, of a number, has the shape of W; `∂y/∂x`, of a vector, a row for every entry of y."""

    of: Whole
    by: Whole
    kind: Literal["total", "local"] = "total"


@dataclass(frozen=True, slots=True)
class Filled:
    """`1`, or `μ 1`: every entry is the number. An axis that is None is not there."""

    number: Matrix
    rows: Affine | None
    columns: Affine | None


@dataclass(frozen=True, slots=True)
class Identity:
    """`I`."""

    size: Affine


@dataclass(frozen=True, slots=True)
class Transposed:
    """`A^T`."""

    body: Matrix


@dataclass(frozen=True, slots=True)
class Product:
    """`A B x`: each factor has as many rows as the one before it has columns."""

    factors: tuple[Matrix, ...]


@dataclass(frozen=True, slots=True)
class Hadamard:
    """`A ⊙ B`: entry by entry."""

    factors: tuple[Matrix, ...]


@dataclass(frozen=True, slots=True)
class Divided:
    """`A ⊘ B`: entry by entry."""

    over: Matrix
    under: Matrix


@dataclass(frozen=True, slots=True)
class Plus:
    """`A + B`."""

    terms: tuple[Matrix, ...]


@dataclass(frozen=True, slots=True)
class Scaled:
    """`c A`."""

    number: Matrix
    body: Matrix


@dataclass(frozen=True, slots=True)
class Diagonal:
    """`diag(x)`."""

    vector: Matrix


@dataclass(frozen=True, slots=True)
class Applied:
    """`σ(A)`: a function of `derivs.rules.functions`, entry by entry; an argument may be a number."""

    function: str
    arguments: tuple[Matrix, ...]


@dataclass(frozen=True, slots=True)
class Indicated:
    """`1[A > 0]`, entry by entry."""

    op: Literal["<", "<=", "=", "!="]
    left: Matrix
    right: Matrix


@dataclass(frozen=True, slots=True)
class Over:
    """`sum_n A_n`: over index = 1 .. high, which stands among fixed subscripts."""

    index: str
    high: Affine
    body: Matrix


@dataclass(frozen=True, slots=True)
class Operator:
    """A row of `OPERATORS`: on every axis, i being the place in the result and u the one that is summed over.

    (A * B)_i = sum_u A_left B_right, u over the places of the operand `over`; the other operand is zero outside.
    length: of the result, for operands of lengths a and b.
    """

    name: str
    left: Affine
    right: Affine
    over: Literal["left", "right"]
    length: Affine


@dataclass(frozen=True, slots=True)
class Convolved:
    """`A *_full B`, for vectors or matrices."""

    operator: Operator
    left: Matrix
    right: Matrix


Matrix = (Scalar | Whole | Quotient | Filled | Identity | Transposed | Product | Hadamard | Divided | Plus | Scaled
          | Diagonal | Applied | Indicated | Over | Convolved)
Shape = tuple[Affine | None, Affine | None]               # rows and columns; None: there is no such axis

_i, _u, _a, _b = map(symbol, "iuab")
FULL: Final = Operator("full", _u, _i - _u + 1, "left", _a + _b - 1)
FILT: Final = Operator("filt", _i + _u - 1, _u, "right", _a - _b + 1)
OPERATORS: Final = (FULL, FILT)


@dataclass(frozen=True, slots=True)
class Equation:
    """left = right, its entry at `row` and `column` being the claim that it was made from."""

    left: Matrix
    right: Matrix
    row: str | None = None
    column: str | None = None
    given: tuple[Given, ...] = ()


# ---- shapes ----------------------------------------------------------------------------------------------------------

def shape(problem: Problem, matrix: Matrix) -> Shape:
    """Rows and columns. Raises Mismatch for what does not fit."""
    match matrix:
        case Scalar():
            return None, None
        case Whole(tensor, at):
            axes = problem.tensors[tensor].shape[len(at):]
            if len(axes) > 2:
                raise Mismatch(f"{tensor} with {len(axes)} open axes")
            return (*axes, None, None)[:2]                # type: ignore[return-value]
        case Quotient(of, by, _):
            return _of_quotient(shape(problem, of), shape(problem, by))
        case Filled(_, rows, columns):
            return rows, columns
        case Identity(size):
            return size, size
        case Transposed(body):
            rows, columns = shape(problem, body)
            return columns, rows
        case Product(factors):
            return reduce(_of_product, (shape(problem, factor) for factor in factors))
        case Hadamard(parts) | Plus(parts):
            return reduce(_same, (shape(problem, part) for part in parts))
        case Divided(over, under):
            return _same(shape(problem, over), shape(problem, under))
        case Scaled(number, body):
            if shape(problem, number) != (None, None):
                raise Mismatch("what stands before a matrix is not a number")
            return shape(problem, body)
        case Diagonal(vector):
            rows, columns = shape(problem, vector)
            if rows is None or columns is not None:
                raise Mismatch("the diagonal of what is not a vector")
            return rows, rows
        case Applied(_, arguments):
            return _of_entries([shape(problem, argument) for argument in arguments])
        case Indicated(_, left, right):
            return _of_entries([shape(problem, left), shape(problem, right)])
        case Over(_, _, body):
            return shape(problem, body)
        case Convolved(operator, left, right):
            a, b = shape(problem, left), shape(problem, right)
            if (a[0] is None, a[1] is None) != (b[0] is None, b[1] is None):
                raise Mismatch("an operator between a vector and a matrix")
            return _length(operator, a[0], b[0]), _length(operator, a[1], b[1])


def _of_quotient(of: Shape, by: Shape) -> Shape:
    if of == (None, None):
        return by
    if by == (None, None):
        return of
    if of[1] is not None or by[1] is not None:
        raise Mismatch("a derivative with more than two axes")
    return of[0], by[0]


def _of_product(left: Shape, right: Shape) -> Shape:
    if left[1] is not right[0]:
        raise Mismatch(f"a product of {left[1]} columns with {right[0]} rows")
    return left[0], right[1]


def _same(left: Shape, right: Shape) -> Shape:
    if left != right:
        raise Mismatch(f"{left} does not fit {right}")
    return left


def _of_entries(shapes: list[Shape]) -> Shape:
    return reduce(_same, [one for one in shapes if one != (None, None)] or [(None, None)])


def _length(operator: Operator, a: Affine | None, b: Affine | None) -> Affine | None:
    return None if a is None or b is None else operator.length.substitute({"a": a, "b": b})


# ---- entry by entry --------------------------------------------------------------------------------------------------

ROW, COLUMN = "row ", "column "          # no index is called so: they give way to what the caller asks for


def entry_form(problem: Problem, matrix: Matrix, row: Affine | None = None, column: Affine | None = None) -> Expr:
    """The entry of a matrix formula in index notation; no row and column for a number. Raises Mismatch."""
    rows, columns = shape(problem, matrix)
    if (rows is None) != (row is None) or (columns is None) != (column is None):
        raise Mismatch(f"a subscript too many or too few for {rows} by {columns}")
    generic = _entry(problem, matrix, None if row is None else symbol(ROW), None if column is None else symbol(COLUMN))
    values = {name: form for name, form in ((ROW, row), (COLUMN, column)) if form is not None}
    return reindex(generic, values)                       # type: ignore[no-any-return]


def entry_claim(problem: Problem, equation: Equation) -> Claim:
    """What a matrix equation says of its entries. Raises Mismatch."""
    _same(shape(problem, equation.left), shape(problem, equation.right))
    at = [None if name is None else symbol(name) for name in (equation.row, equation.column)]
    return Claim(entry_form(problem, equation.left, *at), entry_form(problem, equation.right, *at), equation.given)


def _entry(problem: Problem, matrix: Matrix, i: Affine | None, j: Affine | None) -> Expr:
    """The entry at i and j, each of them there where the axis is."""
    match matrix:
        case Scalar(value):
            return value
        case Whole(tensor, at):
            return Entry(tensor, (*at, *_there(i, j)))
        case Quotient(of, by, kind):
            above, below = _there(i, j), _there(i, j)
            if shape(problem, of) == (None, None):
                above = ()
            elif shape(problem, by) == (None, None):
                below = ()
            else:
                above, below = _there(i), _there(j)
            return Derivative(Entry(of.tensor, (*of.at, *above)), Entry(by.tensor, (*by.at, *below)), kind)
        case Filled(number, _, _):
            return _entry(problem, number, None, None)
        case Identity():
            return Delta(*_there(i, j))
        case Transposed(body):
            return _entry(problem, body, j, i)
        case Product((only,)):
            return _entry(problem, only, i, j)
        case Product((*firsts, last)):
            return _contracted(problem, Product(tuple(firsts)), last, i, j)
        case Hadamard(factors):
            return mul(*(_entry(problem, factor, i, j) for factor in factors))
        case Divided(over, under):
            return divide(_entry(problem, over, i, j), _entry(problem, under, i, j))
        case Plus(terms):
            return add(*(_entry(problem, term, i, j) for term in terms))
        case Scaled(number, body):
            return mul(_entry(problem, number, None, None), _entry(problem, body, i, j))
        case Diagonal(vector):
            return mul(Delta(*_there(i, j)), _entry(problem, vector, i, None))
        case Applied(function, arguments):
            return Apply(function, tuple(_part(problem, argument, i, j) for argument in arguments))
        case Indicated(op, left, right):
            return Indicator(Compare(op, _part(problem, left, i, j), _part(problem, right, i, j)))
        case Over(index, high, body):
            return Sum(index, FIRST, high, _entry(problem, body, i, j))
        case Convolved(operator, left, right):
            return _convolved(problem, operator, left, right, (i, j))
        case Product():
            raise Mismatch("an empty product")


def _there(*at: Affine | None) -> tuple[Affine, ...]:
    return tuple(form for form in at if form is not None)


def _part(problem: Problem, matrix: Matrix, i: Affine | None, j: Affine | None) -> Expr:
    """The entry, or the number, which is the same for all entries."""
    if shape(problem, matrix) == (None, None):
        return _entry(problem, matrix, None, None)
    return _entry(problem, matrix, i, j)


def _contracted(problem: Problem, left: Matrix, right: Matrix, i: Affine | None, j: Affine | None) -> Expr:
    """sum_k left_ik right_kj; with no axis between them it is left_i right_j."""
    between = shape(problem, left)[1]
    if between is None:
        return mul(_entry(problem, left, i, None), _entry(problem, right, None, j))
    k = fresh("k", _taken(problem, Product((left, right)), i, j))
    body = mul(_entry(problem, left, i, symbol(k)), _entry(problem, right, symbol(k), j))
    return Sum(k, FIRST, between, body)


def _convolved(problem: Problem, operator: Operator, left: Matrix, right: Matrix, at: Shape) -> Expr:
    """sum_u left_(..) right_(..) by the operator's row; what stands outside its matrix is zero."""
    sides: Mapping[str, Matrix] = {"left": left, "right": right}
    over, other = operator.over, "right" if operator.over == "left" else "left"
    taken: set[str] = set(_taken(problem, Product((left, right)), *at))
    places: dict[str, list[Affine | None]] = {"left": [], "right": []}
    sums: list[tuple[str, Affine]] = []
    guards: list[CompareIndex] = []
    for axis, here in enumerate(at):
        size, limit = shape(problem, sides[over])[axis], shape(problem, sides[other])[axis]
        if here is None or size is None or limit is None:
            places["left"].append(None)
            places["right"].append(None)
            continue
        u = fresh("uv"[axis], taken)
        taken.add(u)
        for side, rule in (("left", operator.left), ("right", operator.right)):
            places[side].append(rule.substitute({"i": here, "u": symbol(u)}))
        sums.append((u, size))
        moved = places[other][-1]
        assert moved is not None
        if operator is FULL:                   # the others never leave it
            guards += [CompareIndex("<=", FIRST, moved), CompareIndex("<=", moved, limit)]
    body = mul(_entry(problem, left, *places["left"]), _entry(problem, right, *places["right"]))
    if guards and not _is_zero_outside(problem, sides[other]):
        body = mul(Indicator(And(tuple(guards))), body)
    for u, size in reversed(sums):
        body = Sum(u, FIRST, size, body)
    return body


def _is_zero_outside(problem: Problem, matrix: Matrix) -> bool:
    return isinstance(matrix, Whole) and problem.tensors[matrix.tensor].zero_outside


def _taken(problem: Problem, matrix: Matrix, *at: Affine | None) -> frozenset[str]:
    """The sizes and indices that a sum must not be called by."""
    return frozenset(problem.sizes).union(*(form.names for form in _there(*at)), *map(_names, walk(matrix)))


def _names(matrix: Matrix) -> frozenset[str]:
    match matrix:
        case Scalar(value):
            return names_in(value)
        case Whole(_, at):
            return frozenset().union(*(form.names for form in at))
        case Over(index, high, _):
            return high.names | {index}
        case _:
            return frozenset()


def parts(matrix: Matrix) -> tuple[Matrix, ...]:
    """The direct parts."""
    match matrix:
        case Quotient(of, by, _):
            return of, by
        case Filled(part, _, _) | Transposed(part) | Diagonal(part) | Over(_, _, part):
            return (part,)
        case Product(inside) | Hadamard(inside) | Plus(inside) | Applied(_, inside):
            return inside
        case Divided(left, right) | Scaled(left, right) | Indicated(_, left, right) | Convolved(_, left, right):
            return left, right
        case _:
            return ()


def walk(matrix: Matrix) -> Iterator[Matrix]:
    """The formula and all its parts, in reading order."""
    yield matrix
    for part in parts(matrix):
        yield from walk(part)


# ---- transposes ------------------------------------------------------------------------------------------------------

def transpose(matrix: Matrix) -> Matrix:
    """A^T, as people write it: (A B)^T = B^T A^T, (A^T)^T = A."""
    match matrix:
        case Transposed(body):
            return body
        case Scalar() | Identity() | Diagonal():
            return matrix
        case Filled(number, rows, columns):
            return Filled(number, columns, rows)
        case Product(factors):
            return Product(tuple(map(transpose, reversed(factors))))
        case Hadamard(factors):
            return Hadamard(tuple(map(transpose, factors)))
        case Plus(terms):
            return Plus(tuple(map(transpose, terms)))
        case Divided(over, under):
            return Divided(transpose(over), transpose(under))
        case Scaled(number, body):
            return Scaled(number, transpose(body))
        case Applied(function, arguments):
            return Applied(function, tuple(map(transpose, arguments)))
        case Indicated(op, left, right):
            return Indicated(op, transpose(left), transpose(right))
        case Over(index, high, body):
            return Over(index, high, transpose(body))
        case _:
            return Transposed(matrix)
