"""What of a document is not meant as mathematics: blanked out character for character, so that places stay the same."""

from __future__ import annotations

import re

VERBATIM = "verbatim|Verbatim|BVerbatim|lstlisting|minted|alltt|comment|filecontents|tikzpicture"
HIDDEN_IN_TEX = re.compile(rf"""
    \\(?:verb|lstinline)\*?(?P<verb>[^A-Za-z\s*\[{{])[^\n]{{0,500}}?(?P=verb)
  | \\begin\{{(?P<begin>(?:{VERBATIM})\*?)\}} | (?P<false>\\iffalse(?![A-Za-z])) | \\. | (?P<comment>%[^\n]*)
""", re.VERBOSE | re.DOTALL)
HIDDEN_IN_MD = re.compile(rf"""
    (?P<fence>^[ \t>]*+(?P<ticks>`{{3,}}|~{{3,}})(?P<info>[^`\n]*)$)
  | \\begin\{{(?P<begin>(?:{VERBATIM})\*?)\}} | (?P<false>\\iffalse(?![A-Za-z])) | \\.
  | (?P<html><!--|<(?P<tag>code|pre|script|style)\b) | \$(?P<quoted>`+)[^`\n]+(?P=quoted)\$ | (?P<code>`+)
""", re.VERBOSE | re.DOTALL | re.MULTILINE)
FRONT_MATTER = re.compile(r"---[ \t]*\n(?:[^\n]*\n){0,200}?(?:---|\.\.\.)[ \t\r]*(?=\n|$)")
BLANK = re.compile(r"\n(?=[ \t\r\f]*\n)|\f")
DEFINITION = re.compile(r"""
    \\(?:(?:re)?newcommand|providecommand|DeclareMathOperator|def|gdef)(?![A-Za-z])\*?[ ]*
    (?:\{[ ]*\\(?:[A-Za-z]+|.)[ ]*\}|\\(?:[A-Za-z]+|.))[ ]*(?:\[[^\]\n]{0,40}\][ ]*){0,2}(?:\#\d){0,9}[ ]*(?=\{)
  | \\let\\[A-Za-z]+[ ]*=?[ ]*(?:\\[A-Za-z]+|\S)
""", re.VERBOSE)
BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def _blank(text: str) -> str:
    return re.sub(r"[^\n\f]", " ", text)


def without_code(text: str, *, like_tex: bool) -> str:
    """Without comments, verbatim and code; ```` ```math ```` becomes `$$`."""
    pattern = HIDDEN_IN_TEX if like_tex else HIDDEN_IN_MD
    pieces, done, at = [], 0, 0
    missing: set[str] = set()                          # what was looked for in vain, and stands nowhere below
    if not like_tex and (front := FRONT_MATTER.match(text)):
        pieces, done, at = [_blank(front[0])], front.end(), front.end()
    while match := pattern.search(text, at):
        hidden = _instead(text, match, missing) if match.lastgroup else ""       # most are escapes, \% or \alpha
        at = match.start() + len(hidden) if hidden else match.end()
        if hidden:
            pieces += [text[done:match.start()], hidden]
            done = at
    return "".join([*pieces, text[done:]]).translate({1: " ", 2: " ", 3: " "})


def _instead(text: str, match: re.Match[str], missing: set[str]) -> str:
    """What is shown for code that begins at the match, as long as it; nothing if no code begins there."""
    groups = match.groupdict()
    start, end = match.span()
    if groups.get("quoted"):                           # GitHub's $`x = y`$
        return match[0].replace("`", " ")
    if groups.get("fence"):
        return _without_fence(text, match)
    if groups.get("code"):
        run = groups["code"]
        blank = BLANK.search(text, end, end + 2000)
        close = re.compile(rf"(?<!`){run}(?!`)").search(text, end, blank.start() if blank else end + 2000)
        return _blank(text[start:close.end()]) if close else ""
    if groups.get("verb") or groups.get("comment"):
        return _blank(match[0])
    closing = (f"\\end{{{groups['begin']}}}" if groups.get("begin") else "\\fi" if groups.get("false") else
               "" if not groups.get("html") else f"</{groups['tag']}>" if groups.get("tag") else "-->")
    close_at = text.find(closing, end) if closing and closing not in missing else -1
    if close_at < 0:
        missing.add(closing)
        return ""
    return _blank(text[start:close_at + len(closing)])


def _without_fence(text: str, match: re.Match[str]) -> str:
    """A fenced block, which ends with the text if nothing else ends it."""
    start, end = match.span()
    ticks = match["ticks"]
    close = re.compile(rf"^[ \t>]*+{ticks[0]}{{{len(ticks)},}}[ \t\r]*$", re.MULTILINE).search(text, end)
    if close is None or match["info"].strip() != "math":
        return _blank(text[start:close.end() if close else len(text)])
    opened = "$$".rjust(len(match[0]))
    return opened + text[end:close.start()] + "$$".ljust(len(close[0]))


def without_preamble(text: str) -> str:
    r"""Only what stands between \begin{document} and \end{document}, where there is such a thing."""
    begin, end = text.find("\\begin{document}"), text.find("\\end{document}")
    start = begin + len("\\begin{document}") if begin >= 0 else 0
    stop = end if end >= start else len(text)
    return _blank(text[:start]) + text[start:stop] + _blank(text[stop:])


def without_definitions(text: str) -> str:
    r"""Without \newcommand and its like, whose bodies are no claims."""
    definitions = list(DEFINITION.finditer(text))
    closes = _closing_braces(text) if definitions else {}
    pieces, done = [], 0
    for match in definitions:
        end = closes.get(match.end(), match.end())
        if match.start() >= done:
            pieces += [text[done:match.start()], _blank(text[match.start():end])]
            done = end
    return "".join([*pieces, text[done:]])


def _closing_braces(text: str) -> dict[int, int]:
    """Where each brace opens, and behind which one it closes."""
    closes, opened = {}, []
    for match in BRACE.finditer(text):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            closes[opened.pop()] = match.end()
    return closes
