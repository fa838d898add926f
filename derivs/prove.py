"""Equal for every size: normal forms meet, nodes kept named as long as they can, and the proof is cross-examined.

A proof that exact evaluation contradicts is a bug in us, and is reported as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from derivs.affine import Affine, symbol
from derivs.derive import Graph
from derivs.errors import OutOfBudget, OutOfDomain, Unsupported
from derivs.expr import Expr, reindex, tensors_in
from derivs.normal.algebra import delta
from derivs.normal.ring import ONE, add, mul, scaled
from derivs.normal.atoms import Form
from derivs.normal.context import Context
from derivs.normal.readback import readback
from derivs.normal.sums import rewrite, settle
from derivs.normal.translate import Translator
from derivs.normal.zero import is_zero, without_ties
from derivs.problem import Claim, Definition, Given
from derivs.scope import ranges


@dataclass(frozen=True, slots=True)
class Equal:
    """The normal forms meet, except on the kinks: where one of these expressions is zero."""

    kinks: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class NotShown:
    """They do not meet, or not within the budget."""

    why: str


def prove(graph: Graph, claim: Claim) -> Equal | NotShown:
    """Whether the two sides of a claim have one normal form, for every size and every input where both are defined.

    Kinks are yet to be certified not to be everything (`derivs.judge`). Raises IllFormed for a claim without meaning.
    """
    left, right, given = _identified(graph.resolve(claim.left), graph.resolve(claim.right), claim.given)
    context = scope(graph, claim)
    why = "the normal forms differ"
    almost: Equal | None = None
    for unfold in _unfoldings(graph, left, right):
        context.budget.refill()
        try:
            translator = Translator(graph.context, unfold)
            difference = add(translator.form(context, left), translator.form(context, right), -1)
            difference = _under(context, translator, difference, given)
            if is_zero(context, difference):
                return Equal()
            smooth, kinks = without_ties(difference)
            if kinks and is_zero(context, smooth):
                # A later unfolding may show them equal on the kinks too.
                if any(name.startswith("#") for kink in kinks for name in kink.free):
                    why = "they may differ on a kink inside a sum"
                else:
                    almost = Equal(tuple(readback(context, kink.terms) for kink in kinks))
        except (OutOfBudget, Unsupported) as error:
            why = error.what
    return almost or NotShown(why)


def scope(graph: Graph, claim: Claim) -> Context:
    """The context of a claim: the ranges of its free indices."""
    facts: list[Affine] = []
    for name, (low, high) in ranges(graph.problem, (claim.left, claim.right)).items():
        facts += (symbol(name) - low, high - symbol(name))
    return graph.context.assume(facts)


def _identified(left: Expr, right: Expr, given: Sequence[Given]) -> tuple[Expr, Expr, tuple[Given, ...]]:
    """Both sides with i written for j where i = j is given, and the conditions that are left."""
    rest = []
    for condition in given:
        a, b = condition.left, condition.right
        if isinstance(a, Affine) and isinstance(b, Affine) and condition.op == "=":
            name = next((n for n in sorted((a - b).names, reverse=True) if (a - b).solve(n) is not None), None)
            if name is not None:
                values = {name: (a - b).solve(name) or symbol(name)}
                left, right = reindex(left, values), reindex(right, values)
                continue
        rest.append(condition)
    return left, right, tuple(rest)


def _unfoldings(graph: Graph, left: Expr, right: Expr) -> Iterator[Mapping[str, Definition]]:
    """What to unfold, a little more each time: nothing; the adjoint asked for, then the nodes in it; all of both.

    Most claims speak of the nodes next to them and are proved at once. The last resort, for graphs where everything
    unfolded is too much, is one node at a time, the one defined last that is in sight first.
    """
    definitions = graph.definitions()
    forward = {d.tensor for d in graph.problem.definitions}
    tried: list[dict[str, Definition]] = []
    asked = tensors_in(left) | tensors_in(right)
    reached = reach(definitions, asked)
    adjoints = {n: d for n, d in definitions.items() if n in asked and n not in forward}
    near = asked.union(*(tensors_in(d.value) for d in adjoints.values()))
    chosen = chain(({}, adjoints, adjoints | {n: d for n, d in definitions.items() if n in near and n in forward},
                    {n: d for n, d in definitions.items() if n in reached and n not in forward},
                    {n: d for n, d in definitions.items() if n in reached}),
                   _one_at_a_time(definitions, asked))
    for unfold in chosen:
        if unfold not in tried:
            tried.append(unfold)
            yield unfold


def reach(definitions: Mapping[str, Definition], names: frozenset[str]) -> frozenset[str]:
    """The tensors that the named ones are made of, at any depth."""
    seen: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            if name in definitions:
                stack.extend(tensors_in(definitions[name].value))
    return frozenset(seen)


def _one_at_a_time(definitions: Mapping[str, Definition], seen: frozenset[str]) -> Iterator[dict[str, Definition]]:
    unfold: dict[str, Definition] = {}
    while latest := next((n for n in reversed(list(definitions)) if n in seen and n not in unfold), None):
        unfold[latest] = definitions[latest]
        seen |= tensors_in(definitions[latest].value)
        yield dict(unfold)


def _under(context: Context, translator: Translator, difference: Form, given: Sequence[Given]) -> Form:
    """The difference where the side conditions hold."""
    for condition in given:
        left, right = condition.left, condition.right
        if isinstance(left, Affine) and isinstance(right, Affine):
            same = delta(left - right)
            difference = settle(context, mul(difference, same if condition.op == "=" else add(ONE, same, -1)))
        elif not isinstance(left, Affine) and not isinstance(right, Affine) and condition.op == "=":
            fact = add(translator.form(context, left), translator.form(context, right), -1)
            difference = _replaced(context, difference, fact)
        else:
            raise Unsupported("a side condition compares two indices, or states that two expressions are equal")
    return difference


def _replaced(context: Context, difference: Form, fact: Form) -> Form:
    """fact = 0 solved for one of its atoms, a sum if there is one, and put into the difference."""
    lone = [(m[0][0], c) for m, c in fact.items() if len(m) == 1 and m[0][1] == 1]
    for a, c in sorted(lone, key=lambda item: -item[0].kind):
        rest = {m: v for m, v in fact.items() if m != ((a, 1),)}
        if not any(b is a for m in rest for b, _ in m):
            return settle(context, rewrite(context, difference, {}, {a: scaled(rest, -1 / c if c != 1 else -1)}))
    raise Unsupported("a side condition that cannot be solved for one of its terms")


