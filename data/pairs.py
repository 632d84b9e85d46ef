"""Which LR image belongs to which HR image: decided once, by names, before any model runs.

Layouts (scale 4 shown):
  DIV2K_LSDIR_valid_HR/0001.png  with  DIV2K_LSDIR_valid_LR/0001x4.png           (NTIRE; `test` likewise)
  DIV2K_valid_HR/0801.png        with  DIV2K_valid_LR_bicubic/X4/0801x4.png      (DIV2K as published)
  DIV2K_test_HR/0901.png         with  DIV2K_test_LR/0901.png                    (NTIRE Image SR 2024)
  any HR folder with any LR folder, or both kinds in one folder, named as `data.names` says
Folders that hold no images themselves but a folder X4 or x4 stand for that one. The two images of a pair may be
files of different formats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.errors import InputError
from data.images import IMAGE_SUFFIXES, image_size
from data.names import hr_keys, lr_keys, lr_names
from data.types import Split

_NAMED_AT_MOST = 5


@dataclass(frozen=True)
class ImagePair:
    """A low-resolution image and the high-resolution image it was made from. `name` is the HR file's stem."""

    name: str
    lr: Path
    hr: Path


def layout_folders(data_dir: str | Path, mode: Split, scale: int = 4) -> tuple[Path, Path] | None:
    """The HR and LR folders of a mode in the first layout that is there, or None.

    The LR folder is missing if no layout has both. `pair_folders` then says so.
    """
    there = [(hr, lr) for hr, lr in _layouts(Path(data_dir), mode, scale) if hr.is_dir()]
    return next((folders for folders in there if folders[1].is_dir()), there[0] if there else None)


def find_pairs(data_dir: str | Path, mode: Split, scale: int = 4) -> list[ImagePair]:
    """The pairs of a mode ("valid" or "test") below `data_dir`, sorted by name, sizes checked.

    Raises InputError if there is no such layout, and as `pair_folders` does.
    """
    folders = layout_folders(data_dir, mode, scale)
    if folders is None:
        looked_for = " or ".join(dict.fromkeys(hr.name for hr, _ in _layouts(Path(data_dir), mode, scale)))
        raise InputError(f"{data_dir}: no folder {looked_for} in it; expected one of these with HR images")
    return pair_folders(*folders, scale=scale)


def pair_folders(hr_dir: str | Path, lr_dir: str | Path, scale: int = 4) -> list[ImagePair]:
    """Pair every HR image with its LR image, sorted by name, and check their sizes from the headers.

    The same folder may be given twice if it holds both kinds.
    Raises InputError: a folder missing or empty, an image without its counterpart, two files that could be the same
    image, or sizes that do not fit. Files that cannot be judged raise it too, as `data.images.image_size` says.
    """
    hr_dir, lr_dir = _scaled(Path(hr_dir), scale), _scaled(Path(lr_dir), scale)
    hr_files, lr_files = image_files(hr_dir), image_files(lr_dir)
    if hr_dir.resolve() == lr_dir.resolve():
        hr_files, lr_files = _both_kinds(hr_dir, hr_files, scale)
    by_key = _by_key(lr_files, scale)
    pairs = [ImagePair(stem, _lr_for(hr, lr_dir, by_key, scale), hr) for stem, hr in hr_files.items()]
    _refuse_shared(pairs)
    surplus = sorted({path.name for path in lr_files.values()} - {pair.lr.name for pair in pairs})
    if surplus:
        raise InputError(
            f"{lr_dir}: no HR image in {hr_dir} for {_some(surplus)}; expected one HR image for each LR image"
        )
    check_sizes(pairs, scale)
    return pairs


def _scaled(folder: Path, scale: int) -> Path:
    """The folder X4 or x4 in `folder` if that has no images itself, else `folder`."""
    below = next((folder / name for name in (f"X{scale}", f"x{scale}") if (folder / name).is_dir()), None)
    return folder if below is None or _has_images(folder) else below


def _has_images(folder: Path) -> bool:
    try:
        return any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())
    except OSError:
        return True  # listing it for its images says what is wrong


def _by_key(lr_files: dict[str, Path], scale: int) -> dict[str, list[Path]]:
    """LR images by what they can be pictures of."""
    found: dict[str, list[Path]] = defaultdict(list)
    for stem, path in lr_files.items():
        for key in lr_keys(stem, scale):
            found[key].append(path)
    return found


def _both_kinds(folder: Path, files: dict[str, Path], scale: int) -> tuple[dict[str, Path], dict[str, Path]]:
    """The HR and the LR images of one folder that holds both.

    Results of methods, named as the HR image with the method in place of HR, are left out.
    Raises InputError if the names do not tell, or tell it of some images only.
    """
    by_key = _by_key(files, scale)
    found = {stem: {lr.stem for key in hr_keys(stem, scale) for lr in by_key[key]} - {stem} for stem in files}
    high = {stem: files[stem] for stem, low in found.items() if low}
    low = {stem: files[stem] for stem in set().union(*found.values())}
    if not high:
        raise InputError(
            f"{folder}: given as HR and as LR folder; expected two folders, or both kinds of images in one, "
            f"such as 0001.png with 0001x{scale}.png"
        )
    bases = {stem.rpartition("_")[0] for stem in high}
    others = [
        stem for stem in files if stem not in {*high, *low} and stem.rpartition("_")[0] not in bases - {""}
    ]
    if others:
        names = _some([files[stem].name for stem in others])
        raise InputError(
            f"{folder}: {names}: neither an HR image with an LR image nor the reverse; expected pairs"
        )
    return high, dict(sorted(low.items()))


def check_sizes(pairs: Sequence[ImagePair], scale: int) -> None:
    """Check from the files' headers that HR, cropped to a multiple of `scale`, is `scale` times LR.

    Raises InputError that names the first pairs that do not fit, with both sizes.
    """
    wrong = []
    for pair in pairs:
        hr_height, hr_width = image_size(pair.hr)
        lr_height, lr_width = image_size(pair.lr)
        expected = (hr_height // scale, hr_width // scale)
        if (lr_height, lr_width) != expected or 0 in expected:
            wrong.append(
                f"{pair.lr} is {lr_width}x{lr_height}, expected {expected[1]}x{expected[0]} "
                f"(HR {pair.hr.name} is {hr_width}x{hr_height}, scale {scale})"
            )
    if wrong:
        more = f"; and {len(wrong) - _NAMED_AT_MOST} more" if len(wrong) > _NAMED_AT_MOST else ""
        raise InputError("sizes do not match by the scale: " + "; ".join(wrong[:_NAMED_AT_MOST]) + more)


def _layouts(data_dir: Path, mode: Split, scale: int) -> tuple[tuple[Path, Path], ...]:
    return (
        (data_dir / f"DIV2K_LSDIR_{mode}_HR", data_dir / f"DIV2K_LSDIR_{mode}_LR"),
        (data_dir / f"DIV2K_{mode}_HR", data_dir / f"DIV2K_{mode}_LR_bicubic" / f"X{scale}"),
        (data_dir / f"DIV2K_{mode}_HR", data_dir / f"DIV2K_{mode}_LR"),
    )


def image_files(folder: Path) -> dict[str, Path]:
    """The image files of a folder by name without suffix, sorted. Hidden and other files are left out.

    Raises InputError: folder missing or without images, two files of one name.
    """
    try:
        names = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed: {error.strerror or error}") from None
    files: dict[str, Path] = {}
    for path in names:
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        if path.stem in files:
            raise InputError(
                f"{folder}: both {files[path.stem].name} and {path.name} are {path.stem}; expected one"
            )
        files[path.stem] = path
    if not files:
        raise InputError(f"{folder}: no image in this folder; expected files such as 0001.png")
    return dict(sorted(files.items()))


def _lr_for(hr: Path, lr_dir: Path, by_key: dict[str, list[Path]], scale: int) -> Path:
    found = {lr for key in hr_keys(hr.stem, scale) for lr in by_key.get(key, ()) if lr != hr}
    if not found:
        expected = " or ".join(f"{name}{hr.suffix}" for name in lr_names(hr.stem, scale))
        raise InputError(f"{lr_dir}: LR image of {hr} is missing; expected {expected}")
    if len(found) > 1:
        names = " and ".join(sorted((path.name for path in found), key=len, reverse=True))
        raise InputError(f"{lr_dir}: both {names} could belong to {hr}; expected one")
    return found.pop()


def _refuse_shared(pairs: Iterable[ImagePair]) -> None:
    owner: dict[Path, Path] = {}
    for pair in pairs:
        if pair.lr in owner:
            owners = f"{owner[pair.lr].name} and to {pair.hr.name}"
            raise InputError(f"{pair.lr}: could belong to {owners}; expected one")
        owner[pair.lr] = pair.hr


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED_AT_MOST])
    return shown if len(names) <= _NAMED_AT_MOST else f"{shown} and {len(names) - _NAMED_AT_MOST} more"
