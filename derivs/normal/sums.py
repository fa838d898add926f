"""Sums over bound indices: `close` turns a form with bound names into connected sums; `substitute` moves through them.

close(names, form) is the sum of form over all integer values of the names. In order, a term at a time: open inner sums
that mention a name; contract deltas; drop guards that the rest implies; write partial ranges as full range minus ends;
sum polynomials; split into connected components; choose canonical names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from fractions import Fraction

from derivs.affine import Affine, symbol
from derivs.errors import IllFormed, OutOfDomain
from derivs.normal.algebra import apply, exponential, power
from derivs.normal.atoms import (
    Atom,
    Form,
    Frozen,
    Kind,
    Monomial,
    Rational,
    height_of,
    labels,
    monomial_of,
    names_of,
    order,
    parts,
)
from derivs.normal.bounds import distribution, polynomial, tidy_guards
from derivs.normal.context import Context
from derivs.normal.indicators import delta, guard, positive, zero_where
from derivs.normal.labels import changes, labellings
from derivs.normal.opening import fresh, open_largest, open_sum, times_guard
from derivs.normal.ring import ONE, ZERO, accumulate, atom, from_affine, mul, scaled, tensor
from derivs.normal.signs import guards_of

# ---- substitution

def substitute(context: Context, form: Form, values: Mapping[str, Affine]) -> Form:
    """Free names replaced by integer forms, at once."""
    return rewrite(context, form, values)


Replacement = Callable[[Atom], Form | None]      # what an atom gives way to, if it does


def rewrite(context: Context, form: Form, values: Mapping[str, Affine], atoms: Replacement | None = None) -> Form:
    """Names and whole atoms replaced, at once and at any depth."""
    total: Form = {}
    for monomial, c in form.items():
        accumulate(total, _rewrite_monomial(context, monomial, values, atoms), c)
    return total


def _rewrite_monomial(context: Context, monomial: Monomial, values: Mapping[str, Affine],
                      atoms: Replacement | None) -> Form:
    kept: list[tuple[Atom, Rational]] = []
    result = ONE
    for a, e in monomial:
        new = _rewrite_atom(context, a, values, atoms)
        if new is None:
            kept.append((a, e))
        else:
            result = mul(result, power(context, new, e))
            if not result:
                return ZERO
    return mul({tuple(kept): 1}, result) if len(kept) < len(monomial) else {monomial: 1}


def _rewrite_atom(context: Context, a: Atom, values: Mapping[str, Affine], atoms: Replacement | None) -> Form | None:
    """The new value of an atom; None if it does not change."""
    if atoms is not None and (replaced := atoms(a)) is not None:
        return replaced
    if a.free.isdisjoint(values) and not (atoms and _holds(a, atoms)):
        return None
    here = tuple(sorted((name, form) for name, form in values.items() if name in a.free)) if values else ()
    key = (a, tuple((name, form.key) for name, form in here))
    if not atoms and key in context.memo:
        found: Form = context.memo[key]
        return found
    context.budget.spend()
    local = dict(here)
    new = _rebuild(context, a, local, atoms)
    if not atoms:
        context.memo[key] = new
    return new


def _holds(a: Atom, atoms: Replacement) -> bool:
    """Whether one of the atoms that give way stands inside a."""
    return any(atoms(inner) is not None or _holds(inner, atoms) for monomial in parts(a) for inner, _ in monomial)


def _stands_in(target: Atom, a: Atom) -> bool:
    """Whether the target stands inside a."""
    return any(inner is target or _stands_in(target, inner) for monomial in parts(a) for inner, _ in monomial)


def _rebuild(context: Context, a: Atom, values: Mapping[str, Affine], atoms: Replacement | None) -> Form:
    def inner(form: Frozen) -> Form:
        return rewrite(context, form.terms, values, atoms)

    match a.kind:
        case Kind.SYMBOL:
            return from_affine(values[a.args[0]])
        case Kind.TENSOR:
            return tensor(a.args[0], tuple(form.substitute(values) for form in a.args[1]))
        case Kind.DELTA:
            return delta(a.args[0].substitute(values))
        case Kind.GUARD:
            return guard(a.args[0].substitute(values))
        case Kind.EXP:
            return exponential(context, _rewrite_monomial(context, a.args[0], values, atoms))
        case Kind.SUM:
            names, body = open_sum(context, a, names_in_values(values))
            return close(context, names, rewrite(context, {body: 1}, values, atoms))
        case Kind.LARGEST:
            fresh, body_form, guards = open_largest(context, a, names_in_values(values))
            return largest(context, fresh, rewrite(context, body_form, values, atoms),
                           tuple(g.substitute(values) for g in guards))
        case _:
            return _function(context, a, inner)


def _function(context: Context, a: Atom, inner: Callable[[Frozen], Form]) -> Form:
    """The atom of a function, its arguments mapped."""
    match a.kind:
        case Kind.APPLY:
            return apply(context, a.args[0], tuple(map(inner, a.args[1])))
        case Kind.BASE:
            return inner(a.args[0])
        case Kind.POSITIVE:
            return positive(context, inner(a.args[0]))
        case Kind.TIE:
            return zero_where(context, inner(a.args[0]))
        case _:
            raise AssertionError(a.kind)


def names_in_values(values: Mapping[str, Affine]) -> frozenset[str]:
    """The names that come in."""
    return frozenset().union(*(form.names for form in values.values()))


# ---- closing

def close(context: Context, names: frozenset[str], form: Form) -> Form:
    """The sum of form over all integer values of the names."""
    total: Form = {}
    for monomial, c in form.items():
        accumulate(total, _close_term(context, names, monomial), c)
    return total


def _close_term(context: Context, names: frozenset[str], monomial: Monomial) -> Form:
    if not names:
        return settle_term(context, monomial)
    key = (names, monomial)
    found: Form | None = context.memo.get(key)
    if found is None:
        context.budget.spend()
        found = context.memo[key] = _closed(context, names, monomial)
    return found


def _closed(context: Context, names: frozenset[str], monomial: Monomial) -> Form:
    missing = names - names_of(monomial)
    if missing:
        raise IllFormed("a sum without bounds", mend="give the index of every sum a range")
    lowered = _lowered(context, monomial)
    if lowered is not None:
        return _close_term(context, names, lowered)
    for step in (_open, _contract, _bounded, _separate):
        new = step(context, names, monomial)
        if new is not None:
            return new
    return _connected(context, names, monomial)


def _bounded(context: Context, names: frozenset[str], monomial: Monomial) -> Form | None:
    """The term with simpler bounds."""
    simpler = tidy_guards(context, monomial)
    if simpler is not None:
        return close(context, names, simpler)
    summed = distribution(context, names, monomial) or polynomial(context, names, monomial)
    return None if summed is None else close(context, names - {summed[0]}, summed[1])


def _open(context: Context, names: frozenset[str], monomial: Monomial) -> Form | None:
    """Inner sums that mention a name join it: x_i sum_j y_ij, summed over i, is one sum over i and j."""
    for a, e in monomial:
        if a.kind is Kind.SUM and e > 0 and Fraction(e).denominator == 1 and not a.free.isdisjoint(names):
            rest: Form = {tuple(p for p in monomial if p[0] is not a): 1}
            taken = names | names_of(monomial)
            joined = names
            for _ in range(int(e)):
                inner, body = open_sum(context, a, taken)
                taken, joined = taken | inner, joined | inner
                rest = mul(rest, {body: 1})
            return close(context, joined, rest)
    return None


def _contract(context: Context, names: frozenset[str], monomial: Monomial) -> Form | None:
    """sum_k [k = i] f(k) = f(i). The range of k survives in its guards, or in the tensors of f."""
    for a, _ in monomial:
        if a.kind is Kind.DELTA:
            for name in sorted(a.free & names):
                value = a.args[0].solve(name)
                if value is not None:
                    rest = _with_ranges(context, tuple(p for p in monomial if p[0] is not a), name)
                    return close(context, names - {name}, substitute(context, {rest: 1}, {name: value}))
    return None


def _with_ranges(context: Context, monomial: Monomial, name: str) -> Monomial:
    """The monomial with the ranges that its tensors imply for a name written out as guards."""
    for g in guards_of(context, tuple(p for p in monomial if p[0].kind is Kind.TENSOR)):
        if name in g.names:
            monomial = times_guard(monomial, g)
    return monomial


def _separate(context: Context, names: frozenset[str], monomial: Monomial) -> Form | None:
    """Factors that share no bound name are sums of their own."""
    groups: list[tuple[frozenset[str], list[tuple[Atom, Rational]]]] = []
    outside: list[tuple[Atom, Rational]] = []
    for p in monomial:
        mine = p[0].free & names
        if not mine:
            outside.append(p)
            continue
        joined = [g for g in groups if not g[0].isdisjoint(mine)]
        groups = [g for g in groups if g[0].isdisjoint(mine)]
        groups.append((mine.union(*(g[0] for g in joined)), [q for g in joined for q in g[1]] + [p]))
    if len(groups) == 1 and not outside:
        return None
    inner = context.assume(guards_of(context, tuple(outside)))
    result = settle_term(context, tuple(outside))
    for mine, factors in groups:
        result = mul(result, _close_term(inner, mine, monomial_of(factors)))
    return result


def _connected(context: Context, names: frozenset[str], monomial: Monomial) -> Form:
    """One connected sum, with canonical names: an atom."""
    settled = _settled(context.assume(()), monomial, names)
    if settled is not None:
        return close(context, names, settled)
    absorbed = _absorb(context, names, monomial)
    if absorbed is not None:
        return absorbed
    refreshed = _refreshed_term(context, monomial)
    if refreshed != {monomial: 1}:
        return close(context, names, refreshed)
    # A change of index may turn the orientation of a comparison, which makes several terms of one; such a change is
    # taken only where no other keeps the term whole, or the two orientations would call each other for ever.
    options = [_changed(context, names, monomial, change) for change in changes(names, monomial)]
    fewest = min(len(form) for _, form in options)
    return min((_labelled(context, bound, form) for bound, form in options if len(form) == fewest), key=_size)


def _changed(context: Context, names: frozenset[str], monomial: Monomial,
             change: Mapping[str, Affine]) -> tuple[frozenset[str], Form]:
    """The bound names and the term after a change of index."""
    if not change:
        return names, {monomial: 1}
    coming = sorted({n for form in change.values() for n in form.names if n.startswith("*")})
    renaming = dict(zip(coming, map(symbol, fresh(context, len(coming), names | names_of(monomial))), strict=True))
    values = {name: form.substitute(renaming) for name, form in change.items()}
    bound = names.difference(change).union(*(form.names for form in renaming.values()))
    return bound, substitute(context, {monomial: 1}, values)


def _refreshed_term(context: Context, monomial: Monomial) -> Form:
    """The term with the sums inside its functions normalised again, knowing the guards of the term.

    [sum_{k < j, k <= 2q} ...] in a term with [j <= 2q] loses its second guard, whichever of the two came first.
    """
    if not any(a.kind is Kind.GUARD for a, _ in monomial) or not any(_has_guarded_sum(a) for a, _ in monomial):
        return {monomial: 1}
    inside = context.assume(guards_of(context, monomial))
    result = ONE
    for a, e in monomial:
        result = mul(result, power(inside, _refreshed(inside, a), e) if _has_guarded_sum(a) else {((a, e),): 1})
    return result


def _has_guarded_sum(a: Atom) -> bool:
    """Whether a sum with a guard stands inside the atom."""
    return any((a.kind is Kind.SUM and b.kind is Kind.GUARD) or _has_guarded_sum(b)
               for monomial in parts(a) for b, _ in monomial)


def _refreshed(context: Context, a: Atom) -> Form:
    if not _has_guarded_sum(a):
        return {((a, 1),): 1}
    if a.kind is Kind.SUM:
        names, body = open_sum(context, a, frozenset())
        return close(context, names, {body: 1})
    if a.kind in (Kind.EXP, Kind.LARGEST):
        return {((a, 1),): 1}

    def inner(form: Frozen) -> Form:
        total: Form = {}
        for monomial, c in form.terms.items():
            product = ONE
            for b, e in monomial:
                product = mul(product, power(context, _refreshed(context, b), e))
            accumulate(total, product, c)
        return total

    return _function(context, a, inner)


def _size(form: Form) -> tuple[int, list[tuple[tuple[int, Rational], ...]]]:
    return len(form), sorted(map(order, form))


def _labelled(context: Context, names: frozenset[str], form: Form) -> Form:
    if len(form) > 1:              # a comparison changed its orientation
        return close(context, names, form)
    total: Form = {}
    for monomial, c in form.items():
        simpler = tidy_guards(context, monomial)
        again = _separate(context, names, monomial) if simpler is None else close(context, names, simpler)
        if again is not None:
            accumulate(total, again, c)
            continue
        height = 1 + height_of(monomial)
        canonical = labels(height, len(names))

        def swapped_is_same(one: str, other: str, m: Monomial = monomial) -> bool:
            return substitute(context, {m: 1}, {one: symbol(other), other: symbol(one)}) == {m: 1}

        best: Form | None = None
        for order_ in labellings(context, names, monomial, swapped_is_same):
            values = {name: symbol(label) for name, label in zip(order_, canonical, strict=True)}
            candidate = substitute(context, {monomial: 1}, values)
            if best is None or _size(candidate) < _size(best):
                best = candidate
        assert best is not None
        if len(best) == 1:
            (body, scale), = best.items()
            accumulate(total, atom(Kind.SUM, len(names), body), c * scale)
        else:
            accumulate(total, close(context, frozenset(canonical), best), c)
    return total


def _absorb(context: Context, names: frozenset[str], monomial: Monomial) -> Form | None:
    """sum_j y_ij / sum_j y_ij = 1 inside a sum over i: a negative sum takes the part of the body that equals it."""
    for a, e in monomial:
        if a.kind is not Kind.SUM or e > 0 or a.free.isdisjoint(names) or names <= a.free:
            continue
        outer = a.free & names
        inner_names = names - outer
        body = tuple(p for p in monomial if not p[0].free.isdisjoint(inner_names))
        rest = tuple(p for p in monomial if p[0].free.isdisjoint(inner_names))
        context_inside = context.assume(guards_of(context, _with_all_ranges(context, rest, body, outer)))
        for group_names, group in _groups(inner_names, body):
            if not outer & names_of(group):
                continue
            new = _close_term(context_inside, group_names, group)
            if len(new) == 1 and any(b is a and k > 0 for b, k in next(iter(new))):
                others = tuple(p for p in monomial if p not in group)
                kept = _with_all_ranges(context, others, group, outer)
                return close(context, names - group_names, mul({kept: 1}, new))
    return None


def _with_all_ranges(context: Context, rest: Monomial, body: Monomial, names: frozenset[str]) -> Monomial:
    """`rest` with the ranges of these names that the tensors of `body` imply."""
    for g in guards_of(context, body):
        if g.names and not g.names.isdisjoint(names) and all(not n.startswith("~") or n in names for n in g.names):
            rest = times_guard(rest, g)
    return rest


def _groups(names: frozenset[str], monomial: Monomial) -> list[tuple[frozenset[str], Monomial]]:
    groups: list[tuple[frozenset[str], Monomial]] = []
    for p in monomial:
        mine = p[0].free & names
        joined = [g for g in groups if not g[0].isdisjoint(mine)]
        groups = [g for g in groups if g[0].isdisjoint(mine)]
        groups.append((mine.union(*(g[0] for g in joined)),
                       monomial_of([q for g in joined for q in g[1]] + [p])))
    return groups


# ---- free deltas and ties

def settle(context: Context, form: Form) -> Form:
    """Terms with free deltas, guards and ties made canonical: [i = j] x_j is written [i = j] x_i."""
    total: Form = {}
    for monomial, c in form.items():
        accumulate(total, settle_term(context, monomial), c)
    return total


def settle_term(context: Context, monomial: Monomial) -> Form:
    """The same for one term."""
    if any(a.kind is Kind.TENSOR and e > 0 and _is_outside(context, a) for a, e in monomial):
        return ZERO
    lowered = _lowered(context, monomial)
    if lowered is not None:
        return settle_term(context, lowered)
    if not any(a.kind >= Kind.DELTA for a, _ in monomial):
        return {monomial: 1}
    key = ("settle", monomial)
    found: Form | None = context.memo.get(key)
    if found is None:
        context.budget.spend()
        new = _settled(context, monomial, frozenset())
        if new is None:
            new = tidy_guards(context, monomial)
            found = {monomial: 1} if new is None else settle(context, new)
        else:
            found = settle(context, new)
        context.memo[key] = found
    return found


def _lowered(context: Context, monomial: Monomial) -> Monomial | None:
    """The term with t for each t^2 of an entry that is 0 or 1; None where there is none."""
    if not any(a.kind is Kind.TENSOR and e > 1 and _is_zero_or_one(context, a, e) for a, e in monomial):
        return None
    return tuple((a, 1 if a.kind is Kind.TENSOR and e > 1 and _is_zero_or_one(context, a, e) else e)
                 for a, e in monomial)


def _is_zero_or_one(context: Context, entry: Atom, exponent: Rational) -> bool:
    declared = context.tensors[entry.args[0]]
    return (Fraction(exponent).denominator == 1 and declared.role != "node"
            and not declared.properties.isdisjoint({"onehot", "binary"}))


def _is_outside(context: Context, entry: Atom) -> bool:
    """Whether an entry surely lies outside its shape, where it is 0."""
    return any(context.contradicts(end) for axis, form in enumerate(entry.args[1])
               for end in context.home(entry.args[0], axis, form))


def _settled(context: Context, monomial: Monomial, bound: frozenset[str]) -> Form | None:
    """One rewriting by a delta or a tie of the term; None where it is canonical."""
    for a, _ in monomial:
        rest = tuple(p for p in monomial if p[0] is not a)
        if a.kind is Kind.DELTA:
            facts = context.assume(guards_of(context, rest))
            if facts.contradicts(a.args[0]) or facts.contradicts(-a.args[0]):
                return ZERO
            if facts.implies(a.args[0]) and facts.implies(-a.args[0]):
                return {rest: 1}
            # The greatest name goes: indices before sizes, z before a; the delta itself stays.
            for name in sorted(a.free, reverse=True):
                value = a.args[0].solve(name)
                if value is not None:
                    if any(name in b.free for b, _ in rest):
                        ranged = _with_ranges(context, rest, name)
                        with suppress(OutOfDomain):
                            return mul({((a, 1),): 1}, substitute(context, {ranged: 1}, {name: value}))
                    break
        elif a.kind is Kind.TIE:
            replaced = _tie_rule(a)
            if replaced is not None:
                target, value_form = replaced
                if any(b is target or _stands_in(target, b) for b, _ in rest):
                    # A dead case, such as 1/u where u = 0, stays as it is. Were it 0, u (1/u) = 1 would be 0 there too.
                    ranged = rest
                    for g in guards_of(context, tuple(p for p in rest if p[0] is target)):
                        ranged = times_guard(ranged, g) if g.names else ranged
                    with suppress(OutOfDomain):
                        return mul({((a, 1),): 1}, rewrite(context, {ranged: 1}, {}, {target: value_form}.get))
            if any(b.kind is Kind.POSITIVE and b.args == a.args for b, _ in rest):
                return ZERO                          # [u > 0][u = 0] = 0
            if any(b.kind is Kind.BASE and b.args[0] is a.args[0] and e > 0 for b, e in rest):
                return ZERO
    return None


def _tie_rule(a: Atom) -> tuple[Atom, Form] | None:
    """[u = 0] lets the greatest tensor entry in which u is linear be replaced by the rest of u."""
    form: Form = a.args[0].terms
    linear = [m[0][0] for m in form if len(m) == 1 and m[0][1] == 1 and m[0][0].kind is Kind.TENSOR]
    for target in sorted(linear, key=lambda b: (b.args[0], tuple(f.key for f in b.args[1])), reverse=True):
        if sum(any(b is target or _stands_in(target, b) for b, _ in m) for m in form) == 1:
            c = form[((target, 1),)]
            rest = {m: v for m, v in form.items() if m != ((target, 1),)}
            return target, scaled(rest, Fraction(-1) / Fraction(c))
    return None


# ---- the maximum over an index

def largest(context: Context, names: tuple[str, ...], form: Form, guards: tuple[Affine, ...]) -> Form:
    """The maximum of form over the names where all guards are >= 0."""
    height = 1 + Frozen(form).height
    canonical = labels(height, len(names))
    values = {name: symbol(label) for name, label in zip(names, canonical, strict=True)}
    body = Frozen(substitute(context, form, values))
    ends = tuple(sorted({g.substitute(values) for g in guards}, key=lambda g: g.key))
    return atom(Kind.LARGEST, len(names), body, ends)
