"""`python -m leaderboard audit FILE`: what in a results file a reader should doubt, with the numbers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from data.errors import InputError
from eval import challenge as challenges
from eval.challenge import Challenge
from eval.records.schema import Record
from eval.records.store import read_all
from leaderboard import checks
from leaderboard.confidence import robustness
from leaderboard.confidence.swaps import swaps
from leaderboard.importing import read_official
from leaderboard.ranking import ordered_groups
from leaderboard.rules import rule_of

# Runs of one entry on one machine differ by up to this much: a smaller difference decides nothing in a single run.
NEAR_SHARE = 0.1


def records_of(path: Path) -> list[Record]:
    """The records in an official results file, or those of a folder of results.

    A results.txt holds means only. The official code writes a JSON file of the same name beside it. If that one has
    the same models, it is read instead, because only single images show cold starts.
    """
    if path.is_dir():
        records = read_all(path)
        if not records:
            raise InputError(
                f"{path}: holds no records; expected a results folder, results.json or results.txt"
            )
        return records
    records = read_official(path)
    beside = path.with_suffix(".json")
    if path.suffix.lower() == ".txt" and beside.is_file():
        detailed = read_official(beside)
        if {record.model for record in detailed} == {record.model for record in records}:
            return detailed
    return records


def guess_challenge(records: list[Record]) -> Challenge:
    """The challenge that the records name, or whose baseline is among the models. Raises InputError if unclear."""
    models = {record.model for record in records}
    named = {record.challenge for record in records if record.challenge in challenges.available()}
    if len(named) == 1:
        return challenges.load(named.pop())
    for name in challenges.available():
        candidate = challenges.load(name)
        baseline = rule_of(candidate).baseline
        if baseline and models & set(baseline.names):
            return candidate
    raise InputError(
        "no challenge's baseline is among the models: name the challenge with --challenge "
        f"(there are: {', '.join(challenges.available())})"
    )


def audit(records: list[Record], challenge: Challenge) -> dict[str, Any]:
    """Findings by kind, as plain values for JSON. Each machine and data set is audited by itself."""
    report: dict[str, Any] = {"challenge": challenge.name, "groups": []}
    rule = rule_of(challenge)
    for conditions, group in ordered_groups(records, challenge).items():
        found = checks.findings(group, challenge)
        by_name: dict[str, list[dict[str, Any]]] = {}
        for one in found:
            by_name.setdefault(one.name, []).append({"model": one.model, "reason": one.reason})
        report["groups"].append(
            {
                "conditions": conditions.label,
                "models": len(group),
                "runtime_per_image": any(entry.runtimes for entry in group),
                "failed": [
                    {"model": entry.model, "reason": entry.record.error} for entry in group if not entry.ok
                ],
                "cold_starts": [
                    {**item, **_cold_figures(group, item["model"])} for item in by_name.pop("cold_start", [])
                ],
                "implausible_flops": by_name.pop("implausible_flops", []),
                "other": [{"name": name, **item} for name, items in by_name.items() for item in items],
                "changed_pairs": robustness.changed_pairs(group, rule),
                "swaps": [asdict(one) for one in swaps(group, rule)],
                "below_threshold_unrounded": robustness.misses(group, rule, strict=True),
                "below_threshold_rounded": robustness.misses(group, rule, strict=False),
            }
        )
    return report


def _cold_figures(group: list[Any], model: str) -> dict[str, float]:
    entry = next(entry for entry in group if entry.model == model)
    times = next(iter(entry.runtimes.values()))
    return {
        "first_ms": float(times[0]),
        "mean_ms": entry.runtime_ms,
        "without_first_ms": entry.warm_ms,
        "median_ms": entry.median_ms,
    }


def report_text(report: dict[str, Any]) -> str:
    """The findings as lines for a terminal."""
    lines = [f"Audit under the rules of {report['challenge']}"]
    for group in report["groups"]:
        lines += ["", f"{group['models']} models: {group['conditions']}"]
        colds = group["cold_starts"]
        spread = (
            f", {min(c['first_ms'] for c in colds):.0f} to {max(c['first_ms'] for c in colds):.0f} ms"
            if colds
            else ""
        )
        lines += _section(
            f"Cold starts inside the mean: {len(colds)} of {group['models']}{spread}"
            if group["runtime_per_image"]
            else "Cold starts inside the mean",
            [f"{item['model']}: {item['reason']}" for item in colds]
            if group["runtime_per_image"]
            else ["not known: no runtime per image here (results.json has them, results.txt only means)"],
        )
        lines += _section(
            "Implausible FLOPs", [f"{item['model']}: {item['reason']}" for item in group["implausible_flops"]]
        )
        lines += _section(
            "Order that depends on the cold start, or on mean or median", _pair_lines(group["changed_pairs"])
        )
        lines += _section("Change of runtime that would swap neighbours", _swap_lines(group["swaps"]))
        for kind in ("unrounded", "rounded"):
            models = group[f"below_threshold_{kind}"]
            lines += _section(
                f"Below a PSNR threshold, {kind}: {len(models)}", [", ".join(models)] if models else []
            )
        lines += _section(
            "Other doubts", [f"{item['model']}: {item['name']}: {item['reason']}" for item in group["other"]]
        )
        lines += _section("Failed", [f"{item['model']}: {item['reason']}" for item in group["failed"]])
    return "\n".join(lines) + "\n"


def _swap_lines(swaps: list[dict[str, Any]]) -> list[str]:
    """Those pairs that a change of a tenth would swap, the most doubtful first."""
    near = [one for one in swaps if one["change"] is not None and abs(one["change"]) <= NEAR_SHARE]
    return [
        f"ranks {one['rank']} and {one['rank'] + 1}: {one['lower']} overtakes {one['upper']} if its runtime is "
        f"{-one['change']:.1%} shorter"
        for one in sorted(near, key=lambda one: -one["change"])
    ]


def _section(title: str, items: list[str]) -> list[str]:
    return [f"  {title}", *(f"    {item}" for item in items or ["none"])]


def _pair_lines(pairs: list[dict[str, str]]) -> list[str]:
    merged: dict[tuple[str, str, str], list[str]] = {}
    for pair in pairs:
        merged.setdefault((pair["track"], pair["first"], pair["second"]), []).append(pair["by"])
    return [
        f"{track} score: {first} stands before {second}, but behind it with: {', '.join(by)}"
        for (track, first, second), by in merged.items()
    ]
