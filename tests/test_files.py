"""A file is the old one or the whole new one; what stops the writing says why."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from derivs.errors import DerivsError
from derivs.files import make_folder, write_atomically


def test_a_new_file_and_a_replaced_one(tmp_path: Path) -> None:
    path = tmp_path / "answers.tex"
    for content in (b"old", b"new"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["answers.tex"]


def test_permissions_are_those_of_any_new_file_and_stay(tmp_path: Path) -> None:
    path, plain = tmp_path / "answers.tex", tmp_path / "plain"
    plain.touch()
    write_atomically(path, b"x")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    path.chmod(0o640)
    write_atomically(path, b"y")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("stage", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_the_old_file_survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str,
                               error: BaseException) -> None:
    path = tmp_path / "answers.tex"
    path.write_bytes(b"old")

    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(os, stage, fails)
    with pytest.raises((DerivsError, KeyboardInterrupt)) as raised:
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["answers.tex"]
    if isinstance(error, OSError):
        assert str(raised.value) == (f"{path}: cannot write: no space left on device\n"
                                     "    free some space there, or choose another folder with -o")


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "answers").touch()
    with pytest.raises(DerivsError, match=r"answers: cannot write: file exists\n    choose a folder with -o"):
        make_folder(tmp_path / "answers")


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DerivsError, match="cannot write: no such file or directory"):
        write_atomically(tmp_path / "nowhere" / "answers.tex", b"x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DerivsError, match="permission denied\n    choose a folder that you may write to"):
        make_folder(tmp_path / "answers")
