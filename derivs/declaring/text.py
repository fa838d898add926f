r"""LaTeX in a declaration: parsed, shown with a caret where it is not understood, taken apart as a name or a sign."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from derivs.errors import IllFormed, Mismatch, Unreadable, Unsupported
from derivs.names import read as printable
from derivs.reading.introduce import Pattern, printed
from derivs.reading.parse import parse
from derivs.reading.spelling import Spelled, bare, key, spelled
from derivs.reading.syntax import Group, Node, Product, Relation, Scripts, Sign, Word, walk

WIDEST: Final = 96                     # characters of a formula that are shown above a caret


def listed(value: Any) -> list[str]:
    items_ = value if isinstance(value, list) else [value]
    for item in items_:
        if not isinstance(item, str):
            raise IllFormed(f"{item!r} is not a text", mend="put it in quotes")
    return items_


def escaped(value: Any, is_key: bool = False) -> str | None:
    r"""A text with the backspace of "\beta", the tab of "\theta": LaTeX in double quotes."""
    if isinstance(value, str):
        odd = "\b\f\x1b" + ("\t\r\n" if is_key else "" if "\n" in value else "\t\r")
        return value if any(character in odd for character in value) else None
    if isinstance(value, dict):
        pairs = ((escaped(name, True), escaped(part)) for name, part in value.items())
        return next((odd for pair in pairs for odd in pair if odd is not None), None)
    return next(filter(None, map(escaped, value)), None) if isinstance(value, list) else None


def split(text: str) -> list[str]:
    """Between commas outside of braces."""
    return [part.strip() for part in re.split(r",(?![^{]*\})", text)]


def parsed(text: str) -> Node:
    return with_caret(lambda: parse(text), text)  # type: ignore[no-any-return]


def with_caret(step: Callable[[], Any], text: str) -> Any:
    """The step; what it cannot read, or what does not fit, is shown with the author's text and a caret under it."""
    try:
        return step()
    except Unreadable as error:
        raise IllFormed(error.what, mend=pointed(text, error)) from error
    except Mismatch as error:
        raise IllFormed(f"the sizes do not fit: {error.what}",
                        mend=pointed(text, error) if error.span else error.mend) from error


def pointed(text: str, error: Unreadable | Mismatch) -> str:
    """The line of the author's text that is meant, a caret under its guilty piece, and how to mend it."""
    start, end = error.span or (0, len(text))
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", begin)
    line = text[begin:stop if stop >= 0 else len(text)].expandtabs(1).rstrip()
    start, end = min(start - begin, len(line)), min(end - begin, len(line))
    cut = max(0, min(start - WIDEST // 3, len(line) - WIDEST))
    if cut:
        line, start, end = "..." + line[cut:], start - cut + 3, end - cut + 3
    if len(line) > WIDEST + 3:
        line, end = line[:WIDEST] + "...", min(end, WIDEST)
    lead = len(line) - len(line.lstrip())
    mark = " " * (start - lead) + "^" * max(1, end - start)
    return "\n    ".join(part for part in (line.lstrip(), mark, error.mend) if part)


def name_of(text: str) -> Spelled:
    found = spelled(as_one_name(parsed(text)))
    if found is None:
        raise IllFormed(f"{text} is not a name", mend=r"a name is a letter with scripts: \hat{x}_i")
    return found


def as_one_name(node: Node) -> Node:
    """`out_{h1}` and `d\\mu` as one name of several letters."""
    inner = bare(node)
    if not isinstance(inner, Product) or not all(spelled(part) is not None for part in inner.parts):
        return node
    *first, last = map(bare, inner.parts)
    tail = last.base if isinstance(last, Scripts) else last
    word = Word("".join(map(key, (*first, tail))), (inner.span[0], tail.span[1]))
    return replace(last, base=word, span=inner.span) if isinstance(last, Scripts) else word


def printable_name(name: Spelled, found: Pattern) -> str | None:
    """The name for printers, if they know every sign in it."""
    text = printed(name, found)
    try:
        printable(text)
    except Unsupported:
        return None
    return text


def sign_key(name: str) -> str:
    """The key of a sign: `otimes`, `*_full`, `^Tr`, `'`."""
    text = name.strip()
    if text == "'":
        return text
    if text.startswith("^"):
        raised = bare(factor_after(f"a{text}", name, 1))
        if isinstance(raised, Scripts) and raised.above is not None:
            return "^" + key(raised.above)
    found = next((part for part in walk(factor_after(f"a {text} b", name, 2)) if isinstance(part, Sign)), None)
    if found is None:
        raise IllFormed(f"{name!r} is not a sign between factors", mend=r"write '\otimes', '*', '*_{full}', '^{Tr}'")
    return found.text + ("_" + found.below if found.below else "")


def factor_after(text: str, name: str, before: int) -> Node:
    """The sign with letters around it, read; a caret stands under the sign alone."""
    try:
        return parse(text)
    except Unreadable as error:
        start, end = (max(0, place - before) for place in error.span)
        moved = Unreadable(error.what, (start, end), mend=error.mend)
        raise IllFormed(error.what, mend=pointed(name, moved)) from error


def applied(node: Node) -> tuple[str, Group | None]:
    """f(x) as the letter f and the brackets; the name alone where nothing is applied."""
    inner = bare(node)
    group = bare(inner.parts[-1]) if isinstance(inner, Product) and len(inner.parts) > 1 else None
    if isinstance(inner, Product) and isinstance(group, Group) and group.kind == "(":
        return "".join(map(key, inner.parts[:-1])), group
    return key(node), None


def said_in_conditions(name: Spelled) -> set[str]:
    """The l of `x^{(l<N)}`: it is an index, and the condition says for which l the name is used."""
    groups = [group for item in (*name.below, *name.above) if isinstance(group := bare(item), Group)]
    return {key(part) for group in groups if any(isinstance(bare(inside), Relation) for inside in group.items)
            for part in walk(group)}
