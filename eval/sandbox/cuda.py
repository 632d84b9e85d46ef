"""Device nodes and driver files that a CUDA process needs (SECURITY.md says where this was tested)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from eval.host.gpu import Device

# The driver's entry point and the libraries that it opens by name. The CUDA runtime is in torch's wheel.
DRIVER_LIBRARIES = re.compile(
    r"lib(cuda|nvidia-ptxjitcompiler|nvidia-nvvm\d*|nvidia-gpucomp|nvidia-ml|nvidia-allocator|cudadebugger)\.so"
)
# nvidia-modeset and /dev/dri are left out: they are for displays. Driver 570 and later open uvm-tools.
SHARED_NODES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")


def devices(gpu: Device, dev: Path = Path("/dev")) -> list[Path]:
    """Device nodes of this GPU alone. Those of other GPUs do not exist inside."""
    own = () if gpu.minor is None else (f"nvidia{gpu.minor}",)
    nodes = [dev / name for name in (*SHARED_NODES, *own, "dxg")]
    capabilities = dev / "nvidia-caps"
    if capabilities.is_dir():
        nodes += sorted(capabilities.iterdir())
    return [node for node in nodes if node.exists()]


def parse_ldconfig(text: str) -> list[Path]:
    """Paths of the driver's libraries in the output of `ldconfig -p`."""
    found = []
    for line in text.splitlines():
        name, _, path = line.strip().partition(" => ")
        if path and DRIVER_LIBRARIES.match(name):
            found.append(Path(path))
    return found


def libraries() -> list[Path]:
    """The driver's libraries: links, and the files that they lead to."""
    for command in ("ldconfig", "/sbin/ldconfig"):
        try:
            result = subprocess.run([command, "-p"], capture_output=True, text=True, check=False, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            continue
        found = parse_ldconfig(result.stdout)
        return [target for path in found for target in (path, path.resolve())]
    return []


def system_files(sys_root: Path = Path("/sys")) -> list[Path]:
    """Parts of /sys in which the driver's library finds the device and its place."""
    wanted = [*sorted((sys_root / "module").glob("nvidia*")), sys_root / "bus/pci/devices"]
    for device in sorted((sys_root / "bus/pci/devices").glob("*")):
        vendor = device / "vendor"
        if vendor.is_file() and vendor.read_text(encoding="ascii").strip() == "0x10de":
            wanted.append(device.resolve())
    return [path for path in wanted if path.exists()]
