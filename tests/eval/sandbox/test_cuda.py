"""Which nodes and files a CUDA sandbox is shown, on a made-up /dev and /sys; a real one with -m gpu."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eval.sandbox import Device, View, choose_level, cuda, find_gpu, limits_of, spawn
from tests.eval.sandbox_helpers import PRELUDE

LDCONFIG = """1843 libs found in cache `/etc/ld.so.cache'
\tlibcuda.so.1 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libcuda.so.1
\tlibcudart.so.12 (libc6,x86-64) => /usr/local/cuda/lib64/libcudart.so.12
\tlibnvidia-ml.so.1 (libc6,x86-64) => /opt/driver/libnvidia-ml.so.1
\tlibnvidia-ptxjitcompiler.so.1 (libc6,x86-64) => /opt/driver/libnvidia-ptxjitcompiler.so.1
\tlibnvidia-glcore.so.570 (libc6,x86-64) => /opt/driver/libnvidia-glcore.so.570
"""


def test_only_the_requested_gpu_is_shown(tmp_path: Path) -> None:
    names = [
        "nvidiactl",
        "nvidia-uvm",
        "nvidia-uvm-tools",
        "nvidia-modeset",
        "nvidia0",
        "nvidia1",
        "nvidia10",
    ]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "nvidia-caps").mkdir()
    (tmp_path / "nvidia-caps" / "nvidia-cap1").touch()
    shown = [str(path.relative_to(tmp_path)) for path in cuda.devices(Device(0, "GPU-aa", 1, None), tmp_path)]
    assert shown == ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia1", "nvidia-caps/nvidia-cap1"]


def test_driver_libraries_are_found_and_toolkit_and_display_are_not() -> None:
    names = [path.name for path in cuda.parse_ldconfig(LDCONFIG)]
    assert names == ["libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1"]


def test_only_nvidia_devices_of_the_bus_are_shown(tmp_path: Path) -> None:
    bus = tmp_path / "bus/pci/devices"
    for name, vendor in (("0000:01:00.0", "0x10de"), ("0000:02:00.0", "0x8086")):
        device = tmp_path / "devices/pci0000:00" / name
        device.mkdir(parents=True)
        (device / "vendor").write_text(vendor + "\n", encoding="ascii")
        bus.mkdir(parents=True, exist_ok=True)
        (bus / name).symlink_to(device)
    (tmp_path / "module/nvidia_uvm").mkdir(parents=True)
    shown = [str(path.relative_to(tmp_path)) for path in cuda.system_files(tmp_path)]
    assert shown == ["module/nvidia_uvm", "bus/pci/devices", "devices/pci0000:00/0000:01:00.0"]


@pytest.mark.gpu
def test_kernel_runs_inside() -> None:
    code = """
import torch
torch.zeros(1, device="cuda")
assert lock() == ""
layer = torch.nn.Conv2d(3, 8, 3).cuda()
print(layer(torch.ones(1, 3, 64, 64, device="cuda")).shape)
"""
    level, _ = choose_level("auto")
    gpu = find_gpu("cuda:0")
    argv = [sys.executable, "-I", "-B", "-c", PRELUDE + code]
    with spawn(level, argv, View(gpu=gpu), limits_of(gpu, 600.0)) as confined:
        status = confined.wait(120)
    assert status == 0, confined.output().decode(errors="replace")
