"""Watches a running sandbox with two threads, and ends it if it passes a limit."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from eval.host import disk, procfs
from eval.host.gpu import GpuMemory
from eval.sandbox.denials import limit_in_words
from eval.sandbox.limits import Limits

CHUNK = 1 << 16
LOOKS_PER_GPU_LOOK = 10  # asking the driver takes locks for which a timed pass may wait


class Output:
    """Reads stdout and stderr to the end and keeps the last bytes. Ends the sandbox if it writes too much."""

    def __init__(self, stream: IO[bytes], limits: Limits, end_for: Callable[[str], None]) -> None:
        self._stream, self._limits, self._end_for = stream, limits, end_for
        self._kept = bytearray()
        self._total = 0
        self._thread = threading.Thread(target=self._drain, name="sandbox-output", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        reported = False
        with self._stream:
            while chunk := os.read(self._stream.fileno(), CHUNK):
                self._kept += chunk
                del self._kept[: max(0, len(self._kept) - self._limits.output_kept_bytes)]
                self._total += len(chunk)
                if not reported and self._limits.output_bytes and self._total > self._limits.output_bytes:
                    reported = True
                    self._end_for(limit_in_words("output_bytes", self._limits))

    def kept(self) -> bytes:
        """The last bytes written so far."""
        return bytes(self._kept)

    def join(self) -> None:
        """Wait for the end of the stream. It ends when the last process is gone."""
        self._thread.join(timeout=2.0)


@dataclass(frozen=True)
class Watched:
    """What a watchdog looks at.

    pid: the outermost process. tmp: the private folder on disk. writable: folders of the view that it may write.
    gpu: memory of its GPU. known_files: device and inode of the files that it was given.
    """

    pid: int
    tmp: Path | None
    writable: tuple[Path, ...]
    gpu: GpuMemory | None
    known_files: set[tuple[int, int]]


class Watchdog:
    """Polls what the kernel does not limit: memory and processor time of the sum, folder size, GPU memory.

    A sandbox that cannot be watched is ended in the same way as a sandbox that passed a limit.
    """

    def __init__(self, watched: Watched, limits: Limits, end_for: Callable[[str], None]) -> None:
        self._watched, self._limits, self._end_for = watched, limits, end_for
        self._stop = threading.Event()
        self._looks = 0
        self._thread = threading.Thread(target=self._run, name="sandbox-watchdog", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.ExitStack() as stack:
            if self._watched.gpu is not None:
                stack.callback(self._watched.gpu.close)
            reason = self._look_until_stopped()
        if reason is not None:
            self._end_for(reason)

    def _look_until_stopped(self) -> str | None:
        """Why to end the sandbox. None if the watchdog was stopped before there was a reason."""
        while not self._stop.wait(self._limits.watch_interval_s):
            try:
                passed = self._look()
            except Exception as error:
                return f"its limits could not be watched ({type(error).__name__}: {error})"
            if passed is not None:
                return limit_in_words(passed, self._limits)
        return None

    def _look(self) -> str | None:
        """The field of `Limits` that is exceeded now, or None."""
        usage = procfs.usage(self._watched.pid, self._watched.known_files)
        measured = {"memory_bytes": usage.memory_bytes, "cpu_s": usage.cpu_s}
        if self._watched.tmp is not None and self._limits.tmp_bytes:
            measured["tmp_bytes"] = disk.used_bytes(self._watched.tmp, self._limits.tmp_bytes)
        if self._limits.writable_bytes:
            enough = self._limits.writable_bytes
            measured["writable_bytes"] = sum(disk.used_bytes(one, enough) for one in self._watched.writable)
        self._looks += 1
        if self._watched.gpu is not None and self._looks % LOOKS_PER_GPU_LOOK == 0:
            measured["gpu_memory_bytes"] = self._watched.gpu.used_by(procfs.tree(self._watched.pid))
        for name, value in measured.items():
            if getattr(self._limits, name) and value > getattr(self._limits, name):
                return name
        return None

    def stop(self) -> None:
        """End the thread. The thread itself may call this."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=2.0)
