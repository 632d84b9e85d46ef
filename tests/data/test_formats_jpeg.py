"""JPEG: whatever a file lacks is noticed, and a sound file is read without a word."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as pillow

from data.formats import Damaged
from data.formats.jpeg import check_jpeg, jpeg_pixels
from tests.conftest import ROOT
from tests.data import samples as s


@pytest.mark.parametrize(
    "options",
    [{}, {"subsampling": 0, "quality": 95}, {"progressive": True}, {"restart_marker_blocks": 4}],
    ids=["plain", "444", "progressive", "restarts"],
)
def test_a_jpeg_cut_anywhere_is_noticed(options: dict[str, object]) -> None:
    """Whatever the last bytes are, a scan that lacks them is found unless the picture is the same without them."""
    whole = s.saved(s.RGB, "JPEG", **options)
    pixels = np.asarray(pillow.open(io.BytesIO(whole)))
    for cut in range(1, 130, 3):
        data = whole[: -2 - cut] + whole[-2:]
        if data[-3] == 0xFF or whole[-2 - cut :].count(b"\xff\xda"):
            continue
        try:
            check_jpeg(data)
            jpeg_pixels(data)
        except Damaged:
            continue
        assert np.array_equal(np.asarray(pillow.open(io.BytesIO(data))), pixels), cut


def test_a_jpeg_that_lacks_a_scan_is_refused() -> None:
    whole = s.saved(s.RGB, "JPEG", progressive=True)
    last_scan = whole.rindex(b"\xff\xda")
    with pytest.raises(Damaged, match="lacks scans of some colours or details"):
        check_jpeg(whole[:last_scan] + whole[-2:])


def test_a_jpeg_that_lacks_a_restart_interval_is_refused() -> None:
    whole = s.saved(s.RGB, "JPEG", restart_marker_blocks=3)
    first = whole.index(b"\xff\xd0")
    second = whole.index(b"\xff\xd1")
    with pytest.raises(Damaged, match="lacks restart intervals"):
        check_jpeg(whole[:first] + whole[second:])


def test_a_sound_jpeg_is_read_without_a_word() -> None:
    code = (
        "import sys, tempfile, pathlib; from data.images import read_rgb; "
        "path = pathlib.Path(tempfile.mkdtemp()) / 'a.jpg'; path.write_bytes(sys.stdin.buffer.read()); read_rgb(path)"
    )
    data = s.saved(s.RGB, "JPEG")
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
