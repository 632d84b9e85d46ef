"""Faults that are nobody's attack: killed workers, a killed harness, a full disk, a folder that is read-only.

The long form of the kill test (100 kills, batches of ten) takes about half an hour on two cores:

    HOSTILE_KILLS=100 python -m pytest -m slow tests/hostile/test_faults.py -k many_times
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.errors import InputError
from eval import cli
from eval.cli import batch
from eval.harness import worker_process
from eval.harness.scoring import scorer_pool
from eval.records import store
from eval.records.schema import Record, SubmissionInfo
from leaderboard.summary import summarise
from tests.conftest import ROOT
from tests.eval import toy
from tests.hostile.verdicts import psnr

Pairs = tuple[Path, Path]
KILLS = int(os.environ.get("HOSTILE_KILLS", "100"))


def arguments(repo: Path, pairs: Pairs, save_dir: Path, *more: object) -> list[str]:
    given = (
        "--repo", repo, "--all", "--pairs", *pairs, "--save_dir", save_dir, "--device", "cpu",
        "--protocol", "ntire", *more,
    )  # fmt: skip
    return [str(argument) for argument in given]


def judge(repo: Path, pairs: Pairs, save_dir: Path, *more: object) -> int:
    return cli.main(summarise, arguments(repo, pairs, save_dir, *more))


def sound(save_dir: Path) -> list[Record]:
    """All records, which must be whole, chained, and the only files beside the lock."""
    assert store.verify_chain(save_dir) == []
    names = (
        {path.name for path in (save_dir / store.RECORDS).iterdir()}
        if (save_dir / store.RECORDS).is_dir()
        else set()
    )
    half_written = [name for name in names if name.startswith(".") and name != ".lock"]
    assert len(half_written) <= 1, "what a kill may leave is one temporary file, which nothing reads"
    return store.read_all(save_dir)


def test_a_worker_killed_in_mid_batch_costs_one_submission(
    tmp_path: Path, tiny_pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = toy.write_repo(
        tmp_path / "repo", {1: toy.honest("Before"), 2: toy.honest("Killed"), 3: toy.honest("After")}
    )
    forward = worker_process.WorkerProcess.forward

    def kill_at_second_image(
        self: worker_process.WorkerProcess, image: Any, name: str
    ) -> worker_process.Answer:
        if self._submission.model == "02_Killed" and name.startswith("img1"):
            os.kill(self.pid, signal.SIGKILL)
        return forward(self, image, name)

    monkeypatch.setattr(worker_process.WorkerProcess, "forward", kill_at_second_image)
    assert judge(repo, tiny_pairs, tmp_path / "out") == 1
    records = {record.model: record for record in sound(tmp_path / "out")}
    assert records["02_Killed"].status == "failed" and records["02_Killed"].modes == {}
    # The kill reaches the process inside a moment later: perhaps it answers that image, and fails at the next request
    assert "the worker process ended (killed by signal 9)" in (records["02_Killed"].error or "")
    assert psnr(records["01_Before"]) == psnr(records["03_After"]) != {}


def start(repo: Path, pairs: Pairs, save_dir: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(ROOT / "test_demo.py"), *arguments(repo, pairs, save_dir, "--resume")]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def workers_in(repo: Path) -> list[int]:
    """Processes that work in `repo`."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if str((process / "cwd").readlink()) == str(repo):
                    found.append(int(process.name))
    return found


def wait_until_gone(repo: Path) -> None:
    deadline = time.monotonic() + 10
    while workers_in(repo) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workers_in(repo) == [], "a worker outlived its harness"


def kill_and_resume(folder: Path, pairs: Pairs, n_submissions: int, kills: int, longest_s: float) -> None:
    """Run batches to their end again and again, kill -9 the harness `kills` times on the way; compare the numbers."""
    branches = {number: toy.honest(f"Toy{number}") for number in range(1, n_submissions + 1)}
    repo = toy.write_repo((folder / "repo").resolve(), branches)
    seed = random.randrange(1 << 30)
    dice, reference, done, batch = random.Random(seed), None, 0, 0
    while done < kills:
        save_dir = folder / f"out{batch}"
        batch += 1
        finished_before: set[str] = set()
        while True:
            process = start(repo, pairs, save_dir)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(dice.uniform(0.1, longest_s) if done < kills else None)
            was_killed = process.poll() is None
            process.kill()
            process.wait()
            wait_until_gone(repo)
            finished = {record.model for record in sound(save_dir) if record.status == "ok"}
            assert finished_before <= finished, f"seed {seed}: a finished evaluation was lost"
            finished_before = finished
            if not was_killed:
                assert process.returncode == 0, f"seed {seed}"
                break
            done += 1
        records = sound(save_dir)
        assert len(records) == n_submissions, f"seed {seed}: each was evaluated once, none twice"
        numbers = {record.model: psnr(record) for record in records}
        reference = reference or numbers
        assert numbers == reference, f"seed {seed}"
        keys = set(json.loads((save_dir / "results.json").read_text()))
        assert keys == set(numbers)


def test_a_harness_killed_at_random_loses_nothing(tmp_path: Path, tiny_pairs: Pairs) -> None:
    kill_and_resume(tmp_path, tiny_pairs, n_submissions=3, kills=3, longest_s=12.0)


@pytest.mark.slow
def test_a_harness_killed_at_random_many_times(tmp_path: Path, tiny_pairs: Pairs) -> None:
    kill_and_resume(tmp_path, tiny_pairs, n_submissions=10, kills=KILLS, longest_s=30.0)


@pytest.mark.parametrize("fault", ["out of memory", pytest.param("no threads", marks=pytest.mark.slow)])
def test_a_scorer_that_dies_ends_the_batch_with_one_line(
    fault: str, tmp_path: Path, tiny_pairs: Pairs, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """The first submission's record is kept, the second one's is not written; --resume gives the same numbers."""
    repo = toy.write_repo(tmp_path / "repo", {1: toy.honest("First"), 2: toy.honest("Second")})
    n_images = 3
    calls = iter(range(100))
    score, start = scorer_pool.registry.measure, scorer_pool.ScorerPool.start

    def exhausted(*of: Any) -> scorer_pool.ImageScores:
        if (
            next(calls) == 2 * n_images + 1
        ):  # bicubic's figures of the first submission's images came in between
            raise MemoryError("no room for another image")
        return score(*of)

    def closed(self: scorer_pool.ScorerPool, work: scorer_pool.Task) -> Any:
        if next(calls) == n_images + 1:
            self._threads.shutdown(wait=False)
        return start(self, work)

    with monkeypatch.context() as patched:
        if fault == "no threads":
            patched.setattr(scorer_pool.ScorerPool, "start", closed)
        else:
            patched.setattr(scorer_pool.registry, "measure", exhausted)
        assert judge(repo, tiny_pairs, tmp_path / "out") == 2
    error = capsys.readouterr().err
    reason = {
        "out of memory": "MemoryError: no room for another image",
        "no threads": "no thread to score with",
    }
    assert reason[fault] in error and "--resume goes on" in error and error.count("\n") == 1
    assert [one.model for one in sound(tmp_path / "out")] == ["01_First"]
    assert judge(repo, tiny_pairs, tmp_path / "out", "--resume") == 0
    assert "already evaluated" in capsys.readouterr().out
    first, second = sound(tmp_path / "out")
    assert psnr(first) == psnr(second) != {}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB. Skips the test if this user cannot mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0777", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("a small file system can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(folder: Path) -> Path:
    """Take all the room that is left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(4096))
    return path


def record(model: str) -> Record:
    return Record(
        challenge="esr2024", submission=SubmissionInfo(model=model), status="failed", error="x" * 9000
    )


def test_a_full_disk_leaves_whole_records_only(small_disk: Path) -> None:
    store.append(small_disk, record("01_first"))
    filler = fill(small_disk)
    with pytest.raises(InputError, match="the record cannot be written"):
        store.append(small_disk, record("02_second"))
    assert [one.model for one in sound(small_disk)] == ["01_first"]
    assert len(list((small_disk / store.RECORDS).iterdir())) == 3, "the record, its sha256 and the lock"
    filler.unlink()
    store.append(small_disk, record("02_second"))
    assert [one.model for one in sound(small_disk)] == ["01_first", "02_second"]


def test_a_disk_that_fills_up_during_a_batch_ends_it_with_one_line(
    small_disk: Path, tmp_path: Path, tiny_pairs: Pairs, capsys: Any
) -> None:
    repo = toy.write_repo(tmp_path / "repo", {1: toy.honest("First")})
    out = small_disk / "out"
    out.mkdir()
    filler = fill(small_disk)
    assert judge(repo, tiny_pairs, out) == 2
    error = capsys.readouterr().err
    assert "cannot be written" in error and error.count("\n") == 1
    filler.unlink()
    assert judge(repo, tiny_pairs, out, "--resume") == 0
    assert [one.status for one in sound(out)] == ["ok"]


def test_a_read_only_save_dir_is_refused_before_anything_runs(
    small_disk: Path, tiny_pairs: Pairs, tmp_path: Path, capsys: Any
) -> None:
    repo = toy.write_repo(tmp_path / "repo", {1: toy.honest("First")})
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert judge(repo, tiny_pairs, small_disk / "out") == 2
    assert "cannot be written (Read-only file system)" in capsys.readouterr().err


def test_a_submission_that_changes_its_files_is_noticed(
    tmp_path: Path, tiny_pairs: Pairs, capsys: Any
) -> None:
    """Level process hides and protects nothing: the files are compared instead, and no record is written."""
    branch = toy.honest("Honest") + "open('helper.py', 'a').write('# grown')\n"
    repo = toy.write_repo(tmp_path / "repo", {1: branch})
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    (repo / "helper.py").write_text("# before\n")
    (repo / "helper.py").chmod(0o666)
    assert judge(repo, tiny_pairs, tmp_path / "out", "--sandbox", "process") == 2
    assert "its files changed while it was evaluated; no record was written" in capsys.readouterr().err
    assert store.read_all(tmp_path / "out") == []


def test_a_change_of_the_harness_itself_is_noticed(
    tmp_path: Path, tiny_pairs: Pairs, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "harness"
    own.mkdir()
    (own / "metrics.py").write_text("# fair\n")
    evaluate = batch.Harness.evaluate

    def tampering(self: batch.Harness, one: batch.Submission) -> Record:
        (own / "metrics.py").write_text("# generous\n")
        return evaluate(self, one)

    monkeypatch.setattr(batch, "HARNESS_SOURCES", (own,))
    monkeypatch.setattr(batch.Harness, "evaluate", tampering)
    repo = toy.write_repo(tmp_path / "repo", {1: "raise ValueError('never mind')"})
    assert judge(repo, tiny_pairs, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "the harness's files changed" in error and "metrics.py" in error
    assert store.read_all(tmp_path / "out") == []
