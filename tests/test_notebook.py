"""The nouns in Jupyter: the example notebook runs, its formulas can be typeset, and what others wrote stays text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fractions import Fraction
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import examples
import pytest

import derivs
from derivs.derivation import Answer, Solution, Step
from derivs.notebook import answered, html, latex
from derivs.problem import Claim
from derivs.verdict import Point, Proved, Refuted, Tested, Unread, Verdict

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
KATEX = ROOT / "derivs" / "sheet" / "katex" / "katex.min.js"
SIGMOID = 'derivs.solve("sigmoid", examples=5).answers[0]'
FORMULA = re.compile(r"\$[^$]+\$")
MADE = {"batchnorm": examples.batchnorm, "convolution": examples.convolution, "hostile": examples.hostile}


# ---- the notebook ----------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the cells show, by the last line of the cell: the forms of it by their MIME types."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install 'derivs[test]'")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install 'derivs[test]'")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: pip install 'derivs[test]'")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.setenv("PYTHONPATH", str(ROOT))
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()        # raises on any error
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all([output.output_type for output in cell.outputs] == ["execute_result"] for cell in cells)
    return {cell.source.splitlines()[-1]: dict(cell.outputs[0].data) for cell in cells}


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [(cell["outputs"], cell["execution_count"]) for cell in cells] == [([], None)] * len(cells)


@pytest.mark.parametrize("cell, forms", [
    ("problem", {"text/html"}),
    ("solution", {"text/html"}),
    ("answer", {"text/html", "text/latex"}),
    ("answer.steps[1]", {"text/html", "text/latex"}),
    ("answer.target.claim", {"text/latex"}),
    ("answer.verdict", {"text/html"}),
    ("report", {"text/html"}),
    ("report.first_wrong", {"text/html"}),
    ("})", {"text/html"}),
    (SIGMOID, {"text/html", "text/latex"}),
])
def test_a_cell_shows_itself_in_these_forms(outputs: dict[str, dict[str, str]], cell: str, forms: set[str]) -> None:
    assert outputs[cell].keys() == forms | {"text/plain"}
    assert len(outputs[cell]["text/plain"]) < 200
    for form in forms:
        assert FORMULA.search(outputs[cell][form]) or cell == "answer.verdict"


@pytest.mark.parametrize("cell, said", [
    ("problem", "<h3>Batch normalisation</h3>"),
    ("problem", r"\mu &amp;= \frac{1}{m} \sum_{i=1}^{m} x_i"),
    ("problem", r"Find $\partial E/\partial \sigma^2$"),
    ("solution", "<details open>"),
    ("solution", r"chain rule through $y$"),
    ("solution", "✓ <b>Proved for every size</b>"),
    ("answer.steps[1]", r"\frac{\partial E}{\partial \sigma^2} &amp;= "),
    ("answer.verdict", "✓ <b>Proved for every size</b>: where σ² &gt; 0"),
    ("report", "<b>right</b>"),
    ("report", "<b>wrong</b>: at n = "),
    ("report", "1 right, 1 wrong"),
    ("report.first_wrong", "∂E/∂y = "),
    ("})", "<h3>Swish</h3>"),
    (SIGMOID, "<b>Agrees with autodiff on "),
])
def test_a_cell_says(outputs: dict[str, dict[str, str]], cell: str, said: str) -> None:
    assert said in outputs[cell]["text/html"]


# ---- each noun -------------------------------------------------------------------------------------------------------

HALF = Refuted(Point({"n": 2}, {("x", (1,)): Fraction(0), ("x", (2,)): Fraction(1, 2)}), "1/2", "1")


@pytest.mark.parametrize("verdict, said", [
    (Proved(("where x > 0",), 3), "<p>✓ <b>Proved for every size</b>: where x &gt; 0</p>"),
    (Tested(3, "too <large>"), "<p>? <b>Not proved</b>: no difference at 3 exact points; too &lt;large&gt;</p>"),
    (HALF, "<p>✗ <b>Refuted</b>: at n = 2, x = (0, 1/2) the left side is 1/2, the right side 1</p>"),
    (Unread(r"no $\foo$"), "<p>? <b>Not understood</b>: no <span>$</span><span>\\</span>foo<span>$</span></p>"),
])
def test_a_verdict_shows_itself_in_words(verdict: Verdict, said: str) -> None:
    assert (verdict._repr_html_() or "").strip() == said
    assert verdict._repr_latex_() is None


def test_a_part_of_a_solution_shows_what_it_shows_in_the_whole() -> None:
    solution = answered(examples.batchnorm())
    whole = html(solution) or ""
    for part in (*solution.answers, *solution.hands):
        assert (said := html(part)) and said in whole
    for step in (step for answer in solution.answers for step in answer.steps):
        assert (formula := latex(step)) and formula in unescape(html(step) or "")


def test_a_part_that_nobody_placed_shows_its_short_repr() -> None:
    answer = examples.batchnorm().answers[0]
    for part in (answer, answer.steps[0], answer.target, answer.target.claim):
        assert part._repr_html_() is None and part._repr_latex_() is None


def test_the_exercise_beside_a_part_is_no_part_of_it() -> None:
    solution = examples.batchnorm()
    assert answered(solution) == solution


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_repr_stays_short(make: Any) -> None:
    solution: Solution = answered(make())
    answer: Answer = solution.answers[0]
    steps: tuple[Step, ...] = answer.steps
    claim: Claim = answer.target.claim
    assert all(len(repr(noun)) < 140 for noun in (solution, solution.problem, answer, claim, *steps))


def test_solve_is_a_function_also_after_its_module_was_imported() -> None:
    code = "import derivs, derivs.solver; print(len(derivs.solve('relu').answers))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


def test_importing_derivs_costs_nothing() -> None:
    code = "import sys, derivs; print([name for name in sys.modules if name.startswith(('derivs.', 'IPython'))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# ---- what others wrote -----------------------------------------------------------------------------------------------

class Tags(HTMLParser):
    """The tags of a piece of HTML, and its text outside code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.pieces: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def test_a_hostile_exercise_stays_text() -> None:
    solution = answered(examples.hostile())
    for noun in (solution, solution.problem, solution.answers[0], solution.hands[0], solution.answers[0].verdict):
        found = Tags(html(noun) or "")
        assert not {"script", "input", "a"} & set(found.tags)
        assert "<script>alert(1)</script>" in "".join(found.pieces)
        assert "$x$" in "".join(found.pieces)
        formulas = [formula for piece in found.pieces for formula in FORMULA.findall(piece)]
        assert not any("input" in formula or formula == "$x$ #read" for formula in formulas)


@pytest.mark.parametrize("line, typeset", [
    (r"\frac{\partial y}{\partial x} = y", True),
    (r"\frac{\partial y}{\partial x} = \href{javascript:alert(1)}{y}", False),
    (r"\frac{\partial y}{\partial x} = \left( y", False),
    (r"\frac{\partial y}{\partial x} = <img src=x onerror=alert(1)>", True),
])
def test_a_line_that_was_checked_is_typeset_if_it_is_harmless(line: str, typeset: bool) -> None:
    said = html(derivs.check("sigmoid", line)) or ""
    assert bool(FORMULA.search(said)) is typeset
    assert not {"a", "img"} & set(Tags(said).tags)


# ---- typeset ---------------------------------------------------------------------------------------------------------

TYPESET = r"""() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT,
    node => node.parentElement.closest("script, pre, code, .mathjax_ignore") ? NodeFilter.FILTER_REJECT
                                                                            : NodeFilter.FILTER_ACCEPT);
  const found = [];
  while (walker.nextNode())
    for (const [whole] of walker.currentNode.data.matchAll(/\$[^$]+\$/g)) {
      try { katex.renderToString(whole.slice(1, -1), {throwOnError: true}); found.push([whole, ""]); }
      catch (error) { found.push([whole, String(error)]); }
    }
  return found; }"""


def typeset(browser: Browser, text: str) -> list[tuple[str, str]]:
    """The formulas between dollars that stand in HTML, and what the vendored KaTeX has against them."""
    page = browser.new_page()
    page.set_content(f"<!doctype html><body>{text}<script>{KATEX.read_text(encoding='utf-8')}</script>")
    found = [tuple(one) for one in page.evaluate(TYPESET)]
    page.close()
    return found


def test_every_formula_of_the_notebook_can_be_typeset(
        browser: Browser, outputs: dict[str, dict[str, str]]) -> None:
    said = [data["text/html"] for data in outputs.values() if "text/html" in data]
    said += [f"<p>{escape(data['text/latex'])}</p>" for data in outputs.values() if "text/latex" in data]
    found = typeset(browser, "\n".join(said))
    assert len(found) > 40
    assert [(formula, error) for formula, error in found if error] == []


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_every_formula_of_a_sheet_can_be_typeset(browser: Browser, make: Any) -> None:
    solution = answered(make())
    found = typeset(browser, html(solution) or "")
    assert found and [(formula, error) for formula, error in found if error] == []
