"""Functions that take more memory, processes, files or output than there is."""

import os
import subprocess
import sys
from contextlib import suppress

import numpy as np


def a_hundred_gigabytes(dy, x):
    return np.ones((100_000, 125_000))


def slow_growth(dy, x):
    kept = []
    while True:
        kept.append(np.ones(1_000_000))


def growth_of_a_list(dy, x):
    kept = [None]
    while True:
        kept += kept


def growth_that_catches(dy, x):
    kept = []
    while True:
        with suppress(MemoryError):
            kept.append(np.ones(1_000_000))


def shared_memory(dy, x):
    import mmap
    kept = []
    while True:
        kept.append(mmap.mmap(-1, 100_000_000))
        kept[-1].write(b"1" * 100_000_000)


def memory_of_several_processes(dy, x):
    for _ in range(4):
        if os.fork() == 0:
            kept = np.ones(25_000_000)
            while kept.any():
                pass
    while True:
        pass


def a_fork_bomb(dy, x):
    while True:
        with suppress(OSError):
            os.fork()


def a_fork_bomb_of_shells(dy, x):
    while True:
        with suppress(OSError):
            subprocess.Popen(["sh", "-c", "sleep 1000 & sleep 1000"])


def threads(dy, x):
    import threading
    while True:
        threading.Thread(target=threading.Event().wait).start()


def descriptors(dy, x):
    kept = []
    while True:
        kept.append(os.open(os.devnull, os.O_RDONLY))


def printing(dy, x):
    while True:
        print("again and again")


def printing_past_python(dy, x):
    while True:
        os.write(2, b"1" * 10_000)


def printing_a_thing(dy, x):
    print(np.arange(100.0))
    return dy * (x > 0)


def a_result_of_gigabytes(dy, x):
    return np.broadcast_to(1.0, (100_000, 125_000))


def a_large_result(dy, x):
    return np.zeros(20_000_000)


def a_large_message(dy, x):
    raise ValueError("1" * 100_000_000)


def recursion(dy, x):
    return recursion(dy, x)


def bottomless_recursion(dy, x):
    sys.setrecursionlimit(10**9)
    return recursion(dy, x)


def raised_limits(dy, x):
    import resource
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def a_large_file(dy, x):
    with open("large", "wb") as file:
        file.write(b"1" * 100_000_000)


def many_files(dy, x):
    number = 0
    while True:
        number += 1
        open(f"{number}", "w").close()


def files_in_deep_folders(dy, x):
    while True:
        os.mkdir("deeper")
        os.chdir("deeper")
