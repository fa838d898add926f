"""A sheet as one LaTeX file that plain pdflatex compiles with amsmath alone."""

from __future__ import annotations

import unicodedata

from derivs.box import Box
from derivs.latex import latex_lines, spell
from derivs.names import GREEK
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

PREAMBLE = r"""% Made by derivs. Compiles with pdflatex; needs amsmath only.
\documentclass[11pt,a4paper,fleqn]{article}
\usepackage{amsmath}
\setlength{\textwidth}{16cm}
\setlength{\oddsidemargin}{-0.04cm}
\setlength{\evensidemargin}{-0.04cm}
\setlength{\textheight}{24.2cm}
\setlength{\topmargin}{-1.6cm}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5ex plus 0.5ex}
\setlength{\mathindent}{1.5em}
\setlength{\emergencystretch}{4em}
\setlength{\fboxsep}{6pt}
\renewcommand{\minalignsep}{0pt} % with fleqn, aligned puts this much to the right of its one column
\allowdisplaybreaks
\raggedbottom
\ifdefined\pdfinfoomitdate \pdfinfoomitdate=1 \pdftrailerid{} \pdfsuppressptexinfo=-1 \fi % the same bytes every time
\newcommand{\rulename}[1]{\par\nopagebreak\textit{#1}\nopagebreak}
\newcommand{\established}[2]{\par\textbf{#1}#2\par}
"""

SPECIAL = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
           "_": r"\_",
           "^": r"\^{}", "~": r"\~{}", "<": "$<$", ">": "$>$", "|": "$|$", '"': r"\char34{}", "`": r"\`{}",
           "'": "'", "/": r"/\allowbreak{}", "\n": " ", "\t": " "}
UNICODE = {
    "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": r"\char34{}", "…": r"\dots{}", "§": r"\S{}",
    "©": r"\copyright{}", "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ø": r"\o{}", "Ø": r"\O{}", "œ": r"\oe{}",
    "ł": r"\l{}", "Ł": r"\L{}", "ı": r"\i{}", "\u00a0": "~", "\u00ad": r"\-", "\u200b": "", "¡": "!`", "¿": "?`"}
MATH = {"∂": r"\partial", "Σ": r"\sum", "∑": r"\sum", "∏": r"\prod", "√": r"\surd", "∞": r"\infty", "∇": r"\nabla",
        "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "∈": r"\in", "→": r"\to", "←": r"\leftarrow",
        "⇒": r"\Rightarrow", "·": r"\cdot", "×": r"\times", "±": r"\pm", "−": "-", "⊙": r"\odot", "⊗": r"\otimes",
        "∗": r"\ast", "⋆": r"\star", "ℓ": r"\ell", "′": "{}'", "⊤": r"\top", "‖": r"\Vert", "°": r"{}^\circ",
        "ϵ": r"\epsilon", "¬": r"\neg", "µ": r"\mu", "𝟙": r"\mathbf{1}", "½": r"\tfrac{1}{2}", "¼": r"\tfrac{1}{4}",
        **{letter: "\\" + name for name, letter in GREEK.items() if letter != "Σ"},
        **{raised: "{}^{" + plain + "}" for raised, plain in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n", strict=True)},
        **{lowered: "{}_{" + plain + "}" for lowered, plain in zip("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₙₘ", "0123456789ijknm", strict=True)}}
ACCENTS = {"\u0300": r"\`", "\u0301": r"\'", "\u0302": r"\^", "\u0303": r"\~", "\u0304": r"\=", "\u0306": r"\u",
           "\u0307": r"\.", "\u0308": r'\"', "\u030a": r"\r", "\u030b": r"\H", "\u030c": r"\v", "\u0327": r"\c",
           "\u0328": r"\k", "\u0323": r"\d", "\u0331": r"\b"}
NOT_IN_OT1 = {r"\k"}                   # an ogonek needs another font encoding; the letter stands without it


def tex(document: Document) -> str:
    """The file."""
    date = f"\\par {escape(document.date)}\n" if document.date else ""
    return (f"{PREAMBLE}\\begin{{document}}\n{{\\LARGE {escape(document.title)}\\par}}\n{date}"
            + "".join(map(_section, document.sections)) + "\\end{document}\n")


def escape(text: str) -> str:
    """Any text as LaTeX that prints it. A character that plain LaTeX has no letter for is named by its number."""
    out: list[str] = []
    for char in unicodedata.normalize("NFC", text):
        if char in UNICODE or char in SPECIAL:
            out.append(UNICODE.get(char) or SPECIAL.get(char, ""))
        elif " " <= char <= "~":
            out.append("{}-" if char == "-" and out and out[-1] in ("-", "{}-") else char)     # not the dash of --
        elif char in MATH:
            out.append(rf"\ensuremath{{{MATH[char]}}}")
        else:
            for part in unicodedata.normalize("NFD", char):
                _append(out, part)
    return "".join(out)


def _append(out: list[str], char: str) -> None:
    """One character of a decomposed letter; an accent goes over what was written last."""
    if char in ACCENTS and out:
        if ACCENTS[char] not in NOT_IN_OT1:
            base = {"i": r"\i", "j": r"\j"}.get(out[-1], out[-1])
            out[-1] = rf"{ACCENTS[char]}{{{base}}}"
    elif char in MATH:
        out.append(rf"\ensuremath{{{MATH[char]}}}")
    elif " " <= char <= "~":
        out.append(SPECIAL.get(char, char))
    elif unicodedata.category(char)[0] not in "CMZ":
        out.append(rf"\texttt{{[U+{ord(char):04X}]}}")


def _text(text: Text) -> str:
    return "".join(escape(part) if isinstance(part, str) else _inline(part) for part in text)


def _inline(box: Box) -> str:
    return f"${spell(box)}$"


def _section(section: Section) -> str:
    source = f"\\textit{{{escape(section.source)}}}\\par\n" if section.source else ""
    return f"\n\\section*{{\\raggedright{{}} {escape(section.title)}}}\n{source}" + "".join(map(_block, section.blocks))


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"\n\\subsection*{{{_text(text)}}}\n"
        case Prose(text):
            return f"\\par {_text(text)}\n"
        case Display(lines):
            return f"\\begin{{align*}}\n{latex_lines(lines)}\n\\end{{align*}}\n"
        case Stride(rule, lines, verdict):
            return _rule(rule) + _block(Display(lines)) + (_mark(verdict) if verdict and verdict.kind != "good" else "")
        case Steps(_, strides):
            return "".join(map(_block, strides))
        case Result(rule, lines, also):
            return (f"{_rule(rule)}\\[\\boxed{{\\begin{{aligned}}\n{latex_lines(lines)}\n\\end{{aligned}}}}\\]\n"
                    + "".join(map(_block, also)))
        case Space(height):
            return f"\\vspace{{{height}\\baselineskip}}\n"
        case Marks(words):
            return "".join(map(_mark, words))
        case Code(text):
            return "".join(f"\\texttt{{{escape(line)}}}\\par\n" for line in text.splitlines() if line.strip())


def _rule(rule: Text) -> str:
    return f"\\rulename{{{_text(rule)}}}\n" if rule else ""


def _mark(words: Words) -> str:
    detail = f": {escape(words.detail)}" if words.detail else ""
    sign = {"good": r"$\bullet$", "wrong": r"$\times$", "bad": r"$\times$", "open": r"$\circ$"}[words.kind]
    return f"\\established{{{sign} {escape(words.head)}}}{{{detail}}}\n"
