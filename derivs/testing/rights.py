"""What a process gives up before it runs code that is not ours: to change files, to send signals, to connect.

Linux only, and as far as its kernel goes. None of this is a sandbox: what could be read before can be read afterwards.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

UIDS: Final = 0x7000_0000              # from here on nobody has users: https://systemd.io/UIDS-GIDS

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 8, 36, 38
CAPABILITIES: Final = {"x86_64": 126, "aarch64": 91}                   # the number of the system call capset
CAP_DAC_READ_SEARCH: Final = 2
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446

# https://docs.kernel.org/userspace-api/landlock.html: the rights to change files, by the version that knows them.
WRITE_FILE: Final = 1 << 1
CHANGES: Final = ((1, WRITE_FILE | 0b1_1111_1111 << 4), (2, 1 << 13), (3, 1 << 14))
CONNECTIONS: Final = (4, 0b11)         # to bind and connect TCP
SIGNALS: Final = (6, 0b11)             # to abstract sockets and processes outside


def give_up(folder: str, readable: Sequence[str]) -> None:
    """From here on: no file outside `folder` changes, no signal or TCP connection leaves, no right is gained again.

    root becomes a user that nobody else is, and can read what root can read only if `readable` could not be read else.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getuid() == 0:
        _be_nobody(libc, folder, readable)
    _landlock(libc, folder)


def own_user(number: int) -> int:
    """A user of its own for a process, by its number."""
    return UIDS + number


def end_with_parent(parent: int) -> None:
    """SIGKILL when the parent ends, whatever ends it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
    if os.getppid() != parent:         # it has ended already
        os._exit(1)


def adopt_orphans() -> None:
    """A descendant whose parent ends becomes a child of this process."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _be_nobody(libc: Any, folder: str, readable: Sequence[str]) -> None:
    """Another user, with a right less than a reader: nobody's files to write, nobody's processes to signal."""
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    for user in (own_user(os.getpid()), 65534):    # a container may know few users
        try:
            with suppress(OSError):    # in a sandbox it is everybody's
                os.chown(folder, user, user)
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            break
        except OSError:
            continue
    else:
        raise OSError("root cannot become another user here")
    reader = 1 << CAP_DAC_READ_SEARCH
    _keep(libc, 0, reader)
    # A Python in root's own folder, say, can be read by root alone.
    rights = 0 if all(map(_is_readable, readable)) else reader
    _keep(libc, rights, rights)
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)        # else /proc/self is root's


def _keep(libc: Any, effective: int, permitted: int) -> None:
    """Of root's capabilities these alone."""
    number = CAPABILITIES.get(os.uname().machine)
    if number is not None:
        header = struct.pack("Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3
        libc.syscall(number, header, struct.pack("6I", effective, permitted, 0, 0, 0, 0))


def _is_readable(path: str) -> bool:
    return not path or os.access(path, os.R_OK | (os.X_OK if os.path.isdir(path) else 0), effective_ids=True)


def _landlock(libc: Any, folder: str) -> int:
    """The version of Landlock that holds from here on; 0: none."""
    if not sys.platform.startswith("linux"):
        return 0
    version = int(libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1))
    if version < 1:
        return 0
    changes = sum(bits for known, bits in CHANGES if known <= version)
    ruled = [changes] + [bits for known, bits in (CONNECTIONS, SIGNALS) if known <= version]
    attributes = struct.pack(f"{len(ruled)}Q", *ruled)
    rules = int(libc.syscall(LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))
    if rules < 0:
        return 0
    for path, rights in ((folder, changes), ("/dev/null", WRITE_FILE)):
        with suppress(OSError):
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
            libc.syscall(LANDLOCK_ADD, rules, 1, struct.pack("=Qi", rights, handle), 0)
            os.close(handle)
    held = libc.syscall(LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)
    return version if held == 0 else 0
