"""NumPy, JAX and PyTorch, a row each: how arrays get in and out, and how a function of theirs is differentiated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Arrays = Sequence[Any]


Vjp = Callable[[Arrays, Sequence[NDArray[Any]]], tuple[Any, list[Any]]]


@dataclass(frozen=True, slots=True)
class Framework:
    """into: a NumPy array as one of its own. out: back, as it is. setting: in which it computes in a dtype.

    ready: a function that is to be called many times. vjp: of a function by the arguments at some places: from its
    arguments and the cotangents of its results to the results, and the cotangents of those arguments.
    """

    into: Callable[[NDArray[Any]], Any]
    out: Callable[[Any], NDArray[Any]]
    setting: Callable[[str], AbstractContextManager[Any]]
    ready: Callable[[Callable[..., Any]], Callable[..., Any]]
    vjp: Callable[[Callable[..., Any], Sequence[int]], Vjp]


def leaves(result: Any) -> list[Any]:
    """The arrays of a result, in order: those of a tuple, or a lone one."""
    if isinstance(result, Mapping):
        return list(result.values())
    return list(result) if isinstance(result, tuple | list) else [result]


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _not_numpy(function: Callable[..., Any], wanted: Sequence[int]) -> Vjp:
    raise TypeError("NumPy functions cannot be differentiated; give the backward pass")


def _jax_into(array: NDArray[Any]) -> Any:
    import jax.numpy as jnp
    return jnp.asarray(array)


def _jax_setting(dtype: str) -> AbstractContextManager[Any]:
    import jax
    setting: AbstractContextManager[Any] = jax.enable_x64(dtype == "float64")
    return setting


def _jax_ready(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled once for each shape, unless it asks for numbers on the way, as `if x > 0` does.

    Compiling takes longer than running, so it is not asked to optimise. Integers are not traced.
    """
    import jax
    compiled: dict[Any, Callable[..., Any]] = {}
    cannot: list[bool] = []

    def call(*arguments: Any, **named: Any) -> Any:
        if cannot:
            return function(*arguments, **named)
        fixed = {k: one for k, one in enumerate(arguments) if isinstance(one, int)}
        fixed_named = {name: one for name, one in named.items() if isinstance(one, int)}
        key = (*fixed.items(), *fixed_named.items())
        if key not in compiled:
            def traced(arrays: list[Any], named_arrays: dict[str, Any]) -> Any:
                rest = iter(arrays)
                return function(*(fixed[k] if k in fixed else next(rest) for k in range(len(arguments))),
                                **named_arrays, **fixed_named)
            compiled[key] = jax.jit(traced, compiler_options={"xla_backend_optimization_level": 0})
        try:
            return compiled[key]([one for k, one in enumerate(arguments) if k not in fixed],
                                 {name: one for name, one in named.items() if name not in fixed_named})
        except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
            cannot.append(True)
            return function(*arguments, **named)
    return call


def _jax_vjp(function: Callable[..., Any], wanted: Sequence[int]) -> Vjp:
    import jax
    import jax.numpy as jnp

    def both(cotangents: Sequence[Any], *arguments: Any) -> tuple[Any, list[Any]]:
        def of_wanted(*varied: Any) -> Any:
            every = list(arguments)
            for place, value in zip(wanted, varied, strict=True):
                every[place] = value
            return function(*every)

        result, back = jax.vjp(of_wanted, *(jnp.asarray(arguments[place]) for place in wanted))
        parts, tree = jax.tree_util.tree_flatten(result)
        # What has no cotangent of its own does not count for the loss.
        given = [jnp.asarray(cotangents[k], part.dtype) if k < len(cotangents) else jnp.zeros_like(part)
                 for k, part in enumerate(parts)]
        return result, list(back(jax.tree_util.tree_unflatten(tree, given)))

    ready = _jax_ready(both)
    return lambda arguments, cotangents: ready(list(cotangents), *arguments)


def _torch_into(array: NDArray[Any]) -> Any:
    import torch
    return torch.from_numpy(np.array(array))


def _torch_out(tensor: Any) -> NDArray[Any]:
    return np.asarray(tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else tensor)


def _torch_vjp(function: Callable[..., Any], wanted: Sequence[int]) -> Vjp:
    import torch

    def both(arguments: Arrays, cotangents: Sequence[NDArray[Any]]) -> tuple[Any, list[Any]]:
        every = list(arguments)
        for place in wanted:
            every[place] = torch.as_tensor(every[place]).clone().requires_grad_(True)
        result = function(*every)
        pairs = [(part, torch.as_tensor(np.array(cotangent), dtype=part.dtype))
                 for part, cotangent in zip(leaves(result), cotangents, strict=False) if part.requires_grad]
        varied = [every[place] for place in wanted]
        found = torch.autograd.grad([part for part, _ in pairs], varied, [given for _, given in pairs],
                                    allow_unused=True)
        return result, [torch.zeros_like(one) if gradient is None else gradient
                        for one, gradient in zip(varied, found, strict=True)]
    return both


FRAMEWORKS: Final[Mapping[str, Framework]] = {
    "numpy": Framework(np.asarray, np.asarray, lambda dtype: nullcontext(), _as_it_is, _not_numpy),
    "jax": Framework(_jax_into, np.asarray, _jax_setting, _jax_ready, _jax_vjp),
    "torch": Framework(_torch_into, _torch_out, lambda dtype: nullcontext(), _as_it_is, _torch_vjp),
}
