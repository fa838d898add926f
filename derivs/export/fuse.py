"""1/n times a sum of n entries is their mean, where nobody else needs the sum."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from derivs.affine import ONE as FIRST
from derivs.export.plan import Node, rebuilt, walk

ROUNDS = 8                             # a mean may hold another


def with_means(*tables: Mapping[str, Node]) -> tuple[dict[str, Node], ...]:
    """The tables with means in them. A sum that is itself in a table stays."""
    roots = [node for table in tables for node in table.values()]
    users: dict[Node, int] = {}
    for node in walk(*roots):
        for arg in set(node.args):
            users[arg] = users.get(arg, 0) + 1
    change: dict[Node, Node] = {}
    for node in walk(*roots):
        found = _mean(node, lambda part: users[part] == 1 and part not in roots)
        if found is not None:
            change[node] = found
    return tuple({name: _changed(node, change) for name, node in table.items()} for table in tables)


def _mean(node: Node, alone: Callable[[Node], bool]) -> Node | None:
    """The product with mean(x) for 1/n and sum(x), n being the number of entries that are summed."""
    if node.op != "map" or node.data[0] != "mul":
        return None
    for arg in node.args:
        if arg.op != "reduce" or arg.data[0] != "sum" or not alone(arg):
            continue
        summed = product = FIRST
        for axis in arg.data[1]:
            summed = summed * arg.args[0].shape[axis]
        sizes = [a for a in node.args if a.op == "map" and a.data[0] == "reciprocal" and a.args[0].op == "size"]
        for a in sizes:
            product = product * a.args[0].data
        if not sizes or product is not summed:
            continue
        mean = Node("reduce", arg.args, arg.shape, ("mean", arg.data[1]))
        left = [(mean if a is arg else a, places) for a, places in zip(node.args, node.data[1], strict=True)
                if not any(a is size for size in sizes)]
        if len(left) == 1:
            return left[0][0]
        return Node("map", tuple(a for a, _ in left), node.shape, ("mul", tuple(p for _, p in left)), node.hint)
    return None


def _changed(node: Node, change: Mapping[Node, Node]) -> Node:
    for _ in range(ROUNDS):
        new = rebuilt(node, change)
        if new == node:
            break
        node = new
    return node
