"""From a normal form to the tree that a good book prints: what is common stands outside, fractions in front, sums last.

Each rule of writing is a function here; none of them is trusted: what is shown is proved equal to what it came from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations
from math import gcd, lcm

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.cost import SIGN
from derivs.errors import Unsupported
from derivs.expr import (
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
    Mul,
    Sum,
    mul,
    names_in,
    number,
    power,
    walk,
)
from derivs.house_style import (
    Writer,
    is_negative,
    is_unit,
    letter_for,
    ordered,
    orientation,
    rank_of,
    turned_round,
)
from derivs.normal.atoms import UNIT, Atom, Form, Frozen, Kind, Monomial, Rational, monomial_of, reads
from derivs.normal.content import split
from derivs.normal.context import Context
from derivs.normal.division import divide
from derivs.normal.factoring import factored
from derivs.normal.opening import open_sum, rename
from derivs.normal.powers import (
    Powers,
    common_powers,
    conjugates,
    content_of,
    divided_by,
    power_of,
    without_needless_exponentials,
)
from derivs.normal.readback import Bound, bounds_of, condition_of, delta_of, readback
from derivs.normal.ring import accumulate, add, atom, scaled
from derivs.normal.ring import mul as times
from derivs.normal.signs import guards_of
from derivs.normal.sums import settle, substitute
from derivs.tidy import carried

MOST_SIGNS = 2                         # comparisons of one form that are tried as the outer one
MOST_MERGED = 10                       # terms of a bracket whose sums are tried to be merged: nobody reads more
MOST_ALIGNED = 3                       # bound indices of a sum that is tried to be merged with another
SIGNS = (Kind.POSITIVE, Kind.TIE)


def write(to: Writer, context: Context, form: Form, taken: frozenset[str]) -> Expr:
    """The form as a tree. taken: the letters that its bound indices may not have."""
    free = frozenset[str]().union(*(a.free for m in form for a, _ in m))
    return _form(to, context, form, taken.union(free, to.problem.sizes, to.problem.tensors))


# ---- forms

def _form(to: Writer, context: Context, form: Form, taken: frozenset[str]) -> Expr:
    """The form as a tree, written once: options share their parts, so without a memo the search is exponential."""
    key = ("written", to, frozenset(form.items()), taken)
    if key not in context.memo:
        context.memo[key] = _shortest(to, context, form, taken)
    tree: Expr = context.memo[key]
    return tree


def _shortest(to: Writer, context: Context, form: Form, taken: frozenset[str]) -> Expr:
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
    if not rest:
        return ZERO
    found = factored(rest)
    options = [_multiplied_out(to, context, form, taken)]
    if sum(len(part) > 1 for part, _ in found) > 1 or any(e > 1 for _, e in found):
        options.append(_as_product(to, context, content, powers, conjugates(found), taken))
    return min(options, key=to.cost)


def _multiplied_out(to: Writer, context: Context, form: Form, taken: frozenset[str]) -> Expr:
    """number * powers * one bracket."""
    c, powers = content_of(form)
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
            flipped = turned_round(bracket, alone=alone) if exponent % 2 else None
            if flipped is not None:
                content, written[k] = -content, (flipped, exponent)
                break
    return ordered(to, [number(content), *factors, *(power(b, e) for b, e in written)])


def _bracket(to: Writer, context: Context, form: Form, taken: frozenset[str]) -> tuple[Expr, int]:
    """The terms of a form that no factor is common to, short ones first, and the sign that was taken out."""
    terms = [_Term({m: c}, _term(to, context, m, c, taken)) for m, c in form.items()]
    trees = [term.tree for term in _merged(to, context, terms, taken)]
    collected = _collected(to, context, form, taken) if 2 < len(trees) <= MOST_MERGED else None
    if collected is not None and to.cost(Add(tuple(collected))) < to.cost(Add(tuple(trees))):
        trees = collected
    trees.sort(key=lambda tree: (not is_unit(tree), to.cost(tree), -rank_of(to, tree)[0], rank_of(to, tree)[1],
                              repr(tree)))
    turned = orientation(trees)
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
            flipped = turned_round(factor, alone=False)
            if flipped is not None:
                return ordered(to, [number(Fraction(-c)), *factors[:k], flipped, *factors[k + 1:]])
    return ordered(to, [number(Fraction(c)), *factors])


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
    if len(terms) > MOST_MERGED:
        return terms
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
        letters[name] = letter_for(to, high, taken.union(letters.values()))
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
    return ordered(to, [*outside, inner])


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
    content, common = _shared_content(cells), common_powers(cells)
    front = [number(content), *_factors(to, context, common, taken)]
    cells = [scaled(divided_by(cell, common), 1 / content) for cell in cells]
    shared = {m: c for m, c in cells[0].items() if all(cell.get(m) == c for cell in cells[1:])}
    always = _form(to, context, shared, taken)
    for tree in _by_cells(to, context, [add(cell, shared, -1) for cell in cells], u, taken):
        terms = sorted((always, tree), key=lambda term: (is_negative(term), _has_cases(term), to.cost(term)))
        yield ordered(to, [*front, Add(tuple(terms)) if shared else tree])


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
        only = ordered(to, [branch(add(tied, above, -1)), Indicator(_compared(to, context, u, "=", taken))])
        yield Add((branch(above), only)) if above else only
    if not below and same(tied, below):
        yield ordered(to, [branch(above), Indicator(_compared(to, context, u, "<", taken))])
    if not below and same(tied, above):
        yield ordered(to, [branch(above), Indicator(_compared(to, context, u, "<=", taken))])
    if not above and same(tied, above):
        yield ordered(to, [branch(below), Indicator(_compared(to, context, u, "<", taken, turned=True))])
    if not above and same(tied, below):
        yield ordered(to, [branch(below), Indicator(_compared(to, context, u, "<=", taken, turned=True))])
    middle = scaled(add(above, below), Fraction(1, 2))
    if same(tied, middle):
        half = scaled(add(above, below, -1), Fraction(1, 2))
        size = divide(half, dict(u.terms)) if half and not middle else None
        if size is not None:
            yield _form(to, context, times(size, atom(Kind.APPLY, "abs", (u,))), taken)
        if len(half) == 1:
            yield _form(to, context, add(middle, times(half, atom(Kind.APPLY, "sign", (u,)))), taken)
    common = common_powers(cells)
    front = ordered(to, _factors(to, context, common, taken))
    above, tied, below = (divided_by(value, common) for value in (above, tied, below))
    at_least, more = (_compared(to, context, u, op, taken) for op in ("<=", "<"))
    if same(tied, above):
        cases = Cases(((branch(above), at_least),), branch(below))
    elif same(tied, below):
        cases = Cases(((branch(above), more),), branch(below))
    else:
        equal = _compared(to, context, u, "=", taken)
        cases = Cases(((branch(above), more), (branch(tied), equal)), branch(below))
    yield ordered(to, [front, cases])


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


def _factors(to: Writer, context: Context, powers: Powers, taken: frozenset[str]) -> list[Expr]:
    """Atoms with exponents as factors; exponentials as one, or as powers of what their logarithm is of."""
    powers = without_needless_exponentials(powers)
    exponents: dict[Frozen, Form] = {}                 # base -> exponent, for e^{p log x} = x^p
    argument: Form = {}
    plain: Powers = {}
    guards: list[Condition] = []
    for a, e in powers.items():
        if a.kind is Kind.EXP:
            base, rest = power_of(a.args[0])
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
        return turned_round(tree.factors[1], alone=True) or tree
    return tree


def _delta(form: Affine) -> Delta:
    """δ_ij in the order of the alphabet; δ_{j, 2i + 1} with a letter of its own first."""
    for name in sorted(form.names):
        value = form.solve(name)
        if value is not None:
            return Delta(symbol(name), value)
    return delta_of(form)


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
