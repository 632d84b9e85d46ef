"""What the harness is given to judge: one submission, whatever it was made from. Nothing here runs a team's code."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from data.errors import InputError
from eval import files
from eval.protocol.job import Source
from eval.records.schema import SubmissionInfo
from eval.submissions.fingerprint import fingerprint


@dataclass(frozen=True)
class Submission:
    """One submission, ready for a worker: what is recorded of it, and what the worker may see and is told."""

    info: SubmissionInfo
    source: Source
    visible: tuple[Path, ...]
    checkpoints: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()  # further files of its own that are not Python's
    writable: tuple[Path, ...] = ()
    cwd: Path | None = None
    build: Path | None = None  # folder of sources for `source.build`, the command that builds them
    problem: str = ""  # a reason not to start it at all: recorded as its failure

    @property
    def model(self) -> str:
        return self.info.model

    def fingerprint(self) -> dict[str, str]:
        """sha256 of its Python files, checkpoints, data and what is built, by path: equal before and after a batch."""
        code = (path for path in self.visible if path.is_dir() or path.suffix == ".py")
        return fingerprint(
            (*code, *self.checkpoints, *self.data, *(files.regular(self.build) if self.build else ()))
        )


def hashed(one: Submission) -> tuple[Submission, dict[str, str]]:
    """`one` and its fingerprint; where its files cannot be hashed, it is without them, and that is its problem."""
    try:
        return one, one.fingerprint()
    except InputError as error:
        return replace(one, visible=(), checkpoints=(), build=None, problem=one.problem or str(error)), {}


def file_results_key(name: str) -> str:
    """The results key of what is called after a file or folder."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", name)[:60]
