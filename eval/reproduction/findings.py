"""What each rerun of a submission gave beside its first run: a verdict, and the cause where one switch explains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eval.reproduction.differences import Difference

RerunVerdict = Literal["same", "rounding", "differs", "not checked"]
ROUNDING_LEVELS = 1  # floating-point sums in another order move a pixel to the next grey level


@dataclass(frozen=True)
class RerunKind:
    """One kind of rerun. changes: what the output depends on if it differs. decides: whether that is a problem."""

    changes: str
    decides: bool = True


# What `--reproduce` takes, in the order of the runs.
RERUN_KINDS: dict[str, RerunKind] = {
    "record": RerunKind("the run that was recorded, which nothing here explains"),
    "repeat": RerunKind("what its process did before"),
    "again": RerunKind("the run: two equal ones differ"),
    "threads": RerunKind("the number of threads"),
    "order": RerunKind("the images that came before (it keeps state between images)"),
    "neighbours": RerunKind("the other images in its batch"),
    "tiles": RerunKind("more of the image than a tile and its overlap show", decides=False),
    "memory_format": RerunKind("the layout of tensors in memory (channels_last)"),
    "tf32": RerunKind("TF32 products"),
    "device": RerunKind("the device"),
}
CHOSEN = tuple(name for name in RERUN_KINDS if name not in ("record", "repeat", "again"))  # those always run
STEADY = ("repeat", "again")  # equal runs: if these differ, no switch explains anything
# Runs on other shapes draw other random numbers, so with these nothing is told by their differences.
DRAW_OTHER_NUMBERS = ("neighbours", "tiles")
RANDOM = "random numbers that it draws while it runs: runs with one seed before each image are equal"
UNCONTROLLED = "the run: two equal ones differ, and no seed cures that"


@dataclass(frozen=True)
class RerunFinding:
    """One rerun beside the first run.

    kind: of `RERUN_KINDS`. run: with its setting, such as `threads=2`. difference: None if nothing was compared. image:
    where the difference is greatest. scores: its first metric in both runs. reason: why it was not checked, or more
    about the difference. unlike: whether pixels differ by an amount that is not known.
    """

    kind: str
    run: str
    difference: Difference | None
    image: str = ""
    scores: tuple[float, float] | None = None
    reason: str = ""
    unlike: bool = False

    @property
    def verdict(self) -> RerunVerdict:
        if self.difference is None:
            return "differs" if self.unlike else "not checked"
        if self.difference.largest == 0:
            return "same"
        return "rounding" if self.difference.largest <= ROUNDING_LEVELS else "differs"


@dataclass(frozen=True)
class Reruns:
    """All findings of one submission.

    seeded: findings of the first runs if they differed, and were made again with a seed before each image. Later runs
    then have that seed too.
    """

    model: str
    found: tuple[RerunFinding, ...]
    seeded: tuple[RerunFinding, ...] = ()

    @property
    def reproducible(self) -> bool:
        """Whether no rerun that ought to give the same image moved a pixel by more than rounding."""
        return not any(one.verdict == "differs" and RERUN_KINDS[one.kind].decides for one in self.found)

    def causes(self) -> list[str]:
        """What the output depends on. A switch is named only if runs that are equal without it give equal images."""
        unsteady = moved(self.seeded or self.found, STEADY)
        if any(one.kind == "again" for one in unsteady):
            return [UNCONTROLLED]
        if not self.seeded:
            return [RERUN_KINDS[kind].changes for kind in RERUN_KINDS if _differ(self.found, kind)]
        # A fresh process starts alike, so whatever only differs within one is kept in it.
        first, explained = (RERUN_KINDS["order"].changes, ["order"]) if unsteady else (RANDOM, [])
        unclear = {*STEADY, "record", *DRAW_OTHER_NUMBERS, *explained}
        return [
            first,
            *(
                RERUN_KINDS[kind].changes
                for kind in RERUN_KINDS
                if kind not in unclear and _differ(self.found, kind)
            ),
        ]


def moved(found: Sequence[RerunFinding], kinds: Sequence[str]) -> list[RerunFinding]:
    """Findings of these kinds with any other pixel."""
    return [one for one in found if one.kind in kinds and one.verdict in ("rounding", "differs")]


def _differ(found: Sequence[RerunFinding], kind: str) -> bool:
    return any(one.kind == kind and one.verdict == "differs" for one in found)
