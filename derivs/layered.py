"""A picture of boxes and curves with their places, before it has a format: layers from left to right, rows below them.

Layers after Sugiyama, Tagawa & Toda (1981): an edge passes through a place of its own in every layer between its ends,
and its label stands in such a place, so that neither lines nor labels run over a box. What is wider than a page goes on
in a row below; what is read there again is drawn again, dashed.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from derivs.box import Box, Scripts, parts, width

Kind = Literal["given", "node", "loss"]
Point = tuple[float, float]
Curve = tuple[Point, Point, Point, Point]              # Bézier: start, two controls, end; level at both ends
Track = tuple[Curve, ...]

PAGE, TALL = 16.0, 21.0                # cm: the room on a page
EDGE = 0.05                            # cm around a picture, for the width of a line
INSIDE = PAGE - 2 * EDGE
EM = 0.3515                            # cm of an em, in 10 pt; gradients are set in 8 pt
SMALL = 0.8
BOX, PAD = 0.62, 0.3                   # cm: the height of a box, and the room beside its name
UNDER = 0.06                           # cm between a box and its gradient
CLEAR = 0.16                           # cm between what stands in one layer
GAP, WIDE_GAP, SLOPE = 0.3, 1.6, 0.45  # cm between layers: at least; at most; for each cm that a line goes up or down
LANE, SHIFT = 0.26, 0.055              # cm between lines at a box, and from the middle to each of two lines
LEAD = 0.9                             # cm between rows
SWEEPS, WORK, STILL = 24, 60000, 0.00002       # how often layers are put in order and in place; cm that is no move
MAIN, LONG = 5000.0, 40.0              # how much lines are to be level: of data; within a long edge; others 1


def formula_width(box: Box | None) -> float:
    """Of a gradient, in cm; 0 for none."""
    return 0 if box is None else EM * SMALL * width(box) + 0.14


def formula_height(box: Box | None) -> float:
    """The same from top to bottom; more where letters have something above them."""
    return 0 if box is None else 0.96 if _is_raised(box) else 0.84


def _is_raised(box: Box) -> bool:
    return (isinstance(box, Scripts) and box.above is not None) or any(map(_is_raised, parts(box)))


@dataclass(frozen=True, slots=True)
class Node:
    """A tensor in its box, centred at (x, y), with its cotangent under it. is_again: it stands in an earlier row."""

    name: str
    kind: Kind
    label: Box
    adjoint: Box | None
    is_again: bool = False
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0

    @property
    def adjoint_at(self) -> Point:
        """The centre of the cotangent."""
        return self.x, round(self.y + self.height / 2 + UNDER + formula_height(self.adjoint) / 2, 3)

    @property
    def bottom(self) -> float:
        """The lower end of the cotangent, or of the box."""
        return self.y + self.height / 2 + (0 if self.adjoint is None else UNDER + formula_height(self.adjoint))

    @property
    def breadth(self) -> float:
        """The width of the box or of the cotangent."""
        return max(self.width, formula_width(self.adjoint))


@dataclass(frozen=True, slots=True)
class Edge:
    """`target` reads `source`: nodes by number. back: the way of the gradient; label: the partial on that way."""

    source: int
    target: int
    forward: Track = ()
    back: Track = ()
    label: Box | None = None
    label_at: Point = (0, 0)


@dataclass(frozen=True, slots=True)
class Diagram:
    """A picture, in cm from its upper left corner."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: float
    height: float

    @property
    def scale(self) -> float:
        """What makes it fit on a page."""
        return min(1.0, PAGE / self.width, TALL / self.height)


@dataclass(slots=True)
class _Place:
    """A box, or where an edge passes a layer. main: on the way of the data, which is drawn level if it can be."""

    key: tuple[int, int]               # what comes first where nothing else decides
    width: float
    above: float
    below: float
    node: int | None = None
    main: bool = False
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    layer: int = 0
    y: float = 0


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: its places by layer, and the places that each edge passes."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    places: list[_Place]
    layers: list[list[int]]
    ways: list[list[int]]
    backward: list[bool]               # of each edge: whether a gradient goes back on it

    @property
    def widths(self) -> list[float]:
        return [max((self.places[p].width for p in layer), default=0) for layer in self.layers]

    @property
    def width(self) -> float:
        return sum(self.widths) + GAP * (len(self.layers) - 1)


@dataclass(frozen=True, slots=True)
class Picked:
    """What is drawn, without places: boxes by name, what each reads, and the labels."""

    nodes: Mapping[str, Node]
    reads: Mapping[str, tuple[str, ...]]
    labels: Mapping[tuple[str, str], Box]          # the partials of the edges that a gradient goes back on
    backward: frozenset[tuple[str, str]]
    keys: Mapping[str, tuple[int, int]]


def placed(title: str, picked: Picked) -> Diagram:
    """The picture with a place for everything in it."""
    rows = _rows(picked)
    nodes: list[Node] = []
    edges: list[Edge] = []
    end = -LEAD
    for row in rows:
        boxes, lines = _placed(row, max(INSIDE, row.width))
        low = min(*(node.y - node.height / 2 for node in boxes), *(y for line in lines for y in _heights(line)), EDGE)
        down = end + LEAD - low + EDGE
        edges += [_moved(line, down, len(nodes)) for line in lines]
        nodes += [replace(box, y=round(box.y + down, 3)) for box in boxes]
        end = max(*(node.bottom for node in nodes), *(y for line in edges for y in _heights(line)), 0)
    right = max((node.x + node.breadth / 2 for node in nodes), default=1)
    return Diagram(title, tuple(nodes), tuple(edges), round(right + EDGE, 3), round(max(end, 0.5) + EDGE, 3))


# ---- rows ------------------------------------------------------------------------------------------------------------

def _rows(picked: Picked) -> list[_Row]:
    """As few rows as a page is wide enough for, of much the same width."""
    depth: dict[str, int] = {}
    for name, sources in picked.reads.items():
        depth[name] = 1 + max((depth.get(source, 0) for source in sources), default=0)
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=0))]
    for name, at in depth.items():
        columns[at - 1].append(name)
    if not columns:
        return []
    cuts = _cuts(picked, depth, columns, INSIDE)
    for limit in range(int(PAGE) - 1, 3, -1):
        fewer = _cuts(picked, depth, columns, limit)
        if len(fewer) > len(cuts):
            break
        cuts = fewer
    drawn: set[str] = set()
    rows = []
    for start, end in cuts:
        rows.append(_row(picked, depth, columns[start:end], frozenset(drawn)))
        drawn |= {node.name for node in rows[-1].nodes}
    return rows


def _cuts(picked: Picked, depth: Mapping[str, int], columns: Sequence[list[str]],
          limit: float) -> list[tuple[int, int]]:
    """Columns from, to: each row as long as it fits, and never empty."""
    cuts = []
    start = 0
    while start < len(columns):
        end = start + 1
        while end < len(columns) and _row(picked, depth, columns[start:end + 1], frozenset()).width <= limit:
            end += 1
        cuts.append((start, end))
        start = end
    return cuts


def _row(picked: Picked, depth: Mapping[str, int], columns: Sequence[list[str]], drawn: frozenset[str]) -> _Row:
    """Columns of definitions with what they read. Boxes stand in even layers, labels in odd ones."""
    first = depth[columns[0][0]]
    layer = {name: 2 * (depth[name] - first) + 2 for column in columns for name in column}
    for name in [name for column in columns for name in column]:
        for source in picked.reads[name]:
            if depth.get(source, 0) < first:       # not of this row: it stands just before what reads it first
                layer[source] = min(layer.get(source, layer[name]), layer[name] - 2)
    if 0 not in layer.values():
        layer = {name: at - 2 for name, at in layer.items()}
    names = sorted(layer, key=lambda name: picked.keys[name])
    pairs = [(a, b) for b in names if depth.get(b, 0) >= first for a in picked.reads[b]]
    inward = {name: sum(b == name for _, b in pairs) for name in names}
    outward = {name: sum(a == name for a, _ in pairs) for name in names}
    nodes, places = [], []
    for k, name in enumerate(names):
        node = picked.nodes[name]
        again = name in drawn
        height = max(BOX, LANE * max(inward[name], outward[name]) + 0.1)
        node = replace(node, is_again=again, adjoint=None if again else node.adjoint, height=round(height, 3),
                       width=round(max(BOX, EM * width(node.label) + PAD), 3))
        nodes.append(node)
        places.append(_Place(picked.keys[name], node.breadth, height / 2, node.bottom, k,
                             main=picked.keys[name][0] == 1, layer=layer[name]))
    edges, ways = [], []
    for a, b in pairs:
        label = picked.labels.get((a, b))
        edges.append(Edge(names.index(a), names.index(b), label=label))
        ways.append(_way(edges[-1], places))
    layers: list[list[int]] = [[] for _ in range(max(layer.values()) + 1)]
    for k in sorted(range(len(places)), key=lambda k: places[k].key):
        layers[places[k].layer].append(k)
    return _Row(tuple(nodes), tuple(edges), places, layers, ways, [pair in picked.backward for pair in pairs])


def _way(edge: Edge, places: list[_Place]) -> list[int]:
    """The places from source to target: new ones in the layers between, one of them with room for the label."""
    start, end = places[edge.source].layer, places[edge.target].layer
    middle = (start + end) // 2
    labelled = middle if middle % 2 else middle - 1
    way = [edge.source]
    lines = SHIFT + 0.04
    main = places[edge.source].main and end - start == 2
    for layer in range(start + 1, end):
        has_label = edge.label is not None and layer == labelled
        label = edge.label if has_label else None
        places.append(_Place(places[edge.source].key, formula_width(label), lines, lines + formula_height(label),
                             main=main, layer=layer))
        way.append(len(places) - 1)
    way.append(edge.target)
    for a, b in pairwise(way):
        places[a].after.append(b)
        places[b].before.append(a)
    return way


# ---- places ----------------------------------------------------------------------------------------------------------

def _placed(row: _Row, room: float) -> tuple[list[Node], list[Edge]]:
    """The nodes and edges of a row; heights are still from anywhere."""
    _order(row)
    ports = _ports(row)
    _settle(row, ports)
    lefts = _lefts(row, ports, room)
    widths = row.widths
    nodes = list(row.nodes)
    for place in row.places:
        if place.node is not None:
            node = nodes[place.node]
            nodes[place.node] = replace(node, x=round(lefts[place.layer] + widths[place.layer] / 2, 3), y=place.y)
    edges = []
    for edge, way, goes_back in zip(row.edges, row.ways, row.backward, strict=True):
        points: list[Point] = []
        label_at = (0.0, 0.0)
        for k, at in enumerate(way):
            place, left = row.places[at], lefts[row.places[at].layer]
            right = left + widths[place.layer]
            if k == 0:
                y = place.y + ports[at, way[1]]
                points += [(nodes[edge.source].x + nodes[edge.source].width / 2, y), (right, y)]
            elif k == len(way) - 1:
                y = place.y + ports[way[-2], at]
                points += [(left, y), (nodes[edge.target].x - nodes[edge.target].width / 2, y)]
            elif right > left:                         # where nothing stands in a layer, the curve goes on
                points += [(left, place.y), (right, place.y)]
                if place.width:
                    label_at = round((left + right) / 2, 3), round(place.y + (place.above + place.below) / 2, 3)
        track = _simple(points)
        forward = _curves(track, -SHIFT if goes_back else 0)
        back = _turned(_curves(track, SHIFT)) if goes_back else ()
        edges.append(replace(edge, forward=forward, back=back, label_at=label_at))
    return nodes, edges


def _order(row: _Row) -> None:
    """Fewer crossings: each place to the mean position of its neighbours, forth and back, the best order is kept."""
    places, layers = row.places, row.layers
    best, fewest = [list(layer) for layer in layers], _crossings(row)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        forth = sweep % 2 == 0
        for layer in layers if forth else reversed(layers):
            at = {p: k for one in layers for k, p in enumerate(one)}
            means = {p: _mean([at[q] for q in (places[p].before if forth else places[p].after)], at[p]) for p in layer}
            layer.sort(key=means.__getitem__)
        if (count := _crossings(row)) < fewest:
            best, fewest = [list(layer) for layer in layers], count
    layers[:] = best


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(row: _Row) -> int:
    count = 0
    for one, other in pairwise(row.layers):
        at = {p: k for k, p in enumerate(other)}
        seen: list[int] = []
        for p in one:
            ends = sorted(at[q] for q in row.places[p].after)
            count += sum(len(seen) - bisect(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _ports(row: _Row) -> dict[tuple[int, int], float]:
    """How far from the middle of its box each line starts or ends, by the places before and after that gap."""
    at = {p: k for layer in row.layers for k, p in enumerate(layer)}
    found: dict[tuple[int, int], float] = {}
    for p, place in enumerate(row.places):
        if place.node is not None:
            for k, q in enumerate(sorted(place.after, key=at.__getitem__)):
                found[p, q] = LANE * (k - (len(place.after) - 1) / 2)
            for k, q in enumerate(sorted(place.before, key=at.__getitem__)):
                found[q, p] = LANE * (k - (len(place.before) - 1) / 2)
    return found


def _settle(row: _Row, ports: Mapping[tuple[int, int], float]) -> None:
    """Heights: lines as level as the order and the sizes allow, first those between definitions.

    Least squares by layers in turn, each exactly (pool adjacent violators), with the layers beside it held.
    """
    places = row.places
    pulls: dict[int, list[tuple[int, float, float]]] = {p: [] for p in range(len(places))}
    for way in row.ways:
        main = len(way) == 3 and places[way[0]].main
        for a, b in pairwise(way):
            inner = places[a].node is None and places[b].node is None
            weight = MAIN if main else LONG if inner else 1.0
            start = ports.get((a, b), 0) if places[a].node is not None else 0
            end = ports.get((a, b), 0) if places[b].node is not None else 0
            pulls[b].append((a, start - end, weight))
            pulls[a].append((b, end - start, weight))
    for layer in row.layers:
        _spread(places, layer, [(0.0, MAIN if places[p].main else 1.0) for p in layer])
    for sweep in range(max(SWEEPS, WORK // len(places))):
        before = [place.y for place in places]
        for layer in row.layers if sweep % 2 == 0 else reversed(row.layers):
            wishes = []
            for p in layer:
                total = sum(weight for _, _, weight in pulls[p])
                wish = sum(weight * (places[q].y + offset) for q, offset, weight in pulls[p])
                wishes.append((wish / total, total) if total else (places[p].y, 0.01))
            _spread(places, layer, wishes)
        if all(abs(place.y - y) < STILL for place, y in zip(places, before, strict=True)):
            break
    for place in places:
        place.y = round(place.y, 3)


def _spread(places: list[_Place], layer: Sequence[int], wishes: Sequence[tuple[float, float]]) -> None:
    """Each place as near to its wish (y, weight) as its neighbours in the order let it."""
    offsets = [0.0]
    for a, b in pairwise(layer):
        offsets.append(offsets[-1] + places[a].below + CLEAR + places[b].above)
    blocks: list[tuple[float, float, int]] = []            # mean wish without offsets, weight, how many
    for (wish, weight), offset in zip(wishes, offsets, strict=False):
        block = (wish - offset, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            mean, other, many = blocks.pop()
            both = other + block[1]
            block = ((mean * other + block[0] * block[1]) / both, both, many + block[2])
        blocks.append(block)
    flat = [mean for mean, _, many in blocks for _ in range(many)]
    for p, y, offset in zip(layer, flat, offsets, strict=False):
        places[p].y = y + offset


def _lefts(row: _Row, ports: Mapping[tuple[int, int], float], room: float) -> list[float]:
    """Where each layer starts. Gaps that lines climb in are wider, as far as there is room."""
    wishes = []
    for layer in row.layers[:-1]:
        climb = max((abs(row.places[q].y - row.places[p].y) for p in layer for q in row.places[p].after), default=0)
        wishes.append(min(WIDE_GAP - GAP, SLOPE * climb))
    share = min(1.0, (room - row.width) / sum(wishes)) if sum(wishes) else 0
    lefts = [EDGE]
    for size, wish in zip(row.widths, wishes, strict=False):
        lefts.append(lefts[-1] + size + GAP + share * wish)
    return [round(left, 3) for left in lefts]


def _simple(points: Sequence[Point]) -> tuple[Point, ...]:
    """Without points in the middle of a level line."""
    kept: list[Point] = []
    for x, y in points:
        point = round(x, 3), round(y, 3)
        if kept and point[0] - kept[-1][0] < 0.001:
            continue
        if len(kept) > 1 and kept[-1][1] == kept[-2][1] == point[1]:
            kept.pop()
        kept.append(point)
    return tuple(kept)


def _curves(track: Sequence[Point], shift: float = 0) -> Track:
    """A line along the track, lower by `shift`; where it climbs, as far to the side."""
    found = []
    for (x0, y0), (x1, y1) in pairwise(track):
        aside = 4 / 3 * shift * ((y0 > y1) - (y0 < y1))                # of a Bézier's middle, 3/4 is the controls'
        middle = round((x0 + x1) / 2 + aside, 3)
        y0, y1 = round(y0 + shift, 3), round(y1 + shift, 3)
        found.append(((x0, y0), (middle, y0), (middle, y1), (x1, y1)))
    return tuple(found)


def _turned(track: Track) -> Track:
    """The other way round."""
    return tuple((d, c, b, a) for a, b, c, d in reversed(track))


def _moved(edge: Edge, down: float, first: int) -> Edge:
    """Lower, and with the numbers that its nodes have in the whole picture."""
    def lower(point: Point) -> Point:
        return point[0], round(point[1] + down, 3)

    def lowered(track: Track) -> Track:
        return tuple((lower(a), lower(b), lower(c), lower(d)) for a, b, c, d in track)

    return replace(edge, source=edge.source + first, target=edge.target + first, forward=lowered(edge.forward),
                   back=lowered(edge.back), label_at=lower(edge.label_at))


def _heights(edge: Edge) -> Iterator[float]:
    """Heights between which an edge and its label lie."""
    for curve in (*edge.forward, *edge.back):
        yield curve[0][1]
        yield curve[3][1]
    if edge.label is not None:
        yield edge.label_at[1] + formula_height(edge.label) / 2
