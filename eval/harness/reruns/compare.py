"""All runs of one submission, each compared with the first."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data.images import modcrop, pixel_sha256, read_rgb
from data.pairs import ImagePair
from data.types import Image
from eval.failures import SubmissionFailed
from eval.harness import build_step, ground_truth
from eval.harness.plan import Plan
from eval.harness.reruns.planned import Rerun, planned, seeded
from eval.harness.reruns.runs import KeptImages, SwitchedRun, answers
from eval.integrity.outputs import Key
from eval.metrics import registry
from eval.records.schema import Record
from eval.reproduction import tiles
from eval.reproduction.differences import EQUAL, Difference, combined, difference
from eval.reproduction.findings import STEADY, RerunFinding, Reruns, moved
from eval.submissions.submission import Submission

Said = Callable[[str], None]


def rerun(
    submission: Submission,
    plan: Plan,
    kinds: Sequence[str],
    record: Record | None,
    say: Said,
    first: int | None = None,
) -> Reruns:
    """Run `submission` again in each way that `kinds` name, and compare with a first run.

    record: of an equal evaluation, whose images the first run ought to repeat. say: is told what runs. first: how many
    images of each split are run, None for all.
    Raises SubmissionFailed if it cannot be run at all.
    """
    _refuse(submission, plan)
    with build_step.built(submission, plan.setup) as ready, _folder() as folder:
        runs = _Comparison(SwitchedRun(ready, plan.setup), plan, folder, say, first)
        found = runs.start("first", record)
        again: list[RerunFinding] = []
        if moved(found, STEADY):
            runs.first = seeded(runs.first)
            again = runs.start("seeded", None)
            if moved(again, ("again",)):  # no seed helps
                again = [one for one in again if one.kind in STEADY]
        for kind in kinds:
            found += [runs.finding(one) for one in planned(kind, runs.first)]
    return Reruns(submission.model, tuple(found), tuple(again))


def _refuse(submission: Submission, plan: Plan) -> None:
    problem = ground_truth.refusal(submission, plan)
    if not problem and (not submission.source.has_worker or submission.source.runs_folder):
        problem = "it has no forward pass for one image, so it cannot be run again under switches"
    if problem:
        raise SubmissionFailed(problem)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="reruns-") as name:
        yield Path(name)


@dataclass
class _Worst:
    """Where a run differs most from the first one."""

    key: Key | None = None
    found: Difference = EQUAL
    image: Image | None = None

    def meet(self, key: Key, found: Difference, image: Image) -> None:
        if self.key is None or found.psnr_db < self.found.psnr_db:
            self.key, self.found, self.image = key, found, image


class _Comparison:
    """The first run of one submission, kept, and what others differ from it by."""

    def __init__(self, first: SwitchedRun, plan: Plan, folder: Path, say: Said, images: int | None) -> None:
        self.first = first
        self._plan, self._folder, self._say = plan, folder, say
        self._images: Mapping[Key, ImagePair] = {
            (split, index): pair
            for split, pairs in plan.dataset.modes.items()
            for index, pair in enumerate(pairs[:images])
        }
        metrics = registry.chosen([*plan.metric_names, "psnr"], plan.challenge.border)
        self._metric = next(one for one in metrics if one.function is not None)

    def start(self, name: str, record: Record | None) -> list[RerunFinding]:
        """Make the first run and keep its images; compare it with itself, with its record and with an equal run."""
        self._say(f"{name} run")
        self._kept = KeptImages(self._folder / name)
        digests: dict[Key, str] = {}
        repeated = EQUAL
        for key, image in answers(self.first, self._images, repeat=True):
            if key in digests:
                repeated = difference(self._kept.image(key), image)
            else:
                self._kept.keep(key, image)
                digests[key] = pixel_sha256(image)
        first = next(iter(self._images.values())).name
        found = [
            RerunFinding("repeat", "first image once more", repeated, "" if repeated == EQUAL else first)
        ]
        if record is not None:
            found.append(_recorded(record, digests, self._images))
        return [*found, *(self.finding(one) for one in planned("again", self.first))]

    def finding(self, one: Rerun) -> RerunFinding:
        """Make a run, and compare each image with that of the first run."""
        if one.run is None:
            return RerunFinding(one.kind, one.name, None, reason=one.why_not)
        self._say(one.name)
        each: list[Difference] = []
        worst = _Worst()
        try:
            for key, image in answers(one.run, self._images):
                each.append(difference(self._kept.image(key), image))
                worst.meet(key, each[-1], image)
        except SubmissionFailed as failure:
            if not one.optional:
                raise SubmissionFailed(f"{one.name}: {failure}") from None
            return RerunFinding(one.kind, one.name, None, reason=f"it does not run like this: {failure}")
        if worst.key is None or worst.image is None or worst.found == EQUAL:
            return RerunFinding(one.kind, one.name, combined(each))
        return self._described(one, combined(each), worst.key, worst.image)

    def _described(self, one: Rerun, found: Difference, key: Key, image: Image) -> RerunFinding:
        pair, kept = self._images[key], self._kept.image(key)
        hr = modcrop(read_rgb(pair.hr), self._plan.challenge.scale)
        metric = self._metric
        scores = (self._score(kept, hr), self._score(image, hr))
        reason = f"{metric.name} of {pair.name}: {scores[0]:.4f}, then {scores[1]:.4f}"
        if one.run is not None and one.run.tiled:
            at_seam, elsewhere = tiles.seam_contrast(kept, image, self._plan.challenge.scale)
            reason += f"; mean difference {at_seam:.3f} grey levels at the seams, {elsewhere:.3f} elsewhere"
        return RerunFinding(one.kind, one.name, found, pair.name, scores, reason)

    def _score(self, sr: Image, hr: Image) -> float:
        return registry.measure(sr, hr, [self._metric])[self._metric.name]


def _recorded(record: Record, digests: Mapping[Key, str], images: Mapping[Key, ImagePair]) -> RerunFinding:
    """The first run beside the record's own images, of which only the digests are known."""
    known = {
        (split, image.name): image.sr_sha256
        for split, result in record.modes.items()
        for image in result.images
    }
    pairs = [(images[key].name, known.get((key[0], images[key].name)), here) for key, here in digests.items()]
    compared = [(name, there == here) for name, there, here in pairs if there]
    name = f"record {record.sequence}"
    if not compared:
        return RerunFinding("record", name, None, reason="the record has no digests of its images")
    other = [image for image, equal in compared if not equal]
    if not other:
        return RerunFinding("record", name, EQUAL)
    reason = f"{len(other)} of {len(compared)} images have other pixels; how far is not known from digests"
    return RerunFinding("record", name, None, other[0], reason=reason, unlike=True)
