"""The picture of a graph: it says what the exercise reads, nothing in it runs over a box, and every format takes it."""

from __future__ import annotations

import shutil
import subprocess
import time
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typst as compiler
from words import V

from derivs import library
from derivs.diagram import diagram, listing
from derivs.expr import Apply, Entry, mul, tensors_in
from derivs.layered import INSIDE, Diagram, Node, Track, formula_height, formula_width
from derivs.problem import Definition, Problem, Tensor
from derivs.sheet.blocks import Document, Picture, Section
from derivs.sheet.html import html
from derivs.sheet.pdf import source
from derivs.sheet.svg import svg
from derivs.sheet.terminal import terminal
from derivs.sheet.tex import tex
from derivs.sheet.tikz import tikz
from derivs.sheet.typst_picture import picture

HOSTILE = r"</title><script>alert(1)</script> \end{tikzpicture} #panic() $ & %"


def graph(reads: dict[str, list[str]], given: list[str], title: str = "") -> Problem:
    """Scalars, each the hyperbolic tangent of the product of what it reads; the last is the output."""
    tensors = {name: Tensor(name) for name in given} | {name: Tensor(name, role="node") for name in reads}
    definitions = tuple(Definition(name, (), Apply("tanh", (mul(*map(Entry, sources)),)))
                        for name, sources in reads.items())
    return Problem("made", title, "", tensors, definitions, "E", (list(reads)[-1],))


def chain(length: int) -> Problem:
    return graph({f"x{k}": [f"x{k - 1}"] for k in range(1, length + 1)}, ["x0"])


def fan(count: int) -> Problem:
    return graph({"y": [f"x{k}" for k in range(count)]}, [f"x{k}" for k in range(count)])


def dense(count: int) -> Problem:
    return graph({f"x{k}": [f"x{j}" for j in range(k)] for k in range(1, count + 1)}, ["x0"])


def hostile() -> Problem:
    """A long name, deep scripts, an accent over several letters, a dead end, and what nothing reads."""
    i = V("i")
    tensors = [Tensor("x", (V("n"),), latex=r"\hat{\tilde{\mathbf{x}}}_{" + "a" * 150 + "}"), Tensor("unread"),
               Tensor("a_really_long_name_of_a_parameter", role="parameter"), Tensor("t'", role="target"),
               Tensor("y", (V("n"),), role="node", latex=r"y^{(a_{b_{c_{d_{e}}}})}"), Tensor("dead", role="node"),
               Tensor("z", role="node")]
    x = Entry("x", (i,))
    definitions = (Definition("y", ("i",), mul(x, Entry("a_really_long_name_of_a_parameter"), Entry("t'"))),
                   Definition("dead", (), Entry("t'")),
                   Definition("z", (), mul(Entry("y", (V("n"),)), Entry("x", (V("n"),)))))
    return Problem("hostile", HOSTILE, "", {t.name: t for t in tensors}, definitions, "E", ("z",))


MADE = {"chain of 60": chain(60), "fan of 40": fan(40), "dense 9": dense(9), "hostile": hostile(),
        "crossed": graph({"a": ["u", "v"], "b": ["v", "w"], "c": ["u", "w"], "d": ["a", "b", "c", "v"]},
                         ["u", "v", "w"])}
CASES = [*library.names(), *MADE]


@pytest.fixture(params=CASES)
def problem(request: pytest.FixtureRequest) -> Problem:
    return MADE[request.param] if request.param in MADE else library.load(request.param)


Rectangle = tuple[float, float, float, float]          # left, top, right, bottom


def box(node: Node) -> Rectangle:
    return (node.x - node.width / 2, node.y - node.height / 2, node.x + node.width / 2, node.y + node.height / 2)


def gradients(drawn: Diagram) -> list[Rectangle]:
    """The room of each formula beside a line or under a box."""
    found = [(e.label, e.label_at) for e in drawn.edges if e.label is not None]
    found += [(n.adjoint, n.adjoint_at) for n in drawn.nodes if n.adjoint is not None]
    return [(x - formula_width(f) / 2, y - formula_height(f) / 2, x + formula_width(f) / 2, y + formula_height(f) / 2)
            for f, (x, y) in found]


def overlap(one: Rectangle, other: Rectangle, slack: float = 0.003) -> bool:
    return (one[0] + slack < other[2] and other[0] + slack < one[2]
            and one[1] + slack < other[3] and other[1] + slack < one[3])


def points(track: Track) -> list[tuple[float, float]]:
    """Many points of the curves."""
    found = []
    for curve in track:
        for step in range(21):
            t = step / 20
            weights = ((1 - t)**3, 3 * t * (1 - t)**2, 3 * t**2 * (1 - t), t**3)
            found.append((sum(w * x for w, (x, _) in zip(weights, curve, strict=True)),
                          sum(w * y for w, (_, y) in zip(weights, curve, strict=True))))
    return found


# ---- laws ------------------------------------------------------------------------------------------------------------

def test_its_edges_are_what_the_definitions_read(problem: Problem) -> None:
    drawn = diagram(problem)
    edges = [(drawn.nodes[e.source].name, drawn.nodes[e.target].name) for e in drawn.edges]
    reads = [(a, d.tensor) for d in problem.definitions for a in tensors_in(d.value)]
    if problem.definition(problem.loss) is None:
        reads += [(output, problem.loss) for output in problem.outputs]
    assert sorted(edges) == sorted(reads)
    assert {n.name for n in drawn.nodes if not n.is_again} == {name for edge in reads for name in edge}


def test_a_gradient_stands_under_what_has_one(problem: Problem) -> None:
    for node in diagram(problem).nodes:
        tensor = problem.tensors.get(node.name)
        has_none = node.is_again or node.kind == "loss" or node.name == "dead" or (
            tensor is not None and tensor.role in ("constant", "target"))
        assert (node.adjoint is None) == has_none


def test_nothing_overlaps(problem: Problem) -> None:
    drawn = diagram(problem)
    rooms = [*map(box, drawn.nodes), *gradients(drawn)]
    assert not [pair for pair in combinations(rooms, 2) if overlap(*pair)]


def test_no_line_runs_over_a_box_or_a_formula(problem: Problem) -> None:
    drawn = diagram(problem)
    rooms = [*map(box, drawn.nodes), *gradients(drawn)]
    for edge in drawn.edges:
        for x, y in points((*edge.forward, *edge.back)):
            assert not [room for room in rooms if overlap(room, (x, y, x, y))]


def test_lines_go_forward_and_gradients_back_from_box_to_box(problem: Problem) -> None:
    drawn = diagram(problem)
    for edge in drawn.edges:
        right, left = box(drawn.nodes[edge.source])[2], box(drawn.nodes[edge.target])[0]
        along = points(edge.forward)
        assert (along[0][0], along[-1][0]) == pytest.approx((right, left), abs=0.002)
        assert all(a[0] <= b[0] + 0.01 for a, b in pairwise(along))
        assert is_beside(along[0], drawn.nodes[edge.source]) and is_beside(along[-1], drawn.nodes[edge.target])
        if edge.back:
            along = points(edge.back)
            assert (along[0][0], along[-1][0]) == pytest.approx((left, right), abs=0.002)
            assert is_beside(along[0], drawn.nodes[edge.target]) and is_beside(along[-1], drawn.nodes[edge.source])


def is_beside(point: tuple[float, float], node: Node) -> bool:
    return box(node)[1] <= point[1] <= box(node)[3]


def test_it_lies_in_its_frame_and_fits_on_a_page(problem: Problem) -> None:
    drawn = diagram(problem)
    rooms = [*map(box, drawn.nodes), *gradients(drawn), *((x, y, x, y) for e in drawn.edges for x, y in
                                                          points((*e.forward, *e.back)))]
    assert all(left >= 0 and top >= 0 and right <= drawn.width and bottom <= drawn.height
               for left, top, right, bottom in rooms)
    if problem.name != "hostile":
        assert drawn.width <= INSIDE + 0.1


def test_it_is_the_same_every_time(problem: Problem) -> None:
    assert diagram(problem) == diagram(problem)


@pytest.mark.parametrize("name", library.names())
def test_exercises_need_no_scaling(name: str) -> None:
    assert diagram(library.load(name)).scale == 1


@pytest.mark.parametrize("problem", [chain(60), fan(40), dense(20)], ids=["chain", "fan", "dense"])
def test_it_is_drawn_soon(problem: Problem) -> None:
    start = time.perf_counter()
    diagram(problem)
    assert time.perf_counter() - start < 5             # half a second here


def test_data_flow_level() -> None:
    """On the way from x to the loss no line goes up or down."""
    drawn = diagram(library.load("mlp"))
    spine = ("x", "z1", "a1", "z2", "a2", "z3", "p", "L")
    for edge in drawn.edges:
        if {drawn.nodes[edge.source].name, drawn.nodes[edge.target].name} <= set(spine):
            heights = [y for _, y in points(edge.forward)]
            assert max(heights) - min(heights) < 0.02


def test_a_wide_graph_goes_on_below_and_repeats_what_is_read_there() -> None:
    drawn = diagram(chain(20))
    again = [n for n in drawn.nodes if n.is_again]
    assert len({n.y for n in drawn.nodes}) == len(again) + 1 == 3
    assert all(any(n.name == m.name and not m.is_again and m.y < n.y for m in drawn.nodes) for n in again)


# ---- formats ---------------------------------------------------------------------------------------------------------

def test_svg_is_xml(problem: Problem) -> None:
    page = svg(diagram(problem))
    root = ElementTree.fromstring(page)
    title = root.find(".//{http://www.w3.org/2000/svg}title")
    assert title is not None and title.text == f"Graph: {problem.title}"
    assert not list(root.iter("script"))
    assert page.count('class="tex"') == page.count("<foreignObject")


def test_typst_takes_it_without_a_warning(problem: Problem) -> None:
    made, warnings = compiler.compile_with_warnings(picture(diagram(problem)).encode(), format="pdf",
                                                    ignore_system_fonts=True)
    assert made.startswith(b"%PDF") and not warnings


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tikz_compiles_with_nothing_overfull(tmp_path: Path) -> None:
    problems = [*map(library.load, library.names()), *MADE.values()]
    pictures = "\n\\par\n".join(tikz(diagram(problem)) for problem in problems)
    (tmp_path / "a.tex").write_text(
        r"\documentclass{article}\usepackage{amsmath,tikz}\textwidth16cm\textheight24cm\topmargin-1cm\parindent0pt"
        rf"\begin{{document}}{pictures}\end{{document}}", encoding="ascii")
    run = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"], cwd=tmp_path,
                         capture_output=True, text=True, errors="replace", check=False)
    if "File `tikz.sty' not found" in run.stdout:
        pytest.skip("texlive-pictures is not installed")
    assert run.returncode == 0, run.stdout[-2000:]
    assert "Overfull" not in run.stdout and "Warning" not in run.stdout


def test_text_lists_what_each_node_reads() -> None:
    assert listing(diagram(library.load("batchnorm"))) == ("x_i → μ", "x_i, μ → σ²", "x_i, μ, σ² → y_i", "y_i → E")


def test_a_sheet_shows_it_in_every_format() -> None:
    sheet = Document("t", (Section("s", "s", "", (Picture(diagram(library.load("minmax_dag"))),)),))
    assert "tikzpicture" in tex(sheet) and "<svg" in html(sheet) and "curve(" in source(sheet)
    assert "s_1, s_2 → y" in terminal(sheet)
