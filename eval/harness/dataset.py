"""Which images a batch is judged on, and whether they are the challenge's own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from data import pairs
from data.errors import InputError
from data.images import image_size
from data.pairs import ImagePair
from data.types import Split
from eval.challenge import Challenge
from eval.records.schema import Layout

_BESIDE = Path(__file__).resolve().parents[3]  # the folder that holds the repository


@dataclass(frozen=True)
class Dataset:
    """Image pairs by split, and how they were found.

    layout: `official` for folders named as the challenges name theirs, `folders` for any others, `built-in` for the
    demo set. own: whether they are the challenge's own images.
    """

    label: str
    modes: dict[Split, list[ImagePair]]
    layout: Layout
    own: bool

    def max_lr_pixels(self) -> int:
        sizes = [image_size(pair.lr) for one in self.modes.values() for pair in one]
        return max(height * width for height, width in sizes)

    def digest(self) -> str:
        """Changes when an image is added, removed or rewritten (by path, size and time of change)."""
        lines = [
            f"{mode} {pair.name} {_stamp(pair.lr)} {_stamp(pair.hr)}"
            for mode, one in sorted(self.modes.items())
            for pair in one
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @cached_property
    def digests(self) -> dict[str, str]:
        """By split: sha256 of the lines `NAME SHA256` of all HR files, sorted by name and joined by line feeds."""
        return {split: _digest_of(one) for split, one in self.modes.items()}


def chosen_images(
    challenge: Challenge, data_dir: Path | None, folders: Sequence[Path] | None, *, include_test: bool
) -> Dataset:
    """The data that the command line asks for: `--pairs`, `--data_dir`, or the demo set if neither is there.

    Raises InputError for folders that are missing, empty or do not match.
    """
    if folders is not None:
        hr, lr = folders
        found = pairs.pair_folders(hr, lr, challenge.scale)
        return _dataset(challenge, f"pairs {hr} {lr}", {"valid": found}, "folders")
    if data_dir is None:
        if pairs.layout_folders(_BESIDE, "valid", challenge.scale) is None:
            from data import demo  # finds scikit-image's photographs only if they are used

            photographs = demo.demo_pairs(scale=challenge.scale)
            return _dataset(challenge, "demo set", {"valid": photographs}, "built-in")
        data_dir = _BESIDE
    if not data_dir.is_dir():
        raise InputError(f"--data_dir {data_dir}: no such folder")
    wanted: list[Split] = ["valid", "test"] if include_test else ["valid"]
    splits: dict[Split, list[ImagePair]] = {
        split: pairs.find_pairs(data_dir, split, challenge.scale) for split in wanted
    }
    return _dataset(challenge, str(data_dir), splits, "official")


def hr_only(challenge: Challenge, folder: Path) -> Dataset:
    """The HR images of `folder` without LR images, for results that are there already.

    `lr` of each pair is the HR file itself. Raises InputError for a folder without images or an image that cannot be
    judged.
    """
    found = [ImagePair(name, hr, hr) for name, hr in pairs.image_files(folder).items()]
    return _dataset(challenge, f"HR images {folder}", {"valid": found}, "folders")


def _dataset(
    challenge: Challenge, label: str, splits: dict[Split, list[ImagePair]], layout: Layout
) -> Dataset:
    """With `own` decided as a leaderboard decides it from the record; files are hashed only if the rules need it."""
    undecided = Dataset(label, splits, layout, own=False)
    hashed = any(images.sha256 for images in challenge.images.values())
    own = challenge.owns(
        {split: [pair.name for pair in one] for split, one in splits.items()},
        undecided.digests if hashed else {},
        official_layout=layout == "official",
    )
    return replace(undecided, own=own)


def _digest_of(found: Sequence[ImagePair]) -> str:
    try:
        lines = sorted(f"{pair.name} {hashlib.sha256(pair.hr.read_bytes()).hexdigest()}" for pair in found)
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from None
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _stamp(path: Path) -> str:
    status = os.stat(path)
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
