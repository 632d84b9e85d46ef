"""Counts a network's complexity: one real forward pass, read by every counter of the table.

The official code runs two forward passes (activations, then fvcore). Here one recorded pass on noise gives the
activations, the work of every operator and the modules that were called; the counters read the record. Two smaller
passes, on a crop of a real image and on noise of the crop's size, show networks whose work depends on the input or its
size. Everything here runs beside the submission's code, which can lie to it; `eval.integrity` judges the outcome.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from eval.protocol.complexity_report import CROP_HEIGHT, CROP_WIDTH, SIZE, CountedComplexity, Counter
from eval.protocol.operators import heavy_operators
from eval.protocol.replies import CountedAgain
from eval.worker.counters import dead_weight, fvcore_counter, thop_counter, torch_counter
from eval.worker.counters.counter import CounterEntry
from eval.worker.counters.recorder import Recorder, failure_of, observe

# Adding a counter: a file like those of the others, and a line here.
COUNTERS: dict[str, CounterEntry] = {
    "fvcore": fvcore_counter.COUNTER,
    "thop": thop_counter.COUNTER,
    "torch": torch_counter.COUNTER,
}

_NOISE_SEED = 20240521


def import_counters() -> None:
    """Take hold of what the counters need, before a team's code can put something else in its place.

    A counter that cannot be imported says so when it is to count.
    """
    for counter in COUNTERS.values():
        with contextlib.suppress(Exception):
            counter.prepare()


def count(
    model: nn.Module, data_range: float, device: torch.device, crop: Tensor | None
) -> CountedComplexity:
    """Count parameters, buffers, multiply-accumulates by every counter, activations and convolutions.

    model:      the network, on `device`; hooks, attributes, train/eval flags, state_dict and random state
                are as before when this returns.
    data_range: 1.0 or 255.0; the noise is uniform in 0..data_range, float32.
    crop:       3xHxW or 1x3xHxW of a real image in 0..data_range, or None; mirrored or cut to 64x320.
    A network or counter that raises never raises here: the figure is None and the reason is kept.
    """
    seconds: dict[str, float] = {}
    noise = _noise(SIZE, SIZE, data_range, device)
    cuda = [device] if device.type == "cuda" else []
    with _evaluating(model), torch.no_grad(), torch.random.fork_rng(cuda):
        with _timed(seconds, "noise"):
            recorder, failure = observe(model, noise)
        on_crop, on_noise, crop_failure = None, None, ""
        if crop is not None:
            with _timed(seconds, "crop"):
                on_crop, crop_failure = observe(model, fit(crop).to(device))
                on_noise, _ = observe(model, _noise(CROP_HEIGHT, CROP_WIDTH, data_range, device))
        unread = {} if recorder is None else recorder.weights.unread(model)
        counters = {name: _opinion(name, model, noise, recorder, failure, seconds) for name in COUNTERS}
    return CountedComplexity(
        parameters=sum(p.numel() for p in model.parameters()),
        buffers=sum(b.numel() for b in model.buffers()),
        counters=counters,
        noise=None if recorder is None else recorder.counts(),
        crop=None if on_crop is None else on_crop.counts(),
        crop_noise=None if on_noise is None else on_noise.counts(),
        failure=failure,
        crop_failure=crop_failure,
        uncalled=() if recorder is None else recorder.uncalled,
        unread_parameters=sum(unread.values()),
        unread=dead_weight.by_module(model, unread),
        weights_elsewhere=0 if recorder is None else recorder.weights.elsewhere(),
        seconds=seconds,
    )


def _opinion(
    name: str,
    model: nn.Module,
    image: Tensor,
    recorder: Recorder | None,
    failure: str,
    seconds: dict[str, float],
) -> Counter:
    if recorder is None:
        return Counter(reason=failure)
    try:
        with _timed(seconds, name):
            return COUNTERS[name].count(model, image, recorder)
    except Exception as error:  # a counter's failure is an answer, whatever it raises
        return Counter(reason=failure_of(error))


def recount(model: nn.Module, image: Tensor) -> tuple[Any, CountedAgain]:
    """The output for `image`, and what making it took: work, weights, and heavy operators without a formula.

    Weights are the elements of `model.parameters()` and of tensors from elsewhere that products read.
    """
    recorder = Recorder(model, image)
    with torch.no_grad(), recorder:
        output = model(image)
    weights = sum(p.numel() for p in model.parameters()) + recorder.weights.elsewhere()
    uncounted = ", ".join(sorted(heavy_operators(recorder.uncounted())))
    counted = CountedAgain(recorder.macs, recorder.products.macs, recorder.touched, weights, uncounted)
    return output, counted


def fit(crop: Tensor) -> Tensor:
    """A float32 1x3x64x320 tensor from a 3xHxW or 1x3xHxW image: cut at the bottom right, mirrored if too small.

    Raises ValueError for another shape.
    """
    image = crop if crop.ndim == 4 else crop.unsqueeze(0)
    if image.ndim != 4 or image.shape[:2] != (1, 3) or 0 in image.shape:
        raise ValueError(f"crop of shape {tuple(crop.shape)}: expected 3xHxW or 1x3xHxW")
    rows, columns = _mirrored(image.shape[2], CROP_HEIGHT), _mirrored(image.shape[3], CROP_WIDTH)
    return image[:, :, rows][:, :, :, columns].contiguous().float()


def _noise(height: int, width: int, data_range: float, device: torch.device) -> Tensor:
    """Uniform noise, 1x3xHxW; seeded apart, so that the process's random state stays as it is."""
    generator = torch.Generator().manual_seed(_NOISE_SEED)
    return (torch.rand(1, 3, height, width, generator=generator) * data_range).to(device)


def _mirrored(length: int, wanted: int) -> Tensor:
    """Indices 0..length-1, length-1..0, 0.. and so on, `wanted` of them."""
    index = torch.arange(wanted) % (2 * length)
    return torch.where(index < length, index, 2 * length - 1 - index)


@contextlib.contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - start


@contextlib.contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """eval() during the block; the flags are put back one by one, since train() may be overridden."""
    flags = [(module, module.training) for module in model.modules()]
    if any(training for _, training in flags):
        model.eval()
    try:
        yield
    finally:
        for module, training in flags:
            module.training = training
