"""From records and a challenge to one ranked table. A pure function: it reads no file and writes none.

Groups: records of different machines, data sets, protocols or sources never share a runtime column and are
never ranked against each other. The largest group comes first and owns `runtime_ms`; the rows of every
further group carry their runtime in a column of their own, `runtime_ms [label of the group]`, and are ranked
among themselves.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from eval.challenge import Challenge, EfficiencyRanking, MetricRanking, RankSumRanking
from eval.records.schema import Record, SubmissionInfo
from leaderboard import bootstrap, checks, criteria
from leaderboard.entry import (
    Conditions,
    Entry,
    group_sizes,
    newest,
)
from leaderboard.score_formulas import score_of

PSNR_NOTE = "Ranked by PSNR: these images are not the challenge's own, so its score does not apply."
SCORES = ["score_runtime", "score_flops", "score_params", "score_final"]
SUBTRACKS = ["rank_runtime", "rank_flops", "rank_params"]
TIMES = ["runtime_ms", "val_ms", "test_ms", "runtime_median_ms", "cold_ms", "memory_mib"]  # one machine's own

# Ranked by itself and cut to no rows, it gives an empty table the columns that a full one has.
_NOBODY = Entry(Record(challenge="", submission=SubmissionInfo(model=""), status="failed"))


def rank(records: list[Record], challenge: Challenge) -> pd.DataFrame:
    """One row per model and conditions, best first; excluded entries below, then failed ones with their
    reason.

    `rank` (integer, missing below the line) counts within a group. `ties with` names the entries whose
    difference to this one is within what resampling the images explains. `frame.attrs["notes"]` lists what a
    reader must know, `frame.attrs["group_notes"]` the same for each group by its label.
    Raises nothing for odd records: what is missing is NaN, and the reason is in the row.
    """
    entries = newest(records)
    groups = _grouped(entries)
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    group_notes: dict[str, list[str]] = {}
    for conditions, group in groups.items():
        frame, said = _rank_group(group, challenge)
        frames.append(_own_runtime_column(frame, conditions) if frames else frame)
        notes += said if len(groups) == 1 else [f"{conditions.label}: {note}" for note in said]
        group_notes[conditions.label] = said
    if len(groups) > 1:
        notes.append(
            "Several machines, data sets or protocols: each is ranked apart and has its own runtime column."
        )
    # Columns that are all missing in one group make pandas warn about a future change of dtype; objects do not.
    frames = frames or [_rank_group([_NOBODY], challenge)[0].iloc[:0]]
    table = _typed(pd.concat([frame.astype(object) for frame in frames], ignore_index=True))
    table.attrs["notes"] = list(dict.fromkeys(notes))
    table.attrs["group_notes"] = group_notes
    table.attrs["challenge"] = challenge.name
    return table


def by_conditions(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A ranking taken apart into its groups, by label and in its order.

    Each has its times under the usual names and no columns of other groups; its `attrs["notes"]` are its own.
    """
    shared = [name for name in table if not str(name).startswith(tuple(f"{time} [" for time in TIMES))]
    found = {}
    for label in dict.fromkeys(table["conditions"]):
        rows = table[table["conditions"] == label]
        own = {time: rows[f"{time} [{label}]"] for time in TIMES if f"{time} [{label}]" in table}
        found[label] = rows[shared].assign(**own).reset_index(drop=True)
        found[label].attrs = {**table.attrs, "notes": table.attrs["group_notes"][label]}
    return found


def ordered_groups(records: list[Record]) -> dict[Conditions, list[Entry]]:
    """The groups that `rank` ranks apart, the largest first, each with its newest entries."""
    return _grouped(newest(records))


def _grouped(entries: list[Entry]) -> dict[Conditions, list[Entry]]:
    sizes = group_sizes(entries)
    groups: dict[Conditions, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.conditions, []).append(entry)
    return dict(sorted(groups.items(), key=lambda item: -sizes.get(item[0], 0)))


def _rank_group(group: list[Entry], challenge: Challenge) -> tuple[pd.DataFrame, list[str]]:
    frame = pd.DataFrame([_row(entry, challenge) for entry in group])
    reference_notes = _scores(frame, group, challenge)
    by_psnr = criteria.ranked_by_psnr(group, challenge)
    frame["ranked_by"] = "psnr" if by_psnr else "score"
    frame["key"] = (
        [-criteria.psnr_key(entry, challenge) for entry in group] if by_psnr else frame["log_score"]
    )
    notes = [PSNR_NOTE] if by_psnr else reference_notes + _missing_modes(group, challenge)
    frame["reason"] = criteria.reasons(group, challenge)
    frame["eligible"] = frame["reason"] == ""
    frame["flags"] = checks.flag_texts(group, challenge)
    _add_ranks(frame, challenge)
    if by_psnr:
        _blank_scores(frame)
    ties = bootstrap.ties(
        group, challenge, frame["key"].to_numpy(float), frame["eligible"].to_numpy(bool), by_psnr
    )
    frame["ties with"] = [", ".join(group[other].model for other in tied) for tied in ties]
    frame["conditions"] = group[0].conditions.label
    below = np.array(
        [
            0 if eligible else 1 if entry.ok else 2
            for eligible, entry in zip(frame["eligible"], group, strict=True)
        ]
    )
    order = sorted(
        range(len(group)), key=lambda i: (below[i], _last_if_nan(frame["key"].iloc[i]), group[i].model)
    )
    return frame.iloc[order].drop(columns=["key", "log_score"]), notes


def _row(entry: Entry, challenge: Challenge) -> dict[str, Any]:
    record = entry.record
    checkpoint = record.submission.checkpoint
    row: dict[str, Any] = {
        "rank": None,
        "model": entry.model,
        "team": record.submission.team,
        "eligible": False,
        "val_psnr": entry.mean("valid", "psnr"),
        "test_psnr": entry.mean("test", "psnr"),
        "runtime_ms": entry.runtime_ms,
        **{name: entry.complexity(name) for name in ("flops_g", "params_m")},
        **dict.fromkeys(SCORES, math.nan),
        **dict.fromkeys(SUBTRACKS),
        "ties with": "",
        "reason": "",
        "flags": "",
        "sandbox": record.sandbox,
        "checkpoint_source": checkpoint.source if checkpoint else "",
        "checkpoint_sha256": checkpoint.sha256 if checkpoint else "",
        "reference": "",
        "runtime_ratio": math.nan,
        "val_ms": _mode_runtime(entry, "valid"),
        "test_ms": _mode_runtime(entry, "test"),
        "runtime_median_ms": entry.median_ms,
        "cold_ms": entry.cold_ms,
        **{name: entry.complexity(name) for name in ("activations_m", "num_conv")},
        "memory_mib": entry.memory_mib,
    }
    for metric in challenge.metrics:
        for mode, short in (("valid", "val"), ("test", "test")):
            row.setdefault(f"{short}_{metric}", entry.mean(mode, metric))
    row.update(status=record.status, sequence=record.sequence, source=record.source)
    return row


def _mode_runtime(entry: Entry, mode: str) -> float:
    value = entry.modes[mode].mean_runtime_ms() if mode in entry.modes else None
    return math.nan if value is None else value


def _scores(frame: pd.DataFrame, group: list[Entry], challenge: Challenge) -> list[str]:
    """Fill the score columns, and `log_score`: what the group is ordered by, lower first. Returns notes."""
    rule = challenge.ranking
    if isinstance(rule, EfficiencyRanking):
        found = criteria.exponents(group, rule)
        for name, values in zip(SCORES, (found.runtime, found.flops, found.params, found.final), strict=True):
            frame[name] = score_of(values)
        frame["log_score"] = found.final
        frame["runtime_ratio"] = [
            entry.runtime_ms / reference.runtime_ms
            for entry, reference in zip(group, found.references, strict=True)
        ]
        frame["reference"] = [
            reference.source if entry.ok else ""
            for entry, reference in zip(group, found.references, strict=True)
        ]
        return _reference_notes(frame, group)
    if isinstance(rule, MetricRanking):
        frame["score_final"] = criteria.metric_scores(group, rule, rule.terms)
        for track in rule.tracks:
            frame[f"score_{track.name}"] = criteria.metric_scores(group, rule, track.terms)
        frame["log_score"] = -frame["score_final"]
        return []
    frame["log_score"] = 0.0  # ranks are only known once it is known who is ranked
    return []


def _reference_notes(frame: pd.DataFrame, group: list[Entry]) -> list[str]:
    sources = frame.loc[[entry.ok for entry in group], "reference"]
    published = int(sources.str.endswith("published").sum())
    if published and published < len(sources):
        return [
            f"{published} of {len(sources)} entries are compared with the published baseline: it was not "
            "measured in their session or on their machine."
        ]
    if published:
        return ["Scores compare with the published baseline figures, which another machine measured."]
    return []


def _missing_modes(group: list[Entry], challenge: Challenge) -> list[str]:
    rule = challenge.ranking
    thresholds = () if isinstance(rule, MetricRanking) else rule.thresholds
    applied = criteria.thresholds_that_apply(challenge, group)
    missing = dict.fromkeys(threshold.mode for threshold in thresholds if threshold not in applied)
    return [
        f"Provisional: no entry was evaluated on '{mode}', so its threshold is not applied."
        for mode in missing
    ]


def _add_ranks(frame: pd.DataFrame, challenge: Challenge) -> None:
    """Fill `rank` and the tracks' ranks; a rank sum also becomes the group's key, as only now it is known."""
    eligible = frame["eligible"].to_numpy(bool)
    rule = challenge.ranking
    if isinstance(rule, RankSumRanking):
        _add_rank_sums(frame, rule, eligible)
    tracks: dict[str, Any] = {}
    if isinstance(rule, EfficiencyRanking):
        tracks = {name: frame["score" + name.removeprefix("rank")] for name in SUBTRACKS}
    elif isinstance(rule, MetricRanking):
        tracks = {f"rank_{track.name}": -frame[f"score_{track.name}"] for track in rule.tracks}
    for name, scores in tracks.items():
        values = scores.to_numpy(float)
        frame[name] = _integers(_competition_ranks(values, eligible & ~np.isnan(values)))
    frame["rank"] = _integers(_competition_ranks(frame["key"].to_numpy(float), eligible))


def _add_rank_sums(frame: pd.DataFrame, rule: RankSumRanking, eligible: Any) -> None:
    for track in rule.tracks:
        parts = [_competition_ranks(frame[name].to_numpy(float), eligible) for name in track.quantities]
        frame[f"ranksum_{track.name}"] = np.sum(parts, axis=0)
        frame[f"rank_{track.name}"] = _integers(_competition_ranks(np.sum(parts, axis=0), eligible))
    main = rule.tracks[0]
    frame["score_final"] = frame[f"ranksum_{main.name}"]
    if len(frame) and frame["ranked_by"].iloc[0] == "score":
        # One quantity ranks by itself: keeping its figure, not its rank, is what makes ties by resampling possible.
        frame["key"] = frame[main.quantities[0] if len(main.quantities) == 1 else f"ranksum_{main.name}"]


def _blank_scores(frame: pd.DataFrame) -> None:
    """Where the challenge's score does not apply, no output may show one; the columns stay."""
    for column in frame:
        if str(column).startswith(("score_", "rank_", "ranksum_")):
            frame[column] = None


def _competition_ranks(values: Any, counted: Any) -> Any:
    """1, 2, 2, 4 ...: equal values share a rank. NaN where not counted."""
    series = pd.Series(np.where(counted, np.asarray(values, dtype=float), np.nan))
    return series.rank(method="min").to_numpy()


def _integers(ranks: Any) -> Any:
    return pd.array([None if math.isnan(value) else int(value) for value in ranks], dtype="Int64")


def _last_if_nan(key: float) -> float:
    return math.inf if math.isnan(key) else key


def _own_runtime_column(frame: pd.DataFrame, conditions: Conditions) -> pd.DataFrame:
    """Move the times of a further group into columns named after it."""
    return frame.rename(columns={name: f"{name} [{conditions.label}]" for name in TIMES})


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Ranks as nullable integers, booleans as such, numbers as floats, everything else as text."""
    text = {
        "model",
        "team",
        "ties with",
        "reason",
        "flags",
        "sandbox",
        "checkpoint_source",
        "checkpoint_sha256",
        "reference",
        "ranked_by",
        "conditions",
        "status",
        "source",
    }
    for column in table.columns:
        if column == "eligible":
            table[column] = table[column].astype(bool)
        elif column == "rank" or column.startswith("rank_") or column == "sequence":
            table[column] = table[column].astype("Int64")
        elif column in text:
            table[column] = table[column].fillna("").astype(str)
        else:
            table[column] = table[column].astype(float)
    return table
