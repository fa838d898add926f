"""A picture of a graph in TikZ, for plain pdflatex."""

from __future__ import annotations

from collections.abc import Iterator

from derivs.latex import spell
from derivs.layered import Diagram, Edge, Point, Track

BACK = "{rgb,255:red,31;green,95;blue,168}"
STYLES = rf"""  box/.style={{draw, line width=.5pt, inner sep=0pt, font=\fontsize{{10}}{{12}}\selectfont}},
  given/.style={{box, fill=black!7}}, node/.style={{box, rounded corners=4pt}}, loss/.style={{box, line width=1.1pt}},
  again/.style={{dash pattern=on 1.5pt off 1.5pt}},
  forward/.style={{-stealth, line width=.5pt}},
  back/.style={{-stealth, line width=.5pt, dash pattern=on 2pt off 1.2pt, draw={BACK}}},
  gradient/.style={{inner sep=0pt, text={BACK}, font=\fontsize{{8}}{{9.6}}\selectfont}}"""


def tikz(diagram: Diagram) -> str:
    """A tikzpicture; it needs tikz, no library."""
    scale = f"scale={diagram.scale:.5f}, every node/.append style={{transform shape}},\n" if diagram.scale < 1 else ""
    lines = "".join(f"{line}\n" for line in _lines(diagram))
    return f"\\begin{{tikzpicture}}[x=1cm, y=-1cm,\n{scale}{STYLES}]\n{lines}\\end{{tikzpicture}}\n"


def _lines(diagram: Diagram) -> Iterator[str]:
    yield rf"\path[use as bounding box] (0,0) rectangle {_at((diagram.width, diagram.height))};"
    for edge in diagram.edges:
        yield from _edge(edge)
    for node in diagram.nodes:
        style = node.kind + (", again" if node.is_again else "")
        yield (rf"\node[{style}, minimum width={node.width:g}cm, minimum height={node.height:g}cm]"
               rf" at {_at((node.x, node.y))} {{${spell(node.label)}$}};")
        if node.adjoint is not None:
            yield rf"\node[gradient] at {_at(node.adjoint_at)} {{$\displaystyle {spell(node.adjoint)}$}};"


def _edge(edge: Edge) -> Iterator[str]:
    yield rf"\draw[forward] {_track(edge.forward)};"
    if edge.back:
        yield rf"\draw[back] {_track(edge.back)};"
    if edge.label is not None:
        yield rf"\node[gradient] at {_at(edge.label_at)} {{$\displaystyle {spell(edge.label)}$}};"


def _track(track: Track) -> str:
    text = _at(track[0][0])
    for start, one, two, end in track:
        text += f" -- {_at(end)}" if start[1] == end[1] else f" .. controls {_at(one)} and {_at(two)} .. {_at(end)}"
    return text


def _at(point: Point) -> str:
    return f"({point[0]:.3f},{point[1]:.3f})"
