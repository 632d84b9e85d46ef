"""The plan of a batch, made from the options: data, metrics, device, sandbox, limits."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console

from data import pairs
from data.errors import InputError
from data.types import Split
from eval import challenge as challenges
from eval import sandbox
from eval.challenge import Challenge
from eval.harness import dataset, worker_setup
from eval.harness.deadlines import Deadlines
from eval.harness.plan import Plan
from eval.harness.scoring import image_checks, saved_images
from eval.host.gpu import choose_device
from eval.metrics import registry


def build_plan(options: argparse.Namespace) -> Plan:
    """What every submission of the batch is put through. Raises InputError if anything needed is missing.

    All images are checked here, before any model runs.
    """
    challenge = challenges.load(options.challenge)
    data = _dataset(options, challenge)
    metrics = registry.chosen(_metric_names(challenge, ssim=options.ssim), challenge.border)
    image_checks.check_large_enough(data.modes, challenge.scale, metrics)
    level, note = sandbox.choose_level(options.sandbox)
    required = sandbox.Level(challenge.sandbox)
    if not level.at_least(required):
        raise InputError(
            f"--sandbox: challenge {challenge.name} requires {required}, this machine gives {level}: {note}"
        )
    kept_hr = saved_images.hr_folder(options.save_dir)
    return Plan(
        challenge=challenge,
        dataset=data,
        metric_names=tuple(metric.name for metric in metrics),
        protocol=options.protocol,
        repeats=options.repeats,
        setup=_setup(options, challenge, data, level),
        sandbox_note=note,
        save_images=options.save_dir / saved_images.IMAGES if options.save_images else None,
        kept_hr=(kept_hr,) if options.save_images or kept_hr.exists() else (),
    )


def _metric_names(challenge: Challenge, *, ssim: bool) -> list[str]:
    """The challenge's metrics, without those on request unless asked for; SSIM if a challenge names none."""
    metrics = registry.chosen(challenge.metrics)
    names = [metric.name for metric in metrics if ssim or not metric.on_request]
    if ssim and not any(metric.on_request for metric in metrics):
        names.append("ssim")
    return names


def _setup(
    options: argparse.Namespace, challenge: Challenge, data: dataset.Dataset, level: sandbox.Level
) -> worker_setup.Setup:
    device = choose_device(options.device)
    gpu = sandbox.find_gpu(device)
    deadlines = Deadlines.per_image(options.timeout)
    limits = sandbox.limits_of(gpu, deadlines.total_s)
    return worker_setup.Setup(device, challenge.scale, data.max_lr_pixels(), level, limits, deadlines, gpu)


def _dataset(options: argparse.Namespace, challenge: Challenge) -> dataset.Dataset:
    if options.hr is not None:
        if not options.images:
            raise InputError(
                "--hr: only --images can be scored without LR images; give --data_dir or --pairs"
            )
        return dataset.hr_only(challenge, options.hr)
    try:
        return dataset.chosen_images(
            challenge, options.data_dir, options.pairs, include_test=options.include_test
        )
    except InputError:
        for hr, lr in _folders(options, challenge.scale):
            if _pair_up(lr, hr, challenge.scale):
                raise InputError(
                    f"the folders are swapped: {hr} holds the LR images and {lr} the HR images; "
                    "expected HR first (--pairs HR_DIR LR_DIR)"
                ) from None
        raise


def _folders(options: argparse.Namespace, scale: int) -> list[tuple[Path, Path]]:
    """The folders of HR and LR images that the options name."""
    if options.pairs:
        return [tuple(options.pairs)]
    if options.data_dir is None:
        return []
    splits: tuple[Split, ...] = ("valid", "test")
    return [found for split in splits if (found := pairs.layout_folders(options.data_dir, split, scale))]


def _pair_up(hr: Path, lr: Path, scale: int) -> bool:
    """Whether the folders hold image pairs, the LR images named as the HR images are, or with `x4`."""
    try:
        small, large = pairs.image_files(lr), pairs.image_files(hr)
        matching = [
            pairs.ImagePair(name, small[match], path)
            for name, path in large.items()
            for match in (name, f"{name}x{scale}", name.removesuffix(f"x{scale}"))
            if match in small
        ]
        pairs.check_sizes(matching, scale)
    except InputError:
        return False
    return len(matching) > 0


def prepare_save_dir(save_dir: Path) -> None:
    """Make the folder of results. Raises InputError before anything is measured if it cannot be written."""
    try:
        save_dir.mkdir(parents=True, exist_ok=True)
        probe = save_dir / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"--save_dir {save_dir}: cannot be written ({error.strerror or error})") from None


def announce(plan: Plan, console: Console) -> None:
    """Print what the batch is judged on and how."""
    counts = ", ".join(f"{len(pairs)} {split}" for split, pairs in plan.dataset.modes.items())
    own = "" if plan.dataset.own else " (not the challenge's own images: ranked by PSNR)"
    metrics = registry.chosen(plan.metric_names, plan.challenge.border)
    note = f" ({plan.sandbox_note})" if plan.sandbox_note else ""
    lines = [
        f"Challenge: {plan.challenge.title}",
        f"Images:    {plan.dataset.label}, {counts}{own}",
        *(f"Metric:    {metric.name} = {metric.protocol}" for metric in metrics),
        f"Device:    {plan.setup.device}, protocol {plan.protocol}",
        f"Sandbox:   {plan.setup.level.value}{note}",
    ]
    for line in lines:
        console.print(line, highlight=False, markup=False)
