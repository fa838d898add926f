"""Whether a form is zero: multiply up by negative and fractional powers of bases, outermost first, also inside sums.

Sound: every step multiplies by what is not zero where both sides are defined. Complete for polynomials in full-range
sums (distinct connected sums are independent for large sizes; cf. Lovász (1967) on counting homomorphisms); with logs
and nested radicals it may fail to see a zero, and then the answer is False: "not shown", never "not zero".
"""

from __future__ import annotations

from fractions import Fraction

from derivs.affine import Affine, symbol
from derivs.normal.algebra import power
from derivs.normal.atoms import INDICATORS, Atom, Form, Frozen, Kind, Monomial, Rational, monomial_of, parts
from derivs.normal.context import Context
from derivs.normal.indicators import guard
from derivs.normal.opening import open_sum
from derivs.normal.ring import ONE, accumulate, add, from_affine, mul, natural_power, product_of
from derivs.normal.signs import guards_of, sign_of_atom
from derivs.normal.sums import close, settle, substitute

DEPTH = 40


def is_zero(context: Context, form: Form, depth: int = DEPTH) -> bool:
    """Whether the form is zero wherever it is defined. False means "not shown"."""
    form = settle(context, form)
    if not form:
        return True
    if not depth or _one_term_that_cannot_vanish(form):
        return False
    context.budget.spend(len(form))
    base = _outermost_base(form)
    if base is not None:
        return all(is_zero(context, part, depth - 1) for part in _parts(context, form, base))
    aligned = _aligned_inside_sums(context, form)
    if aligned is not None:
        return is_zero(context, aligned, depth - 1)
    unified = _unified(context, form, depth)
    return unified is not None and is_zero(context, unified, depth - 1)


def _one_term_that_cannot_vanish(form: Form) -> bool:
    return len(form) == 1 and all(a.kind <= Kind.EXP for m in form for a, _ in m)


def _holds(a: Atom, b: Atom) -> bool:
    """Whether b stands inside a."""
    return any(inner is b or _holds(inner, b) for monomial in parts(a) for inner, _ in monomial)


def _outermost_base(form: Form) -> Atom | None:
    """A base at the top of the form that stands inside no other one there."""
    bases = sorted({a for m in form for a, _ in m if a.kind is Kind.BASE}, key=lambda a: -a.id)
    return next((a for a in bases if not any(_holds(b, a) for b in bases if b is not a)), None)


def _parts(context: Context, form: Form, base: Atom) -> list[Form]:
    """Forms that are all zero only if the form is: multiplied up by the base, but not where an indicator makes it 0.

    cases(u > 0: u/u, else 0) + [u = 0] is not [u > 0], though u times their difference is zero everywhere.
    """
    if sign_of_atom(context, base)[1]:
        return _multiplied_up(form, base)
    away: Form = {}
    at_zero: dict[Monomial, Form] = {}
    for monomial, c in form.items():
        where = tuple(p for p in monomial if p[0].kind in INDICATORS)
        if where and not settle(context, mul({where: 1}, base.args[0].terms)):
            at_zero.setdefault(where, {})[tuple(p for p in monomial if p[0].kind not in INDICATORS)] = c
        else:
            away[monomial] = c
    result = _multiplied_up(away, base)
    for where, there in at_zero.items():
        under, beside = ({m: c for m, c in there.items() if (base in dict(m)) is held} for held in (True, False))
        above = {m: c for m, c in away.items() if base in dict(m)}
        if not under:
            result.append(mul({where: 1}, beside))
        elif len(at_zero) == 1 and not add(above, under):
            # What stands over the base is dead there: the rest has to agree.
            rest = add(beside, {m: c for m, c in away.items() if m not in above})
            result.append(mul({where: 1}, rest))
        else:
            result.append(there)
    return result


def _multiplied_up(form: Form, base: Atom) -> list[Form]:
    """The parts of the form by exponent of the base modulo 1, each without the base.

    Different fractional powers of one base are independent, unless the base is a square; then nothing is shown.
    """
    groups: dict[Rational, dict[Monomial, tuple[Rational, Rational]]] = {}
    for monomial, c in form.items():
        e = dict(monomial).get(base, 0)
        rest = tuple(p for p in monomial if p[0] is not base)
        groups.setdefault(Fraction(e) % 1, {})[monomial] = (e, c)
        del rest
    result = []
    for members in groups.values():
        least = min(e for e, _ in members.values())
        total: Form = {}
        for monomial, (e, c) in members.items():
            rest = tuple(p for p in monomial if p[0] is not base)
            accumulate(total, mul({rest: c}, natural_power(base.args[0].terms, int(e - least))))
        result.append(total)
    return result


# ---- inside sums

Pattern = tuple[Frozen, Affine, Affine]         # a base in the index "*", and the range of the index


def _aligned_inside_sums(context: Context, form: Form) -> Form | None:
    """The form with each base of one bound index brought to one exponent at every index of its range.

    So sum_i s_i + sum_i (1 - s_i) - m becomes one sum; an index-less term is first multiplied by (1/m) sum_k 1.
    None when there is no such base.
    """
    least: dict[Pattern, dict[Rational, Rational]] = {}
    for monomial in form:
        for a, _ in monomial:
            if a.kind is Kind.SUM:
                for pattern, e in _patterns(context, a):
                    classes = least.setdefault(pattern, {})
                    classes[Fraction(e) % 1] = min(classes.get(Fraction(e) % 1, 0 if e % 1 == 0 else e), e)
    for pattern, classes in least.items():
        total: Form = {}
        for monomial, c in form.items():
            accumulate(total, _aligned_term(context, monomial, pattern, classes), c)
        total = settle(context, total)
        if total != form:
            return total
    return None


def _patterns(context: Context, a: Atom) -> list[tuple[Pattern, Rational]]:
    """The bases of one bound name in the body of a sum, with their exponents."""
    names, body = open_sum(context, a, frozenset())
    found = []
    for b, e in body:
        if b.kind is Kind.BASE and len(b.free & names) == 1:
            name, = b.free & names
            ends = _range(context, body, name, names)
            if ends is not None:
                found.append(((_in_star(context, b.args[0], name), *ends), e))
    return found


def _in_star(context: Context, base: Frozen, name: str) -> Frozen:
    return Frozen(substitute(context, base.terms, {name: symbol("*")}))


def _range(context: Context, body: Monomial, name: str, names: frozenset[str]) -> tuple[Affine, Affine] | None:
    """The bounds of a bound name, if it has just one of each and they hold no other bound name."""
    guards = {g for g in guards_of(context, body) if name in g.names}
    if any(len(g.names & names) > 1 or g.coefficient(name) not in (1, -1) for g in guards):
        return None
    lows = {g.solve(name) for g in guards if g.coefficient(name) == 1}
    highs = {g.solve(name) for g in guards if g.coefficient(name) == -1}
    if len(lows) != 1 or len(highs) != 1:
        return None
    low, high = lows.pop(), highs.pop()
    return (low, high) if low is not None and high is not None else None


def _aligned_term(context: Context, monomial: Monomial, pattern: Pattern, classes: dict[Rational, Rational]) -> Form:
    base, low, high = pattern
    result: Form = ONE
    seen = False
    for a, e in monomial:
        if a.kind is Kind.SUM and e > 0 and Fraction(e).denominator == 1:
            new, touched = _aligned_sum(context, a, pattern, classes)
            seen = seen or touched
            for _ in range(int(e)):
                result = mul(result, new)
        else:
            result = mul(result, {((a, e),): 1})
    if not seen and classes.get(0) and context.implies(high - low):
        # 1 = (1/m) sum_k b^-e b^e
        count = power(context, from_affine(high - low + 1), -1)
        k = symbol("~0")
        at = substitute(context, base.terms, {"*": k})
        e = -classes[0]
        body = mul(product_of({Atom(Kind.BASE, Frozen(at)): -e}), natural_power(at, int(e)))
        ones = close(context, frozenset({"~0"}), mul(body, mul(guard(k - low), guard(high - k))))
        result = mul(result, mul(count, ones))
    return result


def _aligned_sum(context: Context, a: Atom, pattern: Pattern, classes: dict[Rational, Rational]) -> tuple[Form, bool]:
    base, low, high = pattern
    names, body = open_sum(context, a, frozenset())
    form: Form = {body: 1}
    touched = False
    for name in sorted(names):
        if _range(context, body, name, names) != (low, high):
            continue
        touched = True
        at = Atom(Kind.BASE, Frozen(substitute(context, base.terms, {"*": symbol(name)})))
        e = dict(body).get(at, 0)
        least = classes.get(Fraction(e) % 1)
        if least is not None and e != least:
            lowered = {monomial_of((dict(m) | {at: least}).items()): c for m, c in form.items()}
            form = mul(lowered, natural_power(at.args[0].terms, int(e - least)))
    return close(context, names, form), touched


# ---- atoms with equal arguments

def _unified(context: Context, form: Form, depth: int) -> Form | None:
    """The form with two atoms made one whose arguments are provably equal; None when there are none."""
    candidates = sorted({a for m in form for a, _ in m if a.kind in (Kind.APPLY, Kind.POSITIVE, Kind.TIE)},
                        key=lambda a: a.id)
    for k, a in enumerate(candidates):
        for b in candidates[k + 1:]:
            if a.kind is b.kind and _same(context, a, b, depth):
                return _merged(form, a, b)
    exponents = sorted({tuple((a, e) for a, e in m if a.kind is Kind.EXP) for m in form}, key=len)
    for k, one in enumerate(exponents):
        for other in exponents[k + 1:]:
            if _same_exponent(context, one, other, min(depth - 1, 4)):
                total: Form = {}
                for m, c in form.items():
                    mine = tuple((a, e) for a, e in m if a.kind is Kind.EXP)
                    rest = tuple((a, e) for a, e in m if a.kind is not Kind.EXP)
                    accumulate(total, {monomial_of(rest + (one if mine == other else mine)): c})
                return total
    return None


def _same(context: Context, a: Atom, b: Atom, depth: int) -> bool:
    ones, others = (x.args[1] if x.kind is Kind.APPLY else (x.args[0],) for x in (a, b))
    return (a.kind is not Kind.APPLY or a.args[0] == b.args[0]) and len(ones) == len(others) and all(
        is_zero(context, add(one.terms, other.terms, -1), min(depth - 1, 4))
        for one, other in zip(ones, others, strict=True))


def _same_exponent(context: Context, one: Monomial, other: Monomial, depth: int) -> bool:
    """Whether e^a e^b is e^c e^d; asked again and again, since every part of a form holds the same exponentials."""
    key = ("exponent", one, other, depth)
    found: bool | None = context.memo.get(key)
    if found is None:
        found = context.memo[key] = is_zero(context, add(_exponent(one), _exponent(other), -1), depth)
    return found


def _exponent(powers: Monomial) -> Form:
    total: Form = {}
    for a, e in powers:
        accumulate(total, {a.args[0]: e})
    return total


def _merged(form: Form, kept: Atom, gone: Atom) -> Form:
    """The form with one atom written for the other."""
    total: Form = {}
    for m, c in form.items():
        powers: dict[Atom, Rational] = {}
        for a, e in m:
            a = kept if a is gone else a
            powers[a] = powers.get(a, 0) + e
        accumulate(total, product_of(powers), c)
    return total


# ---- ties

def without_ties(form: Form) -> tuple[Form, tuple[Frozen, ...]]:
    """The form without the terms that are zero off a kink, and the kinks: what is zero on each."""
    kept: Form = {}
    kinks: dict[Frozen, None] = {}
    for monomial, c in form.items():
        ties = list(_ties(monomial))
        if ties:
            kinks.update(dict.fromkeys(ties[:1]))
        else:
            kept[monomial] = c
    return kept, tuple(kinks)


def _ties(monomial: Monomial) -> list[Frozen]:
    found = []
    for a, e in monomial:
        if a.kind is Kind.TIE:
            found.append(a.args[0])
        elif a.kind is Kind.SUM and e > 0:
            found += _ties(a.args[1])
    return found
