"""Reads a stranger's factsheet in a process of its own, bounded in time and memory."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from data.errors import InputError
from eval.claims.factsheet.parse import Factsheet, parse_factsheet

CPU_S = 60
MEMORY_BYTES = 2 << 30


def parse_bounded(path: Path, names: Collection[str] = ()) -> Factsheet:
    """As `parse_factsheet`. Raises InputError also for a file that takes more than 60 s or 2 GiB to read."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=_limit) as pool:
        try:
            return pool.submit(parse_factsheet, path, tuple(names)).result()
        except (BrokenProcessPool, MemoryError):
            raise InputError(
                f"{path}: cannot be read within {CPU_S} s and {MEMORY_BYTES >> 30} GiB; save its text as .txt"
            ) from None


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
