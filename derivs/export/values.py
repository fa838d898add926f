"""Arrays whose axes are labelled with indices, and what is done with them: broadcast, multiplied, reduced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from derivs.affine import ONE as FIRST
from derivs.affine import Affine
from derivs.export.plan import Node, number, size

Scope = Mapping[str, tuple[Affine, Affine]]            # index -> low, high; the outer ones first
MASKS = frozenset({"<", "<=", "=", "!=", "and", "or", "not"})
HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Value:
    """An array with the index that each of its axes stands for. is_named: whether it is a tensor of the exercise."""

    node: Node
    labels: tuple[str, ...] = ()
    is_named: bool = False

    @property
    def is_mask(self) -> bool:
        return self.node.op == "map" and self.node.data[0] in MASKS


def extent(scope: Scope, name: str) -> Affine:
    low, high = scope[name]
    return high - low + 1


def transposed(value: Value, labels: tuple[str, ...]) -> Value:
    """The same array with its axes in another order."""
    if value.labels == labels:
        return value
    order = tuple(value.labels.index(label) for label in labels)
    node = value.node
    if node.op == "contract":                                      # a contraction leaves its axes in any order
        letters, out = node.data
        return Value(Node("contract", node.args, tuple(node.shape[p] for p in order),
                          (letters, tuple(out[p] for p in order)), node.hint), labels)
    return Value(Node("transpose", (node,), tuple(node.shape[p] for p in order), order), labels)


def arranged(value: Value, labels: tuple[str, ...], scope: Scope) -> Value:
    """The array with exactly these axes: one that it does not have is repeated."""
    here = transposed(value, tuple(label for label in labels if label in value.labels))
    if here.labels == labels:
        return here
    places = tuple(labels.index(label) for label in here.labels)
    return Value(Node("broadcast", (here.node,), tuple(extent(scope, n) for n in labels), places), labels)


def combined(function: str, values: Sequence[Value], scope: Scope) -> Value:
    """An elementwise operation, its operands broadcast against each other."""
    if len(values) == 1 and function in ("add", "mul", "and", "or"):
        return values[0]
    labels = _common_order(values, scope)
    args, places, shape = [], [], dict[str, Affine]()
    for value in values:
        here = transposed(value, tuple(label for label in labels if label in value.labels))
        args.append(here.node)
        places.append(tuple(labels.index(label) for label in here.labels))
        shape.update(zip(here.labels, here.node.shape, strict=True))
    node = Node("map", tuple(args), tuple(shape[label] for label in labels), (function, tuple(places)), labels)
    return Value(node, labels)


def _common_order(values: Sequence[Value], scope: Scope) -> tuple[str, ...]:
    """The axes of all: in the order of an operand that has them all, else in that of the scope."""
    everything = {label for value in values for label in value.labels}
    whole = [value.labels for value in values if len(value.labels) == len(everything)]
    if whole:
        return max(whole, key=whole.count)
    return tuple(name for name in scope if name in everything)


def multiplied(values: Sequence[Value], scope: Scope) -> Value:
    """Their product: numbers and what has the same axes first, so that little is computed at full size."""
    coefficient, sizes = Fraction(1), FIRST
    groups: dict[tuple[str, ...], list[Value]] = {}
    for value in values:
        apart, value = number_apart(value)                         # its number goes to the front
        coefficient *= apart
        if value.node.op == "number":
            coefficient *= value.node.data
        elif value.node.op == "size":
            sizes = sizes * value.node.data
        else:
            labels = tuple(name for name in scope if name in value.labels)
            groups.setdefault(labels, []).append(value)
    if sizes is not FIRST:
        groups.setdefault((), []).insert(0, Value(size(sizes)))
    if not coefficient or not groups:
        return Value(number(coefficient))
    everything = [name for name in scope if any(name in labels for labels in groups)]
    scalars = groups.pop((), [])
    parts: list[Value] = []
    for labels in sorted(groups, key=len):
        group = groups[labels]
        if scalars and (len(labels) < len(everything) or len(groups) == 1 or all(map(is_reciprocal, scalars))
                        or not parts):
            group, scalars = [*scalars, *group], []
        if len(labels) < len(everything) and len(group) > 1 and all(map(is_reciprocal, group)):
            under = combined("mul", [Value(v.node.args[0], v.labels) for v in group], scope)
            parts.append(combined("reciprocal", [under], scope))
        elif len(labels) < len(everything) and len(group) > 1:
            parts.append(combined("mul", group, scope))
        else:
            parts += group
    parts = scalars + parts
    if coefficient == -1 and len(parts) == 1 and (opposite := _opposite(parts[0])) is not None:
        return opposite
    if coefficient != 1:
        parts = [Value(number(coefficient)), *parts]
    return combined("mul", parts, scope)


def _opposite(value: Value) -> Value | None:
    """a + b for -a - b; None where a term has no minus sign."""
    node = value.node
    if value.is_named or node.op != "map" or node.data[0] != "add":
        return None
    terms = [number_apart(Value(arg)) for arg in node.args]
    if any(coefficient != -1 for coefficient, _ in terms):
        return None
    return Value(Node("map", tuple(term.node for _, term in terms), node.shape, node.data, node.hint), value.labels)


def number_apart(value: Value) -> tuple[Fraction, Value]:
    """The number that an array is multiplied by, and the array without it. A tensor of the exercise is left whole."""
    node = value.node
    if value.is_named or node.op != "map" or node.data[0] != "mul" or node.args[0].op != "number":
        return Fraction(1), value
    rest = node.args[1] if len(node.args) == 2 else Node("map", node.args[1:], node.shape, ("mul", node.data[1][1:]),
                                                         node.hint)
    return node.args[0].data, Value(rest, value.labels)


def is_reciprocal(value: Value) -> bool:
    return value.node.op == "map" and value.node.data[0] == "reciprocal"


def powered(base: Value, exponent: Fraction, scope: Scope) -> Value:
    if exponent < 0:
        return combined("reciprocal", [powered(base, -exponent, scope)], scope)
    if exponent == 1:
        return base
    if exponent == HALF:
        return combined("sqrt", [base], scope)
    return combined("power", [base, Value(number(exponent))], scope)


def reduced(kind: str, value: Value, bound: Iterable[str]) -> Value:
    """A reduction along the axes of the bound indices."""
    axes = tuple(sorted(value.labels.index(name) for name in bound if name in value.labels))
    if not axes:
        return value
    kept = [p for p in range(len(value.labels)) if p not in axes]
    return Value(Node("reduce", (value.node,), tuple(value.node.shape[p] for p in kept), (kind, axes)),
                 tuple(value.labels[p] for p in kept))


def without_repeats(value: Value) -> Value:
    """x_ii is a diagonal."""
    if len(set(value.labels)) == len(value.labels):
        return value
    labels, node = list(value.labels), value.node
    for label in dict.fromkeys(labels):
        if labels.count(label) > 1:
            a = labels.index(label)
            b = labels.index(label, a + 1)
            shape = tuple(n for p, n in enumerate(node.shape) if p not in (a, b))
            node = Node("diagonal", (node,), (*shape, node.shape[a]), (a, b))
            labels = [x for p, x in enumerate(labels) if p not in (a, b)] + [label]
    return Value(node, tuple(labels))
