"""Which checkpoint files fill a model: the authors', this project's own, or what the user gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data.text import printable
from eval.files import absolute, unfit
from eval.protocol.job import CheckpointPart
from eval.records.schema import Checkpoint
from eval.submissions.fingerprint import combined_sha256, sha256, shown
from eval.submissions.manifest import MODEL_ZOO, MODELS, CheckpointFile, Manifest


@dataclass(frozen=True)
class ChosenCheckpoint:
    """The files that fill a model. source: `authors`, `reproduced` or `path`. problem: why they cannot."""

    parts: tuple[CheckpointPart, ...]
    source: str
    problem: str = ""

    def recorded(self) -> Checkpoint | None:
        """For the record; several files stand as one, with a sha256 over the sha256 of each in turn."""
        if not self.parts or not all(Path(part.path).is_file() for part in self.parts):
            return None
        return Checkpoint(
            file=", ".join(shown(Path(part.path)) for part in self.parts),
            sha256=combined_sha256([sha256(Path(part.path)) for part in self.parts]),
            source=self.source,
        )


def choose_checkpoint(manifest: Manifest, choice: str, folder: Path = MODELS) -> ChosenCheckpoint:
    """What `--checkpoint` means for this manifest: `auto`, `authors`, `reproduced`, a file, or a folder of parts.

    folder: where the manifest lies. Checkpoints of manifests outside `models/` may lie beside them.
    """
    named = {
        "authors": manifest.authors,
        "reproduced": {"": manifest.reproduced} if manifest.reproduced else {},
    }
    if choice not in ("auto", *named):
        return _given(manifest, absolute(Path(choice)))
    zoos = _zoos(folder)
    order = ("authors", "reproduced") if choice == "auto" else (choice,)
    for source in order:
        zoo = _zoo_with(named[source], zoos)
        if zoo is not None:
            return _present(named[source], zoo, source)
    source, entries = order[0], named[order[0]]
    if not entries:
        return ChosenCheckpoint(
            (), source, f"the manifest of {manifest.model} names no checkpoint '{source}'"
        )
    return ChosenCheckpoint(_parts(entries, zoos[0]), source, _missing(manifest, entries, zoos))


def _zoos(folder: Path) -> tuple[Path, ...]:
    """Folders that checkpoints are looked for in. Those of `--models DIR`: DIR/../model_zoo, DIR, `model_zoo/`."""
    if folder.resolve() == MODELS:
        return (MODEL_ZOO,)
    return (folder.resolve().parent / MODEL_ZOO.name, folder, MODEL_ZOO)


def _zoo_with(entries: dict[str, CheckpointFile], zoos: tuple[Path, ...]) -> Path | None:
    """The first folder that holds all files."""
    if not entries:
        return None
    return next((zoo for zoo in zoos if all((zoo / one.file).is_file() for one in entries.values())), None)


def _present(entries: dict[str, CheckpointFile], zoo: Path, source: str) -> ChosenCheckpoint:
    refused = [reason for entry in entries.values() if (reason := unfit(zoo / entry.file, zoo))]
    if refused:
        return ChosenCheckpoint((), source, f"checkpoint {refused[0]}")
    wrong = [_wrong_hash(zoo / entry.file, entry.sha256) for entry in entries.values()]
    return ChosenCheckpoint(_parts(entries, zoo), source, "; ".join(filter(None, wrong)))


def _given(manifest: Manifest, path: Path) -> ChosenCheckpoint:
    if path.is_dir() and manifest.parts:
        parts = _parts(manifest.parts, path)
        complete = all(Path(part.path).is_file() for part in parts)
        return ChosenCheckpoint(
            parts, "path", "" if complete else _missing(manifest, manifest.parts, (path,))
        )
    problem = "" if path.is_file() else f"checkpoint {path}: no such file{near_name(path)}"
    key = manifest.checkpoint.key if manifest.checkpoint else ""
    return ChosenCheckpoint((CheckpointPart("", str(path), key, key_may_lack=True),), "path", problem)


def _parts(entries: dict[str, CheckpointFile], folder: Path) -> tuple[CheckpointPart, ...]:
    return tuple(CheckpointPart(name, str(folder / entry.file), entry.key) for name, entry in entries.items())


def _missing(manifest: Manifest, entries: dict[str, CheckpointFile], zoos: tuple[Path, ...]) -> str:
    """Which files are in none of the folders, and how each is to be had."""
    problems = []
    for name, entry in entries.items():
        if any((zoo / entry.file).is_file() for zoo in zoos):
            continue
        part = f" (part '{name}')" if name else ""
        remedy = f"; `python -m model_zoo fetch {manifest.model_id}` downloads it" if entry.url else ""
        if entry.source:
            remedy = f"; save {entry.source} under this name"
        near = next((found for zoo in zoos if (found := near_name(zoo / entry.file))), "")
        problems.append(f"checkpoint {shown(zoos[0] / entry.file)}{part}: no such file{near or remedy}")
    return "; ".join(problems)


def near_name(path: Path) -> str:
    """The file beside a missing one whose name differs by upper and lower case only, for a message."""
    try:
        names = [other.name for other in path.parent.iterdir()]
    except OSError:
        return ""
    near = next((name for name in names if name.casefold() == path.name.casefold()), "")
    return f"; there is {printable(near)}: upper and lower case differ" if near else ""


def _wrong_hash(path: Path, expected: str) -> str:
    if not expected or sha256(path) == expected:
        return ""
    return f"checkpoint {shown(path)}: sha256 is {sha256(path)}, the manifest says {expected}"
