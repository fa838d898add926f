"""What Hypothesis calls when it is imported: from then on `st.from_type(Problem)` is an exercise of the library."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from derivs.problem import Problem
from derivs.testing.example import Example


def register() -> None:
    """Problem: the exercises that come with the package. Example: inputs of one of them, with its cotangents."""
    st.register_type_strategy(Problem, _problems)
    st.register_type_strategy(Example, _examples)


def _problems(_: object) -> Any:
    from derivs.testing.strategies import problems
    return problems()


def _examples(_: object) -> Any:
    from derivs.testing.strategies import inputs, problems
    return problems().flatmap(inputs)
