"""One GPU is meant everywhere: by the record, the device node and the worker, at every level."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from data.errors import InputError
from eval import sandbox
from eval.failures import SubmissionFailed
from eval.harness import worker_process, worker_setup
from eval.host import gpu
from eval.host.gpu import (
    Device,
    GpuMemory,
    choose_device,
    find_gpu,
    visible,
)
from eval.host.gpu_state import read_gpu
from eval.sandbox import CPU_LIMITS, CUDA_LIMITS, Confined, Level, View, cuda
from eval.submissions.catalogue import find_manifest
from eval.submissions.native import native
from tests.eval.fake_nvml import GIB, MINORS, SLICE, UUIDS, NvmlError, install, without_gpu
from tests.eval.sandbox_helpers import run

THIRD = Device(2, UUIDS[2], MINORS[2], 141 * GIB)


@pytest.mark.parametrize(
    ("chosen", "indices"),
    [
        (None, [0, 1, 2]),
        ("2", [2]),
        ("2,0", [2, 0]),
        ("GPU-bb22", [1]),
        ("GPU-a, 1", [0, 1]),
        ("GPU-b", []),  # two begin so
        ("", []),
        ("-1", []),
        ("1,-1,0", [1]),  # CUDA stops there
        ("7", []),
        ("MIG-none", []),
    ],
)
def test_the_callers_choice_is_followed(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, indices: list[int]
) -> None:
    install(monkeypatch)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert [device.index for device in visible()] == indices
    for number, index in enumerate(indices):
        assert find_gpu(f"cuda:{number}") == Device(index, UUIDS[index], MINORS[index], 141 * GIB)
    with pytest.raises(InputError, match="is not there"):
        find_gpu(f"cuda:{len(indices)}")


def test_node_figures_and_worker_mean_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    device = find_gpu("cuda:0")
    assert device == THIRD
    for minor in MINORS:
        (tmp_path / f"nvidia{minor}").touch()
    assert [path.name for path in cuda.devices(device, tmp_path)] == ["nvidia1"]
    state = read_gpu(device)
    assert state is not None and state.index == 2


def test_a_slice_has_the_node_of_its_gpu_and_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", SLICE)
    device = find_gpu("cuda:0")
    assert device == Device(1, SLICE, MINORS[1], 141 * GIB)
    assert read_gpu(device) is None


def test_a_gpu_that_cannot_be_named_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, nvmlDeviceGetCount=4)
    assert [device.index for device in visible()] == [0, 1, 2]


@pytest.mark.parametrize(("view", "seen"), [(View(gpu=THIRD), UUIDS[2]), (View(), "")])
def test_cuda_is_told_inside(level: Level, view: View, seen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert run(level, "print(os.environ['CUDA_VISIBLE_DEVICES'])", view) == (0, f"{seen}\n")


def test_the_worker_is_given_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[View] = []

    def refuse(_level: Level, _argv: list[str], view: View, *_rest: object) -> Confined:
        seen.append(view)
        raise InputError("looked at")

    monkeypatch.setattr(sandbox, "spawn", refuse)
    setup = worker_setup.Setup("cuda:0", 4, 64, Level.PROCESS, CUDA_LIMITS, gpu=THIRD)
    with pytest.raises(SubmissionFailed, match="looked at"):
        worker_process.WorkerProcess(native(find_manifest("0")), setup)
    assert [view.gpu for view in seen] == [THIRD]


def test_limits_of_a_worker() -> None:
    cores = len(os.sched_getaffinity(0))
    plain = sandbox.limits_of(None, 100.5)
    assert (plain.cpu_s, plain.gpu_memory_bytes) == (-(-201 * cores // 2), 0)
    assert plain.memory_bytes == CPU_LIMITS.memory_bytes
    large = sandbox.limits_of(THIRD, 100.0)
    assert large.gpu_memory_bytes == 141 * GIB - 141 * GIB // 16
    assert large.memory_bytes == CUDA_LIMITS.memory_bytes
    assert sandbox.limits_of(Device(0, "GPU-a", 0, 4 * GIB), 1.0).gpu_memory_bytes == 7 * GIB // 2
    assert sandbox.limits_of(Device(0, "GPU-a", 0, None), 1.0).gpu_memory_bytes == 0, "not known, not limited"
    assert sandbox.limits_of(None, float("inf")).cpu_s < 2**31


def test_memory_is_by_process_or_the_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch)
    memory = GpuMemory(THIRD)
    assert memory.used_by([11, 12]) == GIB // 2
    fake.answers["nvmlDeviceGetMemoryInfo"] = SimpleNamespace(total=141 * GIB, used=5 * GIB)
    assert memory.used_by([12]) == 3 * GIB
    fake.answers["nvmlDeviceGetComputeRunningProcesses"] = NvmlError("not supported")
    assert memory.used_by([11]) == 3 * GIB
    fake.answers["nvmlDeviceGetMemoryInfo"] = NvmlError("lost")
    assert memory.used_by([11]) == 0
    memory.close()
    assert fake.opened == fake.shut_down == 1
    with pytest.raises(OSError, match="does not tell"):
        GpuMemory(THIRD)


@pytest.mark.parametrize(
    ("wanted", "device"), [("auto", "cuda:0"), ("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1")]
)
def test_device_with_gpus(monkeypatch: pytest.MonkeyPatch, wanted: str, device: str) -> None:
    install(monkeypatch)
    monkeypatch.setattr(gpu, "package_versions", lambda: {"torch": "2.15.0"})
    assert choose_device(wanted) == device


def test_auto_without_gpu_or_with_a_cpu_build_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    without_gpu(monkeypatch)
    assert choose_device("auto") == "cpu"
    install(monkeypatch)
    monkeypatch.setattr(gpu, "package_versions", lambda: {"torch": "2.15.0+cpu"})
    assert choose_device("auto") == "cpu"


@pytest.mark.parametrize("wanted", ["gpu", "cuda:", "cuda:x", "CPU", ""])
def test_unknown_device_is_refused(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    install(monkeypatch)
    with pytest.raises(InputError, match=r"--device: .* is none of auto, cpu, cuda:N"):
        choose_device(wanted)


def test_missing_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(
        InputError, match="--device: 'cuda:3' is not there: this machine has cuda:0 to cuda:2"
    ):
        choose_device("cuda:3")
    without_gpu(monkeypatch)
    with pytest.raises(InputError, match="NVML finds no NVIDIA GPU here"):
        choose_device("cuda:0")
