r"""Every row and sentence of docs/declarations.md: a right line, the nearest wrong one, a mistake in the declaration.

A declaration is written here with `; ` between the entries of a table. `mistake` is what an author mistypes: the piece
of the declaration and what stands in its place; `says` is all that is said of it, word for word.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from derivs.checker import Checked, Checker
from derivs.declare import Declared, declarations, declare
from derivs.declaring import gradient, head, symbols, words
from derivs.errors import DerivsError, Unreadable
from derivs.problem import Property
from derivs.reading.parse import parse
from derivs.reading.vocabulary import Meaning

PAGE = (Path(__file__).parent.parent / "docs" / "declarations.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Row:
    """mistake: what stands in the declaration, once, and what is typed instead."""

    name: str
    declaration: str
    right: str
    wrong: str
    mistake: tuple[str, str]
    says: str


def ex(symbols: str, forward: str, gradient: str = "of = 'y'; loss = 'E'", **tables: str) -> str:
    """A declaration as TOML."""
    given = {"symbols": symbols, "forward": forward, "gradient": gradient, **tables}
    return "".join(f"[{name}]\n" + rows.replace("; ", "\n") + "\n" for name, rows in given.items() if rows)


def declared(text: str) -> Declared:
    one, = declarations(text, "file.toml")
    return one


def judged(text: str, *lines: str) -> list[Checked]:
    """What is said of the lines of one derivation."""
    one = declared(text)
    checker = Checker(one.problem, one.vocabulary)
    return [checker.line(line, _node(line)) for line in lines]


def _node(line: str):
    try:
        return parse(line)
    except Unreadable as error:
        return error


def mistakes(text: str) -> str:
    with pytest.raises(DerivsError) as caught:
        declarations(text, "file.toml")
    return str(caught.value)


X = "'x' = 'vector[n]'"
SQUARES = "'y_i' = 'x_i^2'"
CONV = ex("'x' = 'vector[H]'; 'w' = 'vector[h]'; 'y' = 'vector[H-h+1] defined'",
          r"'y_i' = '\sum_{u=1}^h x_{i+u-1} w_u'", sizes="H = '>= h'")
SCALAR = ex("'b' = 'scalar PROPERTY'; 'x' = 'scalar'", "'y' = 'b x'")
LABELS = ex("'t' = 'vector[K] PROPERTY'; 'x' = 'vector[K]'", r"'y' = '\sum_i t_i x_i'")
CHAIN = ex("'x' = 'vector[n]'; 'w' = 'vector[n]'", r"'z_i' = 'w_i x_i'; 'y_i' = 'z_i^2'; 's' = '\sum_i x_i'",
           "GRADIENT; by = ['x']")
MATRICES = ex("'A' = 'matrix[n,n]'; 'B' = 'matrix[n,n]'; 'u' = 'vector[n]'; 'v' = 'vector[n]'", "'y' = 'FORMULA'",
              operators="OPERATOR")
APPLIED = ex(X, "FORMULA", functions="FUNCTION")
LAYOUT = ex("'x' = 'column[n]'; 'W' = 'matrix[m,n]'", "'y' = 'W x'", conventions="layout = 'LAYOUT'")
KINK = ex("'x' = 'scalar'; 'a' = 'scalar'", "'y' = 'f(x)'", functions="'f' = 'relu'", conventions="at_kink = KINK")
WORDS = ex("'U' = 'matrix[V,n]'; 'h' = 'vector[n]'", r"'y_w' = 'U_{w,:} h'; 'L' = '\sum_{w \in Vocab} y_w'",
           "loss = 'L'", sets="'Vocab' = '1..V'")


def of(shape: str, **words: str) -> str:
    """A shape of declarations with its words put in."""
    for word, value in words.items():
        assert word in shape
        shape = shape.replace(word, value.replace("; ", "\n"))
    return shape


ROWS = [
    # ---- symbols: shapes
    Row("scalar", ex(r"'x' = 'vector[n]'; '\beta' = 'scalar'", r"'y_i' = '\beta x_i'"),
        r"\frac{\partial E}{\partial \beta} = \sum_i \frac{\partial E}{\partial y_i} x_i",
        r"\frac{\partial E}{\partial \beta} = \frac{\partial E}{\partial y_i} x_i",
        ("'scalar'", "'scalar[n]'"),
        'file.toml, [symbols] \\beta: a scalar has no length, here there is 1\n'
        "    in 'scalar[n]'"),
    Row("vector", ex(X, SQUARES),
        r"\frac{\partial E}{\partial x_i} = 2 \frac{\partial E}{\partial y_i} x_i",
        r"\frac{\partial E}{\partial x_i} = 2 \frac{\partial E}{\partial y_i}",
        ("vector[n]", "vektor[n]"),
        "file.toml, [symbols] x: 'vektor[n]' does not begin with a shape\n"
        '    write "scalar", "vector[n]", "matrix[n,m]", "tensor[a,b,c]", "row[n]", "column[n]"'),
    Row("matrix", ex("'W' = 'matrix[m,n]'; 'x' = 'vector[n]'", "'y' = 'W x'"),
        r"y_i = \sum_j W_{ij} x_j", r"y_i = \sum_j W_{ji} x_j", ("matrix[m,n]", "matrix[m]"),
        "file.toml, [symbols] W: a matrix has two lengths, here there is 1\n"
        "    in 'matrix[m]'"),
    Row("tensor", ex("'x' = 'tensor[a,b,c,d]'", r"'y_{ij}' = '\sum_{k,l} x_{ijkl}^2'"),
        r"\frac{\partial E}{\partial x_{ijkl}} = 2 \frac{\partial E}{\partial y_{ij}} x_{ijkl}",
        r"\frac{\partial E}{\partial x_{ijkl}} = 2 \frac{\partial E}{\partial y_{kl}} x_{ijkl}",
        ("tensor[a,b,c,d]", "tensor"),
        "file.toml, [symbols] x: a tensor has a length for each axis, here there are 0\n"
        "    in 'tensor'"),
    Row("a bracket", ex(X, SQUARES), r"y_i = x_i^2", r"y_i = x_i", ("vector[n]", "vector[n"),
        "file.toml, [symbols] x: the bracket in 'vector[n' is not closed\n"
        '    write "vector[...]"'),
    # ---- sizes
    Row("sizes: a letter", ex(X, SQUARES), r"\sum_{i=1}^n y_i = \sum_i x_i^2", r"\sum_{i=1}^{n-1} y_i = \sum_i x_i^2",
        ("vector[n]", "vector[n!]"),
        "file.toml, [symbols] x: 'n!' is not a length\n"
        '    write a letter, a number, or a form such as "H-h+1"'),
    Row("sizes: several letters", ex("'X' = 'matrix[HH,m]'; 'w' = 'vector[HH]'",
        r"'y_j' = '\sum_{i=1}^{HH} w_i X_{ij}'"),
        r"\sum_{i=1}^{HH} 1 = HH", r"\sum_{i=1}^{HH} 1 = HH + 1", ("1}^{HH}", "1}^{HG}"),
        "file.toml, [forward] y_j: this is no bound\n"
        '    \\sum_{i=1}^{HG} w_i X_{ij}\n'
        "                ^^\n"
        "    a bound is a number, the length of an axis, or a sum of such"),
    Row("sizes: a number", ex("'x' = 'vector[2]'", SQUARES), r"\sum_{i=1}^2 y_i = \sum_i x_i^2", r"y_1 = x_2^2",
        ("vector[2]", "vector[0]"),
        "file.toml, [symbols] x: a length of 0\n"
        "    a length is at least 1"),
    Row("sizes: an affine form", CONV,
        r"\frac{\partial E}{\partial w_u} = \sum_{i=1}^{H-h+1} \frac{\partial E}{\partial y_i} x_{i+u-1}",
        r"\frac{\partial E}{\partial w_u} = \sum_{i=1}^{H-h+1} \frac{\partial E}{\partial y_i} x_{i}",
        ("vector[H-h+1] defined", "vector[H+h-1] defined"),
        "file.toml, [forward] y: x[i + u - 1] is read outside its range: i + u - 1 may leave 1..H\n"
        '    keep the subscript within its axis, by [sizes] such as H = ">= h", or write zero_outside = true'),
    Row("sizes: H+2P", ex("'x' = 'vector[H+2P]'", SQUARES), r"\sum_i y_i = \sum_{i=1}^{H+2P} x_i^2",
        r"\sum_i y_i = \sum_{i=1}^{H+P} x_i^2", ("H+2P", "-H-2P"),
        "file.toml, [sizes]: no small sizes satisfy what is said of them\n"
        "    let the constraints and the shapes agree"),
    Row("sizes: a product form", ex("'x' = 'vector[S*(K-1)+1]'", SQUARES), r"\sum_i y_i = \sum_{i=1}^{S(K-1)+1} x_i^2",
        r"\sum_i y_i = \sum_{i=1}^{S(K-1)} x_i^2", ("S*(K-1)+1", "S*(K-1+1"),
        "file.toml, [symbols] x: 'S*(K-1+1' is not a length\n"
        '    write a letter, a number, or a form such as "H-h+1"'),
    # ---- orientation
    Row("row", ex("'x' = 'row[n]'; 'd' = 'row[n]'", "'y' = 'd x^T'"), "y = x d^T", "y = d^T x",
        ("'d' = 'row[n]'", "'d' = 'row'"),
        "file.toml, [symbols] d: a row has one length, here there are 0\n"
        "    in 'row'"),
    Row("column", ex("'x' = 'column[n]'; 'd' = 'column[n]'", "'y' = 'd^T x'"), "y = x^T d", "y = x d^T",
        ("'d' = 'column[n]'", "'d' = 'column[n,m]'"),
        "file.toml, [symbols] d: a column has one length, here there are 2\n"
        "    in 'column[n,m]'"),
    Row("a vector may be either", ex("'x' = 'vector[n]'; 'd' = 'vector[n]'", r"'y' = '\sum_i d_i x_i'"),
        "y = d^T x", r"y = d^T d", ("'d' = 'vector[n]'", "'d' = 'vector[m]'"),
        "file.toml, [forward] y: the sizes do not fit: i runs over 1..m and over 1..n\n"
        '    \\sum_i d_i x_i\n'
        "    ^^^^^^^^^^^^^^"),
    # ---- labels
    Row("index", ex("'c' = 'index[K] target'; 'x' = 'vector[K]'", r"'L' = '-x_c + \log \sum_k e^{x_k}'", "loss = 'L'"),
        r"\frac{\partial L}{\partial x_j} = \frac{e^{x_j}}{\sum_k e^{x_k}} - \mathbb{1}[j = c]",
        r"\frac{\partial L}{\partial x_j} = \frac{e^{x_j}}{\sum_k e^{x_k}} - \mathbb{1}[j \neq c]",
        ("index[K]", "index[K,2]"),
        "file.toml, [symbols] c: an index has one range\n"
        '    write "index[K]"'),
    Row("a label is no number", ex("'c' = 'vector[n] index[3] target'; 'x' = 'matrix[n,3]'",
                                   r"'L' = '\sum_{i=1}^n x_{i,c_i}'", "loss = 'L'"),
        r"\frac{\partial L}{\partial x_{ij}} = \delta_{j,c_i}", r"\frac{\partial L}{\partial x_{ij}} = x_{ij}",
        (r"\sum_{i=1}^n x_{i,c_i}", "c_1"),
        "file.toml, [forward] L: a label is no number\n"
        '    it stands in a subscript, or in a comparison: \\mathbb{1}[j = c]'),
    Row("vector of labels", ex("'c' = 'vector[n] index[3] target'; 'x' = 'matrix[n,3]'",
                               r"'L' = '-\sum_{i=1}^n x_{i,c_i}'", "loss = 'L'"),
        r"\frac{\partial L}{\partial x_{ij}} = -\mathbb{1}[j = c_i]", r"\frac{\partial L}{\partial x_{ij}} = -1",
        ("index[3] target", "index[3,4] target"),
        "file.toml, [symbols] c: an index has one range\n"
        '    write "vector[n] index[3]"'),
    # ---- roles and properties
    Row("roles", ex("'x' = 'vector[n] input'; 'w' = 'vector[n] parameter'; 'a' = 'scalar constant'; "
                    "'t' = 'vector[n] target'; 'z' = 'vector[n] defined'", "'z' = 'a x'; 'y_i' = 'w_i z_i - t_i'"),
        r"\frac{\partial E}{\partial w_i} = \frac{\partial E}{\partial y_i} a x_i",
        r"\frac{\partial E}{\partial w_i} = \frac{\partial E}{\partial y_i} x_i",
        ("'vector[n] target'", "'vector[n] taget'"),
        "file.toml, [symbols] t: 'taget' is neither a role nor a property\n"
        "    did you mean 'target'?"),
    Row("one role", ex("'x' = 'vector[n] input'", SQUARES), "y_i = x_i x_i", "y_i = 2 x_i",
        ("input", "input target"),
        "file.toml, [symbols] x: it has two roles, input and target\n"
        "    leave one of them"),
    Row("defined", ex("'x' = 'vector[n]'; 'z' = 'vector[n-1] defined'", "'z_i' = 'x_{i+1}'; 'y_i' = 'z_i^2'",
                      sizes="n = '>= 2'"),
        r"\sum_{i=1}^{n-1} y_i = \sum_{i=2}^n x_i^2", r"\sum_{i=1}^{n-1} y_i = \sum_{i=1}^n x_i^2",
        ("'y_i' = 'z_i^2'", "'y_i' = 'z_{i+1}^2'"),
        "file.toml, [forward] y_i: the index i is free and its range is not known\n"
        "    let i stand alone as a subscript somewhere, or write it as a size"),
    Row("defined, and not defined", ex("'x' = 'vector[n]'; 'y' = 'vector[n] defined'", SQUARES), "y_i = x_i^2",
        "y_i = x_i",
        ("'y' = ", "'z' = "),
        "file.toml, [symbols] z: it is said to be defined, and [forward] does not define it\n"
        "    write its formula in [forward], or give it another role"),
    Row("two properties", of(SCALAR, PROPERTY="positive"), r"\sqrt{b^2} = b", r"\sqrt{b^2} = -b",
        ("positive", "positive binary"),
        "file.toml, [symbols] b: nothing is positive and binary\n"
        "    leave one of them"),
    Row("a property of vectors", of(LABELS, PROPERTY="onehot"), r"\sum_i t_i = 1", r"\sum_i t_i = 2",
        ("'vector[K] onehot'", "'scalar onehot'"),
        "file.toml, [symbols] t: a scalar is not onehot: the entries along a last axis are\n"
        '    write "vector[K]"'),
    Row("a property misspelled", of(LABELS, PROPERTY="simplex"), r"\sum_i t_i = 1", r"\sum_i t_i = K",
        ("simplex", "simplx"),
        "file.toml, [symbols] t: 'simplx' is neither a role nor a property\n"
        "    did you mean 'simplex'?"),
    # ---- patterns
    Row("pattern above", ex("'A^{ij}' = 'matrix[n,m] at i,j'; 'x' = 'vector[m]'", r"'y^i' = '\sum_j A^{ij} x_j'"),
        r"\frac{\partial E}{\partial A^{ij}} = \frac{\partial E}{\partial y^i} x_j",
        r"\frac{\partial E}{\partial A^{ij}} = \frac{\partial E}{\partial y^i}", ("at i,j", "at i,k"),
        "file.toml, [symbols] A^{ij}: the indices 'i,k' are not those that stand in A^{ij}\n"
        '    write \'x_i^s\' = "matrix[B,M] at s,i"'),
    Row("pattern in brackets", ex("'x^{(i)}' = 'matrix[n,p] input at i'; 'w' = 'vector[p]'",
        r"'y^{(i)}' = 'w^T x^{(i)}'"),
        r"\frac{\partial E}{\partial w} = \sum_{i=1}^n \frac{\partial E}{\partial y^{(i)}} x^{(i)}",
        r"\frac{\partial E}{\partial w} = \frac{\partial E}{\partial y^{(i)}} x^{(i)}", ("input at i", "input at"),
        "file.toml, [symbols] x^{(i)}: no index stands behind at\n"
        '    write \'x_i^s\' = "matrix[B,M] at s,i"'),
    Row("pattern with both", ex("'x_i^s' = 'matrix[B,M] at s,i'", r"'y^s' = '\sum_i (x_i^s)^2'"),
        r"\frac{\partial E}{\partial x_i^s} = 2 \frac{\partial E}{\partial y^s} x_i^s",
        r"\frac{\partial E}{\partial x_i^s} = 2 \frac{\partial E}{\partial y^s}", ("matrix[B,M]", "vector[M]"),
        "file.toml, [symbols] x_i^s: 2 indices for 1 axis\n"
        "    give the shape a length for each index"),
    Row("a letter twice", ex("'A^{ij}' = 'matrix[n,n] at i,j'", r"'y' = '\sum_i A^{ii}'"), r"y = \sum_j A^{jj}",
        r"y = \sum_{i,j} A^{ij}", ("'A^{ij}' = 'matrix[n,n] at i,j'", "'A^{ii}' = 'matrix[n,n] at i,i'"),
        "file.toml, [symbols] A^{ii}: an index letter stands twice in A^{ii}\n"
        "    use a letter for each axis"),
    Row("{h_t}_j", ex("'h_t' = 'matrix[T,n] at t'; 'w' = 'vector[n]'", "'y_t' = 'w^T h_t'"),
        r"y_t = \sum_j w_j {h_t}_j", r"y_t = \sum_j {h_t}_j", ("at t'", "at i'"),
        "file.toml, [symbols] h_t: the indices 'i' are not those that stand in h_t\n"
        '    write \'x_i^s\' = "matrix[B,M] at s,i"'),
    Row("y_{t_k}", ex("'y_t' = 'matrix[T,n] at t'; 'c' = 'vector[T] index[n]'", r"'L' = '-\sum_t y_{t_{c_t}}'",
        "loss = 'L'"),
        r"\frac{\partial L}{\partial y_{t_k}} = -\mathbb{1}[k = c_t]",
        r"\frac{\partial L}{\partial y_{t_k}} = -y_{t_k}",
        ("'c' = 'vector[T]", "'c' = 'matrix[T]"),
        "file.toml, [symbols] c: a matrix has two lengths, here there is 1\n"
        "    in 'matrix[T] index[n]'"),
    Row("h_{t+1,i}", ex("'h_t' = 'matrix[T,n] at t'", r"'y_t' = '\sum_i h_{t,i}^2'", indices="'s' = '1..T-1'"),
        r"y_{s+1} = \sum_i h_{s+1,i}^2", r"y_{s+1} = \sum_i h_{s,i}^2", ("'s' = ", "'t' = "),
        "file.toml, [indices] t: t runs over 1..T - 1, and over 1..T in the formula of y_t\n"
        "    use two letters, one for each range"),
    Row("(x_{in})_i", ex("'x_{in}' = 'vector[n]'; 'w' = 'vector[n]'", "'x_{out,i}' = 'w_i (x_{in})_i'",
        "of = 'x_{out}'; loss = 'E'"),
        r"\frac{\partial E}{\partial (x_{in})_i} = \frac{\partial E}{\partial (x_{out})_i} w_i",
        r"\frac{\partial E}{\partial (x_{in})_i} = \frac{\partial E}{\partial (x_{out})_i} x_{in,i}",
        ("of = 'x_{out}'", "of = 'x_{in}'"),
        "file.toml, [gradient] of: x_{in} is no node of [forward]\n"
        "    write a node that is x_{in}, such as 'z' = 'x_{in}', and let the loss be of it"),
    # ---- gradient
    Row("of, with a letter for the loss", of(CHAIN, GRADIENT=r"of = 'y'; loss = '\mathcal{L}'"),
        r"\frac{\partial \mathcal{L}}{\partial x_i} = 2 \frac{\partial \mathcal{L}}{\partial y_i} z_i w_i",
        r"\frac{\partial \mathcal{L}}{\partial x_i} = 2 \frac{\partial \mathcal{L}}{\partial y_i} z_i x_i",
        ("of = 'y'", "of = 'q'"),
        "file.toml, [gradient] of: q is not declared\n"
        "    known names: s, w, x, y_i, z_i"),
    Row("of alone: the letter is E", of(CHAIN, GRADIENT="of = 'y'"),
        r"\frac{\partial E}{\partial x_i} = 2 \frac{\partial E}{\partial y_i} z_i w_i",
        r"\frac{\partial E}{\partial x_i} = 2 \frac{\partial E}{\partial y_i} z_i", ("of = 'y'", "of = 'x'"),
        "file.toml, [gradient] of: x is no node of [forward]\n"
        "    write a node that is x, such as 'z' = 'x', and let the loss be of it"),
    Row("of a list", of(CHAIN, GRADIENT="of = ['y', 's']; loss = 'E'"),
        r"\frac{\partial E}{\partial x_i} = 2 \frac{\partial E}{\partial y_i} z_i w_i + \frac{\partial E}{\partial s}",
        r"\frac{\partial E}{\partial x_i} = 2 \frac{\partial E}{\partial y_i} z_i w_i", ("['y', 's']", "['y', 'z']"),
        'file.toml, [gradient] of: the output y is made of the output z, so that ∂E/∂z could be meant '
        "with y held fixed or not\n"
        "    let the loss be of y and of a node that is z again"),
    Row("loss: a node", of(CHAIN, GRADIENT="loss = 's'"), r"\frac{\partial s}{\partial x_i} = 1",
        r"\frac{\partial s}{\partial x_i} = x_i", ("loss = 's'", "loss = 'x'"),
        "file.toml, [gradient] loss: x is a symbol\n"
        "    a loss is a node, or a new letter for any function of the nodes in of"),
    Row("loss: with entries", of(CHAIN, GRADIENT="loss = 's'"), r"s = \sum_i x_i", r"s = \sum_i x_i^2",
        ("loss = 's'", "loss = 'y'"),
        "file.toml, [gradient] loss: the loss y has entries; a loss is a number\n"
        "    sum it, or let a letter such as E be the loss of it"),
    Row("loss: a size", of(CHAIN, GRADIENT="of = 'y'; loss = 'F'"),
        r"\frac{\partial F}{\partial x_i} = 2 \frac{\partial F}{\partial y_i} z_i w_i",
        r"\frac{\partial F}{\partial x_i} = \frac{\partial F}{\partial y_i} z_i w_i", ("loss = 'F'", "loss = 'n'"),
        "file.toml, [gradient] loss: n is a size and also the loss\n"
        "    give one of them another letter"),
    Row("loss: nothing said", of(CHAIN, GRADIENT="of = 'y'; loss = 'E'"),
        r"\frac{\partial E}{\partial w_i} = 2 \frac{\partial E}{\partial y_i} z_i x_i",
        r"\frac{\partial E}{\partial w_i} = 2 \frac{\partial E}{\partial y_i} z_i w_i", ("of = 'y'\n", ""),
        "file.toml, [gradient] loss: it is not said what is differentiated\n"
        '    write loss = "L" for a node L, or of = "y" and loss = "E" for any function E of y'),
    Row("by", of(CHAIN, GRADIENT="of = 'y'; loss = 'E'"),
        r"\frac{\partial E}{\partial x_i} = 2 \frac{\partial E}{\partial y_i} z_i w_i",
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} w_i", ("by = ['x']", "by = ['x', 'X']"),
        "file.toml, [gradient] by: X is not declared\n"
        "    known names: E, s, w, x, y_i, z_i"),
    Row("by a pattern", ex("'x^{(i)}' = 'matrix[n,p] at i'", r"'y^{(i)}' = '\sum_j (x_j^{(i)})^2'",
                           r"of = 'y^{(i)}'; loss = 'E'; by = ['x^{(i)}']; upstream = '\delta'"),
        r"\frac{\partial E}{\partial x_j^{(i)}} = 2 \delta^{(i)} x_j^{(i)}",
        r"\frac{\partial E}{\partial x_j^{(i)}} = 2 \delta^{(i)}", ("'\\delta'", "'a + b'"),
        "file.toml, [gradient] upstream: a + b is not a name\n"
        '    a name is a letter with scripts: \\hat{x}_i'),
    Row("upstream", of(CHAIN, GRADIENT=r"of = 'y'; loss = 'E'; upstream = '\delta'"),
        r"\frac{\partial E}{\partial x_i} = 2 \delta_i z_i w_i", r"\frac{\partial E}{\partial x_i} = 2 \delta_i z_i",
        (r"upstream = '\delta'", "upstream = 'x'"),
        "file.toml, [gradient] upstream: x is declared already\n"
        "    give it another name"),
    Row("upstream of several",
        of(CHAIN, GRADIENT=r"of = ['y', 's']; loss = 'E'; upstream = {y = '\delta', s = '\epsilon'}"),
        r"\frac{\partial E}{\partial x_i} = 2 \delta_i z_i w_i + \epsilon",
        r"\frac{\partial E}{\partial x_i} = 2 \delta_i z_i w_i + \delta_i",
        (r"{y = '\delta', s = '\epsilon'}", r"'\delta'"),
        'file.toml, [gradient] upstream: \\delta is one letter for the gradients of y_i and s\n'
        '    write upstream = {\'y_i\' = "d1", \'s\' = "d2"}'),
    Row("target", of(CHAIN, GRADIENT=r"of = 'y'; loss = 'E'; target = '\frac{\partial E}{\partial x_i}'"),
        r"= 2 \frac{\partial E}{\partial y_i} z_i w_i", r"= 2 \frac{\partial E}{\partial y_i} z_i",
        (r"\partial x_i}'", r"\partial q_i}'"),
        "file.toml, [gradient] target: q_i is not declared\n"
        '    \\frac{\\partial E}{\\partial q_i}\n'
        "                               ^^^\n"
        "    did you mean 'z_i'?"),
    Row("gradient: another word", of(CHAIN, GRADIENT="of = 'y'; loss = 'E'"), "y_i = z_i^2", "y_i = z_i",
        ("by = ", "bye = "),
        "file.toml, [gradient]: 'bye' is not part of [gradient]\n"
        "    did you mean 'by'?"),
    # ---- aliases
    Row("alias: another spelling", ex("'c_t' = 'matrix[T,n] at t'; 'w' = 'vector[n]'", "'y_t' = 'w^T c_t'",
                                      aliases="'C_t' = 'c_t'"),
        r"\frac{\partial E}{\partial C_{t,i}} = \frac{\partial E}{\partial y_t} w_i",
        r"\frac{\partial E}{\partial C_{t,i}} = \frac{\partial E}{\partial y_t}", ("'C_t' = 'c_t'", "'C_t' = 'd_t'"),
        "file.toml, [aliases] C_t: d_t is not declared\n"
        "    d_t\n"
        "    ^^^\n"
        "    did you mean 'y_t'?"),
    Row("alias: on a condition", ex("'x^{(l)}' = 'matrix[N,n] at l'; 'w' = 'vector[n]'", "'y^{(l)}' = 'w^T x^{(l)}'",
                                    aliases="'x^{(l<N)}' = 'x^{(l)}'"),
        r"\frac{\partial E}{\partial x^{(l<N)}} = \frac{\partial E}{\partial y^{(l)}} w",
        r"\frac{\partial E}{\partial x^{(l<N)}} = 2 \frac{\partial E}{\partial y^{(l)}} w",
        ("'x^{(l<N)}' =", "'x^{(N)}' ="),
        "file.toml, [aliases] x^{(N)}: l stands on the right only\n"
        "    let l stand in x^{(N)} too"),
    Row("alias: a gradient", ex("'z^l_{i,j}' = 'tensor[N,n,m] at l,i,j'", r"'y^l' = '\sum_{i,j} (z^l_{i,j})^2'",
                                "of = 'y'; loss = 'L'",
                                aliases=r"'\delta^l_{i,j}' = '\frac{\partial L}{\partial z^l_{i,j}}'"),
        r"\delta^l_{i,j} = 2 \frac{\partial L}{\partial y^l} z^l_{i,j}",
        r"\delta^l_{i,j} = 2 \frac{\partial L}{\partial y^l}",
        (r"'\delta^l_{i,j}'", r"'\delta^l_i'"),
        'file.toml, [aliases] \\delta^l_i: j stands on the right only\n'
        '    let j stand in \\delta^l_i too'),
    Row(r"alias: d\mu", ex(X, r"'\mu' = '\frac{1}{n} \sum_i x_i'; 'y_i' = 'x_i - \mu'", "of = 'y'; loss = 'L'",
                           aliases=r"'d\mu' = '\frac{\partial L}{\partial \mu}'"),
        r"\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} + \frac{1}{n} d\mu",
        r"\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} + d\mu",
        (r"\partial \mu}'", r"\partial \nu}'"),
        'file.toml, [aliases] d\\mu: \\nu is not declared\n'
        '    \\frac{\\partial L}{\\partial \\nu}\n'
        "                               ^^^\n"
        '    known names: L, \\mu, x, y_i'),
    Row("alias: a slice", ex("'U' = 'matrix[n,V]'; 'v' = 'vector[n]'", "'y_w' = 'u_w^T v'",
        aliases="'u_w' = 'U_{:,w}'"),
        r"\frac{\partial E}{\partial v} = \sum_{w=1}^V \frac{\partial E}{\partial y_w} u_w",
        r"\frac{\partial E}{\partial v} = \frac{\partial E}{\partial y_w} u_w", ("'U_{:,w}'", "'U_{:,w'"),
        "file.toml, [aliases] u_w: { is never closed\n"
        "    U_{:,w\n"
        "      ^\n"
        "    write }"),
    Row("alias: taken", ex("'x' = 'vector[n]'; 'v' = 'vector[n]'", "'y_i' = 'v_i x_i'", aliases="'g' = 'v'"),
        "y_i = g_i x_i", "y_i = g_i v_i", ("'g' = 'v'", "'x' = 'v'"),
        "file.toml, [aliases] x: x is declared already\n"
        "    give it another name"),
    Row("alias: no name", ex("'x' = 'vector[n]'; 'v' = 'vector[n]'", "'y_i' = 'v_i x_i'", aliases="'g(x)' = 'y'"),
        "g(x) = v \\odot x", "g(x) = v", ("'g(x)' = 'y'", "'g + x' = 'y'"),
        "file.toml, [aliases] g + x: g + x is not a name\n"
        '    a name is a letter with scripts, or f(x): \\hat{x}_i'),
    # ---- operators
    Row("hadamard", of(MATRICES, FORMULA=r"A \circ B", OPERATOR=r"'\circ' = 'hadamard'"),
        "y_{ij} = A_{ij} B_{ij}", r"y_{ij} = \sum_k A_{ik} B_{kj}", ("'hadamard'", "'hadamar'"),
        "file.toml, [operators] \\circ: 'hadamar' is not a meaning of a sign\n"
        "    did you mean 'hadamard'?"),
    Row("matrix product", of(MATRICES, FORMULA="A * B", OPERATOR="'*' = 'matrix product'"),
        r"y_{ij} = \sum_k A_{ik} B_{kj}", "y_{ij} = A_{ij} B_{ij}", ("'*' = ", "'+' = "),
        "file.toml, [operators] +: '+' is not a sign between factors\n"
        "    write '\\otimes', '*', '*_{full}', '^{Tr}'"),
    Row("outer", of(MATRICES, FORMULA=r"u \otimes v", OPERATOR=r"'\otimes' = 'outer'"),
        "y_{ij} = u_i v_j", "y_{ij} = u_j v_i", ("'outer'", "'kronecker'"),
        'file.toml, [operators] \\otimes: the Kronecker product is not read yet\n'
        "    write its entries"),
    Row("frobenius", of(MATRICES, FORMULA="A : B", OPERATOR="':' = 'frobenius'"),
        r"y = \operatorname{tr}(A^T B)", r"y = \operatorname{tr}(A B)", ("'frobenius'", "'transpose'"),
        'file.toml, [operators] :: ":" cannot stand for transpose\n'
        '    a transpose stands above: \'^{Tr}\' or "\'"; every other meaning belongs to a sign between factors'),
    Row("elementwise division", of(MATRICES, FORMULA=r"u \oslash v", OPERATOR=r"'\oslash' = 'elementwise division'"),
        "y_i = u_i / v_i", "y_i = v_i / u_i", (r"'\oslash' = 'e", r"'\oslash' = 3 # 'e"),
        'file.toml, [operators] \\oslash: 3 is not a text\n'
        "    put it in quotes"),
    Row("transpose", of(MATRICES, FORMULA="A^{Tr} u", OPERATOR="'^{Tr}' = 'transpose'"),
        r"y_i = \sum_j A_{ji} u_j", r"y_i = \sum_j A_{ij} u_j", ("'transpose'", "'hadamard'"),
        'file.toml, [operators] ^{Tr}: "^{Tr}" cannot stand for hadamard\n'
        '    a transpose stands above: \'^{Tr}\' or "\'"; every other meaning belongs to a sign between factors'),
    Row("convolution full", of(MATRICES, FORMULA="u *_{full} v", OPERATOR="'*_{full}' = 'convolution full'")
        + "[conventions]\nzero_outside = true\n",
        r"y_i = \sum_{j=1}^n u_j v_{i-j+1}", r"y_i = \sum_{j=1}^n u_j v_{i-j}", ("'*_{full}' =", "'*_{full' ="),
        "file.toml, [operators] *_{full: nothing to read below *\n"
        "    *_{full\n"
        "     ^^\n"
        "    write *_{full}"),
    Row("correlation valid", ex("'u' = 'vector[H]'; 'v' = 'vector[h]'", "'y' = 'u *_{filt} v'",
                                operators="'*_{filt}' = 'correlation valid'", sizes="H = '>= h'"),
        r"y_i = \sum_{j=1}^h u_{i+j-1} v_j", r"y_i = \sum_{j=1}^h u_{i+j-1} v_{h-j+1}",
        ("'*_{filt}' = ", "'*_{flip}' = "),
        "file.toml, [forward] y: the exercise does not say what *_{filt} stands for\n"
        "    u *_{filt} v\n"
        "      ^^^^^^^^\n"
        '    declare it: [operators] \'*_{filt}\' = "convolution full"'),
    Row("hadamard, at the rank of the product",
        ex("'U' = 'matrix[n,m]'; 'd' = 'row[m]'; 'z' = 'row[n]'", r"'y' = 'd U^T \circ z'",
           operators=r"'\circ' = 'hadamard, at the rank of the product'"),
        r"y_i = \sum_j d_j U_{ij} z_i", r"y_i = \sum_j d_j U_{ij}", ("at the rank of the product", "at the rank"),
        "file.toml, [operators] \\circ: 'hadamard, at the rank' is not a meaning of a sign\n"
        "    did you mean 'hadamard, at the rank of the product'?"),
    # ---- functions
    Row("sigmoid", of(APPLIED, FUNCTION="'f' = 'sigmoid'", FORMULA="'y_i' = 'f(x_i)'"),
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} y_i (1 - y_i)",
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} (1 - y_i^2)", ("'sigmoid'", "'sigmod'"),
        "file.toml, [functions] f: 'sigmod' is not a function\n"
        "    did you mean 'sigmoid'?"),
    Row("tanh", of(APPLIED, FUNCTION=r"'\sigma' = 'tanh'", FORMULA=r"'y_i' = '\sigma(x_i)'"),
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} (1 - y_i^2)",
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} y_i (1 - y_i)", (r"'\sigma' = ", "'x' = "),
        "file.toml, [functions] x: x is a symbol already\n"
        "    give one of them another letter"),
    Row("softmax", of(APPLIED, FUNCTION="'f' = 'softmax'", FORMULA="'y' = 'f(x)'"),
        r"\frac{\partial y_i}{\partial x_j} = y_i (\delta_{ij} - y_j)",
        r"\frac{\partial y_i}{\partial x_j} = y_i (\delta_{ij} - y_i)", ("'f' = 's", "'f' = 3 # 's"),
        "file.toml, [functions] f: 3 is not a text\n"
        "    put it in quotes"),
    Row("relu, heaviside", of(APPLIED, FUNCTION="'f' = 'relu'; 'H' = 'heaviside'", FORMULA="'y_i' = 'f(x_i)'"),
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} H(x_i)",
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} H(-x_i)", ("'H' = ", "'n' = "),
        "file.toml, [functions] n: n is a size already\n"
        "    give one of them another letter"),
    Row("sign", of(APPLIED, FUNCTION="'f' = 'abs'; 's' = 'sign'", FORMULA="'y_i' = 'f(x_i)'"),
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} s(x_i)",
        r"\frac{\partial E}{\partial x_i} = -\frac{\partial E}{\partial y_i} s(x_i)", ("'s' = ", "'2' = "),
        "file.toml, [functions] 2: 2 is not a name\n"
        '    write \'f\' = "sigmoid", or \'s(x)\' = \'...\' for a formula'),
    Row("mean", of(APPLIED, FUNCTION="'m' = 'mean'", FORMULA="'y' = 'm(x)'"),
        r"\frac{\partial y}{\partial x_i} = \frac{1}{n}", r"\frac{\partial y}{\partial x_i} = 1", ("m(x)", "m(x"),
        "file.toml, [forward] y: ( is never closed\n"
        "    m(x\n"
        "     ^\n"
        "    write )"),
    Row("var", of(APPLIED, FUNCTION="'v' = 'var'", FORMULA="'y' = 'v(x)'"),
        r"\frac{\partial y}{\partial x_i} = \frac{2}{n} (x_i - \frac{1}{n} \sum_j x_j)",
        r"\frac{\partial y}{\partial x_i} = \frac{2}{n - 1} (x_i - \frac{1}{n} \sum_j x_j)", ("v(x)", "v(x, x)"),
        "file.toml, [forward] y: one argument is expected, here there are 2\n"
        "    v(x, x)\n"
        "    ^"),
    Row("sum of each row", ex("'X' = 'matrix[n,n]'", "'y' = 'R(X)'", functions="'R' = 'sum of each row'"),
        r"y_i = \sum_j X_{ij}", r"y_i = \sum_j X_{ji}", ("matrix[n,n]", "vector[n]"),
        "file.toml, [forward] y: the sizes do not fit: the sum of each row of a vector of n\n"
        "    R(X)\n"
        "    ^^^^"),
    Row("any", of(APPLIED, FUNCTION="'f' = 'any'", FORMULA="'y_i' = 'f(x_i)'"),
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} f'(x_i)",
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} f(x_i)", ("'f' = ", "'f + g' = "),
        "file.toml, [functions] f + g: f + g is not a name\n"
        '    write \'f\' = "sigmoid", or \'s(x)\' = \'...\' for a formula'),
    Row("any scalar", ex("'x' = 'vector[n]'; 'w' = 'vector[n]'", "'y_i' = 'w_i x_i'; 'L' = 'f(y)'", "by = ['x']",
                         functions="'f' = 'any scalar'"),
        r"\frac{\partial f(y)}{\partial x_i} = \frac{\partial L}{\partial y_i} w_i",
        r"\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i}", ("'f(y)'", "'2 f(y)'"),
        "file.toml, [forward] L: an unknown function of tensors is read as the loss only\n"
        "    2 f(y)\n"
        "      ^\n"
        "    in [forward], let it stand alone, of nodes: 'L' = 'f(y)'"),
    Row("by its formula", of(APPLIED, FUNCTION=r"'s(x)' = '\frac{1}{e^{-x} + 1}'", FORMULA="'y_i' = 's(x_i)'"),
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} s(x_i) (1 - s(x_i))",
        r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} s(x_i) (1 + s(x_i))", ("{e^{-x} + 1}",
        "{e^{-x} + q}"),
        "file.toml, [functions] s(x): q is no argument of s and is not declared\n"
        "    declare q, or let it be an argument"),
    Row("by a formula of others", of(APPLIED, FUNCTION="'f(t)' = 't^2'; 'g(t)' = 'f(t) + 1'",
        FORMULA="'y_i' = 'g(x_i)'"),
        "y_i = x_i^2 + 1", "y_i = x_i^2", ("'f(t)' = 't^2'", "'f(t)' = 'g(t)'"),
        "file.toml: 2 mistakes\n"
        "    [functions] f(t): f is made of itself\n"
        "    a function is made of those that do not need it\n"
        "    [functions] g(t): g is made of itself\n"
        "    a function is made of those that do not need it"),
    Row("arguments", of(APPLIED, FUNCTION="'f(t)' = 't^2'", FORMULA="'y_i' = 'f(x_i)'"),
        "y_i = x_i^2", "y_i = x_i", ("'f(t)'", "'f(2)'"),
        "file.toml, [functions] f(2): the arguments of f(2) are not different letters\n"
        "    write 's(x)' = '...'"),
    # ---- sets, indices, sizes
    Row("a set", WORDS, r"L = \sum_{w=1}^V y_w", "|Vocab| = n", ("'1..V'", "'1..W'"),
        "file.toml, [sets] Vocab: the size W is not known\n"
        "    known names: V, n"),
    Row("a set that is not declared", WORDS, r"\frac{1}{|Vocab|} = \frac{1}{V}", r"L = \sum_{w \in Vocab} 1",
        (r"w \in Vocab}", r"w \in Words}"),
        "file.toml, [forward] L: the set Words is not declared\n"
        '    \\sum_{w \\in Words} y_w\n'
        "                ^^^^^\n"
        '    declare it: [sets] \'S\' = "1..n"'),
    Row("a size as a set", WORDS, r"L = \sum_{w \in V} y_w", r"L = \sum_{w \in V} 2 y_w", ("'1..V'", "'V'"),
        "file.toml, [sets] Vocab: 'V' is not a range\n"
        '    write "1..n"'),
    Row("an index", ex("'x' = 'vector[k]'", SQUARES, indices="'a' = '0..k-1'"),
        "y_{a+1} = x_{a+1}^2", "y_{a+1} = x_{k-a}^2", ("'a' = '0..k-1'", "'i' = '0..k'"),
        "file.toml, [indices] i: i runs over 0..k, and over 1..k in the formula of y_i\n"
        "    use two letters, one for each range"),
    Row("an index, empty", ex("'x' = 'vector[k]'", SQUARES, indices="'a' = '0..k-1'"),
        r"\sum_a y_{a+1} = \sum_i x_i^2", r"\sum_a y_{a+1} = \sum_{i=2}^k x_i^2", ("'0..k-1'", "'1..0'"),
        "file.toml, [indices] a: '1..0' ends before it begins\n"
        '    write "1..n"'),
    Row("an index that is a size", ex("'x' = 'vector[k]'", SQUARES, indices="'a' = '0..k-1'"),
        r"\sum_a 1 = k", r"\sum_a 1 = k - 1", ("'a' = ", "'k' = "),
        "file.toml, [indices] k: k is a size already\n"
        "    give one of them another letter"),
    Row("sizes: at least", CONV, "y_i = \\sum_u x_{i+u-1} w_u", "y_i = \\sum_u x_{i+u-1}", ("H = '>= h'", "H = 'h'"),
        "file.toml, [sizes] H: 'h' is not a constraint\n"
        '    write ">= 2", ">= h" or "= H-h+1"'),
    Row("sizes: contradicting", CONV, "y_1 = \\sum_{u=1}^h x_u w_u", "y_1 = \\sum_{u=1}^h x_u", ("H = '>= h'",
        "H = '< h'"),
        "file.toml, [sizes]: no small sizes satisfy what is said of them\n"
        "    let the constraints and the shapes agree"),
    Row("sizes: never introduced", CONV, "\\sum_{i=1}^{H-h+1} 1 = H - h + 1",
        "\\sum_{i=1}^{H-h+1} 1 = H - h", ("H = '>= h'", "H = '>= k'"),
        "file.toml, [sizes] H: the size k stands in no shape and in no formula\n"
        "    known names: H, h"),
    Row("sizes: no name", CONV, r"\sum_{u=1}^h 1 = h", r"\sum_{u=1}^h 1 = H", ("H = '>= h'", "'H+1' = '>= h'"),
        "file.toml, [sizes] H+1: H+1 is not the name of a size\n"
        '    write it as in a shape: H = ">= h"'),
    Row("sizes: >= 0 and =", ex("'x' = 'vector[H]'; 'w' = 'vector[h]'; 'y' = 'vector[K] defined'",
                                r"'y_i' = '\sum_{u=1}^h x_{S(i-1)+u-P} w_u'", conventions="zero_outside = true",
                                sizes="P = '>= 0'; H = '= S*(K-1)+h-2*P'"),
        r"\frac{\partial E}{\partial w_u} = \sum_{i=1}^K \frac{\partial E}{\partial y_i} x_{S(i-1)+u-P}",
        r"\frac{\partial E}{\partial w_u} = \sum_{i=1}^K \frac{\partial E}{\partial y_i} x_{S(i-1)+u}",
        ("+h-2*P'", "+h-2*P'\nS = '= H'"),
        "file.toml: 2 mistakes\n"
        "    [sizes] H: the size H is made of itself: H of S of H\n"
        "    let one of them be a letter of its own\n"
        "    [sizes] S: the size S is made of itself: S of H of S\n"
        "    let one of them be a letter of its own"),
    # ---- conventions
    Row("zero_outside", ex("'x' = 'vector[n]'; 'w' = 'vector[m]'; 'y' = 'vector[n] defined'",
                           r"'y_i' = '\sum_{u=1}^m x_{i+u-1} w_u'", conventions="zero_outside = true"),
        r"\frac{\partial E}{\partial x_j} = \sum_{u=1}^m \frac{\partial E}{\partial y_{j-u+1}} w_u",
        r"\frac{\partial E}{\partial x_j} = \sum_{u=1}^m \frac{\partial E}{\partial y_{j+u-1}} w_u",
        ("zero_outside = true", "zero_outside = false"),
        "file.toml, [forward] y: x[i + u - 1] is read outside its range: i + u - 1 may leave 1..n\n"
        '    keep the subscript within its axis, by [sizes] such as H = ">= h", or write zero_outside = true'),
    Row("zero_outside: true or false", CONV + "[conventions]\nzero_outside = true\n", r"y_1 = \sum_{u=1}^h x_u w_u",
        r"y_1 = x_1 w_1", ("zero_outside = true", "zero_outside = 1"),
        "file.toml, [conventions] zero_outside: 1 is neither true nor false\n"
        "    write zero_outside = true"),
    Row("index_base 0", ex(X, SQUARES, conventions="index_base = 0"), r"\sum_{i=0}^{n-1} y_i = \sum_i x_i^2",
        r"\sum_{i=1}^n y_i = \sum_i x_i^2", ("index_base = 0", "index_base = 2"),
        "file.toml, [conventions] index_base: indices run from 0 or from 1\n"
        "    write index_base = 0 or index_base = 1"),
    Row("index_base 1", ex(X, SQUARES, conventions="index_base = 1"), r"\sum_{i=1}^n y_i = \sum_i x_i^2",
        r"\sum_{i=0}^{n-1} y_i = \sum_i x_i^2", ("index_base = 1", "index_bas = 1"),
        "file.toml, [conventions]: 'index_bas' is not a convention\n"
        "    did you mean 'index_base'?"),
    Row("layout shape", of(LAYOUT, LAYOUT="shape"),
        r"\frac{\partial E}{\partial W} = \frac{\partial E}{\partial y} x^T",
        r"\frac{\partial E}{\partial W} = x \left(\frac{\partial E}{\partial y}\right)^T", ("'shape'", "'shapes'"),
        "file.toml, [conventions] layout: 'shapes' is not a layout\n"
        '    write "shape", "numerator" or "denominator"'),
    Row("layout numerator", of(LAYOUT, LAYOUT="numerator"),
        r"\frac{\partial E}{\partial x} = \frac{\partial E}{\partial y} W",
        r"\frac{\partial E}{\partial x} = W^T \frac{\partial E}{\partial y}", ("'numerator'", "1"),
        "file.toml, [conventions] layout: 1 is not a layout\n"
        '    write "shape", "numerator" or "denominator"'),
    Row("layout numerator, by a matrix", of(LAYOUT, LAYOUT="numerator"),
        r"\frac{\partial E}{\partial W} = \left(x \frac{\partial E}{\partial y}\right)^T",
        r"\frac{\partial E}{\partial W} = x \frac{\partial E}{\partial y}", ("'y' = 'W x'", "'y' = 'x W'"),
        "file.toml, [forward] y: the sizes do not fit: the product of a column of n and a matrix m × n\n"
        "    x W\n"
        "    ^^^"),
    Row("layout denominator", of(LAYOUT, LAYOUT="denominator"),
        r"\frac{\partial y}{\partial x} = W^T", r"\frac{\partial y}{\partial x} = W", ("[conventions]", "[convention]"),
        "file.toml: 'convention' is not part of a declaration\n"
        "    did you mean 'conventions'?"),
    Row("einstein", ex("'x' = 'vector[n]'; 'W' = 'matrix[m,n]'", "'y_i' = 'W_{ij} x_j'", conventions="einstein = true"),
        r"\frac{\partial E}{\partial x_j} = \frac{\partial E}{\partial y_i} W_{ij}",
        r"\frac{\partial E}{\partial x_j} = \frac{\partial E}{\partial y_k} W_{ij}", ("einstein = true",
        "einstein = 'yes'"),
        "file.toml, [conventions] einstein: 'yes' is neither true nor false\n"
        "    write einstein = true"),
    Row("einstein: each expanded term", ex("'x' = 'vector[n]'; 'a' = 'vector[n]'", "'y' = 'x_i (a_i + x_i^2)'",
                                           conventions="einstein = true"),
        r"y = x_j a_j + x_k x_k x_k", r"y = x_j a_j + x_k x_k", ("einstein = true", "einstein = false"),
        "file.toml, [forward] y: i is free on the right and does not stand on the left\n"
        "    sum over i, or write it on the left"),
    Row("at_kink: excluded", of(KINK, KINK="'excluded'"), r"\frac{\partial y}{\partial x} = \mathbb{1}[x \ge 0]",
        r"\frac{\partial y}{\partial x} = \mathbb{1}[x < 0]", ("'excluded'", "true"),
        "file.toml, [conventions] at_kink: True is not a text\n"
        "    put it in quotes"),
    Row("at_kink: a value", of(KINK, KINK="'1'"), "f'(0) = 1", "f'(0) = 0", ("'1'", "'q'"),
        "file.toml, [conventions] at_kink: the value at a kink is a number\n"
        "    write a number, or declare the letter as a scalar"),
    Row("at_kink: f'(0) = a", of(KINK, KINK='''"f'(0) = a"'''),
        r"\frac{\partial y}{\partial x} = \begin{cases} 1 & x > 0 \\ a & x = 0 \\ 0 & x < 0 \end{cases}", "f'(0) = 0",
        ("f'(0) = a", "f(0) = a"),
        "file.toml, [conventions] at_kink: 'f(0) = a' does not say what a derivative is at its kink\n"
        "    write f'(0) = 0"),
    Row("at_kink: of a function without one", of(KINK, KINK='''"f'(0) = 1/2"'''), "f'(0) = 1/2", "f'(0) = 1",
        ("f'(0)", "g'(0)"),
        "file.toml, [conventions] at_kink: g is no function with a kink\n"
        "    write f'(0) = 0 for a declared relu f"),
    Row("given: entries", ex("'t' = 'vector[n]'; 'x' = 'vector[n]'",
        r"'L' = '-\sum_i t_i \log \frac{e^{x_i}}{\sum_j e^{x_j}}'",
                             "loss = 'L'", conventions=r"given = ['\sum_i t_i = 1']"),
        r"\frac{\partial L}{\partial x_j} = \frac{e^{x_j}}{\sum_k e^{x_k}} - t_j",
        r"\frac{\partial L}{\partial x_j} = \frac{e^{x_j}}{\sum_k e^{x_k}} - 1", (r"\sum_i t_i = 1", r"\sum_i q_i = 1"),
        "file.toml, [conventions] given: q_i is not declared\n"
        '    \\sum_i q_i = 1\n'
        "           ^^^\n"
        "    known names: L, t, x"),
    Row("given: indices", ex(X, SQUARES, conventions=r"given = ['i \neq j']"), r"\frac{\partial y_i}{\partial x_j} = 0",
        r"\frac{\partial y_i}{\partial x_j} = 2 x_i", (r"['i \neq j']", "['i']"),
        "file.toml, [conventions] given: this is no condition\n"
        "    i\n"
        "    ^\n"
        "    a condition is like i = j or x > 0"),
    Row("given: a number", ex(X, SQUARES, conventions=r"given = ['i \neq j']"), "y_i = x_i^2", "y_i = x_j^2",
        (r"['i \neq j']", "3"),
        "file.toml, [conventions] given: 3 is not a text\n"
        "    put it in quotes"),
    # ---- forward: the graph
    Row("forward: a name that nobody declared", ex(X, SQUARES), "y_i = x_i^2", "y_i = x_i^3", ("'x_i^2'",
        "'x_i^2 + q_i'"),
        "file.toml, [forward] y_i: q_i is not declared\n"
        "    x_i^2 + q_i\n"
        "            ^^^\n"
        "    known names: x"),
    Row("forward: in order", ex(X, "'z_i' = 'x_i^2'; 'y_i' = 'z_i^2'"), "y_i = x_i^4", "y_i = x_i^2",
        ("'z_i' = 'x_i^2'\n'y_i' = 'z_i^2'", "'y_i' = 'z_i^2'\n'z_i' = 'x_i^2'"),
        "file.toml, [forward] y_i: z_i is used before its definition\n"
        "    z_i^2\n"
        "    ^^^^^\n"
        "    write z_i above y_i"),
    Row("forward: a cycle", ex(X, "'z_i' = 'x_i^2'; 'y_i' = 'z_i^2'"), "y_i = z_i^2", "y_i = z_i",
        ("'x_i^2'", "'x_i + y_i'"),
        "file.toml, [forward] z_i: the graph has a cycle: z_i is made of y_i, and y_i of z_i\n"
        "    x_i + y_i\n"
        "          ^^^\n"
        "    a node is made of the nodes above it only"),
    Row("forward: of itself", ex(X, SQUARES), "y_i = x_i x_i", "y_i = y_i x_i", ("'x_i^2'", "'x_i y_i'"),
        "file.toml, [forward] y_i: the graph has a cycle: y_i is made of itself\n"
        "    x_i y_i\n"
        "        ^^^\n"
        "    a node is made of the nodes above it"),
    Row("forward: a recurrence", ex("'x' = 'vector[T]'; 'h_{t-1}' = 'scalar'", r"'y_t' = '\tanh(x_t + h_{t-1})'"),
        r"\frac{\partial y_t}{\partial x_t} = 1 - y_t^2", r"\frac{\partial y_t}{\partial x_t} = 1 - y_t",
        ("+ h_{t-1})", "+ y_{t-1})"),
        "file.toml, [forward] y_t: y_t is made of y_{t-1}: recurrences over an index are not read yet\n"
        '    \\tanh(x_t + y_{t-1})\n'
        "                ^^^^^^^\n"
        '    declare what comes in as a symbol of its own: \'y_{t-1}\' = "vector[n]"'),
    Row("forward: an index with two ranges", ex("'x' = 'vector[n]'; 'w' = 'vector[n]'", "'y_i' = 'x_i w_i'"),
        "y_i = w_i x_i", "y_i = w_i", ("'w' = 'vector[n]'", "'w' = 'vector[m]'"),
        "file.toml, [forward] y_i: the index i runs over 1..n and over 1..m\n"
        "    use two letters, one for each range"),
    Row("forward: a stray index", ex(X, r"'y' = '\sum_i x_i'"), r"y = \sum_k x_k", "y = x_k", (r"\sum_i x_i", "x_i"),
        "file.toml, [forward] y: i is free on the right and does not stand on the left\n"
        "    sum over i, or write it on the left"),
    Row("forward: a size never introduced", ex(X, r"'y' = '\sum_{i=1}^n x_i'"), r"y = \sum_i x_i",
        r"y = \sum_{i=2}^n x_i",
        ("1}^n", "1}^N"),
        "file.toml, [forward] y: N is neither declared nor the length of an axis\n"
        '    \\sum_{i=1}^N x_i\n'
        "               ^\n"
        "    known names: n, x"),
    Row("forward: a rank that does not fit", ex("'W' = 'matrix[m,n]'; 'x' = 'vector[n]'", "'y' = 'W x'"),
        r"y = W x", r"y = 2 W x", ("'vector[n]'", "'vector[m]'"),
        "file.toml, [forward] y: the sizes do not fit: the product: an axis of length n meets one of length m\n"
        "    W x\n"
        "    ^^^"),
    Row("forward: too many indices", ex(X, SQUARES), "y_i = x_i^2", "y_i = 1", ("'x_i^2'", "'x_{ij}^2'"),
        "file.toml, [forward] y_i: this is no index\n"
        "    x_{ij}^2\n"
        "       ^^\n"
        "    an index is a letter, a number, or a sum of such"),
    Row("forward: twice", ex(X, "'z_i' = 'x_i'; 'y_i' = 'x_i^2'"), "y_i = z_i^2", "y_i = z_i",
        ("'z_i' = 'x_i'", "'y_j' = 'x_j'"),
        "file.toml, [forward] y_i: y_i is defined twice\n"
        "    give one of them another name"),
    Row("forward: a symbol", ex(X, SQUARES), "y = x \\odot x", "y = x", ("'y_i' = ", "'x_i' = "),
        "file.toml, [forward] x_i: x_i is defined twice\n"
        "    give one of them another name"),
    Row("forward: a size", ex(X, r"'y' = '\sum_i x_i'"), r"y = \sum_i x_i", r"y = n", ("'y' = ", "'n' = "),
        "file.toml, [forward] n: n is a size already\n"
        "    give one of them another name"),
    Row("twice declared", ex("'x' = 'vector[n]'; 'w' = 'vector[n]'", "'y_i' = 'x_i w_i'"), "y_i = x_i w_i", "y_i = x_i",
        ("'w' = ", "'{x}' = "),
        "file.toml, [symbols] {x}: {x} is declared twice\n"
        "    give one of them another name"),
    Row("no name", ex("'x' = 'vector[n]'; 'w' = 'vector[n]'", "'y_i' = 'x_i w_i'"), "y = w \\odot x", "y = w",
        ("'w' = ", "'w + x' = "),
        "file.toml, [symbols] w + x: w + x is not a name\n"
        '    a name is a letter with scripts: \\hat{x}_i'),
    Row("a size and a symbol", ex("'x' = 'vector[n]'; 'w' = 'vector[n]'", "'y_i' = 'x_i w_i'"), "y = x \\odot w",
        "y = x",
        ("'w' = ", "'n' = "),
        "file.toml, [symbols] n: n is a size and also a symbol\n"
        "    give one of them another letter"),
    Row("a table misspelled", ex(X, SQUARES), "y_i = x_i^2", "y_i = x_i", ("[symbols]", "[symbol]"),
        "file.toml: 'symbol' is not part of a declaration\n"
        "    did you mean 'symbols'?"),
    Row("no table", ex(X, SQUARES), "y_i = x_i^2", "y_i = x_i", ("[symbols]", "functions = 'f'\n[symbols]"),
        "file.toml, functions: [functions] is not a table\n"
        "    write [functions] on a line"),
    Row("nothing is computed", ex(X, SQUARES), "y_i = x_i^2", "y_i = x_i", ("[forward]\n'y_i' = 'x_i^2'\n", ""),
        "file.toml, [forward]: nothing is computed\n"
        "    write the forward pass: 'y_i' = '\\exp(x_i)'"),
    # ---- sentences
    Row("typeface is ignored", ex(r"'\mathbf{X}' = 'matrix[n,m]'; 'w' = 'vector[m]'", r"'y_i' = '\sum_j X_{ij} w_j'"),
        r"\mathrm{y} = \mathbf{X} \boldsymbol{w}", r"\mathrm{y}_i = \mathrm{X}_{ij} w_j",
        ("'w' = ", r"'{\mathbf{X}}' = "),
        'file.toml, [symbols] {\\mathbf{X}}: {\\mathbf{X}} is declared twice\n'
        "    give one of them another name"),
    Row("typeface tells apart", ex(r"'x' = 'vector[n]'; '\mathbf{x}' = 'vector[n]'", r"'y_i' = 'x_i \mathbf{x}_i^2'"),
        r"\frac{\partial E}{\partial \boldsymbol{x}_i} = 2 \frac{\partial E}{\partial y_i} x_i \mathbf{x}_i",
        r"\frac{\partial E}{\partial x_i} = 2 \frac{\partial E}{\partial y_i} x_i \mathbf{x}_i",
        (r"'\mathbf{x}' = ", "'{x}' = "),
        "file.toml, [symbols] {x}: {x} is declared twice\n"
        "    give one of them another name"),
    Row("tilde is widetilde", ex(X, r"'\tilde{x}_i' = 'x_i^2'; 'y_i' = '\widetilde{x}_i^2'"),
        r"y_i = \tilde{x}_i^2", r"y_i = x_i^2", (r"\widetilde{x}_i", r"\widetilde{z}_i"),
        'file.toml, [forward] y_i: \\tilde{z}_i^2 is not declared\n'
        '    \\widetilde{z}_i^2\n'
        "    ^^^^^^^^^^^^^^^^^\n"
        "    did you mean '\\tilde{x}_i'?"),
    Row("an accent over an index", ex(X, r"'\hat{x_i}' = 'x_i^2'; 'y_i' = '\hat{x}_i'"), r"y_i = \hat{x_i}",
        "y_i = x_i",
        (r"'y_i' = '\hat{x}_i'", r"'y_i' = '\hat{x}_j'"),
        "file.toml, [forward] y_i: j is free on the right and does not stand on the left\n"
        "    sum over j, or write it on the left"),
    Row("defaults: odot, juxtaposition, T",
        ex("'A' = 'matrix[n,n]'; 'B' = 'matrix[n,n]'; 'x' = 'vector[n]'", r"'y' = '(A \odot B) x'"),
        r"y^\top = x^T (A^\top \odot B^T)", "y = A B x", (r"A \odot B", r"A \odot x"),
        'file.toml, [forward] y: the sizes do not fit: the product entry by entry of a matrix n × n and '
        "a vector of n\n"
        '    (A \\odot x) x\n'
        "     ^^^^^^^^^"),
    Row("default: T is a transpose beside a size T", ex("'h_t' = 'matrix[T,n] at t'; 'w' = 'vector[n]'",
        "'y_t' = 'w^T h_t'"),
        r"y_t = \sum_{i=1}^n w_i h_{t,i}", r"y_t = \sum_{i=1}^n w_i^T h_{t,i}", ("'w^T h_t'", "'w h_t^'"),
        "file.toml, [forward] y_t: nothing stands above\n"
        "    w h_t^\n"
        "         ^\n"
        "    write ^{...}"),
    Row("default: sigma", ex(X, r"'y_i' = '\sigma(x_i)'"), r"y_i = \frac{1}{1 + e^{-x_i}}",
        r"y_i = \frac{1}{1 + e^{x_i}}",
        (r"\sigma(x_i)", r"\sigma x_i)"),
        "file.toml, [forward] y_i: ) closes nothing\n"
        '    \\sigma x_i)\n'
        "              ^\n"
        "    take it away, or write ( before it"),
    Row("default: Kronecker", ex(X, SQUARES), r"\frac{\partial y_i}{\partial x_j} = 2 \delta_{ij} x_i",
        r"\frac{\partial y_i}{\partial x_j} = 2 x_i", ("'x_i^2'", r"'\delta_{ij} x_i'"),
        "file.toml, [forward] y_i: j is free on the right and does not stand on the left\n"
        "    sum over j, or write it on the left"),
    Row("braces group", ex("'a' = 'scalar'; 'b' = 'scalar'; 'c' = 'scalar'; 'd' = 'scalar'", "'y' = '(a - b c) d'"),
        "y = {a - b(c)}(d)", "y = a - b(c)(d)", ("'(a - b c) d'", "'{a - b c) d'"),
        "file.toml, [forward] y: { is closed by )\n"
        "    {a - b c) d\n"
        "            ^\n"
        "    write } here, or ( before"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_right_line(row: Row) -> None:
    one, = judged(row.declaration, row.right)
    assert one.judgement == "right", one.message


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_nearest_wrong_line(row: Row) -> None:
    one, = judged(row.declaration, row.wrong)
    assert one.judgement == "wrong", one.message


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_mistake_in_the_declaration(row: Row) -> None:
    typed, instead = row.mistake
    assert row.declaration.count(typed) == 1
    assert mistakes(row.declaration.replace(typed, instead)) == row.says


# ---- what a fact is worth: right where it is declared, not where it is not -------------------------------------------

@pytest.mark.parametrize("shape, fact, line", [
    (SCALAR, "positive", r"\sqrt{b^2} = b"),
    (SCALAR, "nonnegative", "|b| = b"),
    (SCALAR, "in(0,1)", r"\log(b^2) = 2 \log b"),
    (SCALAR, "binary", "b^2 = b"),
    (LABELS, "onehot", "t_i^2 = t_i"),
    (LABELS, "onehot", r"\sum_k t_k = 1"),
    (LABELS, "simplex", r"\sum_k t_k = 1"),
    (LABELS, "simplex", "|t_k| = t_k"),
])
def test_a_property_is_a_fact(shape: str, fact: str, line: str) -> None:
    one, = judged(of(shape, PROPERTY=fact), line)
    assert one.judgement == "right", one.message
    one, = judged(of(shape, PROPERTY=""), line)
    assert one.judgement == "wrong", one.message


def test_a_simplex_is_not_onehot() -> None:
    one, = judged(of(LABELS, PROPERTY="simplex"), "t_i^2 = t_i")
    assert one.judgement == "wrong"


@pytest.mark.parametrize("line, right_in", [
    (r"\frac{\partial E}{\partial x} = W^T \frac{\partial E}{\partial y}", {"shape", "denominator"}),
    (r"\frac{\partial E}{\partial x} = \frac{\partial E}{\partial y} W", {"numerator"}),
    (r"\frac{\partial y}{\partial x} = W", {"shape", "numerator"}),
    (r"\frac{\partial y}{\partial x} = W^T", {"denominator"}),
    (r"\frac{\partial E}{\partial x} = \frac{\partial E}{\partial y} \frac{\partial y}{\partial x}", {"shape",
        "numerator"}),
    (r"\frac{\partial E}{\partial x} = \frac{\partial y}{\partial x} \frac{\partial E}{\partial y}", {"shape",
        "denominator"}),
])
@pytest.mark.parametrize("layout", ["shape", "numerator", "denominator"])
def test_a_layout_says_where_vectors_stand(layout: str, line: str, right_in: set[str]) -> None:
    one, = judged(of(LAYOUT, LAYOUT=layout), line)
    assert one.judgement == ("right" if layout in right_in else "wrong"), one.message


def test_orientation_matters_where_it_is_declared() -> None:
    vectors = ex("'x' = 'vector[n]'; 'd' = 'vector[n]'", r"'y' = '\sum_i d_i x_i'")
    for line in ("y = d^T x", "y = d x^T"):
        one, = judged(vectors, line)
        assert one.judgement == "right"
    one, = judged(vectors.replace("vector", "column"), "y = d x^T")
    assert one.judgement == "wrong"


# ---- several lines ---------------------------------------------------------------------------------------------------

def test_a_trailing_condition_holds_for_the_lines_that_continue() -> None:
    softmax = ex(X, r"'y_i' = '\frac{e^{x_i}}{\sum_k e^{x_k}}'")
    left = r"\frac{\partial y_i}{\partial x_k} = "
    lines = [(left + r"y_i (1 - y_i) \quad (i = k)", "right"), ("= y_i - y_i y_k", "right"), ("= -y_i y_k", "wrong"),
             (r"= y_i (1 - y_k) \quad (i = k)", "right"), (left + r"-y_i y_k \quad (i \neq k)", "right"),
             ("= -y_k y_i", "right"), ("= y_i (1 - y_k)", "wrong"), (left + "-y_i y_k", "wrong")]
    found = judged(softmax, *(line for line, _ in lines))
    assert [one.judgement for one in found] == [expected for _, expected in lines]


def test_a_target_continues_over_lines() -> None:
    text = of(CHAIN, GRADIENT=r"of = 'y'; loss = 'E'; target = '\frac{\partial E}{\partial x_i}'")
    found = judged(text, r"= \frac{\partial E}{\partial y_i} 2 z_i w_i",
        r"= 2 \frac{\partial E}{\partial y_i} w_i^2 x_i")
    assert [one.judgement for one in found] == ["right", "right"]


def test_an_alias_is_no_node_of_its_own() -> None:
    """No chain rule stops there: what is differentiated by it is differentiated by what it stands for."""
    text = ex("'x' = 'vector[n]'", "'z_i' = 'x_i^2'; 'y_i' = 'z_i^3'", aliases="'v' = 'z'")
    found = judged(text, r"\frac{\partial E}{\partial v_i} = 3 \frac{\partial E}{\partial y_i} v_i^2",
                   r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial v_i} 2 x_i",
                   r"\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial v_i} x_i")
    assert [one.judgement for one in found] == ["right", "right", "wrong"]


@pytest.mark.parametrize("line, what, mend", [
    ("dL = A : dX", "differentials are not read yet", r"write the gradient: \frac{\partial L}{\partial X} = ..."),
    (r"\mathrm{d}L = \operatorname{tr}(A^T \mathrm{d}X)", "differentials are not read yet",
     r"write the gradient: \frac{\partial L}{\partial X} = ..."),
    (r"g_i = A_{ij} g_{i+1}", "a recurrence over an index is not read yet: the name is said by itself",
     "write the first steps out, each as an equation of its own"),
])
def test_what_is_not_read_yet_is_refused_by_name(line: str, what: str, mend: str) -> None:
    one, = judged(ex("'A' = 'matrix[n,m]'; 'X' = 'matrix[n,m]'", r"'L' = 'A : X'", "loss = 'L'"), line)
    assert (one.judgement, one.message, one.mend) == ("unread", what, mend)


def test_an_unknown_function_of_tensors_is_read_nowhere_else() -> None:
    text = ex("'x' = 'vector[n]'", "'y_i' = 'x_i^2'; 'L' = 'f(y)'", "by = ['x']", functions="'f' = 'any scalar'")
    one, = judged(text, r"\frac{\partial L}{\partial x_i} = f(x)")
    assert (one.judgement, one.message) == ("unread", "an unknown function of tensors is read as the loss only")


def test_kroneckers_delta_is_not_defined_by_a_number() -> None:
    first, second = judged(ex(X, SQUARES), r"\delta_{ij} = 1", r"\frac{\partial y_i}{\partial x_j} = 2 x_i \delta_{ij}")
    assert (first.judgement, second.judgement) == ("unread", "right")


# ---- mistakes, told as a person would --------------------------------------------------------------------------------

def test_mistakes_are_collected_each_with_its_place() -> None:
    assert mistakes(ex("'x' = 'vektor[n]'; 'w' = 'matrix[n]'; 'a + b' = 'scalar'", SQUARES)) == COLLECTED


COLLECTED = (
    "file.toml: 3 mistakes\n"
    "    [symbols] x: 'vektor[n]' does not begin with a shape\n"
    '    write "scalar", "vector[n]", "matrix[n,m]", "tensor[a,b,c]", "row[n]", "column[n]"\n'
    "    [symbols] w: a matrix has two lengths, here there is 1\n"
    "    in 'matrix[n]'\n"
    "    [symbols] a + b: a + b is not a name\n"
    '    a name is a letter with scripts: \\hat{x}_i')


def test_the_caret_stands_under_the_guilty_piece_of_the_right_line() -> None:
    text = "[symbols]\n'x' = 'vector[n]'\n[forward]\n'y_i' = '''\n  x_i^2\n    + \\sum_k q_k\n    + x_i'''\n"
    assert mistakes(text + "[gradient]\nof = 'y'\nloss = 'E'\n") == (
        "file.toml, [forward] y_i: q_k is not declared\n"
        '    + \\sum_k q_k\n'
        "             ^^^\n"
        "    known names: x")


def test_a_long_line_is_cut_around_the_caret() -> None:
    formula = " + ".join(["x_i"] * 40 + ["q_i"] + ["x_i"] * 40)
    said = mistakes(ex(X, f"'y_i' = '{formula}'")).splitlines()
    assert said[0] == "file.toml, [forward] y_i: q_i is not declared"
    assert all(len(line) <= 110 for line in said)
    start = said[2].index("^")
    assert said[1][start:start + said[2].count("^")] == "q_i"
    assert said[1].strip().startswith("...") and said[1].endswith("...")


@pytest.mark.parametrize("text, what", [
    (r'"\beta" = "scalar"', r"file.toml, [symbols]: '\x08eta' holds a control character"),
    (r'"\theta" = "scalar"', r"file.toml, [symbols]: '\theta' holds a control character"),
    (r'"\nu" = "scalar"', r"file.toml, [symbols]: '\nu' holds a control character"),
    (r'"\alpha" = "scalar"', "file.toml: this is not TOML: "),
])
def test_latex_in_double_quotes_is_explained(text: str, what: str) -> None:
    said, mend = mistakes(f"[symbols]\n{text}\n{FORWARD}").splitlines()
    assert said.startswith(what)
    assert mend == r"""    LaTeX stands in single quotes: '\beta' = "scalar\""""


@pytest.mark.parametrize("formula", [r"\frac{x}{2}", r"\tanh(x)", r"\beta x", r"x \times x"])
def test_a_formula_in_double_quotes_is_explained(formula: str) -> None:
    said = mistakes(f"[symbols]\n'x' = 'scalar'\n[forward]\n'y' = \"{formula}\"\n")
    assert said.startswith("file.toml, [forward]: ") and "holds a control character" in said


FORWARD = "[forward]\n'y' = '1'\n"


@pytest.mark.parametrize("junk", [
    "", "[[exercise]]", "exercise = 3", "symbols = []\n[forward]\n", "[forward]\n'' = ''", "[forward]\n'y' = 1",
    "[symbols]\n'x' = ['vector']\n[forward]\n'y' = 'x'", "[forward]\n'y' = 'x'\n[gradient]\nof = {}",
    "[forward]\n'y' = '1'\n[gradient]\nof = 'y'\nupstream = {y = 3}", "[forward]\n'y' = '1'\n[conventions]\ngiven = {}",
    "[forward]\n'y' = '1'\n[sizes]\nn = '= n'", "[forward]\n'y' = '1'\n[functions]\n'f(x)' = 'f(x)'",
    "[forward]\n'y' = '1'\n[aliases]\n'a' = 'b'\n'b' = 'a'", "[forward]\n'y' = '1'\n[operators]\n'' = 'outer'",
    "[forward]\n'y' = '1'\n[indices]\n'' = '1..n'", "[forward]\n'y' = '1'\n[sets]\n'S' = '1..'",
])
def test_junk_is_a_mistake_and_no_crash(junk: str) -> None:
    assert mistakes(junk)


# ---- the page --------------------------------------------------------------------------------------------------------

def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.S | re.M)


def test_the_example_of_the_page_is_declared_and_its_lines_are_judged() -> None:
    text, = blocks("toml")
    right, wrong = (block.strip().splitlines() for block in blocks("latex"))
    assert [one.judgement for one in judged(text, *right)] == ["right"] * len(right)
    assert [one.judgement for one in judged(text, *wrong)] == ["wrong"] * len(wrong)


def test_the_mistake_on_the_page_is_the_one_that_is_said() -> None:
    text, = blocks("toml")
    said = mistakes(text.replace(r"e^{-\beta x_i}}{", r"e^{-\gamma x_i}}{")).replace("file.toml", "softmax.toml")
    assert said == blocks("text")[0].rstrip("\n")


def test_the_words_of_the_page_are_those_that_are_read() -> None:
    """Every table, role, property, meaning and function that a declaration may have stands on the page."""
    known = {*head.TABLES, *symbols.ROLES, *get_args(Property), *head.CONVENTIONS, *gradient.ASKED, *words.NAMED,
             *get_args(Meaning), words.HADAMARD_LATER, "any", "any scalar"}
    assert not [word for word in sorted(known) if f"`{word}`" not in PAGE and f"`[{word}]`" not in PAGE]


def test_several_exercises_share_what_stands_above_them() -> None:
    text = ("source = 'a course'\n[[exercise]]\nname = 'one'\n[exercise.symbols]\n'x' = 'scalar'\n[exercise.forward]\n"
            "'y' = 'x^2'\n[exercise.gradient]\nloss = 'y'\n[[exercise]]\nname = 'two'\n[exercise.symbols]\n"
            "'x' = 'scalar'\n[exercise.forward]\n'y' = 'x^3'\n[exercise.gradient]\nloss = 'y'\n")
    assert [(one.problem.name, one.problem.source) for one in declarations(text, "file.toml")] == [
        ("one", "a course"), ("two", "a course")]


def test_a_mapping_is_the_same_as_the_file() -> None:
    text = ex(X, SQUARES)
    assert declare(tomllib.loads(text)).problem.tensors == declared(text).problem.tensors
