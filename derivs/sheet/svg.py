"""A picture of a graph as SVG inside a page: its formulas are LaTeX for the page's script, and text without it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from derivs.box import Box, Fraction
from derivs.diagram import listing
from derivs.latex import spell as latex
from derivs.layered import Diagram, Point, Track
from derivs.text import spell as text

CM = 42.0                              # pixels: as on paper at a little more than its size
STYLE = """
.graph { margin: .8rem 0; overflow-x: auto; overflow-y: hidden; }
.graph svg { display: block; font: 15px serif; overflow: visible; }
.graph .katex { font-size: 1em; line-height: 1; }
.graph foreignObject > span { display: flex; width: 100%; height: 100%; align-items: center; justify-content: center;
  white-space: nowrap; }
.graph .line { fill: none; stroke: currentColor; stroke-width: 1; }
.graph .head { fill: currentColor; }
.graph rect { fill: none; stroke: currentColor; stroke-width: 1; }
.graph .given { fill: var(--box); }
.graph .loss { stroke-width: 2; }
.graph .again { stroke-dasharray: 3 3; }
.graph .back { color: var(--link); }
.graph .back .line { stroke-dasharray: 4 2.5; }
.graph .gradient { font-size: 12.5px; color: var(--link); }
.graph text { fill: currentColor; text-anchor: middle; dominant-baseline: central; display: none; }
:root:not(.scripted) .graph text { display: inline; }
:root:not(.scripted) .graph foreignObject { display: none; }
@media print { .graph svg { max-width: 100%; height: auto; } }
""".strip()


def svg(diagram: Diagram) -> str:
    """A scrolling box with the picture, and its style."""
    wide, high = diagram.width * CM + 2, diagram.height * CM + 2
    inside = "".join(f"{line}\n" for line in _lines(diagram))
    return (f'<div class="graph" tabindex="0">\n<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{wide:.0f}" '
            f'height="{high:.0f}" viewBox="-1 -1 {wide:.0f} {high:.0f}">\n<title>{escape("Graph: " + diagram.title)}'
            f"</title>\n<desc>{escape('; '.join(listing(diagram)))}</desc>\n<style>{STYLE}</style>\n{inside}</svg>\n"
            "</div>\n")


def _lines(diagram: Diagram) -> Iterator[str]:
    for edge in diagram.edges:
        yield f"<g>{_stroke(edge.forward)}</g>"
        if edge.back:
            yield f'<g class="back">{_stroke(edge.back)}</g>'
        if edge.label is not None:
            yield _formula(edge.label, edge.label_at, small=True)
    for node in diagram.nodes:
        x, y = node.x - node.width / 2, node.y - node.height / 2
        radius = 6 if node.kind == "node" else 0
        again = " again" if node.is_again else ""
        yield (f'<rect class="{node.kind}{again}" x="{CM * x:.1f}" y="{CM * y:.1f}" width="{CM * node.width:.1f}" '
               f'height="{CM * node.height:.1f}" rx="{radius}"/>')
        yield _formula(node.label, (node.x, node.y), small=False)
        if node.adjoint is not None:
            yield _formula(node.adjoint, node.adjoint_at, small=True)


def _formula(box: Box, at: Point, *, small: bool) -> str:
    """Centred at a point: what the script renders, and the same as text."""
    x, y, wide, high = CM * at[0], CM * at[1], 180, 60
    kind, style = (' class="gradient"', r"\displaystyle ") if small else ("", "")
    return (f'<g{kind}><foreignObject x="{x - wide / 2:.1f}" y="{y - high / 2:.1f}" width="{wide}" height="{high}">'
            f'<span xmlns="http://www.w3.org/1999/xhtml"><span class="tex">{escape(style + latex(box))}</span></span>'
            f'</foreignObject>{_plain(box, x, y)}</g>')


def _plain(box: Box, x: float, y: float) -> str:
    """A derivative on two lines, the upper one underlined."""
    if isinstance(box, Fraction):
        return (f'<text x="{x:.1f}" y="{y - 9:.1f}" text-decoration="underline">{escape(text(box.over))}</text>'
                f'<text x="{x:.1f}" y="{y + 9:.1f}">{escape(text(box.under))}</text>')
    return f'<text x="{x:.1f}" y="{y:.1f}">{escape(text(box))}</text>'


def _stroke(track: Track) -> str:
    *rest, (start, one, two, (x, y)) = track
    back = -0.15 if x > start[0] else 0.15
    path = f"M{_at(track[0][0])}"
    for a, b, c, d in (*rest, (start, one, two, (x + back / 2, y))):
        path += f" L{_at(d)}" if a[1] == d[1] else f" C{_at(b)} {_at(c)} {_at(d)}"
    head = " ".join(map(_at, ((x, y), (x + back, y - 0.06), (x + 0.75 * back, y), (x + back, y + 0.06))))
    return f'<path class="line" d="{path}"/><polygon class="head" points="{head}"/>'


def _at(point: Point) -> str:
    return f"{CM * point[0]:.1f},{CM * point[1]:.1f}"
