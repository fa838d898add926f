"""Which formula of a gradient becomes code: the textbook form or a step of reverse mode, if it is as accurate.

Both are equal for every size. They are not equal in floating point: `1 - h²/o` loses what `1 - tanh²(c)` keeps. So a
textbook form is taken only where running error analysis (`derivs.arrays`) does not speak against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from derivs.affine import symbol
from derivs.compact import Book, stages
from derivs.derive import Graph
from derivs.errors import DerivsError, Unsupported
from derivs.export.stable import stable
from derivs.expr import (
    ONE,
    Add,
    Cases,
    Entry,
    Expr,
    Integer,
    Mul,
    Number,
    Pow,
    Sum,
    add,
    mul,
    number,
    power,
    rebuild,
    reindex,
    tensors_in,
    walk,
)
from derivs.problem import Claim, Problem, Tensor, bar, gradient

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from derivs.bounded import Bounded

SEED = "dloss"                         # the cotangent of a loss that is a number
POINTS = 24                            # random inputs at which error bounds are compared
FAR = 1e6                              # the size of one input beside the others, in some of them
WORSE = 16                             # by how much larger the bound of a form may be
MINUS_ONE = number(-1)


@dataclass(frozen=True, slots=True)
class Formula:
    """The gradient by a tensor, its indices in the order of its axes; textbook: whether it is the short form."""

    of: str
    indices: tuple[str, ...]
    tree: Expr
    textbook: bool


@dataclass(slots=True)
class Formulas:
    """The forms of every gradient of an exercise, the best first where nothing else is known."""

    graph: Graph
    book: Book = field(init=False)
    _found: dict[str, tuple[Formula, ...]] = field(default_factory=dict)
    _trial: Trial | None = None

    def __post_init__(self) -> None:
        self.book = Book(self.graph)

    def of(self, tensor: str) -> tuple[Formula, ...]:
        """The forms that may be used: the textbook's, if it is as accurate, and that of reverse mode."""
        if tensor not in self._found:
            adjoint = self.graph.adjoint(tensor).definition
            plain = Formula(tensor, adjoint.indices, adjoint.value, False)
            left = gradient(self.graph.problem, Entry(tensor, tuple(map(symbol, adjoint.indices))))
            with suppress(Unsupported):
                found = stages(self.book, Claim(left, left))
            short = [Formula(tensor, adjoint.indices, found[-1].tree, True)] if found else []
            short = [f for f in short if bar(tensor) not in tensors_in(f.tree)]        # nothing that matters reads it
            forms = (*(f for f in short if self.trial.is_as_accurate(f, plain)), plain)
            whole = self._in_one_piece(forms[0])
            if whole is not None and self.trial.is_as_accurate(whole, plain):
                forms = (whole,)
            self._found[tensor] = forms
        return self._found[tensor]

    @property
    def trial(self) -> Trial:
        if self._trial is None:
            self._trial = Trial(self.graph)
        return self._trial

    def _in_one_piece(self, formula: Formula) -> Formula | None:
        """g p (1 - p) with g = a/p - b/(1 - p) put in: a (1 - p) - b p, which has a value at p = 0 and at p = 1.

        None where nothing is divided by and multiplied by again.
        """
        factors = formula.tree.factors if isinstance(formula.tree, Mul) else ()
        for factor in factors:
            inner = self.graph.definition(factor.tensor) if isinstance(factor, Entry) else None
            if isinstance(factor, Entry) and inner is not None and factor.tensor in self._cotangents:
                value = reindex(inner.value, dict(zip(inner.indices, factor.at, strict=True)))
                rest = [f for f in factors if f is not factor]
                terms = value.terms if isinstance(value, Add) else (value,)
                whole = add(*(collected((*rest, term)) for term in terms))
                if divisors(value) and not divisors(whole):
                    return Formula(formula.of, formula.indices, whole, False)
        return None

    @property
    def _cotangents(self) -> frozenset[str]:
        return frozenset(map(bar, self.graph.problem.tensors))

    def reads(self, formula: Formula) -> Iterator[str]:
        """The tensors whose gradients stand in it."""
        names = {bar(t): t for t in self.graph.problem.tensors}
        return (names[name] for name in sorted(tensors_in(formula.tree)) if name in names)


def seeded(tree: Expr, cotangents: frozenset[str]) -> Expr:
    """The gradient of dloss * L: the terms that speak of no cotangent, times dloss."""
    if cotangents.isdisjoint(tensors_in(tree)):
        return mul(Entry(SEED), tree)
    match tree:
        case Add(terms):
            return add(*(seeded(term, cotangents) for term in terms))
        case Mul(factors):
            place = next(k for k, f in enumerate(factors) if not cotangents.isdisjoint(tensors_in(f)))
            return mul(*factors[:place], seeded(factors[place], cotangents), *factors[place + 1:])
        case Sum(index, low, high, body):
            return Sum(index, low, high, seeded(body, cotangents))
        case Cases(branches, otherwise):
            return Cases(tuple((seeded(value, cotangents), condition) for value, condition in branches),
                         None if otherwise is None else seeded(otherwise, cotangents))
        case _:
            return tree


def means(tree: Expr) -> Expr:
    """1/m (m g - Σ_j g_j) as g - 1/m Σ_j g_j: the mean is small, and m g as large as g."""
    tree = rebuild(tree, means)
    if not isinstance(tree, Mul):
        return tree
    for bracket in tree.factors:
        for factor in tree.factors:
            if (isinstance(bracket, Add) and isinstance(factor, Pow) and factor.exponent == MINUS_ONE
                    and isinstance(factor.base, Integer)
                    and any(factor.base in term.factors for term in bracket.terms if isinstance(term, Mul))):
                inside = add(*(_divided(term, factor.base) for term in bracket.terms))
                return means(mul(*(inside if f is bracket else f for f in tree.factors if f is not factor)))
    return tree


def _divided(term: Expr, by: Integer) -> Expr:
    if isinstance(term, Mul) and by in term.factors:
        place = term.factors.index(by)
        return mul(*term.factors[:place], *term.factors[place + 1:])
    return mul(power(by, -1), term)


def collected(factors: Iterable[Expr]) -> Expr:
    """Their product, every base once: p^2 / p is p."""
    exponents: dict[Expr, Expr] = {}
    for factor in factors:
        for part in factor.factors if isinstance(factor, Mul) else (factor,):
            base, exponent = (part.base, part.exponent) if isinstance(part, Pow) else (part, ONE)
            exponents[base] = add(exponents[base], exponent) if base in exponents else exponent
    return mul(*(power(base, exponent) for base, exponent in exponents.items()))


def divisors(tree: Expr) -> set[Expr]:
    """What is divided by, at any depth."""
    return {node.base for node in walk(tree)
            if isinstance(node, Pow) and isinstance(node.exponent, Number) and node.exponent.value < 0}


# ---- accuracy

class Trial:
    """An exercise at random inputs, ordinary ones and such with one input far out, with error bounds."""

    def __init__(self, graph: Graph) -> None:
        import numpy as np

        from derivs.arrays import Batch
        from derivs.bounded import exactly
        problem = graph.problem
        rng = np.random.default_rng(0)
        sizes = _small_sizes(problem)
        upstream = graph.upstream()
        drawn = [*problem.inputs, *(problem.tensors[bar(y)] for y in upstream)]
        given = {}
        for number_, tensor in enumerate(drawn):
            shape = (POINTS, *(n.at(sizes) for n in tensor.shape))
            values = _drawn(rng, tensor, shape)
            if not tensor.properties & {"binary", "onehot", "simplex", "in(0,1)"}:
                far = np.arange(POINTS) % (2 * len(drawn)) == 2 * number_
                values = np.where(far.reshape(-1, *(1,) * len(tensor.shape)), FAR * values, values)
            given[tensor.name] = exactly(values)
        if not upstream:
            given[bar(problem.loss)] = exactly(np.ones(POINTS))
        self.forward = {d.tensor: d for d in problem.definitions}
        definitions = {name: replace(d, value=stable(d.value, self.forward))
                       for name, d in (*graph.adjoints().items(), *self.forward.items())}
        self.batch = Batch(sizes, problem.tensors, given, definitions)
        self.scale = np.ones(POINTS)                   # of what is carried back, point by point
        for y in upstream:
            self.scale = np.maximum(self.scale, np.abs(given[bar(y)].value).max(axis=tuple(range(1, 1 + len(
                problem.tensors[y].shape)))))

    def is_as_accurate(self, short: Formula, plain: Formula) -> bool:
        """Whether the short form is known as well as the plain one, wherever that is known at all."""
        import numpy as np

        from derivs.bounded import UNIT
        try:
            a, b = self._value(short), self._value(plain)
        except DerivsError:            # a function that nobody can evaluate
            return True
        over = tuple(range(1, a.value.ndim))
        largest = np.maximum(np.abs(b.value), self.scale.reshape(-1, *(1,) * len(over)))
        allowed = WORSE * (b.error + UNIT * largest)
        return bool(((a.error.max(axis=over) <= allowed.max(axis=over)) | ~_known(b)).all())

    def _value(self, formula: Formula) -> Bounded:
        from derivs.arrays import Axis, evaluate
        shape = self.batch.tensors[formula.of].shape
        axes = tuple(Axis(i, 1, n.at(self.batch.sizes)) for i, n in zip(formula.indices, shape, strict=True))
        return evaluate(stable(means(formula.tree), self.forward), axes, self.batch)


def _known(found: Bounded) -> NDArray[np.bool_]:
    """The points at which all entries have a value with a finite bound on its error."""
    import numpy as np
    over = tuple(range(1, found.value.ndim))
    return np.asarray((np.isfinite(found.error) & np.isfinite(found.value)).all(axis=over))


def _small_sizes(problem: Problem) -> Mapping[str, int]:
    """The smallest sizes that the exercise allows, all at least 2 where that can be."""
    for least, most in ((2, 4), (1, 4)):
        for values in product(range(least, most + 1), repeat=len(problem.sizes)):
            sizes = dict(zip(problem.sizes, values, strict=True))
            if all(form.at(sizes) >= 0 for form in problem.constraints):
                return sizes
    raise Unsupported("no small sizes satisfy the constraints of the exercise")


def _drawn(rng: np.random.Generator, tensor: Tensor, shape: tuple[int, ...]) -> NDArray[Any]:
    """Random values of a tensor, with its properties."""
    import numpy as np
    if tensor.properties & {"onehot", "simplex"}:
        return np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]
    if "binary" in tensor.properties:
        return rng.integers(2, size=shape).astype(float)
    if "in(0,1)" in tensor.properties:
        return rng.uniform(0.05, 0.95, shape)
    values = rng.normal(0, 1.5, shape)
    return np.abs(values) + 0.1 if tensor.is_nonnegative else values
