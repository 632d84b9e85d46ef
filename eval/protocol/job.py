"""What the parent tells a worker: one typed source per adapter, and the job around it.

Jobs travel from the parent to the worker only. Their JSON form is also part of a record's `job_key`, so it must not
change without need: a field that is marked `_optional` is absent from the JSON as long as it has its default.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from eval.protocol.switches import AS_JUDGED, Switches

_S = TypeVar("_S", bound="Source")


def _optional(default: Any) -> Any:
    """A field that the JSON form leaves out while it has its default."""
    return field(default=default, metadata={"optional": True})


@dataclass(frozen=True, kw_only=True)
class Source:
    """What an adapter needs to load a submission. The base class stands for a submission that never starts.

    allow_pickle:  whether checkpoints may be unpickled in full, inside the sandbox.
    self_ensemble: whether x8 geometric self-ensemble goes around the whole submission.

    The class attributes describe the adapter. `adapter` is also the name of its module in `eval.worker.adapters`.
    has_worker:    whether anything runs at all; images that were handed in need no worker.
    runs_folder:   whether it turns a folder into a folder and has no forward pass for one image.
    names_itself:  whether the loaded code states the official results key.
    shows_models:  whether `import models` finds the project's package; otherwise the submission's own.
    """

    adapter: ClassVar[str] = ""
    has_worker: ClassVar[bool] = True
    runs_folder: ClassVar[bool] = False
    names_itself: ClassVar[bool] = False
    shows_models: ClassVar[bool] = True

    allow_pickle: bool = False
    self_ensemble: bool = _optional(False)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values by field name; a trailing underscore is dropped from the name.

        >>> ControlSource().to_json()
        {'allow_pickle': False}
        """
        content: dict[str, Any] = _plain(self)
        return content

    @classmethod
    def from_json(cls: type[_S], content: Mapping[str, Any]) -> _S:
        """The source that `to_json` wrote. Raises TypeError for unknown or missing fields."""
        return cls(**_arguments(cls, content))


@dataclass(frozen=True)
class CheckpointPart:
    """A checkpoint file. prefix: the submodule that it fills, empty for the whole model.

    key: where the state_dict stands in the file, empty for the whole of it. key_may_lack: whether a file without
    that key is taken as a whole.
    """

    prefix: str
    path: str
    key: str = ""
    key_may_lack: bool = False


@dataclass(frozen=True, kw_only=True)
class NativeSource(Source):
    """A model script with its checkpoints, as its manifest describes them.

    args:    for the class or function `class_` of the script.
    build:   the command of the build step; `modules`: the folder that this step filled.
    files:   further files beside the script that it may import or read.
    """

    adapter: ClassVar[str] = "native"

    script: str
    class_: str
    data_range: float
    args: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: tuple[CheckpointPart, ...] = ()
    tile: int | None = None
    tile_overlap: int = 32
    pad_multiple: int = 1
    build: tuple[str, ...] = ()
    modules: str = _optional("")
    files: tuple[str, ...] = _optional(())

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> NativeSource:
        arguments = _arguments(cls, content)
        parts = tuple(CheckpointPart(**part) for part in arguments.pop("checkpoints"))
        return cls(**arguments, checkpoints=parts)


@dataclass(frozen=True, kw_only=True)
class EnsembleSource(Source):
    """Native submissions that see the same image, by name, and the rule that makes one output of theirs."""

    adapter: ClassVar[str] = "ensemble"

    members: Mapping[str, NativeSource]
    fusion: str = "mean"
    member_self_ensemble: bool = False
    turns_below_mib: float = 0

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> EnsembleSource:
        arguments = _arguments(cls, content)
        members = {name: NativeSource.from_json(one) for name, one in arguments.pop("members").items()}
        return cls(**arguments, members=members)


@dataclass(frozen=True, kw_only=True)
class SpandrelSource(Source):
    """A bare checkpoint of an architecture that spandrel recognises."""

    adapter: ClassVar[str] = "spandrel_checkpoint"

    path: str


@dataclass(frozen=True, kw_only=True)
class RepositorySource(Source):
    """A model of an NTIRE-style repository. entry: the file with its `select_model`."""

    adapter: ClassVar[str] = "repository"
    names_itself: ClassVar[bool] = True
    shows_models: ClassVar[bool] = False

    repo: str
    entry: str
    model_id: int


@dataclass(frozen=True, kw_only=True)
class FolderProgramSource(RepositorySource):
    """A repository's program that reads the folder `input` and writes the folder `output`.

    module, model_dir, name: of a team without a branch of `select_model`: the module with its function `main`, what
    this is given, and the results key.
    """

    adapter: ClassVar[str] = "folder_program"
    runs_folder: ClassVar[bool] = True

    module: str = _optional("")
    model_dir: str = _optional("")
    name: str = _optional("")
    input: str = _optional("")
    output: str = _optional("")


@dataclass(frozen=True, kw_only=True)
class ImagesSource(Source):
    """A folder of images that were handed in. No worker is started for it."""

    adapter: ClassVar[str] = "images"
    has_worker: ClassVar[bool] = False

    folder: str


@dataclass(frozen=True, kw_only=True)
class TracedSource(Source):
    """A traced network in the graph slot, for values in 0..`data_range`."""

    adapter: ClassVar[str] = "traced_graph"

    data_range: float


@dataclass(frozen=True, kw_only=True)
class ControlSource(Source):
    """The harness's own model of known behaviour, which calibrates the clocks."""

    adapter: ClassVar[str] = "control"


# The one table of adapters. Adding one: its source above, a line here, its module in `eval.worker.adapters`.
ADAPTERS: dict[str, type[Source]] = {
    source.adapter: source
    for source in (
        NativeSource,
        EnsembleSource,
        SpandrelSource,
        RepositorySource,
        FolderProgramSource,
        ImagesSource,
        TracedSource,
        ControlSource,
    )
}


@dataclass(frozen=True)
class WorkerJob:
    """All that a worker is told when it starts.

    checkpoints: files whose tensors are counted before any team code runs. device: `cpu` or `cuda:0`. scale: of
    the challenge. must_lock: whether the worker gives up if it cannot confine itself. switches: around each forward
    pass, if it is run again to be compared.
    """

    source: Source
    checkpoints: tuple[str, ...]
    device: str
    scale: int
    must_lock: bool
    switches: Switches = field(default=AS_JUDGED, metadata={"optional": True})

    def seal(self) -> int:
        """A sealed read-only memfd that holds this job as JSON. Returns its descriptor."""
        content = {**_plain(self), "adapter": self.source.adapter}
        descriptor = os.memfd_create("job", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with open(descriptor, "wb", closefd=False) as stream:
            stream.write(json.dumps(content).encode())
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        return descriptor

    @classmethod
    def open(cls, descriptor: int) -> WorkerJob:
        """The job that `seal` wrote; closes the descriptor."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        with os.fdopen(descriptor, "rb") as stream:
            content = json.load(stream)
        source = ADAPTERS[content.pop("adapter")].from_json(content.pop("source"))
        switches = Switches(**content.pop("switches", {}))
        return cls(source, tuple(content.pop("checkpoints")), switches=switches, **content)


def _plain(value: Any) -> Any:
    """Dataclasses, mappings and sequences as what JSON holds."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    if not hasattr(value, "__dataclass_fields__"):
        return value
    kept = [
        f for f in fields(value) if not (f.metadata.get("optional") and getattr(value, f.name) == f.default)
    ]
    return {f.name.rstrip("_"): _plain(getattr(value, f.name)) for f in kept}


def _arguments(cls: type[Source], content: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor arguments from JSON: lists become tuples, `class` becomes `class_`."""
    names = {f.name.rstrip("_"): f.name for f in fields(cls)}
    return {
        names.get(name, name): tuple(value) if isinstance(value, list) else value
        for name, value in content.items()
    }
