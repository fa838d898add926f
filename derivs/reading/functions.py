r"""Functions as they are written: `\log x`, `\sigma'(z)`, `\max(0, x)`, `softmax(z)_i`, `diag(y)`, `f(x)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.differentiate import differentiate
from derivs.errors import Mismatch, UnknownLength, Unreadable
from derivs.expr import (
    ZERO,
    Apply,
    Compare,
    Entry,
    Expr,
    Indicator,
    Integer,
    Largest,
    Sum,
    divide,
    mul,
    negate,
    power,
    reindex,
    replace_entries,
    subtract,
)
from derivs.reading.choices import Option
from derivs.reading.naming import rows, without_primes
from derivs.reading.spelling import bare, key
from derivs.reading.state import State
from derivs.reading.syntax import Group, Node, Scripts
from derivs.reading.value import (
    Axis,
    Value,
    at,
    diagonal,
    elementwise,
    fresh,
    mapped,
    renewed,
    total,
    transposed,
)
from derivs.reading.vocabulary import Formula

WORDS: Final = {                        # as written: the function of the table, or one of SPECIAL
    "exp": "exp", "log": "log", "ln": "log", "tanh": "tanh", "sinh": "sinh", "cosh": "cosh", "erf": "erf",
    "sin": "sin", "cos": "cos", "sigmoid": "sigmoid", "relu": "relu", "ReLU": "relu", "softplus": "softplus",
    "sign": "sign", "sgn": "sign", "abs": "abs", "max": "max", "min": "min", "softmax": "softmax", "mean": "mean",
    "var": "var", "Var": "var", "sum": "sum", "diag": "diag", "Diag": "diag", "tr": "trace", "Tr": "trace",
    "trace": "trace", "sqrt": "sqrt", "lrelu": "leaky_relu", "vec": "vec"}
OF_ONE_ENTRY = Option("the softmax of one entry is taken as that entry of the softmax", r"write softmax(x)_i")
EXPONENT = "\\exp^{..} is taken as e^{..}"


@dataclass(frozen=True, slots=True)
class Function:
    """A function at a place in the text: what it is, how often it is differentiated, and the scripts before `(`."""

    kind: str | Formula
    primes: int
    below: Node | None
    above: Node | None
    is_word: bool


def function(s: State, node: Node) -> Function | None:
    """The function that a node names; None if it names none."""
    inner = bare(node)
    known = _kind(s, key(inner))
    if known is not None:
        return Function(known, 0, None, None, key(inner) in WORDS)
    if isinstance(inner, Scripts):
        base = key(inner.base)
        if inner.primes and (known := _kind(s, key(without_primes(inner)))) is not None:
            return Function(known, inner.primes, None, None, base in WORDS)
        known = _kind(s, base)
        if known is not None:
            return Function(known, inner.primes, inner.below, inner.above, base in WORDS)
    return None


def _kind(s: State, name: str) -> str | Formula | None:
    if name in s.vocabulary.functions:
        return s.vocabulary.functions[name]
    if s.vocabulary.has_base(name):
        return None
    return "sigmoid" if name == "sigma" else WORDS.get(name)


def apply(s: State, f: Function, arguments: Sequence[Value], node: Node) -> Value:
    """The function's value. Raises Unreadable, Mismatch."""
    if isinstance(f.kind, Formula):
        raise Unreadable("the derivative of this function is not read yet: write it out", node.span)
    if f.kind in SPECIAL:
        if f.primes:
            raise Unreadable(f"the derivative of {f.kind} is not written with a prime", node.span)
        return SPECIAL[f.kind](s, arguments, node)
    if len(arguments) != 1:
        raise Unreadable(f"{f.kind.lstrip('?')} has one argument, here it has {len(arguments)}", node.span)
    return mapped(arguments[0], lambda u: derived(s, f.kind, f.primes, u))  # type: ignore[arg-type]


def derived(s: State, kind: str, times: int, argument: Expr) -> Expr:
    """f(u), f'(u), f''(u), by the table of functions and the exercise's conventions."""
    dummy = Entry("_u")
    result: Expr = Apply(kind, (dummy,))
    for _ in range(times):
        result = differentiate(result, dummy, s.problem.kinks)
    return replace_entries(result, lambda entry: argument if entry is dummy or entry == dummy else entry)  # type: ignore[no-any-return]


# ---- functions of vectors and matrices -------------------------------------------------------------------------------

def _one(arguments: Sequence[Value], node: Node) -> Value:
    if len(arguments) != 1:
        raise Unreadable(f"one argument is expected, here there are {len(arguments)}", node.span)
    return arguments[0]


def _softmax(s: State, arguments: Sequence[Value], node: Node) -> Value:
    value = _one(arguments, node)
    if value.rank == 0:
        body = value.body
        if not (isinstance(body, Entry) and body.at and s.choose("softmax", Option(""), OF_ONE_ENTRY)):
            raise Mismatch("the softmax of a number")
        index = fresh()
        size = s.extended.tensors[body.tensor].shape[-1]
        whole = Value(Entry(body.tensor, (*body.at[:-1], symbol(index))), (Axis(index, size),))
        return at(_softmax(s, [whole], node), [body.at[-1]])
    axis = value.axes[-1]
    if axis.size is None:
        raise UnknownLength("the softmax of a vector whose length is not known")
    other = renewed(value)
    shared = {a.index: symbol(b.index) for a, b in zip(other.axes[:-1], value.axes[:-1], strict=True)}
    again = reindex(other.body, shared)
    normal = Sum(other.axes[-1].index, FIRST, axis.size, Apply("exp", (again,)))
    return mapped(value, lambda u: divide(Apply("exp", (u,)), normal))


def _mean(s: State, arguments: Sequence[Value], node: Node) -> Value:
    value = _one(arguments, node)
    return Value(mul(total(value).body, *(_reciprocal(axis.size) for axis in value.axes)))


def _reciprocal(size: Affine | None) -> Expr:
    if size is None:
        raise UnknownLength("the mean of what has no known length")
    return power(Integer(size), -1)


def _var(s: State, arguments: Sequence[Value], node: Node) -> Value:
    value = _one(arguments, node)
    mean = _mean(s, [renewed(value)], node)
    return _mean(s, [mapped(value, lambda u: power(subtract(u, mean.body), 2))], node)


def _sum(s: State, arguments: Sequence[Value], node: Node) -> Value:
    return total(_one(arguments, node))


def _sum_of_rows(s: State, arguments: Sequence[Value], node: Node) -> Value:
    value = _one(arguments, node)
    if value.rank != 2:
        raise Mismatch(f"the sum of each row of {value}")
    return total(value, [1])


def _diag(s: State, arguments: Sequence[Value], node: Node) -> Value:
    return diagonal(_one(arguments, node))


def _trace(s: State, arguments: Sequence[Value], node: Node) -> Value:
    value = _one(arguments, node)
    if value.rank == 1:
        raise Mismatch("the trace of a vector")
    return value if value.rank == 0 else total(diagonal(value))


def _largest(s: State, arguments: Sequence[Value], node: Node) -> Value:
    if len(arguments) == 1 and arguments[0].rank:
        body = arguments[0].body
        for axis in reversed(arguments[0].axes):
            if axis.size is None:
                raise UnknownLength("the maximum over an axis whose length is not known")
            body = Largest(axis.index, FIRST, axis.size, body)
        return Value(body)
    return _fold(arguments, lambda a, b: largest(a, b), node)


def largest(a: Expr, b: Expr) -> Expr:
    """max(a, b). What is cut off at 0 is a ReLU, whose derivative at 0 people take to be 0, not 1/2."""
    if ZERO in (a, b) and a != b:
        return Apply("relu", (a if b == ZERO else b,))
    return Apply("max", (a, b))


def _smallest(s: State, arguments: Sequence[Value], node: Node) -> Value:
    if len(arguments) == 1 and arguments[0].rank:
        opposite = _largest(s, [mapped(arguments[0], negate)], node)
        return mapped(opposite, negate)
    return _fold(arguments, lambda a, b: Apply("min", (a, b)), node)


def _fold(arguments: Sequence[Value], combine: Callable[[Expr, Expr], Expr], node: Node) -> Value:
    if len(arguments) < 2:
        raise Unreadable("at least two arguments are expected here", node.span)
    result = arguments[0]
    for value in arguments[1:]:
        result = elementwise(result, value, combine, "the maximum")
    return result


def _heaviside(s: State, arguments: Sequence[Value], node: Node) -> Value:
    return mapped(_one(arguments, node), lambda u: Indicator(Compare("<", ZERO, u)))


def _root(s: State, arguments: Sequence[Value], node: Node) -> Value:
    return mapped(_one(arguments, node), lambda u: power(u, Fraction(1, 2)))


def _transpose(s: State, arguments: Sequence[Value], node: Node) -> Value:
    return transposed(_one(arguments, node), rows(s))


def _unknown(s: State, arguments: Sequence[Value], node: Node) -> Value:
    raise Unreadable("an unknown function of tensors is read as the loss only", node.span,
                     mend="in [forward], let it stand alone, of nodes: 'L' = 'f(y)'")


def _leaky(s: State, arguments: Sequence[Value], node: Node) -> Value:
    if len(arguments) != 2:
        raise Unreadable("the leaky ReLU has two arguments: u and its slope", node.span)
    return elementwise(arguments[0], arguments[1], lambda u, a: Apply("leaky_relu", (u, a)), "the leaky ReLU")


SPECIAL: Final[dict[str, Callable[[State, Sequence[Value], Node], Value]]] = {
    "softmax": _softmax, "mean": _mean, "var": _var, "sum": _sum, "sum of each row": _sum_of_rows, "diag": _diag,
    "trace": _trace, "max": _largest, "min": _smallest, "heaviside": _heaviside, "sqrt": _root,
    "transpose": _transpose, "leaky_relu": _leaky, "any scalar": _unknown}


# ---- norms -----------------------------------------------------------------------------------------------------------

def norm(s: State, value: Value, below: Node | None, node: Node) -> Value:
    """The norm of a vector or matrix: 2 (or F), or 1."""
    if below is not None and key(below) == "1":
        return total(mapped(value, lambda u: Apply("abs", (u,))))
    return mapped(norm_squared(s, value, below, node), lambda u: power(u, Fraction(1, 2)))


def norm_squared(s: State, value: Value, below: Node | None, node: Node) -> Value:
    """The square of the norm, without a root."""
    if below is not None and key(below) == "1":
        return mapped(norm(s, value, below, node), lambda u: power(u, 2))
    if below is not None and key(below) not in ("2", "F"):
        raise Unreadable(f"the norm {key(below)} is not read", node.span, mend="write it as a sum")
    return total(mapped(value, lambda u: power(u, 2)))


def is_group(node: Node | None) -> bool:
    """Whether brackets stand here."""
    inner = None if node is None else bare(node)
    return isinstance(inner, Group) and inner.kind in ("(", "[", "\\{", "{")
