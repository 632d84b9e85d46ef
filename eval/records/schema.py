"""The record of one evaluation: its fields, their bounds, and how it is written as JSON.

PSNR is infinite if an SR image equals its HR image, and so is the mean then. JSON has no such number, so the string
"Infinity" stands for it. No other number of a record may be infinite, and none may be NaN.
"""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from data.text import largest_counts, printable, unmistakable

SCHEMA_VERSION: Literal[1] = 1
GENESIS = "0" * 64


MAX_NUMBER = 1e15  # far above any figure that is recorded, so that sums and means of them are finite too


def _score(value: float) -> float:
    if value != math.inf and not abs(value) <= MAX_NUMBER:
        raise ValueError(f"{value:g} is not a result")
    return value


def is_figure(value: Any) -> TypeGuard[float]:
    """Whether an untyped value, such as a claim, is a number within the bounds of a record.

    >>> is_figure(27.1), is_figure(10**400), is_figure(float("nan")), is_figure(True)
    (True, False, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER


# A metric's value may be infinite, because PSNR is for equal images. Every other number is finite.
Score = Annotated[float, AfterValidator(_score)]
Number = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)]


# Untrusted text, escaped for JSON and terminals.
Text = Annotated[str, AfterValidator(printable)]
# A model's name, by which rows are told apart.
Name = Annotated[str, AfterValidator(unmistakable)]


# How the images were found: in folders named as the challenges name theirs, in any others, or inside this project.
Layout = Literal["official", "folders", "built-in"]
# Older records tell it by the beginning of `dataset` alone.
_OTHER_LAYOUTS = ("pairs ", "HR images ", "demo set")


class RecordPart(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings", defer_build=True)


class Flag(RecordPart):
    """A doubt about a submission. It does not fail it, and is shown wherever its numbers are."""

    name: str
    reason: Text


class Artifact(RecordPart):
    """A file the evaluation used, by content."""

    file: Text
    sha256: str


class Checkpoint(Artifact):
    """`source` is `authors`, `reproduced`, `path` (given by the user) or `repository`."""

    source: str


class SubmissionInfo(RecordPart):
    """Who was judged. `model` is the official results key, such as `25_EERN`."""

    model: Name
    model_id: str = ""
    team: Text = ""
    origin: Text = "native"
    architecture: Text = ""
    data_range: float | None = None
    script: Artifact | None = None
    manifest: Artifact | None = None
    checkpoint: Checkpoint | None = None
    claims: dict[str, Any] = {}


class ImageResult(RecordPart):
    """One image: metric values by key (`psnr`, `ssim`, `psnr_y`, ...) and its runtime.

    sr_sha256: `data.images.pixel_sha256` of the SR image; None in older records.
    """

    name: str
    metrics: dict[str, Score]
    runtime_ms: Number | None = None
    sr_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class RuntimeSummary(RecordPart):
    """Runtime of one split in milliseconds.

    mean, median: over images; under protocol `robust` each image's figure is its median over repeats. ci95: bounds of
    the median. cold: the very first call.
    """

    protocol: str
    mean: Number
    median: Number
    ci95: tuple[Number, Number] | None = None
    cold: Number | None = None
    repeats: int = 1
    samples_ms: list[list[Number]] = []

    @property
    def headline_ms(self) -> float:
        """The figure of the split: the median under `robust`, else the plain mean, as the challenges publish it."""
        return self.median if self.protocol == "robust" else self.mean


class ModeResult(RecordPart):
    """All images of one split.

    means: published means, if images are not known one by one. with_io_ms: for programs that read and write folders,
    the whole call divided by the number of images. It covers model loading, reading, writing and the networks.
    """

    images: list[ImageResult]
    means: dict[str, Score] = {}
    runtime: RuntimeSummary | None = None
    memory_mib: Number | None = None
    with_io_ms: Number | None = None

    def mean(self, metric: str) -> float | None:
        """Mean of `metric` over all images; None if any image lacks it, because a partial mean is no mean."""
        if not self.images:
            return self.means.get(metric)
        values = [image.metrics.get(metric) for image in self.images]
        if not values or any(value is None for value in values):
            return None
        return math.fsum(value for value in values if value is not None) / len(values)

    def mean_runtime_ms(self) -> float | None:
        """Runtime per image: the mean over images of each one's figure, under `robust` its median over repeats."""
        return self.runtime.headline_ms if self.runtime else None


class Complexity(RecordPart):
    """Static figures. FLOPs count one multiply-add as one; `established` is False if counters disagree.

    flops_g: the figure that scores. macs_g: the same, under the name of what it counts, multiply-adds.
    deployed_params_m: those of the parameters that a forward pass reads; None in older records.
    flops_counter: whose it is; empty in older records, which have fvcore's. flops_fvcore_g: the official counter's own.
    """

    params_m: Number | None = None
    deployed_params_m: Number | None = None
    flops_g: Number | None = None
    macs_g: Number | None = None
    flops_counter: str = ""
    flops_fvcore_g: Number | None = None
    activations_m: Number | None = None
    num_conv: Annotated[int, Field(ge=0, le=10**18)] | None = None
    established: bool = True
    counters: dict[str, Any] = {}

    @property
    def dead_weight(self) -> str:
        """The parameters that no forward pass reads, in words; empty if there are none, or if it is not known.

        >>> Complexity(params_m=2.2, deployed_params_m=0.4, counters={"unread": {"branch": 1800000}}).dead_weight
        '0.4 M of 2.2 M parameters are read in a forward pass; never read: branch (1800000)'
        """
        if self.params_m is None or self.deployed_params_m is None or self.deployed_params_m >= self.params_m:
            return ""
        used = (
            f"{self.deployed_params_m:.6g} M of {self.params_m:.6g} M parameters are read in a forward pass"
        )
        unread = self.counters.get("unread") or {}
        return f"{used}; never read: {largest_counts(unread)}" if unread else used


class Record(RecordPart):
    """One submission on one challenge on one machine.

    scored_by_challenge_data: in older records only, whether the images were the challenge's own; tables decide that
    now. image_digests: sha256 by split, as `eval.harness.dataset.Dataset.digests` defines it.
    published_runtime_ms: the table's own mean, if the means of the splits were rounded before.
    reference: bicubic enlargement on the same images, by split. output: the last lines that the submission printed.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    sequence: int = 0
    previous_sha256: str = GENESIS
    created: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    source: Literal["measured", "imported"] = "measured"
    imported_from: str | None = None
    published_runtime_ms: Number | None = None
    challenge: str
    dataset: str = ""
    layout: Layout | None = None
    image_digests: dict[str, str] = {}
    scored_by_challenge_data: bool | None = None
    submission: SubmissionInfo
    status: Literal["ok", "failed"]
    error: Text | None = None
    flags: list[Flag] = []
    modes: dict[str, ModeResult] = {}
    reference: dict[str, ModeResult] = {}
    complexity: Complexity | None = None
    output: list[Text] = []
    protocol: str = ""
    device: str = ""
    sandbox: str = ""
    machine: dict[str, Any] = {}
    session: str = ""
    job_key: str = ""

    @property
    def model(self) -> str:
        return self.submission.model

    @property
    def device_name(self) -> str:
        """The GPU that it was measured on, or the processor."""
        gpu = self.machine.get("gpu") or {}
        return str(gpu.get("name") or self.machine.get("cpu") or self.device)

    @property
    def official_layout(self) -> bool:
        """Whether the images lay in folders that are named as the challenges name theirs."""
        if self.layout is None:
            return self.source == "imported" or not self.dataset.startswith(_OTHER_LAYOUTS)
        return self.layout == "official"

    def mean_runtime_ms(self) -> float | None:
        """What ranks: the mean of the splits' `headline_ms`; None if any split lacks it."""
        if self.published_runtime_ms is not None:
            return self.published_runtime_ms
        times = [mode.runtime.headline_ms for mode in self.modes.values() if mode.runtime]
        return math.fsum(times) / len(times) if times and len(times) == len(self.modes) else None


def record_json(record: RecordPart) -> str:
    """A record as its file holds it."""
    return record.model_dump_json(indent=1) + "\n"


def json_number(value: float | None) -> float | str | None:
    """`value` as plain JSON can hold it: infinities become the strings "Infinity" and "-Infinity"."""
    if value is None or math.isfinite(value):
        return value
    return "Infinity" if value > 0 else "-Infinity"


def dump_json(content: Any) -> str:
    """Strict JSON text: a NaN or infinity that was not converted raises ValueError."""
    return json.dumps(content, indent=1, allow_nan=False) + "\n"
