"""What tests of the host share: files below a made-up root, and GPUs of the NVML stand-in."""

from __future__ import annotations

from pathlib import Path

from eval.host.gpu import Device, find_gpu


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
