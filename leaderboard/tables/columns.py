"""Which columns of a ranking are printed, under which headings, and which one ranks.

A ranking is the data frame that `leaderboard.ranking.rank` makes. Its `attrs["metrics"]` are the challenge's metrics,
those that rank first; means stand in columns such as `val_psnr` and `test_ssim`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from eval.metrics.metric import Metric
from eval.metrics.registry import METRICS
from leaderboard.row import SPLIT_NAMES
from leaderboard.tables.numbers import format_number


@dataclass(frozen=True)
class PrintedColumn:
    """One printed column. lower_is_better: None for what is not a figure. metric: of a mean over images."""

    name: str
    title: str
    unit: str = ""
    decimals: int = 0
    lower_is_better: bool | None = None
    metric: Metric | None = None

    @property
    def heading(self) -> str:
        """Such as `Val PSNR [dB]`."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    def text(self, value: object) -> str:
        """A cell of the column."""
        return value if isinstance(value, str) else format_number(value, self.decimals)

    def amount(self, value: float) -> str:
        """`value` with its title and unit, such as `Val PSNR 26.9042 dB`: two more digits than a cell has."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.title} {format_number(value, self.decimals + 2)}{unit}"


LEADING = (PrintedColumn("rank", "Rank"), PrintedColumn("model", "Model"))
COSTS = (
    PrintedColumn("runtime_ms", "Runtime", "ms", 2, True),
    PrintedColumn("ratio", "Ratio", "", 4, True),
    PrintedColumn("flops_g", "FLOPs", "G", 2, True),
    PrintedColumn("params_m", "Params", "M", 3, True),
)
TRACK_SCORES = (
    PrintedColumn("score_runtime", "Runtime score", "", 3, True),
    PrintedColumn("score_flops", "FLOPs score", "", 3, True),
    PrintedColumn("score_params", "Params score", "", 3, True),
)
FINAL = PrintedColumn("score_final", "Score", "", 3, True)
REFERENCE = "bicubic"
TIES = PrintedColumn("ties with", "Ties with")
RANKS = PrintedColumn("ranks", "95% ranks")  # simultaneous sets, from interleaved rounds


def metrics_of(ranking: pd.DataFrame) -> tuple[Metric, ...]:
    """The metrics of a ranking, those that rank first."""
    return tuple(ranking.attrs.get("metrics", (METRICS["psnr"],)))


def quality_columns(ranking: pd.DataFrame) -> list[PrintedColumn]:
    """The means that anybody in `ranking` has, those of the metrics that rank first."""
    measured = [
        (metric, [split for split in SPLIT_NAMES if _has_figure(ranking, _mean(split, metric))])
        for metric in metrics_of(ranking)
    ]
    there = [metric for metric, splits in measured if splits]
    return [
        PrintedColumn(
            _mean(split, metric),
            f"{SPLIT_NAMES[split].capitalize()} {title_among(metric, there)}",
            metric.unit,
            metric.decimals,
            not metric.higher_is_better,
            metric,
        )
        for metric, splits in measured
        for split in splits
    ]


def title_among(metric: Metric, others: list[Metric]) -> str:
    """The title of `metric`; RGB is named if others compare in another colour space."""
    mixed = any(other.colour != "rgb" for other in others)
    is_rgb = metric.function is not None and metric.colour == "rgb"
    return f"{metric.title}-RGB" if mixed and is_rgb else metric.title


def figure_columns(ranking: pd.DataFrame) -> list[PrintedColumn]:
    """Means and costs that anybody in `ranking` has; a mean that ranks stands first."""
    first = ranking_column(ranking)
    quality = sorted(quality_columns(ranking), key=lambda column: column != first)
    return [*quality, *(column for column in COSTS if _has_figure(ranking, column.name))]


def printed_columns(ranking: pd.DataFrame) -> list[PrintedColumn]:
    """The columns of a printed table: those that hold anything in `ranking`."""
    scores = [
        column for column in (*TRACK_SCORES, final_column(ranking)) if _has_figure(ranking, column.name)
    ]
    if ranking_column(ranking).metric is not None:
        scores = [column for column in scores if column.name != FINAL.name]  # it repeats the metric
    texts = [
        column
        for column in (RANKS, TIES)
        if column.name in ranking and bool((ranking[column.name] != "").any())
    ]
    return [*LEADING, *figure_columns(ranking), *scores, *texts]


def final_column(ranking: pd.DataFrame) -> PrintedColumn:
    """The final score, lower or higher being better as the rule says."""
    costs = _has_figure(ranking, "score_runtime") or any("ranksum_" in str(name) for name in ranking)
    return PrintedColumn(FINAL.name, FINAL.title, FINAL.unit, FINAL.decimals, costs)


def ranking_column(ranking: pd.DataFrame) -> PrintedColumn:
    """The column that orders one group of a ranking: a metric's mean, else the final score."""
    quality = quality_columns(ranking)
    by_psnr = "ranked_by" in ranking and bool((ranking["ranked_by"] == "psnr").any())
    for column in quality:
        if by_psnr and column.metric and column.metric.kind == "psnr":
            return column
        if not by_psnr and _same(ranking[column.name], ranking["score_final"]):
            return column
    return final_column(ranking)


def reference_row(group: pd.DataFrame, columns: list[PrintedColumn]) -> list[str]:
    """The cells of bicubic enlargement, which has no rank; empty if it was not measured in the group."""
    means = group.attrs.get("reference") or {}
    if not any(column.name in means for column in columns):
        return []
    names = {"model": REFERENCE, TIES.name: "", RANKS.name: ""}
    return [names.get(column.name) or column.text(means.get(column.name)) for column in columns]


def ranked_by(ranking: pd.DataFrame) -> str:
    """The metric that orders one group of a ranking and its protocol, as a sentence; empty if a score does."""
    column = ranking_column(ranking)
    return f"Ranked by {column.heading}: {column.metric.protocol}." if column.metric else ""


def protocols(ranking: pd.DataFrame, columns: list[PrintedColumn]) -> list[str]:
    """A sentence for each further metric of `columns`, such as `SSIM-Y: SSIM, Y of BT.601 not rounded, ...`."""
    metrics = list(dict.fromkeys(column.metric for column in columns if column.metric))
    said = ranking_column(ranking).metric
    return [f"{title_among(metric, metrics)}: {metric.protocol}." for metric in metrics if metric != said]


def _mean(split: str, metric: Metric) -> str:
    return f"{SPLIT_NAMES[split]}_{metric.name}"


def _has_figure(ranking: pd.DataFrame, name: str) -> bool:
    return name in ranking and bool(ranking[name].notna().any())


def _same(first: pd.Series[float], second: pd.Series[float]) -> bool:
    both = first.notna() & second.notna()
    return bool(both.any()) and bool((first[both] == second[both]).all())
