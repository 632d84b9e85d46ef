"""The second filter. The worker applies it after `import torch` and before it loads the team's module."""

from __future__ import annotations

from eval.filters import seccomp, seccomp_rules


def lock() -> str:
    """Forbid new processes and programs in every thread. New threads stay possible.

    Returns "" if the filter is in force, otherwise the reason. At levels bwrap and landlock a reason means that the
    sandbox failed, and the team's code must not be loaded. At level process it is only noted.
    """
    try:
        seccomp.install_filter(seccomp_rules.assemble(seccomp_rules.stage2()))
    except OSError as error:
        return f"no lockdown: {error.strerror or error}"
    return ""
