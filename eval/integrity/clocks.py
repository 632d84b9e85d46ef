"""Whether the times that a worker states agree with the parent's own clock."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Least allowance for the time that request, answer and conversion take beside the forward pass, in ms. Shown on two
# loaded CPU cores: 0.4 ms at 64x64; the calibration measures the machine at hand, this is its floor.
MIN_GAP_MS = 1.0
# Allowance relative to the calibrated gap: the minimum over twenty control requests is steady, a single
# request is not, because the scheduler may take the processor away between two clock readings.
ALLOWED_GAP_FACTOR = 2.0
# What a whole pass may leave unexplained: this share of its time, and gross excess in this share of its requests.
UNEXPLAINED_SHARE = 0.05
PREEMPTED_SHARE = 0.1
# Between two readings of the clocks an honest worker may lose this much in the mean, in ms, besides the calibrated gap.
RESOLUTION_MS = 0.2
# What no forward pass can be faster than, in ms: a microsecond, and half the control model's own time. The control
# writes each pixel once, which every network must.
TICK_MS = 1e-3
CONTROL_SHARE = 0.5
# Processor time that a worker with some threads may use: a fifth more, and some ticks of the kernel's count.
THREADS_FACTOR, THREADS_SLACK_S = 1.2, 0.1


def calibrate_gap(wall_ms: Sequence[float], worker_ms: Sequence[float]) -> float:
    """Gap in ms between the parent's clock and the worker's on a trusted control model, per image size.

    wall_ms and worker_ms: the two clocks' times of the same requests for images of one size, the control
    model run by the same worker code on the same device. The minimum difference over the requests is taken:
    it is steadier than the median (measured: 14.3 and 14.6 ms in two runs at 339x510). Never negative.
    Raises ValueError when the lists are empty or differ in length.
    """
    if not wall_ms or len(wall_ms) != len(worker_ms):
        raise ValueError(
            f"{len(wall_ms)} wall and {len(worker_ms)} worker times: expected as many, at least one"
        )
    return max(min(wall - own for wall, own in zip(wall_ms, worker_ms, strict=True)), 0.0)


def allowed_gap(gap_ms: float) -> float:
    """Largest believable difference between the clocks, in ms, for a calibrated gap."""
    return max(ALLOWED_GAP_FACTOR * gap_ms, gap_ms + MIN_GAP_MS)


def too_fast(worker_ms: Sequence[float], control_ms: Sequence[float]) -> str | None:
    """Why stated times are below what any network takes, or None.

    worker_ms: as stated, one a request. control_ms: the least time of the control model for inputs of the same sizes.
    """
    for number, (own, control) in enumerate(zip(worker_ms, control_ms, strict=True)):
        if own < (least := max(TICK_MS, CONTROL_SHARE * control)):
            return f"request {number}: the worker states {own:.3g} ms, and no network takes less than {least:.3g} ms"
    return None


def unexplained_ms(
    wall_ms: Sequence[float], worker_ms: Sequence[float], gap_ms: Sequence[float]
) -> list[float]:
    """Per request, how much longer the true time can be than the stated one: the wall less the calibrated gap.

    Beyond what `disbelieved` allows for a request the scheduler is the likelier reason, so nothing more is added.
    """
    return [
        min(max(wall - own - gap, 0.0), allowed_gap(gap) - gap)
        for wall, own, gap in zip(wall_ms, worker_ms, gap_ms, strict=True)
    ]


def unresolved(worker_ms: Sequence[float], unexplained: Sequence[float]) -> str | None:
    """Why stated times are no more than lower bounds, or None if the clocks confirm them to 5%.

    unexplained: of `unexplained_ms`. On devices with a short gap `RESOLUTION_MS` is more than 5%, and is allowed.
    """
    own, more = sum(worker_ms), sum(unexplained)
    if more <= max(UNEXPLAINED_SHARE * own, RESOLUTION_MS * len(worker_ms)):
        return None
    low, high = own / len(worker_ms), (own + more) / len(worker_ms)
    return f"the clocks show a mean between {low:.3g} and {high:.3g} ms; the upper bound is used"


def surplus_threads(by_thread_s: Sequence[float], requests_s: float, threads: int) -> str | None:
    """Why a worker ran on more threads than it was given, or None.

    by_thread_s: processor time of each thread, during and between the requests, which took `requests_s` together. Two
    signs count: more time than `threads` can have, or, on a machine too busy to give it, more threads at work.
    """
    busiest_s = sum(sorted(by_thread_s, reverse=True)[:threads])
    others_s, total_s = sum(by_thread_s) - busiest_s, sum(by_thread_s)
    too_much = total_s > THREADS_FACTOR * threads * requests_s + THREADS_SLACK_S
    if not too_much and others_s <= (THREADS_FACTOR - 1) * busiest_s + THREADS_SLACK_S:
        return None
    return (
        f"OMP_NUM_THREADS allows {threads}: beside the busiest, others used {others_s:.2f} s of processor time; "
        f"together they used {total_s:.2f} s in requests of {requests_s:.2f} s"
    )


def disbelieved(wall_ms: Sequence[float], worker_ms: Sequence[float], gap_ms: Sequence[float]) -> str | None:
    """Why a pass's worker times are not believed, or None where they are.

    Per request, what the wall exceeds `allowed_gap` by is unexplained. Preemption on a shared machine
    explains some of it, so a pass is believed while at most `UNEXPLAINED_SHARE` of the worker's total is
    unexplained, and more than that share of a single request in at most `PREEMPTED_SHARE` of the requests:
    hidden work can then lower neither mean nor median by more than 5%. A time longer than the wall is never
    excused, because no scheduler can cause it.
    """
    requests = list(zip(wall_ms, worker_ms, gap_ms, strict=True))
    if not requests:
        return "no timed request was answered"
    for number, (wall, own, _) in enumerate(requests):
        if not (math.isfinite(wall) and math.isfinite(own)) or own <= 0 or own > wall:
            return f"request {number}: the worker states {own:.3f} ms where the parent measured {wall:.3f} ms"
    unexplained = [max(wall - own - allowed_gap(gap), 0.0) for wall, own, gap in requests]
    gross = sum(
        excess > UNEXPLAINED_SHARE * own for excess, (_, own, _) in zip(unexplained, requests, strict=True)
    )
    total = sum(own for _, own, _ in requests)
    if gross <= PREEMPTED_SHARE * len(requests) and sum(unexplained) <= UNEXPLAINED_SHARE * total:
        return None
    late = sum(excess > 0 for excess in unexplained)
    wall, own, gap = requests[unexplained.index(max(unexplained))]
    return (
        f"{late} of {len(requests)} requests: the parent's clock exceeds the worker's by more than the "
        f"calibrated gap allows (worst: {wall:.3f} ms against {own:.3f} ms, allowed difference "
        f"{allowed_gap(gap):.3f} ms)"
    )
