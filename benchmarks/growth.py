"""How the work grows: a chain of layers, and a contraction of many bound indices."""

from __future__ import annotations

from derivs.affine import ONE as FIRST
from derivs.affine import symbol
from derivs.derive import Graph
from derivs.expr import ONE, Derivative, Entry, Expr, Sum, mul, power, subtract
from derivs.normal.context import Context
from derivs.normal.translate import Translator
from derivs.problem import Claim, Definition, Problem, Tensor, bar
from derivs.prove import Equal, prove
from derivs.rules.functions import apply


def _entry(name: str, *at: str) -> Entry:
    return Entry(name, tuple(map(symbol, at)))


def chain(layers: int) -> Problem:
    """x_l = sigmoid(W_l x_{l-1}), every layer of its own size."""
    tensors = [Tensor("x0", (symbol("n0"),))]
    definitions = []
    for k in range(1, layers + 1):
        here, before = symbol(f"n{k}"), symbol(f"n{k - 1}")
        tensors += [Tensor(f"W{k}", (here, before)), Tensor(f"z{k}", (here,), "node"), Tensor(f"x{k}", (here,), "node")]
        product = mul(_entry(f"W{k}", "i", "j"), _entry(f"x{k - 1}", "j"))
        definitions += [Definition(f"z{k}", ("i",), Sum("j", FIRST, before, product)),
                        Definition(f"x{k}", ("i",), apply("sigmoid", _entry(f"z{k}", "i")))]
    cotangents = [Tensor(bar(t.name), t.shape, "cotangent") for t in tensors]
    named = {t.name: t for t in (*tensors, *cotangents, Tensor("E", (), "loss"))}
    return Problem(f"chain of {layers}", "", "", named, tuple(definitions), "E", (f"x{layers}",))


def prove_chain(layers: int) -> bool:
    """Derives and proves both gradients of every layer."""
    graph = Graph(chain(layers))
    held = True
    for k in range(1, layers + 1):
        z_bar, x = _entry(f"z{k}_bar", "i"), _entry(f"x{k}", "i")
        weight = Claim(Derivative(Entry("E"), _entry(f"W{k}", "i", "j")), mul(z_bar, _entry(f"x{k - 1}", "j")))
        inner = Claim(Derivative(Entry("E"), _entry(f"z{k}", "i")),
                      mul(_entry(f"x{k}_bar", "i"), x, subtract(ONE, x)))
        held = held and prove(graph, weight) == Equal() == prove(graph, inner)
    return held


def contract(indices: int) -> int:
    """The trace of a power of a matrix, cyclically symmetric: sum Y_{k1 k2} Y_{k2 k3} ... Y_{kn k1}."""
    size = symbol("m")
    names = [f"k{i}" for i in range(indices)]
    body: Expr = mul(*(_entry("Y", a, b) for a, b in zip(names, [*names[1:], names[0]], strict=True)))
    for name in names:
        body = Sum(name, FIRST, size, body)
    context = Context({"Y": Tensor("Y", (size, size))}, [size - 1])
    return len(Translator(context).form(context, body))


def power_of_sums(indices: int) -> int:
    """sum_i (sum_j y_ij)^(n-1): bound indices that are all alike."""
    size = symbol("m")
    row = Sum("j", FIRST, size, _entry("Y", "i", "j"))
    context = Context({"Y": Tensor("Y", (size, size))}, [size - 1])
    return len(Translator(context).form(context, Sum("i", FIRST, size, power(row, indices - 1))))
