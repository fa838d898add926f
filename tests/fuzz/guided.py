"""The same inputs, found by coverage: what leads to new lines of `derivs` is kept and changed further.

    pip install atheris                              # or pip install '.[fuzz]'
    python -m tests.fuzz.guided -max_total_time=300 [CORPUS] [the options of libFuzzer]

The first byte chooses the entry point, the second the exercise, the rest is the text. What escapes stops the run and
is written to a file crash-...; `python -m tests.fuzz.guided crash-...` runs it again. Without CORPUS the lines of the
seed sheets are the beginning, and what is found is forgotten.
"""

from __future__ import annotations

import atexit
import os
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import atheris

with atheris.instrument_imports(include=["derivs"], enable_loader_override=False):
    from .checks import AFRESH, SECONDS, Fuzzer, Outcome

from derivs.declare import declarations
from derivs.errors import DerivsError

WAYS: Sequence[Any] = ("fragment", "fragment", "md", "tex", "ipynb", "read", "declaration")
COUNTS: Counter[str] = Counter()
FUZZER = Fuzzer()
NAMES = sorted(FUZZER.exercises)


class Found(Exception):
    """An input that was not treated as it should be."""


def one(data: bytes) -> None:
    """One input."""
    if len(data) < 3:
        return
    way, name, text = WAYS[data[0] % len(WAYS)], NAMES[data[1] % len(NAMES)], data[2:].decode("utf-8", "replace")
    FUZZER.outcome, FUZZER.name, FUZZER.number = Outcome("guided", text), name, -1
    COUNTS["inputs"] += 1
    if COUNTS["inputs"] % AFRESH == 0:
        for exercise in FUZZER.exercises.values():
            exercise.afresh()
    if way == "read":
        FUZZER.read(text)
    elif way == "declaration":
        try:
            declarations(text, "fuzz")
        except DerivsError:
            COUNTS["declarations refused"] += 1
        else:
            COUNTS["declarations accepted"] += 1
    else:
        FUZZER.text(FUZZER.exercises[name], text, Random(COUNTS["inputs"]), way)
    COUNTS.update(FUZZER.outcome.judgements)
    for finding in FUZZER.outcome.findings:
        if finding.what.startswith("ACCEPTED OUTSIDE"):
            COUNTS[finding.what.split(":")[0]] += 1
        else:
            raise Found(finding)


def corpus(folder: Path) -> None:
    """The lines of the seed sheets and our own as files, and a declaration in TOML."""
    for which, (name, exercise) in enumerate(sorted(FUZZER.exercises.items())):
        for k, line in enumerate(exercise.right):
            (folder / f"{name}-{k}").write_bytes(bytes((0, which)) + line.encode())
    toml = ("[symbols]\nx = 'vector[n] input'\n[forward]\n'y_i' = 'x_i^2'\n"
            "[gradient]\nof = 'y'\nloss = 'E'\nby = ['x']\n")
    (folder / "declaration").write_bytes(bytes((6, 0)) + toml.encode())


def said() -> None:
    """What came of it."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\n{memory} MB; " + ", ".join(f"{name}: {count}" for name, count in COUNTS.most_common()))


def main() -> None:
    """Runs libFuzzer, which never returns."""
    options = [f"-timeout={4 * SECONDS:.0f}", "-max_len=4000", *sys.argv[1:]]
    if all(option.startswith("-") for option in options):
        folder = Path(tempfile.mkdtemp(prefix="derivs-corpus-"))
        corpus(folder)
        options.append(os.fspath(folder))
    atexit.register(said)
    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
