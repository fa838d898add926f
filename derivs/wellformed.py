"""Whether an exercise means something: every name declared, every rank right, every subscript surely in range.

Mistakes are collected, in reading order; each says where it is and how to mend it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from derivs.affine import Affine, symbol
from derivs.errors import DerivsError, IllFormed, OutOfRange, nearest
from derivs.expr import (
    And,
    Cases,
    Condition,
    Delta,
    Derivative,
    Entry,
    Expectation,
    Expr,
    Indicator,
    Largest,
    Mul,
    Not,
    Sum,
    Tree,
    children,
    names_in,
    tensors_in,
)
from derivs.expr import CompareIndex as Compared
from derivs.normal.context import implied
from derivs.problem import Claim, Definition, Problem
from derivs.scope import lookup, ranges

Facts = frozenset[Affine]                  # forms that are >= 0


def mistakes(problem: Problem) -> list[IllFormed]:
    """Everything that is wrong with an exercise, in reading order."""
    return disorder(problem) or [
        *_names(problem), *(m for d in problem.definitions for m in _definition(problem, d)), *_outputs(problem),
        *_claims(problem)]


def gathered(errors: Iterable[DerivsError], where: str) -> IllFormed:
    """Several mistakes as one error, each with its own place and mend."""
    errors = list(errors)
    if len(errors) == 1:
        return IllFormed(errors[0].what, where=_joined(where, errors[0].where), mend=errors[0].mend)
    return IllFormed(f"{len(errors)} mistakes", where=where, mend="\n    ".join(map(str, errors)))


def _joined(file: str, place: str) -> str:
    return ", ".join(part for part in (file, place) if part)


# ---- names -----------------------------------------------------------------------------------------------------------

def _names(problem: Problem) -> Iterator[IllFormed]:
    for name in problem.sizes:
        if name in problem.tensors:
            yield IllFormed(f"{name} is a size and also a tensor", mend="give one of them another letter")
    for definition in problem.definitions:
        for name in definition.indices:
            if name in problem.sizes or name in problem.tensors:
                kind = "a size" if name in problem.sizes else "a tensor"
                yield IllFormed(f"{name} is an index and also {kind}", where=_place(definition),
                                mend="give one of them another letter")


def _outputs(problem: Problem) -> Iterator[IllFormed]:
    for name in problem.outputs:
        if problem.definition(name) is None:
            yield IllFormed(f"the output {name} is not a node of the forward graph", where="of",
                            mend=nearest(name, (d.tensor for d in problem.definitions)))
        for other in problem.outputs:
            if problem.definition(problem.loss) is None and name != other and name in reach(problem, other):
                yield IllFormed(f"the output {other} is made of the output {name}, so that ∂{problem.loss}/∂{name} "
                                f"could be meant with {other} held fixed or not", where="of",
                                mend=f"let the loss be of {other} and of a node that is {name} again")
    if problem.definition(problem.loss) and problem.tensors[problem.loss].shape:
        yield IllFormed(f"the loss {problem.loss} has entries; a loss is a number", where="loss",
                        mend="sum it, or let a letter such as E be the loss of it")


# ---- definitions -----------------------------------------------------------------------------------------------------

def _place(definition: Definition) -> str:
    return f"definition of {_spelled(definition.entry)}"


def _spelled(entry: Entry) -> str:
    return entry.tensor + (f"[{', '.join(map(str, entry.at))}]" if entry.at else "")


def disorder(problem: Problem) -> list[IllFormed]:
    """Definitions that read a tensor which nobody declared, or which is defined below."""
    found = []
    for definition in problem.definitions:
        for mistake in _order(problem, definition):
            mistake.at(_place(definition))
            found.append(mistake)
    return found


def _order(problem: Problem, definition: Definition) -> Iterator[IllFormed]:
    order = [d.tensor for d in problem.definitions]
    later = order[order.index(definition.tensor):]
    for name in sorted(tensors_in(definition.value)):
        role = problem.tensors[name].role if name in problem.tensors else None
        if role is None:
            known = (t for t, tensor in problem.tensors.items() if tensor.role not in ("cotangent", "loss"))
            yield IllFormed(f"{name} is not declared", mend=nearest(name, known))
        elif role in ("cotangent", "loss"):
            yield IllFormed(f"{name} belongs to the backward pass", mend="a node is made of inputs and of nodes")
        elif name in later and definition.tensor in reach(problem, name):
            loop = definition.tensor if name == definition.tensor else f"{name}, and {name} of {definition.tensor}"
            yield IllFormed(f"the graph has a cycle: {definition.tensor} is made of {loop}",
                            mend="a node is made of the nodes above it only")
        elif name in later:
            yield IllFormed(f"{name} is used before its definition", mend=f"move {name} above {definition.tensor}")


def inferred_shape(problem: Problem, definition: Definition,
                   letters: Sequence[str] | None = None) -> tuple[Affine, ...]:
    """The lengths of the axes on which the indices of a definition, or these of them, stand alone in its value."""
    for name in sorted(_free(definition) - set(problem.sizes)):
        raise _stray(definition, name)
    found = ranges(problem, (definition.value,))
    wanted = definition.indices if letters is None else letters
    for letter in wanted:
        if letter not in found:
            raise IllFormed(f"the range of {letter} is not known: it stands nowhere in the value",
                            mend="give the node its lengths: shape=[n, ...]")
    return tuple(found[letter][1] for letter in wanted)


def _free(definition: Definition) -> frozenset[str]:
    """Names in the value that are not on the left."""
    return names_in(definition.value) - set(definition.indices)


def _stray(definition: Definition, name: str) -> IllFormed:
    """An index that is neither bound nor on the left, or a size that nothing has."""
    return IllFormed(f"{name} is neither an index of {_spelled(definition.entry)} nor the length of an axis",
                     mend=f"sum over {name}, or let {name} stand on the left, or declare an axis of length {name}")


def _definition(problem: Problem, definition: Definition) -> Iterator[IllFormed]:
    shape = problem.tensors[definition.tensor].shape
    facts = [end for name, size in zip(definition.indices, shape, strict=True)
             for end in (symbol(name) - 1, size - symbol(name))]
    stray = sorted(_free(definition) - set(problem.sizes))
    found = [_stray(definition, name) for name in stray] or _Walk(problem).tree(
        definition.value, frozenset((*problem.constraints, *facts)), {})
    for mistake in found:
        mistake.at(_place(definition))
        yield mistake


def reach(problem: Problem, tensor: str) -> set[str]:
    """All that a node is made of, itself included."""
    seen: set[str] = set()
    stack = [tensor]
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            definition = problem.definition(name)
            stack.extend(tensors_in(definition.value) if definition else ())
    return seen


# ---- claims ----------------------------------------------------------------------------------------------------------

def _claims(problem: Problem) -> Iterator[IllFormed]:
    claims = [(f"target {k}", target.claim) for k, target in enumerate(problem.targets, 1)]
    claims += [(f"hand formula {k}", hand.claim) for k, hand in enumerate(problem.hands, 1)]
    for place, claim in claims:
        for mistake in claim_mistakes(problem, claim):
            mistake.at(place)
            yield mistake


def claim_mistakes(problem: Problem, claim: Claim) -> Iterator[IllFormed]:
    """What is wrong with a claim: unknown names, subscripts that may leave their range, ranges without end."""
    sides: list[Tree] = [claim.left, claim.right]
    for given in claim.given:
        sides += [side for side in (given.left, given.right) if not isinstance(side, Affine)]
    unknown = sorted({name for side in sides for name in tensors_in(side)} - problem.tensors.keys())
    if unknown:
        yield from (IllFormed(f"{name} is not declared", mend=nearest(name, problem.tensors)) for name in unknown)
        return
    try:
        free = ranges(problem, (claim.left, claim.right))
    except IllFormed as error:
        yield error
        return
    facts = {end for name, (low, high) in free.items() for end in (symbol(name) - low, high - symbol(name))}
    for given in claim.given:
        if given.op == "=" and isinstance(given.left, Affine) and isinstance(given.right, Affine):
            facts |= {given.left - given.right, given.right - given.left}
    walk = _Walk(problem)
    for side in sides:
        yield from walk.tree(side, frozenset((*facts, *problem.constraints)), {})


# ---- inside a formula ------------------------------------------------------------------------------------------------

class _Walk:
    """A formula read with what is known at each place: forms that are >= 0, and the ranges of bound indices."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.sizes = frozenset(problem.sizes)

    def tree(self, node: Tree, facts: frozenset[Affine], bound: Mapping[str, Affine]) -> Iterator[IllFormed]:
        match node:
            case Entry():
                yield from self._entry(node, facts, bound)
            case Derivative(of, by, _):
                yield from self._entry(of, facts, bound)
                yield from self._entry(by, facts, bound)
            case Sum(index, low, high, body) | Largest(index, low, high, body):
                yield from self._binder(index, low, high, facts, bound)
                k = symbol(index)
                yield from self.tree(body, self._without(facts, index) | {k - low, high - k}, {**bound, index: high})
            case Mul(factors):
                inside = facts.union(*map(_told_by, factors))
                for factor in factors:
                    here = facts if isinstance(factor, Indicator | Delta) else inside
                    yield from self.tree(factor, here, bound)
            case Cases(branches, otherwise):
                for value, condition in branches:
                    yield from self.tree(condition, facts, bound)
                    yield from self.tree(value, facts | _told(condition), bound)
                    facts |= _told(Not(condition))
                if otherwise is not None:
                    yield from self.tree(otherwise, facts, bound)
            case Expectation(name, _, _):
                declared = self.problem.tensors.get(name)
                if declared is None or "binary" not in declared.properties:
                    yield IllFormed(f"the mean is over {name}, which is not declared binary",
                                    mend=f"declare Constant({name}[...], 'binary')")
                for part in children(node):
                    yield from self.tree(part, facts, bound)
            case _:
                for part in children(node):
                    yield from self.tree(part, facts, bound)

    def _without(self, facts: frozenset[Affine], index: str) -> frozenset[Affine]:
        """What was known of an outer index of the same name is not known of this one."""
        return frozenset(fact for fact in facts if index not in fact.names)

    def _binder(self, index: str, low: Affine, high: Affine, facts: Facts, bound: Mapping[str, Affine]
                ) -> Iterator[IllFormed]:
        if index in self.sizes or index in self.problem.tensors:
            kind = "a size" if index in self.sizes else "a tensor"
            yield IllFormed(f"{index} is summed over and is also {kind}", mend="use another letter for the index")
        free = {name for fact in facts for name in fact.names}
        for name in sorted((low.names | high.names) - self.sizes - bound.keys() - free):
            yield IllFormed(f"the range {low}..{high} of {index} speaks of {name}, which is the length of no axis",
                            mend=nearest(name, self.sizes))

    def _entry(self, entry: Entry, facts: frozenset[Affine], bound: Mapping[str, Affine]) -> Iterator[IllFormed]:
        try:
            declared = lookup(self.problem.tensors, entry)
        except IllFormed as error:
            yield error
            return
        if declared.zero_outside:
            return
        for form, size in zip(entry.at, declared.shape, strict=True):
            if implied(form - 1, facts) and implied(size - form, facts):
                continue
            name = form.bare
            if name and name in bound:
                yield OutOfRange(f"{name} runs to {bound[name]}, on an axis of {entry.tensor} whose length is {size}",
                                mend=f"let {name} run to {size}, or use another letter")
            else:
                yield OutOfRange(f"{_spelled(entry)} is read outside its range: {form} may leave 1..{size}",
                                mend=f"bound the index, or declare {entry.tensor} with zero_outside=True")


def _told_by(factor: Expr) -> Facts:
    """What a factor that is 0 or 1 says of indices where it is 1."""
    match factor:
        case Indicator(condition):
            return _told(condition)
        case Delta(left, right):
            return frozenset((left - right, right - left))
        case _:
            return frozenset()


def _told(condition: Condition) -> Facts:
    """What a condition says of indices, as forms >= 0."""
    match condition:
        case Compared("<=", left, right):
            return frozenset((right - left,))
        case Compared("=", left, right) | Not(Compared("!=", left, right)):
            return frozenset((right - left, left - right))
        case Not(Compared("<=", left, right)):
            return frozenset((left - right - 1,))
        case And(parts):
            return frozenset[Affine]().union(*map(_told, parts))
        case _:
            return frozenset()
