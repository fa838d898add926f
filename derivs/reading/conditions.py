r"""Conditions as they are written: `i = j`, `x_i > 0 \text{ and } i \neq j`, `0 < x \le 1`, `k = y` for a label y.

A condition is read as a value that is 1 where it holds and 0 elsewhere, so that `X > 0` has the axes of X.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derivs.errors import Unreadable
from derivs.expr import (
    ONE,
    And,
    Compare,
    CompareIndex,
    Condition,
    Expr,
    Indicator,
    Not,
    Or,
    mul,
    reindex,
    subtract,
)
from derivs.reading.forms import form
from derivs.reading.parse import parse
from derivs.reading.spelling import bare
from derivs.reading.state import Bound, State, unread
from derivs.reading.syntax import Group, Node, Product, Relation, Row, Span, Text, Word
from derivs.reading.value import Value, elementwise

SIGNS = {"=": "=", "==": "=", "equiv": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
MIRROR = {">": "<", ">=": "<="}
OR = frozenset({"or", "lor", "vee"})
EMPTY = frozenset({"", ",", "if", "and", "for", "when", "where", "land", "wedge", "with", "all", "any", "such that",
                   "that", "whenever", "only if", "iff", "case", "in case", "forall", ";", "each", "every", "and if"})
OTHERWISE = frozenset({"otherwise", "else", "ow", "o.w.", "otherwise.", "in all other cases", "elsewhere", "other",
                       "else.", "if otherwise", "for all other", "other cases"})


def words(text: str) -> str:
    """Prose without what says nothing."""
    return " ".join(text.lower().strip(" ,.;:").split())


def indicator(s: State, node: Node, bound: Bound) -> Value:
    """1 where the condition holds. Raises Unreadable, Mismatch."""
    match bare(node):
        case Relation() as relation:
            return _all([_pair(s, relation, k, bound) for k in range(len(relation.signs))])
        case Row(parts) | Product(parts):
            return _joined(s, node, parts, bound)
        case Group(_, (item,)):
            return indicator(s, item, bound)
        case Word("always" | "never" as text):
            return Value(Indicator(And(()) if text == "always" else Or(())))
        case Text(text, span):
            return indicator(s, _parsed(text, span), bound)
        case other:
            raise unread("this is no condition", other, "a condition is like i = j or x > 0")


def is_otherwise(node: Node | None) -> bool:
    """Whether a condition says "in all other cases"."""
    if node is None:
        return True
    inner = bare(node)
    if isinstance(inner, Row | Product):
        texts = [part for part in inner.parts if isinstance(part, Text)]
        return len(texts) == len(inner.parts) and words(" ".join(part.text for part in texts)) in OTHERWISE
    return isinstance(inner, Text) and words(inner.text) in OTHERWISE


def condition_of(value: Value) -> Condition:
    """The condition of a value that is 1 or 0."""
    return value.body.condition if isinstance(value.body, Indicator) else Compare("=", value.body, ONE)


def _parsed(text: str, span: Span) -> Node:
    """`\\text{if j = i}`: a formula that was typed as prose."""
    words_ = text.strip().rstrip(",.;")
    for word in ("if", "for", "when", "and"):
        words_ = words_.removeprefix(word + " ")
    try:
        return parse(words_)
    except Unreadable as error:
        raise Unreadable("these words are no condition", span, mend="write it as a formula: i = j") from error


def _joined(s: State, node: Node, parts: Sequence[Node], bound: Bound) -> Value:
    """Conditions with words between them. `or` binds less than `and`."""
    groups: list[list[Value]] = [[]]
    is_negated = False
    for part in parts:
        if isinstance(part, Text):
            word = words(part.text)
            if word in OR:
                groups.append([])
            elif word.split(" ")[-1] == "not":
                is_negated = True
            elif word not in EMPTY:
                if not any(sign in part.text for sign in "=<>"):
                    raise unread(f"{part.text.strip()!r} is not understood in a condition", part)
                groups[-1].append(indicator(s, part, bound))
        else:
            value = indicator(s, part, bound)
            groups[-1].append(_opposite(value) if is_negated else value)
            is_negated = False
    if not all(groups):
        raise unread("a condition is missing", node)
    values = [_all(group) for group in groups]
    result = values[0]
    for value in values[1:]:
        result = elementwise(result, value, lambda a, b: Indicator(Or((_condition(a), _condition(b)))), "the condition")
    return result


def _opposite(value: Value) -> Value:
    return replace(value, body=Indicator(Not(_condition(value.body))))


def _condition(expr: Expr) -> Condition:
    return expr.condition if isinstance(expr, Indicator) else Compare("=", expr, ONE)


def _all(values: Sequence[Value]) -> Value:
    result = values[0]
    for value in values[1:]:
        result = elementwise(result, value, _both, "the condition")
    return result


def _both(a: Expr, b: Expr) -> Expr:
    if isinstance(a, Indicator) and isinstance(b, Indicator):
        parts = [*(a.condition.parts if isinstance(a.condition, And) else (a.condition,)),
                 *(b.condition.parts if isinstance(b.condition, And) else (b.condition,))]
        return Indicator(And(tuple(parts)))
    return mul(a, b)


def _pair(s: State, relation: Relation, k: int, bound: Bound) -> Value:
    left, right, sign = relation.sides[k], relation.sides[k + 1], relation.signs[k]
    if left is None or right is None:
        raise unread("one side of the condition is missing", relation)
    if sign not in SIGNS:
        raise unread(f"the relation {sign} is not understood in a condition", relation, "use =, <, > and their like")
    op = SIGNS[sign]
    a, b = form(s, left, bound), form(s, right, bound)
    if a is not None and b is not None:
        match op:
            case "<":
                return Value(Indicator(CompareIndex("<=", a + 1, b)))
            case ">":
                return Value(Indicator(CompareIndex("<=", b + 1, a)))
            case ">=":
                return Value(Indicator(CompareIndex("<=", b, a)))
            case "<=" | "=" | "!=":
                return Value(Indicator(CompareIndex(op, a, b)))
    one, two = s.read(left, bound), s.read(right, bound)
    for label, index in ((one, b), (two, a)):
        if label.axes and label.axes[-1].index == "label":
            if index is None or op not in ("=", "!="):
                raise unread("a label is compared with an index, by = or \\neq", relation)
            hit: Expr = reindex(label.body, {"label": index + (1 - s.vocabulary.index_base)})
            return Value(hit if op == "=" else subtract(ONE, hit), label.axes[:-1])
    if op in MIRROR:
        one, two, op = two, one, MIRROR[op]
    return elementwise(one, two, lambda x, y: Indicator(Compare(op, x, y)), "the comparison")  # type: ignore[arg-type]
