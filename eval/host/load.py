"""How much of the machine other programs use while something is measured."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from eval.host.procfs import TICKS_PER_S, cpu_seconds

_IDLE = (3, 4)  # idle and iowait among the first eight fields of /proc/stat's line `cpu`
_FIELDS = 8  # user nice system idle iowait irq softirq steal; guests are part of user


@dataclass(frozen=True)
class OtherLoad:
    """cores: how many logical processors other programs kept busy, in the mean. of: processors of the machine."""

    cores: float
    of: int

    @property
    def share(self) -> float:
        """Share of the machine that others used, 0 to 1."""
        return min(self.cores / self.of, 1.0)

    def describe(self) -> str:
        """Such as `other programs used 1.3 of 2 cores`."""
        return f"other programs used {self.cores:.1f} of {self.of} cores"


class LoadWatch:
    """Measures from its creation on. root: where proc lies (tests use a copy)."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._start_s, self._busy_s, self._own_s = self._now()

    def others(self) -> OtherLoad | None:
        """What other programs used since the creation; None if the system does not tell."""
        now_s, busy_s, own_s = self._now()
        if busy_s is None or self._busy_s is None or now_s <= self._start_s:
            return None
        used_s = (busy_s - self._busy_s) - (own_s - self._own_s)
        return OtherLoad(max(used_s / (now_s - self._start_s), 0.0), os.cpu_count() or 1)

    def _now(self) -> tuple[float, float | None, float]:
        """Clock, busy time of all processors, and processor time of this process and its descendants, in s."""
        return time.monotonic(), _busy_seconds(self._root), cpu_seconds(os.getpid())


def _busy_seconds(root: Path) -> float | None:
    try:
        name, *fields = (root / "proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
        ticks = [int(field) for field in fields[:_FIELDS]]
    except (OSError, ValueError):
        return None
    if name != "cpu" or len(ticks) <= max(_IDLE):
        return None
    return (sum(ticks) - sum(ticks[place] for place in _IDLE)) / TICKS_PER_S
