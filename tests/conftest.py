"""One fixed Hypothesis profile for CI, one ten times as large on request: `pytest --hypothesis-profile=large`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("ci", max_examples=400, derandomize=True, **COMMON)  # type: ignore[arg-type]
settings.register_profile("large", max_examples=4000, **COMMON)  # type: ignore[arg-type]
settings.load_profile("ci")
