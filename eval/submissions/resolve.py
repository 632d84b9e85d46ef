"""The kinds of submissions beside a script with a manifest: ensembles, bare checkpoints, folders of images.

Parent half: nothing here runs a team's code.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from pathlib import Path

from data.errors import InputError
from eval import files
from eval.records.schema import Checkpoint, SubmissionInfo
from eval.submissions import submission
from eval.submissions.submission import MODELS, Manifest, Submission

MAX_IMAGES_BYTES = 64 * 2**30
CHECKPOINT_SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors")


def from_manifest(
    path: Path, checkpoint: str = "auto", *, allow_pickle: bool = False, folder: Path = MODELS
) -> Submission:
    """The submission of the manifest at `path`, whichever kind it declares; `folder` holds other manifests.

    Raises InputError for a wrong manifest.
    """
    manifest = submission.read_manifest(path)
    if manifest.ensemble is None:
        return submission.native(path, checkpoint, allow_pickle=allow_pickle)
    return _ensemble(path, manifest, checkpoint, allow_pickle, folder)


def refused(path: Path, problem: str, mark: str = "") -> Submission:
    """Stands for the submission of a wrong manifest: named after its file, and not to be started."""
    info = SubmissionInfo(model=_results_key(path.stem.removeprefix("team")) + mark)
    return Submission(
        info=info, adapter="native", source={"allow_pickle": False}, visible=(), problem=problem
    )


def told_apart(found: list[tuple[Path, Submission]]) -> list[Submission]:
    """The submissions of all manifests, each under a results key of its own.

    Where several have one key or one id (whatever the case of letters), the one whose file is called as it calls
    itself keeps them; the others, or all if that is not one alone, are refused under a key that no manifest can name.
    """
    return [_own_name(path, one, found) for path, one in found]


def _own_name(path: Path, one: Submission, found: list[tuple[Path, Submission]]) -> Submission:
    rivals = [(other, two) for other, two in found if other != path and _same_name(one, two)]
    if not rivals or (
        _named_after_itself(path, one) and not any(_named_after_itself(*two) for two in rivals)
    ):
        return one
    others = ", ".join(sorted(other.name for other, _ in rivals))
    clash = f"{path.name}: its id or its name is also that of {others}; expected an id, a variant and a name of its own"
    mark = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]}"  # no manifest's name has a dot
    return refused(path, "; ".join(filter(None, (clash, one.problem))), mark)


def _same_name(one: Submission, two: Submission) -> bool:
    same_id = bool(one.info.model_id) and one.info.model_id == two.info.model_id
    return same_id or one.model.casefold() == two.model.casefold()


def _named_after_itself(path: Path, one: Submission) -> bool:
    return path.stem == f"team{one.model}"


def self_ensembled(one: Submission) -> Submission:
    """`one` with x8 geometric self-ensemble around whatever it is: another system, so under another name."""
    info = one.info.model_copy(update={"model": f"{one.info.model}_x8"})
    return dataclasses.replace(one, info=info, source={**one.source, "self_ensemble": True})


def weights(path: Path, *, allow_pickle: bool = False) -> Submission:
    """The bare checkpoint at `path`, named after the file. Raises InputError where there is no such file."""
    if not path.is_file():
        raise InputError(f"--weights {path}: no such file")
    if path.suffix.lower() not in CHECKPOINT_SUFFIXES:
        raise InputError(
            f"--weights {path}: expected a checkpoint, a file with one of {', '.join(CHECKPOINT_SUFFIXES)}"
        )
    path = path.resolve()
    info = SubmissionInfo(
        model=_results_key(path.stem),
        origin="weights",
        checkpoint=Checkpoint(file=str(path), sha256=submission.sha256(path), source="path"),
    )
    return Submission(
        info=info,
        adapter="spandrel_checkpoint",
        source={"path": str(path), "allow_pickle": allow_pickle},
        visible=(),
        checkpoints=(path,),
    )


def images(folder: Path) -> Submission:
    """Results handed in as images, named after their folder. Raises InputError where there is no such
    folder.
    """
    if not folder.is_dir():
        raise InputError(f"--images {folder}: no such folder")
    folder = folder.resolve()
    info = SubmissionInfo(model=_results_key(folder.name), origin="images")
    found, problem = _handed_in(folder)
    return Submission(
        info=info,
        adapter="images",
        source={"folder": str(folder), "allow_pickle": False},
        visible=(),
        checkpoints=found,
        problem=problem,
    )


def _handed_in(folder: Path) -> tuple[tuple[Path, ...], str]:
    """The files in a folder of results, all of which are hashed, or the reason why they are not looked at."""
    try:
        found = tuple(files.regular(folder))
    except InputError as error:
        return (), str(error)
    size = sum(path.stat().st_size for path in found)
    if size > MAX_IMAGES_BYTES:
        return (), f"{folder}: {size / 2**30:.1f} GiB of files, expected at most 64 GiB"
    return found, ""


def _results_key(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", name)[:60]


def _ensemble(
    path: Path, manifest: Manifest, checkpoint: str, allow_pickle: bool, folder: Path
) -> Submission:
    rule = manifest.ensemble
    assert rule is not None  # the caller's condition
    members: dict[str, Submission] = {}
    for model_id in rule.members:
        member_path = submission.find(model_id, folder)
        if submission.read_manifest(member_path).ensemble is not None:
            raise InputError(f"{path}: field 'ensemble.members': {model_id} is an ensemble itself")
        if submission.read_manifest(member_path).build is not None:
            raise InputError(
                f"{path}: field 'ensemble.members': {model_id} needs a build step, which members cannot have"
            )
        members[model_id] = submission.native(member_path, checkpoint, allow_pickle=allow_pickle)
    problems = [f"member {model_id}: {one.problem}" for model_id, one in members.items() if one.problem]
    info = SubmissionInfo(
        model=manifest.model,
        model_id=manifest.model_id,
        team=manifest.team,
        data_range=1.0,
        manifest=submission.artifact(path),
        checkpoint=_together([one.info.checkpoint for one in members.values()]),
        claims=manifest.claims.model_dump(exclude_defaults=True, mode="json"),
    )
    return Submission(
        info=info,
        adapter="ensemble",
        source={
            "members": {model_id: one.source for model_id, one in members.items()},
            "fusion": rule.fusion,
            "member_self_ensemble": rule.self_ensemble,
            "turns_below_mib": rule.turns_below_mib,
            "allow_pickle": any(one.source["allow_pickle"] for one in members.values()),
        },
        visible=tuple(dict.fromkeys(file for one in members.values() for file in one.visible)),
        checkpoints=tuple(dict.fromkeys(file for one in members.values() for file in one.checkpoints)),
        problem="; ".join(problems),
    )


def _together(checkpoints: list[Checkpoint | None]) -> Checkpoint | None:
    known = [one for one in checkpoints if one is not None]
    if len(known) < len(checkpoints):
        return None
    sources = sorted({one.source for one in known})
    return Checkpoint(
        file=", ".join(one.file for one in known),
        sha256=submission.combined_sha256([one.sha256 for one in known]),
        source=sources[0] if len(sources) == 1 else " and ".join(sources),
    )
