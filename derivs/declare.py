"""An exercise as a text file: a declaration in LaTeX and a few words becomes a problem with its vocabulary.

The words are those of docs/declarations.md. A mistake in a declaration is reported like one in a derivation: where,
what, how to mend; all of them at once. Nothing of it is run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from derivs.declaring.conventions import Conventions
from derivs.errors import DerivsError, IllFormed
from derivs.problem import Problem
from derivs.reading.vocabulary import Vocabulary
from derivs.wellformed import gathered

LARGEST: Final = 200_000               # characters of a declaration
IN_QUOTES: Final = r"""LaTeX stands in single quotes: '\beta' = "scalar\""""


@dataclass(frozen=True, slots=True)
class Declared:
    """An exercise with the letters in which it is written. begins, ends: words in a document that it stands between."""

    problem: Problem
    vocabulary: Vocabulary
    begins: str = ""
    ends: str = ""


def load_declarations(path: Path) -> tuple[Declared, ...]:
    """The exercises of a TOML file: one, or several under [[exercise]]. Raises DerivsError with all mistakes."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DerivsError(f"it cannot be read: {error}", where=str(path)) from error
    return declarations(text, str(path))


def declarations(text: str, where: str) -> tuple[Declared, ...]:
    """The same, from the text of the file."""
    if len(text) > LARGEST:
        raise IllFormed(f"a declaration of more than {LARGEST} characters", where=where)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise IllFormed(f"this is not TOML: {error}", where=where,
                        mend=IN_QUOTES) from error
    except RecursionError as error:
        raise IllFormed("it is nested too deeply", where=where) from error
    several = data.get("exercise")
    if several is None:
        return (declare(data, where),)
    if not isinstance(several, list) or not several or not all(isinstance(one, dict) for one in several):
        raise IllFormed("exercise is not a list of tables", where=where, mend="write [[exercise]] before each of them")
    common = {name: value for name, value in data.items() if name != "exercise"}
    return tuple(declare({**common, **one}, f"{where}, exercise {k}") for k, one in enumerate(several, 1))


def declare(data: Mapping[str, Any], where: str = "declaration") -> Declared:
    """A declaration as a mapping. Raises IllFormed with every mistake in it."""
    builder = Conventions(data)
    steps = (builder.tables, builder.agreed, builder.typefaces, builder.sizes, builder.symbols, builder.words,
             builder.early_aliases, builder.forward, builder.gradient, builder.late_aliases, builder.conventions,
             builder.finish)
    for step in steps:
        step()
        if builder.errors:
            raise gathered(builder.errors, where)
    return Declared(builder.problem, builder.vocabulary, str(data.get("begins", "")), str(data.get("ends", "")))
