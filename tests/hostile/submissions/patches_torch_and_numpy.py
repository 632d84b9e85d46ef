# @expected: ok: unchanged numbers
"""Replaces the PSNR code, cv2 and numpy functions by ones that are always satisfied."""

import importlib
import sys

from models.base import Repeat


def make():
    for name, functions in (
        ("numpy", ("mean", "square", "subtract", "log10", "array_equal", "copyto")),
        ("cv2", ("PSNR", "absdiff", "norm")),
        ("math", ("log10",)),
        ("torch.nn.functional", ("mse_loss",)),
    ):
        module = importlib.import_module(name)
        for function in functions:
            if function != "copyto":
                setattr(module, function, lambda *_args, **_kwargs: 0.0)
    for module in list(sys.modules.values()):
        for function in ("calculate_psnr", "psnr", "score"):
            if hasattr(module, function):
                setattr(module, function, lambda *_args, **_kwargs: 100.0)
    return Repeat()
