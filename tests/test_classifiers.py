"""The classifiers of docs/classifiers.md: every layer verified, every network learns, the page runs."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from derivs.cli import main
from derivs.errors import DerivsError

if not (find_spec("sklearn") and find_spec("matplotlib")):         # to import them takes a second: later, if at all
    pytest.skip("needs the extra `examples`", allow_module_level=True)

from classifiers.data import Digits, digits
from classifiers.layers import exported, verified
from classifiers.models import MODELS, Model
from classifiers.runs import Runs, run
from classifiers.training import Curve, Network, train

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "classifiers.md").read_text(encoding="utf-8")
SLICE = 320                            # images to learn from

by_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


def few() -> Digits:
    return Digits(digits().train.first(SLICE), digits().validation.first(60), digits().test.first(60))


@cache
def built(model: Model) -> Network:
    return model.build(np.random.default_rng(0))


def table(name: str) -> list[list[str]]:
    """The cells of a table that `docs/classifiers.py` makes, without its head."""
    text = PAGE.split(f"<!-- made: {name} -->")[1].split("<!-- end -->")[0].strip()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines()[2:]]


def linked(cell: str) -> list[str]:
    """The exercises that a cell leads to."""
    return re.findall(r"\[(\w+)\]", cell)


# ---- verified first

@pytest.mark.parametrize("exercise", [linked(row[0])[0] for row in table("layers")])
def test_every_layer_is_verified(exercise):
    assert verified(exercise).ok


def test_a_layer_with_a_wrong_gradient_is_not(monkeypatch):
    right = exported("relu").code.relu_backward
    monkeypatch.setattr(exported("relu").code, "relu_backward", lambda dY, cache: right(2 * dY, cache))
    with pytest.raises(DerivsError, match="it is 2 times the right one"):
        verified.__wrapped__("relu")


def test_a_network_of_it_is_not_made(monkeypatch):
    def refused(exercise: str) -> None:
        raise DerivsError("a property does not hold", where=exercise)
    monkeypatch.setattr("classifiers.training.verified", refused)
    with pytest.raises(DerivsError, match="conv_valid"):
        MODELS[-1].build(np.random.default_rng(0))


# ---- the networks

@by_model
def test_the_loss_falls_within_an_epoch(model):
    network, data = model.build(np.random.default_rng(0)), few()
    x, t = data.train.inputs(network.as_images), network.loss.labels(data.train)
    before = network.forward(x, t)
    train(network, data, model.rate, 1, np.random.default_rng(0))
    assert network.forward(x, t) < 0.9 * before


@by_model
def test_layers_strung_together_have_the_slope_of_their_loss(model):
    """∂L/∂θ · v against (L(θ + hv) - L(θ - hv)) / 2h, whose error is about h² + 1e-16 / h: 1e-10 here.

    Each layer is proved by itself; this is about the order and the shapes in which they are strung together.
    """
    rng, h, data = np.random.default_rng(0), 1e-5, few()
    network = model.build(rng)
    train(network, data, model.rate, 1, rng)
    x, t = data.train.inputs(network.as_images)[:16], network.loss.labels(data.train)[:16]
    state = rng.bit_generator.state                          # dropout drops the same each time

    def loss() -> float:
        rng.bit_generator.state = state
        return network.forward(x, t)

    loss()
    network.backward()
    ways = [(array, np.random.default_rng(k).normal(size=array.shape), layer.gradients[name])
            for k, (layer, name, array) in enumerate(network.parameters())]
    right = sum(float((g * v).sum()) for _, v, g in ways)
    steps = []
    for sign in (1, -2):                                     # θ + hv, then θ - hv
        for array, v, _ in ways:
            array += sign * h * v
        steps.append(loss())
    slope = (steps[0] - steps[1]) / (2 * h)
    assert abs(slope - right) <= 1e-6 * abs(right) < abs(slope - 1.001 * right)


# ---- the page

def blocks(language: str) -> Iterator[tuple[str, str]]:
    """A block and the one that follows it."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.S | re.M)
    for (name, text), (_, then) in zip(found, [*found[1:], ("", "")], strict=True):
        if name == language:
            yield text, then


def holds(expected: str, printed: str) -> None:
    """`...` stands for lines left out, or the rest of one; every other line is printed, in this order."""
    lines, at = printed.splitlines(), 0
    for line in expected.splitlines():
        if line != "...":
            start, cut, _ = line.partition("...")
            hits = [k for k in range(at, len(lines)) if (lines[k].startswith(start) if cut else lines[k] == line)]
            assert hits, f"{line!r} is not printed"
            at = hits[0] + 1


def derivs(command: str) -> str:
    program, *words = shlex.split(command)
    assert program == "derivs"
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(tmp_path)
    for commands, _ in blocks("sh"):
        for command in commands.splitlines():
            derivs(re.sub(r"-o (\S+)$", lambda place: f"-o {tmp_path / place[1]}", command))
    for screen, _ in blocks(""):
        command, *expected = screen.splitlines()
        holds("\n".join(expected), derivs(command.removeprefix("$ ")))
    namespace: dict[str, Any] = {"__name__": "page"}
    for program, then in blocks("python"):
        printed = StringIO()
        with redirect_stdout(printed):
            exec(compile(program, "docs/classifiers.md", "exec"), namespace)
        holds(then, printed.getvalue())
    for made in tmp_path.glob("*.py"):
        sys.modules.pop(made.stem)


def test_the_declaration_on_the_page_is_the_file():
    (declaration, _), = blocks("toml")
    assert declaration == (ROOT / "docs" / "classifiers" / "softmax_loss.toml").read_text(encoding="utf-8")


def test_every_layer_is_in_the_table_with_its_gradients():
    assert {linked(row[0])[0] for row in table("layers")} == {n for model in MODELS for n in built(model).exercises()}
    for name, gradients, *_, properties in table("layers"):
        exercise, = linked(name)
        assert gradients == ", ".join(f"`{one.name}`" for one in exported(exercise).module.gradients)
        held, of, number = properties.split()
        assert of == "of" and held == number


@pytest.mark.parametrize("row, model", list(zip(table("accuracies"), MODELS, strict=True)),
                         ids=[model.name for model in MODELS])
def test_a_row_of_the_table_is_of_its_model(row, model):
    title, made, recipe, ours, homework = row
    assert title == model.title and recipe == f"{model.rate}, {model.epochs}"
    assert tuple(linked(made)) == built(model).exercises()
    assert homework == f"{model.reported} ({model.question})"
    mean, low, high = map(float, re.findall(r"[\d.]+", ours))
    assert low <= mean <= high


def test_an_accuracy_of_the_table_is_reached_again():
    """Where products are summed in another order, an image or two may be told otherwise: 0.3 % each."""
    (index, model), = [(k, model) for k, model in enumerate(MODELS) if model.name == "softmax"]
    _, low, high = map(float, re.findall(r"[\d.]+", table("accuracies")[index][3]))
    assert low - 0.6 <= 100 * run(model, 0)[1].test[-1] <= high + 0.6


# ---- the picture

def test_the_picture_is_the_same_each_time(tmp_path):
    from classifiers.picture import draw
    curves = tuple(Curve([1.0, 0.5 / k], [0.5, 0.9], [0.5, 0.8 + k / 100]) for k in (1, 2))
    trained = [Runs(model, (), curves) for model in MODELS]
    for name in ("once.svg", "again.svg"):
        draw(trained, tmp_path / name)
    once, again = ((tmp_path / name).read_bytes() for name in ("once.svg", "again.svg"))
    assert once == again and b"dc:date" not in once
    draw([Runs(one.model, (), curves[:1]) for one in trained], tmp_path / "other.svg")
    assert (tmp_path / "other.svg").read_bytes() != once
