"""Functions that change files, or talk to the world."""

import os
import socket
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).parent


def in_its_own_folder(dy, x):
    Path("notes.txt").write_text("mine", encoding="utf-8")
    assert Path("notes.txt").read_text(encoding="utf-8") == "mine"
    return dy * (x > 0)


def beside_the_code(dy, x):
    (HOME / "left_behind.txt").write_text("hers", encoding="utf-8")


def itself(dy, x):
    Path(__file__).write_text("", encoding="utf-8")


def itself_past_python(dy, x):
    import ctypes
    if ctypes.CDLL(None).truncate(__file__.encode(), 0) != 0:
        raise OSError("truncate failed")


def delete_itself_past_python(dy, x):
    import ctypes
    if ctypes.CDLL(None).unlink(__file__.encode()) != 0:
        raise OSError("unlink failed")


def a_program_that_writes(dy, x):
    return subprocess.run(["sh", "-c", f"echo 1 > '{HOME / 'left_behind.txt'}'"], check=True)


def in_the_temporary_folder(dy, x):
    Path("/tmp/derivs_left_behind.txt").write_text("hers", encoding="utf-8")


def in_the_temporary_folder_past_python(dy, x):
    subprocess.run(["touch", "/tmp/derivs_left_behind.txt"], check=True)


def delete_a_tree(dy, x):
    import shutil
    shutil.rmtree(HOME)


def reading_standard_input(dy, x):
    return input()


def reading_standard_input_past_python(dy, x):
    assert os.read(0, 1) == b""
    return dy * (x > 0)


def a_connection(dy, x):
    socket.create_connection(("127.0.0.1", 9), timeout=1)


def the_environment(dy, x):
    os.environ.clear()
    os.environ["HOME"] = "/"
    return dy * (x > 0)


def secrets(dy, x):
    raise ValueError(" ".join(sorted(os.environ.values())))


def where_it_is(dy, x):
    raise ValueError(f"{os.getcwd()} {sorted(os.listdir())} {sys.stdin.read()!r}")
