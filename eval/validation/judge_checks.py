"""What the judge says: the submission goes through one evaluation, and its record is read for the participant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from eval.challenge import Threshold
from eval.claims.compare import Judgement, judge
from eval.failures import SubmissionFailed
from eval.metrics.registry import metric_named
from eval.records.flags import FlagName
from eval.records.schema import Record
from eval.validation.item import Look, NotCheckedError, Seen, doubt, fine, wrong
from eval.validation.session import Session

SAME_DB = 1e-9


@dataclass(frozen=True)
class Judged:
    """One submission before the judge. evaluate: gives its record. session: what was asked before."""

    session: Session
    evaluate: Callable[[], Record]

    @cached_property
    def record(self) -> Record:
        return self.evaluate()

    @property
    def right(self) -> Record:
        """The record of a submission that was judged. Raises NotCheckedError for one that failed."""
        if self.record.status != "ok":
            raise NotCheckedError("the judge gives no result")
        return self.record

    def judgements(self) -> list[Judgement]:
        """Verdicts on the claims."""
        plan = self.session.plan
        return judge(self.right, plan.challenge.claims, plan.dataset.own, plan.challenge.device)


def _evaluation(one: Judged) -> Seen:
    record = one.record
    if record.status != "ok":
        raise SubmissionFailed(record.error or "failed")
    means = [
        f"{split} {metric_named(name).title} {metric_named(name).amount(value)}"
        for split, result in record.modes.items()
        for name in one.session.plan.metric_names
        if (value := result.mean(name)) is not None
    ]
    return fine(f"{', '.join(means)} on {record.dataset}")


def _second_process(one: Judged) -> Seen:
    """The judge's run was another process: its PSNR on the same image must be the same."""
    session, record = one.session, one.right
    ours = session.quality(session.answer())
    for result in record.modes.values():
        for image in result.images:
            theirs = image.metrics.get("psnr")
            if image.name != session.pair.name or theirs is None:
                continue
            if ours == theirs or abs(ours - theirs) <= SAME_DB:
                return fine("another process gives the same image")
            return wrong(
                f"{image.name}: PSNR is {ours:.4f} dB in one process and {theirs:.4f} dB in another",
                "remove random numbers and whatever depends on earlier images or on the order of threads",
            )
    raise NotCheckedError("the judge's record has no PSNR of the image")


def _flagged(names: tuple[FlagName, ...], good: str, cure: str, one: Judged) -> Seen:
    wanted = {name.value for name in names}
    reasons = [flag.reason for flag in one.right.flags if flag.name in wanted]
    return doubt("; ".join(reasons), cure) if reasons else fine(good)


def _without_complexity(look: Callable[[Judged], Seen], one: Judged) -> Seen:
    if not one.session.plan.challenge.complexity:
        raise NotCheckedError("the challenge does not count operations")
    return look(one)


def _claims(one: Judged) -> Seen:
    found = one.judgements()
    false = [claim for claim in found if claim.verdict == "contradicted"]
    if false:
        return wrong(
            "; ".join(f"{claim.claim}: {claim.reason}" for claim in false),
            "state in [claims] what is measured here, or find out what the other figure was measured on",
        )
    stated = [claim for claim in found if claim.verdict == "confirmed"]
    open_ = [claim.claim for claim in found if claim.verdict == "not comparable"]
    if not stated and not open_:
        raise NotCheckedError("the manifest claims nothing")
    rest = f"; not comparable here: {', '.join(open_)}" if open_ else ""
    return fine(f"{len(stated)} confirmed{rest}")


def _thresholds(one: Judged) -> Seen:
    record, plan = one.right, one.session.plan
    limits = plan.challenge.ranking.thresholds
    if not limits:
        return fine(f"{plan.challenge.name} has none")
    if not plan.dataset.own:
        raise NotCheckedError(
            f"the challenge's images are not at hand ({_distance(record)}); give --data_dir DATA"
        )
    texts, short = [], False
    for limit in limits:
        mean = record.modes[limit.mode].mean(limit.metric) if limit.mode in record.modes else None
        if mean is not None:
            short = short or not limit.is_met_by(mean)
            texts.append(_margin(limit, mean))
    if not texts:
        raise NotCheckedError("none of the splits with a threshold was run; give --include_test")
    return (
        doubt("; ".join(texts), "train on: entries below a threshold are not ranked")
        if short
        else fine("; ".join(texts))
    )


def _margin(limit: Threshold, mean: float) -> str:
    metric = metric_named(limit.metric)
    end = "reaches" if limit.is_met_by(mean) else "misses"
    return f"{limit.mode} {metric.title} {metric.amount(mean, 4)} {end} {limit.minimum:g} ({mean - limit.minimum:+.4f})"


def _distance(record: Record) -> str:
    """PSNR beside bicubic's on the images that are at hand."""
    parts = []
    for split, result in record.modes.items():
        own, bicubic = result.mean("psnr"), record.reference.get(split)
        other = bicubic.mean("psnr") if bicubic else None
        if own is not None and other is not None:
            parts.append(f"{own - other:+.2f} dB beside bicubic on {record.dataset}")
    return ", ".join(parts) or f"measured on {record.dataset}"


def _flag_look(name: str, names: tuple[FlagName, ...], good: str, cure: str) -> Look[Judged]:
    return Look(name, partial(_flagged, names, good, cure))


def _count_look(name: str, names: tuple[FlagName, ...], good: str, cure: str) -> Look[Judged]:
    return Look(name, partial(_without_complexity, partial(_flagged, names, good, cure)))


_EVALUATION = Look("evaluation", _evaluation)
_QUALITY = _flag_look(
    "quality", (FlagName.BELOW_BICUBIC, FlagName.EQUAL_TO_HR), "better than bicubic enlargement",
    "check that this is the trained checkpoint, data_range, channel order and a shift of the output",
)  # fmt: skip
JUDGE_CHECKS: tuple[Look[Judged], ...] = (
    _EVALUATION,
    Look("second process", _second_process),
    _flag_look("answers when timed", (FlagName.NOT_REPRODUCIBLE, FlagName.WORSE_WHEN_TIMED),
               "no difference was seen", "make the answer depend on the image alone"),
    _flag_look("value range", (FlagName.OUTPUT_RANGE,), "outputs fit the data range",
               "set data_range to what the network was trained on, 1.0 or 255.0"),
    _QUALITY,
    Look("claims", _claims),
    Look("thresholds", _thresholds),
    _count_look("dead weight", (FlagName.PARAMETERS_UNUSED,), "every parameter is read",
                "remove training branches before saving: they count as parameters"),
    _count_look("hidden weights", (FlagName.PARAMETERS_ELSEWHERE,), "all weights are parameters",
                "make weights nn.Parameter, so that they are counted"),
    _count_look("operations", (FlagName.COMPLEXITY_NOT_ESTABLISHED, FlagName.COMPLEXITY_NOT_CONFIRMED,
                               FlagName.OPERATORS_UNCOUNTED),
                "the counters agree", "use operators of torch that the counters know; see docs/metrics.md"),
)  # fmt: skip
# Of programs that turn folders into folders, and of results that are handed in as images.
FOLDER_CHECKS = (_EVALUATION, _QUALITY)
RESULT_JUDGED = (_EVALUATION, _QUALITY, Look("thresholds", _thresholds))
