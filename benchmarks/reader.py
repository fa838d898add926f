"""Reading and judging hand derivations: the seed lines warm, sheets cold, a stream of requests, ever longer lines."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from derivs.declare import declare
from derivs.errors import Unreadable
from derivs.papers import one_by_one
from derivs.reading.parse import parse

SEEDS = Path(__file__).parent.parent / "tests" / "seeds"
TEXTBOOK = Path(__file__).parent.parent / "tests" / "textbook"
TERMS = (1, 2, 4, 8, 16, 32, 64)


def questions() -> dict[str, list[str]]:
    """The lines of each question of the seed derivations."""
    found: dict[str, list[str]] = {}
    for line in (SEEDS / "seed_lines.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.setdefault(f"{row['seed']}-{row['question']}", []).append(row["latex"])
    return found


def requests() -> list[dict[str, Any]]:
    """The same as requests of `derivs check --jsonl`."""
    known = json.loads((SEEDS / "seed_declarations.json").read_text(encoding="utf-8"))
    return [{"id": name, "problem": known[name], "lines": lines} for name, lines in questions().items()]


def warm(runs: int = 3) -> list[float]:
    """Milliseconds a line, the exercise declared and its tables empty at its first line; the best of some runs."""
    best: list[float] = []
    for _ in range(runs):
        times = [line.milliseconds for request in requests()
                 for line in one_by_one(declare(request["problem"]), request["lines"])]
        best = [min(pair) for pair in zip(best, times, strict=True)] if best else times
    return best


def spread(times: list[float]) -> str:
    """Median, 95 % and largest."""
    return f"{median(times):.1f} | {quantiles(times, n=20)[-1]:.1f} | {max(times):.1f}"


def by_sympy() -> str:
    """SymPy's parse_latex on the same lines: how many it reads at all, and how long it takes. It judges nothing."""
    try:
        from sympy.parsing.latex import parse_latex
        parse_latex("x", backend="lark")
    except ImportError:
        return "| SymPy parse_latex (lark) | not installed | | | |"
    times, got = [], 0
    for lines in questions().values():
        for line in lines:
            start = perf_counter()
            with suppress(Exception):              # whatever it raises, it has not read the line
                got += parse_latex(line, backend="lark") is not None
            times.append(1000 * (perf_counter() - start))
    return f"| SymPy parse_latex (lark), reading alone | {got} of {len(times)} | {spread(times)} |"


def by_us() -> str:
    """Our reader alone."""
    times, got = [], 0
    for lines in questions().values():
        for line in lines:
            start = perf_counter()
            with suppress(Unreadable):
                parse(line)
                got += 1
            times.append(1000 * (perf_counter() - start))
    return f"| our parser, reading alone | {got} of {len(times)} | {spread(times)} |"


def cpu(*command: str, given: str = "") -> float:
    """Seconds of CPU of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "derivs.cli", *command], input=given, capture_output=True, text=True,
                   check=False, env=os.environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cold() -> Iterator[str]:
    """A sheet from the command line, bytecode compiled."""
    for name, command in (
            ("`derivs check word2vec.toml`, 11 claims", (TEXTBOOK / "word2vec.toml", TEXTBOOK / "word2vec.tex")),
            ("`derivs check` seed 001, six exercises, 34 lines", (SEEDS / "001.toml", SEEDS / "001.md")),
            ("`derivs check batchnorm`, written in Python", ("batchnorm", SEEDS / "000.md"))):
        times = [cpu("check", *map(str, command)) for _ in range(4)][1:]
        yield f"| {name} | {min(times):.2f} |"


def throughput(copies: int = 3) -> str:
    """Lines a second through `derivs check --jsonl`, one process."""
    text = "\n".join(json.dumps(request) for request in requests() * copies)
    count = sum(len(request["lines"]) for request in requests()) * copies
    start = perf_counter()
    cpu("check", "--jsonl", given=text)
    return f"{count / (perf_counter() - start):.0f}"


def grown(terms: int) -> tuple[int, float]:
    """A right line with that many terms: its length and the milliseconds it takes."""
    exercise = declare({"symbols": {"x": "vector[n] input", "a": "vector[n] parameter"},
                        "forward": {"y_i": "a_i x_i"}, "gradient": {"of": "y", "loss": "E", "by": ["x"]}})
    right = " + ".join(r"\frac{\partial E}{\partial y_i} \frac{a_i}{" + str(terms) + "}" for _ in range(terms))
    line = r"\frac{\partial E}{\partial x_i} = " + right
    said, = one_by_one(exercise, [line])
    assert said.judgement == "right", said
    return len(line), said.milliseconds


def report() -> Iterator[str]:
    """The tables."""
    yield "| seed lines | | median ms | 95 % | largest |\n| --- | --- | ---: | ---: | ---: |"
    times = warm()
    yield f"| judged, both against the truth and the line above | {len(times)} | {spread(times)} |"
    yield by_us()
    yield by_sympy()
    yield "\n| cold, one process | CPU s |\n| --- | ---: |"
    yield from cold()
    yield f"\n`derivs check --jsonl` on the seed lines, one core: {throughput()} lines a second.\n"
    yield "| terms in a line | characters | ms |\n| ---: | ---: | ---: |"
    for terms in TERMS:
        length, milliseconds = grown(terms)
        yield f"| {terms} | {length} | {milliseconds:.1f} |"
