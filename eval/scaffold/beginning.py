"""From what a submission begins: nothing, a script, or a checkpoint that spandrel knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.errors import InputError
from eval.scaffold import confined
from eval.scaffold.texts import LIBRARY_SCRIPT, NETWORK_SCRIPT
from eval.submissions.bare_checkpoint import SUFFIXES
from eval.validation.source_code import SourceFile


@dataclass(frozen=True)
class NewName:
    """What a new submission is called."""

    id: int
    name: str

    @property
    def stem(self) -> str:
        return f"team{self.id:02}_{self.name}"


@dataclass(frozen=True)
class Beginning:
    """What a submission begins with. fields: of the manifest. beside: files that the script imports."""

    script: str
    fields: Mapping[str, Any]
    checkpoint: Path | None = None
    beside: dict[str, Path] = field(default_factory=dict)


def beginning(named: NewName, source: Path | None, class_: str, checkpoint: Path | None) -> Beginning:
    """What `--from` means. Raises InputError for a file that is neither a script nor a checkpoint."""
    if source is None:
        text = NETWORK_SCRIPT.format(id=named.id, name=named.name)
        return Beginning(text, {"class": named.name}, checkpoint)
    if source.suffix.lower() == ".py":
        return _from_script(source, class_, checkpoint)
    if source.suffix.lower() in SUFFIXES:
        return _from_checkpoint(named, source)
    raise InputError(f"--from {source}: expected a script (.py) or a checkpoint ({', '.join(SUFFIXES)})")


def _from_script(path: Path, class_: str, checkpoint: Path | None) -> Beginning:
    source = SourceFile.read(path)
    known = source.classes()
    if class_ and not source.defines(class_):
        raise InputError(f"--class {class_}: {path.name} defines: {', '.join(known) or 'no network'}")
    if not class_ and not known:
        raise InputError(f"--from {path}: no class with a method forward in it; expected a network")
    names = {found.name.removeprefix("models.").partition(".")[0] for found in source.imported()}
    beside = {f"{name}.py": path.with_name(f"{name}.py") for name in sorted(names)}
    beside = {name: file for name, file in beside.items() if file.is_file() and file != path}
    return Beginning(
        path.read_text(encoding="utf-8"),
        {"class": class_ or known[-1], "files": list(beside) or None},
        checkpoint,
        beside,
    )


def _from_checkpoint(named: NewName, path: Path) -> Beginning:
    found = confined.architecture(path)
    text = LIBRARY_SCRIPT.format(id=named.id, name=named.name, module=found.module, class_=found.class_)
    fields = {
        "class": named.name,
        "pad_multiple": found.multiple if found.multiple > 1 else None,
        "args": found.args,
    }
    return Beginning(text, fields, path)
