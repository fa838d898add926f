"""How people call in code what an exercise has letters for: `dout`, `grad_output`, `γ`, `weight`, `x_hat`.

Each row of the tables is one way of writing. A name is compared in small letters, without underscores.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from derivs.names import GREEK
from derivs.problem import Problem, Role, Tensor, bar

# The gradient by {}: `dy`, `grad_y`, `dL_dy`. The loss may have any of the letters below.
GRADIENTS: Final = ("{}bar", "bar{}", "d{}", "grad{}", "{}grad", "g{}", "{}cotangent", "ct{}", "{}ct", "delta{}",
                    "nabla{}", "gradient{}", "{}gradient", "d{}out", "gradof{}", "gradwrt{}")
LOSSES: Final = ("l", "e", "j", "c", "loss", "cost", "error")
# The gradient by the output, whatever the output is called.
UPSTREAM: Final = frozenset({
    "dout", "doutput", "doutputs", "dupstream", "upstream", "upstreamgrad", "upstreamgradient", "gradout", "gradoutput",
    "gradoutputs", "outgrad", "outputgrad", "g", "gout", "grad", "gradient", "grady", "delta", "ct", "cotangent", "dy",
    "dz", "da", "dh", "v", "dvalues", "dloss", "dl", "de", "dj", "gradin", "incoming"})
SAVED: Final = frozenset({"cache", "ctx", "context", "saved", "residuals", "res", "memory", "tape", "self"})

ACCENTED: Final = re.compile(r"\\?(hat|tilde|bar|dot|vec)[({]([^(){}]*)[)}]")
PREVIOUS: Final = re.compile(r"_\{?t-1\}?$")


@dataclass(frozen=True, slots=True)
class Row:
    """Words for the same thing. role, rank: what a tensor must be that has none of these names, but is the only one."""

    words: tuple[str, ...]
    role: Role | None = None
    rank: range = range(9)


WORDS: Final = (
    Row(("x", "input", "inputs", "inp", "data", "logits", "z", "a", "u", "features", "scores", "images"), "input"),
    Row(("t", "target", "targets", "label", "labels", "y", "ytrue", "truth", "onehot", "yonehot"), "target"),
    Row(("y", "out", "output", "outputs", "result", "ypred", "yhat", "prediction", "predictions", "activations"),
        "node"),
    Row(("s", "p", "probs", "probabilities", "softmax", "q", "yhat", "ypred", "sm")),
    Row(("w", "weight", "weights", "kernel", "kernels", "filter", "filters", "theta"), "parameter", range(2, 9)),
    Row(("b", "bias", "biases"), "parameter", range(1, 2)),
    Row(("gamma", "weight", "scale", "gain")),
    Row(("beta", "bias", "shift", "offset")),
    Row(("beta", "invtemp", "inversetemperature", "b")),
    Row(("tau", "temperature", "temp")),
    Row(("epsilon", "eps", "varepsilon")),
    Row(("mu", "mean", "mub", "batchmean", "samplemean", "xmean")),
    Row(("sigma", "std", "sd", "stddev", "standarddeviation")),
    Row(("var", "variance", "sigma2", "sigmasq", "sigmasquared", "v", "batchvar", "samplevar")),
    Row(("xhat", "hatx", "xnorm", "xn", "xnormalized", "normalized", "norm", "xh")),
    Row(("mask", "m", "dropoutmask", "keep", "r")),
    Row(("lambda", "lam", "lmbda", "reg", "regularization", "l2", "weightdecay")),
    Row(("alpha", "slope", "negativeslope", "leak")),
    Row(("loss", "cost", "l", "e"), "loss"),
)


def plain(name: str) -> str:
    """`∂L_dγ` as `dldgamma`: small letters, Greek ones by their names, no underscores."""
    for word, letter in GREEK.items():
        name = name.replace(letter, word)
    return re.sub(r"[^a-z0-9]", "", name.replace("∂", "d").lower())


def names_of(tensor: Tensor) -> frozenset[str]:
    """A tensor's name and what it is in print, as plain names: `xhat` and `hatx`, `h_t-1` and `h_prev`."""
    said = {tensor.name, tensor.latex or ""}
    said |= {ACCENTED.sub(r"\2\1", one) for one in said} | {PREVIOUS.sub("_prev", one) for one in said}
    return frozenset(map(plain, said)) - {""}


def synonyms(tensor: Tensor) -> list[str]:
    """The other words for it."""
    return [word for row in WORDS if not names_of(tensor).isdisjoint(row.words) and row.role in (None, tensor.role)
            for word in row.words]


def called(name: str, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors that a name may stand for, by the first way of looking at it that finds any."""
    for look in (_exactly, _plainly, _by_synonym, _by_role):
        if found := list(look(name, tensors)):
            return found
    return []


def _exactly(name: str, tensors: Sequence[Tensor]) -> Iterator[Tensor]:
    return (tensor for tensor in tensors if name in (tensor.name, GREEK.get(tensor.name)))


def _plainly(name: str, tensors: Sequence[Tensor]) -> Iterator[Tensor]:
    return (tensor for tensor in tensors if plain(name) in names_of(tensor))


def _by_synonym(name: str, tensors: Sequence[Tensor]) -> Iterator[Tensor]:
    rows = [row for row in WORDS if plain(name) in row.words]
    return (tensor for tensor in tensors
            if any(not names_of(tensor).isdisjoint(row.words) and row.role in (None, tensor.role) for row in rows))


def _by_role(name: str, tensors: Sequence[Tensor]) -> Iterator[Tensor]:
    """The only tensor of the kind that the word is for."""
    for row in (row for row in WORDS if row.role and plain(name) in row.words):
        fitting = [tensor for tensor in tensors if tensor.role == row.role and len(tensor.shape) in row.rank]
        if len(fitting) == 1:
            yield from fitting


def gradient_of(name: str, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors whose gradient a name may stand for: `dx`, `grad_weight`, `dL_dgamma`."""
    for stem in _stems(name):
        if found := called(stem, tensors):
            return found
    return []


def _stems(name: str) -> Iterator[str]:
    """What is left of a name when the signs of a gradient are taken off it, the longest sign first."""
    word = plain(name)
    patterns = [f"d{loss}d{{}}" for loss in LOSSES] + [f"d{loss}{{}}" for loss in LOSSES[4:]] + list(GRADIENTS)
    for pattern in sorted(patterns, key=len, reverse=True):
        before, after = pattern.split("{}")
        if word.startswith(before) and word.endswith(after) and len(word) > len(before) + len(after):
            yield word[len(before):len(word) - len(after)]


def cotangents_called(name: str, problem: Problem, upstream: Iterable[str]) -> list[str]:
    """The given cotangents that a name may stand for."""
    outputs = [problem.tensors[y] for y in upstream]
    if name in {bar(y.name) for y in outputs}:
        return [name]
    if found := gradient_of(name, [y for y in outputs if y.role == "node"]):
        return [bar(tensor.name) for tensor in found]
    return [bar(y.name) for y in outputs] if plain(name) in UPSTREAM else []
