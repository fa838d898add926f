"""What is known while normalising: inequalities between sizes and indices, and the declarations of tensors.

Every memo table belongs to one set of hypotheses: the range of a binder is a hypothesis inside its body only. Kept
outside, sum_{q=1}^{m-1} "teaches" m >= 2 and gives false proofs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from derivs.affine import Affine, Monomial, symbol
from derivs.errors import OutOfBudget
from derivs.problem import Tensor

DEPTH = 6                     # how many hypotheses an implication may combine
STEPS = 50_000             # rewrites in one question


Useful = dict[tuple[Monomial, bool], list[Affine]]


class Budget:
    """Steps left for one question; its end means "not decided"."""

    __slots__ = ("left", "steps")

    def __init__(self, steps: int = STEPS) -> None:
        self.steps = self.left = steps

    def refill(self) -> None:
        """A new question starts."""
        self.left = self.steps

    def spend(self, steps: int = 1) -> None:
        """Raises OutOfBudget when nothing is left."""
        self.left -= steps
        if self.left < 0:
            raise OutOfBudget("the proof takes more steps than it may",
                              mend="prove it in smaller steps, with the inner nodes named")


class Context:
    """Hypotheses: forms that are >= 0, and tensors by name. Contexts with the same facts are one object."""

    __slots__ = ("_assumed", "_children", "_contradicted", "_homes", "_implied", "_useful", "budget", "facts", "memo",
                 "names", "tensors")

    def __init__(self, tensors: Mapping[str, Tensor], facts: Iterable[Affine] = (),
                 budget: Budget | None = None) -> None:
        self.tensors = tensors
        self.facts = frozenset(facts)
        self.names = frozenset().union(*(fact.names for fact in self.facts))     # something is known of these
        self.budget = budget or Budget()
        self.memo: dict[Any, Any] = {}
        self._children: dict[frozenset[Affine], Context] = {self.facts: self}
        self._assumed: dict[tuple[Affine, ...], Context] = {}
        self._homes: dict[tuple[str, int, Affine], tuple[Affine, Affine]] = {}
        self._implied: dict[Affine, bool] = {}
        self._contradicted: dict[Affine, bool] = {}
        self._useful: Useful | None = None

    def assume(self, facts: Iterable[Affine]) -> Context:
        """The context with more hypotheses."""
        key = tuple(facts)
        known = self._assumed.get(key)
        if known is None:
            known = self._assumed[key] = self._with(key)
        return known

    def _with(self, facts: tuple[Affine, ...]) -> Context:
        more = self.facts.union(facts)
        child = self._children.get(more)
        if child is None:
            child = Context(self.tensors, more, self.budget)
            child._children, child._homes = self._children, self._homes
            self._children[more] = child
        return child

    def home(self, tensor: str, axis: int, subscript: Affine) -> tuple[Affine, Affine]:
        """The forms that are >= 0 exactly where the subscript is within the tensor's shape."""
        key = (tensor, axis, subscript)
        known = self._homes.get(key)
        if known is None:
            known = self._homes[key] = (subscript - 1, self.tensors[tensor].shape[axis] - subscript)
        return known

    def implies(self, form: Affine) -> bool:
        """Whether form >= 0 follows from the hypotheses, as far as the search sees. False means "not seen"."""
        known = self._implied.get(form)
        if known is None:
            if self._useful is None:
                self._useful = _by_term(self.facts)
            known = self._implied[form] = implied(form, self.facts, self._useful)
        return known

    def contradicts(self, form: Affine) -> bool:
        """Whether form < 0 follows."""
        known = self._contradicted.get(form)
        if known is None:
            known = self._contradicted[form] = self.implies(-form - 1)
        return known


def implied(form: Affine, facts: Iterable[Affine], useful: Useful | None = None) -> bool:
    """Whether form >= 0 follows from facts >= 0: a search for a non-negative combination of facts that cancels it.

    useful: the facts by what they can cancel, where that is known already.

    >>> implied(symbol("n") - 1, [symbol("n") - symbol("k"), symbol("k") - 1])
    True
    """
    if form.is_constant:
        return form.constant >= 0
    if useful is None or any(len(monomial) > 1 for monomial, _ in form.terms):
        useful = _by_term(_with_products(form, tuple(facts)))
    return _search(dict(form.terms), useful, DEPTH)


def _by_term(facts: Iterable[Affine]) -> Useful:
    """The facts by what they can cancel: a monomial with a sign."""
    found: Useful = {}
    for fact in facts:
        for monomial, d in fact.terms:
            found.setdefault((monomial, d > 0), []).append(fact)
    return found


def _search(goal: dict[Monomial, int], facts: Useful, depth: int) -> bool:
    # The monomial with the fewest facts that can cancel it decides; none means there is no proof.
    best: tuple[Monomial, list[Affine]] | None = None
    for monomial, c in goal.items():
        if monomial:
            useful = facts.get((monomial, c > 0))
            if not useful or not depth:
                return False
            if best is None or len(useful) < len(best[1]):
                best = monomial, useful
    if best is None:
        return goal.get((), 0) >= 0
    c = goal[best[0]]
    for fact in best[1]:
        d = dict(fact.terms)[best[0]]
        left = {m: v * abs(d) for m, v in goal.items()}
        for m, v in fact.terms:
            value = left.get(m, 0) - v * abs(c)
            if value:
                left[m] = value
            else:
                left.pop(m, None)
        if _search(left, facts, depth - 1):
            return True
    return False


def _with_products(form: Affine, facts: tuple[Affine, ...]) -> tuple[Affine, ...]:
    """The facts, and their products where the form has a term such as s*i (a stride that is a letter)."""
    names = {name for monomial, _ in form.terms if len(monomial) > 1 for name in monomial}
    if not names:
        return facts
    linear = [fact for fact in facts if not fact.names.isdisjoint(names) and all(len(m) < 2 for m, _ in fact.terms)]
    lone = [symbol(name) for name in sorted(names) if implied(symbol(name), facts)]
    return facts + tuple(a * b for a in linear for b in [*linear, *lone])
