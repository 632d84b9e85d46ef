"""Which submissions the options name."""

from __future__ import annotations

import argparse
from pathlib import Path

from data.errors import InputError
from eval.harness.scoring import saved_images
from eval.submissions.bare_checkpoint import bare_checkpoint
from eval.submissions.catalogue import by_id, find_manifest, listed
from eval.submissions.image_folder import image_folder
from eval.submissions.repository.discover import from_repository
from eval.submissions.resolve import from_manifest, refused_manifest, told_apart, with_self_ensemble
from eval.submissions.submission import Submission


def chosen_submissions(options: argparse.Namespace) -> list[Submission]:
    """The submissions of a batch, in order. Raises InputError for options that name none or clash."""
    given = [name for name in ("all", "model_id", "weights", "images") if getattr(options, name)]
    if len(given) != 1:
        raise InputError(
            "give one of --model_id ID ..., --all, --weights FILE and --images DIR (`--help` shows examples)"
        )
    chosen = _found(options)
    if options.save_images:
        _refuse_reserved(chosen)
    return chosen


def _found(options: argparse.Namespace) -> list[Submission]:
    if options.images:
        return _named_apart([image_folder(folder) for folder in options.images], "--images")
    chosen = _from_weights(options) if options.weights else _by_id(options)
    return [with_self_ensemble(one) for one in chosen] if options.self_ensemble else chosen


def _from_weights(options: argparse.Namespace) -> list[Submission]:
    chosen = [bare_checkpoint(path, allow_pickle=options.allow_pickle) for path in options.weights]
    return _named_apart(chosen, "--weights")


def _by_id(options: argparse.Namespace) -> list[Submission]:
    if options.repo:
        return _from_repository(options)
    if options.all:
        known = sorted(listed(options.models), key=lambda one: by_id(one[0]))
        if not known:
            raise InputError(
                f"--models {options.models}: no manifest in it; expected files such as team25_EERN.toml"
            )
        return told_apart([(path, _from_manifest(path, options)) for _, path in known])
    paths = dict.fromkeys(find_manifest(model_id, options.models) for model_id in options.model_id)
    return _named_apart([_from_manifest(path, options) for path in paths], "--model_id")


def _from_repository(options: argparse.Namespace) -> list[Submission]:
    if options.checkpoint != "auto":
        raise InputError("--checkpoint: a repository loads its own checkpoints; leave it out with --repo")
    return from_repository(
        options.repo, options.model_id, allow_pickle=options.allow_pickle, hidden=[options.save_dir]
    )


def _from_manifest(path: Path, options: argparse.Namespace) -> Submission:
    """With `--all`, a wrong manifest is the failure of its own submission, not of the batch."""
    try:
        return from_manifest(
            path, options.checkpoint, allow_pickle=options.allow_pickle, folder=options.models
        )
    except InputError as error:
        if not options.all:
            raise
        return refused_manifest(path, str(error))


def _named_apart(chosen: list[Submission], option: str) -> list[Submission]:
    names = [one.model.casefold() for one in chosen]
    twice = next((one.model for one in chosen if names.count(one.model.casefold()) > 1), None)
    if twice:
        raise InputError(f"{option}: two of them are called {twice}; results need names of their own")
    return chosen


def _refuse_reserved(chosen: list[Submission]) -> None:
    for one in chosen:
        if saved_images.reserved(one.model):
            raise InputError(
                f"--save_images: a submission is called {one.model}, which is also the name of the folder of "
                f"{saved_images.HR} or {saved_images.LR} images; give its file or folder another name"
            )
