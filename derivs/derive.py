"""Reverse mode over the graph: one adjoint per node, each partial taken with the other named nodes held fixed.

These are the steps that a person writes: ∂E/∂σ², ∂E/∂μ, then ∂E/∂x_i. The adjoint of a node is itself a definition, in
terms of nodes and of the adjoints of the nodes that read it, so a derivation is a longer graph of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.differentiate import differentiate
from derivs.errors import IllFormed, Unsupported, nearest
from derivs.expr import (
    ONE,
    ZERO,
    And,
    CompareIndex,
    Delta,
    Derivative,
    Entry,
    Expr,
    Indicator,
    Sum,
    add,
    mul,
    names_in,
    rebuild,
    reindex,
    tensors_in,
    walk,
)
from derivs.normal.atoms import Form
from derivs.normal.context import Context
from derivs.problem import Definition, Problem, bar
from derivs.scope import lookup
from derivs.tidy import tidy

LETTERS = "ijklpqrstuvabcdef"


@dataclass(frozen=True, slots=True)
class Adjoint:
    """How a cotangent came about: `chain` names the partials, `definition` has them worked out.

    paths: what comes back through each node that reads the tensor; the definition is their sum.
    """

    of: Entry
    chain: Expr
    definition: Definition
    paths: Mapping[str, Expr] = field(default_factory=dict)


@dataclass(slots=True)
class Graph:
    """An exercise with the work on it that questions share: contexts, adjoints, partials."""

    problem: Problem
    context: Context = field(init=False)
    _adjoints: dict[str, Adjoint] = field(default_factory=dict)
    _above: dict[str, frozenset[str]] = field(default_factory=dict)
    _cotangents: dict[str, str] = field(default_factory=dict)
    shields: dict[tuple[Affine, ...], frozenset[Affine | None]] = field(default_factory=dict)     # of the definitions
    cases: dict[tuple[str, Expr], Graph] = field(default_factory=dict)          # with a binary number put in
    # The definitions in normal form, by the context and the nodes that are unfolded in it.
    forms: dict[tuple[Context, frozenset[str]], dict[str, Form]] = field(default_factory=dict)
    _locals: dict[tuple[str, str], tuple[tuple[str, ...], Expr]] = field(default_factory=dict)
    _resolved: dict[Derivative, Expr] = field(default_factory=dict)
    _reads: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context = Context(self.problem.tensors, self.problem.constraints)
        self._cotangents = {bar(t): t for t in self.problem.tensors}
        for definition in self.problem.definitions:
            direct = tensors_in(definition.value)
            self._above[definition.tensor] = direct.union(*(self._above.get(t, frozenset()) for t in direct))

    def extended(self, problem: Problem) -> Graph:
        """The graph of a problem that adds nodes, which nothing in this one reads, with the work done here."""
        graph = Graph(problem)
        graph._adjoints |= self._adjoints
        graph._locals |= self._locals
        graph._resolved |= self._resolved
        graph._reads |= self._reads
        return graph

    def inside(self, tensor: str, indices: Iterable[str]) -> Context:
        """The context in which the indices run over the tensor's shape."""
        shape = self.problem.tensors[tensor].shape
        return self.context.assume(end for name, size in zip(indices, shape, strict=True)
                                   for end in (symbol(name) - FIRST, size - symbol(name)))

    # ---- partials

    def local(self, of: Entry, by: Entry) -> Expr:
        """∂of/∂by with the other named nodes held fixed."""
        definition = self.problem.definition(of.tensor)
        if definition is None or of.tensor == by.tensor:
            return _same(of, by)
        key = (of.tensor, by.tensor)
        if key not in self._locals:
            letters = self._letters(by.tensor, set(definition.indices) | set(self.problem.sizes))
            context = self.inside(of.tensor, definition.indices).assume(self.inside(by.tensor, letters).facts)
            generic = Entry(by.tensor, tuple(map(symbol, letters)))
            self._locals[key] = letters, tidy(context, self._raw(definition.entry, generic))
        letters, value = self._locals[key]
        values = dict(zip(definition.indices, of.at, strict=True)) | dict(zip(letters, by.at, strict=True))
        return reindex(value, values)  # type: ignore[no-any-return]

    def _raw(self, of: Entry, by: Entry) -> Expr:
        """The same, as differentiation leaves it."""
        definition = self.problem.definition(of.tensor)
        assert definition is not None
        body: Expr = reindex(definition.value, dict(zip(definition.indices, of.at, strict=True)))
        return differentiate(body, by, self.problem.kinks, of)

    def total(self, of: Entry, by: Entry) -> Expr:
        """∂of/∂by through every definition between them; `by` itself, where it is a node, is what varies."""
        if of.tensor == by.tensor:
            return _same(of, by)
        definition = self.problem.definition(of.tensor)
        if definition is None or by.tensor not in self._ancestors(of.tensor):
            return ZERO
        terms = []
        if by.tensor in tensors_in(definition.value):
            terms.append(self.local(of, by))
        for tensor in sorted(tensors_in(definition.value)):
            if tensor != by.tensor and by.tensor in self._ancestors(tensor):
                taken = names_in(of) | names_in(by) | set(self.problem.sizes)
                letters = self._letters(tensor, taken)
                inner = Entry(tensor, tuple(map(symbol, letters)))
                term = mul(self.local(of, inner), self.total(inner, by))
                terms.append(self._sum(tensor, letters, term))
        return add(*terms)

    def _ancestors(self, tensor: str) -> frozenset[str]:
        """What a node is made of, at any depth."""
        return self._above.get(tensor, frozenset())

    def _sum(self, tensor: str, letters: tuple[str, ...], body: Expr) -> Expr:
        shape = self.problem.tensors[tensor].shape
        for name, size in reversed(list(zip(letters, shape, strict=True))):
            body = Sum(name, FIRST, size, body)
        return body

    def _letters(self, tensor: str, taken: set[str] | frozenset[str]) -> tuple[str, ...]:
        """Index letters for a tensor: those of its definition where they are free to use, else the next letters."""
        definition = self.problem.definition(tensor)
        wished = definition.indices if definition else self._wished(tensor)
        found: list[str] = []
        for name in wished:
            letter = next(c for c in (name, *LETTERS, *(f"{c}'" for c in LETTERS))
                          if c not in taken and c not in found and c not in self.problem.tensors)
            found.append(letter)
        return tuple(found)

    def _wished(self, tensor: str) -> tuple[str, ...]:
        """The letters that the targets use for an input, or that the forward pass does."""
        rank = len(self.problem.tensors[tensor].shape)
        for target in self.problem.targets:
            left = target.claim.left
            if isinstance(left, Derivative) and left.by.tensor == tensor:
                names = tuple(form.bare for form in left.by.at)
                if all(names) and len(set(names)) == rank:
                    return tuple(name for name in names if name)
        for definition in self.problem.definitions:
            for node in walk(definition.value):
                at = node.at if isinstance(node, Entry) and node.tensor == tensor else ()
                names = tuple(form.bare for form in at)
                if rank and all(names) and len(set(names)) == rank:
                    return tuple(name for name in names if name)
        return tuple(LETTERS[:rank])

    # ---- adjoints

    def upstream(self) -> tuple[str, ...]:
        """The nodes whose cotangents are given."""
        return () if self.problem.definition(self.problem.loss) else self.problem.outputs

    def adjoint(self, tensor: str) -> Adjoint:
        """The cotangent of a tensor that is not an output. Raises IllFormed for a tensor the loss does not know of."""
        if tensor not in self._adjoints:
            self._adjoints[tensor] = self._derive(tensor)
        return self._adjoints[tensor]

    def _derive(self, tensor: str) -> Adjoint:
        problem = self.problem
        if tensor not in problem.tensors:
            raise IllFormed(f"{tensor} is not declared", mend=nearest(tensor, problem.tensors))
        letters = self._letters(tensor, set(problem.sizes))
        at = tuple(map(symbol, letters))
        entry = Entry(tensor, at)
        if tensor == problem.loss:
            return Adjoint(entry, ONE, Definition(bar(tensor), letters, ONE))
        context = self.inside(tensor, letters)
        chain, paths = [], {}
        for definition in problem.definitions:
            if tensor not in tensors_in(definition.value):
                continue
            if not self._reaches_loss(definition.tensor):
                continue
            taken = set(letters) | set(problem.sizes)
            inner = self._letters(definition.tensor, taken)
            node = Entry(definition.tensor, tuple(map(symbol, inner)))
            carried = Entry(bar(definition.tensor), node.at)
            factor = () if definition.tensor == problem.loss else (carried,)
            upstream = () if definition.tensor == problem.loss else (Derivative(Entry(problem.loss), node),)
            chain.append(self._sum(definition.tensor, inner, mul(*upstream, Derivative(node, entry, "local"))))
            term = self._sum(definition.tensor, inner, mul(*factor, self._raw(node, entry)))
            paths[definition.tensor] = tidy(context, term)
        return Adjoint(entry, add(*chain), Definition(bar(tensor), letters, add(*paths.values())), paths)

    def _reaches_loss(self, tensor: str) -> bool:
        """Whether the loss depends on it. An input that nothing reads has the cotangent 0."""
        ends = (*self.upstream(), self.problem.loss)
        return (self.problem.definition(tensor) is None or tensor in ends
                or any(tensor in self._ancestors(end) for end in ends))

    # ---- derivatives in formulas

    def resolve(self, expr: Expr) -> Expr:
        """The expression with every derivative replaced by what it is: a cotangent, or partials worked out.

        Where an entry lies outside a shape and is 0 by declaration, so is its derivative, and the one by it.
        """
        match expr:
            case Derivative():
                if expr not in self._resolved:
                    self._resolved[expr] = self._worked_out(expr)
                return self._resolved[expr]
            case _:
                return rebuild(expr, self.resolve)  # type: ignore[no-any-return]

    def _worked_out(self, derivative: Derivative) -> Expr:
        of, by, kind = derivative.of, derivative.by, derivative.kind
        tensors = [lookup(self.problem.tensors, entry) for entry in (of, by)]
        if any(tensor.role == "cotangent" for tensor in tensors):
            raise Unsupported("the derivative of a gradient, or by one, is not worked out yet")
        if of.tensor == self.problem.loss and kind == "total":
            return ONE if by.tensor == of.tensor else Entry(bar(by.tensor), by.at)
        value = self.local(of, by) if kind == "local" else self.total(of, by)
        inside = [end for tensor, entry in zip(tensors, (of, by), strict=True) if tensor.zero_outside
                  for size, form in zip(tensor.shape, entry.at, strict=True)
                  for end in (CompareIndex("<=", FIRST, form), CompareIndex("<=", form, size))]
        return mul(Indicator(And(tuple(inside))), value) if inside else value

    def unsimplified(self, derivative: Derivative) -> Expr:
        """What reverse mode finds for a derivative, as it stands, in the gradients of the nodes that read it."""
        of, by = derivative.of, derivative.by
        if of.tensor != self.problem.loss or derivative.kind == "local" or by.tensor in self.upstream():
            return self.resolve(derivative)
        found = self.adjoint(by.tensor).definition
        return reindex(found.value, dict(zip(found.indices, by.at, strict=True)))  # type: ignore[no-any-return]

    def definition(self, name: str) -> Definition | None:
        """How a node or a cotangent is computed; None for what is given."""
        forward = self.problem.definition(name)
        if forward is not None:
            return forward
        tensor = self._cotangents.get(name)
        if tensor is None or tensor in self.upstream() or not self._reaches_loss(tensor):
            return None
        return self.adjoint(tensor).definition

    def reads(self, name: str) -> frozenset[str]:
        """The tensors that stand in the definition of a node or a cotangent; none in what is given."""
        found = self._reads.get(name)
        if found is None:
            definition = self.definition(name)
            found = self._reads[name] = tensors_in(definition.value) if definition else frozenset()
        return found

    def place(self, name: str) -> int:
        """When it is computed: forward nodes in order, then cotangents in the order of reverse mode."""
        order = [d.tensor for d in self.problem.definitions]
        if name in order:
            return order.index(name)
        tensor = self._cotangents.get(name)
        return 2 * len(order) - order.index(tensor) if tensor in order else 3 * len(order)

    def adjoints(self) -> Mapping[str, Definition]:
        """The definitions of all cotangents that are not given, in the order of reverse mode."""
        tensors = [*(d.tensor for d in reversed(self.problem.definitions)), *(t.name for t in self.problem.inputs)]
        found = ((bar(t), self.definition(bar(t))) for t in tensors)
        return {name: definition for name, definition in found if definition is not None}


def _same(of: Entry, by: Entry) -> Expr:
    if of.tensor != by.tensor:
        return ZERO
    return mul(*(Delta(a, b) for a, b in zip(of.at, by.at, strict=True) if a is not b))
