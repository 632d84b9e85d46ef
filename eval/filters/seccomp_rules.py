"""Seccomp filters as raw BPF: no package, nothing run at import (libseccomp's binding starts a shell).

Two stages. Stage 1 (before the interpreter starts) refuses what no model needs. Stage 2 (`eval.filters.lockdown`)
refuses new processes and programs once torch is imported. Refusals are errors (EPERM), not kills, so that a
library that merely tries something falls back; clone3 and calls younger than our table are ENOSYS, so that
libc falls back to calls whose arguments a filter can see.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass, replace

from eval.filters.syscalls import (
    AUDIT_ARCH,
    NEWEST,
    machine,
    number,
)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
AF_UNIX, SOCK_STREAM, SOCK_SEQPACKET = 1, 1, 5
CLONE_THREAD = 0x10000
CLONE_NEW = 0x7E020000  # NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
# Who gets which signal when a descriptor is ready: with them the kernel sends SIGKILL to any process of the user
F_SETOWN, F_SETSIG, F_SETOWN_EX = 8, 10, 15
FIOSETOWN, SIOCSPGRP = 0x8901, 0x8902
ANY = 0xFFFFFFFF
OWN_PID = 0x7FFF5A5A  # no pid is that large; stands for the program's own until `for_pid`

REFUSED = """
acct add_key adjtimex bpf chroot clock_adjtime clock_settime connect create_module delete_module
fanotify_init finit_module fsconfig fsmount fsopen fspick get_kernel_syms init_module io_uring_enter
io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl listmount lookup_dcookie
memfd_secret migrate_pages mount mount_setattr move_mount move_pages msgget name_to_handle_at nfsservctl
open_by_handle_at open_tree open_tree_attr perf_event_open pidfd_getfd pivot_root process_madvise
process_mrelease process_vm_readv process_vm_writev ptrace query_module quotactl quotactl_fd reboot
request_key semget sethostname setdomainname setns settimeofday shmget statmount swapoff swapon syslog umount2
unshare uselib userfaultfd vhangup
""".split()  # noqa: SIM905
# What mounts and namespaces do at level bwrap and Landlock does not: modes, owners and times of the user's files,
# then their attributes, message queues, other processes of the same user.
MODES_AND_TIMES = """
chmod chown fchmod fchmodat fchmodat2 fchown fchownat futimesat lchown utime utimensat utimes
""".split()  # noqa: SIM905
REFUSED_WITHOUT_NAMESPACES = """
file_setattr fremovexattr fsetxattr ioprio_set lremovexattr lsetxattr mq_open pidfd_send_signal removexattr
removexattrat rt_sigqueueinfo rt_tgsigqueueinfo setpriority setxattr setxattrat tkill truncate
""".split()  # noqa: SIM905
NEW_PROCESSES = ["execve", "execveat", "fork", "vfork"]


@dataclass(frozen=True)
class Condition:
    """Holds where `argument & mask` is one of `values`, or none of them if `negated`. 32-bit arguments."""

    argument: int
    values: tuple[int, ...]
    mask: int = ANY
    negated: bool = False


@dataclass(frozen=True)
class Filter:
    """Calls refused always, calls allowed only if all their conditions hold, and calls that succeed without effect."""

    refused: tuple[str, ...]
    conditional: dict[str, tuple[Condition, ...]]
    ignored: tuple[str, ...] = ()
    unknown_is_enosys: bool = True


def stage1_bwrap() -> Filter:
    """For inside namespaces: no kernel interfaces that are not needed, no sockets that leave the sandbox."""
    # A datagram socket, of a pair too, sends to any path without connect
    local = (Condition(0, (AF_UNIX,)), Condition(1, (SOCK_STREAM, SOCK_SEQPACKET), mask=0xF))
    return Filter(
        refused=tuple(REFUSED),
        conditional={
            "clone": (Condition(0, (0,), mask=CLONE_NEW),),
            # The CUDA driver makes a listening AF_UNIX socket; connect is refused above. AF_VSOCK is not
            # namespaced.
            "socket": local,
            "socketpair": local,
            "ioctl": (Condition(1, (TIOCSTI, TIOCLINUX), negated=True),),
        },
    )


def stage1_landlock() -> Filter:
    """For beside the user's other processes: as `stage1_bwrap`, and nothing that changes files' metadata or
    another process of the same uid (Landlock covers neither chmod nor prlimit, and signals from ABI 6 on)."""
    base, self_only = stage1_bwrap(), (Condition(0, (0, OWN_PID)),)
    calls = ["prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"]
    conditional = {**base.conditional, **dict.fromkeys(calls, self_only)}
    conditional.update(dict.fromkeys(["kill", "tgkill"], (Condition(0, (OWN_PID,)),)))
    conditional["fcntl"] = (Condition(1, (F_SETOWN, F_SETSIG, F_SETOWN_EX), negated=True),)
    conditional["ioctl"] += (Condition(1, (FIOSETOWN, SIOCSPGRP), negated=True),)
    return Filter(base.refused + tuple(REFUSED_WITHOUT_NAMESPACES + MODES_AND_TIMES), conditional)


def stage1_landlock_build() -> Filter:
    """For build tools, which set mode and time of every file they copy and give up where that fails: it seems to
    succeed, and changes nothing, inside or outside."""
    rules = stage1_landlock()
    refused = tuple(name for name in rules.refused if name not in MODES_AND_TIMES)
    return replace(rules, refused=refused, ignored=tuple(MODES_AND_TIMES))


def stage2() -> Filter:
    """No new process or program, threads stay; the signal at the parent's death cannot be switched off, nor an
    ordinary user's harness be kept from looking at what the process holds (PR_SET_DUMPABLE)."""
    return Filter(
        refused=tuple(NEW_PROCESSES),
        conditional={
            "clone": (Condition(0, (CLONE_THREAD,), mask=CLONE_THREAD),),
            "prctl": (Condition(0, (PR_SET_PDEATHSIG, PR_SET_DUMPABLE), negated=True),),
        },
    )


# Opcodes of classic BPF
LOAD, AND, JUMP_EQ, JUMP_GE, JUMP_GT, RETURN = 0x20, 0x54, 0x15, 0x35, 0x25, 0x06
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
X32_BIT = 0x40000000


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _check(condition: Condition) -> bytes:
    """Falls through where the condition holds, returns EPERM otherwise."""
    body = _op(LOAD, 16 + 8 * condition.argument) + _op(AND, condition.mask)
    last = len(condition.values) - 1
    for index, value in enumerate(condition.values):
        left = last - index  # comparisons that follow
        if condition.negated:
            body += _op(JUMP_EQ, value, left, 0 if left else 1)
        else:
            body += _op(JUMP_EQ, value, left + 1, 0)
    return body + _op(RETURN, ERRNO | errno.EPERM)


def assemble(rules: Filter, arch: str | None = None) -> bytes:
    """The filter as an array of `struct sock_filter` for `arch` (default: this machine)."""
    arch = arch or machine()
    code = _op(LOAD, 4) + _op(JUMP_EQ, AUDIT_ARCH[arch], 1) + _op(RETURN, KILL) + _op(LOAD, 0)
    if arch == "x86_64":
        code += _op(JUMP_GE, X32_BIT, 0, 1) + _op(RETURN, ERRNO | errno.ENOSYS)
    if rules.unknown_is_enosys:
        code += _op(JUMP_GT, NEWEST, 0, 1) + _op(RETURN, ERRNO | errno.ENOSYS)
    verdicts = [(number("clone3", arch), ERRNO | errno.ENOSYS)]
    verdicts += [(number(name, arch), ERRNO | errno.EPERM) for name in rules.refused]
    verdicts += [(number(name, arch), ERRNO) for name in rules.ignored]  # error 0: not run, and no error
    for call, verdict in verdicts:
        if call is not None:
            code += _op(JUMP_EQ, call, 0, 1) + _op(RETURN, verdict)
    for name, conditions in rules.conditional.items():
        call = number(name, arch)
        if call is not None:
            body = b"".join(_check(condition) for condition in conditions) + _op(RETURN, ALLOW)
            code += _op(JUMP_EQ, call, 0, len(body) // 8) + body
    return code + _op(RETURN, ALLOW)
