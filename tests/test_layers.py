"""Arrows point down only, and the path to a verdict imports neither JAX nor SymPy."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "derivs"

# From the bottom up; a module imports from its own row to its left, or from a row above it here.
LAYERS = (
    ("errors", "files", "clock", "shown"),
    ("affine", "reading.syntax"),
    ("expr",),
    ("problem", "matrices", "matrix_cost"),
    ("verdict", "derivation", "judgement"),
    ("rules.opaque", "rules.functions", "rules.identities", "rules.mistakes", "scope"),
    ("normal.atoms", "normal.ring", "normal.context", "normal.division", "normal.signs", "normal.content",
     "normal.lifting", "normal.indicators", "normal.algebra", "normal.labels", "normal.bounds", "normal.opening",
     "normal.sums", "normal.patterns", "normal.factoring", "normal.powers", "normal.zero", "normal.translate",
     "normal.readback"),
    ("wellformed", "kernels", "slopes", "sources", "worlds", "compile", "points", "bank", "evaluate", "idle", "refute",
     "differentiate", "tidy", "domains"),
    ("derive", "unfold", "shields", "cases", "prove"),
    ("alike", "cost", "house_style", "textbook", "shorthands", "compact"),
    ("box", "names", "layout", "lines", "latex", "typst", "text", "layered", "diagram", "matrix_forms",
     "matrix_layout"),
    ("reading.tables", "reading.tokens", "reading.macros", "reading.parse", "reading.rows", "reading.hidden",
     "reading.delimiters", "reading.words", "reading.document", "reading.lengths", "reading.spelling", "reading.value",
     "reading.dots", "reading.choices", "reading.vocabulary", "reading.state", "reading.forms", "reading.naming",
     "reading.conditions", "reading.functions", "reading.introduce", "reading.quotients", "reading.signs",
     "reading.atoms", "reading.binders",
     "reading.products", "reading.meaning", "reading.remember", "reading.respell", "reading.claims", "reading.chains",
     "reading.printed", "reading.rendered", "notation"),
    ("declaring", "declare"),
    ("judge", "decide", "edits.pieces", "edits.places", "edits.values", "edits.powers", "edits.functions",
     "edits.parts", "edits.indices", "edits.oddities", "edits.table", "edits.wording", "mend", "unknown", "gaps",
     "guess", "lost", "only_where", "hole", "spread", "explain", "bounded", "arrays", "samples", "oracle", "border",
     "exercise", "library"),
    ("solver", "several", "report", "masked", "checker", "translation"),
    ("papers", "margin", "rubric", "credit", "marks", "requests", "understood"),
    ("sheet",),
    ("export",),
    ("testing",),
    ("notebook",),
    ("commands",),
    ("cli",),
)
PLACE = {name: (row, column) for row, names in enumerate(LAYERS) for column, name in enumerate(names)}


def modules() -> list[str]:
    return sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.rglob("*.py")
                  if path.name != "__init__.py" and "katex" not in path.parts)


def place(module: str) -> tuple[int, int]:
    """The row of a module, or of the package that it is in."""
    return PLACE[module] if module in PLACE else PLACE[module.split(".")[0]]


def shows_itself(tree: ast.AST) -> set[ast.AST]:
    """What methods named `_repr_*_` import of `derivs.notebook`: the one arrow that points up, when one is called."""
    return {node for method in ast.walk(tree)
            if isinstance(method, ast.FunctionDef) and re.fullmatch(r"_repr_[a-z]+_", method.name)
            for node in ast.walk(method) if isinstance(node, ast.ImportFrom) and node.module == "derivs.notebook"}


def imported(module: str) -> set[str]:
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    excused = shows_itself(tree)
    for node in ast.walk(tree):
        if node in excused:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("derivs."):
            name = node.module.removeprefix("derivs.")
            folder = ROOT.joinpath(*name.split("."))
            inside = {alias.name for alias in node.names if (folder / f"{alias.name}.py").exists()}
            found |= {f"{name}.{module}" for module in inside} or {name}
        elif isinstance(node, ast.ImportFrom) and node.module == "derivs":
            found |= {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("module", modules())
def test_arrows_point_down(module: str) -> None:
    package = module.split(".")[0]
    for other in imported(module):
        inside_package = other.split(".")[0] == package and other not in PLACE
        assert inside_package or place(other) < place(module), f"{module} imports {other}"


@pytest.mark.parametrize("method, inside, excused", [
    ("_repr_html_", "from derivs.notebook import html", True),
    ("_repr_html_", "from derivs.cli import main", False),
    ("__repr__", "from derivs.notebook import html", False),
    ("show", "from derivs.notebook import html", False),
])
def test_only_a_method_that_shows_a_noun_may_import_the_notebook(method: str, inside: str, excused: bool) -> None:
    tree = ast.parse(f"class Noun:\n    def {method}(self):\n        {inside}")
    assert bool(shows_itself(tree)) is excused


def test_nouns_show_themselves_in_one_place() -> None:
    trees = {module: ast.parse(ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8"))
             for module in modules()}
    assert [module for module, tree in trees.items() if shows_itself(tree)] == ["shown"]


@pytest.mark.parametrize("module", modules())
def test_a_file_opens_by_saying_what_it_knows(module: str) -> None:
    tree = ast.parse(ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8"))
    assert (ast.get_docstring(tree) or "").strip()


@pytest.mark.parametrize("module", modules())
def test_only_the_oracle_imports_jax_and_only_the_border_sympy(module: str) -> None:
    text = ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    roots = {(node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name.split(".")[0]
             for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)
             for alias in node.names}
    assert "jax" not in roots or module.startswith(("oracle", "testing.frameworks"))
    assert "sympy" not in roots or module in ("border", "exercise")


def test_a_verdict_needs_neither_jax_nor_sympy_nor_numpy() -> None:
    code = "import sys, derivs.judge, derivs.solver; print({'jax', 'sympy', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_nothing_evaluates_text() -> None:
    """No eval, exec, parse_expr or pickle anywhere, and sympify only with strict=True, which refuses strings."""
    for module in modules():
        tree = ast.parse(ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8"))
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            owner = getattr(getattr(call.func, "value", None), "id", "")
            if name == "loads" and owner in ("json", "tomllib"):
                continue                       # data, never code
            if name == "exec" and module == "testing.sources":
                continue                       # the code under test, which the worker runs in a process with limits
            strict = any(k.arg == "strict" and getattr(k.value, "value", False) is True for k in call.keywords)
            assert name not in {"eval", "exec", "parse_expr", "loads", "parse_latex"}, module
            assert name != "sympify" or strict, module


def test_no_group_is_repeated_possessively() -> None:
    """Python 3.11.0 to 3.11.4 do not go back behind a part of a group that did not match (CPython gh-101955)."""
    repeated = re.compile(r"\)(?:[*+?]|\{[\d,{}]+\})\+")
    assert repeated.search(r"(?:a|b)*+") and not repeated.search(r"(?:[ab]*+|c)*")
    found = [path.name for path in ROOT.rglob("*.py") if repeated.search(path.read_text(encoding="utf-8"))]
    assert not found
