"""Rounds of interleaved campaigns, joined with the entries that they measured: ratios, intervals, rank sets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from eval.records.rounds import RoundRecord
from leaderboard.conditions import machine_of
from leaderboard.entry import Array, Entry, Mask
from leaderboard.row import Row

_PROTOCOL = "interleaved"


def attach(entries: Sequence[Entry], rounds: Sequence[RoundRecord]) -> None:
    """Give entries of protocol `interleaved` their ratios in the newest campaign on their images and machine."""
    newest: dict[tuple[str, str], list[RoundRecord]] = {}
    for one in rounds:  # oldest first: a new campaign replaces the one before
        known = newest.setdefault((one.dataset, machine_of(one)), [])
        if known and known[-1].campaign != one.campaign:
            known.clear()
        known.append(one)
    for entry in entries:
        where = (entry.conditions.dataset, entry.conditions.machine)
        if entry.ok and entry.conditions.protocol == _PROTOCOL and where in newest:
            ratios = tuple(_ratio(one, entry.model) for one in newest[where])
            if any(math.isfinite(ratio) for ratio in ratios):
                object.__setattr__(entry, "ratios", ratios)


def _ratio(one: RoundRecord, model: str) -> float:
    if model == one.baseline:
        return 1.0
    found = next((run.ratio for run in one.runs if run.model == model), None)
    return math.nan if found is None else found


def fill_rounds(
    rows: Sequence[Row], group: Sequence[Entry], keys: Array, slopes: Array | None, eligible: Mask
) -> None:
    """Fill in ratios with their intervals, and the rank sets of the eligible entries.

    keys: what ranks, lower first. slopes: its derivative by the logarithm of an entry's ratio; None if the rule does
    not rank by runtime, then there are no sets.
    """
    from eval.runtime import design  # with scipy, which takes a second to import, only if there are rounds

    measured = [i for i, entry in enumerate(group) if entry.ratios]
    for i in measured:
        known = [ratio for ratio in group[i].ratios if math.isfinite(ratio)]
        found = design.estimate(known)
        rows[i].rounds, rows[i].ratio = found.rounds, found.ratio
        if found.low is not None and found.high is not None:
            rows[i].ratio_low, rows[i].ratio_high = found.low, found.high
    if slopes is None or not measured:
        return
    ranked = [i for i in measured if eligible[i] and math.isfinite(keys[i])]
    if len(ranked) == int(eligible.sum()):  # a set is only known if everybody took part
        _fill_sets(rows, group, keys, slopes, ranked)


def _fill_sets(
    rows: Sequence[Row], group: Sequence[Entry], keys: Array, slopes: Array, ranked: Sequence[int]
) -> None:
    from eval.runtime.rank_sets import rank_sets

    logs = np.log(np.array([group[i].ratios for i in ranked], dtype=float).T)
    sets = rank_sets(logs, slopes[list(ranked)], keys[list(ranked)])
    for i, found in zip(ranked, sets, strict=True):
        rows[i].rank_low, rows[i].rank_high = found.low, found.high
        rows[i].ranks = f"[{found.low}-{found.high}]"
