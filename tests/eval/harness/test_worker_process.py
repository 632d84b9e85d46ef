"""Time limits that the command line gives to workers, and numbers that workers state."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from eval import sandbox
from eval.failures import SubmissionFailed
from eval.harness.deadlines import Deadlines
from eval.harness.worker_process import WorkerProcess
from eval.harness.worker_setup import Setup
from eval.protocol import channel
from eval.protocol.channel import Reply, Status
from eval.protocol.replies import Inspected, Loaded
from eval.submissions.native import native
from tests.eval import toy

IMAGE = np.zeros((8, 8, 3), np.uint8)


class Stating(WorkerProcess):
    """Answers every request with the same numbers; there is no process."""

    def __init__(self, *values: float) -> None:
        self._stated = Reply(Status.OK, values)
        self._setup = Setup("cpu", 4, 64, sandbox.Level.PROCESS, sandbox.CPU_LIMITS)
        self._request = channel.Slot.create("request", IMAGE.size)
        self._answer = channel.Slot.create("answer", IMAGE.size * 16 * channel.VALUE_BYTES)
        self._data_range = 1.0

    def _reply(self, *_arguments: Any, **_more: Any) -> Reply:
        self._answer.values(32, 32)[...] = 0.5
        return self._stated


OPERATIONS: dict[str, tuple[Callable[[WorkerProcess], object], tuple[float, ...]]] = {
    "inspect": (lambda worker: worker.inspect(), (1.0, 1.0, 1.0)),
    "load": (lambda worker: worker.load(), (1.0, 1.0)),
    "forward": (lambda worker: worker.forward(IMAGE, "x"), (1.0,)),
    "folder": (lambda worker: worker.run_folder(10), (1.0, 0.0, 0.0, 0.0)),
    "memory": (lambda worker: worker.memory_mib(), (1.0, 1.0)),
    "recount": (lambda worker: worker.recount(IMAGE), (1.0, 1.0, 1.0, 1.0)),
}
CASES = [
    (name, place, value)
    for name, (_, honest) in OPERATIONS.items()
    for place in range(len(honest))
    for value in (math.nan, math.inf, -math.inf, -1.0, 1e300)
    if not (name == "memory" and place == 0 and math.isnan(value))
]


@pytest.mark.parametrize(("name", "place", "value"), CASES)
def test_a_number_that_cannot_be_fails_the_submission_and_is_named(
    name: str, place: int, value: float
) -> None:
    operate, honest = OPERATIONS[name]
    operate(Stating(*honest))
    stated = [*honest[:place], value, *honest[place + 1 :]]
    with pytest.raises(SubmissionFailed, match=r"protocol: .*(inf|nan|-1|1e\+300).*expected"):
        operate(Stating(*stated))


def test_an_answer_that_was_never_written_is_no_image() -> None:
    worker = Stating(1.0)
    worker._reply = lambda *_arguments, **_more: Reply(Status.OK, (1.0,))  # type: ignore[method-assign]
    with pytest.raises(SubmissionFailed, match="image x: bad output: NaN or infinity"):
        worker.forward(IMAGE, "x")


def test_a_checkpoint_that_is_a_link_is_opened_by_its_name(tmp_path: Path, level: sandbox.Level) -> None:
    models, zoo = tmp_path / "models", tmp_path / "model_zoo"
    for folder in (models, zoo):
        folder.mkdir()
    (models / "team42_Net.py").write_text(toy.NETWORK)
    (models / "team42_Net.toml").write_text(toy.MANIFEST)
    torch.save({"gain": torch.ones(1)}, zoo / "team42_v2.pth")
    (zoo / "team42.pth").symlink_to("team42_v2.pth")
    one = native(models / "team42_Net.toml", str(zoo / "team42.pth"))
    assert one.problem == ""
    with WorkerProcess(one, Setup("cpu", 4, 64, level, sandbox.CPU_LIMITS)) as worker:
        assert worker.inspect() == Inspected(tensors=1, elements=1, size_bytes=4)
        assert worker.load() == Loaded(data_range=255.0, parameters=1)


def test_memory_that_cannot_be_read_is_not_known() -> None:
    assert Stating(math.nan, 0.0).memory_mib() is None


def test_a_longer_limit_per_image_lengthens_the_others() -> None:
    slow = Deadlines.per_image(1200.0)
    assert (slow.image_s, slow.load_s, slow.total_s) == (1200.0, 600.0, 12 * 3600.0)


def test_a_shorter_limit_per_image_leaves_the_others() -> None:
    assert Deadlines.per_image(10.0) == Deadlines(image_s=10.0)
