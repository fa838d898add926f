"""The chains of equalities in a line, and the conditions said beside them: `a = b = c, \\quad i \\neq j`."""

from __future__ import annotations

from typing import Final

from derivs.reading.syntax import Group, Node, Relation, Row, Text

EQUALS: Final = frozenset({"=", "==", ":=", "equiv"})
ARROWS: Final = frozenset({"=>", "<=>", "therefore", "to", "implies", "iff"})
CONDITIONS: Final = frozenset({"if", "for", "when", "with", "case", "where", "whenever"})


def chains_of(node: Node) -> tuple[list[Relation], list[Node]]:
    """The chains of a line, and the conditions said in it: `a = b, \\quad i \\neq j`."""
    chains: list[Relation] = []
    conditions: list[Node] = []
    word = ""
    for part in node.parts if isinstance(node, Row) else (node,):
        match part:
            case Text(said):
                word = said.strip(" ,.;:").lower()
            case Relation(signs=signs):
                pieces = _between_arrows(part)
                is_condition = word.split(" ")[-1] in CONDITIONS or not set(signs) & (EQUALS | ARROWS)
                if chains and is_condition:
                    conditions.append(part)
                else:
                    chains += pieces
                word = ""
            case Group("(", (Relation() as inner,)) if chains:
                conditions.append(inner)
            case _:
                word = ""
    return chains, conditions


def _between_arrows(relation: Relation) -> list[Relation]:
    """a = b => c = d as two chains."""
    found: list[Relation] = []
    begin = 0
    for k, sign in enumerate((*relation.signs, "=>")):
        if sign in ARROWS:
            sides, signs = relation.sides[begin:k + 1], relation.signs[begin:k]
            if signs:
                found.append(Relation(sides, signs, relation.spans[begin:k], relation.span))
            begin = k + 1
    return found
