"""Every format and variant that OpenCV reads: the right pixels, or refused by name with the cure.

Expected pixels are those that a file was made from. Lossy formats are compared with Pillow.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as pillow

from data.errors import InputError
from data.formats import Damaged, find_format
from data.images import image_size, read_rgb
from tests.data import samples as s

_QUANTIZED = pillow.fromarray(s.RGB).quantize(64)
_TURNED = pillow.Exif()
_TURNED[274] = 6
_COLOUR_MAP = s.PALETTE.T.astype(np.uint16) * 257
_BMP_MASKS = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)

READ: dict[str, tuple[bytes, np.ndarray]] = {
    "png": (s.saved(s.RGB, "PNG"), s.RGB),
    "png-grey": (s.saved(s.GREY, "PNG"), s.GREY3),
    "png-palette": (s.saved(_QUANTIZED, "PNG"), np.asarray(_QUANTIZED.convert("RGB"))),
    "png-one-bit": (s.saved(pillow.fromarray(s.ONE_BIT * 255).convert("1"), "PNG"), s.ONE_BIT3),
    "png-turned": (s.saved(s.RGB, "PNG", exif=_TURNED), s.RGB),
    "png-animated": (s.saved(s.RGB, "PNG", save_all=True, append_images=[pillow.fromarray(255 - s.RGB)]), s.RGB),
    "bmp": (s.bmp(24, s.rows(s.BGR)), s.RGB),
    "bmp-top-down": (s.bmp(24, s.rows(s.BGR[::-1]), is_top_down=True), s.RGB),
    "bmp-os2-v2": (s.bmp(24, s.rows(s.BGR), header=64), s.RGB),
    "bmp-32-fourth-0": (s.bmp(32, s.with_fourth(0)), s.RGB),
    "bmp-32-fourth-255": (s.bmp(32, s.with_fourth(255)), s.RGB),
    "bmp-8": (s.bmp(8, s.rows(s.INDEX), palette=s.BMP_PALETTE), s.PALETTE[s.INDEX]),
    "bmp-4": (s.bmp(4, s.NIBBLES, palette=s.BMP_PALETTE[:64]), s.PALETTE[s.INDEX4]),
    "bmp-1": (s.bmp(1, s.rows(np.packbits(s.ONE_BIT, 1)), palette=s.BMP_PALETTE[:8]), s.PALETTE[s.ONE_BIT]),
    "bmp-rle8": (s.bmp(8, s.RLE8, 1, palette=s.BMP_PALETTE), s.PALETTE[s.INDEX]),
    "bmp-rle4": (s.bmp(4, s.RLE4, 2, palette=s.BMP_PALETTE[:64]), s.PALETTE[s.INDEX4]),
    "ppm": (s.pnm(6, s.RGB.tobytes()), s.RGB),
    "ppm-comment": (s.pnm(6, s.RGB.tobytes(), comment="# a # b\n#c\n"), s.RGB),
    "pgm": (s.pnm(5, s.GREY.tobytes()), s.GREY3),
    "pbm": (s.pnm(4, np.packbits(s.ONE_BIT, 1).tobytes(), None), 255 - s.ONE_BIT3),
    "pbm-text": (s.pnm(1, s.text(s.ONE_BIT), None), 255 - s.ONE_BIT3),
    "tiff": (s.tiff(s.RGB), s.RGB),
    **{f"tiff-orientation-{k}": (s.oriented(k), s.RGB) for k in range(1, 9)},
    "tiff-big-endian-orientation": (s.oriented(3, ">"), s.RGB),
    "tiff-big": (s.tiff(s.RGB, bigtiff=True, extratags=[(274, "H", 1, 3, False)]), s.RGB),
    "tiff-planar": (s.tiff(np.moveaxis(s.RGB, 2, 0).copy(), planarconfig="separate"), s.RGB),
    "tiff-tiled": (s.tiff(s.RGB, tile=(32, 32)), s.RGB),
    "tiff-strips": (s.tiff(s.RGB, rowsperstrip=5), s.RGB),
    "tiff-deflate": (s.tiff(s.RGB, compression="zlib", rowsperstrip=5), s.RGB),
    "tiff-lzw": (s.saved(s.RGB, "TIFF", compression="tiff_lzw"), s.RGB),
    "tiff-packbits": (s.saved(s.RGB, "TIFF", compression="packbits"), s.RGB),
    "tiff-grey": (s.tiff(s.GREY, "minisblack"), s.GREY3),
    "tiff-white-is-zero": (s.tiff(s.GREY, "miniswhite"), 255 - s.GREY3),
    "tiff-one-bit": (s.tiff(s.ONE_BIT.astype(bool), "minisblack"), s.ONE_BIT3),
    "tiff-palette": (s.tiff(s.INDEX, "palette", colormap=_COLOUR_MAP), s.PALETTE[s.INDEX]),
    "gif": (s.saved(_QUANTIZED, "GIF"), np.asarray(_QUANTIZED.convert("RGB"))),
    "jpeg": s.lossy("JPEG"),
    "jpeg-progressive": s.lossy("JPEG", progressive=True),
    "jpeg-restarts": s.lossy("JPEG", restart_marker_blocks=3),
    "jpeg-turned": s.lossy("JPEG", exif=_TURNED),
    "webp": s.lossy("WEBP"),
    "webp-lossless": (s.saved(s.RGB, "WEBP", lossless=True, exif=_TURNED), s.RGB),
    "jp2": (s.saved(s.RGB, "JPEG2000"), s.RGB),
    "jp2-grey": (s.saved(s.GREY, "JPEG2000"), s.GREY3),
    "j2k": (s.saved(s.RGB, "JPEG2000", no_jp2=True), s.RGB),
}  # fmt: skip

REFUSED: dict[str, tuple[bytes, str]] = {
    "png-alpha": (s.saved(s.RGBA, "PNG"), "alpha channel (RGB with alpha)"),
    "bmp-alpha": (s.bmp(32, s.with_fourth(s.GREY)), "alpha channel (the fourth byte of each pixel)"),
    "bmp-alpha-mask": (
        s.bmp(32, s.with_fourth(255), 3, _BMP_MASKS + struct.pack("<I", 0xFF000000), header=124),
        "alpha channel (32 bits per pixel with a mask for alpha)",
    ),
    "bmp-masks": (s.bmp(32, s.with_fourth(0), 3, _BMP_MASKS), "BMP pixels have 32 bits and compression 3"),
    "bmp-16": (s.bmp(16, bytes(2 * s.HEIGHT * s.WIDTH)), "16 bits per pixel, 5 or 6 per sample"),
    "bmp-os2": (s.os2_bmp(), "BMP header is of OS/2"),
    "bmp-jpeg": (s.bmp(24, bytes(9), 4), "BMP pixels have 24 bits and compression 4"),
    "ppm-maxval": (s.pnm(6, (s.RGB // 3).tobytes(), 100), "largest value (maxval) is 100; expected 255"),
    "pgm-maxval": (s.pnm(5, (s.GREY // 16).tobytes(), 15), "largest value (maxval) is 15; expected 255"),
    "ppm-16": (s.pnm(6, s.RGB.astype(">u2").tobytes(), 300), "16 bits per sample"),
    "ppm-two": (s.pnm(6, s.RGB.tobytes()) * 2, "several pictures; expected one"),
    "ppm-text": (s.pnm(3, s.text(s.RGB)), "plain-text PPM"),
    "pgm-text": (s.pnm(2, s.text(s.GREY)), "plain-text PGM"),
    "pam": (s.pam(3, "RGB", 255, s.RGB.tobytes()), "a PAM file"),
    "pam-bits": (s.pam(1, "BLACKANDWHITE", 1, s.ONE_BIT.tobytes()), "a PAM file"),
    "sun": (s.sun(24, s.BGR.tobytes()), "a Sun raster file"),
    "sun-grey": (s.sun(8, s.GREY.tobytes()), "a Sun raster file"),
    "hdr": (s.float_file(".hdr"), "a Radiance HDR file"),
    "pfm": (s.float_file(".pfm"), "a PFM file"),
    "exr": (b"v/1\x01" + bytes(99), "an OpenEXR file"),
    "jxl": (b"\xff\n" + bytes(99), "a JPEG XL file"),
    "tiff-lab": (s.tiff(s.RGB, "cielab"), "TIFF colours are CIE Lab"),
    "tiff-icc-lab": (s.tiff(s.RGB, "icclab"), "TIFF colours are ICC Lab"),
    "tiff-cmyk": (s.saved(pillow.fromarray(s.RGB).convert("CMYK"), "TIFF"), "TIFF colours are CMYK"),
    "tiff-ycbcr": (s.saved(pillow.fromarray(s.RGB).convert("YCbCr"), "TIFF"), "TIFF colours are YCbCr"),
    "tiff-alpha": (s.tiff(s.RGBA, extrasamples=["unassalpha"]), "alpha channel (RGB with alpha)"),
    "tiff-grey-alpha": (
        s.tiff(np.dstack([s.GREY, s.GREY]), "minisblack", planarconfig="contig"),
        "alpha channel (grey with alpha)",
    ),
    "tiff-five": (
        s.tiff(np.dstack([s.RGBA, s.GREY]), "minisblack", planarconfig="contig"),
        "TIFF colours are 5 samples per pixel",
    ),
    "tiff-16": (s.tiff(s.RGB.astype(np.uint16)), "16 bits per sample"),
    "tiff-float": (s.tiff(s.RGB.astype(np.float32)), "32 bits per sample"),
    "tiff-signed": (s.tiff((s.RGB // 2).astype(np.int8)), "TIFF sample format is 2; expected 1"),
    "tiff-pages": (s.tiff(np.stack([s.RGB, 255 - s.RGB])), "TIFF has several pages; expected one"),
    "tiff-slices": (s.tiff(np.stack([s.GREY, s.GREY]), "minisblack", volumetric=True), "TIFF depth is 2"),
    "tiff-jpeg": (s.saved(s.RGB, "TIFF", compression="jpeg"), "TIFF compression is JPEG"),
    "tiff-fax": (
        s.saved(pillow.fromarray(s.ONE_BIT * 255).convert("1"), "TIFF", compression="group4"),
        "TIFF compression is CCITT fax 4; expected none, LZW, Deflate or PackBits",
    ),
    "gif-transparent": (s.saved(_QUANTIZED, "GIF", transparency=3), "alpha channel (a transparent colour)"),
    "gif-animated": (
        s.saved(_QUANTIZED, "GIF", save_all=True, append_images=[pillow.fromarray(255 - s.RGB)]),
        "GIF holds 2 pictures; expected one",
    ),
    "jpeg-cmyk": (s.saved(pillow.fromarray(s.RGB).convert("CMYK"), "JPEG"), "its colours are CMYK"),
    "jpeg-arithmetic": (s.saved(s.RGB, "JPEG").replace(b"\xff\xc0", b"\xff\xc9"), "JPEG process is C9"),
    "webp-alpha": (s.saved(s.RGBA, "WEBP"), "alpha channel"),
    "webp-animated": (
        s.saved(s.RGB, "WEBP", save_all=True, append_images=[pillow.fromarray(255 - s.RGB)]),
        "WebP is an animation; expected one picture",
    ),
    "avif-animated": (b"\0\0\0,ftypavis" + bytes(99), "AVIF is an animation; expected one picture"),
    "jp2-alpha": (s.saved(s.RGBA, "JPEG2000"), "alpha channel (4 channels)"),
    "jp2-16": (s.saved(s.GREY.astype(np.uint16), "JPEG2000"), "16 bits per sample"),
    "jp2-ycc": (s.saved(pillow.fromarray(s.RGB).convert("YCbCr"), "JPEG2000"), "JPEG 2000 colours are of kind 18"),
}  # fmt: skip

DAMAGED: dict[str, bytes] = {
    "bmp": s.bmp(24, s.rows(s.BGR))[:-1],
    "bmp-rle8": s.bmp(8, s.RLE8[: len(s.RLE8) // 2], 1, palette=s.BMP_PALETTE),
    "ppm": s.pnm(6, s.RGB.tobytes())[:-1],
    "pbm-text": s.pnm(1, s.text(s.ONE_BIT[:9]), None),
    "tiff": s.tiff(s.RGB, rowsperstrip=5)[:-1],
    "tiff-lzw": s.short_strip("tiff_lzw"),
    "tiff-deflate": s.short_strip("tiff_adobe_deflate"),
    "tiff-packbits": s.short_strip("packbits"),
    "tiff-tags": s.tiff(s.RGB)[:60],
    "gif": s.saved(_QUANTIZED, "GIF")[:-1],
    "gif-half": s.saved(_QUANTIZED, "GIF")[:900],
    "webp": s.saved(s.RGB, "WEBP")[:-2],
    "jp2": s.saved(s.RGB, "JPEG2000")[:-9],
    "jpeg-half": s.short_scan(250),
    "jpeg-byte": s.short_scan(1),
    "jpeg-progressive": s.short_scan(30, progressive=True),
    "jpeg-restarts": s.short_scan(120, restart_marker_blocks=3),
}


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", READ)
def test_pixels_are_those_that_are_stored(tmp_path: Path, name: str) -> None:
    data, expected = READ[name]
    path = written(tmp_path, name, data)
    image = read_rgb(path)
    assert image.dtype == np.uint8 and np.array_equal(image, expected)
    assert image_size(path) == expected.shape[:2]


@pytest.mark.parametrize("name", READ)
def test_pillow_and_tifffile_read_the_same(name: str) -> None:
    """The expected pixels are no opinion of this project: independent readers give them too."""
    data, expected = READ[name]
    turned_by_tag = "orientation" in name or name == "tiff-big"  # some versions of Pillow turn these
    if name.startswith("tiff") and turned_by_tag:
        other = tifffile.imread(io.BytesIO(data))
    else:
        with pillow.open(io.BytesIO(data)) as opened:
            other = np.asarray(opened.convert("RGB"))
    assert np.array_equal(other, expected)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_misread_is_refused_by_name_with_the_cure(tmp_path: Path, name: str) -> None:
    data, reason = REFUSED[name]
    path = written(tmp_path, name, data)
    for function in (read_rgb, image_size):
        with pytest.raises(InputError) as caught:
            function(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: ") and reason in message and "\n" not in message
        assert message.endswith("; save it as an 8-bit RGB PNG")


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"{name}: .*(truncated|corrupt|not a complete image)"):
        read_rgb(written(tmp_path, name, DAMAGED[name]))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(READ)), damage=st.data())
def test_damage_gives_an_image_or_an_input_error(tmp_path: Path, name: str, damage: st.DataObject) -> None:
    original = READ[name][0]
    data = bytearray(original[: damage.draw(st.integers(1, len(original)) | st.just(len(original)))])
    places = st.integers(0, len(data) - 1) | st.integers(0, min(len(data), 120) - 1)
    for place in damage.draw(st.lists(places, max_size=4)):
        data[place] = damage.draw(st.integers(0, 255))
    path = written(tmp_path, "fuzz", bytes(data))
    sizes = []
    for function in (image_size, lambda path: read_rgb(path).shape[:2]):
        try:
            sizes.append(function(path))
        except InputError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
    assert len(set(sizes)) <= 1


def test_avif_is_read_as_pillow_reads_it(tmp_path: Path) -> None:
    if not _writes_avif():
        pytest.skip("this Pillow writes no AVIF")
    data, expected = s.lossy("AVIF", exif=_TURNED)
    assert np.array_equal(read_rgb(written(tmp_path, "a.avif", data)), expected)
    animated = s.saved(s.RGB, "AVIF", save_all=True, append_images=[pillow.fromarray(255 - s.RGB)])
    with pytest.raises(InputError, match="the AVIF is an animation"):
        read_rgb(written(tmp_path, "b.avif", animated))


def _writes_avif() -> bool:
    pillow.init()
    return "AVIF" in pillow.SAVE


def test_unknown_bytes_have_no_format() -> None:
    with pytest.raises(Damaged, match="it is empty; expected an image file"):
        find_format(b"")
    with pytest.raises(Damaged, match="not a complete image of a kind that is read here; save it as"):
        find_format(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("tiff-orientation", 33.6928),
        ("pnm-maxval", "maxval"),
        ("jpeg-short-scan", "it is truncated: the pixels of the JPEG end"),
        ("bmp-alpha-dropped", "it has an alpha channel"),
    ],
)
def test_shared_cases(shared: Path, case: str, expected: float | str) -> None:
    metrics: Callable[..., float] = pytest.importorskip("skimage.metrics").peak_signal_noise_ratio
    folder = shared / "cases" / case
    (hr,), (sr,) = (folder / "HR").iterdir(), (folder / "SR").iterdir()
    if isinstance(expected, str):
        with pytest.raises(InputError, match=expected):
            read_rgb(hr)
        return
    high, low = read_rgb(hr)[4:-4, 4:-4], read_rgb(sr)[4:-4, 4:-4]
    assert metrics(high, low) == pytest.approx(expected, abs=5e-5)
