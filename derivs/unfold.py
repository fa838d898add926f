"""Which names a proof replaces by their definitions: as few as it can, a little more each time.

Most claims speak of the nodes next to them and are proved at once; a layer at a time keeps proofs small where
everything unfolded would double with each layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from derivs.derive import Graph
from derivs.expr import Entry, Expr, tensors_in
from derivs.problem import Definition

Unfolding = dict[str, Definition]


def unfoldings(graph: Graph, left: Expr, right: Expr) -> Iterator[Unfolding]:
    """Sets of definitions to put in, every set once.

    First those, each larger than the last, that leave no defined name in sight on one side only: the sides will hardly
    meet while it is a name. Then, where everything at once was too much, one name at a time.
    """
    tried: set[frozenset[str]] = set()
    on_left, on_right = tensors_in(left), tensors_in(right)
    for names, is_last_resort in chain(((n, False) for n in _stages(graph, left, right)),
                                       ((n, True) for n in _one_at_a_time(graph, left, right))):
        chosen = {n: d for n in sorted(names) if (d := graph.definition(n)) is not None}
        lonely = _in_sight(graph, on_left, chosen) ^ _in_sight(graph, on_right, chosen)
        if frozenset(chosen) not in tried and (is_last_resort or not any(map(graph.definition, lonely))):
            tried.add(frozenset(chosen))
            yield chosen


def _in_sight(graph: Graph, names: frozenset[str], unfolding: Unfolding) -> frozenset[str]:
    """The names that still stand once the definitions are put in."""
    return _closure(names, lambda name: graph.reads(name) if name in unfolding else frozenset()) - unfolding.keys()


def _stages(graph: Graph, left: Expr, right: Expr) -> Iterator[frozenset[str]]:
    forward = frozenset(d.tensor for d in graph.problem.definitions)
    asked = tensors_in(left) | tensors_in(right)
    subject = frozenset({left.tensor} if isinstance(left, Entry) else ())
    if not subject or subject <= tensors_in(right) or not any(map(graph.definition, subject)):
        yield frozenset()
    yield subject
    near = asked | _parts(graph, subject)
    yield subject | (near & forward)
    yield (asked - forward) | (near & forward)
    reached = reach(graph, asked)
    yield reached - forward
    yield (reached - forward) | (near & forward)
    yield reached


def _one_at_a_time(graph: Graph, left: Expr, right: Expr) -> Iterator[frozenset[str]]:
    """The name defined last that is in sight goes first."""
    asked = tensors_in(left) | tensors_in(right)
    unfolded: frozenset[str] = frozenset()
    while latest := max((n for n in asked - unfolded if graph.definition(n)), key=graph.place, default=None):
        unfolded |= {latest}
        asked |= _parts(graph, {latest})
        yield unfolded


def _parts(graph: Graph, names: frozenset[str] | set[str]) -> frozenset[str]:
    """The tensors that stand in the definitions of the names."""
    return frozenset().union(*map(graph.reads, names))


def reach(graph: Graph, names: frozenset[str]) -> frozenset[str]:
    """The names, and what they are made of at any depth."""
    return _closure(names, graph.reads)


def _closure(names: frozenset[str], reads: Callable[[str], frozenset[str]]) -> frozenset[str]:
    seen: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            stack.extend(reads(name))
    return frozenset(seen)
