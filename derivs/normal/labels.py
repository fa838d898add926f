"""Canonical names for the bound indices of a connected sum: change of index where subscripts are mixed, then labelling.

Labelling is that of graph canonisation: refine colours, individualise one of a class, skip twins (names whose exchange
changes nothing), and keep the least of the labelled monomials. McKay & Piperno (2014), Practical graph isomorphism II,
is the general method; sums in derivations have a dozen names at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, product
from typing import Any

from derivs.affine import Affine, symbol
from derivs.normal.atoms import Atom, Kind, Monomial, parts, reads
from derivs.normal.context import Context

MOST_LABELLINGS = 5_040
MOST_CHANGES = 64

Occurrence = tuple[Any, tuple[tuple[tuple[str, int], ...], ...]]      # (where, for each form: its names, coefficients)


def occurrences(atom: Atom) -> tuple[Occurrence, ...]:
    """Where integer forms stand in an atom: a tag that does not mention names, and the names with coefficients."""
    if atom.occurrences is None:
        found: list[Occurrence] = []
        match atom.kind:
            case Kind.TENSOR:
                found.append(((atom.kind, atom.args[0]), tuple(map(_names, atom.args[1]))))
            case Kind.SYMBOL:
                found.append(((atom.kind,), (((atom.args[0], 1),),)))
            case Kind.DELTA:
                # [a = 0] = [-a = 0]: the sign is not part of the meaning.
                found.append(((atom.kind,), (tuple((name, abs(c)) for name, c in _names(atom.args[0])),)))
            case Kind.GUARD:
                found.append(((atom.kind,), (_names(atom.args[0]),)))
            case _:
                for monomial in parts(atom):
                    for inner, e in monomial:
                        found += (((atom.kind, e, *tag), forms) for tag, forms in occurrences(inner))
        atom.occurrences = tuple(found)
    return atom.occurrences


def _names(form: Affine) -> tuple[tuple[str, int], ...]:
    return tuple((name, c) for monomial, c in form.terms for name in monomial)


# ---- change of index

def changes(names: frozenset[str], monomial: Monomial) -> Iterator[dict[str, Affine]]:
    """Substitutions that make subscripts bare: one for each unimodular choice among the best subscripts present.

    Only for names that stand in a mixed subscript; a name that stands in none starts at 1. The new values are in
    terms of new names `*0`, `*1`, ...
    """
    subscripts: dict[Affine, list[Any]] = {}
    for atom, exponent in monomial:
        for tensor, axis, form in reads(atom):
            # A subscript that holds a name bound further in, as of max_l x_{k+l}, cannot be the new index.
            if not form.names.isdisjoint(names) and form.names <= atom.free:
                subscripts.setdefault(form, []).append((tensor, axis, atom.kind, exponent))
    blocks = [block for block in _blocks(names, subscripts) if any(
        form.bare is None for form in subscripts if not form.names.isdisjoint(block))]
    options = [_bases(block, {form: tuple(sorted(where)) for form, where in subscripts.items()
                              if not form.names.isdisjoint(block)}) for block in blocks]
    options += [_ends(name, monomial, names) for name in names if not any(name in form.names for form in subscripts)]
    for number, choice in enumerate(product(*options)):
        if number == MOST_CHANGES:
            return
        yield {name: form.substitute({n: symbol(f"*{k}{n}") for n in form.names if n.startswith("*")})
               for k, values in enumerate(choice) for name, form in values.items()}


def _ends(name: str, monomial: Monomial, names: frozenset[str]) -> list[dict[str, Affine]]:
    """The change of index after which the one lower bound of the name reads [name >= 1]; none where it has several."""
    found = []
    for atom, _ in monomial:
        if atom.kind is Kind.GUARD and atom.free & names == {name} and atom.args[0].coefficient(name) == 1:
            value = (atom.args[0] + 1 - symbol("*0")).solve(name)
            if value is not None:
                found.append({name: value})
    return found if len(found) == 1 else [{}]


def _blocks(names: frozenset[str], subscripts: Iterable[Affine]) -> list[frozenset[str]]:
    """Names that share a subscript, together."""
    blocks: list[frozenset[str]] = []
    for form in subscripts:
        together = form.names & names
        joined = [block for block in blocks if not block.isdisjoint(together)]
        blocks = [block for block in blocks if block.isdisjoint(together)] + [together.union(*joined)]
    return blocks


def _bases(block: frozenset[str], subscripts: dict[Affine, tuple[Any, ...]]) -> list[dict[str, Affine]]:
    """The changes of index for one block, those of the least colour only; [{}] where none is unimodular."""
    best: list[dict[str, Affine]] = []
    least: tuple[Any, ...] | None = None
    ranked = sorted(subscripts, key=lambda form: (subscripts[form], form.key))
    for chosen in combinations(ranked, len(block)):
        colour = tuple(subscripts[form] for form in chosen)
        if least is not None and colour > least:
            continue
        values = _solve(block, chosen)
        if values is not None:
            if colour != least:
                best, least = [], colour
            best.append(values)
    return best or [{}]


def _solve(block: frozenset[str], chosen: tuple[Affine, ...]) -> dict[str, Affine] | None:
    """The names in terms of the chosen subscripts, by elimination with pivots 1 and -1."""
    values: dict[str, Affine] = {}
    free = set(block)
    for number, form in enumerate(chosen):
        equation = form.substitute(values) - symbol(f"*{number}")
        pivot = next((name for name in sorted(free) if equation.coefficient(name) in (1, -1)
                      and name in equation.names), None)
        if pivot is None:
            return None
        value = equation.solve(pivot)
        assert value is not None
        free.discard(pivot)
        values = {name: old.substitute({pivot: value}) for name, old in values.items()} | {pivot: value}
    return values


# ---- labelling

def labellings(context: Context, names: frozenset[str], monomial: Monomial,
               swapped_is_same: Callable[[str, str], bool]) -> list[tuple[str, ...]]:
    """The orders of the names worth trying: all orders that refinement cannot tell apart, without twins."""
    if len(names) == 1:
        return [tuple(names)]
    where = [(tag, e, forms) for atom, e in monomial for tag, forms in occurrences(atom)
             if any(name in names for form in forms for name, _ in form)]
    found: list[tuple[str, ...]] = []
    stack = [_refine(names, where, dict.fromkeys(names, 0))]
    while stack:
        colours = stack.pop()
        context.budget.spend(len(names))
        classes: dict[int, list[str]] = {}
        for name in sorted(names):
            classes.setdefault(colours[name], []).append(name)
        split = next((members for _, members in sorted(classes.items()) if len(members) > 1), None)
        if split is None:
            found.append(tuple(sorted(names, key=colours.__getitem__)))
            if len(found) > MOST_LABELLINGS:
                context.budget.spend(context.budget.left + 1)
            continue
        tried: list[str] = []
        for name in split:
            if any(swapped_is_same(name, other) for other in tried):
                continue
            tried.append(name)
            stack.append(_refine(names, where, {n: 2 * c + (n in split and n != name) for n, c in colours.items()}))
    return found


def _refine(names: frozenset[str], where: list[tuple[Any, Any, Any]], colours: dict[str, int]) -> dict[str, int]:
    """Colours that no occurrence tells further apart."""
    while True:
        seen: dict[str, list[Any]] = {name: [] for name in names}
        for tag, e, forms in where:
            coloured = tuple(tuple(sorted((colours.get(name, -1), "" if name in names else name, c)
                                          for name, c in form)) for form in forms)
            for axis, form in enumerate(forms):
                for name, c in form:
                    if name in names:
                        seen[name].append((tag, e, axis, c, coloured))
        keys = {name: (colours[name], sorted(map(repr, seen[name]))) for name in names}
        ranks = {key: rank for rank, key in enumerate(sorted({_freeze(k) for k in keys.values()}))}
        new = {name: ranks[_freeze(keys[name])] for name in names}
        if len(set(new.values())) == len(set(colours.values())):
            return new
        colours = new


def _freeze(key: tuple[int, list[str]]) -> tuple[int, tuple[str, ...]]:
    return key[0], tuple(key[1])
