"""From a normal form to the tree that a good book prints: what is common stands outside, fractions in front, sums last.

Each rule of writing is a function here; none of them is trusted: what is shown is proved equal to what it came from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations
from math import gcd, lcm
from typing import Any

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.cost import SIGN, cost
from derivs.errors import Unsupported
from derivs.expr import (
    ONE,
    ZERO,
    Add,
    And,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Condition,
    Delta,
    Entry,
    Expr,
    Indicator,
    Integer,
    Largest,
    Mul,
    Number,
    Pow,
    Sum,
    mul,
    names_in,
    number,
    power,
    rebuild,
    reindex,
    walk,
)
from derivs.normal.atoms import UNIT, Atom, Form, Frozen, Kind, Monomial, Rational, monomial_of, reads
from derivs.normal.content import MOST_FACTOR, split
from derivs.normal.context import Context
from derivs.normal.division import divide
from derivs.normal.factoring import factored
from derivs.normal.opening import open_sum, rename
from derivs.normal.readback import Bound, bounds_of, condition_of, delta_of, readback
from derivs.normal.ring import accumulate, add, atom, scaled
from derivs.normal.ring import mul as times
from derivs.normal.signs import guards_of
from derivs.normal.sums import settle, substitute
from derivs.problem import Problem
from derivs.tidy import carried

ALPHABET = "ijklpqrstuvabcdefghmnowxyz"
MOST_SIGNS = 2                         # comparisons of one form that are tried as the outer one
MOST_ALIGNED = 3                       # bound indices of a sum that is tried to be merged with another
PI = Apply("pi", ())
SIGNS = (Kind.POSITIVE, Kind.TIE)
Powers = dict[Atom, Rational]


@dataclass(frozen=True, slots=True)
class Writer:
    """What a writer knows: the exercise, the letters that it uses for each range, and what letters cost."""

    problem: Problem
    letters: Mapping[Affine, tuple[str, ...]]
    weights: Mapping[str, float]

    def cost(self, expr: Expr) -> float:
        return cost(expr, self.weights)


def writer(problem: Problem, weights: Mapping[str, float]) -> Writer:
    """The letters of a range are those of the definitions over it, then of the sums over it, in order."""
    letters: dict[Affine, dict[str, None]] = {}
    for definition in problem.definitions:
        for index, size in zip(definition.indices, problem.tensors[definition.tensor].shape, strict=True):
            letters.setdefault(size, {})[index] = None
    trees = (*(d.value for d in problem.definitions), *(t.claim.right for t in problem.targets))
    for node in (n for tree in trees for n in walk(tree) if isinstance(n, Sum) and n.low == FIRST):
        letters.setdefault(node.high, {})[node.index] = None
    return Writer(problem, {size: tuple(found) for size, found in letters.items()}, weights)


def write(to: Writer, context: Context, form: Form, taken: frozenset[str]) -> Expr:
    """The form as a tree. taken: the letters that its bound indices may not have."""
    free = frozenset[str]().union(*(a.free for m in form for a, _ in m))
    return _form(to, context, form, taken.union(free, to.problem.sizes, to.problem.tensors))


def apart(to: Writer, node: Any, taken: frozenset[str]) -> Any:
    """The tree with other letters for bound indices that are taken, or bound further out."""
    if isinstance(node, Sum | Largest):
        index, body = node.index, node.body
        if index in taken:
            index = _letter(to, node.high, taken | names_in(body))
            body = reindex(body, {node.index: symbol(index)})
        return type(node)(index, node.low, node.high, apart(to, body, taken | {index}))
    return rebuild(node, lambda part: apart(to, part, taken))


def leveled(to: Writer, node: Any) -> Any:
    """The tree without brackets that only add: 1 - t - (1 - p) is p - t, and 2 - (1 + s) is 1 - s."""
    inside = rebuild(node, lambda part: leveled(to, part))
    if not isinstance(inside, Add) or not any(map(_only_adds, inside.terms)):
        return inside
    counts: dict[Expr, Fraction] = {}
    for term in inside.terms:
        c, core = _signed(term)
        for part in core.terms if isinstance(core, Add) and _only_adds(term) else (core,):
            d, rest = _signed(part)
            counts[rest] = counts.get(rest, Fraction(0)) + c * d
    terms = [mul(number(c), core) for core, c in counts.items() if c]
    terms.sort(key=lambda term: (not _is_unit(term), _is_negative(term)))
    flat = ZERO if not terms else terms[0] if len(terms) == 1 else Add(tuple(terms))
    return min(inside, flat, key=to.cost)


def _only_adds(term: Expr) -> bool:
    """Whether it is a bracket with + or - in front."""
    c, core = _signed(term)
    return isinstance(core, Add) and abs(c) == 1


def _signed(term: Expr) -> tuple[Fraction, Expr]:
    """(c, u) for the term c u."""
    match term:
        case Number(value):
            return value, ONE
        case Mul((Number(value), *rest)):
            return value, mul(*rest)
    return Fraction(1), term


# ---- forms

def _form(to: Writer, context: Context, form: Form, taken: frozenset[str]) -> Expr:
    """number * powers * brackets, multiplied out where that is shorter."""
    if not form:
        return ZERO
    signs = _signs_that_vary(form)
    if signs:
        return min((tree for u in signs[:MOST_SIGNS] for tree in _by_sign(to, context, form, u, taken)), key=to.cost)
    if len(form) == 1:
        (monomial, c), = form.items()
        return _term(to, context, monomial, c, taken)
    content, powers, rest = split(form)
    found = factored(rest)
    options = [_multiplied_out(to, context, form, taken)]
    if sum(len(part) > 1 for part, _ in found) > 1 or any(e > 1 for _, e in found):
        options.append(_as_product(to, context, content, powers, _conjugates(found), taken))
    return min(options, key=to.cost)


def _conjugates(found: Sequence[tuple[Form, int]]) -> list[tuple[Form, int]]:
    """(1 - h)(1 + h) as 1 - h²: two brackets that are as short multiplied out."""
    left = list(found)
    for k, (one, e) in enumerate(left):
        for other, f in left[k + 1:]:
            both = times(one, other)
            if e == f and len(one) == len(other) == len(both) == 2:
                return _conjugates([*(p for p in left if p[0] is not one and p[0] is not other), (both, e)])
    return left


def _multiplied_out(to: Writer, context: Context, form: Form, taken: frozenset[str]) -> Expr:
    """number * powers * one bracket."""
    c, powers = _content(form)
    rest: Form = {monomial_of((a, dict(m).get(a, 0) - powers.get(a, 0)) for a in dict(m).keys() | powers.keys()):
                  Fraction(v) / c for m, v in form.items()}
    return _as_product(to, context, c, powers, [(rest, 1)], taken)


def _as_product(to: Writer, context: Context, content: Fraction, powers: Powers, brackets: Sequence[tuple[Form, int]],
                taken: frozenset[str]) -> Expr:
    """The product, with the signs in the brackets where a person has them."""
    written: list[tuple[Expr, int]] = []
    for part, exponent in brackets:
        bracket, turned = _bracket(to, context, part, taken)
        content *= turned ** exponent
        written.append((bracket, exponent))
    factors = _factors(to, context, powers, taken)
    if content < 0:
        for k, (bracket, exponent) in enumerate(written):
            alone = len(written) == 1 and all(names_in(f) <= set(to.problem.sizes) for f in factors)
            flipped = _flipped(bracket, alone=alone) if exponent % 2 else None
            if flipped is not None:
                content, written[k] = -content, (flipped, exponent)
                break
    return _product(to, [number(content), *factors, *(power(b, e) for b, e in written)])


def _content(form: Form) -> tuple[Fraction, Powers]:
    """What stands before the bracket: the number and the powers that all terms have, and the denominators of most.

    m g/√v - s/√v - u/√v³ is (m g - s - u/v)/√v; of two terms with different denominators none is brought to the other.
    """
    values = [Fraction(c) for c in form.values()]
    c = Fraction(gcd(*(v.numerator for v in values)), gcd(*(v.denominator for v in values)))
    powers: Powers = {}
    for a in {a for m in form for a, _ in m}:
        exponents = Counter(dict(m).get(a, 0) for m in form)
        usual = max(exponents, key=lambda e: (exponents[e], e))
        if min(exponents) > 0 or max(exponents) < 0:
            powers[a] = usual if usual < 0 else min(exponents)
        elif usual < 0 and a.kind in (Kind.SYMBOL, Kind.TENSOR, Kind.BASE):
            powers[a] = usual
    return c, powers


def _bracket(to: Writer, context: Context, form: Form, taken: frozenset[str]) -> tuple[Expr, int]:
    """The terms of a form that no factor is common to, short ones first, and the sign that was taken out."""
    terms = [_Term({m: c}, _term(to, context, m, c, taken)) for m, c in form.items()]
    trees = [term.tree for term in _merged(to, context, terms, taken)]
    collected = _collected(to, context, form, taken) if len(trees) > 2 else None
    if collected is not None and to.cost(Add(tuple(collected))) < to.cost(Add(tuple(trees))):
        trees = collected
    trees.sort(key=lambda tree: (not _is_unit(tree), to.cost(tree), -_rank(to, tree)[0], _rank(to, tree)[1],
                              repr(tree)))
    turned = _orientation(trees)
    if turned < 0:
        trees = [mul(number(-1), tree) for tree in trees]
    return (trees[0] if len(trees) == 1 else Add(tuple(trees))), turned


def _collected(to: Writer, context: Context, form: Form, taken: frozenset[str]) -> list[Expr] | None:
    """C sign(w) + w - C w is written C sign(w) + (1 - C) w: terms that share an entry which the others do not have."""
    counts = Counter(a for m in form for a, e in m if e > 0 and a.kind is not Kind.SUM)
    shared = [a for a, number_ in counts.items() if 1 < number_ < len(form)]
    if not shared:
        return None
    a = min(shared, key=lambda a: (not a.free and a.kind is Kind.TENSOR, -counts[a], repr(a)))
    inside = {m: c for m, c in form.items() if dict(m).get(a, 0) > 0}
    outside = {m: c for m, c in form.items() if m not in inside}
    trees = [_form(to, context, part, taken) for part in (inside, outside)]
    return [term for tree in trees for term in (tree.terms if isinstance(tree, Add) else (tree,))]


def _term(to: Writer, context: Context, monomial: Monomial, c: Rational, taken: frozenset[str]) -> Expr:
    factors = _factors(to, context, dict(monomial), taken)
    factors += _said(context, mul(*factors), _read(to, monomial))
    if c < 0:
        for k, factor in enumerate(factors):
            flipped = _flipped(factor, alone=False)
            if flipped is not None:
                return _product(to, [number(Fraction(-c)), *factors[:k], flipped, *factors[k + 1:]])
    return _product(to, [number(Fraction(c)), *factors])


def _orientation(trees: Sequence[Expr]) -> int:
    """-1 if all signs are to be turned: 1 - s and δ_ij - y_j are written so; else what comes first is positive."""
    units = [tree for tree in trees if _is_unit(tree)]
    if units and len(trees) == 2:
        return -1 if _is_negative(units[0]) else 1
    negative = sum(map(_is_negative, trees))
    return -1 if 2 * negative > len(trees) or (2 * negative == len(trees) and _is_negative(trees[0])) else 1


def _is_unit(tree: Expr) -> bool:
    """Whether it is 1, -1 or a delta."""
    core = mul(*tree.factors[1:]) if isinstance(tree, Mul) and isinstance(tree.factors[0], Number) else tree
    return isinstance(core, Delta) or (isinstance(core, Number) and abs(core.value) == 1)


def _is_negative(tree: Expr) -> bool:
    head = tree.factors[0] if isinstance(tree, Mul) else tree
    return isinstance(head, Number) and head.value < 0


def _flipped(tree: Expr, *, alone: bool) -> Expr | None:
    """-(a - b) is b - a, also under a sum; but -y (1 - s) and -(δ - y) stay."""
    match tree:
        case Add(terms) if any(map(_is_negative, terms)):
            if any(map(_is_unit, terms)) and not alone:
                return None
            if len(terms) == 2 and len({_rank_of_letter(term) for term in terms} - {None}) == 2:
                return None                           # x_i - μ
            turned = [mul(number(-1), term) for term in terms]
            return Add(tuple(sorted(turned, key=_is_negative)))
        case Pow(base, Number(exponent)) if exponent.denominator == 1 and exponent % 2:
            inner = _flipped(base, alone=True)
            return None if inner is None else Pow(inner, tree.exponent)
        case Sum(index, low, high, body):
            inner = _flipped(body, alone=alone)
            return None if inner is None else Sum(index, low, high, inner)
        case Mul(factors):
            for k, factor in enumerate(factors):
                inner = _flipped(factor, alone=False)
                if inner is not None:
                    return Mul((*factors[:k], inner, *factors[k + 1:]))
    return None


def _rank_of_letter(term: Expr) -> int | None:
    """The number of subscripts of a letter with or without a minus sign."""
    core = term.factors[-1] if isinstance(term, Mul) and len(term.factors) == 2 and _is_negative(term) else term
    return len(core.at) if isinstance(core, Entry) else None


# ---- sums that go together

@dataclass(frozen=True, slots=True)
class _Sum:
    """The sum of a form over names with their ranges; `left` are the guards that the ranges do not say."""

    bounds: tuple[Bound, ...]
    left: frozenset[Affine]
    body: Form

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _, _ in self.bounds)


@dataclass(frozen=True, slots=True)
class _Term:
    """A term of a bracket as a form and as a tree, and as one sum where it was merged."""

    form: Form
    tree: Expr
    sum: _Sum | None = None


def _merged(to: Writer, context: Context, terms: list[_Term], taken: frozenset[str]) -> list[_Term]:
    """Σ_j g_j x_j - μ Σ_j g_j is written Σ_j g_j (x_j - μ), where that is shorter."""
    terms = [replace(term, sum=_as_sum(to, context, term.form)) for term in terms]
    for k, a in enumerate(terms):
        for b in terms[k + 1:]:
            both = _joined(to, context, a, b, taken)
            if both is not None:
                return _merged_again(to, context, [both, *(t for t in terms if t is not a and t is not b)], taken)
    return terms


def _merged_again(to: Writer, context: Context, terms: list[_Term], taken: frozenset[str]) -> list[_Term]:
    first, *others = terms
    for b in others:
        both = _joined(to, context, first, b, taken)
        if both is not None:
            return _merged_again(to, context, [both, *(t for t in others if t is not b)], taken)
    return [first, *_merged(to, context, others, taken)] if len(others) > 1 else terms


def _as_sum(to: Writer, context: Context, form: Form) -> _Sum | None:
    """A term c M Σ body as Σ c M body, if M brings no index that the sum does not have."""
    (monomial, c), = form.items()
    sums = [a for a, e in monomial if a.kind is Kind.SUM and e == 1]
    if len(sums) != 1 or len(sums) != sum(a.kind is Kind.SUM for a, _ in monomial) or sums[0].args[0] > MOST_ALIGNED:
        return None
    rest = tuple(p for p in monomial if p[0] is not sums[0])
    sizes = frozenset(to.problem.sizes)
    if any(not a.free - sizes <= sums[0].free or a.kind is Kind.DELTA for a, _ in rest):
        return None
    opened = _opened(to, context, sums[0])
    return replace(opened, body=times({rest: c}, opened.body))


def _opened(to: Writer, context: Context, a: Atom) -> _Sum:
    """A sum with fresh names. The ranges of its tensors are in its bounds, or are left to be said."""
    names, body = open_sum(context, a, frozenset())
    deltas = [p[0].args[0] for p in body if p[0].kind is Kind.DELTA]
    said = {form for d in deltas for form in (d, -d)}
    body = tuple(p for p in body if not (p[0].kind is Kind.GUARD and p[0].args[0] in said))
    plain = tuple(p for p in body if p[0].kind is not Kind.DELTA)
    guards = {g for g in guards_of(context, plain) if not g.names.isdisjoint(names)}
    rest = tuple(p for p in body if not (p[0].kind is Kind.GUARD and p[0].args[0] in guards))
    bounds, left = bounds_of(names, guards, frozenset(to.problem.sizes))
    return _Sum(tuple(bounds), frozenset(left), {rest: 1})


def _joined(to: Writer, context: Context, a: _Term, b: _Term, taken: frozenset[str]) -> _Term | None:
    """Both terms under one sum sign, if that is shorter."""
    if a.sum is None or b.sum is None or len(a.sum.bounds) != len(b.sum.bounds):
        return None
    best: _Term | None = None
    for order in permutations(b.sum.names):
        renaming = dict(zip(order, a.sum.names, strict=True))
        values = {old: symbol(new) for old, new in renaming.items()}
        ranges = {(renaming[n], low.substitute(values), high.substitute(values)) for n, low, high in b.sum.bounds}
        if ranges != set(a.sum.bounds):
            continue
        other = {rename(m, renaming): c for m, c in b.sum.body.items()}
        if {g.substitute(values) for g in b.sum.left} != a.sum.left:
            continue
        whole = replace(a.sum, body=add(a.sum.body, other))
        tree = _sum(to, context, whole, taken)
        if best is None or to.cost(tree) < to.cost(best.tree):
            best = _Term(add(a.form, b.form), tree, whole)
    if best is None or to.cost(best.tree) >= to.cost(a.tree) + to.cost(b.tree) + SIGN:
        return None
    return best


# ---- one sum

def _sum(to: Writer, context: Context, whole: _Sum, taken: frozenset[str]) -> Expr:
    """The sum as a tree, its indices chosen so that it is short: W_u g_{i-u+1}, or W_{i-p+1} g_p."""
    best = _spelled(to, context, whole, taken)
    for name in whole.names:
        for subscript in _subscripts(whole, name):
            changed = _changed(to, context, whole, name, subscript)
            if changed is not None:
                tree = _spelled(to, context, changed, taken)
                if to.cost(tree) < to.cost(best) - 1e-9:
                    best, whole = tree, changed
                    break
    return best


def _subscripts(whole: _Sum, name: str) -> list[Affine]:
    """The subscripts, and what is compared, in which the name stands with something else, with coefficient 1 or -1."""
    found = {form for m in whole.body for a, _ in m for _, _, form in reads(a)}
    found |= {g + 1 for g in whole.left}
    found |= {symbol(n) - low + 1 for n, low, _ in whole.bounds if n == name}
    return sorted((f for f in found if f.coefficient(name) in (1, -1) and f.bare is None), key=lambda f: f.key)


def _changed(to: Writer, context: Context, whole: _Sum, name: str, subscript: Affine) -> _Sum | None:
    """The sum over the subscript in place of the name, which stands for it from here on; None if no range is known."""
    solved = (subscript - symbol("'")).solve(name)
    if solved is None:
        return None
    values = {name: solved.substitute({"'": symbol(name)})}
    guards = {g.substitute(values) for g in whole.left}
    for n, low, high in whole.bounds:
        guards |= {(symbol(n) - low).substitute(values), (high - symbol(n)).substitute(values)}
    try:
        bounds, left = bounds_of(frozenset(whole.names), guards, frozenset(to.problem.sizes))
    except Unsupported:
        return None
    return _Sum(tuple(bounds), frozenset(left), substitute(context, whole.body, values))


def _spelled(to: Writer, context: Context, whole: _Sum, taken: frozenset[str]) -> Expr:
    """The sum with letters for its names, what does not hang on them in front."""
    letters: dict[str, str] = {}
    for name, _, high in whole.bounds:
        letters[name] = _letter(to, high, taken.union(letters.values()))
    values = {name: symbol(letter) for name, letter in letters.items()}
    bounds = [(letters[n], low.substitute(values), high.substitute(values)) for n, low, high in whole.bounds]
    inside = context.assume(end for n, low, high in bounds for end in (symbol(n) - low, high - symbol(n)))
    said = sorted((g.substitute(values) for g in whole.left), key=lambda g: g.key)
    body = _form(to, inside.assume(said), {rename(m, letters): c for m, c in whole.body.items()},
                 taken.union(letters.values()))
    bound = frozenset(letters.values())
    factors = body.factors if isinstance(body, Mul) else (body,)
    outside = [f for f in factors if names_in(f).isdisjoint(bound)]
    inner = mul(*(f for f in factors if not names_in(f).isdisjoint(bound)))
    inner = mul(inner, *_said(inside, inner, said))
    for n, low, high in reversed(bounds):
        inner = Sum(n, low, high, inner)
    return _product(to, [*outside, inner])


def _read(to: Writer, monomial: Monomial) -> Iterator[Affine]:
    """What holds where its entries such as x_{i-1} are read: a normal form leaves it to them."""
    for a, e in monomial:
        if a.kind is Kind.TENSOR and e > 0 and not to.problem.tensors[a.args[0]].zero_outside:
            for form, size in zip(a.args[1], to.problem.tensors[a.args[0]].shape, strict=True):
                if form.bare is None:
                    yield from (form - FIRST, size - form)


def _said(context: Context, tree: Expr, guards: Iterable[Affine]) -> list[Expr]:
    """An indicator of the guards that neither the ranges of the indices imply nor the tensors of the tree bring."""
    unsaid = _chained([g for g in dict.fromkeys(guards) if not context.implies(g) and not carried(context, tree, g)])
    return [Indicator(unsaid[0] if len(unsaid) == 1 else And(tuple(unsaid)))] if unsaid else []


def _chained(guards: list[Affine]) -> list[Condition]:
    """The guards as conditions; a <= j and j <= b one after the other."""
    found: list[Condition] = []
    left = list(guards)
    for g in guards:
        if g not in left:
            continue
        left.remove(g)
        for name in sorted(g.names):
            other = next((h for h in left if g.coefficient(name) * h.coefficient(name) == -1), None)
            low, high = (g, other) if g.coefficient(name) == 1 else (other, g)
            if other is not None and low is not None and high is not None:
                left.remove(other)
                j = symbol(name)
                found += [CompareIndex("<=", j - low, j), CompareIndex("<=", j, j + high)]
                break
        else:
            found.append(condition_of(g))
    return found


def _letter(to: Writer, size: Affine, taken: frozenset[str]) -> str:
    """A letter that the exercise uses for that range, else the next of the alphabet."""
    own = to.letters.get(size, ())
    after = ALPHABET[ALPHABET.find(own[0][:1]) + 1:] if own else ALPHABET
    foreign = {c for size_, cs in to.letters.items() if size_ != size for c in cs}
    free: list[str] = [c for c in (*own, *(c for c in (*after, *ALPHABET) if c not in foreign), *ALPHABET,
                        *(c + "'" for c in ALPHABET)) if c not in taken]
    return free[0]


# ---- signs: values that depend on a comparison

def _signs_that_vary(form: Form) -> list[Frozen]:
    """What is compared with zero in some of the terms, or otherwise than in others."""
    found: dict[Frozen, set[tuple[Kind, ...]]] = {}
    for m in form:
        for a, _ in m:
            if a.kind in (Kind.POSITIVE, Kind.TIE):
                found.setdefault(a.args[0], set())
    varying = []
    for u in sorted(found, key=lambda u: repr(u.terms)):
        kinds = {tuple(a.kind for a, _ in m if a.kind in (Kind.POSITIVE, Kind.TIE) and a.args[0] is u) for m in form}
        if len(kinds) > 1:
            varying.append(u)
    return varying


def _by_sign(to: Writer, context: Context, form: Form, u: Frozen, taken: frozenset[str]) -> Iterator[Expr]:
    """The form with |u|, an indicator, a sign or cases for what it is where u > 0, u = 0 and u < 0."""
    cells = [_where(context, form, u, *cell) for cell in ((1, 0), (0, 1), (0, 0))]
    above, tied, below = cells
    tie = atom(Kind.TIE, u)
    for one, other in ((above, below), (below, above)):
        if not one and not settle(context, times(tie, add(tied, other, -1))) and not settle(context, times(tie, tied)):
            cells[1] = {}                                   # x_i [x_i < 0] rather than x_i [x_i <= 0]
    middle, half = (scaled(add(above, below, k), Fraction(1, 2)) for k in (1, -1))
    size = divide(half, dict(u.terms)) if half and not middle else None
    if size is not None and not settle(context, times(tie, tied)):
        yield _form(to, context, times(size, atom(Kind.APPLY, "abs", (u,))), taken)
    content, common = _shared_content(cells), _common(cells)
    front = [number(content), *_factors(to, context, common, taken)]
    cells = [scaled(_divided(cell, common), 1 / content) for cell in cells]
    shared = {m: c for m, c in cells[0].items() if all(cell.get(m) == c for cell in cells[1:])}
    always = _form(to, context, shared, taken)
    for tree in _by_cells(to, context, [add(cell, shared, -1) for cell in cells], u, taken):
        terms = sorted((always, tree), key=lambda term: (_is_negative(term), _has_cases(term), to.cost(term)))
        yield _product(to, [*front, Add(tuple(terms)) if shared else tree])


def _has_cases(tree: Expr) -> bool:
    return any(isinstance(node, Cases) for node in walk(tree))


def _shared_content(cells: Iterable[Form]) -> Fraction:
    """The number that divides all terms."""
    values = [Fraction(c) for cell in cells for c in cell.values()]
    if not values:
        return Fraction(1)
    return Fraction(gcd(*(v.numerator for v in values)), gcd(*(v.denominator for v in values)))


def _by_cells(to: Writer, context: Context, cells: Sequence[Form], u: Frozen, taken: frozenset[str]) -> Iterator[Expr]:
    """What is `cells` where u > 0, u = 0 and u < 0."""
    above, tied, below = cells
    tie = atom(Kind.TIE, u)

    def same(one: Form, other: Form) -> bool:
        return not settle(context, times(tie, add(one, other, -1)))

    def branch(value: Form) -> Expr:
        return _form(to, context, value, taken)

    if above == below:
        only = _product(to, [branch(add(tied, above, -1)), Indicator(_compared(to, context, u, "=", taken))])
        yield Add((branch(above), only)) if above else only
    if not below and same(tied, below):
        yield _product(to, [branch(above), Indicator(_compared(to, context, u, "<", taken))])
    if not below and same(tied, above):
        yield _product(to, [branch(above), Indicator(_compared(to, context, u, "<=", taken))])
    if not above and same(tied, above):
        yield _product(to, [branch(below), Indicator(_compared(to, context, u, "<", taken, turned=True))])
    if not above and same(tied, below):
        yield _product(to, [branch(below), Indicator(_compared(to, context, u, "<=", taken, turned=True))])
    middle = scaled(add(above, below), Fraction(1, 2))
    if same(tied, middle):
        half = scaled(add(above, below, -1), Fraction(1, 2))
        size = divide(half, dict(u.terms)) if half and not middle else None
        if size is not None:
            yield _form(to, context, times(size, atom(Kind.APPLY, "abs", (u,))), taken)
        if len(half) == 1:
            yield _form(to, context, add(middle, times(half, atom(Kind.APPLY, "sign", (u,)))), taken)
    common = _common(cells)
    front = _product(to, _factors(to, context, common, taken))
    above, tied, below = (_divided(value, common) for value in (above, tied, below))
    at_least, more = (_compared(to, context, u, op, taken) for op in ("<=", "<"))
    if same(tied, above):
        cases = Cases(((branch(above), at_least),), branch(below))
    elif same(tied, below):
        cases = Cases(((branch(above), more),), branch(below))
    else:
        equal = _compared(to, context, u, "=", taken)
        cases = Cases(((branch(above), more), (branch(tied), equal)), branch(below))
    yield _product(to, [front, cases])


def _where(context: Context, form: Form, u: Frozen, above: int, tied: int) -> Form:
    """The form where u > 0 (1, 0), where u = 0 (0, 1), or where u < 0 (0, 0); x > 6 says that x > 0, too."""
    positive, tie = atom(Kind.POSITIVE, u), atom(Kind.TIE, u)
    cell = positive if above else tie if tied else add(add({UNIT: 1}, positive, -1), tie, -1)
    known: dict[Atom, int | None] = {Atom(Kind.POSITIVE, u): above, Atom(Kind.TIE, u): tied}
    total: Form = {}
    for m, c in form.items():
        kept = []
        for a, e in m:
            if a.kind in SIGNS and a not in known:
                known[a] = _known(context, a, cell)
            value = known.get(a)
            if value == 0:
                break
            if value is None:
                kept.append((a, e))
        else:
            accumulate(total, {tuple(kept): c})
    return settle(context, total)


def _known(context: Context, a: Atom, cell: Form) -> int | None:
    """[w > 0] or [w = 0] in a cell of the values of u; None where that does not tell."""
    both = settle(context, times(cell, {((a, 1),): 1}))
    return 0 if not both else 1 if both == settle(context, cell) else None


def _common(forms: Iterable[Form]) -> Powers:
    """The powers that all terms of all forms have."""
    found: Powers | None = None
    for monomial in (m for form in forms for m in form):
        mine = dict(monomial)
        found = mine if found is None else {a: min(e, mine[a]) for a, e in found.items() if a in mine}
    return found or {}


def _divided(form: Form, powers: Powers) -> Form:
    return {monomial_of((a, e - powers.get(a, 0)) for a, e in m): c for m, c in form.items()}


def _compared(to: Writer, context: Context, u: Frozen, op: str, taken: frozenset[str], *,
              turned: bool = False) -> Condition:
    """u > 0 for `<`, u >= 0 for `<=`, with what has a minus sign on the other side."""
    scale = lcm(*(Fraction(c).denominator for c in u.terms.values()))
    over = {m: c * scale for m, c in u.terms.items() if c > 0}
    under = {m: -c * scale for m, c in u.terms.items() if c < 0}
    left, right = (_form(to, context, side, taken) for side in (under, over))
    if turned or (op == "=" and left == ZERO):
        left, right = right, left
    return Compare(op, left, right)  # type: ignore[arg-type]


# ---- products

def _product(to: Writer, factors: Iterable[Expr]) -> Expr:
    """Numbers, sizes, scalars, gradients, entries, functions, brackets, indicators, sums."""
    flat = _one_root(mul(*factors))
    if not isinstance(flat, Mul):
        return flat
    held = {negative for f in flat.factors if isinstance(f, Add) and f.terms[0] == ONE
            for negative in map(_opposite, f.terms[1:])}                 # s of 1 - s stands beside it
    ranks = {f: (7, 1) if f in held and isinstance(f, Entry) else _rank(to, f) for f in flat.factors}
    return Mul(tuple(sorted(flat.factors, key=lambda f: ranks[f])))


def _opposite(tree: Expr) -> Expr:
    return mul(number(-1), tree)


def _one_root(tree: Expr) -> Expr:
    """1/√(2π) for √2/(2√π): square roots of numbers and of π as one."""
    if not isinstance(tree, Mul):
        return tree
    half = Fraction(1, 2)
    roots = [f for f in tree.factors if isinstance(f, Pow) and isinstance(f.exponent, Number)
             and abs(f.exponent.value) == half and (isinstance(f.base, Number) or f.base == PI)]
    if not roots:
        return tree
    rest = [f for f in tree.factors if f not in roots]
    outside = Fraction(1)
    if isinstance(rest[0] if rest else ZERO, Number):
        outside, rest = rest[0].value, rest[1:]  # type: ignore[union-attr]
    square = outside * outside
    turns = 0
    for root in roots:
        sign = 1 if root.exponent.value > 0 else -1  # type: ignore[union-attr]
        if isinstance(root.base, Number):
            square *= root.base.value ** sign
        else:
            turns += sign
    over, under = _square_free(square.numerator), _square_free(square.denominator)
    front = Fraction(over[0], under[0]) * (1 if outside > 0 else -1)
    top, bottom = [number(over[1])] + [PI] * (turns > 0), [number(under[1])] + [PI] * (turns < 0)
    under_root = power(mul(*bottom), -1)
    root_tree = power(mul(*bottom), -half) if mul(*top) == ONE else power(mul(*top, under_root), half)
    return mul(number(front), root_tree, *rest)


def _square_free(value: int) -> tuple[int, int]:
    """(s, r) with value = s^2 r, r without a square as far as trial division sees."""
    s, r, p = 1, value, 2
    while p * p <= r and p < MOST_FACTOR:
        while r % (p * p) == 0:
            s, r = s * p, r // (p * p)
        p += 1
    return s, r


def _rank(to: Writer, factor: Expr) -> tuple[int, int]:
    match factor:
        case Number():
            return 0, 0
        case Pow(base, _):
            return _rank(to, base)
        case Integer(form):
            return 1, min((to.problem.sizes.index(n) for n in form.names if n in to.problem.sizes), default=0)
        case Entry(name, at):
            tensor = to.problem.tensors[name]
            place = list(to.problem.tensors).index(name) - len(to.problem.tensors) * (tensor.role == "parameter")
            if tensor.role == "cotangent":
                return 3, place
            return (2 if not at and tensor.role != "node" else 4), place
        case Apply():
            return 5, 0
        case Delta():
            return 6, 0
        case Add(terms):
            return 7, 2 * (terms[0] == ONE)
        case Indicator():
            return 8, 0
        case Cases():
            return 9, 0
        case _:
            return 10, 0


def _factors(to: Writer, context: Context, powers: Powers, taken: frozenset[str]) -> list[Expr]:
    """Atoms with exponents as factors; exponentials as one, or as powers of what their logarithm is of."""
    powers = _without_needless_exponentials(powers)
    exponents: dict[Frozen, Form] = {}                 # base -> exponent, for e^{p log x} = x^p
    argument: Form = {}
    plain: Powers = {}
    guards: list[Condition] = []
    for a, e in powers.items():
        if a.kind is Kind.EXP:
            base, rest = _power_of(a.args[0])
            if base is None:
                accumulate(argument, {a.args[0]: e})
            else:
                accumulate(exponents.setdefault(base, {}), {rest: e})
        elif a.kind is Kind.GUARD:
            guards.append(condition_of(a.args[0]))
        else:
            plain[a] = e
    found = []
    for a, e in plain.items():
        own = a.args[0] if a.kind is Kind.BASE else Frozen({((a, 1),): 1})
        exponent = exponents.pop(own, None)
        base_tree = _atom(to, context, a, taken)
        found.append(power(base_tree, Fraction(e)) if exponent is None else
                     power(base_tree, _exponent(to, context, add(exponent, {UNIT: e}), taken)))
    found += [power(_form(to, context, base.terms, taken), _exponent(to, context, exponent, taken))
              for base, exponent in exponents.items()]
    if argument:
        found.append(Apply("exp", (_form(to, context, argument, taken),)))
    if guards:
        found.append(Indicator(guards[0] if len(guards) == 1 else And(tuple(guards))))
    return found


def _exponent(to: Writer, context: Context, form: Form, taken: frozenset[str]) -> Expr:
    """x^{p - 1} and y^{1 - p}, not y^{-(p - 1)}."""
    tree = _form(to, context, form, taken)
    if isinstance(tree, Mul) and tree.factors[0] == number(-1) and len(tree.factors) == 2:
        return _flipped(tree.factors[1], alone=True) or tree
    return tree


def _delta(form: Affine) -> Delta:
    """δ_ij in the order of the alphabet; δ_{j, 2i + 1} with a letter of its own first."""
    for name in sorted(form.names):
        value = form.solve(name)
        if value is not None:
            return Delta(symbol(name), value)
    return delta_of(form)


def _power_of(monomial: Monomial) -> tuple[Frozen | None, Monomial]:
    """(x, p) for the monomial p log x."""
    logs = [a for a, e in monomial if a.kind is Kind.APPLY and a.args[0] == "log" and e == 1]
    if len(logs) != 1:
        return None, monomial
    return logs[0].args[1][0], tuple(p for p in monomial if p[0] is not logs[0])


def _without_needless_exponentials(powers: Powers) -> Powers:
    """e^{-x} / (1 + e^{-x}) is written 1 / (1 + e^x)."""
    best, least = powers, _exponentials(powers)
    for a, e in powers.items():
        if a.kind is not Kind.BASE:
            continue
        for m in a.args[0].terms:
            shift = {b: k for b, k in m if b.kind is Kind.EXP}
            if not shift:
                continue
            inner = {monomial_of((b, dict(n).get(b, 0) - shift.get(b, 0)) for b in dict(n).keys() | shift.keys()): c
                     for n, c in a.args[0].terms.items()}
            new = {b: k for b, k in powers.items() if b is not a} | {Atom(Kind.BASE, Frozen(inner)): e}
            for b, k in shift.items():
                new[b] = new.get(b, 0) + k * e
            new = {b: k for b, k in new.items() if k}
            if _exponentials(new) < least:
                best, least = new, _exponentials(new)
    return best


def _exponentials(powers: Powers) -> tuple[int, Rational]:
    """How many there are, and how many of them have a minus sign."""
    inner = [(b, k) for a in powers if a.kind is Kind.BASE for m in a.args[0].terms for b, k in m if b.kind is Kind.EXP]
    outer = [(a, e) for a, e in powers.items() if a.kind is Kind.EXP]
    return len(inner) + len(outer), sum(k < 0 for _, k in (*inner, *outer))


def _atom(to: Writer, context: Context, a: Atom, taken: frozenset[str]) -> Expr:
    match a.kind:
        case Kind.SYMBOL:
            return Integer(symbol(a.args[0]))
        case Kind.RADICAL:
            return number(a.args[0])
        case Kind.TENSOR:
            return Entry(*a.args)
        case Kind.APPLY:
            return Apply(a.args[0], tuple(_form(to, context, f.terms, taken) for f in a.args[1]))
        case Kind.BASE:
            return _form(to, context, a.args[0].terms, taken)
        case Kind.DELTA:
            return _delta(a.args[0])
        case Kind.POSITIVE:
            return Indicator(_compared(to, context, a.args[0], "<", taken))
        case Kind.TIE:
            return Indicator(_compared(to, context, a.args[0], "=", taken))
        case Kind.SUM:
            return _sum(to, context, _opened(to, context, a), taken)
        case _:
            return readback(context, {((a, 1),): 1}, taken)
