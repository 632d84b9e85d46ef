"""Which protocol gives the number in a paper: `python -m eval.explain --images DIR --hr DIR --target 28.42`.

The same pixels give PSNR values decibels apart by colour space, border and mean. Every combination that is in
use is tried; those whose value rounds to the target, at the target's own precision, are the explanation.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from rich.console import Console
from rich.table import Table

from data.errors import InputError
from data.images import modcrop, read_rgb
from data.pairs import ImagePair, image_files
from data.paths import given_path
from data.types import Image
from eval.failures import SubmissionFailed
from eval.harness.scoring import image_folder
from eval.metrics.color import COLOURS, CONVERSIONS, Colour
from eval.metrics.psnr import psnr
from eval.metrics.ssim import ssim

BORDERS = (0, 1, 2, 3, 4, 6, 8)
COMMON = (0, 4)
MEANS = {
    "images": "mean over images",
    "pooled": "PSNR of the mean squared error over all images",
}
SHOWN = 5
MAX_TARGET = 1000  # dB; equal images have no number
OK, NOT_EXPLAINED, USAGE = 0, 1, 2


@dataclass(frozen=True)
class Candidate:
    """One way to get a single number from two folders of images; `value` in dB, or SSIM in 0..1."""

    measure: str
    colour: Colour
    border: int
    mean: str
    value: float

    def describe(self) -> str:
        return f"{self.measure.upper()}, {COLOURS[self.colour]}, border {self.border}, {MEANS[self.mean]}"


def candidates(images: Sequence[tuple[Image, Image]], measure: str) -> list[Candidate]:
    """The value of every protocol for (SR, HR) pairs of uint8 HxWx3 images; `measure` is `psnr` or `ssim`.

    Borders that an image is too small for are left out.
    """
    found = []
    least = 2 * max(BORDERS) + 11
    smallest = min(min(hr.shape[:2]) for _, hr in images)
    borders = BORDERS if smallest >= least else tuple(b for b in BORDERS if smallest - 2 * b >= 11)
    for colour, convert in CONVERSIONS.items():
        converted = [(convert(sr), convert(hr)) for sr, hr in images]
        for border in borders:
            if measure == "ssim":
                values = [ssim(sr, hr, border) for sr, hr in converted]
            else:
                values = [psnr(sr, hr, border) for sr, hr in converted]
                pooled = _pooled(values, [_count(hr.shape, border) for _, hr in converted])
                found.append(Candidate(measure, colour, border, "pooled", pooled))
            found.append(Candidate(measure, colour, border, "images", math.fsum(values) / len(values)))
    return found


def explain(found: Sequence[Candidate], target: str) -> list[Candidate]:
    """The candidates that round to `target` at its precision (half up or half to even).

    Those in common use (mean over images, no border or one of 4) come first, the nearest first among them.
    """
    wanted = Decimal(target)
    step = 10.0 ** int(wanted.as_tuple().exponent)
    distance = {one: abs(one.value - float(wanted)) for one in found}
    inside = [one for one in found if distance[one] <= step / 2 + 1e-9]
    return sorted(inside, key=lambda one: (one.border not in COMMON, one.mean != "images", distance[one]))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns 0 explained, 1 not explained, 2 usage or data error."""
    options = _parser().parse_args(arguments)
    try:
        _number(options.target)
        if options.scale < 1:
            raise InputError(f"--scale {options.scale}: expected 1 or more")
        images = _read(options.images, options.hr, options.scale)
    except (InputError, SubmissionFailed) as error:
        print(f"eval.explain: error: {error}", file=sys.stderr)
        return USAGE
    measure = "ssim" if float(options.target) <= 1 else "psnr"
    found = candidates(images, measure)
    matches = explain(found, options.target)
    shown = matches or sorted(found, key=lambda one: abs(one.value - float(options.target)))[:SHOWN]
    title = f"{options.target} is" if matches else f"no protocol gives {options.target}; the nearest"
    table = Table(title=title)
    table.add_column("value", justify="right")
    table.add_column("protocol")
    for one in shown:
        table.add_row(f"{one.value:.4f}", one.describe())
    Console(soft_wrap=True).print(table)
    return OK if matches else NOT_EXPLAINED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m eval.explain", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--images", type=given_path, required=True, metavar="DIR", help="SR images")
    parser.add_argument(
        "--hr", type=given_path, required=True, metavar="DIR", help="HR images of the same names"
    )
    parser.add_argument(
        "--target", required=True, metavar="NUMBER", help="the paper's mean PSNR [dB] or SSIM"
    )
    parser.add_argument("--scale", type=int, default=4, help="HR is cropped to a multiple (default: 4)")
    return parser


def _number(text: str) -> None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or not 0 < value <= MAX_TARGET:
        raise InputError(
            f"--target {text}: expected a number above 0 and at most {MAX_TARGET}, such as 28.42"
        )


def _read(images: Path, hr: Path, scale: int) -> list[tuple[Image, Image]]:
    pairs = [ImagePair(name, path, path) for name, path in image_files(hr).items()]
    found = image_folder.find_images(images, pairs, scale)
    read = []
    for pair in pairs:
        truth = modcrop(read_rgb(pair.hr), scale)
        result = read_rgb(found.images[pair.name])
        if result.shape != truth.shape:
            height, width = truth.shape[:2]
            raise InputError(
                f"{found.images[pair.name]}: is {result.shape[1]}x{result.shape[0]}, "
                f"expected {width}x{height} as {pair.hr.name}"
            )
        read.append((result, truth))
    return read


def _pooled(decibels: list[float], counts: list[int]) -> float:
    """PSNR of all images' squared errors together, from each image's PSNR and number of values."""
    error = math.fsum(n * 10 ** (-value / 10) for value, n in zip(decibels, counts, strict=True))
    return math.inf if error == 0 else -10 * math.log10(error / sum(counts))


def _count(shape: tuple[int, ...], border: int) -> int:
    return (shape[0] - 2 * border) * (shape[1] - 2 * border) * math.prod(shape[2:])


if __name__ == "__main__":
    sys.exit(main())
