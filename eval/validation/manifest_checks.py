"""Checks of a manifest and the files that it names. Nothing is run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from data.errors import InputError
from eval import tomlfile
from eval.submissions.checkpoints import choose_checkpoint
from eval.submissions.manifest import Manifest, read_content, read_manifest
from eval.submissions.resolve import from_manifest
from eval.submissions.submission import Submission
from eval.validation.cures import cure_of
from eval.validation.item import Look, NotCheckedError, Seen, doubt, fine, wrong

MAX_SHOWN = 3
_OWN_PROBLEM = re.compile(r"(?:^|; )((?:files|build): .*)")


@dataclass(frozen=True)
class ManifestFiles:
    """A manifest, and which of its checkpoints is meant (as `--checkpoint` says)."""

    path: Path
    choice: str = "auto"
    allow_pickle: bool = False

    @cached_property
    def manifest(self) -> Manifest:
        """Raises NotCheckedError for a wrong manifest, which other checks report."""
        try:
            return read_manifest(self.path)
        except InputError:
            raise NotCheckedError("the manifest is wrong") from None

    @cached_property
    def submission(self) -> Submission:
        """What the judge makes of the manifest. Raises NotCheckedError as `manifest` does."""
        one = self.manifest
        try:
            return from_manifest(
                self.path, self.choice, allow_pickle=self.allow_pickle, folder=self.path.parent
            )
        except InputError as error:
            raise NotCheckedError(f"{one.model}: {error}") from None

    @property
    def script(self) -> Path:
        return self.manifest.script_beside(self.path)


def _form(one: ManifestFiles) -> Seen:
    if not one.path.is_file():
        return wrong(
            f"{one.path}: no such file; a script needs a manifest of the same name beside it",
            "write one: python -m eval.new TEAM_ID NAME --from SCRIPT",
        )
    read_content(one.path)
    return fine("is a TOML file")


def _fields(one: ManifestFiles) -> Seen:
    try:
        content = read_content(one.path)
    except InputError:
        raise NotCheckedError("the manifest cannot be read") from None
    tomlfile.validate(Manifest, content, one.path.name)
    return fine(f"{len(content)} fields, all known")


def _naming(one: ManifestFiles) -> Seen:
    try:
        tomlfile.validate(Manifest, read_content(one.path), one.path)
    except InputError:
        raise NotCheckedError("the manifest is wrong") from None
    manifest = read_manifest(one.path)
    return fine(f"{one.path.name} is submission {manifest.model_id}, results key {manifest.model}")


def _script(one: ManifestFiles) -> Seen:
    if one.manifest.ensemble:
        return fine(f"an ensemble of {', '.join(one.manifest.ensemble.members)} has none")
    problem = one.submission.problem
    if problem.startswith("script "):
        return wrong(problem, cure_of(problem))
    return fine(f"{one.script.name}, {one.script.stat().st_size:,} bytes")


def _one_file(one: ManifestFiles) -> Seen:
    more = one.manifest.files
    if one.manifest.build:
        more = (*more, f"{one.manifest.build.folder}/")
    if not more:
        return fine("nothing but script, manifest and checkpoint")
    found = _OWN_PROBLEM.search(one.submission.problem)
    if found:
        return wrong(found.group(1), cure_of(found.group(1)))
    shown = ", ".join(more[:MAX_SHOWN]) + (", ..." if len(more) > MAX_SHOWN else "")
    return doubt(
        f"{len(more)} further files or folders: {shown}",
        "put code into the script and data into the checkpoint, unless the organisers allow more files",
    )


def _checkpoint(one: ManifestFiles) -> Seen:
    manifest = one.manifest
    if manifest.ensemble:
        problem = one.submission.problem
        return wrong(problem, cure_of(problem)) if problem else fine("those of its members")
    chosen = choose_checkpoint(manifest, one.choice, one.path.parent)
    if chosen.problem:
        return wrong(chosen.problem, cure_of(chosen.problem))
    size = sum(Path(part.path).stat().st_size for part in chosen.parts)
    names = ", ".join(Path(part.path).name for part in chosen.parts)
    return fine(f"{names} ({chosen.source}), {size / 2**20:.2f} MiB")


MANIFEST_CHECKS: tuple[Look[ManifestFiles], ...] = (
    Look("manifest", _form),
    Look("fields", _fields),
    Look("naming", _naming),
    Look("script", _script),
    Look("one file", _one_file),
    Look("checkpoint file", _checkpoint),
)
