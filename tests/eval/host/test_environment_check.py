"""Graded checks of the machine, on copies of /proc and /sys and a stand-in for NVML."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.host.environment_check import Check, check_environment
from tests.eval.fake_nvml import NvmlError, install, without_gpu
from tests.eval.host.helpers import gpu_of, write


def grades(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.grade for check in checks}


GOOD = {
    "proc/loadavg": "0.00 0.10 0.20 1/100 999\n",
    "proc/meminfo": "MemTotal: 8388608 kB\nMemAvailable: 6291456 kB\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance\n",
    "sys/devices/system/cpu/intel_pstate/no_turbo": "1\n",
    "sys/fs/cgroup/cpu.max": "max 100000\n",
}


def test_quiet_machine_passes(tmp_path: Path) -> None:
    checks = check_environment(root=write(tmp_path, GOOD))
    assert set(grades(checks).values()) == {"pass"}
    assert all(check.remedy == "" for check in checks)


@pytest.mark.parametrize(
    ("file", "text", "name", "grade", "remedy"),
    [
        (
            "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor",
            "powersave",
            "CPU frequency governor",
            "caution",
            "cpupower",
        ),
        ("sys/devices/system/cpu/intel_pstate/no_turbo", "0", "CPU turbo", "caution", "echo 1"),
        ("proc/loadavg", "9999.0 1 1 1/1 1", "load average", "fail", "stop other programs"),
        ("proc/loadavg", "nonsense", "load average", "skipped", ""),
        ("sys/fs/cgroup/cpu.max", "50000 100000", "CPU quota", "caution", "without a CPU quota"),
        (
            "proc/meminfo",
            "MemTotal: 8388608 kB\nMemAvailable: 1024 kB\n",
            "free memory",
            "fail",
            "close other programs",
        ),
    ],
)
def test_each_trouble_has_its_grade_and_remedy(
    tmp_path: Path, file: str, text: str, name: str, grade: str, remedy: str
) -> None:
    checks = check_environment(root=write(tmp_path, {**GOOD, file: text}))
    (check,) = [check for check in checks if check.name == name]
    assert check.grade == grade
    assert remedy in check.remedy
    assert [other.grade for other in checks if other.name != name] == ["pass"] * 4


def test_unreadable_system_is_skipped_not_passed(tmp_path: Path) -> None:
    assert set(grades(check_environment(root=tmp_path)).values()) == {"skipped"}


def test_gpu_checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, nvmlDeviceGetPersistenceMode=0, nvmlDeviceGetCurrentClocksThrottleReasons=0x44)
    checks = {c.name: c for c in check_environment(gpu_of("cuda:0"), root=tmp_path)}
    assert checks["other GPU users"].grade == "fail"
    assert checks["other GPU users"].found == "1 process(es): 11"
    assert checks["GPU persistence mode"].remedy == "sudo nvidia-smi -pm 1"
    assert checks["GPU clocks"].found == "power cap, hardware thermal slowdown at 1500 of 1980 MHz"
    own = grades(check_environment(gpu_of("cuda:0"), own_pids=frozenset({11}), root=tmp_path))
    assert own["other GPU users"] == "pass"


def test_missing_gpu_is_a_skipped_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch)
    device = gpu_of("cuda:0")
    without_gpu(monkeypatch)
    assert grades(check_environment(device, root=tmp_path))["GPU"] == "skipped"


def test_refused_figures_are_skipped_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ("CurrentClocksThrottleReasons", "ComputeRunningProcesses", "PersistenceMode")
    install(monkeypatch, **{f"nvmlDeviceGet{name}": NvmlError("not supported") for name in refused})
    assert set(grades(check_environment(gpu_of("cuda:0"))).values()) >= {"skipped"}
