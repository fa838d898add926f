"""Equal for every size: normal forms meet, nodes kept named as long as they can, and the proof is cross-examined.

A proof that exact evaluation contradicts is a bug in us, and is reported as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from derivs.affine import Affine, affine, symbol
from derivs.cases import FEW, cases, written_out
from derivs.derive import Graph
from derivs.errors import OutOfBudget, OutOfDomain, Unsupported
from derivs.expr import Expectation, Expr, Tree, children, reindex, tensors_in
from derivs.normal.atoms import Atom, Form
from derivs.normal.context import Context
from derivs.normal.indicators import delta
from derivs.normal.readback import readback
from derivs.normal.ring import ONE, add, mul, scaled
from derivs.normal.sums import rewrite, settle
from derivs.normal.translate import Translator
from derivs.normal.zero import is_zero, without_ties
from derivs.problem import Claim, Given
from derivs.scope import ranges
from derivs.shields import of_sizes, shields
from derivs.unfold import reach, unfoldings


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
    try:
        sides = graph.resolve(claim.left), graph.resolve(claim.right)
    except Unsupported as error:
        return NotShown(error.what)
    context, left, right, given = identified(graph, claim, *sides)
    found = _proved(graph, context, left, right, given)
    if isinstance(found, NotShown):
        return (_by_cases(graph, claim) or _term_by_term(graph, claim) or _entry_by_entry(graph, claim) or found)
    return _also_where_sums_are_empty(graph, context, left, right, given, found)


def _by_cases(graph: Graph, claim: Claim) -> Equal | None:
    """The proof for either value of a binary number, where the claim has one."""
    found = [prove(one, case) for one, case in cases(graph, claim)]
    if not found or not all(isinstance(one, Equal) for one in found):
        return None
    return Equal(tuple(dict.fromkeys(kink for one in found if isinstance(one, Equal) for kink in one.kinks)))


def _term_by_term(graph: Graph, claim: Claim) -> Equal | None:
    """The proof with short sums written out, where there are any."""
    pair = written_out(graph, claim)
    found = None if pair is None else prove(*pair)
    return found if isinstance(found, Equal) else None


def _entry_by_entry(graph: Graph, claim: Claim) -> Equal | None:
    """The proof for each value of an index that has a few, such as one over 1..2."""
    for name, (low, high) in ranges(graph.problem, (claim.left, claim.right)).items():
        if not (low.is_constant and high.is_constant and high.constant - low.constant < FEW) or claim.given:
            continue
        each = [prove(graph, Claim(*(reindex(side, {name: affine(k)}) for side in (claim.left, claim.right))))
                for k in range(low.constant, high.constant + 1)]
        if each and all(isinstance(one, Equal) for one in each):
            return Equal(tuple(dict.fromkeys(kink for one in each if isinstance(one, Equal) for kink in one.kinks)))
        return None
    return None


def _also_where_sums_are_empty(graph: Graph, context: Context, left: Expr, right: Expr, given: Sequence[Given],
                               found: Equal) -> Equal | NotShown:
    """The proof, if it also holds at the sizes where a sum around a division has no terms."""
    for length in shields(graph, context, left, right):
        if length is None:
            return NotShown("a sum that may be empty stands around a division, and its bounds hold a bound index")
        empty = context.assume((-length - 1,))
        there = _proved(graph, empty, left, right, given)
        if isinstance(there, Equal):
            there = _also_where_sums_are_empty(graph, empty, left, right, given, there)
        if isinstance(there, NotShown) or there.kinks:
            return NotShown(f"they may differ where {length} < 0, so that a sum is empty")
    return found


def _proved(graph: Graph, context: Context, left: Expr, right: Expr, given: Sequence[Given]) -> Equal | NotShown:
    """The same in a context, for sums that have terms."""
    why = "the normal forms differ"
    almost: Equal | None = None
    random = _random(graph, left) | _random(graph, right)
    for unfold in unfoldings(graph, left, right):
        if not random <= unfold.keys():
            continue
        context.budget.refill()
        try:
            root = graph.context.assume(of_sizes(graph, context))
            translator = Translator(root, unfold, graph.forms.setdefault((root, frozenset(unfold)), {}))
            difference = add(translator.form(context, left), translator.form(context, right), -1)
            difference = _under(context, translator, difference, given)
            if is_zero(context, difference):
                return Equal()
            if almost:
                break                     # the nodes next to it were put in, and the kink is still there
            smooth, kinks = without_ties(difference)
            if kinks and is_zero(context, smooth):
                # With the nodes next to it put in they may turn out equal on the kinks too.
                if any(name.startswith("#") for kink in kinks for name in kink.free):
                    why = "they may differ on a kink inside a sum"
                else:
                    almost = Equal(tuple(readback(context, kink.terms) for kink in kinks))
        except (OutOfBudget, OutOfDomain, Unsupported) as error:
            why = error.what
    return almost or NotShown(why)


def scope(graph: Graph, claim: Claim) -> Context:
    """The context of a claim: the ranges of its free indices."""
    return graph.context.assume(_facts(graph, claim))


def _facts(graph: Graph, claim: Claim) -> list[Affine]:
    facts: list[Affine] = []
    for name, (low, high) in ranges(graph.problem, (claim.left, claim.right)).items():
        facts += (symbol(name) - low, high - symbol(name))
    return facts


def _random(graph: Graph, expr: Tree) -> frozenset[str]:
    """The names in means whose definitions hold what the mean is over: under their names they would count as fixed."""
    found = frozenset().union(*(_random(graph, part) for part in children(expr)))
    if isinstance(expr, Expectation):
        found |= {name for name in reach(graph, tensors_in(expr.body))
                  if graph.definition(name) and expr.tensor in reach(graph, frozenset({name}))}
    return found


def identified(graph: Graph, claim: Claim, left: Expr, right: Expr
               ) -> tuple[Context, Expr, Expr, tuple[Given, ...]]:
    """The sides with i written for j where i = j is given, also in the context and in the conditions that are left."""
    facts = _facts(graph, claim)
    sizes = frozenset(graph.problem.sizes)
    rest = list(claim.given)
    while solved := next((condition for condition in rest if _solved(condition, sizes)), None):
        values = _solved(solved, sizes)
        rest.remove(solved)
        left, right = reindex(left, values), reindex(right, values)
        facts = [fact.substitute(values) for fact in facts]
        rest = [Given(c.op, _put(c.left, values), _put(c.right, values)) for c in rest]
    for condition in rest:
        if isinstance(condition.left, Affine) and isinstance(condition.right, Affine) and condition.op == "=":
            facts += (condition.left - condition.right, condition.right - condition.left)
    return graph.context.assume(facts), left, right, tuple(rest)


def _solved(condition: Given, sizes: frozenset[str]) -> dict[str, Affine]:
    """The value of an index that an equation between indices gives, by its name; empty if it gives none."""
    a, b = condition.left, condition.right
    if isinstance(a, Affine) and isinstance(b, Affine) and condition.op == "=":
        _, gap = (a - b).primitive()
        for name in sorted(gap.names - sizes, reverse=True):
            value = gap.solve(name)
            if value is not None:
                return {name: value}
    return {}


def _put(side: Affine | Expr, values: Mapping[str, Affine]) -> Affine | Expr:
    return side.substitute(values) if isinstance(side, Affine) else reindex(side, values)


def _under(context: Context, translator: Translator, difference: Form, given: Sequence[Given]) -> Form:
    """The difference where the side conditions hold."""
    for condition in given:
        left, right = condition.left, condition.right
        if isinstance(left, Affine) and isinstance(right, Affine):
            same = delta(left - right)
            difference = settle(context, mul(difference, same if condition.op == "=" else add(ONE, same, -1)))
        elif not isinstance(left, Affine) and not isinstance(right, Affine) and condition.op == "=":
            fact = add(translator.form(context, left), translator.form(context, right), -1)
            difference = replaced(context, difference, fact)
        else:
            raise Unsupported("a side condition compares two indices, or states that two expressions are equal")
    return difference


def replaced(context: Context, difference: Form, fact: Form) -> Form:
    """fact = 0 solved for one of its atoms, and put into the difference."""
    a, value = solved(fact)
    return settle(context, rewrite(context, difference, {}, {a: value}.get))


def solved(fact: Form) -> tuple[Atom, Form]:
    """fact = 0 solved for one of its atoms, a sum if there is one. Raises Unsupported where that cannot be done."""
    lone = [(m[0][0], c) for m, c in fact.items() if len(m) == 1 and m[0][1] == 1]
    for a, c in sorted(lone, key=lambda item: -item[0].kind):
        rest = {m: v for m, v in fact.items() if m != ((a, 1),)}
        if not any(b is a for m in rest for b, _ in m):
            return a, scaled(rest, Fraction(-1) / c)
    raise Unsupported("a side condition that cannot be solved for one of its terms")
