"""Ranking rules: one file a kind. A new kind is a file and a line in `RULES`.

base          what every rule answers
thresholds    how thresholds are applied
efficiency    Efficient SR from 2024 on
rank_sum      Efficient SR up to 2022
metric        Image SR
other_images  images that are not the challenge's own
reference     the baseline's figures, which scores divide by
resampling    means in resamples of the images
"""

from __future__ import annotations

from typing import Any

from eval.challenge import Challenge, EfficiencyRanking, MetricRanking, Ranking, RankSumRanking
from leaderboard.entry import Entry
from leaderboard.rules.base import Rule
from leaderboard.rules.efficiency import Efficiency
from leaderboard.rules.metric import ByMetric
from leaderboard.rules.other_images import OtherImages
from leaderboard.rules.rank_sum import RankSum

# What a challenge file says -> what it means.
RULES: dict[type[Ranking], type[Rule[Any]]] = {
    EfficiencyRanking: Efficiency,
    MetricRanking: ByMetric,
    RankSumRanking: RankSum,
}


def rule_of(challenge: Challenge) -> Rule[Any]:
    """The rule of `challenge` for its own images."""
    return RULES[type(challenge.ranking)](challenge, challenge.ranking)


def rule_for(group: list[Entry], challenge: Challenge) -> Rule[Any]:
    """The rule that applies to a group: the challenge's, or PSNR if the images are not the challenge's own."""
    rule = rule_of(challenge)
    own = all(entry.owned_by(challenge) for entry in group if entry.ok)
    return rule if own else OtherImages(rule)
