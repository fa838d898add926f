"""Milliseconds, as ratios against named alternatives in one run: `python -m benchmarks`."""
