"""The exact value of an expression, as written, at a point: the truth that everything else is measured against.

Nodes are computed from their forward definitions, and derivatives by dual numbers on these, so no rule for a derivative
is trusted here but the convention on a kink. An expression is compiled once to closures over a frame (a list: indices,
sizes, arguments of functions) and a world (what every entry is worth), then run at many points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from operator import itemgetter
from typing import Any, Final, Literal

from flint import ctx, fmpq

from derivs import kernels
from derivs.affine import Affine
from derivs.errors import IllFormed, OutOfBudget, OutOfDomain, Unsupported, nearest
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
    tensors_in,
    walk,
)
from derivs.kernels import FIRST_BITS, LAST_BITS, ONE, ZERO, Dual, Imprecise, Undecided, Value, rational
from derivs.problem import Definition, Problem, Tensor, bar
from derivs.rules.functions import FUNCTIONS
from derivs.verdict import Point

BUDGET: Final = 200_000                             # steps: an entry computed, a term of a sum, a mask
MASKED: Final = 12                                  # an expectation enumerates 2^MASKED masks at most

At = tuple[int, ...]
Frame = list[Any]
Code = Callable[[Frame, "_World"], Any]
Test = Callable[[Frame, "_World"], bool]
Form = Callable[[Frame], int]
Kind = Literal["total", "local"]

_PRIMITIVES: Final[dict[str, Callable[..., Any]]] = {
    "exp": kernels.exp, "log": kernels.log, "erf": kernels.erf, "pi": kernels.pi}


def evaluate(problem: Problem, expr: Expr, point: Point, *, budget: int = BUDGET) -> Value:
    """The value of expr at the point. Raises OutOfDomain, IllFormed, Unsupported, Undecided, OutOfBudget."""
    evaluator = Evaluator(problem)
    return evaluator.at(point, budget=budget).value(evaluator.compile(expr))


# ---------------------------------------------------------------------------------------------------- what is compiled


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """A compiled expression. A frame holds its parameters, then the other free names, then room for its binders."""

    code: Code
    parameters: tuple[str, ...]
    names: tuple[str, ...]
    room: int


@dataclass(slots=True, eq=False)
class _Source:
    """Where the entries of a tensor come from: the point, a definition, or the derivative of the loss."""

    name: str
    tensor: Tensor
    upstream: frozenset[str]                        # the tensors on which it depends, and itself
    definition: Definition | None
    gradient_by: str | None                         # x, where this is bar(x) and nobody gives it
    formula: Formula | None = None                  # the definition, compiled when it is first needed


class Evaluator:
    """The definitions of a problem, compiled as they are needed."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.abstract = problem.definition(problem.loss) is None
        self._definitions = {d.tensor: d for d in problem.definitions}
        self._sources: dict[str, _Source] = {}

    def compile(self, expr: Expr) -> Formula:
        """The expression, ready to be evaluated at many points. Raises IllFormed for what has no meaning anywhere."""
        return self._formula(expr, ())

    def given(self, *exprs: Expr) -> tuple[Tensor, ...]:
        """The tensors that a point must give for the expressions to have a value, in order of their names."""
        sources = {name for expr in exprs for read in tensors_in(expr) for name in self.source(read).upstream}
        return tuple(source.tensor for source in map(self.source, sorted(sources))
                     if source.definition is None and source.gradient_by is None and not self.is_abstract_loss(source))

    def at(self, point: Point, *, budget: int = BUDGET) -> Place:
        """The problem at that point."""
        return Place(self, point, budget)

    def formula_of(self, source: _Source) -> Formula:
        """The definition of a node."""
        if source.formula is None:
            assert source.definition is not None
            source.formula = self._formula(source.definition.value, source.definition.indices)
        return source.formula

    def source(self, name: str) -> _Source:
        """Where a tensor's entries come from."""
        if name not in self._sources:
            self._sources[name] = self._new_source(name)
        return self._sources[name]

    def is_abstract_loss(self, source: _Source) -> bool:
        """Whether it is the letter E of which only the cotangents are given."""
        return self.abstract and source.name == self.problem.loss

    def _formula(self, expr: Expr, parameters: tuple[str, ...]) -> Formula:
        names = tuple(sorted(names_in(expr) - set(parameters)))
        scope = _Scope(self, {name: slot for slot, name in enumerate((*parameters, *names))})
        code = scope.code(expr)
        return Formula(code, parameters, names, scope.width - len(parameters) - len(names))

    def _new_source(self, name: str) -> _Source:
        of = self._cotangent_of(name)
        tensor = self.problem.tensors.get(name)
        if tensor is None and of is not None:
            like = self.problem.tensors[of]
            tensor = Tensor(name, like.shape, "cotangent", zero_outside=like.zero_outside)
        if tensor is None and name == self.problem.loss:
            tensor = Tensor(name, (), "loss")
        if tensor is None:
            raise IllFormed(f"{name} is not declared", mend=nearest(name, self.problem.tensors))
        given = self.abstract and of in self.problem.outputs
        upstream, new = {name}, [name]
        while new:
            new = [d for d in self._reads(new.pop()) if d not in upstream] + new
            upstream.update(new)
        return _Source(name, tensor, frozenset(upstream), self._definitions.get(name), None if given else of)

    def _cotangent_of(self, name: str) -> str | None:
        """x for bar(x), unless that is the name of something else."""
        of = name.removesuffix(bar(""))
        known = self.problem.tensors.get(name)
        is_other = name in self._definitions or (known is not None and known.role != "cotangent")
        return of if of != name and not is_other and of in self.problem.tensors else None

    def _reads(self, name: str) -> frozenset[str]:
        """The tensors that stand in the definition of a tensor."""
        if name in self._definitions:
            return tensors_in(self._definitions[name].value)
        if name == self.problem.loss:
            return frozenset(self.problem.outputs) | {bar(y) for y in self.problem.outputs}
        of = self._cotangent_of(name)
        if of is None or (self.abstract and of in self.problem.outputs):
            return frozenset()
        return frozenset({of, self.problem.loss})


# --------------------------------------------------------------------------------------------------------- compilation


class _Scope:
    """The compiler of one formula: in which slot of the frame each index, size and argument lies."""

    def __init__(self, evaluator: Evaluator, slots: dict[str, int]) -> None:
        self.evaluator = evaluator
        self.slots = slots
        self.width = len(slots)
        self.arguments: dict[str, int] = {}

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
        return lambda frame, world: world.read(source, at(frame))

    def _place(self, entry: Entry) -> tuple[_Source, Callable[[Frame], At]]:
        source = self.evaluator.source(entry.tensor)
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
        """The product; factors that are 0 or 1 by a condition come first, and where one is 0 nothing else is read."""
        factors = _flat(expr)
        guards = [self.code(factor) for factor in factors if _is_guard(factor)]
        rest = [self.code(factor) for factor in factors if not _is_guard(factor)]
        if not guards and len(rest) == 2:
            first, second = rest
            return lambda frame, world: first(frame, world) * second(frame, world)

        def times(frame: Frame, world: _World) -> Any:
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
            def rational_power(frame: Frame, world: _World) -> Any:
                value = e(frame, world)
                return (kernels.root if type(value) is fmpq else kernels.power)(x(frame, world), value)
            return rational_power
        return lambda frame, world: kernels.power(x(frame, world), e(frame, world))

    def _apply(self, expr: Apply) -> Code:
        row = FUNCTIONS.get(expr.function)
        if row is None:
            raise IllFormed(f"{expr.function} is not a known function", mend=nearest(expr.function, FUNCTIONS))
        if len(expr.arguments) != row.arity:
            raise IllFormed(f"{expr.function} takes {row.arity} arguments, here it has {len(expr.arguments)}")
        arguments = [self.code(argument) for argument in expr.arguments]
        if row.meaning is None:
            primitive = _PRIMITIVES[row.name]
            if len(arguments) == 1:
                argument, = arguments
                return lambda frame, world: primitive(argument(frame, world))
            return lambda frame, world: primitive(*[argument(frame, world) for argument in arguments])
        slots = [self._new_slot() for _ in arguments]
        held = [Entry(f"#{slot}") for slot in slots]        # '#' is in nobody's name
        self.arguments.update((entry.tensor, slot) for entry, slot in zip(held, slots, strict=True))
        meaning = self.code(row.meaning(*held))
        on_kink = None
        if row.kink is not None:
            where, partials = row.kink(*held)
            if row.name in self.evaluator.problem.kinks:
                partials = (self.evaluator.problem.kinks[row.name], *partials[1:])
            on_kink = _Kink(self.code(where), [self.code(p) for p in partials], meaning, slots)

        def apply(frame: Frame, world: _World) -> Any:
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
        low, high = self.form(expr.low), self.form(expr.high)
        slot = self._new_slot()
        outer = self.slots
        self.slots = {**outer, expr.index: slot}
        body = self.code(expr.body)
        self.slots = outer
        return _sum(slot, low, high, body) if isinstance(expr, Sum) else _largest(slot, low, high, body)

    def _cases(self, expr: Cases) -> Code:
        branches = [(self.test(condition), self.code(value)) for value, condition in expr.branches]
        otherwise = None if expr.otherwise is None else self.code(expr.otherwise)

        def choose(frame: Frame, world: _World) -> Any:
            for test, value in branches:
                if test(frame, world):
                    return value(frame, world)
            if otherwise is None:
                raise OutOfDomain("no case applies")
            return otherwise(frame, world)
        return choose

    def _expectation(self, expr: Expectation) -> Code:
        source = self.evaluator.source(expr.tensor)
        mean, body = self.code(expr.mean), self.code(expr.body)

        def expected(frame: Frame, world: _World) -> Any:
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

    def value(self, frame: Frame, world: _World, arguments: list[Any]) -> Any:
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
            tangent = tangent + partial(frame, world) * kernels.tangent_at(level, argument)
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


def _add(terms: list[Code]) -> Code:
    if len(terms) == 2:
        first, second = terms
        return lambda frame, world: first(frame, world) + second(frame, world)

    def plus(frame: Frame, world: _World) -> Any:
        result: Any = ZERO
        for term in terms:
            result = result + term(frame, world)
        return result
    return plus


def _sum(slot: int, low: Form, high: Form, body: Code) -> Code:
    def total(frame: Frame, world: _World) -> Any:
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
    def largest(frame: Frame, world: _World) -> Any:
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
    def order(frame: Frame, world: _World) -> int:
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


# -------------------------------------------------------------------------------------------------------------- running


class Place:
    """The problem at a point: what has been computed there is kept."""

    def __init__(self, evaluator: Evaluator, point: Point, budget: int) -> None:
        self.evaluator, self.point, self.budget = evaluator, point, budget
        self.bits = FIRST_BITS
        self.steps = 0
        self.ties = 0                               # comparisons of equal numbers, so far
        self._shapes: dict[str, At] = {}
        self._tails: dict[str, Frame] = {}
        self._world = _World(self)

    @property
    def tied(self) -> bool:
        """Whether any comparison here was an exact tie, so far."""
        return self.ties > 0

    def value(self, formula: Formula, integers: Mapping[str, int] | None = None) -> Value:
        """The value of a formula, its free indices from `integers` or from the point. Raises what `evaluate` raises.

        Exact where everything it needed was rational, otherwise a ball of the precision that its comparisons needed.
        """
        known = self.point.integers if integers is None else {**self.point.integers, **integers}
        frame = self._frame(formula, known)
        self.steps = 0
        precision = ctx.prec
        try:
            while True:
                ctx.prec = self.bits
                try:
                    value: Value = formula.code(frame, self._world)
                    return value
                except Imprecise:
                    if not self.sharpen():
                        raise Undecided(f"a comparison is not decided with {self.bits} bits") from None
        except RecursionError:
            raise OutOfBudget("the expression is nested too deeply") from None
        finally:
            ctx.prec = precision

    def sharpen(self) -> bool:
        """Twice the precision, from now on; False at the end of it."""
        if self.bits >= LAST_BITS:
            return False
        self.bits *= 2
        self._world = _World(self)
        return True

    def spend(self, steps: int) -> None:
        """Count steps. Raises OutOfBudget."""
        if steps > 0:
            self.steps += steps
            if self.steps > self.budget:
                raise OutOfBudget(f"more than {self.budget} steps at one point")

    def shape(self, source: _Source) -> At:
        """The sizes of a tensor."""
        found = self._shapes.get(source.name)
        if found is None:
            try:
                found = tuple(form.at(self.point.integers) for form in source.tensor.shape)
            except KeyError as missing:
                raise IllFormed(f"the point gives no value for {missing.args[0]}") from None
            self._shapes[source.name] = found
        return found

    def spots(self, source: _Source) -> list[At]:
        """Where a tensor has entries, in reading order."""
        return list(product(*(range(1, size + 1) for size in self.shape(source))))

    def frame_of(self, formula: Formula, source: _Source, at: At) -> Frame:
        """A frame for the definition of a node, its indices at `at`."""
        tail = self._tails.get(source.name)
        if tail is None:
            tail = self._tails[source.name] = self._frame(formula, self.point.integers)
        return [*at, *tail]

    def has(self, source: _Source, at: At) -> bool:
        """Whether there is such an entry; False where it is 0 by declaration, IllFormed where it means nothing."""
        for k, (subscript, size) in enumerate(zip(at, self.shape(source), strict=True)):
            if not 1 <= subscript <= size:
                if source.tensor.zero_outside:
                    return False
                where = f"{source.name}[{','.join(map(str, at))}]"
                ordinal = "" if len(at) == 1 else f" {k + 1}"
                raise IllFormed(f"{where} is out of range: subscript{ordinal} is {subscript}, it runs over 1..{size}",
                                mend=f"keep it in 1..{source.tensor.shape[k]}, or declare {source.name} zero outside")
        return True

    def given(self, source: _Source, at: At) -> fmpq:
        """An entry of an input."""
        value = self.point.entries.get((source.name, at))
        if value is None:
            raise IllFormed(f"the point gives no value for {source.name}[{','.join(map(str, at))}]")
        return rational(value)

    def _frame(self, formula: Formula, known: Mapping[str, int]) -> Frame:
        try:
            return [*(known[name] for name in formula.names), *(None for _ in range(formula.room))]
        except KeyError as missing:
            raise IllFormed(f"the point gives no value for {missing.args[0]}") from None


class _World:
    """What every entry is worth: as at the place, but for some entries that are set, and for all that follows.

    local: only the entries that are set differ, and nothing follows.
    """

    __slots__ = ("changed", "inner", "level", "local", "memo", "parent", "place", "under_local", "values")

    def __init__(self, place: Place, parent: _World | None = None, source: _Source | None = None,
                 values: Mapping[At, Any] | None = None, *, level: int = 0, local: bool = False) -> None:
        self.place, self.parent, self.level, self.local = place, parent, level, local
        self.values = {} if source is None or values is None else {(source.name, at): v for at, v in values.items()}
        self.changed = frozenset({source.name}) if source else frozenset()
        self.under_local: bool = parent is not None and (parent.local or parent.under_local)
        self.memo: dict[Any, Any] = {}
        self.inner: dict[Any, _World] = {}

    def read(self, source: _Source, at: At) -> Any:
        """The value of an entry."""
        key = (source.name, at)
        value = self.memo.get(key)
        if value is None:
            value = self._compute(source, at) if self.place.has(source, at) else ZERO
            self.memo[key] = value = kernels.shortened(value)
        return value

    def own(self, source: _Source, at: At) -> Any:
        """The value of an entry by its own definition in this world, even where it is local."""
        value = self.values.get((source.name, at))
        if value is None:
            value = self._by_definition(source, at)
        return value

    def with_mask(self, source: _Source, mask: Mapping[At, fmpq]) -> _World:
        """The world in which a tensor has these entries."""
        return _World(self.place, self, source, mask, level=self.level)

    def derivative(self, of: _Source, of_at: At, by: _Source, by_at: At, kind: Kind) -> Any:
        """d of / d by, by a dual number in place of `by`, whatever defines it."""
        key = (of.name, of_at, by.name, by_at, kind)
        value = self.memo.get(key)
        if value is None:
            known = self.place.has(of, of_at) and self.place.has(by, by_at)
            self.memo[key] = value = self._differentiate(of, of_at, by, by_at, kind) if known else ZERO
        return value

    def _compute(self, source: _Source, at: At) -> Any:
        value = self.values.get((source.name, at))
        if value is not None:
            return value
        if self.parent is not None and (self.local or source.upstream.isdisjoint(self.changed)):
            return self.parent.read(source, at)
        if self.under_local:
            raise Unsupported("an expectation or a derivative inside a local derivative, through a node",
                              mend="write the total derivative, or write the node out")
        return self._by_definition(source, at)

    def _by_definition(self, source: _Source, at: At) -> Any:
        place = self.place
        if source.definition is not None:
            place.spend(1)
            formula = place.evaluator.formula_of(source)
            return formula.code(place.frame_of(formula, source, at), self)
        if source.gradient_by is not None:
            evaluator = place.evaluator
            return self.derivative(evaluator.source(evaluator.problem.loss), (), evaluator.source(source.gradient_by),
                                   at, "total")
        if place.evaluator.is_abstract_loss(source):
            raise Unsupported(f"{source.name} is known only by its derivatives: it has no value")
        return place.given(source, at)

    def _differentiate(self, of: _Source, of_at: At, by: _Source, by_at: At, kind: Kind) -> Any:
        abstract = self.place.evaluator.is_abstract_loss
        if abstract(by):
            return ONE if abstract(of) else ZERO
        key = (by.name, by_at, kind)
        inner = self.inner.get(key)
        if inner is None:
            level = self.level + 1
            seed = Dual(level, self.read(by, by_at), ONE)
            inner = _World(self.place, self, by, {by_at: seed}, level=level, local=kind == "local")
            self.inner[key] = inner
        if abstract(of):
            return self._of_loss(inner)
        result = inner.own(of, of_at) if kind == "local" else inner.read(of, of_at)
        return kernels.tangent_at(inner.level, result)

    def _of_loss(self, inner: _World) -> Any:
        """sum over the entries of the outputs of bar(y)[i] * dy_i."""
        if self.level:
            raise Unsupported("a second derivative of a loss of which only the cotangents are given")
        evaluator = self.place.evaluator
        total: Any = ZERO
        for name in evaluator.problem.outputs:
            output, cotangent = evaluator.source(name), evaluator.source(bar(name))
            for at in self.place.spots(output):
                tangent = kernels.tangent_at(inner.level, inner.read(output, at))
                if type(tangent) is not fmpq or tangent:
                    total = total + self.read(cotangent, at) * tangent
        return total
