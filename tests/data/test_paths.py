"""Paths of a command line become absolute once, and keep the name that the user gave."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from data.paths import given_path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, `here`, beside `real`, and `link`, which leads to `real`."""
    for name in ("here", "real"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "file").touch()
    (tmp_path / "real" / "other").symlink_to("file")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path.resolve()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", "here/x"),
        ("x/", "here/x"),
        ("./x", "here/x"),
        ("../real", "real"),
        ("..", "."),
        (".", "here"),
        ("../link/..", "."),  # as the kernel goes: from where the link leads
        ("../link/file", "real/file"),
        ("../link", "link"),  # a link keeps its own name
        ("../real/other", "real/other"),
        ("../nowhere/../real", "real"),
    ],
)
def test_every_way_to_write_a_path_gives_one_absolute_path(folder: Path, text: str, expected: str) -> None:
    assert given_path(text) == folder / expected
    assert given_path(str(given_path(text))) == folder / expected


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a path, found an empty text"):
        given_path("")


def test_links_in_a_circle_are_refused_or_left_to_whoever_opens_them(folder: Path) -> None:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    try:
        assert not given_path(f"{folder}/a/x").exists()
    except argparse.ArgumentTypeError as error:
        assert "a/x" in str(error)
    except OSError as error:  # Python 3.13 leaves the circle in the path; opening it fails
        assert error.errno is not None
