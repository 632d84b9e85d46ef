"""Self-ensemble and fusion: symmetries, known answers, and the golden outputs of the released code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models import ensemble
from models.ensemble import ModelEnsemble, fusion_rule, mse_weights, self_ensembled

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "reference" / "golden" / "14_ensemble.npz"
needs_golden = pytest.mark.skipif(not GOLDEN.is_file(), reason=f"needs the golden outputs in {GOLDEN}")


class Times(nn.Module):
    """Multiplies by a constant: every fusion of such members has a known answer."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    with np.load(GOLDEN) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}


@pytest.mark.parametrize("index", range(8))
def test_inverse_undoes_each_symmetry(index: int) -> None:
    x = torch.rand(2, 3, 5, 7)
    assert torch.equal(ensemble.inverse(ensemble.transform(x, index), index), x)


def test_the_eight_symmetries_are_different_and_the_first_is_the_identity() -> None:
    x = torch.arange(9.0).view(1, 1, 3, 3)
    images = {tuple(ensemble.transform(x, index).flatten().tolist()) for index in range(8)}
    assert len(images) == 8
    assert torch.equal(ensemble.transform(x, 0), x)


def test_self_ensemble_of_an_equivariant_operator_is_the_operator() -> None:
    kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]).expand(3, 1, 3, 3) / 16

    def blur(x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, kernel, padding=1, groups=3)

    x = torch.rand(1, 3, 9, 13)
    torch.testing.assert_close(self_ensembled(blur)(x), blur(x), rtol=0, atol=1e-6)


def test_self_ensemble_of_any_operator_is_equivariant() -> None:
    torch.manual_seed(0)
    run = self_ensembled(nn.Conv2d(3, 3, 3, padding=1))
    x = torch.rand(1, 3, 8, 11)
    with torch.no_grad():
        plain = run(x)
        for index in range(8):
            again = ensemble.inverse(run(ensemble.transform(x, index)), index)
            torch.testing.assert_close(again, plain, rtol=0, atol=1e-6)


@needs_golden
def test_self_ensemble_equals_the_released_code(golden: dict[str, Tensor]) -> None:
    convolution = nn.Conv2d(3, 3, 3, padding=1, bias=False).requires_grad_(False)
    convolution.weight.copy_(golden["x8_weight"])
    out = self_ensembled(convolution)(golden["x8_input"])
    torch.testing.assert_close(out, golden["x8_output"], rtol=0, atol=1e-6)


@needs_golden
@pytest.mark.parametrize("name, data_range", [("mse1", 1.0), ("mse255", 255.0)])
def test_fusion_equals_the_released_code(golden: dict[str, Tensor], name: str, data_range: float) -> None:
    outputs = [golden[f"pred{index}"] * data_range for index in range(3)]
    fused = fusion_rule(name, data_range=data_range)(outputs) / data_range
    expected = golden[f"fused_range{int(data_range)}"] / data_range
    torch.testing.assert_close(fused, expected, rtol=0, atol=1e-6)


@needs_golden
def test_fusion_of_close_outputs_is_uniform_as_released(golden: dict[str, Tensor]) -> None:
    outputs = [golden[f"close{index}"] for index in range(3)]
    fused = fusion_rule("mse1", data_range=1.0)(outputs)
    torch.testing.assert_close(fused, golden["fused_close_range1"], rtol=0, atol=1e-6)
    assert mse_weights(outputs).flatten().tolist() == pytest.approx([1 / 3] * 3)


@needs_golden
def test_the_range_of_the_rule_decides_whether_close_outputs_tie(golden: dict[str, Tensor]) -> None:
    outputs = [golden[f"close{index}"] for index in range(3)]
    assert mse_weights([output * 255 for output in outputs]).min() == 0


def test_farthest_model_gets_no_weight_and_each_image_its_own_weights() -> None:
    base = torch.rand(2, 3, 8, 8) * 200
    # the first image's outlier is the last model, the second image's the first model
    outputs = [base.clone() for _ in range(3)]
    outputs[2][0] += 50
    outputs[1][0] += 5
    outputs[0][1] += 50
    weights = mse_weights(outputs)
    assert weights.shape == (3, 2)
    assert weights[2, 0] == 0 and weights[0, 1] == 0
    torch.testing.assert_close(weights.sum(0), torch.ones(2))


def test_not_a_number_gives_uniform_weights() -> None:
    outputs = [torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), float("nan"))]
    assert mse_weights(outputs).flatten().tolist() == [0.5, 0.5]


def test_equal_outputs_give_uniform_weights() -> None:
    assert mse_weights([torch.ones(1, 3, 4, 4)] * 4).flatten().tolist() == [0.25] * 4


def test_fusion_keeps_the_range_of_its_inputs() -> None:
    outputs = [torch.rand(1, 3, 8, 8) for _ in range(3)]
    in_255 = fusion_rule("mse255", data_range=255.0)([output * 255 for output in outputs])
    torch.testing.assert_close(fusion_rule("mse255", data_range=1.0)(outputs), in_255 / 255)


def test_unknown_fusion_rule_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown fusion rule 'median' \(there are: mean, mse1, mse255\)"):
        fusion_rule("median", data_range=1.0)


def test_ensemble_fuses_its_members_and_prefixes_their_keys() -> None:
    both = ModelEnsemble({"low": Times(0.5), "high": Times(2.0)})
    x = torch.rand(1, 3, 4, 4)
    torch.testing.assert_close(both(x), x * 1.25)
    assert sorted(both.state_dict()) == ["high.factor", "low.factor"]


def test_ensemble_runs_each_member_as_told() -> None:
    runs: list[int] = []

    def counted(forward: ensemble.Forward) -> ensemble.Forward:
        runs.append(1)
        return self_ensembled(forward)

    x = torch.rand(1, 3, 4, 6)
    both = ModelEnsemble({"a": Times(1.0), "b": Times(3.0)}, run=counted)
    torch.testing.assert_close(both(x), x * 2)
    assert len(runs) == 2


def test_ensemble_without_members_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one member"):
        ModelEnsemble({})


def test_members_take_turns_below_the_stated_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    moves: list[str] = []

    class Moved(Times):
        def to(self, *args: Any, **_: Any) -> Moved:
            moves.append(f"{self.factor.item():.0f} to {args[0]}")
            return self

    both = ModelEnsemble({"a": Moved(1.0), "b": Moved(3.0)}, turns_below_mib=100)
    x = torch.rand(1, 3, 4, 4)
    monkeypatch.setattr(ensemble, "free_memory_mib", lambda _: 99.0)
    torch.testing.assert_close(both(x), x * 2)
    # the other member leaves before one arrives; the device of these tests is the CPU too
    assert moves == ["3 to cpu", "1 to cpu", "1 to cpu", "3 to cpu"]
    moves.clear()
    monkeypatch.setattr(ensemble, "free_memory_mib", lambda _: 101.0)
    both(x)
    assert moves == ["1 to cpu", "3 to cpu"]


def test_a_member_that_alone_does_not_fit_is_an_error_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Greedy(nn.Module):
        def forward(self, _: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(ensemble, "free_memory_mib", lambda _: 7.0)
    with pytest.raises(MemoryError, match=r"'big' alone does not fit a 6x4 input .*7 MiB are free.*in tiles"):
        ModelEnsemble({"big": Greedy()}, turns_below_mib=10)(torch.rand(1, 3, 4, 6))
