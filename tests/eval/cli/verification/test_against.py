"""`--against` from records on disk to what a person reads."""

from __future__ import annotations

import json
from pathlib import Path

from tests.eval.cli.verification.toy_models import chosen, toy_models, verify


def test_a_record_is_compared_with_what_is_measured_here(
    tmp_path: Path, tiny_pairs: tuple[Path, Path]
) -> None:
    models = toy_models(tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    assert verify(*chosen(models, tiny_pairs, first)).returncode == 0
    record = first / "records" / "000001_42_Net.json"
    same = verify("--against", record, "--json", *chosen(models, tiny_pairs, second), threads=2)
    assert same.returncode == 0, same.stderr
    rows = {one["what"]: one for one in json.loads(same.stdout)}
    assert rows["SR images of valid"]["verdict"] == "same"
    assert (
        rows["setting OMP_NUM_THREADS"]["before"] == "1" and rows["setting OMP_NUM_THREADS"]["after"] == "2"
    )

    darker = toy_models(tmp_path / "darker", gain=0.5)
    third = tmp_path / "third"
    other = verify("--against", record, *chosen(darker, tiny_pairs, third))
    assert other.returncode == 1, other.stderr
    assert "3 of 3 differ" in other.stdout and "psnr of valid" in other.stdout
    assert "checkpoint (sha256)" in other.stdout and "operating system" not in other.stdout

    both = verify("--against", record, third / "records" / "000001_42_Net.json")
    assert both.returncode == 1 and "3 of 3 differ" in both.stdout


def test_wrong_use_is_one_line(tmp_path: Path) -> None:
    for arguments, words in (
        (["--against", tmp_path / "none.json", "--model_id", "25"], "none.json: cannot be read"),
        (["--against", "a", "b", "c"], "3 records; expected one, or two"),
        (["--against", "a", "--reproduce"], "not allowed with"),
        (["--reproduce", "moon"], "invalid choice"),
    ):
        done = verify(*arguments)
        assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr, done.stderr
