"""The demo set: made once, from what scikit-image ships, in a cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data import demo
from data.bicubic import imresize
from data.demo import demo_pairs, photograph_folder
from data.errors import InputError
from data.images import read_rgb
from data.pairs import check_sizes


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    demo_pairs(folder)
    return folder


def test_six_colour_photographs_with_lr_by_our_bicubic(cache: Path) -> None:
    pairs = demo_pairs(cache)
    assert [pair.name for pair in pairs] == sorted(pair.name for pair in pairs)
    assert len(pairs) == 6
    check_sizes(pairs, 4)
    for pair in pairs:
        hr = read_rgb(pair.hr)
        assert hr.shape[0] % 4 == hr.shape[1] % 4 == 0
        assert not np.array_equal(hr[..., 0], hr[..., 1])
        assert np.array_equal(read_rgb(pair.lr), imresize(hr, 1 / 4))


def test_photographs_are_those_of_scikit_image(cache: Path) -> None:
    data = pytest.importorskip("skimage.data")
    by_name = {pair.name: pair for pair in demo_pairs(cache)}
    for name in ("astronaut", "chelsea", "coffee"):
        original = getattr(data, name)()
        hr = read_rgb(by_name[name].hr)
        assert np.array_equal(hr, original[: hr.shape[0], : hr.shape[1]])


def test_pairs_are_made_once(cache: Path) -> None:
    before = {pair.hr: pair.hr.stat().st_mtime_ns for pair in demo_pairs(cache)}
    assert before == {pair.hr: pair.hr.stat().st_mtime_ns for pair in demo_pairs(cache)}
    leftovers = [path for path in cache.rglob("*") if path.name.endswith(".tmp")]
    assert leftovers == []


def test_a_lost_file_is_made_again(cache: Path) -> None:
    pair = demo_pairs(cache)[0]
    pair.lr.unlink()
    assert demo_pairs(cache)[0].lr.is_file()


def test_other_scales_lie_apart(tmp_path: Path) -> None:
    pairs = demo_pairs(tmp_path, scale=2)
    check_sizes(pairs, 2)
    assert pairs[0].lr.name.endswith("x2.png")


def test_default_cache_follows_xdg_and_falls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert demo_pairs()[0].hr.is_relative_to(tmp_path / "cache")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    assert demo_pairs()[0].hr.is_relative_to(tmp_path / "tmp")


def test_cache_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"demo set: .*file.* cannot be made: Not a directory"):
        demo_pairs(tmp_path / "file")


def test_missing_photographs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PHOTOGRAPHS", ("nobody.png",))
    with pytest.raises(InputError, match=r"nobody\.png is missing; expected scikit-image as PyPI ships it"):
        photograph_folder()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match="scikit-image is not installed"):
        demo_pairs(tmp_path)


def test_start_up_stays_cheap() -> None:
    code = "import sys, data.demo, data.pairs; print([m for m in ('torch', 'skimage', 'scipy') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
