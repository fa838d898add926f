"""A picture of a graph in Typst's own shapes, for the PDF."""

from __future__ import annotations

from collections.abc import Iterator

from derivs.box import Box
from derivs.layered import Diagram, Point, Track, formula_width
from derivs.typst import spell

BACK = 'rgb("#1f5fa8")'
STROKES = {"given": "0.5pt", "node": "0.5pt", "loss": "1.1pt"}
DASHED = '(paint: black, thickness: 0.5pt, dash: (1.5pt, 1.5pt))'


def picture(diagram: Diagram) -> str:
    """A block of the picture's size."""
    inside = "".join(f"  {line}\n" for line in _lines(diagram))
    block = f"block(width: {diagram.width:g}cm, height: {diagram.height:g}cm, breakable: false)[\n{inside}]"
    fit = f"calc.min({diagram.scale:.4f}, size.width / {diagram.width:g}cm) * 100%"
    return f"#layout(size => scale({fit}, reflow: true, {block}))\n"


def _lines(diagram: Diagram) -> Iterator[str]:
    for edge in diagram.edges:
        yield from _stroke(edge.forward, "0.5pt + black", "black")
        if edge.back:
            yield from _stroke(edge.back, f"(paint: {BACK}, thickness: 0.5pt, dash: (2pt, 1.2pt))", BACK)
        if edge.label is not None:
            yield _gradient(edge.label, edge.label_at)
    for node in diagram.nodes:
        radius = "4pt" if node.kind == "node" else "0pt"
        fill = "luma(238)" if node.kind == "given" else "none"
        stroke = DASHED if node.is_again else STROKES[node.kind]
        yield (f"#place(dx: {node.x - node.width / 2:.3f}cm, dy: {node.y - node.height / 2:.3f}cm, "
               f"box(width: {node.width:g}cm, height: {node.height:g}cm, radius: {radius}, fill: {fill}, "
               f"stroke: {stroke}, align(center + horizon, text(size: 10pt)[${spell(node.label)}$])))")
        if node.adjoint is not None:
            yield _gradient(node.adjoint, node.adjoint_at)


def _gradient(box: Box, at: Point) -> str:
    wide = max(3.0, 2 * formula_width(box))            # cm: it is centred in more room than it takes
    return (f"#place(dx: {at[0] - wide / 2:.3f}cm, dy: {at[1] - 1:.3f}cm, box(width: {wide:g}cm, height: 2cm, "
            f"align(center + horizon, text(size: 8pt, fill: {BACK})[$display({spell(box)})$])))")


def _stroke(track: Track, stroke: str, color: str) -> Iterator[str]:
    """The line, which ends a little before its tip, and the head."""
    *rest, (start, one, two, (x, y)) = track
    back = -0.13 if x > start[0] else 0.13
    short = (*rest, (start, one, two, (x + back / 2, y)))
    pieces = "".join(f", curve.line({_at(end)})" if start[1] == end[1] else
                     f", curve.cubic({_at(one)}, {_at(two)}, {_at(end)})" for start, one, two, end in short)
    yield f"#place(curve(stroke: {stroke}, curve.move({_at(track[0][0])}){pieces}))"
    yield (f"#place(polygon(fill: {color}, {_at((x, y))}, {_at((x + back, y - 0.05))}, {_at((x + back * 0.75, y))}, "
           f"{_at((x + back, y + 0.05))}))")


def _at(point: Point) -> str:
    return f"({point[0]:.3f}cm, {point[1]:.3f}cm)"
