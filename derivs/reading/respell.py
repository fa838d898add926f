r"""Syntax that is changed, and how the author would write it: what is kept stands as it stood, to the letter.

A new node has the place NEW; the parts that it takes from the author's text keep theirs and are copied from there.
"""

from __future__ import annotations

from dataclasses import fields, replace
from functools import lru_cache
from typing import Any, Final

from derivs.reading.parse import parse
from derivs.reading.syntax import (
    Accent,
    Big,
    Cases,
    Fraction,
    Group,
    Matrix,
    Name,
    Node,
    Numeral,
    Product,
    Relation,
    Root,
    Row,
    Scripts,
    Sign,
    Span,
    Styled,
    Sum,
    Word,
    children,
)

NEW: Final[Span] = (-1, -1)
SIGNS: Final = {"=": "=", "==": "=", "<": "<", ">": ">", "<=": r"\le", ">=": r"\ge", "!=": r"\ne", "in": r"\in"}
BRACKETS: Final = {"(": ("(", ")"), "[": ("[", "]"), "{": ("{", "}"), r"\{": (r"\{", r"\}"), "|": ("|", "|"),
                   r"\|": (r"\|", r"\|")}
WORDS: Final = frozenset({"exp", "log", "ln", "sin", "cos", "tanh", "max", "min", "tr"})


# ---- making

@lru_cache(maxsize=4096)
def made(latex: str) -> Node:
    """New syntax from LaTeX of our own."""
    node: Node = _unplaced(parse(latex))
    return node


def _unplaced(node: Any) -> Any:
    """The tree with no place in any text."""
    if isinstance(node, tuple):
        return tuple(map(_unplaced, node))
    if not hasattr(node, "span"):
        return node
    changed = {f.name: _unplaced(getattr(node, f.name)) for f in fields(node) if f.name not in ("span", "spans")}
    places = {"spans": tuple(NEW for _ in node.spans)} if isinstance(node, Relation) else {}
    return replace(node, span=NEW, **changed, **places)


def number(value: int) -> Node:
    return Numeral(str(value), NEW)


def product(*parts: Node) -> Node:
    """Side by side, as one product; a sum gets brackets."""
    flat = [p for part in parts for p in (part.parts if isinstance(part, Product) else (factor(part),))]
    return flat[0] if len(flat) == 1 else Product(tuple(flat), NEW)


def factor(node: Node) -> Node:
    """The node as it may stand in a product."""
    return bracketed(node) if isinstance(node, Sum) else node


def bracketed(node: Node) -> Node:
    return Group("(", (node,), NEW)


def negative(node: Node) -> Node:
    """-node; -(-node) is node."""
    if isinstance(node, Sum):
        if len(node.terms) == 1:
            sign, term = node.terms[0]
            return term if sign < 0 else Sum(((-1, term),), NEW)
        return Sum(tuple((-sign, term) for sign, term in node.terms), NEW)
    return Sum(((-1, node),), NEW)


def scripted(base: Node, below: Node | None = None, above: Node | None = None) -> Node:
    """The base with scripts, in brackets where it has some of that side already or is more than a letter."""
    inner = base
    if isinstance(base, Scripts) and base.above is None and below is None:
        return replace(base, above=above, span=NEW)
    if isinstance(base, Scripts) and base.below is None and above is None:
        return replace(base, below=below, span=NEW)
    if not isinstance(base, Name | Word | Group | Numeral):
        inner = bracketed(base)
    return Scripts(inner, below, above, 0, NEW)


def fraction(over: Node, under: Node) -> Node:
    return Fraction(over, under, NEW)


def replaced(tree: Node, changes: dict[int, Node]) -> Node:
    """The tree with these nodes, by identity, replaced; what holds none of them stays the same object, in its place."""
    new = changes.get(id(tree))
    if new is not None:
        return new
    parts = {}
    for part in children(tree):
        new = replaced(part, changes)
        if new is not part:
            parts[id(part)] = new
    changed: Node = _swapped(tree, parts) if parts else tree
    return changed


def with_part(node: Node, old: Node, new: Node) -> Node:
    """The node with one of its direct parts, by identity, replaced."""
    changed: Node = _swapped(node, {id(old): new})
    return changed


def _swapped(node: Any, parts: dict[int, Node]) -> Any:
    def swap(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(swap, value))
        return parts.get(id(value), value)

    changed = {f.name: swap(getattr(node, f.name)) for f in fields(node) if f.name not in ("span", "spans")}
    return replace(node, span=NEW, **changed)


# ---- writing

def spell(node: Node, source: str) -> str:
    """The node as LaTeX: what has a place in the source as it stands there."""
    if node.span != NEW:
        return source[slice(*node.span)]
    match node:
        case Name(text):
            return text if len(text) == 1 else f"\\{text}"
        case Word(text):
            return f"\\{text}" if text in WORDS else f"\\mathrm{{{text}}}"
        case Numeral(text):
            return text
        case Accent(kind, body):
            return f"\\{kind}{{{spell(body, source)}}}"
        case Styled(style, body):
            return f"\\math{style}{{{spell(body, source)}}}"
        case Sign(text, below=below):
            sign = text if len(text) == 1 else f"\\{text}"
            return f"{sign}_{{\\mathrm{{{below}}}}}" if below else sign
        case Scripts(base, below_, above, primes):
            written = spell(base, source) + "'" * primes
            written += f"_{_script(below_, source)}" if below_ is not None else ""
            return written + (f"^{_script(above, source)}" if above is not None else "")
        case Group("{", (item,)):
            return f"{{{spell(item, source)}}}"
        case Group(kind, items):
            left, right = BRACKETS.get(kind, ("(", ")"))
            inner = ", ".join(spell(item, source) for item in items)
            tall = any(word in inner for word in (r"\frac", r"\sum", r"\sqrt"))
            return f"\\left{left} {inner} \\right{right}" if tall else f"{left}{inner}{right}"
        case Fraction(over, under):
            return f"\\frac{{{spell(over, source)}}}{{{spell(under, source)}}}"
        case Root(body, degree):
            return f"\\sqrt{'' if degree is None else f'[{spell(degree, source)}]'}{{{spell(body, source)}}}"
        case Big(kind, below_, above, body):
            written = f"\\{kind}" + (f"_{{{spell(below_, source)}}}" if below_ is not None else "")
            written += f"^{{{spell(above, source)}}}" if above is not None else ""
            return f"{written} {spell(factor(body), source)}"
        case Product(parts) | Row(parts):
            return _joined([spell(part, source) for part in parts], ", " if isinstance(node, Row) else " ")
        case Sum(terms):
            return _terms([(sign, spell(term, source)) for sign, term in terms])
        case Relation(sides, signs):
            first, *others = (spell(side, source) if side is not None else "" for side in sides)
            return first + "".join(f" {SIGNS.get(sign, sign)} {word}"
                                   for sign, word in zip(signs, others, strict=True))
        case Cases(rows):
            lines = (spell(value, source) + (f" & {spell(said, source)}" if said is not None else "")
                     for value, said in rows)
            return r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}"
        case Matrix():
            raise ValueError("a matrix is not respelled")
        case _:
            return str(getattr(node, "text", ""))


def _joined(words: list[str], between: str) -> str:
    return between.join(word for word in words if word)


def _terms(terms: list[tuple[int, str]]) -> str:
    """a - b + c; what starts with a sign of its own gets brackets."""
    written = ""
    for sign, word in terms:
        inner = f"\\left({word}\\right)" if word.lstrip().startswith(("-", "+")) and (written or sign < 0) else word
        written += (" - " if sign < 0 else " + ") + inner if written else ("-" if sign < 0 else "") + inner
    return written


def _script(node: Node, source: str) -> str:
    inner = spell(node, source).strip()
    if isinstance(node, Product | Row) and all(len(word) == 1 for word in inner.replace(",", "").split()):
        inner = inner.replace(" ", "")                                         # W_{ij}
    return inner if inner.startswith("{") and inner.endswith("}") and inner.count("{") == 1 else f"{{{inner}}}"

