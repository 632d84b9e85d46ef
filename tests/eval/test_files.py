import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.errors import InputError
from eval.files import MAX_FOLDER_DEPTH, walk


def nested(folder: Path, depth: int) -> None:
    """Folders `d/d/d/...` below `folder`, made one in the other: their whole path may be too long to be named."""
    back = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        for _ in range(depth):
            os.mkdir("d")
            os.chdir("d")
        Path("last.py").touch()
    finally:
        os.fchdir(back)
        os.close(back)


@pytest.fixture
def deeper_than_python_recurses(tmp_path: Path) -> Iterator[Path]:
    nested(tmp_path, 1200)
    yield tmp_path
    first, second = tmp_path / "d", tmp_path / "e"
    while first.exists():  # pytest's own removal recurses
        first.rename(second)
        if (second / "d").exists():
            (second / "d").rename(first)
        shutil.rmtree(second)


def test_walk_yields_files_and_links_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b/two.py", "b/one.py", "a.py", "c.pth"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    found = [path.relative_to(tmp_path).as_posix() for path in walk(tmp_path)]
    assert found == ["a.py", "b/one.py", "b/two.py", "c.pth", "dangling", "link"]


def test_walk_goes_as_deep_as_it_says_and_no_deeper(tmp_path: Path) -> None:
    nested(tmp_path, MAX_FOLDER_DEPTH)
    assert [path.name for path in walk(tmp_path)] == ["last.py"]
    with pytest.raises(InputError, match="folders lie in each other more than 63 deep"):
        list(walk(tmp_path, 63))


def test_walk_refuses_folders_deeper_than_python_recurses(deeper_than_python_recurses: Path) -> None:
    with pytest.raises(InputError, match="more than 64 deep"):
        list(walk(deeper_than_python_recurses))


def test_walk_leaves_out_what_it_is_told_to(tmp_path: Path) -> None:
    nested(tmp_path, 70)
    (tmp_path / "one.py").touch()
    assert list(walk(tmp_path, without={tmp_path / "d" / "d"})) == [tmp_path / "one.py"]


def test_walk_says_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: cannot be read"):
        list(walk(tmp_path / "nowhere"))
