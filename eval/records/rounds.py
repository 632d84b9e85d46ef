"""The record of one round of an interleaved campaign: each entry's process between two processes of the baseline."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import Field

from eval.records.schema import GENESIS, Flag, Name, Number, RecordPart, Text

Time = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


class EntryRun(RecordPart):
    """One entry in one round. ratio: to the baseline interpolated between its two runs; None if it failed.

    times_ms: per image, the median over its repeats. before_ms, after_ms: sums over the images of the two baseline
    runs. share: where it ran between those, 0 to 1. marks: what disturbed the measurement, for people.
    """

    model: Name
    ratio: Time | None = None
    times_ms: list[Time] = Field(default_factory=list)
    before_ms: Time | None = None
    after_ms: Time | None = None
    share: Number | None = None
    memory_mib: Number | None = None
    flags: list[Flag] = Field(default_factory=list)
    marks: list[Text] = Field(default_factory=list)
    error: Text | None = None


class RoundRecord(RecordPart):
    """One finished round. campaign: equal for rounds that measure the same files on the same images and machine.

    repeated: brackets that were run again because the baseline moved. stopped: entries that left the campaign after
    this round, with the rule or the failure that says why.
    """

    schema_version: Literal[1] = 1
    kind: Literal["round"] = "round"
    sequence: int = 0
    previous_sha256: str = GENESIS
    created: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    campaign: str
    number: Annotated[int, Field(ge=1, le=100_000)]
    challenge: str
    dataset: str = ""
    baseline: Name
    runs: list[EntryRun]
    repeats: int
    repeated: int = 0
    stopped: dict[str, Text] = Field(default_factory=dict)
    device: str = ""
    sandbox: str = ""
    machine: dict[str, Any] = Field(default_factory=dict)
    session: str = ""
