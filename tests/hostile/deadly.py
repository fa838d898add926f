"""Functions that end a process: their own, or somebody else's."""

import atexit
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress


def os_exit(dy, x):
    os._exit(3)


def os_exit_0(dy, x):
    os._exit(0)


def sys_exit(dy, x):
    sys.exit("enough")


def ctrl_c(dy, x):
    raise KeyboardInterrupt


def a_real_ctrl_c(dy, x):
    os.kill(os.getpid(), signal.SIGINT)


def a_null_pointer(dy, x):
    import ctypes
    ctypes.string_at(0)


def abort(dy, x):
    os.abort()


def kill_itself(dy, x):
    os.kill(os.getpid(), signal.SIGKILL)


def kill_its_group(dy, x):
    os.killpg(0, signal.SIGKILL)


def kill_its_parent(dy, x):
    os.kill(os.getppid(), signal.SIGKILL)
    return dy * (x > 0)


def kill_its_parent_past_python(dy, x):
    import ctypes
    ctypes.CDLL(None).kill(os.getppid(), signal.SIGKILL)
    return dy * (x > 0)


def kill_everybody_past_python(dy, x):
    import ctypes
    ctypes.CDLL(None).kill(-1, signal.SIGKILL)
    return dy * (x > 0)


def an_alarm(dy, x):
    signal.alarm(1)
    signal.pause()


def a_fault_in_a_thread(dy, x):
    import ctypes
    threading.Thread(target=ctypes.string_at, args=(0,)).start()
    threading.Event().wait()


def an_exit_handler(dy, x):
    atexit.register(a_loop)
    return dy * (x > 0)


def a_thread_that_goes_on(dy, x):
    threading.Thread(target=threading.Event().wait).start()
    return dy * (x > 0)


def a_daemon(dy, x):
    """Forks twice, and belongs to nobody."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            for handle in range(100):
                with suppress(OSError):
                    os.close(handle)
            a_loop()
        os._exit(0)
    return dy * (x > 0)


def a_daemon_without_its_environment(dy, x):
    subprocess.Popen(["setsid", "--fork", "sleep", "10007"], env={}, start_new_session=True)
    return dy * (x > 0)


def a_process_that_is_never_the_same(dy, x):
    """Each forks the next and ends: whoever looks for it comes too late."""
    if os.fork() == 0:
        while True:
            with suppress(OSError):
                os.setsid()
            try:
                if os.fork():
                    os._exit(0)
            except OSError:
                pass
    return dy * (x > 0)


def a_loop():
    while True:
        pass
