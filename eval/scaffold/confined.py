"""What a new submission needs to know of a network, asked of a confined worker: its weights, its architecture."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import InputError
from eval import sandbox
from eval.failures import SubmissionFailed
from eval.harness.deadlines import Deadlines
from eval.harness.worker_process import WorkerProcess
from eval.harness.worker_setup import Setup
from eval.protocol.job import CheckpointPart, NativeSource
from eval.submissions.bare_checkpoint import bare_checkpoint
from eval.submissions.native import native
from eval.submissions.submission import Submission

SCALE = 4
ASKED_SIDE = 64  # of the image that an architecture is asked with
_ADVISED = re.compile(r'write `key = "([^"`]+)"`')


@dataclass(frozen=True)
class Architecture:
    """A network of a library. multiple: of the sides that it takes. weights: a checkpoint of its own state_dict."""

    module: str
    class_: str
    args: dict[str, Any]
    multiple: int


def setup() -> Setup:
    """A worker on the CPU, at the strongest level that works here."""
    level, _ = sandbox.choose_level("auto")
    deadlines = Deadlines()
    return Setup(
        "cpu", SCALE, ASKED_SIDE * ASKED_SIDE, level, sandbox.limits_of(None, deadlines.total_s), deadlines
    )


def architecture(checkpoint: Path) -> Architecture:
    """What spandrel makes of a checkpoint. Raises InputError if it knows none."""
    try:
        with WorkerProcess(bare_checkpoint(checkpoint), setup()) as worker:
            worker.load()
            stated = worker.examine(np.zeros((ASKED_SIDE, ASKED_SIDE, 3), np.uint8)).made_of
    except SubmissionFailed as failure:
        raise InputError(f"--from {checkpoint}: {failure}") from None
    try:
        content = json.loads(stated)
        return Architecture(content["module"], content["class"], content["args"], int(content["multiple"]))
    except (ValueError, KeyError, TypeError):
        raise InputError(f"--from {checkpoint}: its architecture does not state its arguments") from None


def initial_weights(manifest: Path) -> bytes:
    """A checkpoint of the network that a manifest describes, as its script makes it. Raises InputError."""
    return _weights(_with(manifest, ()), str(manifest))


def own_weights(checkpoint: Path) -> bytes:
    """The weights of a bare checkpoint under the names of its network's class. Raises InputError."""
    return _weights(bare_checkpoint(checkpoint), str(checkpoint))


def key_that_fits(manifest: Path, checkpoint: Path) -> str | None:
    """Where a checkpoint's weights stand, so that they load strictly; None if they do not load at all."""
    key = ""
    for _ in range(2):
        try:
            with WorkerProcess(
                _with(manifest, (CheckpointPart("", str(checkpoint), key),)), setup()
            ) as worker:
                return None if worker.load().notes else key
        except SubmissionFailed as failure:
            advised = _ADVISED.search(str(failure))
            if not advised:
                return None
            key = advised.group(1)
    return None


def _weights(submission: Submission, named: str) -> bytes:
    try:
        with WorkerProcess(submission, setup()) as worker:
            worker.load()
            return worker.weights()
    except SubmissionFailed as failure:
        raise InputError(f"{named}: {failure}") from None


def _with(manifest: Path, parts: tuple[CheckpointPart, ...]) -> Submission:
    """The submission of a manifest with other checkpoints, or without any."""
    one = native(manifest)
    assert isinstance(one.source, NativeSource)
    paths = tuple(Path(part.path) for part in parts)
    return replace(one, source=replace(one.source, checkpoints=parts), checkpoints=paths, problem="")
