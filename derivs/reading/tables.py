"""The commands and characters that the reader knows, as tables."""

from __future__ import annotations


def words(text: str) -> list[str]:
    """A list that is easier to read as a sentence."""
    return text.split()


# ---- letters and words -----------------------------------------------------------------------------------------------

GREEK = ("alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi varpi rho "
         "varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi "
         "Psi Omega")
NAMES = {"\\" + name: name for name in (*words(GREEK), "partial", "nabla", "infty", "top", "bot", "ell", "hbar",
                                        "imath", "jmath", "dagger", "emptyset", "aleph")} | {
    r"\intercal": "top", r"\varnothing": "emptyset", r"\digamma": "digamma", r"\#": "#"}
UNSTYLED = {"partial", "nabla", "infty", "top", "bot", "dagger", "emptyset"}    # signs: bold or not, the same

WORDS = {"\\" + word: word for word in words(
    "exp log ln lg max min sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arg argmax argmin sup inf "
    "lim det dim ker deg gcd Pr sgn sign diag tr Tr softmax sigmoid relu ReLU erf Var Cov KL logit")}
PLAIN_WORDS = frozenset(words(  # letters without a backslash that are read as one word
    "exp log ln max min tanh sin cos tan sinh cosh sqrt sign sgn diag tr Tr softmax softplus sigmoid relu ReLU mean "
    "trace var sum det erf argmax argmin KL Var Cov"))
BIG_WORDS = {"max": "max", "min": "min", "argmax": "argmax", "argmin": "argmin", "sum": "sum"}
BIGS = {r"\sum": "sum", r"\prod": "prod", r"\int": "int"}

PROSE = frozenset(words(        # \text{if} is prose wherever it stands, \text{loss} is a name
    "if iff otherwise else elsewhere and or not where for for all since with when whenever unless while then thus "
    "hence so therefore because by from as is are let given such that using which we have otherwise. but case cases "
    "only therefore, hence, thus, but, i.e. e.g. s.t. note"))
BARE_PROSE = frozenset(words("if otherwise else and or for when where"))       # as bare letters, in a condition
EXPLAINS = frozenset(words("since because by from using due as because, recall note"))

PROSE_SIGNS = {r"\forall": "forall", r"\exists": "exists", r"\because": "because", r"\land": "and", r"\wedge": "and",
               r"\lor": "or", r"\vee": "or", r"\&": "and"}
DOTS = frozenset((r"\dots", r"\ldots", r"\cdots", r"\vdots", r"\ddots", r"\dotsc", r"\dotsb", r"\dotsm", r"\dotsi",
                  r"\dotso"))

# ---- signs -----------------------------------------------------------------------------------------------------------

SIGNS = {r"\cdot": "cdot", r"\times": "times", "*": "*", r"\ast": "*", "/": "/", r"\odot": "odot", r"\circ": "circ",
         r"\otimes": "otimes", r"\oslash": "oslash", r"\bullet": "bullet", ":": ":", r"\colon": ":", r"\div": "div",
         r"\star": "star"}
TERM_SIGNS = {"+": 1, "-": -1, r"\pm": 0, r"\mp": 0}
RELATIONS = {
    "=": "=", "<": "<", ">": ">", r"\lt": "<", r"\gt": ">",
    r"\le": "<=", r"\leq": "<=", r"\leqslant": "<=", r"\leqq": "<=",
    r"\ge": ">=", r"\geq": ">=", r"\geqslant": ">=", r"\geqq": ">=",
    r"\ne": "!=", r"\neq": "!=", r"\in": "in", r"\notin": "notin",
    r"\approx": "approx", r"\simeq": "approx", r"\cong": "approx", r"\approxeq": "approx",
    r"\propto": "propto", r"\sim": "sim", r"\equiv": "equiv",
    r"\to": "to", r"\rightarrow": "to", r"\longrightarrow": "to", r"\mapsto": "to",
    r"\gets": "gets", r"\leftarrow": "gets", r"\longleftarrow": "gets",
    r"\Rightarrow": "=>", r"\Longrightarrow": "=>", r"\implies": "=>",
    r"\Leftrightarrow": "<=>", r"\Longleftrightarrow": "<=>", r"\iff": "<=>",
    r"\therefore": "therefore", r"\subset": "subset", r"\subseteq": "subset", r"\mid": "mid",
    r"\coloneqq": ":=", r"\coloneq": ":=", r"\triangleq": ":=", r"\doteq": ":=", r"\eqdef": ":=",
}
TWO_SIGNS = {("=", "="): "==", (":", "="): ":=", (r"\colon", "="): ":=", ("!", "="): "!=", ("<", "="): "<=",
             (">", "="): ">=", ("=", ">"): "=>", ("-", ">"): "to"}
NEGATED = {"=": "!=", r"\in": "notin", r"\equiv": "!="}
DEFINING = frozenset(("def", "Def", "def.", r"\triangle", r"\Delta", ".", r"\operatorname{def}", r"\mathrm{def}"))

# ---- brackets, fonts, accents, environments --------------------------------------------------------------------------

OPENERS = {"(": ("(", ")"), "[": ("[", "]"), r"\{": (r"\{", r"\}"), r"\langle": ("<", r"\rangle"),
           r"\lfloor": ("floor", r"\rfloor"), r"\lvert": ("|", r"\rvert"), r"\lVert": (r"\|", r"\rVert")}
CLOSERS = {closer: opener for opener, (_, closer) in OPENERS.items()}
BARS = {"|": "|", r"\|": r"\|"}
SAME = {r"\lbrace": r"\{", r"\rbrace": r"\}", r"\lbrack": "[", r"\rbrack": "]", r"\vert": "|", r"\Vert": r"\|",
        r"\lparen": "(", r"\rparen": ")", r"\begingroup": "{", r"\endgroup": "}", r"\bgroup": "{", r"\egroup": "}",
        r"\cr": "\\\\", r"\newline": "\\\\", r"\tabularnewline": "\\\\", r"\sp": "^", r"\sb": "_", r"\lq": "'"}

FONTS = {r"\mathbf": "bf", r"\boldsymbol": "bf", r"\bm": "bf", r"\pmb": "bf", r"\symbf": "bf", r"\mathcal": "cal",
         r"\mathrm": "rm", r"\mathup": "rm", r"\mathbb": "bb", r"\mathds": "bb", r"\mathbbm": "bb", r"\mathsf": "sf",
         r"\mathtt": "tt", r"\mathfrak": "frak", r"\mathscr": "scr", r"\mathit": "it", r"\mathnormal": ""}
OLD_FONTS = {r"\bf": "bf", r"\cal": "cal", r"\rm": "rm", r"\it": "it", r"\sf": "sf", r"\tt": "tt", r"\frak": "frak",
             r"\bfseries": "bf", r"\rmfamily": "rm"}
WORDY = {"rm", "it", "sf", "tt"}        # fonts in which letters beside each other are one word
TEXTS = {r"\text": "rm", r"\textrm": "rm", r"\textnormal": "rm", r"\textup": "rm", r"\mbox": "rm", r"\hbox": "rm",
         r"\textbf": "bf", r"\textit": "it", r"\emph": "it", r"\textsf": "sf", r"\texttt": "tt", r"\textsc": "rm",
         r"\mathmbox": "rm", r"\fbox": "rm"}
ACCENTS = {r"\hat": "hat", r"\widehat": "hat", r"\tilde": "tilde", r"\widetilde": "tilde", r"\bar": "bar",
           r"\overline": "bar", r"\dot": "dot", r"\ddot": "ddot", r"\vec": "vec", r"\overrightarrow": "vec",
           r"\check": "check", r"\widecheck": "check", r"\breve": "breve"}
FRACTIONS = frozenset((r"\frac", r"\tfrac", r"\dfrac", r"\cfrac", r"\nicefrac", r"\sfrac"))
BRACES = {r"\underbrace": "_", r"\overbrace": "^", r"\underbracket": "_", r"\overbracket": "^"}
TRANSPARENT = frozenset((r"\boxed", r"\mathop", r"\ensuremath", r"\mathord", r"\mathinner", r"\smash"))
STACKED = frozenset((r"\overset", r"\stackrel", r"\underset"))
REFUSED = {                                                     # known, but not read: what they are
    r"\binom": "a binomial coefficient", r"\dbinom": "a binomial coefficient", r"\tbinom": "a binomial coefficient",
    r"\choose": "a binomial coefficient", r"\cancel": "something crossed out", r"\bcancel": "something crossed out",
    r"\xcancel": "something crossed out", r"\cancelto": "something crossed out", r"\atop": "a stack of two lines",
    r"\lceil": "rounding up", r"\rceil": "rounding up", r"\iint": "a double integral", r"\oint": "a contour integral",
    r"\newcommand": "a definition of a command", r"\def": "a definition of a command",
    r"\renewcommand": "a definition of a command", r"\input": "another file", r"\include": "another file",
    r"\verb": "verbatim text", r"\write": "writing to a file", r"\csname": "a made-up command",
    r"\uparrow": "an arrow", r"\downarrow": "an arrow", r"\bigoplus": "a direct sum", r"\oplus": "a direct sum",
}

CASES = frozenset(("cases", "dcases", "rcases", "drcases", "numcases"))
MATRICES = {"matrix": "", "pmatrix": "", "bmatrix": "", "Bmatrix": "", "smallmatrix": "", "array": "", "vmatrix": "|",
            "Vmatrix": r"\|"}
WRAPPERS = frozenset(("align", "aligned", "equation", "split", "gather", "gathered", "eqnarray", "multline",
                      "multlined", "alignat", "alignedat", "flalign", "displaymath", "math", "subequations", "center",
                      "dmath", "IEEEeqnarray", "empheq", "document", "minipage", "xalignat"))
WITH_ARGUMENT = frozenset(("array", "alignat", "alignedat", "IEEEeqnarray", "minipage", "numcases", "xalignat"))

# ---- what has no meaning ---------------------------------------------------------------------------------------------

LAYOUT = frozenset((r"\limits", r"\nolimits", r"\displaystyle", r"\textstyle", r"\scriptstyle", r"\scriptscriptstyle",
                    r"\displaylimits", r"\mathstrut", r"\strut", r"\nonumber", r"\notag", r"\hline", r"\hfill",
                    r"\hfil", r"\noindent", r"\allowbreak", r"\nobreak", r"\relax", r"\centering", r"\small",
                    r"\normalsize", r"\large", r"\footnotesize", r"\tiny", r"\Tiny", r"\scriptsize",
                    r"\Large", r"\LARGE", r"\huge", r"\Huge", r"\qedhere", r"\qed", r"\blacksquare",
                    r"\square", r"\Box", r"\mathrel", r"\mathbin", r"\mathpunct", r"\mathopen", r"\mathclose",
                    r"\unboldmath", r"\boldmath", r"\medskip", r"\bigskip", r"\smallskip", r"\par", r"\break",
                    r"\null", r"\protect", r"\toprule", r"\bottomrule", r"\midrule", r"\linebreak", r"\upshape"))
LAYOUT_WITH_ARGUMENT = frozenset((r"\hspace", r"\vspace", r"\phantom", r"\hphantom", r"\vphantom", r"\mspace",
                                  r"\label", r"\tag", r"\color", r"\footnote", r"\vskip", r"\raisetag",
                                  r"\setlength", r"\pagebreak", r"\cline", r"\displaybreak"))
SPACES = frozenset((r"\,", r"\;", r"\:", r"\!", r"\ ", r"\>", r"\thinspace", r"\medspace", r"\thickspace",
                    r"\negthinspace", r"\negmedspace", r"\negthickspace", r"\enspace", r"\enskip", r"\space",
                    r"\nobreakspace", "\\\n", "\\\t"))
QUADS = frozenset((r"\quad", r"\qquad"))
INTERTEXT = frozenset((r"\intertext", r"\shortintertext"))
SIZES = {r"\left": "left", r"\right": "right", r"\middle": "middle"} | {
    rf"\{size}{side}": which
    for size in ("big", "Big", "bigg", "Bigg")
    for side, which in (("", ""), ("l", "left"), ("r", "right"), ("m", "middle"))}
SIDED = {("|", "left"): r"\lvert", ("|", "right"): r"\rvert", ("|", "middle"): r"\mid",
         (r"\vert", "left"): r"\lvert", (r"\vert", "right"): r"\rvert", (r"\vert", "middle"): r"\mid",
         (r"\|", "left"): r"\lVert", (r"\|", "right"): r"\rVert", (r"\Vert", "left"): r"\lVert",
         (r"\Vert", "right"): r"\rVert", ("<", "left"): r"\langle", (">", "right"): r"\rangle",
         ("<", ""): r"\langle", (">", ""): r"\rangle"}

# ---- Unicode ---------------------------------------------------------------------------------------------------------

CHARACTERS = {                                                  # a character: the command it stands for
    "∂": r"\partial", "∇": r"\nabla", "∞": r"\infty", "⊤": r"\top", "⊥": r"\bot", "∅": r"\emptyset", "ℏ": r"\hbar",
    "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "√": r"\sqrt", "·": r"\cdot", "⋅": r"\cdot", "×": r"\times",
    "÷": r"\div", "⊙": r"\odot", "⊗": r"\otimes", "⊘": r"\oslash", "∘": r"\circ", "•": r"\bullet", "∙": r"\bullet",
    "∗": "*", "⋆": r"\star", "−": "-", "±": r"\pm", "∓": r"\mp", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "∈": r"\in",
    "⩽": r"\le", "⩾": r"\ge", "∉": r"\notin", "≈": r"\approx", "≃": r"\approx", "≅": r"\approx", "∝": r"\propto",
    "∼": r"\sim", "≡": r"\equiv", "→": r"\to", "↦": r"\to", "←": r"\gets", "⇒": r"\Rightarrow", "⟹": r"\Rightarrow",
    "⇔": r"\iff", "⟺": r"\iff", "∴": r"\therefore", "∵": r"\because", "⊂": r"\subset", "⊆": r"\subset", "∣": r"\mid",
    "≔": r"\coloneqq", "≜": r"\triangleq", "∀": r"\forall", "∃": r"\exists", "∧": r"\land", "∨": r"\lor",
    "⟨": r"\langle", "⟩": r"\rangle", "〈": r"\langle", "〉": r"\rangle", "‖": r"\|", "∥": r"\|", "⌊": r"\lfloor",
    "⌋": r"\rfloor", "…": r"\dots", "⋯": r"\dots", "⋮": r"\dots", "⋱": r"\dots", "ℓ": r"\ell", "′": "'",
    "ϵ": r"\epsilon", "ε": r"\epsilon", "ϕ": r"\phi", "φ": r"\phi", "ϑ": r"\vartheta", "ϱ": r"\varrho",
    "ς": r"\varsigma", "ϖ": r"\varpi", "µ": r"\mu", "ϰ": r"\kappa",
    "ı": r"\imath", "⁄": "/", "∕": "/", "∶": ":", "†": r"\dagger",
}
CHARACTERS |= dict(zip("αβγδζηθικλμνξπρστυχψωΓΔΘΛΞΠΣΥΦΨΩ", (
    rf"\{name}" for name in words(
        "alpha beta gamma delta zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon "
        "chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega")), strict=True))
SEVERAL = {"″": "''", "‴": "'''", "⁗": "''''"}
ABOVE = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵀᵗᵐᵏˡʲ", "0123456789+-=()niTtmklj", strict=True))
BELOW = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+-=()aehijklmnoprstuvx", strict=True))
COMBINING = {"\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar", "\u0305": r"\bar", "\u0307": r"\dot",
             "\u0308": r"\ddot", "\u20d7": r"\vec", "\u030c": r"\check", "\u0306": r"\breve"}
STYLE_WORDS = (("DOUBLE-STRUCK", "bb"), ("FRAKTUR", "frak"), ("BLACK-LETTER", "frak"), ("SCRIPT", "cal"),
               ("MONOSPACE", "tt"), ("SANS-SERIF", "sf"), ("BOLD", "bf"))        # as Unicode names them
LOOKALIKES = dict(zip("аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅοαΑΒΕΖΗΙΚΜΝΟΡΤΧ", "aeopcyxijshdqwABEKMHOPCTYXIJSoaABEZHIKMNOPTX",
                      strict=True))
DASHES = {"–": "-", "—": "-", "‐": "-", "‑": "-", "‒": "-", "’": "'", "‘": "'", "´": "'", "`": "'"}
