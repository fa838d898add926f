"""The words in which an exercise is written, in SymPy, and how it becomes a Problem.

    n       = sizes("n")
    i, j, k = indices("i j k")
    x, y    = tensors("x y")
    E       = scalars("E")

    EXERCISE = Exercise(
        title="Softmax", source="...", inputs=[Input(x[n])],
        forward=[Node(y[i], exp(x[i]) / Sum(exp(x[k]), (k, 1, n)))],
        loss=E, of=y,
        targets=[Target(d(E, x[j]), y[j] * (bar(y)[j] - Sum(bar(y)[k] * y[k], (k, 1, n))))])

An index is a plain integer symbol whose range is that of the axis it stands on. SymPy 1.14 (cf. its issue 12532): with
k = Idx("k", (1, n)), Sum(x[k], (k, 1, n)).subs(n, 2).doit() is 2*x[k]; so Idx is not used.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import sympy

from derivs import problem as nouns
from derivs.affine import Affine
from derivs.border import (
    Expectation,
    Indicator,
    LocalQuotient,
    MaxOver,
    Quotient,
    form_from_sympy,
    from_sympy,
    leaky_relu,
    relu,
    sigmoid,
    softplus,
)
from derivs.derive import Graph
from derivs.errors import DerivsError, IllFormed, nearest
from derivs.expr import Derivative, Expr, number
from derivs.problem import Claim, Definition, Given, Problem, Property, Role, Tensor
from derivs.rules.functions import FUNCTIONS
from derivs.wellformed import disorder, gathered, inferred_shape, mistakes

__all__ = ["Constant", "Exercise", "Expectation", "Hand", "Indicator", "Input", "Label", "MaxOver", "Node", "Parameter",
           "Target", "bar", "build", "d", "indices", "leaky_relu", "local", "relu", "scalars", "sigmoid", "sizes",
           "softplus", "tensors"]

# ---- letters ---------------------------------------------------------------------------------------------------------

def sizes(names: str) -> Any:
    """Letters for the lengths of axes: `n, m = sizes("n m")`."""
    return sympy.symbols(names, integer=True, positive=True)


def indices(names: str) -> Any:
    """Letters that run over axes: `i, j = indices("i j")`."""
    return sympy.symbols(names, integer=True)


def scalars(names: str, **assumptions: bool) -> Any:
    """Numbers: `beta = scalars("beta", positive=True)`. What SymPy may assume of them, the exercise declares too."""
    return sympy.symbols(names, **(assumptions or {"real": True}))


def tensors(names: str, **assumptions: bool) -> Any:
    """Tensors, read as `x[i, j]`: `x, W = tensors("x W")`."""
    found = [sympy.IndexedBase(symbol.name, **(assumptions or {"real": True}))
             for symbol in sympy.symbols(names, seq=True)]
    return found[0] if len(found) == 1 else tuple(found)


d = Quotient
local = LocalQuotient


def bar(tensor: Any) -> Any:
    """The cotangent: `bar(y)[i]` is the derivative of the loss by y[i]; `bar(mu)` that by a scalar."""
    match tensor:
        case sympy.Indexed():
            return bar(tensor.base)[tensor.indices]
        case sympy.IndexedBase():
            return sympy.IndexedBase(nouns.bar(str(tensor.label)), real=True)
        case _:
            return sympy.Symbol(nouns.bar(str(tensor)), real=True)


# ---- declarations ----------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Declared:
    """A tensor that the forward pass is given: `x[n, m]`, its lengths in the brackets, or a scalar."""

    tensor: Any
    role: Role
    properties: tuple[str, ...]
    zero_outside: bool
    latex: str | None


def Input(tensor: Any, *properties: str, zero_outside: bool = False, latex: str | None = None) -> Declared:
    """What goes in; its gradient may be asked for."""
    return Declared(tensor, "input", properties, zero_outside, latex)


def Parameter(tensor: Any, *properties: str, zero_outside: bool = False, latex: str | None = None) -> Declared:
    """What is learned."""
    return Declared(tensor, "parameter", properties, zero_outside, latex)


def Constant(tensor: Any, *properties: str, zero_outside: bool = False, latex: str | None = None) -> Declared:
    """What is given and not differentiated by, such as a mask."""
    return Declared(tensor, "constant", properties, zero_outside, latex)


def Label(tensor: Any, *properties: str, zero_outside: bool = False, latex: str | None = None) -> Declared:
    """What the output is compared with."""
    return Declared(tensor, "target", properties, zero_outside, latex)


@dataclass(frozen=True, slots=True)
class Node:
    """A definition `left = value`. The shape is that of the axes its indices stand on, where they stand alone."""

    left: Any
    value: Any
    shape: Sequence[Any] | None = None
    zero_outside: bool = False
    latex: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked for; the answer is found. `right` is one that a book prints: it is proved too, or refuted."""

    left: Any
    right: Any = None
    given: Sequence[Any] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Hand:
    """What somebody wrote, and where; `wrong` says why it is wrong, if it is."""

    left: Any
    right: Any
    source: str
    wrong: str = ""
    given: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Exercise:
    """See the module.

    loss, of: a letter for any smooth function of the nodes `of`, or a scalar node, which needs no `of`; nodes named
    beside it are returned by the reference too. facts: relations between sizes, such as H >= h. kinks: derivatives by
    convention, by the name of the function. reference: an independent forward pass in JAX, from the inputs to the
    output, or to all of them by name. Its keywords are the inputs, then, as far as it needs them, sizes, and nodes with
    the default 0.0, which it adds to the node of that name, so that autodiff has a handle on its adjoint.
    """

    title: str
    source: str
    inputs: Sequence[Declared]
    forward: Sequence[Node]
    loss: Any
    of: Any = ()
    targets: Sequence[Target] = ()
    hand: Sequence[Hand] = ()
    facts: Sequence[Any] = ()
    kinks: Mapping[str, Any] = field(default_factory=dict)
    reference: Callable[..., Any] | None = None


# ---- building --------------------------------------------------------------------------------------------------------

def build(exercise: Exercise, *, name: str, description: str = "", where: str = "") -> Problem:
    """The exercise as a Problem. Raises IllFormed with every mistake in it; where: its file, for messages."""
    builder = _Builder(exercise, Problem(name, exercise.title, exercise.source, {}, (), "", (), description=description,
                                         reference=exercise.reference))
    # Later steps read what the earlier ones made, and would repeat their mistakes in other words.
    for step in (builder.declarations, builder.forward, builder.shapes, builder.backward, builder.claims):
        step()
        if builder.errors:
            raise gathered(builder.errors, where or name)
    return builder.made


class _Builder:
    """A Problem in the making, and the mistakes on the way."""

    def __init__(self, exercise: Exercise, empty: Problem) -> None:
        self.exercise, self.made = exercise, empty
        self.errors: list[DerivsError] = []
        self.tensors: dict[str, Tensor] = {}

    def attempt(self, where: str, step: Callable[..., Any], *arguments: Any) -> Any:
        """What the step returns; None, and a mistake more, where it fails."""
        try:
            return step(*arguments)
        except DerivsError as error:
            self.errors.append(error.at(where))
            return None

    def declarations(self) -> None:
        for declared in self.exercise.inputs:
            self.attempt(f"declaration of {declared.tensor}", self.declare, declared)
        facts = [self.attempt(f"fact {fact}", _fact, fact) or () for fact in self.exercise.facts]
        self.made = replace(self.made, tensors=self.tensors, facts=tuple(form for forms in facts for form in forms))

    def declare(self, declared: Declared) -> None:
        for word in declared.properties:
            if word not in get_args(Property):
                raise IllFormed(f"{word!r} is not a property of a tensor", mend=nearest(word, get_args(Property)))
        name, lengths = _parts(declared.tensor)
        self.add(Tensor(name, tuple(map(form_from_sympy, lengths)), declared.role,
                        _properties(declared.tensor, declared.properties), declared.zero_outside, declared.latex))

    def add(self, tensor: Tensor) -> None:
        if tensor.name in self.tensors:
            raise IllFormed(f"{tensor.name} is declared twice", mend="give one of them another name")
        self.tensors[tensor.name] = tensor

    def forward(self) -> None:
        """The nodes, in a sound order, with what shapes they are given."""
        definitions = [self.attempt(f"definition of {node.left}", self.define, node) for node in self.exercise.forward]
        if not self.errors:
            self.made = replace(self.made, definitions=tuple(definitions))
            self.errors += disorder(self.made)

    def define(self, node: Node) -> Definition:
        name, at = _parts(node.left)
        letters = [letter for index in at if (letter := form_from_sympy(index).bare)]
        if len(set(letters)) < len(at):
            raise IllFormed("an index of the left side is not a letter of its own",
                            mend=f"write {name}[{', '.join('ijklpq'[:len(at)])}]")
        shape = tuple(map(form_from_sympy, node.shape or ()))
        if node.shape is not None and len(shape) != len(letters):
            raise IllFormed(f"{name} has {len(letters)} subscripts, and {len(shape)} lengths in its shape")
        self.add(Tensor(name, shape, "node", _properties(node.left, ()), node.zero_outside, node.latex))
        return Definition(name, tuple(letters), from_sympy(node.value))

    def shapes(self) -> None:
        """The shapes that are not given: the lengths of the axes on which the indices stand alone."""
        for node, definition in zip(self.exercise.forward, self.made.definitions, strict=True):
            if node.shape is None and definition.indices:
                shape = self.attempt(f"definition of {node.left}", inferred_shape, self.made, definition)
                self.tensors[definition.tensor] = replace(self.tensors[definition.tensor], shape=shape or ())

    def backward(self) -> None:
        """The loss, the outputs and the cotangents."""
        for tensor in list(self.tensors.values()):
            self.attempt(f"declaration of {tensor.name}", self.add, Tensor(
                nouns.bar(tensor.name), tensor.shape, "cotangent", zero_outside=tensor.zero_outside))
        loss, of = _name(self.exercise.loss), self.exercise.of
        outputs = tuple(map(_name, of if isinstance(of, list | tuple) else (of,)))
        if loss not in self.tensors:
            self.add(Tensor(loss, (), "loss"))
            if not outputs:
                self.errors.append(IllFormed(f"it is not said what {loss} is a function of", where="loss",
                                             mend="write of=y, or let the loss be a node of the forward graph"))
        else:
            outputs = (loss, *(output for output in outputs if output != loss))
        kinks = {function: self.attempt("kinks", _kink, function, value)
                 for function, value in self.exercise.kinks.items()}
        self.made = replace(self.made, loss=loss, outputs=outputs, kinks=kinks)

    def claims(self) -> None:
        targets = [(target, self.attempt(f"target {k}", self.target, target))
                   for k, target in enumerate(self.exercise.targets, 1)]
        hands = [(hand, self.attempt(f"hand formula {k}", _claim, hand))
                 for k, hand in enumerate(self.exercise.hand, 1)]
        self.made = replace(
            self.made,
            targets=tuple(nouns.Target(claim, target.note, target.right is not None)
                          for target, claim in targets if claim),
            hands=tuple(nouns.Hand(claim, hand.source, hand.wrong) for hand, claim in hands if claim))
        self.errors += [*mistakes(self.made), *_reference(self.made)]


    def target(self, written: Target) -> Claim:
        """What is asked for, with what reverse mode gives where no answer is stated."""
        if written.right is not None:
            return _claim(written)
        left = from_sympy(written.left)
        if not isinstance(left, Derivative):
            raise IllFormed("it is no derivative, and no answer is stated", mend="write Target(left, right)")
        if self.errors:
            return Claim(left, left)                   # what reads the exercise would repeat its mistakes
        return Claim(left, Graph(self.made).unsimplified(left), tuple(map(_given, written.given)))


def _parts(tensor: Any) -> tuple[str, tuple[Any, ...]]:
    """The name of a tensor and what stands in its brackets."""
    match tensor:
        case sympy.Indexed():
            return str(tensor.base.label), tuple(tensor.indices)
        case sympy.IndexedBase():
            raise IllFormed(f"{tensor} has no brackets", mend=f"write {tensor}[n], or {tensor}[i] for a node")
        case sympy.Symbol():
            return tensor.name, ()
        case _:
            raise IllFormed(f"{tensor} is not the name of a tensor", mend="make names by tensors(...) and scalars(...)")


def _name(tensor: Any) -> str:
    return str(tensor.base.label if isinstance(tensor, sympy.Indexed) else tensor)


def _properties(tensor: Any, words: Iterable[str]) -> frozenset[Property]:
    """The declared ones and those that SymPy assumes, since it simplifies by them."""
    assumed = "positive" if tensor.is_positive else "nonnegative" if tensor.is_nonnegative else None
    return frozenset(word for word in (*words, assumed) if word)  # type: ignore[misc]


def _fact(fact: Any) -> tuple[Affine, ...]:
    """A relation between sizes as forms that are >= 0."""
    if fact in (True, sympy.true):
        return ()
    match fact:
        case sympy.Ge() | sympy.Gt() | sympy.Le() | sympy.Lt() | sympy.Eq():
            gap = form_from_sympy(fact.lhs) - form_from_sympy(fact.rhs)
        case _:
            raise IllFormed(f"{fact} is not a relation between sizes", mend="write H >= h")
    match fact:
        case sympy.Ge():
            return (gap,)
        case sympy.Gt():
            return (gap - 1,)
        case sympy.Le():
            return (-gap,)
        case sympy.Lt():
            return (-gap - 1,)
        case _:
            return (gap, -gap)


def _claim(written: Target | Hand) -> Claim:
    return Claim(from_sympy(written.left), from_sympy(written.right), tuple(map(_given, written.given)))


def _given(condition: Any) -> Given:
    """A side condition: between indices where both sides are forms in them, else between numbers."""
    match condition:
        case sympy.Eq() | sympy.Ne():
            op, sides = ("=" if isinstance(condition, sympy.Eq) else "!="), condition.args
        case _:
            raise IllFormed(f"the side condition {condition} is not an equation", mend="write Eq(..., ...) or Ne(i, j)")
    if all(symbol.is_integer for side in sides for symbol in side.free_symbols):
        return Given(op, *map(form_from_sympy, sides))  # type: ignore[arg-type]
    return Given(op, *map(from_sympy, sides))  # type: ignore[arg-type]


def _kink(function: str, value: Any) -> Expr:
    if function not in FUNCTIONS or FUNCTIONS[function].kink is None:
        raise IllFormed(f"{function!r} is not a function with a kink",
                        mend=nearest(function, (name for name, row in FUNCTIONS.items() if row.kink)))
    return number(value) if isinstance(value, int) else from_sympy(value)


def _reference(problem: Problem) -> list[IllFormed]:
    """The mistakes in the signature of the reference."""
    if problem.reference is None:
        return []
    parameters = inspect.signature(problem.reference).parameters
    inputs = {tensor.name for tensor in problem.inputs}
    nodes = {definition.tensor for definition in problem.definitions}
    found = [IllFormed(f"the reference does not take the input {name}", where="reference",
                       mend=f"def {problem.reference.__name__}({', '.join(t.name for t in problem.inputs)}, ...)")
             for name in (t.name for t in problem.inputs) if name not in parameters]
    for name, parameter in parameters.items():
        if name not in inputs | nodes | set(problem.sizes):
            found.append(IllFormed(f"the reference takes {name}, which is no input, size or node", where="reference",
                                   mend=nearest(name, inputs | nodes | set(problem.sizes))))
        elif name in nodes and parameter.default is inspect.Parameter.empty:
            found.append(IllFormed(f"the reference's keyword {name} has no default", where="reference",
                                   mend=f"{name}=0.0, added to the node {name}, is a handle on its adjoint"))
    return found
