"""A whole evaluation against the official script and a bare loop, and the time to the first scored image.

    python -m bench.evaluation --official PATH/TO/NTIRE2024_ESR

Both sides are whole processes: start, five 2040x1356 pairs with SSIM, complexity, results written; protocol
`ntire` on both. They take turns, so that a machine that changes speed meets both alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import pairs
from eval.submissions.manifest import ROOT

IMPORTS = "import torch, fvcore, cv2"


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench.evaluation", description=__doc__)
    parser.add_argument("--official", type=Path, required=True, help="checkout of the official repository")
    parser.add_argument("--model_id", default="25")
    parser.add_argument("--images", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        pairs.make(data, options.images)
        _compare(
            f"whole evaluation of {options.model_id}, {options.images} pairs 2040x1356 with SSIM",
            lambda: _ours(options.model_id, data),
            lambda: _official(options.official, options.model_id, data),
            options.rounds,
            aim=0.55,
        )
        _compare(
            "the same against a bare loop (forward, PSNR, SSIM; nothing checked, counted or recorded)",
            lambda: _ours(options.model_id, data),
            lambda: _bare(options.official, options.model_id, data),
            options.rounds,
            aim=0.55,
        )
    _compare(
        f"start to first image scored (demo set), against `{IMPORTS}`",
        lambda: _first_image(options.model_id),
        lambda: _seconds([sys.executable, "-c", IMPORTS], ROOT),
        options.rounds,
        aim=1.5,
    )


def _compare(
    what: str, ours: Callable[[], float], other: Callable[[], float], rounds: int, aim: float
) -> None:
    ours(), other()  # fill the file cache
    times = [(ours(), other()) for _ in range(rounds)]
    a, b = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(one / two for one, two in times)
    print(f"{what}: {a:.2f} s against {b:.2f} s, ratio {ratio:.3f} (aim: at most {aim})", flush=True)


def _ours(model_id: str, data: Path) -> float:
    with tempfile.TemporaryDirectory() as out:
        command = [
            sys.executable, "test_demo.py", "--model_id", model_id, "--checkpoint", "authors", "--data_dir", str(data),
            "--ssim", "--device", "cpu", "--protocol", "ntire", "--save_dir", out,
        ]  # fmt: skip
        return _seconds(command, ROOT)


def _official(repo: Path, model_id: str, data: Path) -> float:
    script = ROOT / "bench" / "official_loop.py"
    with tempfile.TemporaryDirectory() as empty:
        command = [
            sys.executable,
            "-W",
            "ignore",
            str(script),
            str(repo.resolve()),
            model_id,
            str(data),
            "--ssim",
        ]
        return _seconds(command, Path(empty))


def _bare(repo: Path, model_id: str, data: Path) -> float:
    folders = [str(data / f"DIV2K_LSDIR_valid_{kind}") for kind in ("HR", "LR")]
    command = [sys.executable, "-m", "bench.bare_loop", model_id, *folders, "--official", str(repo.resolve())]
    return _seconds([*command, "--ssim"], ROOT)


def _first_image(model_id: str) -> float:
    """Seconds until the first image's line with its PSNR is printed."""
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-u", "test_demo.py", "--model_id", model_id, "--device", "cpu", "--save_dir", out],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if "  valid  " in line:
                    break
        seconds = time.perf_counter() - start
        process.kill()
        process.wait()
    return seconds


def _seconds(command: list[str], folder: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ.copy())
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr[-2000:]}")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
