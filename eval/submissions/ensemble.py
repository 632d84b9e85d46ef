"""Several submissions that see the same image, as one."""

from __future__ import annotations

from pathlib import Path

from data.errors import InputError
from eval.protocol.job import EnsembleSource, NativeSource
from eval.records.schema import Checkpoint, SubmissionInfo
from eval.submissions.catalogue import find_manifest
from eval.submissions.fingerprint import artifact, combined_sha256
from eval.submissions.manifest import Manifest, read_manifest
from eval.submissions.native import native
from eval.submissions.submission import Submission


def ensemble(path: Path, manifest: Manifest, checkpoint: str, allow_pickle: bool, folder: Path) -> Submission:
    rule = manifest.ensemble
    assert rule is not None  # the caller's condition
    members: dict[str, Submission] = {}
    for model_id in rule.members:
        member_path = find_manifest(model_id, folder)
        if read_manifest(member_path).ensemble is not None:
            raise InputError(f"{path}: field 'ensemble.members': {model_id} is an ensemble itself")
        if read_manifest(member_path).build is not None:
            raise InputError(
                f"{path}: field 'ensemble.members': {model_id} needs a build step, which members cannot have"
            )
        members[model_id] = native(member_path, checkpoint, allow_pickle=allow_pickle)
    problems = [f"member {model_id}: {one.problem}" for model_id, one in members.items() if one.problem]
    info = SubmissionInfo(
        model=manifest.model,
        model_id=manifest.model_id,
        team=manifest.team,
        data_range=1.0,
        manifest=artifact(path),
        checkpoint=_together([one.info.checkpoint for one in members.values()]),
        claims=manifest.claims.model_dump(exclude_defaults=True, mode="json"),
    )
    sources = {
        model_id: one.source for model_id, one in members.items() if isinstance(one.source, NativeSource)
    }
    return Submission(
        info=info,
        source=EnsembleSource(
            members=sources,
            fusion=rule.fusion,
            member_self_ensemble=rule.self_ensemble,
            turns_below_mib=rule.turns_below_mib,
            allow_pickle=any(source.allow_pickle for source in sources.values()),
        ),
        visible=tuple(dict.fromkeys(file for one in members.values() for file in one.visible)),
        checkpoints=tuple(dict.fromkeys(file for one in members.values() for file in one.checkpoints)),
        data=tuple(dict.fromkeys(file for one in members.values() for file in one.data)),
        problem="; ".join(problems),
    )


def _together(checkpoints: list[Checkpoint | None]) -> Checkpoint | None:
    known = [one for one in checkpoints if one is not None]
    if len(known) < len(checkpoints):
        return None
    sources = sorted({one.source for one in known})
    return Checkpoint(
        file=", ".join(one.file for one in known),
        sha256=combined_sha256([one.sha256 for one in known]),
        source=sources[0] if len(sources) == 1 else " and ".join(sources),
    )
