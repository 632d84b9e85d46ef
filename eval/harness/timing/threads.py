"""How many threads a worker runs on while it is timed, as the kernel counts its processor time."""

from __future__ import annotations

from collections.abc import Sequence

from eval.harness.worker_process import Answer, WorkerProcess
from eval.host.procfs import cpu_seconds, thread_seconds
from eval.integrity import clocks
from eval.records.flags import FlagName
from eval.records.schema import Flag


class ThreadWatch:
    """Measures a worker from its creation on. A network can raise its own number of threads; this shows it."""

    def __init__(self, worker: WorkerProcess) -> None:
        self._pid, self._allowed = worker.pid, worker.allowed_threads
        self._start_s, self._start_by_thread_s = cpu_seconds(self._pid), thread_seconds(self._pid)

    def flags(self, answers: Sequence[Answer]) -> list[Flag]:
        """What the processor time since the creation says, if `answers` are those of all requests since."""
        if self._allowed is None:
            return []
        requests_s = sum(answer.wall_ms for answer in answers) / 1e3
        reason = clocks.surplus_threads(self._by_thread_s(), requests_s, self._allowed)
        return [FlagName.THREADS_ADDED.because(reason)] if reason else []

    def _by_thread_s(self) -> list[float]:
        """Processor time since the creation, of each living thread, and of those together that have ended."""
        living = [
            now_s - self._start_by_thread_s.get(thread, 0.0)
            for thread, now_s in thread_seconds(self._pid).items()
        ]
        return [*living, max(cpu_seconds(self._pid) - self._start_s - sum(living), 0.0)]
