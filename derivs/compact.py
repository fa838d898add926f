"""The search for the textbook form: named nodes are put in where they shorten, what is zero is dropped.

A definition, read from right to left, is a rule: y = 1/(1 + e^{-x}) turns e^{-x} into (1 - y)/y, and x̂ = (x - μ)/σ
turns (x - μ) into σ x̂; summed over its index it may be a fact: Σ_i (x_i - μ) = 0. Rules are tried greedily in the order
of the definitions. Nothing here is trusted: every form on the way is proved equal to the one before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.cost import BRACKETS, cost
from derivs.derive import Graph
from derivs.errors import DerivsError, OutOfBudget, OutOfDomain, Unsupported
from derivs.expr import (
    ZERO,
    Apply,
    Delta,
    Entry,
    Expr,
    Mul,
    Pow,
    Sum,
    Tree,
    children,
    names_in,
    tensors_in,
    walk,
)
from derivs.house_style import Writer, apart, leveled, writer
from derivs.normal.algebra import exponential, logarithm, power
from derivs.normal.atoms import Atom, Form, Kind, Rational, parts
from derivs.normal.context import Context
from derivs.normal.division import reduced
from derivs.normal.indicators import delta
from derivs.normal.patterns import Rule, apply
from derivs.normal.ring import accumulate, add, mul, scaled, tensor
from derivs.normal.signs import sign_of_atom
from derivs.normal.translate import Translator
from derivs.problem import Claim, Definition, Given
from derivs.prove import identified, solved
from derivs.shorthands import Shorthands, shorthands
from derivs.textbook import write
from derivs.unfold import reach

CARRIED = 2.5                          # what the gradient of an inner node costs more than one that is given
UNFINISHED = 1000.0                    # what an answer costs that speaks of a gradient and of what it is made of
GAIN = 1.0                             # by how much shorter a form without its shorthands must be
MOST_TERMS = 3                         # of what a rule puts in: more never makes an answer shorter
Undecided = (OutOfBudget, OutOfDomain, Unsupported)


@dataclass(frozen=True, slots=True)
class Fact:
    """A sum over a node that is known: Σ_i (x_i - μ) = 0."""

    rule: Rule
    claim: Claim


@dataclass(frozen=True, slots=True)
class Stage:
    """The answer on its way to the textbook form: what it is, and how it came from the stage before.

    put_in: the gradients that were replaced by what they are. by: the definition that was used, read from right to
    left; since: the sums that are known.
    """

    tree: Expr
    put_in: tuple[str, ...] = ()
    by: Claim | None = None
    since: tuple[Claim, ...] = ()


@dataclass(slots=True)
class Book:
    """An exercise with what the search for textbook forms shares: shorthands, rules and facts."""

    graph: Graph
    hand: Shorthands = field(init=False)
    work: Graph = field(init=False)                    # the graph of the exercise with its shorthands
    to: Writer = field(init=False)
    facts: list[Fact] = field(default_factory=list)
    rules: list[tuple[str, tuple[Rule, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        problem = self.graph.problem
        self.hand = shorthands(problem)
        self.work = self.graph.extended(self.hand.problem)
        self.to = writer(self.hand.problem, _weights(self.graph, self.hand))
        for definition in self.hand.problem.definitions:
            with suppress(*Undecided, DerivsError):
                self._learn(definition)

    def written(self, expr: Expr, beside: Expr) -> Expr:
        """An expression with the names of nodes for their definitions; its letters are not those of `beside`."""
        spelled: Expr = apart(self.to, self.hand.spell(self.hand.fold(expr)), names_in(beside))
        return spelled

    def _learn(self, definition: Definition) -> None:
        """The rules and facts of one definition."""
        context = self.work.inside(definition.tensor, definition.indices)
        translator = Translator(self.work.context)
        value = translator.form(context, definition.value)
        node = Entry(definition.tensor, tuple(map(symbol, definition.indices)))
        for indices in _summed_over(self.work, definition):
            self._learn_sum(translator, definition, node, indices)
        is_loss = definition.tensor == self.work.problem.loss
        found = tuple(_rules(context, definition, value, is_loss=is_loss))
        if found:
            self.rules.append((definition.tensor, found))

    def _learn_sum(self, translator: Translator, definition: Definition, node: Entry,
                   indices: tuple[str, ...]) -> None:
        """The sum of a node over some of its indices, if nothing but sizes is left of it."""
        shape = dict(zip(definition.indices, self.work.problem.tensors[node.tensor].shape, strict=True))
        others = tuple(name for name in definition.indices if name not in indices)
        context = self.work.context.assume(
            end for name in others for end in (symbol(name) - FIRST, shape[name] - symbol(name)))
        left, right = (_sum_over(indices, shape, body) for body in (node, definition.value))
        total = translator.form(context, right)
        for _, rules in self.rules:
            total = apply(context, [rule for rule in rules if rule.atom.kind is Kind.SUM], total)
        total = apply(context, [fact.rule for fact in self.facts], reduced(total))
        sums = translator.form(context, left)
        if len(sums) == 1 and all(a.kind is Kind.SYMBOL for m in total for a, _ in m):
            (monomial, c), = sums.items()
            if c == 1 and len(monomial) == 1 and monomial[0][1] == 1:
                rule = Rule(others, monomial[0][0], total)
                self.facts.append(Fact(rule, Claim(left, write(self.to, context, total, frozenset()))))


def _summed_over(graph: Graph, definition: Definition) -> list[tuple[str, ...]]:
    """The indices that a mean, a norm or a node in a definition does not have: over these its sum may be known."""
    found: dict[tuple[str, ...], None] = {}
    for part in walk(definition.value):
        if isinstance(part, Sum) or (isinstance(part, Entry) and graph.problem.definition(part.tensor)):
            inside = names_in(part)
            indices = tuple(name for name in definition.indices if name not in inside)
            if indices:
                found[indices] = None
    return list(found)


def _sum_over(indices: tuple[str, ...], shape: Mapping[str, Affine], body: Expr) -> Expr:
    for name in reversed(indices):
        body = Sum(name, FIRST, shape[name], body)
    return body


def stages(book: Book, claim: Claim) -> list[Stage]:
    """The left side of a claim, from what reverse mode gives to the textbook form, which is the last.

    Empty where the left side has no normal form: then nothing is claimed.
    """
    best: list[Stage] = []
    least = float("inf")
    for put_in in _levels(book, claim.left):
        with suppress(*Undecided):
            found, length = _searched(book, claim, put_in)
            tree = found[-1].tree
            length += UNFINISHED * (_is_unfinished(book.graph, tree) or _layers(book.graph, tree) > 1)
            if length >= least:
                break
            best, least = found, length
    return best


def _is_unfinished(graph: Graph, tree: Expr) -> bool:
    """Whether it speaks of a gradient and of another that this one is made of, as ∂E/∂y and ∂E/∂μ."""
    gradients = [name for name in tensors_in(tree) if graph.problem.tensors[name].role == "cotangent"]
    return any(reach(graph, graph.reads(name)) & set(gradients) for name in gradients)


def _layers(graph: Graph, tree: Tree) -> int:
    """How many weight matrices are multiplied: nobody writes a gradient out through two layers."""
    match tree:
        case Entry(name, at):
            return int(graph.problem.tensors[name].role == "parameter" and len(at) > 1)
        case Mul(factors):
            return sum(_layers(graph, factor) for factor in factors)
        case Pow() | Apply():
            return 0
    return max((_layers(graph, part) for part in children(tree)), default=0)


# ---- where the search starts

def _levels(book: Book, left: Expr) -> Iterator[frozenset[str]]:
    """Which gradients of inner nodes are put in: those that are asked for, then what these are made of, and so on."""
    graph = book.graph
    forward = {d.tensor for d in graph.problem.definitions}
    names = {name for name in tensors_in(graph.resolve(left)) if graph.definition(name) and name not in forward}
    if isinstance(left, Entry) and graph.definition(left.tensor):
        names = {left.tensor}
    while True:
        yield frozenset(names)
        more = {n for name in names for n in graph.reads(name) if n not in forward and graph.definition(n)} - names
        if not more:
            return
        names |= more


def _searched(book: Book, claim: Claim, put_in: frozenset[str]) -> tuple[list[Stage], float]:
    """The stages from one start, greedily, and the length of the last."""
    resolved = book.graph.resolve(claim.left)
    context, left, _, given = identified(book.work, Claim(claim.left, claim.left, claim.given), resolved, resolved)
    context.budget.refill()
    subject = claim.left.tensor if isinstance(claim.left, Entry) else ""
    definitions = {name: d for name in put_in if (d := book.graph.definition(name)) is not None}
    folded = {name: d if name == subject else replace(d, value=book.hand.fold(d.value))
              for name, d in definitions.items()}
    translator = Translator(book.work.context, folded)
    left = left if subject else book.hand.fold(left)
    known = [*_given_facts(book, context, translator, given), *book.facts]
    taken = names_in(claim.left)
    search = _Search(book, context, taken, known)
    form, since = search.with_facts(reduced(translator.form(context, left)))
    search.keep(form, Stage(ZERO, tuple(sorted(put_in)), None, since))
    for name, rules in book.rules:
        if name != subject:
            search.attempt(rules)
    search.reopen(translator)
    return search.found, search.length


@dataclass(slots=True)
class _Search:
    """One greedy search: the best form so far, its length, and the stages that led to it."""

    book: Book
    context: Context
    taken: frozenset[str]
    known: Sequence[Fact]
    form: Form = field(default_factory=dict)
    length: float = float("inf")
    found: list[Stage] = field(default_factory=list)
    under: frozenset[Atom] = frozenset()               # what the start divides by, and every form may

    def keep(self, form: Form, stage: Stage, gain: float = 1e-9) -> bool:
        """Takes the form if it is shorter than the best so far."""
        tree = self.spelled(write(self.book.to, self.context, form, self.taken))
        length = self.book.to.cost(tree)
        under = _under_the_bar(self.context, form)
        if length > self.length - gain or not (not self.found or under <= self.under):
            return False
        if self.found and _exponentials(tree) > _exponentials(self.found[-1].tree):
            return False
        if not self.found:
            self.under = under
        self.form, self.length = form, length
        self.found.append(replace(stage, tree=tree))
        return True

    def spelled(self, tree: Expr) -> Expr:
        """Without shorthands, every bound index with a letter of its own."""
        spelled: Expr = apart(self.book.to, self.book.hand.spell(tree), self.taken | names_in(tree))
        flat: Expr = leveled(self.book.to, spelled)
        return flat

    def attempt(self, rules: Sequence[Rule]) -> None:
        """The first rule of a definition that shortens."""
        for rule in rules:
            new = apply(self.context, [*_protected(rule), rule], self.form)
            if new != self.form:
                with suppress(*Undecided):
                    new, since = self.with_facts(reduced(new))
                    if self.keep(reduced(new), Stage(ZERO, (), self.read(rule), since)):
                        return

    def reopen(self, translator: Translator) -> None:
        """The form without shorthands: p (1 - t) - t (1 - p) is p - t."""
        if any(a.kind is Kind.TENSOR and a.args[0] not in self.book.hand.given for a in _atoms(self.form)):
            with suppress(*Undecided):
                self.keep(reduced(translator.form(self.context, self.found[-1].tree)), Stage(ZERO), GAIN)

    def read(self, rule: Rule) -> Claim | None:
        """What the rule says as an equation, for e^{-x} or e^x as is shorter; None where it only says how to write."""
        context = self.book.work.context
        options = []
        for sign in (1, -1) if rule.atom.kind is Kind.EXP else (1,):
            pattern: Form = {((rule.atom, sign),): 1}
            left, right = (self.spelled(write(self.book.to, context, form, frozenset(rule.names)))
                           for form in (pattern, power(context, rule.value, sign)))
            options.append(Claim(left, right))
        best = min(options, key=lambda claim: self.book.to.cost(claim.left) + self.book.to.cost(claim.right))
        return None if best.left == best.right else best

    def with_facts(self, form: Form) -> tuple[Form, tuple[Claim, ...]]:
        """The form with every known sum put in, and the facts that this used."""
        used = []
        for fact in self.known:
            new = apply(self.context, [fact.rule], form)
            if new != form:
                form = new
                used.append(Claim(self.spelled(fact.claim.left), self.spelled(fact.claim.right)))
        return form, tuple(used)


def _exponentials(tree: Expr) -> int:
    return sum(isinstance(node, Apply) and node.function == "exp" for node in walk(tree))


def _atoms(form: Form) -> Iterator[Atom]:
    """The atoms of a form, at any depth."""
    for a in {a for m in form for a, _ in m}:
        yield a
        for monomial in parts(a):
            yield from _atoms({monomial: 1})


def _under_the_bar(context: Context, form: Form) -> frozenset[Atom]:
    """What the form divides by that may be zero: Φ(x) is not to become y/x."""
    return frozenset(a for m in form for a, e in m
                     if e < 0 and a.kind in (Kind.TENSOR, Kind.BASE, Kind.SUM)
                     and sign_of_atom(context, a) == (0, False))


def _protected(rule: Rule) -> Iterator[Rule]:
    """e^{-x_p} -> y_p Z leaves Z alone, in which it stands too."""
    for a in {a for m in rule.value for a, _ in m if a.kind is Kind.SUM}:
        yield Rule(tuple(name for name in rule.names if name in a.free), a, {((a, 1),): 1})


def _given_facts(book: Book, context: Context, translator: Translator, given: Sequence[Given]) -> Iterator[Fact]:
    """The side conditions as rules: δ_ij = 0 for i ≠ j, Σ_k t_k = 1."""
    for condition in given:
        left, right = condition.left, condition.right
        if isinstance(left, Affine) and isinstance(right, Affine):
            if condition.op == "!=":
                (monomial, _), = delta(left - right).items()
                yield Fact(Rule((), monomial[0][0], {}), Claim(Delta(left, right), ZERO))
        elif not isinstance(left, Affine) and not isinstance(right, Affine) and condition.op == "=":
            a, value = solved(add(translator.form(context, left), translator.form(context, right), -1))
            yield Fact(Rule((), a, value), Claim(left, right))


def _weights(graph: Graph, hand: Shorthands) -> Mapping[str, float]:
    """What letters cost: a shorthand what it stands for in brackets, the gradient of an inner node more than one."""
    weights: dict[str, float] = {}
    problem = hand.problem
    for tensor_ in problem.tensors.values():
        if tensor_.role == "parameter":
            weights[tensor_.name] = 1.02               # of two subscripts, the simple one is that of a kernel
        elif tensor_.role == "cotangent" and graph.definition(tensor_.name) is not None:
            weights[tensor_.name] = 1 + CARRIED
    for definition in problem.definitions:
        if definition.tensor not in hand.given:
            weights[definition.tensor] = cost(definition.value, weights) + BRACKETS
    return weights


# ---- rules

def _rules(context: Context, definition: Definition, value: Form, *, is_loss: bool = False) -> Iterator[Rule]:
    """The definition solved for one of its atoms after the other: first what is longest.

    Of the loss itself no gradient is written, but where it is one factor, as in (y_i - t_i)/(n L) for a root.
    """
    names = definition.indices
    node = tensor(definition.tensor, tuple(map(symbol, names)))
    lone = _lone_power(context, value, node)
    if lone is not None:
        value, node = lone
    if len(value) > 1:
        base = _as_base(context, value)
        if base is not None:
            atom, c = base
            yield Rule(names, atom, scaled(node, Fraction(1) / c))
    cleared = _cleared(context, add(value, node, -1))
    here = {a for m in cleared for a, _ in m}
    own = frozenset(names)
    for a in sorted(here, key=_tried_first):
        if own <= a.free and a is not _only(node) and _may_go(context, a):
            found = _solved(context, cleared, a)
            if found is not None and len(found) <= (1 if is_loss else MOST_TERMS):
                yield Rule(names, a, found)


def _may_go(context: Context, a: Atom) -> bool:
    """Whether an answer may be written without the atom: exponentials, sums, inputs and nodes, but no parameter."""
    if a.kind is Kind.TENSOR:
        return context.tensors[a.args[0]].role in ("input", "node")
    return a.kind in (Kind.EXP, Kind.SUM)


def _tried_first(a: Atom) -> tuple[int, int, str]:
    """Not by the number of an atom, which hangs on what was asked before."""
    said = repr(a)
    return {Kind.EXP: 0, Kind.SUM: 1}.get(a.kind, 2), -len(said), said


def _only(form: Form) -> Atom | None:
    monomial = next(iter(form)) if len(form) == 1 else ()
    return monomial[0][0] if len(monomial) == 1 else None


def _lone_power(context: Context, value: Form, node: Form) -> tuple[Form, Form] | None:
    """σ = v^(1/2) is v = σ^2, and y = S^(1/p) is S = y^p."""
    if len(value) != 1:
        return None
    (monomial, c), = value.items()
    if len(monomial) != 1:
        return None
    a, e = monomial[0]
    if a.kind is Kind.EXP:
        logs = [b for b, k in a.args[0] if b.kind is Kind.APPLY and b.args[0] == "log" and k == 1]
        if len(logs) == 1 and c == 1:
            rest: Form = {tuple(p for p in a.args[0] if p[0] is not logs[0]): e}
            inverse = mul(power(context, rest, -1), logarithm(context, node))
            return logs[0].args[1][0].terms, exponential(context, inverse)
    if Fraction(e).denominator > 1:
        inner = a.args[0].terms if a.kind is Kind.BASE else {((a, 1),): 1}
        return inner, power(context, scaled(node, Fraction(1) / c), 1 / Fraction(e))
    return None


def _as_base(context: Context, value: Form) -> tuple[Atom, Fraction] | None:
    """(B, c) where the many-term value is c*B, B being the base that its powers are written with."""
    found = power(context, value, -1)
    if len(found) == 1:
        (monomial, c), = found.items()
        if len(monomial) == 1 and monomial[0][0].kind is Kind.BASE and monomial[0][1] == -1:
            return monomial[0][0], 1 / Fraction(c)
    return None


def _cleared(context: Context, form: Form) -> Form:
    """The form multiplied up by its bases under the bar."""
    for _ in range(4):
        bases = {a: e for m in form for a, e in m if a.kind is Kind.BASE and e < 0 and Fraction(e).denominator == 1}
        if not bases:
            return form
        a = max(bases, key=lambda b: b.id)
        least = min(dict(m).get(a, 0) for m in form)
        total: Form = {}
        for m, c in form.items():
            e = dict(m).get(a, 0) - least
            rest: Form = {tuple(p for p in m if p[0] is not a): c}
            accumulate(total, mul(rest, power(context, a.args[0].terms, e)))
        form = total
    return form


def _solved(context: Context, form: Form, t: Atom) -> Form | None:
    """A t + B = 0 solved for t; None where it is not of that shape."""
    groups: dict[Rational, Form] = {}
    for m, c in form.items():
        rest = tuple(p for p in m if p[0] is not t)
        if any(_stands_in(t, a) for a, _ in rest):
            return None
        groups.setdefault(dict(m).get(t, 0), {})[rest] = c
    if len(groups) != 2:
        return None
    low, high = sorted(groups)
    found = reduced(scaled(mul(groups[low], power(context, groups[high], -1)), -1))
    step = Fraction(high - low)
    if step == 1:
        return found
    if t.kind is not Kind.EXP or step.numerator != 1 or len(found) != 1:
        return None
    return power(context, found, 1 / step)             # e^{-x²/2} = σ q is the root of one over e^{x²}


def _stands_in(t: Atom, a: Atom) -> bool:
    return any(inner is t or _stands_in(t, inner) for monomial in parts(a) for inner, _ in monomial)
