"""What the switches of a rerun do around a network's forward pass."""

from __future__ import annotations

import pytest
import torch

from eval.protocol.switches import AS_JUDGED, Switches
from eval.worker.adapters.loaded_model import LoadedModel
from eval.worker.switched import switched

IMAGE = torch.rand(1, 3, 4, 6).contiguous(memory_format=torch.channels_last)


def loaded(forward: object) -> LoadedModel:
    return LoadedModel(torch.nn.Conv2d(3, 3, 3), forward, 1.0)  # type: ignore[arg-type]


def test_without_switches_nothing_is_wrapped() -> None:
    one = loaded(lambda image: image)
    assert switched(one, AS_JUDGED) is one


def test_a_neighbour_stands_before_the_image_and_is_another_image() -> None:
    met: list[torch.Tensor] = []
    out = switched(loaded(lambda image: met.append(image) or image), Switches(neighbour=True)).forward(IMAGE)
    assert torch.equal(out, IMAGE) and met[0].shape == (2, 3, 4, 6)
    assert met[0][0].mean() != pytest.approx(float(IMAGE.mean())) and not torch.equal(met[0][0], met[0][1])


def test_a_seed_is_set_before_each_image() -> None:
    steady = switched(loaded(lambda image: image + torch.rand(1)), Switches(seed=3))
    assert torch.equal(steady.forward(IMAGE), steady.forward(IMAGE))


def test_memory_formats_reach_inputs_and_weights() -> None:
    plain, last = loaded(lambda image: image), loaded(lambda image: image)
    assert switched(plain, Switches(memory_format="contiguous")).forward(IMAGE).is_contiguous()
    out = switched(last, Switches(memory_format="channels_last")).forward(IMAGE.contiguous())
    assert out.is_contiguous(memory_format=torch.channels_last) and torch.equal(out, IMAGE)
    weight = next(last.model.parameters())
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()


def test_tf32_is_set_whatever_the_teams_code_set() -> None:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    try:
        for allowed in (True, False):
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = not allowed
            switched(loaded(lambda image: image), Switches(tf32=allowed)).forward(IMAGE)
            assert torch.backends.cuda.matmul.allow_tf32 is torch.backends.cudnn.allow_tf32 is allowed
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
