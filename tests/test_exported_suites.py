"""Exported code before our own property suite: every exercise, every size class, each library."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from exported import PLAIN, loaded, named, problem_of

from derivs.testing import check
from derivs.testing.suite import NOT_COMPARED

IN_FRAMEWORKS = ("batchnorm_affine", "conv_valid", "softmax_cross_entropy", "max_pool")


def passes(name: str, target: str, examples: int) -> None:
    module = loaded(name, target)
    pair = {way: getattr(module, f"{named(name)}_{way}") for way in ("backward", "forward")}
    report = check(problem_of(name), **pair, examples=examples, framework=target)
    assert report.ok, str(report)
    assert not [note for note in report.notes if NOT_COMPARED in note and not note.startswith("kinks")], str(report)


@pytest.mark.parametrize("name", PLAIN, ids=named)
def test_exported_numpy_has_every_property(name: str) -> None:
    passes(name, "numpy", 60)


@pytest.mark.parametrize("target", ["jax", "torch"])
@pytest.mark.parametrize("name", IN_FRAMEWORKS)
def test_exported_code_of_other_libraries_has_every_property(name: str, target: str) -> None:
    if target == "torch":
        pytest.importorskip("torch")
    passes(name, target, 30)


def doubled(backward: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(backward)
    def wrong(*arguments: Any) -> Any:
        found = backward(*arguments)
        return tuple(2 * one for one in found) if isinstance(found, tuple) else 2 * found

    return wrong


@pytest.mark.parametrize("name", PLAIN, ids=named)
def test_no_gradient_is_ticked_where_all_are_doubled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("derivs.testing.suite.PATIENCE", 0.0)            # what is found wrong need not be made small
    module = loaded(name)
    forward, backward = (getattr(module, f"{named(name)}_{way}") for way in ("forward", "backward"))
    report = check(problem_of(name), backward=doubled(backward), forward=forward, examples=30)
    assert report.findings
    assert not [one.name for one in report.tried if one.finding is None and one.name.startswith(("gradient", "kinks"))]
    assert not any(NOT_COMPARED in note for note in report.notes), str(report)


def test_the_suite_sees_a_wrong_factor_in_exported_code() -> None:
    module = loaded("linear_batch")

    def halved(dy: object, cache: object) -> tuple[object, ...]:
        dW, db, dx = module.linear_batch_backward(dy, cache)
        return dW / 2, db, dx

    report = check("linear_batch", backward=halved, forward=module.linear_batch_forward, examples=30)
    assert [finding.property for finding in report.findings] == ["gradient by W"]
    assert "a number is wrong" in str(report)
