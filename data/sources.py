"""Training data by name: the image files that "DIV2K" or "LSDIR:0001000-0010000" stand for."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.images import IMAGE_SUFFIXES

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - Python 3.10 only
    import tomli as tomllib

SOURCES = Path(__file__).resolve().parent / "sources.toml"
PACKED = "data.mdb"


@dataclass(frozen=True)
class TrainingImage:
    """One image: its `key` is unique within what it was listed with; `lr` is None where none is stored."""

    key: str
    hr: Path
    lr: Path | None = None


def is_packed(folder: Path) -> bool:
    """Whether `folder` was written by `data.pack`."""
    return (folder / PACKED).is_file()


def list_images(folder: Path, names: tuple[str, ...]) -> list[TrainingImage]:
    """The images of the data sets `names` below `folder`, or those of a plain folder of images.

    A folder that holds image files itself, or HR/ (with LR/ or X4/ beside it where LR images are stored), is
    taken for all of `names`. Raises InputError when there is neither, with where the missing data sets come
    from; for an unknown name; for an LR image that is missing.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected training images")
    plain = _plain(folder)
    if plain:
        return plain
    images: list[TrainingImage] = []
    for name in expand(names):
        images += _named(folder, name)
    return images


def expand(names: tuple[str, ...]) -> list[str]:
    """Collections replaced by their members, in order, each once. Raises InputError for an unknown name."""
    table = _table()
    found: list[str] = []
    for name in names:
        entry = _entry(table, name)
        found += [member for member in entry.get("members", [name]) if member not in found]
    return found


def _table() -> dict[str, Any]:
    return tomllib.loads(SOURCES.read_text(encoding="utf-8"))


def _entry(table: dict[str, Any], name: str) -> dict[str, Any]:
    known, _, folders = name.partition(":")
    if known not in table:
        raise InputError(f"data set {name!r}: unknown, expected one of {', '.join(sorted(table))}")
    if folders and not table[known].get("folders"):
        raise InputError(f"data set {name!r}: {known} has no numbered folders")
    return table[known]


def _plain(folder: Path) -> list[TrainingImage]:
    own = _files(folder)
    if own:
        return [TrainingImage(path.name, path) for path in own]
    hr = _files(folder / "HR")
    lr = next((folder / name for name in ("LR", "X4") if (folder / name).is_dir()), None)
    return [TrainingImage(path.name, path, None if lr is None else _low(path, lr)) for path in hr]


def _named(folder: Path, name: str) -> list[TrainingImage]:
    entry = _entry(_table(), name)
    hr, lr = folder / entry["hr"], folder / entry["lr"]
    files = _files(hr)
    if entry.get("folders"):
        files = [file for sub in _range(hr, name) for file in _files(sub)]
    if not files:
        raise InputError(
            f"{hr}: no images there; data set {name} comes from {entry['url']}, "
            "or give a plain folder of images"
        )
    images = []
    for path in files:
        inside = path.relative_to(hr)
        low = _low(path, lr / inside.parent) if lr.is_dir() else None
        images.append(TrainingImage(f"{name.partition(':')[0]}/{inside}", path, low))
    return images


def _range(hr: Path, name: str) -> list[Path]:
    """Numbered folders in `hr`, all or those that "LSDIR:0001000-0010000" names (both ends included)."""
    _, _, wanted = name.partition(":")
    folders = sorted(path for path in hr.glob("*") if path.is_dir() and path.name.isdigit())
    if not wanted:
        return folders
    first, _, last = wanted.partition("-")
    if not (first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise InputError(f"data set {name!r}: expected folders as FIRST-LAST, such as 0001000-0010000")
    return [path for path in folders if int(first) <= int(path.name) <= int(last)]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)


def _low(hr: Path, folder: Path) -> Path:
    for name in (f"{hr.stem}x4", hr.stem):
        for suffix in (hr.suffix, ".png"):
            if (folder / f"{name}{suffix}").is_file():
                return folder / f"{name}{suffix}"
    raise InputError(f"{folder / hr.stem}x4{hr.suffix}: no such file; expected the LR image of {hr}")
