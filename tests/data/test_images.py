"""Reading, writing and measuring image files: what is read, and what is refused with which words."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import InputError
from data.images import image_size, modcrop, read_png, read_rgb, write_png

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (12, 20, 3), np.uint8)  # RGB
LOSSLESS = [".png", ".bmp", ".ppm", ".tif"]
FORMATS = [*LOSSLESS, ".jpg", ".webp"]
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def encode(suffix: str, image: np.ndarray) -> bytes:
    bgr = image if image.ndim == 2 else image[..., [2, 1, 0, *range(3, image.shape[2])]]
    return cv2.imencode(suffix, np.ascontiguousarray(bgr))[1].tobytes()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_reads_rgb_in_lossless_formats(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, f"a{suffix}", encode(suffix, PICTURE))
    image = read_rgb(path)
    assert image.dtype == np.uint8
    assert np.array_equal(image, PICTURE)


@pytest.mark.parametrize("suffix", FORMATS)
def test_size_is_that_of_the_decoded_image(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, f"a{suffix}", encode(suffix, PICTURE))
    assert image_size(path) == read_rgb(path).shape[:2] == (12, 20)


def test_format_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png", encode(".bmp", PICTURE))
    assert image_size(path) == (12, 20)
    assert np.array_equal(read_rgb(path), PICTURE)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png", encode(".png", PICTURE[..., 0]))
    assert np.array_equal(read_rgb(path), np.repeat(PICTURE[..., :1], 3, axis=2))


def test_palette_and_one_bit_images_are_read(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    grey = pillow.fromarray(PICTURE).convert("1")
    palette = pillow.fromarray(PICTURE).quantize(16)
    for name, image in (("one.png", grey), ("palette.png", palette)):
        image.save(tmp_path / name)
        assert np.array_equal(read_rgb(tmp_path / name), np.asarray(image.convert("RGB")))


def test_exif_orientation_is_ignored_as_in_the_official_code(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    picture = pillow.fromarray(PICTURE)
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.jpg", exif=exif)
    assert read_rgb(tmp_path / "a.jpg").shape == (12, 20, 3)
    assert image_size(tmp_path / "a.jpg") == (12, 20)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm"])
def test_16_bit_is_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, f"deep{suffix}", encode(suffix, PICTURE.astype(np.uint16) * 257))
    for function in (read_rgb, image_size):
        with pytest.raises(
            InputError, match=rf"deep\{suffix}: .*(16 bits per sample|uint16).*expected 8 bits"
        ):
            function(path)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_alpha_is_refused(tmp_path: Path, suffix: str) -> None:
    alpha = np.dstack([PICTURE, PICTURE[..., :1]])
    path = write(tmp_path, f"clear{suffix}", encode(suffix, alpha))
    for function in (read_rgb, image_size):
        with pytest.raises(
            InputError, match=rf"clear\{suffix}: it has an alpha channel.*expected RGB or grey"
        ):
            function(path)


def test_grey_with_alpha_and_transparent_colour_are_refused(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    pillow.fromarray(PICTURE).convert("LA").save(tmp_path / "la.png")
    with pytest.raises(InputError, match=r"la\.png: it has an alpha channel \(grey with alpha\)"):
        image_size(tmp_path / "la.png")
    pillow.fromarray(PICTURE).save(tmp_path / "key.png", transparency=(1, 2, 3))
    with pytest.raises(InputError, match=r"key\.png: it has an alpha channel \(a transparent colour\)"):
        read_rgb(tmp_path / "key.png")


@pytest.mark.parametrize("function", [read_rgb, image_size])
def test_missing_empty_and_folder_are_refused(tmp_path: Path, function: object) -> None:
    assert callable(function)
    with pytest.raises(InputError, match=r"none\.png: cannot be read: No such file"):
        function(tmp_path / "none.png")
    with pytest.raises(InputError, match=r"empty\.png: it is empty"):
        function(write(tmp_path, "empty.png", b""))
    with pytest.raises(InputError, match=r"cannot be read: Is a directory"):
        function(tmp_path)
    with pytest.raises(InputError, match=r"text\.png: not a complete image"):
        function(write(tmp_path, "text.png", b"this is no image\n" * 20))


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated_files_are_refused_by_name(tmp_path: Path, suffix: str, share: float) -> None:
    data = encode(suffix, PICTURE)
    path = write(tmp_path, f"cut{suffix}", data[: int(len(data) * share)])
    for function in (read_rgb, image_size):
        with pytest.raises(InputError, match=rf"cut\{suffix}: it is truncated"):
            function(path)


def test_png_that_lacks_only_its_last_byte_is_refused_before_any_pixel_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "cut.png", encode(".png", PICTURE)[:-1])
    with pytest.raises(InputError, match=r"cut\.png: it is truncated: the PNG ends before its IEND chunk"):
        image_size(path)


def test_png_with_a_changed_byte_is_refused(tmp_path: Path) -> None:
    data = bytearray(encode(".png", PICTURE))
    data[len(data) // 2] ^= 1
    with pytest.raises(
        InputError, match=r"bad\.png: it is corrupt: PNG chunk 'IDAT' does not fit its checksum"
    ):
        read_rgb(write(tmp_path, "bad.png", bytes(data)))


def test_png_without_pixels_is_refused(tmp_path: Path) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20, 12, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IEND", b"")
    with pytest.raises(InputError, match=r"bare\.png: it is corrupt: the PNG holds no pixels"):
        read_rgb(write(tmp_path, "bare.png", data))


def test_png_whose_pixels_end_early_is_refused(tmp_path: Path) -> None:
    # Every chunk is whole and true to its checksum; only the compressed rows are too few.
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20, 12, 8, 2, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(61 * 5)))
    data = b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b"")
    with pytest.raises(InputError, match=r"short\.png"):
        read_rgb(write(tmp_path, "short.png", data))


def test_jpeg_thumbnail_does_not_hide_a_truncation(tmp_path: Path) -> None:
    # A thumbnail inside a segment has an end-of-image marker of its own.
    whole = encode(".jpg", PICTURE)
    thumbnail = b"\xff\xe1" + struct.pack(">H", len(whole) + 2) + whole
    data = whole[:2] + thumbnail + whole[2:]
    assert image_size(write(tmp_path, "a.jpg", data)) == (12, 20)
    with pytest.raises(InputError, match="truncated"):
        image_size(write(tmp_path, "b.jpg", data[:-2]))


def test_bytes_after_the_end_are_allowed(tmp_path: Path) -> None:
    for suffix in (".png", ".jpg"):
        data = encode(suffix, PICTURE)
        path = write(tmp_path, f"a{suffix}", data + b"trailer")
        whole = write(tmp_path, f"b{suffix}", data)
        assert np.array_equal(read_rgb(path), read_rgb(whole))
        assert image_size(path) == (12, 20)


@FUZZ
@given(data=st.data())
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".ppm"])
def test_damage_gives_an_image_or_an_input_error(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    original = encode(suffix, PICTURE)
    cut = data.draw(st.integers(0, len(original)))
    damaged = bytearray(original[:cut])
    for place in data.draw(st.lists(st.integers(0, max(0, cut - 1)), max_size=3)) if cut else []:
        damaged[place] = data.draw(st.integers(0, 255))
    path = write(tmp_path, f"fuzz{suffix}", bytes(damaged))
    try:
        size: tuple[int, int] | None = image_size(path)
    except InputError as error:
        size = None
        assert str(path) in str(error)
    try:
        image = read_rgb(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
        assert size == image.shape[:2]
        if suffix == ".png":
            assert np.array_equal(image, PICTURE)


@FUZZ
@given(
    start=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"P6 ", b"RIFF"]),
    rest=st.binary(),
)
def test_random_bytes_give_an_input_error(tmp_path: Path, start: bytes, rest: bytes) -> None:
    path = write(tmp_path, "noise.png", start + rest)
    with pytest.raises(InputError, match=r"noise\.png"):
        read_rgb(path)


def test_written_png_is_read_back(tmp_path: Path) -> None:
    before = PICTURE.copy()
    write_png(tmp_path / "a.png", PICTURE)
    assert np.array_equal(read_rgb(tmp_path / "a.png"), PICTURE)
    assert np.array_equal(PICTURE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "a.png", b"old")

    def full(self: Path, data: bytes) -> int:
        with open(self, "wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"a\.png: cannot be written: No space left on device"):
        write_png(path, PICTURE)
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.png"]


def test_write_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.png: cannot be written: No such file or directory"):
        write_png(tmp_path / "none" / "a.png", PICTURE)
    with pytest.raises(InputError, match=r"expected uint8, height x width x 3, found float64"):
        write_png(tmp_path / "a.png", PICTURE.astype(float))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"found uint8 \(12, 20\)"):
        write_png(tmp_path / "a.png", PICTURE[..., 0])


def test_modcrop_cuts_at_the_lower_right() -> None:
    image = PICTURE[:11, :18]
    assert np.array_equal(modcrop(image, 4), PICTURE[:8, :16])
    assert modcrop(image[..., 0], 3).shape == (9, 18)
    assert modcrop(PICTURE, 4).shape == PICTURE.shape


def _with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    return png[:33] + chunk(kind, content) + png[33:]


def test_a_strangers_png_is_read_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    rgb = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    write_png(path, rgb)
    path.write_bytes(_with_chunk(path.read_bytes(), b"tEXt", b"Comment\0hello"))
    assert np.array_equal(read_png(path, 40, 56), rgb)
    grey = tmp_path / "grey.png"
    cv2.imwrite(str(grey), rgb[..., 0])
    assert np.array_equal(read_png(grey, 40, 56), read_rgb(grey))


@pytest.mark.parametrize(
    ("kind", "content"),
    [(b"iCCP", b"x\0\0" + b"z" * 99), (b"acTL", b"\0" * 8), (b"eXIf", b"x"), (b"zTXt", b"x" * 64)],
)
def test_the_decoder_meets_the_pixels_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes, content: bytes
) -> None:
    path = tmp_path / "a.png"
    write_png(path, np.zeros((8, 8, 3), np.uint8))
    plain = path.read_bytes()
    path.write_bytes(_with_chunk(plain, kind, content))
    seen: list[bytes] = []
    decode = cv2.imdecode

    def watched(data: np.ndarray, how: int) -> object:
        seen.append(data.tobytes())
        return decode(data, how)

    monkeypatch.setattr(cv2, "imdecode", watched)
    read_png(path, 8, 8)
    assert len(seen) == 1 and kind not in seen[0] and seen[0][:33] == plain[:33]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda png: png[:-30], "truncated"),
        (lambda png: png[:40] + bytes([png[40] ^ 1]) + png[41:], "does not fit its checksum"),
        (lambda png: png[:20], "header is cut short"),
        (lambda png: b"GIF89a" + png, "is no PNG file"),
        (lambda _: b"", "is no PNG file"),
        (lambda png: _with_chunk(png, b"tRNS", b"\0" * 6), "a transparent colour"),
        (lambda png: _with_chunk(png, b"tEXt", b"x" * (2 << 20)), "more than 8x8 pixels need"),
    ],
)
def test_a_strangers_png_that_is_not_sound_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes], reason: str
) -> None:
    path = tmp_path / "a.png"
    write_png(path, np.zeros((8, 8, 3), np.uint8))
    path.write_bytes(change(path.read_bytes()))
    monkeypatch.setattr(cv2, "imdecode", None)
    with pytest.raises(InputError, match=reason):
        read_png(path, 8, 8)
