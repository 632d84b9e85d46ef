"""Which images a batch is judged on, and whether they are the challenge's own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data import pairs
from data.errors import InputError
from data.images import image_size
from data.pairs import ImagePair
from data.types import Split
from eval.challenge import Challenge

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Dataset:
    """Image pairs by mode. own: whether they are, by layout and number, the challenge's own sets."""

    label: str
    modes: dict[Split, list[ImagePair]]
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


def choose(
    challenge: Challenge, data_dir: Path | None, folders: Sequence[Path] | None, *, include_test: bool
) -> Dataset:
    """The data that the command line asks for: `--pairs`, `--data_dir`, or the demo set where nothing is
    there.

    Raises InputError for folders that are missing, empty or do not match.
    """
    if folders is not None:
        hr, lr = folders
        return Dataset(f"pairs {hr} {lr}", {"valid": pairs.pair_folders(hr, lr, challenge.scale)}, own=False)
    if data_dir is None:
        beside = ROOT.parent
        if pairs.layout_folders(beside, "valid", challenge.scale) is None:
            from data import demo  # imports scikit-image's photographs only where they are used

            return Dataset("demo set", {"valid": demo.demo_pairs()}, own=False)
        data_dir = beside
    if not data_dir.is_dir():
        raise InputError(f"--data_dir {data_dir}: no such folder")
    wanted: list[Split] = ["valid", "test"] if include_test else ["valid"]
    modes: dict[Split, list[ImagePair]] = {
        mode: pairs.find_pairs(data_dir, mode, challenge.scale) for mode in wanted
    }
    own = all(len(one) == challenge.images.get(mode) for mode, one in modes.items())
    return Dataset(str(data_dir), modes, own)


def hr_only(folder: Path) -> Dataset:
    """The HR images of `folder` without LR images, for results that are there already; `lr` is the HR
    file itself.

    Raises InputError for a folder without images or an image that cannot be judged.
    """
    files = pairs.image_files(folder)
    return Dataset(
        f"HR images {folder}", {"valid": [ImagePair(name, hr, hr) for name, hr in files.items()]}, own=False
    )


def _stamp(path: Path) -> str:
    status = os.stat(path)
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
