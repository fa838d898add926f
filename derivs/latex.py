"""Boxes in LaTeX that plain pdflatex with amsmath and KaTeX both read; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from derivs.box import (
    BESIDE,
    COMMA,
    RELATIONS,
    THIN,
    Accent,
    Big,
    Box,
    Branches,
    Call,
    Digits,
    Fence,
    Fraction,
    Half,
    Letter,
    Mark,
    Root,
    Row,
    Scripts,
    Slash,
    Styled,
    Word,
    is_primes,
    is_tall,
    parts,
)
from derivs.expr import Tree
from derivs.layout import claim_layout, given_layout, layout
from derivs.lines import Line
from derivs.names import GREEK, OPERATORS, SIGNS
from derivs.problem import Claim, Problem

MARKS = {"<=": r"\le", ">=": r"\ge", "!=": r"\ne", "sim": r"\sim", "in": r"\in", "to": r"\to", "beside": "",
         "dot": r"\cdot", "times": r"\cdot", "dots": r"\dots", "quad": r"\quad ", "thin": r"\,",
         "odot": r"\odot", "space": " ", "oslash": r"\oslash", "by": r"\times", ";": r";\ "}
SPACED = {*RELATIONS, "+", "-", "dot", "times", "odot", "oslash"}
HALVES = {("(", True): "(", ("(", False): ")", ("[", True): "[", ("[", False): "]", ("|", True): "|", ("|", False): "|"}
ACCENTS = {"hat": r"\hat", "tilde": r"\tilde", "bar": r"\bar", "dot": r"\dot", "vec": r"\vec"}
STYLES = {"bf": r"\mathbf", "cal": r"\mathcal", "rm": r"\mathrm", "sf": r"\mathsf"}


def latex(expr: Tree, problem: Problem) -> str:
    r"""`\frac{1}{m} \sum_{j=1}^{m} x_j`: an expression or a condition."""
    return spell(layout(expr, problem))


def latex_claim(claim: Claim, problem: Problem) -> str:
    r"""`left = right`, and `\quad (i \ne j)` for its conditions."""
    given = ", ".join(spell(given_layout(condition, problem)) for condition in claim.given)
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
            return "\\" + name if name in GREEK or name in SIGNS else name
        case Digits(text):
            return text
        case Word(text, "operator"):
            return "\\" + text if text in OPERATORS else rf"\operatorname{{{text}}}"
        case Word(text, "name"):
            return r"\mathrm{" + text.replace("_", r"\_") + "}"
        case Word(text, _):
            return rf"\text{{{text}}}"
        case Mark(name):
            return MARKS.get(name, name)
        case Row(inside):
            return _row(inside)
        case Fraction(over, under):
            return rf"\frac{{{spell(over)}}}{{{spell(under)}}}"
        case Slash(over, under):
            return f"{spell(over)}/{spell(under)}"
        case Root(body):
            return rf"\sqrt{{{spell(body)}}}"
        case Scripts(base, below, above):
            return spell(base) + _script("_", below) + _script("^", above)
        case Big("sum", index, low, high):
            return rf"\sum_{{{spell(index)}={spell(low)}}}^{{{spell(high)}}}"
        case Big(_, index, low, high):
            return rf"\max_{{{spell(low)} \le {spell(index)} \le {spell(high)}}}"
        case Fence(kind, body):
            left, right = HALVES[kind, True], HALVES[kind, False]
            if is_tall(body) or (kind == "|" and _has_bars(body)):         # | |x| | does not say which | opens
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
        case Accent(name, body):
            return f"{ACCENTS[name]}{{{spell(body)}}}"
        case Styled(style, body):
            return f"{STYLES[style]}{{{spell(body)}}}"


def _has_bars(box: Box) -> bool:
    return (isinstance(box, Fence) and box.kind == "|") or any(map(_has_bars, parts(box)))


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
        if box in (BESIDE, THIN) or (k and isinstance(boxes[k - 1], Big)):
            text += " "
        if isinstance(box, Mark) and box.name in SPACED and not tight:
            piece = f" {piece} " if k or piece not in "+-" else piece
        elif box == COMMA and not tight:
            piece = ", "
        elif text.endswith(r"\,") or (re.search(r"\\[A-Za-z]+$", text) and re.match(r"[A-Za-z\\]", piece)):
            text += " "
        text += piece
    return text.lstrip(" ") if tight or not boxes or not isinstance(boxes[0], Word) else text
