"""The table of textbook forms in the docs is what its command prints, and every target in it is proved and read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_the_table_is_what_its_command_prints() -> None:
    done = subprocess.run([sys.executable, DOCS / "textbook_forms.py"], capture_output=True, text=True, check=True)
    assert done.stdout == (DOCS / "textbook_forms.md").read_text(encoding="utf-8")


def test_every_target_in_it_is_proved() -> None:
    *_, last = (DOCS / "textbook_forms.md").read_text(encoding="utf-8").splitlines()
    proved, of, number, *_ = last.split()
    assert (of, proved) == ("of", number)
