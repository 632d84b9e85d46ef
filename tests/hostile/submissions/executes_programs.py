# @expected: ok: unchanged numbers
"""Runs a shell, by every way that Python has; what runs would only say so."""

import ctypes
import os
import subprocess

from models.base import Repeat, breach


def spawn():
    return os.posix_spawn("/bin/sh", ["sh", "-c", "exit 0"], {})


def exec_with_libc():
    arguments = (ctypes.c_char_p * 2)(b"true", None)
    ctypes.CDLL(None, use_errno=True).execv(b"/bin/true", arguments)
    raise OSError(ctypes.get_errno(), "refused")


def shell():
    if ctypes.CDLL(None).system(b"exit 0") != 0:
        raise OSError("refused")


def make():
    for way in (lambda: subprocess.run(["/bin/true"], check=False), spawn, exec_with_libc, shell):
        try:
            way()
        except OSError:
            continue
        breach(f"{way.__name__} ran a program")
    return Repeat()
