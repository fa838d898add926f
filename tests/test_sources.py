"""`MODULE:FUNCTION`: what is found, what is passed over, and what is said where it cannot be loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from derivs.errors import DerivsError
from derivs.testing.child import Child
from derivs.testing.limits import Limits
from derivs.testing.sources import _without_magics, frameworks, source

GOOD = "def backward(dy, x):\n    return dy * (x > 0)\n"


def notebook(*cells: str) -> str:
    """A notebook of code cells behind a cell of text."""
    made = [{"cell_type": "markdown", "metadata": {}, "source": ["# Softmax"]}]
    made += [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
              "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def found(text: str, forward: str = "") -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """The parameters of each function, and the remarks."""
    with Child(source(text, forward), Limits(load=5.0), sandbox="off") as child:
        return {role: one.parameters for role, one in child.describe().items()}, child.remarks


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- what is found ---------------------------------------------------------------------------------------------------

def test_a_file(here: Path) -> None:
    (here / "student.py").write_text(GOOD, encoding="utf-8")
    assert found("student.py:backward") == ({"backward": ("dy", "x")}, ())


def test_a_pair_of_functions(here: Path) -> None:
    (here / "student.py").write_text(f"{GOOD}\ndef forward(x):\n    return x, x\n", encoding="utf-8")
    assert found("student.py:backward", "forward")[0] == {"forward": ("x",), "backward": ("dy", "x")}


def test_a_method_and_a_file_beside_it(here: Path) -> None:
    (here / "layers.py").write_text("class Relu:\n    @staticmethod\n    def backward(dy, x):\n        pass\n",
                                    encoding="utf-8")
    (here / "student.py").write_text("from layers import Relu\n", encoding="utf-8")
    assert found("student.py:Relu.backward")[0] == {"backward": ("dy", "x")}


def test_a_file_called_as_a_library_is(here: Path) -> None:
    (here / "json.py").write_text(GOOD, encoding="utf-8")      # the worker has the library already
    assert found("json.py:backward")[0] == {"backward": ("dy", "x")}


def test_a_module_by_its_dotted_name(here: Path) -> None:
    (here / "course").mkdir()
    (here / "course" / "__init__.py").touch()
    (here / "course" / "layers.py").write_text(GOOD, encoding="utf-8")
    assert found("course.layers:backward")[0] == {"backward": ("dy", "x")}


def test_a_dataclass_beside_it_is_made(here: Path) -> None:
    (here / "student.py").write_text("from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
                                     f"@dataclass\nclass Cache:\n    x: float\n\n{GOOD}", encoding="utf-8")
    assert found("student.py:backward")[0] == {"backward": ("dy", "x")}


# ---- notebooks -------------------------------------------------------------------------------------------------------

def test_a_notebook(here: Path) -> None:
    (here / "week 3.ipynb").write_text(notebook("import numpy as np\n%matplotlib inline", "x = np.ones(3)\ndisplay(x)",
                                                GOOD, "%%timeit\nbackward(x, x)", "!pip install numpy"),
                                       encoding="utf-8")
    functions, remarks = found("week 3.ipynb:backward")
    assert functions == {"backward": ("dy", "x")}
    assert remarks == ("week 3.ipynb, code cell 1: left out: %matplotlib inline",
                       "week 3.ipynb, code cell 4: left out: %%timeit",
                       "week 3.ipynb, code cell 5: left out: !pip install numpy")


def test_a_cell_that_fails_is_passed_over(here: Path) -> None:
    (here / "a.ipynb").write_text(notebook("data = open('mnist.csv').read()", GOOD, "data = (\n"), encoding="utf-8")
    functions, remarks = found("a.ipynb:backward")
    assert functions == {"backward": ("dy", "x")}
    assert len(remarks) == 2
    assert remarks[0].startswith("a.ipynb, code cell 1:1: while it is loaded: FileNotFoundError")
    assert remarks[1].startswith("a.ipynb, code cell 3:1: this is not Python: '(' was never closed")


def test_a_function_from_a_cell_that_fails_is_missing(here: Path) -> None:
    (here / "a.ipynb").write_text(notebook("1 / 0\n" + GOOD), encoding="utf-8")
    with pytest.raises(DerivsError, match=r"(?s)no function 'backward'.*code cell 1:1.*ZeroDivisionError"):
        found("a.ipynb:backward")


@pytest.mark.parametrize("cell, kept, dropped", [
    ("x = 7\ny = (x\n     % 3)", "x = 7\ny = (x\n     % 3)", []),
    ("%time x = 7\ny = 3", "pass\ny = 3", ["%time x = 7"]),
    ("if True:\n    %time x = 7", "if True:\n    pass", ["%time x = 7"]),
    ("%%bash\nls", "\n\n", ["%%bash"]),
    ("", "", []),
])
def test_magics_are_left_out(cell: str, kept: str, dropped: list[str]) -> None:
    assert _without_magics(cell) == (kept, dropped)


# ---- frameworks, seen without running it -----------------------------------------------------------------------------

@pytest.mark.parametrize("files, needs", [
    ({"a.py": "import numpy as np"}, set()),
    ({"a.py": "import jax.numpy as jnp"}, {"jax"}),
    ({"a.py": "def f():\n    from torch import nn"}, {"torch"}),
    ({"a.py": "import helper", "helper.py": "import flax"}, {"jax"}),
    ({"a.py": "from . import helper", "helper.py": "import a, torch"}, {"torch"}),
    ({"a.py": "import jaxtyping"}, set()),
    ({"a.py": "x = 'import jax'"}, set()),
    ({"a.py": "import ("}, set()),
])
def test_frameworks_are_seen(files: dict[str, str], needs: set[str], here: Path) -> None:
    for name, text in files.items():
        (here / name).write_text(text, encoding="utf-8")
    assert frameworks(source("a.py:f")) == needs


def test_a_framework_of_the_authors_own_making_is_not_run_before_the_limits_hold(here: Path) -> None:
    own = "import resource\nLIMIT = resource.getrlimit(resource.RLIMIT_FSIZE)[0]\n"
    (here / "jax.py").write_text(own, encoding="utf-8")
    (here / "student.py").write_text(f"import jax\nassert getattr(jax, 'LIMIT', 0) in (0, 1_000_000)\n{GOOD}",
                                     encoding="utf-8")
    for text in ("student.py:backward", "student:backward"):
        assert found(text)[0] == {"backward": ("dy", "x")}


# ---- what is said ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, words", [
    ("student.py", r"'student.py' names no function\n    write student.py:FUNCTION"),
    (":backward", "names no function"),
    ("student.py:", "names no function"),
    ("student.py:1", "'1' is no name of a function"),
    ("student.py:a b", "'a b' is no name of a function"),
    ("studnt.py:backward", r"studnt.py: there is no such file\n    did you mean 'student.py'\?"),
    ("no/where.py:backward", "no/where.py: there is no such file"),
    ("student.txt:backward", "neither a .py file, nor a notebook, nor a module"),
    ("..:backward", "neither a .py file"),
])
def test_a_name_that_names_nothing(text: str, words: str, here: Path) -> None:
    for name in ("student.py", "student.txt"):
        (here / name).write_text(GOOD, encoding="utf-8")
    with pytest.raises(DerivsError, match=words):
        source(text)


@pytest.mark.parametrize("code, words", [
    ("x = (1\n", r"student.py:1: this is not Python: '\(' was never closed\n    x = \(1\n        \^"),
    ("\ndef f(x):\n  return x +\n", r"student.py:3: this is not Python: invalid syntax\n      return x \+\n"),
    ("x = 1\0", "student.py: this is not Python: source code string cannot contain null bytes"),
    (b"x = '\xff'", "student.py: this is not UTF-8: byte 6"),
    ("\x0c" + "(" * 5000, "student.py:1: this is not Python: too many nested parentheses"),
    ("def backwards(dy, x):\n    pass\n", r"no function 'backward' in it\n    did you mean 'backwards'\?"),
    ("", r"no function 'backward' in it\n    there is no function in it at all"),
    ("backward = 3", "TypeError: int is not a function"),
    ("import scipyy", r"student.py:1: it imports scipyy, which is not installed here\n    import scipyy\n    install"),
    ("import broken", r"broken.py:2: this is not Python"),
    ("def f():\n    1 / 0\n\nf()\n", r"student.py:2: while it is loaded: ZeroDivisionError: division by zero\n    1 /"),
    ("exit()", r"student.py:1: it ends the program while it is loaded\n    exit\(\)\n    put it under if __name__"),
    ("raise KeyboardInterrupt", "student.py:1: while it is loaded: KeyboardInterrupt"),
    ("class E(Exception):\n    def __str__(self): raise E\nraise E", "student.py:3: while it is loaded: E"),
])
def test_code_that_cannot_be_loaded(code: str | bytes, words: str, here: Path) -> None:
    (here / "student.py").write_bytes(code.encode() if isinstance(code, str) else code)
    (here / "broken.py").write_text("x = 1\ny = (\n", encoding="utf-8")
    with pytest.raises(DerivsError, match=words):
        found("student.py:backward")


@pytest.mark.parametrize("text, words", [
    ("course.layrs:backward", "course.layrs: there is no module course.layrs"),
    ("curse.layers:backward", "curse.layers: there is no module curse"),
    ("course.layers:backward", "layers.py:1: it imports scipyy"),
])
def test_a_module_that_cannot_be_loaded(text: str, words: str, here: Path) -> None:
    (here / "course").mkdir()
    (here / "course" / "__init__.py").touch()
    (here / "course" / "layers.py").write_text("import scipyy\n", encoding="utf-8")
    with pytest.raises(DerivsError, match=words):
        found(text)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cells": 3}', '{"cells": [{}]}', "[" * 100_000])
def test_what_is_no_notebook(text: str, here: Path) -> None:
    (here / "a.ipynb").write_text(text, encoding="utf-8")
    with pytest.raises(DerivsError, match=r"a.ipynb: this is no notebook"):
        found("a.ipynb:backward")
