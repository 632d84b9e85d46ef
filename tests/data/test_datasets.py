"""Data sets by name: what a name selects, and what is missing of it."""

from __future__ import annotations

import pytest

from data.datasets import expand, notes, places_of, selected, sources
from data.errors import InputError


def test_collections_name_each_member_once() -> None:
    assert expand(("DIV2K", "DF2K")) == ["DIV2K", "Flickr2K"]


def test_every_source_is_complete() -> None:
    for name, source in sources().items():
        if not source.members:
            assert source.hr and source.lr and source.images and source.url and source.terms, name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("DIV3K", "data set 'DIV3K': unknown, expected one of DF2K, DIV2K, Flickr2K, LSDIR"),
        ("DIV2K:1-2", "DIV2K has no numbered folders; expected DIV2K"),
        ("DF2K:1-2", "DF2K has no numbered folders"),
        ("LSDIR:", "expected folders as FIRST-LAST, such as 0001000-0010000"),
        ("LSDIR:1000", "expected folders as FIRST-LAST"),
        ("LSDIR:0002000-0001000", "expected folders as FIRST-LAST"),
    ],
)
def test_wrong_names(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        expand((name,))


@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("DIV2K", 800),
        ("LSDIR", 84991),
        ("LSDIR:0001000-0010000", 10000),
        ("LSDIR:0085000-0085000", 991),
        ("LSDIR:1500-3999", 2000),
        ("LSDIR:1-99", 0),
        ("LSDIR:0090000-0099000", 0),
    ],
)
def test_published_images_of_a_range(name: str, images: int) -> None:
    assert selected(name).images() == images


def test_overlapping_names_choose_an_image_once() -> None:
    keys = ["LSDIR/0001000/1.png", "LSDIR/0002000/2.png"]
    assert places_of(keys, ["LSDIR:1000-2000", "LSDIR"]) == [0, 1]
    assert places_of(["a.png", "b.png@0,4"], ["DIV2K"]) == [0, 1]


def test_a_whole_data_set_needs_no_note() -> None:
    keys = [f"DIV2K/{number:04}.png@0,{left}" for number in range(800) for left in (0, 4)]
    assert notes(keys, ["DIV2K"]) == []
    assert notes(keys[:-2], ["DIV2K"]) == ["data set DIV2K: 799 of 800 images are there"]
