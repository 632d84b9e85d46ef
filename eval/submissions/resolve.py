"""From a manifest to its submission, whichever kind it declares, and names that tell submissions apart."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path

from eval.protocol.job import Source
from eval.records.schema import SubmissionInfo
from eval.submissions.ensemble import ensemble
from eval.submissions.manifest import MODELS, read_manifest
from eval.submissions.native import native
from eval.submissions.submission import Submission, file_results_key


def from_manifest(
    path: Path, checkpoint: str = "auto", *, allow_pickle: bool = False, folder: Path = MODELS
) -> Submission:
    """The submission of the manifest at `path`, whichever kind it declares; `folder` holds other manifests.

    Raises InputError for a wrong manifest.
    """
    manifest = read_manifest(path)
    if manifest.ensemble is None:
        return native(path, checkpoint, allow_pickle=allow_pickle)
    return ensemble(path, manifest, checkpoint, allow_pickle, folder)


def refused_manifest(path: Path, problem: str, mark: str = "") -> Submission:
    """Stands for the submission of a wrong manifest: named after its file, and not to be started."""
    info = SubmissionInfo(model=file_results_key(path.stem.removeprefix("team")) + mark)
    return Submission(info=info, source=Source(), visible=(), problem=problem)


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
    return refused_manifest(path, "; ".join(filter(None, (clash, one.problem))), mark)


def _same_name(one: Submission, two: Submission) -> bool:
    same_id = bool(one.info.model_id) and one.info.model_id == two.info.model_id
    return same_id or one.model.casefold() == two.model.casefold()


def _named_after_itself(path: Path, one: Submission) -> bool:
    return path.stem == f"team{one.model}"


def with_self_ensemble(one: Submission) -> Submission:
    """`one` with x8 geometric self-ensemble around whatever it is: another system, so under another name."""
    info = one.info.model_copy(update={"model": f"{one.info.model}_x8"})
    return dataclasses.replace(one, info=info, source=dataclasses.replace(one.source, self_ensemble=True))
