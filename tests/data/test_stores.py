"""Training pairs: HR and LR crops show the same part, packed or not; packing resumes; names find folders."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import pack
from data.bicubic import imresize
from data.errors import InputError
from data.images import modcrop, read_rgb, write_png
from data.sources import list_images
from data.stores import FolderPairs, PackedPairs, PairStore, open_store

HEIGHT, WIDTH = 94, 117


def _image(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images")
    for number in range(3):
        write_png(path / f"{number}.png", _image(number))
    return path


@pytest.fixture(scope="module", params=["files", "raw", "png", "sub-images"])
def store(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> PairStore:
    if request.param == "files":
        return open_store(folder, ("DIV2K",), 4)
    out = tmp_path_factory.mktemp("packed")
    chosen = {
        "raw": pack.Settings(),
        "png": pack.Settings(codec="png"),
        "sub-images": pack.Settings(crop=48, stride=24),
    }[request.param]
    pack.pack(list_images(folder, ()), out, chosen)
    return open_store(out, ("DIV2K",), 4)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_crops_are_aligned(store: PairStore, folder: Path, data: st.DataObject) -> None:
    """Any crop equals, pixel for pixel, the same crop of the whole image and of its whole LR image."""
    index = data.draw(st.integers(0, len(store) - 1))
    rows, columns = store.size(index)
    height, width = data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns))
    top = data.draw(st.integers(0, rows - height))
    left = data.draw(st.integers(0, columns - width))
    low, high = store.crop(index, top, left, height, width)
    whole_low, whole_high = store.crop(index, 0, 0, rows, columns)
    assert np.array_equal(low, whole_low[top : top + height, left : left + width])
    high_part = whole_high[4 * top : 4 * (top + height), 4 * left : 4 * (left + width)]
    assert np.array_equal(high, high_part)
    if rows * 4 == HEIGHT - HEIGHT % 4:  # a whole image: its LR is the bicubic one of the file
        hr = modcrop(read_rgb(folder / f"{index}.png"), 4)
        assert np.array_equal(whole_high, hr)
        assert np.array_equal(whole_low, imresize(hr, 0.25))


def test_stored_lr_images_are_read(tmp_path: Path) -> None:
    for name in ("HR", "LR"):
        (tmp_path / name).mkdir()
    write_png(tmp_path / "HR/a.png", _image(0))
    write_png(tmp_path / "LR/ax4.png", _image(1, HEIGHT // 4, WIDTH // 4))
    low, _ = open_store(tmp_path, (), 4).crop(0, 2, 3, 5, 6)
    assert np.array_equal(low, _image(1, HEIGHT // 4, WIDTH // 4)[2:7, 3:9])


def test_stored_lr_image_of_wrong_size_is_refused(tmp_path: Path) -> None:
    for name in ("HR", "LR"):
        (tmp_path / name).mkdir()
    write_png(tmp_path / "HR/a.png", _image(0))
    write_png(tmp_path / "LR/ax4.png", _image(1, 20, 20))
    with pytest.raises(InputError, match=r"ax4\.png: is \(20, 20\), expected \(23, 29\)"):
        open_store(tmp_path, (), 4).size(0)


def test_cache_is_bounded(folder: Path) -> None:
    store = FolderPairs(list_images(folder, ()), 4, cache_mib=0)
    for index in (0, 1, 2, 0):
        store.crop(index, 0, 0, 4, 4)
    assert len(store._cache) == 1


def test_positions_cover_the_whole_length() -> None:
    assert pack.positions(480, 480, 240, 4) == [0]
    assert pack.positions(1000, 480, 240, 4) == [0, 240, 480, 520]
    assert pack.positions(960, 480, 240, 4) == [0, 240, 480]
    assert pack.positions(300, 480, 240, 4) == [0]
    assert pack.positions(999, 0, 240, 4) == [0]


def test_packing_goes_on_and_repacks_what_changed(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    write_png(source / "a.png", _image(0))
    write_png(source / "b.png", _image(1))
    (source / "c.png").write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"c\.png"):
        pack.pack(list_images(source, ()), out, pack.Settings(), workers=1)
    with pytest.raises(InputError, match="packing it did not finish"):
        PackedPairs(out, 4)
    write_png(source / "c.png", _image(2))
    os.utime(source / "b.png", ns=(1, 1))  # changed since
    write_png(source / "b.png", _image(3))
    assert pack.pack(list_images(source, ()), out, pack.Settings(), workers=1) == 3
    store = PackedPairs(out, 4)
    wanted = [modcrop(_image(seed), 4) for seed in (0, 3, 2)]
    for index, image in enumerate(wanted):
        assert np.array_equal(store.crop(index, 0, 0, *store.size(index))[1], image)


def test_packing_with_other_settings_is_refused(folder: Path, tmp_path: Path) -> None:
    pack.pack(list_images(folder, ()), tmp_path, pack.Settings())
    with pytest.raises(InputError, match=r"was packed with .*'codec': 'raw'.*expected .*'codec': 'png'"):
        pack.pack(list_images(folder, ()), tmp_path, pack.Settings(codec="png"))


def test_other_scale_is_refused(folder: Path, tmp_path: Path) -> None:
    pack.pack(list_images(folder, ()), tmp_path, pack.Settings())
    with pytest.raises(InputError, match="packed for scale 4, expected 2"):
        PackedPairs(tmp_path, 2)


def test_command_line_packs_and_reports_bad_input(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pack.main([str(folder), str(tmp_path / "out"), "--crop", "48", "--stride", "24"]) == 0
    assert "images" in capsys.readouterr().out
    assert pack.main([str(folder / "none"), str(tmp_path / "out2")]) == 2
    assert "no such folder; expected training images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scale", "0"], "--scale 0: expected one of 2, 3, 4, 8"),
        (["--scale", "-4"], "--scale -4: expected one of 2, 3, 4, 8"),
        (["--crop", "-4"], "--crop -4 --stride 240: expected multiples of the scale"),
        (["--crop", "480", "--stride", "0"], "--crop 480 --stride 0: expected multiples of the scale"),
        (["--workers", "0"], "--workers 0: expected 1 or more"),
    ],
)
def test_wrong_options_are_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert pack.main([str(folder), str(tmp_path / "out"), *options]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {message}") and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("file", "file: cannot be made: File exists"),
        ("file/out", "out: cannot be made: Not a directory"),
        ("other", "other: cannot be packed into: "),
    ],
)
def test_places_that_cannot_be_packed_into_are_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, message: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/data.mdb").write_text("no LMDB")
    assert pack.main([str(folder), str(tmp_path / out)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and message in said and said.count("\n") == 1


def test_images_too_small_to_pack_are_named(tmp_path: Path) -> None:
    write_png(tmp_path / "small.png", _image(0, 3, 9))
    with pytest.raises(InputError, match=r"small\.png: smaller than 4x4 pixels"):
        pack.pack(list_images(tmp_path, ()), tmp_path / "out", pack.Settings())


def test_what_is_no_packing_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_text("no LMDB")
    with pytest.raises(InputError, match=r"its data\.mdb cannot be read .*expected what data\.pack wrote"):
        open_store(tmp_path, (), 4)


def _images(folder: Path, *names: str) -> None:
    """Small images, each different, at these paths."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(folder / name, _image(number, 8, 12))


THREE_SETS = (
    "DIV2K/DIV2K_train_HR/0001.png",
    "DIV2K/DIV2K_train_HR/0002.png",
    "Flickr2K/Flickr2K_HR/000001.png",
    "LSDIR/HR/0001000/0000001.png",
    "LSDIR/HR/0002000/0001001.png",
    "LSDIR/HR/0002000/0001002.png",
)
# What a recipe's stages name, and the places of their images in THREE_SETS.
NAMED = [
    (("DIV2K",), [0, 1]),
    (("DF2K",), [0, 1, 2]),
    (("LSDIR",), [3, 4, 5]),
    (("LSDIR:0002000-0003000", "DIV2K"), [4, 5, 0, 1]),
    (("DF2K", "LSDIR:0001000-0002000"), [0, 1, 2, 3, 4, 5]),
]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same three data sets as files, packed, and packed as sub-images."""
    files, packed, cut = (tmp_path_factory.mktemp(name) for name in ("files", "packed", "cut"))
    _images(files, *THREE_SETS)
    for out, options in ((packed, []), (cut, ["--crop", "8", "--stride", "4"])):
        assert pack.main([str(files), str(out), "--data", "DF2K", "LSDIR", *options]) == 0
    return {"files": files, "packed": packed, "cut": cut}


@pytest.mark.parametrize(("names", "places"), NAMED)
def test_a_store_holds_the_data_sets_that_are_named(
    sets: dict[str, Path], names: tuple[str, ...], places: list[int]
) -> None:
    """Packed or not, in the same order: training takes the same patches."""
    for store in (open_store(sets["files"], names, 4), open_store(sets["packed"], names, 4)):
        assert len(store) == len(places)
        for index, place in enumerate(places):
            assert np.array_equal(store.crop(index, 0, 0, 2, 3)[1], _image(place, 8, 12))
    cut = open_store(sets["cut"], names, 4)  # each image is cut in two
    assert len(cut) == 2 * len(places)
    assert cut.notes == open_store(sets["files"], names, 4).notes


def test_a_packing_without_the_data_set_names_what_it_holds(sets: dict[str, Path], tmp_path: Path) -> None:
    assert pack.main([str(sets["files"]), str(tmp_path), "--data", "DIV2K", "LSDIR:0001000-0001000"]) == 0
    for name in ("Flickr2K", "LSDIR:0002000-0002000"):
        with pytest.raises(InputError) as caught:
            open_store(tmp_path, ("DIV2K", name), 4)
        assert str(caught.value) == (
            f"{tmp_path}: data set {name}: no images of it are there, only of DIV2K, LSDIR; "
            f"pack into a new folder with --data DIV2K {name}"
        )
    with pytest.raises(InputError, match="data set 'DIV3K': unknown"):
        open_store(tmp_path, ("DIV3K",), 4)


def test_a_plain_folder_stands_for_every_name_and_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = "the images are of a plain folder: all 3 of them stand for DIV2K, LSDIR"
    assert pack.main([str(folder), str(tmp_path), "--data", "DIV2K", "LSDIR"]) == 0
    assert note in capsys.readouterr().out
    for place in (folder, tmp_path):
        store = open_store(place, ("DIV2K", "LSDIR"), 4)
        assert len(store) == 3 and store.notes == [note]
        assert open_store(place, (), 4).notes == []


def test_sets_with_too_few_images_are_named(
    sets: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = [
        "data set DIV2K: 2 of 800 images are there",
        "data set LSDIR:0001000-0010000: 3 of 10000 images are there",
    ]
    names = ("DIV2K", "LSDIR:0001000-0010000")
    assert open_store(sets["files"], names, 4).notes == expected
    assert open_store(sets["packed"], names, 4).notes == expected
    assert pack.main([str(sets["files"]), str(tmp_path), "--data", *names]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == expected
