"""What an author wrote, printed again: read back it is the same tree, and nothing of it is passed on raw."""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from derivs import box as boxes
from derivs import latex, text, typst
from derivs.errors import Unreadable
from derivs.reading.document import formulas
from derivs.reading.parse import parse
from derivs.reading.rendered import is_clear, rendered, rendered_lines
from derivs.reading.syntax import Group, Node, Product, Text

TESTS = Path(__file__).parent
FILES = sorted([*TESTS.glob("seeds/*.md"), *TESTS.glob("textbook/*.tex")])
LINES = {"written": TESTS / "written" / "written.jsonl", "seed_lines": TESTS / "seeds" / "seed_lines.jsonl"}


@cache
def nodes(name: str) -> tuple[Node, ...]:
    """Every formula of a file that can be read, of the running text too."""
    if name in LINES:
        rows = [json.loads(row) for row in LINES[name].read_text(encoding="utf-8").splitlines()]
        found = [line for row in rows for line in formulas(row.get("line") or row["latex"], "fragment").lines]
    else:
        path = next(path for path in FILES if path.name == name)
        found = list(formulas(path.read_text(encoding="utf-8"), "md" if path.suffix == ".md" else "tex").lines)
    return tuple(line.node for line in found if line.node is not None)


def shape(node: Any) -> Any:
    """A tree without places, braces that are not seen, and the spaces of its prose."""
    match node:
        case Group("{", (item,)) | Product((item,)):
            return shape(item)
        case Text(said):
            return ("Text", re.sub(r"\\(?=[{}$&#%_])|\s", "", said))
        case tuple():
            return tuple(map(shape, node))
        case _ if is_dataclass(node):
            return (type(node).__name__, *(shape(getattr(node, field.name)) for field in fields(node)
                                           if field.name not in ("span", "spans")))
        case _:
            return node


def printed(source: str) -> str:
    return latex.spell(rendered(parse(source)))


# ---- the law ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", [*(path.name for path in FILES), *LINES])
def test_what_is_printed_reads_as_what_was_written(name: str) -> None:
    assert len(nodes(name)) > 3
    for node in nodes(name):
        again = latex.spell(rendered(node))
        assert shape(parse(again)) == shape(node), again


CORNERS = [
    r"a + -b", r"-a \cdot -b c", r"\boxed{a b}^2 c", r"\mathbf{W x} b", r"{a + b}_i", r"{x_i}_j", r"x'^2_i", r"x''",
    r"{2} 3^2", r"\sqrt[3]{x + y}", r"\sqrt[n+1]{x}", r"\hat{x_i}", r"\overline{A B}", r"\ddot{x}",
    r"\mathbb{1}_{i = j}",
    r"\mathfrak{g}", r"\mathscr{L} \mathtt{x} \mathit{y} \mathsf{z}", r"\epsilon \varepsilon \phi \varphi \vartheta",
    r"\imath \hbar \dagger \bot \emptyset \aleph \infty \top \ell \nabla", r"x^* + y^+ + U_{:,w}", r"a *_{full} b",
    r"a \odot b \oslash c \otimes d \circ e \bullet f \div g \star h", r"a / b c", r"\| \frac{a}{b} \|^2",
    r"||a|| - |b|",
    r"\left| |x| - |y| \right|", r"\{ a, b \}", r"\langle a, b \rangle", r"\lfloor n / 2 \rfloor", r"f()",
    r"\prod_{i=1}^n x_i \sum_j y_j", r"\int_0^1 f(x) dx", r"{\sum_i x_i}^2", r"(\sum_i x_i) b", r"{\sum_i x_i} b",
    r"\max_{i} x_i - \min_j y_j", r"\arg\max_i x_i", r"\sum_{\substack{i = 1 \\ i \ne j}} x_i", r"\log x \exp(y)",
    r"\operatorname{softmax}(x)_i", r"W_{\text{in}} x_{in} x_{min}", r"x_{\mathrm{out}, i}", r"\text{log-loss}(x)",
    r"\begin{cases} 1 & \text{if } i = j \\ 0 & \text{otherwise} \end{cases}",
    r"\begin{cases} 1 & i = j \\ 0 \end{cases}",
    r"\begin{bmatrix} a & b \\ c & d \end{bmatrix} \left( \begin{array}{c} x \\ y \end{array} \right)",
    r"\begin{vmatrix} a \end{vmatrix}", r"a = b \le c \ne d", r"= a", r"a \approx b \propto c \equiv d", r"a := b == c",
    r"x \in A \subset B \notin C", r"a \Rightarrow b \Leftrightarrow c \therefore d \to e \gets f", r"p(a | b) \mid c",
    r"x_1, \dots, x_n", r"x_1 + \cdots + x_n", r"a = b \quad \text{for } i \ne j", r"a = b, \quad \forall i",
    r"a = b, c = d",
    r"\exists i \in A", r"x \pm y", r"a = b \text{ since $c = d$}", r"x_{t_k}^{(l)}", r"0.5 x", r".5", r"a \times -b c",
    r"\#\{i\}", r"\frac{\partial E}{\partial x_i}", r"x_{i,j;k}", r"\sum_i -x_i", r"\underbrace{a + b}_{c} d", r"\mu_B",
]


@pytest.mark.parametrize("source", CORNERS)
def test_every_kind_of_node_prints_and_reads_back(source: str) -> None:
    node = parse(source)
    box = rendered(node)
    assert shape(parse(latex.spell(box))) == shape(node), latex.spell(box)
    assert text.spell(box) and typst.spell(box)


def test_the_corners_hold_every_noun() -> None:
    from derivs.reading import syntax
    from derivs.reading.syntax import walk
    met = {type(part).__name__ for source in CORNERS for part in walk(parse(source))}
    assert met == {kind.__name__ for kind in syntax.Node.__args__}


@pytest.mark.parametrize("name", ["corners", *(path.name for path in FILES), *LINES])
def test_typst_compiles_every_formula(name: str) -> None:
    import typst as compiler
    every = map(parse, CORNERS) if name == "corners" else nodes(name)
    shown = "\n".join(f"$ {typst.spell(rendered(node))} $" for node in every)
    assert compiler.compile(shown.encode(), format="pdf", ignore_system_fonts=True)


# ---- marks -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("source", "guilty", "shown"), [
    (r"a + b c", "b", r"a + \derivsguilty{b} c"),
    (r"a + b c", "b c", r"a + \derivsguilty{b c}"),
    (r"a + b + c", "b + c", r"a + \derivsguilty{b + c}"),
    (r"a b c d", "b c", r"a \derivsguilty{b c} d"),
    (r"x_{ij}", "j", r"x_{i \derivsguilty{j}}"),
    (r"a == b", "==", r"a\mathrel{\derivsguilty{==}}b"),
    (r"\frac{\partial E}{x_i}", "x_i", r"\frac{\partial E}{\derivsguilty{x_{i}}}"),
    (r"\sum_i x_i", "x_i", r"\sum_i \derivsguilty{x_i}"),
    (r"\mu x", "mu", r"\derivsguilty{\mu} x"),
    (r"a \sum_i x_i y", r"\sum_i x_i", r"a \derivsguilty{\sum_i x_i} y"),
])
def test_the_guilty_piece_is_marked(source: str, guilty: str, shown: str) -> None:
    start = source.rindex(guilty)
    found = latex.spell(rendered(parse(source), [(start, start + len(guilty))]))
    assert found.replace(" ", "") == shown.replace(" ", "").replace("{i}", "i")


def test_without_a_mark_nothing_is_marked() -> None:
    assert "guilty" not in latex.spell(rendered(parse("a + b"), [(2, 2)]))


def test_a_marked_piece_that_is_long_breaks() -> None:
    source = "a = " + " + ".join(["x_i y_i z_i"] * 30)
    lines = rendered_lines(parse(source), 20, [(4, len(source))])
    assert len(lines) > 5
    assert all(boxes.width(line.right) <= 22 for line in lines)
    assert "guilty" in latex.latex_lines(lines[2:3])


# ---- lines -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("source", "limit", "rows"), [
    (r"a = b", 20, 1),
    (r"a = b = c", 20, 1),
    (r"a = b + c + d = e + f + g", 10, 2),
    (r"= b", 20, 1),
    (r"a + b", 20, 1),
    (r"a_1 a_2 a_3 a_4 a_5 a_6 a_7 a_8 a_9 = b", 10, 2),
    (r"a = b \quad \text{for } i = j", 30, 1),
    (r"a + b = c + d + e + f \quad \text{for all } i = j", 12, 2),
])
def test_lines(source: str, limit: float, rows: int) -> None:
    lines = rendered_lines(parse(source), limit)
    assert len(lines) == rows, latex.latex_lines(lines)


@pytest.mark.parametrize("name", [path.name for path in FILES])
def test_lines_say_what_the_formula_says(name: str) -> None:
    """Apart from where it breaks: no sign is put in, none is left out."""
    for node in nodes(name):
        for limit in (12, 25):
            lines = rendered_lines(node, limit)
            row = " ".join(latex.spell(part) for line in lines for part in (line.left, line.relation, line.right)
                           if part is not None and part != boxes.Row(()))
            assert _letters(row) == _letters(latex.spell(rendered(node))), row


def _letters(shown: str) -> str:
    for size in (r"\left", r"\right", r"\biggl", r"\biggr", r"\;"):
        shown = shown.replace(size, "")
    return "".join(c for c in shown if c not in " {},;&").replace(r"\cdot", "")


@pytest.mark.parametrize("source", [
    "y = " + "(" * 50 + " + ".join(["a b"] * 600) + ")" * 50,
    "y = " + "(" * 8 + " + ".join(["a b"] * 1000) + ")" * 8,
    "y = " + " ".join(["x_i"] * 1200),
    "y = " + r"\frac{1}{" * 29 + "x" + "}" * 29,
    r"\begin{bmatrix}" + r"\\".join(["&".join("x" * 40)] * 40) + r"\end{bmatrix} = y",
], ids=["deep", "less_deep", "long", "fractions", "matrix"])
def test_large_formulas_are_printed_in_time(source: str) -> None:
    node = parse(source)
    start = perf_counter()
    latex.latex_lines(rendered_lines(node, 26, [(4, len(source))]))
    assert perf_counter() - start < 10


# ---- what is not passed on -------------------------------------------------------------------------------------------

HOSTILE = ["\\input{/etc/passwd}", "</script><script>alert(1)</script>", '#read("/etc/passwd")', "\x1b[31m", "\u202e",
           "中文", "\\end{document}", "$x$%", "^^5cinput", "}{\\write18{ls}}", "ü", "\\csname x\\endcsname", "\x00"]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_prose_is_printed_as_text(words: str) -> None:
    try:
        node = parse(rf"a = b \text{{ if {words} }}")
    except Unreadable:
        return
    box = rendered(node)
    shown = latex.spell(box)
    assert shown.isascii() and shown.isprintable()
    for command in (r"\input", r"\end{", r"\write", r"\csname", "%", "^^"):
        assert command not in shown.replace(r"\%", ""), shown
    import typst as compiler
    assert compiler.compile(f"$ {typst.spell(box)} $".encode(), format="svg", ignore_system_fonts=True)


def test_what_was_lost_is_known() -> None:
    assert not is_clear(parse(r"a \mp b"))
    assert is_clear(parse(r"a - b"))
