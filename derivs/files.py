"""Writing files so that a reader finds the old one or the whole new one, never a half."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from derivs.errors import DerivsError

MEND = {
    errno.ENOSPC: "free some space there, or choose another folder with -o",
    errno.EDQUOT: "free some of your quota there, or choose another folder with -o",
    errno.EACCES: "choose a folder that you may write to with -o",
    errno.EPERM: "choose a folder that you may write to with -o",
    errno.EROFS: "choose a folder that you may write to with -o",
    errno.ENOTDIR: "choose a folder with -o; a part of this path is a file",
    errno.EEXIST: "choose a folder with -o; this path is a file",
    errno.EISDIR: "a folder of this name stands in the way",
}


def write_atomically(path: Path, content: bytes) -> None:
    """The file at `path` becomes `content`, or stays as it was: on an error (a DerivsError) and on Ctrl-C too."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise _said(error, path) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode(path))
        os.replace(name, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError):
            raise _said(error, path) from error
        raise


def make_folder(path: Path) -> None:
    """The folder exists and can be written to, or a DerivsError says why not."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise _said(error, path) from error


def _mode(path: Path) -> int:
    """The permissions that the file has, or that a new file would get."""
    with suppress(OSError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _said(error: OSError, path: Path) -> DerivsError:
    why = (error.strerror or str(error)).lower()
    mend = MEND.get(error.errno or 0, "choose another folder with -o")
    return DerivsError(f"cannot write: {why}", where=str(path), mend=mend)
