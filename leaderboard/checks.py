"""What a reader should doubt: cold starts in a mean, FLOPs that cannot be, and two entries that are one.

Findings never change a rank; they stand beside it as flags.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from eval.challenge import Challenge
from eval.records.flags import FlagName
from leaderboard.entry import Entry
from leaderboard.rules import rule_for

# A first call so much slower than the median of its pass is start-up of the device or autotuning, not inference.
COLD_EXTRA_MS = 50.0
COLD_RATIO = 1.25
# A convolution at LR resolution uses every weight once per pixel. Branches at lower resolution use fewer: published
# systems stay above 0.4, so a quarter is no such branch.
LR_PIXELS = 256 * 256
FLOPS_PER_PARAMETER_MINIMUM = 0.25
# A lead over the next eligible entry beyond this factor in one figure is worth a second look.
_GAP_FACTOR = 3.0


@dataclass(frozen=True)
class Finding:
    """What to doubt about one entry: the name of the flag and the numbers behind it."""

    model: str
    name: str
    reason: str


def cold_start(entry: Entry) -> Finding | None:
    """A first call that is much slower than the others and is averaged with them."""
    if not entry.cold_counts or not entry.runtimes:
        return None
    mode, times = next(iter(entry.runtimes.items()))
    median = float(np.median(times))
    first = float(times[0])
    if first < median + COLD_EXTRA_MS or first < COLD_RATIO * median:
        return None
    reason = (
        f"the first {mode} image took {first:.1f} ms (median {median:.2f} ms): the runtime of "
        f"{entry.runtime_ms:.2f} ms is {entry.warm_ms:.2f} ms without it"
    )
    return Finding(entry.model, FlagName.COLD_START.value, reason)


def implausible_flops(entry: Entry) -> Finding | None:
    """FLOPs far below one multiply-add per parameter and LR pixel, as if a counter missed an operator.

    Convolutions (and linear layers over all positions) apply each weight once per position of a 256x256
    input, hence FLOPs of at least parameters * 65,536.
    """
    flops, params = entry.complexity("flops_g"), entry.complexity("params_m")
    if math.isnan(flops) or math.isnan(params) or params <= 0 or flops <= 0:
        return None
    needed_g = params * 1e6 * LR_PIXELS / 1e9
    if flops >= FLOPS_PER_PARAMETER_MINIMUM * needed_g:
        return None
    reason = (
        f"{flops:.2f} G with {params:.3f} M parameters: convolutions at 256x256 need about {needed_g:.2f} G, "
        f"{needed_g / flops:.1f} times as much"
    )
    return Finding(entry.model, FlagName.IMPLAUSIBLE_FLOPS.value, reason)


def duplicates(group: list[Entry]) -> list[Finding]:
    """Entries of different submissions with the same checkpoint, and entries with the same PSNR on every image."""
    submitters = {entry.model: _submitter(entry) for entry in group}
    found = []
    for model, twins in _twins(_checkpoints(group)).items():
        # A submission and its self-ensemble are two systems that share a checkpoint on purpose.
        others = [other for other in twins if submitters[other] != submitters[model]]
        if others:
            found.append(
                Finding(model, FlagName.SAME_CHECKPOINT.value, f"the same checkpoint as {', '.join(others)}")
            )
    for model, twins in _twins(_outputs(group)).items():
        found.append(
            Finding(model, FlagName.SAME_OUTPUTS.value, f"the same PSNR on every image as {', '.join(twins)}")
        )
    return found


def _twins(keys: dict[str, str]) -> dict[str, list[str]]:
    """For each model whose key others have too, those others."""
    alike: dict[str, list[str]] = {}
    for model, key in keys.items():
        alike.setdefault(key, []).append(model)
    return {
        model: [other for other in models if other != model]
        for models in alike.values()
        if len(models) > 1
        for model in models
    }


def _submitter(entry: Entry) -> tuple[str, str, str]:
    submission = entry.record.submission
    return submission.model_id, submission.team, submission.checkpoint.file if submission.checkpoint else ""


def _checkpoints(group: list[Entry]) -> dict[str, str]:
    checkpoints = {entry.model: entry.record.submission.checkpoint for entry in group if entry.ok}
    return {model: checkpoint.sha256 for model, checkpoint in checkpoints.items() if checkpoint}


def _outputs(group: list[Entry]) -> dict[str, str]:
    """A hash of the PSNR of all images, for entries in which it was measured."""
    found = {}
    for entry in group:
        values = [entry.metric(mode, "psnr") for mode in entry.modes]
        if any(map(len, values)) and not any(np.isnan(one).any() for one in values):
            found[entry.model] = hashlib.sha256(b"|".join(one.tobytes() for one in values)).hexdigest()
    return found


def gaps(group: list[Entry], challenge: Challenge) -> list[Finding]:
    """Ranked entries that are several times better than the next ranked one in a figure."""
    rule = rule_for(group, challenge)
    if rule.baseline is None:
        return []
    reasons = rule.reasons(group)
    ranked = [entry for entry, reason in zip(group, reasons, strict=True) if not reason]
    found = []
    for name, unit in (("runtime_ms", "ms"), ("flops_g", "G"), ("params_m", "M")):
        values = [(entry.quantity(name), entry.model) for entry in ranked]
        known = sorted((value, model) for value, model in values if not math.isnan(value))
        if len(known) > 2 and known[1][0] > _GAP_FACTOR * known[0][0]:
            times = f"{known[1][0] / known[0][0]:.1f}" if known[0][0] else "infinitely many"
            reason = (
                f"{name} {known[0][0]:.3f} {unit} is {times} times better than the "
                f"next one, {known[1][1]} ({known[1][0]:.3f} {unit})"
            )
            found.append(Finding(known[0][1], FlagName.IMPLAUSIBLE_GAP.value, reason))
    return found


def findings(group: list[Entry], challenge: Challenge) -> list[Finding]:
    """Everything to doubt about the entries of a group."""
    single = [
        one for entry in group if entry.ok for one in (cold_start(entry), implausible_flops(entry)) if one
    ]
    return single + duplicates(group) + gaps(group, challenge)


def flag_texts(group: list[Entry], challenge: Challenge) -> list[str]:
    """For each entry, the harness's flags and the findings of this module as `name: reason`, joined by `; `.

    Reasons lose their own semicolons, so that the text can be taken apart again.
    """
    found: dict[str, list[str]] = {}
    for one in findings(group, challenge):
        found.setdefault(one.model, []).append(f"{one.name}: {one.reason}")
    texts = []
    for entry in group:
        own = [f"{flag.name}: {flag.reason}" for flag in entry.record.flags]
        texts.append("; ".join(text.replace("; ", ", ") for text in own + found.get(entry.model, [])))
    return texts
