"""What nobody writes, so that a change which leads to it is no mend, however true the line becomes."""

from __future__ import annotations

from derivs.expr import Compare, Expr, Largest, Number, Sum, names_in, walk


def oddities(left: Expr, right: Expr) -> int:
    """How many there are: the left side within the right one, an idle sum, a thing compared with itself."""
    if left == right:
        return 1 << 16                                 # y = y mends every line
    return sum(node == left or _is_idle(node) or (isinstance(node, Compare) and node.left == node.right)
               for node in walk(right))


def _is_idle(node: object) -> bool:
    r"""\sum_j x_i, whose letter stands nowhere in it; \sum_j 1 counts, and is no oddity."""
    return (isinstance(node, Sum | Largest) and not isinstance(node.body, Number)
            and node.index not in names_in(node.body))
