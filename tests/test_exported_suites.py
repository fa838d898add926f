"""Exported code before our own property suite: every exercise, every size class, each library."""

from __future__ import annotations

import pytest
from exported import PLAIN, loaded, named, problem_of

from derivs.testing import check

IN_FRAMEWORKS = ("batchnorm_affine", "conv_valid", "softmax_cross_entropy", "max_pool")


def passes(name: str, target: str, examples: int) -> None:
    module = loaded(name, target)
    pair = {way: getattr(module, f"{named(name)}_{way}") for way in ("backward", "forward")}
    report = check(problem_of(name), **pair, examples=examples, framework=target)
    assert report.ok, str(report)


@pytest.mark.parametrize("name", PLAIN, ids=named)
def test_exported_numpy_has_every_property(name: str) -> None:
    passes(name, "numpy", 60)


@pytest.mark.parametrize("target", ["jax", "torch"])
@pytest.mark.parametrize("name", IN_FRAMEWORKS)
def test_exported_code_of_other_libraries_has_every_property(name: str, target: str) -> None:
    if target == "torch":
        pytest.importorskip("torch")
    passes(name, target, 30)


def test_the_suite_sees_a_wrong_factor_in_exported_code() -> None:
    module = loaded("linear_batch")

    def halved(dy: object, cache: object) -> tuple[object, ...]:
        dW, db, dx = module.linear_batch_backward(dy, cache)
        return dW / 2, db, dx

    report = check("linear_batch", backward=halved, forward=module.linear_batch_forward, examples=30)
    assert [finding.property for finding in report.findings] == ["gradient by W"]
    assert "a number is wrong" in str(report)
