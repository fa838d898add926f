"""Sheets of feedback: what stands at which line, what it earns, what is not passed on, how it looks in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import CONTRAST, Open, opened
from click.testing import CliRunner, Result
from test_rendered import CORNERS

from derivs import library
from derivs.cli import main
from derivs.credit import Credit, awarded
from derivs.errors import DerivsError
from derivs.judgement import Checked, Diagnosis, Edit, Judgement
from derivs.margin import point_text
from derivs.papers import Marked, Paper, mark
from derivs.reading.parse import parse
from derivs.rubric import Rubric, rubric
from derivs.sheet.blocks import Document, Remarked
from derivs.sheet.feedback import Head, feedback, remarked
from derivs.sheet.html import html
from derivs.sheet.pdf import pdf, source
from derivs.sheet.terminal import terminal
from derivs.sheet.tex import fragment, tex
from derivs.text import spell

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.usefixtures("patient")

ROOT = Path(__file__).parent.parent
SEEDS = ("000", "001", "002", "003", "004")
SOFTMAX = ROOT / "tests" / "seeds" / "002.toml"
BOXES = """[...document.querySelectorAll(".remarked:has(.margin)")].map(
    (row) => [".work", ".margin"].map((part) => row.querySelector(part).getBoundingClientRect().toJSON()))"""
RENDER: dict[str, Callable[[Document], str]] = {"html": html, "tex": tex, "typst": source}


@cache
def paper(seed: str) -> Paper:
    text = (ROOT / "tests" / "seeds" / f"{seed}.md").read_text(encoding="utf-8")
    return mark(library.exercises(str(ROOT / "tests" / "seeds" / f"{seed}.toml")), text, "md")


@cache
def sheet(seed: str) -> Document:
    weights = Rubric()
    return feedback({f"{seed}.md": paper(seed)}, {f"{seed}.md": awarded(paper(seed), weights)})


def blocks(document: Document) -> list[Remarked]:
    return [block for section in document.sections for block in section.blocks if isinstance(block, Remarked)]


def notes(block: Remarked) -> list[str]:
    return ["".join(part if isinstance(part, str) else spell(part) for part in note) for note in block.notes]


def block_at(seed: str, number: int, kind: str) -> Remarked:
    return next(block for block in blocks(sheet(seed)) if block.number == number and block.kind == kind)


# ---- what stands at a line -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", SEEDS)
def test_every_line_is_on_the_sheet_in_its_order(seed: str) -> None:
    lines, shown = paper(seed).lines, blocks(sheet(seed))
    assert [(line.checked.number, line.checked.judgement) for line in lines] == [(b.number, b.word) for b in shown]
    assert all(bool(block.lines) != any(block.written) for block in shown)


def test_right_lines_are_quiet() -> None:
    for seed in SEEDS:
        for line, block in zip(paper(seed).lines, blocks(sheet(seed)), strict=True):
            if line.checked.judgement == "right":
                assert len(block.notes) == len(line.checked.remarks) + bool(line.checked.conditions)
                assert block.mended == ()


def test_a_wrong_line_has_its_point_in_the_exercises_own_signs() -> None:
    line = next(line for line in paper("000").lines if line.checked.judgement == "wrong")
    point = line.checked.counterexample
    assert point is not None
    where = point_text(point.at, paper("000").exercises[line.exercise].problem)
    assert notes(block_at("000", 43, "wrong"))[-2:] == [
        f"at {where}", f"the left side is {point.left}, the right side {point.right}"]
    assert "∂E/∂y = (" in where


def test_the_mend_of_notation_is_mathematics_and_the_place_is_marked() -> None:
    block = block_at("000", 39, "mend")
    assert notes(block) == ["∂ is missing below the fraction bar", "write ∂E/∂x_i"]
    assert block.notes[1][0] == "write " and not isinstance(block.notes[1][1], str)
    assert r"\derivsguilty{x_i}" in tex(sheet("000"))
    assert "guilty" not in block.latex


def test_what_could_not_be_read_stands_there_as_text_with_its_place() -> None:
    block = block_at("004", 22, "open")
    before, place, behind = block.written
    assert before.startswith(r"\frac{\partial}{\partial \tilde{x}_j^{(N)}}") and place == "}" and behind.endswith("=")
    assert notes(block) == ["} closes nothing", "take it away, or write { before it"]


def test_conditions_remarks_and_readings_are_said() -> None:
    assert notes(block_at("004", 24, "good")) == ["except where x̃_i^(l) = 0"]
    assert any(note.startswith("note: the term") for block in blocks(sheet("001")) for note in notes(block))
    assert [note for note in notes(block_at("001", 158, "open")) if note.startswith("read ")]


def by_hand(text: str, judgement: Judgement = "wrong", **fields: object) -> Marked:
    """A line as the checker would give it."""
    checked = Checked(text, (0, len(text)), judgement, number=1, **fields)      # type: ignore[arg-type]
    return Marked(0, "", (0, len(text)), checked, parse(text))


def test_a_diagnosis_is_shown_in_mathematics_with_its_edits_marked_and_the_line_as_it_should_read() -> None:
    text = r"y_i = \beta x_j"
    edit = Edit((13, 16), "x_j", "x_i")
    line = by_hand(text, mend="an index is wrong: write x_i for x_j",
                   diagnosis=Diagnosis("index", "an index is wrong: write x_i for x_j", (edit,), r"\beta x_i"))
    block = remarked(text, line, paper("002").exercises[0].problem)
    assert notes(block) == ["an index is wrong: write x_i for x_j"]
    assert [isinstance(part, str) for part in block.notes[0]] == [True, False, True, False]
    assert "".join(spell(part) for row in block.mended for part in (row.relation, row.right) if part) == "=β x_i"
    document = feedback({"a": Paper(text, (line,), paper("002").exercises)})
    for render in RENDER.values():
        assert "guilty" in render(document) and "should read" in render(document)


@pytest.mark.parametrize("mended", ["", r"\input{/etc/passwd}", r"\frac{", "x" * 50_000])
def test_a_mend_that_cannot_be_read_is_left_out(mended: str) -> None:
    line = by_hand("y = x", diagnosis=Diagnosis("index", "so", (), mended))
    assert remarked("y = x", line, paper("002").exercises[0].problem).mended == ()


def test_a_mark_under_all_of_a_line_is_left_out() -> None:
    assert "guilty" not in html(feedback({"a": Paper("y = x", (by_hand("y = x"),), paper("002").exercises)})).split(
        "<main")[1]


# ---- marks -----------------------------------------------------------------------------------------------------------

def graded(*judgements: Judgement, text: str = "") -> Credit:
    lines = tuple(by_hand("y = x", judgement) for judgement in judgements)
    name = paper("002").exercises[0].problem.name
    one = replace(paper("002"), lines=lines, exercises=paper("002").exercises[:1])
    return awarded(one, rubric(text.replace("NAME", f'"{name}"'), [name])).total


@pytest.mark.parametrize(("judgements", "text", "earned"), [
    (("right", "right"), "", "2 of 2"),
    (("right", "wrong"), "", "1 of 2"),
    (("wrong", "follows from a wrong line"), "", "1 of 2"),
    (("wrong", "follows from a wrong line"), "[marks]\nfollow = 0.5", "0.5 of 2"),
    (("wrong", "follows from a wrong line"), "[marks]\nfollow = 0", "0 of 2"),
    (("right", "right, mend the notation"), "", "2 of 2"),
    (("right", "right, mend the notation"), "[marks]\nnotation = 0.25", "1.75 of 2"),
    (("right", "unread", "undecided", "ambiguous"), "", "1 of 4 and 3 open"),
    (("unread",), "[marks]\nline = 2", "2 open"),
    (("right", "wrong", "right"), "[marks]\nline = 0.1", "0.2 of 0.3"),
    (("right", "wrong", "right"), "[question.NAME]\nmarks = 5", "3.33 of 5"),
    (("right", "follows from a wrong line"), "[marks]\nfollow = 0\n[question.NAME]\nmarks = 4\nfollow = 0.5", "3 of 4"),
    (("right", "right, mend the notation"), "[marks]\nnotation = 1\n[question.NAME]\nline = 3", "3 of 6"),
    ((), "[question.NAME]\nmarks = 5", "5 open"),
    ((), "", "0 of 0"),
])
def test_marks(judgements: tuple[Judgement, ...], text: str, earned: str) -> None:
    assert str(graded(*judgements, text=text)) == earned


def test_marks_are_exact() -> None:
    assert graded("right", "wrong", "right", text="[question.NAME]\nmarks = 5").got == Fraction(10, 3)
    assert graded(*["right"] * 10, text="[marks]\nline = 0.1").got == 1


@pytest.mark.parametrize(("text", "said"), [
    ("[marks]\nlines = 1", "[marks] 'lines': no such key; did you mean 'line'?"),
    ("[mark]", "'mark': no such table; did you mean 'marks'?"),
    ("[marks]\nline = -1", "[marks] line: -1 is not a number from 0 to 1000"),
    ("[marks]\nline = true", "[marks] line: True is not a number from 0 to 1000"),
    ("[marks]\nline = nan", "[marks] line: NaN is not a number"),
    ("[marks]\nline = 1e999999999", "is not a number from 0 to 1000"),
    ("[marks]\nline = 1e-999999999", "more than 4 digits behind the point"),
    ("[marks]\nfollow = 2", "[marks] follow: 2 is not a number from 0 to 1"),
    ("[marks]\nnotation = '0'", "[marks] notation: '0' is not a number from 0 to 1"),
    ("[marks]\nmarks = 3", "[marks] 'marks': no such key"),
    ("marks = 1", "[marks]: this is to be a table"),
    ("question = 1", "question: this is to be a table: [question.NAME]"),
    ("[question.q.1]\nmarks = 1", "put a name with a dot in it in quotes"),
    ("[question.\"q-2\"]", "[question.'q-2']: no such question; did you mean 'q-1.1'?"),
    ("[question.\"q-1.1\"]\nmarks = 1\nline = 1", "give marks, for all its lines together, or line, for each"),
    ("[marks", "this is not TOML"),
    ("x = " + "[" * 5000, "this is not TOML"),
    ("#" * 200_000, "larger than 100 kB"),
])
def test_a_rubric_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(DerivsError) as caught:
        rubric(text, ["q-1.1"])
    assert said in str(caught.value)


def test_all_mistakes_of_a_rubric_are_told_at_once() -> None:
    with pytest.raises(DerivsError) as caught:
        rubric("[marks]\nline = -1\nfollow = 2", [])
    assert "2 things" in str(caught.value) and "line" in str(caught.value) and "follow" in str(caught.value)


def test_marks_stand_at_the_line_the_question_and_the_text() -> None:
    shown = terminal(sheet("002"))
    assert "Marks: 13 of 14." in shown
    assert "Softmax at inverse temperature, i != j: 3 of 4" in shown
    assert "1 right, 2 to mend" not in shown
    assert [block.marks for block in blocks(sheet("002"))][-3:] == ["0 of 1", "1 of 1", "1 of 1"]


def test_what_is_open_is_listed_for_the_marker() -> None:
    assert "For the marker to decide: lines 22 (unread), 40 (ambiguous)." in terminal(sheet("004"))
    assert "For the marker" not in terminal(sheet("000"))


# ---- nothing of the author's is passed on ----------------------------------------------------------------------------

HOSTILE = [r"\input{/etc/passwd}", "<script>alert(1)</script>", '#read("/etc/passwd")', r"\write18{ls}", "\x1b[31m\x07",
           "\u202e", r"\end{document}", "]#panic()[", "$#panic()$", r"\csname x\endcsname", "^^5c", "</pre><img src=x>",
           "\x00", "`#panic()`"]


def hostile(words: str) -> Document:
    """A sheet on which the words stand wherever an author's can."""
    text = (f"# {words}\n\n$$\\frac{{\\partial E}}{{\\partial x_{{in}}}} = {words}$$\n\n"
            f"$$f(x_{{in}}) = x \\text{{ {words} }}$$")
    exercises = library.exercises(str(SOFTMAX))[:1]
    found = mark([replace(exercises[0], begins="", ends="")], text, "md")
    said = Checked(text, (0, len(text)), "unread", message=words, mend=f"write {words}", remarks=(words,),
                   conditions=(words,), number=3, diagnosis=Diagnosis(words, words, (), words))
    lines = (*found.lines, Marked(0, words, (0, len(text)), said))
    whole = replace(found, lines=lines, missing=(words,))
    return feedback({words: whole}, head=Head(title=words, author=words))


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_text_reaches_no_format(words: str) -> None:
    document = hostile(words)
    assert blocks(document)
    page = html(document)
    assert page.count("<script>") == 2 and "<img src=x" not in page
    latex = tex(document).split(r"\begin{document}")[1]
    assert latex.isascii()
    for command in (r"\input", r"\write", r"\csname", "^^"):
        assert command not in latex
    assert latex.count(r"\end{document}") == 1
    assert pdf(document).startswith(b"%PDF")                     # a #panic() that Typst read would stop it
    assert all(char.isprintable() or char == "\n" for char in terminal(document))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_hostile_text_compiles_with_pdflatex(tmp_path: Path) -> None:
    for k, words in enumerate(HOSTILE):
        compiled(tex(hostile(words)), tmp_path / str(k))


def compiled(content: str, folder: Path) -> str:
    """What pdflatex said; nothing is missing and nothing too wide."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.tex").write_text(content, encoding="utf-8")
    run = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"], cwd=folder,
                         capture_output=True, timeout=120, check=False)
    said = run.stdout.decode("utf-8", "replace")
    assert run.returncode == 0, said[-2000:]
    assert "root:" not in said
    return said


# ---- the files -------------------------------------------------------------------------------------------------------

@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("seed", SEEDS)
def test_tex_compiles_with_nothing_overfull(seed: str, tmp_path: Path) -> None:
    said = compiled(tex(sheet(seed)), tmp_path)
    assert "Overfull" not in said and "Warning" not in said, re.findall(r".*(?:Overfull|Warning).*", said)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_fragment_compiles_in_somebody_elses_document(tmp_path: Path) -> None:
    body = fragment(sheet("002"))
    compiled("\\documentclass{article}\\usepackage{amsmath}\\begin{document}x\n" + body + "\n\\end{document}", tmp_path)


@pytest.mark.parametrize("seed", SEEDS)
def test_pdf_by_typst(seed: str) -> None:
    assert pdf(sheet(seed)).startswith(b"%PDF")


@pytest.mark.parametrize("render", [html, tex, source, terminal])
def test_the_same_bytes_every_time(render: Callable[[Document], str]) -> None:
    again = feedback({"003.md": paper("003")}, {"003.md": awarded(paper("003"), Rubric())})
    assert render(again) == render(sheet("003"))


def test_every_macro_is_in_the_documents() -> None:
    page = (ROOT / "docs" / "feedback.md").read_text(encoding="utf-8")
    from derivs.sheet.tex import FEEDBACK
    for macro in re.findall(r"\\providecommand\{(\\derivs\w+)\}", FEEDBACK):
        assert f"`{macro}" in page, macro


# ---- the command -----------------------------------------------------------------------------------------------------

@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("003.md", "003.toml"):
        shutil.copy(ROOT / "tests" / "seeds" / name, tmp_path / name)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", "003.toml", *arguments])


def test_one_sheet_in_every_format_and_the_answers_only_on_request(folder: Path) -> None:
    (folder / "rubric.toml").write_text("[marks]\nline = 2\n", encoding="utf-8")
    (folder / "course.toml").write_text('title = "Sheet 3"\ncourse = "DL"\nauthor = "A. L."\n', encoding="utf-8")
    result = run("003.md", "--feedback", "a.html", "--feedback", "a.tex", "--feedback", "a.pdf", "--rubric",
                 "rubric.toml", "--settings", "course.toml")
    assert result.exit_code == 1, result.output
    assert "marks: 8 of 10" in result.output
    page = (folder / "a.html").read_text(encoding="utf-8")
    assert "<h1>Sheet 3</h1>" in page and "A. L." in page and "The derivation" not in page
    assert "Sheet 3" in (folder / "a.tex").read_text() and (folder / "a.pdf").read_bytes().startswith(b"%PDF")
    assert run("003.md", "--feedback", "a.html", "--reveal").exit_code == 1
    page = (folder / "a.html").read_text(encoding="utf-8")
    assert "The derivation: A DAG of modules" in page and "Proved for every size" in page
    assert sorted(path.name for path in folder.iterdir()) == [
        "003.md", "003.toml", "a.html", "a.pdf", "a.tex", "course.toml", "rubric.toml"]


def test_several_texts_stand_on_one_sheet(folder: Path) -> None:
    (folder / "b.md").write_text("nothing here\n", encoding="utf-8")
    shutil.copy(folder / "003.md", folder / "c.md")
    assert run("003.md", "b.md", "c.md", "--feedback", "a.html").exit_code == 1
    page = (folder / "a.html").read_text(encoding="utf-8")
    assert "<h1>Feedback</h1>" in page
    for head in ("<h3>003.md</h3>", "<h3>b.md</h3>", "003.md: A DAG of modules", "c.md: A DAG of modules"):
        assert head in page


def test_marks_in_json(folder: Path) -> None:
    (folder / "rubric.toml").write_text("[marks]\nline = 0.5\n", encoding="utf-8")
    found = json.loads(run("003.md", "--json", "--rubric", "rubric.toml").output)["files"][0]
    assert found["credit"] == {"marks": "2", "open": "0", "of": "5/2"}
    assert found["questions"] == [{"exercise": "seed-003-1.1", **found["credit"]}]
    assert [line["credit"]["marks"] for line in found["lines"]].count("0") == 1
    assert "credit" not in json.loads(run("003.md", "--json").output)["files"][0]["lines"][0]


@pytest.mark.parametrize(("arguments", "said"), [
    (("--feedback", "a.doc"), "ends in none of .tex, .html, .pdf"),
    (("--feedback", "a"), "ends in none of"),
    (("--reveal",), "add --feedback FILE"),
    (("--settings", "c.toml"), "add --feedback FILE"),
    (("--feedback", "nowhere/a.html"), "cannot write: no such file or directory"),
    (("--rubric", "nowhere.toml"), "cannot be read: no such file or directory"),
    (("--rubric", "003.toml"), "no such table"),
])
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], said: str, folder: Path) -> None:
    result = run("003.md", *arguments)
    assert result.exit_code == 2 and said in result.output
    assert not list(folder.glob("a.*"))


def test_every_option_is_in_the_documents() -> None:
    page = (ROOT / "docs" / "feedback.md").read_text(encoding="utf-8")
    for option in ("--feedback", "--rubric", "--reveal", "--settings"):
        assert option in page


def corners() -> Document:
    """Every kind of formula as a line, one of them longer than a page."""
    problem = paper("002").exercises[0]
    long = "y = " + " + ".join(rf"\frac{{x_{{{k}}}}}{{2}} (a b + c)" for k in range(200))
    lines = tuple(by_hand(text) for text in (*CORNERS, long))
    lines = tuple(replace(line, checked=replace(line.checked, span=(0, 1))) for line in lines)
    return feedback({"a": Paper(long, lines, (problem,))})


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_every_kind_of_formula_compiles(tmp_path: Path) -> None:
    said = compiled(tex(corners()), tmp_path)
    assert "Overfull" not in said, re.findall(r".*Overfull.*", said)
    assert pdf(corners()).startswith(b"%PDF")


# ---- in a browser ----------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module", params=SEEDS)
def page(request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A sheet, opened once."""
    once = opened(browser, tmp_path_factory.mktemp("sheets") / f"{request.param}.html", sheet(request.param))
    yield once.page
    once.close()


def test_every_formula_is_rendered_and_none_is_red(page: Page) -> None:
    formulas = page.locator(".tex").count()
    assert formulas > 4
    assert page.locator(".tex > .katex, .tex > .katex-display > .katex").count() == formulas
    assert page.locator(".katex-error").count() == 0
    assert "derivsguilty" not in page.locator("main").inner_text()


def test_remarks_stand_beside_the_line_or_below_it(page: Page) -> None:
    for width in (360, 800, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        boxes = page.evaluate(BOXES)
        assert boxes
        for work, margin in boxes:
            if width == 1280:
                assert margin["x"] >= work["x"] + work["width"] and abs(margin["y"] - work["y"]) < 20
            else:
                assert margin["y"] >= work["y"] + work["height"] - 1


def test_signs_have_words_and_colours_have_contrast(page: Page) -> None:
    assert all(page.evaluate("""[...document.querySelectorAll(".remarked")].map(
        (row) => row.querySelector(".sign [role=img]").getAttribute("aria-label"))"""))
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)                 # type: ignore[arg-type]
        assert {name: ratio for name, ratio in page.evaluate(CONTRAST).items() if ratio < 4.5} == {}


def test_what_is_copied_has_no_mark(open_page: Open) -> None:
    page = open_page(sheet("000"))
    assert page.locator(".guilty").count() > 0
    copied = page.evaluate("[...document.querySelectorAll('.math')].map((math) => math.dataset.latex)")
    assert all("guilty" not in latex for latex in copied)
    colour = page.locator(".guilty").first.evaluate("(node) => getComputedStyle(node).color")
    assert colour == "rgb(179, 38, 30)"


def test_every_kind_of_formula_is_rendered(open_page: Open) -> None:
    page = open_page(corners())
    assert page.locator(".katex-error").count() == 0
    assert page.locator(".tex > .katex, .tex > .katex-display > .katex").count() == page.locator(".tex").count()


def test_hostile_text_runs_nothing(open_page: Open) -> None:
    page = open_page(hostile("<script>alert(1)</script>"))
    assert page.locator("script").count() == 2
    assert "<script>alert(1)" in page.locator("main").inner_text()
