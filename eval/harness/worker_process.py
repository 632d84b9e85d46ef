"""The parent's handle on one worker process: it starts it confined, asks, keeps its own clock and ends it.

Whatever goes wrong on the other side (a crash, a limit, silence, a broken protocol, a bad answer) becomes a
`SubmissionFailed` with the reason. The parent itself never depends on what the worker says.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError
from data.text import without_controls
from eval import sandbox
from eval.failures import SubmissionFailed
from eval.harness.worker_setup import Setup, allowed_threads, job_of, passed_environment, view_of
from eval.integrity.pixels import Pixels, to_pixels
from eval.protocol import channel, complexity_report
from eval.protocol.channel import Operation, Reply, Status
from eval.protocol.replies import (
    CountedAgain,
    CountedText,
    Examined,
    Exported,
    FolderDone,
    Forwarded,
    Inspected,
    Loaded,
    MemoryPeak,
    Statement,
    in_bounds,
)
from eval.submissions.manifest import ROOT
from eval.submissions.submission import Submission

_Answer = TypeVar("_Answer", bound=Statement)

# Side of the crop that complexity is counted on, at most.
CROP = 256
# Room for a traced network with its weights: four times the largest of the 2024 efficient ones' checkpoints.
GRAPH_BYTES = 128 << 20


@dataclass(frozen=True)
class Answer:
    """One super-resolved image: uint8 RGB, the parent's time around the request, the worker's own time.

    lowest, highest: of the network's values before they were clamped to its data range.
    """

    image: NDArray[np.uint8]
    wall_ms: float
    worker_ms: float
    lowest: float = 0.0
    highest: float = 0.0


@dataclass(frozen=True)
class FolderRun:
    """One call of a program on a folder: the parent's time, and what the worker saw of networks inside."""

    wall_ms: float
    network_ms: float
    network_calls: int
    parameters: int


class WorkerProcess:
    """A confined worker that holds one submission. Use as a context manager: leaving it ends every process."""

    def __init__(self, submission: Submission, setup: Setup, graph: channel.Slot | None = None) -> None:
        """Start it. graph: of another worker, whose traced network this one is to load; its own otherwise."""
        self._submission, self._setup = submission, setup
        self._started, self._closed = time.monotonic(), False
        slot_bytes = max(setup.max_pixels, CROP * CROP) * 3
        self._request = channel.Slot.create("request", slot_bytes)
        self._answer = channel.Slot.create("answer", slot_bytes * setup.scale**2 * channel.VALUE_BYTES)
        self._data_range = 0.0
        self._slots = [self._request, self._answer]
        if graph is None:
            graph = channel.Slot.create("graph", GRAPH_BYTES)
            self._slots.append(graph)
        self.graph = graph
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._connection, self._caller = ours, channel.Caller(ours)
        job = job_of(submission, setup).seal()
        slots = (self._request, self._answer, self.graph)
        descriptors = [theirs.fileno(), *(slot.descriptor for slot in slots), job]
        try:
            self._process = sandbox.spawn(
                setup.level,
                [
                    sys.executable,
                    "-I",
                    "-B",
                    str(ROOT / "eval" / "worker" / "__main__.py"),
                    *map(str, descriptors),
                ],
                view_of(submission, setup),
                setup.limits,
                descriptors,
                passed_environment(setup.threads),
            )
        except InputError as error:
            self._close_channel()
            raise SubmissionFailed(str(error)) from None
        except BaseException:
            self._close_channel()
            raise
        finally:
            theirs.close()
            os.close(job)

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def allowed_threads(self) -> int | None:
        """How many threads it was given; None if nobody said."""
        return allowed_threads(self._setup)

    def inspect(self) -> Inspected:
        """Count the checkpoints' tensors, without team code."""
        return self._ask(Inspected, Operation.INSPECT, self._setup.deadlines.load_s, "reading the checkpoint")

    def load(self) -> Loaded:
        """Run the team's code up to a model on its device."""
        loaded = self._ask(Loaded, Operation.LOAD, self._setup.deadlines.load_s, "loading")
        self._data_range = loaded.data_range
        return loaded

    def forward(self, image: NDArray[np.uint8], name: str) -> Answer:
        """Super-resolve `image` (uint8 HxWx3); the input is written only now, the answer slot emptied before."""
        self._clear(image)
        limit_s, doing = self._setup.deadlines.image_s, f"image {name}"
        start = time.perf_counter_ns()
        self._request.write(image)
        stated = self._ask(Forwarded, Operation.FORWARD, limit_s, doing, image)
        wall_ms = (time.perf_counter_ns() - start) / 1e6
        _within(doing, "its time in ms", stated.worker_ms, limit_s * 1e3)
        made = self._read(image, doing)
        return Answer(made.image, wall_ms, stated.worker_ms, made.lowest, made.highest)

    def run_folder(self, n_images: int) -> FolderRun:
        """Let a program turn the submission's input folder into its output folder; limited by the images in it."""
        start = time.perf_counter_ns()
        timeout_s, doing = self._setup.deadlines.image_s * n_images, "running on the folder"
        stated = self._ask(FolderDone, Operation.FOLDER, timeout_s, doing)
        wall_ms = (time.perf_counter_ns() - start) / 1e6
        _within(doing, "its time in networks in ms", stated.network_ms, wall_ms)
        return FolderRun(wall_ms, stated.network_ms, stated.network_calls, stated.parameters)

    def memory_mib(self) -> float | None:
        """Peak memory since the last call (CUDA: allocated; CPU: resident), None if it cannot be read."""
        limit_s = self._setup.deadlines.load_s
        return self._ask(MemoryPeak, Operation.MEMORY, limit_s, "reading memory").peak_mib

    def count(self, crop: NDArray[np.uint8]) -> complexity_report.CountedComplexity:
        """Complexity on noise and on `crop` (uint8, at most 256x256x3)."""
        self._request.write(crop)
        limit_s, doing = self._setup.deadlines.count_s, "counting operations"
        report = self._ask(CountedText, Operation.COUNT, limit_s, doing, crop).report
        try:
            return complexity_report.parse(report.encode("ascii", "replace"))
        except InputError as error:
            raise SubmissionFailed(f"{doing}: {error}") from None

    def export(self, image: NDArray[np.uint8]) -> None:
        """Let it trace its network on `image` (uint8 HxWx3) into `graph`."""
        self._request.write(image)
        self._ask(Exported, Operation.EXPORT, self._setup.deadlines.count_s, "tracing the network", image)

    def recount(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], CountedAgain]:
        """Super-resolve `image` (uint8 HxWx3) and count the work: the answer, and what was counted."""
        self._clear(image)
        self._request.write(image)
        limit_s, doing = self._setup.deadlines.count_s, "counting again"
        stated = self._ask(CountedAgain, Operation.RECOUNT, limit_s, doing, image)
        return self._read(image, doing).image, stated

    def examine(self, image: NDArray[np.uint8]) -> Examined:
        """The state of its network after a forward pass on `image` (uint8 HxWx3)."""
        self._request.write(image)
        limit_s = self._setup.deadlines.count_s
        return self._ask(Examined, Operation.EXAMINE, limit_s, "examining the network", image)

    def weights(self) -> bytes:
        """The content of a checkpoint of its network: a stranger's bytes, which only a worker may read."""
        self._ask(Exported, Operation.WEIGHTS, self._setup.deadlines.load_s, "saving the weights")
        return self.graph.read_bytes()

    def _clear(self, image: NDArray[np.uint8]) -> None:
        """Empty the answer slot, so that an old answer cannot stand for a new one."""
        self._answer.clear_values(*self._size_of_answer(image))

    def _read(self, image: NDArray[np.uint8], doing: str) -> Pixels:
        """The answer to `image`."""
        try:
            return to_pixels(self._answer.values(*self._size_of_answer(image)), self._data_range)
        except SubmissionFailed as failure:
            raise SubmissionFailed(f"{doing}: {failure}") from None

    def _size_of_answer(self, image: NDArray[np.uint8]) -> tuple[int, int]:
        return image.shape[0] * self._setup.scale, image.shape[1] * self._setup.scale

    def close(self) -> None:
        """End everything of this worker."""
        self._process.kill()
        if self._setup.printed and not self._closed:
            self._setup.printed(self._process.output())
        self._closed = True
        self._close_channel()

    def _close_channel(self) -> None:
        self._connection.close()
        for slot in self._slots:
            with contextlib.suppress(BufferError, OSError):
                slot.close()

    def _ask(
        self,
        kind: type[_Answer],
        operation: Operation,
        timeout_s: float,
        doing: str,
        image: NDArray[np.uint8] | None = None,
    ) -> _Answer:
        """The typed answer to one request. Raises SubmissionFailed if there is none, or one that cannot be."""
        height, width = (0, 0) if image is None else image.shape[:2]
        reply = self._reply(operation, timeout_s, doing, height, width)
        try:
            return kind.unpack(reply)
        except channel.ChannelError as error:
            raise SubmissionFailed(f"{doing}: protocol: {error}") from None

    def _reply(self, operation: Operation, timeout_s: float, doing: str, height: int, width: int) -> Reply:
        left = self._setup.deadlines.total_s - (time.monotonic() - self._started)
        try:
            nonce = self._caller.send(operation, height, width)
            reply = self._caller.receive(nonce, max(min(timeout_s, left), 0.001))
        except channel.ChannelError as error:
            raise SubmissionFailed(f"{doing}: {self._explain(error, left < timeout_s)}") from None
        if reply.status is Status.FAILED:
            limit = self._process.limit_behind(reply.text)
            text = " ".join(reply.text.split()) or "failed"
            raise SubmissionFailed(f"{doing}: {limit}: {text}" if limit else f"{doing}: {text}")
        return reply

    def _explain(self, error: channel.ChannelError, out_of_time: bool) -> str:
        """Why the channel broke, with the limit that was hit or the last words of the process."""
        if error.kind == "timeout":
            return (
                f"time limit: {error} (limit of the whole submission)"
                if out_of_time
                else f"time limit: {error}"
            )
        if error.kind == "protocol":
            return f"protocol: {error}"
        with contextlib.suppress(Exception):
            self._process.wait(timeout=5.0)
        limit = self._process.limit_hit()
        if limit:
            return limit
        code = self._process.poll()
        ending = f"killed by signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        words = _last_words(self._process.output())
        limit = self._process.limit_behind(words)
        return f"{limit + ': ' if limit else ''}{error} ({ending}){words}"


def _within(doing: str, what: str, value: float, most: float) -> None:
    """Raise SubmissionFailed for a number that a worker states above `most`, which only the parent knows."""
    try:
        in_bounds(what, value, most)
    except channel.ChannelError as error:
        raise SubmissionFailed(f"{doing}: protocol: {error}") from None


def _last_words(output: bytes) -> str:
    lines = [line for line in without_controls(output.decode("utf-8", "replace")).split("\n") if line.strip()]
    return f"; last output: {lines[-1].strip()[:200]}" if lines else ""
