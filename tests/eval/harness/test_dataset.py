"""Which images the command line asks for, how they were found, and whether they are a challenge's own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.errors import InputError
from eval.challenge import Challenge, load
from eval.harness import dataset


def write_pairs(hr: Path, lr: Path, names: list[str]) -> None:
    hr.mkdir(parents=True)
    lr.mkdir(parents=True)
    for seed, name in enumerate(names):
        image = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
        cv2.imwrite(str(hr / f"{name}.png"), image)
        cv2.imwrite(str(lr / f"{name}x4.png"), image[:4, :4])


def rules_of(**images: object) -> Challenge:
    return Challenge.model_validate({**load("esr2024").model_dump(), "images": images})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "DIV2K_LSDIR_valid_HR", tmp_path / "DIV2K_LSDIR_valid_LR", ["0801", "0802"])
    write_pairs(tmp_path / "DIV2K_LSDIR_test_HR", tmp_path / "DIV2K_LSDIR_test_LR", ["0901"])
    return tmp_path


def test_folders_of_the_official_names_are_own_by_their_number(data: Path) -> None:
    both = dataset.chosen_images(rules_of(valid=2, test=1), data, None, include_test=True)
    assert (both.layout, both.own, both.label) == ("official", True, str(data))
    assert {split: len(found) for split, found in both.modes.items()} == {"valid": 2, "test": 1}
    assert dataset.chosen_images(rules_of(valid=2, test=1), data, None, include_test=False).own
    assert not dataset.chosen_images(rules_of(valid=3, test=1), data, None, include_test=False).own


def test_other_folders_are_own_by_the_names_of_their_files(data: Path) -> None:
    folders = [data / "DIV2K_LSDIR_valid_HR", data / "DIV2K_LSDIR_valid_LR"]
    assert not dataset.chosen_images(rules_of(valid=2), None, folders, include_test=False).own
    named = rules_of(valid={"count": 2, "numbers": ["801-802"]})
    found = dataset.chosen_images(named, None, folders, include_test=False)
    assert (found.layout, found.own) == ("folders", True)
    assert dataset.hr_only(named, folders[0]).own


def test_a_sha256_in_the_rules_is_that_of_names_and_contents(data: Path) -> None:
    hr = data / "DIV2K_LSDIR_valid_HR"
    lines = [f"{p.stem} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in sorted(hr.iterdir())]
    right = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    for sha256, own in ((right, True), ("0" * 64, False)):
        rules = rules_of(valid={"count": 2, "sha256": sha256})
        found = dataset.chosen_images(rules, data, None, include_test=False)
        assert (found.own, found.digests) == (own, {"valid": right})


@pytest.mark.parametrize("scale", [2, 3])
def test_the_demo_set_has_the_scale_of_the_challenge(
    scale: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rules = load("esr2024").model_copy(update={"scale": scale})
    found = dataset.chosen_images(rules, None, None, include_test=False)
    assert (found.layout, found.own) == ("built-in", False)
    pair = found.modes["valid"][0]
    hr, lr = cv2.imread(str(pair.hr)), cv2.imread(str(pair.lr))
    assert hr is not None and lr is not None and hr.shape[0] == scale * lr.shape[0]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--data_dir .*none: no such folder"):
        dataset.chosen_images(load("esr2024"), tmp_path / "none", None, include_test=False)
