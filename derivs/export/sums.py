"""Sums as contractions of whole arrays: what is summed is matched to axes, so that nothing is larger than it need be.

A subscript that joins a bound and a free index, as in `sum_i g_i w_{j-2i+3}`, is rewritten with an index of its own:
`sum_i sum_k g_i w_k [j - 2i + 3 = k]`. Then any index of the bracket may be solved for, each giving another program:
windows of g, of w, or the terms put in their places. The one that costs least is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.errors import Unsupported
from derivs.export.lower import Lowering, opened
from derivs.export.plan import Node, letters_of, number, size
from derivs.export.values import Scope, Value, combined, multiplied, number_apart, reduced, transposed
from derivs.expr import (
    Add,
    And,
    CompareIndex,
    Condition,
    Delta,
    Entry,
    Expr,
    Indicator,
    Mul,
    Sum,
    fresh,
    mul,
    names_in,
    reindex,
    walk,
)

Ranges = tuple[tuple[str, tuple[Affine, Affine]], ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """sum over `bound` of the product of `factors` where every form of `zero` is 0.

    placed: a free index that no factor has, and the index forms that it equals: the sum's terms go to these places.
    """

    factors: tuple[Expr, ...]
    bound: Ranges
    zero: tuple[Affine, ...] = ()
    placed: tuple[tuple[str, Affine], ...] = ()


def total(low: Lowering, expr: Sum, scope: Scope) -> Value:
    """The value of nested sums: their terms summed one by one, or as they stand, whichever costs less."""
    body, inner, bound = opened(expr, scope, Sum)
    found = [_of_product(low, body, inner, bound, scope)]
    if isinstance(body, Add):
        with suppress(Unsupported):
            parts = [_of_product(low, term, inner, bound, scope) for term in body.terms]
            found.append(combined("add", parts, scope))
    return min(found, key=lambda value: low.cost(value.node))


def _of_product(low: Lowering, body: Expr, inner: Scope, bound: Sequence[str], scope: Scope) -> Value:
    """The sum of one product; factors that do not hang on the bound indices are in front of it."""
    while isinstance(body, Mul) and any(isinstance(f, Sum) for f in body.factors):
        flat, more = _flattened(body, inner)
        if not more:
            break
        inner, bound, body = {**inner, **dict(more)}, (*bound, *(n for n, _ in more)), flat
    factors = body.factors if isinstance(body, Mul) else (body,)
    outside = [f for f in factors if names_in(f).isdisjoint(bound)]
    within = tuple(f for f in factors if not names_in(f).isdisjoint(bound))
    start = Terms(within, tuple((name, inner[name]) for name in bound))
    best: Value | None = None
    why: Unsupported | None = None
    for terms in dict.fromkeys(_finished(low, start, inner)):
        try:
            value = _contracted(low, terms, scope)
        except Unsupported as error:
            why = why or error
            continue
        if best is None or low.cost(value.node) < low.cost(best.node):
            best = value
    if best is None:
        raise why or Unsupported("a sum with no vectorised form")
    if not outside:
        return best
    return multiplied([low.lower(mul(*outside), scope), best], scope)


def _flattened(body: Mul, inner: Scope) -> tuple[Expr, list[tuple[str, tuple[Affine, Affine]]]]:
    """a_i sum_k b_k d_ik as one sum over i and k, where a delta or a guard joins the two."""
    for place, factor in enumerate(body.factors):
        if isinstance(factor, Sum) and any(isinstance(node, Delta | Indicator) for node in walk(factor)):
            index, value = factor.index, factor.body
            if index in inner:
                index = fresh(index, {*inner, *names_in(body)})
                value = reindex(value, {factor.index: symbol(index)})
            rest = (*body.factors[:place], *body.factors[place + 1:])
            return mul(*rest, value), [(index, (factor.low, factor.high))]
    return body, []


# ---- which indices are summed

def _finished(low: Lowering, terms: Terms, inner: Scope) -> Iterator[Terms]:
    """All ways to write the sum without a bracket [form = 0] that joins several indices."""
    terms = _with_deltas(_with_guards(low, terms))
    for opened_ in _with_own_indices(low, terms, inner):
        yield from _solved(low, opened_, inner)


def _with_deltas(terms: Terms) -> Terms:
    """Kronecker deltas that join a bound index with others, as brackets."""
    bound = {name for name, _ in terms.bound}
    kept: list[Expr] = []
    zero = list(terms.zero)
    for factor in terms.factors:
        if isinstance(factor, Delta) and not (factor.left - factor.right).names.isdisjoint(bound):
            zero.append(factor.left - factor.right)
        else:
            kept.append(factor)
    return replace(terms, factors=tuple(kept), zero=tuple(zero))


def _with_guards(low: Lowering, terms: Terms) -> Terms:
    """1[K(i-1) + 1 <= j <= K i] as a sum over k = 1..K of [j = K(i-1) + k]."""
    bound = {name for name, _ in terms.bound}
    guards: list[Affine] = []
    kept: list[Expr] = []
    for factor in terms.factors:
        forms = _guards(factor.condition) if isinstance(factor, Indicator) else None
        if forms is not None and all(not g.names.isdisjoint(bound) for g in forms):
            guards += forms
        else:
            kept.append(factor)
    ranges, zero = list(terms.bound), list(terms.zero)
    taken = {*bound, *low.problem.sizes, *(n for f in terms.factors for n in names_in(f))}
    while guards:
        g = guards.pop()
        partner = next((h for h in guards if (g + h).names <= set(low.problem.sizes)), None)
        if partner is None:
            kept.append(Indicator(CompareIndex("<=", FIRST - 1, g)))
            continue
        guards.remove(partner)
        k = fresh("k", taken)
        taken.add(k)
        ahead = g if any(c < 0 for m, c in g.terms if not bound.isdisjoint(m)) else partner
        ranges.append((k, (FIRST, g + partner + 1)))
        zero.append(ahead + 1 - symbol(k))
    return replace(terms, factors=tuple(kept), bound=tuple(ranges), zero=tuple(zero))


def _guards(condition: Condition) -> list[Affine] | None:
    """The forms that are at least 0 where the condition holds; None where it says something else."""
    match condition:
        case CompareIndex("<=", left, right):
            return [right - left]
        case And(parts):
            found: list[Affine] = []
            for part in parts:
                inner = _guards(part)
                if inner is None:
                    return None
                found += inner
            return found
        case _:
            return None


def _with_own_indices(low: Lowering, terms: Terms, inner: Scope) -> Iterator[Terms]:
    """The terms as they are, and with a bracket for the subscripts that join a bound index with a free one."""
    yield terms
    bound = {name for name, _ in terms.bound}
    for place, factor in enumerate(terms.factors):
        if not isinstance(factor, Entry):
            continue
        at, ranges, zero = list(factor.at), list(terms.bound), list(terms.zero)
        taken = {*bound, *inner, *low.problem.sizes}
        for axis, form in enumerate(factor.at):
            names, _ = letters_of(form, {*inner, *bound})
            if len(names) > 1 and not bound.isdisjoint(names):
                k = fresh("u", taken)
                taken.add(k)
                at[axis] = symbol(k)
                ranges.append((k, (FIRST, low.arrays[factor.tensor].shape[axis])))
                zero.append(form - symbol(k))
        if tuple(at) != factor.at:
            factors = (*terms.factors[:place], Entry(factor.tensor, tuple(at)), *terms.factors[place + 1:])
            yield replace(terms, factors=factors, bound=tuple(ranges), zero=tuple(zero))


def _solved(low: Lowering, terms: Terms, inner: Scope) -> Iterator[Terms]:
    """Every way to get rid of the brackets."""
    if not terms.zero:
        yield terms
        return
    form, rest = terms.zero[0], terms.zero[1:]
    bound = dict(terms.bound)
    names, _ = letters_of(form, {*bound, *inner})
    for name, c in names.items():
        without = replace(terms, zero=rest, bound=tuple(r for r in terms.bound if r[0] != name))
        if name in bound:
            for one in _replaced(low, without, terms, name, form, c):
                yield from _solved(low, one, inner)
        elif (not any(name in names_in(f) for f in terms.factors) and not any(name in z.names for z in rest)
              and c in (FIRST, -FIRST)):
            value = (symbol(name) - form) if c is FIRST else (symbol(name) + form)
            yield from _solved(low, replace(terms, zero=rest, placed=(*terms.placed, (name, value))), inner)


def _replaced(low: Lowering, without: Terms, terms: Terms, name: str, form: Affine, c: Affine) -> Iterator[Terms]:
    """The bound index solved for. With a coefficient s, its array is spread out first: zeros between its entries."""
    users = [f for f in terms.factors if name in names_in(f)]
    if any(name in z.names for z in without.zero) or any(name in v.names for _, v in terms.placed):
        return
    if len(users) != 1 or not isinstance(users[0], Entry):
        return
    entry = users[0]
    axes = [axis for axis, at in enumerate(entry.at) if name in at.names]
    if len(axes) != 1 or entry.at[axes[0]].bare != name:
        return
    axis = axes[0]
    whole = low.arrays[entry.tensor]
    bounds = dict(terms.bound)[name]
    if bounds != (FIRST, whole.shape[axis]):
        return
    sign = -1 if low.context.implies(-c) else 1
    step, others = c * sign, form * sign - symbol(name) * c * sign         # step * name + others = 0
    tensor = entry.tensor
    if step is not FIRST:
        tensor = f"{entry.tensor}, spread along {axis} by {step}"
        shape = list(whole.shape)
        shape[axis] = step * (shape[axis] - 1) + 1
        low.arrays.setdefault(tensor, Node("spread", (whole,), tuple(shape), (axis, step)))
    at = list(entry.at)
    at[axis] = 1 - others - step
    new = Entry(tensor, tuple(at))
    yield replace(without, factors=tuple(new if f is entry else f for f in terms.factors))


# ---- the sum itself

def _contracted(low: Lowering, terms: Terms, scope: Scope) -> Value:
    """The sum of the product as a matrix product, a contraction, or a sum along axes."""
    terms = _upright(low, terms)
    placed = dict(terms.placed)
    inner = {name: ends for name, ends in scope.items() if name not in placed}
    inner |= dict(terms.bound)
    outer = [name for name in inner if name not in dict(terms.bound)]
    carried = [name for form in placed.values() for name in inner if name in form.names]
    bound = [name for name, _ in terms.bound if name not in carried]
    masks = [f for f in terms.factors if isinstance(f, Indicator | Delta)]
    if len(masks) == len(terms.factors):
        values = [low.real(f, inner) for f in terms.factors]
    else:
        values = [low.lower(f, inner) for f in terms.factors]
    missing = [n for n in bound if not any(n in v.labels for v in values)]
    for name in missing:
        low_end, high = inner[name]
        values.append(Value(size(high - low_end + 1)))
    bound = [n for n in bound if n not in missing]
    result = _product_summed(values, bound, [*outer, *carried], inner)
    if terms.placed and result.node.op == "contract":              # the offsets in front: what is added lies together
        offsets = [n for n in carried if n not in outer and _is_offset(low, placed.values(), n, inner)]
        result = transposed(result, (*offsets, *(n for n in result.labels if n not in offsets)))
    for name, form in terms.placed:
        result = _placed(low, result, name, form, scope, inner)
    return result


def _is_offset(low: Lowering, forms: Iterable[Affine], name: str, inner: Scope) -> bool:
    """Whether the index counts the entries of a window, not the windows."""
    for form in forms:
        names, _ = letters_of(form, inner)
        if name in names and len(names) == 2:
            return low.views.position_and_offset(names, inner)[1] == name
    return False


def _upright(low: Lowering, terms: Terms) -> Terms:
    """A bound index that is subtracted in every window counts backwards instead: w is turned round, not the windows."""
    for name, (first, last) in terms.bound:
        joined = [letters_of(form, [name])[0][name] for f in terms.factors for node in walk(f)
                  if isinstance(node, Entry) for form in node.at if name in form.names and form.bare != name]
        if joined and all(low.context.implies(-c) for c in joined):
            back = {name: first + last - symbol(name)}
            terms = replace(terms, factors=tuple(reindex(f, back) for f in terms.factors),
                            placed=tuple((n, form.substitute(back)) for n, form in terms.placed))
    return terms


def _product_summed(values: list[Value], bound: Sequence[str], free: Sequence[str], scope: Scope) -> Value:
    """What is smaller is multiplied into what has its axes; two arrays that are left are contracted."""
    apart = [number_apart(v) for v in values]
    values = [v for _, v in apart]
    scalars = [*(Value(number(c)) for c, _ in apart if c != 1), *(v for v in values if not v.labels)]
    arrays = sorted((v for v in values if v.labels), key=lambda v: len(v.labels))
    while len(arrays) > 2 or (len(arrays) == 2 and not _is_matrix_product(arrays[0], arrays[1], bound)):
        pair = next(((a, b) for a in arrays for b in arrays if a is not b and set(a.labels) <= set(b.labels)), None)
        if pair is None:
            break
        arrays = [v for v in arrays if v is not pair[0] and v is not pair[1]]
        arrays = sorted([*arrays, multiplied(list(pair), scope)], key=lambda v: len(v.labels))
    if not arrays:
        return multiplied(scalars, scope)
    if len(arrays) == 1 or not bound:
        result = reduced("sum", multiplied(arrays, scope), bound)
    else:
        result = _contraction(arrays, bound, scope)
    return multiplied([*scalars, result], scope) if scalars else result


def _is_matrix_product(a: Value, b: Value, bound: Sequence[str]) -> bool:
    """a_j B_ij, A_ij B_jk or a_j b_j, summed over j."""
    shared = set(a.labels) & set(b.labels)
    return (len(bound) == 1 and shared == set(bound) and len(a.labels) <= 2 and len(b.labels) <= 2
            and not a.is_mask and not b.is_mask)


def _contraction(arrays: Sequence[Value], bound: Sequence[str], scope: Scope) -> Value:
    order = [name for name in scope if any(name in value.labels for value in arrays)]
    lengths = {label: n for value in arrays for label, n in zip(value.labels, value.node.shape, strict=True)}
    out = tuple(name for name in order if name not in bound)
    arrays = [value if not value.is_mask else combined("as_number", [value], scope) for value in arrays]
    letters = tuple(tuple(order.index(label) for label in value.labels) for value in arrays)
    node = Node("contract", tuple(value.node for value in arrays), tuple(lengths[label] for label in out),
                (letters, tuple(order.index(label) for label in out)), tuple(order))
    return Value(node, out)


def _placed(low: Lowering, value: Value, name: str, form: Affine, scope: Scope, inner: Scope) -> Value:
    """The entries of windows that stand side by side, put back into one axis."""
    names, _ = letters_of(form, inner)
    for i, k in ((a, b) for a in names for b in names if a != b):
        length = inner[k][1] - inner[k][0] + 1
        least = form.substitute({n: inner[n][0] for n in names})
        if (names[k] is FIRST and names[i] is length and least is FIRST
                and scope[name][1] is length * (inner[i][1] - inner[i][0] + 1)
                and k not in value.labels and i in value.labels):
            axis = value.labels.index(i)
            shape = tuple(scope[name][1] if p == axis else n for p, n in enumerate(value.node.shape))
            return Value(Node("repeat", (value.node,), shape, (axis, length)),
                         tuple(name if label == i else label for label in value.labels))
    if low.by_offsets and value.node.op in ("contract", "fold") and len(names) == 2 and all(
            low.context.implies(c - 1) for c in names.values()) and set(names) <= set(value.labels):
        return _folded(low, value, name, form, scope, inner)
    raise Unsupported(f"entries put at {form} have no vectorised form yet")


def _folded(low: Lowering, value: Value, name: str, form: Affine, scope: Scope, inner: Scope) -> Value:
    """Windows that overlap, added up in one axis: what goes beyond its ends is cut off."""
    names, _ = letters_of(form, inner)
    i, k = low.views.position_and_offset(names, inner)
    length = scope[name][1]
    least, most = (form.substitute({n: inner[n][end] for n in names}) for end in (0, 1))
    before, after = low.views.missing(FIRST - least), low.views.missing(most - length)
    whole = length + before + after
    at, offsets = value.labels.index(i), value.labels.index(k)
    shape = tuple(whole if p == at else n for p, n in enumerate(value.node.shape) if p != offsets)
    labels = tuple(name if label == i else label for label in value.labels if label != k)
    node = Node("fold", (value.node,), shape, (at, offsets, names[i], names[k], least - 1 + before))
    if before.terms or after.terms:
        axis = labels.index(name)
        cuts = tuple((before, before + length, FIRST) if p == axis else None for p in range(len(labels)))
        node = Node("slice", (node,), tuple(length if p == axis else n for p, n in enumerate(shape)), cuts)
    return Value(node, labels)
