"""The exercises that the fuzzed lines are about, with the lines of the seed sheets and some right lines of our own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from derivs.checker import Checker
from derivs.declare import Declared, declare
from derivs.derive import Graph
from derivs.evaluate import Evaluator

SEEDS: Final = Path(__file__).parent.parent / "seeds"

SOFTMAX = {
    "name": "softmax", "symbols": {"x": "vector[K] input", r"\beta": "scalar parameter positive"},
    "forward": {"y_i": r"\frac{e^{-\beta x_i}}{\sum_{k=1}^{K} e^{-\beta x_k}}"},
    "gradient": {"of": "y", "loss": "E", "by": ["x", r"\beta"]}}
BATCHNORM = {
    "name": "batchnorm", "symbols": {"x": "vector[m] input", r"\epsilon": "scalar constant positive"},
    "forward": {r"\mu": r"\frac{1}{m} \sum_{i=1}^m x_i", r"\sigma^2": r"\frac{1}{m} \sum_{i=1}^m (x_i - \mu)^2",
                "y_i": r"\frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}}"},
    "gradient": {"of": "y", "loss": "L", "by": ["x"]}}
LINEAR = {
    "name": "linear", "symbols": {"X": "matrix[n,d] input", "W": "matrix[d,p] parameter", "b": "row[p] parameter"},
    "forward": {"Y": r"X W + \mathbf{1} b"},
    "gradient": {"of": "Y", "loss": "L", "by": ["X", "W", "b"]}}
CONVOLUTION = {
    "name": "convolution",
    "symbols": {"x": "vector[H] input", "w": "vector[h] parameter", "y": "vector[H-h+1] defined"},
    "sizes": {"H": ">= h"}, "forward": {"y_i": r"\sum_{u=1}^{h} x_{i+u-1} w_u"},
    "gradient": {"of": "y", "loss": "E", "by": ["x", "w"]}, "conventions": {"zero_outside": True}}
HINGE = {
    "name": "hinge", "symbols": {"s": "vector[K] input", "y": "index[K] target"},
    "forward": {"L": r"\sum_{j=1}^K 1(j \neq y) \max(0, s_j - s_y + 1)"},
    "gradient": {"loss": "L", "by": ["s"]}}
PLAIN = {
    "name": "plain", "symbols": {"x": "vector[n] input", "u": "vector[n] input", "A": "matrix[n,n] parameter",
                                 "a": "scalar parameter", "b": "scalar parameter"},
    "forward": {"L": r"\sum_{i=1}^n (a x_i^2 + b u_i)"},
    "gradient": {"loss": "L", "by": ["x", "u", "a"]}}
OWN: Final[Mapping[str, tuple[Mapping[str, Any], tuple[str, ...]]]] = {
    "softmax": (SOFTMAX, (
        r"\frac{\partial y_i}{\partial x_j} = -\beta y_i (\delta_{ij} - y_j)",
        r"\frac{\partial E}{\partial x_j} = -\beta y_j \left( \frac{\partial E}{\partial y_j} - \sum_{i=1}^K"
        r" \frac{\partial E}{\partial y_i} y_i \right)",
        r"\frac{\partial E}{\partial \beta} = \sum_i \frac{\partial E}{\partial y_i} y_i"
        r" \left( \sum_k y_k x_k - x_i \right)",
        r"\sum_{i=1}^K \frac{\partial y_i}{\partial x_j} = 0")),
    "batchnorm": (BATCHNORM, (
        r"\frac{\partial L}{\partial \sigma^2} = -\frac{1}{2} \sum_i \frac{\partial L}{\partial y_i}"
        r" (x_i - \mu) (\sigma^2 + \epsilon)^{-3/2}",
        r"\frac{\partial y_i}{\partial \mu} = -\frac{1}{\sqrt{\sigma^2 + \epsilon}}",
        r"\frac{\partial \sigma^2}{\partial x_i} = \frac{2}{m} (x_i - \mu)",
        r"\frac{\partial \mu}{\partial x_i} = \frac{1}{m}")),
    "linear": (LINEAR, (
        r"\frac{\partial L}{\partial W} = X^T \frac{\partial L}{\partial Y}",
        r"\frac{\partial L}{\partial X} = \frac{\partial L}{\partial Y} W^T",
        r"\frac{\partial L}{\partial b_j} = \sum_{i=1}^n \frac{\partial L}{\partial Y_{ij}}",
        r"\frac{\partial Y_{ij}}{\partial W_{kl}} = X_{ik} \delta_{jl}")),
    "convolution": (CONVOLUTION, (
        r"\frac{\partial E}{\partial w_u} = \sum_{i=1}^{H-h+1} \frac{\partial E}{\partial y_i} x_{i+u-1}",
        r"\frac{\partial E}{\partial x_j} = \sum_{u=1}^{h} \frac{\partial E}{\partial y_{j-u+1}} w_u")),
    "hinge": (HINGE, (
        r"\frac{\partial L}{\partial s_j} = 1(s_j - s_y + 1 > 0), \quad j \neq y",
        r"L = \sum_{j \neq y} \max(0, s_j - s_y + 1)")),
    "plain": (PLAIN, (
        r"\frac{\partial L}{\partial x_i} = 2 a x_i", r"\frac{\partial L}{\partial u_i} = b",
        r"\frac{\partial L}{\partial a} = \sum_i x_i^2", r"(a + b)^2 = a^2 + 2ab + b^2")),
}


@dataclass(slots=True)
class Exercise:
    """An exercise with its right lines; the work on it is shared between inputs, and begun afresh now and then."""

    declared: Declared
    right: tuple[str, ...]
    graph: Graph
    evaluator: Evaluator

    def checker(self, seconds: float) -> Checker:
        """For one input: what an input introduces must not reach the next."""
        found = Checker(self.declared.problem, self.declared.vocabulary, seconds=seconds)
        found.graph, found.evaluator = self.graph, self.evaluator
        return found

    def afresh(self) -> None:
        """Forgets what was computed."""
        self.graph, self.evaluator = Graph(self.declared.problem), Evaluator(self.declared.problem)


def exercise(declaration: Mapping[str, Any], right: tuple[str, ...]) -> Exercise:
    """A declaration with right lines."""
    declared = declare(declaration)
    return Exercise(declared, right, Graph(declared.problem), Evaluator(declared.problem))


def exercises() -> dict[str, Exercise]:
    """Our own, and those of the seed sheets with the lines that are right there."""
    found = {name: exercise(*one) for name, one in OWN.items()}
    lines: dict[str, list[str]] = {}
    with (SEEDS / "seed_lines.jsonl").open(encoding="utf-8") as file:
        for line in map(json.loads, file):
            if line["expect"] == "accept":
                lines.setdefault(line["id"].rsplit("-", 1)[0], []).append(line["full"])
    declarations = json.loads((SEEDS / "seed_declarations.json").read_text(encoding="utf-8"))
    return found | {name: exercise(one, tuple(lines[name])) for name, one in declarations.items() if name in lines}
