"""The partial derivative of a tree by one entry, all other entries held fixed.

Sum, product, power and chain rule, and the table of functions; nothing is simplified here (`derivs.tidy` does).
"""

from __future__ import annotations

from collections.abc import Mapping

from derivs.affine import symbol
from derivs.errors import Unsupported
from derivs.expr import (
    ONE,
    ZERO,
    Add,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Delta,
    Derivative,
    Entry,
    Expectation,
    Expr,
    Indicator,
    Integer,
    Largest,
    Mul,
    Number,
    Pow,
    Sum,
    add,
    fresh,
    mul,
    names_in,
    number,
    power,
    reindex,
    subtract,
    tensors_in,
)
from derivs.rules.functions import apply, row


def differentiate(expr: Expr, by: Entry, kinks: Mapping[str, Expr] | None = None, named: Entry | None = None) -> Expr:
    """∂expr/∂by. `kinks`: the derivative of a function where it has none, where an exercise declares its own.

    named: the node whose definition expr is. Then the winner of a maximum y = max_k u_k is said as u_k = y.

    >>> differentiate(power(Entry("x"), 2), Entry("x"))
    Mul(factors=(Number(value=Fraction(2, 1)), Entry(tensor='x', at=())))
    """
    if by.tensor not in tensors_in(expr):
        return ZERO
    kinks = kinks or {}

    def d(part: Expr) -> Expr:
        return differentiate(part, by, kinks)

    match expr:
        case Entry(_, at):
            return mul(*(Delta(a, b) for a, b in zip(at, by.at, strict=True) if a is not b))
        case Add(terms):
            return add(*map(d, terms))
        case Mul(factors):
            return add(*(mul(*factors[:k], d(f), *factors[k + 1:]) for k, f in enumerate(factors)))
        case Pow(base, Number(n)):
            return mul(number(n), power(base, n - 1), d(base))
        case Pow(base, exponent):
            # d(b^e) = e b^(e-1) db + b^e log(b) de
            return add(mul(exponent, power(base, subtract(exponent, ONE)), d(base)),
                       mul(expr, apply("log", base), d(exponent)))
        case Apply(function, arguments):
            return add(*(mul(p, d(a)) for p, a in zip(_partials(function, arguments, kinks), arguments, strict=True)))
        case Sum(index, low, high, body):
            index, body = _apart(index, body, by)
            return _sum(index, low, high, differentiate(body, by, kinks))
        case Largest():
            return _by_the_winner(expr, by, kinks, named or expr)
        case Cases(branches, otherwise):
            return Cases(tuple((d(value), condition) for value, condition in branches),
                         None if otherwise is None else d(otherwise))
        case Expectation(tensor, mean, body):
            if by.tensor in tensors_in(mean):
                raise Unsupported("the derivative of a mean by its probability is not worked out yet")
            return Expectation(tensor, mean, d(body))
        case Derivative():
            raise Unsupported("a derivative inside a definition is not worked out")
        case Number() | Integer() | Delta() | Indicator():
            return ZERO


def _sum(index: str, low, high, body: Expr) -> Expr:  # type: ignore[no-untyped-def]
    return ZERO if body == ZERO else Sum(index, low, high, body)


def _apart(index: str, body: Expr, by: Entry) -> tuple[str, Expr]:
    """The bound index renamed where it is also an index of `by`: ∂/∂x_j of a sum over j must not capture."""
    taken = names_in(by)
    if index not in taken:
        return index, body
    new = fresh(index, taken | names_in(body))
    return new, reindex(body, {index: symbol(new)})


def _partials(function: str, arguments: tuple[Expr, ...], kinks: Mapping[str, Expr]) -> tuple[Expr, ...]:
    """The derivatives by each argument; on the kink, the convention's."""
    known = row(function)
    smooth = known.partials(*arguments)
    if known.kink is None:
        return smooth
    where, values = known.kink(*arguments)
    if function in kinks:
        values = (kinks[function], *values[1:])
    on = Indicator(Compare("=", where, ZERO))
    return tuple(add(s, mul(on, v)) for s, v in zip(smooth, values, strict=True))


def _by_the_winner(expr: Largest, by: Entry, kinks: Mapping[str, Expr], value: Expr) -> Expr:
    """∂ max_k u_k = ∂u at the first k, in reading order, where u_k is the maximum (JAX's reduce_window)."""
    binders: list[Largest] = []
    body: Expr = expr
    taken = names_in(by) | names_in(expr) | names_in(value)
    while isinstance(body, Largest):
        new = fresh(body.index, taken)
        taken |= {new}
        inner = reindex(body.body, {body.index: symbol(new)}) if new != body.index else body.body
        binders.append(Largest(new, body.low, body.high, inner))
        body = inner
    others = {}
    for binder in binders:
        others[binder.index] = fresh(binder.index, taken)
        taken |= {others[binder.index]}
    rival = reindex(body, {k: symbol(other) for k, other in others.items()})
    earlier: list[Expr] = []               # k' before k: k'_1 < k_1, or k'_1 = k_1 and k'_2 < k_2, ...
    equal: Expr = ONE
    for binder in binders:
        k, other = symbol(binder.index), symbol(others[binder.index])
        earlier.append(mul(equal, Indicator(CompareIndex("<=", other + 1, k))))
        equal = mul(equal, Delta(other, k))
    count = mul(add(*earlier), Indicator(Compare("=", rival, value)))
    for binder in reversed(binders):
        count = Sum(others[binder.index], binder.low, binder.high, count)
    first = Indicator(Compare("=", count, ZERO))
    result = mul(Indicator(Compare("=", body, value)), first, differentiate(body, by, kinks))
    for binder in reversed(binders):
        result = _sum(binder.index, binder.low, binder.high, result)
    return result
