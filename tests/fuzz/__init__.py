"""Hostile input by the hundred thousand: no crash, no hang, no wrong acceptance. `python -m tests.fuzz --help`."""
