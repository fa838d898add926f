"""The nouns between a function and who asks: what it is, how it is called, what it answers.

They are JSON and NumPy arrays, nothing else, so that the function may live in another process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = Literal["function", "custom_vjp", "autograd.Function"]
Use = Literal["backward", "pair", "forward", "vjp"]
Values = Mapping[str, "NDArray[Any] | int | float"]

CACHE: Final = "cache"                 # stands for what a forward pass returns beside its results
NOTHING: Final = "None"

Noun = TypeVar("Noun", "Description", "Plan")


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a function before it is called.

    defaults: the parameters that have one. by_name: those that cannot be given by position. returned: the names in its
    return statement, where they can be read, "" for what is no name.
    """

    kind: Kind
    framework: str
    parameters: tuple[str, ...]
    defaults: tuple[str, ...] = ()
    name: str = ""
    by_name: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> Description:
        return _from_json(Description, fields)


@dataclass(frozen=True, slots=True)
class Plan:
    """How functions are called, and what their results are.

    kind: `backward` calls the backward pass with `arguments`; `pair` calls the forward pass with `forward` first, and
    hands what it returns beside its outputs to the parameter that stands for `cache`; `vjp` differentiates the forward
    pass; `forward` only calls it.
    arguments, forward: tensor by parameter. cotangents: those of the outputs, in order, for `vjp`. returns: the tensors
    whose gradients come back, in order, "" for what is none. lone: that of a lone array, where `returns` are several.
    outputs: what the forward pass returns. keys: the tensors by the keys of a returned dict, in small letters.
    """

    kind: Use
    framework: str
    arguments: Mapping[str, str]
    cotangents: tuple[str, ...]
    returns: tuple[str, ...]
    dtype: str = "float64"
    outputs: tuple[str, ...] = ()
    forward: Mapping[str, str] = field(default_factory=dict)
    lone: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    by_name: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> Plan:
        return _from_json(Plan, fields)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `y` forward, `x_bar` the gradient by x. error: "", or what went wrong, in words.

    shapes, dtypes: as they were returned; values are float64. mutated: the inputs that the call has changed.
    """

    values: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    mutated: tuple[str, ...] = ()
    error: str = ""
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)


def _from_json(noun: Callable[..., Noun], fields: Mapping[str, Any]) -> Noun:
    """Lists are tuples again."""
    return noun(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})
