"""The checks of a submission in their order. A check whose ground is gone is not made, and says so."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from eval.harness.evaluate import Harness
from eval.harness.plan import Plan
from eval.harness.progress import BatchReporter
from eval.records.schema import Record
from eval.submissions.submission import Submission
from eval.validation.answer_checks import ANSWER_CHECKS
from eval.validation.item import Item, Look, items
from eval.validation.judge_checks import FOLDER_CHECKS, JUDGE_CHECKS, RESULT_JUDGED, Judged
from eval.validation.load_checks import LOAD_CHECKS, STATE_CHECKS
from eval.validation.manifest_checks import MANIFEST_CHECKS, ManifestFiles
from eval.validation.result_images import RESULT_CHECKS, ResultImages
from eval.validation.session import Session
from eval.validation.source_checks import SOURCE_CHECKS, Sources


@dataclass
class Validation:
    """How submissions are validated, and what came of it.

    quick: whether the judge's own evaluation is left out. records: of that, by results key. judged: what was judged.
    """

    plan: Plan
    reporter: BatchReporter
    budget_s: float
    quick: bool = False
    records: dict[str, Record] = field(default_factory=dict)
    judged: list[Submission] = field(default_factory=list)

    def manifest(self, one: ManifestFiles) -> Iterator[Item]:
        """The checklist of a manifest: its fields and files, its source, then the submission itself."""
        found = yield from _passed_on(items(MANIFEST_CHECKS, one))
        if not _sound(found):
            yield Item("running it", "not checked", "the problems above come first")
            return
        if not one.manifest.ensemble:
            folder = one.path.parent
            beside = tuple(folder / name for name in one.manifest.files)
            scripts = tuple(path for path in (one.script, *beside) if path.suffix == ".py")
            found = yield from _passed_on(items(SOURCE_CHECKS, Sources(scripts, one.manifest.class_, beside)))
        if _sound(found):
            yield from self.submission(one.submission)
        else:
            yield Item("running it", "not checked", "the problems above come first")

    def submission(self, one: Submission) -> Iterator[Item]:
        """The checklist of a submission that runs: loading, its answers, the judge."""
        self.judged.append(one)
        if one.source.runs_folder:
            yield from self._judge(one, Session(one, self.plan, self.budget_s), FOLDER_CHECKS)
            return
        with Session(one, self.plan, self.budget_s) as session:
            found = yield from _passed_on(items((*LOAD_CHECKS, *ANSWER_CHECKS, *STATE_CHECKS), session))
        if _sound(found):
            yield from self._judge(one, session, JUDGE_CHECKS)
        else:
            yield Item("evaluation", "not checked", "the problems above come first")

    def images(self, one: ResultImages, submission: Submission) -> Iterator[Item]:
        """The checklist of a folder of SR images."""
        self.judged.append(submission)
        found = yield from _passed_on(items(RESULT_CHECKS, one))
        if _sound(found) and one.plan is not None:
            yield from self._judge(submission, Session(submission, one.plan, self.budget_s), RESULT_JUDGED)

    def _judge(self, one: Submission, session: Session, looks: Sequence[Look[Judged]]) -> Iterator[Item]:
        """What the judge's own evaluation says."""
        if self.quick:
            yield Item("evaluation", "not checked", "--quick leaves it out")
            return
        with Harness(session.plan, self.reporter, "validation") as harness:
            yield from items(looks, Judged(session, partial(self._evaluated, harness, one)))

    def _evaluated(self, harness: Harness, one: Submission) -> Record:
        record = self.records[one.model] = harness.evaluate(one)
        return record


def _passed_on(found: Iterator[Item]) -> Generator[Item, None, list[Item]]:
    """Pass items on one by one; returns all of them."""
    kept = []
    for item in found:
        kept.append(item)
        yield item
    return kept


def _sound(found: list[Item]) -> bool:
    """Whether there is no problem among `found`."""
    return all(item.verdict != "problem" for item in found)
