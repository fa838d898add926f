"""The nouns of exported code: whole arrays, each made of others by one operation.

Axes are counted, not named, so that two formulas that differ in their letters alone are one node, computed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import reduce
from operator import mul as times
from typing import Any, final

from derivs.affine import ONE as FIRST
from derivs.affine import ZERO as NOTHING
from derivs.affine import Affine, symbol
from derivs.expr import Entry, Largest, Sum
from derivs.expr import walk as nodes_of
from derivs.problem import Problem

NOMINAL = 8                            # what a size is taken to be where costs are compared; a window is smaller
WINDOW = 3
STRIDE = 2
SCATTERED = 20                         # an entry that is added at a computed place costs as much as 20 in a row
LOOKED_UP = 8                          # a value of exp, log or tanh, beside a sum or a product
LIBRARY = frozenset({"exp", "log", "tanh", "sin", "cos", "sinh", "cosh", "erf", "sigmoid", "softplus", "power"})

# Arrays that share the memory of the one they are made of, or hardly cost anything.
VIEWS = frozenset({"given", "number", "size", "label", "positions", "slice", "flip", "transpose", "windows", "split",
                   "diagonal", "pi", "entry"})


@final
class Node:
    """`op` applied to `args`, with what else it has to know in `data`; `shape` in the sizes of the exercise."""

    __slots__ = ("_hash", "args", "data", "hint", "op", "shape")

    def __init__(self, op: str, args: tuple[Node, ...] = (), shape: tuple[Affine, ...] = (), data: Any = (),
                 hint: tuple[str, ...] = ()) -> None:
        self.op, self.args, self.shape, self.data = op, args, shape, data
        self.hint = hint                                           # letters for its axes, which make no difference
        self._hash = hash((op, args, shape, data))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (isinstance(other, Node) and self._hash == other._hash and self.op == other.op
                and self.shape == other.shape and self.data == other.data and self.args == other.args)

    def __repr__(self) -> str:
        return f"{self.op}{list(self.args)}{self.data or ''}"

    @property
    def ndim(self) -> int:
        return len(self.shape)


def number(value: int | Fraction) -> Node:
    """A rational constant."""
    return Node("number", data=Fraction(value))


def size(form: Affine) -> Node:
    """An integer form in the sizes, as a number."""
    return number(form.constant) if form.is_constant else Node("size", data=form)


def given(name: str, shape: tuple[Affine, ...]) -> Node:
    """What the function is handed."""
    return Node("given", (), shape, name)


def walk(*roots: Node) -> Iterator[Node]:
    """Every node once, arguments before what is made of them."""
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, done = stack.pop()
        if done:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args))


def rebuilt(root: Node, change: Mapping[Node, Node]) -> Node:
    """The node with some of its parts replaced, at any depth."""
    made: dict[Node, Node] = {}
    for node in walk(root):
        args = tuple(made[arg] for arg in node.args)
        same = node if args == node.args else Node(node.op, args, node.shape, node.data, node.hint)
        made[node] = change.get(node, same)
    return made[root]


# ---- what it costs

def nominal(problem: Problem) -> dict[str, int]:
    """Sizes at which costs are compared: those of windows and strides are smaller than others."""
    found = dict.fromkeys(problem.sizes, NOMINAL)
    for definition in problem.definitions:
        binders = {n.index: n.high for n in nodes_of(definition.value) if isinstance(n, Sum | Largest)}
        names = {*binders, *definition.indices}
        for node in nodes_of(definition.value):
            for form in node.at if isinstance(node, Entry) else ():
                inside, _ = letters_of(form, names)
                if len(inside) > 1:
                    found |= {size: STRIDE for c in inside.values() for size in c.names}
                    found |= {size: WINDOW for k in inside if k in binders for size in binders[k].names}
    return found


def volume(shape: Iterable[Affine], sizes: Mapping[str, int]) -> int:
    """The number of entries."""
    return reduce(times, (max(form.at(sizes), 1) for form in shape), 1)


def cost(roots: Iterable[Node], sizes: Mapping[str, int]) -> int:
    """How many operations on entries the nodes take, what is shared counted once."""
    return sum(_own_cost(node, sizes) for node in walk(*roots))


def _own_cost(node: Node, sizes: Mapping[str, int]) -> int:
    entries = volume(node.shape, sizes)
    match node.op:
        case op if op in VIEWS:
            return 0
        case "map":
            function = node.data[0]
            return entries * (LOOKED_UP if function in LIBRARY else max(len(node.args) - 1, 1))
        case "contract":
            axes: dict[int, Affine] = {}
            for arg, letters in zip(node.args, node.data[0], strict=True):
                axes.update(zip(letters, arg.shape, strict=True))
            copied = sum(volume(arg.shape, sizes) for arg in node.args if arg.op == "windows")
            return volume(axes.values(), sizes) * (len(node.args) - 1) + copied
        case "reduce" | "winner" | "fold":
            return volume(node.args[0].shape, sizes)
        case "scatter":
            return SCATTERED * volume(node.args[0].shape, sizes)
        case _:
            return entries


def letters_of(form: Affine, names: Iterable[str]) -> tuple[dict[str, Affine], Affine]:
    """The form as sum of coefficient * name over the names, coefficients in sizes, and the rest."""
    wanted = set(names)
    found: dict[str, Affine] = {}
    rest = NOTHING
    for monomial, c in form.terms:
        inside = [name for name in monomial if name in wanted]
        factor = reduce(times, (symbol(name) for name in monomial if name not in wanted), FIRST * c)
        if len(inside) > 1:
            found[inside[0]] = found[inside[1]] = NOTHING           # a product of indices: nobody's coefficient
        elif inside:
            found[inside[0]] = found.get(inside[0], NOTHING) + factor
        else:
            rest = rest + factor
    return found, rest
