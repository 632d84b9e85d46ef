"""What a score divides by: the baseline's figures, and where they were measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from eval.challenge import Baseline
from leaderboard.entry import Entry

RuntimeOf = Callable[[Entry], float]
_VENDOR = {"nvidia"}  # some drivers leave it out of a GPU's name


@dataclass(frozen=True)
class Reference:
    """The figures of the baseline. runtime_ms is NaN if none of them is comparable. source: in words."""

    runtime_ms: float
    flops_g: float
    params_m: float
    source: str
    published: bool = False


class References:
    """What each entry of a group is divided by.

    First choice is the newest evaluation of the baseline in the entry's session, then the newest one under the same
    conditions. An evaluation that lacks a figure is passed over. The published runtime stands in only for entries of
    the machine that it was measured on: the challenge's device, and imported files that name no other. Published FLOPs
    and parameters hold on every machine.
    """

    def __init__(self, group: list[Entry], baseline: Baseline, device: str, runtime_of: RuntimeOf) -> None:
        self._device, self._baseline = device, baseline.model
        self._published = Reference(
            baseline.runtime_ms, baseline.flops_g, baseline.params_m, f"{baseline.model}, published", True
        )
        self._elsewhere: Reference | None = None
        self._by_session: dict[str, Reference] = {}
        for entry in _evaluations(group, baseline.names):
            alone = Entry(entry.record)  # without the other runs that `entry` averages
            same = _measured(alone, runtime_of, f"{entry.model}, same session")
            if same:
                self._by_session[entry.record.session] = same
                self._elsewhere = _measured(entry, runtime_of, f"{entry.model}, same machine, other session")

    def of(self, entry: Entry) -> Reference:
        """What `entry` is divided by. Rounds beside the baseline say more than any runtime of another hour."""
        found = self._found(entry)
        if math.isnan(entry.ratio):
            return found
        source = f"{self._baseline}, {len(entry.ratios)} interleaved rounds"
        return replace(found, runtime_ms=entry.runtime_ms / entry.ratio, source=source, published=False)

    def _found(self, entry: Entry) -> Reference:
        measured = self._of_sessions(entry) or self._elsewhere
        if measured:
            return measured
        if self._measured_like_published(entry):
            return self._published
        source = f"{self._published.source} (FLOPs and parameters only)"
        return replace(self._published, runtime_ms=math.nan, source=source, published=False)

    def _of_sessions(self, entry: Entry) -> Reference | None:
        """The baseline of the entry's session; of an average of runs, the average of those of all its sessions."""
        found = [self._by_session.get(run.session) for run in entry.runs]
        known = [one for one in found if one]
        if not known or len(known) < len(found):
            return self._by_session.get(entry.record.session)
        mean = math.fsum(one.runtime_ms for one in known) / len(known)
        return replace(known[-1], runtime_ms=mean) if len(known) > 1 else known[-1]

    def _measured_like_published(self, entry: Entry) -> bool:
        machine = entry.conditions.machine
        if entry.record.source == "imported" and not machine:
            return True
        return bool(self._device) and same_device(machine, self._device)


def same_device(one: str, other: str) -> bool:
    """Whether two names are those of one kind of device; upper case and the vendor's name do not matter.

    >>> same_device("NVIDIA TITAN Xp", "Titan Xp"), same_device("NVIDIA RTX A6000", "NVIDIA GeForce RTX 3090")
    (True, False)
    """
    first, second = (set(name.casefold().split()) - _VENDOR for name in (one, other))
    return first == second


def _evaluations(group: list[Entry], names: tuple[str, ...]) -> list[Entry]:
    """Every successful evaluation of a model called one of `names` under the group's conditions, oldest first."""
    lists = {id(entry.evaluated): entry.evaluated for entry in group}  # entries of one build share one list
    found = [entry for evaluated in lists.values() for entry in evaluated if entry.model in names]
    return sorted(found, key=lambda entry: (entry.record.sequence, entry.record.created))


def _measured(entry: Entry, runtime_of: RuntimeOf, source: str) -> Reference | None:
    figures = (runtime_of(entry), entry.complexity("flops_g"), entry.complexity("params_m"))
    if not all(math.isfinite(figure) and figure > 0 for figure in figures):
        return None
    return Reference(*figures, source)
