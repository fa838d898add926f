"""Exercises in SymPy become problems; what means nothing is refused, with what, where and how to mend."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from sympy import Eq, Ge, Idx, IndexedBase, Ne, Rational, Sum, Symbol, exp, sqrt
from words import E as entry
from words import V

from derivs.errors import IllFormed
from derivs.exercise import (
    Constant,
    Exercise,
    Expectation,
    Hand,
    Indicator,
    Input,
    Label,
    Node,
    Parameter,
    Target,
    bar,
    build,
    d,
    indices,
    local,
    scalars,
    sizes,
    tensors,
)
from derivs.expr import ONE, Derivative, number
from derivs.problem import Given
from derivs.wellformed import mistakes

n, m, H, h = sizes("n m H h")
i, j, k = indices("i j k")
x, y, z, w, W = tensors("x y z w W")
beta = scalars("beta", positive=True)
a, E, L = scalars("a E L")

SOFTMAX = Exercise(
    title="Softmax", source="a test", inputs=[Input(x[n]), Parameter(beta)],
    forward=[Node(y[i], exp(-beta * x[i]) / Sum(exp(-beta * x[k]), (k, 1, n)))],
    loss=E, of=y,
    targets=[Target(d(E, x[j]), beta * y[j] * (Sum(bar(y)[k] * y[k], (k, 1, n)) - bar(y)[j]))])


def made(**changes):
    return build(replace(SOFTMAX, **changes), name="softmax", where="softmax.py")


def refused(**changes) -> str:
    with pytest.raises(IllFormed) as caught:
        made(**changes)
    return str(caught.value)


# ---- what is made ----------------------------------------------------------------------------------------------------

def test_tensors_and_their_cotangents():
    tensors_ = made().tensors
    assert {name: (str(t.shape), t.role) for name, t in tensors_.items()} == {
        "x": ("(n,)", "input"), "beta": ("()", "parameter"), "y": ("(n,)", "node"), "E": ("()", "loss"),
        "x_bar": ("(n,)", "cotangent"), "beta_bar": ("()", "cotangent"), "y_bar": ("(n,)", "cotangent")}


def test_what_sympy_assumes_is_declared():
    """SymPy turns sqrt(beta^2) into beta for a positive beta, so nobody else may doubt it."""
    assert made().tensors["beta"].properties == {"positive"}
    positive = IndexedBase("x", positive=True)
    assert made(inputs=[Input(positive[n]), Parameter(beta)]).tensors["x"].is_positive
    assert sqrt(beta**2) == beta and sqrt(positive[i]**2) == positive[i] and sqrt(x[i]**2) != x[i]


def test_roles_properties_and_names():
    problem = made(inputs=[Input(x[n], latex=r"\tilde{x}"), Parameter(beta), Constant(w[n], "binary"),
                           Label(z[n], "onehot", zero_outside=True)])
    assert problem.tensors["x"].latex == r"\tilde{x}"
    assert (problem.tensors["w"].role, problem.tensors["w"].properties) == ("constant", {"binary"})
    assert problem.tensors["z"].role == "target" and problem.tensors["z_bar"].zero_outside
    assert [t.name for t in problem.inputs] == ["x", "beta", "w", "z"]


def test_a_node_has_the_shape_of_the_axes_its_indices_stand_on():
    problem = made(inputs=[Input(x[n]), Parameter(beta), Parameter(W[m, n])],
                   forward=[Node(z[i, j], W[i, j] * beta), Node(y[i], Sum(z[i, j] * x[j], (j, 1, n)))],
                   targets=[Target(d(E, x[j]), Sum(bar(y)[i] * z[i, j], (i, 1, m)))])
    assert str(problem.tensors["z"].shape) == "(m, n)"
    assert str(problem.tensors["y"].shape) == "(m,)"


def test_a_shape_that_is_given():
    problem = made(inputs=[Input(x[H]), Parameter(w[h])], facts=[h <= H],
                   forward=[Node(y[i], Sum(x[i + k - 1] * w[k], (k, 1, h)), shape=[H - h + 1], zero_outside=True)],
                   targets=[Target(d(E, x[j]), Sum(bar(y)[j - k + 1] * w[k], (k, 1, h)))])
    assert problem.tensors["y"].shape == (V("H") - V("h") + 1,)
    assert problem.tensors["y_bar"].zero_outside
    assert problem.facts == (V("H") - V("h"),)


@pytest.mark.parametrize("fact, forms", [
    (h <= H, ["H - h"]), (h < H, ["H - h - 1"]), (Ge(n, 2), ["n - 2"]), (n > 2, ["n - 3"]),
    (Eq(H, 2 * n), ["H - 2*n", "2*n - H"]), (n >= 1, []),
])
def test_facts(fact, forms):
    assert list(map(str, made(facts=[fact]).facts)) == forms


def test_a_loss_that_is_a_letter_and_one_that_is_a_node():
    assert (made().loss, made().outputs) == ("E", ("y",))
    problem = made(forward=[*SOFTMAX.forward, Node(L, Sum(y[i]**2, (i, 1, n)))], loss=L, of=(), targets=[])
    assert (problem.loss, problem.outputs, problem.tensors["L"].role) == ("L", ("L",), "node")
    problem = made(forward=[*SOFTMAX.forward, Node(L, Sum(y[i]**2, (i, 1, n)))], loss=L, of=[L, y], targets=[])
    assert problem.outputs == ("L", "y")


def test_claims_kinks_and_reference():
    def forward(x, beta, n, y=0.0):
        return x

    problem = made(
        targets=[Target(local(y[i], x[j]), 0, given=[Ne(i, j)], note="off the diagonal")],
        hand=[Hand(d(E, x[j]), 0, "a wall", wrong="it is not", given=[Eq(Sum(x[k], (k, 1, n)), 1)])],
        kinks={"relu": Rational(1, 2), "abs": 0}, reference=forward)
    target, hand = problem.targets[0], problem.hands[0]
    assert target.claim.left == Derivative(entry("y", "i"), entry("x", "j"), "local")
    assert target.claim.given == (Given("!=", V("i"), V("j")),) and target.note == "off the diagonal"
    assert (hand.source, hand.wrong, hand.claim.given[0].right) == ("a wall", "it is not", ONE)
    assert problem.kinks == {"relu": number(Fraction(1, 2)), "abs": number(0)}
    assert problem.reference is forward


@pytest.mark.parametrize("tensor, name", [(y[i], "y_bar[i]"), (y, "y_bar"), (a, "a_bar")])
def test_bar(tensor, name):
    assert str(bar(tensor)) == name


def test_sympy_forgets_the_range_of_an_idx():
    """Why indices are plain integer symbols: SymPy 1.14, cf. its issue 12532. x_1 + x_2 is lost."""
    ranged = Idx("k", (1, n))
    assert str(Sum(x[ranged], (ranged, 1, n)).subs(n, 2).doit()) == "2*x[k]"
    assert str(Sum(x[k], (k, 1, n)).subs(n, 2).doit()) == "x[1] + x[2]"


# ---- what is refused -------------------------------------------------------------------------------------------------

SUM = Sum(x[k], (k, 1, n))
MISTAKES = {
    "an undeclared tensor": (
        {"forward": [Node(y[i], exp(x[i]) * a)]},
        "softmax.py, definition of y[i]: a is not declared\n    known names: beta, x, y"),
    "an undeclared tensor with a near name": (
        {"inputs": [Input(x[n]), Parameter(Symbol("alpha"))], "forward": [Node(y[i], x[i] * Symbol("alhpa"))]},
        "softmax.py, definition of y[i]: alhpa is not declared\n    did you mean 'alpha'?"),
    "a sum up to an undeclared size": (
        {"forward": [Node(y[i], x[i] * Sum(x[k], (k, 1, m)))]},
        "softmax.py, definition of y[i]: m is neither an index of y[i] nor the length of an axis\n"
        "    sum over m, or let m stand on the left, or declare an axis of length m"),
    "an index that is not summed": (
        {"forward": [Node(y[i], x[i] * x[j])]},
        "softmax.py, definition of y[i]: j is neither an index of y[i] nor the length of an axis\n"
        "    sum over j, or let j stand on the left, or declare an axis of length j"),
    "an index that is not summed in a scalar": (
        {"forward": [Node(a, x[i]), *SOFTMAX.forward]},
        "softmax.py, definition of a: i is neither an index of a nor the length of an axis\n"
        "    sum over i, or let i stand on the left, or declare an axis of length i"),
    "an index of unknown range": (
        {"forward": [Node(y[i], SUM)]},
        "softmax.py, definition of y[i]: the range of i is not known: it stands nowhere in the value\n"
        "    give the node its lengths: shape=[n, ...]"),
    "a wrong rank": (
        {"forward": [Node(y[i], x[i, i])]},
        "softmax.py, definition of y[i]: x has 1 subscripts, here it has 2\n    its shape is (n)"),
    "a vector without its index": (
        {"forward": [Node(y[i], x[i] * Symbol("x", real=True))]},
        "softmax.py, definition of y[i]: x has 1 subscripts, here it has 0\n    its shape is (n)"),
    "an index on two axes of different length": (
        {"inputs": [Input(x[n]), Parameter(w[m])], "forward": [Node(y[i], x[i] * w[i])]},
        "softmax.py, definition of y[i]: the index i runs over 1..m and over 1..n\n"
        "    use two letters, one for each range"),
    "a sum over axes of different length": (
        {"inputs": [Input(x[n]), Parameter(w[m])], "forward": [Node(y[i], x[i] * Sum(x[k] * w[k], (k, 1, n)))],
         "targets": []},
        "softmax.py, definition of y[i]: k runs to n, on an axis of w whose length is m\n"
        "    let k run to m, or use another letter"),
    "a matrix product of mismatched sizes": (
        {"inputs": [Input(x[n]), Parameter(W[n, m])], "forward": [Node(y[i], Sum(W[i, k] * x[k], (k, 1, m)))],
         "targets": []},
        "softmax.py, definition of y[i]: k runs to m, on an axis of x whose length is n\n"
        "    let k run to n, or use another letter"),
    "a subscript that leaves its range": (
        {"forward": [Node(y[i], x[i] * x[i + 1])]},
        "softmax.py, definition of y[i]: x[i + 1] is read outside its range: i + 1 may leave 1..n\n"
        "    bound the index, or declare x with zero_outside=True"),
    "a cycle": (
        {"forward": [Node(y[i], x[i] * z[i]), Node(z[i], x[i] * y[i])]},
        "softmax.py, definition of y[i]: the graph has a cycle: y is made of z, and z of y\n"
        "    a node is made of the nodes above it only"),
    "a node made of itself": (
        {"forward": [Node(y[i], x[i] * y[i])]},
        "softmax.py, definition of y[i]: the graph has a cycle: y is made of y\n"
        "    a node is made of the nodes above it only"),
    "use before definition": (
        {"forward": [Node(y[i], x[i] * z[i]), Node(z[i], x[i]**2)]},
        "softmax.py, definition of y[i]: z is used before its definition\n    move z above y"),
    "a forward node made of a cotangent": (
        {"forward": [Node(y[i], x[i] * bar(x)[i])]},
        "softmax.py, definition of y[i]: x_bar is not declared\n    known names: beta, x, y"),
    "a name twice": (
        {"inputs": [Input(x[n]), Parameter(x[n])]},
        "softmax.py, declaration of x[n]: x is declared twice\n    give one of them another name"),
    "a size that is also a tensor": (
        {"inputs": [Input(x[n]), Parameter(beta), Parameter(Symbol("n", real=True))]},
        "softmax.py: n is a size and also a tensor\n    give one of them another letter"),
    "an index that is also a tensor": (
        {"inputs": [Input(x[n]), Parameter(beta), Parameter(Symbol("i", real=True))]},
        "softmax.py, definition of y[i]: i is an index and also a tensor\n    give one of them another letter"),
    "a sum over a size": (
        {"forward": [Node(y[i], x[i] * Sum(x[n], (n, 1, n)))]},
        "softmax.py, definition of y[i]: n is summed over and is also a size\n    use another letter for the index"),
    "an unknown property": (
        {"inputs": [Input(x[n], "positiv"), Parameter(beta)]},
        "softmax.py, declaration of x[n]: 'positiv' is not a property of a tensor\n    did you mean 'positive'?"),
    "a left side with a form": (
        {"forward": [Node(y[i + 1], x[i])]},
        "softmax.py, definition of y[i + 1]: an index of the left side is not a letter of its own\n    write y[i]"),
    "a left side with one letter twice": (
        {"forward": [Node(W[i, i], x[i])]},
        "softmax.py, definition of W[i, i]: an index of the left side is not a letter of its own\n    write W[i, j]"),
    "a shape of another rank": (
        {"forward": [Node(y[i], x[i], shape=[n, n])]},
        "softmax.py, definition of y[i]: y has 1 subscripts, and 2 lengths in its shape"),
    "an input without brackets": (
        {"inputs": [Input(x), Parameter(beta)]},
        "softmax.py, declaration of x: x has no brackets\n    write x[n], or x[i] for a node"),
    "an output that is no node": (
        {"of": z}, "softmax.py, of: the output z is not a node of the forward graph\n    known names: y"),
    "a loss of nothing": (
        {"of": ()}, "softmax.py, loss: it is not said what E is a function of\n"
                    "    write of=y, or let the loss be a node of the forward graph"),
    "a loss with entries": (
        {"loss": y, "of": (), "targets": []},
        "softmax.py, loss: the loss y has entries; a loss is a number\n"
        "    sum it, or let a letter such as E be the loss of it"),
    "a target by an unknown tensor": (
        {"targets": [Target(d(E, IndexedBase("xx")[j]), 0)]},
        "softmax.py, target 1: xx is not declared\n    did you mean 'x'?"),
    "a target with an index nobody knows": (
        {"targets": [Target(d(E, beta), j * beta)]},
        "softmax.py, target 1: the index j is free and its range is not known\n"
        "    let j stand alone as a subscript somewhere, or write it as a size"),
    "a hand formula out of range": (
        {"hand": [Hand(d(E, x[j]), y[j - 1], "a wall")]},
        "softmax.py, hand formula 1: y[j - 1] is read outside its range: j - 1 may leave 1..n\n"
        "    bound the index, or declare y with zero_outside=True"),
    "a side condition that is none": (
        {"targets": [Target(d(E, x[j]), y[j], given=[i < j])]},
        "softmax.py, target 1: the side condition i < j is not an equation\n    write Eq(..., ...) or Ne(i, j)"),
    "a mean over what is not binary": (
        {"targets": [Target(Expectation(Sum(x[k], (k, 1, n)), x, beta), beta)]},
        "softmax.py, target 1: the mean is over x, which is not declared binary\n"
        "    declare Constant(x[...], 'binary')"),
    "a kink of a smooth function": (
        {"kinks": {"reluu": 0}}, "softmax.py, kinks: 'reluu' is not a function with a kink\n    did you mean 'relu'?"),
    "a fact that is none": (
        {"facts": [Ne(H, h)]},
        "softmax.py, fact Ne(H, h): Ne(H, h) is not a relation between sizes\n    write H >= h"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name):
    changes, message = MISTAKES[name]
    assert refused(**changes) == message


def test_mistakes_are_collected_in_reading_order():
    assert refused(forward=[Node(z[i], x[i] * x[i + 1]), Node(y[i], z[i] * x[i - 1])],
                   targets=[Target(d(E, x[j]), y[j + 1])]) == (
        "softmax.py: 3 mistakes\n"
        "    definition of z[i]: x[i + 1] is read outside its range: i + 1 may leave 1..n\n"
        "    bound the index, or declare x with zero_outside=True\n"
        "    definition of y[i]: x[i - 1] is read outside its range: i - 1 may leave 1..n\n"
        "    bound the index, or declare x with zero_outside=True\n"
        "    target 1: y[j + 1] is read outside its range: j + 1 may leave 1..n\n"
        "    bound the index, or declare y with zero_outside=True")


def test_what_cannot_be_read_is_said_with_its_place():
    assert "definition of y[i]: 0.500000000000000 is a rounded number" in refused(forward=[Node(y[i], 0.5 * x[i])])


READS = {
    "in range": (x[i], True), "shifted": (x[i + 1], False), "guarded": (Indicator(i < n) * x[i + 1], True),
    "guarded the wrong way": (Indicator(i > 1) * x[i + 1], False), "constant": (x[1], True), "two": (x[2], False),
    "mirrored": (x[n - i + 1], True), "a partial sum": (Sum(x[k], (k, 1, i)) * x[i], True),
    "a sum too far": (Sum(x[k + 1], (k, 1, n)) * x[i], False),
    "a sum one less": (Sum(x[k + 1], (k, 1, n - 1)) * x[i], True),
    "from 0": (Sum(x[k], (k, 0, n)) * x[i], False), "a letter in both": (Sum(x[i], (i, 1, n)) * x[i], True),
    "inside its own range only": (Sum(x[i + 1], (i, 1, n)) * x[i], False),
}


@pytest.mark.parametrize("name", READS)
def test_subscripts_stay_in_range(name):
    value, fine = READS[name]
    node = Node(y[i], value, shape=[n])
    if fine:
        made(forward=[node])
    else:
        assert "on an axis of" in (message := refused(forward=[node])) or "is read outside its range" in message


def test_zero_outside_may_be_read_anywhere():
    made(inputs=[Input(x[n], zero_outside=True), Parameter(beta)], forward=[Node(y[i], x[i] + x[i + 7])])


def forward_without_beta(x):
    return x


def forward_with_more(x, beta, gamma):
    return x


def forward_with_a_bare_node(x, beta, y):
    return x


@pytest.mark.parametrize("reference, message", [
    (forward_without_beta, "softmax.py, reference: the reference does not take the input beta\n"
                           "    def forward_without_beta(x, beta, ...)"),
    (forward_with_more, "softmax.py, reference: the reference takes gamma, which is no input, size or node\n"
                        "    known names: beta, n, x, y"),
    (forward_with_a_bare_node, "softmax.py, reference: the reference's keyword y has no default\n"
                               "    y=0.0, added to the node y, is a handle on its adjoint"),
])
def test_reference_takes_the_inputs(reference, message):
    assert refused(reference=reference) == message


def test_mistakes_of_a_problem_made_without_sympy():
    """The checks are of problems, so other ways of declaring one share them."""
    problem = made()
    assert mistakes(problem) == []
    assert [str(m) for m in mistakes(replace(problem, outputs=("x",)))] == [
        "of: the output x is not a node of the forward graph\n    known names: y"]
