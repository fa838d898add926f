"""Boxes in Typst's mathematics; pure."""

from __future__ import annotations

from collections.abc import Sequence

from derivs.box import (
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
    parts,
)
from derivs.expr import Tree
from derivs.layout import claim_layout, given_layout, layout
from derivs.lines import Line
from derivs.names import OPERATORS, WRITTEN
from derivs.problem import Claim, Problem

MARKS = {"<=": "<=", ">=": ">=", "!=": "!=", "sim": "tilde.op", "in": "in", "to": "arrow.r", "beside": "",
         "dot": "dot.op", "times": "dot.op", "odot": "⊙", "oslash": "⊘", "space": "", "by": "times", ";": "semi space",
         ",": "comma", "dots": "dots.h",
         ".": '"."', "(": "\\(", ")": "\\)", "[": "\\[", "]": "\\]", "/": "slash", "*": "*", ":": "colon", "|": "bar.v",
         "side": "", "wide": "med", "+-": "plus.minus", "==": "eq eq", ":=": "colon.eq", "notin": "in.not",
         "approx": "approx", "propto": "prop", "equiv": "equiv", "gets": "arrow.l", "=>": "arrow.r.double",
         "<=>": "arrow.l.r.double", "therefore": "therefore", "subset": "subset", "mid": "bar.v", "circ": "compose",
         "otimes": "times.o", "bullet": "bullet", "div": "div", "star": "star.op"}
SIGNS = {"ell": "ell", "partial": "partial", "nabla": "nabla", "infty": "infinity", "top": "top", "prime": "prime",
         "star": "star.op", "ast": "ast.op"}
HALVES = {("(", True): "paren.l", ("(", False): "paren.r", ("[", True): "bracket.l", ("[", False): "bracket.r",
          ("|", True): "bar.v", ("|", False): "bar.v", ("\\{", True): "brace.l", ("\\{", False): "brace.r",
          ("\\|", True): "bar.v.double", ("\\|", False): "bar.v.double", ("<", True): "chevron.l",
          ("<", False): "chevron.r", ("floor", True): "floor.l", ("floor", False): "floor.r"}
ACCENTS = {"hat": "hat", "tilde": "tilde", "bar": "macron", "dot": "dot", "vec": "arrow", "ddot": "dot.double",
           "check": "caron", "breve": "breve"}
STYLES = {"bf": "upright(bold({}))", "cal": "cal({})", "rm": "upright({})", "sf": "sans({})", "bb": "bb({})",
          "frak": "frak({})", "scr": "cal({})", "it": "italic({})", "tt": "mono({})"}
LIMITS = {"sum": "sum", "prod": "product", "int": "integral", "max": "max", "min": "min",
          "argmax": 'op("argmax", limits: #true)', "argmin": 'op("argmin", limits: #true)'}
DELIMITERS = {"matrix": '#("[", "]")', "bare": "#none"}
UNITS = {True: "opening", False: "closing"}


def typst(expr: Tree, problem: Problem) -> str:
    """`frac(1, m) sum_(j = 1)^(m) x_(j)`: an expression or a condition."""
    return spell(layout(expr, problem))


def typst_claim(claim: Claim, problem: Problem) -> str:
    """`left = right`, and its conditions."""
    given = " comma ".join(spell(given_layout(condition, problem)) for condition in claim.given)
    return spell(claim_layout(claim, problem)) + (f" quad ({given})" if given else "")


def typst_lines(lines: Sequence[Line]) -> str:
    """Lines of an equation, aligned at the relation."""
    rows = []
    for line in lines:
        left = spell(line.left) if line.left is not None else ""
        if line.under is not None:
            left = f"#hide($display({spell(line.under)})$)"
        right = spell(line.right)
        if line.relation is not None:
            rows.append(f"{left} & {spell(line.relation)} {right}".strip())
        elif line.left is not None:
            rows.append(f"& {left}")
        else:
            rows.append(f"& quad {right}")
    return " \\\n".join(rows)


def quoted(text: str) -> str:
    """A string literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def spell(box: Box) -> str:
    """A box in Typst. Every group has its own brackets, which Typst does not print."""
    match box:
        case Letter(name):
            return WRITTEN[name][1] if name in WRITTEN else SIGNS.get(name, name)
        case Digits(text):
            return text
        case Word(text, "operator"):
            return text if text in OPERATORS else f"op({quoted(text)})"
        case Word(text, "name"):
            return f"upright({quoted(text)})"
        case Word(text, _):
            return quoted(text)
        case Mark(name):
            return MARKS.get(name, name)
        case Row(inside):
            return " ".join(filter(None, map(spell, inside)))
        case Fraction(over, under):
            return f"frac({spell(over)}, {spell(under)})"
        case Slash(over, under):
            return f"{spell(over)} slash {spell(under)}"
        case Root(body, degree):
            return f"sqrt({spell(body)})" if degree is None else f"root({spell(degree)}, {spell(body)})"
        case Limits(operator, below, above):
            return LIMITS[operator] + _script("_", below) + _script("^", above)
        case Scripts(base, below, above):
            return spell(base) + _script("_", below) + _script("^", above)
        case Big("sum", index, low, high):
            return f"sum_({spell(index)} = {spell(low)})^({spell(high)})"
        case Big(_, index, low, high):
            return f"max_({spell(low)} <= {spell(index)} <= {spell(high)})"
        case Fence("|", body):
            return f"lr(| {spell(body)} |)"
        case Fence("{", body):
            return f'class("normal", {spell(body)})'
        case Fence("(" | "[" as kind, body):
            return f"{kind} {spell(body)} " + ("]" if kind == "[" else ")")
        case Fence(kind, body):
            return f"lr({HALVES[kind, True]} {spell(body)} {HALVES[kind, False]})"
        case Half(kind, opens, tall):
            half = f"stretch({HALVES[kind, opens]}, size: #230%)" if tall else HALVES[kind, opens]
            return f'class("{UNITS[opens]}", {half})'
        case Call(function, arguments):
            return f"{spell(function)} {spell(arguments)}"
        case Branches(rows):
            lines = [spell(value) + " & " + ('"otherwise"' if condition is None else f'"if " {spell(condition)}')
                     for value, condition in rows]
            return f"cases({', '.join(lines)})"
        case Table("cases", cells):
            return f"cases({', '.join(' & quad '.join(map(spell, row)) for row in cells)})"
        case Table(kind, cells):
            return f"mat(delim: {DELIMITERS[kind]}, {'; '.join(', '.join(map(spell, row)) for row in cells)})"
        case Guilty(Mark() as sign):
            return f'class("relation", guilty({spell(sign)}))'
        case Guilty(body):
            return f"guilty({spell(body)})"
        case Accent("bar", Row() | Fence() as body):
            return f"overline({spell(body)})"
        case Accent(name, body):
            return f"{ACCENTS[name]}({spell(body)})"
        case Styled(style, body):
            return STYLES[style].format(spell(body))


def _script(mark: str, box: Box | None) -> str:
    if box is None:
        return ""
    if is_primes(box):
        return "'" * max(1, len(parts(box)))
    return f"{mark}({spell(box)})"
