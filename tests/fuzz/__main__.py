"""`python -m tests.fuzz --inputs 200000 --seed 0 --minutes 60`: inputs one after the other, and what was found."""

from __future__ import annotations

import argparse
import faulthandler
import json
import resource
import signal
import sys
from collections import Counter
from dataclasses import asdict
from heapq import heappush, heappushpop
from time import perf_counter

from .checks import GENERATORS, Fuzzer


def main() -> int:
    """Runs the fuzzer; exit status 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--start", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--only", choices=GENERATORS, default="", help="one generator")
    parser.add_argument("--findings", default="", help="a file for the findings, one JSON object a line")
    options = parser.parse_args()
    fuzzer = Fuzzer(options.seed)
    inputs: Counter[str] = Counter()
    judgements: Counter[tuple[str, str]] = Counter()
    found: Counter[str] = Counter()
    slowest: list[tuple[float, int, str]] = []
    stop: list[bool] = []
    begin = said = perf_counter()
    signal.signal(signal.SIGINT, lambda *_: stop.append(True))         # the table is printed then, too
    for number in range(options.start, options.start + options.inputs):
        if stop or perf_counter() - begin > 60 * options.minutes:
            break
        faulthandler.dump_traceback_later(30)
        outcome = fuzzer.input(number, options.only)
        faulthandler.cancel_dump_traceback_later()
        inputs[outcome.generator] += 1
        judgements.update((outcome.generator, judgement) for judgement in outcome.judgements)
        entry = (outcome.seconds, number, outcome.text[:100])
        (heappush if len(slowest) < 5 else heappushpop)(slowest, entry)
        for finding in outcome.findings:
            found[finding.what.split(":")[0]] += 1
            print(f"\n#{finding.number} {finding.generator} {finding.exercise}: {finding.what}")
            print(f"    {finding.text[:1000]!r}", flush=True)
            if options.findings:
                with open(options.findings, "a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(finding)) + "\n")
        if perf_counter() - said > 30:
            said = perf_counter()
            rate = inputs.total() / (said - begin)
            print(f"{inputs.total()} inputs, {rate:.0f} a second, {found.total()} findings, {memory()} MB",
                  file=sys.stderr, flush=True)
    took = perf_counter() - begin
    print(f"\n{inputs.total()} inputs of seed {options.seed} in {took:.0f} s, at most {memory()} MB")
    for generator, count in inputs.most_common():
        print(f"  {generator:<14} {count:>8} inputs")
        for (own, judgement), times in judgements.most_common():
            if own == generator:
                print(f"      {judgement:<44} {times:>8}")
    print("slowest:")
    for seconds, number, text in sorted(slowest, reverse=True):
        print(f"  {seconds:6.2f} s  #{number}  {text!r}")
    print("findings:" if found else "no findings")
    for what, times in found.most_common():
        print(f"  {times:>6}  {what}")
    return 1 if found else 0


def memory() -> int:
    """The most that was used, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    sys.exit(main())
