"""A sheet as PDF: by Typst, which comes with pip, or by pdflatex where that is asked for and present."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from derivs.box import Box
from derivs.errors import DerivsError
from derivs.report import Words
from derivs.sheet.blocks import (
    Block,
    Code,
    Display,
    Document,
    Heading,
    Marks,
    Prose,
    Result,
    Section,
    Space,
    Steps,
    Stride,
    Text,
)
from derivs.sheet.tex import tex
from derivs.typst import quoted, spell, typst_lines

PREAMBLE = """// Made by derivs.
#set document(title: {title}, date: none)
#set page(paper: "a4", margin: (x: 2.4cm, y: 2.3cm), numbering: "1")
#set text(font: "New Computer Modern", size: 10.5pt, lang: "en")
#set par(spacing: 0.9em)
#show heading.where(level: 2): set block(above: 2em, below: 0.8em)
#show heading.where(level: 3): set block(above: 1.5em, below: 0.8em)
#show math.equation.where(block: true): set align(left)
#show math.equation.where(block: true): set block(above: 0.7em, below: 0.9em, inset: (left: 1.5em))
#let rulename(body) = block(above: 1em, below: 0.5em, sticky: true, text(fill: luma(90), emph(body)))
#let result(body) = block(stroke: 0.6pt + luma(120), radius: 3pt, inset: (x: 8pt, y: 4pt), breakable: false, body)
#let established(color, head, detail) = block(spacing: 0.6em)[#text(fill: color, weight: "bold", head)#detail]
"""
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
    title = _string(document.title)
    date = f"#{_string(document.date)}\n\n" if document.date else ""
    return (PREAMBLE.replace("{title}", title) + f"#heading(level: 1, {title})\n\n{date}"
            + "".join(map(_section, document.sections)))


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


def _section(section: Section) -> str:
    by = f"#emph({_string(section.source)})\n\n" if section.source else ""
    return f"#heading(level: 2, {_string(section.title)})\n\n{by}" + "".join(map(_block, section.blocks))


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"#heading(level: 3, {_text(text)})\n\n"
        case Prose(text):
            return f"#par{_text(text)}\n\n"
        case Display(lines):
            return f"$ {typst_lines(lines)} $\n\n"
        case Stride(rule, lines, verdict):
            return _rule(rule) + f"$ {typst_lines(lines)} $\n\n" + _doubt(verdict)
        case Steps(_, strides):
            return "".join(map(_block, strides))
        case Result(rule, lines, also):
            return f"{_rule(rule)}#result[$ {typst_lines(lines)} $]\n\n" + "".join(map(_block, also))
        case Space(height):
            return f"#v({height} * 1.2em)\n\n"
        case Marks(words):
            return "".join(map(_mark, words)) + "\n"
        case Code(text):
            return f"#raw(block: true, lang: \"python\", {_string(text)})\n\n"


def _rule(rule: Text) -> str:
    return f"#rulename{_text(rule)}\n" if rule else ""


def _mark(words: Words) -> str:
    sign = {"good": "✓", "wrong": "✗", "bad": "✗", "open": "?"}[words.kind]
    detail = f": {words.detail}" if words.detail else ""
    return f"#established({COLORS[words.kind]}, {_string(f'{sign} {words.head}')}, {_string(detail)})\n"


def _doubt(verdict: Words | None) -> str:
    """What is to be said of a step that is not proved."""
    return _mark(verdict) if verdict and verdict.kind != "good" else ""
