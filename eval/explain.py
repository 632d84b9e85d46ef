"""Why a number or an image is what it is: the protocol of a paper's figure, or the program that made LR images.

    python -m eval.explain --images SR_DIR --hr HR_DIR --target 28.42
    python -m eval.explain --lr LR_DIR --hr HR_DIR

The same pixels give PSNR values that differ by decibels between colour spaces, borders and means. The command tries
every combination in use. Those whose value rounds to the target, at the target's precision, explain it. LR images are
compared with those that each known program makes of the HR images.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from rich.console import Console
from rich.table import Table

from data.bicubic import FACTORS
from data.errors import InputError
from data.images import modcrop, read_rgb
from data.pairs import ImagePair, image_files, pair_folders
from data.paths import given_path
from data.types import Image
from eval.explanations import downscalers, quality
from eval.failures import SubmissionFailed
from eval.harness.scoring import image_folder
from eval.metrics.lpips_variants import lpips_values

_SHOWN = 5
_MAX_TARGET = 1000  # dB; equal images have no number
_LR_IMAGES = 5  # at most; one is enough to tell programs apart
_PIPE_WIDTH = 160  # columns of tables if no terminal states its own
_OK, _NOT_EXPLAINED, _USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns 0 explained, 1 not explained, 2 usage or data error."""
    options = _parser().parse_args(arguments)
    try:
        if options.scale < 1:
            raise InputError(f"--scale {options.scale}: expected 1 or more")
        return _explain_lr(options) if options.lr else _explain_number(options)
    except (InputError, SubmissionFailed) as error:
        print(f"eval.explain: error: {error}", file=sys.stderr)
        return _USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m eval.explain",
        description=(__doc__ or "").split("\n")[0],
        epilog="Exit status: 0 explained, 1 not explained (the nearest are shown), 2 for wrong usage or data.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--images", type=given_path, metavar="DIR", help="SR images, with --target")
    what.add_argument(
        "--lr", type=given_path, metavar="DIR", help="LR images: name the program that made them"
    )
    parser.add_argument(
        "--hr", type=given_path, required=True, metavar="DIR", help="HR images of the same names"
    )
    parser.add_argument("--target", metavar="NUMBER", help="the paper's mean PSNR [dB], SSIM or LPIPS")
    parser.add_argument(
        "--metric", choices=("auto", "psnr", "ssim", "lpips"), default="auto",
        help="what the target is (default: auto, SSIM up to 1 and PSNR above)",
    )  # fmt: skip
    parser.add_argument("--scale", type=int, default=4, help="HR is cropped to a multiple (default: 4)")
    return parser


def _explain_number(options: argparse.Namespace) -> int:
    target = _checked_target(options.target)
    images = _read(options.images, options.hr, options.scale)
    measure = options.metric
    if measure == "auto":
        measure = "ssim" if float(target) <= 1 else "psnr"
    if measure == "lpips":
        found = lpips_values(images)
        matches = [one for one in found if quality.rounds_to(one[1], target)]
        lines = matches or sorted(found, key=lambda one: abs(one[1] - float(target)))
    else:
        matching = quality.explained(images, measure, target)
        matches = [(one.describe(), one.value) for one in matching]
        lines = matches or quality.nearest(images, measure, target)
    table = Table(title=f"{target} is" if matches else f"no protocol gives {target}; the nearest")
    table.add_column("value", justify="right")
    table.add_column("protocol")
    for protocol, value in lines if matches else lines[:_SHOWN]:
        table.add_row(f"{value:.4f}", protocol)
    _show(table)
    return _OK if matches else _NOT_EXPLAINED


def _checked_target(text: str | None) -> str:
    if text is None:
        raise InputError("--images: needs --target NUMBER, the figure to explain, such as 28.42")
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or not 0 < value <= _MAX_TARGET:
        raise InputError(
            f"--target {text}: expected a number above 0 and at most {_MAX_TARGET}, such as 28.42"
        )
    return text


def _explain_lr(options: argparse.Namespace) -> int:
    if options.target is not None:
        raise InputError("--target: a figure of SR images; give --images DIR instead of --lr")
    if options.scale not in FACTORS:
        known = ", ".join(map(str, FACTORS))
        raise InputError(f"--scale {options.scale}: expected one of {known} with --lr")
    pairs = pair_folders(options.hr, options.lr, options.scale)[:_LR_IMAGES]
    images = [(read_rgb(pair.lr), modcrop(read_rgb(pair.hr), options.scale)) for pair in pairs]
    found = downscalers.made_by(images, options.scale)
    best = [one for one in found if one.equal == found[0].equal and one.mean == found[0].mean]
    explained = found[0].equal >= downscalers.EXPLAINED
    names = f"{len(images)} LR image{'s' if len(images) > 1 else ''}"
    table = Table(
        title=f"{names}: made by" if explained else f"no known program made the {names}; the nearest"
    )
    for title in ("equal values", "largest difference", "program", "shift"):
        table.add_column(title)
    for one in best if explained else found[:_SHOWN]:
        table.add_row(f"{100 * one.equal:.2f}%", str(one.largest), one.method, one.shown_shift)
    _show(table)
    return _OK if explained else _NOT_EXPLAINED


def _show(table: Table) -> None:
    terminal = sys.stdout.isatty()
    Console(soft_wrap=not terminal, width=None if terminal else _PIPE_WIDTH).print(table)


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


if __name__ == "__main__":
    sys.exit(main())
