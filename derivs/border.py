"""SymPy's trees and ours: the only place where one becomes the other. Nothing is ever parsed or sympified.

SymPy (1.14) rewrites what authors write, in ways that keep its value: it sorts sums and products, multiplies a number
into a sum, merges nested sums, brings a Piecewise that holds the summation index out of its Sum. So a tree read from
SymPy is ordered here once, as people write, and not compared with how it was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from derivs import expr as ours
from derivs.affine import ZERO as NOTHING
from derivs.affine import Affine, affine, symbol
from derivs.errors import IllFormed, Unsupported
from derivs.expr import (
    ONE,
    ZERO,
    And,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Condition,
    Delta,
    Entry,
    Expr,
    Integer,
    Largest,
    Not,
    Number,
    Or,
    Pow,
    Sum,
    add,
    mul,
    number,
    power,
    walk,
)
from derivs.problem import Tensor
from derivs.rules.opaque import is_opaque

# ---- words that SymPy lacks ------------------------------------------------------------------------------------------


class Word(sympy.Expr):  # type: ignore[misc]
    """A real-valued node of a SymPy tree that means one of our nouns."""

    is_commutative = True
    is_real = True

    def __new__(cls, *args: Any) -> Any:
        return super().__new__(cls, *map(_strict, args))


class Quotient(Word):
    """∂of/∂by through every definition on the way: `d(E, x[j])`."""


class LocalQuotient(Word):
    """∂of/∂by with the other named nodes held fixed: `local(y[i], mu)`."""


class Indicator(Word):
    """1 where the condition holds, else 0."""


class MaxOver(Word):
    """`MaxOver(x[k], (k, 1, n))`: the largest of x[k]; of equal ones the first in reading order wins."""


class Expectation(Word):
    """`Expectation(body, m, p)`: the mean of body over the independent 0/1 entries of m, each 1 with probability p."""


class relu(sympy.Function):  # type: ignore[misc]
    """max(x, 0), with derivative 0 at 0 unless the exercise says otherwise."""

    nargs, is_real = 1, True


class leaky_relu(sympy.Function):  # type: ignore[misc]
    """`leaky_relu(x, a)`: x where x >= 0, else a x."""

    nargs, is_real = 2, True


class sigmoid(sympy.Function):  # type: ignore[misc]
    """1 / (1 + e^-x)."""

    nargs, is_real = 1, True


class softplus(sympy.Function):  # type: ignore[misc]
    """log(1 + e^x)."""

    nargs, is_real = 1, True


UNARY: Mapping[Any, str] = {
    sympy.exp: "exp", sympy.log: "log", sympy.erf: "erf", sympy.tanh: "tanh", sympy.sinh: "sinh", sympy.cosh: "cosh",
    sympy.sin: "sin", sympy.cos: "cos", sympy.Abs: "abs", sympy.sign: "sign", sigmoid: "sigmoid", relu: "relu",
    softplus: "softplus",
}
FOLDED: Mapping[Any, str] = {sympy.Max: "max", sympy.Min: "min"}
WORDS: Mapping[str, Any] = {
    **{name: head for head, name in (*UNARY.items(), *FOLDED.items())}, "leaky_relu": leaky_relu,
    "pi": lambda: sympy.pi,
}


def _strict(value: Any) -> Any:
    """A SymPy object from a SymPy object, a Python number or a tuple of them; a string is refused, never parsed."""
    return sympy.sympify(value, strict=True)


# ---- from SymPy ------------------------------------------------------------------------------------------------------


def from_sympy(expr: Any) -> Expr:
    """Our tree of a SymPy expression.

    An integer symbol is a size or an index, every other symbol a scalar. Raises Unsupported for what has no meaning
    here, with its name, and IllFormed for a subscript or a bound that is not an integer form.
    """
    try:
        return _expr(_strict(expr))
    except sympy.SympifyError:
        raise Unsupported(f"{expr!r} is not a SymPy expression",
                          mend="build it from symbols; text is not read here") from None


def form_from_sympy(expr: Any) -> Affine:
    """An integer form such as `i - u + 1` or `s*(i - 1) + k`."""
    match expr:
        case int():
            return affine(expr)
        case sympy.Integer():
            return affine(int(expr))
        case sympy.Symbol():
            if not expr.is_integer:
                raise IllFormed(f"{expr} stands for a size or an index, and is not an integer symbol",
                                mend=f"declare it by sizes({expr.name!r}) or indices({expr.name!r})")
            return symbol(expr.name)
        case sympy.Add():
            return sum(map(form_from_sympy, expr.args), NOTHING)
        case sympy.Mul():
            product = affine(1)
            for factor in expr.args:
                product = product * form_from_sympy(factor)
            return product
        case sympy.Pow() if expr.exp.is_Integer and expr.exp > 0:
            return form_from_sympy(sympy.Mul(*[expr.base] * int(expr.exp), evaluate=False))
        case _:
            raise IllFormed(f"{expr} stands for a size or an index, and is not a sum of products of integers",
                            mend="subscripts and bounds are forms such as i - u + 1")


def condition_from_sympy(condition: Any) -> Condition:
    """A condition: on index forms where both sides are made of sizes and indices, else on real numbers."""
    match condition:
        case BooleanTrue():
            return And(())
        case BooleanFalse():
            return Or(())
        case sympy.And():
            return And(tuple(map(condition_from_sympy, sympy.ordered(condition.args))))
        case sympy.Or():
            return Or(tuple(map(condition_from_sympy, sympy.ordered(condition.args))))
        case sympy.Not():
            return Not(condition_from_sympy(condition.args[0]))
        case Relational():
            return _relation(condition)
        case _:
            raise Unsupported(f"the condition {condition} ({type(condition).__name__}) cannot be read",
                              mend="use Eq, Ne, <, <=, And, Or, Not")


def _relation(relation: Any) -> Condition:
    op, left, right = relation.rel_op, relation.lhs, relation.rhs
    if op in (">", ">="):
        op, left, right = op.replace(">", "<"), right, left
    if _is_integral(left) and _is_integral(right):
        low, high = form_from_sympy(left), form_from_sympy(right)
        match op:
            case "<":
                return CompareIndex("<=", low + 1, high)
            case "<=":
                return CompareIndex("<=", low, high)
            case "==":
                return CompareIndex("=", low, high)
            case _:
                return CompareIndex("!=", low, high)
    return Compare("=" if op == "==" else op, _expr(left), _expr(right))


def _is_integral(expr: Any) -> bool:
    """Whether it is made of sizes, indices and integers alone."""
    if isinstance(expr, sympy.Symbol):
        return bool(expr.is_integer)
    if isinstance(expr, sympy.Add | sympy.Mul):
        return all(map(_is_integral, expr.args))
    return isinstance(expr, sympy.Integer)


def _expr(expr: Any) -> Expr:
    head = type(expr)
    if head in UNARY:
        return Apply(UNARY[head], (_expr(expr.args[0]),))
    if head in FOLDED:
        # SymPy flattens and sorts Max(a, b, c), so ours is max(a, max(b, c)) in SymPy's order.
        parts = list(map(_expr, sympy.ordered(expr.args)))
        result = parts.pop()
        while parts:
            result = Apply(FOLDED[head], (parts.pop(), result))
        return result
    match expr:
        case sympy.Rational():
            return number(Fraction(int(expr.p), int(expr.q)))
        case sympy.Float():
            raise Unsupported(f"{expr} is a rounded number", mend="write Rational(1, 2), not 0.5")
        case sympy.Symbol():
            return Integer(symbol(expr.name)) if expr.is_integer else Entry(expr.name)
        case sympy.Indexed():
            return Entry(str(expr.base.label), tuple(map(form_from_sympy, expr.indices)))
        case sympy.Add():
            if _is_integral(expr):
                return Integer(form_from_sympy(expr))
            return add(*sorted(map(_expr, expr.as_ordered_terms()), key=_is_subtracted))
        case sympy.Mul():
            return mul(*sorted(map(_expr, expr.as_ordered_factors()), key=_place))
        case sympy.Pow():
            return power(_expr(expr.base), _expr(expr.exp))
        case sympy.Sum():
            return _bind(Sum, _limits(expr.limits), _expr(expr.function))
        case MaxOver():
            return _bind(Largest, list(expr.args[1:]), _expr(expr.args[0]))
        case sympy.KroneckerDelta() if len(expr.args) == 2:
            return Delta(*map(form_from_sympy, expr.args))
        case sympy.Piecewise():
            branches = [(_expr(value), condition_from_sympy(condition)) for value, condition in expr.args]
            total = branches[-1][1] == And(())
            return Cases(tuple(branches[:-1] if total else branches), branches[-1][0] if total else None)
        case sympy.Heaviside():
            value, at_zero = map(_expr, expr.args)
            return add(ours.Indicator(Compare("<", ZERO, value)),
                       mul(at_zero, ours.Indicator(Compare("=", value, ZERO))))
        case Indicator():
            return ours.Indicator(condition_from_sympy(expr.args[0]))
        case leaky_relu():
            return Apply("leaky_relu", tuple(map(_expr, expr.args)))
        case Quotient() | LocalQuotient():
            of, by = map(_entry, expr.args)
            return ours.Derivative(of, by, "total" if isinstance(expr, Quotient) else "local")
        case Expectation():
            body, mask, mean = expr.args
            return ours.Expectation(str(mask), _expr(mean), _expr(body))
        case sympy.pi:
            return Apply("pi", ())
        case sympy.E:
            return Apply("exp", (ONE,))
        case AppliedUndef():
            raise Unsupported(f"the function {head.__name__} has no meaning here",
                              mend="a Python function of your own that returns a formula will do")
        case _:
            raise Unsupported(f"SymPy's {head.__name__} cannot be read: {expr}",
                              mend="known: + * ** Sum Piecewise KroneckerDelta Indexed " + " ".join(WORDS))


def _entry(expr: Any) -> Entry:
    entry = _expr(expr)
    if not isinstance(entry, Entry):
        raise IllFormed(f"{expr} is not an entry of a tensor", mend="a derivative is d(E, x[j]) or local(y[i], mu)")
    return entry


def _limits(limits: Any) -> list[Any]:
    """The limits of a Sum, outermost first.

    SymPy nests them the other way round: Sum(f, (u, 1, h), (v, 1, w)) has v outside. Where the order changes nothing
    they stay in reading order, as the author wrote them.
    """
    indices = [limit[0] for limit in limits]
    bounds = {name for limit in limits for bound in limit[1:] for name in bound.free_symbols}
    return list(limits) if len(set(indices)) == len(indices) and bounds.isdisjoint(indices) else list(reversed(limits))


def _bind(noun: Callable[[str, Affine, Affine, Expr], Expr], limits: list[Any], body: Expr) -> Expr:
    for limit in reversed(limits):
        if len(limit) != 3:
            raise IllFormed(f"the range of {limit[0]} is not given", mend=f"write ({limit[0]}, 1, n)")
        index, low, high = limit
        body = noun(form_from_sympy(index).bare or str(index), form_from_sympy(low), form_from_sympy(high), body)
    return body


def _is_subtracted(term: Expr) -> bool:
    """What is added comes first: 1 - s, not -s + 1."""
    head = term.factors[0] if isinstance(term, ours.Mul) else term
    return isinstance(head, Number) and head.value < 0


def _place(factor: Expr) -> int:
    """The place of a factor in a product: number, size, scalar, cotangent, entry, delta, function, sum, bracket."""
    match factor:
        case Number():
            return 0
        case Pow(base, exponent) if not isinstance(base, ours.Add | Sum):
            return max(_place(base), _place(exponent))
        case Integer():
            return 1
        case Entry(_, ()):
            return 2
        case Entry(name, _):
            return 3 if name.endswith("_bar") else 4
        case ours.Derivative():
            return 3
        case Delta() | ours.Indicator():
            return 5
        case Sum() | Largest() | ours.Expectation():
            return 8
        case ours.Add() | Cases():
            return 7
        case _:
            return 6


# ---- to SymPy --------------------------------------------------------------------------------------------------------


def to_sympy(expr: Expr, tensors: Mapping[str, Tensor] | None = None) -> Any:
    """The SymPy expression, its symbols as an author declares them: real, positive where the tensor is."""
    return _Back(tensors or {}).expr(expr)


class _Back:
    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors

    def expr(self, node: Expr) -> Any:
        match node:
            case Number(value):
                return sympy.Rational(value.numerator, value.denominator)
            case Integer(form):
                return self.form(form)
            case Entry(name, at):
                return self.tensor(name, bool(at))[tuple(map(self.form, at))] if at else self.tensor(name, False)
            case ours.Add(terms):
                return sympy.Add(*map(self.expr, terms))
            case ours.Mul(factors):
                return sympy.Mul(*map(self.expr, factors))
            case Pow(base, exponent):
                return sympy.Pow(self.expr(base), self.expr(exponent))
            case Apply(function, arguments):
                head = sympy.Function(function[1:]) if is_opaque(function) else WORDS[function]
                return head(*map(self.expr, arguments))
            case Sum():
                body, limits = self.binders(node)
                return sympy.Sum(self.expr(body), *(limits if _limits(limits) == limits else reversed(limits)))
            case Largest():
                body, limits = self.binders(node)
                return MaxOver(self.expr(body), *limits)
            case Delta(left, right):
                return sympy.KroneckerDelta(self.form(left), self.form(right))
            case ours.Indicator(condition):
                return Indicator(self.condition(condition))
            case Cases(branches, otherwise):
                rest = () if otherwise is None else ((self.expr(otherwise), True),)
                return sympy.Piecewise(*((self.expr(value), self.condition(c)) for value, c in branches), *rest)
            case ours.Expectation(name, mean, body):
                indexed = any(isinstance(n, Entry) and n.tensor == name and n.at for n in walk(body))
                return Expectation(self.expr(body), self.tensor(name, indexed), self.expr(mean))
            case ours.Derivative(of, by, kind):
                return (Quotient if kind == "total" else LocalQuotient)(self.expr(of), self.expr(by))

    def form(self, form: Affine) -> Any:
        return sympy.Add(*(sympy.Mul(c, *(sympy.Symbol(name, integer=True, positive=True) if name in self.sizes else
                                          sympy.Symbol(name, integer=True) for name in names))
                           for names, c in form.terms))

    @property
    def sizes(self) -> frozenset[str]:
        return frozenset(name for tensor in self.tensors.values() for form in tensor.shape for name in form.names)

    def tensor(self, name: str, indexed: bool) -> Any:
        declared = self.tensors.get(name)
        known = {"positive": True} if declared and declared.is_positive else {"real": True}
        return (sympy.IndexedBase if indexed else sympy.Symbol)(name, **known)

    def binders(self, node: Sum | Largest) -> tuple[Expr, list[Any]]:
        limits = []
        body: Expr = node
        while type(body) is type(node):
            assert isinstance(body, Sum | Largest)
            index = sympy.Symbol(body.index, integer=True)
            limits.append(sympy.Tuple(index, self.form(body.low), self.form(body.high)))
            body = body.body
        return body, limits

    def condition(self, condition: Condition) -> Any:
        match condition:
            case Compare(op, left, right):
                return RELATIONS[op](self.expr(left), self.expr(right))
            case CompareIndex(op, low, high):
                return RELATIONS[op](self.form(low), self.form(high))
            case And(parts):
                return sympy.And(*map(self.condition, parts))
            case Or(parts):
                return sympy.Or(*map(self.condition, parts))
            case Not(part):
                return sympy.Not(self.condition(part))


RELATIONS: Mapping[str, Any] = {"<": sympy.Lt, "<=": sympy.Le, "=": sympy.Eq, "!=": sympy.Ne}
