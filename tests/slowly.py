"""The plain evaluator: what a tree means, read off word by word. The oracle of the fast and clever parts."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from flint import arb, ctx

from derivs.affine import Affine
from derivs.expr import (
    Add,
    And,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Delta,
    Entry,
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
)
from derivs.problem import Tensor
from derivs.rules.functions import FUNCTIONS

BITS = 300


class Undefined(Exception):
    """No value here."""


class Imprecise(Undefined):
    """A value too large or too small for 300 bits to compare with 0: the point says nothing."""


def value(expr: Tree, tensors: Mapping[str, Tensor], names: dict[str, int],
          entries: Mapping[tuple[str, tuple[int, ...]], Fraction]) -> arb:
    """The value of an expression, or 0 / 1 for a condition; balls of 300 bits, whose meeting 0 counts as 0."""
    ctx.prec = BITS

    def go(e: Tree) -> arb:
        match e:
            case Number(v):
                return arb(v.numerator) / v.denominator
            case Integer(form):
                return arb(form.at(names))
            case Entry(tensor, at):
                place = tuple(f.at(names) for f in at)
                sizes = [s.at(names) for s in tensors[tensor].shape]
                if any(not 1 <= p <= s for p, s in zip(place, sizes, strict=True)):
                    assert tensors[tensor].zero_outside, (e, names)
                    return arb(0)
                v = entries[tensor, place]
                return arb(v.numerator) / v.denominator
            case Add(parts):
                return sum(map(go, parts), arb(0))
            case Mul(parts):
                product = arb(1)
                for p in sorted(parts, key=lambda p: not isinstance(p, Delta | Indicator)):
                    product *= go(p)
                    if isinstance(p, Delta | Indicator) and product == 0:
                        return arb(0)              # what an indicator rules out is not looked at
                return product
            case Pow(base, exponent):
                return root(go(base), go(exponent), exponent)
            case Apply(f, arguments):
                row = FUNCTIONS[f]
                if row.meaning:
                    return go(row.meaning(*arguments))
                return primitive(f, [go(a) for a in arguments])
            case Sum(k, low, high, body):
                return sum(each(k, low, high, body), arb(0))
            case Largest(k, low, high, body):
                best = None
                for u in each(k, low, high, body):
                    best = u if best is None or u > best else best
                if best is None:
                    raise Undefined
                return best
            case Delta(left, right):
                return arb(left.at(names) == right.at(names))
            case Indicator(condition):
                return arb(holds(condition))
            case Cases(branches, otherwise):
                for v, c in branches:
                    if holds(c):
                        return go(v)
                if otherwise is None:
                    raise Undefined
                return go(otherwise)
        raise NotImplementedError(e)

    def each(k: str, low: Affine, high: Affine, body: Tree) -> list[arb]:
        found = []
        before = names.get(k)
        for n in range(low.at(names), high.at(names) + 1):
            names[k] = n
            found.append(go(body))
            if before is None:
                del names[k]
            else:
                names[k] = before
        return found

    def holds(c: Tree) -> bool:
        match c:
            case Compare(op, left, right):
                gap = go(right) - go(left)
                tie = zero(gap)
                return {"<": not tie and gap > 0, "<=": tie or bool(gap > 0), "=": tie, "!=": not tie}[op]
            case CompareIndex(op, low, high):
                a, b = low.at(names), high.at(names)
                return {"<=": a <= b, "=": a == b, "!=": a != b}[op]
            case And(parts):
                return all(map(holds, parts))
            case Or(parts):
                return any(map(holds, parts))
            case Not(part):
                return not holds(part)
        raise NotImplementedError(c)

    return go(expr)


def zero(u: arb) -> bool:
    """Whether a ball holds 0 (and is small enough to mean it)."""
    if not u.contains(0):
        return False
    if not u.rad() < arb(2) ** (-BITS // 2):
        raise Imprecise
    return True


def root(base: arb, exponent: arb, written: Tree) -> arb:
    if isinstance(written, Number) and written.value.denominator == 1:
        n = written.value.numerator
        if n < 0 and zero(base):
            raise Undefined
        whole = arb(1)                     # arb's own power of a ball around 0 is nan
        for _ in range(abs(n)):
            whole *= base
        return whole if n >= 0 else 1 / whole
    if zero(base):
        if isinstance(written, Number) and written.value > 0:
            return arb(0)
        raise Undefined
    if base < 0:
        raise Undefined
    return base ** exponent


def primitive(f: str, arguments: list[arb]) -> arb:
    match f:
        case "pi":
            return arb.pi()
        case "log" if zero(arguments[0]) or arguments[0] < 0:
            raise Undefined
        case _:
            return getattr(arguments[0], f)()
