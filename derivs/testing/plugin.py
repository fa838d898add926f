"""The pytest plugin: suites of functions, exercises and derivations as test items. See docs/testing.md.

    test_x = derivs.testing.Suite(...), @derivs.testing.backward(...)      an item a property
    exercise_*.py, exercise_*.toml                                         an item a target or hand formula
    derive_*.tex, derive_*.md                                              an item a line

pytest loads this in every run, so nothing is imported here but pytest; what collects is in `derivs.testing.items`.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pytest

EXAMPLES: Final = 100
PATTERNS: Final = {"derivs_exercises": ["exercise_*.py", "exercise_*.toml"],
                   "derivs_derivations": ["derive_*.tex", "derive_*.md"]}
SUITES: Final = "derivs.testing.suites"
MARK: Final = "__derivs_suite__"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("derivs", "gradients tested by derivs")
    group.addoption("--derivs-examples", type=int, default=EXAMPLES, metavar="N",
                    help="random inputs for each function under test (default: %(default)s)")
    parser.addini("derivs_exercises", "files that declare exercises: every target is proved", "args",
                  PATTERNS["derivs_exercises"])
    parser.addini("derivs_derivations", "files with hand derivations: every line is judged", "args",
                  PATTERNS["derivs_derivations"])


def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> Any:
    """A suite in a test module, under any name, or a function that is marked by one."""
    if isinstance(obj, FunctionType):
        obj = obj.__dict__.get(MARK)
    elif isinstance(obj, type):
        obj = vars(obj).get(MARK)
    if type(obj).__module__ != SUITES:
        return None
    from derivs.testing.items import SuiteItems
    return SuiteItems.of(collector, name, obj)


def pytest_collect_file(file_path: Path, parent: Any) -> Any:
    """An exercise or a derivation, by the name of its file; what pytest takes for a test module stays one."""
    name, config = file_path.name, parent.config
    if file_path.suffix == ".py" and any(fnmatch(name, one) for one in config.getini("python_files")):
        return None
    if any(fnmatch(name, one) for one in config.getini("derivs_exercises")):
        from derivs.testing.items import ExerciseFile
        return ExerciseFile.from_parent(parent, path=file_path)
    if any(fnmatch(name, one) for one in config.getini("derivs_derivations")):
        from derivs.testing.items import DerivationFile
        return DerivationFile.from_parent(parent, path=file_path)
    return None
