"""`python -m benchmarks [PART...] [--write]`: the tables, on the standard output and into benchmarks/README.md."""

from __future__ import annotations

import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sympy.core.cache import clear_cache

from benchmarks import (
    diagnosis,
    exported,
    growth,
    mutants,
    reader,
    sheets,
    suites,
    sympy_alternative,
    tensorgrad_alternative,
)
from benchmarks.forked import cold, median
from derivs import judge as _judge
from derivs.derive import Graph
from derivs.expr import Derivative
from derivs.library import load, names
from derivs.problem import Claim, Problem
from derivs.prove import prove

RUNS, LIMIT = 3, 4.0

README = Path(__file__).parent / "README.md"


def ours_derive(problem: Problem, claim: Claim) -> Callable[[], Any]:
    """The left side worked out: adjoints as far as it needs them."""
    def work() -> None:
        graph = Graph(problem)
        left = claim.left
        graph.resolve(left)
        if isinstance(left, Derivative) and left.of.tensor == problem.loss:
            graph.definition(left.by.tensor + "_bar")
    return work


def ours_prove(problem: Problem, claim: Claim) -> Callable[[], Any]:
    """Derived and proved."""
    return lambda: type(prove(Graph(problem), claim)).__name__


def ours_judge(problem: Problem, claim: Claim) -> Callable[[], Any]:
    """Looked at, derived, proved, cross-examined."""
    return lambda: type(_judge.judge(Graph(problem), claim)).__name__


def show(milliseconds: float | None) -> str:
    return f"> {LIMIT:.0f} s" if milliseconds is None else f"{milliseconds:.1f}"


def ratio(theirs: float | None, ours: float) -> str:
    return f"> {1e3 * LIMIT / ours:.0f}" if theirs is None else f"{theirs / ours:.0f}"


def proofs() -> Iterator[str]:
    """A row per target, with SymPy beside it where it can be asked."""
    yield ("| exercise | target | derive | prove | judge | SymPy derives | ratio | SymPy proves | ratio |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    derived, proved, judged, decided, asked = [], [], [], 0, 0
    for name in names():
        problem = load(name)
        for number, target in enumerate(problem.targets, 1):
            claim = target.claim
            d, _ = median(ours_derive(problem, claim), RUNS)
            p, result = median(ours_prove(problem, claim), RUNS)
            j, verdict = median(ours_judge(problem, claim), RUNS)
            assert d is not None and p is not None and j is not None and result == "Equal" and verdict == "Proved"
            derived.append(d)
            proved.append(p)
            judged.append(j)
            try:
                graph = Graph(problem)
                their_derive = sympy_alternative.derive(graph, claim)
                their_prove = sympy_alternative.prove(graph, claim)
            except Exception as error:
                their_derive = their_prove = None
                yield f"| {name} | {number} | {d:.1f} | {p:.1f} | {j:.1f} | {type(error).__name__} | | | |"
                continue
            if their_derive is None or their_prove is None:
                yield f"| {name} | {number} | {d:.1f} | {p:.1f} | {j:.1f} | - | | - | |"
                continue
            sd, answer = cold(their_derive, reset=clear_cache, seconds=LIMIT)
            failed = isinstance(answer, str) and sd is not None
            sp, shown = cold(their_prove, reset=clear_cache, seconds=LIMIT)
            asked += 1
            decided += shown is True
            word = "yes" if shown is True else "no" if shown is False else "fails" if sp is not None else ""
            yield (f"| {name} | {number} | {d:.1f} | {p:.1f} | {j:.1f} | {'fails' if failed else show(sd)} "
                   f"| {'' if failed else ratio(sd, d)} "
                   f"| {'' if word == 'fails' else show(sp)} {word} | {'' if word == 'fails' else ratio(sp, p)} |")
    yield (f"\nMilliseconds from empty tables (SymPy: an empty cache), in a child forked for each figure, "
           f"median of {RUNS} (SymPy: one run). "
           f"Derive: median {statistics.median(derived):.1f}, largest {max(derived):.1f}. "
           f"Prove (deriving included): median {statistics.median(proved):.1f}, largest {max(proved):.1f}. "
           f"Judge (exact points before and after the proof included): median {statistics.median(judged):.1f}, "
           f"largest {max(judged):.1f}. SymPy proves {decided} of the {asked} targets it can be asked; derivs all "
           f"{len(proved)}.\n")


def against_tensorgrad() -> Iterator[str]:
    """The exercises that tensorgrad can say."""
    if not tensorgrad_alternative.installed():
        yield "tensorgrad is not installed: `pip install tensorgrad` for this table.\n"
        return
    yield ("| exercise | derive | tensorgrad | ratio | prove | tensorgrad | ratio |\n"
           "| --- | --- | --- | --- | --- | --- | --- |")
    for name, (number, _) in tensorgrad_alternative.ROWS.items():
        problem = load(name)
        claim = problem.targets[number].claim
        d, _ = median(ours_derive(problem, claim), RUNS)
        p, _ = median(ours_prove(problem, claim), RUNS)
        td, _ = median(tensorgrad_alternative.derive(name), RUNS)
        tp, shown = median(tensorgrad_alternative.prove(name), RUNS)
        assert d is not None and p is not None
        word = {True: "yes", False: "no"}.get(shown, str(shown)[:40])
        yield f"| {name} | {d:.1f} | {show(td)} | {ratio(td, d)} | {p:.1f} | {show(tp)} {word} | {ratio(tp, p)} |"
    yield ""


def growing() -> Iterator[str]:
    """Chains and contractions."""
    yield "| layers | all gradients of the chain, ms | per layer |\n| --- | --- | --- |"
    for layers in (2, 4, 8, 16, 32, 64):
        taken, held = median(lambda k=layers: growth.prove_chain(k), RUNS)  # type: ignore[misc]
        assert held is True and taken is not None
        yield f"| {layers} | {taken:.1f} | {taken / layers:.1f} |"
    yield "\n| bound indices | trace(Y^n), ms | sum_i (sum_j y_ij)^(n-1), ms |\n| --- | --- | --- |"
    for count in range(2, 13):
        trace, _ = median(lambda k=count: growth.contract(k), RUNS)  # type: ignore[misc]
        alike, _ = median(lambda k=count: growth.power_of_sums(k), RUNS)  # type: ignore[misc]
        yield f"| {count} | {trace:.1f} | {alike:.1f} |"
    yield ""


def imports() -> Iterator[str]:
    """Whole processes, CPU seconds of the fastest of five."""
    yield "| whole process | CPU ms | ratio |\n| --- | --- | --- |"
    programs = {"python -c 'import derivs'": "import derivs",
                "... and the calculus, without SymPy": "import derivs.judge",
                "... and an exercise, with SymPy": "import derivs.library as l; l.load('batchnorm')",
                "import sympy": "import sympy",
                "import jax": "import jax",
                "import tensorgrad": "import tensorgrad"}
    base = None
    for label, code in programs.items():
        measured = f"import time\ntry:\n    {code}\nexcept ImportError:\n    exit(1)\nprint(time.process_time())"
        outputs = [subprocess.run([sys.executable, "-c", measured], capture_output=True, text=True) for _ in range(5)]
        times = [1e3 * float(o.stdout) for o in outputs if o.returncode == 0]
        if times:
            base = base or min(times)
            yield f"| {label} | {min(times):.0f} | {min(times) / base:.1f} |"
    yield ""


PARTS: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "proofs": ("Deriving and proving", proofs),
    "reader": ("Reading and judging hand derivations", reader.report),
    "mutants": ("Mistakes made on purpose", mutants.report),
    "diagnosis": ("Refusing and mending", diagnosis.report),
    "tensorgrad": ("Against tensorgrad", against_tensorgrad),
    "growth": ("Growth", growing),
    "sheets": ("Sheets", sheets.report),
    "exported": ("Exported code", exported.report),
    "suites": ("Property suites", suites.report),
    "imports": ("Imports", imports)}


def head() -> str:
    """The words above the tables."""
    return ("# Benchmarks\n\nMade by `python -m benchmarks --write` (in the top folder, with `pip install -e .` and, "
            "for their tables, `pip install tensorgrad lark`; a part alone: `python -m benchmarks reader`), on Python "
            f"{platform.python_version()}, {platform.machine()}, two shared cores: trust the ratios, not the "
            "milliseconds.\n")


def write(sections: dict[str, str]) -> None:
    """The page with these sections new and the others as they were."""
    old = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", README.read_text(encoding="utf-8"), re.M | re.S))
    kept = {title: sections.get(title, old.get(title, "")) for title, _ in PARTS.values()}
    page = head() + "".join(f"\n## {title}\n\n{body.strip()}\n" for title, body in kept.items() if body.strip())
    README.write_text(page, encoding="utf-8")


def main(arguments: list[str]) -> None:
    """The parts named, or all."""
    wanted = [name for name in arguments if name != "--write"] or list(PARTS)
    if unknown := set(wanted) - PARTS.keys():
        raise SystemExit(f"{', '.join(sorted(unknown))}: no such part; there are {', '.join(PARTS)}")
    sections: dict[str, str] = {}
    for name in wanted:
        title, part = PARTS[name]
        print(f"## {title}\n", flush=True)
        lines = []
        for line in part():
            lines.append(line)
            print(line, flush=True)
        sections[title] = "\n".join(lines)
        if "--write" in arguments:
            write(sections)


if __name__ == "__main__":
    main(sys.argv[1:])
