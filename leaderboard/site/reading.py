"""How to read the figures of a ranking, in words."""

from __future__ import annotations

from eval.challenge import Challenge
from leaderboard.rules import rule_of


def reading(challenge: Challenge) -> str:
    """How the runtime comes about, and what it is compared with."""
    runtime = (
        "Runtime is the mean over validation and test of the plain mean (protocol ntire) or of the median per image, "
        "averaged over images (protocol robust). "
    )
    compared = (
        "It is compared with the baseline measured in the same session; if there is none, in another session on the "
        "same machine; else, on the device of the challenge only, with the published figures. "
    )
    flops = "FLOPs are multiply-adds at a 256×256 input."
    return runtime + (compared if rule_of(challenge).baseline else "") + flops
