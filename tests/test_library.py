"""Finding exercises: by name, by path, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from derivs import library
from derivs.errors import DerivsError, IllFormed

GOOD = '''
    """Twice x."""
    from derivs.exercise import Exercise, Input, Node, Target, bar, d, scalars
    x, y, E = scalars("x y E")
    EXERCISE = Exercise(title="Twice", source="a test", inputs=[Input(x)], forward=[Node(y, 2 * x)], loss=E, of=y,
                        targets=[Target(d(E, x), 2 * bar(y))])
'''


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "twice.py") -> str:
        Path(name).write_text(dedent(text))
        return name
    return write


def test_names_are_sorted_and_load():
    assert list(library.names()) == sorted(library.names())
    assert "batchnorm" in library.names() and not any(name.startswith("_") for name in library.names())
    problem = library.load("batchnorm")
    assert problem.name == "batchnorm" and problem.description.startswith("Batch normalisation without epsilon")


def test_an_exercise_of_a_user_by_path(file):
    problem = library.load(file(GOOD))
    assert (problem.name, problem.title, problem.description) == ("twice", "Twice", "Twice x.")
    assert library.load(str(Path("twice.py").resolve())).name == "twice"


def test_a_user_may_change_a_file_while_we_run(file):
    assert library.load(file(GOOD)).title == "Twice"
    assert library.load(file(GOOD.replace('title="Twice"', 'title="Double"'))).title == "Double"


def test_loading_leaves_nothing_behind(file):
    library.load(file(GOOD))
    assert [path.name for path in Path().iterdir()] == ["twice.py"]


@pytest.mark.parametrize("name, message", [
    ("batchnrm", "there is no exercise 'batchnrm'\n    did you mean 'batchnorm'?"),
    ("batchnrm.py", "batchnrm.py: there is no such file\n    did you mean 'batchnorm'?"),
    ("mine/softmx_temperature.py", "mine/softmx_temperature.py: there is no such file\n"
                                   "    did you mean 'softmax_temperature'?"),
])
def test_unknown_name(name, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DerivsError) as caught:
        library.load(name)
    assert str(caught.value) == message


TOML = """
    [symbols]
    x = "scalar"
    [forward]
    y = "2 x"
    [gradient]
    of = "y"
    loss = "E"
    by = ["x"]
    """


def test_a_declaration_by_path(file):
    problem = library.load(file(TOML, "double.toml"))
    assert (problem.name, [target.claim.left.by.tensor for target in problem.targets]) == ("double", ["x"])


HEADS = [f"[[exercise]]\n    name = '{name}'\n    [exercise.symbols]" for name in "ab"]


def test_several_declarations_in_a_file(file):
    several = "".join(TOML.replace("    [", "    [exercise.").replace("[exercise.symbols]", head) for head in HEADS)
    name = file(several, "two.toml")
    assert [problem.name for problem in library.load_all(name)] == ["a", "b"]
    with pytest.raises(DerivsError, match="there are 2 exercises in it"):
        library.load(name)


def test_a_declaration_that_is_not_there(file):
    with pytest.raises(DerivsError, match="there is no such file"):
        library.load("nowhere.toml")


@pytest.mark.parametrize("text, message", [
    ("x = 1\n", "twice.py: there is no EXERCISE in it\n    write EXERCISE = Exercise(title=..., ...)"),
    ("EXERCISE = 1\n", "twice.py: its EXERCISE is not an Exercise\n    write EXERCISE = Exercise(title=..., ...)"),
    ("x = 1\ny = x + z\n", "twice.py:2: NameError: name 'z' is not defined\n    y = x + z"),
    ("def f():\n    return 1 / 0\n\n\nf()\n", "twice.py:2: ZeroDivisionError: division by zero\n    return 1 / 0"),
    ("x = (1\n", "twice.py:1: this is not Python: '(' was never closed\n    x = (1"),
    ("import nonsense\n", "twice.py:1: ModuleNotFoundError: No module named 'nonsense'\n    import nonsense"),
    ("from derivs.exercise import nonsense\n",
     "twice.py:1: ImportError: cannot import name 'nonsense' from 'derivs.exercise' "
     f"({library.PACKAGE / 'exercise.py'})\n    from derivs.exercise import nonsense"),
    (GOOD.replace("Input(x)", "Input(z)"), "twice.py:5: NameError: name 'z' is not defined\n    "
     'EXERCISE = Exercise(title="Twice", source="a test", inputs=[Input(z)], forward=[Node(y, 2 * x)], loss=E, of=y,'),
    (GOOD.replace("2 * bar(y)", "2 * bar(x1)").replace('"x y E"', '"x x1 y E"').replace("x, y, E", "x, x1, y, E"),
     "twice.py, target 1: x1_bar is not declared\n    did you mean 'x_bar'?"),
    ("raise SystemExit(3)\n", "twice.py: it ends the program\n    an exercise only declares"),
])
def test_a_bad_file(text, message, file):
    with pytest.raises(IllFormed) as caught:
        library.load(file(text))
    assert str(caught.value) == message


def test_the_wheel_goes_before_the_checkout(file, tmp_path, monkeypatch):
    file(GOOD)
    monkeypatch.setattr(library, "HOMES", (tmp_path, *library.HOMES))
    assert library.names() == ("twice",)
    assert library.load("twice").title == "Twice"
