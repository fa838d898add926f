"""bubblewrap: a file system to read, an empty folder, processes of its own and no network, where the machine has it."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from shutil import which
from typing import Final, Literal

from derivs.errors import DerivsError

Wish = Literal["require", "auto", "off"]

FOLDER: Final = "/scratch"             # its own, empty, in memory
SIZE: Final = 64_000_000               # bytes in it
SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt", "/nix/store",
                 "/sys/devices/system/cpu")

ALONE: Final = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
                "--die-with-parent", "--new-session", "--cap-drop", "ALL")
# root needs no user namespace, and its worker needs these to become somebody else (see rights.py).
ROOT: Final = ("CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_DAC_READ_SEARCH")


def command(wish: Wish, shown: Sequence[str]) -> tuple[str, ...] | None:
    """The words before a command that runs in the sandbox; None: there is none. shown: folders that it may read.

    Raises DerivsError where one is required and cannot be had.
    """
    if wish == "off":
        return None
    reason = unusable()
    if reason and wish == "require":
        raise DerivsError(f"--sandbox require: {reason}", mend="install the package bubblewrap, or use --sandbox auto")
    return None if reason else _words(shown)


@cache
def unusable() -> str:
    """Why bubblewrap cannot be used here; "" where it can. Many containers do not let it."""
    if which("bwrap") is None:
        return "bubblewrap is not installed"
    try:
        tried = subprocess.run([*_words(()), sys.executable, "-S", "-c", ""], capture_output=True, text=True,
                               timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {error}"
    words = " ".join(tried.stderr.split())[:200]
    return f"bubblewrap does not work here: {words}" if tried.returncode else ""


def _words(shown: Sequence[str]) -> tuple[str, ...]:
    is_root = os.getuid() == 0
    words = [str(which("bwrap")), *ALONE]
    words += [word for name in ROOT for word in ("--cap-add", name)] if is_root else ["--unshare-user"]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
              "--size", str(SIZE), "--perms", "1777", "--tmpfs", FOLDER]
    for path in dict.fromkeys((*SYSTEM, *_python(), *shown)):
        words += ["--ro-bind-try", path, path]
    return (*words, "--chdir", FOLDER, "--")


def _python() -> list[str]:
    """Where Python, its libraries and this program are."""
    home = Path(__file__).parents[1]
    places = [sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent), str(home),
              str(home.parent / "problems"), site.getuserbase(), *site.getsitepackages(), *sys.path]
    return [path for path in places if path and os.path.isabs(path) and os.path.exists(path)]
