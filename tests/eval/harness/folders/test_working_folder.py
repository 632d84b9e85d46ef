"""The working folder of a program: it shows the repository, and nothing that is written reaches that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eval.harness.folders import working_folder
from eval.host.disk import used_bytes


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = tmp_path / "repo"
    for name in (
        "test.py",
        "old.log",
        "models/team07_X/io.py",
        "models/team07_X/notes.txt",
        "model_zoo/w.pth",
    ):
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(name)
    return repo


def filled(repo: Path, *visible: Path) -> Path:
    work = repo.parent / "work"
    work.mkdir()
    working_folder.fill(work, repo, visible or (repo / "test.py", repo / "old.log", repo / "models"))
    return work


def test_it_shows_what_is_visible_and_nothing_else(repo: Path) -> None:
    work = filled(repo)
    shown = sorted(path.relative_to(work).as_posix() for path in work.rglob("*") if not path.is_dir())
    assert shown == ["models/team07_X/io.py", "models/team07_X/notes.txt", "old.log", "test.py"]
    assert all((work / name).read_text() == name for name in shown)


def test_every_folder_and_text_file_may_be_written_and_the_repository_stays(repo: Path) -> None:
    work = filled(repo)
    folders = [path for path in (work, *work.rglob("*")) if path.is_dir()]
    assert len(folders) == 3
    for folder in folders[1:]:
        assert folder.stat().st_mode & 0o777 == 0o777
    for name in ("old.log", "models/team07_X/notes.txt", "models/team07_X/new.log"):
        (work / name).write_text("written")
    assert (repo / "old.log").read_text() == "old.log"
    assert (repo / "models/team07_X/notes.txt").read_text() == "models/team07_X/notes.txt"
    assert not (repo / "models/team07_X/new.log").exists()


def test_links_are_shown_as_links_and_never_followed(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    for name, target in {
        "out.txt": tmp_path / "secret.txt",
        "loop.log": Path("loop.log"),
        "folder": tmp_path,
    }.items():
        (repo / "models" / name).symlink_to(target)
    (repo / "models" / "inner.txt").symlink_to("team07_X/notes.txt")
    os.mkfifo(repo / "models" / "pipe.log")
    work = filled(repo)
    for name in ("out.txt", "inner.txt", "loop.log", "folder", "pipe.log"):
        assert (work / "models" / name).is_symlink()


def test_what_it_shows_counts_neither_as_written_nor_as_too_deep(repo: Path) -> None:
    deep = repo / "models" / "/".join("d" * 40)
    deep.mkdir(parents=True)
    (deep / "end.py").touch()
    for number in range(50):
        (repo / "models" / f"{number}.txt").write_bytes(bytes(5000))
    work = repo.parent / "work"
    work.mkdir()
    counted = working_folder.fill(work, repo, [repo / "models"])
    assert counted == used_bytes(work, 1 << 40) < 1 << 22, (
        "as deep as the limit, it would count as more than enough"
    )
    assert (work / deep.relative_to(repo) / "end.py").is_file()


def test_a_large_repository_is_shown_by_few_links(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working_folder, "MOST_SHOWN", 3)
    for number in range(20):
        (repo / "models" / "team07_X" / f"{number}.py").touch()
    (repo / "zoo" / "inner").mkdir(parents=True)
    (repo / "zoo" / "inner" / "w.pth").touch()
    work = filled(repo, repo / "old.log", repo / "test.py", repo / "models", repo / "zoo")
    assert sum(1 for path in work.rglob("*") if path.is_symlink() or path.is_file()) <= 4
    assert (work / "zoo" / "inner" / "w.pth").is_file() and (work / "models" / "team07_X" / "7.py").is_file()


def test_copies_are_bounded_together(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working_folder, "MOST_BYTES_TOGETHER", 2500)
    for number in range(5):
        (repo / "models" / f"{number}.txt").write_bytes(bytes(1000))
    work = filled(repo, repo / "models")
    copies = [path for path in work.rglob("*.txt") if not path.is_symlink() and path.stat().st_size == 1000]
    assert len(copies) == 2 and len(list(work.rglob("?.txt"))) == 5
