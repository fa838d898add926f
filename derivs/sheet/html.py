"""A sheet as one HTML page that works offline: KaTeX, its fonts and the page's own style and script are inside.

KaTeX is vendored beside this file with its MIT licence. Formulas are in the page as LaTeX text, which a browser without
scripts shows as it is.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

from derivs.latex import latex_lines, spell
from derivs.lines import Line
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

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c1b1a; --paper: #fffefb; --soft: #6a6660; --line: #d9d4ca; --box: #f6f3ec;
  --good: #1a6b3a; --bad: #b3261e; --open: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e4dc; --paper: #171614; --soft: #a49e94; --line: #3a3732;
  --box: #211f1c; --good: #7fd1a0; --bad: #ff9a90; --open: #e8be6a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1.06rem/1.55 "Iowan Old Style", Palatino, "Palatino Linotype", Georgia, serif; }
main, header { max-width: 46rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.45rem; line-height: 1.25; margin: 3.5rem 0 .3rem;
  border-top: 1px solid var(--line); padding-top: 1.2rem; }
h3 { font-size: 1.1rem; margin: 1.8rem 0 .5rem; }
h1, h2, p { overflow-wrap: anywhere; }
p { margin: .6rem 0; }
a { color: inherit; }
nav ol { columns: 18rem; margin: 0; padding-left: 1.6rem; }
.source, .rule { color: var(--soft); font-style: italic; }
.rule { margin: .9rem 0 -.3rem; }
.katex { font-size: 1.12em; }
.math { overflow-x: auto; overflow-y: hidden; scrollbar-width: thin; margin: .4rem 0; padding: .35rem 0 .35rem 1.2rem; }
.result .math { margin: 0; padding-left: 0; }
.math .katex-display { margin: 0; text-align: left; }
.math .katex-display.fleqn > .katex { text-align: left; padding-left: 0; }
.result { background: var(--box); border: 1px solid var(--line); border-radius: .4rem;
  padding: .7rem 1rem; margin: .8rem 0; }
.marks { list-style: none; margin: .5rem 0 1rem; padding: 0; font-size: .97rem; overflow-wrap: anywhere; }
.marks li { padding-left: 1.4rem; text-indent: -1.4rem; margin: .15rem 0; }
.marks b::before { display: inline-block; width: 1.4rem; text-indent: 0; }
.good b { color: var(--good); } .good b::before { content: "\\2713"; }
.bad b, .wrong b { color: var(--bad); } .bad b::before, .wrong b::before { content: "\\2717"; }
.open b { color: var(--open); } .open b::before { content: "\\25CB"; }
pre { background: var(--box); padding: .7rem 1rem; overflow-x: auto; font-size: .85rem; }
@media print { body { background: none; } .result { break-inside: avoid; } nav { display: none; } }
""".strip()

SCRIPT: Final = """
for (const formula of document.querySelectorAll(".tex")) {
  katex.render(formula.textContent, formula, {displayMode: formula.dataset.display === "yes", throwOnError: false,
    trust: false, fleqn: true, strict: "ignore"});
}
""".strip()


def html(document: Document) -> str:
    """The page."""
    katex = _vendored("katex.min.js").decode().strip()
    scripts = (katex, SCRIPT)
    allowed = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; font-src data:; script-src {allowed}"
    links = (f'<a href="#{escape(section.name)}">{escape(section.title)}</a>' for section in document.sections)
    contents = "".join(f"<li>{link}</li>\n" for link in links)
    date = f"<p>{escape(document.date)}</p>\n" if document.date else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="derivs">\n'
        f"<title>{escape(document.title)}</title>\n<style>\n{_katex_style()}\n{STYLE}\n</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{escape(document.title)}</h1>\n{date}"
        + (f'<nav aria-label="Exercises"><ol>\n{contents}</ol></nav>\n' if len(document.sections) > 1 else "")
        + "</header>\n<main>\n" + "".join(map(_section, document.sections)) + "</main>\n"
        + "".join(f"<script>{script}</script>\n" for script in scripts) + "</body>\n</html>\n")


@cache
def _vendored(name: str) -> bytes:
    return files("derivs.sheet").joinpath("katex", *name.split("/")).read_bytes()


@cache
def _katex_style() -> str:
    """KaTeX's style sheet with its fonts inside: of each, the woff2 file alone."""
    style = _vendored("katex.min.css").decode().strip()

    def inlined(found: re.Match[str]) -> str:
        data = base64.b64encode(_vendored(f"fonts/{found[1]}")).decode()
        return f'src:url(data:font/woff2;base64,{data}) format("woff2")'

    return re.sub(r'src:url\(fonts/([\w-]+\.woff2)\) format\("woff2"\)[^;}]*', inlined, style)


def _section(section: Section) -> str:
    source = f'<p class="source">{escape(section.source)}</p>\n' if section.source else ""
    name = escape(section.name)
    return (f'<section id="{name}" aria-labelledby="{name}-title">\n'
            f'<h2 id="{name}-title">{escape(section.title)}</h2>\n{source}'
            f'{"".join(map(_block, section.blocks))}</section>\n')


def _text(text: Text) -> str:
    return "".join(escape(part) if isinstance(part, str) else f'<span class="tex">{escape(spell(part))}</span>'
                   for part in text)


def _formula(lines: tuple[Line, ...]) -> str:
    """A formula that scrolls sideways where the page is narrow; reachable by keyboard, as what scrolls must be."""
    latex = f"\\begin{{aligned}}\n{latex_lines(lines)}\n\\end{{aligned}}"
    return f'<div class="math" tabindex="0"><span class="tex" data-display="yes">{escape(latex)}</span></div>\n'


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h3>{_text(text)}</h3>\n"
        case Prose(text):
            return f"<p>{_text(text)}</p>\n"
        case Display(lines):
            return _formula(lines)
        case Stride(rule, lines, verdict):
            return _rule(rule) + _formula(lines) + (_marks((verdict,)) if verdict and verdict.kind != "good" else "")
        case Steps(_, strides):
            return "".join(map(_block, strides))
        case Result(rule, lines, also):
            return _rule(rule) + f'<div class="result">{_formula(lines)}</div>\n' + "".join(map(_block, also))
        case Space(height):
            return f'<div style="height: {height}lh"></div>\n'
        case Marks(words):
            return _marks(words)
        case Code(text):
            return f"<pre><code>{escape(text)}</code></pre>\n"


def _rule(rule: Text) -> str:
    return f'<p class="rule">{_text(rule)}</p>\n' if rule else ""


def _marks(words: tuple[Words, ...]) -> str:
    items = "".join(f'<li class="{w.kind}"><b>{escape(w.head)}</b>{escape(": " + w.detail if w.detail else "")}</li>\n'
                    for w in words)
    return f'<ul class="marks">\n{items}</ul>\n'
