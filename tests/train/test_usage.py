"""Wrong uses of `python -m train`: each ends with status 2 and one line that says what would be right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from data import prepare
from train.__main__ import main
from train.report import read_history

Refusal = Callable[..., str]


@pytest.fixture
def refusal(tiny: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Runs the small recipe, with more options, and gives the error's line, which must be the only one."""

    def run(*more: str, data: Path = photos, out: Path = tmp_path / "run") -> str:
        places = ["--data", str(data), "--out", str(out)]
        assert main([str(tiny), *places, "--workers", "0", "--accelerator", "cpu", *more]) == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        head, _, error = said.rpartition("error: ")
        assert error.count("\n") == 1 and "error: " not in head, said
        return error.strip()

    return run


def change(recipe: Path, old: str, new: str) -> None:
    """Replace `old`, which must be there, once."""
    text = recipe.read_text(encoding="utf-8")
    assert old in text
    recipe.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_stage_alone_needs_those_before_it(
    tiny: Path, photos: Path, tmp_path: Path, refusal: Refusal
) -> None:
    """Whatever it starts from, also from scratch: the steps of a run's history are counted through."""
    change(tiny, 'distil = { network = "teacher", losses = [{ name = "charbonnier" }] }', 'start = "scratch"')
    out = tmp_path / "run"
    expected = f"--stage distil_2: stage teacher is not done in {out}; expected those before it done"
    assert expected in refusal("--stage", "distil_2")
    assert not out.exists()  # still free for a run without --stage
    arguments = ["--data", str(photos), "--out", str(out), "--workers", "0", "--accelerator", "cpu"]
    assert main([str(tiny), *arguments, "--stage", "teacher"]) == 0
    assert "--stage distil_2: stage distil_1 is not done" in refusal("--stage", "distil_2")
    assert main([str(tiny), *arguments, "--stage", "distil_1"]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--accelerator", "cuda"], "--accelerator cuda: no CUDA device here; expected auto or cpu"),
        (["--accelerator", "auto", "--devices", "9"], "--devices 9: 1 CUDA devices here; expected at most"),
        (["--scale-batch", "0"], "--scale-batch 0.0: expected a factor over 0 and at most 1"),
        (["--scale-patch", "0"], "--scale-patch 0.0: expected a factor over 0 and at most 1"),
        (["--workers", "-1"], "--workers -1: expected 0 or more"),
        (
            ["--weights", "hat=x.pth"],
            "--weights hat=x.pth: the recipe names no checkpoint 'hat'; expected one",
        ),
    ],
)
def test_options_are_not_ignored(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch, more: list[str], message: str
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: int("auto" in more))
    monkeypatch.setattr("torch.cuda.is_available", lambda: "auto" in more)
    assert message in refusal(*more)


def test_weights_that_are_not_there_are_not_replaced_by_random_ones(
    tiny: Path, tmp_path: Path, refusal: Refusal
) -> None:
    warm = 'hr_patch = 64\nwarm_start = { file = "hat_l", network = "teacher" }\n'
    change(tiny, "hr_patch = 64\n", warm)
    typed = f"hat_l={tmp_path / 'none.pth'}"
    assert f"--weights {typed}: no such file" in refusal("--weights", typed, "--scale-steps", "0.5")


@pytest.mark.parametrize("inside", ["", "/run"])
def test_out_that_cannot_be_a_folder(tmp_path: Path, refusal: Refusal, inside: str) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "recipe.json: cannot be written: " in refusal(out=tmp_path / f"file{inside}")


@pytest.mark.parametrize("name", ["recipe.json", "stages/00_teacher/done.json"])
def test_damaged_files_of_a_run_are_named(
    tiny: Path, photos: Path, tmp_path: Path, refusal: Refusal, name: str
) -> None:
    run = tmp_path / "run"
    arguments = ["--data", str(photos), "--out", str(run), "--workers", "0", "--accelerator", "cpu"]
    assert main([str(tiny), *arguments, "--stage", "teacher"]) == 0
    (run / name).write_text('{"name": ')
    assert f"{run / name}: damaged: Expecting value: line 1 column 10" in refusal("--resume")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "data_range = 255.0\n",
            'data_range = 255.0\nunit_range = ["head", "fea_conv"]\n',
            "unit_range: models.team00_RLFN:RLFN has no convolution 'head' with weight; expected the names",
        ),
        (
            "hr_patch = 64",
            "hr_patch = 4",
            "stages.teacher.hr_patch: 4: models.team00_RLFN:RLFN takes no patches of 1x1 low-resolution pixels",
        ),
        (
            'name = "tiny"\n',
            'name = "tiny"\nscale = 2\n',
            "scale: 2: models.team00_RLFN:RLFN makes 128x128 pixels of 32x32; expected 64x64",
        ),
    ],
)
def test_recipes_that_do_not_fit_their_network_are_refused_before_training(
    tiny: Path, tmp_path: Path, refusal: Refusal, old: str, new: str, message: str
) -> None:
    change(tiny, old, new)
    assert message in refusal()
    assert not (tmp_path / "run/history.jsonl").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.c2_r", "0.c9_r", "stages.prune.prune.chains: the network has no convolution 'block_list.0.c9_r'"),
        ("final = [2]", "final = [9]", "stages.prune.prune.final: 9 channels; expected 1 to 4, as many as"),
        ('"block_list.0.c2_r", ', '"conv_1", ', "0.c1_r gives 4 channels, conv_1 takes 3; expected a row"),
    ],
)
def test_prunings_that_do_not_fit_their_network_are_refused(
    tiny: Path, refusal: Refusal, old: str, new: str, message: str
) -> None:
    change(tiny, old, new)
    change(tiny, ', tiny_teacher = "teacher"', "")
    head, *stages = tiny.read_text(encoding="utf-8").split("[[stages]]")
    tiny.write_text(f"{head}[[stages]]{stages[-1]}", encoding="utf-8")
    assert message in refusal()


def test_a_teacher_with_another_networks_weights_is_refused(
    tiny: Path, tmp_path: Path, refusal: Refusal
) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    change(tiny, 'distil = { network = "teacher"', 'distil = { submission = "25"')
    change(tiny, 'losses = [{ name = "charbonnier" }]\nopt', 'losses = [{ name = "l1" }]\nopt')
    error = refusal("--weights", f"teacher_25={tmp_path / 'other.pth'}")
    assert "other.pth: does not fit EERN: missing ['head.weight'" in error


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_damaged_training_image_is_named(
    photos: Path, tmp_path: Path, refusal: Refusal, workers: str
) -> None:
    """With a worker its error crosses a process: it must arrive as the same one line."""
    images = tmp_path / "images"
    images.mkdir()
    for photo in photos.iterdir():
        (images / photo.name).write_bytes(photo.read_bytes())
    cut = images / "3.png"
    cut.write_bytes(cut.read_bytes()[:2000])
    assert prepare.main(["bicubic", str(photos), str(tmp_path / "LR"), "--workers", "1"]) == 0
    error = refusal("--workers", workers, "--val", str(photos), str(tmp_path / "LR"), data=images)
    assert error == f"{cut}: it is truncated: the PNG ends inside a chunk; copy or download the file again"


def test_a_history_with_a_damaged_line_is_read_up_to_it(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_bytes(b'{"step": 1}\n\xff\xfe\n{"step": 3}\n')
    assert read_history(tmp_path) == [{"step": 1}]
