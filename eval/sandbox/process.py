"""A running sandbox: its output, the limit that it hit, and an end that no process survives."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from data.errors import InputError
from eval.host import disk, procfs
from eval.sandbox.cgroup import Cgroup
from eval.sandbox.denials import limit_behind, limit_in_words
from eval.sandbox.limits import Level, Limits
from eval.sandbox.uids import UidLease
from eval.sandbox.watch import Output, Watchdog, Watched

TERMINATION_S = 1.0  # the keeper's time to sweep; then it is killed, and this process sweeps
SWEEP_S = 30.0  # more than 5 s were seen while other work of higher priority held the processors
SIGNAL_LIMITS = {int(signal.SIGXCPU): "cpu_s", int(signal.SIGXFSZ): "file_bytes"}
LAST_SIGNAL = 64


@dataclass
class Resources:
    """What one sandbox borrows and gives back at its end."""

    mark: str  # random text in the environment of its processes
    lease: UidLease | None = None
    cgroup: Cgroup | None = None
    tmp: Path | None = None  # private folder on disk, if /tmp is not a private mount

    def release(self) -> None:
        """Remove group and folder, and give the uid back. Call it when no process is left."""
        if self.cgroup is not None:
            self.cgroup.remove()
        if self.tmp is not None:
            disk.remove(self.tmp)
        if self.lease is not None:
            self.lease.release()


class Confined:
    """One sandbox, made by `eval.sandbox.start`. As a context manager it is killed at the end of the block.

    level, note: the level, and how it is held here (uid, kept capability, control group or polling).
    pid: the outermost process (bwrap or the keeper), a child of the harness.
    """

    def __init__(
        self,
        level: Level,
        note: str,
        process: subprocess.Popen[bytes],
        limits: Limits,
        resources: Resources,
        watched: Watched,
    ) -> None:
        self.level, self.note, self.pid = level, note, process.pid
        self._process, self._limits, self._resources = process, limits, resources
        self._lock = threading.RLock()
        self._reason: str | None = None  # why the watching threads ended it
        self._namespace: str | None = None
        # Held open while its number matters: the kernel gives a dead namespace's number to the next namespace
        self._namespace_held = -1
        self._released = False
        assert process.stdout is not None
        self._output = Output(process.stdout, limits, self._end_for)
        self._watchdog = Watchdog(watched, limits, self._end_for)

    def __enter__(self) -> Confined:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def returncode(self) -> int | None:
        """Exit status, negative for a signal. None while it runs."""
        code = self._process.returncode
        if self.level is Level.BWRAP and code is not None and 128 < code <= 128 + LAST_SIGNAL:
            return 128 - code  # bwrap exits with 128 + signal if its child was killed
        return code

    def poll(self) -> int | None:
        """The exit status if it has ended, otherwise None. Does not wait."""
        self._process.poll()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit status. Raises TimeoutError after `timeout` seconds."""
        if timeout is None:
            self._process.wait()
        elif not self._ended_within(timeout):
            raise TimeoutError(f"the sandbox still runs after {timeout} s")
        assert self.returncode is not None
        return self.returncode

    def _ended_within(self, timeout: float) -> bool:
        """Wait by a pidfd, because Popen.wait with a timeout sleeps up to 50 ms at a time."""
        if self._process.returncode is not None:
            return True
        with contextlib.suppress(OSError, AttributeError):
            descriptor = os.pidfd_open(self.pid)
            try:
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                ended = bool(poll.poll(timeout * 1e3))
            finally:
                os.close(descriptor)
            if ended:
                self._process.wait()  # not poll, which answers None while another thread reaps
            return ended
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        return self._process.poll() is not None

    def output(self) -> bytes:
        """The last `Limits.output_kept_bytes` of stdout and stderr. It is complete after `kill`."""
        return self._output.kept()

    def limit_hit(self) -> str | None:
        """Which limit ended it, in words. None if no limit is known to have ended it.

        A limit that only made a call fail inside does not show here. It shows in the error that the worker reports;
        `limit_behind` recognises it.
        """
        reason = self._reason or self._kernel_limit()
        if reason is None and self.returncode is not None:
            name = SIGNAL_LIMITS.get(-self.returncode)
            return None if name is None else limit_in_words(name, self._limits)
        return reason

    def limit_behind(self, error: str) -> str | None:
        """Which limit an error from inside points at (memory, threads, files). None if it points at none."""
        return limit_behind(error, self.level, self._limits)

    def survivors(self) -> list[int]:
        """Processes of this sandbox that exist now, found by tree, namespace, uid, control group and mark."""
        found: set[int] = set()
        if self._process.poll() is None:
            found.update(procfs.tree(self.pid))
        if self._namespace is not None and not self._released:
            found.update(procfs.in_namespace(self._namespace))
        if self._resources.lease is not None and not self._released:
            found.update(procfs.of_uid(self._resources.lease.uid))
        if self._resources.cgroup is not None:
            found.update(self._resources.cgroup.members())
        found.update(procfs.with_mark(self._resources.mark))
        return procfs.living(found)

    def kill(self) -> None:
        """End every process of this submission, daemons included, and give back what it held. May be called again.

        Raises InputError if a process still exists after `SWEEP_S`, such as one that the kernel cannot interrupt.
        The machine should not be trusted with another submission then.
        """
        self._end_processes()
        with self._lock:
            self._watchdog.stop()
            self._output.join()
            if self._released:
                return
            left = self._sweep()
            if left:
                raise InputError(
                    f"processes {left} of the sandbox cannot be killed; end them before going on"
                )
            self._reason = self._reason or self._kernel_limit()  # the counters vanish with the group
            self._released = True
            if self._namespace_held >= 0:
                os.close(self._namespace_held)
            self._resources.release()

    def _kernel_limit(self) -> str | None:
        """The limit that the control group's counters report, or None."""
        group = self._resources.cgroup
        if group is None or not group.out_of_memory():
            return None
        return limit_in_words("memory_bytes", self._limits)

    def _end_for(self, reason: str) -> None:
        """End the sandbox for `reason`. The watching threads call this."""
        if self._reason is None and self._process.returncode is None:
            self._reason = reason
        self._end_processes()

    def _remember_namespace(self) -> None:
        if self.level is Level.BWRAP and self._namespace is None:
            own = procfs.pid_namespace(os.getpid())
            for pid in procfs.tree(self.pid):
                with contextlib.suppress(OSError):
                    held = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
                    name = os.readlink(f"/proc/self/fd/{held}")
                    if name != own:
                        self._namespace, self._namespace_held = name, held
                        return
                    os.close(held)

    def _end_processes(self) -> None:
        with self._lock:
            if self._process.poll() is not None:
                return
            self._remember_namespace()
            if self._resources.cgroup is not None:
                self._resources.cgroup.kill()
            if self.level is not Level.BWRAP:
                self._process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(TERMINATION_S)
            self._process.kill()
            self._process.wait()

    def _sweep(self) -> list[int]:
        deadline = time.monotonic() + SWEEP_S
        while (left := self.survivors()) and time.monotonic() < deadline:
            procfs.kill_all(left)
            time.sleep(0.002)
        return left
