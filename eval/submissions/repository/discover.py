"""Finds the submissions of an NTIRE-style repository without running any of it."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from data.errors import InputError
from eval import files
from eval.files import unfit
from eval.protocol.job import FolderProgramSource, RepositorySource
from eval.records.schema import Checkpoint, SubmissionInfo
from eval.submissions.fingerprint import artifact, combined_sha256, sha256
from eval.submissions.repository import entry_point, literals, ownership, select_model, team_folders
from eval.submissions.submission import Submission


def from_repository(
    repo: Path, ids: list[str] | None, *, allow_pickle: bool = False, hidden: Collection[Path] = ()
) -> list[Submission]:
    """Submissions `ids` (all for None) of an NTIRE-style repository, found without running any of it.

    hidden: files and folders in it that are the organiser's, such as results.

    Raises InputError where `repo` is no such repository, is hidden itself, or an id is not in it.
    """
    kept = {path.resolve() for path in hidden}
    if repo.resolve() in kept:
        raise InputError(f"--save_dir: {repo} is the repository itself; choose another folder")
    entry = _entry(repo)
    text = files.read_text(entry, entry_point.MAX_ENTRY_BYTES)
    try:
        branches = select_model.discover(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # nested too deeply: the last two
        raise InputError(f"{entry}: not an NTIRE entry point ({error})") from None
    repo, entry = repo.resolve(), entry.resolve()
    if entry.name != select_model.ENTRY:
        branches += team_folders.without_branch(repo, {branch.model_id for branch in branches})
    known = {str(branch.model_id): branch for branch in branches}
    wanted = list(known) if ids is None else [re.sub(r"^(-?)0+(?=\d)", r"\1", one) for one in ids]
    unknown = [model_id for model_id in wanted if model_id not in known]
    if unknown:
        raise InputError(f"--model_id {unknown[0]}: not in {entry} (there are: {', '.join(known)})")
    owners = ownership.Ownership(repo, entry, branches)
    return [
        _from_branch(repo, entry, branch, owners.share(branch, kept), allow_pickle)
        for branch in map(known.__getitem__, wanted)
    ]


def _entry(repo: Path) -> Path:
    """The file with `select_model`: `test_demo.py` of ESR and of Image SR up to 2024, `test.py` of Image SR since."""
    first = repo / select_model.ENTRY
    if first.is_file():
        reason = unfit(first, repo, entry_point.MAX_ENTRY_BYTES)
        if reason:
            raise InputError(f"--repo {repo}: {reason}")
        return first
    entry = entry_point.entry_file(repo)
    if entry is None:
        names = ", ".join((select_model.ENTRY, *entry_point.ENTRIES))
        raise InputError(f"--repo {repo}: no file with a function select_model in it (looked for {names})")
    return entry


def _from_branch(
    repo: Path, entry: Path, branch: select_model.Branch, share: ownership.RepositoryShare, allow_pickle: bool
) -> Submission:
    refused = {path: reason for path in share.checkpoints if (reason := unfit(path, repo))}
    present = tuple(path for path in share.checkpoints if path not in refused and path.is_file())
    info = SubmissionInfo(
        model=branch.name,
        model_id=str(branch.model_id),
        origin=f"repository {repo.name}",
        script=artifact(entry),
        checkpoint=_first(present, share.data),
    )
    return Submission(
        info=info,
        source=_source(repo, entry, branch, allow_pickle),
        visible=share.visible,
        checkpoints=present,
        data=share.data,
        cwd=repo,
        problem="; ".join(
            filter(
                None,
                [branch.problem, *(f"checkpoint {reason}" for reason in refused.values()), share.problem],
            )
        ),
    )


def _source(repo: Path, entry: Path, branch: select_model.Branch, allow_pickle: bool) -> RepositorySource:
    if entry.name == select_model.ENTRY:
        return RepositorySource(
            repo=str(repo), entry=str(entry), model_id=branch.model_id, allow_pickle=allow_pickle
        )
    module, model_dir = branch.program or ("", "")
    return FolderProgramSource(
        repo=str(repo),
        entry=str(entry),
        model_id=branch.model_id,
        allow_pickle=allow_pickle,
        module=module,
        model_dir=model_dir,
        name=branch.name if module else "",
    )


def _first(named: tuple[Path, ...], data: tuple[Path, ...]) -> Checkpoint | None:
    """The checkpoint of a repository's submission for the record; where none is named, those in its own folders."""
    found = named[:1] or tuple(path for path in data if path.suffix in literals.CHECKPOINT_SUFFIXES)
    if not found:
        return None
    name = found[0].name if len(found) == 1 else f"{len(found)} files from {found[0].name} on"
    return Checkpoint(
        file=name, sha256=combined_sha256([sha256(path) for path in found]), source="repository"
    )
