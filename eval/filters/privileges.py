"""Gives up root: another uid, no capabilities, and no new privileges by executing a file."""

from __future__ import annotations

import ctypes
import os
import struct

# Options of prctl(2) that the launcher and the filters use
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_DROP = 1, 4, 8, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 36, 38, 47, 2
CAP_DAC_READ_SEARCH, LAST_CAPABILITY = 2, 63
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *arguments: int) -> None:
    """Call prctl(2). Raises OSError if it fails."""
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)][:4]
    if _libc.prctl(option, *padded) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")


def _set_capabilities(mask: int) -> None:
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    if _libc.capset(header, struct.pack("=6I", low, low, low, high, high, high)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"capset: {os.strerror(number)}")


def _drop_bounding_set(kept: int) -> None:
    for capability in range(LAST_CAPABILITY + 1):
        if not kept >> capability & 1:
            # EPERM: no CAP_SETPCAP, because bwrap has emptied the set. EINVAL: past the kernel's last capability
            try:  # noqa: SIM105 - contextlib would cost start-up time
                prctl(PR_CAPBSET_DROP, capability)
            except OSError:
                pass


def drop(uid: int | None, keep_read_search: bool) -> None:
    """Become `uid`, and the group of that number, and lose every capability. If `uid` is None, only lose them.

    keep_read_search keeps CAP_DAC_READ_SEARCH alone, also for programs started later. It is needed if the
    interpreter lies under a folder that only root can enter. With it the process can read the files of other
    users, but not write them; Landlock still decides which files.
    """
    mask = 1 << CAP_DAC_READ_SEARCH if keep_read_search else 0
    if uid is not None:
        _drop_bounding_set(mask)
        prctl(PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    _set_capabilities(mask)
    if mask:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
