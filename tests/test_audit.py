"""Every formula of the audit list means what its author wrote beside it, or is refused; none means something else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product
from types import SimpleNamespace
from typing import Any

import audit
import numpy as np
import pytest
from flint import fmpq

from derivs.affine import ONE, symbol
from derivs.declare import Declared, declare
from derivs.errors import DerivsError, IllFormed, Mismatch, Unreadable
from derivs.evaluate import Evaluator
from derivs.expr import ONE as ONE_EXPR
from derivs.expr import Entry, mul, reindex
from derivs.problem import Claim
from derivs.reading.choices import Choices, others
from derivs.reading.claims import summed, value
from derivs.reading.naming import OMITTED
from derivs.reading.parse import parse
from derivs.rules.opaque import polynomial, slope
from derivs.verdict import Point
from derivs.wellformed import claim_mistakes

SEED = 3
NOT_READ_YET = {r"\prod_i x_i", r"\prod_{i=1}^n x_i + c", r"\prod_{i=1}^n c x_i", r"\prod_{j \neq i} x_j",
                r"\sum_i \prod_j A_{ij}", "|a - |b||",
                r"\mathbf{1}\mathbf{1}^T x", r"\begin{bmatrix} a & b \\ c & \beta \end{bmatrix}",
                r"\begin{pmatrix} a & b \\ c & \beta \end{pmatrix}^T", r"\frac{d^2}{da^2} a^3",
                r"\begin{bmatrix} a & b \\ c & \beta \end{bmatrix} \begin{bmatrix} b \\ c \end{bmatrix}"}


@cache
def exercise() -> Declared:
    return declare(audit.DECLARATION, "audit")


@cache
def einstein() -> Declared:
    return declare({**audit.DECLARATION, "conventions": {"einstein": True}}, "audit")


@cache
def values() -> SimpleNamespace:
    """The namespace, its f being the one that exact evaluation takes."""
    v = audit.namespace(SEED)
    f = polynomial("?f")
    v.f = lambda z: sum(float(c) * z**k for k, c in enumerate(f))
    v.df = lambda z: sum(float(c) * z**k for k, c in enumerate(slope(f)))
    return v


@cache
def point() -> Point:
    """The same inputs as exact numbers."""
    v = values()
    entries = {}
    by_tensor = {exercise_name(name): attribute for name, attribute in audit.NAMES.items()}
    for tensor in exercise().problem.inputs:
        array = np.asarray(getattr(v, by_tensor[tensor.name]))
        for at in product(*(range(n) for n in array.shape)):
            entries[tensor.name, tuple(k + 1 for k in at)] = Fraction(float(array[at]))
    return Point(dict(audit.SIZES), entries)


def exercise_name(latex: str) -> str:
    """The tensor that a declared name stands for."""
    from derivs.declaring.text import name_of
    found = next(exercise().vocabulary.matches(name_of(latex)))
    return found.spelling.named.body.tensor


@cache
def evaluator() -> Evaluator:
    return Evaluator(exercise().problem)


def readings(latex: str, most: int = 12):
    """The readings of an expression, the usual one first; the error where it has none."""
    node = parse(latex)
    seen, waiting, found, error = {frozenset()}, [{}], [], None
    while waiting and len(seen) < 40 and len(found) < most:
        choices = Choices(waiting.pop(0))
        try:
            found.append(value(exercise().problem, exercise().vocabulary, choices, node))
        except (Mismatch, IllFormed) as misfit:
            error = error or misfit
        except Unreadable:
            if not found:
                raise
        waiting += others(choices, seen)
    if not found:
        raise error
    return found


def numbers(state, meant, indices: dict[str, int]) -> np.ndarray:
    """The value of a reading at the point, as an array over its open axes."""
    problem = state.extended
    machine = evaluator() if problem is exercise().problem else Evaluator(problem)
    sizes = [axis.size.at(audit.SIZES) for axis in meant.axes]
    array = np.zeros(sizes)
    for at in np.ndindex(*sizes):
        body = reindex(meant.body, {axis.index: symbol(axis.index) for axis in meant.axes})
        here = {**indices, **{axis.index: k + 1 for axis, k in zip(meant.axes, at, strict=True)}}
        known = Point({**point().integers, **here}, point().entries)
        exact = machine.at(known).value(machine.compile(body))
        array[at] = float(Fraction(int(exact.p), int(exact.q))) if isinstance(exact, fmpq) else float(exact.ball.mid())
    return array


def meant_by(meaning, indices: dict[str, int]) -> np.ndarray:
    return np.asarray(meaning(values(), **{name: indices[name] for name in audit.free(meaning)}), dtype=float)


def agrees(state, meant, meaning) -> str:
    """"" if the reading has the meaning at every free index, else what differs."""
    letters = audit.free(meaning)
    if any(axis.size is None for axis in meant.axes):
        return "refused: a length is not known"
    for picks in product(*(range(1, audit.SIZES[audit.LETTERS[name]] + 1) for name in letters)):
        indices = dict(zip(letters, picks, strict=True))
        mine, theirs = numbers(state, meant, indices), meant_by(meaning, indices)
        if mine.shape != theirs.shape and theirs.shape and mine.shape:
            return f"shape {mine.shape}, should be {theirs.shape}"
        if not np.allclose(mine, theirs, rtol=1e-9, atol=1e-12):            # both from the same double inputs
            return f"at {indices}: {mine.tolist()}, should be {theirs.tolist()}"
    return ""


def judge_row(latex: str, meaning: Any) -> str:
    """"" where the usual reading is right, "refused: ..." where there is none, else what is wrong."""
    try:
        found = readings(latex, most=1)
    except DerivsError as error:
        return f"refused: {error.what}"
    return agrees(*found[0], meaning)


@pytest.mark.parametrize("latex, meaning", audit.AUDIT, ids=[row[0] for row in audit.AUDIT])
def test_it_means_what_it_says(latex: str, meaning: Any) -> None:
    said = judge_row(latex, meaning)
    assert said == "" or (said.startswith("refused") and latex in NOT_READ_YET), said


@pytest.mark.parametrize("latex, meanings", audit.AMBIGUOUS, ids=[row[0] for row in audit.AMBIGUOUS])
def test_every_reading_of_what_is_ambiguous_is_an_honest_one(latex: str, meanings: list[Any]) -> None:
    try:
        found = readings(latex)
    except DerivsError:
        return                                                 # to refuse is as right
    for state, meant in found:
        if OMITTED in state.choices.said:
            continue                                           # entry by entry, which the list does not count as one
        said = [_said(state, meant, meaning) for meaning in meanings]
        assert "" in said, ([option.note for option in state.choices.said], said)


@pytest.mark.parametrize("latex, why", audit.REFUSED, ids=[row[0] for row in audit.REFUSED])
def test_what_means_nothing_is_refused(latex: str, why: str) -> None:
    """In the usual reading; one that takes a vector for a row, or a product entry by entry, says so."""
    with pytest.raises(DerivsError):
        state, meant = value(exercise().problem, exercise().vocabulary, Choices(), parse(latex))
        assert all(axis.size is not None for axis in meant.axes) or _raise(IllFormed("a length is not known"))
        letters = {axis.index: symbol(f"axis{k}") for k, axis in enumerate(meant.axes)}
        body = reindex(meant.body, letters)
        problem = replace(state.extended, indices={str(form): (ONE, axis.size) for form, axis in
                                                   zip(letters.values(), meant.axes, strict=True)})
        for mistake in claim_mistakes(problem, Claim(body, body)):
            raise mistake


def _said(state: Any, meant: Any, meaning: Any) -> str:
    try:
        return agrees(state, meant, meaning)
    except IllFormed as error:                                 # another meaning, with other free indices
        return error.what


def _raise(error: DerivsError) -> bool:
    raise error


EINSTEIN = [pytest.param(*row, id=f"{row[0]} {k}") for k, row in enumerate(audit.EINSTEIN)]


@pytest.mark.parametrize("latex, meaning", EINSTEIN)
def test_einstein_sums_what_stands_on_one_side_only(latex: str, meaning: Any) -> None:
    """The expression, equal to a letter of its own for the indices of the left side."""
    made = einstein()
    letters = audit.free(meaning)
    left = "".join(letters)
    state, meant = value(made.problem, made.vocabulary, Choices(), parse(latex))
    state.vocabulary = made.vocabulary
    anchor = mul(*(Entry("x", (symbol(name),)) for name in letters)) if letters else ONE_EXPR
    _, body = summed(state, anchor, meant.body, frozenset())
    assert agrees(state, replace(meant, body=body), meaning) == "", left
