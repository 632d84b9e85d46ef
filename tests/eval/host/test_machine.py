"""Description and checks of the machine, on copies of /proc and /sys and a stand-in for NVML."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import InputError
from eval.host import machine
from eval.host.gpu import Device, find_gpu, visible
from tests.eval.fake_nvml import NvmlError, install, without_gpu


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def gpu_of(name: str) -> Device:
    device = find_gpu(name)
    assert device is not None
    return device


def grades(checks: list[machine.Check]) -> dict[str, str]:
    return {check.name: check.grade for check in checks}


def test_description_from_files(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/cpuinfo": "processor\t: 0\nmodel name\t: Imaginary 9000\n",
            "proc/meminfo": "MemTotal:       2097152 kB\nMemAvailable:   1048576 kB\n",
            "etc/os-release": 'NAME="X"\nPRETTY_NAME="Imaginary Linux 3"\n',
        },
    )
    found = machine.describe_machine(root=root)
    assert (found.cpu, found.memory_mib, found.system) == ("Imaginary 9000", 2048.0, "Imaginary Linux 3")
    assert 1 <= found.usable_cores <= found.cores
    assert found.gpu is None


def test_description_of_a_bare_system_still_works(tmp_path: Path) -> None:
    found = machine.describe_machine(root=tmp_path)
    assert found.cpu and found.system
    assert found.memory_mib is None


def test_record_form_is_plain_json(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    record = machine.describe(gpu_of("cuda:0"))
    assert json.loads(json.dumps(record))["gpu"]["name"] == "NVIDIA H200"
    assert record["packages"]["numpy"]
    assert "torch" not in vars(machine)


def test_gpu_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch)
    gpu = machine.read_gpu(gpu_of("cuda:1"))
    assert gpu is not None
    assert (gpu.index, gpu.name, gpu.driver) == (1, "NVIDIA H200", "570.1")
    assert (gpu.memory_total_mib, gpu.memory_used_mib) == (141 * 1024, 2048)
    assert (gpu.clock_sm_mhz, gpu.clock_sm_max_mhz, gpu.power_w, gpu.power_limit_w) == (
        1500,
        1980,
        120.5,
        700,
    )
    assert (gpu.throttle, gpu.process_ids, gpu.persistence) == (("gpu idle",), (11,), True)
    assert fake.opened == fake.shut_down > 0


def test_refused_figures_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ("MemoryInfo", "CurrentClocksThrottleReasons", "ComputeRunningProcesses", "PersistenceMode")
    install(monkeypatch, **{f"nvmlDeviceGet{name}": NvmlError("not supported") for name in refused})
    gpu = machine.read_gpu(gpu_of("cuda:0"))
    assert gpu is not None and gpu.name == "NVIDIA H200"
    assert (gpu.memory_used_mib, gpu.throttle, gpu.process_ids, gpu.persistence) == (None,) * 4
    assert set(grades(machine.check_environment(gpu_of("cuda:0"))).values()) >= {"skipped"}


def test_no_driver_means_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    device = gpu_of("cuda:0")
    without_gpu(monkeypatch)
    assert visible() == []
    assert machine.read_gpu(device) is None
    assert machine.describe(device)["gpu"] is None


def test_throttle_names() -> None:
    assert machine.throttle_names(0) == ()
    assert machine.throttle_names(0x44) == ("power cap", "hardware thermal slowdown")
    assert machine.throttle_names(0x1001) == ("gpu idle", "0x1000")


@pytest.mark.parametrize(
    ("wanted", "device"), [("auto", "cuda:0"), ("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1")]
)
def test_device_with_gpus(monkeypatch: pytest.MonkeyPatch, wanted: str, device: str) -> None:
    install(monkeypatch)
    monkeypatch.setattr(machine, "package_versions", lambda: {"torch": "2.15.0"})
    assert machine.choose_device(wanted) == device


def test_auto_without_gpu_or_with_a_cpu_build_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    without_gpu(monkeypatch)
    assert machine.choose_device("auto") == "cpu"
    install(monkeypatch)
    monkeypatch.setattr(machine, "package_versions", lambda: {"torch": "2.15.0+cpu"})
    assert machine.choose_device("auto") == "cpu"


@pytest.mark.parametrize("wanted", ["gpu", "cuda:", "cuda:x", "CPU", ""])
def test_unknown_device_is_refused(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    install(monkeypatch)
    with pytest.raises(InputError, match=r"--device: .* is none of auto, cpu, cuda:N"):
        machine.choose_device(wanted)


def test_missing_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(
        InputError, match="--device: 'cuda:3' is not there: this machine has cuda:0 to cuda:2"
    ):
        machine.choose_device("cuda:3")
    without_gpu(monkeypatch)
    with pytest.raises(InputError, match="NVML finds no NVIDIA GPU here"):
        machine.choose_device("cuda:0")


GOOD = {
    "proc/loadavg": "0.00 0.10 0.20 1/100 999\n",
    "proc/meminfo": "MemTotal: 8388608 kB\nMemAvailable: 6291456 kB\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance\n",
    "sys/devices/system/cpu/intel_pstate/no_turbo": "1\n",
    "sys/fs/cgroup/cpu.max": "max 100000\n",
}


def test_quiet_machine_passes(tmp_path: Path) -> None:
    checks = machine.check_environment(root=write(tmp_path, GOOD))
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
    checks = machine.check_environment(root=write(tmp_path, {**GOOD, file: text}))
    (check,) = [check for check in checks if check.name == name]
    assert check.grade == grade
    assert remedy in check.remedy
    assert [other.grade for other in checks if other.name != name] == ["pass"] * 4


def test_unreadable_system_is_skipped_not_passed(tmp_path: Path) -> None:
    assert set(grades(machine.check_environment(root=tmp_path)).values()) == {"skipped"}


def test_gpu_checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, nvmlDeviceGetPersistenceMode=0, nvmlDeviceGetCurrentClocksThrottleReasons=0x44)
    checks = {c.name: c for c in machine.check_environment(gpu_of("cuda:0"), root=tmp_path)}
    assert checks["other GPU users"].grade == "fail"
    assert checks["other GPU users"].found == "1 process(es): 11"
    assert checks["GPU persistence mode"].remedy == "sudo nvidia-smi -pm 1"
    assert checks["GPU clocks"].found == "power cap, hardware thermal slowdown at 1500 of 1980 MHz"
    own = grades(machine.check_environment(gpu_of("cuda:0"), own_pids=frozenset({11}), root=tmp_path))
    assert own["other GPU users"] == "pass"


def test_missing_gpu_is_a_skipped_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch)
    device = gpu_of("cuda:0")
    without_gpu(monkeypatch)
    assert grades(machine.check_environment(device, root=tmp_path))["GPU"] == "skipped"


def test_disturbances_of_a_timing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    before = machine.read_gpu(gpu_of("cuda:0"))
    install(monkeypatch, nvmlDeviceGetCurrentClocksThrottleReasons=0x20)
    after = machine.read_gpu(gpu_of("cuda:0"))
    assert machine.timing_disturbances(before, before, frozenset({11})) == []
    assert machine.timing_disturbances(None, None, frozenset()) == []
    assert machine.timing_disturbances(before, after, frozenset()) == [
        "1 other process(es) on the GPU before the timing pass",
        "clocks lowered after the timing pass: software thermal slowdown",
        "1 other process(es) on the GPU after the timing pass",
    ]


def test_command_prints_each_check_and_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_gpu(monkeypatch)
    checks = [machine.Check("one", "pass", "fine"), machine.Check("two", "fail", "bad", "mend it")]
    monkeypatch.setattr(machine, "check_environment", lambda _gpu: checks)
    assert machine.main(["--device", "cpu"]) == 1
    assert capsys.readouterr().out == "pass    one: fine\nfail    two: bad\n        remedy: mend it\n"
    monkeypatch.setattr(machine, "check_environment", lambda _gpu: checks[:1])
    assert machine.main([]) == 0


def test_command_refuses_an_unknown_device(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_gpu(monkeypatch)
    assert machine.main(["--device", "tpu"]) == 2
    assert capsys.readouterr().err == "--device: 'tpu' is none of auto, cpu, cuda:N\n"
