"""Boxes as one line of Unicode text, for a terminal; pure.

Fractions and roots lie flat, so brackets stand where LaTeX has a bar. A sum whose index runs over the whole axis that
it stands on is written without its range.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from derivs.box import (
    BESIDE,
    COMMA,
    DOT,
    MINUS,
    PLUS,
    RELATIONS,
    SIDE,
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
)
from derivs.expr import Tree
from derivs.layout import claim_layout, given_layout, layout
from derivs.names import GREEK, SIGNS, WRITTEN
from derivs.problem import Claim, Given, Problem

MARKS = {"<=": "≤", ">=": "≥", "!=": "≠", "-": "-", "sim": "~", "in": "∈", "to": "→", "beside": " ", "dot": "·",
         "times": "·", "dots": "...", "quad": "   ", "odot": "⊙", "space": " ", "oslash": "⊘", "by": "×", ";": "; ",
         "side": " ", "wide": " ", "+-": "±", "notin": "∉", "approx": "≈", "propto": "∝", "equiv": "≡", "gets": "←",
         "=>": "⇒", "<=>": "⇔", "therefore": "∴", "subset": "⊂", "mid": "|", "circ": "∘", "otimes": "⊗", "bullet": "•",
         "div": "÷", "star": "⋆"}
SPACED = {*RELATIONS, *WRITTEN_RELATIONS, "+", "-", "+-", "dot", "times", "odot", "oslash", "by", "circ", "otimes",
          "bullet", "div", "star"}
ACCENTS = {"hat": "\u0302", "tilde": "\u0303", "bar": "\u0304", "dot": "\u0307", "vec": "\u20d7", "ddot": "\u0308",
           "check": "\u030c", "breve": "\u0306"}
RAISED = dict(zip("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", strict=True))
OPENING = {"{": "", "\\{": "{", "\\|": "‖", "<": "⟨", "floor": "⌊"}
CLOSING = {"(": ")", "[": "]", "|": "|", "{": "", "\\{": "}", "\\|": "‖", "<": "⟩", "floor": "⌋"}
LIMITS = {"sum": "Σ", "prod": "∏", "int": "∫"}


def text(expr: Tree, problem: Problem) -> str:
    """`1/m · Σ_j x_j`: an expression or a condition."""
    return spell(layout(expr, problem))


def text_given(condition: Given, problem: Problem) -> str:
    """A side condition."""
    return spell(given_layout(condition, problem))


def text_claim(claim: Claim, problem: Problem) -> str:
    """`left = right (i ≠ j)`."""
    given = ", ".join(text_given(condition, problem) for condition in claim.given)
    return spell(claim_layout(claim, problem)) + (f"   ({given})" if given else "")


def spell(box: Box) -> str:
    """A box on one line."""
    match box:
        case Letter(name):
            return WRITTEN[name][2] if name in WRITTEN else GREEK.get(name) or SIGNS.get(name, name)
        case Digits(digits):
            return digits
        case Word(word, _):
            return word
        case Mark(name):
            return MARKS.get(name, name)
        case Row(inside):
            return _row(inside)
        case Fraction(over, under) | Slash(over, under):
            return f"{spell(over) if _is_flat_product(over) else _tight(over)}/{_tight(under)}"
        case Root(body, degree):
            inner, which = spell(body), "" if degree is None else spell(degree)
            return f"{which}√{inner}" if len(inner) == 1 else f"{which}√({inner})"
        case Limits(sign, below, above):
            return LIMITS.get(sign, sign) + _below(below) + _above(above)
        case Scripts(base, below, above):
            return spell(base) + _below(below) + _above(above)
        case Big(operator, index, low, high, whole):
            name = "Σ" if operator == "sum" else "max"
            if whole:
                return f"{name}_{spell(index)}"
            return f"{name}_{{{spell(index)}={spell(low)}..{spell(high)}}}"
        case Fence(kind, body):
            return OPENING.get(kind, kind) + spell(body) + CLOSING[kind]
        case Half(kind, opens, _):
            return OPENING.get(kind, kind) if opens else CLOSING[kind]
        case Call(function, arguments):
            return spell(function) + spell(arguments)
        case Branches(rows):
            return "{" + "; ".join(spell(value) + (" otherwise" if condition is None else f" if {spell(condition)}")
                                   for value, condition in rows) + "}"
        case Table(_, cells):
            return "{" + "; ".join(", ".join(map(spell, row)) for row in cells) + "}"
        case Guilty(body):
            return spell(body)
        case Accent(name, body):
            return unicodedata.normalize("NFC", spell(body) + ACCENTS[name])
        case Styled(_, body):
            return spell(body)


def _row(boxes: Sequence[Box], *, tight: bool = False) -> str:
    """Side by side; after a fraction or a power a product is a dot, so that a/b · c is not a/(b c)."""
    line = ""
    for k, box in enumerate(boxes):
        if box in (BESIDE, THIN, DOT, SIDE):
            after = boxes[k - 1]
            line += " · " if box == DOT or _ends_flat(after) else "" if isinstance(after, Big | Limits) else " "
        elif isinstance(box, Mark) and box.name in SPACED and not tight:
            line += f" {spell(box)} " if k or box.name not in "+-" else spell(box)
        elif box == COMMA and not tight:
            line += ", "
        else:
            line += (" " if k and isinstance(boxes[k - 1], Big | Limits) else "") + spell(box)
    return line


def _ends_flat(box: Box) -> bool:
    """Whether its last piece lies after a slash."""
    if isinstance(box, Row) and box.parts:
        return _ends_flat(box.parts[-1])
    return isinstance(box, Fraction | Slash)


def _is_flat_product(box: Box) -> bool:
    """a b, which over c needs no brackets: a b/c."""
    return isinstance(box, Row) and not any(
        isinstance(part, Row | Big | Fraction | Slash) or part in (PLUS, MINUS) for part in box.parts)


def _tight(box: Box) -> str:
    """A numerator or denominator, in brackets unless it is one thing."""
    line = spell(box)
    is_one = not isinstance(box, Row | Fraction | Slash) or (
        isinstance(box, Row) and len(box.parts) == 2 and box.parts[0] == Letter("partial"))
    return line if is_one else f"({line})"


def _below(box: Box | None) -> str:
    if box is None:
        return ""
    line = _row(box.parts, tight=True) if isinstance(box, Row) else spell(box)
    is_letters = len(line) == 1 or (isinstance(box, Row) and all(isinstance(part, Letter) for part in box.parts))
    return f"_{line}" if is_letters else f"_{{{line}}}"


def _above(box: Box | None) -> str:
    if box is None:
        return ""
    line = _row(box.parts, tight=True) if isinstance(box, Row) else spell(box)
    if is_primes(box):
        return line
    if all(c in RAISED for c in line):
        return "".join(map(RAISED.__getitem__, line))
    is_bracketed = isinstance(box, Row) and box.parts[0] == Mark("(") and box.parts[-1] == Mark(")")    # a layer, x^(1)
    return f"^{line}" if len(line) == 1 or isinstance(box, Fence) or is_bracketed else f"^({line})"
