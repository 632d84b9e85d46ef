"""One row of a ranked table, typed. Its fields are the columns, in their order."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from eval.challenge import Challenge
from leaderboard.entry import Entry

# Columns of one machine: further groups carry them under names of their own.
TIMES = ("runtime_ms", "val_ms", "test_ms", "runtime_median_ms", "cold_ms", "memory_mib")
SPLIT_NAMES = {"valid": "val", "test": "test"}  # in the names of columns


@dataclass
class Row:
    """Figures are NaN and ranks None if unknown.

    ratio, ratio_low, ratio_high: runtime over the baseline's in interleaved rounds, with its 95% interval. rank_low,
    rank_high: the 95% simultaneous set of ranks; ranks: the same as text, such as `[2-5]`.
    figures: further columns, of the challenge's metrics and of its rule; those of the rule may also be fields.
    """

    rank: int | None
    model: str
    team: str
    eligible: bool
    val_psnr: float
    test_psnr: float
    runtime_ms: float
    flops_g: float
    params_m: float
    score_runtime: float
    score_flops: float
    score_params: float
    score_final: float
    rank_runtime: int | None
    rank_flops: int | None
    rank_params: int | None
    ties_with: str
    reason: str
    flags: str
    sandbox: str
    checkpoint_source: str
    checkpoint_sha256: str
    reference: str
    runtime_ratio: float
    ratio: float = field(default=math.nan, kw_only=True)
    ratio_low: float = field(default=math.nan, kw_only=True)
    ratio_high: float = field(default=math.nan, kw_only=True)
    rounds: int = field(default=0, kw_only=True)
    rank_low: int | None = field(default=None, kw_only=True)
    rank_high: int | None = field(default=None, kw_only=True)
    ranks: str = field(default="", kw_only=True)
    val_ms: float
    test_ms: float
    runtime_median_ms: float
    cold_ms: float
    activations_m: float
    num_conv: float
    memory_mib: float
    figures: dict[str, float | int | None]
    status: str
    sequence: int
    source: str
    runs: int
    ranked_by: str
    conditions: str

    def columns(self, times_of: str = "") -> dict[str, Any]:
        """Values by column. times_of: a group's label; its times get columns named after it."""
        found: dict[str, Any] = {}
        for name in FIELDS:
            if name == "figures":
                found.update(self.figures)
            else:
                found["ties with" if name == "ties_with" else name] = getattr(self, name)
        return {column_of(name, times_of): value for name, value in found.items()}


FIELDS = tuple(one.name for one in dataclasses.fields(Row))
TEXTS = {"ties with"} | {one.name for one in dataclasses.fields(Row) if one.type == "str"}


def column_of(name: str, times_of: str) -> str:
    """The column of a figure in the group labelled `times_of`; the plain name for the first group."""
    return f"{name} [{times_of}]" if times_of and name in TIMES else name


def row_of(entry: Entry, challenge: Challenge) -> Row:
    """What the record says; the rule has not been applied yet."""
    record = entry.record
    checkpoint = record.submission.checkpoint
    return Row(
        rank=None,
        model=entry.model,
        team=record.submission.team,
        eligible=False,
        val_psnr=entry.mean("valid", "psnr"),
        test_psnr=entry.mean("test", "psnr"),
        runtime_ms=entry.runtime_ms,
        flops_g=entry.complexity("flops_g"),
        params_m=entry.complexity("params_m"),
        score_runtime=math.nan,
        score_flops=math.nan,
        score_params=math.nan,
        score_final=math.nan,
        rank_runtime=None,
        rank_flops=None,
        rank_params=None,
        ties_with="",
        reason="",
        flags="",
        sandbox=record.sandbox,
        checkpoint_source=checkpoint.source if checkpoint else "",
        checkpoint_sha256=checkpoint.sha256 if checkpoint else "",
        reference="",
        runtime_ratio=math.nan,
        val_ms=entry.split_ms("valid"),
        test_ms=entry.split_ms("test"),
        runtime_median_ms=entry.median_ms,
        cold_ms=entry.cold_ms,
        activations_m=entry.complexity("activations_m"),
        num_conv=entry.complexity("num_conv"),
        memory_mib=entry.memory_mib,
        figures={
            f"{short}_{metric}": entry.mean(split, metric)
            for metric in challenge.metrics
            for split, short in SPLIT_NAMES.items()
            if metric != "psnr"
        },
        status=record.status,
        sequence=record.sequence,
        source=record.source,
        runs=len(entry.runs),
        ranked_by="",
        conditions=entry.conditions.label,
    )
