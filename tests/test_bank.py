"""What is shared between claims changes nothing: the same values, ties and gaps as at a point nobody saw before."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest
from words import *

from derivs.errors import DerivsError
from derivs.evaluate import MOST_FORMULAS, Evaluator
from derivs.expr import Compare, Indicator
from derivs.kernels import close, differ, identical
from derivs.library import load, names
from derivs.refute import Agreed, _samples, _search, compare
from derivs.verdict import Refuted
from derivs.worlds import Place


def seen(place: Place, formula, integers):
    """The value with whether a tie was met, or the error."""
    place.look()
    try:
        return place.value(formula, integers), place.tied
    except DerivsError as error:
        return type(error), None


@pytest.mark.parametrize("name", names())
def test_slopes_carried_forward_are_dual_numbers_one_at_a_time(name: str) -> None:
    exercise = load(name)
    shared = Evaluator(exercise)
    compared = 0
    for claim in [t.claim for t in exercise.targets] + [h.claim for h in exercise.hands]:
        if any(isinstance(given.left, Expr) for given in claim.given):
            continue
        search = _search(exercise, claim, shared)
        for place, where in islice(_samples(search, 0), 14):
            for integers in where:
                for formula in (search.left, search.right):
                    alone = seen(shared.at(place.point), formula, integers)
                    for _ in range(2):                  # computed, then remembered
                        known = seen(place, formula, integers)
                        if isinstance(alone[0], type):
                            assert known == alone
                        else:
                            # No residue where a root has none in either field: the balls agree to 60 bits all the same.
                            assert not differ(known[0], alone[0])
                            assert identical(known[0], alone[0]) or close(known[0], alone[0])
                            assert known[1] == alone[1]
                        compared += 1
    assert compared


A, B = E("a"), E("b")
KINKED = problem("kinked", declare(T("a"), T("b"), T("x", "m"), T("y", "m", role="node"), T("z", role="node")),
                 Definition("y", ("i",), mul(apply("relu", E("x", "i")), sqrt(mul(A, A)))),
                 Definition("z", (), add(S("i", "m", E("y", "i")), apply("max", A, B))), outputs=("z",))


def test_a_value_that_is_remembered_remembers_its_tie() -> None:
    evaluator = Evaluator(KINKED)
    search = _search(KINKED, Claim(D("E", E("x", "i")), D(E("z"), A)), evaluator)
    ties = gaps = 0
    for place, where in islice(_samples(search, 0), 60):
        for integers in where:
            for formula in (search.right, search.left, search.right):
                alone, known = seen(evaluator.at(place.point), formula, integers), seen(place, formula, integers)
                assert alone == known
                ties += alone[1] is True
                gaps += isinstance(alone[0], type)
    assert ties > 5 and gaps > 5


def test_a_direction_without_a_slope_does_not_spoil_the_others() -> None:
    """sqrt(a a) has no slope at a = 0 by a; x sqrt(a a) has one by x."""
    claim = Claim(D(E("z"), E("x", "i")), mul(sqrt(mul(A, A)), Indicator(Compare("<", N(0), E("x", "i")))))
    evaluator = Evaluator(KINKED)
    for _ in range(2):
        found = compare(KINKED, claim, points=60, evaluator=evaluator)
        assert isinstance(found, Agreed) and found.skipped == 0
    assert isinstance(compare(KINKED, Claim(D(E("z"), A), D(E("z"), A)), points=60, evaluator=evaluator), Agreed)


def test_the_work_for_an_exercise_serves_one_with_another_node() -> None:
    base = Evaluator(KINKED)
    tensors = {**KINKED.tensors, "_e1": T("_e1", "m", role="node")}

    def with_node(value: Expr):
        return replace(KINKED, tensors=tensors, definitions=(*KINKED.definitions, Definition("_e1", ("i",), value)))

    slope = Claim(D(E("_e1", "i"), E("x", "i")), mul(N(2), E("x", "i")))
    square, cube = with_node(power(E("x", "i"), 2)), with_node(power(E("x", "i"), 3))
    for _ in range(2):
        assert isinstance(compare(square, slope, evaluator=base.extended(square)), Agreed)
        assert isinstance(compare(cube, slope, evaluator=base.extended(cube)), Refuted)
    assert base.extended(square) is base.extended(with_node(power(E("x", "i"), 2)))
    longer = replace(square, tensors={**tensors, "_e1": T("_e1", V("m") - 1, role="node")})
    assert base.extended(longer)._work is not base._work        # it has no entries at m = 1, so its sizes are others


def test_memory_is_bounded() -> None:
    evaluator = Evaluator(KINKED)
    for k in range(MOST_FORMULAS + 10):
        evaluator.compile(add(A, N(k)))
        evaluator.bank(evaluator.given(A), k)
    assert len(evaluator._compiled) <= MOST_FORMULAS and len(evaluator._work.banks) <= 12
