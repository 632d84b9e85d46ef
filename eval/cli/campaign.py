"""Protocol `interleaved` after a batch: rounds over all submissions that were evaluated, and what a person sees."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import uuid
from dataclasses import dataclass

from rich.console import Console

from data.errors import InputError
from data.images import image_size
from eval.challenge import EfficiencyRanking
from eval.failures import SubmissionFailed
from eval.harness import build_step, progress, resume
from eval.harness.campaign.campaign import RoundLimits, Standing, run_rounds
from eval.harness.campaign.entry_timer import EntryTimer
from eval.harness.campaign.rounds import Round
from eval.harness.plan import Plan
from eval.harness.timing.calibration import GapCalibration
from eval.harness.timing.timed_pass import WARM_UPS
from eval.host.machine import machine_record
from eval.records import store
from eval.records.rounds import RoundRecord
from eval.records.schema import Record
from eval.runtime import design
from eval.submissions.submission import Submission

START_S = 4.0  # of a process, until its first timed image: for the estimate before the first round


@dataclass(frozen=True)
class _Field:
    """Who takes part. By results key: the submissions, and their records of this batch."""

    baseline: str
    submissions: dict[str, Submission]
    records: dict[str, Record]

    @property
    def entries(self) -> list[str]:
        return [model for model in self.submissions if model != self.baseline]


def baseline_of(chosen: list[Submission], plan: Plan, options: argparse.Namespace) -> str:
    """The submission that others are compared with. Raises InputError if it is not among those chosen."""
    models = [one.model for one in chosen]
    if options.compare:
        return models[0]
    ranking = plan.challenge.ranking
    if not isinstance(ranking, EfficiencyRanking):
        raise InputError(
            f"--protocol interleaved: challenge {plan.challenge.name} has no baseline; "
            "use --compare, the baseline first"
        )
    found = next((model for model in models if model in ranking.baseline.names), "")
    if not found:
        raise InputError(
            f"--protocol interleaved: every entry is timed beside the baseline, {ranking.baseline.model}, which is "
            "not among the submissions; add its id"
        )
    return found


def run_campaign(
    chosen: list[Submission], baseline: str, plan: Plan, options: argparse.Namespace, console: Console
) -> bool:
    """Measure the rounds and append one record each. Returns whether the campaign could not be run."""
    field = _field(chosen, baseline, plan, options)
    if field is None:
        _say(console, f"No rounds: the baseline {baseline} failed.")
        return True
    if not field.entries:
        _say(console, "No rounds: no submission but the baseline was evaluated.")
        return True
    campaign = _key(field)
    done = (
        [one for one in store.read_rounds(options.save_dir) if one.campaign == campaign]
        if options.resume
        else []
    )
    limits = RoundLimits(
        options.rounds, None if options.round_minutes is None else options.round_minutes * 60
    )
    standing = Standing.of(done)
    _say(console, _announcement(field, plan, limits, standing.rounds))
    with contextlib.ExitStack() as stack:
        timer = _timer(field, plan, stack)
        make = _Maker(campaign, field.baseline, plan)
        try:
            for record in run_rounds(field.entries, field.baseline, timer, limits, standing, make):
                store.append(options.save_dir, record)
                _report(record, standing, console)
        except SubmissionFailed as failure:
            _say(console, f"The campaign ends: {failure}")
            return True
    return False


def _field(chosen: list[Submission], baseline: str, plan: Plan, options: argparse.Namespace) -> _Field | None:
    """What was evaluated and can be timed. None if the baseline was not."""
    newest = resume.evaluated(options.save_dir)
    submissions, records = {}, {}
    reference = ""
    for one in chosen:
        record = newest.get(resume.job_key(one, plan))
        if record is None or not one.source.has_worker or one.source.runs_folder:
            continue
        submissions[record.model], records[record.model] = one, record
        reference = record.model if one.model == baseline else reference
    return _Field(reference, submissions, records) if reference else None


def _key(field: _Field) -> str:
    """Equal for campaigns that measure the same files, images and machine in the same way."""
    content = [field.baseline, *sorted(record.job_key for record in field.records.values())]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()


def _timer(field: _Field, plan: Plan, stack: contextlib.ExitStack) -> EntryTimer:
    """What times an entry; build steps run once, before the first round."""
    gap = GapCalibration(plan.setup)
    stack.callback(gap.close)
    gap.measure([image_size(pair.lr) for pairs in plan.dataset.modes.values() for pair in pairs])
    ready = {
        model: stack.enter_context(build_step.built(one, plan.setup))
        for model, one in field.submissions.items()
    }
    return EntryTimer(plan, gap, ready, field.records)


class _Maker:
    """Makes the record of a round."""

    def __init__(self, campaign: str, baseline: str, plan: Plan) -> None:
        self._campaign, self._baseline, self._plan = campaign, baseline, plan
        self._session, self._machine = uuid.uuid4().hex, machine_record(plan.setup.gpu)

    def __call__(self, number: int, found: Round) -> RoundRecord:
        return RoundRecord(
            campaign=self._campaign,
            number=number,
            challenge=self._plan.challenge.name,
            dataset=self._plan.dataset.label,
            baseline=self._baseline,
            runs=found.runs,
            repeats=self._plan.repeats,
            repeated=found.repeated,
            device=self._plan.setup.device,
            sandbox=self._plan.setup.level.value,
            machine=self._machine,
            session=self._session,
        )


def _announcement(field: _Field, plan: Plan, limits: RoundLimits, done: int) -> str:
    """What is going to happen, and about how long it takes."""
    images = sum(len(pairs) for pairs in plan.dataset.modes.values())
    requests = images * plan.repeats + WARM_UPS * len(plan.dataset.modes)
    seconds = {
        model: START_S + requests * (record.mean_runtime_ms() or 0.0) / 1e3
        for model, record in field.records.items()
    }
    baselines = 1 + -(-len(field.entries) // design.BRACKET)
    round_s = sum(seconds[model] for model in field.entries) + baselines * seconds[field.baseline]
    reference_s = sum(
        START_S + images * (record.mean_runtime_ms() or 0.0) / 1e3 for record in field.records.values()
    )
    left = max(limits.rounds - done, 0)
    known = f", {done} of them done" if done else ""
    return (
        f"Campaign: at most {limits.rounds} rounds{known}, each of {len(field.entries)} entries and "
        f"{baselines} runs of the baseline {field.baseline}: about {progress.duration(left * round_s + reference_s)}"
    )


def _report(record: RoundRecord, standing: Standing, console: Console) -> None:
    repeated = f", {record.repeated} brackets repeated" if record.repeated else ""
    _say(console, f"Round {record.number}{repeated}:")
    sets = standing.rank_sets() if standing.rounds > 1 else {}
    for model, one in sorted(standing.estimates().items(), key=lambda item: item[1].ratio):
        interval = "" if one.low is None or one.high is None else f" [{one.low:.4f}, {one.high:.4f}]"
        place = f"  rank by runtime {sets[model].low}-{sets[model].high}" if model in sets else ""
        _say(console, f"  {model}: {one.ratio:.4f} of the baseline{interval}{place}")
    for model, reason in record.stopped.items():
        _say(console, f"  {model} is measured no more: {reason}")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False)
