"""Formulas that overflow or cancel in floating point, and what is written instead: equal on paper, a row each.

Higham: Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002). Blanchard, Higham & Higham: Accurately computing
the log-sum-exp and softmax functions, IMA J. Numer. Anal. 41 (2021), 2311-2330. Mächler: Accurately computing
log(1 - exp(-|a|)), R package Rmpfr (2012).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from derivs.affine import symbol
from derivs.expr import (
    ONE,
    Add,
    Apply,
    Entry,
    Expr,
    Integer,
    Largest,
    Mul,
    Number,
    Pow,
    Sum,
    add,
    mul,
    names_in,
    negate,
    number,
    power,
    rebuild,
    reindex,
    subtract,
    walk,
)
from derivs.problem import Definition

Definitions = Mapping[str, Definition]
MINUS_ONE = Number(Fraction(-1))
LOOKS = 8                              # rows that are applied to one formula, one after the other


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A pattern with what is computed instead; None where it does not apply. why: what goes wrong otherwise."""

    name: str
    says: str
    apply: Callable[[Expr, Definitions], Expr | None]
    why: str
    source: str


def stable(expr: Expr, definitions: Definitions) -> Expr:
    """The expression with every row applied, from the inside out. definitions: nodes that a logarithm looks through."""
    found: Expr = rebuild(expr, lambda part: stable(part, definitions))
    for _ in range(LOOKS):
        new = next((new for row in REWRITES if (new := row.apply(found, definitions)) is not None), None)
        if new is None:
            return found
        found = new
    return found


# ---- patterns

def _exponent(expr: Expr) -> Expr | None:
    """u of e^u."""
    return expr.arguments[0] if isinstance(expr, Apply) and expr.function == "exp" else None


def _sum_of_exponentials(expr: Expr) -> tuple[Sum, Expr] | None:
    """The sum and v of sum_k e^{v_k}, not shifted yet."""
    if isinstance(expr, Sum):
        v = _exponent(expr.body)
        if v is not None and not any(isinstance(node, Largest) for node in walk(v)):
            return expr, v
    return None


def _peak(whole: Sum, v: Expr) -> Expr:
    return Largest(whole.index, whole.low, whole.high, v)


def _shifted(whole: Sum, v: Expr) -> Expr:
    """sum_k e^{v_k - max v}."""
    return Sum(whole.index, whole.low, whole.high, Apply("exp", (subtract(v, _peak(whole, v)),)))


def _softmax_of(expr: Expr) -> tuple[Expr, Sum, Expr, tuple[Expr, ...]] | None:
    """u, the sum, v and the other factors of e^{u_i} / sum_k e^{v_k} where v is u at another index."""
    factors = expr.factors if isinstance(expr, Mul) else ()
    for top in factors:
        u = _exponent(top)
        for bottom in factors:
            below = (_sum_of_exponentials(bottom.base)
                     if isinstance(bottom, Pow) and bottom.exponent == MINUS_ONE else None)
            if u is None or below is None:
                continue
            whole, v = below
            if any(reindex(u, {name: symbol(whole.index)}) == v for name in names_in(u)):
                return u, whole, v, tuple(f for f in factors if f is not top and f is not bottom)
    return None


def _softmax(expr: Expr, _: Definitions) -> Expr | None:
    found = _softmax_of(expr)
    if found is None:
        return None
    u, whole, v, rest = found
    return mul(*rest, Apply("exp", (subtract(u, _peak(whole, v)),)), power(_shifted(whole, v), -1))


def _log_sum_exp(expr: Expr, _: Definitions) -> Expr | None:
    found = _sum_of_exponentials(_logarithm(expr) or ONE)
    return found and add(_peak(*found), Apply("log", (_shifted(*found),)))


def _log_softmax(expr: Expr, definitions: Definitions) -> Expr | None:
    found = _softmax_of(_seen(_logarithm(expr), definitions))
    if found is None or found[3]:
        return None
    u, whole, v, _ = found
    return subtract(subtract(u, _peak(whole, v)), Apply("log", (_shifted(whole, v),)))


def _log_exp(expr: Expr, definitions: Definitions) -> Expr | None:
    match _logarithm(expr):
        case Pow(base, Number() as exponent):
            u = _exponent(_seen(base, definitions))
            return None if u is None else mul(exponent, u)
        case base:
            return _exponent(_seen(base, definitions))


def _sigmoid(expr: Expr, _: Definitions) -> Expr | None:
    """1/(1 + e^u), with e^u in front of it or not."""
    if isinstance(expr, Pow) and expr.exponent == MINUS_ONE:
        u = _one_plus_exp(expr.base)
        return None if u is None else Apply("sigmoid", (negate(u),))
    if isinstance(expr, Mul):
        for below in expr.factors:
            match below:
                case Apply("sigmoid", (v,)):
                    u = negate(v)
                    if Apply("exp", (u,)) in expr.factors:
                        rest = [f for f in expr.factors if f is not below and f != Apply("exp", (u,))]
                        return mul(*rest, Apply("sigmoid", (u,)))
    return None


def _softplus(expr: Expr, _: Definitions) -> Expr | None:
    u = _one_plus_exp(_logarithm(expr))
    return None if u is None else Apply("softplus", (u,))


def _log_sigmoid(expr: Expr, definitions: Definitions) -> Expr | None:
    """log s(u) = -softplus(-u), and log(1 - s(u)) = -softplus(u)."""
    inside = _logarithm(expr)
    match _seen(inside, definitions):
        case Apply("sigmoid", (u,)):
            return negate(Apply("softplus", (negate(u),)))
    if isinstance(inside, Add) and len(inside.terms) == 2 and ONE in inside.terms:
        other = next(term for term in inside.terms if term != ONE)
        match _seen(negate(other), definitions):
            case Apply("sigmoid", (u,)):
                return negate(Apply("softplus", (u,)))
    return None


def _two_passes(expr: Expr, definitions: Definitions) -> Expr | None:
    """(1/n) sum_i x_i^2 - mean^2, the mean being a node."""
    if not isinstance(expr, Add) or len(expr.terms) != 2:
        return None
    for squares, minus in (expr.terms, expr.terms[::-1]):
        match squares, negate(minus):
            case (Mul((Pow(Integer() as n, exponent), Sum(k, low, high, Pow(x, Number(two))))),
                  Pow(Entry() as mean, Number(also))) if exponent == MINUS_ONE and two == also == 2:
                average = _seen(mean, definitions)
                if isinstance(average, Mul) and power(n, -1) in average.factors:
                    sums = [f for f in average.factors if isinstance(f, Sum)]
                    if len(sums) == 1 and reindex(sums[0].body, {sums[0].index: symbol(k)}) == x:
                        return mul(power(n, -1), Sum(k, low, high, power(subtract(x, mean), 2)))
    return None


def _logarithm(expr: Expr) -> Expr | None:
    """u of log u."""
    return expr.arguments[0] if isinstance(expr, Apply) and expr.function == "log" else None


def _one_plus_exp(expr: Expr | None) -> Expr | None:
    """u of 1 + e^u."""
    if isinstance(expr, Add) and len(expr.terms) == 2 and ONE in expr.terms:
        return _exponent(next((term for term in expr.terms if term != ONE), ONE))
    return None


def _seen(expr: Expr | None, definitions: Definitions) -> Expr:
    """What a node is made of; anything else as it is."""
    if isinstance(expr, Entry) and expr.tensor in definitions:
        definition = definitions[expr.tensor]
        value: Expr = reindex(definition.value, dict(zip(definition.indices, expr.at, strict=True)))
        found = _sigmoid(value, definitions)
        return value if found is None else found
    return number(0) if expr is None else expr


OVERFLOW = "e^u overflows from u = 710 on (88 in float32), and ∞/∞ is no number"
REWRITES = (
    Rewrite("softmax", "e^{u_i} / Σ_k e^{u_k} = e^{u_i - M} / Σ_k e^{u_k - M}, M = max_k u_k", _softmax,
            OVERFLOW, "Blanchard, Higham & Higham (2021), eq. 1.4 and sec. 3"),
    Rewrite("log-sum-exp", "log Σ_k e^{u_k} = M + log Σ_k e^{u_k - M}, M = max_k u_k", _log_sum_exp,
            OVERFLOW, "Blanchard, Higham & Higham (2021), eq. 1.3 and algorithm 3.1"),
    Rewrite("log-softmax", "log(e^{u_i} / Σ_k e^{u_k}) = u_i - M - log Σ_k e^{u_k - M}", _log_softmax,
            "a probability that underflows has the logarithm -∞", "Blanchard, Higham & Higham (2021), sec. 5"),
    Rewrite("log of exp", "log(e^u)^c = c u", _log_exp, "e^u over- or underflows, its logarithm does not",
            "Higham (2002), sec. 1.13: intermediate results need not be larger than the answer"),
    Rewrite("sigmoid", "1 / (1 + e^{-u}) = e^u / (1 + e^u), whichever exponent is not positive", _sigmoid,
            OVERFLOW, "Higham (2002), sec. 1.13"),
    Rewrite("softplus", "log(1 + e^u) = max(u, 0) + log1p(e^{-|u|})", _softplus,
            "e^u overflows for large u, and 1 + e^u rounds to 1 for u < -37", "Mächler (2012), eq. 10"),
    Rewrite("log-sigmoid", "log s(u) = -softplus(-u), log(1 - s(u)) = -softplus(u)", _log_sigmoid,
            "s(u) underflows or rounds to 1, and its logarithm is -∞", "Mächler (2012), eq. 10"),
    Rewrite("variance", "1/n Σ x_i² - μ² = 1/n Σ (x_i - μ)²", _two_passes,
            "the two cancel where the mean is large beside the spread", "Higham (2002), sec. 1.9"),
)
