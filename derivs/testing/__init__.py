"""Property suites for anyone's backward pass, and Hypothesis strategies for the inputs of any exercise.

`import derivs.testing` alone costs nothing: what is asked for is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from derivs.testing.example import Example
    from derivs.testing.strategies import cotangents, inputs, problems, sizes
    from derivs.testing.suite import Report, check
    from derivs.testing.suites import Suite, backward

__all__ = ["Example", "Report", "Suite", "backward", "check", "cotangents", "inputs", "problems", "sizes"]

HOMES = {"Example": "example", "cotangents": "strategies", "inputs": "strategies", "problems": "strategies",
         "sizes": "strategies", "Report": "suite", "check": "suite", "Suite": "suites", "backward": "suites"}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
