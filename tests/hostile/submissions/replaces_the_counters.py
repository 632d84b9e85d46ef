# @expected: ok: unchanged numbers
# @expected: ok: unchanged counts
# @default: yes
"""Puts modules of its own in the place of fvcore and thop, which count one operation for everything."""

import sys
import types

from models.base import Repeat


class Analysis:
    def __init__(self, *_inputs):
        pass

    def __getattr__(self, _name):
        return lambda *_arguments: self

    def total(self):
        return 1

    def unsupported_ops(self):
        return {}


def make():
    for name in [name for name in sys.modules if name.partition(".")[0] in ("fvcore", "thop")]:
        del sys.modules[name]
    for name, content in (
        ("fvcore.nn", {"FlopCountAnalysis": Analysis}),
        ("thop.profile", {"register_hooks": {}}),
    ):
        package = name.partition(".")[0]
        sys.modules[package] = types.ModuleType(package)
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(content)
    return Repeat()
