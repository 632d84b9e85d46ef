"""What the leaderboard reads of a record: means by split, runtime, complexity and the conditions of measurement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from eval.challenge import Challenge
from eval.records.schema import ModeResult, Record
from leaderboard.conditions import Conditions, conditions_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
NAN = math.nan


@dataclass(frozen=True)
class Entry:
    """One record, its arrays computed once. Times in milliseconds, FLOPs in G, parameters in M; NaN if unknown.

    evaluated: every successful evaluation under the same conditions, whether or not newer ones have replaced it in
    the ranking. runs: the evaluations whose runtimes are averaged, `record` the last of them. `newest` fills in both;
    by itself, an entry knows its own record only. ratios: to the baseline's runtime, one for each round of an
    interleaved campaign, NaN for a round without a figure; empty without rounds.
    """

    record: Record
    conditions: Conditions = field(init=False)
    evaluated: list[Entry] = field(init=False, repr=False, compare=False)
    runs: tuple[Record, ...] = field(init=False, repr=False, compare=False)
    ratios: tuple[float, ...] = field(init=False, default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "conditions", conditions_of(self.record))
        object.__setattr__(self, "evaluated", [self] if self.ok else [])
        object.__setattr__(self, "runs", (self.record,))

    @property
    def model(self) -> str:
        return self.record.model

    @property
    def ok(self) -> bool:
        return self.record.status == "ok"

    @property
    def modes(self) -> dict[str, ModeResult]:
        """Results by split; a failed record has none, so that it can have no means."""
        return self.record.modes if self.ok else {}

    def owned_by(self, challenge: Challenge) -> bool:
        """Whether the images were the challenge's own, so that its score applies.

        Told from the names and counts in the record, hence for any challenge. Published means are taken as they are.
        """
        record = self.record
        if record.scored_by_challenge_data and record.challenge in ("", challenge.name):
            return True
        names = {split: self.image_names(split) for split, result in self.modes.items() if result.images}
        return challenge.owns(names, record.image_digests, official_layout=record.official_layout)

    def image_names(self, mode: str) -> tuple[str, ...]:
        return self._image_names.get(mode, ())

    @cached_property
    def _image_names(self) -> dict[str, tuple[str, ...]]:
        return {name: tuple([image.name for image in mode.images]) for name, mode in self.modes.items()}

    def metric(self, mode: str, metric: str) -> Array:
        """Images: values of `metric` for all images of a split, float64; NaN if an image lacks it."""
        if (mode, metric) not in self._metrics:
            images = self.modes[mode].images if mode in self.modes else []
            self._metrics[mode, metric] = np.array(
                [image.metrics.get(metric, NAN) for image in images], dtype=float
            )
        return self._metrics[mode, metric]

    @cached_property
    def _metrics(self) -> dict[tuple[str, str], Array]:
        return {}

    def mean(self, mode: str, metric: str) -> float:
        """Mean of `metric` over all images of a split; NaN if any lacks it, because a partial mean is no mean."""
        values = self.metric(mode, metric)
        if len(values):
            return math.fsum(values) / len(values) if not np.isinf(values).any() else float(np.mean(values))
        published = self.modes[mode].means.get(metric) if mode in self.modes else None
        return NAN if published is None else published

    @cached_property
    def runtimes(self) -> dict[str, Array]:
        """Images, in ms, float64: runtime of each image by split, for splits in which every image has one."""
        newest = _runtimes(self.record) if self.ok else {}
        if len(self.runs) == 1:
            return newest
        names = [
            {split: [image.name for image in one.images] for split, one in run.modes.items()}
            for run in self.runs
        ]
        if any(one != names[-1] for one in names):
            return newest
        every = [_runtimes(run) for run in self.runs]
        return {
            split: np.mean([one[split] for one in every], axis=0)
            for split in newest
            if all(split in one for one in every)
        }

    @cached_property
    def runtime_ms(self) -> float:
        """The ranked runtime: mean over splits of each one's mean (`ntire`) or median (`robust`)."""
        return _mean([run.mean_runtime_ms() for run in self.runs]) if self.ok else NAN

    @cached_property
    def ratio(self) -> float:
        """Runtime over the baseline in interleaved rounds, as their geometric mean; NaN without rounds."""
        known = [math.log(ratio) for ratio in self.ratios if math.isfinite(ratio)]
        return math.exp(math.fsum(known) / len(known)) if known else NAN

    def ranked_runtime(self) -> float:
        """The rule's own runtime, as the protocol measures it."""
        return self.runtime_ms

    def split_ms(self, split: str) -> float:
        """The runtime of one split."""
        if split not in self.modes:
            return NAN
        return _mean(
            [run.modes[split].mean_runtime_ms() if split in run.modes else None for run in self.runs]
        )

    @cached_property
    def median_ms(self) -> float:
        """Mean over splits of each one's median."""
        return _mean([_median_ms(run) for run in self.runs]) if self.ok else NAN

    @cached_property
    def cold_ms(self) -> float:
        """The very first call of the process."""
        colds = [
            mode.runtime.cold
            for mode in self.modes.values()
            if mode.runtime and mode.runtime.cold is not None
        ]
        return colds[0] if colds else NAN

    @cached_property
    def warm_ms(self) -> float:
        """The ranked runtime without the first image of the first split; equal to it if no cold call counts."""
        if not self.cold_counts or not self.modes or set(self.runtimes) != set(self.modes):
            return self.runtime_ms
        means = []
        for index, mode in enumerate(self.modes):
            times = (
                self.runtimes[mode][1:]
                if index == 0 and len(self.runtimes[mode]) > 1
                else self.runtimes[mode]
            )
            means.append(float(times.mean()))
        return math.fsum(means) / len(means)

    @property
    def cold_counts(self) -> bool:
        """Whether the protocol averages the first call like any other, as the official code does."""
        return self.conditions.protocol == "ntire"

    def complexity(self, name: str) -> float:
        """`flops_g`, `params_m`, `activations_m` or `num_conv`; NaN when unknown or the submission failed."""
        value = getattr(self.record.complexity, name) if self.ok and self.record.complexity else None
        return NAN if value is None else float(value)

    def quantity(self, name: str) -> float:
        """`runtime_ms`, `memory_mib` or a complexity figure."""
        return float(getattr(self, name)) if name in ("runtime_ms", "memory_mib") else self.complexity(name)

    @cached_property
    def memory_mib(self) -> float:
        """Peak memory in the validation pass, as the official table lists it; else of another split."""
        peaks = {name: mode.memory_mib for name, mode in self.modes.items() if mode.memory_mib is not None}
        return peaks.get("valid", next(iter(peaks.values()), NAN))


def newest(records: list[Record], runs: int = 1) -> list[Entry]:
    """The newest entry of each model under each conditions, in the order in which they first appeared.

    runs: how many evaluations the rules average. Under protocol `ntire` the runtimes of so many newest evaluations of
    the same files are averaged; protocol `robust` repeats within an evaluation.
    A failed record often names no machine or data set. It then stands with the largest group.
    """
    entries = [Entry(record) for record in records]
    groups = group_sizes(entries)
    main = max(groups, key=lambda key: groups[key]) if groups else None
    found: dict[tuple[str, Conditions], Entry] = {}
    evaluated: dict[Conditions, list[Entry]] = {}
    for entry in entries:
        if not entry.ok and main and entry.conditions not in groups:
            object.__setattr__(entry, "conditions", main)
        found[entry.model, entry.conditions] = entry
        together = evaluated.setdefault(entry.conditions, [])
        together += entry.evaluated
        object.__setattr__(entry, "evaluated", together)
    if runs > 1:
        _average(evaluated, list(found.values()), runs)
    return list(found.values())


def _average(evaluated: dict[Conditions, list[Entry]], entries: list[Entry], runs: int) -> None:
    """Let each of `entries` know the newest evaluations of its own files, `runs` at most."""
    own: dict[tuple[Conditions, str, str], list[Record]] = {}
    for conditions, together in evaluated.items():
        for one in together:
            own.setdefault((conditions, *_files(one.record)), []).append(one.record)
    for entry in entries:
        if entry.ok and entry.conditions.protocol == "ntire":
            same = own[(entry.conditions, *_files(entry.record))]
            object.__setattr__(entry, "runs", tuple(same[-runs:]))


def _files(record: Record) -> tuple[str, str]:
    """Tells evaluations of the same model, script and checkpoint."""
    files = (record.submission.script, record.submission.checkpoint)
    return record.model, " ".join(file.sha256 if file else "-" for file in files)


def _runtimes(record: Record) -> dict[str, Array]:
    found = {}
    for split, result in record.modes.items():
        times = [image.runtime_ms for image in result.images]
        if times and None not in times:
            found[split] = np.array(times, dtype=float)
    return found


def _median_ms(record: Record) -> float | None:
    medians = [result.runtime.median for result in record.modes.values() if result.runtime]
    return math.fsum(medians) / len(medians) if medians else None


def _mean(values: Sequence[float | None]) -> float:
    """NaN if any is missing."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else NAN


def group_sizes(entries: list[Entry]) -> dict[Conditions, int]:
    """How many models were evaluated successfully under each conditions."""
    models: dict[Conditions, set[str]] = {}
    for entry in entries:
        if entry.ok:
            models.setdefault(entry.conditions, set()).add(entry.model)
    return {conditions: len(names) for conditions, names in models.items()}
