"""The command `python -m eval.host`."""

from __future__ import annotations

import pytest

from eval.host import __main__ as command
from eval.host.environment_check import Check
from tests.eval.fake_nvml import without_gpu


def test_command_prints_each_check_and_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_gpu(monkeypatch)
    checks = [Check("one", "pass", "fine"), Check("two", "fail", "bad", "mend it")]
    monkeypatch.setattr(command, "check_environment", lambda _gpu: checks)
    assert command.main(["--device", "cpu"]) == 1
    assert capsys.readouterr().out == "pass    one: fine\nfail    two: bad\n        remedy: mend it\n"
    monkeypatch.setattr(command, "check_environment", lambda _gpu: checks[:1])
    assert command.main([]) == 0


def test_command_refuses_an_unknown_device(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_gpu(monkeypatch)
    assert command.main(["--device", "tpu"]) == 2
    assert capsys.readouterr().err == "--device: 'tpu' is none of auto, cpu, cuda:N\n"
