"""From one formula's tokens to its syntax, by recursive descent with a bound on everything.

Relations hold sums, sums hold products, products hold factors and signs as they stand, factors have scripts. What a
juxtaposition means is not decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import NoReturn

from derivs.errors import Unreadable
from derivs.reading.macros import Macro, expand
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
    Text,
    Word,
)
from derivs.reading.tables import (
    ACCENTS,
    BARE_PROSE,
    BARS,
    BIG_WORDS,
    BIGS,
    BRACES,
    CASES,
    CLOSERS,
    DEFINING,
    DOTS,
    EXPLAINS,
    FONTS,
    FRACTIONS,
    MATRICES,
    NAMES,
    NEGATED,
    OLD_FONTS,
    OPENERS,
    PLAIN_WORDS,
    PROSE,
    PROSE_SIGNS,
    REFUSED,
    RELATIONS,
    SIGNS,
    STACKED,
    TERM_SIGNS,
    TRANSPARENT,
    TWO_SIGNS,
    UNSTYLED,
    WORDS,
    WORDY,
    WRAPPERS,
)
from derivs.reading.tokens import Token, braces, clean, lex, shown

DEEPEST = 60                           # groups, scripts and sums inside each other
LONGEST = 20_000                       # characters of a formula
MOST = 5_000                           # tokens of a formula
LONGEST_NUMERAL = 40                   # digits
LONGEST_WORD = 24                      # letters of a run that may be a word

STOPS = {*RELATIONS, *SIGNS, *TERM_SIGNS, *CLOSERS, *PROSE_SIGNS, ",", ";", "}", "&", "\\\\", r"\over", r"\not", ""}
LONELY = {"+", "-", *SIGNS} - {"/", r"\div"}                 # what may stand alone: x^*, f(\cdot), U_{:,w}
KNOWN = sorted({*NAMES, *WORDS, *BIGS, *SIGNS, *RELATIONS, *FONTS, *ACCENTS, *FRACTIONS, *DOTS, *PROSE_SIGNS, r"\sqrt",
                r"\left", r"\right", r"\text", r"\begin", r"\end", r"\operatorname", r"\pm", r"\quad", r"\lvert",
                r"\langle", r"\rangle", r"\underbrace"} - {*"=<>*/:"})


def parse(text: str, start: int = 0, end: int | None = None, macros: Mapping[str, Macro] | None = None) -> Node:
    """The syntax of the formula text[start:end]; raises Unreadable."""
    end = len(text) if end is None else end
    if end - start > LONGEST:
        raise Unreadable(f"a formula of {end - start} characters, more than {LONGEST}", (start, end),
                         mend="break it into several lines")
    return parse_tokens(clean(expand(lex(text, start, end), macros or {})), (start, end))


def parse_tokens(tokens: Sequence[Token], whole: Span) -> Node:
    """The syntax of one formula, given its tokens and the place where all of it stands."""
    own = trimmed(unaligned(tokens))
    if not own:
        raise Unreadable("an empty formula", whole, mend="write a formula, or take the line away")
    if len(own) > MOST:
        raise Unreadable(f"a formula of {len(own)} pieces, more than {MOST}", (own[0].span[0], own[-1].span[1]),
                         mend="break it into several lines")
    try:
        return _Reader(own).formula()
    except RecursionError:
        raise _too_deep((own[0].span[0], own[-1].span[1])) from None


def levels(tokens: Sequence[Token]) -> list[int]:
    """How many braces and environments are open around each token; a brace that never closes does not count."""
    pairs = braces(tokens)
    closing = set(pairs.values())
    level, found = 0, []
    for i, token in enumerate(tokens):
        if i in closing or token.kind == "end":
            level = max(0, level - 1)
        found.append(level)
        if i in pairs or token.kind == "begin":
            level += 1
    return found


def unaligned(tokens: Sequence[Token]) -> list[Token]:
    """Without the alignment marks of the outermost level."""
    if all(token.text != "&" for token in tokens):
        return list(tokens)
    return [token for token, level in zip(tokens, levels(tokens), strict=True) if token.text != "&" or level]


def trimmed(tokens: list[Token]) -> list[Token]:
    """Without the full stop or comma at its end."""
    end = len(tokens)
    while end and (tokens[end - 1].text in (".", ",", ";", ":") or tokens[end - 1].kind == "quad"):
        if end > 2 and tokens[end - 1].text == tokens[end - 2].text == ".":        # an ellipsis
            break
        end -= 1
    return tokens[:end]


@lru_cache(maxsize=256)
def _nearest_command(text: str) -> str:
    close = get_close_matches(text, [known for known in KNOWN if known[1:2].lower() == text[1:2].lower()], n=1)
    return f"did you mean {close[0]}?" if close else r"write out what it stands for, or define it with \newcommand"


def _too_deep(span: Span) -> Unreadable:
    return Unreadable(f"nested more than {DEEPEST} deep", span, mend="give a part of it a name of its own")


def _single(parts: list[Node], span: Span) -> Node:
    return parts[0] if len(parts) == 1 else Row(tuple(parts), span)


def _partners(tokens: Sequence[Token]) -> set[int]:
    """The bars with another bar of their kind to the right of them in the same brackets."""
    found: set[int] = set()
    seen: list[set[str]] = [set()]
    for i in range(len(tokens) - 1, -1, -1):
        token = tokens[i]
        if token.text in BARS:
            if token.text in seen[-1]:
                found.add(i)
            seen[-1].add(token.text)
        elif token.text in CLOSERS or token.text == "}" or token.kind == "end":
            seen.append(set())
        elif (token.text in OPENERS or token.text == "{" or token.kind == "begin") and len(seen) > 1:
            seen.pop()
    return found


class _Reader:
    """The place in the tokens, and what is open around it."""

    __slots__ = ("bars", "conditional", "depth", "explained", "grouped", "i", "pairs", "partners", "script", "styles",
                 "tokens")

    def __init__(self, tokens: list[Token]) -> None:
        end = tokens[-1].span[1]
        self.pairs = braces(tokens)
        self.partners = _partners(tokens)
        self.tokens = [*tokens, *(Token("stop", "", (end, end)),) * 3]          # so that one may look ahead
        self.i = self.depth = 0
        self.styles: tuple[str, ...] = ()
        self.bars: tuple[str, ...] = ()                  # the bars that are open in these brackets
        self.script = self.conditional = self.grouped = False
        self.explained: tuple[int, list[Node]] | None = None       # where the author's "since ..." ended

    # ---- help

    @property
    def token(self) -> Token:
        return self.tokens[self.i]

    @property
    def text(self) -> str:
        return self.tokens[self.i].text

    def since(self, start: int) -> Span:
        """The place of the tokens from `start` up to here."""
        return self.tokens[start].span[0], self.tokens[max(start, self.i - 1)].span[1]

    def fail(self, what: str, mend: str, start: int | None = None, end: int | None = None) -> NoReturn:
        start = self.i if start is None else start
        end = start + 1 if end is None else end
        raise Unreadable(what, (self.tokens[start].span[0], self.tokens[end - 1].span[1]), mend=mend)

    def deeper(self, start: int) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _too_deep(self.tokens[start].span)

    def skip_quads(self) -> None:
        while self.token.kind == "quad":
            self.i += 1

    def empty_braces(self) -> bool:
        return self.text == "{" and self.tokens[self.i + 1].text == "}"

    def raw_argument(self, i: int) -> tuple[int, int]:
        """From and up to which tokens the argument at i stands, its braces included."""
        if self.tokens[i].kind == "stop":
            return i, i
        return i, self.pairs.get(i, i) + 1

    # ---- what stands beside each other

    def formula(self) -> Node:
        """All of it."""
        try:
            parts = self.pieces()
            if self.token.kind != "stop":
                self.unexpected()
        except Unreadable:
            if self.explained is None:
                raise
            # An explanation is read as far as it can be: what the author says about a step is no part of the step.
            start, parts = self.explained
            self.i = len(self.tokens) - 3
            rest = " ".join(token.text for token in self.tokens[start:self.i])
            parts.append(Text(rest, self.since(start)))
        return _single(parts, self.since(0))

    def pieces(self, commas: bool = True) -> list[Node]:
        """Relations, expressions and prose, up to a closing bracket; with what commas separate, if asked for."""
        parts: list[Node] = []
        while True:
            self.skip_quads()
            token = self.token
            if token.text in (",", ";"):
                if not commas:
                    break
                if not parts:
                    self.fail(f"nothing stands before {token.text}", f"take {token.text} away")
                self.i += 1
                self.skip_quads()
                if self.text in (",", ";"):
                    self.fail("two commas beside each other", "take one away")
                if self.ended() and not self.conditional:
                    self.fail(f"nothing stands after {token.text}", f"take {token.text} away", self.i - 1)
                continue
            if self.prose():
                parts.append(Text(PROSE_SIGNS.get(self.text, self.text), token.span)
                             if token.kind != "letter" else self.bare_prose())
                if parts[-1].span == token.span:
                    self.i += 1
                words = token.text.split()
                if not self.depth and words and words[0].lower().strip(",.") in EXPLAINS:
                    self.explained = (self.i, list(parts))
            elif ((self.script or self.grouped) and token.text in LONELY and self.ended(1)) or (
                    self.conditional and token.text == ":"):
                parts.append(self.lonely())
            elif self.ended():
                break
            else:
                parts.append(self.relation())
        if not parts:
            self.missing()
        return parts

    def lonely(self) -> Node:
        """`*` in `x^*`."""
        token = self.token
        self.i += 1
        if token.text in ("+", "-", ":", r"\colon"):
            return Text(SIGNS.get(token.text, token.text), token.span)
        return Sign(SIGNS[token.text], token.span)

    def ended(self, ahead: int = 0) -> bool:
        """Whether a closing bracket, or another end, stands here."""
        token = self.tokens[self.i + ahead]
        text = token.text
        return (token.kind in ("stop", "end") or text in CLOSERS or text in ("}", "&", "\\\\", r"\over", ",", ";")
                or (text in BARS and bool(self.bars) and self.closes_bar(ahead))
                or (text == "." and self.ends_cell(self.tokens[self.i + ahead + 1])))

    def ends_cell(self, token: Token) -> bool:
        return token.kind == "end" or token.text in ("&", "\\\\")

    def missing(self) -> NoReturn:
        if not self.depth and self.ended() and self.token.kind != "stop" and self.text not in (",", ";"):
            self.unexpected()
        if self.token.kind == "stop":
            self.fail("the formula ends too early", "write what comes next", max(0, self.i - 1))
        self.fail(f"nothing stands before {shown(self.text)}", "write what belongs there")

    def unexpected(self) -> NoReturn:
        """Says what is wrong with a token at which a formula cannot end."""
        text = self.text
        if text in (r"\rvert", r"\rVert"):
            self.fail("the bar closes nothing", r"write its other half before it; x|_{x=0} is not read")
        if text in CLOSERS:
            self.fail(f"{text} closes nothing", f"take it away, or write {CLOSERS[text]} before it")
        if text == "}":
            self.fail("} closes nothing", "take it away, or write { before it")
        if text == "\\\\":
            self.fail(r"a line break, \\, inside a formula", r"write the lines in \begin{aligned}...\end{aligned}")
        if text == r"\over":
            self.fail(r"\over without braces around it", r"write \frac{...}{...}")
        if text == "&":
            self.fail("an alignment mark, &, inside a formula", "take it away")
        if self.token.kind == "end":
            self.fail(rf"\end{{{shown(text)}}} ends nothing", "take it away")
        self.fail(f"{shown(text)} is out of place", "take it away")

    def is_prose(self, token: Token) -> bool:
        said = token.text.strip()
        if self.script and said.replace("-", "").isalnum() and said.isascii():
            return token.text[0].isspace()
        return said.lower() in PROSE or token.text[0].isspace() or not (
            said.isascii() and said.replace("-", "").isalnum() and (said[0].isalpha() or said.isdigit()))

    def prose(self) -> bool:
        token = self.token
        if token.kind == "text":
            return self.is_prose(token)
        if token.kind == "letter":
            return self.conditional and self.run().lower() in BARE_PROSE
        return token.text in PROSE_SIGNS

    def bare_prose(self) -> Node:
        start, said = self.i, self.run()
        self.i += len(said)
        return Text(said, self.since(start))

    def run(self) -> str:
        """The letters beside each other that begin here, if they do not begin earlier."""
        i = self.i
        is_after_script = i > 1 and self.tokens[i - 2].text in ("_", "^")       # y_kln(a) is y_k ln(a)
        if i and self.tokens[i].tight and self.tokens[i - 1].kind == "letter" and not is_after_script:
            return ""
        j = i + 1
        while self.tokens[j].kind == "letter" and self.tokens[j].tight and j - i <= LONGEST_WORD:
            j += 1
        return "".join(token.text for token in self.tokens[i:j])

    # ---- relations

    def relation_sign(self) -> tuple[str, int] | None:
        """The relation sign here, and of how many tokens it is."""
        token, after = self.token, self.tokens[self.i + 1]
        text = token.text
        if after.tight and (text, after.text) in TWO_SIGNS:
            return TWO_SIGNS[text, after.text], 2
        if text == r"\not" and after.text in NEGATED:
            return NEGATED[after.text], 2
        if text in RELATIONS:
            return RELATIONS[text], 1
        if text == "|" and not self.bars and self.i not in self.partners:
            return "mid", 1
        if text in STACKED:
            top, end = self.raw_argument(self.i + 1)
            sign = self.raw_argument(end)
            inside = [part.text for part in self.tokens[sign[0]:sign[1]] if part.text not in ("{", "}")]
            if len(inside) == 1 and inside[0] in RELATIONS:
                above = "".join(part.text for part in self.tokens[top:end]).strip("{}")
                return ":=" if above in DEFINING and inside[0] == "=" else RELATIONS[inside[0]], sign[1] - self.i
        return None

    def relation(self) -> Node:
        """a = b <= c."""
        start = self.i
        sides: list[Node | None] = []
        signs: list[str] = []
        spans: list[Span] = []
        found = None if self.text in BARS else self.relation_sign()
        sides.append(None if found else self.sum())
        while found := self.relation_sign():
            sign = self.i
            self.i += found[1]
            signs.append(found[0])
            spans.append(self.since(sign))
            self.skip_quads()
            if self.relation_sign():
                self.fail("two relation signs beside each other", "take one away", sign, self.i + 1)
            sides.append(None if self.ended() or self.prose() else self.sum())
        if not signs:
            assert sides[0] is not None
            return sides[0]
        if sides == [None, None]:
            self.fail(f"{shown(self.tokens[start].text)} stands alone", "write its two sides", start)
        return Relation(tuple(sides), tuple(signs), tuple(spans), self.since(start))

    # ---- sums and products

    def sum(self) -> Node:
        """a - b + c."""
        start = self.i
        terms: list[tuple[int, Node]] = []
        while True:
            self.skip_quads()
            sign = TERM_SIGNS.get(self.text)
            if (sign is None and terms) or (self.relation_sign() and terms):
                break
            if sign is None:
                terms.append((1, self.product()))
                continue
            self.i += 1
            terms.append((sign, self.signed(self.i - 1)))
        if len(terms) == 1 and terms[0][0] == 1:
            return terms[0][1]
        return Sum(tuple(terms), self.since(start))

    def signed(self, sign: int) -> Node:
        """A term after its sign: it may have one of its own, `a + -b`."""
        self.skip_quads()
        start = self.i
        if self.text in ("+", "-"):
            own = TERM_SIGNS[self.text]
            self.i += 1
            self.need_operand(start)
            return Sum(((own, self.product()),), self.since(start))
        self.need_operand(sign)
        return self.product()

    def need_operand(self, sign: int) -> None:
        """After a sign there must be something."""
        self.skip_quads()
        if not self.starts():
            what = shown(self.tokens[sign].text)
            self.fail(f"nothing stands after {what}", f"write what comes after {what}, or take it away", sign)

    def starts(self) -> bool:
        """Whether an operand may begin here, or something that is wrong in the place of one."""
        token = self.token
        if token.text in STOPS or token.kind in ("stop", "end", "quad") or self.prose():
            return False
        if token.text in BARS or token.text == ".":
            return not self.ended()
        return not self.relation_sign()

    def product(self) -> Node:
        """Factors and signs, as they stand."""
        self.skip_quads()
        start = self.i
        parts: list[Node] = []
        while True:
            if parts and self.token.kind == "quad":
                quad = self.i
                self.skip_quads()
                if self.starts():
                    self.i = quad               # what stands behind a wide space is another thing
                    break
            if self.text in SIGNS and not self.relation_sign():
                parts.append(self.sign(bool(parts) and not isinstance(parts[-1], Sign)))
                parts.append(self.after_sign(self.i - 1))
            elif self.empty_braces():
                self.i += 2
                if self.text in ("_", "^"):
                    self.fail("a sub- or superscript before its letter", "write it after the letter", self.i - 2,
                              self.i + 1)
            elif parts and self.bar_between():
                break
            elif self.starts():
                parts.append(self.factor())
            else:
                break
        if not parts:
            self.missing()
        return parts[0] if len(parts) == 1 else Product(tuple(parts), self.since(start))

    def bar_between(self) -> bool:
        """Whether a bar after an operand closes one, or divides as in p(a|b)."""
        return self.text in BARS and (self.ended() or self.relation_sign() is not None)

    def sign(self, placed: bool) -> Node:
        start = self.i
        text = self.text
        if not placed:
            self.fail(f"nothing stands before {text}", f"write what comes before {text}, or take it away")
        self.i += 1
        below = ""
        if self.text == "_":
            inside = self.raw_argument(self.i + 1)
            below = "".join(part.text for part in self.tokens[inside[0]:inside[1]]
                            if part.kind in ("letter", "digit", "text")).strip()
            if not below:
                self.fail(f"nothing to read below {text}", f"write {text}_{{full}}", self.i, max(inside[1], self.i + 1))
            self.i = inside[1]
        return Sign(SIGNS[text], self.since(start), below)

    def after_sign(self, sign: int) -> Node:
        """The factor after an explicit sign, which may be negative: `a \\times -b`."""
        self.skip_quads()
        start = self.i
        if self.text == "-":
            self.i += 1
            self.need_operand(start)
            return Sum(((-1, self.factor()),), self.since(start))
        self.need_operand(sign)
        return self.factor()

    # ---- factors

    def factor(self) -> Node:
        """A base with its scripts; a sum sign takes the rest of the term."""
        start = self.i
        if self.text in BIGS:
            kind = BIGS[self.text]
            self.i += 1
            return self.big(kind, start, *self.scripts()[:2])
        base = self.primary()
        if self.i == start:
            self.unexpected()                   # so that no mistake here is ever a loop without an end
        below, above, primes = self.scripts()
        if below is None and above is None and not primes:
            return base
        if isinstance(base, Word) and base.text in BIG_WORDS and below is not None and not primes:
            return self.big(BIG_WORDS[base.text], start, below, above)
        return Scripts(base, below, above, primes, self.since(start))

    def big(self, kind: str, start: int, below: Node | None, above: Node | None) -> Node:
        sign = self.i
        self.deeper(start)
        self.skip_quads()
        while self.empty_braces():
            self.i += 2
        if self.text == "-":
            minus = self.i
            self.i += 1
            self.need_operand(minus)
            body: Node = Sum(((-1, self.product()),), self.since(minus))
        elif self.starts():
            body = self.product()
        else:
            self.fail(f"nothing stands after {shown(self.tokens[start].text)}", "write what it runs over", start, sign)
        self.depth -= 1
        return Big(kind, below, above, body, self.since(start))

    def scripts(self) -> tuple[Node | None, Node | None, int]:
        """What stands below and above, and the primes, in any order."""
        below = above = None
        primes = 0
        seen: dict[str, int] = {}
        while True:
            text = self.text
            if text == "'":
                primes += 1
                self.i += 1
            elif text in ("_", "^"):
                here = self.i
                if text == "^" and (count := self.only_primes()):
                    primes += count
                    continue
                script = self.below_or_above()
                if script is None:
                    continue
                if text in seen:
                    where = "sub" if text == "_" else "super"
                    mend = "join them with a comma, as in x_{i,j}" if text == "_" else "put both into one ^{...}"
                    self.fail(f"two {where}scripts on the same letter", mend, here, self.i)
                seen[text] = here
                if text == "_":
                    below = script
                else:
                    above = script
            elif self.empty_braces() and self.tokens[self.i + 2].text in ("_", "^", "'"):
                self.i += 2
            elif text == "{" and self.tokens[self.i + 1].text == "_" and below is None:
                below = self.script_in_braces()
            else:
                return below, above, primes

    def script_in_braces(self) -> Node | None:
        r"""`\theta{_k}`, which TeX sets as \theta_k."""
        start = self.i
        self.i += 1
        script = self.below_or_above()
        if self.text != "}":
            self.unclosed("{", "}", start)
        self.i += 1
        return script

    def only_primes(self) -> int:
        r"""Passes over `^\prime` and `^{\prime\prime}`, and counts."""
        first, end = self.raw_argument(self.i + 1)
        inside = [part.text for part in self.tokens[first:end] if part.text not in ("{", "}")]
        if not inside or any(text not in (r"\prime", "'") for text in inside):
            return 0
        self.i = end
        return len(inside)

    def below_or_above(self) -> Node | None:
        """A subscript or superscript; None for `_{}`."""
        mark = self.i
        what = "below" if self.text == "_" else "above"
        self.i += 1
        if self.empty_braces():
            self.i += 2
            return None
        token = self.token
        if token.text == "{":
            return self.group_in_braces(script=True)
        if token.text in LONELY:
            if token.text in "+-" and self.tokens[self.i + 1].kind == "digit" and self.tokens[self.i + 1].tight:
                text = self.tokens[mark].text + token.text + self.tokens[self.i + 1].text
                self.fail(f"{text} puts only the sign {what}", f"write {text[0]}{{{text[1:]}}}", mark, self.i + 2)
            return self.lonely()
        if not self.starts():
            self.fail(f"nothing stands {what}", f"write {self.tokens[mark].text}{{...}}", mark)
        after = self.tokens[self.i + 1]
        if token.kind == after.kind == "digit" and after.tight:
            text = self.tokens[mark].text
            self.fail(f"{text}{token.text}{after.text} puts only the {token.text} {what}",
                      f"write {text}{{{token.text}{after.text}}}", mark, self.i + 2)
        return self.argument(script=True)

    def argument(self, script: bool | None = None) -> Node:
        """What a command applies to: a group or a single sign."""
        if self.text == "{":
            return self.group_in_braces(script)
        token = self.token
        if not self.starts() or token.text in BIGS or token.text in BARS or token.text in OPENERS:
            if self.i and self.tokens[self.i].kind != "broken":
                before = shown(self.tokens[self.i - 1].text)
                self.fail(f"nothing that {before} can apply to", f"write {before}{{...}}", self.i - 1)
            self.missing()
        before_script = self.script
        if script is not None:
            self.script = script
        self.deeper(self.i)
        if token.kind == "digit":
            self.i += 1
            node = self.styled(Numeral(token.text, token.span), token)
        elif token.kind == "letter":
            self.i += 1
            node = self.name(token)
        else:
            node = self.primary()
        self.depth -= 1
        self.script = before_script
        return node

    def group_in_braces(self, script: bool | None = None) -> Node:
        """The inside of `{...}`."""
        start = self.i
        self.deeper(start)
        kept = (self.styles, self.bars, self.script, self.grouped, self.conditional)
        self.bars, self.conditional, self.grouped = (), False, False
        if script is not None:
            self.script = script
        self.i += 1
        if self.text == "}":
            self.fail("an empty group, {}", "write what belongs there", start, self.i + 1)
        inside = _single(self.pieces(), self.since(start + 1))
        if self.text == r"\over":
            self.i += 1
            inside = Fraction(inside, _single(self.pieces(), self.since(self.i)), self.since(start + 1))
        if self.text != "}":
            self.unclosed("{", "}", start)
        self.i += 1
        self.depth -= 1
        self.styles, self.bars, self.script, self.grouped, self.conditional = kept
        return inside

    def unclosed(self, opener: str, closer: str, start: int) -> NoReturn:
        """Says that a bracket is closed by another one, or never."""
        if self.text in CLOSERS and opener != closer:
            self.fail(f"{opener} is closed by {self.text}", f"write {closer} here, or {CLOSERS[self.text]} before")
        if self.text == r"\over" or self.tokens[self.i].text in (",", ";"):
            self.unexpected()
        self.fail(f"{opener} is never closed", f"write {closer}", start)

    # ---- operands

    def primary(self) -> Node:
        """An operand without its scripts."""
        token = self.token
        text = token.text
        if token.kind == "letter":
            return self.letters()
        after = self.tokens[self.i + 1]
        if token.kind == "digit" or (text == "." and after.kind == "digit" and after.tight):
            return self.numeral()
        if token.kind == "text":
            return self.word_in_text()
        if token.kind == "begin":
            return self.environment()
        if token.kind == "command":
            return self.command()
        if text == "{":
            start = self.i
            inside = self.group_in_braces()
            if isinstance(inside, Sum | Product | Relation | Row | Big):
                return Group("{", (inside,), self.since(start))
            return inside
        if text in OPENERS:
            return self.group(start=self.i)
        if text in BARS:
            return self.bar()
        if text == "." and after.text == ".":
            start = self.i
            while self.text == ".":
                self.i += 1
            return Text("...", self.since(start))
        self.refuse_character(token)

    def refuse_character(self, token: Token) -> NoReturn:
        text = token.text
        if token.kind == "broken":
            raise Unreadable(text, token.span, mend=token.mend)
        if text in ("_", "^", "'"):
            where = {"_": "below", "^": "above", "'": "a prime on"}[text]
            self.fail(f"nothing stands before {text}, so it has nothing to put {where}",
                      "write the letter it belongs to before it")
        if text == "!":
            self.fail("a factorial is not known here", r"write \neq for 'is not'")
        if text == ".":
            self.fail("a full stop inside a formula", r"write \cdot for a product")
        if text == "$":
            self.fail("a dollar sign inside a formula", "take it away")
        if text == "%":
            self.fail("a percent sign inside a formula", "write the number as a fraction")
        if token.kind == "intertext":
            self.fail("a line of prose inside a formula", "end the formula before it")
        self.fail(f"{shown(text)} has no meaning here", r"take it away, or write it inside \text{...}")

    def styled(self, node: Node, token: Token) -> Node:
        for style in (token.style, *reversed(self.styles)):
            if style:
                node = Styled(style, node, token.span)
        return node

    def name(self, token: Token, name: str = "") -> Node:
        node = Name(name or token.text, token.span)
        return node if node.text in UNSTYLED else self.styled(node, token)

    def letters(self) -> Node:
        """One letter, or letters that are a word together: `exp(x)`."""
        token, word, start = self.token, self.run(), self.i
        if (len(word) > 1 and self.styles and self.styles[-1] in WORDY) or word == "arg":
            return self.word_in_font(start)
        if word in PLAIN_WORDS and not any(part.style for part in self.tokens[start:start + len(word)]):
            self.i += len(word)
            if len(word) > 2 or self.script or self.text in ("_", "^") or self.starts():
                return Word(word, self.since(start))
            self.i = start
        self.i += 1
        if self.styles and self.styles[-1] in WORDY and self.token.kind == "digit" and self.token.tight and word:
            self.i = start
            return self.word_in_font(start)
        return self.name(token)

    def word_in_font(self, start: int) -> Node:
        """Letters and digits beside each other, in upright letters."""
        self.i += 1
        while self.token.kind in ("letter", "digit") and self.token.tight:
            self.i += 1
        word = "".join(part.text for part in self.tokens[start:self.i])
        return self.argmax(word, start)

    def argmax(self, word: str, start: int) -> Node:
        r"""`\arg\max` is one word."""
        if word == "arg":
            if self.text in (r"\max", r"\min"):
                word += self.text[1:]
                self.i += 1
            elif self.token.kind == "letter" and self.run() in ("max", "min"):
                word += self.run()
                self.i += 3
        return Word(word, self.since(start))

    def numeral(self) -> Node:
        start = self.i
        seen_point = False
        while True:
            token, after = self.token, self.tokens[self.i + 1]
            if self.i > start and not token.tight:
                break
            if token.kind == "digit":
                self.i += 1
            elif token.text == "." and not seen_point and after.kind == "digit" and after.tight:
                seen_point = True
                self.i += 1
            else:
                break
        if self.i - start > LONGEST_NUMERAL:
            self.fail(f"a number of more than {LONGEST_NUMERAL} digits", "write it shorter", start, self.i)
        if self.token.kind == "digit":
            self.fail("two numbers beside each other", r"write \cdot between them, or no space", start, self.i + 1)
        look = self.tokens[self.i:self.i + 3]
        if look[0].text in ("e", "E") and look[1].text in ("+", "-") and look[2].kind == "digit" and all(
                part.tight for part in look):
            self.fail("a number in computer notation", r"write 10^{-3} for e-3", start, self.i + 3)
        return self.numeral_styled("".join(part.text for part in self.tokens[start:self.i]), start)

    def numeral_styled(self, digits: str, start: int) -> Node:
        node = Numeral(digits, self.since(start))
        style = self.tokens[start].style
        return Styled(style, node, node.span) if style else node

    def word_in_text(self) -> Node:
        r"""`\text{loss}`, `\text{d}`."""
        token = self.token
        said = token.text.strip()
        self.i += 1
        if said.isdigit():
            return Numeral(said[:LONGEST_NUMERAL], token.span)
        if len(said) == 1 and said.isalpha():
            return Styled(token.style, Name(said, token.span), token.span)
        if said in ("arg max", "arg min"):
            said = said.replace(" ", "")
        return self.argmax(said, self.i - 1)

    # ---- brackets

    def group(self, start: int) -> Node:
        """What stands in brackets, between commas."""
        opener = self.text
        kind, closer = OPENERS[opener]
        after = self.tokens[self.i + 1]
        if opener == r"\{" and after.kind == "begin" and after.text in {*MATRICES, *WRAPPERS, *CASES}:
            return self.brace_of_cases(start)
        kept = (self.bars, self.grouped, self.conditional)
        self.bars, self.grouped, self.conditional = (), True, False
        self.deeper(start)
        self.i += 1
        items = self.items(closer)
        if self.text != closer:
            self.unclosed(opener, closer, start)
        self.i += 1
        self.depth -= 1
        self.bars, self.grouped, self.conditional = kept
        return Group(kind, items, self.since(start))

    def items(self, closer: str) -> tuple[Node, ...]:
        self.skip_quads()
        if self.text == closer:
            return ()
        items = []
        while True:
            begins = self.i
            items.append(_single(self.pieces(commas=False), self.since(begins)))
            if self.text not in (",", ";"):
                return tuple(items)
            self.i += 1

    def double_bar(self, ahead: int = 0) -> bool:
        """Whether `||` stands here, for `\\|`."""
        here, after = self.tokens[self.i + ahead], self.tokens[self.i + ahead + 1]
        return here.text == after.text == "|" and after.tight

    def closes_bar(self, ahead: int = 0) -> bool:
        text, open_ = self.tokens[self.i + ahead].text, self.bars[-1]
        return self.double_bar(ahead) if open_ == "||" else text == open_

    def bar(self) -> Node:
        """|x|, ‖x‖."""
        start, text = self.i, self.text
        if "||" in self.bars and text == "|" and not self.double_bar():
            self.fail("it is not clear which bar closes which", r"write \left| \right| for values, \| for norms")
        kind = "||" if self.double_bar() else text
        kept = (self.bars, self.grouped)
        self.deeper(start)
        self.i += len(kind) if kind == "||" else 1
        self.bars, self.grouped = (*self.bars, kind), False
        if self.ended():
            self.fail(f"nothing stands between {kind} and {kind}", "write what belongs there", start)
        items = self.items("")
        if not (self.text in BARS and self.closes_bar()):
            self.unclosed(kind, kind, start)
        self.i += len(kind) if kind == "||" else 1
        self.bars, self.grouped = kept
        self.depth -= 1
        return Group(r"\|" if kind == "||" else kind, items, self.since(start))

    # ---- environments

    def environment(self) -> Node:
        token = self.token
        if token.text in CASES:
            return self.cases(self.i)
        if token.text in MATRICES:
            return self.matrix()
        if token.text in WRAPPERS:
            self.fail(rf"\begin{{{token.text}}} inside a formula", "write the whole formula inside it")
        self.fail(rf"the environment {shown(token.text)} is not known here", r"write \begin{cases} or \begin{bmatrix}")

    def brace_of_cases(self, start: int) -> Node:
        r"""`\left\{ \begin{array}{ll} ... \end{array} \right.`"""
        begin = self.i + 1
        self.i = begin
        if self.text in CASES:
            return self.cases(start)
        level, end = 0, begin
        for end in range(begin, len(self.tokens)):
            level += (self.tokens[end].kind == "begin") - (self.tokens[end].kind == "end")
            if not level:
                break
        if self.tokens[min(end + 1, len(self.tokens) - 1)].text == r"\}":
            self.deeper(start)
            node = self.environment()
            if self.text != r"\}":
                self.unclosed(r"\{", r"\}", start)
            self.i += 1
            self.depth -= 1
            return Group(r"\{", (node,), self.since(start))
        return self.cases(start)

    def table(self, conditional: bool) -> list[list[list[Node]]]:
        """The rows of an environment, each of cells, each of pieces."""
        start, name = self.i, self.text
        kept = (self.bars, self.grouped, self.conditional, self.script)
        self.bars, self.grouped, self.conditional, self.script = (), True, conditional, False
        self.deeper(start)
        self.i += 1
        rows: list[list[list[Node]]] = [[]]
        while True:
            self.skip_quads()
            empty = self.text in ("&", "\\\\") or self.token.kind == "end"
            rows[-1].append([] if empty else self.pieces())
            if self.text == ".":
                self.i += 1
            if self.text == "&":
                self.i += 1
            elif self.text == "\\\\":
                self.i += 1
                rows.append([])
            elif self.token.kind == "end" and self.text == name:
                break
            elif self.token.kind in ("end", "stop"):
                self.fail(rf"\begin{{{name}}} is never ended", rf"write \end{{{name}}}", start)
            else:
                self.unexpected()
        self.i += 1
        self.depth -= 1
        self.bars, self.grouped, self.conditional, self.script = kept
        return [row for row in rows if any(row)]

    def cases(self, start: int) -> Node:
        rows: list[tuple[Node, Node | None]] = []
        for cells in self.table(conditional=True):
            if not cells[0]:
                self.fail("a case without a value", "write the value before the condition", start)
            value, *rest = [piece for cell in cells for piece in cell]
            if isinstance(value, Text) and value.text != "...":
                self.fail("a case without a value", "write the value before the condition", start)
            span = (rest[0].span[0], rest[-1].span[1]) if rest else (0, 0)
            rows.append((value, Row(tuple(rest), span) if rest else None))
        if not rows:
            self.fail("cases without a case", r"write 1 & \text{if } i = j", start)
        return Cases(tuple(rows), self.since(start))

    def matrix(self) -> Node:
        start = self.i
        bars = MATRICES[self.text]
        table = self.table(conditional=False)
        if not table or any(len(row) != len(table[0]) or not all(row) for row in table):
            self.fail("a matrix with an entry missing", "write all entries, 0 where there is nothing", start)
        rows = tuple(tuple(_single(cell, (cell[0].span[0], cell[-1].span[1])) for cell in row) for row in table)
        node = Matrix(rows, self.since(start))
        return Group(bars, (node,), node.span) if bars else node

    # ---- commands

    def command(self) -> Node:
        """An operand that begins with a command."""
        start, token = self.i, self.token
        text = token.text
        if text in NAMES:
            self.i += 1
            return self.name(token, NAMES[text])
        if text in WORDS:
            self.i += 1
            return self.argmax(WORDS[text], start)
        if text in FRACTIONS:
            self.i += 1
            return self.two(start)
        if text in ACCENTS:
            self.i += 1
            return Accent(ACCENTS[text], self.argument(), self.since(start))
        if text in FONTS:
            return self.font(start)
        if text in OPENERS:
            return self.group(start)
        if text in BARS:
            return self.bar()
        if text in DOTS:
            self.i += 1
            return Text("...", token.span)
        if text in BIGS:
            return self.factor()
        if text in OLD_FONTS:
            self.i += 1
            if OLD_FONTS[text] not in self.styles:
                self.styles = (OLD_FONTS[text],)
            self.need_operand(start)
            return self.primary()
        if text == r"\sqrt":
            return self.root(start)
        if text == r"\operatorname":
            return self.operator(start)
        if text in BRACES:
            return self.braced_with_label(start)
        if text in TRANSPARENT:
            self.i += 1
            return self.grouped_argument(start)
        if text == r"\substack":
            return self.substack(start)
        if text in STACKED:
            return self.stacked(start)
        if text == r"\prime":
            self.fail(r"\prime on the line", r"write x' or x^\prime")
        if text in REFUSED:
            self.fail(f"{text}, {REFUSED[text]}, cannot be read", "write it out")
        self.fail(f"{shown(text)} is not known here", _nearest_command(text[:LONGEST_WORD]))

    def two(self, start: int) -> Node:
        over = self.part_of(start)
        under = self.part_of(start)
        return Fraction(over, under, self.since(start))

    def part_of(self, start: int) -> Node:
        """An argument of the command at `start`."""
        command = shown(self.tokens[start].text)
        if self.ended() or self.empty_braces():
            self.fail(f"something is missing in {command}", f"write {command}{{...}}{{...}}", start, self.i)
        return self.argument()

    def root(self, start: int) -> Node:
        self.i += 1
        degree = None
        if self.text == "[":
            bracket = self.group(self.i)
            assert isinstance(bracket, Group)
            if len(bracket.items) != 1:
                self.fail(r"the degree of a root is one thing", r"write \sqrt[3]{x}", start, self.i)
            degree = bracket.items[0]
        if self.ended() or self.empty_braces():
            self.fail(r"nothing stands under \sqrt", r"write \sqrt{...}", start, self.i)
        return Root(self.argument(), degree, self.since(start))

    def font(self, start: int) -> Node:
        r"""`\mathbf{W x}`: every letter is bold."""
        style = FONTS[self.text]
        self.i += 1
        if style and (self.token.kind == "digit" or self.digits_only()):
            body = self.argument()
            return Styled(style, body, self.since(start))
        kept = self.styles
        self.styles = tuple(other for other in kept if other != style) + ((style,) if style else ())
        node = self.grouped_argument(start)
        self.styles = kept
        return node

    def digits_only(self) -> bool:
        first, end = self.raw_argument(self.i)
        return end - first > 2 and all(part.kind == "digit" for part in self.tokens[first + 1:end - 1])

    def grouped_argument(self, start: int) -> Node:
        """An argument that keeps its grouping."""
        if self.ended() or self.empty_braces():
            command = self.tokens[start].text
            self.fail(f"nothing stands after {command}", f"write {command}{{...}}", start)
        node = self.argument()
        if isinstance(node, Sum | Relation | Row | Big):
            return Group("{", (node,), self.since(start))
        return node

    def operator(self, start: int) -> Node:
        r"""`\operatorname{arg\,max}`."""
        self.i += 1
        first, end = self.raw_argument(self.i)
        inside = [part for part in self.tokens[first:end] if part.text not in ("{", "}")]
        said = "".join(WORDS.get(part.text, part.text).strip() for part in inside if part.text not in FONTS)
        if not said or not said.replace("-", "").isalnum() or not said.isascii():
            self.fail(r"\operatorname names no word", r"write \operatorname{softmax}", start, max(end, start + 1))
        self.i = end
        span = self.since(start)
        return Word(said, span) if len(said) > 1 else Styled("rm", Name(said, span), span)

    def braced_with_label(self, start: int) -> Node:
        r"""`\underbrace{body}_{label}` is its body."""
        mark = BRACES[self.text]
        self.i += 1
        node = self.grouped_argument(start)
        if self.text == mark:
            self.i = self.raw_argument(self.i + 1)[1]
        return Group("{", (node,), self.since(start)) if isinstance(node, Product) else node

    def substack(self, start: int) -> Node:
        r"""`\substack{i = 1 \\ i \ne j}`."""
        self.i += 1
        if self.text != "{" or self.empty_braces():
            self.fail(r"nothing stands in \substack", r"write \substack{i = 1 \\ i \ne j}", start)
        self.deeper(start)
        opened = self.i
        self.i += 1
        parts = self.pieces()
        while self.text == "\\\\":
            self.i += 1
            if self.text != "}":
                parts += self.pieces()
        if self.text != "}":
            self.unclosed("{", "}", opened)
        self.i += 1
        self.depth -= 1
        return _single(parts, self.since(start))

    def stacked(self, start: int) -> Node:
        r"""`\underset{i}{\max}`: as if it were `\max_i`."""
        command = self.text
        self.i += 1
        label = self.part_of_script(start)
        base = self.part_of(start)
        if command == r"\underset" and isinstance(base, Word) and base.text in BIG_WORDS:
            return self.big(BIG_WORDS[base.text], start, label, None)
        self.fail(f"{command} on something that is no relation sign", "write only the sign itself", start, self.i)

    def part_of_script(self, start: int) -> Node:
        if self.ended() or self.empty_braces():
            self.fail(f"something is missing in {self.tokens[start].text}", r"write \underset{i}{\max}", start, self.i)
        return self.argument(script=True)
