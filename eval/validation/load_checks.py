"""Checks of a submission while it is loaded in its worker."""

from __future__ import annotations

from eval.failures import SubmissionFailed
from eval.sandbox import Level
from eval.validation.item import Look, Seen, doubt, fine
from eval.validation.session import Session


def _sandbox(one: Session) -> Seen:
    level = one.plan.setup.level
    one.start()
    if level is Level.PROCESS:
        return doubt(
            "this machine confines nothing (level process): writes, network and processes show at the judge only",
            "install bubblewrap, or use a kernel with Landlock, and validate again",
        )
    return fine(f"runs at level {level.value}: no network, no written files, no processes")


def _weights(one: Session) -> Seen:
    worker = one.start()
    try:
        held = worker.inspect()
    except SubmissionFailed as failure:
        if not one.submission.source.allow_pickle:
            raise
        return doubt(
            f"needs full unpickling: {failure}", "save the weights alone: tensors need no unpickling"
        )
    if one.submission.source.allow_pickle:
        return doubt("allow_pickle is set, and not needed", "take allow_pickle out: results are marked by it")
    return fine(f"{held.tensors} tensors, {held.elements:,} elements, {held.size_bytes / 2**20:.2f} MiB")


def _loading(one: Session) -> Seen:
    loaded = one.load()
    if loaded.notes:
        return doubt(
            loaded.notes,
            "save the weights of the plain network, such as model.module.state_dict(): it is flagged",
        )
    return fine(f"every weight has its place: {loaded.parameters:,} parameters")


def _examined(one: Session) -> Seen:
    state = one.state
    if state.training_modules:
        return doubt(
            f"modules in training mode after a forward pass: {state.training_modules}",
            "do not override train() and do not call it in forward",
        )
    if state.training_difference:
        return fine(
            f"is in evaluation mode; in training mode values differ by up to {state.training_difference:.3g}"
        )
    return fine("is in evaluation mode")


def _no_gradient(one: Session) -> Seen:
    if one.state.has_gradient:
        return doubt(
            "the output carries a gradient, which costs memory",
            "do not enable gradients in forward: the judge runs under torch.no_grad()",
        )
    return fine("the output carries no gradient")


def _precision(one: Session) -> Seen:
    other = one.state.other_precision
    if other:
        return doubt(
            f"{other:,} parameters are not float32",
            "say so in the factsheet: other precisions differ between devices, and the CPU is slow in them",
        )
    return fine("all parameters are float32")


LOAD_CHECKS: tuple[Look[Session], ...] = (
    Look("sandbox", _sandbox),
    Look("checkpoint", _weights),
    Look("strict loading", _loading),
)
STATE_CHECKS: tuple[Look[Session], ...] = (
    Look("evaluation mode", _examined),
    Look("no gradient", _no_gradient),
    Look("precision", _precision),
)
