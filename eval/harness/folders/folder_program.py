"""Runs a submission that turns a folder of LR images into a folder of SR images, as the Image SR track does.

The program sees a copy of the LR images, which it cannot write, an empty folder for its answers, and a working folder
that shows its repository. Neither HR images nor other results are in its view. It is called once per split on all
images. Two times are noted. One is the whole call by the parent's clock: model loading, reading, writing and networks
together. The other is the time inside outermost network calls as the worker's process saw it; nothing checks that one.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from data.errors import InputError
from data.pairs import ImagePair
from eval.harness.folders import working_folder
from eval.harness.worker_process import FolderRun, WorkerProcess
from eval.harness.worker_setup import Setup
from eval.host import disk
from eval.protocol.job import FolderProgramSource
from eval.records.flags import FlagName
from eval.records.schema import Flag, ModeResult, RuntimeSummary
from eval.submissions.submission import Submission

PROTOCOL = "folder"
# How much of what uncompressed answers take may be written: 16 bits a sample, and each image twice
ROOM = 4
LEAST_ROOM_BYTES = 256 << 20


@dataclass(frozen=True)
class RunFolders:
    """The private folders of one run. input: holds the LR images. output, work: empty at first, and writable."""

    input: Path
    output: Path
    work: Path


@contextlib.contextmanager
def run_folders(pairs: list[ImagePair]) -> Iterator[RunFolders]:
    """Folders for one run, gone afterwards. Raises InputError if the LR images cannot be copied."""
    root = Path(tempfile.mkdtemp(prefix="folder-run-")).resolve()
    try:
        root.chmod(0o711)
        found = RunFolders(root / "input", root / "output", root / "work")
        for folder in (found.input, found.output, found.work):
            folder.mkdir(mode=0o755)
        for pair in pairs:
            copy = found.input / pair.lr.name
            try:
                shutil.copyfile(pair.lr, copy)
                copy.chmod(0o444)
            except OSError as error:
                raise InputError(f"{pair.lr}: cannot be copied ({error.strerror or error})") from None
        yield found
    finally:
        disk.remove(root)


def call_program(
    submission: Submission, setup: Setup, where: RunFolders, n_images: int
) -> tuple[str, FolderRun]:
    """Call the program once in a worker of its own: the name it gives itself, and what was measured.

    Raises SubmissionFailed for whatever goes wrong in it. The limits on time and written files hold for all images
    together.
    """
    source = submission.source
    assert isinstance(source, FolderProgramSource)  # the caller's condition
    repo, work = Path(source.repo), where.work
    shown_bytes = working_folder.fill(work, repo, submission.visible)
    placed = replace(
        submission,
        visible=(*submission.visible, where.input),
        writable=(where.output, work),
        cwd=work,
        source=replace(
            source,
            repo=str(work),
            entry=str(work / Path(source.entry).relative_to(repo)),
            input=str(where.input),
            output=str(where.output),
        ),
    )
    limits = replace(setup.limits, writable_bytes=_room_bytes(setup, n_images, shown_bytes))
    with WorkerProcess(placed, replace(setup, limits=limits)) as worker:
        loaded = worker.load()
        return loaded.name, worker.run_folder(n_images)


def _room_bytes(setup: Setup, n_images: int, shown_bytes: int) -> int:
    """How much may be written. shown_bytes: what the working folder holds before."""
    answers = n_images * setup.max_pixels * setup.scale**2 * 3
    return max(answers * ROOM + shown_bytes, LEAST_ROOM_BYTES)


def timed(result: ModeResult, found: FolderRun) -> ModeResult:
    """`result` with both times, per image."""
    images = len(result.images)
    runtime = None
    if found.network_calls:
        mean = found.network_ms / images
        runtime = RuntimeSummary(protocol=PROTOCOL, mean=mean, median=mean)
    return result.model_copy(update={"runtime": runtime, "with_io_ms": found.wall_ms / images})


def flags(mode: str, found: FolderRun, images: int) -> list[Flag]:
    """What a reader of the times must know."""
    reason = (
        f"{mode}: {found.wall_ms / images:.1f} ms per image for the whole call (model loading, reading and writing "
        f"included); {found.network_ms / images:.1f} ms per image in {found.network_calls} network calls, which the "
        "submission's own process measured"
    )
    return [FlagName.FOLDER_TIMES.because(reason)]
