"""What can be known of a function without calling it: its kind, its framework, its parameters and results."""

from __future__ import annotations

import inspect
from types import FunctionType, ModuleType
from typing import Any

from derivs.testing.calls import Description, Kind
from derivs.testing.returned import returned


def describe(function: object) -> Description:
    """What a function is, and what its parameters are called. Raises TypeError for what cannot be called."""
    kind, called = _kind(function)
    if not callable(called):
        raise TypeError(f"{type(function).__name__} is not a function")
    parameters = list(inspect.signature(called).parameters.values())
    if kind == "autograd.Function":
        parameters = parameters[1:] if parameters and parameters[0].name in ("ctx", "self", "_") else parameters
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return Description(kind, _framework(kind, called), tuple(p.name for p in named),
                       tuple(p.name for p in named if p.default is not p.empty),
                       str(getattr(function, "__name__", type(function).__name__)),
                       tuple(p.name for p in named if p.kind is p.KEYWORD_ONLY), returned(called))


def _kind(function: object) -> tuple[Kind, Any]:
    """Which kind it is, and whose parameters count."""
    modules = [f"{one.__module__}.{one.__qualname__}" for one in inspect.getmro(function)[1:]] if isinstance(
        function, type) else []
    if "torch.autograd.function.Function" in modules:
        return "autograd.Function", function.forward  # type: ignore[attr-defined]
    if type(function).__name__ == "custom_vjp" and type(function).__module__.startswith("jax"):
        return "custom_vjp", function
    return "function", function


def _framework(kind: Kind, function: object) -> str:
    """Whose functions it calls, by the modules that its names stand for."""
    if kind != "function":
        return "jax" if kind == "custom_vjp" else "torch"
    inner = inspect.unwrap(function) if callable(function) else function
    if type(function).__module__.startswith("jax"):
        return "jax"
    if not isinstance(inner, FunctionType):
        return "numpy"
    closed = inspect.getclosurevars(inner)
    homes = {name.split(".")[0] for value in (*closed.globals.values(), *closed.nonlocals.values())
             for name in _homes(value)} | set(inner.__code__.co_names)
    return next((name for name in ("torch", "jax") if name in homes), "numpy")


def _homes(value: object) -> tuple[str, ...]:
    if isinstance(value, ModuleType):
        return (value.__name__,)
    return (str(getattr(value, "__module__", "") or ""), type(value).__module__)
