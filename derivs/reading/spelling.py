r"""How a name is spelled: a base with what stands below and above it, typeface ignored.

`\hat{x_i}` is `\hat{x}_i`, `\mathbf{X}` is `X`, `x_{\text{in}}` is `x_{in}`, and a subscript of a subscript follows it,
so that `y_{t_k}` is `y_{t,k}`. Keys are plain strings, made from syntax and compared with one another only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from derivs.reading.syntax import (
    Accent,
    Group,
    Name,
    Node,
    Numeral,
    Product,
    Relation,
    Row,
    Scripts,
    Sign,
    Styled,
    Sum,
    Text,
    Word,
)

MOST_KNOWN = 20_000                    # names of nodes that are remembered
_known: dict[int, tuple[Node, str]] = {}            # by identity, with the node, so that none takes the place of it
CLOSING = {"[": "]", "\\{": "}", "|": "|", "\\|": "|", "<": ">"}


@dataclass(frozen=True, slots=True)
class Spelled:
    """A name as it stands: `base` is its key, `below` the items under it, `above` those over it.

    style: the typeface of its letter, which tells names apart where two declared ones differ in nothing else.
    """

    base: str
    below: tuple[Node, ...]
    above: tuple[Node, ...]
    primes: int
    node: Node
    style: str = ""


def bare(node: Node) -> Node:
    """Without typeface and invisible braces, and with scripts outside of accents."""
    while True:
        match node:
            case Styled(_, body):
                node = body
            case Group("{", (item,)):
                node = item
            case Product((part,)):
                node = part
            case Accent(kind, body, span):
                inner = bare(body)
                if isinstance(inner, Scripts):
                    return replace(inner, base=Accent(kind, inner.base, span))
                return node if inner is body else Accent(kind, inner, span)
            case _:
                return node


def key(node: Node, *, styled: bool = False) -> str:
    """The name as a string; styled: with its typeface."""
    if styled:
        return _key(node, styled=True)
    known = _known.get(id(node))
    if known is None:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        known = _known[id(node)] = node, _key(node, styled=False)
    return known[1]


def _key(node: Node, *, styled: bool) -> str:
    match node if styled else bare(node):
        case Name(text) | Word(text) | Numeral(text):
            return text
        case Styled(style, body):
            return f"{style}:{key(body, styled=True)}"
        case Accent(kind, body):
            return f"{kind}({key(body, styled=styled)})"
        case Scripts(base, below, above, primes):
            text = key(base, styled=styled)
            if below is not None:
                text += "_" + ",".join(key(item, styled=styled) for item in items(below))
            if above is not None:
                text += "^" + ",".join(key(item, styled=styled) for item in items(above))
            return text + "'" * primes
        case Group("{", (item,)):
            return key(item, styled=styled)
        case Group(kind, inside):
            return kind + ",".join(key(item, styled=styled) for item in inside) + CLOSING.get(kind, ")")
        case Product(parts) | Row(parts):
            return "".join(key(part, styled=styled) for part in parts)
        case Sum(terms):
            spelled = "".join(("+", "+", "-")[sign] + key(term, styled=styled) for sign, term in terms)
            return spelled.removeprefix("+")
        case Relation(sides, signs):
            words = [key(side, styled=styled) if side is not None else "" for side in sides]
            return words[0] + "".join(sign + word for sign, word in zip(signs, words[1:], strict=True))
        case Sign(text) | Text(text):
            return text
        case other:
            return f"<{type(other).__name__} {other.span}>"


def items(node: Node | None) -> tuple[Node, ...]:
    """What stands in a script, between commas; a subscript of a subscript comes after it."""
    if node is None:
        return ()
    node = bare(node)
    if isinstance(node, Row):
        return tuple(item for part in node.parts for item in items(part))
    return (node,)


def letters(node: Node) -> tuple[Node, ...]:
    """`ij` as i, j: the factors of a script, where they stand side by side."""
    node = bare(node)
    if isinstance(node, Product) and not any(isinstance(part, Sign | Text) for part in node.parts):
        return node.parts
    return (node,)


def spelled(node: Node) -> Spelled | None:
    r"""The name that a node is, `(x_{in})_i` and `{h_t}_j` included; None where it is no name.

    The scripts inside of the brackets come first.
    """
    style = _style(node)
    node = bare(node)
    match node:
        case Name() | Word() | Accent():
            return Spelled(key(node), (), (), 0, node, style)
        case Scripts(base, below, above, primes):
            inner = bare(base)
            if isinstance(inner, Group) and inner.kind in "({" and len(inner.items) == 1:
                inside = spelled(inner.items[0])
                if inside is None or not (inside.below or inside.above):
                    return None
                return Spelled(inside.base, (*inside.below, *items(below)), (*inside.above, *items(above)),
                               inside.primes + primes, node, style)
            head = spelled(inner)
            if head is None:
                return None
            return Spelled(head.base, (*head.below, *items(below)), (*head.above, *items(above)),
                           head.primes + primes, node, style)
        case _:
            return None


def _style(node: Node) -> str:
    """The typeface of the letter that a name is made of, the innermost one; "" where there is none."""
    style = ""
    while True:
        match node:
            case Styled(kind, body):
                style, node = kind, body
            case Group("{" | "(", (item,)) | Product((item,)):
                node = item
            case Accent(_, body) | Scripts(body):
                node = body
            case _:
                return style
