"""A sheet in every format: it compiles, renders without an error, is the same every time, and prints text as text."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import examples
import pytest

from derivs.derivation import Agreement, Judged
from derivs.problem import Claim, Hand
from derivs.report import judged_words, report, verdict_words
from derivs.sheet.blocks import Document
from derivs.sheet.document import document
from derivs.sheet.html import html
from derivs.sheet.pdf import pdf, pdf_by_pdflatex, source
from derivs.sheet.terminal import terminal
from derivs.sheet.tex import escape, tex
from derivs.verdict import Proved, Tested

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SHEETS = {"batchnorm": examples.batchnorm, "convolution": examples.convolution, "hostile": examples.hostile}

needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(params=SHEETS)
def sheet(request: pytest.FixtureRequest) -> Document:
    return document([SHEETS[request.param]()])


@pytest.fixture
def all_sheets() -> Document:
    return document([make() for make in SHEETS.values()])


# ---- LaTeX -----------------------------------------------------------------------------------------------------------

@needs_pdflatex
def test_tex_compiles_with_nothing_overfull(sheet: Document, tmp_path: Path) -> None:
    (tmp_path / "answers.tex").write_text(tex(sheet), encoding="utf-8")
    run = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "answers.tex"], cwd=tmp_path,
                         capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout[-2000:]
    wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", run.stdout)]
    assert all(points < 3 for points in wide), run.stdout[-2000:]


def test_tex_needs_amsmath_only(all_sheets: Document) -> None:
    assert re.findall(r"\\usepackage\{(\w+)\}", tex(all_sheets)) == ["amsmath"]


def test_tex_is_plain_ascii(all_sheets: Document) -> None:
    assert tex(all_sheets).isascii()


@pytest.mark.parametrize(("text", "printed"), [
    ("a_b & 50 % #1 $x$ {y}", r"a\_b \& 50 \% \#1 \$x\$ \{y\}"),
    ("1-2 --x", "1-2 -{}-x"),
    (r"\input{x}", r"\textbackslash{}input\{x\}"),
    ("a^b ~ <c>", r"a\^{}b \~{} $<$c$>$"),
    ("σ² ≤ x̂_i", r"\ensuremath{\sigma}\ensuremath{{}^{2}} \ensuremath{\le} \^{x}\_i"),
    ("Poincaré – ï", r"Poincar\'{e} -- \"{\i}"),
    ("語", r"\texttt{[U+8A9E]}"),
    ("a\x00\x1bb\nc", "ab c"),
])
def test_text_is_escaped(text: str, printed: str) -> None:
    assert escape(text) == printed


# ---- HTML ------------------------------------------------------------------------------------------------------------

class _Page(HTMLParser):
    """Tags, and what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name == "src" or (name == "href" and tag != "a")]


def test_html_fetches_nothing_and_runs_our_two_scripts_only(all_sheets: Document) -> None:
    page = _Page()
    text = html(all_sheets)
    page.feed(text)
    assert page.tags.count("script") == 2 and page.fetched == []
    assert not re.search(r"url\((?!data:)", text)
    assert "<script>alert" not in text


def test_the_licence_of_katex_is_there() -> None:
    folder = Path(__file__).parents[1] / "derivs" / "sheet" / "katex"
    assert "MIT License" in (folder / "LICENSE").read_text()


@needs_chromium
def test_katex_renders_every_formula(all_sheets: Document, tmp_path: Path) -> None:
    page = html(all_sheets)
    shown = _dom(page, tmp_path)
    formulas = page.count('class="tex"')
    assert formulas > 30
    assert shown.count('<span class="katex">') == formulas
    assert 'class="katex-error"' not in shown


@needs_chromium
def test_hostile_text_runs_nothing(tmp_path: Path) -> None:
    shown = _dom(html(document([examples.hostile()])), tmp_path)
    assert "&lt;script&gt;alert(1)" in shown and "<script>alert" not in shown


def _dom(page: str, folder: Path) -> str:
    """The page after its scripts have run, in a real browser."""
    assert CHROMIUM is not None
    path = folder / "answers.html"
    path.write_text(page, encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
               "--disable-background-networking", "--disable-component-update", "--disable-sync",
               f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000", "--dump-dom", path.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


# ---- PDF -------------------------------------------------------------------------------------------------------------

def test_pdf_by_typst(sheet: Document) -> None:
    assert pdf(sheet).startswith(b"%PDF")


@needs_pdflatex
def test_pdf_by_pdflatex_is_the_same_every_time(sheet: Document) -> None:
    first = pdf_by_pdflatex(sheet)
    assert first.startswith(b"%PDF") and first == pdf_by_pdflatex(sheet)


def test_typst_reads_no_text_as_its_own(all_sheets: Document) -> None:
    outside_strings = re.sub(r'"(?:\\.|[^"\\])*"', '""', source(all_sheets))
    assert "#read" not in outside_strings and "passwd" not in outside_strings


# ---- all -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("render", [tex, html, pdf, terminal])
def test_the_same_bytes_every_time(render: object) -> None:
    assert callable(render)
    first, second = (render(document([make() for make in SHEETS.values()])) for _ in range(2))
    assert first == second


def test_a_date_only_where_one_is_given() -> None:
    solution = examples.batchnorm()
    assert "2026-11-21" in tex(document([solution], date="2026-11-21"))
    assert not re.search(r"\d{4}-\d\d-\d\d", tex(document([solution])))


def test_the_terminal_shows_the_derivation_and_no_control_characters() -> None:
    shown = terminal(document([examples.batchnorm()]))
    assert "    ∂E/∂x_i = γ/(m σ) · (m ∂E/∂y_i - Σ_j ∂E/∂y_j - x̂_i Σ_j ∂E/∂y_j · x̂_j)" in shown
    assert "    ✓ Proved for every size: where σ > 0" in shown
    assert all(char.isprintable() or char == "\n" for char in terminal(document([examples.hostile()])))


def test_words_for_every_verdict() -> None:
    solution = examples.batchnorm()
    problem, right, wrong = solution.problem, *solution.hands
    assert str(judged_words(right, problem)) == "Right: proved for every size"
    assert str(judged_words(wrong, problem)) == (
        "Wrong, as the exercise says: the path through the mean is lost; "
        "at m = 2, i = 1, x = (0, 2), γ = 1, ∂E/∂y = (1, 0) the left side is 1/4, the right side [0.5 +/- 1e-20]")
    assert str(verdict_words(Tested(1, "why"), problem)) == "Not proved: no difference at 1 exact point; why"
    assert judged_words(Judged(wrong.hand, Proved()), problem).kind == "bad"
    same = Hand(Claim(right.hand.claim.left, right.hand.claim.right), "source")
    assert judged_words(Judged(same, wrong.verdict), problem).head == "Refuted, although the exercise calls it right"


def test_json_has_the_same_fields_for_every_verdict() -> None:
    solutions = [make() for make in SHEETS.values()]
    made = json.loads(json.dumps(report("verify", solutions, examples=3, seed=0), allow_nan=False))
    assert made["version"] == 1 and made["holds"] is False
    hands = [hand for exercise in made["exercises"] for hand in exercise["hands"]]
    assert len({frozenset(hand) for hand in hands}) == 1
    assert hands[1]["at"] == {"integers": {"m": 2, "i": 1}, "entries": {
        "gamma": "1", "x[1]": "0", "x[2]": "2", "y_bar[1]": "1", "y_bar[2]": "0"}}
    assert [exercise["holds"] for exercise in made["exercises"]] == [True, True, False]


def test_an_infinite_difference_is_null_in_json() -> None:
    solution = examples.convolution()
    answer = solution.answers[0]
    object.__setattr__(answer, "agreement", Agreement(1, float("inf"), failure="x = ..."))
    made = report("verify", [solution], examples=1, seed=0)
    assert made["exercises"][0]["targets"][0]["autodiff"]["worst"] is None
    assert made["exercises"][0]["holds"] is False
