"""Checks of the images that a submission gives: sizes, repeatability, channel order, value range, time, memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data.types import Image
from eval.failures import SubmissionFailed
from eval.harness.progress import duration
from eval.protocol.job import NativeSource
from eval.validation.cures import cure_of
from eval.validation.item import Look, NotCheckedError, Seen, doubt, fine, wrong
from eval.validation.session import TYPICAL, Session, tiled_to

# Heights and widths that are tried, small ones first; the last ones are as odd as a challenge's images can be.
SIZES = ((1, 1), (3, 2), (7, 5), (16, 15), (33, 31), (48, 47), (64, 61), (65, 85), (127, 66))
COMMON_SIDE = 48  # images with shorter sides are in no challenge
SURE_DB, LIKELY_DB = 1.0, 0.1
PLAUSIBLE_DB = 3.0  # below bicubic: no image of a network that works
PAD_CURE = "set pad_multiple in the manifest to the multiple that the network needs, or pad in forward"


def _image(one: Session) -> Seen:
    answer = one.forward(one.lr, one.pair.name)
    one.answers[one.pair.name] = answer.image
    height, width = one.lr.shape[:2]
    return fine(f"{width}x{height} becomes {answer.image.shape[1]}x{answer.image.shape[0]}")


def _twice(one: Session) -> Seen:
    first = one.answer()
    again = one.forward(one.lr, f"{one.pair.name} again").image
    if np.array_equal(first, again):
        return fine("the same image twice gives the same pixels")
    share = float(np.mean(np.any(first != again, axis=2)))
    return wrong(
        f"the same image twice gives other pixels: {share:.1%} of them differ",
        "remove random numbers, dropout and state that is kept from image to image",
    )


def _sizes(one: Session) -> Seen:
    one.answer()
    failed: dict[tuple[int, int], str] = {}
    for size in SIZES:
        reason = _refusal(one, size)
        if reason:
            failed[size] = reason
    common = [size for size in failed if min(size) >= COMMON_SIDE]
    if common:
        height, width = common[0]
        reason = failed[common[0]]
        multiple = _least_multiple(one)
        cure = f"set pad_multiple = {multiple} in the manifest, or pad in forward" if multiple else PAD_CURE
        if not multiple and "pad_multiple" not in reason:
            cure = cure_of(reason)
        return wrong(f"fails on {width}x{height}: {reason}", cure)
    one.smallest = _smallest(one, failed)
    return fine(f"works from {one.smallest[1]}x{one.smallest[0]} on, at odd sizes too")


def _refusal(one: Session, size: tuple[int, int]) -> str:
    """Why the network cannot take an image of this size; empty if it can."""
    try:
        one.forward(tiled_to(one.lr, *size), f"{size[1]}x{size[0]}")
    except SubmissionFailed as failure:
        return str(failure).partition(": ")[2]
    return ""


def _least_multiple(one: Session) -> int:
    """The least power of two whose multiples the network takes, up to 64; 0 if none is found."""
    for multiple in (2, 4, 8, 16, 32, 64):
        times = COMMON_SIDE // multiple | 1  # odd: the sides are multiples of no larger power
        sides = (multiple * times, multiple * (times + 2))
        if not _refusal(one, sides) and not _refusal(one, sides[::-1]):
            return multiple
    return 0


def _smallest(one: Session, failed: dict[tuple[int, int], str]) -> tuple[int, int]:
    """The smallest square that works."""
    if not failed:
        return (1, 1)
    low, high = 0, COMMON_SIDE
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _refusal(one, (middle, middle)) else (low, middle)
    return (high, high)


def _large(one: Session) -> Seen:
    one.answer()
    if one.typical() is None:
        raise NotCheckedError(f"would take longer than --budget {one.budget_s:g} s on this device")
    return fine(f"{TYPICAL[1]}x{TYPICAL[0]} takes {(one.typical_ms or 0):.0f} ms here")


def _channels(one: Session) -> Seen:
    straight = one.answer()
    swapped = one.forward(np.ascontiguousarray(one.lr[..., ::-1]), "channels reversed").image
    base = one.quality(straight)
    others = {
        "input and output are BGR": (
            swapped[..., ::-1],
            "reverse channels at both ends of forward: x[:, [2, 1, 0]]",
        ),
        "the output is BGR": (straight[..., ::-1], "reverse the output's channels: return y[:, [2, 1, 0]]"),
        "the input is taken as BGR": (swapped, "reverse the input's channels: x = x[:, [2, 1, 0]]"),
    }
    found = {what: one.quality(np.ascontiguousarray(image)) for what, (image, _) in others.items()}
    best = max(found, key=lambda what: found[what])
    gain = found[best] - base
    if gain < LIKELY_DB or found[best] < one.bicubic_db - PLAUSIBLE_DB:
        return fine("RGB, as the judge gives it")
    reason = f"{best}: PSNR would be {found[best]:.2f} dB instead of {base:.2f} dB"
    return (wrong if gain > SURE_DB else doubt)(reason, others[best][1])


def _range(one: Session) -> Seen:
    base, bicubic = one.quality(one.answer()), one.bicubic_db
    source = one.submission.source
    here = f"PSNR {base:.2f} dB on {one.pair.name}, bicubic {bicubic:.2f} dB"
    if base >= bicubic + LIKELY_DB:
        return fine(here)
    if not isinstance(source, NativeSource):
        return _without_alternative(here, base, bicubic)
    other = 1.0 if source.data_range == 255.0 else 255.0
    changed = _with_range(one, source, other)
    value = one.quality(changed) if changed is not None else -np.inf
    if value > base + LIKELY_DB and value >= bicubic - SURE_DB:
        return wrong(
            f"PSNR is {base:.2f} dB at data_range = {source.data_range}, and {value:.2f} dB at {other}",
            f"set data_range = {other} in the manifest",
        )
    there = "it fails" if changed is None else f"{value:.2f} dB"
    return _without_alternative(f"{here}, at data_range {other} {there}", base, bicubic)


def _without_alternative(here: str, base: float, bicubic: float) -> Seen:
    if base >= bicubic - SURE_DB:
        return fine(here)
    return doubt(
        f"{here}: the images are worse than bicubic enlargement",
        "check that this is the trained checkpoint, data_range, channel order and a shift of the output",
    )


def _with_range(one: Session, source: NativeSource, data_range: float) -> Image | None:
    """What the network gives if it is fed values from 0 to `data_range`; None if it fails then."""
    submission = replace(one.submission, source=replace(source, data_range=data_range))
    try:
        with one.another(submission) as worker:
            return worker.forward(one.lr, f"data_range {data_range}").image
    except SubmissionFailed:
        return None


def _time(one: Session) -> Seen:
    one.answer()
    counts = {split: images.count for split, images in one.plan.challenge.images.items()}
    if one.typical() is None or not counts:
        raise NotCheckedError("a typical image was not run" if counts else "the challenge states no images")
    each_s = (one.typical_ms or 0) / 1e3
    total = each_s * sum(counts.values())
    text = f"about {duration(total)} for the challenge's {sum(counts.values())} images on {one.plan.setup.device}"
    if each_s > one.plan.setup.deadlines.image_s:
        return wrong(
            f"{text}; one image takes {duration(each_s)}", "make the network faster: --timeout is exceeded"
        )
    if total > one.plan.setup.deadlines.total_s:
        return doubt(f"{text}, more than the judge allows", "make the network faster")
    return fine(text)


def _memory(one: Session) -> Seen:
    one.answer()
    peak = one.worker.memory_mib()
    if peak is None:
        raise NotCheckedError("the peak cannot be read here")
    if one.plan.setup.gpu is not None:
        return fine(f"peak {peak:.0f} MiB of GPU memory")
    limit = one.plan.setup.limits.memory_bytes
    room = f", the judge's limit is {limit / 2**30:.0f} GiB" if limit else ""
    return fine(f"peak {peak:.0f} MiB of the whole process{room}")


ANSWER_CHECKS: tuple[Look[Session], ...] = (
    Look("first image", _image),
    Look("same input twice", _twice),
    Look("channel order", _channels),
    Look("data range", _range),
    Look("odd sizes", _sizes),
    Look("typical size", _large),
    Look("memory", _memory),
    Look("time for the challenge", _time),
)
