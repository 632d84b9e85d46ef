"""Manifests and links that point where a submission has no business: each costs its own submission only."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import InputError
from data.pairs import ImagePair
from eval import cli, results, secrecy, submission
from eval.results import Record
from eval.sandbox import Level
from leaderboard.summary import summarise
from tests.eval import toy

Pairs = tuple[Path, Path]

MANIFEST = """
id = {number}
team = "Hostile"
name = "{name}"
class = "Net"
data_range = 1.0
{more}
"""
SCRIPT = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 48, 1)

    def forward(self, x):
        return nn.functional.pixel_shuffle(self.conv(x), 4)
"""
BAD = {
    2: ("ParentPath", '[checkpoint]\nfile = "../../HR/img0.png"', "must be a path inside model_zoo/"),
    3: ("AbsolutePath", '[checkpoint]\nfile = "/etc/passwd"', "must be a path inside model_zoo/"),
    4: ("ParentScript", 'script = "../../secret.py"', "script"),
    5: (
        "LinkedCheckpoint",
        '[checkpoint]\nfile = "linked.pth"',
        "linked.pth: a link that leads out of model_zoo/",
    ),
    6: ("LinkedScript", '[checkpoint]\nfile = "honest.pth"', "team06_LinkedScript.py: a link that leads out"),
    7: ("LinkedFolder", '[checkpoint]\nfile = "folder/img0.png"', "img0.png: a link that leads out"),
    8: ("NoToml", "= = [[[", "team08_NoToml.toml"),
    9: ("Unknown", 'privileged = true\n[checkpoint]\nfile = "honest.pth"', "privileged"),
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, tiny_pairs: Pairs) -> dict[str, Record]:
    """One batch over all manifests; records by model id or, where the manifest could not be read, by name."""
    import torch

    folder = tmp_path_factory.mktemp("manifests").resolve()
    models, zoo = folder / "models", folder / "model_zoo"
    models.mkdir()
    zoo.mkdir()
    torch.save({"conv.weight": torch.zeros(48, 3, 1, 1), "conv.bias": torch.zeros(48)}, zoo / "honest.pth")
    (zoo / "linked.pth").symlink_to(tiny_pairs[0] / "img0.png")
    (zoo / "folder").symlink_to(tiny_pairs[0])
    (folder / "elsewhere.py").write_text(SCRIPT)
    good = {1: ("Honest", '[checkpoint]\nfile = "honest.pth"', "")}
    for number, (name, more, _) in {**good, **BAD}.items():
        stem = f"team{number:02}_{name}"
        (models / f"{stem}.toml").write_text(MANIFEST.format(number=number, name=name, more=more))
        if name == "LinkedScript":
            (models / f"{stem}.py").symlink_to(folder / "elsewhere.py")
        else:
            (models / f"{stem}.py").write_text(SCRIPT)
    arguments = ["--all", "--models", models, "--pairs", *tiny_pairs, "--save_dir", folder / "out"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submission, "MODEL_ZOO", zoo)
        how = ["--device", "cpu", "--protocol", "ntire"]
        assert cli.main(summarise, [str(argument) for argument in (*arguments, *how)]) == 1
    return {record.model.lower(): record for record in results.read_all(folder / "out")}


@pytest.mark.parametrize("number", BAD)
def test_a_manifest_that_points_elsewhere_is_its_own_failure(records: dict[str, Record], number: int) -> None:
    name, _, reason = BAD[number]
    record = next(record for model, record in records.items() if name.lower() in model)
    assert record.status == "failed" and reason in (record.error or "") and not record.modes


def test_the_honest_one_beside_them_is_judged(records: dict[str, Record]) -> None:
    assert records["01_honest"].status == "ok" and len(records) == len(BAD) + 1


def test_a_wrong_manifest_that_is_asked_for_alone_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "team04_X.toml"
    path.write_text(MANIFEST.format(number=4, name="X", more='script = "../../secret.py"'))
    with pytest.raises(InputError, match=r"team04_X\.toml.*script"):
        submission.read_manifest(path)


def test_a_link_to_an_hr_image_in_a_repository_is_no_checkpoint(tmp_path: Path, tiny_pairs: Pairs) -> None:
    code = toy.honest() + "path = 'model_zoo/team09_x.pth'"
    repo = toy.write_repo(tmp_path / "repo", {9: code})
    (repo / "model_zoo" / "team09_x.pth").symlink_to(tiny_pairs[0] / "img0.png")
    (one,) = submission.repository(repo, None)
    assert "a link that leads out of repo/" in one.problem and one.checkpoints == ()


@pytest.mark.parametrize("level", [Level.BWRAP, Level.LANDLOCK])
def test_hr_images_inside_the_repository_are_refused(tmp_path: Path, level: Level) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest()})
    (one,) = submission.repository(repo, None)
    inside = ImagePair("img0", hr=repo / "data" / "img0.png", lr=repo / "data" / "img0x4.png")
    outside = ImagePair("img0", hr=tmp_path / "HR" / "img0.png", lr=tmp_path / "LR" / "img0.png")
    assert "keep them apart" in secrecy.shown_hr(one, level, [outside, inside])
    assert secrecy.shown_hr(one, level, [outside]) == ""
    (tmp_path / "HR").mkdir()
    (tmp_path / "HR" / "img0.png").symlink_to(repo / "test_demo.py")
    assert "keep them apart" in secrecy.shown_hr(one, level, [outside])


def test_a_checkpoint_of_absurd_size_is_not_even_hashed(tmp_path: Path) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest() + "path = 'model_zoo/team09_x.pth'"})
    with (repo / "model_zoo" / "team09_x.pth").open("wb") as stream:
        stream.truncate(10 << 30)
    (one,) = submission.repository(repo, None)
    assert (
        one.problem == "checkpoint team09_x.pth: 10.0 GiB, expected at most 8 GiB" and one.checkpoints == ()
    )


@pytest.mark.parametrize(
    "text", ["x = " + "-" * 100_000 + "1", "x = " + "(" * 100_000, "x = 1" + "+1" * 200_000]
)
def test_an_entry_point_nested_too_deeply_is_a_usage_error(tmp_path: Path, text: str) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest()})
    with (repo / "test_demo.py").open("a") as stream:
        stream.write(text + "\n")
    with pytest.raises(InputError, match="not an NTIRE entry point"):
        submission.repository(repo, None)
