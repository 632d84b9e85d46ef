"""Last step into the sandbox: a script that gives up every right, then becomes the worker.

Usage: `python -I -S -B launch.py DESCRIPTOR PROGRAM...`. It reads from DESCRIPTOR what `eval.sandbox.start` wrote.

The script forks. The child gives up its rights and becomes the program. The parent stays as the keeper, and adopts
every orphan. At level bwrap the keeper is pid 1, and its end is the end of the namespace. At the other levels the
keeper is not restricted. It ends all descendants when the program ends, at SIGTERM, and when the harness dies.
"""

# ruff: noqa: SIM105 - importing contextlib, pathlib, json and typing would double the time that this script takes
from __future__ import annotations

import marshal
import os
import resource
import signal
import sys
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from eval.filters import landlock, seccomp
from eval.filters.privileges import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    drop,
    prctl,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


HANDLED = {signal.SIGTERM, signal.SIGCHLD}
ALWAYS_DEFAULT = {signal.SIGKILL, 32, 33}  # 32 and 33 belong to glibc: nobody can handle or block them
CPU_GRACE_S = 2  # from SIGXCPU, which a program may ignore, to SIGKILL


def tasks_of(uid: int) -> int:
    """Number of processes and threads that run under `uid` now. RLIMIT_NPROC counts them all."""
    count = 0
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{entry}").st_uid == uid:
                count += len(os.listdir(f"/proc/{entry}/task"))
        except OSError:  # ended meanwhile
            pass
    return count


def set_limit(which: int, soft: int, hard: int) -> None:
    """Set a resource limit, but never above the present hard limit: only root may raise that."""
    ceiling = resource.getrlimit(which)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(which, (soft, hard))


def set_limits(limits: dict[str, int], uid: int | None) -> None:
    """Set resource limits from a dictionary of `Limits` fields. 0 means no limit."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    names = {"memory_bytes": resource.RLIMIT_DATA, "file_bytes": resource.RLIMIT_FSIZE}
    names["open_files"] = resource.RLIMIT_NOFILE
    for name, which in names.items():
        if limits[name]:
            set_limit(which, limits[name], limits[name])
    if limits["cpu_s"]:
        set_limit(resource.RLIMIT_CPU, limits["cpu_s"], limits["cpu_s"] + CPU_GRACE_S)
    if limits["processes"]:
        # A leased uid has no other tasks. An ordinary user has some, and one of them is this process
        others = max(tasks_of(os.getuid()) - 1, 0) if uid is None else 0
        wanted = limits["processes"] + others
        set_limit(resource.RLIMIT_NPROC, wanted, wanted)


def close_all_but(descriptors: list[int]) -> None:
    """Close every descriptor above standard error that is not named."""
    for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:
        if descriptor > 2 and descriptor not in descriptors:
            try:
                os.close(descriptor)
            except OSError:  # the one that listed the folder
                pass


def die_with(parent: int, signal_number: int) -> None:
    """Ask the kernel for a signal at the parent's end. The script ends if the parent is gone already."""
    prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        sys.exit("the harness is gone")


def become_program(specification: dict[str, Any], program: list[str], parent: int) -> NoReturn:
    """Apply limits, uid, Landlock and seccomp in this order, then run the program."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
    except OSError:  # not offered in every container
        pass
    os.chdir(specification["cwd"])
    set_limits(specification["limits"], specification["uid"])
    close_all_but(specification["pass_fds"])
    drop(specification["uid"], specification["keep_read_search"])
    die_with(parent, signal.SIGKILL)  # after `drop`, because a change of uid clears it
    if specification["landlock"] is not None:
        landlock.restrict(**specification["landlock"])
        code = seccomp.for_pid(specification["filter"], specification["filter_pid"], os.getpid())
        seccomp.install_filter(code)
    try:
        os.execv(program[0], program)
    except OSError as error:  # execv does not name the program
        raise OSError(error.errno, error.strerror, program[0]) from None


def children() -> list[int]:
    """All descendants of this process, found in /proc."""
    parents: dict[int, int] = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                parents[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):  # ended meanwhile
            pass
    found, generation = [], [os.getpid()]
    while generation:
        generation = [pid for pid, parent in parents.items() if parent in generation]
        found += generation
    return found


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def sweep() -> None:
    """End all descendants. They are stopped until no new one appears, then killed and reaped until none is left."""
    stopped: set[int] = set()
    for _ in range(100):
        new = set(children()) - stopped
        if not new:
            break
        stopped |= new
        for pid in new:
            send(pid, signal.SIGSTOP)
    while True:
        for pid in children():
            send(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


def wait_for(child: int) -> int:
    """Reap orphans until the program ends, and return its wait status. At SIGTERM return that of SIGKILL."""
    while signal.sigwait(HANDLED) != signal.SIGTERM:
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == child:
                    return status
                if pid == 0:
                    break
        except ChildProcessError:
            break
    return int(signal.SIGKILL)


def shed_rights(specification: dict[str, Any]) -> None:
    """Give up what the keeper does not need while it waits: rights, new processes, the program's descriptors."""
    if specification["namespaces"]:
        drop(None, keep_read_search=False)
        seccomp.install_filter(specification["keeper_filter"])
    os.chdir("/")
    devnull = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(devnull, standard)
    close_all_but([])  # otherwise the harness would never see the end of the channel


def end_like(status: int, namespaces: bool) -> NoReturn:
    """End as the program did, by the same signal. Pid 1 cannot signal itself, so it exits with 128 + signal."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if namespaces:
            os._exit(128 + number)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in ALWAYS_DEFAULT:
            signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


def remove_folder(folder: str) -> None:
    """Remove the private folder of a harness that was killed and cannot do it itself."""
    from pathlib import Path  # only here: it would slow every start

    from eval.host import disk

    disk.remove(Path(folder))


def keep(specification: dict[str, Any], program: list[str]) -> NoReturn:
    """Start the program as a child, end everything that it leaves behind, and end in the same way as it did."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    namespaces = specification["namespaces"]
    if not namespaces:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    die_with(specification["parent"], signal.SIGKILL if namespaces else signal.SIGTERM)
    prctl(PR_SET_DUMPABLE, 0)  # so that a program of the same uid cannot open the keeper's /proc/PID/mem
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        prctl(PR_SET_DUMPABLE, 1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        os.setsid()
        become_program(specification, program, keeper)
    shed_rights(specification)
    status = wait_for(child)
    if not namespaces:
        sweep()
        if os.getppid() != specification["parent"]:
            remove_folder(specification["tmp"])
    end_like(status, namespaces)


def read_specification(descriptor: int) -> dict[str, Any]:
    """What `eval.sandbox.start` wrote. The descriptor stays open until `close_all_but`."""
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        specification: dict[str, Any] = marshal.load(file)
    return specification


def main() -> NoReturn:
    """Enter the sandbox. If that fails, print one line on stderr and exit with status 125; the program never starts."""
    try:
        keep(read_specification(int(sys.argv[1])), sys.argv[2:])
    except OSError as error:
        print(f"sandbox: {error}", file=sys.stderr, flush=True)
        os._exit(125)


if __name__ == "__main__":
    main()
