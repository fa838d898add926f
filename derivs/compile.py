"""An expression compiled to closures over a frame and a world, to be run at many points.

The frame is a list: indices, sizes, arguments of functions. The world says what every entry is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from operator import itemgetter
from typing import Any, Final

from flint import fmpq

from derivs import kernels
from derivs.affine import Affine
from derivs.errors import IllFormed, OutOfBudget, OutOfDomain
from derivs.expr import (
    Add,
    And,
    Apply,
    Cases,
    Compare,
    CompareIndex,
    Condition,
    Delta,
    Derivative,
    Entry,
    Expectation,
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
    names_in,
    walk,
)
from derivs.kernels import ONE, ZERO, Dual, rational
from derivs.rules.functions import row
from derivs.rules.opaque import polynomial
from derivs.sources import Source, Sources
from derivs.worlds import At, Code, Formula, Frame, World

MASKED: Final = 12                                  # an expectation enumerates 2^MASKED masks at most

Test = Callable[[Frame, World], bool]
Form = Callable[[Frame], int]

_PRIMITIVES: Final[dict[str, Callable[..., Any]]] = {
    "exp": kernels.exp, "log": kernels.log, "erf": kernels.erf, "sin": kernels.sin, "cos": kernels.cos,
    "pi": kernels.pi}


def _primitive(name: str) -> Callable[..., Any]:
    """How a function without a meaning is computed; an opaque one as the polynomial that it is taken to be."""
    if name in _PRIMITIVES:
        return _PRIMITIVES[name]
    coefficients = tuple(map(rational, polynomial(name)))
    return lambda x: kernels.polynomial(coefficients, x)


Parts = Mapping[int, tuple[Expr, Formula]]          # by the identity of the expression


def compiled(sources: Sources, expr: Expr, parameters: tuple[str, ...] = (), parts: Parts | None = None) -> Formula:
    """The expression, ready to be run with a frame that begins with the parameters.

    parts: sums that are compiled already, and whose values are kept. Raises IllFormed for what has no meaning anywhere.
    """
    names = tuple(sorted(names_in(expr) - set(parameters)))
    scope = _Scope(sources, {name: slot for slot, name in enumerate((*parameters, *names))}, parts or {})
    code = scope.code(expr)
    return Formula(code, names, scope.width - len(parameters) - len(names))


class _Scope:
    """The compiler of one formula: in which slot of the frame each index, size and argument lies."""

    def __init__(self, sources: Sources, slots: dict[str, int], parts: Parts) -> None:
        self.sources = sources
        self.slots = slots
        self.parts = parts
        self.width = len(slots)
        self.arguments: dict[str, int] = {}
        self.bound: tuple[str, ...] = ()                    # the indices of the binders that we are in, outermost first

    def code(self, expr: Expr) -> Code:
        """The closure that computes it."""
        match expr:
            case Number(value):
                constant = rational(value)
                return lambda frame, world: constant
            case Integer(form):
                integer = self.form(form)
                return lambda frame, world: fmpq(integer(frame))
            case Entry():
                return self._entry(expr)
            case Add(terms):
                return _add([self.code(term) for term in terms])
            case Mul():
                return self._product(expr)
            case Pow(base, exponent):
                return self._power(base, exponent)
            case Apply():
                return self._apply(expr)
            case Sum() | Largest():
                return self._binder(expr)
            case Delta(left, right):
                difference = self.form(left - right)
                return lambda frame, world: ZERO if difference(frame) else ONE
            case Indicator(condition):
                test = self.test(condition)
                return lambda frame, world: ONE if test(frame, world) else ZERO
            case Cases():
                return self._cases(expr)
            case Expectation():
                return self._expectation(expr)
            case Derivative():
                return self._derivative(expr)

    def test(self, condition: Condition) -> Test:
        """The closure that decides it."""
        match condition:
            case Compare(op, left, right):
                return _compare(op, self.code(left), self.code(right))
            case CompareIndex(op, left, right):
                gap = self.form(left - right)
                if op == "<=":
                    return lambda frame, world: gap(frame) <= 0
                if op == "=":
                    return lambda frame, world: gap(frame) == 0
                return lambda frame, world: gap(frame) != 0
            case And(parts):
                tests = [self.test(part) for part in parts]
                return lambda frame, world: all(test(frame, world) for test in tests)
            case Or(parts):
                tests = [self.test(part) for part in parts]
                return lambda frame, world: any(test(frame, world) for test in tests)
            case Not(part):
                test = self.test(part)
                return lambda frame, world: not test(frame, world)

    def form(self, form: Affine) -> Form:
        """The closure that computes an integer form."""
        if form.is_constant:
            constant = form.constant
            return lambda frame: constant
        if form.bare is not None:
            return itemgetter(self.slots[form.bare])
        terms = [(c, [self.slots[name] for name in monomial]) for monomial, c in form.terms]

        def total(frame: Frame) -> int:
            result = 0
            for c, slots in terms:
                for slot in slots:
                    c *= frame[slot]
                result += c
            return result
        return total

    def _new_slot(self) -> int:
        self.width += 1
        return self.width - 1

    def _entry(self, entry: Entry) -> Code:
        if entry.tensor in self.arguments:
            slot = self.arguments[entry.tensor]
            return lambda frame, world: frame[slot]
        source, at = self._place(entry)

        def read(frame: Frame, world: World) -> Any:
            where = at(frame)
            row = world.known.get(source)           # the first lines of world.read, which most reads end with
            value = None if row is None else row.get(where)
            return world.read(source, where) if value is None else value
        return read

    def _place(self, entry: Entry) -> tuple[Source, Callable[[Frame], At]]:
        source = self.sources.of(entry.tensor)
        if len(entry.at) != len(source.tensor.shape):
            raise IllFormed(f"{entry.tensor} has {len(source.tensor.shape)} subscripts, here it has {len(entry.at)}",
                            mend=f"its shape is ({', '.join(map(str, source.tensor.shape))})")
        match [self.form(form) for form in entry.at]:
            case []:
                return source, lambda frame: ()
            case [i]:
                return source, lambda frame: (i(frame),)
            case [i, j]:
                return source, lambda frame: (i(frame), j(frame))
            case parts:
                return source, lambda frame: tuple([part(frame) for part in parts])

    def _product(self, expr: Mul) -> Code:
        """The product; factors that are 0 or 1 by a condition come first, and where one is 0 nothing else is read.

        Of these the ones on indices go before those on values: [i < n] [x_{i+1} > x_i] does not read x_{n+1}.
        """
        factors = sorted(_flat(expr), key=_reads_entries)
        guards = [self.code(factor) for factor in factors if _is_guard(factor)]
        rest = [self.code(factor) for factor in factors if not _is_guard(factor)]
        if not guards and len(rest) == 2:
            first, second = rest
            return lambda frame, world: first(frame, world) * second(frame, world)

        def times(frame: Frame, world: World) -> Any:
            result: Any = ONE
            for guard in guards:
                result = result * guard(frame, world)
                if not result:
                    return ZERO
            for factor in rest:
                result = factor(frame, world) if result is ONE else result * factor(frame, world)
            return result
        return times

    def _power(self, base: Expr, exponent: Expr) -> Code:
        x = self.code(base)
        if isinstance(exponent, Number):
            constant = rational(exponent.value)
            if constant == -1:
                return lambda frame, world: kernels.reciprocal(x(frame, world))
            if constant.q == 1:
                n = int(constant.p)
                return lambda frame, world: kernels.whole(x(frame, world), n)
            return lambda frame, world: kernels.root(x(frame, world), constant)
        e = self.code(exponent)
        if all(isinstance(part, Number | Integer | Add | Mul | Pow) for part in walk(exponent)):
            def rational_power(frame: Frame, world: World) -> Any:
                value = e(frame, world)
                return (kernels.root if type(value) is fmpq else kernels.power)(x(frame, world), value)
            return rational_power
        return lambda frame, world: kernels.power(x(frame, world), e(frame, world))

    def _apply(self, expr: Apply) -> Code:
        known = row(expr.function)
        if len(expr.arguments) != known.arity:
            raise IllFormed(f"{expr.function} takes {known.arity} arguments, here it has {len(expr.arguments)}")
        arguments = [self.code(argument) for argument in expr.arguments]
        if known.meaning is None:
            primitive = _primitive(known.name)
            if len(arguments) == 1:
                argument, = arguments
                return lambda frame, world: primitive(argument(frame, world))
            return lambda frame, world: primitive(*[argument(frame, world) for argument in arguments])
        slots = [self._new_slot() for _ in arguments]
        held = [Entry(f"#{slot}") for slot in slots]        # '#' is in nobody's name
        self.arguments.update((entry.tensor, slot) for entry, slot in zip(held, slots, strict=True))
        meaning = self.code(known.meaning(*held))
        on_kink = None
        if known.kink is not None:
            where, partials = known.kink(*held)
            if known.name in self.sources.problem.kinks:
                partials = (self.sources.problem.kinks[known.name], *partials[1:])
            on_kink = _Kink(self.code(where), [self.code(p) for p in partials], meaning, slots)

        def apply(frame: Frame, world: World) -> Any:
            values = [argument(frame, world) for argument in arguments]
            for slot, value in zip(slots, values, strict=True):
                frame[slot] = value
            before = world.place.ties
            result = meaning(frame, world)
            # Every meaning compares at its kink, so without a tie we are not on it.
            if world.place.ties != before and on_kink is not None and kernels.top_level(values):
                return on_kink.value(frame, world, values)
            return result
        return apply

    def _binder(self, expr: Sum | Largest) -> Code:
        if id(expr) in self.parts:
            return self._part(self.parts[id(expr)][1])
        low, high = self.form(expr.low), self.form(expr.high)
        slot = self._new_slot()
        outer, around = self.slots, self.bound
        self.slots, self.bound = {**outer, expr.index: slot}, (*around, expr.index)
        body = self.code(expr.body)
        self.slots, self.bound = outer, around
        code = _sum(slot, low, high, body) if isinstance(expr, Sum) else _largest(slot, low, high, body)
        return self._held(expr, code)

    def _part(self, formula: Formula) -> Code:
        """What is compiled already, run with a frame of its own."""
        slots, room = [self.slots[name] for name in formula.names], [None] * formula.room
        return lambda frame, world: world.value(formula, [*[frame[slot] for slot in slots], *room])

    def _held(self, expr: Expr, code: Code) -> Code:
        """The same; where it does not depend on all binders around it, computed once for each value of the others.

        Not what depends on the argument of a function, which is written into the frame.
        """
        if not self.bound:
            return code
        names = names_in(expr)
        if names.issuperset(self.bound) or any(isinstance(part, Entry) and part.tensor in self.arguments
                                               for part in walk(expr)):
            return code
        on = [self.slots[name] for name in dict.fromkeys(self.bound) if name in names]
        memo = self._new_slot()

        def held(frame: Frame, world: World) -> Any:
            table = frame[memo]
            if table is None or table[None] is not world:
                table = frame[memo] = {None: world}
            key = tuple([frame[slot] for slot in on])
            value = table.get(key)
            if value is None:
                value = table[key] = code(frame, world)
            return value
        return held

    def _cases(self, expr: Cases) -> Code:
        branches = [(self.test(condition), self.code(value)) for value, condition in expr.branches]
        otherwise = None if expr.otherwise is None else self.code(expr.otherwise)

        def choose(frame: Frame, world: World) -> Any:
            for test, value in branches:
                if test(frame, world):
                    return value(frame, world)
            if otherwise is None:
                raise OutOfDomain("no case applies")
            return otherwise(frame, world)
        return choose

    def _expectation(self, expr: Expectation) -> Code:
        source = self.sources.of(expr.tensor)
        mean, body = self.code(expr.mean), self.code(expr.body)

        def expected(frame: Frame, world: World) -> Any:
            chance = mean(frame, world)
            spots = world.place.spots(source)
            if len(spots) > MASKED:
                raise OutOfBudget(f"an expectation over {len(spots)} entries of {source.name}")
            world.place.spend(2 ** len(spots))
            total: Any = ZERO
            for mask in product((ZERO, ONE), repeat=len(spots)):
                hits = mask.count(ONE)
                weight = kernels.whole(chance, hits) * kernels.whole(ONE - chance, len(spots) - hits)
                if type(weight) is Dual or weight != ZERO:
                    total = total + weight * body(frame, world.with_mask(source, dict(zip(spots, mask, strict=True))))
            return total
        return expected

    def _derivative(self, expr: Derivative) -> Code:
        of, of_at = self._place(expr.of)
        by, by_at = self._place(expr.by)
        kind = expr.kind
        return lambda frame, world: world.derivative(of, of_at(frame), by, by_at(frame), kind)


@dataclass(frozen=True, slots=True, eq=False)
class _Kink:
    """A function where it has no derivative: the value is its meaning's, the partials are by convention."""

    where: Code                                     # zero on the kink
    partials: list[Code]
    meaning: Code
    slots: list[int]                                # where all of these find the arguments

    def value(self, frame: Frame, world: World, arguments: list[Any]) -> Any:
        level = kernels.top_level(arguments)
        for slot, argument in zip(self.slots, arguments, strict=True):
            frame[slot] = argument
        if not level or kernels.sign(self.where(frame, world)):
            return self.meaning(frame, world)
        plain = [kernels.without(level, argument) for argument in arguments]
        value = self.value(frame, world, plain)     # leaves the plain arguments, or plainer ones, in the frame
        for slot, argument in zip(self.slots, plain, strict=True):
            frame[slot] = argument
        tangent: Any = ZERO
        for partial, argument in zip(self.partials, arguments, strict=True):
            slope = kernels.without(level, partial(frame, world))        # f'(0) = a, and a may be varied too
            tangent = tangent + slope * kernels.tangent_at(level, argument)
        return Dual(level, value, tangent)


def _flat(expr: Expr) -> list[Expr]:
    return [part for factor in expr.factors for part in _flat(factor)] if isinstance(expr, Mul) else [expr]


def _is_guard(expr: Expr) -> bool:
    """An indicator, a delta, or arithmetic on them such as 1 - delta: where it is 0, the other factors are not read."""
    match expr:
        case Indicator() | Delta():
            return True
        case Add(parts) | Mul(parts):
            return all(isinstance(p, Number) or _is_guard(p) for p in parts) and any(map(_is_guard, parts))
        case _:
            return False


def _reads_entries(expr: Expr) -> bool:
    return _is_guard(expr) and any(isinstance(node, Entry) for node in walk(expr))


def _add(terms: list[Code]) -> Code:
    if len(terms) == 2:
        first, second = terms
        return lambda frame, world: first(frame, world) + second(frame, world)

    def plus(frame: Frame, world: World) -> Any:
        result: Any = ZERO
        for term in terms:
            result = result + term(frame, world)
        return result
    return plus


def _sum(slot: int, low: Form, high: Form, body: Code) -> Code:
    def total(frame: Frame, world: World) -> Any:
        first, last = low(frame), high(frame)
        world.place.spend(last - first + 1)
        result: Any = ZERO
        for k in range(first, last + 1):
            frame[slot] = k
            result = result + body(frame, world)
        return result
    return total


def _largest(slot: int, low: Form, high: Form, body: Code) -> Code:
    """The maximum; at a tie the first winner, with its tangent, as JAX's reduce_window does."""
    def largest(frame: Frame, world: World) -> Any:
        first, last = low(frame), high(frame)
        if first > last:
            raise OutOfDomain("the maximum over an empty range")
        world.place.spend(last - first + 1)
        frame[slot] = first
        best, tied = body(frame, world), False
        for k in range(first + 1, last + 1):
            frame[slot] = k
            rival = body(frame, world)
            order = kernels.less(best, rival)
            if order < 0:
                best, tied = rival, False
            elif order == 0:
                tied = True
        world.place.ties += tied
        return best
    return largest


def _compare(op: str, left: Code, right: Code) -> Test:
    def order(frame: Frame, world: World) -> int:
        result = kernels.less(left(frame, world), right(frame, world))
        if result == 0:
            world.place.ties += 1
        return result
    if op == "<":
        return lambda frame, world: order(frame, world) < 0
    if op == "<=":
        return lambda frame, world: order(frame, world) <= 0
    if op == "=":
        return lambda frame, world: order(frame, world) == 0
    return lambda frame, world: order(frame, world) != 0
