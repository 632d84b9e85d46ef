"""Each claim of a manifest beside the measurement, with a verdict. Pure functions on records: nothing is run."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from data.types import Split
from eval.challenge import ClaimTolerances
from eval.claims import causes
from eval.metrics.registry import METRICS
from eval.records.schema import Record, is_figure

# Words that make another model of a GPU's name: an RTX 3080 Ti is no RTX 3080.
OTHER_MODELS = frozenset(("ti", "super", "laptop", "max", "mobile", "d"))
Verdict = Literal["confirmed", "contradicted", "not comparable", "not claimed"]


@dataclass(frozen=True)
class Judgement:
    """One claim of one model. `claimed` and `measured` are None if there is none."""

    model: str
    claim: str
    claimed: Any
    measured: float | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class ClaimedFigure:
    """What a claim is compared with, and how it is shown. needs: why it cannot be compared here, empty if it can.

    by_difference: a difference to the claim is told as such; otherwise it is told in percent. coarsest: the largest
    unit of a last digit that counts, since TOML does not tell 26.90 from 26.9.
    """

    title: str
    unit: str
    decimals: int
    measured: Callable[[Record], float | None]
    tolerance: Callable[[ClaimTolerances, float], float]
    needs: Callable[[Record, bool], str]
    by_difference: bool = False
    coarsest: float = math.inf

    @property
    def heading(self) -> str:
        """Such as `FLOPs [G]`."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    def amount(self, value: float) -> str:
        """`value` with its unit, such as `0.657432 M`."""
        return f"{value:.6g} {self.unit}".rstrip()

    def distance(self, measured: float, claimed: float) -> str:
        """How far the measurement lies from the claim, such as `+0.05 dB` or `+12.0%`."""
        if self.by_difference or not claimed:
            return f"{measured - claimed:+.{self.decimals + 2}f} {self.unit}".rstrip()
        ratio = measured / claimed
        return f"{100 * (ratio - 1):+.2g}%" if ratio < 2 else f"{ratio:.4g} times"


def judge(
    record: Record, tolerances: ClaimTolerances, own_images: bool, judged_on: str = ""
) -> list[Judgement]:
    """Verdicts on all claims that a manifest can make, in their order.

    own_images: whether the record's images are the challenge's own. judged_on: the challenge's device, which a claim
    without a device is taken to be measured on.
    """
    claims = record.submission.claims
    found = [
        _judged(name, figure, record, tolerances, own_images, judged_on) for name, figure in FIGURES.items()
    ]
    return found + [_stated(record, name, claims.get(name)) for name in NOT_MEASURABLE]


def _judged(
    name: str,
    figure: ClaimedFigure,
    record: Record,
    tolerances: ClaimTolerances,
    own_images: bool,
    judged_on: str,
) -> Judgement:
    claimed = record.submission.claims.get(name)
    measured = figure.measured(record) if record.status == "ok" else None
    if not is_figure(claimed):
        return Judgement(record.model, name, None, measured, "not claimed", _failure(record))
    if record.status != "ok":
        reason = _failure(record)
        return Judgement(record.model, name, claimed, None, "not comparable", reason)
    obstacle = figure.needs(record, own_images) or _other_device(name, record, judged_on)
    if measured is None and not obstacle:
        obstacle = "it was not measured"
    if obstacle or measured is None:
        return Judgement(record.model, name, claimed, measured, "not comparable", obstacle)
    allowed = figure.tolerance(tolerances, claimed) + min(half_unit(claimed), 0.5 * figure.coarsest)
    if abs(measured - claimed) <= allowed * (1 + 1e-9):
        note = record.complexity.dead_weight if name == "params_m" and record.complexity else ""
        return Judgement(record.model, name, claimed, measured, "confirmed", note)
    distance = figure.distance(measured, claimed)
    reason = f"measured {figure.amount(measured)}, claimed {claimed:.10g} ({distance})"
    cause = causes.known_causes(name, claimed, measured, record)
    return Judgement(
        record.model, name, claimed, measured, "contradicted", f"{reason}; {cause}" if cause else reason
    )


def _failure(record: Record) -> str:
    """Why a submission has no figures; empty if it has."""
    return "" if record.status == "ok" else f"it failed: {record.error}"


def half_unit(claimed: float) -> float:
    """Half a unit of the last digit that a claim prints.

    >>> half_unit(0.6574), half_unit(41.2), half_unit(27)
    (5e-05, 0.05, 0.5)
    """
    exponent = Decimal(repr(claimed)).as_tuple().exponent
    return 0.5 * 10.0 ** int(exponent) if isinstance(exponent, int) else 0.0


def _stated(record: Record, name: str, claimed: Any) -> Judgement:
    """A claim that no measurement can confirm, such as the training data."""
    if claimed in (None, "", [], ()):
        return Judgement(record.model, name, None, None, "not claimed", "")
    return Judgement(record.model, name, claimed, None, "not comparable", NOT_MEASURABLE[name])


def _other_device(name: str, record: Record, judged_on: str) -> str:
    """Why a figure of one machine cannot be compared with this one's; empty if both ran on the same GPU model."""
    if name not in ("runtime_ms", "memory_mib"):
        return ""
    claimed_on = str(record.submission.claims.get("device") or judged_on)
    here = record.device_name
    if not claimed_on:
        return "the claim names no device"
    claimed_words, words = set(_words(claimed_on)), set(_words(here))
    if claimed_words <= words and not (words - claimed_words) & OTHER_MODELS:
        return ""
    return f"claimed on {claimed_on}, measured on {here}"


def _words(device: str) -> list[str]:
    """The words of a device's name that tell models apart: `NVIDIA GeForce RTX 3090` and `rtx3090` are the same."""
    spaced = re.sub(r"(?<=[a-z])(?=\d)", " ", device.lower())
    return [word for word in re.findall(r"[a-z0-9]+", spaced) if word not in ("nvidia", "geforce", "gpu")]


def _mean(split: Split, metric: str) -> Callable[[Record], float | None]:
    def mean(record: Record) -> float | None:
        return record.modes[split].mean(metric) if split in record.modes else None

    return mean


def _static(name: str) -> Callable[[Record], float | None]:
    def figure(record: Record) -> float | None:
        value = getattr(record.complexity, name) if record.complexity else None
        return None if value is None else float(value)

    return figure


def _memory(record: Record) -> float | None:
    peaks = [result.memory_mib for result in record.modes.values() if result.memory_mib is not None]
    return max(peaks, default=None)


def _exact(_tolerances: ClaimTolerances, _claimed: float) -> float:
    return 0.0


def _always(_record: Record, _own_images: bool) -> str:
    return ""


def _established(record: Record, _own_images: bool) -> str:
    if record.complexity is None or record.complexity.established:
        return ""
    return "the counters disagree: see the flags of the record"


def _own(split: Split) -> Callable[[Record, bool], str]:
    def needs(record: Record, own_images: bool) -> str:
        if split not in record.modes:
            return f"the challenge's {split} images are not at hand"
        return (
            ""
            if own_images
            else f"the challenge's {split} images are not at hand: measured on {record.dataset}"
        )

    return needs


def _quality(title: str, split: Split, metric: str) -> ClaimedFigure:
    def tolerance(tolerances: ClaimTolerances, _claimed: float) -> float:
        return tolerances.psnr_db if metric == "psnr" else tolerances.ssim

    one = METRICS[metric]
    return ClaimedFigure(
        f"{title} {one.title}",
        one.unit,
        one.decimals,
        _mean(split, metric),
        tolerance,
        _own(split),
        by_difference=True,
        coarsest=0.01 if metric == "psnr" else math.inf,
    )


FIGURES: dict[str, ClaimedFigure] = {
    "psnr_valid_db": _quality("Val", "valid", "psnr"),
    "psnr_test_db": _quality("Test", "test", "psnr"),
    "ssim_valid": _quality("Val", "valid", "ssim"),
    "ssim_test": _quality("Test", "test", "ssim"),
    "params_m": ClaimedFigure("Parameters", "M", 4, _static("params_m"), _exact, _always),
    "flops_g": ClaimedFigure("FLOPs", "G", 2, _static("flops_g"), _exact, _established),
    "activations_m": ClaimedFigure("Activations", "M", 2, _static("activations_m"), _exact, _always),
    "convs": ClaimedFigure("Convolutions", "", 0, _static("num_conv"), _exact, _always),
    "memory_mib": ClaimedFigure(
        "Memory", "MiB", 1, _memory, lambda allowed, claimed: allowed.memory * claimed, _always
    ),
    "runtime_ms": ClaimedFigure(
        "Runtime",
        "ms",
        2,
        Record.mean_runtime_ms,
        lambda allowed, claimed: allowed.runtime * claimed,
        _always,
    ),
}
NOT_MEASURABLE = {
    "device": "the machine of the claims, not of this measurement",
    "training_data": "no measurement tells what a network was trained on",
    "extra_data": "no measurement tells what a network was trained on",
}


def heading_of(claim: str) -> str:
    """How tables call a claim.

    >>> heading_of("params_m"), heading_of("extra_data"), heading_of("file team25_EERN.py")
    ('Parameters [M]', 'Extra data', 'file team25_EERN.py')
    """
    if claim in FIGURES:
        return FIGURES[claim].heading
    return claim.replace("_", " ").capitalize() if claim in NOT_MEASURABLE else claim
