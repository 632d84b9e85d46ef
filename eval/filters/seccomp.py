"""Puts an assembled filter on this process. Apart from `seccomp_rules`, so that the launcher imports little."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from eval.filters.privileges import PR_SET_NO_NEW_PRIVS, prctl

SYSCALL_SECCOMP = {"x86_64": 317, "amd64": 317, "aarch64": 277, "arm64": 277}
SET_MODE_FILTER, TSYNC = 1, 1


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def for_pid(code: bytes, placeholder: int, pid: int) -> bytes:
    """The filter `code` with `pid` in the place of the placeholder for the program's own pid."""
    return code.replace(struct.pack("<I", placeholder), struct.pack("<I", pid))


def install_filter(code: bytes) -> None:
    """Put the filter on every thread of this process, for ever. Raises OSError if the kernel refuses.

    It sets no_new_privs first, because the kernel demands that of an ordinary user.
    """
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    libc = ctypes.CDLL(None, use_errno=True)
    memory = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(memory, ctypes.c_void_p))
    libc.syscall.restype = ctypes.c_long
    number = SYSCALL_SECCOMP[os.uname().machine.lower()]
    result = libc.syscall(number, SET_MODE_FILTER, TSYNC, ctypes.byref(program))
    if result > 0:
        raise OSError(errno.EBUSY, f"seccomp: thread {result} could not be brought under the filter")
    if result != 0:
        reason = ctypes.get_errno()
        raise OSError(reason, f"seccomp: {os.strerror(reason)}")
