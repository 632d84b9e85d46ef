"""Makes low-resolution images: `python -m data.prepare bicubic HR_DIR LR_DIR --scale 4`.

Every image name.* of HR_DIR is cropped to a multiple of the scale and becomes namex4.png in LR_DIR, by MATLAB's
bicubic (`data/bicubic.py`). LR_DIR is made if it is missing. Existing files are written anew. Exit status: 0 if all
images were made, 1 if some failed (each is named, and the others are made), 2 for a usage error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.progress import track

from data.bicubic import FACTORS, Border, imresize
from data.errors import InputError
from data.images import modcrop, read_rgb, write_png
from data.pairs import image_files


@dataclass(frozen=True)
class LrJob:
    """One image to make."""

    hr: Path
    lr: Path
    scale: int
    border: Border


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        jobs = lr_jobs(options.hr_dir, options.lr_dir, options.scale, options.border)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    failures = []
    done = make_all(jobs, options.workers)
    for job, reason in track(done, "bicubic", len(jobs), console=console, disable=not console.is_terminal):
        if reason:
            failures.append(job)
            print(f"failed: {reason}", file=sys.stderr)
    made = len(jobs) - len(failures)
    print(f"{made} of {len(jobs)} images made in {options.lr_dir} (1/{options.scale}, MATLAB bicubic)")
    return 1 if failures else 0


def lr_jobs(hr_dir: Path, lr_dir: Path, scale: int, border: Border = "mirror") -> list[LrJob]:
    """The LR images to make, sorted by name. Also makes their folder.

    Raises InputError: HR folder missing or without images, two images of one name, the same folder twice, or no
    writable LR folder.
    """
    if hr_dir.resolve() == lr_dir.resolve():
        raise InputError(f"{hr_dir}: given as HR and as LR folder; expected two folders")
    files = image_files(hr_dir)
    try:
        lr_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{lr_dir}: cannot be made: {error.strerror or error}") from None
    if not os.access(lr_dir, os.W_OK | os.X_OK):
        raise InputError(f"{lr_dir}: cannot be written; expected a folder with write permission")
    return [LrJob(path, lr_dir / f"{stem}x{scale}.png", scale, border) for stem, path in files.items()]


def make_all(jobs: Sequence[LrJob], workers: int | None = None) -> Iterator[tuple[LrJob, str]]:
    """Make the images in parallel. Yields each job as it ends, with "" or the reason why it failed."""
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    if workers <= 1:
        yield from ((job, make_lr(job)) for job in jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        futures = {pool.submit(make_lr, job): job for job in jobs}
        finished: Iterable[Future[str]] = as_completed(futures)
        for future in finished:
            try:
                yield futures[future], future.result()
            except BrokenProcessPool:
                yield (
                    futures[future],
                    f"{futures[future].hr}: a worker process was killed (memory?); try --workers 1",
                )


def make_lr(job: LrJob) -> str:
    """Make one image. Returns "" or the reason why it failed."""
    try:
        hr = modcrop(read_rgb(job.hr), job.scale)
        if 0 in hr.shape:
            return f"{job.hr}: smaller than {job.scale}x{job.scale} pixels; expected at least one LR pixel"
        write_png(job.lr, imresize(hr, 1 / job.scale, job.border))
    except InputError as error:
        return str(error)
    return ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m data.prepare", description=__doc__.partition("\n")[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    bicubic = kinds.add_parser("bicubic", help="down-sample as MATLAB's imresize does")
    bicubic.add_argument("hr_dir", type=Path, metavar="HR_DIR", help="folder of HR images")
    bicubic.add_argument("lr_dir", type=Path, metavar="LR_DIR", help="folder for namex4.png; made if missing")
    bicubic.add_argument("--scale", type=int, choices=FACTORS, default=4, help="factor (default 4)")
    bicubic.add_argument(
        "--border",
        choices=get_args(Border),
        default="mirror",
        help="what lies beyond the border: its mirror image (MATLAB today) or its last pixel (older MATLAB)",
    )
    bicubic.add_argument("--workers", type=_count, help="processes (default: one per core)")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
