"""What the workers of a batch share: limits, and what each is told and shown when it starts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from eval import sandbox
from eval.harness.deadlines import Deadlines
from eval.protocol.job import WorkerJob
from eval.protocol.switches import AS_JUDGED, Switches
from eval.submissions.manifest import ROOT
from eval.submissions.submission import Submission

HARNESS_FILES = (
    *(ROOT / "eval" / name for name in ("__init__.py", "protocol", "worker")),
    *(ROOT / "data" / name for name in ("__init__.py", "errors.py", "text.py", "types.py")),
    *(ROOT / "models" / name for name in ("__init__.py", "ensemble.py", "tiling.py")),
)
# Thread settings change both speed and rounding, so the worker gets the caller's; nothing else is passed on.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
PASSED_ENVIRONMENT = (*_THREADS, "CUBLAS_WORKSPACE_CONFIG", "CUDA_MODULE_LOADING")


@dataclass(frozen=True)
class Setup:
    """What all workers of a batch share. device: `cpu` or `cuda:N`. scale: of the challenge.

    max_pixels: of the largest LR image. level: how workers are confined. gpu: the device, if it is one.
    printed: is called with what a worker printed, when it ends. threads: of each worker, None for the caller's setting.
    switches: what a run changes that ought not to change its pixels.
    """

    device: str
    scale: int
    max_pixels: int
    level: sandbox.Level
    limits: sandbox.Limits
    deadlines: Deadlines = field(default_factory=Deadlines)
    gpu: sandbox.Device | None = None
    printed: Callable[[bytes], None] | None = None
    threads: int | None = None
    switches: Switches = AS_JUDGED


def job_of(submission: Submission, setup: Setup) -> WorkerJob:
    """What the worker of `submission` is told."""
    return WorkerJob(
        source=submission.source,
        checkpoints=tuple(str(path) for path in submission.checkpoints),
        device="cuda:0" if setup.device.startswith("cuda") else "cpu",
        scale=setup.scale,
        must_lock=setup.level is not sandbox.Level.PROCESS,
        switches=setup.switches,
    )


def view_of(submission: Submission, setup: Setup) -> sandbox.View:
    """What the worker of `submission` is shown.

    Files are shown by the name that they are opened by, which may be a link's, and by the one that links lead to.
    """
    files: list[Path] = [
        name
        for path in (*HARNESS_FILES, *submission.visible, *submission.checkpoints)
        for name in (path.absolute(), path.resolve())
        if ".." not in name.parts  # what it is the parent of may be a link
    ]
    return sandbox.View(
        readonly=tuple(dict.fromkeys(files)),
        writable=submission.writable,
        cwd=submission.cwd,
        gpu=setup.gpu,
    )


def passed_environment(threads: int | None = None) -> dict[str, str]:
    """The caller's settings of speed and rounding; `threads` overrides theirs."""
    found = {name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ}
    return found if threads is None else {**found, **dict.fromkeys(_THREADS, str(threads))}


def settings(setup: Setup) -> dict[str, str]:
    """Settings of speed and rounding, for the record; `default` where the caller sets nothing."""
    passed = passed_environment(setup.threads)
    return {name: passed.get(name, "default") for name in PASSED_ENVIRONMENT}


def allowed_threads(setup: Setup) -> int | None:
    """How many threads a network may use on the processors; None if nobody said."""
    first = passed_environment(setup.threads).get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None
