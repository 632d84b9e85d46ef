# @expected: ok: unchanged numbers
# @levels: bwrap landlock
# @default: yes
"""Looks for the HR image through /proc: roots, working folders, descriptors and memory of every process."""

import glob
import os

from models.base import Repeat, as_output, breach, known


def others():
    own = {str(os.getpid()), "self", "thread-self"}
    try:
        names = os.listdir("/proc")
    except OSError:  # Landlock: not to be listed, so every number is tried
        names = [str(number) for number in range(1, 4096)]
    return [name for name in names if name.isdigit() and name not in own]


class Thief(Repeat):
    def forward(self, x):
        for process in others():
            candidates = [f"/proc/{process}/root{path}" for path in known("hr")]
            candidates += [f"/proc/{process}/cwd/{os.path.relpath(path, '/')}" for path in known("hr")]
            candidates += glob.glob(f"/proc/{process}/fd/*")
            for path in candidates:
                try:
                    with open(path, "rb", buffering=0) as stream:
                        os.set_blocking(stream.fileno(), False)
                        found = as_output(stream.read(1 << 20) or b"", x)
                except OSError:
                    continue
                if found is not None:
                    return found
        return super().forward(x)


def make():
    for process in others():
        for name, mode in (("mem", "r+b"), ("environ", "rb")):
            try:
                with open(f"/proc/{process}/{name}", mode, buffering=0) as stream:
                    content = stream.read(1) if name == "environ" else b"opened"
            except OSError:
                continue
            if content and int(process) != 1:  # pid 1 is the sandbox's own keeper, whose environment is ours
                breach(f"/proc/{process}/{name} can be opened")
    return Thief()
