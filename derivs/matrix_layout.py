r"""From a matrix formula to boxes: `\frac{\partial L}{\partial W} = \frac{\partial L}{\partial y} x^\top`.

Side by side binds tighter than ⊙, ⊘ and the operators of convolutions, these tighter than + and -: brackets stand where
that is not enough, and around a product of several factors beside ⊙, where people write them. Vectors are columns; in
an exercise that writes them as rows (`rows`), what the nouns call a column is printed with its transpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.box import (
    BESIDE,
    DOT,
    EQUALS,
    MINUS,
    PLUS,
    THIN,
    Accent,
    Big,
    Box,
    Call,
    Digits,
    Fence,
    Fraction,
    Letter,
    Mark,
    Row,
    Scripts,
    Slash,
    Styled,
    Word,
)
from derivs.expr import ONE, Add, Cases, Expr, Integer, Largest, Mul, Number, Sum, fresh, negate
from derivs.layout import form_layout, layout, name_layout, range_layout
from derivs.lines import Line, equation
from derivs.matrices import (
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
    Shape,
    Transposed,
    Whole,
    parts,
    shape,
    transpose,
    walk,
)
from derivs.names import by_letters, listed, read
from derivs.problem import Problem, bar
from derivs.rules.functions import FUNCTIONS
from derivs.rules.opaque import MARK

TOP: Final = Letter("top")
SPACE: Final = Mark("space")
BOLD_ONE: Final = Styled("bf", Digits("1"))
MIRROR: Final = {"<": ">", "<=": ">="}
Level = Literal["atom", "product", "loose", "sum"]        # what may stand around it without brackets


@dataclass(frozen=True, slots=True)
class _Setting:
    problem: Problem
    rows: bool

    def shape(self, matrix: Matrix) -> Shape:
        return shape(self.problem, matrix)

    def is_turned(self, matrix: Matrix) -> bool:
        """Whether it is a vector that does not stand as this exercise writes its vectors."""
        rows, columns = self.shape(matrix)
        return (columns is None) != (rows is None) and (columns is None) == self.rows


@dataclass(frozen=True, slots=True)
class _Piece:
    """A box with what its neighbours must know. several: a product of more than one matrix."""

    box: Box
    level: Level = "atom"
    several: bool = False
    negative: bool = False               # a minus is to be written before it

    @property
    def plain(self) -> _Piece:
        """With its sign."""
        return _Piece(Row((MINUS, self.box)), "sum") if self.negative else self

    def fenced(self, *levels: Level) -> Box:
        """In brackets unless it is of one of the levels."""
        piece = self.plain
        return piece.box if piece.level in levels else Fence("(", piece.box)


# ---- what is printed -------------------------------------------------------------------------------------------------

def equation_layout(problem: Problem, found: Equation, *, rows: bool = False) -> Box:
    """left = right."""
    left, right = sides(problem, found, rows=rows)
    return Row((left, EQUALS, right))


def equation_lines(problem: Problem, found: Equation, limit: float, *, rows: bool = False) -> tuple[Line, ...]:
    """left = right over lines of about `limit` em, then a line for every operator in it."""
    left, right = sides(problem, found, rows=rows)
    return *equation(left, right, limit), *operator_lines(problem, found)


def sides(problem: Problem, found: Equation, *, rows: bool = False) -> tuple[Box, Box]:
    """The two sides; where vectors are rows, an equation between vectors is one between rows."""
    s = _Setting(problem, rows)
    turned = s.is_turned(found.left)
    left, right = (transpose(side) if turned else side for side in (found.left, found.right))
    return _piece(s, left).plain.box, _piece(s, right).plain.box


def matrix_layout(problem: Problem, matrix: Matrix, *, rows: bool = False) -> Box:
    """The boxes of a matrix formula."""
    return _piece(_Setting(problem, rows), matrix).plain.box


def operator_lines(problem: Problem, found: Equation) -> tuple[Line, ...]:
    """What each operator stands for, once: (A *_full B)_ij = sum_u sum_v A_uv B_{i-u+1,j-v+1}."""
    uses = {(node.operator, _summed_over(problem, node)) for node in walk(found.right) if isinstance(node, Convolved)}
    return tuple(_definition(problem, operator, sizes)
                 for operator, sizes in sorted(uses, key=lambda use: use[0].name))


def _summed_over(problem: Problem, node: Convolved) -> tuple[Affine, ...]:
    over = shape(problem, node.left if node.operator.over == "left" else node.right)
    return tuple(size for size in over if size is not None)


def _definition(problem: Problem, operator: Operator, sizes: Sequence[Affine]) -> Line:
    """The row of an operator on every axis, the sums over the operand that says how long they are."""
    taken = frozenset(problem.sizes)
    letters = [(fresh("i", taken), fresh("u", taken)), (fresh("j", taken), fresh("v", taken))][:len(sizes)]

    def at(name: Box, form: Affine) -> Box:
        places = [_place(problem, form.substitute({"i": symbol(i), "u": symbol(u)})) for i, u in letters]
        is_letters = all(isinstance(place, Letter) for place in places)
        return Scripts(name, Row(tuple(places)) if is_letters and len(places) > 1 else _flat(places))

    applied = Fence("(", Row((Letter("A"), SPACE, _sign(operator), SPACE, Letter("B"))))
    sums = [Big("sum", by_letters(u), *range_layout(FIRST, size, problem))
            for (_, u), size in zip(letters, sizes, strict=True)]
    body = (*sums, at(Letter("A"), operator.left), BESIDE, at(Letter("B"), operator.right))
    outside = "B" if operator.over == "left" else "A"
    said = (Word(f" ({outside} zero outside)", "prose"),) if operator.name == "full" else ()
    return Line(at(applied, symbol("i")), EQUALS, Row((*body, *said)))


# ---- pieces ----------------------------------------------------------------------------------------------------------

def _piece(s: _Setting, matrix: Matrix) -> _Piece:
    if isinstance(matrix, Plus | Hadamard | Divided | Applied | Indicated | Over | Convolved) and (
            s.is_turned(matrix) or _is_all_transposed(s, matrix)):
        return _Piece(_raised(_piece(s, transpose(matrix))))
    match matrix:
        case Scalar(value):
            return _number(s, value)
        case Whole() | Quotient():
            box = _whole(s, matrix)
            return _Piece(_raised(_Piece(box)) if s.is_turned(matrix) else box)
        case Transposed(body):
            if None in s.shape(body):                     # a vector: as it stands, or turned
                inner = _Piece(_whole(s, body)) if isinstance(body, Whole | Quotient) else _convolution(s, body)
                return _Piece(_raised(inner)) if s.is_turned(matrix) else inner
            return _Piece(_raised(_piece(s, body)))
        case Filled():
            return _filled(s, matrix)
        case Identity():
            return _Piece(Letter("I"))
        case Product(factors):
            return _product(s, factors)
        case Scaled(number, body):
            return _scaled(_piece(s, number), number, _piece(s, body))
        case Hadamard(factors):
            boxes = [_beside_a_sign(_piece(s, factor)) for factor in factors]
            return _Piece(_joined(boxes, Mark("odot")), "loose")
        case Divided(over, under):
            boxes = [_beside_a_sign(_piece(s, part)) for part in (over, under)]
            return _Piece(_joined(boxes, Mark("oslash")), "loose")
        case Plus(terms):
            return _plus(s, terms)
        case Diagonal(vector):
            inside = transpose(vector) if s.is_turned(vector) else vector
            return _Piece(Call(Word("diag"), Fence("(", _piece(s, inside).plain.box)))
        case Applied(function, arguments):
            return _Piece(_applied(function, [_piece(s, argument).plain.box for argument in arguments]))
        case Indicated(op, left, right):
            return _Piece(Row((BOLD_ONE, Fence("[", _comparison(s, op, left, right)))))
        case Over(index, high, body):
            sign = Big("sum", by_letters(index), *range_layout(FIRST, high, s.problem), True)
            return _Piece(Row((sign, _piece(s, body).fenced("atom", "product", "loose"))), "loose")
        case Convolved():
            return _convolution(s, matrix)


def _is_all_transposed(s: _Setting, matrix: Matrix) -> bool:
    """A^T + B^T, which is (A + B)^T."""
    return None not in s.shape(matrix) and isinstance(matrix, Plus | Hadamard | Divided) and all(
        isinstance(part, Transposed) for part in parts(matrix))


def _number(s: _Setting, value: Expr) -> _Piece:
    """A number in index notation, its sign apart."""
    negative = _is_negative(value)
    unsigned = negate(value) if negative else value
    box = layout(unsigned, s.problem)
    is_open = any(isinstance(factor, Sum | Largest | Cases) for factor in _factors(unsigned))
    is_sum = is_open or isinstance(unsigned, Add) or (isinstance(unsigned, Integer) and len(unsigned.form.terms) > 1)
    return _Piece(box, "sum" if is_sum else "product" if isinstance(box, Row | Slash) else "atom", negative=negative)


def _factors(value: Expr) -> tuple[Expr, ...]:
    return value.factors if isinstance(value, Mul) else (value,)


def _is_negative(value: Expr) -> bool:
    match value:
        case Number(constant):
            return constant < 0
        case Mul((Number(constant), *_)):
            return constant < 0
        case _:
            return False


def _whole(s: _Setting, matrix: Whole | Quotient) -> Box:
    """The name with the subscripts that are fixed; a cotangent as a derivative of the loss."""
    if isinstance(matrix, Quotient):
        return _fraction(_whole(s, matrix.of), _whole(s, matrix.by))
    tensor = s.problem.tensors[matrix.tensor]
    if tensor.role == "cotangent" and tensor.latex is None and tensor.name.endswith(bar("")):
        primal = Whole(tensor.name.removesuffix(bar("")), matrix.at)
        return _fraction(_name(s, s.problem.loss), _whole(s, primal))
    return _subscripted(s.problem, _name(s, matrix.tensor), matrix.at)


def _fraction(of: Box, by: Box) -> Box:
    return Fraction(Row((Letter("partial"), of)), Row((Letter("partial"), by)))


def _name(s: _Setting, tensor: str) -> Box:
    declared = s.problem.tensors.get(tensor)
    return by_letters(tensor) if declared is None else name_layout(declared)


def _place(problem: Problem, form: Affine) -> Box:
    """Where something stands, counted as the exercise counts."""
    return range_layout(form, form, problem)[0]


def _subscripted(problem: Problem, name: Box, at: Sequence[Affine]) -> Box:
    """X_{n,c}: subscripts with commas, after those that the name has."""
    if not at:
        return name
    below = [_place(problem, form) for form in at]
    match name:
        case Scripts(base, None, above):
            return Scripts(base, _flat(below), above)
        case Scripts(base, inside, above) if inside is not None:
            return Scripts(base, _flat([inside, *below]), above)
        case _:
            return Scripts(name, _flat(below))


def _flat(boxes: list[Box]) -> Box:
    row = listed(boxes)
    if not isinstance(row, Row):
        return row
    return Row(tuple(part for box in row.parts for part in (box.parts if isinstance(box, Row) else (box,))))


def _raised(piece: _Piece) -> Box:
    """A^T, in brackets unless A is a letter without a superscript."""
    match piece.box:
        case Letter() | Styled() | Word() | Accent() if not piece.negative:
            return Scripts(piece.box, above=TOP)
        case Scripts(base, below, None) if not piece.negative:
            return Scripts(base, below, TOP)
        case _:
            return Scripts(Fence("(", piece.plain.box), above=TOP)


def _filled(s: _Setting, matrix: Filled) -> _Piece:
    """c 1, for a vector of ones; c 1 1^T."""
    rows, columns = matrix.rows, matrix.columns
    if rows is not None and columns is not None:
        left, right = (_Piece(BOLD_ONE), _Piece(Scripts(BOLD_ONE, above=TOP)))
        ones = _Piece(Row((right.box, BESIDE, left.box) if s.rows else (left.box, BESIDE, right.box)), "product", True)
    else:
        ones = _Piece(Scripts(BOLD_ONE, above=TOP) if s.is_turned(matrix) else BOLD_ONE)
    if matrix.number == Scalar(ONE):
        return ones
    return _scaled(_piece(s, matrix.number), matrix.number, ones)


def _convolution(s: _Setting, matrix: Matrix) -> _Piece:
    """A *_full B; of vectors, however they stand."""
    if not isinstance(matrix, Convolved):
        return _piece(s, matrix)
    a, b = (_operand(s, side) for side in (matrix.left, matrix.right))
    return _Piece(Row((a, SPACE, _sign(matrix.operator), SPACE, b)), "loose")


def _operand(s: _Setting, matrix: Matrix) -> Box:
    """What stands beside an operator; a vector of ones says how many there are."""
    if isinstance(matrix, Filled) and matrix.columns is None and matrix.rows is not None:
        return Scripts(BOLD_ONE, form_layout(matrix.rows))
    return _whole(s, matrix) if isinstance(matrix, Whole) else _piece(s, matrix).fenced("atom")


def _beside_a_sign(piece: _Piece) -> Box:
    """A factor beside ⊙; a product of matrices in brackets, for the eye."""
    return Fence("(", piece.plain.box) if piece.several else piece.fenced("atom", "product")


def _joined(boxes: Sequence[Box], sign: Box) -> Box:
    row = [part for box in boxes for part in (sign, box)][1:]
    return Row(tuple(row))


def _product(s: _Setting, factors: Sequence[Matrix]) -> _Piece:
    """Factors side by side."""
    boxes = [_piece(s, factor).fenced("atom") for factor in factors]
    return _Piece(_beside(boxes), "product", len(boxes) > 1)


def _beside(boxes: Sequence[Box]) -> Box:
    row: list[Box] = []
    for box in boxes:
        if row:
            first = box.parts[0] if isinstance(box, Row) else box
            is_tight = isinstance(row[-1], Fraction) and isinstance(first, Fraction)
            row.append(DOT if isinstance(first, Digits) else THIN if is_tight else BESIDE)
        row += box.parts if isinstance(box, Row) else (box,)
    return row[0] if len(row) == 1 else Row(tuple(row))


def _scaled(piece: _Piece, number: Matrix, body: _Piece) -> _Piece:
    """c A, the sign apart."""
    negative = piece.negative != body.negative
    after = body.box if body.level in ("atom", "product", "loose") else Fence("(", body.box)
    level: Level = "loose" if body.level == "loose" else "product"
    if number == Scalar(Number(-ONE.value)):
        return _Piece(after, body.level if body.level != "sum" else "atom", body.several, negative)
    before = piece.box if piece.level in ("atom", "product") and isinstance(number, Scalar) else Fence("(", piece.box)
    return _Piece(_beside([before, after]), level, body.several, negative)


def _plus(s: _Setting, terms: Sequence[Matrix]) -> _Piece:
    """a - b + c: what has no sign first, and a number that is the same everywhere before it."""
    is_clear = not all(isinstance(term.body if isinstance(term, Scaled) else term, Filled) for term in terms)
    pieces = [_term(s, term) if is_clear else _piece(s, term) for term in terms]
    order = sorted(range(len(pieces)), key=lambda k: not (isinstance(terms[k], Filled) and not pieces[k].negative
                                                          and isinstance(pieces[k].box, Digits | Fraction)))
    pieces = [pieces[k] for k in order]
    first = next((k for k, piece in enumerate(pieces) if not piece.negative), 0)
    row: list[Box] = []
    for piece in (pieces[first], *pieces[:first], *pieces[first + 1:]):
        if row or piece.negative:
            row.append(MINUS if piece.negative else PLUS)
        row.append(piece.box if piece.level != "sum" else Fence("(", piece.box))
    return _Piece(Row(tuple(row)), "sum")


def _term(s: _Setting, term: Matrix) -> _Piece:
    """A term of a sum; of a number that is the same everywhere, the digits."""
    if isinstance(term, Filled) and isinstance(term.number, Scalar) and isinstance(term.number.value, Number):
        return _number(s, term.number.value)
    return _piece(s, term)


def _applied(function: str, arguments: Sequence[Box]) -> Box:
    """f(A)."""
    row = FUNCTIONS.get(function)
    name = read(row.latex) if row else by_letters(function.removeprefix(MARK))
    if function == "abs":
        return Fence("|", arguments[0])
    return Call(name, Fence("(", listed(list(arguments))))


def _comparison(s: _Setting, op: str, left: Matrix, right: Matrix) -> Box:
    a, b = (_piece(s, side).plain.box for side in (left, right))
    if isinstance(left, Scalar) and not isinstance(right, Scalar) and op in MIRROR:
        return Row((b, Mark(MIRROR[op]), a))
    return Row((a, Mark(op), b))


def _sign(operator: Operator) -> Box:
    return Scripts(Mark("*"), Word(operator.name, "name"))
