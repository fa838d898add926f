"""A formula that holds an unknown H: as rest + Σ coefficient · H, so that it can be solved for H."""

from __future__ import annotations

from dataclasses import dataclass, replace

from derivs.affine import Affine, symbol
from derivs.expr import ONE, ZERO, Add, Entry, Expr, Mul, Sum, add, divide, mul, names_in, reindex, tensors_in

Binder = tuple[str, Affine, Affine]    # an index with its range


@dataclass(frozen=True, slots=True)
class Opened:
    """rest + Σ_binders coefficient · H."""

    binders: tuple[Binder, ...]
    coefficient: Expr
    rest: Expr


def opened(expr: Expr, unknown: Entry) -> Opened | None:
    """The formula around an unknown that stands in it once; None where it stands in a power or a function."""
    match expr:
        case Entry() if expr == unknown:
            return Opened((), ONE, ZERO)
        case Add(terms):
            found, others = _inside(terms, unknown)
            return found and replace(found, rest=add(*others, found.rest))
        case Mul(factors):
            found, others = _inside(factors, unknown)
            return found and replace(found, coefficient=mul(*others, found.coefficient), rest=mul(*others, found.rest))
        case Sum(index, low, high, body):
            found, _ = _inside((body,), unknown)
            rest = ZERO if found is None or found.rest == ZERO else Sum(index, low, high, found.rest)
            return found and replace(found, binders=((index, low, high), *found.binders), rest=rest)
    return None


def _inside(parts: tuple[Expr, ...], unknown: Entry) -> tuple[Opened | None, list[Expr]]:
    """The one part that holds the unknown, opened, and the others."""
    holding = [part for part in parts if unknown.tensor in tensors_in(part)]
    others = [part for part in parts if unknown.tensor not in tensors_in(part)]
    return (opened(holding[0], unknown) if len(holding) == 1 else None), others


def solution(value: Expr, coefficient: Expr) -> Expr:
    """H of coefficient · H = value."""
    return value if coefficient == ONE else divide(value, coefficient)


def summand(value: Expr, binders: tuple[Binder, ...]) -> Expr | None:
    """f where value is Σ_binders f as it is written, under the names of the binders; None where it is not."""
    if not binders:
        return value
    factors = value.factors if isinstance(value, Mul) else (value,)
    sums = [factor for factor in factors if isinstance(factor, Sum)]
    if len(sums) != 1:
        return None
    index, low, high = binders[0]
    others = mul(*(factor for factor in factors if factor is not sums[0]))
    if (sums[0].low, sums[0].high) != (low, high) or index in names_in(others):
        return None
    body = reindex(sums[0].body, {sums[0].index: symbol(index)})
    return summand(mul(others, body), binders[1:])
