"""Counts made without the team's code: the graph is the network, and what contradicts a claim is told."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import _disable_current_modes

from eval.integrity import recount
from eval.integrity.recount import Recounted
from eval.protocol.channel import Slot
from eval.protocol.complexity_report import CountedComplexity, Counter, PassCounts
from eval.protocol.job import TracedSource
from eval.records.flags import FlagName
from eval.records.schema import Flag
from eval.worker.adapters import traced_graph
from eval.worker.adapters.loaded_model import LoadedModel, LoadError, Setting
from eval.worker.counters import counting

NOT_ESTABLISHED, NOT_CONFIRMED = "complexity not established", "complexity not confirmed"
PARAMETERS_ELSEWHERE = "parameters elsewhere"
CPU = torch.device("cpu")
PER_PIXEL = 144  # of a 1x1 convolution from 3 to 48 channels
COUNTED = CountedComplexity(
    parameters=1000,
    buffers=0,
    counters={name: Counter(PER_PIXEL << 16) for name in ("fvcore", "thop", "torch")},
    noise=PassCounts(PER_PIXEL << 16, 48 << 16, 1, 48 << 16, 1),
)
AGAIN = Recounted(
    height=200, width=300, macs=PER_PIXEL * 200 * 300, products=0, touched=0, weights=1000, uncounted=""
)


def names(counted: CountedComplexity, again: Recounted | Flag, difference: int | None = 1) -> list[str]:
    return [doubt.name for doubt in recount.compare(counted, again, difference)]


def test_equal_work_that_gives_the_same_image_is_confirmed() -> None:
    assert names(COUNTED, AGAIN) == []


def test_a_network_that_cannot_be_traced_is_not_confirmed() -> None:
    assert names(COUNTED, FlagName.COMPLEXITY_NOT_CONFIRMED.because("it uses threads")) == [NOT_CONFIRMED]


def test_work_that_no_formula_counts_is_told() -> None:
    (doubt,) = recount.compare(COUNTED, replace(AGAIN, uncounted="aten::fft_fft2"), 0)
    assert doubt.name == NOT_ESTABLISHED and "aten::fft_fft2" in doubt.reason


def test_light_operators_that_do_too_much_are_told() -> None:
    assert names(COUNTED, replace(AGAIN, touched=AGAIN.macs // 2)) == []
    (doubt,) = recount.compare(COUNTED, replace(AGAIN, touched=AGAIN.macs), 0)
    assert (
        doubt.name == NOT_ESTABLISHED
        and "in the traced network, operators that count as zero" in doubt.reason
    )


@pytest.mark.parametrize("difference", [2, None])
def test_another_image_confirms_nothing(difference: int | None) -> None:
    assert names(COUNTED, AGAIN, difference) == [NOT_CONFIRMED]


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_other_work_contradicts_the_claim(factor: float) -> None:
    (doubt,) = recount.compare(COUNTED, replace(AGAIN, macs=int(AGAIN.macs * factor)), 0)
    assert doubt.name == NOT_ESTABLISHED
    assert (
        f"0.144 k per pixel counted beside the team's code, {0.144 * factor:.4g} k without it" in doubt.reason
    )
    assert "300x200" in doubt.reason


def test_borders_of_a_small_image_are_no_contradiction() -> None:
    assert names(COUNTED, Recounted(20, 24, 2 * PER_PIXEL * 480, 0, 0, 1000, "")) == [NOT_CONFIRMED]


def test_no_work_on_either_side_is_a_contradiction() -> None:
    assert names(replace(COUNTED, counters={}), replace(AGAIN, macs=0)) == [NOT_ESTABLISHED]


def test_weights_that_parameters_left_out_are_told() -> None:
    (doubt,) = recount.compare(COUNTED, replace(AGAIN, weights=2000), 0)
    assert doubt.name == PARAMETERS_ELSEWHERE
    assert doubt.reason == "the traced network holds 2000 weights, parameters() counts 1000"
    assert names(replace(COUNTED, weights_elsewhere=1000), replace(AGAIN, weights=2000)) == []


class Square(torch.autograd.Function):
    """A function with a backward pass of its own, which the tracer takes for opaque."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        context.save_for_backward(x)
        return x * x


class Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 48, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.pixel_shuffle(self.conv(Square.apply(x)), 4)


def carried(loaded: LoadedModel, image: torch.Tensor) -> LoadedModel:
    """`loaded` as a clean process would get it."""
    slot = Slot.create("graph", 1 << 20)
    with torch.no_grad():
        slot.write_bytes(traced_graph.traced(loaded, image))
    return traced_graph.load(TracedSource(data_range=loaded.data_range), Setting(CPU, 4, slot))


def test_the_graph_does_the_same_work_and_gives_the_same_image() -> None:
    model, image = Toy().eval(), torch.rand(1, 3, 20, 24)
    found = carried(LoadedModel(model, lambda x: model(x + 0.5) - 1, 1.0), image)
    expected, counted = counting.recount(model, image + 0.5)
    output, again = counting.recount(found.model, image)
    assert torch.equal(output, expected - 1)
    assert again.macs == counted.macs == 48 * 27 * 480
    assert again.weights == counted.weights == 48 * 28
    assert again.uncounted == ""


def test_weights_kept_out_of_parameters_are_weights_in_the_graph() -> None:
    model = Toy().eval()
    hidden = model.conv.weight.detach().clone()
    model.conv.weight.data = torch.zeros(0)
    model.forward = lambda x: nn.functional.pixel_shuffle(nn.functional.conv2d(x, hidden, padding=1), 4)  # type: ignore[method-assign]
    image = torch.rand(1, 3, 20, 24)
    _, again = counting.recount(carried(LoadedModel(model, model, 1.0), image).model, image)
    assert again.weights >= 48 * 27


class HidesWork(nn.Module):
    """Works while nobody writes down or counts; what is written down is its answer as a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.shown, self.hidden = nn.Conv2d(3, 48, 1), nn.Conv2d(3, 48, 5, padding=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = torch._C._get_tracing_state()
        torch._C._set_tracing_state(None)  # type: ignore[attr-defined]
        with _disable_current_modes():
            answer = nn.functional.pixel_shuffle(self.hidden(x), 4)
        torch._C._set_tracing_state(state)  # type: ignore[attr-defined]
        return answer + 0 * nn.functional.pixel_shuffle(self.shown(x), 4)


def test_work_hidden_from_the_trace_gives_another_image_on_an_input_not_met_before() -> None:
    model = HidesWork().eval()
    image = torch.rand(1, 3, 20, 24)
    traced = carried(LoadedModel(model, model, 1.0), image).model
    with torch.no_grad():
        assert torch.equal(traced(image), model(image)), "on the traced image nothing shows"
        other = image.roll((3, 5), (2, 3))
        assert (traced(other) - model(other)).abs().max() > 2 / 255


def test_a_graph_that_works_in_other_threads_is_refused() -> None:
    class Forking(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.jit.wait(torch.jit.fork(torch.relu, x))

    content, slot = io.BytesIO(), Slot.create("graph", 1 << 20)
    torch.jit.save(torch.jit.script(Forking()), content)
    slot.write_bytes(content.getvalue())
    with pytest.raises(LoadError, match="does work where it cannot be counted"):
        traced_graph.load(TracedSource(data_range=1.0), Setting(CPU, 4, slot))


def test_a_graph_with_a_kernel_below_every_watcher_is_refused() -> None:
    """`prim::mkldnn_convolution` calls the kernel directly: no mode sees it."""
    content = io.BytesIO()
    torch.jit.save(torch.jit.trace(nn.Conv2d(3, 3, 3, padding=1).eval(), torch.rand(1, 3, 8, 8)), content)
    edited = io.BytesIO()
    with zipfile.ZipFile(content) as source, zipfile.ZipFile(edited, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            text = source.read(name)
            if name.endswith(".py"):
                call = rb"torch\._convolution\((\w+), (\w+), (\w+), (\[\d, \d\]), (\[\d, \d\]), (\[\d, \d\]),[^)]*\)"
                text = re.sub(call, rb"ops.prim.mkldnn_convolution(\1, \2, \3, \4, \5, \6, 1)", text)
            target.writestr(name, text)
    slot = Slot.create("graph", 1 << 20)
    slot.write_bytes(edited.getvalue())
    with pytest.raises(LoadError, match=r"cannot be counted \(prim::mkldnn_convolution\)"):
        traced_graph.load(TracedSource(data_range=1.0), Setting(CPU, 4, slot))


def test_what_is_no_graph_is_refused() -> None:
    slot = Slot.create("graph", 1 << 12)
    slot.write_bytes(b"no graph")
    with pytest.raises(LoadError, match="the traced network cannot be read"):
        traced_graph.load(TracedSource(data_range=1.0), Setting(CPU, 4, slot))


def test_a_slot_takes_no_more_than_fits_and_reads_no_more_than_there_is() -> None:
    slot = Slot.create("graph", 16)
    with pytest.raises(ValueError, match="9 bytes: expected at most 8"):
        slot.write_bytes(bytes(9))
    slot.write_bytes(b"12345678")
    assert slot.read_bytes() == b"12345678"
    slot._pixels[:8] = 255  # a stated length of 2**64 - 1
    assert slot.read_bytes() == b"12345678"
