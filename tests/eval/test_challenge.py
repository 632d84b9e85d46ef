"""Challenges: every shipped file loads, cites its sources, and wrong ones are refused with the field's name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from data.errors import InputError
from eval import challenge

SHIPPED = {"esr2022", "esr2024", "esr2025", "esr2026", "imagesr2024", "imagesr2026"}


def test_the_shipped_challenges() -> None:
    assert set(challenge.available()) >= SHIPPED


@pytest.mark.parametrize("name", challenge.available())
def test_every_challenge_loads_and_cites(name: str) -> None:
    loaded = challenge.load(name)
    assert loaded.scale == 4 and loaded.border == 4
    assert all(source.startswith("https://") for source in loaded.sources)
    assert str(loaded.year) in name


def test_a_near_miss_gets_a_hint() -> None:
    with pytest.raises(
        InputError, match=r"unknown challenge 'esr204'; did you mean 'esr2024'\? \(there are: .*esr2022"
    ):
        challenge.load("esr204")


EFFICIENCY = """
name = "mine"
title = "Mine"
year = 2030
sources = ["https://example.org"]
[ranking]
kind = "efficiency"
baseline = { model = "00_X", runtime_ms = 1, flops_g = 1, params_m = 1 }
weights = { runtime = 0.5, flops = 0.25, params = 0.25 }
"""


def test_an_own_challenge_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(EFFICIENCY)
    assert challenge.load(str(path)).title == "Mine"


def test_a_threshold_can_compare_unrounded_means(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        EFFICIENCY + '[[ranking.thresholds]]\nmode = "valid"\nminimum = 26.9\ndecimals = "unrounded"\n'
    )
    rule = challenge.load(str(path)).ranking
    assert isinstance(rule, challenge.EfficiencyRanking)
    assert [one.decimals for one in rule.thresholds] == ["unrounded"]
    path.write_text(path.read_text().replace('"unrounded"', '"none"'))
    with pytest.raises(InputError, match=r"decimals.*'unrounded'"):
        challenge.load(str(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("runtime = 0.5", "runtime = 0.6"), "the weights must sum to 1"),
        (('name = "mine"', 'name = "other"'), "field 'name' is 'other', it must equal the file's name"),
        (("runtime_ms = 1,", "runtime_ms = 0,"), "runtime_ms': input should be greater than 0"),
        (("year = 2030", "yaer = 2030"), "field 'year': field required"),
        (('kind = "efficiency"', 'kind = "speed"'), "field 'ranking'"),
        (("year = 2030", "year = "), "not valid TOML"),
        (
            ('kind = "efficiency"', 'kind = "speed"'),
            "kind is 'speed', expected one of: efficiency, metric, ranksum",
        ),
        (("[ranking]", "[images]\nvalid = 0\n[ranking]"), "field 'images.valid.count'"),
        (
            ("[ranking]", '[images]\nvalid = { count = 3, numbers = ["1-4"] }\n[ranking]'),
            "'numbers' name 4 images, 'count' says 3; they must be equal",
        ),
        (("[ranking]", '[images]\nvalid = { count = 3, numbers = ["a-b"] }\n[ranking]'), "numbers"),
        (("[ranking]", "runs = 0\n[ranking]"), "field 'runs'"),
    ],
)
def test_wrong_fields_are_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(EFFICIENCY.replace(*change))
    with pytest.raises(InputError) as error:
        challenge.load(str(path))
    assert message in str(error.value) and "mine.toml" in str(error.value)


def test_a_count_of_images_can_stand_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(EFFICIENCY.replace("[ranking]", "[images]\nvalid = 3\n[ranking]"))
    rules = challenge.load(str(path))
    assert rules.images["valid"].count == 3
    assert rules.owns({"valid": ["a", "b", "c"]}, {}, official_layout=True)
    assert not rules.owns({"valid": ["a", "b", "c"]}, {}, official_layout=False)
    assert not rules.owns({"valid": ["a", "b", "c"], "test": ["d"]}, {}, official_layout=True)


def test_two_kinds_of_ranking_of_one_name_are_refused() -> None:
    with pytest.raises(TypeError, match=r"'efficiency' is both EfficiencyRanking and .*Another"):

        class Another(challenge.Ranking):
            kind: Literal["efficiency"]
