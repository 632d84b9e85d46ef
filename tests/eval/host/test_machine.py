"""The description of the machine, from copies of /proc and /etc and a stand-in for NVML."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.host import machine
from eval.host.machine import describe_machine, machine_record
from tests.eval.fake_nvml import install, without_gpu
from tests.eval.host.helpers import gpu_of, write


def test_description_from_files(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/cpuinfo": "processor\t: 0\nmodel name\t: Imaginary 9000\n",
            "proc/meminfo": "MemTotal:       2097152 kB\nMemAvailable:   1048576 kB\n",
            "etc/os-release": 'NAME="X"\nPRETTY_NAME="Imaginary Linux 3"\n',
        },
    )
    found = describe_machine(root=root)
    assert (found.cpu, found.memory_mib, found.system) == ("Imaginary 9000", 2048.0, "Imaginary Linux 3")
    assert 1 <= found.usable_cores <= found.cores
    assert found.gpu is None


def test_description_of_a_bare_system_still_works(tmp_path: Path) -> None:
    found = describe_machine(root=tmp_path)
    assert found.cpu and found.system
    assert found.memory_mib is None


def test_record_form_is_plain_json(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    record = machine_record(gpu_of("cuda:0"))
    assert json.loads(json.dumps(record))["gpu"]["name"] == "NVIDIA H200"
    assert record["packages"]["numpy"]
    assert "torch" not in vars(machine)


def test_without_a_driver_the_record_has_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    device = gpu_of("cuda:0")
    without_gpu(monkeypatch)
    assert machine_record(device)["gpu"] is None
