"""The receipt of a validation: which files were checked, and what they gave here.

`eval.validate --receipt FILE` writes it. An organiser compares it with the record of the judge's own run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from data.errors import InputError
from eval import tomlfile
from eval.files import read_text
from eval.records.schema import Number, Text

MAX_RECEIPT_BYTES = 1 << 20
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Receipt(BaseModel):
    """One submission as it was validated. It names no machine, no user and no folder.

    files: sha256 by file name, of manifest, script, further files and checkpoints.
    figures: what was measured, by the names and in the units of a manifest's claims. Infinite values are left out.
    dataset, image_digests: the images that quality was measured on, as in records.
    versions: `harness`, `python`, and each package that can change a number.
    verdicts: the outcome of each check by its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    model: Text
    model_id: Text = ""
    challenge: Text
    files: dict[Text, _Sha256] = Field(default={}, max_length=10_000)
    figures: dict[Text, Number] = Field(default={}, max_length=100)
    dataset: Text = ""
    image_digests: dict[Text, _Sha256] = Field(default={}, max_length=10)
    device: Text = ""
    protocol: Text = ""
    sandbox: Text = ""
    versions: dict[Text, Text] = Field(default={}, max_length=100)
    verdicts: dict[Text, Text] = Field(default={}, max_length=1_000)


def write_receipt(path: Path, receipt: Receipt) -> None:
    """Write `receipt` as JSON. Raises InputError if the file cannot be written."""
    try:
        path.write_text(receipt.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"--receipt {path}: cannot be written ({error.strerror or error})") from None


def read_receipt(path: Path) -> Receipt:
    """The receipt in `path`. Raises InputError that names the file and the field at fault."""
    text = read_text(path, MAX_RECEIPT_BYTES)
    return tomlfile.validate_json(Receipt, text, path)
