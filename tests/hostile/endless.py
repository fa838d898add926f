"""Functions that do not come back."""

import signal
import sys
import time
from contextlib import suppress


def a_loop(dy, x):
    while True:
        pass


def a_loop_in_c(dy, x):
    return dy * (10**10**9 % 7)


def a_loop_in_numpy(dy, x):
    import numpy as np
    return np.linalg.svd(np.ones((4000, 4000)))


def sleep(dy, x):
    time.sleep(1000)


def a_deaf_loop(dy, x):
    for number in range(1, 65):
        with suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def a_loop_that_catches_everything(dy, x):
    while True:
        with suppress(BaseException):
            time.sleep(1000)


def a_trace(dy, x):
    def trace(*_):
        while True:
            pass

    sys.settrace(trace)
    return a_step(dy)


def a_step(dy):
    return dy


def a_profile_set_for_later(dy, x):
    def profile(*_):
        while True:
            pass

    sys.setprofile(profile)
    return dy


def standing_still(dy, x):
    import os
    os.kill(os.getpid(), signal.SIGSTOP)


def a_result_that_loops(dy, x):
    class Loops:
        def __array__(self, *_, **__):
            while True:
                pass

    return Loops()


def an_error_that_loops(dy, x):
    class Loops(Exception):
        def __str__(self):
            while True:
                pass

    raise Loops


def a_lock(dy, x):
    import threading
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def a_thread_of_the_same_interpreter(dy, x):
    import threading

    def spin():
        while True:
            pass

    for _ in range(4):
        threading.Thread(target=spin).start()
    return dy * (x > 0)
