"""Scoring one 2040x1356 pair (decode HR, PSNR, SSIM): how many times faster than the official functions.

    python -m bench.scoring --official PATH/TO/NTIRE2024_ESR

Both sides score the same pair in one process, in turn, so that a busy machine slows both; medians are compared.
Exit status 1 when a value differs by more than 1e-9.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from bench import pairs
from data.bicubic import imresize
from data.images import Image, read_rgb
from eval.metrics.psnr import psnr
from eval.metrics.ssim import ssim

BORDER = 4
TOLERANCE = 1e-9
Steps = dict[str, Callable[[], Any]]


def main() -> int:
    """Prints the table. Returns the exit status."""
    parser = argparse.ArgumentParser(
        "python -m bench.scoring", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--official", type=Path, required=True, help="checkout of the official repository")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    tools = official_tools(options.official)
    with tempfile.TemporaryDirectory() as folder:
        hr_dir, lr_dir = pairs.make(Path(folder), 1)
        path = hr_dir / "0001.png"
        hr = read_rgb(path)
        sr = imresize(read_rgb(lr_dir / "0001x4.png"), pairs.SCALE)
        return compare(official_steps(tools, path, sr, hr), our_steps(path, sr, hr), options.rounds)


def official_tools(repository: Path) -> ModuleType:
    """The official repository's own module of image functions."""
    path = repository / "utils" / "utils_image.py"
    spec = importlib.util.spec_from_file_location("official_utils_image", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SystemExit(f"{path}: not there; --official expects a checkout of Amazingren/NTIRE2024_ESR")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def official_steps(tools: ModuleType, path: Path, sr: Image, hr: Image) -> Steps:
    """What the official loop does to score an image."""
    return {
        "decode HR": lambda: tools.imread_uint(str(path), n_channels=3),
        "PSNR": lambda: tools.calculate_psnr(sr, hr, border=BORDER),
        "SSIM": lambda: tools.calculate_ssim(sr, hr, border=BORDER),
    }


def our_steps(path: Path, sr: Image, hr: Image) -> Steps:
    """The same steps by this project."""
    return {
        "decode HR": lambda: read_rgb(path),
        "PSNR": lambda: psnr(sr, hr, BORDER),
        "SSIM": lambda: ssim(sr, hr, BORDER),
    }


def compare(official: Steps, ours: Steps, rounds: int) -> int:
    """Runs both sides in turn; prints medians, ratios and differences. Returns the exit status."""
    times_ms: dict[str, tuple[list[float], list[float]]] = {step: ([], []) for step in official}
    worst = dict.fromkeys(official, 0.0)
    for _ in range(rounds):
        for step, samples in times_ms.items():
            theirs, own = (
                _timed(side[step], into) for side, into in zip((official, ours), samples, strict=True)
            )
            difference = np.abs(np.subtract(theirs, own, dtype=np.float64)).max()
            worst[step] = max(worst[step], float(difference))
    print(f"{'step':<12}{'official ms':>12}{'ours ms':>10}{'ratio':>7}{'difference':>12}")
    totals = np.zeros(2)
    for step, samples in times_ms.items():
        medians = [statistics.median(side) for side in samples]
        totals += medians
        print(
            f"{step:<12}{medians[0]:12.1f}{medians[1]:10.1f}{medians[0] / medians[1]:7.1f}{worst[step]:12.1e}"
        )
    print(
        f"{'one pair':<12}{totals[0]:12.1f}{totals[1]:10.1f}{totals[0] / totals[1]:7.1f}{max(worst.values()):12.1e}"
    )
    return 0 if max(worst.values()) <= TOLERANCE else 1


def _timed(work: Callable[[], Any], into: list[float]) -> Any:
    begin = time.perf_counter()
    result = work()
    into.append((time.perf_counter() - begin) * 1e3)
    return result


if __name__ == "__main__":
    sys.exit(main())
