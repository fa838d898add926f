"""Which indices of a formula are free and what range each has: the only place that says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from derivs.affine import ONE, Affine
from derivs.errors import IllFormed, Mismatch, nearest
from derivs.expr import Entry, Largest, Sum, Tree, children, names_in
from derivs.problem import Problem, Tensor

Range = tuple[Affine, Affine]


def ranges(problem: Problem, formulas: Iterable[Tree]) -> dict[str, Range]:
    """The free indices of the formulas with their ranges, each taken from an axis that the index stands on alone.

    Raises Mismatch for an index that stands on axes of different lengths, IllFormed for one that stands alone on none.
    """
    formulas = tuple(formulas)
    sizes = frozenset(problem.sizes)
    free = {name for formula in formulas for name in names_in(formula)} - sizes
    found: dict[str, Range] = {}
    for formula in formulas:
        _collect(problem, formula, free, found)
    found |= {name: problem.indices[name] for name in free - found.keys() if name in problem.indices}
    for name in sorted(free - found.keys()):
        raise IllFormed(f"the index {name} is free and its range is not known",
                        mend=f"let {name} stand alone as a subscript somewhere, or write it as a size")
    return {name: found[name] for name in sorted(found)}


def _collect(problem: Problem, node: Tree, free: set[str], found: dict[str, Range]) -> None:
    if isinstance(node, Sum | Largest):
        free = free - {node.index}
    if isinstance(node, Entry):
        tensor = lookup(problem.tensors, node)
        for form, size in zip(node.at, tensor.shape, strict=True):
            name = form.bare
            if name in free and found.setdefault(name, (ONE, size)) != (ONE, size):
                raise Mismatch(f"the index {name} runs over 1..{found[name][1]} and over 1..{size}",
                                mend="use two letters, one for each range")
    for part in children(node):
        _collect(problem, part, free, found)


def lookup(tensors: Mapping[str, Tensor], entry: Entry) -> Tensor:
    """The tensor of an entry; IllFormed if nobody declared it or the number of subscripts is another."""
    tensor = tensors.get(entry.tensor)
    if tensor is None:
        raise IllFormed(f"{entry.tensor} is not declared", mend=nearest(entry.tensor, tensors))
    if len(entry.at) != len(tensor.shape):
        raise IllFormed(f"{entry.tensor} has {len(tensor.shape)} subscripts, here it has {len(entry.at)}",
                        mend=f"its shape is ({', '.join(map(str, tensor.shape))})")
    return tensor
