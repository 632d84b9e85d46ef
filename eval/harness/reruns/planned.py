"""Which runs stand beside the first one, by kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from data.errors import InputError
from eval import sandbox
from eval.harness.reruns.runs import SwitchedRun
from eval.harness.worker_setup import Setup
from eval.host.gpu import choose_device
from eval.host.machine import usable_cores
from eval.protocol.job import NativeSource


@dataclass(frozen=True)
class Rerun:
    """One run with one thing changed. kind: of `RERUN_KINDS`. run: None if it cannot be made.

    optional: whether a network need not work like this, such as on two images at once. why_not: why there is no run.
    """

    kind: str
    name: str
    run: SwitchedRun | None
    optional: bool = False
    why_not: str = ""


def planned(kind: str, run: SwitchedRun) -> list[Rerun]:
    """All runs of one kind beside `run`."""
    return _PLANS[kind](run)


def seeded(run: SwitchedRun, seed: int = 0) -> SwitchedRun:
    """`run` with a seed set before each image."""
    return _switch(run, seed=seed)


def _switch(run: SwitchedRun, **changes: object) -> SwitchedRun:
    switches = replace(run.setup.switches, **changes)  # type: ignore[arg-type]
    return replace(run, setup=replace(run.setup, switches=switches))


def _threads(run: SwitchedRun) -> list[Rerun]:
    counts = dict.fromkeys((1, 2, usable_cores()))
    return [
        Rerun("threads", f"threads={count}", replace(run, setup=replace(run.setup, threads=count)))
        for count in counts
    ]


def _order(run: SwitchedRun) -> list[Rerun]:
    return [Rerun("order", "images in reverse", replace(run, order=lambda keys: keys[::-1]))]


def _neighbours(run: SwitchedRun) -> list[Rerun]:
    return [Rerun("neighbours", "two images in a batch", _switch(run, neighbour=True), optional=True)]


def _tiles(run: SwitchedRun) -> list[Rerun]:
    """A submission with tiles of its own runs without them; others run in four tiles."""
    source = run.submission.source
    if isinstance(source, NativeSource) and source.tile:
        whole = replace(run.submission, source=replace(source, tile=None))
        return [Rerun("tiles", "whole", replace(run, submission=whole), optional=True)]
    return [Rerun("tiles", "in four tiles", replace(run, tiled=True), optional=True)]


def _memory_format(run: SwitchedRun) -> list[Rerun]:
    return [
        Rerun("memory_format", name, _switch(run, memory_format=name), optional=True)
        for name in ("contiguous", "channels_last")
    ]


def _tf32(run: SwitchedRun) -> list[Rerun]:
    """On the CPU nothing reads these switches but a team's own code."""
    return [
        Rerun("tf32", f"tf32={'on' if allowed else 'off'}", _switch(run, tf32=allowed))
        for allowed in (True, False)
    ]


def _device(run: SwitchedRun) -> list[Rerun]:
    other = "cpu" if run.setup.device.startswith("cuda") else "cuda:0"
    try:
        return [Rerun("device", other, replace(run, setup=_on(run.setup, choose_device(other))))]
    except InputError as error:
        return [Rerun("device", other, None, why_not=str(error))]


def _on(setup: Setup, device: str) -> Setup:
    gpu = sandbox.find_gpu(device)
    return replace(setup, device=device, gpu=gpu, limits=sandbox.limits_of(gpu, setup.deadlines.total_s))


_PLANS: dict[str, Callable[[SwitchedRun], list[Rerun]]] = {
    "again": lambda run: [Rerun("again", "again in a fresh process", run)],
    "threads": _threads,
    "order": _order,
    "neighbours": _neighbours,
    "tiles": _tiles,
    "memory_format": _memory_format,
    "tf32": _tf32,
    "device": _device,
}
