"""`python -m eval.validate` from files on disk to the checklist, the exit status and the receipt."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from eval import validate
from eval.submissions.fingerprint import sha256
from eval.validation.receipt import read_receipt
from tests.conftest import ROOT
from tests.eval import toy
from tests.eval.validation.pictures import coloured_pair
from tests.eval.validation.test_broken import write

AUTHORS = {
    "team00_RLFN": "team00_rlfn.pth",
    "team21_SlimRLFN": "team21_slimrlfn.pth",
    "team25_EERN": "team25_EERN.pt",
    "team28_MSN": "team28_MSN.pth",
}
Pairs = tuple[Path, Path]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    return coloured_pair(tmp_path_factory.mktemp("coloured"))


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eval.validate", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def checked(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit status and items by check."""
    status = validate.main([*map(str, arguments), "--json", "--device", "cpu"])
    return status, {item["check"]: item for item in json.loads(capsys.readouterr().out)}


def test_the_whole_way_of_a_sound_one(tmp_path: Path, pairs: Pairs) -> None:
    manifest, receipt = (
        write(tmp_path, {"manifest": ["claims = { params_m = 0.000001 }"]}),
        tmp_path / "r.json",
    )
    done = command(manifest, "--pairs", *pairs, "--device", "cpu", "--json", "--receipt", receipt)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {tuple(item) for item in found} == {("check", "verdict", "reason", "cure")}
    assert {item["verdict"] for item in found} <= {"ok", "warning", "not checked"}
    verdicts = {item["check"]: item["verdict"] for item in found}
    assert verdicts["claims"] == verdicts["second process"] == verdicts["odd sizes"] == "ok"
    assert verdicts["thresholds"] == "not checked"

    stated = read_receipt(receipt)
    files = ("team42_Net.toml", "team42_Net.py", "team42.pth")
    assert stated.files == {name: sha256(tmp_path / name) for name in files}
    assert stated.figures["params_m"] == 1e-6 and stated.figures["psnr_valid_db"] > 20
    assert (stated.model, stated.challenge) == ("42_Net", "esr2024") and stated.verdicts == verdicts
    assert {"harness", "python", "torch"} <= set(stated.versions)
    assert str(tmp_path) not in receipt.read_text()  # no folder of this machine


def test_a_broken_one_is_status_1_and_has_no_receipt(tmp_path: Path, pairs: Pairs) -> None:
    manifest = write(tmp_path, {"drop": ["data_range"]})
    done = command(manifest, "--pairs", *pairs, "--device", "cpu", "--receipt", tmp_path / "r.json")
    assert done.returncode == 1 and not (tmp_path / "r.json").exists()
    assert "PROBLEM     fields: team42_Net.toml: field 'data_range': field required" in done.stdout
    assert "-> add 'data_range' to the manifest" in done.stdout
    assert "not checked running it: the problems above come first" in done.stdout
    assert "the judge would refuse it" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("absent.toml", [], "absent.toml: no such file; expected a manifest (.toml)"),
        ("absent", [], "absent: no such file or folder"),
        ("notes.txt", [], "notes.txt: expected a manifest"),
        ("models", [], "a folder of manifests; give one of them"),
        ("empty", [], "empty: expected a manifest"),
        ("models/team42_Net.toml", ["--receipt", "r.json", "--quick"], "leave out --quick"),
        ("models/team42_Net.toml", ["--challenge", "esr2042"], "unknown challenge 'esr2042'"),
    ],
)
def test_wrong_use_is_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, more: list[str], words: str
) -> None:
    for folder in ("models", "empty"):
        (tmp_path / folder).mkdir()
    (tmp_path / "notes.txt").touch()
    write(tmp_path / "models", {})
    assert validate.main([str(tmp_path / name), *more]) == 2
    said = capsys.readouterr()
    assert words in said.err and said.out == "" and len(said.err.splitlines()) == 1


def test_an_unknown_option_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        validate.main(["x.toml", "--quik"])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert (
        "python -m eval.validate: error: unrecognized arguments: --quik" in said and "test_demo" not in said
    )


def test_a_script_without_a_manifest_is_told_how_to_get_one(
    tmp_path: Path, pairs: Pairs, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "team42_Net.py"
    script.write_text("x = 1\n")
    status, found = checked(capsys, script, "--pairs", *pairs)
    assert status == 1 and "python -m eval.new TEAM_ID NAME --from SCRIPT" in found["manifest"]["cure"]


@pytest.mark.parametrize(("name", "file"), AUTHORS.items(), ids=list(AUTHORS))
def test_shipped_submissions_validate(
    shared: Path, pairs: Pairs, capsys: pytest.CaptureFixture[str], name: str, file: str
) -> None:
    weights = shared / "reference" / "weights" / file
    status, found = checked(
        capsys, ROOT / "models" / f"{name}.toml", "--checkpoint", weights, "--pairs", *pairs, "--quick",
        "--budget", 0.001,
    )  # fmt: skip
    assert status == 0
    assert [item for item in found.values() if item["verdict"] not in ("ok", "not checked")] == []
    assert found["odd sizes"]["reason"].startswith("works from")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "file"), AUTHORS.items(), ids=list(AUTHORS))
def test_shipped_submissions_pass_the_judge(
    shared: Path, capsys: pytest.CaptureFixture[str], name: str, file: str
) -> None:
    weights = shared / "reference" / "weights" / file
    status, found = checked(capsys, ROOT / "models" / f"{name}.toml", "--checkpoint", weights)
    doubtful = {check for check, item in found.items() if item["verdict"] in ("warning", "problem")}
    assert status == 0 and doubtful <= {"operations"}  # fvcore does not count padding="same" of MSN
    assert found["quality"]["verdict"] == found["claims"]["verdict"] == "ok"


@pytest.mark.parametrize("name", ["team14_HGD", "team19_EHAT"])
def test_of_those_without_published_weights_only_these_are_missing(
    pairs: Pairs, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    status, found = checked(capsys, ROOT / "models" / f"{name}.toml", "--pairs", *pairs)
    problems = [item for item in found.values() if item["verdict"] == "problem"]
    assert status == 1 and [item["check"] for item in problems] == ["checkpoint file"]
    assert "under this name" in problems[0]["reason"]


def test_a_repository_and_one_of_its_ids(
    tmp_path: Path, pairs: Pairs, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = toy.write_repo(tmp_path / "repo", {1: toy.honest(), 2: toy.forward("return x")})
    status, found = checked(capsys, repo, "--pairs", *pairs, "--quick")
    assert status == 1
    assert found["01_Repeat: first image"]["verdict"] == "ok"
    assert found["02_Toy: first image"]["verdict"] == "problem"
    status, found = checked(capsys, repo, "--pairs", *pairs, "--quick", "--model_id", 1)
    assert status == 0 and found["first image"]["verdict"] == "ok"


def test_a_bare_checkpoint(tmp_path: Path, pairs: Pairs, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"some.weight": torch.ones(1)}, tmp_path / "net.pth")
    status, found = checked(capsys, tmp_path / "net.pth", "--pairs", *pairs, "--quick")
    assert status == 1 and "of no architecture that spandrel knows" in found["strict loading"]["reason"]
    assert "python -m eval.new" in found["strict loading"]["cure"]


class TestImages:
    """Results as images: no worker is needed."""

    @pytest.mark.parametrize(
        ("change", "check", "verdict", "words"),
        [
            ("none", "", "", ""),
            ("missing", "names", "problem", "images are missing"),
            ("jpeg", "kind of files", "problem", "are no PNG: one.jpg"),
            ("small", "sizes", "problem", "expected 244x212"),
            ("bgr", "channel order", "problem", "the images are BGR"),
            ("shifted", "alignment", "warning", "shifted by 2 pixels in x"),
            ("surplus", "names", "warning", "belong to no image: two.png"),
        ],
    )
    def test_the_first_complaint(
        self, tmp_path: Path, pairs: Pairs, capsys: pytest.CaptureFixture[str],
        change: str, check: str, verdict: str, words: str,
    ) -> None:  # fmt: skip
        folder = handed_in(tmp_path / "SR", pairs, change)
        status, found = checked(capsys, folder, "--pairs", *pairs)
        complaints = [item for item in found.values() if item["verdict"] in ("warning", "problem")]
        assert status == (1 if verdict == "problem" else 0)
        assert bool(complaints) == bool(check)
        if check:
            assert (complaints[0]["check"], complaints[0]["verdict"]) == (check, verdict), complaints
            assert words in complaints[0]["reason"] and complaints[0]["cure"]
        else:
            assert found["evaluation"]["verdict"] == "ok"

    def test_without_truth_names_alone_are_checked(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "SR").mkdir()
        for number in (*range(1, 101), *range(801, 901)):
            (tmp_path / "SR" / f"{number:04}.png").touch()
        status, found = checked(capsys, tmp_path / "SR")
        assert status == 0 and "named as the challenge's valid set" in found["names"]["reason"]
        assert found["sizes"]["verdict"] == "not checked" and "--hr DIR" in found["sizes"]["reason"]


def handed_in(folder: Path, pairs: Pairs, change: str) -> Path:
    """The LR image enlarged, changed in one way."""
    folder.mkdir()
    lr = cv2.imread(str(pairs[1] / "onex4.png"))
    assert lr is not None
    image = cv2.resize(lr, (lr.shape[1] * 4, lr.shape[0] * 4), interpolation=cv2.INTER_CUBIC)
    changed = {
        "small": lambda: image[:-4],
        "bgr": lambda: image[..., ::-1],
        "shifted": lambda: np.roll(image, 2, axis=1),
    }
    image = np.ascontiguousarray(changed.get(change, lambda: image)())
    name = {"missing": "other.png", "jpeg": "one.jpg"}.get(change, "one.png")
    cv2.imwrite(str(folder / name), image)
    if change == "surplus":
        cv2.imwrite(str(folder / "two.png"), image)
    return folder
