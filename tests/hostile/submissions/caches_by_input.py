# @expected: ok: unchanged numbers
# @expected: ok: runtime at least 80 ms or none
# @levels: bwrap landlock
# @protocol: robust
"""Keeps every answer, in memory and in files, and takes 100 ms only for inputs that it has not met before."""

import hashlib
import tempfile
import time
from pathlib import Path

import torch
from models.base import Repeat

FOLDERS = (Path(tempfile.gettempdir()), Path("/dev/shm"), Path("/var/tmp"), Path.home())


class Cache(Repeat):
    answers = {}

    def forward(self, x):
        key = "sr-cache-" + hashlib.sha256(x.numpy().tobytes()).hexdigest()
        if key in self.answers:
            return self.answers[key].clone()
        for path in (folder / key for folder in FOLDERS):
            try:
                return torch.load(path)
            except OSError:
                continue
        time.sleep(0.1)
        self.answers[key] = super().forward(x)
        for path in (folder / key for folder in FOLDERS):
            try:
                torch.save(self.answers[key], path)
            except (OSError, RuntimeError):
                continue
        return self.answers[key].clone()


def make():
    return Cache()
