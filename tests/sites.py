"""Where in a formula something can be changed: every part of it, with what another part there would make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from derivs.affine import Affine
from derivs.errors import DerivsError, Mismatch
from derivs.expr import (
    Add,
    Derivative,
    Entry,
    Expr,
    Largest,
    Mul,
    Pow,
    Sum,
    Tree,
    add,
    children,
    mul,
    names_in,
    power,
    rebuild,
)
from derivs.problem import Claim, Problem
from derivs.scope import Range, ranges


@dataclass(frozen=True, slots=True)
class Site:
    """A part of the right side of a claim. put: the right side with something else in its place.

    scope: the indices that may stand there, with their ranges, free ones first. above: the parts around it.
    """

    node: Tree
    put: Callable[[Tree], Expr]
    scope: Mapping[str, Range]
    above: tuple[Tree, ...]

    @property
    def is_exponent(self) -> bool:
        """Whether it stands in the exponent of a power, or in a condition."""
        below = (*self.above, self.node)[1:]
        return any(isinstance(around, Pow) and part is around.exponent
                   for around, part in zip(self.above, below, strict=True))


def sites(problem: Problem, claim: Claim, *, within: tuple[type, ...] = ()) -> Iterator[Site]:
    """The parts of the right side, in reading order. Derivatives are looked into where `within` names them."""
    def go(node: Tree, put: Callable[[Tree], Expr], scope: Mapping[str, Range], above: tuple[Tree, ...]
           ) -> Iterator[Site]:
        yield Site(node, put, scope, above)
        if isinstance(node, Derivative) and Derivative not in within:
            return
        inner = {**scope, node.index: (node.low, node.high)} if isinstance(node, Sum | Largest) else scope
        for k, child in enumerate(children(node)):
            yield from go(child, lambda new, k=k: put(_with_child(node, k, new)), inner, (*above, node))

    free = ranges(problem, (claim.left, claim.right))
    yield from go(claim.right, _smooth, free, ())


def _with_child(node: Tree, k: int, new: Tree) -> Tree:
    position = count()
    found: Tree = rebuild(node, lambda part: new if next(position) == k else part)
    return found


def _smooth(node: Tree) -> Expr:
    """Products in products and sums in sums made flat, numbers collected, so that it prints as people write."""
    done = rebuild(node, _smooth)
    match done:
        case Add(terms):
            return add(*terms)
        case Mul(factors):
            return mul(*factors)
        case Pow(base, exponent):
            return power(base, exponent)
        case _:
            return done  # type: ignore[no-any-return]


def factors_of(node: Tree) -> tuple[Expr, ...]:
    return node.factors if isinstance(node, Mul) else (node,)  # type: ignore[return-value]


def terms_of(node: Tree) -> tuple[Expr, ...]:
    return node.terms if isinstance(node, Add) else (node,)  # type: ignore[return-value]


def without(parts: tuple[Expr, ...], *k: int) -> tuple[Expr, ...]:
    return tuple(part for at, part in enumerate(parts) if at not in k)


def changed(parts: tuple[Expr, ...], k: int, new: Expr) -> tuple[Expr, ...]:
    return (*parts[:k], new, *parts[k + 1:])


def axis_of(problem: Problem, node: Tree, index: str) -> Affine | None:
    """The length of the first axis that an index stands on alone."""
    if isinstance(node, Entry) and node.tensor in problem.tensors:
        for form, size in zip(node.at, problem.tensors[node.tensor].shape, strict=True):
            if form.bare == index:
                return size
    return next((found for part in children(node) if (found := axis_of(problem, part, index)) is not None), None)


def letter(problem: Problem, *nodes: Tree) -> str:
    """A letter for an index that stands for nothing yet."""
    taken = {*problem.tensors, *problem.sizes, *problem.indices}
    for node in nodes:
        taken |= names_in(node) | _bound(node)
    bases = {name.rstrip("0123456789") for name in taken}
    return next(one for one in "jkqrlpustvabcdfgh" if one not in bases)


def _bound(node: Tree) -> set[str]:
    own = {node.index} if isinstance(node, Sum | Largest) else set()
    return own.union(*map(_bound, children(node)))


def has_ranges(problem: Problem, left: Expr, right: Expr) -> bool:
    """Whether every free index of the two sides has a range, or one too many, so that the line says something."""
    try:
        ranges(problem, (left, right))
    except Mismatch:
        return True
    except DerivsError:
        return False
    return True
