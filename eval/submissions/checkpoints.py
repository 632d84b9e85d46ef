"""Which checkpoint files fill a model: the authors', this project's own, or what the user gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eval.files import absolute, unfit
from eval.protocol.job import CheckpointPart
from eval.records.schema import Checkpoint
from eval.submissions.fingerprint import combined_sha256, sha256, shown
from eval.submissions.manifest import MODEL_ZOO, CheckpointFile, Manifest


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


def choose_checkpoint(manifest: Manifest, choice: str) -> ChosenCheckpoint:
    """What `--checkpoint` means for this manifest: `auto`, `authors`, `reproduced`, a file, or a folder of parts."""
    named = {
        "authors": manifest.authors,
        "reproduced": {"": manifest.reproduced} if manifest.reproduced else {},
    }
    if choice not in ("auto", *named):
        return _given(manifest, absolute(Path(choice)))
    order = ("authors", "reproduced") if choice == "auto" else (choice,)
    for source in order:
        entries = named[source]
        if entries and all((MODEL_ZOO / entry.file).is_file() for entry in entries.values()):
            refused = [
                reason for entry in entries.values() if (reason := unfit(MODEL_ZOO / entry.file, MODEL_ZOO))
            ]
            if refused:
                return ChosenCheckpoint((), source, f"checkpoint {refused[0]}")
            wrong = [_wrong_hash(MODEL_ZOO / entry.file, entry.sha256) for entry in entries.values()]
            return ChosenCheckpoint(_parts(entries, MODEL_ZOO), source, "; ".join(filter(None, wrong)))
    source, entries = order[0], named[order[0]]
    if not entries:
        return ChosenCheckpoint(
            (), source, f"the manifest of {manifest.model} names no checkpoint '{source}'"
        )
    return ChosenCheckpoint(_parts(entries, MODEL_ZOO), source, _missing(manifest, entries, MODEL_ZOO))


def _given(manifest: Manifest, path: Path) -> ChosenCheckpoint:
    if path.is_dir() and manifest.parts:
        parts = _parts(manifest.parts, path)
        complete = all(Path(part.path).is_file() for part in parts)
        return ChosenCheckpoint(parts, "path", "" if complete else _missing(manifest, manifest.parts, path))
    problem = "" if path.is_file() else f"checkpoint {path}: no such file"
    key = manifest.checkpoint.key if manifest.checkpoint else ""
    return ChosenCheckpoint((CheckpointPart("", str(path), key, key_may_lack=True),), "path", problem)


def _parts(entries: dict[str, CheckpointFile], folder: Path) -> tuple[CheckpointPart, ...]:
    return tuple(CheckpointPart(name, str(folder / entry.file), entry.key) for name, entry in entries.items())


def _missing(manifest: Manifest, entries: dict[str, CheckpointFile], folder: Path) -> str:
    """Which files are not in `folder`, and how each is to be had."""
    problems = []
    for name, entry in entries.items():
        if (folder / entry.file).is_file():
            continue
        part = f" (part '{name}')" if name else ""
        remedy = f"; `python -m model_zoo fetch {manifest.model_id}` downloads it" if entry.url else ""
        if entry.source:
            remedy = f"; save {entry.source} under this name"
        problems.append(f"checkpoint {shown(folder / entry.file)}{part}: no such file{remedy}")
    return "; ".join(problems)


def _wrong_hash(path: Path, expected: str) -> str:
    if not expected or sha256(path) == expected:
        return ""
    return f"checkpoint {shown(path)}: sha256 is {sha256(path)}, the manifest says {expected}"
