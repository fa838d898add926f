"""Mistakes that people make in hand derivations, as functions from a right claim to wrong right sides.

One row each. The names are those of `derivs.rules.mistakes`, by which a diagnosis calls them; `also` are names that say
the same of such a line just as honestly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from sites import (
    Site,
    axis_of,
    changed,
    factors_of,
    has_ranges,
    letter,
    sites,
    terms_of,
    without,
)

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, affine, symbol
from derivs.expr import (
    ONE,
    ZERO,
    Add,
    And,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Delta,
    Derivative,
    Entry,
    Expr,
    Indicator,
    Integer,
    Largest,
    Mul,
    Not,
    Number,
    Or,
    Pow,
    Sum,
    Tree,
    add,
    mul,
    names_in,
    negate,
    number,
    power,
    rebuild,
    reindex,
    subtract,
    walk,
)
from derivs.problem import Claim, Problem, bar

Made = Iterator[Expr]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A row: its name, how it looks, how it is made, and the other honest names for it.

    shows: seldom where most points do not show it, so that a mutant is only counted once a point has. most: mutants of
    an exercise; few where the mistake can be made everywhere.
    """

    name: str
    looks: str
    make: Callable[[Problem, Claim], Made]
    also: tuple[str, ...] = ()
    shows: Literal["everywhere", "seldom"] = "everywhere"
    most: int = 4


def root(problem: Problem, claim: Claim) -> Site:
    return next(sites(problem, claim))


# ---- signs, numbers, sizes -------------------------------------------------------------------------------------------

def sign(problem: Problem, claim: Claim) -> Made:
    yield root(problem, claim).put(negate(claim.right))
    for site in sites(problem, claim):
        if isinstance(site.node, Add) and not _in_exp(site):
            for k, term in reversed([*enumerate(site.node.terms)]):
                yield site.put(Add(changed(site.node.terms, k, negate(term))))


def _in_exp(site: Site) -> bool:
    return site.is_exponent or any(isinstance(part, Apply) and part.function == "exp" for part in site.above)


def factor(problem: Problem, claim: Claim) -> Made:
    whole = root(problem, claim)
    for site in sites(problem, claim):
        match site.node:
            case Mul((Number(c), *rest)) if abs(c) != 1 and rest:
                yield site.put(Mul((number(1 if c > 0 else -1), *rest)))
                yield site.put(Mul((number(c * c), *rest)))
            case Add(terms) if not _in_exp(site):
                for k, term in enumerate(terms):
                    yield site.put(Add(changed(terms, k, mul(number(2), term))))
    yield whole.put(mul(number(2), claim.right))
    yield whole.put(mul(number(Fraction(1, 2)), claim.right))


def size_factor(problem: Problem, claim: Claim) -> Made:
    whole = root(problem, claim)
    for site in sites(problem, claim):
        if isinstance(site.node, Mul):
            for k, part in enumerate(site.node.factors):
                if isinstance(part, Integer) or (isinstance(part, Pow) and isinstance(part.base, Integer)):
                    yield site.put(mul(*without(site.node.factors, k)))
    sizes = [form for form in dict.fromkeys(form for tensor in _read(problem, claim.right) for form in
                                            problem.tensors[tensor].shape) if form.bare is not None]
    for form in sizes:
        yield whole.put(mul(power(Integer(form), -1), claim.right))
    for form in sizes:
        yield whole.put(mul(Integer(form), claim.right))


def _read(problem: Problem, node: Tree) -> list[str]:
    return list(dict.fromkeys(part.tensor for part in walk(node) if isinstance(part, Entry)
                              and part.tensor in problem.tensors))


def one_less(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        if isinstance(site.node, Integer) and not site.is_exponent:
            yield site.put(Integer(site.node.form - 1))


# ---- powers and functions --------------------------------------------------------------------------------------------

def exponent(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Pow(base, Number(e)) if e not in (2, Fraction(1, 2)) and not isinstance(base, Integer | Apply):
                for new in (e + 1, e - 1, 2 * e):
                    if new not in (0, e / 2):
                        yield site.put(power(base, new))
            case Pow(base, Add(terms)):
                for k, term in enumerate(terms):
                    if isinstance(term, Number):
                        yield site.put(Pow(base, add(*changed(terms, k, ZERO))))
                        yield site.put(Pow(base, add(*changed(terms, k, negate(term)))))


def square(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Pow(base, Number(e)) if abs(e) == 2:
                yield site.put(power(base, e / 2))
    for site in sites(problem, claim):
        match site.node:
            case Mul(factors) if not _in_exp(site):
                for k, part in enumerate(factors):
                    if isinstance(part, Entry) and not part.tensor.endswith("_bar"):
                        yield site.put(Mul(changed(factors, k, power(part, 2))))
                    elif isinstance(part, Pow) and part.exponent == number(-1) and not isinstance(part.base, Integer):
                        yield site.put(Mul(changed(factors, k, power(part.base, -2))))


def missing_root(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Pow(base, Number(e)) if abs(e) == Fraction(1, 2):
                yield site.put(power(base, 2 * e))
            case Pow(Entry() | Sum() | Add() as base, Number(e)) if e == -1:
                if not (isinstance(base, Entry) and not problem.tensors[base.tensor].is_positive):
                    yield site.put(power(base, Fraction(-1, 2)))


def lost_function(name: str) -> Callable[[Problem, Claim], Made]:
    def make(problem: Problem, claim: Claim) -> Made:
        for site in sites(problem, claim):
            match site.node:
                case Apply(function, (u,)) if function == name:
                    yield site.put(u)
    return make


def sign_in_exponent(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Apply("exp", (u,)):
                yield site.put(Apply("exp", (negate(u),)))
            case Apply("sigmoid", (u,)):
                yield site.put(Apply("sigmoid", (negate(u),)))


def inverse(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        if isinstance(site.node, Mul) and not _in_exp(site):
            for k, part in enumerate(site.node.factors):
                match part:
                    case Entry(tensor, ()) if not tensor.endswith("_bar"):
                        yield site.put(Mul(changed(site.node.factors, k, power(part, -1))))
                    case Pow(Entry() | Integer() as base, Number(e)) if e < 0:
                        yield site.put(Mul(changed(site.node.factors, k, power(base, -e))))
    for site in sites(problem, claim):
        if isinstance(site.node, Entry) and site.node.tensor in problem.tensors and not site.node.at and (
                _in_exp(site) and not site.node.tensor.endswith("_bar")):
            yield site.put(power(site.node, -1))


def epsilon(problem: Problem, claim: Claim) -> Made:
    def small(term: Expr) -> bool:
        return isinstance(term, Entry) and term.tensor.startswith("eps")

    epsilons = [Entry(name) for name in problem.tensors if name.startswith("eps") and not name.endswith("_bar")]
    for site in sites(problem, claim):
        match site.node:
            case Pow(Add(terms), e) if any(map(small, terms)):
                k = next(k for k, term in enumerate(terms) if small(term))
                rest = add(*without(terms, k))
                yield site.put(Pow(rest, e))
                if isinstance(e, Number) and e.value.denominator == 2:
                    yield site.put(power(add(power(rest, Fraction(1, 2)), terms[k]), 2 * e.value))
                    yield site.put(add(Pow(rest, e), terms[k]))
                yield site.put(Pow(add(rest, power(terms[k], 2)), e))
                yield site.put(Pow(add(rest, negate(terms[k])), e))
                yield site.put(Pow(add(rest, *(2 * (terms[k],))), e))
            case Pow(Entry(tensor) as base, Number(e)) if e < 0 and problem.tensors[tensor].is_positive:
                for one in epsilons:
                    yield site.put(power(add(base, one), e))
            case Add(terms) if any(map(small, terms)):
                k = next(k for k, term in enumerate(terms) if small(term))
                yield site.put(add(*without(terms, k)))


# ---- indices ---------------------------------------------------------------------------------------------------------

def index(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim, within=(Derivative,)):
        match site.node:
            case Entry(tensor, at) if tensor in problem.tensors:
                for k, form in enumerate(at):
                    here = site.scope.get(form.bare or "")
                    for other, there in site.scope.items():
                        if here is not None and there == here and other != form.bare:
                            yield site.put(Entry(tensor, (*at[:k], symbol(other), *at[k + 1:])))
            case Delta(left, right):
                for other in site.scope:
                    if other not in (left.bare, right.bare) and right.bare is not None:
                        yield site.put(Delta(left, symbol(other)))


def shift(problem: Problem, claim: Claim) -> Made:
    found = []
    for site in sites(problem, claim):
        match site.node:
            case Entry(tensor, at) if at and tensor in problem.tensors:
                for k, form in enumerate(at):
                    for step in (1, -1):
                        made = site.put(Entry(tensor, (*at[:k], form + step, *at[k + 1:])))
                        found.append((form.bare is not None, made))
    yield from (made for plain, made in sorted(found, key=lambda pair: pair[0]))


def dropped_sum(problem: Problem, claim: Claim) -> Made:
    """The sum is left out: its letter becomes a free one of the same range, or stays where the term shows no other."""
    for site in sites(problem, claim):
        if isinstance(site.node, Sum) and not _has_derivative(site.node.body):
            yield from (site.put(one) for one in _unsummed(problem, site))


def _unsummed(problem: Problem, site: Site) -> Made:
    node = site.node
    assert isinstance(node, Sum)
    for other, there in site.scope.items():
        if there == (node.low, node.high):
            yield reindex(node.body, {node.index: symbol(other)})
    if len([part for part in walk(node.body) if node.index in names_in(part) and isinstance(part, Entry)]) == 1:
        yield node.body


def _has_derivative(node: Tree) -> bool:
    return any(isinstance(part, Derivative) for part in walk(node))


def extra_sum(problem: Problem, claim: Claim) -> Made:
    whole = root(problem, claim)
    for free, (low, high) in whole.scope.items():
        new = letter(problem, claim.left, claim.right)
        for site in sites(problem, claim):
            inside = any(isinstance(part, Sum) for part in site.above)
            if inside or _in_exp(site) or isinstance(site.node, Number | Delta | Indicator) or not isinstance(
                    site.node, Expr) or free not in names_in(site.node):
                continue
            if isinstance(site.node, Mul) and isinstance(site.node.factors[0], Number):
                continue
            yield site.put(Sum(new, low, high, reindex(site.node, {free: symbol(new)})))


def merged_sums(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Mul(factors):
                sums = [(k, part) for k, part in enumerate(factors) if isinstance(part, Sum)]
                for n, (k, one) in enumerate(sums):
                    for j, other in sums[n + 1:]:
                        if (one.low, one.high) == (other.low, other.high):
                            body = mul(one.body, reindex(other.body, {other.index: symbol(one.index)}))
                            yield site.put(Mul((*without(factors, k, j), Sum(one.index, one.low, one.high, body))))
                for k, one in sums:
                    for j, part in enumerate(factors):
                        if isinstance(part, Pow) and isinstance(part.base, Sum) and (
                                (part.base.low, part.base.high) == (one.low, one.high)) and part.exponent == number(-1):
                            under = power(reindex(part.base.body, {part.base.index: symbol(one.index)}), -1)
                            merged = Sum(one.index, one.low, one.high, mul(one.body, under))
                            yield site.put(mul(*without(factors, k, j), merged))
            case Pow(Sum(k, low, high, body), Number(e)) if abs(e) == 2:
                yield site.put(power(Sum(k, low, high, power(body, 2)), e / 2))
            case Pow(Sum(k, low, high, body), Number(e)) if e == -1 and not isinstance(body, Number):
                yield site.put(Sum(k, low, high, power(body, -1)))


def split_sum(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Sum(k, low, high, Mul(factors)):
                on_k = [part for part in factors if k in names_in(part)]
                rest = [part for part in factors if k not in names_in(part)]
                for n in range(1, len(on_k)):
                    sums = [Sum(k, low, high, mul(*part)) for part in (on_k[:n], on_k[n:])]
                    if all(axis_of(problem, one.body, k) is not None for one in sums):
                        yield site.put(mul(*rest, *sums))
            case Sum(k, low, high, Pow(base, Number(e))) if e == 2 and axis_of(problem, base, k) is not None:
                yield site.put(power(Sum(k, low, high, base), 2))


def diagonal_only(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        if isinstance(site.node, Sum) and _has_derivative(site.node.body):
            yield from (site.put(one) for one in _unsummed(problem, site))
    left = claim.left
    if isinstance(left, Derivative) and len(left.of.at) == len(left.by.at) == 1:
        i, j = left.of.at[0], left.by.at[0]
        if i.bare and j.bare and i != j and any(isinstance(part, Delta) for part in walk(claim.right)):
            diagonal = reindex(claim.right, {j.bare: i})
            yield root(problem, claim).put(mul(Delta(i, j), diagonal))
    for site in sites(problem, claim):
        match site.node:
            case Add(terms) if any(_holds_delta(term) for term in terms):
                yield site.put(add(*(term for term in terms if _holds_delta(term))))


def _holds_delta(term: Expr) -> bool:
    return any(isinstance(part, Delta) for part in factors_of(term))


def wrong_axis(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        if not isinstance(site.node, Sum):
            continue
        k, body = site.node.index, site.node.body
        for free, there in site.scope.items():
            if free not in names_in(body) or there == (site.node.low, site.node.high):
                continue
            for instead, range_ in site.scope.items():
                if range_ == (site.node.low, site.node.high) and instead != free:
                    new = letter(problem, claim.left, claim.right)
                    yield site.put(Sum(new, *there, reindex(body, {k: symbol(instead), free: symbol(new)})))
            yield site.put(Sum(k, *there, reindex(body, {k: symbol(free), free: symbol(k)})))


def transposed(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim, within=(Derivative,)):
        match site.node:
            case Entry(tensor, at) if tensor in problem.tensors and len(at) >= 2:
                for k in range(len(at) - 1):
                    if at[k] != at[k + 1]:
                        yield site.put(Entry(tensor, (*at[:k], at[k + 1], at[k], *at[k + 2:])))


def order(problem: Problem, claim: Claim) -> Made:
    free = root(problem, claim).scope.keys()
    for site in sites(problem, claim):
        if isinstance(site.node, Mul):
            entries = [(k, part) for k, part in enumerate(site.node.factors) if isinstance(part, Entry) and part.at]
            for n, (k, one) in enumerate(entries):
                for j, other in entries[n + 1:]:
                    a, b = one.at[-1], other.at[-1]
                    if a != b and one.tensor != other.tensor and {a.bare, b.bare} <= free:
                        swapped = changed(site.node.factors, k, Entry(one.tensor, (*one.at[:-1], b)))
                        yield site.put(Mul(changed(swapped, j, Entry(other.tensor, (*other.at[:-1], a)))))


def not_flipped(problem: Problem, claim: Claim) -> Made:
    """The other of correlation and convolution: j-k+1 for j+k-1."""
    for site in sites(problem, claim):
        match site.node:
            case Entry(tensor, at):
                for k, form in enumerate(at):
                    for name in sorted(form.names & site.scope.keys()):
                        c = form.coefficient(name)
                        if c and form.bare is None and len(form.names & site.scope.keys()) > 1:
                            turned = form - symbol(name) * (2 * c) + 2 * c
                            yield site.put(Entry(tensor, (*at[:k], turned, *at[k + 1:])))


# ---- factors and terms -----------------------------------------------------------------------------------------------

def missing_factor(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        if isinstance(site.node, Mul) and not _in_exp(site):
            parts = site.node.factors
            for k, part in enumerate(parts):
                of_a_size = isinstance(part, Pow) and isinstance(part.base, Integer)
                if len(parts) > 1 and not isinstance(part, Number | Integer | Delta) and not of_a_size and not (
                        len(parts) == 2 and isinstance(parts[0], Number)):
                    yield site.put(mul(*without(parts, k)))
        elif isinstance(site.node, Entry | Derivative) and not site.above:
            yield ONE


def missing_delta(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        if isinstance(site.node, Delta):
            yield site.put(ONE)


def missing_term(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        if isinstance(site.node, Add) and not _in_exp(site):
            for k in reversed(range(len(site.node.terms))):
                yield site.put(add(*without(site.node.terms, k)))


def wrong_derivative(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Mul(factors):
                for k, part in enumerate(factors):
                    for j, other in enumerate(factors):
                        if k != j and other == subtract(ONE, part):                       # sigmoid's
                            yield site.put(mul(*without(factors, k, j), subtract(ONE, power(part, 2))))
                            yield site.put(mul(*without(factors, k, j), subtract(ONE, part)))
            case Add(terms) if ONE in terms and len(terms) == 2:
                other = terms[0] if terms[1] == ONE else terms[1]
                if isinstance(other, Mul) and other.factors[0] == number(-1) and len(other.factors) == 2:
                    squared = other.factors[1]
                    if isinstance(squared, Pow) and squared.exponent == number(2):       # tanh's
                        yield site.put(mul(squared.base, subtract(ONE, squared.base)))
                        yield site.put(subtract(ONE, squared.base))
            case Cases(((value, Compare() as condition), *_), otherwise) if otherwise is not None:
                yield site.put(mul(value, Indicator(condition)))                         # relu's for leaky relu's
                yield site.put(Cases(((otherwise, condition),), value))
            case Indicator(Compare("<", left, right) as condition):
                if ZERO in (left, right):
                    yield site.put(Apply("sign", (right if left == ZERO else left,)))
                yield site.put(ONE if ZERO in (left, right) else subtract(ONE, Indicator(condition)))
            case Apply("sign", (u,)):
                yield site.put(Apply("abs", (u,)))
                yield site.put(Indicator(Compare("<", ZERO, u)))
            case Apply("tanh", (u,)):
                yield site.put(Apply("sigmoid", (u,)))
            case Pow(Entry(tensor) as base, Number(e)) if e == -1 and problem.tensors[tensor].is_positive:
                yield site.put(Apply("log", (base,)))                                    # log for its derivative


def layer_index(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim, within=(Derivative,)):
        match site.node:
            case Entry(tensor, at) if tensor in problem.tensors:
                for other in problem.tensors:
                    if other != tensor and _layer(tensor) is not None and _layer(other) == _layer(tensor) and len(
                            problem.tensors[other].shape) == len(at):
                        yield site.put(Entry(other, at))


def _layer(tensor: str) -> tuple[str, bool] | None:
    name = tensor.removesuffix("_bar")
    stem = name.rstrip("0123456789")
    digits = name[len(stem):]
    return (stem, tensor.endswith("_bar")) if digits and stem not in ("sigma", "eps") else None


def wrong_name(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim, within=(Derivative,)):
        match site.node:
            case Entry(tensor, at) if tensor in problem.tensors:
                mine = problem.tensors[tensor]
                for other, there in problem.tensors.items():
                    if other != tensor and there.shape == mine.shape and other != problem.loss and (
                            _layer(other) is None or _layer(other) != _layer(tensor)) and (
                            other.endswith("_bar") == tensor.endswith("_bar")) and not (
                            isinstance(claim.left, Derivative) and other == bar(claim.left.by.tensor)) and not (
                            site.above and isinstance(site.above[-1], Derivative)):
                        yield site.put(Entry(other, at))


# ---- kinks, thresholds, what shows only rarely -----------------------------------------------------------------------

def strict(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case CompareIndex("<=", low, high):
                yield site.put(CompareIndex("<=", low + 1, high))
            case Compare("<", left, right):
                yield site.put(Compare("<=", left, right))
            case Compare("<=", left, right):
                yield site.put(Compare("<", left, right))


def threshold(problem: Problem, claim: Claim) -> Made:
    small = number(Fraction(1, 1000))
    for site in sites(problem, claim):
        match site.node:
            case Compare(("<" | "<=") as op, left, right):
                yield site.put(Compare(op, add(left, small), right))
                if isinstance(right, Number) and right != ZERO:
                    yield site.put(Compare(op, left, ZERO))
                    yield site.put(Compare(op, left, number(2 * right.value)))
                else:
                    yield site.put(Compare(op, subtract(left, small), right))
                    yield site.put(Compare(op, add(left, ONE), right))
            case Compare("=", left, Number(c)):
                yield site.put(Compare("=", left, number(c + 1)))
            case CompareIndex("<=", low, high):
                yield site.put(CompareIndex("<=", low, high + 1))


def tiny(problem: Problem, claim: Claim) -> Made:
    whole = root(problem, claim)
    power_of_ten = 6
    for site in sites(problem, claim):
        if isinstance(site.node, Number) and abs(site.node.value) != 1 and not site.is_exponent:
            yield site.put(number(site.node.value * (1 + Fraction(1, 10 ** power_of_ten))))
            power_of_ten += 2
        elif isinstance(site.node, Add) and not _in_exp(site):
            for k, term in enumerate(site.node.terms):
                near = number(1 + Fraction(1, 10 ** power_of_ten))
                yield site.put(Add(changed(site.node.terms, k, mul(near, term))))
                power_of_ten = 6 + (power_of_ten - 5) % 7
    for k in (12, 9, 6, 11, 7):
        yield whole.put(mul(number(1 + Fraction(1, 10 ** k)), claim.right))


def larger_sizes(problem: Problem, claim: Claim) -> Made:
    whole = root(problem, claim)
    sizes = [name for name in problem.sizes if Affine((((name,), 1),)) - 1 in problem.constraints]
    for name in sizes:
        beyond = [subtract(Integer(symbol(name)), number(k)) for k in (1, 2, 3)]
        yield whole.put(mul(add(ONE, mul(*beyond[:2])), claim.right))
        yield whole.put(mul(add(ONE, Indicator(CompareIndex("<=", affine(4), symbol(name)))), claim.right))
        for site in sites(problem, claim):
            if isinstance(site.node, Add) and not _in_exp(site):
                first, *rest = site.node.terms
                yield site.put(add(mul(first, add(ONE, mul(*beyond))), *rest))
        yield whole.put(mul(add(ONE, mul(*beyond)), claim.right))


def rare_inputs(problem: Problem, claim: Claim) -> Made:
    whole = root(problem, claim)
    given = {tensor.name for tensor in problem.inputs if not tensor.is_nonnegative and not tensor.properties}
    seen: set[str] = set()
    entries: list[tuple[Site, Entry]] = []
    for site in sites(problem, claim):
        if isinstance(site.node, Entry) and (site.node.tensor in given or problem.definition(site.node.tensor)) and (
                not problem.tensors[site.node.tensor].is_positive) and not _in_condition(site):
            entries.append((site, site.node))
    free = [(whole, Entry(name, tuple(_free_at(problem, whole, name)))) for name in sorted(given)
            if all(form is not None for form in _free_at(problem, whole, name))]
    for site, entry in entries:
        if entry.tensor not in seen:
            seen.add(entry.tensor)
            yield site.put(Apply("abs", (entry,)))
            yield site.put(Apply("max", (entry, number(-100))))
    for _, entry in free:
        for far in (1000, 2):
            yield whole.put(mul(claim.right, add(ONE, Indicator(Compare("<", number(far), entry)))))
            yield whole.put(mul(claim.right, subtract(ONE, Indicator(Compare("<", entry, number(-far))))))
        bound = number(Fraction(1, 10 ** 4))
        near = And((Compare("<", negate(bound), entry), Compare("<", entry, bound)))
        yield whole.put(mul(claim.right, add(ONE, Indicator(near))))
        yield whole.put(mul(claim.right, add(ONE, Indicator(Compare("=", entry, ONE)))))
        yield whole.put(add(claim.right, Apply("relu", (subtract(entry, number(100)),))))


def _in_condition(site: Site) -> bool:
    return any(isinstance(part, Compare | CompareIndex | And | Or | Not | Indicator) for part in site.above)


def _free_at(problem: Problem, whole: Site, name: str) -> Iterator[Affine | None]:
    """The free index that runs over each axis of a tensor, if there is one."""
    for size in problem.tensors[name].shape:
        yield next((symbol(free) for free, there in whole.scope.items() if there == (FIRST, size)), None)


MISTAKES: dict[str, Mistake] = {row.name: row for row in (
    Mistake("sign", "the sign of a term, or of everything, is the other one", sign, most=2),
    Mistake("factor", "a factor of 2, 1/2 or another small number is missing or extra", factor,
            ("missing factor",), most=2),
    Mistake("size factor", "1/m or m is missing or extra", size_factor,
            ("dropped sum", "missing factor", "extra factor"), most=2),
    Mistake("m-1 for m", "m - 1 stands for m", one_less),
    Mistake("exponent", "an exponent is another one", exponent,
            ("square", "root", "inverse", "missing factor", "extra factor"), most=3),
    Mistake("square", "a square is missing or extra", square,
            ("exponent", "missing factor", "extra factor"), most=2),
    Mistake("root", "a root is missing or extra", missing_root,
            ("exponent", "square", "missing factor")),
    Mistake("lost exp", "the exponential is missing", lost_function("exp"),
            ("wrong factor", "wrong term")),
    Mistake("lost log", "the logarithm is missing", lost_function("log"),
            ("wrong factor", "wrong term")),
    Mistake("sign in the exponent", "e^x for e^{-x}", sign_in_exponent, ("sign",)),
    Mistake("inverse", "1/β for β, or β for 1/β", inverse,
            ("exponent", "size factor", "wrong factor", "wrong term", "missing factor", "extra factor")),
    Mistake("epsilon", "ε is missing, outside of the root, or in another place", epsilon),
    Mistake("index", "one index for another", index, most=3),
    Mistake("shift", "a subscript is one too large or too small", shift, most=2),
    Mistake("dropped sum", "a sum is missing, its letter stands for a free one", dropped_sum, ("diagonal only",)),
    Mistake("extra sum", "a sum over an index that is free", extra_sum, most=2),
    Mistake("merged sums", "a product of two sums as one sum of products", merged_sums,
            ("split sum",)),
    Mistake("split sum", "a sum of products as a product of two sums", split_sum,
            ("merged sums",), most=2),
    Mistake("diagonal only", "of a Jacobian only the diagonal", diagonal_only, ("dropped sum",)),
    Mistake("wrong axis", "the sum runs over another axis", wrong_axis,
            ("extra sum", "dropped sum", "transposed", "index"), most=2),
    Mistake("transposed", "W_{ji} for W_{ij}", transposed, ("index",)),
    Mistake("order", "an outer product the other way round", order, ("transposed", "index")),
    Mistake("kernel not flipped", "i + k - 1 for i - k + 1", not_flipped),
    Mistake("missing factor", "a factor, such as the upstream gradient, is missing", missing_factor,
            ("wrong factor", "wrong term"), most=2),
    Mistake("missing delta", "Kronecker's δ is missing", missing_delta, ("missing factor",)),
    Mistake("missing term", "a term of a sum is missing", missing_term,
            ("wrong term", "missing factor", "wrong factor"), most=3),
    Mistake("wrong derivative", "tanh's derivative for sigmoid's, and the like", wrong_derivative,
            ("missing factor", "extra factor", "wrong factor", "wrong term", "strict", "missing term")),
    Mistake("layer index", "another layer's name", layer_index, ("wrong name",)),
    Mistake("wrong name", "another name of the same shape", wrong_name, most=2),
    Mistake("strict", "strict for non-strict, at a kink or at the end of a range", strict,
            ("threshold", "m-1 for m", "shift")),
    Mistake("threshold", "1[x > 1/1000] for 1[x > 0]", threshold,
            ("strict", "extra term", "extra factor"), shows="seldom"),
    Mistake("tiny", "a relative error of 1e-6 to 1e-12", tiny,
            ("factor", "extra factor", "extra term"), most=2),
    Mistake("larger sizes", "right at sizes of 1 and 2, or to 3", larger_sizes,
            ("size factor", "extra factor", "extra term"), shows="seldom",
            most=2),
    Mistake("rare inputs", "right but for large, small, tied or negative inputs", rare_inputs,
            ("extra factor", "extra term", "threshold"), shows="seldom", most=2),
)}


WHY_EQUAL = {                          # mistakes that change nothing in some exercises, and why
    "index": "a partial of a node that is computed entry by entry is zero but for equal indices",
    "diagonal only": "... and so of a sum over it only this term is left",
    "dropped sum": "... the same, where the partial is worked out",
    "m-1 for m": "it stands before the sum of x - μ, which is zero",
    "missing term": "the term is zero, the sum of x - μ being a factor",
    "size factor": "it stands before a term that is zero",
    "inverse": "it stands before a term that is zero",
    "exponent": "it stands in a term that is zero where i is not j",
    "root": "... the same", "lost exp": "... the same", "sign in the exponent": "... the same",
    "merged sums": "... the same",
    "square": "a mask or a label of 0 and 1 is its own square",
    "kernel not flipped": "the entries of a window are counted from its other end",
    "missing factor": "the factor is 1: the loss is the sum of two nodes",
    "wrong name": "the two are equal: a bias and its pre-activation have one gradient; relu(x) > 0 where x > 0",
    "strict": "on a kink any value may be written",
}


# ---- what keeps the value --------------------------------------------------------------------------------------------

def expanded(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        if isinstance(site.node, Mul) and not _in_exp(site):
            for k, part in enumerate(site.node.factors):
                if isinstance(part, Add):
                    rest = without(site.node.factors, k)
                    yield site.put(add(*(mul(*rest, term) for term in part.terms)))


def renamed(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        if isinstance(site.node, Sum):
            new = letter(problem, claim.left, claim.right)
            body = reindex(site.node.body, {site.node.index: symbol(new)})
            yield site.put(Sum(new, site.node.low, site.node.high, body))


def backwards(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Sum(k, low, high, body) if low == FIRST and axis_of(problem, body, k) is not None:
                yield site.put(Sum(k, low, high, reindex(body, {k: high + 1 - symbol(k)})))


def split(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Sum(k, low, high, Add(terms)):
                yield site.put(add(*(Sum(k, low, high, term) for term in terms)))


def first_apart(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Sum(k, low, high, body) if low == FIRST and axis_of(problem, body, k) == high:
                yield site.put(add(reindex(body, {k: FIRST}), Sum(k, affine(2), high, body)))


def pushed_in(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        if isinstance(site.node, Mul):
            for k, part in enumerate(site.node.factors):
                if isinstance(part, Sum) and len(site.node.factors) > 1:
                    rest = mul(*without(site.node.factors, k))
                    new = letter(problem, claim.left, claim.right)
                    body = reindex(part.body, {part.index: symbol(new)})
                    yield site.put(Sum(new, part.low, part.high, mul(rest, body)))


def put_in(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        if isinstance(site.node, Entry) and not _in_condition(site):
            definition = problem.definition(site.node.tensor)
            if definition is not None:
                values = dict(zip(definition.indices, site.node.at, strict=True))
                yield site.put(_apart(problem, reindex(definition.value, values), claim))


def _apart(problem: Problem, node: Expr, claim: Claim) -> Expr:
    """The bound letters made other ones than those of the claim."""
    if isinstance(node, Sum | Largest):
        new = letter(problem, claim.left, claim.right, node)
        body = reindex(node.body, {node.index: symbol(new)})
        return type(node)(new, node.low, node.high, body)
    return rebuild(node, lambda part: _apart(problem, part, claim))  # type: ignore[no-any-return]


def zero_added(problem: Problem, claim: Claim) -> Made:
    for definition in problem.definitions:
        match definition.value:
            case Mul((Pow(Integer() as size, _), Sum(k, low, high, Entry() as summed))) | Mul(
                    (Sum(k, low, high, Entry() as summed), Pow(Integer() as size, _))):
                whole = root(problem, claim)
                if size.form == high and set(definition.indices) <= whole.scope.keys() | set():
                    new = letter(problem, claim.left, claim.right, definition.value)
                    off = subtract(reindex(summed, {k: symbol(new)}), definition.entry)
                    yield whole.put(add(claim.right, Sum(new, low, high, off)))
                    yield whole.put(add(claim.right, mul(number(Fraction(-2, 3)), Sum(new, low, high, off))))


def one_times(problem: Problem, claim: Claim) -> Made:
    whole = root(problem, claim)
    for name in problem.sizes[:1]:
        size = Integer(symbol(name))
        yield whole.put(mul(size, claim.right, power(size, -1)))


def powers_apart(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Pow(base, Number(e)) if e in (2, -2):
                yield site.put(Mul((power(base, e / 2), power(base, e / 2))))
            case Add((Number(c), Mul((Number(d), Pow(base, Number(e)))))) if (c, d, e) == (1, -1, 2):
                yield site.put(mul(subtract(ONE, base), add(ONE, base)))


def exponentials(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Apply("exp", (u,)):
                yield site.put(power(Apply("exp", (negate(u),)), -1))
                if isinstance(u, Add):
                    yield site.put(mul(*(Apply("exp", (term,)) for term in u.terms)))
            case Apply("sigmoid", (u,)):
                yield site.put(power(add(ONE, Apply("exp", (negate(u),))), -1))
                yield site.put(subtract(ONE, Apply("sigmoid", (negate(u),))))


def otherwise(problem: Problem, claim: Claim) -> Made:
    for site in sites(problem, claim):
        match site.node:
            case Indicator(Compare("<", left, right)):
                yield site.put(subtract(ONE, Indicator(Compare("<=", right, left))))
            case Indicator(And(parts)):
                yield site.put(mul(*map(Indicator, parts)))
            case Cases(((value, condition),), other) if other is not None:
                yield site.put(add(mul(value, Indicator(condition)),
                                   mul(other, subtract(ONE, Indicator(condition)))))


def there_and_back(problem: Problem, claim: Claim) -> Made:
    whole = root(problem, claim)
    entries = [part for part in walk(claim.right) if isinstance(part, Entry) and names_in(part) <= whole.scope.keys()
               and part.tensor != problem.loss]
    for entry in entries[:1]:
        yield whole.put(add(subtract(claim.right, power(entry, 2)), mul(entry, entry)))
        yield whole.put(subtract(mul(number(3), claim.right), mul(number(2), claim.right)))


def reordered(problem: Problem, claim: Claim) -> Made:
    def turned(node: Tree) -> Tree:
        found: Tree = rebuild(node, turned)
        match found:
            case Add(terms):
                return Add(terms[::-1])
            case Mul(parts):
                return Mul(parts[::-1])
            case _:
                return found
    yield turned(claim.right)  # type: ignore[misc]


EQUIVALENT: dict[str, Callable[[Problem, Claim], Made]] = {
    "reordered": reordered, "expanded": expanded, "a bound letter renamed": renamed, "summed from the end": backwards,
    "a sum split": split, "the first term apart": first_apart, "a factor pushed into a sum": pushed_in,
    "a definition put in": put_in, "zero added": zero_added, "m/m": one_times, "powers apart": powers_apart,
    "exponentials": exponentials, "conditions": otherwise, "there and back": there_and_back}


def equivalent(problem: Problem, claim: Claim) -> Made:
    """Every rewrite in turn, so that no one of them dominates."""
    open_ = [make(problem, claim) for make in EQUIVALENT.values()]
    while open_:
        for one in list(open_):
            found = next(one, None)
            if found is None:
                open_.remove(one)
            else:
                yield found


def is_line(problem: Problem, claim: Claim, right: Expr) -> bool:
    """Whether it is another formula, and says what its indices run over."""
    return right != claim.right and has_ranges(problem, claim.left, right) and terms_of(right) != ()
