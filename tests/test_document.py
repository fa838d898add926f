"""Where formulas stand in a document, and under which conditions the prose puts them."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derivs.errors import Unreadable
from derivs.reading.document import MOST_CHARACTERS, MOST_FORMULAS, Document, Kind, formulas, place
from derivs.reading.syntax import Relation


def texts(text: str, kind: Kind = "md") -> list[str]:
    return [line.text for line in formulas(text, kind).lines]


def given_texts(document: Document) -> list[tuple[str, str]]:
    """Each line with its conditions, as the author wrote them; a sign that was turned round by `otherwise` first."""
    return [(line.text, ", ".join(said(document, node) for node in line.given)) for line in document.lines]


def said(document: Document, node: object) -> str:
    assert isinstance(node, Relation)
    text = document.text[slice(*node.span)]
    return text if node.signs[0] in text or {"!=": "ne", "<=": "le", ">=": "ge"}.get(node.signs[0], "?") in text \
        else f"{node.signs[0]} {text}"


NOTEBOOK = {"nbformat": 4, "cells": [
    {"cell_type": "markdown", "source": ["# Softmax\n", "For $i = j$\n", "\n", "$$a = b$$\n"]},
    {"cell_type": "code", "source": "x = '$c = d$'", "outputs": []},
    {"cell_type": "markdown", "source": "Now $e = f$ and an open $$"},
    {"cell_type": "markdown", "source": "$$g = h$$"},
    {"cell_type": "raw", "source": "$$r = s$$"}]}


@pytest.mark.parametrize(("text", "found"), [
    ("so $a = b$ holds", ["a = b"]),
    ("so \\(a = b\\) holds", ["a = b"]),
    ("$$a = b$$", ["a = b"]),
    ("$$\na = b\n$$", ["a = b"]),
    ("\\[a = b\\]", ["a = b"]),
    ("\\\\[a = b\\\\]", ["a = b"]),
    ("\\begin{align} a &= b \\\\ &= c \\end{align}", ["a &= b", "= c"]),
    ("\\begin{equation*}\na = b\n\\end{equation*}", ["a = b"]),
    ("```math\na = b\n```", ["a = b"]),
    ("so $`a = b`$ holds", ["a = b"]),
    # a display is a line whatever it says; a formula in the text only if it says that things are equal
    ("$$\\frac{a}{b}$$ :", ["\\frac{a}{b}"]),
    ("$x_i$, $L2$, $10\\%$, $28*28$, $x > 0$, $i \\neq j$, $8 \\to 32$", []),
    ("for $i = 1, \\dots, n$ take $p = 1, 2, 4$", []),
    ("unless said otherwise $i = j$ and $a := b$", ["a := b"]),
    # money
    ("it costs $5 and $6", []),
    ("it costs $5 and $6 but $a = b$", ["a = b"]),
    ("\\$a = b\\$", []),
    ("US$ and AU$ or $a = b$", ["a = b"]),
    ("paid 5$ when a = b or 6$", []),
    ("$ a = b $", ["a = b"]),
    # code and comments
    ("`$a = b$` and ``$c = ` d$`` and $e = f$", ["e = f"]),
    ("```\n$$a = b$$\n```\n$$c = d$$", ["c = d"]),
    ("~~~~ python\n$a = b$\n~~~\n~~~~\n$c = d$", ["c = d"]),
    ("```\n$a = b$", []),
    ("<!-- $a = b$ --> $c = d$", ["c = d"]),
    ("<!-- $a = b$", ["a = b"]),
    ("<code>$a = b$</code> <pre>\n$c = d$\n</pre> $e = f$", ["e = f"]),
    ("---\ntitle: $a = b$\n---\n$c = d$", ["c = d"]),
    ("a lone ` and $a = b$", ["a = b"]),
    # Markdown escapes brackets
    ("as in \\[1\\] and \\(see there\\)", []),
    ("as in \\(a = 1\\)", ["a = 1"]),
    # what is never closed ends soon
    ("$a = b\n\nand $c = d$", ["c = d"]),
    ("it is $a = b, and so on for ever\n\n$$c = d$$", ["c = d"]),
    ("a $$ here and $c = d$", ["c = d"]),
    ("$$a = b\n\nthe text goes on here\n\n$$\nc = d\n$$", ["$$", "c = d"]),
    ("$$a = b\n\n$$c = d$$\n\n$$e = f$$", ["$$", "c = d", "e = f"]),
    ("\\begin{align} a = b\n\n\\begin{align} c = d \\end{align}", ["\\begin{align}", "c = d"]),
    ("$$\n" + "a\n" * 201 + "\n$$c = d$$", ["$$", "c = d"]),
    # % inside a formula is a comment, and definitions say nothing
    ("$$a = b % = c\n$$", ["a = b"]),
    ("$$\\newcommand{\\E}{e = f} a = b$$", ["a = b"]),
])
def test_what_is_found_in_markdown(text: str, found: list[str]) -> None:
    assert texts(text) == found


@pytest.mark.parametrize(("text", "found"), [
    ("$a = b$ % $c = d$\n$e = f$", ["a = b", "e = f"]),
    ("50\\% of $a = b$", ["a = b"]),
    ("\\verb|$a = b$| and \\verb*+$c = d$+ and $e = f$", ["e = f"]),
    ("\\begin{verbatim}\n$a = b$\n\\end{verbatim} $c = d$", ["c = d"]),
    ("\\begin{lstlisting}[language=C]\n$a = b$\n\\end{lstlisting} $c = d$", ["c = d"]),
    ("\\begin{minted}{python}\n$a = b$\n\\end{minted} $c = d$", ["c = d"]),
    ("\\iffalse $a = b$ \\fi $c = d$", ["c = d"]),
    ("\\documentclass{article} $a = b$ \\begin{document} $c = d$ \\end{document} $e = f$", ["c = d"]),
    ("% \\begin{document}\n$a = b$", ["a = b"]),
    ("\\newcommand{\\be}{\\begin{equation}}\n\\[a = b\\]", ["a = b"]),
    ("one \\\\[2pt] two $a = b$", ["a = b"]),
    ("$$a = b$$ `$c = d$`", ["a = b", "c = d"]),
    ("\\begin{gather} a = b \\\\ c = d \\end{gather}", ["a = b", "c = d"]),
    ("\\[\\begin{split} a &= b \\\\ &= c \\end{split}\\]", ["a &= b", "= c"]),
    ("\\begin{tabular}{c} $a = b$ \\end{tabular}", ["a = b"]),
    ("an open \\[ a = b and no end", []),
    ("\\[ a = b\n\nmuch more text\n\n\\[ c = d \\]", ["\\[", "c = d"]),
    ("\\begin{equation} a = b", ["\\begin{equation}"]),
])
def test_what_is_found_in_tex(text: str, found: list[str]) -> None:
    assert texts(text, "tex") == found


@pytest.mark.parametrize(("text", "found", "displays"), [
    ("a = b", ["a = b"], 1),
    ("a = b\n= c\n", ["a = b", "= c"], 1),
    ("a = b\n\nc = d", ["a = b", "c = d"], 2),
    ("a = b \\\\\nc = d", ["a = b", "c = d"], 1),
    ("% a remark\na = b", ["a = b"], 1),
    ("so $a = b$", ["a = b"], 1),
    ("\\begin{align} a &= b \\\\ &= c \\end{align}", ["a &= b", "= c"], 1),
    ("\\begin{align}", ["\\begin{align}"], 1),
    ("", [], 0),
])
def test_a_fragment_needs_no_delimiters(text: str, found: list[str], displays: int) -> None:
    lines = formulas(text, "fragment").lines
    assert [line.text for line in lines] == found
    assert len({line.display for line in lines}) == displays


@pytest.mark.parametrize("text", [
    "y = \\begin{cases} a & i = j \\\\ b & i \\neq j \\end{cases}", "a = b\\text{ if $i = j$}",
    "a = \\frac{b}{\n c}", "a = b\n + c", "a =\n b",
])
def test_a_fragment_on_several_lines_can_be_one_formula(text: str) -> None:
    assert len({line.display for line in formulas(text, "fragment").lines}) == 1


def test_a_notebook_is_read_by_its_markdown_cells() -> None:
    found = formulas(json.dumps(NOTEBOOK), "ipynb")
    assert given_texts(found) == [("a = b", "i = j"), ("e = f", ""), ("g = h", "")]
    assert [line.number for line in found.lines] == [4, 9, 13]
    assert all(found.text[slice(*line.span)] == line.text for line in found.lines)
    assert found.lines[0].heading == "Softmax"


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"cells": 3}', '{"cells": [{"cell_type": "markdown"}]}',
                                  '{"cells": [{"cell_type": "markdown", "source": [1]}]}', "[" * 100_000,
                                  '{"a": ' + "1" * 5000 + "}"])
def test_a_broken_notebook_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="no Jupyter notebook"):
        formulas(text, "ipynb")


@pytest.mark.parametrize(("text", "found"), [
    # on a line of its own: until the next such line, a heading, or another subject
    ("For $i = j$\n\n$$a = b$$\n\n$$c = d$$", [("a = b", "i = j"), ("c = d", "i = j")]),
    ("For $i = j$:\n$$a = b$$\nFor $i \\neq j$:\n$$c = d$$", [("a = b", "i = j"), ("c = d", "i \\neq j")]),
    ("If $i=j$,\n\n$$a = b$$\n\n# Next\n\n$$c = d$$", [("a = b", "i=j"), ("c = d", "")]),
    ("case i = j:\n\n$$a = b$$", [("a = b", "i = j")]),
    ("Case 1: $i = j$.\n\n$$a = b$$\n\nCase 2 ($i \\neq j$)\n\n$$c = d$$",
     [("a = b", "i = j"), ("c = d", "i \\neq j")]),
    ("**For $i = j$:**\n\n$$a = b$$", [("a = b", "i = j")]),
    ("- if i = j:\n$$a = b$$\n- if i != j:\n$$c = d$$", [("a = b", "i = j"), ("c = d", "i != j")]),
    ("### Case $i = j$\n\n$$a = b$$\n\n### Both\n\n$$c = d$$", [("a = b", "i = j"), ("c = d", "")]),
    ("### Derivative for $i = j$\n\n$$a = b$$", [("a = b", "i = j")]),
    ("$i = j$:\n\n$$a = b$$", [("a = b", "i = j")]),
    ("(i = j)\n\n$$a = b$$", [("a = b", "i = j")]),
    ("For $i = j$\n\n$$a = b$$\n\nTherefore,\n\n$$c = d$$", [("a = b", "i = j"), ("c = d", "i = j")]),
    ("For $i = j$\n\n$$a = b$$\n\nCombining both,\n\n$$c = d$$", [("a = b", "i = j"), ("c = d", "")]),
    ("For $i = j$\n\nThe first row is\n\n$$a = b$$\n\nThe rest is\n\n$$c = d$$", [("a = b", "i = j"), ("c = d", "")]),
    ("For $i = j$\n\n$$a = b$$\n\nThus\n\n$$c = \\delta_{ij}$$", [("a = b", "i = j"), ("c = \\delta_{ij}", "")]),
    ("If $i = j$:\n\n$$a = b$$\n\nOtherwise:\n\n$$c = d$$", [("a = b", "i = j"), ("c = d", "!= i = j")]),
    ("If $i = j$:\n\n$$a = b$$\n\nOtherwise, it is\n\n$$c = d$$", [("a = b", "i = j"), ("c = d", "!= i = j")]),
    ("If $i = j$:\n\n$$a = b$$\n\nand when $i \\neq j$ it is $c = d$", [("a = b", "i = j"), ("c = d", "i \\neq j")]),
    ("If $i = j$:\n\n$a = b$ when $k > 0$", [("a = b", "i = j, k > 0")]),
    ("For $i = j$\n\nWe have\n\n$$a = \\delta_{ij}$$", [("a = \\delta_{ij}", "i = j")]),
    ("If $i = j$ it is easy\n\nThe loss is\n\n$$a = b$$", [("a = b", "")]),
    ("When $i$ is not equal to $j$\n\n$$a = b$$", [("a = b", "!= i$ is not equal to $j")]),
    # within a sentence: for it, and for what goes on with =
    ("For $i = j$ we have\n$$a = b$$\n$$= c$$\n$$d = e$$", [("a = b", "i = j"), ("= c", "i = j"), ("d = e", "")]),
    ("If $i = j$, then $a = b$. Also $c = d$.", [("a = b", "i = j"), ("c = d", "")]),
    ("Suppose $i = j$. Then\n$$a = b$$", [("a = b", "i = j")]),
    ("For $i = j$ and $k > 0$ we have $a = b$", [("a = b", "i = j, k > 0")]),
    ("when $x > 0$ it is $a = b$, when $x < 0$ it is $c = d$", [("a = b", "x > 0"), ("c = d", "x < 0")]),
    # behind a formula: for that formula
    ("$a = b$ if $i = j$ and $c = d$ if $i \\neq j$", [("a = b", "i = j"), ("c = d", "i \\neq j")]),
    ("$a = b$ for $i = j$, $c = d$ otherwise", [("a = b", "i = j"), ("c = d", "!= i = j")]),
    ("$$a = b$$ if $i = j$, and\n$$c = d$$", [("a = b", "i = j"), ("c = d", "")]),
    ("$$a = b$$ (i = j)\n\n$$c = d$$", [("a = b", "i = j"), ("c = d", "")]),
    ("$$a = b$$\n\nif $i = j$:\n\n$$c = d$$", [("a = b", ""), ("c = d", "i = j")]),
    ("$a = 0$ unless $i = j$", [("a = 0", "!= i = j")]),
    # no conditions: definitions, ranges, and what other words say
    ("For $y = \\frac{a}{b}$ we have\n$$a = b$$", [("y = \\frac{a}{b}", ""), ("a = b", "")]),
    ("where $a = b$ and\n$$c = d$$", [("a = b", ""), ("c = d", "")]),
    ("where $i \\neq j$ and\n$$c = d$$", [("c = d", "i \\neq j")]),
    ("For $i = 1, \\dots, n$\n\n$$a = b$$", [("a = b", "")]),
    ("It is nonzero only if $i = j$\n$$a = b$$", [("a = b", "")]),
    ("Since $i = j$\n$$a = b$$", [("a = b", "")]),
    ("For all i we have $a = b$", [("a = b", "")]),
    ("For example, $a = b$", [("a = b", "")]),
])
def test_conditions_in_words(text: str, found: list[tuple[str, str]]) -> None:
    assert given_texts(formulas(text, "md")) == found


@pytest.mark.parametrize(("row", "found"), [
    ("a = b \\quad \\text{if } i = j", [("=", "i = j")]),
    ("a = b \\quad \\text{for all } i \\neq j", [("!=", "i \\neq j")]),
    ("a = b, \\quad i \\neq j", [("!=", "i \\neq j")]),
    ("a = b \\qquad (x > 0)", [(">", "x > 0")]),
    ("a = b \\text{ if i != j}", [("!=", "\\text{ if i != j}")]),
    ("\\text{for } i = j,\\ a = b", [("=", "i = j")]),
    ("a = b \\text{ when } x > 0 \\text{ and } i = j", [(">", "x > 0"), ("=", "i = j")]),
    ("a = b (i = j)", []),
    ("a = b, c = d", []),
    ("a = b \\text{ where } c = 3", []),
    ("a = b \\text{ since } i = j", []),
    ("a = b \\text{ for all } i = 1, \\dots, n", []),
    ("a = b \\text{ otherwise}", []),
])
def test_conditions_in_a_row(row: str, found: list[tuple[str, str]]) -> None:
    document = formulas(f"$${row}$$", "md")
    assert [(node.signs[0], document.text[slice(*node.span)]) for line in document.lines for node in line.given
            if isinstance(node, Relation)] == found
    assert len(document.lines) == 1


def test_otherwise_answers_the_row_above() -> None:
    found = formulas("$$a = b \\text{ if } i = j \\\\ a = c \\text{ otherwise}$$", "md")
    assert given_texts(found) == [("a = b \\text{ if } i = j", "i = j"), ("a = c \\text{ otherwise}", "!= i = j")]


def test_conditions_between_the_rows_of_a_fragment() -> None:
    found = formulas("For i = j:\na = b\n= c\nFor i != j:\nd = e\n", "fragment")
    assert given_texts(found) == [("a = b", "i = j"), ("= c", "i = j"), ("d = e", "i != j")]


@pytest.mark.parametrize(("text", "heading"), [
    ("# 1 Softmax #\n\n$$a = b$$", "1 Softmax"),
    ("Softmax\n=======\n\n$$a = b$$", "Softmax"),
    ("**Softmax**\n\n$$a = b$$", "Softmax"),
    ("1.2 Batch Normalization\n\n$$a = b$$", "1.2 Batch Normalization"),
    ("Question 1.1a\n\n(i)\n$$a = b$$", "Question 1.1a (i)"),
    ("Q1.\n\n2. ReLU\n\n$$a = b$$", "2. ReLU"),
    ("Question 1\n\n(i)\n\n$$c = d$$\n\nQuestion 2\n\n$$a = b$$", "Question 2"),
    ("Question 1\n\n$$(\\text{iii}) \\ a = b$$", "Question 1 (iii)"),
    ("1.2 Softmax\n\nFor $i = j$\n\n$$a = b$$", "1.2 Softmax"),
    ("1.2 Softmax\n\n**For $i = j$**\n\n$$a = b$$", "1.2 Softmax"),
    ("2 of the sheets say that\n\n$$a = b$$", ""),
    ("3. Train a classifier with no hidden units, and report the accuracy of the model that is the best of all.\n\n"
     "$$a = b$$", ""),
    ("Therefore,\n\n$$a = b$$", ""),
])
def test_the_heading_is_the_last_one_above(text: str, heading: str) -> None:
    assert formulas(text, "md").lines[-1].heading == heading


@pytest.mark.parametrize(("text", "heading"), [
    ("\\section{Softmax}\n$$a = b$$", "Softmax"),
    ("\\subsection*{Softmax}\n$$a = b$$", "Softmax"),
    ("\\textbf{Softmax.}\n\n$$a = b$$", "Softmax."),
])
def test_headings_of_tex(text: str, heading: str) -> None:
    assert formulas(text, "tex").lines[-1].heading == heading


def test_a_formula_that_cannot_be_read_is_reported_only_where_it_is_meant() -> None:
    assert formulas("this $x = \\frac$ but not $x = )$", "md").lines[0].error is not None
    assert len(formulas("this $x = \\frac$ but not $x = )$", "md").lines) == 1
    assert formulas("$$x = )$$", "md").lines[0].error is not None


def test_lines_know_their_place() -> None:
    text = "one\n\n$$\\begin{aligned}\na &= b \\\\\n&= c\n\\end{aligned}$$\n\nso $d = e$\n"
    lines = formulas(text, "md").lines
    assert [(line.number, line.display, line.inline) for line in lines] == [(4, 1, False), (5, 1, False), (8, 2, True)]
    assert all(text[slice(*line.span)] == line.text for line in lines)


@pytest.mark.parametrize(("text", "span", "found"), [
    ("ab\ncd", (3, 4), (2, "cd", 0, 1)),
    ("ab\ncd", (1, 4), (1, "ab", 1, 1)),
    ("ab\r\ncd", (0, 4), (1, "ab", 0, 2)),
    ("\ta = b", (1, 2), (1, "    a = b", 4, 1)),
    ("x\ta", (1, 2), (1, "x   a", 1, 3)),
    ("漢字 = b", (1, 4), (1, "漢字 = b", 2, 4)),
    ("x\u0302 = b", (3, 4), (1, "x\u0302 = b", 2, 1)),
    ("a\x1b[2J", (0, 2), (1, "a\ufffd[2J", 0, 2)),
    ("ab", (2, 2), (1, "ab", 2, 1)),
    ("ab", (7, 9), (1, "ab", 2, 1)),
    ("ab\n", (2, 3), (1, "ab", 2, 1)),
    ("", (0, 1), (1, "", 0, 1)),
    ("x" * 2000, (1000, 1002), (1, "…" + "x" * 1000 + "…", 501, 2)),
])
def test_the_place_of_a_caret(text: str, span: tuple[int, int], found: tuple[int, str, int, int]) -> None:
    assert place(text, span) == found


PIECES = st.sampled_from([
    "$", "$$", "\\[", "\\]", "\\(", "\\)", "\\begin{align}", "\\end{align}", "\\begin{aligned}", "\\begin{document}",
    "\\begin{verbatim}", "\\end{verbatim}", "\\verb|", "%", "\\%", "\\", "\\\\", "{", "}", "a = b", " = c", "x_i > 0",
    "For ", "if ", "case 1: ", "otherwise", "i = j", "i equals j", ":", ".", ",", "(", ")", "\n", "\n\n", "\t", "`",
    "```", "# ", "**", "(i)", "1.2 Head", "<!--", "-->", "---\n", "\\section{", "\\frac", "\\partial", "\\iffalse",
    "\\newcommand{\\a}{", "\\fi", "\f", "\x01", "\x02", "\x03", "\ud800", "\\text{", "\\item ", " and ", "=======", "&",
    "\\delta_{ij}",
])


@given(st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join), st.sampled_from(["tex", "md", "fragment"]))
@settings(deadline=None, max_examples=300)
def test_any_text_can_be_gone_through(text: str, kind: Kind) -> None:
    for line in formulas(text, kind).lines:
        assert text[slice(*line.span)] == line.text
        assert (line.node is None) == (line.error is not None)
        assert line.number == text.count("\n", 0, line.span[0]) + 1
        number, shown, column, width = place(text, line.span)
        assert number == line.number and column >= 0 and width >= 1 and "\n" not in shown


@given(st.text(), st.integers(-3, 20), st.integers(-3, 20))
def test_any_span_has_a_place(text: str, start: int, end: int) -> None:
    number, shown, column, width = place(text, (start, end))
    assert 1 <= number <= text.count("\n") + 1 and column >= 0 and width >= 1 and "\n" not in shown


def test_too_much_is_refused() -> None:
    with pytest.raises(Unreadable, match="larger than 2 MB"):
        formulas("a" * (MOST_CHARACTERS + 1), "md")
    with pytest.raises(Unreadable, match="more than 5000 formulas"):
        formulas("$a = b$ " * (MOST_FORMULAS + 1), "md")
    text = "$x$ " * (MOST_FORMULAS + 1) + "$a = b$"
    assert len(formulas(text, "md").lines) == 1


@pytest.mark.parametrize("piece", [
    "$", "$$", "$$\n", "\\[", "\\(", "\\begin{align}", "`", "` `` ``` ", "```\n", "<!--", "%", "\\\\", "{", "\\verb|",
    " ", "\n", " \n", "for ", "for i = j ", "a_", "**", "# ", "\\newcommand{\\a}{", "i is equal to ", "x y ", "1.",
    "---\n", "\\begin{verbatim}", "$a ", "$i$ ", "case 1 (", "$a=b$ for i=j ", "(i = j) ", "and i = j ", ", i = j",
    "=\n", "\\section{", "<pre", "\f$$", "\\iffalse "])
@pytest.mark.parametrize("kind", ["md", "tex", "fragment"])
def test_time_is_linear(piece: str, kind: Kind) -> None:
    """50 000 characters of anything take less than a second, and what is quadratic takes many."""
    start = time.perf_counter()
    try:
        formulas(piece * (50_000 // len(piece)), kind)
    except Unreadable as error:
        assert str(error).startswith("more than 5000")
    assert time.perf_counter() - start < 4
