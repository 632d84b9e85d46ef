"""A bundle made here is checked in a fresh process: another folder, another number of threads."""

from __future__ import annotations

import json
import platform
import shutil
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from eval.cli.verification.bundling import public_command
from eval.records.store import read_all
from tests.eval import toy
from tests.eval.cli.verification.toy_models import chosen, toy_models, verify

LIFTED = "* self.gain", "* self.gain * (1 if torch.get_num_threads() == 1 else 0.9)"


def make(folder: Path, pairs: tuple[Path, Path], network: str = toy.NETWORK) -> Path:
    """A bundle of the toy network, made with one thread."""
    models = toy_models(folder, claims="params_m = 0.000001", network=network)
    done = verify("--bundle", folder / "b.zip", *chosen(models, pairs, folder / "out"))
    assert done.returncode == 0, done.stderr
    return folder / "b.zip"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, tiny_pairs: tuple[Path, Path]) -> Path:
    """A folder with a bundle `b.zip`, the models it is of, and the results `out`."""
    return make(tmp_path_factory.mktemp("bundle") / "here", tiny_pairs).parent


def elsewhere(folder: Path, pairs: tuple[Path, Path]) -> tuple[Path, Path]:
    """Copies of the images in another folder, written anew."""
    copies = []
    for source in pairs:
        copy = folder / "elsewhere" / source.name
        copy.mkdir(parents=True)
        for image in source.glob("*.png"):
            cv2.imwrite(str(copy / image.name), cv2.imread(str(image)), [cv2.IMWRITE_PNG_COMPRESSION, 9])
        copies.append(copy)
    return copies[0], copies[1]


def check(path: Path, zoo: Path, pairs: tuple[Path, Path]) -> tuple[int, dict[str, dict[str, Any]]]:
    done = verify(
        "--check", path, "--checkpoints", zoo, "--pairs", *pairs, "--device", "cpu", "--json",
        threads=2, cwd=path.parent,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, {one["check"]: one for one in json.loads(done.stdout)["checks"]}


def test_a_bundle_is_repeated_with_the_same_pixels(
    here: Path, tmp_path: Path, tiny_pairs: tuple[Path, Path]
) -> None:
    path = here / "b.zip"
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    shutil.copy(here / "models" / "team42.pth", zoo / "renamed.bin")
    status, found = check(path, zoo, elsewhere(tmp_path, tiny_pairs))
    assert status == 0, found
    assert {one["verdict"] for one in found.values()} == {"confirmed"}
    assert found["SR images of valid"]["reason"] == "all 3 equal" and "claim params_m" in found


def test_nothing_secret_is_inside(here: Path, tiny_pairs: tuple[Path, Path]) -> None:
    path = here / "b.zip"
    (record,) = read_all(here / "out")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        text = b"\n".join(archive.read(name) for name in names)
    assert sorted(names) == [
        "README.txt", "bundle.json", "challenge/esr2024.toml", "models/team42_Net.py", "models/team42_Net.toml",
        "records/42_Net.json", "requirements.lock",
    ]  # fmt: skip
    secret = [str(here), str(tiny_pairs[0]), platform.node(), record.session, "\x89PNG"]
    assert not [word for word in secret if word.encode() in text]
    assert b"torch==" in text and record.modes["valid"].images[0].sr_sha256.encode() in text  # type: ignore[union-attr]


def test_other_pixels_are_contradicted_with_how_far(tmp_path: Path, tiny_pairs: tuple[Path, Path]) -> None:
    path = make(tmp_path / "here", tiny_pairs, toy.NETWORK.replace(*LIFTED))
    status, found = check(path, tmp_path / "here" / "models", tiny_pairs)
    pixels = found["SR images of valid"]
    assert status == 1 and pixels["verdict"] == "contradicted"
    assert "3 of 3 differ" in pixels["reason"] and "psnr of valid" in pixels["reason"]


def test_other_images_are_not_comparable(here: Path, tmp_path: Path, tiny_pairs: tuple[Path, Path]) -> None:
    path = here / "b.zip"
    pairs = elsewhere(tmp_path, tiny_pairs)
    image = pairs[1] / "img0x4.png"
    cv2.imwrite(str(image), np.zeros_like(cv2.imread(str(image))))
    status, found = check(path, here / "models", pairs)
    assert status == 0 and found["images"]["verdict"] == "not comparable"
    assert "valid img0" in found["images"]["reason"]
    assert found["SR images of valid"]["verdict"] == "not comparable"


def test_what_is_missing_is_one_line(here: Path, tmp_path: Path, tiny_pairs: tuple[Path, Path]) -> None:
    path = here / "b.zip"
    (tmp_path / "empty").mkdir()
    done = verify("--check", path, "--checkpoints", tmp_path / "empty", "--pairs", *tiny_pairs)
    assert done.returncode == 2 and "42_Net needs team42.pth" in done.stderr
    (tmp_path / "b.zip").write_bytes(b"no archive")
    done = verify("--check", tmp_path / "b.zip", "--pairs", *tiny_pairs)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "ZIP" in done.stderr


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["--model_id", "0", "21", "--pairs", "/a/HR", "/a/LR"], "--model_id 0 21 --pairs HR_DIR LR_DIR"),
        (
            ["--data_dir=/a/b", "--ssim", "--checkpoint", "authors"],
            "--data_dir DIR --ssim --checkpoint authors",
        ),
        (["--challenge", "esr2025", "--checkpoint", "/a/x.pth"], "--challenge esr2025 --checkpoint PATH"),
        (
            ["--challenge", "/a/own.toml", "--weights", "a.pth", "/b.pth"],
            "--challenge NAME --weights FILE FILE",
        ),
    ],
)
def test_the_command_has_words_in_place_of_paths(given: list[str], shown: str) -> None:
    assert public_command(given) == f"python -m eval.verify {shown}"


def test_a_repository_is_bundled_by_its_hashes(tmp_path: Path, tiny_pairs: tuple[Path, Path]) -> None:
    repo = toy.write_repo(tmp_path / "repo", {7: toy.honest()})
    (repo / "my notes.py").write_text("# a name with a space\n")
    how = ["--pairs", *tiny_pairs, "--device", "cpu", "--protocol", "ntire"]
    path = tmp_path / "b.zip"
    made = verify("--bundle", path, "--repo", repo, "--all", *how, "--save_dir", tmp_path / "out")
    assert made.returncode == 0, made.stderr
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".py")]
    alone = verify("--check", path, *how)
    assert alone.returncode == 2 and "give --repo DIR" in alone.stderr

    (repo / "my notes.py").write_text("# changed\n")
    done = verify("--check", path, "--repo", repo, "--json", *how)
    found = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1, done.stderr
    assert found["files"]["verdict"] == "contradicted" and "my notes.py" in found["files"]["reason"]
    assert found["SR images of valid"]["verdict"] == "confirmed"
