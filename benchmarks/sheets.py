"""Sheets of the package's own exercises, and of a course of 200 made from them: the time and the memory they take."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from click.testing import CliRunner

from derivs import cli, library
from derivs.latex import spell
from derivs.layout import name_layout
from derivs.notation import Notation, renotated
from derivs.problem import Problem

COURSE = 200
FORMATS = "tex,html,pdf"


def course(count: int) -> list[Problem]:
    """Exercises by name, each time round with new names for its tensors and sizes, so that none is one of before."""
    own = [library.load(name) for name in library.names()]
    return [_again(problem, k // len(own)) for k, problem in enumerate(islice(cycle(own), count))]


def _again(problem: Problem, turn: int) -> Problem:
    """The exercise in other letters, as far as they are free in it; the first time as it is."""
    if not turn:
        return problem
    for size in problem.sizes:
        problem = _renamed(problem, size, f"{size.partition('_')[0]}_{turn}")
    for tensor in problem.inputs:
        shown = spell(name_layout(tensor))
        if len(shown) == 1:
            problem = _renamed(problem, shown, rf"\tilde{{{shown}}}" if turn % 2 else rf"\vec{{{shown}}}")
    return replace(problem, name=f"{problem.name}_{turn}", title=f"{problem.title}, {turn}")


def _renamed(problem: Problem, old: str, new: str) -> Problem:
    try:
        return renotated(problem, Notation(names={old: new}))
    except cli.DerivsError:
        return problem


def measured(count: int, formats: str) -> dict[str, float]:
    """Seconds and peak megabytes of `derivs sheet` on so many exercises, imports and declarations not counted."""
    import resource
    made = course(count)
    with TemporaryDirectory() as folder:
        run = CliRunner()
        arguments = ["--examples", "0", "--format", formats, "-o", folder]
        run.invoke(cli.main, ["sheet", "sigmoid", *arguments])         # what is imported on the way
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        named = {one.name: one for one in made}
        library.names, library.load = cache(lambda: tuple(named)), named.__getitem__      # type: ignore[assignment]
        start = perf_counter()
        result = run.invoke(cli.main, ["sheet", *named, *arguments])
        seconds = perf_counter() - start
        assert result.exit_code == 0, result.output
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    after = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": seconds, "before": before / 1024, "peak": after / 1024, "megabytes": size / 1e6}


def report() -> Iterator[str]:
    """A row per number of exercises, each in a process of its own."""
    own = len(library.names())
    yield "| exercises | formats | s | ms per exercise | MB before | MB at most | MB written |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for count, formats in ((own, FORMATS), (own, "tex"), (own, "html"), (own, "pdf"), (100, FORMATS),
                           (COURSE, FORMATS)):
        child = subprocess.run([sys.executable, "-m", "benchmarks.sheets", str(count), formats], capture_output=True,
                               text=True, check=True)
        found = json.loads(child.stdout)
        yield (f"| {count} | {formats} | {found['seconds']:.1f} | {1e3 * found['seconds'] / count:.0f} "
               f"| {found['before']:.0f} | {found['peak']:.0f} | {found['megabytes']:.1f} |")
    yield ("\nSeconds of `derivs sheet --examples 0`, the imports and declarations done before: solving, by two "
           f"processes, and writing, by one; MB of the largest process. The {own} are the package's own, the others "
           "these again under other names and sizes.\n")


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]), sys.argv[2])))
