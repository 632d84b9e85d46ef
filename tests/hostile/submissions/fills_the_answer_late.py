# @expected: ok: other numbers
"""Answers black at once and lets a thread compute the image half a second later, into the tensor and the slot."""

import os
import threading
import time

import torch
from models.base import DESCRIPTORS, Repeat


class Late(Repeat):
    def forward(self, x):
        x, y = x.clone(), torch.zeros(1, 3, 4 * x.shape[-2], 4 * x.shape[-1])

        def fill():
            time.sleep(0.5)
            image = super(Late, self).forward(x)
            y.copy_(image)
            values = image[0].contiguous().numpy().tobytes()
            for descriptor in DESCRIPTORS:
                try:
                    if "memfd:answer" in os.readlink(f"/proc/self/fd/{descriptor}"):
                        os.pwrite(descriptor, values, 0)
                except OSError:
                    continue

        threading.Thread(target=fill, daemon=True).start()
        return y


def make():
    return Late()
