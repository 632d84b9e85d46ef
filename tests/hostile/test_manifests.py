"""Manifests and links that point where a submission has no business: each costs its own submission only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data.errors import InputError
from data.pairs import ImagePair
from eval import cli
from eval.harness import ground_truth
from eval.records import store
from eval.records.schema import Record
from eval.sandbox import Level
from eval.submissions import checkpoints
from eval.submissions.catalogue import find_manifest, listed
from eval.submissions.image_folder import image_folder
from eval.submissions.manifest import read_manifest
from eval.submissions.repository.discover import from_repository
from eval.submissions.submission import hashed
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
    10: ("Nested", "x = " + "[" * 3000, "team10_Nested.toml: not valid TOML"),
    11: ("LongNumber", "x = " + "9" * 5000, "team11_LongNumber.toml: not valid TOML"),
    12: ("LongHexNumber", "[args]\nx = 0x" + "f" * 5000, "an integer of more than 64 bits"),
    13: ("Date", "[args]\nx = [{ y = 2024-01-01 }]", "field 'args': value error, must hold text, numbers"),
    14: ("Large", "# " + "x" * (1 << 20), "larger than 1 MiB"),
    15: ("LongFile", f'[checkpoint]\nfile = "{"x" * 5000}"', "field 'checkpoint.file'"),
    16: ("Infinite", "[claims]\npsnr_valid_db = inf", "field 'claims.psnr_valid_db'"),
    17: ("Dotted", f"[args]\n{'.'.join('a' * 700)} = 1", "tables or lists in each other more than 32 deep"),
    18: (
        "DeepBuild",
        '[checkpoint]\nfile = "honest.pth"\n[build]\nfolder = "deep"\ncommand = ["make"]',
        "folders lie in each other more than",
    ),
    19: ("LargeScript", 'script = "large.py"', "large.py: 1.0 GiB, expected at most 16 MiB"),
}
# Manifests whose names or numbers others have too: by file name, with what each calls itself.
RIVALS = {
    "team01_Rival.toml": ('id = 1\nvariant = "b"', "Honest", "team01_Honest.toml"),
    "team01_Case.toml": ('id = 1\nvariant = "c"', "HONEST", "team01_Honest.toml"),
    "team99_Thief.toml": ("id = 1", "Thief", "must be called team01_Name.toml"),
    "team50_A.toml": ("id = 50", "A", "team50_B.toml"),
    "team50_B.toml": ("id = 50", "B", "team50_A.toml"),
    "team_without_number.toml": ("= = [[", "X", "not valid TOML"),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all manifests, filled by `records`."""
    folder = tmp_path_factory.mktemp("manifests").resolve() / "models"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def records(models: Path, tiny_pairs: Pairs) -> dict[str, Record]:
    """One batch over all manifests; records by model id or, where the manifest could not be read, by name."""
    import torch

    folder = models.parent
    zoo = folder / "model_zoo"
    zoo.mkdir()
    torch.save({"conv.weight": torch.zeros(48, 3, 1, 1), "conv.bias": torch.zeros(48)}, zoo / "honest.pth")
    (zoo / "linked.pth").symlink_to(tiny_pairs[0] / "img0.png")
    (zoo / "folder").symlink_to(tiny_pairs[0])
    (folder / "elsewhere.py").write_text(SCRIPT)
    with (models / "large.py").open("wb") as stream:
        stream.truncate(2**30 + 5)
    (models / "deep").joinpath(*"d" * 100).mkdir(parents=True)
    good = {1: ("Honest", '[checkpoint]\nfile = "honest.pth"', "")}
    for number, (name, more, _) in {**good, **BAD}.items():
        stem = f"team{number:02}_{name}"
        (models / f"{stem}.toml").write_text(MANIFEST.format(number=number, name=name, more=more))
        if name == "LinkedScript":
            (models / f"{stem}.py").symlink_to(folder / "elsewhere.py")
        else:
            (models / f"{stem}.py").write_text(SCRIPT)
    for file, (number_lines, name, _) in RIVALS.items():
        text = MANIFEST.replace("id = {number}", number_lines)
        (models / file).write_text(text.format(name=name, more='[checkpoint]\nfile = "honest.pth"'))
        (models / file).with_suffix(".py").write_text(SCRIPT)
    arguments = ["--all", "--models", models, "--pairs", *tiny_pairs, "--save_dir", folder / "out"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "MODEL_ZOO", zoo)
        how = ["--device", "cpu", "--protocol", "ntire"]
        assert cli.main(summarise, [str(argument) for argument in (*arguments, *how)]) == 1
    return {record.model.lower(): record for record in store.read_all(folder / "out")}


@pytest.mark.parametrize("number", BAD)
def test_a_manifest_that_points_elsewhere_is_its_own_failure(records: dict[str, Record], number: int) -> None:
    name, _, reason = BAD[number]
    record = next(record for model, record in records.items() if name.lower() in model)
    assert record.status == "failed" and reason in (record.error or "") and not record.modes


def test_the_honest_one_beside_them_is_judged(records: dict[str, Record]) -> None:
    assert records["01_honest"].status == "ok" and len(records) == len(BAD) + len(RIVALS) + 1


@pytest.mark.parametrize("file", RIVALS)
def test_a_name_or_number_of_anothers_is_refused_under_a_key_of_its_own(
    records: dict[str, Record], file: str
) -> None:
    key = Path(file).stem.removeprefix("team").lower()
    (record,) = [record for model, record in records.items() if model.startswith(key)]
    assert record.status == "failed" and RIVALS[file][2] in (record.error or "")


@pytest.mark.usefixtures("records")
def test_a_number_that_others_claim_too_is_found_where_one_alone_is_right(models: Path) -> None:
    assert find_manifest("1", models).name == "team01_Honest.toml"
    with pytest.raises(InputError, match=r"50 is already taken by team50_A\.toml"):
        find_manifest("50", models)


def test_a_manifest_that_is_a_pipe_or_a_link_out_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "team05_Pipe.toml")
    (tmp_path / "team06_Link.toml").symlink_to("/proc/self/environ")
    reasons = {"team05_Pipe.toml": "not a regular file", "team06_Link.toml": "a link that leads out"}
    for file, reason in reasons.items():
        with pytest.raises(InputError, match=reason):
            read_manifest(tmp_path / file)
    assert [model_id for model_id, _ in listed(tmp_path)] == ["5", "6"]


@pytest.mark.parametrize("entry", ["test.py", "test_demo.py"])
def test_an_entry_point_that_leads_out_of_its_repository_is_a_usage_error(tmp_path: Path, entry: str) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest()})
    (repo / "test_demo.py").rename(tmp_path / "outside.py")
    (repo / entry).symlink_to(tmp_path / "outside.py")
    with pytest.raises(
        InputError, match=r"a link that leads out of repo/|no file with a function select_model"
    ):
        from_repository(repo, None)


def test_links_in_a_repository_are_not_followed_out_of_it(tmp_path: Path) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest() + "from utils import a, b, c, d, e"})
    utils = repo / "utils"
    utils.mkdir()
    os.mkfifo(tmp_path / "pipe")
    targets = {
        "a": "/proc/1/environ",
        "b": "/proc/kmsg",
        "c": tmp_path / "pipe",
        "d": "d.py",
        "e": "text.txt",
    }
    for name, target in targets.items():
        (utils / f"{name}.py").symlink_to(target)
        (repo / f"{name}.py").symlink_to(target)
    (utils / "text.txt").write_text("first")
    (one,) = from_repository(repo, None)
    before = one.fingerprint()
    (utils / "text.txt").write_text("second")
    after = one.fingerprint()
    assert {path for path in before if after[path] != before[path]} == {str(utils / "e.py")}
    (utils / "a.py").unlink()
    (utils / "a.py").symlink_to("/proc/2/environ")
    assert one.fingerprint()[str(utils / "a.py")] != before[str(utils / "a.py")]


def test_python_files_of_absurd_size_are_not_even_hashed(tmp_path: Path) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest()})
    with (repo / "large.py").open("wb") as stream:
        stream.truncate(10 << 30)
    (one,) = from_repository(repo, None)
    with pytest.raises(InputError, match=r"10\.0 GiB of Python files, expected at most 1 GiB"):
        one.fingerprint()
    refused, found = hashed(one)  # it alone is refused, not the batch
    assert "10.0 GiB of Python files" in refused.problem and found == refused.fingerprint() == {}


def test_images_in_folders_too_deep_to_look_at_are_refused(tmp_path: Path) -> None:
    (tmp_path / "team").joinpath(*"d" * 100).mkdir(parents=True)
    assert "folders lie in each other more than" in image_folder(tmp_path / "team").problem


def test_an_imported_name_too_long_for_a_file_is_no_error(tmp_path: Path) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest() + f"import {'x' * 300}"})
    assert len(from_repository(repo, None)) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest()})
    (repo / "test_demo.py").chmod(0)
    with pytest.raises(InputError, match=r"test_demo\.py: cannot be read \(Permission denied\)"):
        from_repository(repo, None)


def test_a_wrong_manifest_that_is_asked_for_alone_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "team04_X.toml"
    path.write_text(MANIFEST.format(number=4, name="X", more='script = "../../secret.py"'))
    with pytest.raises(InputError, match=r"team04_X\.toml.*script"):
        read_manifest(path)


def test_a_link_to_an_hr_image_in_a_repository_is_no_checkpoint(tmp_path: Path, tiny_pairs: Pairs) -> None:
    code = toy.honest() + "path = 'model_zoo/team09_x.pth'"
    repo = toy.write_repo(tmp_path / "repo", {9: code})
    (repo / "model_zoo" / "team09_x.pth").symlink_to(tiny_pairs[0] / "img0.png")
    (one,) = from_repository(repo, None)
    assert "a link that leads out of repo/" in one.problem and one.checkpoints == ()


@pytest.mark.parametrize("level", [Level.BWRAP, Level.LANDLOCK])
def test_hr_images_inside_the_repository_are_refused(tmp_path: Path, level: Level) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest()})
    (repo / "data").mkdir()
    (one,) = from_repository(repo, None)
    inside = ImagePair("img0", hr=repo / "data" / "img0.png", lr=repo / "data" / "img0x4.png")
    outside = ImagePair("img0", hr=tmp_path / "HR" / "img0.png", lr=tmp_path / "LR" / "img0.png")
    assert "keep them apart" in ground_truth.shown_hr(one, level, [outside, inside])
    assert ground_truth.shown_hr(one, level, [outside]) == ""
    (tmp_path / "HR").mkdir()
    (tmp_path / "HR" / "img0.png").symlink_to(repo / "test_demo.py")
    assert "keep them apart" in ground_truth.shown_hr(one, level, [outside])


def test_a_checkpoint_of_absurd_size_is_not_even_hashed(tmp_path: Path) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest() + "path = 'model_zoo/team09_x.pth'"})
    with (repo / "model_zoo" / "team09_x.pth").open("wb") as stream:
        stream.truncate(10 << 30)
    (one,) = from_repository(repo, None)
    assert (
        one.problem == "checkpoint team09_x.pth: 10.0 GiB, expected at most 8 GiB" and one.checkpoints == ()
    )


DEEP = ["x = " + "-" * 100_000 + "1", "x = " + "(" * 100_000, "x = 1" + "+1" * 200_000]


@pytest.mark.parametrize("text", DEEP)
def test_a_program_nested_too_deeply_is_a_usage_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "test.py").write_text(text)
    with pytest.raises(InputError, match="no file with a function select_model"):
        from_repository(tmp_path, None)


@pytest.mark.parametrize("text", DEEP)
def test_an_entry_point_nested_too_deeply_is_a_usage_error(tmp_path: Path, text: str) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest()})
    with (repo / "test_demo.py").open("a") as stream:
        stream.write(text + "\n")
    with pytest.raises(InputError, match="not an NTIRE entry point"):
        from_repository(repo, None)
