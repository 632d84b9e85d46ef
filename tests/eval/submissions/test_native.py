"""Files of a native submission: further ones beside the script, checkpoints beside `--models`, names and paths."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from data.errors import InputError
from eval.protocol.job import EnsembleSource, NativeSource, SpandrelSource
from eval.submissions.bare_checkpoint import bare_checkpoint
from eval.submissions.image_folder import image_folder
from eval.submissions.native import native
from eval.submissions.resolve import from_manifest
from tests.conftest import ROOT
from tests.eval import toy

CHECKPOINT = '[checkpoint]\nfile = "team42_Net.pth"\n'


def write(models: Path, more: str = "", script: str = toy.NETWORK, name: str = "team42_Net") -> Path:
    models.mkdir(parents=True, exist_ok=True)
    (models / f"{name}.py").write_text(script)
    path = models / f"{name}.toml"
    path.write_text(toy.MANIFEST + more)
    return path


def complete(folder: Path, more: str = "") -> Path:
    """The manifest of a submission in `folder/models` that lacks nothing but what `more` asks for."""
    save(folder / "model_zoo" / "team42_Net.pth")
    return write(folder / "models", more + CHECKPOINT)


def save(path: Path, gain: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"gain": torch.full((1,), gain)}, path)
    return path


def test_further_files_are_shown_and_hashed(tmp_path: Path) -> None:
    models = tmp_path / "models"
    path = complete(tmp_path, 'files = ["helper.py", "tables/sine.npz", "blocks/__init__.py"]\n')
    for name in ("helper.py", "tables/sine.npz", "blocks/__init__.py", "unlisted.py"):
        (models / name).parent.mkdir(exist_ok=True)
        (models / name).write_text("x = 1\n")
    one = native(path)
    listed = [models / name for name in ("helper.py", "tables/sine.npz", "blocks/__init__.py")]
    assert one.problem == "" and set(listed) <= set(one.visible) and models / "unlisted.py" not in one.visible
    assert isinstance(one.source, NativeSource) and one.source.files == tuple(map(str, listed))
    for file in listed:
        before = one.fingerprint()
        file.write_text("x = 2\n")
        assert before[str(file)] != one.fingerprint()[str(file)]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("absent.py", "files: .*absent.py: no such file$"),
        ("helper.py", "files: .*helper.py: no such file; there is Helper.py: upper and lower case differ"),
        ("link.py", "files: link.py: a link that leads out of models/"),
        ("team7_Rival.py", "files: team7_Rival.py bears the number of another submission"),
        ("team007/net.py", "files: team007/net.py bears the number of another submission"),
        ("folder", "files: folder: not a regular file"),
    ],
)
def test_a_further_file_that_cannot_be_shown_is_the_submissions_problem(
    tmp_path: Path, name: str, problem: str
) -> None:
    models = tmp_path / "models"
    path = complete(tmp_path, f'files = ["{name}"]\n')
    write(models, name="team07_Rival")
    for file in ("Helper.py", "team7_Rival.py", "team007/net.py", "folder/x"):
        (models / file).parent.mkdir(exist_ok=True)
        (models / file).touch()
    (models / "link.py").symlink_to(tmp_path)
    one = native(path)
    with pytest.raises(InputError, match=problem):
        raise InputError(one.problem)
    assert not any(file.name in ("team7_Rival.py", "net.py", "link.py") for file in one.visible)


@pytest.mark.parametrize(
    "name", ["../x.py", "/etc/passwd", "a/../../x", "", ".", "a//b", "a/", ".hidden", "a\\nb"]
)
def test_a_further_file_is_a_path_inside_the_manifests_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        InputError, match=r"field 'files': value error, .* must be a path inside the manifest's folder"
    ):
        native(write(tmp_path, f'files = ["{name}"]\n'))


def test_a_file_with_a_number_that_nobody_has_is_ones_own(tmp_path: Path) -> None:
    path = complete(tmp_path, 'files = ["team250_cfg.txt"]\n')
    (path.parent / "team250_cfg.txt").touch()
    assert native(path).problem == ""


def test_an_ensemble_has_the_files_of_its_members(tmp_path: Path) -> None:
    models = complete(tmp_path, 'files = ["table.npz"]\n').parent
    (models / "table.npz").touch()
    whole = models / "team43_Both.toml"
    whole.write_text('id = 43\nteam = "T"\nname = "Both"\ndata_range = 1.0\n[ensemble]\nmembers = ["42"]\n')
    one = from_manifest(whole, folder=models)
    assert isinstance(one.source, EnsembleSource) and one.problem == ""
    assert models / "table.npz" in one.visible and str(models / "table.npz") in one.fingerprint()


@pytest.mark.parametrize("zoo", ["model_zoo", "models"])
def test_a_checkpoint_is_found_beside_the_models(tmp_path: Path, zoo: str) -> None:
    file = save(tmp_path / zoo / "team42_Net.pth")
    one = native(write(tmp_path / "models", CHECKPOINT))
    assert one.problem == "" and one.checkpoints == (file,)


def test_a_missing_checkpoint_names_the_near_one(tmp_path: Path) -> None:
    save(tmp_path / "model_zoo" / "Team42_net.pth")
    problem = native(write(tmp_path / "models", CHECKPOINT)).problem
    assert "no such file; there is Team42_net.pth: upper and lower case differ" in problem


def spellings(path: Path, start: Path) -> dict[str, str]:
    """Ways to write `path` for a program that runs in `start`."""
    link = start / f"link_{path.name}"
    link.symlink_to(path)
    (start / "up").symlink_to(path.parent)
    return {
        "absolute": str(path),
        "relative": os.path.relpath(path, start),
        "dotted": f"./{os.path.relpath(path.parent, start)}/../{path.parent.name}/{path.name}",
        "link": link.name,
        "folder link": f"up/{path.name}",
        **({"slash": f"{os.path.relpath(path, start)}/"} if path.is_dir() else {}),
    }


def test_no_path_reaches_a_worker_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interface of Python, however a caller writes a path."""
    start = tmp_path / "elsewhere"
    start.mkdir()
    monkeypatch.chdir(start)
    manifest = write(tmp_path / "models", CHECKPOINT)
    save(tmp_path / "model_zoo" / "team42_Net.pth")
    weights = save(tmp_path / "given" / "w.pth")
    (tmp_path / "images").mkdir()
    for given in spellings(weights, start).values():
        (part,) = native(manifest, given).source.checkpoints  # type: ignore[attr-defined]
        assert Path(part.path).is_absolute() and Path(part.path).samefile(weights)
        source = bare_checkpoint(Path(given)).source
        assert isinstance(source, SpandrelSource) and source.path == str(weights)
    for name in ("up", "link_w.pth"):
        (start / name).unlink()
    for given in spellings(manifest, start).values():
        if not given.startswith("link"):  # its name says which submission it is
            one = native(Path(given))
            assert one.problem == "" and all(path.is_absolute() for path in (*one.visible, *one.checkpoints))
    (start / "up").unlink()
    names = {
        spelling: image_folder(Path(given)).model
        for spelling, given in spellings(tmp_path / "images", start).items()
    }
    assert names.pop("link") == "link_images" and set(names.values()) == {"images"}


SCRIPT = """
import torch
from torch import nn
from .helper import shared
from tables import VALUES

assert open(__file__.replace("team42_Net.py", "note.txt")).read() == "note"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return shared(x) * self.gain * VALUES[0]
"""


@pytest.mark.parametrize("spelling", ["relative", "link", "slash", "absolute"])
def test_the_whole_way_with_helpers_and_a_relative_folder(
    tmp_path: Path, tiny_pairs: tuple[Path, Path], spelling: str
) -> None:
    models = tmp_path / "models"
    write(models, f'files = ["helper.py", "tables.py", "note.txt"]\n{CHECKPOINT}', SCRIPT)
    (models / "helper.py").write_text(
        "from torch.nn.functional import interpolate\n\n\ndef shared(x):\n    return interpolate(x, scale_factor=4)\n"
    )
    (models / "tables.py").write_text("VALUES = [1]\n")
    (models / "note.txt").write_text("note")
    save(tmp_path / "model_zoo" / "team42_Net.pth")
    start = tmp_path / "elsewhere"
    start.mkdir()
    given = spellings(models, start)[spelling]
    weights = os.path.relpath(save(tmp_path / "given" / "w.pth"), start)
    command = [
        sys.executable,
        ROOT / "test_demo.py",
        "--models",
        given,
        "--model_id",
        "42",
        "--save_dir",
        "out",
    ]
    more = ["--checkpoint", weights] if spelling == "relative" else []
    pairs = ["--pairs", *(os.path.relpath(folder, start) for folder in tiny_pairs)]
    done = subprocess.run(
        [*map(str, command), *more, *pairs, "--device", "cpu", "--protocol", "ntire"],
        cwd=start, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (entry,) = json.loads((start / "out" / "results.json").read_text()).values()
    assert entry["error"] is None and entry["valid_ave_psnr"] > 10


def test_the_documented_checkpoint_of_a_training(tmp_path: Path, shared: Path) -> None:
    """Case relative-checkpoint: `--checkpoint OUT/EERN.pth` from the project's folder."""
    weights = ROOT / "model_zoo" / "reproduced" / "team25_EERN.pth"
    if not weights.is_file():
        pytest.skip("no reproduced checkpoint of EERN")
    (tmp_path / "OUT").mkdir()
    shutil.copy(weights, tmp_path / "OUT" / "EERN.pth")
    pair = [str(shared / "cases" / "pair" / name) for name in ("HR", "LR")]
    command = [
        sys.executable, ROOT / "test_demo.py", "--model_id", "25", "--checkpoint", "OUT/EERN.pth", "--pairs", *pair,
        "--protocol", "ntire", "--device", "cpu", "--save_dir", "out",
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    entry = json.loads((tmp_path / "out" / "results.json").read_text())["25_EERN"]
    assert entry["valid_ave_psnr"] == pytest.approx(30.7690, abs=5e-4)
