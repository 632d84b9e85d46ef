"""A participant's receipt beside the judge's own run: the same files, and the same figures where they compare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from data.errors import InputError
from eval.challenge import ClaimTolerances
from eval.claims.compare import FIGURES, ClaimedFigure, Judgement, Verdict
from eval.cli.chosen import chosen_submissions
from eval.cli.verification.measured import Measured
from eval.protocol.job import FolderProgramSource, RepositorySource
from eval.records.schema import Record
from eval.submissions.submission import Submission
from eval.validation.receipt import Receipt

Hashes = Mapping[str, set[str]]  # sha256 of the files of each name
_ROUNDING = 1e-9  # relative, of a figure that is counted
_SHA_SHOWN = 12


def receipt_judgements(measured: Measured, receipt: Receipt, path: Path) -> list[Judgement]:
    """Verdicts on everything that a receipt states. Raises InputError if its submission is not among the chosen."""
    for one, record in measured.pairs:
        if receipt.model in (record.model, one.model):
            tolerances = measured.plan.challenge.claims
            judged_elsewhere = isinstance(one.source, RepositorySource | FolderProgramSource)
            return [
                *_files(receipt, _hashes(one), shared_entry=judged_elsewhere),
                *compare_receipt(receipt, record, tolerances),
            ]
    names = ", ".join(one.model for one in chosen_submissions(measured.options))
    raise InputError(
        f"--receipt {path}: is of {receipt.model}, expected one of the chosen submissions: {names}"
    )


def compare_receipt(receipt: Receipt, record: Record, tolerances: ClaimTolerances) -> Iterator[Judgement]:
    """Verdicts on the receipt's status, versions and figures."""
    if record.status != "ok":
        yield _row(receipt, "status", "ok", "contradicted", f"validated, but here it failed: {record.error}")
        return
    yield _row(receipt, "status", "ok", "confirmed", "")
    yield _versions(receipt, record)
    for name, stated in receipt.figures.items():
        if name in FIGURES:
            yield _figure(name, stated, receipt, record, tolerances)


def _row(receipt: Receipt, what: str, stated: object, verdict: Verdict, reason: str) -> Judgement:
    return Judgement(receipt.model, what, stated, None, verdict, reason)


def _hashes(one: Submission) -> Hashes:
    """The submission's files as they are here, the manifest too."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, sha256 in one.fingerprint().items():
        found[Path(path).name].add(sha256)
    for artifact in (one.info.manifest, one.info.script):
        if artifact is not None:
            found[Path(artifact.file).name].add(artifact.sha256)
    return found


def _files(receipt: Receipt, here: Hashes, *, shared_entry: bool) -> Iterator[Judgement]:
    """shared_entry: whether all teams share the file with `select_model`, which every repository has its own of."""
    for name, sha256 in receipt.files.items():
        what, stated = f"file {name}", sha256[:_SHA_SHOWN]
        if sha256 in here.get(name, set()):
            yield _row(receipt, what, stated, "confirmed", "")
        elif shared_entry and name in ("test_demo.py", "test.py", "eval.py"):
            reason = "the entry point of all teams is another one here"
            yield _row(receipt, what, stated, "not comparable", reason)
        elif name in here:
            others = ", ".join(sorted(other[:_SHA_SHOWN] for other in here[name]))
            yield _row(receipt, what, stated, "contradicted", f"another file than was validated: {others}")
        else:
            yield _row(receipt, what, stated, "contradicted", "no such file belongs to the submission here")


def _versions(receipt: Receipt, record: Record) -> Judgement:
    packages = {str(name): str(version) for name, version in (record.machine.get("packages") or {}).items()}
    here = {"python": str(record.machine.get("python", "")), **packages}
    other = [
        f"{name} {stated}, here {here.get(name) or 'absent'}"
        for name, stated in receipt.versions.items()
        if name != "harness" and here.get(name) != stated
    ]
    verdict: Verdict = "not comparable" if other else "confirmed"
    return _row(receipt, "versions", f"{len(receipt.versions)} stated", verdict, "; ".join(other))


def _figure(
    name: str, stated: float, receipt: Receipt, record: Record, tolerances: ClaimTolerances
) -> Judgement:
    figure = FIGURES[name]
    measured = figure.measured(record)
    obstacle = _obstacle(name, receipt, record) or ("it was not measured here" if measured is None else "")
    if obstacle or measured is None:
        return Judgement(receipt.model, name, stated, measured, "not comparable", obstacle)
    allowed = figure.tolerance(tolerances, stated) + _ROUNDING * abs(stated)
    if abs(measured - stated) <= allowed:
        return Judgement(receipt.model, name, stated, measured, "confirmed", "")
    return Judgement(
        receipt.model, name, stated, measured, "contradicted", _difference(figure, measured, stated)
    )


def _difference(figure: ClaimedFigure, measured: float, stated: float) -> str:
    return f"measured {figure.amount(measured)}, stated {figure.amount(stated)} ({figure.distance(measured, stated)})"


def _obstacle(name: str, receipt: Receipt, record: Record) -> str:
    """Why a figure of the receipt does not compare with the run here; empty if it does."""
    if receipt.challenge != record.challenge:
        return f"validated under {receipt.challenge}, judged under {record.challenge}"
    kind, split, *_ = (*name.split("_"), "")
    if kind in ("psnr", "ssim") and (
        split not in receipt.image_digests or receipt.image_digests[split] != record.image_digests.get(split)
    ):
        return "validated on other images"
    if kind not in ("runtime", "memory"):
        return ""
    here = record.device_name
    if receipt.device != here:
        return f"validated on {receipt.device or 'an unknown machine'}, measured on {here}"
    other = receipt.protocol != record.protocol and kind == "runtime"
    return f"validated by protocol {receipt.protocol}, measured by {record.protocol}" if other else ""
