"""The README runs: its first screen, its exercise, its links."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from derivs.cli import main
from derivs.reading.choices import Option

pytestmark = pytest.mark.usefixtures("patient")

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.S | re.M)


@pytest.mark.parametrize("screen", [block for block in blocks("") if block.startswith("$ ")],
                         ids=lambda block: block.splitlines()[0])
def test_a_screen_is_what_the_command_prints(screen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`...` stands for lines left out; every other line is printed, in this order."""
    monkeypatch.chdir(ROOT)
    command, *expected = screen.splitlines()
    assert command.startswith("$ derivs ")
    printed = CliRunner().invoke(main, command.split()[2:]).output.splitlines()
    at = 0
    for line in expected:
        if line != "...":
            assert line in printed[at:], line
            at = printed.index(line, at) + 1


def test_the_first_screen_fits_a_screen() -> None:
    assert README.index("## Two commands") < 1700


def test_the_two_commands_stand_alone() -> None:
    install, test = blocks("sh")[0].splitlines()
    assert install.split("#")[0].strip() == "pip install -e . && derivs sheet"
    assert test.split("#")[0].strip() == "pip install -e '.[test]' && pytest"


def test_the_exercise_of_your_own_is_proved(tmp_path: Path) -> None:
    path = tmp_path / "swish.py"
    path.write_text(blocks("python")[0], encoding="utf-8")
    result = CliRunner().invoke(main, ["verify", str(path), "--examples", "0"])
    assert result.exit_code == 0, result.output
    assert "1 of 1 answers hold" in result.output


def test_a_wrong_exercise_of_your_own_is_not(tmp_path: Path) -> None:
    path = tmp_path / "swish.py"
    path.write_text(blocks("python")[0].replace("Target(d(E, x[j]))", "Target(d(E, x[j]), x[j])"), encoding="utf-8")
    result = CliRunner().invoke(main, ["verify", str(path), "--examples", "0"])
    assert result.exit_code == 1
    assert "0 of 1 answers hold" in result.output


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_map_names_what_exists() -> None:
    layers = README.split("## The map")[1].split("```")[1].strip("\n").splitlines()
    assert len(layers) > 8
    for line in layers:
        for word in line[:42].split():
            assert (ROOT / "derivs" / f"{word}.py").exists() or (ROOT / "derivs" / word).is_dir(), word


def options() -> set[str]:
    """What the readings of a line say of themselves, but for the usual ones."""
    modules = [import_module(f"derivs.reading.{path.stem}") for path in (ROOT / "derivs/reading").glob("*.py")]
    return {value.note for module in modules for value in vars(module).values() if isinstance(value, Option)} - {""}


@pytest.mark.parametrize("note", sorted(options()))
def test_every_reading_is_in_the_documents(note: str) -> None:
    assert note in (ROOT / "docs" / "checking.md").read_text(encoding="utf-8")
