"""The filters' verdicts, by an interpreter of BPF, for both architectures; numbers against headers."""

from __future__ import annotations

import errno
import re
import signal
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from eval.filters import seccomp_rules
from eval.filters.seccomp import for_pid
from eval.filters.syscalls import (
    AUDIT_ARCH,
    NEWEST,
    NUMBERS,
    number,
)
from tests.eval.sandbox_helpers import ROOT

ARCHES = list(AUDIT_ARCH)
PID = 1234
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def verdict(code: bytes, arch: int, call: int, *arguments: int) -> int:
    """What the kernel would do: run the filter on one `struct seccomp_data`."""
    padded = [argument & (2**64 - 1) for argument in (*arguments, 0, 0, 0, 0, 0, 0)][:6]
    data = struct.pack("<iIQ6Q", call - 2**32 if call >= 2**31 else call, arch, 0, *padded)
    program = list(struct.iter_unpack("<HBBI", code))
    accumulator = position = 0
    while True:
        operation, if_true, if_false, value = program[position]
        position += 1
        if operation == seccomp_rules.LOAD:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif operation == seccomp_rules.AND:
            accumulator &= value
        elif operation == seccomp_rules.RETURN:
            return int(value)
        else:
            holds = {
                seccomp_rules.JUMP_EQ: accumulator == value,
                seccomp_rules.JUMP_GE: accumulator >= value,
                seccomp_rules.JUMP_GT: accumulator > value,
            }[operation]
            position += if_true if holds else if_false


EPERM, ENOSYS = seccomp_rules.ERRNO | errno.EPERM, seccomp_rules.ERRNO | errno.ENOSYS
CASES = [
    ("stage1_bwrap", "ptrace", (), EPERM),
    ("stage1_bwrap", "clone3", (), ENOSYS),
    ("stage1_bwrap", "fork", (), seccomp_rules.ALLOW),
    ("stage1_bwrap", "execve", (), seccomp_rules.ALLOW),
    ("stage1_bwrap", "clone", (0x11,), seccomp_rules.ALLOW),
    ("stage1_bwrap", "clone", (0x10000000 | 0x11,), EPERM),
    ("stage1_bwrap", "clone", (0x20000 | 0x11,), EPERM),
    ("stage1_bwrap", "socket", (1, 1), seccomp_rules.ALLOW),
    ("stage1_bwrap", "socket", (1, 5 | 0o2000000), seccomp_rules.ALLOW),
    ("stage1_bwrap", "socket", (1, 2), EPERM),
    ("stage1_bwrap", "socket", (2, 1), EPERM),
    ("stage1_bwrap", "socket", (10, 2), EPERM),
    ("stage1_bwrap", "socket", (40, 1), EPERM),
    ("stage1_bwrap", "socketpair", (1, 1), seccomp_rules.ALLOW),
    ("stage1_bwrap", "socketpair", (1, 5 | 0o2000000), seccomp_rules.ALLOW),
    ("stage1_bwrap", "socketpair", (1, 2), EPERM),
    ("stage1_bwrap", "socketpair", (1, 3), EPERM),  # SOCK_RAW, which AF_UNIX takes for datagrams
    ("stage1_bwrap", "socketpair", (1, 2 | 0o4000), EPERM),
    ("landlock", "socketpair", (1, 2), EPERM),
    ("stage1_bwrap", "connect", (3,), EPERM),
    ("stage1_bwrap", "ioctl", (0, 0x5412), EPERM),
    ("stage1_bwrap", "ioctl", (0, 0x541C), EPERM),
    ("stage1_bwrap", "ioctl", (0, 0xFFFFFFFF00005412), EPERM),
    ("stage1_bwrap", "ioctl", (0, 0x5401), seccomp_rules.ALLOW),
    ("stage1_bwrap", "fchmod", (), seccomp_rules.ALLOW),
    ("landlock", "fchmod", (), EPERM),
    ("landlock", "setxattrat", (), EPERM),
    ("landlock", "kill", (PID,), seccomp_rules.ALLOW),
    ("landlock", "kill", (1,), EPERM),
    ("landlock", "kill", (-1,), EPERM),
    ("landlock", "kill", (0,), EPERM),
    ("landlock", "tgkill", (PID, PID + 3), seccomp_rules.ALLOW),
    ("landlock", "prlimit64", (0,), seccomp_rules.ALLOW),
    ("landlock", "prlimit64", (PID,), seccomp_rules.ALLOW),
    ("landlock", "prlimit64", (1,), EPERM),
    ("landlock", "sched_setaffinity", (1,), EPERM),
    ("landlock", "socket", (2, 1), EPERM),
    ("landlock", "fcntl", (3, 8, 1), EPERM),  # F_SETOWN
    ("landlock", "fcntl", (3, 10, 9), EPERM),  # F_SETSIG
    ("landlock", "fcntl", (3, 15, 0), EPERM),  # F_SETOWN_EX
    ("landlock", "fcntl", (3, 0xFFFFFFFF00000008, 1), EPERM),
    ("landlock", "fcntl", (3, 4, 0o20000), seccomp_rules.ALLOW),
    ("landlock", "fcntl", (3, 1033, 0), seccomp_rules.ALLOW),  # seals
    ("landlock", "ioctl", (3, 0x8901), EPERM),  # FIOSETOWN
    ("landlock", "ioctl", (3, 0x8902), EPERM),  # SIOCSPGRP
    ("landlock", "ioctl", (3, 0x5412), EPERM),
    ("landlock", "ioctl", (3, 0x5401), seccomp_rules.ALLOW),
    ("landlock_build", "chmod", (), seccomp_rules.ERRNO),  # error 0: it seems to succeed
    ("landlock_build", "fchmodat2", (), seccomp_rules.ERRNO),
    ("landlock_build", "utimensat", (), seccomp_rules.ERRNO),
    ("landlock_build", "fchownat", (), seccomp_rules.ERRNO),
    ("landlock_build", "setxattr", (), EPERM),
    ("landlock_build", "truncate", (), EPERM),
    ("landlock_build", "kill", (1,), EPERM),
    ("landlock_build", "connect", (3,), EPERM),
    ("stage1_bwrap", "shmget", (), EPERM),
    ("stage1_bwrap", "fcntl", (3, 8, 1), seccomp_rules.ALLOW),
    ("stage2", "fork", (), EPERM),
    ("stage2", "vfork", (), EPERM),
    ("stage2", "execve", (), EPERM),
    ("stage2", "execveat", (), EPERM),
    ("stage2", "clone3", (), ENOSYS),
    ("stage2", "clone", (0x11,), EPERM),
    ("stage2", "clone", (0x4111,), EPERM),
    ("stage2", "clone", (0x3D0F00,), seccomp_rules.ALLOW),  # what pthread_create asks for
    ("stage2", "prctl", (1,), EPERM),
    ("stage2", "prctl", (4, 0), EPERM),
    ("stage2", "prctl", (15,), seccomp_rules.ALLOW),
]
FILTERS = {
    "stage1_bwrap": seccomp_rules.stage1_bwrap(),
    "landlock": seccomp_rules.stage1_landlock(),
    "landlock_build": seccomp_rules.stage1_landlock_build(),
    "stage2": seccomp_rules.stage2(),
}


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize(("rules", "name", "arguments", "expected"), CASES)
def test_verdict(arch: str, rules: str, name: str, arguments: tuple[int, ...], expected: int) -> None:
    call = number(name, arch)
    if call is None:
        pytest.skip(f"{arch} has no {name}")
    code = for_pid(seccomp_rules.assemble(FILTERS[rules], arch), seccomp_rules.OWN_PID, PID)
    assert verdict(code, AUDIT_ARCH[arch], call, *arguments) == expected


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize("rules", FILTERS)
def test_every_name_has_its_verdict_and_the_rest_is_allowed(arch: str, rules: str) -> None:
    code = seccomp_rules.assemble(FILTERS[rules], arch)
    fixed = {number(name, arch): EPERM for name in FILTERS[rules].refused}
    fixed |= {number(name, arch): seccomp_rules.ERRNO for name in FILTERS[rules].ignored}
    conditional = {number(name, arch) for name in (*FILTERS[rules].conditional, "clone3")}
    for call in range(NEWEST + 1):
        if call not in conditional:
            expected = fixed.get(call, seccomp_rules.ALLOW)
            assert verdict(code, AUDIT_ARCH[arch], call) == expected, call


@pytest.mark.parametrize("arch", ARCHES)
def test_unknown_calls_and_foreign_architectures(arch: str) -> None:
    code = seccomp_rules.assemble(seccomp_rules.stage1_bwrap(), arch)
    other = next(value for name, value in AUDIT_ARCH.items() if name != arch)
    assert verdict(code, AUDIT_ARCH[arch], NEWEST + 1) == ENOSYS
    assert verdict(code, other, 0) == seccomp_rules.KILL
    assert verdict(code, 0x40000003, 11) == seccomp_rules.KILL  # execve of 32-bit x86
    assert verdict(code, AUDIT_ARCH[arch], 0x40000000 | 39) == ENOSYS  # the x32 ABI


@pytest.mark.parametrize("arch", ARCHES)
def test_programs_fit_the_kernel(arch: str) -> None:
    for rules in FILTERS.values():
        code = seccomp_rules.assemble(rules, arch)
        assert len(code) % 8 == 0 and len(code) // 8 < 4096


@pytest.mark.parametrize("arch", ARCHES)
def test_numbers_are_the_headers(arch: str) -> None:
    header = HEADERS[arch]
    if not header.is_file():
        pytest.skip(f"{header} is not installed (linux-libc-dev)")
    text = header.read_text(encoding="utf-8")
    found = {name: int(value) for name, value in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\s", text)}
    compared = 0
    for name in NUMBERS:
        ours = number(name, arch)
        if name in found:
            assert ours == found[name], name
            compared += 1
        else:  # absent on this architecture, or younger than the header
            assert ours is None or ours > max(found.values()) - 2, name
    assert compared > 70


SIGNAL_BY_DESCRIPTOR = """
import ctypes, fcntl, os, signal, struct, sys
sys.path.insert(0, sys.argv[1])
from eval.filters import seccomp, seccomp_rules
victim = int(sys.argv[2])
rules = seccomp_rules.assemble(seccomp_rules.stage1_landlock())
if sys.argv[3] == "filtered":
    seccomp.install_filter(seccomp.for_pid(rules, seccomp_rules.OWN_PID, os.getpid()))
def attempt(action):
    try:
        action()
    except OSError as error:
        print(error.errno)
read_end, write_end = os.pipe()
attempt(lambda: fcntl.fcntl(read_end, fcntl.F_SETOWN, victim))
attempt(lambda: fcntl.fcntl(read_end, 15, struct.pack("ii", 1, victim)))
attempt(lambda: fcntl.ioctl(read_end, 0x8901, struct.pack("i", victim)))
attempt(lambda: fcntl.fcntl(read_end, 10, signal.SIGKILL))
fcntl.fcntl(read_end, fcntl.F_SETFL, fcntl.fcntl(read_end, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
os.write(write_end, b"x")
"""


@pytest.mark.parametrize(("how", "killed"), [("filtered", False), ("bare", True)])
def test_no_signal_by_a_descriptor(how: str, killed: bool) -> None:
    """The filter alone, as on kernels whose Landlock knows no signals; without it the attempt works."""
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as victim:
        command = [sys.executable, "-I", "-S", "-c", SIGNAL_BY_DESCRIPTOR, str(ROOT), str(victim.pid), how]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        victim.communicate(b"\n", timeout=60)
    assert done.stderr == ""
    assert victim.returncode == (-signal.SIGKILL if killed else 0)
    assert killed or done.stdout.split() == [str(errno.EPERM)] * 4


def test_unknown_machine_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(machine="riscv64"))
    with pytest.raises(OSError, match="no system call numbers for riscv64, only for x86_64 and aarch64"):
        seccomp_rules.assemble(seccomp_rules.stage2())
