"""Scoring the SR images of a folder: handed in as results, or written by a program that was run.

Names must match exactly and sizes must fit; nothing is resized. Only regular files count, because a symbolic link in
an untrusted folder could lead to a ground-truth image. Only PNG is decoded, because the harness does that itself.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError
from data.images import IMAGE_SUFFIXES, image_size, pixel_sha256, read_png
from data.pairs import ImagePair
from data.types import Image, Split
from eval.failures import SubmissionFailed
from eval.harness.progress import BatchReporter
from eval.harness.scoring.saved_images import Keep, Pictures
from eval.harness.scoring.scorer_pool import (
    ImageScores,
    ScoreBeside,
    ScorerPool,
    Task,
)
from eval.records.flags import FlagName
from eval.records.schema import Flag, ImageResult, ModeResult

NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Found:
    """Which file is the result of which image, and the files that belong to no image."""

    images: dict[str, Path]
    surplus: tuple[str, ...]


def mode_folders(folder: Path, splits: Mapping[Split, object]) -> dict[Split, Path]:
    """`folder/valid` and `folder/test` if they exist; `folder` itself for a single split.

    Raises SubmissionFailed if several splits are asked for and the folder of one is missing.
    """
    folders: dict[Split, Path] = {}
    for split in splits:
        below = folder / split
        if not below.is_dir() and len(splits) > 1:
            raise SubmissionFailed(
                f"{folder}: no folder {split} in it; expected one for each of {', '.join(splits)}"
            )
        folders[split] = below if below.is_dir() else folder
    return folders


def find_images(folder: Path, pairs: list[ImagePair], scale: int) -> Found:
    """The result of each pair in `folder`: `0901.png` or `0901x4.png` for HR image 0901.

    Raises SubmissionFailed for missing images (named), two files for one image, or a file that is not regular.
    """
    files = _listed(folder)
    images: dict[str, Path] = {}
    for pair in pairs:
        names = dict.fromkeys((pair.name, f"{pair.name}x{scale}"))
        found = [path for name in names for path in files.pop(name, [])]
        if len(found) > 1:
            both = " and ".join(path.name for path in found)
            raise SubmissionFailed(f"{folder}: both {both} could be image {pair.name}; expected one")
        if found:
            images[pair.name] = found[0]
    missing = [pair.name for pair in pairs if pair.name not in images]
    if missing:
        raise SubmissionFailed(
            f"{len(missing)} of {len(pairs)} images are missing in {folder}: {some_of(missing)}; "
            f"expected {missing[0]}.png or {missing[0]}x{scale}.png"
        )
    return Found(images, tuple(sorted(path.name for paths in files.values() for path in paths)))


def score_folder(
    model: str,
    split: Split,
    found: Found,
    pairs: list[ImagePair],
    scale: int,
    pool: ScorerPool,
    pictures: Pictures,
    reporter: BatchReporter,
) -> ModeResult:
    """Metrics of every image in the pool's threads. Raises SubmissionFailed for an image that cannot be
    scored.
    """
    scorer, digests = ScoreBeside(pool), dict[str, str]()
    for pair in pairs:
        sr = _read(found.images[pair.name], pair, scale)
        task = pool.task(sr, pair, _noting(pair.name, digests, pictures.keeper(model, split, pair)))
        scorer.add(_reported(task, model, split, pair.name, len(pairs), reporter))
    scores = scorer.finish()
    return ModeResult(
        images=[
            ImageResult(name=pair.name, metrics=metrics, sr_sha256=digests[pair.name])
            for pair, metrics in zip(pairs, scores, strict=True)
        ]
    )


def surplus_flags(split: Split, found: Found) -> list[Flag]:
    """A flag that names the files which belong to no image."""
    if not found.surplus:
        return []
    reason = (
        f"{split}: {len(found.surplus)} files belong to no image and were left out: {some_of(found.surplus)}"
    )
    return [FlagName.SURPLUS_FILES.because(reason)]


def some_of(names: list[str] | tuple[str, ...]) -> str:
    """The first few of `names`, and how many more there are."""
    shown = ", ".join(names[:NAMED_AT_MOST])
    return shown if len(names) <= NAMED_AT_MOST else f"{shown} and {len(names) - NAMED_AT_MOST} more"


def _listed(folder: Path) -> dict[str, list[Path]]:
    """Image files by name without suffix. Raises SubmissionFailed for links and devices."""
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise SubmissionFailed(f"{folder}: cannot be listed ({error.strerror or error})") from None
    files: dict[str, list[Path]] = {}
    for path in entries:
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        if not stat.S_ISREG(path.lstat().st_mode):
            raise SubmissionFailed(f"{path}: not a regular file; links and devices are not results")
        files.setdefault(path.stem, []).append(path)
    return files


def _read(path: Path, pair: ImagePair, scale: int) -> NDArray[np.uint8]:
    height, width = (length - length % scale for length in image_size(pair.hr))
    try:
        return read_png(path, height, width)
    except InputError as error:
        raise SubmissionFailed(f"{error} ({pair.hr.name})") from None


def _noting(name: str, digests: dict[str, str], keep: Keep | None) -> Keep:
    """`keep`, which notes the digest of the SR image too."""

    def note(sr: Image, hr: Image) -> None:
        digests[name] = pixel_sha256(sr)
        if keep:
            keep(sr, hr)

    return note


def _reported(task: Task, model: str, split: Split, name: str, total: int, reporter: BatchReporter) -> Task:
    def score_and_report() -> ImageScores:
        scores = task()
        reporter.image(model, split, name, scores, total)
        return scores

    return score_and_report
