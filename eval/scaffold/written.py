"""The files of a new submission on disk: all of them, or none if one cannot be written."""

from __future__ import annotations

import shutil
from pathlib import Path

from data.errors import InputError
from eval.scaffold import confined
from eval.scaffold.beginning import Beginning, NewName
from eval.scaffold.texts import TEST_SCRIPT, manifest_text
from eval.submissions.manifest import read_manifest
from eval.submissions.team_number import team_number


class NewSubmission:
    """Writes below `out`: models/, model_zoo/ and tests/models/. Use as a context manager: a failure leaves nothing."""

    def __init__(self, named: NewName, out: Path) -> None:
        self.models, self.zoo, self.tests = out / "models", out / "model_zoo", out / "tests" / "models"
        self._named = named
        self.files: list[Path] = []

    def __enter__(self) -> NewSubmission:
        self._refuse_taken()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is not None:
            for path in self.files:
                path.unlink(missing_ok=True)

    @property
    def manifest(self) -> Path:
        return self.models / f"{self._named.stem}.toml"

    def write(self, start: Beginning, team: str, data_range: float) -> None:
        """Write everything. Raises InputError if a file exists, cannot be written, or its network cannot be made."""
        stem = self._named.stem
        checkpoint = self.zoo / f"{stem}{start.checkpoint.suffix if start.checkpoint else '.pth'}"
        fields = {
            "id": self._named.id, "team": team, "name": self._named.name, "data_range": data_range, **start.fields,
            "checkpoint": {"file": checkpoint.name},
        }  # fmt: skip
        self._put(self.models / f"{stem}.py", start.script)
        for name, file in start.beside.items():
            self._put(self.models / name, file.read_text(encoding="utf-8"))
        self._put(self.manifest, manifest_text(fields))
        read_manifest(self.manifest)
        key = self._save(start.checkpoint, checkpoint)
        if key:
            fields["checkpoint"] = {"file": checkpoint.name, "key": key}
            self.manifest.write_text(manifest_text(fields), encoding="utf-8")
        test = self.tests / f"test_{stem}.py"
        self._put(test, TEST_SCRIPT.format(id=self._named.id, name=self._named.name, stem=stem))

    def _save(self, given: Path | None, checkpoint: Path) -> str:
        """Write the checkpoint; returns the key that its weights stand under."""
        if given is None:
            self._put(checkpoint, confined.initial_weights(self.manifest))
            return ""
        key = confined.key_that_fits(self.manifest, given)
        if key is None:  # names of wrappers or of another release: those of the class itself fit
            self._put(checkpoint, confined.own_weights(given))
            return ""
        self._claim(checkpoint)
        shutil.copyfile(given, checkpoint)
        return key

    def _put(self, path: Path, content: str | bytes) -> None:
        self._claim(path)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def _claim(self, path: Path) -> None:
        """Make an empty file that must not exist yet."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=False)
        except FileExistsError:
            raise InputError(f"{path}: exists already; nothing was written") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
        self.files.append(path)

    def _refuse_taken(self) -> None:
        """Raise InputError if another submission has the number."""
        for path in sorted(self.models.glob("team*.toml")):
            if team_number(path.name) == self._named.id:
                raise InputError(f"TEAM_ID {self._named.id}: is already taken by {path.name}; choose another")
