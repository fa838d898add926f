"""From a tree to its normal form. What people write is first checked to stay in range.

The normal form takes a tensor as zero outside its shape. A tree may rely on that only where the exercise declares it;
elsewhere a subscript that may leave its range is an error, said with the subscript and the range.
"""

from __future__ import annotations

from collections.abc import Mapping

from derivs.affine import Affine, symbol
from derivs.errors import IllFormed, OutOfBudget, Unsupported
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
)
from derivs.normal.algebra import apply, exponential, logarithm, power
from derivs.normal.atoms import Atom, Form, Kind, Monomial, parts
from derivs.normal.context import Context
from derivs.normal.indicators import delta, guard, positive, zero_where
from derivs.normal.opening import open_sum
from derivs.normal.ring import ONE, accumulate, add, constant, from_affine, mul, tensor
from derivs.normal.signs import guards_of
from derivs.normal.sums import close, largest, settle, substitute
from derivs.normal.zero import is_zero, without_ties
from derivs.problem import Definition
from derivs.rules.functions import row
from derivs.scope import lookup

Scope = Mapping[str, Affine]                  # bound names as written -> names in use here


class Translator:
    """Trees to forms, with the nodes in `unfold` replaced by their definitions. Work on a node is shared.

    root: the context in which definitions hold: constraints on sizes, nothing about indices. forms: the definitions
    that were translated before, in that context and with the same nodes unfolded.
    """

    def __init__(self, root: Context, unfold: Mapping[str, Definition] | None = None,
                 forms: dict[str, Form] | None = None) -> None:
        self.root = root
        self.unfold = unfold or {}
        self._generic: dict[str, Form] = {} if forms is None else forms
        self._applied: dict[tuple[object, ...], Form] = {}

    def form(self, context: Context, expr: Expr) -> Form:
        """The normal form of an expression whose free indices are in the context.

        Raises IllFormed for a subscript out of range, Unsupported for what the calculus cannot express, OutOfDomain
        where a value never exists, OutOfBudget when it takes too long.
        """
        try:
            return settle(context, self._expr(context, expr, {}, 0))
        except RecursionError:
            raise OutOfBudget("the expression is nested too deeply to be normalised") from None

    def _expr(self, context: Context, expr: Expr, scope: Scope, depth: int) -> Form:
        match expr:
            case Number(value):
                return constant(int(value) if value.denominator == 1 else value)
            case Integer(form):
                return from_affine(form.substitute(scope))
            case Entry(name, at):
                return self._entry(context, name, tuple(form.substitute(scope) for form in at))
            case Add(terms):
                total: Form = {}
                for term in terms:
                    accumulate(total, self._expr(context, term, scope, depth))
                return total
            case Mul(factors):
                return self._product(context, factors, scope, depth)
            case Pow(base, Number(value)):
                return power(context, self._settled(context, base, scope, depth), value)
            case Pow(base, exponent):
                # x^p = e^(p log x): a power that is not a number needs a positive base.
                log = logarithm(context, self._settled(context, base, scope, depth))
                return exponential(context, mul(self._expr(context, exponent, scope, depth), log))
            case Apply(function, arguments):
                return self._apply(context, function, arguments, scope, depth)
            case Sum(index, low, high, body):
                return self._sum(context, index, low, high, body, scope, depth)
            case Largest():
                return self._largest(context, expr, scope, depth)
            case Delta(left, right):
                return delta(left.substitute(scope) - right.substitute(scope))
            case Indicator(condition):
                return self._condition(context, condition, scope, depth)
            case Cases():
                return self._cases(context, expr, scope, depth)
            case Expectation(name, mean, body):
                return self._expectation(context, name, mean, body, scope, depth)
            case Derivative():
                raise Unsupported("a derivative is worked out before it is normalised")

    def _settled(self, context: Context, expr: Expr, scope: Scope, depth: int) -> Form:
        return settle(context, self._expr(context, expr, scope, depth))

    def _cases(self, context: Context, expr: Cases, scope: Scope, depth: int) -> Form:
        """sum of value [condition] [no condition above]. What the conditions say of indices holds in the values."""
        total: Form = {}
        left = ONE                                # 1 where no condition above holds
        for value, condition in expr.branches:
            holds = mul(left, self._condition(context, condition, scope, depth))
            if holds:
                here = context.assume(_index_facts(context, condition, scope))
                accumulate(total, mul(holds, self._expr(here, value, scope, depth)))
            left = add(left, holds, -1)
            context = context.assume(_index_facts(context, Not(condition), scope))
        if expr.otherwise is not None and left:
            accumulate(total, mul(left, self._expr(context, expr.otherwise, scope, depth)))
        elif not is_zero(context, without_ties(settle(context, left))[0]):
            raise Unsupported("no case applies to some of the values")     # there it is undefined, and not zero
        return total

    def _entry(self, context: Context, name: str, at: tuple[Affine, ...]) -> Form:
        declared = lookup(context.tensors, Entry(name, at))
        if not declared.zero_outside:
            for axis, form in enumerate(at):
                if not all(map(context.implies, context.home(name, axis, form))):
                    raise IllFormed(f"{name}[{', '.join(map(str, at))}] is read outside its range: "
                                    f"{form} may leave 1..{declared.shape[axis]}",
                                    mend=f"bound the index, or declare that {name} is zero outside")
        definition = self.unfold.get(name)
        if definition is None:
            return tensor(name, at)
        inside = [end for axis, form in enumerate(symbol(i) for i in definition.indices)
                  for end in context.home(name, axis, form)]
        if name not in self._generic:
            self._generic[name] = self.form(self.root.assume(inside), definition.value)
        values = dict(zip(definition.indices, at, strict=True))
        value = substitute(context, self._generic[name], values)
        if declared.zero_outside:
            for end in inside:
                value = mul(value, guard(end.substitute(values)))
        return value

    def _product(self, context: Context, factors: tuple[Expr, ...], scope: Scope, depth: int) -> Form:
        # What an indicator of indices says holds in the other factors: [i > 1] x_{i-1} reads x in range.
        facts: list[Affine] = []
        for factor in factors:
            if isinstance(factor, Indicator):
                facts += _index_facts(context, factor.condition, scope)
            elif isinstance(factor, Delta):
                facts += _index_facts(context, CompareIndex("=", factor.left, factor.right), scope)
        inside = context.assume(facts) if facts else context
        result: Form = ONE
        for factor in factors:
            at = context if isinstance(factor, Indicator | Delta) else inside
            result = mul(result, self._expr(at, factor, scope, depth))
        return result

    def _apply(self, context: Context, function: str, arguments: tuple[Expr, ...], scope: Scope, depth: int) -> Form:
        meaning = row(function).meaning
        if meaning is not None:
            # An argument stands in a meaning more than once: max(a, max(b, max(...))) must not take 2^depth steps.
            question = (context, function, arguments, tuple(scope.items()), depth)
            known = self._applied.get(question)
            if known is None:
                known = self._applied[question] = self._expr(context, meaning(*arguments), scope, depth)
            return known
        return apply(context, function, tuple(self._settled(context, a, scope, depth) for a in arguments))

    def _sum(self, context: Context, index: str, low: Affine, high: Affine, body: Expr, scope: Scope,
             depth: int) -> Form:
        low, high = low.substitute(scope), high.substitute(scope)
        name = f"~~{depth}"                       # one name a depth, so that equal sums are equal here too
        k = symbol(name)
        inside = context.assume((k - low, high - k))
        inner = self._expr(inside, body, {**scope, index: k}, depth + 1)
        return close(context, frozenset({name}), mul(inner, mul(guard(k - low), guard(high - k))))

    def _largest(self, context: Context, expr: Largest, scope: Scope, depth: int) -> Form:
        names: list[str] = []
        ends: list[Affine] = []
        body: Expr = expr
        inside = context
        while isinstance(body, Largest):          # max over p of max over q is one maximum
            k = symbol(f"~~{depth}")
            low, high = body.low.substitute(scope), body.high.substitute(scope)
            names.append(f"~~{depth}")
            ends += (k - low, high - k)
            scope, depth = {**scope, body.index: k}, depth + 1
            inside = inside.assume((k - low, high - k))
            body = body.body
        return largest(context, tuple(names), self._settled(inside, body, scope, depth), tuple(ends))

    def _expectation(self, context: Context, name: str, mean: Expr, body: Expr, scope: Scope, depth: int) -> Form:
        form = self._settled(context, body, scope, depth)
        value = self._settled(context, mean, scope, depth)
        total: Form = {}
        for monomial, c in form.items():
            holders = [(a, e) for a, e in monomial if _mentions(a, name)]
            if not holders:
                accumulate(total, {monomial: c})
            elif len(holders) == 1 and holders[0][1] == 1:
                rest: Form = {tuple(p for p in monomial if p[0] is not holders[0][0]): c}
                accumulate(total, mul(rest, _mean(context, holders[0][0], name, value)))
            else:
                raise Unsupported(f"the mean over {name} of a product of its entries is not worked out yet")
        return total

    # ---- conditions

    def _condition(self, context: Context, condition: Condition, scope: Scope, depth: int) -> Form:
        match condition:
            case Compare(op, left, right):
                gap = settle(context, add(self._expr(context, right, scope, depth),
                                          self._expr(context, left, scope, depth), -1))
                match op:
                    case "<":
                        return positive(context, gap)
                    case "<=":
                        return add(positive(context, gap), zero_where(context, gap))
                    case "=":
                        return zero_where(context, gap)
                    case "!=":
                        return add(ONE, zero_where(context, gap), -1)
            case CompareIndex(relation, low, high):
                gap_form = high.substitute(scope) - low.substitute(scope)
                match relation:
                    case "<=":
                        return guard(gap_form)
                    case "=":
                        return delta(gap_form)
                    case "!=":
                        return add(ONE, delta(gap_form), -1)
            case And(conditions):
                result = ONE
                for c in conditions:
                    result = mul(result, self._condition(context, c, scope, depth))
                return result
            case Or(conditions):
                return add(ONE, self._condition(context, And(tuple(map(Not, conditions))), scope, depth), -1)
            case Not(inner):
                return add(ONE, self._condition(context, inner, scope, depth), -1)
        raise AssertionError(condition)


def _mentions(a: Atom, name: str) -> bool:
    """Whether an entry of the tensor stands in the atom, at any depth."""
    if a.kind is Kind.TENSOR:
        return bool(a.args[0] == name)
    return any(_mentions(inner, name) for monomial in parts(a) for inner, _ in monomial)


def _mean(context: Context, a: Atom, name: str, value: Form) -> Form:
    """The mean of an atom that is linear in the tensor."""
    if a.kind is Kind.TENSOR:
        for end in guards_of(context, ((a, 1),)):       # outside its shape the entry is 0, not random
            value = mul(value, guard(end))
        return value
    if a.kind is Kind.SUM:
        holders = [b for b, e in a.args[1] if _mentions(b, name)]
        if len(holders) == 1 and dict(a.args[1])[holders[0]] == 1 and holders[0].kind is Kind.TENSOR:
            names, body = open_sum(context, a, frozenset())
            entry = next(b for b, _ in body if b.kind is Kind.TENSOR and b.args[0] == name)
            rest: Monomial = tuple(p for p in body if p[0] is not entry)
            return close(context, names, mul({rest: 1}, value))
    raise Unsupported(f"the mean of a function of {name} that is not linear is not worked out yet")


def _index_facts(context: Context, condition: Condition, scope: Scope) -> list[Affine]:
    """What a condition on indices says, as forms >= 0."""
    match condition:
        case CompareIndex(op, left, right):
            gap = right.substitute(scope) - left.substitute(scope)
            match op:
                case "<=":
                    return [gap]
                case "=":
                    return [gap, -gap]
                case _:
                    if context.implies(gap):
                        return [gap - 1]
                    return [-gap - 1] if context.implies(-gap) else []
        case And(conditions):
            return [fact for c in conditions for fact in _index_facts(context, c, scope)]
        case Not(CompareIndex(op, left, right)):
            match op:
                case "<=":
                    return [left.substitute(scope) - right.substitute(scope) - 1]
                case "=":
                    return _index_facts(context, CompareIndex("!=", left, right), scope)
                case _:
                    return _index_facts(context, CompareIndex("=", left, right), scope)
        case Not(Not(inner)):
            return _index_facts(context, inner, scope)
        case Not(Or(conditions)):
            return [fact for c in conditions for fact in _index_facts(context, Not(c), scope)]
        case _:
            return []
