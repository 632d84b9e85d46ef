"""Checks that a sandbox shows no HR image, before a submission starts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from data.pairs import ImagePair
from eval.harness.plan import Plan
from eval.sandbox import Level, View, is_visible
from eval.submissions.submission import Submission


def refusal(submission: Submission, plan: Plan) -> str:
    """Why `submission` must not be started: its own problem, or HR images that it could see. Empty if it may."""
    pairs = [pair for some in plan.dataset.modes.values() for pair in some]
    return submission.problem or shown_hr(submission, plan.setup.level, pairs, plan.kept_hr)


def shown_hr(
    submission: Submission, level: Level, pairs: Iterable[ImagePair], kept: Iterable[Path] = ()
) -> str:
    """Why `submission` could see HR images, or an empty text.

    It could if they lie in its folders or in folders that every sandbox shows, or if one is its checkpoint. kept:
    folders with copies of HR images, made before or during the batch. Links are followed. Level process hides nothing,
    so nothing is refused there.
    """
    if level is Level.PROCESS or not submission.source.has_worker:
        return ""
    images = [pair.hr for pair in pairs]
    return (
        _shown(submission, level, images, "HR image")
        or _shown(submission, level, kept, "the folder for kept HR images")
    )  # fmt: skip


def _shown(submission: Submission, level: Level, secrets: Iterable[Path], what: str) -> str:
    own = [path.resolve() for path in (*submission.visible, *submission.writable, *submission.checkpoints)]
    folders: dict[Path, Path] = {}
    for path in secrets:
        real = path.resolve()
        for root in own:
            if real.is_relative_to(root) or root.is_relative_to(real):
                return f"{what} {path} lies in {root}, which the submission can read: keep them apart"
        folders.setdefault(real.parent, path)
    for folder, path in folders.items():
        if is_visible(level, View(), folder):
            return f"{what} {path} lies where every sandbox shows the interpreter or the system: move it elsewhere"
    return ""
