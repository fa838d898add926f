r"""From what is written to what it means: a tree of `derivs.expr`, with the axes that the author left open.

Names are looked up in the exercise's vocabulary; bound letters before free ones; nothing is guessed. What has more
than one honest reading is a choice (`derivs.reading.choices`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction as Rational

from derivs.affine import symbol
from derivs.errors import Mismatch
from derivs.expr import (
    ONE,
    Apply,
    Cases,
    Compare,
    Condition,
    Expr,
    Integer,
    add,
    divide,
    mul,
    negate,
    number,
    power,
    reindex,
    subtract,
)
from derivs.expr import Indicator as Holds
from derivs.reading import functions
from derivs.reading.atoms import atom
from derivs.reading.binders import big
from derivs.reading.conditions import condition_of, indicator, is_otherwise
from derivs.reading.dots import ellipsis, is_dots
from derivs.reading.products import product
from derivs.reading.quotients import derivative, differentiated, quotient
from derivs.reading.spelling import bare, key
from derivs.reading.state import Bound, State, unread
from derivs.reading.syntax import (
    Accent,
    Big,
    Fraction,
    Group,
    Matrix,
    Name,
    Node,
    Numeral,
    Product,
    Relation,
    Root,
    Row,
    Scripts,
    Sign,
    Styled,
    Sum,
    Text,
    Word,
)
from derivs.reading.syntax import Cases as Branches
from derivs.reading.value import Value, elementwise, inner, mapped


def read(s: State, node: Node, bound: Bound) -> Value:
    """The meaning of an expression. Raises Unreadable for what is not understood, Mismatch where sizes do not fit."""
    try:
        return _read(s, node, bound)
    except Mismatch as error:
        if error.span is None:
            error.span = node.span
        raise


def _read(s: State, node: Node, bound: Bound) -> Value:
    if s.vocabulary.phrases and (phrase := s.vocabulary.phrases.get(key(node))) is not None:
        return s.read(phrase, bound)
    match node:
        case Styled() | Name() | Word() | Accent() | Scripts():
            return atom(s, node, bound)
        case Numeral(text):
            return Value(number(Rational(text)))
        case Sum(terms):
            return _sum(s, terms, node, bound)
        case Product(parts):
            return product(s, parts, bound)
        case Fraction(over, under):
            return _fraction(s, node, over, under, bound)
        case Root(body, degree):
            exponent = Rational(1, 2) if degree is None else 1 / Rational(_whole(degree))
            return mapped(s.read(body, bound), lambda u: power(u, exponent))
        case Group():
            return _group(s, node, bound)
        case Big():
            return big(s, node, bound)
        case Branches(rows):
            return _cases(s, rows, node, bound)
        case Relation():
            raise unread("a relation stands where a number is expected", node)
        case Text(text):
            what = "the dots leave out" if "..." in text else f"{text.strip()!r} leaves open"
            raise unread(f"{what} what a formula must say", node, r"write the sum with \sum")
        case Matrix():
            raise unread("a matrix written out entry by entry is not read yet", node, "write its entry a_{ij}")
        case Row():
            raise unread("several things stand where one is expected", node)
        case Sign():
            raise unread(f"nothing stands beside the sign {node.text}", node)


def _whole(node: Node) -> int:
    text = key(node)
    if not text.isdigit() or not 2 <= int(text) <= 64:
        raise unread("the degree of a root is a number such as 3", node)
    return int(text)


# ---- sums, fractions, brackets ---------------------------------------------------------------------------------------

def _sum(s: State, terms: Sequence[tuple[int, Node]], node: Node, bound: Bound) -> Value:
    if any(is_dots(term) for _, term in terms):
        return s.read(ellipsis(terms, node), bound)
    result: Value | None = None
    for sign, term in terms:
        if not sign:
            raise unread("± leaves open which sign is meant", node)
        value = s.read(term, bound)
        value = value if sign > 0 else mapped(value, negate)
        if result is None:
            result = value
        else:
            try:
                result = elementwise(result, value, add, "the sum")
            except Mismatch as error:
                error.span = term.span
                raise
    assert result is not None
    return result


def _fraction(s: State, node: Fraction, over: Node, under: Node, bound: Bound) -> Value:
    found = quotient(s, node)
    if found is not None:
        if found.of is None:
            raise unread("nothing stands after the operator", node, "write what is differentiated")
        return derivative(s, differentiated(s, found.of, bound), found.by, bound)
    above, below = s.read(over, bound), s.read(under, bound)
    return elementwise(above, below, divide, "the fraction")


def _group(s: State, node: Group, bound: Bound) -> Value:
    if node.kind == "<":
        if len(node.items) != 2:
            raise unread("an inner product has two parts", node)
        return inner(s.read(node.items[0], bound), s.read(node.items[1], bound))
    if len(node.items) != 1:
        raise unread("several things stand in these brackets", node)
    inside = node.items[0]
    if node.kind == "|":
        size = s.vocabulary.sets.get(key(inside))
        if size is not None:
            return Value(Integer(size[1] - size[0] + 1))
        value = s.read(inside, bound)
        return functions.norm(s, value, None, node) if value.rank == 1 else mapped(value, lambda u: Apply("abs", (u,)))
    if node.kind == "\\|":
        return functions.norm(s, s.read(inside, bound), None, node)
    if node.kind == "floor":
        raise unread("the integer part is not read yet", node)
    if isinstance(bare(inside), Relation):
        value = indicator(s, inside, bound)
        if isinstance(value.body, Holds) and isinstance(value.body.condition, Compare) and (
                value.body.condition.op == "="):    # it holds nowhere but on a surface: hardly what was meant
            raise unread("an equation stands where a number is expected", node, r"write \mathbb{1}[..] around it")
        return value
    return s.read(inside, bound)


def _cases(s: State, branch_rows: Sequence[tuple[Node, Node | None]], node: Node, bound: Bound) -> Value:
    branches: list[tuple[Value, Value | None]] = []
    for value, condition in branch_rows:
        test = None if is_otherwise(condition) else indicator(s, condition, bound)  # type: ignore[arg-type]
        branches.append((s.read(value, bound), test))
    if any(test is None for _, test in branches[:-1]):
        raise unread('"otherwise" belongs to the last case', node)
    parts = [part for pair in branches for part in pair if part is not None]
    rank = max(part.rank for part in parts)
    frame = next(part for part in parts if part.rank == rank)
    aligned = [(_aligned(frame, value), None if test is None else _aligned(frame, test)) for value, test in branches]
    if any(test is not None and not isinstance(test, Holds) for _, test in aligned):
        return Value(_by_labels(aligned, node), frame.axes, frame.turn)
    tests: list[tuple[Expr, Condition]] = [(value, condition_of(Value(test))) for value, test in aligned
                                           if test is not None]
    otherwise = aligned[-1][0] if aligned[-1][1] is None else None
    return Value(Cases(tuple(tests), otherwise), frame.axes, frame.turn)


def _by_labels(branches: Sequence[tuple[Expr, Expr | None]], node: Node) -> Expr:
    """Two cases told apart by a label: t a + (1 - t) b."""
    if len(branches) != 2 or branches[0][1] is None:
        raise unread("cases by a label are read where there are two of them", node)
    (first, _), (second, _) = branches
    test = branches[0][1]
    return add(mul(test, first), mul(subtract(ONE, test), second))


def _aligned(frame: Value, value: Value) -> Expr:
    if value.rank == 0:
        return value.body
    if value.rank != frame.rank:
        raise Mismatch(f"the cases: {frame} and {value}")
    for a, b in zip(frame.axes, value.axes, strict=True):
        if a.size is not b.size:
            raise Mismatch(f"the cases: {frame} and {value}")
    return reindex(value.body,  # type: ignore[no-any-return]
                   {b.index: symbol(a.index) for a, b in zip(frame.axes, value.axes, strict=True)})
