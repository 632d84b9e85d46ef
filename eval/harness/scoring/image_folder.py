"""Scoring SR images that lie in a folder: results handed in as images, or written by a program that was run.

Names are matched exactly, sizes must fit, nothing is resized, and only regular files count: a symbolic
link in a stranger's folder could name a ground-truth image. Only PNG is decoded, because that happens in the harness.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError
from data.images import IMAGE_SUFFIXES, image_size, read_png
from data.pairs import ImagePair
from data.types import Split
from eval.failures import SubmissionFailed
from eval.harness.progress import Reporter
from eval.harness.scoring.saved_images import Pictures
from eval.harness.scoring.scorer_pool import (
    ScoreBeside,
    ScorerPool,
    Scores,
    Task,
)
from eval.records.schema import Flag, ImageResult, ModeResult

NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Found:
    """Which file is which image's result, and files that are nobody's."""

    images: dict[str, Path]
    surplus: tuple[str, ...]


def mode_folders(folder: Path, modes: Mapping[Split, object]) -> dict[Split, Path]:
    """`folder/valid` and `folder/test` where they are; `folder` itself for a single mode.

    Raises SubmissionFailed where several modes are asked for and a folder of one is missing.
    """
    folders: dict[Split, Path] = {}
    for mode in modes:
        below = folder / mode
        if not below.is_dir() and len(modes) > 1:
            raise SubmissionFailed(
                f"{folder}: no folder {mode} in it; expected one for each of {', '.join(modes)}"
            )
        folders[mode] = below if below.is_dir() else folder
    return folders


def find_images(folder: Path, pairs: list[ImagePair], scale: int) -> Found:
    """The result of each pair in `folder`: `0901.png` or `0901x4.png` for HR image 0901.

    Raises SubmissionFailed: images missing (named), two files for one image, a file that is no regular file.
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
    mode: Split,
    found: Found,
    pairs: list[ImagePair],
    scale: int,
    pool: ScorerPool,
    pictures: Pictures,
    reporter: Reporter,
) -> ModeResult:
    """Metrics of every image in the pool's threads. Raises SubmissionFailed for an image that cannot be
    scored.
    """
    scorer = ScoreBeside(pool)
    for pair in pairs:
        sr = _read(found.images[pair.name], pair, scale)
        task = pool.task(sr, pair, pictures.keeper(model, mode, pair))
        scorer.add(_reported(task, model, mode, pair.name, len(pairs), reporter))
    scores = scorer.finish()
    return ModeResult(
        images=[
            ImageResult(name=pair.name, metrics=metrics) for pair, metrics in zip(pairs, scores, strict=True)
        ]
    )


def surplus_flags(mode: Split, found: Found) -> list[Flag]:
    """A flag that names the files which belong to no image."""
    if not found.surplus:
        return []
    reason = (
        f"{mode}: {len(found.surplus)} files belong to no image and were left out: {some_of(found.surplus)}"
    )
    return [Flag(name="surplus files", reason=reason)]


def some_of(names: list[str] | tuple[str, ...]) -> str:
    """The first few of `names`, and how many more there are."""
    shown = ", ".join(names[:NAMED_AT_MOST])
    return shown if len(names) <= NAMED_AT_MOST else f"{shown} and {len(names) - NAMED_AT_MOST} more"


def _listed(folder: Path) -> dict[str, list[Path]]:
    """Image files by name without suffix. Raises SubmissionFailed for anything that only looks like a
    file.
    """
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


def _reported(task: Task, model: str, mode: Split, name: str, total: int, reporter: Reporter) -> Task:
    def score_and_report() -> Scores:
        scores = task()
        reporter.image(model, mode, name, scores, total)
        return scores

    return score_and_report
