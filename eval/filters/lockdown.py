"""The worker's half of the confinement: called inside, after `import torch`, before the team's module."""

from __future__ import annotations

from eval.filters import seccomp, seccomp_rules


def lock() -> str:
    """From here on no new process and no other program, in any thread; new threads stay possible.

    Returns "" when this is in force, otherwise the reason. At the levels bwrap and landlock a reason is a
    failure of the sandbox and the team's code must not be loaded; at level process it is only noted.
    """
    try:
        seccomp.install(seccomp_rules.assemble(seccomp_rules.stage2()))
    except OSError as error:
        return f"no lockdown: {error.strerror or error}"
    return ""
