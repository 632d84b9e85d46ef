"""Every path option of `test_demo.py` and `eval.explain`, written in every way, as a subprocess."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from eval.cli.options import parser
from tests.conftest import ROOT
from tests.eval import toy

Pairs = tuple[Path, Path]
WAYS = ("relative", "absolute", "dots", "slash", "link", "elsewhere")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_pairs: Pairs) -> Path:
    """A folder with everything that options name, and `link`, which leads back to it."""
    folder = tmp_path_factory.mktemp("place").resolve()
    for name, source in zip(("HR", "LR"), tiny_pairs, strict=True):
        (folder / name).symlink_to(source)
    data = folder / "data"
    data.mkdir()
    for name, source in zip(("DIV2K_valid_HR", "DIV2K_valid_LR"), tiny_pairs, strict=True):
        (data / name).symlink_to(source)
    sr = folder / "sr"
    sr.mkdir()
    for path in tiny_pairs[0].iterdir():
        cv2.imwrite(str(sr / path.name), cv2.imread(str(path)) // 2)
    toy.write_repo(folder / "repo", {9: toy.honest()})
    models = folder / "models"
    models.mkdir()
    (models / "team42_Net.py").write_text(toy.NETWORK)
    (models / "team42_Net.toml").write_text(toy.MANIFEST)
    rules = (ROOT / "leaderboard" / "challenges" / "esr2024.toml").read_text()
    (folder / "mine.toml").write_text(rules.replace('"esr2024"', '"mine"', 1))
    (folder / "inside").mkdir()
    (folder / "link").symlink_to(".")
    return folder


def written(place: Path, name: str, way: str) -> str:
    """The path of `name` in `place`, written in one of `WAYS` for a working folder that `working` gives."""
    return {
        "relative": name,
        "absolute": str(place / name),
        "dots": f"inside/../{name}",
        "slash": f"{name}/" if (place / name).is_dir() or "out" in name else name,
        "link": f"link/{name}",
        "elsewhere": os.path.relpath(place / name, place / "inside"),
    }[way]


def run(place: Path, way: str, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    folder = place / "inside" if way == "elsewhere" else place
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
    )


def demo(place: Path, way: str, *options: str) -> dict[str, dict[str, object]]:
    """results.json of one run; words that begin with `@` are names in `place`."""
    out = f"out-{way}-{abs(hash(options))}"
    given = [written(place, one[1:], way) if one.startswith("@") else one for one in options]
    done = run(
        place, way, str(ROOT / "test_demo.py"), *given, "--device", "cpu", "--protocol", "ntire",
        "--save_dir", written(place, out, way),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    content: dict[str, dict[str, object]] = json.loads((place / out / "results.json").read_text())
    return content


@pytest.mark.parametrize(
    ("way", "options"),
    [
        ("relative", ("--pairs", "@HR", "@LR")),
        ("absolute", ("--data_dir", "@data")),
        ("dots", ("--hr", "@HR")),
        ("slash", ("--data_dir", "@data")),
        ("link", ("--pairs", "@HR", "@LR")),
        ("elsewhere", ("--hr", "@HR")),
    ],
)
def test_folders_of_images_rules_and_results(place: Path, way: str, options: tuple[str, ...]) -> None:
    """--images, --pairs, --hr, --data_dir, --challenge and --save_dir: quick, since nothing is run."""
    content = demo(place, way, "--images", "@sr", *options, "--challenge", "@mine.toml")
    assert content["sr"]["status"] == "ok" and len(content["sr"]["valid_psnr"]) == 3  # type: ignore[arg-type]


def test_a_repository(place: Path) -> None:
    content = demo(place, "elsewhere", "--repo", "@repo", "--all", "--pairs", "@HR", "@LR")
    assert content["09_Repeat"]["status"] == "ok"


def test_a_folder_of_manifests_with_a_relative_checkpoint(place: Path) -> None:
    import torch

    torch.save({"gain": torch.ones(1)}, place / "weights.pth")
    content = demo(
        place, "relative", "--models", "@models", "--model_id", "42", "--checkpoint", "@weights.pth",
        "--pairs", "@HR", "@LR",
    )  # fmt: skip
    assert content["42_Net"]["status"] == "ok"


def test_a_bare_checkpoint_is_named_by_its_whole_path(place: Path) -> None:
    (place / "weights.txt").touch()
    done = run(place, "dots", str(ROOT / "test_demo.py"), "--weights", written(place, "weights.txt", "dots"))
    assert done.returncode == 2 and f"--weights {place}/weights.txt: expected a checkpoint" in done.stderr


@pytest.mark.parametrize("way", ["relative", "elsewhere"])
def test_explain(place: Path, way: str) -> None:
    given = [written(place, name, way) for name in ("sr", "HR")]
    done = run(place, way, "-m", "eval.explain", "--images", given[0], "--hr", given[1], "--target", "99")
    assert done.returncode == 1 and "no protocol gives 99" in done.stdout, done.stderr


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "option", ["--repo", "--models", "--weights", "--images", "--data_dir", "--hr", "--save_dir"]
)
def test_every_option_means_the_same_path_in_every_way(
    place: Path, way: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place / "inside" if way == "elsewhere" else place)
    found = getattr(parser().parse_args([option, written(place, "models", way)]), option[2:])
    assert found in (place / "models", [place / "models"])


@pytest.mark.parametrize("way", WAYS)
def test_a_checkpoint_and_a_file_of_rules_are_paths_too(
    place: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place / "inside" if way == "elsewhere" else place)
    given = ["--checkpoint", written(place, "x.pth", way), "--challenge", written(place, "mine.toml", way)]
    options = parser().parse_args(given)
    assert (options.checkpoint, options.challenge) == (f"{place}/x.pth", f"{place}/mine.toml")
    words = parser().parse_args(["--checkpoint", "reproduced", "--challenge", "esr2026"])
    assert (words.checkpoint, words.challenge) == ("reproduced", "esr2026")


def test_every_path_option_is_made_absolute() -> None:
    """A path option that is added later is one of these, or this test says which one was forgotten."""
    paths = {"--repo", "--models", "--weights", "--images", "--data_dir", "--pairs", "--hr", "--save_dir"}
    shown = ("DIR", "FILE", "PATH", "HR_DIR")
    for action in parser()._actions:
        metavar = action.metavar[0] if isinstance(action.metavar, tuple) else action.metavar or ""
        if metavar in shown:
            assert action.option_strings[0] in paths
            found = action.type("x/../y")  # type: ignore[operator, misc]
            assert found.is_absolute() and ".." not in found.parts
