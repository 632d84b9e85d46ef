"""`python -m eval.new` writes submissions that validate, or nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact
from spandrel.architectures.SwinIR.__arch.SwinIR import SwinIR

from eval import new, validate
from eval.scaffold import confined
from eval.scaffold.beginning import NewName, beginning
from eval.scaffold.texts import manifest_text
from eval.submissions.manifest import read_manifest
from tests.conftest import ROOT
from tests.eval.validation.pictures import coloured_pair

SCRIPT = """from torch import nn
from helper import SCALE


class Block(nn.Module):
    def forward(self, x):
        return x


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        nn.init.dirac_(self.conv.weight)
        self.block = Block()

    def forward(self, x):
        return nn.functional.interpolate(self.block(self.conv(x)), scale_factor=SCALE, mode="bicubic")
"""


def compact() -> dict[str, Any]:
    return {"params": SRVGGNetCompact(num_feat=8, num_conv=1, upscale=4).state_dict()}


def wrapped_swinir() -> dict[str, Any]:
    """With a wrapper's prefix, under a key, and a class among its arguments."""
    network = SwinIR(
        upscale=4, img_size=16, window_size=8, embed_dim=12, depths=[2], num_heads=[2], mlp_ratio=2,
        upsampler="pixelshuffledirect",
    )  # fmt: skip
    return {"params_ema": {f"module.{name}": value for name, value in network.state_dict().items()}}


def problems(manifest: Path, folder: Path, capsys: pytest.CaptureFixture[str], *more: object) -> list[Any]:
    """What `eval.validate` finds wrong."""
    pairs = coloured_pair(folder)
    capsys.readouterr()
    status = validate.main([*map(str, (manifest, "--json", "--device", "cpu", "--pairs", *pairs, *more))])
    found = [item for item in json.loads(capsys.readouterr().out) if item["verdict"] == "problem"]
    assert bool(status) == bool(found)
    return found


def test_the_whole_way_from_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eval.new", "7", "MyNet", "--out", str(tmp_path), "--team", "Ünï"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    manifest = tmp_path / "models" / "team07_MyNet.toml"
    assert f"python -m eval.validate {manifest}" in done.stdout
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")) == [
        "model_zoo/team07_MyNet.pth", "models/team07_MyNet.py", "models/team07_MyNet.toml",
        "tests/models/test_team07_MyNet.py",
    ]  # fmt: skip
    assert read_manifest(manifest).team == "Ünï"
    assert problems(manifest, tmp_path / "pairs", capsys) == []


@pytest.mark.slow
def test_the_written_test_passes(tmp_path: Path) -> None:
    assert new.main(["7", "MyNet", "--out", str(tmp_path)]) == 0
    test = tmp_path / "tests" / "models" / "test_team07_MyNet.py"
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "0", str(test)], cwd=ROOT, check=True)


def test_from_a_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.py").write_text(SCRIPT)
    (tmp_path / "helper.py").write_text("SCALE = 4\n")
    out = tmp_path / "out"
    assert (
        new.main(["7", "MyNet", "--from", str(tmp_path / "net.py"), "--data_range", "255", "--out", str(out)])
        == 0
    )
    manifest = read_manifest(out / "models" / "team07_MyNet.toml")
    assert (manifest.class_, manifest.data_range, manifest.files) == ("Whole", 255.0, ("helper.py",))
    found = problems(out / "models" / "team07_MyNet.toml", tmp_path / "pairs", capsys, "--quick")
    assert found == []


def from_checkpoint(folder: Path, content: dict[str, Any]) -> Path:
    """The manifest of a submission that begins with a checkpoint."""
    torch.save(content, folder / "net.pth")
    assert new.main(["7", "MyNet", "--from", str(folder / "net.pth"), "--out", str(folder / "out")]) == 0
    return folder / "out" / "models" / "team07_MyNet.toml"


def test_from_a_checkpoint_that_spandrel_knows(tmp_path: Path) -> None:
    manifest = read_manifest(from_checkpoint(tmp_path, compact()))
    assert (
        manifest.checkpoint is not None and manifest.checkpoint.key == "params"
    )  # so it was loaded strictly
    assert manifest.args["num_feat"] == 8 and manifest.pad_multiple == 1


def test_sides_that_an_architecture_needs_reach_the_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    found = confined.Architecture("some.module", "Windowed", {"depth": 2}, multiple=8)
    monkeypatch.setattr(confined, "architecture", lambda _path: found)
    start = beginning(NewName(7, "MyNet"), Path("net.pth"), "", None)
    assert (start.fields["pad_multiple"], start.fields["args"]) == (8, {"depth": 2})
    assert "from some.module import Windowed as Architecture" in start.script


@pytest.mark.slow
@pytest.mark.parametrize("made", [compact, wrapped_swinir])
def test_what_begins_with_a_checkpoint_validates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], made: Any
) -> None:
    manifest = from_checkpoint(tmp_path, made())
    assert problems(manifest, tmp_path / "pairs", capsys) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x", "MyNet"], "TEAM_ID x: expected a number from 0 to 9999"),
        (["7", "My-Net"], "NAME My-Net: expected letters"),
        (["42", "MyNet"], "TEAM_ID 42: is already taken by team42_Other.toml"),
        (["7", "MyNet", "--from", "absent.py"], "absent.py: no such file"),
        (["7", "MyNet", "--from", "notes.txt"], "expected a script (.py) or a checkpoint"),
        (["7", "MyNet", "--from", "plain.py"], "no class with a method forward"),
        (["7", "MyNet", "--from", "broken.py"], "broken.py:1: not valid Python"),
        (["7", "MyNet", "--from", "net.py", "--class", "Nett"], "--class Nett: net.py defines: Block, Whole"),
        (["7", "MyNet", "--from", "net.pth", "--checkpoint", "net.pth"], "leave one of them out"),
    ],
)
def test_what_cannot_be_begun_is_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], words: str,
) -> None:  # fmt: skip
    (tmp_path / "models").mkdir()
    texts = {"models/team42_Other.toml": "", "notes.txt": "", "plain.py": "x = 1\n", "broken.py": "def (:",
             "net.py": SCRIPT, "net.pth": ""}  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert new.main([*arguments, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert words in said and len(said.splitlines()) == 1
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")) == sorted(texts)


def test_a_network_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.py").write_text(SCRIPT.replace("from helper import SCALE", "SCALE = missing"))
    assert new.main(["7", "MyNet", "--from", str(tmp_path / "net.py"), "--out", str(tmp_path / "out")]) == 2
    assert "NameError: name 'missing' is not defined" in capsys.readouterr().err
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


def test_a_file_that_exists_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "models" / "team07_MyNet.py"
    kept.parent.mkdir()
    kept.write_text("mine")
    assert new.main(["7", "MyNet", "--out", str(tmp_path)]) == 2
    assert "exists already; nothing was written" in capsys.readouterr().err and kept.read_text() == "mine"


def test_values_of_a_manifest_are_toml(tmp_path: Path) -> None:
    fields = {
        "id": 7, "team": 'a "quoted" \\ name', "name": "N", "class": "N", "data_range": 1.0, "files": None,
        "args": {"depths": [[6, 6], [2]], "ratio": 1e-05, "flag": True, "inner": {"a": 1}},
        "checkpoint": {"file": "n.pth"},
    }  # fmt: skip
    path = tmp_path / "team07_N.toml"
    path.write_text(manifest_text(fields), encoding="utf-8")
    found = read_manifest(path)
    assert found.team == fields["team"] and found.args == fields["args"] and found.files == ()
