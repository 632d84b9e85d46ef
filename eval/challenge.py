"""A competition's rules as data: `leaderboard/challenges/NAME.toml`, typed. No rule lives in code."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, model_validator

from data.errors import InputError
from data.types import Split
from eval import tomlfile

CHALLENGES = Path(__file__).resolve().parent.parent / "leaderboard" / "challenges"


class Rules(BaseModel):
    """Base of all parts: unknown fields are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Threshold(Rules):
    """A mean metric a submission must reach to be ranked.

    `decimals` is the rounding applied to the mean before the comparison, as the published tables do;
    "unrounded" compares the mean as it is.
    """

    mode: Split
    metric: str = "psnr"
    minimum: float
    decimals: NonNegativeInt | Literal["unrounded"] = 2


class Baseline(Rules):
    """The reference system that a score of exp(2) per term, whatever the track, belongs to.

    Its published figures are used where it was not measured next to the submissions; `aliases` are further names
    under which result files list the same system.
    """

    model: str
    aliases: tuple[str, ...] = ()
    runtime_ms: float = Field(gt=0)
    flops_g: float = Field(gt=0)
    params_m: float = Field(gt=0)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the baseline, the official one first."""
        return (self.model, *self.aliases)


class Weights(Rules):
    """Shares of the three terms in the main track's score; they sum to 1."""

    runtime: float = Field(ge=0, le=1)
    flops: float = Field(ge=0, le=1)
    params: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _sum_to_one(self) -> Weights:
        if abs(self.runtime + self.flops + self.params - 1) > 1e-9:
            raise ValueError("the weights must sum to 1")
        return self


class EfficiencyRanking(Rules):
    """Efficient SR: lower sum of weights * exp(2 * x / x_baseline) is better, above PSNR thresholds."""

    kind: Literal["efficiency"]
    baseline: Baseline
    weights: Weights
    thresholds: tuple[Threshold, ...] = ()


class Term(Rules):
    """One metric in a weighted score: weight * (offset + factor * value), not below `floor` where one is set."""

    metric: str
    weight: float = 1.0
    offset: float = 0.0
    factor: float = 1.0
    floor: float | None = None


class MetricTrack(Rules):
    """A further track of an Image SR challenge, ranked by its own sum of terms."""

    name: str = Field(pattern=r"^[a-z_]+$")
    terms: tuple[Term, ...] = Field(min_length=1)


class MetricRanking(Rules):
    """Image SR: a higher sum of terms is better; one plain term (`metric = "psnr"`) ranks by that metric.

    Terms take the mean of a metric over all images, as the official scorers do.
    """

    kind: Literal["metric"]
    mode: Split = "test"
    terms: tuple[Term, ...] = Field(min_length=1)
    tracks: tuple[MetricTrack, ...] = ()


Quantity = Literal["runtime_ms", "flops_g", "params_m", "activations_m", "memory_mib"]


class RankSumTrack(Rules):
    """One track: ranks in each quantity (lower is better) are added, and the lowest sum wins."""

    name: str = Field(pattern=r"^[a-z_]+$")
    quantities: tuple[Quantity, ...] = Field(min_length=1)


class RankSumRanking(Rules):
    """Efficient SR up to 2022: every track ranks by a sum of ranks; the first track listed is the main one."""

    kind: Literal["ranksum"]
    tracks: tuple[RankSumTrack, ...] = Field(min_length=1)
    thresholds: tuple[Threshold, ...] = ()


Ranking = EfficiencyRanking | MetricRanking | RankSumRanking


class Challenge(Rules):
    """One competition: scale, data, metrics, ranking, what it asks of the sandbox, and its sources.

    images: how many images the competition's own sets have; other data is ranked by PSNR, not by its score.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    year: int
    scale: int = Field(default=4, ge=2, le=8)
    border: int = Field(default=4, ge=0)
    complexity: bool = True  # false: only parameters are counted, no FLOPs, activations and convolutions
    metrics: tuple[str, ...] = ("psnr", "ssim")
    images: dict[Split, int] = {}
    ranking: Annotated[Ranking, Field(discriminator="kind")]
    device: str = ""  # the machine that the organisers judged on
    sandbox: Literal["process", "landlock", "bwrap"] = "process"
    sources: tuple[str, ...] = Field(min_length=1)
    notes: str = ""


def available() -> list[str]:
    """Names of the challenges that ship with the project."""
    return sorted(path.stem for path in CHALLENGES.glob("*.toml"))


def load(name: str) -> Challenge:
    """The challenge called `name`, or the one in the TOML file at the path `name` (it ends in `.toml`).

    Raises InputError for a file that cannot be read, or naming near matches and all known names.
    """
    if name.endswith(".toml"):
        path = Path(name)
    elif name in available():
        path = CHALLENGES / f"{name}.toml"
    else:
        near = difflib.get_close_matches(name, available(), n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise InputError(f"unknown challenge '{name}'{hint} (there are: {', '.join(available())})")
    challenge = tomlfile.load(Challenge, path)
    if challenge.name != path.stem:
        raise InputError(f"{path}: field 'name' is '{challenge.name}', it must equal the file's name")
    return challenge
