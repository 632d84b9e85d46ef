"""The manifest beside each model script: `models/teamNN_Name.toml`, readable without running the team's code."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.errors import InputError
from eval import tomlfile
from eval.files import unfit

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
MODEL_ZOO = ROOT / "model_zoo"
SHA256 = r"^[0-9a-f]{64}$"
FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
FILE_BESIDE = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*\Z")
NAMING = re.compile(r"^team(\d{2,4})_[A-Za-z0-9_]+$")


class ManifestPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class CheckpointFile(ManifestPart):
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


class Claims(ManifestPart):
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


class Ensemble(ManifestPart):
    """Member submissions that see the same image, and the rule that makes one output of theirs.

    members: model ids. fusion: a rule of `models.ensemble.fusion_rule`. self_ensemble: x8 of each member.
    turns_below_mib: see `models.ensemble.ModelEnsemble`.
    """

    members: tuple[str, ...] = Field(min_length=1)
    fusion: Literal["mean", "mse1", "mse255"] = "mean"
    self_ensemble: bool = False
    turns_below_mib: float = Field(default=0, ge=0)


class BuildStep(ManifestPart):
    """A command that is run before the submission is loaded, in a copy of a folder beside the manifest.

    folder: its name; what the command makes there can be imported by the script. command: a program and its
    arguments; `python` is the interpreter that runs the submission.
    """

    folder: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=200)
    command: tuple[str, ...] = Field(min_length=1)


class Manifest(ManifestPart):
    """`models/teamNN_Name.toml`: everything the harness must know to judge `models/teamNN_Name.py`.

    files: further files that the script imports or reads, as paths in the manifest's folder, such as `helper.py`.
    parts: instead of `checkpoint`, several files by the name of the submodule that each of them fills.
    ensemble: instead of `class`, other submissions that are run together; there is no script then.
    """

    id: int = Field(ge=0, le=9999)
    variant: str = Field(default="", pattern=r"^[a-z]?$")
    team: str = Field(min_length=1)
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+-]*$", max_length=60)
    script: str = Field(default="", pattern=rf"{FILE_NAME}|^$", max_length=200)
    files: tuple[str, ...] = Field(default=(), max_length=100)
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

    @field_validator("files")
    @classmethod
    def _beside_the_script(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in value if not FILE_BESIDE.match(name) or len(name) > 200]
        if wrong:
            raise ValueError(f"'{wrong[0]}' must be a path inside the manifest's folder, such as 'helper.py'")
        return value

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

    def script_beside(self, path: Path) -> Path:
        """The script of the manifest at `path`."""
        return path.parent / (self.script or f"{path.stem}.py")


def _holds_time(value: Any) -> bool:
    """Whether a TOML value has something in it that JSON, and so the worker's job, has not."""
    if isinstance(value, (list, dict)):
        return any(map(_holds_time, value.values() if isinstance(value, dict) else value))
    return isinstance(value, (date, time))


def read_content(path: Path) -> dict[str, Any]:
    reason = unfit(path, path.parent)
    if reason:
        raise InputError(f"{path}: {reason}")
    return tomlfile.read_toml(path)


def read_manifest(path: Path) -> Manifest:
    """The manifest at `path`. Raises InputError for a wrong field, or a name against the naming rule."""
    manifest = tomlfile.validate(Manifest, read_content(path), path)
    named = NAMING.match(path.stem)
    if named is None or int(named.group(1)) != manifest.id:
        raise InputError(f"{path}: must be called team{manifest.id:02}_Name.toml, as its field 'id' says")
    return manifest
