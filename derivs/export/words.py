"""Docstrings of exported functions: formulas, shapes, and how each gradient was established."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

from derivs.export.wrappers import INDENT, LONGEST
from derivs.verdict import Proved, Verdict


def docstring(first: str, *groups: Sequence[str]) -> list[str]:
    """The lines of a docstring, an empty one between the groups."""
    lines = [f'{INDENT}"""{first}']
    for group in groups:
        lines += ["", *(INDENT + line for line in group)] if group else []
    return [*lines, f'{INDENT}"""']


def wrapped(said: str) -> list[str]:
    """A sentence on as many lines as it takes."""
    return wrap(said, LONGEST - len(INDENT), subsequent_indent=INDENT)


def formula_lines(said: str) -> list[str]:
    """A formula on as many lines as it takes; those after the first stand further in."""
    return wrap(said, LONGEST - len(INDENT), subsequent_indent=INDENT, break_long_words=False)


def established(verdicts: Mapping[str, Verdict]) -> list[str]:
    """Which formulas are proved, under which conditions, and which are only tested."""
    open_ = [name for name, verdict in verdicts.items() if not isinstance(verdict, Proved)]
    conditions = dict.fromkeys(c for verdict in verdicts.values() if isinstance(verdict, Proved)
                               for c in verdict.conditions)
    proved = wrapped(f"Proved for every size{''.join(f', {c}' for c in conditions)}.")
    if not open_:
        return proved
    said = wrapped(f"Tested at exact points and not proved: {', '.join(open_)}.")
    return said if len(open_) == len(verdicts) else [*said, "The others:", *proved]
