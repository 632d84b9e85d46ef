"""Which system calls are refused, and the seccomp filters in raw BPF that refuse them.

The filters are assembled here because libseccomp's Python package starts a shell when it is imported.

Stage 1 applies before the interpreter starts and refuses what no model needs. Stage 2 (`eval.filters.lockdown`)
applies after `import torch` and refuses new processes and programs. A refused call fails with EPERM and kills
nothing, so a library that only tries a call can fall back. clone3 and calls newer than the table fail with ENOSYS.
libc then falls back to calls whose arguments a filter can see.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass, replace

from eval.filters.privileges import PR_SET_DUMPABLE, PR_SET_PDEATHSIG
from eval.filters.syscalls import AUDIT_ARCH, NEWEST, machine, number

AF_UNIX, SOCK_STREAM, SOCK_SEQPACKET = 1, 1, 5
CLONE_THREAD = 0x10000
CLONE_NEW = 0x7E020000  # NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
# They choose who gets which signal when a descriptor is ready: the kernel would send SIGKILL to any process of the user
F_SETOWN, F_SETSIG, F_SETOWN_EX = 8, 10, 15
FIOSETOWN, SIOCSPGRP = 0x8901, 0x8902
ANY = 0xFFFFFFFF
OWN_PID = 0x7FFF5A5A  # larger than any pid; `seccomp.for_pid` puts the program's own pid in its place

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
# Mounts and namespaces prevent these calls from doing harm at level bwrap. Landlock does not cover them. First come
# modes, owners and times of the user's files; then attributes, message queues, and other processes of the user.
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
    """Holds if `argument & mask` is one of `values`, or none of them if `negated`. The mask has 32 bits."""

    argument: int
    values: tuple[int, ...]
    mask: int = ANY
    negated: bool = False


@dataclass(frozen=True)
class Filter:
    """What one filter does with system calls.

    refused: fail with EPERM. conditional: are allowed only if all their conditions hold.
    ignored: succeed without any effect. unknown_is_enosys: calls newer than the table fail with ENOSYS.
    """

    refused: tuple[str, ...]
    conditional: dict[str, tuple[Condition, ...]]
    ignored: tuple[str, ...] = ()
    unknown_is_enosys: bool = True


def stage1_bwrap() -> Filter:
    """For use inside namespaces. Refuses kernel interfaces that no model needs, and sockets that reach out."""
    # A datagram socket can send to any path without connect, even one end of a pair
    local = (Condition(0, (AF_UNIX,)), Condition(1, (SOCK_STREAM, SOCK_SEQPACKET), mask=0xF))
    return Filter(
        refused=tuple(REFUSED),
        conditional={
            "clone": (Condition(0, (0,), mask=CLONE_NEW),),
            # The CUDA driver makes a listening AF_UNIX socket, and connect is refused above. AF_VSOCK has no
            # namespace.
            "socket": local,
            "socketpair": local,
            "ioctl": (Condition(1, (TIOCSTI, TIOCLINUX), negated=True),),
        },
    )


def stage1_landlock() -> Filter:
    """For use beside the user's other processes: `stage1_bwrap` and more.

    It also refuses to change the metadata of files, or another process of the same uid. Landlock covers neither
    chmod nor prlimit, and signals only from ABI 6 on.
    """
    base, self_only = stage1_bwrap(), (Condition(0, (0, OWN_PID)),)
    calls = ["prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"]
    conditional = {**base.conditional, **dict.fromkeys(calls, self_only)}
    conditional.update(dict.fromkeys(["kill", "tgkill"], (Condition(0, (OWN_PID,)),)))
    conditional["fcntl"] = (Condition(1, (F_SETOWN, F_SETSIG, F_SETOWN_EX), negated=True),)
    conditional["ioctl"] += (Condition(1, (FIOSETOWN, SIOCSPGRP), negated=True),)
    return Filter(base.refused + tuple(REFUSED_WITHOUT_NAMESPACES + MODES_AND_TIMES), conditional)


def stage1_landlock_build() -> Filter:
    """For build tools, which set the mode and time of each file that they copy, and give up if that fails.

    The calls seem to succeed and change nothing, inside or outside.
    """
    rules = stage1_landlock()
    refused = tuple(name for name in rules.refused if name not in MODES_AND_TIMES)
    return replace(rules, refused=refused, ignored=tuple(MODES_AND_TIMES))


def stage2() -> Filter:
    """Refuse new processes and programs; allow threads.

    The process cannot switch off the signal at its parent's death (PR_SET_PDEATHSIG). It cannot hide its memory
    from the harness of an ordinary user either (PR_SET_DUMPABLE).
    """
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
    """Code that falls through if the condition holds, and returns EPERM otherwise."""
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
