"""The nouns of an exercise: tensors with their sizes, definitions in order, targets, and formulas that people gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from derivs.affine import ONE, Affine, symbol
from derivs.expr import Derivative, Entry, Expr
from derivs.shown import Shown

SHORT = 60                             # characters of an expression in a repr

Role = Literal["input", "parameter", "constant", "target", "node", "cotangent", "loss"]
Property = Literal["positive", "nonnegative", "in(0,1)", "binary", "onehot", "simplex"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A name with its shape: entries x_{1..n, ...}.

    properties: facts that proofs may use and samples obey. zero_outside: reading beyond the shape gives 0, as
    convolutions declare; otherwise it is ill-formed. latex: how the name is printed, if not by its letters.
    """

    name: str
    shape: tuple[Affine, ...] = ()
    role: Role = "input"
    properties: frozenset[Property] = frozenset()
    zero_outside: bool = False
    latex: str | None = None

    @property
    def is_positive(self) -> bool:
        return not self.properties.isdisjoint({"positive", "in(0,1)"})

    @property
    def is_nonnegative(self) -> bool:
        return self.is_positive or not self.properties.isdisjoint({"nonnegative", "binary", "onehot", "simplex"})


@dataclass(frozen=True, slots=True)
class Definition:
    """`tensor[indices] = value`: a named node of the graph. The indices run over the tensor's shape."""

    tensor: str
    indices: tuple[str, ...]
    value: Expr

    @property
    def entry(self) -> Entry:
        """The left side."""
        return Entry(self.tensor, tuple(map(symbol, self.indices)))


@dataclass(frozen=True, slots=True)
class Given:
    """A side condition left op right. `=`, `!=` between index forms, `=` between expressions."""

    op: Literal["=", "!="]
    left: Affine | Expr
    right: Affine | Expr


@dataclass(frozen=True, slots=True)
class Claim(Shown):
    """left = right under the conditions `given`. The left side is a derivative, or any expression of the exercise.

    where_left: the equation is meant where the left side has a value and the right side divides by nothing that
    happens to be zero; that the right side has a value elsewhere too, as when a fraction is reduced, is no difference.
    """

    left: Expr
    right: Expr
    given: tuple[Given, ...] = ()
    where_left: bool = False
    problem: Problem | None = field(default=None, compare=False, repr=False, kw_only=True)     # whose names it prints

    def __repr__(self) -> str:
        return f"Claim({_short(self.left)} = {_short(self.right)})"


@dataclass(frozen=True, slots=True)
class Target(Shown):
    """What the exercise asks for, with the textbook answer. stated: whether it is the author who says it.

    Where the author says nothing, the right side is what reverse mode gives.
    """

    claim: Claim
    note: str = ""
    stated: bool = True


@dataclass(frozen=True, slots=True)
class Hand:
    """A formula that a person wrote down. `wrong` is the reason why it is wrong, empty for a right one."""

    claim: Claim
    source: str
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Problem(Shown):
    """An exercise. Sizes are at least 1; `facts` are further forms known to be >= 0 (`H - h` for H >= h).

    definitions: in order, each may read the tensors above it. loss: the letter of the loss E, a smooth function of the
    nodes `outputs`, whose cotangents (the upstream gradients, `bar(y)`) are given; a scalar node is its own loss.
    kinks: the value of a function's derivative where it has none, by function, where the exercise differs from the
    convention of `derivs.rules.functions`. indices: letters whose range no axis tells.
    reference: an independent JAX forward pass, input arrays by name to the outputs by name.
    index_base: 0 or 1, where the indices begin in print; here they run from 1. layout: whether a vector is a column or
    a row where a formula is written in matrices, "" where nobody said.
    """

    name: str
    title: str
    source: str
    tensors: Mapping[str, Tensor]
    definitions: tuple[Definition, ...]
    loss: str
    outputs: tuple[str, ...]
    targets: tuple[Target, ...] = ()
    hands: tuple[Hand, ...] = ()
    facts: tuple[Affine, ...] = ()
    kinks: Mapping[str, Expr] = field(default_factory=dict)
    indices: Mapping[str, tuple[Affine, Affine]] = field(default_factory=dict)
    reference: Callable[..., Any] | None = None
    description: str = ""
    index_base: int = 1
    layout: Literal["", "column", "row"] = ""
    sizes: tuple[str, ...] = field(init=False, compare=False)         # the letters of the sizes, in order of appearance
    _definitions: Mapping[str, Definition] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        shapes = (form for tensor in self.tensors.values() for form in tensor.shape)
        letters = dict.fromkeys(name for form in (*shapes, *self.facts) for name in sorted(form.names))
        object.__setattr__(self, "sizes", tuple(letters))
        object.__setattr__(self, "_definitions", {d.tensor: d for d in reversed(self.definitions)})

    def __repr__(self) -> str:
        return f"Problem({self.name!r}, {len(self.targets)} targets)"

    def definition(self, tensor: str) -> Definition | None:
        """How a node is computed; None for what is given."""
        return self._definitions.get(tensor)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What a forward pass is given, in order of declaration."""
        return tuple(t for t in self.tensors.values() if t.role in ("input", "parameter", "constant", "target"))

    @property
    def constraints(self) -> tuple[Affine, ...]:
        """All that is known of the sizes, as forms >= 0: each letter and each shape at least 1, and the facts."""
        shapes = (form - ONE for tensor in self.tensors.values() for form in tensor.shape if not form.is_constant)
        letters = (symbol(name) - ONE for name in self.sizes)
        return tuple(dict.fromkeys((*letters, *self.facts, *shapes)))


def _short(expr: Expr) -> str:
    said = repr(expr)
    return said if len(said) <= SHORT else said[:SHORT - 1] + "…"


def bar(tensor: str) -> str:
    """The name of a tensor's cotangent: bar(x)[j] is the derivative of the loss by x[j]."""
    return tensor + "_bar"


def gradient(problem: Problem, by: Entry) -> Derivative:
    """The derivative of the loss by an entry."""
    return Derivative(Entry(problem.loss), by)
