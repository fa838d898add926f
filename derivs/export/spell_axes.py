"""How operations on the axes of an array are written: reductions, slices, windows, reshaping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

from derivs.affine import ONE as FIRST
from derivs.affine import ZERO as NOTHING
from derivs.export.plan import Node
from derivs.export.spell import ATOM, Speller, axis_letters
from derivs.export.spellings import COMPARISONS, METHODS


def axes_of(to: Speller, axes: Sequence[int], ndim: int) -> str:
    """`axis=0`, `axis=(0, 2)`; nothing where all are meant."""
    name = "dim" if to.target == "torch" else "axis"
    if len(axes) == ndim:
        return ""
    return f"{name}={axes[0]}" if len(axes) == 1 else f"{name}=({', '.join(map(str, axes))})"


def marks_of(to: Speller, marks: Mapping[int, str]) -> str:
    """An index expression: the marks at their axes, `:` before them."""
    last = max(marks)
    return f"[{', '.join(marks.get(axis, ':') for axis in range(last + 1))}]"


def positions(to: Speller, node: Node) -> str:
    device = f", device={to.like}.device" if to.target == "torch" and to.like else ""
    low = node.data
    ends = to.length(node.shape[0]) if low is NOTHING else f"{to.length(low)}, {to.length(node.shape[0] + low)}"
    return f"{to.np}.arange({ends}{device})"


def reduce(to: Speller, node: Node, keep: bool = False) -> str:
    """x.sum(axis=0). keep: with an axis of length 1 in the place of each that is reduced."""
    kind, axes = node.data
    dot = _dot(to, node) if kind == "sum" else None
    if dot is not None:
        return dot + (f"[{', '.join('None' if p in axes else ':' for p in range(node.args[0].ndim))}]" if keep else "")
    method = METHODS[kind][to.target == "torch"]
    arguments = axes_of(to, axes, node.args[0].ndim + keep)
    if keep:
        arguments += ", keepdim=True" if to.target == "torch" else ", keepdims=True"
    return f"{to.write(node.args[0], ATOM)}.{method}({arguments})"


def _dot(to: Speller, node: Node) -> str | None:
    """sum(a * b) along some axes without the product in memory; JAX sees to that itto."""
    inner = node.args[0]
    whole = tuple(range(inner.ndim))
    if (to.target != "numpy" or inner in to.names or inner.op != "map" or inner.ndim < 2
            or inner.data != ("mul", (whole, whole)) or not node.ndim or any(map(_is_bool, inner.args))):
        return None
    letters = "".join(axis_letters(inner.hint, whole).values())
    out = "".join(letters[p] for p in whole if p not in node.data[1])
    a, b = (to.write(arg) for arg in inner.args)
    return f"np.einsum('{letters},{letters}->{out}', {a}, {b})"


def transpose(to: Speller, node: Node) -> str:
    inner = to.write(node.args[0], ATOM)
    if node.data == (1, 0):
        return f"{inner}.T"
    method = "permute" if to.target == "torch" else "transpose"
    return f"{inner}.{method}({', '.join(map(str, node.data))})"


def broadcast(to: Speller, node: Node) -> str:
    shape = ", ".join(map(to.length, node.shape)) + ("," if node.ndim == 1 else "")
    inner = to.aligned(Node("map", node.args, node.shape, ("", (node.data,))), 0)
    if node.args[0].op == "number":
        inner = f"{to.np}.asarray({inner})" if to.target != "torch" else f"torch.tensor({inner})"
    return f"{to.np}.broadcast_to({inner}, ({shape}))"


def flip(to: Speller, node: Node) -> str:
    if to.target == "torch":
        return f"torch.flip({to.write(node.args[0])}, {node.data if len(node.data) > 1 else f'({node.data[0]},)'})"
    if node.data == tuple(range(node.ndim - len(node.data), node.ndim)) and len(node.data) < node.ndim:
        return to.write(node.args[0], ATOM) + f"[..., {', '.join('::-1' for _ in node.data)}]"
    return to.write(node.args[0], ATOM) + marks_of(to, dict.fromkeys(node.data, "::-1"))


def cut(to: Speller, node: Node) -> str:
    marks = {}
    for axis, cut in enumerate(node.data):
        if cut is None:
            continue
        start, stop, step = cut
        from_end = stop - node.args[0].shape[axis]
        end = "" if from_end is NOTHING else to.length(from_end if from_end.is_constant else stop)
        begin = "" if start is NOTHING else to.length(start)
        marks[axis] = f"{begin}:{end}" + ("" if step is FIRST else f":{to.length(step)}")
    return to.write(node.args[0], ATOM) + marks_of(to, marks)


def entry(to: Speller, node: Node) -> str:
    return to.write(node.args[0], ATOM) + marks_of(to, {axis: to.length(form) for axis, form in node.data})


def pad(to: Speller, node: Node) -> str:
    inner = to.write(node.args[0])
    pads = [tuple(map(to.length, pad)) for pad in node.data]
    if to.target == "torch":
        while pads and pads[0] == ("0", "0"):
            pads = pads[1:]
        flat = ", ".join(f"{a}, {b}" for a, b in reversed(pads))
        return f"torch.nn.functional.pad({inner}, ({flat}))"
    if len(set(pads)) == 1 and len(pads) == 1:
        return f"{to.np}.pad({inner}, {pads[0][0] if len(set(pads[0])) == 1 else f'({pads[0][0]}, {pads[0][1]})'})"
    return f"{to.np}.pad({inner}, ({', '.join(f'({a}, {b})' for a, b in pads)}))"


def windows(to: Speller, node: Node) -> str:
    text = to.write(node.args[0], ATOM)
    if to.target == "jax":
        to.used.add("windows")
        for axis, size, step, dilation in node.data:
            more = "" if step is FIRST else f", step={to.length(step)}"
            more += "" if dilation is FIRST else f", dilation={to.length(dilation)}"
            text = f"_windows({text}, {to.length(size)}, axis={axis}{more})"
        return text
    reach = [to.length(dilation * (size - 1) + 1) for _, size, _, dilation in node.data]
    if to.target == "torch":
        for (axis, _, step, _), size in zip(node.data, reach, strict=True):
            text += f".unfold({axis}, {size}, {to.length(step)})"
        thinned: dict[int, str] = {}
    else:
        to.used.add("sliding_window_view")
        axes = [axis for axis, *_ in node.data]
        many = len(axes) > 1
        size = f"({', '.join(reach)})" if many else reach[0]
        axis = "" if node.args[0].ndim == len(axes) else f", axis={tuple(axes) if many else axes[0]}"
        text = f"sliding_window_view({to.write(node.args[0])}, {size}{axis})"
        thinned = {axis: f"::{to.length(step)}" for axis, _, step, _ in node.data if step is not FIRST}
    first = node.ndim - len(node.data)
    thinned |= {first + k: f"::{to.length(dilation)}" for k, (*_, dilation) in enumerate(node.data)
                if dilation is not FIRST}
    return text + marks_of(to, thinned) if thinned else text


def split(to: Speller, node: Node) -> str:
    base = node
    while base.op == "split" and base not in to.names:
        base = base.args[0]
    return f"{to.write(base, ATOM)}.reshape({', '.join(map(to.length, node.shape))})"


def repeat(to: Speller, node: Node) -> str:
    axis, times = node.data
    function, name = ("repeat_interleave", "dim") if to.target == "torch" else ("repeat", "axis")
    where = "" if node.ndim == 1 else f", {name}={axis}"
    return f"{to.np}.{function}({to.write(node.args[0])}, {to.length(times)}{where})"


def diagonal(to: Speller, node: Node) -> str:
    a, b = node.data
    inner = to.write(node.args[0])
    if node.args[0].ndim == 2:
        return f"{to.np}.diagonal({inner})"
    one, two = ("dim1", "dim2") if to.target == "torch" else ("axis1", "axis2")
    return f"{to.np}.diagonal({inner}, {one}={a}, {two}={b})"


def winner(to: Speller, node: Node) -> str:
    """The place of the first maximum among the last axes, counted through them."""
    kept, window = node.shape, node.args[0].shape[node.ndim:]
    inner = to.write(node.args[0], ATOM)
    if len(window) > 1:
        inner += f".reshape({', '.join([*map(to.length, kept), _product([to.length(w) for w in window])])})"
    return f"{inner}.argmax({'dim' if to.target == 'torch' else 'axis'}=-1)"


def _product(sizes: Sequence[str]) -> str:
    """4 for 2 and 2, h * w for letters."""
    if all(size.isdigit() for size in sizes):
        return str(prod(map(int, sizes)))
    return " * ".join(size if " " not in size else f"({size})" for size in sizes)


def _is_bool(node: Node) -> bool:
    return node.op == "map" and (node.data[0] in COMPARISONS or node.data[0] in ("and", "or", "not"))


WRITERS: dict[str, Callable[[Speller, Node], str]] = {
    "positions": positions, "reduce": reduce, "transpose": transpose, "broadcast": broadcast, "flip": flip,
    "slice": cut, "entry": entry, "pad": pad, "windows": windows, "split": split, "repeat": repeat,
    "diagonal": diagonal, "winner": winner,
}
