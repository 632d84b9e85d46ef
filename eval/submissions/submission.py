"""Submissions as data: the manifest beside each model script, and what the harness is given to judge.

Nothing here imports a team's code: manifests are TOML, repositories are read as text.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date, time
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.errors import InputError
from eval import files, tomlfile
from eval.files import unfit
from eval.records.schema import Artifact, Checkpoint, SubmissionInfo
from eval.submissions.repository import discover, ownership, select_model

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
MODEL_ZOO = ROOT / "model_zoo"
SHA256 = r"^[0-9a-f]{64}$"
FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
MAX_SCRIPT_BYTES = 2**24
MAX_SOURCES_BYTES = 2**30  # of all Python files of a repository together
NAMING = re.compile(r"^team(\d{2,4})_[A-Za-z0-9_]+$")


class Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CheckpointFile(Fields):
    """A checkpoint in `model_zoo/`: `key` is where its state_dict stands in the file, empty for the whole.

    url: where `python -m model_zoo fetch` gets it. source: what a person gets from where, if no program can.
    """

    file: str = Field(max_length=200)
    key: str = ""
    url: str = ""
    source: str = ""
    sha256: str = Field(default="", pattern=rf"{SHA256}|^$")
    license: str = ""

    @field_validator("file")
    @classmethod
    def _inside_model_zoo(cls, value: str) -> str:
        parts = Path(value).parts
        if not parts or Path(value).is_absolute() or ".." in parts:
            raise ValueError("must be a path inside model_zoo/")
        return value


class Claims(Fields):
    """Numbers that the factsheet states, units in the names; FLOPs and parameters as the challenge counts them."""

    psnr_valid_db: float | None = None
    psnr_test_db: float | None = None
    ssim_valid: float | None = None
    ssim_test: float | None = None
    runtime_ms: float | None = None
    params_m: float | None = None
    flops_g: float | None = None
    activations_m: float | None = None
    memory_mib: float | None = None
    convs: int | None = None
    device: str = ""
    training_data: tuple[str, ...] = ()
    extra_data: bool | None = None
    notes: str = ""


class Ensemble(Fields):
    """Member submissions that see the same image, and the rule that makes one output of theirs.

    members: model ids. fusion: a rule of `models.ensemble.fusion_rule`. self_ensemble: x8 of each member.
    turns_below_mib: see `models.ensemble.ModelEnsemble`.
    """

    members: tuple[str, ...] = Field(min_length=1)
    fusion: Literal["mean", "mse1", "mse255"] = "mean"
    self_ensemble: bool = False
    turns_below_mib: float = Field(default=0, ge=0)


class BuildStep(Fields):
    """A command that is run before the submission is loaded, in a copy of a folder beside the manifest.

    folder: its name; what the command makes there can be imported by the script. command: a program and its
    arguments; `python` is the interpreter that runs the submission.
    """

    folder: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=200)
    command: tuple[str, ...] = Field(min_length=1)


class Manifest(Fields):
    """`models/teamNN_Name.toml`: everything the harness must know to judge `models/teamNN_Name.py`.

    parts: instead of `checkpoint`, several files by the name of the submodule that each of them fills.
    ensemble: instead of `class`, other submissions that are run together; there is no script then.
    """

    id: int = Field(ge=0, le=9999)
    variant: str = Field(default="", pattern=r"^[a-z]?$")
    team: str = Field(min_length=1)
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+-]*$", max_length=60)
    script: str = Field(default="", pattern=rf"{FILE_NAME}|^$", max_length=200)
    class_: str = Field(default="", alias="class", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    args: dict[str, Any] = {}
    data_range: float
    tile: int | None = Field(default=None, ge=8)
    tile_overlap: int = Field(default=32, ge=0)
    pad_multiple: int = Field(default=1, ge=1, le=1024)
    allow_pickle: bool = False
    reference: str = ""
    checkpoint: CheckpointFile | None = None
    parts: dict[str, CheckpointFile] = {}
    ensemble: Ensemble | None = None
    build: BuildStep | None = None
    reproduced: CheckpointFile | None = None
    claims: Claims = Claims()

    @field_validator("data_range")
    @classmethod
    def _known_range(cls, value: float) -> float:
        if value not in (1.0, 255.0):
            raise ValueError("must be 1.0 or 255.0")
        return value

    @field_validator("args")
    @classmethod
    def _plain_arguments(cls, value: dict[str, Any]) -> dict[str, Any]:
        if _holds_time(value):
            raise ValueError("must hold text, numbers, true, false, lists and tables; no dates or times")
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> Manifest:
        if bool(self.class_) == (self.ensemble is not None):
            raise ValueError("give either 'class' (a model script) or 'ensemble' (other submissions)")
        if self.checkpoint and self.parts:
            raise ValueError("give either 'checkpoint' (one file) or 'parts' (several)")
        if self.build and self.ensemble:
            raise ValueError("an ensemble has no 'build' step: it has no script")
        return self

    @property
    def authors(self) -> dict[str, CheckpointFile]:
        """The authors' checkpoints by the submodule they fill; the empty name is the whole model."""
        return self.parts or ({"": self.checkpoint} if self.checkpoint else {})

    @property
    def model_id(self) -> str:
        """What the command line calls it: `25`, `21p`."""
        return f"{self.id}{self.variant}"

    @property
    def model(self) -> str:
        """The official results key: `25_EERN`."""
        return f"{self.id:02}_{self.name}"


@dataclass(frozen=True)
class Submission:
    """One submission, ready for a worker: what is recorded of it, and what the worker may see and is told."""

    info: SubmissionInfo
    adapter: str
    source: dict[str, Any]
    visible: tuple[Path, ...]
    checkpoints: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()  # further files of its own that are not Python's
    writable: tuple[Path, ...] = ()
    cwd: Path | None = None
    build: Path | None = None  # folder of sources for `source["build"]`, the command that builds them
    problem: str = ""  # a reason not to start it at all: recorded as its failure

    @property
    def model(self) -> str:
        return self.info.model

    def fingerprint(self) -> dict[str, str]:
        """sha256 of its Python files, checkpoints, data and what is built, by path: equal before and after a batch."""
        code = (path for path in self.visible if path.is_dir() or path.suffix == ".py")
        return fingerprint(
            (*code, *self.checkpoints, *self.data, *(files.regular(self.build) if self.build else ()))
        )


def hashed(one: Submission) -> tuple[Submission, dict[str, str]]:
    """`one` and its fingerprint; where its files cannot be hashed, it is without them, and that is its problem."""
    try:
        return one, one.fingerprint()
    except InputError as error:
        return replace(one, visible=(), checkpoints=(), build=None, problem=one.problem or str(error)), {}


def _holds_time(value: Any) -> bool:
    """Whether a TOML value has something in it that JSON, and so the worker's job, has not."""
    if isinstance(value, (list, dict)):
        return any(map(_holds_time, value.values() if isinstance(value, dict) else value))
    return isinstance(value, (date, time))


def fingerprint(paths: Iterable[Path]) -> dict[str, str]:
    """sha256 of the files among `paths` and of the Python files in the folders among them, by path.

    A link that leads out of such a folder is not followed: it counts as the path in it. Raises InputError where
    a file cannot be read, or where there is more Python than a person writes.
    """
    sources: list[Path] = []
    links: list[Path] = []
    for path in paths:
        for one in _python_files(path) if path.is_dir() else [path]:
            leads_out = one != path and one.is_symlink() and unfit(one, path)
            (links if leads_out else sources).append(one)
    sources = [path for path in dict.fromkeys(sources) if path.is_file()]
    try:
        size = sum(path.stat().st_size for path in sources if path.suffix == ".py")
        found = {str(path): hashlib.sha256(os.readlink(os.fsencode(path))).hexdigest() for path in links}
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from None
    if size > MAX_SOURCES_BYTES:
        raise InputError(f"{size / 2**30:.1f} GiB of Python files, expected at most 1 GiB ({sources[0]} ...)")
    return {**found, **{str(path): sha256(path) for path in sources}}


def _python_files(folder: Path) -> list[Path]:
    return [path for path in files.walk(folder) if path.suffix == ".py"]


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file's content. Raises InputError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    return digest.hexdigest()


def combined_sha256(hashes: list[str]) -> str:
    """One sha256 for several files: a single file's own, else that of all hashes, one a line."""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def listed(folder: Path = MODELS) -> list[tuple[str, Path]]:
    """Model id and path of every manifest, wrong ones too; sorted by path. Raises nothing for what is in one."""
    return [(_stated_id(path), path) for path in sorted(folder.glob("team*.toml"))]


def manifests(folder: Path = MODELS) -> dict[str, Path]:
    """Manifest paths by model id. Raises InputError for two with the same id."""
    found: dict[str, Path] = {}
    for model_id, path in listed(folder):
        if model_id in found:
            raise _taken(model_id, [found[model_id], path])
        found[model_id] = path
    return found


def _taken(model_id: str, paths: list[Path]) -> InputError:
    return InputError(f"{paths[1]}: field 'id': {model_id} is already taken by {paths[0].name}")


def _stated_id(path: Path) -> str:
    """The number in a manifest's name, which its field `id` must repeat, and its variant if that can be read."""
    named = NAMING.match(path.stem)
    if named is None:
        return path.stem
    try:
        variant = _content(path).get("variant", "")
    except InputError:
        variant = ""
    return f"{int(named.group(1))}{variant if isinstance(variant, str) else ''}"


def _content(path: Path) -> dict[str, Any]:
    reason = unfit(path, path.parent)
    if reason:
        raise InputError(f"{path}: {reason}")
    return tomlfile.read_toml(path)


def read_manifest(path: Path) -> Manifest:
    """The manifest at `path`. Raises InputError for a wrong field, or a name against the naming rule."""
    manifest = tomlfile.validate(Manifest, _content(path), path)
    named = NAMING.match(path.stem)
    if named is None or int(named.group(1)) != manifest.id:
        raise InputError(f"{path}: must be called team{manifest.id:02}_Name.toml, as its field 'id' says")
    return manifest


def find(model_id: str, folder: Path = MODELS) -> Path:
    """The manifest of `model_id` (`25`, `025`, `21p`); of several, the one that is right.

    Raises InputError where there is none (the ids there are are listed) or several are right.
    """
    known = listed(folder)
    wanted = re.sub(r"^0+(?=\d)", "", model_id.strip())
    found = [path for known_id, path in known if known_id == wanted]
    if not found:
        ids = sorted({known_id for known_id, _ in known}, key=by_id)
        near = difflib.get_close_matches(wanted, ids, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(f"--model_id {model_id}: unknown{hint} (there are: {', '.join(ids)})")
    right = [path for path in found if len(found) == 1 or _is_right(path)]
    if len(right) > 1:
        raise _taken(wanted, right)
    return (right or found)[0]


def _is_right(path: Path) -> bool:
    try:
        read_manifest(path)
    except InputError:
        return False
    return True


def native(path: Path, checkpoint: str = "auto", *, allow_pickle: bool = False) -> Submission:
    """The submission of the manifest at `path`, with `authors`, `reproduced`, `auto` or a path as checkpoint.

    Raises InputError for a wrong manifest; a checkpoint that is missing or has another sha256 is the
    submission's `problem`, so that a batch goes on.
    """
    manifest = read_manifest(path)
    script = path.parent / (manifest.script or f"{path.stem}.py")
    chosen = choose_checkpoint(manifest, checkpoint)
    reason = unfit(script, path.parent, MAX_SCRIPT_BYTES)
    problem = f"script {reason}" if reason else chosen.problem
    if not reason and not script.is_file():
        problem = f"script {script}: no such file"
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
        adapter="native",
        source={
            "script": str(script),
            "class": manifest.class_,
            "args": manifest.args,
            "checkpoints": [{**asdict(part), "path": str(part.path)} for part in chosen.parts],
            "data_range": manifest.data_range,
            "tile": manifest.tile,
            "tile_overlap": manifest.tile_overlap,
            "pad_multiple": manifest.pad_multiple,
            "allow_pickle": allow_pickle or manifest.allow_pickle,
            "build": list(manifest.build.command) if manifest.build else [],
        },
        visible=shared if reason else (script, *shared),
        checkpoints=tuple(part.path for part in chosen.parts),
        build=None if problem else build,
        problem=problem,
    )


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


def repository(
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
    text = files.read_text(entry, discover.MAX_ENTRY_BYTES)
    try:
        branches = select_model.discover(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # nested too deeply: the last two
        raise InputError(f"{entry}: not an NTIRE entry point ({error})") from None
    known = {str(branch.model_id): branch for branch in branches}
    wanted = list(known) if ids is None else [re.sub(r"^0+(?=\d)", "", model_id) for model_id in ids]
    unknown = [model_id for model_id in wanted if model_id not in known]
    if unknown:
        raise InputError(f"--model_id {unknown[0]}: not in {entry} (there are: {', '.join(known)})")
    repo, entry = repo.resolve(), entry.resolve()
    owners = ownership.Ownership(repo, entry, branches)
    return [
        _from_branch(repo, entry, branch, owners.share(branch, kept), allow_pickle)
        for branch in map(known.__getitem__, wanted)
    ]


def _entry(repo: Path) -> Path:
    """The file with `select_model`: `test_demo.py` of ESR and of Image SR up to 2024, `test.py` of Image SR since."""
    first = repo / select_model.ENTRY
    if first.is_file():
        reason = unfit(first, repo, discover.MAX_ENTRY_BYTES)
        if reason:
            raise InputError(f"--repo {repo}: {reason}")
        return first
    entry = discover.entry_file(repo)
    if entry is None:
        names = ", ".join((select_model.ENTRY, *discover.ENTRIES))
        raise InputError(f"--repo {repo}: no file with a function select_model in it (looked for {names})")
    return entry


def _from_branch(
    repo: Path, entry: Path, branch: select_model.Branch, share: ownership.Share, allow_pickle: bool
) -> Submission:
    is_program = entry.name != select_model.ENTRY
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
        adapter="folder_program" if is_program else "repository",
        source={
            "repo": str(repo),
            "entry": str(entry),
            "model_id": branch.model_id,
            "allow_pickle": allow_pickle,
        },
        visible=share.visible,
        checkpoints=present,
        data=share.data,
        cwd=repo,
        problem="; ".join(
            [*(f"checkpoint {reason}" for reason in refused.values()), *filter(None, [share.problem])]
        ),
    )


def _first(named: tuple[Path, ...], data: tuple[Path, ...]) -> Checkpoint | None:
    """The checkpoint of a repository's submission for the record; where none is named, those in its own folders."""
    found = named[:1] or tuple(path for path in data if path.suffix in select_model.CHECKPOINT_SUFFIXES)
    if not found:
        return None
    name = found[0].name if len(found) == 1 else f"{len(found)} files from {found[0].name} on"
    return Checkpoint(
        file=name, sha256=combined_sha256([sha256(path) for path in found]), source="repository"
    )


@dataclass(frozen=True)
class WeightsPart:
    """A checkpoint file, where its state_dict stands in it, and the submodule it fills (empty: all of the model)."""

    prefix: str
    path: Path
    key: str
    key_may_lack: bool = False  # of files that the user gives: authors' or plain


@dataclass(frozen=True)
class Weights:
    """The files that fill a model. source: `authors`, `reproduced` or `path`. problem: why they cannot."""

    parts: tuple[WeightsPart, ...]
    source: str
    problem: str = ""

    def recorded(self) -> Checkpoint | None:
        """For the record; several files stand as one, with a sha256 over the sha256 of each in turn."""
        if not self.parts or not all(part.path.is_file() for part in self.parts):
            return None
        return Checkpoint(
            file=", ".join(_shown(part.path) for part in self.parts),
            sha256=combined_sha256([sha256(part.path) for part in self.parts]),
            source=self.source,
        )


def choose_checkpoint(manifest: Manifest, choice: str) -> Weights:
    """What `--checkpoint` means for this manifest: `auto`, `authors`, `reproduced`, a file, or a folder of parts."""
    named = {
        "authors": manifest.authors,
        "reproduced": {"": manifest.reproduced} if manifest.reproduced else {},
    }
    if choice not in ("auto", *named):
        return _given(manifest, Path(choice))
    order = ("authors", "reproduced") if choice == "auto" else (choice,)
    for source in order:
        entries = named[source]
        if entries and all((MODEL_ZOO / entry.file).is_file() for entry in entries.values()):
            refused = [
                reason for entry in entries.values() if (reason := unfit(MODEL_ZOO / entry.file, MODEL_ZOO))
            ]
            if refused:
                return Weights((), source, f"checkpoint {refused[0]}")
            wrong = [_wrong_hash(MODEL_ZOO / entry.file, entry.sha256) for entry in entries.values()]
            return Weights(_parts(entries, MODEL_ZOO), source, "; ".join(filter(None, wrong)))
    source, entries = order[0], named[order[0]]
    if not entries:
        return Weights((), source, f"the manifest of {manifest.model} names no checkpoint '{source}'")
    return Weights(_parts(entries, MODEL_ZOO), source, _missing(manifest, entries, MODEL_ZOO))


def _given(manifest: Manifest, path: Path) -> Weights:
    if path.is_dir() and manifest.parts:
        parts = _parts(manifest.parts, path)
        complete = all(part.path.is_file() for part in parts)
        return Weights(parts, "path", "" if complete else _missing(manifest, manifest.parts, path))
    problem = "" if path.is_file() else f"checkpoint {path}: no such file"
    key = manifest.checkpoint.key if manifest.checkpoint else ""
    return Weights((WeightsPart("", path, key, key_may_lack=True),), "path", problem)


def _parts(entries: dict[str, CheckpointFile], folder: Path) -> tuple[WeightsPart, ...]:
    return tuple(WeightsPart(name, folder / entry.file, entry.key) for name, entry in entries.items())


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
        problems.append(f"checkpoint {_shown(folder / entry.file)}{part}: no such file{remedy}")
    return "; ".join(problems)


def _wrong_hash(path: Path, expected: str) -> str:
    if not expected or sha256(path) == expected:
        return ""
    return f"checkpoint {_shown(path)}: sha256 is {sha256(path)}, the manifest says {expected}"


def artifact(path: Path) -> Artifact | None:
    """The file at `path` by content, None where there is none."""
    return Artifact(file=_shown(path), sha256=sha256(path)) if path.is_file() else None


def _shown(path: Path) -> str:
    """`path` relative to the project where it lies inside it."""
    resolved = path.resolve()
    return str(resolved.relative_to(ROOT) if resolved.is_relative_to(ROOT) else path)


def by_id(model_id: str) -> tuple[int, str]:
    """Sorts model ids as people do: 0, 21, 21p, 25."""
    digits = re.match(r"\d+", model_id)
    return (int(digits.group()) if digits else 0, model_id)
