"""The tables and the picture of docs/classifiers.md: `python docs/classifiers.py [--write | --rates]`.

The words of the page are written by hand; what stands between `<!-- made: NAME -->` and `<!-- end -->` is made here.
It needs the extra `examples`. --rates prints what the learning rates were chosen by.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from classifiers.layers import HERE, exported, verified
from classifiers.models import MODELS
from classifiers.picture import draw
from classifiers.runs import RATES, Runs, by_rate, runs

DOCS = Path(__file__).parent
PAGE, PICTURE = DOCS / "classifiers.md", DOCS / "classifiers.svg"


def link(exercise: str) -> str:
    """An exercise of the package or a declaration beside the page."""
    declared = HERE / f"{exercise}.toml"
    place = f"classifiers/{declared.name}" if declared.exists() else f"../problems/{exercise}.py"
    return f"[{exercise}]({place})"


def layers(trained: Sequence[Runs]) -> Iterator[str]:
    """Every exercise that is used, and how its exported code was verified."""
    yield "| exercise | gradients, each proved for every size | its code, tried | properties that hold |"
    yield "| --- | --- | --- | --- |"
    for exercise in dict.fromkeys(name for one in trained for name in one.layers):
        gradients = ", ".join(f"`{gradient.name}`" for gradient in exported(exercise).module.gradients)
        report = verified(exercise)
        holds = f"{len(report.tried) - len(report.findings)} of {len(report.tried)}"
        yield f"| {link(exercise)} | {gradients} | at {report.examples} inputs | {holds} |"


def accuracies(trained: Sequence[Runs]) -> Iterator[str]:
    """The table of models."""
    yield "| model | layers | rate, epochs | digits: test accuracy, % | homework: test accuracy, % |"
    yield "| --- | --- | --- | --- | --- |"
    for one in trained:
        model = one.model
        yield (f"| {model.title} | {' → '.join(map(link, one.layers))} | {model.rate}, {model.epochs} | {one.said()} "
               f"| {model.reported} ({model.question}) |")


def page(tables: Mapping[str, str], text: str) -> str:
    """The text with the tables in their places."""
    for name, table in tables.items():
        text, found = re.subn(rf"(<!-- made: {name} -->\n).*?(<!-- end -->)",
                              lambda place, table=table: f"{place[1]}\n{table}\n\n{place[2]}", text, flags=re.S)
        assert found == 1, name
    return text


def rates() -> Iterator[str]:
    """Accuracies on the validation images by learning rate."""
    yield "| model | " + " | ".join(map(str, RATES)) + " | chosen |"
    yield "| --- |" + " --- |" * (len(RATES) + 1)
    for model in MODELS:
        yield f"| {model.title} | " + " | ".join(f"{a:.1f}" for a in by_rate(model).values()) + f" | {model.rate} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the page and its picture instead of printing")
    parser.add_argument("--rates", action="store_true", help="print validation accuracies by learning rate")
    arguments = parser.parse_args()
    if arguments.rates:
        for row in rates():
            print(row, flush=True)
        return
    trained = list(runs())
    tables = {part.__name__: "\n".join(part(trained)) for part in (layers, accuracies)}
    if arguments.write:
        PAGE.write_text(page(tables, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        draw(trained, PICTURE)
    else:
        print("\n\n".join(tables.values()))


if __name__ == "__main__":
    main()
