"""HR images must not lie in what a sandbox shows: asked before a submission is started."""

from __future__ import annotations

from collections.abc import Iterable

from data.pairs import ImagePair
from eval.sandbox import Level
from eval.submission import Submission


def shown_hr(submission: Submission, level: Level, pairs: Iterable[ImagePair]) -> str:
    """Why `submission` must not be started: an HR image in its folders, or a checkpoint that is one; empty if none.

    At level process nothing is hidden anyway, and nothing is refused. Symbolic links are followed.
    """
    if level is Level.PROCESS or submission.adapter == "images":
        return ""
    shown = [path.resolve() for path in (*submission.visible, *submission.writable, *submission.checkpoints)]
    for pair in pairs:
        real = pair.hr.resolve()
        for root in shown:
            if real.is_relative_to(root):
                return f"HR image {pair.hr} lies in {root}, which the submission can read: keep them apart"
    return ""
