"""Inputs a second: `derivs.testing.check`, a plain Hypothesis test with `jax.grad`, one with `check_grads`.

Each in a process of its own, which imports, then tries a right backward pass; whatever is derived, traced or compiled
for that is counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.exported import both_passes, exported

INPUTS = (100, 1000)                   # the first is what both try when nothing is said
PATIENCE = 20.0                        # seconds: a plain test stops then, with the inputs that it has seen
SIZES = st.integers(1, 3)              # few, so that what JAX has compiled for a shape serves again


Run = Callable[[int], int]             # tries about so many inputs, and says how many


@dataclass(frozen=True)
class Subject:
    """An exercise, the shapes of its inputs made of some sizes, and the places of those that are differentiated by."""

    sizes: int
    shapes: Callable[..., Sequence[tuple[int, ...]]]
    learnt: Sequence[int]


SUBJECTS: Mapping[str, Subject] = {
    "softmax_temperature": Subject(1, lambda n: [(n,), ()], (0, 1)),
    "batchnorm_affine": Subject(2, lambda B, D: [(B, D), (D,), (D,), ()], (0, 1, 2)),
    "linear_batch": Subject(3, lambda B, M, N: [(M, N), (M,), (B, N)], (0, 1, 2)),
    "conv_valid": Subject(5, lambda N, C, F, h, w: [(N, C, h + 1, w + 2), (F, C, h, w), (F,)], (0, 1, 2)),
}


def drawn(subject: Subject) -> Any:
    """Arrays of shapes that belong together, as a plain test draws them; what has no axis is positive."""
    from hypothesis.extra.numpy import arrays
    entries, positive = st.floats(-4, 4, width=32), st.floats(0.5, 2, width=32)

    def of(sizes: list[int]) -> Any:
        return st.tuples(*(arrays(float, shape, elements=entries) if shape else positive
                           for shape in subject.shapes(*sizes)), st.integers(0, 2**32 - 1))
    return st.lists(SIZES, min_size=subject.sizes, max_size=subject.sizes).flatmap(of)


def tried(subject: Subject, test: Callable[[list[Any], Any], None]) -> Run:
    """Runs a plain Hypothesis test of inputs and a generator for cotangents."""
    import numpy as np

    def run(count: int) -> int:
        seen, end = 0, perf_counter() + PATIENCE

        @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(drawn(subject))
        def one(found: tuple[Any, ...]) -> None:
            nonlocal seen
            if perf_counter() < end:
                seen += 1
                *inputs, seed = found
                test(inputs, np.random.default_rng(seed))
        one()
        return seen
    return run


def check_numpy(exercise: str) -> Run:
    """`derivs.testing.check` of NumPy functions."""
    from derivs import testing
    forward, backward = both_passes(exercise)
    return lambda count: held(testing.check(exercise, forward=forward, backward=backward, examples=count))


def check_jax(exercise: str) -> Run:
    """The same of a `jax.custom_vjp`."""
    import jax

    from derivs import testing
    name, code = exported(exercise, "jax")
    assert jax.config.jax_enable_x64
    return lambda count: held(testing.check(exercise, backward=getattr(code, name), examples=count))


def held(report: Any) -> int:
    assert report.ok, str(report)
    return int(report.examples)


def grad_numpy(exercise: str) -> Run:
    """`jax.grad` of a forward pass in JAX, at every draw, against the NumPy functions."""
    forward, backward = both_passes(exercise)

    def gradients(inputs: list[Any], dy: Any) -> Any:
        _, cache = forward(*inputs)
        return backward(dy, cache)
    return by_grad(exercise, gradients)


def grad_jax(exercise: str) -> Run:
    """The same against a `jax.custom_vjp`."""
    import jax
    name, code = exported(exercise, "jax")
    function, learnt = getattr(code, name), SUBJECTS[exercise].learnt

    def gradients(inputs: list[Any], dy: Any) -> Any:
        def of(*some: Any) -> Any:
            return function(*put(inputs, learnt, some))
        return jax.vjp(of, *(inputs[k] for k in learnt))[1](jax.numpy.asarray(dy))
    return by_grad(exercise, gradients)


def put(inputs: Sequence[Any], places: Sequence[int], values: Sequence[Any]) -> list[Any]:
    """The inputs with other values in these places."""
    full = list(inputs)
    for k, value in zip(places, values, strict=True):
        full[k] = value
    return full


def by_grad(exercise: str, gradients: Callable[[list[Any], Any], Any]) -> Run:
    """A plain test: what people write today."""
    import jax
    import numpy as np

    from derivs.library import load
    reference, subject = load(exercise).reference, SUBJECTS[exercise]
    assert reference is not None

    def test(inputs: list[Any], rng: np.random.Generator) -> None:
        inputs = [np.asarray(a) for a in inputs]
        dy = rng.normal(size=np.shape(reference(*inputs)))

        def loss(*inputs: Any) -> Any:
            return jax.numpy.vdot(dy, reference(*inputs))
        expected = jax.grad(loss, argnums=tuple(subject.learnt))(*inputs)
        for one, other in zip(gradients(inputs, dy), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)
    return tried(subject, test)


def finite_differences(exercise: str) -> Run:
    """`jax.test_util.check_grads` of a `jax.custom_vjp`, at every draw."""
    import numpy as np
    from jax.test_util import check_grads
    name, code = exported(exercise, "jax")
    function, subject = getattr(code, name), SUBJECTS[exercise]

    def test(inputs: list[Any], rng: np.random.Generator) -> None:
        def of(*some: Any) -> Any:
            return function(*put(inputs, subject.learnt, some))
        learnt = tuple(np.asarray(inputs[k]) for k in subject.learnt)
        check_grads(of, learnt, order=1, modes=("rev",), atol=1e-3, rtol=1e-3)
    return tried(subject, test)


CONTENDERS: Mapping[str, Callable[[str], Run]] = {
    "check_numpy": check_numpy, "grad_numpy": grad_numpy, "check_jax": check_jax, "grad_jax": grad_jax,
    "finite_differences": finite_differences}


def measured(contender: str, exercise: str, count: int) -> float:
    """Inputs a second, in a process of its own."""
    child = subprocess.run([sys.executable, "-m", "benchmarks.suites", contender, exercise, str(count)], check=True,
                           text=True, capture_output=True, env=os.environ | {"JAX_ENABLE_X64": "1"})
    return float(child.stdout)


def report() -> Iterator[str]:
    """A row for the NumPy functions of an exercise, one for its JAX function; for few inputs and for many."""
    yield "| exercise | code | inputs | testing.check | jax.grad a draw | ratio | check_grads a draw | ratio |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    ratios: dict[int, list[float]] = {count: [] for count in INPUTS}
    for exercise in SUBJECTS:
        for code in ("numpy", "jax"):
            for count in INPUTS:
                ours, grad = (measured(f"{which}_{code}", exercise, count) for which in ("check", "grad"))
                ratios[count].append(ours / grad)
                row = f"| {exercise} | {code} | {count} | {ours:.0f} | {grad:.0f} | {ours / grad:.1f} "
                if code == "jax":
                    differences = measured("finite_differences", exercise, count)
                    yield row + f"| {differences:.0f} | {ours / differences:.1f} |"
                else:
                    yield row + "| | |"
    least = ", ".join(f"{min(found):.1f} at {count}" for count, found in ratios.items())
    yield ("\nInputs a second, from a process that has imported what it needs: deriving, tracing and compiling count. "
           f"A plain test draws sizes from 1 to 3 and ends after {PATIENCE:.0f} s. At each input `check` looks at all "
           "properties of its suite, the others at the gradients. Smallest ratio to `jax.grad` a draw: "
           f"{least} inputs; wanted: 5.\n")


if __name__ == "__main__":
    run = CONTENDERS[sys.argv[1]](sys.argv[2])
    start = perf_counter()
    inputs = run(int(sys.argv[3]))
    print(inputs / (perf_counter() - start))
