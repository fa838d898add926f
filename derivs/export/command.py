"""`derivs export PROBLEM --to numpy|jax|torch`: the module of an exercise, printed or written to a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from derivs.export.module import Module, export
from derivs.export.spellings import Target
from derivs.files import write_atomically
from derivs.library import load
from derivs.verdict import Proved
from derivs.verdict import name as word

VERSION = 1                            # of the fields


def run(problem: str, target: Target, output: Path | None, as_json: bool) -> int:
    """Prints the module, or writes it. The exit status: 1 where a gradient is not proved, else 0."""
    module = export(load(problem), target)
    if output is not None:
        write_atomically(output, module.text.encode())
    if as_json:
        click.echo(json.dumps(fields(module, output), indent=2, ensure_ascii=False))
    elif output is None:
        click.echo(module.text, nl=False)
    else:
        click.echo(output)
    return 0 if all(isinstance(one.verdict, Proved) for one in module.gradients) else 1


def fields(module: Module, output: Path | None) -> dict[str, Any]:
    """What --json says; docs/export.md has the meaning of every field."""
    return {
        "version": VERSION,
        "command": "export",
        "problem": module.name,
        "to": module.target,
        "file": None if output is None else str(output),
        "forward": f"{module.name}_forward",
        "backward": f"{module.name}_backward",
        "arguments": list(module.arguments),
        "integers": list(module.integers),
        "functions": list(module.functions),
        "cotangents": list(module.cotangents),
        "gradients": [
            {"by": one.by, "name": one.name, "formula": one.formula, "verdict": word(one.verdict),
             "conditions": list(one.verdict.conditions) if isinstance(one.verdict, Proved) else []}
            for one in module.gradients],
        "code": module.text,
    }
