"""What a participant gets: the checklist as text, and the receipt of one submission."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from data.text import without_controls
from eval.claims.compare import FIGURES
from eval.protocol.job import NativeSource, RepositorySource
from eval.records.schema import Record
from eval.submissions.fingerprint import sha256
from eval.submissions.manifest import ROOT
from eval.submissions.submission import Submission
from eval.validation.item import Item
from eval.validation.receipt import Receipt

_MARKS = {"ok": "ok", "warning": "WARNING", "problem": "PROBLEM", "not checked": "not checked"}


def line(item: Item) -> str:
    """One check for people, its cure below."""
    text = f"{_MARKS[item.verdict]:<12}{item.check}: {item.reason}"
    return without_controls(f"{text}\n{'':<12}-> {item.cure}" if item.cure else text)


def summary(found: Sequence[Item]) -> str:
    """How many checks ended how, and what that means."""
    counts = Counter[str](item.verdict for item in found)
    listed = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _MARKS if counts[verdict])
    end = "the judge would refuse it" if counts["problem"] else "ready to hand in"
    return f"{listed}: {end}"


def receipt_of(record: Record, one: Submission, manifest: Path | None, found: Sequence[Item]) -> Receipt:
    """The receipt of a submission that was judged."""
    machine = record.machine
    return Receipt(
        model=record.model,
        model_id=record.submission.model_id,
        challenge=record.challenge,
        files={path.name: sha256(path) for path in _files(one, manifest)},
        figures=_figures(record),
        dataset=record.dataset if record.layout == "built-in" else "",
        image_digests=record.image_digests,
        device=record.device_name,
        protocol=record.protocol,
        sandbox=record.sandbox,
        versions={"harness": _own_version(), "python": str(machine.get("python", "")), **machine.get("packages", {})},
        verdicts={item.check: item.verdict for item in found},
    )  # fmt: skip


def _figures(record: Record) -> dict[str, float]:
    """What was measured, by the names of claims; infinite values are left out."""
    found = {name: figure.measured(record) for name, figure in FIGURES.items()}
    return {name: value for name, value in found.items() if value is not None and abs(value) != float("inf")}


def _files(one: Submission, manifest: Path | None) -> list[Path]:
    """The submission's own files."""
    source, own = one.source, [manifest] if manifest else []
    if isinstance(source, NativeSource):
        own += [Path(source.script), *map(Path, source.files)]
    if isinstance(source, RepositorySource):
        own.append(Path(source.entry))
    return [*own, *one.checkpoints, *one.data]


def _own_version() -> str:
    """This project's version, as CITATION.cff states it."""
    found = re.search(r"^version: *(\S+)", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    return found.group(1) if found else ""
