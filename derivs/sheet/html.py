"""A sheet as one HTML page that works offline: KaTeX, its fonts and the page's own style and script are inside.

KaTeX is vendored beside this file with its MIT licence; `page.css` and `page.js` are ours. Formulas are in the page as
LaTeX text, which a browser without scripts shows as it is.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from importlib.resources import files

from derivs.box import Box
from derivs.latex import latex_lines, spell
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
from derivs.sheet.svg import svg


def html(document: Document) -> str:
    """The page."""
    ours, katex = _ours("page.js"), _vendored("katex.min.js").decode().strip()
    allowed = " ".join(map(_hash, (ours, katex)))
    policy = (f"default-src 'none'; style-src 'unsafe-inline'; font-src data:; script-src {allowed}; "
              "base-uri 'none'; form-action 'none'")
    author = f'<meta name="author" content="{escape(document.author)}">\n' if document.author else ""
    many = len(document.sections) > 1
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta name="generator" content="derivs">\n{author}<title>{escape(document.title)}</title>\n'
        f"<style>\n{_katex_style()}\n{_ours('page.css')}\n</style>\n<script>{ours}</script>\n</head>\n"
        f'<body{_classes(document)}>\n<a class="skip" href="#page-main">Skip to the exercises</a>\n'
        f"{_tools(document)}{_header(document)}{_contents(document) * many}"
        f'<main id="page-main" tabindex="-1">\n{"".join(map(_section, document.sections))}</main>\n'
        f'{_footer(document)}<p id="page-said" class="unseen" role="status"></p>\n'
        f"<script>{katex}</script>\n</body>\n</html>\n")


@cache
def _vendored(name: str) -> bytes:
    return files("derivs.sheet").joinpath("katex", *name.split("/")).read_bytes()


def _ours(name: str) -> str:
    return files("derivs.sheet").joinpath(name).read_text(encoding="utf-8").strip()


def _hash(script: str) -> str:
    """What the policy allows to run, and nothing else."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@cache
def _katex_style() -> str:
    """KaTeX's style sheet with its fonts inside: of each, the woff2 file alone."""
    style = _vendored("katex.min.css").decode().strip()

    def inlined(found: re.Match[str]) -> str:
        data = base64.b64encode(_vendored(f"fonts/{found[1]}")).decode()
        return f'src:url(data:font/woff2;base64,{data}) format("woff2")'

    return re.sub(r'src:url\(fonts/([\w-]+\.woff2)\) format\("woff2"\)[^;}]*', inlined, style)


# ---- around the exercises --------------------------------------------------------------------------------------------
# Ids of the page itself have a hyphen in them, which names of sections have not.

def _tools(document: Document) -> str:
    """What the script makes work, and shows."""
    contents = '<a href="#page-contents">Contents</a>\n' if len(document.sections) > 1 else ""
    folds = any(isinstance(block, Steps) for section in document.sections for block in section.blocks)
    fold = '<button type="button" id="tool-fold">Fold all</button>\n'
    unfold = '<button type="button" id="tool-unfold">Unfold all</button>\n'
    dark = '<button type="button" id="tool-dark" aria-pressed="false">Dark</button>\n'
    return f'<div class="bar" role="region" aria-label="Tools">\n{contents}{(fold + unfold) * folds}{dark}</div>\n'


def _classes(document: Document) -> str:
    """contents: there is a table of them. feedback: there is a margin."""
    has_margin = any(isinstance(block, Remarked) for section in document.sections for block in section.blocks)
    names = " ".join(["contents"] * (len(document.sections) > 1) + ["feedback"] * has_margin)
    return f' class="{names}"' if names else ""


def _header(document: Document) -> str:
    course = f'<p class="course">{escape(document.course)}</p>\n' if document.course else ""
    date = f'<time datetime="{escape(document.date)}">{escape(document.date)}</time>' if document.date else ""
    byline = " · ".join(part for part in (escape(document.author), date) if part)
    return (f"<header>\n{course}<h1>{escape(document.title)}</h1>\n"
            + (f'<p class="byline">{byline}</p>\n' if byline else "") + "</header>\n")


def _contents(document: Document) -> str:
    links = (f'<li><a href="#{escape(section.name)}">{escape(section.title)}</a></li>\n'
             for section in document.sections)
    return f'<nav id="page-contents" aria-label="Exercises">\n<ol>\n{"".join(links)}</ol>\n</nav>\n'


def _footer(document: Document) -> str:
    words = "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in document.provenance)
    return f"<footer>\n{words}</footer>\n" if words else ""


# ---- exercises -------------------------------------------------------------------------------------------------------

def _section(section: Section) -> str:
    source = f'<p class="source">{escape(section.source)}</p>\n' if section.source else ""
    name = escape(section.name)
    return (f'<section id="{name}" aria-labelledby="{name}-title">\n'
            f'<h2 id="{name}-title">{escape(section.title)}</h2>\n{source}'
            f'{"".join(map(_block, section.blocks))}</section>\n')


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h3>{_text(text)}</h3>\n"
        case Prose(text):
            return f"<p>{_text(text)}</p>\n"
        case Display(lines):
            return _formula(lines)
        case Stride():
            return "".join(_strides((block,)))
        case Steps(title, strides):
            count = f'<span class="count">({len(strides)} step{"s" * (len(strides) != 1)})</span>'
            items = "".join(f"<li>\n{stride}</li>\n" for stride in _strides(strides))
            return (f'<details class="steps" open>\n<summary>{_text(title) or "Steps"} {count}</summary>\n'
                    f'<ol role="list">\n{items}</ol>\n</details>\n')
        case Result(rule, lines, also):
            return (f'{_rule(rule)}<div class="result" role="group" aria-label="Result">\n{_formula(lines)}</div>\n'
                    + "".join(_strides(also, _left(lines))))
        case Space(height):
            ruled = "<div></div>" * height
            return f'<div class="space" role="img" aria-label="Room for your answer, {height} lines">{ruled}</div>\n'
        case Marks(words):
            return _marks(words)
        case Picture(diagram):
            return svg(diagram)
        case Code(text):
            return f"<pre><code>{escape(text)}</code></pre>\n"
        case Remarked():
            return _remarked(block)


def _strides(strides: Iterable[Stride], left: Box | None = None) -> Iterator[str]:
    """left: the left side that the first stride may continue without writing it."""
    for stride in strides:
        left = _left(stride.lines) or left
        formula = _formula(stride.lines, left)
        match stride.verdict:
            case None:
                yield _rule(stride.rule) + formula
            case Words("good") as good:
                yield _rule(stride.rule, good) + formula
            case verdict:
                yield _rule(stride.rule) + formula + _marks((verdict,))


def _rule(rule: Text, good: Words | None = None) -> str:
    """The words above a formula, with a tick where it is established."""
    if not rule and not good:
        return ""
    said = escape(str(good))
    tick = f'<span class="tick" role="img" aria-label="{said}" title="{said}">✓</span>' if good else ""
    return f'<p class="rule">{_text(rule)}{tick}</p>\n'


# ---- lines with remarks ----------------------------------------------------------------------------------------------

def _remarked(block: Remarked) -> str:
    """The sign, the line, and the margin; a right line of which nothing is said has an empty one."""
    word = escape(block.word)
    sign = (f'<p class="sign"><span role="img" aria-label="{word}" title="{word}">{REMARKED[block.kind]}</span>'
            f'<span class="number"><span class="unseen">line </span>{block.number}</span></p>\n')
    mended = f'<p class="instead">It should read</p>\n{_formula(block.mended)}' if block.mended else ""
    return (f'<div class="remarked {block.kind}">\n{sign}<div class="work">\n{_work(block)}{mended}</div>\n'
            f'{_margin(block)}</div>\n')


def _work(block: Remarked) -> str:
    if block.lines:
        return _formula(block.lines, copied=block.latex)
    before, guilty, behind = map(escape, block.written)
    return f'<pre class="unread"><code>{before}{f"<mark>{guilty}</mark>" * bool(guilty)}{behind}</code></pre>\n'


def _margin(block: Remarked) -> str:
    quiet = block.kind == "good" and not block.notes
    word = "" if block.kind == "good" else f"<b>{escape(block.word)}</b>"
    marks = f'<span class="credit"><span class="unseen">marks: </span>{escape(block.marks)}</span>' * bool(block.marks)
    head = f'<p class="word">{word}{marks}</p>\n' if word or marks else ""
    notes = "".join(f"<p>{_text(note)}</p>\n" for note in block.notes)
    return "" if quiet and not marks else f'<div class="margin">\n{head}{notes}</div>\n'


# ---- formulas --------------------------------------------------------------------------------------------------------

def _text(text: Text) -> str:
    return "".join(escape(part) if isinstance(part, str) else f'<span class="tex">{escape(spell(part))}</span>'
                   for part in text)


def _formula(lines: tuple[Line, ...], left: Box | None = None, *, copied: str = "") -> str:
    """A formula that scrolls in its own box where the page is narrow, and what is copied of it."""
    return (f'<div class="math" data-latex="{escape(copied or _copied(lines, left))}"><div class="scroll">'
            f'<span class="tex" data-display="yes">{escape(_aligned(lines))}</span></div></div>\n')


def _aligned(lines: tuple[Line, ...]) -> str:
    return f"\\begin{{aligned}}\n{latex_lines(lines)}\n\\end{{aligned}}"


def _copied(lines: tuple[Line, ...], left: Box | None) -> str:
    """The formula as one would paste it elsewhere: its left side written, and aligned where it has several lines."""
    first, *others = lines
    if first.left is None and first.relation is not None:
        first = Line(first.under or left, first.relation, first.right)
    if others:
        return _aligned((first, *others))
    return " ".join(spell(part) for part in (first.left, first.relation, first.right) if part is not None)


def _left(lines: tuple[Line, ...]) -> Box | None:
    """The left side of a formula, written or left out."""
    return lines[0].left or lines[0].under


# ---- verdicts --------------------------------------------------------------------------------------------------------

def _marks(words: tuple[Words, ...]) -> str:
    items = "".join(f'<li class="{w.kind}"><b>{escape(w.head)}</b>{escape(": " + w.detail if w.detail else "")}</li>\n'
                    for w in words)
    return f'<ul class="marks">\n{items}</ul>\n'
