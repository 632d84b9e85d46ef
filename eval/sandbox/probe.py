"""Which levels work on this machine. Each is tried; no version number decides."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from data.errors import InputError
from eval.sandbox.limits import CPU_LIMITS, MIB, Level, View
from eval.sandbox.start import spawn

PROBE_TIMEOUT_S = 20.0
WORKS = b"the sandbox works"
# Runs inside. It must be unable to read a file of the user's, to make a network socket, and after lock() a process.
CHECK = f"""
import os, socket, sys, types
for name in ("eval", "eval.filters"):  # Landlock does not let the repository's root be searched for packages
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [os.path.join(sys.argv[1], *name.split("."))]
from eval.filters.lockdown import lock
def refused(action):
    try:
        action()
    except OSError:
        return True
    return False
reason = lock()
confined = sys.argv[2] != "process"
if confined and reason:
    sys.exit(reason)
if confined and not refused(lambda: open(sys.argv[3])):
    sys.exit("files outside the view can be read")
if confined and not refused(lambda: socket.socket(socket.AF_INET)):
    sys.exit("network sockets can be made")
if not reason and not refused(os.fork):
    sys.exit("processes can be made after the lockdown")
print({WORKS.decode()!r})
"""


@dataclass(frozen=True)
class Trial:
    """Result of trying a level: why it does not work (empty if it does), and how it is held here."""

    reason: str
    note: str = ""


@cache
def trial(level: Level) -> Trial:
    """Try the level, once in this process."""
    root = Path(__file__).resolve().parents[2]
    limits = replace(CPU_LIMITS, memory_bytes=512 * MIB)
    with tempfile.NamedTemporaryFile() as secret:
        os.chmod(secret.name, 0o644)  # the sandbox must hide it, not the file's mode
        argv = [sys.executable, "-I", "-S", "-B", "-c", CHECK, str(root), level.value, secret.name]
        try:
            with spawn(level, argv, View(), limits) as confined:
                status = confined.wait(PROBE_TIMEOUT_S)
        except (OSError, RuntimeError, InputError) as error:
            return Trial(str(error))
        text = confined.output()
    if status == 0 and text.strip() == WORKS:
        return Trial("", confined.note)
    lines = text.decode(errors="replace").strip().splitlines()
    return Trial(lines[-1] if lines else f"ended with status {status}")


def why_not(level: Level) -> str:
    """Empty if the level works here, otherwise the reason in one line."""
    return trial(level).reason


def choose_level(requested: str) -> tuple[Level, str]:
    """The level for `requested` ("auto", "bwrap", "landlock", "process") and a sentence on what was found.

    "auto" means the strongest level that works. Raises InputError for an unknown name or a level that does not work.
    """
    names = [level.value for level in Level]
    if requested in names:
        level = Level(requested)
        if why_not(level):
            raise InputError(
                f"--sandbox {requested}: does not work here ({why_not(level)}); expected another, or auto"
            )
        return level, f"{level} as requested: {trial(level).note}"
    if requested != "auto":
        raise InputError(f"--sandbox: {requested!r}; expected auto, {', '.join(names)}")
    missing: list[str] = []
    for level in Level:
        reason = why_not(level)
        if not reason:
            return level, "; ".join([f"{level} works here: {trial(level).note}", *missing])
        missing.append(f"{level} does not ({reason})")
    raise InputError(f"--sandbox auto: no level works here: {'; '.join(missing)}")
