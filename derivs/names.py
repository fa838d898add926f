"""Names as boxes: by their letters (`x1` is x with a subscript 1, `beta` the Greek letter), or as an author's LaTeX.

What an author writes as `latex` is read into boxes and never passed on, so that every printer knows it and no TeX from
outside reaches a document.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from derivs.box import COMMA, Accent, Box, Digits, Letter, Mark, Row, Scripts, Styled, Word
from derivs.errors import Unsupported

GREEK: Final = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ",
    "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω"}
VARIANTS: Final = {"varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi", "varrho": "rho", "varsigma": "sigma"}
SIGNS: Final = {"ell": "ℓ", "partial": "∂", "nabla": "∇", "infty": "∞", "top": "⊤", "prime": "′", "star": "⋆",
                "ast": "∗"}
ACCENTS: Final = {"hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "bar": "bar",
                  "overline": "bar", "dot": "dot", "vec": "vec"}
WRITTEN: Final = {                     # letters that only authors write: in LaTeX, in Typst, as text
    "lunate": (r"\epsilon", "epsilon.alt", "ϵ"), "vartheta": (r"\vartheta", "theta.alt", "ϑ"),
    "varphi": (r"\varphi", "phi.alt", "ϕ"), "varrho": (r"\varrho", "rho.alt", "ϱ"),
    "varsigma": (r"\varsigma", "sigma.alt", "ς"), "varpi": (r"\varpi", "pi.alt", "ϖ"),
    "digamma": (r"\digamma", "digamma", "ϝ"), "bot": (r"\bot", "bot", "⊥"), "hbar": (r"\hbar", "planck", "ℏ"),
    "imath": (r"\imath", "dotless.i", "ı"), "jmath": (r"\jmath", "dotless.j", "ȷ"),
    "dagger": (r"\dagger", "dagger", "†"), "emptyset": (r"\emptyset", "emptyset", "∅"),
    "aleph": (r"\aleph", "aleph", "ℵ"), "#": (r"\#", "\\#", "#"), "forall": (r"\forall", "forall", "∀"),
    "exists": (r"\exists", "exists", "∃")}
STYLES: Final[dict[str, Literal["bf", "cal", "rm", "sf"]]] = {
    "mathbf": "bf", "boldsymbol": "bf", "bm": "bf", "mathcal": "cal", "mathrm": "rm", "text": "rm", "textrm": "rm",
    "mathsf": "sf"}
OPERATORS: Final = frozenset({
    "arg", "cos", "cosh", "det", "dim", "exp", "ln", "log", "max", "min", "sin", "sinh", "sup", "tan", "tanh"})
SPACES: Final = frozenset({",", ";", ":", "!", "quad", "qquad"})
POINTS: Final = frozenset("()[]+-=*/,.<>|:")

LONGEST: Final = 200                   # characters of a name, so that no nesting is too deep
TOKEN: Final = re.compile(r"\\(?:[A-Za-z]+|.)|[0-9]+|\S")


def by_letters(name: str) -> Box:
    """`x`, `beta`, `x1`, `W_out`, `j'`, `var`: the box of a name without a notation of its own."""
    bare = name.rstrip("'")
    if primes := len(name) - len(bare):
        inner = by_letters(bare)
        dashes = Row((Letter("prime"),) * primes)
        if isinstance(inner, Scripts) and inner.above is None:
            return Scripts(inner.base, inner.below, dashes)
        return Scripts(inner, above=dashes)
    head, _, tail = bare.partition("_")
    found = re.fullmatch(r"([^\W\d]+)(\d*)", head)
    if not found:
        return Word(name, "name")
    word, number = found.groups()
    base: Box = Letter(word) if word in GREEK or word == "ell" or re.fullmatch("[A-Za-z]", word) else Word(word, "name")
    below = [Digits(number)] if number else []
    if tail.isdigit():
        below.append(Digits(tail))
    elif tail:
        return Scripts(base, listed([*below, by_letters(tail)]))
    return Scripts(base, listed(list(below))) if below else base


def listed(items: list[Box]) -> Box:
    """Boxes with commas between them."""
    row = [part for item in items for part in (COMMA, item)][1:]
    return row[0] if len(row) == 1 else Row(tuple(row))


def read(latex: str) -> Box:
    r"""A name in LaTeX, such as `\hat{x}` or `\sigma_{\mathcal{B}}^2`, as boxes; Unsupported if it is not one."""
    if len(latex) > LONGEST:
        raise _refuse(latex[:20] + "...", f"more than {LONGEST} characters")
    tokens = TOKEN.findall(latex)
    box, rest = _row(tokens, 0, latex)
    if rest != len(tokens) or box == Row(()):
        raise _refuse(latex, tokens[rest] if rest < len(tokens) else "an empty name")
    return box


def _refuse(latex: str, piece: str) -> Unsupported:
    return Unsupported(f"the name {latex!r} has {piece}, which no printer knows",
                       mend=r"use letters, digits, Greek, \hat, \tilde, \bar, \mathbf, \mathcal, \mathrm, _ and ^")


def _row(tokens: list[str], at: int, latex: str) -> tuple[Box, int]:
    """Items up to a closing brace or the end."""
    row: list[Box] = []
    while at < len(tokens) and tokens[at] != "}":
        token = tokens[at]
        if token in "_^":
            if not row:
                raise _refuse(latex, f"nothing before {token}")
            script, at = _item(tokens, at + 1, latex)
            row[-1] = _attach(row[-1], token, script, latex)
        elif token == "'":
            row[-1:] = [_attach(row[-1], "^", Letter("prime"), latex)] if row else []
            at += 1
        elif token[0] == "\\" and token[1:] in SPACES:
            at += 1
        else:
            item, at = _item(tokens, at, latex)
            row.append(item)
    return row[0] if len(row) == 1 else Row(tuple(row)), at


def _attach(base: Box, where: str, script: Box, latex: str) -> Box:
    below, above = (script, None) if where == "_" else (None, script)
    if not isinstance(base, Scripts):
        return Scripts(base, below, above)
    if where == "_" and base.below is None:
        return Scripts(base.base, script, base.above)
    if where == "^" and base.above is None:
        return Scripts(base.base, base.below, script)
    raise _refuse(latex, f"two of {where} after one letter")


def _item(tokens: list[str], at: int, latex: str) -> tuple[Box, int]:
    """One letter, number, command with its argument, or group."""
    if at >= len(tokens):
        raise _refuse(latex, "an end too early")
    token, at = tokens[at], at + 1
    if token == "{":
        box, at = _row(tokens, at, latex)
        if at >= len(tokens):
            raise _refuse(latex, "a { that is not closed")
        return box, at + 1
    if token.isdigit() and token.isascii():
        return Digits(token), at
    if re.fullmatch("[A-Za-z]", token):
        return Letter(token), at
    if token in POINTS:
        return Mark(token), at
    command = VARIANTS.get(token[1:], token[1:]) if token[0] == "\\" else ""
    if command in GREEK or command in SIGNS:
        return Letter(command), at
    if command in OPERATORS:
        return Word(command), at
    if command in ACCENTS:
        body, at = _item(tokens, at, latex)
        return Accent(ACCENTS[command], body), at
    if command in STYLES or command == "operatorname":
        body, at = _item(tokens, at, latex)
        word = _spelled(body)
        if command == "operatorname":
            return Word(word or latex), at
        style = STYLES[command]
        return (Word(word, "name") if style == "rm" and word and len(word) > 1 else Styled(style, body)), at
    raise _refuse(latex, token)


def _spelled(box: Box) -> str | None:
    """The letters of a row of letters."""
    row = box.parts if isinstance(box, Row) else (box,)
    if all(isinstance(part, Letter | Digits) for part in row):
        return "".join(part.name if isinstance(part, Letter) else part.text for part in row
                       if isinstance(part, Letter | Digits))
    return None
