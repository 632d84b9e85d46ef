"""Training images by the names of data sets: `python -m data.sources FOLDER` says what is there.

Without a folder it says where the data sets come from and on which terms.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.datasets import Selection, expand, notes, selected, sources
from data.errors import InputError
from data.images import IMAGE_SUFFIXES

PACKED = "data.mdb"

_SHARDS = "shard*"


@dataclass(frozen=True)
class TrainingImage:
    """One image. Its `key` is unique among those listed with it. `lr` is None if no LR image is stored."""

    key: str
    hr: Path
    lr: Path | None = None


def is_packed(folder: Path) -> bool:
    """Whether `folder` was written by `data.pack`."""
    return (folder / PACKED).is_file()


def list_images(folder: Path, names: Sequence[str], scale: int = 4) -> list[TrainingImage]:
    """The images of the data sets `names` below `folder`, or those of a plain folder of images.

    A plain folder holds image files itself or in HR/, with LR/ or X4/ beside that if LR images are stored. It
    stands for all of `names`. Raises InputError: neither is there, unknown name, missing LR image.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected training images")
    plain = _plain(folder, scale)
    named = (image for name in expand(names) for image in _named(folder, selected(name), scale))
    return plain or list({image.key: image for image in named}.values())


def _plain(folder: Path, scale: int) -> list[TrainingImage]:
    own = _files(folder)
    if own:
        return [TrainingImage(path.name, path) for path in own]
    lr = _first_folder(folder, ("LR", f"X{scale}"))
    return [TrainingImage(path.name, path, _low(path, lr, scale)) for path in _files(folder / "HR")]


def _named(folder: Path, selection: Selection, scale: int) -> list[TrainingImage]:
    """The images of one data set, from the first of its folders that holds any."""
    for candidate in selection.source.hr:
        found = list(_inside(folder / candidate, selection))
        if found:
            break
    else:
        raise InputError(_missing(folder, selection))
    lr = _first_folder(folder, [name.format(scale=scale) for name in selection.source.lr])
    return [
        TrainingImage(f"{selection.name}/{inside}", path, _low(path, lr and lr / inside.parent, scale))
        for inside, path in found
    ]


def _inside(hr: Path, selection: Selection) -> Iterator[tuple[Path, Path]]:
    """Each image's path in the data set, and its file. Shards are no part of the former."""
    if not selection.source.folder_images:
        yield from ((Path(path.name), path) for path in _files(hr))
        return
    folders = [*hr.glob("*"), *hr.glob(f"{_SHARDS}/*"), *hr.glob(f"{_SHARDS}/train/*")]
    numbered = [path for path in folders if path.is_dir() and selection.holds_folder(path.name)]
    for folder in sorted(numbered, key=lambda path: (path.name, path)):
        yield from ((Path(folder.name, path.name), path) for path in _files(folder))


def _missing(folder: Path, selection: Selection) -> str:
    """Why no image of a data set was found, and where to get it."""
    if selection.source.folder_images and any(
        path for top in selection.source.hr for path in _archives(folder / top)
    ):
        return f"{folder}: no images of {selection.text}, but archives {_SHARDS}.tar*; unpack them first"
    return (
        f"{folder / selection.source.hr[0]}: no images there; data set {selection.text} comes from "
        f"{selection.source.url}, or give a plain folder of images"
    )


def _archives(folder: Path) -> list[Path]:
    return list(folder.glob(f"{_SHARDS}.tar*"))


def _first_folder(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)


def _low(hr: Path, folder: Path | None, scale: int) -> Path | None:
    """The stored LR image of `hr`, or None if there is no folder of them. Raises InputError if it is missing."""
    if folder is None:
        return None
    for name in (f"{hr.stem}x{scale}", hr.stem):
        for suffix in (hr.suffix, ".png"):
            if (folder / f"{name}{suffix}").is_file():
                return folder / f"{name}{suffix}"
    raise InputError(f"{folder / hr.stem}x{scale}{hr.suffix}: no such file; expected the LR image of {hr}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0, or 2 for wrong input."""
    options = _parser().parse_args(arguments)
    try:
        names = expand(options.data)
        lines = _catalogue(names) if options.folder is None else _report(options.folder, names, options.scale)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0


def _catalogue(names: Sequence[str]) -> list[str]:
    """Where each data set comes from."""
    return [
        f"{one.text}: {one.images()} images, {one.source.url} ({one.source.terms})"
        for one in map(selected, names)
    ]


def _report(folder: Path, names: Sequence[str], scale: int) -> list[str]:
    """What is there of each data set, or why it is not."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected training images")
    if plain := _plain(folder, scale):
        return [f"{folder}: a plain folder, which stands for every data set: {_counted(plain)}"]
    lines = []
    for name in names:
        try:
            images = list_images(folder, [name], scale)
        except InputError as error:
            lines.append(f"{name}: {error}")
            continue
        lines += [f"{name}: {_counted(images)}", *notes([image.key for image in images], [name])]
    return lines


def _counted(images: Sequence[TrainingImage]) -> str:
    return f"{len(images)} images, {sum(image.lr is not None for image in images)} with a stored LR image"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m data.sources",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    known = [name for name, source in sources().items() if not source.members]
    parser.add_argument("folder", type=Path, nargs="?", help="data folder or plain folder of images")
    parser.add_argument(
        "--data", nargs="+", default=known, metavar="NAME", help="data sets, or ranges of folders"
    )
    parser.add_argument("--scale", type=int, default=4, help="factor of the stored LR images")
    return parser


if __name__ == "__main__":
    sys.exit(main())
