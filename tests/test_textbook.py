"""Sixteen exercises from textbooks, declared in TOML alone: a derivation as people write it, and one with a mistake.

In NAME.wrong.tex the line with the mistake ends in `% wrong: reason`, a line that carries it on in `% follows: reason`;
every other line is right. The derivations were compared with autodiff when they were written.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from derivs.declare import load_declarations
from derivs.papers import Paper
from derivs.papers import mark as marked

FOLDER = Path(__file__).parent / "textbook"
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))


def paper(name: str, file: str) -> Paper:
    text = (FOLDER / file).read_text(encoding="utf-8")
    return marked(load_declarations(FOLDER / f"{name}.toml"), text, "tex")


def comment(text: str, end: int) -> str:
    """What the comment at the end of a line says of it."""
    line = text[end:text.find("\n", end)]
    return "wrong" if "% wrong" in line else "follows" if "% follows" in line else "right"


@pytest.mark.parametrize("name", NAMES)
def test_a_right_derivation_is_right_in_every_line(name: str) -> None:
    lines = [one.checked for one in paper(name, f"{name}.tex").lines]
    assert len(lines) >= 6
    for line in lines:
        assert line.judgement == "right", (line.number, line.text, line.judgement, line.message)


@pytest.mark.parametrize("name", NAMES)
def test_one_mistake_is_found_and_the_others_stay_right(name: str) -> None:
    found = paper(name, f"{name}.wrong.tex")
    wrong = 0
    for one in found.lines:
        line = one.checked
        if comment(found.text, one.span[1]) == "right":
            assert line.judgement == "right", (line.number, line.text, line.judgement, line.message)
        else:
            assert line.judgement in ("wrong", "follows from a wrong line"), (line.number, line.text)
            wrong += 1
    assert wrong >= 1


@pytest.mark.parametrize("name", NAMES)
def test_the_declaration_alone_makes_an_exercise(name: str) -> None:
    declared, = load_declarations(FOLDER / f"{name}.toml")
    assert declared.problem.targets and declared.problem.source
