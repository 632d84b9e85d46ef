"""Folders as strangers leave them: what is in them is counted, and they are removed whatever they are."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eval.host import disk
from eval.sandbox.process import Resources

MIB = 2**20
AS_ROOT = os.geteuid() == 0
USER = 60599  # as in test_sandbox_user.py


def nest(folder: Path, name: str, levels: int) -> None:
    """Folders in each other, and 4 MiB in a file of the last one; by descriptors, as the path gets too long."""
    inside = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=inside)
        outer, inside = inside, os.open(name, os.O_RDONLY, dir_fd=inside)
        os.close(outer)
    file = os.open("large", os.O_CREAT | os.O_WRONLY, dir_fd=inside)
    os.write(file, bytes(4 * MIB))
    os.close(file)
    os.close(inside)


def fill(folder: Path) -> None:
    """What an honest program leaves."""
    (folder / "cache" / "kernels").mkdir(parents=True)
    (folder / "cache" / "kernels" / "one").write_bytes(bytes(2 * MIB))
    (folder / "link").symlink_to("/usr")


def hide(folder: Path) -> None:
    """A folder that cannot be listed, with another in it."""
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "large").write_bytes(bytes(4 * MIB))
    (folder / "a" / "b").chmod(0o300)
    (folder / "a").chmod(0o300)


def close_top(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a").chmod(0)
    folder.chmod(0)


def strange_names(folder: Path) -> None:
    for name in (b"\xff\xfe", b" ", b"-rf", b"a\nb"):
        os.mkdir(os.path.join(os.fsencode(folder), name))
    os.mkfifo(folder / "pipe")


SHAPES: dict[str, Callable[[Path], None]] = {
    "honest": fill,
    "path too long": lambda folder: nest(folder, "d" * 250, 20),
    "1500 levels": lambda folder: nest(folder, "d", 1500),
    "not listed": hide,
    "nothing allowed": close_top,
    "strange names": strange_names,
}


@pytest.fixture(params=["caller", "user"] if AS_ROOT else ["caller"])
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder of the caller's; root's tests again with an ordinary user's rights."""
    above = Path(tempfile.mkdtemp(prefix="disk-", dir="/tmp"))
    made = above / "made"
    made.mkdir()
    if request.param == "user":
        for part in (above, made):
            os.chown(part, USER, USER)
        os.seteuid(USER)
    try:
        yield made
    finally:
        if request.param == "user":
            os.seteuid(0)
        subprocess.run(["chmod", "-R", "u+rwX", above], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", above], check=True)


def test_honest_files_are_counted(folder: Path) -> None:
    fill(folder)
    assert disk.used_bytes(folder, 100 * MIB) == pytest.approx(2 * MIB, abs=64 * 1024)
    assert disk.used_bytes(folder, MIB) > MIB


def test_a_path_that_is_too_long_hides_nothing(folder: Path) -> None:
    nest(folder, "d" * 250, 20)
    assert 4 * MIB <= disk.used_bytes(folder, 100 * MIB) < 5 * MIB


def test_folders_too_deep_are_more_than_enough(folder: Path) -> None:
    nest(folder, "d", 1500)
    assert disk.used_bytes(folder, 100 * MIB) > 100 * MIB


@pytest.mark.parametrize("shape", [hide, close_top])
def test_a_folder_that_cannot_be_listed_is_more_than_enough(
    folder: Path, shape: Callable[[Path], None]
) -> None:
    shape(folder)
    used = disk.used_bytes(folder, 100 * MIB)
    if os.geteuid() == 0:
        assert used < 5 * MIB
    else:
        assert used > 100 * MIB


def test_a_folder_that_goes_meanwhile_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def removed(_descriptor: int) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(disk.os, "scandir", removed)
    assert disk.used_bytes(folder, MIB) == 0


def test_a_folder_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    assert disk.used_bytes(tmp_path / "gone", MIB) == 0
    disk.remove(tmp_path / "gone")


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_release_removes_it(folder: Path, shape: Callable[[Path], None]) -> None:
    shape(folder)
    Resources(mark="none", tmp=folder).release()
    assert not folder.exists()


def test_removal_follows_no_link(folder: Path) -> None:
    kept = folder.parent / "kept"
    kept.mkdir()
    (kept / "file").touch()
    kept.chmod(0o755)
    (folder / "inner").mkdir()
    (folder / "inner" / "link").symlink_to(kept)
    (folder / "link").symlink_to(kept)
    disk.remove(folder)
    assert not folder.exists()
    assert (kept / "file").exists() and kept.stat().st_mode & 0o777 == 0o755
