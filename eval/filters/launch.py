"""Last step into the sandbox: a script that gives up every right, then becomes the worker.

`python -I -S -B launch.py DESCRIPTOR PROGRAM...`; what `spawn.py` has marshalled is read from there. It forks:
the child gives up its rights and becomes the program, the parent stays as the keeper, adoptive parent
of every orphan. At level bwrap the keeper is pid 1, whose end ends the namespace. At the other levels it is
outside the restrictions and ends all descendants when the program ends, at SIGTERM, and when the harness
dies.
"""

# ruff: noqa: SIM105 - contextlib, pathlib, json and typing would double the time that this script takes
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
from eval.filters.privileges import drop, prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
HANDLED = {signal.SIGTERM, signal.SIGCHLD}
ALWAYS_DEFAULT = {signal.SIGKILL, 32, 33}  # 32 and 33 are glibc's, which lets nobody handle or block them
CPU_GRACE_S = 2  # between SIGXCPU, which may be ignored, and SIGKILL


def tasks_of(uid: int) -> int:
    """Processes and threads that run under `uid` now: RLIMIT_NPROC counts them all."""
    count = 0
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{entry}").st_uid == uid:
                count += len(os.listdir(f"/proc/{entry}/task"))
        except OSError:  # ended meanwhile
            pass
    return count


def set_limit(which: int, soft: int, hard: int) -> None:
    """setrlimit, but never above the present hard limit, which only root may raise."""
    ceiling = resource.getrlimit(which)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(which, (soft, hard))


def set_limits(limits: dict[str, int], uid: int | None) -> None:
    """Rlimits from a dictionary of `Limits` fields; 0 is no limit."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    names = {"memory_bytes": resource.RLIMIT_DATA, "file_bytes": resource.RLIMIT_FSIZE}
    names["open_files"] = resource.RLIMIT_NOFILE
    for name, which in names.items():
        if limits[name]:
            set_limit(which, limits[name], limits[name])
    if limits["cpu_s"]:
        set_limit(resource.RLIMIT_CPU, limits["cpu_s"], limits["cpu_s"] + CPU_GRACE_S)
    if limits["processes"]:
        # A leased uid has no other tasks; of an ordinary user's one is this process itself
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
    """Have the kernel send a signal when the parent ends, also if it ended just now."""
    prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        sys.exit("the harness is gone")


def become_program(specification: dict[str, Any], program: list[str], parent: int) -> NoReturn:
    """Limits, uid, Landlock and seccomp in this order, then the program."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
    except OSError:  # not offered in every container
        pass
    os.chdir(specification["cwd"])
    set_limits(specification["limits"], specification["uid"])
    close_all_but(specification["pass_fds"])
    drop(specification["uid"], specification["keep_read_search"])
    die_with(parent, signal.SIGKILL)  # a change of uid clears it, hence here
    if specification["landlock"] is not None:
        landlock.restrict(**specification["landlock"])
        code = seccomp.for_pid(specification["filter"], specification["filter_pid"], os.getpid())
        seccomp.install(code)
    try:
        os.execv(program[0], program)
    except OSError as error:  # execv leaves the name out
        raise OSError(error.errno, error.strerror, program[0]) from None


def children() -> list[int]:
    """Descendants of this process, from /proc."""
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
    """A signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def sweep() -> None:
    """End all descendants: stop them until no new one appears, kill, and reap until none is left."""
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
    """Reap orphans until the program ends, returning its wait status, or until SIGTERM (as if SIGKILLed)."""
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
    """What the keeper has no use for while it waits: rights, new processes, the program's descriptors."""
    if specification["namespaces"]:
        drop(None, keep_read_search=False)
        seccomp.install(specification["keeper_filter"])
    os.chdir("/")
    devnull = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(devnull, standard)
    close_all_but([])  # else the harness would never see the end of the channel


def end_like(status: int, namespaces: bool) -> NoReturn:
    """End as the program did, by the same signal; pid 1 cannot signal itself and ends with 128 + signal."""
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
    """The private folder, when the harness was killed and cannot remove it itself."""
    from pathlib import Path  # only here: it would slow every start

    from eval.host import disk

    disk.remove(Path(folder))


def keep(specification: dict[str, Any], program: list[str]) -> NoReturn:
    """Start the program as a child, end everything it leaves behind, and end in the same way as it did."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    namespaces = specification["namespaces"]
    if not namespaces:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    die_with(specification["parent"], signal.SIGKILL if namespaces else signal.SIGTERM)
    prctl(PR_SET_DUMPABLE, 0)  # a program of the same uid cannot open the keeper's /proc/PID/mem
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
    """What `spawn.py` wrote; the descriptor is closed with all others that the program was not given."""
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        specification: dict[str, Any] = marshal.load(file)
    return specification


def main() -> NoReturn:
    """Enter the sandbox; a failure is one line on stderr and status 125, before the program has started."""
    try:
        keep(read_specification(int(sys.argv[1])), sys.argv[2:])
    except OSError as error:
        print(f"sandbox: {error}", file=sys.stderr, flush=True)
        os._exit(125)


if __name__ == "__main__":
    main()
