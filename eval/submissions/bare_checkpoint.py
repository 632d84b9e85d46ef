"""A checkpoint without a script, of an architecture that spandrel recognises."""

from __future__ import annotations

from pathlib import Path

from data.errors import InputError
from eval.protocol.job import SpandrelSource
from eval.records.schema import Checkpoint, SubmissionInfo
from eval.submissions.fingerprint import sha256
from eval.submissions.submission import Submission, file_results_key

SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors")


def bare_checkpoint(path: Path, *, allow_pickle: bool = False) -> Submission:
    """The bare checkpoint at `path`, named after the file. Raises InputError if there is no such file."""
    if not path.is_file():
        raise InputError(f"--weights {path}: no such file")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"--weights {path}: expected a checkpoint, a file with one of {', '.join(SUFFIXES)}")
    path = path.resolve()
    info = SubmissionInfo(
        model=file_results_key(path.stem),
        origin="weights",
        checkpoint=Checkpoint(file=str(path), sha256=sha256(path), source="path"),
    )
    return Submission(
        info=info,
        source=SpandrelSource(path=str(path), allow_pickle=allow_pickle),
        visible=(),
        checkpoints=(path,),
    )
