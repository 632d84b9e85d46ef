"""The batch: one submission after the other, one record each, and what a person sees meanwhile."""

from __future__ import annotations

import argparse
import time
import uuid

from rich.console import Console

from data.errors import InputError
from eval.harness import progress, resume
from eval.harness.evaluate import Harness
from eval.harness.plan import Plan
from eval.metrics.registry import chosen as chosen_metrics
from eval.records import official, store
from eval.records.schema import Record
from eval.submissions.fingerprint import fingerprint
from eval.submissions.manifest import ROOT
from eval.submissions.submission import Submission, hashed

# The code that judges must stay the same while a submission runs, or no result of it is believed.
HARNESS_SOURCES = tuple(ROOT / name for name in ("eval", "data", "leaderboard", "test_demo.py"))
OUTPUT_SHOWN = 20  # lines


def run_batch(chosen: list[Submission], plan: Plan, options: argparse.Namespace, console: Console) -> bool:
    """Evaluate all submissions and append one record each. Returns whether any failed."""
    done = resume.finished_keys(options.save_dir) if options.resume else set()
    ready = [hashed(one) for one in chosen]
    harness_before = fingerprint(HARNESS_SOURCES)
    failed = False
    listed = chosen_metrics(plan.challenge.ranking.metrics, plan.challenge.border)  # in results.txt
    watch = _Watch(len(ready))
    with progress.reporting(console) as reporter, Harness(plan, reporter, uuid.uuid4().hex) as judge:
        for one, files_before in ready:
            if done and judge.job_key(one) in done:
                watch.skip()
                _say(console, f"{one.model}: already evaluated, skipped (--resume)")
                continue
            _say(console, f"{one.model}: {watch.position()}")
            record = judge.evaluate(one)
            _check_unchanged(one.model, "its files", files_before, one.fingerprint())
            harness_after = fingerprint(HARNESS_SOURCES)
            _check_unchanged(one.model, "the harness's files", harness_before, harness_after)
            store.append(options.save_dir, record)
            official.write(options.save_dir, store.read_all(options.save_dir), listed)
            failed = failed or record.status == "failed"
            watch.finish()
            _report(record, console, show_output=options.show_output)
    return failed


class _Watch:
    """How far the batch is, and how long the rest may take."""

    def __init__(self, total: int) -> None:
        self._total, self._started, self._skipped, self._finished = total, time.monotonic(), 0, 0

    def skip(self) -> None:
        """A submission was left out; it says nothing about the time that others take."""
        self._skipped += 1

    def finish(self) -> None:
        """A submission was evaluated."""
        self._finished += 1

    def position(self) -> str:
        """Such as `2 of 4, about 6 min left`; without a time for the first one."""
        done = self._skipped + self._finished
        place = f"{done + 1} of {self._total}"
        if not self._finished:
            return place
        seconds = (time.monotonic() - self._started) / self._finished * (self._total - done)
        return f"{place}, about {progress.duration(seconds)} left"


def _check_unchanged(model: str, what: str, before: dict[str, str], after: dict[str, str]) -> None:
    changed = sorted(path for path in {**before, **after} if before.get(path) != after.get(path))
    if changed:
        raise InputError(
            f"{model}: {what} changed while it was evaluated; no record was written ({changed[0]}"
            f"{f' and {len(changed) - 1} more' if len(changed) > 1 else ''})"
        )


def _report(record: Record, console: Console, *, show_output: bool) -> None:
    if show_output:
        lines = record.output[-OUTPUT_SHOWN:] or ["(nothing)"]
        for line in lines:
            _say(console, f"{record.model}: printed: {line}")
    if record.status == "failed":
        _say(console, f"{record.model}: failed", style="red")  # the table at the end has the reason
    for flag in record.flags:
        _say(console, f"{record.model}: flag '{flag.name}': {flag.reason}", style="yellow")


def _say(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, style=style, highlight=False, markup=False)
