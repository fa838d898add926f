"""Functions that meddle with the pipes their answers go through, or with the libraries that both sides use."""

import json
import os
import struct
import sys
from contextlib import suppress

import numpy as np


def closing_everything(dy, x):
    os.closerange(0, 1000)
    return dy * (x > 0)


def garbage_everywhere(dy, x):
    for handle in range(1000):
        with suppress(OSError):
            os.write(handle, b"garbage " * 10)
    return dy * (x > 0)


def a_message_of_its_own(dy, x):
    header = json.dumps({"error": "", "token": "0" * 32, "arrays": []}).encode()
    return everywhere(struct.pack(">II", len(header), 0) + header, dy)


def a_long_message(dy, x):
    return everywhere(struct.pack(">II", 2**32 - 1, 2**32 - 1), dy)


def deep_json(dy, x):
    header = b"[" * 900_000
    return everywhere(struct.pack(">II", len(header), 0) + header, dy)


def half_a_message(dy, x):
    everywhere(struct.pack(">II", 500_000, 0), dy)
    os._exit(0)


def everywhere(message, dy):
    for handle in range(3, 100):
        try:
            os.set_blocking(handle, False)
            os.write(handle, message)
            os.set_blocking(handle, True)
        except OSError:
            pass
    return dy


def other_libraries(dy, x):
    json.dumps = json.loads = json.JSONEncoder.encode = lambda *_, **__: "{}"
    struct.pack = struct.Struct = None
    np.array = np.asarray = np.frombuffer = lambda *_, **__: 0
    return dy


def other_functions_of_the_system(dy, x):
    os.write = os.read = os._exit = lambda *_: b""
    return dy * (x > 0)


def other_streams(dy, x):
    sys.stdout = sys.stderr = sys.stdin = None
    sys.__stdout__ = sys.__stderr__ = None
    return dy * (x > 0)


def no_modules(dy, x):
    sys.modules.clear()
    return dy * (x > 0)


def no_builtins(dy, x):
    import builtins
    builtins.len = builtins.isinstance = builtins.sum = None
    return dy * (x > 0)


def signs_that_steer_a_terminal(dy, x):
    raise ValueError("\x1b[2J\x1b]0;title\x07 \ud800 right \u202e gnorw")
