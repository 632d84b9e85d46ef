"""Which protocol gives the number in a paper: `python -m eval.explain --images DIR --hr DIR --target 28.42`.

The same pixels give PSNR values that differ by decibels between colour spaces, borders and means. The command tries
every combination in use. Those whose value rounds to the target, at the target's precision, explain it.
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
_SHOWN = 5
_MAX_TARGET = 1000  # dB; equal images have no number
_OK, _NOT_EXPLAINED, _USAGE = 0, 1, 2


@dataclass(frozen=True)
class Candidate:
    """One way to get a number from two folders of images. value: PSNR in dB, or SSIM from 0 to 1."""

    measure: str
    colour: Colour
    border: int
    mean: str
    value: float

    def describe(self) -> str:
        return f"{self.measure.upper()}, {COLOURS[self.colour]}, border {self.border}, {MEANS[self.mean]}"


def candidates(images: Sequence[tuple[Image, Image]], measure: str) -> list[Candidate]:
    """The value of every protocol, without borders that are too large for an image.

    images: pairs (SR, HR), each uint8 HxWx3, RGB. measure: `psnr` or `ssim`.
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

    Protocols in common use (mean over images, border 0 or 4) come first; among these, the nearest comes first.
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
        return _USAGE
    measure = "ssim" if float(options.target) <= 1 else "psnr"
    found = candidates(images, measure)
    matches = explain(found, options.target)
    shown = matches or sorted(found, key=lambda one: abs(one.value - float(options.target)))[:_SHOWN]
    title = f"{options.target} is" if matches else f"no protocol gives {options.target}; the nearest"
    table = Table(title=title)
    table.add_column("value", justify="right")
    table.add_column("protocol")
    for one in shown:
        table.add_row(f"{one.value:.4f}", one.describe())
    Console(soft_wrap=True).print(table)
    return _OK if matches else _NOT_EXPLAINED


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
    if not value.is_finite() or not 0 < value <= _MAX_TARGET:
        raise InputError(
            f"--target {text}: expected a number above 0 and at most {_MAX_TARGET}, such as 28.42"
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
