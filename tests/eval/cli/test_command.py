"""The main command line on toy submissions: exit status, outputs, one failure never costing another."""

from __future__ import annotations

import csv
import errno
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eval import cli
from eval.harness import measure, resume
from eval.records import store
from eval.records.schema import Record, SubmissionInfo
from leaderboard.summary import summarise
from tests.conftest import ROOT
from tests.eval import toy

Pairs = tuple[Path, Path]


def run(*arguments: object) -> int:
    return cli.main(summarise, [str(argument) for argument in arguments])


def judge(repo: Path, pairs: Pairs, save_dir: Path, *more: object) -> int:
    return run(
        "--repo", repo, "--all", "--pairs", *pairs, "--save_dir", save_dir, "--device", "cpu",
        "--protocol", "ntire", *more,
    )  # fmt: skip


def read(save_dir: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((save_dir / "results.json").read_text())
    return content


ENDLESS = """
name = f"{model_id:02}_Endless"
class Endless:
    def numel(self):
        return float("inf")
class Toy(Repeat):
    def parameters(self, recurse=True):
        return [Endless()]
model = Toy()
"""
BAD = {
    1: (toy.forward("return super().forward(x)[..., :-1]"), r"bad output: shape .* expected \(1, 3,"),
    2: (toy.forward("return super().forward(x) * float('nan')"), "bad output: NaN or infinity"),
    3: (toy.forward("return super().forward(x).to(torch.uint8)"), "bad output: dtype torch.uint8"),
    4: (toy.forward("os._exit(0)"), "the worker process ended"),
    5: ("import imp_of_nothing", "needs the Python package 'imp_of_nothing', which is not installed"),
    6: ("raise NotImplementedError('later')", "NotImplementedError: later"),
    7: (toy.honest() + "model.load_state_dict(torch.load('model_zoo/team07_x.pth'))", "team07_x.pth"),
    8: (ENDLESS, "loading: protocol: the number of parameters stated as inf, expected a number from 0 to 1e"),
}


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory, tiny_pairs: Pairs) -> tuple[int, Path]:
    folder = tmp_path_factory.mktemp("batch")
    branches = {number: code for number, (code, _) in BAD.items()}
    repo = toy.write_repo(folder / "repo", {**branches, 9: toy.honest()})
    return judge(repo, tiny_pairs, folder / "out", "--ssim"), folder / "out"


def test_a_batch_with_failures_ends_with_status_1_and_a_result_for_each(batch: tuple[int, Path]) -> None:
    status, out = batch
    content = read(out)
    assert status == 1
    assert {name: entry["status"] for name, entry in content.items()} == {
        **{name: "failed" for name in content if not name.startswith("09")},
        "09_Repeat": "ok",
    }
    assert len(content) == len(BAD) + 1


@pytest.mark.parametrize("number", BAD)
def test_each_failure_says_why_and_has_no_means(batch: tuple[int, Path], number: int) -> None:
    entry = next(entry for name, entry in read(batch[1]).items() if name.startswith(f"{number:02}_"))
    assert re.search(BAD[number][1], entry["error"])
    assert not any("ave" in key for key in entry) and entry["runtime_ms"] is None


def test_the_honest_one_has_every_official_key(batch: tuple[int, Path]) -> None:
    entry = read(batch[1])["09_Repeat"]
    assert len(entry["valid_psnr"]) == len(entry["valid_ssim"]) == len(entry["valid_runtime"]) == 3
    assert entry["valid_ave_psnr"] == pytest.approx(sum(entry["valid_psnr"]) / 3)
    assert entry["num_conv"] == 1 and entry["num_parameters"] == pytest.approx(9e-6)
    assert entry["flops"] == pytest.approx(
        (9 * 256**2 + 3 * 1024**2) / 1e9
    )  # fvcore counts the interpolation too
    assert entry["activations"] == pytest.approx(3 * 256 * 256 / 1e6)
    assert entry["valid_memory"] > 0
    if "timing mismatch" not in {flag["name"] for flag in entry["flags"]}:  # a machine busy with other things
        assert entry["runtime_ms"]["protocol"] == "ntire"


def test_tables_stand_beside_it(batch: tuple[int, Path]) -> None:
    text = (batch[1] / "results.txt").read_text()
    assert text.splitlines()[0].split("\t")[0].strip() == "Model"
    assert "09_Repeat" in text and "# 04_Toy: failed:" in text
    with (batch[1] / "leaderboard.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["model"] for row in rows if row["rank"]] == ["09_Repeat"]
    assert {"rank", "model", "eligible", "val_psnr", "test_psnr", "runtime_ms", "flops_g", "params_m"} <= set(
        rows[0]
    )


def test_resume_judges_only_what_is_missing(tmp_path: Path, tiny_pairs: Pairs, capsys: Any) -> None:
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest()})
    assert judge(repo, tiny_pairs, tmp_path / "out") == 0
    assert judge(repo, tiny_pairs, tmp_path / "out", "--resume") == 0
    assert "already evaluated" in capsys.readouterr().out
    assert len(store.read_all(tmp_path / "out")) == 1


def test_a_later_failure_of_the_same_job_is_what_counts(tmp_path: Path) -> None:
    for status, error in (("ok", None), ("failed", "broken")):
        info = SubmissionInfo(model="9_X")
        store.append(
            tmp_path, Record(challenge="x", submission=info, status=status, error=error, job_key="k")
        )
    assert resume.finished_keys(tmp_path) == set()
    store.append(tmp_path, Record(challenge="x", submission=info, status="ok", job_key="k"))
    assert resume.finished_keys(tmp_path) == {"k"}


def test_an_error_of_the_harness_itself_costs_one_submission(
    tmp_path: Path, tiny_pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = measure.Measurement.run

    def broken(self: measure.Measurement) -> None:
        if self._submission.model.startswith("08"):
            raise OverflowError("too large")
        honest(self)

    monkeypatch.setattr(measure.Measurement, "run", broken)
    repo = toy.write_repo(tmp_path / "repo", {8: toy.honest("Other"), 9: toy.honest()})
    assert judge(repo, tiny_pairs, tmp_path / "out") == 1
    content = read(tmp_path / "out")
    assert content["08_Other"]["error"] == "internal error: OverflowError: too large"
    assert content["09_Repeat"]["status"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give one of --model_id"),
        (
            ("--all", "--models", "docs"),
            r"--models \S*/docs: no manifest in it; expected files such as team25",
        ),
        (("--model_id", "9999"), r"--model_id 9999: unknown.*there are: 0, "),
        (("--model_id", "25", "--challenge", "esr2042"), "unknown challenge 'esr2042'; did you mean 'esr20"),
        (("--model_id", "25", "--data_dir", "/nowhere"), "--data_dir /nowhere: no such folder"),
        (("--model_id", "25", "--repo", "/nowhere"), "--repo /nowhere"),
        (("--model_id", "25", "--pairs", "/nowhere", "/nowhere2"), "/nowhere"),
        (("--model_id", "25", "--device", "cuda:99"), "cuda"),
        (("--model_id", "25", "--data_dir", "x" * 300), "File name too long"),
    ],
)
def test_usage_errors_are_one_line_and_status_2(
    arguments: tuple[str, ...], message: str, capsys: Any, tmp_path: Path
) -> None:
    assert run(*arguments, "--save_dir", tmp_path) == 2
    error = capsys.readouterr().err
    assert re.search(message, error) and error.count("\n") == 1


@pytest.mark.parametrize("seconds", ["1e306", "0", "-1", "nan", "inf"])
def test_a_time_limit_that_no_clock_can_keep_is_a_usage_error(seconds: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        run("--model_id", "25", f"--timeout={seconds}")
    assert caught.value.code == 2
    assert "must be a number of seconds above 0, at most 1,000,000" in capsys.readouterr().err


def test_a_folder_that_may_not_be_entered_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    honest = Path.is_dir

    def refuse(path: Path) -> bool:  # root may enter every folder
        if path == Path("/x"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return honest(path)

    monkeypatch.setattr(Path, "is_dir", refuse)
    assert run("--model_id", "25", "--data_dir", "/x", "--save_dir", tmp_path) == 2
    assert capsys.readouterr().err == "test_demo.py: error: /x: Permission denied\n"


def test_save_dir_that_is_a_file_is_refused_before_anything_runs(
    tmp_path: Path, tiny_pairs: Pairs, capsys: Any
) -> None:
    (tmp_path / "file").touch()
    assert run("--model_id", "25", "--pairs", *tiny_pairs, "--save_dir", tmp_path / "file") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_help_and_unknown_options_as_a_subprocess() -> None:
    done = subprocess.run(
        [sys.executable, "test_demo.py", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0 and "--model_id" in done.stdout
    wrong = subprocess.run(
        [sys.executable, "test_demo.py", "--nope"], cwd=ROOT, capture_output=True, text=True
    )
    assert wrong.returncode == 2 and "--nope" in wrong.stderr and "Traceback" not in wrong.stderr


def test_a_missing_package_is_named_with_the_remedy() -> None:
    command = [sys.executable, "-S", str(ROOT / "test_demo.py"), "--help"]  # -S: nothing that pip installed
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert re.fullmatch(
        r"test_demo\.py: error: no package '\w+'; run `pip install -r requirements\.txt`\n", done.stderr
    )
