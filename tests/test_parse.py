"""The syntax of written formulas: every notation in use has one reading; what has none is refused with its place."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derivs.errors import Unreadable
from derivs.reading.macros import macros_in
from derivs.reading.parse import DEEPEST, parse
from derivs.reading.rows import Written, rows
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
    Styled,
    Sum,
    Text,
    Word,
    walk,
)


def tree(node: Node | None) -> str:
    """A syntax tree on one line: (* a b) is a product, (+ +a -b) a sum, <cdot> a sign, 'exp' a word, "if" prose."""
    match node:
        case None:
            return "_"
        case Name(text) | Numeral(text):
            return text
        case Word(text):
            return f"'{text}'"
        case Text(text):
            return f'"{text}"'
        case Sign(text, _, below):
            return f"<{text}_{below}>" if below else f"<{text}>"
        case Accent(kind, body) | Styled(kind, body):
            return f"({kind} {tree(body)})"
        case Scripts(base, below, above, primes):
            marks = "".join(mark + tree(script) for mark, script in (("_", below), ("^", above)) if script)
            return tree(base) + "'" * primes + marks
        case Group(kind, items):
            return f"[{kind} {', '.join(map(tree, items))}]"
        case Fraction(over, under):
            return f"(frac {tree(over)} {tree(under)})"
        case Root(body, degree):
            return f"(root {tree(body)} {tree(degree)})"
        case Big(kind, below, above, body):
            return f"({kind} {tree(below)} {tree(above)} {tree(body)})"
        case Product(parts):
            return "(* " + " ".join(map(tree, parts)) + ")"
        case Sum(terms):
            return "(+ " + " ".join({1: "+", -1: "-", 0: "±"}[sign] + tree(term) for sign, term in terms) + ")"
        case Relation(sides, signs):
            tail = (f" {sign} {tree(side)}" for sign, side in zip(signs, sides[1:], strict=True))
            return f"({tree(sides[0])}{''.join(tail)})"
        case Cases(branches):
            return "(cases " + " ".join(f"{tree(value)} | {tree(test)};" for value, test in branches) + ")"
        case Matrix(entries):
            return "(matrix " + " / ".join(" ".join(map(tree, row)) for row in entries) + ")"
        case Row(parts):
            return "{" + "; ".join(map(tree, parts)) + "}"


# ---- what people write, in the order of how often they write it ------------------------------------------------------

READINGS = [
    (r"\frac{\partial L}{\partial x}", "(frac (* partial L) (* partial x))"),
    (r"\frac{\partial L}{\partial W_{ij}}", "(frac (* partial L) (* partial W_(* i j)))"),
    (r"= a + b", "(_ = (+ +a +b))"),
    (r"\Leftrightarrow a = b", "(_ <=> a = b)"),
    (r"\therefore a", "(_ therefore a)"),
    (r"a =", "(a = _)"),
    (r"\hat{y} + \hat{x_i} + \hat{x}_i + \widetilde x + \overline{x}",
     "(+ +(hat y) +(hat x_i) +(hat x)_i +(tilde x) +(bar x))"),
    (r"\left( a \right) \big[ b \big] \Bigg\{ c \Bigg\}", r"(* [( a] [[ b] [\{ c])"),
    (r"a \cdot b \cdot c", "(* a <cdot> b <cdot> c)"),
    (r"x^{(l)} x^{[l]} x^l x^{(T)}", "(* x^[( l] x^[[ l] x^l x^[( T])"),
    (r"x^{(l<N)}", "x^[( (l < N)]"),
    (r"\delta_{ij} \delta_{i,k} \delta^i_j", "(* delta_(* i j) delta_{i; k} delta_j^i)"),
    (r"W^T x^\top W^{\mathsf T} W^t", "(* W^T x^top W^(sf T) W^t)"),
    (r"\delta^{(l)}_i", "delta_i^[( l]"),
    (r"\sum_k x_k", "(sum k _ x_k)"),
    (r"\sum_{i,j} x_{ij}", "(sum {i; j} _ x_(* i j))"),
    (r"\mathbf{x} {\bf x} \boldsymbol{\mu} \mathcal B {\cal B}", "(* (bf x) (bf x) (bf mu) (cal B) (cal B))"),
    (r"\mathbf{W x}", "(* (bf W) (bf x))"),
    (r"\sum_{k=1}^N a_k b_k + c", "(+ +(sum (k = 1) N (* a_k b_k)) +c)"),
    (r"\sum_s^S x^s", "(sum s S x^s)"),
    (r"\sum x", "(sum _ _ x)"),
    (r"\sum_i x_i / n - 1", "(+ +(sum i _ (* x_i </> n)) -1)"),
    (r"\sum_k - t_k \log y_k", "(sum k _ (+ -(* t_k 'log' y_k)))"),
    (r"\sigma' f'(x) \phi''(z) x'^2 x_i' x^\prime x^2'", "(* sigma' f' [( x] phi'' [( z] x'^2 x'_i x' x'^2)"),
    (r"\sum_{w \in V} w", "(sum (w in V) _ w)"),
    (r"\sum_{j \neq i} x_j", "(sum (j != i) _ x_j)"),
    (r"\sum_{i=1, i \neq j}^n x_i", "(sum {(i = 1); (i != j)} n x_i)"),
    (r"\sum_{\substack{i=1 \\ i \ne j}}^n x_i", "(sum {(i = 1); (i != j)} n x_i)"),
    (r"j = i \text{ and } x > 0", '{(j = i); " and "; (x > 0)}'),
    (r"i=j, k=l", "{(i = j); (k = l)}"),
    (r"i \neq j \land k = l", '{(i != j); "and"; (k = l)}'),
    (r"a = b, \quad c = d", "{(a = b); (c = d)}"),
    (r"a = b \quad c = d", "{(a = b); (c = d)}"),
    (r"y_i = x_i \quad \forall i", '{(y_i = x_i); "forall"; i}'),
    (r"\frac{d}{dx} \frac{dL}{dw} \frac{\mathrm{d}L}{\mathrm d w}",
     "(* (frac d (* d x)) (frac (* d L) (* d w)) (frac (* (rm d) L) (* (rm d) w)))"),
    (r"\partial y_i / \partial x_k", "(* partial y_i </> partial x_k)"),
    (r"w_{rec} W_{yh} out_{h1}", "(* w_(* r e c) W_(* y h) o u t_(* h 1))"),
    (r"x_{\text{in}} L_\text{CE} w_{\mathrm{rec}} O_{min}", "(* x_'in' L_'CE' w_'rec' O_'min')"),
    (r"\exp(x) exp(x) \exp^{-x} e^{-x}", "(* 'exp' [( x] 'exp' [( x] 'exp'^(+ -x) e^(+ -x))"),
    (r"\frac{\partial L}{\partial Y} W", "(* (frac (* partial L) (* partial Y)) W)"),
    (r"a \odot b \circ c \otimes d \oslash e * f \times g \bullet h",
     "(* a <odot> b <circ> c <otimes> d <oslash> e <*> f <times> g <bullet> h)"),
    (r"a \times -b c", "(* a <times> (+ -b) c)"),
    (r"\begin{cases} 1 & \text{if } i = j \\ 0 & \text{otherwise} \end{cases}",
     '(cases 1 | {"if "; (i = j)}; 0 | {"otherwise"};)'),
    (r"\begin{cases} x, & x > 0, \\ a x \text{ if } x < 0 \\ 0 & else. \end{cases}",
     '(cases x | {(x > 0)}; (* a x) | {" if "; (x < 0)}; 0 | {"else"};)'),
    (r"\begin{cases} 1 & \text{if $i = j$ and } k > 0 \\ 0 \end{cases}",
     '(cases 1 | {"if "; (i = j); " and "; (k > 0)}; 0 | _;)'),
    (r"\left\{ \begin{array}{ll} 1 & i = j \\ 0 & otherwise \end{array} \right.",
     '(cases 1 | {(i = j)}; 0 | {"otherwise"};)'),
    (r"\begin{cases} 1 & : x > 0 \\ 0 \quad \text{else} \end{cases}", '(cases 1 | {":"; (x > 0)}; 0 | {"else"};)'),
    (r"\log x_i \log(x)^2 \log^2 x log y ln(x)", "(* 'log' x_i 'log' [( x]^2 'log'^2 x 'log' y 'ln' [( x])"),
    (r"\nabla_{\mathbf x} L", "(* nabla_(bf x) L)"),
    (r"diag(x) \operatorname{diag}(x) tr(A) softmax(z)_i",
     "(* 'diag' [( x] 'diag' [( x] 'tr' [( A] 'softmax' [( z]_i)"),
    (r"\mathrm{softmax}(x) \text{ReLU}(x) \mathrm{x}", "(* 'softmax' [( x] 'ReLU' [( x] (rm x))"),
    (r"x_1, \dots, x_n", '{x_1; "..."; x_n}'),
    (r"x_1 + \cdots + x_n", '(+ +x_1 +"..." +x_n)'),
    (r"\mathbb{1}(i=j) \mathbb{I}\{x>0\} I\{X > 0\} 1(k == i) (x > 0)",
     r"(* (bb 1) [( (i = j)] (bb I) [\{ (x > 0)] I [\{ (X > 0)] 1 [( (k == i)] [( (x > 0)])"),
    (r"\mathds{1} \mathbbm 1 \mathbf{1}\mathbf{1}^T \mathbb 1_{i = j}",
     "(* (bb 1) (bb 1) (bf 1) (bf 1)^T (bb 1)_(i = j))"),
    (r"W[i,j] {[M]}_{ij} U_{:,w}", '(* W [[ i, j] [[ M]_(* i j) U_{":"; w})'),
    (r"d\hat{x}_i", "(* d (hat x)_i)"),
    (r"A : B", "(* A <:> B)"),
    (r"\langle x, y \rangle \|x\|_2^2 |x| \lvert x \rvert ||x||", r"(* [< x, y] [\| x]_2^2 [| x] [| x] [\| x])"),
    (r"\lambda |w| + p(y|x) + |a||b|", "(+ +(* lambda [| w]) +(* p [( (y mid x)]) +(* [| a] [| b]))"),
    (r"\begin{bmatrix} a & b \\ c & d \end{bmatrix}", "(matrix a b / c d)"),
    (r"W *_{full} X *_{\text{filt}} Y", "(* W <*_full> X <*_filt> Y)"),
    # shapes
    (r"\frac12 \frac ab \frac1{2m} {a \over b} \tfrac{a}{b}",
     "(* (frac 1 2) (frac a b) (frac 1 (* 2 m)) (frac a b) (frac a b))"),
    (r"\sqrt x \sqrt[3]{x + 1}", "(* (root x _) (root (+ +x +1) 3))"),
    (r"{a - b}(c)", "(* [{ (+ +a -b)] [( c])"),
    (r"-a b + -c \pm d", "(+ -(* a b) +(+ -c) ±d)"),
    (r"\max(a,b) \max\left(0, x\right) \max\{a,b\}", r"(* 'max' [( a, b] 'max' [( 0, x] 'max' [\{ a, b])"),
    (r"\max_i x_i", "(max i _ x_i)"),
    (r"\arg\max_k z + \operatorname*{arg\,max}_k z + \underset{k}{\operatorname{argmin}} z",
     "(+ +(argmax k _ z) +(argmax k _ z) +(argmin k _ z))"),
    (r"\sum_i\sum_j a_{ij}", "(sum i _ (sum j _ a_(* i j)))"),
    (r"a := b \coloneqq c \stackrel{def}{=} d \overset{!}{=} e \not= f != g \equiv h",
     "(a := b := c := d = e != f != g equiv h)"),
    (r"W \leftarrow W - \eta g", "(W gets (+ +W -(* eta g)))"),
    (r"\underbrace{a + b}_{\text{label}} \boxed{c} \textcolor{red}{d}", "(* [{ (+ +a +b)] c d)"),
    (r"a\,b\;c~d\ e \hspace{2pt} f \phantom{xx} g % comment", "(* a b c d e f g)"),
    (r"\delta^i{}_j x^{}_i a {=} b", "((* delta_j^i x_i a) = b)"),
    (r"f(\cdot) x^* A^+ A^{-1}", '(* f [( <cdot>] x^<*> A^"+" A^(+ -1))'),
    (r"0.5 x .5", "(* 0.5 x .5)"),
    (r"y = x, \text{since } z * = ?", '{(y = x); "since "; "z * = ?"}'),
    # Unicode
    ("μ σ² ∂L/∂xᵢ", "(* mu sigma^2 partial L </> partial x_i)"),
    ("∑_i x_i⁻¹ ⊙ y", "(sum i _ (* x_i^(+ -1) <odot> y))"),
    ("√x ≤ ∞ − 1", "((root x _) <= (+ +infty -1))"),
    ("𝑥 𝐱 𝟙(i=j) 𝔼 x̂_i ŷ x′", "(* x (bf x) (bb 1) [( (i = j)] (bb E) (hat x)_i (hat y) x')"),
    ("⟨x, y⟩ ⇒ ‖x‖ ≠ x⊤y", r"([< x, y] => [\| x] != (* x top y))"),
    # TeX takes one letter after _, and sets a script in braces below what stands before them
    (r"y_kln(a_k)", "(* y_k 'ln' [( a_k])"), (r"\theta{_k} + 1", "(+ +theta_k +1)"),
]


@pytest.mark.parametrize(("formula", "reading"), READINGS)
def test_reading(formula: str, reading: str) -> None:
    assert tree(parse(formula)) == reading


@pytest.mark.parametrize("formula", [formula for formula, _ in READINGS])
def test_every_node_knows_its_place(formula: str) -> None:
    shifted = f"before {formula} after"
    for node in walk(parse(shifted, 7, 7 + len(formula))):
        assert 7 <= node.span[0] <= node.span[1] <= 7 + len(formula)
        if isinstance(node, Name | Numeral) and formula.isascii() and len(node.text) == 1:
            assert shifted[slice(*node.span)].strip("{}") in (node.text, rf"\text{{{node.text}}}", rf"\{node.text}")


@pytest.mark.parametrize(("formula", "place", "what"), [
    (r"a + \foo x", r"\foo", r"\foo is not known here"),
    (r"\alhpa x", r"\alhpa", r"\alhpa is not known here"),
    (r"\binom{n}{k}", r"\binom", r"\binom, a binomial coefficient, cannot be read"),
    (r"\cancel{x} y", r"\cancel", r"\cancel, something crossed out, cannot be read"),
    (r"x_i_j", "_j", "two subscripts on the same letter"),
    (r"x^a^b", "^b", "two superscripts on the same letter"),
    (r"{}_i x", "{}_", "a sub- or superscript before its letter"),
    (r"[a, b)", ")", "[ is closed by )"),
    (r"2 (a + b", "(", "( is never closed"),
    (r"a + b)", ")", ") closes nothing"),
    (r"a + b}", "}", "} closes nothing"),
    (r"\sqrt{a + b", "{", "{ is never closed"),
    (r"|x + 1", "|", "| is never closed"),
    (r"(p \| q)", r"\|", r"\| is never closed"),
    (r"||x| - 1|", "|", "it is not clear which bar closes which"),
    (r"x \right|_{x = 0}", r"\right|", "the bar closes nothing"),
    (r"a + ", "+", "nothing stands after +"),
    (r"a \cdot = b", r"\cdot", r"nothing stands after \cdot"),
    (r"\cdot a", r"\cdot", r"nothing stands before \cdot"),
    (r"a = = b", "= =", "two relation signs beside each other"),
    (r"\sum_{i=1}^n", r"\sum_{i=1}^n", r"nothing stands after \sum"),
    (r"\frac{a}", r"\frac{a}", r"something is missing in \frac"),
    (r"\sqrt{}", r"\sqrt", r"nothing stands under \sqrt"),
    (r"x^12", "^12", "^12 puts only the 1 above"),
    (r"x^-1", "^-1", "^-1 puts only the sign above"),
    (r"1e-5 x", "1e-5", "a number in computer notation"),
    (r"2 3", "2 3", "two numbers beside each other"),
    (r"n!", "!", "a factorial is not known here"),
    (r"a . b", ".", "a full stop inside a formula"),
    (r"a,, b", ",", "two commas beside each other"),
    (r"\begin{cases} 1 & x", r"\begin{cases}", r"\begin{cases} is never ended"),
    (r"\begin{foo} 1 \end{foo}", r"\begin{foo}", "the environment foo is not known here"),
    (r"\begin{bmatrix} a & b \\ c \end{bmatrix}", r"\begin{bmatrix}", "a matrix with an entry missing"),
    (r"a . 1", ".", "a full stop inside a formula"),
    (r"a \\ b", r"\\", r"a line break, \\, inside a formula"),
    ("", "", "an empty formula"),
    ("а + 1", "а", "the letter U+0430 looks like a but is Cyrillic"),
    ("x = １", "１", "the character U+FF11 looks like 1 but is another"),
    ("x\u200dy", "\u200d", "an invisible or combining character, U+200D, stands here"),
    ("x\u202ey", "\u202e", "an invisible or combining character, U+202E, stands here"),
    ("x\x00y", "\x00", "a control character, U+0000, stands here"),
    ("x\ud800y", "\ud800", "half of a character, U+D800, stands here"),
    ("x – y", "–", "the character U+2013 looks like - but is another"),
])
def test_refused(formula: str, place: str, what: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(formula)
    start, end = refused.value.span
    assert (formula[start:end], refused.value.what) == (place, what)
    assert refused.value.mend


def test_a_misspelt_command_is_mended_by_the_nearest_one() -> None:
    with pytest.raises(Unreadable) as refused:
        parse(r"\alhpa")
    assert refused.value.mend == r"did you mean \alpha?"


# ---- macros ----------------------------------------------------------------------------------------------------------

PREAMBLE = r"""
\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}} \newcommand\R{\mathbb{R}}    % \newcommand{\no}{x}
\newcommand{\dd}[2][L]{\frac{d #1}{d #2}} \def\x{\mathbf{x}} \def\sq#1{#1^2} \renewcommand{\epsilon}{\varepsilon}
\DeclareMathOperator*{\am}{arg\,max} \DeclareMathOperator{\rl}{ReLU} \providecommand{\lab}[1]{\text{#1}}
\newcommand{\be}{\begin{equation}} \newcommand{\ee}{\end{equation}} \newcommand{\both}{\pd}
\def\loop{\loop} \def\twice{\twice\twice}
\def\xa{\xb\xb\xb\xb\xb\xb\xb\xb\xb\xb} \def\xb{\xc\xc\xc\xc\xc\xc\xc\xc\xc\xc} \def\xc{\xd\xd\xd\xd\xd\xd\xd\xd\xd\xd}
\def\xd{zzzzzzzzzzzzzzzzzzzz}
"""


@pytest.mark.parametrize(("formula", "reading"), [
    (r"\pd{E}{x_i} = \x", "((frac (* partial E) (* partial x_i)) = (bf x))"),
    (r"\pd a b \both{c}{d}", "(* (frac (* partial a) (* partial b)) (frac (* partial c) (* partial d)))"),
    (r"\dd{y} \dd[K]{y}", "(* (frac (* d L) (* d y)) (frac (* d K) (* d y)))"),
    (r"\am_k \sq{z}", "(argmax k _ z^2)"),
    (r"\rl(x) + \lab{loss} + \epsilon", "(+ +(* 'ReLU' [( x]) +'loss' +varepsilon)"),
])
def test_macros(formula: str, reading: str) -> None:
    assert tree(parse(formula, macros=macros_in(PREAMBLE))) == reading


def test_what_a_macro_stands_for_has_the_place_of_its_use() -> None:
    node = parse(r"a + \pd{E}{x}", macros=macros_in(PREAMBLE))
    assert {part.span for part in walk(node)} == {(0, 13), (0, 1), (4, 13)}


@pytest.mark.parametrize(("formula", "place", "what"), [
    (r"a + \loop", r"\loop", r"\loop grows without an end"),
    (r"a + \twice", r"\twice", r"\twice grows without an end"),
    (r"a + \xa", r"\xa", r"\xa grows without an end"),
    (r"a + \pd{x}", r"\pd{x}", r"\pd needs 2 arguments"),
    (r"\no", r"\no", r"\no is not known here"),
])
def test_macros_refused(formula: str, place: str, what: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(formula, macros=macros_in(PREAMBLE))
    start, end = refused.value.span
    assert (formula[start:end], refused.value.what) == (place, what)


# ---- rows ------------------------------------------------------------------------------------------------------------

def said(written: tuple[Written, ...]) -> list[str]:
    return [tree(row.node) if row.node else f"refused: {row.error.what}" if row.error else "" for row in written]


@pytest.mark.parametrize(("display", "readings"), [
    (r"$$y = x.$$", ["(y = x)"]),
    (r"\begin{align*} y &= a, \label{y} \\ &= b \nonumber \\[2pt] z &= c. \tag{1} \end{align*}",
     ["(y = a)", "(_ = b)", "(z = c)"]),
    (r"\begin{equation}\begin{split} y &= x \end{split}\end{equation}.", ["(y = x)"]),
    (r"\begin{array}{rcl} y &=& a \\ &=& b \end{array}", ["(y = a)", "(_ = b)"]),
    (r"A = \begin{array}{cc} a & b \\ c & d \end{array}", ["(A = (matrix a b / c d))"]),
    (r"y = a \\ \quad + b \\ \cdot c - \\ d", ["(y = (+ +a +(* b <cdot> c) -d))"]),
    (r"y = \\ -a = \\ b", ["y", "(_ = (+ -a))", "(_ = b)"]),
    (r"y := \\ = b \\ c =", ["y", "(_ = b)", "(c = _)"]),
    (r"x &= a \\ -y &= b", ["(x = a)", "((+ -y) = b)"]),
    (r"y &= \left[ a + b \right. \\ &\quad \left. + c \right] d \\ z &= e",
     ["(y = (* [[ (+ +a +b +c)] d))", "(z = e)"]),
    (r"y = (a + b \\ z = c) \\ w = d", ["refused: ( is never closed", "refused: ) closes nothing", "(w = d)"]),
    (r"y = \begin{cases} 1 & i = j \\ 0 \end{cases} \\ z = 1", ["(y = (cases 1 | {(i = j)}; 0 | _;))", "(z = 1)"]),
    (r"a = b \\ \foo \\ \frac{a}{b} } c \\ { d \\ e = f",
     ["(a = b)", r"refused: \foo is not known here", "refused: } closes nothing", "refused: { is never closed",
      "(e = f)"]),
    (r"a = b \intertext{so} c = d", ["(a = b)", "(c = d)"]),
    (r"\begin{alignat}{2} a &= b & c &= d \end{alignat}", ["{(a = b); (c = d)}"]),
    (r"(\text{ii}) \ a = b", ["(a = b)"]),
    (r"a = b \\ \Rightarrow c = d", ["(a = b)", "(_ => c = d)"]),
    (r" \\ % nothing", []),
])
def test_rows(display: str, readings: list[str]) -> None:
    assert said(rows(display)) == readings


def test_a_row_has_the_place_of_its_own_text() -> None:
    display = r"\begin{align} y &= \\ & a \foo \end{align}"
    first, second = rows(display)
    assert display[slice(*first.span)] == "y &=" and display[slice(*second.span)] == r"a \foo"
    assert second.error is not None and display[slice(*second.error.span)] == r"\foo"


def test_wrappers_from_macros() -> None:
    assert said(rows(r"\be y = x \ee", macros=macros_in(PREAMBLE))) == ["(y = x)"]


# ---- what is meant to hurt -------------------------------------------------------------------------------------------

LARGE = 1_000_000
HOSTILE: list[tuple[str, Callable[[], str]]] = [
    ("a line of a megabyte", lambda: "x + " * (LARGE // 4)),
    ("a million braces", lambda: "{" * LARGE),
    ("many braces", lambda: "{" * 9_000 + "}" * 9_000),
    ("many brackets", lambda: "(" * 4_900),
    ("300 fractions", lambda: r"\frac{1}{" * 300 + "x" + "}" * 300),
    ("300 scripts", lambda: "x^{" * 300 + "x" + "}" * 300),
    ("many accents", lambda: r"\hat" * 3_000 + "x"),
    ("many sums", lambda: r"\sum_i" * 1_500 + "x"),
    ("many signs", lambda: "-" * 4_000 + "x"),
    ("many bars", lambda: "|" * 4_900),
    ("many roots", lambda: r"\sqrt[" * 2_000),
    ("many fonts", lambda: r"\mathbf{" * 2_000),
    ("many old fonts", lambda: r"\bf" * 4_000),
    ("many texts", lambda: r"\text{" * 3_000),
    ("many lefts", lambda: r"\left(" * 3_000),
    ("many begins", lambda: r"\begin{cases}" * 1_500),
    ("many arrays", lambda: r"\begin{array}{l} a = b \end{array}" * 500),
    ("many breaks", lambda: "\\\\" * 9_000),
    ("many commands nobody knows", lambda: "".join(
        rf"\q{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i // 676)}\\" for i in range(3_000))),
    ("a long command", lambda: "\\" + "a" * 19_000),
    ("a long number", lambda: "9" * 4_000),
    ("a tower", lambda: "9^{9^{9^{9^{9}}}}"),
    ("a long word", lambda: "a" * 4_900),
    ("primes", lambda: "x" + "'" * 4_900),
    ("scripts", lambda: "x" + "_{}" * 1_600),
    ("dots", lambda: "." * 4_900),
    ("commas", lambda: "," * 4_900),
    ("backslashes", lambda: "\\" * 19_999),
    ("spaces", lambda: " " * 19_999),
    ("strange characters", lambda: "\u200d\ud800\u202e\x00" * 4_000),
    ("combining characters", lambda: "x" + "\u0302" * 10_000),
]


def reading_or_refusal(formula: str) -> Node | Unreadable:
    try:
        return parse(formula)
    except Unreadable as refused:
        return refused


@pytest.mark.parametrize("make", [make for _, make in HOSTILE], ids=[name for name, _ in HOSTILE])
def test_hostile(make: Callable[[], str]) -> None:
    formula = make()
    start = time.process_time()
    answer = reading_or_refusal(formula)
    rows(formula)
    macros_in(formula)
    assert time.process_time() - start < 1.5
    if isinstance(answer, Unreadable):
        assert len(answer.what) < 200 and str(answer).encode()      # nothing in it that cannot be printed


def test_hostile_macros() -> None:
    start = time.process_time()
    many = "".join(rf"\def\m{chr(97 + i % 26)}{chr(97 + i // 26)}{{" for i in range(600)) * 100
    rows(r"\maa \mab" * 1_000, macros=macros_in(many))
    doubling = macros_in("".join(rf"\def\{a}{{\{b}\{b}}}" for a, b in zip("abcdefghijkl", "bcdefghijklm", strict=True)))
    rows(r"\a \\" * 2_000, macros=doubling)
    nested = macros_in(r"\def\f#1{#1 #1}")
    rows(r"\f{" * 500 + "x" + "}" * 500, macros=nested)
    assert time.process_time() - start < 2


def test_nesting_up_to_the_bound_is_read() -> None:
    assert isinstance(parse("(" * DEEPEST + "x" + ")" * DEEPEST), Group)
    with pytest.raises(Unreadable, match=f"nested more than {DEEPEST} deep"):
        parse("(" * (DEEPEST + 1) + "x" + ")" * (DEEPEST + 1))


PIECES = st.sampled_from([
    "x", "y", "1", "23", "+", "-", "=", "<", "{", "}", "(", ")", "[", "]", "_", "^", "'", ",", ";", ".", ":",
    "|", "||", "&", "!", "$", "#", "%", "~", " ", "\n", "\\", "\\\\", r"\frac", r"\sqrt", r"\sum", r"\max",
    r"\arg", r"\hat", r"\text", r"\mathbf", r"\mathrm", r"\bf", r"\left", r"\right", r"\{", r"\}", r"\|",
    r"\langle", r"\rangle", r"\over", r"\quad", r"\begin{cases}", r"\end{cases}", r"\begin{array}{ll}",
    r"\end{array}", r"\begin{aligned}", r"\end{aligned}", r"\begin{bmatrix}", r"\end{bmatrix}", r"\substack",
    r"\underset", r"\overset", r"\stackrel", r"\not", r"\cdot", r"\operatorname", r"\operatorname*",
    r"\text{if }", r"\text{since}", r"\text{$", r"\mathbb{1}", r"\underbrace", r"\partial", r"\foo", r"\rvert",
    r"\lvert", r"\prime", r"\mid", "exp", "if ", "²", "ᵢ", "x̂", "\u0302", "а", "∂", "√", r"\m", r"\k{",
    r"\dots", "..", r"\limits", r"\tag{1}", r"\[", r"\]", r"\intertext{a}", "{}", r"\mathop", "*_{full}"])
FORMULAS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join),
                     st.lists(PIECES, max_size=12).map(" ".join))


@given(FORMULAS)
def test_any_text_is_read_or_refused(formula: str) -> None:
    macros = macros_in(r"\newcommand{\m}{x^2 \frac} \newcommand{\k}[2][a]{{#1}_{#2}}" + formula)
    answer = reading_or_refusal(formula)
    if isinstance(answer, Unreadable):
        assert 0 <= answer.span[0] <= answer.span[1] <= len(formula)
        assert answer.mend and str(answer).encode()
    else:
        for node in walk(answer):
            assert 0 <= node.span[0] <= node.span[1] <= len(formula)
    for row in rows(formula, macros=macros):
        assert (row.node is None) != (row.error is None)
        assert 0 <= row.span[0] <= row.span[1] <= len(formula)
        if row.error:
            assert 0 <= row.error.span[0] <= row.error.span[1] <= len(formula)


@given(FORMULAS, FORMULAS)
def test_a_row_does_not_change_the_one_after_it(first: str, second: str) -> None:
    before = [row.node for row in rows(r"y = x \\ a = b")]
    after = rows(first.replace("%", "") + r" \\ y = x \\ a = b")
    if after and after[-1].node == before[-1]:
        assert after[-1].error is None
    assert isinstance(parse("x"), Name) and isinstance(reading_or_refusal(second), Node | Unreadable)
