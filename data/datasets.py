"""Data sets that `data/sources.toml` describes, and which images a name such as "LSDIR:0001000-0010000" selects.

An image has a key: the data set's name and the path in it, such as "LSDIR/0001000/0000001.png". Images of a plain
folder have keys without a slash. They belong to every data set.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from data.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - Python 3.10 only
    import tomli as tomllib

_SOURCES = Path(__file__).resolve().parent / "sources.toml"


@dataclass(frozen=True)
class DataSource:
    """One table of `sources.toml`, with the fields that it explains."""

    hr: tuple[str, ...] = ()
    lr: tuple[str, ...] = ()
    images: int = 0
    folder_images: int = 0
    url: str = ""
    terms: str = ""
    paper: str = ""
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """A data set, or the folders `first` to `last` of it. Both are 0 for the whole."""

    text: str
    name: str
    source: DataSource
    first: int = 0
    last: int = 0

    def holds_folder(self, folder: str) -> bool:
        """Whether the numbered folder is selected."""
        return folder.isdigit() and (not self.last or self.first <= int(folder) <= self.last)

    def holds(self, key: str) -> bool:
        """Whether the image with this key is selected.

        >>> selected("LSDIR:0001000-0002000").holds("LSDIR/0003000/0002001.png")
        False
        """
        name, _, inside = key.partition("/")
        return name == self.name and (not self.last or self.holds_folder(inside.partition("/")[0]))

    def images(self) -> int:
        """How many images the data set's authors published of what is selected.

        >>> selected("LSDIR:0084000-0085000").images()
        1991
        """
        if not self.last:
            return self.source.images
        size = self.source.folder_images
        before, until = -(-self.first // size) * size - size, self.last // size * size
        return max(0, min(until, self.source.images) - before)


@cache
def sources() -> dict[str, DataSource]:
    """All data sets and collections by name."""
    table: dict[str, dict[str, Any]] = tomllib.loads(_SOURCES.read_text(encoding="utf-8"))
    return {
        name: DataSource(**{key: _frozen(value) for key, value in entry.items()})
        for name, entry in table.items()
    }


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def expand(names: Sequence[str]) -> list[str]:
    """Replace collections by their members, in order, each once. Raises InputError for an unknown name.

    >>> expand(["DIV2K", "DF2K"])
    ['DIV2K', 'Flickr2K']
    """
    members = [member for name in names for member in (selected(name).source.members or (name,))]
    return list(dict.fromkeys(members))


def selected(text: str) -> Selection:
    """The data set and folders that `text` names. Raises InputError if it names none."""
    name, colon, folders = text.partition(":")
    if name not in sources():
        raise InputError(f"data set {text!r}: unknown, expected one of {', '.join(sorted(sources()))}")
    source = sources()[name]
    if not colon:
        return Selection(text, name, source)
    if not source.folder_images:
        raise InputError(f"data set {text!r}: {name} has no numbered folders; expected {name}")
    first, _, last = folders.partition("-")
    if not (first.isdigit() and last.isdigit() and 0 < int(first) <= int(last)):
        raise InputError(f"data set {text!r}: expected folders as FIRST-LAST, such as 0001000-0010000")
    return Selection(text, name, source, int(first), int(last))


def is_plain(key: str) -> bool:
    """Whether a key is that of an image in a plain folder."""
    return "/" not in key


def places_of(keys: Sequence[str], names: Sequence[str]) -> list[int]:
    """The places in `keys` of the images that `names` select, data set by data set.

    All places, if `names` is empty or the images come from a plain folder. Raises InputError for an unknown name,
    and for a name that selects nothing.

    >>> places_of(["LSDIR/0001000/1.png", "DIV2K/0001.png"], ["DIV2K"])
    [1]
    """
    selections = [selected(name) for name in expand(names)]
    if not selections or all(map(is_plain, keys)):
        return list(range(len(keys)))
    places: list[int] = []
    for selection in selections:
        found = [place for place, key in enumerate(keys) if selection.holds(key)]
        if not found:
            there = ", ".join(sorted({key.partition("/")[0] for key in keys}))
            raise InputError(f"data set {selection.text}: no images of it are there, only of {there}")
        places += found
    return list(dict.fromkeys(places))


def notes(keys: Sequence[str], names: Sequence[str]) -> list[str]:
    """What a user should know of the images `keys`, used for `names`: names without effect, images that are missing.

    Sub-images (a key with "@") count as their image.

    >>> notes(["DIV2K/0001.png"], ["DIV2K"])
    ['data set DIV2K: 1 of 800 images are there']
    >>> notes(["0001.png"], ["DIV2K"])
    ['the images are of a plain folder: all 1 of them stand for DIV2K']
    """
    images = list(dict.fromkeys(key.partition("@")[0] for key in keys))
    if names and images and all(map(is_plain, images)):
        return [f"the images are of a plain folder: all {len(images)} of them stand for {', '.join(names)}"]
    return [text for name in expand(names) if (text := _shortfall(selected(name), images))]


def _shortfall(selection: Selection, images: Sequence[str]) -> str:
    """One sentence if fewer images are there than were published, else nothing."""
    found = [key for key in images if selection.holds(key)]
    if len(found) >= selection.images():
        return ""
    return f"data set {selection.text}: {len(found)} of {selection.images()} images are there"
