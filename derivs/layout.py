"""From a formula to boxes: where fractions, signs, roots and brackets stand, decided once for every printer.

Printing never changes meaning: only what is associative is written flat, only what commutes changes places (numbers
first and multiplied out, powers of e and sums last), and a bracket is left out only where the conventions make it
superfluous: a product binds tighter than + and -, a sum over an index like a product, up to the next + or -.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction as Rational
from functools import lru_cache, partial
from itertools import islice
from typing import Any, Literal

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
    Branches,
    Call,
    Digits,
    Fence,
    Fraction,
    Letter,
    Mark,
    Root,
    Row,
    Scripts,
    Slash,
    Styled,
    Word,
    is_tall,
    parts,
    width,
)
from derivs.expr import (
    ONE,
    Add,
    And,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Condition,
    Delta,
    Derivative,
    Entry,
    Expectation,
    Expr,
    Indicator,
    Integer,
    Largest,
    Mul,
    Not,
    Number,
    Or,
    Pow,
    Sum,
    Tree,
    rebuild,
    walk,
)
from derivs.names import by_letters, listed, read
from derivs.problem import Claim, Given, Problem, Tensor, bar
from derivs.rules.functions import FUNCTIONS
from derivs.rules.opaque import MARK

SHORT_EXPONENT = 9.0                   # em: a longer exponent of e is written exp(...)
WIDE_RANGE = 1.7                       # em: a sum sign with such a range needs room before the next one
FEW = 40                               # nodes: a larger exponent is not even tried
SHORT_SUM = 7.0                        # em: a longer sum stands beside a fraction, not on top of it

OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "!=", "!=": "="}
MIRROR = {"<": ">", "<=": ">="}


@dataclass(frozen=True, slots=True)
class _Setting:
    """Where a formula is printed. script: in an exponent or subscript, where fractions stand on one line."""

    problem: Problem
    script: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    """A box with what its neighbours must know about it.

    is_sum: several terms or a sign. is_open: it reaches to the right as far as the next + or -. is_loose: even a +
    after it could be read as part of it.
    """

    box: Box
    is_sum: bool = False
    is_open: bool = False
    is_loose: bool = False

    @property
    def factor(self) -> Box:
        """As a factor that others follow."""
        return Fence("(", self.box) if self.is_sum or self.is_open or isinstance(self.box, Slash) else self.box

    @property
    def last_factor(self) -> Box:
        """As the last of several factors."""
        return Fence("(", self.box) if self.is_sum or isinstance(self.box, Slash) else self.box

    @property
    def body(self) -> Box:
        """Under a sum sign, or after a sign."""
        return Fence("(", self.box) if self.is_sum else self.box

    @property
    def term(self) -> Box:
        """As a term that others follow."""
        return Fence("(", self.box) if self.is_sum or self.is_loose else self.box


# ---- what is printed -------------------------------------------------------------------------------------------------

def layout(expr: Tree, problem: Problem) -> Box:
    """The boxes of an expression or condition."""
    to = _Setting(problem)
    expr = _counted(expr, problem)
    if isinstance(expr, Compare | CompareIndex | And | Or | Not):
        return _condition(expr, to)
    return _piece(expr, to).box


def claim_layout(claim: Claim, problem: Problem) -> Box:
    """left = right."""
    return Row((layout(claim.left, problem), EQUALS, layout(claim.right, problem)))


def given_layout(given: Given, problem: Problem) -> Box:
    """A side condition."""
    if isinstance(given.left, Affine) and isinstance(given.right, Affine):
        return layout(CompareIndex(given.op, given.left, given.right), problem)

    def side(value: Affine | Expr) -> Box:
        return layout(Integer(value) if isinstance(value, Affine) else value, problem)

    return Row((side(given.left), Mark(given.op), side(given.right)))


def form_layout(form: Affine) -> Box:
    """An integer form, as in subscripts and bounds."""
    return _signed([(negative, _monomial(unsigned)) for negative, unsigned in _form_terms(form)])


def range_layout(low: Affine, high: Affine, problem: Problem) -> tuple[Box, Box]:
    """The ends of the range of an index, counted as the exercise counts."""
    return form_layout(_place_of(low, problem)), form_layout(_place_of(high, problem))


def name_layout(tensor: Tensor) -> Box:
    """The name of a tensor without subscripts."""
    return _read(tensor.latex) if tensor.latex else by_letters(tensor.name)


_read = lru_cache(maxsize=4096)(read)


# ---- expressions -----------------------------------------------------------------------------------------------------

def _piece(expr: Expr, to: _Setting) -> _Piece:
    match expr:
        case Number(value):
            if value < 0:
                return _Piece(Row((MINUS, _rational(-value, to))), is_sum=True)
            return _Piece(_rational(value, to))
        case Entry():
            return _Piece(_entry(expr, to.problem))
        case Add() | Integer():
            return _add(expr, to)
        case Mul() | Pow():
            negative, unsigned = _split_sign(expr)
            piece = _product(unsigned, to)
            return replace(piece, box=Row((MINUS, piece.body)), is_sum=True) if negative else piece
        case Apply(function, arguments):
            return _Piece(_apply(function, arguments, to))
        case Sum(index, low, high, body) | Largest(index, low, high, body):
            inner = _piece(body, to)
            kind: Literal["sum", "max"] = "sum" if isinstance(expr, Sum) else "max"
            whole = _is_whole(index, low, high, body, to.problem)
            sign = Big(kind, by_letters(index), form_layout(low), form_layout(high), whole)
            row = (sign, THIN, inner.body) if _needs_air(sign, inner.body) else (sign, inner.body)
            return _Piece(Row(row), is_open=True, is_loose=inner.is_loose or isinstance(expr, Largest))
        case Delta(left, right):
            return _Piece(Scripts(Letter("delta"), _subscripts((left, right))))
        case Indicator(condition):
            return _Piece(Row((Styled("bf", Digits("1")), Fence("[", _condition(condition, to)))))
        case Cases(branches, otherwise):
            rows = [(_piece(value, to).box, _condition(condition, to)) for value, condition in branches]
            last: list[tuple[Box, Box | None]] = [] if otherwise is None else [(_piece(otherwise, to).box, None)]
            return _Piece(Branches((*rows, *last)), is_open=True, is_loose=True)
        case Expectation(tensor, mean, body):
            law = Call(Word("Bernoulli"), Fence("(", _piece(mean, replace(to, script=True)).box))
            under = Row((_name(tensor, to.problem), Mark("sim"), law))
            return _Piece(Call(Scripts(Word("E"), under), Fence("[", _piece(body, to).box)))
        case Derivative(of, by, _):
            return _Piece(_partial(of, by, to.problem))


def _rational(value: Rational, to: _Setting) -> Box:
    over = Digits(str(value.numerator))
    if value.denominator == 1:
        return over
    return (Slash if to.script else Fraction)(over, Digits(str(value.denominator)))


def _entry(entry: Entry, problem: Problem) -> Box:
    """An entry with its subscripts; that of a cotangent as a derivative of the loss."""
    tensor = problem.tensors.get(entry.tensor)
    if tensor is not None and tensor.role == "cotangent" and entry.tensor.endswith(bar("")) and tensor.latex is None:
        return _partial(Entry(problem.loss), Entry(entry.tensor.removesuffix(bar("")), entry.at), problem)
    return _subscripted(_name(entry.tensor, problem), entry.at)


def _partial(of: Entry, by: Entry, problem: Problem) -> Box:
    round_d = Letter("partial")
    return Fraction(Row((round_d, _entry(of, problem))), Row((round_d, _entry(by, problem))))


def _name(tensor: str, problem: Problem) -> Box:
    declared = problem.tensors.get(tensor)
    return by_letters(tensor) if declared is None else name_layout(declared)


def _subscripted(name: Box, at: tuple[Affine, ...]) -> Box:
    """A name with subscripts after those that it has."""
    if not at:
        return name
    match name:
        case Row(inside) if inside:
            return Row((*inside[:-1], _subscripted(inside[-1], at)))
        case Scripts(base, None, above):
            return Scripts(base, _subscripts(at), above)
        case Scripts(base, below, above) if below is not None:
            return Scripts(base, _flat(listed([below, *map(form_layout, at)])), above)
        case _:
            return Scripts(name, _subscripts(at))


def _subscripts(at: tuple[Affine, ...]) -> Box:
    """ij where every subscript is one letter, i,j+1 otherwise."""
    boxes = list(map(form_layout, at))
    if all(isinstance(box, Letter) for box in boxes):
        return boxes[0] if len(boxes) == 1 else Row(tuple(boxes))
    return _flat(listed(boxes))


def _flat(box: Box) -> Box:
    """A row of rows as one row."""
    if not isinstance(box, Row):
        return box
    return Row(tuple(part for inner in box.parts for part in (inner.parts if isinstance(inner, Row) else (inner,))))


def _is_whole(index: str, low: Affine, high: Affine, body: Expr, problem: Problem) -> bool:
    """Whether the range is that of an axis of the body on which the index stands alone."""
    shift = 1 - problem.index_base
    if low.terms != (((), 1),)[shift:]:
        return False
    shapes = {name: tensor.shape for name, tensor in problem.tensors.items()}
    entries = [node for node in walk(body) if isinstance(node, Entry) and node.tensor in shapes]
    axes = (axis for entry in entries for axis in zip(entry.at, shapes[entry.tensor], strict=False))
    return {size for form, size in axes if form.bare == index} == {high + shift}


# ---- where indices begin ---------------------------------------------------------------------------------------------

def _counted(node: Any, problem: Problem) -> Any:
    """A formula in which 1 is the first index, in the letters of one that begins to count at `problem.index_base`.

    With base 0 the letter i stands for what is i + 1 here: x_{i+u-1} is printed as x_{i+u}, a sum over 1..n runs over
    0..n-1, and an index that is a number is i + 1.
    """
    if problem.index_base == 1:
        return node
    match node:
        case Integer(form):
            return Integer(_number_of(form, problem))
        case CompareIndex(_, left, right) if left.names | right.names <= frozenset(problem.sizes):
            return node
        case _:
            return rebuild(node, partial(_counted, problem=problem), partial(_place_of, problem=problem))


def _number_of(form: Affine, problem: Problem) -> Affine:
    """A form that is a number, in the letters that are printed."""
    shift = 1 - problem.index_base
    return form.substitute({name: symbol(name) + shift for name in form.names.difference(problem.sizes)})


def _place_of(form: Affine, problem: Problem) -> Affine:
    """A form that says where something stands, in the letters that are printed, and counted as they are."""
    return _number_of(form, problem) - (1 - problem.index_base)


# ---- signs and sums --------------------------------------------------------------------------------------------------

def _split_sign(expr: Expr) -> tuple[bool, Expr]:
    """(True, -expr) for a negative number or a product with an odd number of them, else (False, expr)."""
    match expr:
        case Number(value) if value < 0:
            return True, Number(-value)
        case Integer(form) if len(form.terms) == 1 and form.terms[0][1] < 0:
            return True, Integer(-form)
        case Mul():
            signs, unsigned = zip(*map(_split_sign, _factors(expr)), strict=True)
            return sum(signs) % 2 == 1, Mul(unsigned)
        case _:
            return False, expr


def _factors(expr: Expr) -> list[Expr]:
    """The factors of a product, flat; 1 for an empty one."""
    if not isinstance(expr, Mul):
        return [expr]
    return [factor for part in expr.factors for factor in _factors(part)] or [ONE]


def _terms(expr: Expr) -> list[tuple[bool, Expr]]:
    """The terms of a sum with their signs, flat."""
    match expr:
        case Add(inside):
            return [term for part in inside for term in _terms(part)] or [(False, Number(Rational(0)))]
        case Integer(form):
            return [(negative, Integer(unsigned)) for negative, unsigned in _form_terms(form)]
        case _:
            return [_split_sign(expr)]


def _form_terms(form: Affine) -> list[tuple[bool, Affine]]:
    """Positive terms first and the constant last, as people write i - u + 1; but 1 - m, not -m + 1."""
    terms = sorted(form.terms, key=lambda term: (not term[0], term[1] < 0, term[0]))
    if terms and terms[0][1] < 0 and terms[-1][1] > 0:
        terms.insert(0, terms.pop())
    return [(c < 0, Affine(((monomial, abs(c)),))) for monomial, c in terms] or [(False, form)]


def _monomial(form: Affine) -> Box:
    """c a b for c*a*b, c positive."""
    monomial, c = form.terms[0] if form.terms else ((), 0)
    number: list[Box] = [Digits(str(c))] if c != 1 or not monomial else []
    return _beside([*number, *map(by_letters, monomial)])


def _add(expr: Expr, to: _Setting) -> _Piece:
    terms = _terms(expr)
    if len(terms) == 1 and not terms[0][0]:
        unsigned = terms[0][1]
        return _Piece(_monomial(unsigned.form)) if isinstance(unsigned, Integer) else _piece(unsigned, to)
    terms = _in_order(terms)
    pieces = [(negative, _Piece(_monomial(term.form)) if isinstance(term, Integer) else _piece(term, to))
              for negative, term in terms]
    *firsts, (negative, last) = pieces
    box = _signed([*((sign, piece.term) for sign, piece in firsts), (negative, last.body)])
    return _Piece(box, is_sum=True, is_open=last.is_open, is_loose=last.is_loose)


def _in_order(terms: list[tuple[bool, Expr]]) -> list[tuple[bool, Expr]]:
    """1 - s for -s + 1, and 1 + e^x for e^x + 1: the constructor `add` puts constants last."""
    negative, last = terms[-1]
    if isinstance(last, Number) and not negative:
        first_negative, first = terms[0]
        if first_negative or any(isinstance(f, Apply) and f.function == "exp" for f in _factors(first)):
            return [terms[-1], *terms[:-1]]
    if terms[0][0]:
        first_positive = next((term for term in terms if not term[0]), None)
        if first_positive is not None:
            rest = list(terms)
            rest.remove(first_positive)
            return [first_positive, *rest]
    return terms


def _signed(terms: Iterable[tuple[bool, Box]]) -> Box:
    """a - b + c."""
    row: list[Box] = []
    for negative, box in terms:
        if row or negative:
            row.append(MINUS if negative else PLUS)
        row.append(box)
    return row[0] if len(row) == 1 else Row(tuple(row))


# ---- products, fractions and powers ----------------------------------------------------------------------------------

def _product(expr: Expr, to: _Setting) -> _Piece:
    """A product without a sign: its fraction first, then what is too tall or too long to stand in it."""
    constant, over, under = Rational(1), list[Expr](), list[Expr]()
    factors = _factors(expr)
    for factor in factors:
        exponent = _number(factor.exponent) if isinstance(factor, Pow) else None
        if isinstance(factor, Number):
            constant *= factor.value
        elif isinstance(factor, Pow) and exponent is not None and exponent < 0:
            under.append(factor.base if exponent == -1 else Pow(factor.base, Number(-exponent)))
        elif isinstance(factor, Pow) and exponent == 1:
            over.append(factor.base)
        else:
            over.append(factor)
    if len(factors) == 1 and not under and not isinstance(factors[0], Number):
        return _power(factors[0], to) if isinstance(factors[0], Pow) and over == factors else _piece(over[0], to)
    number = [_Piece(Digits(str(constant.numerator)))] if constant.numerator != 1 else []
    if constant.denominator != 1:
        under.insert(0, Number(Rational(constant.denominator)))
    numerator = [(factor, _piece(factor, to)) for factor in over]
    if not under:
        return _juxtapose([*number, *(piece for _, piece in numerator)] or [_piece(ONE, to)])
    above, beside = _who_stands_above(numerator, under)
    top = _juxtapose([*number, *above] or [_piece(ONE, to)])
    bottom = _juxtapose([_piece(factor, to) for factor in under])
    small = to.script and not beside and not is_tall(top.box) and _is_base(bottom.box, power=True)
    fraction = _Piece(Slash(top.factor, bottom.box) if small else Fraction(top.box, bottom.box))
    return _juxtapose([fraction, *beside])


def _who_stands_above(over: list[tuple[Expr, _Piece]], under: list[Expr]) -> tuple[list[_Piece], list[_Piece]]:
    """The factors that go on top of a fraction, and those that stand after it."""
    over_a_sum = any(isinstance(node, Sum | Largest) for factor in under for node in walk(factor))

    def fits(factor: Expr, box: Box) -> bool:
        if isinstance(factor, Sum):
            return over_a_sum and not _has(box, Fraction)
        return not isinstance(factor, Add | Indicator) and not is_tall(box)

    above = [piece for factor, piece in over if fits(factor, piece.box)]
    beside = [piece for factor, piece in over if not fits(factor, piece.box)]
    sums = [piece for factor, piece in over if isinstance(factor, Add)]
    if not above and len(sums) == 1 and width(sums[0].box) <= SHORT_SUM and not is_tall(sums[0].box):
        return sums, [piece for piece in beside if piece is not sums[0]]
    return above, beside


def _juxtapose(pieces: list[_Piece]) -> _Piece:
    """Factors side by side: 2 x e^x sum, in brackets what reaches to the right but for the very last."""
    if len(pieces) == 1:
        return pieces[0]
    *firsts, last = sorted(pieces, key=_place)
    box = _beside([*(piece.factor for piece in firsts), last.last_factor])
    return _Piece(box, is_open=last.is_open and not last.is_sum, is_loose=last.is_loose and not last.is_sum)


def _place(piece: _Piece) -> int:
    """Where people put a factor: numbers, letters and brackets, powers of e, sums."""
    match piece.box:
        case Digits():
            return 0
        case Scripts(Letter("e"), None, _):
            return 2
        case _:
            return 3 if piece.is_open and not piece.is_sum else 1


def _beside(boxes: Iterable[Box]) -> Box:
    """Boxes as a product; a dot before a digit."""
    row: list[Box] = []
    for box in boxes:
        if row:
            row.append(DOT if _starts_with_digit(box) else THIN if _needs_air(row[-1], box) else BESIDE)
        row.append(box)
    return row[0] if len(row) == 1 else Row(tuple(row))


def _needs_air(left: Box, right: Box) -> bool:
    """Between two fractions, two sums with wide ranges, and before an indicator."""
    match left, right:
        case Fraction(), Fraction():
            return True
        case Big(), Row(inside) if inside and isinstance(inside[0], Big):
            return max(width(left), width(inside[0])) > WIDE_RANGE
        case _, Row((Styled("bf", Digits("1")), *_)):
            return True
        case _:
            return False


def _starts_with_digit(box: Box) -> bool:
    match box:
        case Digits():
            return True
        case Fraction(Digits(), Digits()):
            return True
        case Row(inside) if inside:
            return _starts_with_digit(inside[0])
        case Scripts(base, _, _) | Slash(base, _):
            return _starts_with_digit(base)
        case _:
            return False


def _power(expr: Pow, to: _Setting) -> _Piece:
    """A power whose exponent is not a negative number."""
    base = _piece(expr.base, to)
    whole = _power_of_root(expr, base.box, to.problem)
    if whole is not None:
        return _Piece(whole)
    if _number(expr.exponent) == Rational(1, 2):
        return _Piece(Root(base.box))
    box = base.box if _is_base(base.box) and not base.is_sum else Fence("(", base.box)
    exponent = _piece(expr.exponent, replace(to, script=True)).box
    if isinstance(box, Scripts):
        return _Piece(Scripts(box.base, box.below, exponent))
    return _Piece(Scripts(box, above=exponent))


def _power_of_root(expr: Pow, box: Box, problem: Problem) -> Box | None:
    """σ and σ³ for the powers 1/2 and 3/2 of a node that is called σ², if σ itself is nothing else."""
    exponent = _number(expr.exponent)
    if exponent is None or exponent.denominator > 2 or not isinstance(expr.base, Entry):
        return None
    match _name(expr.base.tensor, problem), box:
        case Scripts(root, below, Digits("2")), Scripts(_, subscripts, _):
            plain = root if below is None else Scripts(root, below)
            if any(_name(other, problem) == plain for other in problem.tensors):
                return None
            above = None if 2 * exponent == 1 else Digits(str(2 * exponent))
            return root if subscripts is None and above is None else Scripts(root, subscripts, above)
        case _:
            return None


def _is_base(box: Box, *, power: bool = False) -> bool:
    """Whether a superscript after the box can only belong to all of it. power: it may have one already."""
    match box:
        case Letter() | Digits() | Word() | Fence():
            return True
        case Accent(_, body) | Styled(_, body):
            return _is_base(body, power=True)
        case Call(function, Fence()):
            return _is_base(function)
        case Scripts(base, _, above):
            return (power or above is None) and _is_base(base)
        case _:
            return False


def _number(expr: Expr) -> Rational | None:
    match expr:
        case Number(value):
            return value
        case Integer(form) if form.is_constant:
            return Rational(form.constant)
        case _:
            return None


def _apply(function: str, arguments: tuple[Expr, ...], to: _Setting) -> Box:
    """A function before its arguments; |x| and e^x as people write them."""
    row = FUNCTIONS.get(function)
    name = _read(row.latex) if row else by_letters(function.removeprefix(MARK))
    if function == "exp" and not any(islice(walk(arguments[0]), FEW, None)):
        exponent = _piece(arguments[0], replace(to, script=True)).box
        if width(exponent) <= SHORT_EXPONENT and not is_tall(exponent):
            return Scripts(Letter("e"), above=exponent)
    boxes = [_piece(argument, to).box for argument in arguments]
    if function == "abs":
        return Fence("|", boxes[0])
    return Call(name, Fence("(", listed(boxes))) if boxes else name


def _has(box: Box, kind: type) -> bool:
    return isinstance(box, kind) or any(map(partial(_has, kind=kind), parts(box)))


# ---- conditions ------------------------------------------------------------------------------------------------------

def _condition(condition: Condition, to: _Setting) -> Box:
    match condition:
        case Compare(op, left, right):
            a, b = _piece(left, to).box, _piece(right, to).box
            if _number(left) is not None and _number(right) is None and op in MIRROR:
                return Row((b, Mark(MIRROR[op]), a))
            return Row((a, Mark(op), b))
        case CompareIndex(op, low, high):
            if low.is_constant and not high.is_constant and op in MIRROR:
                return Row((form_layout(high), Mark(MIRROR[op]), form_layout(low)))
            return Row((form_layout(low), Mark(op), form_layout(high)))
        case Not(Compare() | CompareIndex() as part):
            match _condition(part, to):
                case Row((left_box, Mark(sign), right_box)):
                    return Row((left_box, Mark(OPPOSITE[sign]), right_box))
                case other:
                    return other
        case Not(part):
            return Row((Word("not ", "prose"), Fence("(", _condition(part, to))))
        case And(inside):
            return _joined(inside, " and ", to)
        case Or(inside):
            return _joined(inside, " or ", to)


def _joined(conditions: tuple[Condition, ...], word: str, to: _Setting) -> Box:
    """Conditions with a word between them; brackets around those that have such words themselves."""
    if len(conditions) == 1:
        return _condition(conditions[0], to)
    row: list[Box] = []
    above: Condition | None = None
    for part in conditions:
        match above, part:
            case CompareIndex("<=", _, middle), CompareIndex("<=", left, high) if middle == left and word == " and ":
                row += [Mark("<="), form_layout(high)]             # 1 <= i and i <= n as 1 <= i <= n
                above = None
                continue
        inner = _condition(part, to)
        if isinstance(part, CompareIndex) and any(
                isinstance(other, CompareIndex) and other.left == part.right for other in conditions):
            inner = Row((form_layout(part.left), Mark(part.op), form_layout(part.right)))
        is_simple = isinstance(part, Compare | CompareIndex | Not)
        row += [Word(word, "prose"), inner if is_simple else Fence("(", inner)]
        above = part
    return Row(tuple(row[1:])) if row else Word("always" if word == " and " else "never", "prose")
