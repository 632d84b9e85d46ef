"""A model script with its manifest becomes a submission."""

from __future__ import annotations

from pathlib import Path

from data.errors import InputError
from eval import files
from eval.files import absolute, unfit
from eval.protocol.job import NativeSource
from eval.records.schema import SubmissionInfo
from eval.submissions.checkpoints import choose_checkpoint, near_name
from eval.submissions.fingerprint import MAX_SOURCES_BYTES, artifact
from eval.submissions.manifest import MODELS, Manifest, read_manifest
from eval.submissions.submission import Submission
from eval.submissions.team_number import team_number

MAX_SCRIPT_BYTES = 2**24
MAX_FILE_BESIDE_BYTES = 2**28


def native(path: Path, checkpoint: str = "auto", *, allow_pickle: bool = False) -> Submission:
    """The submission of the manifest at `path`, with `authors`, `reproduced`, `auto` or a path as checkpoint.

    Raises InputError for a wrong manifest; a checkpoint that is missing or has another sha256 is the
    submission's `problem`, so that a batch goes on.
    """
    path = absolute(path)
    manifest = read_manifest(path)
    script = manifest.script_beside(path)
    chosen = choose_checkpoint(manifest, checkpoint, path.parent)
    reason = unfit(script, path.parent, MAX_SCRIPT_BYTES)
    problem = f"script {reason}" if reason else chosen.problem
    if not reason and not script.is_file():
        problem = f"script {script}: no such file{near_name(script)}"
    own, unfit_files = _own_files(path.parent, manifest)
    problem = "; ".join(filter(None, (problem, unfit_files)))
    info = SubmissionInfo(
        model=manifest.model,
        model_id=manifest.model_id,
        team=manifest.team,
        data_range=manifest.data_range,
        script=None if reason else artifact(script),
        manifest=artifact(path),
        checkpoint=chosen.recorded(),
        claims=manifest.claims.model_dump(exclude_defaults=True, mode="json"),
    )  # fmt: skip
    build = path.parent / manifest.build.folder if manifest.build else None
    problem = problem or (_unfit_build(build) if build else "")
    shared = tuple(p for p in sorted(MODELS.glob("*.py")) if not p.name.startswith("team"))
    return Submission(
        info=info,
        source=NativeSource(
            script=str(script),
            class_=manifest.class_,
            args=manifest.args,
            checkpoints=chosen.parts,
            data_range=manifest.data_range,
            tile=manifest.tile,
            tile_overlap=manifest.tile_overlap,
            pad_multiple=manifest.pad_multiple,
            allow_pickle=allow_pickle or manifest.allow_pickle,
            build=manifest.build.command if manifest.build else (),
            files=tuple(map(str, own)),
        ),
        visible=shared if reason else (script, *shared, *own),
        checkpoints=tuple(Path(part.path) for part in chosen.parts),
        data=tuple(file for file in own if file.suffix != ".py"),
        build=None if problem else build,
        problem=problem,
    )


def _own_files(folder: Path, manifest: Manifest) -> tuple[tuple[Path, ...], str]:
    """The further files that a manifest lists, and why they cannot be shown; empty if they can.

    A name with the number of another submission in the folder belongs to that one alone.
    """
    listed = tuple(folder / name for name in manifest.files)
    if not listed:
        return (), ""
    others = {team_number(path.name) for path in folder.glob("team*.toml")} - {manifest.id, None}
    for name, file in zip(manifest.files, listed, strict=True):
        if team_number(name) in others:
            return (), f"files: {name} bears the number of another submission"
        reason = unfit(file, folder, MAX_FILE_BESIDE_BYTES)
        if reason or not file.is_file():
            return (), f"files: {reason or f'{file}: no such file{near_name(file)}'}"
    return listed, ""


def _unfit_build(folder: Path) -> str:
    """Why a folder that a manifest wants built is not even copied; empty where it is fit."""
    if folder.is_symlink() or not folder.is_dir():
        return f"build: no folder {folder.name}/ beside the manifest"
    try:
        size = sum(path.stat().st_size for path in files.regular(folder))
    except InputError as error:
        return f"build: {error}"
    if size > MAX_SOURCES_BYTES:
        return f"build: {folder.name}/ holds {size / 2**30:.1f} GiB, expected at most 1 GiB"
    return ""
