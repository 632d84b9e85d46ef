"""`python -m eval.verify --check BUNDLE.zip`: a bundle repeated on this machine, with verdicts."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from data.errors import InputError
from data.text import printable
from eval import files
from eval.claims.compare import Verdict, judge
from eval.cli.printing import table_console
from eval.cli.verification.against import show_moved
from eval.cli.verification.bundling import harness_sha256, hashed_images
from eval.cli.verification.measured import Measured, measure_some
from eval.protocol.job import RepositorySource
from eval.records import store
from eval.records.schema import Record
from eval.reproduction.bundle import Bundle, BundledModel, read_bundle
from eval.reproduction.environment import Moved
from eval.reproduction.moved import record_differences
from eval.submissions.fingerprint import sha256
from eval.submissions.manifest import MODEL_ZOO
from eval.submissions.submission import Submission

_VERDICTS: dict[str, Verdict] = {"same": "confirmed", "differs": "contradicted", "unknown": "not comparable"}


@dataclass(frozen=True)
class BundleCheck:
    """One verdict on a bundle."""

    model: str
    check: str
    verdict: Verdict
    reason: str = ""


def check(path: Path, checkpoints: Path | None, arguments: Sequence[str], *, as_json: bool) -> int:
    """Repeat the evaluation of a bundle; prints verdicts. 1 if one is contradicted or a submission fails, else 0."""
    bundle, contents = read_bundle(path)
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        _unpack(contents, folder)
        for one in bundle.models:
            _place_checkpoints(one, checkpoints or MODEL_ZOO, folder)
        found = measure_some(_arguments(bundle, folder, arguments))
        checks, moved = _verdicts(bundle, folder, found)
    if as_json:
        rows = [{"model": model, **asdict(one)} for model, some in moved.items() for one in some]
        print(json.dumps({"checks": [asdict(one) for one in checks], "moved": rows}, indent=1))
    else:
        _show(checks, moved)
    contradicted = any(one.verdict == "contradicted" for one in checks)
    return 1 if contradicted or found.failed else 0


def _unpack(contents: dict[str, bytes], folder: Path) -> None:
    """All names were checked: each stays inside `folder`."""
    for name, content in contents.items():
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:  # such as a file that another one has as its folder
            raise InputError(f"--check: {name} cannot be unpacked ({error.strerror or error})") from None


def _place_checkpoints(one: BundledModel, zoo: Path, folder: Path) -> None:
    """Copy each checkpoint, found by its hash, to where the manifest expects it."""
    for part in one.checkpoints:
        source = _by_hash(part.sha256, zoo)
        if source is None:
            raise InputError(
                f"--checkpoints {zoo}: no file of sha256 {part.sha256} in it; {one.model} needs {part.file}"
            )
        target = folder / "model_zoo" / part.file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _by_hash(wanted: str, zoo: Path) -> Path | None:
    if not zoo.is_dir():
        raise InputError(f"--checkpoints {zoo}: no such folder")
    return next((path for path in files.regular(zoo) if sha256(path) == wanted), None)


def _arguments(bundle: Bundle, folder: Path, arguments: Sequence[str]) -> list[str]:
    """Options of the main command: those of the bundle, then what the person who checks gives."""
    if "--repo" not in arguments and not all(one.manifest for one in bundle.models):
        raise InputError(
            "--check: the bundle is of a repository, of which it has hashes only; give --repo DIR"
        )
    own = [
        *bundle.options.words(),
        "--challenge",
        str(folder / bundle.challenge),
        "--save_dir",
        str(folder / "out"),
    ]
    if all(one.manifest for one in bundle.models):
        own += ["--models", str(folder / "models")]
    choices = {one.checkpoint_choice for one in bundle.models}
    if choices == {"path"}:
        own += ["--checkpoint", str(folder / "model_zoo" / bundle.models[0].checkpoints[0].file)]
    elif len(choices) == 1:
        own += [word for choice in choices & {"authors", "reproduced"} for word in ("--checkpoint", choice)]
    return [*own, "--model_id", *(one.model_id for one in bundle.models), *arguments]


def _verdicts(
    bundle: Bundle, folder: Path, found: Measured
) -> tuple[list[BundleCheck], dict[str, list[Moved]]]:
    here = {record.model: (one, record) for one, record in found.pairs}
    images = _images(bundle, found)
    checks = [images, _harness(bundle)]
    moved: dict[str, list[Moved]] = {}
    for one in bundle.models:
        before = store.read(folder / one.record)
        if one.model not in here:
            checks.append(BundleCheck(one.model, "record", "not comparable", "nothing was measured here"))
            continue
        submission, after = here[one.model]
        moved[one.model] = record_differences(before, after)
        checks += [
            *_sources(one, submission),
            *_claims(after, found),
            *_outcome(one.model, moved[one.model], images),
        ]
    return checks, moved


def _images(bundle: Bundle, found: Measured) -> BundleCheck:
    there, here = set(bundle.images), set(hashed_images(found.plan.dataset))
    if there == here:
        return BundleCheck("", "images", "confirmed")
    other = sorted(f"{one.split} {one.name}" for one in there ^ here)
    reason = f"{len(set(other))} images differ or are in one set only, such as {other[0]}"
    return BundleCheck("", "images", "not comparable", reason)


def _harness(bundle: Bundle) -> BundleCheck:
    if harness_sha256() == bundle.harness_sha256:
        return BundleCheck("", "harness", "confirmed")
    return BundleCheck("", "harness", "not comparable", "the code that judges is another version")


def _sources(one: BundledModel, submission: Submission) -> Iterator[BundleCheck]:
    """Files of a repository beside those that the bundle lists."""
    if not isinstance(submission.source, RepositorySource):
        return
    root = Path(submission.source.repo)
    other = [
        part.file
        for part in one.sources
        if not (root / part.file).is_file() or sha256(root / part.file) != part.sha256
    ]
    yield BundleCheck(
        one.model,
        "files",
        "contradicted" if other else "confirmed",
        f"{len(other)} files are other ones, such as {other[0]}" if other else "",
    )


def _claims(record: Record, found: Measured) -> Iterator[BundleCheck]:
    rules = found.plan.challenge
    for one in judge(record, rules.claims, found.plan.dataset.own, rules.device):
        if one.verdict != "not claimed":
            yield BundleCheck(record.model, f"claim {one.claim}", one.verdict, one.reason)


def _outcome(model: str, moved: Sequence[Moved], images: BundleCheck) -> Iterator[BundleCheck]:
    """Whether files and pixels are the same, or how far the numbers are apart. `images` has a verdict on its own."""
    quality = [
        f"{one.what}: {one.before}, here {one.after}"
        for one in moved
        if one.part == "numbers" and not one.what.startswith(("runtime", "memory"))
    ]
    for one in moved:
        if one.part == "submission" and not one.what.startswith("HR images"):
            verdict = _VERDICTS[one.verdict]
            yield BundleCheck(model, one.what, verdict, f"{one.before} in the bundle, {one.after} here")
        if one.part == "pixels":
            verdict = _VERDICTS[one.verdict] if images.verdict == "confirmed" else "not comparable"
            reason = "; ".join([one.after, *quality] if one.verdict != "same" else [one.after])
            yield BundleCheck(model, one.what, verdict, reason)


def _show(checks: Sequence[BundleCheck], moved: dict[str, list[Moved]]) -> None:
    table = Table(title="Bundle")
    for title in ("Model", "Check", "Verdict", "Reason"):
        table.add_column(title, overflow="fold")
    for one in checks:
        table.add_row(*(printable(cell) for cell in asdict(one).values()))
    table_console().print(table, markup=False)
    for model, some in moved.items():
        show_moved(model, some)
