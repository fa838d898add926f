"""From index notation to whole arrays: which entry is read becomes which axes, windows and slices are taken.

Every index is a label of an axis. Entries are read by `derivs.export.views`, sums are lowered in `derivs.export.sums`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from derivs.affine import ONE as FIRST
from derivs.affine import ZERO as NOTHING
from derivs.affine import Affine, symbol
from derivs.errors import Unsupported
from derivs.export.plan import Node, cost, letters_of, nominal, number, size, walk
from derivs.export.values import Scope, Value, arranged, combined, multiplied, powered, reduced
from derivs.export.views import Views
from derivs.expr import (
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
    fresh,
    mul,
    names_in,
    reindex,
)
from derivs.normal.context import Context
from derivs.problem import Problem
from derivs.rules.functions import row
from derivs.rules.opaque import is_opaque

# Functions that have a spelling of their own; the others are said by their meaning.
SPELLED = frozenset({"exp", "log", "erf", "sin", "cos", "sinh", "cosh", "tanh", "sigmoid", "softplus", "relu",
                     "leaky_relu", "abs", "sign", "max", "min"})


@dataclass(slots=True)
class Lowering:
    """An exercise on its way to arrays. arrays: the node of every tensor that is known so far."""

    problem: Problem
    context: Context
    arrays: dict[str, Node] = field(default_factory=dict)
    labels: frozenset[str] = frozenset()               # letters that are the number of a class: counted from 0 in code
    by_offsets: bool = False                           # whether a loop over the offsets in a window may be written
    sizes: dict[str, int] = field(init=False)
    views: Views = field(init=False)

    def __post_init__(self) -> None:
        self.sizes = nominal(self.problem)
        self.views = Views(self.context, self.sizes, self.labels)

    def array(self, expr: Expr, indices: Sequence[str], shape: Sequence[Affine]) -> Node:
        """expr as one array whose axes are the indices, in this order."""
        scope = {name: (FIRST, high) for name, high in zip(indices, shape, strict=True)}
        return arranged(self.lower(expr, scope), tuple(indices), scope).node

    def cost(self, *nodes: Node) -> int:
        return cost(nodes, self.sizes)

    def lower(self, expr: Expr, scope: Scope) -> Value:
        """expr, for all values of the indices in the scope that stand in it."""
        match expr:
            case Number(value):
                return Value(number(value))
            case Integer(form):
                return self.integer(form, scope)
            case Entry(tensor, at):
                return self.views.entry(self.arrays[tensor], at, scope)
            case Add(terms):
                return combined("add", [self.real(term, scope) for term in terms], scope)
            case Mul(factors):
                return self.product(factors, scope)
            case Pow(base, Number(exponent)):
                return powered(self.lower(base, scope), exponent, scope)
            case Pow(base, exponent):
                return combined("power", [self.lower(base, scope), self.lower(exponent, scope)], scope)
            case Apply(function, arguments):
                return self.applied(function, arguments, scope)
            case Sum():
                from derivs.export.sums import total
                return total(self, expr, scope)
            case Largest():
                return self.largest(expr, scope)
            case Delta(left, right):
                return self.compared("=", left, right, scope)
            case Indicator(condition):
                return self.condition(condition, scope)
            case Cases(branches, otherwise):
                result = self.real(otherwise if otherwise is not None else branches[-1][0], scope)
                rest = branches if otherwise is not None else branches[:-1]
                for branch, condition in reversed(rest):
                    result = combined("where", [self.condition(condition, scope), self.real(branch, scope), result],
                                      scope)
                return result
            case Expectation() | Derivative():
                raise Unsupported(f"{type(expr).__name__} has no value on arrays")

    # ---- numbers

    def integer(self, form: Affine, scope: Scope) -> Value:
        """A form in sizes is a number; one in indices, numbers along axes."""
        names, rest = letters_of(form, scope)
        parts = [Value(size(rest))] if rest is not NOTHING or not names else []
        for name, coefficient in names.items():
            low, high = scope[name]
            counted = Value(Node("positions", (), (high - low + 1,), low), (name,))
            parts.append(counted if coefficient is FIRST else
                         combined("mul", [Value(size(coefficient)), counted], scope))
        return parts[0] if len(parts) == 1 else combined("add", parts, scope)

    def real(self, expr: Expr, scope: Scope) -> Value:
        """The same, where a mask has to be numbers: it is added to something, or summed."""
        value = self.lower(expr, scope)
        if not value.is_mask:
            return value
        known = set(self.arrays.values())
        like = next((node for node in reversed(list(walk(value.node))) if node in known and node.ndim), None)
        return combined("where", [value, Value(number(1)), Value(number(0))], scope) if like is None else Value(
            Node("map", (value.node, like), value.node.shape, ("as_real", (tuple(range(value.node.ndim)), ()))),
            value.labels)

    # ---- products

    def product(self, factors: Sequence[Expr], scope: Scope) -> Value:
        """The factors multiplied, those with few axes first."""
        for place, factor in enumerate(factors):
            if isinstance(factor, Cases):                          # where(z >= 0, g, a g) rather than g where(.., 1, a)
                rest = mul(*factors[:place], *factors[place + 1:])
                inside = Cases(tuple((mul(value, rest), condition) for value, condition in factor.branches),
                               None if factor.otherwise is None else mul(factor.otherwise, rest))
                return self.lower(inside, scope)
        values = [self.lower(factor, scope) for factor in factors]
        if all(v.is_mask or v.node.op in ("number", "size") or _counts(v.node) for v in values):
            values = [self.real(factor, scope) if v.is_mask else v for factor, v in zip(factors, values, strict=True)]
        return multiplied(values, scope)

    # ---- functions

    def applied(self, function: str, arguments: tuple[Expr, ...], scope: Scope) -> Value:
        if function == "pi":
            return Value(Node("pi"))
        values = [self.lower(argument, scope) for argument in arguments]
        if is_opaque(function):
            return combined(f"call {function}", values, scope)
        if function in SPELLED:
            return combined(function, values, scope)
        meaning = row(function).meaning
        if meaning is None:
            raise Unsupported(f"{function} has no spelling in code")
        return self.lower(meaning(*arguments), scope)

    def largest(self, expr: Largest, scope: Scope) -> Value:
        """The maximum over all the axes of nested maxima at once."""
        body, inner, bound = opened(expr, scope, Largest)
        value = self.lower(body, inner)
        return reduced("max", value, bound)

    # ---- conditions

    def condition(self, condition: Condition, scope: Scope) -> Value:
        match condition:
            case Compare(op, left, right):
                return combined(op, [self.real(left, scope), self.real(right, scope)], scope)
            case CompareIndex(op, left, right):
                return self.compared(op, left, right, scope)
            case And(parts):
                return combined("and", [self.condition(part, scope) for part in parts], scope)
            case Or(parts):
                return combined("or", [self.condition(part, scope) for part in parts], scope)
            case Not(part):
                return combined("not", [self.condition(part, scope)], scope)

    def compared(self, op: str, left: Affine, right: Affine, scope: Scope) -> Value:
        """Two integer forms compared, every index and class counted from 0, without minus signs."""
        from_zero = {name: symbol(name) + 1 for name in self.labels}
        apart = (left - right).substitute(from_zero)
        names, rest = letters_of(apart, scope)
        ends: tuple[list[Value], list[Value]] = ([], [])
        for name, c in names.items():
            low, high = scope[name]
            rest = rest + c * low
            counted = Value(Node("positions", (), (high - low + 1,), NOTHING), (name,))
            by = self.views.size_of(c)
            ends[self.views.is_negative(c)].append(counted if by is FIRST else
                                              combined("mul", [Value(size(by)), counted], scope))
        for monomial, k in rest.terms:
            ends[k < 0].append(Value(size(Affine(((monomial, abs(k)),)))))
        sides = [combined("add", end, scope) if len(end) > 1 else end[0] if end else Value(number(0)) for end in ends]
        return combined(op, sides, scope)


def opened(expr: Expr, scope: Scope, kind: type) -> tuple[Expr, dict[str, tuple[Affine, Affine]], tuple[str, ...]]:
    """The body of nested binders of one kind, the scope in it, and the indices that are bound."""
    inner = dict(scope)
    bound: list[str] = []
    while isinstance(expr, kind):
        assert isinstance(expr, Sum | Largest)
        index, body = expr.index, expr.body
        if index in inner:
            index = fresh(index, {*inner, *names_in(body)})
            body = reindex(body, {expr.index: symbol(index)})
        if not (expr.low.names | expr.high.names).isdisjoint(bound) or not (
                expr.low.names | expr.high.names).isdisjoint(scope):
            raise Unsupported(f"a sum whose range {expr.low}..{expr.high} hangs on an index has no vectorised form yet")
        inner[index] = (expr.low, expr.high)
        bound.append(index)
        expr = body
    return expr, inner, tuple(bound)


def _counts(node: Node) -> bool:
    """Whether it is a number of entries: a sum of a mask, or an index."""
    return node.op == "positions"
