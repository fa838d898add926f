"""An author's own commands: found where they are defined, expanded where they are used, within a bound."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from derivs.reading.syntax import Span
from derivs.reading.tokens import Token, lex, shown

SHORT, LONG = 300, 2_000               # characters of a definition: most are short, and few may be long
MOST_MACROS, MOST_LONG = 1_000, 100
MOST_TOKENS = 4_000                    # that one use of a command may grow to
MOST_IN_ALL = 30_000                   # that all uses in one text may grow to

DEFINITION = re.compile(r"""
    \\(?P<how>newcommand|renewcommand|providecommand|def|DeclareMathOperator)(?![A-Za-z])(?P<star>\*?)
  | \\. | %[^\n]*
""", re.VERBOSE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Macro:
    r"""`\newcommand{\pd}[2][L]{\frac{\partial #1}{\partial #2}}`: arguments, default of the first, body."""

    parameters: int
    default: tuple[Token, ...] | None
    body: tuple[Token, ...]


def macros_in(text: str) -> dict[str, Macro]:
    r"""The commands that a text defines, by name with the backslash; the last definition holds."""
    found: dict[str, Macro] = {}
    place = tried = long = 0
    while tried < MOST_MACROS and (match := DEFINITION.search(text, place)):
        place = match.end()
        if not match["how"]:
            continue
        tried += 1
        read = _definition(lex(text, place, min(len(text), place + SHORT)), match["how"], match["star"])
        if read is None and long < MOST_LONG:
            long += 1
            read = _definition(lex(text, place, min(len(text), place + LONG)), match["how"], match["star"])
        if read:
            name, found[name], place = read
    return found


def _definition(tokens: list[Token], how: str, star: str) -> tuple[str, Macro, int] | None:
    """The name, the meaning and where the definition ends; None for one that is not understood."""
    tokens = [token for i, token in enumerate(tokens) if token.kind != "space" or (i and tokens[i - 1].kind != "space")]
    i = _visible(tokens, 0)
    group = _group(tokens, i)
    name = tokens[group[0]:group[1]] if group else tokens[i:i + 1]
    name = [token for token in name if token.kind != "space"]
    if len(name) != 1 or name[0].kind != "command":
        return None
    i = _visible(tokens, group[1] + 1 if group else i + 1)
    parameters, default = 0, None
    if how == "def":
        while i + 1 < len(tokens) and tokens[i].text == "#" and tokens[i + 1].text == str(parameters + 1):
            parameters, i = parameters + 1, _visible(tokens, i + 2)
    elif how != "DeclareMathOperator" and (count := _bracket(tokens, i)):
        digits = "".join(token.text for token in tokens[count[0]:count[1]]).strip()
        if digits not in tuple("0123456789"):
            return None
        parameters, i = int(digits), _visible(tokens, count[1] + 1)
        if first := _bracket(tokens, i):
            default, i = tuple(tokens[first[0]:first[1]]), _visible(tokens, first[1] + 1)
    body = _group(tokens, i)
    if body is None:
        if how != "newcommand" or i >= len(tokens):
            return None
        body, end = (i, i + 1), tokens[i].span[1]
    else:
        end = tokens[body[1]].span[1]
    inside = tuple(tokens[body[0]:body[1]])
    if how == "DeclareMathOperator":
        inside = _operator(inside, star)
    return name[0].text, Macro(parameters, default, inside), end


def _operator(body: tuple[Token, ...], star: str) -> tuple[Token, ...]:
    r"""`\operatorname{body}`."""
    here = (0, 0)
    stars = (Token("char", "*", here),) if star else ()
    return (Token("command", r"\operatorname", here), *stars, Token("char", "{", here), *body, Token("char", "}", here))


def _visible(tokens: Sequence[Token], i: int) -> int:
    while i < len(tokens) and tokens[i].kind == "space":
        i += 1
    return i


def _group(tokens: Sequence[Token], i: int) -> tuple[int, int] | None:
    """The inside of the braces that open at i."""
    if i >= len(tokens) or tokens[i].text != "{":
        return None
    depth = 0
    for j in range(i, len(tokens)):
        if tokens[j].text == "{":
            depth += 1
        elif tokens[j].text == "}":
            depth -= 1
            if not depth:
                return i + 1, j
    return None


def _bracket(tokens: Sequence[Token], i: int) -> tuple[int, int] | None:
    """The inside of `[...]` at i."""
    if i >= len(tokens) or tokens[i].text != "[":
        return None
    for j in range(i, len(tokens)):
        if tokens[j].text == "]":
            return i + 1, j
    return None


# ---- expanding -------------------------------------------------------------------------------------------------------

def expand(tokens: Sequence[Token], macros: Mapping[str, Macro]) -> list[Token]:
    r"""The tokens with every macro replaced by what it means; its tokens carry the place where it is used.

    A macro that has no end, or grows too large, leaves one broken token, which is refused where it is read.
    """
    if not macros:
        return list(tokens)
    rest, out = list(reversed(tokens)), []
    own = len(rest)                    # so many of the tokens to come are the author's
    spent = in_all = 0
    author = ""                        # the command that is being expanded, as the author wrote it
    while rest:
        token = rest.pop()
        if len(rest) < own:
            own, spent, author = len(rest), 0, token.text
        macro = macros.get(token.text) if token.kind == "command" else None
        if macro is None:
            out.append(token)
            continue
        arguments, end = _arguments(macro, rest, token.span[1])
        own = min(own, len(rest))
        span = (token.span[0], end)
        if arguments is None:
            needs = f"{macro.parameters} argument" + "s" * (macro.parameters > 1)
            out.append(Token("broken", f"{shown(token.text)} needs {needs}", span, mend=f"write {token.text}{{...}}"))
            continue
        body = _substituted(macro.body, arguments, span, MOST_TOKENS)
        spent += len(body) + 1
        in_all += len(body) + 1
        if spent > MOST_TOKENS or in_all > MOST_IN_ALL:
            del rest[own:]
            out.append(Token("broken", f"{shown(author)} grows without an end", span,
                             mend="write out what it stands for"))
            continue
        rest.extend(reversed(body))
    return out


def _arguments(macro: Macro, rest: list[Token], end: int) -> tuple[list[list[Token]] | None, int]:
    """Takes the arguments from the tokens to come (the next one last), and says where they end in the text."""
    arguments: list[list[Token]] = []
    for which in range(macro.parameters):
        k = len(rest) - 1
        while k >= 0 and rest[k].kind == "space":
            k -= 1
        if which == 0 and macro.default is not None:
            close = _closing(rest, k, "[", "]") if k >= 0 and rest[k].text == "[" else None
            if close is None:
                arguments.append(list(macro.default))
                continue
        elif k < 0:
            return None, end
        elif rest[k].text == "{":
            close = _closing(rest, k, "{", "}")
            if close is None:
                return None, end
        elif rest[k].text in ("}", "&", "\\\\"):
            return None, end
        else:
            arguments.append([rest[k]])
            end = max(end, rest[k].span[1])
            del rest[k:]
            continue
        arguments.append(rest[close + 1:k][::-1])
        end = max(end, rest[close].span[1])
        del rest[close:]
    return arguments, end


def _closing(rest: Sequence[Token], k: int, left: str, right: str) -> int | None:
    """Where the group that opens at k closes, reading downwards; braces nest in brackets."""
    depth = 0
    for j in range(k, max(-1, k - MOST_TOKENS), -1):
        text = rest[j].text
        if text == right and ((left == "{" and depth == 1) or (left == "[" and depth == 0 and j < k)):
            return j
        if text == "{":
            depth += 1
        elif text == "}":
            depth -= 1
            if depth < 0:
                return None
    return None


def _substituted(body: Sequence[Token], arguments: Sequence[Sequence[Token]], span: Span, most: int) -> list[Token]:
    """The body with the arguments in the places of #1, #2, ..., a little more than `most` tokens of it."""
    out: list[Token] = []
    i = 0
    while i < len(body) and len(out) <= most:
        number = body[i + 1].text if body[i].text == "#" and i + 1 < len(body) else ""
        if number.isdigit() and len(number) == 1 and 1 <= int(number) <= len(arguments):
            out += (token._replace(span=span) for token in arguments[int(number) - 1])
            i += 2
        else:
            out.append(body[i]._replace(span=span))
            i += 1
    return out
