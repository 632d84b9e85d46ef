"""Landlock through ctypes. It limits the files that a process may open, TCP, and signals and sockets to outside.

The system call numbers are the same on every architecture. Interface: Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
GET_VERSION = 1
RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
RIGHTS_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READ = EXECUTE | READ_FILE | READ_DIR
DEVICE = READ_FILE | WRITE_FILE | IOCTL_DEV
# Bits that exist from an ABI version on: files (5.13), refer (5.19), truncate (6.2), ioctl on devices (6.10)
FIRST_RIGHTS = (1 << 13) - 1
LATER_RIGHTS = ((2, 1 << 13), (3, TRUNCATE), (5, IOCTL_DEV))
BIND_AND_CONNECT_TCP = 0b11  # ABI 4
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11  # ABI 6

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(what: str, *arguments: object) -> int:
    result = int(_libc.syscall(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {what}: {os.strerror(number)}")
    return result


def abi() -> int:
    """Version of the kernel's Landlock. Raises OSError if it is absent or not enabled."""
    return _call("not offered by this kernel", CREATE_RULESET, None, 0, GET_VERSION)


def handled_rights(version: int) -> int:
    """Every file right that this version knows. Each is refused unless a rule allows it."""
    return FIRST_RIGHTS | sum(bit for since, bit in LATER_RIGHTS if version >= since)


def read_write(version: int) -> int:
    """Rights in a folder that the process owns: all except making device nodes."""
    return handled_rights(version) & ~(MAKE_CHAR | MAKE_BLOCK)


def _create(version: int) -> int:
    fields = [handled_rights(version)]
    if version >= 4:
        fields.append(BIND_AND_CONNECT_TCP)
    if version >= 6:
        fields.append(SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    return _call("create a ruleset", CREATE_RULESET, attributes, len(attributes), 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allow `rights` at and below `path`. A path that does not exist is skipped."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= RIGHTS_OF_FILES
        rule = struct.pack("=Qi", rights, descriptor)
        _call(f"allow {path}", ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


def restrict(readable: list[str], listable: list[str], writable: list[str], devices: list[str]) -> None:
    """Confine this process for ever. It must have no_new_privs set. Raises OSError if the kernel refuses.

    readable: files and folders that may be read and executed.
    listable: folders whose names may be listed, at every depth, but not their contents.
    writable: folders in which everything is allowed except making device nodes.
    devices: nodes that may be read, written and used by ioctl.
    The process may write its own /proc/PID (thread names, CUDA). It cannot open that of another process.
    """
    version = abi()
    ruleset = _create(version)
    known = handled_rights(version)
    rules = [(readable, READ), (listable, READ_DIR), (devices, DEVICE & known)]
    rules.append(([*writable, f"/proc/{os.getpid()}"], read_write(version)))
    for paths, rights in rules:
        for path in paths:
            _allow(ruleset, path, rights)
    _call("restrict this process", RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
