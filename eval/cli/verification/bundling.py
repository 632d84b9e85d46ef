"""`python -m eval.verify --bundle OUT.zip`: what a second machine needs to repeat the evaluation."""

from __future__ import annotations

import argparse
import hashlib
import shlex
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from pydantic import ValidationError

from data.errors import InputError
from data.images import pixel_sha256, read_rgb
from data.text import file_name
from eval import files
from eval.challenge import CHALLENGES
from eval.cli.batch import HARNESS_SOURCES
from eval.cli.options import parser
from eval.cli.verification.measured import measure_some
from eval.harness.dataset import Dataset
from eval.protocol.job import NativeSource, RepositorySource
from eval.records.schema import Record, record_json
from eval.reproduction.bundle import (
    Bundle,
    BundledModel,
    BundledOptions,
    HashedImage,
    HashedSource,
    digest,
    hashed_files,
    write_bundle,
)
from eval.reproduction.public_record import public_record, public_text
from eval.submissions.catalogue import find_manifest
from eval.submissions.fingerprint import fingerprint, sha256
from eval.submissions.manifest import ROOT, read_manifest
from eval.submissions.submission import Submission
from eval.tomlfile import field_problems

LOCK, NOTE = "requirements.lock", "README.txt"
_WORDS = ("auto", "authors", "reproduced")  # values of options that are no paths
_TEXT = """A reproduction bundle of {models}.

It was made by: {command}

To check it, put the checkpoints below into a folder and name your copy of the images:
  python -m eval.verify --check THIS.zip --checkpoints FOLDER --pairs HR_DIR LR_DIR

{checkpoints}
bundle.json lists the sha256 of all files, checkpoints and images. requirements.lock lists the packages.
"""


def bundle(path: Path, arguments: Sequence[str]) -> int:
    """Measure what is missing and write the bundle; 1 if a submission failed, else 0.

    Raises InputError, also for a file whose name a bundle cannot hold.
    """
    try:
        return _bundle(path, arguments)
    except ValidationError as error:
        raise InputError(f"--bundle {path}: {field_problems(error)}") from None


def _bundle(path: Path, arguments: Sequence[str]) -> int:
    found = measure_some(arguments)
    known = _known_paths(found.options)
    contents: dict[str, bytes] = {}
    models = [_bundled(one, record, found.options, known, contents) for one, record in found.pairs]
    challenge = f"challenge/{found.plan.challenge.name}.toml"
    contents[challenge] = _challenge_file(found.options.challenge).read_bytes()
    contents[LOCK] = environment_lock().encode()
    command = public_command(arguments)
    contents[NOTE] = _note(models, command).encode()
    content = Bundle(
        challenge=challenge,
        options=_options(found.options),
        command=command,
        harness_sha256=harness_sha256(),
        environment=LOCK,
        images=hashed_images(found.plan.dataset),
        models=tuple(models),
        files=hashed_files(contents),
    )
    write_bundle(path, content, contents)
    print(f"{path}: {len(models)} submissions, {len(contents)} files, {len(content.images)} images by hash")
    return 1 if found.failed else 0


def hashed_images(dataset: Dataset) -> tuple[HashedImage, ...]:
    """All image pairs by their pixels."""
    return tuple(
        HashedImage(
            split=split,
            name=pair.name,
            lr_sha256=pixel_sha256(read_rgb(pair.lr)),
            hr_sha256=pixel_sha256(read_rgb(pair.hr)),
        )
        for split, pairs in dataset.modes.items()
        for pair in pairs
    )


def harness_sha256() -> str:
    """One sha256 of the harness's own code."""
    found = fingerprint(HARNESS_SOURCES)
    lines = sorted(f"{Path(name).relative_to(ROOT)} {value}" for name, value in found.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def environment_lock() -> str:
    """Every installed package with its version, one a line."""
    found = {
        f"{one.metadata['Name']}=={one.version}" for one in metadata.distributions() if one.metadata["Name"]
    }
    return "\n".join(sorted(found, key=str.lower)) + "\n"


def public_command(arguments: Sequence[str]) -> str:
    """The command with the names of options in place of paths.

    >>> public_command(["--model_id", "25", "--pairs", "/srv/a/HR", "/srv/a/LR", "--save_dir=/srv/out"])
    'python -m eval.verify --model_id 25 --pairs HR_DIR LR_DIR --save_dir DIR'
    """
    paths = {
        name: action.metavar
        for action in parser()._actions
        for name in action.option_strings
        if action.metavar and any(word in str(action.metavar) for word in ("DIR", "FILE", "PATH", "NAME"))
    }
    shown: list[str] = []
    option, place = "", 0
    for word in arguments:
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            option, place = name, 0
            shown.append(name)
            if not equals:
                continue
        metavar, value = paths.get(option), value if equals else word
        names = metavar if isinstance(metavar, tuple) else (str(metavar).rpartition("|")[2],)
        is_path = (
            metavar is not None and value not in _WORDS and not (option == "--challenge" and "/" not in value)
        )
        shown.append(names[min(place, len(names) - 1)] if is_path else value)
        place += 1
    return f"python -m eval.verify {shlex.join(shown)}"


def _known_paths(options: argparse.Namespace) -> list[Path]:
    """Paths of this machine that texts of records may name."""
    given = [options.save_dir, options.data_dir, options.models, options.repo, options.hr, ROOT, Path.home()]
    return [path for path in (*given, *(options.pairs or ()), *(options.weights or ())) if path is not None]


def _challenge_file(name: str) -> Path:
    return Path(name) if name.endswith(".toml") else CHALLENGES / f"{name}.toml"


def _options(given: argparse.Namespace) -> BundledOptions:
    return BundledOptions(**{name: getattr(given, name) for name in BundledOptions.model_fields})


def _bundled(
    one: Submission,
    record: Record,
    options: argparse.Namespace,
    known: list[Path],
    contents: dict[str, bytes],
) -> BundledModel:
    """The description of one submission; its files go into `contents`."""
    name = f"records/{file_name(one.model)}.json"
    contents[name] = record_json(public_record(record, known)).encode()
    about = {"model": one.model, "model_id": one.info.model_id, "record": name}
    about |= {"record_sha256": digest(record_json(record).encode())}
    if isinstance(one.source, NativeSource):
        return BundledModel.model_validate({**about, **_native(one, options.models, contents)})
    if isinstance(one.source, RepositorySource):
        root = Path(one.source.repo)
        sources = {
            str(Path(path).relative_to(root)): value
            for path, value in one.fingerprint().items()
            if Path(path).is_relative_to(root)
        }
        listed = [{"file": path, "sha256": value} for path, value in sorted(sources.items())]
        return BundledModel.model_validate({**about, "sources": listed, "checkpoint_choice": "repository"})
    raise InputError(
        f"--bundle: {one.model} is no network with a script; expected a manifest with a script, or --repo"
    )


def _native(one: Submission, models: Path, contents: dict[str, bytes]) -> dict[str, object]:
    """Manifest, script and their further files into `contents`; checkpoints by their hashes."""
    path = find_manifest(one.info.model_id, models)
    manifest = read_manifest(path)
    script = manifest.script_beside(path)
    beside = [path, script, *(path.parent / name for name in manifest.files)]
    beside += files.regular(one.build) if one.build else []
    for file in beside:
        contents[f"models/{file.relative_to(path.parent)}"] = file.read_bytes()
    chosen = one.info.checkpoint.source if one.info.checkpoint else ""
    entries = list((manifest.authors if chosen == "authors" else {"": manifest.reproduced}).values())
    names = [entry.file if entry else "" for entry in entries]
    checkpoints = [
        HashedSource(file=names[index] if chosen != "path" else file.name, sha256=sha256(file))
        for index, file in enumerate(one.checkpoints)
    ]
    return {
        "manifest": f"models/{path.name}",
        "checkpoints": checkpoints,
        "checkpoint_choice": chosen,
    }


def _note(models: Sequence[BundledModel], command: str) -> str:
    lines = [f"  {part.sha256}  {part.file}" for one in models for part in one.checkpoints]
    names = public_text(", ".join(one.model for one in models), [])
    return _TEXT.format(models=names, command=command, checkpoints="\n".join(lines))
