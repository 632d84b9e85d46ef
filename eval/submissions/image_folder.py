"""A submission that is a folder of SR images. Nothing is run."""

from __future__ import annotations

from pathlib import Path

from data.errors import InputError
from eval import files
from eval.protocol.job import ImagesSource
from eval.records.schema import SubmissionInfo
from eval.submissions.submission import Submission, file_results_key

MAX_IMAGES_BYTES = 64 * 2**30


def image_folder(folder: Path) -> Submission:
    """A submission of SR images, named after their folder. Raises InputError if there is no such folder."""
    if not folder.is_dir():
        raise InputError(f"--images {folder}: no such folder")
    info = SubmissionInfo(model=file_results_key(files.absolute(folder).name), origin="images")
    folder = folder.resolve()
    found, problem = _handed_in(folder)
    return Submission(
        info=info,
        source=ImagesSource(folder=str(folder)),
        visible=(),
        checkpoints=found,
        problem=problem,
    )


def _handed_in(folder: Path) -> tuple[tuple[Path, ...], str]:
    """All files of the folder, which are hashed later, or the reason why they cannot be judged."""
    try:
        found = tuple(files.regular(folder))
    except InputError as error:
        return (), str(error)
    size = sum(path.stat().st_size for path in found)
    if size > MAX_IMAGES_BYTES:
        return (), f"{folder}: {size / 2**30:.1f} GiB of files, expected at most 64 GiB"
    return found, ""
