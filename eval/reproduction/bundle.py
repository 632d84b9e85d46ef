"""A reproduction bundle: a ZIP file with what a second machine needs to repeat an evaluation.

`bundle.json` lists every other file with its sha256. Checkpoints and images are named by their hashes only.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import struct
import zipfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from data.errors import InputError
from eval.records.schema import Text
from eval.tomlfile import field_problems

BUNDLE = "bundle.json"
MAX_MEMBERS, MAX_MEMBER_BYTES, MAX_BUNDLE_BYTES = 2000, 1 << 26, 1 << 28
_DATE = (1980, 1, 1, 0, 0, 0)  # of every file, so that equal bundles are equal files
_END = struct.Struct("<4s6xHI6x")  # the end of a ZIP file: number of its files, size of their list
_LOCATOR_BYTES, _ENTRY_BYTES = 20, 1024
FOLDERS = ("models", "records", "challenge")
_BROKEN = (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MemberName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*$", max_length=300)
]


def _inside(name: str) -> str:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError("must be a path inside its folder")
    return name


# A repository's files have any names.
SourceName = Annotated[Text, AfterValidator(_inside)]


class BundlePart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HashedFile(BundlePart):
    """A file of the bundle by content. file: its path in there."""

    file: MemberName
    sha256: Sha256


class HashedSource(BundlePart):
    """A file by content that is not in the bundle. file: its path in its repository or folder of checkpoints."""

    file: SourceName
    sha256: Sha256


class HashedImage(BundlePart):
    """An image pair by its pixels (`data.images.pixel_sha256`)."""

    split: Literal["valid", "test"]
    name: Text
    lr_sha256: Sha256
    hr_sha256: Sha256


class BundledModel(BundlePart):
    """One submission. sources: files by content that must be equal, such as those of a repository.

    checkpoint_choice: what `--checkpoint` was: authors, reproduced or path. record_sha256: of the record as it was
    written; the bundle's copy has names instead of paths.
    """

    model: Text
    model_id: str = Field(pattern=r"^-?[0-9]{1,4}[a-z]?$")
    manifest: MemberName | None = None
    sources: tuple[HashedSource, ...] = ()
    checkpoints: tuple[HashedSource, ...] = ()
    checkpoint_choice: Literal["authors", "reproduced", "path", "repository", ""] = ""
    record: MemberName
    record_sha256: Sha256


class BundledOptions(BundlePart):
    """Options of the main command that a bundle may set. None of them grants a right."""

    protocol: Literal["ntire", "robust", "interleaved"]
    repeats: int = Field(ge=1, le=1000)
    include_test: bool = False
    ssim: bool = False
    self_ensemble: bool = False

    def words(self) -> list[str]:
        """As a command line has them."""
        switches = [name for name, value in self if value is True]
        return [
            "--protocol",
            self.protocol,
            "--repeats",
            str(self.repeats),
            *(f"--{name}" for name in switches),
        ]


class Bundle(BundlePart):
    """What `bundle.json` says. files: all others in the bundle.

    command: how it was made, with words in place of paths. harness_sha256: of the code that judged.
    """

    schema_version: Literal[1] = 1
    created: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    challenge: MemberName
    options: BundledOptions
    command: Text
    harness_sha256: Sha256
    environment: MemberName
    images: tuple[HashedImage, ...]
    models: tuple[BundledModel, ...] = Field(min_length=1)
    files: tuple[HashedFile, ...]


def digest(content: bytes) -> str:
    """The sha256 of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def hashed_files(contents: Mapping[str, bytes]) -> tuple[HashedFile, ...]:
    """The list that `Bundle.files` holds of `contents`."""
    return tuple(HashedFile(file=name, sha256=digest(contents[name])) for name in sorted(contents))


def write_bundle(path: Path, bundle: Bundle, contents: Mapping[str, bytes]) -> None:
    """Write the ZIP file, whole or not at all. Raises InputError if it would be too large or cannot be written."""
    members = {BUNDLE: (bundle.model_dump_json(indent=1) + "\n").encode(), **contents}
    large = [name for name, content in members.items() if len(content) > MAX_MEMBER_BYTES]
    if large or len(members) > MAX_MEMBERS or sum(map(len, members.values())) > MAX_BUNDLE_BYTES:
        raise InputError(
            f"--bundle {path}: {large[0] if large else 'all files together'} would be larger than a bundle may hold "
            f"({MAX_MEMBER_BYTES >> 20} MiB in one file, {MAX_BUNDLE_BYTES >> 20} MiB and {MAX_MEMBERS} files in all)"
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, _DATE), members[name], zipfile.ZIP_DEFLATED)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        temporary.write_bytes(packed.getvalue())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(f"--bundle {path}: cannot be written ({error.strerror or error})") from None


def read_bundle(path: Path) -> tuple[Bundle, dict[str, bytes]]:
    """The bundle at `path` and its files by name. It may come from a stranger: sizes are bounded before they are read.

    Raises InputError for what is no bundle, is too large, or holds other files than it lists.
    """
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            contents = _members(path, archive)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except _BROKEN as error:
        raise InputError(f"{path}: not a ZIP file that can be read ({error!s:.200})") from None
    if BUNDLE not in contents:
        raise InputError(f"{path}: holds no {BUNDLE}; expected a file that --bundle wrote")
    try:
        bundle = Bundle.model_validate(json.loads(contents.pop(BUNDLE)))
    except ValidationError as error:
        raise InputError(f"{path}: {BUNDLE}: {field_problems(error)}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: {BUNDLE}: not JSON ({error!s:.200})") from None
    _check_files(path, bundle, contents)
    return bundle, contents


def _check_directory(path: Path) -> None:
    """Raise InputError for a file or a directory in it that is too large, before the directory is parsed."""
    if (size := path.stat().st_size) > MAX_BUNDLE_BYTES:
        raise InputError(f"{path}: larger than {MAX_BUNDLE_BYTES >> 20} MiB; expected a bundle")
    with path.open("rb") as stream:
        stream.seek(-min(size, _LOCATOR_BYTES + _END.size), os.SEEK_END)
        tail = stream.read()
    if len(tail) < _END.size or not tail[-_END.size :].startswith(b"PK\5\6") or tail.startswith(b"PK\6\7"):
        raise InputError(f"{path}: not a ZIP file that --bundle wrote")
    count, directory_bytes = _END.unpack(tail[-_END.size :])[1:]
    if count > MAX_MEMBERS or directory_bytes > MAX_MEMBERS * _ENTRY_BYTES:
        raise InputError(
            f"{path}: {count} files listed in {directory_bytes} bytes, expected at most {MAX_MEMBERS}"
        )


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, bytes]:
    listed = archive.infolist()
    names = [one.filename for one in listed]
    if len(listed) > MAX_MEMBERS or len(set(names)) < len(names):
        raise InputError(f"{path}: {len(listed)} files, expected at most {MAX_MEMBERS} of different names")
    if any(one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for one in listed):
        raise InputError(f"{path}: packed in another way than --bundle packs")
    contents: dict[str, bytes] = {}
    left = MAX_BUNDLE_BYTES
    for one in listed:
        most = min(MAX_MEMBER_BYTES, left)
        with archive.open(one) as stream:  # a size that the archive states is not believed
            content = stream.read(most + 1)
        if len(content) > most:
            raise InputError(f"{path}: {one.filename!r:.80} is larger than a bundle may hold")
        left -= len(content)
        contents[one.filename] = content
    return contents


def _check_files(path: Path, bundle: Bundle, contents: Mapping[str, bytes]) -> None:
    listed = {one.file: one.sha256 for one in bundle.files}
    named = {bundle.challenge, bundle.environment}
    named |= {name for one in bundle.models for name in (one.manifest, one.record) if name}
    if set(listed) != set(contents) or not named <= set(listed):
        wrong = sorted((set(listed) ^ set(contents)) | (named - set(listed)))
        raise InputError(f"{path}: {wrong[0]!r:.80} is listed and not there, or there and not listed")
    strange = [name for name in listed if "/" in name and name.split("/")[0] not in FOLDERS]
    if strange:
        raise InputError(f"{path}: {strange[0]} lies in none of the folders {', '.join(FOLDERS)}")
    changed = [name for name, content in contents.items() if digest(content) != listed[name]]
    if changed:
        raise InputError(f"{path}: {changed[0]} was changed: its sha256 is not the one that {BUNDLE} lists")
