"""One call of somebody's function: arrays by name in, arrays by name out, and what went wrong in words.

`describe` says what can be known of a function without calling it; a Plan, made of that by `derivs.testing.signature`,
says how it is called; an Engine calls it.
"""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from derivs.problem import bar
from derivs.testing.calls import CACHE, NOTHING, Answer, Description, Kind, Plan, Use, Values
from derivs.testing.described import describe
from derivs.testing.frameworks import FRAMEWORKS, Vjp, leaves

__all__ = ["CACHE", "NOTHING", "Answer", "Description", "Engine", "Kind", "Plan", "Use", "Values", "describe"]

LONGEST: Final = 400                   # characters of an error's message


class Engine:
    """Functions with the plan of how they are called. functions: `backward`, `forward`, or both."""

    def __init__(self, functions: Mapping[str, object], plan: Plan) -> None:
        self.plan = plan
        self.framework = FRAMEWORKS[plan.framework]
        self.functions: Mapping[str, Any] = functions
        self._ready: dict[str, Callable[..., Any]] = {}
        self._vjp: Vjp | None = None

    def ready(self, name: str) -> Callable[..., Any] | None:
        """The `backward` or `forward` pass, as its framework wants it for many calls."""
        if name not in self._ready and name in self.functions:
            self._ready[name] = self.framework.ready(self.functions[name])
        return self._ready.get(name)

    def vjp(self) -> Vjp:
        """The vjp of the forward pass, by the tensors that are wanted."""
        if self._vjp is None:
            function = self.functions.get("forward", self.functions.get("backward"))
            names = list(self.plan.arguments.values())
            self._vjp = self.framework.vjp(_by_position(function, self.plan),
                                           [names.index(tensor) for tensor in self.plan.returns])
        return self._vjp

    def __call__(self, arrays: Values) -> Answer:
        """One call. Whatever the function does, short of ending the process, is in the answer."""
        call = _Call(self, arrays)
        try:
            with self.framework.setting(self.plan.dtype), np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                call.run()
        except KeyboardInterrupt:
            raise
        except Misfit as error:
            return Answer(mutated=call.mutated(), error=str(error))
        except BaseException as error:             # the author's code: whatever it may raise
            return Answer(mutated=call.mutated(), error=said(error))
        return Answer(call.values, call.mutated(), "", call.shapes, call.dtypes)


class Misfit(Exception):
    """What came back is not what the plan says."""


class _Call:
    """The arguments of one call, and its results."""

    def __init__(self, engine: Engine, arrays: Values) -> None:
        self.engine, self.plan, self.arrays = engine, engine.plan, arrays
        self.passed: dict[str, tuple[Any, Any]] = {}
        self.values: dict[str, NDArray[np.float64]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.dtypes: dict[str, str] = {}

    def run(self) -> None:
        if self.plan.kind == "vjp":
            return self.differentiate()
        forward, backward = self.engine.ready("forward"), self.engine.ready("backward")
        rest: tuple[Any, ...] = ()
        if forward is not None:
            result = self.called(forward, self.plan.forward, ())
            if self.plan.kind == "pair":
                result, rest = _split(result, len(self.plan.outputs))
            self.keep(self.plan.outputs, result)
        if self.plan.kind in ("backward", "pair"):
            self.keep_gradients(self.called(backward, self.plan.arguments, rest))
        return None

    def called(self, function: Any, arguments: Mapping[str, str], rest: tuple[Any, ...]) -> Any:
        caches = [name for name, tensor in arguments.items() if tensor == CACHE]
        saved = dict(zip(caches, rest, strict=False)) if len(caches) == len(rest) else dict.fromkeys(
            caches, rest[0] if len(rest) == 1 else rest)
        given = {name: saved[name] if name in saved else self.given(tensor) for name, tensor in arguments.items()}
        return function(*(value for name, value in given.items() if name not in self.plan.by_name),
                        **{name: value for name, value in given.items() if name in self.plan.by_name})

    def given(self, tensor: str) -> Any:
        """A tensor as the function sees it: a copy of its own, a plain number where it has no axes, or a size."""
        value = self.arrays[tensor]
        if isinstance(value, int):
            return value
        array = np.array(value, dtype=self.plan.dtype)
        if not array.ndim and self.plan.framework == "numpy":
            return array[()]
        own = self.engine.framework.into(array)
        self.passed[tensor] = own, array.copy()
        return own

    def differentiate(self) -> None:
        result, gradients = self.engine.vjp()(
            [self.given(name) for name in self.plan.arguments.values()],
            [np.asarray(self.arrays[name], self.plan.dtype) for name in self.plan.cotangents])
        self.keep(self.plan.outputs, result)
        for tensor, gradient in zip(self.plan.returns, gradients, strict=True):
            self.put(bar(tensor), gradient)

    def keep(self, names: Sequence[str], result: Any) -> None:
        """What the forward pass returns, as far as the exercise has names for it."""
        if isinstance(result, Mapping):
            for key, value in result.items():
                if str(key) in names:
                    self.put(str(key), value)
            if not self.values:
                raise Misfit(f"it returns a dict with the keys {_listed(result)}, of which none is "
                             f"{' or '.join(names)}")
            return
        parts = leaves(result) if isinstance(result, tuple) else [result]
        for name, value in zip(names, parts, strict=False):
            self.put(name, value)

    def keep_gradients(self, result: Any) -> None:
        if isinstance(result, Mapping):
            for key, value in result.items():
                tensor = self.plan.keys.get(str(key).lower(), "")
                if tensor:
                    self.put(bar(tensor), value)
            if not self.values.keys() & {bar(tensor) for tensor in self.plan.returns}:
                raise Misfit(f"it returns a dict with the keys {_listed(result)}, of which none names a gradient")
            return
        several = isinstance(result, tuple) or (isinstance(result, list) and len(self.plan.returns) > 1)
        parts = list(result) if several else [result]
        names: Sequence[str] = self.plan.returns
        if len(parts) == 1 and len(names) > 1 and self.plan.lone:
            names = (self.plan.lone,)
        if len(parts) != len(names):
            raise Misfit(f"it returns {len(parts)} result{'s' * (len(parts) != 1)}, not {len(names)}: the gradients by "
                         f"{', '.join(name or NOTHING for name in names)}")
        if all(value is None for value in parts):
            wanted = " and ".join(bar(name) for name in names if name)
            raise Misfit(f"for {wanted} it returns None, not an array of real numbers")
        for tensor, value in zip(names, parts, strict=True):
            if tensor and value is not None:
                self.put(bar(tensor), value)

    def put(self, name: str, value: Any) -> None:
        array = self.engine.framework.out(value)
        if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
            raise Misfit(f"for {name} it returns {_article(type(value).__name__)} of dtype {array.dtype}, "
                         "not an array of real numbers")
        self.shapes[name], self.dtypes[name] = tuple(array.shape), str(array.dtype)
        self.values[name] = np.array(array, dtype=np.float64)

    def mutated(self) -> tuple[str, ...]:
        """The inputs whose bytes are other than before the call."""
        return tuple(tensor for tensor, (own, before) in self.passed.items()
                     if self.engine.framework.out(own).tobytes() != before.tobytes())


def _by_position(function: Any, plan: Plan) -> Callable[..., Any]:
    """The function with all its arguments given by position, in the order of the plan."""
    apply = getattr(function, "apply", function) if isinstance(function, type) else function
    by_name = [name for name in plan.arguments if name in plan.by_name]
    split = len(plan.arguments) - len(by_name)
    return lambda *arguments: apply(*arguments[:split], **dict(zip(by_name, arguments[split:], strict=True)))


def said(error: BaseException) -> str:
    """`ZeroDivisionError: division by zero (line 12: return 1 / x)`: the line is the last of the function's own."""
    try:
        words = f"{type(error).__name__}: {error}"
    except Exception:
        words = type(error).__name__
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
    libraries = "site-packages", os.path.dirname(os.__file__)
    own = [frame for frame in frames if not any(part in frame.filename for part in libraries)] or frames
    words = " ".join(words.split())[:LONGEST].rstrip(": ")
    return f"{words} (line {own[-1].lineno}: {(own[-1].line or '').strip()[:LONGEST]})" if own else words


def _is_ours(file: str) -> bool:
    return os.path.dirname(file) == os.path.dirname(__file__)


def _split(result: Any, outputs: int) -> tuple[Any, tuple[Any, ...]]:
    """The outputs of a forward pass, and what it returns behind them for its backward pass."""
    if not isinstance(result, tuple) or len(result) < 2:
        raise Misfit("the forward pass returns no cache beside its result")
    if len(result) > outputs:
        return (result[0] if outputs == 1 else result[:outputs]), tuple(result[outputs:])
    return result[0], tuple(result[1:])


def _listed(keys: Mapping[Any, Any]) -> str:
    return ", ".join(str(key)[:40] for key in list(keys)[:10]) or "of none"


def _article(noun: str) -> str:
    return f"an {noun}" if noun[:1].lower() in "aeiou" else f"a {noun}"
