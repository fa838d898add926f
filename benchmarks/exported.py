"""Exported NumPy against NumPy by hand, `jit(vjp)` of JAX and autograd of PyTorch: one process, pinned to one core."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import by_hand

if TYPE_CHECKING:
    from derivs.export import Target

DECLARED = Path(__file__).parent.parent / "docs" / "classifiers"
SECONDS = 1.0                          # for the contenders of one row together,
ROUNDS = 9                             # but each is measured so often at least,
SHORTEST = 1e-3                        # and what is faster than this is called several times on end
EPSILON = 1e-5

Call = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """A layer: its exercise, inputs of three sizes in the order of its forward pass, and who else computes it.

    learnt: the places of the inputs that are differentiated by. limit: of exported over by hand, what is wanted.
    """

    exercise: str
    sizes: Sequence[tuple[int, ...]]
    inputs: Callable[..., list[Any]]
    by_hand: Mapping[str, Callable[..., Any]]
    learnt: Sequence[int]
    jax: Callable[..., Any]
    torch: Callable[..., Any]
    limit: float


def normal(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[Any]:
    return [rng.normal(size=shape) for shape in shapes]


def labelled(rng: np.random.Generator, *shape: int) -> list[Any]:
    """Logits, and one-hot labels."""
    t = np.zeros(shape)
    np.put_along_axis(t, rng.integers(shape[-1], size=(*shape[:-1], 1)), 1, axis=-1)
    return [*normal(rng, shape), t]


# ---- the layers in the words of JAX and PyTorch

def jax_batchnorm(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    import jax.numpy as jnp
    return gamma * (x - x.mean(axis=0)) / jnp.sqrt(x.var(axis=0) + epsilon) + beta


def torch_batchnorm(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    from torch.nn.functional import batch_norm
    return batch_norm(x, None, None, gamma, beta, training=True, eps=epsilon)


def jax_cross_entropy(x: Any, t: Any) -> Any:
    import jax
    return -(t * jax.nn.log_softmax(x)).sum() / (x.shape[0] if x.ndim == 2 else 1)


def torch_cross_entropy(x: Any, t: Any) -> Any:
    from torch.nn.functional import cross_entropy
    return cross_entropy(x, t)


def jax_convolution(X: Any, W: Any, b: Any) -> Any:
    from jax import lax
    return lax.conv_general_dilated(X, W, (1, 1), "VALID") + b[:, None, None]


def torch_linear(W: Any, b: Any, x: Any) -> Any:
    from torch.nn.functional import linear
    return linear(x, W, b)


def torch_convolution(X: Any, W: Any, b: Any) -> Any:
    from torch.nn.functional import conv2d
    return conv2d(X, W, b)


CASES = (
    Case("batchnorm_affine", [(64, 64), (256, 1024), (2048, 1024)],
         lambda rng, B, D: [*normal(rng, (B, D), (D,), (D,)), EPSILON],
         {"": by_hand.batchnorm, "by products": by_hand.batchnorm_by_products},
         (0, 1, 2), jax_batchnorm, torch_batchnorm, 1.1),
    Case("softmax_cross_entropy", [(10,), (1_000,), (100_000,)], labelled,
         {"": by_hand.cross_entropy}, (0,), jax_cross_entropy, torch_cross_entropy, 1.1),
    Case("softmax_loss", [(32, 10), (256, 1_000), (512, 10_000)], labelled,
         {"": by_hand.softmax_loss}, (0,), jax_cross_entropy, torch_cross_entropy, 1.1),
    Case("linear_batch", [(32, 64, 64), (128, 512, 512), (512, 1024, 1024)],
         lambda rng, B, M, N: normal(rng, (M, N), (M,), (B, N)),
         {"": by_hand.linear, "by products": by_hand.linear_by_products},
         (0, 1, 2), lambda W, b, x: x @ W.T + b, torch_linear, 1.1),
    Case("conv_valid", [(8, 3, 8, 16, 3), (32, 16, 32, 28, 3), (64, 32, 64, 14, 5)],
         lambda rng, N, C, F, H, k: normal(rng, (N, C, H, H), (F, C, k, k), (F,)),
         {"": by_hand.convolution, "by image": by_hand.convolution_by_image},
         (0, 1, 2), jax_convolution, torch_convolution, 1.5),
)


def shown(case: Case, size: tuple[int, ...]) -> str:
    """The first cells of a row."""
    return f"| {case.exercise} | {' × '.join(map(str, size))} "


# ---- contenders

def exported(exercise: str, target: Target = "numpy") -> tuple[str, ModuleType]:
    """What `derivs export` writes, imported, and the name that its functions begin with."""
    from derivs.export import export
    from derivs.library import load, names
    made = export(load(exercise if exercise in names() else str(DECLARED / f"{exercise}.toml")), target)
    code = ModuleType(made.name)
    exec(compile(made.text, f"<{made.name}>", "exec"), code.__dict__)
    return made.name, code


def both_passes(exercise: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Forward and backward, for NumPy."""
    name, code = exported(exercise)
    return getattr(code, f"{name}_forward"), getattr(code, f"{name}_backward")


def as_type(arrays: Sequence[Any], dtype: type) -> list[Any]:
    return [dtype(a) if isinstance(a, float) else a.astype(dtype) for a in arrays]


def backward_passes(case: Case, size: tuple[int, ...], dtype: type) -> dict[str, Call]:
    """The exported backward pass and those by hand, at the same cotangents and with what the same forward pass kept."""
    rng = np.random.default_rng(0)
    inputs = as_type(case.inputs(rng, *size), dtype)
    forward, backward = both_passes(case.exercise)
    y, cache = forward(*inputs)
    dy = as_type(normal(rng, y.shape), dtype) if np.ndim(y) else []
    calls = {"exported": lambda: backward(*dy, cache)}
    for name, function in case.by_hand.items():
        calls[name] = partial(function, *dy, cache)
    if case.exercise == "conv_valid":
        X, W, _ = inputs
        calls["columns kept"] = partial(by_hand.convolution, *dy, cache, kept=by_hand.columns(X, *W.shape[2:]))
    agree(calls)
    return calls


def whole_passes(case: Case, size: tuple[int, ...]) -> dict[str, Call]:
    """Forward and backward in float32: exported, `jit` of `jax.vjp`, and the autograd of PyTorch."""
    import jax
    import torch
    rng = np.random.default_rng(0)
    inputs = as_type(case.inputs(rng, *size), np.float32)
    forward, backward = both_passes(case.exercise)
    y, _ = forward(*inputs)
    dy = as_type(normal(rng, y.shape), np.float32) if np.ndim(y) else []

    def ours() -> Any:
        _, cache = forward(*inputs)
        return backward(*dy, cache)

    @jax.jit
    def vjp(inputs: list[Any], dy: Any) -> Any:
        def of(*learnt: Any) -> Any:
            full = list(inputs)
            for k, value in zip(case.learnt, learnt, strict=True):
                full[k] = value
            return case.jax(*full)
        return jax.vjp(of, *(inputs[k] for k in case.learnt))[1](dy)

    on_jax = [jax.numpy.asarray(a) for a in inputs]
    jax_dy = jax.numpy.asarray(dy[0] if dy else np.float32(1))
    on_torch = [torch.from_numpy(a) if isinstance(a, np.ndarray) else float(a) for a in inputs]
    for k in case.learnt:
        on_torch[k].requires_grad_()
    torch_dy = torch.from_numpy(dy[0]) if dy else None

    def autograd() -> Any:
        return torch.autograd.grad(case.torch(*on_torch), [on_torch[k] for k in case.learnt], torch_dy)

    calls: dict[str, Call] = {"exported": ours, "jax": lambda: jax.block_until_ready(vjp(on_jax, jax_dy)),
                              "torch": autograd}
    agree(calls)
    return calls


def agree(calls: Mapping[str, Call]) -> None:
    """All compute the same, to single precision: a contender that does not is a mistake of this file."""
    answers = [found if isinstance(found, tuple | list) else (found,) for found in (call() for call in calls.values())]
    for others in answers[1:]:
        for one, other in zip(answers[0], others, strict=True):
            one, other = np.asarray(one, float), np.asarray(other, float)
            assert np.allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(one).max()), calls.keys()


# ---- measuring

def paired(calls: Mapping[str, Call]) -> dict[str, list[float]]:
    """Seconds a call of each, in rounds: in every round each has its turn, in another order."""
    rng = np.random.default_rng(0)
    repeats = {}
    for name, call in calls.items():
        call()
        start = perf_counter()
        call()
        repeats[name] = max(1, round(SHORTEST / max(perf_counter() - start, 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = perf_counter() + SECONDS
    while perf_counter() < end or len(times["exported"]) < ROUNDS:
        for name in rng.permutation(list(calls)):
            start = perf_counter()
            for _ in range(repeats[name]):
                calls[name]()
            times[name].append((perf_counter() - start) / repeats[name])
    return times


def ratio(times: Mapping[str, Sequence[float]], to: str) -> float:
    """The exported pass over another one: the median over the rounds."""
    return median(a / b for a, b in zip(times["exported"], times[to], strict=True))


def fastest(times: Mapping[str, Sequence[float]], among: Sequence[str]) -> str:
    return min(among, key=lambda name: median(times[name]))


def milliseconds(times: Sequence[float]) -> str:
    return f"{1e3 * median(times):.3g}"


def against_hands() -> Iterator[str]:
    """Backward passes alone."""
    yield ("| backward | sizes | by hand, float32 ms | exported | ratio | by hand, float64 ms | exported | ratio |\n"
           "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    largest: dict[str, float] = {}
    for case in CASES:
        for size in case.sizes:
            row = shown(case, size)
            for dtype in (np.float32, np.float64):
                times = paired(backward_passes(case, size, dtype))
                best = fastest(times, tuple(case.by_hand))
                found = ratio(times, best)
                largest[case.exercise] = max(largest.get(case.exercise, 0), found)
                hand = milliseconds(times[best]) + (best and f" ({best})")
                row += f"| {hand} | {milliseconds(times['exported'])} | {found:.2f} "
                if "columns kept" in times:
                    largest["columns kept"] = max(largest.get("columns kept", 0), ratio(times, "columns kept"))
            yield row + "|"
    wanted = ", ".join(f"{case.exercise} {largest[case.exercise]:.2f} ({case.limit})" for case in CASES)
    yield (f"\nExported over the fastest by hand, largest ratio (wanted): {wanted}. Over a convolution by hand that is "
           f"handed the columns of its images by its forward pass: {largest['columns kept']:.2f}.\n")


def against_frameworks() -> Iterator[str]:
    """Forward and backward."""
    yield ("| both passes, float32 | sizes | exported ms | jit(vjp), JAX | ratio | autograd, PyTorch | ratio |\n"
           "| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for case in CASES:
        for size in case.sizes:
            times = paired(whole_passes(case, size))
            yield (shown(case, size) + f"| {milliseconds(times['exported'])} | {milliseconds(times['jax'])} "
                   f"| {ratio(times, 'jax'):.2f} | {milliseconds(times['torch'])} | {ratio(times, 'torch'):.2f} |")
    yield f"\nThe exported pass over the other: below 1 it is the faster one. {versions()}\n"


def versions() -> str:
    import jax
    import torch
    return (f"One thread each: the process is pinned to one core (PyTorch says {torch.get_num_threads()}). "
            f"NumPy {np.__version__}, JAX {jax.__version__}, PyTorch {torch.__version__.partition('+')[0]}.")


def report() -> Iterator[str]:
    """The tables, by a process of its own."""
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-m", "benchmarks.exported"], stdout=subprocess.PIPE, text=True,
                          env=os.environ | one_thread) as child:
        assert child.stdout is not None
        for line in child.stdout:
            yield line.rstrip("\n")
    if child.returncode:
        raise SystemExit(child.returncode)


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})          # before JAX counts the cores
    for part in (against_hands, against_frameworks):
        for line in part():
            print(line, flush=True)
