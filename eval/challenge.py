"""A competition's rules as data: `leaderboard/challenges/NAME.toml`, typed. No rule lives in code.

This module holds what the files may say. What a kind of ranking does with records is in `leaderboard/rules/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)
from pydantic.functional_serializers import SerializeAsAny

from data.errors import InputError
from data.text import did_you_mean
from data.types import Split
from eval import tomlfile

CHALLENGES = Path(__file__).resolve().parent.parent / "leaderboard" / "challenges"


class Rules(BaseModel):
    """Base of all parts: unknown fields are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ImageSet(Rules):
    """One split of a challenge's own images.

    count: how many there are. numbers: the numbers that name the files, as ranges such as `801-900`; leading zeros do
    not matter. sha256: `eval.harness.dataset.Dataset.digests` of the HR files, if the organisers publish it.
    """

    count: PositiveInt
    numbers: tuple[Annotated[str, Field(pattern=r"^\d+-\d+$")], ...] = ()
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""

    @model_validator(mode="before")
    @classmethod
    def _a_plain_count(cls, content: Any) -> Any:
        return {"count": content} if isinstance(content, int) else content

    @model_validator(mode="after")
    def _numbers_are_as_many(self) -> ImageSet:
        found = len(self._numbers())
        if self.numbers and found != self.count:
            raise ValueError(f"'numbers' name {found} images, 'count' says {self.count}; they must be equal")
        return self

    def names_match(self, names: Sequence[str]) -> bool:
        """Whether the file names (without suffix) are those that `numbers` states; False if it states none."""
        numbers = {int(name) for name in names if name.isascii() and name.isdigit()}
        return bool(self.numbers) and len(numbers) == len(names) and numbers == self._numbers()

    def _numbers(self) -> set[int]:
        bounds = [tuple(map(int, part.split("-"))) for part in self.numbers]
        return {number for first, last in bounds for number in range(first, last + 1)}


class Threshold(Rules):
    """A mean metric a submission must reach to be ranked.

    `decimals` is the rounding applied to the mean before the comparison, as the published tables do;
    "unrounded" compares the mean as it is.
    """

    mode: Split
    metric: str = "psnr"
    minimum: float
    decimals: NonNegativeInt | Literal["unrounded"] = 2

    def is_met_by(self, mean: float) -> bool:
        """Whether a mean reaches the minimum, rounded as the rule says; False for NaN.

        >>> limit = Threshold(mode="valid", minimum=26.90)
        >>> limit.is_met_by(26.895001), limit.is_met_by(26.894)
        (True, False)
        """
        return (mean if self.decimals == "unrounded" else round(mean, self.decimals)) >= self.minimum


class Baseline(Rules):
    """The baseline system. By definition each of its score terms equals exp(2).

    Its published figures stand in only for figures of the machine that the organisers judged on. `aliases` are
    further names under which result files list the same system.
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


class ScoreWeights(Rules):
    """Shares of the three terms in the main track's score; they sum to 1."""

    runtime: float = Field(ge=0, le=1)
    flops: float = Field(ge=0, le=1)
    params: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _sum_to_one(self) -> ScoreWeights:
        if abs(self.runtime + self.flops + self.params - 1) > 1e-9:
            raise ValueError("the weights must sum to 1")
        return self


class Ranking(Rules):
    """How a challenge ranks. Each kind is a subclass whose `kind` is the word that TOML files use."""

    KINDS: ClassVar[dict[str, type[Ranking]]] = {}

    kind: str
    thresholds: tuple[Threshold, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that decide: here those of the thresholds, else PSNR."""
        return tuple(dict.fromkeys(threshold.metric for threshold in self.thresholds)) or ("psnr",)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        (name,) = cls.model_fields["kind"].annotation.__args__  # type: ignore[union-attr]
        known = Ranking.KINDS.setdefault(name, cls)
        if known is not cls:
            raise TypeError(f"ranking kind '{name}' is both {known.__qualname__} and {cls.__qualname__}")


class EfficiencyRanking(Ranking):
    """Efficient SR: lower sum of weights * exp(2 * x / x_baseline) is better, above PSNR thresholds."""

    kind: Literal["efficiency"]
    baseline: Baseline
    weights: ScoreWeights


class ScoreTerm(Rules):
    """One metric in a weighted score: weight * (offset + factor * value), not below `floor` if one is set."""

    metric: str
    weight: float = 1.0
    offset: float = 0.0
    factor: float = 1.0
    floor: float | None = None


class MetricTrack(Rules):
    """A further track of an Image SR challenge, ranked by its own sum of terms."""

    name: str = Field(pattern=r"^[a-z_]+$")
    terms: tuple[ScoreTerm, ...] = Field(min_length=1)


class MetricRanking(Ranking):
    """Image SR: a higher sum of terms is better; one plain term (`metric = "psnr"`) ranks by that metric.

    Terms take the mean of a metric over all images, as the official scorers do.
    """

    kind: Literal["metric"]
    mode: Split = "test"
    terms: tuple[ScoreTerm, ...] = Field(min_length=1)
    tracks: tuple[MetricTrack, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics of the main track."""
        return tuple(dict.fromkeys(term.metric for term in self.terms))


Quantity = Literal["runtime_ms", "flops_g", "params_m", "activations_m", "memory_mib"]


class RankSumTrack(Rules):
    """One track: ranks in each quantity (lower is better) are added, and the lowest sum wins."""

    name: str = Field(pattern=r"^[a-z_]+$")
    quantities: tuple[Quantity, ...] = Field(min_length=1)


class RankSumRanking(Ranking):
    """Efficient SR up to 2022: every track ranks by a sum of ranks; the first track listed is the main one."""

    kind: Literal["ranksum"]
    tracks: tuple[RankSumTrack, ...] = Field(min_length=1)


def _of_its_kind(content: Any) -> Any:
    """The table `ranking` as the model that its `kind` names."""
    if not isinstance(content, dict):
        return content
    kind = content.get("kind")
    if kind not in Ranking.KINDS:
        raise ValueError(f"kind is {kind!r}, expected one of: {', '.join(sorted(Ranking.KINDS))}")
    return Ranking.KINDS[kind].model_validate(content)


class ClaimTolerances(Rules):
    """How far a measurement may lie from a factsheet's claim, beside half a unit of the claim's last printed digit.

    psnr_db, ssim: absolute. runtime, memory: relative, and compared on the same GPU model only.
    """

    psnr_db: float = Field(default=0.005, ge=0)
    ssim: float = Field(default=0.0005, ge=0)
    runtime: float = Field(default=0.10, ge=0)
    memory: float = Field(default=0.05, ge=0)


class Challenge(Rules):
    """One competition: scale, data, metrics, ranking, what it asks of the sandbox, and its sources.

    images: the competition's own images by split. Other images are ranked by PSNR, not by its score. Without this
    table the score applies to all images.
    runs: how many evaluations of a submission the organisers average.
    flops_counter: what counted the published FLOPs. A table of own figures says so if that is not fvcore.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    year: int
    scale: int = Field(default=4, ge=2, le=8)
    border: int = Field(default=4, ge=0)
    complexity: bool = True  # false: only parameters are counted, no FLOPs, activations and convolutions
    metrics: tuple[str, ...] = ("psnr", "ssim")
    images: dict[Split, ImageSet] = {}
    ranking: SerializeAsAny[Annotated[Ranking, BeforeValidator(_of_its_kind)]]
    runs: PositiveInt = 1
    flops_counter: str = "fvcore"
    claims: ClaimTolerances = ClaimTolerances()
    device: str = ""  # the machine that the organisers judged on
    sandbox: Literal["process", "landlock", "bwrap"] = "process"
    sources: tuple[str, ...] = Field(min_length=1)
    notes: str = ""

    def owns(
        self, names: Mapping[str, Sequence[str]], digests: Mapping[str, str], *, official_layout: bool
    ) -> bool:
        """Whether images are the challenge's own, so that its score applies.

        names: the images of each split that was evaluated. digests: sha256 by split, as far as they are known.
        The counts must be equal. A sha256 that both sides state decides; otherwise the folders must be named as the
        challenge names its own (`official_layout`), or the files as `numbers` says.
        """
        if not self.images:
            return True
        for split, found in names.items():
            own = next((images for name, images in self.images.items() if name == split), None)
            if own is None or len(found) != own.count:
                return False
            if own.sha256 and split in digests:
                if digests[split] != own.sha256:
                    return False
            elif not (official_layout or own.names_match(found)):
                return False
        return True


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
        hint = did_you_mean(name, available())
        raise InputError(f"unknown challenge '{name}'{hint} (there are: {', '.join(available())})")
    challenge = tomlfile.load_toml(Challenge, path)
    if challenge.name != path.stem:
        raise InputError(f"{path}: field 'name' is '{challenge.name}', it must equal the file's name")
    return challenge
