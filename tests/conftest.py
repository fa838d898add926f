"""One fixed Hypothesis profile for CI, one ten times as large on request: `pytest --hypothesis-profile=large`.

The fixtures that several modules use.
"""

from __future__ import annotations

import pytest
from browsing import browser, open_page  # noqa: F401  fixtures of all the tests
from hypothesis import HealthCheck, settings

COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("ci", max_examples=400, derandomize=True, **COMMON)  # type: ignore[arg-type]
settings.register_profile("large", max_examples=4000, **COMMON)  # type: ignore[arg-type]
settings.load_profile("ci")

LIMITS = ("papers.SECONDS", "papers.MENDING", "papers.MENDING_IN_ALL", "hole.SECONDS")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit of time stops a verdict or the search for a mend: what is found must not depend on a busy machine."""
    for limit in LIMITS:
        monkeypatch.setattr(f"derivs.{limit}", 60.0)
