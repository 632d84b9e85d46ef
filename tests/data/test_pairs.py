"""Pairing by exact names: the layouts, and what stops a run before any model work."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from data.errors import InputError
from data.pairs import ImagePair, check_sizes, find_pairs, layout_folders, pair_folders


def image(path: Path, height: int, width: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))
    return path


def pair(folder: Path, hr: str, lr: str, height: int = 16, width: int = 24, scale: int = 4) -> None:
    image(folder / hr, height, width)
    image(folder / lr, height // scale, width // scale)


@pytest.mark.parametrize("mode", ["valid", "test"])
def test_lsdir_layout(tmp_path: Path, mode: str) -> None:
    for number in ("0002", "0001"):
        pair(tmp_path, f"DIV2K_LSDIR_{mode}_HR/{number}.png", f"DIV2K_LSDIR_{mode}_LR/{number}x4.png")
    hr, lr = tmp_path / f"DIV2K_LSDIR_{mode}_HR", tmp_path / f"DIV2K_LSDIR_{mode}_LR"
    assert find_pairs(tmp_path, mode) == [  # type: ignore[arg-type]
        ImagePair("0001", lr / "0001x4.png", hr / "0001.png"),
        ImagePair("0002", lr / "0002x4.png", hr / "0002.png"),
    ]


def test_older_div2k_layout_at_its_scale(tmp_path: Path) -> None:
    for scale in (2, 4):
        lr = f"DIV2K_valid_LR_bicubic/X{scale}/0801x{scale}.png"
        pair(tmp_path, "DIV2K_valid_HR/0801.png", lr, scale=scale)
        assert [one.lr for one in find_pairs(tmp_path, "valid", scale)] == [tmp_path / lr]


def test_a_folder_name_with_hr_in_it_does_not_matter(tmp_path: Path) -> None:
    root = tmp_path / "my_HR_data.png"
    pair(root, "DIV2K_LSDIR_valid_HR/1_HR.png", "DIV2K_LSDIR_valid_LR/1_HRx4.png")
    assert find_pairs(root, "valid")[0].lr == root / "DIV2K_LSDIR_valid_LR" / "1_HRx4.png"


def test_no_layout_says_what_was_looked_for(tmp_path: Path) -> None:
    assert layout_folders(tmp_path, "valid") is None
    with pytest.raises(InputError, match="no folder DIV2K_LSDIR_valid_HR or DIV2K_valid_HR in it"):
        find_pairs(tmp_path, "valid")


def test_layout_without_lr_folder(tmp_path: Path) -> None:
    image(tmp_path / "DIV2K_LSDIR_valid_HR" / "0001.png", 8, 8)
    with pytest.raises(InputError, match="DIV2K_LSDIR_valid_LR: cannot be listed: No such file or directory"):
        find_pairs(tmp_path, "valid")


@pytest.mark.parametrize("lr", ["ax4.png", "a.png", "ax4.bmp", "a.JPG"])
def test_folders_pair_by_either_name_and_any_format(tmp_path: Path, lr: str) -> None:
    pair(tmp_path, "HR/a.png", f"LR/{lr}")
    (tmp_path / "LR" / "Thumbs.db").write_bytes(b"no image")
    (tmp_path / "HR" / ".hidden.png").write_bytes(b"no image")
    found = pair_folders(tmp_path / "HR", tmp_path / "LR")
    assert found == [ImagePair("a", tmp_path / "LR" / lr, tmp_path / "HR" / "a.png")]


def test_missing_lr_is_named(tmp_path: Path) -> None:
    pair(tmp_path, "HR/a.png", "LR/ax4.png")
    image(tmp_path / "HR" / "b.png", 8, 8)
    with pytest.raises(InputError, match=r"LR image of .*b\.png is missing; expected bx4\.png or b\.png"):
        pair_folders(tmp_path / "HR", tmp_path / "LR")


def test_surplus_lr_is_named(tmp_path: Path) -> None:
    pair(tmp_path, "HR/a.png", "LR/ax4.png")
    for number in range(7):
        image(tmp_path / "LR" / f"s{number}x4.png", 8, 8)
    with pytest.raises(
        InputError, match=r"no HR image in .* for s0x4\.png, .*, s4x4\.png and 2 more; expected"
    ):
        pair_folders(tmp_path / "HR", tmp_path / "LR")


@pytest.mark.parametrize("empty", ["HR", "LR"])
def test_empty_folder(tmp_path: Path, empty: str) -> None:
    pair(tmp_path, "HR/a.png", "LR/ax4.png")
    for path in (tmp_path / empty).iterdir():
        path.unlink()
    with pytest.raises(
        InputError, match=f"{empty}: no image in this folder; expected files such as 0001.png"
    ):
        pair_folders(tmp_path / "HR", tmp_path / "LR")


def test_ambiguous_names(tmp_path: Path) -> None:
    pair(tmp_path, "HR/a.png", "LR/ax4.png")
    image(tmp_path / "LR" / "a.png", 4, 6)
    with pytest.raises(InputError, match=r"both ax4\.png and a\.png could belong to .*a\.png; expected one"):
        pair_folders(tmp_path / "HR", tmp_path / "LR")
    (tmp_path / "LR" / "a.png").unlink()
    image(tmp_path / "HR" / "a.bmp", 16, 24)
    with pytest.raises(InputError, match=r"HR: both a\.bmp and a\.png are a; expected one"):
        pair_folders(tmp_path / "HR", tmp_path / "LR")


def test_one_lr_for_two_hr(tmp_path: Path) -> None:
    pair(tmp_path, "HR/a.png", "LR/ax4.png")
    image(tmp_path / "HR" / "ax4.png", 16, 24)
    with pytest.raises(InputError, match=r"ax4\.png: could belong to a\.png and to ax4\.png; expected one"):
        pair_folders(tmp_path / "HR", tmp_path / "LR")


SCALES = (2, 3, 4, 8)
# HR and LR names of published test sets, # for the scale.
PUBLISHED = [
    ("img_001_SRF_#_HR", "img_001_SRF_#_LR"),
    ("bird_HR_x#", "bird_LRBI_x#"),
    ("bird_HR_x#", "bird_LRBD_x#"),
    ("bird_HR", "bird_LR"),
    ("bird", "bird_LRBI_x#"),
    ("0801", "0801x#m"),
    ("0801", "0801x#d"),
    ("0801", "0801x#w"),
    ("0801", "0801X#"),
    ("baby", "babyx#"),
    ("baby_HR_x#", "babyx#"),
]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("hr", "lr"), PUBLISHED)
@pytest.mark.parametrize("folders", [("HR", "LR"), ("one", "one")])
def test_names_of_published_test_sets(
    tmp_path: Path, scale: int, hr: str, lr: str, folders: tuple[str, str]
) -> None:
    """In two folders, and with both kinds in one. A second image shows that the right ones meet."""
    high, low = (tmp_path / name for name in folders)
    hr, lr = (name.replace("#", str(scale)) for name in (hr, lr))
    for first in "ab":
        image(high / f"{first}{hr}.png", 24, 48)
        image(low / f"{first}{lr}.png", 24 // scale, 48 // scale)
    assert pair_folders(high, low, scale) == [
        ImagePair(f"{first}{hr}", low / f"{first}{lr}.png", high / f"{first}{hr}.png") for first in "ab"
    ]


@pytest.mark.parametrize("name", ["X4", "x4"])
def test_a_folder_named_after_the_scale_is_entered(tmp_path: Path, name: str) -> None:
    pair(tmp_path, "HR/baby.png", f"LR_bicubic/{name}/babyx4.png")
    pair(tmp_path, "HR/baby.png", "LR_bicubic/X2/babyx2.png", scale=2)
    (found,) = pair_folders(tmp_path / "HR", tmp_path / "LR_bicubic")
    assert found.lr == tmp_path / "LR_bicubic" / name / "babyx4.png"
    pair(tmp_path, f"split/{name}/a_HR_x4.png", "LR/a_LRBI_x4.png")
    assert len(pair_folders(tmp_path / "split", tmp_path / "LR")) == 1


def test_images_beside_a_folder_named_after_the_scale_come_first(tmp_path: Path) -> None:
    pair(tmp_path, "HR/a.png", "LR/a.png")
    image(tmp_path / "LR" / "X4" / "other.png", 4, 4)
    assert pair_folders(tmp_path / "HR", tmp_path / "LR")[0].lr == tmp_path / "LR" / "a.png"


def test_results_of_methods_beside_both_kinds_are_left_out(tmp_path: Path) -> None:
    pair(tmp_path, "one/img_001_SRF_4_HR.png", "one/img_001_SRF_4_LR.png")
    image(tmp_path / "one" / "img_001_SRF_4_bicubic.png", 16, 24)
    assert [one.name for one in pair_folders(tmp_path / "one", tmp_path / "one")] == ["img_001_SRF_4_HR"]
    image(tmp_path / "one" / "img_002_SRF_4_HR.png", 16, 24)
    with pytest.raises(InputError, match=r"one: img_002_SRF_4_HR\.png: neither an HR image with an LR image"):
        pair_folders(tmp_path / "one", tmp_path / "one")


def test_the_same_folder_twice_by_mistake(tmp_path: Path) -> None:
    image(tmp_path / "HR" / "a.png", 16, 24)
    with pytest.raises(InputError, match="given as HR and as LR folder; expected two folders, or both kinds"):
        pair_folders(tmp_path / "HR", tmp_path / "HR" / ".." / "HR")


@pytest.mark.parametrize(
    ("hr", "expected"),
    [
        ("img_001_SRF_4_HR", "img_001_SRF_4_LR.png or img_001_SRF_4_HRx4.png"),
        ("bird_HR_x4", "bird_LR_x4.png or bird_HR_x4x4.png"),
        ("img_001_SRF_2_HR", "img_001_SRF_2_LR.png or img_001_SRF_2_HRx4.png"),
    ],
)
def test_a_missing_image_is_asked_for_by_a_published_name(tmp_path: Path, hr: str, expected: str) -> None:
    image(tmp_path / "HR" / f"{hr}.png", 16, 24)
    image(tmp_path / "LR" / "other.png", 4, 6)
    with pytest.raises(InputError, match=f"is missing; expected {expected}"):
        pair_folders(tmp_path / "HR", tmp_path / "LR")


@pytest.mark.parametrize("folders", ["srf/HR srf/LR", "LRBI/HR LRBI/LR", "mild/HR mild/LR", "one one"])
def test_shared_case(shared: Path, folders: str) -> None:
    hr, lr = (shared / "cases" / "benchmark-names" / name for name in folders.split())
    assert len(pair_folders(hr, lr)) == 1


def test_hr_is_cropped_to_a_multiple_of_the_scale(tmp_path: Path) -> None:
    image(tmp_path / "HR" / "a.png", 19, 27)
    image(tmp_path / "LR" / "ax4.png", 4, 6)
    assert len(pair_folders(tmp_path / "HR", tmp_path / "LR")) == 1


@pytest.mark.parametrize("size", [(5, 6), (4, 7), (6, 4), (8, 12)])
def test_sizes_that_do_not_match(tmp_path: Path, size: tuple[int, int]) -> None:
    image(tmp_path / "HR" / "a.png", 19, 27)
    image(tmp_path / "LR" / "ax4.png", *size)
    expected = rf"ax4\.png is {size[1]}x{size[0]}, expected 6x4 \(HR a\.png is 27x19, scale 4\)"
    with pytest.raises(InputError, match=f"sizes do not match by the scale: .*{expected}"):
        pair_folders(tmp_path / "HR", tmp_path / "LR")


def test_many_wrong_sizes_are_counted(tmp_path: Path) -> None:
    pairs = []
    for number in range(8):
        hr, lr = image(tmp_path / f"h{number}.png", 16, 16), image(tmp_path / f"l{number}.png", 3, 4)
        pairs.append(ImagePair(str(number), lr, hr))
    with pytest.raises(InputError, match="and 3 more"):
        check_sizes(pairs, 4)


def test_hr_smaller_than_the_scale(tmp_path: Path) -> None:
    hr, lr = image(tmp_path / "h.png", 3, 16), image(tmp_path / "l.png", 1, 4)
    with pytest.raises(InputError, match="sizes do not match"):
        check_sizes([ImagePair("h", lr, hr)], 4)


def test_16_bit_images_stop_the_run_before_any_model_work(tmp_path: Path) -> None:
    pair(tmp_path, "HR/a.png", "LR/ax4.png")
    cv2.imwrite(str(tmp_path / "LR" / "ax4.png"), np.zeros((4, 6, 3), np.uint16))
    with pytest.raises(InputError, match=r"ax4\.png: it has 16 bits per sample; expected 8 bits"):
        pair_folders(tmp_path / "HR", tmp_path / "LR")


def test_reference_images_pair(shared: Path) -> None:
    assert len(find_pairs(shared / "images" / "Set14", "valid")) == 14
    names = [
        one.name for one in pair_folders(shared / "images" / "Set5" / "HR", shared / "images" / "Set5" / "LR")
    ]
    assert names == ["baby", "bird", "butterfly", "head", "woman"]


def test_the_layout_of_image_sr_2024_is_found(tmp_path: Path) -> None:
    for folder, name, size in (("DIV2K_test_HR", "0901", 16), ("DIV2K_test_LR", "0901", 4)):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / f"{name}.png"), np.zeros((size, size, 3), np.uint8))
    (pair,) = find_pairs(tmp_path, "test")
    assert (pair.name, pair.lr.parent.name) == ("0901", "DIV2K_test_LR")
