"""The pytest plugin: suites, exercises and derivations as items, whose failures are our own blocks."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INSTALLED = any(point.value == "derivs.testing.plugin" for point in entry_points(group="pytest11"))

SUITES = '''
import numpy as np
import derivs.testing


@derivs.testing.backward("softmax_temperature")
def softmax_backward(dy, x, beta):
    e = np.exp(-beta * x - (-beta * x).max())
    y = e / e.sum()
    return -beta * y * (1 - y) * dy


def relu_backward(dout, x):
    return dout * (x > 0)


def test_a_marked_function_is_a_function():
    assert softmax_backward(np.ones(1), np.ones(1), 1.0) == 0


test_relu = derivs.testing.Suite("relu", relu_backward)
test_unmapped = derivs.testing.Suite("relu", lambda foo, x: foo)
'''
FILES = {
    "test_suites.py": SUITES,
    "exercise_relu.py": (ROOT / "problems" / "relu.py").read_text(encoding="utf-8"),
    "exercise_wrong.py": (ROOT / "problems" / "relu.py").read_text(encoding="utf-8").replace(
        "targets=[Target(d(L, X[i, j]), bar(Y)[i, j] * Indicator(X[i, j] > 0))]",
        "targets=[Target(d(L, X[i, j]), bar(Y)[i, j] * X[i, j])]"),
    "exercise_gelu.toml": (ROOT / "tests/textbook/gelu.toml").read_text(encoding="utf-8"),
    "derive_gelu.tex": "% derivs: exercise_gelu.toml\n" + (ROOT / "tests/textbook/gelu.wrong.tex").read_text(
        encoding="utf-8"),
    "derive_sigmoid.md": "<!-- derivs: sigmoid -->\n$$\\frac{\\partial y}{\\partial x} = y (1 - y)$$\n",
    "other.tex": r"\[ \frac{\partial y}{\partial x} = 7 \]",
}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    plugin = () if INSTALLED else ("-p", "derivs.testing.plugin")
    return subprocess.run([sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider", "-p", "no:xdist",
                           "--no-header", *arguments], cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest prints for the files above."""
    folder = tmp_path_factory.mktemp("plugin")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    done = run(folder, "-v", "--derivs-examples", "40")
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("item, outcome", [
    ("test_suites.py::test_relu::gradient by X", "PASSED"),
    ("test_suites.py::test_relu::kinks of X", "PASSED"),
    ("test_suites.py::softmax_backward::gradient by x", "FAILED"),
    ("test_suites.py::softmax_backward::gradient by beta", "SKIPPED"),
    ("test_suites.py::softmax_backward::linear", "PASSED"),
    ("test_suites.py::test_unmapped::parameters", "FAILED"),
    ("test_suites.py::test_a_marked_function_is_a_function", "PASSED"),
    ("exercise_relu.py::1 ∂L/∂X_ij = ∂L/∂Y_ij · 1[X_ij > 0]", "PASSED"),
    ("exercise_wrong.py::1 ∂L/∂X_ij = ∂L/∂Y_ij · X_ij", "FAILED"),
    ("exercise_wrong.py::by hand 1 ∂L/∂X_ij = ∂L/∂Y_ij · 1[X_ij > 0]", "PASSED"),
    ("derive_gelu.tex::line 11", "PASSED"),
    ("derive_gelu.tex::line 5", "FAILED"),
    ("derive_sigmoid.md::line 2", "PASSED"),
])
def test_an_item_and_its_outcome(session: str, item: str, outcome: str) -> None:
    assert any(line.startswith(f"{item} {outcome}") for line in session.splitlines()), session


@pytest.mark.parametrize("block", [
    """\
softmax_temperature, softmax_backward: ✗ gradient by x fails
      at n = 2, x = (0, 0), β = 1, ∂E/∂y = (0, 1)
""", """\
      only the terms with equal indices are counted: Σ_k ∂E/∂y_k · y_k
""", """\
relu: what the parameter foo of <lambda> stands for is not known
    say it: names={'foo': 'Y_bar'}; the exercise has Y_bar, Y, N, D
""", """\
∂L/∂X_ij = ∂L/∂Y_ij · X_ij
    Refuted: at N = 1, D = 1, i = 1, j = 1, X = ((-1)), ∂L/∂Y = ((1)) the left side is 0, the right side -1
""", r"""
         \Phi'(x_i) &= \frac{1}{2} \cdot \frac{2}{\sqrt{\pi}} e^{-x_i^2/2}
                                                        ^^^
         a number is wrong: write 2 \pi for \pi
"""])
def test_a_failure_is_a_block_of_ours(session: str, block: str) -> None:
    assert block in session, session


def test_no_failure_has_a_traceback_and_no_other_file_is_read(session: str) -> None:
    assert "Traceback" not in session and "test_suites.py:" not in session.replace("test_suites.py::", "")
    assert "other.tex" not in session


@pytest.mark.parametrize("name, text, message", [
    ("derive_x.tex", r"\[ y = 1 \]", "no exercise is named in its first 20 lines"),
    ("derive_x.tex", "% derivs: sigmoyd", "did you mean 'sigmoid'?"),
    ("exercise_x.toml", "name = ", "this is not TOML"),
    ("exercise_x.py", "EXERCISE = 1", "its EXERCISE is not an Exercise"),
])
def test_a_file_that_cannot_be_read_is_said_to_be_so(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    done = run(tmp_path)
    assert done.returncode == 2 and message in done.stdout and "Traceback" not in done.stdout


def test_patterns_are_a_choice(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nderivs_derivations = *.tex\n", encoding="utf-8")
    (tmp_path / "homework.tex").write_text("% derivs: sigmoid\n\\[ \\frac{\\partial y}{\\partial x} = y (1 - y) \\]\n",
                                           encoding="utf-8")
    (tmp_path / "derive_x.md").write_text("nothing", encoding="utf-8")
    assert "1 passed" in run(tmp_path).stdout


def test_the_plugin_imports_nothing_until_something_is_collected() -> None:
    code = ("import sys, derivs.testing.plugin\n"
            "print({'numpy', 'hypothesis', 'sympy', 'jax', 'derivs.testing.items'} & set(sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
