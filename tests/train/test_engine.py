"""Whole runs of a small recipe: every stage, kill and resume, several processes, bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from data.errors import InputError
from models.team21_SlimRLFN import SlimRLFN
from train.__main__ import main
from train.report import read_history
from train.saving import read_network, read_tensors
from train.schema.recipe import load
from train.stages.trainee import Trainee

ROOT = Path(__file__).resolve().parents[2]


def _arguments(recipe: Path, photos: Path, out: Path, *more: str) -> list[str]:
    return [
        str(recipe),
        "--data",
        str(photos),
        "--out",
        str(out),
        "--workers",
        "0",
        "--accelerator",
        "cpu",
        *more,
    ]


def _process(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "train", *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _finish(arguments: list[str]) -> None:
    process = _process(arguments)
    _, errors = process.communicate(timeout=500)
    assert process.returncode == 0, errors.decode()


def _assert_same_checkpoints(expected: Path, found: Path) -> None:
    """Both runs ended with the same tensors, bit for bit."""
    for name in ("tiny.pth", "tiny_teacher.pth"):
        wanted, tensors = read_tensors(expected / name), read_tensors(found / name)
        assert wanted.keys() == tensors.keys()
        for key in wanted:
            assert torch.equal(wanted[key], tensors[key]), key


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A run of the small recipe from start to end."""
    from tests.train.conftest import TINY

    out = tmp_path_factory.mktemp("whole")
    recipe = out / "tiny.toml"
    recipe.write_text(TINY, encoding="utf-8")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert main(_arguments(recipe, photos, out / "run")) == 0
    finally:
        torch.set_num_threads(threads)
    return out / "run"


def test_all_stages_ran_and_the_result_is_a_plain_pruned_network(whole: Path) -> None:
    stages = sorted(path.name for path in (whole / "stages").iterdir())
    assert stages == ["00_teacher", "01_distil_1", "02_distil_2", "03_prune"]
    network = SlimRLFN(channels=4, blocks=1, esa_channels=2, inner=[2])
    network.load_state_dict(read_tensors(whole / "tiny.pth"), strict=True)
    assert (whole / "tiny_teacher.pth").is_file()
    assert not (whole / "state.pt").exists()


def test_later_stages_start_where_the_one_before_ended(whole: Path) -> None:
    plan, state = read_network(whole / "stages/01_distil_1/last.pth")
    assert plan.imports == {"conv": "train.reparam:RepConv"}
    assert "block_list.0.c1_r.square.weight" in state
    pruned, _ = read_network(whole / "stages/03_prune/last.pth")
    assert pruned.imports == {} and pruned.args["inner"] == [2]


def test_what_a_run_tells(whole: Path) -> None:
    text = (whole / "summary.md").read_text(encoding="utf-8")
    for expected in (
        "python -m train",
        "torch",
        "| teacher |",
        "| distil_2 |",
        "tiny.pth",
        "seed 0",
        "1 x cpu",
    ):
        assert expected in text
    rows = read_history(whole)
    assert {row["stage"] for row in rows} == {"teacher", "distil_1", "distil_2", "prune"}
    assert any("psnr_db" in row for row in rows) and any("loss" in row for row in rows)
    assert list((whole / "tensorboard").glob("events*"))


@pytest.mark.parametrize("calls", [3, 7, 14])
def test_broken_off_and_resumed_ends_bit_for_bit_the_same(
    whole: Path, tiny: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Broken off in the first stage, in distillation with EMA, and between two prunings, off a saved step."""
    out, count, step = tmp_path / "run", 0, Trainee.step

    def breaking(self: Trainee, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count > calls:
            raise KeyboardInterrupt
        return step(self, *arguments)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(Trainee, "step", breaking)
            main(_arguments(tiny, photos, out))
        torch.manual_seed(calls)  # the state of the global generator must not matter
        assert main(_arguments(tiny, photos, out, "--resume")) == 0
    finally:
        torch.set_num_threads(threads)
    _assert_same_checkpoints(whole, out)


@pytest.mark.slow
def test_killed_and_resumed_ends_bit_for_bit_the_same(
    whole: Path, tiny: Path, photos: Path, tmp_path: Path
) -> None:
    """SIGKILL three times, whenever the run happens to be there; then to the end."""
    out = tmp_path / "run"
    more: tuple[str, ...] = ()
    for stage, seen in (("00_teacher", "best.pth"), ("01_distil_1", "best.pth"), ("03_prune", "best.pth")):
        process = _process(_arguments(tiny, photos, out, *more))
        deadline = time.monotonic() + 240
        while not (out / "stages" / stage / seen).is_file() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        more = ("--resume",)
    _finish(_arguments(tiny, photos, out, "--resume"))
    _assert_same_checkpoints(whole, out)


@pytest.mark.slow
def test_two_processes_equal_one_with_the_doubled_batch(
    whole: Path, tiny: Path, photos: Path, tmp_path: Path
) -> None:
    """Batch 2 on one process and 1 + 1 on two (gloo), over distillation, EMA, folding and pruning."""
    out = tmp_path / "run"
    _finish(_arguments(tiny, photos, out, "--devices", "2"))
    for name in ("tiny.pth", "tiny_teacher.pth"):
        expected, shared = read_tensors(whole / name), read_tensors(out / name)
        for key in expected:
            torch.testing.assert_close(shared[key], expected[key], rtol=1e-4, atol=2e-5)
    figures = [
        json.loads((run / "stages/00_teacher/done.json").read_text(encoding="utf-8")) for run in (whole, out)
    ]
    assert figures[1]["psnr_db"] == pytest.approx(figures[0]["psnr_db"], abs=1e-2)  # each measured half
    assert figures[1]["loss"] == pytest.approx(figures[0]["loss"], rel=1e-4)  # of the whole batch
    assert "2 x cpu" in (out / "summary.md").read_text(encoding="utf-8")


def test_a_single_stage_after_those_before_it(
    tiny: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(_arguments(tiny, photos, out, "--stage", "teacher")) == 0
    last = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("teacher 4/4"))
    row = json.loads((out / "stages/00_teacher/done.json").read_text(encoding="utf-8"))
    assert f"PSNR {row['psnr_db']:.2f} dB" in last
    assert (out / "stages/00_teacher/last.pth").is_file()
    assert not (out / "stages/01_distil_1").exists()
    assert main(_arguments(tiny, photos, out, "--stage", "distil_1")) == 0
    done = json.loads((out / "stages/01_distil_1/done.json").read_text(encoding="utf-8"))
    assert done["steps"] == 4


def test_pruning_goes_back_when_quality_breaks(tiny: Path, photos: Path, tmp_path: Path) -> None:
    text = tiny.read_text(encoding="utf-8").replace("max_drop_db = 50.0", "max_drop_db = 0.000001")
    tiny.write_text(text.replace("lr = 1e-4", "lr = 3e-1"), encoding="utf-8")  # breaks it for certain
    assert main(_arguments(tiny, photos, tmp_path / "run")) == 0
    plan, _ = read_network(tmp_path / "run/stages/03_prune/last.pth")
    assert "inner" not in plan.args
    assert "pruning stopped" in (tmp_path / "run/summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--stage", "warmup"],
            "--stage warmup: unknown, expected one of teacher, distil_1, distil_2, prune",
        ),
        (["--stage", "distil_1"], "--stage distil_1: stage teacher is not done in"),
        (["--devices", "0"], "--devices 0: expected 1 or more"),
        (["--weights", "x"], "--weights x: expected NAME=PATH"),
        (["--scale-steps", "0"], "--scale-steps 0.0: expected a factor over 0 and at most 1"),
    ],
)
def test_bad_arguments_are_one_line(
    tiny: Path,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    message: str,
) -> None:
    assert main(_arguments(tiny, photos, tmp_path / "run", *more)) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ") and message in last


def test_folders_in_use_and_other_recipes_are_refused(
    tiny: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(_arguments(tiny, photos, out, "--stage", "teacher")) == 0
    assert main(_arguments(tiny, photos, out)) == 2
    assert "holds a run; give --resume" in capsys.readouterr().err
    tiny.write_text(tiny.read_text(encoding="utf-8").replace("lr = 1e-3", "lr = 2e-3"), encoding="utf-8")
    assert main(_arguments(tiny, photos, out, "--resume")) == 2
    assert "is of another recipe or scale" in capsys.readouterr().err
    assert main(_arguments(tiny, photos, photos)) == 2
    assert "not empty; expected a new folder" in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_the_run(
    tiny: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.write_text(tiny.read_text(encoding="utf-8").replace("lr = 1e-3", "lr = 1e30"), encoding="utf-8")
    assert main(_arguments(tiny, photos, tmp_path / "run")) == 2
    assert "stages.teacher: the loss is nan at step" in capsys.readouterr().err


def test_parameters_that_are_no_numbers_are_not_written(
    tiny: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The loss of the last step is a number, its gradient is not."""
    text = tiny.read_text(encoding="utf-8").replace("steps = 4", "steps = 1", 1)
    text = text.replace("models.team00_RLFN:RLFN", "tests.train.toys:NoNumberAsGradient")
    tiny.write_text(text, encoding="utf-8")
    assert main(_arguments(tiny, photos, tmp_path / "run")) == 2
    assert "stages.teacher: parameters are not finite after step 0; a lower lr" in capsys.readouterr().err
    assert not list((tmp_path / "run").rglob("*.pth"))


def test_an_unscaled_recipe_is_as_written(tiny: Path, whole: Path) -> None:
    written = json.loads((whole / "recipe.json").read_text(encoding="utf-8"))
    assert written == load(tiny).model_dump(mode="json", by_alias=True)


def test_missing_warm_start_names_the_option(tiny: Path, photos: Path, tmp_path: Path) -> None:
    from train.context import Options
    from train.engine import train

    text = tiny.read_text(encoding="utf-8")
    text = text.replace("batch = 2\n", 'batch = 2\nwarm_start = { file = "hat_l" }\n', 1)
    tiny.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="no such file; give it with --weights hat_l=PATH"):
        train(load(tiny), Options(data=photos, out=tmp_path / "run", workers=0), accelerator="cpu")
