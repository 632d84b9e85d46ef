"""The command line of the main job: arguments, the batch over submissions, outputs, exit status."""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from data.errors import InputError
from eval import challenge as challenges
from eval import sandbox
from eval.challenge import Challenge
from eval.harness import (
    dataset,
    evaluate,
    progress,
    saved_images,
    worker_process,
)
from eval.harness.evaluate import Harness
from eval.harness.plan import Plan
from eval.host.gpu import choose_device
from eval.metrics import registry
from eval.records import official, store
from eval.records.schema import Record
from eval.submissions.bare_checkpoint import bare_checkpoint
from eval.submissions.catalogue import by_id, find_manifest, listed
from eval.submissions.fingerprint import fingerprint
from eval.submissions.image_folder import image_folder
from eval.submissions.manifest import MODELS, ROOT
from eval.submissions.repository.discover import from_repository
from eval.submissions.resolve import from_manifest, refused_manifest, told_apart, with_self_ensemble
from eval.submissions.submission import Submission, hashed

OK, SOME_FAILED, USAGE = 0, 1, 2
# What judges: the same before and after each submission, or nothing that was found is believed.
HARNESS = tuple(ROOT / name for name in ("eval", "data", "leaderboard", "test_demo.py"))
MAX_TIMEOUT_S = 1_000_000  # eleven days
PIPE_WIDTH = 160  # columns of tables where no terminal says its own
Group = argparse._ArgumentGroup  # argparse has no public name for it
# Ranks and shows at the end: (all records, rules, save_dir, models of this batch, console). Given by the caller,
# because ranking lies above this package.
Summarise = Callable[[list[Record], Challenge, Path, set[str], Console], None]
DESCRIPTION = "Judge super-resolution submissions: quality, runtime, memory, complexity, ranking."
EPILOG = """examples:
  python test_demo.py --model_id 25                            the demo set, no data needed
  python test_demo.py --model_id 0 21 25 --data_dir DATA --ssim --include_test
  python test_demo.py --model_id 25 --pairs HR_DIR LR_DIR      any folders of pairs
  python test_demo.py --repo NTIRE2024_ESR --all               someone else's repository, unmodified
  python test_demo.py --weights 4xNomos.pth                    a bare checkpoint, no script
  python test_demo.py --images SR_DIR --hr HR_DIR              results only
"""


def parser() -> argparse.ArgumentParser:
    """All options; defaults live here only."""
    options = argparse.ArgumentParser(
        "test_demo.py",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_submissions(options.add_argument_group("what is judged"))
    _add_weights(options.add_argument_group("with which weights"))
    _add_images(options.add_argument_group("on which images, by which rules"))
    _add_measurement(options.add_argument_group("how it is measured"))
    _add_results(options.add_argument_group("where results go"))
    return options


def _add_submissions(group: Group) -> None:
    group.add_argument("--model_id", nargs="+", metavar="ID", help="ids of submissions, such as 0 21p 25")
    group.add_argument("--all", action="store_true", help="every submission there is")
    group.add_argument("--repo", type=Path, metavar="DIR", help="an NTIRE-style repository, unmodified")
    group.add_argument(
        "--models", type=Path, default=MODELS, metavar="DIR", help="manifests (default: models/)"
    )
    group.add_argument(
        "--weights", type=Path, nargs="+", metavar="FILE", help="bare checkpoints that spandrel knows"
    )
    group.add_argument(
        "--images", type=Path, nargs="+", metavar="DIR", help="folders of SR images: results without a model"
    )
    group.add_argument(
        "--self_ensemble",
        action="store_true",
        help="x8 geometric self-ensemble around each, named ID_NAME_x8",
    )


def _add_weights(group: Group) -> None:
    group.add_argument(
        "--checkpoint", default="auto", metavar="authors|reproduced|PATH",
        help="which weights (default: the authors' where present, else this project's own)",
    )  # fmt: skip
    group.add_argument(
        "--allow_pickle",
        action="store_true",
        help="let checkpoints be fully unpickled, inside the sandbox only",
    )


def _add_images(group: Group) -> None:
    group.add_argument(
        "--data_dir", type=Path, help="folder with DIV2K_LSDIR_valid_HR/LR (and test), or DIV2K's"
    )
    group.add_argument(
        "--pairs", nargs=2, type=Path, metavar=("HR_DIR", "LR_DIR"), help="two folders of image pairs"
    )
    group.add_argument(
        "--hr", type=Path, metavar="DIR", help="with --images: a folder of HR images, no LR needed"
    )
    group.add_argument("--include_test", action="store_true", help="the test set too")
    group.add_argument("--challenge", default="esr2024", metavar="NAME", help="rules (default: %(default)s)")
    group.add_argument("--ssim", action="store_true", help="SSIM beside PSNR")


def _add_measurement(group: Group) -> None:
    group.add_argument("--device", default="auto", metavar="auto|cpu|cuda:N")
    group.add_argument(
        "--protocol", choices=("ntire", "robust"), default="robust",
        help="runtime: one cold pass as the official code, or warm, repeated, cross-checked (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--repeats", type=_positive, default=3, metavar="N", help="timed runs per image (robust)"
    )
    group.add_argument("--sandbox", choices=("auto", "bwrap", "landlock", "process"), default="auto")
    group.add_argument(
        "--timeout",
        type=_positive_float,
        default=600.0,
        metavar="S",
        help="seconds per image, and in proportion for loading where above the default (600)",
    )


def _add_results(group: Group) -> None:
    group.add_argument("--save_dir", type=Path, default=Path("results"), help="default: %(default)s")
    group.add_argument(
        "--save_images",
        action="store_true",
        help="keep SR images, and LR and HR beside them, under SAVE_DIR/images (the site shows crops of them)",
    )
    group.add_argument(
        "--resume", action="store_true", help="skip what SAVE_DIR already holds an equal result of"
    )


def main(summarise: Summarise, arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit status: 0 all evaluated, 1 some failed, 2 usage or data error."""
    options = parser().parse_args(arguments)
    console = Console() if sys.stdout.isatty() else Console(soft_wrap=True, width=PIPE_WIDTH)
    try:
        return _run(options, console, summarise)
    except InputError as error:
        print(f"test_demo.py: error: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:  # such as a folder of the command line that the user may not enter
        named = f"{error.filename}: " if error.filename else ""
        print(f"test_demo.py: error: {named}{error.strerror or error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("test_demo.py: interrupted; finished evaluations are kept, --resume goes on", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace, console: Console, summarise: Summarise) -> int:
    chosen = _submissions(options)
    if options.save_images:
        _refuse_reserved(chosen)
    plan = _plan(options, challenges.load(options.challenge))
    _prepare(options.save_dir)
    _announce(plan, console)
    failed = _batch(chosen, plan, options, console)
    records = store.read_all(options.save_dir)
    summarise(records, plan.challenge, options.save_dir, {one.model for one in chosen}, console)
    return SOME_FAILED if failed else OK


def _submissions(options: argparse.Namespace) -> list[Submission]:
    given = [name for name in ("all", "model_id", "weights", "images") if getattr(options, name)]
    if len(given) != 1:
        raise InputError(
            "give one of --model_id ID ..., --all, --weights FILE and --images DIR (`--help` shows examples)"
        )
    if options.images:
        return _named_apart([image_folder(folder) for folder in options.images], "--images")
    chosen = _from_weights(options) if options.weights else _by_id(options)
    return [with_self_ensemble(one) for one in chosen] if options.self_ensemble else chosen


def _from_weights(options: argparse.Namespace) -> list[Submission]:
    chosen = [bare_checkpoint(path, allow_pickle=options.allow_pickle) for path in options.weights]
    return _named_apart(chosen, "--weights")


def _named_apart(chosen: list[Submission], option: str) -> list[Submission]:
    names = [one.model.casefold() for one in chosen]
    twice = next((one.model for one in chosen if names.count(one.model.casefold()) > 1), None)
    if twice:
        raise InputError(f"{option}: two of them are called {twice}; results need names of their own")
    return chosen


def _refuse_reserved(chosen: list[Submission]) -> None:
    for one in chosen:
        if saved_images.reserved(one.model):
            raise InputError(
                f"--save_images: a submission is called {one.model}, where {saved_images.HR} and {saved_images.LR} "
                "images are kept; give its file or folder another name"
            )


def _by_id(options: argparse.Namespace) -> list[Submission]:
    if options.repo:
        if options.checkpoint != "auto":
            raise InputError("--checkpoint: a repository loads its own checkpoints; leave it out with --repo")
        return from_repository(
            options.repo, options.model_id, allow_pickle=options.allow_pickle, hidden=[options.save_dir]
        )
    if options.all:
        known = sorted(listed(options.models), key=lambda one: by_id(one[0]))
        if not known:
            raise InputError(
                f"--models {options.models}: no manifest in it; expected files such as team25_EERN.toml"
            )
        return told_apart([(path, _from_manifest(path, options)) for _, path in known])
    paths = dict.fromkeys(find_manifest(model_id, options.models) for model_id in options.model_id)
    return _named_apart([_from_manifest(path, options) for path in paths], "--model_id")


def _from_manifest(path: Path, options: argparse.Namespace) -> Submission:
    """With --all, a wrong manifest is the failure of its own submission, not of everybody's batch."""
    try:
        return from_manifest(
            path, options.checkpoint, allow_pickle=options.allow_pickle, folder=options.models
        )
    except InputError as error:
        if not options.all:
            raise
        return refused_manifest(path, str(error))


def _plan(options: argparse.Namespace, challenge: Challenge) -> Plan:
    data = _dataset(options, challenge)
    level, note = sandbox.choose(options.sandbox)
    required = sandbox.Level(challenge.sandbox)
    if not level.at_least(required):
        raise InputError(
            f"--sandbox: challenge {challenge.name} requires {required}, this machine gives {level}: {note}"
        )
    device = choose_device(options.device)
    gpu = sandbox.find_gpu(device)
    deadlines = worker_process.Deadlines.per_image(options.timeout)
    limits = sandbox.limits_of(gpu, deadlines.total_s)
    kept_hr = saved_images.hr_folder(options.save_dir)
    return Plan(
        challenge=challenge,
        dataset=data,
        metric_names=_metric_names(challenge, options.ssim),
        protocol=options.protocol,
        repeats=options.repeats,
        setup=worker_process.Setup(
            device, challenge.scale, data.max_lr_pixels(), level, limits, deadlines, gpu
        ),
        sandbox_note=note,
        save_images=options.save_dir / saved_images.FOLDER if options.save_images else None,
        kept_hr=(kept_hr,) if options.save_images or kept_hr.exists() else (),
    )


def _metric_names(challenge: Challenge, ssim: bool) -> tuple[str, ...]:
    """The challenge's metrics, those on request only if `ssim` is given; with it, SSIM is one of them in any case."""
    metrics = registry.chosen(challenge.metrics)
    names = tuple(metric.name for metric in metrics if ssim or not metric.on_request)
    return (*names, "ssim") if ssim and not any(metric.on_request for metric in metrics) else names


def _dataset(options: argparse.Namespace, challenge: Challenge) -> dataset.Dataset:
    if options.hr is None:
        return dataset.choose(challenge, options.data_dir, options.pairs, include_test=options.include_test)
    if not options.images:
        raise InputError("--hr: only --images can be scored without LR images; give --data_dir or --pairs")
    return dataset.hr_only(challenge, options.hr)


def _prepare(save_dir: Path) -> None:
    """Find out before anything is measured that the results can be kept."""
    try:
        save_dir.mkdir(parents=True, exist_ok=True)
        probe = save_dir / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"--save_dir {save_dir}: cannot be written ({error.strerror or error})") from None


def _announce(plan: Plan, console: Console) -> None:
    counts = ", ".join(f"{len(pairs)} {mode}" for mode, pairs in plan.dataset.modes.items())
    own = "" if plan.dataset.own else " (not the challenge's own images: ranked by PSNR)"
    console.print(f"Challenge: {plan.challenge.title}", highlight=False)
    console.print(f"Images:    {plan.dataset.label}, {counts}{own}", highlight=False)
    for name in plan.metric_names:
        metric = registry.chosen([name], plan.challenge.border)[0]
        console.print(f"Metric:    {name} = {metric.protocol}", highlight=False)
    console.print(f"Device:    {plan.setup.device}, protocol {plan.protocol}", highlight=False)
    console.print(
        f"Sandbox:   {plan.setup.level.value}{f' ({plan.sandbox_note})' if plan.sandbox_note else ''}",
        highlight=False,
    )


def _batch(chosen: list[Submission], plan: Plan, options: argparse.Namespace, console: Console) -> bool:
    """Evaluate all submissions, one record each; returns whether any failed."""
    done = evaluate.finished_keys(options.save_dir) if options.resume else set()
    ready = [hashed(one) for one in chosen]
    harness_before = fingerprint(HARNESS)
    failed = False
    with progress.reporting(console) as reporter, Harness(plan, reporter, uuid.uuid4().hex) as judge:
        for one, files_before in ready:
            if done and judge.job_key(one) in done:
                console.print(f"{one.model}: already evaluated, skipped (--resume)", highlight=False)
                continue
            record = judge.evaluate(one)
            _check_unchanged(one.model, "its files", files_before, one.fingerprint())
            _check_unchanged(one.model, "the harness's files", harness_before, fingerprint(HARNESS))
            store.append(options.save_dir, record)
            official.write(options.save_dir, store.read_all(options.save_dir))
            failed = failed or record.status == "failed"
            _report(record, console)
    return failed


def _check_unchanged(model: str, what: str, before: dict[str, str], after: dict[str, str]) -> None:
    changed = sorted(path for path in {**before, **after} if before.get(path) != after.get(path))
    if changed:
        raise InputError(
            f"{model}: {what} changed while it was evaluated; no record was written ({changed[0]}"
            f"{f' and {len(changed) - 1} more' if len(changed) > 1 else ''})"
        )


def _report(record: Record, console: Console) -> None:
    if record.status == "failed":
        console.print(f"{record.model}: failed: {record.error}", style="red", highlight=False, markup=False)
    for flag in record.flags:
        console.print(
            f"{record.model}: flag '{flag.name}': {flag.reason}",
            style="yellow",
            highlight=False,
            markup=False,
        )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be at least 1")
    return value


def _positive_float(text: str) -> float:
    value = float(text)
    if not 0 < value <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(
            f"{text}: must be a number of seconds above 0, at most {MAX_TIMEOUT_S:,}"
        )
    return value
