"""From characters to tokens: commands, letters, digits and signs, without what only lays out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from derivs.reading.syntax import Span
from derivs.reading.tables import (
    ABOVE,
    BELOW,
    CHARACTERS,
    COMBINING,
    DASHES,
    FONTS,
    INTERTEXT,
    LAYOUT,
    LAYOUT_WITH_ARGUMENT,
    LOOKALIKES,
    PROSE,
    QUADS,
    SAME,
    SEVERAL,
    SIDED,
    SIZES,
    SPACES,
    STYLE_WORDS,
    TEXTS,
    WITH_ARGUMENT,
)

LONGEST_NAME = 24                      # characters of a command that a message shows


class Token(NamedTuple):
    r"""A piece of a formula. kind: `command` (text `\mu`), `letter`, `digit`, `char`, `space`; and after `clean`
    `text` (prose, with its font as style), `quad`, `begin`, `end`, `intertext`, `broken` (text says what is wrong).

    tight: nothing stands between it and the token before. style: that of 𝐱, which brings its font along.
    """

    kind: str
    text: str
    span: Span
    tight: bool = False
    style: str = ""
    mend: str = ""


LEX = re.compile(r"""
    (?P<comment> %[^\n]*\n?[ \t]* )
  | (?P<break> \\\\\*?(?:[ \t]*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in|pc|bp|mu)\s*\])? )
  | (?P<command> \\(?:[A-Za-z]+|.) )
  | (?P<letter> [A-Za-z] )
  | (?P<digit> [0-9] )
  | (?P<space> [ \t\r\n\f\v\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+ )
  | (?P<char> . )
""", re.VERBOSE | re.DOTALL)


def lex(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    r"""The tokens of text[start:end] with the spaces, which `\text{...}` needs; comments are dropped. Total."""
    end = len(text) if end is None else end
    found = []
    for match in LEX.finditer(text, start, end):
        kind = match.lastgroup or "char"
        if kind == "break":
            found.append(Token("command", "\\\\", match.span()))
        elif kind != "comment":
            found.append(Token(kind, match.group(), match.span()))
    return found


def braces(tokens: Sequence[Token]) -> dict[int, int]:
    """Where the brace that opens at each place closes; a brace that never closes, or opens, is not there."""
    open_, pairs = [], {}
    for i, token in enumerate(tokens):
        if token.kind == "char":
            if token.text == "{":
                open_.append(i)
            elif token.text == "}" and open_:
                pairs[open_.pop()] = i
    return pairs


def shown(text: str) -> str:
    """A piece of the author's text that is safe to print."""
    short = text if len(text) <= LONGEST_NAME else text[:LONGEST_NAME] + "..."
    return "".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in short)


# ---- the meaning of layout -------------------------------------------------------------------------------------------

def clean(tokens: Sequence[Token]) -> list[Token]:
    r"""The tokens that say something: prose as one token, no spaces or sizes, Unicode as its command. Total."""
    return _Cleaner(tokens).run()


class _Cleaner:
    """Walks over the tokens once, from left to right."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.pairs = braces(tokens)
        self.out: list[Token] = []
        self.i = 0
        self.tight = False

    def run(self, end: int | None = None) -> list[Token]:
        end = len(self.tokens) if end is None else end
        while self.i < end:
            token = self.tokens[self.i]
            self.i += 1
            if token.kind == "space":
                self.tight = False
            elif token.kind == "command":
                self.command(token)
            elif token.kind == "char":
                self.char(token)
            else:
                self.emit(token)
        return self.out

    def emit(self, token: Token) -> None:
        out = self.out
        if token.text == "}" and len(out) > 1 and out[-2].text == "{" and out[-1].text in ("=", "+", "-", "<", ">"):
            out[-2:] = [out[-1]]                    # {=} is spaced like a letter, and reads like the sign
        else:
            out.append(token._replace(tight=self.tight))
        self.tight = True

    def next_visible(self) -> int:
        """The place of the next token that is no space."""
        i = self.i
        while i < len(self.tokens) and self.tokens[i].kind == "space":
            i += 1
        return i

    def argument(self) -> tuple[int, int] | None:
        """Passes over a group or a token, and says where its inside stands."""
        i = self.next_visible()
        if i >= len(self.tokens):
            return None
        if self.tokens[i].text == "{":
            if i not in self.pairs:
                return None
            self.i = self.pairs[i] + 1
            return i + 1, self.pairs[i]
        self.i = i + 1
        return i, i + 1

    def optional(self) -> None:
        """Passes over `[...]`."""
        i = self.next_visible()
        if i < len(self.tokens) and self.tokens[i].text == "[":
            for j in range(i, min(i + 200, len(self.tokens))):
                if self.tokens[j].text == "]":
                    self.i = j + 1
                    return

    def broken(self, token: Token, what: str, mend: str = "") -> None:
        self.emit(Token("broken", what, token.span, mend=mend))

    # ---- commands

    def command(self, token: Token) -> None:
        name = token.text
        if name in SPACES or name in LAYOUT:
            self.tight = False
        elif name in QUADS:
            self.emit(token._replace(kind="quad"))
        elif name in TEXTS:
            self.prose(token)
        elif name in LAYOUT_WITH_ARGUMENT:
            self.star()
            self.optional()
            self.argument()
            self.tight = False
        elif name in INTERTEXT:
            self.argument()
            self.emit(token._replace(kind="intertext"))
        elif name in SIZES:
            self.size(token)
        elif name in (r"\begin", r"\end"):
            self.environment(token)
        elif name == r"\textcolor":
            self.optional()
            self.argument()
        elif name in FONTS and self.font_of_prose(token):
            return
        elif name == r"\operatorname":
            self.emit(token)
            self.star()
        elif name in SAME:
            self.emit(token._replace(text=SAME[name], kind="command" if SAME[name][0] == "\\" else "char"))
        elif len(name) == 2 and ord(name[1]) > 127:
            self.broken(token, f"{shown(name)} is not known here", "take the backslash away")
        else:
            self.emit(token)

    def star(self) -> None:
        if self.i < len(self.tokens) and self.tokens[self.i].text == "*":
            self.i += 1

    def size(self, token: Token) -> None:
        r"""`\left(` is `(`, and `\left.` is nothing."""
        i = self.next_visible()
        if i == len(self.tokens):
            self.broken(token, f"nothing stands after {token.text}", f"write {token.text}( or {token.text}.")
            return
        after, side = self.tokens[i], SIZES[token.text]
        if after.text == "." and token.text in (r"\left", r"\right", r"\middle"):
            self.i = i + 1
        elif (after.text, side) in SIDED:
            self.i = i + 1
            self.emit(Token("command", SIDED[after.text, side], (token.span[0], after.span[1])))

    def environment(self, token: Token) -> None:
        r"""`\begin{array}[t]{ll}` is one token."""
        inside = self.argument()
        if inside is None or inside[1] - inside[0] > 40:
            self.broken(token, f"{token.text} names no environment", rf"write {token.text}{{cases}}")
            return
        name = "".join(part.text for part in self.tokens[inside[0]:inside[1]]).strip().rstrip("*")
        if not name.isalnum():
            self.broken(token, f"{token.text} names no environment", rf"write {token.text}{{cases}}")
            return
        if token.text == r"\begin":
            i = self.i
            self.optional()
            if self.out and i != self.i and name not in WITH_ARGUMENT | {"aligned", "gathered", "split", "multlined"}:
                self.i = i                          # a bracket that belongs to the formula
            if name in WITH_ARGUMENT:
                self.argument()
        end = self.tokens[min(self.i, len(self.tokens)) - 1].span[1]
        self.emit(Token(token.text[1:], name, (token.span[0], max(end, token.span[1]))))

    # ---- prose

    def prose(self, token: Token) -> None:
        r"""`\text{if $i = j$ and}`: prose, with the formulas in it."""
        inside = self.argument()
        if inside is None:
            self.broken(token, f"the braces of {token.text} never close", "write }")
            self.i = len(self.tokens)
            return
        start, end = inside
        dollars = [k for k in range(start, end) if self.tokens[k].text == "$"]
        if not dollars or len(dollars) % 2:
            self.prose_piece(token, start, end, (token.span[0], self.tokens[self.i - 1].span[1]))
            return
        after, edges = self.i, [start - 1, *dollars, end]
        for which, (left, right) in enumerate(pairwise(edges)):
            if which % 2:
                self.i = left + 1
                self.run(right)
                self.emit(Token("quad", r"\quad", self.tokens[right].span))
            elif right > left + 1:
                span = self.tokens[left + 1].span[0], self.tokens[right - 1].span[1]
                self.prose_piece(token, left + 1, right, span)
        self.i = after

    def prose_piece(self, token: Token, start: int, end: int, span: Span) -> None:
        said = "".join(" " if part.kind == "space" or part.text in SPACES or part.text == "~" else part.text
                       for part in self.tokens[start:end])
        if said.strip():
            if not any(c.isalnum() for c in said):
                said = f" {said} "                  # never to be taken for a sign
            self.emit(Token("text", said, span, style=TEXTS[token.text]))
        else:
            self.tight = False

    def font_of_prose(self, token: Token) -> bool:
        r"""`\mathrm{if}` is prose too."""
        i = self.next_visible()
        if i not in self.pairs or self.pairs[i] - i > 24:
            return False
        parts = [part for part in self.tokens[i + 1:self.pairs[i]]
                 if part.kind != "space" and part.text not in SPACES and part.text != "~"]
        said = "".join(part.text for part in parts)
        if len(said) < 2 or said.lower() not in PROSE:
            return False
        self.i = self.pairs[i] + 1
        self.emit(Token("text", said, (token.span[0], self.tokens[self.i - 1].span[1]), style="rm"))
        return True

    # ---- characters

    def char(self, token: Token) -> None:
        c = token.text
        if c == "~":
            self.tight = False
        elif " " < c < "\x7f" and c != "\\":
            self.emit(token)
        elif c in CHARACTERS:
            self.emit(token._replace(text=CHARACTERS[c], kind="command" if CHARACTERS[c][0] == "\\" else "char"))
        elif c in SEVERAL:
            for prime in SEVERAL[c]:
                self.emit(token._replace(text=prime))
        elif c in ABOVE or c in BELOW:
            self.small(token)
        elif c in COMBINING:
            self.combining(token)
        else:
            self.strange(token)

    def small(self, token: Token) -> None:
        """`⁻¹` is `^{-1}`."""
        table = ABOVE if token.text in ABOVE else BELOW
        self.emit(token._replace(text="^" if table is ABOVE else "_", kind="char"))
        self.emit(token._replace(text="{", kind="char"))
        self.i -= 1
        inside = []
        while self.i < len(self.tokens) and self.tokens[self.i].text in table:
            here = self.tokens[self.i]
            c = table[here.text]
            inside.append(Token("letter" if c.isalpha() else "digit" if c.isdigit() else "char", c, here.span))
            self.i += 1
        for part in inside:
            self.emit(part)
        self.out.append(inside[-1]._replace(text="}", kind="char"))

    def combining(self, token: Token) -> None:
        """`x̂` is `\\hat{x}`."""
        if not self.out or not (self.out[-1].kind == "letter" or self.out[-1].text in CHARACTERS.values()):
            self.broken(token, f"an accent, U+{ord(token.text):04X}, stands on nothing", "write it as a command")
            return
        body = self.out.pop()
        span = (body.span[0], token.span[1])
        self.out += [Token("command", COMBINING[token.text], span, body.tight), body._replace(span=span)]

    def strange(self, token: Token) -> None:
        """A mathematical letter, or a character that has no meaning."""
        c = token.text
        plain = unicodedata.normalize("NFKC", c)
        name = unicodedata.name(c, "")
        if "MATHEMATICAL" in name or (len(plain) == 1 and "\u2100" <= c <= "\u214f"):
            style = next((style for word, style in STYLE_WORDS if word in name), "")
            if len(plain) == 1 and (plain.isascii() and plain.isalnum()):
                self.emit(token._replace(text=plain, kind="letter" if plain.isalpha() else "digit", style=style))
                return
            if plain in CHARACTERS:
                self.emit(token._replace(text=CHARACTERS[plain], kind="command", style=style))
                return
        if not name.startswith(("CYRILLIC", "GREEK")) and len(apart := unicodedata.normalize("NFD", c)) == 2 \
                and apart[0].isascii() and apart[1] in COMBINING:
            self.emit(token._replace(text=COMBINING[apart[1]], kind="command"))
            self.emit(token._replace(text=apart[0], kind="letter"))
            return
        what, mend = strange_character(c)
        self.broken(token, what, mend)


def strange_character(c: str) -> tuple[str, str]:
    """What to say of a character that is no mathematics, and how to mend it."""
    code, name = f"U+{ord(c):04X}", unicodedata.name(c, "")
    category = unicodedata.category(c)
    if c in LOOKALIKES:
        script = "Cyrillic" if name.startswith("CYRILLIC") else "Greek"
        return f"the letter {code} looks like {LOOKALIKES[c]} but is {script}", f"type {LOOKALIKES[c]}"
    if c in DASHES:
        return f"the character {code} looks like {DASHES[c]} but is another", f"type {DASHES[c]}"
    if category == "Cs":
        return f"half of a character, {code}, stands here", "delete it and type the character again"
    if category == "Cc":
        return f"a control character, {code}, stands here", "delete it"
    if category in ("Cf", "Mn", "Me", "Mc"):
        return f"an invisible or combining character, {code}, stands here", "delete it"
    if category in ("Co", "Cn"):
        return f"the character {code} is not assigned", "delete it"
    plain = unicodedata.normalize("NFKC", c)
    if len(plain) == 1 and plain.isascii() and plain.isprintable():
        return f"the character {code} looks like {plain} but is another", f"type {plain}"
    kind = "letter" if category[0] == "L" else "character"
    return f"the {kind} {code} ({name.lower() or 'without a name'}) has no meaning here", r"write it inside \text{...}"
