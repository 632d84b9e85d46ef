"""`python -m train RECIPE --data DIR --out DIR` trains a network as a recipe says."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path

from data.errors import InputError
from train.errors import AgreedError
from train.schema.recipe import Recipe, load
from train.schema.scaling import scaled

# Without an accelerator a run in small also takes fewer and smaller patches, unless options say otherwise.
CPU_BATCH, CPU_PATCH = 1 / 32, 1 / 3


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m train", description="Train a network as a recipe says.")
    p.add_argument("recipe", type=Path, help="TOML file, such as train/recipes/eern.toml")
    p.add_argument(
        "--data", type=Path, required=True, help="data sets by name, a folder of images, or an LMDB"
    )
    p.add_argument("--out", type=Path, required=True, help="folder for checkpoints, logs and the summary")
    p.add_argument(
        "--val",
        type=Path,
        nargs=2,
        metavar=("HR_DIR", "LR_DIR"),
        help="pairs to validate on (default: eight patches of the training images)",
    )
    p.add_argument("--stage", help="run this stage only; those before must be done in --out (default: all)")
    p.add_argument("--resume", action="store_true", help="continue the run in --out")
    p.add_argument(
        "--weights",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="a checkpoint that the recipe names; may be repeated (default: none)",
    )
    _add_scale(p)
    _add_devices(p)
    return p


def _add_scale(p: argparse.ArgumentParser) -> None:
    shrunk = "default: 1, or %s without an accelerator if --scale-steps is below 1"
    p.add_argument(
        "--scale-steps",
        type=float,
        default=1.0,
        metavar="F",
        help="steps of every stage times F (default: 1)",
    )
    p.add_argument(
        "--scale-batch", type=float, metavar="F", help=f"patches per step times F ({shrunk % '1/32'})"
    )
    p.add_argument("--scale-patch", type=float, metavar="F", help=f"patch sizes times F ({shrunk % '1/3'})")


def _add_devices(p: argparse.ArgumentParser) -> None:
    workers = min(2, os.cpu_count() or 1)
    p.add_argument("--devices", type=int, default=1, help="devices per node (default: 1)")
    p.add_argument("--nodes", type=int, default=1, help="nodes (default: 1)")
    p.add_argument(
        "--accelerator",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto takes CUDA if there is a device, else the CPU (default: auto)",
    )
    p.add_argument(
        "--workers",
        type=int,
        default=workers,
        help="loader processes per device; 0 makes batches between the steps (default: %(default)s)",
    )


def small(recipe: Recipe, options: argparse.Namespace, cpu: bool) -> tuple[Recipe, str]:
    """The recipe at the scale that the options ask for, and a sentence about it."""
    steps = options.scale_steps
    shrink = cpu and steps < 1
    batch, patch = (CPU_BATCH, CPU_PATCH) if shrink else (1.0, 1.0)
    batch = batch if options.scale_batch is None else options.scale_batch
    patch = patch if options.scale_patch is None else options.scale_patch
    if (steps, batch, patch) == (1.0, 1.0, 1.0):
        return recipe, "full recipe"
    text = f"steps x {steps:g}, batch x {batch:g}, patches x {patch:g}"
    if shrink and None in (options.scale_batch, options.scale_patch):
        text += " (the latter two because there is no accelerator; --scale-batch and --scale-patch set them)"
    return scaled(recipe, steps, batch, patch), text


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        return _train(options)
    except InputError as error:
        if isinstance(error, AgreedError) and not _is_first_process():
            return 0  # the first process reports the error and ends with status 2
        print(f"error: {error}", file=sys.stderr)
        return 2


def _is_first_process() -> bool:
    """Whether this is process 0 of the run, as Fabric, torchrun or SLURM number them."""
    return all(
        os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
    )


def _train(options: argparse.Namespace) -> int:
    recipe = load(options.recipe)  # a wrong recipe is reported before torch is loaded
    for name, least in (("devices", 1), ("nodes", 1), ("workers", 0)):
        if getattr(options, name) < least:
            raise InputError(f"--{name} {getattr(options, name)}: expected {least} or more")
    weights = dict(_named_path(text, recipe) for text in options.weights)
    warnings.filterwarnings("ignore", module="lightning")
    from train.context import Options
    from train.engine import train
    from train.stages.start import Origins

    cpu = _on_cpu(options.accelerator, options.devices)
    recipe, text = small(recipe, options, cpu)
    if _is_first_process():
        print(f"{recipe.name}: {text}", file=sys.stderr)
    run = Options(
        data=options.data,
        out=options.out,
        val=tuple(options.val) if options.val else None,
        only=options.stage,
        resume=options.resume,
        workers=options.workers,
        origins=Origins(weights, stand_ins=options.scale_steps < 1),
        facts={"Scale": text},
    )
    train(recipe, run, options.devices, options.nodes, "cpu" if cpu else options.accelerator)
    return 0


def _on_cpu(accelerator: str, devices: int) -> bool:
    """Whether to train without an accelerator. Raises InputError if there are fewer CUDA devices than asked for."""
    import torch

    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if accelerator == "cuda" and not there:
        raise InputError("--accelerator cuda: no CUDA device here; expected auto or cpu")
    if accelerator == "cpu" or not there:
        return True
    if devices > there:
        raise InputError(f"--devices {devices}: {there} CUDA devices here; expected at most as many")
    return False


def _named_path(text: str, recipe: Recipe) -> tuple[str, Path]:
    name, separator, path = text.partition("=")
    if not separator or not name or not path:
        raise InputError(f"--weights {text}: expected NAME=PATH")
    known = recipe.named_weights()
    if name not in known:
        raise InputError(
            f"--weights {text}: the recipe names no checkpoint {name!r}; "
            f"expected one of {', '.join(known) or 'none'}"
        )
    if not Path(path).is_file():
        raise InputError(f"--weights {text}: no such file")
    return name, Path(path)


if __name__ == "__main__":
    sys.exit(main())
