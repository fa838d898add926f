"""The graph of an exercise as a picture: values along the arrows, gradients back along dashed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derivs.affine import symbol
from derivs.derive import LETTERS, Graph
from derivs.errors import DerivsError
from derivs.expr import Derivative, Entry, tensors_in, walk
from derivs.layered import Diagram, Kind, Node, Picked, placed
from derivs.layout import layout
from derivs.problem import Problem
from derivs.text import spell


def diagram(problem: Problem) -> Diagram:
    """The graph: what is given, the definitions, the loss. An input that nothing reads is left out."""
    return placed(problem.title, _picked(problem))


def listing(picture: Diagram) -> tuple[str, ...]:
    """Each node after what it reads, as text: `W_ij, b_i, x_j → y_i`."""
    lines: dict[str, dict[str, None]] = {}
    for edge in picture.edges:
        source, target = (spell(picture.nodes[k].label) for k in (edge.source, edge.target))
        lines.setdefault(target, {})[source] = None
    return tuple(f"{', '.join(sources)} → {target}" for target, sources in lines.items())


def _picked(problem: Problem) -> Picked:
    graph = Graph(problem)
    given = {tensor.name: tensor for tensor in problem.inputs}
    reads = {d.tensor: tuple(t for t in problem.tensors if t != d.tensor and t in tensors_in(d.value)
                             and (t in given or problem.definition(t))) for d in problem.definitions}
    if problem.definition(problem.loss) is None and problem.outputs:
        reads[problem.loss] = problem.outputs
    drawn = [*(name for name in given if any(name in of for of in reads.values())), *reads]
    live = _live(problem.loss, reads)
    entries, partials = _entries(graph, drawn)
    backward = frozenset((a, b) for b, sources in reads.items() for a in sources
                         if b in live and not (a in given and given[a].role in ("constant", "target")))
    nodes, labels = {}, {}
    for name in drawn:
        kind: Kind = "loss" if name == problem.loss else "given" if name in given else "node"
        entry = entries[name]
        has_adjoint = name != problem.loss and any(a == name for a, _ in backward)
        adjoint = layout(Derivative(Entry(problem.loss), entry), problem) if has_adjoint else None
        nodes[name] = Node(name, kind, layout(entry, problem), adjoint)
    for a, b in backward:
        # What the loss alone reads has its partial under the box already.
        is_said = b == problem.loss and sum(a in of for of in reads.values()) == 1
        if (a, b) in partials and not is_said:
            labels[a, b] = layout(partials[a, b], problem)
    groups = {"parameter": 0, "constant": 2, "target": 2}
    keys = {name: (groups.get(given[name].role, 1) if name in given else 1, k) for k, name in enumerate(drawn)}
    return Picked(nodes, reads, labels, backward, keys)


def _live(loss: str, reads: Mapping[str, Sequence[str]]) -> set[str]:
    """What the loss depends on, and the loss."""
    found, stack = {loss}, [loss]
    while stack:
        for name in reads.get(stack.pop(), ()):
            if name not in found:
                found.add(name)
                stack.append(name)
    return found


def _entries(graph: Graph, names: Sequence[str]) -> tuple[dict[str, Entry], dict[tuple[str, str], Derivative]]:
    """Each name with its subscripts, and the partials, in the letters of the chain rule that stands on the sheet."""
    problem = graph.problem
    entries: dict[str, Entry] = {}
    partials: dict[tuple[str, str], Derivative] = {}
    for name in names:
        definition, tensor = problem.definition(name), problem.tensors.get(name)
        rank = len(tensor.shape) if tensor else 0
        entries[name] = definition.entry if definition else Entry(name, tuple(map(symbol, LETTERS[:rank])))
        if tensor is None:             # the loss, a letter for a function of the outputs
            continue
        if name in graph.upstream():
            partials[name, problem.loss] = Derivative(Entry(problem.loss), entries[name])
        try:
            adjoint = graph.adjoint(name)
        except DerivsError:            # nobody asks for this gradient, and it has no formula: no label
            continue
        entries[name] = adjoint.of
        for part in walk(adjoint.chain):
            if isinstance(part, Derivative) and part.by.tensor == name and part.kind == "local":
                partials[name, part.of.tensor] = part
    return entries, partials
