"""Laws of the writer of forms, of shorthands, of factoring and of rules, on random expressions.

What is written means what the form means, is the same each time, keeps its letters apart, and is not longer than the
form as it stands.
"""

from __future__ import annotations

import pytest
from flint import arb
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from randomly import PROBLEM, TENSORS, expressions
from slowly import Undefined, value, zero
from test_normal_random import ROOT, context, differ, points
from words import *

from derivs.alike import alike
from derivs.cost import cost
from derivs.errors import OutOfBudget, OutOfDomain, Unsupported
from derivs.expr import CompareIndex, Indicator, Largest, Sum, Tree, children, names_in, reindex, replace_entries
from derivs.house_style import leveled, writer
from derivs.normal.atoms import Form
from derivs.normal.context import Context
from derivs.normal.factoring import factored
from derivs.normal.patterns import Rule
from derivs.normal.patterns import apply as rewritten
from derivs.normal.readback import readback
from derivs.normal.ring import add as plus
from derivs.normal.ring import mul as times
from derivs.normal.ring import natural_power
from derivs.normal.translate import Translator
from derivs.normal.zero import is_zero
from derivs.shorthands import shorthands
from derivs.textbook import write

TO = writer(PROBLEM, {})
Undecided = (OutOfBudget, OutOfDomain, Unsupported)
NOTHING: frozenset[str] = frozenset()


def formed(expr: Expr) -> tuple[Context, Form]:
    """Its normal form; an expression without one says nothing here."""
    here = context()
    try:
        return here, Translator(ROOT).form(here, expr)
    except Undecided:
        assume(False)
        raise


def form_at_p(expr: Expr) -> Form:
    """The form of an expression in p, which runs over 1..m."""
    return Translator(ROOT).form(context().assume([V("p") - 1, V("m") - V("p")]), expr)


def clashes(node: Tree, taken: frozenset[str]) -> bool:
    """Whether a bound letter is free, a size, a tensor, or bound further out."""
    if isinstance(node, Sum | Largest):
        return node.index in taken or clashes(node.body, taken | {node.index})
    return any(clashes(part, taken) for part in children(node))


@settings(max_examples=80)
@given(expressions(), st.integers(0, 10**6))
def test_what_is_written_means_the_form(expr: Expr, seed: int) -> None:
    here, form = formed(expr)
    try:
        tree = write(TO, here, form, NOTHING)
    except Undecided:
        assume(False)
    assert not differ(readback(here, form), tree, seed)


@settings(max_examples=80)
@given(expressions(smooth=True))
def test_what_is_written_has_the_form_that_it_came_from(expr: Expr) -> None:
    """Of smooth forms: kinks are compared at points, where an implied comparison is left out."""
    here, form = formed(expr)
    try:
        tree = write(TO, here, form, NOTHING)
        back = Translator(ROOT).form(here, tree)
        shown = is_zero(here, plus(back, form, -1))
    except Undecided:
        assume(False)
    assert shown


@settings(max_examples=80)
@given(expressions())
def test_writing_is_deterministic_and_keeps_letters_apart(expr: Expr) -> None:
    here, form = formed(expr)
    tree = write(TO, here, form, NOTHING)
    assert tree == write(TO, *formed(expr), NOTHING)            # in a new context, without what this one remembers
    assert not clashes(tree, names_in(tree) | set(PROBLEM.sizes) | set(TENSORS))


def test_terms_that_cancel_over_their_common_base_are_zero() -> None:
    here, base = formed(power(add(E("a"), E("b")), -1))
    form = plus(plus(times(base, formed(E("a"))[1]), times(base, formed(E("b"))[1])), {(): 1}, -1)
    assert len(form) == 3 and write(TO, here, form, NOTHING) == N(0)


@settings(max_examples=80)
@given(expressions())
def test_what_is_written_is_not_longer_than_the_form_as_it_stands(expr: Expr) -> None:
    """But for the ranges where x_{i-1} is read, which a form leaves to the entry."""
    here, form = formed(expr)
    tree = write(TO, here, form, NOTHING)
    assert cost(tree) <= cost(readback(here, form)) + 1e-9, (tree, readback(here, form))


@settings(max_examples=80)
@given(expressions(), st.integers(0, 10**6))
def test_leveling_keeps_the_value(expr: Expr, seed: int) -> None:
    nested = Add((subtract(N(1), expr), negate(Add((E("a"), negate(expr))))))
    assert not differ(nested, leveled(TO, nested), seed)
    assert leveled(TO, Add((N(1), negate(E("a")), negate(Add((N(1), negate(E("b")))))))) in (
        Add((E("b"), negate(E("a")))), subtract(E("b"), E("a")))


@settings(max_examples=80)
@given(expressions())
def test_brackets_multiply_back(expr: Expr) -> None:
    _, form = formed(expr)
    assume(all(e > 0 for m in form for _, e in m))
    product: Form = {(): 1}
    for part, exponent in factored(form):
        product = times(product, natural_power(part, exponent))
    assert product == form


@pytest.mark.parametrize("expr", [
    power(subtract(E("a"), E("b")), 2), mul(subtract(E("a"), E("b")), add(E("a"), E("b"))),
    power(subtract(sqrt(E("v")), E("a")), 2), mul(N(6), add(E("a"), E("v")), subtract(E("x", "i"), E("a")))])
def test_a_product_is_factored(expr: Expr) -> None:
    here = context()
    form = Translator(ROOT).form(here, expr)
    assert sum(exponent for part, exponent in factored(form) if len(part) > 1) == 2


@settings(max_examples=80)
@given(expressions(smooth=True), st.integers(0, 10**6))
def test_a_rule_that_is_an_identity_keeps_the_value(expr: Expr, seed: int) -> None:
    """x_p -> (x_p - a) + a: at every p, also under sums, exponentials and bars."""
    here, form = formed(expr)
    (entry, _), = next(iter(form_at_p(E("x", "p"))))
    shift = form_at_p(add(E("z", "p"), subtract(mul(N(3), E("x", "p")), E("z", "p")), mul(N(-2), E("x", "p"))))
    try:
        new = rewritten(here, [Rule(("p",), entry, shift)], form)
    except Undecided:
        assume(False)
    assert not differ(expr, readback(here, new), seed)


@settings(max_examples=80)
@given(expressions(smooth=True), st.integers(0, 10**6))
def test_a_rule_reaches_every_entry(expr: Expr, seed: int) -> None:
    """x_p -> 2 z_p leaves no x, and is the value with 2 z for x."""
    here, form = formed(expr)
    (entry, _), = next(iter(form_at_p(E("x", "p"))))
    try:
        new = rewritten(here, [Rule(("p",), entry, form_at_p(mul(N(2), E("z", "p"))))], form)
    except Undecided:
        assume(False)
    back = readback(here, new)
    for names, entries in points(seed):
        twice = {place: 2 * entries["z", place[1]] if place[0] == "x" else v for place, v in entries.items()}
        try:
            gap: arb = value(expr, TENSORS, dict(names), twice) - value(back, TENSORS, dict(names), entries)
            assert zero(gap)
        except Undefined:
            continue


# ---- shorthands

def node(body: Expr) -> Problem:
    tensors = declare(*(t for t in TENSORS.values() if t.role == "input"), T("y", "m", role="node"))
    return problem("one node", tensors, Definition("y", ("i",), body), outputs=("y",))


@settings(max_examples=80)
@given(expressions(indices=("i",)))
def test_a_shorthand_is_spelled_as_what_it_stands_for(expr: Expr) -> None:
    hand = shorthands(node(expr))
    names = {t: definition for definition in hand.problem.definitions if (t := definition.tensor) not in hand.given}
    for definition in names.values():
        assert hand.spell(hand.fold(hand.spell(definition.value))) == hand.spell(definition.value)


@settings(max_examples=80)
@given(expressions(indices=("i",)), st.integers(0, 10**6))
def test_folding_and_spelling_keep_the_value(expr: Expr, seed: int) -> None:
    """With y for its definition, and back."""
    exercise = node(expr)
    hand = shorthands(exercise)
    folded = hand.spell(hand.fold(expr))

    def opened(e: Entry) -> Expr:
        return reindex(expr, {"i": e.at[0]}) if e.tensor == "y" else e

    assert not differ(expr, replace_entries(folded, opened), seed)


def test_a_root_is_folded_only_to_a_whole_power() -> None:
    """v^(-3/2) is s^-3 where s = v^(1/2); x^(1/2) is not the third root of y = x^(3/2)."""
    hand = shorthands(problem("root", declare(T("v", props="positive"), T("s", role="node")),
                              Definition("s", (), sqrt(E("v"))), outputs=("s",)))
    assert hand.fold(power(E("v"), Fraction(-3, 2))) == power(E("s"), -3)
    hand = shorthands(problem("root", declare(T("v", props="positive"), T("s", role="node")),
                              Definition("s", (), power(E("v"), Fraction(3, 2))), outputs=("s",)))
    assert hand.fold(sqrt(E("v"))) == sqrt(E("v"))


# ---- lines that a person would write

SQUARE = add(N(1), power(E("x", "i"), 2))
LINES = [
    (subtract(N(1), power(E("a"), 2)), subtract(N(1), power(E("a"), 2))),
    (mul(subtract(N(1), E("a")), add(N(1), E("a"))), subtract(N(1), power(E("a"), 2))),
    (add(mul(E("a"), E("b")), negate(mul(E("a"), power(E("b"), 2)))), mul(E("a"), E("b"), subtract(N(1), E("b")))),
    (divide(mul(N(2), subtract(E("a"), E("b"))), N(2)), subtract(E("a"), E("b"))),
    (mul(E("x", "i"), apply("sign", E("x", "i"))), apply("abs", E("x", "i"))),
]


@pytest.mark.parametrize("expr, expected", LINES, ids=range(len(LINES)))
def test_line(expr: Expr, expected: Expr) -> None:
    here = context()
    tree = write(TO, here, Translator(ROOT).form(here, expr), NOTHING)
    assert alike(tree, expected), tree


def test_the_ranges_of_what_is_read_are_said() -> None:
    """A form leaves [i >= 2] to x_{i-1}, of which nothing is declared outside; w is zero there, and needs none."""
    here = context()
    for at, tensor, said in (("x", "x", True), ("w", "w", False)):
        body = mul(E(at, V("i") - 1), Indicator(CompareIndex("<=", V(2), V("i"))))
        tree = write(TO, here, Translator(ROOT).form(here, body), NOTHING)
        assert any(isinstance(n, Indicator) for n in children(tree)) is said, tensor
