"""Random expressions in index notation, and random changes of them that keep or break the value."""

from __future__ import annotations

from hypothesis import strategies as st
from words import *

from derivs.expr import (
    Cases,
    Compare,
    CompareIndex,
    Indicator,
    Largest,
    Mul,
    Pow,
    Sum,
    children,
    fresh,
    names_in,
    rebuild,
    reindex,
)

TENSORS = declare(T("x", "m"), T("z", "m"), T("Y", "m", "m"), T("w", "m", zero=True), T("a"), T("b"),
                  T("v", props="positive"))
PROBLEM = problem("random", TENSORS, outputs=())
FREE = ("i", "j")


def affines(indices: tuple[str, ...]) -> st.SearchStrategy[Affine]:
    """Subscripts that may leave 1..m, for a tensor that is zero outside."""
    index = st.sampled_from(indices).map(V)
    return st.one_of(index, st.tuples(index, st.sampled_from((-1, 1))).map(lambda p: p[0] + p[1]),
                     st.tuples(index, index).map(lambda p: p[0] - p[1] + 1),
                     index.map(lambda k: V("m") - k + 1))


def leaves(indices: tuple[str, ...]) -> st.SearchStrategy[Expr]:
    index = st.sampled_from(indices)
    return st.one_of(
        index.map(lambda k: E("x", k)), index.map(lambda k: E("z", k)),
        st.tuples(index, index).map(lambda p: E("Y", *p)),
        affines(indices).map(lambda f: E("w", f)),
        st.sampled_from((E("a"), E("b"), E("v"), N("m"), N(-1), N(2), N(Fraction(1, 2)))),
        index.map(N),
        st.tuples(index, index).map(lambda p: d(*p)))


def positives(inner: st.SearchStrategy[Expr], indices: tuple[str, ...], smooth: bool) -> st.SearchStrategy[Expr]:
    """Expressions that are positive everywhere, for denominators, roots and logarithms."""
    kinked = () if smooth else (inner.map(lambda u: add(E("v"), apply("abs", u))),)
    return st.one_of(
        *kinked,
        st.just(E("v")), st.just(N("m")), inner.map(exp), inner.map(lambda u: add(N(1), power(u, 2))),
        st.sampled_from(indices).map(lambda k: S("n'", "m", exp(E("x", "n'")))))


def conditions(inner: st.SearchStrategy[Expr], indices: tuple[str, ...]):  # type: ignore[no-untyped-def]
    index = st.sampled_from(indices).map(V)
    return st.one_of(
        st.tuples(st.sampled_from(("<", "<=", "=", "!=")), inner, inner).map(lambda p: Compare(*p)),
        st.tuples(st.sampled_from(("<=", "=", "!=")), index, index).map(lambda p: CompareIndex(*p)))


@st.composite
def expressions(draw, indices=FREE, depth=3, smooth=False) -> Expr:  # type: ignore[no-untyped-def]
    if depth == 0:
        return draw(leaves(indices))
    inner = expressions(indices, depth - 1, smooth)
    kinds = ["leaf", "add", "add", "mul", "mul", "power", "divide", "exp", "root", "log", *["sum"] * 3, "sigmoid"]
    if not smooth:
        kinds += ["max", "cases", "indicator", "relu"]
    match draw(st.sampled_from(kinds)):
        case "leaf":
            return draw(leaves(indices))
        case "add":
            return add(draw(inner), draw(inner))
        case "mul":
            return mul(draw(inner), draw(inner))
        case "power":
            return power(draw(inner), 2)
        case "divide":
            under = expressions(indices, max(depth - 2, 0), smooth)
            return divide(draw(inner), draw(positives(under, indices, smooth)))
        case "exp":
            return exp(draw(leaves(indices)))
        case "root":
            exponent = draw(st.sampled_from((Fraction(1, 2), Fraction(-3, 2))))
            return power(draw(positives(leaves(indices), indices, smooth)), exponent)
        case "log":
            return log(draw(positives(leaves(indices), indices, smooth)))
        case "sigmoid":
            return apply(draw(st.sampled_from(("sigmoid", "tanh", "softplus"))), draw(leaves(indices)))
        case "sum":
            index = fresh("k", set(indices))
            body = draw(expressions((*indices, index), depth - 1, smooth))
            low = draw(st.sampled_from((V(1), V(1), V(1), V(2), V(indices[0]))))
            high = draw(st.sampled_from((V("m"), V("m"), V("m"), V("m") - 1, V(indices[-1]))))
            return Sum(index, low, high, body)
        case "max":
            return apply(draw(st.sampled_from(("max", "min"))), draw(inner), draw(inner))
        case "relu":
            return apply(draw(st.sampled_from(("relu", "abs", "sign"))), draw(inner))
        case "cases":
            return Cases(((draw(inner), draw(conditions(leaves(indices), indices))),), draw(inner))
        case _:
            return mul(Indicator(draw(conditions(leaves(indices), indices))), draw(inner))


# ---- changes that keep the value

def _places(expr: Expr) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = [()]
    for k, part in enumerate(children(expr)):
        if not isinstance(part, Compare | CompareIndex):
            found += [(k, *rest) for rest in _places(part)]
    return found


def at(expr: Expr, place: tuple[int, ...], change) -> Expr:  # type: ignore[no-untyped-def]
    """The expression with one part changed."""
    if not place:
        return change(expr)
    seen = -1

    def part(p):  # type: ignore[no-untyped-def]
        nonlocal seen
        seen += 1
        return at(p, place[1:], change) if seen == place[0] else p

    return rebuild(expr, part)


def reverse(e: Expr) -> Expr:
    return type(e)(tuple(reversed(children(e)))) if isinstance(e, Add | Mul) else e


def rename(e: Expr) -> Expr:
    if not isinstance(e, Sum | Largest):
        return e
    new = fresh("r", names_in(e.body))
    return type(e)(new, e.low, e.high, reindex(e.body, {e.index: symbol(new)}))


def shift(e: Expr) -> Expr:
    """sum_k f(k) = sum_k f(k - 1), one further."""
    if not isinstance(e, Sum):
        return e
    return Sum(e.index, e.low + 1, e.high + 1, reindex(e.body, {e.index: symbol(e.index) - 1}))


def backwards(e: Expr) -> Expr:
    """sum_k f(k) = sum_k f(low + high - k)."""
    if not isinstance(e, Sum):
        return e
    return Sum(e.index, e.low, e.high, reindex(e.body, {e.index: e.low + e.high - symbol(e.index)}))


def distribute(e: Expr) -> Expr:
    if isinstance(e, Mul):
        for k, f in enumerate(e.factors):
            if isinstance(f, Add):
                return add(*(mul(*e.factors[:k], t, *e.factors[k + 1:]) for t in f.terms))
    if isinstance(e, Sum) and isinstance(e.body, Add):
        return add(*(Sum(e.index, e.low, e.high, t) for t in e.body.terms))
    return e


def plus_zero(e: Expr) -> Expr:
    return Add((e, E("a"), negate(E("a"))))


def times_one(e: Expr) -> Expr:
    u = add(N(1), exp(E("b")))
    return Mul((e, u, power(u, -1)))


def square(e: Expr) -> Expr:
    return Mul((e.base, e.base)) if isinstance(e, Pow) and e.exponent == N(2) else e


def exchange(e: Expr) -> Expr:
    """sum_k sum_l = sum_l sum_k."""
    if (isinstance(e, Sum) and isinstance(e.body, Sum) and e.index != e.body.index
            and e.index not in e.body.low.names | e.body.high.names):
        return Sum(e.body.index, e.body.low, e.body.high, Sum(e.index, e.low, e.high, e.body.body))
    return e


def split_sum(e: Expr) -> Expr:
    """sum_{k=1}^m f(k) = f(1) + sum_{k=2}^m f(k)."""
    if isinstance(e, Sum) and e.low == V(1) and e.high == V("m"):
        return add(reindex(e.body, {e.index: V(1)}), Sum(e.index, V(2), e.high, e.body))
    return e


SHUFFLES = (reverse, rename, exchange)
REWRITES = (reverse, rename, shift, backwards, distribute, plus_zero, times_one, square, exchange, split_sum)


# ---- changes that break the value, or not

def edit(expr: Expr, place: tuple[int, ...], number: int) -> Expr:
    """One slip: a sign, a factor, an exponent, a dropped part, another index, a shorter sum, another tensor."""
    def change(e: Expr) -> Expr:
        match number % 8:
            case 0:
                return negate(e)
            case 1:
                return mul(N(2), e)
            case 2:
                return power(e, 2)
            case 3:
                parts = children(e)
                return type(e)(parts[1:]) if isinstance(e, Add | Mul) and len(parts) > 2 else add(e, N(1))
            case 4:
                return reindex(e, {"i": symbol("j")})
            case 5:
                return Sum(e.index, e.low + 1, e.high, e.body) if isinstance(e, Sum) else mul(e, E("a"))
            case 6:
                return Entry("z", e.at) if isinstance(e, Entry) and e.tensor == "x" else mul(e, N("m"))
            case _:
                return e.body if isinstance(e, Sum) and e.index not in names_in(e.body) else add(e, d("i", "j"))

    return at(expr, place, change)


places = _places
