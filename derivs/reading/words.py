r"""What the prose of a document says about the formulas in it: `for $i = j$`, `Otherwise`, `Question 1.1a`.

Prose is read as a list of tokens in which every formula is one token. Only a condition that stands right after a word
of the table CUES is believed; what else the sentences say is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from derivs.errors import Unreadable
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
    Span,
    Styled,
    Sum,
    Text,
    walk,
)

INLINE, DISPLAY, FILL = "\x01", "\x02", "\x03"         # a formula in the prose: its first character, and the others

CUES = {                                               # word: how it takes what follows
    **dict.fromkeys(("for", "if", "when", "whenever", "case", "cases", "assume", "assuming", "suppose", "supposing",
                     "provided", "at"), "strong"),
    **dict.fromkeys(("unless", "except"), "negating"),
    **dict.fromkeys(("where", "with", "let", "consider", "considering", "taking", "set", "setting"), "weak"),
}
SILENCING = {"only", "even", "as", "not", "iff"}       # "only if i = j", "even for i = j" restrict nothing
FILLERS = {"that", "the", "a", "case", "cases", "where", "when", "if", "for", "of", "in", "which", "index", "indices",
           "entry", "entries", "element", "elements", "all", "any", "every", "each", "first", "second", "third",
           "other", "diagonal", "off", "off-diagonal", "i", "ii", "iii", "iv", "b", "c"}
OTHERWISE = {"otherwise", "else"}
CONNECTIVES = {"then", "so", "hence", "thus", "therefore", "this", "that", "which", "where", "here", "and", "since",
               "because", "using", "by", "with", "we", "it", "note", "again", "i.e", "namely", "substituting",
               "simplifying", "similarly", "plugging", "applying", "giving", "gives", "or", "as", "but"}
INDEX_LETTERS = frozenset("ijklmnpqrst")
NEGATED = {"=": "!=", "==": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
EQUALITIES = {"=", "==", ":=", "=:", "equiv"}

_SIGN = r"(?:==|=|!=|=/=|≠|<=|>=|≤|≥|<|>|\\neq?(?![A-Za-z]))"
_SIDE = r"[A-Za-z](?:_(?:[A-Za-z0-9]|\{[^{}\s]{1,12}\}))?"
_SAME = (r"(?:is\ |are\ )?(?P<not>not\ |does\ not\ )?(?:equals?(?:\ to)?|the\ same\ as)"
         r"|(?:is\ |are\ )?(?:different\ from|differs\ from|unequal\ to)")
TOKEN = re.compile(rf"""
    (?P<formula>{INLINE}{FILL}*+) | (?P<display>{DISPLAY}{FILL}*+)
  | (?P<break>\n(?:[ \t\r\f]*+\n)+ | \\par\b) | (?P<line>\n | \\\\(?:\[[^\]\n]{{0,20}}\])?)
  | (?P<item>\\item\b | (?<=\n)[ \t]*+[-*+][ ])
  | (?P<relation>(?<![\w\\$^]){_SIDE}[ ]{{0,3}}{_SIGN}[ ]{{0,3}}-?(?:{_SIDE}|\d{{1,9}}(?:\.\d{{1,9}})?)(?![\w^\\({{]))
  | (?P<spelled>(?<![\w\\$^])[a-z][ ]{{1,3}}(?:{_SAME})[ ]{{1,3}}[a-z](?![\w^\\]))
  | (?P<number>\d+(?:\.\d+)*) | (?P<word>[^\W\d_]++(?:-[^\W\d_]++)?) | (?P<mark>[.,:;()])
  | (?P<command>\\[A-Za-z]++\*? | \\.) | (?P<other>[^\s*_\#>{{}}~$&\-–—"'“”‘’`|{FILL}])
""", re.VERBOSE)
PLAIN = re.compile(rf"(?P<left>[A-Za-z])\s*(?P<sign>{_SIGN})\s*(?P<right>[A-Za-z]|\d+)")
PLAIN_IN_WORDS = re.compile(rf"\W*(?:if|for|when|case)\s+{PLAIN.pattern}\W*", re.IGNORECASE)
SIGNS = {"≠": "!=", "=/=": "!=", "≤": "<=", "≥": ">=", "\\ne": "!=", "\\neq": "!="}

_NUMBERED = (r"(?i:question|problem|exercise|part|task|section|q|ex)\b\.?[ ]*\d[^\n]*|Q\d[^\n]*"
             r"|\d+(?:\.\d+)*[.)]?[ ]+[A-Z][^\n]*|\d+(?:\.\d+)+\.?[ \t\r]*")
HEADINGS = (                                           # a line of prose, whole; the heading is the group `said`
    re.compile(r"[ ]{0,3}#{1,6}[ \t]+(?P<said>\S[^\n]*)"),
    re.compile(r"[ \t]*\\(?:part|chapter|(?:sub){0,2}section|(?:sub)?paragraph)\*?(?:\[[^\]\n]*\])?\{(?P<said>[^\n]*)"),
    re.compile(r"[ \t]*(?P<bold>\*\*|__)(?P<said>[^\n]{1,100})(?P=bold)[.:]?[ \t\r]*"),
    re.compile(r"[ \t]*\\(?:textbf|underline)\{(?P<said>[^\n]{1,100})\}[.:]?[ \t\r\\]*"),
)
NUMBERED = re.compile(rf"[ \t]*(?P<said>{_NUMBERED})")
LABEL = re.compile(r"[ \t]*(?P<said>\((?:[ivx]{1,5}|[a-z]|\d{1,2})\)|(?:[ivx]{1,5}|[a-h])[).])[ \t\r]*")
UNDERLINE = re.compile(r"[ \t]*(?:={3,}|-{3,})[ \t\r]*")
LONGEST_HEADING = 90
MOST_WORDS = 300_000                   # of a text, its signs included
MOST_CONDITIONS = 8                                    # in one phrase


class Token(NamedTuple):
    """A piece of prose: kind is a group of TOKEN, `heading` or `label`; these come before the words of their line."""

    kind: str
    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """`for $i = j$ and $x_i > 0$`: the conditions in it, and the number of the first token after it."""

    conditions: tuple[Node, ...]
    end: int


Read = Callable[[Token], Node | None]                  # a `formula`, `relation` or `spelled` token as a node


def tokens(prose: str, source: str) -> list[Token]:
    """The tokens of a text of which each formula is INLINE or DISPLAY and FILLs; headings are quoted from `source`.

    Raises Unreadable where there are too many.
    """
    found: list[Token] = []
    headings = _headings(prose, source)
    heading = next(headings, None)
    for match in TOKEN.finditer(prose):
        while heading is not None and heading.span[0] <= match.start():
            found.append(heading)
            heading = next(headings, None)
        found.append(Token(str(match.lastgroup), match.span(), match[0]))
        if len(found) > MOST_WORDS:
            raise Unreadable(f"more than {MOST_WORDS} words and signs", match.span(),
                             mend="split it into several files")
    return [*found, *([heading] if heading is not None else []), *headings]


def _headings(prose: str, source: str) -> Iterator[Token]:
    """The headings, question numbers and labels such as `(i)`, each of which has a line of its own."""
    lines = prose.split("\n")
    start = 0
    for k, line in enumerate(lines):
        above, below = lines[k - 1] if k else "", lines[k + 1] if k + 1 < len(lines) else ""
        found = _heading(line, above, below)
        if found is not None:
            kind, match = found
            first, last = start + match.start("said"), start + match.end("said")
            yield Token(kind, (start, start + len(line)), " ".join(source[first:last].strip(" \t\r#*_{}\\").split()))
        start += len(line) + 1


def _heading(line: str, above: str, below: str) -> tuple[str, re.Match[str]] | None:
    if not line.strip() or DISPLAY in line:
        return None
    if label := LABEL.fullmatch(line):
        return "label", label
    for pattern in HEADINGS:
        if match := pattern.fullmatch(line):
            return "heading", match
    alone = all(not other.strip() or DISPLAY in other for other in (above, below))
    if len(line) <= LONGEST_HEADING and alone and (match := NUMBERED.fullmatch(line)):
        return "heading", match
    if UNDERLINE.fullmatch(below) and not above.strip() and (match := re.fullmatch(r"(?P<said>[^\n]{1,90})", line)):
        return "heading", match
    return None


def phrase(words: Sequence[Token], at: int, read: Read) -> Phrase | None:
    """The conditions that the cue word at `at` announces, if it does: `case 2: $i \\neq j$`, `unless i = j`."""
    cue = CUES.get(words[at].text.lower())
    if cue is None or (at and words[at - 1].text.lower() in SILENCING):
        return None
    is_case = words[at].text.lower() in ("case", "cases")
    k = at + 1
    while k < len(words) and k < at + 10 and _is_filler(words[k], is_case=is_case):
        is_case = is_case or words[k].text.lower() in ("case", "cases")
        k += 1
    conditions = conditions_in(_read(words, k, read), weak=cue == "weak")
    if not conditions:
        return None
    k += 1
    while len(conditions) < MOST_CONDITIONS and (more := _joined(words, k, read)):
        conditions += more
        k += 2
    if cue == "negating":
        conditions = negated(conditions)
    return Phrase(conditions, k) if conditions else None


def announces(line: str) -> bool:
    """Whether a line begins with a cue: `For i = j:`, `Otherwise`."""
    first = re.match(r"[(*# ]*(?P<word>[A-Za-z]+)(?:[\s:,.]|\Z)", line)
    return first is not None and first["word"].lower() in {*CUES, *OTHERWISE}


def _is_filler(token: Token, *, is_case: bool) -> bool:
    """What may stand between the cue and the condition; `Case 1:` and `case (a).` have their own punctuation."""
    if token.kind == "mark":
        return token.text in "(," or is_case
    return token.kind in ("line", "number", "command") or token.text.lower() in FILLERS


def _read(words: Sequence[Token], k: int, read: Read) -> Node | None:
    return read(words[k]) if k < len(words) and words[k].kind in ("formula", "relation", "spelled") else None


def _joined(words: Sequence[Token], k: int, read: Read) -> tuple[Node, ...]:
    """The conditions after `and` or a comma, where an `=` of anything but indices would rather begin a claim."""
    is_joined = k + 1 < len(words) and words[k].text in ("and", ",")
    return conditions_in(_read(words, k + 1, read), weak=True) if is_joined else ()


def conditions_in(node: Node | None, *, weak: bool = False) -> tuple[Node, ...]:
    """The node as conditions: relations that compare, with nothing but letters and numbers beside an `=`.

    `z = W x` after `for` defines z, and `i = 1, ..., n` says where i runs: neither restricts anything. After a weak
    cue (`where`, `with`) an `=` must stand between two indices.
    """
    match node:
        case Relation(sides, signs_):
            if not {*signs_} <= {*NEGATED} or None in sides or any(_is_dots(side) for side in sides):
                return ()
            compares = not EQUALITIES & {*signs_}
            plain = _is_index if weak else _is_plain
            return (node,) if compares or all(side is not None and plain(side) for side in sides) else ()
        case Row(parts):
            rest = [part for part in parts if not (isinstance(part, Text) and part.text.strip(" ,;") in ("", "and"))]
            found = [conditions_in(part, weak=weak) for part in rest]
            return tuple(one for many in found for one in many) if all(found) else ()
        case Group("(", (item,)):
            return conditions_in(item, weak=weak)
        case _:
            return ()


def parted(node: Node | None, before: tuple[Node, ...]) -> tuple[Node | None, tuple[Node, ...]]:
    r"""A row of a display as its claim and the conditions beside it: `a = b \quad \text{if } i = j`, `a = b, (i = j)`.

    before: the conditions of the row above, to which `otherwise` answers. A row that says anything else stays whole.
    """
    claim: Relation | None = None
    conditions: tuple[Node, ...] = ()
    cue = ""
    for part in node.parts if isinstance(node, Row) else ():
        if isinstance(part, Text):
            told, cue = _told(part, before, cue)
            if not told and cue == "other":
                return node, ()
            conditions += told
            continue
        is_bare = cue in ("", "used") and not isinstance(part, Group)
        more = conditions_in(part, weak=cue == "weak" or is_bare)
        if more and not (is_bare and claim is None):
            conditions += negated(more) if cue == "negating" else more
            cue = "used"
        elif isinstance(part, Relation) and EQUALITIES & {*part.signs} and claim is None:
            claim, cue = part, ""
        else:
            return node, ()
    return (claim, conditions) if claim is not None and conditions else (node, ())


def _told(text: Text, before: tuple[Node, ...], cue: str) -> tuple[tuple[Node, ...], str]:
    """The conditions that words in a row say, and how they take what follows: a value of CUES, `other`, or nothing."""
    words = re.findall(r"[a-z-]+", text.text.lower())
    match = PLAIN_IN_WORDS.fullmatch(text.text)
    if match:
        right = Numeral(match["right"], text.span) if match["right"].isdigit() else Name(match["right"], text.span)
        sign = SIGNS.get(match["sign"], match["sign"])
        return (Relation((Name(match["left"], text.span), right), (sign,), (text.span,), text.span),), ""
    if words in ([word] for word in OTHERWISE) and negated(before):
        return negated(before), ""
    if not words or words == ["and"]:
        return (), "weak" if cue == "used" and words else "" if cue == "used" else cue
    is_cue = words[0] in CUES and {*words[1:]} <= FILLERS
    return (), CUES[words[0]] if is_cue else "strong" if words == ["forall"] else "other"


def signs(node: Node | None) -> tuple[str, ...]:
    """The relation signs at the top level of what stands on one row."""
    match node:
        case Relation(_, found):
            return found
        case Row(parts):
            return tuple(sign for part in parts for sign in signs(part))
        case _:
            return ()


def is_of_indices(node: Node) -> bool:
    """Whether it is `i = j`: true for some entries, and no claim by itself."""
    return isinstance(node, Relation) and all(side is not None and _is_index(side) for side in node.sides)


def is_range(node: Node) -> bool:
    r"""Whether it is `i = 1, \dots, n` or `p = 1, 2, 4`, which says where a letter runs."""
    return (isinstance(node, Row) and isinstance(node.parts[0], Relation) and len(node.parts[0].sides) == 2
            and all(side is not None and _is_plain(side) for side in node.parts[0].sides)
            and len(node.parts) > 1 and not any(signs(part) for part in node.parts[1:])
            and all(isinstance(part, Text | Name | Numeral) for part in node.parts[1:]))


def negated(conditions: tuple[Node, ...]) -> tuple[Node, ...]:
    """What holds otherwise; nothing where that is no single comparison."""
    match conditions:
        case (Relation((left, right), (sign,), spans, span),) if sign in NEGATED:
            return (Relation((left, right), (NEGATED[sign],), spans, span),)
        case _:
            return ()


def plainly(token: Token) -> Node | None:
    """`i != j` and `i is not equal to j` of single letters, as a node; None for what needs a parser."""
    start, text = token.span[0], token.text
    if token.kind == "spelled":
        other = re.search(r"\b(?:not|differ|unequal)", text) or "different" in text or "differs" in text
        right = (token.span[1] - 1, token.span[1])
        return Relation((Name(text[0], (start, start + 1)), Name(text[-1], right)), ("!=" if other else "=",),
                        ((start + 1, token.span[1] - 1),), token.span)
    match = PLAIN.fullmatch(text)
    if match is None:
        return None
    left, sign, right = ((start + match.start(part), start + match.end(part)) for part in ("left", "sign", "right"))
    value = Numeral if match["right"].isdigit() else Name
    return Relation((Name(match["left"], left), value(match["right"], right)),
                    (SIGNS.get(match["sign"], match["sign"]),), (sign,), token.span)


def _is_plain(node: Node) -> bool:
    """A letter or a number, with scripts or an accent, or a sum of such."""
    match node:
        case Name() | Numeral():
            return True
        case Scripts(base, _, _, 0):
            return _is_plain(base) and not isinstance(base, Sum)
        case Styled(_, body) | Group("(" | "{", (body,)):
            return _is_plain(body)
        case Accent():
            return True
        case Sum(terms):
            return all(_is_plain(term) for _, term in terms)
        case Product(parts):
            return len(parts) == 2 and isinstance(parts[0], Numeral) and isinstance(parts[1], Name)
        case _:
            return False


def _is_index(node: Node) -> bool:
    match node:
        case Name(text):
            return text in INDEX_LETTERS
        case Styled(_, body):
            return _is_index(body)
        case _:
            return False


def _is_dots(node: Node | None) -> bool:
    return node is not None and any(isinstance(part, Text) for part in walk(node))
