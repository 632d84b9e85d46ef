"""Runs an official repository's own `test_demo.main` on the CPU: `official_loop.py REPO MODEL_ID DATA_DIR [--ssim]`.

That code demands CUDA for its timer and memory figures; the few `torch.cuda` calls it makes get stand-ins here,
everything it computes stays its own. It writes its results into the current folder, so start it in an empty one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any


class Event:
    """`torch.cuda.Event` with the CPU's clock."""

    def __init__(self, **_kwargs: Any) -> None:
        self.seconds = 0.0

    def record(self) -> None:
        self.seconds = time.perf_counter()

    def elapsed_time(self, end: Event) -> float:
        return (end.seconds - self.seconds) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repo")
    parser.add_argument("model_id", type=int)
    parser.add_argument("data_dir")
    parser.add_argument("--ssim", action="store_true")
    options = parser.parse_args()
    sys.path.insert(0, os.path.abspath(options.repo))
    if not os.path.exists("model_zoo"):
        os.symlink(os.path.abspath(os.path.join(options.repo, "model_zoo")), "model_zoo")

    import torch

    torch.cuda.Event = Event  # type: ignore[misc,assignment]
    torch.cuda.current_device = lambda: 0
    torch.cuda.empty_cache = lambda: None
    torch.cuda.synchronize = lambda *_args: None  # type: ignore[assignment]
    torch.cuda.max_memory_allocated = lambda *_args: 0  # type: ignore[assignment]
    load = torch.load
    torch.load = lambda file, **_kwargs: load(file, map_location="cpu")

    import test_demo

    test_demo.main(
        argparse.Namespace(
            model_id=options.model_id,
            data_dir=options.data_dir,
            save_dir="images",
            include_test=False,
            ssim=options.ssim,
        )
    )


if __name__ == "__main__":
    main()
