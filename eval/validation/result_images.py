"""Checks of results that are handed in as images: names, kinds, sizes, channel order, shifts."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.images import IMAGE_SUFFIXES, image_size, modcrop, read_png, read_rgb
from data.pairs import ImagePair
from data.types import Image
from eval.challenge import Challenge
from eval.failures import SubmissionFailed
from eval.harness.plan import Plan
from eval.harness.scoring.image_folder import Found, find_images, mode_folders, some_of
from eval.metrics.psnr import psnr
from eval.validation.item import Look, NotCheckedError, Seen, doubt, fine, wrong

MAX_SHIFT = 4  # pixels that are tried in each direction
GAIN_DB = 0.5
NO_TRUTH = "no HR images are at hand; give --hr DIR, --pairs HR_DIR LR_DIR or --data_dir DATA"


@dataclass(frozen=True)
class ResultImages:
    """A folder of SR images. plan: with the HR images that they are compared with; None if there are none."""

    folder: Path
    challenge: Challenge
    plan: Plan | None

    @cached_property
    def found(self) -> list[tuple[ImagePair, Path]]:
        """The file of each pair. Raises NotCheckedError if some are missing, which another check reports."""
        try:
            return [(pair, found.images[pair.name]) for pairs, found in self.by_split() for pair in pairs]
        except SubmissionFailed:
            raise NotCheckedError("the images are not complete") from None

    def by_split(self) -> list[tuple[list[ImagePair], Found]]:
        """Pairs and files by split. Raises SubmissionFailed as the judge does."""
        if self.plan is None:
            raise NotCheckedError(NO_TRUTH)
        modes = self.plan.dataset.modes
        folders = mode_folders(self.folder, modes)
        return [
            (pairs, find_images(folders[split], pairs, self.challenge.scale))
            for split, pairs in modes.items()
        ]

    @cached_property
    def first(self) -> tuple[Image, Image]:
        """SR and HR of the first image."""
        pair, path = self.found[0]
        hr = modcrop(read_rgb(pair.hr), self.challenge.scale)
        try:
            return read_png(path, *hr.shape[:2]), hr
        except InputError:
            raise NotCheckedError("the images cannot be read") from None

    def quality(self, sr: Image, hr: Image) -> float:
        """PSNR in dB of an SR image."""
        return psnr(np.ascontiguousarray(sr), np.ascontiguousarray(hr), self.challenge.border)

    def files(self) -> list[Path]:
        """All image files, those in folders for splits too."""
        listed = [*self.folder.iterdir(), *self.folder.glob("valid/*"), *self.folder.glob("test/*")]
        return sorted(path for path in listed if path.suffix.lower() in IMAGE_SUFFIXES)


def _kinds(one: ResultImages) -> Seen:
    listed = one.files()
    if not listed:
        return wrong(f"{one.folder}: no image in it", "write one PNG for each image into this folder")
    others = [path.name for path in listed if path.suffix.lower() != ".png"]
    if others:
        return wrong(
            f"{len(others)} files are no PNG: {some_of(others)}",
            "save 8-bit RGB as PNG: other formats lose or add",
        )
    return fine(f"{len(listed)} PNG files")


def _names(one: ResultImages) -> Seen:
    if one.plan is None:
        return _by_numbers(one.challenge, {path.stem for path in one.files()})
    splits = one.by_split()
    surplus = tuple(name for _, found in splits for name in found.surplus)
    if surplus:
        return doubt(f"{len(surplus)} files belong to no image: {some_of(surplus)}", "take them out")
    return fine(f"one file for each of {sum(len(pairs) for pairs, _ in splits)} images")


def _by_numbers(challenge: Challenge, stems: set[str]) -> Seen:
    """Whether the names are those of one split of the challenge."""
    bare = [stem.removesuffix(f"x{challenge.scale}") for stem in stems]
    for split, images in challenge.images.items():
        if images.names_match(bare):
            return fine(f"{len(bare)} images, named as the challenge's {split} set")
    expected: Mapping[str, object] = {split: images.count for split, images in challenge.images.items()}
    return doubt(
        f"{len(bare)} images, which is no split of {challenge.name} ({expected})",
        "hand in one image for each of the challenge's, named as its HR image: 0901.png",
    )


def _sizes(one: ResultImages) -> Seen:
    for pair, path in one.found:
        height, width = (length - length % one.challenge.scale for length in image_size(pair.hr))
        try:
            read_png(path, height, width)
        except InputError as error:
            return wrong(str(error), f"write {width}x{height} pixels, 8-bit RGB PNG: nothing is resized")
    return fine("every image has the size of its HR image")


def _channels(one: ResultImages) -> Seen:
    sr, hr = one.first
    base, swapped = one.quality(sr, hr), one.quality(sr[..., ::-1], hr)
    if swapped > base + GAIN_DB:
        return wrong(
            f"the images are BGR: PSNR would be {swapped:.2f} dB instead of {base:.2f} dB",
            "reverse the channels before saving: cv2.imwrite takes BGR, PIL takes RGB",
        )
    return fine("RGB")


def _shift(one: ResultImages) -> Seen:
    sr, hr = one.first
    base = one.quality(sr, hr)
    tried = range(-MAX_SHIFT, MAX_SHIFT + 1)
    moved = {
        (down, right): one.quality(_moved(sr, down, right), _moved(hr, 0, 0))
        for down, right in itertools.product(tried, tried)
    }
    best = max(moved, key=lambda place: moved[place])
    if moved[best] > moved[0, 0] + GAIN_DB:
        return doubt(
            f"the images are shifted by {best[1]} pixels in x and {best[0]} in y: PSNR would be {moved[best]:.2f} dB "
            f"instead of {base:.2f} dB",
            "align them: resize with the same convention as the LR images were made",
        )
    return fine("aligned with the HR image")


def _moved(image: Image, down: int, right: int) -> Image:
    """The inner part of an image, moved."""
    height, width = image.shape[:2]
    m = MAX_SHIFT
    return image[m + down : height - m + down, m + right : width - m + right]


RESULT_CHECKS: tuple[Look[ResultImages], ...] = (
    Look("kind of files", _kinds),
    Look("names", _names),
    Look("sizes", _sizes),
    Look("channel order", _channels),
    Look("alignment", _shift),
)
