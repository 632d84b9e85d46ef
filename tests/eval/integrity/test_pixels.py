"""Pixels of an answer: the official arithmetic, no number that is none, nothing that comes late."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.failures import SubmissionFailed
from eval.integrity.pixels import to_pixels


def _official(values: NDArray[np.float32], data_range: float) -> NDArray[np.uint8]:
    """As the official code writes it: clamp, then `np.uint8((img * 255.0 / data_range).round())`."""
    clamped = np.clip(values, 0, data_range)
    return np.uint8((clamped * 255.0 / data_range).round()).transpose(1, 2, 0)


@pytest.mark.parametrize("data_range", [1.0, 255.0, 0.7])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (100, 33)])
def test_it_rounds_as_the_official_code_does(data_range: float, size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    values = (random.uniform(-0.2, 1.2, (3, *size)) * data_range).astype(np.float32)
    halves = (np.arange(values.size) % 511 / 2 / 255 * data_range).astype(np.float32).reshape(values.shape)
    for given in (values, halves):
        before = given.copy()
        made = to_pixels(given, data_range)
        assert np.array_equal(made.image, _official(given, data_range))
        assert (made.lowest, made.highest) == (given.min(), given.max())
        assert np.array_equal(given, before), "the slot is not written to"


def test_torch_agrees() -> None:
    torch = pytest.importorskip("torch")
    values = torch.rand(3, 64, 48, generator=torch.Generator().manual_seed(0)) * 300 - 20
    expected = values.clamp(0, 255).mul(255.0).div(255.0).round().to(torch.uint8).permute(1, 2, 0)
    assert np.array_equal(to_pixels(values.numpy(), 255.0).image, expected.numpy())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_no_number_is_a_bad_output(bad: float) -> None:
    values = np.zeros((3, 90, 40), np.float32)
    values[2, 89, 39] = bad
    with pytest.raises(SubmissionFailed, match="NaN or infinity"):
        to_pixels(values, 1.0)


class _Late(np.ndarray[Any, Any]):
    """Values that another process changes after the first of them were read."""

    def __getitem__(self, index: Any) -> Any:
        found = np.asarray(super().__getitem__(index)).copy()
        np.asarray(self)[:, 64:] = 1.0
        return found


def test_an_answer_that_is_filled_in_late_is_refused() -> None:
    values = np.zeros((3, 128, 64), np.float32).view(_Late)
    with pytest.raises(SubmissionFailed, match="changed after it was given"):
        to_pixels(values, 1.0)
