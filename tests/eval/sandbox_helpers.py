"""Run a piece of Python inside a sandbox and look at what it printed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from eval.sandbox import CPU_LIMITS, Confined, Level, Limits, View, spawn

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60.0
# Finds the lockdown without listing the repository's root, as the worker does
PRELUDE = f"""
import ctypes, os, resource, signal, socket, subprocess, sys, threading, time, types
for _name in ("eval", "eval.filters"):
    _package = sys.modules[_name] = types.ModuleType(_name)
    _package.__path__ = [os.path.join({str(ROOT)!r}, *_name.split("."))]
from eval.filters.lockdown import lock
"""


def start(
    level: Level,
    code: str,
    view: View | None = None,
    limits: Limits = CPU_LIMITS,
    pass_fds: Sequence[int] = (),
    env: Mapping[str, str] | None = None,
) -> Confined:
    """Start this interpreter without site packages on `code`."""
    argv = [sys.executable, "-I", "-S", "-B", "-c", PRELUDE + code]
    return spawn(level, argv, view, limits, pass_fds, env)


def run(level: Level, code: str, view: View | None = None, limits: Limits = CPU_LIMITS) -> tuple[int, str]:
    """Exit status and output of `code`, run to its end."""
    with start(level, code, view, limits) as confined:
        status = confined.wait(TIMEOUT_S)
    return status, confined.output().decode(errors="replace")
