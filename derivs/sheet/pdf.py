"""A sheet as PDF: by Typst, which comes with pip, or by pdflatex where that is asked for and present."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import starmap
from pathlib import Path

from derivs.box import Box
from derivs.errors import DerivsError
from derivs.lines import Line
from derivs.report import Words
from derivs.sheet.blocks import (
    REMARKED,
    Block,
    Code,
    Display,
    Document,
    Heading,
    Marks,
    Picture,
    Prose,
    Remarked,
    Result,
    Section,
    Space,
    Steps,
    Stride,
    Text,
)
from derivs.sheet.tex import running, tex
from derivs.sheet.typst_picture import picture
from derivs.typst import quoted, spell, typst_lines

PREAMBLE = """// Made by derivs.
#set document(title: {title}, author: {author}, date: {date})
#let running = {running}
#set page(paper: "a4", margin: (x: 2.4cm, top: 2.5cm, bottom: 2.3cm), numbering: "1 / 1", header: context {
  if counter(page).get().first() > 1 { text(size: 9pt, fill: luma(90), running) }
})
#set text(font: "New Computer Modern", size: 10.5pt, lang: "en")
#set par(spacing: 0.9em)
#show heading.where(level: 2): set block(above: 2.2em, below: 0.8em)
#show heading.where(level: 3): set block(above: 1.6em, below: 0.9em)
#show math.equation.where(block: true): set align(left)
#show math.equation.where(block: true): set block(above: 0.8em, below: 1em, inset: (left: 1.5em))
#let cases(..rows) = math.cases(gap: 0.5em, ..rows.pos().map(math.display)) // with fractions of full size
#let long(body) = { show math.equation.where(block: true): set block(breakable: true)
  body }
#let judged(body) = { show math.equation.where(block: true): set block(sticky: true)
  body }
#let source(body) = block(above: 0.8em, below: 0.9em, sticky: true, emph(body))
#let rulename(body) = block(above: 1em, below: 0.5em, sticky: true, text(fill: luma(90), emph(body)))
#let ticked(body) = rulename[#body #h(1fr) #text(fill: {good}, "✓")]
#let result(body) = block(stroke: 0.6pt + luma(120), radius: 3pt, inset: (x: 8pt, y: 4pt), breakable: false,
  sticky: true, body)
#let established(color, head, detail, sticky) = block(spacing: 0.6em, sticky: sticky)[#set text(0.94em)
  #text(fill: color, weight: "bold", head)#detail]
#let guilty(body) = text(fill: {bad}, math.underline(body))
#let fitted(body) = layout(size => {
  let wide = measure(body).width
  if wide > size.width { scale(size.width / wide * 100%, reflow: true, origin: top + left, body) } else { body }
})
#let work(body) = { show math.equation.where(block: true): set block(above: 0pt, below: 0pt, inset: 0pt)
  fitted(body) }
#let instead(body) = block(above: 0.7em)[#text(size: 9pt, style: "italic")[It should read]
  #block(above: 0.5em, work(body))]
#let written(before, place, behind) = text(font: "DejaVu Sans Mono", size: 8pt)[#before#text(fill: {bad},
  underline(place))#behind]
#let word(color, body, marks) = block(below: 0.6em)[#text(fill: color, weight: "bold", body)#h(1fr)#box(marks)]
#let remarked(color, sign, number, body, notes) = block(above: 0.9em, below: 0.9em, breakable: false, grid(
  columns: (0.5cm, 0.6cm, 1fr, 4.6cm), column-gutter: (0.05cm, 0.15cm, 0.4cm), align: (center, left, left, left),
  text(fill: color, weight: "bold", sign), text(size: 7.5pt, fill: luma(90), number), body,
  { set text(size: 9pt); set par(spacing: 0.75em); notes }))
#let room(lines) = block(height: lines * 1.4em, width: 100%, breakable: false, // a heading sticks to what is not empty
  stroke: (bottom: 0.1pt + white))
#let provenance(..paragraphs) = block(above: 2.5em, stroke: (top: 0.5pt + luma(120)), inset: (top: 8pt), width: 100%,
  text(size: 9pt, paragraphs.pos().map(par).join()))
"""
LONG = 6                               # lines of an equation that may go over a page
COLORS = {"good": 'rgb("#1a6b3a")', "wrong": 'rgb("#b3261e")', "bad": 'rgb("#b3261e")',
          "open": 'rgb("#8a5a00")'}
SECONDS = 120                          # for pdflatex, which can wait for input for ever


def pdf(document: Document, *, timestamp: int = 0) -> bytes:
    """The file, by Typst."""
    import typst  # a compiled wheel of 40 MB: imported when a PDF is wanted

    try:
        made = typst.compile(source(document).encode(), format="pdf", ignore_system_fonts=True, timestamp=timestamp)
    except RuntimeError as error:      # typst.TypstError
        raise DerivsError(f"Typst could not make the PDF: {error}",
                          mend="this is a bug in derivs; --format tex,html works without Typst") from error
    assert isinstance(made, bytes)
    return made


def pdf_by_pdflatex(document: Document, *, timestamp: int = 0) -> bytes:
    """The file, by pdflatex."""
    program = shutil.which("pdflatex")
    if program is None:
        raise DerivsError("pdflatex is not installed", mend="install TeX Live, or leave out --engine pdflatex")
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", ""),
                   "SOURCE_DATE_EPOCH": str(timestamp), "FORCE_SOURCE_DATE": "1", "openin_any": "p", "openout_any": "p"}
    with tempfile.TemporaryDirectory(prefix="derivs-") as folder:
        Path(folder, "answers.tex").write_text(tex(document), encoding="utf-8")
        command = [program, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "answers.tex"]
        try:
            run = subprocess.run(command, cwd=folder, env=environment, timeout=SECONDS, capture_output=True,
                                 stdin=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired as error:
            raise DerivsError(f"pdflatex took more than {SECONDS} seconds",
                              mend="leave out --engine pdflatex, or make a sheet of fewer exercises") from error
        if run.returncode:
            said = run.stdout.decode("utf-8", "replace").splitlines()
            first = next((line for line in said if line.startswith("!")), "! it did not say why")
            raise DerivsError(f"pdflatex could not compile the sheet: {first[2:]}",
                              mend="leave out --engine pdflatex; the .tex file shows the place")
        return Path(folder, "answers.pdf").read_bytes()


def source(document: Document) -> str:
    """The sheet in Typst."""
    several = len(document.sections) > 1
    sections = "".join(_section(section, f"{k}   " if several else "")
                       for k, section in enumerate(document.sections, 1))
    last = ", ".join(map(_string, document.provenance))
    return _preamble(document) + _head(document) + sections + (f"#provenance({last})\n" if last else "")


def _preamble(document: Document) -> str:
    values = {"title": _string(document.title), "author": f"({_string(document.author)},)" if document.author else "()",
              "date": _date(document.date), "running": _string(running(document)), "good": COLORS["good"],
              "bad": COLORS["bad"]}
    return re.sub(r"\{(title|author|date|running|good|bad)\}", lambda found: values[found[1]], PREAMBLE)


def _date(text: str) -> str:
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text)
    return "none" if not found else f"datetime(year: {int(found[1])}, month: {int(found[2])}, day: {int(found[3])})"


def _head(document: Document) -> str:
    """Course, title, author and date."""
    below = ", ".join(part for part in (document.author, document.date) if part)
    return ((f"#block(below: 0.6em, {_string(document.course)})\n\n" if document.course else "")
            + f"#heading(level: 1, {_string(document.title)})\n\n"
            + (f"#block(above: 0.8em, {_string(below)})\n\n" if below else ""))


def _string(text: str) -> str:
    """A string literal; characters that the fonts in the wheel lack, which Typst would leave out, by their numbers."""
    shown = []
    for char in text:
        point = ord(char)
        has_glyph = point < 0x530 or 0x1D00 <= point < 0x2C00 or 0x1D400 <= point < 0x1D800
        shown.append(" " if point < 32 and char != "\n" else char if has_glyph else f"[U+{point:04X}]")
    return quoted("".join(shown))


def _text(text: Text) -> str:
    """Content: strings as literals, so that nothing in them is Typst."""
    return "[" + "".join(f"#{_string(part)}" if isinstance(part, str) else _inline(part) for part in text) + "]"


def _inline(box: Box) -> str:
    return f"${spell(box)}$"


def _section(section: Section, number: str) -> str:
    by = f"#source({_string(section.source)})\n\n" if section.source else ""
    return f"#heading(level: 2, {_string(number + section.title)})\n\n{by}" + _blocks(section.blocks)


def _blocks(blocks: Sequence[Block]) -> str:
    return "".join(starmap(_before, zip(blocks, (*blocks[1:], None), strict=True)))


def _before(block: Block, after: Block | None) -> str:
    """A block, which stays on the page of the next where the two belong together."""
    match block, after:
        case Display(lines), Marks():
            return _display(lines, judged=True)
        case Prose(), Picture():
            return f"#block(sticky: true){_text(block.text)}\n\n"
        case _:
            return _block(block)


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"#heading(level: 3, {_text(text)})\n\n"
        case Prose(text):
            return f"#par{_text(text)}\n\n"
        case Display(lines):
            return _display(lines)
        case Stride():
            return _stride(block)
        case Steps(_, strides):
            return "".join(map(_block, strides))
        case Result(rule, lines, also):
            shown = f"{_rule(rule)}#result[$ {typst_lines(lines)} $]\n\n"
            return shown + "".join(_stride(one, judged=True) for one in also)
        case Space(height):
            return f"#room({height})\n\n"
        case Marks(words):
            return "".join(_mark(word, sticky=word is not words[-1]) for word in words) + "\n"
        case Picture(diagram):
            return picture(diagram) + "\n"
        case Code(text):
            return f"#raw(block: true, lang: \"python\", {_string(text)})\n\n"
        case Remarked():
            return _remarked(block)


def _remarked(block: Remarked) -> str:
    """The sign, the line's number, the line, and the margin."""
    color = COLORS.get(block.kind, COLORS["open"])
    mended = f"#instead[$ {typst_lines(block.mended)} $]" if block.mended else ""
    word = _string("" if block.kind == "good" else block.word)
    head = f"#word({color}, {word}, {_string(block.marks)})" if block.kind != "good" or block.marks else ""
    notes = "".join(f"#par{_text(note)}" for note in block.notes)
    return (f'#remarked({color}, {_string(REMARKED[block.kind])}, "{block.number}", [{_work(block)}{mended}], '
            f"[{head}{notes}])\n\n")


def _work(block: Remarked) -> str:
    if block.lines:
        return f"#work[$ {typst_lines(block.lines)} $]"
    return f"#written({', '.join(map(_string, block.written))})"


def _stride(stride: Stride, *, judged: bool = False) -> str:
    """judged: what follows is the mark of it, or of the result that it belongs to."""
    verdict = stride.verdict
    is_told = verdict is not None and (verdict.kind != "good" or bool(verdict.detail))
    told = _mark(verdict) if verdict is not None and is_told else ""
    ticked = verdict is not None and not is_told
    return _rule(stride.rule, ticked=ticked) + _display(stride.lines, judged=judged or is_told) + told


def _display(lines: tuple[Line, ...], *, judged: bool = False) -> str:
    """An equation stays on one page, unless it is a long one. judged: and on that of the mark that follows."""
    shown = f"$ {typst_lines(lines)} $"
    if len(lines) > LONG:
        return f"#long[{shown}]\n\n"
    return f"#judged[{shown}]\n\n" if judged else f"{shown}\n\n"


def _rule(rule: Text, *, ticked: bool = False) -> str:
    return f"#{'ticked' if ticked else 'rulename'}{_text(rule)}\n" if rule else ""


def _mark(words: Words, *, sticky: bool = False) -> str:
    sign = {"good": "✓", "wrong": "✗", "bad": "✗", "open": "?"}[words.kind]
    detail = f": {words.detail}" if words.detail else ""
    return (f"#established({COLORS[words.kind]}, {_string(f'{sign} {words.head}')}, {_string(detail)}, "
            f"{str(sticky).lower()})\n")
