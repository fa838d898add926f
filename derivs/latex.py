"""Boxes in LaTeX that plain pdflatex with amsmath and KaTeX both read; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from derivs.box import (
    BESIDE,
    COMMA,
    RELATIONS,
    THIN,
    WRITTEN_RELATIONS,
    Accent,
    Big,
    Box,
    Branches,
    Call,
    Digits,
    Fence,
    Fraction,
    Guilty,
    Half,
    Letter,
    Limits,
    Mark,
    Root,
    Row,
    Scripts,
    Slash,
    Styled,
    Table,
    Word,
    is_primes,
    is_tall,
    parts,
)
from derivs.expr import Tree
from derivs.layout import claim_layout, given_layout, layout
from derivs.lines import Line
from derivs.names import GREEK, OPERATORS, SIGNS, WRITTEN
from derivs.problem import Claim, Given, Problem

MARKS = {"<=": r"\le", ">=": r"\ge", "!=": r"\ne", "sim": r"\sim", "in": r"\in", "to": r"\to", "beside": "",
         "dot": r"\cdot", "times": r"\cdot", "dots": r"\dots", "quad": r"\quad ", "thin": r"\,",
         "odot": r"\odot", "space": " ", "oslash": r"\oslash", "by": r"\times", ";": r";\ ",
         "side": " ", "wide": r"\;", "+-": r"\pm", "==": "==", ":=": ":=", "notin": r"\notin", "approx": r"\approx",
         "propto": r"\propto", "equiv": r"\equiv", "gets": r"\gets", "=>": r"\Rightarrow", "<=>": r"\Leftrightarrow",
         "therefore": r"\therefore", "subset": r"\subset", "mid": r"\mid", "circ": r"\circ", "otimes": r"\otimes",
         "bullet": r"\bullet", "div": r"\div", "star": r"\star"}
SPACED = {*RELATIONS, *WRITTEN_RELATIONS, "+", "-", "+-", "dot", "times", "odot", "oslash", "circ", "otimes", "bullet",
          "div", "star"}
HALVES = {("(", True): "(", ("(", False): ")", ("[", True): "[", ("[", False): "]", ("|", True): "|", ("|", False): "|",
          ("\\{", True): r"\{", ("\\{", False): r"\}", ("\\|", True): r"\|", ("\\|", False): r"\|",
          ("<", True): r"\langle ", ("<", False): r"\rangle ", ("floor", True): r"\lfloor ",
          ("floor", False): r"\rfloor "}
BARS = ("|", "\\|")
ACCENTS = {"hat": r"\hat", "tilde": r"\tilde", "bar": r"\bar", "dot": r"\dot", "vec": r"\vec", "ddot": r"\ddot",
           "check": r"\check", "breve": r"\breve"}
WIDE = {"hat": r"\widehat", "tilde": r"\widetilde", "bar": r"\overline", "vec": r"\overrightarrow"}    # over several
STYLES = {"bf": r"\mathbf", "cal": r"\mathcal", "rm": r"\mathrm", "sf": r"\mathsf", "bb": r"\mathbb",
          "frak": r"\mathfrak", "scr": r"\mathscr", "it": r"\mathit", "tt": r"\mathtt"}
LIMITS = {"sum": r"\sum", "prod": r"\prod", "int": r"\int", "max": r"\max", "min": r"\min",
          "argmax": r"\operatorname*{argmax}", "argmin": r"\operatorname*{argmin}"}
TABLES = {"cases": "cases", "matrix": "bmatrix", "bare": "matrix"}
ESCAPED = {**{c: "\\" + c for c in "{}$&#%_"}, "\\": r"\textbackslash{}", "^": r"\textasciicircum{}",
           "~": r"\textasciitilde{}"}
OVER = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"'}      # accents of prose


def latex(expr: Tree, problem: Problem) -> str:
    r"""`\frac{1}{m} \sum_{j=1}^{m} x_j`: an expression or a condition."""
    return spell(layout(expr, problem))


def latex_given(condition: Given, problem: Problem) -> str:
    """A side condition."""
    return spell(given_layout(condition, problem))


def latex_claim(claim: Claim, problem: Problem) -> str:
    r"""`left = right`, and `\quad (i \ne j)` for its conditions."""
    given = ", ".join(latex_given(condition, problem) for condition in claim.given)
    return spell(claim_layout(claim, problem)) + (rf" \quad ({given})" if given else "")


def latex_lines(lines: Sequence[Line]) -> str:
    """Lines of an equation, for `aligned` or `align*`."""
    rows = []
    for line in lines:
        left = spell(line.left) if line.left is not None else ""
        if line.under is not None:
            left = rf"\phantom{{{spell(line.under)}}}"
        right = spell(line.right)
        if line.relation is not None:
            rows.append(f"{left} &{spell(line.relation)} {right}".strip())
        elif line.left is not None:
            rows.append(f"& {left}")
        else:
            rows.append(rf"&\quad {{}} {right}")
    return " \\\\\n".join(rows)


def spell(box: Box) -> str:
    """A box in LaTeX."""
    match box:
        case Letter(name):
            if name == "epsilon":      # the shape that Unicode and Typst give it
                return r"\varepsilon"
            if name in WRITTEN:
                return WRITTEN[name][0]
            return "\\" + name if name in GREEK or name in SIGNS else name
        case Digits(text):
            return text
        case Word(text, "operator"):
            return "\\" + text if text in OPERATORS else rf"\operatorname{{{text}}}"
        case Word(text, "name"):
            return r"\mathrm{" + text.replace("_", r"\_") + "}"
        case Word(text, _):
            return rf"\text{{{_escaped(text)}}}"
        case Mark(name):
            return MARKS.get(name, name)
        case Row(inside):
            return _row(inside)
        case Fraction(over, under):
            return rf"\frac{{{spell(over)}}}{{{spell(under)}}}"
        case Slash(over, under):
            return f"{spell(over)}/{spell(under)}"
        case Root(body, degree):
            return r"\sqrt" + ("" if degree is None else f"[{{{spell(degree)}}}]") + f"{{{spell(body)}}}"
        case Limits(operator, below, above):
            return LIMITS[operator] + _script("_", below) + _script("^", above)
        case Fence("{", body):
            return f"{{{spell(body)}}}"
        case Scripts(base, below, above):
            return spell(base) + _script("_", below) + _script("^", above)
        case Big("sum", index, low, high):
            return rf"\sum_{{{spell(index)}={spell(low)}}}^{{{spell(high)}}}"
        case Big(_, index, low, high):
            return rf"\max_{{{spell(low)} \le {spell(index)} \le {spell(high)}}}"
        case Fence(kind, body):
            left, right = HALVES[kind, True], HALVES[kind, False]
            if is_tall(body) or (kind in BARS and _has_bars(body)):         # | |x| | does not say which | opens
                return rf"\left{left} {spell(body)} \right{right}"
            return f"{left}{spell(body)}{right}"
        case Half(kind, opens, tall):
            return (r"\biggl" if opens else r"\biggr") * tall + HALVES[kind, opens]
        case Call(function, arguments):
            return spell(function) + spell(arguments)
        case Branches(rows):
            lines = [rf"{spell(value)} & " + (r"\text{otherwise}" if test is None else rf"\text{{if }} {spell(test)}")
                     for value, test in rows]
            return r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}"
        case Table(kind, cells):
            table = r" \\ ".join(" & ".join(map(spell, row)) for row in cells)
            return rf"\begin{{{TABLES[kind]}}} {table} \end{{{TABLES[kind]}}}"
        case Guilty(Mark(name)) if name in SPACED:
            return rf"\mathrel{{\derivsguilty{{{spell(box.body)}}}}}"
        case Guilty(body):
            return rf"\derivsguilty{{{spell(body)}}}"
        case Accent(name, body):
            command = WIDE.get(name, ACCENTS[name]) if isinstance(body, Row | Fence) else ACCENTS[name]
            return f"{command}{{{spell(body)}}}"
        case Styled(style, body):
            return f"{STYLES[style]}{{{spell(body)}}}"


def _has_bars(box: Box) -> bool:
    return (isinstance(box, Fence) and box.kind in BARS) or any(map(_has_bars, parts(box)))


def _escaped(prose: str) -> str:
    """Prose inside a formula, in signs that LaTeX and KaTeX print as they are; others by their numbers."""
    out = ""
    for char in prose:
        first, others = unicodedata.normalize("NFD", char)[0], unicodedata.normalize("NFD", char)[1:]
        if char in ESCAPED or " " <= char <= "~":
            out += ESCAPED.get(char, char)
        elif first.isascii() and first.isalpha() and others in OVER:
            out += f"\\{OVER[others]}{{{first}}}"
        else:
            out += f"[U+{ord(char):04X}]"
    return out


def _script(mark: str, box: Box | None) -> str:
    if box is None:
        return ""
    if is_primes(box):
        return "'" * max(1, len(parts(box)))
    text = _row(box.parts, tight=True) if isinstance(box, Row) else spell(box)
    return mark + (text if len(text) == 1 else f"{{{text}}}")


def _row(boxes: Sequence[Box], *, tight: bool = False) -> str:
    """Side by side: spaces around signs, and where a command would run into a letter."""
    text = ""
    for k, box in enumerate(boxes):
        piece = spell(box)
        if box in (BESIDE, THIN) or (k and isinstance(boxes[k - 1], Big | Limits)):
            text += " "
        if isinstance(box, Mark) and box.name in SPACED and not tight:
            piece = f" {piece} " if k or piece not in "+-" else piece
        elif box == COMMA and not tight:
            piece = ", "
        elif text.endswith(r"\,") or (re.search(r"\\[A-Za-z]+$", text) and re.match(r"[A-Za-z\\]", piece)):
            text += " "
        text += piece
    return text.lstrip(" ") if tight or not boxes or not isinstance(boxes[0], Word) else text
