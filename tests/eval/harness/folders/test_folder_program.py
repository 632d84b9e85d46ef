"""The folders of a program's run: bounded while it runs, gone afterwards whatever it left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eval.harness.folders import folder_program
from tests.eval.worker.test_folder_program import judge, write_repo

MIB = 2**20


def test_folders_are_gone_whatever_was_left_in_them() -> None:
    with folder_program.run_folders([]) as where:
        inside = os.open(where.output, os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=inside)
            outer, inside = inside, os.open("d", os.O_RDONLY, dir_fd=inside)
            os.close(outer)
        os.close(inside)
        where.output.chmod(0o300)
    assert not where.output.parent.exists()


def test_folders_are_gone_after_an_error() -> None:
    with pytest.raises(KeyError), folder_program.run_folders([]) as where:
        raise KeyError
    assert not where.output.parent.exists()


def test_written_files_are_bounded_together(
    tiny_pairs: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is below the limit for one."""
    monkeypatch.setattr(folder_program, "LEAST_ROOM_BYTES", 32 * MIB)
    before = """
    import time
    for number in range(1000):
        with open(os.path.join(output_path, f"{number}.bin"), "wb") as file:
            file.write(bytes(1 << 20))
        time.sleep(0.01)
    """
    status, entry = judge(write_repo(tmp_path / "repo", before=before), tiny_pairs, tmp_path / "out")
    assert status == 1
    assert entry["error"] == "running on the folder: written files limit of 32 MiB"
