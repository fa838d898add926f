"""The mutants of the tests before checkers that compare floats, and before derivs, in one run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "tests"))

EVERY = 6                              # every so many-th mutant


def report() -> Iterator[str]:
    """How many wrong gradients each accepts, and how many right ones, in other words, it refuses."""
    from float_checkers import compared, is_gradient  # type: ignore[import-not-found]  # imported here: it solves all
    from mutants import judged_alone, mutants, settled  # type: ignore[import-not-found]
    asked = [settled(one) for one in mutants(every=EVERY) if is_gradient(one)]
    wrong = sum(one.is_wrong for one in asked)
    right = len(asked) - wrong
    yield (f"{wrong} wrong gradients and {right} right ones in other words, every {EVERY}th of those of "
           "`python tests/mutants.py` that claim a derivative.\n")
    yield "| checker | wrong ones accepted | share | right ones refused |\n| --- | ---: | ---: | ---: |"
    for checker, passed, refused in compared(asked):
        yield f"| {checker.name} | {passed} | {100 * passed / wrong:.1f} % | {refused} |"
    said = [judged_alone(one) for one in asked]
    passed = sum(one.is_accepted and one.mutant.is_wrong for one in said)
    refused = sum(one.is_refuted and not one.mutant.is_wrong for one in said)
    undecided = sum(not one.is_accepted and not one.is_refuted for one in said)
    yield f"| derivs ({undecided} undecided) | {passed} | {100 * passed / wrong:.1f} % | {refused} |"
    yield ("\nInputs are drawn from a normal distribution, sizes are 2 to 4. What passes are relative errors below the "
           "tolerance, thresholds that no input crosses, and what shows only at larger sizes or at inputs that are "
           "large or tied.\n")
