"""Which entries a subscript reads, as a view of the whole array: a slice, windows, a split axis, zeros beyond its ends.

`2i + k - 3` reads windows, `K(i-1) + k` windows side by side, `i + 1` a slice, `h + 1 - u` the axis turned round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from derivs.affine import ONE as FIRST
from derivs.affine import ZERO as NOTHING
from derivs.affine import Affine, symbol
from derivs.errors import Unsupported
from derivs.export.plan import Node, letters_of
from derivs.export.values import Scope, Value, extent, without_repeats
from derivs.normal.context import Context

MOST_CUT = 8                           # zeros that are added and cut off again, as a transposed convolution does


@dataclass(frozen=True, slots=True)
class Views:
    """What is known of the sizes. sizes: at which they are compared; classes: letters that count from 0 in code."""

    context: Context
    sizes: Mapping[str, int]
    classes: frozenset[str]

    def entry(self, whole: Node, at: tuple[Affine, ...], scope: Scope) -> Value:
        """The entries at the subscripts, for all values of the indices in them; zeros where these leave the shape."""
        names = [letters_of(form, scope)[0] for form in at]
        for form, inside in zip(at, names, strict=True):
            if len(inside) > 2:
                raise Unsupported(f"the subscript {form} has no vectorised form yet: it has three indices")
            if not all(map(self._has_sign, inside.values())):
                raise Unsupported(f"the subscript {form} has no vectorised form: an index times an index")
        node = self._fitted(whole, at, names, scope)
        node, labels = self._opened(node, names, scope)
        backwards = {name for inside in names for name, c in inside.items() if self.is_negative(c)}
        if backwards:
            node = Node("flip", (node,), node.shape, tuple(sorted(map(labels.index, backwards))))
        fixed = [axis for axis, label in enumerate(labels) if not label]
        if fixed:
            forms = [form for form, inside in zip(at, names, strict=True) if not inside]
            places = tuple((axis, self._place(form)) for axis, form in zip(fixed, forms, strict=True))
            kept = [axis for axis in range(node.ndim) if axis not in fixed]
            node = Node("entry", (node,), tuple(node.shape[axis] for axis in kept), places)
            labels = [labels[axis] for axis in kept]
        return without_repeats(Value(node, tuple(labels), is_named=node is whole))

    def _opened(self, node: Node, names: Sequence[Mapping[str, Affine]], scope: Scope) -> tuple[Node, list[str]]:
        """Axes with two indices opened: into the windows and their entries, or split in two. "" labels a fixed one."""
        labels, inner, splits = [], [], []
        windows: list[tuple[int, Affine, Affine, Affine]] = []
        for axis, inside in enumerate(names):
            if len(inside) < 2:
                labels.append(next(iter(inside), ""))
                continue
            i, k = self.position_and_offset(inside, scope)
            step, dilation = self.size_of(inside[i]), self.size_of(inside[k])
            labels.append(i)
            if dilation is FIRST and step is extent(scope, k):
                splits.append((axis, i, k))
            else:
                windows.append((axis, extent(scope, k), step, dilation))
                inner.append(k)
        if windows:
            lengths = list(node.shape)
            for axis, *_ in windows:
                lengths[axis] = extent(scope, labels[axis])
            node = Node("windows", (node,), (*lengths, *(size for _, size, _, _ in windows)), tuple(windows))
        labels += inner
        for axis, i, k in reversed(splits):
            outer, within = extent(scope, i), extent(scope, k)
            node = Node("split", (node,), (*node.shape[:axis], outer, within, *node.shape[axis + 1:]),
                        (axis, outer, within))
            labels.insert(axis + 1, k)
        return node, labels

    def _place(self, form: Affine) -> Affine:
        """A fixed subscript, counted from 0; so is the number of a class, which then is itself."""
        return form.substitute({name: symbol(name) + 1 for name in self.classes}) - 1

    def _fitted(self, whole: Node, at: tuple[Affine, ...], names: Sequence[Mapping[str, Affine]], scope: Scope) -> Node:
        """Cut or padded so that the subscripts reach from the first entry to the last."""
        pads: list[tuple[Affine, Affine]] = []
        cuts: list[tuple[Affine, Affine, Affine] | None] = []
        for form, inside, length in zip(at, names, whole.shape, strict=True):
            if not inside:
                pads.append((NOTHING, NOTHING))
                cuts.append(None)
                continue
            least, most = self._ends(form, inside, scope)
            before, after = self.missing(FIRST - least), self.missing(most - length)
            pads.append((before, after))
            start, stop = least - 1 + before, most + before        # counted from 0 in what is padded
            step = self.size_of(next(iter(inside.values()))) if len(inside) == 1 else FIRST
            everything = start is NOTHING and stop is length + before + after and step is FIRST
            cuts.append(None if everything else (start, stop, step))
        if any(end is not NOTHING for pad in pads for end in pad):
            shape = tuple(n + a + b for n, (a, b) in zip(whole.shape, pads, strict=True))
            whole = Node("pad", (whole,), shape, tuple(pads))
        if any(cuts):
            shape = tuple(n if cut is None else cut[1] - cut[0] if len(inside) > 1 else extent(scope, *inside)
                          for n, cut, inside in zip(whole.shape, cuts, names, strict=True))
            whole = Node("slice", (whole,), shape, tuple(cuts))
        return whole

    def _ends(self, form: Affine, names: Mapping[str, Affine], scope: Scope) -> tuple[Affine, Affine]:
        """The least and the largest value of a subscript."""
        lowest = {n: scope[n][self.is_negative(c)] for n, c in names.items()}
        highest = {n: scope[n][not self.is_negative(c)] for n, c in names.items()}
        return form.substitute(lowest), form.substitute(highest)

    def missing(self, form: Affine) -> Affine:
        """How many zeros are added at an end: `form` where that is positive; a few too many where nobody knows."""
        if self.context.implies(-form):
            return NOTHING
        for more in range(MOST_CUT):
            if self.context.implies(form + more):
                return form + more
        raise Unsupported(f"whether {form} zeros are to be added hangs on the sizes")

    def is_negative(self, coefficient: Affine) -> bool:
        return self.context.implies(-coefficient)

    def size_of(self, coefficient: Affine) -> Affine:
        """Its absolute value."""
        return -coefficient if self.is_negative(coefficient) else coefficient

    def _has_sign(self, coefficient: Affine) -> bool:
        return coefficient is not NOTHING and (self.context.implies(coefficient) or self.is_negative(coefficient))

    def position_and_offset(self, names: Mapping[str, Affine], scope: Scope) -> tuple[str, str]:
        """Which of two indices counts the windows, and which the entries in one: a window is short."""
        order = list(scope)
        by_length = sorted(names, key=lambda n: (-extent(scope, n).at(self.sizes), order.index(n)))
        for i, k in (by_length, by_length[::-1]):                  # windows side by side, in either reading
            if names[k] is FIRST and names[i] is extent(scope, k):
                return i, k
        return by_length[0], by_length[1]
