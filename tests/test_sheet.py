"""A sheet in every format: it compiles, renders without an error, is the same every time, and prints text as text."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import examples
import pytest
from click.testing import CliRunner

from derivs.cli import main
from derivs.derivation import Agreement, Judged
from derivs.errors import DerivsError
from derivs.problem import Claim, Hand
from derivs.report import judged_words, report, verdict_words
from derivs.sheet.blocks import Document, Heading, Marks, Result, Section, Space, Steps, Stride
from derivs.sheet.document import document, questions
from derivs.sheet.html import html
from derivs.sheet.pdf import pdf, pdf_by_pdflatex, source
from derivs.sheet.provenance import provenance
from derivs.sheet.settings import Settings, overridden, settings
from derivs.sheet.terminal import terminal
from derivs.sheet.tex import FRAGMENT_LIMIT, escape, fragment, tex
from derivs.verdict import Proved, Tested

SHEETS = {"batchnorm": examples.batchnorm, "convolution": examples.convolution, "hostile": examples.hostile}

needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


@pytest.fixture(params=SHEETS)
def sheet(request: pytest.FixtureRequest) -> Document:
    return document([SHEETS[request.param]()])


@pytest.fixture
def all_sheets() -> Document:
    return document([make() for make in SHEETS.values()])


# ---- LaTeX -----------------------------------------------------------------------------------------------------------

def log(text: str, folder: Path, **others: str) -> str:
    """What pdflatex says to a file that inputs the others."""
    for name, content in {"answers": text, **others}.items():
        (folder / f"{name}.tex").write_text(content, encoding="utf-8")
    run = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "answers.tex"], cwd=folder,
                         capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout[-2000:]
    return run.stdout


def widest(said: str) -> float:
    """By how many points the widest line sticks out."""
    return max(map(float, re.findall(r"Overfull \\hbox \(([\d.]+)pt", said)), default=0.0)


@needs_pdflatex
@pytest.mark.parametrize("detail", ["key", "steps", "all"])
def test_tex_compiles_with_nothing_overfull(detail: str, tmp_path: Path) -> None:
    said = log(tex(document([make() for make in SHEETS.values()], detail=detail)), tmp_path)  # type: ignore[arg-type]
    assert widest(said) < 3
    assert "Warning" not in said and "Underfull \\vbox" not in said


@needs_pdflatex
@pytest.mark.parametrize("size", ["10pt", "11pt", "12pt"])
def test_a_fragment_compiles_in_somebody_elses_document_and_leaves_it_as_it_is(size: str, tmp_path: Path) -> None:
    parts = [examples.batchnorm(), examples.convolution()]
    own = (rf"\documentclass[{size}]{{article}}\usepackage{{amsmath}}\begin{{document}}"
           r"\input{part}\typeout{<\the\parindent,\the\fboxsep,\csname if@fleqn\endcsname fleqn\fi>}\end{document}")
    empty = own.replace(r"\input{part}", "")
    said = log(own, tmp_path, part=fragment(document(parts, limit=FRAGMENT_LIMIT, provenance=("a", "b"))))
    assert widest(said) < 3 and "Warning" not in said
    assert re.findall("<.*>", said)[0] == re.findall("<.*>", log(empty, tmp_path))[0]


@needs_pdflatex
def test_a_macro_of_the_lecturer_wins(tmp_path: Path) -> None:
    own = (r"\documentclass{article}\usepackage{amsmath}\newcommand{\derivsrule}[1]{\typeout{mine}}"
           r"\begin{document}\input{part}\end{document}")
    assert log(own, tmp_path, part=fragment(document([examples.batchnorm()]))).count("mine") > 3


def test_every_macro_is_in_the_documents() -> None:
    defined = set(re.findall(r"\\providecommand\{\\(\w+)\}", fragment(document([]))))
    page = (Path(__file__).parents[1] / "docs" / "sheets.md").read_text(encoding="utf-8")
    table = page.split("| macro |")[1].split("\n\n")[0]
    assert len(defined) > 12
    assert defined == set(re.findall(r"`\\?(derivs\w+)", table))


def test_title_and_author_are_in_the_pdf(tmp_path: Path) -> None:
    page = document([examples.convolution()], title="Größe {x} \\ 語", author="Ada", course="C")
    assert f"/Title <FEFF{page.title.encode('utf-16-be').hex().upper()}>" in tex(page)
    assert '#set document(title: "Größe {x} \\\\ [U+8A9E]", author: ("Ada",), date: none)' in source(page)
    assert "datetime(year: 2026, month: 1, day: 2)" in source(replace(page, date="2026-01-02"))


def test_tex_needs_amsmath_and_tikz_only(all_sheets: Document) -> None:
    assert re.findall(r"\\usepackage\{(\w+)\}", tex(all_sheets)) == ["amsmath", "tikz"]


def test_tex_is_plain_ascii(all_sheets: Document) -> None:
    assert tex(all_sheets).isascii()


@pytest.mark.parametrize(("text", "printed"), [
    ("a_b & 50 % #1 $x$ {y}", r"a\_b \& 50 \% \#1 \$x\$ $\{$y$\}$"),
    ("1-2 --x", "1-2 -{}-x"),
    (r"\input{x}", r"$\backslash$input$\{$x$\}$"),
    ("a^b ~ <c>", r"a\^{}b \~{} $<$c$>$"),
    ("σ² ≤ x̂_i", r"\ensuremath{\sigma}\ensuremath{{}^{2}} \ensuremath{\le} \^{x}\_i"),
    ("Poincaré – ï", r"Poincar\'{e} -- \"{\i}"),
    ("語", r"\texttt{[U+8A9E]}"),
    ("a\x00\x1bb\nc", "ab c"),
])
def test_text_is_escaped(text: str, printed: str) -> None:
    assert escape(text) == printed


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


# ---- what stands on a sheet ------------------------------------------------------------------------------------------

def kinds(section: Section) -> list[str]:
    return [type(block).__name__ for block in section.blocks if not isinstance(block, Heading)]


def shown(section: Section) -> str:
    return terminal(Document("", (section,)))


@pytest.mark.parametrize(("detail", "there", "not_there"), [
    ("key", ["Result", "Marks"], ["Prose", "Display", "Steps", "Stride"]),
    ("answer", ["Display", "Result", "Marks"], ["Steps"]),
    ("steps", ["Display", "Steps", "Result", "Marks"], []),
    ("all", ["Display", "Steps", "Result", "Marks"], []),
])
def test_how_much_stands_on_a_sheet(detail: str, there: list[str], not_there: list[str]) -> None:
    section = document([examples.batchnorm()], detail=detail).sections[0]  # type: ignore[arg-type]
    assert set(there) <= set(kinds(section)) and not set(not_there) & set(kinds(section))
    assert ("people wrote" in shown(section)) == (detail == "all")


def test_every_step_has_its_verdict_and_in_full_only_where_all_is_wanted() -> None:
    def strides(detail: str) -> list[Stride]:
        section = document([examples.batchnorm()], detail=detail).sections[0]  # type: ignore[arg-type]
        return [stride for block in section.blocks if isinstance(block, Steps) for stride in block.strides]

    brief, full = strides("steps"), strides("all")
    assert all(stride.verdict for stride in brief)
    assert {stride.verdict.detail for stride in brief if stride.verdict and stride.verdict.kind == "good"} == {""}
    assert [stride.lines for stride in brief] == [stride.lines for stride in full]
    assert tex(document([examples.batchnorm()])).count(r"\derivstick{}") == sum(
        stride.verdict is not None and stride.verdict.kind == "good" for stride in brief)


def test_questions_tell_no_answer() -> None:
    made = [SHEETS[name]() for name in ("batchnorm", "convolution")]
    page = questions([solution.problem for solution in made], room=7)
    for solution, section in zip(made, page.sections, strict=True):
        assert sum(isinstance(block, Space) and block.lines == 7 for block in section.blocks) == len(solution.answers)
        assert not {"Result", "Marks", "Steps", "Stride"} & set(kinds(section))
        assert all(not answer.target.note or answer.target.note not in shown(section) for answer in solution.answers)
    assert "(a) Find ∂E/∂X_ncij" in shown(page.sections[1]) and "(b) Find ∂E/∂W_fcuv" in shown(page.sections[1])
    assert pdf(page).startswith(b"%PDF")


def test_questions_answers_and_key_have_the_same_letters() -> None:
    solution = examples.convolution()
    many = replace(solution, answers=solution.answers * 14,
                   problem=replace(solution.problem, targets=solution.problem.targets * 14))
    heads = [[re.match(r"\(\w+\) ", str(b.text[0])) for b in page.sections[0].blocks if isinstance(b, Heading)]
             for page in (questions([many.problem]), document([many]), document([many], detail="key"))]
    letters = [[found[0] for found in row if found] for row in heads]
    assert letters[0] == letters[1] == letters[2]
    assert letters[0][0] == "(a) " and letters[0][25:] == ["(z) ", "(aa) ", "(ab) "]


def test_cases_and_the_own_form_stand_below_the_result() -> None:
    solution = examples.batchnorm()
    answer = solution.answers[0]
    same = replace(answer, cases=((answer.target.claim, Proved()),), stated=(answer.target.claim, Tested(1, "why")))

    def strides(detail: str) -> list[Stride]:
        made = document([replace(solution, answers=(same,))], detail=detail)  # type: ignore[arg-type]
        blocks = made.sections[0].blocks
        return [one for block in blocks for one in (block.also if isinstance(block, Result) else (block,))
                if isinstance(one, Stride)]

    assert [one.rule for one in strides("key")] == [()]
    assert [one.rule for one in strides("steps")] == [(), ("The exercise's own form:",)]
    assert [one.verdict.kind for one in strides("all") if one.verdict] == ["good", "open"]


def test_a_result_stays_with_its_marks() -> None:
    page = document([examples.batchnorm()], detail="key")
    assert [type(block) for block in page.sections[0].blocks] == [Heading, Result, Marks]
    assert r"\postdisplaypenalty=10000" in tex(page)
    assert "sticky: true, body)" in source(page) and source(page).count(", true)\n#established") == 1


def test_the_last_words() -> None:
    made = [SHEETS[name]() for name in ("batchnorm", "convolution")]
    words = provenance(made, {"derivs": "1", "JAX": "2"}, "2026-11-21")
    assert words[0] == "Made by derivs 1, with JAX 2, on 2026-11-21."
    assert words[1].startswith("Proofs: all 3 results are proved, for every size")
    assert "at 16 points in all" in words[1]
    assert words[2].startswith("Autodiff: 2 of 3 results are compared with JAX at 1000 random inputs each, and all agr")
    assert "positive variance" in words[3]
    bad = provenance([examples.hostile()], {"derivs": "1"})
    assert "the one result is not proved" in bad[1] and "do not rely on it" in bad[1]
    assert "JAX disagrees" in bad[2]
    assert provenance([], {"derivs": "1"}) == ("Made by derivs 1.",)


@pytest.mark.parametrize("render", [tex, source, terminal, html])
def test_course_author_and_last_words_are_printed_as_text(render: Callable[[Document], str]) -> None:
    page = document([examples.convolution()], title="A & B", course="Course #1 </p>", author="$x$",
                    provenance=("made by hand",))
    assert "made by hand" in render(page)
    outside = re.sub(r'"(?:\\.|[^"\\])*"', '""', render(page)) if render is source else render(page)
    assert "#1 </p>" not in outside.replace(r"\#1", "") or render is terminal


# ---- settings --------------------------------------------------------------------------------------------------------

def test_settings_are_read() -> None:
    read = settings('title = "T"\ndate = 2026-11-21\nroom = 3\n')
    assert read == Settings("T", date="2026-11-21", room=3)
    assert settings('date = "2026-11-21"').date == "2026-11-21"
    assert settings("") == Settings()


def test_flags_win() -> None:
    base = settings('title = "T"\nauthor = "A"\n[notation]\nloss = "J"\nindex_base = 0\n')
    both = overridden(base, {"loss": "L", "index_base": None}, title="U", author=None)
    assert (both.title, both.author) == ("U", "A")
    assert both.notation is not None and (both.notation.loss, both.notation.index_base) == ("L", 0)
    assert overridden(Settings(), {"loss": None}, title=None) == Settings()


@pytest.mark.parametrize(("text", "message"), [
    ('titel = "x"', "this setting cannot be used\n    'titel': no such setting; did you mean 'title'?"),
    ('room = 0\ndate = "1.1.2026"\ntitle = 3\nnotation = 1',
     "4 settings cannot be used\n    room: 0 is not a number from 1 to 60\n"
     "    date: '1.1.2026' is not a day; write it as YYYY-MM-DD\n    title: 3 is not a text; write it in quotes\n"
     "    notation: this is to be a table: [notation]"),
    ('[notation]\nlos = "E"\nindex_base = true',
     "2 settings cannot be used\n    [notation] 'los': no such setting; did you mean 'loss'?\n"
     "    [notation] index_base: True is not a number from 0 to 1"),
    ('title = "' + "x" * 301 + '"', "this setting cannot be used\n    title: longer than 300 characters"),
    ('title = "\\u001b[31m"', "this setting cannot be used\n    title: there is a control character in it"),
    ("#" * 100_001, "larger than 100 kB\n    a settings file is a few lines"),
    ("[[[", "this is not TOML"),
    ("a = " + "[" * 5000, "this is not TOML"),
])
def test_settings_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(DerivsError) as caught:
        settings(text, "course.toml")
    assert str(caught.value).startswith(f"course.toml: {message}")


# ---- docs/sheets.md --------------------------------------------------------------------------------------------------

def blocks(language: str) -> list[str]:
    page = (Path(__file__).parents[1] / "docs" / "sheets.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.S | re.M)


@pytest.fixture
def in_a_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "course.toml").write_text(blocks("toml")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", blocks("sh")[0].splitlines())
def test_the_documents_commands_write_what_they_say(line: str, in_a_course: Path) -> None:
    command, _, written = line.partition("#")
    result = CliRunner().invoke(main, [*command.split()[1:], "--examples", "0"])
    assert result.exit_code == 0, result.output
    first, *others = (word.strip() for word in written.split(","))
    assert result.stdout.split() == [first, *(str(Path(first).with_suffix(kind)) for kind in others)]
    assert all((in_a_course / path).exists() for path in result.stdout.split())


def test_the_documents_settings_reach_the_page(in_a_course: Path) -> None:
    arguments = ["sheet", "sigmoid", "batchnorm", "--settings", "course.toml", "--blank", "--format", "tex"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    page = (in_a_course / "answers" / "questions.tex").read_text()
    for part in ("Exercise sheet 3", "winter term 2026", "Ada Lovelace", "2026-11-21", r"\derivsspace{12}",
                 r"\mathcal{L}"):
        assert part in page


@needs_pdflatex
def test_the_documents_own_document_compiles(in_a_course: Path) -> None:
    CliRunner().invoke(main, ["sheet", "sigmoid", "batchnorm", "--fragment", "--examples", "0", "-o", "."])
    part = (in_a_course / "answers-fragment.tex").read_text()
    assert widest(log(blocks("latex")[0], in_a_course, **{"answers-fragment": part})) < 3


def test_every_option_is_in_the_documents() -> None:
    page = (Path(__file__).parents[1] / "docs" / "sheets.md").read_text(encoding="utf-8")
    for option in main.commands["sheet"].params:
        assert any(opt in page for opt in option.opts) or option.name == "names"


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
