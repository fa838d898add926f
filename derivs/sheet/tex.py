"""A sheet in LaTeX, whole or as a part of somebody's own document; plain pdflatex with amsmath compiles both.

What the page looks like is in the macros, which docs/sheets.md describes: a lecturer's own definition of one wins.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from itertools import starmap

from derivs.box import Box
from derivs.latex import latex_lines, spell
from derivs.lines import Line
from derivs.names import GREEK
from derivs.report import Words
from derivs.sheet.blocks import (
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
from derivs.sheet.tikz import tikz

MACROS = r"""\makeatletter
\providecommand{\derivssheet}{\par % the environment around it all; what it sets ends with it
  \setlength{\parindent}{0pt}\setlength{\parskip}{0.5ex plus 0.1ex}\setlength{\emergencystretch}{4em}%
  \setlength{\fboxsep}{6pt}\setlength{\jot}{5pt}\renewcommand{\minalignsep}{0pt}\allowdisplaybreaks[3]%
  \let\cases\derivscases\let\endcases\endderivscases\@fleqntrue\setlength{\@mathmargin}{1.5em}}
\@ifundefined{endderivssheet}{\def\endderivssheet{\par}}{}
\providecommand{\derivscases}{\left\lbrace\,\vcenter\bgroup\def\\{\cr}\openup2pt\m@th % cases, fractions of full size
  \ialign\bgroup\strut$\displaystyle##$\hfil&\quad$\displaystyle##$\hfil\crcr}
\@ifundefined{endderivscases}{\def\endderivscases{\crcr\egroup\egroup\right.}}{}
\providecommand{\derivsneed}[1]{\par\penalty-100 % a new page, unless there is this much room; the penalty
  % first lets TeX end a page that is over-full already, as package needspace does
  \begingroup\dimen@\pagegoal\advance\dimen@-\pagetotal
  \ifdim\pagetotal>0pt\ifdim\dimen@<#1\relax\vfil\penalty-10000 \fi\fi\endgroup}
\providecommand{\derivsexercise}[2]{\derivsneed{15\baselineskip}%
  \section*{\raggedright#1\ifx\relax#1\relax\else\quad\fi#2}\nopagebreak}
\providecommand{\derivssource}[1]{\textit{#1}\par\nopagebreak}
\providecommand{\derivsheading}[1]{\derivsneed{7\baselineskip}\subsection*{#1}\nopagebreak}
\providecommand{\derivsdisplay}[1]{\ifvmode\nointerlineskip\noindent\hbox to .6\linewidth{}\fi
  \begin{align*}#1\end{align*}}
\providecommand{\derivsjudged}[1]{\begingroup\postdisplaypenalty=10000 \derivsdisplay{#1}\endgroup}
\providecommand{\derivsrule}[1]{\par\addvspace{1.2ex}\textit{#1}\nopagebreak}
\providecommand{\derivsgood}{\ifdefined\checkmark$\checkmark$\else{\footnotesize$\surd$}\fi}
\providecommand{\derivsbad}{$\times$}
\providecommand{\derivsopen}{$\circ$}
\providecommand{\derivstick}{\hfill\textnormal{\derivsgood}}
\providecommand{\derivsresult}[1]{\begingroup\postdisplaypenalty=10000
  \ifvmode\nointerlineskip\noindent\hbox to .6\linewidth{}\fi
  \[\derivsfit{\boxed{\begin{aligned}#1\end{aligned}}}\]\endgroup}
\providecommand{\derivsfit}[1]{\setbox0\hbox{$\displaystyle#1$}% a line that is wider than was reckoned is set smaller
  \dimen@\linewidth\advance\dimen@-1.5em
  \ifdim\wd0>\dimen@\ifdefined\resizebox\resizebox{\dimen@}{!}{\box0}\else\box0\fi\else\box0\fi}
\providecommand{\derivsmark}[3]{\par #1 \textbf{#2}#3\par}
\providecommand{\derivscode}[1]{\texttt{#1}\par}
\providecommand{\derivspicture}[1]{\ifdefined\tikzpicture\par\medskip\begingroup\setbox0\hbox{#1\unskip}\noindent
  \ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\box0}\else\box0\fi\par\endgroup\medskip\fi}
\providecommand{\derivsspace}[1]{\par\nopagebreak\hbox{\vbox to #1\baselineskip{\vss}}\par}
\providecommand{\derivsprovenance}[1]{\par\bigskip\begingroup\small\hrule\medskip#1\par\endgroup}
\makeatother
"""
FEEDBACK = r"""\makeatletter % lines with remarks; first what amsfonts has, for where it is not loaded
\providecommand{\mathbb}[1]{\mathbf{#1}}\providecommand{\mathfrak}[1]{\mathcal{#1}}
\providecommand{\mathscr}[1]{\mathcal{#1}}\providecommand{\digamma}{\mathsf{F}}
\providecommand{\therefore}{\mathrel{.\raise.9ex\hbox{.}.}}
\providecommand{\derivsred}[1]{\ifdefined\textcolor\textcolor[rgb]{0.7,0.15,0.12}{#1}\else#1\fi}
\providecommand{\derivsguilty}[1]{\underline{\derivsred{#1}}}
\providecommand{\derivsplace}[1]{\derivsred{\textit{#1}}}
\providecommand{\derivsmend}{\textbf{!}}
\providecommand{\derivsfollows}{$\hookrightarrow$}
\providecommand{\derivsunsure}{\textbf{?}}
\providecommand{\derivsremarked}[4]{\par\addvspace{1.4ex}\noindent
  \parbox[t]{2.4em}{\raggedright#1\hfill{\scriptsize#2}\hspace*{.6em}}%
  \begin{minipage}[t]{.645\linewidth}\setlength{\parskip}{.6ex}\raggedright\strut#3\end{minipage}\hfill
  \begin{minipage}[t]{.28\linewidth}\setlength{\parskip}{.4ex}\footnotesize\raggedright
    \setlength{\emergencystretch}{3em}\strut#4\end{minipage}\par}
\providecommand{\derivsline}[1]{\derivsfitted{\begin{aligned}[t]#1\end{aligned}}}
\providecommand{\derivsfitted}[1]{\setbox0\hbox{$\displaystyle#1$}%
  \ifdim\wd0>\linewidth\ifdefined\resizebox\resizebox{\linewidth}{!}{\box0}\else\box0\fi\else\box0\fi}
\providecommand{\derivsmended}[1]{\par{\footnotesize\textit{It should read}}\par\derivsline{#1}}
\providecommand{\derivswritten}[1]{{\footnotesize\ttfamily#1\par}}
\providecommand{\derivsword}[2]{\textbf{#1}\hfill#2\par}
\makeatother
"""
PREAMBLE = r"""% Made by derivs. Compiles with pdflatex; needs amsmath, and for pictures of graphs tikz.
\documentclass[11pt,a4paper]{article}
\usepackage{amsmath}
\IfFileExists{tikz.sty}{\usepackage{tikz}}{}
\setlength{\textwidth}{16cm}
\setlength{\oddsidemargin}{-0.04cm}
\setlength{\evensidemargin}{-0.04cm}
\setlength{\textheight}{24.2cm}
\setlength{\topmargin}{-1.2cm}
\raggedbottom
\pagestyle{myheadings}
\ifdefined\pdfinfoomitdate \pdfinfoomitdate=1 \pdftrailerid{} \pdfsuppressptexinfo=-1 \fi % the same bytes every time
"""
FRAGMENT = r"""% Made by derivs, for \input in a document of your own, which needs \usepackage{amsmath} in its preamble.
% Pictures of graphs are shown if it has \usepackage{tikz}, too.
% How it looks is in the macros below; one that you have defined before stays as you defined it.
"""
FRAGMENT_LIMIT = 27.0                  # em: what fits the lines of LaTeX's article at any size of type
SHORTEST = 70                          # letters of a running title

SPECIAL = {"\\": r"$\backslash$", "{": r"$\{$", "}": r"$\}$",   # as mathematics: the bold text font has none
           "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
           "_": r"\_",
           "^": r"\^{}", "~": r"\~{}", "<": "$<$", ">": "$>$", "|": "$|$", '"': r"\char34{}", "`": r"\`{}",
           "'": "'", "/": r"/\allowbreak{}", "\n": " ", "\t": " "}
UNICODE = {
    "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": r"\char34{}", "…": r"\dots{}",
    "§": r"$\mathsection$",
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
    return (f"{PREAMBLE}{_about(document)}{_macros(document)}\\begin{{document}}\n\\begin{{derivssheet}}\n"
            f"{_head(document)}{_body(document)}\\end{{derivssheet}}\n\\end{{document}}\n")


def fragment(document: Document) -> str:
    """What stands between the head and the end, for `\\input`. Its lines are to be of FRAGMENT_LIMIT."""
    return f"{FRAGMENT}{_macros(document)}\\begin{{derivssheet}}\n{_body(document)}\\end{{derivssheet}}\n"


def _macros(document: Document) -> str:
    """How the blocks of the document look."""
    blocks = (block for section in document.sections for block in section.blocks)
    return MACROS + (FEEDBACK if any(isinstance(block, Remarked) for block in blocks) else "")


def _about(document: Document) -> str:
    """The running title, and title and author for whoever lists PDF files."""
    entries = "".join(f"/{key} <{_hexadecimal(value)}> " for key, value in (
        ("Title", document.title), ("Author", document.author), ("Subject", document.course)) if value)
    return f"\\ifdefined\\pdfinfo \\pdfinfo{{{entries}}}\\fi\n\\markright{{{escape(running(document))}}}\n"


def running(document: Document) -> str:
    """The title at the head of every page but the first, shortened to a line."""
    whole = " \u2013 ".join(filter(None, (document.course, document.title)))
    return textwrap.shorten(whole, SHORTEST, placeholder=" ...")


def _hexadecimal(text: str) -> str:
    """A string of PDF: no character of it can mean anything to TeX or to PDF."""
    return ("\ufeff" + text).encode("utf-16-be", "replace").hex().upper()


def _head(document: Document) -> str:
    """Course, title, author and date."""
    above = f"{escape(document.course)}\\par\\smallskip\n" if document.course else ""
    below = ", ".join(escape(part) for part in (document.author, document.date) if part)
    return (f"\\thispagestyle{{plain}}\n{above}{{\\LARGE\\raggedright {escape(document.title)}\\par}}\n"
            + (f"\\smallskip {below}\\par\n" if below else ""))


def _body(document: Document) -> str:
    several = len(document.sections) > 1
    sections = "".join(_section(section, str(k) if several else "")
                       for k, section in enumerate(document.sections, 1))
    last = "\n\\par\\smallskip\n".join(map(escape, document.provenance))
    return sections + (f"\\derivsprovenance{{{last}}}\n" if last else "")


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


def _section(section: Section, number: str) -> str:
    source = f"\\derivssource{{{escape(section.source)}}}\n" if section.source else ""
    return f"\n\\derivsexercise{{{number}}}{{{escape(section.title)}}}\n{source}" + _blocks(section.blocks)


def _blocks(blocks: Sequence[Block]) -> str:
    return "".join(starmap(_before, zip(blocks, (*blocks[1:], None), strict=True)))


def _before(block: Block, after: Block | None) -> str:
    """A block, which stays on the page of the next where the two belong together."""
    match block, after:
        case Display(lines), Marks():
            return _display(lines, judged=True)
        case Prose(), Picture():
            return f"{_block(block)}\\par\\nopagebreak\n"
        case _:
            return _block(block)


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"\n\\derivsheading{{{_text(text)}}}\n"
        case Prose(text):
            return f"\\par {_text(text)}\n"
        case Display(lines):
            return _display(lines)
        case Stride():
            return _stride(block)
        case Steps(_, strides):
            return "".join(map(_block, strides))
        case Result(rule, lines, also):
            shown = f"{_rule(rule)}\\derivsresult{{\n{latex_lines(lines)}}}\n"
            return shown + "".join(_stride(one, judged=True) for one in also)
        case Space(height):
            return f"\\derivsspace{{{height}}}\n"
        case Marks(words):
            return "\\nopagebreak\n".join(map(_mark, words))
        case Picture(diagram):
            return f"\\derivspicture{{%\n{tikz(diagram)}}}\n"
        case Code(text):
            return "".join(f"\\derivscode{{{escape(line)}}}\n" for line in text.splitlines() if line.strip())
        case Remarked():
            return _remarked(block)


SIGNS = {"good": r"\derivsgood", "mend": r"\derivsmend", "wrong": r"\derivsbad", "follows": r"\derivsfollows",
         "open": r"\derivsunsure"}


def _remarked(block: Remarked) -> str:
    """The sign, the line's number, the line, and the margin."""
    mended = f"\\derivsmended{{{latex_lines(block.mended)}}}" if block.mended else ""
    word = "" if block.kind == "good" else escape(block.word)
    head = f"\\derivsword{{{word}}}{{{escape(block.marks)}}}" if word or block.marks else ""
    notes = "\\par\n".join(_loose(_text(note)) for note in block.notes)
    return (f"\\derivsremarked{{{SIGNS[block.kind]}}}{{{block.number}}}{{{_work(block)}{mended}}}{{{head}{notes}}}\n")


def _work(block: Remarked) -> str:
    if block.lines:
        return f"\\derivsline{{{latex_lines(block.lines)}}}"
    before, guilty, behind = (_loose("\\par ".join(map(escape, piece.split("\n")))) for piece in block.written)
    return f"\\derivswritten{{{before}{f'{chr(92)}derivsplace{{{guilty}}}' if guilty else ''}{behind}}}"


def _loose(text: str) -> str:
    """LaTeX that is quoted may break before a command: it has no spaces."""
    return text.replace(r"$\backslash$", r"\allowbreak$\backslash$")


def _stride(stride: Stride, *, judged: bool = False) -> str:
    """judged: what follows is the mark of it, or of the result that it belongs to."""
    verdict = stride.verdict
    is_told = verdict is not None and (verdict.kind != "good" or bool(verdict.detail))
    told = _mark(verdict) if verdict is not None and is_told else ""
    ticked = verdict is not None and not is_told
    return _rule(stride.rule, ticked=ticked) + _display(stride.lines, judged=judged or is_told) + told


def _display(lines: tuple[Line, ...], *, judged: bool = False) -> str:
    """judged: a mark follows, from which no page break parts it."""
    return f"\\derivs{'judged' if judged else 'display'}{{\n{latex_lines(lines)}}}\n"


def _rule(rule: Text, *, ticked: bool = False) -> str:
    return f"\\derivsrule{{{_text(rule)}{chr(92) + 'derivstick{}' if ticked else ''}}}\n" if rule else ""


def _mark(words: Words) -> str:
    detail = f": {escape(words.detail)}" if words.detail else ""
    sign = {"good": r"\derivsgood", "wrong": r"\derivsbad", "bad": r"\derivsbad", "open": r"\derivsopen"}[words.kind]
    return f"\\derivsmark{{{sign}}}{{{escape(words.head)}}}{{{detail}}}\n"
