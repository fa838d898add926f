"""An exercise as a module of Python: NAME_forward, NAME_backward, and what JAX and PyTorch need to use the two.

The forward pass returns what comes out and a cache, all that the backward pass needs; integers stand last in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from derivs.affine import symbol
from derivs.errors import IllFormed, Unsupported
from derivs.export.body import Body, is_made_of_sizes, is_transparent
from derivs.export.formulas import SEED, Formula
from derivs.export.fuse import with_means
from derivs.export.names import free, identifier, identifiers
from derivs.export.passes import Passes
from derivs.export.plan import VIEWS, Node, given, walk
from derivs.export.sizes import Reader, Shaped, untold
from derivs.export.spell import Speller
from derivs.export.spellings import HELPERS, IMPORTS, TARGETS, Target
from derivs.export.words import docstring, established, formula_lines, wrapped
from derivs.export.wrappers import INDENT, Signature, autograd_function, custom_vjp, enclosed
from derivs.expr import Apply, Entry
from derivs.expr import walk as nodes_of
from derivs.problem import Claim, Problem, bar, gradient
from derivs.rules.opaque import MARK, is_opaque
from derivs.text import text
from derivs.verdict import Verdict

RECOMPUTED = frozenset({*VIEWS, "pad", "spread"})      # rather made again than kept


@dataclass(frozen=True, slots=True)
class Gradient:
    """A gradient of the module: by what, its formula in one line, and how it was established."""

    by: str
    name: str
    formula: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Module:
    """The text of a module and what is in it. arguments: of the forward pass, integers last."""

    target: Target
    name: str
    text: str
    arguments: tuple[str, ...]
    integers: tuple[str, ...]
    functions: tuple[str, ...]
    cotangents: tuple[str, ...]
    gradients: tuple[Gradient, ...]


def export(problem: Problem, target: Target, passes: Passes | None = None) -> Module:
    """The module of an exercise for numpy, jax or torch. passes: of the exercise, where they have been worked out.

    Raises Unsupported for what has no vectorised form, saying which part it is, and IllFormed where no input has a
    gradient.
    """
    if target not in TARGETS:
        raise Unsupported(f"there is no export to {target!r}", mend=f"one of {', '.join(TARGETS)}")
    passes = passes or Passes(problem, by_offsets=target == "numpy")
    if not passes.asked:
        raise IllFormed("no input has a gradient: there is nothing to export", where=problem.name,
                        mend="declare what the gradient is taken by as an input or a parameter")
    return _Writer(passes, target).module()


class _Writer:
    """One module in the making."""

    def __init__(self, passes: Passes, target: Target) -> None:
        self.passes, self.problem, self.target = passes, passes.problem, target
        self.title = self.problem.title.rstrip(".")
        self.name = identifier(self.problem.name)
        self.letters = {**identifiers(self.problem), SEED: SEED}
        self.functions = _functions(self.problem, set(self.letters.values()))
        self.letters |= self.functions
        self.inputs = [t.name for t in self.problem.inputs]
        self.integers = untold(self.problem, passes.graph.context)
        self.used: set[str] = set()
        self.nodes, self.gradients, self.inner = with_means(passes.forward, passes.gradients, passes.inner)

    def module(self) -> Module:
        self.kept = self._kept()
        forward = self._forward()
        gradients = self._claims()
        backward = self._backward(gradients)
        wrapper = {"jax": custom_vjp, "torch": autograd_function}.get(self.target)
        parts = [self._head(), *(code for name, target, code in HELPERS if name in self.used and target == self.target),
                 forward, backward, *([wrapper(self._signature())] if wrapper else [])]
        return Module(self.target, self.name, "\n\n".join(parts), self.arguments,
                      tuple(self.letters[n] for n in self.integers), tuple(self.functions.values()), self.upstream,
                      gradients)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of the forward pass: the inputs, functions that the exercise leaves open, integers."""
        return tuple(self.letters[name] for name in (*self.inputs, *self.functions, *self.integers))

    @property
    def upstream(self) -> tuple[str, ...]:
        """The cotangents that the backward pass is handed."""
        return (SEED,) if self.passes.is_loss else tuple(self.letters[bar(y)] for y in self.passes.outputs)

    def _signature(self) -> Signature:
        return Signature(
            self.name, self.title, self.arguments, tuple(self.letters[n] for n in self.inputs),
            tuple(self.letters[t.name] for t in self.problem.inputs if not t.shape), self.upstream,
            {self.letters[t]: self.letters[bar(t)] for t in self.gradients}, len(self.kept), tuple(self.kept_integers),
            self.passes.is_loss)

    # ---- the forward pass

    def _forward(self) -> str:
        outputs = [self.nodes[y] for y in self.passes.outputs]
        speller = self._speller((name, given(name, self.problem.tensors[name].shape)) for name in self.inputs)
        body = Body(speller, set(self.arguments), frozenset(self.letters.values()),
                    {node: self.letters[name] for name, node in reversed(self.nodes.items())})
        needed = set(walk(*outputs, *self.kept))
        roots = dict.fromkeys((*(n for n in self.nodes.values() if n in needed), *outputs, *self.kept))
        body.compute([n for n in roots if n not in speller.names], self.kept)
        self.cache = [speller.names[node] for node in self.kept]
        sizes, missing = self._sizes(speller, [Shaped(self.letters[n], self.problem.tensors[n].shape)
                                               for n in self.inputs], self.integers)
        assert not missing
        self.backward_lines = self._backward_lines()               # which tells the integers that it needs
        said = ", ".join(body.name(node) for node in outputs)
        returned = said if len(outputs) == 1 else f"({said})"
        return "\n".join([
            f"def {self.name}_forward({', '.join(self.arguments)}):", *self._forward_words(),
            *(INDENT + line for line in (*sizes, *body.lines)),
            *enclosed(f"{INDENT}return {returned}, ", [*self.cache, *self.kept_integers])]) + "\n"

    def _kept(self) -> list[Node]:
        """What the backward pass reads of the forward pass, inputs first, then in the order of computation."""
        made = list(dict.fromkeys(walk(*self.nodes.values())))
        order = {node: k for k, node in enumerate(made)}
        kept: dict[Node, None] = {}
        seen: set[Node] = set()
        stack = list(self.gradients.values())
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            is_input = node.op == "given" and node.data in self.inputs
            is_call = node.op == "map" and node.data[0].startswith("call ")        # only the forward pass is handed f
            is_work = (node in order and node.op not in RECOMPUTED and not is_made_of_sizes(node)
                       and not is_transparent(node) and node.op not in ("number", "size"))
            if is_input or is_call or is_work:
                kept[node] = None
            else:
                stack += node.args
        places = {name: k for k, name in enumerate(self.inputs)}
        return sorted(kept, key=lambda n: (n.op != "given",
                                           places[n.data] if n.op == "given" else order.get(n, len(order))))

    # ---- the backward pass

    def _backward_lines(self) -> list[str]:
        """The lines of the backward pass after its docstring."""
        if self.passes.is_loss:
            arrays: list[Shaped] = []
            speller = self._speller([(SEED, given(SEED, ()))])
        else:
            cotangents = [(bar(y), given(bar(y), self.problem.tensors[y].shape)) for y in self.passes.outputs]
            arrays = [Shaped(self.letters[name], node.shape) for name, node in cotangents]
            speller = self._speller(cotangents)
        arrays += [Shaped(name, node.shape) for name, node in zip(self.cache, self.kept, strict=True)]
        speller.names |= dict(zip(self.kept, self.cache, strict=True))
        speller.like = arrays[0].name if arrays else ""
        body = Body(speller, {*self.cache, *self.upstream, "cache"}, frozenset(self.letters.values()), self._wished(),
                    in_place=True)
        needed = set(walk(*self.gradients.values()))
        named = [self.inner[t] for t in self.passes.chosen if t in self.inner]
        roots = list(self.gradients.values())
        shared_first = sorted(roots, key=lambda node: -sum(node in set(walk(other)) for other in roots))
        body.compute([n for n in shared_first if n not in speller.names],
                     [*roots, *(n for n in named if n in needed and n.op not in VIEWS and n not in speller.names)])
        returned = [self.letters[bar(tensor)] for tensor in self.gradients]
        for (tensor, node), name in zip(self.gradients.items(), returned, strict=True):
            said = f"0 * {self.letters[tensor]}" if node.op == "number" else body.name(node)
            if said != name:                                       # db = dz
                body.lines.append(f"{name} = {said}")
        sizes, missing = self._sizes(speller, arrays, ())
        self.kept_integers = [self.letters[n] for n in missing]
        kept = [*self.cache, *self.kept_integers]
        opened = [] if not kept else [f"({kept[0]},) = cache"] if len(kept) == 1 else _opened(kept)
        return [*opened, *sizes, *body.lines, *_returned(returned)]

    def _wished(self) -> dict[Node, str]:
        """Names of gradients: one that another is a copy of has its own."""
        worked_out = {node for t, node in self.inner.items() if t in self.passes.chosen}
        wished = {node: self.letters[bar(t)] for t, node in self.inner.items()}
        return wished | {node: self.letters[bar(t)] for t, node in reversed(self.gradients.items())
                         if node not in worked_out}

    def _backward(self, gradients: Sequence[Gradient]) -> str:
        arguments = f"cache, {SEED}=1.0" if self.passes.is_loss else ", ".join((*self.upstream, "cache"))
        return "\n".join([f"def {self.name}_backward({arguments}):", *self._backward_words(gradients),
                          *(INDENT + line for line in self.backward_lines)]) + "\n"

    # ---- what both use

    def _speller(self, inputs: Iterable[tuple[str, Node]]) -> Speller:
        speller = Speller(self.target, self.letters, used=self.used)
        for name, node in inputs:
            speller.names[node] = self.letters[name]
            if node.ndim:
                speller.like = speller.like or self.letters[name]
        return speller

    def _sizes(self, speller: Speller, arrays: Sequence[Shaped], known: Iterable[str]) -> tuple[list[str], list[str]]:
        """The lines that read the sizes which the code speaks of, and those that no shape tells."""
        wanted = [n for n in self.problem.sizes if n in speller.sizes and n not in known]
        return Reader(speller, self.passes.graph.context, arrays, set(known)).lines(wanted, self.letters)

    # ---- words

    def _head(self) -> str:
        standard = ["import math"] if "math" in self.used else []
        if self.target == "jax" and (self.integers or self.functions):
            standard.append("from functools import partial")
        imports = [line for name, target, line in IMPORTS if target == self.target and name in ("", *self.used)]
        return "\n".join([f'"""{self.title}: forward and backward pass, exported by derivs."""', "", *standard,
                          *([""] if standard else []), *imports]) + "\n"

    def _shape(self, tensor: str) -> str:
        shape = self.problem.tensors[tensor].shape
        said = ", ".join(str(form).replace("*", " ") for form in shape)
        return f"({said}{',' * (len(shape) == 1)})" if shape else "a number"

    def _forward_words(self) -> list[str]:
        problem = self.problem
        definitions = [line for d in problem.definitions
                       for line in formula_lines(f"{text(d.entry, problem)} = {text(d.value, problem)}")]
        inputs = [f"{self.letters[n]}: {self._shape(n)}" for n in self.inputs]
        inputs += [f"{said}: {'its derivative' if name.endswith(chr(39)) else 'a function'}"
                   for name, said in self.functions.items()]
        inputs += [f"{self.letters[n]}: {'a class, counted from 0' if n in self.passes.labels else 'an integer'}"
                   for n in self.integers]
        outputs = ", ".join(f"{self.letters[y]}: {self._shape(y)}" for y in self.passes.outputs)
        return docstring(f"{self.title}.", definitions, [
            *wrapped(", ".join(inputs)), f"Returns {outputs}, and what the backward pass needs.",
            *wrapped(f"Source: {problem.source}.")])

    def _claims(self) -> tuple[Gradient, ...]:
        found = []
        for tensor in self.passes.asked:
            formula = self.passes.chosen.get(tensor) or self.passes.formulas.of(tensor)[0]
            claim = self._claim(formula)
            said = f"{text(claim.left, self.problem)} = {text(claim.right, self.problem)}"
            found.append(Gradient(tensor, self.letters[bar(tensor)], said, self.passes.verdict(claim)))
        return tuple(found)

    def _claim(self, formula: Formula) -> Claim:
        return Claim(gradient(self.problem, Entry(formula.of, tuple(map(symbol, formula.indices)))), formula.tree)

    def _backward_words(self, gradients: Sequence[Gradient]) -> list[str]:
        inner = [self._claim(formula) for tensor, formula in self.passes.chosen.items()
                 if tensor not in self.passes.asked]
        formulas = [*(f"{text(c.left, self.problem)} = {text(c.right, self.problem)}" for c in inner),
                    *(g.formula for g in gradients)]
        verdicts = {g.name: g.verdict for g in gradients}
        verdicts |= {text(c.left, self.problem): self.passes.verdict(c) for c in inner}
        returned = ", ".join(f"{g.name}: {self._shape(g.by)}" for g in gradients)
        return docstring(f"The vector-Jacobian product of {self.name}_forward.",
                         [line for said in formulas for line in formula_lines(said)], established(verdicts),
                         [*wrapped(f"Returns {returned}."), *wrapped(f"Source: {self.problem.source}.")])


def _functions(problem: Problem, taken: set[str]) -> dict[str, str]:
    """The functions that the exercise leaves open, and their derivatives, with names in code."""
    found: dict[str, str] = {}
    for node in (n for d in problem.definitions for n in nodes_of(d.value)):
        if isinstance(node, Apply) and is_opaque(node.function):
            for name in (node.function, node.function + "'"):
                found.setdefault(name, free(identifier(name.removeprefix(MARK)), taken))
    return found


def _opened(kept: Sequence[str]) -> list[str]:
    """`a, b, c = cache`, in brackets where it takes several lines."""
    line = f"{', '.join(kept)} = cache"
    return [line] if len(line) <= 100 else enclosed("", kept, " = cache")


def _returned(names: Sequence[str]) -> list[str]:
    line = f"return {', '.join(names)}"
    return [line] if len(line) <= 100 else enclosed("return ", names)
