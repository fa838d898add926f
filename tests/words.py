"""Short words for writing trees in tests: the formulas should read like the mathematics."""

from __future__ import annotations

from fractions import Fraction

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.expr import (
    ONE,
    Add,
    Delta,
    Derivative,
    Entry,
    Expr,
    Integer,
    Number,
    Sum,
    add,
    divide,
    mul,
    negate,
    number,
    power,
    subtract,
)
from derivs.problem import Claim, Definition, Given, Problem, Tensor, bar
from derivs.rules.functions import apply


def V(name: str | Affine | int) -> Affine:
    """An index or a size."""
    return name if isinstance(name, Affine) else symbol(name) if isinstance(name, str) else FIRST * name


def E(tensor: str, *at: str | Affine | int) -> Entry:
    """x_{i,j}."""
    return Entry(tensor, tuple(map(V, at)))


def N(value: str | Affine | int | Fraction) -> Expr:
    """A number, or a size as a number."""
    return number(value) if isinstance(value, int | Fraction) else Integer(V(value))


def S(*parts: object) -> Expr:
    """S("k", "n", body): the sum over k = 1..n; S("k", 2, "n", body) from 2; S("k", "n", "l", "m", body) nests."""
    index, *rest = parts
    assert isinstance(index, str)
    body = rest[-1]
    if len(rest) == 2:
        low, high, inner = FIRST, rest[0], body
    elif len(rest) == 3:
        low, high, inner = rest[0], rest[1], body
    else:
        low, high, inner = FIRST, rest[0], S(*rest[1:])
    return Sum(index, V(low), V(high), inner)  # type: ignore[arg-type]


def d(i: str | Affine, j: str | Affine) -> Expr:
    """Kronecker's delta."""
    return Delta(V(i), V(j))


def exp(u: Expr) -> Expr:
    return apply("exp", u)


def log(u: Expr) -> Expr:
    return apply("log", u)


def sqrt(u: Expr) -> Expr:
    return power(u, Fraction(1, 2))


def sigmoid(u: Expr) -> Expr:
    return apply("sigmoid", u)


def declare(*tensors: Tensor, loss: str = "E") -> dict[str, Tensor]:
    """Tensors by name, each with its cotangent, and the loss letter."""
    found = {t.name: t for t in tensors}
    for t in tensors:
        found[bar(t.name)] = Tensor(bar(t.name), t.shape, "cotangent", zero_outside=t.zero_outside)
    found.setdefault(loss, Tensor(loss, (), "loss"))
    return found


def T(name: str, *shape: str | Affine | int, role: str = "input", zero: bool = False, props: str = "") -> Tensor:
    """A tensor with its shape."""
    return Tensor(name, tuple(map(V, shape)), role, frozenset(props.split()), zero)  # type: ignore[arg-type]


def problem(name: str, tensors: dict[str, Tensor], *definitions: Definition, outputs: tuple[str, ...] = ("y",),
            loss: str = "E", facts: tuple[Affine, ...] = ()) -> Problem:
    return Problem(name, name, "tests", tensors, definitions, loss, outputs, facts=facts)


def D(of: Entry | str, by: Entry, kind: str = "total") -> Derivative:
    return Derivative(E(of) if isinstance(of, str) else of, by, kind)  # type: ignore[arg-type]


__all__ = ["FIRST", "ONE", "Add", "Affine", "Claim", "D", "Definition", "E", "Entry", "Expr", "Fraction", "Given", "N",
           "Number", "Problem", "S", "T", "V", "add", "apply", "bar", "d", "declare", "divide", "exp", "log", "mul",
           "negate", "number", "power", "problem", "sigmoid", "sqrt", "subtract", "symbol"]
