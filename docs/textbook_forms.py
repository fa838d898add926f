"""The table of textbook forms in docs/textbook_forms.md: `python docs/textbook_forms.py [--write]`.

What is printed is what the search found and `derivs sheet` prints, with its verdict; the last column is what a person
says who has read it (docs/textbook_forms.toml).
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path

from derivs.derivation import Answer
from derivs.latex import latex_claim, spell
from derivs.library import load, names
from derivs.matrix_layout import equation_layout
from derivs.problem import Problem
from derivs.solver import solve
from derivs.verdict import Proved, name

HERE = Path(__file__).parent
HEAD = """# Textbook forms

Every target of every exercise, in the form that the search of `derivs.compact` found: no answer is written down for it.
Each is proved for every size, like any other claim, and every step that led to it is proved equal to the line above.
The last column is what a person says who has read it beside the seed's or the literature's form.

This file is made by `python docs/textbook_forms.py --write`; the words of the last column stand in
`docs/textbook_forms.toml`.

| exercise | | textbook form | in matrices | verdict | read and judged |
| --- | --- | --- | --- | --- | --- |
"""


def table() -> str:
    """The page."""
    read = tomllib.loads((HERE / "textbook_forms.toml").read_text(encoding="utf-8"))
    rows = [row for problem in map(load, names()) for row in _rows(problem, read[problem.name])]
    forms = sum("| proved |" in row for row in rows)
    return HEAD + "".join(rows) + f"\n{forms} of {len(rows)} targets are proved in the form printed.\n"


def _rows(problem: Problem, words: list[str]) -> Iterator[str]:
    answers = solve(problem).answers
    for number, (answer, said) in enumerate(zip(answers, words, strict=True), 1):
        verdict = name(answer.verdict) + "".join(f", {name(v)}" for _, v in answer.cases if not isinstance(v, Proved))
        form = _cell(latex_claim(answer.target.claim, problem))
        yield f"| {problem.name} | {number} | {form} | {_in_matrices(answer, problem)} | {verdict} | {said} |\n"


def _in_matrices(answer: Answer, problem: Problem) -> str:
    return "" if answer.matrix is None else _cell(spell(equation_layout(problem, answer.matrix[0])))


def _cell(latex: str) -> str:
    """A formula in a table of Markdown, in which a bar would end the cell."""
    return f"$`{latex}`$".replace("|", r"\vert ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/textbook_forms.md instead of printing it")
    if parser.parse_args().write:
        (HERE / "textbook_forms.md").write_text(table(), encoding="utf-8")
    else:
        print(table(), end="")


if __name__ == "__main__":
    main()
